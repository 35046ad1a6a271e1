//! An entry of the journal: one recorded event.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};

use crate::money::Money;
use crate::period::Month;

use super::account::AccountChange;
use super::bill::Bill;
use super::credit::{Sharing, Terms};
use super::limits::Limits;
use super::names::{AccountId, BillId, CreditId, OfferId, Service};
use super::offer::Offer;
use super::rules::Rules;
use super::statement::{Allocation, Statement, Totals};

/// Sixteen random bytes that tell one ledger from another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LedgerId(pub [u8; 16]);

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A code as the ledger knows it: a hash, and its last symbols for people. The code itself is
/// never kept.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeMark {
    /// SHA-256 over the ledger id and the code.
    pub hash: [u8; 32],
    /// The last four symbols, fewer of a short code.
    pub last: String,
}

impl fmt::Debug for CodeMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…{}", self.last)
    }
}

/// On what it rests which credits pay a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// On the rule of application.
    Rules,
    /// On the provider's own credit rows in the bill.
    AsBilled,
}

impl Basis {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Basis::Rules => "rules",
            Basis::AsBilled => "as_billed",
        }
    }
}

/// What is recorded of every bill. Its charges are kept with the entry, but out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillRecord {
    /// Payer, month and currency.
    pub id: BillId,
    /// The provider's own id.
    pub reference: Option<String>,
    /// On what it rests which credits pay it.
    pub basis: Basis,
    /// What it comes to; of an estimate before any credit, since what those pay is worked out on
    /// reading.
    pub totals: Totals,
}

/// A final bill with what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// The bill.
    pub bill: BillRecord,
    /// What it was decided under.
    pub rules: Rules,
    /// What each credit paid, in burn order.
    pub applied: Vec<Allocation>,
}

/// Why a bill was taken off the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Somebody reversed it, for this reason.
    Reversed(String),
    /// The same bill with other charges follows.
    Amended,
    /// It is decided anew, after a correction before it or a credit recorded late.
    DecidedAnew,
}

/// A bill taken off the record, exactly as it was put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    /// The bill.
    pub bill: BillId,
    /// The entry that recorded it.
    pub recorded_in: u64,
    /// What each credit gets back: all that it paid of the bill. Nothing of an estimate.
    pub given_back: Vec<Allocation>,
    /// Why.
    pub cause: Cause,
}

/// A part of a credit that was split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is called.
    pub name: String,
    /// What it is worth, above zero.
    pub amount: Money,
    /// The provider's own id.
    pub reference: Option<String>,
}

/// What the provider says of a credit that may change; nothing where it says the same as before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// Whether it takes part in bills.
    pub enabled: Option<bool>,
    /// Whose it is.
    pub owner: Option<AccountId>,
    /// Who else may use it.
    pub sharing: Option<Sharing>,
}

/// What a credit was earned by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merit {
    /// By what this bill comes to.
    Spend(BillId),
    /// By what an offer asks for, of which this is the evidence.
    Completed(String),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The ledger began.
    Opened(LedgerId),
    /// A credit was put on record.
    Granted {
        /// The account it was issued to.
        account: AccountId,
        /// What it says.
        terms: Terms,
    },
    /// A code was turned into a credit.
    Redeemed {
        /// The account it was issued to.
        account: AccountId,
        /// What it says.
        terms: Terms,
        /// The code.
        code: CodeMark,
    },
    /// A credit was earned by an offer's rule.
    Earned {
        /// The account that earned it.
        account: AccountId,
        /// What it says.
        terms: Terms,
        /// What it was earned by.
        by: Merit,
    },
    /// An offer was put on record.
    OfferAdded(Offer),
    /// A code that somebody issued was put on record.
    CodeAdded {
        /// Its terms.
        offer: OfferId,
        /// The code.
        code: CodeMark,
    },
    /// A code that nobody redeemed was taken back: it cannot be redeemed any more.
    CodeRevoked {
        /// Its offer.
        offer: OfferId,
        /// The code.
        code: CodeMark,
        /// Why, if that was said.
        reason: Option<String>,
    },
    /// A bill of an open month: it reserves.
    BillEstimated(BillRecord),
    /// A final bill was booked.
    BillBooked(Booking),
    /// A bill was taken off the record.
    BillReversed(Reversal),
    /// This month and all before it were closed: no bill of them changes any more.
    MonthClosed(Month),
    /// This month and all after it were opened again.
    MonthReopened(Month),
    /// What was left of a credit was taken away.
    CreditVoided {
        /// The credit.
        credit: CreditId,
        /// How much that was, above zero.
        amount: Money,
        /// Why.
        reason: String,
    },
    /// Less of a credit was earned than was put on record; the rest of it stays.
    CreditReduced {
        /// The credit.
        credit: CreditId,
        /// By how much, above zero.
        amount: Money,
        /// Why.
        reason: String,
    },
    /// A credit takes no part in bills from now on.
    CreditPaused(CreditId),
    /// A credit takes part again.
    CreditResumed(CreditId),
    /// A credit became another account's; who else may use it is as by default again.
    CreditTransferred {
        /// The credit.
        credit: CreditId,
        /// Its new owner.
        to: AccountId,
    },
    /// Who but its owner may use a credit changed.
    CreditShared {
        /// The credit.
        credit: CreditId,
        /// Who may.
        sharing: Sharing,
    },
    /// A credit was put on record since the provider applied it to a bill that is booked as billed,
    /// and no credit on record can have been meant: it pays that bill only.
    CreditMadeGood {
        /// Whose it is by the provider's row.
        account: AccountId,
        /// What it says.
        terms: Terms,
        /// The bill.
        bill: BillId,
    },
    /// A credit was split into parts, which take over what they are worth.
    CreditSplit {
        /// The credit.
        credit: CreditId,
        /// Its parts, which are `C12.1`, `C12.2` where this is entry 12.
        parts: Vec<Part>,
    },
    /// The provider says something else of a credit than before.
    ProviderSaid {
        /// The credit.
        credit: CreditId,
        /// What it says otherwise.
        word: Word,
    },
    /// Credit rows of the provider that are called so mean this credit.
    CreditMatched {
        /// What the rows are called.
        name: String,
        /// The credit.
        credit: CreditId,
    },
    /// What is on record of an account changed.
    AccountSet(AccountChange),
    /// From now on a name that is read stands for a service; what is recorded stays as it is.
    ServiceAliased {
        /// The name.
        alias: Service,
        /// The service, under its canonical name.
        service: Service,
    },
    /// From now on a check looks for this where nobody says what; for nothing, if no limit is set.
    ChecksSet(Limits),
}

impl Event {
    /// Its kind, as the journal names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Opened(_) => "opened",
            Event::Granted { .. } => "credit_granted",
            Event::Redeemed { .. } => "code_redeemed",
            Event::Earned { .. } => "credit_earned",
            Event::OfferAdded(_) => "offer_added",
            Event::CodeAdded { .. } => "code_added",
            Event::CodeRevoked { .. } => "code_revoked",
            Event::BillEstimated(_) => "bill_estimated",
            Event::BillBooked(_) => "bill_booked",
            Event::BillReversed(_) => "bill_reversed",
            Event::MonthClosed(_) => "month_closed",
            Event::MonthReopened(_) => "month_reopened",
            Event::CreditVoided { .. } => "credit_voided",
            Event::CreditReduced { .. } => "credit_reduced",
            Event::CreditPaused(_) => "credit_paused",
            Event::CreditResumed(_) => "credit_resumed",
            Event::CreditTransferred { .. } => "credit_transferred",
            Event::CreditShared { .. } => "credit_shared",
            Event::CreditMadeGood { .. } => "credit_made_good",
            Event::CreditSplit { .. } => "credit_split",
            Event::ProviderSaid { .. } => "provider_said",
            Event::CreditMatched { .. } => "credit_matched",
            Event::AccountSet(_) => "account_set",
            Event::ServiceAliased { .. } => "service_aliased",
            Event::ChecksSet(_) => "checks_set",
        }
    }
}

/// One recorded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From 1, without gaps.
    pub number: u64,
    /// The number of the first entry of the command that recorded it.
    pub command: u64,
    /// When it was recorded.
    pub recorded: DateTime<Utc>,
    /// From when on it counts.
    pub effective: NaiveDate,
    /// What happened.
    pub event: Event,
}

/// The charges that an entry keeps beside itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lines {
    /// Of an estimate: the charges alone.
    Bill(Bill),
    /// Of a final bill: the charges and who pays them.
    Statement(Statement),
}

impl Lines {
    /// The bill.
    #[must_use]
    pub fn bill(&self) -> &Bill {
        match self {
            Lines::Bill(bill) => bill,
            Lines::Statement(statement) => &statement.bill,
        }
    }

    /// The bill alone.
    #[must_use]
    pub fn into_bill(self) -> Bill {
        match self {
            Lines::Bill(bill) => bill,
            Lines::Statement(statement) => statement.bill,
        }
    }
}

/// An entry to be appended, with its charges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The entry.
    pub entry: Entry,
    /// Its charges, if it is of a bill.
    pub lines: Option<Lines>,
}
