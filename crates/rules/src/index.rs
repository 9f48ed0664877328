//! The index: which patterns might match a line, told from its first and last bytes.
//!
//! Every pattern with a required literal at an end of the line is filed under it; a line's two
//! ends are looked up, and only what is found there meets a regex. A long paragraph costs no more
//! than a short one. Patterns without such a literal are tried on every line.

use std::collections::{BTreeSet, HashMap};

use crate::literals::{LITERAL, Side, lower};
use crate::pattern::Pattern;

/// An index over numbered patterns.
#[derive(Debug, Default)]
pub(crate) struct Index {
    table: HashMap<(Side, u8, u64), Vec<u32>>,
    lengths: [BTreeSet<u8>; 2],
    unkeyed: Vec<u32>,
}

impl Index {
    /// Files `pattern` under the number `id`.
    pub(crate) fn add(&mut self, id: u32, pattern: &Pattern) {
        for literals in &pattern.literals {
            match literals {
                Some((side, set)) => set.iter().for_each(|text| self.add_literal(id, *side, text)),
                None => self.unkeyed.push(id),
            }
        }
    }

    /// Files `id` under text that lines have at `side`; lower-cased here, cut to [`LITERAL`] bytes.
    pub(crate) fn add_literal(&mut self, id: u32, side: Side, text: &str) {
        let ends = Ends::of(text);
        let bytes = match side {
            Side::Start => ends.start(ends.start_len),
            Side::End => ends.end(ends.end_len),
        };
        let key = (side, bytes.len() as u8, pack(bytes));
        self.lengths[side as usize].insert(key.1);
        let ids = self.table.entry(key).or_default();
        if ids.last() != Some(&id) {
            ids.push(id);
        }
    }

    /// Writes into `out` the numbers of the patterns that might match a line with this key, in
    /// order, each once.
    pub(crate) fn candidates(&self, key: &str, out: &mut Vec<u32>) {
        out.clear();
        out.extend(&self.unkeyed);
        if !self.table.is_empty() && !key.is_empty() {
            let ends = Ends::of(key);
            for &length in &self.lengths[Side::Start as usize] {
                if usize::from(length) <= ends.start_len {
                    let bytes = ends.start(usize::from(length));
                    out.extend(
                        self.table.get(&(Side::Start, length, pack(bytes))).into_iter().flatten(),
                    );
                }
            }
            for &length in &self.lengths[Side::End as usize] {
                if usize::from(length) <= ends.end_len {
                    let bytes = ends.end(usize::from(length));
                    out.extend(
                        self.table.get(&(Side::End, length, pack(bytes))).into_iter().flatten(),
                    );
                }
            }
        }
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
    }

    /// The patterns that are tried on every line.
    pub(crate) fn unkeyed(&self) -> &[u32] {
        &self.unkeyed
    }
}

/// The first and last bytes of a line, lower-cased.
struct Ends {
    start: [u8; LITERAL + 4],
    start_len: usize,
    end: [u8; LITERAL + 4],
    end_len: usize,
}

impl Ends {
    fn of(text: &str) -> Ends {
        let mut ends =
            Ends { start: [0; LITERAL + 4], start_len: 0, end: [0; LITERAL + 4], end_len: 0 };
        for c in text.chars().map(lower) {
            if ends.start_len >= LITERAL {
                break;
            }
            ends.start_len += c.encode_utf8(&mut ends.start[ends.start_len..]).len();
        }
        for c in text.chars().rev().map(lower) {
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

fn pack(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |packed, &byte| packed << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{Anchor, parse};
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
    ];

    proptest! {
        /// The index never misses what the plain loop over all patterns finds.
        #[test]
        fn finds_what_the_naive_loop_finds(
            words in prop::collection::vec(prop::sample::select(vec![
                "share", "SHARE", "ſhare", " this", " article", "Поделиться", "ПОДЕЛИТЬСЯ", " teilen", "x",
                "İSTANBUL", "istanbul", "ANKARA", "—Agencies", "- AFP", "12 likes", "3 K views", "3 \u{212a} VIEWS",
                "click here", "a", "bc", "ẞX", "分享", "分享到微信", " ", "",
            ]), 0..4),
        ) {
            let key = words.concat();
            let patterns: Vec<Pattern> = PATTERNS.iter()
                .map(|(anchor, text, ignore)| Pattern::new(*anchor, Role::Line, vec![parse(text, *ignore).unwrap()]))
                .collect();
            let mut index = Index::default();
            for (id, pattern) in patterns.iter().enumerate() {
                index.add(id as u32, pattern);
            }
            let mut candidates = Vec::new();
            index.candidates(&key, &mut candidates);
            for (id, pattern) in patterns.iter().enumerate() {
                if !pattern.find(&key).is_empty() {
                    prop_assert!(candidates.contains(&(id as u32)), "{:?} missed on {key:?}", PATTERNS[id]);
                }
            }
        }
    }
}
