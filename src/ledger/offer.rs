//! An offer: the terms from which a code, a completed training or a month's spend makes a credit.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use thiserror::Error;

use crate::money::Money;
use crate::period::Validity;

use super::account::Account;
use super::credit::{Kind, Sharing, Stage, Terms};
use super::names::{Currency, OfferId, Service};
use super::scope::{CreditScope, Scope};

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

/// By what an offer makes credits, and what one is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Makes {
    /// By codes, each worth this, above zero.
    ByCode(Money),
    /// By something completed, of which there is evidence.
    ByCompletion {
        /// What has to be completed, as in `training:cloud-practitioner`.
        what: String,
        /// What that is worth, above zero.
        amount: Money,
    },
    /// By what a final bill comes to.
    BySpend(SpendRule),
}

impl Makes {
    /// How one does that rewards something completed.
    pub const COMPLETED: &'static str = "for something completed";

    /// How it does, in a word for people.
    #[must_use]
    pub fn how(&self) -> &'static str {
        match self {
            Makes::ByCode(_) => "by codes",
            Makes::ByCompletion { .. } => Makes::COMPLETED,
            Makes::BySpend(_) => "for spend",
        }
    }

    /// What a credit is worth; nothing where that depends on a bill.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        match self {
            Makes::ByCode(amount) | Makes::ByCompletion { amount, .. } => Some(*amount),
            Makes::BySpend(_) => None,
        }
    }
}

/// What a month's spend earns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendRule {
    /// The spend from which on it earns, above zero.
    pub at_least: Money,
    /// The services whose charges count.
    pub services: Scope<Service>,
    /// The part of the spend that is earned, above zero and at most 100, with up to four digits
    /// after the point.
    pub percent: Decimal,
    /// The most that one month earns.
    pub cap: Option<Money>,
}

/// Who may have a credit. Nothing named is everybody.
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
    /// The first thing that the account lacks.
    #[must_use]
    pub fn lacks(&self, account: Option<&Account>) -> Option<Lacks> {
        self.all_lacks(account).into_iter().next()
    }

    /// All that the account lacks.
    #[must_use]
    pub fn all_lacks(&self, account: Option<&Account>) -> Vec<Lacks> {
        let is_one = |needed: &BTreeSet<String>| {
            account.is_some_and(|account| !account.attributes.is_disjoint(needed))
        };
        let is_in = |needed: &BTreeSet<String>| {
            let country = account.and_then(|account| account.country.as_ref());
            country.is_some_and(|country| needed.contains(country))
        };
        let attribute = self.attributes_any.as_ref().filter(|any| !is_one(any));
        let country = self.countries.as_ref().filter(|any| !is_in(any));
        let attribute = attribute.cloned().map(Lacks::Attribute);
        let country = country.cloned().map(Lacks::Country);
        attribute.into_iter().chain(country).collect()
    }
}

/// The terms from which credits are made.
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
    /// By what it makes credits.
    pub makes: Makes,
    /// What they are in.
    pub currency: Currency,
    /// When its credits end.
    pub ends: Ends,
    /// The last day on which codes are taken and something is earned.
    pub redeem_by: Option<NaiveDate>,
    /// Whether its credits may be transferred to another account.
    pub transferable: bool,
    /// What its credits may pay for.
    pub scope: CreditScope,
    /// Who may redeem or earn.
    pub eligible: Eligibility,
    /// How many credits are made in all.
    pub redemptions_max: Option<u64>,
    /// How many credits one account gets.
    pub per_account_max: Option<u64>,
    /// What the program asks of who uses it.
    pub terms: Option<String>,
    /// Where these terms stand: a page or document, and the day it was read.
    pub source: Option<String>,
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

    /// The terms of a credit of `amount` made from it.
    #[must_use]
    pub fn credit_terms(
        &self,
        amount: Money,
        start_date: NaiveDate,
        end_date: Option<NaiveDate>,
    ) -> Terms {
        Terms {
            kind: self.kind,
            name: self.name.clone(),
            currency: self.currency,
            amount,
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
