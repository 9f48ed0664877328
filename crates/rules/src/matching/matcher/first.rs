//! First bytes: those with which the text may continue at an instruction. Alternatives that cannot
//! match the next byte are not tried.

use std::sync::Arc;

use super::program::{Edge, Op, Program};
use crate::bytes::ByteSet;
use crate::chars::Shared;
use crate::matching::phrases::Phrases;

/// The first bytes of the characters with which the text may continue at an instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct First {
    pub(super) bytes: ByteSet,
    /// Whether it may match at the end of the text.
    pub(super) end: bool,
}

impl First {
    pub(super) const ALL: First = First { bytes: ByteSet::ALL, end: true };

    fn join(&mut self, other: &First) {
        self.bytes.join(&other.bytes);
        self.end |= other.end;
    }

    #[inline]
    pub(super) fn holds(&self, text: &[u8], at: usize) -> bool {
        text.get(at).map_or(self.end, |byte| self.bytes.has(*byte))
    }
}

/// The first bytes of all matchers, which have few distinct values.
pub(super) static FIRSTS: Shared<First> = Shared::new();

/// The bytes with which the text may continue at each instruction.
pub(super) fn firsts(program: &Program, lists: &[Arc<Phrases>]) -> Vec<First> {
    let Program { code, literals, classes, ways: switches, .. } = program;
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

/// The alternatives of an [`Op::Switch`], in order, for each byte that may come next.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    /// For each byte, and for the end of the text, where its alternatives begin in `by_byte`.
    starts: Box<[u32]>,
    by_byte: Box<[u32]>,
}

impl Switch {
    pub(super) fn of(ways: &[u32], firsts: &[First]) -> Switch {
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
    #[inline]
    pub(super) fn at(&self, byte: Option<&u8>) -> &[u32] {
        let place = byte.map_or(256, |byte| usize::from(*byte));
        &self.by_byte[self.starts[place] as usize..self.starts[place + 1] as usize]
    }
}
