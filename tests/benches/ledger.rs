//! A ledger of a million entries: 2,000 credits, 200 accounts, 20,000 bills with what credits pay
//! of them, the rest codes. Prints the median of whole processes: `balance`, `list`, `check`,
//! `verify`, a `grant`, and what looks ahead.
//!
//! On another ledger 100,000 codes are minted to a file and redeemed from it, a transaction each.
//!
//! A forecast is made on ledgers of three years of bills with 1,000 and with 10,000 services: its time
//! grows with these.
//!
//! `LEDGER_ENTRIES=100000` makes a smaller one with the same mixture; `LEDGER_FILE=PATH` keeps it
//! there, and takes the one that is there.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use credits_ledger::ledger::account::AccountChange;
use credits_ledger::ledger::bill::{Bill, Charge, Status};
use credits_ledger::ledger::correct::apply_bills;
use credits_ledger::ledger::credit::{Kind, Sharing, Stage, Terms};
use credits_ledger::ledger::decide::{self, Desk};
use credits_ledger::ledger::entry::Basis;
use credits_ledger::ledger::names::{AccountId, BillId, Currency, OfferId, Region, Service};
use credits_ledger::ledger::offer::{Eligibility, Ends, Makes, Offer};
use credits_ledger::ledger::redeem::{self, CodeState};
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::scope::{Category, CreditScope, Scope};
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use credits_ledger::store::StoreError;
use credits_ledger::store::journal::{Journal, View, mark};

const ACCOUNTS: usize = 200;
const PAYERS: usize = 100;
/// Payers whose last month is still open.
const OPEN: usize = 10;

fn account(at: usize) -> AccountId {
    AccountId::new(&format!("{:012}", 100_000_000_000 + at)).expect("a name")
}

fn service(at: usize) -> Service {
    Service::new(&format!("AmazonService{at:02}")).expect("a name")
}

fn money(text: &str) -> Money {
    Money::parse(text).expect("an amount")
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date")
}

fn terms(at: usize) -> Terms {
    let start_date = day(2009 + at as i32 % 16, 1 + at as u32 % 12, 1);
    Terms {
        kind: Kind::ALL[at % 4],
        name: format!("credit {at}"),
        currency: Currency::USD,
        amount: money("100000"),
        used_before: Money::ZERO,
        start_date,
        end_date: (!at.is_multiple_of(5)).then(|| day(start_date.year() + 2, 12, 31)),
        scope: CreditScope {
            services: if at.is_multiple_of(3) {
                Scope::Only([service(at % 10)].into())
            } else {
                Scope::All
            },
            regions: Scope::All,
            categories: Scope::All,
        },
        stage: Stage::AfterDiscounts,
        sharing: Sharing::Default,
        start_rule: None,
        end_rule: None,
        reference: None,
        offer: None,
    }
}

fn bill(payer: usize, month: Month, status: Status) -> Bill {
    let charge = |at: usize| Charge {
        id: Some(format!("{at}").into()),
        account: account(if at.is_multiple_of(2) {
            payer
        } else {
            payer + PAYERS
        }),
        service: service((payer + at) % 10),
        region: Some(Region::new("us-east-1").expect("a name")),
        category: Category::Usage,
        amount: money(&format!("{}.{:02}", 10 + (payer * 7 + at * 13) % 90, at)),
        start: None,
        end: None,
        description: None,
        count: 1,
    };
    let id = BillId {
        month,
        payer: account(payer),
        currency: Currency::USD,
    };
    Bill::new(id, status, None, (0..8).map(charge).collect()).expect("a bill")
}

fn record(journal: &mut Journal, today: NaiveDate, mut decide: impl FnMut(&mut Desk, View<'_>)) {
    let now: DateTime<Utc> = today.and_hms_opt(12, 0, 0).expect("noon").and_utc();
    let decided = journal.transact(now, today, |desk, view| {
        decide(desk, view);
        Ok::<_, StoreError>(())
    });
    decided.expect("the ledger is written");
}

fn generate(path: &Path, entries: u64) {
    let mut journal = Journal::open_for_writing(path, Duration::from_secs(10)).expect("a ledger");
    let rules = Rules::current();
    let offer = OfferId::new("course").expect("a name");
    record(&mut journal, day(2009, 1, 1), |desk, _| {
        for at in PAYERS..ACCOUNTS {
            let change = AccountChange {
                joins: Some((account(at - PAYERS), day(2009, 1, 1))),
                ..AccountChange::nothing(account(at))
            };
            decide::set_account(desk, change).expect("a member");
        }
        for at in 0..(entries / 500) as usize {
            decide::grant(desk, account(at % ACCOUNTS), terms(at)).expect("a credit");
        }
        let offer = Offer {
            id: offer.clone(),
            name: "Course".to_owned(),
            program: None,
            kind: Kind::Educational,
            makes: Makes::ByCode(money("100")),
            currency: Currency::USD,
            ends: Ends::Never,
            redeem_by: None,
            transferable: true,
            scope: CreditScope::ALL,
            eligible: Eligibility::default(),
            redemptions_max: None,
            per_account_max: None,
            terms: None,
            source: None,
        };
        decide::add_offer(desk, offer).expect("an offer");
    });
    let months = (entries / 50) as usize / PAYERS;
    let mut month = Month::of(day(2009, 1, 1));
    for at in 0..months {
        record(&mut journal, month.last_day(), |desk, view| {
            for payer in 0..PAYERS {
                let open = at + 1 == months && payer < OPEN;
                let status = if open {
                    Status::Estimated
                } else {
                    Status::Final
                };
                let bill = bill(payer, month, status);
                apply_bills::<_, anyhow::Error>(
                    desk,
                    &view,
                    vec![bill],
                    false,
                    Basis::Rules,
                    &rules,
                )
                .expect("booked");
            }
        });
        month = month.next();
    }
    let state = journal.view().state().expect("a state");
    let (ledger, left) = (state.ledger.expect("an id"), entries - state.head);
    for from in (0..left).step_by(20_000) {
        record(&mut journal, day(2025, 12, 1), |desk, _| {
            for at in from..left.min(from + 20_000) {
                let code = mark(ledger, &format!("CODE-{at:09}"));
                redeem::add_code(desk, &offer, code, CodeState::Unknown).expect("a code");
            }
        });
    }
}

fn time(ledger: &Path, name: &str, arguments: &[&str], runs: usize) {
    let mut times: Vec<Duration> = (0..=runs)
        .map(|_| {
            let began = Instant::now();
            let status = Command::new(env!("CARGO_BIN_EXE_credits"))
                .arg("--ledger")
                .arg(ledger)
                .args(["--today", "2025-12-31"])
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .expect("the command runs");
            assert!(
                status.code().is_some_and(|code| code < 2),
                "{name}: {status}"
            );
            began.elapsed()
        })
        .skip(1)
        .collect();
    times.sort();
    println!(
        "{name:<16} {:>10.2} ms",
        times[runs / 2].as_secs_f64() * 1e3
    );
}

/// What a command takes that does something else each time.
fn time_once(folder: &Path, name: &str, line: &str) {
    let began = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_credits"))
        .current_dir(folder)
        .args(["--ledger", "codes.db", "--today", "2025-12-31"])
        .args(line.split(' '))
        .stdout(Stdio::null())
        .status()
        .expect("the command runs");
    assert!(status.success(), "{name}: {status}");
    println!(
        "{name:<16} {:>10.2} ms",
        began.elapsed().as_secs_f64() * 1e3
    );
}

fn codes(folder: &Path) {
    let offer = r#"{"offers": [{"id": "course", "name": "Course", "kind": "educational", "amount": "100", "currency": "USD"}]}"#;
    std::fs::write(folder.join("offer.json"), offer).expect("a file");
    println!("100,000 codes");
    for (name, line) in [
        ("offer add", "offer add offer.json"),
        (
            "code mint",
            "code mint course --count 100000 --out codes.txt",
        ),
        ("redeem --file", "redeem --file codes.txt --account A"),
        ("code list", "code list course"),
        ("verify", "verify"),
    ] {
        time_once(folder, name, line);
    }
}

/// Three years of bills with so many services, and what looks ahead from there.
fn forecasts(folder: &Path, services: usize) {
    let ledger = folder.join(format!("services-{services}.db"));
    let mut bills = String::new();
    for month in (0..36).map(|at| Month::of(day(2023, 1, 1)).plus(at)) {
        let charge = |at: usize| {
            let amount = 1 + (at * 7 + month.days() as usize) % 90;
            format!(
                r#"{{"account": "{}", "service": "Service{at}", "amount": "{amount}.25"}}"#,
                account(at % ACCOUNTS)
            )
        };
        let charges: Vec<String> = (0..services).map(charge).collect();
        bills.push_str(&format!(
            "{{\"account\": \"{}\", \"month\": \"{month}\", \"currency\": \"USD\", \"charges\": [{}]}}\n",
            account(0),
            charges.join(", ")
        ));
    }
    std::fs::write(folder.join("bills.jsonl"), bills).expect("a file");
    for line in [
        "grant --kind activate --amount 900000000 --account 100000000000 --end 2028-12-31",
        "apply bills.jsonl",
    ] {
        let status = Command::new(env!("CARGO_BIN_EXE_credits"))
            .current_dir(folder)
            .arg("--ledger")
            .arg(&ledger)
            .args(["--today", "2023-01-01"])
            .args(line.split(' '))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.expect("the command runs").success(), "{line}");
    }
    println!("three years of bills with {services} services");
    time(&ledger, "forecast", &["forecast"], 3);
    time(&ledger, "status", &["status"], 3);
    time(
        &ledger,
        "check ahead",
        &["check", "--runway-below", "4m"],
        3,
    );
}

fn main() {
    let entries = std::env::var("LEDGER_ENTRIES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000_000);
    let folder = std::env::temp_dir().join(format!("credits-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let ledger =
        std::env::var_os("LEDGER_FILE").map_or_else(|| folder.join("ledger.db"), Into::into);
    let began = Instant::now();
    if !ledger.exists() {
        generate(&ledger, entries);
    }
    let size = std::fs::metadata(&ledger)
        .map(|about| about.len() / 1_000_000)
        .unwrap_or_default();
    println!(
        "{entries} entries, {size} MB, made in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    time(&ledger, "--version", &["--version"], 15);
    time(&ledger, "balance", &["balance"], 15);
    time(&ledger, "list", &["list"], 9);
    time(
        &ledger,
        "check",
        &["check", "--card-above", "0", "--remaining-below", "20%"],
        9,
    );
    time(
        &ledger,
        "grant",
        &[
            "grant",
            "--kind",
            "promotional",
            "--amount",
            "1",
            "--account",
            "100000000000",
        ],
        9,
    );
    time(&ledger, "forecast", &["forecast"], 3);
    time(&ledger, "status", &["status"], 3);
    time(&ledger, "verify --quick", &["verify", "--quick"], 3);
    time(&ledger, "verify", &["verify"], 3);
    codes(&folder);
    forecasts(&folder, 1_000);
    forecasts(&folder, 10_000);
    let _ = std::fs::remove_dir_all(&folder);
}
