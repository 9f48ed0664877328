//! Sets of characters for the matcher, and a pool of values that many patterns share.

use std::hash::Hash;
use std::sync::{Arc, LazyLock, Mutex};

use regex_syntax::hir::ClassUnicode;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::bytes::ByteSet;

/// A set of characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Chars {
    ascii: ByteSet,
    // The ranges above ASCII, in order.
    other: Box<[(char, char)]>,
}

impl Chars {
    pub(crate) fn of(class: &ClassUnicode) -> Chars {
        let mut chars = Chars { ascii: ByteSet::default(), other: Box::default() };
        let mut other = Vec::new();
        for range in class.iter() {
            let (start, end) = (range.start(), range.end());
            (start..=end.min('\x7f')).for_each(|c| chars.ascii.add(c as u8));
            if end > '\x7f' {
                other.push((start.max('\u{80}'), end));
            }
        }
        chars.other = other.into();
        chars
    }

    /// A superset of the bytes with which its characters begin.
    pub(crate) fn first(&self) -> ByteSet {
        let mut first = self.ascii;
        if !self.other.is_empty() {
            first.join(&ByteSet::of([0, 0, 0, u64::MAX]));
        }
        first
    }

    /// Whether it contains all characters above ASCII, like `.` and most negated classes.
    fn has_all_above(&self) -> bool {
        *self.other == [('\u{80}', char::MAX)]
    }

    /// Whether it equals the class `.`.
    fn is_dot(&self) -> bool {
        self.ascii == ByteSet::of([!(1 << b'\n'), !0, 0, 0]) && self.has_all_above()
    }

    /// The length in bytes of the character at `at`, if it is in the set.
    pub(crate) fn at(&self, text: &str, at: usize) -> Option<usize> {
        let first = *text.as_bytes().get(at)?;
        if first.is_ascii() {
            return self.ascii.has(first).then_some(1);
        }
        let c = text[at..].chars().next()?;
        let has = self.has_all_above() || {
            let at = self.other.partition_point(|(_, end)| *end < c);
            self.other.get(at).is_some_and(|(start, _)| *start <= c)
        };
        has.then(|| c.len_utf8())
    }

    /// Matches between `least` and `most` characters of the set from `at` on. Returns the offset
    /// after as many as possible, and the offset after the first `least`.
    pub(crate) fn stretch(
        &self,
        text: &str,
        at: usize,
        least: u32,
        most: u32,
    ) -> Option<(usize, usize)> {
        let (_, after_least) = self.pass(text, at, least).filter(|(count, _)| *count == least)?;
        if self.is_dot() {
            let rest = &text.as_bytes()[after_least..];
            let near = &rest[..rest.len().min((most - least) as usize)];
            let line = memchr::memchr(b'\n', near).unwrap_or(near.len());
            // There are at most as many characters as bytes.
            if line < near.len() || near.len() == rest.len() || near.is_ascii() {
                return Some((after_least + line, after_least));
            }
        }
        let (_, end) = self.pass(text, after_least, most - least)?;
        Some((end, after_least))
    }

    /// Matches at most `most` characters of the set from `at` on. Returns their number and the
    /// offset after them.
    fn pass(&self, text: &str, mut at: usize, most: u32) -> Option<(u32, usize)> {
        let bytes = text.as_bytes();
        let mut left = most as usize;
        loop {
            let stretch = bytes.get(at..)?;
            let stretch = &stretch[..stretch.len().min(left)];
            let count = stretch.iter().position(|byte| !self.ascii.has(*byte));
            let count = count.unwrap_or(stretch.len());
            (at, left) = (at + count, left - count);
            if left == 0 || bytes.get(at).is_none_or(u8::is_ascii) {
                break;
            }
            let Some(length) = self.at(text, at) else { break };
            (at, left) = (at + length, left - 1);
        }
        Some((most - left as u32, at))
    }
}

/// A pool of values that many patterns share.
pub(crate) struct Shared<T>(LazyLock<Mutex<FxHashSet<Arc<T>>>>);

impl<T: Eq + Hash> Shared<T> {
    pub(crate) const fn new() -> Shared<T> {
        Shared(LazyLock::new(Mutex::default))
    }

    pub(crate) fn get(&self, value: T) -> Arc<T> {
        let Ok(mut all) = self.0.lock() else { return Arc::new(value) };
        if let Some(known) = all.get(&value) {
            return Arc::clone(known);
        }
        let new = Arc::new(value);
        all.insert(Arc::clone(&new));
        new
    }
}

/// Classes. Some, such as `\w`, have hundreds of ranges.
pub(crate) static CLASSES: Shared<Chars> = Shared::new();
