//! What may be done to a credit in the naive ledger: it is paused, resumed, shared, transferred, split.

use super::naive::{Credit, Left, Move, Naive, Why};
use super::naive_commands::{place, refused, unusable};
use super::told::{Answer, Refused};
use crate::model;
use crate::model::Share;
use crate::random::ONE;

impl Naive {
    /// The day on which something is done to a credit, and the place of the credit.
    fn done_to(&self, id: &str, on: Option<&String>) -> Result<(String, usize), Refused> {
        let day = self.day_done(on)?;
        match self.credits.iter().position(|one| one.terms.id == id) {
            Some(at) => Ok((day, at)),
            None => unusable("unknown_credit"),
        }
    }

    pub(crate) fn switch(
        &mut self,
        id: &str,
        paused: bool,
        on: Option<&String>,
    ) -> Result<Answer, Refused> {
        let (day, at) = self.done_to(id, on)?;
        if self.credits[at].voided_on().is_some() {
            return refused("credit_voided");
        }
        if self.credits[at].is_paused_on(&day) != paused {
            let kind = if paused {
                "credit_paused"
            } else {
                "credit_resumed"
            };
            self.record(kind, &day);
            self.credits[at].pauses.push((day, paused));
        }
        Ok(Answer::Credit(id.to_owned()))
    }

    pub(crate) fn share(
        &mut self,
        id: &str,
        with: &Share,
        on: Option<&String>,
    ) -> Result<Answer, Refused> {
        let (day, at) = self.done_to(id, on)?;
        if self.credits[at].voided_on().is_some() {
            return refused("credit_voided");
        }
        if self.credits[at].share_on(&day) != *with {
            self.record("credit_shared", &day);
            self.credits[at].shares.push((day, with.clone()));
        }
        Ok(Answer::Credit(id.to_owned()))
    }

    pub(crate) fn transfer(
        &mut self,
        id: &str,
        to: &str,
        on: Option<&String>,
    ) -> Result<Answer, Refused> {
        let (day, at) = self.done_to(id, on)?;
        if self.why_not_transferable(at, to, &day).is_some() {
            return refused("not_transferable");
        }
        self.record("credit_transferred", &day);
        let credit = &mut self.credits[at];
        credit.owners.push((day.clone(), to.to_owned()));
        credit.shares.push((day, Share::Default));
        Ok(Answer::Credit(id.to_owned()))
    }

    pub(crate) fn why_not_transferable(
        &self,
        at: usize,
        to: &str,
        day: &str,
    ) -> Option<&'static str> {
        let credit = &self.credits[at];
        let reserved = self.reserved(Some(day));
        let reserved = reserved.get(&credit.terms.id).copied().unwrap_or_default();
        let told = credit.told_on(day, reserved);
        let offer = self
            .offers
            .iter()
            .find(|offer| credit.offer.as_ref() == Some(&offer.id));
        if told.account == to {
            Some("owner")
        } else if credit.split_on().is_some() {
            Some("split")
        } else if ["voided", "exhausted", "expired"].contains(&told.status.as_str()) {
            Some("status")
        } else if told.estimated == 0 {
            Some("reserved")
        } else if offer.is_some_and(|offer| !offer.transferable) {
            Some("offer")
        } else if self.payer_on(&told.account, day) != self.payer_on(to, day) {
            Some("payer")
        } else {
            None
        }
    }

    /// Who is billed for an account on a day: the last of its payers.
    pub(crate) fn payer_on(&self, account: &str, day: &str) -> String {
        let accounts = self.accounts.values();
        let members: Vec<_> = accounts.flat_map(|one| one.memberships.clone()).collect();
        let payers = model::payers_on(&members, account, day);
        payers.last().cloned().unwrap_or(account.to_owned())
    }

    pub(crate) fn split(
        &mut self,
        id: &str,
        amounts: &[i128],
        on: Option<&String>,
    ) -> Result<Answer, Refused> {
        let (day, at) = self.done_to(id, on)?;
        if self.why_not_splittable(at, amounts, &day).is_some() {
            return refused("not_splittable");
        }
        let entry = self.record("credit_split", &day);
        let whole = self.credits[at].clone();
        let parts: Vec<Credit> = (1..)
            .zip(amounts)
            .map(|(number, amount)| Credit {
                terms: model::Credit {
                    id: format!("C{entry}.{number}"),
                    order: place(entry, number),
                    left: *amount,
                    ..whole.terms.clone()
                },
                used_before: 0,
                moves: vec![],
                since: day.clone(),
                split_from: Some(id.to_owned()),
                ..whole.clone()
            })
            .collect();
        self.credits[at].moves.push(Move {
            entry,
            effective: day,
            why: Why::Split,
            amount: amounts.iter().sum(),
        });
        let ids = parts.iter().map(|part| part.terms.id.clone()).collect();
        self.credits.extend(parts);
        Ok(Answer::Split {
            credit: id.to_owned(),
            parts: ids,
        })
    }

    /// What is left of every credit and not reserved by any open bill.
    pub(crate) fn available(&self) -> Left {
        let mut available = self.left_now();
        for (credit, amount) in self.reserved(None) {
            *available.entry(credit).or_default() -= amount;
        }
        available
    }

    pub(crate) fn why_not_splittable(
        &self,
        at: usize,
        amounts: &[i128],
        day: &str,
    ) -> Option<&'static str> {
        let credit = &self.credits[at];
        let (id, status) = (&credit.terms.id, credit.told_on(day, 0).status);
        let available = self.available()[id];
        let root = &self.root(id).terms.id;
        let family = self.credits.iter();
        let family = family.filter(|one| self.root(&one.terms.id).terms.id == *root);
        let is_gone = credit.voided_on().is_some() || self.left_now()[id] == 0;
        if credit.split_on().is_some() {
            Some("split")
        } else if is_gone || status == "upcoming" || status == "expired" {
            Some("status")
        } else if available == 0 {
            Some("reserved")
        } else if available < 200 * ONE {
            Some("little")
        } else if !(2..=99).contains(&amounts.len()) {
            Some("parts")
        } else if family.count() + amounts.len() > 100 {
            Some("family")
        } else if amounts.iter().any(|amount| *amount < 100 * ONE) {
            Some("small")
        } else if amounts.iter().sum::<i128>() != available {
            Some("sum")
        } else {
            None
        }
    }
}
