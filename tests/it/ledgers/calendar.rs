//! Days and months as text, counted on the fingers. Nothing of the library, nothing of chrono.

/// The month of a day, or of a month.
pub(crate) fn month_of(day: &str) -> String {
    day[..7].to_owned()
}

/// The first day of a month.
pub(crate) fn first_day(month: &str) -> String {
    format!("{month}-01")
}

/// The last day of a month.
pub(crate) fn last_day(month: &str) -> String {
    let (year, number) = parts(month);
    format!("{month}-{:02}", days_in(year, number))
}

/// The month after.
pub(crate) fn next_month(month: &str) -> String {
    let (year, number) = parts(month);
    if number == 12 {
        format!("{:04}-01", year + 1)
    } else {
        format!("{year:04}-{:02}", number + 1)
    }
}

/// The month before.
pub(crate) fn month_before(month: &str) -> String {
    let (year, number) = parts(month);
    if number == 1 {
        format!("{:04}-12", year - 1)
    } else {
        format!("{year:04}-{:02}", number - 1)
    }
}

/// The day after.
pub(crate) fn next_day(day: &str) -> String {
    let month = month_of(day);
    if day == last_day(&month) {
        first_day(&next_month(&month))
    } else {
        format!("{month}-{:02}", number(&day[8..]) + 1)
    }
}

/// The day before.
pub(crate) fn day_before(day: &str) -> String {
    let month = month_of(day);
    if day.ends_with("-01") {
        last_day(&month_before(&month))
    } else {
        format!("{month}-{:02}", number(&day[8..]) - 1)
    }
}

/// So many days later.
pub(crate) fn days_later(day: &str, count: u32) -> String {
    (0..count).fold(day.to_owned(), |day, _| next_day(&day))
}

/// So many days earlier.
pub(crate) fn days_before(day: &str, count: u32) -> String {
    (0..count).fold(day.to_owned(), |day, _| day_before(&day))
}

/// The last day of a period of so many months: the same day of the month, less one; where that
/// month is too short for it, its last day. Nothing beyond the year 9999.
pub(crate) fn last_day_of_months(start: &str, count: u32) -> Option<String> {
    let (year, number) = parts(start);
    if year + (number - 1 + count) / 12 > 9999 {
        return None;
    }
    let month = (0..count).fold(month_of(start), |month, _| next_month(&month));
    let same_day = format!("{month}-{}", &start[8..]);
    if same_day > last_day(&month) {
        Some(last_day(&month))
    } else {
        Some(day_before(&same_day))
    }
}

fn parts(month: &str) -> (u32, u32) {
    (number(&month[..4]), number(&month[5..7]))
}

fn number(digits: &str) -> u32 {
    digits.parse().expect("digits")
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(400) || year.is_multiple_of(4) && !year.is_multiple_of(100);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[test]
fn days_and_months_follow_each_other_over_leap_years_and_turns_of_the_year() {
    assert_eq!(last_day("2024-02"), "2024-02-29");
    assert_eq!(last_day("2100-02"), "2100-02-28");
    assert_eq!(next_day("2023-12-31"), "2024-01-01");
    assert_eq!(day_before("2024-03-01"), "2024-02-29");
    assert_eq!(days_later("2024-01-20", 45), "2024-03-05");
    assert_eq!(month_before("2024-01"), "2023-12");
    let last = |start, count| last_day_of_months(start, count).expect("a day of these centuries");
    assert_eq!(last("2024-01-20", 3), "2024-04-19");
    assert_eq!(last("2024-01-31", 1), "2024-02-29");
    assert_eq!(last("2024-02-01", 1), "2024-02-29");
    assert_eq!(last_day_of_months("2024-02-01", 12 * 9998), None);
}
