//! The reader of offer files: JSON, `{"offers": [...]}`. Unknown fields are refused by name, since
//! they are usually misspelt known ones; fields that are `null` may be absent.
//!
//! Not here: earning rules. An offer that has one is refused by name rather than half understood.

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::ledger::credit::Kind;
use crate::ledger::names::{Currency, OfferId, Region, Service};
use crate::ledger::offer::{Eligibility, Ends, Offer};
use crate::ledger::scope::{Category, CreditScope, Scope};
use crate::money::Money;
use crate::period::{Validity, parse_date};

use super::fault::Excerpt;

/// The largest offer file in bytes.
pub const OFFER_FILE_LIMIT: u64 = 16 << 20;

/// Why an offer file gives no offers.
#[derive(Debug, Error)]
pub enum OfferError {
    /// It is not the JSON that is expected.
    #[error("{0}")]
    Shape(#[from] serde_json::Error),
    /// It holds no offer.
    #[error("`offers` is empty")]
    Empty,
    /// Two offers by one id.
    #[error("offer `{0}` stands twice")]
    Twice(OfferId),
    /// Offers that cannot be: one sentence each.
    #[error("{}", .0.join("\n  "))]
    Faults(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileShape<'a> {
    #[serde(borrow)]
    offers: Vec<OfferShape<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferShape<'a> {
    id: String,
    name: String,
    program: Option<String>,
    kind: String,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    currency: Option<String>,
    end_date: Option<String>,
    valid_for: Option<String>,
    redeem_by: Option<String>,
    transferable: Option<bool>,
    services: Option<Vec<String>>,
    exclude_services: Option<Vec<String>>,
    regions: Option<Vec<String>>,
    categories: Option<Vec<String>>,
    exclude_categories: Option<Vec<String>>,
    eligible: Option<EligibleShape>,
    limits: Option<LimitsShape>,
    terms: Option<String>,
    #[serde(borrow)]
    earn: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct EligibleShape {
    attributes_any: Option<Vec<String>>,
    countries: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct LimitsShape {
    redemptions: Option<u64>,
    per_account: Option<u64>,
}

/// Reads the offers of a file, in its order.
///
/// # Errors
/// Anything but offers: what is wrong with each of them.
pub fn read_offers(text: &str) -> Result<Vec<Offer>, OfferError> {
    let file: FileShape<'_> = serde_json::from_str(text.trim_start_matches('\u{feff}'))?;
    if file.offers.is_empty() {
        return Err(OfferError::Empty);
    }
    let mut offers: Vec<Offer> = Vec::new();
    let mut faults = Vec::new();
    for (at, shape) in file.offers.into_iter().enumerate() {
        match read_offer(shape) {
            Ok(offer) if offers.iter().any(|known| known.id == offer.id) => {
                return Err(OfferError::Twice(offer.id));
            }
            Ok(offer) => offers.push(offer),
            Err(fault) => faults.push(format!("offers[{at}].{fault}")),
        }
    }
    if faults.is_empty() {
        Ok(offers)
    } else {
        Err(OfferError::Faults(faults))
    }
}

/// A field and what is wrong with it.
fn fault(field: &str, found: &str, what: impl std::fmt::Display) -> String {
    format!("{field}: {} {what}", Excerpt::of(found))
}

fn read_offer(shape: OfferShape<'_>) -> Result<Offer, String> {
    if shape.earn.is_some() {
        return Err("earn: earning rules are not supported yet".to_owned());
    }
    let id = OfferId::new(&shape.id).map_err(|error| fault("id", &shape.id, error))?;
    let kind = Kind::parse(&shape.kind).ok_or_else(|| {
        fault(
            "kind",
            &shape.kind,
            "is not a kind, kinds are `promotional`, `earned`, `activate` and `educational`",
        )
    })?;
    let ends = match (&shape.end_date, &shape.valid_for) {
        (Some(_), Some(_)) => {
            return Err(
                "end_date: stands beside `valid_for`, an offer has one or the other".to_owned(),
            );
        }
        (Some(end), None) => {
            Ends::On(parse_date(end).map_err(|error| fault("end_date", end, error))?)
        }
        (None, Some(period)) => {
            Ends::After(Validity::parse(period).map_err(|error| fault("valid_for", period, error))?)
        }
        (None, None) => Ends::Never,
    };
    let redeem_by = shape
        .redeem_by
        .as_deref()
        .map(|date| parse_date(date).map_err(|error| fault("redeem_by", date, error)));
    let scope = CreditScope {
        services: scope("services", shape.services, shape.exclude_services, |name| {
            Service::new(name).map_err(|error| error.to_string())
        })?,
        regions: scope("regions", shape.regions, None, |name| {
            Region::new(name).map_err(|error| error.to_string())
        })?,
        categories: scope(
            "categories",
            shape.categories,
            shape.exclude_categories,
            read_category,
        )?,
    };
    let eligible = shape.eligible.unwrap_or_default();
    let limits = shape.limits.unwrap_or_default();
    Ok(Offer {
        name: words("name", &shape.name)?,
        program: shape
            .program
            .as_deref()
            .map(|program| words("program", program))
            .transpose()?,
        amount: read_amount(shape.amount)?,
        currency: match &shape.currency {
            Some(code) => Currency::new(code).map_err(|error| fault("currency", code, error))?,
            None => Currency::USD,
        },
        redeem_by: redeem_by.transpose()?,
        transferable: shape.transferable.unwrap_or(true),
        eligible: Eligibility {
            attributes_any: named("eligible.attributes_any", eligible.attributes_any)?,
            countries: named("eligible.countries", eligible.countries)?,
        },
        redemptions_max: limits.redemptions,
        per_account_max: limits.per_account,
        terms: shape
            .terms
            .as_deref()
            .map(|terms| words("terms", terms))
            .transpose()?,
        id,
        kind,
        ends,
        scope,
    })
}

fn read_amount(raw: Option<&RawValue>) -> Result<Money, String> {
    let Some(raw) = raw else {
        return Err("amount: is missing".to_owned());
    };
    let text = raw.get();
    let plain: String = if text.starts_with('"') {
        serde_json::from_str(text).unwrap_or_default()
    } else {
        text.to_owned()
    };
    match Money::parse(&plain) {
        Ok(amount) if amount.is_positive() => Ok(amount),
        Ok(_) => Err(fault("amount", &plain, "is not above zero")),
        Err(error) => Err(fault("amount", &plain, error)),
    }
}

fn read_category(name: &str) -> Result<Category, String> {
    match Category::parse(name) {
        Some(category) if category.can_be_named() => Ok(category),
        Some(_) => Err("is a category that no credit names".to_owned()),
        None => Err("is not a category".to_owned()),
    }
}

fn scope<T: Ord>(
    field: &str,
    only: Option<Vec<String>>,
    except: Option<Vec<String>>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Scope<T>, String> {
    let each = |names: Vec<String>| -> Result<Vec<T>, String> {
        names
            .iter()
            .map(|name| read(name).map_err(|error| fault(field, name, error)))
            .collect()
    };
    let (only, except) = (only.map(&each).transpose()?, except.map(&each).transpose()?);
    Scope::new(only, except).map_err(|error| format!("{field}: {error}"))
}

fn named(
    field: &str,
    names: Option<Vec<String>>,
) -> Result<Option<std::collections::BTreeSet<String>>, String> {
    match names {
        None => Ok(None),
        Some(names) if names.is_empty() => Err(format!(
            "{field}: names nothing, leave it out to let everybody in"
        )),
        Some(names) => names
            .iter()
            .map(|name| words(field, name))
            .collect::<Result<_, _>>()
            .map(Some),
    }
}

/// Words for people: not empty, bounded, without control characters.
fn words(field: &str, text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(format!("{field}: is empty"));
    }
    if trimmed.len() > 4_000 || trimmed.chars().any(|c| c.is_control() && c != '\n') {
        return Err(format!(
            "{field}: is longer than 4,000 bytes or has a control character in it"
        ));
    }
    Ok(trimmed.to_owned())
}
