//! The sums of cost and usage reports: one per bill, account, service, region, category, usage
//! start day and sign, and for what the provider credited or refunded, per description.
//!
//! What a row belongs to is worked out from its text once per distinct text. After that the raw
//! bytes of the cells that decide it are a key to its sum, so that a row costs one look-up, one
//! amount and one addition, and allocates nothing. Maps are asked by key; what is listed at the
//! end is sorted, so the bills do not depend on the order of rows or of a hash. A key says the same
//! in every document, whatever its columns are called, so the sums run on through all of them; those
//! of one document stay apart until it has ended, since only then is it known to be no copy.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use xxhash_rust::xxh3::xxh3_64;

use crate::formats::fault::{Excerpt, FAULT_LIMIT, Problem};
use crate::formats::names::{Known, Services, label};
use crate::formats::rows::{Row, RowFault, is_missing};
use crate::ledger::bill::BillError;
use crate::ledger::names::{AccountId, BillId, Currency, Region, Service, is_unprintable};
use crate::ledger::scope::Category;
use crate::ledger::services::ServiceNames;
use crate::money::{Money, Reading};
use crate::period::Month;

use super::cells::{amount, cell, cell_text, day, day_key, optional, required};
use super::columns::Columns;
use super::editions::{Digest, Share, Sketch};
use super::line_item::{LineItem, MARKETPLACE, category, names_bedrock};
use super::products::{NO_PRODUCT, Products};
use crate::formats::bills::{self, Draft, Group, Sum, SumsOfBills};

/// What a line item without a service code and product code is of.
const UNKNOWN_SERVICE: &str = "Unknown";

/// The longest description that is kept, in bytes. The provider's have up to 1,024 characters, and end
/// in whose credit it was.
const DESCRIPTION_LIMIT: usize = 2_048;

/// How many bytes of an instant say it to the second, as in `2026-04-01T00:00:00`.
const SECONDS: usize = 19;

/// The sums so far.
pub(in crate::formats) struct Sums {
    columns: Columns,
    accounts: Known<AccountId>,
    services: Services,
    regions: Known<Region>,
    products: Products,
    bills: Vec<Draft>,
    bill_numbers: BTreeMap<BillId, usize>,
    groups: BTreeMap<Group, usize>,
    /// The sums of the documents that have ended.
    sums: Vec<Sum>,
    /// Of each sum its bill, by its number.
    bills_of_sums: Vec<usize>,
    unknown_kinds: BTreeSet<Excerpt>,
    /// What belongs to the document that is being read.
    current: Current,
    /// Parts of bills by the raw cells that decide which.
    parts: HashMap<Box<[u8]>, Part>,
    /// What the parts say of their bills, by their numbers.
    invoices: Vec<Invoice>,
    /// How many documents were begun.
    documents: u64,
    /// Whether line items are sampled, so that documents can be compared.
    samples: bool,
    part_key: Vec<u8>,
    last_part: Option<Part>,
    last_part_key: Vec<u8>,
    /// Sums by the raw cells that decide which.
    keys: HashMap<Box<[u8]>, usize>,
    key: Vec<u8>,
    item_key: Vec<u8>,
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
    /// Whether it has credits and no column that describes them.
    lacks_descriptions: bool,
    /// What could be read of the last row that has a fault.
    bad_row: BadRow,
    skipped: Skipped,
}

/// What could be read of a row that has a fault.
#[derive(Clone, Default)]
struct BadRow {
    amount: Option<Money>,
    currency: Option<Currency>,
}

/// What the rows that were passed over amount to.
#[derive(Clone, Default)]
struct Skipped {
    /// By currency, where both could be read.
    amounts: BTreeMap<Currency, Money>,
    without: u64,
}

/// What the columns of a row say that are the same in most rows.
#[derive(Clone, Copy)]
struct Part {
    /// Among the [`Invoice`]s.
    number: usize,
    bill: usize,
    is_marketplace: bool,
}

/// What a part says of its bill, once a row of it is counted.
struct Invoice {
    bill: usize,
    id: Option<Box<str>>,
    /// The last document in which one was, by its number from 1.
    counted_in: u64,
}

/// What was kept of a document.
pub(in crate::formats) struct Kept {
    /// How many amounts of it were rounded.
    pub(in crate::formats) rounded: u64,
    /// What it holds of which bill.
    pub(in crate::formats) shares: BTreeMap<BillId, Share>,
}

impl Sums {
    /// No sums yet; `names` says what names of services stand for.
    pub(in crate::formats) fn new(names: &ServiceNames) -> Sums {
        Sums {
            columns: Columns::default(),
            accounts: Known::new(AccountId::new),
            services: Services::new(names),
            regions: Known::new(Region::new),
            products: Products::default(),
            bills: Vec::new(),
            bill_numbers: BTreeMap::new(),
            groups: BTreeMap::new(),
            sums: Vec::new(),
            bills_of_sums: Vec::new(),
            unknown_kinds: BTreeSet::new(),
            current: Current::default(),
            parts: HashMap::new(),
            invoices: Vec::new(),
            documents: 0,
            samples: false,
            part_key: Vec::new(),
            last_part: None,
            last_part_key: Vec::new(),
            keys: HashMap::new(),
            key: Vec::new(),
            item_key: Vec::new(),
        }
    }

    /// Whether the line items of the documents to come are sampled, so that they can be compared.
    pub(in crate::formats) fn samples(&mut self, samples: bool) {
        self.samples = samples;
    }

    /// Begins a document with these columns.
    pub(super) fn begin(&mut self, columns: Columns) {
        self.columns = columns;
        self.columns.identity = columns.identity.filter(|_| self.samples);
        self.documents += 1;
        let mut sums = std::mem::take(&mut self.current.sums);
        sums.fill(Sum::default());
        self.current = Current {
            sums,
            ..Current::default()
        };
    }

    /// Keeps what the document added that has ended.
    pub(in crate::formats) fn keep(&mut self) -> Kept {
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
        if !self.samples {
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

    /// Adds a row to its sum, or says what is wrong with it.
    pub(super) fn add(&mut self, row: &Row<'_>) -> Vec<RowFault> {
        let mut faults = Vec::new();
        let reading = amount(row.cell(self.columns.cost)).unwrap_or_else(|problem| {
            faults.push((Some(self.columns.cost), problem));
            Reading {
                amount: Money::ZERO,
                rounded: false,
            }
        });
        let has_amount = faults.is_empty();
        let number = self.sum_of(row, reading.amount.is_negative(), &mut faults);
        let Some(number) = number.filter(|_| faults.is_empty()) else {
            self.current.bad_row = BadRow {
                amount: has_amount.then_some(reading.amount),
                currency: cell_text(row.cell(self.columns.currency))
                    .ok()
                    .and_then(|text| Currency::new(&text).ok()),
            };
            return faults;
        };
        self.current.rounded += u64::from(reading.rounded);
        // `sum_of` gives numbers of these sums.
        let sum = &mut self.current.sums[number];
        sum.count += 1;
        match sum.amount.checked_add(reading.amount) {
            Some(amount) => sum.amount = amount,
            None => faults.push((None, Problem::Bill(BillError::TooLarge))),
        }
        if let Some(part) = self.last_part {
            self.count(part, row);
        }
        faults
    }

    /// Takes note that a row of a part was counted.
    fn count(&mut self, part: Part, row: &Row<'_>) {
        // `new_part` gives numbers of these.
        let invoice = &mut self.invoices[part.number];
        if invoice.counted_in != self.documents {
            invoice.counted_in = self.documents;
            self.current.parts.push(part.number);
        }
        if let Some(identity) = self.columns.identity {
            self.sample(part.bill, row, identity);
        }
    }

    /// Adds a row to the sketch of its bill.
    fn sample(&mut self, bill: usize, row: &Row<'_>, identity: [usize; 2]) {
        let [id, interval] = identity.map(|column| bare(row.cell(column)));
        if is_missing(id) || is_missing(interval) {
            return;
        }
        let key = &mut self.item_key;
        key.clear();
        key.extend_from_slice(id);
        // Its bounds are instants, whose seconds may have decimals.
        for bound in interval.split(|byte| *byte == b'/') {
            key.push(b'/');
            key.extend_from_slice(bound.get(..SECONDS).unwrap_or(bound));
        }
        let sketches = &mut self.current.sketches;
        if sketches.len() <= bill {
            sketches.resize_with(bill + 1, Sketch::default);
        }
        // There are that many now.
        sketches[bill].add(xxh3_64(key));
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
    pub(in crate::formats) fn skipped(&self) -> String {
        let Skipped { amounts, without } = &self.current.skipped;
        let amounts = amounts.iter().map(|(currency, amount)| {
            let amount = amount.text(currency.minor_digits());
            format!("{amount} {currency}")
        });
        let without = (*without > 0).then(|| format!("{without} without an amount"));
        let all: Vec<String> = amounts.chain(without).collect();
        all.join(", ")
    }

    /// What is to be noted of this document.
    pub(super) fn notes(&self) -> Option<String> {
        let lacks = self.current.lacks_descriptions;
        lacks.then(|| self.columns.no_description())
    }

    /// The number of the sum that a row belongs to.
    fn sum_of(
        &mut self,
        row: &Row<'_>,
        is_negative: bool,
        faults: &mut Vec<RowFault>,
    ) -> Option<usize> {
        let part = self.part_of(row, faults);
        let region = region_column(row, &self.columns);
        let product = self.product_of(row, part, region, faults);
        let (Some(part), Some(product)) = (part, product) else {
            // For its faults only.
            self.group_of(row, None, region, is_negative, faults);
            return None;
        };
        self.write_key(row, part, product, region, is_negative);
        if let Some(number) = self.keys.get(self.key.as_slice()) {
            return Some(*number);
        }
        let group = self.group_of(row, Some((part, product)), region, is_negative, faults)?;
        let sums = &mut self.current.sums;
        let number = *self.groups.entry(group).or_insert(sums.len());
        if number == sums.len() {
            sums.push(Sum::default());
            self.bills_of_sums.push(part.bill);
        }
        self.keys.insert(self.key.as_slice().into(), number);
        Some(number)
    }

    /// Writes the cells that decide to which sum a row belongs, as they stand. A comma cannot
    /// stand in a cell outside quotes, so two rows have one key only if they have the same cells.
    fn write_key(
        &mut self,
        row: &Row<'_>,
        part: Part,
        product: usize,
        region: Option<usize>,
        is_negative: bool,
    ) {
        let columns = &self.columns;
        let is_bedrock = part.is_marketplace && is_bedrock(row, columns);
        let key = &mut self.key;
        key.clear();
        key.extend_from_slice(&part.bill.to_le_bytes());
        key.extend_from_slice(&product.to_le_bytes());
        let flags = [is_negative, part.is_marketplace, is_bedrock];
        key.push(
            flags
                .into_iter()
                .fold(0, |bits, flag| bits << 1 | u8::from(flag)),
        );
        key.extend_from_slice(day_key(row.cell(columns.start)));
        let kind = row.cell(columns.kind);
        let cells = [
            kind,
            cell(row, columns.account),
            cell(row, service_column(row, columns)),
            cell(row, region),
        ];
        for cell in cells {
            key.extend_from_slice(cell);
            key.push(b',');
        }
        if is_described(kind) {
            key.extend_from_slice(cell(row, columns.description));
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
        let number = self.invoices.len();
        self.invoices.push(Invoice {
            bill,
            id: invoice,
            counted_in: 0,
        });
        let is_marketplace = entity == Some(true);
        let part = Part {
            number,
            bill,
            is_marketplace,
        };
        self.parts.insert(self.part_key.as_slice().into(), part);
        Some(part)
    }

    fn bill_of(&mut self, id: BillId) -> usize {
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

    /// The number of what the product map of a row says, if it is asked: for the region where the
    /// row names none, for Bedrock in the Marketplace.
    fn product_of(
        &mut self,
        row: &Row<'_>,
        part: Option<Part>,
        region: Option<usize>,
        faults: &mut Vec<RowFault>,
    ) -> Option<usize> {
        let is_marketplace = part.is_some_and(|part| part.is_marketplace);
        let map = cell(row, self.columns.product);
        if map.is_empty() || !(is_marketplace || is_missing(cell(row, region))) {
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
        region: Option<usize>,
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
        let region = optional(row, region, faults, |text| self.regions.name(text));
        let kind = required(row, columns.kind, faults, |text| Ok(text.to_owned()));
        let day = optional(row, Some(columns.start), faults, day);
        let is_described = is_described(row.cell(columns.kind));
        let description = columns.description.filter(|_| is_described);
        let description = optional(row, description, faults, |text| Ok(described(text)));
        self.current.lacks_descriptions |= is_described && columns.description.is_none();

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
            names_bedrock: product.names_bedrock || is_bedrock(row, &columns),
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
            description: description?.flatten(),
        })
    }

    /// The bills of all documents that were kept, one charge per sum.
    pub(in crate::formats) fn bills(self) -> SumsOfBills {
        // What only served to find the sums goes before the charges come.
        drop((
            self.keys,
            self.parts,
            self.products,
            self.bill_numbers,
            self.current,
        ));
        let mut made = bills::of_sums(self.bills, self.groups, &self.sums);
        made.notes.extend(unknown_kinds(&self.unknown_kinds));
        made.unknown_services = self.services.unknown();
        made
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

/// The column that names the service of a row.
fn service_column(row: &Row<'_>, columns: &Columns) -> Option<usize> {
    if is_missing(cell(row, columns.service)) {
        columns.product_code
    } else {
        columns.service
    }
}

/// The column that names the region of a row.
fn region_column(row: &Row<'_>, columns: &Columns) -> Option<usize> {
    if columns.old_region.is_some() && is_missing(cell(row, columns.region)) {
        columns.old_region
    } else {
        columns.region
    }
}

/// Whether the name of the product is one of Bedrock.
fn is_bedrock(row: &Row<'_>, columns: &Columns) -> bool {
    names_bedrock(cell(row, columns.product_name))
}

/// Whether rows of a line item type, as it stands, are summed by their description too.
fn is_described(kind: &[u8]) -> bool {
    matches!(kind, b"Credit" | b"\"Credit\"" | b"Refund" | b"\"Refund\"")
}

/// A cell without the quotes around it.
fn bare(cell: &[u8]) -> &[u8] {
    match cell {
        [b'"', inner @ .., b'"'] => inner,
        cell => cell,
    }
}

/// A description fit to be kept: without what cannot be printed, cut at [`DESCRIPTION_LIMIT`].
fn described(text: &str) -> Option<Box<str>> {
    let mut kept = String::new();
    for symbol in text.trim().chars() {
        let symbol = if is_unprintable(symbol) { ' ' } else { symbol };
        if kept.len() + symbol.len_utf8() > DESCRIPTION_LIMIT {
            break;
        }
        kept.push(symbol);
    }
    (!kept.trim().is_empty()).then(|| kept.into())
}
