//! Correcting and closing in the naive ledger: bookings are literally lifted and made again.

use std::collections::BTreeMap;

use super::calendar::month_before;
use super::naive::{
    Bill, BillKey, Left, Move, Naive, Why, bill_name, model_bill, rounded, take, totals, used,
};
use super::naive_bills::Stands;
use super::naive_commands::{refused, unusable};
use super::request::Document;
use super::told::{Answer, Changed, Refused};
use crate::model;
use crate::model::{Charge, Line};

/// What is to become of a bill.
#[derive(Clone, Debug)]
enum Correction {
    /// It has these charges.
    Amended(Vec<Charge>),
    /// It is taken off the record.
    Reversed,
}

/// A booking on its way through a correction.
struct Step {
    key: BillKey,
    /// As it is on record; nothing where the bill was not booked before.
    recorded: Option<Bill>,
    /// As it is decided now; nothing where it is taken off the record.
    decided: Option<(Vec<Charge>, Vec<Line>)>,
    amended: bool,
}

impl Step {
    /// Whether the booking on record has to go.
    fn goes(&self) -> bool {
        match (&self.recorded, &self.decided) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(recorded), Some((_, lines))) => self.amended || recorded.lines != *lines,
        }
    }

    /// Whether it is booked anew, or for the first time.
    fn comes(&self) -> bool {
        self.decided.is_some() && (self.recorded.is_none() || self.goes())
    }
}

impl Naive {
    /// Does all corrections that the documents hold. Returns which bills were corrected, and whose card charge changed.
    pub(crate) fn amend(
        &mut self,
        documents: &[Document],
    ) -> Result<(Vec<BillKey>, Vec<Changed>), Refused> {
        let mut corrections = BTreeMap::new();
        for document in documents {
            if let Stands::Corrects(_) = self.stands(document)? {
                let charges = document.bill.charges.clone();
                corrections.insert(document.key(), Correction::Amended(charges));
            }
        }
        if corrections.is_empty() {
            return Ok((vec![], vec![]));
        }
        let (_, changed) = self.correct(&corrections, None);
        Ok((corrections.into_keys().collect(), changed))
    }

    pub(crate) fn reverse(&mut self, name: &str, _reason: &str) -> Result<Answer, Refused> {
        let Some(key) = self
            .bills
            .keys()
            .find(|key| bill_name(key) == name)
            .cloned()
        else {
            return unusable("unknown_bill");
        };
        if self.is_closed(&key.0) {
            return refused("month_closed");
        }
        let bill = self.bills[&key].clone();
        let told = self.statement(&key).totals;
        let (entry, changed) = if bill.is_final {
            let corrections = BTreeMap::from([(key, Correction::Reversed)]);
            let (_, changed) = self.correct(&corrections, None);
            // Bookings are lifted in reverse order, so that this one, the first, comes last.
            let mut lifted = self.entries.iter().rev();
            let own = lifted.find(|entry| entry.kind == "bill_reversed");
            (own.expect("it was lifted").number, changed)
        } else {
            self.settle(&key, None);
            self.bills.remove(&key);
            (self.record("bill_reversed", &bill.effective), vec![])
        };
        Ok(Answer::Reversed {
            bill: name.to_owned(),
            entry: Some(entry),
            is_final: bill.is_final,
            card_charge: told.card_charge,
            credits_returned: if bill.is_final { told.credits } else { 0 },
            changed,
        })
    }

    pub(crate) fn replay(&mut self, from: &str) -> Result<Answer, Refused> {
        if self.is_closed(from) {
            return refused("month_closed");
        }
        let bookings = self
            .bills
            .iter()
            .filter(|(key, bill)| bill.is_final && key.0.as_str() >= from);
        let bills = bookings.count();
        let (rewritten, changed) = self.correct(&BTreeMap::new(), Some(from));
        Ok(Answer::Replayed {
            bills,
            rewritten,
            changed,
        })
    }

    /// Lifts every booking from the first corrected one on, and goes through them again in order. Returns how many
    /// bookings were made again, and whose card charge changed.
    fn correct(
        &mut self,
        corrections: &BTreeMap<BillKey, Correction>,
        replay_from: Option<&str>,
    ) -> (usize, Vec<Changed>) {
        let before = self.card_charges();
        self.settle_corrections(corrections, replay_from);
        let left = self.left_now();
        let steps = self.decide_again(corrections, replay_from);
        for step in steps.iter().rev().filter(|step| step.goes()) {
            self.lift(&step.key);
        }
        let mut rewritten = 0;
        for step in &steps {
            if let (true, Some((charges, lines))) = (step.comes(), &step.decided) {
                rewritten += usize::from(step.recorded.is_some());
                self.book(&step.key, charges, lines.clone());
            }
        }
        self.void_what_came_back();
        self.take_back_what_came_back(&left);
        let after = self.card_charges();
        let changed = steps.iter().filter_map(|step| {
            let (before, after) = (*before.get(&step.key)?, *after.get(&step.key)?);
            (before != after).then(|| Changed {
                bill: bill_name(&step.key),
                before,
                after,
            })
        });
        (rewritten, changed.collect())
    }

    /// What the bills earn that are corrected or decided anew is settled first: later ones may use it.
    fn settle_corrections(
        &mut self,
        corrections: &BTreeMap<BillKey, Correction>,
        replay_from: Option<&str>,
    ) {
        let replayed = |key: &BillKey| replay_from.is_some_and(|from| key.0.as_str() >= from);
        let booked = self.bills.iter();
        let mut charges: BTreeMap<BillKey, Option<Vec<Charge>>> = booked
            .filter(|(key, bill)| bill.is_final && replayed(key))
            .map(|(key, bill)| (key.clone(), Some(bill.charges.clone())))
            .collect();
        for (key, correction) in corrections {
            let new = match correction {
                Correction::Amended(charges) => Some(charges.clone()),
                Correction::Reversed => None,
            };
            charges.insert(key.clone(), new);
        }
        // What is taken back first makes room under limits.
        for (key, charges) in &charges {
            let due = self.due(key, charges.as_deref());
            self.take_back_excess(key, &due);
        }
        for (key, charges) in charges {
            self.settle(&key, charges.as_deref());
        }
    }

    fn decide_again(
        &self,
        corrections: &BTreeMap<BillKey, Correction>,
        replay_from: Option<&str>,
    ) -> Vec<Step> {
        let booked = self.bills.iter().filter(|(_, bill)| bill.is_final);
        let mut order: Vec<(BillKey, Option<Bill>)> = booked
            .map(|(key, bill)| (key.clone(), Some(bill.clone())))
            .collect();
        for key in corrections.keys() {
            if self.bills.get(key).is_none_or(|bill| !bill.is_final) {
                order.push((key.clone(), None));
            }
        }
        // Those not booked before come last in their month.
        order.sort_by_key(|(key, bill)| {
            let entry = bill.as_ref().map_or(u64::MAX, |bill| bill.entry);
            (key.0.clone(), entry)
        });
        let is_first = |key: &BillKey| {
            corrections.contains_key(key) || replay_from.is_some_and(|from| key.0.as_str() >= from)
        };
        let first = order.iter().position(|(key, _)| is_first(key));
        let lifted = order.split_off(first.unwrap_or(order.len()));
        let mut left = self.left_now();
        for (_, bill) in &lifted {
            for (credit, amount) in bill.iter().flat_map(|bill| used(&bill.lines)) {
                *left.entry(credit).or_default() += amount;
            }
        }
        // What was left of each credit in the recorded course of the same order.
        let mut course = left.clone();
        let mut steps = vec![];
        for (key, recorded) in lifted {
            let decided = match (corrections.get(&key), &recorded) {
                (Some(Correction::Reversed), _) => None,
                (Some(Correction::Amended(charges)), _) => {
                    Some((charges.clone(), self.decide(&key, charges, &left)))
                }
                (None, Some(bill)) => {
                    let again =
                        replay_from.is_some() || self.is_touched(&key, bill, &left, &course);
                    let lines = match again {
                        true => self.decide(&key, &bill.charges, &left),
                        false => bill.lines.clone(),
                    };
                    Some((bill.charges.clone(), lines))
                }
                (None, None) => unreachable!("what is not booked is here to be corrected"),
            };
            if let Some((_, lines)) = &decided {
                take(&mut left, lines);
            }
            if let Some(bill) = &recorded {
                take(&mut course, &bill.lines);
            }
            steps.push(Step {
                amended: corrections.contains_key(&key),
                key,
                recorded,
                decided,
            });
        }
        steps
    }

    /// Whether what is left differs, of a credit that the booking used, or that may take part in it.
    fn is_touched(&self, key: &BillKey, bill: &Bill, left: &Left, course: &Left) -> bool {
        let world = self.world(&key.0, left);
        let of = model_bill(key, &bill.charges);
        let used = used(&bill.lines);
        let mut credits = world.credits.iter().enumerate();
        credits.any(|(at, credit)| {
            left[&credit.id] != course[&credit.id]
                && (used.contains_key(&credit.id) || may_take_part(&world, &of, at))
        })
    }

    fn lift(&mut self, key: &BillKey) {
        let bill = self.bills.remove(key).expect("it is on record");
        let entry = self.record("bill_reversed", &bill.effective);
        for credit in &mut self.credits {
            if let Some(amount) = used(&bill.lines).get(&credit.terms.id) {
                credit.moves.push(Move {
                    entry,
                    effective: bill.effective.clone(),
                    why: Why::Returned,
                    amount: *amount,
                });
            }
        }
    }

    /// What is left of a voided credit was left by bills that gave it back.
    fn void_what_came_back(&mut self) {
        let left = self.left_now();
        for at in 0..self.credits.len() {
            let amount = left[&self.credits[at].terms.id];
            if let (Some(day), true) = (self.credits[at].voided_on(), amount > 0) {
                self.take_away(at, amount, &day);
            }
        }
    }

    /// The card charge of every bill on record.
    fn card_charges(&self) -> BTreeMap<BillKey, i128> {
        let booked = self.bills.iter().filter(|(_, bill)| bill.is_final);
        booked
            .map(|(key, bill)| {
                let totals = totals(key, &bill.charges, &bill.lines);
                (key.clone(), rounded(totals.card, &key.2))
            })
            .collect()
    }

    pub(crate) fn close(&mut self, month: &str) -> Result<Answer, Refused> {
        let mut entry = None;
        if !self.is_closed(month) {
            let today = self.today.clone();
            entry = Some(self.record("month_closed", &today));
            self.closed_until = Some(month.to_owned());
        }
        Ok(Answer::Closed {
            until: self.closed_until.clone(),
            entry,
        })
    }

    pub(crate) fn reopen(&mut self, month: &str) -> Result<Answer, Refused> {
        let mut entry = None;
        if self.is_closed(month) {
            let today = self.today.clone();
            entry = Some(self.record("month_reopened", &today));
            self.closed_until = Some(month_before(month));
        }
        Ok(Answer::Closed {
            until: self.closed_until.clone(),
            entry,
        })
    }
}

/// Whether a credit is in the pool of a bill and its currency and dates fit, whatever is left of it.
fn may_take_part(world: &model::World, bill: &model::Bill, at: usize) -> bool {
    let credit = &world.credits[at];
    // Its days and those of the bill, from the first to the last on which something is charged, overlap.
    let charges = || bill.charges.iter();
    let starts = charges().any(|charge| !model::has_not_started(bill, charge, credit));
    let lasts = charges().any(|charge| !model::has_ended(bill, charge, credit));
    let dates_fit = starts && lasts;
    let is_in_pool = model::home(world, bill, &credit.owner) == bill.payer;
    let is_usable = !credit.voided && !credit.paused;
    credit.currency == bill.currency && is_usable && dates_fit && is_in_pool
}
