//! Parses the regexes of patterns and folds them like keys, because patterns match keys: a curly
//! quote in a literal or a class becomes a straight one, and so on. Shapes are expanded.

use std::sync::LazyLock;

use regex_syntax::hir::{
    Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Repetition,
};

use super::placeholders::{shape_of, split_lists};
use super::shapes::SHAPES;
use crate::key::{self, Fold};

/// Parses a regex and folds its literals and classes like keys.
pub(crate) fn parse(pattern: &str, ignore_case: bool) -> Result<Hir, Box<regex_syntax::Error>> {
    Ok(folded(&parse_unfolded(pattern, ignore_case)?, ignore_case))
}

pub(super) fn parse_unfolded(
    pattern: &str,
    ignore_case: bool,
) -> Result<Hir, Box<regex_syntax::Error>> {
    let mut parser = regex_syntax::ParserBuilder::new();
    parser.case_insensitive(ignore_case).build().parse(pattern).map_err(Box::new)
}

/// The regex of a literal text.
pub(crate) fn literal(text: &str, ignore_case: bool) -> Result<Hir, Box<regex_syntax::Error>> {
    parse(&regex_syntax::escape(&key::key(text)), ignore_case)
}

/// A regex with folded literals and classes, and with its shapes expanded.
pub(crate) fn folded(hir: &Hir, ignore_case: bool) -> Hir {
    let folded = |hir: &Hir| folded(hir, ignore_case);
    match hir.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Look(look) => Hir::look(*look),
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) if text.contains(|c| shape_of(c).is_some()) => {
                Hir::concat(with_shapes(text, ignore_case))
            }
            Ok(text) => Hir::literal(fold_literal(text).into_bytes()),
            Err(_) => hir.clone(),
        },
        HirKind::Class(Class::Unicode(class)) => match split_lists(class) {
            Some(ways) => Hir::alternation(ways.iter().map(folded).collect()),
            None => Hir::class(Class::Unicode(fold_class(class))),
        },
        HirKind::Class(class) => Hir::class(class.clone()),
        HirKind::Repetition(repetition) => {
            let sub = Box::new(folded(&repetition.sub));
            Hir::repetition(Repetition { sub, ..*repetition })
        }
        // Groups without a name only group alternatives, and recording them has a cost.
        HirKind::Capture(Capture { name: None, sub, .. }) => folded(sub),
        HirKind::Capture(capture) => {
            let sub = Box::new(folded(&capture.sub));
            Hir::capture(Capture { index: capture.index, name: capture.name.clone(), sub })
        }
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(folded).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(folded).collect()),
    }
}

/// Expands the shapes in a literal.
fn with_shapes(text: &str, ignore_case: bool) -> Vec<Hir> {
    let literal = |text: &str| Hir::literal(fold_literal(text).into_bytes());
    let mut parts = Vec::new();
    for part in text.split_inclusive(|c| shape_of(c).is_some()) {
        let shape = part.chars().next_back().and_then(shape_of);
        parts.push(literal(part.trim_end_matches(|c| shape_of(c).is_some())));
        parts.extend(shape.and_then(|shape| self::shape(shape, ignore_case).cloned()));
    }
    parts
}

/// A shape that uses no lists, parsed and folded once for all patterns. `None` for other shapes,
/// which are no regexes by themselves.
pub(crate) fn shape(at: usize, ignore_case: bool) -> Option<&'static Hir> {
    static PARSED: LazyLock<[Vec<Option<Hir>>; 2]> = LazyLock::new(|| {
        [false, true].map(|ignore_case| {
            SHAPES.iter().map(|(_, text, _)| parse(text, ignore_case).ok()).collect()
        })
    });
    PARSED[usize::from(ignore_case)].get(at)?.as_ref()
}

fn fold_literal(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let folded = text.chars().filter_map(|c| match key::fold(c) {
        Fold::To(c) => Some(c),
        Fold::Drop => None,
    });
    folded.nfc().collect()
}

/// The characters that keys replace by another one, and those. Of white space, only common characters; not
/// U+200C, which `\w` contains.
static FOLDED: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let folds = |c: char| match key::fold(c) {
        Fold::To(' ') if !matches!(c, '\t' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{3000}') => {
            None
        }
        Fold::To(to) => (to != c).then_some((c, to)),
        Fold::Drop => None,
    };
    ('\0'..='\u{ffff}').filter_map(folds).collect()
});

/// Characters, with the surrogates, which are part of ranges over them.
const CHARACTERS: u32 = char::MAX as u32 + 1;

/// A class with at least half of all characters was probably written as a negated class.
const LARGE_CLASS: u32 = 0x8_0000;

/// A class that lacks more characters than this contains the negation of a class such as `\w`. Its letters,
/// digits and `_` were added by name, as in `[\W_]`.
const MOST_EXCLUDED: u32 = 0x1000;

fn fold_class(class: &ClassUnicode) -> ClassUnicode {
    let ranges = class.ranges();
    let has = |c: char| {
        let at = ranges.partition_point(|range| range.end() < c);
        ranges.get(at).is_some_and(|range| range.start() <= c)
    };
    let size: u32 = ranges.iter().map(|r| u32::from(r.end()) - u32::from(r.start()) + 1).sum();
    let lists_excluded = CHARACTERS - size <= MOST_EXCLUDED;
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut more, mut less) = (Vec::new(), Vec::new());
    for &(c, to) in FOLDED.iter() {
        match size < LARGE_CLASS {
            true if has(c) => {
                more.push(ClassUnicodeRange::new(to, to));
                // No key contains `c`, so removing it does not change what the class matches.
                less.push(ClassUnicodeRange::new(c, c));
            }
            false if !has(c) && has(to) && (lists_excluded || !is_word(to)) => {
                less.push(ClassUnicodeRange::new(to, to));
            }
            _ => {}
        }
    }
    let mut folded = class.clone();
    if !more.is_empty() {
        folded.union(&ClassUnicode::new(more));
    }
    if !less.is_empty() {
        folded.difference(&ClassUnicode::new(less));
    }
    folded
}

/// The properties of a text that is checked as a pattern.
pub(crate) struct Checked {
    /// The parsed regex, if it is one.
    pub(crate) hir: Option<Hir>,
    /// Whether it matches the empty text.
    pub(crate) empty: bool,
    /// Whether it may be too large to compile.
    pub(crate) heavy: bool,
}

/// Parses a text as a regex, or takes it literally, and checks its properties.
pub(crate) fn check(
    text: &str,
    literal: bool,
    ignore_case: bool,
) -> Result<Checked, Box<regex_syntax::Error>> {
    if literal {
        let empty = key::key(text).is_empty();
        return Ok(Checked { hir: None, empty, heavy: false });
    }
    let hir = parse_unfolded(text, ignore_case)?;
    let empty = hir.properties().minimum_len() == Some(0);
    let heavy = weight(&hir) > HEAVY;
    Ok(Checked { hir: Some(hir), empty, heavy })
}

/// The weight from which a regex is compiled when its file is loaded, to find out whether it is too
/// large: roughly a tenth of the limit of the regex crate.
const HEAVY: usize = 20_000;

/// The approximate number of states of a regex. Counted repetitions multiply.
pub(super) fn weight(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Unicode(class)) => 2 * class.ranges().len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min + 1).max(1);
            weight(&repetition.sub).saturating_mul(times as usize)
        }
        HirKind::Capture(capture) => weight(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(weight).fold(0, usize::saturating_add)
        }
    }
}
