//! Answers of AWS's Billing API, as the AWS CLI prints them: the credits of an account, and what
//! they were applied to.
//!
//! Source: the API model `billing-2023-09-07` (`GetCredits`, `GetCreditAllocationHistory`), read
//! 2026-11. An answer is one object, several one after the other (pages), or a list of them. Dates
//! are epoch seconds (`1735689600.0`), as version 1 of the CLI and the API print them, or ISO 8601 with an offset
//! (`2025-01-01T01:00:00+01:00`), as version 2 does; a date is the UTC day of the instant. Amounts are read from
//! their text, string or number, never through a float. Members that this file does not know are
//! passed over with a note: AWS adds some.

mod credits;
mod history;
pub(super) mod object;

pub use credits::{Credits, read_credits};
pub use history::{History, is_history, read_history};

use super::ReadError;
use object::first_has;

/// Why an answer that holds no bill is not read as one.
pub(super) fn for_another(text: &str) -> Option<ReadError> {
    let answers = [
        (
            "creditAllocationHistoryList",
            "aws billing get-credit-allocation-history",
            "credits reconcile",
        ),
        (
            "credits",
            "aws billing get-credits",
            "credits import get-credits",
        ),
    ];
    let found = answers
        .into_iter()
        .find(|(member, ..)| first_has(text, member));
    found.map(|(_, answer, command)| ReadError::ForAnother { answer, command })
}
