//! The index: selects the patterns that might match a line by its first and last bytes.
//!
//! Every pattern with a required literal at an end of the line is filed under that literal. Both
//! ends of a line are looked up, and only the patterns found are tried, so a long paragraph costs
//! no more than a short one. Of these, a pattern is skipped if it cannot match a line with this
//! byte at the other end. Patterns with a required literal inside the line share one automaton,
//! which scans the line once. Only patterns without any literal are tried on every line.
//!
//! The ends are folded like keys while they are read, so most lines never need a key.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem::Finder;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::bytes::{ByteSet, EdgeBytes};
use crate::key::{self, Fold};
use crate::literals::{LITERAL, Side, is_numbering, is_skipped, lower};
use crate::pattern::Prefilter;
use crate::phrases::is_digit;
use crate::table::{Array, Bytes, Fixed};

/// Collects numbered patterns for an [`Index`].
#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {
    tables: IndexTables,
    outer: Vec<(Key, Candidate)>,
    /// The index in `IndexTables::others` of each set.
    others: FxHashMap<ByteSet, u32>,
}

/// A literal at a side: the side, the number of bytes, and the bytes packed into a number.
type Key = (Side, u8, u64);

/// The number of a pattern, and the index in `IndexTables::others` of the bytes at the other side
/// of the lines that it matches.
type Candidate = (u32, u32);

/// Literals inside lines with the numbers of their patterns, grouped by the bytes with which the
/// lines begin and end.
type InnerLiterals = Vec<(EdgeBytes, Vec<(String, u32)>)>;

/// The part of an index that is packed; the rest is derived from it.
#[derive(Debug, Default)]
pub(crate) struct IndexTables {
    // For each literal at a side, the number of the list of its patterns.
    table: LiteralTable,
    // The distinct lists one after another, and the end of each. The phrases of a kind of the lexicon
    // have the same patterns.
    ids: Array<Candidate>,
    ends: Array<u32>,
    // Distinct sets of bytes.
    others: Vec<ByteSet>,
    // For each side, the lengths of literals by their outermost two bytes. Most lookups end here.
    gates: [Gate; 2],
    inner: InnerLiterals,
    // Whether lines are looked up only as they are, without skipping bullets and numbers.
    exact: bool,
    unkeyed: Vec<u32>,
}

/// An index over numbered patterns.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Without the literals inside lines, which `inner` contains.
    tables: IndexTables,
    // Literals inside lines, grouped by the bytes with which the lines begin and end.
    inner: Vec<Inner>,
    // The literals of the first 64 groups of `inner`, for short lines.
    short: Option<ShortInner>,
    // For each first byte and each last byte of a line, a bit set of those of the first 64 groups
    // of `inner` that allow it.
    frames: Box<[[u64; 256]]>,
}

impl IndexBuilder {
    /// Files a pattern under the number `id` with its prefilters.
    pub(crate) fn add(&mut self, id: u32, prefilters: &[Prefilter]) {
        for prefilter in prefilters {
            match prefilter {
                Prefilter::Ends(side, set, other) => {
                    set.iter().for_each(|text| self.add_literal(id, *side, text, *other));
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

    /// Files `id` under a literal at `side`, which is lower-cased and cut to [`LITERAL`] bytes
    /// here, for lines with one of the bytes of `other` at the other side.
    pub(crate) fn add_literal(&mut self, id: u32, side: Side, text: &str, other: ByteSet) {
        let outer = Outer::of_key(side, text);
        // NUL means "no character" here, so a literal that begins with it selects nothing.
        if outer.length == 0 {
            return self.tables.unkeyed.push(id);
        }
        let others = &mut self.tables.others;
        let other = *self.others.entry(other).or_insert_with(|| {
            others.push(other);
            others.len() as u32 - 1
        });
        self.outer.push(((side, outer.length, outer.cut(outer.length)), (id, other)));
    }

    /// Looks lines up only as they are, for literals that no bullet or number precedes or follows.
    pub(crate) fn exact(mut self) -> IndexBuilder {
        self.tables.exact = true;
        self
    }

    /// Builds the index.
    pub(crate) fn build(self) -> Index {
        self.tables().into_index()
    }

    /// Builds the part of the index that is packed.
    pub(crate) fn tables(self) -> IndexTables {
        let IndexBuilder { mut tables, mut outer, .. } = self;
        outer.sort_unstable();
        outer.dedup();
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

impl IndexTables {
    /// The packed form, except for [`IndexBuilder::exact`].
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

    /// Builds the rest of the index.
    pub(crate) fn into_index(mut self) -> Index {
        let inner = std::mem::take(&mut self.inner);
        let mut index = Index { tables: self, ..Index::default() };
        let unkeyed = &mut index.tables.unkeyed;
        for (frame, literals) in &inner {
            match Inner::of(*frame, literals) {
                Some(inner) => index.inner.push(inner),
                // Too many literals for one automaton, so their patterns are tried on every line.
                None => unkeyed.extend(literals.iter().map(|(_, id)| *id)),
            }
        }
        unkeyed.sort_unstable();
        unkeyed.dedup();
        if index.inner.len() == inner.len() {
            index.short = ShortInner::of(&inner);
        }
        if !index.inner.is_empty() {
            let mut frames = vec![[0; 256]; 2];
            for (at, inner) in index.inner.iter().take(64).enumerate() {
                for byte in 0..=255_u8 {
                    let (first, last) = inner.frame.has(byte);
                    frames[0][usize::from(byte)] |= u64::from(first) << at;
                    frames[1][usize::from(byte)] |= u64::from(last) << at;
                }
            }
            index.frames = frames.into();
        }
        index
    }
}

impl Index {
    /// Writes the numbers of the patterns that might match a line into `out`, sorted and without
    /// duplicates.
    pub(crate) fn candidates(&self, ends: &Ends<'_>, out: &mut Vec<u32>) {
        out.clear();
        out.extend(&self.tables.unkeyed);
        let (first, last) = EdgeBytes::outermost(ends.text);
        for side in [Side::Start, Side::End] {
            let gate = &self.tables.gates[side as usize];
            if gate.is_empty() {
                continue;
            }
            let other = if side == Side::Start { last } else { first };
            let lengths = gate.lengths(ends.outermost(side));
            if lengths != 0 {
                self.look_up(ends.of(side), lengths, other, out);
            }
            if self.tables.exact {
                continue;
            }
            for bare in [ends.bare(side), ends.without_number(side)].into_iter().flatten() {
                let lengths = gate.lengths(bare.outermost());
                self.look_up(bare, lengths, other, out);
            }
        }
        if let [by_first, by_last] = &*self.frames {
            let mask = |by: &[u64; 256], byte: Option<u8>| {
                byte.map_or(u64::MAX, |byte| by[usize::from(byte)])
            };
            let mut fits = mask(by_first, first) & mask(by_last, last);
            if self.inner.len() < 64 {
                fits &= (1 << self.inner.len()) - 1;
            }
            if let Some(short) = self.short.as_ref().filter(|_| ends.text.len() < SHORT) {
                if fits != 0 {
                    short.candidates(ends.text, fits, out);
                }
                fits = 0;
            }
            let mut text = None;
            while fits != 0 {
                let inner = &self.inner[fits.trailing_zeros() as usize];
                fits &= fits - 1;
                inner.candidates(text.get_or_insert_with(|| ScannedLine::at(ends.text)), out);
            }
            for inner in self.inner.iter().skip(64).filter(|inner| inner.frame.fits(ends.text)) {
                inner.candidates(text.get_or_insert_with(|| ScannedLine::at(ends.text)), out);
            }
        }
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
    }

    /// Adds the patterns filed under the literals of these lengths that match lines with the byte
    /// `other` at the other side.
    fn look_up(&self, outer: &Outer, lengths: u8, other: Option<u8>, out: &mut Vec<u32>) {
        let IndexTables { table, ids, ends, others, .. } = &self.tables;
        let fits = |set: u32| other.is_none_or(|byte| others[set as usize].has(byte));
        // Only lengths that fit the line.
        let mut lengths = lengths & ((1_u32 << outer.length) - 1) as u8;
        while lengths != 0 {
            let length = lengths.trailing_zeros() as u8 + 1;
            lengths &= lengths - 1;
            if let Some(list) = table.get((outer.side, length, outer.cut(length))) {
                let start = list.checked_sub(1).map_or(0, |before| ends.get(before) as usize);
                let ids = ids.iter(start..ends.get(list) as usize);
                out.extend(ids.filter(|(_, set)| fits(*set)).map(|(id, _)| id));
            }
        }
    }
}

/// The length in bytes up to which lines are searched for all literals at once. In longer lines, a
/// vectorised search is faster.
const SHORT: usize = 64;

/// The literals of the first 64 groups in one automaton.
#[derive(Debug)]
struct ShortInner {
    all: AhoCorasick,
    /// The pattern number and the group of each literal.
    ids: Box<[(u32, u8)]>,
}

impl ShortInner {
    fn of(groups: &[(EdgeBytes, Vec<(String, u32)>)]) -> Option<ShortInner> {
        let literals = groups.iter().take(64).zip(0..).flat_map(|((_, literals), group)| {
            literals.iter().map(move |(text, id)| (text.as_str(), (*id, group)))
        });
        let (texts, ids): (Vec<&str>, Vec<(u32, u8)>) = literals.unzip();
        let all = automaton(&texts).filter(|_| !texts.is_empty())?;
        Some(ShortInner { all, ids: ids.into() })
    }

    /// Adds the patterns of the groups whose bits are set in `groups`.
    fn candidates(&self, text: &str, groups: u64, out: &mut Vec<u32>) {
        let text = unhidden(text);
        for found in self.all.find_overlapping_iter(&*text) {
            let (id, group) = self.ids[found.pattern().as_usize()];
            out.extend((groups >> group & 1 == 1).then_some(id));
        }
    }
}

/// An automaton that finds these texts in any case of ASCII letters. `None` if they are too many.
fn automaton(texts: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .ascii_case_insensitive(true)
        .build(texts)
        .ok()
}

/// A text, or its key if it may contain letters that keys replace.
fn unhidden(text: &str) -> Cow<'_, str> {
    match !text.is_ascii() && key::hides_letters(text) {
        true => key::key(text),
        false => Cow::Borrowed(text),
    }
}

/// Literals inside lines, in any case of ASCII letters.
#[derive(Debug)]
struct Inner {
    /// The bytes with which the lines begin and end.
    frame: EdgeBytes,
    prescan: Option<Prescan>,
    all: AhoCorasick,
    /// The pattern number of each literal.
    ids: Box<[u32]>,
}

impl Inner {
    fn of(frame: EdgeBytes, literals: &[(String, u32)]) -> Option<Inner> {
        let texts: Vec<&str> = literals.iter().map(|(text, _)| text.as_str()).collect();
        let all = automaton(&texts)?;
        let ids = literals.iter().map(|(_, id)| *id).collect();
        Some(Inner { frame, prescan: Prescan::of(&texts), all, ids })
    }

    fn candidates(&self, text: &ScannedLine<'_>, out: &mut Vec<u32>) {
        if self.prescan.as_ref().is_none_or(|prescan| prescan.may_be_in(text)) {
            let found = self.all.find_overlapping_iter(&*text.text);
            out.extend(found.map(|found| self.ids[found.pattern().as_usize()]));
        }
    }
}

/// A line prepared for searching.
struct ScannedLine<'t> {
    text: Cow<'t, str>,
    ascii: bool,
    /// The text in lower case.
    lower: Vec<u8>,
}

impl<'t> ScannedLine<'t> {
    fn at(text: &'t str) -> ScannedLine<'t> {
        let (ascii, text) = (text.is_ascii(), unhidden(text));
        let lower = text.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
        ScannedLine { text, ascii, lower }
    }
}

/// A vectorised scan that rules out all literals for most lines.
#[derive(Debug)]
struct Prescan {
    /// The beginnings of literals in lower case: of ASCII literals, and of the others.
    ascii: Vec<Searcher>,
    other: Vec<Searcher>,
    /// Literals that are too short for the searchers.
    short: Vec<Finder<'static>>,
}

impl Prescan {
    /// The number of bytes used of literals that are not ASCII and are listed in many cases.
    const MOST: usize = 4;
    /// The minimum length of a literal for the searchers, in bytes.
    const LEAST: usize = 3;
    /// The maximum number of literals per searcher.
    const AT_ONCE: usize = 32;
    /// The maximum number of short literals, which are searched for one by one.
    const MOST_SHORT: usize = 4;

    /// `None` if there are too many short literals or the CPU has no vectorised search.
    fn of(texts: &[&str]) -> Option<Prescan> {
        let start = |text: &&str| {
            let most = if text.is_ascii() { LITERAL } else { Prescan::MOST };
            text.to_ascii_lowercase().as_bytes()[..text.len().min(most)].to_vec()
        };
        let mut starts: Vec<Vec<u8>> = texts.iter().map(start).collect();
        starts.sort_unstable();
        // A text that begins with another one is found with it.
        starts.dedup_by(|next, start| next.starts_with(start));
        let long = |start: &Vec<u8>| start.len() >= Prescan::LEAST;
        let (starts, short): (Vec<_>, Vec<_>) = starts.into_iter().partition(long);
        let (ascii, other): (Vec<_>, Vec<_>) = starts.into_iter().partition(|s| s.is_ascii());
        let few = short.len() <= Prescan::MOST_SHORT;
        let short = short.iter().map(|text| Finder::new(text).into_owned()).collect();
        let searcher = |starts: &[Vec<u8>]| packed::Config::new().builder().extend(starts).build();
        let searchers = |all: Vec<Vec<u8>>| all.chunks(Prescan::AT_ONCE).map(searcher).collect();
        let (ascii, other): (Option<_>, Option<_>) = (searchers(ascii), searchers(other));
        few.then_some(Prescan { ascii: ascii?, other: other?, short })
    }

    fn may_be_in(&self, text: &ScannedLine<'_>) -> bool {
        let others = if text.ascii { &[][..] } else { &self.other };
        self.ascii.iter().chain(others).any(|starts| starts.find(&text.lower).is_some())
            || self.short.iter().any(|short| short.find(&text.lower).is_some())
    }
}

/// A hash table from literals to numbers. Compact, because every outlet has its own.
#[derive(Debug, Default)]
struct LiteralTable {
    entries: Array<Entry>,
    /// Open addressing: indices of entries from 1, or 0 for a free slot. The size is a power of
    /// two, and at least half of the slots are free.
    places: Array<u32>,
}

/// A literal and its number.
#[derive(Clone, Copy, Debug)]
struct Entry {
    packed: u64,
    number: u32,
    side: Side,
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
        self.0.write(to);
        self.1.write(to);
    }

    #[inline]
    fn read(bytes: &[u8]) -> Candidate {
        (u32::read(bytes), u32::read(&bytes[4..]))
    }
}

impl LiteralTable {
    /// Builds the table from distinct literals and their numbers.
    fn of(all: impl Iterator<Item = (Key, u32)>) -> LiteralTable {
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

    fn get(&self, key: Key) -> Option<usize> {
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
struct Gate {
    /// A bit per length, the lowest for length 1.
    lengths: Bytes,
}

impl Gate {
    fn of(entries: impl Iterator<Item = Entry>) -> Gate {
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
    fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    fn lengths(&self, pair: u16) -> u8 {
        let lengths = &*self.lengths;
        if lengths.is_empty() { 0 } else { lengths[Gate::place(pair, lengths.len())] }
    }
}

/// The ends of a line's key in lower case, computed from its text on demand.
pub(crate) struct Ends<'t> {
    text: &'t str,
    sides: [OnceCell<Outer>; 2],
    /// The outermost two bytes of each side.
    outermost: [OnceCell<u16>; 2],
    /// The start without bullets and the end without closers, if there are any.
    bare: [OnceCell<Option<Outer>>; 2],
    /// Each side without a number and the characters next to it, if there is one.
    without_number: [OnceCell<Option<Outer>>; 2],
}

impl<'t> Ends<'t> {
    pub(crate) fn of_text(text: &'t str) -> Ends<'t> {
        let (bare, without_number) = Default::default();
        // Keys are trimmed, so spaces at the ends do not count.
        let bytes = text.as_bytes();
        let start = bytes.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let end = bytes[start..].iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let text = &text[start..text.len() - end];
        Ends {
            text,
            sides: Default::default(),
            outermost: Default::default(),
            bare,
            without_number,
        }
    }

    /// The start after bullets, or the end before closers, if there are any.
    fn bare(&self, side: Side) -> Option<&Outer> {
        let outermost = match side {
            Side::Start => self.text.as_bytes().first(),
            Side::End => self.text.as_bytes().last(),
        };
        match outermost {
            Some(byte) if byte.is_ascii_alphanumeric() => None,
            _ => self.bare[side as usize].get_or_init(|| self.find_bare(side)).as_ref(),
        }
    }

    fn find_bare(&self, side: Side) -> Option<Outer> {
        let mut any = false;
        let mut skipped = |c: char| match key::fold(c) {
            Fold::Drop | Fold::To(' ') => true,
            // Keys contain full-width brackets as ordinary ones.
            Fold::To(c) => {
                let skipped = is_skipped(c, side);
                any |= skipped;
                skipped
            }
        };
        let rest = match side {
            Side::Start => self.text.trim_start_matches(&mut skipped),
            Side::End => self.text.trim_end_matches(&mut skipped),
        };
        (any && !rest.is_empty()).then(|| Outer::of_text(side, rest))
    }

    /// The start after a number, or the end before one, if there is one.
    fn without_number(&self, side: Side) -> Option<&Outer> {
        let outermost = match side {
            Side::Start => self.text.as_bytes().first(),
            Side::End => self.text.as_bytes().last(),
        };
        match outermost {
            Some(byte) if byte.is_ascii_alphabetic() => None,
            _ => {
                let without = &self.without_number[side as usize];
                without.get_or_init(|| self.find_without_number(side)).as_ref()
            }
        }
    }

    fn find_without_number(&self, side: Side) -> Option<Outer> {
        let mut any = false;
        let mut skipped = |c: char| match key::fold(c) {
            Fold::Drop => true,
            Fold::To(c) => {
                any |= is_digit(c);
                is_numbering(c)
            }
        };
        let rest = match side {
            Side::Start => self.text.trim_start_matches(&mut skipped),
            Side::End => self.text.trim_end_matches(&mut skipped),
        };
        (any && !rest.is_empty()).then(|| Outer::of_text(side, rest))
    }

    fn of(&self, side: Side) -> &Outer {
        self.sides[side as usize].get_or_init(|| Outer::of_text(side, self.text))
    }

    /// The outermost two bytes of a side.
    fn outermost(&self, side: Side) -> u16 {
        *self.outermost[side as usize].get_or_init(|| self.find_outermost(side))
    }

    /// Reads the two bytes off the text if they are the same in the key.
    fn find_outermost(&self, side: Side) -> u16 {
        let plain = |byte: u8| byte.is_ascii_graphic();
        let (outer, next) = match (side, self.text.as_bytes()) {
            // A combining mark would change the second character.
            (Side::Start, &[outer, next, third, ..]) if third.is_ascii() => (outer, next),
            (Side::End, &[.., next, outer]) => (outer, next),
            _ => return self.of(side).outermost(),
        };
        let spaced = || {
            let third = match (side, self.text.as_bytes()) {
                (Side::Start, &[_, _, third, ..]) | (Side::End, &[.., third, _, _]) => third,
                _ => return false,
            };
            next == b' ' && plain(third)
        };
        if plain(outer) && (plain(next) || spaced()) {
            return u16::from_be_bytes([outer.to_ascii_lowercase(), next.to_ascii_lowercase()]);
        }
        self.outer_character(side).unwrap_or_else(|| self.of(side).outermost())
    }

    /// Like [`Ends::find_outermost`], for a non-ASCII character that is the same in keys and has no
    /// combining mark.
    fn outer_character(&self, side: Side) -> Option<u16> {
        let mut chars = self.text.chars();
        let (outer, next) = match side {
            Side::Start => (chars.next()?, chars.next()),
            Side::End => (chars.next_back()?, None),
        };
        let alone = next.is_none_or(|next| next == ' ' || key::is_plain(next));
        if outer.is_ascii() || !key::is_plain(outer) || !alone {
            return None;
        }
        let mut bytes = [0; 4];
        match (side, lower(outer).encode_utf8(&mut bytes).as_bytes()) {
            (Side::Start, &[outer, next, ..]) | (Side::End, &[.., next, outer]) => {
                Some(u16::from_be_bytes([outer, next]))
            }
            _ => None,
        }
    }
}

/// Up to [`LITERAL`] bytes of one side of a key, in lower case.
#[derive(Clone, Copy, Debug)]
struct Outer {
    side: Side,
    length: u8,
    /// The bytes in order: a start begins at the highest byte, an end ends at the lowest.
    packed: u64,
}

impl Outer {
    /// Reads a side of a line's key off its text. Builds the key if there is a combining mark near
    /// that side.
    fn of_text(side: Side, text: &str) -> Outer {
        let text = match side {
            Side::Start => text.trim_start_matches(' '),
            Side::End => text.trim_end_matches(' '),
        };
        if let Some(outer) = Outer::of_plain(side, text.as_bytes()) {
            return outer;
        }
        let mut marked = false;
        let folded = match side {
            Side::Start => folded(text.chars(), &mut marked),
            Side::End => folded(text.chars().rev(), &mut marked),
        };
        match marked {
            true => Outer::of_key(side, &key::key(text)),
            false => Outer::of(side, folded),
        }
    }

    /// The same for text whose outermost bytes are printable ASCII and therefore equal to the key.
    fn of_plain(side: Side, text: &[u8]) -> Option<Outer> {
        let length = text.len().min(LITERAL);
        // The outermost bytes, the first of them lowest, and the byte next to them, which may
        // belong to a combining mark or continue a run of spaces.
        let (near, beyond) = match (text.len() > LITERAL, side) {
            (true, Side::Start) => (*text.first_chunk()?, text[LITERAL]),
            (true, Side::End) => (*text.last_chunk()?, text[text.len() - LITERAL - 1]),
            (false, _) => {
                let mut near = [b'x'; LITERAL];
                near.get_mut(..length)?.copy_from_slice(text);
                (near, b'x')
            }
        };
        let near = u64::from_le_bytes(near);
        let spaces = equal(near, b' ');
        let inner = match side {
            Side::Start => spaces >> (8 * LITERAL - 1),
            Side::End => spaces >> 7 & 1,
        };
        let double = spaces & spaces >> 8 | u64::from(beyond == b' ') & inner;
        let (first, last) = (*text.first()?, *text.last()?);
        let outer = match (length < LITERAL, side) {
            (true, _) => first == b' ' || last == b' ',
            (false, Side::Start) => first == b' ',
            (false, Side::End) => last == b' ',
        };
        if outer || double != 0 || !is_printed(near) || !matches!(beyond, b' '..=b'~') {
            return None;
        }
        let packed = in_lower_case(near).swap_bytes();
        let rest = 8 * (LITERAL - length) as u32;
        let packed = match side {
            Side::Start => packed.checked_shr(rest)?.checked_shl(rest)?,
            Side::End => packed.checked_shr(rest)?,
        };
        Some(Outer { side, length: length as u8, packed })
    }

    fn of_key(side: Side, key: &str) -> Outer {
        match side {
            Side::Start => Outer::of(side, first(key.chars())),
            Side::End => Outer::of(side, first(key.chars().rev())),
        }
    }

    /// Packs the outermost characters, given from the outside in.
    fn of(side: Side, chars: [char; LITERAL]) -> Outer {
        let (mut packed, mut length) = (0_u64, 0);
        'chars: for c in chars.into_iter().take_while(|c| *c != NONE).map(lower) {
            let (mut bytes, mut count) = ([0; 4], 0);
            count += c.encode_utf8(&mut bytes).len();
            for at in 0..count {
                if length == LITERAL {
                    break 'chars;
                }
                let (byte, place) = match side {
                    Side::Start => (bytes[at], LITERAL - 1 - length),
                    Side::End => (bytes[count - 1 - at], length),
                };
                packed |= u64::from(byte) << (8 * place);
                length += 1;
            }
        }
        Outer { side, length: length as u8, packed }
    }

    /// The inverse of [`Outer::cut`].
    fn cut_to(side: Side, length: u8, packed: u64) -> Outer {
        let rest = 8 * (LITERAL as u32 - u32::from(length));
        let packed = match side {
            Side::Start => packed.checked_shl(rest).unwrap_or(0),
            Side::End => packed,
        };
        Outer { side, length, packed }
    }

    /// The outermost `length` bytes.
    fn cut(&self, length: u8) -> u64 {
        let rest = 8 * (LITERAL as u32 - u32::from(length));
        match self.side {
            Side::Start => self.packed.checked_shr(rest).unwrap_or(0),
            Side::End => self.packed & u64::MAX.checked_shr(rest).unwrap_or(0),
        }
    }

    /// The outermost two bytes, the outer one first.
    fn outermost(&self) -> u16 {
        match self.side {
            Side::Start => (self.packed >> 48) as u16,
            Side::End => (self.packed as u16).swap_bytes(),
        }
    }
}

/// A word with each byte set to this byte.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bits of the bytes that equal `byte`, of eight ASCII characters.
fn equal(ascii: u64, byte: u8) -> u64 {
    (all(0x80) - (ascii & all(0x7f) ^ all(byte))) & all(0x80)
}

/// Whether eight characters are printable ASCII.
fn is_printed(chars: u64) -> bool {
    // Adding moves a byte above `~` over 0x80, and subtracting one below the space under 0x80.
    (chars | chars.wrapping_add(all(1)) | !(chars | all(0x80)).wrapping_sub(all(b' '))) & all(0x80)
        == 0
}

/// Eight printable ASCII characters in lower case.
fn in_lower_case(ascii: u64) -> u64 {
    let from_a = ascii + all(0x80 - b'A');
    let above_z = ascii + all(0x80 - b'Z' - 1);
    ascii | (from_a & !above_z & all(0x80)) >> 2
}

/// Fills the places after the last character if there are fewer than [`LITERAL`].
const NONE: char = '\0';

fn first(chars: impl Iterator<Item = char>) -> [char; LITERAL] {
    let mut out = [NONE; LITERAL];
    out.iter_mut().zip(chars).for_each(|(place, c)| *place = c);
    out
}

/// The first characters of a key, folded from the text's characters.
fn folded(chars: impl Iterator<Item = char>, marked: &mut bool) -> [char; LITERAL] {
    let mut out = [NONE; LITERAL];
    let (mut count, mut space) = (0, false);
    for c in chars {
        *marked |= key::is_mark(c);
        match key::fold(c) {
            Fold::Drop => {}
            // A run of spaces is one space, and there is none before the first character.
            Fold::To(' ') => space = count > 0,
            Fold::To(c) => {
                if space {
                    out[count] = ' ';
                    count += 1;
                    space = false;
                }
                if count < LITERAL {
                    out[count] = c;
                    count += 1;
                }
            }
        }
        if count >= LITERAL || *marked {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{Anchor, Pattern};
    use chaffinch_stage::Role;
    use proptest::prelude::*;

    const PATTERNS: &[(Anchor, &str, bool)] = &[
        (Anchor::Line, "share( this)?( article)?", true),
        (Anchor::Line, "Поделиться.*", true),
        (Anchor::Line, r"\w+ teilen", false),
        (Anchor::Start, "İstanbul|ankara", true),
        (Anchor::End, "[—-] ?(Agencies|AFP)", false),
        (Anchor::Line, r"\d+ (likes|K views)", true),
        (Anchor::Inside, "click here", true),
        (Anchor::Line, "a|bc?|ßx", true),
        (Anchor::Line, "分享(到)?.{0,4}", false),
        (Anchor::Line, ".*(foto|фото) ?:?.*", true),
        (Anchor::Line, r"\d+ .*(likes|here).*|(x|a)? ?photo.*[^x]", true),
        (Anchor::Line, r"\x00b?", false),
    ];

    #[test]
    fn a_byte_at_the_other_side_rejects_patterns() {
        let selects = |anchor, regex: &str, text: &str| {
            let pattern = Pattern::new(anchor, Role::Line, [regex.to_owned()].into(), false, true);
            let mut builder = IndexBuilder::default();
            builder.add(0, &pattern.prefilters());
            let mut candidates = Vec::new();
            builder.build().candidates(&Ends::of_text(text), &mut candidates);
            !candidates.is_empty()
        };
        assert!(selects(Anchor::Line, "share .* (now|today)!?", "Share it NOW"));
        assert!(!selects(Anchor::Line, "share .* (now|today)!?", "Share it at once"));
        assert!(selects(Anchor::Start, "share .* (now|today)!?", "Share it now or never"));
    }

    proptest! {
        /// The index never misses a pattern that a loop over all patterns finds.
        #[test]
        fn candidates_include_every_matching_pattern(
            words in prop::collection::vec(prop::sample::select(vec![
                "share", "SHARE", "ſhare", "photoſ", "\0", "b", "Fot\u{1c82}", "ф\u{1c82}то", " this", " article", "Поделиться", "ПОДЕЛИТЬСЯ", " teilen", "x",
                "İSTANBUL", "istanbul", "ANKARA", "—Agencies", "- AFP", "12 likes", "3 K views", "3 \u{212a} VIEWS",
                "click here", "CLICK", " here", "a", "bc", "ẞX", "分享", "分享到微信", " ", "", "\u{a0}", "\u{200b}", "\u{301}", "–", "Foto", "ФОТО: ", "фото:",
                " and a part of a line that is too long for the search of short lines, ",
            ]), 0..4),
        ) {
            let text = words.concat();
            let key = crate::key::key(&text).into_owned();
            let patterns: Vec<Pattern> = PATTERNS.iter()
                .map(|(anchor, text, ignore)| Pattern::new(*anchor, Role::Line, [(*text).to_owned()].into(), false, *ignore))
                .collect();
            let mut builder = IndexBuilder::default();
            for (id, pattern) in patterns.iter().enumerate() {
                builder.add(id as u32, &pattern.prefilters());
            }
            let index = builder.build();
            let mut candidates = Vec::new();
            index.candidates(&Ends::of_text(&text), &mut candidates);
            for (id, pattern) in patterns.iter().enumerate() {
                if pattern.is_match(&key) {
                    prop_assert!(candidates.contains(&(id as u32)), "{:?} missed on {key:?}", PATTERNS[id]);
                }
            }
        }
    }
}
