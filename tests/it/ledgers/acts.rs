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
    ACCOUNTS, LARGEST, ONE, PAYERS, dated, name_of, on, some_charges, some_credit, some_credits,
    some_day,
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
        /// How many times what it says it is worth.
        times: i128,
        /// For everything, since long ago and for ever, whatever it says.
        broad: bool,
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
    Void {
        at: usize,
        on: Option<String>,
    },
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

/// A number for what is not on record.
const NOBODY: usize = 63;

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

/// Sequences of fewer than so many acts, after some to begin with: a ledger has a few credits, and often offers,
/// when its first bill comes.
pub(crate) fn some_acts(longest: usize) -> impl Strategy<Value = Vec<Act>> {
    let granted = some_credits().prop_map(|credits| {
        let grant = |(at, credit)| Wish::Grant {
            credit: Box::new(credit),
            times: 1,
            broad: at % 3 == 0,
            used: 0,
            named: true,
        };
        credits.into_iter().enumerate().map(grant).collect()
    });
    let offered = (0..OFFERS + 1).prop_map(|count| {
        let codes = Wish::Codes {
            offer: OFFERS,
            codes: vec![0, 1, 3, 4],
        };
        let offers = (0..count).map(|at| Wish::Offer { at, other: false });
        offers.chain([codes]).collect::<Vec<Wish>>()
    });
    let first = (granted, offered).prop_map(|(granted, offered): (Vec<Wish>, Vec<Wish>)| {
        let wishes = granted.into_iter().chain(offered);
        wishes
            .map(|wish| Act::Do {
                wish,
                dry_run: false,
            })
            .collect::<Vec<Act>>()
    });
    (first, vec(some_act(), 1..longest)).prop_map(|(first, acts)| [first, acts].concat())
}

fn some_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (1..50_u32).prop_map(Act::Wait),
        40 => (some_wish(), prop::bool::weighted(0.05)).prop_map(|(wish, dry_run)| Act::Do { wish, dry_run }),
        2 => Just(Act::Again),
    ]
}

fn some_wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        7 => some_grant(),
        3 => (0..OFFERS, prop::bool::weighted(0.1)).prop_map(|(at, other)| Wish::Offer { at, other }),
        3 => (0..8_usize, vec(0..CODES.len(), 1..5)).prop_map(|(offer, codes)| Wish::Codes { offer, codes }),
        6 => (0..CODES.len(), option::weighted(0.9, name_of(&ACCOUNTS)), some_value())
            .prop_map(|(code, account, worth)| Wish::Redeem { code, account, worth }),
        3 => (0..NOBODY + 1, option::weighted(0.3, some_day())).prop_map(|(at, on)| Wish::Void { at, on }),
        3 => (name_of(&ACCOUNTS), name_of(&PAYERS), some_day())
            .prop_map(|(account, payer, day)| Wish::Join { account, payer, day }),
        1 => (name_of(&ACCOUNTS), some_day()).prop_map(|(account, day)| Wish::Leave { account, day }),
        2 => some_change().prop_map(Wish::Set),
        13 => bills_in_order(),
        10 => bills_that_correct(),
        4 => bills_of_any_kind(),
        3 => prop_oneof![9 => 0..12_usize, 1 => Just(NOBODY)].prop_map(Wish::Reverse),
        2 => (0..8_u32).prop_map(Wish::Replay),
        1 => (3..9_u32).prop_map(Wish::Close),
        2 => (0..4_u32).prop_map(Wish::Reopen),
    ]
}

/// The next bills of some payers.
fn bills_in_order() -> impl Strategy<Value = Wish> {
    let next = some_payer().prop_map(|(payer, currency)| WhichBill::Next(payer, currency));
    let bill = some_bill(next, Just(Like::Not), 0.8);
    (vec(bill, 1..4), prop::bool::weighted(0.2))
        .prop_map(|(bills, amend)| Wish::Apply { bills, amend })
}

/// Bills that are booked already, with other charges, and bills that come late.
fn bills_that_correct() -> impl Strategy<Value = Wish> {
    let which = prop_oneof![
        6 => (0..12_usize).prop_map(WhichBill::Known),
        3 => (some_payer(), 0..8_u32)
            .prop_map(|((payer, currency), back)| WhichBill::Back(payer, currency, back)),
        2 => some_payer().prop_map(|(payer, currency)| WhichBill::Next(payer, currency)),
    ];
    let bill = some_bill(which, some_likeness(), 0.97);
    (vec(bill, 1..4), prop::bool::weighted(0.9))
        .prop_map(|(bills, amend)| Wish::Apply { bills, amend })
}

fn bills_of_any_kind() -> impl Strategy<Value = Wish> {
    let which = prop_oneof![
        2 => some_payer().prop_map(|(payer, currency)| WhichBill::Next(payer, currency)),
        3 => (some_payer(), 0..4_u32)
            .prop_map(|((payer, currency), back)| WhichBill::Back(payer, currency, back)),
        5 => (0..12_usize).prop_map(WhichBill::Known),
        2 => Just(WhichBill::Twin),
    ];
    let bill = some_bill(which, some_likeness(), 0.6);
    (vec(bill, 1..4), any::<bool>()).prop_map(|(bills, amend)| Wish::Apply { bills, amend })
}

fn some_payer() -> impl Strategy<Value = (String, String)> {
    let payer = prop_oneof![3 => Just("payer"), 2 => Just("zoe"), 1 => Just("alice")];
    let currency = prop_oneof![6 => Just("USD"), 1 => Just("JPY")];
    (
        payer.prop_map(str::to_owned),
        currency.prop_map(str::to_owned),
    )
}

fn some_likeness() -> impl Strategy<Value = Like> {
    prop_oneof![
        4 => Just(Like::Not),
        2 => Just(Like::Equal),
        2 => Just(Like::Shuffled),
        3 => (0..6_usize).prop_map(Like::Less),
        8 => (0..6_usize, select(&[1, 2, 3, 7, 15, 40, -4][..]))
            .prop_map(|(at, amount)| Like::Other(at, amount * ONE)),
        1 => Just(Like::Empty),
    ]
}

/// Charges, often plain ones, so that credits are used up and bills compete for them.
fn some_charges_of_a_ledger() -> impl Strategy<Value = Vec<Charge>> {
    (some_charges(6), any::<bool>()).prop_map(|(mut charges, plain)| {
        for charge in charges.iter_mut().filter(|_| plain) {
            charge.category = "usage".to_owned();
            charge.service = charge.service.replace("AmazonRegistrar", "EC2");
            charge.amount = charge.amount.abs();
        }
        charges
    })
}

fn some_bill(
    which: impl Strategy<Value = WhichBill>,
    like: impl Strategy<Value = Like>,
    finals: f64,
) -> impl Strategy<Value = BillWish> {
    (
        which,
        prop::bool::weighted(finals),
        like,
        some_charges_of_a_ledger(),
    )
        .prop_map(|(which, is_final, like, charges)| BillWish {
            which,
            is_final,
            like,
            charges,
        })
}

fn some_grant() -> impl Strategy<Value = Wish> {
    let used = prop_oneof![6 => Just(0), 2 => 1..8_i128, 1 => Just(8), 1 => Just(9)];
    let times = select(&[1, 3, 10, 30][..]);
    let rest = (times, any::<bool>(), used, prop::bool::weighted(0.8));
    (some_credit(), rest).prop_map(|(credit, (times, broad, used, named))| Wish::Grant {
        credit: Box::new(credit),
        times,
        broad,
        used,
        named,
    })
}

fn some_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => Just(Value::OnRecord),
        3 => (0..8_usize).prop_map(Value::Offer),
        2 => some_credit().prop_map(|credit| Value::Terms(Box::new(credit))),
    ]
}

fn some_change() -> impl Strategy<Value = Change> {
    let what = (
        option::of(any::<bool>()),
        option::weighted(0.3, select(&["DE", "FR"][..])),
        option::weighted(0.4, select(&["student", "startup"][..])),
        prop::bool::weighted(0.2),
        option::weighted(0.3, some_day()),
    );
    (name_of(&ACCOUNTS), what).prop_map(|(account, (sharing, country, attribute, default, on))| {
        Change {
            account,
            sharing,
            country: country.map(str::to_owned),
            attribute: attribute.map(str::to_owned),
            default,
            on,
            ..Change::default()
        }
    })
}

/// What an act comes to, on what is on record. `last` is the command before it.
pub(crate) fn request(act: &Act, naive: &Naive, last: Option<&Command>) -> Option<Request> {
    match act {
        Act::Wait(days) => Some(Request::Today(days_later(&naive.today, *days))),
        Act::Again => last.cloned().map(Request::Command),
        Act::Do { wish, dry_run } => {
            let what = what(wish, naive);
            Some(Request::Command(Command {
                what,
                dry_run: *dry_run,
            }))
        }
    }
}

fn what(wish: &Wish, naive: &Naive) -> What {
    let today = &naive.today;
    let day = |word: &str| on(month(&month_of(today)), word);
    match wish {
        Wish::Grant {
            credit,
            times,
            broad,
            used,
            named,
        } => {
            let mut credit = issued(credit, naive);
            credit.left = (credit.left * times).min(LARGEST);
            if *broad {
                credit.start = "2023-10-01".to_owned();
                credit.end = None;
                credit.services = Which::All;
                credit.regions = Which::All;
                credit.categories = Which::All;
            } else if *times > 1 && credit.end.as_ref().is_some_and(|end| *end < credit.start) {
                credit.end = None;
            }
            What::Grant {
                account: named.then(|| credit.owner.clone()),
                used: credit.left / 8 * used + i128::from(*used == 8) * (credit.left % 8),
                credit,
            }
        }
        Wish::Offer { at, other } => What::AddOffer(offer(*at, *other)),
        Wish::Codes { offer: at, codes } => What::AddCodes {
            offer: known_offer(*at, naive),
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
                Value::Offer(at) => Worth::Offer(known_offer(*at, naive)),
                Value::Terms(credit) => Worth::Terms(issued(credit, naive)),
            },
        },
        Wish::Void { at, on } => What::Void {
            credit: credit_to_void(*at, naive),
            reason: "a mistake".to_owned(),
            on: on.as_deref().map(day),
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
        Wish::Set(change) => What::SetAccount(Change {
            on: change.on.as_deref().map(day),
            ..change.clone()
        }),
        Wish::Apply { bills, amend } => What::Apply {
            documents: documents(bills, naive),
            amend: *amend,
        },
        Wish::Reverse(at) => What::Reverse {
            bill: known_bill(*at, naive).map_or("nobody/2024-01".to_owned(), |key| bill_name(&key)),
            reason: "a wrong document".to_owned(),
        },
        Wish::Replay(back) => What::Replay {
            from: months_ago(today, *back),
        },
        Wish::Close(back) => What::Close {
            month: months_ago(today, *back),
        },
        Wish::Reopen(back) => {
            let closed = naive.closed_until.as_ref().unwrap_or(today);
            What::Reopen {
                month: months_ago(closed, *back),
            }
        }
    }
}

/// One of the offers on record, or one that is not.
fn known_offer(at: usize, naive: &Naive) -> String {
    let known = match (at, naive.offers.len()) {
        (0, _) | (_, 0) => None,
        (at, count) => naive.offers.get(at % count),
    };
    known.map_or("nobody".to_owned(), |offer| offer.id.clone())
}

/// One of the credits with something left, or any, or one that is not there.
fn credit_to_void(at: usize, naive: &Naive) -> String {
    let left = naive.left_now();
    let all: Vec<&String> = naive
        .credits
        .iter()
        .map(|credit| &credit.terms.id)
        .collect();
    let some: Vec<&String> = all.iter().copied().filter(|id| left[*id] > 0).collect();
    let of = if at % 4 == 0 { all } else { some };
    match of.len() {
        0 => "C9999".to_owned(),
        _ if at == NOBODY => "C9999".to_owned(),
        count => of[at / 4 % count].clone(),
    }
}

/// One of the bills on record, the later ones more often.
fn known_bill(at: usize, naive: &Naive) -> Option<BillKey> {
    let count = naive.bills.len();
    let at = (at != NOBODY && count > 0).then(|| at % count)?;
    naive.bills.keys().rev().nth(at).cloned()
}

/// So many months before the month of a day, or before a month.
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
        if twin.is_none() && documents.iter().any(|one| one.key() == key) {
            continue;
        }
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
            let known = known_bill(*at, naive);
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
