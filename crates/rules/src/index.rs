//! The index: which patterns might match a line, told from its first and last bytes.
//!
//! Every pattern with a required literal at an end of the line is filed under it; a line's two
//! ends are looked up, and only what is found there meets a regex. A long paragraph costs no more
//! than a short one. Patterns that are told by a literal somewhere inside share one automaton,
//! which reads the line once. Only what is told by nothing is tried on every line.
//!
//! The ends are folded as keys are while they are read, so most lines never need a key.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem::Finder;

use crate::bytes::Frame;
use crate::key::{self, Fold};
use crate::literals::{LITERAL, Side, is_bullet, is_closer, is_numbering, lower};
use crate::pattern::Tell;
use crate::phrases::is_digit;

/// An index over numbered patterns, in the making.
#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {
    index: Index,
    outer: Vec<(Key, u32)>,
    inner: Vec<(Frame, Vec<(String, u32)>)>,
}

/// A literal at a side, so many bytes of it packed into a number.
type Key = (Side, u8, u64);

/// An index over numbered patterns.
#[derive(Debug, Default)]
pub(crate) struct Index {
    // For each literal at a side, the patterns that it tells: a range of `ids`.
    table: Table,
    ids: Box<[u32]>,
    // For each side, what the outermost two bytes of its literals are: most lines end the search
    // there.
    gates: [Gate; 2],
    // Literals inside lines, for each way in which lines that hold them begin and end.
    inner: Vec<Inner>,
    // For each byte that a line begins with, and that it ends with, which of the first 64 may hold
    // theirs.
    frames: Box<[[u64; 256]]>,
    unkeyed: Vec<u32>,
}

impl IndexBuilder {
    /// Files a pattern that is told by `tells` under the number `id`.
    pub(crate) fn add(&mut self, id: u32, tells: &[Tell]) {
        for tell in tells {
            match tell {
                Tell::Ends(side, set) => {
                    set.iter().for_each(|text| self.add_literal(id, *side, text));
                }
                Tell::Inside(set, frame) => {
                    let literals = set.iter().map(|text| (text.clone(), id));
                    match self.inner.iter_mut().find(|(known, _)| known == frame) {
                        Some((_, all)) => all.extend(literals),
                        None => self.inner.push((*frame, literals.collect())),
                    }
                }
                Tell::Nothing => self.index.unkeyed.push(id),
            }
        }
    }

    /// Files `id` under text that lines have at `side`; lower-cased here, cut to [`LITERAL`] bytes.
    pub(crate) fn add_literal(&mut self, id: u32, side: Side, text: &str) {
        let outer = Outer::of_key(side, text);
        match outer.length {
            // A NUL, which stands for no character here, tells nothing.
            0 => self.index.unkeyed.push(id),
            length => self.outer.push(((side, length, outer.cut(length)), id)),
        }
    }

    /// The index.
    pub(crate) fn build(self) -> Index {
        let IndexBuilder { mut index, mut outer, inner } = self;
        outer.sort_unstable();
        outer.dedup();
        let same = outer.chunk_by(|(one, _), (other, _)| one == other);
        let entry = |same: &[(Key, u32)]| (same[0].0, same.len() as u32);
        index.table = Table::of(same.map(entry));
        index.ids = outer.iter().map(|(_, id)| *id).collect();
        for (frame, literals) in inner {
            match Inner::of(frame, &literals) {
                Some(inner) => index.inner.push(inner),
                // Too many literals for one automaton: their patterns are tried on every line.
                None => index.unkeyed.extend(literals.iter().map(|(_, id)| *id)),
            }
        }
        index.unkeyed.sort_unstable();
        index.unkeyed.dedup();
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
        for side in [Side::Start, Side::End] {
            let own = index.table.entries.iter().filter(|entry| entry.side == side);
            index.gates[side as usize] = Gate::of(own);
        }
        index
    }
}

impl Index {
    /// Writes into `out` the numbers of the patterns that might match a line of this text, in
    /// order, each once.
    pub(crate) fn candidates(&self, ends: &Ends<'_>, out: &mut Vec<u32>) {
        out.clear();
        out.extend(&self.unkeyed);
        for side in [Side::Start, Side::End] {
            let gate = &self.gates[side as usize];
            if gate.is_empty() {
                continue;
            }
            let lengths = gate.lengths(ends.outermost(side));
            if lengths != 0 {
                self.look_up(ends.of(side), lengths, out);
            }
            for bare in [ends.bare(side), ends.without_number(side)].into_iter().flatten() {
                let lengths = gate.lengths(bare.outermost());
                self.look_up(bare, lengths, out);
            }
        }
        if let [by_first, by_last] = &*self.frames {
            let (first, last) = Frame::outermost(ends.text);
            let mask = |by: &[u64; 256], byte: Option<u8>| {
                byte.map_or(u64::MAX, |byte| by[usize::from(byte)])
            };
            let mut fits = mask(by_first, first) & mask(by_last, last);
            if self.inner.len() < 64 {
                fits &= (1 << self.inner.len()) - 1;
            }
            let mut text = None;
            while fits != 0 {
                let inner = &self.inner[fits.trailing_zeros() as usize];
                fits &= fits - 1;
                inner.candidates(text.get_or_insert_with(|| Looked::at(ends.text)), out);
            }
            for inner in self.inner.iter().skip(64).filter(|inner| inner.frame.fits(ends.text)) {
                inner.candidates(text.get_or_insert_with(|| Looked::at(ends.text)), out);
            }
        }
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
    }

    fn look_up(&self, outer: &Outer, lengths: u8, out: &mut Vec<u32>) {
        // Those that the line is long enough for.
        let mut lengths = lengths & ((1_u32 << outer.length) - 1) as u8;
        while lengths != 0 {
            let length = lengths.trailing_zeros() as u8 + 1;
            lengths &= lengths - 1;
            if let Some(range) = self.table.get((outer.side, length, outer.cut(length))) {
                out.extend(&self.ids[range]);
            }
        }
    }
}

/// Literals that stand inside lines, in any case of ASCII letters.
#[derive(Debug)]
struct Inner {
    /// What the lines begin and end with.
    frame: Frame,
    near: Option<Near>,
    all: AhoCorasick,
    /// The pattern that each literal tells.
    ids: Box<[u32]>,
}

impl Inner {
    fn of(frame: Frame, literals: &[(String, u32)]) -> Option<Inner> {
        let texts: Vec<&str> = literals.iter().map(|(text, _)| text.as_str()).collect();
        let all = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .ascii_case_insensitive(true)
            .build(&texts)
            .ok()?;
        let ids = literals.iter().map(|(_, id)| *id).collect();
        Some(Inner { frame, near: Near::of(&texts), all, ids })
    }

    fn candidates(&self, text: &Looked<'_>, out: &mut Vec<u32>) {
        if self.near.as_ref().is_none_or(|near| near.may_be_in(text)) {
            let found = self.all.find_overlapping_iter(&*text.text);
            out.extend(found.map(|found| self.ids[found.pattern().as_usize()]));
        }
    }
}

/// A line that is looked through.
struct Looked<'t> {
    text: Cow<'t, str>,
    ascii: bool,
    /// In lower case.
    lower: Vec<u8>,
}

impl<'t> Looked<'t> {
    fn at(text: &'t str) -> Looked<'t> {
        let ascii = text.is_ascii();
        let text = match !ascii && key::hides_letters(text) {
            true => key::key(text),
            false => Cow::Borrowed(text),
        };
        let lower = text.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
        Looked { text, ascii, lower }
    }
}

/// What tells of most lines that no literal stands in them, many bytes at a time.
#[derive(Debug)]
struct Near {
    /// What literals begin with, in lower case: of those in ASCII, and of others.
    ascii: Vec<Searcher>,
    other: Vec<Searcher>,
    /// Literals that are too short for those.
    short: Vec<Finder<'static>>,
}

impl Near {
    /// Bytes that are looked at of literals that stand there in many cases.
    const MOST: usize = 4;
    /// Bytes that a literal must have.
    const LEAST: usize = 3;
    /// Literals that one searcher takes.
    const AT_ONCE: usize = 32;
    /// Short literals that are looked for one by one.
    const MOST_SHORT: usize = 4;

    /// None for too many short ones, or where the machine has no fast way.
    fn of(texts: &[&str]) -> Option<Near> {
        let start = |text: &&str| {
            let most = if text.is_ascii() { LITERAL } else { Near::MOST };
            text.to_ascii_lowercase().as_bytes()[..text.len().min(most)].to_vec()
        };
        let mut starts: Vec<Vec<u8>> = texts.iter().map(start).collect();
        starts.sort_unstable();
        // Whatever begins with another is found with it.
        starts.dedup_by(|next, start| next.starts_with(start));
        let long = |start: &Vec<u8>| start.len() >= Near::LEAST;
        let (starts, short): (Vec<_>, Vec<_>) = starts.into_iter().partition(long);
        let (ascii, other): (Vec<_>, Vec<_>) = starts.into_iter().partition(|s| s.is_ascii());
        let few = short.len() <= Near::MOST_SHORT;
        let short = short.iter().map(|text| Finder::new(text).into_owned()).collect();
        let searcher = |starts: &[Vec<u8>]| packed::Config::new().builder().extend(starts).build();
        let searchers = |all: Vec<Vec<u8>>| all.chunks(Near::AT_ONCE).map(searcher).collect();
        let (ascii, other): (Option<_>, Option<_>) = (searchers(ascii), searchers(other));
        few.then_some(Near { ascii: ascii?, other: other?, short })
    }

    fn may_be_in(&self, text: &Looked<'_>) -> bool {
        let others = if text.ascii { &[][..] } else { &self.other };
        self.ascii.iter().chain(others).any(|starts| starts.find(&text.lower).is_some())
            || self.short.iter().any(|short| short.find(&text.lower).is_some())
    }
}

/// A table of literals, each with a range of numbers: the first behind the last one's. Small, since
/// every outlet has its own.
#[derive(Debug, Default)]
struct Table {
    entries: Box<[Entry]>,
    /// Open addressing: places among the entries, from 1; 0 is none. A power of two of them, half
    /// of them free at the least.
    places: Box<[u32]>,
}

/// A literal, and where its range ends.
#[derive(Clone, Copy, Debug)]
struct Entry {
    packed: u64,
    end: u32,
    side: Side,
    length: u8,
}

impl Entry {
    fn key(&self) -> Key {
        (self.side, self.length, self.packed)
    }
}

impl Table {
    /// Of literals, each once, with the lengths of their ranges.
    fn of(all: impl Iterator<Item = (Key, u32)>) -> Table {
        let entries = all.scan(0, |end, ((side, length, packed), count)| {
            *end += count;
            Some(Entry { packed, end: *end, side, length })
        });
        let entries: Box<[Entry]> = entries.collect();
        let mut places = vec![0; (2 * entries.len()).next_power_of_two()];
        for (entry, number) in entries.iter().zip(1..) {
            let mut place = Table::place(entry.key(), places.len());
            while places[place] != 0 {
                place = (place + 1) & (places.len() - 1);
            }
            places[place] = number;
        }
        Table { entries, places: places.into() }
    }

    /// Where among so many places the search for a literal begins.
    fn place((side, length, packed): Key, places: usize) -> usize {
        // Fibonacci hashing: the upper bits depend on all of them.
        let tag = u64::from(length) << 1 | side as u64;
        let mixed = (packed ^ tag.rotate_right(5)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize & (places - 1)
    }

    fn get(&self, key: Key) -> Option<Range<usize>> {
        let mut place = Table::place(key, self.places.len());
        loop {
            let at = self.places[place].checked_sub(1)? as usize;
            if self.entries[at].key() == key {
                let start = at.checked_sub(1).map_or(0, |before| self.entries[before].end);
                return Some(start as usize..self.entries[at].end as usize);
            }
            place = (place + 1) & (self.places.len() - 1);
        }
    }
}

/// Which lengths the literals of a side have, told by their outermost two bytes: those and perhaps
/// more, never fewer. Its size goes with their number, since every outlet has its own.
#[derive(Clone, Debug, Default)]
struct Gate {
    /// A bit for each length, from the lowest for 1.
    lengths: Box<[u8]>,
}

impl Gate {
    fn of<'e>(entries: impl Iterator<Item = &'e Entry>) -> Gate {
        let pairs = entries.flat_map(|&Entry { side, length, packed, .. }| {
            let pair = Outer::cut_to(side, length, packed).outermost();
            // A literal of one byte stands before any other.
            let pairs = if length == 1 { pair..=pair | 0xff } else { pair..=pair };
            pairs.map(move |pair| (pair, length))
        });
        let pairs: BTreeSet<(u16, u8)> = pairs.collect();
        if pairs.is_empty() {
            return Gate::default();
        }
        let places = (8 * pairs.len()).next_power_of_two().min(0x1_0000);
        let mut gate = Gate { lengths: vec![0; places].into() };
        for (pair, length) in pairs {
            let place = gate.place(pair);
            gate.lengths[place] |= 1 << (length - 1);
        }
        gate
    }

    fn place(&self, pair: u16) -> usize {
        // Fibonacci hashing, so that few places tell many pairs apart.
        let mixed = u32::from(pair).wrapping_mul(0x9e37_79b1);
        mixed as usize >> 16 & (self.lengths.len() - 1)
    }

    /// Whether there are no literals.
    fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    fn lengths(&self, pair: u16) -> u8 {
        if self.is_empty() { 0 } else { self.lengths[self.place(pair)] }
    }
}

/// The ends of a line's key, lower-cased; read off its text when they are asked for.
pub(crate) struct Ends<'t> {
    text: &'t str,
    sides: [OnceCell<Outer>; 2],
    /// The outermost two bytes of each side.
    outermost: [OnceCell<u16>; 2],
    /// The start without bullets and the end without closers, where there are some.
    bare: [OnceCell<Option<Outer>>; 2],
    /// Each side without a number and what is beside it, where there is one.
    without_number: [OnceCell<Option<Outer>>; 2],
}

impl<'t> Ends<'t> {
    pub(crate) fn of_text(text: &'t str) -> Ends<'t> {
        let (bare, without_number) = Default::default();
        // Keys are trimmed, so plain spaces at the ends are nothing.
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

    /// The start after bullets, or the end before closers, if there are some.
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
            // Keys have full-width brackets as ordinary ones.
            Fold::To(c) => {
                let skipped = match side {
                    Side::Start => is_bullet(c),
                    Side::End => is_closer(c),
                };
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

    /// Where they are plain, the rest need not be read.
    fn find_outermost(&self, side: Side) -> u16 {
        let plain = |byte: u8| byte.is_ascii_graphic();
        let (outer, next) = match (side, self.text.as_bytes()) {
            // A mark on the second character would change it.
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

    /// The same of a character that is no ASCII, stands in keys as it is, and has no mark.
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

/// Up to [`LITERAL`] bytes of one side of a key, lower-cased.
#[derive(Clone, Copy, Debug)]
struct Outer {
    side: Side,
    length: u8,
    /// The bytes in their order: a start begins at the highest byte, an end ends at the lowest.
    packed: u64,
}

impl Outer {
    /// Reads a side of a line's key off its text. A combining mark near it makes the key.
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

    /// The same for text whose outermost bytes are printed ASCII, which is its own key there.
    fn of_plain(side: Side, text: &[u8]) -> Option<Outer> {
        let length = text.len();
        if (1..=LITERAL).contains(&length) {
            let mut bytes = [b'x'; LITERAL];
            bytes[..length].copy_from_slice(text);
            let printed = bytes.iter().fold(true, |all, b| all & matches!(b, b' '..=b'~'));
            let double = bytes.windows(2).fold(false, |any, two| any | (two == b"  "));
            if !printed || double || bytes[0] == b' ' || bytes[length - 1] == b' ' {
                return None;
            }
            let packed = u64::from_be_bytes(bytes.map(|byte| byte.to_ascii_lowercase()));
            let rest = 8 * (LITERAL - length) as u32;
            let packed = match side {
                Side::Start => packed >> rest << rest,
                Side::End => packed >> rest,
            };
            return Some(Outer { side, length: length as u8, packed });
        }
        // What stands next to them may be a mark, or a space that joins theirs.
        let near: [u8; LITERAL + 1] = match side {
            Side::Start => *text.first_chunk()?,
            Side::End => *text.last_chunk()?,
        };
        let printed = near.iter().fold(true, |all, b| all & matches!(b, b' '..=b'~'));
        let double = near.windows(2).fold(false, |any, two| any | (two == b"  "));
        let (bytes, outermost): ([u8; LITERAL], u8) = match side {
            Side::Start => (*near.first_chunk()?, near[0]),
            Side::End => (*near.last_chunk()?, near[LITERAL]),
        };
        let packed = u64::from_be_bytes(bytes.map(|byte| byte.to_ascii_lowercase()));
        let plain = printed && !double && outermost != b' ';
        plain.then_some(Outer { side, length: LITERAL as u8, packed })
    }

    fn of_key(side: Side, key: &str) -> Outer {
        match side {
            Side::Start => Outer::of(side, first(key.chars())),
            Side::End => Outer::of(side, first(key.chars().rev())),
        }
    }

    /// Of the outermost characters, from outside in.
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

    /// What [`Outer::cut`] gave `packed` for.
    fn cut_to(side: Side, length: u8, packed: u64) -> Outer {
        let rest = 8 * (LITERAL as u32 - u32::from(length));
        let packed = match side {
            Side::Start => packed.checked_shl(rest).unwrap_or(0),
            Side::End => packed,
        };
        Outer { side, length, packed }
    }

    /// The outermost bytes, so many of them.
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

/// Stands behind the last character where there are fewer than [`LITERAL`].
const NONE: char = '\0';

fn first(chars: impl Iterator<Item = char>) -> [char; LITERAL] {
    let mut out = [NONE; LITERAL];
    out.iter_mut().zip(chars).for_each(|(place, c)| *place = c);
    out
}

/// The first characters of a key, folded from the text's while they are read.
fn folded(chars: impl Iterator<Item = char>, marked: &mut bool) -> [char; LITERAL] {
    let mut out = [NONE; LITERAL];
    let (mut count, mut space) = (0, false);
    for c in chars {
        *marked |= key::is_mark(c);
        match key::fold(c) {
            Fold::Drop => {}
            // A run of spaces is one, and none before the first character.
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

    proptest! {
        /// The index never misses what the plain loop over all patterns finds.
        #[test]
        fn finds_what_the_naive_loop_finds(
            words in prop::collection::vec(prop::sample::select(vec![
                "share", "SHARE", "ſhare", "photoſ", "\0", "b", "Fot\u{1c82}", "ф\u{1c82}то", " this", " article", "Поделиться", "ПОДЕЛИТЬСЯ", " teilen", "x",
                "İSTANBUL", "istanbul", "ANKARA", "—Agencies", "- AFP", "12 likes", "3 K views", "3 \u{212a} VIEWS",
                "click here", "CLICK", " here", "a", "bc", "ẞX", "分享", "分享到微信", " ", "", "\u{a0}", "\u{200b}", "\u{301}", "–", "Foto", "ФОТО: ", "фото:",
            ]), 0..4),
        ) {
            let text = words.concat();
            let key = crate::key::key(&text).into_owned();
            let patterns: Vec<Pattern> = PATTERNS.iter()
                .map(|(anchor, text, ignore)| Pattern::new(*anchor, Role::Line, [(*text).to_owned()].into(), false, *ignore))
                .collect();
            let mut builder = IndexBuilder::default();
            for (id, pattern) in patterns.iter().enumerate() {
                builder.add(id as u32, &pattern.tells());
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
