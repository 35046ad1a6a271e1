//! What commands do to the naive ledger, and why they are refused.

use super::calendar::{day_before, last_day_of_months};
use super::naive::{Account, Code, Credit, Move, Naive, Why, on_day, used};
use super::request::{Change, Command, End, Offer, What, Worth};
use super::told::{Answer, EntryTold, Refused};
use crate::model;
use crate::model::Membership;

/// Refused by a rule of the ledger.
pub(crate) fn refused<T>(kind: &str) -> Result<T, Refused> {
    Err(Refused {
        status: 3,
        kind: kind.to_owned(),
    })
}

/// Not understood, or not as a whole.
pub(crate) fn unusable<T>(kind: &str) -> Result<T, Refused> {
    Err(Refused {
        status: 2,
        kind: kind.to_owned(),
    })
}

impl Naive {
    /// Does what a command says, all of it or nothing.
    pub(crate) fn give(&mut self, command: &Command) -> Result<Answer, Refused> {
        let mut trial = self.clone();
        let from = trial.head();
        let mut answer = trial.obey(&command.what)?;
        // What is recorded by one command is known by its first entry; opening the ledger is a command of its own.
        let first = if from == 0 { 2 } else { from + 1 };
        for entry in trial.entries.iter_mut().skip(from as usize) {
            entry.command = first.min(entry.number);
        }
        if command.dry_run {
            answer.forget_entries_after(from);
        } else {
            *self = trial;
        }
        Ok(answer)
    }

    fn obey(&mut self, what: &What) -> Result<Answer, Refused> {
        match what {
            What::Grant {
                account,
                credit,
                used,
            } => {
                let owner = self.account_meant(account.as_ref())?;
                check_terms(credit, *used)?;
                Ok(Answer::Credit(self.grant(
                    "credit_granted",
                    owner,
                    credit,
                    *used,
                    None,
                )))
            }
            What::AddOffer(offer) => self.add_offer(offer),
            What::AddCodes { offer, codes } => self.add_codes(offer, codes),
            What::Redeem {
                code,
                account,
                worth,
            } => self.redeem(code, account.as_ref(), worth),
            What::Void { credit, reason, on } => self.void(credit, reason, on.as_ref()),
            What::Pause { credit, on } => self.switch(credit, true, on.as_ref()),
            What::Resume { credit, on } => self.switch(credit, false, on.as_ref()),
            What::Share { credit, with, on } => self.share(credit, with, on.as_ref()),
            What::Transfer { credit, to, on } => self.transfer(credit, to, on.as_ref()),
            What::Split {
                credit,
                amounts,
                on,
            } => self.split(credit, amounts, on.as_ref()),
            What::SetAccount(change) => self.set_account(change),
            What::Apply { documents, amend } => self.apply(documents, *amend),
            What::Reverse { bill, reason } => self.reverse(bill, reason),
            What::Replay { from } => self.replay(from),
            What::Close { month } => self.close(month),
            What::Reopen { month } => self.reopen(month),
        }
    }

    /// Puts an entry on record; the first one opens the ledger.
    pub(crate) fn record(&mut self, kind: &str, effective: &str) -> u64 {
        if self.entries.is_empty() {
            let today = self.today.clone();
            self.entries.push(entry(1, "opened", &today));
        }
        let number = self.head() + 1;
        self.entries.push(entry(number, kind, effective));
        number
    }

    /// The account named, else the default one, else the only one known.
    fn account_meant(&self, named: Option<&String>) -> Result<String, Refused> {
        if let Some(account) = named.or(self.default_account.as_ref()) {
            return Ok(account.clone());
        }
        let known: Vec<String> = self.known_accounts().into_iter().collect();
        match &known[..] {
            [only] => Ok(only.clone()),
            _ => unusable("bad_usage"),
        }
    }

    fn grant(
        &mut self,
        kind: &str,
        owner: String,
        credit: &model::Credit,
        used_before: i128,
        offer: Option<String>,
    ) -> String {
        let entry = self.record(kind, &credit.start);
        let id = format!("C{entry}");
        self.credits.push(Credit {
            terms: model::Credit {
                id: id.clone(),
                order: place(entry, 0),
                owner,
                ..credit.clone()
            },
            used_before,
            moves: vec![],
            void_reason: String::new(),
            offer,
            earned_by: None,
            since: credit.start.clone(),
            split_from: None,
            pauses: vec![],
            owners: vec![],
            shares: vec![],
        });
        id
    }

    fn add_offer(&mut self, offer: &Offer) -> Result<Answer, Refused> {
        match self.offers.iter().find(|known| known.id == offer.id) {
            Some(known) if known == offer => {}
            Some(_) => return refused("offer_differs"),
            None => {
                let today = self.today.clone();
                self.record("offer_added", &today);
                self.offers.push(offer.clone());
            }
        }
        Ok(Answer::Done)
    }

    fn add_codes(&mut self, offer: &str, codes: &[String]) -> Result<Answer, Refused> {
        match self.offers.iter().find(|known| known.id == offer) {
            None => return unusable("unknown_offer"),
            Some(known) if known.reward.is_some() => return refused("made_otherwise"),
            Some(_) => {}
        }
        for code in codes {
            let code = spelled_plainly(code);
            match self.codes.get(&code) {
                Some(Code::Redeemed) => return refused("already_redeemed"),
                Some(Code::Added { offer: of }) if of == offer => {}
                Some(Code::Added { .. }) => return refused("code_on_record"),
                None => {
                    let today = self.today.clone();
                    self.record("code_added", &today);
                    let offer = offer.to_owned();
                    self.codes.insert(code, Code::Added { offer });
                }
            }
        }
        Ok(Answer::Done)
    }

    fn redeem(
        &mut self,
        code: &str,
        account: Option<&String>,
        worth: &Worth,
    ) -> Result<Answer, Refused> {
        let owner = self.account_meant(account)?;
        if let Worth::Offer(named) = worth
            && self.offers.iter().all(|known| known.id != *named)
        {
            return unusable("unknown_offer");
        }
        let code = spelled_plainly(code);
        let offer = match (self.codes.get(&code).cloned(), worth) {
            (Some(Code::Redeemed), _) => return refused("already_redeemed"),
            (None, Worth::OnRecord) => return refused("unknown_code"),
            (None, Worth::Terms(credit)) => {
                check_terms(credit, 0)?;
                let id = self.grant("code_redeemed", owner, credit, 0, None);
                self.codes.insert(code, Code::Redeemed);
                return Ok(Answer::Credit(id));
            }
            (Some(Code::Added { .. }), Worth::Terms(_)) => return refused("code_on_record"),
            (Some(Code::Added { offer }), Worth::Offer(named)) if offer != *named => {
                return refused("other_offer");
            }
            (Some(Code::Added { offer }), _) => offer,
            (None, Worth::Offer(named)) => named.clone(),
        };
        let known = self.offers.iter().find(|known| known.id == offer);
        let offer = known.expect("a code's offer is on record").clone();
        if offer.reward.is_some() {
            return refused("made_otherwise");
        }
        let end = self.may_redeem(&offer, &owner)?;
        let credit = model::Credit {
            start: self.today.clone(),
            end,
            ..offer.credit.clone()
        };
        let id = self.grant("code_redeemed", owner, &credit, 0, Some(offer.id));
        self.codes.insert(code, Code::Redeemed);
        Ok(Answer::Credit(id))
    }

    /// The end date of the credit that the offer makes today.
    fn may_redeem(&self, offer: &Offer, owner: &str) -> Result<Option<String>, Refused> {
        if offer
            .redeem_by
            .as_ref()
            .is_some_and(|until| *until < self.today)
        {
            return refused("offer_closed");
        }
        let end = match &offer.end {
            End::Never => None,
            End::On(end) if *end < self.today => return refused("offer_closed"),
            End::On(end) => Some(end.clone()),
            End::Months(count) => match last_day_of_months(&self.today, *count) {
                Some(end) => Some(end),
                None => return unusable("bad_usage"),
            },
        };
        let nothing = Account::default();
        let account = self.accounts.get(owner).unwrap_or(&nothing);
        if let Some(needed) = &offer.attributes_any
            && !needed.iter().any(|one| account.attributes.contains(one))
        {
            return refused("not_eligible");
        }
        if let Some(needed) = &offer.countries
            && !needed
                .iter()
                .any(|one| account.country.as_ref() == Some(one))
        {
            return refused("not_eligible");
        }
        let made = self.credits.iter();
        // A part was not redeemed.
        let made = made.filter(|credit| credit.split_from.is_none());
        let made = made.filter(|credit| credit.offer.as_ref() == Some(&offer.id));
        let own = made.clone().filter(|credit| credit.terms.owner == owner);
        let reached = |limit: Option<usize>, count| limit.is_some_and(|limit| count >= limit);
        if reached(offer.per_account, own.count()) || reached(offer.redemptions, made.count()) {
            return refused("limit_reached");
        }
        Ok(end)
    }

    /// The day on which something is done: not one to come.
    pub(crate) fn day_done(&self, on: Option<&String>) -> Result<String, Refused> {
        match on {
            Some(day) if *day > self.today => unusable("bad_usage"),
            Some(day) => Ok(day.clone()),
            None => Ok(self.today.clone()),
        }
    }

    fn void(&mut self, id: &str, reason: &str, on: Option<&String>) -> Result<Answer, Refused> {
        let day = self.day_done(on)?;
        let left = self.left_now();
        let Some(at) = self.credits.iter().position(|one| one.terms.id == id) else {
            return unusable("unknown_credit");
        };
        let ended = self.credits[at]
            .last_covered()
            .is_some_and(|last| last < day);
        if left[id] == 0 || ended {
            return refused("nothing_to_void");
        }
        self.take_away(at, left[id], &day);
        self.credits[at].void_reason = reason.to_owned();
        Ok(Answer::Credit(id.to_owned()))
    }

    /// Voids what is left of a credit from a day on, or from the day of the last bill that it pays if that is later:
    /// what is voided pays nothing any more. Nor is it voided before it was split, or split off.
    pub(crate) fn take_away(&mut self, at: usize, amount: i128, day: &str) {
        let id = &self.credits[at].terms.id;
        let is_part = self.credits[at].split_from.is_some();
        let paid = self
            .bills
            .values()
            .filter(|bill| used(&bill.lines).contains_key(id));
        let last = paid
            .map(|bill| bill.effective.clone())
            .chain(self.credits[at].split_on())
            .chain(self.credits[at].reduced_on())
            .chain(is_part.then(|| self.credits[at].since.clone()))
            .max()
            .unwrap_or_default();
        let effective = &last.max(day.to_owned());
        let entry = self.record("credit_voided", effective);
        self.credits[at].moves.push(Move {
            entry,
            effective: effective.clone(),
            why: Why::Voided,
            amount,
        });
    }

    /// Whether all that a change says is on record.
    fn is_so(&self, change: &Change, day: &str) -> bool {
        let account = &self.accounts[&change.account];
        let last = account.memberships.last();
        let joined = |(payer, joined): &(String, String)| {
            last.is_some_and(|last| {
                last.payer == *payer && last.joined == *joined && last.left.is_none()
            })
        };
        let left = |day: &String| last.is_some_and(|last| last.left.as_ref() == Some(day));
        let shares = on_day(&account.switches, day).unwrap_or(true);
        change.joins.as_ref().is_none_or(joined)
            && change.leaves.as_ref().is_none_or(left)
            && change.sharing.is_none_or(|on| on == shares)
            && (change.country.is_none() || change.country == account.country)
            && change
                .attribute
                .iter()
                .all(|name| account.attributes.contains(name))
            && (!change.default || self.default_account.as_ref() == Some(&change.account))
    }

    fn set_account(&mut self, change: &Change) -> Result<Answer, Refused> {
        let day = self.day_done(change.on.as_ref())?;
        let known = self.accounts.get(&change.account);
        let open = known.and_then(|known| known.memberships.last());
        if let (Some((payer, joined)), Some(open)) = (&change.joins, open)
            && open.left.is_none()
            && open.payer == *payer
            && open.joined < *joined
        {
            return refused("account_conflict");
        }
        if known.is_some() && self.is_so(change, &day) {
            return Ok(Answer::Done);
        }
        self.record("account_set", &day);
        let account = self.accounts.entry(change.account.clone()).or_default();
        if let Some((payer, joined)) = &change.joins {
            join(account, &change.account, payer, joined)?;
        }
        if let Some(left) = &change.leaves {
            match account.memberships.last_mut() {
                Some(last) if last.joined <= *left => last.left = Some(left.clone()),
                _ => return refused("account_conflict"),
            }
        }
        let members = self.accounts.values();
        let members: Vec<Membership> = members.flat_map(|one| one.memberships.clone()).collect();
        if model::goes_round(&members, &change.account) {
            return refused("account_conflict");
        }
        let account = self.accounts.entry(change.account.clone()).or_default();
        if let Some(on) = change.sharing {
            account.switches.push((day, on));
        }
        if change.country.is_some() {
            account.country = change.country.clone();
        }
        account.attributes.extend(change.attribute.clone());
        if change.default {
            self.default_account = Some(change.account.clone());
        }
        Ok(Answer::Done)
    }
}

/// The place of a credit among all: by entry, then by part.
pub(crate) fn place(entry: u64, part: usize) -> usize {
    entry as usize * 1_000 + part
}

fn entry(number: u64, kind: &str, effective: &str) -> EntryTold {
    EntryTold {
        number,
        command: number,
        effective: effective.to_owned(),
        kind: kind.to_owned(),
    }
}

fn check_terms(credit: &model::Credit, used: i128) -> Result<(), Refused> {
    let ends_early = credit.end.as_ref().is_some_and(|end| *end < credit.start);
    if ends_early || used > credit.left {
        return unusable("bad_usage");
    }
    Ok(())
}

/// Upper and lower case, spaces and hyphens make no difference.
fn spelled_plainly(code: &str) -> String {
    code.to_uppercase().replace(['-', ' '], "")
}

fn join(account: &mut Account, id: &str, payer: &str, joined: &str) -> Result<(), Refused> {
    if id == payer {
        return refused("account_conflict");
    }
    if let Some(last) = account.memberships.last_mut() {
        let again = last.joined == joined && last.payer == payer && last.left.is_some();
        if joined < last.joined.as_str() || again {
            return refused("account_conflict");
        }
        if joined == last.joined {
            last.payer = payer.to_owned();
            return Ok(());
        }
        if last.payer == payer && last.left.is_none() {
            return Ok(());
        }
        if last
            .left
            .as_ref()
            .is_none_or(|left| joined <= left.as_str())
        {
            last.left = Some(day_before(joined));
        }
    }
    account.memberships.push(Membership {
        account: id.to_owned(),
        payer: payer.to_owned(),
        joined: joined.to_owned(),
        left: None,
    });
    Ok(())
}
