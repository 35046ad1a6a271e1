//! The needed columns of a cost and usage report, and what they are called.
//!
//! One table, a line a column: its name in CUR 2.0, which is also how Athena spells the legacy
//! name (lower case, an underscore before what was a capital), and its legacy name. Columns are
//! found by either; which of the two a report speaks matters for messages only.

use crate::formats::cells::BillColumns;
use crate::formats::fault::{Excerpt, Problem};
use crate::formats::table::Wanted;

/// What a column is called.
#[derive(Debug, Clone, Copy)]
struct Name {
    name: &'static str,
    legacy: &'static str,
}

const fn name(name: &'static str, legacy: &'static str) -> Name {
    Name { name, legacy }
}

const PAYER: Name = name("bill_payer_account_id", "bill/PayerAccountId");
const PERIOD: Name = name(
    "bill_billing_period_start_date",
    "bill/BillingPeriodStartDate",
);
const CURRENCY: Name = name("line_item_currency_code", "lineItem/CurrencyCode");
const KIND: Name = name("line_item_line_item_type", "lineItem/LineItemType");
const COST: Name = name("line_item_unblended_cost", "lineItem/UnblendedCost");
const START: Name = name("line_item_usage_start_date", "lineItem/UsageStartDate");
const ACCOUNT: Name = name("line_item_usage_account_id", "lineItem/UsageAccountId");
const SERVICE: Name = name("product_servicecode", "product/servicecode");
const PRODUCT_CODE: Name = name("line_item_product_code", "lineItem/ProductCode");
const REGION: Name = name("product_region_code", "product/regionCode");
const OLD_REGION: Name = name("product_region", "product/region");
const PRODUCT: Name = name("product", "product");
const PRODUCT_NAME: Name = name("product_product_name", "product/ProductName");
const INVOICE: Name = name("bill_invoice_id", "bill/InvoiceId");
const ENTITY: Name = name("bill_billing_entity", "bill/BillingEntity");
const DESCRIPTION: Name = name(
    "line_item_line_item_description",
    "lineItem/LineItemDescription",
);

const ITEM: Name = name("identity_line_item_id", "identity/LineItemId");
const INTERVAL: Name = name("identity_time_interval", "identity/TimeInterval");

/// Columns without which there is no bill.
const REQUIRED: [Name; 6] = [PAYER, PERIOD, CURRENCY, KIND, COST, START];

/// Columns that something stands in for.
const OPTIONAL: [Name; 10] = [
    ACCOUNT,
    SERVICE,
    PRODUCT_CODE,
    REGION,
    OLD_REGION,
    PRODUCT,
    PRODUCT_NAME,
    INVOICE,
    ENTITY,
    DESCRIPTION,
];

/// What identifies a line item, which is asked where documents are compared.
const IDENTITY: [Name; 2] = [ITEM, INTERVAL];

/// Where the needed columns are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Columns {
    pub(super) payer: usize,
    pub(super) period: usize,
    pub(super) currency: usize,
    pub(super) kind: usize,
    pub(super) cost: usize,
    pub(super) start: usize,
    pub(super) account: Option<usize>,
    pub(super) service: Option<usize>,
    pub(super) product_code: Option<usize>,
    pub(super) region: Option<usize>,
    /// What stands in for the region where it is missing.
    pub(super) old_region: Option<usize>,
    /// The map of everything else about the product.
    pub(super) product: Option<usize>,
    pub(super) product_name: Option<usize>,
    pub(super) invoice: Option<usize>,
    pub(super) entity: Option<usize>,
    pub(super) description: Option<usize>,
    /// What identifies a line item: its id, and the interval it is of.
    pub(super) identity: Option<[usize; 2]>,
    /// Whether the legacy names are spoken.
    is_legacy: bool,
}

/// Whether the columns are those of a cost and usage report, be it one that lacks some.
pub(crate) fn is_header(header: &[Vec<u8>]) -> bool {
    let has = |name: &&Name| name.position(header).is_some();
    has(&&COST) || REQUIRED.iter().filter(has).count() >= 2
}

/// Whether a column may be needed, by documents that are compared or by others.
pub(crate) fn wanted(column: &[u8], compares: bool) -> Option<Wanted> {
    let is_one = |names: &[Name]| names.iter().any(|name| name.is(column));
    if COST.is(column) || (compares && is_one(&IDENTITY)) {
        Some(Wanted::Distinct)
    } else {
        (is_one(&REQUIRED) || is_one(&OPTIONAL)).then_some(Wanted::Repeating)
    }
}

/// What the columns are called.
pub(crate) fn names() -> Vec<&'static str> {
    let names = REQUIRED.iter().chain(&OPTIONAL);
    names.map(|name| name.name).collect()
}

impl Name {
    fn is(self, column: &[u8]) -> bool {
        column == self.name.as_bytes() || column == self.legacy.as_bytes()
    }

    fn position(self, header: &[Vec<u8>]) -> Option<usize> {
        header.iter().position(|column| self.is(column))
    }

    fn spoken(self, is_legacy: bool) -> &'static str {
        if is_legacy { self.legacy } else { self.name }
    }
}

impl Columns {
    pub(super) fn of(header: &[Vec<u8>]) -> Result<Columns, Vec<Problem>> {
        let is_spoken = |name: &Name| {
            let legacy = name.legacy.as_bytes();
            header.iter().any(|column| column == legacy)
        };
        let is_legacy = REQUIRED.iter().any(is_spoken);
        let mut problems = Vec::new();
        let mut missing: Vec<&'static str> = Vec::new();
        let mut optional = |name: Name| {
            if header.iter().filter(|column| name.is(column)).count() > 1 {
                let spoken = name.spoken(is_legacy);
                problems.push(Problem::Repeated(Excerpt::of(spoken)));
            }
            name.position(header)
        };
        let columns = Columns {
            account: optional(ACCOUNT),
            service: optional(SERVICE),
            product_code: optional(PRODUCT_CODE),
            region: optional(REGION),
            old_region: optional(OLD_REGION),
            product: optional(PRODUCT),
            product_name: optional(PRODUCT_NAME),
            invoice: optional(INVOICE),
            entity: optional(ENTITY),
            description: optional(DESCRIPTION),
            identity: ITEM
                .position(header)
                .zip(INTERVAL.position(header))
                .map(<[usize; 2]>::from),
            ..Columns::default()
        };
        let mut required = |name: Name| {
            optional(name).unwrap_or_else(|| {
                missing.push(name.spoken(is_legacy));
                0
            })
        };
        let columns = Columns {
            payer: required(PAYER),
            period: required(PERIOD),
            currency: required(CURRENCY),
            kind: required(KIND),
            cost: required(COST),
            start: required(START),
            is_legacy,
            ..columns
        };
        if columns.service.or(columns.product_code).is_none() {
            missing.push(PRODUCT_CODE.spoken(is_legacy));
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
    pub(super) fn assumptions(&self) -> Vec<String> {
        let spoken = |name: Name| name.spoken(self.is_legacy);
        let mut notes = Vec::new();
        let mut note = |is_absent: bool, name: Name, what: String| {
            if is_absent {
                notes.push(format!("no column `{}`: {what}", spoken(name)));
            }
        };
        let (code, service, region) = (spoken(PRODUCT_CODE), spoken(SERVICE), spoken(REGION));
        note(
            self.account.is_none(),
            ACCOUNT,
            "every charge is taken to be the payer account's".to_owned(),
        );
        note(
            self.service.is_none(),
            SERVICE,
            format!("services are taken from `{code}`, which credits match less well"),
        );
        note(
            self.product_code.is_none(),
            PRODUCT_CODE,
            format!("a charge without `{service}` is taken to be of the service `Unknown`"),
        );
        match (self.region, self.old_region, self.product) {
            (None, None, None) => note(
                true,
                REGION,
                "every charge is taken to be in no region".to_owned(),
            ),
            (None, None, Some(_)) => note(
                true,
                REGION,
                "regions are taken from the `product` map".to_owned(),
            ),
            (Some(_), None, None) => note(
                true,
                if self.is_legacy { OLD_REGION } else { PRODUCT },
                format!("a charge without `{region}` is taken to be in no region"),
            ),
            _ => {}
        }
        note(
            self.invoice.is_none(),
            INVOICE,
            "the bill is taken to be estimated".to_owned(),
        );
        note(
            self.entity.is_none(),
            ENTITY,
            "no charge is taken to be sold through the Marketplace".to_owned(),
        );
        notes
    }

    /// What is to be noted where the provider's own credits cannot be told apart.
    pub(super) fn no_description(&self) -> String {
        let name = DESCRIPTION.spoken(self.is_legacy);
        format!("no column `{name}`: the provider's own credits are summed without it")
    }
}
