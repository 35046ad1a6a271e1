//! Invariants of bills as billed, on random charges and credit rows.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use credits_ledger::ledger::account::Accounts;
use credits_ledger::ledger::apply::{Standing, apply};
use credits_ledger::ledger::as_billed::{AsBilled, Matches, as_billed, land};
use credits_ledger::ledger::bill::{Bill, Charge, Status};
use credits_ledger::ledger::credit::{Credit, Kind, Sharing, Stage, Terms};
use credits_ledger::ledger::names::{AccountId, BillId, CreditId, Currency, Region, Service};
use credits_ledger::ledger::reconcile::TOLERANCE;
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::scope::{Category, CreditScope};
use credits_ledger::money::Money;
use credits_ledger::period::{Month, parse_date};
use proptest::collection::vec;
use proptest::prelude::*;

const NAMES: [&str; 3] = ["Gift", "AWS Free Tier", "Gift, credit from account: b"];

fn account(name: &str) -> AccountId {
    AccountId::new(name).expect("an account")
}

fn day(day: u32) -> NaiveDate {
    parse_date(&format!("2026-01-{day:02}")).expect("a day")
}

/// A charge: account, service, region, category, day, amount in cents, description; equal ones
/// and ties are frequent.
fn charge() -> impl Strategy<Value = Charge> {
    let category = prop_oneof![
        5 => Just(Category::Usage),
        1 => Just(Category::RecurringFee),
        1 => Just(Category::Tax),
        1 => Just(Category::Discount),
        1 => Just(Category::Refund),
        5 => Just(Category::Credit),
    ];
    let amount = prop_oneof![Just(0_i64), 1..5_i64, 1..2_000_i64];
    (
        0..2_usize,
        0..3_usize,
        prop::option::of(0..2_usize),
        category,
        prop::option::of(1..4_u32),
        amount,
        prop::bool::weighted(0.1),
        0..NAMES.len(),
    )
        .prop_map(
            |(owner, service, region, category, start, cents, turned, name)| {
                use Category::{Credit, Discount, Refund};
                let below = matches!(category, Credit | Discount | Refund);
                let cents = if below != turned { -cents } else { cents };
                // Now and then the last digits of a rounded row.
                let digits = i128::from(cents % 3) * 10_i128.pow(11);
                Charge {
                    id: None,
                    account: account(["a", "b"][owner]),
                    service: Service::new(["AmazonEC2", "AmazonS3", "AWSELB"][service])
                        .expect("a service"),
                    region: region.map(|region| {
                        Region::new(["eu-west-1", "us-east-1"][region]).expect("a region")
                    }),
                    category,
                    amount: Money::from_units(i128::from(cents) * 10_i128.pow(16) + digits),
                    start: start.map(day),
                    end: start.map(day),
                    description: (category == Credit).then(|| NAMES[name].into()),
                    count: 1,
                }
            },
        )
}

fn bill(charges: Vec<Charge>) -> Bill {
    let id = BillId {
        month: Month::parse("2026-01").expect("a month"),
        payer: account("a"),
        currency: Currency::USD,
    };
    let named = charges.into_iter().enumerate().map(|(at, charge)| Charge {
        id: Some(format!("{at}").into()),
        ..charge
    });
    Bill::new(id, Status::Final, None, named.collect()).expect("a bill")
}

fn credit(entry: u64, owner: &str, name: &str, cents: i64) -> Credit {
    Credit {
        id: CreditId::made_by(entry),
        account: account(owner),
        terms: Terms {
            kind: Kind::Promotional,
            name: name.to_owned(),
            currency: Currency::USD,
            amount: Money::from_units(i128::from(cents) * 10_i128.pow(16)),
            used_before: Money::ZERO,
            start_date: day(1),
            end_date: None,
            scope: CreditScope::ALL,
            stage: Stage::AfterDiscounts,
            sharing: Sharing::Default,
            start_rule: None,
            end_rule: None,
            reference: None,
            offer: None,
        },
    }
}

fn standings(credits: &[Credit]) -> Vec<Standing<'_>> {
    let standing = |credit| standing_of(credit);
    credits.iter().map(standing).collect()
}

fn standing_of(credit: &Credit) -> Standing<'_> {
    Standing {
        credit,
        owner: &credit.account,
        sharing: &credit.terms.sharing,
        left: credit.terms.amount,
        paused: false,
        voided: false,
    }
}

fn decided(bill: &Bill, credits: &[Credit]) -> AsBilled {
    decided_with(bill, credits, &[])
}

fn decided_with(bill: &Bill, credits: &[Credit], made: &[Credit]) -> AsBilled {
    let (credits, made) = (standings(credits), standings(made));
    as_billed(&credits, &made, &matches(), bill.clone(), &Rules::current())
}

/// The free tier is matched by hand to the credit of entry 3, whatever that is called.
fn matches() -> Matches {
    Matches::from([("AWS Free Tier".to_owned(), CreditId::made_by(3))])
}

/// What each charge is paid, by credit, and what is left of it, by its id.
fn outcome(done: &AsBilled) -> BTreeMap<String, (BTreeMap<CreditId, Money>, Money)> {
    let lines = done.statement.all_lines();
    lines
        .map(|line| {
            let paid = line.allocations.iter();
            let paid = paid.map(|(_, paid)| (paid.credit, paid.amount)).collect();
            let id = line.charge.id.as_deref().expect("an id");
            (id.to_owned(), (paid, line.card))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn charges_are_paid_exactly_and_no_credit_pays_more_than_it_has(
        charges in vec(charge(), 0..24),
        amounts in vec(0..3_000_i64, 3),
    ) {
        let bill = bill(charges);
        let credits = [
            credit(2, "a", "Gift", amounts[0]),
            credit(3, "b", "gift", amounts[1]),
            credit(4, "a", "AWS Free Tier", amounts[2]),
        ];
        let done = decided(&bill, &credits);
        for line in done.statement.lines() {
            let paid: Money = line.allocations.iter().map(|(_, paid)| paid.amount).sum();
            prop_assert_eq!(line.charge.amount, line.discounted + paid + line.card);
            let corrects = matches!(line.charge.category, Category::Refund | Category::Discount);
            prop_assert!(paid.is_zero() || line.charge.amount.is_positive() && !corrects);
            prop_assert!(!line.charge.amount.is_positive() || !line.card.is_negative());
            let payers: BTreeSet<CreditId> =
                line.allocations.iter().map(|(_, paid)| paid.credit).collect();
            prop_assert_eq!(payers.len(), line.allocations.len());
        }
        for applied in &done.statement.applied {
            let of = credits.iter().find(|credit| credit.id == applied.credit);
            prop_assert!(applied.amount <= of.expect("a credit").terms.amount);
        }
        // What the rows land on is paid, or missing.
        let landing = land(&bill, &done.statement.discounted);
        let landed: Money = landing.pieces.iter().map(|piece| piece.amount).sum();
        let missing: Money = done.shortages.iter().map(|short| short.amount).sum();
        prop_assert_eq!(landed, done.statement.totals().credits + missing);
        // What is given lands, is taken back, or is over-credit: then no charge is left.
        let given: Money = bill
            .charges()
            .iter()
            .filter(|charge| charge.category == Category::Credit)
            .map(|charge| -charge.amount)
            .sum();
        prop_assert_eq!(given, landed + landing.over_credit - landing.taken_back);
        // But for last digits, it is over-credit only where no charge is left.
        if landing.over_credit > TOLERANCE && missing.is_zero() {
            let open = done.statement.lines().filter(|line| {
                let corrects = matches!(line.charge.category, Category::Refund | Category::Discount);
                line.card.is_positive() && !corrects
            });
            prop_assert_eq!(open.count(), 0);
        }
    }

    #[test]
    fn the_order_of_rows_changes_nothing(
        (charges, shuffled) in vec(charge(), 0..20).prop_flat_map(|charges| {
            let named: Vec<Charge> = charges
                .into_iter()
                .enumerate()
                .map(|(at, charge)| Charge { id: Some(format!("{at}").into()), ..charge })
                .collect();
            (Just(named.clone()), Just(named).prop_shuffle())
        }),
        amounts in vec(0..3_000_i64, 2),
    ) {
        let credits = [
            credit(2, "a", "Gift", amounts[0]),
            credit(3, "b", "Gift", amounts[1]),
        ];
        let of = |charges: Vec<Charge>| {
            let id = bill(Vec::new()).id().clone();
            let bill = Bill::new(id, Status::Final, None, charges).expect("a bill");
            decided(&bill, &credits)
        };
        let (one, other) = (of(charges), of(shuffled));
        prop_assert_eq!(outcome(&one), outcome(&other));
        prop_assert_eq!(one.statement.applied, other.statement.applied);
        prop_assert_eq!(one.shortages, other.shortages);
    }

    #[test]
    fn credits_made_good_leave_nothing_missing_and_change_nothing_else(
        charges in vec(charge(), 0..24),
        amounts in vec(0..1_000_i64, 2),
    ) {
        let bill = bill(charges);
        let credits = [
            credit(2, "a", "Gift", amounts[0]),
            credit(3, "b", "gift", amounts[1]),
        ];
        let first = decided(&bill, &credits);
        let made: Vec<Credit> = first
            .shortages
            .iter()
            .enumerate()
            .map(|(at, short)| Credit {
                id: CreditId::made_by(10 + at as u64),
                account: short.named.owner.clone(),
                terms: short.terms(Currency::USD),
            })
            .collect();
        let done = decided_with(&bill, &credits, &made);
        prop_assert!(done.shortages.is_empty());
        let real = |done: &AsBilled| {
            let applied = done.statement.applied.clone().into_iter();
            applied.filter(|paid| paid.credit.entry < 10).collect::<Vec<_>>()
        };
        prop_assert_eq!(real(&first), real(&done));
        // They are used whole.
        for one in &made {
            let used = done.statement.applied.iter().find(|paid| paid.credit == one.id);
            prop_assert_eq!(used.map(|paid| paid.amount), Some(one.terms.amount));
        }
    }

    #[test]
    fn each_row_pays_the_charges_of_its_own_key_as_far_as_there_are_any(
        charges in vec(charge(), 0..24),
    ) {
        let bill = bill(charges);
        let plain = apply(&[], &Accounts::default(), bill.clone(), &Rules::current());
        let landing = land(&bill, &plain.discounted);
        type Key = (AccountId, Service, Option<Region>, Option<NaiveDate>);
        let key = |charge: &Charge| -> Key {
            (
                charge.account.clone(),
                charge.service.clone(),
                charge.region.clone(),
                charge.start,
            )
        };
        let mut payable: BTreeMap<Key, Money> = BTreeMap::new();
        for line in plain.lines() {
            let corrects = matches!(line.charge.category, Category::Refund | Category::Discount);
            if line.card.is_positive() && !corrects {
                *payable.entry(key(line.charge)).or_default() += line.card;
            }
        }
        let mut given: BTreeMap<Key, Money> = BTreeMap::new();
        for charge in bill.charges() {
            if charge.category == Category::Credit {
                // Takings back land where they please, so only bills without any are looked at.
                prop_assume!(!charge.amount.is_positive());
                *given.entry(key(charge)).or_default() += -charge.amount;
            }
        }
        let mut landed: BTreeMap<Key, Money> = BTreeMap::new();
        for piece in &landing.pieces {
            let charge = &bill.charges()[piece.place as usize];
            *landed.entry(key(charge)).or_default() += piece.amount;
        }
        for (key, given) in given {
            let payable = payable.get(&key).copied().unwrap_or_default();
            let landed = landed.get(&key).copied().unwrap_or_default();
            prop_assert!(landed >= given.min(payable), "{key:?}");
        }
    }
}
