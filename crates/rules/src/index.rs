//! The index: which patterns might match a line, told from its first and last bytes.
//!
//! Every pattern with a required literal at an end of the line is filed under it; a line's two
//! ends are looked up, and only what is found there meets a regex. A long paragraph costs no more
//! than a short one. Patterns that are told by a literal somewhere inside share one automaton,
//! which reads the line once. Only what is told by nothing is tried on every line.
//!
//! The ends are folded as keys are while they are read, so most lines never need a key.

use std::borrow::Cow;
use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use rustc_hash::FxHashMap;

use crate::key::{self, Fold};
use crate::literals::{LITERAL, Side, lower};
use crate::pattern::{Pattern, Tell};

/// An index over numbered patterns, in the making.
#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {
    index: Index,
    inner: Vec<(String, u32)>,
}

/// An index over numbered patterns.
#[derive(Debug, Default)]
pub(crate) struct Index {
    table: FxHashMap<(Side, u8, u64), Vec<u32>>,
    // For each side: the lengths of its literals, and a bit for the outermost two bytes of each, so
    // that most lines end the search there.
    lengths: [BTreeSet<u8>; 2],
    gates: [Gate; 2],
    inside: Option<(AhoCorasick, Vec<u32>)>,
    unkeyed: Vec<u32>,
}

impl IndexBuilder {
    /// Files `pattern` under the number `id`.
    pub(crate) fn add(&mut self, id: u32, pattern: &Pattern) {
        for tell in pattern.tells() {
            match tell {
                Tell::Ends(side, set) => {
                    set.iter().for_each(|text| self.add_literal(id, *side, text));
                }
                Tell::Inside(set) => self.inner.extend(set.iter().map(|text| (text.clone(), id))),
                Tell::Nothing => self.index.unkeyed.push(id),
            }
        }
    }

    /// Files `id` under text that lines have at `side`; lower-cased here, cut to [`LITERAL`] bytes.
    pub(crate) fn add_literal(&mut self, id: u32, side: Side, text: &str) {
        let ends = Ends::of_key(text);
        let bytes = match side {
            Side::Start => ends.start(ends.start_len),
            Side::End => ends.end(ends.end_len),
        };
        let key = (side, bytes.len() as u8, pack(bytes));
        self.index.lengths[side as usize].insert(key.1);
        let outer = match side {
            Side::Start => [bytes.first(), bytes.get(1)],
            Side::End => [bytes.last(), bytes.len().checked_sub(2).and_then(|at| bytes.get(at))],
        };
        self.index.gates[side as usize].open(outer[0].copied(), outer[1].copied());
        let ids = self.index.table.entry(key).or_default();
        if ids.last() != Some(&id) {
            ids.push(id);
        }
    }

    /// The index.
    pub(crate) fn build(self) -> Index {
        let IndexBuilder { mut index, inner } = self;
        let texts = inner.iter().map(|(text, _)| text);
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .ascii_case_insensitive(true)
            .build(texts);
        let ids: Vec<u32> = inner.iter().map(|(_, id)| *id).collect();
        match automaton {
            Ok(automaton) if !ids.is_empty() => index.inside = Some((automaton, ids)),
            // Too many literals for one automaton: their patterns are tried on every line.
            _ => index.unkeyed.extend(ids),
        }
        index.unkeyed.sort_unstable();
        index.unkeyed.dedup();
        index
    }
}

impl Index {
    /// Writes into `out` the numbers of the patterns that might match a line of this text, in
    /// order, each once.
    pub(crate) fn candidates(&self, text: &str, ends: &Ends, out: &mut Vec<u32>) {
        out.clear();
        out.extend(&self.unkeyed);
        for (side, lengths) in [Side::Start, Side::End].into_iter().zip(&self.lengths) {
            let (outer, next) = match side {
                Side::Start => (ends.start[0], ends.start[1]),
                Side::End => (ends.end[LITERAL + 3], ends.end[LITERAL + 2]),
            };
            if !self.gates[side as usize].is_open(outer, next) {
                continue;
            }
            for &length in lengths {
                let bytes = match side {
                    Side::Start if usize::from(length) <= ends.start_len => {
                        ends.start(length.into())
                    }
                    Side::End if usize::from(length) <= ends.end_len => ends.end(length.into()),
                    _ => break,
                };
                if let Some(ids) = self.table.get(&(side, length, pack(bytes))) {
                    out.extend(ids);
                }
            }
        }
        if let Some((automaton, ids)) = &self.inside {
            let text = match key::hides_letters(text) {
                true => key::key(text),
                false => Cow::Borrowed(text),
            };
            let found = automaton.find_overlapping_iter(&*text);
            out.extend(found.map(|found| ids[found.pattern().as_usize()]));
        }
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
    }
}

/// A bit for each pair of bytes that a literal of a side begins with, seen from outside.
#[derive(Clone, Debug, Default)]
struct Gate {
    pairs: Vec<u64>,
}

impl Gate {
    fn open(&mut self, outer: Option<u8>, next: Option<u8>) {
        let Some(outer) = outer else { return };
        self.pairs.resize(0x1_0000 / 64, 0);
        // A literal of one byte stands before any other.
        let all = match next {
            Some(next) => next..=next,
            None => 0..=255,
        };
        for next in all {
            let pair = usize::from(outer) << 8 | usize::from(next);
            self.pairs[pair / 64] |= 1 << (pair % 64);
        }
    }

    fn is_open(&self, outer: u8, next: u8) -> bool {
        let pair = usize::from(outer) << 8 | usize::from(next);
        self.pairs.get(pair / 64).is_some_and(|word| word >> (pair % 64) & 1 == 1)
    }
}

/// The first and last bytes of a line's key, lower-cased.
pub(crate) struct Ends {
    start: [u8; LITERAL + 4],
    start_len: usize,
    end: [u8; LITERAL + 4],
    end_len: usize,
}

impl Ends {
    /// The ends of a line's key, read off its text. A combining mark near an end makes the key.
    pub(crate) fn of_text(text: &str) -> Ends {
        let mut marked = false;
        let start = folded(text.chars(), &mut marked);
        let end = folded(text.chars().rev(), &mut marked);
        match marked {
            true => Ends::of_key(&key::key(text)),
            false => Ends::of(start, end),
        }
    }

    fn of_key(key: &str) -> Ends {
        Ends::of(first(key.chars()), first(key.chars().rev()))
    }

    fn of(first: [char; LITERAL], last: [char; LITERAL]) -> Ends {
        let mut ends =
            Ends { start: [0; LITERAL + 4], start_len: 0, end: [0; LITERAL + 4], end_len: 0 };
        for c in first.into_iter().take_while(|c| *c != NONE).map(lower) {
            if ends.start_len >= LITERAL {
                break;
            }
            ends.start_len += c.encode_utf8(&mut ends.start[ends.start_len..]).len();
        }
        for c in last.into_iter().take_while(|c| *c != NONE).map(lower) {
            if ends.end_len >= LITERAL {
                break;
            }
            let length = c.len_utf8();
            let at = ends.end.len() - ends.end_len - length;
            c.encode_utf8(&mut ends.end[at..]);
            ends.end_len += length;
        }
        ends.start_len = ends.start_len.min(LITERAL);
        ends.end_len = ends.end_len.min(LITERAL);
        ends
    }

    fn start(&self, length: usize) -> &[u8] {
        &self.start[..length]
    }

    fn end(&self, length: usize) -> &[u8] {
        &self.end[self.end.len() - length..]
    }
}

/// Stands behind the last character where there are fewer than [`LITERAL`].
const NONE: char = '\0';

fn first(chars: impl Iterator<Item = char>) -> [char; LITERAL] {
    let mut out = [NONE; LITERAL];
    out.iter_mut().zip(chars).for_each(|(place, c)| *place = c);
    out
}

/// The first characters of a key, folded from the text's while they are read.
fn folded(chars: impl Iterator<Item = char>, marked: &mut bool) -> [char; LITERAL] {
    let mut out = [NONE; LITERAL];
    let (mut count, mut space) = (0, false);
    for c in chars {
        *marked |= key::is_mark(c);
        match key::fold(c) {
            Fold::Drop => {}
            // A run of spaces is one, and none before the first character.
            Fold::To(' ') => space = count > 0,
            Fold::To(c) => {
                if space {
                    out[count] = ' ';
                    count += 1;
                    space = false;
                }
                if count < LITERAL {
                    out[count] = c;
                    count += 1;
                }
            }
        }
        if count >= LITERAL || *marked {
            break;
        }
    }
    out
}

fn pack(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |packed, &byte| packed << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Anchor;
    use chaffinch_stage::Role;
    use proptest::prelude::*;

    const PATTERNS: &[(Anchor, &str, bool)] = &[
        (Anchor::Line, "share( this)?( article)?", true),
        (Anchor::Line, "Поделиться.*", true),
        (Anchor::Line, r"\w+ teilen", false),
        (Anchor::Start, "İstanbul|ankara", true),
        (Anchor::End, "[—-] ?(Agencies|AFP)", false),
        (Anchor::Line, r"\d+ (likes|K views)", true),
        (Anchor::Inside, "click here", true),
        (Anchor::Line, "a|bc?|ßx", true),
        (Anchor::Line, "分享(到)?.{0,4}", false),
        (Anchor::Line, ".*(foto|фото) ?:?.*", true),
    ];

    proptest! {
        /// The index never misses what the plain loop over all patterns finds.
        #[test]
        fn finds_what_the_naive_loop_finds(
            words in prop::collection::vec(prop::sample::select(vec![
                "share", "SHARE", "ſhare", "photoſ", "Fot\u{1c82}", "ф\u{1c82}то", " this", " article", "Поделиться", "ПОДЕЛИТЬСЯ", " teilen", "x",
                "İSTANBUL", "istanbul", "ANKARA", "—Agencies", "- AFP", "12 likes", "3 K views", "3 \u{212a} VIEWS",
                "click here", "CLICK", " here", "a", "bc", "ẞX", "分享", "分享到微信", " ", "", "\u{a0}", "\u{200b}", "\u{301}", "–", "Foto", "ФОТО: ", "фото:",
            ]), 0..4),
        ) {
            let text = words.concat();
            let key = crate::key::key(&text).into_owned();
            let patterns: Vec<Pattern> = PATTERNS.iter()
                .map(|(anchor, text, ignore)| Pattern::new(*anchor, Role::Line, vec![(*text).to_owned()], false, *ignore))
                .collect();
            let mut builder = IndexBuilder::default();
            for (id, pattern) in patterns.iter().enumerate() {
                builder.add(id as u32, pattern);
            }
            let index = builder.build();
            let mut candidates = Vec::new();
            index.candidates(&text, &Ends::of_text(&text), &mut candidates);
            for (id, pattern) in patterns.iter().enumerate() {
                if pattern.is_match(&key) {
                    prop_assert!(candidates.contains(&(id as u32)), "{:?} missed on {key:?}", PATTERNS[id]);
                }
            }
        }
    }
}
