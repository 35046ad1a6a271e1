//! What the naive model speaks of, in the types of the library.

use chrono::NaiveDate;
use credits_ledger::ledger::account::AccountChange;
use credits_ledger::ledger::bill::{Bill, Charge, Status};
use credits_ledger::ledger::credit::{Kind, Sharing, Stage, Terms};
use credits_ledger::ledger::names::{AccountId, BillId, Currency, Region, RegionPattern, Service};
use credits_ledger::ledger::rules::{EndRule, StartRule};
use credits_ledger::ledger::scope::{Category, CreditScope, Scope};
use credits_ledger::money::Money;
use credits_ledger::period::{Month, parse_date};

use crate::model;
use crate::model::{Share, Which};

pub(crate) fn account(text: &str) -> AccountId {
    AccountId::new(text).expect("an account")
}

pub(crate) fn day(text: &str) -> NaiveDate {
    parse_date(text).expect("a date")
}

pub(crate) fn month(text: &str) -> Month {
    Month::parse(text).expect("a month")
}

pub(crate) fn scope<T: Ord>(which: &Which, name: impl Fn(&str) -> T) -> Scope<T> {
    let set = |names: &[String]| names.iter().map(|text| name(text)).collect();
    match which {
        Which::All => Scope::All,
        Which::Only(names) => Scope::Only(set(names)),
        Which::Except(names) => Scope::Except(set(names)),
    }
}

pub(crate) fn sharing(share: &Share) -> Sharing {
    match share {
        Share::Default => Sharing::Default,
        Share::Disabled => Sharing::Disabled,
        Share::Custom(names) => Sharing::Custom(names.iter().map(|name| account(name)).collect()),
    }
}

pub(crate) fn terms(credit: &model::Credit) -> Terms {
    Terms {
        kind: Kind::parse(&credit.kind).expect("a kind"),
        name: credit.id.clone(),
        currency: Currency::new(&credit.currency).expect("a currency"),
        amount: Money::from_units(credit.left),
        used_before: Money::ZERO,
        start_date: day(&credit.start),
        end_date: credit.end.as_deref().map(day),
        scope: CreditScope {
            services: scope(&credit.services, |name| Service::new(name).expect("a name")),
            regions: scope(&credit.regions, |name| {
                RegionPattern::new(name).expect("a name")
            }),
            categories: scope(&credit.categories, |name| {
                Category::parse(name).expect("a category")
            }),
        },
        stage: if credit.before_discounts {
            Stage::BeforeDiscounts
        } else {
            Stage::AfterDiscounts
        },
        sharing: sharing(&credit.share),
        start_rule: credit.start_by_day.then_some(StartRule::Day),
        end_rule: credit.end_by_month.then_some(EndRule::Month),
        reference: None,
        offer: None,
    }
}

pub(crate) fn charge(charge: &model::Charge) -> Charge {
    Charge {
        id: charge.id.as_deref().map(Into::into),
        account: account(&charge.account),
        service: Service::new(&charge.service).expect("a service"),
        region: charge
            .region
            .as_deref()
            .map(|name| Region::new(name).expect("a region")),
        category: Category::parse(&charge.category).expect("a category"),
        amount: Money::from_units(charge.amount),
        start: charge.start.as_deref().map(day),
        end: charge.end.as_deref().map(day),
        description: charge.description.as_deref().map(Into::into),
        count: 1,
    }
}

pub(crate) fn bill(bill: &model::Bill, status: Status) -> Bill {
    let id = BillId {
        month: month(&bill.month),
        payer: account(&bill.payer),
        currency: Currency::new(&bill.currency).expect("a currency"),
    };
    let charges = bill.charges.iter().map(charge).collect();
    Bill::new(id, status, None, charges).expect("a bill")
}

pub(crate) fn no_change(account: AccountId) -> AccountChange {
    AccountChange::nothing(account)
}
