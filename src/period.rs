//! Days, billing months and periods of validity, all in UTC and of the proleptic Gregorian calendar.
//!
//! chrono does the arithmetic; this file decides what is accepted: only text that we would print
//! ourselves (`2025-02-03`, never `2025-2-3`), and years 1 to 9999.

use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDate};
use thiserror::Error;

/// Why a text is not a date, month or period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PeriodError {
    /// Not a day as `YYYY-MM-DD`.
    #[error("is not a date, dates are `YYYY-MM-DD`")]
    NotADate,
    /// Not a month as `YYYY-MM`.
    #[error("is not a month, months are `YYYY-MM`")]
    NotAMonth,
    /// Not a period as `P12M` or `P90D`.
    #[error("is not a period, periods are `P12M`, `P90D`, `P1Y` or `P2W`")]
    NotAPeriod,
}

/// Writes a day as `YYYY-MM-DD`, as it is read by [`parse_date`].
#[must_use]
pub fn date_text(date: NaiveDate) -> String {
    let Ok(year @ 0..=9999) = u32::try_from(date.year()) else {
        return date.to_string();
    };
    let mut bytes = *b"0000-00-00";
    let mut put = |places: std::ops::Range<usize>, mut number: u32| {
        for byte in bytes[places].iter_mut().rev() {
            *byte += (number % 10) as u8;
            number /= 10;
        }
    };
    put(0..4, year);
    put(5..7, date.month());
    put(8..10, date.day());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads a day, strictly `YYYY-MM-DD`, years 1 to 9999.
///
/// # Errors
/// Anything else, and days that do not exist.
pub fn parse_date(text: &str) -> Result<NaiveDate, PeriodError> {
    let [year, month, day] = numbers(text, [4, 2, 2]).ok_or(PeriodError::NotADate)?;
    NaiveDate::from_ymd_opt(year as i32, month, day)
        .filter(|date| date.year() >= 1)
        .ok_or(PeriodError::NotADate)
}

/// Decimal fields of the given widths, parted by hyphens, and nothing else.
fn numbers<const N: usize>(text: &str, widths: [usize; N]) -> Option<[u32; N]> {
    let mut fields = text.split('-');
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let field = fields.next()?;
        if field.len() != width || !field.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *number = field.parse().ok()?;
    }
    fields.next().is_none().then_some(numbers)
}

/// One UTC calendar month, 0001-01 to 9999-12.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    first: NaiveDate,
}

impl Month {
    /// Reads a month, strictly `YYYY-MM`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Month, PeriodError> {
        let [year, month] = numbers(text, [4, 2]).ok_or(PeriodError::NotAMonth)?;
        NaiveDate::from_ymd_opt(year as i32, month, 1)
            .filter(|first| first.year() >= 1)
            .map(|first| Month { first })
            .ok_or(PeriodError::NotAMonth)
    }

    /// The month a day lies in.
    #[must_use]
    pub fn of(date: NaiveDate) -> Month {
        Month {
            first: date.with_day(1).unwrap_or(date),
        }
    }

    /// Its first day.
    #[must_use]
    pub fn first_day(self) -> NaiveDate {
        self.first
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(self) -> NaiveDate {
        let next = self.first.checked_add_months(Months::new(1));
        next.and_then(|first| first.pred_opt())
            .unwrap_or(self.first)
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Month {
        Month::of(self.last_day().succ_opt().unwrap_or(self.first))
    }

    /// The month before it; of the first month, 0001-01, itself.
    #[must_use]
    pub fn previous(self) -> Month {
        let before = self.first.pred_opt().filter(|day| day.year() >= 1);
        Month::of(before.unwrap_or(self.first))
    }

    /// The month so many months after it; 9999-12 at the latest.
    #[must_use]
    pub fn plus(self, months: u32) -> Month {
        let after = self.first.checked_add_months(Months::new(months));
        let last = NaiveDate::from_ymd_opt(9999, 12, 1);
        Month {
            first: after.into_iter().chain(last).min().unwrap_or(self.first),
        }
    }

    /// How many months after `earlier` it is; below zero where it is before.
    #[must_use]
    pub fn since(self, earlier: Month) -> i32 {
        let count = |month: Month| month.first.year() * 12 + month.first.month0() as i32;
        count(self) - count(earlier)
    }

    /// How many days it has.
    #[must_use]
    pub fn days(self) -> u32 {
        self.last_day().day()
    }

    /// Whether a day lies in it.
    #[must_use]
    pub fn contains(self, date: NaiveDate) -> bool {
        Month::of(date) == self
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How long a credit is valid, counted from its start date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Calendar months, `P12M` or `P1Y`.
    Months(u32),
    /// Days, `P90D` or `P2W`.
    Days(u32),
}

impl Validity {
    /// Reads an ISO 8601 period of one part: `P12M`, `P1Y`, `P90D`, `P2W`.
    ///
    /// # Errors
    /// Anything else, zero, and more than 9999 years.
    pub fn parse(text: &str) -> Result<Validity, PeriodError> {
        let inner = text.strip_prefix('P').ok_or(PeriodError::NotAPeriod)?;
        let unit = inner.chars().last().ok_or(PeriodError::NotAPeriod)?;
        let digits = inner.strip_suffix(unit).unwrap_or_default();
        let plain = (1..=7).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        let count: u32 = match digits.parse() {
            Ok(count) if plain && count > 0 => count,
            _ => return Err(PeriodError::NotAPeriod),
        };
        match unit {
            'Y' => Ok(Validity::Months(count * 12)),
            'M' => Ok(Validity::Months(count)),
            'W' => Ok(Validity::Days(count * 7)),
            'D' => Ok(Validity::Days(count)),
            _ => Err(PeriodError::NotAPeriod),
        }
    }

    /// The last day of validity, inclusive: start plus the period less one day or, where a shorter
    /// month clamps it, the last day of that month (`P1M` from 31 January ends on the last day of
    /// February). Nothing beyond the year 9999.
    #[must_use]
    pub fn last_day(self, start: NaiveDate) -> Option<NaiveDate> {
        let last = match self {
            Validity::Days(days) => start.checked_add_days(Days::new(u64::from(days) - 1))?,
            Validity::Months(months) => {
                let after = start.checked_add_months(Months::new(months))?;
                let clamped = after.day() < start.day();
                if clamped { after } else { after.pred_opt()? }
            }
        };
        (last.year() <= 9999).then_some(last)
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Validity::Months(count) => write!(f, "P{count}M"),
            Validity::Days(count) => write!(f, "P{count}D"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        parse_date(text).expect("a date")
    }

    #[test]
    fn only_what_we_would_print_is_a_date() {
        assert_eq!(day("2024-02-29").to_string(), "2024-02-29");
        assert_eq!(day("0001-01-01").to_string(), "0001-01-01");
        for text in [
            "2025-2-3",
            " 2025-02-03",
            "2025-02-30",
            "2023-02-29",
            "0000-01-01",
            "+2025-01-01",
            "2025-01-01T00:00",
            "20250101",
            "2025-01-01-",
        ] {
            assert_eq!(parse_date(text), Err(PeriodError::NotADate), "{text}");
        }
    }

    #[test]
    fn months_know_their_edges() {
        let february = Month::parse("2024-02").expect("a month");
        assert_eq!(february.last_day(), day("2024-02-29"));
        assert_eq!(february.next().to_string(), "2024-03");
        assert_eq!(
            Month::parse("2026-01")
                .expect("a month")
                .previous()
                .to_string(),
            "2025-12"
        );
        assert_eq!(
            Month::parse("9999-12").expect("a month").last_day(),
            day("9999-12-31")
        );
        for text in [
            "2026-13",
            "2026-00",
            "2026-1",
            "2026",
            "0000-01",
            "2026-01-01",
        ] {
            assert_eq!(Month::parse(text), Err(PeriodError::NotAMonth), "{text}");
        }
    }

    #[test]
    fn a_period_ends_on_its_last_day_clamped_to_the_month() {
        let last = |start: &str, period: &str| {
            let period = Validity::parse(period).expect("a period");
            period
                .last_day(day(start))
                .expect("before 10000")
                .to_string()
        };
        assert_eq!(last("2026-01-15", "P1M"), "2026-02-14");
        assert_eq!(last("2026-01-31", "P1M"), "2026-02-28");
        assert_eq!(last("2024-01-31", "P1M"), "2024-02-29");
        assert_eq!(last("2026-01-01", "P1M"), "2026-01-31");
        assert_eq!(last("2024-02-29", "P12M"), "2025-02-28");
        assert_eq!(last("2024-02-29", "P1Y"), "2025-02-28");
        assert_eq!(last("2026-01-01", "P90D"), "2026-03-31");
        assert_eq!(last("2026-01-01", "P1D"), "2026-01-01");
    }

    #[test]
    fn a_period_has_one_part_and_an_end() {
        for text in [
            "P",
            "P0M",
            "P1M2D",
            "PT1H",
            "P-1M",
            "12M",
            "P1.5M",
            "P99999999D",
            "PM",
            "P1é",
        ] {
            assert_eq!(
                Validity::parse(text),
                Err(PeriodError::NotAPeriod),
                "{text}"
            );
        }
        assert_eq!(Validity::Days(9_999_999).last_day(day("2026-01-01")), None);
    }
}
