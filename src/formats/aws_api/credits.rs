//! The answer of `aws billing get-credits`: the credits of an account or of a family of accounts.
//!
//! | of a credit | member |
//! |---|---|
//! | reference | `creditId` |
//! | account | `accountId` |
//! | kind | told by `description` (*house*: `Activate`, `Educate`, `research` and the like), else promotional; `creditType` says only `Promotion`, `Refund`, `TrueUp` |
//! | name | `description` |
//! | amount | `initialAmount`, of either sign |
//! | used before | `initialAmount` less `remainingAmount` |
//! | start date, end date | the UTC days of `startDate` and `endDate`; no end date: valid for ever |
//! | services | `applicableProductNames`; absent or empty: all |
//! | categories | `purchaseTypeApplications`; absent or empty: those covered by default |
//! | stage | `applicationType` |
//! | sharing | `creditSharingType`, `shareableAccounts` |
//! | paused | `creditStatus` is `DISABLED` |
//!
//! `accountHasCreditSharingEnabled` is the switch of the owner; `exhaustDate` and
//! `creditConsoleVisibility` change nothing. Sharing by cost category or group is refused by name:
//! read as anything else it would pay the wrong account's charges.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde_json::value::RawValue;

use super::object::{Object, Reading, account, day, flag, items, read_text, texts};
use crate::formats::fault::{Excerpt, Problem};
use crate::formats::json::text;
use crate::formats::{ReadError, Services, names};
use crate::ledger::as_billed::credit_name;
use crate::ledger::credit::{Kind, Sharing, Stage, Terms};
use crate::ledger::names::{AccountId, Currency, Service};
use crate::ledger::provider::ProviderCredit;
use crate::ledger::scope::{Category, CreditScope, Scope};
use crate::money::Money;

/// The credits that the provider says there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credits {
    /// Each once, in the order of the answer.
    pub credits: Vec<ProviderCredit>,
    /// What had to be assumed: a sentence each, fit to be shown.
    pub notes: Vec<String>,
    /// How many pages there are.
    pub pages: usize,
    /// How many of them name a next one: all but the last.
    pub pages_with_next: usize,
}

static ANSWER: [&str; 3] = ["credits", "nextToken", "NextToken"];
static CREDIT: [&str; 20] = [
    "creditId",
    "accountId",
    "creditType",
    "initialAmount",
    "remainingAmount",
    "estimatedAmount",
    "applicableProductNames",
    "description",
    "startDate",
    "endDate",
    "exhaustDate",
    "applicationType",
    "shareableAccounts",
    "accountHasCreditSharingEnabled",
    "creditConsoleVisibility",
    "creditSharingType",
    "creditStatus",
    "purchaseTypeApplications",
    // Present only with a way of sharing that is refused.
    "costCategoryArn",
    "ruleName",
];

/// Reads the credits that the provider says there are, but for those of the ids in `except`;
/// `services` says what a service is called.
///
/// # Errors
/// An answer that cannot be read to its end, that is of something else, or that has faults: among
/// them sharing that is not known here, and two credits of one id that are not the same.
pub fn read_credits(
    input: impl Read,
    services: &mut Services,
    except: &BTreeSet<String>,
) -> Result<Credits, ReadError> {
    let text = read_text(input)?;
    let mut reader = Reader {
        services,
        except,
        answer: Credits::default(),
        places: BTreeMap::new(),
        pages: (0, 0),
    };
    let mut reading = Reading::default();
    let mut objects = 0;
    reading.each_object(&text, |reading, path, object| {
        objects += 1;
        // A list of credits alone is what `--query credits` prints.
        let members = object.get();
        match members.contains("\"creditId\"") && !members.contains("\"credits\"") {
            true => reader.credit(reading, &path, object),
            false => reader.page(reading, &path, object),
        }
    });
    if objects == 0 && reading.faults.is_empty() && !text.trim().starts_with('[') {
        reading.fault("", Problem::Missing("credits"));
    }
    if !reading.faults.is_empty() {
        return Err(ReadError::Faults(reading.faults));
    }
    let mut answer = reader.answer;
    (answer.pages, answer.pages_with_next) = reader.pages;
    answer.notes.extend(reading.notes());
    Ok(answer)
}

struct Reader<'s> {
    except: &'s BTreeSet<String>,
    services: &'s mut Services,
    answer: Credits,
    /// Where the credit of an id is in the answer.
    places: BTreeMap<String, usize>,
    /// How many pages there are, and how many of them name a next one.
    pages: (usize, usize),
}

impl Reader<'_> {
    fn page(&mut self, reading: &mut Reading, path: &str, page: &RawValue) {
        let Some(page) = reading.object(path, page, &ANSWER) else {
            return;
        };
        self.pages.0 += 1;
        let more = page.get("nextToken").or(page.get("NextToken"));
        self.pages.1 += usize::from(more.is_some());
        let list = reading.required(&page, "credits", |list| {
            items(&page.member("credits"), list)
        });
        for (path, credit) in list.unwrap_or_default() {
            self.credit(reading, &path, credit);
        }
    }

    fn credit(&mut self, reading: &mut Reading, path: &str, credit: &RawValue) {
        let Some(credit) = reading.object(path, credit, &CREDIT) else {
            return;
        };
        let id = credit.get("creditId").and_then(|id| text(id).ok());
        if let Some(id) = id.filter(|id| self.except.contains(&**id)) {
            let note = format!("credit {} was passed over, as asked for", Excerpt::of(&*id));
            self.answer.notes.push(note);
            return;
        }
        let Some(read) = self.read(reading, &credit) else {
            return;
        };
        match self.places.get(&read.reference) {
            Some(at) if self.answer.credits[*at] == read => {}
            Some(_) => {
                let id = Excerpt::of(read.reference.as_bytes());
                reading.fault(&credit.member("creditId"), Problem::OtherCredit(id));
            }
            None => {
                let place = self.answer.credits.len();
                self.places.insert(read.reference.clone(), place);
                self.answer.credits.push(read);
            }
        }
    }

    /// A credit; nothing where there are faults in it, or where it is one of nothing.
    fn read(&mut self, reading: &mut Reading, credit: &Object<'_>) -> Option<ProviderCredit> {
        let reference = reading.required(credit, "creditId", |raw| {
            Ok(names::label(&text(raw)?)?.to_owned())
        });
        let owner = reading.required(credit, "accountId", account);
        let description = reading.required(credit, "description", text);
        let amounts = amounts(reading, credit);
        let start = reading.required(credit, "startDate", day);
        let end = reading.optional(credit, "endDate", day);
        // Changes nothing, but has to be one.
        reading.optional(credit, "exhaustDate", day)?;
        let services = reading.optional(credit, "applicableProductNames", |list| {
            let names = texts(list)?.into_iter();
            names
                .map(|name| self.services.name(&name))
                .collect::<Result<Vec<Service>, Problem>>()
        });
        let categories = reading.optional(credit, "purchaseTypeApplications", |list| {
            let names = texts(list)?.into_iter();
            names
                .map(|name| purchase_type(&name))
                .collect::<Result<Vec<&[Category]>, Problem>>()
        });
        let stage = reading.optional(credit, "applicationType", |raw| stage(&text(raw)?));
        let sharing = sharing(reading, credit);
        let owner_shares = reading.optional(credit, "accountHasCreditSharingEnabled", flag);
        let enabled = reading.optional(credit, "creditStatus", |raw| match &*text(raw)? {
            "ENABLED" => Ok(true),
            "DISABLED" => Ok(false),
            _ => Err(Problem::NotOneOf {
                found: Excerpt::of(raw.get()),
                of: "`ENABLED` or `DISABLED`",
            }),
        });
        let (start, end) = (start?, end?);
        if let Some(end) = end.filter(|end| *end < start) {
            reading.fault(
                &credit.member("endDate"),
                Problem::EndsBeforeItStarts { start, end },
            );
            return None;
        }
        let (reference, amounts) = (reference?, amounts?);
        let name = credit_name(&description?);
        let all_or = |names: Vec<Service>| match names.is_empty() {
            true => Scope::All,
            false => Scope::Only(names.into_iter().collect()),
        };
        let categories: Vec<Category> = categories?.unwrap_or_default().concat();
        let terms = Terms {
            kind: Kind::told_by(&name),
            name,
            currency: amounts.currency,
            amount: amounts.initial,
            used_before: amounts.initial - amounts.remaining,
            start_date: start,
            end_date: end,
            scope: CreditScope {
                services: all_or(services?.unwrap_or_default()),
                regions: Scope::All,
                categories: match categories.is_empty() {
                    true => Scope::All,
                    false => Scope::Only(categories.into_iter().collect()),
                },
            },
            stage: stage?.unwrap_or(Stage::AfterDiscounts),
            sharing: sharing?,
            start_rule: None,
            end_rule: None,
            reference: Some(reference.clone()),
            offer: None,
        };
        let read = ProviderCredit {
            reference,
            account: owner?,
            terms,
            remaining: amounts.remaining,
            enabled: enabled?.unwrap_or(true),
            owner_shares: owner_shares?,
        };
        if read.terms.amount.is_zero() {
            let note = format!(
                "credit {} is worth nothing, it was passed over",
                read.reference
            );
            self.answer.notes.push(note);
            return None;
        }
        self.answer.notes.extend(
            amounts
                .note
                .map(|what| format!("credit {}: {what}", read.reference)),
        );
        Some(read)
    }
}

/// What a credit was and is worth, without the sign that the provider gave it.
struct Amounts {
    currency: Currency,
    initial: Money,
    remaining: Money,
    note: Option<String>,
}

fn amounts(reading: &mut Reading, credit: &Object<'_>) -> Option<Amounts> {
    let required = |reading: &mut Reading, name| {
        let amount = reading.amount(credit, name)?;
        if amount.is_none() {
            reading.fault(&credit.path, Problem::Missing(name));
        }
        amount
    };
    let initial = required(reading, "initialAmount");
    let remaining = required(reading, "remainingAmount");
    let estimated = reading.amount(credit, "estimatedAmount");
    let ((currency, initial), remaining, estimated) = (initial?, remaining?, estimated?);
    let turned = initial.is_negative();
    let mut same = |name, (other, amount): (Currency, Money)| {
        let amount = if turned { -amount } else { amount };
        if other != currency {
            let found = Excerpt::of(other.as_str());
            let problem = Problem::OtherCurrency { found, currency };
            reading.fault(&credit.member(name), problem);
            None
        } else if amount.is_negative() {
            let found = Excerpt::of(amount.text(currency.minor_digits()));
            reading.fault(&credit.member(name), Problem::OtherSign(found));
            None
        } else {
            Some(amount)
        }
    };
    let remaining = same("remainingAmount", remaining)?;
    // Open bills say here what is reserved; it only has to be of the same currency.
    if let Some((other, _)) = estimated {
        same("estimatedAmount", (other, Money::ZERO))?;
    }
    let initial = initial.abs();
    let note = (remaining > initial).then(|| {
        format!("more is left of it than it was worth at first, it is recorded as one of {remaining} {currency}")
    });
    Some(Amounts {
        currency,
        initial: initial.max(remaining),
        remaining,
        note,
    })
}

fn stage(text: &str) -> Result<Stage, Problem> {
    match text {
        "BEFORE_CROSS_SERVICE_DISCOUNTS" => Ok(Stage::BeforeDiscounts),
        "AFTER_DISCOUNTS" => Ok(Stage::AfterDiscounts),
        other => Err(Problem::NotOneOf {
            found: Excerpt::of(other),
            of: "`BEFORE_CROSS_SERVICE_DISCOUNTS` or `AFTER_DISCOUNTS`",
        }),
    }
}

/// Who else may use a credit. A list of accounts without a type is one of a custom sharing.
fn sharing(reading: &mut Reading, credit: &Object<'_>) -> Option<Sharing> {
    let accounts = reading.optional(credit, "shareableAccounts", |list| {
        let names = texts(list)?.into_iter();
        names
            .map(|text| AccountId::new(&text).map_err(|why| Problem::name(&text, why)))
            .collect::<Result<Vec<AccountId>, Problem>>()
    });
    let kind = reading.optional(credit, "creditSharingType", text);
    let accounts = accounts?.unwrap_or_default();
    match kind?.as_deref() {
        Some("DISABLED") => Some(Sharing::Disabled),
        Some("CUSTOM") if accounts.is_empty() => Some(Sharing::Disabled),
        None if accounts.is_empty() => Some(Sharing::Default),
        Some("DEFAULT") => Some(Sharing::Default),
        Some("CUSTOM") | None => Some(Sharing::Custom(accounts.into_iter().collect())),
        Some(other) => {
            let kind = Excerpt::of(other);
            let id = credit.get("creditId").and_then(|id| text(id).ok());
            let credit_id = Excerpt::of(id.unwrap_or_default().as_bytes());
            let problem = Problem::Sharing {
                credit: credit_id,
                kind,
            };
            reading.fault(&credit.member("creditSharingType"), problem);
            None
        }
    }
}

/// The categories that a purchase type stands for *(house: the model does not list its values)*.
fn purchase_type(text: &str) -> Result<&'static [Category], Problem> {
    let letters = text.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    Ok(match plain.as_str() {
        "ondemand" | "spot" | "usage" => &[Category::Usage],
        "reserved" | "reservedinstance" | "reservedinstances" | "ri" | "savingsplan"
        | "savingsplans" => &[Category::RecurringFee, Category::UpfrontFee],
        "marketplace" | "awsmarketplace" => &[Category::Marketplace],
        "support" => &[Category::Support],
        _ => return Err(Problem::PurchaseType(Excerpt::of(text))),
    })
}
