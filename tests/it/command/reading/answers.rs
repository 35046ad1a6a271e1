//! Answers held against the second reading, whatever day and entry they are of.

use std::collections::{BTreeMap, BTreeSet};

use credits_ledger::ledger::names::BillId;
use credits_ledger::money::Money;
use serde_json::Value;

use super::{Bill, Reading, each, money, on, text, whole};

impl Reading {
    /// The bills that count on a day.
    fn bills_on<'a>(&'a self, as_of: &'a str) -> impl Iterator<Item = (&'a String, &'a Bill)> {
        let bills = self.bills.iter();
        bills.filter(move |(_, bill)| bill.effective.as_str() <= as_of)
    }

    /// Open bills reserve, by a rule that is not known here.
    fn is_reserved_on(&self, as_of: &str) -> bool {
        self.bills_on(as_of).any(|(_, bill)| !bill.is_final)
    }

    /// An answer of `list` must say the same.
    #[track_caller]
    pub(in crate::command) fn agrees_with_list(&self, answer: &Value) {
        let as_of = text(&answer["as_of"]);
        assert_eq!(whole(&answer["at_entry"]), self.head);
        let mut met = BTreeSet::new();
        for found in each(&answer["credits"]) {
            assert!(met.insert(text(&found["id"])), "listed twice: {found}");
            self.agrees_with_credit(found, as_of);
        }
        assert_eq!(met.len(), self.credits.len(), "as of {as_of}: {answer}");
    }

    /// A credit of `list` or `show`.
    #[track_caller]
    pub(in crate::command) fn agrees_with_credit(&self, found: &Value, as_of: &str) {
        let credit = &self.credits[text(&found["id"])];
        let figures = [
            "used_amount",
            "voided_amount",
            "expired_amount",
            "remaining_amount",
        ];
        let figures = figures.map(|figure| money(&found[figure]));
        assert_eq!(figures, credit.figures(as_of), "as of {as_of}: {found}");
        assert_eq!(found["status"], credit.status(as_of), "{found}");
        assert_eq!(money(&found["initial_amount"]), credit.initial);
        let split = money(&found["split_amount"]);
        assert_eq!(split, credit.sum("split", as_of), "as of {as_of}: {found}");
        assert_eq!(figures.into_iter().sum::<Money>() + split, credit.initial);
        let owner = on(&credit.owners, as_of);
        assert_eq!(found["account"].as_str(), owner.as_deref(), "{found}");
        let share = on(&credit.shares, as_of).unwrap_or_default();
        let share = match &share["custom"] {
            Value::Null => serde_json::json!([share]),
            named => named.clone(),
        };
        assert_eq!(found["share"], share, "as of {as_of}: {found}");
        assert!(figures.iter().all(|figure| !figure.is_negative()));
        let void_reason = found["void_reason"].is_string();
        assert_eq!(void_reason, found["status"] == "voided", "{found}");
        let estimated = money(&found["estimated_amount"]);
        self.agrees_with_estimated(estimated, figures[3], as_of);
    }

    /// What open bills leave of an amount.
    #[track_caller]
    fn agrees_with_estimated(&self, estimated: Money, remaining: Money, as_of: &str) {
        assert!(!estimated.is_negative() && estimated <= remaining);
        assert!(estimated == remaining || self.is_reserved_on(as_of));
    }

    /// An answer of `balance` must say the same.
    #[track_caller]
    pub(in crate::command) fn agrees_with_balance(&self, answer: &Value) {
        let as_of = text(&answer["as_of"]);
        assert_eq!(whole(&answer["at_entry"]), self.head);
        let mut sums: BTreeMap<&str, [Money; 5]> = BTreeMap::new();
        let started = self.credits.values();
        for credit in started.filter(|credit| credit.status(as_of) != "upcoming") {
            let [used, voided, expired, remaining] = credit.figures(as_of);
            let initial = credit.initial - credit.sum("split", as_of);
            let amounts = [initial, used, voided, expired, remaining];
            let sum = sums.entry(&credit.currency).or_default();
            for (sum, amount) in sum.iter_mut().zip(amounts) {
                *sum += amount;
            }
        }
        let found = each(&answer["balances"]).map(|found| {
            let amounts = ["initial", "used", "voided", "expired", "remaining"];
            (
                text(&found["currency"]),
                amounts.map(|amount| money(&found[amount])),
            )
        });
        assert_eq!(found.collect::<BTreeMap<_, _>>(), sums, "{answer}");
    }

    /// An answer of `bills` must say the same.
    #[track_caller]
    pub(in crate::command) fn agrees_with_bills(&self, answer: &Value) {
        let as_of = text(&answer["as_of"]);
        assert_eq!(whole(&answer["at_entry"]), self.head);
        assert_eq!(
            answer["closed_until"].as_str(),
            self.closed_until.as_deref()
        );
        let mut left: BTreeMap<&String, &Bill> = self.bills_on(as_of).collect();
        for found in each(&answer["bills"]) {
            let id = text(&found["bill"]).to_owned();
            let bill = left.remove(&id);
            let bill = bill.unwrap_or_else(|| panic!("not on record as of {as_of}: {found}"));
            let status = if bill.is_final { "final" } else { "estimated" };
            assert_eq!(found["status"], status, "{found}");
            assert_eq!(whole(&found["entry"]), bill.entry, "{found}");
            assert_eq!(money(&found["charges_total"]), bill.charges, "{found}");
            if bill.is_final {
                assert_eq!(money(&found["credits_applied"]), bill.credits, "{found}");
            }
        }
        assert!(left.is_empty(), "as of {as_of} these lack: {left:?}");
    }

    /// An answer of `statement` or `explain` about a bill must say the same.
    #[track_caller]
    pub(in crate::command) fn agrees_with_bill(&self, answer: &Value) {
        let bill = &self.bills[text(&answer["bill"])];
        let status = if bill.is_final { "final" } else { "estimated" };
        assert_eq!(answer["status"], status, "{answer}");
        assert_eq!(whole(&answer["entry"]), bill.entry, "{answer}");
        let mut used: BTreeMap<&str, Money> = BTreeMap::new();
        let mut charges = Money::ZERO;
        for charge in each(&answer["charges"]) {
            charges += money(&charge["amount"]);
            let paid = charge.get("allocations").unwrap_or(&charge["paid_by"]);
            for paid in each(paid) {
                *used.entry(text(&paid["credit"])).or_default() += money(&paid["amount"]);
            }
        }
        assert_eq!(charges, bill.charges, "{answer}");
        let applied = bill.applied.iter();
        let applied: BTreeMap<&str, Money> = applied
            .map(|(credit, amount)| (credit.as_str(), *amount))
            .collect();
        assert!(!bill.is_final || used == applied, "{answer}");
    }

    /// An answer of `explain --why-card` must add up, and of final bills only say the same.
    #[track_caller]
    pub(in crate::command) fn agrees_with_card(&self, answer: &Value, is_final: bool) {
        let card = |value: &Value| (text(&value["currency"]).to_owned(), money(&value["card"]));
        let mut told: BTreeMap<String, Money> = BTreeMap::new();
        for (currency, card) in each(&answer["reasons"]).map(card) {
            *told.entry(currency).or_default() += card;
        }
        let totals: BTreeMap<String, Money> = each(&answer["totals"]).map(card).collect();
        for name in totals.keys() {
            told.entry(name.clone()).or_default();
        }
        assert_eq!(told, totals, "{answer}");
        let mut sums: BTreeMap<String, Money> = BTreeMap::new();
        let bills = self.bills_on(text(&answer["as_of"]));
        for (id, bill) in bills.filter(|(_, bill)| bill.is_final) {
            let id = BillId::parse(id).expect("a bill");
            let digits = id.currency.minor_digits();
            let card = (bill.charges - bill.credits).round_half_away(digits);
            *sums.entry(id.currency.to_string()).or_default() += card;
        }
        assert!(!is_final || totals == sums, "{answer}");
    }

    /// An answer of `check --expiring-within` must say the same.
    #[track_caller]
    pub(in crate::command) fn agrees_with_check(&self, answer: &Value, until: &str) {
        let as_of = text(&answer["as_of"]);
        let mut expiring: BTreeSet<&str> = self
            .credits
            .iter()
            .filter(|(_, credit)| ["active", "paused"].contains(&credit.status(as_of)))
            .filter(|(_, credit)| credit.end_date.as_deref().is_some_and(|end| end <= until))
            .map(|(id, _)| id.as_str())
            .collect();
        for alert in each(&answer["alerts"]).filter(|alert| alert["kind"] == "expiring_within") {
            let id = text(&alert["credit"]);
            assert!(expiring.remove(id), "{id}: {answer}");
            let remaining = self.credits[id].figures(as_of)[3];
            self.agrees_with_estimated(money(&alert["value"]), remaining, as_of);
        }
        assert!(
            expiring.is_empty() || self.is_reserved_on(as_of),
            "{expiring:?}: {answer}"
        );
    }

    /// An answer of `covers` must say the same of what is left.
    #[track_caller]
    pub(in crate::command) fn agrees_with_covers(&self, answer: &Value, as_of: &str) {
        for covering in each(&answer["covered_by"]) {
            let left = self.credits[text(&covering["credit"])].left_on(as_of);
            self.agrees_with_estimated(money(&covering["remaining"]), left, as_of);
        }
    }

    /// An offer of `offer list` or `offer show` must say the same.
    #[track_caller]
    pub(in crate::command) fn agrees_with_offer(&self, found: &Value, as_of: &str) {
        let id = text(&found["id"]);
        let counted = |days: &[String]| days.iter().filter(|day| day.as_str() <= as_of).count();
        let offer = &self.offers[id];
        let codes: Vec<String> = offer
            .codes
            .iter()
            .map(|code| code.effective.clone())
            .collect();
        assert_eq!(whole(&found["codes"]), counted(&codes) as u64, "{found}");
        let gone = offer
            .codes
            .iter()
            .filter_map(|code| self.revoked.get(&code.hash));
        let gone: Vec<String> = gone.cloned().collect();
        assert_eq!(whole(&found["revoked"]), counted(&gone) as u64, "{found}");
        let redeemed = counted(&offer.redeemed) as u64;
        assert_eq!(
            whole(&found["redeemed"]),
            redeemed,
            "as of {as_of}: {found}"
        );
    }

    /// An answer of `code list` about an offer must say the same.
    #[track_caller]
    pub(in crate::command) fn agrees_with_codes(&self, answer: &Value, offer: &str) {
        let as_of = text(&answer["as_of"]);
        let counts = |day: &String| day.as_str() <= as_of;
        let codes = self.offers[offer].codes.iter();
        let codes = codes.filter(|code| counts(&code.effective)).map(|code| {
            let redeemed = self.redeemed.get(&code.hash);
            let credit = redeemed.filter(|(_, day)| counts(day));
            let revoked = self.revoked.get(&code.hash).is_some_and(counts);
            let status = match (credit, revoked) {
                (Some(_), _) => "redeemed",
                (None, true) => "revoked",
                (None, false) => "open",
            };
            let credit = credit.map(|(entry, _)| format!("C{entry}"));
            (code.entry, status, credit)
        });
        let found = each(&answer["codes"]).map(|code| {
            let credit = code["credit"].as_str().map(str::to_owned);
            (whole(&code["entry"]), text(&code["status"]), credit)
        });
        assert!(codes.eq(found), "{answer}");
    }
}

/// Wherever an answer says what credits and card pay of a bill or a charge, they pay it exactly.
#[track_caller]
pub(in crate::command) fn is_paid_exactly(answer: &Value) {
    match answer {
        Value::Array(values) => values.iter().for_each(is_paid_exactly),
        Value::Object(members) => {
            if let Some(charges) = members.get("charges_total") {
                let paid =
                    money(&members["credits_applied"]) + money(&members["card_charge_exact"]);
                assert_eq!(money(charges), paid, "{answer}");
            }
            members.values().for_each(is_paid_exactly);
        }
        _ => {}
    }
}
