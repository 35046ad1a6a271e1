//! Which offers on record an account may redeem, and what it lacks for the others.

use chrono::NaiveDate;
use credits_ledger::catalog::ATTRIBUTES;
use credits_ledger::ledger::account::AccountChange;
use credits_ledger::ledger::eligibility::Shut;
use credits_ledger::ledger::eligibility::{shut, taken};
use credits_ledger::ledger::names::AccountId;
use credits_ledger::ledger::state::{OfferState, State};
use serde::Serialize;

use super::context::nearest;

/// An offer, as an account stands to it.
#[derive(Debug, Serialize)]
pub(crate) struct EligibleShape {
    offer: String,
    name: String,
    eligible: bool,
    missing: Vec<MissingShape>,
}

#[derive(Debug, Serialize)]
struct MissingShape {
    rule: &'static str,
    detail: String,
}

/// The offers on record on a day, in the order of ids. Credits made of them count until `counted`.
pub(crate) fn offers(
    state: &State,
    account: &AccountId,
    on: NaiveDate,
    counted: NaiveDate,
) -> Vec<EligibleShape> {
    let known = state.offers.values().filter(|offer| offer.effective <= on);
    known
        .map(|record| {
            let taken = taken(state, &record.offer, account, counted);
            let on_record = state.accounts.get(account);
            EligibleShape::new(record, &shut(&record.offer, on_record, taken, on))
        })
        .collect()
}

impl EligibleShape {
    fn new(record: &OfferState, shut: &[Shut]) -> EligibleShape {
        let missing = shut.iter().map(|shut| MissingShape {
            rule: shut.rule(),
            detail: shut.to_string(),
        });
        let missing: Vec<MissingShape> = missing.collect();
        EligibleShape {
            offer: record.offer.id.to_string(),
            name: record.offer.name.clone(),
            eligible: missing.is_empty(),
            missing,
        }
    }

    /// The offer in a line.
    pub(crate) fn line(&self) -> String {
        let (offer, name) = (&self.offer, &self.name);
        if self.eligible {
            return format!("eligible for {offer}: {name}");
        }
        let details = self.missing.iter().map(|missing| missing.detail.as_str());
        let details = details.collect::<Vec<_>>().join("; ");
        format!("not eligible for {offer}, {name}: {details}")
    }
}

/// What to say of attributes that nobody asks for, and of those taken away that are not there;
/// `before` is what is on record before the change.
pub(crate) fn attribute_notes(change: &AccountChange, before: &State) -> Vec<String> {
    let offers = before.offers.values();
    let asked = offers.flat_map(|record| record.offer.eligible.attributes_any.iter().flatten());
    let usual = ATTRIBUTES.iter().map(|name| (*name).to_owned());
    let known: Vec<String> = usual.chain(asked.cloned()).collect();
    let strange = change
        .attributes
        .iter()
        .filter(|name| !known.contains(name));
    let mut notes: Vec<String> = strange
        .map(|name| {
            let meant = meant(name, &known);
            format!(
                "note: attribute `{name}` is taken as it is, no offer on record asks for it{meant}"
            )
        })
        .collect();
    let account = &change.account;
    let on_record = before.accounts.get(account);
    let has = on_record.map(|on_record| &on_record.attributes);
    let has: Vec<String> = has.into_iter().flatten().cloned().collect();
    let absent = change.removed_attributes.iter();
    notes.extend(absent.filter(|name| !has.contains(name)).map(|name| {
        let meant = meant(name, &has);
        format!("note: account `{account}` has no attribute `{name}`{meant}")
    }));
    notes
}

fn meant(name: &str, known: &[String]) -> String {
    let near = nearest(name, known.iter());
    near.map_or(String::new(), |near| format!(", did you mean `{near}`?"))
}
