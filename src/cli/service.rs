//! `service`: what names of services mean, and names of the user's own.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use credits_ledger::catalog::{self, comparable};
use credits_ledger::ledger::decide;
use credits_ledger::ledger::names::Service;
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::scope::CreditScope;
use credits_ledger::ledger::services::{KnownBy, ServiceNames};
use credits_ledger::ledger::state::State;
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
/// with `credits apply --amend`. Credits and offers on record that name it no longer mean what comes
/// under it; a note says which these are. A later alias of the same name takes the place of an
/// earlier one, and a name that is made an alias of itself stands for itself.
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
        let above = format!(
            "{} as of {as_of}, entry {}",
            if answer.services.is_empty() {
                "no services"
            } else {
                "services"
            },
            answer.at_entry
        );
        let table = match (context.format, style.width) {
            (Format::Table, Some(width)) => short_table(&answer.services, width),
            _ => full_table(&answer.services),
        };
        table.styled(style).above(above)
    }))
}

fn full_table(services: &[ServiceShape]) -> Table {
    let headings = [
        "service",
        "name",
        "provider",
        "your aliases",
        "covered by default",
        "other names",
    ];
    let rows = services.iter().map(|service| {
        vec![
            Cell::text(&service.service),
            Cell::maybe(service.name),
            Cell::maybe(service.provider),
            Cell::maybe(in_line(&service.aliases)),
            Cell::text(yes_or_no(service.covered_by_default)),
            Cell::maybe(in_line(&service.other_names)),
        ]
    });
    Table::new(headings).rows(rows)
}

/// As a terminal of this width can show it: of the other names as many as a third of a line holds,
/// the user's own first.
fn short_table(services: &[ServiceShape], width: u16) -> Table {
    let room = usize::from(width) / 3;
    let rows = services.iter().map(|service| {
        let own = service.aliases.iter().map(String::as_str);
        let others: Vec<&str> = own.chain(service.other_names.iter().copied()).collect();
        vec![
            Cell::text(&service.service),
            Cell::maybe(service.name),
            Cell::maybe(service.provider),
            Cell::text(yes_or_no(service.covered_by_default)),
            Cell::text(some_of(&others, that_fit(&others, room))),
        ]
    });
    Table::new(["service", "name", "provider", "covered", "other names"]).rows(rows)
}

/// How many of these stand in a line of so many letters; one does in any case.
fn that_fit(names: &[&str], room: usize) -> usize {
    let lengths = names.iter().map(|name| name.chars().count() + ", ".len());
    let ends = lengths.scan(0, |end, length| {
        *end += length;
        Some(*end)
    });
    ends.take_while(|end| *end <= room).count().max(1)
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
        let unknown = target_notes(args, &desk.state.service_names());
        let (recorded, is_new) = decide::alias_service(desk, &args.alias, &args.service)?;
        Ok((recorded, is_new, unknown))
    })?;
    let (recorded, is_new, mut notes) = outcome.answer;
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
    notes.splice(0..0, note);
    notes.extend(outdated_notes(args, &outcome.state, context.today));
    Ok(answer.with_notes(notes).recorded(is_new && !args.dry_run))
}

/// What to say of a service that nobody knows, which an alias is to stand for. A name that is made
/// an alias of itself is meant.
fn target_notes(args: &AliasArgs, names: &ServiceNames) -> Vec<String> {
    let (alias, service) = (&args.alias, &args.service);
    let itself = comparable(service.as_str()) == comparable(alias.as_str());
    if itself || names.named(service).known_by != KnownBy::Nobody {
        return Vec::new();
    }
    let near = nearest(service, names);
    let hint = match near.as_deref().map(Service::new) {
        Some(Ok(near)) => format!(
            "hint: `credits service alias {} {}` makes it that one",
            quoted(alias),
            quoted(&near)
        ),
        _ => "hint: `credits service list --search TEXT` finds services".to_owned(),
    };
    vec![unknown_note(service, near.as_deref()), hint]
}

/// What to say of credits and offers on record that name what is an alias now: they stay as they
/// are, and charges that come under that name are another service's. Nothing is to be done about
/// credits with nothing left, and offers that are closed.
fn outdated_notes(args: &AliasArgs, state: &State, today: NaiveDate) -> Vec<String> {
    let (alias, names) = (&args.alias, state.service_names());
    let service = names.named(alias).service;
    let outdated = |scope: &CreditScope| names.outdates(alias, &scope.services);
    let credits = state.credits.values().filter(|record| {
        let usable = record.left.is_positive() && !record.is_voided();
        usable && outdated(&record.credit.terms.scope)
    });
    let credits = credits.map(|record| {
        let id = record.credit.id.to_string();
        (id, &record.credit.terms.scope)
    });
    let offers = state.offers.values().map(|record| &record.offer);
    let offers = offers.filter(|offer| {
        let open = offer.redeem_by.is_none_or(|until| until >= today);
        open && outdated(&offer.scope)
    });
    let offers = offers.map(|offer| (format!("`{}`", offer.id), &offer.scope));

    let (credits, offers): (Vec<_>, Vec<_>) = (credits.collect(), offers.collect());
    let mut notes = outdated_of("credit", &credits, alias, &service);
    notes.extend(outdated_of("offer", &offers, alias, &service));
    let service = in_quotes(&service);
    if let Some((first, _)) = credits.first() {
        notes.push(format!("hint: `credits void {first} --reason TEXT`, then `credits grant` with its terms, for `--service {service}` and what was left of it, records it anew"));
    }
    if !offers.is_empty() {
        notes.push(format!("hint: `credits offer add FILE` records the terms anew, by {service} and under another id"));
    }
    if !notes.is_empty() && !args.dry_run {
        let (alias, itself) = (quoted(alias), in_quotes(alias));
        notes.push(format!(
            "hint: `credits service alias {alias} {itself}` lets the name stand for itself again"
        ));
    }
    notes
}

/// Those of a kind that name the alias, and those that exclude it, a line each.
fn outdated_of(
    noun: &str,
    found: &[(String, &CreditScope)],
    alias: &Service,
    service: &Service,
) -> Vec<String> {
    let line = |excluding: bool| {
        let ids = found.iter();
        let ids = ids.filter(|(_, scope)| scope.services.except().is_some() == excluding);
        let ids: Vec<&str> = ids.map(|(id, _)| id.as_str()).collect();
        let (s, name, stay, it) = match ids.len() {
            0 => return None,
            1 => ("", "names", "stays", "it does"),
            _ => ("s", "name", "stay", "they do"),
        };
        let (name, pay) = match excluding {
            true => (name.replace("name", "exclude"), "exclude"),
            false => (name.to_owned(), "pay"),
        };
        let ids = some_of(&ids, NOTES_MAX);
        Some(format!(
            "note: {noun}{s} {ids} {name} service `{alias}` and {stay} as recorded: charges that come under `{alias}` are of service `{service}`, which {it} not {pay}"
        ))
    };
    [false, true].into_iter().filter_map(line).collect()
}

/// The first few in one line, the others counted.
fn some_of(names: &[&str], most: usize) -> String {
    let (some, more) = names.split_at(most.min(names.len()));
    let some = some.join(", ");
    match more.len() {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}

/// What to say of names of services that nobody knows: a line each, up to twenty, and what to do.
pub(crate) fn unknown_notes(unknown: &BTreeSet<Service>, names: &ServiceNames) -> Vec<String> {
    let mut notes: Vec<String> = unknown
        .iter()
        .take(NOTES_MAX)
        .map(|name| unknown_note(name, nearest(name, names).as_deref()))
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

fn unknown_note(name: &Service, near: Option<&str>) -> String {
    let near = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
    format!("note: service `{name}` is not known and stands for itself{near}")
}

/// A name as a shell takes it.
pub(crate) fn quoted(name: &Service) -> String {
    let dashes = if name.as_str().starts_with('-') {
        "-- "
    } else {
        ""
    };
    format!("{dashes}{}", in_quotes(name))
}

/// The same where what begins with a dash is no flag.
fn in_quotes(name: &Service) -> String {
    format!("'{}'", name.as_str().replace('\'', r"'\''"))
}

/// The code of the service that has a name nearest to one that nobody knows, if it may be misspelt:
/// one letter in five, the provider's own name aside unless that may be what is misspelt.
fn nearest(name: &Service, names: &ServiceNames) -> Option<String> {
    let (whole, asked) = (comparable(name.as_str()), bare(name.as_str()));
    let edits = |text: &str| {
        let in_whole = (whole == asked).then(|| edits(&whole, &comparable(text)));
        let in_bare = edits(&asked, &bare(text));
        in_bare.into_iter().chain(in_whole.flatten()).min()
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

/// By how many letters names differ, if by no more than one in five.
pub(crate) fn edits(asked: &str, other: &str) -> Option<usize> {
    let length = asked.chars().count();
    let most = (length / 5).max(1);
    let near = length >= 3 && length.abs_diff(other.chars().count()) <= most;
    let edits = near.then(|| strsim::damerau_levenshtein(asked, other));
    edits.filter(|edits| *edits <= most)
}

/// A comparable name without the provider's, by which most names would be alike.
fn bare(name: &str) -> String {
    let name = comparable(name);
    let bare = ["amazon", "aws", "azure", "cloud"]
        .into_iter()
        .find_map(|provider| name.strip_prefix(provider));
    bare.map_or(name.clone(), |bare| bare.trim_start().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::table::Style;

    fn on_a_terminal(width: u16, part: &str) -> String {
        let (names, rules) = (ServiceNames::default(), Rules::current());
        let services = all_services(&names);
        let shapes = services
            .iter()
            .map(|service| ServiceShape::new(service, &names, &rules))
            .filter(|service| service.is_called(part));
        let style = Style {
            width: Some(width),
            ..Style::default()
        };
        let table = short_table(&shapes.collect::<Vec<_>>(), width).styled(style);
        let mut out = Vec::new();
        table.write_text(&mut out).expect("memory can be written");
        String::from_utf8(out).expect("what is printed is UTF-8")
    }

    #[test]
    fn of_other_names_a_narrow_terminal_shows_a_few() {
        assert_eq!(
            on_a_terminal(80, "ec2 - other"),
            "\
service    name                      provider  covered  other names
AmazonEC2  Amazon Elastic Compute    aws       yes      Amazon Elastic Compute
           Cloud                                        Cloud - Compute and 12
                                                        more
"
        );
        let wide = on_a_terminal(240, "ec2 - other");
        assert!(
            wide.contains(
                "Amazon Elastic Compute Cloud - Compute, EC2 - Other, EC2-Other, EC2 - Compute and 9 more"
            ),
            "{wide}"
        );
    }

    #[test]
    fn no_service_takes_half_a_narrow_terminal() {
        let all = on_a_terminal(80, "");
        assert!(all.lines().all(|line| line.chars().count() <= 80));
        let rows = all.lines().skip(1);
        let goes_on = rows.map(|line| line.starts_with(' ')).collect::<Vec<_>>();
        assert!(
            !goes_on
                .windows(8)
                .any(|lines| lines.iter().all(|more| *more))
        );
    }
}
