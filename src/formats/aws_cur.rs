//! AWS cost and usage reports: CUR 2.0 of Data Exports, as plain CSV.
//!
//! The header is mapped by name; the order of the columns and the columns beside the needed ones
//! do not matter. Line items are summed by bill, usage account, service, region, category, usage
//! start day and sign, each sum being one [`Charge`](crate::ledger::bill::Charge): a report has
//! millions of rows, its bill a few thousand charges, and applying credits to the sums is exact
//! because no credit can tell two rows of one sum apart. Memory grows with the sums, not the rows.
//!
//! | of a bill or charge | column, then what stands in for it |
//! |---|---|
//! | payer | `bill_payer_account_id` |
//! | billing month | `bill_billing_period_start_date` |
//! | currency | `line_item_currency_code` |
//! | status | `final` if every row has a `bill_invoice_id`, else `estimated` |
//! | reference | `bill_invoice_id`, if the bill has just one |
//! | amount | `line_item_unblended_cost` |
//! | start and end | day of `line_item_usage_start_date`; empty: none, so that it spans the month |
//! | account | `line_item_usage_account_id`, the payer |
//! | service | `product_servicecode`, `line_item_product_code`, `Unknown` |
//! | region | `product_region_code`, `region` in `product`, none |
//! | category | `line_item_line_item_type` and more, see [`line_item`] |
//!
//! Services are canonical before anything is summed, so that spellings of one service make one
//! charge. Missing is empty, `""`, `NULL` or `\N`. The month of the period and the day are the
//! first ten characters of their columns, which are in UTC, whatever follows them. Columns that
//! something stands in for may be absent, since a data export lets its owner choose; a note says
//! what was assumed. Cells of other columns are never looked at, not even for UTF-8.
//!
//! Left out, for now: the legacy names (`lineItem/UnblendedCost`), which would be a second list of
//! names in [`Columns`].

mod cells;
mod line_item;
mod products;
mod sums;

use std::io::Read;

use crate::ledger::services::ServiceNames;

use super::fault::{Excerpt, Faults, Place, Problem};
use super::rows::{Rows, RowsError};
use super::{Documents, ReadError, stopped};

use sums::Sums;

/// Where the needed columns are.
#[derive(Debug, Clone, Copy)]
struct Columns {
    payer: usize,
    period: usize,
    currency: usize,
    kind: usize,
    cost: usize,
    start: usize,
    account: Option<usize>,
    service: Option<usize>,
    product_code: Option<usize>,
    region: Option<usize>,
    product: Option<usize>,
    invoice: Option<usize>,
    entity: Option<usize>,
    /// The last column of the table, if it is one of them.
    last: Option<usize>,
}

const PAYER: &str = "bill_payer_account_id";
const PERIOD: &str = "bill_billing_period_start_date";
const CURRENCY: &str = "line_item_currency_code";
const KIND: &str = "line_item_line_item_type";
const COST: &str = "line_item_unblended_cost";
const START: &str = "line_item_usage_start_date";
const ACCOUNT: &str = "line_item_usage_account_id";
const SERVICE: &str = "product_servicecode";
const PRODUCT_CODE: &str = "line_item_product_code";
const REGION: &str = "product_region_code";
const PRODUCT: &str = "product";
const INVOICE: &str = "bill_invoice_id";
const ENTITY: &str = "bill_billing_entity";

/// Columns without which there is no bill.
const REQUIRED: [&str; 6] = [PAYER, PERIOD, CURRENCY, KIND, COST, START];

/// Columns that may be absent, and what is assumed then.
const ASSUMED: [(&str, &str); 7] = [
    (ACCOUNT, "every charge is taken to be the payer account's"),
    (
        SERVICE,
        "services are taken from `line_item_product_code`, which credits match less well",
    ),
    (
        PRODUCT_CODE,
        "a charge without `product_servicecode` is taken to be of the service `Unknown`",
    ),
    (
        REGION,
        "regions are taken from the `product` map, if there is one",
    ),
    (
        PRODUCT,
        "a charge without `product_region_code` is taken to be in no region",
    ),
    (INVOICE, "the bill is taken to be estimated"),
    (
        ENTITY,
        "no charge is taken to be sold through the Marketplace",
    ),
];

/// Whether the columns are those of a cost and usage report, be it one that lacks some.
pub(super) fn is_header(header: &[Vec<u8>]) -> bool {
    let has = |name: &&&str| position(header, name).is_some();
    position(header, COST).is_some() || REQUIRED.iter().filter(has).count() >= 2
}

fn position(header: &[Vec<u8>], name: &str) -> Option<usize> {
    header.iter().position(|column| column == name.as_bytes())
}

impl Columns {
    fn of(header: &[Vec<u8>]) -> Result<Columns, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut missing: Vec<&'static str> = Vec::new();
        let mut optional = |name: &'static str| {
            let found = position(header, name);
            let same = header.iter().filter(|column| *column == name.as_bytes());
            if same.count() > 1 {
                problems.push(Problem::Repeated(Excerpt::of(name)));
            }
            found
        };
        let account = optional(ACCOUNT);
        let service = optional(SERVICE);
        let product_code = optional(PRODUCT_CODE);
        let region = optional(REGION);
        let product = optional(PRODUCT);
        let invoice = optional(INVOICE);
        let entity = optional(ENTITY);
        let mut required = |name| {
            optional(name).unwrap_or_else(|| {
                missing.push(name);
                0
            })
        };
        let mut columns = Columns {
            payer: required(PAYER),
            period: required(PERIOD),
            currency: required(CURRENCY),
            kind: required(KIND),
            cost: required(COST),
            start: required(START),
            account,
            service,
            product_code,
            region,
            product,
            invoice,
            entity,
            last: None,
        };
        if service.or(product_code).is_none() {
            missing.push(PRODUCT_CODE);
        }
        if !missing.is_empty() {
            problems.insert(0, Problem::MissingColumns(missing));
        }
        columns.last = columns.last_of(header.len());
        if problems.is_empty() {
            Ok(columns)
        } else {
            Err(problems)
        }
    }

    fn last_of(&self, width: usize) -> Option<usize> {
        let needed = [
            self.payer,
            self.period,
            self.currency,
            self.kind,
            self.cost,
            self.start,
        ];
        let optional = [
            self.account,
            self.service,
            self.product_code,
            self.region,
            self.product,
            self.invoice,
            self.entity,
        ];
        let mut columns = needed.into_iter().chain(optional.into_iter().flatten());
        columns.find(|column| column + 1 == width)
    }
}

fn assumptions(header: &[Vec<u8>]) -> Vec<String> {
    let absent = ASSUMED
        .iter()
        .filter(|(name, _)| position(header, name).is_none());
    absent
        .map(|(name, what)| format!("no column `{name}`: {what}"))
        .collect()
}

/// Reads the rows after a header, which stood at `line`.
pub(super) fn read(
    mut rows: Rows<impl Read>,
    header: &[Vec<u8>],
    line: u64,
    names: &ServiceNames,
) -> Result<Documents, ReadError> {
    let mut faults = Faults::default();
    let columns = Columns::of(header).map_err(|problems| {
        for problem in problems {
            faults.add(Place::Line(line), problem);
        }
        ReadError::Faults(std::mem::take(&mut faults))
    })?;
    let mut sums = Sums::new(columns, names);
    let mut count = 0_u64;
    loop {
        match rows.read(|row| sums.add(row)) {
            Ok(None) => break,
            Ok(Some(outcome)) => {
                count += 1;
                for (column, problem) in outcome.faults {
                    faults.add(place(outcome.line, column, header), problem);
                }
            }
            Err(RowsError::TooLong(line)) => {
                let limit = super::rows::ROW_LIMIT;
                faults.add(Place::Line(line), Problem::RowTooLong { limit });
                break;
            }
            Err(error) => return Err(stopped(error)),
        }
    }
    if count == 0 && faults.is_empty() {
        faults.add(Place::Line(line), Problem::NoRows);
    }
    if !faults.is_empty() {
        return Err(ReadError::Faults(faults));
    }
    sums.documents(assumptions(header))
}

fn place(line: u64, column: Option<usize>, header: &[Vec<u8>]) -> Place {
    match column.and_then(|column| header.get(column)) {
        Some(name) => Place::Cell {
            line,
            column: Excerpt::of(name),
        },
        None => Place::Line(line),
    }
}
