//! A bill as the provider applied credits to it: the provider's own credit rows, booked as they
//! are instead of what [`apply`](super::apply) would decide.
//!
//! 1. [`land`]: each credit row lands on charges of its own account, service, region and day; what
//!    is left of it on charges of its account, service and region, then account and service, then
//!    account, then on any charge of the bill. So the card pays what the provider's invoice says.
//!    Rows of a real bill exceed their charges by up to 1e-8 per key: what lands nowhere is
//!    over-credit, and is said.
//! 2. [`as_billed`]: each row is paid by the credits that it names: the one matched by hand, then
//!    those called like its description and valid in the month, its owner's first, in burn order.
//!    A description may end in `, credit from account: ID`, which then is the owner; otherwise the
//!    usage account is. What no credit pays is a [`Shortage`]: a credit has to be made good for it,
//!    which pays this bill only, and comes last.
//!
//! Source: descriptions and matching as seen in real cost and usage reports (358 of 358 credit rows
//! have charges of their key) and in a FOCUS export, read 2026-11. The order of landing beyond the
//! key, and of credits of one name, is *house*.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use chrono::NaiveDate;

use crate::money::Money;
use crate::period::Month;

use super::apply::{Standing, burn_order, discount, statement};
use super::bill::{Bill, Charge, Difference};
use super::credit::{Kind, Sharing, Stage, Terms};
use super::names::{AccountId, CreditId, Currency, NAME_LIMIT, Region, Service, is_unprintable};
use super::reconcile::TOLERANCE;
use super::rules::Rules;
use super::scope::{Category, CreditScope};
use super::statement::{Allocation, Statement};

/// Which credit a description means, as said by hand.
pub type Matches = BTreeMap<String, CreditId>;

/// What a credit row without a description is called.
const NAMELESS: &str = "Credit of the provider";

/// What stands between the name of a shared credit and its owner.
const FROM_ACCOUNT: &str = ", credit from account: ";

/// The credit that a row names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// What it is called.
    pub name: String,
    /// Whose it is.
    pub owner: AccountId,
}

impl Named {
    /// The credit that a row of the provider's names.
    #[must_use]
    pub fn of(charge: &Charge) -> Named {
        let description = charge.description.as_deref().unwrap_or_default();
        let (name, owner) = parted(description);
        Named {
            name: credit_name(name),
            owner: owner.unwrap_or_else(|| charge.account.clone()),
        }
    }
}

impl Named {
    /// Whether a credit is called so and is valid on some day of a month, whoever owns it.
    #[must_use]
    pub fn fits(&self, terms: &Terms, month: Month, rules: &Rules) -> bool {
        let (first, last) = (
            terms.first_covered_day(rules),
            terms.last_covered_day(rules),
        );
        terms.name.trim().eq_ignore_ascii_case(&self.name)
            && first <= month.last_day()
            && last.is_none_or(|last| last >= month.first_day())
    }
}

fn parted(description: &str) -> (&str, Option<AccountId>) {
    let parted = description.rsplit_once(FROM_ACCOUNT);
    let owned = parted.and_then(|(name, owner)| Some((name, AccountId::new(owner.trim()).ok()?)));
    owned.map_or((description, None), |(name, owner)| (name, Some(owner)))
}

/// The name of a credit that a description says: printable, bounded, without the owner.
#[must_use]
pub fn credit_name(description: &str) -> String {
    let (name, _) = parted(description);
    let printable = name
        .trim()
        .chars()
        .filter(|symbol| !is_unprintable(*symbol));
    let mut length = 0;
    let bounded: String = printable
        .take_while(|symbol| {
            length += symbol.len_utf8();
            length <= NAME_LIMIT
        })
        .collect();
    match bounded.trim() {
        "" => NAMELESS.to_owned(),
        name => name.to_owned(),
    }
}

/// What the credits on record do not cover of what the provider applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// The credit that is named.
    pub named: Named,
    /// The billing month.
    pub month: Month,
    /// How much is missing, above zero.
    pub amount: Money,
}

impl Shortage {
    /// The terms of a credit that makes good for it: of the month, worth what is missing.
    #[must_use]
    pub fn terms(&self, currency: Currency) -> Terms {
        Terms {
            kind: Kind::told_by(&self.named.name),
            name: self.named.name.clone(),
            currency,
            amount: self.amount,
            used_before: Money::ZERO,
            start_date: self.month.first_day(),
            end_date: Some(self.month.last_day()),
            scope: CreditScope::ALL,
            stage: Stage::AfterDiscounts,
            sharing: Sharing::Default,
            start_rule: None,
            end_rule: None,
            reference: None,
            offer: None,
        }
    }
}

/// A bill as the provider applied credits to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsBilled {
    /// Who pays what; what is missing is left for the card.
    pub statement: Statement,
    /// What is missing, in the order of names.
    pub shortages: Vec<Shortage>,
}

/// How the credit rows of two bills differ in what decides who pays: they may be called otherwise.
#[must_use]
pub fn row_differences(ours: &Bill, theirs: &Bill) -> Vec<Difference> {
    let mut counts: BTreeMap<(Named, Key<'_>, Money), (i64, &Charge)> = BTreeMap::new();
    for (bill, one) in [(ours, 1), (theirs, -1)] {
        for charge in bill.charges() {
            if charge.category == Category::Credit {
                let row = (Named::of(charge), Key::of(charge), charge.amount);
                counts.entry(row).or_insert((0, charge)).0 += one;
            }
        }
    }
    let differ = counts.into_values().filter(|(count, _)| *count != 0);
    differ
        .map(|(count, charge)| Difference {
            charge: charge.clone(),
            ours: count > 0,
        })
        .collect()
}

// ---- 1. Where the provider's rows land --------------------------------------------------------

/// What a row pays of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The place of the charge in the bill.
    pub place: u32,
    /// The credit that is named.
    pub named: Named,
    /// How much, above zero.
    pub amount: Money,
}

/// Where the credit rows of a bill land.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Landing {
    /// What they pay.
    pub pieces: Vec<Piece>,
    /// How many line items of the provider's credits there are.
    pub rows: u64,
    /// How many of them have no charge of their account, service, region and day.
    pub unmatched: u64,
    /// What landed on charges of another account or service.
    pub elsewhere: Money,
    /// What landed nowhere, since it exceeds the charges that it is for.
    pub over_credit: Money,
    /// What was taken back beyond the credits of the bill, so that nothing is left to take it from.
    pub taken_back: Money,
}

/// Where something stands in a bill: account, service, region, day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a>(
    &'a AccountId,
    &'a Service,
    Option<&'a Region>,
    Option<NaiveDate>,
);

/// The first parts of a [`Key`], fewer at each round.
type Near<'a> = (
    Option<&'a AccountId>,
    Option<&'a Service>,
    Option<Option<&'a Region>>,
    Option<Option<NaiveDate>>,
);

/// How many parts of the key have to be the same, round by round.
const ROUNDS: [usize; 5] = [4, 3, 2, 1, 0];

impl<'a> Key<'a> {
    fn of(charge: &'a Charge) -> Key<'a> {
        Key(
            &charge.account,
            &charge.service,
            charge.region.as_ref(),
            charge.start,
        )
    }

    fn near(&self, parts: usize) -> Near<'a> {
        (
            (parts >= 1).then_some(self.0),
            (parts >= 2).then_some(self.1),
            (parts >= 3).then_some(self.2),
            (parts >= 4).then_some(self.3),
        )
    }
}

/// Rows of one key that name one credit, summed.
struct Portion<'a> {
    key: Key<'a>,
    named: Named,
    left: Money,
    rows: u64,
}

/// A charge that something is left of.
struct Open<'a> {
    key: Key<'a>,
    place: usize,
    left: Money,
}

/// Where the credit rows of a bill land, `discounted` being what discounts took off its charges.
#[must_use]
pub fn land(bill: &Bill, discounted: &[Money]) -> Landing {
    let charges = bill.charges();
    let mut landing = Landing::default();
    let mut portions = portions(charges, &mut landing);
    let mut open = open_charges(charges, discounted);
    open.sort_by(|a, b| a.key.cmp(&b.key));
    for portion in &portions {
        landing.rows += portion.rows;
        if open
            .binary_search_by(|open| open.key.cmp(&portion.key))
            .is_err()
        {
            landing.unmatched += portion.rows;
        }
    }
    for parts in ROUNDS {
        open.retain(|open| open.left.is_positive());
        portions.retain(|portion| portion.left.is_positive());
        open.sort_by(|a, b| {
            let (one, other) = (&charges[a.place], &charges[b.place]);
            (a.key.near(parts).cmp(&b.key.near(parts)))
                .then(one.category.cmp(&other.category))
                .then(b.left.cmp(&a.left))
                .then_with(|| one.tie(other))
        });
        portions.sort_by(|a, b| {
            (a.key.near(parts).cmp(&b.key.near(parts)))
                .then_with(|| (&a.key, &a.named).cmp(&(&b.key, &b.named)))
        });
        let mut land = |portions: &mut [Portion<'_>], open: &mut [Open<'_>]| {
            let order = |portion: &Portion<'_>, open: &Open<'_>| {
                portion.key.near(parts).cmp(&open.key.near(parts))
            };
            meet(portions, open, order, |portion, open, amount| {
                landing.pieces.push(Piece {
                    place: open.place as u32,
                    named: portion.named.clone(),
                    amount,
                });
                if parts < 2 {
                    landing.elsewhere += amount;
                }
            });
        };
        if parts >= 2 {
            land(&mut portions, &mut open);
            continue;
        }
        // The last digits of a row are nothing that the provider meant for the tax of another
        // service.
        let is_tax = |open: &Open<'_>| charges[open.place].category == Category::Tax;
        let (mut tax, mut others): (Vec<_>, Vec<_>) = open.into_iter().partition(is_tax);
        land(&mut portions, &mut others);
        let is_residue = |portion: &Portion<'_>| portion.left <= TOLERANCE;
        let (residues, mut rest): (Vec<_>, Vec<_>) = portions.into_iter().partition(is_residue);
        land(&mut rest, &mut tax);
        (open, portions) = (others, rest);
        open.extend(tax);
        portions.extend(residues);
    }
    landing.over_credit = portions.iter().map(|portion| portion.left).sum();
    landing
}

/// Something of which an amount is left.
trait Stake {
    fn left(&mut self) -> &mut Money;
}

impl Stake for Portion<'_> {
    fn left(&mut self) -> &mut Money {
        &mut self.left
    }
}

impl Stake for Open<'_> {
    fn left(&mut self) -> &mut Money {
        &mut self.left
    }
}

/// Sets what is left of one list off against what is left of another, wherever `order` says that
/// they belong together. Both are sorted by that order, so each is gone through once.
fn meet<A: Stake, B: Stake>(
    ones: &mut [A],
    others: &mut [B],
    order: impl Fn(&A, &B) -> Ordering,
    mut met: impl FnMut(&A, &B, Money),
) {
    let mut next = 0;
    for one in ones {
        while let Some(other) = others.get_mut(next).filter(|_| one.left().is_positive()) {
            match order(one, other) {
                Ordering::Less => break,
                Ordering::Greater => next += 1,
                Ordering::Equal => {
                    let amount = (*one.left()).min(*other.left());
                    if amount.is_positive() {
                        *one.left() -= amount;
                        *other.left() -= amount;
                        met(one, other, amount);
                    }
                    if other.left().is_positive() {
                        break;
                    }
                    next += 1;
                }
            }
        }
    }
}

/// The charges that a credit row can land on: all positive ones but corrections of refunds and
/// discounts, which only add to the card charge (D2).
fn open_charges<'a>(charges: &'a [Charge], discounted: &[Money]) -> Vec<Open<'a>> {
    let is_open = |charge: &Charge| {
        use Category::{Credit, Discount, Refund};
        charge.amount.is_positive() && !matches!(charge.category, Credit | Discount | Refund)
    };
    let charges = charges.iter().zip(discounted).enumerate();
    charges
        .filter(|(_, (charge, _))| is_open(charge))
        .map(|(place, (charge, taken))| Open {
            key: Key::of(charge),
            place,
            left: charge.amount - *taken,
        })
        .collect()
}

/// The credit rows summed by key and name. A row that takes a credit back reduces what others of
/// the same name give: those of its key first, then of ever less of it.
fn portions<'a>(charges: &'a [Charge], landing: &mut Landing) -> Vec<Portion<'a>> {
    let mut sums: BTreeMap<(Named, Key<'a>), (Money, u64)> = BTreeMap::new();
    for charge in charges {
        if charge.category == Category::Credit {
            let key = (Named::of(charge), Key::of(charge));
            let (sum, rows) = sums.entry(key).or_default();
            *sum += -charge.amount;
            *rows += charge.count;
        }
    }
    let mut given = Vec::new();
    let mut taken_back = Vec::new();
    for ((named, key), (left, rows)) in sums {
        let (list, left) = match left.is_negative() {
            true => (&mut taken_back, -left),
            false => (&mut given, left),
        };
        list.push(Portion {
            key,
            named,
            left,
            rows,
        });
    }
    landing.rows += taken_back.iter().map(|portion| portion.rows).sum::<u64>();
    for parts in ROUNDS {
        if taken_back.is_empty() {
            break;
        }
        let order = |one: &Portion<'_>, other: &Portion<'_>| {
            let by_key = || one.key.near(parts).cmp(&other.key.near(parts));
            one.named.cmp(&other.named).then_with(by_key)
        };
        let total = |a: &Portion<'_>, b: &Portion<'_>| order(a, b).then(a.key.cmp(&b.key));
        given.sort_by(total);
        taken_back.sort_by(total);
        meet(&mut taken_back, &mut given, order, |_, _, _| ());
        taken_back.retain(|portion| portion.left.is_positive());
    }
    landing.taken_back = taken_back.iter().map(|portion| portion.left).sum();
    given
}

// ---- 2. Who pays for it -----------------------------------------------------------------------

/// What is left of the credits that rows name.
struct Purse<'a> {
    /// Those that were made good for the bill come last, from `made` on.
    credits: &'a [Standing<'a>],
    made: usize,
    /// The places of credits by their comparable names.
    called: BTreeMap<String, Vec<usize>>,
    by_id: BTreeMap<CreditId, usize>,
    matches: &'a Matches,
    left: Vec<Money>,
    month: Month,
    rules: &'a Rules,
    /// The places of the credits that pay for a name, in order, as far as they were asked for.
    payers: BTreeMap<Named, VecDeque<usize>>,
}

impl Purse<'_> {
    /// Pays a piece; returns who paid how much.
    fn pay(&mut self, piece: &Piece) -> Vec<Allocation> {
        if !self.payers.contains_key(&piece.named) {
            let found = self.payers_of(&piece.named);
            self.payers.insert(piece.named.clone(), found);
        }
        let mut missing = piece.amount;
        let mut paid = Vec::new();
        let payers = self.payers.entry(piece.named.clone()).or_default();
        while let Some(at) = payers.front().filter(|_| missing.is_positive()) {
            let amount = self.left[*at].min(missing);
            self.left[*at] -= amount;
            missing -= amount;
            if amount.is_positive() {
                let credit = self.credits[*at].credit.id;
                paid.push(Allocation { credit, amount });
            }
            if self.left[*at].is_zero() {
                payers.pop_front();
            }
        }
        paid
    }

    fn payers_of(&self, named: &Named) -> VecDeque<usize> {
        let matched = self.matches.get(&named.name);
        let is_matched = |standing: &Standing<'_>| Some(&standing.credit.id) == matched;
        let called = self.called.get(&comparable(&named.name));
        let called = called.map_or(&[][..], Vec::as_slice).iter().copied();
        let fit = called.filter(|at| {
            let standing = &self.credits[*at];
            let is_made = *at >= self.made;
            named.fits(&standing.credit.terms, self.month, self.rules)
                && (!is_made || *standing.owner == named.owner)
        });
        let matched = matched.and_then(|credit| self.by_id.get(credit)).copied();
        let mut places: Vec<usize> = fit.chain(matched).collect();
        places.sort_by(|a, b| {
            let far = |at: usize| {
                let standing = &self.credits[at];
                let of_other = *standing.owner != named.owner;
                (at >= self.made, !is_matched(standing), of_other)
            };
            let (one, other) = (&self.credits[*a], &self.credits[*b]);
            far(*a)
                .cmp(&far(*b))
                .then_with(|| burn_order(one.credit, other.credit, self.rules))
        });
        places.dedup();
        places.into()
    }
}

/// A name of a credit without what does not tell it from others: case, and white space around it.
pub(super) fn comparable(name: &str) -> String {
    name.trim().to_ascii_lowercase()
}

/// Books the provider's credit rows of a bill on the credits that they name. `made` are those that
/// were made good for this bill.
///
/// Charges are paid exactly: for each, amount = discounted + allocations + card, and no credit
/// pays more than was left of it. Scope, pause and sharing are not asked: the provider did it.
#[must_use]
pub fn as_billed(
    credits: &[Standing<'_>],
    made: &[Standing<'_>],
    matches: &Matches,
    bill: Bill,
    rules: &Rules,
) -> AsBilled {
    let discounted = discount(bill.charges());
    let landing = land(&bill, &discounted);
    let month = bill.id().month;
    let can_pay = |standing: &&Standing<'_>| {
        standing.credit.terms.currency == bill.id().currency && standing.left.is_positive()
    };
    let credits = credits
        .iter()
        .filter(|standing| !standing.voided)
        .filter(can_pay);
    let mut credits: Vec<Standing<'_>> = credits.cloned().collect();
    let first_made = credits.len();
    credits.extend(made.iter().filter(can_pay).cloned());
    let mut called: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, standing) in credits.iter().enumerate() {
        let name = comparable(&standing.credit.terms.name);
        called.entry(name).or_default().push(at);
    }
    let mut purse = Purse {
        credits: &credits,
        made: first_made,
        called,
        by_id: (0..first_made)
            .map(|at| (credits[at].credit.id, at))
            .collect(),
        matches,
        left: credits.iter().map(|standing| standing.left).collect(),
        month,
        rules,
        payers: BTreeMap::new(),
    };
    let mut paid: BTreeMap<u32, Vec<Allocation>> = BTreeMap::new();
    let mut missing: BTreeMap<Named, Money> = BTreeMap::new();
    for piece in &landing.pieces {
        let mut short = piece.amount;
        let of_charge = paid.entry(piece.place).or_default();
        for allocation in purse.pay(piece) {
            short -= allocation.amount;
            let same = |other: &&mut Allocation| other.credit == allocation.credit;
            match of_charge.iter_mut().find(same) {
                Some(other) => other.amount += allocation.amount,
                None => of_charge.push(allocation),
            }
        }
        if short.is_positive() {
            *missing.entry(piece.named.clone()).or_default() += short;
        }
    }
    let allocations: Vec<(u32, Allocation)> = paid
        .into_iter()
        .flat_map(|(place, paid)| paid.into_iter().map(move |paid| (place, paid)))
        .collect();
    let applied = in_burn_order(&allocations, &credits, rules);
    let shortages = missing.into_iter().map(|(named, amount)| Shortage {
        named,
        month,
        amount,
    });
    AsBilled {
        shortages: shortages.collect(),
        statement: statement(bill, discounted, allocations, applied),
    }
}

fn in_burn_order(
    allocations: &[(u32, Allocation)],
    credits: &[Standing<'_>],
    rules: &Rules,
) -> Vec<Allocation> {
    let mut sums: BTreeMap<CreditId, Money> = BTreeMap::new();
    for (_, allocation) in allocations {
        *sums.entry(allocation.credit).or_default() += allocation.amount;
    }
    let mut paying: Vec<&Standing<'_>> = credits
        .iter()
        .filter(|standing| sums.contains_key(&standing.credit.id))
        .collect();
    paying.sort_by(|a, b| burn_order(a.credit, b.credit, rules));
    paying
        .into_iter()
        .map(|standing| Allocation {
            credit: standing.credit.id,
            amount: sums[&standing.credit.id],
        })
        .collect()
}
