//! Placeholders: private-use characters that stand for something else in a regex or in a phrase of
//! the lexicon. In a regex, they stand for a list of phrases or for a shape; in a phrase, for a slot,
//! a number or any ending.

use std::ops::Range;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir};

/// Stands for the slot of a phrase.
pub(crate) const SLOT: char = '\u{e000}';

/// Stands for a number in a phrase.
pub(crate) const NUMBER: char = '\u{e001}';

/// Follows a word that matches with any ending.
pub(crate) const ENDING: char = '\u{e002}';

/// The character that stands for the first list of a regex. The next list is the next character.
pub(crate) const FIRST_LIST: char = '\u{f0000}';

/// The character that stands for the first of the [`SHAPES`](super::shapes::SHAPES) in a regex.
pub(crate) const FIRST_SHAPE: char = '\u{f1000}';

/// The last character that can stand for a shape.
const LAST_SHAPE: char = '\u{f1fff}';

/// The index of the list that a character of a regex stands for.
pub(crate) fn list_of(c: char) -> Option<usize> {
    (FIRST_LIST..FIRST_SHAPE).contains(&c).then(|| c as usize - FIRST_LIST as usize)
}

/// The index of the shape that a character of a regex stands for.
pub(crate) fn shape_of(c: char) -> Option<usize> {
    (FIRST_SHAPE..=LAST_SHAPE).contains(&c).then(|| c as usize - FIRST_SHAPE as usize)
}

/// Whether a character of a regex is a placeholder.
pub(crate) fn is_in_regex(c: char) -> bool {
    list_of(c).is_some() || shape_of(c).is_some()
}

/// Whether a character of a phrase is a placeholder.
pub(crate) fn is_in_phrase(c: char) -> bool {
    matches!(c, SLOT | NUMBER | ENDING)
}

/// The first character that a user wrote and that would be read as a placeholder: its bytes, and a
/// message.
pub(crate) fn find_written(
    text: &str,
    is_placeholder: fn(char) -> bool,
) -> Option<(Range<usize>, String)> {
    let (at, c) = text.char_indices().find(|(_, c)| is_placeholder(*c))?;
    let code = u32::from(c);
    let message =
        format!("U+{code:04X} is a private-use character with an internal meaning; remove it");
    Some((at..at + c.len_utf8(), message))
}

/// Splits a class into its lists and shapes and the rest, if it contains any. Regex parsers join
/// alternatives of one character, such as `{you}|@`, into a class.
pub(crate) fn split_lists(class: &ClassUnicode) -> Option<Vec<Hir>> {
    // Negated classes such as `[^,]` contain all of these characters.
    let ranges = class.ranges();
    let listed =
        |range: &&ClassUnicodeRange| range.start() >= FIRST_LIST && range.end() <= LAST_SHAPE;
    let lists: Vec<ClassUnicodeRange> = ranges.iter().filter(listed).copied().collect();
    if lists.is_empty() {
        return None;
    }
    let chars = lists.iter().flat_map(|range| range.start()..=range.end());
    let mut ways: Vec<Hir> = chars.map(|c| Hir::literal(c.to_string().into_bytes())).collect();
    let rest = ranges.iter().filter(|range| !listed(range)).copied();
    let rest = ClassUnicode::new(rest);
    if !rest.ranges().is_empty() {
        ways.push(Hir::class(Class::Unicode(rest)));
    }
    Some(ways)
}
