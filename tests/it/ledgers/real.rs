//! The real thing, wherever it runs: what is asked of it, and in which words it answers.

use super::naive::Naive;
use super::request::Command;
use super::told::{Answer, BillTold, CreditTold, EntryTold, Refused, Statement};

/// A real ledger, in memory or behind the command.
pub(crate) trait Real {
    /// Whether documents come to it as they are, and may be refused for what they are.
    fn reads_documents(&self) -> bool;
    /// The day changes.
    fn today(&mut self, today: &str);
    /// Gives a command.
    fn give(&mut self, command: &Command) -> Result<Answer, Refused>;
    /// The entries from this number on.
    fn entries(&mut self, from: u64) -> Vec<EntryTold>;
    /// Every credit as of a day, in burn order, as it stood after an entry.
    fn credits(&mut self, on: &str, at: Option<u64>) -> Vec<CreditTold>;
    /// Every bill as of a day, as it stood after an entry.
    fn bills(&mut self, on: &str, at: Option<u64>) -> Vec<BillTold>;
    /// The statement of a bill on record.
    fn statement(&mut self, bill: &str) -> Statement;
    /// What has to hold whatever the naive ledger says; asked after every act, and `at_the_end`.
    fn is_sound(&mut self, naive: &Naive, at_the_end: bool) -> Result<(), String>;
}
