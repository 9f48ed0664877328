//! Hits: matches of rules in lines, which stages judge.

use std::ops::Range;

use crate::{RuleId, Span};

/// The part of a line or block that a hit covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The whole line.
    Line,
    /// A part of the line: its start, its end, or a range inside it.
    Part,
    /// The first line of a block.
    From,
    /// The last line of a block.
    Through,
}

/// A match of a rule in a line, in any zone.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The rule that matched.
    pub rule: RuleId,
    /// The matched bytes of the source.
    pub span: Span,
    /// The part of a line or block that the span covers.
    pub role: Role,
    /// The fields captured by the pattern, as name and value.
    pub fields: Vec<(String, String)>,
}

/// A run of lines matched by a `from`/`through` rule, inside the rule's place.
#[derive(Clone, Debug)]
pub struct Block {
    /// The rule that matched.
    pub rule: RuleId,
    /// The indices of its lines.
    pub lines: Range<usize>,
    /// The fields captured in its first and last line.
    pub fields: Vec<(String, String)>,
}

/// A piece of a partly cut line: a range of the current text and the source range it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Where the piece begins in the line's text, in bytes.
    pub at: usize,
    /// The source range that the piece comes from.
    pub source: Span,
    /// Whether the text replaces the source range; otherwise it is a copy of it.
    pub replaced: bool,
}
