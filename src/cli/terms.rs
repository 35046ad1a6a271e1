//! The flags by which a credit's terms are given, shared by `grant` and `redeem`.

use chrono::NaiveDate;
use clap::Args;
use credits_ledger::ledger::credit::{Kind, Sharing, Stage, Terms};
use credits_ledger::ledger::names::{
    AccountId, Currency, Region, RegionPattern, Service, country_code,
};
use credits_ledger::ledger::rules::{EndRule, StartRule};
use credits_ledger::ledger::scope::{Category, CreditScope, Scope};
use credits_ledger::ledger::services::KnownBy;
use credits_ledger::ledger::state::State;
use credits_ledger::money::Money;

use super::context::{Context, Day, nearest, read_day};
use super::failure::Failure;
use super::region::{regions_in, unknown_region_notes};
use super::service::unknown_notes;

/// What may stand in the place of account ids where it is said who may use a credit.
const SHARING_WORDS: [&str; 2] = ["default", "disabled"];

/// What a credit says, its kind and amount aside.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Terms of the credit")]
pub(crate) struct TermArgs {
    /// What was used of it before the ledger began
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true, value_parser = read_amount_or_zero)]
    pub(crate) used: Option<Money>,
    /// What it is in: an ISO 4217 code [default: USD]
    #[arg(long, value_name = "CODE", value_parser = read_currency)]
    pub(crate) currency: Option<Currency>,
    /// What to call it [default: its kind]
    #[arg(long, value_name = "TEXT", value_parser = read_words)]
    pub(crate) name: Option<String>,
    /// First day valid [default: today]
    #[arg(long, value_name = "DATE", value_parser = read_day)]
    pub(crate) start: Option<Day>,
    /// Last day valid, inclusive [default: valid for ever]
    #[arg(long, value_name = "DATE", value_parser = read_day)]
    pub(crate) end: Option<Day>,
    /// Pays for this service only, by any of its names (repeat for several), also for one never
    /// covered by default
    #[arg(long, value_name = "SERVICE", value_parser = read_service)]
    pub(crate) service: Vec<Service>,
    /// Pays for every service but this one, by any of its names (repeat for several)
    #[arg(long, value_name = "SERVICE", value_parser = read_service, conflicts_with = "service")]
    pub(crate) exclude_service: Vec<Service>,
    /// Pays in this region only, or in those of a pattern such as `eu-*` (repeat for several);
    /// charges without a region are left out, `global` is a region like others
    #[arg(long, value_name = "REGION", value_parser = read_region_pattern)]
    pub(crate) region: Vec<RegionPattern>,
    /// Pays in the regions of this country only, an ISO 3166 code (repeat for several), beside
    /// those of --region; what is recorded are the regions
    #[arg(long, value_name = "CC", value_parser = read_country)]
    pub(crate) country: Vec<String>,
    /// Pays charges of this category only (repeat for several), also of one not covered by default
    #[arg(long, value_name = "CATEGORY", value_parser = category_parser())]
    pub(crate) category: Vec<String>,
    /// Pays every category covered by default but this one (repeat for several)
    #[arg(long, value_name = "CATEGORY", value_parser = category_parser(), conflicts_with = "category")]
    pub(crate) exclude_category: Vec<String>,
    /// When its turn comes: those of `before_discounts` are used up first [default: after_discounts]
    #[arg(long, value_name = "STAGE", value_parser = ["before_discounts", "after_discounts"])]
    pub(crate) stage: Option<String>,
    /// Which other accounts may use it: `default`, `disabled`, or account ids parted by commas
    #[arg(long, value_name = "WHO", value_parser = read_sharing)]
    pub(crate) share: Option<Sharing>,
    /// Covers its whole start month, or from its start day on [default: month]
    #[arg(long, value_name = "RULE", value_parser = ["month", "day"])]
    pub(crate) start_rule: Option<String>,
    /// Covers up to its end day, or its whole end month [default: day]
    #[arg(long, value_name = "RULE", value_parser = ["day", "month"])]
    pub(crate) end_rule: Option<String>,
    /// The provider's own id of the credit
    #[arg(long, value_name = "ID", value_parser = read_words)]
    pub(crate) reference: Option<String>,
}

impl TermArgs {
    /// Whether any of it was given.
    pub(crate) fn any(&self) -> bool {
        let named = !self.service.is_empty() || !self.exclude_service.is_empty();
        let places = !self.region.is_empty() || !self.country.is_empty();
        let categories = !self.category.is_empty() || !self.exclude_category.is_empty();
        let dates = self.start.is_some()
            || self.end.is_some()
            || self.start_rule.is_some()
            || self.end_rule.is_some();
        let words = self.name.is_some()
            || self.reference.is_some()
            || self.stage.is_some()
            || self.share.is_some();
        named
            || places
            || categories
            || dates
            || words
            || self.used.is_some()
            || self.currency.is_some()
    }

    /// What to say of services, regions and accounts that nobody knows.
    pub(crate) fn notes(&self, state: &State) -> Vec<String> {
        let names = state.service_names();
        let named = self.service.iter().chain(&self.exclude_service);
        let unknown = named.filter(|name| names.named(name).known_by == KnownBy::Nobody);
        let mut notes = unknown_notes(&unknown.cloned().collect(), &names);
        notes.extend(unknown_region_notes(&self.region));
        let sharing = self.share.iter();
        notes.extend(sharing.flat_map(|sharing| sharing_notes(sharing, state)));
        notes
    }

    /// The regions of --region and of --country.
    fn regions(&self) -> Result<Vec<RegionPattern>, Failure> {
        let mut regions = self.region.clone();
        for country in &self.country {
            regions.extend(regions_in(country)?);
        }
        Ok(regions)
    }

    /// The terms of a credit of this kind and amount, services by the names that were given.
    pub(crate) fn terms(
        &self,
        context: &Context,
        kind: Kind,
        amount: Money,
    ) -> Result<Terms, Failure> {
        let day = |day: Day| -> NaiveDate { day.date(context.today) };
        Ok(Terms {
            kind,
            name: self
                .name
                .clone()
                .unwrap_or_else(|| default_name(kind).to_owned()),
            currency: self.currency.unwrap_or(Currency::USD),
            amount,
            used_before: self.used.unwrap_or_default(),
            start_date: self.start.map_or(context.today, day),
            end_date: self.end.map(day),
            scope: CreditScope {
                services: scope(&self.service, &self.exclude_service)?,
                regions: scope(&self.regions()?, &[])?,
                categories: scope(
                    &categories(&self.category)?,
                    &categories(&self.exclude_category)?,
                )?,
            },
            stage: match self.stage.as_deref() {
                Some("before_discounts") => Stage::BeforeDiscounts,
                _ => Stage::AfterDiscounts,
            },
            sharing: self.share.clone().unwrap_or(Sharing::Default),
            start_rule: self.start_rule.as_deref().map(|rule| {
                if rule == "day" {
                    StartRule::Day
                } else {
                    StartRule::Month
                }
            }),
            end_rule: self.end_rule.as_deref().map(|rule| {
                if rule == "month" {
                    EndRule::Month
                } else {
                    EndRule::Day
                }
            }),
            reference: self.reference.clone(),
            offer: None,
        })
    }
}

fn default_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Promotional => "Promotional credit",
        Kind::Earned => "Earned credit",
        Kind::Activate => "AWS Activate credit",
        Kind::Educational => "Educational credit",
    }
}

fn scope<T: Ord + Clone>(only: &[T], except: &[T]) -> Result<Scope<T>, Failure> {
    let named = |names: &[T]| (!names.is_empty()).then(|| names.to_vec());
    Scope::new(named(only), named(except)).map_err(|error| Failure::usage(error.to_string()))
}

fn categories(names: &[String]) -> Result<Vec<Category>, Failure> {
    let known = |name: &String| {
        Category::parse(name).ok_or_else(|| Failure::usage(format!("`{name}` is not a category")))
    };
    names.iter().map(known).collect()
}

fn category_parser() -> clap::builder::PossibleValuesParser {
    let named = Category::ALL
        .into_iter()
        .filter(|category| category.can_be_named());
    clap::builder::PossibleValuesParser::new(named.map(Category::as_str))
}

/// Kinds, for `--kind`.
pub(crate) fn kind_parser() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(Kind::ALL.map(Kind::as_str))
}

/// The kind that `--kind` named.
pub(crate) fn kind_of(name: &str) -> Result<Kind, Failure> {
    Kind::parse(name).ok_or_else(|| Failure::usage(format!("`{name}` is not a kind")))
}

/// An amount above zero.
pub(crate) fn read_amount(text: &str) -> Result<Money, String> {
    match Money::parse(text) {
        Ok(amount) if amount.is_positive() => Ok(amount),
        Ok(_) => Err("is not above zero".to_owned()),
        Err(error) => Err(format!("{error}; amounts are as in `100.00`")),
    }
}

/// An amount of either sign.
pub(crate) fn read_signed_amount(text: &str) -> Result<Money, String> {
    Money::parse(text).map_err(|error| format!("{error}; amounts are as in `100.00`"))
}

/// An amount of zero or more.
pub(crate) fn read_amount_or_zero(text: &str) -> Result<Money, String> {
    match Money::parse(text) {
        Ok(amount) if !amount.is_negative() => Ok(amount),
        Ok(_) => Err("is below zero".to_owned()),
        Err(error) => Err(format!("{error}; amounts are as in `100.00`")),
    }
}

/// A currency.
pub(crate) fn read_currency(text: &str) -> Result<Currency, String> {
    Currency::new(text).map_err(|error| error.to_string())
}

/// An account.
pub(crate) fn read_account(text: &str) -> Result<AccountId, String> {
    AccountId::new(text).map_err(|error| error.to_string())
}

/// A service.
pub(crate) fn read_service(text: &str) -> Result<Service, String> {
    Service::new(text).map_err(|error| error.to_string())
}

/// One region, which a charge is in.
pub(crate) fn read_region(text: &str) -> Result<Region, String> {
    if text.contains(RegionPattern::ANY) {
        return Err("is a pattern, a charge is in one region as in `eu-west-1`".to_owned());
    }
    Region::new(text).map_err(|error| error.to_string())
}

/// A region, or a pattern of regions.
fn read_region_pattern(text: &str) -> Result<RegionPattern, String> {
    RegionPattern::new(text).map_err(|error| error.to_string())
}

/// A country, in capitals or not.
pub(crate) fn read_country(text: &str) -> Result<String, String> {
    let code = text.to_ascii_uppercase();
    let country = country_code(&code).map(str::to_owned);
    country.map_err(|error| error.to_string())
}

/// A line of words for people.
pub(crate) fn read_words(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text.len() > 1_000 || text.chars().any(char::is_control) {
        return Err("is longer than 1,000 bytes or has a control character in it".to_owned());
    }
    Ok(text.to_owned())
}

/// Who else may use a credit: `default`, `disabled`, or account ids parted by commas.
pub(crate) fn read_sharing(text: &str) -> Result<Sharing, String> {
    match text {
        "default" => return Ok(Sharing::Default),
        "disabled" => return Ok(Sharing::Disabled),
        _ => (),
    }
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    if let Some(word) = words.iter().find(|word| SHARING_WORDS.contains(word)) {
        return Err(format!(
            "has `{word}` among others: it is `default`, or `disabled`, or account ids"
        ));
    }
    let accounts = words.into_iter().map(read_account);
    accounts.collect::<Result<_, _>>().map(Sharing::Custom)
}

/// What to say of accounts that a credit is shared with and that may be misspelt: nothing is on
/// record of them, and they do not look like an account of AWS.
pub(crate) fn sharing_notes(sharing: &Sharing, state: &State) -> Vec<String> {
    let Sharing::Custom(accounts) = sharing else {
        return Vec::new();
    };
    let known = state.known_accounts();
    let mut unknown = accounts
        .iter()
        .filter(|account| !known.contains(account) && !looks_like_one_of_aws(account))
        .peekable();
    let hint = unknown.peek().map(|_| {
        "hint: `credits account list` shows the accounts that are known; `credits share` says anew who may use a credit"
    });
    let words = SHARING_WORDS.map(str::to_owned).into_iter();
    let names: Vec<String> = words.chain(known.iter().map(ToString::to_string)).collect();
    let mut notes: Vec<String> = unknown
        .map(|account| {
            let near = nearest(account.as_str(), names.iter());
            let near = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
            format!("note: account `{account}` is not known and taken as it is{near}")
        })
        .collect();
    notes.extend(hint.map(str::to_owned));
    notes
}

/// Twelve digits.
fn looks_like_one_of_aws(account: &AccountId) -> bool {
    let id = account.as_str();
    id.len() == 12 && id.bytes().all(|symbol| symbol.is_ascii_digit())
}
