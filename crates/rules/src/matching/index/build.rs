//! Builds the tables of an index from the prefilters of patterns.

use rustc_hash::FxHashMap;

use super::outer::Outer;
use super::tables::{Candidate, Gate, IndexTables, Key, LiteralTable};
use crate::bytes::ByteSet;
use crate::matching::literals::Literal;
use crate::matching::prefilter::Prefilter;
use crate::matching::sides::Side;
use crate::table::Array;

/// Collects numbered patterns for an [`Index`](super::Index).
#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {
    tables: IndexTables,
    outer: Vec<(Key, Candidate)>,
    /// The index in `IndexTables::others` of each set.
    others: FxHashMap<ByteSet, u32>,
}

impl IndexBuilder {
    /// Files a pattern under the number `id` with its prefilters.
    pub(crate) fn add(&mut self, id: u32, prefilters: &[Prefilter]) {
        for prefilter in prefilters {
            match prefilter {
                Prefilter::Ends(side, set, other) => {
                    set.iter().for_each(|literal| self.add_literal(id, *side, literal, *other));
                }
                Prefilter::Inside(set, frame) => {
                    let literals = set.iter().map(|text| (text.clone(), id));
                    let inner = &mut self.tables.inner;
                    match inner.iter_mut().find(|(known, _)| known == frame) {
                        Some((_, all)) => all.extend(literals),
                        None => inner.push((*frame, literals.collect())),
                    }
                }
                Prefilter::None => self.tables.unkeyed.push(id),
            }
        }
    }

    /// Files `id` under a literal at `side`, which is lower-cased and cut to a few bytes here, for
    /// lines with one of the bytes of `other` at the other side.
    pub(crate) fn add_literal(&mut self, id: u32, side: Side, literal: &Literal, other: ByteSet) {
        let outer = Outer::of_key(side, &literal.text);
        // NUL means "no character" here, so a literal that begins with it selects nothing.
        if outer.length == 0 {
            return self.tables.unkeyed.push(id);
        }
        let others = &mut self.tables.others;
        let other = *self.others.entry(other).or_insert_with(|| {
            others.push(other);
            others.len() as u32 - 1
        });
        let key = (side, outer.length, outer.cut(outer.length));
        self.outer.push((key, Candidate { id, other, bordered: literal.bordered }));
    }

    /// Looks lines up only as they are, for literals that no bullet or number precedes or follows.
    pub(crate) fn exact(mut self) -> IndexBuilder {
        self.tables.exact = true;
        self
    }

    /// Builds the part of the index that is packed.
    pub(crate) fn tables(self) -> IndexTables {
        let IndexBuilder { mut tables, mut outer, .. } = self;
        outer.sort_unstable();
        // Of two that differ only in being bordered, the first is not.
        let same =
            |one: &Candidate, other: &Candidate| (one.id, one.other) == (other.id, other.other);
        outer.dedup_by(|(key, next), (before, first)| key == before && same(next, first));
        let (mut lists, mut ids, mut ends) = (FxHashMap::default(), Vec::new(), Vec::new());
        let same = outer.chunk_by(|(one, _), (other, _)| one == other);
        let entries = same.map(|same| {
            let list: Vec<Candidate> = same.iter().map(|(_, id)| *id).collect();
            let number = *lists.entry(list).or_insert_with_key(|list| {
                ids.extend_from_slice(list);
                ends.push(ids.len() as u32);
                ends.len() as u32 - 1
            });
            (same[0].0, number)
        });
        tables.table = LiteralTable::of(entries);
        (tables.ids, tables.ends) = (Array::of(&ids), Array::of(&ends));
        for side in [Side::Start, Side::End] {
            let entries = tables.table.entries.iter(0..tables.table.entries.len());
            let own = entries.filter(|entry| entry.side == side);
            tables.gates[side as usize] = Gate::of(own);
        }
        tables
    }
}
