//! The journal as the ledger reads it: snapshots say what the entries say.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use credits_ledger::ledger::account::AccountChange;
use credits_ledger::ledger::bill::{Bill, Charge, Status};
use credits_ledger::ledger::credit::{Kind, Sharing, Stage, Terms};
use credits_ledger::ledger::decide::{Desk, alias_service, grant, set_account, set_checks};
use credits_ledger::ledger::limits::{Floor, Limits};
use credits_ledger::ledger::names::{AccountId, BillId, Currency, Service};
use credits_ledger::ledger::operate;
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::scope::{Category, CreditScope};
use credits_ledger::ledger::split::{Portion, split};
use credits_ledger::money::Money;
use credits_ledger::period::Month;
use credits_ledger::store::journal::Journal;
use credits_ledger::store::sqlite::SqliteStore;
use credits_ledger::store::verify::{Depth, verify};
use credits_ledger::store::{Draft, Read, Record, Store, StoreError};
use rust_decimal::Decimal;

use crate::kept::{Kept, apply_bill};

fn day(text: &str) -> NaiveDate {
    credits_ledger::period::parse_date(text).expect("a date")
}

fn account() -> AccountId {
    AccountId::new("111122223333").expect("a name")
}

pub(crate) fn terms(amount: &str) -> Terms {
    Terms {
        kind: Kind::Promotional,
        name: "credit".to_owned(),
        currency: Currency::USD,
        amount: Money::parse(amount).expect("an amount"),
        used_before: Money::ZERO,
        start_date: day("2000-01-01"),
        end_date: None,
        scope: CreditScope::ALL,
        stage: Stage::AfterDiscounts,
        sharing: Sharing::Default,
        start_rule: None,
        end_rule: None,
        reference: None,
        offer: None,
    }
}

fn bill(month: Month, status: Status) -> Bill {
    let charge = Charge {
        id: None,
        account: account(),
        service: Service::new("AmazonEC2").expect("a name"),
        region: None,
        category: Category::Usage,
        amount: Money::parse("3.5").expect("an amount"),
        start: None,
        end: None,
        description: None,
        count: 1,
    };
    let id = BillId {
        month,
        payer: account(),
        currency: Currency::USD,
    };
    Bill::new(id, status, None, vec![charge]).expect("a bill")
}

fn record(desk: &mut Desk, bill: Bill) {
    let kept = Kept::default();
    apply_bill(desk, &kept, bill, &Rules::current()).expect("recorded");
}

/// A paused credit that is shared with somebody and split, in a currency that no bill is in.
fn split_one(desk: &mut Desk) {
    let terms = Terms {
        currency: Currency::new("EUR").expect("a currency"),
        ..terms("300")
    };
    let id = grant(desk, account(), terms).expect("a credit");
    operate::pause(desk, id).expect("paused");
    let named = Sharing::Custom([account()].into());
    operate::share(desk, id, named).expect("shared");
    let portions = ["100", "200"].map(|amount| Portion {
        name: None,
        amount: Money::parse(amount).expect("an amount"),
    });
    split(desk, id, &portions, Money::ZERO, &Rules::current()).expect("split");
}

/// Every limit, other ones in another month.
fn every_limit(month: &Month) -> Limits {
    let amount = |text: &str| Some(Money::parse(text).expect("an amount"));
    Limits {
        remaining_below: Some(Floor::Percent(Decimal::new(205, 1))),
        expiring_within: month.to_string()[5..].parse().ok(),
        card_above: amount("0"),
        bill_missing: true,
        waste_above: amount("100.000000000000000001"),
        runway_below: Some(25),
    }
}

#[test]
fn limits_are_read_back_as_they_were_recorded() {
    let month = Month::parse("2030-01").expect("a month");
    let every = every_limit(&month);
    let amount = Floor::Amount(Money::parse("12.5").expect("an amount"));
    for (name, limits) in [
        ("every", every),
        (
            "amount",
            Limits {
                remaining_below: Some(amount),
                ..every
            },
        ),
        (
            "one",
            Limits {
                bill_missing: true,
                ..Limits::default()
            },
        ),
    ] {
        let set = |desk: &mut Desk| {
            grant(desk, account(), terms("2")).expect("a credit");
            let entry = set_checks(desk, limits).expect("limits");
            assert_eq!(entry, Some(3));
            // The same again is nothing to record.
            assert_eq!(set_checks(desk, limits).expect("limits"), None);
        };
        let (journal, _) = recorded(&format!("limits-{name}"), set, &[]);
        let state = journal.view().state().expect("a state");
        assert_eq!((state.head, state.checks), (3, limits), "{name}");
    }
}

#[test]
fn a_snapshot_says_what_the_entries_say_with_and_without_booked_bills() {
    let folder = std::env::temp_dir().join(format!("credits-journal-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let path = folder.join("ledger.db");
    let wait = Duration::from_secs(10);
    let now: DateTime<Utc> = day("2030-01-01")
        .and_hms_opt(12, 0, 0)
        .expect("noon")
        .and_utc();
    let mut journal = Journal::open_for_writing(&path, wait).expect("a ledger");
    let mut month = Month::parse("2000-01").expect("a month");
    for _ in 0..3 {
        let recorded = journal.transact(now, day("2030-01-01"), |desk, _| {
            let [alias, service] = ["Soft".to_owned(), format!("Service {month}")]
                .map(|text| Service::new(&text).expect("a name"));
            alias_service(desk, &alias, &service).expect("an alias");
            set_checks(desk, every_limit(&month)).expect("limits");
            split_one(desk);
            for _ in 0..100 {
                grant(desk, account(), terms("2")).expect("a credit");
                record(desk, bill(month, Status::Final));
                month = month.next();
            }
            Ok::<_, StoreError>(())
        });
        recorded.expect("recorded");
    }
    let open = journal.transact(now, day("2030-01-01"), |desk, _| {
        record(desk, bill(month, Status::Estimated));
        Ok::<_, StoreError>(())
    });
    open.expect("recorded");

    let reading = Journal::open(&path, wait).expect("a ledger");
    let whole = reading.view().state().expect("a state");
    let mut short = reading.view().state_without_booked().expect("a state");
    assert!(
        short.bills.len() < whole.bills.len(),
        "no snapshot was used"
    );
    assert!(
        short
            .bills
            .values()
            .any(|bill| bill.status == Status::Estimated)
    );
    assert_eq!(whole.service_aliases.len(), 3);
    assert!(!whole.checks.is_none());
    short.bills.clone_from(&whole.bills);
    assert_eq!(short, whole);
    let report = verify(reading.store().expect("a store"), Depth::Full).expect("a report");
    assert_eq!(report.findings, Vec::<String>::new());
    assert_eq!(
        whole
            .credits
            .values()
            .filter(|record| record.credit.terms.currency == Currency::USD)
            .map(|record| record.left)
            .sum::<Money>(),
        Money::ZERO
    );
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn an_entry_of_a_newer_version_is_named_as_one_and_not_called_damage() {
    let folder = std::env::temp_dir().join(format!("credits-newer-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let (path, wait) = (folder.join("ledger.db"), Duration::from_secs(10));
    let now = day("2030-01-01").and_hms_opt(12, 0, 0).expect("noon");
    let mut journal = Journal::open_for_writing(&path, wait).expect("a ledger");
    let recorded = journal.transact(now.and_utc(), day("2030-01-01"), |desk, _| {
        grant(desk, account(), terms("2")).expect("a credit");
        Ok::<_, StoreError>(())
    });
    recorded.expect("recorded");
    let mut store = SqliteStore::open_for_writing(&path, wait)
        .expect("a ledger")
        .expect("it is there");
    let bytes = br#"{"command":3,"recorded":"2030-01-01T12:00:00Z","effective":"2030-01-01","kind":"credit_lent","version":1,"payload":{}}"#;
    let draft = Draft {
        bytes: bytes.to_vec(),
        ..Draft::default()
    };
    store
        .transact(|_| Ok::<_, StoreError>(vec![draft]))
        .expect("recorded");
    let state = Journal::open(&path, wait).expect("a ledger").view().state();
    let said = state.expect_err("it cannot be read").to_string();
    assert_eq!(
        said,
        "the ledger has an entry of a newer version of `credits`: entry 3 is of kind `credit_lent`"
    );
    let _ = std::fs::remove_dir_all(&folder);
}

/// A ledger in a folder of its own, made by a command on 2030-01-01, and what further entries bring.
fn recorded(name: &str, decide: impl Fn(&mut Desk), further: &[&str]) -> (Journal, Vec<String>) {
    let folder = std::env::temp_dir().join(format!("credits-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let (path, wait) = (folder.join("ledger.db"), Duration::from_secs(10));
    let now = day("2030-01-01").and_hms_opt(12, 0, 0).expect("noon");
    let mut journal = Journal::open_for_writing(&path, wait).expect("a ledger");
    let done = journal.transact(now.and_utc(), day("2030-01-01"), |desk, _| {
        decide(desk);
        Ok::<_, StoreError>(())
    });
    done.expect("recorded");
    let opened = SqliteStore::open_for_writing(&path, wait);
    let mut store = opened.expect("a ledger").expect("it is there");
    let drafts = further.iter().map(|bytes| Draft {
        bytes: bytes.as_bytes().to_vec(),
        ..Draft::default()
    });
    let drafts: Vec<Draft> = drafts.collect();
    if !drafts.is_empty() {
        let kept = store.transact(|_| Ok::<_, StoreError>(drafts.clone()));
        kept.expect("recorded");
    }
    let mut entries = Vec::new();
    let mut visit = |record: Record| {
        entries.push(String::from_utf8(record.bytes).expect("JSON"));
        Ok(())
    };
    store.read(2, u64::MAX, &mut visit).expect("entries");
    let reading = Journal::open(&path, wait).expect("a ledger");
    // Whoever has it open still reads it.
    let _ = std::fs::remove_dir_all(&folder);
    (reading, entries)
}

fn set(account: &str, attributes: &[&str], removed: &[&str]) -> AccountChange {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    AccountChange {
        attributes: names(attributes),
        removed_attributes: names(removed),
        ..AccountChange::nothing(AccountId::new(account).expect("a name"))
    }
}

#[test]
fn only_an_entry_that_takes_attributes_away_is_of_a_later_version() {
    let (_, entries) = recorded(
        "versions",
        |desk| {
            set_account(desk, set("m", &["student"], &[])).expect("recorded");
            set_account(desk, set("m", &[], &["student"])).expect("recorded");
        },
        &[],
    );
    let payloads: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry.split_once(r#""kind":"#))
        .map(|(_, rest)| rest)
        .collect();
    assert_eq!(
        payloads,
        [
            r#""account_set","version":1,"payload":{"account":"m","joins":null,"leaves":null,"sharing":null,"country":null,"attributes":["student"],"name":null,"default":false}}"#,
            r#""account_set","version":3,"payload":{"account":"m","joins":null,"leaves":null,"sharing":null,"country":null,"attributes":[],"removed_attributes":["student"],"name":null,"default":false}}"#,
        ]
    );
}

#[test]
fn payers_that_lead_in_a_circle_are_still_read_where_they_were_recorded() {
    let joins = |account: &str, payer: &str| {
        format!(
            r#"{{"command":3,"recorded":"2030-01-01T12:00:00Z","effective":"2030-01-01","kind":"account_set","version":1,"payload":{{"account":"{account}","joins":["{payer}","2029-01-01"],"leaves":null,"sharing":null,"country":null,"attributes":[],"name":null,"default":false}}}}"#
        )
    };
    let further = [joins("a", "b"), joins("b", "a"), joins("c", "a")];
    let (journal, _) = recorded(
        "circle",
        |desk| {
            set_account(desk, set("m", &[], &[])).expect("recorded");
        },
        &further.each_ref().map(String::as_str),
    );
    let state = journal.view().state().expect("a state");
    let id = |text: &str| AccountId::new(text).expect("a name");
    let payer_on = |text: &str| {
        let (id, day) = (id(text), day("2030-01-01"));
        state.accounts.payer_on(&id, day).to_string()
    };
    assert_eq!(["a", "b", "c"].map(payer_on), ["b", "a", "a"]);
    let month = Month::parse("2030-01").expect("a month");
    assert!(!state.accounts.belongs(&id("c"), &id("z"), month));
}
