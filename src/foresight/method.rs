//! From the months of a stream to those that follow.
//!
//! On real series ([`crate::foresight::backtest`], `tests/series`) the last month is hard to beat:
//! means of several months and trends were worse at one, three and six months. What does beat it is
//! the last month *at the length of the month*: usage is metered by the hour, so a February comes to
//! less than a January, and a fee by the month does not. How far a stream follows the days is read
//! off itself: the smoother it is by the day, compared with by the month, the more. So that is the
//! method, and trend and season have to prove themselves on a ledger's own history first
//! ([`crate::foresight::trials`]).

use crate::period::Month;

/// Days of an average month.
const DAYS_OF_A_MONTH: f64 = 365.25 / 12.0;

/// How the months of a stream lead to those that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Every month is like the last one, at its length.
    LastMonth,
    /// It goes on as it went lately, less so with every month.
    Trend,
    /// It goes as it went a year ago, and as much more as it rose since.
    Season,
}

impl Method {
    /// All of them, the one that is taken without proof first.
    pub const ALL: [Method; 3] = [Method::LastMonth, Method::Trend, Method::Season];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Method::LastMonth => "last_month",
            Method::Trend => "trend",
            Method::Season => "season",
        }
    }

    /// What a stream comes to in the `ahead` months after `amounts`, which begin with `first`. One
    /// month of history makes a flat course.
    #[must_use]
    pub fn expect(self, amounts: &[f64], first: Month, ahead: usize) -> Vec<f64> {
        let days = |at: usize| f64::from(first.plus(at as u32).days()) / DAYS_OF_A_MONTH;
        let by_day: Vec<f64> = amounts
            .iter()
            .enumerate()
            .map(|(at, amount)| amount / days(at))
            .collect();
        let weight = weight_of_days(roughness(amounts), roughness(&by_day));
        let by_month = self.course(amounts, ahead);
        let by_day = self.course(&by_day, ahead);
        let both = by_month.into_iter().zip(by_day).enumerate();
        both.map(|(at, (by_month, by_day))| {
            let by_day = by_day * days(amounts.len() + at);
            weight * by_day + (1.0 - weight) * by_month
        })
        .collect()
    }

    fn course(self, amounts: &[f64], ahead: usize) -> Vec<f64> {
        match self {
            Method::LastMonth => vec![amounts.last().copied().unwrap_or_default(); ahead],
            Method::Trend => damped_trend(amounts, ahead),
            Method::Season => seasonal(amounts, ahead),
        }
    }
}

/// How far amounts go up and down.
fn roughness(amounts: &[f64]) -> f64 {
    let steps = amounts.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    steps.sum()
}

/// The smoother a stream is by the day than by the month, the more its days count; one that never
/// changes by the month does not follow them at all.
fn weight_of_days(by_month: f64, by_day: f64) -> f64 {
    match by_month + by_day {
        sum if sum > 0.0 => by_month / sum,
        _ => 0.0,
    }
}

/// Holt's linear trend, damped (Gardner and McKenzie 1985), with fixed weights: there are too few
/// months to fit any.
fn damped_trend(amounts: &[f64], ahead: usize) -> Vec<f64> {
    const LEVEL: f64 = 0.8;
    const TREND: f64 = 0.2;
    const DAMPING: f64 = 0.8;
    let mut rest = amounts.iter();
    let (mut level, mut trend) = (rest.next().copied().unwrap_or_default(), 0.0);
    for amount in rest {
        let before = level;
        level = LEVEL * amount + (1.0 - LEVEL) * (before + DAMPING * trend);
        trend = TREND * (level - before) + (1.0 - TREND) * DAMPING * trend;
    }
    let (mut damping, mut steps) = (1.0, 0.0);
    let mut next = || {
        damping *= DAMPING;
        steps += damping;
        keep_sign(level, level + steps * trend)
    };
    (0..ahead).map(|_| next()).collect()
}

/// A course that would cross zero stops there: charges do not become discounts.
fn keep_sign(level: f64, value: f64) -> f64 {
    match level < 0.0 {
        true => value.min(0.0),
        false => value.max(0.0),
    }
}

/// The months a year before, and as much more as the last month is more than the one a year before
/// it. Where there is no such month, the last one.
fn seasonal(amounts: &[f64], ahead: usize) -> Vec<f64> {
    let last = amounts.last().copied().unwrap_or_default();
    let year_ago = amounts.len().checked_sub(13).map(|at| amounts[at]);
    let Some(more) = year_ago.map(|before| last - before) else {
        return vec![last; ahead];
    };
    let mut course: Vec<f64> = amounts.to_vec();
    for _ in 0..ahead {
        let before = course.len().checked_sub(12).map_or(last, |at| course[at]);
        course.push(keep_sign(last, before + more));
    }
    course.split_off(amounts.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expects(method: Method, amounts: &[f64], first: &str, course: &[f64]) {
        let first = Month::parse(first).expect("a month");
        let found = method.expect(amounts, first, course.len());
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 0.005;
        assert!(found.iter().zip(course).all(near), "{found:?}");
    }

    #[test]
    fn one_month_makes_a_flat_course() {
        for method in Method::ALL {
            expects(method, &[310.0], "2026-01", &[310.0, 310.0, 310.0]);
        }
    }

    #[test]
    fn usage_by_the_day_follows_the_length_of_months() {
        let by_the_day = [310.0, 280.0, 310.0, 300.0];
        expects(Method::LastMonth, &by_the_day, "2026-01", &[310.0, 300.0]);
    }

    #[test]
    fn a_fee_by_the_month_does_not() {
        let fee = [300.0, 300.0, 300.0, 300.0];
        expects(Method::LastMonth, &fee, "2026-01", &[300.0, 300.0]);
    }

    #[test]
    fn a_trend_goes_on_less_and_less_and_never_below_zero() {
        let rising = Month::parse("2026-01").expect("a month");
        let course = Method::Trend.expect(&[100.0, 200.0, 300.0, 400.0], rising, 3);
        assert!(course[0] > 400.0 && course[2] > course[1], "{course:?}");
        assert!(
            course[2] - course[1] < course[1] - course[0] + 30.0,
            "{course:?}"
        );
        let falling = Method::Trend.expect(&[100.0, 60.0, 20.0, 1.0], rising, 12);
        assert!(falling.iter().all(|amount| *amount >= 0.0), "{falling:?}");
    }

    #[test]
    fn a_season_comes_again_and_growth_does_not_start_anew_each_year() {
        let mut year: Vec<f64> = vec![100.0; 12];
        year[5] = 300.0;
        let twice: Vec<f64> = year
            .iter()
            .chain(&year)
            .map(|amount| amount * 2.0)
            .collect();
        let first = Month::parse("2024-01").expect("a month");
        let course = Method::Season.expect(&twice, first, 18);
        let ratio = |at: usize| course[at] / 200.0;
        assert!((0.85..1.15).contains(&ratio(4)), "{course:?}");
        assert!((2.7..3.3).contains(&ratio(5)), "{course:?}");
        assert!((2.7..3.3).contains(&ratio(17)), "{course:?}");
        let rising: Vec<f64> = (0..18).map(|at| 100.0 + 20.0 * f64::from(at)).collect();
        let course = Method::Season.expect(&rising, first, 24);
        let steps = course.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(steps.into_iter().all(|step| step > -70.0), "{course:?}");
    }
}
