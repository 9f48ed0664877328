//! Edge bytes: the bytes with which matches of a regex begin and end. The index uses them to reject
//! lines that cannot match.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde::{Deserialize, Serialize};

use super::phrases::List;
use super::placeholders::{list_of, split_lists};
use super::sides::{Anchor, Side};
use crate::bytes::ByteSet;

/// The bytes with which matches of an anchored pattern begin and end, at the sides where it is
/// anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EdgeBytes {
    first: ByteSet,
    last: ByteSet,
}

impl EdgeBytes {
    pub(crate) fn of(hir: &Hir, anchor: Anchor, lists: &[List]) -> EdgeBytes {
        let side = |side, anchored: bool| match anchored.then(|| outermost(hir, side, lists)) {
            // An empty match may have any neighbour.
            Some((bytes, false)) => bytes,
            _ => ByteSet::ALL,
        };
        EdgeBytes {
            first: side(Side::Start, matches!(anchor, Anchor::Line | Anchor::Start)),
            last: side(Side::End, matches!(anchor, Anchor::Line | Anchor::End)),
        }
    }

    /// Whether the key of `text` may be a match, judging by its outermost bytes.
    pub(crate) fn fits(&self, text: &str) -> bool {
        let (first, last) = EdgeBytes::outermost(text);
        first.is_none_or(|byte| self.first.has(byte)) && last.is_none_or(|byte| self.last.has(byte))
    }

    /// The outermost bytes of the key of `text`, where they can be read off the text.
    pub(crate) fn outermost(text: &str) -> (Option<u8>, Option<u8>) {
        let plain = |byte: &u8| byte.is_ascii_graphic();
        let (first, last) = match text.as_bytes() {
            // A combining mark would change the first character.
            [first, second, ..] if second.is_ascii() => {
                (Some(*first), text.as_bytes().last().copied())
            }
            all => (None, all.last().copied()),
        };
        // Other bytes may differ in the key.
        (first.filter(plain), last.filter(plain))
    }

    /// The bytes with which matches begin or end.
    pub(crate) fn side(&self, side: Side) -> &ByteSet {
        match side {
            Side::Start => &self.first,
            Side::End => &self.last,
        }
    }

    /// Whether matches may begin with a byte, and whether they may end with it.
    pub(crate) fn has(&self, byte: u8) -> (bool, bool) {
        (self.first.has(byte), self.last.has(byte))
    }
}

/// The outermost bytes of a regex's matches on a side, and whether it may match the empty text.
fn outermost(hir: &Hir, side: Side, lists: &[List]) -> (ByteSet, bool) {
    let mut bytes = ByteSet::default();
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => (bytes, true),
        HirKind::Literal(literal) => {
            let outer = match side {
                Side::Start => literal.0.first(),
                Side::End => literal.0.last(),
            };
            let text = std::str::from_utf8(&literal.0).unwrap_or_default();
            let c = match side {
                Side::Start => text.chars().next(),
                Side::End => text.chars().next_back(),
            };
            if let Some(list) = c.and_then(list_of) {
                let list = lists.get(list);
                return (list.map_or(ByteSet::ALL, |list| list.outermost.bytes(side)), false);
            }
            outer.into_iter().for_each(|byte| bytes.add(*byte));
            (bytes, outer.is_none())
        }
        HirKind::Class(Class::Unicode(class)) => {
            if let Some(ways) = split_lists(class) {
                return outermost_of_ways(&ways, side, lists);
            }
            for range in class.iter() {
                let (start, end) = (range.start(), range.end());
                (start..=end.min('\x7f')).for_each(|c| bytes.add(c as u8));
                if end <= '\x7f' {
                    continue;
                }
                let lead = |c: char| {
                    let mut text = [0; 4];
                    c.encode_utf8(&mut text);
                    text[0]
                };
                let others = match side {
                    Side::Start => lead(start.max('\u{80}'))..=lead(end),
                    Side::End => 0x80..=0xbf,
                };
                others.for_each(|byte| bytes.add(byte));
            }
            (bytes, false)
        }
        HirKind::Class(Class::Bytes(_)) => (ByteSet::ALL, false),
        HirKind::Repetition(repetition) => {
            let (bytes, empty) = outermost(&repetition.sub, side, lists);
            (bytes, empty || repetition.min == 0)
        }
        HirKind::Capture(capture) => outermost(&capture.sub, side, lists),
        HirKind::Concat(parts) => {
            for at in 0..parts.len() {
                let at = if side == Side::Start { at } else { parts.len() - 1 - at };
                let (own, empty) = outermost(&parts[at], side, lists);
                bytes.join(&own);
                if !empty {
                    return (bytes, false);
                }
            }
            (bytes, true)
        }
        HirKind::Alternation(parts) => outermost_of_ways(parts, side, lists),
    }
}

/// The same for alternatives.
fn outermost_of_ways(ways: &[Hir], side: Side, lists: &[List]) -> (ByteSet, bool) {
    let (mut bytes, mut any_empty) = (ByteSet::default(), false);
    for (own, empty) in ways.iter().map(|way| outermost(way, side, lists)) {
        bytes.join(&own);
        any_empty |= empty;
    }
    (bytes, any_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::folding::parse;

    fn fits(anchor: Anchor, pattern: &str, text: &str) -> bool {
        let hir = parse(pattern, false).unwrap_or_else(|_| Hir::fail());
        EdgeBytes::of(&hir, anchor, &[]).fits(text)
    }

    #[test]
    fn outermost_bytes_reject_lines_that_cannot_match() {
        let credit = r".+ ©[^.!?]{2,60}";
        assert!(fits(Anchor::Line, credit, "Smoke. © DPA"));
        assert!(!fits(Anchor::Line, credit, "Smoke © rises."));
        assert!(fits(Anchor::Line, credit, "Дым. © Лес"));
        assert!(fits(Anchor::End, credit, "\u{a0}Smoke. © DPA\u{a0}"));
        assert!(!fits(Anchor::Start, r"\d*(?:a|b)", "nothing"));
        assert!(fits(Anchor::Start, r"\d*(?:a|b)", "b"));
        assert!(fits(Anchor::Inside, "a", "nothing"));
        assert!(fits(Anchor::Line, "a?", "nothing"), "an empty match fits anywhere");
        assert!(fits(Anchor::Line, "é.*", "e\u{301}tat"), "a mark changes the first character");
    }
}
