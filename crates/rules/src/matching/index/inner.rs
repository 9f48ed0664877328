//! Literals inside lines. They are grouped by the bytes with which the lines begin and end, and each
//! group shares one automaton.

use std::borrow::Cow;

use aho_corasick::packed::{self, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem::Finder;

use super::tables::InnerLiterals;
use crate::key;
use crate::matching::edges::EdgeBytes;
use crate::matching::sides::LITERAL;

/// An index over literals inside lines.
#[derive(Debug, Default)]
pub(super) struct InnerIndex {
    groups: Vec<Inner>,
    // The literals of the first 64 groups, for short lines.
    short: Option<ShortInner>,
    // For each first byte and each last byte of a line, a bit set of those of the first 64 groups
    // that allow it.
    frames: Box<[[u64; 256]]>,
}

impl InnerIndex {
    /// Builds the index. Also returns the patterns of groups that have too many literals for one
    /// automaton; these patterns are tried on every line.
    pub(super) fn of(literals: &InnerLiterals) -> (InnerIndex, Vec<u32>) {
        let (mut index, mut unkeyed) = (InnerIndex::default(), Vec::new());
        for (frame, literals) in literals {
            match Inner::of(*frame, literals) {
                Some(inner) => index.groups.push(inner),
                None => unkeyed.extend(literals.iter().map(|(_, id)| *id)),
            }
        }
        if index.groups.len() == literals.len() {
            index.short = ShortInner::of(literals);
        }
        if !index.groups.is_empty() {
            let mut frames = vec![[0; 256]; 2];
            for (at, inner) in index.groups.iter().take(64).enumerate() {
                for byte in 0..=255_u8 {
                    let (first, last) = inner.frame.has(byte);
                    frames[0][usize::from(byte)] |= u64::from(first) << at;
                    frames[1][usize::from(byte)] |= u64::from(last) << at;
                }
            }
            index.frames = frames.into();
        }
        (index, unkeyed)
    }

    /// Adds the patterns with a literal in `text`, whose outermost bytes are these.
    #[inline]
    pub(super) fn candidates(
        &self,
        text: &str,
        (first, last): (Option<u8>, Option<u8>),
        out: &mut Vec<u32>,
    ) {
        let [by_first, by_last] = &*self.frames else { return };
        let mask =
            |by: &[u64; 256], byte: Option<u8>| byte.map_or(u64::MAX, |byte| by[usize::from(byte)]);
        let mut fits = mask(by_first, first) & mask(by_last, last);
        if self.groups.len() < 64 {
            fits &= (1 << self.groups.len()) - 1;
        }
        if let Some(short) = self.short.as_ref().filter(|_| text.len() < SHORT) {
            if fits != 0 {
                short.candidates(text, fits, out);
            }
            fits = 0;
        }
        let mut line = None;
        while fits != 0 {
            let inner = &self.groups[fits.trailing_zeros() as usize];
            fits &= fits - 1;
            inner.candidates(line.get_or_insert_with(|| ScannedLine::at(text)), out);
        }
        for inner in self.groups.iter().skip(64).filter(|inner| inner.frame.fits(text)) {
            inner.candidates(line.get_or_insert_with(|| ScannedLine::at(text)), out);
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
