//! `explain --why-card`: each cent that the card pays of several bills, by reason, and what would
//! have covered it.

use std::collections::BTreeSet;

use credits_ledger::ledger::balance::{Reserved, reserve_for};
use credits_ledger::ledger::bill::Status;
use credits_ledger::ledger::explain::Claims;
use credits_ledger::ledger::names::{BillId, Currency};
use credits_ledger::ledger::state::{BillState, State};
use credits_ledger::ledger::why_card::{Key, Part, WhyCard};
use credits_ledger::money::Money;
use credits_ledger::store::journal::View;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::{Clocks, Context};
use super::explain::standings_after;
use super::failure::Failure;
use super::shape::date;
use super::span::{Span, open_note};
use super::table::{Cell, Style, Table};

#[derive(Debug, Serialize)]
struct Answered {
    as_of: String,
    at_entry: u64,
    month: Option<String>,
    first_month: Option<String>,
    last_month: Option<String>,
    estimated_bills: Vec<String>,
    reasons: Vec<ReasonShape>,
    totals: Vec<TotalShape>,
}

/// A part of the card charges with one reason.
#[derive(Debug, Serialize)]
struct ReasonShape {
    currency: String,
    reason: &'static str,
    service: Option<String>,
    category: Option<&'static str>,
    card: String,
    charges: u64,
    bills: usize,
    first_month: Option<String>,
    last_month: Option<String>,
    covered_by: Vec<String>,
    would_cover: String,
}

#[derive(Debug, Serialize)]
struct TotalShape {
    currency: String,
    card: String,
    #[serde(skip)]
    line: String,
}

/// Says why the card pays what it pays of the bills of a span.
pub(crate) fn why_card(span: &Span, clocks: &Clocks, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let view = journal.view();
    let state = clocks.state(view)?;
    let mut why = WhyCard::default();
    add_booked(&mut why, &state, view, |id, bill| {
        span.includes(id) && bill.effective <= clocks.last_day(context)
    })?;
    let open = match span.is_final {
        true => Vec::new(),
        false => add_open(&mut why, &state, view, span, clocks, context)?,
    };
    let answer = Answered {
        as_of: date(clocks.date(context)),
        at_entry: state.head,
        month: span.month.map(|month| month.to_string()),
        first_month: why.months.map(|(first, _)| first.to_string()),
        last_month: why.months.map(|(_, last)| last.to_string()),
        estimated_bills: open.iter().map(ToString::to_string).collect(),
        reasons: why.parts().into_iter().map(ReasonShape::new).collect(),
        totals: why.totals.iter().map(TotalShape::new).collect(),
    };
    let note = open_note(&answer.estimated_bills);
    let (format, style) = (context.format, context.style);
    let answer = Answer::data(format, answer, |answer| match format {
        Format::Csv => rows_table(answer),
        Format::Table | Format::Json => table(answer, style),
    });
    Ok(answer
        .with_notes(context.absence(&journal))
        .with_notes(note))
}

/// Counts in the final bills that are asked about, each on what the journal said just before it.
fn add_booked(
    why: &mut WhyCard,
    state: &State,
    view: View<'_>,
    is_asked: impl Fn(&BillId, &BillState) -> bool,
) -> Result<(), Failure> {
    let is_booked = |bill: &BillState| bill.status == Status::Final;
    let bills = state.bills.iter();
    let asked = bills.filter(|(id, bill)| is_booked(bill) && is_asked(id, bill));
    let entries: BTreeSet<u64> = asked.map(|(_, bill)| bill.entry).collect();
    view.bookings(&entries, &mut |before, booking, statement| {
        let standings = before.standings(booking.bill.id.month);
        let claims = Claims::of(statement, &standings, &before.accounts, &booking.rules);
        why.add(statement, &claims.on_basis(booking.bill.basis));
    })?;
    Ok(())
}

/// Counts in the open bills that are asked about, each after those before it.
fn add_open(
    why: &mut WhyCard,
    state: &State,
    view: View<'_>,
    span: &Span,
    clocks: &Clocks,
    context: &Context,
) -> Result<Vec<BillId>, Failure> {
    let as_of = clocks.last_day(context);
    let mut earlier = Reserved::new();
    let mut open = Vec::new();
    for statement in view.estimates(state, as_of, &context.rules)? {
        let id = statement.bill.id();
        if span.includes(id) {
            let standings = standings_after(state, id.month, &earlier);
            let claims = Claims::of(&statement, &standings, &state.accounts, &context.rules);
            why.add(&statement, &claims.on_basis(state.bills[id].basis));
            open.push(id.clone());
        }
        reserve_for(&mut earlier, &statement);
    }
    Ok(open)
}

impl ReasonShape {
    fn new((key, part): (&Key, &Part)) -> ReasonShape {
        let credits = part.would_cover.credits().into_iter();
        let month = |bill: Option<&BillId>| bill.map(|id| id.month.to_string());
        ReasonShape {
            currency: key.currency.to_string(),
            reason: key.reason.as_str(),
            service: key.service.as_ref().map(ToString::to_string),
            category: key.category.map(|category| category.as_str()),
            card: part.card.text(key.currency.minor_digits()),
            charges: part.charges,
            bills: part.bills.len(),
            first_month: month(part.bills.first()),
            last_month: month(part.bills.last()),
            covered_by: credits.map(|id| id.to_string()).collect(),
            would_cover: part.would_cover.words(key),
        }
    }

    /// What the reason is about.
    fn of(&self) -> Option<&str> {
        self.service.as_deref().or(self.category)
    }

    /// The reason, how often and when.
    fn what(&self) -> String {
        let of = self.of().map_or(String::new(), |of| format!(" {of}"));
        let charges = match self.charges {
            0 => String::new(),
            count => format!("{} of ", counted(count, "charge")),
        };
        let bills = counted(self.bills as u64, "bill");
        let months = months(self.first_month.as_deref(), self.last_month.as_deref());
        format!("{}{of}: {charges}{bills}, {months}", self.reason)
    }
}

impl TotalShape {
    fn new((currency, card): (&Currency, &Money)) -> TotalShape {
        let digits = currency.minor_digits();
        TotalShape {
            currency: currency.to_string(),
            card: card.text(digits),
            line: format!("{} {currency}", card.grouped(digits)),
        }
    }
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn months(first: Option<&str>, last: Option<&str>) -> String {
    match (first, last) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (first, _) => first.unwrap_or_default().to_owned(),
    }
}

/// The answer in one line.
fn summary(answer: &Answered) -> String {
    let clocks = format!("as of {}, entry {}", answer.as_of, answer.at_entry);
    let (first, last) = (answer.first_month.as_deref(), answer.last_month.as_deref());
    let months = months(first, last);
    match (first, &answer.month) {
        (None, Some(month)) => format!("no bills of {month}, {clocks}"),
        (None, None) => format!("no bills, {clocks}"),
        _ if answer.reasons.is_empty() => format!("nothing on the card of {months}, {clocks}"),
        _ => {
            let totals = answer.totals.iter().map(|total| total.line.as_str());
            let totals: Vec<&str> = totals.collect();
            format!("the card of {months}, {clocks}: {}", totals.join(", "))
        }
    }
}

fn table(answer: &Answered, style: Style) -> Table {
    let rows = answer.reasons.iter().map(|reason| {
        vec![
            Cell::decimal(&reason.card),
            Cell::text(&reason.currency),
            Cell::text(format!("{}\n{}", reason.what(), reason.would_cover)),
        ]
    });
    Table::new(["card", "currency", "why, and what would have covered it"])
        .styled(style)
        .above(summary(answer))
        .rows(rows)
}

fn rows_table(answer: &Answered) -> Table {
    let headings = [
        "currency",
        "reason",
        "service",
        "category",
        "card",
        "charges",
        "bills",
        "first_month",
        "last_month",
        "covered_by",
        "would_cover",
    ];
    let rows = answer.reasons.iter().map(|reason| {
        vec![
            Cell::text(&reason.currency),
            Cell::text(reason.reason),
            Cell::maybe(reason.service.as_ref()),
            Cell::maybe(reason.category),
            Cell::decimal(&reason.card),
            Cell::Count(reason.charges),
            Cell::Count(reason.bills as u64),
            Cell::maybe(reason.first_month.as_ref()),
            Cell::maybe(reason.last_month.as_ref()),
            Cell::text(reason.covered_by.join(" ")),
            Cell::text(&reason.would_cover),
        ]
    });
    Table::new(headings).rows(rows)
}
