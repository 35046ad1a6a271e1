//! Which bills a question about several is of, and what is said of the open ones among them.

use clap::Args;
use credits_ledger::ledger::names::{AccountId, BillId};
use credits_ledger::period::Month;

use super::correct::read_month;
use super::terms::read_account;

/// The bills that a question is of.
#[derive(Debug, Args)]
pub(crate) struct Span {
    /// Bills of this month only [default: all months together]
    #[arg(long, value_name = "YYYY-MM", value_parser = read_month)]
    pub(crate) month: Option<Month>,
    /// Bills of this payer account only
    #[arg(long, value_name = "ID", value_parser = read_account)]
    payer: Option<AccountId>,
    /// Final bills only
    #[arg(long = "final")]
    pub(crate) is_final: bool,
}

impl Span {
    /// Whether a bill is asked about, whatever its status.
    pub(crate) fn includes(&self, id: &BillId) -> bool {
        self.month.is_none_or(|month| id.month == month)
            && self.payer.as_ref().is_none_or(|payer| id.payer == *payer)
    }

    /// Whether any of it was said.
    pub(crate) fn is_said(&self) -> bool {
        self.month.is_some() || self.payer.is_some() || self.is_final
    }
}

/// That figures of these open bills are among others, if there are any.
pub(crate) fn open_note(open: &[String]) -> Option<String> {
    let (are, their) = match open.len() {
        0 => return None,
        1 => ("bill is", "its"),
        _ => ("bills are", "their"),
    };
    let named = open.iter().take(4).map(String::as_str);
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match open.len() {
        0..=4 => String::new(),
        count => format!(" and {} more", count - 4),
    };
    let count = open.len();
    Some(format!(
        "note: {count} {are} open, {their} figures are estimated: {named}{more}"
    ))
}
