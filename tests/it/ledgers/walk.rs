//! A sequence of acts, given to the naive ledger and to a real one, which are held against each other after each.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::acts::{Act, FIRST_DAY};
use super::calendar::{day_before, next_day};
use super::naive::{Naive, bill_name};
use super::real::Real;
use super::request::{Command, Request};
use super::told::{Answer, CreditTold, Refused};
use super::wishes::request;

/// How much is asked after each command.
#[derive(Clone, Copy)]
pub(crate) struct Depth {
    /// On how many days of the past and the future every credit is looked at.
    pub(crate) days: usize,
    /// Whether every open bill is looked at, or one of them.
    pub(crate) every_open_bill: bool,
    /// Whether everything is looked at again after an act that recorded nothing.
    pub(crate) after_nothing: bool,
}

/// A walk through a sequence.
struct Walk<'a> {
    naive: Naive,
    real: &'a mut dyn Real,
    depth: Depth,
    /// The naive ledger as it stood after each command that recorded something.
    past: Vec<Naive>,
    /// What was asked so far, to be printed.
    asked: Vec<String>,
    /// Which bookings were looked at: of what is booked nothing changes without an entry.
    seen: BTreeSet<(String, u64)>,
    dice: u64,
}

/// What a command came to, for whoever counts.
pub(crate) type Witness<'a> = &'a mut dyn FnMut(&Naive, &Command, &Result<Answer, Refused>, &Naive);

/// Walks through the acts. What is wrong is told with the commands that led there.
pub(crate) fn walk(
    acts: &[Act],
    real: &mut dyn Real,
    depth: Depth,
    watch: Witness<'_>,
) -> Result<(), String> {
    let mut walk = Walk {
        naive: Naive::new(FIRST_DAY),
        real,
        depth,
        past: vec![],
        asked: vec![format!("export CREDITS_TODAY={FIRST_DAY}")],
        seen: BTreeSet::new(),
        dice: 1,
    };
    let through = catch_unwind(AssertUnwindSafe(|| walk.through(acts, watch)));
    let through = through.unwrap_or_else(|panic| Err(format!("a panic: {}", words_of(&*panic))));
    through.map_err(|wrong| {
        let commands = walk.asked.len();
        format!(
            "after {commands} lines: {wrong}\n\n{}\n",
            walk.asked.join("\n")
        )
    })
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or(panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
    text.unwrap_or_default()
}

/// The same without a real ledger, to see what the naive one does.
pub(crate) fn rehearse(acts: &[Act], watch: Witness<'_>) {
    let (mut naive, mut last) = (Naive::new(FIRST_DAY), None);
    for act in acts {
        match request(act, &naive, last.as_ref()) {
            Some(Request::Today(day)) => naive.today = day,
            Some(Request::Command(command)) => {
                let before = naive.clone();
                let answer = naive.give(&command);
                watch(&before, &command, &answer, &naive);
                last = Some(*command);
            }
            None => {}
        }
    }
}

impl Walk<'_> {
    fn through(&mut self, acts: &[Act], watch: Witness<'_>) -> Result<(), String> {
        let mut last = None;
        for act in acts {
            let Some(request) = request(act, &self.naive, last.as_ref()) else {
                continue;
            };
            if let (Request::Today(_), Some(last)) = (&request, self.asked.last())
                && last.starts_with("export")
            {
                self.asked.pop();
            }
            self.asked.push(request.to_string());
            let head = self.naive.head();
            match request {
                Request::Today(day) => {
                    self.real.today(&day);
                    self.naive.today = day;
                }
                Request::Command(command) => {
                    self.give(&command, watch)?;
                    last = Some(*command);
                }
            }
            if self.depth.after_nothing || self.naive.head() > head {
                self.compare()?;
            }
            self.real.is_sound(&self.naive, false)?;
        }
        self.compare()?;
        self.look_back(usize::MAX)?;
        self.real.is_sound(&self.naive, true)
    }

    fn give(&mut self, command: &Command, watch: Witness<'_>) -> Result<(), String> {
        let before = self.naive.clone();
        let answer = self.naive.give(command);
        if matches!(&answer, Err(refused) if refused.kind == "bad_input")
            && !self.real.reads_documents()
        {
            return Ok(());
        }
        let told = self.real.give(command);
        watch(&before, command, &answer, &self.naive);
        same("the answer", &answer, &told)?;
        let new = self.real.entries(before.head() + 1);
        same(
            "new entries",
            &self.naive.entries[before.entries.len()..],
            &new,
        )?;
        if !new.is_empty() {
            self.past.push(self.naive.clone());
        }
        Ok(())
    }

    /// Everything that is on record now, on the present day and on others.
    fn compare(&mut self) -> Result<(), String> {
        let today = self.naive.today.clone();
        let mut days = vec![today.clone()];
        days.extend((0..self.depth.days).map(|_| self.some_day()));
        for day in days {
            let told = self.real.credits(&day, None);
            each_the_same(
                &format!("credits on {day}"),
                &self.naive.credits_on(&day),
                &told,
            )?;
            told.iter().try_for_each(|credit| adds_up(credit, &day))?;
            families_add_up(&self.naive, &told, &day)?;
        }
        let (ours, told) = (self.naive.bills_on(&today), self.real.bills(&today, None));
        each_the_same(&format!("bills on {today}"), &ours, &told)?;
        self.compare_statements()?;
        self.look_back(1)
    }

    fn compare_statements(&mut self) -> Result<(), String> {
        let bills: Vec<_> = self
            .naive
            .bills
            .iter()
            .map(|(key, bill)| (key.clone(), bill.is_final, bill.entry))
            .collect();
        let open = bills.iter().filter(|(_, is_final, _)| !is_final).count();
        let chosen = self.roll(open.max(1));
        let mut at = 0;
        for (key, is_final, entry) in bills {
            let name = bill_name(&key);
            let wanted = if is_final {
                self.seen.insert((name.clone(), entry))
            } else {
                at += 1;
                self.depth.every_open_bill || at == chosen + 1
            };
            if wanted {
                let what = format!("the statement of {name}");
                same(
                    &what,
                    &self.naive.statement(&key),
                    &self.real.statement(&name),
                )?;
            }
        }
        Ok(())
    }

    /// What was known then is still told of then: at so many of the commands before.
    fn look_back(&mut self, count: usize) -> Result<(), String> {
        let count = count.min(self.past.len()).min(4);
        for _ in 0..count {
            let at = self.roll(self.past.len());
            let day = self.some_day();
            let then = &self.past[at];
            let entry = Some(then.head());
            let what = format!("on {day} as of entry {}", then.head());
            each_the_same(
                &format!("credits {what}"),
                &then.credits_on(&day),
                &self.real.credits(&day, entry),
            )?;
            each_the_same(
                &format!("bills {what}"),
                &then.bills_on(&day),
                &self.real.bills(&day, entry),
            )?;
        }
        Ok(())
    }

    /// A day on which something begins or ends, or one beside it.
    fn some_day(&mut self) -> String {
        let credits = self.naive.credits.iter();
        let ends = credits
            .clone()
            .filter_map(|credit| credit.terms.end.clone());
        let starts = credits.map(|credit| credit.terms.start.clone());
        let effective = self
            .naive
            .entries
            .iter()
            .map(|entry| entry.effective.clone());
        let days: Vec<String> = ends
            .chain(starts)
            .chain(effective)
            .chain([self.naive.today.clone()])
            .collect();
        let day = &days[self.roll(days.len())];
        match self.roll(3) {
            0 => day_before(day),
            1 => next_day(day),
            _ => day.clone(),
        }
    }

    /// A number below another one, the same in every run.
    fn roll(&mut self, below: usize) -> usize {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) as usize % below
    }
}

/// Initial is used, voided, split off, expired and remaining together, and none of them is below zero.
fn adds_up(credit: &CreditTold, day: &str) -> Result<(), String> {
    let parts = [
        credit.used,
        credit.voided,
        credit.split,
        credit.expired,
        credit.remaining,
    ];
    let wrong = parts.iter().sum::<i128>() != credit.initial
        || parts.iter().any(|part| *part < 0)
        || !(0..=credit.remaining).contains(&credit.estimated);
    match wrong {
        true => Err(format!("on {day} a credit does not add up: {credit:#?}")),
        false => Ok(()),
    }
}

/// A credit and all that was split from it are worth what it was worth, on any day. A part is on record from the day
/// of the split on.
fn families_add_up(naive: &Naive, told: &[CreditTold], day: &str) -> Result<(), String> {
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    for credit in &naive.credits {
        let found = told.iter().find(|one| one.id == credit.terms.id);
        let found = found.ok_or(format!("{} is not listed", credit.terms.id))?;
        let worth = found.used + found.voided + found.expired + found.remaining;
        let is_there = credit.split_from.is_none() || credit.since.as_str() <= day;
        let root = naive.root(&credit.terms.id).terms.id.clone();
        *sums.entry(root).or_default() += if is_there { worth } else { 0 };
    }
    let differs = |(root, sum): &(&String, &i128)| naive.credit(root).terms.left != **sum;
    match sums.iter().find(differs) {
        Some((root, sum)) => Err(format!("on {day} the family of {root} is worth {sum}")),
        None => Ok(()),
    }
}

pub(crate) fn same<T: Debug + PartialEq + ?Sized, U: Debug + std::borrow::Borrow<T>>(
    what: &str,
    naive: &T,
    real: &U,
) -> Result<(), String> {
    match naive == real.borrow() {
        true => Ok(()),
        false => Err(format!("{what} should be\n{naive:#?}\nand is\n{real:#?}")),
    }
}

/// The same, saying only where two lists differ.
fn each_the_same<T: Debug + PartialEq>(what: &str, naive: &[T], real: &[T]) -> Result<(), String> {
    let differ = naive.iter().zip(real).find(|(ours, theirs)| ours != theirs);
    match differ {
        Some((ours, theirs)) => same(what, ours, theirs),
        None if naive.len() != real.len() => Err(format!(
            "{what} should be {} and are {}: {naive:#?}\nand\n{real:#?}",
            naive.len(),
            real.len()
        )),
        None => Ok(()),
    }
}
