//! The answer of `aws billing get-credit-allocation-history`: what AWS applied of each credit, by
//! billing month, account and service.
//!
//! Amounts are negative where they reduced the bill, as the model says; an answer in which no
//! amount is negative is read as one that leaves the sign out, with a note. Months that AWS failed
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
/// An answer that cannot be read to its end, that is of something else, that is a page of which
/// the next ones are missing, or that has faults.
pub fn read_history(input: impl Read, services: &mut Services) -> Result<History, ReadError> {
    let text = read_text(input)?;
    let mut reading = Reading::default();
    let mut history = History::default();
    let mut pages = (0, 0);
    reading.each_object(&text, |reading, path, page| {
        pages.0 += 1;
        let more = read_page(reading, &path, page, &mut history, services);
        pages.1 += usize::from(more == Some(true));
    });
    if pages.0 == 0 && reading.faults.is_empty() {
        reading.fault("", Problem::Missing("creditAllocationHistoryList"));
    }
    // Of n pages the first n-1 name the next one.
    if pages.1 >= pages.0 && pages.0 > 0 && reading.faults.is_empty() {
        reading.fault("nextToken", Problem::MorePages);
    }
    if !reading.faults.is_empty() {
        return Err(ReadError::Faults(reading.faults));
    }
    history.notes.extend(reading.notes());
    let amounts = history
        .allocations
        .iter_mut()
        .map(|entry| &mut entry.amount);
    let (mut any, mut below) = (false, false);
    for amount in amounts {
        any |= amount.is_positive();
        below |= amount.is_negative();
    }
    match below {
        true => history
            .allocations
            .iter_mut()
            .for_each(|entry| entry.amount = -entry.amount),
        false if any => {
            let note = "no amount is below zero: they are taken to be what the credits paid";
            history.notes.push(note.to_owned());
        }
        false => {}
    }
    Ok(history)
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
        let note = "AWS says that results are missing and does not say of which months";
        history.notes.push(note.to_owned());
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
