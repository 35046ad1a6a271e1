//! `import`: what the provider says, put on record.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use credits_ledger::formats::aws_api::{History, read_credits, read_history};
use credits_ledger::formats::{Problem, ReadError, Services};
use credits_ledger::ledger::import::{Change, Imported, Imports, UsedSince, import_credits};
use credits_ledger::ledger::names::{BillId, CreditId};
use credits_ledger::ledger::provider::ProviderCredit;
use credits_ledger::ledger::state::{CreditRecord, State};
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::Context;
use super::correct::read_month;
use super::documents::{Document, files_or_stdin, noted};
use super::failure::Failure;
use super::service::unknown_notes;
use super::shape::date;
use super::table::{Cell, Table};

/// Put on record what the provider says of its credits
#[derive(Debug, Subcommand)]
#[command(before_long_help = "Examples:
  credits import get-credits credits.json
  credits import get-credits credits.json --history history.json --from 2026-01")]
pub(crate) enum ImportCommand {
    #[command(name = "get-credits")]
    GetCredits(GetCreditsArgs),
}

/// Record the credits of an answer of `aws billing get-credits`
///
/// What was used of them counts as used before the ledger began. The same answer again changes
/// nothing; of a later one, what changed is recorded (disabled, enabled, transferred, shared
/// otherwise, split) or, where bills have to explain it, only said (remaining, other terms).
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits import get-credits credits.json
  credits import get-credits --dry-run < credits.json
  credits import get-credits credits.json --history history.json --from 2026-01")]
pub(crate) struct GetCreditsArgs {
    /// The answer, all pages of it [default: stdin; `-` is stdin]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What AWS applied so far, an answer of `aws billing get-credit-allocation-history`: what
    /// credits paid of final bills from --from on is left to these bills
    #[arg(long, value_name = "FILE", requires = "from")]
    history: Vec<PathBuf>,
    /// The first month whose bills the ledger has or will have
    #[arg(long, value_name = "YYYY-MM", requires = "history", value_parser = read_month)]
    from: Option<Month>,
    /// Pass over the credit of this id of AWS (repeat for several), as one that is shared in a way
    /// that is not supported
    #[arg(long, value_name = "ID")]
    except: Vec<String>,
    /// End credits whose terms AWS changed, and record them anew
    #[arg(long)]
    replace: bool,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct ImportedShape {
    id: Option<String>,
    reference: String,
    name: String,
    account: String,
    currency: String,
    outcome: &'static str,
    initial_amount: String,
    remaining_amount: String,
    provider_remaining_amount: String,
    changes: Vec<ChangeShape>,
    #[serde(skip)]
    remaining: Money,
    #[serde(skip)]
    digits: u32,
}

#[derive(Debug, Serialize)]
struct ChangeShape {
    what: &'static str,
    ours: Option<String>,
    provider: Option<String>,
    #[serde(skip)]
    words: String,
}

impl ChangeShape {
    fn new(change: &Change, digits: u32) -> ChangeShape {
        let (ours, provider) = match change {
            Change::Remaining { ours, provider } => {
                (Some(ours.text(digits)), Some(provider.text(digits)))
            }
            Change::Term { ours, provider, .. } => (Some(ours.clone()), Some(provider.clone())),
            Change::Transferred { from, to } => (Some(from.to_string()), Some(to.to_string())),
            Change::Split { into } => (None, Some(into.join(" "))),
            Change::Replaced { old } => (Some(old.to_string()), None),
            Change::Disabled | Change::Enabled | Change::Shared => (None, None),
        };
        ChangeShape {
            what: change.what(),
            ours,
            provider,
            words: change.to_string(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Answered {
    as_of: String,
    at_entry: u64,
    recorded: usize,
    changed: usize,
    unchanged: usize,
    credits: Vec<ImportedShape>,
}

/// Runs a command that imports.
pub(crate) fn import(command: &ImportCommand, context: &Context) -> Result<Answer, Failure> {
    match command {
        ImportCommand::GetCredits(args) => get_credits(args, context),
    }
}

fn get_credits(args: &GetCreditsArgs, context: &Context) -> Result<Answer, Failure> {
    let names = context.ledger_says()?.names;
    let mut services = Services::new(&names);
    let except = args.except.iter().cloned().collect();
    let (credits, mut notes) = read_all_credits(&args.files, &mut services, &except)?;
    let used_since = match args.from {
        Some(from) => read_used_since(&args.history, from, &mut services, &mut notes)?,
        None => UsedSince::new(),
    };
    notes.extend(unknown_notes(&services.unknown(), &names));
    let outcome = context.record(args.dry_run, |desk, _| {
        let credits = credits.clone();
        Ok(import_credits(
            desk,
            credits,
            &used_since,
            args.replace,
            &context.rules,
        )?)
    })?;
    let said: BTreeMap<&str, &ProviderCredit> = credits
        .iter()
        .map(|credit| (credit.reference.as_str(), credit))
        .collect();
    notes.extend(advice(&outcome.answer, &outcome.state, args.from.is_some()));
    let recorded = !args.dry_run && !outcome.proposals.is_empty();
    let shapes = outcome.answer.credits.iter().filter_map(|imported| {
        let record = outcome.state.credits.get(&imported.credit)?;
        let credit = said.get(imported.reference.as_str())?;
        Some(shape(imported, record, credit, args.dry_run))
    });
    let credits: Vec<ImportedShape> = shapes.collect();
    let count = |outcome| {
        credits
            .iter()
            .filter(|credit| credit.outcome == outcome)
            .count()
    };
    let answer = Answered {
        as_of: date(context.today),
        at_entry: outcome.head,
        recorded: count("recorded"),
        changed: count("changed"),
        unchanged: count("unchanged"),
        credits,
    };
    Ok(answered(context, answer, args.dry_run)
        .with_notes(notes)
        .recorded(recorded))
}

fn read_all_credits(
    files: &[PathBuf],
    services: &mut Services,
    except: &BTreeSet<String>,
) -> Result<(Vec<ProviderCredit>, Vec<String>), Failure> {
    let mut credits: Vec<ProviderCredit> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let (mut pages, mut pages_with_next) = (0, 0);
    let mut notes = Vec::new();
    for file in files_or_stdin(files) {
        let document = Document::open(&file, "an answer of `aws billing get-credits`")?;
        let name = document.name.clone();
        let read = read_credits(document.into_read(), services, except);
        let answer = read.map_err(|error| unread(error).in_document(&name))?;
        pages += answer.pages;
        pages_with_next += answer.pages_with_next;
        notes.extend(noted(&name, &answer.notes));
        for credit in answer.credits {
            let known = places.get(&credit.reference);
            match known.and_then(|at| credits.get(*at)) {
                Some(known) if *known == credit => {}
                Some(_) => {
                    let message = format!(
                        "credit {} says something else than in a document before",
                        credit.reference
                    );
                    return Err(Failure::input(message).in_document(&name));
                }
                None => {
                    places.insert(credit.reference.clone(), credits.len());
                    credits.push(credit);
                }
            }
        }
    }
    if pages > 0 && pages_with_next >= pages {
        let message = "the answer has more pages, which are not among the documents";
        return Err(Failure::input(message).hint("name the files of all pages"));
    }
    Ok((credits, notes))
}

/// Why an answer is not read, with the way round what is not supported.
fn unread(error: ReadError) -> Failure {
    let faults = match &error {
        ReadError::Faults(faults) => faults.list(),
        _ => &[],
    };
    let credit = faults.iter().find_map(|fault| match &fault.problem {
        Problem::Sharing { credit, .. } => Some(credit.as_str().to_owned()),
        _ => None,
    });
    let failure = Failure::from(error);
    match credit {
        Some(id) => failure.hint(format!(
            "`--except {id}` passes it over; `credits grant --reference {id}` with its terms records it by hand"
        )),
        None => failure,
    }
}

/// What credits paid of final bills of a month and later.
fn read_used_since(
    files: &[PathBuf],
    from: Month,
    services: &mut Services,
    notes: &mut Vec<String>,
) -> Result<UsedSince, Failure> {
    let mut history = History::default();
    for file in files {
        let what = "an answer of `aws billing get-credit-allocation-history`";
        history.add(read_history_document(
            Document::open(file, what)?,
            services,
        )?);
    }
    let history = whole(history)?;
    notes.extend(history.notes.iter().map(|note| format!("note: {note}")));
    let missing: Vec<String> = history
        .missing
        .iter()
        .filter(|month| **month >= from)
        .map(Month::to_string)
        .collect();
    if history.is_partial || !missing.is_empty() {
        let what = match missing.is_empty() {
            true => "a part of the history".to_owned(),
            false => missing.join(", "),
        };
        let message =
            format!("AWS failed to return {what}, so what was used before {from} is not known");
        return Err(Failure::input(message).hint("ask for the history again"));
    }
    let mut used = UsedSince::new();
    for allocation in history.allocations {
        if allocation.month >= from && !allocation.estimated {
            *used.entry(allocation.reference).or_default() += allocation.amount;
        }
    }
    Ok(used)
}

/// Reads an answer of `aws billing get-credit-allocation-history`, or some pages of it.
pub(crate) fn read_history_document(
    document: Document,
    services: &mut Services,
) -> Result<History, Failure> {
    let name = document.name.clone();
    let read = read_history(document.into_read(), services);
    let mut history = read.map_err(|error| Failure::from(error).in_document(&name))?;
    history.notes = history
        .notes
        .iter()
        .map(|note| format!("{name}: {note}"))
        .collect();
    Ok(history)
}

/// A history of which all documents were read.
pub(crate) fn whole(mut history: History) -> Result<History, Failure> {
    if !history.has_last_page() {
        let message = "the history has more pages, which are not among the documents";
        return Err(Failure::input(message).hint("name the files of all pages"));
    }
    history.settle_signs();
    Ok(history)
}

/// What a person may want to do about it.
fn advice(imports: &Imports, state: &State, has_history: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let name = |id: &CreditId| state.credits[id].credit.terms.name.as_str();
    for one in &imports.credits {
        let id = one.credit;
        if let Some(other) = one.looks_like {
            notes.push(format!("note: credit {other}, {}, looks like {id} recorded before without `--reference`: `credits void {other} --reason 'recorded twice'` ends it", name(&other)));
        }
        if let Some(first) = one.meant_by.first() {
            let bills: Vec<String> = one.meant_by.iter().map(BillId::to_string).collect();
            let month = first.month;
            notes.push(format!("note: bills as billed that may have meant credit {id} before it was on record: {}; `credits replay --from {month}` books them on it", bills.join(", ")));
            if !has_history {
                notes.push(format!("note: what these bills used of credit {id} was counted as used before the ledger began, too; an import into a new ledger with `--history FILE --from {month}` keeps the two apart"));
            }
        }
        let is_term = |change: &Change| matches!(change, Change::Term { .. });
        let is_replaced = |change: &Change| matches!(change, Change::Replaced { .. });
        if one.changes.iter().any(is_term) && !one.changes.iter().any(is_replaced) {
            notes.push(format!("note: AWS changed the terms of credit {id}; `--replace` ends it and records it anew"));
        }
    }
    for id in &imports.used_too_much {
        notes.push(format!("note: the history says that bills used more of credit {id}, {}, than AWS says was used of it in all", name(id)));
    }
    for id in &imports.not_listed {
        notes.push(format!(
            "note: credit {id}, {}, is not in the answer, though something is left of it here",
            name(id)
        ));
    }
    let moved = imports.credits.iter().filter(|one| {
        let is_moved = |change: &Change| matches!(change, Change::Remaining { .. });
        one.changes.iter().any(is_moved)
    });
    let moved = moved.count();
    if moved > 0 {
        notes.push(format!("note: credits of which another amount is left than the bills on record say: {moved}; `credits apply` with the bills in between, and `credits reconcile`, explain it"));
    }
    notes
}

fn shape(
    imported: &Imported,
    record: &CreditRecord,
    credit: &ProviderCredit,
    dry_run: bool,
) -> ImportedShape {
    let terms = &credit.terms;
    let digits = terms.currency.minor_digits();
    let outcome = match (imported.is_new, imported.changes.is_empty()) {
        (true, _) => "recorded",
        (false, false) => "changed",
        (false, true) => "unchanged",
    };
    let rehearsed = dry_run
        && (imported.is_new
            || imported
                .changes
                .iter()
                .any(|change| matches!(change, Change::Replaced { .. })));
    ImportedShape {
        id: (!rehearsed).then(|| imported.credit.to_string()),
        reference: credit.reference.clone(),
        name: terms.name.clone(),
        account: credit.account.to_string(),
        currency: terms.currency.to_string(),
        outcome,
        initial_amount: record.credit.terms.amount.text(digits),
        remaining_amount: record.left.text(digits),
        provider_remaining_amount: credit.remaining.text(digits),
        changes: imported
            .changes
            .iter()
            .map(|change| ChangeShape::new(change, digits))
            .collect(),
        remaining: record.left,
        digits,
    }
}

fn answered(context: &Context, answer: Answered, dry_run: bool) -> Answer {
    let style = context.style;
    let people = context.format == Format::Table;
    Answer::data(context.format, answer, |answer| {
        let would = if dry_run {
            "would be recorded"
        } else {
            "recorded"
        };
        let above = format!(
            "credits of the provider: {}; {would}: {}, changed: {}, unchanged: {}",
            answer.credits.len(),
            answer.recorded,
            answer.changed,
            answer.unchanged
        );
        let headings = [
            "credit",
            "reference",
            "outcome",
            "remaining",
            "currency",
            "account",
            "name",
            "changes",
        ];
        let shown = answer
            .credits
            .iter()
            .filter(|credit| !people || credit.outcome != "unchanged");
        let rows = shown.map(|credit| {
            let changes: Vec<&str> = credit
                .changes
                .iter()
                .map(|change| change.words.as_str())
                .collect();
            vec![
                Cell::maybe(credit.id.as_ref()),
                Cell::text(&credit.reference),
                Cell::text(credit.outcome),
                Cell::Amount(credit.remaining, credit.digits),
                Cell::text(&credit.currency),
                Cell::text(&credit.account),
                Cell::text(&credit.name),
                Cell::text(changes.join("; ")),
            ]
        });
        Table::new(headings).styled(style).above(above).rows(rows)
    })
}
