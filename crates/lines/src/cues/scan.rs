//! Scans a line for cues, token by token.

use super::{Cues, Found, Kinds, NUMBER, Node, Reached, STEM, lengths};
use crate::text::{Prefixes, Token};

/// A phrase of one unspaced character counts in lines of at most this many tokens only: a longer
/// line has such characters inside other words.
const SINGLE_LIMIT: u32 = 6;

/// Phrases that may be unfinished at one token; a scan ignores more.
const OPEN_LIMIT: usize = 12;

/// A scan in progress, fed token by token.
#[derive(Clone, Default)]
pub(crate) struct Scan {
    /// The unfinished phrases after the last token and, in turn, after the one before; with their
    /// number of tokens.
    open: [[(Reached, u32); OPEN_LIMIT]; 2],
    open_count: usize,
    turn: usize,
    /// The last 64 tokens that belong to a cue; bit 0 is the latest token.
    covered: u64,
    kinds: u64,
    single: u64,
    single_tokens: u32,
    cue_tokens: u32,
}

impl Scan {
    /// Reads a token with this text, and `start`, which is the cues' [`start`](Cues::start) of it.
    #[inline]
    pub(crate) fn push(&mut self, cues: &Cues, start: Reached, token: &Token, text: &str) {
        self.covered <<= 1;
        if self.open_count > 0 {
            self.steps(cues, token, text);
        }
        if start.has(Reached::SEVERAL.flags) {
            cues.each_start(token, text, |reached| self.follow(cues, reached, 1));
        } else {
            self.follow(cues, start, 1);
        }
    }

    /// The steps of the phrases that are unfinished.
    fn steps(&mut self, cues: &Cues, token: &Token, text: &str) {
        let count = std::mem::take(&mut self.open_count);
        let turn = self.turn;
        self.turn = 1 - turn;
        for at in 0..count {
            let (from, depth) = self.open[turn][at];
            let mut step = |step: u64| {
                if let Some(reached) = cues.child(from.node, step) {
                    self.follow(cues, reached, depth + 1);
                }
            };
            step(token.hash());
            if from.has(Reached::HAS_STEMS) {
                let prefixes = Prefixes::of(text);
                for length in lengths(cues.at(from.node).stems, token) {
                    step(prefixes.hash(length) ^ STEM);
                }
            }
            if from.has(Node::HAS_NUMBER) && token.is_number() {
                step(NUMBER);
            }
        }
    }

    #[inline]
    fn follow(&mut self, cues: &Cues, reached: Reached, depth: u32) {
        if reached.has(Node::SINGLE) {
            self.single |= reached.kinds;
            self.single_tokens += u32::from(self.covered & 1 == 0);
        } else if reached.kinds != 0 {
            self.kinds |= reached.kinds;
            let counts = cues.counted(reached.kinds) != 0;
            let tokens = u64::MAX >> (64 - depth.min(64));
            let tokens = if counts { tokens } else { 0 };
            self.cue_tokens += (tokens & !self.covered).count_ones();
            self.covered |= tokens;
        }
        if reached.has(Node::HAS_CHILDREN) && self.open_count < OPEN_LIMIT {
            self.open[self.turn][self.open_count] = (reached, depth);
            self.open_count += 1;
        }
    }

    /// What was found in a line of this many tokens.
    pub(crate) fn finish(&self, tokens: u32) -> Found {
        let short = tokens <= SINGLE_LIMIT;
        let (single, single_tokens) =
            if short { (self.single, self.single_tokens) } else { (0, 0) };
        Found {
            kinds: Kinds(self.kinds | single),
            // A character that is a cue by itself may also begin a longer cue.
            cue_tokens: (self.cue_tokens + single_tokens).min(tokens),
            tokens,
        }
    }
}
