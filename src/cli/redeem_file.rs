//! `redeem --file`: many codes become credits, all of them or none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use credits_ledger::ledger::balance::figures;
use credits_ledger::ledger::decide::Desk;
use credits_ledger::ledger::names::{AccountId, CreditId, OfferId};
use credits_ledger::ledger::redeem;
use credits_ledger::ledger::refusal::Refusal;
use credits_ledger::money::Money;
use credits_ledger::store::journal::{Outcome, View};

use super::answer::{Answer, Format};
use super::code::{counted, ledger_id};
use super::context::Context;
use super::failure::Failure;
use super::redeem::{Given, RedeemArgs, given_worth, terms_of};
use super::shape::CreditShape;
use super::table::{Cell, Table};
use super::terms::read_account;
use super::typed::{Faults, Place, TypedCode, read_code, read_text};

/// A row of the file.
struct Row {
    typed: TypedCode,
    line: u64,
    /// Whose the credit is to be, if the row says so.
    account: Option<AccountId>,
}

impl AsRef<str> for Row {
    fn as_ref(&self) -> &str {
        self.typed.as_ref()
    }
}

/// A credit, and the line of the code that it was.
type Made = (u64, CreditId);

/// Redeems the codes of a file.
pub(super) fn redeem_file(
    file: &Path,
    args: &RedeemArgs,
    context: &Context,
) -> Result<Answer, Failure> {
    let given = given_worth(args, context)?;
    let rows = read_rows(file)?;
    let outcome = context.record(args.dry_run, |desk, view| {
        let account = match rows.iter().all(|row| row.account.is_some()) {
            true => None,
            false => Some(context.account(args.account.as_ref(), &desk.state)?),
        };
        redeem_rows(&rows, account.as_ref(), &given, desk, view)
    })?;
    let notes = given.notes(args, &outcome.state);
    let answer = answer(args, context, &outcome);
    Ok(answer.with_notes(notes).recorded(!args.dry_run))
}

fn redeem_rows(
    rows: &[Row],
    account: Option<&AccountId>,
    given: &Given,
    desk: &mut Desk,
    view: View<'_>,
) -> Result<Vec<Made>, Failure> {
    let known = view.typed_codes(ledger_id(&desk.state), rows)?;
    let worth = given.worth(desk)?;
    let (mut met, mut made) = (BTreeMap::new(), Vec::new());
    let mut faults = Faults::default();
    for (row, (code, known)) in rows.iter().zip(known) {
        let Some(account) = row.account.as_ref().or(account) else {
            continue;
        };
        let hash = code.hash;
        if let Some(line) = met.get(&hash) {
            let twice = Refusal::AlreadyRedeemedHere {
                last: code.last,
                line: *line,
            };
            faults.add_refusal(Some(&row.typed), twice.into())?;
            continue;
        }
        match redeem::redeem(desk, account.clone(), code, known, worth.clone()) {
            Ok(credit) => {
                met.insert(hash, row.line);
                made.push((row.line, credit));
            }
            Err(refusal) => faults.add_refusal(Some(&row.typed), refusal.into())?,
        }
    }
    faults.stop("codes are refused, nothing was recorded")?;
    Ok(made)
}

/// Rows are CODE,ACCOUNT; a heading may stand above them, and the account may be left out.
fn read_rows(file: &Path) -> Result<Vec<Row>, Failure> {
    let (document, text) = read_text(file, "rows of codes are")?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let (mut rows, mut faults) = (Vec::new(), Faults::default());
    for (at, record) in reader.records().enumerate() {
        let record =
            record.map_err(|error| Failure::input(error.to_string()).in_document(&document))?;
        let is_heading = at == 0 && is_heading(&record);
        if is_heading || record.iter().all(str::is_empty) {
            continue;
        }
        let line = record.position().map_or(0, |start| line_of(start, &text));
        let place = Place::new(&document, line);
        match read_row(&record, &place) {
            Ok(row) => rows.push(row),
            Err(failure) => faults.add(&place, failure),
        }
    }
    faults.stop("rows cannot be read")?;
    if rows.is_empty() {
        let message = "there is no code in it";
        return Err(Failure::input(message).in_document(&document));
    }
    Ok(rows)
}

/// The line of a record, whose position is that of the empty lines before it.
fn line_of(start: &csv::Position, text: &str) -> u64 {
    let from = usize::try_from(start.byte()).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(from..).unwrap_or_default().iter();
    let empty = rest.take_while(|byte| matches!(byte, b'\r' | b'\n'));
    start.line() + empty.filter(|byte| **byte == b'\n').count() as u64
}

fn is_heading(record: &csv::StringRecord) -> bool {
    let mut cells = record.iter();
    let mut is = |name: &str| cells.next().map(|cell| cell.eq_ignore_ascii_case(name));
    is("code") == Some(true) && is("account") != Some(false)
}

fn read_row(record: &csv::StringRecord, place: &Place) -> Result<Row, Failure> {
    let hint = "rows are CODE,ACCOUNT, or CODE alone";
    if record.iter().skip(2).any(|cell| !cell.is_empty()) {
        let cells = record.len();
        return Err(Failure::usage(format!("the row has {cells} cells")).hint(hint));
    }
    let code =
        read_code(record.get(0).unwrap_or_default()).map_err(|failure| failure.hint(hint))?;
    let account = record.get(1).filter(|account| !account.is_empty());
    let account = account.map(read_account).transpose();
    // What stands there may be a code in the wrong column, so it is not repeated.
    let account = account
        .map_err(|_| Failure::usage("the second cell is not the id of an account").hint(hint))?;
    let typed = TypedCode {
        code,
        place: Some(place.clone()),
    };
    let line = place.line();
    Ok(Row {
        typed,
        line,
        account,
    })
}

fn answer(args: &RedeemArgs, context: &Context, outcome: &Outcome<Vec<Made>>) -> Answer {
    let state = &outcome.state;
    let made = outcome.answer.iter().map(|(line, id)| {
        let record = &state.credits[id];
        let figures = figures(record, context.today, Money::ZERO, &context.rules);
        (line, record, figures)
    });
    if context.format == Format::Json {
        let shapes = made.map(|(_, record, figures)| CreditShape {
            at_entry: outcome.head,
            ..CreditShape::new(record, figures, context.today, state)
        });
        return Answer::json(shapes.collect());
    }
    let headings = [
        "line",
        "code ending",
        "credit",
        "account",
        "remaining",
        "currency",
        "expiration date",
    ];
    let rows = made.clone().map(|(line, record, figures)| {
        let terms = &record.credit.terms;
        let end = terms.end_date.map(|end| end.to_string());
        vec![
            Cell::Count(*line),
            Cell::maybe(record.code.as_ref()),
            Cell::text(record.credit.id),
            Cell::text(&record.credit.account),
            Cell::Amount(figures.remaining, terms.currency.minor_digits()),
            Cell::text(terms.currency),
            Cell::text(end.as_deref().unwrap_or("never")),
        ]
    });
    let table = Table::new(headings).styled(context.style).rows(rows);
    if context.format == Format::Csv {
        return Answer::new(move |out| table.write_csv(out));
    }
    let verb = match args.dry_run {
        true => "would become",
        false => "became",
    };
    let count = counted(outcome.answer.len() as u64);
    let offers: BTreeSet<Option<&OfferId>> = made
        .map(|(_, record, _)| record.credit.terms.offer.as_ref())
        .collect();
    let terms = offers
        .into_iter()
        .filter_map(|offer| terms_of(state, offer))
        .map(|words| format!("terms: {words}"));
    let table = terms.fold(table.above(format!("{count} {verb} credits")), Table::below);
    Answer::new(move |out| table.write_text(out))
}
