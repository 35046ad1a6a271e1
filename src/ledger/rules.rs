//! The rules of application as a value: what a booking was made under, recorded with it.

use std::collections::BTreeSet;

use crate::catalog;

use super::names::Service;
use super::scope::Category;

/// A key by which credits are ordered before they are used up (rules B1 to B4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BurnKey {
    /// `before_discounts` before `after_discounts`.
    Stage,
    /// Soonest end date; no end date last.
    EndDate,
    /// Fewest applicable services; unrestricted and *all but* count as infinitely many.
    FewestServices,
    /// Oldest start date.
    StartDate,
}

impl BurnKey {
    /// All of them, in the order of the first version of the rules.
    pub const ALL: [BurnKey; 4] = [
        BurnKey::Stage,
        BurnKey::EndDate,
        BurnKey::FewestServices,
        BurnKey::StartDate,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BurnKey::Stage => "stage",
            BurnKey::EndDate => "end_date",
            BurnKey::FewestServices => "fewest_services",
            BurnKey::StartDate => "start_date",
        }
    }
}

/// From which day on a credit covers usage (rule A2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartRule {
    /// The whole start month, usage before the start date included.
    Month,
    /// The start date.
    Day,
}

/// Up to which day a credit covers usage (rule A3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndRule {
    /// The end date.
    Day,
    /// The whole end month.
    Month,
}

/// How credits are applied. A credit's own start and end rule win over these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Which edition of the rules this is, from 1.
    pub version: u32,
    /// By what credits are ordered; ties go by entry, then identifier.
    pub burn_order: Vec<BurnKey>,
    /// Where a credit says nothing.
    pub start_rule: StartRule,
    /// Where a credit says nothing.
    pub end_rule: EndRule,
    /// Categories that a credit covers only if it names them.
    pub uncovered_categories: BTreeSet<Category>,
    /// Services that a credit covers only if it names them.
    pub uncovered_services: BTreeSet<Service>,
}

impl Rules {
    /// The rules in force: version 1.
    #[must_use]
    pub fn current() -> Rules {
        Rules {
            version: 1,
            burn_order: BurnKey::ALL.to_vec(),
            start_rule: StartRule::Month,
            end_rule: EndRule::Day,
            uncovered_categories: [
                Category::Tax,
                Category::Marketplace,
                Category::ThirdPartyModel,
                Category::UpfrontFee,
                Category::Other,
            ]
            .into(),
            uncovered_services: catalog::NEVER_COVERED
                .iter()
                .chain(&catalog::NEVER_COVERED_BEFORE)
                .filter_map(|code| Service::new(code).ok())
                .collect(),
        }
    }
}
