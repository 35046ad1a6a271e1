//! What holds from a day on: a switch, an owner. Asked for a day, never for "now".

use chrono::NaiveDate;

/// Values by the day from which on they hold, in the order of days; of several set for one day
/// the last one counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated<T>(Vec<(NaiveDate, T)>);

impl<T> Default for Dated<T> {
    fn default() -> Dated<T> {
        Dated(Vec::new())
    }
}

impl<T> FromIterator<(NaiveDate, T)> for Dated<T> {
    fn from_iter<I: IntoIterator<Item = (NaiveDate, T)>>(values: I) -> Dated<T> {
        let mut dated = Dated::default();
        for (from, value) in values {
            dated.set(from, value);
        }
        dated
    }
}

impl<T> Dated<T> {
    /// Sets what holds from a day on, until the next day for which something is set.
    pub fn set(&mut self, from: NaiveDate, value: T) {
        let at = self.0.partition_point(|(day, _)| *day <= from);
        self.0.insert(at, (from, value));
    }

    /// What holds at the end of a day; nothing before the first value.
    #[must_use]
    pub fn on(&self, day: NaiveDate) -> Option<&T> {
        let until = self.0.partition_point(|(from, _)| *from <= day);
        let (_, value) = self.0.get(until.checked_sub(1)?)?;
        Some(value)
    }

    /// Since when what holds at the end of a day holds without a break; nothing where it is
    /// `before`, what holds before the first value, and was never anything else.
    #[must_use]
    pub fn since(&self, day: NaiveDate, before: &T) -> Option<NaiveDate>
    where
        T: PartialEq,
    {
        let value = self.on(day)?;
        let until = self.0.partition_point(|(from, _)| *from <= day);
        // Of several values of one day only the last one ever held.
        let held = self.0.iter().take(until).map(|(from, _)| *from);
        let mut days: Vec<NaiveDate> = held.collect();
        days.dedup();
        let same = days.iter().rev();
        let same = same.take_while(|from| self.on(**from) == Some(value));
        match same.copied().last() {
            first if first == days.first().copied() && value == before => None,
            first => first,
        }
    }

    /// All values with their days, in order.
    pub fn iter(&self) -> impl Iterator<Item = &(NaiveDate, T)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::parse_date;

    fn day(text: &str) -> NaiveDate {
        parse_date(text).expect("a date")
    }

    #[test]
    fn the_last_value_set_for_a_day_counts_until_the_next_day() {
        let values = [
            ("2026-02-01", "b"),
            ("2026-01-01", "a"),
            ("2026-02-01", "c"),
        ];
        let dated: Dated<&str> = values
            .map(|(from, value)| (day(from), value))
            .into_iter()
            .collect();
        for (asked, expected) in [
            ("2025-12-31", None),
            ("2026-01-01", Some(&"a")),
            ("2026-01-31", Some(&"a")),
            ("2026-02-01", Some(&"c")),
            ("2030-01-01", Some(&"c")),
        ] {
            assert_eq!(dated.on(day(asked)), expected, "{asked}");
        }
    }

    #[test]
    fn what_holds_does_so_since_the_last_day_that_changed_it() {
        let values = [
            ("2026-01-01", "a"),
            ("2026-02-01", "b"),
            ("2026-02-01", "a"),
            ("2026-03-01", "c"),
            ("2026-04-01", "a"),
        ];
        let dated: Dated<&str> = values
            .map(|(from, value)| (day(from), value))
            .into_iter()
            .collect();
        for (asked, before, expected) in [
            ("2025-12-31", "a", None),
            ("2026-02-15", "a", None),
            ("2026-02-15", "z", Some("2026-01-01")),
            ("2026-03-31", "a", Some("2026-03-01")),
            ("2030-01-01", "a", Some("2026-04-01")),
        ] {
            let since = dated.since(day(asked), &before);
            assert_eq!(since, expected.map(day), "{asked} {before}");
        }
    }
}
