//! What is to come, as far as the limits of a check ask for it.

use chrono::NaiveDate;
use credits_ledger::ledger::check::Foreseen;
use credits_ledger::ledger::state::State;
use credits_ledger::store::journal::View;

use super::context::Context;
use super::failure::Failure;

/// What lapses, and when the card pays.
pub(crate) fn foreseen(
    _view: View<'_>,
    _state: &State,
    _as_of: NaiveDate,
    _context: &Context,
) -> Result<Foreseen, Failure> {
    Ok(Foreseen::default())
}
