//! A small backtracking matcher for patterns over keys.
//!
//! Most patterns are tried on few lines, and building a regex with its automata costs more than it
//! saves; with a few hundred outlets they no longer fit the CPU cache. This matcher compiles a
//! pattern to a few instructions. It finds the same matches as the `regex` crate (leftmost,
//! alternatives in order). Patterns that it does not support, or that take too many steps, are
//! matched with `regex`.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::bytes::ByteSet;
use crate::chars::{CLASSES, Chars, Shared};
use crate::phrases::{Phrases, list_of, split_lists};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    code: Arc<[Op]>,
    literals: Arc<str>,
    classes: Arc<[Arc<Chars>]>,
    /// The alternatives of each switch.
    ways: Arc<[Vec<u32>]>,
    switches: Box<[Switch]>,
    lists: Lists,
    slots: usize,
    /// For each instruction, the index in `firsts` of the bytes that may come next.
    first_of: Box<[u16]>,
    firsts: Box<[Arc<First>]>,
}

/// The first bytes of the characters with which the text may continue at an instruction.
/// Alternatives that cannot match the next byte are not tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct First {
    bytes: ByteSet,
    /// Whether it may match at the end of the text.
    end: bool,
}

impl First {
    const ALL: First = First { bytes: ByteSet::ALL, end: true };

    fn join(&mut self, other: &First) {
        self.bytes.join(&other.bytes);
        self.end |= other.end;
    }

    fn holds(&self, text: &[u8], at: usize) -> bool {
        text.get(at).map_or(self.end, |byte| self.bytes.has(*byte))
    }
}

/// The bytes with which the text may continue at each instruction.
fn firsts(
    code: &[Op],
    literals: &str,
    classes: &[Arc<Chars>],
    switches: &[Vec<u32>],
    lists: &[Arc<Phrases>],
) -> Vec<First> {
    let mut firsts = vec![First::default(); code.len()];
    let class = |class: u32| First { bytes: classes[class as usize].first(), end: false };
    // Loops jump backwards, so repeat until nothing changes.
    loop {
        let mut changed = false;
        for at in (0..code.len()).rev() {
            let next = |at: usize| firsts.get(at).copied().unwrap_or(First::ALL);
            let first = match code[at] {
                Op::Match => First::ALL,
                Op::Literal(start, end) if start == end => next(at + 1),
                Op::Literal(start, _) => {
                    let mut first = First::default();
                    first.bytes.add(literals.as_bytes()[start as usize]);
                    first
                }
                Op::AnyCase(start, _) => {
                    let mut first = First::default();
                    let byte = literals.as_bytes()[start as usize];
                    first.bytes.add(byte);
                    first.bytes.add(byte.to_ascii_uppercase());
                    first
                }
                Op::List(list) => First { bytes: lists[list as usize].first(), end: false },
                Op::One(one) => class(one),
                Op::Many { class: many, min, .. } => {
                    let mut first = class(many);
                    if min == 0 {
                        first.join(&next(at + 1));
                    }
                    first
                }
                Op::Split(one, other) => {
                    let mut first = next(one as usize);
                    first.join(&next(other as usize));
                    first
                }
                Op::Switch(switch) => {
                    let mut first = First::default();
                    for &way in &switches[switch as usize] {
                        first.join(&next(way as usize));
                    }
                    first
                }
                Op::Jump(to) => next(to as usize),
                Op::Look(Edge::End) => First { end: next(at + 1).end, ..First::default() },
                Op::Look(_) | Op::Save(_) => next(at + 1),
            };
            changed |= first != firsts[at];
            firsts[at] = first;
        }
        if !changed {
            firsts.iter_mut().for_each(|first| first.bytes.remove_continuations());
            return firsts;
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Op {
    /// These bytes of the literals.
    Literal(u32, u32),
    /// The same, ignoring case of ASCII letters; the literals are in lower case.
    AnyCase(u32, u32),
    /// A phrase of a list.
    List(u32),
    /// One character of a class.
    One(u32),
    /// From `min` to `max` characters of a class, as many as possible or as few as possible.
    Many {
        class: u32,
        min: u32,
        max: u32,
        greedy: bool,
    },
    /// Continue at the first instruction, or at the second if that fails.
    Split(u32, u32),
    /// Continue at the first alternative that the next byte allows, then at the others.
    Switch(u32),
    Jump(u32),
    Look(Edge),
    Save(u32),
    Match,
}

/// An assertion about the position between two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Edge {
    Start,
    End,
    WordAscii,
    NoWordAscii,
    Word,
    NoWord,
}

impl Edge {
    fn of(look: Look) -> Option<Edge> {
        Some(match look {
            Look::Start => Edge::Start,
            Look::End => Edge::End,
            Look::WordAscii => Edge::WordAscii,
            Look::WordAsciiNegate => Edge::NoWordAscii,
            Look::WordUnicode => Edge::Word,
            Look::WordUnicodeNegate => Edge::NoWord,
            _ => return None,
        })
    }

    fn holds(self, text: &str, at: usize) -> bool {
        let word = |c: char| match self {
            Edge::WordAscii | Edge::NoWordAscii => c.is_ascii_alphanumeric() || c == '_',
            _ => regex_syntax::try_is_word_character(c).unwrap_or(false),
        };
        let border = || {
            let before = text[..at].chars().next_back().is_some_and(word);
            before != text[at..].chars().next().is_some_and(word)
        };
        match self {
            Edge::Start => at == 0,
            Edge::End => at == text.len(),
            Edge::WordAscii | Edge::Word => border(),
            Edge::NoWordAscii | Edge::NoWord => !border(),
        }
    }
}

/// The number of alternatives from which the next byte selects among them.
const MANY_WAYS: usize = 6;

/// The alternatives of an [`Op::Switch`], in order, for each byte that may come next.
#[derive(Clone, Debug)]
struct Switch {
    /// For each byte, and for the end of the text, where its alternatives begin in `by_byte`.
    starts: Box<[u32]>,
    by_byte: Box<[u32]>,
}

impl Switch {
    fn of(ways: &[u32], firsts: &[First]) -> Switch {
        let mut lists: Vec<Vec<u32>> = vec![Vec::new(); 257];
        for &way in ways {
            let first = &firsts[way as usize];
            first.bytes.each(|byte| lists[usize::from(byte)].push(way));
            if first.end {
                lists[256].push(way);
            }
        }
        let mut starts = vec![0];
        starts.extend(lists.iter().scan(0, |end, list| {
            *end += list.len() as u32;
            Some(*end)
        }));
        let by_byte = lists.concat().into();
        Switch { starts: starts.into(), by_byte }
    }

    /// The alternatives that may match if this byte comes next.
    fn at(&self, byte: Option<&u8>) -> &[u32] {
        let place = byte.map_or(256, |byte| usize::from(*byte));
        &self.by_byte[self.starts[place] as usize..self.starts[place + 1] as usize]
    }
}

/// The packed form of a matcher, without lists and anything that can be derived.
#[derive(Serialize, Deserialize)]
pub(crate) struct PackedMatcher {
    code: Vec<Op>,
    literals: String,
    /// The numbers of its classes among those of its pattern.
    classes: Vec<u32>,
    switches: Vec<Vec<u32>>,
    slots: usize,
}

impl PackedMatcher {
    /// Packs a matcher and adds its classes to those of its pattern.
    pub(crate) fn of(matcher: Matcher, all: &mut Vec<Arc<Chars>>) -> PackedMatcher {
        let Matcher { code, literals, classes, ways, slots, .. } = matcher;
        let number = |class: &Arc<Chars>| {
            let known = all.iter().position(|known| known == class);
            known.unwrap_or_else(|| {
                all.push(Arc::clone(class));
                all.len() - 1
            }) as u32
        };
        let classes = classes.iter().map(number).collect();
        let (code, switches) = (code.to_vec(), ways.to_vec());
        PackedMatcher { code, literals: String::from(&*literals), classes, switches, slots }
    }

    /// Unpacks the part of the matcher that does not depend on lists, with the classes of its
    /// pattern.
    pub(crate) fn into_program(self, all: &[Arc<Chars>]) -> Program {
        let PackedMatcher { code, literals, classes, switches, slots } = self;
        let classes = classes.into_iter().map(|at| Arc::clone(&all[at as usize])).collect();
        let (code, literals) = (code.into(), literals.into());
        Program { code, literals, classes, ways: switches.into(), slots }
    }
}

/// The part of a matcher that does not depend on its lists. The rules that were made from one
/// template for several languages share it.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    code: Arc<[Op]>,
    literals: Arc<str>,
    classes: Arc<[Arc<Chars>]>,
    ways: Arc<[Vec<u32>]>,
    slots: usize,
}

static FIRSTS: Shared<First> = Shared::new();

/// The maximum number of instructions of a pattern.
const MOST_CODE: usize = 8192;

/// The lists of a pattern, in the order of the characters that stand for them.
pub(crate) type Lists = Arc<[Arc<Phrases>]>;

/// Compiles a [`Matcher`].
#[derive(Default)]
struct Builder {
    code: Vec<Op>,
    literals: String,
    classes: Vec<Arc<Chars>>,
    switches: Vec<Vec<u32>>,
    lists: Lists,
    slots: usize,
}

impl Builder {
    fn add(&mut self, hir: &Hir) -> Option<()> {
        if self.code.len() > MOST_CODE {
            return None;
        }
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).ok()?;
                for part in text.split_inclusive(|c| list_of(c).is_some()) {
                    let list = part.chars().next_back().and_then(list_of);
                    let part = part.trim_end_matches(|c| list_of(c).is_some());
                    if !part.is_empty() {
                        let start = self.literals.len() as u32;
                        self.literals.push_str(part);
                        self.code.push(Op::Literal(start, self.literals.len() as u32));
                    }
                    if let Some(list) = list {
                        self.lists.get(list)?;
                        self.code.push(Op::List(list as u32));
                    }
                }
            }
            HirKind::Class(Class::Unicode(class)) => match split_lists(class) {
                Some(ways) => self.alternation(&ways)?,
                None => {
                    let class = self.class(Chars::of(class));
                    self.code.push(Op::One(class));
                }
            },
            HirKind::Class(Class::Bytes(_)) => return None,
            HirKind::Look(look) => self.code.push(Op::Look(Edge::of(*look)?)),
            HirKind::Repetition(repetition) => self.repetition(repetition)?,
            HirKind::Capture(capture) => {
                let slot = 2 * capture.index;
                self.slots = self.slots.max(slot as usize + 2);
                self.code.push(Op::Save(slot));
                self.add(&capture.sub)?;
                self.code.push(Op::Save(slot + 1));
            }
            HirKind::Concat(parts) => {
                let mut left = parts.as_slice();
                while let Some((part, rest)) = left.split_first() {
                    let start = self.literals.len();
                    let in_any_case = |part: &&Hir| push_any_case(part, &mut self.literals);
                    let count = left.iter().take_while(in_any_case).count();
                    if count > 1 {
                        let end = self.literals.len();
                        self.code.push(Op::AnyCase(start as u32, end as u32));
                        left = &left[count..];
                    } else {
                        self.literals.truncate(start);
                        self.add(part)?;
                        left = rest;
                    }
                }
            }
            HirKind::Alternation(parts) => self.alternation(parts)?,
        }
        Some(())
    }

    fn alternation(&mut self, parts: &[Hir]) -> Option<()> {
        if parts.len() >= MANY_WAYS {
            let (mut ways, mut ends) = (Vec::new(), Vec::new());
            let switch = self.switches.len();
            self.switches.push(Vec::new());
            self.code.push(Op::Switch(switch as u32));
            for part in parts {
                ways.push(self.code.len() as u32);
                self.add(part)?;
                ends.push(self.code.len());
                self.code.push(Op::Jump(0));
            }
            for end in ends {
                self.code[end] = Op::Jump(self.code.len() as u32);
            }
            self.switches[switch] = ways;
        } else {
            let mut ends = Vec::new();
            for (index, part) in parts.iter().enumerate() {
                let last = index + 1 == parts.len();
                let split = self.code.len();
                if !last {
                    self.code.push(Op::Split(split as u32 + 1, 0));
                }
                self.add(part)?;
                if !last {
                    ends.push(self.code.len());
                    self.code.push(Op::Jump(0));
                    self.code[split] = Op::Split(split as u32 + 1, self.code.len() as u32);
                }
            }
            for end in ends {
                self.code[end] = Op::Jump(self.code.len() as u32);
            }
        }
        Some(())
    }

    fn class(&mut self, chars: Chars) -> u32 {
        if let Some(at) = self.classes.iter().position(|known| **known == chars) {
            return at as u32;
        }
        self.classes.push(CLASSES.get(chars));
        self.classes.len() as u32 - 1
    }

    fn repetition(&mut self, repetition: &Repetition) -> Option<()> {
        let Repetition { min, max, greedy, sub } = repetition;
        if let Some(chars) = one_character(sub) {
            let (class, max) = (self.class(chars), max.unwrap_or(u32::MAX));
            self.code.push(Op::Many { class, min: *min, max, greedy: *greedy });
            return Some(());
        }
        let split = |code: &mut Vec<Op>, at: usize, body: u32, out: u32| {
            code[at] = if *greedy { Op::Split(body, out) } else { Op::Split(out, body) };
        };
        for _ in 0..*min {
            self.add(sub)?;
        }
        match max {
            None => {
                // A loop around an empty match would not end.
                sub.properties().minimum_len().filter(|least| *least > 0)?;
                let start = self.code.len();
                self.code.push(Op::Jump(0));
                self.add(sub)?;
                self.code.push(Op::Jump(start as u32));
                let out = self.code.len() as u32;
                split(&mut self.code, start, start as u32 + 1, out);
            }
            Some(max) => {
                let mut splits = Vec::new();
                for _ in *min..*max {
                    splits.push(self.code.len());
                    self.code.push(Op::Jump(0));
                    self.add(sub)?;
                }
                let out = self.code.len() as u32;
                for at in splits {
                    split(&mut self.code, at, at as u32 + 1, out);
                }
            }
        }
        Some(())
    }
}

/// If `part` is an ASCII letter in either case or has no case, appends it to `literals` and returns
/// true.
fn push_any_case(part: &Hir, literals: &mut String) -> bool {
    let plain = |text: &&str| text.is_ascii() && !text.bytes().any(|b| b.is_ascii_alphabetic());
    match part.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            let [upper, lower] = class.ranges() else { return false };
            let (upper, lower) = (upper.start()..=upper.end(), lower.start()..=lower.end());
            let c = *lower.start();
            let both = upper == (c.to_ascii_uppercase()..=c.to_ascii_uppercase());
            let is = c.is_ascii_lowercase() && both && lower == (c..=c);
            literals.extend(is.then_some(c));
            is
        }
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok().filter(plain);
            literals.extend(text);
            text.is_some()
        }
        _ => false,
    }
}

/// The characters that a regex matches, if it always matches one character.
fn one_character(hir: &Hir) -> Option<Chars> {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            split_lists(class).is_none().then(|| Chars::of(class))
        }
        HirKind::Literal(literal) => {
            let mut chars = std::str::from_utf8(&literal.0).ok()?.chars();
            let (c, None) = (chars.next()?, chars.next()) else { return None };
            if list_of(c).is_some() {
                return None;
            }
            let range = ClassUnicodeRange::new(c, c);
            Some(Chars::of(&ClassUnicode::new([range])))
        }
        _ => None,
    }
}

/// A point to continue from after a failure.
enum Back {
    /// Continue at an instruction and an offset.
    To(u32, usize),
    /// Restore the old value of a slot.
    Slot(u32, usize),
    /// Give back characters: `at` is the current end, `least` the smallest possible one.
    Fewer { next: u32, least: usize, at: usize },
    /// Take more characters of a class, at most `left`.
    More { next: u32, class: u32, at: usize, left: u32 },
}

/// A match took too many steps.
#[derive(Debug)]
pub(crate) struct TooLong;

/// The number of steps allowed per byte of text, and the minimum per match.
const STEPS: usize = 16;
const LEAST_STEPS: usize = 4096;

/// The value of slots of a group that did not match.
pub(crate) const NONE: usize = usize::MAX;

/// The state of a match.
struct State {
    back: Vec<Back>,
    slots: Vec<usize>,
}

impl State {
    /// Saves an offset in a slot, until the run returns to a point before.
    fn save(&mut self, slot: u32, at: usize) {
        self.back.push(Back::Slot(slot, self.slots[slot as usize]));
        self.slots[slot as usize] = at;
    }
}

thread_local! {
    // Reused so that matching does not allocate.
    static STATE: RefCell<State> =
        const { RefCell::new(State { back: Vec::new(), slots: Vec::new() }) };
}

impl Matcher {
    /// Compiles `hir`. `None` if it is not supported.
    pub(crate) fn new(hir: &Hir, lists: &Lists) -> Option<Matcher> {
        let mut builder = Builder { lists: Arc::clone(lists), ..Builder::default() };
        builder.add(hir)?;
        builder.code.push(Op::Match);
        let Builder { code, literals, classes, switches, lists, slots } = builder;
        let (code, literals, classes) = (code.into(), literals.into(), classes.into());
        let program = Program { code, literals, classes, ways: switches.into(), slots };
        (program.code.len() <= MOST_CODE).then(|| Matcher::of(program, &lists))
    }

    /// A matcher with the lists of its pattern.
    pub(crate) fn of(program: Program, lists: &Lists) -> Matcher {
        let Program { code, literals, classes, ways, slots } = program;
        let (mut known, mut distinct) = (FxHashMap::default(), Vec::new());
        let place = |first: First| {
            *known.entry(first).or_insert_with(|| {
                distinct.push(FIRSTS.get(first));
                distinct.len() as u16 - 1
            })
        };
        let firsts = firsts(&code, &literals, &classes, &ways, lists);
        let switches = ways.iter().map(|ways| Switch::of(ways, &firsts)).collect();
        // The first bytes of most instructions are never needed.
        let mut asked = vec![false; code.len()];
        asked[0] = true;
        for (at, op) in code.iter().enumerate() {
            match *op {
                Op::Split(one, other) => {
                    asked[one as usize] = true;
                    asked[other as usize] = true;
                }
                Op::Many { .. } => asked[at + 1] = true,
                _ => {}
            }
        }
        let first = |(first, asked)| if asked { first } else { First::ALL };
        let first_of = firsts.into_iter().zip(asked).map(first).map(place).collect();
        Matcher {
            code,
            literals,
            classes,
            ways,
            switches,
            lists: Arc::clone(lists),
            slots,
            first_of,
            firsts: distinct.into(),
        }
    }

    /// Whether the pattern has lists, which only this matcher supports.
    pub(crate) fn has_lists(&self) -> bool {
        !self.lists.is_empty()
    }

    /// The leftmost match that begins at `from` or later. `groups` receives the offsets of the
    /// groups, two slots per group.
    ///
    /// # Errors
    /// If it takes too many steps.
    pub(crate) fn find(
        &self,
        text: &str,
        from: usize,
        groups: &mut dyn FnMut(&[usize]),
    ) -> Result<Option<Range<usize>>, TooLong> {
        let mut steps = LEAST_STEPS + STEPS * text.len();
        STATE.with_borrow_mut(|state| {
            let mut start = from;
            loop {
                // Skip to the first byte of a literal at the start of the pattern.
                let rest = &text.as_bytes()[start..];
                let step = match self.code[0] {
                    Op::Literal(literal, _) => {
                        memchr::memchr(self.literals.as_bytes()[literal as usize], rest)
                    }
                    _ => {
                        let first = self.first(0);
                        let step = rest.iter().position(|byte| first.bytes.has(*byte));
                        step.or_else(|| first.end.then_some(rest.len()))
                    }
                };
                match step {
                    Some(0) => {}
                    Some(_) if matches!(self.code[0], Op::Look(Edge::Start)) => return Ok(None),
                    Some(step) => start += step,
                    None => return Ok(None),
                }
                state.slots.clear();
                state.slots.resize(self.slots, NONE);
                if let Some(end) = self.run(text, start, state, &mut steps)? {
                    groups(&state.slots);
                    return Ok(Some(start..end));
                }
                if matches!(self.code[0], Op::Look(Edge::Start)) || start >= text.len() {
                    return Ok(None);
                }
                start += text[start..].chars().next().map_or(1, char::len_utf8);
            }
        })
    }

    /// The end of a match that begins at `at`.
    fn run(
        &self,
        text: &str,
        mut at: usize,
        state: &mut State,
        steps: &mut usize,
    ) -> Result<Option<usize>, TooLong> {
        let bytes = text.as_bytes();
        state.back.clear();
        let mut next = 0_u32;
        loop {
            *steps = steps.checked_sub(1).ok_or(TooLong)?;
            // The offset after the instruction, if it matches.
            let end = match self.code[next as usize] {
                Op::Match => return Ok(Some(at)),
                Op::Literal(start, end) => {
                    let literal = &self.literals.as_bytes()[start as usize..end as usize];
                    bytes[at..].starts_with(literal).then_some(at + literal.len())
                }
                Op::AnyCase(start, end) => {
                    let literal = &self.literals.as_bytes()[start as usize..end as usize];
                    let there = bytes.get(at..at + literal.len());
                    there
                        .is_some_and(|there| there.eq_ignore_ascii_case(literal))
                        .then_some(at + literal.len())
                }
                Op::List(list) => {
                    *steps = steps.checked_sub(8).ok_or(TooLong)?;
                    self.list(list, text, at, next + 1, &mut state.back)
                }
                Op::One(class) => {
                    self.classes[class as usize].at(text, at).map(|length| at + length)
                }
                Op::Many { class, min, max, greedy } => {
                    let end = self.many((class, min, max, greedy), text, at, next, &mut state.back);
                    let passed = end.map_or(0, |end| end - at);
                    *steps = steps.checked_sub(passed / 8).ok_or(TooLong)?;
                    end.filter(|end| self.first(next + 1).holds(bytes, *end))
                }
                Op::Split(first, second) => {
                    let second_may = self.first(second).holds(bytes, at);
                    next = match self.first(first).holds(bytes, at) {
                        true => {
                            state.back.extend(second_may.then_some(Back::To(second, at)));
                            first
                        }
                        false => second,
                    };
                    continue;
                }
                Op::Switch(switch) => {
                    match self.switches[switch as usize].at(bytes.get(at)).split_first() {
                        Some((first, others)) => {
                            state.back.extend(others.iter().rev().map(|way| Back::To(*way, at)));
                            next = *first;
                            continue;
                        }
                        None => None,
                    }
                }
                Op::Jump(to) => {
                    next = to;
                    continue;
                }
                Op::Look(edge) => edge.holds(text, at).then_some(at),
                Op::Save(slot) => {
                    state.save(slot, at);
                    Some(at)
                }
            };
            match end {
                Some(end) => (next, at) = (next + 1, end),
                None => match self.backtrack(text, state, steps)? {
                    Some(point) => (next, at) = point,
                    None => return Ok(None),
                },
            }
        }
    }

    /// Matches the longest phrase of a list at `at`, and puts the shorter ones on the stack.
    fn list(
        &self,
        list: u32,
        text: &str,
        at: usize,
        next: u32,
        back: &mut Vec<Back>,
    ) -> Option<usize> {
        let from = back.len();
        self.lists[list as usize].ends(text, at, |end| back.push(Back::To(next, end)));
        if back.len() == from {
            return None;
        }
        match back.pop() {
            Some(Back::To(_, end)) => Some(end),
            _ => None,
        }
    }

    /// Matches the characters of an [`Op::Many`] at `at`, and puts the other numbers of them on the
    /// stack.
    fn many(
        &self,
        (class, min, max, greedy): (u32, u32, u32, bool),
        text: &str,
        at: usize,
        next: u32,
        back: &mut Vec<Back>,
    ) -> Option<usize> {
        let next = next + 1;
        let most = if greedy { max } else { min };
        let (end, least) = self.classes[class as usize].stretch(text, at, min, most)?;
        if greedy && end > least {
            back.push(Back::Fewer { next, least, at: end });
        } else if !greedy && max > min {
            back.push(Back::More { next, class, at: end, left: max - min });
        }
        Some(end)
    }

    /// The instruction and the offset to continue from after a failure. `None` if nothing is left
    /// to try.
    #[inline]
    fn backtrack(
        &self,
        text: &str,
        state: &mut State,
        steps: &mut usize,
    ) -> Result<Option<(u32, usize)>, TooLong> {
        let bytes = text.as_bytes();
        loop {
            *steps = steps.checked_sub(1).ok_or(TooLong)?;
            let point = match state.back.pop() {
                None => return Ok(None),
                Some(Back::Slot(slot, old)) => {
                    state.slots[slot as usize] = old;
                    continue;
                }
                Some(Back::To(next, at)) => (next, at),
                Some(Back::Fewer { next, least, at }) => {
                    let Some(at) = self.fewer(bytes, next, least, at) else { continue };
                    if at > least {
                        state.back.push(Back::Fewer { next, least, at });
                    }
                    (next, at)
                }
                Some(Back::More { next, class, at, left }) => {
                    let Some(length) = self.classes[class as usize].at(text, at) else {
                        continue;
                    };
                    let at = at + length;
                    if left > 1 {
                        state.back.push(Back::More { next, class, at, left: left - 1 });
                    }
                    if !self.first(next).holds(bytes, at) {
                        continue;
                    }
                    (next, at)
                }
            };
            return Ok(Some(point));
        }
    }

    /// The last offset before `at`, and not before `least`, at which the next instruction may
    /// match.
    fn fewer(&self, bytes: &[u8], next: u32, least: usize, at: usize) -> Option<usize> {
        if let Op::Literal(literal, _) = self.code[next as usize] {
            let first = self.literals.as_bytes()[literal as usize];
            return memchr::memrchr(first, &bytes[least..at]).map(|step| least + step);
        }
        let first = self.first(next);
        let words = matches!(self.code[next as usize], Op::List(list) if self.lists[list as usize].begins_words());
        let inside = |at: usize| {
            words
                && at > 0
                && bytes[at].is_ascii_alphanumeric()
                && bytes[at - 1].is_ascii_alphanumeric()
        };
        let mut end = at;
        loop {
            let before = bytes[least..end].iter().rposition(|byte| first.bytes.has(*byte))?;
            end = least + before;
            if !inside(end) {
                return Some(end);
            }
        }
    }

    fn first(&self, op: u32) -> &First {
        &self.firsts[usize::from(self.first_of[op as usize])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    /// All groups of the first match, as found by the regex crate.
    fn wanted(pattern: &str, text: &str) -> Option<Vec<Option<Range<usize>>>> {
        let captures = Regex::new(pattern).unwrap().captures(text)?;
        Some(captures.iter().map(|group| group.map(|group| group.range())).collect())
    }

    fn found(pattern: &str, text: &str) -> Option<Option<Vec<Option<Range<usize>>>>> {
        let matcher = Matcher::new(&regex_syntax::parse(pattern).unwrap(), &[].into())?;
        // Packing and unpacking must not change the matcher.
        let mut classes = Vec::new();
        let packed = postcard::to_stdvec(&PackedMatcher::of(matcher, &mut classes)).unwrap();
        let packed: PackedMatcher = postcard::from_bytes(&packed).unwrap();
        let matcher = Matcher::of(packed.into_program(&classes), &[].into());
        let mut groups = Vec::new();
        let range = matcher.find(text, 0, &mut |slots| {
            groups = slots
                .chunks(2)
                .map(|slot| (slot[1] != NONE && slot[0] != NONE).then(|| slot[0]..slot[1]))
                .collect();
        });
        let range = range.ok()?;
        Some(range.map(|range| {
            if groups.is_empty() {
                groups.push(None);
            }
            groups[0] = Some(range);
            groups
        }))
    }

    #[test]
    fn unsupported_and_slow_patterns_are_rejected() {
        for pattern in [r"(?:a*)*", r"(?m)^a", r"(?:ab?c){900}{9}"] {
            assert!(
                Matcher::new(&regex_syntax::parse(pattern).unwrap(), &[].into()).is_none(),
                "{pattern}"
            );
        }
        let slow =
            Matcher::new(&regex_syntax::parse(r"^(?:x+x+)+y$").unwrap(), &[].into()).unwrap();
        assert!(
            slow.find(&"x".repeat(60), 0, &mut |_| {}).is_err(),
            "the number of steps is bounded"
        );
    }

    fn pattern() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "a", "b", "ab", "é", "ab é", ".", r"\w", r"\d", "[a-c]", "[^a]", "[é-ю]", r"\b", r"\B",
            "^", "$", "", "(?i:ab)", "(?i:bé)", r"\s", "ж",
        ]);
        leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, |inner| {
            let count = prop::sample::select(vec![
                "*", "+", "?", "{2}", "{1,3}", "{0,9}", "*?", "+?", "??", "{1,3}?",
            ]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                prop::collection::vec(inner.clone(), 1..4)
                    .prop_map(|p| format!("(?:{})", p.join("|"))),
                prop::collection::vec(inner.clone(), 6..9)
                    .prop_map(|p| format!("(?:{})", p.join("|"))),
                (inner.clone(), count).prop_map(|(part, count)| format!("(?:{part}){count}")),
                inner.prop_map(|part| format!("({part})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        /// It finds the same match and groups as the regex crate.
        #[test]
        fn matches_are_those_of_the_regex_crate(pattern in pattern(), text in "[abABcéж 1\u{a0}]{0,12}") {
            if let Some(found) = found(&pattern, &text) {
                prop_assert_eq!(found, wanted(&pattern, &text), "{} on {:?}", pattern, text);
            }
        }
    }
}
