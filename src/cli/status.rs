//! `status`: one screen for a person: what is left, what ends next, this month so far, when the card
//! starts.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use clap::Args;
use credits_ledger::foresight::forecast::Forecast;
use credits_ledger::ledger::balance::{Balance, CreditStatus, Figures, balances, listed, reserved};
use credits_ledger::ledger::bill::Status;
use credits_ledger::ledger::names::{BillId, Currency};
use credits_ledger::ledger::state::{CreditRecord, State};
use credits_ledger::ledger::statement::{Statement, Totals};
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::{Clocks, Context};
use super::failure::Failure;
use super::forecast_shape::card_words;
use super::foresee::{Asked, Outlook};
use super::limits::months as months_text;
use super::shape::date;
use super::table::{Cell, Table};

/// Show on one screen how things stand, and when the card starts
///
/// What is left, what ends next, this month so far, the last bill. For a person; `check` is for cron. What is to come is what `forecast` expects.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits status
  credits --json status --as-of 2026-01-31")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    clocks: Clocks,
}

#[derive(Debug, Serialize)]
struct StatusShape {
    as_of: String,
    at_entry: u64,
    currencies: Vec<CurrencyShape>,
}

#[derive(Debug, Serialize)]
struct CurrencyShape {
    currency: String,
    initial: String,
    remaining: String,
    estimated: String,
    active_credits: usize,
    ends_next: Option<EndsNext>,
    /// What the forecast leaves unused at some end, all credits together; nothing where no bill says
    /// what is used.
    will_lapse: Option<String>,
    this_month: ThisMonth,
    last_bill: Option<LastBill>,
    card_starts_in: Option<String>,
    card_starts_earliest: Option<String>,
    card_starts_latest: Option<String>,
    runway_months: Option<String>,
    #[serde(skip)]
    lines: Vec<(&'static str, String)>,
}

/// The credit that ends next with something left.
#[derive(Debug, Serialize)]
struct EndsNext {
    credit: String,
    name: String,
    estimated: String,
    ends_on: String,
    unused_at_end: Option<String>,
}

/// The month of the day: what is on its bills, and what they are expected to come to.
#[derive(Debug, Serialize)]
struct ThisMonth {
    month: String,
    /// `final`, `estimated`, or nothing where there is no bill of it.
    status: Option<&'static str>,
    charges: Option<String>,
    credits_applied: Option<String>,
    card_charge: Option<String>,
    expected_charges: Option<String>,
    expected_card_charge: Option<String>,
}

impl ThisMonth {
    fn new(of: &MonthSoFar, digits: u32) -> ThisMonth {
        let so_far = |amount: Money| of.status.map(|_| amount.text(digits));
        ThisMonth {
            month: of.month.to_string(),
            status: of.status,
            charges: so_far(of.so_far.charges),
            credits_applied: so_far(of.so_far.credits),
            card_charge: so_far(of.so_far.card),
            expected_charges: of.expected.map(|(charges, _)| charges.text(digits)),
            expected_card_charge: of.expected.map(|(_, card)| card.text(digits)),
        }
    }
}

/// The month of the day as it stands.
struct MonthSoFar {
    month: Month,
    status: Option<&'static str>,
    so_far: Totals,
    /// Charges and card, where anything is expected.
    expected: Option<(Money, Money)>,
}

/// The last final bill.
#[derive(Debug, Serialize)]
struct LastBill {
    bill: String,
    charges: String,
    credits_applied: String,
    card_charge: String,
}

/// Shows how things stand.
pub(crate) fn status(args: &StatusArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.existing_journal()?;
    let view = journal.view();
    let as_of = args.clocks.date(context);
    let state = args.clocks.state(view)?;
    let estimates = view.estimates(&state, as_of, &context.rules)?;
    let credits = listed(&state, as_of, &reserved(&estimates), &context.rules);
    let outlook = Outlook::read(view, &state, as_of)?;
    let sums = balances(
        credits
            .iter()
            .map(|(record, figures)| (&record.credit, *figures)),
    );
    let mut currencies = outlook.currencies();
    currencies.extend(sums.keys());
    currencies.sort_unstable();
    currencies.dedup();
    let mut shapes = Vec::new();
    for currency in currencies {
        let forecast = outlook.forecast(currency, &Asked::default(), context)?;
        let facts = Facts {
            state: &state,
            as_of,
            currency,
            balance: sums.get(&currency).copied().unwrap_or_default(),
            credits: &credits,
            estimates: &estimates,
            forecast: &forecast,
        };
        shapes.push(facts.shape());
    }
    let answer = StatusShape {
        as_of: date(as_of),
        at_entry: state.head,
        currencies: shapes,
    };
    Ok(match context.format {
        Format::Table => Answer::text(screen(&answer)),
        format => Answer::data(format, answer, spreadsheet),
    })
}

/// What is known in one currency.
struct Facts<'a> {
    state: &'a State,
    as_of: NaiveDate,
    currency: Currency,
    balance: Balance,
    credits: &'a [(&'a CreditRecord, Figures)],
    estimates: &'a [Statement],
    forecast: &'a Forecast<'a>,
}

impl Facts<'_> {
    fn shape(&self) -> CurrencyShape {
        let digits = self.currency.minor_digits();
        let ends_next = self.ends_next();
        let month = self.this_month();
        let last = self.last_bill();
        let start = self.forecast.card_start;
        let (earliest, latest) = self.forecast.card_start_range;
        let month_text = |month: Option<Month>| month.map(|month| month.to_string());
        CurrencyShape {
            currency: self.currency.to_string(),
            initial: self.balance.initial.text(digits),
            remaining: self.balance.remaining.text(digits),
            estimated: self.balance.estimated.text(digits),
            active_credits: self.active(),
            will_lapse: self.will_lapse().map(|amount| amount.text(digits)),
            card_starts_in: month_text(start.map(|start| start.month)),
            card_starts_earliest: month_text(earliest),
            card_starts_latest: month_text(latest),
            runway_months: start.map(|start| months_text(start.tenths())),
            lines: vec![
                ("left", self.left_words()),
                ("ends next", self.ends_next_words(ends_next.as_ref())),
                ("this month", self.month_words(&month)),
                ("last bill", self.last_bill_words(last.as_ref())),
                (
                    "card",
                    match self.is_known() {
                        true => match card_words(self.forecast) {
                            (when, Some(what)) => format!("{when}; {what}"),
                            (when, None) => when,
                        },
                        false => "no bill says when it starts; `credits apply FILE` records one"
                            .to_owned(),
                    },
                ),
            ],
            ends_next: ends_next.map(|(record, figures, unused)| EndsNext {
                credit: record.credit.id.to_string(),
                name: record.credit.terms.name.clone(),
                estimated: figures.estimated.text(digits),
                ends_on: record.credit.terms.end_date.map(date).unwrap_or_default(),
                unused_at_end: unused.map(|unused| unused.text(digits)),
            }),
            this_month: ThisMonth::new(&month, digits),
            last_bill: last.map(|(id, totals)| LastBill {
                bill: id.to_string(),
                charges: totals.charges.text(digits),
                credits_applied: totals.credits.text(digits),
                card_charge: totals.card.round_half_away(digits).text(digits),
            }),
        }
    }

    fn amount(&self, amount: Money) -> String {
        let digits = self.currency.minor_digits();
        format!("{} {}", amount.grouped(digits), self.currency)
    }

    fn own(&self) -> impl Iterator<Item = &(&CreditRecord, Figures)> {
        let is_own =
            |(record, _): &&(&CreditRecord, Figures)| record.credit.terms.currency == self.currency;
        self.credits.iter().filter(is_own)
    }

    fn active(&self) -> usize {
        let is_active =
            |(_, figures): &&(&CreditRecord, Figures)| figures.status == CreditStatus::Active;
        self.own().filter(is_active).count()
    }

    fn left_words(&self) -> String {
        let digits = self.currency.minor_digits();
        let active = match self.active() {
            0 => "no active credit".to_owned(),
            1 => "one active credit".to_owned(),
            count => format!("{count} active credits"),
        };
        let reserved = match self.balance.estimated == self.balance.remaining {
            true => String::new(),
            false => format!(
                ", {} after open bills",
                self.balance.estimated.grouped(digits)
            ),
        };
        format!(
            "{} of {}{reserved}, in {active}",
            self.amount(self.balance.remaining),
            self.balance.initial.grouped(digits)
        )
    }

    /// The credit that ends next with something left, and what the forecast leaves of it unused.
    fn ends_next(&self) -> Option<(&CreditRecord, Figures, Option<Money>)> {
        let alive = |(record, figures): &&(&CreditRecord, Figures)| {
            let alive = matches!(figures.status, CreditStatus::Active | CreditStatus::Paused);
            alive && figures.estimated.is_positive() && record.credit.terms.end_date.is_some()
        };
        let soonest = self.own().filter(alive);
        let (record, figures) = soonest.min_by_key(|(record, _)| record.credit.terms.end_date)?;
        let ahead = self.forecast.credits.iter();
        let unused = ahead
            .filter(|ahead| ahead.id == record.credit.id && self.is_known())
            .find_map(|ahead| ahead.unused_at_end);
        Some((record, *figures, unused))
    }

    fn ends_next_words(&self, next: Option<&(&CreditRecord, Figures, Option<Money>)>) -> String {
        let Some((record, figures, unused)) = next else {
            return "no credit that has an end".to_owned();
        };
        let unused = match unused {
            None => String::new(),
            Some(unused) if unused.is_zero() => ", all of which will be used".to_owned(),
            Some(unused) => format!(", {} of which will lapse", self.amount(*unused)),
        };
        let terms = &record.credit.terms;
        let end = terms.end_date.map(date).unwrap_or_default();
        format!(
            "{} {} on {end}, {} left{unused}",
            record.credit.id,
            terms.name,
            self.amount(figures.estimated)
        )
    }

    fn will_lapse(&self) -> Option<Money> {
        let credits = self.forecast.credits.iter();
        let unused = credits.filter_map(|ahead| ahead.unused_at_end);
        self.is_known().then(|| unused.sum())
    }

    /// Whether any bill says what is to come.
    fn is_known(&self) -> bool {
        !self.forecast.expected.is_empty()
    }

    /// The bills of the month of the day, all payers together.
    fn this_month(&self) -> MonthSoFar {
        let month = Month::of(self.as_of);
        let is_meant = |id: &BillId| id.month == month && id.currency == self.currency;
        let booked = self.state.bills.iter().filter(|(id, bill)| {
            is_meant(id) && bill.status == Status::Final && bill.effective <= self.as_of
        });
        let booked: Vec<Totals> = booked.map(|(_, bill)| bill.totals).collect();
        let open = self.estimates.iter();
        let open = open.filter(|statement| is_meant(statement.bill.id()));
        let open: Vec<Totals> = open.map(Statement::totals).collect();
        let mut ahead = self.forecast.months.iter();
        let ahead = ahead.find(|ahead| ahead.month == month && self.is_known());
        // Payers that have a final bill are not to come.
        let done = self.sum(&booked);
        MonthSoFar {
            month,
            status: match (open.is_empty(), booked.is_empty()) {
                (false, _) => Some(Status::Estimated.as_str()),
                (true, false) => Some(Status::Final.as_str()),
                (true, true) => None,
            },
            so_far: self.sum(booked.iter().chain(&open)),
            expected: ahead.map(|ahead| (done.charges + ahead.charges, done.card + ahead.card)),
        }
    }

    /// What bills come to together, the card rounded once a bill.
    fn sum<'t>(&self, totals: impl IntoIterator<Item = &'t Totals>) -> Totals {
        let digits = self.currency.minor_digits();
        let mut sum = Totals::default();
        for totals in totals {
            sum.charges += totals.charges;
            sum.provider_credits += totals.provider_credits;
            sum.credits += totals.credits;
            sum.card += totals.card.round_half_away(digits);
        }
        sum
    }

    fn month_words(&self, of: &MonthSoFar) -> String {
        let words = match of.status {
            None => format!("{}: no bill yet", of.month),
            Some(_) => format!(
                "{}: {} so far, {} on the card",
                of.month,
                self.amount(of.so_far.charges),
                self.amount(of.so_far.card)
            ),
        };
        match of.expected {
            None => words,
            Some((charges, card)) => format!(
                "{words}; expected {}, {} on the card",
                self.amount(charges),
                self.amount(card)
            ),
        }
    }

    /// The last final bill, of the payer that comes first.
    fn last_bill(&self) -> Option<(&BillId, Totals)> {
        let bills = self.state.bills.iter();
        let booked = bills.filter(|(id, bill)| {
            let counts = bill.status == Status::Final && bill.effective <= self.as_of;
            counts && id.currency == self.currency
        });
        let mut by_month: BTreeMap<Month, (&BillId, Totals)> = BTreeMap::new();
        for (id, bill) in booked {
            by_month.entry(id.month).or_insert((id, bill.totals));
        }
        by_month.into_values().next_back()
    }

    fn last_bill_words(&self, last: Option<&(&BillId, Totals)>) -> String {
        let Some((id, totals)) = last else {
            return "none on record".to_owned();
        };
        let digits = self.currency.minor_digits();
        format!(
            "{id}: {}, {} by credits, {} on the card",
            self.amount(totals.charges),
            self.amount(totals.credits),
            self.amount(totals.card.round_half_away(digits))
        )
    }
}

fn screen(answer: &StatusShape) -> String {
    let mut text = format!("as of {}, entry {}\n", answer.as_of, answer.at_entry);
    if answer.currencies.is_empty() {
        text.push_str(
            "no credit and no bill is on record; `credits grant` and `credits apply` record them\n",
        );
    }
    for currency in &answer.currencies {
        text.push('\n');
        for (what, words) in &currency.lines {
            text.push_str(&format!("{what:<12}{words}\n"));
        }
    }
    text
}

fn spreadsheet(answer: &StatusShape) -> Table {
    let headings = [
        "currency",
        "initial",
        "remaining",
        "estimated",
        "active credits",
        "will lapse",
        "month",
        "charges",
        "card charge",
        "expected charges",
        "expected card charge",
        "card starts in",
        "runway months",
    ];
    let rows = answer.currencies.iter().map(|shape| {
        let amount = |text: &Option<String>| text.as_deref().map_or(Cell::Empty, Cell::decimal);
        let month = &shape.this_month;
        vec![
            Cell::text(&shape.currency),
            Cell::decimal(&shape.initial),
            Cell::decimal(&shape.remaining),
            Cell::decimal(&shape.estimated),
            Cell::Count(shape.active_credits as u64),
            amount(&shape.will_lapse),
            Cell::text(&month.month),
            amount(&month.charges),
            amount(&month.card_charge),
            amount(&month.expected_charges),
            amount(&month.expected_card_charge),
            Cell::maybe(shape.card_starts_in.as_ref()),
            amount(&shape.runway_months),
        ]
    });
    Table::new(headings).rows(rows)
}
