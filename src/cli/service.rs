//! `service`: what names of services mean, and names of the user's own.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use credits_ledger::catalog::{self, comparable};
use credits_ledger::ledger::decide;
use credits_ledger::ledger::names::Service;
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::services::{KnownBy, ServiceNames};
use serde::Serialize;

use super::answer::{Answer, Format};
use super::context::{Clocks, Context};
use super::failure::Failure;
use super::shape::date;
use super::table::{Cell, Table};
use super::terms::read_service;

/// The most names that are noted one by one.
const NOTES_MAX: usize = 20;

/// List and show services and their names, and record names of your own
#[derive(Debug, Subcommand)]
#[command(
    before_long_help = "Examples:\n  credits service show 'EC2 - Other'\n  credits service alias 'Team compute' AmazonEC2"
)]
pub(crate) enum ServiceCommand {
    List(ListArgs),
    Show(ShowArgs),
    Alias(AliasArgs),
}

/// List the services that are known, and what they are called
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  credits service list --search kubernetes\n  credits --format csv service list"
)]
pub(crate) struct ListArgs {
    /// Only services that this stands in a name of, in whatever case
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    clocks: Clocks,
}

/// Show what a name of a service means
///
/// A name that nobody knows stands for itself: credits and charges that name it meet if both do so
/// to the letter.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Examples:\n  credits service show 'Amazon Elastic Compute Cloud - Compute'\n  credits --json service show EC2"
)]
pub(crate) struct ShowArgs {
    /// A code or name
    #[arg(value_name = "NAME", value_parser = read_service)]
    name: Service,
    #[command(flatten)]
    clocks: Clocks,
}

/// Record a name of your own for a service
///
/// From now on the name stands for the service wherever one is read: in bills, offers and flags.
/// What is on record stays as it is; a bill on record that names it is decided by the new meaning
/// with `credits apply --amend`. A later alias of the same name takes the place of an earlier one,
/// and a name that is made an alias of itself stands for itself.
#[derive(Debug, Args)]
#[command(before_long_help = "Examples:
  credits service alias 'Team compute' AmazonEC2
  credits service alias SomeSoftware SomeSoftware --dry-run")]
pub(crate) struct AliasArgs {
    /// The name
    #[arg(value_name = "ALIAS", value_parser = read_service)]
    alias: Service,
    /// The service, by any of its names
    #[arg(value_name = "SERVICE", value_parser = read_service)]
    service: Service,
    /// Say what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs a command about services.
pub(crate) fn service(command: &ServiceCommand, context: &Context) -> Result<Answer, Failure> {
    match command {
        ServiceCommand::List(args) => list(args, context),
        ServiceCommand::Show(args) => show(args, context),
        ServiceCommand::Alias(args) => alias(args, context),
    }
}

/// A service with everything it is called.
#[derive(Debug, Serialize)]
struct ServiceShape {
    service: String,
    name: Option<&'static str>,
    provider: Option<&'static str>,
    other_names: Vec<&'static str>,
    aliases: Vec<String>,
    covered_by_default: bool,
}

impl ServiceShape {
    fn new(service: &Service, names: &ServiceNames, rules: &Rules) -> ServiceShape {
        let known = catalog::service(service.as_str());
        let aliases = names.aliases();
        let aliases = aliases.filter(|one| names.named(&one.alias).service == *service);
        ServiceShape {
            service: service.to_string(),
            name: known.map(|known| known.name),
            provider: known.map(|known| known.provider.as_str()),
            other_names: known.map_or(Vec::new(), |known| known.others.clone()),
            aliases: aliases.map(|one| one.alias.to_string()).collect(),
            covered_by_default: !rules.uncovered_services.contains(service),
        }
    }

    fn is_called(&self, part: &str) -> bool {
        let names = [Some(self.service.as_str()), self.name];
        let mut names = names
            .into_iter()
            .flatten()
            .chain(self.other_names.iter().copied())
            .chain(self.aliases.iter().map(String::as_str));
        names.any(|name| comparable(name).contains(part))
    }
}

#[derive(Debug, Serialize)]
struct Services {
    as_of: String,
    at_entry: u64,
    services: Vec<ServiceShape>,
}

/// Every service of the catalogue, then those that only aliases stand for.
fn all_services(names: &ServiceNames) -> Vec<Service> {
    let codes = catalog::services().iter().map(|known| known.code);
    let mut all: Vec<Service> = codes.filter_map(|code| Service::new(code).ok()).collect();
    let meant: BTreeSet<Service> = names
        .aliases()
        .map(|one| names.named(&one.alias).service)
        .filter(|service| catalog::service(service.as_str()).is_none())
        .collect();
    all.extend(meant);
    all
}

fn list(args: &ListArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let state = args.clocks.state_of_credits(journal.view())?;
    let as_of = args.clocks.date(context);
    let names = state.service_names_on(args.clocks.last_day(context));
    let part = comparable(args.search.as_deref().unwrap_or_default());
    let services = all_services(&names)
        .iter()
        .map(|service| ServiceShape::new(service, &names, &context.rules))
        .filter(|service| service.is_called(&part))
        .collect();
    let answer = Services {
        as_of: date(as_of),
        at_entry: state.head,
        services,
    };
    let style = context.style;
    Ok(Answer::data(context.format, answer, |answer| {
        let headings = [
            "service",
            "name",
            "provider",
            "your aliases",
            "covered by default",
            "other names",
        ];
        let above = format!(
            "{} as of {as_of}, entry {}",
            if answer.services.is_empty() {
                "no services"
            } else {
                "services"
            },
            answer.at_entry
        );
        let rows = answer.services.iter().map(|service| {
            vec![
                Cell::text(&service.service),
                Cell::maybe(service.name),
                Cell::maybe(service.provider),
                Cell::maybe(in_line(&service.aliases)),
                Cell::text(yes_or_no(service.covered_by_default)),
                Cell::maybe(in_line(&service.other_names)),
            ]
        });
        Table::new(headings).styled(style).above(above).rows(rows)
    }))
}

fn in_line<T: AsRef<str>>(names: &[T]) -> Option<String> {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// What a name means.
#[derive(Debug, Serialize)]
struct MeaningShape {
    asked: String,
    known_by: Option<&'static str>,
    #[serde(flatten)]
    service: ServiceShape,
    as_of: String,
    at_entry: u64,
}

impl MeaningShape {
    fn new(name: &Service, names: &ServiceNames, at: (NaiveDate, u64), rules: &Rules) -> Self {
        let (as_of, at_entry) = at;
        let named = names.named(name);
        MeaningShape {
            asked: name.to_string(),
            known_by: match named.known_by {
                KnownBy::Catalogue => Some("catalogue"),
                KnownBy::Alias => Some("alias"),
                KnownBy::Nobody => None,
            },
            service: ServiceShape::new(&named.service, names, rules),
            as_of: date(as_of),
            at_entry,
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let service = &self.service;
        let said = match self.known_by {
            Some("alias") => "an alias of yours",
            Some(_) => "known",
            None => "not known, it stands for itself to the letter",
        };
        let covered = if service.covered_by_default {
            "yes, unless a credit says otherwise"
        } else {
            "no, only by a credit that names it"
        };
        let facts = [
            ("asked", Some(self.asked.clone())),
            ("is", Some(said.to_owned())),
            ("service", Some(service.service.clone())),
            ("name", service.name.map(str::to_owned)),
            ("provider", service.provider.map(str::to_owned)),
            ("other names", in_line(&service.other_names)),
            ("your aliases", in_line(&service.aliases)),
            ("covered", Some(covered.to_owned())),
        ];
        let said = facts.into_iter();
        said.filter_map(|(fact, value)| Some((fact, value?)))
            .collect()
    }

    fn answer(self, context: &Context) -> Answer {
        if context.format != Format::Table {
            return Answer::data(context.format, self, |meaning| {
                let facts = meaning.facts().into_iter();
                Table::new(["fact", "value"])
                    .rows(facts.map(|(fact, value)| vec![Cell::text(fact), Cell::text(value)]))
            });
        }
        let facts = self.facts().into_iter();
        let lines = facts.map(|(fact, value)| format!("{fact:<14}{value}\n"));
        Answer::text(lines.collect())
    }
}

fn show(args: &ShowArgs, context: &Context) -> Result<Answer, Failure> {
    let journal = context.journal()?;
    let state = args.clocks.state_of_credits(journal.view())?;
    let as_of = args.clocks.date(context);
    let names = state.service_names_on(args.clocks.last_day(context));
    let at = (as_of, state.head);
    let meaning = MeaningShape::new(&args.name, &names, at, &context.rules);
    let unknown = meaning.known_by.is_none().then(|| args.name.clone());
    let notes = unknown_notes(&unknown.into_iter().collect(), &names);
    Ok(meaning.answer(context).with_notes(notes))
}

fn alias(args: &AliasArgs, context: &Context) -> Result<Answer, Failure> {
    let outcome = context.record(args.dry_run, |desk, _| {
        Ok(decide::alias_service(desk, &args.alias, &args.service)?)
    })?;
    let (recorded, is_new) = outcome.answer;
    let names = outcome.state.service_names();
    let at = (context.today, outcome.head);
    let meaning = MeaningShape::new(&args.alias, &names, at, &context.rules);
    let service = &meaning.service.service;
    let note = match (recorded, is_new) {
        (Some(_), true) => None,
        (Some(alias), false) => Some(format!(
            "note: `{}` was made an alias of service `{service}` in entry {}; nothing was recorded",
            args.alias, alias.entry
        )),
        (None, _) => Some(format!(
            "note: `{}` is a name of service `{service}` without an alias; nothing was recorded",
            args.alias
        )),
    };
    let answer = if context.format == Format::Table {
        let verb = match (is_new, args.dry_run) {
            (true, true) => "would stand for",
            (true, false) => "stands from now on for",
            (false, _) => "stands for",
        };
        Answer::text(format!("`{}` {verb} service {service}\n", args.alias))
    } else {
        meaning.answer(context)
    };
    Ok(answer.with_notes(note).recorded(is_new && !args.dry_run))
}

/// What to say of names of services that nobody knows: a line each, up to twenty, and what to do.
pub(crate) fn unknown_notes(unknown: &BTreeSet<Service>, names: &ServiceNames) -> Vec<String> {
    let mut notes: Vec<String> = unknown
        .iter()
        .take(NOTES_MAX)
        .map(|name| {
            let near = nearest(name, names);
            let near = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
            format!("note: service `{name}` is not known and stands for itself{near}")
        })
        .collect();
    let more = unknown.len() - notes.len();
    if more > 0 {
        notes.push(format!(
            "note: {more} more names of services are not known and stand for themselves"
        ));
    }
    if let Some(first) = unknown.first() {
        let name = quoted(first);
        notes.push(format!(
            "hint: `credits service alias {name} SERVICE` makes one a name of a service, or of itself"
        ));
    }
    notes
}

/// A name as a shell takes it.
pub(crate) fn quoted(name: &Service) -> String {
    let dashes = if name.as_str().starts_with('-') {
        "-- "
    } else {
        ""
    };
    format!("{dashes}'{}'", name.as_str().replace('\'', r"'\''"))
}

/// The code of the service that has a name nearest to one that nobody knows, if it may be misspelt:
/// one letter in five, the provider's own name aside.
fn nearest(name: &Service, names: &ServiceNames) -> Option<String> {
    let asked = bare(name.as_str());
    let length = asked.chars().count();
    let most = (length / 5).max(1);
    if length < 3 {
        return None;
    }
    let edits = |text: &str| {
        let other = bare(text);
        let near = length.abs_diff(other.chars().count()) <= most;
        let edits = near.then(|| strsim::damerau_levenshtein(&asked, &other));
        edits.filter(|edits| *edits <= most)
    };
    let known = catalog::services().iter();
    let known = known.flat_map(|known| known.names().map(|text| (text, known.code)));
    let aliases = names.aliases();
    let aliases = aliases.map(|one| (one.alias.as_str(), one.service.as_str()));
    let near = known
        .chain(aliases)
        .filter_map(|(text, code)| Some((edits(text)?, code)));
    near.min().map(|(_, code)| code.to_owned())
}

/// A comparable name without the provider's, by which most names would be alike.
fn bare(name: &str) -> String {
    let name = comparable(name);
    let bare = ["amazon", "aws", "azure", "cloud"]
        .into_iter()
        .find_map(|provider| name.strip_prefix(provider));
    bare.map_or(name.clone(), |bare| bare.trim_start().to_owned())
}
