//! A real ledger in memory: what the library decides and folds, without a store.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use credits_ledger::formats::offers::read_offers;
use credits_ledger::formats::read_bills;
use credits_ledger::ledger::account::AccountChange;
use credits_ledger::ledger::balance::{listed, reserved};
use credits_ledger::ledger::bill::{Bill, Status};
use credits_ledger::ledger::booking::{Applied, Past, reserve};
use credits_ledger::ledger::correct;
use credits_ledger::ledger::credit::Sharing;
use credits_ledger::ledger::decide::{self, Desk};
use credits_ledger::ledger::entry::{Basis, CodeMark, Entry, Event, LedgerId, Lines};
use credits_ledger::ledger::names::{AccountId, BillId, CreditId, OfferId};
use credits_ledger::ledger::operate;
use credits_ledger::ledger::redeem::{self, CodeState, Worth as RealWorth};
use credits_ledger::ledger::refusal::Refusal;
use credits_ledger::ledger::rules::Rules;
use credits_ledger::ledger::split::{self, Portion};
use credits_ledger::ledger::state::{BillState, State};
use credits_ledger::ledger::statement::Statement as RealStatement;
use credits_ledger::money::Money;
use credits_ledger::store::journal::mark;

use super::foreseen::comes_true;
use super::library_told::{changed, closed, refused, told, totals};
use super::naive::Naive;
use super::real::Real;
use super::request::{Change, Command, What, Worth};
use super::sound::is_sound;
use super::told::{Answer, BillTold, CreditTold, EntryTold, Refused, Stated, Statement};
use crate::kept::Kept;
use crate::types::{account, day, month, no_change, sharing, terms};

/// The journal, what it says, and the charges of its bills.
pub(crate) struct Library {
    pub(crate) today: NaiveDate,
    pub(crate) journal: Vec<Entry>,
    pub(crate) state: State,
    pub(crate) kept: Kept,
    pub(crate) rules: Rules,
    /// What it said before the last command.
    before: State,
    /// The last entry when it was last held against itself.
    sound_at: u64,
}

/// Why a request is not done.
enum Unable {
    Refused(Refusal),
    Usage,
}

impl From<Refusal> for Unable {
    fn from(refusal: Refusal) -> Unable {
        Unable::Refused(refusal)
    }
}

impl Library {
    pub(crate) fn new(today: &str) -> Library {
        Library {
            today: day(today),
            journal: Vec::new(),
            state: State::default(),
            kept: Kept::default(),
            rules: Rules::current(),
            before: State::default(),
            sound_at: 0,
        }
    }

    /// A desk over the ledger, and over one just opened where there is none.
    pub(crate) fn desk(&self) -> Desk {
        let desk = |state| Desk::new(state, DateTime::UNIX_EPOCH, self.today);
        if !self.journal.is_empty() {
            return desk(self.state.clone());
        }
        let mut opening = desk(State::default());
        let opened = Event::Opened(LedgerId([7; 16]));
        opening.propose(self.today, opened, None).expect("a ledger");
        let mut next = desk(opening.state);
        next.proposals = opening.proposals;
        next
    }

    fn keep(&mut self, desk: Desk) {
        let opening = usize::from(self.journal.is_empty());
        if desk.proposals.len() <= opening && opening == 1 {
            return;
        }
        self.state = desk.state;
        for proposal in desk.proposals {
            self.kept.keep(&proposal);
            self.journal.push(proposal.entry);
        }
    }

    /// What is on record of a code, entries of this very command included.
    fn code_state(&self, desk: &Desk, code: &CodeMark) -> CodeState {
        let proposed = desk.proposals.iter().map(|one| &one.entry);
        let about = self
            .journal
            .iter()
            .chain(proposed)
            .filter(|entry| match &entry.event {
                Event::CodeAdded { code: of, .. } | Event::Redeemed { code: of, .. } => {
                    of.hash == code.hash
                }
                _ => false,
            });
        CodeState::of(about)
    }

    fn day_done(&self, on: Option<&String>) -> Result<NaiveDate, Unable> {
        let day = on.map_or(self.today, |on| day(on));
        match day > self.today {
            true => Err(Unable::Usage),
            false => Ok(day),
        }
    }

    fn obey(&self, desk: &mut Desk, what: &What) -> Result<Answer, Unable> {
        let ledger = desk.state.ledger.expect("a ledger that is open");
        match what {
            What::Grant {
                account,
                credit,
                used,
            } => {
                let owner = account_meant(account.as_ref(), &desk.state)?;
                let mut terms = terms(credit);
                terms.used_before = Money::from_units(*used);
                let id = decide::grant(desk, owner, terms)?;
                Ok(Answer::Credit(id.to_string()))
            }
            What::AddOffer(_) => unreachable!("an offer is read first"),
            What::AddCodes { offer, codes } => {
                let offer = OfferId::new(offer).expect("an offer");
                for code in codes {
                    let code = mark(ledger, code);
                    let known = self.code_state(desk, &code);
                    redeem::add_code(desk, &offer, code, known)?;
                }
                Ok(Answer::Done)
            }
            What::Redeem {
                code,
                account,
                worth,
            } => {
                let owner = account_meant(account.as_ref(), &desk.state)?;
                let code = mark(ledger, code);
                let worth = match worth {
                    Worth::OnRecord => RealWorth::OnRecord,
                    Worth::Terms(credit) => RealWorth::Terms(Box::new(terms(credit))),
                    Worth::Offer(offer) => {
                        let offer = OfferId::new(offer).expect("an offer");
                        if !desk.state.offers.contains_key(&offer) {
                            return Err(Refusal::UnknownOffer(offer).into());
                        }
                        RealWorth::Offer(offer)
                    }
                };
                let known = self.code_state(desk, &code);
                let id = redeem::redeem(desk, owner, code, known, worth)?;
                Ok(Answer::Credit(id.to_string()))
            }
            What::Void { credit, reason, on } => {
                desk.today = self.day_done(on.as_ref())?;
                let id = credit_id(credit);
                decide::void(desk, id, reason.clone(), &self.rules)?;
                Ok(Answer::Credit(id.to_string()))
            }
            What::Pause { credit, on } => {
                desk.today = self.day_done(on.as_ref())?;
                operate::pause(desk, credit_id(credit))?;
                Ok(Answer::Credit(credit.clone()))
            }
            What::Resume { credit, on } => {
                desk.today = self.day_done(on.as_ref())?;
                operate::resume(desk, credit_id(credit))?;
                Ok(Answer::Credit(credit.clone()))
            }
            What::Share { credit, with, on } => {
                desk.today = self.day_done(on.as_ref())?;
                operate::share(desk, credit_id(credit), sharing(with))?;
                Ok(Answer::Credit(credit.clone()))
            }
            What::Transfer { credit, to, on } => {
                desk.today = self.day_done(on.as_ref())?;
                let id = credit_id(credit);
                let reserved = self.reserved(desk, desk.today, id);
                operate::transfer(desk, id, &account(to), reserved, &self.rules)?;
                Ok(Answer::Credit(credit.clone()))
            }
            What::Split {
                credit,
                amounts,
                on,
            } => {
                desk.today = self.day_done(on.as_ref())?;
                let id = credit_id(credit);
                let reserved = self.reserved(desk, NaiveDate::MAX, id);
                let portions = amounts.iter().map(|amount| Portion {
                    name: None,
                    amount: Money::from_units(*amount),
                });
                let portions: Vec<Portion> = portions.collect();
                split::split(desk, id, &portions, reserved, &self.rules)?;
                let parts = desk.state.parts(&desk.state.credits[&id]);
                Ok(Answer::Split {
                    credit: credit.clone(),
                    parts: parts.map(|part| part.credit.id.to_string()).collect(),
                })
            }
            What::SetAccount(change) => {
                desk.today = self.day_done(change.on.as_ref())?;
                decide::set_account(desk, account_change(change))?;
                Ok(Answer::Done)
            }
            What::Apply { .. } => unreachable!("bills are read first"),
            What::Reverse { bill, reason } => {
                let id = BillId::parse(bill).expect("a bill");
                let is_open = |bill: &&BillState| bill.status == Status::Estimated;
                let card_of_open = desk
                    .state
                    .bills
                    .get(&id)
                    .filter(is_open)
                    .map(|_| self.stated(desk, &id));
                let reversed = correct::reverse::<_, Refusal>(
                    desk,
                    &self.kept,
                    &id,
                    reason.clone(),
                    &self.rules,
                )?;
                let totals = totals(&reversed.bill.totals, &id);
                Ok(Answer::Reversed {
                    bill: id.to_string(),
                    entry: Some(reversed.entry),
                    is_final: reversed.bill.status == Status::Final,
                    card_charge: card_of_open
                        .map_or(totals.card_charge, |open| open.totals.card_charge),
                    credits_returned: totals.credits,
                    changed: changed(&reversed.correction),
                })
            }
            What::Replay { from } => {
                let (bills, correction) =
                    correct::replay::<_, Refusal>(desk, &self.kept, month(from), &self.rules)?;
                Ok(Answer::Replayed {
                    bills,
                    rewritten: correction.rewritten,
                    changed: changed(&correction),
                })
            }
            What::Close { month: of } => {
                let entry = correct::close(desk, month(of))?;
                Ok(closed(desk, entry))
            }
            What::Reopen { month: of } => {
                let entry = correct::reopen(desk, month(of))?;
                Ok(closed(desk, entry))
            }
        }
    }

    fn apply(&self, desk: &mut Desk, bills: Vec<Bill>, amend: bool) -> Result<Answer, Unable> {
        let done = correct::apply_bills::<_, Refusal>(
            desk,
            &self.kept,
            bills,
            amend,
            Basis::Rules,
            &self.rules,
        )?;
        let stated = done.bills.iter().map(|(id, applied, corrected)| {
            let (entry, already) = match applied {
                Applied::Recorded(entry) => (*entry, false),
                Applied::Already(entry) => (*entry, true),
            };
            Stated {
                bill: id.to_string(),
                is_final: desk.state.bills[id].status == Status::Final,
                entry: Some(entry),
                already,
                statement: self.stated(desk, id),
                changed: match corrected {
                    true => changed(&done.correction),
                    false => Vec::new(),
                },
            }
        });
        Ok(Answer::Statements(stated.collect()))
    }

    fn lines_of(&self, desk: &Desk, bill: &BillState) -> Lines {
        desk.lines(&self.kept, bill).expect("its charges are kept")
    }

    /// The charges of a bill on record, and who pays them if it is final.
    pub(crate) fn lines(&self, bill: &BillState) -> Lines {
        self.kept.lines(bill).expect("its charges are kept")
    }

    fn estimates(&self, desk: &Desk, as_of: NaiveDate) -> Vec<RealStatement> {
        let open = desk.state.estimates(as_of);
        let bills = open.map(|(_, bill)| (self.lines_of(desk, bill).into_bill(), bill.basis));
        reserve(&desk.state, bills.collect(), &self.rules)
    }

    /// What open bills that count on a day use of a credit.
    fn reserved(&self, desk: &Desk, as_of: NaiveDate, credit: CreditId) -> Money {
        let reserved = reserved(&self.estimates(desk, as_of));
        reserved.get(&credit).copied().unwrap_or_default()
    }

    /// A statement, and what was left of the credits after it.
    fn stated(&self, desk: &Desk, id: &BillId) -> Statement {
        let bill = &desk.state.bills[id];
        if let Lines::Statement(statement) = self.lines_of(desk, bill) {
            let then = self.state_at(desk, bill.entry);
            return told(&statement, &|credit| then.credits[&credit].left);
        }
        let mut left: BTreeMap<CreditId, Money> = BTreeMap::new();
        for statement in self.estimates(desk, NaiveDate::MAX) {
            for paid in &statement.applied {
                let now = desk.state.credits[&paid.credit].left;
                *left.entry(paid.credit).or_insert(now) -= paid.amount;
            }
            if statement.bill.id() == id {
                return told(&statement, &|credit| left[&credit]);
            }
        }
        panic!("bill {id} is open, and is not among the open bills")
    }

    /// What the journal said after an entry.
    fn state_at(&self, desk: &Desk, number: u64) -> State {
        let mut state = State::default();
        let proposed = desk.proposals.iter().map(|one| &one.entry);
        for entry in self.journal.iter().chain(proposed).take(number as usize) {
            state
                .post(entry)
                .expect("what was posted once can be posted again");
        }
        state
    }

    /// A desk over the ledger as it stood after an entry.
    fn desk_at(&self, at: Option<u64>) -> Desk {
        let state = match at {
            None => self.state.clone(),
            Some(number) => self.state_at(
                &Desk::new(State::default(), DateTime::UNIX_EPOCH, self.today),
                number,
            ),
        };
        Desk::new(state, DateTime::UNIX_EPOCH, self.today)
    }
}

impl Real for Library {
    fn reads_documents(&self) -> bool {
        false
    }

    fn today(&mut self, today: &str) {
        self.today = day(today);
    }

    fn give(&mut self, command: &Command) -> Result<Answer, Refused> {
        self.before = self.state.clone();
        let input = command.input();
        let mut desk = self.desk();
        let done = match &command.what {
            What::AddOffer(_) => {
                let offers = read_offers(&input).expect("an offer file");
                let mut added = offers
                    .into_iter()
                    .map(|offer| decide::add_offer(&mut desk, offer));
                let added: Result<(), Refusal> = added.by_ref().collect();
                added.map(|()| Answer::Done).map_err(Unable::from)
            }
            What::Apply { amend, .. } => {
                let bills = read_bills(input.as_bytes(), None, &self.state.service_names())
                    .expect("bills")
                    .bills;
                self.apply(&mut desk, bills, *amend)
            }
            what => self.obey(&mut desk, what),
        };
        let mut answer = done.map_err(|unable| match unable {
            Unable::Usage => Refused {
                status: 2,
                kind: "bad_usage".to_owned(),
            },
            Unable::Refused(refusal) => refused(&refusal),
        })?;
        if command.dry_run {
            answer.forget_entries_after(self.state.head);
        } else {
            self.keep(desk);
        }
        Ok(answer)
    }

    fn entries(&mut self, from: u64) -> Vec<EntryTold> {
        let told = |entry: &Entry| EntryTold {
            number: entry.number,
            command: entry.command,
            effective: entry.effective.to_string(),
            kind: entry.event.kind().to_owned(),
        };
        self.journal
            .iter()
            .skip(from as usize - 1)
            .map(told)
            .collect()
    }

    fn credits(&mut self, on: &str, at: Option<u64>) -> Vec<CreditTold> {
        let desk = self.desk_at(at);
        let reserved = reserved(&self.estimates(&desk, day(on)));
        let all = listed(&desk.state, day(on), &reserved, &self.rules);
        all.into_iter()
            .map(|(record, figures)| {
                let terms = &record.credit.terms;
                CreditTold {
                    id: record.credit.id.to_string(),
                    account: record.owner_on(day(on)).to_string(),
                    currency: terms.currency.to_string(),
                    start: terms.start_date.to_string(),
                    end: terms.end_date.map(|end| end.to_string()),
                    initial: terms.amount.units(),
                    status: figures.status.as_str().to_owned(),
                    share: match record.sharing_on(day(on)) {
                        Sharing::Default => vec!["default".to_owned()],
                        Sharing::Disabled => vec!["disabled".to_owned()],
                        Sharing::Custom(named) => named.iter().map(ToString::to_string).collect(),
                    },
                    used: figures.used.units(),
                    voided: figures.voided.units(),
                    split: figures.split.units(),
                    expired: figures.expired.units(),
                    remaining: figures.remaining.units(),
                    estimated: figures.estimated.units(),
                }
            })
            .collect()
    }

    fn bills(&mut self, on: &str, at: Option<u64>) -> Vec<BillTold> {
        let desk = self.desk_at(at);
        let estimates = self.estimates(&desk, day(on));
        let counts = desk
            .state
            .bills
            .iter()
            .filter(|(_, bill)| bill.effective <= day(on));
        counts
            .map(|(id, bill)| {
                let open = estimates.iter().find(|statement| statement.bill.id() == id);
                let sums = open.map_or(bill.totals, RealStatement::totals);
                BillTold {
                    bill: id.to_string(),
                    is_final: bill.status == Status::Final,
                    entry: bill.entry,
                    effective: bill.effective.to_string(),
                    totals: totals(&sums, id),
                    closed: desk.state.is_closed(id.month),
                }
            })
            .collect()
    }

    fn statement(&mut self, bill: &str) -> Statement {
        let id = BillId::parse(bill).expect("a bill");
        self.stated(&self.desk_at(None), &id)
    }

    fn is_sound(&mut self, naive: &Naive, at_the_end: bool) -> Result<(), String> {
        if at_the_end {
            comes_true(self)?;
        }
        if self.sound_at < self.state.head {
            self.sound_at = self.state.head;
            return is_sound(self, &self.before, naive);
        }
        Ok(())
    }
}

fn credit_id(text: &str) -> CreditId {
    CreditId::parse(text).expect("a credit")
}

fn account_meant(named: Option<&String>, state: &State) -> Result<AccountId, Unable> {
    let known = state.known_accounts();
    let only = known.first().filter(|_| known.len() == 1);
    match (named, &state.default_account, only) {
        (Some(named), _, _) => Ok(account(named)),
        (None, Some(meant), _) => Ok(meant.clone()),
        (None, None, Some(only)) => Ok((*only).clone()),
        _ => Err(Unable::Usage),
    }
}

fn account_change(change: &Change) -> AccountChange {
    AccountChange {
        joins: change
            .joins
            .as_ref()
            .map(|(payer, joined)| (account(payer), day(joined))),
        leaves: change.leaves.as_deref().map(day),
        sharing: change.sharing,
        country: change.country.clone(),
        attributes: change.attribute.iter().cloned().collect(),
        default: change.default,
        ..no_change(account(&change.account))
    }
}
