//! The answer of `aws billing get-credit-allocation-history`: what AWS applied of each credit, by
//! billing month, account and service.
//!
//! Amounts are negative where they reduced the bill, as the model says; answers in which no amount
//! is negative are read as ones that leave the sign out, with a note. Months that AWS failed
//! to return are missing, never zero.

use std::collections::BTreeSet;
use std::io::Read;

use serde_json::value::RawValue;

use super::object::{Reading, account, flag, items, read_text, texts};
use crate::formats::fault::Problem;
use crate::formats::json::text;
use crate::formats::{ReadError, Services, names};
use crate::ledger::as_billed::credit_name;
use crate::ledger::provider::ProviderAllocation;
use crate::period::Month;

/// What the provider says that its credits were applied to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// What was applied.
    pub allocations: Vec<ProviderAllocation>,
    /// Months that it failed to return: what it says of them is not all.
    pub missing: BTreeSet<Month>,
    /// Whether it failed to return something and does not say of which months.
    pub is_partial: bool,
    pages: usize,
    /// Pages that name a next one.
    pages_with_next: usize,
    /// What had to be assumed: a sentence each, fit to be shown.
    pub notes: Vec<String>,
}

static ANSWER: [&str; 5] = [
    "creditAllocationHistoryList",
    "partialResults",
    "failedMonths",
    "nextToken",
    // What the AWS CLI calls it where it was told to stop.
    "NextToken",
];
static ENTRY: [&str; 7] = [
    "creditId",
    "creditAmount",
    "description",
    "accountId",
    "appliedServiceName",
    "billingMonth",
    "isEstimatedBill",
];

/// Whether a document that begins so is one: JSON with the members of an answer.
#[must_use]
pub fn is_history(start: &[u8]) -> bool {
    let has = |member: &str| {
        start
            .windows(member.len())
            .any(|window| window == member.as_bytes())
    };
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
        && (has("\"creditAllocationHistoryList\"") || has("\"partialResults\""))
}

/// Reads what the provider applied of its credits; `services` says what a service is called.
///
/// # Errors
/// An answer that cannot be read to its end, that is of something else, or that has faults.
pub fn read_history(input: impl Read, services: &mut Services) -> Result<History, ReadError> {
    let text = read_text(input)?;
    let mut reading = Reading::default();
    let mut history = History::default();
    reading.each_object(&text, |reading, path, page| {
        history.pages += 1;
        let more = read_page(reading, &path, page, &mut history, services);
        history.pages_with_next += usize::from(more == Some(true));
    });
    if history.pages == 0 && reading.faults.is_empty() {
        reading.fault("", Problem::Missing("creditAllocationHistoryList"));
    }
    if !reading.faults.is_empty() {
        return Err(ReadError::Faults(reading.faults));
    }
    history.notes.extend(reading.notes());
    Ok(history)
}

impl History {
    /// Adds what another document says.
    pub fn add(&mut self, other: History) {
        self.allocations.extend(other.allocations);
        self.missing.extend(other.missing);
        self.is_partial |= other.is_partial;
        self.pages += other.pages;
        self.pages_with_next += other.pages_with_next;
        self.notes.extend(other.notes);
    }

    /// Whether the last page is there: of n pages the first n-1 name the next one.
    #[must_use]
    pub fn has_last_page(&self) -> bool {
        self.pages == 0 || self.pages_with_next < self.pages
    }

    /// Makes amounts those that credits paid, once all documents are read.
    pub fn settle_signs(&mut self) {
        let (mut any, mut below) = (false, false);
        for entry in &self.allocations {
            any |= entry.amount.is_positive();
            below |= entry.amount.is_negative();
        }
        match below {
            true => self
                .allocations
                .iter_mut()
                .for_each(|entry| entry.amount = -entry.amount),
            false if any => {
                let note = "no amount of the history is below zero: they are taken to be what \
                            the credits paid";
                self.notes.push(note.to_owned());
            }
            false => {}
        }
    }
}

/// Reads a page; answers whether it names a next one.
fn read_page(
    reading: &mut Reading,
    path: &str,
    page: &RawValue,
    history: &mut History,
    services: &mut Services,
) -> Option<bool> {
    let page = reading.object(path, page, &ANSWER)?;
    let partial = reading.required(&page, "partialResults", flag);
    let failed = reading.optional(&page, "failedMonths", |list| {
        let months = texts(list)?.into_iter();
        months
            .map(|text| Month::parse(&text).map_err(|why| Problem::period(&text, why)))
            .collect::<Result<Vec<Month>, Problem>>()
    });
    let entries = reading.optional(&page, "creditAllocationHistoryList", |list| {
        items(&page.member("creditAllocationHistoryList"), list)
    });
    let more = page.get("nextToken").or(page.get("NextToken")).is_some();
    for (path, entry) in entries?.unwrap_or_default() {
        let read = read_entry(reading, &path, entry, services);
        history.allocations.extend(read);
    }
    let failed = failed?.unwrap_or_default();
    if partial? && failed.is_empty() {
        history.is_partial = true;
    }
    history.missing.extend(failed);
    Some(more)
}

fn read_entry(
    reading: &mut Reading,
    path: &str,
    entry: &RawValue,
    services: &mut Services,
) -> Option<ProviderAllocation> {
    let entry = reading.object(path, entry, &ENTRY)?;
    let reference = reading.required(&entry, "creditId", |raw| {
        Ok(names::label(&text(raw)?)?.to_owned())
    });
    let amount = reading.amount(&entry, "creditAmount");
    if amount == Some(None) {
        reading.fault(path, Problem::Missing("creditAmount"));
    }
    let description = reading.optional(&entry, "description", text);
    let account = reading.required(&entry, "accountId", account);
    let service = reading.required(&entry, "appliedServiceName", |raw| {
        services.name(&text(raw)?)
    });
    let month = reading.required(&entry, "billingMonth", |raw| {
        let text = text(raw)?;
        Month::parse(&text).map_err(|why| Problem::period(&text, why))
    });
    let estimated = reading.required(&entry, "isEstimatedBill", flag);
    let (currency, amount) = amount??;
    Some(ProviderAllocation {
        reference: reference?,
        name: description?.map(|text| credit_name(&text)),
        account: account?,
        service: service?,
        month: month?,
        currency,
        amount,
        estimated: estimated?,
    })
}
