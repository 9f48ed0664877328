//! The marks of a stage, in the form in which the host reads them.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::{Hit, Line};

/// The marks that a stage makes in one document.
#[derive(Debug, Default)]
pub struct Marks {
    records: Vec<[u32; 6]>,
    /// The texts that records refer to, by their index.
    texts: Vec<String>,
}

/// The kinds of marks.
const REMOVE: u32 = 1;
const REPLACE: u32 = 2;
const NOTE: u32 = 3;
const KEEP: u32 = 4;
const HIT: u32 = 5;
const HITS: u32 = 6;

/// The end of a range that covers the complete line.
const WHOLE: usize = u32::MAX as usize;

impl Marks {
    fn push(&mut self, kind: u32, line: usize, range: Range<usize>, text: String) {
        let (at, length) = match text.len() {
            0 => (0, 0),
            length => (self.texts.len(), length),
        };
        if length > 0 {
            self.texts.push(text);
        }
        let numbers = [line, range.start, range.end, at, length].map(|number| number as u32);
        let [line, start, end, at, length] = numbers;
        self.records.push([kind, line, start, end, at, length]);
    }

    /// Marks a line as boilerplate.
    pub fn remove(&mut self, line: Line<'_>) {
        self.push(REMOVE, line.number(), 0..WHOLE, String::new());
    }

    /// Marks a range of bytes of a line's text as boilerplate.
    pub fn remove_part(&mut self, line: Line<'_>, range: Range<usize>) {
        self.push(REMOVE, line.number(), range, String::new());
    }

    /// Marks a line as boilerplate that contains metadata: the name and value of each field.
    pub fn remove_with(&mut self, line: Line<'_>, fields: &[(&str, &str)]) {
        self.push(REMOVE, line.number(), 0..WHOLE, lines(fields));
    }

    /// Marks a range of bytes of a line's text to be replaced by `text`, which has no line break.
    pub fn replace(&mut self, line: Line<'_>, range: Range<usize>, text: impl Into<String>) {
        self.push(REPLACE, line.number(), range, text.into());
    }

    /// Records fields found in a line without changing it.
    pub fn note(&mut self, line: Line<'_>, fields: &[(&str, &str)]) {
        self.push(NOTE, line.number(), 0..WHOLE, lines(fields));
    }

    /// Keeps a line, whatever marks of other stages say.
    pub fn keep(&mut self, line: Line<'_>) {
        self.push(KEEP, line.number(), 0..WHOLE, String::new());
    }

    /// Applies a hit as its rule says.
    pub fn apply(&mut self, hit: Hit<'_>) {
        self.push(HIT, hit.number(), 0..0, String::new());
    }

    /// Applies all hits that their rules allow, and all blocks, as their rules say.
    pub fn apply_hits(&mut self) {
        self.push(HITS, 0, 0..0, String::new());
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.texts.clear();
    }

    /// The position and number of the marks, with positions instead of the indices of texts.
    pub(crate) fn finish(&mut self) -> (*const u8, usize) {
        for [.., at, length] in &mut self.records {
            if *length > 0 {
                *at = self.texts[*at as usize].as_ptr() as usize as u32;
            }
        }
        (self.records.as_ptr().cast(), self.records.len())
    }
}

/// Fields as the host reads them. A line break in a value becomes a space.
fn lines(fields: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        text.push_str(name);
        text.push('=');
        text.extend(value.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
        text.push('\n');
    }
    text
}
