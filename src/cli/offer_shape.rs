//! Offers as answers print them: in JSON as their file says it, and in words.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use credits_ledger::ledger::eligibility::earned_on;
use credits_ledger::ledger::offer::{Ends, Makes, Offer};
use credits_ledger::ledger::state::{OfferState, State};
use serde::Serialize;

use super::shape::{date, except, only};

/// An offer in JSON, as its file says it, with what became of it.
#[derive(Debug, Serialize)]
pub(super) struct OfferShape {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) program: Option<String>,
    pub(super) kind: &'static str,
    pub(super) amount: Option<String>,
    pub(super) currency: String,
    pub(super) end_date: Option<String>,
    pub(super) valid_for: Option<String>,
    pub(super) redeem_by: Option<String>,
    pub(super) transferable: bool,
    pub(super) services: Option<Vec<String>>,
    pub(super) exclude_services: Option<Vec<String>>,
    pub(super) regions: Option<Vec<String>>,
    pub(super) categories: Option<Vec<String>>,
    pub(super) exclude_categories: Option<Vec<String>>,
    pub(super) eligible: EligibleShape,
    pub(super) limits: LimitsShape,
    pub(super) terms: Option<String>,
    pub(super) source: Option<String>,
    pub(super) earn: Option<EarnShape>,
    pub(super) entry: Option<u64>,
    pub(super) codes: u64,
    pub(super) revoked: u64,
    pub(super) redeemed: u64,
    pub(super) earned: u64,
    pub(super) as_of: String,
    pub(super) at_entry: u64,
    #[serde(skip)]
    pub(super) makes: Makes,
    #[serde(skip)]
    pub(super) digits: u32,
}

/// What earns credits of an offer, as its file says it.
#[derive(Debug, Serialize)]
pub(super) struct EarnShape {
    when: &'static str,
    what: Option<String>,
    at_least: Option<String>,
    per: Option<&'static str>,
    services: Option<Vec<String>>,
    percent: Option<String>,
    cap: Option<String>,
}

impl EarnShape {
    fn new(makes: &Makes, digits: u32) -> Option<EarnShape> {
        match makes {
            Makes::ByCode(_) => None,
            Makes::ByCompletion { what, .. } => Some(EarnShape {
                when: "completed",
                what: Some(what.clone()),
                at_least: None,
                per: None,
                services: None,
                percent: None,
                cap: None,
            }),
            Makes::BySpend(rule) => Some(EarnShape {
                when: "spend",
                what: None,
                at_least: Some(rule.at_least.text(digits)),
                per: Some("month"),
                services: only(&rule.services),
                percent: Some(rule.percent.to_string()),
                cap: rule.cap.map(|cap| cap.text(digits)),
            }),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct EligibleShape {
    pub(super) attributes_any: Option<Vec<String>>,
    pub(super) countries: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
pub(super) struct LimitsShape {
    pub(super) redemptions: Option<u64>,
    pub(super) per_account: Option<u64>,
}

impl OfferShape {
    pub(super) fn new(
        of: &OfferState,
        as_of: NaiveDate,
        at_entry: u64,
        state: &State,
    ) -> OfferShape {
        let Offer {
            scope, eligible, ..
        } = &of.offer;
        let offer = &of.offer;
        let digits = offer.currency.minor_digits();
        let names =
            |names: Option<&BTreeSet<String>>| names.map(|names| names.iter().cloned().collect());
        OfferShape {
            id: offer.id.to_string(),
            name: offer.name.clone(),
            program: offer.program.clone(),
            kind: offer.kind.as_str(),
            amount: offer.makes.amount().map(|amount| amount.text(digits)),
            currency: offer.currency.to_string(),
            end_date: match offer.ends {
                Ends::On(end) => Some(date(end)),
                _ => None,
            },
            valid_for: match offer.ends {
                Ends::After(validity) => Some(validity.to_string()),
                _ => None,
            },
            redeem_by: offer.redeem_by.map(date),
            transferable: offer.transferable,
            services: only(&scope.services),
            exclude_services: except(&scope.services),
            regions: only(&scope.regions),
            categories: only(&scope.categories),
            exclude_categories: except(&scope.categories),
            eligible: EligibleShape {
                attributes_any: names(eligible.attributes_any.as_ref()),
                countries: names(eligible.countries.as_ref()),
            },
            limits: LimitsShape {
                redemptions: offer.redemptions_max,
                per_account: offer.per_account_max,
            },
            terms: offer.terms.clone(),
            source: offer.source.clone(),
            earn: EarnShape::new(&offer.makes, digits),
            entry: Some(of.entry).filter(|entry| *entry <= at_entry),
            codes: of.codes_on(as_of),
            revoked: of.revoked_on(as_of),
            redeemed: of.redemptions_on(as_of),
            earned: earned_on(state, offer, as_of),
            as_of: date(as_of),
            at_entry,
            makes: offer.makes.clone(),
            digits,
        }
    }

    /// What a credit is worth, for people.
    pub(super) fn worth(&self) -> String {
        match &self.makes {
            Makes::ByCode(amount) | Makes::ByCompletion { amount, .. } => {
                amount.grouped(self.digits)
            }
            Makes::BySpend(rule) => {
                let cap = rule.cap.map_or(String::new(), |cap| {
                    format!(", at most {}", cap.grouped(self.digits))
                });
                format!("{}% of spend{cap}", rule.percent)
            }
        }
    }

    pub(super) fn worth_in_currency(&self) -> String {
        match &self.makes {
            Makes::BySpend(rule) if rule.cap.is_none() => self.worth(),
            _ => format!("{} {}", self.worth(), self.currency),
        }
    }

    /// By what credits are made, for people.
    pub(super) fn made(&self) -> String {
        match &self.makes {
            Makes::ByCode(_) => self.makes.how().to_owned(),
            Makes::ByCompletion { what, .. } => format!("{}: {what}", self.makes.how()),
            Makes::BySpend(rule) => {
                let of = self.earn.as_ref().and_then(|earn| earn.services.as_ref());
                let of = of.map_or("usage and recurring fees".to_owned(), |names| {
                    names.join(", ")
                });
                let least = rule.at_least.grouped(self.digits);
                format!(
                    "{}: a month's final bill with {least} or more of {of}",
                    self.makes.how()
                )
            }
        }
    }

    pub(super) fn ends(&self) -> String {
        match (&self.end_date, &self.valid_for) {
            (Some(end), _) => end.clone(),
            (None, Some(period)) => format!("after {period}"),
            (None, None) => "never".to_owned(),
        }
    }
}
