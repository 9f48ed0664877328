//! Sizes in bytes, such as `64MiB`, in pipeline files and on the command line.
//!
//! A size is a whole number and an optional unit, in either case, with or without a space between
//! them:
//!
//! | unit | bytes |
//! |---|---|
//! | none, `B` | 1 |
//! | `K`, `KiB`; `M`, `MiB`; `G`, `GiB` | 1024; 1024²; 1024³ |
//! | `KB`; `MB`; `GB` | 1000; 1000²; 1000³ |

use std::fmt;

/// The JSON Schema pattern of texts that [`parse`] accepts.
pub(super) const PATTERN: &str = r"^\d+ ?([KMGkmg]?[Bb]|[KMGkmg]([Ii][Bb])?)?$";

/// Parses a size in bytes.
///
/// # Errors
/// If the text is no size, or the size does not fit 64 bits.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    let digits = number.trim();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SizeError::Form);
    }
    let bytes: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(SizeError::Unit(unit.to_owned())),
    };
    let size = digits.parse().ok().and_then(|number: u64| number.checked_mul(bytes));
    size.ok_or(SizeError::Form)
}

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SizeError {
    /// It is not a number with an optional unit, or it is too large.
    Form,
    /// The unit is unknown.
    Unit(String),
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SizeError::Form => f.write_str("expected a size such as 64MiB"),
            SizeError::Unit(unit) => {
                write!(f, "unknown unit \"{unit}\"; use KiB, MiB, GiB, KB, MB or GB")
            }
        }
    }
}

impl std::error::Error for SizeError {}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn the_parser_and_the_schema_accept_the_same_sizes() {
        let pattern = Regex::new(PATTERN).unwrap();
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("12B", 12),
            ("64MiB", 64 << 20),
            ("64 MiB", 64 << 20),
            ("2k", 2 << 10),
            ("3gib", 3 << 30),
            ("5KB", 5_000),
            ("6mb", 6_000_000),
            ("7 GB", 7_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
            assert!(pattern.is_match(text), "{text}");
        }
        for text in ["", "many", "MiB", "-1", "+1", "1.5MiB", "1 2", "1TiB", "1 MiBs", "1i"] {
            assert!(parse(text).is_err(), "{text}");
            assert!(!pattern.is_match(text), "{text}");
        }
    }

    #[test]
    fn errors_name_an_unknown_unit() {
        let message = |text| parse(text).unwrap_err().to_string();
        assert_eq!(message("1TiB"), "unknown unit \"TiB\"; use KiB, MiB, GiB, KB, MB or GB");
        assert_eq!(message("many"), "expected a size such as 64MiB");
        assert_eq!(message("99999999999 GiB"), "expected a size such as 64MiB");
    }
}
