//! Checks whether dates exist in the Gregorian calendar. Used for dates in rule files and in texts.

use std::fmt;

/// Whether the Gregorian calendar has this date.
pub fn is_date(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    };
    year > 0 && (1..=days).contains(&day)
}

/// Checks that a text is a date that exists, written as `2024-05-31`.
///
/// # Errors
/// If the text has another form, or the date does not exist.
pub fn check_day(text: &str) -> Result<(), DayError> {
    match written_date(text) {
        Some((year, month, day)) if is_date(year, month, day) => Ok(()),
        Some(_) => Err(DayError::NoSuchDay(text.to_owned())),
        None => Err(DayError::Form),
    }
}

/// Why a text is not a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DayError {
    /// It is not written as `2024-05-31`.
    Form,
    /// The calendar has no such day.
    NoSuchDay(String),
}

impl fmt::Display for DayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DayError::Form => f.write_str("expected a day such as 2024-05-31"),
            DayError::NoSuchDay(day) => write!(f, "{day} is not a day of the calendar"),
        }
    }
}

impl std::error::Error for DayError {}

/// Whether `text` is an existing date in the form `2024-05-31`.
pub fn is_day(text: &str) -> bool {
    check_day(text).is_ok()
}

/// Year, month and day of a text such as `2024-05-31`, whether or not that date exists.
fn written_date(text: &str) -> Option<(u32, u32, u32)> {
    let number = |part: Option<&str>, digits: usize| -> Option<u32> {
        let part = part?;
        let valid = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        valid.then(|| part.parse().ok()).flatten()
    };
    let mut parts = text.split('-');
    let mut part = |digits| number(parts.next(), digits);
    let date = (part(4)?, part(2)?, part(2)?);
    parts.next().is_none().then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_their_days() {
        let days: u32 = (1..=12)
            .map(|month| (1..=99).filter(|d| is_date(2023, month, *d)).count() as u32)
            .sum();
        assert_eq!(days, 365);
        for (year, leap) in [(2000, true), (1900, false), (2024, true), (2023, false)] {
            assert_eq!(is_date(year, 2, 29), leap, "{year}");
        }
        assert!(
            !is_date(2024, 0, 1)
                && !is_date(2024, 13, 1)
                && !is_date(2024, 1, 0)
                && !is_date(0, 1, 1)
        );
    }

    #[test]
    fn days_exist_and_are_written_in_one_way() {
        assert!(is_day("2024-02-29") && is_day("0001-12-31"));
        for text in ["2024-02-31", "2023-02-29", "2024-04-31", "2024-13-01", "0000-01-01"] {
            assert!(!is_day(text), "{text}");
        }
        for text in ["2024-1-01", "2024-05-31x", "2024-05-31-", "+024-05-31", "20240531", ""] {
            assert!(!is_day(text), "{text}");
        }
        assert!(!is_day("٢٠٢٤-٠٥-٣١"));
    }

    #[test]
    fn errors_distinguish_days_that_do_not_exist_from_other_text() {
        assert_eq!(check_day("2024-02-29"), Ok(()));
        let message = |text: &str| check_day(text).map_err(|error| error.to_string());
        let missing = "2024-02-31 is not a day of the calendar".to_owned();
        assert_eq!(message("2024-02-31"), Err(missing));
        let form = "expected a day such as 2024-05-31".to_owned();
        assert_eq!(message("31 February"), Err(form));
    }
}
