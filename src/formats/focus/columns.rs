//! The needed columns of a FOCUS table.

use crate::formats::cells::BillColumns;
use crate::formats::fault::{Excerpt, Problem};
use crate::formats::rows::Row;
use crate::formats::table::Wanted;

use super::first_of;

const COST: &str = "BilledCost";
const PAYER: &str = "BillingAccountId";
const CURRENCY: &str = "BillingCurrency";
const PERIOD: &str = "BillingPeriodStart";
const CATEGORY: &str = "ChargeCategory";
const START: &str = "ChargePeriodStart";
const ACCOUNT: &str = "SubAccountId";
const SERVICE: &str = "ServiceName";
const REGION: &str = "RegionId";
const DESCRIPTION: &str = "ChargeDescription";
const PROVIDER: &str = "ProviderName";
const PUBLISHER: &str = "PublisherName";
const FREQUENCY: &str = "ChargeFrequency";
const INVOICE: &str = "InvoiceId";
const EARLY_INVOICE: &str = "x_InvoiceId";
const SERVICE_CODE: &str = "x_ServiceCode";
const REGION_NAME: &str = "RegionName";

/// Columns without which there is no bill.
const REQUIRED: [&str; 6] = [COST, PAYER, CURRENCY, PERIOD, CATEGORY, START];

/// Columns that something stands in for.
const OPTIONAL: [&str; 11] = [
    ACCOUNT,
    PROVIDER,
    PUBLISHER,
    FREQUENCY,
    DESCRIPTION,
    INVOICE,
    EARLY_INVOICE,
    SERVICE_CODE,
    SERVICE,
    REGION,
    REGION_NAME,
];

/// So many of them make a header one of FOCUS, be it that others lack.
const RECOGNISED: usize = 2;

/// Where the needed columns are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Columns {
    pub(super) cost: usize,
    pub(super) payer: usize,
    pub(super) currency: usize,
    pub(super) period: usize,
    pub(super) category: usize,
    pub(super) start: usize,
    pub(super) account: Option<usize>,
    pub(super) provider: Option<usize>,
    pub(super) publisher: Option<usize>,
    pub(super) frequency: Option<usize>,
    pub(super) description: Option<usize>,
    pub(super) invoice: Option<usize>,
    service_code: Option<usize>,
    service: Option<usize>,
    region: Option<usize>,
    region_name: Option<usize>,
}

/// Whether the columns are those of a FOCUS table, be it one that lacks some.
pub(in crate::formats) fn is_header(header: &[Vec<u8>]) -> bool {
    let has = |name: &&&str| header.iter().any(|column| column == name.as_bytes());
    REQUIRED.iter().filter(has).count() >= RECOGNISED
}

/// Whether a column may be needed.
pub(in crate::formats) fn wanted(column: &[u8]) -> Option<Wanted> {
    let mut names = REQUIRED.iter().chain(&OPTIONAL);
    let name = names.find(|name| name.as_bytes() == column)?;
    Some(match *name {
        COST => Wanted::Distinct,
        _ => Wanted::Repeating,
    })
}

/// What the columns are called.
pub(in crate::formats) fn names() -> Vec<&'static str> {
    REQUIRED.iter().chain(&OPTIONAL).copied().collect()
}

impl Columns {
    pub(super) fn of(header: &[Vec<u8>]) -> Result<Columns, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut missing = Vec::new();
        let mut optional = |name: &str| {
            let mut places = (0..)
                .zip(header)
                .filter(|(_, column)| *column == name.as_bytes());
            let place = places.next();
            if places.next().is_some() {
                problems.push(Problem::Repeated(Excerpt::of(name)));
            }
            place.map(|(place, _)| place)
        };
        let columns = Columns {
            account: optional(ACCOUNT),
            provider: optional(PROVIDER),
            publisher: optional(PUBLISHER),
            frequency: optional(FREQUENCY),
            description: optional(DESCRIPTION),
            invoice: optional(INVOICE).or_else(|| optional(EARLY_INVOICE)),
            service_code: optional(SERVICE_CODE),
            service: optional(SERVICE),
            region: optional(REGION),
            region_name: optional(REGION_NAME),
            ..Columns::default()
        };
        let mut required = |name: &'static str| {
            optional(name).unwrap_or_else(|| {
                missing.push(name);
                0
            })
        };
        let columns = Columns {
            cost: required(COST),
            payer: required(PAYER),
            currency: required(CURRENCY),
            period: required(PERIOD),
            category: required(CATEGORY),
            start: required(START),
            ..columns
        };
        if columns.service_code.or(columns.service).is_none() {
            missing.push(SERVICE);
        }
        if !missing.is_empty() {
            problems.insert(0, Problem::MissingColumns(missing));
        }
        if problems.is_empty() {
            Ok(columns)
        } else {
            Err(problems)
        }
    }

    /// The column that names the service of a row.
    pub(super) fn service_of(&self, row: &Row<'_>) -> Option<usize> {
        first_of(row, self.service_code, self.service)
    }

    /// The column that names the region of a row.
    pub(super) fn region_of(&self, row: &Row<'_>) -> Option<usize> {
        first_of(row, self.region, self.region_name)
    }

    /// Those that say of which bill a row is.
    pub(super) fn of_bill(&self) -> BillColumns {
        BillColumns {
            payer: self.payer,
            period: self.period,
            currency: self.currency,
            invoice: self.invoice,
        }
    }

    /// A note per column that is absent, with what is assumed instead.
    pub(super) fn assumptions(&self, lacks_descriptions: bool) -> Vec<String> {
        let notes = [
            (
                self.account.is_none(),
                ACCOUNT,
                "every charge is taken to be the billing account's",
            ),
            (
                self.region.or(self.region_name).is_none(),
                REGION,
                "every charge is taken to be in no region",
            ),
            (
                self.invoice.is_none(),
                INVOICE,
                "the bill is taken to be estimated",
            ),
            (
                lacks_descriptions,
                DESCRIPTION,
                "the provider's own credits are summed without it",
            ),
        ];
        let notes = notes.into_iter().filter(|(is_absent, ..)| *is_absent);
        let notes = notes.map(|(_, name, what)| format!("no column `{name}`: {what}"));
        notes.collect()
    }
}
