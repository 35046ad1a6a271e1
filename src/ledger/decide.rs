//! Decisions: what a request puts on record, or why it is refused.
//!
//! A [`Desk`] is a state about to be added to. Each decision posts its entries to the state as it
//! goes, so that the next one of the same command sees them, and so that an entry which breaks an
//! invariant is stopped here, before anything is written.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use crate::catalog::{self, comparable};
use crate::money::Money;

use super::account::AccountChange;
use super::credit::Terms;
use super::entry::{Entry, Event, Lines, Proposal};
use super::limits::Limits;
use super::names::{AccountId, CreditId, Service};
use super::offer::Offer;
use super::refusal::Refusal;
use super::rules::Rules;
use super::services::ServiceAlias;
use super::state::{Broken, CreditRecord, State};

/// A state about to be added to by one command.
#[derive(Debug)]
pub struct Desk {
    /// What the journal says, the entries proposed so far included.
    pub state: State,
    /// The entries proposed so far.
    pub proposals: Vec<Proposal>,
    command: u64,
    now: DateTime<Utc>,
    /// The day on which the command is done.
    pub today: NaiveDate,
}

impl Desk {
    /// A desk over a state, for a command given at `now`, which counts as the day `today`.
    #[must_use]
    pub fn new(state: State, now: DateTime<Utc>, today: NaiveDate) -> Desk {
        Desk {
            command: state.head + 1,
            state,
            proposals: Vec::new(),
            now,
            today,
        }
    }

    /// Proposes an entry and posts it; returns its number.
    ///
    /// # Errors
    /// An entry that breaks an invariant.
    pub fn propose(
        &mut self,
        effective: NaiveDate,
        event: Event,
        lines: Option<Lines>,
    ) -> Result<u64, Broken> {
        let number = self.state.head + 1;
        let entry = Entry {
            number,
            command: self.command,
            recorded: self.now,
            effective,
            event,
        };
        self.state.post(&entry)?;
        self.proposals.push(Proposal { entry, lines });
        Ok(number)
    }
}

/// Records a credit.
///
/// # Errors
/// Dates in the wrong order, more used than there was, more credit than can be counted.
pub fn grant(desk: &mut Desk, account: AccountId, terms: Terms) -> Result<CreditId, Refusal> {
    check_terms(&terms)?;
    let effective = terms.start_date;
    let number = desk.propose(effective, Event::Granted { account, terms }, None)?;
    Ok(CreditId::made_by(number))
}

pub(super) fn check_terms(terms: &Terms) -> Result<(), Refusal> {
    if let Some(end) = terms.end_date
        && end < terms.start_date
    {
        return Err(Refusal::EndsBeforeItStarts {
            start: terms.start_date,
            end,
        });
    }
    if terms.used_before > terms.amount {
        return Err(Refusal::UsedTooMuch {
            used: terms.used_before,
            amount: terms.amount,
        });
    }
    Ok(())
}

/// Records an offer; nothing where the same offer is on record.
///
/// # Errors
/// Another offer under the same id.
pub fn add_offer(desk: &mut Desk, offer: Offer) -> Result<(), Refusal> {
    let names = desk.state.service_names();
    match desk.state.offers.get(&offer.id) {
        // An alias does not make another offer of it.
        Some(known) if known.offer == offer || same_terms(&names.offer(&known.offer), &offer) => {
            Ok(())
        }
        Some(_) => Err(Refusal::OfferDiffers(offer.id)),
        None => {
            desk.propose(desk.today, Event::OfferAdded(offer), None)?;
            Ok(())
        }
    }
}

/// Whether two offers say the same, wherever that stands.
fn same_terms(one: &Offer, other: &Offer) -> bool {
    let source = other.source.clone();
    Offer {
        source,
        ..one.clone()
    } == *other
}

/// Records which credit the provider's credit rows of a name mean; nothing where that is so.
///
/// # Errors
/// An unknown credit.
pub fn match_credit(desk: &mut Desk, name: String, credit: CreditId) -> Result<(), Refusal> {
    if !desk.state.credits.contains_key(&credit) {
        return Err(Refusal::UnknownCredit(credit));
    }
    if desk.state.matches.get(&name) != Some(&credit) {
        desk.propose(desk.today, Event::CreditMatched { name, credit }, None)?;
    }
    Ok(())
}

/// Takes away what is left of a credit, which may be one that has not started. Returns how much.
///
/// # Errors
/// An unknown credit, and one that is used up or past its end.
pub fn void(
    desk: &mut Desk,
    credit: CreditId,
    reason: String,
    rules: &Rules,
) -> Result<Money, Refusal> {
    let record = desk
        .state
        .credits
        .get(&credit)
        .ok_or(Refusal::UnknownCredit(credit))?;
    let amount = record.left;
    let ended = record
        .credit
        .terms
        .last_covered_day(rules)
        .is_some_and(|last| last < desk.today);
    let is_voided = record.is_voided() || record.is_reduced_last_on(NaiveDate::MAX);
    let status = match (is_voided, amount.is_zero(), ended) {
        (true, true, _) => Some("voided"),
        (_, true, _) => Some("exhausted"),
        (_, _, true) => Some("expired"),
        _ => None,
    };
    if let Some(status) = status {
        return Err(Refusal::NothingToVoid { credit, status });
    }
    take_away(desk, credit, reason, desk.today)?;
    Ok(amount)
}

/// Voids all that is left of a credit on a day, or on that of its last use if that is later.
pub(super) fn take_away(
    desk: &mut Desk,
    credit: CreditId,
    reason: String,
    on: NaiveDate,
) -> Result<(), Refusal> {
    let record = &desk.state.credits[&credit];
    let effective = last_use(record, on);
    let amount = record.left;
    let event = Event::CreditVoided {
        credit,
        amount,
        reason,
    };
    desk.propose(effective, event, None)?;
    Ok(())
}

/// A day, or that of a credit's last use if that is later; a use that came back is none. A part was
/// not there before it was split off.
pub(super) fn last_use(record: &CreditRecord, on: NaiveDate) -> NaiveDate {
    let on = match record.split_from {
        Some(_) => on.max(record.since),
        None => on,
    };
    // A reversal counts from the day of the booking it lifts, so that the two leave nothing of it.
    let mut used_on: BTreeMap<NaiveDate, Money> = BTreeMap::new();
    for moved in &record.moved {
        *used_on.entry(moved.effective).or_default() += moved.taken();
    }
    let mut last_first = used_on.into_iter().rev();
    let last_use = last_first.find(|(_, amount)| !amount.is_zero());
    last_use.map_or(on, |(day, _)| day.max(on))
}

/// Changes what is on record of an account. Returns whether anything changed; where nothing does,
/// nothing is recorded.
///
/// # Errors
/// Memberships that would overlap, leaving where there is nothing to leave, payers that would lead
/// back to the account.
pub fn set_account(desk: &mut Desk, change: AccountChange) -> Result<bool, Refusal> {
    let account = change.account.clone();
    let known = desk.state.accounts.get(&account);
    if let Some(known) = known {
        known.refuses_date(&change)?;
    }
    let is_default = !change.default || desk.state.default_account.as_ref() == Some(&account);
    if is_default && known.is_some_and(|known| known.is_so(&change, desk.today)) {
        return Ok(false);
    }
    let moves = change.moves();
    desk.propose(desk.today, Event::AccountSet(change), None)?;
    // Not asked of entries that are read: ledgers recorded circles before they were refused.
    match desk.state.accounts.circle(&account).filter(|_| moves) {
        Some(circle) => Err(circle.into()),
        None => Ok(true),
    }
}

/// Lets a name stand for a service from today on. The service may be named by any of its names;
/// a name that is its own service stands for itself again. Returns the alias that counts now, if
/// the name needs one, and whether it is new.
///
/// # Errors
/// A name that the catalogue knows as that of another service, and one that another alias stands
/// for: what an alias stands for never stands for something else.
pub fn alias_service(
    desk: &mut Desk,
    alias: &Service,
    service: &Service,
) -> Result<(Option<ServiceAlias>, bool), Refusal> {
    let names = desk.state.service_names();
    let same = |name: &Service| comparable(name.as_str()) == comparable(alias.as_str());
    let service = match same(service) {
        true => service.clone(),
        false => names.named(service).service,
    };
    let known = catalog::service(alias.as_str());
    if let Some(code) = known.and_then(|known| Service::new(known.code).ok()) {
        return match same(&service) || service == code {
            true => Ok((None, false)),
            false => Err(Refusal::ServiceKnown {
                alias: alias.clone(),
                code,
            }),
        };
    }
    if let Some(before) = names
        .alias(alias)
        .filter(|before| before.service == service)
    {
        return Ok((Some(before.clone()), false));
    }
    let mut others = names.aliases().filter(|other| !same(&other.alias));
    if let Some(other) = others.find(|other| same(&other.service) && !same(&service)) {
        return Err(Refusal::ServiceMeant {
            alias: alias.clone(),
            other: other.alias.clone(),
        });
    }
    let event = Event::ServiceAliased {
        alias: alias.clone(),
        service,
    };
    desk.propose(desk.today, event, None)?;
    Ok((desk.state.service_aliases.last().cloned(), true))
}

/// Lets a check look for these from now on where nobody says what; what it looked for before is
/// replaced as a whole. Returns the entry; where it is so already, nothing is recorded.
///
/// # Errors
/// None that can happen: no invariant is about limits.
pub fn set_checks(desk: &mut Desk, limits: Limits) -> Result<Option<u64>, Refusal> {
    if desk.state.checks == limits {
        return Ok(None);
    }
    Ok(Some(desk.propose(
        desk.today,
        Event::ChecksSet(limits),
        None,
    )?))
}
