//! All that commands ask a ledger, asked of the library: what a damaged one answers is what it was,
//! or an error.

use std::path::Path;
use std::time::Duration;

use chrono::NaiveDate;
use credits_ledger::ledger::bill::Status;
use credits_ledger::ledger::booking::Past;
use credits_ledger::ledger::entry::{CodeMark, Entry, Lines};
use credits_ledger::ledger::redeem::CodeState;
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::state::State;
use credits_ledger::ledger::statement::Statement;
use credits_ledger::store::journal::{Journal, View};
use credits_ledger::store::verify::{Depth, verify};
use credits_ledger::store::{Record, StoreError};

const WAIT: Duration = Duration::from_secs(30);

/// All that commands ask a ledger.
pub(super) struct Known {
    credits: State,
    state: State,
    /// As it was after each entry.
    pub(super) then: Vec<State>,
    pub(super) entries: Vec<(Record, Entry)>,
    bills: Vec<(Lines, Rules)>,
    estimates: Vec<Statement>,
    codes: Vec<(Entry, CodeMark, CodeState)>,
}

/// The state that balances are read from. Booked bills may be left out of it or not.
fn credits(view: View<'_>) -> Result<State, StoreError> {
    let mut state = view.state_without_booked()?;
    state
        .bills
        .retain(|_, bill| bill.status == Status::Estimated);
    Ok(state)
}

fn entries(view: View<'_>, state: &State) -> Result<Vec<(Record, Entry)>, StoreError> {
    let mut entries = Vec::new();
    view.entries(1, state.head, &mut |record, entry| {
        entries.push((record, entry));
        Ok(())
    })?;
    Ok(entries)
}

fn bills(view: View<'_>, state: &State) -> Result<Vec<(Lines, Rules)>, StoreError> {
    let bills = state.bills.values();
    bills
        .map(|bill| Ok((view.lines(bill)?, view.rules(bill)?)))
        .collect()
}

impl Known {
    pub(super) fn of(path: &Path) -> Known {
        let journal = Journal::open(path, WAIT).expect("it opens");
        let view = journal.view();
        let state = view.state().expect("it is whole");
        let then = (1..=state.head).map(|number| view.state_at(number));
        Known {
            credits: credits(view).expect("it is whole"),
            then: then.collect::<Result<_, _>>().expect("it is whole"),
            entries: entries(view, &state).expect("it is whole"),
            bills: bills(view, &state).expect("it is whole"),
            estimates: view
                .estimates(&state, NaiveDate::MAX, &Rules::current())
                .expect("it is whole"),
            codes: view
                .codes("course", u64::MAX, NaiveDate::MAX)
                .expect("it is whole"),
            state,
        }
    }

    /// Asks a ledger that should say the same, and has it verified.
    pub(super) fn ask(&self, path: &Path) -> Verdict {
        let mut verdict = Verdict::default();
        let journal = match Journal::open(path, WAIT) {
            Ok(journal) => journal,
            Err(error) => {
                verdict.refused = Some(error.to_string());
                verdict.found = true;
                return verdict;
            }
        };
        let view = journal.view();
        match credits(view) {
            Ok(state) if state == self.credits => {
                let estimates = view.estimates(&state, NaiveDate::MAX, &Rules::current());
                verdict.hold("estimates", estimates, &self.estimates);
            }
            other => verdict.hold("credits", other, &self.credits),
        }
        // As the commands do: whatever else is asked, the state is read first.
        match view.state() {
            Ok(state) if state == self.state => {
                verdict.hold("entries", entries(view, &state), &self.entries);
                verdict.hold("bills", bills(view, &state), &self.bills);
                let codes = view.codes("course", u64::MAX, NaiveDate::MAX);
                verdict.hold("codes", codes, &self.codes);
            }
            other => verdict.hold("state", other, &self.state),
        }
        let number = self.then.len() as u64 / 2;
        let then = view.state_at(number);
        verdict.hold("the past", then, &self.then[number as usize - 1]);
        // What the quick proof finds is found by the full one as well, which takes longer.
        let store = journal.store().expect("it is there");
        let finds = |depth| !verify(store, depth).is_ok_and(|report| report.findings.is_empty());
        verdict.found = finds(Depth::Quick) || finds(Depth::Full);
        verdict
    }

    /// The number of the last entry, if a ledger says throughout what this one said then.
    pub(super) fn is_as_after(&self, path: &Path) -> Option<u64> {
        let journal = Journal::open(path, WAIT).ok()?;
        let view = journal.view();
        let state = view.state().ok()?;
        let number = state.head as usize;
        let then = self.then.get(number.checked_sub(1)?)?;
        let entries = entries(view, &state).ok()?;
        (state == *then && entries == self.entries[..number]).then_some(state.head)
    }
}

/// What came of asking.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// What was answered otherwise, without an error.
    pub(super) wrong: Option<&'static str>,
    /// Why an answer was refused.
    pub(super) refused: Option<String>,
    /// `verify` says that something is wrong.
    pub(super) found: bool,
}

impl Verdict {
    fn hold<T: PartialEq>(&mut self, what: &'static str, said: Result<T, StoreError>, known: &T) {
        match said {
            Ok(said) if said == *known => {}
            Ok(_) => self.wrong = Some(what),
            Err(error) => self.refused = Some(error.to_string()),
        }
    }

    /// The flip is seen nowhere, and does no harm.
    pub(super) fn is_as_before(&self) -> bool {
        self.wrong.is_none() && self.refused.is_none() && !self.found
    }

    /// What must not be.
    pub(super) fn fault(&self) -> Option<String> {
        match (self.wrong, &self.refused, self.found) {
            (Some(what), ..) => Some(format!("{what}: another answer (found: {})", self.found)),
            (None, Some(why), false) => Some(format!("`verify` is content, although: {why}")),
            _ => None,
        }
    }
}
