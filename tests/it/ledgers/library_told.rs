//! What the library answers, as plain facts.

use std::collections::BTreeMap;

use credits_ledger::ledger::bill::Charge;
use credits_ledger::ledger::correct::Correction;
use credits_ledger::ledger::decide::Desk;
use credits_ledger::ledger::names::{BillId, CreditId};
use credits_ledger::ledger::refusal::Refusal;
use credits_ledger::ledger::statement::{Statement as RealStatement, Totals as RealTotals};
use credits_ledger::money::Money;

use super::naive::charge_key;
use super::told::{Answer, Changed, Paid, Refused, Statement, Totals};
use crate::model;

pub(crate) fn changed(correction: &Correction) -> Vec<Changed> {
    let changed = correction.changed.iter();
    changed
        .map(|change| Changed {
            bill: change.bill.to_string(),
            before: change.before.units(),
            after: change.after.units(),
        })
        .collect()
}

pub(crate) fn closed(desk: &Desk, entry: Option<u64>) -> Answer {
    Answer::Closed {
        until: desk.state.closed_until.map(|month| month.to_string()),
        entry,
    }
}

pub(crate) fn totals(sums: &RealTotals, id: &BillId) -> Totals {
    let digits = id.currency.minor_digits();
    Totals {
        charges: sums.charges.units(),
        credits: sums.credits.units(),
        card: sums.card.units(),
        card_charge: sums.card.round_half_away(digits).units(),
        provider_credits: sums.provider_credits.units(),
    }
}

pub(crate) fn told(statement: &RealStatement, left: &dyn Fn(CreditId) -> Money) -> Statement {
    let mut lines: BTreeMap<String, Paid> = BTreeMap::new();
    for line in statement.lines() {
        let key = charge_key(&model_charge(line.charge));
        let by = line
            .allocations
            .iter()
            .map(|(_, paid)| (paid.credit.to_string(), paid.amount.units()));
        let paid = lines.entry(key).or_default();
        paid.add(line.discounted.units(), line.card.units(), by);
    }
    let applied = statement.applied.iter();
    Statement {
        totals: totals(&statement.totals(), statement.bill.id()),
        lines,
        credits: applied
            .map(|paid| {
                (
                    paid.credit.to_string(),
                    paid.amount.units(),
                    left(paid.credit).units(),
                )
            })
            .collect(),
    }
}

/// A charge in the words of the model.
pub(crate) fn model_charge(charge: &Charge) -> model::Charge {
    let words = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    model::Charge {
        id: words(&charge.id),
        account: charge.account.to_string(),
        service: charge.service.to_string(),
        region: charge.region.as_ref().map(ToString::to_string),
        category: charge.category.to_string(),
        amount: charge.amount.units(),
        start: charge.start.map(|day| day.to_string()),
        end: charge.end.map(|day| day.to_string()),
        description: words(&charge.description),
    }
}

/// As the command says it; there this is held against the command itself.
pub(crate) fn refused(refusal: &Refusal) -> Refused {
    let (status, kind) = match refusal {
        Refusal::UnknownCredit(_) => (2, "unknown_credit"),
        Refusal::UnknownBill(_) => (2, "unknown_bill"),
        Refusal::UnknownOffer(_) => (2, "unknown_offer"),
        Refusal::MistypedCode => (3, "mistyped_code"),
        Refusal::UnknownCode { .. } => (3, "unknown_code"),
        Refusal::CodeRevoked { .. } => (3, "code_revoked"),
        Refusal::AlreadyRedeemed { .. } | Refusal::AlreadyRedeemedHere { .. } => {
            (3, "already_redeemed")
        }
        Refusal::OfferDiffers(_) => (3, "offer_differs"),
        Refusal::CodeOnRecord { .. } => (3, "code_on_record"),
        Refusal::OtherOffer { .. } => (3, "other_offer"),
        Refusal::MadeOtherwise { .. } => (3, "made_otherwise"),
        Refusal::OfferClosed { .. } => (3, "offer_closed"),
        Refusal::NotEligible { .. } => (3, "not_eligible"),
        Refusal::LimitReached { .. } => (3, "limit_reached"),
        Refusal::EndsBeforeItStarts { .. } | Refusal::EndsTooLate | Refusal::UsedTooMuch { .. } => {
            (2, "bad_usage")
        }
        Refusal::BillDiffers { .. } | Refusal::OtherBasis { .. } => (3, "bill_differs"),
        Refusal::AlreadyFinal { .. } => (3, "already_final"),
        Refusal::OutOfOrder { .. } => (3, "out_of_order"),
        Refusal::MonthClosed { .. } => (3, "month_closed"),
        Refusal::NothingToVoid { .. } => (3, "nothing_to_void"),
        Refusal::CreditVoided(_) => (3, "credit_voided"),
        Refusal::NotTransferable { .. } => (3, "not_transferable"),
        Refusal::NotSplittable { .. } => (3, "not_splittable"),
        Refusal::Account(_) => (3, "account_conflict"),
        Refusal::ServiceKnown { .. } | Refusal::ServiceMeant { .. } => (3, "service_conflict"),
        Refusal::TooMuch(_) => (3, "too_much"),
        Refusal::Broken(broken) => panic!("a broken invariant: {broken}"),
    };
    Refused {
        status,
        kind: kind.to_owned(),
    }
}
