//! The rule of application in examples, rule by rule (A1 to D6), in a notation that needs no Rust.
//!
//! What is on record, a line each; the journal has the credits in the order of their lines:
//! ```text
//! NAME AMOUNT START..[END] [WORD…]           a credit, its owner `acme`, where WORD is one of
//!     owner=A  currency=EUR  kind=activate  left=5  paused  voided  stage=before  entry=7.1
//!     services=S3,EC2  services!=S3  regions=…  regions!=…  categories=…  categories!=…
//!     share=disabled  share=A,B  start-rule=day  end-rule=month
//! A joins P on DATE       A leaves on DATE
//! A stops sharing on DATE       A shares again on DATE
//! rules [start-rule=day] [end-rule=month] [order=end_date,…]
//! ```
//! The bill, a line for each charge; without a first line it is `bill acme 2025-01`:
//! ```text
//! bill PAYER MONTH [CURRENCY]
//! SERVICE AMOUNT [by ACCOUNT] [in REGION] [as CATEGORY] [on DATE] [until DATE] [called WORD] [#ID]
//! ```
//! What comes of it: what discounts take off, what each credit pays, in burn order, and what is
//! left for the card. A charge is called by its id or, without one, by its line less the amount.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use credits_ledger::ledger::account::{AccountChange, Accounts};
use credits_ledger::ledger::apply::{Standing, apply};
use credits_ledger::ledger::bill::{Bill, BillError, Charge, Status};
use credits_ledger::ledger::booking::Applied;
use credits_ledger::ledger::credit::{Credit, Kind, Sharing, Stage, Terms};
use credits_ledger::ledger::decide::{Desk, grant};
use credits_ledger::ledger::entry::{Event, LedgerId};
use credits_ledger::ledger::explain::explain;
use credits_ledger::ledger::names::{
    AccountId, BillId, CreditId, Currency, Region, RegionPattern, Service,
};
use credits_ledger::ledger::refusal::Refusal;
use credits_ledger::ledger::rules::{BurnKey, EndRule, Rules, StartRule};
use credits_ledger::ledger::scope::{Category, CreditScope, Scope};
use credits_ledger::ledger::state::State;
use credits_ledger::ledger::statement::Statement;
use credits_ledger::money::Money;
use credits_ledger::period::parse_date;

use crate::kept::{Kept, apply_bill};

// ---- The notation -----------------------------------------------------------------------------

/// A credit as a line says it stands.
struct Held {
    name: String,
    credit: Credit,
    left: Money,
    paused: bool,
    voided: bool,
}

/// What is on record.
struct Record {
    held: Vec<Held>,
    accounts: Accounts,
    rules: Rules,
}

impl Record {
    fn standings(&self) -> Vec<Standing<'_>> {
        let mut standings = Vec::new();
        for held in &self.held {
            standings.push(Standing {
                credit: &held.credit,
                owner: &held.credit.account,
                sharing: &held.credit.terms.sharing,
                left: held.left,
                paused: held.paused,
                voided: held.voided,
            });
        }
        standings
    }

    fn name(&self, id: CreditId) -> &str {
        let named = self.held.iter().find(|held| held.credit.id == id);
        &named.expect("a credit of the example").name
    }
}

/// A bill, and what its charges are called.
struct Billed {
    bill: Bill,
    labels: Vec<String>,
}

fn account(text: &str) -> AccountId {
    AccountId::new(text).expect("an account")
}

fn day(text: &str) -> NaiveDate {
    parse_date(text).unwrap_or_else(|_| panic!("`{text}` is no date"))
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap_or_else(|_| panic!("`{text}` is no amount"))
}

fn category(text: &str) -> Category {
    Category::parse(text).unwrap_or_else(|| panic!("`{text}` is no category"))
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn scope<T: Ord>(equals: bool, names: &str, name: impl Fn(&str) -> T) -> Scope<T> {
    let names = names.split(',').map(name).collect();
    if equals {
        Scope::Only(names)
    } else {
        Scope::Except(names)
    }
}

fn start_rule(text: &str) -> StartRule {
    match text {
        "day" => StartRule::Day,
        "month" => StartRule::Month,
        other => panic!("`{other}` is no start rule"),
    }
}

fn end_rule(text: &str) -> EndRule {
    match text {
        "day" => EndRule::Day,
        "month" => EndRule::Month,
        other => panic!("`{other}` is no end rule"),
    }
}

fn record(text: &str) -> Record {
    let mut record = Record {
        held: Vec::new(),
        accounts: Accounts::default(),
        rules: Rules::current(),
    };
    for line in lines(text) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["rules", ..] => change_rules(&mut record.rules, &words[1..]),
            [id, "joins", payer, "on", date] => {
                change(&mut record.accounts, id, date, |change| {
                    change.joins = Some((account(payer), day(date)));
                });
            }
            [id, "leaves", "on", date] => change(&mut record.accounts, id, date, |change| {
                change.leaves = Some(day(date));
            }),
            [id, "stops", "sharing", "on", date] | [id, "shares", "again", "on", date] => {
                change(&mut record.accounts, id, date, |change| {
                    change.sharing = Some(words[1] == "shares");
                });
            }
            [name, amount, dates, ..] => {
                let entry = record.held.len() as u64 + 2;
                record
                    .held
                    .push(held(entry, name, amount, dates, &words[3..]));
            }
            _ => panic!("`{line}` puts nothing on record"),
        }
    }
    record
}

fn change(accounts: &mut Accounts, id: &str, date: &str, what: impl Fn(&mut AccountChange)) {
    let mut change = AccountChange::nothing(account(id));
    what(&mut change);
    let on_record = accounts.by_id.entry(account(id)).or_default();
    on_record.change(&change, day(date)).expect("a change");
}

fn change_rules(rules: &mut Rules, words: &[&str]) {
    for word in words {
        match word.split_once('=') {
            Some(("start-rule", rule)) => rules.start_rule = start_rule(rule),
            Some(("end-rule", rule)) => rules.end_rule = end_rule(rule),
            Some(("order", keys)) => {
                let key = |name| BurnKey::ALL.into_iter().find(|key| key.as_str() == name);
                rules.burn_order = keys
                    .split(',')
                    .map(|name| key(name).expect("a key"))
                    .collect();
            }
            _ => panic!("`{word}` is no rule"),
        }
    }
}

fn held(entry: u64, name: &str, amount: &str, dates: &str, words: &[&str]) -> Held {
    let (start, end) = dates.split_once("..").expect("START..END");
    let terms = Terms {
        kind: Kind::Promotional,
        name: name.to_owned(),
        currency: Currency::USD,
        amount: money(amount),
        used_before: Money::ZERO,
        start_date: day(start),
        end_date: (!end.is_empty()).then(|| day(end)),
        scope: CreditScope::ALL,
        stage: Stage::AfterDiscounts,
        sharing: Sharing::Default,
        start_rule: None,
        end_rule: None,
        reference: None,
        offer: None,
    };
    let mut held = Held {
        name: name.to_owned(),
        left: terms.amount,
        credit: Credit {
            id: CreditId::made_by(entry),
            account: account("acme"),
            terms,
        },
        paused: false,
        voided: false,
    };
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let (key, equals) = match key.strip_suffix('!') {
            Some(key) => (key, false),
            None => (key, true),
        };
        let terms = &mut held.credit.terms;
        match key {
            "owner" => held.credit.account = account(value),
            "currency" => terms.currency = Currency::new(value).expect("a currency"),
            "kind" => terms.kind = Kind::parse(value).expect("a kind"),
            "left" => held.left = money(value),
            "paused" => held.paused = true,
            "voided" => held.voided = true,
            "stage" => {
                assert_eq!(value, "before", "the other stage is the default");
                terms.stage = Stage::BeforeDiscounts;
            }
            "entry" => held.credit.id = CreditId::parse(&format!("C{value}")).expect("an id"),
            "services" => {
                terms.scope.services =
                    scope(equals, value, |name| Service::new(name).expect("a service"));
            }
            "regions" => {
                terms.scope.regions = scope(equals, value, |name| {
                    RegionPattern::new(name).expect("a region")
                });
            }
            "categories" => terms.scope.categories = scope(equals, value, category),
            "share" if value == "disabled" => terms.sharing = Sharing::Disabled,
            "share" => terms.sharing = Sharing::Custom(value.split(',').map(account).collect()),
            "start-rule" => terms.start_rule = Some(start_rule(value)),
            "end-rule" => terms.end_rule = Some(end_rule(value)),
            _ => panic!("`{word}` says nothing of a credit"),
        }
    }
    held
}

fn billed(text: &str) -> Billed {
    let (mut id, mut charges, mut labels) = ("acme/2025-01".to_owned(), Vec::new(), Vec::new());
    for line in lines(text) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words[0] == "bill" {
            id = words[1..].join("/");
        } else {
            charges.push(words);
        }
    }
    let id = BillId::parse(&id).unwrap_or_else(|_| panic!("`{id}` is no bill"));
    let charge = |words: Vec<&str>| {
        let mut label = words.clone();
        label.remove(1);
        let mut charge = Charge {
            id: None,
            account: id.payer.clone(),
            service: Service::new(words[0]).expect("a service"),
            region: None,
            category: Category::Usage,
            amount: money(words[1]),
            start: None,
            end: None,
            description: None,
            count: 1,
        };
        let mut rest = words[2..].iter();
        while let Some(word) = rest.next() {
            if let Some(id) = word.strip_prefix('#') {
                charge.id = Some(id.into());
                label = vec![word];
                continue;
            }
            let value = rest.next().unwrap_or_else(|| panic!("`{word}` what?"));
            match *word {
                "by" => charge.account = account(value),
                "in" => charge.region = Some(Region::new(value).expect("a region")),
                "as" => charge.category = category(value),
                "on" => charge.start = Some(day(value)),
                "until" => charge.end = Some(day(value)),
                "called" => charge.description = Some((*value).into()),
                _ => panic!("`{word}` says nothing of a charge"),
            }
        }
        labels.push(label.join(" "));
        charge
    };
    let charges = charges.into_iter().map(charge).collect();
    Billed {
        bill: Bill::new(id.clone(), Status::Final, None, charges).expect("a bill"),
        labels,
    }
}

/// Applies what is on record to the bill, and sees to it that every charge is paid exactly.
#[track_caller]
fn applied(record: &Record, bill: Bill) -> Statement {
    let statement = apply(&record.standings(), &record.accounts, bill, &record.rules);
    for line in statement.lines() {
        let paid: Money = line.allocations.iter().map(|(_, paid)| paid.amount).sum();
        assert_eq!(
            line.charge.amount,
            line.discounted + paid + line.card,
            "charge {}",
            line.place
        );
    }
    let totals = statement.totals();
    assert_eq!(totals.charges, totals.credits + totals.card);
    statement
}

/// Applies the credits on record to the charges and compares what comes of it.
#[track_caller]
pub(crate) fn check(credits: &str, charges: &str, expected: &str) {
    let record = record(credits);
    let Billed { bill, labels } = billed(charges);
    let statement = applied(&record, bill);
    let mut told = Vec::new();
    for line in statement
        .lines()
        .filter(|line| line.discounted.is_positive())
    {
        told.push(format!(
            "discounts take {} off {}",
            line.discounted, labels[line.place]
        ));
    }
    for credit in &statement.applied {
        for (place, paid) in &statement.allocations {
            if paid.credit == credit.credit {
                let (name, label) = (record.name(paid.credit), &labels[*place as usize]);
                told.push(format!("{name} pays {} of {label}", paid.amount));
            }
        }
    }
    let on_card: Vec<_> = statement
        .lines()
        .filter(|line| !line.card.is_zero())
        .collect();
    for line in &on_card {
        told.push(format!("card pays {} of {}", line.card, labels[line.place]));
    }
    match on_card.len() {
        0 => told.push("card pays 0.00".to_owned()),
        1 => {}
        _ => told.push(format!("card pays {} in all", statement.totals().card)),
    }
    assert_eq!(told, lines(expected).collect::<Vec<_>>());
}

/// Compares, for every charge, why each credit that did not pay it (or not all of it) did not.
#[track_caller]
pub(crate) fn check_why(credits: &str, charges: &str, expected: &str) {
    let record = record(credits);
    let Billed { bill, labels } = billed(charges);
    let statement = applied(&record, bill);
    let mut told = Vec::new();
    for explanation in explain(
        &statement,
        &record.standings(),
        &record.accounts,
        &record.rules,
    ) {
        let label = &labels[explanation.line.place];
        for not in explanation.not_paid_by {
            let name = record.name(not.credit);
            told.push(format!("{name}, {label}: {}, {}", not.rule, not.detail));
        }
    }
    assert_eq!(told, lines(expected).collect::<Vec<_>>());
}

// ---- Worked examples of AWS -------------------------------------------------------------------

#[test]
fn the_credit_that_expires_sooner_pays_first() {
    check(
        "broad 10 2024-01-01..2025-12-31
         soon  10 2024-01-01..2025-04-30 services=S3,EC2",
        "EC2 15",
        "soon pays 10.00 of EC2
         broad pays 5.00 of EC2
         card pays 0.00",
    );
}

#[test]
fn both_credits_of_jorge_go_to_his_largest_service() {
    check(
        "one 10 2026-01-01..2026-01-31 services=S3,EC2 owner=jorge
         two  5 2026-01-01..2026-12-31 services=EC2    owner=jorge",
        "bill jorge 2026-01
         EC2 100
         S3   50",
        "one pays 10.00 of EC2
         two pays 5.00 of EC2
         card pays 85.00 of EC2
         card pays 50.00 of S3
         card pays 135.00 in all",
    );
}

#[test]
fn susan_who_joins_pays_her_own_january_and_the_payers_bill_from_february() {
    let record = "hers 100 2026-01-18.. owner=susan
                  susan joins acme on 2026-01-11";
    check(
        record,
        "bill susan 2026-01
         EC2 30 on 2026-01-10
         EC2  7 on 2026-01-11
         S3  20",
        "hers pays 30.00 of EC2 on 2026-01-10
         hers pays 20.00 of S3
         card pays 7.00 of EC2 on 2026-01-11",
    );
    check(
        record,
        "bill acme 2026-01
         EC2 30 by susan on 2026-01-20
         EC2 20",
        "card pays 30.00 of EC2 by susan on 2026-01-20
         card pays 20.00 of EC2
         card pays 50.00 in all",
    );
    check(
        record,
        "bill acme 2026-02
         EC2 30 by susan
         EC2 20",
        "hers pays 30.00 of EC2 by susan
         hers pays 20.00 of EC2
         card pays 0.00",
    );
    check(
        record,
        "bill susan 2026-02
         EC2 30",
        "card pays 30.00 of EC2",
    );
}

#[test]
fn susan_who_leaves_pays_the_payers_april_and_her_own_may() {
    let record = "hers 100 2026-01-18.. owner=susan left=50
                  susan joins acme on 2026-01-11
                  susan leaves on 2026-04-16";
    check(
        record,
        "bill acme 2026-04
         EC2 30",
        "hers pays 30.00 of EC2
         card pays 0.00",
    );
    check(
        record,
        "bill susan 2026-04
         EC2 30 on 2026-04-20",
        "card pays 30.00 of EC2 on 2026-04-20",
    );
    check(
        record,
        "bill acme 2026-05
         EC2 30",
        "card pays 30.00 of EC2",
    );
    check(
        record,
        "bill susan 2026-05
         EC2 30 on 2026-05-01",
        "hers pays 30.00 of EC2 on 2026-05-01
         card pays 0.00",
    );
}

#[test]
fn one_more_credit_can_raise_the_card_charge() {
    let two = "A 10  2025-01-01..2025-02-28 services=l1,l3
               B 9.5 2025-01-01..2025-03-31 services=l3";
    let charges = "l1 10
                   l3 9.5";
    check(
        two,
        charges,
        "A pays 10.00 of l1
         B pays 9.50 of l3
         card pays 0.00",
    );
    check(
        &format!("{two}\n extra 1 2025-01-01..2025-01-31 services=l1"),
        charges,
        "extra pays 1.00 of l1
         A pays 0.50 of l1
         A pays 9.50 of l3
         card pays 8.50 of l1",
    );
}

// ---- A1: which credits take part --------------------------------------------------------------

#[test]
fn a_credit_pays_what_is_left_of_it_not_what_it_was() {
    check(
        "c 100 2025-01-01.. left=4",
        "EC2 10",
        "c pays 4.00 of EC2
         card pays 6.00 of EC2",
    );
    check(
        "c 100 2025-01-01.. left=0",
        "EC2 10",
        "card pays 10.00 of EC2",
    );
    check(
        "c 100 2025-01-01.. left=0.000000000000000001",
        "EC2 10",
        "c pays 0.000000000000000001 of EC2
         card pays 9.999999999999999999 of EC2",
    );
}

#[test]
fn a_credit_in_another_currency_takes_no_part() {
    let both = "euros   10 2025-01-01.. currency=EUR
                dollars 10 2025-01-01..";
    check(
        both,
        "EC2 15",
        "dollars pays 10.00 of EC2
         card pays 5.00 of EC2",
    );
    check(
        both,
        "bill acme 2025-01 EUR
         EC2 15",
        "euros pays 10.00 of EC2
         card pays 5.00 of EC2",
    );
}

#[test]
fn a_paused_credit_takes_no_part() {
    check(
        "rests 10 2025-01-01..2025-01-31 paused
         works 10 2025-01-01..",
        "EC2 15",
        "works pays 10.00 of EC2
         card pays 5.00 of EC2",
    );
}

#[test]
fn a_voided_credit_takes_no_part_even_with_something_left() {
    check(
        "gone  10 2025-01-01..2025-01-31 voided
         stays 10 2025-01-01..",
        "EC2 15",
        "stays pays 10.00 of EC2
         card pays 5.00 of EC2",
    );
}

#[test]
fn no_credit_at_all_leaves_everything_to_the_card() {
    check("", "EC2 10", "card pays 10.00 of EC2");
    check("c 10 2025-01-01..", "", "card pays 0.00");
}

// ---- A2: the start ----------------------------------------------------------------------------

#[test]
fn a_credit_covers_its_whole_start_month_and_never_an_earlier_one() {
    check(
        "c 100 2025-01-15..",
        "bill acme 2025-01
         EC2 1 on 2024-12-31 #before
         EC2 2 on 2025-01-01 #first
         EC2 4 on 2025-01-14 #eve
         EC2 8 on 2025-01-15 #start",
        "c pays 2.00 of #first
         c pays 4.00 of #eve
         c pays 8.00 of #start
         card pays 1.00 of #before",
    );
}

#[test]
fn a_start_on_the_31st_or_on_a_leap_day_covers_its_month_from_the_1st() {
    check(
        "c 100 2025-01-31..",
        "bill acme 2025-01
         EC2 1 on 2024-12-31 #before
         EC2 2 on 2025-01-01 #first",
        "c pays 2.00 of #first
         card pays 1.00 of #before",
    );
    check(
        "c 100 2024-02-29..",
        "bill acme 2024-02
         EC2 1 on 2024-01-31 #before
         EC2 2 on 2024-02-01 #first
         EC2 4 on 2024-02-29 #leap",
        "c pays 2.00 of #first
         c pays 4.00 of #leap
         card pays 1.00 of #before",
    );
    check(
        "c 100 2025-02-01..",
        "bill acme 2025-01
         EC2 1 on 2025-01-31
         EC2 2",
        "card pays 1.00 of EC2 on 2025-01-31
         card pays 2.00 of EC2
         card pays 3.00 in all",
    );
}

#[test]
fn with_the_start_rule_day_it_covers_from_the_start_date_on() {
    check(
        "c 100 2025-01-15.. start-rule=day",
        "EC2 1 on 2025-01-14 #before
         EC2 2 on 2025-01-15 #on
         EC2 4 on 2025-01-16 #after",
        "c pays 2.00 of #on
         c pays 4.00 of #after
         card pays 1.00 of #before",
    );
    check(
        "c 100 2024-02-29.. start-rule=day",
        "bill acme 2024-02
         EC2 1 on 2024-02-28 #before
         EC2 2 on 2024-02-29 #on",
        "c pays 2.00 of #on
         card pays 1.00 of #before",
    );
}

#[test]
fn an_undated_charge_spans_the_month_so_a_credit_from_its_last_day_on_covers_it() {
    check(
        "c 100 2025-01-31.. start-rule=day",
        "EC2 5",
        "c pays 5.00 of EC2
         card pays 0.00",
    );
    check(
        "c 100 2025-02-01.. start-rule=day",
        "EC2 5",
        "card pays 5.00 of EC2",
    );
    check(
        "c 100 2024-02-29.. start-rule=day",
        "bill acme 2024-02
         EC2 5",
        "c pays 5.00 of EC2
         card pays 0.00",
    );
}

#[test]
fn usage_that_starts_before_the_first_covered_day_is_not_covered_though_it_ends_after() {
    check(
        "c 100 2025-01-15.. start-rule=day",
        "EC2 5 on 2025-01-14 until 2025-01-20",
        "card pays 5.00 of EC2 on 2025-01-14 until 2025-01-20",
    );
}

#[test]
fn a_credits_own_start_rule_wins_over_the_rules() {
    let charges = "EC2 5 on 2025-01-01";
    check(
        "rules start-rule=day
         c 100 2025-01-15..",
        charges,
        "card pays 5.00 of EC2 on 2025-01-01",
    );
    check(
        "rules start-rule=day
         c 100 2025-01-15.. start-rule=month",
        charges,
        "c pays 5.00 of EC2 on 2025-01-01
         card pays 0.00",
    );
}

// ---- A3: the end ------------------------------------------------------------------------------

#[test]
fn the_end_date_is_the_last_day_covered() {
    check(
        "c 100 2024-01-01..2025-01-20",
        "EC2 1 on 2025-01-19 #before
         EC2 2 on 2025-01-20 #on
         EC2 4 on 2025-01-21 #after",
        "c pays 1.00 of #before
         c pays 2.00 of #on
         card pays 4.00 of #after",
    );
}

#[test]
fn an_end_on_the_last_day_of_a_month_ends_with_it() {
    check(
        "c 100 2024-01-01..2025-01-31",
        "bill acme 2025-01
         EC2 1 on 2025-01-31 #last
         EC2 2 on 2025-02-01 #next",
        "c pays 1.00 of #last
         card pays 2.00 of #next",
    );
    check(
        "c 100 2024-01-01..2024-02-29",
        "bill acme 2024-02
         EC2 1 on 2024-02-28 #before
         EC2 2 on 2024-02-29 #leap
         EC2 4 on 2024-03-01 #next",
        "c pays 1.00 of #before
         c pays 2.00 of #leap
         card pays 4.00 of #next",
    );
    check(
        "c 100 2024-01-01..2025-02-28",
        "bill acme 2025-02
         EC2 1 on 2025-02-28 #last
         EC2 2 on 2025-03-01 #next",
        "c pays 1.00 of #last
         card pays 2.00 of #next",
    );
}

#[test]
fn usage_counts_by_the_day_it_starts() {
    check(
        "c 100 2024-01-01..2025-01-20",
        "EC2 1 on 2025-01-20 until 2025-01-31 #starts-in-time
         EC2 2 on 2025-01-21 until 2025-01-31 #starts-late",
        "c pays 1.00 of #starts-in-time
         card pays 2.00 of #starts-late",
    );
}

#[test]
fn an_undated_charge_is_covered_if_the_credit_is_valid_on_any_day_of_the_month() {
    let covered = "c pays 5.00 of EC2
                   card pays 0.00";
    check("c 100 2024-01-01..2025-01-01", "EC2 5", covered);
    check("c 100 2025-01-15..2025-01-15", "EC2 5", covered);
    check(
        "c 100 2024-01-01..2024-12-31",
        "EC2 5",
        "card pays 5.00 of EC2",
    );
}

#[test]
fn a_charge_with_an_end_but_no_start_is_undated() {
    check(
        "c 100 2024-01-01..2025-01-01",
        "EC2 5 until 2025-01-31",
        "c pays 5.00 of EC2 until 2025-01-31
         card pays 0.00",
    );
}

#[test]
fn with_the_end_rule_month_it_covers_the_whole_end_month() {
    check(
        "c 100 2024-01-01..2024-02-10 end-rule=month",
        "bill acme 2024-02
         EC2 1 on 2024-02-11 #after-the-end
         EC2 2 on 2024-02-29 #last
         EC2 4 on 2024-03-01 #next",
        "c pays 1.00 of #after-the-end
         c pays 2.00 of #last
         card pays 4.00 of #next",
    );
    check(
        "c 100 2024-01-01..2025-04-01 end-rule=month",
        "bill acme 2025-04
         EC2 1 on 2025-04-30 #last
         EC2 2 on 2025-05-01 #next",
        "c pays 1.00 of #last
         card pays 2.00 of #next",
    );
    check(
        "c 100 2024-01-01..2024-12-31 end-rule=month",
        "EC2 5",
        "card pays 5.00 of EC2",
    );
}

#[test]
fn a_credits_own_end_rule_wins_over_the_rules() {
    let charges = "EC2 5 on 2025-01-31";
    check(
        "rules end-rule=month
         c 100 2025-01-01..2025-01-15",
        charges,
        "c pays 5.00 of EC2 on 2025-01-31
         card pays 0.00",
    );
    check(
        "rules end-rule=month
         c 100 2025-01-01..2025-01-15 end-rule=day",
        charges,
        "card pays 5.00 of EC2 on 2025-01-31",
    );
}

#[test]
fn a_credit_without_an_end_never_ends() {
    check(
        "c 100 2025-01-01..",
        "bill acme 9999-12
         EC2 5 on 9999-12-31",
        "c pays 5.00 of EC2 on 9999-12-31
         card pays 0.00",
    );
}

#[test]
fn a_credit_of_one_day_covers_that_day() {
    check(
        "c 100 2025-01-15..2025-01-15 start-rule=day",
        "EC2 1 on 2025-01-14 #before
         EC2 2 on 2025-01-15 #on
         EC2 4 on 2025-01-16 #after
         EC2 8 #undated",
        "c pays 2.00 of #on
         c pays 8.00 of #undated
         card pays 1.00 of #before
         card pays 4.00 of #after
         card pays 5.00 in all",
    );
}

// ---- A4: the scope ----------------------------------------------------------------------------

#[test]
fn a_credit_for_some_services_pays_these_only() {
    check(
        "c 100 2025-01-01.. services=S3,Lambda",
        "EC2 5
         S3 3
         Lambda 2",
        "c pays 3.00 of S3
         c pays 2.00 of Lambda
         card pays 5.00 of EC2",
    );
    check(
        "c 100 2025-01-01.. services!=S3,Lambda",
        "EC2 5
         S3 3
         Lambda 2",
        "c pays 5.00 of EC2
         card pays 3.00 of S3
         card pays 2.00 of Lambda
         card pays 5.00 in all",
    );
}

#[test]
fn names_of_services_are_compared_to_the_letter() {
    check(
        "c 100 2025-01-01.. services=s3",
        "S3 5",
        "card pays 5.00 of S3",
    );
}

#[test]
fn a_charge_without_a_region_is_in_no_list_of_regions() {
    let charges = "EC2 1 in eu-west-1 #ireland
                   EC2 2 in us-east-1 #virginia
                   EC2 4 #nowhere";
    check(
        "c 100 2025-01-01.. regions=eu-west-1",
        charges,
        "c pays 1.00 of #ireland
         card pays 2.00 of #virginia
         card pays 4.00 of #nowhere
         card pays 6.00 in all",
    );
    check(
        "c 100 2025-01-01.. regions!=eu-west-1",
        charges,
        "c pays 2.00 of #virginia
         c pays 4.00 of #nowhere
         card pays 1.00 of #ireland",
    );
    check(
        "c 100 2025-01-01..",
        charges,
        "c pays 1.00 of #ireland
         c pays 2.00 of #virginia
         c pays 4.00 of #nowhere
         card pays 0.00",
    );
}

#[test]
fn a_pattern_covers_the_regions_it_matches() {
    let charges = "EC2 1 in eu-west-1 #ireland
                   EC2 2 in us-east-1 #virginia
                   EC2 4 in us-west-2-lax-1 #angeles
                   EC2 8 in global #global
                   EC2 16 #nowhere";
    check(
        "c 100 2025-01-01.. regions=eu-*,us-east-1",
        charges,
        "c pays 1.00 of #ireland
         c pays 2.00 of #virginia
         card pays 4.00 of #angeles
         card pays 8.00 of #global
         card pays 16.00 of #nowhere
         card pays 28.00 in all",
    );
    check(
        "c 100 2025-01-01.. regions=*-west-*",
        charges,
        "c pays 1.00 of #ireland
         c pays 4.00 of #angeles
         card pays 2.00 of #virginia
         card pays 8.00 of #global
         card pays 16.00 of #nowhere
         card pays 26.00 in all",
    );
    check(
        "c 100 2025-01-01.. regions!=us-*,eu-west-2",
        charges,
        "c pays 1.00 of #ireland
         c pays 8.00 of #global
         c pays 16.00 of #nowhere
         card pays 2.00 of #virginia
         card pays 4.00 of #angeles
         card pays 6.00 in all",
    );
}

#[test]
fn global_is_a_region_by_that_name_and_every_pattern_that_matches_it() {
    for (regions, paid) in [
        ("global", true),
        ("glob*", true),
        ("*", true),
        ("us-*,eu-*", false),
        ("GLOBAL", false),
    ] {
        let expected = match paid {
            true => "c pays 5.00 of #global\n card pays 3.00 of #nowhere",
            false => {
                "card pays 5.00 of #global\n card pays 3.00 of #nowhere\n card pays 8.00 in all"
            }
        };
        check(
            &format!("c 100 2025-01-01.. regions={regions}"),
            "EC2 5 in global #global\n EC2 3 #nowhere",
            expected,
        );
    }
}

#[test]
fn every_part_of_the_scope_must_cover_the_charge() {
    check(
        "c 100 2025-01-01.. services=S3 regions=eu categories=usage",
        "S3 1 in eu #all
         EC2 2 in eu #service
         S3 4 in us #region
         S3 8 in eu as recurring_fee #category",
        "c pays 1.00 of #all
         card pays 2.00 of #service
         card pays 4.00 of #region
         card pays 8.00 of #category
         card pays 14.00 in all",
    );
}

// ---- A5: accounts -----------------------------------------------------------------------------

#[test]
fn a_credit_reaches_the_other_accounts_of_its_payer() {
    check(
        "c 100 2025-01-01..
         susan joins acme on 2024-06-01",
        "EC2 5 by susan
         EC2 3",
        "c pays 5.00 of EC2 by susan
         c pays 3.00 of EC2
         card pays 0.00",
    );
}

#[test]
fn an_owner_that_stopped_sharing_still_uses_its_own_credit() {
    check(
        "hers 100 2025-01-01.. owner=susan
         susan joins acme on 2024-06-01
         susan stops sharing on 2025-01-31",
        "EC2 5 by susan
         EC2 3
         EC2 2 by jorge",
        "hers pays 5.00 of EC2 by susan
         card pays 3.00 of EC2
         card pays 2.00 of EC2 by jorge
         card pays 5.00 in all",
    );
}

#[test]
fn an_account_that_stopped_sharing_gets_nothing_of_others() {
    check(
        "c 100 2025-01-01..
         susan joins acme on 2024-06-01
         susan stops sharing on 2025-01-31",
        "EC2 5 by susan
         EC2 3
         EC2 2 by jorge",
        "c pays 3.00 of EC2
         c pays 2.00 of EC2 by jorge
         card pays 5.00 of EC2 by susan",
    );
    check(
        "hers 100 2025-01-01.. owner=susan
         susan joins acme on 2024-06-01
         acme stops sharing on 2025-01-31",
        "EC2 5 by susan
         EC2 3",
        "hers pays 5.00 of EC2 by susan
         card pays 3.00 of EC2",
    );
}

#[test]
fn sharing_is_that_of_the_last_day_of_the_month() {
    let shared = "c pays 5.00 of EC2 by susan
                  card pays 0.00";
    let alone = "card pays 5.00 of EC2 by susan";
    for (switches, expected) in [
        ("acme stops sharing on 2025-02-01", shared),
        ("acme stops sharing on 2025-01-31", alone),
        ("acme stops sharing on 2025-01-30", alone),
        (
            "acme stops sharing on 2025-01-01\n acme shares again on 2025-01-31",
            shared,
        ),
        (
            "acme stops sharing on 2025-01-01\n acme shares again on 2025-02-01",
            alone,
        ),
        (
            "acme shares again on 2025-01-31\n acme stops sharing on 2025-01-31",
            alone,
        ),
        (
            "acme stops sharing on 2025-01-31\n acme shares again on 2025-01-31",
            shared,
        ),
    ] {
        check(
            &format!("c 100 2025-01-01..\n {switches}"),
            "EC2 5 by susan",
            expected,
        );
    }
}

#[test]
fn a_credit_not_shared_pays_its_owner_only() {
    check(
        "c 100 2025-01-01.. share=disabled",
        "EC2 5 by susan
         EC2 3",
        "c pays 3.00 of EC2
         card pays 5.00 of EC2 by susan",
    );
}

#[test]
fn a_credit_shared_with_named_accounts_pays_these_and_its_owner() {
    let charges = "EC2 5 by susan
                   EC2 4 by jorge
                   EC2 3";
    check(
        "c 100 2025-01-01.. share=susan",
        charges,
        "c pays 5.00 of EC2 by susan
         c pays 3.00 of EC2
         card pays 4.00 of EC2 by jorge",
    );
    check(
        "c 100 2025-01-01.. share=susan,jorge
         jorge stops sharing on 2025-01-01",
        charges,
        "c pays 5.00 of EC2 by susan
         c pays 3.00 of EC2
         card pays 4.00 of EC2 by jorge",
    );
}

#[test]
fn an_account_in_the_bill_is_a_member_for_it_unless_a_membership_is_on_record() {
    let charges = "EC2 5 by susan
                   EC2 3";
    let hers = "hers 100 2025-01-01.. owner=susan";
    check(
        hers,
        charges,
        "hers pays 5.00 of EC2 by susan
         hers pays 3.00 of EC2
         card pays 0.00",
    );
    check(
        &format!("{hers}\n susan joins acme on 2024-01-01\n susan leaves on 2024-12-31"),
        charges,
        "card pays 5.00 of EC2 by susan
         card pays 3.00 of EC2
         card pays 8.00 in all",
    );
    check(
        &format!("{hers}\n susan stops sharing on 2024-01-01"),
        charges,
        "hers pays 5.00 of EC2 by susan
         card pays 3.00 of EC2",
    );
}

#[test]
fn an_account_that_is_not_in_the_bill_brings_nothing_without_a_membership() {
    check(
        "hers 100 2025-01-01.. owner=susan",
        "EC2 3",
        "card pays 3.00 of EC2",
    );
    check(
        "hers 100 2025-01-01.. owner=susan
         susan joins acme on 2025-01-01",
        "EC2 3",
        "hers pays 3.00 of EC2
         card pays 0.00",
    );
}

#[test]
fn credits_come_along_from_the_first_1st_as_a_member_on() {
    for (joined, expected) in [
        (
            "2024-12-31",
            "hers pays 3.00 of EC2
             card pays 0.00",
        ),
        (
            "2025-01-01",
            "hers pays 3.00 of EC2
             card pays 0.00",
        ),
        ("2025-01-02", "card pays 3.00 of EC2"),
        ("2025-01-31", "card pays 3.00 of EC2"),
        ("2025-02-01", "card pays 3.00 of EC2"),
    ] {
        check(
            &format!("hers 100 2024-01-01.. owner=susan\n susan joins acme on {joined}"),
            "EC2 3",
            expected,
        );
    }
}

#[test]
fn an_account_that_joins_during_the_month_consumes_but_brings_nothing() {
    check(
        "hers  100 2024-01-01..2025-06-30 owner=susan
         acmes 100 2024-01-01..2025-12-31
         susan joins acme on 2025-01-31",
        "EC2 5 by susan
         EC2 3",
        "acmes pays 5.00 of EC2 by susan
         acmes pays 3.00 of EC2
         card pays 0.00",
    );
}

#[test]
fn an_account_that_joins_after_the_month_or_belongs_elsewhere_consumes_nothing() {
    for membership in [
        "susan joins acme on 2025-02-01",
        "susan joins other on 2024-01-01",
        "susan joins acme on 2024-01-01\n susan leaves on 2024-12-31",
    ] {
        check(
            &format!("acmes 100 2024-01-01..\n {membership}"),
            "EC2 5 by susan
             EC2 3",
            "acmes pays 3.00 of EC2
             card pays 5.00 of EC2 by susan",
        );
    }
}

#[test]
fn the_leaving_date_is_the_last_day_of_membership() {
    let stays = "hers pays 3.00 of EC2
                 card pays 0.00";
    for (left, expected) in [
        ("2025-02-01", stays),
        ("2025-01-31", stays),
        ("2025-01-02", stays),
        ("2025-01-01", stays),
        ("2024-12-31", "card pays 3.00 of EC2"),
    ] {
        check(
            &format!(
                "hers 100 2024-01-01.. owner=susan
                 susan joins acme on 2024-06-15
                 susan leaves on {left}"
            ),
            "EC2 3",
            expected,
        );
    }
}

#[test]
fn an_account_that_leaves_during_the_month_consumes_for_all_of_it() {
    check(
        "acmes 100 2024-01-01..
         susan joins acme on 2024-06-15
         susan leaves on 2025-01-01",
        "EC2 5 by susan on 2025-01-31",
        "acmes pays 5.00 of EC2 by susan on 2025-01-31
         card pays 0.00",
    );
}

#[test]
fn between_two_payers_credits_stay_with_the_old_one_for_the_month_of_the_change() {
    let record = "hers 100 2024-01-01.. owner=susan
                  susan joins acme on 2024-06-15
                  susan joins other on 2025-01-10";
    let hers_pays = "hers pays 3.00 of EC2
                     card pays 0.00";
    let card_pays = "card pays 3.00 of EC2";
    for (bill, expected) in [
        ("acme 2025-01", hers_pays),
        ("other 2025-01", card_pays),
        ("acme 2025-02", card_pays),
        ("other 2025-02", hers_pays),
        ("susan 2025-01", card_pays),
        ("susan 2025-02", card_pays),
    ] {
        check(record, &format!("bill {bill}\n EC2 3"), expected);
    }
}

#[test]
fn an_account_that_changes_payers_consumes_from_both_in_that_month() {
    let record = "acmes  100 2024-01-01.. owner=acme
                  others 100 2024-01-01.. owner=other
                  susan joins acme on 2024-06-15
                  susan joins other on 2025-01-10";
    check(
        record,
        "bill acme 2025-01
         EC2 5 by susan",
        "acmes pays 5.00 of EC2 by susan
         card pays 0.00",
    );
    check(
        record,
        "bill other 2025-01
         EC2 5 by susan",
        "others pays 5.00 of EC2 by susan
         card pays 0.00",
    );
    check(
        record,
        "bill acme 2025-02
         EC2 5 by susan",
        "card pays 5.00 of EC2 by susan",
    );
}

#[test]
fn an_account_that_returns_brings_its_credits_with_the_next_month() {
    let record = "hers 100 2024-01-01.. owner=susan
                  susan joins acme on 2024-06-01
                  susan leaves on 2024-10-31
                  susan joins acme on 2024-12-02";
    for (month, expected) in [
        (
            "2024-10",
            "hers pays 3.00 of EC2
             card pays 0.00",
        ),
        ("2024-11", "card pays 3.00 of EC2"),
        ("2024-12", "card pays 3.00 of EC2"),
        (
            "2025-01",
            "hers pays 3.00 of EC2
             card pays 0.00",
        ),
    ] {
        check(record, &format!("bill acme {month}\n EC2 3"), expected);
    }
}

#[test]
fn a_standalone_account_uses_its_credits_until_the_day_it_joins() {
    let record = "hers 100 2024-01-01.. owner=susan
                  susan joins acme on 2025-01-11";
    check(
        record,
        "bill susan 2025-01
         EC2 1 on 2025-01-10 #before
         EC2 2 on 2025-01-11 #on
         EC2 4 on 2025-01-12 #after
         EC2 8 #undated
         EC2 16 by jorge on 2025-01-01 #of-another",
        "hers pays 1.00 of #before
         hers pays 8.00 of #undated
         card pays 2.00 of #on
         card pays 4.00 of #after
         card pays 16.00 of #of-another
         card pays 22.00 in all",
    );
    check(
        record,
        "bill susan 2024-12
         EC2 1",
        "hers pays 1.00 of EC2
         card pays 0.00",
    );
}

#[test]
fn the_joining_day_and_the_end_date_close_whichever_comes_first() {
    check(
        "hers 100 2024-01-01..2025-01-05 owner=susan
         susan joins acme on 2025-01-11",
        "bill susan 2025-01
         EC2 1 on 2025-01-05 #in-time
         EC2 2 on 2025-01-06 #after-the-end",
        "hers pays 1.00 of #in-time
         card pays 2.00 of #after-the-end",
    );
}

#[test]
fn a_payers_and_its_members_credits_are_one_pool() {
    check(
        "resellers 5 2025-01-01..2025-12-31
         hers      5 2025-01-01..2025-06-30 owner=susan
         his       5 2025-01-01..2025-09-30 owner=jorge
         susan joins acme on 2024-01-01
         jorge joins acme on 2024-01-01",
        "EC2 12 by susan",
        "hers pays 5.00 of EC2 by susan
         his pays 5.00 of EC2 by susan
         resellers pays 2.00 of EC2 by susan
         card pays 0.00",
    );
}

// ---- B1 to B4: the burn order -----------------------------------------------------------------

#[test]
fn credits_for_before_discounts_burn_first() {
    check(
        "after  5 2025-01-01..2025-01-31
         before 5 2025-01-01.. stage=before",
        "EC2 7",
        "before pays 5.00 of EC2
         after pays 2.00 of EC2
         card pays 0.00",
    );
}

#[test]
fn a_day_sooner_is_sooner_and_no_end_is_last() {
    check(
        "forever  5 2025-01-01..
         second   5 2025-01-01..2025-12-31
         first    5 2025-01-01..2025-12-30
         far-away 5 2025-01-01..9999-12-31",
        "EC2 18",
        "first pays 5.00 of EC2
         second pays 5.00 of EC2
         far-away pays 5.00 of EC2
         forever pays 3.00 of EC2
         card pays 0.00",
    );
}

#[test]
fn the_end_date_decides_whatever_the_end_rule() {
    check(
        "longer  5 2025-01-01..2025-01-20
         shorter 5 2025-01-01..2025-01-10 end-rule=month",
        "EC2 7",
        "shorter pays 5.00 of EC2
         longer pays 2.00 of EC2
         card pays 0.00",
    );
}

#[test]
fn fewer_services_burn_first_and_all_but_counts_as_all() {
    check(
        "all   1 2024-01-01..2025-12-31
         but   1 2023-01-01..2025-12-31 services!=S3
         three 1 2022-01-01..2025-12-31 services=EC2,S3,Lambda
         two   1 2025-01-01..2025-12-31 services=EC2,S3
         twice 1 2025-01-02..2025-12-31 services=EC2,S3,EC2,S3",
        "EC2 5",
        "two pays 1.00 of EC2
         twice pays 1.00 of EC2
         three pays 1.00 of EC2
         but pays 1.00 of EC2
         all pays 1.00 of EC2
         card pays 0.00",
    );
}

#[test]
fn the_end_comes_before_the_number_of_services() {
    check(
        "narrow 5 2025-01-01..2025-12-31 services=EC2
         soon   5 2025-01-01..2025-06-30",
        "EC2 7",
        "soon pays 5.00 of EC2
         narrow pays 2.00 of EC2
         card pays 0.00",
    );
}

#[test]
fn older_starts_burn_first_then_older_entries_then_parts_in_order() {
    check(
        "younger 1 2025-01-02..2025-12-31
         second  1 2025-01-01..2025-12-31
         third   1 2025-01-01..2025-12-31
         older   1 2024-12-31..2025-12-31",
        "EC2 4",
        "older pays 1.00 of EC2
         second pays 1.00 of EC2
         third pays 1.00 of EC2
         younger pays 1.00 of EC2
         card pays 0.00",
    );
    check(
        "a 1 2025-01-01.. entry=10
         b 1 2025-01-01.. entry=9.10
         c 1 2025-01-01.. entry=9.9
         d 1 2025-01-01.. entry=9",
        "EC2 4",
        "d pays 1.00 of EC2
         c pays 1.00 of EC2
         b pays 1.00 of EC2
         a pays 1.00 of EC2
         card pays 0.00",
    );
}

#[test]
fn the_burn_order_is_a_list_of_keys_that_rules_may_change() {
    let credits = "soon   5 2025-01-01..2025-06-30
                   old    5 2024-01-01..2025-12-31";
    check(
        credits,
        "EC2 7",
        "soon pays 5.00 of EC2
         old pays 2.00 of EC2
         card pays 0.00",
    );
    check(
        &format!("rules order=stage,start_date,end_date\n {credits}"),
        "EC2 7",
        "old pays 5.00 of EC2
         soon pays 2.00 of EC2
         card pays 0.00",
    );
}

// ---- C1 to C4: where a credit lands -----------------------------------------------------------

#[test]
fn charges_of_the_owner_come_first_however_small() {
    check(
        "hers 5 2025-01-01.. owner=susan",
        "EC2 100
         EC2 3 by susan
         EC2 50 by jorge",
        "hers pays 2.00 of EC2
         hers pays 3.00 of EC2 by susan
         card pays 98.00 of EC2
         card pays 50.00 of EC2 by jorge
         card pays 148.00 in all",
    );
}

#[test]
fn then_the_account_with_the_highest_amount_in_all() {
    check(
        "c 12 2025-01-01..",
        "EC2 7 by jorge
         EC2 4 by susan
         S3  4 by susan",
        "c pays 4.00 of EC2 by jorge
         c pays 4.00 of EC2 by susan
         c pays 4.00 of S3 by susan
         card pays 3.00 of EC2 by jorge",
    );
}

#[test]
fn the_highest_amount_is_that_of_what_the_credit_may_pay() {
    check(
        "c 5 2025-01-01.. services=EC2",
        "EC2 4 by jorge
         S3 90 by jorge
         EC2 5 by susan",
        "c pays 5.00 of EC2 by susan
         card pays 4.00 of EC2 by jorge
         card pays 90.00 of S3 by jorge
         card pays 94.00 in all",
    );
    check(
        "c 5 2025-01-01..",
        "EC2 4
         EC2 90 as tax
         S3 5",
        "c pays 5.00 of S3
         card pays 4.00 of EC2
         card pays 90.00 of EC2 as tax
         card pays 94.00 in all",
    );
    check(
        "c 5 2025-01-01..2025-01-15",
        "EC2 4 on 2025-01-15
         EC2 90 on 2025-01-16
         S3 5 on 2025-01-15",
        "c pays 5.00 of S3 on 2025-01-15
         card pays 4.00 of EC2 on 2025-01-15
         card pays 90.00 of EC2 on 2025-01-16
         card pays 94.00 in all",
    );
}

#[test]
fn in_an_account_the_service_with_the_highest_amount_in_all_not_the_largest_charge() {
    check(
        "c 20 2025-01-01..",
        "S3  10 #s3
         EC2 6 #large
         EC2 5 #small",
        "c pays 9.00 of #s3
         c pays 6.00 of #large
         c pays 5.00 of #small
         card pays 1.00 of #s3",
    );
    check(
        "c 20 2025-01-01..",
        "S3  10 in eu #s3
         EC2 6 in eu #large
         EC2 5 in us as support on 2025-01-31 #small",
        "c pays 9.00 of #s3
         c pays 6.00 of #large
         c pays 5.00 of #small
         card pays 1.00 of #s3",
    );
}

#[test]
fn in_a_service_the_largest_charge_across_regions_categories_and_days() {
    check(
        "c 13 2025-01-01..",
        "EC2 3 in eu #three
         EC2 6 in us on 2025-01-02 #six
         EC2 4 as recurring_fee #four
         EC2 5 in eu on 2025-01-03 #five",
        "c pays 6.00 of #six
         c pays 2.00 of #four
         c pays 5.00 of #five
         card pays 3.00 of #three
         card pays 2.00 of #four
         card pays 5.00 in all",
    );
}

#[test]
fn a_credit_goes_on_to_the_next_service_and_account_until_it_is_empty() {
    check(
        "c 18 2025-01-01..",
        "S3  2
         EC2 3
         S3  4 by susan
         EC2 5 by susan
         EC2 6 by jorge",
        "c pays 2.00 of S3
         c pays 3.00 of EC2
         c pays 4.00 of S3 by susan
         c pays 5.00 of EC2 by susan
         c pays 4.00 of EC2 by jorge
         card pays 2.00 of EC2 by jorge",
    );
}

#[test]
fn amounts_are_what_earlier_credits_left() {
    check(
        "first  6 2025-01-01..2025-01-31 services=EC2
         second 6 2025-01-01..2025-02-28",
        "EC2 10
         S3 5",
        "first pays 6.00 of EC2
         second pays 1.00 of EC2
         second pays 5.00 of S3
         card pays 3.00 of EC2",
    );
}

#[test]
fn a_charge_paid_in_part_takes_its_new_place_among_the_others() {
    check(
        "first  6 2025-01-01..2025-01-31
         second 7 2025-01-01..2025-02-28
         third  1 2025-01-01..2025-03-31",
        "EC2 10 #ten
         EC2 5 #five
         EC2 3 #three",
        "first pays 6.00 of #ten
         second pays 2.00 of #ten
         second pays 5.00 of #five
         third pays 1.00 of #three
         card pays 2.00 of #ten
         card pays 2.00 of #three
         card pays 4.00 in all",
    );
}

#[test]
fn the_order_is_made_once_when_a_credits_turn_comes() {
    // 12 of EC2 are more than 10 of S3 at first; after 6 of them they would be less.
    check(
        "c 8 2025-01-01..",
        "EC2 6 #large
         EC2 6 #other
         S3 10 #s3",
        "c pays 6.00 of #large
         c pays 2.00 of #other
         card pays 4.00 of #other
         card pays 10.00 of #s3
         card pays 14.00 in all",
    );
}

#[test]
fn equal_accounts_services_and_charges_go_by_name() {
    check(
        "c 3 2025-01-01..",
        "EC2 2 by susan
         EC2 2 by jorge",
        "c pays 1.00 of EC2 by susan
         c pays 2.00 of EC2 by jorge
         card pays 1.00 of EC2 by susan",
    );
    check(
        "c 3 2025-01-01..",
        "S3 2
         EC2 2",
        "c pays 1.00 of S3
         c pays 2.00 of EC2
         card pays 1.00 of S3",
    );
    check(
        "c 5 2025-01-01..",
        "EC2 2 in us #a
         EC2 2 in eu #b
         EC2 2 #c",
        "c pays 1.00 of #a
         c pays 2.00 of #b
         c pays 2.00 of #c
         card pays 1.00 of #a",
    );
}

#[test]
fn equal_charges_go_by_id_as_bytes_and_those_without_come_first() {
    check(
        "c 7 2025-01-01..",
        "EC2 2 #9
         EC2 2 #10
         EC2 2 #A
         EC2 2",
        "c pays 2.00 of #9
         c pays 2.00 of #10
         c pays 1.00 of #A
         c pays 2.00 of EC2
         card pays 1.00 of #A",
    );
}

#[test]
fn equal_charges_without_id_go_by_category_start_end_and_description() {
    check(
        "c 15 2025-01-01..",
        "EC2 2 on 2025-01-02 until 2025-01-04 called b
         EC2 2 on 2025-01-02 until 2025-01-04 called a
         EC2 2 on 2025-01-02 until 2025-01-03 called z
         EC2 2 on 2025-01-01 until 2025-01-31
         EC2 2 on 2025-01-02
         EC2 2 called y
         EC2 2 as recurring_fee on 2025-01-31
         EC2 2",
        "c pays 1.00 of EC2 on 2025-01-02 until 2025-01-04 called b
         c pays 2.00 of EC2 on 2025-01-02 until 2025-01-04 called a
         c pays 2.00 of EC2 on 2025-01-02 until 2025-01-03 called z
         c pays 2.00 of EC2 on 2025-01-01 until 2025-01-31
         c pays 2.00 of EC2 on 2025-01-02
         c pays 2.00 of EC2 called y
         c pays 2.00 of EC2 as recurring_fee on 2025-01-31
         c pays 2.00 of EC2
         card pays 1.00 of EC2 on 2025-01-02 until 2025-01-04 called b",
    );
    check(
        "c 3 2025-01-01..",
        "EC2 2
         EC2 2 as recurring_fee",
        "c pays 1.00 of EC2
         c pays 2.00 of EC2 as recurring_fee
         card pays 1.00 of EC2",
    );
    check(
        "c 5 2025-01-01..",
        "EC2 2 called y
         EC2 2 on 2025-01-01
         EC2 2",
        "c pays 2.00 of EC2 called y
         c pays 1.00 of EC2 on 2025-01-01
         c pays 2.00 of EC2
         card pays 1.00 of EC2 on 2025-01-01",
    );
}

// ---- D1: what credits never do ----------------------------------------------------------------

#[test]
fn a_credit_pays_no_more_than_the_charge_and_no_more_than_it_has() {
    check(
        "c 10 2025-01-01..",
        "EC2 9.999999999999999999",
        "c pays 9.999999999999999999 of EC2
         card pays 0.00",
    );
    check(
        "c 10 2025-01-01..",
        "EC2 10.000000000000000001",
        "c pays 10.00 of EC2
         card pays 0.000000000000000001 of EC2",
    );
    check(
        "c 999999999999999.999999999999999999 2025-01-01..",
        "EC2 999999999999999.999999999999999998
         S3  0.000000000000000001",
        "c pays 999999999999999.999999999999999998 of EC2
         c pays 0.000000000000000001 of S3
         card pays 0.00",
    );
}

#[test]
fn charges_of_nothing_are_paid_by_nobody() {
    check(
        "c 10 2025-01-01..",
        "EC2 0 #zero
         EC2 0.00 as discount #none
         S3 4",
        "c pays 4.00 of S3
         card pays 0.00",
    );
}

#[test]
fn refunds_and_discounts_beyond_the_charges_are_a_refund_due() {
    check(
        "c 10 2025-01-01..",
        "EC2 4 #usage
         EC2 -6 as refund #refund
         S3 -5 as discount #discount",
        "c pays 4.00 of #usage
         card pays -6.00 of #refund
         card pays -5.00 of #discount
         card pays -11.00 in all",
    );
}

// ---- D2: what is covered ----------------------------------------------------------------------

#[test]
fn usage_recurring_fees_and_support_are_covered_unless_something_else_is_said() {
    check(
        "c 100 2025-01-01..",
        "EC2 1 as usage
         EC2 2 as recurring_fee
         AWSSupportBusiness 3 as support
         EC2 4 as tax
         EC2 5 as marketplace
         EC2 6 as third_party_model
         EC2 7 as upfront_fee
         EC2 8 as other",
        "c pays 1.00 of EC2 as usage
         c pays 2.00 of EC2 as recurring_fee
         c pays 3.00 of AWSSupportBusiness as support
         card pays 4.00 of EC2 as tax
         card pays 5.00 of EC2 as marketplace
         card pays 6.00 of EC2 as third_party_model
         card pays 7.00 of EC2 as upfront_fee
         card pays 8.00 of EC2 as other
         card pays 30.00 in all",
    );
}

#[test]
fn naming_categories_replaces_the_defaults() {
    check(
        "c 100 2025-01-01.. categories=tax,marketplace,third_party_model,upfront_fee,other",
        "EC2 1 as usage
         EC2 2 as recurring_fee
         EC2 3 as support
         EC2 4 as tax
         EC2 5 as marketplace
         EC2 6 as third_party_model
         EC2 7 as upfront_fee
         EC2 8 as other",
        "c pays 4.00 of EC2 as tax
         c pays 5.00 of EC2 as marketplace
         c pays 6.00 of EC2 as third_party_model
         c pays 7.00 of EC2 as upfront_fee
         c pays 8.00 of EC2 as other
         card pays 1.00 of EC2 as usage
         card pays 2.00 of EC2 as recurring_fee
         card pays 3.00 of EC2 as support
         card pays 6.00 in all",
    );
}

#[test]
fn excluding_categories_adds_to_the_defaults() {
    check(
        "c 100 2025-01-01.. categories!=recurring_fee",
        "EC2 1 as usage
         EC2 2 as recurring_fee
         EC2 4 as tax",
        "c pays 1.00 of EC2 as usage
         card pays 2.00 of EC2 as recurring_fee
         card pays 4.00 of EC2 as tax
         card pays 6.00 in all",
    );
}

#[test]
fn activate_credits_cover_models_of_other_vendors() {
    let charges = "Bedrock 5 as third_party_model
                   Bedrock 3 as marketplace";
    check(
        "c 100 2025-01-01.. kind=activate",
        charges,
        "c pays 5.00 of Bedrock as third_party_model
         card pays 3.00 of Bedrock as marketplace",
    );
    check(
        "c 100 2025-01-01.. kind=activate categories!=usage",
        charges,
        "c pays 5.00 of Bedrock as third_party_model
         card pays 3.00 of Bedrock as marketplace",
    );
    for narrower in [
        "kind=activate categories!=third_party_model",
        "kind=activate categories=usage",
        "kind=educational",
        "kind=earned",
    ] {
        check(
            &format!("c 100 2025-01-01.. {narrower}"),
            charges,
            "card pays 5.00 of Bedrock as third_party_model
             card pays 3.00 of Bedrock as marketplace
             card pays 8.00 in all",
        );
    }
}

#[test]
fn services_that_credits_never_cover_are_covered_when_named() {
    let charges = "AmazonRegistrar 12
                   AmazonMTurk 5
                   AWSSupportEnterprise 9 as support
                   EC2 1";
    check(
        "c 100 2025-01-01..",
        charges,
        "c pays 1.00 of EC2
         card pays 12.00 of AmazonRegistrar
         card pays 5.00 of AmazonMTurk
         card pays 9.00 of AWSSupportEnterprise as support
         card pays 26.00 in all",
    );
    check(
        "c 100 2025-01-01.. services=AmazonRegistrar,AWSSupportEnterprise",
        charges,
        "c pays 12.00 of AmazonRegistrar
         c pays 9.00 of AWSSupportEnterprise as support
         card pays 5.00 of AmazonMTurk
         card pays 1.00 of EC2
         card pays 6.00 in all",
    );
}

#[test]
fn excluding_services_adds_to_those_never_covered() {
    check(
        "c 100 2025-01-01.. services!=S3",
        "AmazonRegistrar 12
         S3 5
         EC2 1",
        "c pays 1.00 of EC2
         card pays 12.00 of AmazonRegistrar
         card pays 5.00 of S3
         card pays 17.00 in all",
    );
}

#[test]
fn naming_a_service_does_not_name_its_tax() {
    check(
        "c 100 2025-01-01.. services=EC2",
        "EC2 5 as tax",
        "card pays 5.00 of EC2 as tax",
    );
}

#[test]
fn a_positive_adjustment_is_covered_like_usage() {
    check(
        "c 100 2025-01-01..",
        "EC2 5 as adjustment",
        "c pays 5.00 of EC2 as adjustment
         card pays 0.00",
    );
    check(
        "c 100 2025-01-01.. categories=usage",
        "EC2 5 as adjustment",
        "c pays 5.00 of EC2 as adjustment
         card pays 0.00",
    );
    for without_usage in ["categories!=usage", "categories=recurring_fee"] {
        check(
            &format!("c 100 2025-01-01.. {without_usage}"),
            "EC2 5 as adjustment",
            "card pays 5.00 of EC2 as adjustment",
        );
    }
}

#[test]
fn a_positive_refund_or_discount_only_adds_to_the_card_charge() {
    check(
        "c 100 2025-01-01..",
        "EC2 5 as refund
         EC2 3 as discount
         EC2 1",
        "c pays 1.00 of EC2
         card pays 5.00 of EC2 as refund
         card pays 3.00 of EC2 as discount
         card pays 8.00 in all",
    );
}

#[test]
fn the_providers_own_credits_are_kept_apart() {
    let record = record("c 100 2025-01-01..");
    let Billed { bill, .. } = billed(
        "EC2 20
         EC2 -15 as credit",
    );
    let totals = applied(&record, bill).totals();
    assert_eq!(totals.charges, money("20"));
    assert_eq!(totals.provider_credits, money("-15"));
    assert_eq!((totals.credits, totals.card), (money("20"), Money::ZERO));
}

// ---- D3: discounts ----------------------------------------------------------------------------

#[test]
fn discounts_reduce_the_largest_charge_of_their_account_and_service_first() {
    check(
        "",
        "EC2 5 #small
         EC2 8 #large
         EC2 -10 as discount #discount
         S3 20 #other-service
         EC2 20 by susan #other-account",
        "discounts take 2.00 off #small
         discounts take 8.00 off #large
         card pays 3.00 of #small
         card pays 20.00 of #other-service
         card pays 20.00 of #other-account
         card pays 43.00 in all",
    );
}

#[test]
fn discounts_and_negative_adjustments_are_summed_before_they_reduce() {
    check(
        "",
        "EC2 -4 as discount #discount
         EC2 10 #ten
         EC2 9 #nine
         EC2 -5 as adjustment #adjustment",
        "discounts take 9.00 off #ten
         card pays 1.00 of #ten
         card pays 9.00 of #nine
         card pays 10.00 in all",
    );
}

#[test]
fn discounts_reduce_charges_that_no_credit_covers_too() {
    check(
        "c 100 2025-01-01..",
        "EC2 8 as tax #tax
         EC2 5 #usage
         EC2 -3 as discount #discount",
        "discounts take 3.00 off #tax
         c pays 5.00 of #usage
         card pays 5.00 of #tax",
    );
}

#[test]
fn discounts_reduce_regardless_of_region_and_day() {
    check(
        "",
        "EC2 5 in eu on 2025-01-01 #usage
         EC2 -3 in us on 2025-01-31 as discount #discount",
        "discounts take 3.00 off #usage
         card pays 2.00 of #usage",
    );
}

#[test]
fn discounts_come_off_before_amounts_are_ranked() {
    check(
        "c 5 2025-01-01..",
        "EC2 10 #ec2
         EC2 -7 as discount #discount
         S3 4 #s3",
        "discounts take 7.00 off #ec2
         c pays 1.00 of #ec2
         c pays 4.00 of #s3
         card pays 2.00 of #ec2",
    );
}

#[test]
fn discounts_come_off_before_credits_of_either_stage() {
    check(
        "c 100 2025-01-01.. stage=before",
        "EC2 10 #ec2
         EC2 -7 as discount #discount",
        "discounts take 7.00 off #ec2
         c pays 3.00 of #ec2
         card pays 0.00",
    );
}

#[test]
fn what_a_discount_does_not_take_off_reduces_the_card_charge() {
    check(
        "c 100 2025-01-01..",
        "EC2 5 #usage
         EC2 -7 as discount #large
         EC2 -2 as discount #small
         S3 3 #s3",
        "discounts take 5.00 off #usage
         c pays 3.00 of #s3
         card pays -2.00 of #large
         card pays -2.00 of #small
         card pays -4.00 in all",
    );
}

#[test]
fn equal_charges_are_discounted_in_the_order_of_ties() {
    check(
        "",
        "EC2 5 #b
         EC2 5 #a
         EC2 5 in eu #0
         EC2 -7 as discount #discount",
        "discounts take 2.00 off #b
         discounts take 5.00 off #a
         card pays 3.00 of #b
         card pays 5.00 of #0
         card pays 8.00 in all",
    );
}

#[test]
fn refunds_and_other_negative_charges_reduce_the_card_charge_only() {
    for negative in ["refund", "usage", "tax", "other"] {
        check(
            "c 100 2025-01-01..",
            &format!("EC2 5 #usage\n EC2 -3 as {negative} #negative"),
            "c pays 5.00 of #usage
             card pays -3.00 of #negative",
        );
    }
}

// ---- D4 to D6 ---------------------------------------------------------------------------------

/// A ledger with nothing in it, and a day on which commands are given.
fn desk(state: State, today: &str) -> Desk {
    Desk::new(state, DateTime::UNIX_EPOCH, day(today))
}

#[test]
fn a_final_bill_never_changes_by_itself() {
    let mut desk = desk(State::default(), "2025-02-03");
    desk.propose(desk.today, Event::Opened(LedgerId([7; 16])), None)
        .expect("a ledger");
    let rules = Rules::current();
    let terms = |line: &str| record(line).held.remove(0).credit.terms;
    let few = terms("few 3 2025-01-01..");
    grant(&mut desk, account("acme"), few).expect("a credit");
    let bill = billed("EC2 10").bill;
    let kept = Kept::default();
    let booked = apply_bill(&mut desk, &kept, bill.clone(), &rules);
    assert_eq!(booked, Ok(Applied::Recorded(3)));
    // A credit that would have paid for it is recorded late.
    let late = terms("late 100 2025-01-01..2025-01-31");
    grant(&mut desk, account("acme"), late).expect("a credit");
    let again = apply_bill(&mut desk, &kept, bill, &rules);
    assert_eq!(again, Ok(Applied::Already(3)));
    let other = billed("EC2 11").bill;
    let refused = apply_bill(&mut desk, &kept, other, &rules);
    assert!(matches!(
        refused,
        Err(Refusal::BillDiffers { entry: 3, .. })
    ));
    let totals = &desk.state.bills.values().next().expect("a bill").totals;
    assert_eq!((totals.credits, totals.card), (money("3"), money("7")));
}

#[test]
fn bills_are_booked_in_the_order_of_their_months() {
    let mut desk = desk(State::default(), "2025-06-03");
    desk.propose(desk.today, Event::Opened(LedgerId([7; 16])), None)
        .expect("a ledger");
    let rules = Rules::current();
    for (bill, taken) in [
        ("acme 2025-03", true),
        ("acme 2025-02", false),
        ("other 2025-01", true),
        ("acme 2025-01 EUR", true),
        ("acme 2025-04", true),
    ] {
        let bill = billed(&format!("bill {bill}\n EC2 1")).bill;
        let decided = apply_bill(&mut desk, &Kept::default(), bill, &rules);
        if taken {
            assert!(decided.is_ok(), "{decided:?}");
        } else {
            assert!(
                matches!(decided, Err(Refusal::OutOfOrder { .. })),
                "{decided:?}"
            );
        }
    }
}

#[test]
fn tax_is_read_never_computed() {
    check(
        "c 100 2025-01-01..",
        "EC2 100
         EC2 0.37 as tax",
        "c pays 100.00 of EC2
         card pays 0.37 of EC2 as tax",
    );
    check(
        "c 100 2025-01-01.. categories=usage,tax",
        "EC2 90
         EC2 19.37 as tax",
        "c pays 90.00 of EC2
         c pays 10.00 of EC2 as tax
         card pays 9.37 of EC2 as tax",
    );
}

#[test]
fn nothing_is_rounded_but_the_card_charge_once() {
    check(
        "c 0.007 2025-01-01..",
        "EC2 0.0051
         S3 0.0049
         Lambda 0.0049",
        "c pays 0.0051 of EC2
         c pays 0.0019 of Lambda
         card pays 0.0049 of S3
         card pays 0.003 of Lambda
         card pays 0.0079 in all",
    );
    for (charges, currency, rounded) in [
        ("EC2 0.0049\n S3 0.0001", "USD", "0.01"),
        ("EC2 0.0049\n S3 0.00009", "USD", "0.00"),
        ("EC2 -0.005 as refund", "USD", "-0.01"),
        ("EC2 0.4\n S3 0.1", "JPY", "1"),
        ("EC2 0.0005", "KWD", "0.001"),
    ] {
        let Billed { bill, .. } = billed(&format!("bill acme 2025-01 {currency}\n {charges}"));
        let digits = bill.id().currency.minor_digits();
        let card = applied(&record(""), bill).totals().card;
        assert_eq!(card.round_half_away(digits).text(digits), rounded);
    }
}

// ---- What a bill is not -----------------------------------------------------------------------

#[test]
fn what_is_no_bill_is_refused() {
    let charges = billed("EC2 1 #7\n S3 2 #8 on 2025-01-05").bill;
    let with = |change: &dyn Fn(&mut Vec<Charge>)| {
        let mut changed = charges.charges().to_vec();
        change(&mut changed);
        Bill::new(charges.id().clone(), Status::Final, None, changed)
    };
    assert_eq!(
        with(&|charges| charges[1].id = charges[0].id.clone()),
        Err(BillError::DuplicateId("7".into()))
    );
    assert!(matches!(
        with(&|charges| charges[1].end = Some(day("2025-01-04"))),
        Err(BillError::EndsBeforeItStarts { .. })
    ));
    assert!(with(&|charges| charges[1].end = Some(day("2025-01-05"))).is_ok());
}

// ---- Why a charge is not paid -----------------------------------------------------------------

#[test]
fn the_first_rule_that_keeps_a_credit_out_is_told_in_words() {
    for (credit, charge, expected) in [
        (
            "currency=EUR",
            "EC2 5",
            "c, EC2: currency, is in EUR, the bill in USD",
        ),
        ("voided", "EC2 5", "c, EC2: voided, is voided"),
        ("paused", "EC2 5", "c, EC2: paused, is paused on 2025-01-31"),
        (
            "categories=tax,support",
            "EC2 5",
            "c, EC2: category, covers support, tax only",
        ),
        (
            "categories!=usage",
            "EC2 5",
            "c, EC2: category, excludes usage",
        ),
        (
            "categories!=usage",
            "EC2 5 as adjustment #1",
            "c, #1: category, excludes usage",
        ),
        (
            "",
            "EC2 5 as tax #1",
            "c, #1: category, does not cover tax unless it names it",
        ),
        (
            "",
            "EC2 5 as refund #1",
            "c, #1: category, no credit pays a refund",
        ),
        (
            "",
            "EC2 -5 as discount #1",
            "c, #1: category, no credit pays a negative discount",
        ),
        ("services=S3", "EC2 5", "c, EC2: service, covers S3 only"),
        ("services!=EC2", "EC2 5", "c, EC2: service, excludes EC2"),
        (
            "",
            "AmazonMTurk 5",
            "c, AmazonMTurk: service, does not cover AmazonMTurk unless it names it",
        ),
        (
            "regions=eu",
            "EC2 5 in us #1",
            "c, #1: region, covers eu only",
        ),
        (
            "regions!=us",
            "EC2 5 in us #1",
            "c, #1: region, excludes us",
        ),
        (
            "regions=eu",
            "EC2 5",
            "c, EC2: region, covers eu only, the charge has no region",
        ),
        (
            "regions!=us-*",
            "EC2 5 in us-east-1 #1",
            "c, #1: region, excludes us-*",
        ),
        (
            "regions=eu-*",
            "EC2 5 in global #1",
            "c, #1: region, covers eu-* only, the charge is global, of no one region",
        ),
        (
            "regions=eu-central-1,eu-central-1-ham-1",
            "EC2 5 in eu-central-1-waw-1 #1",
            "c, #1: region, covers eu-central-1, eu-central-1-ham-1 only, all in DE, eu-central-1-waw-1 is in PL",
        ),
        (
            "regions=eu-central-1,eu-central-1-ham-1",
            "EC2 5 in europe-west3 #1",
            "c, #1: region, covers eu-central-1, eu-central-1-ham-1 only, europe-west3 is in DE too, but not among them",
        ),
        (
            "regions=eu-central-1,eu-central-1-ham-1",
            "EC2 5 in elsewhere #1",
            "c, #1: region, covers eu-central-1, eu-central-1-ham-1 only",
        ),
        (
            "regions=eu-central-1,eu-west-1",
            "EC2 5 in us-east-1 #1",
            "c, #1: region, covers eu-central-1, eu-west-1 only",
        ),
        (
            "owner=susan",
            "EC2 5",
            "c, EC2: account, belongs to susan, whose credits are in the pool of susan, not of acme, for 2025-01",
        ),
        (
            "owner=jorge",
            "EC2 5 by jorge #1",
            "c, #1: account, belongs to jorge, which joined on 2025-01-02: it enters the pool with the next month",
        ),
        (
            "share=disabled",
            "EC2 5 by susan #1",
            "c, #1: sharing, is not shared with susan",
        ),
        (
            "left=0",
            "EC2 5",
            "c, EC2: exhausted, nothing was left of it",
        ),
        (
            "",
            "EC2 -5 as usage #1",
            "c, #1: nothing_left_to_pay, there is nothing to pay",
        ),
    ] {
        check_why(
            &format!("c 10 2025-01-01.. {credit}\n jorge joins acme on 2025-01-02"),
            charge,
            expected,
        );
    }
    check_why(
        "c 10 2025-01-01..
         susan joins other on 2024-01-11",
        "EC2 5 by susan #1",
        "c, #1: account, account susan is no member of acme in 2025-01",
    );
    check_why(
        "c 10 2025-01-01..",
        "EC2 5 #1
         EC2 -5 as discount #2",
        "c, #1: nothing_left_to_pay, a discount took all of the charge
         c, #2: category, no credit pays a negative discount",
    );
    check_why(
        "late  10 2025-02-15..
         early 10 2024-01-01..2025-01-15",
        "EC2 5 on 2025-01-16 #1",
        "early, #1: ended, ended on 2025-01-15
         late, #1: not_started, starts on 2025-02-15",
    );
}

#[test]
fn what_credits_never_pay_is_kept_out_by_its_category() {
    let record = record("c 10 2025-01-01.. kind=activate");
    for category in [
        "tax",
        "marketplace",
        "upfront_fee",
        "other",
        "refund",
        "discount",
    ] {
        let Billed { bill, .. } = billed(&format!("EC2 5 as {category}"));
        let statement = applied(&record, bill);
        let told = explain(
            &statement,
            &record.standings(),
            &record.accounts,
            &record.rules,
        );
        assert_eq!(told[0].not_paid_by[0].rule.as_str(), "category");
    }
}

#[test]
fn a_credit_that_paid_a_part_is_told_again_as_exhausted() {
    check_why(
        "first  4 2025-01-01..2025-01-31
         second 3 2025-01-01..2025-02-28",
        "EC2 10",
        "first, EC2: exhausted, nothing was left of it
         second, EC2: exhausted, nothing was left of it",
    );
}

#[test]
fn a_credit_that_paid_the_rest_is_not_told() {
    check_why(
        "first  4 2025-01-01..2025-01-31
         second 6 2025-01-01..2025-02-28",
        "EC2 10",
        "first, EC2: exhausted, nothing was left of it",
    );
}

#[test]
fn a_credit_whose_turn_came_when_all_was_paid_is_told_so() {
    check_why(
        "first  10 2025-01-01..2025-01-31
         second 10 2025-01-01..2025-02-28",
        "EC2 10",
        "second, EC2: nothing_left_to_pay, the charge was already paid",
    );
    // A credit that was empty before the bill came is that first of all.
    check_why(
        "first  10 2025-01-01..2025-01-31
         second 10 2025-01-01..2025-02-28 left=0",
        "EC2 10",
        "second, EC2: exhausted, nothing was left of it",
    );
}

#[test]
fn a_credit_that_was_used_up_elsewhere_is_told_as_exhausted() {
    check_why(
        "c 10 2025-01-01..",
        "EC2 10
         S3 1",
        "c, S3: exhausted, nothing was left of it",
    );
}

#[test]
fn reasons_are_told_in_the_order_of_the_rules_and_of_the_burn_order() {
    check_why(
        "b 10 2025-01-01..2025-12-31 services=S3 categories=usage share=disabled
         a 10 2025-01-01..2025-06-30 currency=EUR paused voided",
        "EC2 5 by susan in us as tax #1",
        "a, #1: currency, is in EUR, the bill in USD
         b, #1: category, covers usage only",
    );
}

#[test]
fn every_rule_has_its_own_name() {
    use credits_ledger::ledger::apply::Hindrance::{
        Account, Category, Currency, Ended, Exhausted, NotStarted, NothingLeftToPay, Paused,
        Region, Service, Sharing, Voided,
    };
    let told: BTreeMap<_, _> = [
        Currency,
        NotStarted,
        Ended,
        Voided,
        Paused,
        Category,
        Service,
        Region,
        Account,
        Sharing,
        Exhausted,
        NothingLeftToPay,
    ]
    .into_iter()
    .map(|rule| (rule, rule.to_string()))
    .collect();
    let told: Vec<&str> = told.values().map(String::as_str).collect();
    assert_eq!(
        told.join(", "),
        "currency, not_started, ended, voided, paused, category, service, region, account, \
         sharing, exhausted, nothing_left_to_pay"
    );
}
