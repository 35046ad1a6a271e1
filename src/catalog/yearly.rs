//! Services whose charges are fees for a year: what one of them comes to in a month says nothing of
//! the next month, but of the same month a year later.
//!
//! Source: the pricing page of Amazon Route 53, "Domain names", read 2026-11: a domain is registered
//! and renewed for a year at least, and charged at once.

/// Codes of the catalogue.
pub const YEARLY: [&str; 1] = ["AmazonRegistrar"];
