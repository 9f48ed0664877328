//! Patterns: regexes over keys, folded as keys are, with the literals that they begin or end with.

use std::ops::Range;
use std::sync::{Arc, LazyLock, OnceLock};

use chaffinch_stage::Role;
use regex::Regex;
use regex_syntax::hir::{
    Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition,
};

use serde::{Deserialize, Serialize};

use crate::bytes::Frame;
use crate::key::{self, Fold};
use crate::literals::{Side, inner, literals};
use crate::matcher::{self, Lists, Matcher, PackedMatcher, TooLong};
use crate::packed::packed;
use crate::phrases::{List, lists_apart, shape_of};
use crate::template;

/// Where on a line a pattern must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The whole line.
    Line,
    /// Its start.
    Start,
    /// Its end.
    End,
    /// Anywhere in it.
    Inside,
    /// Anywhere in it, and then the rule does not match the line.
    Unless,
}

/// One regex of a pattern, or several that capture nothing, as one.
#[derive(Clone, Debug)]
struct Alternative {
    matcher: Option<Matcher>,
    // Only for what the matcher cannot take, or takes too many steps for.
    regex: OnceLock<Option<Regex>>,
    /// The named groups and their numbers.
    groups: Vec<(String, usize)>,
    /// The bytes from the end of a line in which a match that ends there begins, if that is known.
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

    /// The matches on a key, empty ones left out; `all` of them or the first. Whether there were
    /// any, empty ones included. `regex` makes the regex where it is needed.
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
            // Only the matcher knows lists: what takes too long does not match.
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
            let field = |(name, group): &(String, usize)| {
                Some((name.clone(), captures.get(*group)?.range()))
            };
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

/// What a rule looks for on a line.
///
/// Of most rules of most runs no line ever comes near, and with thousands of outlets their regexes
/// would fill the memory: a pattern keeps its text, and what is made of it is made when it is first
/// needed, without what it is made from.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub(crate) anchor: Anchor,
    pub(crate) role: Role,
    origin: Origin,
    ready: OnceLock<Arc<Ready>>,
}

/// What a pattern is made from.
#[derive(Clone, Debug)]
enum Origin {
    /// Texts, and what was made of them when they were checked.
    Texts(Texts, Option<Box<Prepared>>),
    /// What was packed, and the lists that it uses.
    Packed(Prepared, Lists),
}

/// The texts of a pattern.
#[derive(Clone, Debug)]
struct Texts {
    texts: Arc<[String]>,
    /// Whether they are meant as they are, not as regexes.
    literal: bool,
    ignore_case: bool,
    /// The lists that they use.
    lists: Arc<[List]>,
}

impl Texts {
    fn lists(&self) -> Lists {
        self.lists.iter().map(|list| Arc::clone(&list.phrases)).collect()
    }

    /// Their regexes, folded, not yet anchored.
    fn parsed(&self) -> Vec<Hir> {
        let hir = |text: &String| match self.literal {
            true => literal(text, self.ignore_case).ok(),
            false => parse(text, self.ignore_case).ok(),
        };
        self.texts.iter().filter_map(hir).collect()
    }
}

/// What is made of a pattern's texts, packed: what tells it, what confirms it, and the texts, for
/// what only the regex can do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Prepared {
    #[serde(with = "serde_bytes")]
    bytes: Box<[u8]>,
    /// Where the second and the third part begin.
    parts: (u32, u32),
}

impl Prepared {
    fn of(folded: Vec<Hir>, anchor: Anchor, texts: &Texts) -> Prepared {
        let mut bytes = packed(&tells(&folded, anchor, &texts.lists));
        let ready = bytes.len() as u32;
        bytes.extend(packed(&PackedReady::of(Ready::of(folded, anchor, &texts.lists()))));
        let parts = (ready, bytes.len() as u32);
        bytes.extend(packed(&(&*texts.texts, texts.literal, texts.ignore_case)));
        Prepared { bytes: bytes.into(), parts }
    }

    fn tells(&self) -> Option<Vec<Tell>> {
        postcard::from_bytes(self.bytes.get(..self.parts.0 as usize)?).ok()
    }

    fn ready(&self, lists: &Lists) -> Option<Ready> {
        let (from, to) = self.parts;
        let packed = self.bytes.get(from as usize..to as usize)?;
        Some(postcard::from_bytes::<PackedReady>(packed).ok()?.into_ready(lists))
    }

    fn texts(&self) -> Option<Texts> {
        let packed = self.bytes.get(self.parts.1 as usize..)?;
        let (texts, literal, ignore_case): (Vec<String>, bool, bool) =
            postcard::from_bytes(packed).ok()?;
        Some(Texts { texts: texts.into(), literal, ignore_case, lists: [].into() })
    }
}

/// What is made of a pattern's texts when a line first comes near.
#[derive(Clone, Debug)]
struct Ready {
    alternatives: Box<[Alternative]>,
    /// The least and the most bytes of a key that may match.
    lengths: (usize, usize),
}

/// A [`Ready`] as it is packed: its alternatives without their lists.
#[derive(Serialize, Deserialize)]
struct PackedReady {
    alternatives: Vec<PackedAlternative>,
    lengths: (usize, usize),
}

/// The matcher of an [`Alternative`], its groups and its reach.
type PackedAlternative = (Option<PackedMatcher>, Vec<(String, usize)>, Option<usize>);

impl PackedReady {
    fn of(Ready { alternatives, lengths }: Ready) -> PackedReady {
        let packed = |Alternative { matcher, groups, reach, .. }| {
            (matcher.map(PackedMatcher::of), groups, reach)
        };
        PackedReady { alternatives: alternatives.into_iter().map(packed).collect(), lengths }
    }

    fn into_ready(self, lists: &Lists) -> Ready {
        let alternative = |(matcher, groups, reach): PackedAlternative| {
            let matcher = matcher.map(|matcher| matcher.into_matcher(lists));
            Alternative { matcher, regex: OnceLock::new(), groups, reach }
        };
        let alternatives = self.alternatives.into_iter().map(alternative).collect();
        Ready { alternatives, lengths: self.lengths }
    }
}

/// What tells that a pattern might match a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Tell {
    /// One of these literals at that side of it, lower-cased.
    Ends(Side, Vec<String>),
    /// One of these literals anywhere in it, in any case of ASCII letters, and what it begins and
    /// ends with.
    Inside(Vec<String>, Frame),
    /// Nothing: it must be tried.
    Nothing,
}

impl Tell {
    fn of(hir: &Hir, anchor: Anchor, lists: &[List]) -> Tell {
        if let Some((side, set)) = literals(hir, anchor, lists) {
            return Tell::Ends(side, set);
        }
        inner(hir).map_or(Tell::Nothing, |set| Tell::Inside(set, Frame::of(hir, anchor)))
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

fn tells(all: &[Hir], anchor: Anchor, lists: &[List]) -> Vec<Tell> {
    if anchor == Anchor::Unless {
        // It is tried only on lines that another pattern of its rule matches.
        return Vec::new();
    }
    all.iter().flat_map(ways).map(|hir| Tell::of(hir, anchor, lists)).collect()
}

/// Whether the index has something to find lines by that a regex with lists might match as a whole.
pub(crate) fn is_found(regex: &str, lists: &[List]) -> bool {
    parse(regex, true).is_ok_and(|hir| literals(&hir, Anchor::Line, lists).is_some())
}

/// Of several regexes, those without fields as one.
fn joined(all: Vec<Hir>) -> Vec<Hir> {
    let has_fields = |hir: &Hir| hir.properties().explicit_captures_len() > 0;
    let (fielded, plain): (Vec<Hir>, Vec<Hir>) = all.into_iter().partition(has_fields);
    let plain = (!plain.is_empty()).then(|| Hir::alternation(factored(plain)));
    plain.into_iter().chain(fielded).collect()
}

/// Neighbours that begin alike as one, so that what they begin with is tried once.
fn factored(all: Vec<Hir>) -> Vec<Hir> {
    let begin = |hir: &Hir| match hir.kind() {
        HirKind::Concat(parts) => parts.first().cloned(),
        _ => None,
    };
    let same = |one: &Hir, other: &Hir| begin(one).is_some_and(|one| Some(one) == begin(other));
    all.chunk_by(same).map(|alike| Hir::alternation(alike.to_vec())).collect()
}

/// The ways of a regex, if it is several: each may be told by something else.
fn ways(hir: &Hir) -> &[Hir] {
    match hir.kind() {
        HirKind::Alternation(ways) => ways,
        _ => std::slice::from_ref(hir),
    }
}

/// A match of a pattern: bytes of the key, and the captured fields.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// What was matched.
    pub range: Range<usize>,
    /// The named groups that took part.
    pub fields: Vec<(String, Range<usize>)>,
}

impl Pattern {
    /// A pattern of one or more texts that [`check`] accepts; `literal` ones are no regexes.
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

    /// The pattern with these lists, for which characters in its texts stand.
    pub(crate) fn with_lists(mut self, all: Arc<[List]>) -> Pattern {
        if let Origin::Texts(Texts { lists, .. }, _) = &mut self.origin {
            *lists = all;
        }
        self
    }

    /// The lists that it uses.
    pub(crate) fn lists(&self) -> Lists {
        match &self.origin {
            Origin::Texts(texts, _) => texts.lists(),
            Origin::Packed(_, lists) => Arc::clone(lists),
        }
    }

    /// A pattern of which [`Pattern::into_prepared`] gave this, and [`Pattern::lists`] these.
    pub(crate) fn packed(anchor: Anchor, role: Role, prepared: Prepared, lists: Lists) -> Pattern {
        Pattern { anchor, role, origin: Origin::Packed(prepared, lists), ready: OnceLock::new() }
    }

    /// Prepares it, of its texts, if all of them are parsed.
    pub(crate) fn prepare(&mut self, parsed: &[Hir]) {
        if let Origin::Texts(texts, prepared) = &mut self.origin
            && texts.texts.len() == parsed.len()
        {
            let folded = parsed.iter().map(|hir| folded(hir, texts.ignore_case)).collect();
            *prepared = Some(Box::new(Prepared::of(folded, self.anchor, texts)));
        }
    }

    /// What is made of it once and for all.
    pub(crate) fn into_prepared(self) -> Prepared {
        match self.origin {
            Origin::Texts(_, Some(prepared)) => *prepared,
            Origin::Texts(texts, None) => Prepared::of(texts.parsed(), self.anchor, &texts),
            Origin::Packed(prepared, _) => prepared,
        }
    }

    /// Its regexes, neither folded nor anchored.
    pub(crate) fn parsed_as_written(&self) -> Vec<Hir> {
        let Origin::Texts(Texts { texts, literal: false, ignore_case, .. }, _) = &self.origin
        else {
            return Vec::new();
        };
        texts.iter().filter_map(|text| parse_as_it_is(text, *ignore_case).ok()).collect()
    }

    fn prepared(&self) -> Option<&Prepared> {
        match &self.origin {
            Origin::Texts(_, prepared) => prepared.as_deref(),
            Origin::Packed(prepared, _) => Some(prepared),
        }
    }

    /// Its regexes, folded, not yet anchored.
    fn parsed(&self) -> Vec<Hir> {
        match &self.origin {
            Origin::Texts(texts, _) => texts.parsed(),
            Origin::Packed(prepared, _) => prepared.texts().map_or_else(Vec::new, |t| t.parsed()),
        }
    }

    fn ready(&self) -> &Ready {
        self.ready.get_or_init(|| {
            let lists = self.lists();
            let ready = self.prepared().and_then(|prepared| prepared.ready(&lists));
            ready.unwrap_or_else(|| Ready::of(self.parsed(), self.anchor, &lists)).into()
        })
    }

    /// The regex of one of its alternatives.
    fn regex(&self, alternative: usize) -> Result<Regex, String> {
        let hir = joined(self.parsed()).into_iter().nth(alternative).unwrap_or_else(Hir::fail);
        Regex::new(&anchored(hir, self.anchor).to_string()).map_err(|error| error.to_string())
    }

    /// What tells of each way to match that it might.
    pub(crate) fn tells(&self) -> Vec<Tell> {
        let told = self.prepared().and_then(Prepared::tells);
        let lists = match &self.origin {
            Origin::Texts(texts, _) => &*texts.lists,
            Origin::Packed(..) => &[],
        };
        told.unwrap_or_else(|| tells(&self.parsed(), self.anchor, lists))
    }

    /// Whether a rule with this pattern does not match the lines that it matches.
    pub fn excludes(&self) -> bool {
        self.anchor == Anchor::Unless
    }

    /// What its hits are.
    pub fn role(&self) -> Role {
        self.role
    }

    /// About how many states its regexes have.
    pub fn weight(&self) -> usize {
        self.parsed().iter().map(weight).sum()
    }

    /// Whether some line has nothing that tells that it does not match.
    pub fn is_told_by_nothing(&self) -> bool {
        self.tells().iter().any(|tell| matches!(tell, Tell::Nothing))
    }

    /// Whether it captures fields.
    pub fn has_fields(&self) -> bool {
        self.ready().alternatives.iter().any(|alternative| !alternative.groups.is_empty())
    }

    /// Compiles everything now. The error is a person's text: too large, for the most part.
    pub fn compile(&self) -> Result<(), String> {
        if !self.lists().is_empty() {
            // Only the matcher knows lists.
            let mut alternatives = self.ready().alternatives.iter();
            return match alternatives.all(|alternative| alternative.matcher.is_some()) {
                true => Ok(()),
                false => Err("it is too large for a pattern with lists".to_owned()),
            };
        }
        for (at, alternative) in self.ready().alternatives.iter().enumerate() {
            let regex = self.regex(at)?;
            alternative.regex.get_or_init(|| Some(regex));
        }
        Ok(())
    }

    /// Hands over the matches on a key: one at most, but for patterns that match inside a line.
    pub fn find(&self, key: &str, each: &mut dyn FnMut(Found)) {
        let ready = self.ready();
        if key.len() < ready.lengths.0 || key.len() > ready.lengths.1 {
            return;
        }
        let all = self.anchor == Anchor::Inside;
        // Of several alternatives, the first that matches.
        let mut alternatives = ready.alternatives.iter().enumerate();
        alternatives
            .any(|(at, alternative)| alternative.find(key, all, || self.regex(at).ok(), each));
    }

    /// The first match on a key.
    pub fn first(&self, key: &str) -> Option<Found> {
        let mut first = None;
        self.find(key, &mut |found| {
            first.get_or_insert(found);
        });
        first
    }

    /// Whether it matches a key.
    pub fn is_match(&self, key: &str) -> bool {
        self.first(key).is_some()
    }
}

/// The weight from which on a regex is compiled when its file is read: a tenth of what the limit
/// of the regex crate allows, roughly.
const HEAVY: usize = 20_000;

/// About how many states a regex has: counted repetitions multiply.
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

/// What is found of a text without making a pattern of it.
pub(crate) struct Checked {
    /// What a regex was parsed into.
    pub(crate) hir: Option<Hir>,
    /// Whether it matches the empty text.
    pub(crate) empty: bool,
    /// Whether it may be too large to compile.
    pub(crate) heavy: bool,
}

/// Parses a regex, or takes a text as it is, and looks what it is.
pub(crate) fn check(
    text: &str,
    literal: bool,
    ignore_case: bool,
) -> Result<Checked, Box<regex_syntax::Error>> {
    if literal {
        let empty = key::key(text).is_empty();
        return Ok(Checked { hir: None, empty, heavy: false });
    }
    let hir = parse_as_it_is(text, ignore_case)?;
    let empty = hir.properties().minimum_len() == Some(0);
    let heavy = weight(&hir) > HEAVY;
    Ok(Checked { hir: Some(hir), empty, heavy })
}

/// Parses a regex and folds its literals and classes as keys are folded.
pub(crate) fn parse(pattern: &str, ignore_case: bool) -> Result<Hir, Box<regex_syntax::Error>> {
    Ok(folded(&parse_as_it_is(pattern, ignore_case)?, ignore_case))
}

fn parse_as_it_is(pattern: &str, ignore_case: bool) -> Result<Hir, Box<regex_syntax::Error>> {
    let mut parser = regex_syntax::ParserBuilder::new();
    parser.case_insensitive(ignore_case).build().parse(pattern).map_err(Box::new)
}

/// A literal as a pattern.
pub(crate) fn literal(text: &str, ignore_case: bool) -> Result<Hir, Box<regex_syntax::Error>> {
    parse(&regex_syntax::escape(&key::key(text)), ignore_case)
}

/// A regex with its literals and classes folded, and its shapes spelled out.
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
        HirKind::Class(Class::Unicode(class)) => match lists_apart(class) {
            Some(ways) => Hir::alternation(ways.iter().map(folded).collect()),
            None => Hir::class(Class::Unicode(fold_class(class))),
        },
        HirKind::Class(class) => Hir::class(class.clone()),
        HirKind::Repetition(repetition) => {
            let sub = Box::new(folded(&repetition.sub));
            Hir::repetition(Repetition { sub, ..*repetition })
        }
        // A group without a name is there for its alternatives alone, and remembering it costs.
        HirKind::Capture(Capture { name: None, sub, .. }) => folded(sub),
        HirKind::Capture(capture) => {
            let sub = Box::new(folded(&capture.sub));
            Hir::capture(Capture { index: capture.index, name: capture.name.clone(), sub })
        }
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(folded).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(folded).collect()),
    }
}

/// A literal in which characters stand for shapes.
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

/// The characters that keys write as another one. Of white space, those that occur; not U+200C,
/// which `\w` contains.
static FOLDED: LazyLock<Vec<char>> = LazyLock::new(|| {
    let folds = |c: &char| match key::fold(*c) {
        Fold::To(' ') => matches!(c, '\t' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{3000}'),
        Fold::To(to) => to != *c,
        Fold::Drop => false,
    };
    ('\0'..='\u{ffff}').filter(folds).collect()
});

/// A class of half of all characters or more was written as what it leaves out.
const LARGE_CLASS: u32 = 0x8_0000;

fn fold_class(class: &ClassUnicode) -> ClassUnicode {
    let ranges = class.ranges();
    let has = |c: char| {
        let at = ranges.partition_point(|range| range.end() < c);
        ranges.get(at).is_some_and(|range| range.start() <= c)
    };
    let size: u32 = ranges.iter().map(|r| u32::from(r.end()) - u32::from(r.start()) + 1).sum();
    let (mut more, mut less) = (Vec::new(), Vec::new());
    for &c in FOLDED.iter() {
        let Fold::To(to) = key::fold(c) else { continue };
        if has(c) && size < LARGE_CLASS {
            // No key holds `c`, so that a class without it tells as much.
            more.push(ClassUnicodeRange::new(to, to));
            less.extend((c != to).then(|| ClassUnicodeRange::new(c, c)));
        } else if !has(c) && has(to) && size >= LARGE_CLASS {
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
    fn patterns_fold_as_keys_do() {
        assert_eq!(find(&pattern(Anchor::Line, "Press TV’s – site"), "Press TV's — site").len(), 1);
        assert_eq!(find(&pattern(Anchor::Line, "[’–]+"), "'—").len(), 1);
        assert_eq!(find(&pattern(Anchor::Line, "[^“”]+"), "a\"b").len(), 0);
        assert_eq!(find(&pattern(Anchor::Line, "a\u{a0}b"), "a b").len(), 1);
    }

    /// What the matcher cannot take goes to the regex, and that is made of the packed texts.
    #[test]
    fn a_packed_pattern_has_its_regex_still() {
        let texts: Arc<[String]> = [r"(?:say|x)? (?:a?)*b".to_owned()].into();
        let written = Pattern::new(Anchor::Inside, Role::Part, texts, false, true);
        assert!(written.ready().alternatives.iter().all(|all| all.matcher.is_none()));
        let prepared = written.clone().into_prepared();
        let packed = Pattern::packed(Anchor::Inside, Role::Part, prepared, [].into());
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
    fn a_whole_line_is_whole() {
        assert_eq!(find(&pattern(Anchor::Line, "a|b"), "ab"), []);
        assert_eq!(find(&pattern(Anchor::End, "—Agencies"), "so.—Agencies")[0].range, 3..14);
    }

    #[test]
    fn fields_are_captured() {
        let found = find(&pattern(Anchor::Line, r"News / (?<section>\w+)"), "News / Politics");
        assert_eq!(found[0].fields, [("section".to_owned(), 7..15)]);
    }
}
