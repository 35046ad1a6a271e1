//! What the provider says of its credits: which there are, and what it applied of them.

use crate::money::Money;
use crate::period::Month;

use super::credit::Terms;
use super::names::{AccountId, Currency, Service};

/// A credit as the provider says that it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderCredit {
    /// The provider's id of it, which is the `reference` of its terms too.
    pub reference: String,
    /// Whose it is.
    pub account: AccountId,
    /// What it says; what was used of it is `used_before`.
    pub terms: Terms,
    /// What is left after final bills.
    pub remaining: Money,
    /// Whether it takes part in bills.
    pub enabled: bool,
    /// Whether its owner shares credits, where it says so.
    pub owner_shares: Option<bool>,
}

/// What the provider applied of a credit, by month, account and service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderAllocation {
    /// The provider's id of the credit.
    pub reference: String,
    /// What the credit is called, where it says so.
    pub name: Option<String>,
    /// The account whose charges it paid.
    pub account: AccountId,
    /// The service whose charges it paid.
    pub service: Service,
    /// The billing month.
    pub month: Month,
    /// What it is in.
    pub currency: Currency,
    /// How much it paid; below zero where it was taken back.
    pub amount: Money,
    /// Whether the bill is still open.
    pub estimated: bool,
}
