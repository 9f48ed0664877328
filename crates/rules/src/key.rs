//! The key of a line: the form that patterns match.
//!
//! Patterns match the key, and cuts apply to the source, so that a no-break space, a curly quote or
//! a soft hyphen cannot hide a match. A key is trimmed; runs of white space are one space; quotes
//! are `'` and `"`; U+2010 and U+2011 are `-`, longer dashes `—`; zero-width and direction marks
//! are dropped (the Persian U+200C, which separates, is a space); old forms of letters and
//! letter-like signs are replaced by the letter; text with combining marks is in NFC. Bullets are
//! kept, and so are guillemets, which news sites use as separators.
//!
//! Spellings that writers of one language mix are folded together: the Arabic and Persian forms of
//! alef, yeh, kaf and heh, without vowel signs and tatweel; `ё` and `е`; the comma and the cedilla
//! below `s` and `t`; the Turkish `i` with and without its dot; full-width and ordinary ASCII.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use chaffinch_stage::script;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// The key of a line's text. Borrows if the text is its own key.
pub fn key(text: &str) -> Cow<'_, str> {
    let Keyed { key, .. } = Keyed::new(text);
    key
}

/// A key that maps its characters to ranges of the text.
#[derive(Debug)]
pub struct Keyed<'a> {
    key: Cow<'a, str>,
    /// The offset in the text at which the key begins.
    base: usize,
    /// The characters of the key that differ from the text, in order. Between them, key and text
    /// are equal.
    folded: Vec<Folded>,
}

/// A character of a key, and the range of text that it stands for.
#[derive(Debug)]
struct Folded {
    key: Range<usize>,
    text: Range<usize>,
}

impl<'a> Keyed<'a> {
    /// The key of `text`.
    pub fn new(text: &'a str) -> Keyed<'a> {
        let left = text.trim_start_matches(is_trimmed);
        let base = text.len() - left.len();
        let trimmed = left.trim_end_matches(is_trimmed);
        if own_length(trimmed) == trimmed.len() {
            return Keyed { key: Cow::Borrowed(trimmed), base, folded: Vec::new() };
        }
        let (key, folded) = build(trimmed);
        Keyed { key: Cow::Owned(key), base, folded }
    }

    /// The key as a string.
    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// The range of the text for a range of bytes of the key.
    pub fn text_range(&self, range: Range<usize>) -> Range<usize> {
        let start = self.text_of(range.start).start;
        let end = match range.is_empty() {
            true => start,
            false => self.text_of(range.end - 1).end,
        };
        start + self.base..end + self.base
    }

    /// The range of the trimmed text for one byte of the key.
    fn text_of(&self, at: usize) -> Range<usize> {
        let before = self.folded.partition_point(|folded| folded.key.start <= at);
        let Some(folded) = before.checked_sub(1).map(|at| &self.folded[at]) else {
            return at..at + 1;
        };
        match at.checked_sub(folded.key.end) {
            Some(further) => folded.text.end + further..folded.text.end + further + 1,
            None => folded.text.clone(),
        }
    }
}

/// The key of `trimmed`, which is not its own key. Unchanged stretches are copied at once; the
/// characters that differ are recorded.
fn build(trimmed: &str) -> (String, Vec<Folded>) {
    let (mut key, mut all) = (String::with_capacity(trimmed.len()), Vec::new());
    // The offset up to which text has been copied.
    let mut written = 0;
    loop {
        let at = written + own_length(&trimmed[written..]);
        let Some(c) = trimmed[at..].chars().next() else { break };
        // A combining mark belongs to the character before it, and so do dropped characters between
        // them.
        let joins = is_mark(c) || matches!(fold(c), Fold::Drop);
        let before = trimmed[written..at].char_indices().next_back().filter(|_| joins);
        let start = before.map_or(at, |(before, _)| written + before);
        key.push_str(&trimmed[written..start]);
        let count = all.len();
        written = fold_cluster(trimmed, start, &mut |c, text| {
            all.push(Folded { key: key.len()..key.len() + c.len_utf8(), text });
            key.push(c);
        });
        if all.len() == count {
            all.push(Folded { key: key.len()..key.len(), text: start..written });
        }
    }
    key.push_str(&trimmed[written..]);
    (key, all)
}

/// Folds a character together with the marks and dropped characters that belong to it. Passes the
/// results to `push` and returns the offset after them.
fn fold_cluster(trimmed: &str, start: usize, push: &mut impl FnMut(char, Range<usize>)) -> usize {
    let mut chars = trimmed[start..].char_indices().map(|(at, c)| (start + at, c)).peekable();
    let Some((_, c)) = chars.next() else { return trimmed.len() };
    let mut end = start + c.len_utf8();
    match fold(c) {
        Fold::Drop => {}
        Fold::To(' ') => {
            let joins = |c: char| matches!(fold(c), Fold::To(' ') | Fold::Drop);
            while let Some((at, next)) = chars.next_if(|(_, c)| joins(*c)) {
                end = at + next.len_utf8();
            }
            push(' ', start..end);
        }
        Fold::To(folded) => {
            let mut marked = false;
            let joins = |c: char| is_mark(c) || matches!(fold(c), Fold::Drop);
            while let Some((at, next)) = chars.next_if(|(_, c)| joins(*c)) {
                end = at + next.len_utf8();
                marked |= is_mark(next);
            }
            if !marked && !is_mark(c) {
                push(folded, start..end);
                return end;
            }
            let marks = trimmed[start + c.len_utf8()..end].chars().filter(|c| is_mark(*c));
            std::iter::once(folded).chain(marks).nfc().for_each(|c| push(c, start..end));
        }
    }
    end
}

pub(crate) enum Fold {
    To(char),
    Drop,
}

/// The form of a character of a text, or of a pattern's literal, in a key.
pub(crate) fn fold(c: char) -> Fold {
    Fold::To(match c {
        ' '..='~' => c,
        '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => return Fold::Drop,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            return Fold::Drop;
        }
        '‘' | '’' | '‚' | '‛' | 'ʼ' => '\'',
        '“' | '”' | '„' | '‟' => '"',
        '\u{2010}' | '\u{2011}' => '-',
        '\u{2012}'..='\u{2015}' => '—',
        // Signs and old forms of letters. Without them, most letters have exactly two cases.
        '\u{17f}' => 's',
        '\u{212a}' => 'K',
        '\u{212b}' => 'Å',
        '\u{1c80}' => 'в',
        '\u{1c81}' => 'д',
        '\u{1c82}' => 'о',
        '\u{1c83}' => 'с',
        '\u{1c84}' | '\u{1c85}' => 'т',
        '\u{1c86}' => 'ъ',
        // Vowel signs and tatweel, which most writers omit.
        '\u{640}' | '\u{64b}'..='\u{652}' | '\u{670}' => return Fold::Drop,
        'آ' | 'أ' | 'إ' | 'ٱ' => 'ا',
        'ى' | 'ی' => 'ي',
        'ک' => 'ك',
        'ة' | 'ۀ' | 'ہ' | 'ۃ' => 'ه',
        'ё' => 'е',
        'Ё' => 'Е',
        'ș' => 'ş',
        'Ș' => 'Ş',
        'ț' => 'ţ',
        'Ț' => 'Ţ',
        'İ' => 'I',
        'ı' => 'i',
        // The Persian separator within words, which many writers omit or replace by a space.
        '\u{200c}' => ' ',
        '！'..='～' => char::from_u32(u32::from(c) - FULL_WIDTH).unwrap_or(c),
        c if c.is_whitespace() => ' ',
        c => c,
    })
}

/// The distance between full-width forms and ASCII.
const FULL_WIDTH: u32 = '！' as u32 - '!' as u32;

/// Whether a text may contain letters that keys replace by another letter. Rare except in Arabic
/// script.
pub(crate) fn hides_letters(text: &str) -> bool {
    let bytes = text.as_bytes();
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    let begins = |first: u8, second: u8| {
        // U+017F; U+212A and U+212B; U+1C80 to U+1CBF.
        (first == 0xc5) & (second == 0xbf)
            | (first == 0xe2) & (second == 0x84)
            | (first == 0xe1) & (second == 0xb2)
            // The Turkish letters; the comma below; ё.
            | (first == 0xc4) & ((second == 0xb0) | (second == 0xb1))
            | (first == 0xc8) & matches!(second, 0x98..=0x9b)
            | (first == 0xd0) & (second == 0x81)
            | (first == 0xd1) & (second == 0x91)
            // Forms of Arabic letters and vowel signs; full-width forms.
            | matches!(first, 0xd8..=0xdb)
            | (first == 0xef) & ((second == 0xbc) | (second == 0xbd))
    };
    // Folding without an early exit lets the compiler vectorise the loop.
    pairs.fold(false, |any, (first, second)| any | begins(*first, *second))
}

fn is_trimmed(c: char) -> bool {
    matches!(fold(c), Fold::To(' ') | Fold::Drop)
}

pub(crate) fn is_mark(c: char) -> bool {
    c >= '\u{300}' && canonical_combining_class(c) != 0 && !matches!(fold(c), Fold::Drop)
}

/// Whether the first and last `N` bytes are printable ASCII without two consecutive spaces.
fn has_even_ends<const N: usize>(bytes: &[u8]) -> bool {
    let ends = bytes.first_chunk::<N>().zip(bytes.last_chunk::<N>());
    let even = |bytes: &[u8; N]| script::is_evenly_spaced_ascii(bytes);
    ends.is_some_and(|(first, last)| even(first) && even(last))
}

/// The number of bytes at the start of `trimmed` that are the same in its key.
fn own_length(trimmed: &str) -> usize {
    const STRETCH: usize = 32;
    let (bytes, mut at) = (trimmed.as_bytes(), 0);
    // Most lines with a candidate are short.
    if match bytes.len() {
        9..=16 => has_even_ends::<9>(bytes),
        17..=32 => has_even_ends::<17>(bytes),
        _ => false,
    } {
        return bytes.len();
    }
    while at < bytes.len() {
        // Most news text is printable ASCII, which is checked many bytes at a time. The byte after
        // a stretch decides whether its last byte is the first of two spaces.
        while let Some(stretch) = bytes[at..].first_chunk::<{ STRETCH + 1 }>()
            && script::is_evenly_spaced_ascii(stretch)
        {
            at += STRETCH;
        }
        // The rest is shorter than a stretch, so check it together with bytes already checked.
        if at > 0
            && bytes.len() - at <= STRETCH
            && let Some(last) = bytes.last_chunk::<{ STRETCH + 1 }>()
            && script::is_evenly_spaced_ascii(last)
        {
            return bytes.len();
        }
        let end = bytes.len().min(at + STRETCH);
        while at < end {
            if bytes[at].is_ascii_graphic() {
                at += 1;
                continue;
            }
            let mut chars = trimmed[at..].chars();
            let Some(c) = chars.next() else { break };
            let own = is_plain(c) || c == ' ' && chars.next().is_some_and(is_plain);
            if !own {
                return at;
            }
            at += c.len_utf8();
        }
    }
    at
}

/// Whether a character is the same in keys and in text.
pub(crate) fn is_plain(c: char) -> bool {
    static PLAIN: LazyLock<Vec<u64>> = LazyLock::new(|| {
        let mut plain = vec![0; 0x1_0000 / 64];
        let own =
            |c: &char| matches!(fold(*c), Fold::To(to) if to == *c) && !is_mark(*c) && *c != ' ';
        for c in ('\0'..='\u{ffff}').filter(own) {
            plain[c as usize / 64] |= 1 << (c as usize % 64);
        }
        plain
    });
    match PLAIN.get(c as usize / 64) {
        Some(word) => word >> (c as usize % 64) & 1 == 1,
        None => !is_mark(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spaces_quotes_and_dashes_are_normalised() {
        assert_eq!(key("News \u{a0} / \u{a0} Politics"), "News / Politics");
        assert_eq!(
            key("  Press TV’s “web\u{ad}site” – 24\u{2011}7\t"),
            "Press TV's \"website\" — 24-7"
        );
        assert_eq!(key("e\u{301}te\u{301}"), "été");
        assert!(matches!(key(" Straße frei "), Cow::Borrowed("Straße frei")));
    }

    #[test]
    fn mixed_spellings_have_the_same_key() {
        for (one, other) in [
            ("اقرأ أيضًا", "إقرا ايضاً"),
            ("مطالب\u{200c} مرتبط", "مطالب\u{200c}مرتبط"),
            ("پربازدیدترین‌ها", "پربازديدترين ها"),
            ("المزيـــد", "المزيد"),
            ("ЕЩЁ НОВОСТИ ещё", "ЕЩЕ НОВОСТИ еще"),
            ("Citește și", "Citeşte şi"),
            ("ＡＤ：広告（１）", "AD:広告(1)"),
            ("İlgili ılık", "Ilgili ilik"),
        ] {
            assert_eq!(key(one), key(other));
        }
    }

    #[test]
    fn ranges_of_the_key_map_to_the_text() {
        let text = " a\u{a0} \u{a0}b’c";
        let keyed = Keyed::new(text);
        assert_eq!(keyed.as_str(), "a b'c");
        assert_eq!(&text[keyed.text_range(1..3)], "\u{a0} \u{a0}b");
        assert_eq!(&text[keyed.text_range(3..4)], "’");
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(text in "\\PC*|[ \u{a0}a'’\u{301}\u{200b}-—–\u{93c}ब]*") {
            let once = key(&text).into_owned();
            prop_assert_eq!(key(&once), once.as_str());
        }

        #[test]
        fn stretches_give_the_same_key_as_single_characters(
            text in "[ \u{a0}aé'’\u{301}\u{200b}“—–\u{93c}बक\u{308}\u{ad}x]*|([a-c]{0,20}[ \u{301}é]{0,2}){0,5}",
        ) {
            let trimmed = text.trim_matches(is_trimmed);
            let (mut slowly, mut origins, mut at) = (String::new(), Vec::new(), 0);
            while at < trimmed.len() {
                at = fold_cluster(trimmed, at, &mut |c, text| {
                    slowly.push(c);
                    origins.resize(slowly.len(), text);
                });
            }
            let keyed = Keyed::new(&text);
            prop_assert_eq!(keyed.as_str(), &slowly);
            for (start, _) in slowly.char_indices() {
                for (end, c) in slowly.char_indices().filter(|(end, _)| *end >= start) {
                    let range = keyed.text_range(start..end + c.len_utf8());
                    let base = keyed.base;
                    prop_assert_eq!(range, base + origins[start].start..base + origins[end].end);
                }
            }
        }

        #[test]
        fn ranges_are_characters_of_the_text(text in "[ \u{a0}aé'’\u{301}\u{200b}“—–\u{93c}बक]*") {
            let keyed = Keyed::new(&text);
            let ends: Vec<usize> = keyed.as_str().char_indices().map(|(at, _)| at).chain([keyed.as_str().len()]).collect();
            for &a in &ends {
                for &b in ends.iter().filter(|&&b| b > a) {
                    prop_assert!(text.get(keyed.text_range(a..b)).is_some());
                }
            }
        }
    }
}
