//! Amounts of money, exactly.
//!
//! [`Money`] counts 10^-18 of a currency in an `i128`. It has no currency of its own: a credit and
//! a bill each have one, compared once, at the door. `Decimal` holds 28 digits, so it cannot keep
//! 10^11 and 10^-18 together and rounds without a word; it serves at the edges only.
//!
//! Amounts are bounded where they enter ([`Money::LIMIT`] each, [`Money::TOTAL_LIMIT`] for a sum),
//! so that the arithmetic inside cannot overflow; the release build checks that too.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use rust_decimal::Decimal;
use thiserror::Error;

/// Digits after the point that [`Money`] keeps.
pub const SCALE: u32 = 18;

const ONE: i128 = 10_i128.pow(SCALE);

/// An amount of some currency, in units of 10^-18, of either sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i128);

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// Not decimal text.
    #[error("is not an amount")]
    NotAnAmount,
    /// 10^15 or more.
    #[error("is too large, amounts stay below 10^15")]
    TooLarge,
    /// More than 18 digits after the point, where rounding is not allowed.
    #[error("has more than {SCALE} digits after the point")]
    TooFine,
}

/// An amount read from somebody else's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The amount, rounded half to even if the text was finer than 10^-18.
    pub amount: Money,
    /// Whether anything was lost by that.
    pub rounded: bool,
}

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);
    /// One amount read or typed is smaller than this: 10^15.
    pub const LIMIT: Money = Money(ONE * 10_i128.pow(15));
    /// A sum of absolute amounts (a bill, all credits of a ledger) is smaller than this: 10^19.
    pub const TOTAL_LIMIT: Money = Money(ONE * 10_i128.pow(19));

    /// The amount of `units` × 10^-18.
    #[must_use]
    pub const fn from_units(units: i128) -> Money {
        Money(units)
    }

    /// The count of 10^-18.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }

    /// Reads plain decimal text as people type it: an optional minus, digits, an optional point
    /// and at most 18 digits. No exponent, no separators, nothing rounded.
    ///
    /// # Errors
    /// Anything else, and amounts of 10^15 and more.
    pub fn parse(text: &str) -> Result<Money, MoneyError> {
        if text.bytes().any(|b| matches!(b, b'e' | b'E' | b'+')) {
            return Err(MoneyError::NotAnAmount);
        }
        let reading = Money::read(text.as_bytes())?;
        if reading.rounded {
            return Err(MoneyError::TooFine);
        }
        Ok(reading.amount)
    }

    /// Reads an amount of somebody else's document: decimal text, an exponent allowed
    /// (`-7.0E-10`), rounded half to even at 10^-18.
    ///
    /// # Errors
    /// Text that is no number, and amounts of 10^15 and more.
    pub fn read(text: &[u8]) -> Result<Reading, MoneyError> {
        if let Some(amount) = Money::read_plain(text) {
            let rounded = false;
            return Ok(Reading { amount, rounded });
        }
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (mantissa, exponent) = match digits.iter().position(|b| matches!(b, b'e' | b'E')) {
            Some(at) => (&digits[..at], read_exponent(&digits[at + 1..])?),
            None => (digits, 0),
        };
        let (whole, fraction) = match mantissa.iter().position(|b| *b == b'.') {
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
            None => (mantissa, &mantissa[mantissa.len()..]),
        };
        let is_number = !whole.is_empty()
            && (mantissa.len() == whole.len() || !fraction.is_empty())
            && whole.iter().chain(fraction).all(u8::is_ascii_digit);
        if !is_number {
            return Err(MoneyError::NotAnAmount);
        }
        let (units, rounded) = scaled(whole, fraction, exponent)?;
        let amount = Money(if negative { -units } else { units });
        if amount.abs() >= Money::LIMIT {
            return Err(MoneyError::TooLarge);
        }
        Ok(Reading { amount, rounded })
    }

    /// Reads what most amounts are: up to 18 digits with a point among them, at most 15 before it.
    /// Nothing where it is anything else, be it an amount.
    fn read_plain(text: &[u8]) -> Option<Money> {
        let (is_negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        if digits.len() > 1 + SCALE as usize {
            return None;
        }
        let (mut units, mut point) = (0_u64, None);
        for (at, byte) in digits.iter().enumerate() {
            match byte {
                b'0'..=b'9' => units = units * 10 + u64::from(byte - b'0'),
                b'.' if point.is_none() => point = Some(at),
                _ => return None,
            }
        }
        let whole = point?;
        let fraction = (digits.len() - whole - 1) as u32;
        let is_plain = (1..=15).contains(&whole) && (1..=SCALE).contains(&fraction);
        let units = i128::from(units) * 10_i128.pow(SCALE.checked_sub(fraction)?);
        is_plain.then_some(Money(if is_negative { -units } else { units }))
    }

    /// The amount without its sign.
    #[must_use]
    pub const fn abs(self) -> Money {
        Money(self.0.abs())
    }

    /// Below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Above zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or nothing where an `i128` cannot hold it.
    #[must_use]
    pub fn checked_add(self, other: Money) -> Option<Money> {
        self.0.checked_add(other.0).map(Money)
    }

    /// Rounded half away from zero to `digits` after the point (0 to 18): the one rounding of a
    /// bill's card charge (rule D6).
    #[must_use]
    pub fn round_half_away(self, digits: u32) -> Money {
        let step = 10_i128.pow(SCALE.saturating_sub(digits));
        let (quotient, rest) = (self.0 / step, self.0 % step);
        let up = i128::from(rest.abs() * 2 >= step && rest != 0);
        Money((quotient + self.0.signum() * up) * step)
    }

    /// Rounded towards zero to `digits` after the point (0 to 18): what a percentage earns (D6).
    #[must_use]
    pub fn round_down(self, digits: u32) -> Money {
        let step = 10_i128.pow(SCALE.saturating_sub(digits));
        Money(self.0 - self.0 % step)
    }

    /// `percent` of the amount, down to 10^-18. `percent` is read with up to four digits after
    /// the point, more are cut.
    #[must_use]
    pub fn percent(self, percent: Decimal) -> Money {
        let millionths = (percent * Decimal::from(10_000)).trunc().mantissa();
        let (quotient, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        Money(quotient * millionths + rest * millionths / 1_000_000)
    }

    /// As decimal text: at least `digits` after the point, no trailing zeros beyond them.
    #[must_use]
    pub fn text(self, digits: u32) -> String {
        let (whole, fraction) = self.parts();
        // From the last digit on; 39 digits, a point and a sign at most.
        let mut bytes = [0; 41];
        let mut at = bytes.len();
        let mut put = |byte: u8| {
            at -= 1;
            bytes[at] = byte;
        };
        let (mut rest, mut left) = (fraction, SCALE);
        while left > digits && rest % 10 == 0 {
            (rest, left) = (rest / 10, left - 1);
        }
        if left > 0 {
            for _ in 0..left {
                put(b'0' + (rest % 10) as u8);
                rest /= 10;
            }
            put(b'.');
        }
        let mut whole = whole;
        let mut rest = loop {
            match u64::try_from(whole) {
                Ok(rest) => break rest,
                Err(_) => put(b'0' + (whole % 10) as u8),
            }
            whole /= 10;
        };
        loop {
            put(b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if self.is_negative() {
            put(b'-');
        }
        String::from_utf8_lossy(&bytes[at..]).into_owned()
    }

    /// As [`Money::text`], with thousands separators, for people.
    #[must_use]
    pub fn grouped(self, digits: u32) -> String {
        grouped(&self.text(digits))
    }

    /// What is before and after the point, in units of one and of 10^-18.
    fn parts(self) -> (u128, u64) {
        let units = self.0.unsigned_abs();
        let one = ONE.unsigned_abs();
        match (u64::try_from(units), u64::try_from(one)) {
            // Quicker, and most are that small.
            (Ok(units), Ok(one)) => (u128::from(units / one), units % one),
            _ => (units / one, (units % one) as u64),
        }
    }
}

/// Decimal text with thousands separators.
#[must_use]
pub fn grouped(text: &str) -> String {
    let unsigned = text.trim_start_matches('-');
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut grouped = String::with_capacity(whole.len() * 4 / 3 + 1);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    join(text.starts_with('-'), &grouped, fraction)
}

fn join(negative: bool, whole: &str, fraction: &str) -> String {
    let sign = if negative { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// The exponent of scientific notation. One too long for any amount counts as the largest, and
/// [`scaled`] sorts out what that means.
fn read_exponent(text: &[u8]) -> Result<i32, MoneyError> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(MoneyError::NotAnAmount);
    }
    let size = digits.iter().fold(0_i32, |size, digit| {
        size.saturating_mul(10)
            .saturating_add(i32::from(digit - b'0'))
    });
    Ok(if negative { -size } else { size })
}

/// `whole.fraction × 10^exponent` in units of 10^-18, and whether it was rounded.
fn scaled(whole: &[u8], fraction: &[u8], exponent: i32) -> Result<(i128, bool), MoneyError> {
    let mut digits = whole
        .iter()
        .chain(fraction)
        .skip_while(|d| **d == b'0')
        .peekable();
    if digits.peek().is_none() {
        return Ok((0, false));
    }
    let significant = whole
        .iter()
        .chain(fraction)
        .skip_while(|d| **d == b'0')
        .count();
    // The last digit stands for 10^(exponent - fraction digits); in units that is 10^shift.
    let shift = i64::from(exponent) - fraction.len() as i64 + i64::from(SCALE);
    let kept = significant as i64 + shift.min(0);
    if significant as i64 + shift > 34 {
        return Err(MoneyError::TooLarge);
    }
    let mut units = 0_i128;
    for _ in 0..kept.max(0) {
        let digit = digits.next().map_or(0, |d| i128::from(d - b'0'));
        units = units * 10 + digit;
    }
    if shift >= 0 {
        return Ok((units * 10_i128.pow(shift as u32), false));
    }
    // A leading digit below the first one dropped means less than half.
    let first_dropped = if kept < 0 {
        b'0'
    } else {
        digits.next().copied().unwrap_or(b'0')
    };
    let rest_is_zero = kept >= 0 && digits.all(|d| *d == b'0');
    let rounded = first_dropped != b'0' || !rest_is_zero;
    let up = match first_dropped {
        b'6'..=b'9' => true,
        b'5' => !rest_is_zero || units % 2 == 1,
        _ => false,
    };
    Ok((units + i128::from(up), rounded))
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(2))
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money(-self.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        self.0 += other.0;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Money) {
        self.0 -= other.0;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, expected: &str, rounded: bool) {
        let reading = Money::read(text.as_bytes()).expect("an amount");
        assert_eq!(
            (reading.amount.text(0).as_str(), reading.rounded),
            (expected, rounded),
            "{text}"
        );
    }

    #[test]
    fn scientific_notation_is_exact() {
        reads("-7.0E-10", "-0.0000000007", false);
        reads("1.5e3", "1500", false);
        reads("+2E+2", "200", false);
        reads("0E-999999999999", "0", false);
        reads("0.00000000000000000000000000", "0", false);
    }

    #[test]
    fn finer_than_the_scale_rounds_half_to_even() {
        reads("1.0000000000000000005", "1", true);
        reads("1.0000000000000000015", "1.000000000000000002", true);
        reads("1.0000000000000000025", "1.000000000000000002", true);
        reads("1.00000000000000000250000001", "1.000000000000000003", true);
        reads("5E-19", "0", true);
        reads("6E-19", "0.000000000000000001", true);
        reads("9E-20", "0", true);
        reads("-1E-400", "0", true);
        reads("0.12345678901234567800", "0.123456789012345678", false);
    }

    #[test]
    fn large_amounts_are_refused() {
        for text in [
            "1000000000000000",
            "1e15",
            "1e400",
            "-1e999999999999",
            "9".repeat(60).as_str(),
        ] {
            assert_eq!(
                Money::read(text.as_bytes()),
                Err(MoneyError::TooLarge),
                "{text}"
            );
        }
        reads(
            "999999999999999.999999999999999999",
            "999999999999999.999999999999999999",
            false,
        );
        reads(&format!("{}1.5", "0".repeat(80)), "1.5", false);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "", "-", ".", "1.", ".5", "1,5", "1_0", " 1", "1 ", "0x1", "NaN", "inf", "1e", "1e+",
            "1.e3", "--1", "١",
        ] {
            assert_eq!(
                Money::read(text.as_bytes()),
                Err(MoneyError::NotAnAmount),
                "{text}"
            );
        }
        for text in ["1e3", "+1", "1E-2"] {
            assert_eq!(Money::parse(text), Err(MoneyError::NotAnAmount), "{text}");
        }
        assert_eq!(
            Money::parse("0.0000000000000000001"),
            Err(MoneyError::TooFine)
        );
    }

    #[test]
    fn the_card_charge_rounds_half_away_from_zero() {
        let round = |text: &str, digits| {
            Money::parse(text)
                .expect("an amount")
                .round_half_away(digits)
                .text(2)
        };
        assert_eq!(round("0.005", 2), "0.01");
        assert_eq!(round("-0.005", 2), "-0.01");
        assert_eq!(round("0.004999999999999999", 2), "0.00");
        assert_eq!(round("2.5", 0), "3.00");
        assert_eq!(round("7", 3), "7.00");
    }

    #[test]
    fn people_get_thousands_separators() {
        let grouped = |text: &str| Money::parse(text).expect("an amount").grouped(2);
        assert_eq!(grouped("1234567.5"), "1,234,567.50");
        assert_eq!(grouped("-999"), "-999.00");
        assert_eq!(grouped("-1000"), "-1,000.00");
    }

    #[test]
    fn a_percentage_goes_down() {
        let hundred = Money::parse("100").expect("an amount");
        assert_eq!(hundred.percent(Decimal::new(205, 1)).text(2), "20.50");
        assert_eq!(Money::from_units(3).percent(Decimal::new(50, 0)).units(), 1);
    }
}
