//! Ours against the provider's: what each says that credits paid, by month, account, service and,
//! where it is known, credit.
//!
//! Ours are the allocations of the bills on record; the provider's are its own credit rows in a
//! bill, or its allocation history. A row names a credit by its id or its name; where that is
//! none, or several, of those on record, the credits of its month, account and service are
//! compared together. Amounts agree within [`TOLERANCE`] per key, which is shown, never rounded
//! away.

use std::collections::{BTreeMap, BTreeSet};

use crate::money::Money;
use crate::period::Month;

use super::as_billed::{Named, credit_name};
use super::bill::Bill;
use super::names::{AccountId, CreditId, Currency, Service};
use super::provider::ProviderAllocation;
use super::rules::Rules;
use super::scope::Category;
use super::state::State;
use super::statement::Statement;

/// How far two amounts may differ and still agree: real credit rows exceed their charges by up to
/// 1e-8 per key.
pub const TOLERANCE: Money = Money::from_units(1_000_000_000_000);

/// What amounts are compared by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The billing month.
    pub month: Month,
    /// The account whose charges were paid.
    pub account: AccountId,
    /// Their service.
    pub service: Service,
    /// What they are in.
    pub currency: Currency,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// What is compared.
    pub key: Key,
    /// The credit; nothing where the provider's is not known and all are compared together.
    pub credit: Option<CreditId>,
    /// What it paid by the bills on record.
    pub ours: Money,
    /// What it paid by the provider's word.
    pub provider: Money,
}

impl Compared {
    /// By how much ours is more.
    #[must_use]
    pub fn difference(&self) -> Money {
        self.ours - self.provider
    }

    /// Whether the two are the same, within [`TOLERANCE`].
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.difference().abs() <= TOLERANCE
    }
}

/// Amounts by key, and by credit where it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amounts(BTreeMap<Key, BTreeMap<Option<CreditId>, Money>>);

impl Amounts {
    fn add(&mut self, key: Key, credit: Option<CreditId>, amount: Money) {
        let of_key = self.0.entry(key).or_default();
        *of_key.entry(credit).or_default() += amount;
    }

    /// Adds what the credits on record paid of a bill.
    pub fn add_statement(&mut self, statement: &Statement) {
        let id = statement.bill.id();
        for line in statement.lines() {
            for (_, paid) in line.allocations {
                let key = Key {
                    month: id.month,
                    account: line.charge.account.clone(),
                    service: line.charge.service.clone(),
                    currency: id.currency,
                };
                self.add(key, Some(paid.credit), paid.amount);
            }
        }
    }

    /// Adds the provider's own credit rows of a bill.
    pub fn add_rows(&mut self, bill: &Bill, known: &mut KnownCredits<'_>) {
        let id = bill.id();
        for charge in bill.charges() {
            if charge.category == Category::Credit {
                let key = Key {
                    month: id.month,
                    account: charge.account.clone(),
                    service: charge.service.clone(),
                    currency: id.currency,
                };
                let credit = known.called(&Named::of(charge), id.month);
                self.add(key, credit, -charge.amount);
            }
        }
    }

    /// Adds an entry of the provider's allocation history.
    pub fn add_allocation(
        &mut self,
        allocation: &ProviderAllocation,
        known: &mut KnownCredits<'_>,
    ) {
        let key = Key {
            month: allocation.month,
            account: allocation.account.clone(),
            service: allocation.service.clone(),
            currency: allocation.currency,
        };
        let credit = known.referred(&allocation.reference).or_else(|| {
            let named = Named {
                name: credit_name(allocation.name.as_deref()?),
                owner: allocation.account.clone(),
            };
            known.called(&named, allocation.month)
        });
        self.add(key, credit, allocation.amount);
    }

    /// The months that it says something of.
    #[must_use]
    pub fn months(&self) -> BTreeSet<Month> {
        self.0.keys().map(|key| key.month).collect()
    }

    /// Without what other months say.
    #[must_use]
    pub fn within(mut self, months: &BTreeSet<Month>) -> Amounts {
        self.0.retain(|key, _| months.contains(&key.month));
        self
    }

    /// The sums by key, whichever the credits.
    #[must_use]
    pub fn by_key(&self) -> BTreeMap<Key, Money> {
        let sums = self.0.iter();
        sums.map(|(key, credits)| (key.clone(), credits.values().copied().sum()))
            .collect()
    }
}

/// Which credit on record the provider means.
pub struct KnownCredits<'a> {
    state: &'a State,
    rules: &'a Rules,
    by_reference: BTreeMap<&'a str, CreditId>,
    called: BTreeMap<(Named, Month), Option<CreditId>>,
}

impl<'a> KnownCredits<'a> {
    /// Of the credits on record.
    #[must_use]
    pub fn new(state: &'a State, rules: &'a Rules) -> KnownCredits<'a> {
        let of = |record: &'a super::state::CreditRecord| {
            let reference = record.credit.terms.reference.as_deref()?;
            Some((reference, record.credit.id))
        };
        KnownCredits {
            state,
            rules,
            by_reference: state.credits.values().filter_map(of).collect(),
            called: BTreeMap::new(),
        }
    }

    /// The credit of a provider's id.
    #[must_use]
    pub fn referred(&self, reference: &str) -> Option<CreditId> {
        self.by_reference.get(reference).copied()
    }

    /// The one credit that is called so in a month, its owner's before others; nothing where there
    /// is none or several.
    pub fn called(&mut self, named: &Named, month: Month) -> Option<CreditId> {
        let key = (named.clone(), month);
        if let Some(known) = self.called.get(&key) {
            return *known;
        }
        let found = self.find(named, month);
        self.called.insert(key, found);
        found
    }

    fn find(&self, named: &Named, month: Month) -> Option<CreditId> {
        if let Some(credit) = self.state.matches.get(&named.name) {
            return Some(*credit);
        }
        let records = self.state.credits.values();
        let called = records.filter(|record| named.fits(&record.credit.terms, month, self.rules));
        let (own, others): (Vec<_>, Vec<_>) =
            called.partition(|record| *record.owner_on(month.last_day()) == named.owner);
        match (own.as_slice(), others.as_slice()) {
            ([only], _) | ([], [only]) => Some(only.credit.id),
            _ => None,
        }
    }
}

/// Compares ours with the provider's, in the order of keys and credits.
#[must_use]
pub fn compare(ours: &Amounts, provider: &Amounts) -> Vec<Compared> {
    let keys: BTreeSet<&Key> = ours.0.keys().chain(provider.0.keys()).collect();
    let mut compared = Vec::new();
    for key in keys {
        let nothing = BTreeMap::new();
        let a = ours.0.get(key).unwrap_or(&nothing);
        let b = provider.0.get(key).unwrap_or(&nothing);
        let mut add = |credit, ours, provider| {
            compared.push(Compared {
                key: key.clone(),
                credit,
                ours,
                provider,
            });
        };
        if b.contains_key(&None) {
            add(None, a.values().copied().sum(), b.values().copied().sum());
            continue;
        }
        let credits: BTreeSet<Option<CreditId>> = a.keys().chain(b.keys()).copied().collect();
        for credit in credits {
            let of = |amounts: &BTreeMap<Option<CreditId>, Money>| {
                amounts.get(&credit).copied().unwrap_or_default()
            };
            add(credit, of(a), of(b));
        }
    }
    compared
}

/// What the provider's rows of each key give beyond what there is to pay: the charges of the key
/// after discounts. Only where it is more.
#[must_use]
pub fn over_credit(provider: &Amounts, statements: &[Statement]) -> BTreeMap<Key, Money> {
    let mut charges: BTreeMap<Key, Money> = BTreeMap::new();
    for statement in statements {
        let id = statement.bill.id();
        let payable = statement.lines().filter(|line| {
            let correction = matches!(line.charge.category, Category::Refund | Category::Discount);
            line.charge.amount.is_positive() && !correction
        });
        for line in payable {
            let key = Key {
                month: id.month,
                account: line.charge.account.clone(),
                service: line.charge.service.clone(),
                currency: id.currency,
            };
            *charges.entry(key).or_default() += line.charge.amount - line.discounted;
        }
    }
    let sums = provider.by_key().into_iter();
    sums.filter_map(|(key, amount)| {
        let over = amount - charges.get(&key).copied().unwrap_or_default();
        over.is_positive().then_some((key, over))
    })
    .collect()
}
