//! What holds for every bill, tried on random ones.
//!
//! The bills are those of `random`. What holds for ledgers, from command to command, is in `ledgers`.

use std::collections::{BTreeMap, BTreeSet};

use credits_ledger::ledger::account::{AccountChange, Accounts, Membership};
use credits_ledger::ledger::apply::{Claim, Hindrance, Standing, apply, burn_order};
use credits_ledger::ledger::bill::{Bill, Charge, Status};
use credits_ledger::ledger::credit::{Credit, Sharing};
use credits_ledger::ledger::explain::explain;
use credits_ledger::ledger::names::{AccountId, CreditId, Region, RegionPattern};
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::scope::Category;
use credits_ledger::ledger::statement::Statement;
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::model;
use crate::model::{Share, Which};
use crate::random::{Case, LARGEST, Seen, holds, keys, on, shuffled, some_case, some_credit};
use crate::types::{account, bill, charge, day, no_change, sharing, terms};

/// What a case is for the library.
pub(crate) struct Real {
    /// Issued to somebody else and otherwise shared, which must not matter.
    credits: Vec<Credit>,
    standing: Vec<(AccountId, Sharing, Money, bool, bool)>,
    pub(crate) accounts: Accounts,
    pub(crate) bill: Bill,
    pub(crate) rules: Rules,
}

impl Real {
    pub(crate) fn new(case: &Case) -> Real {
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

    pub(crate) fn standings(&self) -> Vec<Standing<'_>> {
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

    pub(crate) fn apply(&self) -> Statement {
        self.apply_only(&self.standings())
    }

    pub(crate) fn apply_only(&self, standings: &[Standing<'_>]) -> Statement {
        apply(standings, &self.accounts, self.bill.clone(), &self.rules)
    }

    fn claim<'a>(&'a self, standing: &'a Standing<'a>) -> Claim<'a> {
        let in_bill = self.bill.usage_accounts().contains(standing.owner);
        let id = self.bill.id();
        Claim::new(standing, id, in_bill, &self.accounts, &self.rules)
    }

    /// The first rule that keeps a credit from a charge, what is left of either aside.
    fn hindrance(&self, standing: &Standing<'_>, charge: &Charge) -> Option<Hindrance> {
        self.claim(standing).hindrance(charge)
    }

    /// Every rule that does.
    pub(crate) fn hindrances(&self, standing: &Standing<'_>, charge: &Charge) -> Vec<Hindrance> {
        self.claim(standing).hindrances(charge).collect()
    }
}

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

// ---- Every bill -------------------------------------------------------------------------------

#[test]
fn a_pattern_matches_the_regions_that_the_model_says() {
    let matched = std::cell::Cell::new(0);
    holds(4_000, ("[*ab-]{1,8}", "[ab-]{1,8}"), |(pattern, region)| {
        let expected = model::is_like(&pattern, &region);
        let real = RegionPattern::new(&pattern).expect("a pattern");
        prop_assert_eq!(real.matches(&region), expected);
        matched.set(matched.get() + u32::from(expected));
        Ok(())
    });
    assert!(matched.get() > 100, "{matched:?} matched");
}

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

#[test]
fn every_rule_that_keeps_a_credit_out_is_told_once_and_in_order() {
    holds(800, some_case(), |case| {
        let real = Real::new(&case);
        for charge in real.bill.charges() {
            for standing in &real.standings() {
                let rules = real.hindrances(standing, charge);
                prop_assert!(rules.windows(2).all(|pair| pair[0] < pair[1]), "{rules:?}");
                let free = Standing {
                    paused: false,
                    voided: false,
                    ..standing.clone()
                };
                let mut others = real.hindrances(&free, charge);
                let flags = [
                    (standing.voided, Hindrance::Voided),
                    (standing.paused, Hindrance::Paused),
                ];
                others.extend(flags.iter().filter(|(is, _)| *is).map(|(_, rule)| *rule));
                others.sort_unstable();
                prop_assert_eq!(rules, others);
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

// ---- What the generators reach ----------------------------------------------------------------

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
        let payer = &real.bill.id().payer;
        let through = |id: &AccountId| {
            let membership = real.accounts.get(id)?.membership_on(first)?;
            Some(membership.payer != *payer)
        };
        see(
            "a member of a member's credit",
            owner != payer && through(owner) == Some(true),
        );
        see(
            "a member of a member consumes",
            !owns && through(&charge.account) == Some(true),
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
        let names = |region: &str, scope: &Which| match scope {
            Which::Only(names) => names.iter().any(|name| name == region),
            _ => true,
        };
        let region = charge.region.as_ref().map(Region::as_str);
        let by_pattern = region.is_some_and(|region| !names(region, &of.regions));
        see("a region by a pattern", by_pattern);
        see(
            "global by a pattern",
            by_pattern && region == Some("global"),
        );
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
