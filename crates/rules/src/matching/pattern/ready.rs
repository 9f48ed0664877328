//! The ready form of a pattern: its regexes, combined where possible and compiled for the matcher.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use regex::Regex;
use regex_syntax::hir::{Capture, Hir, HirKind, Look};
use serde::{Deserialize, Serialize};

use crate::chars::Chars;
use crate::matching::matcher::{self, Lists, Matcher, PackedProgram, Program, TooLong};
use crate::matching::sides::Anchor;

/// The compiled form of a pattern, made on first use.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) alternatives: Box<[Alternative]>,
    /// The minimum and maximum length in bytes of a matching key.
    pub(super) lengths: (usize, usize),
}

/// The packed form of [`Ready`], without lists.
#[derive(Serialize, Deserialize)]
pub(super) struct PackedReady {
    alternatives: Vec<AlternativeOf<PackedProgram>>,
    lengths: (usize, usize),
}

/// The matcher of an [`Alternative`] in some form, its groups and its reach.
type AlternativeOf<M> = (Option<M>, Vec<(String, usize)>, Option<usize>);

impl PackedReady {
    pub(super) fn of(
        Ready { alternatives, lengths }: Ready,
        classes: &mut Vec<Arc<Chars>>,
    ) -> PackedReady {
        let packed = |Alternative { matcher, groups, reach, .. }: Alternative| {
            (matcher.map(|matcher| matcher.program().packed(classes)), groups, reach)
        };
        PackedReady { alternatives: alternatives.into_iter().map(packed).collect(), lengths }
    }

    /// Unpacks the programs with the classes of the pattern.
    pub(super) fn unpacked(self, classes: &[Arc<Chars>]) -> Unpacked {
        let PackedReady { alternatives, lengths } = self;
        let program = |(matcher, groups, reach): AlternativeOf<PackedProgram>| {
            (matcher.map(|matcher| matcher.into_program(classes)), groups, reach)
        };
        Unpacked { alternatives: alternatives.into_iter().map(program).collect(), lengths }
    }
}

/// The unpacked form of [`PackedReady`].
#[derive(Debug)]
pub(super) struct Unpacked {
    alternatives: Vec<AlternativeOf<Program>>,
    lengths: (usize, usize),
}

impl Unpacked {
    pub(super) fn ready(&self, lists: &Lists) -> Ready {
        let alternative = |(program, groups, reach): &AlternativeOf<Program>| Alternative {
            matcher: program.clone().map(|program| Matcher::of(program, lists)),
            regex: OnceLock::new(),
            groups: groups.clone(),
            reach: *reach,
        };
        let alternatives = self.alternatives.iter().map(alternative).collect();
        Ready { alternatives, lengths: self.lengths }
    }
}

impl Ready {
    /// Compiles folded regexes.
    pub(super) fn of(all: Vec<Hir>, anchor: Anchor, lists: &Lists) -> Ready {
        let min = all.iter().filter_map(|hir| hir.properties().minimum_len()).min();
        let most = |hir: &Hir| hir.properties().maximum_len().unwrap_or(usize::MAX);
        let max = all.iter().map(most).max().filter(|_| anchor == Anchor::Line);
        let lengths = match **lists {
            [] => (min.unwrap_or(0), max.unwrap_or(usize::MAX)),
            _ => (0, usize::MAX),
        };
        let alternatives = joined(all);
        let alternatives =
            alternatives.iter().map(|hir| Alternative::new(hir, anchor, lists)).collect();
        Ready { alternatives, lengths }
    }
}

/// One regex of a pattern, or several without captures combined into one.
#[derive(Clone, Debug)]
pub(super) struct Alternative {
    pub(super) matcher: Option<Matcher>,
    // Only for regexes that the matcher does not support or that take it too many steps.
    pub(super) regex: OnceLock<Option<Regex>>,
    /// The named groups and their numbers.
    pub(super) groups: Vec<(String, usize)>,
    /// The maximum length in bytes of a match that ends at the line's end, if it is known.
    reach: Option<usize>,
}

impl Alternative {
    fn new(hir: &Hir, anchor: Anchor, lists: &Lists) -> Alternative {
        let mut groups = Vec::new();
        named_groups(hir, &mut groups);
        let at_end = anchor == Anchor::End && lists.is_empty();
        let reach = hir.properties().maximum_len().filter(|_| at_end);
        let matcher = Matcher::new(&anchored(hir.clone(), anchor), lists);
        Alternative { matcher, regex: OnceLock::new(), groups, reach }
    }

    /// Passes the non-empty matches in a key to `each`: all of them, or only the first. Returns
    /// whether there is any match, including empty ones. `regex` compiles the regex if it is
    /// needed.
    pub(super) fn find(
        &self,
        key: &str,
        all: bool,
        regex: impl FnOnce() -> Option<Regex>,
        each: &mut dyn FnMut(Found),
    ) -> bool {
        let mut found = Vec::new();
        if let Some(matcher) = &self.matcher {
            let in_time = self.quickly(matcher, key, all, &mut found).is_ok();
            // Only the matcher supports lists, so a pattern with lists that takes too long does not
            // match.
            if in_time || matcher.has_lists() {
                let any = !found.is_empty();
                found.into_iter().filter(|found| !found.range.is_empty()).for_each(each);
                return any;
            }
        }
        let Some(regex) = self.regex.get_or_init(regex) else { return false };
        let mut any = false;
        for captures in regex.captures_iter(key).take(if all { usize::MAX } else { 1 }) {
            any = true;
            let range = captures.get_match().range();
            let field =
                |(name, _): &(String, usize)| Some((name.clone(), captures.name(name)?.range()));
            let fields = self.groups.iter().filter_map(field).collect();
            if !range.is_empty() {
                each(Found { range, fields });
            }
        }
        any
    }

    fn quickly(
        &self,
        matcher: &Matcher,
        key: &str,
        all: bool,
        found: &mut Vec<Found>,
    ) -> Result<(), TooLong> {
        let mut from = self.reach.map_or(0, |reach| key.len().saturating_sub(reach));
        while !key.is_char_boundary(from) {
            from -= 1;
        }
        loop {
            let mut fields = Vec::new();
            let range = matcher.find(key, from, &mut |slots| {
                let field = |(name, group): &(String, usize)| {
                    let slot = slots.get(2 * group..2 * group + 2)?;
                    (slot[1] != matcher::NONE).then(|| (name.clone(), slot[0]..slot[1]))
                };
                fields = self.groups.iter().filter_map(field).collect();
            })?;
            let Some(range) = range else { return Ok(()) };
            from = match range.is_empty() {
                true => range.end + key[range.end..].chars().next().map_or(1, char::len_utf8),
                false => range.end,
            };
            found.push(Found { range, fields });
            if !all || from > key.len() {
                return Ok(());
            }
        }
    }
}

fn named_groups(hir: &Hir, groups: &mut Vec<(String, usize)>) {
    match hir.kind() {
        HirKind::Capture(capture) => {
            let name = capture.name.as_deref();
            groups.extend(name.map(|name| (name.to_owned(), capture.index as usize)));
            named_groups(&capture.sub, groups);
        }
        HirKind::Repetition(repetition) => named_groups(&repetition.sub, groups),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| named_groups(part, groups));
        }
        _ => {}
    }
}

/// Combines the regexes without captured fields into one.
fn joined(all: Vec<Hir>) -> Vec<Hir> {
    let has_fields = |hir: &Hir| hir.properties().explicit_captures_len() > 0;
    let (fielded, plain): (Vec<Hir>, Vec<Hir>) = all.into_iter().partition(has_fields);
    let plain = (!plain.is_empty()).then(|| Hir::alternation(factored(plain)));
    plain.into_iter().chain(fielded).collect()
}

/// Combines consecutive regexes with the same beginning, so that it is tried once.
fn factored(all: Vec<Hir>) -> Vec<Hir> {
    let begin = |hir: &Hir| match hir.kind() {
        HirKind::Concat(parts) => parts.first().cloned(),
        _ => None,
    };
    let same = |one: &Hir, other: &Hir| begin(one).is_some_and(|one| Some(one) == begin(other));
    all.chunk_by(same).map(|alike| Hir::alternation(alike.to_vec())).collect()
}

/// A match of a pattern in a key.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The matched bytes of the key.
    pub range: Range<usize>,
    /// The named groups that matched, with their bytes of the key.
    pub fields: Vec<(String, Range<usize>)>,
}

/// A pattern cannot be compiled, usually because it is too large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError(pub(super) String);

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CompileError {}

/// Compiles one of the alternatives that [`Ready::of`] makes of folded regexes with the regex crate.
pub(super) fn regex(
    all: Vec<Hir>,
    anchor: Anchor,
    alternative: usize,
) -> Result<Regex, CompileError> {
    let hir = joined(all).into_iter().nth(alternative).unwrap_or_else(Hir::fail);
    regex_of(hir, anchor)
}

/// Compiles a folded regex with the regex crate.
///
/// # Errors
/// If it is too large.
pub(crate) fn regex_of(hir: Hir, anchor: Anchor) -> Result<Regex, CompileError> {
    Regex::new(&printable(anchored(hir, anchor)).to_string())
        .map_err(|error| CompileError(error.to_string()))
}

fn anchored(hir: Hir, anchor: Anchor) -> Hir {
    let (start, end) = (Hir::look(Look::Start), Hir::look(Look::End));
    match anchor {
        Anchor::Line => Hir::concat(vec![start, hir, end]),
        Anchor::Start => Hir::concat(vec![start, hir]),
        Anchor::End => Hir::concat(vec![hir, end]),
        Anchor::Inside | Anchor::Unless => hir,
    }
}

/// A regex that can be printed. The printer of `regex-syntax` writes no group around a repetition in a
/// repetition, so `(?:b{2})?` would become the lazy `b{2}?`. Here it becomes `(b{2})?`.
fn printable(hir: Hir) -> Hir {
    let all = |parts: Vec<Hir>| parts.into_iter().map(printable).collect();
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            let mut repetition = repetition.clone();
            let mut sub = printable(*repetition.sub);
            if matches!(sub.kind(), HirKind::Repetition(_)) {
                sub = Hir::capture(Capture { index: 0, name: None, sub: Box::new(sub) });
            }
            repetition.sub = Box::new(sub);
            Hir::repetition(repetition)
        }
        HirKind::Capture(capture) => {
            let sub = Box::new(printable((*capture.sub).clone()));
            Hir::capture(Capture { sub, ..capture.clone() })
        }
        HirKind::Concat(parts) => Hir::concat(all(parts.clone())),
        HirKind::Alternation(parts) => Hir::alternation(all(parts.clone())),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir,
    }
}
