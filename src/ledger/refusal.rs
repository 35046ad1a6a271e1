//! Why a request is refused by a rule of the ledger: facts, which the command puts into advice.

use chrono::NaiveDate;
use thiserror::Error;

use crate::money::Money;
use crate::period::Month;

use super::account::AccountError;
use super::bill::Difference;
use super::entry::Basis;
use super::names::{AccountId, BillId, CreditId, Currency, OfferId, Service};
use super::offer::Lacks;
use super::split::Unsplittable;
use super::state::Broken;

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
    /// The code stands twice among those that are to be redeemed.
    #[error("code ending in `{last}` is on line {line} already")]
    AlreadyRedeemedHere {
        /// Its last symbols.
        last: String,
        /// Where it stands first.
        line: u64,
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
