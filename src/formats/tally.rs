//! The sums of tables: what the rows of several documents come to, whatever their columns are.
//!
//! A reader of one kind of table works out to which sum a row belongs, once per distinct text of the
//! cells that decide it; after that their raw bytes are a key to the sum, so that a row costs one
//! look-up, one amount and one addition, and allocates nothing. Maps are asked by key; what is listed
//! at the end is sorted, so the bills do not depend on the order of rows or of a hash. The sums of one
//! document stay apart until it has ended, since only then is it known to be no copy.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use xxhash_rust::xxh3::xxh3_64;

use crate::ledger::bill::BillError;
use crate::ledger::names::{AccountId, BillId, Currency};
use crate::money::{Money, Reading};

use super::bills::{self, Draft, Group, Sum, SumsOfBills};
use super::editions::{Digest, Share, Sketch};
use super::fault::Problem;

/// The sums so far.
#[derive(Default)]
pub(super) struct Tally {
    bills: Vec<Draft>,
    bill_numbers: BTreeMap<BillId, usize>,
    groups: BTreeMap<Group, usize>,
    /// The sums of the documents that have ended.
    sums: Vec<Sum>,
    /// Of each sum its bill, by its number.
    bills_of_sums: Vec<usize>,
    /// What belongs to the document that is being read.
    current: Current,
    /// What the parts say of their bills, by their numbers.
    invoices: Vec<Invoice>,
    /// How many documents were begun.
    documents: u64,
    /// Whether documents are compared.
    compares: bool,
    /// Sums by the raw cells that decide which.
    keys: HashMap<Box<[u8]>, usize>,
}

/// What belongs to one document.
#[derive(Default)]
struct Current {
    /// Its share of the sums, by the same numbers.
    sums: Vec<Sum>,
    rounded: u64,
    /// The parts of which rows were counted, by their numbers.
    parts: Vec<usize>,
    /// By the numbers of the bills.
    sketches: Vec<Sketch>,
    /// What could be read of the last row that has a fault.
    bad_row: BadRow,
    skipped: Skipped,
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
    /// The last document in which one was, by its number from 1.
    counted_in: u64,
}

/// What was kept of a document.
pub(super) struct Kept {
    /// How many amounts of it were rounded.
    pub(super) rounded: u64,
    /// What it holds of which bill.
    pub(super) shares: BTreeMap<BillId, Share>,
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

    /// Begins a document.
    pub(super) fn begin(&mut self) {
        self.documents += 1;
        let mut sums = std::mem::take(&mut self.current.sums);
        sums.fill(Sum::default());
        self.current = Current {
            sums,
            ..Current::default()
        };
    }

    /// Keeps what the document added that has ended.
    pub(super) fn keep(&mut self) -> Kept {
        let digests = self.digests();
        self.sums.resize(self.current.sums.len(), Sum::default());
        let mut overflown = BTreeSet::new();
        for (number, (sum, more)) in self.sums.iter_mut().zip(&mut self.current.sums).enumerate() {
            let more = std::mem::take(more);
            sum.count += more.count;
            match sum.amount.checked_add(more.amount) {
                Some(amount) => sum.amount = amount,
                None => {
                    overflown.insert(number);
                }
            }
        }
        if !overflown.is_empty() {
            let groups = self.groups.iter();
            for (group, _) in groups.filter(|(_, number)| overflown.contains(number)) {
                // Groups name bills by numbers of `bills`.
                self.bills[group.bill].is_too_large = true;
            }
        }
        Kept {
            rounded: self.current.rounded,
            shares: self.keep_parts(digests),
        }
    }

    /// What the document adds to the sums of each bill, in short.
    fn digests(&self) -> BTreeMap<usize, Digest> {
        let mut digests: BTreeMap<usize, Digest> = BTreeMap::new();
        if !self.compares {
            return digests;
        }
        let sums = self.current.sums.iter().zip(&self.bills_of_sums);
        for (number, (sum, bill)) in sums.enumerate() {
            if sum.amount != Money::ZERO {
                let bytes = [number as i128, sum.amount.units(), i128::from(sum.count)]
                    .map(i128::to_le_bytes);
                let digest = digests.entry(*bill).or_default();
                digest.add(xxh3_64(bytes.as_flattened()));
            }
        }
        digests
    }

    /// Lets the parts of the document say what they say of their bills.
    fn keep_parts(&mut self, digests: BTreeMap<usize, Digest>) -> BTreeMap<BillId, Share> {
        let mut shares: BTreeMap<usize, Share> = BTreeMap::new();
        let parts = std::mem::take(&mut self.current.parts);
        for invoice in parts.iter().filter_map(|part| self.invoices.get(*part)) {
            let share = shares.entry(invoice.bill).or_default();
            share.has_invoice |= invoice.id.is_some();
            share.lacks_invoice |= invoice.id.is_none();
            // A part names a bill by its number.
            let draft = &mut self.bills[invoice.bill];
            draft.is_open |= invoice.id.is_none();
            draft.invoices.extend(invoice.id.clone());
        }
        let sketches = std::mem::take(&mut self.current.sketches);
        for (bill, sketch) in sketches.into_iter().enumerate() {
            if let Some(share) = shares.get_mut(&bill) {
                share.sketch = sketch;
            }
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

    /// The number of a new part of a bill, whose rows have this invoice or none.
    pub(super) fn part(&mut self, bill: usize, invoice: Option<Box<str>>) -> usize {
        let number = self.invoices.len();
        self.invoices.push(Invoice {
            bill,
            id: invoice,
            counted_in: 0,
        });
        number
    }

    /// The number of the sum to which the rows of a key belong, if one was met.
    pub(super) fn find(&self, key: &[u8]) -> Option<usize> {
        self.keys.get(key).copied()
    }

    /// The number of the sum to which the rows of a key belong from now on.
    pub(super) fn place(&mut self, key: &[u8], group: Group) -> usize {
        let bill = group.bill;
        let sums = &mut self.current.sums;
        let number = *self.groups.entry(group).or_insert(sums.len());
        if number == sums.len() {
            sums.push(Sum::default());
            self.bills_of_sums.push(bill);
        }
        self.keys.insert(key.into(), number);
        number
    }

    /// Adds a row of a part to a sum; `item` is the hash of what identifies the row, if it does.
    ///
    /// # Errors
    /// More than can be counted.
    pub(super) fn add(
        &mut self,
        number: usize,
        reading: Reading,
        part: usize,
        item: Option<u64>,
    ) -> Result<(), Problem> {
        self.current.rounded += u64::from(reading.rounded);
        // `place` gives numbers of these sums, `part` of these invoices.
        let sum = &mut self.current.sums[number];
        let invoice = &mut self.invoices[part];
        sum.count += 1;
        let added = sum.amount.checked_add(reading.amount);
        sum.amount = added.unwrap_or(sum.amount);
        if invoice.counted_in != self.documents {
            invoice.counted_in = self.documents;
            self.current.parts.push(part);
        }
        if let Some(hash) = item {
            let sketches = &mut self.current.sketches;
            if sketches.len() <= invoice.bill {
                sketches.resize_with(invoice.bill + 1, Sketch::default);
            }
            // There are that many now.
            sketches[invoice.bill].add(hash);
        }
        match added {
            Some(_) => Ok(()),
            None => Err(Problem::Bill(BillError::TooLarge)),
        }
    }

    /// Takes note of what could be read of a row that has a fault.
    pub(super) fn bad_row(&mut self, row: BadRow) {
        self.current.bad_row = row;
    }

    /// Passes over the last row, which had a fault.
    pub(super) fn skip(&mut self) {
        let BadRow { amount, currency } = std::mem::take(&mut self.current.bad_row);
        let skipped = &mut self.current.skipped;
        let sum = amount.zip(currency).and_then(|(amount, currency)| {
            let sum = skipped.amounts.entry(currency).or_default();
            *sum = sum.checked_add(amount)?;
            Some(())
        });
        skipped.without += u64::from(sum.is_none());
    }

    /// What the rows that were passed over in this document amount to, in words.
    pub(super) fn skipped(&self) -> String {
        let Skipped { amounts, without } = &self.current.skipped;
        let amounts = amounts.iter().map(|(currency, amount)| {
            let amount = amount.text(currency.minor_digits());
            format!("{amount} {currency}")
        });
        let without = (*without > 0).then(|| format!("{without} without an amount"));
        let all: Vec<String> = amounts.chain(without).collect();
        all.join(", ")
    }

    /// The bills of all documents that were kept, one charge per sum.
    pub(super) fn bills(self) -> SumsOfBills {
        // What only served to find the sums goes before the charges come.
        drop((self.keys, self.bill_numbers, self.current));
        bills::of_sums(self.bills, self.groups, &self.sums)
    }
}
