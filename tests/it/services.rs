//! Names of services at the door: what they stand for, and that the journal depends on no table.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use credits_ledger::catalog::{comparable, services};
use credits_ledger::formats::{Documents, read_bills};
use credits_ledger::ledger::decide::{Desk, add_offer, alias_service, grant};
use credits_ledger::ledger::entry::{Event, LedgerId};
use credits_ledger::ledger::names::Service;
use credits_ledger::ledger::refusal::Refusal;
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::scope::Scope;
use credits_ledger::ledger::services::{KnownBy, ServiceNames};
use credits_ledger::ledger::state::State;
use credits_ledger::store::StoreError;
use credits_ledger::store::journal::Journal;

use crate::types::{account, day};

/// Names in documents of others, and the code that each stands for.
fn sample() -> impl Iterator<Item = (&'static str, &'static str)> + Clone {
    let lines = include_str!("service-names.tsv").lines();
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').expect("a name and a code"))
}

fn name(text: &str) -> Service {
    Service::new(text).expect("a name")
}

#[track_caller]
fn stands_for(names: &ServiceNames, text: &str) -> String {
    names.canonical(text).expect("a name").service.to_string()
}

/// Records what is an alias and returns what the desk knows then.
fn aliased(pairs: &[(&str, &str)]) -> Desk {
    let mut desk = opened();
    for (alias, service) in pairs {
        alias_service(&mut desk, &name(alias), &name(service)).expect("an alias");
    }
    desk
}

/// A desk of a ledger that has begun.
fn opened() -> Desk {
    let now: DateTime<Utc> = "2026-03-15T10:00:00Z".parse().expect("an instant");
    let mut desk = Desk::new(State::default(), now, day("2026-03-15"));
    desk.propose(day("2026-03-15"), Event::Opened(LedgerId([7; 16])), None)
        .expect("a first entry");
    desk
}

#[test]
fn every_name_in_documents_of_others_has_its_code() {
    let names = ServiceNames::default();
    let mut left = Vec::new();
    for (text, code) in sample() {
        let named = names.canonical(text).expect("a name");
        if named.known_by == KnownBy::Nobody {
            left.push(text);
        } else {
            assert_eq!(named.service.as_str(), code, "{text}");
        }
    }
    assert!(sample().count() > 250);
    assert_eq!(left, Vec::<&str>::new(), "names that nobody knows");
}

#[test]
fn codes_that_reports_keep_apart_stay_apart() {
    let names = ServiceNames::default();
    let apart = [
        "AmazonEC2",
        "AmazonEBS",
        "AmazonVPC",
        "AWSELB",
        "AWSDataTransfer",
        "AmazonECR",
        "AmazonECRPublic",
        "AmazonECS",
        "AmazonEKS",
        "AmazonS3",
        "AmazonGlacier",
        "AmazonS3GlacierDeepArchive",
        "AWSEvents",
        "AmazonCloudWatch",
        "AmazonRoute53",
        "AmazonRegistrar",
        "AmazonInspector",
        "AmazonInspectorV2",
    ];
    let codes: BTreeSet<String> = apart.map(|code| stands_for(&names, code)).into();
    assert_eq!(codes.len(), apart.len());
    let sampled = sample().filter(|(text, code)| text == code);
    assert!(sampled.clone().count() > 200);
    for (code, _) in sampled {
        assert_eq!(stands_for(&names, code), code);
    }
}

#[test]
fn case_and_white_space_of_a_name_do_not_matter_and_a_canonical_name_stays() {
    let names = ServiceNames::default();
    for known in services() {
        for text in known.names().filter(|text| comparable(text) != "compute") {
            for written in [
                text.to_owned(),
                text.to_uppercase(),
                text.to_lowercase(),
                text.replace(' ', "  \u{a0}"),
            ] {
                let once = names.canonical(&written).expect("a name");
                assert_eq!(once.service.as_str(), known.code, "{written}");
                assert_eq!(once.known_by, KnownBy::Catalogue);
                assert_eq!(names.named(&once.service), once, "{written}");
            }
        }
    }
}

#[test]
fn a_name_that_nobody_knows_stands_for_itself_to_the_letter() {
    let names = ServiceNames::default();
    for text in [
        "SomeSoftware",
        "someSoftware",
        "Some  Software",
        "AmazonEC2x",
        "compute",
    ] {
        let named = names.canonical(text).expect("a name");
        assert_eq!(named.service.as_str(), text);
        assert_eq!(named.known_by, KnownBy::Nobody);
    }
    for text in ["", " ", " EC2", "EC2\n", &"x".repeat(257)] {
        assert!(names.canonical(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_rules_leave_out_the_same_services_by_every_spelling_they_had() {
    let rules = Rules::current();
    let spellings = [
        "AmazonMTurk",
        "AmazonMechanicalTurk",
        "AmazonRegistrar",
        "AWSCertification",
        "AWSManagedServices",
        "AWSMechanicalTurk",
        "AWSMTurk",
        "AWSProfessionalServices",
        "AWSSupportEnterprise",
        "AWSTraining",
        "AWSTrainingAndCertification",
        "AWSTrainingandCertification",
    ];
    let expected: BTreeSet<Service> = spellings.map(name).into();
    assert_eq!(rules.uncovered_services, expected);
    for text in spellings {
        let canonical = ServiceNames::default().named(&name(text)).service;
        assert!(rules.uncovered_services.contains(&canonical), "{text}");
    }
}

// Aliases.

#[test]
fn an_alias_stands_for_its_service_in_whatever_case() {
    let desk = aliased(&[("Team compute", "EC2"), ("Soft", "SomeSoftware")]);
    let names = desk.state.service_names();
    for text in ["Team compute", "TEAM  Compute"] {
        assert_eq!(stands_for(&names, text), "AmazonEC2");
        let named = names.canonical(text).expect("a name");
        assert_eq!(named.known_by, KnownBy::Alias);
    }
    assert_eq!(stands_for(&names, "soft"), "SomeSoftware");
    assert_eq!(stands_for(&names, "SomeSoftware"), "SomeSoftware");
}

#[test]
fn a_later_alias_of_a_name_counts_from_its_day_on() {
    let mut desk = aliased(&[("Soft", "EC2")]);
    desk.today = day("2026-04-01");
    let again = alias_service(&mut desk, &name("soft"), &name("Amazon S3")).expect("an alias");
    assert!(again.1);
    assert_eq!(stands_for(&desk.state.service_names(), "Soft"), "AmazonS3");
    for (on, service) in [
        ("2026-03-14", "Soft"),
        ("2026-03-15", "AmazonEC2"),
        ("2026-03-31", "AmazonEC2"),
        ("2026-04-01", "AmazonS3"),
    ] {
        let names = desk.state.service_names_on(day(on));
        assert_eq!(stands_for(&names, "Soft"), service, "{on}");
    }
}

#[test]
fn an_alias_of_an_alias_is_one_of_its_service() {
    let mut desk = aliased(&[("Soft", "EC2"), ("Softer", "Soft")]);
    let softer = &desk.state.service_aliases[1];
    assert_eq!(softer.service.as_str(), "AmazonEC2");
    // What an alias stands for never stands for something else.
    let mut other = aliased(&[("Softer", "Soft")]);
    let refused = alias_service(&mut other, &name("SOFT"), &name("EC2"));
    let expected = Refusal::ServiceMeant {
        alias: name("SOFT"),
        other: name("Softer"),
    };
    assert_eq!(refused, Err(expected));
    // Once the first one stands for something else the name is free.
    for (alias, service) in [("Softer", "EC2"), ("Soft", "EC2")] {
        alias_service(&mut other, &name(alias), &name(service)).expect("an alias");
    }
    alias_service(&mut desk, &name("Soft"), &name("S3")).expect("an alias");
    let names = desk.state.service_names();
    assert_eq!(stands_for(&names, "Softer"), "AmazonEC2");
    for one in names.aliases() {
        let named = names.named(&one.alias);
        assert_eq!(names.named(&named.service).service, named.service);
    }
}

#[test]
fn the_same_alias_again_is_no_entry_and_a_known_name_needs_none() {
    let mut desk = aliased(&[("Soft", "EC2")]);
    let before = desk.proposals.len();
    for (alias, service) in [
        ("Soft", "AmazonEC2"),
        ("SOFT", "amazon  elastic compute cloud - compute"),
        ("EC2", "AmazonEC2"),
        ("AmazonEC2", "EC2"),
        ("EC2", "EC2"),
    ] {
        let (_, is_new) =
            alias_service(&mut desk, &name(alias), &name(service)).expect("nothing to refuse");
        assert!(!is_new, "{alias}");
    }
    assert_eq!(desk.proposals.len(), before);
}

#[test]
fn a_name_of_the_catalogue_is_no_alias_of_another_service() {
    let mut desk = opened();
    for (alias, code) in [
        ("EC2 - Other", "AmazonEC2"),
        ("AmazonEC2", "AmazonEC2"),
        ("awskms", "awskms"),
    ] {
        let refused = alias_service(&mut desk, &name(alias), &name("AmazonS3"));
        let expected = Refusal::ServiceKnown {
            alias: name(alias),
            code: name(code),
        };
        assert_eq!(refused, Err(expected));
    }
    assert!(desk.state.service_aliases.is_empty());
}

#[test]
fn a_name_that_is_an_alias_of_itself_is_known_and_stands_for_itself_again() {
    let mut desk = aliased(&[("Soft", "EC2")]);
    alias_service(&mut desk, &name("Soft"), &name("Soft")).expect("an alias");
    let named = desk.state.service_names().named(&name("SOFT"));
    assert_eq!(named.service.as_str(), "Soft");
    assert_eq!(named.known_by, KnownBy::Alias);
    alias_service(&mut desk, &name("Soft"), &name("S3")).expect("an alias");
    assert_eq!(stands_for(&desk.state.service_names(), "Soft"), "AmazonS3");
}

#[test]
fn an_alias_does_not_make_another_offer_of_one_on_record() {
    let file = r#"{"offers": [{"id": "o", "name": "n", "kind": "promotional", "amount": "1", "services": ["Soft", "S3"]}]}"#;
    let offers = credits_ledger::formats::offers::read_offers(file).expect("an offer");
    let mut desk = opened();
    let offer = desk.state.service_names().offer(&offers[0]);
    add_offer(&mut desk, offer).expect("an offer");
    alias_service(&mut desk, &name("Soft"), &name("EC2")).expect("an alias");
    let before = desk.proposals.len();
    let offer = desk.state.service_names().offer(&offers[0]);
    add_offer(&mut desk, offer).expect("the same offer");
    assert_eq!(desk.proposals.len(), before);
}

// Readers.

fn read(document: &str, names: &ServiceNames) -> Documents {
    read_bills(document.as_bytes(), None, names).expect("a document")
}

/// `SERVICE AMOUNT COUNT` of every charge, and the names that nobody knows.
fn charges(documents: &Documents) -> (Vec<String>, Vec<String>) {
    let charges = documents.bills.iter().flat_map(|bill| bill.charges());
    let charges = charges.map(|charge| {
        let amount = charge.amount.text(0);
        format!("{} {amount} {}", charge.service, charge.count)
    });
    let unknown = documents.unknown_services.iter().map(ToString::to_string);
    (charges.collect(), unknown.collect())
}

const CUR: &str = "bill_payer_account_id,bill_billing_period_start_date,bill_invoice_id,line_item_usage_account_id,line_item_line_item_type,line_item_usage_start_date,product_servicecode,line_item_product_code,line_item_unblended_cost,line_item_currency_code";

fn cur(rows: &[(&str, &str, &str)]) -> String {
    let rows = rows.iter().map(|(service, code, cost)| {
        format!("1,2026-04-01T00:00:00Z,9,1,Usage,2026-04-02T00:00:00Z,{service},{code},{cost},USD")
    });
    [CUR.to_owned()]
        .into_iter()
        .chain(rows)
        .map(|line| line + "\n")
        .collect()
}

#[test]
fn line_items_under_two_spellings_of_a_service_make_one_sum() {
    let report = cur(&[
        ("AmazonEC2", "AmazonEC2", "1.25"),
        ("Amazon Elastic Compute Cloud", "", "2.5"),
        ("", "EC2 - Other", "4"),
        ("Soft", "", "8"),
        ("soft", "", "16"),
        ("", "", "32"),
    ]);
    let (sums, unknown) = charges(&read(&report, &ServiceNames::default()));
    assert_eq!(
        sums,
        ["AmazonEC2 7.75 3", "Soft 8 1", "Unknown 32 1", "soft 16 1"]
    );
    assert_eq!(unknown, ["Soft", "soft"]);
    let names = aliased(&[("Soft", "EC2")]).state.service_names();
    let (sums, unknown) = charges(&read(&report, &names));
    assert_eq!(sums, ["AmazonEC2 31.75 5", "Unknown 32 1"]);
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn charges_of_a_native_bill_are_of_canonical_services() {
    let bill = r#"{"account": "1", "month": "2026-04", "currency": "USD", "charges": [
        {"service": "Amazon EC2 Container Registry (ECR)", "amount": 1},
        {"service": "Soft", "amount": 2}, {"service": "Soft", "amount": 4}]}"#;
    let (read, unknown) = charges(&read(bill, &ServiceNames::default()));
    assert_eq!(read, ["AmazonECR 1 1", "Soft 2 1", "Soft 4 1"]);
    assert_eq!(unknown, ["Soft"]);
}

// The journal.

fn a_credit(services: &[&str]) -> credits_ledger::ledger::credit::Terms {
    let mut terms = crate::journal::terms("10");
    terms.scope.services = Scope::Only(services.iter().map(|text| name(text)).collect());
    terms
}

#[test]
fn what_is_recorded_is_never_looked_up_again() {
    let folder = std::env::temp_dir().join(format!("credits-services-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let (path, wait) = (folder.join("ledger.db"), Duration::from_secs(10));
    let now: DateTime<Utc> = "2026-03-15T10:00:00Z".parse().expect("an instant");
    let today: NaiveDate = day("2026-03-15");
    let mut journal = Journal::open_for_writing(&path, wait).expect("a ledger");
    let recorded = journal.transact(now, today, |desk, _| {
        // Names as a ledger holds them that was written before, or with another table.
        grant(desk, account("1"), a_credit(&["EC2", "Soft"])).expect("a credit");
        alias_service(desk, &name("Soft"), &name("AmazonS3")).expect("an alias");
        alias_service(desk, &name("Soft"), &name("EC2")).expect("an alias");
        Ok::<_, StoreError>(())
    });
    recorded.expect("recorded");
    let state = Journal::open(&path, wait)
        .expect("a ledger")
        .view()
        .state()
        .expect("a state");
    let credit = state.credits.values().next().expect("a credit");
    let services = credit.credit.terms.scope.services.only().expect("a list");
    let expected: BTreeSet<Service> = ["EC2", "Soft"].map(name).into();
    assert_eq!(*services, expected);
    let aliases: Vec<String> = state
        .service_aliases
        .iter()
        .map(|one| {
            format!(
                "{} {} {} {}",
                one.entry, one.effective, one.alias, one.service
            )
        })
        .collect();
    assert_eq!(
        aliases,
        ["3 2026-03-15 Soft AmazonS3", "4 2026-03-15 Soft AmazonEC2"]
    );
    let _ = std::fs::remove_dir_all(&folder);
}
