//! The native bill: JSON, one document, an array of them, or one after the other.
//!
//! ```json
//! {"account": "111122223333", "month": "2017-06", "currency": "USD", "status": "final", "id": "invoice 1",
//!  "charges": [{"id": "1", "account": "444455556666", "service": "AmazonEC2", "region": "us-east-1",
//!               "category": "usage", "amount": "120.50", "start": "2017-06-01", "end": "2017-06-30",
//!               "description": "optional"}]}
//! ```
//!
//! A bill needs `account`, `month`, `currency` and `charges`, a charge `service` and `amount`; a
//! field that is `null` is absent. A bill without charges is one of zero, since it says so. Every
//! level is taken apart from its own text: an amount that is a JSON number is read digit by digit
//! and is never a float, nothing recurses, and a value of the wrong type is a fault like another.
//! Unknown fields are refused, being misspelt known ones more often than not. A service may stand
//! under any of its names.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::value::RawValue;

use crate::ledger::bill::{Bill, BillError, Charge, Status};
use crate::ledger::names::{AccountId, BillId, Currency, Region, Service};
use crate::ledger::scope::Category;
use crate::ledger::services::ServiceNames;
use crate::money::Money;
use crate::period::{Month, parse_date};

use super::fault::{Excerpt, Faults, Place, Problem};
use super::json::{
    each_item, each_member, each_member_of_first, list_of, syntax, text, wrong_type,
};
use super::names::{Known, Services, label};

static BILL: [&str; 6] = ["account", "month", "currency", "status", "id", "charges"];
static CHARGE: [&str; 9] = [
    "id",
    "account",
    "service",
    "region",
    "category",
    "amount",
    "start",
    "end",
    "description",
];

/// What native bills said.
pub(super) struct NativeBills {
    /// In the order of the document.
    pub(super) bills: Vec<Bill>,
    /// How many amounts were rounded.
    pub(super) rounded: u64,
    /// The names of services that nobody knows.
    pub(super) unknown_services: BTreeSet<Service>,
}

/// Whether the first object of JSON, or of a list in it, has members and is no bill, not even a bad
/// one: none of the fields is there that a bill must have.
pub(super) fn is_stranger(text: &str) -> bool {
    let (mut has_members, mut has_field) = (false, false);
    each_member_of_first(text, |name| {
        has_members = true;
        has_field |= matches!(name, "account" | "month" | "currency" | "charges");
    });
    has_members && !has_field
}

/// Reads the bills of a document.
pub(super) fn read(text: &str, names: &ServiceNames) -> Result<NativeBills, Faults> {
    let mut reader = Reader::new(names);
    for document in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        match document {
            Ok(document) => reader.document(document),
            Err(error) => {
                reader
                    .faults
                    .add(Place::Line(error.line() as u64), syntax(&error));
                break;
            }
        }
    }
    reader.bills()
}

/// Reads documents one by one and collects their faults.
struct Reader {
    bills: Vec<Bill>,
    /// The bills met, faulty ones included.
    count: usize,
    faults: Faults,
    rounded: u64,
    accounts: Known<AccountId>,
    services: Services,
    regions: Known<Region>,
}

/// Where the reader is: in which bill, from 1, and in which of its charges, from 0.
#[derive(Clone, Copy)]
struct At {
    bill: usize,
    charge: Option<usize>,
}

impl At {
    fn itself(self) -> Place {
        Place::Json {
            bill: Some(self.bill),
            charge: self.charge,
            field: None,
        }
    }

    fn field(self, name: &'static str) -> Place {
        Place::Json {
            bill: Some(self.bill),
            charge: self.charge,
            field: Some(name),
        }
    }
}

/// A field of an object that may have it.
#[derive(Clone, Copy)]
struct Field<'a> {
    at: At,
    name: &'static str,
    is_met: bool,
    /// Its value, if it is there and not `null`.
    value: Option<&'a RawValue>,
}

impl Reader {
    fn new(names: &ServiceNames) -> Reader {
        Reader {
            bills: Vec::new(),
            count: 0,
            faults: Faults::default(),
            rounded: 0,
            accounts: Known::new(AccountId::new),
            services: Services::new(names),
            regions: Known::new(Region::new),
        }
    }

    fn bills(self) -> Result<NativeBills, Faults> {
        if !self.faults.is_empty() {
            let is_one = self.count == 1;
            let faults = if is_one {
                self.faults.of_one_bill()
            } else {
                self.faults
            };
            return Err(faults);
        }
        Ok(NativeBills {
            bills: self.bills,
            rounded: self.rounded,
            unknown_services: self.services.unknown(),
        })
    }

    fn document(&mut self, document: &RawValue) {
        if !document.get().starts_with('[') {
            return self.bill(document);
        }
        let before = self.count;
        self.each(document, |reader, bill| reader.bill(bill));
        if self.count == before {
            self.count += 1;
            let at = At {
                bill: self.count,
                charge: None,
            };
            self.faults.add(at.itself(), Problem::NoBills);
        }
    }

    fn bill(&mut self, bill: &RawValue) {
        self.count += 1;
        let at = At {
            bill: self.count,
            charge: None,
        };
        let Some(fields) = self.fields(at, bill, "a bill", &BILL) else {
            return;
        };
        let [account, month, currency, status, id, charges] = fields;
        let payer = self.required(account, Reader::account);
        let month = self.required(month, |_, raw| month_of(raw));
        let currency = self.required(currency, |_, raw| currency_of(raw));
        let status = self.optional(status, |_, raw| status_of(raw));
        let reference = self.optional(id, |_, raw| label_of(raw));
        let Some(list) = self.required(charges, |_, raw| list_of(raw)) else {
            return;
        };
        let charges = self.charges(at, list, payer.as_ref());
        let (Some(month), Some(payer), Some(currency)) = (month, payer, currency) else {
            return;
        };
        let (Some(status), Some(reference), Some(charges)) = (status, reference, charges) else {
            return;
        };
        let id = BillId {
            month,
            payer,
            currency,
        };
        let status = status.unwrap_or(Status::Final);
        match Bill::new(id, status, reference.map(String::from), charges) {
            Ok(bill) => self.bills.push(bill),
            Err(BillError::DuplicateId(_)) => self.same_ids(at, list),
            Err(error) => self.faults.add(at.itself(), Problem::Bill(error)),
        }
    }

    /// The charges of a list; nothing if there is a fault in one.
    fn charges(
        &mut self,
        at: At,
        list: &RawValue,
        payer: Option<&AccountId>,
    ) -> Option<Vec<Charge>> {
        let mut charges = Some(Vec::new());
        self.each_charge(at, list, |reader, at, charge| {
            match (reader.charge(at, charge, payer), &mut charges) {
                (Some(charge), Some(charges)) => charges.push(charge),
                (Some(_), None) => {}
                (None, _) => charges = None,
            }
        });
        charges
    }

    fn charge(&mut self, at: At, charge: &RawValue, payer: Option<&AccountId>) -> Option<Charge> {
        let fields = self.fields(at, charge, "a charge", &CHARGE)?;
        let [
            id,
            account,
            service,
            region,
            category,
            amount,
            start,
            end,
            description,
        ] = fields;
        let id = self.optional(id, |_, raw| label_of(raw));
        let account = self.optional(account, Reader::account);
        let service = self.required(service, Reader::service);
        let region = self.optional(region, Reader::region);
        let category = self.optional(category, |_, raw| category_of(raw));
        let amount = self.required(amount, Reader::amount);
        let first = self.optional(start, |_, raw| date_of(raw));
        let last = self.optional(end, |_, raw| date_of(raw));
        let description = self.optional(description, |_, raw| Ok(Box::from(text(raw)?)));
        if let (Some(Some(start)), Some(Some(last))) = (first, last)
            && last < start
        {
            let problem = Problem::EndsBeforeItStarts { start, end: last };
            self.faults.add(at.field(end.name), problem);
            return None;
        }
        Some(Charge {
            id: id?,
            account: account?.or_else(|| payer.cloned())?,
            service: service?,
            region: region?,
            category: category?.unwrap_or(Category::Usage),
            amount: amount?,
            start: first?,
            end: last?,
            description: description?,
            count: 1,
        })
    }

    /// Reports the ids that stand twice among charges that are good otherwise.
    fn same_ids(&mut self, at: At, list: &RawValue) {
        let mut first = BTreeMap::new();
        let mut index = 0;
        self.each_charge(at, list, |reader, at, charge| {
            let fields = reader.fields(at, charge, "a charge", &CHARGE);
            let label = fields.and_then(|[id, ..]| reader.optional(id, |_, raw| label_of(raw))?);
            if let Some(label) = label {
                let id = Excerpt::of(label.as_bytes());
                let first = *first.entry(label).or_insert(index);
                if first < index {
                    let place = at.field("id");
                    reader.faults.add(place, Problem::SameId { id, first });
                }
            }
            index += 1;
        });
    }

    fn each_charge(
        &mut self,
        at: At,
        list: &RawValue,
        mut take: impl FnMut(&mut Reader, At, &RawValue),
    ) {
        let mut index = 0;
        self.each(list, |reader, charge| {
            let charge_at = At {
                charge: Some(index),
                ..at
            };
            take(reader, charge_at, charge);
            index += 1;
        });
    }

    fn each(&mut self, list: &RawValue, mut take: impl FnMut(&mut Reader, &RawValue)) {
        if let Err(error) = each_item(list, |value| take(self, value)) {
            self.faults
                .add(Place::Line(error.line() as u64), syntax(&error));
        }
    }

    /// The known fields of an object, in the order of `known`; nothing where it is no object.
    fn fields<'a, const N: usize>(
        &mut self,
        at: At,
        object: &'a RawValue,
        of: &'static str,
        known: &'static [&'static str; N],
    ) -> Option<[Field<'a>; N]> {
        if !object.get().starts_with('{') {
            self.faults
                .add(at.itself(), wrong_type(object, "an object"));
            return None;
        }
        let mut fields = known.map(|name| Field {
            at,
            name,
            is_met: false,
            value: None,
        });
        let taken = each_member(object, |name, value| {
            match fields.iter_mut().find(|field| field.name == name) {
                Some(field) if field.is_met => {
                    let field = Excerpt::of(name.as_bytes());
                    self.faults.add(at.itself(), Problem::Repeated(field));
                }
                Some(field) => {
                    field.is_met = true;
                    field.value = Some(value).filter(|value| value.get() != "null");
                }
                None => {
                    let field = Excerpt::of(name.as_bytes());
                    self.faults
                        .add(at.itself(), Problem::UnknownField { field, of, known });
                }
            }
        });
        if taken.is_err() {
            self.faults
                .add(at.itself(), Problem::NotText(Excerpt::of(object.get())));
            return None;
        }
        Some(fields)
    }

    /// What a field that must be there says; nothing, and a fault, where it says nothing good.
    fn required<'a, T>(
        &mut self,
        field: Field<'a>,
        read: impl FnOnce(&mut Reader, &'a RawValue) -> Result<T, Problem>,
    ) -> Option<T> {
        let value = self.optional(field, read)?;
        if value.is_none() {
            self.faults
                .add(field.at.itself(), Problem::Missing(field.name));
        }
        value
    }

    /// What a field says, be it that it is absent; nothing, and a fault, where it says nothing good.
    fn optional<'a, T>(
        &mut self,
        field: Field<'a>,
        read: impl FnOnce(&mut Reader, &'a RawValue) -> Result<T, Problem>,
    ) -> Option<Option<T>> {
        let Some(value) = field.value else {
            return Some(None);
        };
        match read(self, value) {
            Ok(value) => Some(Some(value)),
            Err(problem) => {
                self.faults.add(field.at.field(field.name), problem);
                None
            }
        }
    }

    fn account(&mut self, raw: &RawValue) -> Result<AccountId, Problem> {
        self.accounts.name(&text(raw)?)
    }

    fn service(&mut self, raw: &RawValue) -> Result<Service, Problem> {
        self.services.name(&text(raw)?)
    }

    fn region(&mut self, raw: &RawValue) -> Result<Region, Problem> {
        self.regions.name(&text(raw)?)
    }

    fn amount(&mut self, raw: &RawValue) -> Result<Money, Problem> {
        let text = match raw.get().as_bytes() {
            [b'-' | b'0'..=b'9', ..] => Cow::Borrowed(raw.get()),
            [b'"', ..] => text(raw)?,
            _ => return Err(wrong_type(raw, "a string or a number")),
        };
        let reading = Money::read(text.as_bytes()).map_err(|why| Problem::Amount {
            value: Excerpt::of(text.as_bytes()),
            why,
        })?;
        self.rounded += u64::from(reading.rounded);
        Ok(reading.amount)
    }
}

fn label_of(raw: &RawValue) -> Result<Box<str>, Problem> {
    label(&text(raw)?).map(Box::from)
}

fn currency_of(raw: &RawValue) -> Result<Currency, Problem> {
    let text = text(raw)?;
    Currency::new(&text).map_err(|why| Problem::name(&text, why))
}

fn month_of(raw: &RawValue) -> Result<Month, Problem> {
    let text = text(raw)?;
    Month::parse(&text).map_err(|why| Problem::period(&text, why))
}

fn date_of(raw: &RawValue) -> Result<NaiveDate, Problem> {
    let text = text(raw)?;
    parse_date(&text).map_err(|why| Problem::period(&text, why))
}

fn status_of(raw: &RawValue) -> Result<Status, Problem> {
    let text = text(raw)?;
    let statuses = [Status::Estimated, Status::Final];
    let named = statuses.into_iter().find(|status| status.as_str() == text);
    named.ok_or_else(|| Problem::NotAStatus(Excerpt::of(text.as_bytes())))
}

fn category_of(raw: &RawValue) -> Result<Category, Problem> {
    let text = text(raw)?;
    Category::parse(&text).ok_or_else(|| Problem::NotACategory(Excerpt::of(text.as_bytes())))
}
