//! What several of these tests need: random numbers that are the same in every run, and what a
//! command says of a damaged ledger.

use crate::command::support::Run;

/// Random numbers from a seed (SplitMix64), the same on every machine.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// The command failed for what is wrong with the ledger, and said what to do.
#[track_caller]
pub(super) fn is_damage(what: &str, run: Run) {
    const KINDS: [&str; 4] = [
        "ledger_damaged",
        "ledger_too_new",
        "ledger_unavailable",
        "not_a_ledger",
    ];
    let said = format!("{what}: {run:?}");
    assert_eq!(run.status, 4, "{said}");
    let error = run.ends(4).error();
    let kind = error["kind"].as_str().unwrap_or_default();
    assert!(KINDS.contains(&kind), "{said}");
    assert!(error["hint"].as_str().is_some(), "{said}");
}
