//! Lists of phrases: the compiled form of a `{kind}` of the lexicon in a pattern.
//!
//! A list is a graph of phrases. To match at an offset of a key, characters are read one by one
//! until the text differs from all phrases. The cost depends on the length of the text and not on the
//! number of phrases.
//!
//! Case is ignored, and any number counts as one character. Phrases with accents, commas, or spaces
//! next to non-ASCII letters are listed with and without them, because writers differ in these, and
//! numbers in scripts without spaces with and without spaces around them.

use std::sync::Arc;

use chaffinch_stage::script;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use xxhash_rust::xxh3::xxh3_64;

use super::graph::{Graph, PackedGraph};
use super::placeholders::{ENDING, NUMBER};
use super::sides::{DIGITS, LITERAL, Side, is_digit, is_numbering, lower};
use crate::bytes::ByteSet;
use crate::key;
use crate::table::packed;

/// A list of a pattern. Many patterns share one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) phrases: Arc<Phrases>,
    pub(crate) outermost: Arc<Outermost>,
    /// A digest of the phrases.
    pub(crate) digest: u64,
}

impl List {
    pub(crate) fn of(phrases: &[&str], borders: (bool, bool)) -> List {
        let spelled: Vec<String> = phrases.iter().flat_map(|phrase| spellings(phrase)).collect();
        let outermost = Outermost::of(&spelled, borders).into();
        let phrases = Phrases::of(&spelled, borders);
        List { digest: phrases.digest(), phrases: phrases.into(), outermost }
    }
}

impl Phrases {
    pub(crate) fn packed(&self) -> PackedPhrases<'_> {
        let Phrases { graph, borders, first } = self;
        PackedPhrases { graph: graph.packed(), borders: *borders, first: *first }
    }

    fn digest(&self) -> u64 {
        xxh3_64(&packed(&self.packed()))
    }
}

/// A list of phrases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Phrases {
    /// The phrases in lower case. [`COMPLETE`] and [`STEM`] are their tags.
    graph: Graph,
    /// Whether phrases must begin and end at word boundaries.
    borders: (bool, bool),
    /// The bytes that a phrase may begin with.
    first: ByteSet,
}

/// The packed form of [`Phrases`].
#[derive(Serialize, Deserialize)]
pub(crate) struct PackedPhrases<'a> {
    #[serde(borrow)]
    graph: PackedGraph<'a>,
    borders: (bool, bool),
    first: ByteSet,
}

impl PackedPhrases<'_> {
    /// Unpacks a list that is a part of `all`.
    pub(crate) fn into_phrases(self, all: &Arc<[u8]>) -> Phrases {
        let PackedPhrases { graph, borders, first } = self;
        Phrases { graph: graph.into_graph(all), borders, first }
    }
}

/// The tag of a phrase.
const COMPLETE: u8 = 1;

/// The tag of a word that matches with any ending.
const STEM: u8 = 2;

/// The maximum length, in characters, of a word that is listed only with its accents.
const SHORT_WORD: usize = 4;

/// The length in bytes from which the ends of a phrase are selective enough for the index.
const SHORT: usize = 3;

/// How the phrases of a list begin and end, for the index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outermost {
    sides: [Vec<PhraseEnd>; 2],
}

/// How a phrase begins or ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PhraseEnd {
    /// Up to [`LITERAL`] bytes.
    pub(crate) text: String,
    /// Whether `text` is the complete phrase, and what follows may be appended.
    pub(crate) complete: bool,
    /// Whether a word ends with `text`, so that no ASCII letter or digit follows one, counted from its
    /// side.
    pub(crate) bordered: bool,
    /// Whether a number, with the characters skipped around numbers, precedes the text, counted
    /// from its side.
    pub(crate) numbered: bool,
}

impl Outermost {
    pub(crate) fn side(&self, side: Side) -> &[PhraseEnd] {
        &self.sides[side as usize]
    }

    /// A superset of the bytes with which phrases begin or end, in any case.
    pub(crate) fn bytes(&self, side: Side) -> ByteSet {
        let mut bytes = ByteSet::of([0, 0, u64::MAX, u64::MAX]);
        for end in self.side(side) {
            let text = end.text.as_bytes();
            let outer = match side {
                Side::Start => text.first(),
                Side::End => text.last(),
            };
            let Some(outer) = outer.filter(|_| !end.numbered) else { return ByteSet::ALL };
            bytes.add(*outer);
            bytes.add(outer.to_ascii_uppercase());
        }
        bytes
    }

    /// The beginnings and ends of phrases with these spellings.
    fn of(spelled: &[String], borders: (bool, bool)) -> Outermost {
        let mut sides = [Vec::new(), Vec::new()];
        for text in spelled {
            for (side, border) in [(Side::Start, borders.1), (Side::End, borders.0)] {
                sides[side as usize].extend(outermost(text, side, border));
            }
        }
        for side in &mut sides {
            side.sort_unstable();
            side.dedup();
        }
        Outermost { sides }
    }
}

/// The spellings of a phrase in lower case: with and without accents, commas and spaces, and with spaces
/// around numbers in scripts without spaces.
fn spellings(phrase: &str) -> Vec<String> {
    let key = key::key(phrase);
    let mut all = vec![key.chars().map(lower).collect::<String>()];
    let mut also = |change: &dyn Fn(&str) -> String| {
        for at in 0..all.len() {
            let changed = change(&all[at]);
            all.extend((changed != all[at]).then_some(changed));
        }
    };
    // There are hundreds of thousands of phrases, so changes that are not possible are not tried.
    let is_plain = |c: char| c == NUMBER || c.is_ascii();
    let is_wide = !phrase.chars().all(is_plain);
    // A short word without its accent may be another word: Norwegian "vår" and "var".
    if is_wide && (phrase.contains(' ') || phrase.chars().count() > SHORT_WORD) {
        also(&|text| text.chars().map(unaccented).collect());
    }
    if phrase.contains(|c| !is_plain(c) || matches!(c, ',' | ':')) {
        also(&|text| text.replace([',', ':'], ""));
    }
    if !is_wide {
        return all;
    }
    also(&|text| {
        let mut joined = String::with_capacity(text.len());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let plain = |c: Option<char>| c.is_none_or(is_plain);
            let beside = (joined.chars().next_back(), chars.peek().copied());
            if c != ' ' || plain(beside.0) && plain(beside.1) {
                joined.push(c);
            }
        }
        joined
    });
    if phrase.contains(NUMBER) {
        // Some writers of scripts without spaces put them around numbers, on one side or both.
        also(&|text| spaced(text, |c, next| script::is_unspaced(c) && next == NUMBER));
        also(&|text| spaced(text, |c, next| c == NUMBER && script::is_unspaced(next)));
    }
    all
}

/// The text with a space between each two characters for which `between` is true.
fn spaced(text: &str, between: impl Fn(char, char) -> bool) -> String {
    let mut spaced = String::with_capacity(text.len());
    let mut before = None;
    for c in text.chars() {
        if before.is_some_and(|before| between(before, c)) {
            spaced.push(' ');
        }
        spaced.push(c);
        before = Some(c);
    }
    spaced
}

/// The outermost bytes of a phrase, up to a number or an open ending. If it begins with a number,
/// the bytes after the number. A phrase that is only a number begins with any digit. `border` is whether the
/// phrase must end at a word boundary, counted from its side.
fn outermost(text: &str, side: Side, border: bool) -> Vec<PhraseEnd> {
    let numbering = |c: char| c == NUMBER || is_numbering(c);
    let bare = match side {
        Side::Start => text.trim_start_matches(numbering),
        Side::End => text.trim_end_matches(numbering),
    };
    let numbered = match side {
        Side::Start => text[..text.len() - bare.len()].contains(NUMBER),
        Side::End => text[bare.len()..].contains(NUMBER),
    };
    let text = if numbered { bare } else { text };
    if text.is_empty() {
        let digits = DIGITS.iter().flat_map(|zero| (0..10).map(move |at| *zero as u32 + at));
        let digit = |c: char| PhraseEnd { text: c.to_string(), ..PhraseEnd::default() };
        return digits.filter_map(char::from_u32).map(digit).collect();
    }
    let open = |c: char| c == NUMBER || c == ENDING;
    let part = match side {
        Side::Start => text.split(open).next().unwrap_or_default(),
        Side::End => text.rsplit(open).next().unwrap_or_default(),
    };
    let cut = match side {
        Side::Start => &part[..part.floor_char_boundary(LITERAL)],
        Side::End => &part[part.ceil_char_boundary(part.len().saturating_sub(LITERAL))..],
    };
    // Joining what follows would make a longer text hardly more selective.
    let whole = cut.len() == text.len();
    let complete = whole && cut.len() < SHORT;
    vec![PhraseEnd { text: cut.to_owned(), complete, bordered: whole && border, numbered }]
}

impl Phrases {
    /// The list of phrases with these spellings.
    fn of(spelled: &[String], borders: (bool, bool)) -> Phrases {
        let mut list = Phrases { borders, ..Phrases::default() };
        let mut words = Vec::with_capacity(spelled.len());
        // All non-ASCII bytes, because an upper-case character may begin with another byte than its
        // lower case.
        (0x80..=0xff).for_each(|byte| list.first.add(byte));
        for text in spelled {
            let (text, tag) = match text.strip_suffix(ENDING) {
                Some(stem) => (stem, STEM),
                None => (&**text, COMPLETE),
            };
            match text.chars().next() {
                Some(NUMBER) => (b'0'..=b'9').for_each(|byte| list.first.add(byte)),
                Some(c) if c.is_ascii() => {
                    list.first.add(c as u8);
                    list.first.add(c.to_ascii_uppercase() as u8);
                }
                _ => {}
            }
            words.push((text.chars().filter(|c| *c != ENDING).collect(), tag));
        }
        list.graph = Graph::of(words);
        list
    }

    /// The bytes that a phrase may begin with.
    pub(crate) fn first(&self) -> ByteSet {
        self.first
    }

    /// Whether phrases begin only at word boundaries.
    pub(crate) fn begins_words(&self) -> bool {
        self.borders.0
    }

    /// Calls `each` with the ends of the phrases that begin at `at`, shorter phrases first.
    pub(crate) fn ends(&self, key: &str, at: usize, mut each: impl FnMut(usize)) {
        let rest = &key[at..];
        let Some(first) = rest.chars().next() else { return };
        if !self.first.has(rest.as_bytes()[0]) {
            return;
        }
        let before = key[..at].chars().next_back();
        let word = |c: Option<char>| c.is_some_and(is_word);
        let inside = || self.borders.0 && is_word(first) && word(before);
        // Most words are ASCII. For other characters, the filter is faster.
        if first.is_ascii() && inside() || first == ' ' {
            return;
        }
        let mut position = self.graph.start();
        let mut chars = rest.char_indices().peekable();
        while let Some((place, c)) = chars.next() {
            let mut end = at + place + c.len_utf8();
            let next = if is_digit(c) {
                let number = |c: char| is_digit(c) || c == '.' || c == ',';
                let digits = &key[end..];
                let run = digits.len() - digits.trim_start_matches(number).len();
                // Punctuation after a number does not belong to it.
                let run = digits[..run].trim_end_matches(['.', ',']).len();
                end += run;
                while chars.next_if(|(place, _)| at + *place < end).is_some() {}
                NUMBER
            } else {
                lower(c)
            };
            if !position.step(next) {
                return;
            }
            let tag = position.tag();
            let splits = || self.borders.1 && is_word(c) && word(key[end..].chars().next());
            if tag & COMPLETE != 0 && !inside() && !splits() {
                each(end);
            }
            if tag & STEM != 0 && !inside() {
                let ending = &key[end..];
                each(key.len() - ending.trim_start_matches(is_letter).len());
            }
        }
    }
}

fn is_letter(c: char) -> bool {
    is_word(c) || key::is_mark(c)
}

/// Whether a character belongs to a word in a script with spaces.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() && c.is_alphanumeric() && !script::is_unspaced(c)
}

/// A Latin or Greek letter without its accent. Other characters are returned unchanged.
fn unaccented(c: char) -> char {
    match c {
        '\u{c0}'..='\u{24f}' | '\u{370}'..='\u{3ff}' | '\u{1e00}'..='\u{1fff}' => {
            std::iter::once(c).nfd().next().unwrap_or(c)
        }
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(phrases: &[&str], key: &str, at: usize) -> Vec<usize> {
        let list = List::of(phrases, (true, true)).phrases;
        let mut all = Vec::new();
        list.ends(key, at, |end| all.push(end));
        all
    }

    #[test]
    fn phrases_match_in_any_case_spacing_and_accent() {
        let list = ["read also", "read", "Lire aussi", "à lire", "あわせて読みたい"];
        assert_eq!(ends(&list, "READ ALSO: x", 0), [4, 9]);
        assert_eq!(ends(&list, "reader", 0), [0_usize; 0]);
        assert_eq!(ends(&list, "A LIRE", 0), [6]);
        assert_eq!(ends(&list, "あわせて読みたい記事", 0), [24]);
        assert_eq!(ends(&list, "reread", 2), [0_usize; 0]);
    }

    #[test]
    fn numbers_and_endings_are_open() {
        let comments = format!("({NUMBER} comments)");
        assert_eq!(ends(&[&comments], "(1,234 comments)", 0), [16]);
        let stem = format!("abonn{ENDING}");
        assert_eq!(ends(&[&stem], "abonnez-vous", 0), [7]);
        let last = format!("page {NUMBER}");
        assert_eq!(ends(&[&last], "page 12. x", 0), [7]);
    }

    #[test]
    fn numbers_in_scripts_without_spaces_may_have_spaces_around_them() {
        let left = format!("残り{NUMBER}文字");
        for key in ["残り1,234文字", "残り 1,234文字", "残り1,234 文字", "残り 1,234 文字"]
        {
            assert_eq!(ends(&[&left], key, 0), [key.len()], "{key}");
        }
        assert_eq!(ends(&[&left], "残 り1文字", 0), [0_usize; 0]);
        let page = format!("page{NUMBER}of");
        assert_eq!(ends(&[&page], "page 2 of", 0), [0_usize; 0]);
    }

    #[test]
    fn the_index_knows_every_spelling() {
        let number = format!("{NUMBER} min");
        let outer = List::of(&["à lire", "続き を読む", &number], (true, true)).outermost;
        let starts: Vec<&str> = outer.side(Side::Start).iter().map(|end| &*end.text).collect();
        for start in ["à lire", "a lire", "続き ", "続き", "min"] {
            assert!(starts.iter().any(|known| known.starts_with(start)), "{start} {starts:?}");
        }
    }
}
