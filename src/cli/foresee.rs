//! What commands need that look ahead: the bills on record as histories, and a forecast of each
//! currency.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use credits_ledger::foresight::expected::Assumption;
use credits_ledger::foresight::forecast::{Arrival, Forecast, ForecastError, Question, forecast};
use credits_ledger::foresight::history::{History, gather};
use credits_ledger::ledger::check::{Foreseen, Lapse, Runway};
use credits_ledger::ledger::names::{AccountId, BillId, Currency};
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

    /// Leaves out what is not of a payer: other bills, and credits that are in no pool of its.
    pub(crate) fn only(&mut self, payer: &AccountId) {
        self.histories.retain(|history| history.payer == *payer);
        let streams = self
            .histories
            .iter()
            .flat_map(|history| history.streams.keys());
        let accounts: BTreeSet<AccountId> = streams.map(|stream| stream.account.clone()).collect();
        let (accounts_on_record, as_of) = (&self.state.accounts, self.as_of);
        self.state.credits.retain(|_, record| {
            let owner = record.owner_on(as_of);
            let bill = BillId {
                month: Month::of(as_of),
                payer: payer.clone(),
                currency: record.credit.terms.currency,
            };
            let feeds = accounts_on_record.feeds(owner, &bill);
            feeds.unwrap_or_else(|| accounts.contains(owner) || owner == payer)
        });
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

/// What lapses and when the card starts, as far as bills on record say something of it.
pub(crate) fn foreseen(
    view: View<'_>,
    state: &State,
    as_of: NaiveDate,
    context: &Context,
) -> Result<Foreseen, Failure> {
    let outlook = Outlook::read(view, state, as_of)?;
    let mut foreseen = Foreseen::default();
    // Also of payers that have been silent for so long that no more bills of theirs are expected.
    let of_bills = outlook.state.bills.keys().map(|id| id.currency);
    for currency in of_bills.collect::<BTreeSet<Currency>>() {
        let forecast = outlook.forecast(currency, &Asked::default(), context)?;
        let on_record = forecast.credits.iter().filter(|ahead| ahead.is_on_record);
        let lapses = on_record.filter_map(|ahead| {
            let record = &forecast.after.credits[&ahead.id];
            Some(Lapse {
                credit: ahead.id,
                currency,
                end_date: record.credit.terms.end_date?,
                unused: ahead.unused_at_end?,
            })
        });
        foreseen.lapses.extend(lapses);
        let start = forecast.card_start.filter(|start| start.is_covered);
        foreseen.runways.extend(start.map(|start| Runway {
            currency,
            card_starts_in: start.month,
            tenths: start.tenths(),
            card: start.card,
        }));
    }
    Ok(foreseen)
}

impl From<ForecastError> for Failure {
    fn from(error: ForecastError) -> Failure {
        match error {
            ForecastError::Refused(refusal) => Failure::from(refusal),
            ForecastError::Broken(broken) => Failure::from(Refusal::from(broken)),
            ForecastError::Over(_) => {
                Failure::usage(error.to_string()).hint("`--until` names the last month to foresee")
            }
            ForecastError::Bill(error) => Failure::usage(format!("what is expected: {error}")),
        }
    }
}
