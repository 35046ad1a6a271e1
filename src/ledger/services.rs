//! Names of services at the door: what a text in a document, an offer or a flag stands for.
//!
//! A name becomes canonical when it is read, and what is recorded is the canonical name: the
//! journal never depends on the catalogue or on aliases, and neither changes what is on record.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::catalog::{self, comparable};

use super::names::{NameError, Service};
use super::offer::{Makes, Offer};
use super::scope::Scope;

/// A name that a user gave to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAlias {
    /// The name.
    pub alias: Service,
    /// The service.
    pub service: Service,
    /// The entry that recorded it.
    pub entry: u64,
    /// From when on it counts.
    pub effective: NaiveDate,
}

/// Who says what a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// The catalogue.
    Catalogue,
    /// An alias on record.
    Alias,
    /// Nobody: it stands for itself, to the letter.
    Nobody,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The service, under its canonical name.
    pub service: Service,
    /// Who says so.
    pub known_by: KnownBy,
}

/// What names of services mean: the user's aliases, then the catalogue.
///
/// Names are compared without regard to case and to how much white space stands in them. What
/// nobody knows stands for itself, to the letter. A canonical name stands for itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceNames {
    /// By comparable alias.
    aliases: BTreeMap<String, ServiceAlias>,
}

impl ServiceNames {
    /// The catalogue and these aliases, of which the last of a name counts.
    pub fn new<'a>(aliases: impl IntoIterator<Item = &'a ServiceAlias>) -> ServiceNames {
        let aliases = aliases.into_iter();
        let aliases = aliases.map(|one| (comparable(one.alias.as_str()), one.clone()));
        ServiceNames {
            aliases: aliases.collect(),
        }
    }

    /// What a text stands for.
    ///
    /// # Errors
    /// A text that is no name.
    pub fn canonical(&self, text: &str) -> Result<Named, NameError> {
        Service::new(text).map(|name| self.named(&name))
    }

    /// What a name stands for.
    #[must_use]
    pub fn named(&self, name: &Service) -> Named {
        let alias = self.aliases.get(&comparable(name.as_str()));
        // The catalogue may have come to know what an alias stands for.
        let meant = alias.map_or(name, |alias| &alias.service);
        let known = catalog::service(meant.as_str());
        let code = known.and_then(|known| Service::new(known.code).ok());
        let known_by = match (alias, &code) {
            (Some(_), _) => KnownBy::Alias,
            (None, Some(_)) => KnownBy::Catalogue,
            (None, None) => KnownBy::Nobody,
        };
        Named {
            service: code.unwrap_or_else(|| meant.clone()),
            known_by,
        }
    }

    /// A scope under canonical names.
    #[must_use]
    pub fn scope(&self, scope: &Scope<Service>) -> Scope<Service> {
        let all = |names: &std::collections::BTreeSet<Service>| {
            names.iter().map(|name| self.named(name).service).collect()
        };
        match scope {
            Scope::All => Scope::All,
            Scope::Only(names) => Scope::Only(all(names)),
            Scope::Except(names) => Scope::Except(all(names)),
        }
    }

    /// Whether a scope on record names `alias` and not the service that it stands for: charges
    /// that come under that name are not what this scope names.
    #[must_use]
    pub fn outdates(&self, alias: &Service, scope: &Scope<Service>) -> bool {
        let meant = self.named(alias).service;
        let same = |name: &Service| comparable(name.as_str()) == comparable(alias.as_str());
        let named = scope.only().or(scope.except());
        named.is_some_and(|named| named.iter().any(same) && !named.contains(&meant))
    }

    /// An offer under canonical names.
    #[must_use]
    pub fn offer(&self, offer: &Offer) -> Offer {
        let mut offer = offer.clone();
        offer.scope.services = self.scope(&offer.scope.services);
        if let Makes::BySpend(rule) = &mut offer.makes {
            rule.services = self.scope(&rule.services);
        }
        offer
    }

    /// The aliases that count, by alias.
    pub fn aliases(&self) -> impl Iterator<Item = &ServiceAlias> {
        self.aliases.values()
    }

    /// The alias of this name.
    #[must_use]
    pub fn alias(&self, name: &Service) -> Option<&ServiceAlias> {
        self.aliases.get(&comparable(name.as_str()))
    }
}
