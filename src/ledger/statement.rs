//! A statement: the result of applying credits to one bill.

use crate::money::Money;

use super::bill::{Bill, Charge};
use super::names::CreditId;
use super::scope::Category;

/// This much of this credit pays this charge; always positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocation {
    /// The credit that pays.
    pub credit: CreditId,
    /// How much, above zero.
    pub amount: Money,
}

/// What one bill comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Every charge but the provider's own credits, negative ones included.
    pub charges: Money,
    /// The provider's own credits, as they stand in the document.
    pub provider_credits: Money,
    /// What credits pay.
    pub credits: Money,
    /// What the card pays, exactly; below zero it is a refund due.
    pub card: Money,
}

impl Totals {
    /// Of a bill that no credit has paid yet.
    #[must_use]
    pub fn of(bill: &Bill) -> Totals {
        let mut totals = Totals::default();
        for charge in bill.charges() {
            match charge.category {
                Category::Credit => totals.provider_credits += charge.amount,
                _ => totals.charges += charge.amount,
            }
        }
        totals.card = totals.charges;
        totals
    }
}

/// The result of applying credits to one bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The bill, charges included.
    pub bill: Bill,
    /// What a discount took off each charge, by its place in the bill.
    pub discounted: Vec<Money>,
    /// What is left of each charge for the card, by its place in the bill.
    pub card: Vec<Money>,
    /// Who pays which charge, by its place in the bill, in the order of payment within a charge.
    pub allocations: Vec<(u32, Allocation)>,
    /// What each credit pays of the bill, in burn order.
    pub applied: Vec<Allocation>,
}

impl Statement {
    /// The lines, in the order of the bill, the provider's own credits left out.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let is_charge = |line: &Line<'_>| line.charge.category != Category::Credit;
        self.all_lines().filter(is_charge)
    }

    /// The lines, in the order of the bill, those of the provider's own credits included.
    pub fn all_lines(&self) -> impl Iterator<Item = Line<'_>> {
        let mut rest = self.allocations.as_slice();
        let charges = self.bill.charges().iter().enumerate();
        charges.map(move |(place, charge)| {
            let until = rest.partition_point(|(paid, _)| *paid as usize <= place);
            let (allocations, after) = rest.split_at(until);
            rest = after;
            let (discounted, card) = (self.discounted[place], self.card[place]);
            Line {
                place,
                charge,
                discounted,
                allocations,
                card,
            }
        })
    }

    /// What the bill comes to.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::of(&self.bill);
        totals.credits = self
            .applied
            .iter()
            .map(|allocation| allocation.amount)
            .sum();
        totals.card = self.card.iter().copied().sum();
        totals
    }
}

/// A charge and who pays it: amount = discounted + allocations + card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its place in the bill, from 0.
    pub place: usize,
    /// The charge.
    pub charge: &'a Charge,
    /// What a discount took off it; of a discount, what it took off others, negative.
    pub discounted: Money,
    /// Who pays, in the order they did.
    pub allocations: &'a [(u32, Allocation)],
    /// What is left for the card; of a negative charge what reduced nothing.
    pub card: Money,
}
