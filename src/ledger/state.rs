//! What the journal says: the fold over its entries.
//!
//! The state holds credits, accounts, offers and what each bill came to, not the charges. Anything
//! that can be worked out is: expiry, status and remaining amounts are functions of the state and
//! a date. [`State::post`] refuses an entry that would break an invariant, when it is about to be
//! written as well as when it is read back.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use thiserror::Error;

use crate::money::Money;
use crate::period::Month;

use super::account::{AccountError, Accounts};
use super::apply::Standing;
use super::as_billed::Matches;
use super::bill::Status;
use super::credit::{Credit, Sharing, Terms};
use super::dated::Dated;
use super::entry::{
    Basis, BillRecord, Booking, Entry, Event, LedgerId, Merit, Part, Reversal, Word,
};
use super::limits::Limits;
use super::names::{AccountId, BillId, CreditId, Currency, OfferId};
use super::offer::Offer;
use super::services::{ServiceAlias, ServiceNames};
use super::statement::{Allocation, Totals};

/// Why what was left of a credit became less or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// A final bill used it.
    Applied,
    /// A final bill was reversed: what it had used came back.
    Returned,
    /// It was voided.
    Voided,
    /// Less of it was earned than was put on record.
    Reduced,
    /// Parts of it became credits of their own.
    Split,
}

/// One change of what is left of a credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// By which entry.
    pub entry: u64,
    /// From when on it counts.
    pub effective: NaiveDate,
    /// Why.
    pub movement: Movement,
    /// By how much, above zero.
    pub amount: Money,
}

impl Moved {
    /// By how much less is left of the credit; below zero where it came back.
    #[must_use]
    pub fn taken(&self) -> Money {
        match self.movement {
            Movement::Applied | Movement::Voided | Movement::Reduced | Movement::Split => {
                self.amount
            }
            Movement::Returned => -self.amount,
        }
    }
}

/// A credit and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditRecord {
    /// The credit.
    pub credit: Credit,
    /// The last symbols of the code it was redeemed with.
    pub code: Option<String>,
    /// What was used, came back and was voided, in the order of entries.
    pub moved: Vec<Moved>,
    /// What is left of it at the head, whatever the date: its amount less all that was used.
    pub left: Money,
    /// Why it was voided or reduced, the last time.
    pub void_reason: Option<String>,
    /// Whether it takes no part, from a day on.
    pub paused: Dated<bool>,
    /// Whose it became, from a day on.
    pub owners: Dated<AccountId>,
    /// Who else may use it, from a day on, where that changed since it was issued.
    pub sharings: Dated<Sharing>,
    /// From which day on the ledger has it.
    pub since: NaiveDate,
    /// The one bill that it pays, of a credit that was made good for as billed.
    pub made_for: Option<BillId>,
    /// What it was earned by, if it was.
    pub earned_by: Option<Merit>,
    /// The credit of which it is a part.
    pub split_from: Option<CreditId>,
    /// The provider's last word of it, where it ever was another one than at first.
    pub word: Word,
}

impl CreditRecord {
    /// A credit recorded from a day on.
    #[must_use]
    pub fn new(credit: Credit, code: Option<String>, since: NaiveDate) -> CreditRecord {
        let left = credit.terms.amount - credit.terms.used_before;
        CreditRecord {
            credit,
            code,
            moved: Vec::new(),
            left,
            void_reason: None,
            paused: Dated::default(),
            owners: Dated::default(),
            sharings: Dated::default(),
            since,
            made_for: None,
            earned_by: None,
            split_from: None,
            word: Word::default(),
        }
    }

    /// The first day on which it counts: it has started, and the ledger has it.
    #[must_use]
    pub fn first_day(&self) -> NaiveDate {
        self.credit.terms.start_date.max(self.since)
    }

    /// Whose it is at the end of a day.
    #[must_use]
    pub fn owner_on(&self, day: NaiveDate) -> &AccountId {
        self.owners.on(day).unwrap_or(&self.credit.account)
    }

    /// Every account that it was ever of, and may be later.
    pub fn owners(&self) -> impl Iterator<Item = &AccountId> {
        let later = self.owners.iter().map(|(_, owner)| owner);
        std::iter::once(&self.credit.account).chain(later)
    }

    fn transfer(&mut self, to: &AccountId, from: NaiveDate) {
        self.owners.set(from, to.clone());
        self.sharings.set(from, Sharing::Default);
    }

    /// Takes the provider's word: what it says otherwise than before counts here too.
    fn hear(&mut self, word: &Word, from: NaiveDate) {
        if let Some(owner) = &word.owner {
            self.transfer(owner, from);
            self.word.owner = Some(owner.clone());
        }
        if let Some(enabled) = word.enabled {
            self.paused.set(from, !enabled);
            self.word.enabled = Some(enabled);
        }
        if let Some(sharing) = &word.sharing {
            self.sharings.set(from, sharing.clone());
            self.word.sharing = Some(sharing.clone());
        }
    }

    /// Who else may use it at the end of a day.
    #[must_use]
    pub fn sharing_on(&self, day: NaiveDate) -> &Sharing {
        self.sharings.on(day).unwrap_or(&self.credit.terms.sharing)
    }

    /// Whether it takes no part at the end of a day.
    #[must_use]
    pub fn is_paused_on(&self, day: NaiveDate) -> bool {
        self.paused.on(day).copied().unwrap_or(false)
    }

    /// Whether it was ever voided.
    #[must_use]
    pub fn is_voided(&self) -> bool {
        self.voided_on().is_some()
    }

    /// The day it was voided, the first time.
    #[must_use]
    pub fn voided_on(&self) -> Option<NaiveDate> {
        let voids = self.moved.iter();
        voids
            .filter(|moved| moved.movement == Movement::Voided)
            .map(|moved| moved.effective)
            .min()
    }

    /// Whether the last that happened to it by the end of a day is that it was not earned after all.
    #[must_use]
    pub fn is_reduced_last_on(&self, day: NaiveDate) -> bool {
        let mut latest = self.moved.iter().rev();
        latest
            .find(|moved| moved.effective <= day)
            .is_some_and(|moved| moved.movement == Movement::Reduced)
    }

    /// What of it was earned for good by the end of a day: neither taken back nor split off.
    #[must_use]
    pub fn stands_on(&self, day: NaiveDate) -> Money {
        let gone = self.moved.iter().filter(|moved| {
            moved.effective <= day && matches!(moved.movement, Movement::Reduced | Movement::Split)
        });
        self.credit.terms.amount - gone.map(|moved| moved.amount).sum()
    }

    /// Whether all that it was worth was voided by the end of a day: as if it had never been.
    #[must_use]
    pub fn is_voided_whole_on(&self, day: NaiveDate) -> bool {
        let voided = self
            .moved
            .iter()
            .filter(|moved| moved.effective <= day && moved.movement == Movement::Voided);
        voided.map(|moved| moved.amount).sum::<Money>() == self.credit.terms.amount
    }

    /// What was left of it at the end of a day.
    #[must_use]
    pub fn left_on(&self, day: NaiveDate) -> Money {
        let later = self.moved.iter().filter(|moved| moved.effective > day);
        self.left + later.map(Moved::taken).sum()
    }

    /// What entry `number` used of it.
    #[must_use]
    pub fn used_by(&self, number: u64) -> Money {
        let by_entry = self.moved.partition_point(|moved| moved.entry < number);
        let moved = self.moved[by_entry..].iter();
        moved
            .take_while(|moved| moved.entry == number)
            .filter(|moved| moved.movement == Movement::Applied)
            .map(|moved| moved.amount)
            .sum()
    }

    /// The credit as it stands for bills of a month, `left` of it being there to be used. One that
    /// was voided later still takes part as far as something came back to it.
    #[must_use]
    pub fn standing(&self, month: Month, left: Money) -> Standing<'_> {
        let voided = self
            .voided_on()
            .is_some_and(|day| day <= month.last_day() || !left.is_positive());
        let last_day = month.last_day();
        Standing {
            credit: &self.credit,
            owner: self.owner_on(last_day),
            sharing: self.sharing_on(last_day),
            left,
            paused: self.is_paused_on(last_day),
            voided,
        }
    }
}

/// A bill on record, the latest by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillState {
    /// Whether it reserves or is booked.
    pub status: Status,
    /// The entry that recorded it, beside which its charges are kept.
    pub entry: u64,
    /// From when on it counts.
    pub effective: NaiveDate,
    /// The provider's own id.
    pub reference: Option<Box<str>>,
    /// On what it rests which credits pay it.
    pub basis: Basis,
    /// What it comes to; see [`BillRecord::totals`].
    pub totals: Totals,
}

/// An offer on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferState {
    /// The offer.
    pub offer: Offer,
    /// The entry that recorded it.
    pub entry: u64,
    /// From when on it counts.
    pub effective: NaiveDate,
    /// How many codes of it were put on record, by day.
    pub codes: BTreeMap<NaiveDate, u64>,
    /// How many codes of it were revoked, by day.
    pub revoked: BTreeMap<NaiveDate, u64>,
    /// How many codes each account redeemed.
    pub redeemed: BTreeMap<AccountId, u64>,
    /// How many codes were redeemed, by day.
    pub redemptions: BTreeMap<NaiveDate, u64>,
}

impl OfferState {
    /// How many codes were on record at the end of a day.
    #[must_use]
    pub fn codes_on(&self, day: NaiveDate) -> u64 {
        self.codes.range(..=day).map(|(_, count)| count).sum()
    }

    /// How many of its codes were revoked by the end of a day.
    #[must_use]
    pub fn revoked_on(&self, day: NaiveDate) -> u64 {
        self.revoked.range(..=day).map(|(_, count)| count).sum()
    }

    /// How many codes were redeemed by the end of a day.
    #[must_use]
    pub fn redemptions_on(&self, day: NaiveDate) -> u64 {
        self.redemptions.range(..=day).map(|(_, count)| count).sum()
    }
}

/// What the journal says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// The number of the last entry; 0 before the first.
    pub head: u64,
    /// Which ledger this is.
    pub ledger: Option<LedgerId>,
    /// When the last entry was recorded.
    pub recorded: Option<DateTime<Utc>>,
    /// The initial amounts of all credits together.
    pub issued: BTreeMap<Currency, Money>,
    /// Credits by id, which is the order of their entries.
    pub credits: BTreeMap<CreditId, CreditRecord>,
    /// Accounts that something is on record of.
    pub accounts: Accounts,
    /// The account that commands mean where none is named.
    pub default_account: Option<AccountId>,
    /// Offers by id.
    pub offers: BTreeMap<OfferId, OfferState>,
    /// The latest bill by id: by month, then payer, then currency.
    pub bills: BTreeMap<BillId, BillState>,
    /// Which credits the provider's credit rows mean, as said by hand.
    pub matches: Matches,
    /// Bills of this month and of all before it do not change any more.
    pub closed_until: Option<Month>,
    /// The credits that spend earned, parts of them included, by offer and bill.
    pub rewards: BTreeMap<OfferId, BTreeMap<BillId, BTreeSet<CreditId>>>,
    /// Names that users gave to services, in the order of entries; a later one of a name counts.
    pub service_aliases: Vec<ServiceAlias>,
    /// What a check looks for where nobody says what.
    pub checks: Limits,
}

/// An entry that cannot follow on those before it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Broken {
    /// Numbers have a gap, or the first entry does not open the ledger.
    #[error("entry {found} follows on entry {head}")]
    OutOfSequence {
        /// The last entry.
        head: u64,
        /// The number of the next one.
        found: u64,
    },
    /// More would be used of a credit than is left.
    #[error("entry {entry} uses {amount} of credit `{credit}`, of which {left} is left")]
    Overdrawn {
        /// The entry.
        entry: u64,
        /// The credit.
        credit: CreditId,
        /// What it would use.
        amount: Money,
        /// What is left.
        left: Money,
    },
    /// Credits and card do not pay the bill exactly, or a credit in another currency pays it.
    #[error("entry {entry} does not pay bill {bill} exactly")]
    Unbalanced {
        /// The entry.
        entry: u64,
        /// The bill.
        bill: BillId,
    },
    /// A bill would change in a month that is closed.
    #[error("entry {entry} changes bill {bill} in a closed month")]
    Closed {
        /// The entry.
        entry: u64,
        /// The bill.
        bill: BillId,
    },
    /// Something is named that is not on record.
    #[error("entry {entry} names `{name}`, which is not on record")]
    Unknown {
        /// The entry.
        entry: u64,
        /// The name.
        name: String,
    },
    /// Something is recorded a second time.
    #[error("entry {entry} records `{name}` again")]
    Twice {
        /// The entry.
        entry: u64,
        /// The name.
        name: String,
    },
    /// All credits of a currency together are more than can be counted.
    #[error("entry {entry} brings the credits in {currency} to 10^19 or more")]
    TooMuch {
        /// The entry.
        entry: u64,
        /// The currency.
        currency: Currency,
    },
    /// A change to an account that cannot be.
    #[error("entry {entry}: {source}")]
    Account {
        /// The entry.
        entry: u64,
        /// Why.
        source: AccountError,
    },
}

impl State {
    /// Posts the next entry.
    ///
    /// # Errors
    /// An entry that breaks an invariant; the state may then be half changed and is of no use.
    pub fn post(&mut self, entry: &Entry) -> Result<(), Broken> {
        let number = entry.number;
        let opens = matches!(entry.event, Event::Opened(_));
        if number != self.head + 1 || opens != (number == 1) {
            return Err(Broken::OutOfSequence {
                head: self.head,
                found: number,
            });
        }
        self.head = number;
        self.recorded = Some(entry.recorded);
        match &entry.event {
            Event::Opened(id) => self.ledger = Some(*id),
            Event::Granted { account, terms } => {
                self.add_credit(entry, account, terms, None)?;
            }
            Event::CreditMadeGood {
                account,
                terms,
                bill,
            } => {
                let record = self.add_credit(entry, account, terms, None)?;
                record.made_for = Some(bill.clone());
            }
            Event::CreditSplit { credit, parts } => self.split(entry, *credit, parts)?,
            Event::ProviderSaid { credit, word } => {
                let record = self.credit_mut(number, *credit)?;
                record.hear(word, entry.effective);
            }
            Event::Redeemed {
                account,
                terms,
                code,
            } => {
                if let Some(offer) = &terms.offer {
                    let record = self.offer_mut(number, offer)?;
                    *record.redeemed.entry(account.clone()).or_default() += 1;
                    *record.redemptions.entry(entry.effective).or_default() += 1;
                }
                self.add_credit(entry, account, terms, Some(code.last.clone()))?;
            }
            Event::Earned { account, terms, by } => {
                if let Some(offer) = &terms.offer {
                    self.offer_mut(number, offer)?;
                }
                let record = self.add_credit(entry, account, terms, None)?;
                record.earned_by = Some(by.clone());
                let id = record.credit.id;
                self.note_reward(id);
            }
            Event::OfferAdded(offer) => {
                let record = OfferState {
                    offer: offer.clone(),
                    entry: number,
                    effective: entry.effective,
                    codes: BTreeMap::new(),
                    revoked: BTreeMap::new(),
                    redeemed: BTreeMap::new(),
                    redemptions: BTreeMap::new(),
                };
                if self.offers.insert(offer.id.clone(), record).is_some() {
                    return Err(Broken::Twice {
                        entry: number,
                        name: offer.id.to_string(),
                    });
                }
            }
            Event::CodeAdded { offer, .. } => {
                let record = self.offer_mut(number, offer)?;
                *record.codes.entry(entry.effective).or_default() += 1;
            }
            Event::CodeRevoked { offer, .. } => {
                let record = self.offer_mut(number, offer)?;
                *record.revoked.entry(entry.effective).or_default() += 1;
            }
            Event::BillEstimated(record) => self.put_bill(entry, record, Status::Estimated)?,
            Event::BillBooked(booking) => self.book(entry, booking)?,
            Event::BillReversed(reversal) => self.reverse(entry, reversal)?,
            Event::MonthClosed(month) => {
                self.closed_until = self.closed_until.max(Some(*month));
            }
            Event::MonthReopened(month) => {
                let before = Some(month.previous()).filter(|before| before < month);
                self.closed_until = self.closed_until.min(before);
            }
            Event::CreditVoided {
                credit,
                amount,
                reason,
            } => {
                let record = self.use_up(entry, *credit, *amount, Movement::Voided)?;
                record.void_reason = Some(reason.clone());
            }
            Event::CreditReduced {
                credit,
                amount,
                reason,
            } => {
                let record = self.use_up(entry, *credit, *amount, Movement::Reduced)?;
                record.void_reason = Some(reason.clone());
            }
            Event::CreditPaused(credit) => {
                let record = self.credit_mut(number, *credit)?;
                record.paused.set(entry.effective, true);
            }
            Event::CreditResumed(credit) => {
                let record = self.credit_mut(number, *credit)?;
                record.paused.set(entry.effective, false);
            }
            Event::CreditTransferred { credit, to } => {
                let record = self.credit_mut(number, *credit)?;
                record.transfer(to, entry.effective);
            }
            Event::CreditShared { credit, sharing } => {
                let record = self.credit_mut(number, *credit)?;
                record.sharings.set(entry.effective, sharing.clone());
            }
            Event::CreditMatched { name, credit } => {
                self.credit_mut(number, *credit)?;
                self.matches.insert(name.clone(), *credit);
            }
            Event::AccountSet(change) => {
                let account = self
                    .accounts
                    .by_id
                    .entry(change.account.clone())
                    .or_default();
                let wrapped = |source| Broken::Account {
                    entry: number,
                    source,
                };
                account.change(change, entry.effective).map_err(wrapped)?;
                if change.default {
                    self.default_account = Some(change.account.clone());
                }
            }
            Event::ServiceAliased { alias, service } => self.service_aliases.push(ServiceAlias {
                alias: alias.clone(),
                service: service.clone(),
                entry: number,
                effective: entry.effective,
            }),
            Event::ChecksSet(limits) => self.checks = *limits,
        }
        Ok(())
    }

    fn add_credit(
        &mut self,
        entry: &Entry,
        account: &AccountId,
        terms: &Terms,
        code: Option<String>,
    ) -> Result<&mut CreditRecord, Broken> {
        let total = self.issued.entry(terms.currency).or_default();
        *total += terms.amount;
        if *total >= Money::TOTAL_LIMIT {
            return Err(Broken::TooMuch {
                entry: entry.number,
                currency: terms.currency,
            });
        }
        let id = CreditId::made_by(entry.number);
        let credit = Credit {
            id,
            account: account.clone(),
            terms: terms.clone(),
        };
        let record = CreditRecord::new(credit, code, entry.effective);
        Ok(self.credits.entry(id).or_insert(record))
    }

    /// Puts a credit where what spend earned is found.
    pub(crate) fn note_reward(&mut self, credit: CreditId) {
        let Some(record) = self.credits.get(&credit) else {
            return;
        };
        if let (Some(Merit::Spend(bill)), Some(offer)) =
            (&record.earned_by, &record.credit.terms.offer)
        {
            let of_offer = self.rewards.entry(offer.clone()).or_default();
            of_offer.entry(bill.clone()).or_default().insert(credit);
        }
    }

    /// Parts keep the dates and the scope of the whole; what they are worth leaves it. Whose it was,
    /// who might use it and whether it was paused holds of them too, on any day: bills of months
    /// before ask for it.
    fn split(&mut self, entry: &Entry, credit: CreditId, parts: &[Part]) -> Result<(), Broken> {
        let total = parts.iter().map(|part| part.amount).sum();
        let whole = self.use_up(entry, credit, total, Movement::Split)?.clone();
        for (at, part) in (1..).zip(parts) {
            let id = CreditId {
                entry: entry.number,
                part: at,
            };
            let terms = Terms {
                name: part.name.clone(),
                amount: part.amount,
                used_before: Money::ZERO,
                reference: part.reference.clone(),
                ..whole.credit.terms.clone()
            };
            let credit = Credit {
                id,
                account: whole.credit.account.clone(),
                terms,
            };
            let record = CreditRecord {
                paused: whole.paused.clone(),
                owners: whole.owners.clone(),
                sharings: whole.sharings.clone(),
                word: whole.word.clone(),
                earned_by: whole.earned_by.clone(),
                split_from: Some(whole.credit.id),
                ..CreditRecord::new(credit, None, entry.effective)
            };
            if !part.amount.is_positive() || self.credits.insert(id, record).is_some() {
                return Err(Broken::Twice {
                    entry: entry.number,
                    name: id.to_string(),
                });
            }
            self.note_reward(id);
        }
        Ok(())
    }

    fn offer_mut(&mut self, number: u64, offer: &OfferId) -> Result<&mut OfferState, Broken> {
        self.offers.get_mut(offer).ok_or_else(|| Broken::Unknown {
            entry: number,
            name: offer.to_string(),
        })
    }

    fn credit_mut(&mut self, number: u64, credit: CreditId) -> Result<&mut CreditRecord, Broken> {
        self.credits
            .get_mut(&credit)
            .ok_or_else(|| Broken::Unknown {
                entry: number,
                name: credit.to_string(),
            })
    }

    fn use_up(
        &mut self,
        entry: &Entry,
        credit: CreditId,
        amount: Money,
        movement: Movement,
    ) -> Result<&mut CreditRecord, Broken> {
        let record = self.credit_mut(entry.number, credit)?;
        let left = record.left;
        if !amount.is_positive() || amount > left {
            return Err(Broken::Overdrawn {
                entry: entry.number,
                credit,
                amount,
                left,
            });
        }
        record.left -= amount;
        record.moved.push(Moved {
            entry: entry.number,
            effective: entry.effective,
            movement,
            amount,
        });
        Ok(record)
    }

    fn put_bill(
        &mut self,
        entry: &Entry,
        record: &BillRecord,
        status: Status,
    ) -> Result<(), Broken> {
        let state = BillState {
            status,
            entry: entry.number,
            effective: entry.effective,
            reference: record.reference.as_deref().map(Box::from),
            basis: record.basis,
            totals: record.totals,
        };
        self.check_open(entry, &record.id)?;
        match self.bills.insert(record.id.clone(), state) {
            Some(before) if before.status == Status::Final => Err(Broken::Twice {
                entry: entry.number,
                name: record.id.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn book(&mut self, entry: &Entry, booking: &Booking) -> Result<(), Broken> {
        let record = &booking.bill;
        let applied: Money = booking
            .applied
            .iter()
            .map(|allocation| allocation.amount)
            .sum();
        let totals = &record.totals;
        let mut balanced =
            applied == totals.credits && totals.credits + totals.card == totals.charges;
        for allocation in &booking.applied {
            let used = self.use_up(
                entry,
                allocation.credit,
                allocation.amount,
                Movement::Applied,
            )?;
            balanced &= used.credit.terms.currency == record.id.currency;
        }
        if !balanced {
            return Err(Broken::Unbalanced {
                entry: entry.number,
                bill: record.id.clone(),
            });
        }
        self.put_bill(entry, record, Status::Final)
    }

    /// Whether bills of a month do not change any more.
    #[must_use]
    pub fn is_closed(&self, month: Month) -> bool {
        self.closed_until.is_some_and(|until| month <= until)
    }

    fn check_open(&self, entry: &Entry, bill: &BillId) -> Result<(), Broken> {
        if self.is_closed(bill.month) {
            return Err(Broken::Closed {
                entry: entry.number,
                bill: bill.clone(),
            });
        }
        Ok(())
    }

    /// Gives back exactly what the entry that is reversed had used.
    fn reverse(&mut self, entry: &Entry, reversal: &Reversal) -> Result<(), Broken> {
        let (number, id) = (entry.number, &reversal.bill);
        self.check_open(entry, id)?;
        let record = self
            .bills
            .remove(id)
            .filter(|record| record.entry == reversal.recorded_in);
        let record = record.ok_or_else(|| Broken::Unknown {
            entry: number,
            name: id.to_string(),
        })?;
        let mut balanced = true;
        let mut total = Money::ZERO;
        for Allocation { credit, amount } in &reversal.given_back {
            let credit = self.credit_mut(number, *credit)?;
            balanced &= amount.is_positive() && credit.used_by(record.entry) == *amount;
            total += *amount;
            credit.left += *amount;
            credit.moved.push(Moved {
                entry: number,
                effective: entry.effective,
                movement: Movement::Returned,
                amount: *amount,
            });
        }
        if !balanced || total != record.totals.credits {
            return Err(Broken::Unbalanced {
                entry: number,
                bill: id.clone(),
            });
        }
        Ok(())
    }

    /// Every credit as it stands at the head for bills of a month, in the order of entries (rule
    /// A1). Not those that were made good for one bill.
    #[must_use]
    pub fn standings(&self, month: Month) -> Vec<Standing<'_>> {
        let records = self.credits.values();
        records
            .filter(|record| record.made_for.is_none())
            .map(|record| record.standing(month, record.left))
            .collect()
    }

    /// The credits that were made good for a bill, as they stand at the head.
    #[must_use]
    pub fn made_for(&self, bill: &BillId) -> Vec<Standing<'_>> {
        let records = self.credits.values();
        records
            .filter(|record| record.made_for.as_ref() == Some(bill))
            .map(|record| record.standing(bill.month, record.left))
            .collect()
    }

    /// The open bills that count on a day, in month order.
    pub fn estimates(&self, as_of: NaiveDate) -> impl Iterator<Item = (&BillId, &BillState)> {
        let open =
            move |bill: &BillState| bill.status == Status::Estimated && bill.effective <= as_of;
        self.bills.iter().filter(move |(_, bill)| open(bill))
    }

    /// The same without what counts from later on only: bills, and what was used of credits. What is
    /// dated by itself stays, credits that have not started among it.
    #[must_use]
    pub fn as_of(&self, day: NaiveDate) -> State {
        let mut state = self.clone();
        state.bills.retain(|_, bill| bill.effective <= day);
        // What parts are worth was still the credit's that was split.
        let is_there = |record: &CreditRecord| record.split_from.is_none() || record.since <= day;
        state.credits.retain(|_, record| is_there(record));
        for record in state.credits.values_mut() {
            record.left = record.left_on(day);
            record.moved.retain(|moved| moved.effective <= day);
        }
        state
    }

    /// What names of services mean, to whoever reads a document now.
    #[must_use]
    pub fn service_names(&self) -> ServiceNames {
        self.service_names_on(NaiveDate::MAX)
    }

    /// What names of services meant at the end of a day.
    #[must_use]
    pub fn service_names_on(&self, day: NaiveDate) -> ServiceNames {
        let aliases = self.service_aliases.iter();
        ServiceNames::new(aliases.filter(|alias| alias.effective <= day))
    }

    /// The accounts that anything is on record of: owners, payers, and those set.
    #[must_use]
    pub fn known_accounts(&self) -> BTreeSet<&AccountId> {
        let owners = self.credits.values().flat_map(CreditRecord::owners);
        let payers = self.bills.keys().map(|bill| &bill.payer);
        self.accounts
            .by_id
            .keys()
            .chain(owners)
            .chain(payers)
            .collect()
    }
}
