//! Foresight: what bills will come to, when each credit runs out or lapses, and when the card
//! starts to pay.
//!
//! - [`history`]: the bills on record as months of streams: an account's charges of a service.
//! - [`method`]: from the months of a stream to those that follow.
//! - [`open_month`]: from the days of an unfinished month to the whole of it.
//! - [`trials`]: how wrong each method has been on a history, which one it therefore gets, and how
//!   wide the range is.
//! - [`expected`]: the bills to be expected, what-if assumptions included.
//! - [`forecast`]: those bills through the rule of application, month by month; `due` says whose they
//!   are, `run` is one way through them, `coverable` decides when the card starts.
//! - [`backtest`]: the method against simpler ones, on the history itself.
//!
//! The only floats of the program are here. Nothing of it is booked: bills to be expected are booked
//! on a copy of the state, by the same functions as real ones, and what becomes of them is told.

pub mod backtest;
mod coverable;
mod due;
pub mod expected;
pub mod forecast;
pub mod history;
pub mod method;
pub mod open_month;
mod run;
pub mod trials;

use crate::money::{Money, SCALE};

/// Units of [`Money`] in one of a currency; exactly, since it is a power of two times one of five that
/// a float holds.
const UNITS: f64 = 1e18;

/// About how much an amount is.
#[must_use]
pub fn approximate(amount: Money) -> f64 {
    amount.units() as f64 / UNITS
}

/// An amount in whole minor units.
#[must_use]
pub fn rounded(amount: f64, digits: u32) -> Money {
    Coins::new(digits).take(amount)
}

/// Amounts in whole minor units, what is rounded off carried on to the next one, so that their sum
/// is right to the minor unit.
#[derive(Debug)]
struct Coins {
    /// How many units a coin is.
    units: i128,
    carried: f64,
}

impl Coins {
    fn new(digits: u32) -> Coins {
        Coins {
            units: 10_i128.pow(SCALE - digits),
            carried: 0.0,
        }
    }

    /// The amount in minor units. What is no amount at all is nothing.
    fn take(&mut self, amount: f64) -> Money {
        let coin = UNITS / self.units as f64;
        let limit = approximate(Money::LIMIT);
        let wanted = self.carried + amount.clamp(-limit, limit);
        if !wanted.is_finite() {
            return Money::ZERO;
        }
        let coins = (wanted * coin).round();
        self.carried = wanted - coins / coin;
        Money::from_units(coins as i128 * self.units)
    }
}
