//! Accounts: who belongs to whom and who shares, each from a date on.
//!
//! Rule A5 asks three things of a month: whose pool a credit is in, which accounts belong to a
//! payer, and whether an account shared on the last day. All three are answered here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use thiserror::Error;

use crate::period::Month;

use super::dated::Dated;
use super::names::{AccountId, BillId};

/// A span of days during which an account was a member of a payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The payer account.
    pub payer: AccountId,
    /// First day of membership.
    pub joined: NaiveDate,
    /// Last day of membership; none: still a member.
    pub left: Option<NaiveDate>,
}

impl Membership {
    fn holds_on(&self, date: NaiveDate) -> bool {
        self.joined <= date && self.left.is_none_or(|left| date <= left)
    }

    fn touches(&self, month: Month) -> bool {
        self.joined <= month.last_day() && self.left.is_none_or(|left| month.first_day() <= left)
    }
}

/// What is on record of one account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// A name for people.
    pub name: Option<String>,
    /// ISO 3166 code of its country.
    pub country: Option<String>,
    /// What it is: `student`, `startup` and so on.
    pub attributes: BTreeSet<String>,
    /// Memberships, oldest first, never overlapping.
    pub memberships: Vec<Membership>,
    /// The sharing switch, from a day on.
    pub sharing: Dated<bool>,
}

/// A change to what is on record of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountChange {
    /// Whose.
    pub account: AccountId,
    /// Joins this payer, ending what membership there is the day before.
    pub joins: Option<(AccountId, NaiveDate)>,
    /// Ends the membership there is on this day.
    pub leaves: Option<NaiveDate>,
    /// Switches sharing from the entry's effective date on.
    pub sharing: Option<bool>,
    /// Sets the country.
    pub country: Option<String>,
    /// Adds attributes.
    pub attributes: BTreeSet<String>,
    /// Sets the name.
    pub name: Option<String>,
    /// Makes it the account that commands mean where none is named.
    pub default: bool,
}

/// Why a change to an account is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccountError {
    /// It would be its own member.
    #[error("account `{0}` cannot be its own payer")]
    OwnPayer(AccountId),
    /// A membership that began later is on record.
    #[error(
        "account `{account}` joined `{payer}` on {joined}, a membership cannot begin before that"
    )]
    JoinsBeforeThat {
        /// Whose membership.
        account: AccountId,
        /// Of the membership on record.
        payer: AccountId,
        /// Of the membership on record.
        joined: NaiveDate,
    },
    /// There is no membership to leave.
    #[error("account `{0}` is no member of a payer, it cannot leave one")]
    NotAMember(AccountId),
    /// The membership began after the day it would end.
    #[error("account `{account}` joined on {joined}, it cannot leave before that")]
    LeavesBeforeThat {
        /// Whose membership.
        account: AccountId,
        /// Its first day.
        joined: NaiveDate,
    },
}

impl Account {
    /// Makes a change, sharing from `effective` on.
    ///
    /// # Errors
    /// Memberships that would overlap, and leaving where there is nothing to leave.
    pub fn change(
        &mut self,
        change: &AccountChange,
        effective: NaiveDate,
    ) -> Result<(), AccountError> {
        if let Some((payer, joined)) = &change.joins {
            self.join(&change.account, payer, *joined)?;
        }
        if let Some(left) = change.leaves {
            self.leave(&change.account, left)?;
        }
        if let Some(on) = change.sharing {
            self.sharing.set(effective, on);
        }
        if change.country.is_some() {
            self.country.clone_from(&change.country);
        }
        if change.name.is_some() {
            self.name.clone_from(&change.name);
        }
        self.attributes.extend(change.attributes.iter().cloned());
        Ok(())
    }

    fn join(
        &mut self,
        account: &AccountId,
        payer: &AccountId,
        joined: NaiveDate,
    ) -> Result<(), AccountError> {
        if payer == account {
            return Err(AccountError::OwnPayer(account.clone()));
        }
        if let Some(last) = self.memberships.last_mut() {
            if joined < last.joined
                || (joined == last.joined && payer == &last.payer && last.left.is_some())
            {
                return Err(AccountError::JoinsBeforeThat {
                    account: account.clone(),
                    payer: last.payer.clone(),
                    joined: last.joined,
                });
            }
            if joined == last.joined {
                // The day is the same, so the payer on record was a mistake.
                last.payer = payer.clone();
                return Ok(());
            }
            if last.payer == *payer && last.left.is_none() {
                return Ok(());
            }
            if last.holds_on(joined) {
                last.left = joined.pred_opt();
            }
        }
        self.memberships.push(Membership {
            payer: payer.clone(),
            joined,
            left: None,
        });
        Ok(())
    }

    fn leave(&mut self, account: &AccountId, left: NaiveDate) -> Result<(), AccountError> {
        let last = self
            .memberships
            .last_mut()
            .ok_or_else(|| AccountError::NotAMember(account.clone()))?;
        if left < last.joined {
            return Err(AccountError::LeavesBeforeThat {
                account: account.clone(),
                joined: last.joined,
            });
        }
        last.left = Some(left);
        Ok(())
    }

    /// Whether account-level sharing is on at the end of a day; on where nothing is recorded.
    #[must_use]
    pub fn shares_on(&self, date: NaiveDate) -> bool {
        self.sharing.on(date).copied().unwrap_or(true)
    }

    /// The membership on a day.
    #[must_use]
    pub fn membership_on(&self, date: NaiveDate) -> Option<&Membership> {
        self.memberships
            .iter()
            .find(|membership| membership.holds_on(date))
    }
}

/// In whose pool an account's credits are in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// The pool of this payer, which may be the account itself.
    Payer(AccountId),
    /// Standalone on the 1st, a member from this day on: its credits pay its own usage of the
    /// days before, nothing else.
    OwnUntil(NaiveDate),
}

/// All accounts on record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accounts {
    /// By id.
    pub by_id: BTreeMap<AccountId, Account>,
}

impl Accounts {
    /// What is on record of an account.
    #[must_use]
    pub fn get(&self, id: &AccountId) -> Option<&Account> {
        self.by_id.get(id)
    }

    /// In whose pool the account's credits are in `month`. `implicit_payer` is the payer of the
    /// bill the account appears in: for that bill it is a member of it since the 1st, unless any
    /// membership of it is on record.
    #[must_use]
    pub fn home(&self, id: &AccountId, month: Month, implicit_payer: Option<&AccountId>) -> Home {
        let memberships = self.memberships(id);
        if memberships.is_empty() {
            return Home::Payer(implicit_payer.unwrap_or(id).clone());
        }
        let on_the_first = memberships.iter().find(|m| m.holds_on(month.first_day()));
        if let Some(membership) = on_the_first {
            return Home::Payer(membership.payer.clone());
        }
        match memberships.iter().find(|m| month.contains(m.joined)) {
            Some(membership) => Home::OwnUntil(membership.joined),
            None => Home::Payer(id.clone()),
        }
    }

    /// Whether the credits of an account are in the pool of a bill; nothing where that depends on
    /// whether the account appears in it.
    #[must_use]
    pub fn feeds(&self, id: &AccountId, bill: &BillId) -> Option<bool> {
        let in_pool = |implicit_payer| match self.home(id, bill.month, implicit_payer) {
            Home::Payer(payer) => payer == bill.payer,
            Home::OwnUntil(_) => *id == bill.payer,
        };
        let (alone, in_bill) = (in_pool(None), in_pool(Some(&bill.payer)));
        (alone == in_bill).then_some(alone)
    }

    /// Whether the account belongs to `payer` on any day of `month`, an account without any
    /// membership on record counting as a member of the bill it appears in.
    #[must_use]
    pub fn belongs(&self, id: &AccountId, payer: &AccountId, month: Month) -> bool {
        let memberships = self.memberships(id);
        id == payer
            || memberships.is_empty()
            || memberships
                .iter()
                .any(|m| m.payer == *payer && m.touches(month))
    }

    /// Whether account-level sharing is on at the end of a day.
    #[must_use]
    pub fn shares_on(&self, id: &AccountId, date: NaiveDate) -> bool {
        self.get(id).is_none_or(|account| account.shares_on(date))
    }

    /// Who is billed for an account on a day: its payer, or itself where no membership is on
    /// record.
    #[must_use]
    pub fn payer_on<'a>(&'a self, id: &'a AccountId, date: NaiveDate) -> &'a AccountId {
        let membership = self.get(id).and_then(|account| account.membership_on(date));
        membership.map_or(id, |membership| &membership.payer)
    }

    fn memberships(&self, id: &AccountId) -> &[Membership] {
        self.get(id).map_or(&[], |account| &account.memberships)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::parse_date;

    fn id(text: &str) -> AccountId {
        AccountId::new(text).expect("a name")
    }

    fn day(text: &str) -> NaiveDate {
        parse_date(text).expect("a date")
    }

    fn month(text: &str) -> Month {
        Month::parse(text).expect("a month")
    }

    fn member(changes: &[(&str, &str)]) -> Result<Accounts, AccountError> {
        let mut accounts = Accounts::default();
        for (what, date) in changes {
            let change = AccountChange {
                account: id("m"),
                joins: (*what != "left").then(|| (id(what), day(date))),
                leaves: (*what == "left").then(|| day(date)),
                sharing: None,
                country: None,
                attributes: BTreeSet::new(),
                name: None,
                default: false,
            };
            accounts
                .by_id
                .entry(id("m"))
                .or_default()
                .change(&change, day(date))?;
        }
        Ok(accounts)
    }

    #[test]
    fn credits_follow_the_membership_of_the_first() {
        let accounts = member(&[("p", "2026-01-11"), ("left", "2026-04-16")]).expect("a member");
        let home = |text| accounts.home(&id("m"), month(text), None);
        assert_eq!(home("2025-12"), Home::Payer(id("m")));
        assert_eq!(home("2026-01"), Home::OwnUntil(day("2026-01-11")));
        assert_eq!(home("2026-02"), Home::Payer(id("p")));
        assert_eq!(home("2026-04"), Home::Payer(id("p")));
        assert_eq!(home("2026-05"), Home::Payer(id("m")));
    }

    #[test]
    fn a_new_payer_ends_the_old_membership_the_day_before() {
        let accounts = member(&[("p", "2026-01-01"), ("q", "2026-03-10")]).expect("a member");
        assert_eq!(
            accounts.home(&id("m"), month("2026-03"), None),
            Home::Payer(id("p"))
        );
        assert_eq!(
            accounts.home(&id("m"), month("2026-04"), None),
            Home::Payer(id("q"))
        );
        assert!(accounts.belongs(&id("m"), &id("q"), month("2026-03")));
        assert!(!accounts.belongs(&id("m"), &id("p"), month("2026-04")));
        assert_eq!(
            accounts.by_id[&id("m")].memberships[0].left,
            Some(day("2026-03-09"))
        );
    }

    #[test]
    fn memberships_never_overlap() {
        assert!(matches!(
            member(&[("p", "2026-03-01"), ("q", "2026-02-01")]),
            Err(AccountError::JoinsBeforeThat { .. })
        ));
        assert!(matches!(
            member(&[("left", "2026-02-01")]),
            Err(AccountError::NotAMember(_))
        ));
        assert!(matches!(
            member(&[("p", "2026-03-01"), ("left", "2026-02-01")]),
            Err(AccountError::LeavesBeforeThat { .. })
        ));
        assert!(matches!(
            member(&[("m", "2026-03-01")]),
            Err(AccountError::OwnPayer(_))
        ));
        assert!(
            member(&[
                ("p", "2026-03-01"),
                ("left", "2026-03-01"),
                ("p", "2026-03-02")
            ])
            .is_ok()
        );
    }

    #[test]
    fn sharing_is_that_of_the_last_switch_on_or_before_the_day() {
        let account = Account {
            sharing: [(day("2026-01-31"), false), (day("2026-02-28"), true)]
                .into_iter()
                .collect(),
            ..Account::default()
        };
        let shares = |text| account.shares_on(day(text));
        assert!(shares("2026-01-30"));
        assert!(!shares("2026-01-31"));
        assert!(!shares("2026-02-27"));
        assert!(shares("2026-02-28"));
    }
}
