//! `usage`: who consumed what, for chargeback.

use clap::{Args, ValueEnum};
use credits_ledger::ledger::bill::Status;
use credits_ledger::ledger::booking::Past;
use credits_ledger::ledger::entry::Lines;
use credits_ledger::ledger::names::{AccountId, Currency};
use credits_ledger::ledger::state::{BillState, State};
use credits_ledger::ledger::statement::Statement;
use credits_ledger::ledger::usage::{OfAccount, Sums, Usage};
use credits_ledger::money::Money;
use credits_ledger::store::journal::View;
use serde::Serialize;

use super::answer::Answer;
use super::context::{Clocks, Context};
use super::failure::Failure;
use super::shape::date;
use super::span::{Span, open_note};
use super::table::{Cell, Table};

/// Show who consumed what: charges, what credits paid of them, what the card pays
///
/// By account: `own` is what the account's own credits paid of its charges, `from_others` what
/// credits of other accounts paid of them, `to_others` what its credits paid for others. Every row
/// holds charges = credits + card, and the rows add up to the bills. Open bills are counted with
/// what credits would pay of them now.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits usage --by account --month 2026-01
  credits usage --by credit --payer 111122223333
  credits --format csv usage --by account --month 2026-01 --final > chargeback.csv")]
pub(crate) struct UsageArgs {
    /// What has a row of its own
    #[arg(long, value_name = "WHAT", value_enum)]
    by: By,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    clocks: Clocks,
}

/// What has a row of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Each usage account.
    Account,
    /// Each service.
    Service,
    /// Each credit and account that consumed of it.
    Credit,
}

#[derive(Debug, Serialize)]
struct Answered {
    as_of: String,
    at_entry: u64,
    by: &'static str,
    month: Option<String>,
    first_month: Option<String>,
    last_month: Option<String>,
    estimated_bills: Vec<String>,
    usage: Vec<Row>,
    totals: Vec<TotalRow>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Row {
    Account(AccountRow),
    Service(ServiceRow),
    Credit(CreditRow),
}

#[derive(Debug, Serialize)]
struct AccountRow {
    payer: String,
    account: String,
    name: Option<String>,
    currency: String,
    charges: String,
    credits: String,
    own: String,
    from_others: String,
    to_others: String,
    card: String,
}

#[derive(Debug, Serialize)]
struct ServiceRow {
    payer: String,
    service: String,
    currency: String,
    charges: String,
    credits: String,
    card: String,
}

#[derive(Debug, Serialize)]
struct CreditRow {
    credit: String,
    name: String,
    owner: String,
    account: String,
    currency: String,
    amount: String,
}

#[derive(Debug, Serialize)]
struct TotalRow {
    currency: String,
    charges: String,
    credits: String,
    card: String,
    #[serde(skip)]
    sums: Sums,
    #[serde(skip)]
    digits: u32,
}

/// Shows who consumed what.
pub(crate) fn usage(args: &UsageArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let state = args.clocks.state(journal.view())?;
    let (usage, open) = counted(args, journal.view(), &state, context)?;
    let answer = Answered {
        as_of: date(args.clocks.date(context)),
        at_entry: state.head,
        by: args.by.as_str(),
        month: args.span.month.map(|month| month.to_string()),
        first_month: usage.months.map(|(first, _)| first.to_string()),
        last_month: usage.months.map(|(_, last)| last.to_string()),
        usage: rows(args.by, &usage, &state),
        totals: usage.totals.iter().map(TotalRow::new).collect(),
        estimated_bills: open.clone(),
    };
    let (by, style) = (args.by, context.style);
    let answer = Answer::data(context.format, answer, |answer| {
        table(by, answer).styled(style)
    });
    Ok(answer
        .with_notes(context.absence(&journal))
        .with_notes(open_note(&open)))
}

/// What the bills that are asked about come to, and those of them that are open.
fn counted(
    args: &UsageArgs,
    view: View<'_>,
    state: &State,
    context: &Context,
) -> Result<(Usage, Vec<String>), Failure> {
    let as_of = args.clocks.date(context);
    let mut usage = Usage::default();
    let asked = state.bills.iter().filter(|(id, _)| args.span.includes(id));
    let counts = |bill: &&BillState| bill.status == Status::Final && bill.effective <= as_of;
    for bill in asked.map(|(_, bill)| bill).filter(counts) {
        if let Lines::Statement(statement) = view.lines(bill)? {
            usage.add(&statement, state);
        }
    }
    let mut open = Vec::new();
    if !args.span.is_final {
        let estimates = view.estimates(state, as_of, &context.rules)?;
        let asked = |statement: &&Statement| args.span.includes(statement.bill.id());
        for statement in estimates.iter().filter(asked) {
            usage.add(statement, state);
            open.push(statement.bill.id().to_string());
        }
    }
    Ok((usage, open))
}

impl By {
    fn as_str(self) -> &'static str {
        match self {
            By::Account => "account",
            By::Service => "service",
            By::Credit => "credit",
        }
    }

    fn headings(self) -> Vec<&'static str> {
        match self {
            By::Account => vec![
                "payer",
                "account",
                "name",
                "currency",
                "charges",
                "credits",
                "own",
                "from others",
                "to others",
                "card",
            ],
            By::Service => vec!["payer", "service", "currency", "charges", "credits", "card"],
            By::Credit => vec!["credit", "name", "owner", "account", "currency", "amount"],
        }
    }
}

fn rows(by: By, usage: &Usage, state: &State) -> Vec<Row> {
    match by {
        By::Account => account_rows(usage, state),
        By::Service => service_rows(usage),
        By::Credit => credit_rows(usage, state),
    }
}

/// Writes amounts with the digits of a currency.
fn writer(currency: Currency) -> impl Fn(Money) -> String {
    move |amount| amount.text(currency.minor_digits())
}

fn account_rows(usage: &Usage, state: &State) -> Vec<Row> {
    let row =
        |((payer, account, currency), of): (&(AccountId, AccountId, Currency), &OfAccount)| {
            let OfAccount {
                sums,
                own,
                from_others,
                to_others,
            } = of;
            let text = writer(*currency);
            let on_record = state.accounts.get(account);
            Row::Account(AccountRow {
                payer: payer.to_string(),
                account: account.to_string(),
                name: on_record.and_then(|account| account.name.clone()),
                currency: currency.to_string(),
                charges: text(sums.charges),
                credits: text(sums.credits),
                own: text(*own),
                from_others: text(*from_others),
                to_others: text(*to_others),
                card: text(sums.card),
            })
        };
    usage.accounts.iter().map(row).collect()
}

fn service_rows(usage: &Usage) -> Vec<Row> {
    let rows = usage.services.iter();
    rows.map(|((payer, service, currency), sums)| {
        let text = writer(*currency);
        Row::Service(ServiceRow {
            payer: payer.to_string(),
            service: service.to_string(),
            currency: currency.to_string(),
            charges: text(sums.charges),
            credits: text(sums.credits),
            card: text(sums.card),
        })
    })
    .collect()
}

fn credit_rows(usage: &Usage, state: &State) -> Vec<Row> {
    let rows = usage.credits.iter();
    rows.map(|((id, account, owner), amount)| {
        let terms = &state.credits[id].credit.terms;
        Row::Credit(CreditRow {
            credit: id.to_string(),
            name: terms.name.clone(),
            owner: owner.to_string(),
            account: account.to_string(),
            currency: terms.currency.to_string(),
            amount: writer(terms.currency)(*amount),
        })
    })
    .collect()
}

impl TotalRow {
    fn new((currency, sums): (&Currency, &Sums)) -> TotalRow {
        let text = writer(*currency);
        TotalRow {
            currency: currency.to_string(),
            charges: text(sums.charges),
            credits: text(sums.credits),
            card: text(sums.card),
            sums: *sums,
            digits: currency.minor_digits(),
        }
    }

    fn line(&self) -> String {
        let text = |amount: Money| format!("{} {}", amount.grouped(self.digits), self.currency);
        let Sums {
            charges,
            credits,
            card,
        } = self.sums;
        format!(
            "{} of charges: credits pay {}, the card {}",
            text(charges),
            text(credits),
            text(card)
        )
    }
}

impl Row {
    fn cells(&self) -> Vec<Cell> {
        match self {
            Row::Account(row) => {
                let amounts = [
                    &row.charges,
                    &row.credits,
                    &row.own,
                    &row.from_others,
                    &row.to_others,
                    &row.card,
                ];
                let names = [&row.payer, &row.account].map(Cell::text);
                let name = [Cell::maybe(row.name.as_ref()), Cell::text(&row.currency)];
                let amounts = amounts.map(|amount| Cell::decimal(amount));
                names.into_iter().chain(name).chain(amounts).collect()
            }
            Row::Service(row) => {
                let names = [&row.payer, &row.service, &row.currency].map(Cell::text);
                let amounts = [&row.charges, &row.credits, &row.card];
                let amounts = amounts.map(|amount| Cell::decimal(amount));
                names.into_iter().chain(amounts).collect()
            }
            Row::Credit(row) => {
                let names = [
                    &row.credit,
                    &row.name,
                    &row.owner,
                    &row.account,
                    &row.currency,
                ];
                let amount = Cell::decimal(&row.amount);
                names.map(Cell::text).into_iter().chain([amount]).collect()
            }
        }
    }
}

fn table(by: By, answer: &Answered) -> Table {
    let months = match (&answer.first_month, &answer.last_month) {
        (Some(first), Some(last)) if first == last => format!("usage by {} in {first}", answer.by),
        (Some(first), Some(last)) => format!("usage by {} from {first} to {last}", answer.by),
        _ => match &answer.month {
            Some(month) => format!("no usage in {month}"),
            None => "no usage".to_owned(),
        },
    };
    let above = format!(
        "{months}, as of {}, entry {}",
        answer.as_of, answer.at_entry
    );
    let table = Table::new(by.headings())
        .above(above)
        .rows(answer.usage.iter().map(Row::cells));
    let totals = answer.totals.iter().map(TotalRow::line);
    totals.fold(table, Table::below)
}
