//! Prefilters: conditions that every line meets that a pattern matches, and that are cheap to check.
//! The index files patterns under them.

use regex_syntax::hir::{Hir, HirKind};
use serde::{Deserialize, Serialize};

use super::edges::EdgeBytes;
use super::folding::parse;
use super::literals::{Literal, inner, literals};
use super::phrases::List;
use super::sides::{Anchor, Side};
use crate::bytes::ByteSet;

/// A cheap condition that every line meets that a pattern, or one of its alternatives, matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Prefilter {
    /// One of these lower-case literals is at that side of the line, and one of these bytes at the
    /// other side.
    Ends(Side, Vec<Literal>, ByteSet),
    /// One of these literals is anywhere in the line, in any case of ASCII letters, and the line
    /// begins and ends with these bytes.
    Inside(Vec<String>, EdgeBytes),
    /// No condition: the pattern is tried on every line.
    None,
}

impl Prefilter {
    fn of(hir: &Hir, anchor: Anchor, lists: &[List]) -> Prefilter {
        let edges = EdgeBytes::of(hir, anchor, lists);
        if let Some((side, set)) = literals(hir, anchor, lists) {
            return Prefilter::Ends(side, set, *edges.side(side.other()));
        }
        inner(hir).map_or(Prefilter::None, |set| Prefilter::Inside(set, edges))
    }
}

/// The prefilters of regexes with this anchor: one for each of their alternatives.
pub(super) fn prefilters(all: &[Hir], anchor: Anchor, lists: &[List]) -> Vec<Prefilter> {
    if anchor == Anchor::Unless {
        // Tried only on lines that another pattern of its rule matches.
        return Vec::new();
    }
    all.iter().flat_map(ways).map(|hir| Prefilter::of(hir, anchor, lists)).collect()
}

/// The alternatives of a regex, each of which may have another prefilter.
fn ways(hir: &Hir) -> &[Hir] {
    match hir.kind() {
        HirKind::Alternation(ways) => ways,
        _ => std::slice::from_ref(hir),
    }
}

/// Whether the index has a literal for a regex with lists that matches a complete line.
pub(crate) fn is_found(regex: &str, lists: &[List]) -> bool {
    parse(regex, true).is_ok_and(|hir| literals(&hir, Anchor::Line, lists).is_some())
}
