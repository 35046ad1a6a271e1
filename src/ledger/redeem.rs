//! Codes: put on record, revoked, and turned into credits.

use chrono::NaiveDate;

use crate::money::Money;

use super::credit::Terms;
use super::decide::{Desk, check_terms};
use super::eligibility::{Taken, shut};
use super::entry::{CodeMark, Entry, Event};
use super::names::{AccountId, CreditId, OfferId};
use super::offer::{Makes, Offer};
use super::refusal::Refusal;
use super::state::State;

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
                on: entry.effective,
            },
            Event::CodeRevoked { offer, .. } => CodeState::Revoked {
                offer: offer.clone(),
                on: entry.effective,
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
        } => Err(redeemed(code, credit, account, on)),
    }
}

/// That a code is used up.
fn redeemed(code: CodeMark, credit: CreditId, account: AccountId, on: NaiveDate) -> Refusal {
    Refusal::AlreadyRedeemed {
        last: code.last,
        credit,
        account,
        on,
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
        } => Err(redeemed(code, credit, account, on)),
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
            return Err(redeemed(code, credit, account, on));
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
