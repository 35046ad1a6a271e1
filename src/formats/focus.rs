//! Tables of FOCUS 1.0, 1.1 and 1.2, the FinOps Open Cost and Usage Specification, as CSV, whichever
//! provider's rows they hold.
//!
//! As in [reports of AWS](super::aws_cur), columns are found by name, rows are summed by bill,
//! sub account, service, region, category, day and sign, and what the provider credited by its
//! description too.
//!
//! | of a bill or charge | column, then what stands in for it |
//! |---|---|
//! | payer | `BillingAccountId`; one that two providers have in one call is refused, since it would be one bill of both |
//! | billing month | `BillingPeriodStart` |
//! | currency | `BillingCurrency` |
//! | status | `final` if every row has an `InvoiceId` or `x_InvoiceId`, which FOCUS has from 1.2, else `estimated` |
//! | amount | `BilledCost`; the other costs are amortised or of lists, and some are rounded |
//! | start and end | day of `ChargePeriodStart`, which may lie outside the billing month |
//! | account | `SubAccountId`, the payer |
//! | service | `x_ServiceCode`, which AWS adds, `ServiceName`, `Unknown` |
//! | region | `RegionId`, `RegionName`, none |
//! | category | `ChargeCategory` and more, see below |
//! | description, of credits | `ChargeDescription` |
//!
//! | `ChargeCategory` | category |
//! |---|---|
//! | `Usage` | `usage` |
//! | `Purchase`, its `ChargeFrequency` being `Recurring` | `recurring_fee` |
//! | `Purchase`, else | `upfront_fee` |
//! | `Tax` | `tax` |
//! | `Credit` | `credit` |
//! | `Adjustment` | `adjustment` |
//! | anything else | `other`, and a note |
//!
//! Of usage and purchases, the first of these that holds decides instead *(house)*: a service whose
//! code is one of AWS's support plans is `support`; one that nobody knows, and whose `PublisherName`
//! is not the `ProviderName`'s, is `marketplace`. `ChargeClass` decides nothing: a correction is of the
//! category that it corrects, and the sign says the rest.
//!
//! Source: the columns of FOCUS 1.0 to 1.2, and its sample data.

mod columns;

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::names::{AccountId, Region, Service};
use crate::ledger::scope::Category;
use crate::ledger::services::ServiceNames;

use super::aws_cur::is_support;
use super::bills::{Group, SumsOfBills};
use super::cells::{BillColumns, bill_of, cell, day, described, optional, required};
use super::fault::{Excerpt, FAULT_LIMIT, Place, Problem};
use super::keys::{Codes, RowKey};
use super::names::{Known, Services, label, note_name};
use super::rows::{Row, RowFault, is_missing};
use super::table::{Lens, Part, TableSums};
use super::tally::Tally;

pub(super) use columns::{is_header, names, wanted};

use columns::Columns;

/// What a charge without the name of a service is of.
const UNKNOWN_SERVICE: &str = "Unknown";

/// What providers call themselves, by their first words in lower case; one line a provider.
const PROVIDERS: [&[&str]; 4] = [
    &["aws", "amazon"],
    &["microsoft", "azure"],
    &["google"],
    &["oracle"],
];

/// The sums so far.
pub(super) struct Focus {
    tally: Tally,
    accounts: Known<AccountId>,
    services: Services,
    regions: Known<Region>,
    /// Of each payer the providers, which should be one.
    providers: BTreeMap<AccountId, BTreeSet<Box<str>>>,
    unknown_categories: BTreeSet<Excerpt>,
    /// Whether the document has credits and no column that describes them.
    lacks_descriptions: bool,
}

/// How rows of one document are looked at.
#[derive(Clone)]
pub(super) struct Rows {
    columns: Columns,
    codes: CellCodes,
}

/// The codes of the cells that decide to which sum a row belongs. Whose rows they are, and so the
/// provider, is told by the part.
#[derive(Clone, Default)]
struct CellCodes {
    day: Codes,
    category: Codes,
    frequency: Codes,
    account: Codes,
    service: Codes,
    region: Codes,
    publisher: Codes,
    description: Codes,
}

impl Focus {
    /// No sums yet; `names` says what names of services stand for.
    pub(super) fn new(names: &ServiceNames) -> Focus {
        Focus {
            tally: Tally::default(),
            accounts: Known::new(AccountId::new),
            services: Services::new(names),
            regions: Known::new(Region::new),
            providers: BTreeMap::new(),
            unknown_categories: BTreeSet::new(),
            lacks_descriptions: false,
        }
    }

    fn group_of(
        &mut self,
        columns: &Columns,
        row: &Row<'_>,
        part: Option<Part>,
        is_negative: bool,
        faults: &mut Vec<RowFault>,
    ) -> Option<Group> {
        let account = optional(row, columns.account, faults, |text| {
            self.accounts.name(text)
        });
        let service = optional(row, columns.service_of(row), faults, |text| {
            self.services.name(text)
        });
        let region = optional(row, columns.region_of(row), faults, |text| {
            self.regions.name(text)
        });
        let kind = required(row, columns.category, faults, |text| Ok(text.to_owned()));
        let text = |column, faults: &mut Vec<RowFault>| {
            optional(row, column, faults, |text| Ok(text.to_owned()))
        };
        let frequency = text(columns.frequency, faults);
        let provider = text(columns.provider, faults);
        let publisher = text(columns.publisher, faults);
        let day = optional(row, Some(columns.start), faults, day);
        let is_credit = is_credit(row.cell(columns.category));
        let description = columns.description.filter(|_| is_credit);
        let description = optional(row, description, faults, |text| Ok(described(text)));
        self.lacks_descriptions |= is_credit && columns.description.is_none();

        let (bill, kind) = (part?.bill, kind?);
        let service = match service? {
            Some(service) => service,
            None => Service::new(UNKNOWN_SERVICE).ok()?,
        };
        let is_sold_by_others = !self.services.knows(&service)
            && is_of_another(provider?.as_deref(), publisher?.as_deref());
        let category = category(&kind, frequency?.as_deref(), &service, is_sold_by_others);
        if category.is_none() {
            note_name(&mut self.unknown_categories, &kind);
        }
        Some(Group {
            bill,
            account: account?.unwrap_or_else(|| self.tally.payer(bill).clone()),
            service,
            region: region?,
            category: category.unwrap_or(Category::Other),
            day: day?,
            is_negative,
            description: description?.flatten(),
        })
    }

    /// The bills of all documents that were kept, one charge per sum.
    pub(super) fn bills(self) -> SumsOfBills {
        let mut made = self.tally.bills();
        for (account, providers) in self.providers {
            let mut providers = providers.into_iter();
            if let (Some(first), Some(second)) = (providers.next(), providers.next()) {
                let problem = Problem::TwoProviders {
                    account,
                    first: Excerpt::of(first.as_bytes()),
                    second: Excerpt::of(second.as_bytes()),
                };
                made.faults.add(Place::Document, problem);
            }
        }
        let unknown = self.unknown_categories.iter().take(FAULT_LIMIT);
        made.notes.extend(unknown.map(|category| {
            format!("charge category {category} is not known, it is read as `other`")
        }));
        if self.unknown_categories.len() > FAULT_LIMIT {
            let more = "more charge categories are not known".to_owned();
            made.notes.push(more);
        }
        made.unknown_services = self.services.unknown();
        made
    }
}

impl TableSums for Focus {
    type Lens = Rows;

    fn begin(&mut self, header: &[Vec<u8>]) -> Result<Rows, Vec<Problem>> {
        let columns = Columns::of(header)?;
        self.lacks_descriptions = false;
        Ok(Rows {
            columns,
            codes: CellCodes::default(),
        })
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn part(
        &mut self,
        Rows { columns, .. }: &Rows,
        row: &Row<'_>,
        faults: &mut Vec<RowFault>,
    ) -> Option<Part> {
        let bill = bill_of(row, columns.of_bill(), &mut self.accounts, faults);
        let provider = optional(row, columns.provider, faults, |text| {
            label(text).map(Box::from)
        });
        let (id, invoice) = bill?;
        if let Some(provider) = provider? {
            let providers = self.providers.entry(id.payer.clone()).or_default();
            providers.insert(provider);
        }
        let bill = self.tally.bill(id);
        Some(Part {
            number: self.tally.part(bill, invoice),
            bill,
            is_marketplace: false,
        })
    }

    fn sum(
        &mut self,
        Rows { columns, .. }: &mut Rows,
        row: &Row<'_>,
        part: Option<Part>,
        is_negative: bool,
        faults: &mut Vec<RowFault>,
    ) -> Option<usize> {
        let group = self.group_of(columns, row, part, is_negative, faults)?;
        Some(self.tally.sum(group))
    }

    fn notes(&self, lens: &Rows) -> Vec<String> {
        lens.columns.assumptions(self.lacks_descriptions)
    }
}

impl Lens for Rows {
    fn amount_columns(&self) -> [usize; 2] {
        [self.columns.cost, self.columns.currency]
    }

    fn part_columns(&self) -> (BillColumns, Option<usize>) {
        (self.columns.of_bill(), self.columns.provider)
    }

    fn key(&mut self, row: &Row<'_>, part: Part, is_negative: bool) -> Option<RowKey> {
        let columns = &self.columns;
        let description = columns.description;
        let description = description.filter(|_| is_credit(row.cell(columns.category)));
        let codes = &mut self.codes;
        let part = u16::try_from(part.number).ok()?;
        Some([
            part.checked_mul(2)? | u16::from(is_negative),
            row.day_code(columns.start, &mut codes.day)?,
            row.code(Some(columns.category), &mut codes.category)?,
            row.code(columns.frequency, &mut codes.frequency)?,
            row.code(columns.account, &mut codes.account)?,
            row.code(columns.service_of(row), &mut codes.service)?,
            row.code(columns.region_of(row), &mut codes.region)?,
            row.code(columns.publisher, &mut codes.publisher)?,
            row.code(description, &mut codes.description)?,
        ])
    }

    fn item(&mut self, _: &Row<'_>) -> Option<u64> {
        // A row of FOCUS has no id of its own.
        None
    }
}

/// Whether rows of a category, as it stands, are summed by their description too.
fn is_credit(category: &[u8]) -> bool {
    matches!(category, b"Credit" | b"\"Credit\"")
}

/// The category of a charge; nothing where FOCUS has none of this name.
fn category(
    kind: &str,
    frequency: Option<&str>,
    service: &Service,
    is_sold_by_others: bool,
) -> Option<Category> {
    let is_recurring = frequency.is_some_and(|word| word.eq_ignore_ascii_case("Recurring"));
    let by_kind = match kind {
        "Usage" => Category::Usage,
        "Purchase" if is_recurring => Category::RecurringFee,
        "Purchase" => Category::UpfrontFee,
        "Tax" => return Some(Category::Tax),
        "Credit" => return Some(Category::Credit),
        "Adjustment" => return Some(Category::Adjustment),
        _ => return None,
    };
    Some(if is_support(service.as_str()) {
        Category::Support
    } else if is_sold_by_others {
        Category::Marketplace
    } else {
        by_kind
    })
}

/// Whether a publisher is somebody else than a provider who is known.
fn is_of_another(provider: Option<&str>, publisher: Option<&str>) -> bool {
    let begins = |name: &str, word: &str| {
        let start = name.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let (Some(provider), Some(publisher)) = (provider, publisher) else {
        return false;
    };
    let mut providers = PROVIDERS.iter();
    let names = providers.find(|names| names.iter().any(|word| begins(provider, word)));
    names.is_some_and(|names| !names.iter().any(|word| begins(publisher, word)))
}

/// The first of two columns that has a value in a row, the second where neither has.
fn first_of(row: &Row<'_>, first: Option<usize>, second: Option<usize>) -> Option<usize> {
    if second.is_some() && is_missing(cell(row, first)) {
        second
    } else {
        first
    }
}
