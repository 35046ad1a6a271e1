//! Accounts: who belongs to whom and who shares, each from a date on.
//!
//! What rule A5 asks of it, whose pool a credit is in and which accounts belong to a payer, is
//! answered in [`organisation`](super::organisation).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use thiserror::Error;

use super::dated::Dated;
use super::names::AccountId;

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
    /// Whether the account is a member on a day.
    #[must_use]
    pub fn holds_on(&self, date: NaiveDate) -> bool {
        self.joined <= date && self.left.is_none_or(|left| date <= left)
    }

    /// The part of a span of days that lies in it.
    pub(super) fn within(
        &self,
        (from, to): (NaiveDate, NaiveDate),
    ) -> Option<(NaiveDate, NaiveDate)> {
        let from = from.max(self.joined);
        let to = self.left.map_or(to, |left| to.min(left));
        (from <= to).then_some((from, to))
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
    /// Takes attributes away, which it had by mistake.
    pub removed_attributes: BTreeSet<String>,
    /// Sets the name.
    pub name: Option<String>,
    /// Makes it the account that commands mean where none is named.
    pub default: bool,
}

impl AccountChange {
    /// The change that changes nothing.
    #[must_use]
    pub fn nothing(account: AccountId) -> AccountChange {
        AccountChange {
            account,
            joins: None,
            leaves: None,
            sharing: None,
            country: None,
            attributes: BTreeSet::new(),
            removed_attributes: BTreeSet::new(),
            name: None,
            default: false,
        }
    }

    /// Whether it joins or leaves a payer.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.joins.is_some() || self.leaves.is_some()
    }
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
    /// It is a member of that payer since before.
    #[error("account `{account}` is a member of `{payer}` since {joined}")]
    MemberAlready {
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
    /// Its payers would lead back to it.
    #[error("account `{}` would be its own payer on {on}: {}", .chain.first().map_or("", AccountId::as_str), in_words(.chain))]
    Circle {
        /// Each a member of the next, the last of the first.
        chain: Vec<AccountId>,
        /// The first day on which it would be so.
        on: NaiveDate,
    },
}

fn in_words(chain: &[AccountId]) -> String {
    let payers = chain.iter().cycle().skip(1);
    let links = chain.iter().zip(payers).enumerate();
    let words = links.map(|(at, (member, payer))| match at {
        0 => format!("`{member}` is a member of `{payer}`"),
        _ => format!("`{member}` of `{payer}`"),
    });
    words.collect::<Vec<_>>().join(", ")
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
        for name in &change.removed_attributes {
            self.attributes.remove(name);
        }
        self.attributes.extend(change.attributes.iter().cloned());
        Ok(())
    }

    /// Whether a change would change nothing, sharing from `effective` on.
    #[must_use]
    pub fn is_so(&self, change: &AccountChange, effective: NaiveDate) -> bool {
        let mut changed = self.clone();
        // What holds on the day is not set again.
        let sharing = change.sharing.filter(|on| *on != self.shares_on(effective));
        let change = AccountChange {
            sharing,
            ..change.clone()
        };
        changed.change(&change, effective).is_ok() && changed == *self
    }

    /// Refuses to join a payer on a later day than the one on record: nothing would change.
    ///
    /// # Errors
    /// A membership of that payer that began before.
    pub fn refuses_date(&self, change: &AccountChange) -> Result<(), AccountError> {
        let last = self.memberships.last().filter(|last| last.left.is_none());
        match (&change.joins, last) {
            (Some((payer, joined)), Some(last))
                if last.payer == *payer && last.joined < *joined =>
            {
                Err(AccountError::MemberAlready {
                    account: change.account.clone(),
                    payer: payer.clone(),
                    joined: last.joined,
                })
            }
            _ => Ok(()),
        }
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

    /// Whether account-level sharing is on at the end of a day.
    #[must_use]
    pub fn shares_on(&self, id: &AccountId, date: NaiveDate) -> bool {
        self.get(id).is_none_or(|account| account.shares_on(date))
    }

    pub(super) fn memberships(&self, id: &AccountId) -> &[Membership] {
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

    fn member(changes: &[(&str, &str)]) -> Result<Accounts, AccountError> {
        let mut accounts = Accounts::default();
        for (what, date) in changes {
            let change = AccountChange {
                joins: (*what != "left").then(|| (id(what), day(date))),
                leaves: (*what == "left").then(|| day(date)),
                ..AccountChange::nothing(id("m"))
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
