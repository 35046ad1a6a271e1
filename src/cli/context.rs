//! What every command needs: where the ledger is, what time it is, how to answer.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, Utc};
use clap::Args;
use credits_ledger::ledger::decide::Desk;
use credits_ledger::ledger::names::{AccountId, BillId, CreditId, OfferId};
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::services::ServiceNames;
use credits_ledger::ledger::state::{BillState, CreditRecord, State};
use credits_ledger::period::parse_date;
use credits_ledger::store::journal::{Journal, Outcome, View};

use super::answer::Format;
use super::failure::Failure;
use super::progress::is_watched;
use super::table::Style;
use super::{ColorChoice, Global};

/// What every command needs.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where the ledger is.
    pub(crate) path: PathBuf,
    /// How long to wait for another writer.
    pub(crate) wait: Duration,
    /// The instant of the command.
    pub(crate) now: DateTime<Utc>,
    /// The day that counts as today.
    pub(crate) today: NaiveDate,
    /// How to write data.
    pub(crate) format: Format,
    /// How the terminal wants it.
    pub(crate) style: Style,
    /// The rules in force.
    pub(crate) rules: Rules,
    /// Whether nothing is printed on success.
    pub(crate) is_quiet: bool,
    /// Whether anybody waits at a terminal.
    pub(crate) is_watched: bool,
    /// What to tell the user beside the answer.
    pub(crate) notes: RefCell<Vec<String>>,
}

impl Context {
    /// The context that flags, environment and clock make.
    pub(crate) fn new(global: &Global) -> Result<Context, Failure> {
        let now = now()?;
        let today = global.today.unwrap_or_else(|| now.date_naive());
        let path = match &global.ledger {
            Some(path) if path.as_os_str().is_empty() => {
                return Err(Failure::usage("the name of the ledger is empty"));
            }
            Some(path) => path.clone(),
            None => default_path()?,
        };
        Ok(Context {
            path,
            wait: Duration::from_secs(global.wait),
            now,
            today,
            format: global.format(),
            style: style(global.color),
            rules: Rules::current(),
            is_quiet: global.quiet,
            is_watched: is_watched(global.quiet),
            notes: RefCell::default(),
        })
    }

    /// The ledger, for reading. It need not be there.
    pub(crate) fn journal(&self) -> Result<Journal, Failure> {
        Ok(Journal::open(&self.path, self.wait)?)
    }

    /// The ledger, for a question about something that is on record in it.
    pub(crate) fn existing_journal(&self) -> Result<Journal, Failure> {
        let journal = self.journal()?;
        self.notes.borrow_mut().extend(self.absence(&journal));
        Ok(journal)
    }

    /// What the ledger says to a document that is about to be read.
    pub(crate) fn ledger_says(&self) -> Result<LedgerSays, Failure> {
        let journal = self.journal()?;
        let state = journal.view().state_without_booked()?;
        Ok(LedgerSays {
            names: state.service_names(),
            account: self.account(None, &state).ok(),
        })
    }

    /// The ledger, for writing.
    pub(crate) fn journal_for_writing(&self) -> Result<Journal, Failure> {
        Ok(Journal::open_for_writing(&self.path, self.wait)?)
    }

    /// What to say where an answer is empty since there is no ledger.
    pub(crate) fn absence(&self, journal: &Journal) -> Option<String> {
        let absent = !journal.exists();
        absent.then(|| format!("note: there is no ledger at `{}` yet", self.path.display()))
    }

    /// The day on which something is done: the one named, else today.
    pub(crate) fn day_done(&self, on: Option<Day>) -> Result<NaiveDate, Failure> {
        let day = on.map_or(self.today, |day| day.date(self.today));
        if day > self.today {
            let message = format!(
                "{day} is after today, {}: nothing is recorded in advance",
                self.today
            );
            return Err(Failure::usage(message));
        }
        Ok(day)
    }

    /// The account a command means: the one named, else the default one, else the only one known.
    pub(crate) fn account(
        &self,
        named: Option<&AccountId>,
        state: &State,
    ) -> Result<AccountId, Failure> {
        if let Some(account) = named.or(state.default_account.as_ref()) {
            return Ok(account.clone());
        }
        let known = state.known_accounts();
        match known.first() {
            Some(only) if known.len() == 1 => Ok((*only).clone()),
            _ => {
                let message = if known.is_empty() {
                    "no account is named"
                } else {
                    "no account is named, and several are known"
                };
                Err(Failure::usage(message).hint("`--account ID` names it; `credits account set ID --default` makes it the default"))
            }
        }
    }
}

/// What the ledger says to a document that is about to be read.
#[derive(Debug)]
pub(crate) struct LedgerSays {
    /// What names of services mean.
    pub(crate) names: ServiceNames,
    /// The account that is meant where none is named, if there is one.
    pub(crate) account: Option<AccountId>,
}

/// The two clocks of a question.
#[derive(Debug, Clone, Args)]
pub(crate) struct Clocks {
    /// As of the end of this day: `YYYY-MM-DD`, `today` or `yesterday`
    #[arg(long, value_name = "DATE", value_parser = read_day)]
    as_of: Option<Day>,
    /// As the journal stood after entry N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    at_entry: Option<u64>,
}

impl Clocks {
    /// The day that is asked about.
    pub(crate) fn date(&self, context: &Context) -> NaiveDate {
        self.as_of
            .map_or(context.today, |day| day.date(context.today))
    }

    /// The last day whose bills are asked about: the day that was named, if one was.
    pub(crate) fn last_day(&self, context: &Context) -> NaiveDate {
        self.as_of
            .map_or(NaiveDate::MAX, |day| day.date(context.today))
    }

    /// The bill that a text names, if it counted by then.
    pub(crate) fn bill<'a>(
        &self,
        state: &'a State,
        text: &str,
        context: &Context,
    ) -> Result<(&'a BillId, &'a BillState), Failure> {
        let (id, bill) = find_bill(state, text)?;
        let last_day = self.last_day(context);
        if bill.effective > last_day {
            let message = format!(
                "bill {id} was not on record as of {last_day}: it counts from {}",
                bill.effective
            );
            let mut failure = Failure::usage(message);
            failure.kind = "unknown_bill";
            return Err(failure);
        }
        Ok((id, bill))
    }

    /// What the journal said then of credits; booked bills may be left out.
    pub(crate) fn state_of_credits(&self, view: View<'_>) -> Result<State, Failure> {
        match self.at_entry {
            None => Ok(view.state_without_booked()?),
            Some(_) => self.state(view),
        }
    }

    /// What the journal said then.
    pub(crate) fn state(&self, view: View<'_>) -> Result<State, Failure> {
        match self.at_entry {
            None => Ok(view.state()?),
            Some(number) => {
                let head = view.head()?.number;
                if number > head {
                    return Err(Failure::usage(format!(
                        "entry {number} is not there yet, the last one is {head}"
                    )));
                }
                Ok(view.state_at(number)?)
            }
        }
    }
}

/// A day, as people name it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Day {
    Today,
    Yesterday,
    On(NaiveDate),
}

impl Day {
    /// Which one that is.
    pub(crate) fn date(self, today: NaiveDate) -> NaiveDate {
        match self {
            Day::Today => today,
            Day::Yesterday => today.checked_sub_days(Days::new(1)).unwrap_or(today),
            Day::On(date) => date,
        }
    }
}

/// Reads a day as people name it.
pub(crate) fn read_day(text: &str) -> Result<Day, String> {
    match text {
        "today" => Ok(Day::Today),
        "yesterday" => Ok(Day::Yesterday),
        _ => parse_date(text)
            .map(Day::On)
            .map_err(|error| error.to_string()),
    }
}

/// The instant, which `CREDITS_NOW` fixes.
pub(crate) fn now() -> Result<DateTime<Utc>, Failure> {
    match std::env::var("CREDITS_NOW") {
        Ok(text) if !text.is_empty() => DateTime::parse_from_rfc3339(&text)
            .map(|instant| instant.with_timezone(&Utc))
            .map_err(|_| {
                Failure::usage(format!(
                    "`CREDITS_NOW` is `{}`, not an instant as in `2026-01-15T10:00:00Z`",
                    text.escape_debug()
                ))
            }),
        _ => Ok(Utc::now()),
    }
}

/// `$XDG_DATA_HOME/credits/ledger.db`, by default below `~/.local/share`.
fn default_path() -> Result<PathBuf, Failure> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value: &OsString| !value.is_empty())
            .map(PathBuf::from)
    };
    let data = set("XDG_DATA_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| home.join(".local/share")));
    let missing = || {
        Failure::usage(
            "there is no place for the ledger: neither `XDG_DATA_HOME` nor `HOME` is set",
        )
        .hint("`--ledger PATH` or `CREDITS_LEDGER` names one")
    };
    Ok(data.ok_or_else(missing)?.join("credits").join("ledger.db"))
}

fn style(choice: ColorChoice) -> Style {
    let terminal = std::io::stdout().is_terminal();
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let colour = match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR") => false,
        ColorChoice::Auto if set("FORCE_COLOR") || set("CLICOLOR_FORCE") => true,
        ColorChoice::Auto => {
            terminal && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
        }
    };
    let width =
        terminal.then(|| terminal_size::terminal_size().map_or(80, |(width, _)| width.0.max(40)));
    Style { colour, width }
}

/// The name nearest to one that is not known, by letters that differ. Those of another case, or
/// with a like beginning, count as near.
pub(crate) fn nearest<T: ToString>(name: &str, known: impl Iterator<Item = T>) -> Option<String> {
    let lower = name.to_lowercase();
    let near = known.filter_map(|candidate| {
        let text = candidate.to_string();
        let other = text.to_lowercase();
        let likeness = strsim::jaro_winkler(&lower, &other);
        (likeness > 0.8).then(|| (strsim::damerau_levenshtein(&lower, &other), likeness, text))
    });
    let best = near.min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    best.map(|(_, _, text)| text)
}

fn unknown<T: ToString>(
    mut failure: Failure,
    name: &str,
    known: impl Iterator<Item = T>,
) -> Failure {
    if let Some(near) = nearest(name, known) {
        failure.hint = Some(format!("did you mean `{near}`?"));
    }
    failure
}

/// The credit that a text names.
pub(crate) fn find_credit<'a>(state: &'a State, text: &str) -> Result<&'a CreditRecord, Failure> {
    let found = CreditId::parse(text)
        .ok()
        .and_then(|id| state.credits.get(&id));
    found.ok_or_else(|| {
        let mut failure =
            Failure::usage(format!("credit `{}` is not on record", text.escape_debug()));
        failure.kind = "unknown_credit";
        unknown(
            failure.hint("`credits list` shows the credits on record"),
            text,
            state.credits.keys(),
        )
    })
}

/// The bill that a text names.
pub(crate) fn find_bill<'a>(
    state: &'a State,
    text: &str,
) -> Result<(&'a BillId, &'a BillState), Failure> {
    let found = BillId::parse(text)
        .ok()
        .and_then(|id| state.bills.get_key_value(&id));
    found.ok_or_else(|| {
        let mut failure =
            Failure::usage(format!("bill `{}` is not on record", text.escape_debug()));
        failure.kind = "unknown_bill";
        unknown(
            failure.hint("`credits bills` shows the bills on record"),
            text,
            state.bills.keys(),
        )
    })
}

/// The offer that a text names.
pub(crate) fn find_offer(state: &State, text: &str) -> Result<OfferId, Failure> {
    let found = state.offers.keys().find(|id| id.as_str() == text);
    found.cloned().ok_or_else(|| {
        let mut failure =
            Failure::usage(format!("offer `{}` is not on record", text.escape_debug()));
        failure.kind = "unknown_offer";
        let hint =
            "`credits offer list` shows the offers on record, `credits offer add FILE` records one";
        unknown(failure.hint(hint), text, state.offers.keys())
    })
}

impl Context {
    /// Decides on what the journal says and records it, or only rehearses that.
    pub(crate) fn record<T>(
        &self,
        dry_run: bool,
        mut decide: impl FnMut(&mut Desk, View<'_>) -> Result<T, Failure>,
    ) -> Result<Outcome<T>, Failure> {
        let decide = |desk: &mut Desk, view: View<'_>| {
            let before = desk
                .proposals
                .is_empty()
                .then_some(desk.state.recorded)
                .flatten();
            if let Some(last) = before.filter(|last| *last > self.now) {
                let last = last.format("%Y-%m-%d %H:%M:%SZ");
                let note =
                    format!("note: the clock was set back: the last entry was recorded at {last}");
                self.notes.replace(vec![note]);
            }
            decide(desk, view)
        };
        if dry_run {
            self.journal()?.rehearse(self.now, self.today, decide)
        } else {
            let mut journal = self.journal_for_writing()?;
            let is_new = !journal.exists();
            let outcome = journal.transact(self.now, self.today, decide)?;
            if is_new && journal.exists() {
                self.notes
                    .borrow_mut()
                    .push(format!("note: made the ledger `{}`", self.path.display()));
            }
            Ok(outcome)
        }
    }
}
