//! Proof that a ledger is whole: everything that can be worked out is, and held against what is
//! kept.

use sha2::{Digest, Sha256};

use crate::ledger::entry::{Event, Lines};
use crate::ledger::state::State;

use super::journal::{follow, read_lines};
use super::record::{decode, subjects};
use super::snapshot::Part;
use super::sqlite::SqliteStore;
use super::{Head, Read, StoreError, snapshot};

/// How much to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every entry, every charge, the index, the snapshot, and the file's own pages.
    Full,
    /// The chain of entries and the state they fold to.
    Quick,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The last entry that could be proved.
    pub head: Head,
    /// What is wrong, in words; nothing where the ledger is whole.
    pub findings: Vec<String>,
}

/// Proves a ledger.
///
/// Costs one pass over all entries, and over the charges of all bills if it is full.
///
/// # Errors
/// A ledger that cannot be read at all; what is read and does not hold is a finding.
pub fn verify(store: &SqliteStore, depth: Depth) -> Result<Report, StoreError> {
    let mut findings = Vec::new();
    if depth == Depth::Full {
        findings.extend(store.integrity()?);
    }
    let recorded = match store.head() {
        Ok(head) => Some(head),
        Err(StoreError::Damaged(what)) => {
            findings.push(what);
            None
        }
        Err(other) => return Err(other),
    };
    let mut proof = Proof::new(store, depth)?;
    let last = recorded.map_or(i64::MAX as u64, |head| head.number);
    match store.read(1, last, &mut |record| proof.entry(store, &record)) {
        Ok(()) => {}
        Err(StoreError::Damaged(what)) => findings.push(what),
        Err(other) => return Err(other),
    }
    if findings.is_empty() && recorded.is_some_and(|recorded| recorded != proof.head) {
        findings.push(format!(
            "entry {} is not the one that was last recorded",
            proof.head.number
        ));
    }
    if findings.is_empty() && depth == Depth::Full {
        findings.extend(proof.index_finding(store)?);
        if store.numbers_with_lines()? != proof.with_lines {
            findings.push("lines are kept with entries that have none".to_owned());
        }
    }
    findings.extend(proof.snapshot_finding);
    Ok(Report {
        head: proof.head,
        findings,
    })
}

struct Proof {
    depth: Depth,
    head: Head,
    state: State,
    kept: Option<super::Snapshot>,
    snapshot_finding: Option<String>,
    index: IndexSum,
    with_lines: Vec<u64>,
}

impl Proof {
    fn new(store: &SqliteStore, depth: Depth) -> Result<Proof, StoreError> {
        let kept = store.snapshot(i64::MAX as u64)?;
        Ok(Proof {
            depth,
            head: Head::default(),
            state: State::default(),
            kept,
            snapshot_finding: None,
            index: IndexSum::default(),
            with_lines: Vec::new(),
        })
    }

    fn entry(&mut self, store: &SqliteStore, record: &super::Record) -> Result<(), StoreError> {
        let head = follow(&self.head, record)?;
        let decoded = decode(record)?;
        let entry = &decoded.entry;
        self.state
            .post(entry)
            .map_err(|broken| StoreError::Damaged(broken.to_string()))?;
        self.head = head;
        if self.depth == Depth::Full {
            for subject in subjects(&entry.event) {
                self.index.add(&subject, entry.number);
            }
            if decoded.lines.as_ref().is_some_and(|lines| lines.count > 0) {
                self.with_lines.push(entry.number);
            }
            if decoded.lines.is_some() {
                balanced(&entry.event, &read_lines(store, &decoded)?)?;
            }
        }
        if let Some(kept) = self.kept.take_if(|kept| kept.head.number == head.number) {
            let same = kept.head == head
                && snapshot::decode(&kept.bytes, Part::Everything)
                    .is_none_or(|state| state == self.state);
            if !same {
                let number = head.number;
                self.snapshot_finding = Some(format!(
                    "the snapshot of entry {number} is not what the entries say"
                ));
            }
        }
        Ok(())
    }

    fn index_finding(&self, store: &SqliteStore) -> Result<Option<String>, StoreError> {
        let mut kept = IndexSum::default();
        store.subjects(&mut |subject, number| {
            kept.add(subject, number);
            Ok(())
        })?;
        Ok((kept != self.index)
            .then(|| "the index of subjects is not what the entries say".to_owned()))
    }
}

/// That the lines of a bill add up to what its entry says.
fn balanced(event: &Event, lines: &Lines) -> Result<(), StoreError> {
    let (Event::BillBooked(booking), Lines::Statement(statement)) = (event, lines) else {
        return Ok(());
    };
    let mut sums = std::collections::BTreeMap::new();
    for (_, allocation) in &statement.allocations {
        *sums
            .entry(allocation.credit)
            .or_insert(crate::money::Money::ZERO) += allocation.amount;
    }
    let applied = booking
        .applied
        .iter()
        .map(|allocation| (allocation.credit, allocation.amount))
        .collect();
    if statement.totals() != booking.bill.totals || sums != applied {
        let bill = &booking.bill.id;
        return Err(StoreError::Damaged(format!(
            "the lines of bill {bill} do not add up to what is booked"
        )));
    }
    Ok(())
}

/// A sum over index rows that does not depend on their order.
#[derive(Debug, Default, PartialEq, Eq)]
struct IndexSum {
    rows: u64,
    sum: u128,
}

impl IndexSum {
    fn add(&mut self, subject: &str, number: u64) {
        let hash = Sha256::new()
            .chain_update(subject)
            .chain_update(number.to_be_bytes())
            .finalize();
        let mut low = [0; 16];
        low.copy_from_slice(&hash[..16]);
        self.rows += 1;
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(low));
    }
}
