//! Names that stand in a document over and over, kept once; what names of services stand for; and
//! the ids that are only labels.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::hash::Hash;

use hashbrown::{HashMap, HashSet};

use crate::ledger::names::{NAME_LIMIT, NameError, Service, is_unprintable};
use crate::ledger::services::{KnownBy, ServiceNames};

use super::fault::{Excerpt, FAULT_LIMIT, Problem};

/// Names of one type, each held once however often it is met. The set is asked, never listed, so
/// its order shows nowhere.
#[derive(Clone)]
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

/// What names of services stand for, each asked once however often it is met; and the names that
/// nobody knows.
pub struct Services {
    names: ServiceNames,
    met: HashMap<Box<str>, Service>,
    unknown: BTreeSet<Service>,
}

impl Services {
    /// No names yet; `names` says what each stands for.
    #[must_use]
    pub fn new(names: &ServiceNames) -> Services {
        Services {
            names: names.clone(),
            met: HashMap::new(),
            unknown: BTreeSet::new(),
        }
    }

    /// The service that a text stands for.
    pub(super) fn name(&mut self, text: &str) -> Result<Service, Problem> {
        if let Some(service) = self.met.get(text) {
            return Ok(service.clone());
        }
        let named = self.names.canonical(text);
        let named = named.map_err(|why| Problem::name(text, why))?;
        if named.known_by == KnownBy::Nobody {
            self.unknown.insert(named.service.clone());
        }
        self.met.insert(text.into(), named.service.clone());
        Ok(named.service)
    }

    /// Whether a service that was met is one that somebody knows.
    pub(super) fn knows(&self, service: &Service) -> bool {
        !self.unknown.contains(service)
    }

    /// The names met that nobody knows.
    #[must_use]
    pub fn unknown(self) -> BTreeSet<Service> {
        self.unknown
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

/// Adds a name to those that are to be noted, of which the first [`FAULT_LIMIT`] by name and one more
/// are kept.
pub(super) fn note_name(names: &mut BTreeSet<Excerpt>, name: &str) {
    names.insert(Excerpt::of(name.as_bytes()));
    if names.len() > FAULT_LIMIT + 1 {
        names.pop_last();
    }
}
