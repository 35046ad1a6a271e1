//! What months earn in the naive ledger.

use std::collections::BTreeSet;

use super::calendar::{first_day, last_day, last_day_of_months, next_month};
use super::naive::{BillKey, Credit, Left, Move, Naive, Why};
use super::naive_commands::place;
use super::request::{End, Offer, Reward};
use crate::model;
use crate::model::Charge;

impl Naive {
    /// Makes what a bill earned by each offer what it comes to: the charges are those of a final bill, or it is on
    /// record no more.
    pub(crate) fn settle(&mut self, key: &BillKey, charges: Option<&[Charge]>) {
        let due = self.due(key, charges);
        for (offer, wanted) in &due {
            let has: i128 = self.earned(key, offer).map(stands).sum();
            if *wanted > has {
                self.earn(key, offer, wanted - has);
            }
        }
        self.take_back_excess(key, &due);
    }

    pub(crate) fn take_back_excess(&mut self, key: &BillKey, due: &[(Offer, i128)]) {
        for (offer, wanted) in due {
            let has: i128 = self.earned(key, offer).map(stands).sum();
            if *wanted < has {
                self.take_back(key, offer, has - wanted);
            }
        }
    }

    /// What a bill comes to by each offer that rewards spend, in the order of their ids.
    pub(crate) fn due(&self, key: &BillKey, charges: Option<&[Charge]>) -> Vec<(Offer, i128)> {
        let mut offers = self.offers.clone();
        offers.sort_by_key(|offer| offer.id.clone());
        let due = offers.into_iter().filter_map(|offer| {
            let reward = offer.reward.as_ref()?;
            let wanted = charges.map_or(0, |charges| self.earns(key, charges, &offer, reward));
            Some((offer, wanted))
        });
        due.collect()
    }

    /// The credits that a bill earned by an offer, parts of them included.
    fn earned<'a>(
        &'a self,
        key: &'a BillKey,
        offer: &'a Offer,
    ) -> impl Iterator<Item = &'a Credit> {
        let of_offer = |credit: &&Credit| credit.offer.as_ref() == Some(&offer.id);
        let credits = self.credits.iter().filter(of_offer);
        credits.filter(move |credit| credit.earned_by.as_ref() == Some(key))
    }

    fn earns(&self, key: &BillKey, charges: &[Charge], offer: &Offer, reward: &Reward) -> i128 {
        let (month, payer, currency) = key;
        let counts = ["usage", "recurring_fee"];
        let counted = charges
            .iter()
            .filter(|charge| counts.contains(&charge.category.as_str()));
        let spend: i128 = counted.map(|charge| charge.amount).sum();
        let start = first_day(&next_month(month));
        let closed = offer
            .redeem_by
            .as_ref()
            .is_some_and(|until| *until < last_day(month));
        let over = matches!(&offer.end, End::On(end) if *end < start);
        if *currency != offer.credit.currency || spend < reward.at_least || closed || over {
            return 0;
        }
        let account = self.accounts.get(payer).cloned().unwrap_or_default();
        let is_meant = |needed: &Vec<String>| {
            needed
                .iter()
                .any(|attribute| account.attributes.contains(attribute))
        };
        let first_time = self.earned(key, offer).next().is_none();
        if first_time && !offer.attributes_any.as_ref().is_none_or(is_meant) {
            return 0;
        }
        let others = self.credits.iter().filter(|credit| {
            let of_offer = credit.offer.as_ref() == Some(&offer.id);
            of_offer && credit.earned_by.as_ref() != Some(key) && stands(credit) > 0
        });
        let others: BTreeSet<&BillKey> = others.filter_map(|one| one.earned_by.as_ref()).collect();
        let own = others.iter().filter(|other| other.1 == *payer).count();
        let reached = |limit: Option<usize>, count| limit.is_some_and(|limit| count >= limit);
        if reached(offer.per_account, own) || reached(offer.redemptions, others.len()) {
            return 0;
        }
        let coin = match currency.as_str() {
            "JPY" => 10_i128.pow(18),
            _ => 10_i128.pow(16),
        };
        let part = spend * reward.percent / 100;
        part.min(reward.cap) / coin * coin
    }

    fn earn(&mut self, key: &BillKey, offer: &Offer, amount: i128) {
        let (month, payer, _) = key;
        let start = first_day(&next_month(month));
        let end = match &offer.end {
            End::Never => None,
            End::On(end) => Some(end.clone()),
            End::Months(count) => last_day_of_months(&start, *count),
        };
        let entry = self.record("credit_earned", &start);
        self.credits.push(Credit {
            terms: model::Credit {
                id: format!("C{entry}"),
                order: place(entry, 0),
                owner: payer.clone(),
                left: amount,
                start: start.clone(),
                end,
                ..offer.credit.clone()
            },
            used_before: 0,
            moves: vec![],
            void_reason: String::new(),
            offer: Some(offer.id.clone()),
            earned_by: Some(key.clone()),
            since: start,
            split_from: None,
            pauses: vec![],
            owners: vec![],
            shares: vec![],
        });
    }

    /// Takes back what is unused, of the credit that was earned last first.
    fn take_back(&mut self, key: &BillKey, offer: &Offer, mut excess: i128) {
        let left = self.left_now();
        let mut earned: Vec<(usize, String)> = self
            .earned(key, offer)
            .map(|credit| (credit.terms.order, credit.terms.id.clone()))
            .collect();
        earned.sort();
        for (_, id) in earned.into_iter().rev() {
            let found = self.credits.iter().position(|one| one.terms.id == id);
            let at = found.expect("a credit on record");
            let amount = left[&id].min(excess);
            if amount > 0 {
                excess -= amount;
                let effective = self.after_all_use(at);
                let entry = self.record("credit_reduced", &effective);
                self.credits[at].moves.push(Move {
                    entry,
                    effective,
                    why: Why::Reduced,
                    amount,
                });
            }
        }
    }

    /// Today, or the day of the last use of a credit that did not come back, or on which it was split off.
    fn after_all_use(&self, at: usize) -> String {
        let credit = &self.credits[at];
        let on_day = |day: &String| -> i128 {
            let moves = credit.moves.iter().filter(|one| one.effective == *day);
            moves
                .map(|one| match one.why {
                    Why::Returned => -one.amount,
                    _ => one.amount,
                })
                .sum()
        };
        let days = credit.moves.iter().map(|one| one.effective.clone());
        let used = days.filter(|day| on_day(day) != 0).max();
        let is_part = credit.split_from.is_some();
        let split_off = is_part.then(|| credit.since.clone());
        let days = used.into_iter().chain(split_off);
        days.chain([self.today.clone()]).max().expect("today")
    }

    /// What came back to credits that bills earned, and do not earn any more, is taken back.
    pub(crate) fn take_back_what_came_back(&mut self, before: &Left) {
        let left = self.left_now();
        let bills = self.credits.iter().filter_map(|credit| {
            let id = &credit.terms.id;
            let more = before.get(id).is_some_and(|before| left[id] > *before);
            more.then(|| credit.earned_by.clone())?
        });
        let bills: BTreeSet<BillKey> = bills.collect();
        for key in bills {
            let booked = self.bills.get(&key).filter(|bill| bill.is_final);
            let charges = booked.map(|bill| bill.charges.clone());
            let due = self.due(&key, charges.as_deref());
            self.take_back_excess(&key, &due);
        }
    }
}

/// What of a credit was earned for good, what its parts stand for left out.
fn stands(credit: &Credit) -> i128 {
    let gone = credit
        .moves
        .iter()
        .filter(|one| matches!(one.why, Why::Reduced | Why::Split));
    credit.terms.left - gone.map(|one| one.amount).sum::<i128>()
}
