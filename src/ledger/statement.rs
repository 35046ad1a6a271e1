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
}

impl Statement {
    /// The lines, in the order of the bill, the provider's own credits left out.
    pub fn lines(&self) -> impl Iterator<Item = LineRef<'_>> {
        let mut rest = self.allocations.as_slice();
        let lines = self.bill.charges().iter().enumerate().map(move |(at, charge)| {
            let until = rest.partition_point(|(place, _)| *place as usize <= at);
            let (own, after) = rest.split_at(until);
            rest = after;
            LineRef { place: at, charge, discounted: self.discounted[at], allocations: own, card: self.card[at] }
        });
        lines.filter(|line| line.charge.category != Category::Credit)
    }

    /// What the bill comes to.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for charge in self.bill.charges() {
            if charge.category == Category::Credit {
                totals.provider_credits += charge.amount;
            } else {
                totals.charges += charge.amount;
            }
        }
        totals.credits = self.allocations.iter().map(|(_, allocation)| allocation.amount).sum();
        totals.card = self.card.iter().copied().sum();
        totals
    }

    /// What each credit pays of the bill, in the order in which credits were used.
    #[must_use]
    pub fn applied(&self) -> Vec<Allocation> {
        let mut applied: Vec<Allocation> = Vec::new();
        let mut places = std::collections::BTreeMap::new();
        for (_, allocation) in &self.allocations {
            let place = *places.entry(allocation.credit).or_insert_with(|| {
                applied.push(Allocation { credit: allocation.credit, amount: Money::ZERO });
                applied.len() - 1
            });
            applied[place].amount += allocation.amount;
        }
        applied
    }
}

/// One line of a statement, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct LineRef<'a> {
    /// Its place in the bill, from 0.
    pub place: usize,
    /// The charge.
    pub charge: &'a Charge,
    /// See [`Line::discounted`].
    pub discounted: Money,
    /// Who pays, in the order they did.
    pub allocations: &'a [(u32, Allocation)],
    /// See [`Line::card`].
    pub card: Money,
}
