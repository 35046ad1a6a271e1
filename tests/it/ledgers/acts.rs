//! Random acts, and the requests that they come to.
//!
//! An act says what is wanted in a way that makes sense wherever it stands (the third credit, the month after
//! the last bill), so that a sequence of acts stays one when others are left out of it. What it comes to is
//! worked out from what the naive ledger has on record.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::calendar::{days_later, month_before, month_of, next_month};
use super::naive::{BillKey, Naive, bill_name};
use super::offers::{OFFERS, offer};
use super::request::{Change, Command, Document, Request, What, Worth};
use crate::model;
use crate::model::{Charge, Which};
use crate::random::{
    ACCOUNTS, ONE, PAYERS, dated, name_of, on, some_charges, some_credit, some_credits, some_day,
};
use crate::types::month;

/// The day on which every sequence begins.
pub(crate) const FIRST_DAY: &str = "2024-01-20";

/// Something to do.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Wait(u32),
    Do {
        wish: Wish,
        dry_run: bool,
    },
    /// The last command once more, to the letter.
    Again,
}

/// What a command is to do; its days are said of the month in which it is given.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Grant {
        credit: Box<model::Credit>,
        /// In eighths of the amount.
        used: i128,
        named: bool,
    },
    Offer {
        at: usize,
        other: bool,
    },
    Codes {
        offer: usize,
        codes: Vec<usize>,
    },
    Redeem {
        code: usize,
        account: Option<String>,
        worth: Value,
    },
    Void(usize),
    Join {
        account: String,
        payer: String,
        day: String,
    },
    Leave {
        account: String,
        day: String,
    },
    Set(Change),
    Apply {
        bills: Vec<BillWish>,
        amend: bool,
    },
    Reverse(usize),
    Replay(u32),
    Close(u32),
    Reopen(u32),
}

/// What a code is said to be worth.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    OnRecord,
    Offer(usize),
    Terms(Box<model::Credit>),
}

/// A bill to be handed in.
#[derive(Clone, Debug)]
pub(crate) struct BillWish {
    which: WhichBill,
    is_final: bool,
    like: Like,
    charges: Vec<Charge>,
}

#[derive(Clone, Debug)]
enum WhichBill {
    /// Of the month after the last one booked.
    Next(String, String),
    /// Of so many months ago.
    Back(String, String, u32),
    /// One of those on record.
    Known(usize),
    /// The bill before it in the same input.
    Twin,
}

/// How the charges are like those of the bill on record, or of the twin.
#[derive(Clone, Debug)]
enum Like {
    Not,
    Equal,
    /// In another order, without ids and descriptions.
    Shuffled,
    /// One of them is left out.
    Less(usize),
    /// One of them is another amount.
    Other(usize, i128),
    /// None at all.
    Empty,
}

const CODES: [&str; 8] = [
    "AUTUMN-2024-0001",
    "AUTUMN-2024-0002",
    "autumn20240001",
    "AUTUMN-2024-0003",
    "AUTUMN-2024-0004",
    "AUTUMN-2024-0005",
    "GIFT0001",
    "gift-0001",
];

/// Sequences of fewer than so many acts. A ledger has a few credits when its first bill comes.
pub(crate) fn some_acts(longest: usize) -> impl Strategy<Value = Vec<Act>> {
    let granted = some_credits().prop_map(|credits| {
        let all = credits.into_iter().map(|credit| Wish::Grant {
            credit: Box::new(credit),
            used: 0,
            named: true,
        });
        all.map(|wish| Act::Do {
            wish,
            dry_run: false,
        })
        .collect::<Vec<_>>()
    });
    (granted, vec(some_act(), 1..longest)).prop_map(|(granted, acts)| [granted, acts].concat())
}

fn some_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (1..50_u32).prop_map(Act::Wait),
        40 => (some_wish(), prop::bool::weighted(0.05)).prop_map(|(wish, dry_run)| Act::Do { wish, dry_run }),
        2 => Just(Act::Again),
    ]
}

fn some_wish() -> impl Strategy<Value = Wish> {
    let amend = prop::bool::weighted(0.45);
    prop_oneof![
        7 => (some_credit(), prop_oneof![6 => Just(0), 2 => 1..8_i128, 1 => Just(8), 1 => Just(9)], prop::bool::weighted(0.9))
            .prop_map(|(credit, used, named)| Wish::Grant { credit: Box::new(credit), used, named }),
        2 => (0..OFFERS, prop::bool::weighted(0.1)).prop_map(|(at, other)| Wish::Offer { at, other }),
        2 => (0..=OFFERS, vec(0..CODES.len(), 1..4)).prop_map(|(offer, codes)| Wish::Codes { offer, codes }),
        4 => (0..CODES.len(), option::weighted(0.9, name_of(&ACCOUNTS)), some_value())
            .prop_map(|(code, account, worth)| Wish::Redeem { code, account, worth }),
        2 => (0..8_usize).prop_map(Wish::Void),
        3 => (name_of(&ACCOUNTS), name_of(&PAYERS), some_day())
            .prop_map(|(account, payer, day)| Wish::Join { account, payer, day }),
        1 => (name_of(&ACCOUNTS), some_day()).prop_map(|(account, day)| Wish::Leave { account, day }),
        2 => some_change().prop_map(Wish::Set),
        18 => (vec(some_bill(), 1..4), amend).prop_map(|(bills, amend)| Wish::Apply { bills, amend }),
        3 => (0..9_usize).prop_map(Wish::Reverse),
        2 => (0..6_u32).prop_map(Wish::Replay),
        1 => (2..9_u32).prop_map(Wish::Close),
        1 => (1..8_u32).prop_map(Wish::Reopen),
    ]
}

fn some_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => Just(Value::OnRecord),
        3 => (0..=OFFERS).prop_map(Value::Offer),
        2 => some_credit().prop_map(|credit| Value::Terms(Box::new(credit))),
    ]
}

fn some_change() -> impl Strategy<Value = Change> {
    let what = (
        option::of(any::<bool>()),
        option::weighted(0.3, select(&["DE", "FR"][..])),
        option::weighted(0.4, select(&["student", "startup"][..])),
        prop::bool::weighted(0.2),
    );
    (name_of(&ACCOUNTS), what).prop_map(|(account, (sharing, country, attribute, default))| {
        Change {
            account,
            sharing,
            country: country.map(str::to_owned),
            attribute: attribute.map(str::to_owned),
            default,
            ..Change::default()
        }
    })
}

fn some_bill() -> impl Strategy<Value = BillWish> {
    let whose = || {
        let payer = prop_oneof![3 => Just("payer"), 2 => Just("zoe"), 1 => Just("alice")];
        let currency = prop_oneof![5 => Just("USD"), 1 => Just("JPY")];
        (
            payer.prop_map(str::to_owned),
            currency.prop_map(str::to_owned),
        )
    };
    let which = prop_oneof![
        6 => whose().prop_map(|(payer, currency)| WhichBill::Next(payer, currency)),
        3 => (whose(), 0..4_u32).prop_map(|((payer, currency), back)| WhichBill::Back(payer, currency, back)),
        5 => (0..9_usize).prop_map(WhichBill::Known),
        1 => Just(WhichBill::Twin),
    ];
    let like = prop_oneof![
        8 => Just(Like::Not),
        2 => Just(Like::Equal),
        2 => Just(Like::Shuffled),
        2 => (0..6_usize).prop_map(Like::Less),
        6 => (0..6_usize, select(&[1, 2, 3, 7, 15, 40, -4][..])).prop_map(|(at, amount)| Like::Other(at, amount * ONE)),
        1 => Just(Like::Empty),
    ];
    (which, prop::bool::weighted(0.75), like, some_charges(6)).prop_map(
        |(which, is_final, like, charges)| BillWish {
            which,
            is_final,
            like,
            charges,
        },
    )
}

/// What an act comes to, on what is on record. `last` is the command before it.
pub(crate) fn request(act: &Act, naive: &Naive, last: Option<&Command>) -> Option<Request> {
    match act {
        Act::Wait(days) => Some(Request::Today(days_later(&naive.today, *days))),
        Act::Again => last.cloned().map(Request::Command),
        Act::Do { wish, dry_run } => {
            let what = what(wish, naive);
            let dry_run = *dry_run && !matches!(what, What::Close { .. } | What::Reopen { .. });
            Some(Request::Command(Command { what, dry_run }))
        }
    }
}

fn what(wish: &Wish, naive: &Naive) -> What {
    let today = &naive.today;
    let day = |word: &str| on(month(&month_of(today)), word);
    match wish {
        Wish::Grant {
            credit,
            used,
            named,
        } => {
            let credit = issued(credit, naive);
            What::Grant {
                account: named.then(|| credit.owner.clone()),
                used: credit.left / 8 * used + i128::from(*used == 8) * (credit.left % 8),
                credit,
            }
        }
        Wish::Offer { at, other } => What::AddOffer(offer(*at, *other)),
        Wish::Codes { offer: at, codes } => What::AddCodes {
            offer: offer(*at, false).id,
            codes: codes.iter().map(|at| CODES[*at].to_owned()).collect(),
        },
        Wish::Redeem {
            code,
            account,
            worth,
        } => What::Redeem {
            code: CODES[*code].to_owned(),
            account: account.clone(),
            worth: match worth {
                Value::OnRecord => Worth::OnRecord,
                Value::Offer(at) => Worth::Offer(offer(*at, false).id),
                Value::Terms(credit) => Worth::Terms(issued(credit, naive)),
            },
        },
        Wish::Void(at) => What::Void {
            credit: naive
                .credits
                .get(*at)
                .map_or("C9999".to_owned(), |one| one.terms.id.clone()),
            reason: "a mistake".to_owned(),
        },
        Wish::Join {
            account,
            payer,
            day: word,
        } => What::SetAccount(Change {
            account: account.clone(),
            joins: Some((payer.clone(), day(word))),
            ..Change::default()
        }),
        Wish::Leave { account, day: word } => What::SetAccount(Change {
            account: account.clone(),
            leaves: Some(day(word)),
            ..Change::default()
        }),
        Wish::Set(change) => What::SetAccount(change.clone()),
        Wish::Apply { bills, amend } => What::Apply {
            documents: documents(bills, naive),
            amend: *amend,
        },
        Wish::Reverse(at) => What::Reverse {
            bill: naive
                .bills
                .keys()
                .nth(*at)
                .map_or("nobody/2024-01".to_owned(), bill_name),
            reason: "a wrong document".to_owned(),
        },
        Wish::Replay(back) => What::Replay {
            from: months_ago(today, *back),
        },
        Wish::Close(back) => What::Close {
            month: months_ago(today, *back),
        },
        Wish::Reopen(back) => What::Reopen {
            month: months_ago(today, *back),
        },
    }
}

fn months_ago(today: &str, count: u32) -> String {
    (0..count).fold(month_of(today), |month, _| month_before(&month))
}

/// A credit that the command can put on record: with dates, above zero, by flags that there are.
fn issued(credit: &model::Credit, naive: &Naive) -> model::Credit {
    let mut credit = credit.clone();
    let this_month = month(&month_of(&naive.today));
    credit.left = credit.left.max(1);
    credit.start = on(this_month, &credit.start);
    credit.end = credit.end.as_deref().map(|end| on(this_month, end));
    if credit.currency == "EUR" {
        credit.currency = "JPY".to_owned();
    }
    if matches!(credit.regions, Which::Except(_)) {
        credit.regions = Which::All;
    }
    credit.paused = false;
    credit.voided = false;
    credit
}

fn documents(wishes: &[BillWish], naive: &Naive) -> Vec<Document> {
    let mut documents: Vec<Document> = vec![];
    for wish in wishes {
        let twin = documents.last().cloned();
        let (key, twin) = match (&wish.which, twin) {
            (WhichBill::Twin, Some(twin)) => (twin.key(), Some(twin)),
            (which, _) => (key(which, naive), None),
        };
        let known = naive.bills.get(&key).map(|bill| &bill.charges);
        let like = twin.as_ref().map(|twin| &twin.bill.charges).or(known);
        let fresh = || dated(month(&key.0), wish.charges.clone());
        let charges = like.map_or_else(fresh, |like| alike(&wish.like, like).unwrap_or_else(fresh));
        // An estimate beside the final bill of one month is one too many.
        let same = documents.iter().find(|document| document.key() == key);
        documents.push(Document {
            is_final: same.map_or(wish.is_final, |same| same.is_final),
            bill: super::naive::model_bill(&key, &charges),
        });
    }
    documents
}

fn key(which: &WhichBill, naive: &Naive) -> BillKey {
    let this_month = month_of(&naive.today);
    match which {
        WhichBill::Next(payer, currency) => {
            let booked = naive
                .bills
                .iter()
                .filter(|(key, bill)| bill.is_final && key.1 == *payer && key.2 == *currency);
            let last = booked.map(|(key, _)| next_month(&key.0)).next_back();
            let month = last.unwrap_or_else(|| months_ago(&naive.today, 2));
            (month.min(this_month), payer.clone(), currency.clone())
        }
        WhichBill::Back(payer, currency, back) => (
            months_ago(&naive.today, *back),
            payer.clone(),
            currency.clone(),
        ),
        WhichBill::Known(at) => {
            let known = naive.bills.keys().nth(*at).cloned();
            known.unwrap_or((this_month, "payer".to_owned(), "USD".to_owned()))
        }
        WhichBill::Twin => (this_month, "payer".to_owned(), "USD".to_owned()),
    }
}

/// Charges like those that are there, as is wished; nothing where they are to be others.
fn alike(like: &Like, charges: &[Charge]) -> Option<Vec<Charge>> {
    let mut charges = charges.to_vec();
    let count = charges.len().max(1);
    match like {
        Like::Not => return None,
        Like::Equal => {}
        Like::Shuffled => {
            charges.reverse();
            for charge in &mut charges {
                charge.id = None;
                charge.description = None;
            }
        }
        Like::Less(at) => {
            charges = charges
                .into_iter()
                .enumerate()
                .filter(|(i, _)| *i != at % count)
                .map(|(_, one)| one)
                .collect()
        }
        Like::Other(at, amount) => {
            if let Some(charge) = charges.get_mut(at % count) {
                charge.amount = *amount;
            }
        }
        Like::Empty => charges.clear(),
    }
    Some(charges)
}
