//! `check`: for cron. Silent and 0 when all is well; prints and 1 when an alert fires.

use clap::{ArgGroup, Args};
use credits_ledger::ledger::check::{Facts, Foreseen, Limits, alerts};
use serde::Serialize;

use super::alert::AlertShape;
use super::answer::{Answer, Format};
use super::checks;
use super::context::{Clocks, Context};
use super::failure::Failure;
use super::foresee::foreseen;
use super::limits::{LimitArgs, flags};
use super::metrics;
use super::shape::date;
use super::table::{Cell, Table};

/// Look for what needs attention, for cron
///
/// Prints nothing and ends with status 0 when all is well; prints one line an alert and ends with
/// status 1 when something needs attention. A ledger that is missing or damaged is status 4, never
/// silence.
///
/// With --save the limits are recorded, and a check without them looks for those; one that is named
/// all the same counts in place of the one recorded. With --format prometheus the figures are
/// printed as a node exporter reads them, alerts or none.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("recording").args(["save", "forget"]),
    before_long_help = "Examples:
  credits check --remaining-below 20% --expiring-within 30d --card-above 0
  credits check --bill-missing
  credits check --waste-above 100 --runway-below 4m --save
  credits check --format prometheus
  0 8 * * * credits --ledger /srv/credits/ledger.db check --remaining-below 500"
)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    limits: LimitArgs,
    /// Look for what these limits say, and for nothing that is recorded
    #[arg(long)]
    only: bool,
    /// Record these limits in place of those recorded, and check nothing
    #[arg(long, conflicts_with_all = ["only", "as_of", "at_entry"])]
    save: bool,
    /// Take back the limits that are recorded, and check nothing
    #[arg(long, conflicts_with_all = ["only", "as_of", "at_entry"])]
    forget: bool,
    /// Say what --save or --forget would record, and record nothing
    #[arg(long, requires = "recording")]
    dry_run: bool,
    #[command(flatten)]
    clocks: Clocks,
}

impl CheckArgs {
    /// The limits that are named, and unless only these are meant those recorded.
    fn limits(&self, recorded: Limits) -> Limits {
        let named = self.limits.limits();
        match self.only {
            true => named,
            false => named.or(recorded),
        }
    }
}

#[derive(Debug, Serialize)]
struct Checked {
    as_of: String,
    at_entry: u64,
    alerts: Vec<AlertShape>,
}

/// Looks for what needs attention, or records what that is.
pub(crate) fn check(args: &CheckArgs, context: &Context) -> Result<Answer, Failure> {
    if args.save || args.forget {
        return record(args, context);
    }
    look(args, context, |facts, limits| {
        if limits.is_none() {
            return Err(nothing("check"));
        }
        let alerts = alerts(facts, limits);
        let checked = Checked {
            as_of: date(facts.as_of),
            at_entry: facts.state.head,
            alerts: alerts.iter().map(AlertShape::of).collect(),
        };
        let status = u8::from(!alerts.is_empty());
        Ok(answer(checked, context.format).status(status))
    })?
}

/// The same for a monitoring system, which is told figures too, and which is told that all is well.
pub(crate) fn measure(args: &CheckArgs, context: &Context) -> Result<Answer, Failure> {
    if args.save || args.forget {
        let message = "`--save` and `--forget` measure nothing";
        return Err(Failure::usage(message).hint("leave out `--format prometheus`"));
    }
    look(args, context, |facts, limits| {
        let alerts = alerts(facts, limits);
        let page = metrics::page(facts, limits, &alerts, context.now);
        let status = u8::from(!alerts.is_empty());
        Answer::text(page).even_if_quiet().status(status)
    })
}

fn record(args: &CheckArgs, context: &Context) -> Result<Answer, Failure> {
    let limits = args.limits.limits();
    if args.save && limits.is_none() {
        return Err(nothing("record"));
    }
    if args.forget && !limits.is_none() {
        let message = "`--forget` takes back all limits, and none is named with it";
        let hint = format!(
            "`credits check {} --save` records these in place of all others",
            flags(&limits)
        );
        return Err(Failure::usage(message).hint(hint));
    }
    checks::record(limits, args.dry_run, context)
}

fn nothing(to_do: &str) -> Failure {
    let message = format!("there is nothing to {to_do}: no limit is named, and none is recorded");
    let message = match to_do {
        "check" => message,
        _ => format!("there is nothing to {to_do}: no limit is named"),
    };
    Failure::usage(message).hint("`credits check --remaining-below 20% --expiring-within 30d --card-above 0 --bill-missing`; with `--save` they are recorded, and `credits check` looks for them")
}

/// Looks at what is known and, where a limit asks for it, at what is to come.
fn look<T>(
    args: &CheckArgs,
    context: &Context,
    then: impl FnOnce(&Facts<'_>, &Limits) -> T,
) -> Result<T, Failure> {
    let journal = context.journal()?;
    if !journal.exists() {
        return Err(Failure::no_ledger(&context.path));
    }
    let view = journal.view();
    let as_of = args.clocks.date(context);
    let state = args.clocks.state(view)?;
    let limits = args.limits(state.checks);
    let estimates = view.estimates(&state, as_of, &context.rules)?;
    let foreseen = match limits.look_ahead() {
        true => foreseen(view, &state, as_of, context)?,
        false => Foreseen::default(),
    };
    let facts = Facts::new(&state, &estimates, foreseen, as_of, &context.rules);
    Ok(then(&facts, &limits))
}

fn answer(checked: Checked, format: Format) -> Answer {
    if format == Format::Table {
        let lines = checked.alerts.iter();
        return Answer::text(lines.map(|alert| format!("{}\n", alert.message)).collect());
    }
    Answer::data(format, checked, |checked| {
        let rows = checked.alerts.iter().map(|alert| {
            vec![
                Cell::text(alert.kind),
                Cell::maybe(alert.credit.as_ref()),
                Cell::maybe(alert.bill.as_ref()),
                Cell::maybe(alert.account.as_ref()),
                Cell::maybe(alert.currency.as_ref()),
                Cell::maybe(alert.value.as_ref()),
                Cell::maybe(alert.limit.as_ref()),
                Cell::maybe(alert.since.as_ref()),
                Cell::text(&alert.message),
            ]
        });
        let headings = [
            "kind", "credit", "bill", "account", "currency", "value", "limit", "since", "message",
        ];
        Table::new(headings).rows(rows)
    })
}
