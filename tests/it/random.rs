//! Random bills and what is on record when they come, in the words of the naive model.
//!
//! The names and amounts are few, so that ties and collisions are frequent; the days lie on the
//! edges of the month. `PROPTEST_CASES` says how many cases are tried of each property. A failure
//! prints the smallest case found and the seed, which `PROPTEST_RNG_SEED` repeats.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};

use chrono::Days;
use credits_ledger::period::{Month, parse_date};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{RngSeed, TestError, TestRunner};

use crate::model;
use crate::model::{Share, Which};

pub(crate) type Outcome = Result<(), TestCaseError>;

/// Tries a property on so many random values, or on `PROPTEST_CASES`.
#[track_caller]
pub(crate) fn holds<T: Debug>(
    cases: u32,
    values: impl Strategy<Value = T>,
    property: impl Fn(T) -> Outcome,
) {
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

pub(crate) const ONE: i128 = 1_000_000_000_000_000_000;
pub(crate) const LARGEST: i128 = 1_000_000_000_000_000 * ONE - 1;

pub(crate) const ACCOUNTS: [&str; 4] = ["alice", "payer", "quentin", "zoe"];
pub(crate) const PAYERS: [&str; 3] = ["payer", "other", "zoe"];
pub(crate) const SERVICES: [&str; 3] = ["AmazonEC2", "AmazonS3", "AmazonRegistrar"];
pub(crate) const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "global"];
/// How credits name regions: by name and by pattern.
const REGIONS_NAMED: [&str; 5] = ["eu-west-1", "us-east-1", "eu-*", "*-*-*", "*ob*"];
pub(crate) const CATEGORIES: [&str; 8] = [
    "usage",
    "recurring_fee",
    "upfront_fee",
    "support",
    "marketplace",
    "third_party_model",
    "tax",
    "other",
];
pub(crate) const MONTHS: [&str; 6] = [
    "2026-01", "2025-02", "2024-02", "2025-04", "2025-12", "2100-02",
];

/// Days on the edges of a month, and far from it. The strategies speak of days in these words,
/// [`on`] makes dates of them when the month is known.
pub(crate) const DAYS_IN: [&str; 6] = ["first", "last", "tenth", "second", "eve", "fifteenth"];
pub(crate) const DAYS_OUT: [&str; 6] = [
    "before",
    "after",
    "month before",
    "month after",
    "years before",
    "years after",
];

pub(crate) fn on(month: Month, word: &str) -> String {
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

pub(crate) fn some_day() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(&DAYS_IN[..]), 2 => select(&DAYS_OUT[..])].prop_map(str::to_owned)
}

pub(crate) fn some_amount() -> impl Strategy<Value = i128> {
    prop_oneof![
        12 => select(&[10, 5, 3, 1, 2, 20][..]).prop_map(|whole| whole * ONE),
        1 => Just(0),
        1 => Just(1),
        1 => Just(ONE / 3),
        1 => Just(LARGEST),
    ]
}

pub(crate) fn name_of(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(names).prop_map(str::to_owned)
}

pub(crate) fn some_account() -> impl Strategy<Value = String> {
    prop_oneof![1 => Just("payer".to_owned()), 1 => name_of(&ACCOUNTS)]
}

pub(crate) fn which(names: &'static [&'static str]) -> impl Strategy<Value = Which> {
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

pub(crate) fn share() -> impl Strategy<Value = Share> {
    let some = subsequence(&ACCOUNTS[..], 1..=3);
    let custom = some.prop_map(|names| names.into_iter().map(str::to_owned).collect());
    prop_oneof![
        6 => Just(Share::Default),
        1 => Just(Share::Disabled),
        2 => custom.prop_map(Share::Custom),
    ]
}

pub(crate) fn some_credit() -> impl Strategy<Value = model::Credit> {
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
    let scope = (which(&SERVICES), which(&REGIONS_NAMED), which(&CATEGORIES));
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

pub(crate) fn some_charge() -> impl Strategy<Value = model::Charge> {
    let category = prop_oneof![
        10 => Just("usage"),
        3 => Just("discount"),
        2 => Just("adjustment"),
        1 => Just("refund"),
        1 => Just("credit"),
        6 => select(&CATEGORIES[..]),
    ];
    let service =
        prop_oneof![4 => Just("AmazonEC2"), 3 => Just("AmazonS3"), 1 => Just("AmazonRegistrar")];
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
pub(crate) fn some_charges(fewer_than: usize) -> impl Strategy<Value = Vec<model::Charge>> {
    vec((some_charge(), 0..10), 1..fewer_than).prop_map(|charges| {
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
pub(crate) fn some_credits() -> impl Strategy<Value = Vec<model::Credit>> {
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

pub(crate) fn some_membership() -> impl Strategy<Value = model::Membership> {
    let joined = prop_oneof![2 => Just("years before".to_owned()), 3 => some_day()];
    let payer = prop_oneof![3 => Just("payer".to_owned()), 1 => name_of(&PAYERS)];
    let member = (name_of(&ACCOUNTS), payer, joined, option::of(some_day()));
    let payer_joins =
        name_of(&DAYS_IN).prop_map(|joined| ("payer".to_owned(), "other".to_owned(), joined, None));
    let of_zoe = select(&["alice", "quentin"][..]).prop_map(|account| {
        let long_ago = "years before".to_owned();
        (account.to_owned(), "zoe".to_owned(), long_ago, None)
    });
    let zoe_joins = (
        name_of(&PAYERS),
        some_day(),
        option::weighted(0.3, some_day()),
    )
        .prop_map(|(payer, joined, left)| ("zoe".to_owned(), payer, joined, left));
    let any = prop_oneof![6 => member, 1 => payer_joins, 2 => of_zoe, 2 => zoe_joins];
    any.prop_map(|(account, payer, joined, left)| model::Membership {
        account,
        payer,
        joined,
        left,
    })
}

/// A bill and all that is on record when it comes.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) world: model::World,
    pub(crate) bill: model::Bill,
    /// When which account switched sharing on or off, in the order of the journal.
    pub(crate) switches: Vec<(String, String, bool)>,
}

pub(crate) fn some_case() -> impl Strategy<Value = Case> {
    let payer = prop_oneof![4 => Just("payer"), 1 => Just("zoe")];
    let currency = prop_oneof![9 => Just("USD"), 1 => Just("EUR")];
    let switch = (name_of(&ACCOUNTS), some_day(), prop::bool::weighted(0.4));
    (
        (select(&MONTHS[..]), payer, currency),
        some_credits(),
        vec(some_membership(), 0..5),
        vec(switch, 0..3),
        some_charges(14),
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
pub(crate) fn numbered(month: Month, mut credits: Vec<model::Credit>) -> Vec<model::Credit> {
    for (at, credit) in credits.iter_mut().enumerate() {
        credit.order = 2 + at / 2;
        credit.id = format!("C{}.{}", credit.order, 1 + at % 2);
        credit.start = on(month, &credit.start);
        credit.end = credit.end.as_deref().map(|end| on(month, end));
    }
    credits
}

/// Each id once, no end before its start.
pub(crate) fn dated(month: Month, mut charges: Vec<model::Charge>) -> Vec<model::Charge> {
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
pub(crate) fn without_overlap(
    month: Month,
    members: Vec<model::Membership>,
) -> Vec<model::Membership> {
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
    without_circles(members)
}

fn without_circles(mut members: Vec<model::Membership>) -> Vec<model::Membership> {
    while let Some(at) = members
        .iter()
        .position(|one| model::goes_round(&members, &one.account))
    {
        members.remove(at);
    }
    members
}

pub(crate) fn not_sharing(month: Month, switches: &[(String, String, bool)]) -> Vec<String> {
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

/// `items` in an order that the keys say.
pub(crate) fn shuffled<T: Clone>(items: &[T], keys: &[u8]) -> Vec<T> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|at| keys[at % keys.len()]);
    order.into_iter().map(|at| items[at].clone()).collect()
}

pub(crate) fn keys() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 16)
}

/// How often something was seen; what was looked for in vain stands there with 0.
#[derive(Default)]
pub(crate) struct Seen(pub(crate) BTreeMap<String, u32>);

impl Seen {
    pub(crate) fn see(&mut self, what: &str, holds: bool) {
        *self.0.entry(what.to_owned()).or_default() += u32::from(holds);
    }

    #[track_caller]
    pub(crate) fn all_at_least(&self, least: u32) {
        let rare: Vec<_> = self.0.iter().filter(|(_, count)| **count < least).collect();
        assert!(
            rare.is_empty(),
            "hardly ever reached: {rare:?}, of {:#?}",
            self.0
        );
    }
}
