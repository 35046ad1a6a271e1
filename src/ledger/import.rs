//! The provider's own list of credits, put on record: what is new is recorded, what changed is
//! recorded where there is an entry for it, and said where there is none.
//!
//! A credit is the one on record whose `reference` is the provider's id. What is left of it here
//! follows from the bills that were applied, so a balance that moved at the provider is said and
//! not copied: bills and [`reconcile`](super::reconcile) explain it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::money::{Money, SCALE};

use super::account::AccountChange;
use super::credit::{Credit, Terms};
use super::decide::{Desk, Refusal, grant, take_away};
use super::entry::Event;
use super::names::{AccountId, CreditId};
use super::operate;
use super::provider::ProviderCredit;
use super::rules::Rules;
use super::scope::Scope;
use super::state::CreditRecord;

/// What changed of a credit since it was put on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It takes no part in bills any more; recorded.
    Disabled,
    /// It takes part again; recorded.
    Enabled,
    /// It became another account's; recorded.
    Transferred {
        /// Whose it was.
        from: AccountId,
        /// Whose it is.
        to: AccountId,
    },
    /// Who but its owner may use it; recorded.
    Shared,
    /// It was split; what was left of it here is voided, its parts are recorded as credits.
    Split {
        /// The provider's ids of its parts.
        into: Vec<String>,
    },
    /// Another amount is left of it than the bills here say; only said.
    Remaining {
        /// What is left of it here.
        ours: Money,
        /// What the provider says.
        provider: Money,
    },
    /// Another of its terms; only said, unless it is recorded anew.
    Term {
        /// Which.
        what: &'static str,
        /// As it is on record.
        ours: String,
        /// As the provider says.
        provider: String,
    },
    /// It was ended and recorded anew since the provider changed its terms.
    Replaced {
        /// The credit that was ended.
        old: CreditId,
    },
}

impl Change {
    /// Its name.
    #[must_use]
    pub fn what(&self) -> &'static str {
        match self {
            Change::Disabled => "disabled",
            Change::Enabled => "enabled",
            Change::Transferred { .. } => "transferred",
            Change::Shared => "shared",
            Change::Split { .. } => "split",
            Change::Remaining { .. } => "remaining",
            Change::Term { what, .. } => what,
            Change::Replaced { .. } => "replaced",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Disabled => f.write_str("disabled: paused here"),
            Change::Enabled => f.write_str("enabled: resumed here"),
            Change::Transferred { from, to } => write!(f, "transferred from {from} to {to}"),
            Change::Shared => f.write_str("shared otherwise"),
            Change::Split { into } => write!(f, "split into {}", into.join(", ")),
            Change::Remaining { ours, provider } => {
                write!(f, "remaining: {ours} here, {provider} at the provider")
            }
            Change::Term {
                what,
                ours,
                provider,
            } => write!(f, "{what}: {ours} here, {provider} at the provider"),
            Change::Replaced { old } => write!(f, "recorded anew, {old} is ended"),
        }
    }
}

/// What became of one of the provider's credits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The credit on record.
    pub credit: CreditId,
    /// Whether it is new.
    pub is_new: bool,
    /// What changed of one that is not.
    pub changes: Vec<Change>,
    /// A credit without reference that looks like this new one.
    pub looks_like: Option<CreditId>,
}

/// What credits paid in months that the ledger has, by the provider's id of the credit: that much
/// less was used before it began.
pub type UsedSince = BTreeMap<String, Money>;

/// Puts the provider's credits on record, oldest first, and says what changed of those that are.
/// With `replace`, a credit whose terms changed is ended and recorded anew.
///
/// # Errors
/// More credit than can be counted.
pub fn import_credits(
    desk: &mut Desk,
    mut credits: Vec<ProviderCredit>,
    used_since: &UsedSince,
    replace: bool,
    rules: &Rules,
) -> Result<Vec<Imported>, Refusal> {
    credits.sort_by(|a, b| {
        let key = |credit: &ProviderCredit| (credit.terms.start_date, credit.reference.len());
        key(a)
            .cmp(&key(b))
            .then_with(|| a.reference.cmp(&b.reference))
    });
    set_sharing_of_owners(desk, &credits)?;
    let known: BTreeMap<String, CreditId> = on_record(desk);
    let new: Vec<&ProviderCredit> = credits
        .iter()
        .filter(|credit| !known.contains_key(&credit.reference))
        .collect();
    let splits: BTreeMap<String, Vec<String>> = credits
        .iter()
        .filter(|credit| known.contains_key(&credit.reference))
        .map(|credit| (credit.reference.clone(), parts_of(credit, &new)))
        .collect();
    let mut imported = Vec::with_capacity(credits.len());
    for credit in &credits {
        imported.push(match known.get(&credit.reference) {
            Some(id) => {
                let parts = splits.get(&credit.reference).cloned().unwrap_or_default();
                update(desk, *id, credit, parts, replace, rules)?
            }
            None => record(desk, credit, used_since)?,
        });
    }
    Ok(imported)
}

/// The credit on record of each of the provider's ids; of several the last that is not voided.
fn on_record(desk: &Desk) -> BTreeMap<String, CreditId> {
    let mut known: BTreeMap<String, CreditId> = BTreeMap::new();
    let (voided, living): (Vec<_>, Vec<_>) = desk
        .state
        .credits
        .values()
        .partition(|record| record.is_voided());
    for record in voided.into_iter().chain(living) {
        if let Some(reference) = &record.credit.terms.reference {
            known.insert(reference.clone(), record.credit.id);
        }
    }
    known
}

/// Switches the sharing of owners to what the provider says of it.
fn set_sharing_of_owners(desk: &mut Desk, credits: &[ProviderCredit]) -> Result<(), Refusal> {
    let said: BTreeMap<&AccountId, bool> = credits
        .iter()
        .filter_map(|credit| Some((&credit.account, credit.owner_shares?)))
        .collect();
    for (account, shares) in said {
        if desk.state.accounts.shares_on(account, desk.today) != shares {
            let change = AccountChange {
                account: account.clone(),
                joins: None,
                leaves: None,
                sharing: Some(shares),
                country: None,
                attributes: BTreeSet::new(),
                name: None,
                default: false,
            };
            desk.propose(desk.today, Event::AccountSet(change), None)?;
        }
    }
    Ok(())
}

/// Records a credit. One that takes no part is paused from its start on: since when is not known.
fn record(
    desk: &mut Desk,
    credit: &ProviderCredit,
    used_since: &UsedSince,
) -> Result<Imported, Refusal> {
    let looks_like = desk
        .state
        .credits
        .values()
        .find(|record| looks_like(record, credit, desk))
        .map(|record| record.credit.id);
    let since = used_since.get(&credit.reference).copied();
    let mut terms = credit.terms.clone();
    terms.used_before = (terms.used_before - since.unwrap_or_default()).max(Money::ZERO);
    let id = grant(desk, credit.account.clone(), terms)?;
    if !credit.enabled {
        let event = Event::CreditPaused(id);
        desk.propose(credit.terms.start_date, event, None)?;
    }
    Ok(Imported {
        credit: id,
        is_new: true,
        changes: Vec::new(),
        looks_like,
    })
}

/// Whether somebody put a credit on record by hand, without the provider's id of it.
fn looks_like(record: &CreditRecord, credit: &ProviderCredit, desk: &Desk) -> bool {
    let Credit { terms, .. } = &record.credit;
    let same = terms.currency == credit.terms.currency
        && terms.amount == credit.terms.amount
        && terms.end_date == credit.terms.end_date;
    terms.reference.is_none()
        && same
        && !record.is_voided()
        && *record.owner_on(desk.today) == credit.account
}

/// Says, and records where there is an entry for it, what changed of a credit.
fn update(
    desk: &mut Desk,
    id: CreditId,
    credit: &ProviderCredit,
    parts: Vec<String>,
    replace: bool,
    rules: &Rules,
) -> Result<Imported, Refusal> {
    let record = &desk.state.credits[&id];
    let mut imported = Imported {
        credit: id,
        is_new: false,
        changes: Vec::new(),
        looks_like: None,
    };
    if record.is_voided() {
        return Ok(imported);
    }
    let changes = &mut imported.changes;
    let left = record.left;
    let currency = record.credit.terms.currency;
    let ended = record
        .credit
        .terms
        .last_covered_day(rules)
        .is_some_and(|last| last < desk.today);
    let terms = term_changes(&record.credit.terms, &credit.terms);
    let from = record.owner_on(desk.today).clone();
    if from != credit.account {
        let to = credit.account.clone();
        let event = Event::CreditTransferred {
            credit: id,
            to: to.clone(),
        };
        desk.propose(desk.today, event, None)?;
        changes.push(Change::Transferred { from, to });
    }
    let switched = match credit.enabled {
        true => operate::resume(desk, id)?.map(|_| Change::Enabled),
        false => operate::pause(desk, id)?.map(|_| Change::Disabled),
    };
    changes.extend(switched);
    let shared = operate::share(desk, id, credit.terms.sharing.clone())?;
    changes.extend(shared.map(|_| Change::Shared));
    // The provider says it in whole minor units.
    let unit = Money::from_units(10_i128.pow(SCALE - currency.minor_digits()));
    let moved = (left - credit.remaining).abs() >= unit && !ended;
    if moved {
        changes.push(Change::Remaining {
            ours: left,
            provider: credit.remaining,
        });
    }
    if !parts.is_empty() && left > credit.remaining {
        let reason = format!("split by the provider into {}", parts.join(", "));
        take_away(desk, id, reason, desk.today)?;
        changes.push(Change::Split { into: parts });
    } else if replace && !terms.is_empty() {
        if left.is_positive() {
            let reason = "the provider changed its terms".to_owned();
            take_away(desk, id, reason, desk.today)?;
        }
        let terms = Terms {
            used_before: credit.terms.amount - left.min(credit.terms.amount),
            ..credit.terms.clone()
        };
        imported.credit = grant(desk, credit.account.clone(), terms)?;
        if !credit.enabled {
            operate::pause(desk, imported.credit)?;
        }
        changes.push(Change::Replaced { old: id });
    }
    changes.extend(terms);
    Ok(imported)
}

/// The new credits that are parts of a credit which the provider split: of the same account, end
/// date and currency, called like it with ` - 1/3` behind, as the model of `SplitCredit` says.
fn parts_of(credit: &ProviderCredit, new: &[&ProviderCredit]) -> Vec<String> {
    let is_part = |part: &&&ProviderCredit| {
        let suffix = part.terms.name.strip_prefix(credit.terms.name.as_str());
        let place = suffix.and_then(|rest| rest.strip_prefix(" - "));
        let numbers = place.and_then(|place| place.split_once('/'));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        part.account == credit.account
            && part.terms.end_date == credit.terms.end_date
            && part.terms.currency == credit.terms.currency
            && numbers.is_some_and(|(at, of)| is_number(at) && is_number(of))
    };
    let parts = new.iter().filter(is_part);
    parts.map(|part| part.reference.clone()).collect()
}

/// The terms that are not as they are on record.
fn term_changes(ours: &Terms, theirs: &Terms) -> Vec<Change> {
    let date = |date: Option<chrono::NaiveDate>| {
        date.map_or_else(|| "none".to_owned(), |date| date.to_string())
    };
    let services = |terms: &Terms| match &terms.scope.services {
        Scope::All => "all".to_owned(),
        Scope::Only(named) | Scope::Except(named) => {
            let named: Vec<String> = named.iter().map(ToString::to_string).collect();
            named.join(" ")
        }
    };
    let digits = ours.currency.minor_digits();
    let told = |terms: &Terms| {
        [
            ("initial_amount", terms.amount.text(digits)),
            ("currency", terms.currency.to_string()),
            ("start_date", date(Some(terms.start_date))),
            ("end_date", date(terms.end_date)),
            ("services", services(terms)),
            ("stage", terms.stage.as_str().to_owned()),
        ]
    };
    let pairs = told(ours).into_iter().zip(told(theirs));
    pairs
        .filter(|(ours, provider)| ours != provider)
        .map(|((what, ours), (_, provider))| Change::Term {
            what,
            ours,
            provider,
        })
        .collect()
}
