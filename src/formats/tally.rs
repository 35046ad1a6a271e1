//! The sums of tables: what the rows of several documents come to, whatever their columns are.
//!
//! A reader of one kind of table works out to which sum a row belongs, once per distinct text of the
//! cells that decide it. The rows of one document are added up apart, by each thread for itself, as
//! [`Count`]s, since only when it has ended is it known to be no copy; then the tally keeps them.
//! Maps are asked by key; what is listed at the end is sorted, so the bills do not depend on the
//! order of rows, of threads or of a hash.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::xxh3_64;

use crate::ledger::names::{AccountId, BillId, Currency};
use crate::money::{Money, Reading};

use super::bills::{self, Draft, Group, Groups, Sum, SumsOfBills};
use super::editions::{Digest, Share, Sketch};

/// The sums so far.
#[derive(Default)]
pub(super) struct Tally {
    bills: Vec<Draft>,
    bill_numbers: BTreeMap<BillId, usize>,
    groups: Groups,
    /// The sums of the documents that have ended.
    sums: Vec<Sum>,
    /// What the parts say of their bills, by their numbers.
    invoices: Vec<Invoice>,
    /// Whether documents are compared.
    compares: bool,
}

/// What rows of one document come to.
#[derive(Default)]
pub(super) struct Count {
    /// By the numbers of the tally.
    sums: Vec<Sum>,
    /// The numbers of sums that are too large.
    overflown: BTreeSet<usize>,
    rounded: u64,
    /// By the numbers of the tally.
    parts: Vec<PartCount>,
    skipped: Skipped,
}

/// What was met of a part of a bill.
#[derive(Clone, Default)]
struct PartCount {
    /// Whether a row of it was counted.
    is_met: bool,
    sketch: Sketch,
}

/// What could be read of a row that has a fault.
#[derive(Clone, Default)]
pub(super) struct BadRow {
    pub(super) amount: Option<Money>,
    pub(super) currency: Option<Currency>,
}

/// What the rows that were passed over amount to.
#[derive(Clone, Default)]
struct Skipped {
    /// By currency, where both could be read.
    amounts: BTreeMap<Currency, Money>,
    without: u64,
}

/// What a part says of its bill, once a row of it is counted.
struct Invoice {
    bill: usize,
    id: Option<Box<str>>,
}

/// What was kept of a document.
pub(super) struct Kept {
    /// How many amounts of it were rounded.
    pub(super) rounded: u64,
    /// What it holds of which bill.
    pub(super) shares: BTreeMap<BillId, Share>,
}

impl Count {
    /// Adds a row of a part to a sum, which is of so many line items; `item` is the hash of what identifies the row, if it does.
    #[inline]
    pub(super) fn add(
        &mut self,
        sum: usize,
        reading: Reading,
        count: u64,
        part: usize,
        item: Option<u64>,
    ) {
        self.rounded += u64::from(reading.rounded);
        let amount = reading.amount;
        self.add_to_sum(sum, Sum { amount, count });
        let part = slot(&mut self.parts, part);
        part.is_met = true;
        if let Some(hash) = item {
            part.sketch.add(hash);
        }
    }

    fn add_to_sum(&mut self, number: usize, more: Sum) {
        let sum = slot(&mut self.sums, number);
        sum.count = sum.count.saturating_add(more.count);
        match sum.amount.checked_add(more.amount) {
            Some(amount) => sum.amount = amount,
            None => {
                self.overflown.insert(number);
            }
        }
    }

    /// Passes over a row that has a fault.
    pub(super) fn skip(&mut self, BadRow { amount, currency }: BadRow) {
        let sum = amount.zip(currency).and_then(|(amount, currency)| {
            let sum = self.skipped.amounts.entry(currency).or_default();
            *sum = sum.checked_add(amount)?;
            Some(())
        });
        self.skipped.without += u64::from(sum.is_none());
    }

    /// Adds what others rows of the document come to.
    pub(super) fn merge(&mut self, other: Count) {
        for (number, sum) in other.sums.into_iter().enumerate() {
            if sum.count > 0 {
                self.add_to_sum(number, sum);
            }
        }
        self.overflown.extend(other.overflown);
        self.rounded += other.rounded;
        for (number, more) in other.parts.into_iter().enumerate() {
            if more.is_met {
                let part = slot(&mut self.parts, number);
                part.is_met = true;
                part.sketch.merge(more.sketch);
            }
        }
        self.skipped.without += other.skipped.without;
        for (currency, amount) in other.skipped.amounts {
            let sum = self.skipped.amounts.entry(currency).or_default();
            match sum.checked_add(amount) {
                Some(more) => *sum = more,
                None => self.skipped.without += 1,
            }
        }
    }

    /// What the rows that were passed over amount to, in words.
    pub(super) fn skipped(&self) -> String {
        let Skipped { amounts, without } = &self.skipped;
        let amounts = amounts.iter().map(|(currency, amount)| {
            let amount = amount.text(currency.minor_digits());
            format!("{amount} {currency}")
        });
        let without = (*without > 0).then(|| format!("{without} without an amount"));
        let all: Vec<String> = amounts.chain(without).collect();
        all.join(", ")
    }
}

/// The item of this number, made if it is not there.
#[inline]
fn slot<T: Clone + Default>(list: &mut Vec<T>, number: usize) -> &mut T {
    if list.len() <= number {
        list.resize(number + 1, T::default());
    }
    // There are that many now.
    &mut list[number]
}

impl Tally {
    /// Whether the documents to come are compared, which costs a hash of what they hold.
    pub(super) fn compares(&mut self, compares: bool) {
        self.compares = compares;
    }

    /// Whether line items are to be sampled.
    pub(super) fn samples(&self) -> bool {
        self.compares
    }

    /// Keeps what a document adds that has ended.
    pub(super) fn keep(&mut self, count: Count) -> Kept {
        let digests = self.digests(&count.sums);
        let mut overflown = count.overflown;
        for (number, more) in count.sums.into_iter().enumerate() {
            let sum = slot(&mut self.sums, number);
            sum.count = sum.count.saturating_add(more.count);
            match sum.amount.checked_add(more.amount) {
                Some(amount) => sum.amount = amount,
                None => {
                    overflown.insert(number);
                }
            }
        }
        for bill in overflown.iter().filter_map(|sum| self.groups.bill(*sum)) {
            // Sums name bills by numbers of `bills`.
            self.bills[bill].is_too_large = true;
        }
        Kept {
            rounded: count.rounded,
            shares: self.keep_parts(count.parts, digests),
        }
    }

    /// What the document adds to the sums of each bill, in short.
    fn digests(&self, sums: &[Sum]) -> BTreeMap<usize, Digest> {
        let mut digests: BTreeMap<usize, Digest> = BTreeMap::new();
        if !self.compares {
            return digests;
        }
        for (number, sum) in sums.iter().enumerate() {
            if sum.amount != Money::ZERO
                && let Some(bill) = self.groups.bill(number)
            {
                let bytes = [number as i128, sum.amount.units(), i128::from(sum.count)]
                    .map(i128::to_le_bytes);
                let digest = digests.entry(bill).or_default();
                digest.add(xxh3_64(bytes.as_flattened()));
            }
        }
        digests
    }

    /// Lets the parts of a document say what they say of their bills.
    fn keep_parts(
        &mut self,
        parts: Vec<PartCount>,
        digests: BTreeMap<usize, Digest>,
    ) -> BTreeMap<BillId, Share> {
        let mut shares: BTreeMap<usize, Share> = BTreeMap::new();
        let parts = parts.into_iter().zip(&self.invoices);
        for (part, invoice) in parts.filter(|(part, _)| part.is_met) {
            let share = shares.entry(invoice.bill).or_default();
            share.has_invoice |= invoice.id.is_some();
            share.lacks_invoice |= invoice.id.is_none();
            share.sketch.merge(part.sketch);
            // A part names a bill by its number.
            let draft = &mut self.bills[invoice.bill];
            draft.is_open |= invoice.id.is_none();
            draft.invoices.extend(invoice.id.clone());
        }
        for (bill, digest) in digests {
            if let Some(share) = shares.get_mut(&bill) {
                share.digest = digest;
            }
        }
        let id = |bill: usize| self.bills[bill].id.clone();
        let shares = shares.into_iter();
        shares.map(|(bill, share)| (id(bill), share)).collect()
    }

    /// The number of a bill.
    pub(super) fn bill(&mut self, id: BillId) -> usize {
        let next = self.bills.len();
        let number = *self.bill_numbers.entry(id.clone()).or_insert(next);
        if number == next {
            self.bills.push(Draft {
                id,
                is_too_large: false,
                is_open: false,
                invoices: BTreeSet::new(),
            });
        }
        number
    }

    /// Whose bill it is that has this number.
    pub(super) fn payer(&self, bill: usize) -> &AccountId {
        &self.bills[bill].id.payer
    }

    /// The number of a part of a bill, whose rows have this invoice or none.
    pub(super) fn part(&mut self, bill: usize, invoice: Option<Box<str>>) -> usize {
        let number = self.invoices.len();
        self.invoices.push(Invoice { bill, id: invoice });
        number
    }

    /// The number of the sum of a group.
    pub(super) fn sum(&mut self, group: Group) -> usize {
        self.groups.number(group)
    }

    /// The bills of all documents that were kept, one charge per sum.
    pub(super) fn bills(self) -> SumsOfBills {
        // What only served to find the sums goes before the charges come.
        drop(self.bill_numbers);
        bills::of_sums(self.bills, self.groups, &self.sums)
    }
}
