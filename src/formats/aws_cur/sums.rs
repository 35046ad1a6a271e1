//! The sums of cost and usage reports: one per bill, account, service, region, category, usage
//! start day and sign, and for what the provider credited or refunded, per description.
//!
//! What cells say is worked out once per distinct text. A key says the same in every document,
//! whatever its columns are called, so the sums run on through all of them.

use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64;

use crate::formats::bills::{Group, SumsOfBills};
use crate::formats::cells::{BillColumns, bill_of, cell, day, described, optional, required};
use crate::formats::fault::{Excerpt, FAULT_LIMIT, Problem};
use crate::formats::keys::{Codes, RowKey};
use crate::formats::names::{Known, Services, note_name};
use crate::formats::rows::{Row, RowFault, is_missing};
use crate::formats::table::{Lens, Part, TableSums, bare};
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
    accounts: Known<AccountId>,
    services: Services,
    regions: Known<Region>,
    unknown_kinds: BTreeSet<Excerpt>,
    /// Whether the document has credits and no column that describes them.
    lacks_descriptions: bool,
}

/// How line items of one document are looked at.
#[derive(Clone)]
pub(in crate::formats) struct LineItems {
    columns: Columns,
    products: Products,
    codes: CellCodes,
    item_key: Vec<u8>,
}

/// The codes of the cells that decide to which sum a line item belongs.
#[derive(Clone, Default)]
struct CellCodes {
    day: Codes,
    kind: Codes,
    account: Codes,
    service: Codes,
    region: Codes,
    description: Codes,
}

impl Sums {
    /// No sums yet; `names` says what names of services stand for.
    pub(in crate::formats) fn new(names: &ServiceNames) -> Sums {
        Sums {
            tally: Tally::default(),
            accounts: Known::new(AccountId::new),
            services: Services::new(names),
            regions: Known::new(Region::new),
            unknown_kinds: BTreeSet::new(),
            lacks_descriptions: false,
        }
    }

    fn group_of(
        &mut self,
        lens: &mut LineItems,
        row: &Row<'_>,
        part: Option<Part>,
        is_negative: bool,
        faults: &mut Vec<RowFault>,
    ) -> Option<Group> {
        let columns = lens.columns;
        let region_column = region_column(row, &columns);
        let product = lens.product_of(row, part, region_column);
        let product = product.map_err(|problem| faults.push((columns.product, problem)));
        let account = optional(row, columns.account, faults, |text| {
            self.accounts.name(text)
        });
        let service = optional(row, service_column(row, &columns), faults, |text| {
            self.services.name(text)
        });
        let region = optional(row, region_column, faults, |text| self.regions.name(text));
        let kind = required(row, columns.kind, faults, |text| Ok(text.to_owned()));
        let day = optional(row, Some(columns.start), faults, day);
        let is_described = is_described(row.cell(columns.kind));
        let description = columns.description.filter(|_| is_described);
        let description = optional(row, description, faults, |text| Ok(described(text)));
        self.lacks_descriptions |= is_described && columns.description.is_none();

        let (part, product) = (part?, lens.products.get(product.ok()?)?);
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
        if category.is_none() {
            note_name(&mut self.unknown_kinds, &kind?);
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
        let mut made = self.tally.bills();
        made.notes.extend(unknown_kinds(&self.unknown_kinds));
        made.unknown_services = self.services.unknown();
        made
    }
}

impl TableSums for Sums {
    type Lens = LineItems;

    fn begin(&mut self, header: &[Vec<u8>]) -> Result<LineItems, Vec<Problem>> {
        let mut columns = Columns::of(header)?;
        columns.identity = columns.identity.filter(|_| self.tally.samples());
        self.lacks_descriptions = false;
        Ok(LineItems {
            columns,
            products: Products::default(),
            codes: CellCodes::default(),
            item_key: Vec::new(),
        })
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn part(
        &mut self,
        lens: &LineItems,
        row: &Row<'_>,
        faults: &mut Vec<RowFault>,
    ) -> Option<Part> {
        let columns = &lens.columns;
        let bill = bill_of(row, columns.of_bill(), &mut self.accounts, faults);
        let entity = optional(row, columns.entity, faults, |text| Ok(text == MARKETPLACE));
        let ((id, invoice), entity) = (bill?, entity?);
        let bill = self.tally.bill(id);
        Some(Part {
            number: self.tally.part(bill, invoice),
            bill,
            is_marketplace: entity == Some(true),
        })
    }

    fn sum(
        &mut self,
        lens: &mut LineItems,
        row: &Row<'_>,
        part: Option<Part>,
        is_negative: bool,
        faults: &mut Vec<RowFault>,
    ) -> Option<usize> {
        let group = self.group_of(lens, row, part, is_negative, faults)?;
        Some(self.tally.sum(group))
    }

    fn notes(&self, lens: &LineItems) -> Vec<String> {
        let mut notes = lens.columns.assumptions();
        notes.extend(
            self.lacks_descriptions
                .then(|| lens.columns.no_description()),
        );
        notes
    }
}

impl LineItems {
    /// The number of what the product map of a row says, if it is asked: for the region where the
    /// row names none, for Bedrock in the Marketplace.
    fn product_of(
        &mut self,
        row: &Row<'_>,
        part: Option<Part>,
        region: Option<usize>,
    ) -> Result<usize, Problem> {
        let is_marketplace = part.is_some_and(|part| part.is_marketplace);
        let map = cell(row, self.columns.product);
        if map.is_empty() || !(is_marketplace || is_missing(cell(row, region))) {
            return Ok(NO_PRODUCT);
        }
        self.products.number(map)
    }
}

impl Lens for LineItems {
    fn amount_columns(&self) -> [usize; 2] {
        [self.columns.cost, self.columns.currency]
    }

    fn part_columns(&self) -> (BillColumns, Option<usize>) {
        (self.columns.of_bill(), self.columns.entity)
    }

    fn key(&mut self, row: &Row<'_>, part: Part, is_negative: bool) -> Option<RowKey> {
        let columns = self.columns;
        let region = region_column(row, &columns);
        let product = self.product_of(row, Some(part), region).ok()?;
        let is_bedrock = part.is_marketplace && is_bedrock(row, &columns);
        let flags = [is_negative, part.is_marketplace, is_bedrock];
        let flags = flags.map(u16::from);
        let is_described = is_described(row.cell(columns.kind));
        let description = columns.description.filter(|_| is_described);
        let codes = &mut self.codes;
        Some([
            u16::try_from(part.bill).ok()?,
            u16::try_from(product).ok()?,
            flags.into_iter().fold(0, |bits, flag| bits << 1 | flag),
            row.day_code(columns.start, &mut codes.day)?,
            row.code(Some(columns.kind), &mut codes.kind)?,
            row.code(columns.account, &mut codes.account)?,
            row.code(service_column(row, &columns), &mut codes.service)?,
            row.code(region, &mut codes.region)?,
            row.code(description, &mut codes.description)?,
        ])
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
