//! The index: selects the patterns that might match a line by its first and last bytes.
//!
//! Every pattern with a required literal at an end of the line is filed under that literal. Both
//! ends of a line are looked up, and only the patterns found are tried, so a long paragraph costs
//! no more than a short one. Of these, a pattern is skipped if it cannot match a line with this
//! byte at the other end. Patterns with a required literal inside the line share one automaton,
//! which scans the line once. Only patterns without any literal are tried on every line.
//!
//! The ends are folded like keys while they are read, so most lines never need a key.

mod build;
mod ends;
mod inner;
mod outer;
mod tables;

use crate::matching::edges::EdgeBytes;
use crate::matching::sides::Side;
pub(crate) use build::IndexBuilder;
pub(crate) use ends::Ends;
use inner::InnerIndex;
use outer::Outer;
pub(crate) use tables::{IndexTables, PackedIndex};

/// An index over numbered patterns.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Without the literals inside lines, which `inner` contains.
    tables: IndexTables,
    inner: InnerIndex,
}

impl Index {
    /// Builds the part of the index that is not packed.
    pub(crate) fn of(mut tables: IndexTables) -> Index {
        let (inner, unkeyed) = InnerIndex::of(&std::mem::take(&mut tables.inner));
        tables.unkeyed.extend(unkeyed);
        tables.unkeyed.sort_unstable();
        tables.unkeyed.dedup();
        Index { tables, inner }
    }

    /// Writes the numbers of the patterns that might match a line into `out`, sorted and without
    /// duplicates.
    pub(crate) fn candidates(&self, ends: &Ends<'_>, out: &mut Vec<u32>) {
        out.clear();
        out.extend(&self.tables.unkeyed);
        let (first, last) = EdgeBytes::outermost(ends.text);
        for side in [Side::Start, Side::End] {
            let gate = &self.tables.gates[side as usize];
            if gate.is_empty() {
                continue;
            }
            let other = if side == Side::Start { last } else { first };
            let lengths = gate.lengths(ends.outermost(side));
            if lengths != 0 {
                self.look_up(ends.of(side), lengths, other, out);
            }
            if self.tables.exact {
                continue;
            }
            for bare in [ends.bare(side), ends.without_number(side)].into_iter().flatten() {
                let lengths = gate.lengths(bare.outermost());
                self.look_up(bare, lengths, other, out);
            }
        }
        self.inner.candidates(ends.text, (first, last), out);
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
    }

    /// Adds the patterns filed under the literals of these lengths that match lines with the byte
    /// `other` at the other side.
    fn look_up(&self, outer: &Outer, lengths: u8, other: Option<u8>, out: &mut Vec<u32>) {
        let IndexTables { table, ids, ends, others, .. } = &self.tables;
        let fits = |set: u32| other.is_none_or(|byte| others[set as usize].has(byte));
        // Only lengths that fit the line.
        let mut lengths = lengths & ((1_u32 << outer.length) - 1) as u8;
        while lengths != 0 {
            let length = lengths.trailing_zeros() as u8 + 1;
            lengths &= lengths - 1;
            if let Some(list) = table.get((outer.side, length, outer.cut(length))) {
                let start = list.checked_sub(1).map_or(0, |before| ends.get(before) as usize);
                let ids = ids.iter(start..ends.get(list) as usize);
                let in_word = outer.splits_word(length);
                let found = ids.filter(|own| !(own.bordered && in_word) && fits(own.other));
                out.extend(found.map(|own| own.id));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::pattern::Pattern;
    use crate::matching::sides::Anchor;
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
        (Anchor::Line, r"\d+ .*(likes|here).*|(x|a)? ?photo.*[^x]", true),
        (Anchor::Line, r"\x00b?", false),
        (Anchor::Line, "(like|here|photo)[^a-z0-9]*", true),
        (Anchor::Start, "(sha|art|k)[^re]", true),
    ];

    /// Whether the index selects a pattern for a line.
    fn selects(anchor: Anchor, regex: &str, text: &str) -> bool {
        let pattern = Pattern::new(anchor, Role::Line, [regex.to_owned()].into(), false, true);
        let mut builder = IndexBuilder::default();
        builder.add(0, &pattern.prefilters());
        let mut candidates = Vec::new();
        Index::of(builder.tables()).candidates(&Ends::of_text(text), &mut candidates);
        !candidates.is_empty()
    }

    #[test]
    fn a_byte_at_the_other_side_rejects_patterns() {
        assert!(selects(Anchor::Line, "share .* (now|today)!?", "Share it NOW"));
        assert!(!selects(Anchor::Line, "share .* (now|today)!?", "Share it at once"));
        assert!(selects(Anchor::Start, "share .* (now|today)!?", "Share it now or never"));
    }

    #[test]
    fn a_word_that_continues_rejects_patterns() {
        assert!(selects(Anchor::Line, "news", "News"));
        assert!(selects(Anchor::Line, "news[.!?]*", "• News!"));
        assert!(!selects(Anchor::Line, "news", "Newsweek"));
        assert!(!selects(Anchor::Line, "(.* )?news", "renews"));
        assert!(selects(Anchor::Line, "(.* )?news", "Old news"));
        assert!(selects(Anchor::Line, r"news\w*", "Newsweek"));
        assert!(selects(Anchor::Start, "news", "Newsweek"));
        assert!(!selects(Anchor::Start, "news[^a-z0-9]", "Newsweek"));
        assert!(selects(Anchor::Line, "new|newsweek", "Newsweek"));
    }

    proptest! {
        /// The index never misses a pattern that a loop over all patterns finds.
        #[test]
        fn candidates_include_every_matching_pattern(
            words in prop::collection::vec(prop::sample::select(vec![
                "share", "SHARE", "ſhare", "photoſ", "\0", "b", "Fot\u{1c82}", "ф\u{1c82}то", " this", " article", "Поделиться", "ПОДЕЛИТЬСЯ", " teilen", "x",
                "İSTANBUL", "istanbul", "ANKARA", "—Agencies", "- AFP", "12 likes", "3 K views", "3 \u{212a} VIEWS",
                "click here", "CLICK", " here", "a", "bc", "ẞX", "分享", "分享到微信", " ", "", "\u{a0}", "\u{200b}", "\u{301}", "–", "Foto", "ФОТО: ", "фото:",
                " and a part of a line that is too long for the search of short lines, ",
            ]), 0..4),
        ) {
            let text = words.concat();
            let key = crate::key::key(&text).into_owned();
            let patterns: Vec<Pattern> = PATTERNS.iter()
                .map(|(anchor, text, ignore)| Pattern::new(*anchor, Role::Line, [(*text).to_owned()].into(), false, *ignore))
                .collect();
            let mut builder = IndexBuilder::default();
            for (id, pattern) in patterns.iter().enumerate() {
                builder.add(id as u32, &pattern.prefilters());
            }
            let index = Index::of(builder.tables());
            let mut candidates = Vec::new();
            index.candidates(&Ends::of_text(&text), &mut candidates);
            for (id, pattern) in patterns.iter().enumerate() {
                if pattern.is_match(&key) {
                    prop_assert!(candidates.contains(&(id as u32)), "{:?} missed on {key:?}", PATTERNS[id]);
                }
            }
        }
    }
}
