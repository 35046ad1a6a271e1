//! The method held against simpler ones, on the history itself: after each month of it, what the
//! next months would have been said to come to, and what they did.

use super::trials::Trials;

/// The horizons, in months.
pub const HORIZONS: [usize; 3] = [1, 3, 6];

/// How wrong forecasts so many months ahead have been: sums over all months that there is a truth
/// of, in the currency.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Horizon {
    /// How many months ahead.
    pub months_ahead: usize,
    /// How many forecasts were tried.
    pub forecasts: usize,
    /// What the months came to.
    pub actual: f64,
    /// By how much the method was wrong.
    pub wrong: f64,
    /// By how much it would have been wrong to say that they are like the last month.
    pub naive: f64,
    /// Like the mean of the last three.
    pub mean: f64,
    /// How many truths were within the range.
    pub within: usize,
}

impl Horizon {
    /// An error as a part of what the months came to: the weighted absolute error.
    #[must_use]
    pub fn part(&self, wrong: f64) -> Option<f64> {
        (self.actual > 0.0).then(|| wrong / self.actual)
    }
}

/// How wrong the method has been on histories.
#[must_use]
pub fn backtest<'a>(all: impl IntoIterator<Item = &'a Trials> + Clone) -> [Horizon; 3] {
    HORIZONS.map(|ahead| {
        let start = Horizon {
            months_ahead: ahead,
            ..Horizon::default()
        };
        all.clone().into_iter().fold(start, |sum, trials| {
            (0..trials.months()).fold(sum, |sum, after| add(sum, trials, after))
        })
    })
}

/// One forecast more.
fn add(sum: Horizon, trials: &Trials, after: usize) -> Horizon {
    let ahead = sum.months_ahead;
    let (Some(last), Some(actual)) = (trials.actual(after), trials.actual(after + ahead)) else {
        return sum;
    };
    let three = (after.saturating_sub(2)..=after).filter_map(|at| trials.actual(at));
    let (months, three) = three.fold((0.0, 0.0), |(months, sum), amount| {
        (months + 1.0, sum + amount)
    });
    let said = trials.said(after, ahead);
    // On what was known then.
    let spread = trials.until(after).spread(ahead as f64);
    let wrong = (said - actual).abs();
    Horizon {
        forecasts: sum.forecasts + 1,
        actual: sum.actual + actual.abs(),
        wrong: sum.wrong + wrong,
        naive: sum.naive + (last - actual).abs(),
        mean: sum.mean + (three / months - actual).abs(),
        within: sum.within + usize::from(wrong <= spread * said.abs()),
        ..sum
    }
}
