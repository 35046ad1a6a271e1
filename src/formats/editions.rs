//! Whether documents that hold rows of one bill are parts of one report. Two editions of it, as the
//! estimate and the final one, or copies under other names of columns, hold the same charges, so
//! they must not be added up.
//!
//! A sketch of the line items of a document is what its smallest hashes are: so many, however long
//! the document is. Of what two documents share, their smallest hashes share as much. The provider
//! does not promise the same ids in two reports of one month, so what they come to is compared as well.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::names::BillId;

use super::Format;

/// The most hashes that are kept.
const SIZE: usize = 1_024;

/// So many line items have to be in both of two documents of which not all are known: an id is
/// sure to be unique only in a part.
const SHARED_MIN: usize = 4;

/// So many sums have to be the same: a few may be by chance.
const SUMS_MIN: usize = 3;

/// The line items of a document, as a sample that is the same wherever they stand.
#[derive(Debug, Clone, Default)]
pub(super) struct Sketch {
    smallest: BTreeSet<u64>,
    /// The largest of them, once some were left out.
    last: Option<u64>,
}

impl Sketch {
    /// Adds a line item by the hash of what identifies it.
    pub(super) fn add(&mut self, hash: u64) {
        if self.last.is_some_and(|last| hash >= last) {
            return;
        }
        self.smallest.insert(hash);
        if self.smallest.len() > SIZE {
            self.smallest.pop_last();
            self.last = self.smallest.last().copied();
        }
    }

    /// Adds the line items of another sketch.
    pub(super) fn merge(&mut self, other: Sketch) {
        for hash in other.smallest {
            self.add(hash);
        }
        // What the other left out is as good as left out here.
        if let Some(last) = other.last {
            self.last = Some(self.last.map_or(last, |own| own.min(last)));
            self.smallest.retain(|hash| *hash <= last);
        }
    }

    /// Whether at least half of the line items of one are in the other.
    fn overlaps(&self, other: &Sketch) -> bool {
        let limit = |sketch: &Sketch| sketch.last.unwrap_or(u64::MAX);
        // Up to here both are whole.
        let limit = limit(self).min(limit(other));
        let count = |sketch: &Sketch| sketch.smallest.range(..=limit).count();
        let fewer = count(self).min(count(other));
        let shared = self.smallest.intersection(&other.smallest).count();
        let is_sampled = self.last.or(other.last).is_some();
        let least = if is_sampled { SHARED_MIN } else { 1 };
        shared >= least && 2 * shared >= fewer
    }
}

/// What a document holds of a bill.
#[derive(Debug, Clone, Default)]
pub(super) struct Share {
    /// Whether some row has an invoice.
    pub(super) has_invoice: bool,
    /// Whether some row has none.
    pub(super) lacks_invoice: bool,
    pub(super) sketch: Sketch,
    pub(super) digest: Digest,
}

/// What the sums of a document are, in short.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Digest {
    count: usize,
    hash: u64,
}

impl Digest {
    /// Adds a sum that is not zero, by the hash of what it is and what it is of.
    pub(super) fn add(&mut self, hash: u64) {
        self.count += 1;
        self.hash = self.hash.wrapping_add(hash);
    }
}

/// Why two documents are not added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clash {
    /// Every row of the first has an invoice, and no row of the second.
    Editions,
    /// The second has line items of the first.
    SameItems,
    /// The second has the same sums as the first.
    SameSums,
    /// They are of two kinds.
    TwoKinds,
}

/// A document: what it is, what it holds of each bill, and whether a manifest lists it.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub(super) format: Format,
    pub(super) shares: &'a BTreeMap<BillId, Share>,
    pub(super) is_listed: bool,
}

/// Of each bill the first two documents, by their numbers, that must not be added up.
pub(super) fn clashes(documents: &[Document<'_>]) -> Vec<(BillId, Clash, [usize; 2])> {
    let mut by_bill: BTreeMap<&BillId, Vec<(usize, bool, &Share)>> = BTreeMap::new();
    for (number, document) in documents.iter().enumerate() {
        for (bill, share) in document.shares {
            let shares = by_bill.entry(bill).or_default();
            shares.push((number, document.is_listed, share));
        }
    }
    let clashes = by_bill.into_iter().filter_map(|(bill, shares)| {
        let items = same_items(&shares).map(|pair| (Clash::SameItems, pair));
        let sums = || Some((Clash::SameSums, same_sums(&shares)?));
        let editions = || Some((Clash::Editions, two_editions(&shares)?));
        let kinds = two_kinds(documents, &shares).map(|pair| (Clash::TwoKinds, pair));
        let (clash, pair) = kinds.or(items).or_else(sums).or_else(editions)?;
        Some((bill.clone(), clash, pair))
    });
    clashes.collect()
}

fn two_kinds(documents: &[Document<'_>], shares: &[(usize, bool, &Share)]) -> Option<[usize; 2]> {
    let format = |number: usize| documents.get(number).map(|document| document.format);
    let (first, ..) = shares.first()?;
    let mut others = shares.iter().map(|(number, ..)| *number);
    let other = others.find(|other| format(*other) != format(*first))?;
    Some([*first, other])
}

fn two_editions(shares: &[(usize, bool, &Share)]) -> Option<[usize; 2]> {
    let closed = shares.iter().filter(|(.., share)| !share.lacks_invoice);
    let open = shares.iter().filter(|(.., share)| !share.has_invoice);
    // Of each an unlisted one, if there is one: two that are listed are the manifest's concern.
    let (closed, is_closed_listed, _) = closed.min_by_key(|(_, is_listed, _)| *is_listed)?;
    let (open, is_open_listed, _) = open.min_by_key(|(_, is_listed, _)| *is_listed)?;
    let are_listed = *is_closed_listed && *is_open_listed;
    (!are_listed).then_some([*closed, *open])
}

fn same_sums(shares: &[(usize, bool, &Share)]) -> Option<[usize; 2]> {
    let mut first: BTreeMap<Digest, usize> = BTreeMap::new();
    let mut shares = shares.iter();
    shares.find_map(|(number, _, share)| {
        let digest = Some(share.digest).filter(|digest| digest.count >= SUMS_MIN)?;
        let first = *first.entry(digest).or_insert(*number);
        (first != *number).then_some([first, *number])
    })
}

fn same_items(shares: &[(usize, bool, &Share)]) -> Option<[usize; 2]> {
    // The first document of each hash, so that only those are compared that share one.
    let mut first: BTreeMap<u64, usize> = BTreeMap::new();
    for (at, (number, _, share)) in shares.iter().enumerate() {
        let hashes = &share.sketch.smallest;
        let met: BTreeSet<usize> = hashes
            .iter()
            .filter_map(|hash| first.get(hash).copied())
            .collect();
        let mut others = met.into_iter().filter_map(|at| shares.get(at));
        if let Some((other, ..)) = others.find(|(.., other)| other.sketch.overlaps(&share.sketch)) {
            return Some([*other, *number]);
        }
        for hash in hashes {
            first.entry(*hash).or_insert(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    fn sketch(items: std::ops::Range<u64>) -> Sketch {
        let mut sketch = Sketch::default();
        for item in items {
            sketch.add(xxh3_64(&item.to_le_bytes()));
        }
        sketch
    }

    #[test]
    fn a_sketch_is_bounded_and_tells_what_two_documents_share() {
        assert_eq!(sketch(0..100_000).smallest.len(), SIZE);
        for (one, other, expected) in [
            (0..1, 0..1, true),
            (0..1, 1..2, false),
            (0..10, 5..15, true),
            (0..10, 6..16, false),
            (0..0, 0..10, false),
            (0..50_000, 0..60_000, true),
            (0..50_000, 50_000..100_000, false),
            (0..50_000, 45_000..95_000, false),
            (0..5_000, 0..50_000, true),
            (0..30, 0..2_000, true),
            (0..1_000, 0..100_000, true),
            (0..50_000, 49_999..50_001, false),
        ] {
            let (a, b) = (sketch(one.clone()), sketch(other.clone()));
            assert_eq!(a.overlaps(&b), expected, "{one:?} {other:?}");
            assert_eq!(b.overlaps(&a), expected, "{other:?} {one:?}");
        }
    }
}
