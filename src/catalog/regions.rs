//! Regions and the countries that they are in.
//!
//! The table is `regions.tsv` beside this file, which says where it is from and when it was read.
//! A code is compared to the letter. A region that stands on no line is in no country that is
//! known here: there is no guessing from its name, since a local zone may stand in another country
//! than the region that it belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::services::Provider;

static TEXT: &str = include_str!("regions.tsv");

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::of(TEXT));

/// What a charge is in that is of no one region: it is in no country, and so in no table.
pub const GLOBAL: &str = "global";

/// A region that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownRegion {
    /// What bills call it (`eu-central-1`).
    pub code: &'static str,
    /// Whose it is.
    pub provider: Provider,
    /// The country that its machines stand in, a code of ISO 3166-1 (`DE`).
    pub country: &'static str,
    /// What to call it before people.
    pub name: &'static str,
}

impl KnownRegion {
    fn of(line: &'static str) -> Option<KnownRegion> {
        let mut columns = line.split('\t');
        let (code, provider) = (columns.next()?, columns.next()?);
        let (country, name) = (columns.next()?, columns.next()?);
        Some(KnownRegion {
            code,
            provider: Provider::parse(provider)?,
            country,
            name,
        })
    }
}

struct Table {
    regions: Vec<KnownRegion>,
    by_code: BTreeMap<&'static str, usize>,
}

impl Table {
    fn of(text: &'static str) -> Table {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let regions: Vec<KnownRegion> = lines.filter_map(KnownRegion::of).collect();
        let places = regions.iter().enumerate();
        let by_code = places.map(|(place, region)| (region.code, place)).collect();
        Table { regions, by_code }
    }
}

/// All regions that are known, by provider and code.
#[must_use]
pub fn regions() -> &'static [KnownRegion] {
    &TABLE.regions
}

/// The region that bills call so.
#[must_use]
pub fn region(code: &str) -> Option<&'static KnownRegion> {
    let place = TABLE.by_code.get(code)?;
    TABLE.regions.get(*place)
}

/// The regions of a country, whosever they are, by provider and code.
pub fn regions_of(country: &str) -> impl Iterator<Item = &'static KnownRegion> {
    let all = TABLE.regions.iter();
    all.filter(move |region| region.country == country)
}

/// The countries that have a region, in alphabetical order.
#[must_use]
pub fn countries_with_regions() -> BTreeSet<&'static str> {
    TABLE.regions.iter().map(|region| region.country).collect()
}

#[cfg(test)]
mod tests {
    use super::super::is_country;
    use super::*;

    #[test]
    fn every_line_is_a_region_of_a_country() {
        let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
        for line in lines.clone() {
            let region = KnownRegion::of(line).expect("code, provider, country and name");
            assert_eq!(line.split('\t').count(), 4, "{line}");
            assert!(is_country(region.country), "{line}");
            assert!(!region.name.is_empty() && region.name.trim() == region.name);
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(!region.code.is_empty() && region.code.bytes().all(plain));
        }
        assert_eq!(lines.count(), regions().len());
        assert!(regions().len() > 250);
    }

    #[test]
    fn regions_are_in_order_of_provider_and_code_and_none_stands_twice() {
        let order = |region: &KnownRegion| (region.provider.as_str(), region.code);
        assert!(regions().is_sorted_by(|a, b| order(a) < order(b)));
        assert_eq!(TABLE.by_code.len(), regions().len());
        for known in regions() {
            assert_eq!(region(known.code), Some(known));
        }
    }

    #[test]
    fn a_zone_is_in_the_country_that_it_stands_in() {
        for (code, country) in [
            ("eu-central-1", "DE"),
            ("eu-central-1-waw-1", "PL"),
            ("us-east-1", "US"),
            ("us-east-1-scl-1", "CL"),
            ("us-west-2-lax-1", "US"),
            ("westeurope", "NL"),
            ("uk-london-1", "GB"),
        ] {
            assert_eq!(region(code).map(|known| known.country), Some(country));
        }
        for code in ["", GLOBAL, "EU-CENTRAL-1", "eu-central-1a", "eu-*"] {
            assert_eq!(region(code), None, "{code}");
        }
    }

    #[test]
    fn every_region_is_of_one_country() {
        let countries = countries_with_regions();
        let all = countries.iter().flat_map(|country| regions_of(country));
        assert_eq!(all.count(), regions().len());
        let german: Vec<&str> = regions_of("DE").map(|known| known.code).collect();
        assert!(german.starts_with(&["eu-central-1", "eu-central-1-ham-1"]));
        assert_eq!(regions_of("AQ").count(), 0);
        assert_eq!(regions_of("de").count(), 0);
    }
}
