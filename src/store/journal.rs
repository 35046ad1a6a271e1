//! The journal as the ledger reads and writes it: entries in, a state out.
//!
//! Reading folds the entries after the latest snapshot and checks their chain up to the head.
//! Writing takes the one lock, folds again, decides on what stands there, and commits: whoever
//! loses a race decides on what the winner left. An answer is returned only after the commit.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest, Sha256};

use crate::ledger::balance::{Reserved, reserved};
use crate::ledger::bill::{Bill, Status};
use crate::ledger::booking::{Past, reserve};
use crate::ledger::code::{self, Typed};
use crate::ledger::decide::Desk;
use crate::ledger::entry::{Basis, Booking, CodeMark, Entry, Event, LedgerId, Lines, Proposal};
use crate::ledger::redeem::CodeState;
use crate::ledger::rules::Rules;
use crate::ledger::state::{BillState, State};
use crate::ledger::statement::Statement;

use super::lines::LinesReader;
use super::record::{Decoded, chain, code_subject, decode, offer_subject, subjects};
use super::snapshot::Part;
use super::sqlite::SqliteStore;
use super::{Draft, Head, Read, Record, Snapshot, Store, StoreError, lines, record, snapshot};

/// A snapshot is taken once so many entries follow on the last one.
const SNAPSHOT_EVERY: u64 = 256;

/// A code as the ledger keeps it: upper and lower case, spaces and hyphens make no difference, as
/// people type codes in groups; nor do O and 0, I, L and 1 in a code that was minted. The ledger's
/// id goes into the hash, so that no two ledgers keep the same hash of a code.
#[must_use]
pub fn mark(ledger: LedgerId, code: &str) -> CodeMark {
    let plain = match Typed::of(code) {
        Typed::Minted(code) => code.plain(),
        Typed::Mistyped | Typed::Foreign => code::plain(code),
    };
    let hash = Sha256::new()
        .chain_update(b"credits code 1\n")
        .chain_update(ledger.0)
        .chain_update(&plain)
        .finalize()
        .into();
    // Of a short code less is shown, since four symbols would be most of it.
    let length = plain.chars().count();
    let shown = if length >= 8 {
        4
    } else {
        length.saturating_sub(4).min(2)
    };
    CodeMark {
        hash,
        last: plain.chars().skip(length - shown).collect(),
    }
}

/// A ledger on disk, which may not be there yet.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    wait: Duration,
    store: Option<SqliteStore>,
}

/// What a command decided and, unless it was a rehearsal, recorded.
#[derive(Debug)]
pub struct Outcome<T> {
    /// What the decision answered.
    pub answer: T,
    /// The state after it.
    pub state: State,
    /// What it recorded.
    pub proposals: Vec<Proposal>,
    /// The last entry that is there: after a rehearsal the one that was there before.
    pub head: u64,
}

impl Journal {
    /// The ledger at `path` for reading, as it stands now. It need not be there: then it reads as
    /// empty.
    ///
    /// # Errors
    /// A file that is there and cannot be read as a ledger.
    pub fn open(path: &Path, wait: Duration) -> Result<Journal, StoreError> {
        let store = SqliteStore::open(path, wait)?;
        Ok(Journal {
            path: path.to_owned(),
            wait,
            store,
        })
    }

    /// The ledger at `path` for writing. It is made by the first entry.
    ///
    /// # Errors
    /// A file that is there and cannot be written as a ledger.
    pub fn open_for_writing(path: &Path, wait: Duration) -> Result<Journal, StoreError> {
        let store = SqliteStore::open_for_writing(path, wait)?;
        Ok(Journal {
            path: path.to_owned(),
            wait,
            store,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is one.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.store.is_some()
    }

    /// What can be read of it.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        match &self.store {
            Some(store) => View { read: store },
            None => View { read: &Nothing },
        }
    }

    /// Decides on what the journal says and records it, all of it or nothing, alone among all
    /// writers. Nothing is recorded where `decide` proposes nothing or fails.
    ///
    /// # Errors
    /// Whatever `decide` answers, and a ledger that cannot be written: then nothing was.
    pub fn transact<T, E: From<StoreError>>(
        &mut self,
        now: DateTime<Utc>,
        today: NaiveDate,
        mut decide: impl FnMut(&mut Desk, View<'_>) -> Result<T, E>,
    ) -> Result<Outcome<T>, E> {
        if self.store.is_none() {
            let rehearsed = self.rehearse(now, today, &mut decide)?;
            let Some(opening) = rehearsed.proposals.first() else {
                return Ok(rehearsed);
            };
            let first = draft(opening)?;
            self.store = Some(SqliteStore::create(&self.path, self.wait, &first)?);
        }
        let Some(store) = &mut self.store else {
            return self.rehearse(now, today, decide);
        };
        let mut outcome = None;
        let mut from = 0;
        let head = store.transact(|read| {
            let (state, snapshot) = fold(read, Part::Everything)?;
            from = snapshot;
            let mut desk = Desk::new(state, now, today);
            let answer = decide(&mut desk, View { read })?;
            let drafts = desk
                .proposals
                .iter()
                .map(draft)
                .collect::<Result<Vec<Draft>, StoreError>>()?;
            outcome = Some(Outcome {
                answer,
                head: desk.state.head,
                state: desk.state,
                proposals: desk.proposals,
            });
            Ok::<_, E>(drafts)
        })?;
        let outcome =
            outcome.ok_or_else(|| StoreError::Damaged("the store decided nothing".to_owned()))?;
        if head.number >= from + SNAPSHOT_EVERY
            && head.number == outcome.state.head
            && let Some(bytes) = snapshot::encode(&outcome.state)
        {
            // The entries are safe by now; a snapshot that fails is made again by a later command.
            let _ = store.keep_snapshot(&Snapshot { head, bytes });
        }
        Ok(outcome)
    }

    /// Decides as [`Journal::transact`] would and records nothing, without taking the lock.
    ///
    /// # Errors
    /// Whatever `decide` answers, and a ledger that cannot be read.
    pub fn rehearse<T, E: From<StoreError>>(
        &self,
        now: DateTime<Utc>,
        today: NaiveDate,
        mut decide: impl FnMut(&mut Desk, View<'_>) -> Result<T, E>,
    ) -> Result<Outcome<T>, E> {
        let view = self.view();
        let (state, _) = fold(view.read, Part::Everything)?;
        let head = state.head;
        let mut desk = Desk::new(state, now, today);
        if desk.state.ledger.is_none() {
            let mut id = [0; 16];
            getrandom::fill(&mut id).map_err(|error| StoreError::Unavailable {
                path: self.path.clone(),
                doing: "created",
                source: error.to_string().into(),
            })?;
            let opened = desk.propose(today, Event::Opened(LedgerId(id)), None);
            opened.map_err(|broken| StoreError::Damaged(broken.to_string()))?;
        }
        let opening = desk.proposals.len();
        let answer = decide(&mut desk, view)?;
        if desk.proposals.len() == opening {
            desk.proposals.clear();
        }
        Ok(Outcome {
            answer,
            state: desk.state,
            proposals: desk.proposals,
            head,
        })
    }

    /// The store itself, to prove that it is whole.
    #[must_use]
    pub fn store(&self) -> Option<&SqliteStore> {
        self.store.as_ref()
    }
}

fn draft(proposal: &Proposal) -> Result<Draft, StoreError> {
    let (parts, digest) = match &proposal.lines {
        Some(lines) => {
            let (parts, digest) = lines::encode(lines)?;
            (parts, Some(digest))
        }
        None => (Vec::new(), None),
    };
    Ok(Draft {
        bytes: record::encode(&proposal.entry, digest)?,
        subjects: subjects(&proposal.entry.event),
        lines: parts,
    })
}

/// The state at the head, and the number of the entry whose snapshot it was folded from.
fn fold(read: &dyn Read, part: Part) -> Result<(State, u64), StoreError> {
    let head = read.head()?;
    fold_to(read, head.number, Some(head), part)
}

fn fold_to(
    read: &dyn Read,
    number: u64,
    expected: Option<Head>,
    part: Part,
) -> Result<(State, u64), StoreError> {
    match fold_part(read, number, expected, part) {
        // A bill that was left out may have been reversed since: then all of them are needed.
        Err(StoreError::Damaged(_)) if part != Part::Everything => {
            fold_part(read, number, expected, Part::Everything)
        }
        done => done,
    }
}

fn fold_part(
    read: &dyn Read,
    number: u64,
    expected: Option<Head>,
    part: Part,
) -> Result<(State, u64), StoreError> {
    let kept = read.snapshot(number)?;
    let known = kept.and_then(|kept| Some((snapshot::decode(&kept.bytes, part)?, kept.head)));
    let (mut state, mut last) = known.unwrap_or_default();
    let from = last.number;
    if state.head != from {
        return Err(StoreError::Damaged(format!(
            "the snapshot of entry {from} is of entry {}",
            state.head
        )));
    }
    read.read(from + 1, number, &mut |record| {
        last = follow(&last, &record)?;
        post(&mut state, &decode(&record)?.entry)
    })?;
    if last.number != number || expected.is_some_and(|expected| expected != last) {
        return Err(StoreError::Damaged(format!(
            "entry {number} is not the one that was last recorded"
        )));
    }
    Ok((state, from))
}

fn post(state: &mut State, entry: &Entry) -> Result<(), StoreError> {
    let posted = state.post(entry);
    posted.map_err(|broken| StoreError::Damaged(broken.to_string()))
}

/// The head after a record, if the record follows on the head before.
pub(super) fn follow(head: &Head, record: &Record) -> Result<Head, StoreError> {
    let number = head.number + 1;
    if record.number != number {
        return Err(StoreError::Damaged(format!("entry {number} is missing")));
    }
    let hash = chain(number, &head.hash, &record.bytes);
    if hash != record.hash {
        return Err(StoreError::Damaged(format!(
            "entry {number} is not what was recorded: its hash does not hold"
        )));
    }
    Ok(Head { number, hash })
}

/// Hands the records numbered `from` to `to` to `visit`, each held against the hash of the one
/// before it: those before a snapshot are in no chain that a state was folded from.
fn read_linked(
    read: &dyn Read,
    from: u64,
    to: u64,
    visit: &mut dyn FnMut(Record) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut last = (from <= 1).then(Head::default);
    read.read(from.saturating_sub(1), to, &mut |record| {
        let Some(before) = &last else {
            let Record { number, hash, .. } = record;
            last = Some(Head { number, hash });
            return Ok(());
        };
        last = Some(follow(before, &record)?);
        visit(record)
    })
}

/// The hash of the code that an event is about.
fn code_of(event: &Event) -> Option<&[u8; 32]> {
    match event {
        Event::CodeAdded { code, .. }
        | Event::Redeemed { code, .. }
        | Event::CodeRevoked { code, .. } => Some(&code.hash),
        _ => None,
    }
}

/// A journal without a record.
#[derive(Debug)]
struct Nothing;

impl Read for Nothing {
    fn head(&self) -> Result<Head, StoreError> {
        Ok(Head::default())
    }

    fn read(
        &self,
        _: u64,
        _: u64,
        _: &mut dyn FnMut(Record) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn lines(
        &self,
        _: u64,
        _: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn find(&self, _: &str) -> Result<Vec<u64>, StoreError> {
        Ok(Vec::new())
    }

    fn snapshot(&self, _: u64) -> Result<Option<Snapshot>, StoreError> {
        Ok(None)
    }
}

/// A journal as it stands at one instant, to be asked.
#[derive(Clone, Copy)]
pub struct View<'a> {
    read: &'a dyn Read,
}

impl View<'_> {
    /// What the journal says.
    ///
    /// # Errors
    /// A ledger that cannot be read or is damaged.
    pub fn state(&self) -> Result<State, StoreError> {
        Ok(fold(self.read, Part::Everything)?.0)
    }

    /// What the journal says, booked bills left out: of a long ledger they are the most, and what
    /// is left of credits can be said without.
    ///
    /// # Errors
    /// A ledger that cannot be read or is damaged.
    pub fn state_without_booked(&self) -> Result<State, StoreError> {
        Ok(fold(self.read, Part::WithoutBooked)?.0)
    }

    /// What the journal said after entry `number`.
    ///
    /// # Errors
    /// A ledger that cannot be read or is damaged, and an entry that is not there yet.
    pub fn state_at(&self, number: u64) -> Result<State, StoreError> {
        Ok(fold_to(self.read, number, None, Part::Everything)?.0)
    }

    /// Hands the entries numbered `from` to `to`, both inclusive, to `visit` in order, each held
    /// against the one before it.
    ///
    /// # Errors
    /// A ledger that cannot be read or is damaged.
    pub fn entries(
        &self,
        from: u64,
        to: u64,
        visit: &mut dyn FnMut(Record, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        read_linked(self.read, from, to, &mut |record| {
            let entry = decode(&record)?.entry;
            visit(record, entry)
        })
    }

    /// Hands the bookings that entries of these numbers are to `visit`, in their order, each with
    /// what the journal said just before it. The journal is read once, however many there are.
    ///
    /// # Errors
    /// A ledger that cannot be read or is damaged.
    pub fn bookings(
        &self,
        numbers: &BTreeSet<u64>,
        visit: &mut dyn FnMut(&State, &Booking, &Statement),
    ) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
            return Ok(());
        };
        let mut state = self.state_at(first.saturating_sub(1))?;
        read_linked(self.read, *first, *last, &mut |record| {
            let decoded = decode(&record)?;
            if numbers.contains(&decoded.entry.number)
                && let Event::BillBooked(booking) = &decoded.entry.event
                && let Lines::Statement(statement) = read_lines(self.read, &decoded)?
            {
                visit(&state, booking, &statement);
            }
            post(&mut state, &decoded.entry)
        })
    }

    /// The head.
    ///
    /// # Errors
    /// A ledger that cannot be read or is damaged.
    pub fn head(&self) -> Result<Head, StoreError> {
        self.read.head()
    }

    /// An entry by its number, held against the one before it.
    fn decoded(&self, number: u64) -> Result<Decoded, StoreError> {
        let mut found = None;
        read_linked(self.read, number, number, &mut |record| {
            found = Some(decode(&record)?);
            Ok(())
        })?;
        found.ok_or_else(|| StoreError::Damaged(format!("entry {number} is missing")))
    }

    /// Hands the entries of these numbers, ascending, to `visit`, each held against the one before
    /// it. Those that follow on each other are read in one go.
    fn each_of(
        &self,
        numbers: BTreeSet<u64>,
        mut visit: impl FnMut(Entry),
    ) -> Result<(), StoreError> {
        let mut numbers = numbers.into_iter().peekable();
        while let Some(from) = numbers.next() {
            let mut to = from;
            while numbers.next_if_eq(&(to + 1)).is_some() {
                to += 1;
            }
            let mut next = from;
            self.entries(from, to, &mut |_, entry| {
                next += 1;
                visit(entry);
                Ok(())
            })?;
            if next <= to {
                return Err(StoreError::Damaged(format!("entry {next} is missing")));
            }
        }
        Ok(())
    }

    /// What the journal says of a code.
    ///
    /// # Errors
    /// A ledger that cannot be read or is damaged.
    pub fn code(&self, code: &CodeMark) -> Result<CodeState, StoreError> {
        let states = self.codes_where(std::slice::from_ref(code), |_| true)?;
        Ok(states.into_iter().next().unwrap_or(CodeState::Unknown))
    }

    /// A code as it was typed, and what the journal says of it.
    ///
    /// # Errors
    /// A ledger that cannot be read or is damaged.
    pub fn typed_code(
        &self,
        ledger: LedgerId,
        typed: &str,
    ) -> Result<(CodeMark, CodeState), StoreError> {
        let codes = self.typed_codes(ledger, &[typed])?;
        let unknown = || (mark(ledger, typed), CodeState::Unknown);
        Ok(codes.into_iter().next().unwrap_or_else(unknown))
    }

    /// Codes as they were typed, and what the journal says of each. One that is on record is never
    /// mistyped, whatever it looks like.
    ///
    /// # Errors
    /// A ledger that cannot be read or is damaged.
    pub fn typed_codes<T: AsRef<str>>(
        &self,
        ledger: LedgerId,
        typed: &[T],
    ) -> Result<Vec<(CodeMark, CodeState)>, StoreError> {
        let marks = typed.iter().map(|code| mark(ledger, code.as_ref()));
        let marks: Vec<CodeMark> = marks.collect();
        let states = self.codes_where(&marks, |_| true)?;
        let looks = typed.iter().map(|code| Typed::of(code.as_ref()));
        let states = states.into_iter().zip(looks).map(|pair| match pair {
            (CodeState::Unknown, Typed::Mistyped) => CodeState::Mistyped,
            (known, _) => known,
        });
        Ok(marks.into_iter().zip(states).collect())
    }

    /// What the entries that count say of codes, in their order.
    fn codes_where(
        &self,
        codes: &[CodeMark],
        counts: impl Fn(&Entry) -> bool,
    ) -> Result<Vec<CodeState>, StoreError> {
        let subjects = codes.iter().map(|code| code_subject(&code.hash));
        let numbers = self.read.find_all(&subjects.collect::<Vec<_>>())?;
        let of_code = |(at, numbers): (usize, Vec<u64>)| {
            let numbers = numbers.into_iter();
            numbers.map(move |number| (number, at))
        };
        let about: BTreeSet<(u64, usize)> =
            numbers.into_iter().enumerate().flat_map(of_code).collect();
        let mut states = vec![CodeState::Unknown; codes.len()];
        let mut pending = about.iter().peekable();
        self.each_of(about.iter().map(|(number, _)| *number).collect(), |entry| {
            while let Some((_, at)) = pending.next_if(|(number, _)| *number == entry.number) {
                if code_of(&entry.event) == Some(&codes[*at].hash) && counts(&entry) {
                    let known = std::mem::replace(&mut states[*at], CodeState::Unknown);
                    states[*at] = known.after(&entry);
                }
            }
        })?;
        Ok(states)
    }

    /// The codes on record of an offer, in the order of their entries, and what became of each, as
    /// the entries up to number `until` that count on a day say.
    ///
    /// # Errors
    /// A ledger that cannot be read or is damaged.
    pub fn codes(
        &self,
        offer: &str,
        until: u64,
        as_of: NaiveDate,
    ) -> Result<Vec<(Entry, CodeMark, CodeState)>, StoreError> {
        let counts = |entry: &Entry| entry.number <= until && entry.effective <= as_of;
        let numbers = self.read.find(&offer_subject(offer))?;
        let (mut entries, mut codes) = (Vec::new(), Vec::new());
        self.each_of(numbers.into_iter().collect(), |entry| {
            if let Event::CodeAdded { code, .. } = &entry.event
                && counts(&entry)
            {
                codes.push(code.clone());
                entries.push(entry);
            }
        })?;
        let states = self.codes_where(&codes, counts)?;
        let codes = entries.into_iter().zip(codes).zip(states);
        Ok(codes
            .map(|((entry, code), state)| (entry, code, state))
            .collect())
    }

    /// The statements of the open bills that count on a day, worked out anew.
    ///
    /// # Errors
    /// A ledger that cannot be read or is damaged.
    pub fn estimates(
        &self,
        state: &State,
        as_of: NaiveDate,
        rules: &Rules,
    ) -> Result<Vec<Statement>, StoreError> {
        let bills = state
            .estimates(as_of)
            .map(|(_, bill)| Ok((self.lines(bill)?.into_bill(), bill.basis)))
            .collect::<Result<Vec<(Bill, Basis)>, StoreError>>()?;
        Ok(reserve(state, bills, rules))
    }

    /// What the open bills that count on a day would use of each credit.
    ///
    /// # Errors
    /// A ledger that cannot be read or is damaged.
    pub fn reserved(
        &self,
        state: &State,
        as_of: NaiveDate,
        rules: &Rules,
    ) -> Result<Reserved, StoreError> {
        Ok(reserved(&self.estimates(state, as_of, rules)?))
    }
}

impl Past for View<'_> {
    type Error = StoreError;

    fn lines(&self, bill: &BillState) -> Result<Lines, StoreError> {
        let decoded = self.decoded(bill.entry)?;
        read_lines(self.read, &decoded)
    }

    fn rules(&self, bill: &BillState) -> Result<Rules, StoreError> {
        match self.decoded(bill.entry)?.entry.event {
            Event::BillBooked(booking) => Ok(booking.rules),
            _ => Ok(Rules::current()),
        }
    }
}

/// The lines kept with a decoded entry of a bill.
pub(super) fn read_lines(read: &dyn Read, decoded: &Decoded) -> Result<Lines, StoreError> {
    let number = decoded.entry.number;
    let (record, status, applied) = match &decoded.entry.event {
        Event::BillEstimated(record) => (record, Status::Estimated, Vec::new()),
        Event::BillBooked(booking) => (&booking.bill, Status::Final, booking.applied.clone()),
        _ => {
            return Err(StoreError::Damaged(format!(
                "entry {number} is not of a bill"
            )));
        }
    };
    let mut reader = LinesReader::default();
    read.lines(number, &mut |part| reader.take(part))?;
    reader.finish(
        record,
        status,
        applied,
        decoded
            .lines
            .as_ref()
            .unwrap_or(&super::lines::LinesDigest::default()),
    )
}
