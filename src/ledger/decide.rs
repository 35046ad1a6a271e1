//! Decisions: what a request puts on record, or why it is refused.
//!
//! A [`Desk`] is a state about to be added to. Each decision posts its entries to the state as it
//! goes, so that the next one of the same command sees them, and so that an entry which breaks an
//! invariant is stopped here, before anything is written.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use thiserror::Error;

use crate::catalog::{self, comparable};
use crate::money::Money;
use crate::period::Month;

use super::account::{AccountChange, AccountError};
use super::bill::Difference;
use super::credit::Terms;
use super::earn::Taken;
use super::eligibility::shut;
use super::entry::{Basis, CodeMark, Entry, Event, Lines, Proposal};
use super::names::{AccountId, BillId, CreditId, Currency, OfferId, Service};
use super::offer::{Lacks, Makes, Offer};
use super::rules::Rules;
use super::services::ServiceAlias;
use super::split::Unsplittable;
use super::state::{Broken, CreditRecord, State};

/// A state about to be added to by one command.
#[derive(Debug)]
pub struct Desk {
    /// What the journal says, the entries proposed so far included.
    pub state: State,
    /// The entries proposed so far.
    pub proposals: Vec<Proposal>,
    command: u64,
    now: DateTime<Utc>,
    /// The day on which the command is done.
    pub today: NaiveDate,
}

impl Desk {
    /// A desk over a state, for a command given at `now`, which counts as the day `today`.
    #[must_use]
    pub fn new(state: State, now: DateTime<Utc>, today: NaiveDate) -> Desk {
        Desk {
            command: state.head + 1,
            state,
            proposals: Vec::new(),
            now,
            today,
        }
    }

    /// Proposes an entry and posts it; returns its number.
    ///
    /// # Errors
    /// An entry that breaks an invariant.
    pub fn propose(
        &mut self,
        effective: NaiveDate,
        event: Event,
        lines: Option<Lines>,
    ) -> Result<u64, Broken> {
        let number = self.state.head + 1;
        let entry = Entry {
            number,
            command: self.command,
            recorded: self.now,
            effective,
            event,
        };
        self.state.post(&entry)?;
        self.proposals.push(Proposal { entry, lines });
        Ok(number)
    }
}

/// Why a request is refused by a rule of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No credit by that id.
    #[error("credit `{0}` is not on record")]
    UnknownCredit(CreditId),
    /// No bill by that id.
    #[error("bill {0} is not on record")]
    UnknownBill(BillId),
    /// No offer by that id.
    #[error("offer `{0}` is not on record")]
    UnknownOffer(OfferId),
    /// The code looks like one that was minted, and is none. Nothing is shown of it: where a symbol
    /// was left out, its last four are not those that are meant to be seen.
    #[error("the code is mistyped: its check symbol does not fit the others")]
    MistypedCode,
    /// No code like that, and no terms to make a credit from.
    #[error("code ending in `{last}` is not on record")]
    UnknownCode {
        /// Its last symbols.
        last: String,
    },
    /// The code was taken back.
    #[error("code ending in `{last}` of offer `{offer}` was revoked on {on}")]
    CodeRevoked {
        /// Its last symbols.
        last: String,
        /// Its offer.
        offer: OfferId,
        /// When.
        on: NaiveDate,
    },
    /// The code is used up.
    #[error(
        "code ending in `{last}` was redeemed by account `{account}` on {on}, as credit `{credit}`"
    )]
    AlreadyRedeemed {
        /// Its last symbols.
        last: String,
        /// The credit it became.
        credit: CreditId,
        /// Whose that is.
        account: AccountId,
        /// When.
        on: NaiveDate,
    },
    /// Another offer is already on record under this id.
    #[error("offer `{0}` is on record with other terms")]
    OfferDiffers(OfferId),
    /// The code is already on record.
    #[error("code ending in `{last}` is already on record, of offer `{offer}`")]
    CodeOnRecord {
        /// Its last symbols.
        last: String,
        /// Its offer.
        offer: OfferId,
    },
    /// The code belongs to another offer than the one named.
    #[error("code ending in `{last}` is of offer `{offer}`, not of `{named}`")]
    OtherOffer {
        /// Its last symbols.
        last: String,
        /// Its offer.
        offer: OfferId,
        /// The offer named.
        named: OfferId,
    },
    /// The offer makes its credits in another way.
    #[error("offer `{offer}` makes credits {how}")]
    MadeOtherwise {
        /// The offer.
        offer: OfferId,
        /// By what it does.
        how: &'static str,
    },
    /// Too late for the offer.
    #[error("offer `{offer}` could be redeemed until {until}")]
    OfferClosed {
        /// The offer.
        offer: OfferId,
        /// The last day.
        until: NaiveDate,
    },
    /// The account may not redeem the offer.
    #[error("account `{account}` is not eligible for offer `{offer}`: {lacks}")]
    NotEligible {
        /// The account.
        account: AccountId,
        /// The offer.
        offer: OfferId,
        /// What is missing.
        lacks: Lacks,
    },
    /// No more codes are taken.
    #[error("offer `{offer}` is limited to {limit} {}", if *.per_account { "per account" } else { "in all" })]
    LimitReached {
        /// The offer.
        offer: OfferId,
        /// How many.
        limit: u64,
        /// For one account, or for all together.
        per_account: bool,
    },
    /// A credit would end before it starts.
    #[error("the credit would end on {end}, before it starts on {start}")]
    EndsBeforeItStarts {
        /// Its first day.
        start: NaiveDate,
        /// Its last day.
        end: NaiveDate,
    },
    /// A credit would end beyond the year 9999.
    #[error("the credit would end after the year 9999")]
    EndsTooLate,
    /// More was used before the ledger began than there was.
    #[error("used {used} is more than the amount {amount}")]
    UsedTooMuch {
        /// What was used.
        used: Money,
        /// What there was.
        amount: Money,
    },
    /// All credits together are more than can be counted.
    #[error("all credits in {0} together would reach 10^19")]
    TooMuch(Currency),
    /// The bill is booked with other charges.
    #[error("bill {bill} is already applied, in entry {entry}, with other charges")]
    BillDiffers {
        /// The bill.
        bill: BillId,
        /// The entry that booked it.
        entry: u64,
        /// How the charges differ; ours are those of the new bill.
        differences: Vec<Difference>,
    },
    /// The same bill is booked, and what pays it was decided otherwise.
    #[error("bill {bill} is already applied, in entry {entry}, {}", match .basis {
        Basis::Rules => "by the rule of application, not as billed",
        Basis::AsBilled => "as billed, not by the rule of application",
    })]
    OtherBasis {
        /// The bill.
        bill: BillId,
        /// The entry that booked it.
        entry: u64,
        /// On what that rests.
        basis: Basis,
    },
    /// An estimate for a month that is final.
    #[error(
        "bill {bill} is final since entry {entry}, an estimate with other charges cannot follow"
    )]
    AlreadyFinal {
        /// The bill.
        bill: BillId,
        /// The entry that booked it.
        entry: u64,
        /// How the charges differ; ours are those of the new bill.
        differences: Vec<Difference>,
    },
    /// A later month is booked.
    #[error("bill {bill} comes late: {later} is already booked")]
    OutOfOrder {
        /// The bill.
        bill: BillId,
        /// The last bill booked.
        later: BillId,
    },
    /// Bills of the month do not change any more.
    #[error("{month} is closed: {}", closed(*.month, *.until))]
    MonthClosed {
        /// The month.
        month: Month,
        /// The last closed month.
        until: Month,
    },
    /// Nothing is left of the credit.
    #[error("credit `{credit}` has nothing left to void: it is {status}")]
    NothingToVoid {
        /// The credit.
        credit: CreditId,
        /// What it is instead.
        status: &'static str,
    },
    /// The credit takes part in nothing any more.
    #[error("credit `{0}` is voided, nothing about it changes any more")]
    CreditVoided(CreditId),
    /// The credit may not become another account's.
    #[error("credit `{credit}` cannot become account `{to}`'s: {why}")]
    NotTransferable {
        /// The credit.
        credit: CreditId,
        /// The account that would own it.
        to: AccountId,
        /// Why not.
        why: Untransferable,
    },
    /// The credit may not be split, or not so.
    #[error("credit `{credit}` cannot be split: {}", words(.whys, *.currency))]
    NotSplittable {
        /// The credit.
        credit: CreditId,
        /// Its currency.
        currency: Currency,
        /// Why not.
        whys: Vec<Unsplittable>,
        /// Amounts of parts into which it could be.
        fits: Vec<Money>,
    },
    /// The catalogue knows the name as that of another service.
    #[error("`{alias}` is a name of service `{code}` already")]
    ServiceKnown {
        /// The name.
        alias: Service,
        /// What it stands for.
        code: Service,
    },
    /// Another name stands for the service that the name would not be any more.
    #[error("`{alias}` is what alias `{other}` stands for")]
    ServiceMeant {
        /// The name.
        alias: Service,
        /// The other one.
        other: Service,
    },
    /// The account cannot be changed so.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The decision would break an invariant: a fault of this program, stopped in time.
    #[error("stopped before anything was recorded: {0}")]
    Broken(Broken),
}

/// Why a credit may not become another account's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Untransferable {
    /// It is that account's.
    #[error("it is that account's already")]
    Owner,
    /// It can be used no more.
    #[error("it is {0}")]
    Status(&'static str),
    /// It was split, its parts can be transferred instead.
    #[error("it was split, in entry {0}")]
    Split(u64),
    /// Open bills reserve all that is left of it.
    #[error("open bills reserve all that is left of it")]
    Reserved,
    /// Its offer says so.
    #[error("its offer `{0}` does not allow it")]
    Offer(OfferId),
    /// The two accounts have not the same payer.
    #[error("its owner `{owner}` is billed to {payer}, the account to {other}")]
    OtherPayer {
        /// Its owner.
        owner: AccountId,
        /// Who is billed for the owner.
        payer: AccountId,
        /// Who is billed for the account.
        other: AccountId,
    },
}

fn words(whys: &[Unsplittable], currency: Currency) -> String {
    let whys: Vec<String> = whys.iter().map(|why| why.words(currency)).collect();
    whys.join("; ")
}

fn closed(month: Month, until: Month) -> String {
    if month == until {
        "its bills do not change any more".to_owned()
    } else {
        format!("all months up to {until} are, their bills do not change any more")
    }
}

impl From<Broken> for Refusal {
    fn from(broken: Broken) -> Refusal {
        match broken {
            Broken::Account { source, .. } => Refusal::Account(source),
            Broken::TooMuch { currency, .. } => Refusal::TooMuch(currency),
            other => Refusal::Broken(other),
        }
    }
}

/// Records a credit.
///
/// # Errors
/// Dates in the wrong order, more used than there was, more credit than can be counted.
pub fn grant(desk: &mut Desk, account: AccountId, terms: Terms) -> Result<CreditId, Refusal> {
    check_terms(&terms)?;
    let effective = terms.start_date;
    let number = desk.propose(effective, Event::Granted { account, terms }, None)?;
    Ok(CreditId::made_by(number))
}

fn check_terms(terms: &Terms) -> Result<(), Refusal> {
    if let Some(end) = terms.end_date
        && end < terms.start_date
    {
        return Err(Refusal::EndsBeforeItStarts {
            start: terms.start_date,
            end,
        });
    }
    if terms.used_before > terms.amount {
        return Err(Refusal::UsedTooMuch {
            used: terms.used_before,
            amount: terms.amount,
        });
    }
    Ok(())
}

/// Records an offer; nothing where the same offer is on record.
///
/// # Errors
/// Another offer under the same id.
pub fn add_offer(desk: &mut Desk, offer: Offer) -> Result<(), Refusal> {
    let names = desk.state.service_names();
    match desk.state.offers.get(&offer.id) {
        // An alias does not make another offer of it.
        Some(known) if known.offer == offer || same_terms(&names.offer(&known.offer), &offer) => {
            Ok(())
        }
        Some(_) => Err(Refusal::OfferDiffers(offer.id)),
        None => {
            desk.propose(desk.today, Event::OfferAdded(offer), None)?;
            Ok(())
        }
    }
}

/// Whether two offers say the same, wherever that stands.
fn same_terms(one: &Offer, other: &Offer) -> bool {
    let source = other.source.clone();
    Offer {
        source,
        ..one.clone()
    } == *other
}

/// Records which credit the provider's credit rows of a name mean; nothing where that is so.
///
/// # Errors
/// An unknown credit.
pub fn match_credit(desk: &mut Desk, name: String, credit: CreditId) -> Result<(), Refusal> {
    if !desk.state.credits.contains_key(&credit) {
        return Err(Refusal::UnknownCredit(credit));
    }
    if desk.state.matches.get(&name) != Some(&credit) {
        desk.propose(desk.today, Event::CreditMatched { name, credit }, None)?;
    }
    Ok(())
}

/// What the journal says of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeState {
    /// Nothing.
    Unknown,
    /// Nothing, and it looks like a minted code with a typing error.
    Mistyped,
    /// It is of this offer, and can be redeemed.
    Added {
        /// Its offer.
        offer: OfferId,
        /// The entry that recorded it.
        entry: u64,
    },
    /// It was redeemed.
    Redeemed {
        /// The credit it became.
        credit: CreditId,
        /// Whose that is.
        account: AccountId,
        /// When.
        on: NaiveDate,
    },
    /// It was taken back.
    Revoked {
        /// Its offer.
        offer: OfferId,
        /// When.
        on: NaiveDate,
    },
}

impl CodeState {
    /// What entries about one code say of it, in the order of their numbers.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> CodeState {
        entries.into_iter().fold(CodeState::Unknown, Self::after)
    }

    /// What is to be said of the code after one more entry about it.
    #[must_use]
    pub fn after(self, entry: &Entry) -> CodeState {
        match &entry.event {
            Event::CodeAdded { offer, .. } => CodeState::Added {
                offer: offer.clone(),
                entry: entry.number,
            },
            Event::Redeemed { account, .. } => CodeState::Redeemed {
                credit: CreditId::made_by(entry.number),
                account: account.clone(),
                on: entry.recorded.date_naive(),
            },
            Event::CodeRevoked { offer, .. } => CodeState::Revoked {
                offer: offer.clone(),
                on: entry.recorded.date_naive(),
            },
            _ => self,
        }
    }
}

/// Records a code of an offer; `known` is what the journal says of it. Returns the entry that
/// records it, and whether it is new. One that looks mistyped may be somebody else's.
///
/// # Errors
/// An unknown offer, and a code that is on record of another offer, revoked or redeemed.
pub fn add_code(
    desk: &mut Desk,
    offer: &OfferId,
    code: CodeMark,
    known: CodeState,
) -> Result<(u64, bool), Refusal> {
    let unknown = || Refusal::UnknownOffer(offer.clone());
    code_worth(&desk.state.offers.get(offer).ok_or_else(unknown)?.offer)?;
    match known {
        CodeState::Unknown | CodeState::Mistyped => {
            let entry = desk.propose(
                desk.today,
                Event::CodeAdded {
                    offer: offer.clone(),
                    code,
                },
                None,
            )?;
            Ok((entry, true))
        }
        CodeState::Added { offer: of, entry } if of == *offer => Ok((entry, false)),
        CodeState::Added { offer: of, .. } => Err(Refusal::CodeOnRecord {
            last: code.last,
            offer: of,
        }),
        CodeState::Revoked { offer, on } => Err(Refusal::CodeRevoked {
            last: code.last,
            offer,
            on,
        }),
        CodeState::Redeemed {
            credit,
            account,
            on,
        } => Err(Refusal::AlreadyRedeemed {
            last: code.last,
            credit,
            account,
            on,
        }),
    }
}

/// Takes a code back, so that nobody can redeem it; `known` is what the journal says of it.
/// Returns its offer, and whether it is new that it is revoked.
///
/// # Errors
/// A mistyped or unknown code, and one that is redeemed.
pub fn revoke_code(
    desk: &mut Desk,
    code: CodeMark,
    known: CodeState,
    reason: Option<String>,
) -> Result<(OfferId, bool), Refusal> {
    match known {
        CodeState::Mistyped => Err(Refusal::MistypedCode),
        CodeState::Unknown => Err(Refusal::UnknownCode { last: code.last }),
        CodeState::Redeemed {
            credit,
            account,
            on,
        } => Err(Refusal::AlreadyRedeemed {
            last: code.last,
            credit,
            account,
            on,
        }),
        CodeState::Revoked { offer, .. } => Ok((offer, false)),
        CodeState::Added { offer, .. } => {
            let event = Event::CodeRevoked {
                offer: offer.clone(),
                code,
                reason,
            };
            desk.propose(desk.today, event, None)?;
            Ok((offer, true))
        }
    }
}

/// What a code that is redeemed is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Worth {
    /// What its offer on record says.
    OnRecord,
    /// What this offer on record says, for a code issued outside.
    Offer(OfferId),
    /// These terms, for a code issued outside.
    Terms(Box<Terms>),
}

/// Turns a code into a credit on an account. `known` is what the journal says of the code.
///
/// # Errors
/// In this order: mistyped, unknown or revoked, already redeemed, closed, not eligible, limit
/// reached.
pub fn redeem(
    desk: &mut Desk,
    account: AccountId,
    code: CodeMark,
    known: CodeState,
    worth: Worth,
) -> Result<CreditId, Refusal> {
    let offer = match (known, worth) {
        (
            CodeState::Redeemed {
                credit,
                account,
                on,
            },
            _,
        ) => {
            return Err(Refusal::AlreadyRedeemed {
                last: code.last,
                credit,
                account,
                on,
            });
        }
        (CodeState::Mistyped, _) => return Err(Refusal::MistypedCode),
        (CodeState::Revoked { offer, on }, _) => {
            return Err(Refusal::CodeRevoked {
                last: code.last,
                offer,
                on,
            });
        }
        (CodeState::Unknown, Worth::OnRecord) => {
            return Err(Refusal::UnknownCode { last: code.last });
        }
        (CodeState::Unknown, Worth::Terms(terms)) => {
            check_terms(&terms)?;
            let effective = terms.start_date;
            let number = desk.propose(
                effective,
                Event::Redeemed {
                    account,
                    terms: *terms,
                    code,
                },
                None,
            )?;
            return Ok(CreditId::made_by(number));
        }
        (CodeState::Unknown, Worth::Offer(offer)) => offer,
        (CodeState::Added { offer, .. }, Worth::Offer(named)) if named != offer => {
            return Err(Refusal::OtherOffer {
                last: code.last,
                offer,
                named,
            });
        }
        (CodeState::Added { offer, .. }, Worth::Terms(_)) => {
            return Err(Refusal::CodeOnRecord {
                last: code.last,
                offer,
            });
        }
        (CodeState::Added { offer, .. }, _) => offer,
    };
    let start = desk.today;
    let terms = redeemed_terms(&desk.state, &offer, &account, start)?;
    let number = desk.propose(
        start,
        Event::Redeemed {
            account,
            terms,
            code,
        },
        None,
    )?;
    Ok(CreditId::made_by(number))
}

fn redeemed_terms(
    state: &State,
    offer: &OfferId,
    account: &AccountId,
    start: NaiveDate,
) -> Result<Terms, Refusal> {
    let unknown = || Refusal::UnknownOffer(offer.clone());
    let record = state.offers.get(offer).ok_or_else(unknown)?;
    let offer = &record.offer;
    let amount = code_worth(offer)?;
    let taken = Taken {
        own: record.redeemed.get(account).copied().unwrap_or_default(),
        all: record.redemptions_on(NaiveDate::MAX),
    };
    let shut = shut(offer, state.accounts.get(account), taken, start);
    if let Some(first) = shut.into_iter().next() {
        return Err(first.refusal(offer, account));
    }
    let end_date = offer.end_date(start).map_err(|_| Refusal::EndsTooLate)?;
    Ok(offer.credit_terms(amount, start, end_date))
}

/// What a code of an offer is worth.
fn code_worth(offer: &Offer) -> Result<Money, Refusal> {
    match offer.makes {
        Makes::ByCode(amount) => Ok(amount),
        _ => Err(Refusal::MadeOtherwise {
            offer: offer.id.clone(),
            how: offer.makes.how(),
        }),
    }
}

/// Takes away what is left of a credit, which may be one that has not started. Returns how much.
///
/// # Errors
/// An unknown credit, and one that is used up or past its end.
pub fn void(
    desk: &mut Desk,
    credit: CreditId,
    reason: String,
    rules: &Rules,
) -> Result<Money, Refusal> {
    let record = desk
        .state
        .credits
        .get(&credit)
        .ok_or(Refusal::UnknownCredit(credit))?;
    let amount = record.left;
    let ended = record
        .credit
        .terms
        .last_covered_day(rules)
        .is_some_and(|last| last < desk.today);
    let status = match (record.is_voided(), amount.is_zero(), ended) {
        (true, true, _) => Some("voided"),
        (_, true, _) => Some("exhausted"),
        (_, _, true) => Some("expired"),
        _ => None,
    };
    if let Some(status) = status {
        return Err(Refusal::NothingToVoid { credit, status });
    }
    take_away(desk, credit, reason, desk.today)?;
    Ok(amount)
}

/// Voids all that is left of a credit on a day, or on that of its last use if that is later.
pub(super) fn take_away(
    desk: &mut Desk,
    credit: CreditId,
    reason: String,
    on: NaiveDate,
) -> Result<(), Refusal> {
    let record = &desk.state.credits[&credit];
    let effective = last_use(record, on);
    let amount = record.left;
    let event = Event::CreditVoided {
        credit,
        amount,
        reason,
    };
    desk.propose(effective, event, None)?;
    Ok(())
}

/// A day, or that of a credit's last use if that is later; a use that came back is none. A part was
/// not there before it was split off.
pub(super) fn last_use(record: &CreditRecord, on: NaiveDate) -> NaiveDate {
    let on = match record.split_from {
        Some(_) => on.max(record.since),
        None => on,
    };
    // A reversal counts from the day of the booking it lifts, so that the two leave nothing of it.
    let mut used_on: BTreeMap<NaiveDate, Money> = BTreeMap::new();
    for moved in &record.moved {
        *used_on.entry(moved.effective).or_default() += moved.taken();
    }
    let mut last_first = used_on.into_iter().rev();
    let last_use = last_first.find(|(_, amount)| !amount.is_zero());
    last_use.map_or(on, |(day, _)| day.max(on))
}

/// Changes what is on record of an account.
///
/// # Errors
/// Memberships that would overlap, leaving where there is nothing to leave, payers that would lead
/// back to the account.
pub fn set_account(desk: &mut Desk, change: AccountChange) -> Result<(), Refusal> {
    let account = change.account.clone();
    let moves = change.moves();
    desk.propose(desk.today, Event::AccountSet(change), None)?;
    // Not asked of entries that are read: ledgers recorded circles before they were refused.
    match desk.state.accounts.circle(&account).filter(|_| moves) {
        Some(circle) => Err(circle.into()),
        None => Ok(()),
    }
}

/// Lets a name stand for a service from today on. The service may be named by any of its names;
/// a name that is its own service stands for itself again. Returns the alias that counts now, if
/// the name needs one, and whether it is new.
///
/// # Errors
/// A name that the catalogue knows as that of another service, and one that another alias stands
/// for: what an alias stands for never stands for something else.
pub fn alias_service(
    desk: &mut Desk,
    alias: &Service,
    service: &Service,
) -> Result<(Option<ServiceAlias>, bool), Refusal> {
    let names = desk.state.service_names();
    let same = |name: &Service| comparable(name.as_str()) == comparable(alias.as_str());
    let service = match same(service) {
        true => service.clone(),
        false => names.named(service).service,
    };
    let known = catalog::service(alias.as_str());
    if let Some(code) = known.and_then(|known| Service::new(known.code).ok()) {
        return match same(&service) || service == code {
            true => Ok((None, false)),
            false => Err(Refusal::ServiceKnown {
                alias: alias.clone(),
                code,
            }),
        };
    }
    if let Some(before) = names
        .alias(alias)
        .filter(|before| before.service == service)
    {
        return Ok((Some(before.clone()), false));
    }
    let mut others = names.aliases().filter(|other| !same(&other.alias));
    if let Some(other) = others.find(|other| same(&other.service) && !same(&service)) {
        return Err(Refusal::ServiceMeant {
            alias: alias.clone(),
            other: other.alias.clone(),
        });
    }
    let event = Event::ServiceAliased {
        alias: alias.clone(),
        service,
    };
    desk.propose(desk.today, event, None)?;
    Ok((desk.state.service_aliases.last().cloned(), true))
}
