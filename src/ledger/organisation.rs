//! Organisations: whose pool an account's credits are in, and who is billed for it (rule A5).
//!
//! A payer may itself be a member of another payer, a reseller's. Pools and bills then roll up to
//! the last payer of the chain, as it was on the 1st of the month *(house: the sources know one
//! level)*. No chain leads back to where it began; a ledger that recorded such a circle before it
//! was refused stays readable: there the nearest payer counts.

use chrono::NaiveDate;

use crate::period::Month;

use super::account::{AccountError, Accounts};
use super::names::{AccountId, BillId};

/// In whose pool an account's credits are in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// The pool of this payer, which may be the account itself.
    Payer(AccountId),
    /// Standalone on the 1st, a member from this day on: its credits pay its own usage of the
    /// days before, nothing else.
    OwnUntil(NaiveDate),
}

impl Accounts {
    /// In whose pool the account's credits are in `month`. `implicit_payer` is the payer of the
    /// bill the account appears in: for that bill it is a member of it since the 1st, unless any
    /// membership of it is on record.
    #[must_use]
    pub fn home(&self, id: &AccountId, month: Month, implicit_payer: Option<&AccountId>) -> Home {
        let memberships = self.memberships(id);
        if memberships.is_empty() {
            return Home::Payer(implicit_payer.unwrap_or(id).clone());
        }
        let first = month.first_day();
        if memberships.iter().any(|m| m.holds_on(first)) {
            return Home::Payer(self.payer_on(id, first).clone());
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

    /// Whether the account belongs to `payer` on any day of `month`, by however many payers
    /// between; an account without any membership on record counts as a member of the bill it
    /// appears in.
    #[must_use]
    pub fn belongs(&self, id: &AccountId, payer: &AccountId, month: Month) -> bool {
        id == payer
            || self.memberships(id).is_empty()
            || self.is_below(id, payer, (month.first_day(), month.last_day()))
    }

    fn is_below(&self, id: &AccountId, payer: &AccountId, days: (NaiveDate, NaiveDate)) -> bool {
        // A chain has no more links than there are accounts; a longer one goes round.
        let links_max = self.by_id.len();
        let mut next = Some((id, days, 0));
        let mut others = Vec::new();
        while let Some((id, days, links)) = next {
            for membership in self.memberships(id) {
                let Some(days) = membership.within(days) else {
                    continue;
                };
                if membership.payer == *payer {
                    return true;
                }
                if links < links_max && !self.memberships(&membership.payer).is_empty() {
                    others.push((&membership.payer, days, links + 1));
                }
            }
            next = others.pop();
        }
        false
    }

    /// Who is billed for an account on a day: the last of its payers, or itself where it has none.
    #[must_use]
    pub fn payer_on<'a>(&'a self, id: &'a AccountId, date: NaiveDate) -> &'a AccountId {
        let Some(nearest) = self.nearest_payer_on(id, date) else {
            return id;
        };
        let mut last = nearest;
        for _ in 0..self.by_id.len() {
            match self.nearest_payer_on(last, date) {
                Some(payer) => last = payer,
                None => return last,
            }
        }
        nearest
    }

    /// Whether an account is `payer` on a day, or one of its members or of theirs.
    #[must_use]
    pub fn is_of(&self, id: &AccountId, payer: &AccountId, date: NaiveDate) -> bool {
        id == payer || self.is_below(id, payer, (date, date))
    }

    fn nearest_payer_on(&self, id: &AccountId, date: NaiveDate) -> Option<&AccountId> {
        let membership = self.get(id)?.membership_on(date)?;
        Some(&membership.payer)
    }

    /// That an account's payers lead back to it on some day; the first one found.
    pub(super) fn circle(&self, id: &AccountId) -> Option<AccountError> {
        let mut links = vec![Link {
            account: id,
            from: None,
            days: (NaiveDate::MIN, NaiveDate::MAX),
        }];
        let mut at = 0;
        while let Some(link) = links.get(at) {
            let (account, days) = (link.account, link.days);
            for membership in self.memberships(account) {
                let Some(days) = membership.within(days) else {
                    continue;
                };
                let chain = chain(&links, at);
                if membership.payer == *id {
                    return Some(AccountError::Circle {
                        chain: chain.into_iter().cloned().collect(),
                        on: days.0,
                    });
                }
                if !chain.contains(&&membership.payer) {
                    links.push(Link {
                        account: &membership.payer,
                        from: Some(at),
                        days,
                    });
                }
            }
            at += 1;
        }
        None
    }
}

/// One of the payers above an account, and on which days it is that.
struct Link<'a> {
    account: &'a AccountId,
    /// The place of its member.
    from: Option<usize>,
    days: (NaiveDate, NaiveDate),
}

/// The accounts that lead to a link, each a member of the next.
fn chain<'a>(links: &[Link<'a>], at: usize) -> Vec<&'a AccountId> {
    let before = |at: &usize| links[*at].from;
    let places = std::iter::successors(Some(at), before);
    let mut chain: Vec<&AccountId> = places.map(|at| links[at].account).collect();
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::account::Membership;
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

    /// A line each: `MEMBER PAYER JOINED LEFT`, `-` for no end.
    fn organised(lines: &[&str]) -> Accounts {
        let mut accounts = Accounts::default();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let account = accounts.by_id.entry(id(words[0])).or_default();
            account.memberships.push(Membership {
                payer: id(words[1]),
                joined: day(words[2]),
                left: (words[3] != "-").then(|| day(words[3])),
            });
        }
        accounts
    }

    #[test]
    fn credits_follow_the_membership_of_the_first() {
        let accounts = organised(&["m p 2026-01-11 2026-04-16"]);
        let home = |text| accounts.home(&id("m"), month(text), None);
        assert_eq!(home("2025-12"), Home::Payer(id("m")));
        assert_eq!(home("2026-01"), Home::OwnUntil(day("2026-01-11")));
        assert_eq!(home("2026-02"), Home::Payer(id("p")));
        assert_eq!(home("2026-04"), Home::Payer(id("p")));
        assert_eq!(home("2026-05"), Home::Payer(id("m")));
    }

    #[test]
    fn an_account_that_moves_belongs_to_both_payers_in_that_month() {
        let accounts = organised(&["m p 2026-01-01 2026-03-09", "m q 2026-03-10 -"]);
        let home = |text| accounts.home(&id("m"), month(text), None);
        assert_eq!(home("2026-03"), Home::Payer(id("p")));
        assert_eq!(home("2026-04"), Home::Payer(id("q")));
        let belongs = |payer, text| accounts.belongs(&id("m"), &id(payer), month(text));
        assert!(belongs("p", "2026-03") && belongs("q", "2026-03"));
        assert!(!belongs("p", "2026-04") && belongs("q", "2026-04"));
    }

    #[test]
    fn pools_and_bills_roll_up_to_the_last_payer_as_of_the_first() {
        let accounts = organised(&[
            "m p 2025-01-01 -",
            "p r 2026-01-11 2026-04-16",
            "r s 2020-01-01 -",
        ]);
        let home = |who, text| accounts.home(&id(who), month(text), None);
        assert_eq!(home("p", "2026-01"), Home::OwnUntil(day("2026-01-11")));
        assert_eq!(home("m", "2026-01"), Home::Payer(id("p")));
        for who in ["m", "p", "r"] {
            assert_eq!(home(who, "2026-02"), Home::Payer(id("s")), "{who}");
            assert_eq!(home(who, "2026-04"), Home::Payer(id("s")), "{who}");
        }
        assert_eq!(home("m", "2026-05"), Home::Payer(id("p")));
        assert_eq!(home("p", "2026-05"), Home::Payer(id("p")));
        let belongs = |text| accounts.belongs(&id("m"), &id("s"), month(text));
        assert!(!belongs("2025-12") && belongs("2026-01") && belongs("2026-04"));
        assert!(!belongs("2026-05"));
        let m = id("m");
        let payer_on = |date| accounts.payer_on(&m, day(date)).clone();
        assert_eq!(payer_on("2026-01-10"), id("p"));
        assert_eq!(payer_on("2026-01-11"), id("s"));
    }

    #[test]
    fn a_member_of_a_former_member_does_not_belong() {
        let accounts = organised(&["m p 2026-01-20 -", "p r 2025-01-01 2026-01-19"]);
        assert!(!accounts.belongs(&id("m"), &id("r"), month("2026-01")));
    }

    #[test]
    fn a_circle_is_named_with_its_first_day_and_counts_for_nothing() {
        let accounts = organised(&[
            "a b 2026-01-01 2026-01-31",
            "b c 2026-01-15 -",
            "c a 2026-01-31 -",
        ]);
        let circle = accounts.circle(&id("c")).expect("a circle");
        assert_eq!(
            circle.to_string(),
            "account `c` would be its own payer on 2026-01-31: \
             `c` is a member of `a`, `a` of `b`, `b` of `c`"
        );
        assert_eq!(accounts.payer_on(&id("a"), day("2026-01-31")), &id("b"));
        assert!(!accounts.belongs(&id("a"), &id("z"), month("2026-01")));
        let apart = organised(&["a b 2026-01-01 2026-01-30", "b a 2026-01-31 -"]);
        assert_eq!(apart.circle(&id("a")), None);
    }
}
