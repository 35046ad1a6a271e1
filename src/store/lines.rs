//! The charges of a bill as bytes: one JSON array a line, kept beside the entry of the bill, which
//! holds their hash. A replay is exact since nothing about a charge is left out; the state and its
//! snapshots stay small since they hold none.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ledger::bill::{Bill, Charge, Status};
use crate::ledger::entry::{BillRecord, Lines};
use crate::ledger::names::{AccountId, Region, Service};
use crate::ledger::statement::{Allocation, Statement};

use super::shape::{AllocationShape, Malformed, account, amount, category, days, hex};
use super::{PART_LIMIT, StoreError};

/// What binds lines to their entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinesDigest {
    /// How many there are.
    pub count: u64,
    /// SHA-256 over all parts, in hexadecimal.
    pub sha256: String,
}

/// Id, account, service, region, category, amount, start, end, description, count.
type ChargeShape = (
    Option<String>,
    String,
    String,
    Option<String>,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    u64,
);

/// Discounted, card, allocations.
type PaidShape = (String, String, Vec<AllocationShape>);

#[derive(Serialize, Deserialize)]
struct LineShape(ChargeShape, Option<PaidShape>);

fn charge_shape(charge: &Charge) -> ChargeShape {
    (
        charge.id.as_deref().map(str::to_owned),
        charge.account.to_string(),
        charge.service.to_string(),
        charge.region.as_ref().map(ToString::to_string),
        charge.category.to_string(),
        charge.amount.text(0),
        charge.start.map(|date| date.to_string()),
        charge.end.map(|date| date.to_string()),
        charge.description.as_deref().map(str::to_owned),
        charge.count,
    )
}

/// The lines of a bill in parts, and what binds them.
pub(super) fn encode(lines: &Lines) -> Result<(Vec<Vec<u8>>, LinesDigest), StoreError> {
    let shapes: Box<dyn Iterator<Item = LineShape> + '_> = match lines {
        Lines::Bill(bill) => Box::new(
            bill.charges()
                .iter()
                .map(|charge| LineShape(charge_shape(charge), None)),
        ),
        Lines::Statement(statement) => Box::new(statement_shapes(statement)),
    };
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut digest = Sha256::new();
    let mut count = 0;
    for shape in shapes {
        let line =
            serde_json::to_vec(&shape).map_err(|error| StoreError::Damaged(error.to_string()))?;
        if part.len() + line.len() + 1 > PART_LIMIT && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        part.extend_from_slice(&line);
        part.push(b'\n');
        count += 1;
    }
    if !part.is_empty() {
        parts.push(part);
    }
    for part in &parts {
        digest.update(part);
    }
    Ok((
        parts,
        LinesDigest {
            count,
            sha256: hex(&digest.finalize()),
        },
    ))
}

fn statement_shapes(statement: &Statement) -> impl Iterator<Item = LineShape> + '_ {
    statement.all_lines().map(|line| {
        let allocations = line.allocations.iter();
        let allocations = allocations
            .map(|(_, paid)| AllocationShape::of(paid))
            .collect();
        let paid = (line.discounted.text(0), line.card.text(0), allocations);
        LineShape(charge_shape(line.charge), Some(paid))
    })
}

/// Collects the parts of lines and reads them.
#[derive(Default)]
pub(super) struct LinesReader {
    digest: Sha256,
    count: u64,
    accounts: BTreeSet<AccountId>,
    services: BTreeSet<Service>,
    regions: BTreeSet<Region>,
    charges: Vec<Charge>,
    discounted: Vec<crate::money::Money>,
    card: Vec<crate::money::Money>,
    allocations: Vec<(u32, Allocation)>,
}

impl LinesReader {
    /// Takes the next part.
    pub(super) fn take(&mut self, part: &[u8]) -> Result<(), StoreError> {
        self.digest.update(part);
        for line in part.split_inclusive(|byte| *byte == b'\n') {
            self.line(line).map_err(|fault| {
                StoreError::Damaged(format!("line {} of a bill: {fault}", self.count + 1))
            })?;
            self.count += 1;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Malformed> {
        let shape: LineShape =
            serde_json::from_slice(line).map_err(|error| Malformed(error.to_string()))?;
        let (id, usage_account, service, region, kind, money, start, end, description, count) =
            shape.0;
        let named = |_| Malformed("a name is not one".to_owned());
        let charge = Charge {
            id: id.map(String::into_boxed_str),
            account: known(&mut self.accounts, &usage_account, account)?,
            service: known(&mut self.services, &service, |name| {
                Service::new(name).map_err(named)
            })?,
            region: match region {
                Some(name) => Some(known(&mut self.regions, &name, |name| {
                    Region::new(name).map_err(named)
                })?),
                None => None,
            },
            category: category(&kind)?,
            amount: amount(&money)?,
            start: days(start.as_deref())?,
            end: days(end.as_deref())?,
            description: description.map(String::into_boxed_str),
            count,
        };
        self.charges.push(charge);
        if let Some((discounted, card, allocations)) = shape.1 {
            self.discounted.push(amount(&discounted)?);
            self.card.push(amount(&card)?);
            let place = u32::try_from(self.charges.len() - 1)
                .map_err(|_| Malformed("too many lines".to_owned()))?;
            for allocation in &allocations {
                self.allocations.push((place, allocation.read()?));
            }
        }
        Ok(())
    }

    /// The lines, held against what binds them to their entry.
    pub(super) fn finish(
        self,
        record: &BillRecord,
        status: Status,
        applied: Vec<Allocation>,
        digest: &LinesDigest,
    ) -> Result<Lines, StoreError> {
        let damaged =
            |what: &str| StoreError::Damaged(format!("lines of bill {}: {what}", record.id));
        if self.count != digest.count || hex(&self.digest.finalize()) != digest.sha256 {
            return Err(damaged("they are not those that were recorded"));
        }
        let paid = self.charges.len() == self.card.len();
        let bill = Bill::new(
            record.id.clone(),
            status,
            record.reference.clone(),
            self.charges,
        )
        .map_err(|error| damaged(&error.to_string()))?;
        match status {
            Status::Estimated => Ok(Lines::Bill(bill)),
            Status::Final if paid => Ok(Lines::Statement(Statement {
                bill,
                discounted: self.discounted,
                card: self.card,
                allocations: self.allocations,
                applied,
            })),
            Status::Final => Err(damaged("they do not say who pays")),
        }
    }
}

/// The name as it was met before, so that a bill of a million charges keeps each name once.
fn known<T: Ord + Clone + std::borrow::Borrow<str>>(
    met: &mut BTreeSet<T>,
    name: &str,
    read: impl FnOnce(&str) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    if let Some(known) = met.get(name) {
        return Ok(known.clone());
    }
    let new = read(name)?;
    met.insert(new.clone());
    Ok(new)
}
