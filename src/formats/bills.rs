//! The bills that sums of line items come to: a charge per sum, named by what its line items have in
//! common.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use chrono::NaiveDate;
use hashbrown::{DefaultHashBuilder, HashTable};
use xxhash_rust::xxh3::xxh3_64;

use crate::formats::fault::{Faults, Place, Problem};
use crate::ledger::bill::{Bill, BillError, Charge, Status};
use crate::ledger::names::{AccountId, BillId, Region, Service};
use crate::ledger::scope::Category;
use crate::money::Money;
use crate::period::date_text;

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
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// What sums are of: each group has a number, that of its sum.
#[derive(Default)]
pub(super) struct Groups {
    list: Vec<Group>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Groups {
    /// The number of a group.
    pub(super) fn number(&mut self, group: Group) -> usize {
        let (list, hasher) = (&mut self.list, &self.hasher);
        let hash = hasher.hash_one(&group);
        let is_same = |number: &u32| list.get(*number as usize) == Some(&group);
        if let Some(number) = self.numbers.find(hash, is_same) {
            return *number as usize;
        }
        let number = list.len();
        list.push(group);
        // There are fewer groups than bytes in the memory.
        self.numbers.insert_unique(hash, number as u32, |number| {
            let group = list.get(*number as usize);
            group.map_or(0, |group| hasher.hash_one(group))
        });
        number
    }

    /// The bill of a group, by their numbers.
    pub(super) fn bill(&self, number: usize) -> Option<usize> {
        self.list.get(number).map(|group| group.bill)
    }
}

/// The bills, one charge per sum; `groups` name sums and drafts by their numbers.
pub(super) fn of_sums(drafts: Vec<Draft>, groups: Groups, sums: &[Sum]) -> SumsOfBills {
    drop(groups.numbers);
    let mut groups: Vec<(Group, Sum)> = groups
        .list
        .into_iter()
        .zip(sums.iter().copied())
        // Sums of rows that were passed over have a number and nothing else.
        .filter(|(_, sum)| sum.count > 0)
        .collect();
    groups.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let mut charges: Vec<Vec<Charge>> = drafts.iter().map(|_| Vec::new()).collect();
    for (group, sum) in groups {
        if let Some(charges) = charges.get_mut(group.bill) {
            charges.push(group.charge(sum));
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
        let day = self.day.map(date_text);
        let parts = [
            self.account.as_str(),
            self.service.as_str(),
            self.region.as_ref().map_or("-", Region::as_str),
            self.category.as_str(),
            day.as_deref().unwrap_or("-"),
        ];
        let mut id = parts.join("/");
        if self.is_negative {
            id.push_str("/negative");
        }
        if let Some(words) = &self.description {
            // A description is too long and too free for an id: its hash tells it from the others.
            id.push_str(&format!("/{:016x}", xxh3_64(words.as_bytes())));
        }
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
