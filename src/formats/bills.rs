//! The bills that sums of line items come to: a charge per sum, named by what its line items have in
//! common.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use xxhash_rust::xxh3::xxh3_64;

use crate::formats::fault::{Faults, Place, Problem};
use crate::ledger::bill::{Bill, BillError, Charge, Status};
use crate::ledger::names::{AccountId, BillId, Region, Service};
use crate::ledger::scope::Category;
use crate::money::Money;

/// What the sums come to.
pub(super) struct SumsOfBills {
    pub(super) bills: Vec<Bill>,
    pub(super) faults: Faults,
    pub(super) notes: Vec<String>,
    /// The names of services that nobody knows.
    pub(super) unknown_services: BTreeSet<Service>,
}

impl SumsOfBills {
    /// Adds what other sums come to.
    pub(super) fn append(&mut self, other: SumsOfBills) {
        self.bills.extend(other.bills);
        self.faults.append(other.faults);
        self.notes.extend(other.notes);
        self.unknown_services.extend(other.unknown_services);
    }
}

/// A bill whose rows are being read.
pub(super) struct Draft {
    pub(super) id: BillId,
    /// Whether its documents add up to more than can be counted.
    pub(super) is_too_large: bool,
    /// Whether some row has no invoice.
    pub(super) is_open: bool,
    pub(super) invoices: BTreeSet<Box<str>>,
}

/// What the rows of a sum have in common, in the order of the charges of a bill.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub(super) bill: usize,
    pub(super) account: AccountId,
    pub(super) service: Service,
    pub(super) region: Option<Region>,
    pub(super) category: Category,
    pub(super) day: Option<NaiveDate>,
    pub(super) is_negative: bool,
    /// Of what the provider credited or refunded.
    pub(super) description: Option<Box<str>>,
}

/// The line items of one group, added up.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) amount: Money,
    pub(super) count: u64,
}

/// The bills, one charge per sum; `groups` name sums and drafts by their numbers.
pub(super) fn of_sums(
    drafts: Vec<Draft>,
    groups: BTreeMap<Group, usize>,
    sums: &[Sum],
) -> SumsOfBills {
    let mut charges: Vec<Vec<Charge>> = drafts.iter().map(|_| Vec::new()).collect();
    for (group, number) in groups {
        // Sums of rows that were passed over have a number and nothing else.
        let sum = sums.get(number).filter(|sum| sum.count > 0);
        if let (Some(sum), Some(charges)) = (sum, charges.get_mut(group.bill)) {
            charges.push(group.charge(*sum));
        }
    }
    let mut bills = Vec::new();
    let mut faults = Faults::default();
    for (draft, charges) in drafts.into_iter().zip(charges) {
        if charges.is_empty() {
            continue;
        }
        let id = draft.id.clone();
        match draft.bill(charges) {
            Ok(bill) => bills.push(bill),
            Err(error) => faults.add(Place::Bill(id), Problem::Bill(error)),
        }
    }
    SumsOfBills {
        bills,
        faults,
        notes: Vec::new(),
        unknown_services: BTreeSet::new(),
    }
}

impl Draft {
    fn bill(self, charges: Vec<Charge>) -> Result<Bill, BillError> {
        if self.is_too_large {
            return Err(BillError::TooLarge);
        }
        let status = if self.is_open {
            Status::Estimated
        } else {
            Status::Final
        };
        let mut invoices = self.invoices.into_iter();
        let reference = match (invoices.next(), invoices.next()) {
            (Some(only), None) => Some(String::from(only)),
            _ => None,
        };
        Bill::new(self.id, status, reference, charges)
    }
}

impl Group {
    fn charge(self, sum: Sum) -> Charge {
        let region = self.region.as_ref().map_or("-", Region::as_str);
        let day = self
            .day
            .map_or_else(|| "-".to_owned(), |day| day.to_string());
        let sign = if self.is_negative { "/negative" } else { "" };
        // A description is too long and too free for an id: its hash tells it from the others.
        let words = self.description.as_deref();
        let mark = words.map_or_else(String::new, |words| {
            format!("/{:016x}", xxh3_64(words.as_bytes()))
        });
        let id = format!(
            "{}/{}/{region}/{}/{day}{sign}{mark}",
            self.account, self.service, self.category
        );
        Charge {
            id: Some(id.into()),
            account: self.account,
            service: self.service,
            region: self.region,
            category: self.category,
            amount: sum.amount,
            start: self.day,
            end: self.day,
            description: self.description,
            count: sum.count,
        }
    }
}
