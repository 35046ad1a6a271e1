//! Names that stand in a document over and over, kept once; and the ids that are only labels.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;

use crate::ledger::names::{NAME_LIMIT, NameError, is_unprintable};

use super::fault::Problem;

/// Names of one type, each held once however often it is met. The set is asked, never listed, so
/// its order shows nowhere.
pub(super) struct Known<T> {
    names: HashSet<T>,
    new: fn(&str) -> Result<T, NameError>,
}

impl<T: Borrow<str> + Clone + Eq + Hash> Known<T> {
    /// No names yet; `new` makes one.
    pub(super) fn new(new: fn(&str) -> Result<T, NameError>) -> Known<T> {
        let names = HashSet::new();
        Known { names, new }
    }

    /// The name that a text is.
    pub(super) fn name(&mut self, text: &str) -> Result<T, Problem> {
        if let Some(name) = self.names.get(text) {
            return Ok(name.clone());
        }
        let name = (self.new)(text).map_err(|why| Problem::name(text, why))?;
        self.names.insert(name.clone());
        Ok(name)
    }
}

/// An id that only labels something: an invoice number, the id of a charge. Bounded and printable
/// as names are.
pub(super) fn label(text: &str) -> Result<&str, Problem> {
    let why = if text.is_empty() {
        NameError::Empty
    } else if text.chars().any(is_unprintable) {
        NameError::Unprintable
    } else if text.len() > NAME_LIMIT {
        NameError::TooLong
    } else {
        return Ok(text);
    };
    Err(Problem::name(text, why))
}
