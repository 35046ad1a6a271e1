//! The provider's own list of credits, put on record: what is new is recorded, what changed is
//! recorded where there is an entry for it, and said where there is none.
//!
//! A credit is the one on record whose `reference` is the provider's id. Whether it takes part,
//! whose it is and who may use it are held against the provider's last word of it, not against
//! what was done here since: a credit that was paused by hand stays paused. What is left of it here
//! follows from the bills that were applied, so a balance that moved at the provider is said and
//! not copied: bills and [`reconcile`](super::reconcile) explain it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::money::{Money, SCALE};

use super::account::AccountChange;
use super::as_billed::Named;
use super::credit::{Credit, Sharing, Terms};
use super::decide::{Desk, grant, take_away};
use super::entry::{Event, Part, Word};
use super::names::{AccountId, BillId, CreditId};
use super::provider::ProviderCredit;
use super::refusal::Refusal;
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
    /// It was split; recorded.
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
    /// The provider's id of it.
    pub reference: String,
    /// The credit on record.
    pub credit: CreditId,
    /// Whether it is new.
    pub is_new: bool,
    /// What changed of one that is not.
    pub changes: Vec<Change>,
    /// A credit without reference that looks like this new one.
    pub looks_like: Option<CreditId>,
    /// Bills as billed, booked before this new credit was on record, that may have meant it.
    pub meant_by: Vec<BillId>,
}

/// What an import came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imports {
    /// Of each of the provider's credits, oldest first.
    pub credits: Vec<Imported>,
    /// Credits on record of the same accounts that the provider did not list, though something is
    /// left of them.
    pub not_listed: Vec<CreditId>,
    /// What bills of the ledger used of credits by the history that is more than was ever used.
    pub used_too_much: Vec<CreditId>,
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
) -> Result<Imports, Refusal> {
    credits.sort_by(|a, b| {
        let key = |credit: &ProviderCredit| (credit.terms.start_date, credit.reference.len());
        key(a)
            .cmp(&key(b))
            .then_with(|| a.reference.cmp(&b.reference))
    });
    set_sharing_of_owners(desk, &credits)?;
    let mut known: BTreeMap<String, CreditId> = on_record(desk);
    known.extend(parts_made_here(desk, &credits, &known));
    let mut splits = splits(desk, &credits, &known);
    let is_part: BTreeSet<String> = splits
        .values()
        .flatten()
        .map(|part| part.reference.clone())
        .collect();
    let mut imports = Imports::default();
    let listed: BTreeSet<&str> = credits.iter().map(|one| one.reference.as_str()).collect();
    imports.not_listed = not_listed(desk, &credits, &listed, rules);
    for credit in &credits {
        let new = !known.contains_key(&credit.reference) && !is_part.contains(&credit.reference);
        if let Some(id) = known.get(&credit.reference) {
            let parts = splits.remove(&credit.reference).unwrap_or_default();
            let (whole, made) = update(desk, *id, credit, &parts, replace, rules)?;
            imports.credits.push(whole);
            imports.credits.extend(made);
        } else if new {
            let (imported, fits) = record(desk, credit, used_since, rules)?;
            if !fits {
                imports.used_too_much.push(imported.credit);
            }
            imports.credits.push(imported);
        }
    }
    Ok(imports)
}

/// Credits on record of the accounts that the provider was asked of, which it did not list.
fn not_listed(
    desk: &Desk,
    credits: &[ProviderCredit],
    listed: &BTreeSet<&str>,
    rules: &Rules,
) -> Vec<CreditId> {
    let accounts: BTreeSet<&AccountId> = credits.iter().map(|credit| &credit.account).collect();
    let records = desk.state.credits.values();
    let missing = records.filter(|record| {
        let terms = &record.credit.terms;
        let ended = terms
            .last_covered_day(rules)
            .is_some_and(|last| last < desk.today);
        let reference = terms.reference.as_deref();
        reference.is_some_and(|reference| !listed.contains(reference))
            && accounts.contains(record.owner_on(desk.today))
            && record.left.is_positive()
            && !record.is_voided()
            && !ended
    });
    missing.map(|record| record.credit.id).collect()
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
            // Since when it is so is not known where nothing was on record.
            let starts = credits
                .iter()
                .filter(|credit| credit.account == *account)
                .map(|credit| credit.terms.start_date.min(desk.today));
            let known = desk.state.accounts.get(account);
            let is_known = known.is_some_and(|known| known.sharing.iter().next().is_some());
            let from = starts.min().filter(|_| !is_known).unwrap_or(desk.today);
            let change = AccountChange {
                sharing: Some(shares),
                ..AccountChange::nothing(account.clone())
            };
            desk.propose(from, Event::AccountSet(change), None)?;
        }
    }
    Ok(())
}

/// Records a credit. One that takes no part is paused from its start on: since when is not known.
/// Answers too whether the history fits: no more was used by bills than was used in all.
fn record(
    desk: &mut Desk,
    credit: &ProviderCredit,
    used_since: &UsedSince,
    rules: &Rules,
) -> Result<(Imported, bool), Refusal> {
    let looks_like = desk
        .state
        .credits
        .values()
        .find(|record| looks_like(record, credit, desk))
        .map(|record| record.credit.id);
    let meant_by = meant_by(desk, credit, rules);
    let since = used_since.get(&credit.reference).copied();
    let mut terms = credit.terms.clone();
    let before = terms.used_before - since.unwrap_or_default();
    terms.used_before = before.max(Money::ZERO);
    let id = grant(desk, credit.account.clone(), terms)?;
    if !credit.enabled {
        let word = Word {
            enabled: Some(false),
            ..Word::default()
        };
        let event = Event::ProviderSaid { credit: id, word };
        desk.propose(credit.terms.start_date, event, None)?;
    }
    let imported = Imported {
        reference: credit.reference.clone(),
        credit: id,
        is_new: true,
        changes: Vec::new(),
        looks_like,
        meant_by,
    };
    Ok((imported, !before.is_negative()))
}

/// Bills as billed for which a credit had to be made good that is called like this one.
fn meant_by(desk: &Desk, credit: &ProviderCredit, rules: &Rules) -> Vec<BillId> {
    let made = desk.state.credits.values().filter_map(|record| {
        let bill = record.made_for.as_ref()?;
        let named = Named {
            name: record.credit.terms.name.clone(),
            owner: record.credit.account.clone(),
        };
        let means = !record.is_voided() && named.fits(&credit.terms, bill.month, rules);
        means.then(|| bill.clone())
    });
    let bills: BTreeSet<BillId> = made.collect();
    bills.into_iter().collect()
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

/// Says, and records where there is an entry for it, what changed of a credit. Answers the parts
/// too that it was split into.
fn update(
    desk: &mut Desk,
    id: CreditId,
    credit: &ProviderCredit,
    parts: &[ProviderCredit],
    replace: bool,
    rules: &Rules,
) -> Result<(Imported, Vec<Imported>), Refusal> {
    let record = desk.state.credits[&id].clone();
    let imported = |reference: &str, credit, is_new, changes| Imported {
        reference: reference.to_owned(),
        credit,
        is_new,
        changes,
        looks_like: None,
        meant_by: Vec::new(),
    };
    let mut changes = Vec::new();
    let word = new_word(&record, credit);
    if word != Word::default() && !record.is_voided() {
        changes.extend(said(&record, &word));
        let event = Event::ProviderSaid { credit: id, word };
        desk.propose(desk.today, event, None)?;
    }
    let mut made = Vec::new();
    if !parts.is_empty() {
        made = split(desk, id, parts)?
            .into_iter()
            .zip(parts)
            .map(|(id, part)| imported(&part.reference, id, true, Vec::new()))
            .collect();
        let into = parts.iter().map(|part| part.reference.clone()).collect();
        changes.push(Change::Split { into });
    }
    let left = desk.state.credits[&id].left;
    let last_day = record.credit.terms.last_covered_day(rules);
    let ended = last_day.is_some_and(|last| last < desk.today);
    if (left - credit.remaining).abs() >= minor_unit(&record) && !ended {
        changes.push(Change::Remaining {
            ours: left,
            provider: credit.remaining,
        });
    }
    let terms = term_changes(&record.credit.terms, &credit.terms);
    let mut on_record = id;
    if replace && !terms.is_empty() && !record.is_voided() {
        on_record = replaced(desk, id, credit)?;
        changes.push(Change::Replaced { old: id });
    }
    if !record.is_voided() {
        changes.extend(terms);
    }
    let whole = imported(&credit.reference, on_record, false, changes);
    Ok((whole, made))
}

/// The minor unit of a credit's currency, in which the provider says what is left.
fn minor_unit(record: &CreditRecord) -> Money {
    let digits = record.credit.terms.currency.minor_digits();
    Money::from_units(10_i128.pow(SCALE - digits))
}

/// What the provider says otherwise than the last time.
fn new_word(record: &CreditRecord, credit: &ProviderCredit) -> Word {
    let last = &record.word;
    let enabled = last.enabled.unwrap_or(true);
    let owner = last.owner.as_ref().unwrap_or(&record.credit.account);
    // With another owner sharing is as by default again, until somebody says otherwise.
    let moves = *owner != credit.account;
    let issued = &record.credit.terms.sharing;
    let sharing = match moves {
        true => &Sharing::Default,
        false => last.sharing.as_ref().unwrap_or(issued),
    };
    Word {
        enabled: (enabled != credit.enabled).then_some(credit.enabled),
        owner: moves.then(|| credit.account.clone()),
        sharing: (*sharing != credit.terms.sharing).then(|| credit.terms.sharing.clone()),
    }
}

fn said(record: &CreditRecord, word: &Word) -> Vec<Change> {
    let from = record.word.owner.as_ref().unwrap_or(&record.credit.account);
    let switched = word.enabled.map(|enabled| match enabled {
        true => Change::Enabled,
        false => Change::Disabled,
    });
    let transferred = word.owner.clone().map(|to| Change::Transferred {
        from: from.clone(),
        to,
    });
    let shared = word.sharing.as_ref().map(|_| Change::Shared);
    switched
        .into_iter()
        .chain(transferred)
        .chain(shared)
        .collect()
}

/// Records the parts of a credit, and what the provider says of them that was not so of the whole;
/// answers them.
fn split(
    desk: &mut Desk,
    id: CreditId,
    parts: &[ProviderCredit],
) -> Result<Vec<CreditId>, Refusal> {
    // The provider says what is left in whole minor units, so the parts may be a bit more than is.
    let total: Money = parts.iter().map(|part| part.terms.amount).sum();
    let mut over = (total - desk.state.credits[&id].left).max(Money::ZERO);
    let list = parts.iter().map(|part| {
        let amount = part.terms.amount - over;
        over = Money::ZERO;
        Part {
            name: part.terms.name.clone(),
            amount,
            reference: Some(part.reference.clone()),
        }
    });
    let event = Event::CreditSplit {
        credit: id,
        parts: list.collect(),
    };
    let entry = desk.propose(desk.today, event, None)?;
    let ids = (1..).zip(parts).map(|(part, _)| CreditId { entry, part });
    let ids: Vec<CreditId> = ids.collect();
    for (id, part) in ids.iter().zip(parts) {
        let word = new_word(&desk.state.credits[id], part);
        if word != Word::default() {
            let event = Event::ProviderSaid { credit: *id, word };
            desk.propose(desk.today, event, None)?;
        }
    }
    Ok(ids)
}

/// Ends a credit and records it anew from today on, with what was left of it here.
fn replaced(desk: &mut Desk, id: CreditId, credit: &ProviderCredit) -> Result<CreditId, Refusal> {
    let left = desk.state.credits[&id].left;
    if left.is_positive() {
        let reason = "the provider changed its terms".to_owned();
        take_away(desk, id, reason, desk.today)?;
    }
    let terms = Terms {
        used_before: credit.terms.amount - left.min(credit.terms.amount),
        ..credit.terms.clone()
    };
    let account = credit.account.clone();
    let from = terms.start_date.max(desk.today);
    let number = desk.propose(from, Event::Granted { account, terms }, None)?;
    let new = CreditId::made_by(number);
    if !credit.enabled {
        let word = Word {
            enabled: Some(false),
            ..Word::default()
        };
        let event = Event::ProviderSaid { credit: new, word };
        desk.propose(desk.today, event, None)?;
    }
    Ok(new)
}

/// The parts that a credit was split into here, by the provider's ids of those that it was split into
/// there: new ones of the same account, end date and currency, worth the same.
fn parts_made_here(
    desk: &Desk,
    credits: &[ProviderCredit],
    known: &BTreeMap<String, CreditId>,
) -> BTreeMap<String, CreditId> {
    let wholes: BTreeSet<CreditId> = known.values().copied().collect();
    let records = desk.state.credits.values();
    let mut ours: Vec<_> = records
        .filter(|record| {
            record
                .split_from
                .is_some_and(|whole| wholes.contains(&whole))
        })
        .filter(|record| record.credit.terms.reference.is_none())
        .collect();
    let mut found = BTreeMap::new();
    for theirs in credits
        .iter()
        .filter(|one| !known.contains_key(&one.reference))
    {
        let same = ours.iter().position(|record| {
            let terms = &record.credit.terms;
            terms.amount == theirs.terms.amount
                && terms.currency == theirs.terms.currency
                && terms.end_date == theirs.terms.end_date
                && *record.owner_on(desk.today) == theirs.account
        });
        if let Some(at) = same {
            found.insert(theirs.reference.clone(), ours.remove(at).credit.id);
        }
    }
    found
}

/// The new credits that are parts of one on record, by the provider's id of the whole: of the same
/// account, currency and end date, called like it with ` - 1/3` behind, as the model of
/// `SplitCredit` says, or worth just what is missing of it. Only where one credit can be meant,
/// and what is left of it here is enough for all of them.
fn splits(
    desk: &Desk,
    credits: &[ProviderCredit],
    known: &BTreeMap<String, CreditId>,
) -> BTreeMap<String, Vec<ProviderCredit>> {
    let new: Vec<&ProviderCredit> = credits
        .iter()
        .filter(|credit| !known.contains_key(&credit.reference))
        .collect();
    let mut found: BTreeMap<String, Vec<ProviderCredit>> = BTreeMap::new();
    for whole in credits {
        let Some(record) = known
            .get(&whole.reference)
            .and_then(|id| desk.state.credits.get(id))
        else {
            continue;
        };
        let gone = record.left - whole.remaining;
        if record.is_voided() || !gone.is_positive() {
            continue;
        }
        let kin = new.iter().filter(|part| {
            part.account == whole.account
                && part.terms.end_date == whole.terms.end_date
                && part.terms.currency == whole.terms.currency
                && part.terms.scope == whole.terms.scope
        });
        let kin: Vec<&ProviderCredit> = kin.copied().collect();
        let named = kin.iter().filter(|part| is_numbered(part, whole));
        let named: Vec<ProviderCredit> = named.map(|part| (*part).clone()).collect();
        let parts = match named.is_empty() {
            // Parts that were given names of their own.
            true if kin.len() > 1 => kin.into_iter().cloned().collect(),
            _ => named,
        };
        let total: Money = parts.iter().map(|part| part.terms.amount).sum();
        let is_sure = parts.iter().all(|part| is_numbered(part, whole));
        let unit = minor_unit(record);
        let fits = match is_sure {
            true => total < gone + unit,
            false => (total - gone).abs() < unit,
        };
        if !parts.is_empty() && fits {
            found.insert(whole.reference.clone(), parts);
        }
    }
    let claims = |reference: &str| {
        let claiming = found.values().filter(|parts| {
            let mut parts = parts.iter();
            parts.any(|part| part.reference == reference)
        });
        claiming.count()
    };
    let unclear: Vec<String> = found
        .iter()
        .filter(|(_, parts)| parts.iter().any(|part| claims(&part.reference) > 1))
        .map(|(whole, _)| whole.clone())
        .collect();
    found.retain(|whole, _| !unclear.contains(whole));
    found
}

/// Whether a credit is called like another with its place among the parts of that behind.
fn is_numbered(part: &ProviderCredit, whole: &ProviderCredit) -> bool {
    let suffix = part.terms.name.strip_prefix(whole.terms.name.as_str());
    let place = suffix.and_then(|rest| rest.strip_prefix(" - "));
    let numbers = place.and_then(|place| place.split_once('/'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    numbers.is_some_and(|(at, of)| is_number(at) && is_number(of))
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
    let categories = |terms: &Terms| match &terms.scope.categories {
        Scope::All => "those covered by default".to_owned(),
        Scope::Only(named) | Scope::Except(named) => {
            let named: Vec<&str> = named.iter().map(|category| category.as_str()).collect();
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
            ("categories", categories(terms)),
            ("name", terms.name.clone()),
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
