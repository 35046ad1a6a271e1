//! The sums of cost and usage reports: one per bill, account, service, region, category, usage
//! start day and sign, and for what the provider credited or refunded, per description.
//!
//! What cells say is worked out once per distinct text. A key says the same in every document,
//! whatever its columns are called, so the sums run on through all of them.

use std::collections::{BTreeSet, HashMap};

use xxhash_rust::xxh3::xxh3_64;

use crate::formats::bills::{Group, SumsOfBills};
use crate::formats::cells::{
    add_to_key, bill_of, cell, day, day_key, described, optional, required,
};
use crate::formats::fault::{Excerpt, FAULT_LIMIT, Problem};
use crate::formats::names::{Known, Services};
use crate::formats::rows::{Row, RowFault, is_missing};
use crate::formats::table::TableSums;
use crate::formats::tally::Tally;
use crate::ledger::names::{AccountId, Region, Service};
use crate::ledger::scope::Category;
use crate::ledger::services::ServiceNames;

use super::columns::Columns;
use super::line_item::{LineItem, MARKETPLACE, category, names_bedrock};
use super::products::{NO_PRODUCT, Products};

/// What a line item without a service code and product code is of.
const UNKNOWN_SERVICE: &str = "Unknown";

/// How many bytes of an instant say it to the second, as in `2026-04-01T00:00:00`.
const SECONDS: usize = 19;

/// The sums so far.
pub(in crate::formats) struct Sums {
    tally: Tally,
    columns: Columns,
    accounts: Known<AccountId>,
    services: Services,
    regions: Known<Region>,
    products: Products,
    unknown_kinds: BTreeSet<Excerpt>,
    /// Whether the document has credits and no column that describes them.
    lacks_descriptions: bool,
    /// Parts of bills by the raw cells that decide which.
    parts: HashMap<Box<[u8]>, Part>,
    part_key: Vec<u8>,
    last_part: Option<Part>,
    last_part_key: Vec<u8>,
    key: Vec<u8>,
    item_key: Vec<u8>,
}

/// What the columns of a row say that are the same in most rows.
#[derive(Clone, Copy)]
struct Part {
    /// Among the parts of the tally.
    number: usize,
    bill: usize,
    is_marketplace: bool,
}

impl Sums {
    /// No sums yet; `names` says what names of services stand for.
    pub(in crate::formats) fn new(names: &ServiceNames) -> Sums {
        Sums {
            tally: Tally::default(),
            columns: Columns::default(),
            accounts: Known::new(AccountId::new),
            services: Services::new(names),
            regions: Known::new(Region::new),
            products: Products::default(),
            unknown_kinds: BTreeSet::new(),
            lacks_descriptions: false,
            parts: HashMap::new(),
            part_key: Vec::new(),
            last_part: None,
            last_part_key: Vec::new(),
            key: Vec::new(),
            item_key: Vec::new(),
        }
    }

    /// Writes the cells that decide to which sum a row belongs.
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
        add_to_key(key, cells);
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
        add_to_key(key, cells.map(|column| cell(row, column)));
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
        let bill = bill_of(row, columns.of_bill(), &mut self.accounts, faults);
        let entity = optional(row, columns.entity, faults, |text| Ok(text == MARKETPLACE));
        let ((id, invoice), entity) = (bill?, entity?);
        let bill = self.tally.bill(id);
        let number = self.tally.part(bill, invoice);
        let is_marketplace = entity == Some(true);
        let part = Part {
            number,
            bill,
            is_marketplace,
        };
        self.parts.insert(self.part_key.as_slice().into(), part);
        Some(part)
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
        self.lacks_descriptions |= is_described && columns.description.is_none();

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
            account: account?.unwrap_or_else(|| self.tally.payer(part.bill).clone()),
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
        drop((self.parts, self.products));
        let mut made = self.tally.bills();
        made.notes.extend(unknown_kinds(&self.unknown_kinds));
        made.unknown_services = self.services.unknown();
        made
    }
}

impl TableSums for Sums {
    fn begin(&mut self, header: &[Vec<u8>]) -> Result<(), Vec<Problem>> {
        let columns = Columns::of(header)?;
        self.columns = columns;
        self.columns.identity = columns.identity.filter(|_| self.tally.samples());
        self.lacks_descriptions = false;
        self.tally.begin();
        Ok(())
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn amount_columns(&self) -> [usize; 2] {
        [self.columns.cost, self.columns.currency]
    }

    fn sum_of(
        &mut self,
        row: &Row<'_>,
        is_negative: bool,
        faults: &mut Vec<RowFault>,
    ) -> Option<[usize; 2]> {
        let part = self.part_of(row, faults);
        let region = region_column(row, &self.columns);
        let product = self.product_of(row, part, region, faults);
        let (Some(part), Some(product)) = (part, product) else {
            // For its faults only.
            self.group_of(row, None, region, is_negative, faults);
            return None;
        };
        self.write_key(row, part, product, region, is_negative);
        if let Some(number) = self.tally.find(&self.key) {
            return Some([number, part.number]);
        }
        let group = self.group_of(row, Some((part, product)), region, is_negative, faults)?;
        Some([self.tally.place(&self.key, group), part.number])
    }

    fn item(&mut self, row: &Row<'_>) -> Option<u64> {
        let identity = self.columns.identity?;
        let [id, interval] = identity.map(|column| bare(row.cell(column)));
        if is_missing(id) || is_missing(interval) {
            return None;
        }
        let key = &mut self.item_key;
        key.clear();
        key.extend_from_slice(id);
        // Its bounds are instants, whose seconds may have decimals.
        for bound in interval.split(|byte| *byte == b'/') {
            key.push(b'/');
            key.extend_from_slice(bound.get(..SECONDS).unwrap_or(bound));
        }
        Some(xxh3_64(key))
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.columns.assumptions();
        notes.extend(
            self.lacks_descriptions
                .then(|| self.columns.no_description()),
        );
        notes
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
