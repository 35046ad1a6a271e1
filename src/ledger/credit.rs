//! A credit, as it was recorded. It never changes: what is left of it is worked out from the
//! journal as of a date.

use std::collections::BTreeSet;
use std::fmt;

use chrono::NaiveDate;

use crate::money::Money;
use crate::period::Month;

use super::names::{AccountId, CreditId, Currency, OfferId};
use super::rules::{EndRule, Rules, StartRule};
use super::scope::CreditScope;

/// Where a credit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Given away: events, marketing, goodwill.
    Promotional,
    /// Given for something done: spend, a completed training.
    Earned,
    /// AWS Activate, for startups.
    Activate,
    /// For courses and research.
    Educational,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 4] = [
        Kind::Promotional,
        Kind::Earned,
        Kind::Activate,
        Kind::Educational,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Promotional => "promotional",
            Kind::Earned => "earned",
            Kind::Activate => "activate",
            Kind::Educational => "educational",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Kind {
    /// What a provider's description of a credit tells of its kind; promotional where it tells
    /// nothing *(house)*.
    #[must_use]
    pub fn told_by(description: &str) -> Kind {
        let words = description.to_lowercase();
        let tells = |signs: &[&str]| signs.iter().any(|sign| words.contains(sign));
        if tells(&["activate"]) {
            Kind::Activate
        } else if tells(&["educat", "academy", "research", "student", "course"]) {
            Kind::Educational
        } else if tells(&["earn", "reward"]) && !tells(&["learn"]) {
            Kind::Earned
        } else {
            Kind::Promotional
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The application stage of a credit (rule B1). The field is AWS's (`applicationType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Used before those of the other stage.
    BeforeDiscounts,
    /// The default.
    AfterDiscounts,
}

impl Stage {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::BeforeDiscounts => "before_discounts",
            Stage::AfterDiscounts => "after_discounts",
        }
    }
}

/// Who but its owner may use a credit (rule A5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sharing {
    /// Whoever the accounts' own switches allow.
    Default,
    /// Nobody.
    Disabled,
    /// Only these, if the accounts' own switches allow it.
    Custom(BTreeSet<AccountId>),
}

impl Sharing {
    /// Whether the credit itself lets `account` use it.
    #[must_use]
    pub fn allows(&self, account: &AccountId) -> bool {
        match self {
            Sharing::Default => true,
            Sharing::Disabled => false,
            Sharing::Custom(named) => named.contains(account),
        }
    }
}

/// What a credit says: everything but who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Where it comes from.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// What it is in.
    pub currency: Currency,
    /// Its initial amount, above zero.
    pub amount: Money,
    /// What was used of it before the ledger began, from zero to the amount.
    pub used_before: Money,
    /// First day valid.
    pub start_date: NaiveDate,
    /// Last day valid, inclusive; none: for ever.
    pub end_date: Option<NaiveDate>,
    /// What it may pay for.
    pub scope: CreditScope,
    /// When its turn comes.
    pub stage: Stage,
    /// Who may use it, as issued.
    pub sharing: Sharing,
    /// Its own start rule, which wins over the rules'.
    pub start_rule: Option<StartRule>,
    /// Its own end rule, which wins over the rules'.
    pub end_rule: Option<EndRule>,
    /// The provider's own id.
    pub reference: Option<String>,
    /// The offer it was made from.
    pub offer: Option<OfferId>,
}

impl Terms {
    /// The first day whose usage it covers (rule A2).
    #[must_use]
    pub fn first_covered_day(&self, rules: &Rules) -> NaiveDate {
        match self.start_rule.unwrap_or(rules.start_rule) {
            StartRule::Month => Month::of(self.start_date).first_day(),
            StartRule::Day => self.start_date,
        }
    }

    /// The last day whose usage it covers (rule A3); none: for ever.
    #[must_use]
    pub fn last_covered_day(&self, rules: &Rules) -> Option<NaiveDate> {
        let end = self.end_date?;
        Some(match self.end_rule.unwrap_or(rules.end_rule) {
            EndRule::Day => end,
            EndRule::Month => Month::of(end).last_day(),
        })
    }
}

/// A credit on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    /// Who it is; its entry is its place in the journal.
    pub id: CreditId,
    /// The account it was issued to.
    pub account: AccountId,
    /// What it says.
    pub terms: Terms,
}
