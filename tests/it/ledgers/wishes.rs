//! What acts come to on what is on record: requests that name credits, days and charges.

use super::acts::{Act, BillWish, CODES, How, Like, NOBODY, Value, WhichBill, Wish};
use super::calendar::{days_before, days_later, month_before, month_of, next_month};
use super::naive::{BillKey, Credit, Naive, bill_name, model_bill};
use super::offers::offer;
use super::request::{Change, Command, Document, Request, What, Worth};
use crate::model;
use crate::model::{Charge, Which};
use crate::random::{ACCOUNTS, LARGEST, ONE, dated, on};
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
            credit: some_credit(*at, naive),
            reason: "a mistake".to_owned(),
            on: on.as_deref().map(day),
        },
        Wish::Switch { at, paused, on } => {
            let (credit, on) = (
                credit_to_switch(*at, *paused, naive),
                on.as_deref().map(day),
            );
            match paused {
                true => What::Pause { credit, on },
                false => What::Resume { credit, on },
            }
        }
        Wish::Share { at, with, on } => What::Share {
            credit: credit_to_switch(*at, true, naive),
            with: with.clone(),
            on: on.as_deref().map(day),
        },
        Wish::Transfer { at, to, near, on } => {
            let credit = credit_to_transfer(*at, naive);
            What::Transfer {
                to: match near {
                    true => near_account(&credit, to, naive),
                    false => to.clone(),
                },
                credit,
                on: on.as_deref().map(day),
            }
        }
        Wish::Split { at, count, how, on } => {
            let credit = credit_to_split(*at, *count, naive);
            What::Split {
                amounts: parts(&credit, *count, how, naive),
                credit,
                on: on.as_deref().map(day),
            }
        }
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
fn some_credit(at: usize, naive: &Naive) -> String {
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

/// An account of the same payer as the owner of a credit, `to` if it is one; `to` if there is none.
fn near_account(credit: &str, to: &str, naive: &Naive) -> String {
    let credit = naive.credits.iter().find(|one| one.terms.id == credit);
    let Some(credit) = credit else {
        return to.to_owned();
    };
    let today = &naive.today;
    let owner = credit.owner_on(today);
    let payer = naive.payer_on(&owner, today);
    let others = [to].into_iter().chain(ACCOUNTS);
    let mut near = others.filter(|one| *one != owner && naive.payer_on(one, today) == payer);
    near.next().unwrap_or(to).to_owned()
}

/// To be resumed mostly one that is paused, to be paused at times one that can be split; at times one that was
/// voided.
fn credit_to_switch(at: usize, paused: bool, naive: &Naive) -> String {
    let left = naive.left_now();
    one_such(at, naive, |credit| match at % 8 {
        1 => credit.voided_on().is_some(),
        3 | 5 if paused => left[&credit.terms.id] >= 200 * ONE,
        _ => !paused && credit.is_paused_on(&naive.today),
    })
}

/// At times one that was redeemed, that was split, or that could be.
fn credit_to_transfer(at: usize, naive: &Naive) -> String {
    let left = naive.left_now();
    one_such(at, naive, |credit| match at % 8 {
        1 => credit.offer.is_some(),
        2 => credit.split_on().is_some(),
        3 | 5 => left[&credit.terms.id] >= 200 * ONE,
        _ => false,
    })
}

/// One of the credits of which something is so, if there is any; every fourth time whichever.
fn one_such(at: usize, naive: &Naive, is_so: impl Fn(&Credit) -> bool) -> String {
    let such = naive.credits.iter().filter(|credit| is_so(credit));
    let such: Vec<&String> = such.map(|credit| &credit.terms.id).collect();
    match such.len() {
        0 => some_credit(at, naive),
        _ if at.is_multiple_of(4) || at == NOBODY => some_credit(at, naive),
        count => such[at / 4 % count].clone(),
    }
}

/// One of the credits that could be split, the largest one if there are to be many parts; or any.
fn credit_to_split(at: usize, count: i128, naive: &Naive) -> String {
    let whole = naive.credits.iter();
    let whole = whole.filter(|credit| credit.split_on().is_none());
    let ids: Vec<&String> = whole.map(|credit| &credit.terms.id).collect();
    let available = naive.available();
    let largest = ids.iter().max_by_key(|id| available[**id]);
    let is_large =
        |credit: &Credit| credit.split_on().is_none() && available[&credit.terms.id] >= 200 * ONE;
    match (at % 8, largest) {
        (4, _) => one_such(at + 1, naive, |credit| credit.split_on().is_some()),
        (3, _) => one_such(at, naive, |one| {
            is_large(one) && one.is_paused_on(&naive.today)
        }),
        (5, _) => one_such(at, naive, |one| is_large(one) && !one.owners.is_empty()),
        (6 | 7, _) => one_such(at, naive, |one| is_large(one) && one.split_from.is_some()),
        (_, Some(largest)) if count > 5 => (*largest).clone(),
        _ => one_such(at, naive, is_large),
    }
}

/// Amounts into which a credit may be split, or nearly.
fn parts(credit: &str, count: i128, how: &How, naive: &Naive) -> Vec<i128> {
    let available = naive.available().get(credit).copied().unwrap_or_default();
    // No more parts than there can be, unless there are to be too many.
    let most = (available / (100 * ONE)).max(2);
    let count = if count == 100 { 100 } else { count.min(most) };
    if count < 2 {
        return vec![available.max(1)];
    }
    let first = match how {
        How::Even | How::Off(_) => available / count,
        How::Least => 100 * ONE,
        How::Small => 100 * ONE - 1,
    };
    let more = if let How::Off(more) = how { *more } else { 0 };
    let last = available - first * (count - 1) + more;
    let mut amounts = vec![first.max(1); count as usize - 1];
    amounts.push(last.max(1));
    amounts
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
            (which, _) => (key(which, naive, &documents), None),
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

/// Bills before it in the same input count as booked.
fn key(which: &WhichBill, naive: &Naive, before: &[Document]) -> BillKey {
    let this_month = month_of(&naive.today);
    match which {
        WhichBill::Next(payer, currency) => {
            let booked = naive.bills.iter().filter(|(_, bill)| bill.is_final);
            let booked = booked.map(|(key, _)| key.clone());
            let before = before.iter().filter(|document| document.is_final);
            let booked = booked.chain(before.map(Document::key));
            let own = booked.filter(|key| key.1 == *payer && key.2 == *currency);
            let last = own.map(|key| next_month(&key.0)).max();
            let month = last.unwrap_or_else(|| months_ago(&naive.today, 2));
            (month.min(this_month), payer.clone(), currency.clone())
        }
        WhichBill::Last(payer, currency) => {
            let month = months_ago(&naive.today, 1);
            (month, payer.clone(), currency.clone())
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
