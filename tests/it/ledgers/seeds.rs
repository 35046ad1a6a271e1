//! Which sequences are tried, and what is said of one that fails.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use super::acts::{Act, some_acts};

/// So many seeds, or what the environment says.
pub(crate) fn of_environment(count: u64) -> Range<u64> {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(
            text.parse::<u64>()
                .unwrap_or_else(|_| panic!("`{name}` is `{text}`, not a number")),
        )
    };
    match (number("CREDITS_TEST_SEED"), number("CREDITS_TEST_SEEDS")) {
        (None, None) => 1..count + 1,
        (None, Some(count)) => 1..count + 1,
        (Some(first), None) => first..first + 1,
        (Some(first), Some(count)) => first..first + count,
    }
}

/// Tries the sequences of these seeds, on as many threads as there are processors. The smallest part of a sequence
/// that fails is looked for in so many `attempts`.
pub(crate) fn each_seed(
    seeds: Range<u64>,
    longest: usize,
    attempts: u32,
    holds: impl Fn(&[Act]) -> Result<(), String> + Sync,
) {
    let next = AtomicU64::new(seeds.start);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let failed = thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds.end {
                            return None;
                        }
                        if let Err(why) = one_seed(seed, longest, attempts, &holds) {
                            next.store(seeds.end, Ordering::Relaxed);
                            return Some(why);
                        }
                    }
                })
            })
            .collect();
        let failed = all
            .into_iter()
            .filter_map(|one| one.join().expect("a thread ends"));
        failed.collect::<Vec<String>>()
    });
    if let Some(why) = failed.first() {
        panic!("{why}");
    }
}

/// The sequence of a seed.
pub(crate) fn acts_of(seed: u64, longest: usize) -> Vec<Act> {
    let tree = some_acts(longest).new_tree(&mut runner(seed, 0));
    tree.expect("a sequence").current()
}

fn runner(seed: u64, attempts: u32) -> TestRunner {
    TestRunner::new(Config {
        cases: 1,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters: match std::env::var_os("PROPTEST_MAX_SHRINK_ITERS") {
            Some(_) => Config::default().max_shrink_iters,
            None => attempts,
        },
        ..Config::default()
    })
}

fn one_seed(
    seed: u64,
    longest: usize,
    attempts: u32,
    holds: impl Fn(&[Act]) -> Result<(), String>,
) -> Result<(), String> {
    let tried = runner(seed, attempts).run(&some_acts(longest), |acts| {
        holds(&acts).map_err(TestCaseError::fail)
    });
    match tried {
        Ok(()) => Ok(()),
        Err(TestError::Fail(why, _)) | Err(TestError::Abort(why)) => Err(format!(
            "seed {seed} (`CREDITS_TEST_SEED={seed}` repeats it), {why}"
        )),
    }
}
