//! How wrong each method has been on a history: from each month of it the months after are worked
//! out, and held against what came.
//!
//! What is counted is all that a bill comes to before tax and the provider's credits, one-off
//! charges included.

use crate::period::Month;

use super::history::{History, Pattern, is_alike, pattern};
use super::method::Method;

/// How far ahead is tried.
pub const AHEAD: usize = 6;

/// A method has to have been so much less wrong than the last month to be taken instead.
const MARGIN: f64 = 0.8;

/// From so many months at least.
const TRIALS_MIN: usize = 9;

/// The horizons, in months, by which methods are compared.
const COMPARED: [usize; 2] = [1, 3];

/// How wrong a forecast one month ahead is on average, as a part of it, before a history says
/// anything; it grows with the root of the months. Measured on the series of `tests/series`.
const USUAL_ERROR: f64 = 0.14;

/// As how many trials of a history's own that counts.
const TRIALS_OF_USUAL: f64 = 6.0;

/// By how much the mean error is multiplied so that four of five truths lie within it; of a
/// distribution of Laplace it is the logarithm of five.
const FOUR_OF_FIVE: f64 = 1.6;

/// What each method would have said of a history, month by month.
#[derive(Debug, Clone)]
pub struct Trials {
    /// What each month came to; nothing where it has no bill.
    actual: Vec<Option<f64>>,
    /// By method: what it said after each month of the months after it.
    said: Vec<Vec<Vec<f64>>>,
}

impl Trials {
    /// The trials of a history.
    #[must_use]
    pub fn new(history: &History) -> Trials {
        let Some((first, last)) = history.span() else {
            return Trials {
                actual: Vec::new(),
                said: Method::ALL.map(|_| Vec::new()).to_vec(),
            };
        };
        let months = (last.since(first) + 1) as usize;
        let mut actual: Vec<Option<f64>> = (0..months)
            .map(|at| {
                history
                    .months
                    .contains(&first.plus(at as u32))
                    .then_some(0.0)
            })
            .collect();
        let mut said = vec![vec![vec![0.0; AHEAD]; months]; Method::ALL.len()];
        for stream in history.streams.keys() {
            let amounts = history.amounts(stream);
            let bridged = history.bridged(&amounts);
            for (amount, sum) in amounts.iter().zip(&mut actual) {
                *sum = sum.map(|sum| sum + amount);
            }
            for at in 0..months {
                // What was known then.
                let pattern = pattern(stream, &amounts[..=at]);
                let known = match pattern {
                    Pattern::Monthly => &bridged[..=at],
                    Pattern::Yearly | Pattern::Once => &amounts[..=at],
                };
                for (method, said) in Method::ALL.into_iter().zip(&mut said) {
                    let course = course(pattern, method, known, first, AHEAD);
                    for (sum, amount) in said[at].iter_mut().zip(course) {
                        *sum += amount;
                    }
                }
            }
        }
        Trials { actual, said }
    }

    /// The trials up to a month, as if there were none after it.
    #[must_use]
    pub fn until(&self, last: usize) -> Trials {
        let mut trials = self.clone();
        trials.actual.truncate(last + 1);
        trials
    }

    /// How many months there are.
    #[must_use]
    pub fn months(&self) -> usize {
        self.actual.len()
    }

    /// What a month came to, by its place; nothing where it has no bill.
    #[must_use]
    pub fn actual(&self, at: usize) -> Option<f64> {
        self.actual.get(at).copied().flatten()
    }

    /// What the method that is picked after a month said of a month after it.
    #[must_use]
    pub fn said(&self, after: usize, ahead: usize) -> f64 {
        self.said_by(self.pick(after), after, ahead)
    }

    fn said_by(&self, method: Method, after: usize, ahead: usize) -> f64 {
        let at = Method::ALL.iter().position(|other| *other == method);
        at.map_or(0.0, |at| self.said[at][after][ahead - 1])
    }

    /// The method that is picked on what was known after a month: the last month, unless another one
    /// would clearly have been less wrong, and often enough.
    #[must_use]
    pub fn pick(&self, after: usize) -> Method {
        let wrong = |method| {
            let mut sum = 0.0;
            let mut trials = 0;
            for origin in 0..after {
                for ahead in COMPARED.into_iter().filter(|ahead| origin + ahead <= after) {
                    if let Some(actual) = self.actual(origin + ahead) {
                        sum += (self.said_by(method, origin, ahead) - actual).abs();
                        trials += usize::from(ahead == 1);
                    }
                }
            }
            (sum, trials)
        };
        let (mut least, trials) = wrong(Method::LastMonth);
        least *= MARGIN;
        let mut picked = Method::LastMonth;
        for method in Method::ALL {
            let (sum, _) = wrong(method);
            if trials >= TRIALS_MIN && sum < least {
                (least, picked) = (sum, method);
            }
        }
        picked
    }

    /// The method that the whole history picks.
    #[must_use]
    pub fn picked(&self) -> Method {
        match self.months() {
            0 => Method::LastMonth,
            months => self.pick(months - 1),
        }
    }

    /// By which part four of five truths differ at most from what is said of a time so many months
    /// ahead, which need not be whole ones. Never less than of a time before it.
    #[must_use]
    pub fn spread(&self, ahead: f64) -> f64 {
        let whole = (ahead.ceil() as usize).max(1);
        let (mut own, mut widest) = (0.0_f64, 0.0_f64);
        for months in 1..=whole {
            let at = (months as f64).min(ahead);
            let (error, trials) = self.error(months).unwrap_or((own, 0.0));
            // Where it was not tried, it grows on as it does with the root of the months.
            own = match trials > 0.0 {
                true => error,
                false => own * (months as f64 / (months as f64 - 1.0).max(1.0)).sqrt(),
            };
            let of_part = own * (at / months as f64).sqrt();
            let known = if own > 0.0 { trials.max(1.0) } else { trials };
            let usual = TRIALS_OF_USUAL * USUAL_ERROR * at.sqrt();
            let mean = (known * of_part + usual) / (known + TRIALS_OF_USUAL);
            widest = widest.max(FOUR_OF_FIVE * mean);
        }
        widest
    }

    /// How wrong what was said so many months ahead has been, as a part of it, and in how many
    /// trials; nothing where there was none.
    fn error(&self, ahead: usize) -> Option<(f64, f64)> {
        if ahead > AHEAD {
            return None;
        }
        let (mut wrong, mut said, mut trials) = (0.0, 0.0, 0.0);
        for after in 0..self.months() {
            if let Some(actual) = self.actual(after + ahead) {
                let expected = self.said(after, ahead);
                wrong += (expected - actual).abs();
                said += expected.abs();
                trials += 1.0;
            }
        }
        (said > 0.0).then(|| (wrong / said, trials))
    }

    /// In how many months in a row, the last one among them, all together rose; below zero where it
    /// fell.
    #[must_use]
    pub fn rose_for(&self) -> i32 {
        let known: Option<Vec<f64>> = self.actual.iter().copied().collect();
        let steps = known.unwrap_or_default();
        let steps: Vec<f64> = steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let run = |is_so: fn(f64) -> bool| {
            let alike = steps.iter().rev().take_while(|step| is_so(**step));
            i32::try_from(alike.count()).unwrap_or(0)
        };
        run(|step| step > 0.0) - run(|step| step < 0.0)
    }
}

/// What a stream comes to in the months after `amounts`.
pub(super) fn course(
    pattern: Pattern,
    method: Method,
    amounts: &[f64],
    first: Month,
    ahead: usize,
) -> Vec<f64> {
    match pattern {
        Pattern::Monthly => method.expect(amounts, first, ahead),
        Pattern::Once => vec![0.0; ahead],
        Pattern::Yearly => {
            let mut years = amounts.to_vec();
            for _ in 0..ahead {
                let year_ago = years.len().checked_sub(12);
                let due = year_ago.filter(|at| !is_renewed(amounts, *at));
                years.push(due.map_or(0.0, |at| years[at]));
            }
            years.split_off(amounts.len())
        }
    }
}

/// Whether a fee came again a little earlier or later than after a year.
fn is_renewed(amounts: &[f64], at: usize) -> bool {
    let again = [10, 11, 13, 14].map(|months| amounts.get(at + months));
    let fee = amounts.get(at).copied().unwrap_or_default();
    let mut again = again.into_iter().flatten();
    fee != 0.0 && again.any(|other| is_alike(fee, *other))
}
