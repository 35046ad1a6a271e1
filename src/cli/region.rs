//! Regions as flags and offers name them: those of a country, and what to say of names that nobody
//! knows.

use std::collections::BTreeSet;

use credits_ledger::catalog::{self, GLOBAL, KnownRegion};
use credits_ledger::ledger::names::RegionPattern;

use super::failure::Failure;
use super::service::edits;

/// The most names that are noted one by one.
const NOTES_MAX: usize = 20;

/// The regions that are known of a country.
pub(crate) fn regions_in(country: &str) -> Result<Vec<RegionPattern>, Failure> {
    let codes = catalog::regions_of(country).map(|region| region.code);
    let regions: Vec<RegionPattern> = codes
        .filter_map(|code| RegionPattern::new(code).ok())
        .collect();
    if regions.is_empty() {
        let countries: Vec<&str> = catalog::countries_with_regions().into_iter().collect();
        let failure = Failure::usage(format!("country `{country}` has no region that is known"));
        return Err(failure.hint(format!(
            "`--region NAME` takes any region; countries with regions are {}",
            countries.join(", ")
        )));
    }
    Ok(regions)
}

/// What to say of regions that nobody knows, and of patterns that match no region that is known: a
/// line each, up to twenty.
pub(crate) fn unknown_region_notes<'a>(
    named: impl IntoIterator<Item = &'a RegionPattern>,
) -> Vec<String> {
    let unknown = named.into_iter().filter(|name| !is_known(name));
    let unknown: BTreeSet<&RegionPattern> = unknown.collect();
    let first = unknown.iter().take(NOTES_MAX);
    let mut notes: Vec<String> = first.map(|name| unknown_note(name)).collect();
    let more = unknown.len() - notes.len();
    if more > 0 {
        notes.push(format!(
            "note: {more} more names of regions are not known and taken as they are"
        ));
    }
    notes
}

fn is_known(name: &RegionPattern) -> bool {
    let all = catalog::regions().iter().map(|region| region.code);
    all.chain([GLOBAL]).any(|code| name.matches(code))
}

fn unknown_note(name: &RegionPattern) -> String {
    if name.is_pattern() {
        return format!("note: `{name}` matches no region that is known and is taken as it is");
    }
    let near = nearest(name.as_str());
    let near = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
    format!("note: region `{name}` is not known and taken as it is{near}")
}

/// The code of the region that a name may be misspelt of, or that people call so.
fn nearest(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let edits_of = |region: &KnownRegion| Some((edits(&lower, region.code)?, region.code));
    let near = catalog::regions().iter().filter_map(edits_of);
    near.min().map(|(_, code)| code)
}
