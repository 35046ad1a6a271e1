//! AWS cost and usage reports as CSV: legacy ones, their spelling in Athena, and CUR 2.0 of Data
//! Exports.
//!
//! The header is mapped by name; the order of the columns and the columns beside the needed ones
//! do not matter. Line items are summed by bill, usage account, service, region, category, usage
//! start day and sign, each sum being one [`Charge`](crate::ledger::bill::Charge): a report has
//! millions of rows, its bill a few thousand charges, and applying credits to the sums is exact
//! because no credit can tell two rows of one sum apart. Memory grows with the sums, not the rows.
//! The sums run on from one document to the next, since a report may be delivered in parts.
//!
//! | of a bill or charge | column of CUR 2.0, then what stands in for it | legacy name |
//! |---|---|---|
//! | payer | `bill_payer_account_id` | `bill/PayerAccountId` |
//! | billing month | `bill_billing_period_start_date` | `bill/BillingPeriodStartDate` |
//! | currency | `line_item_currency_code` | `lineItem/CurrencyCode` |
//! | status | `final` if every row of every part has a `bill_invoice_id`, else `estimated` | `bill/InvoiceId` |
//! | reference | `bill_invoice_id`, if the bill has just one | `bill/InvoiceId` |
//! | amount | `line_item_unblended_cost` | `lineItem/UnblendedCost` |
//! | start and end | day of `line_item_usage_start_date`; empty: none, so that it spans the month | `lineItem/UsageStartDate` |
//! | account | `line_item_usage_account_id`, the payer | `lineItem/UsageAccountId` |
//! | service | `product_servicecode`, `line_item_product_code`, `Unknown` | `product/servicecode`, `lineItem/ProductCode` |
//! | region | `product_region_code`, `product_region`, `region` in `product`, none | `product/regionCode`, `product/region` |
//! | category | `line_item_line_item_type` and more, see [`line_item`] | `lineItem/LineItemType` |
//! | description, of credits and refunds | `line_item_line_item_description` | `lineItem/LineItemDescription` |
//!
//! What the provider credited or refunded is summed by its description too, so that it can be
//! compared with the credits on record, one by one; it ends up in the description of the charge, cut
//! at 2,048 bytes, which is more than the provider writes.
//!
//! Documents of one bill are added up as parts of it, unless they are seen to be `editions` of it.
//!
//! Services are canonical before anything is summed, so that spellings of one service make one
//! charge. Missing is empty, `""`, `NULL` or `\N`. The month of the period and the day are the first ten
//! characters of their columns, which are in UTC, whatever follows them. Columns that something
//! stands in for may be absent, since a data export lets its owner choose; a note says what was
//! assumed. Cells of other columns are never looked at, not even for UTF-8.

mod columns;
mod line_item;
mod products;
mod sums;

pub(super) use columns::{is_header, names, wanted};
pub(super) use line_item::is_support;
pub(super) use products::FIELDS as PRODUCT_FIELDS;
pub(super) use sums::Sums;
