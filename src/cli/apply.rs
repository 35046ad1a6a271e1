//! `apply`: credits applied to bills.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use credits_ledger::ledger::as_billed::{Named, credit_name, land};
use credits_ledger::ledger::bill::{Bill, Status};
use credits_ledger::ledger::booking::{Applied, reserve};
use credits_ledger::ledger::correct::{Correction, Outcome, apply_bills};
use credits_ledger::ledger::decide::{self, Desk};
use credits_ledger::ledger::earn::kept;
use credits_ledger::ledger::entry::{Basis, Event, Lines, Proposal};
use credits_ledger::ledger::names::{AccountId, BillId, CreditId};
use credits_ledger::ledger::reconcile::TOLERANCE;
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::scope::Category;
use credits_ledger::ledger::state::{CreditRecord, State};
use credits_ledger::ledger::statement::Statement;
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use credits_ledger::store::StoreError;
use credits_ledger::store::journal::View;

use super::answer::Answer;
use super::context::Context;
use super::correct::{correction_notes, earning_notes, kept_notes, late_notes};
use super::documents::{Bills, Document, InputArgs, files_or_stdin};
use super::failure::Failure;
use super::shape::{ChangedShape, StatementShape};
use super::statement::{Estimates, remaining_after, statements_answer, with_remaining};
use super::terms::read_account;

/// Apply credits to bills
///
/// Reads bills from files or stdin, works out which credits pay which charges, books final bills
/// and keeps estimated ones, which reserve. All bills of one call are recorded, or none. The same
/// bill again changes nothing and prints the same statement. Files of AWS cost and usage reports
/// are the parts of one report, with or without its manifest; several months or payers in them
/// make several bills.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits apply bill.json
  credits apply --dry-run < bill.json
  credits apply --amend corrected.json
  credits apply --as-billed --dry-run cur-2026-04.csv
  credits apply cur-00001.csv.gz cur-00002.csv.gz cur-Manifest.json
  credits apply cur-00001.snappy.parquet
  credits apply --input groups sums.csv
  credits --json apply --month 2026-04 cur-2026-04.csv")]
pub(crate) struct ApplyArgs {
    /// Bills: our own JSON, AWS cost and usage reports (legacy, 2.0) or tables of FOCUS as CSV, in gzip
    /// or ZIP too, or as Parquet, what a query of `bill sql` gives, or answers of `aws ce
    /// get-cost-and-usage`
    /// [default: stdin; `-` is stdin, where neither ZIP nor Parquet can be read]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    input: InputArgs,
    /// Apply the bills of this month, pass over others
    #[arg(long, value_name = "YYYY-MM", value_parser = |text: &str| Month::parse(text).map_err(|error| error.to_string()))]
    month: Option<Month>,
    /// Apply the bills of this payer account, pass over others; answers of Cost Explorer, which do
    /// not say whose bill they are, are its own [default for these: the default account]
    #[arg(long, value_name = "ID", value_parser = read_account)]
    payer: Option<AccountId>,
    /// Replace bills that differ from those booked, book those that come late, and decide anew
    /// the later bills that this changes
    #[arg(long)]
    amend: bool,
    /// Book the credits that the provider applied, as its own rows in the bill say, instead of what
    /// the rule of application says. A credit is found by its name and owner; one that is not on
    /// record is recorded, which is said
    #[arg(long)]
    as_billed: bool,
    /// With --as-billed: rows of the provider that are called NAME mean this credit, from now on
    /// (repeat for several)
    #[arg(long = "match", value_name = "NAME=CREDIT", requires = "as_billed", value_parser = read_match)]
    matches: Vec<(String, CreditId)>,
    /// Pass over the rows of a report that have a bad cell; a note says how many and what they
    /// amount to
    #[arg(long)]
    skip_bad_rows: bool,
    /// Print the statements, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// Reads `NAME=CREDIT`; a name may hold a `=` itself.
fn read_match(text: &str) -> Result<(String, CreditId), String> {
    let parted = text
        .rsplit_once('=')
        .filter(|(name, _)| !name.trim().is_empty());
    let (name, credit) = parted.ok_or("is not as in `AWS Free Tier=C12`")?;
    let credit = CreditId::parse(credit).map_err(|error| format!("`{credit}` {error}"))?;
    Ok((credit_name(name), credit))
}

/// Applies credits to bills.
pub(crate) fn apply(args: &ApplyArgs, context: &Context) -> Result<Answer, Failure> {
    let (bills, mut notes) = read_documents(args, context)?;
    let bills = selected(bills, args)?;
    let basis = if args.as_billed {
        Basis::AsBilled
    } else {
        Basis::Rules
    };
    let outcome = context.record(args.dry_run, |desk, view| {
        for (name, credit) in &args.matches {
            decide::match_credit(desk, name.clone(), *credit)?;
        }
        let bills = bills.clone();
        let done =
            apply_bills::<_, Failure>(desk, &view, bills, args.amend, basis, &context.rules)?;
        let statements = statements(desk, view, &done, context)?;
        Ok((statements, done.correction))
    })?;
    drop(bills);
    let (statements, correction) = outcome.answer;
    let (head, before) = (
        outcome.head,
        outcome.state.head - outcome.proposals.len() as u64,
    );
    notes.extend(
        statements
            .iter()
            .flat_map(|done| notes_of(done, before, context.today)),
    );
    let (proposals, state) = (&outcome.proposals, &outcome.state);
    notes.extend(made_credits(proposals, state, args.dry_run, &context.rules));
    if !args.matches.is_empty() && !args.amend {
        notes.extend(statements.iter().filter_map(Done::stays_unmatched));
    }
    notes.extend(correction_notes(&correction, &outcome.state));
    notes.extend(earning_notes(proposals, state, args.dry_run));
    notes.extend(late_notes(proposals, state));
    for done in statements.iter().filter(|done| done.corrected) {
        let bill = &done.statement.bill;
        notes.extend(kept_notes(&kept(state, bill.id(), Some(bill)), bill.id()));
    }
    let recorded = !args.dry_run && !outcome.proposals.is_empty();
    let shapes: Vec<StatementShape> = statements
        .into_iter()
        .map(|done| done.shape(&outcome.state, head, &correction))
        .collect();
    Ok(statements_answer(context, shapes)
        .with_notes(notes)
        .recorded(recorded))
}

fn read_documents(
    args: &ApplyArgs,
    context: &Context,
) -> Result<(Vec<Bill>, Vec<String>), Failure> {
    let files = files_or_stdin(&args.files);
    let ledger = context.ledger_says()?;
    let bills = Bills::new(&args.input, &ledger, args.payer.as_ref(), files.len());
    let mut bills = bills.watched(context.is_watched);
    if args.skip_bad_rows {
        bills = bills.skipping_bad_rows();
    }
    for file in &files {
        bills.read(Document::open(file, "a bill")?)?;
    }
    bills.finish()
}

fn selected(mut bills: Vec<Bill>, args: &ApplyArgs) -> Result<Vec<Bill>, Failure> {
    let found: Vec<String> = bills
        .iter()
        .map(|bill| bill.id().to_string())
        .take(5)
        .collect();
    bills.retain(|bill| args.month.is_none_or(|month| bill.id().month == month));
    bills.retain(|bill| {
        args.payer
            .as_ref()
            .is_none_or(|payer| bill.id().payer == *payer)
    });
    if bills.is_empty() {
        let seen = if found.is_empty() {
            "no bills".to_owned()
        } else {
            found.join(", ")
        };
        return Err(Failure::input(format!(
            "no bill to apply: the documents hold {seen}"
        )));
    }
    Ok(bills)
}

/// Names in the credit rows of a bill that several credits of one owner have.
fn unclear_names(state: &State, bill: &Bill, rules: &Rules) -> Vec<(String, Vec<CreditId>)> {
    let rows = bill.charges().iter();
    let rows = rows.filter(|charge| charge.category == Category::Credit);
    let names: BTreeSet<Named> = rows.map(Named::of).collect();
    let names = names
        .into_iter()
        .filter(|named| !state.matches.contains_key(&named.name));
    let (month, mut unclear) = (bill.id().month, Vec::new());
    for named in names.take(20) {
        let fit = state.credits.values().filter(|record| {
            record.made_for.is_none()
                && *record.owner_on(month.last_day()) == named.owner
                && named.fits(&record.credit.terms, month, rules)
        });
        let ids: Vec<CreditId> = fit.map(|record| record.credit.id).collect();
        if ids.len() > 1 {
            unclear.push((named.name, ids));
        }
    }
    unclear
}

/// The credits that were made good since the provider applied them and none on record can have
/// been meant.
fn made_credits(
    proposals: &[Proposal],
    state: &State,
    dry_run: bool,
    rules: &Rules,
) -> Vec<String> {
    let made = proposals.iter().filter_map(|proposal| {
        let entry = &proposal.entry;
        let Event::CreditMadeGood {
            account,
            terms,
            bill,
        } = &entry.event
        else {
            return None;
        };
        let id = CreditId::made_by(entry.number);
        if state.credits.get(&id).is_some_and(CreditRecord::is_voided) {
            return None;
        }
        let (amount, currency) = (
            terms.amount.grouped(terms.currency.minor_digits()),
            terms.currency,
        );
        let (credit, verb) = match dry_run {
            true => (String::new(), "would be"),
            false => (format!(" {id}"), "was"),
        };
        let name = &terms.name;
        let named = Named {
            name: name.clone(),
            owner: account.clone(),
        };
        let mut known = state.credits.values().filter(|record| {
            let meant = state.matches.get(name) == Some(&record.credit.id)
                || named.fits(&record.credit.terms, bill.month, rules);
            record.made_for.is_none() && meant
        });
        let of_currency = |record: &&CreditRecord| record.credit.terms.currency == currency;
        let known = known.clone().find(of_currency).or_else(|| known.next());
        let why = match known {
            Some(known) if !of_currency(&known) => {
                let credit = &known.credit;
                format!("and credit {} is in {}", credit.id, credit.terms.currency)
            }
            Some(known) => format!("more than is left of credit {}", known.credit.id),
            None => "which is not on record".to_owned(),
        };
        let matching = format!("{name}=CREDIT").replace('\'', "'\\''");
        let hint = match known {
            Some(_) => String::new(),
            None => format!("; if it is another one, `--match '{matching}'` says which"),
        };
        Some(format!("note: the provider applied {amount} {currency} of `{name}` of account {account}, {why}: credit{credit} {verb} made good for it{hint}"))
    });
    made.collect()
}

/// A statement and what became of its bill.
struct Done {
    statement: Statement,
    basis: Basis,
    applied: Applied,
    corrected: bool,
    /// Names in its credit rows that several credits on record have, and nobody matched.
    unclear: Vec<(String, Vec<CreditId>)>,
    /// What is left of the credits it names, after it.
    remaining: BTreeMap<CreditId, Money>,
}

impl Done {
    /// What to say of a bill that stays as it was booked, though a match was said for it.
    fn stays_unmatched(&self) -> Option<String> {
        let bill = &self.statement.bill;
        let stays = matches!(self.applied, Applied::Already(_)) && bill.status() == Status::Final;
        stays.then(|| {
            let id = bill.id();
            format!("note: bill {id} stays as it was booked; `--amend` books it on the credit that is matched now")
        })
    }

    /// `head`: the last entry that is there; nothing is named that was only rehearsed.
    fn shape(self, state: &State, head: u64, correction: &Correction) -> StatementShape {
        let (entry, already) = match self.applied {
            Applied::Recorded(entry) => (Some(entry), false),
            Applied::Already(entry) => (Some(entry), true),
        };
        let entry = entry.filter(|entry| *entry <= head);
        let remaining = |credit| self.remaining.get(&credit).copied().unwrap_or_default();
        let shape = StatementShape::new(self.statement, entry, already, state, &remaining);
        StatementShape {
            at_entry: head,
            changed: if self.corrected {
                correction.changed.iter().map(ChangedShape::new).collect()
            } else {
                Vec::new()
            },
            ..shape
        }
    }
}

fn statements(
    desk: &Desk,
    view: View<'_>,
    outcome: &Outcome,
    context: &Context,
) -> Result<Vec<Done>, Failure> {
    let estimates = estimates(desk, view, context)?;
    let statement = |(id, applied, corrected): &(BillId, Applied, bool)| {
        let (statement, remaining) = statement(desk, view, &estimates, id)?;
        let bill = statement.bill.clone();
        Ok(Done {
            statement,
            basis: desk.state.bills[id].basis,
            applied: *applied,
            corrected: *corrected,
            unclear: match desk.state.bills[id].basis {
                Basis::Rules => Vec::new(),
                Basis::AsBilled => unclear_names(&desk.state, &bill, &context.rules),
            },
            remaining,
        })
    };
    outcome.bills.iter().map(statement).collect()
}

/// The statements of all open bills, those of this command included.
fn estimates(desk: &Desk, view: View<'_>, context: &Context) -> Result<Estimates, Failure> {
    let open = desk.state.bills.values();
    let open = open.filter(|bill| bill.status == Status::Estimated);
    let bills = open
        .map(|bill| Ok((desk.lines(&view, bill)?.into_bill(), bill.basis)))
        .collect::<Result<Vec<(Bill, Basis)>, StoreError>>()?;
    let statements = reserve(&desk.state, bills, &context.rules);
    Ok(with_remaining(&desk.state, statements))
}

/// The statement of a bill just applied, and what is left after it of the credits it names.
fn statement(
    desk: &Desk,
    view: View<'_>,
    estimates: &Estimates,
    id: &BillId,
) -> Result<(Statement, BTreeMap<CreditId, Money>), Failure> {
    let mut open = estimates.iter();
    if let Some(found) = open.find(|(statement, _)| statement.bill.id() == id) {
        return Ok(found.clone());
    }
    let bill = &desk.state.bills[id];
    match desk.lines(&view, bill)? {
        Lines::Statement(statement) => {
            let remaining = remaining_after(&desk.state, &statement, bill.entry);
            Ok((statement, remaining))
        }
        Lines::Bill(_) => {
            let what = format!("bill {id} is final without a statement");
            Err(StoreError::Damaged(what).into())
        }
    }
}

/// How the provider's own credit rows went together with the charges.
fn landing_notes(statement: &Statement) -> Vec<String> {
    let (bill, digits) = (&statement.bill, statement.bill.id().currency.minor_digits());
    let (id, currency) = (bill.id(), bill.id().currency);
    let landing = land(bill, &statement.discounted);
    if landing.rows == 0 {
        return vec![format!(
            "note: bill {id} holds no credit rows of the provider: as billed, the card pays all of it"
        )];
    }
    let matched = landing.rows - landing.unmatched;
    let mut notes = vec![format!(
        "note: bill {id}: credit rows of the provider: {}, with a charge of the same account, service, region and day: {matched}",
        landing.rows
    )];
    // What lands elsewhere in the last digits only goes with the over-credit of other charges.
    let elsewhere = Some(landing.elsewhere).filter(|amount| *amount > TOLERANCE);
    let amounts = [
        (
            elsewhere.unwrap_or_default(),
            "landed on charges of other services or accounts",
        ),
        (
            landing.over_credit,
            "is over-credit: it exceeds the charges that it is for",
        ),
        (
            landing.taken_back,
            "was taken back of credits that the bill does not hold",
        ),
    ];
    notes.extend(
        amounts
            .into_iter()
            .filter(|(amount, _)| amount.is_positive())
            .map(|(amount, what)| {
                format!(
                    "note: bill {id}: {} {currency} {what}",
                    amount.grouped(digits)
                )
            }),
    );
    notes
}

/// `head`: the last entry before this command.
fn notes_of(done: &Done, head: u64, today: NaiveDate) -> Vec<String> {
    let statement = &done.statement;
    let bill = statement.bill.id();
    let mut notes = Vec::new();
    let totals = statement.totals();
    if done.basis == Basis::AsBilled {
        notes.extend(landing_notes(statement));
        notes.extend(done.unclear.iter().map(|(name, ids)| {
            let matching = format!("{name}={}", ids[0]).replace('\'', "'\\''");
            let ids: Vec<String> = ids.iter().map(CreditId::to_string).collect();
            format!("note: several credits on record are called `{name}`: {}; they are used in burn order, `--match '{matching}'` says which is meant", ids.join(", "))
        }));
    } else if !totals.provider_credits.is_zero() {
        let amount = totals.provider_credits.text(bill.currency.minor_digits());
        notes.push(format!("note: bill {bill} holds credits that the provider applied, {amount} {}; they are kept apart, and ours are worked out from the charges before them", bill.currency));
    }
    if let Applied::Already(entry) = done.applied
        && entry <= head
    {
        notes.push(format!(
            "note: bill {bill} was already applied, in entry {entry}; nothing was recorded"
        ));
    } else if statement.bill.status() == Status::Final && bill.month.last_day() >= today {
        let month = bill.month;
        notes.push(format!("note: bill {bill} is booked as final, and {month} is not over: what comes to it later needs `credits apply --amend`; an estimate would only reserve, and is told by `\"status\": \"estimated\"` in our own JSON, by a row without an invoice id in a report, by `\"Estimated\": true` or a missing day in an answer of Cost Explorer"));
    }
    notes
}
