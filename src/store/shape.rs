//! The shapes in which entries and snapshots write down what the ledger knows, and the way back.
//!
//! The types of the ledger are not serialisable: these are, so that the file format survives their
//! refactoring and no invalid credit can be read into being. Amounts, dates and names are text as
//! people write them. No field is ever left out, so that the same shapes serve JSON and postcard.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ledger::account::AccountChange;
use crate::ledger::credit::{Kind, Sharing, Stage, Terms};
use crate::ledger::entry::{CodeMark, Merit};
use crate::ledger::names::{
    AccountId, BillId, CreditId, Currency, OfferId, RegionPattern, Service,
};
use crate::ledger::offer::{Eligibility, Ends, Makes, Offer, SpendRule};
use crate::ledger::rules::{BurnKey, EndRule, Rules, StartRule};
use crate::ledger::scope::{Category, CreditScope, Scope};
use crate::ledger::statement::{Allocation, Totals};
use crate::money::Money;
use crate::period::{Validity, parse_date};

/// Why bytes of our own are not what we write.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) String);

pub(super) fn malformed(what: &str, found: &str) -> Malformed {
    Malformed(format!("`{}` is not {what}", found.escape_default()))
}

pub(super) fn amount(text: &str) -> Result<Money, Malformed> {
    if text.len() > 40 {
        return Err(Malformed("an amount is too long".to_owned()));
    }
    // A sum may pass the limit of a single amount, so whole and fraction are read apart.
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || whole.len() > 20 || fraction.len() > 18 {
        return Err(malformed("an amount", text));
    }
    let units = |digits: &str| {
        digits
            .parse::<i128>()
            .map_err(|_| malformed("an amount", text))
    };
    let shift = 10_i128.pow(18 - fraction.len() as u32);
    let sum = units(whole)? * 10_i128.pow(18) + units(fraction)? * shift;
    Ok(Money::from_units(if negative { -sum } else { sum }))
}

pub(super) fn day(text: &str) -> Result<NaiveDate, Malformed> {
    parse_date(text).map_err(|_| malformed("a date", text))
}

pub(super) fn days(text: Option<&str>) -> Result<Option<NaiveDate>, Malformed> {
    text.map(day).transpose()
}

pub(super) fn account(text: &str) -> Result<AccountId, Malformed> {
    AccountId::new(text).map_err(|_| malformed("an account", text))
}

pub(super) fn offer_id(text: &str) -> Result<OfferId, Malformed> {
    OfferId::new(text).map_err(|_| malformed("an offer", text))
}

pub(super) fn credit_id(text: &str) -> Result<CreditId, Malformed> {
    CreditId::parse(text).map_err(|_| malformed("a credit", text))
}

pub(super) fn bill_id(text: &str) -> Result<BillId, Malformed> {
    BillId::parse(text).map_err(|_| malformed("a bill", text))
}

pub(super) fn currency(text: &str) -> Result<Currency, Malformed> {
    Currency::new(text).map_err(|_| malformed("a currency", text))
}

pub(super) fn service(text: &str) -> Result<Service, Malformed> {
    Service::new(text).map_err(|_| malformed("a service", text))
}

fn region(text: &str) -> Result<RegionPattern, Malformed> {
    RegionPattern::new(text).map_err(|_| malformed("a region", text))
}

pub(super) fn category(text: &str) -> Result<Category, Malformed> {
    Category::parse(text).ok_or_else(|| malformed("a category", text))
}

fn kind(text: &str) -> Result<Kind, Malformed> {
    Kind::parse(text).ok_or_else(|| malformed("a kind", text))
}

fn texts<T: ToString>(names: &BTreeSet<T>) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn set<T: Ord>(
    names: &[String],
    read: fn(&str) -> Result<T, Malformed>,
) -> Result<BTreeSet<T>, Malformed> {
    names.iter().map(|name| read(name)).collect()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScopeShape {
    All,
    Only(Vec<String>),
    Except(Vec<String>),
}

impl ScopeShape {
    fn of<T: ToString>(scope: &Scope<T>) -> ScopeShape {
        match scope {
            Scope::All => ScopeShape::All,
            Scope::Only(named) => ScopeShape::Only(texts(named)),
            Scope::Except(named) => ScopeShape::Except(texts(named)),
        }
    }

    fn read<T: Ord>(&self, read: fn(&str) -> Result<T, Malformed>) -> Result<Scope<T>, Malformed> {
        Ok(match self {
            ScopeShape::All => Scope::All,
            ScopeShape::Only(named) => Scope::Only(set(named, read)?),
            ScopeShape::Except(named) => Scope::Except(set(named, read)?),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreditScopeShape {
    services: ScopeShape,
    regions: ScopeShape,
    categories: ScopeShape,
}

impl CreditScopeShape {
    fn of(scope: &CreditScope) -> CreditScopeShape {
        CreditScopeShape {
            services: ScopeShape::of(&scope.services),
            regions: ScopeShape::of(&scope.regions),
            categories: ScopeShape::of(&scope.categories),
        }
    }

    fn read(&self) -> Result<CreditScope, Malformed> {
        Ok(CreditScope {
            services: self.services.read(service)?,
            regions: self.regions.read(region)?,
            categories: self.categories.read(category)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SharingShape {
    Default,
    Disabled,
    Custom(Vec<String>),
}

impl SharingShape {
    pub(super) fn of(sharing: &Sharing) -> SharingShape {
        match sharing {
            Sharing::Default => SharingShape::Default,
            Sharing::Disabled => SharingShape::Disabled,
            Sharing::Custom(named) => SharingShape::Custom(texts(named)),
        }
    }

    pub(super) fn read(&self) -> Result<Sharing, Malformed> {
        Ok(match self {
            SharingShape::Default => Sharing::Default,
            SharingShape::Disabled => Sharing::Disabled,
            SharingShape::Custom(named) => Sharing::Custom(set(named, account)?),
        })
    }
}

fn start_rule_text(rule: StartRule) -> &'static str {
    match rule {
        StartRule::Month => "month",
        StartRule::Day => "day",
    }
}

fn end_rule_text(rule: EndRule) -> &'static str {
    match rule {
        EndRule::Month => "month",
        EndRule::Day => "day",
    }
}

fn start_rule(text: &str) -> Result<StartRule, Malformed> {
    match text {
        "month" => Ok(StartRule::Month),
        "day" => Ok(StartRule::Day),
        _ => Err(malformed("a start rule", text)),
    }
}

fn end_rule(text: &str) -> Result<EndRule, Malformed> {
    match text {
        "month" => Ok(EndRule::Month),
        "day" => Ok(EndRule::Day),
        _ => Err(malformed("an end rule", text)),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TermsShape<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    name: String,
    #[serde(borrow)]
    currency: Cow<'a, str>,
    #[serde(borrow)]
    amount: Cow<'a, str>,
    #[serde(borrow)]
    used_before: Cow<'a, str>,
    #[serde(borrow)]
    start_date: Cow<'a, str>,
    #[serde(borrow)]
    end_date: Option<Cow<'a, str>>,
    scope: CreditScopeShape,
    #[serde(borrow)]
    stage: Cow<'a, str>,
    sharing: SharingShape,
    start_rule: Option<String>,
    end_rule: Option<String>,
    reference: Option<String>,
    offer: Option<String>,
}

impl<'a> TermsShape<'a> {
    pub(super) fn of(terms: &'a Terms) -> TermsShape<'a> {
        TermsShape {
            kind: terms.kind.as_str().into(),
            name: terms.name.clone(),
            currency: terms.currency.as_str().into(),
            amount: terms.amount.text(0).into(),
            used_before: terms.used_before.text(0).into(),
            start_date: terms.start_date.to_string().into(),
            end_date: terms.end_date.map(|end| end.to_string().into()),
            scope: CreditScopeShape::of(&terms.scope),
            stage: terms.stage.as_str().into(),
            sharing: SharingShape::of(&terms.sharing),
            start_rule: terms
                .start_rule
                .map(|rule| start_rule_text(rule).to_owned()),
            end_rule: terms.end_rule.map(|rule| end_rule_text(rule).to_owned()),
            reference: terms.reference.clone(),
            offer: terms.offer.as_ref().map(ToString::to_string),
        }
    }

    pub(super) fn read(self) -> Result<Terms, Malformed> {
        Ok(Terms {
            kind: kind(&self.kind)?,
            currency: currency(&self.currency)?,
            amount: amount(&self.amount)?,
            used_before: amount(&self.used_before)?,
            start_date: day(&self.start_date)?,
            end_date: days(self.end_date.as_deref())?,
            scope: self.scope.read()?,
            stage: match &*self.stage {
                "before_discounts" => Stage::BeforeDiscounts,
                "after_discounts" => Stage::AfterDiscounts,
                other => return Err(malformed("a stage", other)),
            },
            sharing: self.sharing.read()?,
            start_rule: self.start_rule.as_deref().map(start_rule).transpose()?,
            end_rule: self.end_rule.as_deref().map(end_rule).transpose()?,
            offer: self.offer.as_deref().map(offer_id).transpose()?,
            name: self.name,
            reference: self.reference,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EndsShape {
    Never,
    On(String),
    After(String),
}

/// What earns credits of an offer; nothing where codes make them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EarnShape {
    Completed(String),
    Spend {
        at_least: String,
        services: ScopeShape,
        percent: String,
        cap: Option<String>,
    },
}

impl EarnShape {
    pub(super) fn of(makes: &Makes) -> Option<EarnShape> {
        match makes {
            Makes::ByCode(_) => None,
            Makes::ByCompletion { what, .. } => Some(EarnShape::Completed(what.clone())),
            Makes::BySpend(rule) => Some(EarnShape::Spend {
                at_least: rule.at_least.text(0),
                services: ScopeShape::of(&rule.services),
                percent: rule.percent.to_string(),
                cap: rule.cap.map(|cap| cap.text(0)),
            }),
        }
    }

    fn read(self, amount_each: Option<Money>) -> Result<Makes, Malformed> {
        match self {
            EarnShape::Completed(what) => Ok(Makes::ByCompletion {
                what,
                amount: amount_each.ok_or_else(without_amount)?,
            }),
            EarnShape::Spend {
                at_least,
                services,
                percent,
                cap,
            } => Ok(Makes::BySpend(SpendRule {
                at_least: amount(&at_least)?,
                services: services.read(service)?,
                percent: Decimal::from_str_exact(&percent)
                    .map_err(|_| malformed("a percentage", &percent))?,
                cap: cap.as_deref().map(amount).transpose()?,
            })),
        }
    }
}

fn without_amount() -> Malformed {
    Malformed("an offer has no amount".to_owned())
}

/// What a credit was earned by.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MeritShape {
    Spend(String),
    Completed(String),
}

impl MeritShape {
    pub(super) fn of(merit: &Merit) -> MeritShape {
        match merit {
            Merit::Spend(bill) => MeritShape::Spend(bill.to_string()),
            Merit::Completed(evidence) => MeritShape::Completed(evidence.clone()),
        }
    }

    pub(super) fn read(self) -> Result<Merit, Malformed> {
        match self {
            MeritShape::Spend(bill) => bill_id(&bill).map(Merit::Spend),
            MeritShape::Completed(evidence) => Ok(Merit::Completed(evidence)),
        }
    }
}

/// An offer but for what earns its credits and for its source, of which the first version of its
/// entry knew nothing.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfferShape {
    id: String,
    name: String,
    program: Option<String>,
    kind: String,
    amount: Option<String>,
    currency: String,
    ends: EndsShape,
    redeem_by: Option<String>,
    transferable: bool,
    scope: CreditScopeShape,
    attributes_any: Option<Vec<String>>,
    countries: Option<Vec<String>>,
    redemptions_max: Option<u64>,
    per_account_max: Option<u64>,
    terms: Option<String>,
}

impl OfferShape {
    pub(super) fn of(offer: &Offer) -> OfferShape {
        OfferShape {
            id: offer.id.to_string(),
            name: offer.name.clone(),
            program: offer.program.clone(),
            kind: offer.kind.to_string(),
            amount: offer.makes.amount().map(|amount| amount.text(0)),
            currency: offer.currency.to_string(),
            ends: match offer.ends {
                Ends::Never => EndsShape::Never,
                Ends::On(end) => EndsShape::On(end.to_string()),
                Ends::After(validity) => EndsShape::After(validity.to_string()),
            },
            redeem_by: offer.redeem_by.map(|date| date.to_string()),
            transferable: offer.transferable,
            scope: CreditScopeShape::of(&offer.scope),
            attributes_any: offer.eligible.attributes_any.as_ref().map(texts),
            countries: offer.eligible.countries.as_ref().map(texts),
            redemptions_max: offer.redemptions_max,
            per_account_max: offer.per_account_max,
            terms: offer.terms.clone(),
        }
    }

    pub(super) fn read(
        self,
        earn: Option<EarnShape>,
        source: Option<String>,
    ) -> Result<Offer, Malformed> {
        let named = |names: Option<Vec<String>>| names.map(|names| names.into_iter().collect());
        let each = self.amount.as_deref().map(amount).transpose()?;
        Ok(Offer {
            id: offer_id(&self.id)?,
            kind: kind(&self.kind)?,
            makes: match earn {
                Some(earn) => earn.read(each)?,
                None => Makes::ByCode(each.ok_or_else(without_amount)?),
            },
            currency: currency(&self.currency)?,
            ends: match &self.ends {
                EndsShape::Never => Ends::Never,
                EndsShape::On(end) => Ends::On(day(end)?),
                EndsShape::After(text) => {
                    Ends::After(Validity::parse(text).map_err(|_| malformed("a period", text))?)
                }
            },
            redeem_by: days(self.redeem_by.as_deref())?,
            transferable: self.transferable,
            scope: self.scope.read()?,
            eligible: Eligibility {
                attributes_any: named(self.attributes_any),
                countries: named(self.countries),
            },
            redemptions_max: self.redemptions_max,
            per_account_max: self.per_account_max,
            name: self.name,
            program: self.program,
            terms: self.terms,
            source,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountChangeShape {
    account: String,
    joins: Option<(String, String)>,
    leaves: Option<String>,
    sharing: Option<bool>,
    country: Option<String>,
    attributes: Vec<String>,
    /// Of version 2 only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removed_attributes: Vec<String>,
    name: Option<String>,
    default: bool,
}

impl AccountChangeShape {
    pub(super) fn of(change: &AccountChange) -> AccountChangeShape {
        AccountChangeShape {
            account: change.account.to_string(),
            joins: change
                .joins
                .as_ref()
                .map(|(payer, joined)| (payer.to_string(), joined.to_string())),
            leaves: change.leaves.map(|date| date.to_string()),
            sharing: change.sharing,
            country: change.country.clone(),
            attributes: texts(&change.attributes),
            removed_attributes: texts(&change.removed_attributes),
            name: change.name.clone(),
            default: change.default,
        }
    }

    pub(super) fn read(self) -> Result<AccountChange, Malformed> {
        let joins = |(payer, joined): (String, String)| Ok((account(&payer)?, day(&joined)?));
        Ok(AccountChange {
            account: account(&self.account)?,
            joins: self.joins.map(joins).transpose()?,
            leaves: days(self.leaves.as_deref())?,
            sharing: self.sharing,
            country: self.country,
            attributes: self.attributes.into_iter().collect(),
            removed_attributes: self.removed_attributes.into_iter().collect(),
            name: self.name,
            default: self.default,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RulesShape {
    version: u32,
    burn_order: Vec<String>,
    start_rule: String,
    end_rule: String,
    uncovered_categories: Vec<String>,
    uncovered_services: Vec<String>,
}

impl RulesShape {
    pub(super) fn of(rules: &Rules) -> RulesShape {
        RulesShape {
            version: rules.version,
            burn_order: rules
                .burn_order
                .iter()
                .map(|key| key.as_str().to_owned())
                .collect(),
            start_rule: start_rule_text(rules.start_rule).to_owned(),
            end_rule: end_rule_text(rules.end_rule).to_owned(),
            uncovered_categories: texts(&rules.uncovered_categories),
            uncovered_services: texts(&rules.uncovered_services),
        }
    }

    pub(super) fn read(&self) -> Result<Rules, Malformed> {
        let key = |text: &String| {
            let found = BurnKey::ALL.into_iter().find(|key| key.as_str() == text);
            found.ok_or_else(|| malformed("a burn order key", text))
        };
        Ok(Rules {
            version: self.version,
            burn_order: self.burn_order.iter().map(key).collect::<Result<_, _>>()?,
            start_rule: start_rule(&self.start_rule)?,
            end_rule: end_rule(&self.end_rule)?,
            uncovered_categories: set(&self.uncovered_categories, category)?,
            uncovered_services: set(&self.uncovered_services, service)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TotalsShape {
    charges: String,
    provider_credits: String,
    credits: String,
    card: String,
}

impl TotalsShape {
    pub(super) fn of(totals: &Totals) -> TotalsShape {
        TotalsShape {
            charges: totals.charges.text(0),
            provider_credits: totals.provider_credits.text(0),
            credits: totals.credits.text(0),
            card: totals.card.text(0),
        }
    }

    pub(super) fn read(&self) -> Result<Totals, Malformed> {
        Ok(Totals {
            charges: amount(&self.charges)?,
            provider_credits: amount(&self.provider_credits)?,
            credits: amount(&self.credits)?,
            card: amount(&self.card)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct AllocationShape(String, String);

impl AllocationShape {
    pub(super) fn of(allocation: &Allocation) -> AllocationShape {
        AllocationShape(allocation.credit.to_string(), allocation.amount.text(0))
    }

    pub(super) fn read(&self) -> Result<Allocation, Malformed> {
        Ok(Allocation {
            credit: credit_id(&self.0)?,
            amount: amount(&self.1)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeShape {
    hash: String,
    last: String,
}

impl CodeShape {
    pub(super) fn of(code: &CodeMark) -> CodeShape {
        CodeShape {
            hash: hex(&code.hash),
            last: code.last.clone(),
        }
    }

    pub(super) fn read(self) -> Result<CodeMark, Malformed> {
        Ok(CodeMark {
            hash: unhex(&self.hash)?,
            last: self.last,
        })
    }
}

/// Bytes as hexadecimal text.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Hexadecimal text as so many bytes.
pub(super) fn unhex<const N: usize>(text: &str) -> Result<[u8; N], Malformed> {
    let mut bytes = [0; N];
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(malformed("a hash", text));
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| {
            char::from(digit)
                .to_digit(16)
                .ok_or_else(|| malformed("a hash", text))
        };
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Ok(bytes)
}
