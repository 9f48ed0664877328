//! Characters that scraping left behind: no-break spaces between words, invisible and control
//! characters, mojibake. Each is a recorded edit, so the original comes back.
//!
//! A no-break space before French punctuation or between the digits of a number has a purpose and
//! stays. The Persian and Indic joiners spell and stay.

use std::ops::Range;

use chaffinch_stage::{Document, Line, Marks, Options, OptionsError, RuleId, Span, Spans, Stage};
use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Marks characters to be replaced.
pub struct Normalise {
    nbsp: bool,
    invisible: bool,
    mojibake: bool,
    nfc: bool,
    line_ends: bool,
    quotes: bool,
}

impl Normalise {
    /// Settings: `nbsp`, `invisible`, `mojibake` (on by default), `nfc`, `line_ends` (CR LF to
    /// LF), `quotes` (curly to straight; off by default).
    pub fn new(options: &mut Options) -> Result<Normalise, OptionsError> {
        Ok(Normalise {
            nbsp: options.bool("nbsp", true)?,
            invisible: options.bool("invisible", true)?,
            mojibake: options.bool("mojibake", true)?,
            nfc: options.bool("nfc", false)?,
            line_ends: options.bool("line_ends", false)?,
            quotes: options.bool("quotes", false)?,
        })
    }
}

impl Stage for Normalise {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        let rule = |name: &str| doc.detectors(name).next().map(|(id, _)| id);
        let nbsp = rule("nbsp").filter(|_| self.nbsp);
        let invisible = rule("invisible").filter(|_| self.invisible);
        let mojibake = rule("mojibake").filter(|_| self.mojibake);
        // Most documents hold nothing of interest, and that is quickly seen.
        let suspects = Suspects::of(doc.source());
        let always = self.nfc || self.quotes || self.line_ends;
        let as_it_was = |line: &Line<'_, '_>| line.text().len() == line.span().len();
        let wanted = |line: &Line<'_, '_>| always || suspects.any() || !as_it_was(line);
        for line in doc.lines().filter(wanted) {
            let text = line.text();
            let odd = |b: u8| b.wrapping_sub(b' ') >= 0x5f;
            if text.bytes().fold(false, |any, b| any | odd(b)) {
                // What was repaired may be mojibake again.
                let suspects = if as_it_was(&line) { suspects } else { Suspects::ALL };
                let mut edits = LineEdits { line, done: Spans::default(), marks };
                edits.all(mojibake.filter(|_| suspects.mojibake), repair_mojibake(text));
                edits.all(nbsp.filter(|_| suspects.nbsp), plain_spaces(text));
                edits.all(invisible.filter(|_| suspects.invisible), invisible_characters(text));
                edits.all(self.nfc.then(|| doc.own_rule()), composed(text));
                edits.all(self.quotes.then(|| doc.own_rule()), straight_quotes(text));
            }
            let end = line.end_span();
            if self.line_ends && doc.source().get(end.range()) == Some("\r\n") {
                marks.remove(Span::new(end.start(), end.start() + 1), doc.own_rule());
            }
        }
    }
}

/// What a text may hold, told by the bytes that it begins with.
#[derive(Clone, Copy)]
struct Suspects {
    nbsp: bool,
    invisible: bool,
    mojibake: bool,
}

impl Suspects {
    const ALL: Suspects = Suspects { nbsp: true, invisible: true, mojibake: true };

    fn of(text: &str) -> Suspects {
        let bytes = text.as_bytes();
        // Without an early end, many bytes are looked at at a time.
        let below = |b: u8| (b < b' ') & (b != b'\n') | (b == 0x7f);
        let control = |b: u8| below(b) && !matches!(b, b'\r' | b'\t');
        let mut suspects = Suspects {
            nbsp: false,
            invisible: bytes.iter().fold(false, |any, &b| any | below(b))
                && bytes.iter().any(|&b| control(b)),
            mojibake: false,
        };
        for at in memchr::memchr2_iter(0xc2, 0xc3, bytes) {
            match (bytes[at], bytes.get(at + 1)) {
                (0xc2, Some(0xa0)) => suspects.nbsp = true,
                // U+0080 to U+009F and U+00AD.
                (0xc2, Some(..0xa0 | 0xad)) => suspects.invisible = true,
                // The four letters that it begins with.
                (0xc3, Some(0x82 | 0x83 | 0xa2 | 0xb0)) => suspects.mojibake = true,
                _ => {}
            }
        }
        let without_width = ["\u{200b}", "\u{2060}", "\u{feff}"];
        suspects.invisible |= memchr::memchr2_iter(0xe2, 0xef, bytes)
            .any(|at| without_width.iter().any(|mark| bytes[at..].starts_with(mark.as_bytes())));
        suspects
    }

    fn any(&self) -> bool {
        self.nbsp || self.invisible || self.mojibake
    }
}

struct LineEdits<'m, 'd, 'a> {
    line: Line<'d, 'a>,
    /// The parts of the line's text that are replaced.
    done: Spans,
    marks: &'m mut Marks,
}

impl LineEdits<'_, '_, '_> {
    /// Marks replacements that do not touch an earlier one.
    fn all(&mut self, rule: Option<RuleId>, found: impl Iterator<Item = (Range<usize>, String)>) {
        let Some(rule) = rule else { return };
        for (range, with) in found {
            let part = Span::new(range.start, range.end);
            if !self.done.overlap(part) {
                let span = self.line.source_span(range);
                if !span.is_empty() {
                    self.marks.replace(span, with, rule);
                }
                self.done.insert(part);
            }
        }
    }
}

const NBSP: &str = "\u{a0}";

/// No-break spaces between words, each to become a space.
fn plain_spaces(text: &str) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
    memchr::memchr_iter(0xc2, text.as_bytes()).filter_map(|at| {
        let nbsp = NBSP;
        text[at..].starts_with(nbsp).then_some(())?;
        let before = text[..at].chars().next_back()?;
        let after = text[at + nbsp.len()..].chars().next()?;
        let ends = before.is_alphanumeric() || ",.;:!?)]”’\"'%…".contains(before);
        let starts = after.is_alphanumeric() || "([“‘\"'".contains(after);
        let number = before.is_numeric() && after.is_numeric();
        (ends && starts && !number).then(|| (at..at + nbsp.len(), " ".to_owned()))
    })
}

/// Zero-width and control characters, each to go.
fn invisible_characters(text: &str) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
    let invisible = |c: char| {
        matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
            || c.is_control() && !matches!(c, '\t' | '\u{85}')
    };
    // What is looked for begins with one of these bytes, and they begin characters alone.
    let suspect = |b: u8| b < b' ' || matches!(b, 0x7f | 0xc2 | 0xe2 | 0xef);
    text.bytes()
        .enumerate()
        .filter(move |(_, byte)| suspect(*byte))
        .filter_map(|(at, _)| Some((at, text[at..].chars().next()?)))
        .filter(move |(_, c)| invisible(*c))
        .map(|(at, c)| (at..at + c.len_utf8(), String::new()))
}

/// UTF-8 that was read as windows-1252 ("â€™"), each to become what it was.
fn repair_mojibake(text: &str) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
    // All of it begins with one of four letters, and these with one byte.
    let mut at = if memchr::memchr(0xc3, text.as_bytes()).is_some() { 0 } else { text.len() };
    std::iter::from_fn(move || {
        while let Some(step) = text[at..].find(['â', 'Ã', 'Â', 'ð']) {
            at += step;
            if let Some((length, c)) = mojibake_at(&text[at..]) {
                at += length;
                return Some((at - length..at, c.to_string()));
            }
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
        None
    })
}

/// The mojibake of one character at the start of `text`: its length and the character.
///
/// Sequences that real text can hold stay: `Ã` or `Â` before a closing quote, a dash, an ellipsis.
fn mojibake_at(text: &str) -> Option<(usize, char)> {
    let first = text.chars().next()?;
    let count = match first {
        'â' => 3,
        'ð' => 4,
        _ => 2,
    };
    let end = text.char_indices().nth(count).map_or(text.len(), |(end, _)| end);
    let run = &text[..end];
    if run.chars().count() != count {
        return None;
    }
    let (bytes, _, unmappable) = encoding_rs::WINDOWS_1252.encode(run);
    if unmappable {
        return None;
    }
    let mut decoded = std::str::from_utf8(&bytes).ok()?.chars();
    let (c, None) = (decoded.next()?, decoded.next()) else { return None };
    let plausible = match first {
        'â' | 'ð' => true,
        'Ã' => run.ends_with(|c: char| "©ª¨§±³´µ¶¡¢£¤¥¦¬®¯°²¸¹º¼½¾¿ƒ„†‡ˆ‰ŠŒŽ˜™šœžŸ".contains(c)),
        _ => run.ends_with(|c: char| "\u{a0}©®°·£«».".contains(c)),
    };
    plausible.then_some((end, c))
}

/// Characters with combining marks, each to be composed.
fn composed(text: &str) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
    let mut chars = text.char_indices().peekable();
    std::iter::from_fn(move || {
        loop {
            let (start, c) = chars.next()?;
            let mut end = start + c.len_utf8();
            while let Some((at, mark)) = chars.next_if(|(_, c)| canonical_combining_class(*c) != 0)
            {
                end = at + mark.len_utf8();
            }
            let cluster = &text[start..end];
            if !is_nfc(cluster) {
                return Some((start..end, cluster.nfc().collect()));
            }
        }
    })
}

/// Curly quotes, each to become straight.
fn straight_quotes(text: &str) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
    text.char_indices().filter_map(|(at, c)| {
        let straight = match c {
            '‘' | '’' | '‚' | '‛' => "'",
            '“' | '”' | '„' | '‟' => "\"",
            _ => return None,
        };
        Some((at..at + c.len_utf8(), straight.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(text: &str, found: impl Iterator<Item = (Range<usize>, String)>) -> String {
        let mut out = text.to_owned();
        let all: Vec<_> = found.collect();
        all.into_iter().rev().for_each(|(range, with)| out.replace_range(range, &with));
        out
    }

    #[test]
    fn no_break_spaces_between_words_become_spaces() {
        let plain = |text: &str| apply(text, plain_spaces(text));
        assert_eq!(plain("as well as the\u{a0}UN Charter"), "as well as the UN Charter");
        assert_eq!(
            plain("« Oui\u{a0}! », 10\u{a0}000\u{a0}€"),
            "« Oui\u{a0}! », 10\u{a0}000\u{a0}€"
        );
    }

    #[test]
    fn mojibake_is_repaired_where_it_is_sure() {
        let repair = |text: &str| apply(text, repair_mojibake(text));
        assert_eq!(repair("Iranâ€™s cafÃ© â€œopenâ€\u{9d} ðŸ˜€"), "Iran’s café “open” 😀");
        assert_eq!(repair("AMANHÃ» — Ã… pâté â la carte"), "AMANHÃ» — Ã… pâté â la carte");
    }

    #[test]
    fn characters_are_composed_one_by_one() {
        let compose = |text: &str| composed(text).collect::<Vec<_>>();
        assert_eq!(
            compose("cafe\u{301} e\u{323}\u{302}x"),
            [(3..6, "é".into()), (7..12, "ệ".into())]
        );
        assert_eq!(compose("café, कि"), []);
    }

    #[test]
    fn joiners_that_spell_stay() {
        let clean = |text: &str| {
            assert!(Suspects::of(text).any() || invisible_characters(text).next().is_none());
            apply(text, invisible_characters(text))
        };
        assert!(
            ["\u{ad}", "\u{85}a\u{9f}", "\u{2060}", "\u{feff}", "\u{7f}"]
                .iter()
                .all(|t| Suspects::of(t).invisible)
        );
        assert!(!Suspects::of("“No,” he said – it’s… ندارد\r\n\tДа").any());
        assert_eq!(clean("a\u{200b}b\u{ad}c\u{1b}[1m\u{feff}"), "abc[1m");
        assert_eq!(clean("می\u{200c}خواهم"), "می\u{200c}خواهم");
    }
}
