//! What a credit may pay for. Nothing means "everything" by being empty: *all*, *only these* and
//! *all but these* are three different words.

use std::collections::BTreeSet;
use std::fmt;

use thiserror::Error;

use super::names::{RegionPattern, Service};

/// All, only these, or all but these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope<T> {
    /// No limit of the credit's own; what credits never cover by default still holds (rule D2).
    All,
    /// Only these, which replaces the defaults.
    Only(BTreeSet<T>),
    /// All but these, which adds to the defaults.
    Except(BTreeSet<T>),
}

/// Why two lists make no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ScopeError {
    /// A list with nothing in it.
    #[error("names nothing, leave it out to cover everything")]
    Empty,
    /// Both only these and all but these.
    #[error("both names and excludes, a scope is one or the other")]
    Both,
}

impl<T: Ord> Scope<T> {
    /// The scope that two optional lists say.
    ///
    /// # Errors
    /// Empty lists, and both lists at once.
    pub fn new(only: Option<Vec<T>>, except: Option<Vec<T>>) -> Result<Scope<T>, ScopeError> {
        match (only, except) {
            (None, None) => Ok(Scope::All),
            (Some(_), Some(_)) => Err(ScopeError::Both),
            (Some(list), None) | (None, Some(list)) if list.is_empty() => Err(ScopeError::Empty),
            (Some(list), None) => Ok(Scope::Only(list.into_iter().collect())),
            (None, Some(list)) => Ok(Scope::Except(list.into_iter().collect())),
        }
    }

    /// What it names when it is *only these*.
    #[must_use]
    pub fn only(&self) -> Option<&BTreeSet<T>> {
        match self {
            Scope::Only(named) => Some(named),
            Scope::All | Scope::Except(_) => None,
        }
    }

    /// What it names when it is *all but these*.
    #[must_use]
    pub fn except(&self) -> Option<&BTreeSet<T>> {
        match self {
            Scope::Except(named) => Some(named),
            Scope::All | Scope::Only(_) => None,
        }
    }

    /// What it names, in either way.
    #[must_use]
    pub fn named(&self) -> Option<&BTreeSet<T>> {
        self.only().or(self.except())
    }

    /// Whether it covers `name`, where `by_default` says what *all* covers.
    pub fn covers(&self, name: &T, by_default: impl FnOnce(&T) -> bool) -> bool {
        match self {
            Scope::All => by_default(name),
            Scope::Only(named) => named.contains(name),
            Scope::Except(named) => !named.contains(name) && by_default(name),
        }
    }
}

/// What a charge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Metered usage.
    Usage,
    /// The monthly fee of a Reserved Instance or Savings Plan.
    RecurringFee,
    /// What is paid once, in advance.
    UpfrontFee,
    /// A support plan.
    Support,
    /// Software and data of other vendors.
    Marketplace,
    /// Models of other vendors on Bedrock.
    ThirdPartyModel,
    /// Tax, as billed.
    Tax,
    /// Money given back.
    Refund,
    /// A price reduction.
    Discount,
    /// A correction by the provider.
    Adjustment,
    /// A credit the provider already applied.
    Credit,
    /// Anything else.
    Other,
}

impl Category {
    /// All of them, in the order of the documentation.
    pub const ALL: [Category; 12] = [
        Category::Usage,
        Category::RecurringFee,
        Category::UpfrontFee,
        Category::Support,
        Category::Marketplace,
        Category::ThirdPartyModel,
        Category::Tax,
        Category::Refund,
        Category::Discount,
        Category::Adjustment,
        Category::Credit,
        Category::Other,
    ];

    /// Its name in documents and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Usage => "usage",
            Category::RecurringFee => "recurring_fee",
            Category::UpfrontFee => "upfront_fee",
            Category::Support => "support",
            Category::Marketplace => "marketplace",
            Category::ThirdPartyModel => "third_party_model",
            Category::Tax => "tax",
            Category::Refund => "refund",
            Category::Discount => "discount",
            Category::Adjustment => "adjustment",
            Category::Credit => "credit",
            Category::Other => "other",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Category> {
        Category::ALL
            .into_iter()
            .find(|category| category.as_str() == text)
    }

    /// Whether a credit's scope may name it: the others are never paid, or, a positive
    /// adjustment, covered wherever usage is.
    #[must_use]
    pub fn can_be_named(self) -> bool {
        use Category::{Adjustment, Credit, Discount, Refund};
        !matches!(self, Adjustment | Credit | Discount | Refund)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The services, regions and categories a credit may pay for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditScope {
    /// By service.
    pub services: Scope<Service>,
    /// By region or pattern of regions; a charge without a region is in none.
    pub regions: Scope<RegionPattern>,
    /// By category.
    pub categories: Scope<Category>,
}

impl CreditScope {
    /// No limit but the defaults.
    pub const ALL: CreditScope = CreditScope {
        services: Scope::All,
        regions: Scope::All,
        categories: Scope::All,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_is_refused_rather_than_read_as_all() {
        assert_eq!(Scope::<u8>::new(Some(vec![]), None), Err(ScopeError::Empty));
        assert_eq!(Scope::<u8>::new(None, Some(vec![])), Err(ScopeError::Empty));
        assert_eq!(
            Scope::new(Some(vec![1]), Some(vec![2])),
            Err(ScopeError::Both)
        );
        assert_eq!(Scope::<u8>::new(None, None), Ok(Scope::All));
    }

    #[test]
    fn categories_are_read_as_they_are_written() {
        for category in Category::ALL {
            assert_eq!(Category::parse(category.as_str()), Some(category));
        }
        assert_eq!(Category::parse("Usage"), None);
    }
}
