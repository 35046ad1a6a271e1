//! The offers of real programs in `examples/programs`: each is read as it stands, and says where its
//! terms are from.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use credits_ledger::formats::offers::read_offers;
use credits_ledger::ledger::credit::Kind;
use credits_ledger::ledger::offer::{Makes, Offer};
use credits_ledger::ledger::services::{KnownBy, ServiceNames};

fn offers() -> Vec<Offer> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/programs");
    let files = fs::read_dir(folder).expect("a folder");
    let paths = files.map(|file| file.expect("a file").path());
    let json = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    let read = |path: std::path::PathBuf| {
        let text = fs::read_to_string(&path).expect("text");
        read_offers(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    json.flat_map(read).collect()
}

#[test]
fn they_can_all_be_recorded_together_and_carry_their_sources() {
    let ids: Vec<String> = offers().iter().map(|offer| offer.id.to_string()).collect();
    let distinct: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
    for offer in offers() {
        let source = offer.source.as_deref().unwrap_or_default();
        assert!(
            source.contains("https://") && source.contains("read 2026-"),
            "{}: {source}",
            offer.id
        );
    }
}

#[test]
fn there_is_one_of_each_kind_and_of_each_way_to_a_credit() {
    let offers = offers();
    let kinds: BTreeSet<Kind> = offers.iter().map(|offer| offer.kind).collect();
    assert_eq!(kinds, BTreeSet::from(Kind::ALL));
    let ways: BTreeSet<&str> = offers.iter().map(|offer| offer.makes.how()).collect();
    assert_eq!(ways.len(), 3, "{ways:?}");
}

#[test]
fn their_services_are_known() {
    let names = ServiceNames::default();
    for offer in offers() {
        let counted = match &offer.makes {
            Makes::BySpend(rule) => Some(&rule.services),
            _ => None,
        };
        for scope in std::iter::once(&offer.scope.services).chain(counted) {
            let named = scope.only().or(scope.except()).into_iter().flatten();
            for name in named {
                let known = names.named(name).known_by;
                assert_eq!(known, KnownBy::Catalogue, "{}: {name}", offer.id);
            }
        }
    }
}
