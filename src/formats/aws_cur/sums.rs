//! The sums of a cost and usage report: one per bill, account, service, region, category, usage
//! start day and sign.
//!
//! What a row belongs to is worked out from its text once per distinct text. After that the raw
//! bytes of the cells that decide it are a key to its sum, so that a row costs one look-up, one
//! amount and one addition, and allocates nothing. Maps are asked by key; what is listed at the
//! end is sorted, so the bills do not depend on the order of rows or of a hash.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;

use crate::formats::fault::{Excerpt, FAULT_LIMIT, Faults, Place, Problem};
use crate::formats::names::{Known, Services, label};
use crate::formats::rows::{Row, RowFault, is_missing};
use crate::formats::{Documents, Format, ReadError};
use crate::ledger::bill::{Bill, BillError, Charge, Status};
use crate::ledger::names::{AccountId, BillId, Currency, Region, Service};
use crate::ledger::scope::Category;
use crate::ledger::services::ServiceNames;
use crate::money::{Money, Reading};
use crate::period::Month;

use super::Columns;
use super::cells::{amount, cell, day, day_key, optional, required};
use super::line_item::{LineItem, MARKETPLACE, category};
use super::products::{NO_PRODUCT, Products};

/// What a line item without a service code and product code is of.
const UNKNOWN_SERVICE: &str = "Unknown";

/// The sums so far.
pub(super) struct Sums {
    columns: Columns,
    accounts: Known<AccountId>,
    services: Services,
    regions: Known<Region>,
    products: Products,
    bills: Vec<Draft>,
    bill_numbers: BTreeMap<BillId, usize>,
    groups: BTreeMap<Group, usize>,
    sums: Vec<Sum>,
    unknown_kinds: BTreeSet<Excerpt>,
    rounded: u64,
    /// Parts of bills by the raw cells that decide which.
    parts: HashMap<Box<[u8]>, Part>,
    part_key: Vec<u8>,
    last_part: Option<Part>,
    last_part_key: Vec<u8>,
    /// Sums by the raw cells that decide which.
    keys: HashMap<Box<[u8]>, usize>,
    key: Vec<u8>,
}

/// A bill whose rows are being read.
struct Draft {
    id: BillId,
    /// Whether some row has no invoice.
    is_open: bool,
    invoices: BTreeSet<Box<str>>,
}

/// What the columns of a row say that are the same in most rows.
#[derive(Clone, Copy)]
struct Part {
    bill: usize,
    is_marketplace: bool,
}

/// What the rows of a sum have in common, in the order of the charges of a bill.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    bill: usize,
    account: AccountId,
    service: Service,
    region: Option<Region>,
    category: Category,
    day: Option<NaiveDate>,
    is_negative: bool,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    amount: Money,
    count: u64,
}

impl Sums {
    pub(super) fn new(columns: Columns, names: &ServiceNames) -> Sums {
        Sums {
            columns,
            accounts: Known::new(AccountId::new),
            services: Services::new(names),
            regions: Known::new(Region::new),
            products: Products::default(),
            bills: Vec::new(),
            bill_numbers: BTreeMap::new(),
            groups: BTreeMap::new(),
            sums: Vec::new(),
            unknown_kinds: BTreeSet::new(),
            rounded: 0,
            parts: HashMap::new(),
            part_key: Vec::new(),
            last_part: None,
            last_part_key: Vec::new(),
            keys: HashMap::new(),
            key: Vec::new(),
        }
    }

    /// Adds a row to its sum, or says what is wrong with it.
    pub(super) fn add(&mut self, row: &Row<'_>) -> Vec<RowFault> {
        let mut faults = Vec::new();
        if let (true, Some(last)) = (row.is_unfinished(), self.columns.last) {
            let cell = Excerpt::of(row.cell(last));
            faults.push((Some(last), Problem::Unfinished(cell)));
        }
        let reading = amount(row.cell(self.columns.cost)).unwrap_or_else(|problem| {
            faults.push((Some(self.columns.cost), problem));
            Reading {
                amount: Money::ZERO,
                rounded: false,
            }
        });
        let Some(number) = self.sum_of(row, reading.amount.is_negative(), &mut faults) else {
            return faults;
        };
        self.rounded += u64::from(reading.rounded);
        // `sum_of` gives numbers of `sums`.
        let sum = &mut self.sums[number];
        sum.count += 1;
        match sum.amount.checked_add(reading.amount) {
            Some(amount) => sum.amount = amount,
            None => faults.push((None, Problem::Bill(BillError::TooLarge))),
        }
        faults
    }

    /// The number of the sum that a row belongs to.
    fn sum_of(
        &mut self,
        row: &Row<'_>,
        is_negative: bool,
        faults: &mut Vec<RowFault>,
    ) -> Option<usize> {
        let part = self.part_of(row, faults);
        let product = self.product_of(row, part, faults);
        let (Some(part), Some(product)) = (part, product) else {
            // For its faults only.
            self.group_of(row, None, is_negative, faults);
            return None;
        };
        self.write_key(row, part, product, is_negative);
        if let Some(number) = self.keys.get(self.key.as_slice()) {
            return Some(*number);
        }
        let group = self.group_of(row, Some((part, product)), is_negative, faults)?;
        let number = *self.groups.entry(group).or_insert(self.sums.len());
        if number == self.sums.len() {
            self.sums.push(Sum::default());
        }
        self.keys.insert(self.key.as_slice().into(), number);
        Some(number)
    }

    /// Writes the cells that decide to which sum a row belongs, as they stand. A comma cannot
    /// stand in a cell outside quotes, so two rows have one key only if they have the same cells.
    fn write_key(&mut self, row: &Row<'_>, part: Part, product: usize, is_negative: bool) {
        let columns = &self.columns;
        let key = &mut self.key;
        key.clear();
        key.extend_from_slice(&part.bill.to_le_bytes());
        key.extend_from_slice(&product.to_le_bytes());
        key.push(u8::from(part.is_marketplace) << 1 | u8::from(is_negative));
        key.extend_from_slice(day_key(row.cell(columns.start)));
        let cells = [
            Some(columns.kind),
            columns.account,
            service_column(row, columns),
            columns.region,
        ];
        for column in cells {
            key.extend_from_slice(cell(row, column));
            key.push(b',');
        }
    }

    fn part_of(&mut self, row: &Row<'_>, faults: &mut Vec<RowFault>) -> Option<Part> {
        let columns = &self.columns;
        let key = &mut self.part_key;
        key.clear();
        let cells = [
            Some(columns.payer),
            Some(columns.period),
            Some(columns.currency),
            columns.invoice,
            columns.entity,
        ];
        for column in cells {
            key.extend_from_slice(cell(row, column));
            key.push(b',');
        }
        // Hardly ever does it change from one row to the next.
        if self.last_part.is_some() && self.last_part_key == self.part_key {
            return self.last_part;
        }
        self.last_part = match self.parts.get(self.part_key.as_slice()) {
            Some(part) => Some(*part),
            None => self.new_part(row, faults),
        };
        std::mem::swap(&mut self.last_part_key, &mut self.part_key);
        self.last_part
    }

    fn new_part(&mut self, row: &Row<'_>, faults: &mut Vec<RowFault>) -> Option<Part> {
        let columns = self.columns;
        let payer = required(row, columns.payer, faults, |text| self.accounts.name(text));
        let month = required(row, columns.period, faults, |text| day(text).map(Month::of));
        let currency = required(row, columns.currency, faults, |text| {
            Currency::new(text).map_err(|why| Problem::name(text, why))
        });
        let invoice = optional(row, columns.invoice, faults, |text| {
            label(text).map(Box::from)
        });
        let entity = optional(row, columns.entity, faults, |text| Ok(text == MARKETPLACE));
        let (month, payer, currency) = (month?, payer?, currency?);
        let (invoice, entity) = (invoice?, entity?);
        let bill = self.bill_of(BillId {
            month,
            payer,
            currency,
        });
        // `bill_of` gives numbers of `bills`.
        let draft = &mut self.bills[bill];
        draft.is_open |= invoice.is_none();
        draft.invoices.extend(invoice);
        let is_marketplace = entity == Some(true);
        let part = Part {
            bill,
            is_marketplace,
        };
        self.parts.insert(self.part_key.as_slice().into(), part);
        Some(part)
    }

    fn bill_of(&mut self, id: BillId) -> usize {
        let (is_open, invoices) = (false, BTreeSet::new());
        let next = self.bills.len();
        let number = *self.bill_numbers.entry(id.clone()).or_insert(next);
        if number == next {
            self.bills.push(Draft {
                id,
                is_open,
                invoices,
            });
        }
        number
    }

    /// The number of what the product map of a row says, if it is asked: for the region where the
    /// row names none, for Bedrock in the Marketplace.
    fn product_of(
        &mut self,
        row: &Row<'_>,
        part: Option<Part>,
        faults: &mut Vec<RowFault>,
    ) -> Option<usize> {
        let is_marketplace = part.is_some_and(|part| part.is_marketplace);
        let map = cell(row, self.columns.product);
        if map.is_empty() || !(is_marketplace || is_missing(cell(row, self.columns.region))) {
            return Some(NO_PRODUCT);
        }
        let number = self.products.number(map, &mut self.regions);
        number
            .map_err(|problem| faults.push((self.columns.product, problem)))
            .ok()
    }

    fn group_of(
        &mut self,
        row: &Row<'_>,
        known: Option<(Part, usize)>,
        is_negative: bool,
        faults: &mut Vec<RowFault>,
    ) -> Option<Group> {
        let columns = self.columns;
        let account = optional(row, columns.account, faults, |text| {
            self.accounts.name(text)
        });
        let service = optional(row, service_column(row, &columns), faults, |text| {
            self.services.name(text)
        });
        let region = optional(row, columns.region, faults, |text| self.regions.name(text));
        let kind = required(row, columns.kind, faults, |text| Ok(text.to_owned()));
        let day = optional(row, Some(columns.start), faults, day);

        let (part, product) = known?;
        let product = self.products.get(product)?;
        let service = match service? {
            Some(service) => service,
            None => Service::new(UNKNOWN_SERVICE).ok()?,
        };
        let category = category(&LineItem {
            kind: kind.as_deref()?,
            service: service.as_str(),
            is_marketplace: part.is_marketplace,
            names_bedrock: product.names_bedrock,
        });
        if category.is_none() && self.unknown_kinds.len() <= FAULT_LIMIT {
            self.unknown_kinds.insert(Excerpt::of(kind?));
        }
        Some(Group {
            bill: part.bill,
            account: account?.unwrap_or_else(|| self.bills[part.bill].id.payer.clone()),
            service,
            region: region?.or_else(|| product.region.clone()),
            category: category.unwrap_or(Category::Other),
            day: day?,
            is_negative,
        })
    }

    /// The bills, one charge per sum.
    pub(super) fn documents(self, mut notes: Vec<String>) -> Result<Documents, ReadError> {
        // What only served to find the sums goes before the charges come.
        drop((self.keys, self.parts, self.products, self.bill_numbers));
        notes.extend(unknown_kinds(&self.unknown_kinds));
        let mut charges: Vec<Vec<Charge>> = self.bills.iter().map(|_| Vec::new()).collect();
        for (group, number) in self.groups {
            let sum = self.sums[number];
            charges[group.bill].push(group.charge(sum));
        }
        let mut bills = Vec::new();
        let mut faults = Faults::default();
        for (draft, charges) in self.bills.into_iter().zip(charges) {
            let id = draft.id.clone();
            match draft.bill(charges) {
                Ok(bill) => bills.push(bill),
                Err(error) => faults.add(Place::Bill(id), Problem::Bill(error)),
            }
        }
        if !faults.is_empty() {
            return Err(ReadError::Faults(faults));
        }
        let (rounded, format) = (self.rounded, Format::AwsCur);
        let unknown_services = self.services.unknown();
        Ok(Documents {
            bills,
            rounded,
            format,
            notes,
            unknown_services,
        })
    }
}

/// A note per line item type that is not known, up to [`FAULT_LIMIT`].
fn unknown_kinds(kinds: &BTreeSet<Excerpt>) -> impl Iterator<Item = String> {
    let more = kinds.iter().nth(FAULT_LIMIT);
    let more = more.map(|_| "more line item types are not known".to_owned());
    let kinds = kinds.iter().take(FAULT_LIMIT);
    kinds
        .map(|kind| format!("line item type {kind} is not known, it is read as `other`"))
        .chain(more)
}

impl Draft {
    fn bill(self, charges: Vec<Charge>) -> Result<Bill, BillError> {
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
        let id = format!(
            "{}/{}/{region}/{}/{day}{sign}",
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
            description: None,
            count: sum.count,
        }
    }
}

/// The column that names the service of a row.
fn service_column(row: &Row<'_>, columns: &Columns) -> Option<usize> {
    if is_missing(cell(row, columns.service)) {
        columns.product_code
    } else {
        columns.service
    }
}
