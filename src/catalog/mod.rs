//! What the world is made of, as data: currencies, countries and their regions, services and their
//! names, the services that credits never pay for, and what accounts usually are.
//!
//! Tables only. Nothing here decides anything, and the journal never depends on a table: what an
//! entry was made under is recorded with it.

mod attributes;
mod countries;
mod currencies;
mod never_covered;
mod regions;
mod services;
mod yearly;

pub use attributes::ATTRIBUTES;
pub use countries::is_country;
pub use currencies::minor_digits;
pub use never_covered::{NEVER_COVERED, NEVER_COVERED_BEFORE};
pub use regions::{GLOBAL, KnownRegion, countries_with_regions, region, regions, regions_of};
pub use services::{KnownService, Provider, comparable, service, services};
pub use yearly::YEARLY;
