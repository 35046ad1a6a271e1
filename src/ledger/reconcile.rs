//! Ours against the provider's: what each says that credits paid, by month, account, service and,
//! where it is known, credit.
//!
//! Ours are the allocations of the bills on record; the provider's are its own credit rows in a
//! bill, or its allocation history. A row names a credit by its id or its name; where that is
//! none, or several, of those on record, the credits of its month, account and service are
//! compared together. An id that is not on record is another credit than those whose ids are.
//! Amounts agree within [`TOLERANCE`] per key, which is shown, never rounded
//! away.

use std::collections::{BTreeMap, BTreeSet};

use crate::money::Money;
use crate::period::Month;

use super::as_billed::{Named, comparable, credit_name};
use super::bill::Bill;
use super::credit::Credit;
use super::names::{AccountId, CreditId, Currency, Service};
use super::provider::ProviderAllocation;
use super::rules::Rules;
use super::scope::Category;
use super::state::{CreditRecord, State};
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

/// Which credit paid, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Payer {
    /// It is not known which of those on record, if any.
    Unknown,
    /// One on record.
    Credit(CreditId),
    /// One that is not on record, by the provider's id.
    Reference(String),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// What is compared.
    pub key: Key,
    /// The credit; where the provider's is not known, all are compared together.
    pub payer: Payer,
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
pub struct Amounts(BTreeMap<Key, BTreeMap<Payer, Money>>);

impl Amounts {
    fn add(&mut self, key: Key, payer: Payer, amount: Money) {
        let of_key = self.0.entry(key).or_default();
        *of_key.entry(payer).or_default() += amount;
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
                self.add(key, Payer::Credit(paid.credit), paid.amount);
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
                let payer = known.called(&Named::of(charge), id.month);
                self.add(key, payer, -charge.amount);
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
        let payer = known.referred(allocation);
        self.add(key, payer, allocation.amount);
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
    by_reference: BTreeMap<&'a str, Vec<CreditId>>,
    by_name: BTreeMap<String, Vec<&'a CreditRecord>>,
    called: BTreeMap<(Named, Month), Payer>,
}

impl<'a> KnownCredits<'a> {
    /// Of the credits on record.
    #[must_use]
    pub fn new(state: &'a State, rules: &'a Rules) -> KnownCredits<'a> {
        let mut by_reference: BTreeMap<&str, Vec<CreditId>> = BTreeMap::new();
        let mut by_name: BTreeMap<String, Vec<&CreditRecord>> = BTreeMap::new();
        for record in state.credits.values() {
            let Credit { id, terms, .. } = &record.credit;
            if let Some(reference) = &terms.reference {
                by_reference.entry(reference).or_default().push(*id);
            }
            by_name
                .entry(comparable(&terms.name))
                .or_default()
                .push(record);
        }
        KnownCredits {
            state,
            rules,
            by_reference,
            by_name,
            called: BTreeMap::new(),
        }
    }

    /// The credit that an entry of the allocation history means: by its id, else by its name, if
    /// the credit on record that is called so has no other id.
    fn referred(&mut self, allocation: &ProviderAllocation) -> Payer {
        if let Some(ids) = self.by_reference.get(allocation.reference.as_str()) {
            return match ids.as_slice() {
                [only] => Payer::Credit(*only),
                _ => Payer::Unknown,
            };
        }
        let by_name = allocation.name.as_deref().map(|name| {
            let named = Named {
                name: credit_name(name),
                owner: allocation.account.clone(),
            };
            self.called(&named, allocation.month)
        });
        match by_name {
            Some(Payer::Credit(credit)) if !self.has_reference(credit) => Payer::Credit(credit),
            _ => Payer::Reference(allocation.reference.clone()),
        }
    }

    /// Whether the provider's own id of a credit is on record.
    #[must_use]
    pub fn has_reference(&self, credit: CreditId) -> bool {
        let record = self.state.credits.get(&credit);
        record.is_some_and(|record| record.credit.terms.reference.is_some())
    }

    /// The names that were asked for and are of no one credit on record.
    pub fn unknown_names(&self) -> BTreeSet<&str> {
        let unknown = self
            .called
            .iter()
            .filter(|(_, payer)| **payer == Payer::Unknown);
        unknown.map(|((named, _), _)| named.name.as_str()).collect()
    }

    /// The one credit that is called so in a month, its owner's before others; unknown where there
    /// is none or several.
    pub fn called(&mut self, named: &Named, month: Month) -> Payer {
        let key = (named.clone(), month);
        if let Some(known) = self.called.get(&key) {
            return known.clone();
        }
        let found = self.find(named, month);
        self.called.insert(key, found.clone());
        found
    }

    fn find(&self, named: &Named, month: Month) -> Payer {
        if let Some(credit) = self.state.matches.get(&named.name) {
            return Payer::Credit(*credit);
        }
        let records = self.by_name.get(&comparable(&named.name));
        let records = records.map_or(&[][..], Vec::as_slice).iter();
        let called = records.filter(|record| named.fits(&record.credit.terms, month, self.rules));
        let (own, others): (Vec<&CreditRecord>, Vec<&CreditRecord>) = called
            .copied()
            .partition(|record| *record.owner_on(month.last_day()) == named.owner);
        match (own.as_slice(), others.as_slice()) {
            ([only], _) | ([], [only]) => Payer::Credit(only.credit.id),
            _ => Payer::Unknown,
        }
    }
}

/// Compares ours with the provider's, in the order of keys and credits.
#[must_use]
pub fn compare(ours: &Amounts, provider: &Amounts, known: &KnownCredits<'_>) -> Vec<Compared> {
    let keys: BTreeSet<&Key> = ours.0.keys().chain(provider.0.keys()).collect();
    let mut compared = Vec::new();
    for key in keys {
        let nothing = BTreeMap::new();
        let a = ours.0.get(key).unwrap_or(&nothing);
        let b = provider.0.get(key).unwrap_or(&nothing);
        let mut add = |payer, ours, provider| {
            compared.push(Compared {
                key: key.clone(),
                payer,
                ours,
                provider,
            });
        };
        // A name that is not on record may be of any credit that the provider does not name here,
        // an id that is not on record of any whose id is not on record either.
        let is_foreign = |payer: &Payer| matches!(payer, Payer::Reference(_));
        let is_unnamed = b.contains_key(&Payer::Unknown);
        let may_be_meant = |payer: &Payer| match payer {
            Payer::Credit(credit) => {
                let may_be = is_unnamed || !known.has_reference(*credit);
                may_be && !b.contains_key(payer)
            }
            Payer::Unknown | Payer::Reference(_) => true,
        };
        let unclear = b.keys().any(is_foreign) && a.keys().any(may_be_meant);
        let (a, b) = if is_unnamed || unclear {
            let apart = |amounts: &BTreeMap<Payer, Money>| {
                let all = amounts
                    .iter()
                    .map(|(payer, amount)| (payer.clone(), *amount));
                let (unclear, clear): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    all.partition(|(payer, _)| may_be_meant(payer));
                (unclear.into_values().sum::<Money>(), clear)
            };
            let ((ours, a), (theirs, b)) = (apart(a), apart(b));
            add(Payer::Unknown, ours, theirs);
            (a, b)
        } else {
            (a.clone(), b.clone())
        };
        let payers: BTreeSet<&Payer> = a.keys().chain(b.keys()).collect();
        for payer in payers {
            let of =
                |amounts: &BTreeMap<Payer, Money>| amounts.get(payer).copied().unwrap_or_default();
            add(payer.clone(), of(&a), of(&b));
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
