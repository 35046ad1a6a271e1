//! The cost of the rule: bills of 10^4 to 10^6 charge groups against 10 to 1,000 credits.
//!
//! Prints the median time of three runs and how it grows: ten times the charges should cost at
//! most twelve times the time. Mixed scopes, 50 accounts, 60 services, 20 regions, 31 days.

mod dice;

use std::hint::black_box;
use std::time::{Duration, Instant};

use credits_ledger::ledger::account::Accounts;
use credits_ledger::ledger::apply::{Standing, apply};
use credits_ledger::ledger::bill::{Bill, Charge, Status};
use credits_ledger::ledger::credit::{Credit, Kind, Sharing, Stage, Terms};
use credits_ledger::ledger::names::{
    AccountId, BillId, CreditId, Currency, Region, RegionPattern, Service,
};
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::scope::{Category, CreditScope, Scope};
use credits_ledger::money::Money;
use credits_ledger::period::parse_date;

use dice::Dice;

struct World {
    accounts: Vec<AccountId>,
    services: Vec<Service>,
    regions: Vec<Region>,
}

fn world() -> World {
    World {
        accounts: (0..50)
            .map(|i| {
                AccountId::new(&format!("{:012}", 100_000_000_000_u64 + i * 7919)).expect("a name")
            })
            .collect(),
        services: (0..60)
            .map(|i| Service::new(&format!("AmazonService{i:02}")).expect("a name"))
            .collect(),
        regions: (0..20)
            .map(|i| Region::new(&format!("region-{i:02}")).expect("a name"))
            .collect(),
    }
}

fn pattern(text: &str) -> RegionPattern {
    RegionPattern::new(text).expect("a pattern")
}

fn bill(world: &World, groups: usize) -> Bill {
    let mut dice = Dice(1);
    let categories = [
        Category::Usage,
        Category::Usage,
        Category::Usage,
        Category::RecurringFee,
        Category::Tax,
        Category::Marketplace,
    ];
    let charges = (0..groups).map(|at| {
        let day = 1 + dice.below(31);
        let start = parse_date(&format!("2026-01-{day:02}")).expect("a date");
        Charge {
            id: Some(format!("charge/{at}").into()),
            account: dice.pick(&world.accounts).clone(),
            service: dice.pick(&world.services).clone(),
            region: Some(dice.pick(&world.regions).clone()),
            category: *dice.pick(&categories),
            amount: Money::from_units(i128::from(dice.below(1 << 62)) * 3),
            start: Some(start),
            end: Some(start),
            description: None,
            count: 1,
        }
    });
    let id = BillId::parse(&format!("{}/2026-01", world.accounts[0])).expect("a bill");
    Bill::new(id, Status::Final, None, charges.collect()).expect("a bill")
}

/// Together the credits are worth about half of the bill, so that all of them are used.
fn credits(world: &World, count: usize, total: Money) -> Vec<Credit> {
    let mut dice = Dice(2);
    let each = total.units() / 2 / count as i128;
    let credit = |at: usize, dice: &mut Dice| {
        let end = match dice.below(6) {
            0 => Some(format!("2026-01-{:02}", 1 + dice.below(31))),
            1 => None,
            _ => Some(format!(
                "202{}-{:02}-{:02}",
                6 + dice.below(3),
                2 + dice.below(11),
                1 + dice.below(28)
            )),
        };
        let services = match dice.below(4) {
            0 => Scope::Only(
                (0..1 + dice.below(5))
                    .map(|_| dice.pick(&world.services).clone())
                    .collect(),
            ),
            1 => Scope::Except([dice.pick(&world.services).clone()].into()),
            _ => Scope::All,
        };
        let regions = match dice.below(4) {
            0 => Scope::Only(
                (0..1 + dice.below(4))
                    .map(|_| pattern(dice.pick(&world.regions).as_str()))
                    .collect(),
            ),
            1 => Scope::Only([pattern("*-1*"), pattern("region-0*")].into()),
            _ => Scope::All,
        };
        let categories = match dice.below(8) {
            0 => Scope::Only([Category::Usage, Category::Marketplace].into()),
            1 => Scope::Except([Category::RecurringFee].into()),
            _ => Scope::All,
        };
        Credit {
            id: CreditId::made_by(at as u64 + 2),
            account: dice.pick(&world.accounts).clone(),
            terms: Terms {
                kind: Kind::Promotional,
                name: "credit".to_owned(),
                currency: Currency::USD,
                amount: Money::from_units(each),
                used_before: Money::ZERO,
                start_date: parse_date("2025-06-01").expect("a date"),
                end_date: end.map(|end| parse_date(&end).expect("a date")),
                scope: CreditScope {
                    services,
                    regions,
                    categories,
                },
                stage: Stage::AfterDiscounts,
                sharing: Sharing::Default,
                start_rule: None,
                end_rule: None,
                reference: None,
                offer: None,
            },
        }
    };
    (0..count).map(|at| credit(at, &mut dice)).collect()
}

fn main() {
    let world = world();
    let rules = Rules::current();
    println!(
        "{:>10} {:>8} {:>12} {:>8} {:>10}",
        "groups", "credits", "median", "growth", "credited"
    );
    for count in [10, 100, 1_000] {
        let mut before: Option<Duration> = None;
        for groups in [10_000, 100_000, 1_000_000] {
            let bill = bill(&world, groups);
            let total: Money = bill.charges().iter().map(|charge| charge.amount).sum();
            let credits = credits(&world, count, total);
            let standings: Vec<Standing<'_>> = credits
                .iter()
                .map(|credit| Standing {
                    credit,
                    owner: &credit.account,
                    sharing: &credit.terms.sharing,
                    left: credit.terms.amount,
                    paused: false,
                    voided: false,
                })
                .collect();
            let mut times = Vec::new();
            let mut credited = Money::ZERO;
            for _ in 0..3 {
                let bill = bill.clone();
                let began = Instant::now();
                let statement = black_box(apply(&standings, &Accounts::default(), bill, &rules));
                times.push(began.elapsed());
                credited = statement.totals().credits;
            }
            times.sort();
            let growth = before.map_or(String::new(), |before| {
                format!("x{:.1}", times[1].as_secs_f64() / before.as_secs_f64())
            });
            before = Some(times[1]);
            let share = credited.units() * 100 / total.units();
            println!(
                "{groups:>10} {count:>8} {:>9.1} ms {growth:>8} {share:>8} %",
                times[1].as_secs_f64() * 1e3
            );
        }
    }
}
