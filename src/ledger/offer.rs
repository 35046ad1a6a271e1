//! An offer: the terms from which a code makes a credit.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use thiserror::Error;

use crate::money::Money;
use crate::period::Validity;

use super::account::Account;
use super::credit::{Kind, Sharing, Stage, Terms};
use super::names::{Currency, OfferId};
use super::scope::CreditScope;

/// When a credit made from an offer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Never.
    Never,
    /// On this day, the last one valid.
    On(NaiveDate),
    /// This long after its start.
    After(Validity),
}

/// Who may redeem. Nothing named is everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Eligibility {
    /// One of these attributes is needed.
    pub attributes_any: Option<BTreeSet<String>>,
    /// The account is in one of these countries (ISO 3166).
    pub countries: Option<BTreeSet<String>>,
}

/// What an account lacks for an offer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Lacks {
    /// All of the attributes of which one is needed.
    #[error("it needs one of the attributes {}", quoted(.0))]
    Attribute(BTreeSet<String>),
    /// A country among those.
    #[error("it must be in one of the countries {}", quoted(.0))]
    Country(BTreeSet<String>),
}

fn quoted(names: &BTreeSet<String>) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

impl Eligibility {
    /// What the account lacks.
    #[must_use]
    pub fn lacks(&self, account: Option<&Account>) -> Option<Lacks> {
        if let Some(needed) = &self.attributes_any
            && !account
                .is_some_and(|account| account.attributes.iter().any(|has| needed.contains(has)))
        {
            return Some(Lacks::Attribute(needed.clone()));
        }
        if let Some(needed) = &self.countries
            && !account.is_some_and(|account| {
                account
                    .country
                    .as_ref()
                    .is_some_and(|is| needed.contains(is))
            })
        {
            return Some(Lacks::Country(needed.clone()));
        }
        None
    }
}

/// The terms from which a code makes a credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// By what commands name it.
    pub id: OfferId,
    /// What its credits are called.
    pub name: String,
    /// The provider's program.
    pub program: Option<String>,
    /// The kind of its credits.
    pub kind: Kind,
    /// What a credit is worth, above zero.
    pub amount: Money,
    /// What it is in.
    pub currency: Currency,
    /// When its credits end.
    pub ends: Ends,
    /// The last day on which codes are taken.
    pub redeem_by: Option<NaiveDate>,
    /// Whether its credits may be transferred to another account.
    pub transferable: bool,
    /// What its credits may pay for.
    pub scope: CreditScope,
    /// Who may redeem.
    pub eligible: Eligibility,
    /// How many codes are taken in all.
    pub redemptions_max: Option<u64>,
    /// How many codes one account may redeem.
    pub per_account_max: Option<u64>,
    /// What the program asks of who uses it.
    pub terms: Option<String>,
}

impl Offer {
    /// The last day of a credit that starts on `start`; nothing for ever.
    ///
    /// # Errors
    /// An end beyond the year 9999, and one before the start: the day it would be.
    pub fn end_date(&self, start: NaiveDate) -> Result<Option<NaiveDate>, Option<NaiveDate>> {
        match self.ends {
            Ends::Never => Ok(None),
            Ends::On(end) if end < start => Err(Some(end)),
            Ends::On(end) => Ok(Some(end)),
            Ends::After(validity) => validity.last_day(start).map(Some).ok_or(None),
        }
    }

    /// The terms of a credit made from it.
    #[must_use]
    pub fn credit_terms(&self, start_date: NaiveDate, end_date: Option<NaiveDate>) -> Terms {
        Terms {
            kind: self.kind,
            name: self.name.clone(),
            currency: self.currency,
            amount: self.amount,
            used_before: Money::ZERO,
            start_date,
            end_date,
            scope: self.scope.clone(),
            stage: Stage::AfterDiscounts,
            sharing: Sharing::Default,
            start_rule: None,
            end_rule: None,
            reference: None,
            offer: Some(self.id.clone()),
        }
    }
}
