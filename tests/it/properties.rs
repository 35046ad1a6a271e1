//! What holds for every bill and every ledger, tried on random ones.
//!
//! The names and amounts are few, so that ties and collisions are frequent; the days lie on the
//! edges of the month. `PROPTEST_CASES` says how many cases are tried of each property. A failure
//! prints the smallest case found and the seed, which `PROPTEST_RNG_SEED` repeats.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};

use chrono::{DateTime, Days, NaiveDate};
use credits_ledger::ledger::account::{AccountChange, Accounts, Membership};
use credits_ledger::ledger::apply::{Claim, Hindrance, Standing, apply, burn_order};
use credits_ledger::ledger::balance::{CreditStatus, figures, reserved};
use credits_ledger::ledger::bill::{Bill, Charge, Status};
use credits_ledger::ledger::booking::{Applied, Past, reserve};
use credits_ledger::ledger::credit::{Credit, Kind, Sharing, Stage, Terms};
use credits_ledger::ledger::decide::{Desk, Refusal, grant, set_account, void};
use credits_ledger::ledger::entry::{Entry, Event, LedgerId, Lines};
use credits_ledger::ledger::explain::explain;
use credits_ledger::ledger::names::{AccountId, BillId, CreditId, Currency, Region, Service};
use credits_ledger::ledger::rules::{EndRule, Rules, StartRule};
use credits_ledger::ledger::scope::{Category, CreditScope, Scope};
use credits_ledger::ledger::state::{BillState, State};
use credits_ledger::ledger::statement::Statement;
use credits_ledger::money::Money;
use credits_ledger::period::{Month, parse_date};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestError, TestRunner};

use crate::kept::{Kept, apply_bill};
use crate::model;
use crate::model::{Share, Which};

type Outcome = Result<(), TestCaseError>;

/// Tries a property on so many random values, or on `PROPTEST_CASES`.
#[track_caller]
fn holds<T: Debug>(cases: u32, values: impl Strategy<Value = T>, property: impl Fn(T) -> Outcome) {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    config.failure_persistence = None;
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one("a seed"),
    };
    config.rng_seed = RngSeed::Fixed(seed);
    match TestRunner::new(config).run(&values, property) {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => {
            panic!("{why}\nin the case {case:#?}\n(PROPTEST_RNG_SEED={seed} repeats it)")
        }
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

// ---- Random bills, in the words of the model --------------------------------------------------

const ONE: i128 = 1_000_000_000_000_000_000;
const LARGEST: i128 = 1_000_000_000_000_000 * ONE - 1;

const ACCOUNTS: [&str; 4] = ["alice", "payer", "quentin", "zoe"];
const PAYERS: [&str; 3] = ["payer", "other", "zoe"];
const SERVICES: [&str; 3] = ["EC2", "S3", "AmazonRegistrar"];
const REGIONS: [&str; 2] = ["eu", "us"];
const CATEGORIES: [&str; 8] = [
    "usage",
    "recurring_fee",
    "upfront_fee",
    "support",
    "marketplace",
    "third_party_model",
    "tax",
    "other",
];
const MONTHS: [&str; 6] = [
    "2026-01", "2025-02", "2024-02", "2025-04", "2025-12", "2100-02",
];

/// Days on the edges of a month, and far from it. The strategies speak of days in these words,
/// [`on`] makes dates of them when the month is known.
const DAYS_IN: [&str; 6] = ["first", "last", "tenth", "second", "eve", "fifteenth"];
const DAYS_OUT: [&str; 6] = [
    "before",
    "after",
    "month before",
    "month after",
    "years before",
    "years after",
];

fn on(month: Month, word: &str) -> String {
    let (first, last) = (month.first_day(), month.last_day());
    let date = match word {
        "first" => Some(first),
        "second" => first.succ_opt(),
        "tenth" => first.checked_add_days(Days::new(9)),
        "fifteenth" => first.checked_add_days(Days::new(14)),
        "eve" => last.pred_opt(),
        "last" => Some(last),
        "before" => first.pred_opt(),
        "after" => last.succ_opt(),
        "month before" => Some(month.previous().first_day()),
        "month after" => Some(month.next().last_day()),
        "years before" => first.checked_sub_days(Days::new(1000)),
        "years after" => last.checked_add_days(Days::new(1000)),
        other => panic!("`{other}` is no day"),
    };
    date.expect("a day of these centuries").to_string()
}

fn some_day() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(&DAYS_IN[..]), 2 => select(&DAYS_OUT[..])].prop_map(str::to_owned)
}

fn some_amount() -> impl Strategy<Value = i128> {
    prop_oneof![
        12 => select(&[10, 5, 3, 1, 2, 20][..]).prop_map(|whole| whole * ONE),
        1 => Just(0),
        1 => Just(1),
        1 => Just(ONE / 3),
        1 => Just(LARGEST),
    ]
}

fn name_of(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(names).prop_map(str::to_owned)
}

fn some_account() -> impl Strategy<Value = String> {
    prop_oneof![1 => Just("payer".to_owned()), 1 => name_of(&ACCOUNTS)]
}

fn which(names: &'static [&'static str]) -> impl Strategy<Value = Which> {
    let some = move || {
        let some = subsequence(names, 1..=names.len());
        some.prop_map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    prop_oneof![
        9 => Just(Which::All),
        3 => some().prop_map(Which::Only),
        1 => some().prop_map(Which::Except),
    ]
}

fn share() -> impl Strategy<Value = Share> {
    let some = subsequence(&ACCOUNTS[..], 1..=3);
    let custom = some.prop_map(|names| names.into_iter().map(str::to_owned).collect());
    prop_oneof![
        6 => Just(Share::Default),
        1 => Just(Share::Disabled),
        2 => custom.prop_map(Share::Custom),
    ]
}

fn some_credit() -> impl Strategy<Value = model::Credit> {
    let currency = prop_oneof![12 => Just("USD"), 1 => Just("EUR")];
    let kind = prop_oneof![3 => Just("promotional"), 1 => Just("activate")];
    let start = prop_oneof![4 => Just("years before".to_owned()), 3 => some_day()];
    let what = (some_amount(), currency, kind, some_account(), share());
    let when = (
        start,
        option::weighted(0.7, some_day()),
        any::<bool>(),
        any::<bool>(),
    );
    let scope = (which(&SERVICES), which(&REGIONS), which(&CATEGORIES));
    let flags = (
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.05),
    );
    (what, when, scope, flags).prop_map(|(what, when, scope, flags)| model::Credit {
        id: String::new(),
        order: 0,
        kind: what.2.to_owned(),
        currency: what.1.to_owned(),
        left: what.0,
        owner: what.3,
        start: when.0,
        end: when.1,
        services: scope.0,
        regions: scope.1,
        categories: scope.2,
        before_discounts: flags.0,
        start_by_day: when.2,
        end_by_month: when.3,
        share: what.4,
        paused: flags.1,
        voided: flags.2,
    })
}

fn some_charge() -> impl Strategy<Value = model::Charge> {
    let category = prop_oneof![
        10 => Just("usage"),
        3 => Just("discount"),
        2 => Just("adjustment"),
        1 => Just("refund"),
        1 => Just("credit"),
        6 => select(&CATEGORIES[..]),
    ];
    let service = prop_oneof![4 => Just("EC2"), 3 => Just("S3"), 1 => Just("AmazonRegistrar")];
    let id =
        prop_oneof![2 => Just(None), 1 => select(&["1", "10", "2", "B", "a"][..]).prop_map(Some)];
    let start = prop_oneof![10 => select(&DAYS_IN[..]), 1 => select(&DAYS_OUT[..])];
    let what = (some_amount(), 0..20, category, service);
    let rest = (
        some_account(),
        option::of(name_of(&REGIONS)),
        option::of(start),
        option::weighted(0.3, select(&["last", "after"][..])),
        option::weighted(0.2, select(&["some", "words"][..])),
    );
    (what, id, rest).prop_map(|((amount, sign, category, service), id, rest)| {
        let negative_of_20 = match category {
            "discount" | "credit" => 17,
            "refund" | "adjustment" => 13,
            _ => 1,
        };
        let owned = |word: &str| word.to_owned();
        model::Charge {
            id: id.map(owned),
            account: rest.0,
            service: service.to_owned(),
            region: rest.1,
            category: category.to_owned(),
            amount: if sign < negative_of_20 {
                -amount
            } else {
                amount
            },
            start: rest.2.map(owned),
            end: rest.3.map(owned),
            description: rest.4.map(owned),
        }
    })
}

/// Charges of which some are like the one before: in all but the amount, or in all.
fn some_charges() -> impl Strategy<Value = Vec<model::Charge>> {
    vec((some_charge(), 0..10), 1..14).prop_map(|charges| {
        let mut some: Vec<model::Charge> = Vec::new();
        for (mut charge, like_the_last) in charges {
            if let (Some(last), 0..4) = (some.last(), like_the_last) {
                let id = charge.id;
                let amount = match like_the_last {
                    0 => last.amount,
                    _ => charge.amount,
                };
                charge = last.clone();
                charge.amount = amount;
                charge.id = id;
            }
            some.push(charge);
        }
        some
    })
}

/// Credits of which some have the dates and services of the one before.
fn some_credits() -> impl Strategy<Value = Vec<model::Credit>> {
    vec((some_credit(), 0..10), 0..8).prop_map(|credits| {
        let mut some: Vec<model::Credit> = Vec::new();
        for (mut credit, like_the_last) in credits {
            if let (Some(last), 0..5) = (some.last(), like_the_last) {
                credit.end.clone_from(&last.end);
                if like_the_last < 4 {
                    credit.services = last.services.clone();
                }
                if like_the_last < 3 {
                    credit.start.clone_from(&last.start);
                }
            }
            some.push(credit);
        }
        some
    })
}

fn some_membership() -> impl Strategy<Value = model::Membership> {
    let joined = prop_oneof![2 => Just("years before".to_owned()), 3 => some_day()];
    let payer = prop_oneof![3 => Just("payer".to_owned()), 1 => name_of(&PAYERS)];
    let member = (name_of(&ACCOUNTS), payer, joined, option::of(some_day()));
    let payer_joins =
        name_of(&DAYS_IN).prop_map(|joined| ("payer".to_owned(), "other".to_owned(), joined, None));
    prop_oneof![6 => member, 1 => payer_joins].prop_map(|(account, payer, joined, left)| {
        model::Membership {
            account,
            payer,
            joined,
            left,
        }
    })
}

/// A bill and all that is on record when it comes.
#[derive(Clone, Debug)]
struct Case {
    world: model::World,
    bill: model::Bill,
    /// When which account switched sharing on or off, in the order of the journal.
    switches: Vec<(String, String, bool)>,
}

fn some_case() -> impl Strategy<Value = Case> {
    let payer = prop_oneof![4 => Just("payer"), 1 => Just("zoe")];
    let currency = prop_oneof![9 => Just("USD"), 1 => Just("EUR")];
    let switch = (name_of(&ACCOUNTS), some_day(), prop::bool::weighted(0.4));
    (
        (select(&MONTHS[..]), payer, currency),
        some_credits(),
        vec(some_membership(), 0..4),
        vec(switch, 0..3),
        some_charges(),
    )
        .prop_map(
            |((month, payer, currency), credits, members, switches, charges)| {
                let month = Month::parse(month).expect("a month");
                let switches: Vec<_> = switches
                    .into_iter()
                    .map(|(account, date, sharing)| (account, on(month, &date), sharing))
                    .collect();
                Case {
                    world: model::World {
                        credits: numbered(month, credits),
                        memberships: without_overlap(month, members),
                        not_sharing: not_sharing(month, &switches),
                        never_covered_services: vec!["AmazonRegistrar".to_owned()],
                    },
                    bill: model::Bill {
                        payer: payer.to_owned(),
                        month: month.to_string(),
                        currency: currency.to_owned(),
                        charges: dated(month, charges),
                    },
                    switches,
                }
            },
        )
}

/// Two parts of each entry, so that the part of a split decides at times.
fn numbered(month: Month, mut credits: Vec<model::Credit>) -> Vec<model::Credit> {
    for (at, credit) in credits.iter_mut().enumerate() {
        credit.order = 2 + at / 2;
        credit.id = format!("C{}.{}", credit.order, 1 + at % 2);
        credit.start = on(month, &credit.start);
        credit.end = credit.end.as_deref().map(|end| on(month, end));
    }
    credits
}

/// Each id once, no end before its start.
fn dated(month: Month, mut charges: Vec<model::Charge>) -> Vec<model::Charge> {
    let mut ids = BTreeSet::new();
    for charge in &mut charges {
        charge.start = charge.start.as_deref().map(|start| on(month, start));
        charge.end = charge.end.as_deref().map(|end| on(month, end));
        charge.end = charge
            .end
            .take()
            .filter(|end| Some(end) >= charge.start.as_ref());
        charge.id = charge.id.take().filter(|id| ids.insert(id.clone()));
    }
    charges
}

/// A later membership ends the one before, as a change to an account does.
fn without_overlap(month: Month, members: Vec<model::Membership>) -> Vec<model::Membership> {
    let mut kept: BTreeMap<(String, String), model::Membership> = BTreeMap::new();
    for mut member in members {
        member.joined = on(month, &member.joined);
        member.left = member.left.as_deref().map(|left| on(month, left));
        let backwards = member
            .left
            .as_ref()
            .is_some_and(|left| *left < member.joined);
        if member.account != member.payer && !backwards {
            kept.insert((member.account.clone(), member.joined.clone()), member);
        }
    }
    let mut members: Vec<model::Membership> = kept.into_values().collect();
    for at in 1..members.len() {
        let next = members[at].clone();
        let member = &mut members[at - 1];
        let overlaps = member.left.as_ref().is_none_or(|left| *left >= next.joined);
        if member.account == next.account && overlaps {
            let joined = parse_date(&next.joined).expect("a date");
            member.left = joined.pred_opt().map(|eve| eve.to_string());
        }
    }
    members
}

fn not_sharing(month: Month, switches: &[(String, String, bool)]) -> Vec<String> {
    let last = month.last_day().to_string();
    let is_off = |account: &&str| {
        let own = switches
            .iter()
            .filter(|(whose, date, _)| whose == account && *date <= last);
        let latest = own.max_by_key(|(_, date, _)| date);
        latest.is_some_and(|(_, _, sharing)| !sharing)
    };
    let off = ACCOUNTS.into_iter().filter(is_off);
    off.map(str::to_owned).collect()
}

// ---- The same in the types of the library -----------------------------------------------------

fn account(text: &str) -> AccountId {
    AccountId::new(text).expect("an account")
}

fn day(text: &str) -> NaiveDate {
    parse_date(text).expect("a date")
}

fn scope<T: Ord>(which: &Which, name: impl Fn(&str) -> T) -> Scope<T> {
    let set = |names: &[String]| names.iter().map(|text| name(text)).collect();
    match which {
        Which::All => Scope::All,
        Which::Only(names) => Scope::Only(set(names)),
        Which::Except(names) => Scope::Except(set(names)),
    }
}

fn sharing(share: &Share) -> Sharing {
    match share {
        Share::Default => Sharing::Default,
        Share::Disabled => Sharing::Disabled,
        Share::Custom(names) => Sharing::Custom(names.iter().map(|name| account(name)).collect()),
    }
}

fn terms(credit: &model::Credit) -> Terms {
    Terms {
        kind: Kind::parse(&credit.kind).expect("a kind"),
        name: credit.id.clone(),
        currency: Currency::new(&credit.currency).expect("a currency"),
        amount: Money::from_units(credit.left),
        used_before: Money::ZERO,
        start_date: day(&credit.start),
        end_date: credit.end.as_deref().map(day),
        scope: CreditScope {
            services: scope(&credit.services, |name| Service::new(name).expect("a name")),
            regions: scope(&credit.regions, |name| Region::new(name).expect("a name")),
            categories: scope(&credit.categories, |name| {
                Category::parse(name).expect("a category")
            }),
        },
        stage: if credit.before_discounts {
            Stage::BeforeDiscounts
        } else {
            Stage::AfterDiscounts
        },
        sharing: sharing(&credit.share),
        start_rule: credit.start_by_day.then_some(StartRule::Day),
        end_rule: credit.end_by_month.then_some(EndRule::Month),
        reference: None,
        offer: None,
    }
}

fn charge(charge: &model::Charge) -> Charge {
    Charge {
        id: charge.id.as_deref().map(Into::into),
        account: account(&charge.account),
        service: Service::new(&charge.service).expect("a service"),
        region: charge
            .region
            .as_deref()
            .map(|name| Region::new(name).expect("a region")),
        category: Category::parse(&charge.category).expect("a category"),
        amount: Money::from_units(charge.amount),
        start: charge.start.as_deref().map(day),
        end: charge.end.as_deref().map(day),
        description: charge.description.as_deref().map(Into::into),
        count: 1,
    }
}

fn bill(bill: &model::Bill, status: Status) -> Bill {
    let id = BillId {
        month: Month::parse(&bill.month).expect("a month"),
        payer: account(&bill.payer),
        currency: Currency::new(&bill.currency).expect("a currency"),
    };
    let charges = bill.charges.iter().map(charge).collect();
    Bill::new(id, status, None, charges).expect("a bill")
}

/// What a case is for the library.
struct Real {
    /// Issued to somebody else and otherwise shared, which must not matter.
    credits: Vec<Credit>,
    standing: Vec<(AccountId, Sharing, Money, bool, bool)>,
    accounts: Accounts,
    bill: Bill,
    rules: Rules,
}

impl Real {
    fn new(case: &Case) -> Real {
        let mut accounts = Accounts::default();
        for member in &case.world.memberships {
            let on_record = accounts.by_id.entry(account(&member.account)).or_default();
            on_record.memberships.push(Membership {
                payer: account(&member.payer),
                joined: day(&member.joined),
                left: member.left.as_deref().map(day),
            });
        }
        for (whose, date, sharing) in &case.switches {
            let on_record = accounts.by_id.entry(account(whose)).or_default();
            let change = AccountChange {
                sharing: Some(*sharing),
                ..no_change(account(whose))
            };
            on_record.change(&change, day(date)).expect("a switch");
        }
        let credit = |credit: &model::Credit| {
            let mut terms = terms(credit);
            terms.sharing = match terms.sharing {
                Sharing::Default => Sharing::Disabled,
                _ => Sharing::Default,
            };
            let id = CreditId::parse(&credit.id).expect("an id");
            let account = account("issuer");
            Credit { id, account, terms }
        };
        let standing = |credit: &model::Credit| {
            (
                account(&credit.owner),
                sharing(&credit.share),
                Money::from_units(credit.left),
                credit.paused,
                credit.voided,
            )
        };
        Real {
            credits: case.world.credits.iter().map(credit).collect(),
            standing: case.world.credits.iter().map(standing).collect(),
            accounts,
            bill: bill(&case.bill, Status::Final),
            rules: Rules::current(),
        }
    }

    fn standings(&self) -> Vec<Standing<'_>> {
        let both = self.credits.iter().zip(&self.standing);
        both.map(
            |(credit, (owner, sharing, left, paused, voided))| Standing {
                credit,
                owner,
                sharing,
                left: *left,
                paused: *paused,
                voided: *voided,
            },
        )
        .collect()
    }

    fn apply(&self) -> Statement {
        self.apply_only(&self.standings())
    }

    fn apply_only(&self, standings: &[Standing<'_>]) -> Statement {
        apply(standings, &self.accounts, self.bill.clone(), &self.rules)
    }

    /// The first rule that keeps a credit from a charge, what is left of either aside.
    fn hindrance(&self, standing: &Standing<'_>, charge: &Charge) -> Option<Hindrance> {
        let in_bill = self.bill.usage_accounts().contains(standing.owner);
        let id = self.bill.id();
        Claim::new(standing, id, in_bill, &self.accounts, &self.rules).hindrance(charge)
    }
}

fn no_change(account: AccountId) -> AccountChange {
    AccountChange {
        account,
        joins: None,
        leaves: None,
        sharing: None,
        country: None,
        attributes: BTreeSet::new(),
        name: None,
        default: false,
    }
}

/// What was paid of equal charges together: charges that are equal in every field are told apart
/// by their place only, and that must not matter.
#[derive(Debug, Default, PartialEq, Eq)]
struct Paid {
    charges: usize,
    discounted: Money,
    card: Money,
    by: BTreeMap<CreditId, Money>,
    /// In the order of payment, where there is but one charge.
    order: Vec<CreditId>,
}

impl Paid {
    fn add(&mut self, discounted: Money, card: Money, by: impl Iterator<Item = (CreditId, Money)>) {
        self.charges += 1;
        self.discounted += discounted;
        self.card += card;
        self.order.clear();
        for (credit, amount) in by {
            *self.by.entry(credit).or_default() += amount;
            self.order.push(credit);
        }
        if self.charges > 1 {
            self.order.clear();
        }
    }
}

fn paid(statement: &Statement) -> BTreeMap<String, Paid> {
    let mut all: BTreeMap<String, Paid> = BTreeMap::new();
    for line in statement.lines() {
        let paid = all.entry(format!("{:?}", line.charge)).or_default();
        let by = line
            .allocations
            .iter()
            .map(|(_, by)| (by.credit, by.amount));
        paid.add(line.discounted, line.card, by);
    }
    all
}

fn paid_in_the_model(case: &Case) -> BTreeMap<String, Paid> {
    let outcome = model::apply(&case.world, &case.bill);
    let mut all: BTreeMap<String, Paid> = BTreeMap::new();
    for (of, line) in case.bill.charges.iter().zip(&outcome.charges) {
        if of.category == "credit" {
            continue;
        }
        let paid = all.entry(format!("{:?}", charge(of))).or_default();
        let by = line.allocations.iter().map(|(credit, amount)| {
            let credit = CreditId::parse(credit).expect("an id");
            (credit, Money::from_units(*amount))
        });
        let money = Money::from_units;
        paid.add(money(line.discounted), money(line.card), by);
    }
    all
}

/// `items` in an order that the keys say.
fn shuffled<T: Clone>(items: &[T], keys: &[u8]) -> Vec<T> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|at| keys[at % keys.len()]);
    order.into_iter().map(|at| items[at].clone()).collect()
}

fn keys() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 16)
}

// ---- Every bill -------------------------------------------------------------------------------

#[test]
fn bills_are_paid_as_in_the_naive_model() {
    holds(4000, some_case(), |case| {
        let statement = Real::new(&case).apply();
        prop_assert_eq!(paid(&statement), paid_in_the_model(&case));
        let card = model::apply(&case.world, &case.bill).card;
        prop_assert_eq!(statement.totals().card, Money::from_units(card));
        Ok(())
    });
}

#[test]
fn credits_are_kept_out_by_the_rule_that_the_naive_model_names() {
    holds(1500, some_case(), |case| {
        let real = Real::new(&case);
        for (at_charge, charge) in real.bill.charges().iter().enumerate() {
            for (at_credit, standing) in real.standings().iter().enumerate() {
                let rule = real.hindrance(standing, charge).map(Hindrance::as_str);
                let expected = model::why_not(&case.world, &case.bill, at_charge, at_credit);
                prop_assert_eq!(rule, expected, "{:?} and {:?}", charge, standing.credit);
            }
        }
        Ok(())
    });
}

/// Of one charge, each credit's rule as the model has it: its own, or that nothing was left of
/// the credit, before or after its turn, or of the charge.
fn why_in_the_model(
    case: &Case,
    at_charge: usize,
    in_burn_order: &[usize],
) -> Vec<(String, String)> {
    let outcome = model::apply(&case.world, &case.bill);
    let line = &outcome.charges[at_charge];
    let mut left = case.bill.charges[at_charge].amount - line.discounted;
    let mut told = Vec::new();
    for &at_credit in in_burn_order {
        let credit = &case.world.credits[at_credit];
        let own = line.allocations.iter().find(|(id, _)| *id == credit.id);
        let own = own.map_or(0, |(_, amount)| *amount);
        left -= own;
        let rule = match model::why_not(&case.world, &case.bill, at_charge, at_credit) {
            Some(rule) => rule,
            None if credit.left == 0 || left > 0 => "exhausted",
            None if own > 0 => continue,
            None => "nothing_left_to_pay",
        };
        told.push((credit.id.clone(), rule.to_owned()));
    }
    told
}

#[test]
fn explanations_agree_with_the_naive_model() {
    holds(800, some_case(), |case| {
        let real = Real::new(&case);
        let statement = real.apply();
        let mut in_burn_order: Vec<usize> = (0..real.credits.len()).collect();
        in_burn_order.sort_by(|a, b| burn_order(&real.credits[*a], &real.credits[*b], &real.rules));
        let explained = explain(&statement, &real.standings(), &real.accounts, &real.rules);
        let charges = real.bill.charges();
        for explanation in explained {
            let line = explanation.line;
            let equals = charges.iter().filter(|charge| *charge == line.charge);
            if equals.count() > 1 {
                continue;
            }
            let of = |rule: Hindrance| rule.as_str().to_owned();
            let told: Vec<_> = explanation
                .not_paid_by
                .iter()
                .map(|not| (not.credit.to_string(), of(not.rule)))
                .collect();
            prop_assert!(
                explanation
                    .not_paid_by
                    .iter()
                    .all(|not| !not.detail.is_empty())
            );
            prop_assert_eq!(told, why_in_the_model(&case, line.place, &in_burn_order));
            let paid: Vec<_> = line.allocations.iter().map(|(_, paid)| *paid).collect();
            prop_assert_eq!(explanation.paid_by, paid);
        }
        Ok(())
    });
}

#[test]
fn credits_and_card_pay_every_bill_exactly() {
    holds(500, some_case(), |case| {
        let statement = Real::new(&case).apply();
        for line in statement.lines() {
            let amount = line.charge.amount;
            let credits: Money = line.allocations.iter().map(|(_, paid)| paid.amount).sum();
            prop_assert_eq!(amount, line.discounted + credits + line.card);
            prop_assert!(
                line.allocations
                    .iter()
                    .all(|(_, paid)| paid.amount.is_positive())
            );
            let parts = [line.discounted, credits, line.card];
            let wrong = |part: &Money| match amount.is_negative() {
                true => part.is_positive(),
                false => part.is_negative(),
            };
            prop_assert!(!parts.iter().any(wrong), "no part has another sign");
        }
        let totals = statement.totals();
        prop_assert_eq!(totals.charges, totals.credits + totals.card);
        let all: Money = statement
            .bill
            .charges()
            .iter()
            .map(|charge| charge.amount)
            .sum();
        prop_assert_eq!(all, totals.charges + totals.provider_credits);
        Ok(())
    });
}

#[test]
fn discounts_only_move_amounts_between_charges_of_one_account_and_service() {
    holds(500, some_case(), |case| {
        let statement = Real::new(&case).apply();
        let mut sums: BTreeMap<(&str, &str), Money> = BTreeMap::new();
        for (charge, taken) in statement.bill.charges().iter().zip(&statement.discounted) {
            let group = (charge.account.as_str(), charge.service.as_str());
            *sums.entry(group).or_default() += *taken;
            let reduces = matches!(charge.category, Category::Discount | Category::Adjustment);
            let touched = match charge.amount.is_negative() {
                true => reduces,
                false => charge.category != Category::Credit,
            };
            prop_assert!(touched || taken.is_zero());
        }
        prop_assert!(sums.values().all(|sum| sum.is_zero()), "{:?}", sums);
        Ok(())
    });
}

#[test]
fn no_credit_is_overdrawn_and_none_pays_what_it_does_not_cover() {
    holds(500, some_case(), |case| {
        let real = Real::new(&case);
        let statement = real.apply();
        let standings = real.standings();
        let mut sums: BTreeMap<CreditId, Money> = BTreeMap::new();
        for (place, paid) in &statement.allocations {
            *sums.entry(paid.credit).or_default() += paid.amount;
            let standing = standings.iter().find(|one| one.credit.id == paid.credit);
            let standing = standing.expect("a credit of the case");
            let charge = &real.bill.charges()[*place as usize];
            prop_assert_eq!(real.hindrance(standing, charge), None);
            prop_assert_eq!(standing.credit.terms.currency, real.bill.id().currency);
        }
        for standing in &standings {
            let used = sums.get(&standing.credit.id).copied().unwrap_or_default();
            prop_assert!(used <= standing.left, "{} of {}", used, standing.left);
        }
        let applied: BTreeMap<_, _> = statement
            .applied
            .iter()
            .map(|paid| (paid.credit, paid.amount))
            .collect();
        prop_assert_eq!(applied.len(), statement.applied.len());
        prop_assert_eq!(applied, sums);
        Ok(())
    });
}

#[test]
fn the_card_pays_nothing_that_a_credit_with_something_left_covers() {
    holds(500, some_case(), |case| {
        let real = Real::new(&case);
        let statement = real.apply();
        for standing in real.standings() {
            let used = statement
                .applied
                .iter()
                .find(|one| one.credit == standing.credit.id);
            if used.map_or(Money::ZERO, |used| used.amount) == standing.left {
                continue;
            }
            for line in statement.lines().filter(|line| line.card.is_positive()) {
                prop_assert!(real.hindrance(&standing, line.charge).is_some());
            }
        }
        Ok(())
    });
}

#[test]
fn the_order_of_the_input_changes_nothing() {
    holds(
        800,
        (some_case(), keys(), keys()),
        |(case, first, second)| {
            let mut other = case.clone();
            other.bill.charges = shuffled(&case.bill.charges, &first);
            other.world.credits = shuffled(&case.world.credits, &second);
            let (ours, theirs) = (Real::new(&case).apply(), Real::new(&other).apply());
            prop_assert_eq!(paid(&ours), paid(&theirs));
            prop_assert_eq!(ours.applied, theirs.applied);
            Ok(())
        },
    );
}

#[test]
fn amounts_of_another_scale_are_paid_alike() {
    let scale = select(&[2_i128, 3, 7, 100][..]);
    holds(500, (some_case(), scale), |(case, scale)| {
        let mut larger = case.clone();
        let charges = larger.bill.charges.iter_mut().map(|one| &mut one.amount);
        let credits = larger.world.credits.iter_mut().map(|one| &mut one.left);
        charges.chain(credits).for_each(|amount| *amount *= scale);
        let (ours, theirs) = (Real::new(&case).apply(), Real::new(&larger).apply());
        let scaled = |amount: &Money| Money::from_units(amount.units() * scale);
        let all = |amounts: &[Money]| amounts.iter().map(scaled).collect::<Vec<_>>();
        prop_assert_eq!(all(&ours.discounted), theirs.discounted);
        prop_assert_eq!(all(&ours.card), theirs.card);
        prop_assert_eq!(ours.allocations.len(), theirs.allocations.len());
        for ((place, one), (at, other)) in ours.allocations.iter().zip(&theirs.allocations) {
            prop_assert_eq!((place, one.credit), (at, other.credit));
            prop_assert_eq!(scaled(&one.amount), other.amount);
        }
        Ok(())
    });
}

#[test]
fn credits_that_take_no_part_change_nothing() {
    let nothing = select(&["currency", "left", "paused", "voided", "ended", "later"][..]);
    holds(
        500,
        (some_case(), some_credit(), nothing),
        |(case, mut credit, why)| {
            let month = Month::parse(&case.bill.month).expect("a month");
            credit.start = on(month, "years before");
            credit.end = None;
            match why {
                "currency" => credit.currency = "JPY".to_owned(),
                "left" => credit.left = 0,
                "paused" => credit.paused = true,
                "voided" => credit.voided = true,
                "ended" => {
                    credit.start = "1999-12-31".to_owned();
                    credit.end = Some("1999-12-31".to_owned());
                }
                _ => credit.start = "2999-12-31".to_owned(),
            }
            credit.id = "C1".to_owned();
            let mut more = case.clone();
            more.world.credits.insert(0, credit);
            let (ours, theirs) = (Real::new(&case).apply(), Real::new(&more).apply());
            prop_assert_eq!(ours, theirs);
            Ok(())
        },
    );
}

#[test]
fn a_credit_never_changes_what_those_before_it_in_burn_order_pay() {
    holds(500, some_case(), |case| {
        let real = Real::new(&case);
        let all = real.apply();
        let mut standings = real.standings();
        standings.sort_by(|a, b| burn_order(a.credit, b.credit, &real.rules));
        let (mut known, mut before) = (BTreeSet::new(), 0);
        for standing in &standings {
            known.insert(standing.credit.id);
            before += 1;
            let some = real.apply_only(&standings[..before]);
            let of_known: Vec<_> = all
                .allocations
                .iter()
                .filter(|(_, paid)| known.contains(&paid.credit))
                .copied()
                .collect();
            prop_assert_eq!(some.allocations, of_known);
        }
        Ok(())
    });
}

// ---- Every ledger -----------------------------------------------------------------------------

/// A request; its days are said of the month in which it is made.
#[derive(Clone, Debug)]
enum Act {
    Wait(u64),
    Grant {
        credit: Box<model::Credit>,
        used: bool,
    },
    Bill {
        payer: String,
        back: u8,
        status: Status,
        charges: Vec<model::Charge>,
    },
    Void(usize),
    Join {
        account: String,
        payer: String,
        day: String,
    },
    Leave {
        account: String,
        day: String,
    },
    Share {
        account: String,
        on: bool,
    },
}

fn some_act() -> impl Strategy<Value = Act> {
    let status = prop_oneof![3 => Just(Status::Final), 2 => Just(Status::Estimated)];
    let payer = prop_oneof![5 => Just("payer".to_owned()), 1 => Just("zoe".to_owned())];
    prop_oneof![
        3 => (1..40_u64).prop_map(Act::Wait),
        4 => (some_credit(), prop::bool::weighted(0.2))
            .prop_map(|(credit, used)| Act::Grant { credit: Box::new(credit), used }),
        6 => (payer, 0..3_u8, status, some_charges()).prop_map(|(payer, back, status, charges)| {
            Act::Bill { payer, back, status, charges }
        }),
        2 => (0..8_usize).prop_map(Act::Void),
        2 => (name_of(&ACCOUNTS), name_of(&PAYERS), some_day())
            .prop_map(|(account, payer, day)| Act::Join { account, payer, day }),
        2 => (name_of(&ACCOUNTS), some_day()).prop_map(|(account, day)| Act::Leave { account, day }),
        1 => (name_of(&ACCOUNTS), any::<bool>())
            .prop_map(|(account, on)| Act::Share { account, on }),
    ]
}

/// What each entry of a request keeps beside itself.
type AllLines = Vec<Option<Lines>>;

/// A ledger in memory: the journal, what it says, and the charges of its bills.
struct Ledger {
    today: NaiveDate,
    journal: Vec<Entry>,
    state: State,
    kept: Kept,
    rules: Rules,
    counts: BTreeMap<&'static str, u32>,
}

impl Ledger {
    fn new() -> Ledger {
        let mut ledger = Ledger {
            today: day("2024-01-20"),
            journal: Vec::new(),
            state: State::default(),
            kept: Kept::default(),
            rules: Rules::current(),
            counts: BTreeMap::new(),
        };
        let mut desk = ledger.desk();
        let opened = Event::Opened(LedgerId([7; 16]));
        desk.propose(desk.today, opened, None).expect("a ledger");
        ledger.keep(desk);
        ledger
    }

    fn desk(&self) -> Desk {
        Desk::new(self.state.clone(), DateTime::UNIX_EPOCH, self.today)
    }

    fn keep(&mut self, desk: Desk) -> AllLines {
        self.state = desk.state;
        let mut all = Vec::new();
        for proposal in desk.proposals {
            self.kept.keep(&proposal);
            self.journal.push(proposal.entry);
            all.push(proposal.lines);
        }
        all
    }

    fn count(&mut self, what: &'static str, holds: bool) {
        *self.counts.entry(what).or_default() += u32::from(holds);
    }

    /// Makes a request. One that is refused puts nothing on record.
    fn request<T>(
        &mut self,
        what: &'static str,
        decide: impl FnOnce(&mut Desk) -> Result<T, Refusal>,
    ) -> Result<Option<(T, AllLines)>, TestCaseError> {
        let mut desk = self.desk();
        let decided = decide(&mut desk);
        self.count(what, decided.is_ok());
        self.count("refused", decided.is_err());
        match decided {
            Ok(value) => Ok(Some((value, self.keep(desk)))),
            Err(Refusal::Broken(broken)) => Err(TestCaseError::fail(broken.to_string())),
            Err(_) => Ok(None),
        }
    }

    fn act(&mut self, act: &Act) -> Outcome {
        let month = Month::of(self.today);
        match act {
            Act::Wait(days) => {
                let later = self.today.checked_add_days(Days::new(*days));
                self.today = later.expect("a day of this century");
            }
            Act::Grant { credit, used } => {
                let mut credit = credit.clone();
                credit.left = credit.left.max(1);
                credit.start = on(month, &credit.start);
                credit.end = credit.end.as_deref().map(|end| on(month, end));
                let mut terms = terms(&credit);
                if *used {
                    terms.used_before = Money::from_units(terms.amount.units() / 2);
                }
                let owner = account(&credit.owner);
                self.request("granted", |desk| grant(desk, owner, terms))?;
            }
            Act::Bill {
                payer,
                back,
                status,
                charges,
            } => {
                let mut month = month;
                (0..*back).for_each(|_| month = month.previous());
                let model = model::Bill {
                    payer: payer.clone(),
                    month: month.to_string(),
                    currency: "USD".to_owned(),
                    charges: dated(month, charges.clone()),
                };
                self.post(bill(&model, *status))?;
            }
            Act::Void(at) => {
                let id = self.state.credits.keys().nth(*at).copied();
                if let Some(id) = id {
                    let rules = self.rules.clone();
                    let left = self.state.credits[&id].left;
                    let reason = "a reason".to_owned();
                    let voided = self.request("voided", |desk| void(desk, id, reason, &rules))?;
                    prop_assert!(voided.is_none_or(|(amount, _)| amount == left));
                }
            }
            Act::Join {
                account: whose,
                payer,
                day: word,
            } => {
                let change = AccountChange {
                    joins: Some((account(payer), day(&on(month, word)))),
                    ..no_change(account(whose))
                };
                self.request("joined", |desk| set_account(desk, change))?;
            }
            Act::Leave {
                account: whose,
                day: word,
            } => {
                let change = AccountChange {
                    leaves: Some(day(&on(month, word))),
                    ..no_change(account(whose))
                };
                self.request("left", |desk| set_account(desk, change))?;
            }
            Act::Share { account: whose, on } => {
                let change = AccountChange {
                    sharing: Some(*on),
                    ..no_change(account(whose))
                };
                self.request("switched", |desk| set_account(desk, change))?;
            }
        }
        Ok(())
    }

    /// Posts a bill, and then the same bill again.
    fn post(&mut self, bill: Bill) -> Outcome {
        let (id, status) = (bill.id().clone(), bill.status());
        let before = self.state.clone();
        let replaces = self.state.bills.get(&id).map(|bill| bill.status);
        let what = match (status, replaces) {
            (Status::Estimated, None) => "estimated",
            (Status::Estimated, _) => "estimated again",
            (Status::Final, Some(Status::Estimated)) => "booked after an estimate",
            (Status::Final, _) => "booked",
        };
        let (kept, rules) = (self.kept.clone(), self.rules.clone());
        let decided = self.request(what, |desk| apply_bill(desk, &kept, bill.clone(), &rules))?;
        let Some((Applied::Recorded(entry), lines)) = decided else {
            prop_assert_eq!(&before, &self.state);
            return Ok(());
        };
        let effective = self.journal.last().map(|entry| entry.effective);
        prop_assert_eq!(effective, Some(self.today.min(id.month.last_day())));
        match &lines[..] {
            [Some(Lines::Bill(kept))] => {
                prop_assert_eq!(status, Status::Estimated);
                prop_assert_eq!(kept, &bill);
                prop_assert_eq!(
                    &before.credits,
                    &self.state.credits,
                    "an estimate uses nothing"
                );
            }
            [Some(Lines::Statement(kept))] => {
                prop_assert_eq!(status, Status::Final);
                prop_assert_eq!(&kept.bill, &bill);
                let totals = self.state.bills[&id].totals;
                prop_assert_eq!(totals, kept.totals());
                prop_assert_eq!(totals.charges, totals.credits + totals.card);
                self.count("paid by credits", totals.credits.is_positive());
            }
            other => prop_assert!(false, "{:?}", other),
        }
        self.post_again(&bill, status, entry)?;
        if status == Status::Final {
            self.post_again(&bill, Status::Estimated, entry)?;
        }
        Ok(())
    }

    /// The same bill again, in any order, is the one on record.
    fn post_again(&mut self, bill: &Bill, status: Status, entry: u64) -> Outcome {
        let (state, rules) = (self.state.clone(), self.rules.clone());
        let keys: Vec<u8> = (0..16).map(|at| (at * 37 + entry * 11) as u8).collect();
        for charges in [bill.charges().to_vec(), shuffled(bill.charges(), &keys)] {
            let again = Bill::new(bill.id().clone(), status, None, charges).expect("a bill");
            let kept = self.kept.clone();
            let decided = self.request("again", |desk| apply_bill(desk, &kept, again, &rules))?;
            let Some((applied, lines)) = decided else {
                return Err(TestCaseError::fail("the same bill again is refused"));
            };
            prop_assert_eq!(applied, Applied::Already(entry));
            prop_assert!(lines.is_empty());
            prop_assert_eq!(&self.state, &state);
        }
        Ok(())
    }

    /// What the journal says was taken of a credit until a day, without asking the state.
    fn taken(&self, credit: CreditId, until: NaiveDate) -> (Money, Money) {
        let (mut used, mut voided) = (Money::ZERO, Money::ZERO);
        for entry in self.journal.iter().filter(|entry| entry.effective <= until) {
            match &entry.event {
                Event::BillBooked(booking) => {
                    let own = booking.applied.iter().filter(|paid| paid.credit == credit);
                    used += own.map(|paid| paid.amount).sum();
                }
                Event::CreditVoided {
                    credit: of, amount, ..
                } if *of == credit => {
                    voided += *amount;
                }
                _ => {}
            }
        }
        (used, voided)
    }

    fn estimates(&self) -> Vec<Bill> {
        let open = self.state.estimates(NaiveDate::MAX);
        let bill = |bill: &BillState| self.kept.lines(bill).expect("its charges").into_bill();
        open.map(|(_, open)| bill(open)).collect()
    }

    /// Every credit on a day: initial = used + voided + expired + remaining, none below zero.
    fn adds_up_on(&mut self, date: NaiveDate) -> Outcome {
        let reserved = reserved(&reserve(&self.state, self.estimates(), &self.rules));
        let (mut expired, mut upcoming) = (false, false);
        for (id, record) in &self.state.credits {
            let terms = &record.credit.terms;
            let reserved = reserved.get(id).copied().unwrap_or_default();
            prop_assert!(!reserved.is_negative() && reserved <= record.left);
            let told = figures(record, date, reserved, &self.rules);
            let (booked, voided) = self.taken(*id, date);
            prop_assert_eq!(told.used, terms.used_before + booked);
            prop_assert_eq!(told.voided, voided);
            prop_assert_eq!(
                terms.amount,
                told.used + told.voided + told.expired + told.remaining
            );
            let last = match terms.end_rule {
                Some(EndRule::Month) => terms.end_date.map(|end| Month::of(end).last_day()),
                _ => terms.end_date,
            };
            let ended = last.is_some_and(|last| last < date);
            let lapsed = if ended { told.remaining } else { told.expired };
            prop_assert!(lapsed.is_zero());
            let parts = [
                told.used,
                told.voided,
                told.expired,
                told.remaining,
                told.estimated,
            ];
            prop_assert!(parts.iter().all(|part| !part.is_negative()), "{:?}", told);
            prop_assert!(told.estimated <= told.remaining);
            prop_assert!(ended || told.estimated == (told.remaining - reserved).max(Money::ZERO));
            let status = if !voided.is_zero() {
                CreditStatus::Voided
            } else if date < terms.start_date {
                CreditStatus::Upcoming
            } else if told.used == terms.amount {
                CreditStatus::Exhausted
            } else if ended {
                CreditStatus::Expired
            } else {
                CreditStatus::Active
            };
            prop_assert_eq!(told.status, status);
            expired |= told.expired.is_positive();
            upcoming |= status == CreditStatus::Upcoming;
        }
        self.count("a day with something expired", expired);
        self.count("a day with something upcoming", upcoming);
        Ok(())
    }

    /// Nothing is left over or missing at the head.
    fn adds_up_at_the_head(&self) -> Outcome {
        let mut issued = BTreeMap::new();
        for (id, record) in &self.state.credits {
            let terms = &record.credit.terms;
            *issued.entry(terms.currency).or_insert(Money::ZERO) += terms.amount;
            let (used, voided) = self.taken(*id, NaiveDate::MAX);
            prop_assert_eq!(
                record.left,
                terms.amount - terms.used_before - used - voided
            );
            prop_assert_eq!(record.is_voided(), voided.is_positive());
        }
        prop_assert_eq!(&issued, &self.state.issued);
        Ok(())
    }

    fn replays(&self) -> Outcome {
        let mut again = State::default();
        for entry in &self.journal {
            let posted = again.post(entry);
            prop_assert!(posted.is_ok(), "{:?}", posted);
        }
        prop_assert_eq!(&again, &self.state);
        Ok(())
    }

    /// The first open bill, made final as it is, comes to what was estimated of it.
    fn estimates_as_it_bills(&mut self) -> Outcome {
        let estimates = self.estimates();
        let Some(first) = estimates.first().cloned() else {
            return Ok(());
        };
        let statements = reserve(&self.state, estimates, &self.rules);
        let charges = first.charges().to_vec();
        let bill = Bill::new(first.id().clone(), Status::Final, None, charges).expect("a bill");
        let mut desk = self.desk();
        if apply_bill(&mut desk, &self.kept, bill, &self.rules).is_ok() {
            let id = first.id();
            prop_assert_eq!(desk.state.bills[id].totals, statements[0].totals());
            let Some(Lines::Statement(booked)) = &desk.proposals[0].lines else {
                return Err(TestCaseError::fail("a final bill has a statement"));
            };
            prop_assert_eq!(&booked.allocations, &statements[0].allocations);
            self.count("an estimate made final as it is", true);
        }
        Ok(())
    }
}

fn run(acts: &[Act]) -> Result<Ledger, TestCaseError> {
    let mut ledger = Ledger::new();
    for act in acts {
        let remaining = |ledger: &Ledger| -> Vec<Money> {
            let of = |record| figures(record, ledger.today, Money::ZERO, &ledger.rules).remaining;
            ledger.state.credits.values().map(of).collect()
        };
        let before = remaining(&ledger);
        ledger.act(act)?;
        if let Act::Bill {
            status: Status::Estimated,
            ..
        } = act
        {
            prop_assert_eq!(before, remaining(&ledger));
        }
        ledger.adds_up_at_the_head()?;
        let today = ledger.today;
        ledger.adds_up_on(today)?;
        ledger.estimates_as_it_bills()?;
    }
    Ok(ledger)
}

/// A ledger has a few credits when its first bill comes.
fn some_acts() -> impl Strategy<Value = Vec<Act>> {
    let granted = |credit| Act::Grant {
        credit: Box::new(credit),
        used: false,
    };
    let granted = some_credits().prop_map(move |credits| credits.into_iter().map(granted));
    (granted, vec(some_act(), 1..24)).prop_map(|(granted, acts)| granted.chain(acts).collect())
}

#[test]
fn credits_add_up_on_every_day_whatever_happens() {
    holds(300, some_acts(), |acts| {
        let mut ledger = run(&acts)?;
        let until = ledger.today.checked_add_days(Days::new(90)).expect("a day");
        let days = day("2023-12-01")
            .iter_days()
            .take_while(|date| *date <= until);
        days.step_by(3).try_for_each(|date| ledger.adds_up_on(date))
    });
}

#[test]
fn a_journal_read_from_scratch_says_the_same() {
    holds(300, some_acts(), |acts| run(&acts)?.replays());
}

// ---- What the generators reach ----------------------------------------------------------------

/// How often something was seen; what was looked for in vain stands there with 0.
#[derive(Default)]
struct Seen(BTreeMap<String, u32>);

impl Seen {
    fn see(&mut self, what: &str, holds: bool) {
        *self.0.entry(what.to_owned()).or_default() += u32::from(holds);
    }

    #[track_caller]
    fn all_at_least(&self, least: u32) {
        let rare: Vec<_> = self.0.iter().filter(|(_, count)| **count < least).collect();
        assert!(
            rare.is_empty(),
            "hardly ever reached: {rare:?}, of {:#?}",
            self.0
        );
    }
}

fn see_rules(seen: &mut Seen, real: &Real, statement: &Statement) {
    use Hindrance::{
        Account, Category, Currency, Ended, Exhausted, NotStarted, NothingLeftToPay, Paused,
        Region, Service, Sharing, Voided,
    };
    let rules = [
        Account,
        Category,
        Currency,
        Ended,
        Exhausted,
        NotStarted,
        NothingLeftToPay,
        Paused,
        Region,
        Service,
        Sharing,
        Voided,
    ];
    let explained = explain(statement, &real.standings(), &real.accounts, &real.rules);
    let all = || {
        explained
            .iter()
            .flat_map(|one| one.not_paid_by.iter().map(move |not| (one, not)))
    };
    for rule in rules {
        seen.see(
            &format!("rule {rule}"),
            all().any(|(_, not)| not.rule == rule),
        );
    }
    let in_part = all().any(|(one, not)| one.paid_by.iter().any(|paid| paid.credit == not.credit));
    seen.see("a credit that paid a part", in_part);
}

fn see_charges(seen: &mut Seen, statement: &Statement) {
    use Category::{Adjustment, Discount, Refund, Tax};
    for line in statement.lines() {
        let (charge, card, discounted) = (line.charge, line.card, line.discounted);
        let (is, plus) = (charge.category, charge.amount.is_positive());
        let (by_credits, by_card) = (!line.allocations.is_empty(), card.is_positive());
        let mut see = |what, holds| seen.see(what, holds);
        see("a charge of nothing", charge.amount.is_zero());
        see(
            "discounted in part",
            plus && discounted.is_positive() && by_card,
        );
        see("discounted in full", plus && discounted == charge.amount);
        see("tax discounted", is == Tax && discounted.is_positive());
        see(
            "a discount too large",
            discounted.is_negative() && card.is_negative(),
        );
        see("a positive discount", is == Discount && plus);
        see("a positive refund", is == Refund && plus);
        see("a positive adjustment paid", is == Adjustment && by_credits);
        see("tax paid", is == Tax && by_credits);
        see("paid by three credits", line.allocations.len() >= 3);
        see("paid by credits and card", by_credits && by_card);
        let never_covered = charge.service.as_str() == "AmazonRegistrar";
        see("a never-covered service paid", never_covered && by_credits);
        let leap_day = charge.start == Some(day("2024-02-29"));
        see("a leap day paid", leap_day && by_credits);
    }
    let totals = statement.totals();
    seen.see("a refund due", totals.card.is_negative());
    seen.see("nothing for the card", totals.card.is_zero());
    seen.see("the provider's credits", !totals.provider_credits.is_zero());
    let charges = statement.bill.charges();
    for (a, b) in charges.iter().zip(charges.iter().skip(1)) {
        let place =
            |charge: &Charge| (charge.account.clone(), charge.service.clone(), charge.start);
        let tie = a.amount == b.amount && a.amount.is_positive() && place(a) == place(b);
        seen.see("two charges of one amount", tie);
        seen.see("two equal charges", a == b);
    }
}

/// What is special in a credit's paying a charge.
fn see_payments(seen: &mut Seen, case: &Case, real: &Real, statement: &Statement) {
    let month = real.bill.id().month;
    let unknown = |id: &AccountId| {
        let on_record = real.accounts.get(id);
        on_record.is_none_or(|account| account.memberships.is_empty())
    };
    let member = |id: &AccountId, date| {
        let on_record = real.accounts.get(id);
        on_record.is_some_and(|account| account.membership_on(date).is_some())
    };
    let (first, last) = (month.first_day(), month.last_day());
    for (place, paid) in &statement.allocations {
        let charge = &real.bill.charges()[*place as usize];
        let at = real.credits.iter().position(|one| one.id == paid.credit);
        let at = at.expect("a credit of the case");
        let (terms, owner, of) = (
            &real.credits[at].terms,
            &real.standing[at].0,
            &case.world.credits[at],
        );
        let owns = charge.account == *owner;
        let mut see = |what, holds| seen.see(what, holds);
        see("another account's charge", !owns);
        see(
            "a named account's charge",
            !owns && matches!(of.share, Share::Custom(_)),
        );
        see(
            "the owner of a credit not shared",
            owns && matches!(of.share, Share::Disabled),
        );
        let off = case.world.not_sharing.contains(&of.owner);
        see("an owner that stopped sharing", owns && off);
        let joined = !member(owner, first) && member(owner, last);
        see("a standalone owner that joined", joined);
        see(
            "an owner that left",
            member(owner, first) && !member(owner, last),
        );
        see(
            "an implicit member's credit",
            *owner != real.bill.id().payer && unknown(owner),
        );
        let joined = !unknown(&charge.account) && !member(&charge.account, first);
        see("an account that joined consumes", !owns && joined);
        let (start, end) = (charge.start, terms.end_date);
        see("an undated charge", start.is_none());
        let ended = end.is_some_and(|end| end < last) && !of.end_by_month;
        see(
            "an undated charge by a credit that ended",
            start.is_none() && ended,
        );
        see(
            "usage before the start date",
            start.is_some_and(|start| start < terms.start_date),
        );
        see(
            "usage on the start date",
            of.start_by_day && start == Some(terms.start_date),
        );
        see(
            "usage on the end date",
            start.is_some() && start == end && !of.end_by_month,
        );
        let after = start.zip(end).is_some_and(|(start, end)| end < start);
        see("usage after the end date", after);
        see("a region named", matches!(of.regions, Which::Only(_)));
        let all_but = matches!(of.regions, Which::Except(_)) && charge.region.is_none();
        see("no region, by a credit for all but some", all_but);
        let model = charge.category == Category::ThirdPartyModel;
        see(
            "a model by default",
            model && matches!(of.categories, Which::All),
        );
        see("the smallest amount", paid.amount.units() == 1);
        see("10^14 and more", paid.amount.units() > LARGEST / 10);
    }
}

/// By which key of the burn order each credit that pays comes before the next.
fn see_order(seen: &mut Seen, real: &Real, statement: &Statement) {
    let of = |id| {
        real.credits
            .iter()
            .find(|one| one.id == id)
            .expect("a credit")
    };
    for pair in statement.applied.windows(2) {
        let (a, b) = (of(pair[0].credit), of(pair[1].credit));
        let services = |credit: &Credit| credit.terms.scope.services.only().map(BTreeSet::len);
        let keys = [
            ("stage decides", a.terms.stage != b.terms.stage),
            ("the end date decides", a.terms.end_date != b.terms.end_date),
            ("the services decide", services(a) != services(b)),
            (
                "the start date decides",
                a.terms.start_date != b.terms.start_date,
            ),
            ("the entry decides", a.id.entry != b.id.entry),
            ("the part decides", true),
        ];
        let decides = keys.iter().position(|(_, differ)| *differ);
        for (at, (what, _)) in keys.iter().enumerate() {
            seen.see(what, Some(at) == decides);
        }
        let none = a.terms.end_date.is_some() && b.terms.end_date.is_none();
        seen.see("an end date before none", none);
    }
}

#[test]
fn random_bills_reach_every_rule() {
    let mut runner = TestRunner::deterministic();
    let mut seen = Seen::default();
    for _ in 0..2000 {
        let case = some_case().new_tree(&mut runner).expect("a case").current();
        let real = Real::new(&case);
        let statement = real.apply();
        see_rules(&mut seen, &real, &statement);
        see_charges(&mut seen, &statement);
        see_payments(&mut seen, &case, &real, &statement);
        see_order(&mut seen, &real, &statement);
    }
    seen.all_at_least(5);
}

#[test]
fn random_ledgers_reach_every_kind_of_entry() {
    let mut runner = TestRunner::deterministic();
    let mut seen = Seen::default();
    for _ in 0..90 {
        let acts = some_acts().new_tree(&mut runner).expect("a case").current();
        for (what, count) in run(&acts).expect("a ledger").counts {
            *seen.0.entry(what.to_owned()).or_default() += count;
        }
    }
    seen.all_at_least(5);
}
