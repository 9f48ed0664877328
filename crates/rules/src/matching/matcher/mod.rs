//! A small backtracking matcher for patterns over keys.
//!
//! Most patterns are tried on few lines, and building a regex with its automata costs more than it
//! saves; with a few hundred outlets they no longer fit the CPU cache. This matcher compiles a
//! pattern to a few instructions. It finds the same matches as the `regex` crate (leftmost,
//! alternatives in order). Patterns that it does not support, or that take too many steps, are
//! matched with `regex`.

mod first;
mod program;

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use regex_syntax::hir::Hir;
use rustc_hash::FxHashMap;

use first::{FIRSTS, First, Switch, firsts};
use program::{Edge, Op};
pub(crate) use program::{Lists, PackedProgram, Program};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    program: Program,
    switches: Box<[Switch]>,
    lists: Lists,
    /// For each instruction, the index in `firsts` of the bytes that may come next.
    first_of: Box<[u16]>,
    firsts: Box<[Arc<First>]>,
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
        Some(Matcher::of(Program::new(hir, lists)?, lists))
    }

    /// A matcher with the lists of its pattern.
    pub(crate) fn of(program: Program, lists: &Lists) -> Matcher {
        let (mut known, mut distinct) = (FxHashMap::default(), Vec::new());
        let place = |first: First| {
            *known.entry(first).or_insert_with(|| {
                distinct.push(FIRSTS.get(first));
                distinct.len() as u16 - 1
            })
        };
        let firsts = firsts(&program, lists);
        let switches = program.ways.iter().map(|ways| Switch::of(ways, &firsts)).collect();
        // The first bytes of most instructions are never needed.
        let mut asked = vec![false; program.code.len()];
        asked[0] = true;
        for (at, op) in program.code.iter().enumerate() {
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
        let (lists, firsts) = (Arc::clone(lists), distinct.into());
        Matcher { program, switches, lists, first_of, firsts }
    }

    /// The part that does not depend on the lists.
    pub(crate) fn program(&self) -> &Program {
        &self.program
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
                let step = match self.program.code[0] {
                    Op::Literal(literal, _) => {
                        memchr::memchr(self.program.literals.as_bytes()[literal as usize], rest)
                    }
                    _ => {
                        let first = self.first(0);
                        let step = rest.iter().position(|byte| first.bytes.has(*byte));
                        step.or_else(|| first.end.then_some(rest.len()))
                    }
                };
                match step {
                    Some(0) => {}
                    Some(_) if matches!(self.program.code[0], Op::Look(Edge::Start)) => {
                        return Ok(None);
                    }
                    Some(step) => start += step,
                    None => return Ok(None),
                }
                state.slots.clear();
                state.slots.resize(self.program.slots, NONE);
                if let Some(end) = self.run(text, start, state, &mut steps)? {
                    groups(&state.slots);
                    return Ok(Some(start..end));
                }
                if matches!(self.program.code[0], Op::Look(Edge::Start)) || start >= text.len() {
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
            let end = match self.program.code[next as usize] {
                Op::Match => return Ok(Some(at)),
                Op::Literal(start, end) => {
                    let literal = &self.program.literals.as_bytes()[start as usize..end as usize];
                    bytes[at..].starts_with(literal).then_some(at + literal.len())
                }
                Op::AnyCase(start, end) => {
                    let literal = &self.program.literals.as_bytes()[start as usize..end as usize];
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
                    self.program.classes[class as usize].at(text, at).map(|length| at + length)
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
        let (end, least) = self.program.classes[class as usize].stretch(text, at, min, most)?;
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
                    let Some(length) = self.program.classes[class as usize].at(text, at) else {
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
        if let Op::Literal(literal, _) = self.program.code[next as usize] {
            let first = self.program.literals.as_bytes()[literal as usize];
            return memchr::memrchr(first, &bytes[least..at]).map(|step| least + step);
        }
        let first = self.first(next);
        let words = matches!(self.program.code[next as usize], Op::List(list) if self.lists[list as usize].begins_words());
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
    use super::program::PackedProgram;
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
        let packed = postcard::to_stdvec(&matcher.program().packed(&mut classes)).unwrap();
        let packed: PackedProgram = postcard::from_bytes(&packed).unwrap();
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
