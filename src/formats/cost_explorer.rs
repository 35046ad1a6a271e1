//! The answer of `aws ce get-cost-and-usage`: sums that Cost Explorer made, by day or month.
//!
//! | of a bill or charge | where |
//! |---|---|
//! | payer | nowhere: the caller says it |
//! | billing month | `TimePeriod`, `Start` |
//! | currency | `Unit` of the metric |
//! | status | `final` if no period of the month is `Estimated` and every day of it is there, with amounts or without, else `estimated` |
//! | amount | `UnblendedCost` |
//! | start and end | `Start` of a period of one day or less; of a longer one none, so that it spans the month |
//! | account | the key by `LINKED_ACCOUNT`, the payer |
//! | service | the key by `SERVICE`, `Unknown` |
//! | region | the key by `REGION`, none |
//! | category | the key by `RECORD_TYPE`, see [`RECORD_TYPES`]; a service that is `Tax`, a support plan or named `(Amazon Bedrock Edition)` says it too |
//!
//! An answer that is not grouped by `RECORD_TYPE` does not say whether the provider's credits are
//! already inside. It is refused, unless the caller knows that they are not. Keys by anything else
//! are summed over. Pages and answers are summed together, so several make one bill a month, as long
//! as no day stands in them twice: a group of a period that stood before, a period that overlaps
//! another one, and one that is grouped otherwise are refused, since all of them double amounts.
//!
//! Source: the AWS Cost Explorer API reference, `GetCostAndUsage`, and a real answer, read 2026-11.

mod periods;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};
use serde_json::value::RawValue;

use super::ReadError;
use super::aws_api::object::{Object, Reading, digits, first_has, flag, items, texts};
use super::bills::{Draft, Group, Groups, Sum, SumsOfBills, of_sums};
use super::fault::{DaysTwice, Excerpt, Faults, Place, Problem};
use super::json::text;
use super::names::{Known, Services};
use crate::ledger::bill::BillError;
use crate::ledger::names::{AccountId, BillId, Currency, Region, Service};
use crate::ledger::scope::Category;
use crate::money::{Money, Reading as Amount};
use crate::period::{Month, PeriodError, parse_date};

use periods::{Periods, Span, midnight_after};

/// What the records of a type are; compared without spaces and case.
const RECORD_TYPES: [(&str, Category); 24] = [
    ("Usage", Category::Usage),
    ("DiscountedUsage", Category::Usage),
    ("SavingsPlanCoveredUsage", Category::Usage),
    ("Recurring", Category::RecurringFee),
    ("RIFee", Category::RecurringFee),
    ("RecurringReservationFee", Category::RecurringFee),
    ("SavingsPlanRecurringFee", Category::RecurringFee),
    ("FlatRateSubscription", Category::RecurringFee),
    ("Upfront", Category::UpfrontFee),
    ("UpfrontReservationFee", Category::UpfrontFee),
    ("Fee", Category::UpfrontFee),
    ("SavingsPlanUpfrontFee", Category::UpfrontFee),
    ("Support", Category::Support),
    ("SupportFee", Category::Support),
    ("Tax", Category::Tax),
    ("Credit", Category::Credit),
    ("Credits", Category::Credit),
    ("Refund", Category::Refund),
    ("Refunds", Category::Refund),
    ("SavingsPlanNegation", Category::Discount),
    ("Discount", Category::Discount),
    ("Adjustment", Category::Adjustment),
    ("OtherSubscription", Category::Other),
    ("OtherOutOfCycleCharges", Category::Other),
];

/// What a charge without a key by `SERVICE` is of.
const UNKNOWN_SERVICE: &str = "Unknown";

/// What is noted where all charges are of that one.
const NO_SERVICES: &str = "services are not known, since the answer is not grouped by `SERVICE`";

/// What the caller knows of an answer and the answer does not say.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// Whose bill it is.
    pub(super) payer: Option<AccountId>,
    /// Whether the provider's credits are known not to be inside.
    pub(super) gross: bool,
}

static ANSWER: [&str; 6] = [
    "ResultsByTime",
    "GroupDefinitions",
    "DimensionValueAttributes",
    "NextPageToken",
    "NextToken",
    "ResponseMetadata",
];
static DEFINITION: [&str; 2] = ["Type", "Key"];
static RESULT: [&str; 4] = ["TimePeriod", "Total", "Groups", "Estimated"];
static PERIOD: [&str; 2] = ["Start", "End"];
static GROUP: [&str; 2] = ["Keys", "Metrics"];
static METRIC: [&str; 2] = ["Amount", "Unit"];

/// The metric that is read: what is billed, before amortising and blending.
const METRIC_NAME: &str = "UnblendedCost";

/// The sums of all answers of a call.
pub(super) struct CostExplorer {
    accounts: Known<AccountId>,
    regions: Known<Region>,
    drafts: Vec<Draft>,
    /// Of each draft whether some amount is not zero.
    is_charged: Vec<bool>,
    periods: Periods,
    numbers: BTreeMap<BillId, usize>,
    groups: Groups,
    sums: Vec<Sum>,
    unknown: BTreeSet<Excerpt>,
    pages: usize,
    pages_with_next: usize,
}

/// Where in the keys of a group what stands.
#[derive(Default)]
struct Places {
    service: Option<usize>,
    account: Option<usize>,
    region: Option<usize>,
    record_type: Option<usize>,
    /// What the answer is grouped by, in the order of its keys.
    grouping: Vec<String>,
}

/// How an answer was read.
pub(super) struct ReadAnswer {
    pub(super) faults: Faults,
    pub(super) notes: Vec<String>,
    pub(super) rounded: u64,
}

impl Default for CostExplorer {
    fn default() -> CostExplorer {
        CostExplorer {
            accounts: Known::new(AccountId::new),
            regions: Known::new(Region::new),
            drafts: Vec::new(),
            is_charged: Vec::new(),
            periods: Periods::default(),
            numbers: BTreeMap::new(),
            groups: Groups::default(),
            sums: Vec::new(),
            unknown: BTreeSet::new(),
            pages: 0,
            pages_with_next: 0,
        }
    }
}

/// Whether JSON begins with an answer of Cost Explorer, or a list of them.
pub(super) fn is_answer(text: &str) -> bool {
    first_has(text, "ResultsByTime")
}

impl CostExplorer {
    /// Reads an answer, all pages of it that are in `text`, of a document of this name.
    pub(super) fn read(
        &mut self,
        text: &str,
        document: Option<&Arc<str>>,
        told: &Told,
        services: &mut Services,
    ) -> Result<ReadAnswer, ReadError> {
        let mut reading = Reading::default();
        let mut refused = None;
        let mut found = Found::default();
        reading.each_object(text, |reading, path, page| {
            let mut reader = Page {
                sums: self,
                document,
                told,
                services,
                found: &mut found,
            };
            if let Err(why) = reader.page(reading, &path, page) {
                refused.get_or_insert(why);
            }
        });
        if let Some(FirstTwice { path, days, .. }) = found.twice {
            reading.fault(&path, Problem::DaysTwice(Box::new(days)));
        }
        let mut notes = reading.notes();
        notes.extend(found.lacks_services.then(|| NO_SERVICES.to_owned()));
        match refused {
            Some(why) if reading.faults.is_empty() => Err(why),
            _ => Ok(ReadAnswer {
                notes,
                faults: reading.faults,
                rounded: found.rounded,
            }),
        }
    }

    /// The bills of all answers.
    pub(super) fn bills(mut self) -> SumsOfBills {
        let mut notes: Vec<String> = self
            .unknown
            .iter()
            .map(|kind| format!("record type {kind} is not known, it is read as `other`"))
            .collect();
        for (draft, is_charged) in self.drafts.iter_mut().zip(&self.is_charged) {
            let month = draft.id.month;
            draft.is_open = self.periods.is_open(month);
            if !self.periods.is_whole(month) {
                draft.is_open = true;
                notes.push(format!(
                    "bill {}: not every day of {month} is there, so it is taken to be estimated",
                    draft.id
                ));
            }
            if !is_charged {
                notes.push(format!(
                    "bill {}: every amount is zero, the answer says that nothing was charged",
                    draft.id
                ));
            }
        }
        let mut bills = of_sums(self.drafts, self.groups, &self.sums);
        bills.notes.extend(notes);
        if self.pages > 0 && self.pages_with_next >= self.pages {
            let place = Place::Path("NextPageToken".to_owned());
            bills.faults.add(place, Problem::MorePages);
        }
        bills
    }

    fn draft(&mut self, id: BillId) -> usize {
        let next = self.drafts.len();
        let number = *self.numbers.entry(id.clone()).or_insert(next);
        if number == next {
            self.is_charged.push(false);
            self.drafts.push(Draft {
                id,
                is_too_large: false,
                is_open: false,
                invoices: BTreeSet::new(),
            });
        }
        number
    }
}

/// A page that is being read.
struct Page<'a> {
    sums: &'a mut CostExplorer,
    document: Option<&'a Arc<str>>,
    told: &'a Told,
    services: &'a mut Services,
    found: &'a mut Found,
}

/// What was found in a document beside the sums.
#[derive(Default)]
struct Found {
    rounded: u64,
    /// Whether there are amounts without a key by `SERVICE`.
    lacks_services: bool,
    twice: Option<FirstTwice>,
}

/// The first period of a document whose days stand twice.
struct FirstTwice {
    path: String,
    days: DaysTwice,
    /// The last such period so far.
    last: Span,
}

impl Page<'_> {
    fn page(
        &mut self,
        reading: &mut Reading,
        path: &str,
        page: &RawValue,
    ) -> Result<(), ReadError> {
        let Some(page) = reading.object(path, page, &ANSWER) else {
            return Ok(());
        };
        self.sums.pages += 1;
        let more = page.get("NextPageToken").or(page.get("NextToken"));
        self.sums.pages_with_next += usize::from(more.is_some());
        let results = reading.required(&page, "ResultsByTime", |list| {
            items(&page.member("ResultsByTime"), list)
        });
        let (Some(results), Some(places)) = (results, places(reading, &page)) else {
            return Ok(());
        };
        if places.record_type.is_none() && !self.told.gross {
            return Err(ReadError::GrossOrNet);
        }
        let payer = self.told.payer.clone().ok_or(ReadError::NoPayer)?;
        for (path, result) in results {
            self.result(reading, &path, result, &payer, &places);
        }
        Ok(())
    }

    fn result(
        &mut self,
        reading: &mut Reading,
        path: &str,
        result: &RawValue,
        payer: &AccountId,
        places: &Places,
    ) -> Option<()> {
        let result = reading.object(path, result, &RESULT)?;
        let span = span(reading, &result);
        let open = reading.optional(&result, "Estimated", flag);
        let groups = reading.optional(&result, "Groups", |list| {
            items(&result.member("Groups"), list)
        });
        let total = result.get("Total").filter(|total| total.get() != "{}");
        let (span, open, groups) = (span?, open?.unwrap_or(false), groups?.unwrap_or_default());
        let grouping = places.grouping.as_slice();
        let document = self.document;
        if let Err(days) = self.sums.periods.add(span, open, grouping, document) {
            self.twice(path, days);
            return None;
        }
        if grouping.is_empty() {
            let Some(total) = total else {
                reading.fault(path, Problem::Missing("Total"));
                return None;
            };
            let path = result.member("Total");
            self.sum(reading, &path, total, payer, places, &[], span);
            return Some(());
        }
        for (path, group) in groups {
            let Some(group) = reading.object(&path, group, &GROUP) else {
                continue;
            };
            let keys = reading.required(&group, "Keys", texts);
            let metrics = reading.required(&group, "Metrics", Ok);
            let (Some(keys), Some(metrics)) = (keys, metrics) else {
                continue;
            };
            let keys: Vec<String> = keys.into_iter().map(|key| key.into_owned()).collect();
            if keys.len() != grouping.len() {
                let (found, expected) = (keys.len(), grouping.len());
                reading.fault(&group.member("Keys"), Problem::Keys { found, expected });
                continue;
            }
            let path = group.member("Metrics");
            self.sum(reading, &path, metrics, payer, places, &keys, span);
        }
        Some(())
    }

    /// Takes note of days that stand twice: of a document the first period, and how many more.
    fn twice(&mut self, path: &str, days: DaysTwice) {
        let (start, end) = (days.start, days.end);
        let last = Span { start, end };
        match &mut self.found.twice {
            None => {
                let path = path.to_owned();
                self.found.twice = Some(FirstTwice { path, days, last });
            }
            // The groups of a period come one after the other.
            Some(first) if first.last == last => {}
            Some(first) => {
                first.days.more += 1;
                first.last = last;
            }
        }
    }

    /// Adds an amount to its sum.
    #[expect(clippy::too_many_arguments, reason = "what one amount is about")]
    fn sum(
        &mut self,
        reading: &mut Reading,
        path: &str,
        metrics: &RawValue,
        payer: &AccountId,
        places: &Places,
        keys: &[String],
        span: Span,
    ) -> Option<()> {
        if let Err(days) = self.sums.periods.add_group(span, keys, self.document) {
            self.twice(path, days);
            return None;
        }
        let (currency, amount) = metric(reading, path, metrics)?;
        let key =
            |place: Option<usize>| place.and_then(|place| keys.get(place)).map(String::as_str);
        let named = self.named(key(places.account), key(places.region), key(places.service));
        let (account, region, service) = match named {
            Ok(named) => named,
            Err(problem) => {
                reading.fault(path, problem);
                return None;
            }
        };
        let category = self.category(key(places.record_type), key(places.service));
        self.found.lacks_services |= places.service.is_none();
        self.found.rounded += u64::from(amount.rounded);
        let id = BillId {
            month: span.month(),
            payer: payer.clone(),
            currency,
        };
        let bill = self.sums.draft(id);
        // `draft` gives numbers of these.
        self.sums.is_charged[bill] |= amount.amount != Money::ZERO;
        let group = Group {
            bill,
            account: account.unwrap_or_else(|| payer.clone()),
            service,
            region,
            category,
            day: span.day(),
            is_negative: amount.amount.is_negative(),
            description: None,
        };
        let number = self.sums.groups.number(group);
        if number == self.sums.sums.len() {
            self.sums.sums.push(Sum::default());
        }
        // `groups` gives numbers of `sums`.
        let sum = &mut self.sums.sums[number];
        sum.count += 1;
        match sum.amount.checked_add(amount.amount) {
            Some(total) => sum.amount = total,
            None => reading.fault(path, Problem::Bill(BillError::TooLarge)),
        }
        Some(())
    }

    fn named(
        &mut self,
        account: Option<&str>,
        region: Option<&str>,
        service: Option<&str>,
    ) -> Result<(Option<AccountId>, Option<Region>, Service), Problem> {
        let account = account.map(|id| self.sums.accounts.name(id)).transpose()?;
        let region = region.filter(|region| !matches!(*region, "" | "NoRegion"));
        let region = region
            .map(|name| self.sums.regions.name(name))
            .transpose()?;
        let service = match service {
            Some(name) if !name.is_empty() => self.services.name(name)?,
            // It is no name that somebody could alias.
            _ => {
                Service::new(UNKNOWN_SERVICE).map_err(|why| Problem::name(UNKNOWN_SERVICE, why))?
            }
        };
        Ok((account, region, service))
    }

    fn category(&mut self, record_type: Option<&str>, service: Option<&str>) -> Category {
        let by_type = match record_type {
            None => Category::Usage,
            Some(kind) => by_record_type(kind).unwrap_or_else(|| {
                if self.sums.unknown.len() < super::FAULT_LIMIT {
                    self.sums.unknown.insert(Excerpt::of(kind));
                }
                Category::Other
            }),
        };
        match (by_type, service) {
            (Category::Usage, Some("Tax")) => Category::Tax,
            (Category::Usage, Some(name)) if name.starts_with("AWS Support") => Category::Support,
            (Category::Usage, Some(name)) if name.ends_with("(Amazon Bedrock Edition)") => {
                Category::ThirdPartyModel
            }
            (category, _) => category,
        }
    }
}

/// The category of a record type: any discount is one, whatever it is called.
fn by_record_type(kind: &str) -> Option<Category> {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let kind = plain(kind);
    let known = RECORD_TYPES.iter().find(|(name, _)| plain(name) == kind);
    match known {
        Some((_, category)) => Some(*category),
        None => kind.ends_with("discount").then_some(Category::Discount),
    }
}

/// A period, all in one month.
fn span(reading: &mut Reading, result: &Object<'_>) -> Option<Span> {
    let path = result.member("TimePeriod");
    let Some(period) = result.get("TimePeriod") else {
        reading.fault(&result.path, Problem::Missing("TimePeriod"));
        return None;
    };
    let period = reading.object(&path, period, &PERIOD)?;
    let start = reading.required(&period, "Start", bound);
    let end = reading.required(&period, "End", bound);
    let (start, end) = (start?, end?);
    let (first, after) = (start.date(), end.date());
    if end < start {
        let problem = Problem::EndsBeforeItStarts {
            start: first,
            end: after,
        };
        reading.fault(&period.member("End"), problem);
        return None;
    }
    // One that ends where it starts is taken to be the day.
    let end = if end == start {
        midnight_after(first)
    } else {
        end
    };
    let last = end - TimeDelta::seconds(1);
    if Month::of(first) != Month::of(last.date()) {
        let problem = Problem::SeveralMonths {
            start: first,
            end: after,
        };
        reading.fault(&path, problem);
        return None;
    }
    Some(Span { start, end })
}

/// A period's bound: a day, or an instant as `2026-01-01T05:00:00Z` where the answer is by hour.
fn bound(raw: &RawValue) -> Result<NaiveDateTime, Problem> {
    let text = text(raw)?;
    let (day, time) = text.split_at_checked(10).unwrap_or((&text, ""));
    let day = parse_date(day).map_err(|why| Problem::period(&text, why))?;
    let time = match time {
        "" => Ok(NaiveTime::MIN),
        time => NaiveTime::parse_from_str(time, "T%H:%M:%SZ"),
    };
    let time = time.map_err(|_| Problem::period(&text, PeriodError::NotADate))?;
    Ok(day.and_time(time))
}

/// What an answer is grouped by.
fn places(reading: &mut Reading, page: &Object<'_>) -> Option<Places> {
    let list = reading.optional(page, "GroupDefinitions", |list| {
        items(&page.member("GroupDefinitions"), list)
    })?;
    let mut places = Places::default();
    for (path, definition) in list.unwrap_or_default() {
        let definition = reading.object(&path, definition, &DEFINITION)?;
        let kind = reading.required(&definition, "Type", text)?;
        let key = reading.required(&definition, "Key", text)?;
        let place = match (&*kind, &*key) {
            ("DIMENSION", "SERVICE") => &mut places.service,
            ("DIMENSION", "LINKED_ACCOUNT") => &mut places.account,
            ("DIMENSION", "REGION") => &mut places.region,
            ("DIMENSION", "RECORD_TYPE") => &mut places.record_type,
            _ => &mut None,
        };
        *place = Some(places.grouping.len());
        places.grouping.push(format!("{kind} {key}"));
    }
    Some(places)
}

/// The amount of the metric that is read, and its currency.
fn metric(reading: &mut Reading, path: &str, metrics: &RawValue) -> Option<(Currency, Amount)> {
    let mut found = None;
    let mut others = Vec::new();
    let read = super::json::each_member(metrics, |name, value| match &*name {
        METRIC_NAME => found = Some(value),
        _ => others.push(Excerpt::of(name.as_bytes())),
    });
    if read.is_err() || !metrics.get().starts_with('{') {
        reading.fault(path, super::json::wrong_type(metrics, "an object"));
        return None;
    }
    let Some(metric) = found else {
        reading.fault(path, Problem::OtherMetric(others.into_iter().next()));
        return None;
    };
    let metric = reading.object(&format!("{path}.{METRIC_NAME}"), metric, &METRIC)?;
    let currency = reading.required(&metric, "Unit", |raw| {
        let text = text(raw)?;
        Currency::new(&text).map_err(|why| Problem::name(&text, why))
    });
    let amount = reading.required(&metric, "Amount", |raw| {
        let text = digits(raw)?;
        Money::read(text.as_bytes()).map_err(|why| Problem::Amount {
            value: Excerpt::of(text.as_bytes()),
            why,
        })
    });
    Some((currency?, amount?))
}
