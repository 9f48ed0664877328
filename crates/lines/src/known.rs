//! The lines of the last page and what was read of them, so that lines that are left after cuts are
//! not read again.

use std::ops::Range;

use crate::scan::Facts;

/// The maximum number of lines of an earlier page that are compared with a line.
const MOST_COMPARED: usize = 1000;

/// After so many lines that an earlier page does not have, it counts as another document, and the
/// rest is not compared with it.
pub(crate) const MOST_MISSES: usize = 8;

/// What each line of a page shows by itself. A document is judged again after cuts, and most of its
/// lines are then the same.
#[derive(Default)]
pub(crate) struct KnownLines {
    /// The digests of the model and the cues.
    pub(crate) reader: Option<(u64, u64)>,
    texts: String,
    pub(crate) content: Vec<u64>,
    pub(crate) ids: Vec<u16>,
    pub(crate) lines: Vec<KnownLine>,
    /// A key of each line's text, compared first.
    keys: Vec<u32>,
}

/// The facts of a line, and where its text, its content words and its vocabulary ids end.
pub(crate) struct KnownLine {
    pub(crate) facts: Option<Facts>,
    text: usize,
    pub(crate) content: usize,
    pub(crate) ids: usize,
}

impl KnownLines {
    pub(crate) fn clear(&mut self) {
        self.texts.clear();
        self.content.clear();
        self.ids.clear();
        self.lines.clear();
        self.keys.clear();
    }

    /// The same for the same text: its length and its first bytes.
    fn key(text: &str) -> u32 {
        let first = text.as_bytes().iter().take(3).fold(0, |key, byte| key << 8 | u32::from(*byte));
        first << 8 ^ text.len() as u32
    }

    pub(crate) fn push(&mut self, text: &str, facts: Option<&Facts>, content: &[u64], ids: &[u16]) {
        self.texts.push_str(text);
        self.keys.push(Self::key(text));
        self.content.extend_from_slice(content);
        self.ids.extend_from_slice(ids);
        let ends = (self.texts.len(), self.content.len(), self.ids.len());
        self.lines.push(KnownLine {
            facts: facts.cloned(),
            text: ends.0,
            content: ends.1,
            ids: ends.2,
        });
    }

    /// The first line from `from` on that has this text.
    pub(crate) fn find(&self, text: &str, from: usize) -> Option<usize> {
        let key = Self::key(text);
        let keys = self.keys.get(from..)?.iter().take(MOST_COMPARED);
        let mut same = (from..).zip(keys).filter(|(_, own)| **own == key).map(|(at, _)| at);
        same.find(|at| self.texts[self.range(*at, |line| line.text)] == *text)
    }

    /// A line's part of a list, of which `end` is where the part of each line ends.
    pub(crate) fn range(&self, at: usize, end: impl Fn(&KnownLine) -> usize) -> Range<usize> {
        let start = at.checked_sub(1).map_or(0, |before| end(&self.lines[before]));
        start..end(&self.lines[at])
    }
}
