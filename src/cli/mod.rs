//! The command: arguments in, an answer out. Declared by the binary only, so the library cannot
//! see it.
//!
//! Every command is one function: read, decide, record, report. Layout is in [`table`], the shapes
//! of JSON in [`shape`], statuses and advice in [`failure`].

mod account;
mod alert;
mod answer;
mod apply;
mod backtest;
mod bad_usage;
mod balance;
mod bill;
mod bills;
mod burn_down;
mod check;
mod checks;
mod code;
mod confirm;
mod context;
mod correct;
mod covers;
mod documents;
mod earn;
mod eligible;
mod explain;
mod failure;
mod forecast;
mod forecast_shape;
mod foresee;
mod grant;
mod import;
mod journal;
mod limits;
mod metrics;
mod mint;
mod offer;
mod offer_shape;
mod offer_show;
mod operate;
mod pool;
mod progress;
mod prompt;
mod reconcile;
mod redeem;
mod redeem_file;
mod region;
mod revoke;
mod roster;
mod service;
mod shape;
mod shell;
mod span;
mod split;
mod statement;
mod status;
mod table;
mod terms;
mod typed;
mod usage;
mod whole_file;
mod why_card;

use std::io::IsTerminal;
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use credits_ledger::formats::sql::Export;
use credits_ledger::period::parse_date;

pub(crate) use answer::{Answer, Format};
pub(crate) use bad_usage::failure as usage_failure;
pub(crate) use context::Context;
pub(crate) use failure::{Failure, UNAVAILABLE, USAGE, io_words};

const EXAMPLES: &str = "\
Examples:
  credits grant --kind activate --amount 5000 --account 111122223333 --end 2027-12-31
  credits redeem HCP2017AAAA1 --account 111122223333
  credits apply bill.json
  credits balance
  credits explain 111122223333/2026-01
  credits check --remaining-below 20% --expiring-within 30d --card-above 0";

const STATUSES: &str = "\
Exit status:
  0  done
  1  a question is answered \"no\": an alert fired, no credit covers, verification failed
  2  bad usage or unreadable input
  3  refused by a rule of the ledger
  4  the ledger is unavailable or damaged
  5  the answer could not be written, and whatever there was to record is recorded; or the disk
     failed so that it is not sure whether it is
In 1 to 4 nothing was changed.

Files:
  $XDG_DATA_HOME/credits/ledger.db, by default ~/.local/share/credits/ledger.db

Environment:
  CREDITS_LEDGER   the ledger file
  CREDITS_ACCOUNT  the account that grant, redeem and covers mean
  CREDITS_TODAY    the day that counts as today (YYYY-MM-DD)
  CREDITS_NOW      the instant that counts as now (2026-01-15T10:00:00Z)
  NO_COLOR         no colour; FORCE_COLOR: colour, terminal or not";

const FIRST: &str = "Example: credits grant --kind promotional --amount 100 --account 111122223333\nMore: credits --help, credits COMMAND --help";

/// A ledger for cloud credits: which credit pays which charge, what is left, why the card pays
///
/// Records promotional, earned, Activate and educational credits, applies them to monthly bills by
/// the provider's rules, and explains every cent that is left for the card. Exact, offline, in one
/// file.
#[derive(Debug, Parser)]
#[command(name = "credits", version, after_help = FIRST, before_long_help = EXAMPLES, after_long_help = STATUSES, arg_required_else_help = true, infer_subcommands = false, propagate_version = false, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The ledger file [default: $XDG_DATA_HOME/credits/ledger.db]
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "CREDITS_LEDGER",
        hide_env_values = true
    )]
    pub(crate) ledger: Option<PathBuf>,
    /// How to print data; of `bill sql`: what columns the table has; of `check`: prometheus
    #[arg(long, global = true, value_enum, default_value_t = FormatArg::Table)]
    format: FormatArg,
    /// The same as --format json
    #[arg(long, global = true, conflicts_with = "format")]
    json: bool,
    /// Whether to colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
    /// Print nothing on success; notes are left out too
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// The day that counts as today
    #[arg(long, global = true, value_name = "DATE", env = "CREDITS_TODAY", hide_env_values = true, value_parser = |text: &str| parse_date(text).map_err(|error| error.to_string()))]
    pub(crate) today: Option<NaiveDate>,
    /// How long to wait for another process that writes to the ledger
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(crate) wait: u64,
}

impl Global {
    /// How to print data.
    pub(crate) fn format(&self) -> Format {
        match self.format {
            _ if self.json => Format::Json,
            FormatArg::Json => Format::Json,
            FormatArg::Csv => Format::Csv,
            _ => Format::Table,
        }
    }

    /// What columns a table has, where that is asked.
    fn export(&self) -> Option<Export> {
        match self.format {
            FormatArg::Cur2 => Some(Export::Cur2),
            FormatArg::CurLegacy => Some(Export::CurLegacy),
            FormatArg::Focus => Some(Export::Focus),
            FormatArg::Table | FormatArg::Json | FormatArg::Csv | FormatArg::Prometheus => None,
        }
    }

    /// Whether figures are wanted for a monitoring system.
    fn is_prometheus(&self) -> bool {
        self.format == FormatArg::Prometheus
    }
}

/// What `--format` takes: a way to print data, of `bill sql` a kind of table, and of `check` figures
/// for a monitoring system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// For people.
    Table,
    /// For programs: one document, or one a line where there are several.
    Json,
    /// For spreadsheets.
    Csv,
    /// CUR 2.0.
    #[value(hide = true)]
    Cur2,
    /// The legacy cost and usage report.
    #[value(hide = true)]
    CurLegacy,
    /// FOCUS.
    #[value(hide = true)]
    Focus,
    /// The text format of Prometheus.
    #[value(hide = true)]
    Prometheus,
}

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Yes.
    Always,
    /// No.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    Grant(grant::GrantArgs),
    Redeem(redeem::RedeemArgs),
    Apply(apply::ApplyArgs),
    Reconcile(reconcile::ReconcileArgs),
    Reverse(correct::ReverseArgs),
    Replay(correct::ReplayArgs),
    Close(correct::CloseArgs),
    Reopen(correct::ReopenArgs),
    Balance(balance::BalanceArgs),
    List(balance::ListArgs),
    Show(balance::ShowArgs),
    Bills(bills::BillsArgs),
    Statement(statement::StatementArgs),
    Usage(usage::UsageArgs),
    Explain(explain::ExplainArgs),
    Covers(covers::CoversArgs),
    Check(check::CheckArgs),
    Forecast(forecast::ForecastArgs),
    Status(status::StatusArgs),
    Void(grant::VoidArgs),
    Pause(operate::PauseArgs),
    Resume(operate::ResumeArgs),
    Transfer(operate::TransferArgs),
    Split(split::SplitArgs),
    Share(operate::ShareArgs),
    #[command(subcommand)]
    Offer(offer::OfferCommand),
    #[command(subcommand)]
    Code(code::CodeCommand),
    Earn(earn::EarnArgs),
    #[command(subcommand)]
    Account(account::AccountCommand),
    #[command(subcommand)]
    Import(import::ImportCommand),
    #[command(subcommand)]
    Bill(bill::BillCommand),
    #[command(subcommand)]
    Service(service::ServiceCommand),
    Journal(journal::JournalArgs),
    Verify(journal::VerifyArgs),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
}

/// Parses arguments. Help is as wide as the terminal, and into a pipe always the same.
pub(crate) fn parse(arguments: &[std::ffi::OsString]) -> Result<Cli, clap::Error> {
    let command = Cli::command();
    let command = if std::io::stdout().is_terminal() {
        command
    } else {
        command.term_width(100)
    };
    let matches = command.try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

/// The command that arguments name, a group's name before its own; nothing where they name none.
/// Values of global options are passed over.
pub(crate) fn command_path(words: &[&str]) -> Vec<String> {
    let root = Cli::command();
    let takes_value = |word: &str| {
        let flag = word.strip_prefix("--");
        let mut options = root.get_arguments().filter(|option| {
            let takes_value = option.get_action().takes_values();
            takes_value && option.get_long().is_some()
        });
        options.any(|option| option.get_long() == flag)
    };
    let (mut command, mut path, mut is_value) = (&root, Vec::new(), false);
    for word in words.iter().take_while(|word| **word != "--") {
        if !std::mem::replace(&mut is_value, takes_value(word))
            && let Some(found) = command.find_subcommand(word)
        {
            path.push(found.get_name().to_owned());
            command = found;
        }
    }
    path
}

/// Runs a command that needs no place for a ledger.
pub(crate) fn run_without_ledger(cli: &Cli) -> Option<Result<Answer, Failure>> {
    let export = cli.global.export();
    match &cli.command {
        Command::Bill(command) if !cli.global.is_prometheus() => {
            Some(bill::bill(command, export, cli.global.format()))
        }
        _ if export.is_some() => {
            let message = "that --format is of `bill sql` only";
            let hint = "data is printed as table, json or csv";
            Some(Err(Failure::usage(message).hint(hint)))
        }
        Command::Check(_) => None,
        _ if cli.global.is_prometheus() => {
            let message = "that --format is of `check` only";
            let hint = "data is printed as table, json or csv";
            Some(Err(Failure::usage(message).hint(hint)))
        }
        Command::Completions(args) => Some(Ok(shell::completions(args))),
        Command::Man(args) => Some(shell::man(args)),
        _ => None,
    }
}

/// Whether a monitoring system has to be told if the command fails.
pub(crate) fn is_measured(cli: &Cli) -> bool {
    matches!(cli.command, Command::Check(_)) && cli.global.is_prometheus()
}

/// What a monitoring system is told by a command that fails.
pub(crate) fn down() -> String {
    metrics::down(context::now().unwrap_or_else(|_| chrono::Utc::now()))
}

/// Runs a command.
pub(crate) fn run(cli: &Cli, context: &Context) -> Result<Answer, Failure> {
    answer(cli, context).map_err(|failure| failure.of_ledger(&context.path))
}

fn answer(cli: &Cli, context: &Context) -> Result<Answer, Failure> {
    match &cli.command {
        Command::Grant(args) => grant::grant(args, context),
        Command::Redeem(args) => redeem::redeem(args, context),
        Command::Apply(args) => apply::apply(args, context),
        Command::Reconcile(args) => reconcile::reconcile(args, context),
        Command::Reverse(args) => correct::reverse(args, context),
        Command::Replay(args) => correct::replay(args, context),
        Command::Close(args) => correct::close(args, context),
        Command::Reopen(args) => correct::reopen(args, context),
        Command::Balance(args) => balance::balance(args, context),
        Command::List(args) => balance::list(args, context),
        Command::Show(args) => balance::show(args, context),
        Command::Bills(args) => bills::bills(args, context),
        Command::Statement(args) => statement::statement(args, context),
        Command::Usage(args) => usage::usage(args, context),
        Command::Explain(args) => explain::explain(args, context),
        Command::Covers(args) => covers::covers(args, context),
        Command::Check(args) if cli.global.is_prometheus() => check::measure(args, context),
        Command::Check(args) => check::check(args, context),
        Command::Forecast(args) => forecast::forecast(args, context),
        Command::Status(args) => status::status(args, context),
        Command::Void(args) => grant::void(args, context),
        Command::Pause(args) => operate::pause(args, context),
        Command::Resume(args) => operate::resume(args, context),
        Command::Transfer(args) => operate::transfer(args, context),
        Command::Split(args) => split::split(args, context),
        Command::Share(args) => operate::share(args, context),
        Command::Offer(command) => offer::offer(command, context),
        Command::Code(command) => code::code(command, context),
        Command::Earn(args) => earn::earn(args, context),
        Command::Account(command) => account::account(command, context),
        Command::Import(command) => import::import(command, context),
        Command::Service(command) => service::service(command, context),
        Command::Journal(args) => journal::journal(args, context),
        Command::Verify(args) => journal::verify(args, context),
        Command::Bill(command) => bill::bill(command, cli.global.export(), context.format),
        Command::Completions(args) => Ok(shell::completions(args)),
        Command::Man(args) => shell::man(args),
    }
}
