//! Whole ledgers, command by command, against a naive model of a ledger.
//!
//! A random sequence of commands is given to the naive ledger and to the real one: in memory, as the library
//! decides, and to the command itself. After each, what they answered and all that is on record must be the same.
//!
//! A sequence is known by its seed. `CREDITS_TEST_SEED=123` tries that one, `CREDITS_TEST_SEEDS=10000` so many,
//! from the first or from `CREDITS_TEST_SEED` on. One that fails is made as short as it can be and printed as the
//! commands that a shell would take. `tests/soak.sh` tries ten thousand.

pub(crate) mod acts; // random acts
mod calendar; // days and months as text
mod foreseen; // a forecast that comes true
mod library; // a real ledger in memory
mod library_told; // what it answers
pub(crate) mod naive; // the naive ledger: what is on record
mod naive_bills; // bills in it
mod naive_commands; // what commands do to it
mod naive_corrections; // what correcting does to it
mod naive_earning; // what months earn in it
mod naive_operations; // what may be done to its credits
mod offers; // the offers of random ledgers
mod reached; // what random sequences reach
pub(crate) mod real; // what is asked of a real ledger
pub(crate) mod request; // what may be asked, and its command line
pub(crate) mod seeds; // which sequences are tried, and what is said of one that fails
mod sound; // what holds whatever was asked
pub(crate) mod told; // answers as plain facts
pub(crate) mod walk; // a sequence, step by step
mod wishes; // what acts come to on what is on record

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use calendar::next_month;
use library::Library;
use seeds::{acts_of, each_seed, of_environment};
use walk::{Depth, rehearse, walk};

use crate::random::Seen;

/// Sequences are of fewer acts than so many; that is two years of bills, mostly.
const LONGEST: usize = 120;

#[test]
fn ledgers_agree_with_the_naive_model_after_every_command() {
    let depth = Depth {
        days: 2,
        every_open_bill: true,
        after_nothing: true,
    };
    let (commands, refusals) = (AtomicU64::new(0), AtomicU64::new(0));
    let seeds = of_environment(250);
    let count = seeds.end - seeds.start;
    each_seed(seeds, LONGEST, 4_000, |acts| {
        let mut watch = |_: &_, _: &_, answer: &Result<_, _>, _: &_| {
            commands.fetch_add(1, Relaxed);
            refusals.fetch_add(u64::from(answer.is_err()), Relaxed);
        };
        walk(acts, &mut Library::new(acts::FIRST_DAY), depth, &mut watch)
    });
    println!(
        "tried: {count} ledgers, {} commands, {} of them refused",
        commands.into_inner(),
        refusals.into_inner(),
    );
}

#[test]
fn random_sequences_reach_every_kind_of_entry_and_refusal() {
    let mut seen = Seen::default();
    for seed in 1..301 {
        rehearse(
            &acts_of(seed, LONGEST),
            &mut |before, command, answer, after| {
                reached::note(&mut seen, before, command, answer, after);
            },
        );
    }
    seen.all_at_least(5);
}

#[test]
fn a_usual_ledger_has_bills_of_two_years() {
    let span = |seed| {
        let (mut first, mut last) = (String::from("9999-12"), String::new());
        rehearse(&acts_of(seed, LONGEST), &mut |_, _, _, after| {
            for (month, _, _) in after.bills.keys() {
                first = first.clone().min(month.clone());
                last = last.clone().max(month.clone());
            }
        });
        let months = std::iter::successors(Some(first), |month| Some(next_month(month)));
        months.take_while(|month| *month <= last).count()
    };
    let mut spans: Vec<usize> = (1..81).map(span).collect();
    spans.sort_unstable();
    assert!(spans[spans.len() / 2] >= 24, "{spans:?}");
}
