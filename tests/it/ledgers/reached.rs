//! What random sequences reach, so that nobody takes a generator that became tame for a ledger that is right.

use super::naive::{Credit, Naive, Why, bill_name, used};
use super::request::{Command, What};
use super::told::{Answer, Changed, Refused};
use crate::model;
use crate::random::Seen;

/// Kinds of entries.
const ENTRIES: [&str; 19] = [
    "opened",
    "credit_granted",
    "code_redeemed",
    "offer_added",
    "code_added",
    "bill_estimated",
    "bill_booked",
    "bill_reversed",
    "month_closed",
    "month_reopened",
    "credit_voided",
    "credit_earned",
    "credit_reduced",
    "credit_paused",
    "credit_resumed",
    "credit_shared",
    "credit_transferred",
    "credit_split",
    "account_set",
];

/// Kinds of refusals. Not here: `too_much`, for which all credits have to reach 10^19.
const REFUSALS: [&str; 22] = [
    "bad_usage",
    "bad_input",
    "unknown_credit",
    "unknown_bill",
    "unknown_offer",
    "unknown_code",
    "already_redeemed",
    "code_on_record",
    "other_offer",
    "offer_differs",
    "made_otherwise",
    "offer_closed",
    "not_eligible",
    "limit_reached",
    "nothing_to_void",
    "credit_voided",
    "not_transferable",
    "not_splittable",
    "account_conflict",
    "bill_differs",
    "already_final",
    "out_of_order",
];

/// Notes what a command came to.
pub(crate) fn note(
    seen: &mut Seen,
    before: &Naive,
    command: &Command,
    answer: &Result<Answer, Refused>,
    after: &Naive,
) {
    for kind in ENTRIES {
        let new = after.entries.iter().skip(before.entries.len());
        seen.see(
            &format!("entry {kind}"),
            new.clone().any(|entry| entry.kind == kind),
        );
    }
    for kind in REFUSALS.into_iter().chain(["month_closed"]) {
        let is = matches!(answer, Err(refused) if refused.kind == kind);
        seen.see(&format!("refused: {kind}"), is);
    }
    seen.see("a dry run", command.dry_run && answer.is_ok());
    note_credits(seen, before, command, answer, after);
    note_operations(seen, before, command, answer);
    note_families(seen, after);
    note_bills(seen, before, command, answer, after);
    if !command.dry_run {
        note_corrections(seen, before, command, answer, after);
    }
}

fn note_credits(
    seen: &mut Seen,
    before: &Naive,
    command: &Command,
    answer: &Result<Answer, Refused>,
    after: &Naive,
) {
    let done = answer.is_ok();
    if let What::Grant { used, .. } = &command.what {
        seen.see("a credit that was used before", done && *used > 0);
    }
    if let What::Grant { account: None, .. } | What::Redeem { account: None, .. } = &command.what {
        let only = before.known_accounts().len() == 1;
        let default = before.default_account.is_some();
        seen.see("the default account is meant", done && default);
        seen.see("the only account is meant", done && !default && only);
        seen.see("no account can be meant", !done && !default && !only);
    }
    let ours = after.credits_on(&after.today);
    for status in [
        "active",
        "paused",
        "upcoming",
        "exhausted",
        "expired",
        "voided",
    ] {
        seen.see(
            &format!("a credit that is {status}"),
            ours.iter().any(|credit| credit.status == status),
        );
    }
    seen.see(
        "something reserved",
        ours.iter()
            .any(|credit| credit.estimated < credit.remaining),
    );
    seen.see(
        "something expired",
        ours.iter().any(|credit| credit.expired > 0),
    );
}

/// What is done to a credit, and every reason for which it is not.
fn note_operations(
    seen: &mut Seen,
    before: &Naive,
    command: &Command,
    answer: &Result<Answer, Refused>,
) {
    let place = |id: &str| before.credits.iter().position(|one| one.terms.id == id);
    let day = |on: &Option<String>| on.clone().unwrap_or(before.today.clone());
    match &command.what {
        What::Transfer { credit, to, on } => {
            let why = place(credit).and_then(|at| before.why_not_transferable(at, to, &day(on)));
            for reason in ["owner", "split", "status", "reserved", "offer", "payer"] {
                let what = format!("not transferable: {reason}");
                seen.see(&what, why == Some(reason));
            }
        }
        What::Split {
            credit,
            amounts,
            on,
        } => {
            let day = day(on);
            let why = place(credit).and_then(|at| before.why_not_splittable(at, amounts, &day));
            for reason in [
                "split", "status", "reserved", "little", "parts", "family", "small", "sum",
            ] {
                let what = format!("not splittable: {reason}");
                seen.see(&what, why == Some(reason));
            }
            if let (Ok(_), Some(at)) = (answer, place(credit)) {
                let whole = &before.credits[at];
                seen.see("a part that was split", whole.split_from.is_some());
                seen.see("a paused credit that was split", whole.is_paused_on(&day));
                let moved = whole.owner_on(&day) != whole.terms.owner;
                seen.see("a transferred credit that was split", moved);
                let mut moves = whole.moves.iter();
                let used_later = moves.any(|one| one.effective > day);
                seen.see("a split of a day before the last use", used_later);
                let left = before.left_now()[credit];
                let keeps = amounts.iter().sum::<i128>() < left;
                seen.see("a split credit that keeps what is reserved", keeps);
            }
        }
        What::Pause { .. } | What::Resume { .. } | What::Share { .. } => {
            let done = matches!(answer, Ok(Answer::Credit(_)));
            let on = match &command.what {
                What::Pause { on, .. } | What::Resume { on, .. } | What::Share { on, .. } => on,
                _ => &None,
            };
            seen.see("something done on a day before", done && on.is_some());
        }
        _ => {}
    }
}

fn note_families(seen: &mut Seen, after: &Naive) {
    let paying = |credit: &Credit| credit.moves.iter().any(|one| one.why == Why::Applied);
    let parts = || after.credits.iter().filter(|one| one.split_from.is_some());
    seen.see("a part that paid a bill", parts().any(paying));
    let before_it_was = |credit: &Credit| {
        let mut moves = credit.moves.iter();
        moves.any(|one| one.why == Why::Applied && one.effective < credit.since)
    };
    seen.see(
        "a part that paid a bill of a day before the split",
        parts().any(before_it_was),
    );
    let left = after.left_now();
    let has_left = |credit: &Credit| {
        let mut moves = credit.moves.iter();
        let after_the_split = moves.by_ref().any(|one| one.why == Why::Split);
        let returned = moves.any(|one| one.why == Why::Returned);
        after_the_split && returned && left[&credit.terms.id] > 0
    };
    seen.see(
        "a split credit that got something back",
        after.credits.iter().any(has_left),
    );
    let moved = |credit: &Credit| !credit.owners.is_empty() && paying(credit);
    seen.see(
        "a transferred credit that paid a bill",
        after.credits.iter().any(moved),
    );
}

fn note_bills(
    seen: &mut Seen,
    before: &Naive,
    command: &Command,
    answer: &Result<Answer, Refused>,
    after: &Naive,
) {
    let (What::Apply { documents, .. }, Ok(Answer::Statements(all))) = (&command.what, answer)
    else {
        return;
    };
    let is_open = |name: &str| {
        before
            .bills
            .iter()
            .any(|(key, bill)| bill_name(key) == name && !bill.is_final)
    };
    seen.see("several bills at once", all.len() > 1);
    seen.see(
        "bills of two currencies at once",
        documents
            .iter()
            .any(|one| one.bill.currency != documents[0].bill.currency),
    );
    for stated in all {
        let totals = &stated.statement.totals;
        seen.see("the same bill again", stated.already);
        seen.see(
            "an estimate replaced",
            !stated.is_final && !stated.already && is_open(&stated.bill),
        );
        seen.see(
            "an estimate made final",
            stated.is_final && is_open(&stated.bill),
        );
        seen.see("paid by two credits", stated.statement.credits.len() > 1);
        seen.see(
            "an estimate that credits pay",
            !stated.is_final && totals.credits > 0,
        );
        seen.see("a rounded card charge", totals.card != totals.card_charge);
        seen.see(
            "a bill in yen that credits pay",
            stated.bill.ends_with("JPY") && totals.credits > 0,
        );
        seen.see("a bill without charges", stated.statement.lines.is_empty());
        // A dry run may name one that would be earned.
        let owners = stated.statement.credits.iter().filter_map(|(id, _, _)| {
            let of = after.credits.iter().find(|credit| credit.terms.id == *id);
            of.map(|credit| credit.terms.owner.clone())
        });
        let owners: Vec<String> = owners.collect();
        let (payer, month) = stated.bill.split_once('/').expect("PAYER/MONTH");
        let members = after.accounts.values();
        let members: Vec<_> = members.flat_map(|one| one.memberships.clone()).collect();
        let first = format!("{}-01", &month[..7]);
        let links = |owner: &String| model::payers_on(&members, owner, &first).len();
        seen.see(
            "a credit of a member",
            owners.iter().any(|owner| owner != payer),
        );
        seen.see(
            "a credit of a member of a member",
            owners.iter().any(|owner| links(owner) > 1),
        );
    }
    let accounts = after.accounts.values();
    let mut joined = accounts.clone().flat_map(|account| &account.memberships);
    seen.see(
        "a membership that ended",
        joined.any(|one| one.left.is_some()),
    );
}

fn note_corrections(
    seen: &mut Seen,
    before: &Naive,
    command: &Command,
    answer: &Result<Answer, Refused>,
    after: &Naive,
) {
    let (corrected, changed): (Vec<String>, Vec<Changed>) = match (&command.what, answer) {
        (What::Apply { amend: true, .. }, Ok(Answer::Statements(all))) => {
            let new = all.iter().filter(|one| one.is_final && !one.already);
            let booked = |name: &str| {
                before
                    .bills
                    .iter()
                    .any(|(key, bill)| bill_name(key) == name && bill.is_final)
            };
            let late = new.clone().filter(|one| {
                let key = before_key(after, &one.bill);
                !booked(&one.bill) && before.comes_late(&key)
            });
            let amended = new.clone().filter(|one| booked(&one.bill));
            let names: Vec<String> = amended
                .clone()
                .chain(late.clone())
                .map(|one| one.bill.clone())
                .collect();
            seen.see("an amended bill", amended.count() > 0);
            seen.see("a late bill", late.count() > 0);
            seen.see("two corrections at once", names.len() > 1);
            seen.see(
                "a correction and another bill at once",
                !names.is_empty() && new.count() > names.len(),
            );
            let changed = all.iter().flat_map(|one| one.changed.clone());
            (names, changed.collect())
        }
        (
            What::Reverse { bill, .. },
            Ok(Answer::Reversed {
                is_final, changed, ..
            }),
        ) => {
            seen.see("a booked bill reversed", *is_final);
            seen.see("an estimate reversed", !is_final);
            (vec![bill.clone()], changed.clone())
        }
        (
            What::Replay { .. },
            Ok(Answer::Replayed {
                bills,
                rewritten,
                changed,
            }),
        ) => {
            seen.see("a replay that rewrites", *rewritten > 0);
            seen.see(
                "a replay that finds all as it was",
                *bills > 0 && *rewritten == 0,
            );
            seen.see("a replay that changes a card charge", !changed.is_empty());
            (vec![], vec![])
        }
        (What::Close { .. } | What::Reopen { .. }, Ok(Answer::Closed { entry, .. })) => {
            seen.see("nothing to close or reopen", entry.is_none());
            return;
        }
        _ => return,
    };
    let payer = |name: &str| name.split('/').next().unwrap_or_default().to_owned();
    let mut others = changed.iter().filter(|one| !corrected.contains(&one.bill));
    let payers: Vec<String> = corrected.iter().map(|name| payer(name)).collect();
    seen.see(
        "a later bill of the same payer changed",
        others.clone().any(|one| payers.contains(&payer(&one.bill))),
    );
    seen.see(
        "a later bill of another payer changed",
        others.any(|one| !payers.contains(&payer(&one.bill))),
    );
    seen.see(
        "a card charge that rose",
        changed.iter().any(|one| one.after > one.before),
    );
    seen.see(
        "a card charge that fell",
        changed.iter().any(|one| one.after < one.before),
    );
    note_what_came_back(seen, before, after);
}

/// What bills gave back to credits.
fn note_what_came_back(seen: &mut Seen, before: &Naive, after: &Naive) {
    let new = |entry: u64| entry > before.head();
    for credit in &after.credits {
        let moves: Vec<_> = credit.moves.iter().filter(|one| new(one.entry)).collect();
        let came_back = moves.iter().any(|one| one.why == Why::Returned);
        let was_voided = credit
            .moves
            .iter()
            .any(|one| one.why == Why::Voided && !new(one.entry));
        let voided_again = moves.iter().any(|one| one.why == Why::Voided);
        let used_again = moves.iter().any(|one| one.why == Why::Applied);
        let ended = credit.last_covered().is_some_and(|last| last < after.today);
        let left = after.left_now()[&credit.terms.id];
        seen.see(
            "a voided credit that got something back",
            was_voided && voided_again,
        );
        seen.see(
            "a voided credit that paid again",
            was_voided && came_back && used_again,
        );
        seen.see(
            "an ended credit that got something back",
            ended && came_back && left > 0,
        );
    }
    let unmoved = after
        .bills
        .iter()
        .filter(|(_, bill)| bill.is_final && bill.entry <= before.head());
    seen.see(
        "a booking that stayed as it was",
        unmoved
            .clone()
            .any(|(_, bill)| !used(&bill.lines).is_empty()),
    );
}

fn before_key(naive: &Naive, name: &str) -> super::naive::BillKey {
    let found = naive.bills.keys().find(|key| bill_name(key) == name);
    found.expect("a bill on record").clone()
}
