//! Failures as the user meets them: a status, a kind, a message, a hint that can be pasted.

use std::fmt;

use credits_ledger::formats::{Damage, ReadError};
use credits_ledger::ledger::account::AccountError;
use credits_ledger::ledger::bill::Difference;
use credits_ledger::ledger::entry::Basis;
use credits_ledger::ledger::offer::Makes;
use credits_ledger::ledger::refusal::{Refusal, Untransferable};
use credits_ledger::store::StoreError;
use serde::Serialize;

use super::service::quoted;

/// Bad usage or unreadable input.
pub(crate) const USAGE: u8 = 2;
/// Refused by a rule of the ledger.
pub(crate) const REFUSED: u8 = 3;
/// Ledger unavailable or damaged.
pub(crate) const UNAVAILABLE: u8 = 4;
/// The answer could not be written, or it is not known which one is right.
pub(crate) const UNWRITTEN: u8 = 5;

/// What the operating system says, without its number.
pub(crate) fn io_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit status.
    pub(crate) status: u8,
    /// A word for programs.
    pub(crate) kind: &'static str,
    /// One sentence.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Failure {
    fn new(status: u8, kind: &'static str, message: impl Into<String>) -> Failure {
        Failure {
            status,
            kind,
            message: message.into(),
            hint: None,
        }
    }

    /// The command cannot be understood, or not as a whole.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(USAGE, "bad_usage", message)
    }

    /// A document cannot be read.
    pub(crate) fn input(message: impl Into<String>) -> Failure {
        Failure::new(USAGE, "bad_input", message)
    }

    /// The ledger is not there.
    pub(crate) fn no_ledger(path: &std::path::Path) -> Failure {
        let message = format!("there is no ledger at `{}`", path.display());
        Failure::new(UNAVAILABLE, "no_ledger", message).hint("`--ledger PATH` names another; the first `credits grant` or `credits redeem` makes one")
    }

    /// The answer could not be written.
    pub(crate) fn unwritten(message: impl Into<String>) -> Failure {
        Failure::new(UNWRITTEN, "unwritten", message)
    }

    /// With advice.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// Which ledger it is that the message only calls the ledger.
    pub(crate) fn of_ledger(mut self, path: &std::path::Path) -> Failure {
        if let Some(rest) = self.message.strip_prefix("the ledger ") {
            self.message = format!("ledger `{}` {rest}", path.display());
        }
        self
    }

    /// Where a document came from, before what is wrong with it.
    pub(crate) fn in_document(mut self, name: &str) -> Failure {
        self.message = format!("cannot read {name}: {}", self.message);
        self
    }

    /// As JSON, one line.
    pub(crate) fn json(&self) -> String {
        #[derive(Serialize)]
        struct Shape<'a> {
            status: u8,
            kind: &'a str,
            message: &'a str,
            hint: Option<&'a str>,
        }
        #[derive(Serialize)]
        struct Outer<'a> {
            error: Shape<'a>,
        }
        let shape = Shape {
            status: self.status,
            kind: self.kind,
            message: &self.message,
            hint: self.hint.as_deref(),
        };
        serde_json::to_string(&Outer { error: shape }).unwrap_or_default()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        let (kind, hint) = match &error {
            StoreError::Unavailable { .. } => (
                "ledger_unavailable",
                "nothing was recorded; run it again once that is mended, or name another ledger with `--ledger PATH`",
            ),
            StoreError::InDoubt { .. } => (
                "in_doubt",
                "once that is mended, `credits journal` shows whether it was recorded; look before you run it again",
            ),
            StoreError::Busy { .. } => (
                "ledger_busy",
                "try again, or wait longer with `--wait 60`; nothing was recorded",
            ),
            StoreError::NotALedger { .. } => (
                "not_a_ledger",
                "`credits --ledger PATH` names another file; this one was left as it is",
            ),
            StoreError::TooNew { .. } | StoreError::NewerEntry(_) => (
                "ledger_too_new",
                "install a newer version of `credits`; the ledger was left as it is",
            ),
            StoreError::Damaged(_) => (
                "ledger_damaged",
                "`credits verify` says what is wrong; restore the file from a copy, and keep this one",
            ),
        };
        // Of the statuses up to 4 nothing was changed.
        let status = match &error {
            StoreError::InDoubt { .. } => UNWRITTEN,
            _ => UNAVAILABLE,
        };
        let mut failure = Failure::new(status, kind, error.to_string());
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            let text = cause.to_string();
            if !failure.message.contains(&text) {
                failure.message = format!("{}: {text}", failure.message);
            }
            source = cause.source();
        }
        failure.hint(hint)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Failure {
        let failure = match &error {
            ReadError::Io(cause) => Failure::input(format!("{error}: {}", io_words(cause))),
            ReadError::GrossOrNet => Failure::new(USAGE, "gross_or_net", error.to_string()),
            ReadError::NoPayer => Failure::usage(error.to_string()),
            _ => Failure::input(error.to_string()),
        };
        match reading_hint(&error) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn reading_hint(error: &ReadError) -> Option<&'static str> {
    match error {
        ReadError::GrossOrNet => Some(
            "ask again with `--group-by Type=DIMENSION,Key=SERVICE Type=DIMENSION,Key=RECORD_TYPE`; \
             `--gross` takes the amounts to be before credits, as with `--filter \
             '{\"Not\": {\"Dimensions\": {\"Key\": \"RECORD_TYPE\", \"Values\": [\"Credit\"]}}}'`",
        ),
        ReadError::NoPayer => Some(
            "`--payer ID` says it; so does a default account, `credits account set ID --default`",
        ),
        ReadError::ZipNotFromFile => Some("write it to a file: `credits apply FILE`"),
        ReadError::Damaged(
            Damage::CutShort(_) | Damage::Damaged(..) | Damage::NoDirectory | Damage::SameNames,
        ) => Some("nothing was applied; fetch the document again"),
        ReadError::InEntry { why, .. } => reading_hint(why),
        _ => None,
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        let kind = refusal_kind(&refusal);
        let status = match &refusal {
            Refusal::EndsBeforeItStarts { .. }
            | Refusal::EndsTooLate
            | Refusal::UsedTooMuch { .. }
            | Refusal::UnknownCredit(_)
            | Refusal::UnknownBill(_)
            | Refusal::UnknownOffer(_) => USAGE,
            Refusal::Broken(_) => UNAVAILABLE,
            _ => REFUSED,
        };
        let mut failure = Failure::new(status, kind, refusal.to_string());
        if let Refusal::BillDiffers {
            bill, differences, ..
        }
        | Refusal::AlreadyFinal {
            bill, differences, ..
        } = &refusal
        {
            failure.message = format!(
                "{}: {}",
                failure.message,
                in_words(differences, bill.currency.minor_digits())
            );
        }
        match hint_for(&refusal) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn refusal_kind(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::UnknownCredit(_) => "unknown_credit",
        Refusal::UnknownBill(_) => "unknown_bill",
        Refusal::UnknownOffer(_) => "unknown_offer",
        Refusal::MistypedCode => "mistyped_code",
        Refusal::UnknownCode { .. } => "unknown_code",
        Refusal::CodeRevoked { .. } => "code_revoked",
        Refusal::AlreadyRedeemed { .. } | Refusal::AlreadyRedeemedHere { .. } => "already_redeemed",
        Refusal::OfferDiffers(_) => "offer_differs",
        Refusal::CodeOnRecord { .. } => "code_on_record",
        Refusal::OtherOffer { .. } => "other_offer",
        Refusal::MadeOtherwise { .. } => "made_otherwise",
        Refusal::OfferClosed { .. } => "offer_closed",
        Refusal::NotEligible { .. } => "not_eligible",
        Refusal::LimitReached { .. } => "limit_reached",
        Refusal::EndsBeforeItStarts { .. } | Refusal::EndsTooLate | Refusal::UsedTooMuch { .. } => {
            "bad_usage"
        }
        Refusal::TooMuch(_) => "too_much",
        Refusal::BillDiffers { .. } | Refusal::OtherBasis { .. } => "bill_differs",
        Refusal::AlreadyFinal { .. } => "already_final",
        Refusal::OutOfOrder { .. } => "out_of_order",
        Refusal::MonthClosed { .. } => "month_closed",
        Refusal::NothingToVoid { .. } => "nothing_to_void",
        Refusal::CreditVoided(_) => "credit_voided",
        Refusal::NotTransferable { .. } => "not_transferable",
        Refusal::NotSplittable { .. } => "not_splittable",
        Refusal::Account(_) => "account_conflict",
        Refusal::ServiceKnown { .. } | Refusal::ServiceMeant { .. } => "service_conflict",
        Refusal::Broken(_) => "broken_invariant",
    }
}

fn hint_for(refusal: &Refusal) -> Option<String> {
    Some(match refusal {
        Refusal::UnknownCredit(_) => "`credits list` shows the credits on record".to_owned(),
        Refusal::UnknownBill(_) => "`credits bills` shows the bills on record".to_owned(),
        Refusal::UnknownOffer(_) => "`credits offer list` shows the offers on record, `credits offer add FILE` records one".to_owned(),
        Refusal::MistypedCode => "type it again, group by group; somebody else's code that only looks like ours is recorded first: \
             `credits code add OFFER CODE`"
            .to_owned(),
        Refusal::CodeRevoked { offer, .. } => format!("a revoked code stays revoked; `credits code mint {offer}` makes a new one"),
        Refusal::UnknownCode { .. } => "a code from outside is redeemed with its terms: `credits redeem CODE --offer FILE`, or \
             `credits redeem CODE --kind promotional --amount 100 --end 2027-12-31`"
            .to_owned(),
        Refusal::AlreadyRedeemed { credit, .. } => format!("`credits show {credit}` shows what is left of it"),
        Refusal::CodeOnRecord { offer, .. } => format!("`credits redeem CODE` without terms takes those of offer `{offer}`"),
        Refusal::MadeOtherwise { offer, how } if *how == Makes::COMPLETED => {
            format!("`credits earn {offer} --evidence TEXT` records that it was completed")
        }
        Refusal::MadeOtherwise { offer, .. } => format!("`credits offer show {offer}` shows how"),
        Refusal::NotEligible { account, lacks, .. } => match lacks {
            credits_ledger::ledger::offer::Lacks::Attribute(needed) => {
                let one = needed.first().map(String::as_str).unwrap_or("NAME");
                format!("`credits account set {account} --attribute {one}` records that it is one")
            }
            credits_ledger::ledger::offer::Lacks::Country(needed) => {
                let one = needed.first().map(String::as_str).unwrap_or("CC");
                format!("`credits account set {account} --country {one}` records where it is")
            }
        },
        Refusal::BillDiffers { bill, .. } => {
            format!("`credits apply --amend` with this bill replaces it; `credits statement {bill}` shows what is booked")
        }
        Refusal::OtherBasis { basis, .. } => match basis {
            Basis::Rules => "`credits apply --amend --as-billed` with this bill books what the provider applied instead",
            Basis::AsBilled => "`credits apply --amend` with this bill decides it by the rule instead; with `--as-billed` it is the same bill again",
        }
        .to_owned(),
        Refusal::AlreadyFinal { bill, .. } => {
            format!("`credits statement {bill}` shows what is booked")
        }
        Refusal::OutOfOrder { .. } => "`credits apply --amend` books it in its place and decides later bills anew; nothing was recorded".to_owned(),
        Refusal::MonthClosed { month, .. } => format!("`credits reopen {month}` opens it again"),
        Refusal::OfferDiffers(id) => format!("`credits offer show {id}` shows what is on record; give the new terms another id"),
        Refusal::NotTransferable {
            to,
            why: Untransferable::OtherPayer { payer, .. },
            ..
        } => format!("`credits account set {to} --payer {payer} --joined DATE` records that it belongs to that payer"),
        Refusal::NotSplittable { credit, currency, fits, .. } if !fits.is_empty() => {
            let fits = fits.iter().map(|amount| amount.text(currency.minor_digits()));
            format!("`credits split {credit} {}` would do", fits.collect::<Vec<_>>().join(" "))
        }
        Refusal::CreditVoided(credit)
        | Refusal::NotSplittable { credit, .. }
        | Refusal::NotTransferable { credit, .. } => format!("`credits show {credit}` shows what is on record of it"),
        Refusal::Account(AccountError::MemberAlready { account, .. }) => {
            format!("`credits account set {account} --left DATE` ends that membership; after it another one can begin")
        }
        Refusal::Account(
            AccountError::JoinsBeforeThat { account, .. }
            | AccountError::LeavesBeforeThat { account, .. },
        ) => format!("`credits account show {account}` shows its memberships"),
        Refusal::Account(_) => "`credits account list` shows what is on record".to_owned(),
        Refusal::ServiceKnown { code, .. } => format!("`credits service show {}` shows what it is called", quoted(code)),
        Refusal::ServiceMeant { other, .. } => format!("`credits service alias {} SERVICE` first lets that one stand for the service itself", quoted(other)),
        Refusal::Broken(_) => "this is a fault of the program; nothing was recorded".to_owned(),
        _ => return None,
    })
}

/// The first few charges that differ.
fn in_words(differences: &[Difference], digits: u32) -> String {
    let side = |difference: &Difference| {
        if difference.ours {
            "only here"
        } else {
            "only on record"
        }
    };
    let mut words: Vec<String> = differences
        .iter()
        .take(4)
        .map(|difference| {
            let charge = &difference.charge;
            let id = charge
                .id
                .as_deref()
                .map_or(String::new(), |id| format!(" `{id}`"));
            let (category, service) = (charge.category, &charge.service);
            format!(
                "{}: {category}{id} of {service}, {}",
                side(difference),
                charge.amount.text(digits)
            )
        })
        .collect();
    if differences.len() > 4 {
        words.push(format!("and {} more", differences.len() - 4));
    }
    words.join("; ")
}
