//! Why the card pays, on random bills: to the last digit, and by the credit that came nearest.

use std::collections::BTreeMap;

use credits_ledger::ledger::apply::{Hindrance, Standing, burn_order};
use credits_ledger::ledger::bill::Charge;
use credits_ledger::ledger::explain::Claims;
use credits_ledger::ledger::statement::Statement;
use credits_ledger::ledger::why_card::WhyCard;
use credits_ledger::money::Money;
use proptest::prelude::*;

use crate::properties::Real;
use crate::random::{holds, some_case};

fn told(real: &Real, statement: &Statement) -> WhyCard {
    let standings = real.standings();
    let claims = Claims::of(statement, &standings, &real.accounts, &real.rules);
    let mut why = WhyCard::default();
    why.add(statement, &claims);
    why
}

/// All that kept a credit from a charge before the bill; of one that nothing kept out, that the
/// bill itself used it up.
fn names_of_rules(real: &Real, standing: &Standing<'_>, charge: &Charge) -> Vec<&'static str> {
    let rules = real.hindrances(standing, charge);
    let mut names: Vec<&str> = rules.into_iter().map(Hindrance::as_str).collect();
    let used_up = standing.left.is_zero() && !standing.voided;
    if used_up || names.is_empty() {
        names.push("exhausted");
    }
    names
}

/// The reason of a charge, from the lists of all rules of all credits.
fn reason(real: &Real, charge: &Charge) -> &'static str {
    let order = [
        "exhausted",
        "ended",
        "not_started",
        "paused",
        "voided",
        "sharing",
        "account",
        "region",
        "service",
        "category",
        "currency",
    ];
    if ["refund", "discount"].contains(&charge.category.as_str()) {
        return "never";
    }
    let standings = real.standings();
    let lists: Vec<Vec<&str>> = standings
        .iter()
        .map(|standing| names_of_rules(real, standing, charge))
        .collect();
    let fewest = lists.iter().map(Vec::len).min();
    let nearest = lists.iter().filter(|list| Some(list.len()) == fewest);
    let of = nearest.map(|list| {
        let mut lasting = list.iter().rev().filter(|name| order[5..].contains(name));
        *lasting.next().unwrap_or(&list[list.len() - 1])
    });
    let place = |name: &&str| order.iter().position(|one| one == name);
    of.min_by_key(place).unwrap_or("no_credit")
}

#[test]
fn every_cent_on_the_card_has_the_reason_of_the_nearest_credit() {
    holds(1000, some_case(), |case| {
        let real = Real::new(&case);
        let statement = real.apply();
        let why = told(&real, &statement);
        let mut sums: BTreeMap<&str, (u64, Money)> = BTreeMap::new();
        for line in statement.lines().filter(|line| !line.card.is_zero()) {
            let name = match line.card.is_negative() {
                true => "reductions",
                false => reason(&real, line.charge),
            };
            let (charges, card) = sums.entry(name).or_default();
            *charges += 1;
            *card += line.card;
        }
        let exact = statement.totals().card;
        let digits = statement.bill.id().currency.minor_digits();
        let rounded = exact.round_half_away(digits);
        if rounded != exact {
            sums.insert("rounding", (0, rounded - exact));
        }
        let mut parts: BTreeMap<&str, (u64, Money)> = BTreeMap::new();
        for (key, part) in why.parts() {
            let (charges, card) = parts.entry(key.reason.as_str()).or_default();
            *charges += part.charges;
            *card += part.card;
            prop_assert!(!part.would_cover.words(key).is_empty());
            prop_assert_eq!(part.bills.len(), 1);
        }
        prop_assert_eq!(&parts, &sums);
        let all: Money = parts.values().map(|(_, card)| *card).sum();
        prop_assert_eq!(all, rounded);
        prop_assert_eq!(why.totals.values().copied().sum::<Money>(), rounded);
        Ok(())
    });
}

#[test]
fn the_credit_that_is_named_would_have_covered_it() {
    use Hindrance::{Category, Currency, Region, Service};
    let named = std::cell::Cell::new(0);
    holds(3000, some_case(), |mut case| {
        case.bill.charges.truncate(1);
        let real = Real::new(&case);
        let statement = real.apply();
        let why = told(&real, &statement);
        let parts = why.parts();
        let credits = parts
            .iter()
            .flat_map(|(_, part)| part.would_cover.credits());
        for id in credits.collect::<Vec<_>>() {
            let mut standings = real.standings();
            let standing = standings.iter_mut().find(|one| one.credit.id == id);
            let standing = standing.expect("a credit of the case");
            let rules = real.hindrances(standing, &real.bill.charges()[0]);
            let mut rules = rules.iter();
            let other = rules.find(|rule| matches!(rule, Currency | Category | Service | Region));
            prop_assert_eq!(other, None, "{} is for other charges", id);
            if real
                .hindrances(standing, &real.bill.charges()[0])
                .is_empty()
            {
                standing.left += statement.totals().card;
                let again = real.apply_only(&standings);
                prop_assert_eq!(again.totals().card, Money::ZERO);
                named.set(named.get() + 1);
            }
        }
        Ok(())
    });
    assert!(named.get() > 100, "{named:?}");
}

#[test]
fn of_credits_that_are_equally_near_the_one_that_burns_first_is_named() {
    holds(500, some_case(), |case| {
        let real = Real::new(&case);
        let statement = real.apply();
        let mut standings = real.standings();
        standings.sort_by(|a, b| burn_order(a.credit, b.credit, &real.rules));
        let parts = told(&real, &statement);
        for (key, part) in parts.parts() {
            if key.reason.as_str() != "exhausted" || part.charges != 1 {
                continue;
            }
            let on_card = |charge: &Charge| reason(&real, charge) == "exhausted";
            let mut lines = statement.lines().filter(|line| line.card.is_positive());
            let line = lines.find(|line| on_card(line.charge)).expect("the charge");
            let lists = standings.iter().map(|standing| {
                let names = names_of_rules(&real, standing, line.charge);
                (names, standing.credit.id)
            });
            let lists: Vec<_> = lists.collect();
            let fewest = lists.iter().map(|(names, _)| names.len()).min();
            let mut nearest = lists.iter().filter(|(names, _)| {
                Some(names.len()) == fewest && names.last() == Some(&"exhausted")
            });
            let first = nearest.find(|(names, _)| {
                names.iter().all(|name| {
                    ![
                        "currency", "category", "service", "region", "account", "sharing",
                    ]
                    .contains(name)
                })
            });
            prop_assert_eq!(part.would_cover.credits(), [first.expect("one").1]);
        }
        Ok(())
    });
}
