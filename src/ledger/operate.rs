//! What may be done to a credit on record: it is paused and resumed, transferred, shared otherwise;
//! [`split`](super::split) has a file of its own.
//!
//! Each is a new entry that counts from a day on; bills ask for the last day of their month (rule
//! A1). Bills that are booked stay as they are. Source: the AWS Billing API model, operations
//! `TransferCredit` and `GetCredits` (`creditStatus`, `creditSharingType`), read 2026-11.

use crate::money::Money;

use super::balance::{CreditStatus, figures};
use super::credit::Sharing;
use super::decide::Desk;
use super::entry::Event;
use super::names::{AccountId, CreditId};
use super::refusal::{Refusal, Untransferable};
use super::rules::Rules;
use super::state::CreditRecord;

fn record(desk: &Desk, credit: CreditId) -> Result<&CreditRecord, Refusal> {
    let record = desk.state.credits.get(&credit);
    record.ok_or(Refusal::UnknownCredit(credit))
}

/// A credit that can still pay something, now or once a bill is corrected.
fn living(desk: &Desk, credit: CreditId) -> Result<&CreditRecord, Refusal> {
    let record = record(desk, credit)?;
    if record.is_voided() {
        return Err(Refusal::CreditVoided(credit));
    }
    Ok(record)
}

/// Takes a credit out of bills whose month ends on the day or later. Returns the entry; nothing
/// where it is paused already.
///
/// # Errors
/// An unknown credit, and a voided one.
pub fn pause(desk: &mut Desk, credit: CreditId) -> Result<Option<u64>, Refusal> {
    switch(desk, credit, true)
}

/// Lets a credit take part again in bills whose month ends on the day or later. Returns the entry;
/// nothing where it is not paused.
///
/// # Errors
/// An unknown credit, and a voided one.
pub fn resume(desk: &mut Desk, credit: CreditId) -> Result<Option<u64>, Refusal> {
    switch(desk, credit, false)
}

fn switch(desk: &mut Desk, credit: CreditId, paused: bool) -> Result<Option<u64>, Refusal> {
    if living(desk, credit)?.is_paused_on(desk.today) == paused {
        return Ok(None);
    }
    let event = if paused {
        Event::CreditPaused(credit)
    } else {
        Event::CreditResumed(credit)
    };
    Ok(Some(desk.propose(desk.today, event, None)?))
}

/// Changes who but its owner may use a credit. Returns the entry; nothing where it is so already.
///
/// # Errors
/// An unknown credit, and a voided one.
pub fn share(desk: &mut Desk, credit: CreditId, sharing: Sharing) -> Result<Option<u64>, Refusal> {
    if *living(desk, credit)?.sharing_on(desk.today) == sharing {
        return Ok(None);
    }
    let event = Event::CreditShared { credit, sharing };
    Ok(Some(desk.propose(desk.today, event, None)?))
}

/// Makes a credit another account's, of the same payer. It keeps its id, what is left of it, its
/// dates and its scope; who else may use it is as by default again. `reserved`: what open bills
/// would use of it. Returns the entry.
///
/// # Errors
/// An unknown credit; one that has ended, is empty, split or reserved whole, or whose offer forbids it;
/// its owner itself, and an account of another payer.
pub fn transfer(
    desk: &mut Desk,
    credit: CreditId,
    to: &AccountId,
    reserved: Money,
    rules: &Rules,
) -> Result<u64, Refusal> {
    let record = record(desk, credit)?;
    if let Some(why) = untransferable(desk, record, to, reserved, rules) {
        let to = to.clone();
        return Err(Refusal::NotTransferable { credit, to, why });
    }
    let to = to.clone();
    let event = Event::CreditTransferred { credit, to };
    Ok(desk.propose(desk.today, event, None)?)
}

fn untransferable(
    desk: &Desk,
    record: &CreditRecord,
    to: &AccountId,
    reserved: Money,
    rules: &Rules,
) -> Option<Untransferable> {
    let today = desk.today;
    let owner = record.owner_on(today);
    if owner == to {
        return Some(Untransferable::Owner);
    }
    if let Some(entry) = record.split_in() {
        return Some(Untransferable::Split(entry));
    }
    let figures = figures(record, today, reserved, rules);
    use CreditStatus::{Exhausted, Expired, Voided};
    if let Exhausted | Expired | Voided = figures.status {
        return Some(Untransferable::Status(figures.status.as_str()));
    }
    if figures.estimated.is_zero() {
        return Some(Untransferable::Reserved);
    }
    let offer = record.credit.terms.offer.as_ref();
    let offer = offer.and_then(|id| desk.state.offers.get(id));
    if let Some(offer) = offer.filter(|offer| !offer.offer.transferable) {
        return Some(Untransferable::Offer(offer.offer.id.clone()));
    }
    let payer = desk.state.accounts.payer_on(owner, today);
    let other = desk.state.accounts.payer_on(to, today);
    (payer != other).then(|| Untransferable::OtherPayer {
        owner: owner.clone(),
        payer: payer.clone(),
        other: other.clone(),
    })
}
