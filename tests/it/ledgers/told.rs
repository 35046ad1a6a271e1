//! What is told of a ledger: answers and refusals as plain facts, the same for the naive model, the
//! library and the command, so that they can be held against each other.

use std::collections::BTreeMap;

/// A request that is refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) status: i32,
    pub(crate) kind: String,
}

/// What a command answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// Of a command about one credit: which.
    Credit(String),
    /// Of a split: which credit, and into which.
    Split { credit: String, parts: Vec<String> },
    /// Nothing that would have to be compared beyond what is on record now.
    Done,
    /// Of bills, in the order of the answer.
    Statements(Vec<Stated>),
    /// Of a bill that was taken off the record.
    Reversed {
        bill: String,
        entry: Option<u64>,
        is_final: bool,
        card_charge: i128,
        credits_returned: i128,
        changed: Vec<Changed>,
    },
    /// Of bills that were decided anew.
    Replayed {
        bills: usize,
        rewritten: usize,
        changed: Vec<Changed>,
    },
    /// Of months that were closed or opened.
    Closed {
        until: Option<String>,
        entry: Option<u64>,
    },
}

impl Answer {
    /// Nothing is named that was only rehearsed.
    pub(crate) fn forget_entries_after(&mut self, head: u64) {
        let keep = |entry: &mut Option<u64>| *entry = entry.filter(|entry| *entry <= head);
        match self {
            Answer::Statements(all) => all.iter_mut().for_each(|stated| keep(&mut stated.entry)),
            Answer::Closed { entry, .. } | Answer::Reversed { entry, .. } => keep(entry),
            _ => {}
        }
    }
}

/// A bill whose card charge changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Changed {
    pub(crate) bill: String,
    pub(crate) before: i128,
    pub(crate) after: i128,
}

/// A statement in an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stated {
    pub(crate) bill: String,
    pub(crate) is_final: bool,
    pub(crate) entry: Option<u64>,
    pub(crate) already: bool,
    pub(crate) statement: Statement,
    pub(crate) changed: Vec<Changed>,
}

/// Who pays a bill.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    pub(crate) totals: Totals,
    pub(crate) lines: BTreeMap<String, Paid>,
    /// Credit, what it pays, and what is left of it after, in burn order.
    pub(crate) credits: Vec<(String, i128, i128)>,
}

/// What a bill comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) charges: i128,
    pub(crate) credits: i128,
    pub(crate) card: i128,
    /// The same, rounded to the currency's smallest coin.
    pub(crate) card_charge: i128,
    pub(crate) provider_credits: i128,
}

/// What was paid of equal charges together: charges that are equal in every field are told apart
/// by their place only, and that must not matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Paid {
    pub(crate) charges: usize,
    pub(crate) discounted: i128,
    pub(crate) card: i128,
    pub(crate) by: BTreeMap<String, i128>,
    /// In the order of payment, where there is but one charge.
    pub(crate) order: Vec<String>,
}

impl Paid {
    pub(crate) fn add(
        &mut self,
        discounted: i128,
        card: i128,
        allocations: impl IntoIterator<Item = (String, i128)>,
    ) {
        self.charges += 1;
        self.discounted += discounted;
        self.card += card;
        self.order.clear();
        for (credit, amount) in allocations {
            *self.by.entry(credit.clone()).or_default() += amount;
            self.order.push(credit);
        }
        if self.charges > 1 {
            self.order.clear();
        }
    }
}

/// A credit as of a day.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CreditTold {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) currency: String,
    pub(crate) start: String,
    pub(crate) end: Option<String>,
    pub(crate) initial: i128,
    pub(crate) status: String,
    /// `default`, `disabled`, or accounts.
    pub(crate) share: Vec<String>,
    pub(crate) used: i128,
    pub(crate) voided: i128,
    pub(crate) split: i128,
    pub(crate) expired: i128,
    pub(crate) remaining: i128,
    pub(crate) estimated: i128,
}

/// A bill in a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BillTold {
    pub(crate) bill: String,
    pub(crate) is_final: bool,
    pub(crate) entry: u64,
    pub(crate) effective: String,
    pub(crate) totals: Totals,
    pub(crate) closed: bool,
}

/// An entry of the journal, without what it says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EntryTold {
    pub(crate) number: u64,
    pub(crate) command: u64,
    pub(crate) effective: String,
    pub(crate) kind: String,
}
