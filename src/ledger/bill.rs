//! A bill: all charges of one payer account for one billing month in one currency.
//!
//! [`Bill::new`] refuses what cannot be, so that applying credits to a bill cannot fail.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;
use thiserror::Error;

use crate::money::Money;

use super::names::{AccountId, BillId, Region, Service};
use super::scope::Category;

/// Whether a bill can still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The month is open: the bill reserves, and the next one replaces it.
    Estimated,
    /// The month is closed: the bill is booked.
    Final,
}

impl Status {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Estimated => "estimated",
            Status::Final => "final",
        }
    }
}

/// One line of a bill, or the sum of the lines of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// What the document calls it, or what its group is called.
    pub id: Option<Box<str>>,
    /// The usage account.
    pub account: AccountId,
    /// The service.
    pub service: Service,
    /// The region, where the document names one.
    pub region: Option<Region>,
    /// What it is.
    pub category: Category,
    /// How much, of either sign.
    pub amount: Money,
    /// The first day of its usage: the day by which credits cover it.
    pub start: Option<NaiveDate>,
    /// The last day of its usage.
    pub end: Option<NaiveDate>,
    /// Words for people.
    pub description: Option<Box<str>>,
    /// How many line items of the document it sums up.
    pub count: u64,
}

impl Charge {
    /// The order that decides between charges of the same amount: account, service, region (none
    /// first), id as bytes (none first; then category, start, end, description, amount).
    #[must_use]
    pub fn tie(&self, other: &Charge) -> Ordering {
        (&self.account, &self.service, &self.region)
            .cmp(&(&other.account, &other.service, &other.region))
            .then_with(|| self.id.cmp(&other.id))
            .then_with(|| self.content().cmp(&other.content()))
    }

    fn content(
        &self,
    ) -> (
        &str,
        Option<NaiveDate>,
        Option<NaiveDate>,
        Option<&str>,
        Money,
    ) {
        (
            self.category.as_str(),
            self.start,
            self.end,
            self.description.as_deref(),
            self.amount,
        )
    }

    /// Whether the same thing is charged, by whatever id and description.
    fn same_content(&self, other: &Charge) -> bool {
        self.order_by_content(other) == Ordering::Equal
    }

    fn order_by_content(&self, other: &Charge) -> Ordering {
        (
            &self.account,
            &self.service,
            &self.region,
            self.category,
            self.start,
            self.end,
            self.amount,
        )
            .cmp(&(
                &other.account,
                &other.service,
                &other.region,
                other.category,
                other.start,
                other.end,
                other.amount,
            ))
    }
}

/// All charges of one payer account for one billing month in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    id: BillId,
    status: Status,
    reference: Option<String>,
    /// Shared, since a statement holds its bill and there may be very many.
    charges: Arc<Vec<Charge>>,
}

/// Why charges make no bill.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BillError {
    /// Two charges by one id.
    #[error("charge id `{0}` stands twice")]
    DuplicateId(Box<str>),
    /// A charge that ends before it starts.
    #[error("charge `{id}` ends on {end}, before it starts on {start}")]
    EndsBeforeItStarts {
        /// The charge, or its place.
        id: String,
        /// Its first day.
        start: NaiveDate,
        /// Its last day.
        end: NaiveDate,
    },
    /// The amounts add up to more than can be counted.
    #[error("the amounts of the bill add up to 10^19 or more")]
    TooLarge,
    /// More charges than can be numbered.
    #[error("the bill has more than {} charges", u32::MAX)]
    TooMany,
}

impl Bill {
    /// Takes the charges of a bill, in the order of the document.
    ///
    /// # Errors
    /// A charge id that stands twice, a charge that ends before it starts, amounts that add up to
    /// [`Money::TOTAL_LIMIT`] or more, more charges than a `u32` numbers.
    pub fn new(
        id: BillId,
        status: Status,
        reference: Option<String>,
        charges: Vec<Charge>,
    ) -> Result<Bill, BillError> {
        if u32::try_from(charges.len()).is_err() {
            return Err(BillError::TooMany);
        }
        if let Some(id) = duplicate(charges.iter().filter_map(|charge| charge.id.as_deref())) {
            return Err(BillError::DuplicateId(id.into()));
        }
        let mut total = Money::ZERO;
        for (at, charge) in charges.iter().enumerate() {
            if let (Some(start), Some(end)) = (charge.start, charge.end)
                && end < start
            {
                let id = charge
                    .id
                    .as_deref()
                    .map_or_else(|| format!("#{}", at + 1), str::to_owned);
                return Err(BillError::EndsBeforeItStarts { id, start, end });
            }
            total = total
                .checked_add(charge.amount.abs())
                .filter(|total| *total < Money::TOTAL_LIMIT)
                .ok_or(BillError::TooLarge)?;
        }
        Ok(Bill {
            id,
            status,
            reference,
            charges: Arc::new(charges),
        })
    }

    /// Payer, month and currency.
    #[must_use]
    pub fn id(&self) -> &BillId {
        &self.id
    }

    /// Whether it can still change.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// The provider's own id: an invoice number.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// Its charges, in the order of the document.
    #[must_use]
    pub fn charges(&self) -> &[Charge] {
        &self.charges
    }

    /// The usage accounts in it.
    #[must_use]
    pub fn usage_accounts(&self) -> BTreeSet<&AccountId> {
        let mut accounts = BTreeSet::new();
        let mut last = None;
        for charge in self.charges() {
            if last != Some(&charge.account) {
                accounts.insert(&charge.account);
                last = Some(&charge.account);
            }
        }
        accounts
    }

    /// How the charges differ from those of `other`; nothing where both are the same bill, in
    /// whatever order and by whatever ids and descriptions.
    #[must_use]
    pub fn difference(&self, other: &Bill) -> Vec<Difference> {
        let (ours, theirs) = (sorted(&self.charges), sorted(&other.charges));
        let same =
            ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| a.same_content(b));
        if same {
            return Vec::new();
        }
        differences(&ours, &theirs)
    }
}

/// One of the ids that stand twice. Those of sums come nearly sorted, which costs little.
fn duplicate<'a>(ids: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    let mut pairs = ids.windows(2);
    pairs.find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

fn sorted(charges: &[Charge]) -> Vec<&Charge> {
    let mut sorted: Vec<&Charge> = charges.iter().collect();
    sorted.sort_unstable_by(|a, b| a.order_by_content(b));
    sorted
}

/// A charge that only one of two bills has, or has more often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The charge.
    pub charge: Charge,
    /// Whether the first bill has it, rather than the other.
    pub ours: bool,
}

fn differences(ours: &[&Charge], theirs: &[&Charge]) -> Vec<Difference> {
    let (mut i, mut j) = (0, 0);
    let mut found = Vec::new();
    while i < ours.len() || j < theirs.len() {
        let order = match (ours.get(i), theirs.get(j)) {
            (Some(a), Some(b)) => a.order_by_content(b),
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        if order == Ordering::Less {
            found.push(Difference {
                charge: ours[i].clone(),
                ours: true,
            });
        } else if order == Ordering::Greater {
            found.push(Difference {
                charge: theirs[j].clone(),
                ours: false,
            });
        }
        i += usize::from(order != Ordering::Greater);
        j += usize::from(order != Ordering::Less);
    }
    found
}
