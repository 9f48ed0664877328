//! The sides of a line, and the characters with which the index looks lines up at a side: in lower
//! case, and with and without bullets, closers and numbers. A pattern is anchored at one side, at
//! both or at none.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Where on a line a pattern must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The whole line.
    Line,
    /// The start of the line.
    Start,
    /// The end of the line.
    End,
    /// Anywhere in the line.
    Inside,
    /// Anywhere in the line; a match excludes the line from the rule.
    Unless,
}

/// An end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Side {
    Start,
    End,
}

impl Side {
    /// The opposite side.
    pub(crate) fn other(self) -> Side {
        match self {
            Side::Start => Side::End,
            Side::End => Side::Start,
        }
    }
}

/// The number of bytes of a literal that the index uses.
pub(crate) const LITERAL: usize = 8;

/// Bullets, arrows and opening brackets that may precede a line.
const BULLETS: &str = "*-|<>=#_+(['\"»«›‹→←↑•▶►·—–‣▪○‐‑‒―▸●◆◇■□★☆◎※▼▲【〈《「『〔［（＜";

/// Punctuation, arrows and closing brackets that may follow a line.
const CLOSERS: &str = "*-|>=#_+)].:!?»›→↑↓►▶◆■▼▲·•】〉》」』…—。।۔؟";

/// Pictographs that sites print before or after a notice.
const PICTOGRAPHS: &str =
    "➡➤➜➔⬇⬆⤵👉👇📌📍✅✔📲📱📧✉🔴🔵🟢⚠ℹ📺🎧🎙📷📸🎥📹📰🗞📢📣🔔⭐⚡✍💬❗🔗💡🗣🔎🛑\u{fe0f}";

/// Whether a character may precede or follow a line as one of [`BULLETS`], [`CLOSERS`] or
/// [`PICTOGRAPHS`]. The index looks lines up with and without these.
pub(crate) fn is_skipped(c: char, side: Side) -> bool {
    static SIDES: LazyLock<FxHashMap<char, [bool; 2]>> = LazyLock::new(|| {
        let all = [BULLETS, CLOSERS, PICTOGRAPHS].concat();
        let at = |c, own: &str| own.contains(c) || PICTOGRAPHS.contains(c);
        all.chars().map(|c| (c, [at(c, BULLETS), at(c, CLOSERS)])).collect()
    });
    !c.is_ascii_alphanumeric() && SIDES.get(&c).is_some_and(|sides| sides[side as usize])
}

/// Whether a character may precede a phrase that begins with a number, or follow one that ends with
/// a number. The index also looks lines up without these.
pub(crate) fn is_numbering(c: char) -> bool {
    matches!(c, ' ' | ',') || is_digit(c) || is_skipped(c, Side::Start) || is_skipped(c, Side::End)
}

/// The zero digits of the scripts in use.
pub(super) const DIGITS: [char; 5] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}'];

#[inline]
pub(crate) fn is_digit(c: char) -> bool {
    let other = || {
        DIGITS.iter().any(|zero| (u32::from(*zero)..u32::from(*zero) + 10).contains(&u32::from(c)))
    };
    c.is_ascii_digit() || !c.is_ascii() && other()
}

/// The lower case of a character, if it is one character. Used for both patterns and lines.
#[inline]
pub(crate) fn lower(c: char) -> char {
    if c.is_ascii() { c.to_ascii_lowercase() } else { lower_other(c) }
}

fn lower_other(c: char) -> char {
    if c == 'ς' {
        // The upper case does not distinguish a final sigma.
        return 'σ';
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        // The Kelvin sign is kept, because text is searched for ASCII letters without folding.
        (Some(one), None) if !one.is_ascii() => one,
        _ => c,
    }
}
