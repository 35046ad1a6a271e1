//! What entries keep beside themselves, in memory: for ledgers that no file holds.

use std::collections::BTreeMap;

use credits_ledger::ledger::bill::Bill;
use credits_ledger::ledger::booking::{Applied, Past};
use credits_ledger::ledger::correct::apply_bills;
use credits_ledger::ledger::decide::Desk;
use credits_ledger::ledger::entry::{Basis, Event, Lines, Proposal};
use credits_ledger::ledger::refusal::Refusal;
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::state::BillState;

/// Charges and rules by the number of their entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(BTreeMap<u64, (Lines, Rules)>);

impl Kept {
    /// Keeps what an entry brings.
    pub(crate) fn keep(&mut self, proposal: &Proposal) {
        let rules = match &proposal.entry.event {
            Event::BillBooked(booking) => booking.rules.clone(),
            _ => Rules::current(),
        };
        if let Some(lines) = &proposal.lines {
            self.0.insert(proposal.entry.number, (lines.clone(), rules));
        }
    }
}

impl Past for Kept {
    type Error = Refusal;

    fn lines(&self, bill: &BillState) -> Result<Lines, Refusal> {
        Ok(self.0[&bill.entry].0.clone())
    }

    fn rules(&self, bill: &BillState) -> Result<Rules, Refusal> {
        Ok(self.0[&bill.entry].1.clone())
    }
}

/// Applies one bill that comes in its order.
pub(crate) fn apply_bill(
    desk: &mut Desk,
    kept: &Kept,
    bill: Bill,
    rules: &Rules,
) -> Result<Applied, Refusal> {
    let outcome = apply_bills::<_, Refusal>(desk, kept, vec![bill], false, Basis::Rules, rules)?;
    Ok(outcome.bills[0].1)
}
