//! Patterns: regexes over keys, with literals folded like keys. A pattern provides *prefilters* for
//! the index: conditions that every matching line meets and that are cheap to check.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, LazyLock, OnceLock};

use chaffinch_stage::Role;
use regex::Regex;
use regex_syntax::hir::{
    Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition,
};

use serde::{Deserialize, Serialize};

use crate::bytes::{ByteSet, EdgeBytes};
use crate::chars::Chars;
use crate::key::{self, Fold};
use crate::literals::{Side, inner, literals};
use crate::matcher::{self, Lists, Matcher, PackedMatcher, Program, TooLong};
use crate::packed::packed;
use crate::phrases::{List, Phrases, shape_of, split_lists};
use crate::table::Bytes;
use crate::template;

/// Where on a line a pattern must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The whole line.
    Line,
    /// The start of the line.
    Start,
    /// The end of the line.
    End,
    /// Anywhere in the line.
    Inside,
    /// Anywhere in the line; a match excludes the line from the rule.
    Unless,
}

/// One regex of a pattern, or several without captures combined into one.
#[derive(Clone, Debug)]
struct Alternative {
    matcher: Option<Matcher>,
    // Only for regexes that the matcher does not support or that take it too many steps.
    regex: OnceLock<Option<Regex>>,
    /// The named groups and their numbers.
    groups: Vec<(String, usize)>,
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
    fn find(
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

/// A compiled pattern of a rule.
///
/// Most rules never meet a candidate line, and with thousands of outlets their compiled regexes
/// would fill the memory. A pattern therefore stores its text or packed form and is compiled on
/// first use.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub(crate) anchor: Anchor,
    pub(crate) role: Role,
    origin: Origin,
    ready: OnceLock<Arc<Ready>>,
}

/// The form from which a pattern is compiled.
#[derive(Clone, Debug)]
enum Origin {
    /// Texts, and their compiled form if they were prepared.
    Texts(Texts, Option<Box<Prepared>>),
    /// The number of its compiled form in the pool of its file, and the numbers of the lists that
    /// it uses.
    Packed(Arc<Pool>, u32, Box<[u32]>),
}

/// What the patterns of a packed file share.
#[derive(Debug)]
pub(crate) struct Pool {
    classes: Vec<Arc<Chars>>,
    lists: Vec<Arc<Phrases>>,
    compiled: Vec<(Compiled, OnceLock<Option<Box<Unpacked>>>)>,
}

impl Pool {
    pub(crate) fn new(
        classes: Vec<Arc<Chars>>,
        lists: Vec<Arc<Phrases>>,
        compiled: Vec<Compiled>,
    ) -> Pool {
        let compiled = compiled.into_iter().map(|compiled| (compiled, OnceLock::new())).collect();
        Pool { classes, lists, compiled }
    }

    fn lists(&self, numbers: &[u32]) -> Lists {
        numbers.iter().map(|at| Arc::clone(&self.lists[*at as usize])).collect()
    }

    /// The compiled form with this number, with lists.
    fn ready(&self, number: u32, lists: &Lists) -> Option<Ready> {
        let (compiled, unpacked) = self.compiled.get(number as usize)?;
        if lists.is_empty() {
            // Only the rules of a template share a compiled form.
            return Some(compiled.unpacked(&self.classes)?.ready(lists));
        }
        let unpacked = unpacked.get_or_init(|| compiled.unpacked(&self.classes).map(Box::new));
        Some(unpacked.as_ref()?.ready(lists))
    }

    fn texts(&self, number: u32) -> Option<Texts> {
        self.compiled.get(number as usize)?.0.texts()
    }
}

/// The compiled form of a pattern, packed and without lists: patterns that differ only in their
/// lists have the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Compiled {
    /// The numbers of its classes in the pool, and its matchers.
    ready: Bytes,
    /// Its texts in case the regex is needed. Empty if the pattern has lists, because only the
    /// matcher supports them.
    texts: Bytes,
}

/// The packed form of [`Compiled`].
#[derive(Serialize, Deserialize)]
pub(crate) struct PackedCompiled<'a>(&'a [u8], &'a [u8]);

impl PackedCompiled<'_> {
    /// Unpacks a compiled form that is a part of `all`.
    pub(crate) fn into_compiled(self, all: &Arc<[u8]>) -> Compiled {
        let PackedCompiled(ready, texts) = self;
        Compiled { ready: Bytes::of_part(all, ready), texts: Bytes::of_part(all, texts) }
    }
}

impl Compiled {
    pub(crate) fn packed(&self) -> PackedCompiled<'_> {
        PackedCompiled(&self.ready, &self.texts)
    }

    /// The compiled form with other numbers of its classes.
    pub(crate) fn with_classes(self, classes: Vec<u32>) -> Compiled {
        let ready = postcard::take_from_bytes::<Vec<u32>>(&self.ready);
        let ready =
            ready.map_or_else(|_| Vec::new(), |(_, ready)| [&packed(&classes), ready].concat());
        Compiled { ready: ready.into(), ..self }
    }

    /// Unpacks the matchers with the classes of the file.
    fn unpacked(&self, all: &[Arc<Chars>]) -> Option<Unpacked> {
        let (classes, ready): (Vec<u32>, PackedReady) = postcard::from_bytes(&self.ready).ok()?;
        let PackedReady { alternatives, lengths } = ready;
        let class = |at: u32| Arc::clone(&all[at as usize]);
        let classes: Vec<Arc<Chars>> = classes.into_iter().map(class).collect();
        let program = |(matcher, groups, reach): AlternativeOf<PackedMatcher>| {
            (matcher.map(|matcher| matcher.into_program(&classes)), groups, reach)
        };
        Some(Unpacked { alternatives: alternatives.into_iter().map(program).collect(), lengths })
    }

    fn texts(&self) -> Option<Texts> {
        let (texts, literal, ignore_case): (Vec<String>, bool, bool) =
            postcard::from_bytes(&self.texts).ok()?;
        Some(Texts { texts: texts.into(), literal, ignore_case, lists: [].into() })
    }
}

/// The texts of a pattern.
#[derive(Clone, Debug)]
struct Texts {
    texts: Arc<[String]>,
    /// Whether the texts are literal and not regexes.
    literal: bool,
    ignore_case: bool,
    /// The lists that the texts use.
    lists: Arc<[List]>,
}

impl Texts {
    fn lists(&self) -> Lists {
        self.lists.iter().map(|list| Arc::clone(&list.phrases)).collect()
    }

    /// The folded regexes of the texts, without anchors.
    fn parsed(&self) -> Vec<Hir> {
        let hir = |text: &String| match self.literal {
            true => literal(text, self.ignore_case).ok(),
            false => parse(text, self.ignore_case).ok(),
        };
        self.texts.iter().filter_map(hir).collect()
    }
}

/// A pattern that is ready to be packed.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) prefilters: Vec<Prefilter>,
    /// The numbers are those of `classes`.
    pub(crate) compiled: Compiled,
    pub(crate) classes: Vec<Arc<Chars>>,
    pub(crate) lists: Lists,
}

impl Prepared {
    fn of(folded: Vec<Hir>, anchor: Anchor, texts: &Texts) -> Prepared {
        let (prefilters, lists) = (prefilters(&folded, anchor, &texts.lists), texts.lists());
        let mut classes = Vec::new();
        let ready = packed(&PackedReady::of(Ready::of(folded, anchor, &lists), &mut classes));
        let texts = match *lists {
            [] => packed(&(&*texts.texts, texts.literal, texts.ignore_case)),
            _ => Vec::new(),
        };
        let numbers: Vec<u32> = (0..classes.len() as u32).collect();
        let ready = [packed(&numbers), ready].concat();
        let compiled = Compiled { ready: ready.into(), texts: texts.into() };
        Prepared { prefilters, compiled, classes, lists }
    }
}

/// The compiled form of a pattern, made on first use.
#[derive(Clone, Debug)]
struct Ready {
    alternatives: Box<[Alternative]>,
    /// The minimum and maximum length in bytes of a matching key.
    lengths: (usize, usize),
}

/// The packed form of [`Ready`], without lists.
#[derive(Serialize, Deserialize)]
struct PackedReady {
    alternatives: Vec<AlternativeOf<PackedMatcher>>,
    lengths: (usize, usize),
}

/// The matcher of an [`Alternative`] in some form, its groups and its reach.
type AlternativeOf<M> = (Option<M>, Vec<(String, usize)>, Option<usize>);

impl PackedReady {
    fn of(Ready { alternatives, lengths }: Ready, classes: &mut Vec<Arc<Chars>>) -> PackedReady {
        let packed = |Alternative { matcher, groups, reach, .. }| {
            (matcher.map(|matcher| PackedMatcher::of(matcher, classes)), groups, reach)
        };
        PackedReady { alternatives: alternatives.into_iter().map(packed).collect(), lengths }
    }
}

/// The unpacked form of [`Compiled`].
#[derive(Debug)]
struct Unpacked {
    alternatives: Vec<AlternativeOf<Program>>,
    lengths: (usize, usize),
}

impl Unpacked {
    fn ready(&self, lists: &Lists) -> Ready {
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

/// A cheap condition that every line meets that a pattern, or one of its alternatives, matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Prefilter {
    /// One of these lower-case literals is at that side of the line, and one of these bytes at the
    /// other side.
    Ends(Side, Vec<String>, ByteSet),
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

impl Ready {
    fn of(all: Vec<Hir>, anchor: Anchor, lists: &Lists) -> Ready {
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

fn prefilters(all: &[Hir], anchor: Anchor, lists: &[List]) -> Vec<Prefilter> {
    if anchor == Anchor::Unless {
        // Tried only on lines that another pattern of its rule matches.
        return Vec::new();
    }
    all.iter().flat_map(ways).map(|hir| Prefilter::of(hir, anchor, lists)).collect()
}

/// Whether the index has a literal for a regex with lists that matches a complete line.
pub(crate) fn is_found(regex: &str, lists: &[List]) -> bool {
    parse(regex, true).is_ok_and(|hir| literals(&hir, Anchor::Line, lists).is_some())
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

/// The alternatives of a regex, each of which may have another prefilter.
fn ways(hir: &Hir) -> &[Hir] {
    match hir.kind() {
        HirKind::Alternation(ways) => ways,
        _ => std::slice::from_ref(hir),
    }
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
pub struct CompileError(String);

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CompileError {}

impl Pattern {
    /// A pattern of one or more texts that [`check`] accepts. `literal` texts are not regexes.
    pub(crate) fn new(
        anchor: Anchor,
        role: Role,
        texts: Arc<[String]>,
        literal: bool,
        ignore_case: bool,
    ) -> Pattern {
        let lists = [].into();
        let origin = Origin::Texts(Texts { texts, literal, ignore_case, lists }, None);
        Pattern { anchor, role, origin, ready: OnceLock::new() }
    }

    /// The pattern with these lists, which characters in its texts stand for.
    pub(crate) fn with_lists(mut self, all: Arc<[List]>) -> Pattern {
        if let Origin::Texts(Texts { lists, .. }, _) = &mut self.origin {
            *lists = all;
        }
        self
    }

    /// The lists that the pattern uses.
    pub(crate) fn lists(&self) -> Lists {
        match &self.origin {
            Origin::Texts(texts, _) => texts.lists(),
            Origin::Packed(pool, _, lists) => pool.lists(lists),
        }
    }

    /// A packed pattern: the pool of its file, the number of its compiled form, and the numbers of
    /// its lists.
    pub(crate) fn packed(
        anchor: Anchor,
        role: Role,
        pool: &Arc<Pool>,
        compiled: u32,
        lists: Box<[u32]>,
    ) -> Pattern {
        let origin = Origin::Packed(Arc::clone(pool), compiled, lists);
        Pattern { anchor, role, origin, ready: OnceLock::new() }
    }

    /// Compiles the pattern from its parsed texts, if all of them are given.
    pub(crate) fn prepare(&mut self, parsed: &[Hir]) {
        if let Origin::Texts(texts, prepared) = &mut self.origin
            && texts.texts.len() == parsed.len()
        {
            let folded = parsed.iter().map(|hir| folded(hir, texts.ignore_case)).collect();
            *prepared = Some(Box::new(Prepared::of(folded, self.anchor, texts)));
        }
    }

    /// The pattern for packing. `None` if it is packed.
    pub(crate) fn into_prepared(self) -> Option<Prepared> {
        match self.origin {
            Origin::Texts(_, Some(prepared)) => Some(*prepared),
            Origin::Texts(texts, None) => Some(Prepared::of(texts.parsed(), self.anchor, &texts)),
            Origin::Packed(..) => None,
        }
    }

    /// The parsed regexes, neither folded nor anchored.
    pub(crate) fn parsed_as_written(&self) -> Vec<Hir> {
        let Origin::Texts(Texts { texts, literal: false, ignore_case, .. }, _) = &self.origin
        else {
            return Vec::new();
        };
        texts.iter().filter_map(|text| parse_unfolded(text, *ignore_case).ok()).collect()
    }

    /// The folded regexes, without anchors.
    fn parsed(&self) -> Vec<Hir> {
        match &self.origin {
            Origin::Texts(texts, _) => texts.parsed(),
            Origin::Packed(pool, compiled, _) => {
                pool.texts(*compiled).map_or_else(Vec::new, |texts| texts.parsed())
            }
        }
    }

    fn ready(&self) -> &Ready {
        self.ready.get_or_init(|| {
            let lists = self.lists();
            let ready = match &self.origin {
                Origin::Packed(pool, compiled, _) => pool.ready(*compiled, &lists),
                Origin::Texts(..) => None,
            };
            ready.unwrap_or_else(|| Ready::of(self.parsed(), self.anchor, &lists)).into()
        })
    }

    /// Compiles the regex of one of its alternatives.
    fn regex(&self, alternative: usize) -> Result<Regex, CompileError> {
        let hir = joined(self.parsed()).into_iter().nth(alternative).unwrap_or_else(Hir::fail);
        Regex::new(&printable(anchored(hir, self.anchor)).to_string())
            .map_err(|error| CompileError(error.to_string()))
    }

    /// The prefilters of its alternatives. Those of packed patterns are packed separately.
    pub(crate) fn prefilters(&self) -> Vec<Prefilter> {
        match &self.origin {
            Origin::Texts(texts, None) => prefilters(&texts.parsed(), self.anchor, &texts.lists),
            Origin::Texts(_, Some(prepared)) => prepared.prefilters.clone(),
            Origin::Packed(..) => Vec::new(),
        }
    }

    /// Whether a match excludes a line from the rule.
    pub fn excludes(&self) -> bool {
        self.anchor == Anchor::Unless
    }

    /// The role of its hits.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The approximate number of states of its regexes.
    pub fn weight(&self) -> usize {
        self.parsed().iter().map(weight).sum()
    }

    /// Whether the pattern captures fields.
    pub fn has_fields(&self) -> bool {
        self.ready().alternatives.iter().any(|alternative| !alternative.groups.is_empty())
    }

    /// Compiles everything now.
    ///
    /// # Errors
    /// If the pattern is too large.
    pub fn compile(&self) -> Result<(), CompileError> {
        if !self.lists().is_empty() {
            // Only the matcher supports lists.
            let mut alternatives = self.ready().alternatives.iter();
            return match alternatives.all(|alternative| alternative.matcher.is_some()) {
                true => Ok(()),
                false => Err(CompileError(
                    "the pattern is too large; patterns with lists have a lower limit".to_owned(),
                )),
            };
        }
        for (at, alternative) in self.ready().alternatives.iter().enumerate() {
            let regex = self.regex(at)?;
            alternative.regex.get_or_init(|| Some(regex));
        }
        Ok(())
    }

    /// Calls `each` with the matches in a key: at most one, except for [`Anchor::Inside`].
    pub fn find(&self, key: &str, each: &mut dyn FnMut(Found)) {
        let ready = self.ready();
        if key.len() < ready.lengths.0 || key.len() > ready.lengths.1 {
            return;
        }
        let all = self.anchor == Anchor::Inside;
        // The first alternative that matches.
        let mut alternatives = ready.alternatives.iter().enumerate();
        alternatives
            .any(|(at, alternative)| alternative.find(key, all, || self.regex(at).ok(), each));
    }

    /// The first match in a key.
    pub fn first(&self, key: &str) -> Option<Found> {
        let mut first = None;
        self.find(key, &mut |found| {
            first.get_or_insert(found);
        });
        first
    }

    /// Whether the pattern matches a key.
    pub fn is_match(&self, key: &str) -> bool {
        self.first(key).is_some()
    }
}

/// The weight from which a regex is compiled when its file is loaded, to find out whether it is too
/// large: roughly a tenth of the limit of the regex crate.
const HEAVY: usize = 20_000;

/// The approximate number of states of a regex. Counted repetitions multiply.
fn weight(hir: &Hir) -> usize {
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

/// Parses a regex and folds its literals and classes like keys.
pub(crate) fn parse(pattern: &str, ignore_case: bool) -> Result<Hir, Box<regex_syntax::Error>> {
    Ok(folded(&parse_unfolded(pattern, ignore_case)?, ignore_case))
}

fn parse_unfolded(pattern: &str, ignore_case: bool) -> Result<Hir, Box<regex_syntax::Error>> {
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
        parts.extend(shape.and_then(|shape| template::shape(shape, ignore_case).cloned()));
    }
    parts
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

/// The characters that keys replace by another one. Of white space, only common characters; not
/// U+200C, which `\w` contains.
static FOLDED: LazyLock<Vec<char>> = LazyLock::new(|| {
    let folds = |c: &char| match key::fold(*c) {
        Fold::To(' ') => matches!(c, '\t' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{3000}'),
        Fold::To(to) => to != *c,
        Fold::Drop => false,
    };
    ('\0'..='\u{ffff}').filter(folds).collect()
});

/// Characters, with the surrogates, which are part of ranges over them.
const CHARACTERS: u32 = char::MAX as u32 + 1;

/// A class with at least half of all characters was probably written as a negated class.
const LARGE_CLASS: u32 = 0x8_0000;

/// A class that lacks more characters than this was negated by a class such as `\w`. Its letters, digits and
/// `_` were added by name, as in `[\W_]`.
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
    for &c in FOLDED.iter() {
        let Fold::To(to) = key::fold(c) else { continue };
        if has(c) && size < LARGE_CLASS {
            // No key contains `c`, so removing it does not change what the class matches.
            more.push(ClassUnicodeRange::new(to, to));
            less.extend((c != to).then(|| ClassUnicodeRange::new(c, c)));
        } else if !has(c) && has(to) && size >= LARGE_CLASS && (lists_excluded || !is_word(to)) {
            less.push(ClassUnicodeRange::new(to, to));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(anchor: Anchor, text: &str) -> Pattern {
        Pattern::new(anchor, Role::Line, [text.to_owned()].into(), false, false)
    }

    fn find(pattern: &Pattern, key: &str) -> Vec<Found> {
        let mut all = Vec::new();
        pattern.find(key, &mut |found| all.push(found));
        all
    }

    #[test]
    fn patterns_are_folded_like_keys() {
        assert_eq!(find(&pattern(Anchor::Line, "Press TV’s – site"), "Press TV's — site").len(), 1);
        assert_eq!(find(&pattern(Anchor::Line, "[’–]+"), "'—").len(), 1);
        assert_eq!(find(&pattern(Anchor::Line, "[^“”]+"), "a\"b").len(), 0);
        assert_eq!(find(&pattern(Anchor::Line, "a\u{a0}b"), "a b").len(), 1);
    }

    #[test]
    fn a_class_keeps_the_word_characters_that_are_added_to_a_negated_one() {
        for text in [r"[\W_A-C1]+", r"(?:\W|[_A-C1])+", "[^D-Za-z]+"] {
            assert_eq!(find(&pattern(Anchor::Line, text), "_A1 C").len(), 1, "{text}");
            assert_eq!(find(&pattern(Anchor::Line, text), "_D").len(), 0, "{text}");
        }
        assert_eq!(find(&pattern(Anchor::Line, r"[^\p{L}“]+"), "1\"").len(), 0);
        assert_eq!(find(&pattern(Anchor::Line, "[^０-９]+"), "1").len(), 0);
    }

    #[test]
    fn the_regex_of_a_repetition_in_a_repetition_is_the_same() {
        // The matcher does not support a loop around an empty match.
        let text = "x(?:b{1,3})?(?P<rest>(?:(?:c{2})?d)+(?:a?)*)y";
        for key in ["xdy", "xbdy", "xbbbccdday"] {
            let found = find(&pattern(Anchor::Line, text), key);
            let [Found { range, fields }] = &found[..] else { panic!("{key}: {found:?}") };
            let rest = key.find(['c', 'd']).unwrap()..key.len() - 1;
            assert_eq!((range, fields), (&(0..key.len()), &vec![("rest".to_owned(), rest)]));
        }
        assert!(find(&pattern(Anchor::Line, text), "xcdy").is_empty());
    }

    /// Patterns that the matcher does not support use the regex, which is compiled from the packed
    /// texts.
    #[test]
    fn a_packed_pattern_can_still_compile_its_regex() {
        let texts: Arc<[String]> = [r"(?:say|x)? (?:a?)*b".to_owned()].into();
        let written = Pattern::new(Anchor::Inside, Role::Part, texts, false, true);
        assert!(written.ready().alternatives.iter().all(|all| all.matcher.is_none()));
        let Prepared { compiled, classes, .. } = written.clone().into_prepared().unwrap();
        let pool = Pool::new(classes, Vec::new(), vec![compiled]);
        let packed = Pattern::packed(Anchor::Inside, Role::Part, &pool.into(), 0, [].into());
        let key = "they SAY aab, and b";
        assert_eq!(find(&packed, key), find(&written, key));
        assert_eq!(find(&packed, key).len(), 2);
    }

    #[test]
    fn patterns_too_large_to_compile_are_heavy() {
        let text = r"\w{1,500}\w{1,500}";
        let large = pattern(Anchor::Line, text);
        assert!(check(text, false, false).unwrap().heavy && large.compile().is_err());
        let fine = pattern(Anchor::Line, r"\p{Lu}.{2,60} [\w &-]{2,40}");
        assert!(fine.compile().is_ok());
    }

    #[test]
    fn line_patterns_match_complete_lines() {
        assert_eq!(find(&pattern(Anchor::Line, "a|b"), "ab"), []);
        assert_eq!(find(&pattern(Anchor::End, "—Agencies"), "so.—Agencies")[0].range, 3..14);
    }

    #[test]
    fn fields_are_captured() {
        let found = find(&pattern(Anchor::Line, r"News / (?<section>\w+)"), "News / Politics");
        assert_eq!(found[0].fields, [("section".to_owned(), 7..15)]);
    }
}
