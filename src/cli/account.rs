//! `account`: who belongs to whom, who shares, who may redeem what.

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use credits_ledger::ledger::account::{Account, AccountChange};
use credits_ledger::ledger::decide;
use credits_ledger::ledger::names::AccountId;
use credits_ledger::ledger::pool::{self, Moves};
use credits_ledger::ledger::state::State;
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::{Clocks, Context, Day, read_day};
use super::eligible::{EligibleShape, attribute_notes, offers};
use super::failure::Failure;
use super::pool::{MovingShape, lines};
use super::shape::date;
use super::table::{Cell, Table};
use super::terms::{read_account, read_country, read_words};

/// Record, list and show accounts
#[derive(Debug, Subcommand)]
#[command(
    before_long_help = "Examples:\n  credits account set 111122223333 --default\n  credits account list"
)]
pub(crate) enum AccountCommand {
    Set(SetArgs),
    List(ListArgs),
    Show(ShowArgs),
}

/// Record what an account is: its payer, its sharing, its attributes
///
/// Only what is named changes. A new payer ends the membership before it the day before. What is
/// left of credits that enter the new payer's pool, or leave the old one's, is said, with the month
/// from which on they do. A payer may be a member of another one: its own members and their credits
/// come along.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits account set 111122223333 --default --name 'Course account'
  credits account set 444455556666 --payer 111122223333 --joined 2026-01-11
  credits account set 444455556666 --left 2026-04-16
  credits account set 444455556666 --sharing off --attribute student --country DE
  credits account set 444455556666 --remove-attribute student")]
pub(crate) struct SetArgs {
    /// The account
    #[arg(value_name = "ID", value_parser = read_account)]
    id: AccountId,
    /// The payer account it joins
    #[arg(long, value_name = "ID", value_parser = read_account)]
    payer: Option<AccountId>,
    /// First day of its membership [default: today]
    #[arg(long, value_name = "DATE", value_parser = read_day, requires = "payer")]
    joined: Option<Day>,
    /// Last day of its membership
    #[arg(long, value_name = "DATE", value_parser = read_day, conflicts_with = "payer")]
    left: Option<Day>,
    /// Whether its credits are shared with the other accounts of its payer, and theirs with it
    #[arg(long, value_parser = ["on", "off"])]
    sharing: Option<String>,
    /// The country it is in, an ISO 3166 code
    #[arg(long, value_name = "CC", value_parser = read_country)]
    country: Option<String>,
    /// Something it is, such as `student` or `startup` (repeat for several)
    #[arg(long, value_name = "NAME", value_parser = read_words)]
    attribute: Vec<String>,
    /// Something that it is not, and was recorded by mistake (repeat for several)
    #[arg(long, value_name = "NAME", value_parser = read_words)]
    remove_attribute: Vec<String>,
    /// A name for people
    #[arg(long, value_name = "TEXT", value_parser = read_words)]
    name: Option<String>,
    /// Make it the account that commands mean where none is named
    #[arg(long)]
    default: bool,
    /// The day from which on a change of sharing counts, not after today [default: today]
    #[arg(long, value_name = "DATE", value_parser = read_day)]
    on: Option<Day>,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// List the accounts that anything is on record of
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:\n  credits account list\n  credits --json account list")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    clocks: Clocks,
}

/// Show what is on record of an account, and which offers it may redeem
///
/// Of the offers on record it says which the account is eligible for and what it lacks for the
/// others: an attribute, a country, an earlier day, a limit not reached.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  credits account show 444455556666\n  credits --json account show 444455556666"
)]
pub(crate) struct ShowArgs {
    /// The account
    #[arg(value_name = "ID", value_parser = read_account)]
    id: AccountId,
    #[command(flatten)]
    clocks: Clocks,
}

#[derive(Debug, Serialize)]
struct AccountShape {
    id: String,
    name: Option<String>,
    country: Option<String>,
    attributes: Vec<String>,
    payer: Option<String>,
    sharing: bool,
    default: bool,
    credits: u64,
    memberships: Vec<MembershipShape>,
    as_of: String,
    at_entry: u64,
}

/// An account that was just set.
#[derive(Debug, Serialize)]
struct SetShape {
    #[serde(flatten)]
    account: AccountShape,
    enters_pool: Option<MovingShape>,
    leaves_pool: Option<MovingShape>,
}

/// An account, and what it may redeem.
#[derive(Debug, Serialize)]
struct ShownShape {
    #[serde(flatten)]
    account: AccountShape,
    offers: Vec<EligibleShape>,
}

#[derive(Debug, Serialize)]
struct MembershipShape {
    payer: String,
    joined: String,
    left: Option<String>,
}

impl AccountShape {
    fn new(id: &AccountId, state: &State, as_of: NaiveDate) -> AccountShape {
        let nothing = Account::default();
        let account = state.accounts.get(id).unwrap_or(&nothing);
        AccountShape {
            id: id.to_string(),
            name: account.name.clone(),
            country: account.country.clone(),
            attributes: account.attributes.iter().cloned().collect(),
            payer: account
                .membership_on(as_of)
                .map(|membership| membership.payer.to_string()),
            sharing: account.shares_on(as_of),
            default: state.default_account.as_ref() == Some(id),
            credits: state
                .credits
                .values()
                .filter(|record| record.owner_on(as_of) == id)
                .count() as u64,
            memberships: account
                .memberships
                .iter()
                .map(|m| MembershipShape {
                    payer: m.payer.to_string(),
                    joined: date(m.joined),
                    left: m.left.map(date),
                })
                .collect(),
            as_of: date(as_of),
            at_entry: state.head,
        }
    }
}

#[derive(Debug, Serialize)]
struct Accounts {
    as_of: String,
    at_entry: u64,
    accounts: Vec<AccountShape>,
}

fn accounts_table<'a>(accounts: impl Iterator<Item = &'a AccountShape>) -> Table {
    let headings = [
        "account",
        "payer",
        "sharing",
        "country",
        "attributes",
        "credits",
        "default",
        "name",
    ];
    Table::new(headings).rows(accounts.map(|account| {
        vec![
            Cell::text(&account.id),
            Cell::maybe(account.payer.as_ref()),
            Cell::text(if account.sharing { "on" } else { "off" }),
            Cell::maybe(account.country.as_ref()),
            Cell::text(account.attributes.join(" ")),
            Cell::Count(account.credits),
            Cell::text(if account.default { "yes" } else { "" }),
            Cell::maybe(account.name.as_ref()),
        ]
    }))
}

/// Runs a command about accounts.
pub(crate) fn account(command: &AccountCommand, context: &Context) -> Result<Answer, Failure> {
    match command {
        AccountCommand::Set(args) => set(args, context),
        AccountCommand::List(args) => list(args, context),
        AccountCommand::Show(args) => show(args, context),
    }
}

fn set(args: &SetArgs, context: &Context) -> Result<Answer, Failure> {
    let change = args.change(context)?;
    let on = context.day_done(args.on)?;
    let outcome = context.record(args.dry_run, |desk, view| {
        let notes = attribute_notes(&change, &desk.state);
        let change = args.unless_member(change.clone(), &desk.state, context.today);
        desk.today = on;
        let is_new = decide::set_account(desk, change.clone())?;
        let (today, rules) = (context.today, &context.rules);
        let moves = if change.moves() {
            let reserved = view.reserved(&desk.state, today, rules)?;
            pool::moves(&desk.state, &change, today, &reserved, rules)
        } else {
            Moves::default()
        };
        Ok((moves, notes, is_new))
    })?;
    let (moves, notes, is_new) = &outcome.answer;
    let account = AccountShape {
        at_entry: outcome.head,
        ..AccountShape::new(&args.id, &outcome.state, context.today)
    };
    let answer = if context.format == Format::Table {
        let lines =
            std::iter::once(said(&account, args.dry_run, *is_new)).chain(lines(moves, &account.id));
        Answer::text(lines.map(|line| line + "\n").collect())
    } else {
        let shape = SetShape {
            account,
            enters_pool: moves.enters.as_ref().map(MovingShape::new),
            leaves_pool: moves.leaves.as_ref().map(MovingShape::new),
        };
        Answer::data(context.format, shape, |shape| {
            accounts_table(std::iter::once(&shape.account))
        })
    };
    let recorded = *is_new && !args.dry_run;
    Ok(answer.with_notes(notes.clone()).recorded(recorded))
}

impl SetArgs {
    /// The change, without joining a payer that it belongs to on the day: where no day of joining is
    /// named, the one on record is meant.
    fn unless_member(
        &self,
        change: AccountChange,
        state: &State,
        today: NaiveDate,
    ) -> AccountChange {
        let account = state.accounts.get(&change.account);
        let membership = account.and_then(|account| account.membership_on(today));
        let is_member = membership.is_some_and(|one| Some(&one.payer) == self.payer.as_ref());
        let joins = change
            .joins
            .clone()
            .filter(|_| self.joined.is_some() || !is_member);
        AccountChange { joins, ..change }
    }

    fn change(&self, context: &Context) -> Result<AccountChange, Failure> {
        let day = |day: Day| day.date(context.today);
        let both = |name: &&String| self.remove_attribute.contains(name);
        if let Some(name) = self.attribute.iter().find(both) {
            let message = format!("attribute `{name}` cannot be added and removed at once");
            return Err(Failure::usage(message));
        }
        let payer = self.payer.clone();
        Ok(AccountChange {
            joins: payer.map(|payer| (payer, self.joined.map_or(context.today, day))),
            leaves: self.left.map(day),
            sharing: self.sharing.as_deref().map(|sharing| sharing == "on"),
            country: self.country.clone(),
            attributes: self.attribute.iter().cloned().collect(),
            removed_attributes: self.remove_attribute.iter().cloned().collect(),
            name: self.name.clone(),
            default: self.default,
            ..AccountChange::nothing(self.id.clone())
        })
    }
}

/// That an account was set, in a line.
fn said(account: &AccountShape, dry_run: bool, is_new: bool) -> String {
    let verb = match (is_new, dry_run) {
        (false, _) => "is so already",
        (true, true) => "would be recorded",
        (true, false) => "recorded",
    };
    let payer = account.payer.as_ref();
    let payer = payer.map_or(String::new(), |payer| format!(", member of {payer}"));
    let sharing = if account.sharing { "on" } else { "off" };
    format!("account {} {verb}{payer}, sharing {sharing}", account.id)
}

fn list(args: &ListArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let state = args.clocks.state(journal.view())?;
    let as_of = args.clocks.date(context);
    let accounts = state
        .known_accounts()
        .into_iter()
        .map(|id| AccountShape::new(id, &state, as_of))
        .collect();
    let answer = Accounts {
        as_of: date(as_of),
        at_entry: state.head,
        accounts,
    };
    let style = context.style;
    let answer = Answer::data(context.format, answer, |answer| {
        let none = if answer.accounts.is_empty() {
            "no accounts"
        } else {
            "accounts"
        };
        accounts_table(answer.accounts.iter())
            .styled(style)
            .above(format!(
                "{none} as of {}, entry {}",
                answer.as_of, answer.at_entry
            ))
    });
    Ok(answer.with_notes(context.absence(&journal)))
}

fn show(args: &ShowArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let state = args.clocks.state(journal.view())?;
    if !state.known_accounts().contains(&args.id) {
        let mut failure = Failure::usage(format!("account `{}` is not on record", args.id));
        failure.kind = "unknown_account";
        return Err(failure.hint("`credits account list` shows the accounts on record"));
    }
    let as_of = args.clocks.date(context);
    let shape = ShownShape {
        account: AccountShape::new(&args.id, &state, as_of),
        offers: offers(&state, &args.id, as_of, args.clocks.last_day(context)),
    };
    let style = context.style;
    Ok(Answer::data(context.format, shape, |shape| {
        let account = &shape.account;
        let table = accounts_table(std::iter::once(account)).styled(style);
        let table = account.memberships.iter().fold(table, |table, m| {
            let until = m
                .left
                .as_deref()
                .map_or("on".to_owned(), |left| format!("to {left}"));
            table.below(format!("member of {} from {} {until}", m.payer, m.joined))
        });
        shape
            .offers
            .iter()
            .map(EligibleShape::line)
            .fold(table, Table::below)
    }))
}
