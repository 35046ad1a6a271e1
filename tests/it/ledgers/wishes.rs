//! What acts come to on what is on record: requests that name credits, days and charges.

use super::acts::{Act, BillWish, CODES, Like, NOBODY, Value, WhichBill, Wish};
use super::calendar::{days_before, days_later, month_before, month_of, next_month};
use super::naive::{BillKey, Naive, bill_name, model_bill};
use super::offers::offer;
use super::request::{Change, Command, Document, Request, What, Worth};
use crate::model;
use crate::model::{Charge, Which};
use crate::random::{LARGEST, dated, on};
use crate::types::month;

const SPELLINGS: [&str; CODES] = [
    "AUTUMN-2024-0001",
    "AUTUMN-2024-0002",
    "autumn20240001",
    "AUTUMN-2024-0003",
    "AUTUMN-2024-0004",
    "AUTUMN-2024-0005",
    "GIFT0001",
    "gift-0001",
];

/// What an act comes to, on what is on record. `last` is the command before it.
pub(crate) fn request(act: &Act, naive: &Naive, last: Option<&Command>) -> Option<Request> {
    match act {
        Act::Wait(days) => Some(Request::Today(days_later(&naive.today, *days))),
        Act::Back(days) => Some(Request::Today(days_before(&naive.today, *days))),
        Act::Again => last.cloned().map(|last| Request::Command(Box::new(last))),
        Act::Do { wish, dry_run } => {
            let what = what(wish, naive);
            Some(Request::Command(Box::new(Command {
                what,
                dry_run: *dry_run,
            })))
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
            codes: codes.iter().map(|at| SPELLINGS[*at].to_owned()).collect(),
        },
        Wish::ManyCodes(count) => What::AddCodes {
            offer: offer(0, false).id,
            codes: (0..*count).map(|at| format!("BULK-{at:04}")).collect(),
        },
        Wish::Redeem {
            code,
            account,
            worth,
        } => What::Redeem {
            code: SPELLINGS[*code].to_owned(),
            account: account.clone(),
            worth: match worth {
                Value::OnRecord => Worth::OnRecord,
                Value::Offer(at) => Worth::Offer(known_offer(*at, naive)),
                Value::Terms(credit) => Worth::Terms(Box::new(issued(credit, naive))),
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
    let of = if at.is_multiple_of(4) { all } else { some };
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
        documents.push(Document {
            is_final: wish.is_final,
            bill: model_bill(&key, &charges),
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
