//! The rule of application: which credit pays which charge of a bill.
//!
//! A pure function of credits, accounts, a bill and [`Rules`]; the same on every machine. Read it
//! from top to bottom:
//!
//! 1. [`Claim::hindrances`]: what keeps a credit from a charge (rules A1 to A5, D2).
//! 2. [`burn_order`]: the order in which credits are used up (B1 to B4).
//! 3. `discount`: what price reductions take off before any credit is used (D3).
//! 4. `Field`: where a credit lands (C1 to C4), and why that is near-linear.
//! 5. [`apply`]: the four together.
//!
//! Sources: the AWS Billing User Guide, page "AWS credits" (read 2026-11), the AWS Activate FAQ, and
//! bills as they were observed. A rule marked *house* is settled by no source.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fmt;
use std::ops::{Range, RangeInclusive};

use chrono::NaiveDate;

use crate::money::Money;

use super::account::Accounts;
use super::bill::{Bill, Charge};
use super::credit::{Credit, Kind, Sharing};
use super::names::{AccountId, BillId, CreditId, Region, RegionPattern, Service};
use super::organisation::Home;
use super::rules::{BurnKey, Rules};
use super::scope::{Category, Scope};
use super::statement::{Allocation, Statement};

/// A credit as it stands when a bill is applied: what is left of it at the journal's head, and
/// its attributes on the last day of the billing month (rule A1).
#[derive(Debug, Clone)]
pub struct Standing<'a> {
    /// The credit.
    pub credit: &'a Credit,
    /// Whose it is.
    pub owner: &'a AccountId,
    /// Who may use it.
    pub sharing: &'a Sharing,
    /// What is left of it, zero or more.
    pub left: Money,
    /// Taking no part for now.
    pub paused: bool,
    /// Ended early.
    pub voided: bool,
}

/// The first rule that keeps a credit from a charge, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hindrance {
    /// The credit is in another currency (D1).
    Currency,
    /// The charge's usage lies before the credit's first covered day (A2).
    NotStarted,
    /// It lies after the last (A3).
    Ended,
    /// The credit is voided (A1).
    Voided,
    /// The credit is paused on the last day of the month (A1).
    Paused,
    /// The credit does not pay charges of this category (A4, D2).
    Category,
    /// It does not pay for this service (A4, D2).
    Service,
    /// It does not pay in this region (A4).
    Region,
    /// It is not in the pool of this payer, or the account may not consume from it (A5).
    Account,
    /// It is not shared with this account (A5).
    Sharing,
    /// Nothing was left of it (A1).
    Exhausted,
    /// Nothing was left of the charge when the credit's turn came.
    NothingLeftToPay,
    /// The bill is booked as billed, and the provider did not use the credit for the charge.
    AsBilled,
}

impl Hindrance {
    /// Its name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Hindrance::Currency => "currency",
            Hindrance::NotStarted => "not_started",
            Hindrance::Ended => "ended",
            Hindrance::Voided => "voided",
            Hindrance::Paused => "paused",
            Hindrance::Category => "category",
            Hindrance::Service => "service",
            Hindrance::Region => "region",
            Hindrance::Account => "account",
            Hindrance::Sharing => "sharing",
            Hindrance::Exhausted => "exhausted",
            Hindrance::NothingLeftToPay => "nothing_left_to_pay",
            Hindrance::AsBilled => "as_billed",
        }
    }
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// ---- 1. What keeps a credit from a charge -----------------------------------------------------

/// What a rule says of a claim on a charge.
type Rule = fn(&Claim<'_>, &Charge) -> Option<Hindrance>;

/// The rules that may keep a credit from a charge, in the order of [`Hindrance`].
const RULES: [Rule; 8] = [
    |claim, _| claim.currency_hindrance(),
    |claim, charge| claim.day_hindrance(charge.start),
    |claim, _| keeps(Hindrance::Voided, !claim.standing.voided),
    |claim, _| keeps(Hindrance::Paused, !claim.standing.paused),
    |claim, charge| keeps(Hindrance::Category, claim.covers_category(paid_as(charge))),
    |claim, charge| keeps(Hindrance::Service, claim.covers_service(&charge.service)),
    |claim, charge| {
        keeps(
            Hindrance::Region,
            claim.covers_region(charge.region.as_ref()),
        )
    },
    |claim, charge| {
        let at_home = || keeps(Hindrance::Account, claim.is_at_home_on(charge.start));
        claim.account_hindrance(&charge.account).or_else(at_home)
    },
];

fn keeps(hindrance: Hindrance, holds: bool) -> Option<Hindrance> {
    (!holds).then_some(hindrance)
}

/// What a credit may claim of one bill.
#[derive(Debug)]
pub struct Claim<'a> {
    /// The credit as it stands.
    pub standing: &'a Standing<'a>,
    pub(super) bill: &'a BillId,
    pub(super) accounts: &'a Accounts,
    pub(super) rules: &'a Rules,
    pub(super) home: Home,
    /// What its scope says of regions that is no name of one, so that names are looked up only.
    patterns: Vec<&'a RegionPattern>,
}

impl<'a> Claim<'a> {
    /// The claim of a credit on a bill. `owner_in_bill`: the owner is a usage account of it.
    #[must_use]
    pub fn new(
        standing: &'a Standing<'a>,
        bill: &'a BillId,
        owner_in_bill: bool,
        accounts: &'a Accounts,
        rules: &'a Rules,
    ) -> Claim<'a> {
        let implicit_payer = owner_in_bill.then_some(&bill.payer);
        let regions = standing.credit.terms.scope.regions.named().into_iter();
        Claim {
            standing,
            bill,
            accounts,
            rules,
            home: accounts.home(standing.owner, bill.month, implicit_payer),
            patterns: regions.flatten().filter(|name| name.is_pattern()).collect(),
        }
    }

    /// The first rule that keeps the credit from a charge, what is left of either aside.
    #[must_use]
    pub fn hindrance(&self, charge: &Charge) -> Option<Hindrance> {
        self.hindrances(charge).next()
    }

    /// Every rule that keeps the credit from a charge, in their order, what is left of either
    /// aside. None is asked before its turn; with whom a credit is shared only within its pool.
    pub fn hindrances(&self, charge: &Charge) -> impl Iterator<Item = Hindrance> {
        let rules = RULES.into_iter();
        rules.filter_map(move |rule| rule(self, charge))
    }

    fn currency_hindrance(&self) -> Option<Hindrance> {
        let terms = &self.standing.credit.terms;
        keeps(Hindrance::Currency, terms.currency == self.bill.currency)
    }

    /// A2, A3: a charge with a usage date is covered if its usage starts on a covered day; one
    /// without spans the month, and is covered if any day of it is.
    fn day_hindrance(&self, start: Option<NaiveDate>) -> Option<Hindrance> {
        let (first, last) = self.covered_days();
        let (opens, closes) = match start {
            Some(start) => (start, start),
            None => (self.bill.month.first_day(), self.bill.month.last_day()),
        };
        if closes < first {
            Some(Hindrance::NotStarted)
        } else if last.is_some_and(|last| last < opens) {
            Some(Hindrance::Ended)
        } else {
            None
        }
    }

    fn covered_days(&self) -> (NaiveDate, Option<NaiveDate>) {
        let terms = &self.standing.credit.terms;
        (
            terms.first_covered_day(self.rules),
            terms.last_covered_day(self.rules),
        )
    }

    /// A4, D2: what a credit names replaces the defaults, what it excludes adds to them. Nothing
    /// ever pays what is no [`payable`] category.
    fn covers_category(&self, category: Category) -> bool {
        let terms = &self.standing.credit.terms;
        let activate = terms.kind == Kind::Activate;
        let by_default = |category: &Category| {
            !self.rules.uncovered_categories.contains(category)
                || (activate && *category == Category::ThirdPartyModel)
        };
        payable(category) && terms.scope.categories.covers(&category, by_default)
    }

    fn covers_service(&self, service: &Service) -> bool {
        let by_default = |service: &Service| !self.rules.uncovered_services.contains(service);
        self.standing
            .credit
            .terms
            .scope
            .services
            .covers(service, by_default)
    }

    /// A4: a region is in a scope that names it, or has a pattern that matches it; `global` is one
    /// like others. A charge without a region is in none: only *all* and *all but* cover it.
    fn covers_region(&self, region: Option<&Region>) -> bool {
        let is_in = |named: &BTreeSet<RegionPattern>| {
            region.map(Region::as_str).is_some_and(|region| {
                named.contains(region)
                    || self.patterns.iter().any(|pattern| pattern.matches(region))
            })
        };
        match &self.standing.credit.terms.scope.regions {
            Scope::All => true,
            Scope::Only(named) => is_in(named),
            Scope::Except(named) => !is_in(named),
        }
    }

    /// A5: the owner always; another account of the payer if sharing allows it.
    fn account_hindrance(&self, account: &AccountId) -> Option<Hindrance> {
        let owns = account == self.standing.owner;
        let in_pool = match &self.home {
            Home::Payer(payer) => *payer == self.bill.payer,
            Home::OwnUntil(_) => *self.standing.owner == self.bill.payer && owns,
        };
        if !in_pool {
            return Some(Hindrance::Account);
        }
        if owns {
            return None;
        }
        if !self
            .accounts
            .belongs(account, &self.bill.payer, self.bill.month)
        {
            return Some(Hindrance::Account);
        }
        let last_day = self.bill.month.last_day();
        let shared = self.accounts.shares_on(self.standing.owner, last_day)
            && self.accounts.shares_on(account, last_day)
            && self.standing.sharing.allows(account);
        (!shared).then_some(Hindrance::Sharing)
    }

    /// A5: the credits of an account that joins a payer during the month pay its own usage of the
    /// days before, and charges without dates, which are taken to be of these days.
    fn is_at_home_on(&self, start: Option<NaiveDate>) -> bool {
        match (&self.home, start) {
            (Home::OwnUntil(joined), Some(start)) => start < *joined,
            _ => true,
        }
    }

    /// Whether the credit is in the pool of the bill (A5).
    fn is_in_pool(&self) -> bool {
        self.account_hindrance(self.standing.owner).is_none()
    }

    /// The usage days whose charges it may pay.
    fn window(&self) -> Window {
        let (first, mut last) = self.covered_days();
        if let Home::OwnUntil(joined) = &self.home {
            let before = joined.pred_opt().unwrap_or(*joined);
            last = Some(last.map_or(before, |last| last.min(before)));
        }
        Window {
            first,
            last: last.unwrap_or(NaiveDate::MAX),
            undated: self.day_hindrance(None).is_none(),
        }
    }
}

/// The category by which a charge is covered: a positive adjustment is covered like usage (D2).
pub(super) fn paid_as(charge: &Charge) -> Category {
    match charge.category {
        Category::Adjustment if charge.amount.is_positive() => Category::Usage,
        category => category,
    }
}

/// D2: these are never paid by credits, whatever a credit says.
pub(super) fn payable(category: Category) -> bool {
    use Category::{Adjustment, Credit, Discount, Refund};
    !matches!(category, Adjustment | Credit | Discount | Refund)
}

// ---- 2. The burn order ------------------------------------------------------------------------

/// Which of two credits is used up first: B1 stage, B2 soonest end date, B3 fewest applicable
/// services, B4 oldest start date; then oldest entry and identifier, so that no two are equal.
#[must_use]
pub fn burn_order(a: &Credit, b: &Credit, rules: &Rules) -> Ordering {
    let services = |credit: &Credit| {
        credit
            .terms
            .scope
            .services
            .only()
            .map_or(usize::MAX, |named| named.len())
    };
    let by_key = |key: &BurnKey| match key {
        BurnKey::Stage => a.terms.stage.cmp(&b.terms.stage),
        BurnKey::EndDate => {
            let end = |credit: &Credit| credit.terms.end_date.unwrap_or(NaiveDate::MAX);
            end(a).cmp(&end(b))
        }
        BurnKey::FewestServices => services(a).cmp(&services(b)),
        BurnKey::StartDate => a.terms.start_date.cmp(&b.terms.start_date),
    };
    let keys = rules.burn_order.iter().map(by_key);
    keys.fold(Ordering::Equal, Ordering::then)
        .then(a.id.cmp(&b.id))
}

// ---- 3. Discounts -----------------------------------------------------------------------------

/// D3: negative discounts and adjustments, summed per account and service, reduce the positive
/// charges of the same account and service, largest first, before anything is ranked. What is
/// left of them stays with the smallest and reduces the card charge.
///
/// Returns what was taken off each charge; of a discount what it took off others, negative.
pub(super) fn discount(charges: &[Charge]) -> Vec<Money> {
    let mut taken = vec![Money::ZERO; charges.len()];
    let mut groups: BTreeMap<(&AccountId, &Service), Group> = BTreeMap::new();
    for (at, charge) in charges.iter().enumerate() {
        if reduces_others(charge) {
            groups
                .entry((&charge.account, &charge.service))
                .or_default()
                .0
                .push(at);
        }
    }
    if groups.is_empty() {
        return taken;
    }
    for (at, charge) in charges.iter().enumerate() {
        if charge.amount.is_positive()
            && charge.category != Category::Credit
            && let Some((_, reduced)) = groups.get_mut(&(&charge.account, &charge.service))
        {
            reduced.push(at);
        }
    }
    let largest_first = |a: &usize, b: &usize| {
        let (a, b) = (&charges[*a], &charges[*b]);
        b.amount.abs().cmp(&a.amount.abs()).then_with(|| a.tie(b))
    };
    for (mut discounts, mut reduced) in groups.into_values() {
        discounts.sort_by(largest_first);
        reduced.sort_by(largest_first);
        let available: Money = discounts.iter().map(|at| charges[*at].amount.abs()).sum();
        let used = hand_out(available, &reduced, charges, &mut taken);
        hand_out(used, &discounts, charges, &mut taken);
    }
    taken
}

/// Places of discounts, and of the charges that they reduce.
type Group = (Vec<usize>, Vec<usize>);

fn reduces_others(charge: &Charge) -> bool {
    charge.amount.is_negative()
        && matches!(charge.category, Category::Discount | Category::Adjustment)
}

/// Hands `available` out to the charges in order, each at most its amount, with its sign; returns
/// how much was handed out.
fn hand_out(available: Money, order: &[usize], charges: &[Charge], taken: &mut [Money]) -> Money {
    let mut left = available;
    for at in order {
        let amount = charges[*at].amount;
        let part = left.min(amount.abs());
        taken[*at] = if amount.is_negative() { -part } else { part };
        left -= part;
    }
    available - left
}

// ---- 4. Where a credit lands ------------------------------------------------------------------

/// The usage days whose charges a credit may pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    first: NaiveDate,
    last: NaiveDate,
    undated: bool,
}

impl Window {
    /// As far as usage of these days can tell it from others, so that equal ones are seen to be.
    fn clipped(self, days: &RangeInclusive<NaiveDate>) -> Window {
        let opens = self.first <= *days.start();
        let closes = self.last >= *days.end();
        Window {
            first: if opens { NaiveDate::MIN } else { self.first },
            last: if closes { NaiveDate::MAX } else { self.last },
            undated: self.undated,
        }
    }

    fn includes(&self, start: Option<NaiveDate>) -> bool {
        match start {
            Some(start) => self.first <= start && start <= self.last,
            None => self.undated,
        }
    }
}

/// A charge that something is left of.
#[derive(Debug, Clone, Copy)]
struct Open {
    place: u32,
    left: Money,
}

/// Charges of one account, service, region, category and usage day, largest first. `open` shrinks
/// from its front: a covered charge is never looked at again.
#[derive(Debug)]
struct Run {
    start: Option<NaiveDate>,
    open: Range<usize>,
    left: Money,
}

/// Runs of one account, service, region and category.
#[derive(Debug)]
struct Leaf {
    region: usize,
    category: Category,
    runs: Range<usize>,
    /// What is left of its runs in the window.
    eligible: Money,
}

/// Leaves of one account and service.
#[derive(Debug)]
struct Node {
    service: usize,
    leaves: Range<usize>,
}

/// What is left of a bill to be paid by credits, arranged so that each credit finds where it lands
/// without looking at single charges.
///
/// The charges are sorted once, by account, service, region, category and usage day, then largest
/// first. A credit's turn sums what it may pay over the *leaves* (account × service × region ×
/// category), the owner's first and the others' only if something remains, and then walks to the
/// largest account, service and charge. A charge that is covered is passed for good; the one that
/// a credit covers in part, at most one a turn, moves to its new place in its run. So the cost is
/// `n log n` for n charges, plus a pass over the leaves a credit, plus a pass over the runs each
/// time the window of covered days changes, which under the burn order, sorted by end date, is at
/// most once a day of the month and stage.
struct Field<'a> {
    charges: &'a [Charge],
    accounts: Vec<&'a AccountId>,
    services: Vec<&'a Service>,
    regions: Vec<Option<&'a Region>>,
    open: Vec<Open>,
    runs: Vec<Run>,
    leaves: Vec<Leaf>,
    nodes: Vec<Node>,
    /// The nodes of each account.
    spans: Vec<Range<usize>>,
    window: Window,
    allocations: Vec<(u32, Allocation)>,
}

/// Distinct names in byte order, so that comparing places compares names.
fn ranked<T: Ord + Copy>(names: impl Iterator<Item = T>) -> (Vec<T>, BTreeMap<T, usize>) {
    let mut places: BTreeMap<T, usize> = BTreeMap::new();
    for name in names {
        places.entry(name).or_insert(0);
    }
    for (place, slot) in places.values_mut().enumerate() {
        *slot = place;
    }
    (places.keys().copied().collect(), places)
}

impl<'a> Field<'a> {
    /// `taken`: what discounts took off each charge.
    fn new(charges: &'a [Charge], taken: &[Money]) -> Field<'a> {
        let (accounts, account_places) = ranked(charges.iter().map(|charge| &charge.account));
        let (services, service_places) = ranked(charges.iter().map(|charge| &charge.service));
        let (regions, region_places) = ranked(charges.iter().map(|charge| charge.region.as_ref()));
        let mut sorted: Vec<(Place, Open)> = Vec::with_capacity(charges.len());
        for (at, charge) in charges.iter().enumerate() {
            let left = charge.amount - taken[at];
            let category = paid_as(charge);
            if left.is_positive() && payable(category) {
                let place = Place {
                    account: account_places[&charge.account],
                    service: service_places[&charge.service],
                    region: region_places[&charge.region.as_ref()],
                    category,
                    start: charge.start,
                };
                sorted.push((
                    place,
                    Open {
                        place: at as u32,
                        left,
                    },
                ));
            }
        }
        sorted
            .sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| largest_first(charges, x, y)));
        let mut field = Field {
            charges,
            accounts,
            services,
            regions,
            open: sorted.iter().map(|(_, open)| *open).collect(),
            runs: Vec::new(),
            leaves: Vec::new(),
            nodes: Vec::new(),
            spans: Vec::new(),
            window: Window {
                first: NaiveDate::MIN,
                last: NaiveDate::MAX,
                undated: true,
            },
            allocations: Vec::new(),
        };
        field.arrange(&sorted);
        field
    }

    fn arrange(&mut self, sorted: &[(Place, Open)]) {
        self.spans = vec![0..0; self.accounts.len()];
        let mut last: Option<&Place> = None;
        for (at, (place, open)) in sorted.iter().enumerate() {
            let same = |depth: usize| last.is_some_and(|last| last.shares(place, depth));
            if !same(1) {
                self.spans[place.account] = self.nodes.len()..self.nodes.len();
            }
            if !same(2) {
                self.nodes.push(Node {
                    service: place.service,
                    leaves: self.leaves.len()..self.leaves.len(),
                });
                self.spans[place.account].end += 1;
            }
            if !same(4) {
                let runs = self.runs.len()..self.runs.len();
                self.leaves.push(Leaf {
                    region: place.region,
                    category: place.category,
                    runs,
                    eligible: Money::ZERO,
                });
                if let Some(node) = self.nodes.last_mut() {
                    node.leaves.end += 1;
                }
            }
            if !same(5) {
                self.runs.push(Run {
                    start: place.start,
                    open: at..at,
                    left: Money::ZERO,
                });
                if let Some(leaf) = self.leaves.last_mut() {
                    leaf.runs.end += 1;
                }
            }
            if let (Some(run), Some(leaf)) = (self.runs.last_mut(), self.leaves.last_mut()) {
                run.open.end += 1;
                run.left += open.left;
                leaf.eligible += open.left;
            }
            last = Some(place);
        }
    }

    /// Makes every leaf say what is left of it in `window`.
    fn turn_to(&mut self, window: Window) {
        if window == self.window {
            return;
        }
        self.window = window;
        for leaf in &mut self.leaves {
            let runs = &self.runs[leaf.runs.clone()];
            leaf.eligible = runs
                .iter()
                .filter(|run| window.includes(run.start))
                .map(|run| run.left)
                .sum();
        }
    }

    /// C1 to C4: the credit pays charges of its owner first, then of the account with the highest
    /// eligible amount; in an account the service with the highest, in a service the largest
    /// charge; until nothing is left of it or of what it covers. Returns what it paid.
    fn land(&mut self, claim: &Claim<'_>) -> Money {
        let credit = claim.standing.credit.id;
        let mut left = claim.standing.left;
        let mask = Mask::new(self, claim);
        let owner = self.accounts.binary_search(&claim.standing.owner).ok();
        if let Some(owner) = owner {
            self.pay_account(owner, &mask, credit, &mut left);
        }
        if left.is_zero() {
            return claim.standing.left;
        }
        let mut others: Vec<(Reverse<Money>, usize)> = (0..self.accounts.len())
            .filter(|account| Some(*account) != owner && mask.accounts[*account])
            .map(|account| {
                (
                    Reverse(self.eligible_in(self.spans[account].clone(), &mask)),
                    account,
                )
            })
            .filter(|(eligible, _)| eligible.0.is_positive())
            .collect();
        others.sort_unstable();
        for (_, account) in others {
            if left.is_zero() {
                break;
            }
            self.pay_account(account, &mask, credit, &mut left);
        }
        claim.standing.left - left
    }

    fn eligible_in(&self, nodes: Range<usize>, mask: &Mask) -> Money {
        self.nodes[nodes]
            .iter()
            .map(|node| self.eligible_of(node, mask))
            .sum()
    }

    fn eligible_of(&self, node: &Node, mask: &Mask) -> Money {
        if !mask.services[node.service] {
            return Money::ZERO;
        }
        let leaves = self.leaves[node.leaves.clone()].iter();
        leaves
            .filter(|leaf| mask.covers(leaf))
            .map(|leaf| leaf.eligible)
            .sum()
    }

    fn pay_account(&mut self, account: usize, mask: &Mask, credit: CreditId, left: &mut Money) {
        let mut nodes: Vec<(Reverse<Money>, usize)> = self.spans[account]
            .clone()
            .map(|node| (Reverse(self.eligible_of(&self.nodes[node], mask)), node))
            .filter(|(eligible, _)| eligible.0.is_positive())
            .collect();
        // Nodes of an account lie in the order of their service, which decides between equals.
        nodes.sort_unstable();
        for (_, node) in nodes {
            if left.is_zero() {
                return;
            }
            self.pay_node(node, mask, credit, left);
        }
    }

    fn pay_node(&mut self, node: usize, mask: &Mask, credit: CreditId, left: &mut Money) {
        let mut tops = BinaryHeap::new();
        for leaf in self.nodes[node].leaves.clone() {
            if mask.covers(&self.leaves[leaf]) && self.leaves[leaf].eligible.is_positive() {
                for run in self.leaves[leaf].runs.clone() {
                    if self.window.includes(self.runs[run].start) {
                        tops.extend(self.top(leaf, run));
                    }
                }
            }
        }
        while !left.is_zero() {
            let Some(top) = tops.pop() else { return };
            let (leaf, run) = (top.leaf, top.run);
            self.pay(leaf, run, credit, left);
            tops.extend(self.top(leaf, run));
        }
    }

    /// The largest charge of a run.
    fn top(&self, leaf: usize, run: usize) -> Option<Top<'a>> {
        let open = self.open.get(self.runs[run].open.clone())?.first()?;
        Some(Top {
            left: open.left,
            charge: &self.charges[open.place as usize],
            leaf,
            run,
        })
    }

    /// Pays the largest charge of a run as far as `left` goes.
    fn pay(&mut self, leaf: usize, run: usize, credit: CreditId, left: &mut Money) {
        let charges = self.charges;
        let run = &mut self.runs[run];
        let rest = &mut self.open[run.open.clone()];
        let amount = rest[0].left.min(*left);
        rest[0].left -= amount;
        self.allocations
            .push((rest[0].place, Allocation { credit, amount }));
        *left -= amount;
        run.left -= amount;
        self.leaves[leaf].eligible -= amount;
        if rest[0].left.is_zero() {
            run.open.start += 1;
        } else {
            let (first, others) = (rest[0], &rest[1..]);
            let place = others
                .partition_point(|open| largest_first(charges, open, &first) == Ordering::Less);
            rest[..=place].rotate_left(1);
        }
    }
}

/// Where a charge stands in a [`Field`], by rank of its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    account: usize,
    service: usize,
    region: usize,
    category: Category,
    start: Option<NaiveDate>,
}

impl Place {
    /// Whether the first `depth` fields are the same.
    fn shares(&self, other: &Place, depth: usize) -> bool {
        (depth < 1 || self.account == other.account)
            && (depth < 2 || self.service == other.service)
            && (depth < 3 || self.region == other.region)
            && (depth < 4 || self.category == other.category)
            && (depth < 5 || self.start == other.start)
    }
}

fn largest_first(charges: &[Charge], a: &Open, b: &Open) -> Ordering {
    let charge = |open: &Open| &charges[open.place as usize];
    b.left.cmp(&a.left).then_with(|| charge(a).tie(charge(b)))
}

/// The largest charge left of a run; the greatest of these is paid first.
struct Top<'a> {
    left: Money,
    charge: &'a Charge,
    leaf: usize,
    run: usize,
}

impl Ord for Top<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_amount = self.left.cmp(&other.left);
        by_amount
            .then_with(|| other.charge.tie(self.charge))
            .then(other.run.cmp(&self.run))
    }
}

impl PartialOrd for Top<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Top<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Top<'_> {}

/// A claim, asked once for every name of a bill.
struct Mask {
    accounts: Vec<bool>,
    services: Vec<bool>,
    regions: Vec<bool>,
    categories: [bool; Category::ALL.len()],
}

impl Mask {
    fn new(field: &Field<'_>, claim: &Claim<'_>) -> Mask {
        Mask {
            accounts: field
                .accounts
                .iter()
                .map(|account| claim.account_hindrance(account).is_none())
                .collect(),
            services: field
                .services
                .iter()
                .map(|service| claim.covers_service(service))
                .collect(),
            regions: field
                .regions
                .iter()
                .map(|region| claim.covers_region(*region))
                .collect(),
            categories: Category::ALL.map(|category| claim.covers_category(category)),
        }
    }

    fn covers(&self, leaf: &Leaf) -> bool {
        self.regions[leaf.region] && self.categories[leaf.category as usize]
    }
}

// ---- 5. The rule ------------------------------------------------------------------------------

/// Applies credits to a bill.
///
/// Charges are paid exactly: for each, amount = discounted + allocations + card, and no credit
/// pays more than was left of it, nor anything it does not cover.
#[must_use]
pub fn apply(
    credits: &[Standing<'_>],
    accounts: &Accounts,
    bill: Bill,
    rules: &Rules,
) -> Statement {
    let discounted = discount(bill.charges());
    let (allocations, applied) = {
        let reach = Reach::of(&bill);
        let left = credits.iter().filter(|credit| credit.left.is_positive());
        let mut claims: Vec<Claim<'_>> = left
            .filter_map(|credit| reach.claim(credit, accounts, rules))
            .collect();
        claims.sort_unstable_by(|a, b| burn_order(a.standing.credit, b.standing.credit, rules));
        allocate(&claims, bill.charges(), &discounted, &reach.days)
    };
    statement(bill, discounted, allocations, applied)
}

/// The statement that discounts and allocations make of a bill: the card pays the rest.
pub(super) fn statement(
    bill: Bill,
    discounted: Vec<Money>,
    allocations: Vec<(u32, Allocation)>,
    applied: Vec<Allocation>,
) -> Statement {
    let mut card: Vec<Money> = bill
        .charges()
        .iter()
        .zip(&discounted)
        .map(|(charge, taken)| match charge.category {
            Category::Credit => Money::ZERO,
            _ => charge.amount - *taken,
        })
        .collect();
    for (place, allocation) in &allocations {
        card[*place as usize] -= allocation.amount;
    }
    Statement {
        bill,
        discounted,
        card,
        allocations,
        applied,
    }
}

/// A bill as far as it says which credits may take part in it.
pub(super) struct Reach<'a> {
    bill: &'a BillId,
    usage_accounts: BTreeSet<&'a AccountId>,
    days: RangeInclusive<NaiveDate>,
}

impl<'a> Reach<'a> {
    pub(super) fn of(bill: &'a Bill) -> Reach<'a> {
        Reach {
            bill: bill.id(),
            usage_accounts: bill.usage_accounts(),
            days: usage_days(bill),
        }
    }

    /// The claim of a credit that may pay something of the bill, scope and what is left aside
    /// (A1 to A3, A5). The cheap half of the question, asked of every credit on record, is first.
    pub(super) fn claim<'b>(
        &'b self,
        standing: &'b Standing<'b>,
        accounts: &'b Accounts,
        rules: &'b Rules,
    ) -> Option<Claim<'b>> {
        let terms = &standing.credit.terms;
        let last_day = terms.last_covered_day(rules);
        let usable = !standing.paused
            && !standing.voided
            && terms.currency == self.bill.currency
            && terms.first_covered_day(rules) <= *self.days.end()
            && last_day.is_none_or(|last| last >= *self.days.start());
        if !usable {
            return None;
        }
        let owner_in_bill = self.usage_accounts.contains(standing.owner);
        let claim = Claim::new(standing, self.bill, owner_in_bill, accounts, rules);
        claim.is_in_pool().then_some(claim)
    }
}

/// The days in which the usage of a bill lies; a charge without dates spans the month (A3).
pub(super) fn usage_days(bill: &Bill) -> RangeInclusive<NaiveDate> {
    let month = bill.id().month;
    let charges = bill.charges().iter();
    let spans = charges.map(|charge| match charge.start {
        Some(start) => (start, start),
        None => (month.first_day(), month.last_day()),
    });
    let widened = |(from, to): (NaiveDate, NaiveDate), (opens, closes): (NaiveDate, NaiveDate)| {
        (from.min(opens), to.max(closes))
    };
    let (from, to) = spans.fold((NaiveDate::MAX, NaiveDate::MIN), widened);
    from..=to
}

/// Who pays which charge, sorted by charge, each charge's payments in order; and what each credit
/// pays in all, in burn order.
fn allocate(
    claims: &[Claim<'_>],
    charges: &[Charge],
    discounted: &[Money],
    days: &RangeInclusive<NaiveDate>,
) -> (Vec<(u32, Allocation)>, Vec<Allocation>) {
    if claims.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut field = Field::new(charges, discounted);
    let mut applied = Vec::new();
    for claim in claims {
        field.turn_to(claim.window().clipped(days));
        let amount = field.land(claim);
        if amount.is_positive() {
            applied.push(Allocation {
                credit: claim.standing.credit.id,
                amount,
            });
        }
    }
    let mut allocations = field.allocations;
    allocations.sort_by_key(|(place, _)| *place);
    (allocations, applied)
}
