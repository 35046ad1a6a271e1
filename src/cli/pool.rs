//! What enters or leaves a payer's pool, in words and in JSON.

use credits_ledger::ledger::names::CreditId;
use credits_ledger::ledger::pool::{Moves, Moving};
use serde::Serialize;

/// Credits on their way into a pool or out of it.
#[derive(Debug, Serialize)]
pub(crate) struct MovingShape {
    payer: String,
    from: String,
    amounts: Vec<AmountShape>,
    credits: Vec<String>,
}

#[derive(Debug, Serialize)]
struct AmountShape {
    currency: String,
    amount: String,
}

impl MovingShape {
    /// What moves.
    pub(crate) fn new(moving: &Moving) -> MovingShape {
        let amounts = moving.amounts.iter().map(|(currency, amount)| AmountShape {
            currency: currency.to_string(),
            amount: amount.text(currency.minor_digits()),
        });
        MovingShape {
            payer: moving.payer.to_string(),
            from: moving.from.to_string(),
            amounts: amounts.collect(),
            credits: moving.credits.iter().map(CreditId::to_string).collect(),
        }
    }
}

/// What moves with an account, a line each.
pub(crate) fn lines(moves: &Moves, account: &str) -> Vec<String> {
    let mut lines = Vec::new();
    // Of an account that moves on with nothing it is enough to say that nothing enters.
    let leaves = moves.leaves.as_ref();
    let leaves = leaves.filter(|moving| moves.enters.is_none() || !moving.credits.is_empty());
    lines.extend(leaves.map(|moving| line(moving, account, ["leaves", "leave"])));
    if let Some(moving) = &moves.enters {
        lines.push(line(moving, account, ["enters", "enter"]));
        lines.extend(moving.not_sharing.iter().map(|owner| {
            format!("sharing of {owner} is off: its credits pay its own charges only")
        }));
    }
    lines
}

fn line(moving: &Moving, account: &str, [one, several]: [&str; 2]) -> String {
    let (payer, from) = (&moving.payer, moving.from);
    if moving.credits.is_empty() {
        return format!(
            "nothing {one} the pool of {payer} from {from} on: no credit of {account} has anything left"
        );
    }
    let amounts = moving.amounts.iter().map(|(currency, amount)| {
        let digits = currency.minor_digits();
        format!("{} {currency}", amount.grouped(digits))
    });
    let amounts = amounts.collect::<Vec<_>>().join(" and ");
    let credits = credits(&moving.credits);
    let verb = if moving.credits.len() == 1 {
        one
    } else {
        several
    };
    format!("{amounts} of {credits} {verb} the pool of {payer} from {from} on")
}

/// Names a few.
fn credits(ids: &[CreditId]) -> String {
    match ids.len() {
        0..=4 => {
            let names: Vec<String> = ids.iter().map(CreditId::to_string).collect();
            names.join(", ")
        }
        count => format!("{count} credits"),
    }
}
