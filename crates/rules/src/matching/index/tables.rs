//! The tables of an index: the part that is packed and used in place.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::outer::Outer;
use crate::bytes::ByteSet;
use crate::matching::edges::EdgeBytes;
use crate::matching::sides::Side;
use crate::table::{Array, Bytes, Fixed};

/// The part of an index that is packed; the rest is derived from it.
#[derive(Debug, Default)]
pub(crate) struct IndexTables {
    // For each literal at a side, the number of the list of its patterns.
    pub(super) table: LiteralTable,
    // The distinct lists one after another, and the end of each. The phrases of a kind of the lexicon
    // have the same patterns.
    pub(super) ids: Array<Candidate>,
    pub(super) ends: Array<u32>,
    // Distinct sets of bytes.
    pub(super) others: Vec<ByteSet>,
    // For each side, the lengths of literals by their outermost two bytes. Most lookups end here.
    pub(super) gates: [Gate; 2],
    pub(super) inner: InnerLiterals,
    // Whether lines are looked up only as they are, without skipping bullets and numbers.
    pub(super) exact: bool,
    pub(super) unkeyed: Vec<u32>,
}

/// A literal at a side: the side, the number of bytes, and the bytes packed into a number.
pub(super) type Key = (Side, u8, u64);

/// A pattern that is filed under a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Candidate {
    pub(super) id: u32,
    /// The index in `IndexTables::others` of the bytes at the other side of the lines that it matches.
    pub(super) other: u32,
    /// Whether it matches no line in which an ASCII letter or digit follows one that the literal ends with,
    /// counted from its side.
    pub(super) bordered: bool,
}

/// Literals inside lines with the numbers of their patterns, grouped by the bytes with which the
/// lines begin and end.
pub(super) type InnerLiterals = Vec<(EdgeBytes, Vec<(String, u32)>)>;

impl IndexTables {
    /// The packed form, except for [`IndexBuilder::exact`](super::IndexBuilder::exact).
    pub(crate) fn packed(&self) -> PackedIndex<'_> {
        PackedIndex {
            entries: self.table.entries.bytes(),
            places: self.table.places.bytes(),
            ids: self.ids.bytes(),
            ends: self.ends.bytes(),
            others: self.others.as_slice().into(),
            gates: self.gates.each_ref().map(|gate| &*gate.lengths),
            inner: Cow::Borrowed(&self.inner),
            unkeyed: self.unkeyed.as_slice().into(),
        }
    }
}

/// The packed form of [`IndexTables`].
#[derive(Serialize, Deserialize)]
pub(crate) struct PackedIndex<'a> {
    entries: &'a [u8],
    places: &'a [u8],
    ids: &'a [u8],
    ends: &'a [u8],
    others: Cow<'a, [ByteSet]>,
    #[serde(borrow)]
    gates: [&'a [u8]; 2],
    inner: Cow<'a, InnerLiterals>,
    unkeyed: Cow<'a, [u32]>,
}

impl PackedIndex<'_> {
    /// Unpacks tables that are a part of `all`.
    pub(crate) fn into_tables(self, all: &Arc<[u8]>) -> IndexTables {
        let bytes = |part: &[u8]| Bytes::of_part(all, part);
        IndexTables {
            table: LiteralTable {
                entries: bytes(self.entries).into(),
                places: bytes(self.places).into(),
            },
            ids: bytes(self.ids).into(),
            ends: bytes(self.ends).into(),
            others: self.others.into_owned(),
            gates: self.gates.map(|lengths| Gate { lengths: bytes(lengths) }),
            inner: self.inner.into_owned(),
            exact: false,
            unkeyed: self.unkeyed.into_owned(),
        }
    }
}

/// A hash table from literals to numbers. Compact, because every outlet has its own.
#[derive(Debug, Default)]
pub(super) struct LiteralTable {
    pub(super) entries: Array<Entry>,
    /// Open addressing: indices of entries from 1, or 0 for a free slot. The size is a power of
    /// two, and at least half of the slots are free.
    places: Array<u32>,
}

/// A literal and its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    packed: u64,
    number: u32,
    pub(super) side: Side,
    length: u8,
}

impl Entry {
    fn key(&self) -> Key {
        (self.side, self.length, self.packed)
    }
}

impl Fixed for Entry {
    const SIZE: usize = 14;

    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.packed.to_le_bytes());
        self.number.write(to);
        to.extend_from_slice(&[u8::from(self.side == Side::End), self.length]);
    }

    #[inline]
    fn read(bytes: &[u8]) -> Entry {
        Entry {
            packed: bytes.first_chunk().map_or(0, |packed| u64::from_le_bytes(*packed)),
            number: u32::read(&bytes[8..]),
            side: if bytes[12] == 0 { Side::Start } else { Side::End },
            length: bytes[13],
        }
    }
}

impl Fixed for Candidate {
    const SIZE: usize = 8;

    fn write(&self, to: &mut Vec<u8>) {
        self.id.write(to);
        (self.other << 1 | u32::from(self.bordered)).write(to);
    }

    #[inline]
    fn read(bytes: &[u8]) -> Candidate {
        let rest = u32::read(&bytes[4..]);
        Candidate { id: u32::read(bytes), other: rest >> 1, bordered: rest & 1 != 0 }
    }
}

impl LiteralTable {
    /// Builds the table from distinct literals and their numbers.
    pub(super) fn of(all: impl Iterator<Item = (Key, u32)>) -> LiteralTable {
        let entry = |((side, length, packed), number)| Entry { packed, number, side, length };
        let entries: Vec<Entry> = all.map(entry).collect();
        let mut places = vec![0_u32; (2 * entries.len()).next_power_of_two()];
        for (entry, number) in entries.iter().zip(1..) {
            let mut place = LiteralTable::place(entry.key(), places.len());
            while places[place] != 0 {
                place = (place + 1) & (places.len() - 1);
            }
            places[place] = number;
        }
        LiteralTable { entries: Array::of(&entries), places: Array::of(&places) }
    }

    /// The slot at which the search for a literal begins.
    fn place((side, length, packed): Key, places: usize) -> usize {
        // Fibonacci hashing: the upper bits depend on all bits.
        let tag = u64::from(length) << 1 | side as u64;
        let mixed = (packed ^ tag.rotate_right(5)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize & (places - 1)
    }

    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<usize> {
        let mut place = LiteralTable::place(key, self.places.len());
        loop {
            let at = self.places.get(place).checked_sub(1)? as usize;
            let entry = self.entries.get(at);
            if entry.key() == key {
                return Some(entry.number as usize);
            }
            place = (place + 1) & (self.places.len() - 1);
        }
    }
}

/// The lengths of the literals of a side, by their outermost two bytes. May report additional
/// lengths because of collisions, but never omits one. The size depends on the number of literals,
/// because every outlet has its own.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// A bit per length, the lowest for length 1.
    lengths: Bytes,
}

impl Gate {
    pub(super) fn of(entries: impl Iterator<Item = Entry>) -> Gate {
        let pairs = entries.flat_map(|Entry { side, length, packed, .. }| {
            let pair = Outer::cut_to(side, length, packed).outermost();
            // A literal of one byte may have any neighbour.
            let pairs = if length == 1 { pair..=pair | 0xff } else { pair..=pair };
            pairs.map(move |pair| (pair, length))
        });
        let pairs: BTreeSet<(u16, u8)> = pairs.collect();
        if pairs.is_empty() {
            return Gate::default();
        }
        let places = (8 * pairs.len()).next_power_of_two().min(0x1_0000);
        let mut lengths = vec![0; places];
        for (pair, length) in pairs {
            lengths[Gate::place(pair, places)] |= 1 << (length - 1);
        }
        Gate { lengths: lengths.into() }
    }

    fn place(pair: u16, places: usize) -> usize {
        // Fibonacci hashing, so that a small table separates many pairs.
        let mixed = u32::from(pair).wrapping_mul(0x9e37_79b1);
        mixed as usize >> 16 & (places - 1)
    }

    /// Whether there are no literals.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    #[inline]
    pub(super) fn lengths(&self, pair: u16) -> u8 {
        let lengths = &*self.lengths;
        if lengths.is_empty() { 0 } else { lengths[Gate::place(pair, lengths.len())] }
    }
}
