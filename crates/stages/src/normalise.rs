//! Normalises characters that scraping damages: no-break spaces between words, invisible and
//! control characters, mojibake (UTF-8 that was decoded as windows-1252).
//!
//! No-break spaces before French punctuation and between digits are kept, and so are the joiners of
//! Persian and Indic scripts, which are part of the spelling.

use std::ops::Range;

use chaffinch_stage::{Document, Line, Marks, Options, OptionsError, RuleId, Span, Spans, Stage};
use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Marks characters for replacement.
pub struct Normalise {
    nbsp: bool,
    invisible: bool,
    mojibake: bool,
    nfc: bool,
    line_ends: bool,
    quotes: bool,
}

impl Normalise {
    /// Settings: `nbsp`, `invisible`, `mojibake` (default: on); `nfc`, `line_ends` (CR LF to LF),
    /// `quotes` (curly to straight) (default: off).
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
        // Cheap test first, because most lines need no change.
        let always = self.nfc || self.quotes || self.line_ends;
        let as_it_was = |line: &Line<'_, '_>| line.text().len() == line.span().len();
        let mut all = None;
        for line in doc.changed_lines() {
            let full = line.full_span();
            let mut suspect = || match line.is_edited() {
                true => !suspects(&doc.source()[full.range()]).is_empty(),
                false => {
                    let all =
                        all.get_or_insert_with(|| suspects(doc.source()).into_iter().peekable());
                    while all.next_if(|at| *at < full.start()).is_some() {}
                    all.peek().is_some_and(|at| *at < full.end())
                }
            };
            if !(always || !as_it_was(&line) || suspect()) {
                continue;
            }
            let text = line.text();
            let odd = |b: u8| b.wrapping_sub(b' ') >= 0x5f;
            if text.bytes().fold(false, |any, b| any | odd(b)) {
                let mut edits = LineEdits { line, done: Spans::default(), marks };
                edits.all(mojibake, repair_mojibake(text));
                edits.all(nbsp, plain_spaces(text));
                edits.all(invisible, invisible_characters(text));
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

/// The offsets of characters that may need replacement: no-break spaces, invisible characters,
/// mojibake.
fn suspects(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let next = |at: usize| (bytes.get(at + 1), bytes.get(at + 2));
    // The first bytes of soft hyphens, no-break spaces, C1 control characters and zero-width
    // characters.
    found.extend(memchr::memchr3_iter(0xc2, 0xe2, 0xef, bytes).filter(|&at| {
        matches!(
            (bytes[at], next(at)),
            (0xc2, (Some(..=0xa0 | 0xad), _))
                | (0xe2, (Some(0x80), Some(0x8b)) | (Some(0x81), Some(0xa0)))
                | (0xef, (Some(0xbb), Some(0xbf)))
        )
    }));
    // The four letters with which mojibake begins.
    found.extend(
        memchr::memchr_iter(0xc3, bytes)
            .filter(|&at| matches!(next(at), (Some(0x82 | 0x83 | 0xa2 | 0xb0), _))),
    );
    let control = |b: u8| (b < b' ') & (b != b'\n') & (b != b'\r') & (b != b'\t') | (b == 0x7f);
    // Folding bytes instead of bools lets the compiler vectorise the loop.
    for (at, stretch) in (0..).step_by(64).zip(bytes.chunks(64)) {
        if stretch.iter().fold(0, |any, b| any | u8::from(control(*b))) != 0 {
            found.extend((0..stretch.len()).filter(|i| control(stretch[*i])).map(|i| at + i));
        }
    }
    found.sort_unstable();
    found
}

struct LineEdits<'m, 'd, 'a> {
    line: Line<'d, 'a>,
    /// The parts of the line's text that are already replaced.
    done: Spans,
    marks: &'m mut Marks,
}

impl LineEdits<'_, '_, '_> {
    /// Marks replacements that do not overlap an earlier one.
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

/// No-break spaces between words, with a space as the replacement.
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

/// Zero-width and control characters, with an empty replacement.
fn invisible_characters(text: &str) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
    let invisible = |c: char| {
        matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
            || c.is_control() && !matches!(c, '\t' | '\u{85}')
    };
    // All of these characters begin with one of these bytes, which only begin characters.
    let suspect = |b: u8| b < b' ' || matches!(b, 0x7f | 0xc2 | 0xe2 | 0xef);
    text.bytes()
        .enumerate()
        .filter(move |(_, byte)| suspect(*byte))
        .filter_map(|(at, _)| Some((at, text[at..].chars().next()?)))
        .filter(move |(_, c)| invisible(*c))
        .map(|(at, c)| (at..at + c.len_utf8(), String::new()))
}

/// UTF-8 that was decoded as windows-1252 ("â€™"), with the original character as the replacement.
fn repair_mojibake(text: &str) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
    // All mojibake begins with one of four letters, and these with the same byte.
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

/// The length of the mojibake of one character at the start of `text`, and that character.
///
/// Sequences that can occur in real text are kept: `Ã` or `Â` before a closing quote, a dash or an
/// ellipsis.
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

/// Characters with combining marks, with the composed form as the replacement.
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

/// Curly quotes, with straight quotes as the replacement.
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
    fn only_unambiguous_mojibake_is_repaired() {
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
    fn joiners_of_the_spelling_are_kept() {
        let clean = |text: &str| {
            assert!(!suspects(text).is_empty() || invisible_characters(text).next().is_none());
            apply(text, invisible_characters(text))
        };
        assert!(
            ["\u{ad}", "\u{85}a\u{9f}", "\u{2060}", "\u{feff}", "\u{7f}"]
                .iter()
                .all(|t| !suspects(t).is_empty())
        );
        assert!(suspects("“No,” he said – it’s… ندارد\r\n\tДа").is_empty());
        assert_eq!(clean("a\u{200b}b\u{ad}c\u{1b}[1m\u{feff}"), "abc[1m");
        assert_eq!(clean("می\u{200c}خواهم"), "می\u{200c}خواهم");
    }
}
