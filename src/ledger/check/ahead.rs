//! Alerts of what is to come: credits that lapse, and a card that pays.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::ledger::names::Currency;
use crate::money::Money;

use super::{Alert, Lapse, Runway};

/// End dates on which more lapses in a currency than wanted.
pub(super) fn waste_above(lapses: &[Lapse], limit: Money) -> Vec<Alert> {
    let mut by_end: BTreeMap<(NaiveDate, Currency), Vec<&Lapse>> = BTreeMap::new();
    for lapse in lapses.iter().filter(|lapse| lapse.unused.is_positive()) {
        let together = by_end.entry((lapse.end_date, lapse.currency)).or_default();
        together.push(lapse);
    }
    let mut alerts = Vec::new();
    for ((end_date, currency), mut lapses) in by_end {
        let unused: Money = lapses.iter().map(|lapse| lapse.unused).sum();
        if unused > limit {
            lapses.sort_by_key(|lapse| (Reverse(lapse.unused), lapse.credit));
            alerts.push(Alert::WasteAbove {
                currency,
                end_date,
                unused,
                limit,
                credits: lapses.iter().map(|lapse| lapse.credit).collect(),
            });
        }
    }
    alerts
}

/// Currencies in which the card pays sooner than wanted.
pub(super) fn runway_below(runways: &[Runway], limit: u32) -> Vec<Alert> {
    let mut short: Vec<&Runway> = runways.iter().filter(|one| one.tenths < limit).collect();
    short.sort_by_key(|runway| runway.currency);
    let alerts = short.into_iter().map(|runway| Alert::RunwayBelow {
        runway: runway.clone(),
        limit,
    });
    alerts.collect()
}

#[cfg(test)]
mod tests {
    use crate::ledger::names::CreditId;
    use crate::period::{Month, parse_date};

    use super::*;

    fn money(text: &str) -> Money {
        Money::parse(text).expect("an amount")
    }

    fn lapse(words: &str) -> Lapse {
        let words: Vec<&str> = words.split(' ').collect();
        Lapse {
            credit: CreditId::parse(words[0]).expect("a credit"),
            currency: Currency::new(words[1]).expect("a currency"),
            end_date: parse_date(words[2]).expect("a date"),
            unused: money(words[3]),
        }
    }

    /// What fires of lapses, as `END CURRENCY UNUSED CREDITS`.
    #[track_caller]
    fn wastes(lapses: &[&str], limit: &str, expected: &[&str]) {
        let lapses: Vec<Lapse> = lapses.iter().map(|words| lapse(words)).collect();
        let fired = waste_above(&lapses, money(limit));
        let fired: Vec<String> = fired
            .iter()
            .map(|alert| match alert {
                Alert::WasteAbove {
                    currency,
                    end_date,
                    unused,
                    credits,
                    ..
                } => format!("{end_date} {currency} {} {credits:?}", unused.text(2)),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(fired, expected);
    }

    #[test]
    fn what_lapses_fires_above_its_limit_and_not_at_it() {
        let lapses = ["C2 USD 2026-12-31 100"];
        wastes(&lapses, "100.01", &[]);
        wastes(&lapses, "100", &[]);
        wastes(&lapses, "99.99", &["2026-12-31 USD 100.00 [C2]"]);
        wastes(&["C2 USD 2026-12-31 0"], "0", &[]);
    }

    #[test]
    fn what_lapses_on_one_day_counts_together_the_most_first() {
        let lapses = [
            "C2 USD 2026-12-31 40",
            "C3 USD 2026-12-31 60.5",
            "C4 USD 2026-12-31 40",
            "C5 USD 2026-12-31 0",
        ];
        wastes(&lapses, "140", &["2026-12-31 USD 140.50 [C3, C2, C4]"]);
    }

    #[test]
    fn days_and_currencies_are_told_apart() {
        let lapses = [
            "C4 USD 2027-01-31 70",
            "C2 USD 2026-12-31 60",
            "C3 EUR 2026-12-31 60",
        ];
        wastes(&lapses, "70", &[]);
        let each = [
            "2026-12-31 EUR 60.00 [C3]",
            "2026-12-31 USD 60.00 [C2]",
            "2027-01-31 USD 70.00 [C4]",
        ];
        wastes(&lapses, "59", &each);
    }

    #[test]
    fn a_runway_fires_below_its_limit_and_not_at_it() {
        let runway = |code, tenths| Runway {
            currency: Currency::new(code).expect("a currency"),
            card_starts_in: Month::parse("2026-07").expect("a month"),
            tenths,
            card: money("12"),
        };
        let both = [runway("USD", 29), runway("EUR", 40)];
        assert_eq!(runway_below(&both, 28), []);
        assert_eq!(runway_below(&both, 29), []);
        let fires = |runway: &Runway, limit| Alert::RunwayBelow {
            runway: runway.clone(),
            limit,
        };
        assert_eq!(runway_below(&both, 30), [fires(&both[0], 30)]);
        let sorted = [fires(&both[1], 41), fires(&both[0], 41)];
        assert_eq!(runway_below(&both, 41), sorted);
    }
}
