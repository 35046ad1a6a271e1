//! The answer of `aws ce get-cost-and-usage`: sums that Cost Explorer made, by day or month.
//!
//! | of a bill or charge | where |
//! |---|---|
//! | payer | nowhere: the caller says it |
//! | billing month | `TimePeriod`, `Start` |
//! | currency | `Unit` of the metric |
//! | status | `final` if no period of the month is `Estimated` and every day of it is there, else `estimated` |
//! | amount | `UnblendedCost` |
//! | start and end | `Start` of a period of one day or less; of a longer one none, so that it spans the month |
//! | account | the key by `LINKED_ACCOUNT`, the payer |
//! | service | the key by `SERVICE`, `Unknown` |
//! | region | the key by `REGION`, none |
//! | category | the key by `RECORD_TYPE`, see [`RECORD_TYPES`]; a service that is `Tax`, a support plan or named `(Amazon Bedrock Edition)` says it too |
//!
//! An answer that is not grouped by `RECORD_TYPE` does not say whether the provider's credits are
//! already inside. It is refused, unless the caller knows that they are not. Keys by anything else
//! are summed over. Pages and answers are summed together, so several make one bill a month.
//!
//! Source: the AWS Cost Explorer API reference, `GetCostAndUsage`, and a real answer, read 2026-11.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::value::RawValue;

use super::ReadError;
use super::aws_api::object::{Object, Reading, digits, first_has, flag, items, texts};
use super::bills::{Draft, Group, Sum, SumsOfBills, of_sums};
use super::fault::{Excerpt, Faults, Place, Problem};
use super::json::text;
use super::names::{Known, Services};
use crate::ledger::bill::BillError;
use crate::ledger::names::{AccountId, BillId, Currency, Region, Service};
use crate::ledger::scope::Category;
use crate::money::{Money, Reading as Amount};
use crate::period::{Month, PeriodError, parse_date};

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
    /// Of each draft the days that are there.
    days: Vec<BTreeSet<NaiveDate>>,
    numbers: BTreeMap<BillId, usize>,
    groups: BTreeMap<Group, usize>,
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
    count: usize,
}

/// A span of days, of which the end is the first day after it.
#[derive(Clone, Copy)]
struct Span {
    start: NaiveDate,
    end: NaiveDate,
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
            days: Vec::new(),
            numbers: BTreeMap::new(),
            groups: BTreeMap::new(),
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
    /// Reads an answer, all pages of it that are in `text`.
    pub(super) fn read(
        &mut self,
        text: &str,
        told: &Told,
        services: &mut Services,
    ) -> Result<ReadAnswer, ReadError> {
        let mut reading = Reading::default();
        let mut refused = None;
        let mut rounded = 0;
        reading.each_object(text, |reading, path, page| {
            let mut reader = Page {
                sums: self,
                told,
                services,
                rounded: 0,
            };
            if let Err(why) = reader.page(reading, &path, page) {
                refused.get_or_insert(why);
            }
            rounded += reader.rounded;
        });
        match refused {
            Some(why) if reading.faults.is_empty() => Err(why),
            _ => Ok(ReadAnswer {
                notes: reading.notes(),
                faults: reading.faults,
                rounded,
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
        for (draft, days) in self.drafts.iter_mut().zip(&self.days) {
            if !is_whole(draft.id.month, days) {
                draft.is_open = true;
                notes.push(format!(
                    "bill {}: not every day of {} is there, so it is taken to be estimated",
                    draft.id, draft.id.month
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
            self.days.push(BTreeSet::new());
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

fn is_whole(month: Month, days: &BTreeSet<NaiveDate>) -> bool {
    let of_month = month.first_day().iter_days();
    let mut of_month = of_month.take_while(|day| *day <= month.last_day());
    of_month.all(|day| days.contains(&day))
}

/// A page that is being read.
struct Page<'a> {
    sums: &'a mut CostExplorer,
    told: &'a Told,
    services: &'a mut Services,
    rounded: u64,
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
        if places.count == 0 {
            let Some(total) = total else {
                reading.fault(path, Problem::Missing("Total"));
                return None;
            };
            let path = result.member("Total");
            self.sum(reading, &path, total, payer, places, &[], span, open);
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
            if keys.len() != places.count {
                let (found, expected) = (keys.len(), places.count);
                reading.fault(&group.member("Keys"), Problem::Keys { found, expected });
                continue;
            }
            let path = group.member("Metrics");
            self.sum(reading, &path, metrics, payer, places, &keys, span, open);
        }
        Some(())
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
        open: bool,
    ) -> Option<()> {
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
        self.rounded += u64::from(amount.rounded);
        let id = BillId {
            month: Month::of(span.start),
            payer: payer.clone(),
            currency,
        };
        let bill = self.sums.draft(id);
        self.sums.drafts[bill].is_open |= open;
        self.sums.days[bill].extend(span.days());
        let is_day = span.start.succ_opt() == Some(span.end) || span.start == span.end;
        let group = Group {
            bill,
            account: account.unwrap_or_else(|| payer.clone()),
            service,
            region,
            category,
            day: is_day.then_some(span.start),
            is_negative: amount.amount.is_negative(),
            description: None,
        };
        let next = self.sums.sums.len();
        let number = *self.sums.groups.entry(group).or_insert(next);
        if number == next {
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
            _ => self.services.name(UNKNOWN_SERVICE)?,
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

impl Span {
    fn days(self) -> impl Iterator<Item = NaiveDate> {
        let last = self.end.max(self.start.succ_opt().unwrap_or(self.start));
        self.start.iter_days().take_while(move |day| *day < last)
    }
}

/// The days of a period, all in one month.
fn span(reading: &mut Reading, result: &Object<'_>) -> Option<Span> {
    let path = result.member("TimePeriod");
    let Some(period) = result.get("TimePeriod") else {
        reading.fault(&result.path, Problem::Missing("TimePeriod"));
        return None;
    };
    let period = reading.object(&path, period, &PERIOD)?;
    let start = reading.required(&period, "Start", day);
    let end = reading.required(&period, "End", day);
    let (start, end) = (start?, end?);
    let last = end.pred_opt().unwrap_or(end).max(start);
    if end < start {
        reading.fault(
            &period.member("End"),
            Problem::EndsBeforeItStarts { start, end },
        );
        return None;
    }
    if Month::of(start) != Month::of(last) {
        reading.fault(&path, Problem::SeveralMonths { start, end });
        return None;
    }
    Some(Span { start, end })
}

/// The day of a period's bound: a day, or an instant of it where the answer is by hour.
fn day(raw: &RawValue) -> Result<NaiveDate, Problem> {
    let text = text(raw)?;
    let (day, time) = text.split_at_checked(10).unwrap_or((&text, ""));
    let day = match time.is_empty() || time.starts_with('T') {
        true => parse_date(day),
        false => Err(PeriodError::NotADate),
    };
    day.map_err(|why| Problem::period(&text, why))
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
        *place = Some(places.count);
        places.count += 1;
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
