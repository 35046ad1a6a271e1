//! The reader of offer files: JSON, `{"offers": [...]}`. Unknown fields are refused by name, since
//! they are usually misspelt known ones; fields that are `null` may be absent.

use std::fmt;
use std::marker::PhantomData;

use rust_decimal::Decimal;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::ledger::credit::Kind;
use crate::ledger::names::{Currency, OfferId, RegionPattern, Service, country_code};
use crate::ledger::offer::{Eligibility, Ends, Makes, Offer, SpendRule};
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

/// An object by its field names: serde would take a list of values in their order for one.
struct Named<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Named<T>, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData)).map(Named)
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileShape<'a> {
    #[serde(borrow)]
    offers: Vec<Named<OfferShape<'a>>>,
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
    eligible: Option<Named<EligibleShape>>,
    limits: Option<Named<LimitsShape>>,
    terms: Option<String>,
    source: Option<String>,
    #[serde(borrow)]
    earn: Option<Named<EarnShape<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EarnShape<'a> {
    when: String,
    what: Option<String>,
    #[serde(borrow)]
    at_least: Option<&'a RawValue>,
    per: Option<String>,
    services: Option<Vec<String>>,
    #[serde(borrow)]
    percent: Option<&'a RawValue>,
    #[serde(borrow)]
    cap: Option<&'a RawValue>,
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
    let Named(file): Named<FileShape<'_>> =
        serde_json::from_str(text.trim_start_matches('\u{feff}'))?;
    if file.offers.is_empty() {
        return Err(OfferError::Empty);
    }
    let mut offers: Vec<Offer> = Vec::new();
    let mut faults = Vec::new();
    for (at, Named(shape)) in file.offers.into_iter().enumerate() {
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
            RegionPattern::new(name).map_err(|error| error.to_string())
        })?,
        categories: scope(
            "categories",
            shape.categories,
            shape.exclude_categories,
            read_category,
        )?,
    };
    let eligible = shape
        .eligible
        .map_or_else(Default::default, |Named(eligible)| eligible);
    let limits = shape
        .limits
        .map_or_else(Default::default, |Named(limits)| limits);
    Ok(Offer {
        name: words("name", &shape.name)?,
        program: shape
            .program
            .as_deref()
            .map(|program| words("program", program))
            .transpose()?,
        makes: read_makes(shape.amount, shape.earn.map(|Named(earn)| earn))?,
        currency: match &shape.currency {
            Some(code) => Currency::new(code).map_err(|error| fault("currency", code, error))?,
            None => Currency::USD,
        },
        redeem_by: redeem_by.transpose()?,
        transferable: shape.transferable.unwrap_or(true),
        eligible: Eligibility {
            attributes_any: named("eligible.attributes_any", eligible.attributes_any)?,
            countries: countries("eligible.countries", eligible.countries)?,
        },
        redemptions_max: limits.redemptions,
        per_account_max: limits.per_account,
        terms: shape
            .terms
            .as_deref()
            .map(|terms| words("terms", terms))
            .transpose()?,
        source: shape
            .source
            .as_deref()
            .map(|source| words("source", source))
            .transpose()?,
        id,
        kind,
        ends,
        scope,
    })
}

/// By what the offer makes credits: `earn` says so, and where it is absent codes do.
fn read_makes(amount: Option<&RawValue>, earn: Option<EarnShape<'_>>) -> Result<Makes, String> {
    let Some(earn) = earn else {
        return read_amount("amount", amount).map(Makes::ByCode);
    };
    match earn.when.as_str() {
        "spend" => {
            if amount.is_some() {
                return Err("amount: stands beside `earn` by spend, which says what is earned by `percent` and `cap`".to_owned());
            }
            earn.refuses("spend", &[("what", earn.what.is_some())])?;
            read_spend_rule(earn).map(Makes::BySpend)
        }
        "completed" => {
            let others = [
                ("at_least", earn.at_least.is_some()),
                ("per", earn.per.is_some()),
                ("services", earn.services.is_some()),
                ("percent", earn.percent.is_some()),
                ("cap", earn.cap.is_some()),
            ];
            earn.refuses("completed", &others)?;
            let what = earn.what.ok_or("earn.what: is missing")?;
            Ok(Makes::ByCompletion {
                what: words("earn.what", &what)?,
                amount: read_amount("amount", amount)?,
            })
        }
        other => Err(fault(
            "earn.when",
            other,
            "is neither `spend` nor `completed`",
        )),
    }
}

impl EarnShape<'_> {
    /// Refuses fields that a rule of this kind does not have.
    fn refuses(&self, when: &str, fields: &[(&str, bool)]) -> Result<(), String> {
        match fields.iter().find(|(_, stands)| *stands) {
            Some((field, _)) => Err(format!("earn.{field}: is not of a rule by `{when}`")),
            None => Ok(()),
        }
    }
}

fn read_spend_rule(earn: EarnShape<'_>) -> Result<SpendRule, String> {
    match earn.per.as_deref() {
        None | Some("month") => {}
        Some(other) => return Err(fault("earn.per", other, "is not `month`")),
    }
    Ok(SpendRule {
        at_least: read_amount("earn.at_least", earn.at_least)?,
        services: scope("earn.services", earn.services, None, |name| {
            Service::new(name).map_err(|error| error.to_string())
        })?,
        percent: read_percent(earn.percent)?,
        cap: match earn.cap {
            Some(cap) => Some(read_amount("earn.cap", Some(cap))?),
            None => None,
        },
    })
}

/// A number, which may stand as text.
fn plain(raw: &RawValue) -> String {
    let text = raw.get();
    if text.starts_with('"') {
        serde_json::from_str(text).unwrap_or_default()
    } else {
        text.to_owned()
    }
}

fn read_percent(raw: Option<&RawValue>) -> Result<Decimal, String> {
    let text = plain(raw.ok_or("earn.percent: is missing")?);
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let percent = Decimal::from_str_exact(&text).ok().filter(|_| is_plain);
    let percent = percent.map(|percent| percent.normalize());
    let fits = |percent: &Decimal| {
        !percent.is_zero() && *percent <= Decimal::ONE_HUNDRED && percent.scale() <= 4
    };
    percent.filter(fits).ok_or_else(|| {
        let what =
            "is not a percentage above 0 and up to 100, with at most four digits after the point";
        fault("earn.percent", &text, what)
    })
}

fn read_amount(field: &str, raw: Option<&RawValue>) -> Result<Money, String> {
    let text = plain(raw.ok_or_else(|| format!("{field}: is missing"))?);
    match Money::parse(&text) {
        Ok(amount) if amount.is_positive() => Ok(amount),
        Ok(_) => Err(fault(field, &text, "is not above zero")),
        Err(error) => Err(fault(field, &text, error)),
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

/// Codes of countries as ISO 3166 has them, in capitals.
fn countries(
    field: &str,
    names: Option<Vec<String>>,
) -> Result<Option<std::collections::BTreeSet<String>>, String> {
    let names = named(field, names)?;
    for name in names.iter().flatten() {
        country_code(name).map_err(|error| fault(field, name, error))?;
    }
    Ok(names)
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
