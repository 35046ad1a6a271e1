//! What commands need that look ahead: the bills on record as histories, and a forecast of each
//! currency.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use credits_ledger::foresight::expected::Assumption;
use credits_ledger::foresight::forecast::{Arrival, Forecast, ForecastError, Question, forecast};
use credits_ledger::foresight::history::{History, gather};
use credits_ledger::ledger::names::Currency;
use credits_ledger::ledger::refusal::Refusal;
use credits_ledger::ledger::state::State;
use credits_ledger::period::Month;
use credits_ledger::store::journal::View;

use super::context::Context;
use super::failure::Failure;

/// What a forecast rests on.
#[derive(Debug)]
pub(crate) struct Outlook {
    /// What counts on the day.
    pub(crate) state: State,
    /// The day.
    pub(crate) as_of: NaiveDate,
    /// The bills that count, by currency and payer.
    pub(crate) histories: Vec<History>,
}

/// What is asked beyond the ledger itself.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// What is assumed of charges.
    pub(crate) assumptions: Vec<Assumption>,
    /// Credits that are assumed to come.
    pub(crate) arrivals: Vec<Arrival>,
    /// The last month that is wanted.
    pub(crate) until: Option<Month>,
}

impl Outlook {
    /// What a forecast on a day rests on.
    pub(crate) fn read(
        view: View<'_>,
        state: &State,
        as_of: NaiveDate,
    ) -> Result<Outlook, Failure> {
        Ok(Outlook {
            histories: gather(state, &view, as_of)?,
            state: state.as_of(as_of),
            as_of,
        })
    }

    /// The currencies of bills, and of credits that something is left of, in alphabetical order.
    pub(crate) fn currencies(&self) -> Vec<Currency> {
        let of_bills = self.histories.iter().map(|history| history.currency);
        let credits = self.state.credits.values();
        let left = credits.filter(|record| record.left.is_positive());
        let of_credits = left.map(|record| record.credit.terms.currency);
        let all: BTreeSet<Currency> = of_bills.chain(of_credits).collect();
        all.into_iter().collect()
    }

    /// The forecast of a currency.
    pub(crate) fn forecast(
        &self,
        currency: Currency,
        asked: &Asked,
        context: &Context,
    ) -> Result<Forecast<'_>, Failure> {
        let histories: Vec<&History> = self
            .histories
            .iter()
            .filter(|history| history.currency == currency)
            .collect();
        let question = Question {
            currency,
            as_of: self.as_of,
            until: asked.until,
            assumptions: &asked.assumptions,
            arrivals: &asked.arrivals,
            rules: &context.rules,
        };
        Ok(forecast(&self.state, &histories, &question)?)
    }
}

impl From<ForecastError> for Failure {
    fn from(error: ForecastError) -> Failure {
        match error {
            ForecastError::Refused(refusal) => Failure::from(refusal),
            ForecastError::Broken(broken) => Failure::from(Refusal::from(broken)),
            ForecastError::Bill(error) => Failure::usage(format!("what is expected: {error}")),
        }
    }
}
