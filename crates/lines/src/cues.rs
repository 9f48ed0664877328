//! Cue words: finds which kinds of cue phrases a line contains.
//!
//! A *cue* is a word or phrase that newspapers print around articles ("read more", "subscribe").
//! Cues have a *kind*, a number below 64 whose meaning the caller defines. The line model uses the
//! kinds of a line as features; rules can use them to ask for a kind in a line.
//!
//! All phrases are compiled into one trie over token hashes. A scan looks up each token once at
//! the root, behind a bitmap that rejects most tokens, and once for each phrase it may continue.

use std::collections::HashMap;
use std::error;
use std::fmt;
use std::sync::LazyLock;

use crate::text::{self, Char, Chars, LONGEST_STEM, Token, combine};

/// A set of cue kinds; kind `k` is bit `k`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Kinds(pub u64);

impl Kinds {
    /// Kinds are numbers below this.
    pub const LIMIT: u8 = 64;

    /// Whether the set contains `kind`.
    pub fn contains(self, kind: u8) -> bool {
        kind < Self::LIMIT && self.0 >> kind & 1 == 1
    }

    /// Whether the set has no kind.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds in ascending order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..Self::LIMIT).filter(move |&kind| self.contains(kind))
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What a scan found in a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// The kinds of all cues in the line.
    pub kinds: Kinds,
    /// Tokens that belong to a cue.
    pub cue_tokens: u32,
    /// Tokens of the line.
    pub tokens: u32,
}

/// A phrase that cannot be a cue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CueError {
    kind: u8,
    phrase: String,
    problem: &'static str,
}

impl fmt::Display for CueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cue \"{}\" of kind {}: {}", self.phrase, self.kind, self.problem)
    }
}

impl error::Error for CueError {}

/// Compiled cue phrases.
///
/// ```
/// use chaffinch_lines::Cues;
///
/// let cues = Cues::new([(0, "share this article"), (1, "subscri*"), (2, "# comments")])?;
/// let found = cues.scan("Subscribe now · 14 Comments");
/// assert_eq!(found.kinds.iter().collect::<Vec<_>>(), [1, 2]);
/// assert_eq!((found.cue_tokens, found.tokens), (3, 4));
/// # Ok::<(), chaffinch_lines::CueError>(())
/// ```
#[derive(Clone)]
pub struct Cues {
    // Invariant: a power of two in length, some of it empty (node 0); nodes are in range.
    slots: Vec<Slot>,
    // Invariant: the first is the root; sets are in range.
    nodes: Vec<Node>,
    // The parent of each node but the root, and the step from there.
    edges: Vec<(u32, u64)>,
    /// Sets of kinds; the first is empty.
    sets: Vec<u64>,
    /// One bit for each hash of a root child: small, so that it stays in the nearest cache.
    filter: Box<[u64; ROOT_FILTER]>,
    /// One bit for each key of a slot.
    key_filter: Vec<u64>,
    /// Lengths of root stems by the hash of a token's first three characters.
    stem_heads: Box<[u32; HEADS]>,
    /// Kinds whose words are no cues by themselves.
    uncounted: u64,
    digest: u64,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    key: u32,
    node: u32,
}

/// A position in the trie: some tokens of a phrase have been read.
#[derive(Clone, Copy, Default)]
struct Node {
    /// Bit `n` is set if a child is a stem of `n + 1` characters.
    stems: u32,
    /// The set of the kinds of the phrases that end here.
    set: u16,
    flags: u16,
}

impl Node {
    const HAS_CHILDREN: u16 = 1;
    const HAS_NUMBER: u16 = 2;
    /// The phrases that end here are one unspaced character.
    const SINGLE: u16 = 4;

    fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

/// Tokens of the longest phrase.
const LONGEST_PHRASE: usize = 40;
/// Tokens of a phrase's beginning.
const BEGINNING: usize = 3;
/// A phrase of one unspaced character counts in lines of at most this many tokens only: a longer
/// line has such characters inside other words.
const SINGLE_LIMIT: u32 = 6;
/// Phrases that may be unfinished at one token; a scan ignores more.
const OPEN_LIMIT: usize = 12;
const ROOT: u32 = 0;
const STEM: u64 = 0x5bd1_e995_0000_0001;
const NUMBER: u64 = 0x27d4_eb2f_0000_0003;
const HEADS: usize = 4096;
/// Words of the bitmap of root children: 32 KB.
const ROOT_FILTER: usize = 4096;

/// One token of a phrase.
enum Step {
    Exact(u64),
    /// `head` is the hash of the first three characters, if there are as many.
    Stem {
        hash: u64,
        length: u32,
        head: Option<u64>,
    },
    Number,
}

impl Cues {
    /// Compiles pairs of a kind and a phrase.
    ///
    /// A phrase is one or more words; case, accents and punctuation do not matter. A word that
    /// ends in `*` matches any ending, and so does a last word in Hangul, to which particles are
    /// attached. `#` matches a number, and a digit any
    /// digit. Phrases of scripts without spaces match anywhere in a line.
    ///
    /// # Errors
    /// If a kind is not below [`Kinds::LIMIT`], or a phrase has no token, more than 40 tokens, or
    /// a stem of more than 24 characters.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (u8, &'a str)>) -> Result<Self, CueError> {
        Self::compile(pairs, usize::MAX)
    }

    /// Compiles the beginnings of phrases: three words, or six unspaced characters.
    ///
    /// For statistics this is as good as whole phrases, and a large lexicon takes a third of the
    /// memory.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn beginnings<'a>(
        pairs: impl IntoIterator<Item = (u8, &'a str)>,
    ) -> Result<Self, CueError> {
        Self::compile(pairs, BEGINNING)
    }

    fn compile<'a>(
        pairs: impl IntoIterator<Item = (u8, &'a str)>,
        longest: usize,
    ) -> Result<Self, CueError> {
        let mut pairs: Vec<(u8, &str)> = pairs.into_iter().collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut builder = Builder::default();
        let mut digest = longest as u64;
        for &(kind, phrase) in &pairs {
            let problem = |problem| CueError { kind, phrase: phrase.to_owned(), problem };
            if kind >= Kinds::LIMIT {
                return Err(problem("kinds are numbers below 64"));
            }
            let unspaced = is_unspaced(phrase);
            let mut steps = steps(phrase).map_err(problem)?;
            steps.truncate(longest.saturating_mul(if unspaced { 2 } else { 1 }));
            let single = matches!(steps[..], [Step::Exact(_)]) && unspaced;
            let node = builder.insert(&steps);
            builder.kinds[node as usize] |= 1 << kind;
            if single {
                builder.nodes[node as usize].flags |= Node::SINGLE;
            }
            digest = combine(digest, u64::from(kind) + 1);
            for byte in phrase.bytes() {
                digest = combine(digest, u64::from(byte));
            }
        }
        builder.finish(digest)
    }

    /// The same cues, but words of these kinds do not count as cue tokens: words that are common
    /// in articles too, such as verbs of speech.
    pub fn uncounted(mut self, kinds: Kinds) -> Self {
        self.uncounted = kinds.0;
        self.digest = combine(self.digest, kinds.0);
        self
    }

    /// Those of `kinds` whose words count as cue tokens.
    pub(crate) fn counted(&self, kinds: u64) -> u64 {
        kinds & !self.uncounted
    }

    /// A number that identifies the set of pairs, in any order.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Finds the cues of a line.
    pub fn scan(&self, line: &str) -> Found {
        let mut scan = Scan::default();
        text::for_each_token(line, |token| scan.push(self, token));
        scan.finish()
    }

    #[inline]
    fn child(&self, node: u32, hash: u64) -> Option<u32> {
        let key = key_of(step_of(hash), node);
        if !may_contain(&self.key_filter, key) {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut at = (key >> 32) as usize & mask;
        loop {
            let slot = self.slots[at & mask];
            if slot.node == 0 {
                return None;
            }
            if slot.key == key as u32 {
                return Some(slot.node);
            }
            at += 1;
        }
    }

    /// Whether the root may have a child of this step.
    #[inline]
    fn may_start(&self, hash: u64) -> bool {
        let bit = root_bit(step_of(hash));
        self.filter[bit / 64] >> (bit % 64) & 1 == 1
    }
}

impl fmt::Debug for Cues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cues({:016x}, {} nodes)", self.digest, self.nodes.len())
    }
}

/// A scan in progress, fed token by token.
#[derive(Clone, Default)]
pub(crate) struct Scan {
    open: [(u32, u32); OPEN_LIMIT],
    open_count: usize,
    /// The last 64 tokens that belong to a cue; bit 0 is the latest token.
    covered: u64,
    kinds: u64,
    single: u64,
    single_tokens: u32,
    cue_tokens: u32,
    tokens: u32,
}

impl Scan {
    #[inline]
    pub(crate) fn push(&mut self, cues: &Cues, token: &Token) {
        self.tokens += 1;
        self.covered <<= 1;
        if self.open_count > 0 {
            let open = self.open;
            let count = std::mem::take(&mut self.open_count);
            for &(node, depth) in &open[..count] {
                self.step(cues, node, depth, token);
            }
        }
        self.start(cues, token);
    }

    /// The steps from the root, most of which the bitmap rejects.
    #[inline]
    fn start(&mut self, cues: &Cues, token: &Token) {
        let hash = token.hash();
        if cues.may_start(hash) {
            self.follow(cues, cues.child(ROOT, hash), 1);
        }
        let root = &cues.nodes[ROOT as usize];
        // Stems of one or two characters, and longer ones that begin like the token.
        let mut stems = root.stems & 0b11;
        if token.length() >= 3 {
            stems |= cues.stem_heads[head_of(token.prefix_hash(3))];
        }
        self.stems(cues, ROOT, stems, 1, token);
        if root.has(Node::HAS_NUMBER) && token.is_number() {
            self.follow(cues, cues.child(ROOT, NUMBER), 1);
        }
    }

    fn step(&mut self, cues: &Cues, node: u32, depth: u32, token: &Token) {
        let depth = depth + 1;
        self.follow(cues, cues.child(node, token.hash()), depth);
        let at = cues.nodes[node as usize];
        self.stems(cues, node, at.stems, depth, token);
        if at.has(Node::HAS_NUMBER) && token.is_number() {
            self.follow(cues, cues.child(node, NUMBER), depth);
        }
    }

    #[inline]
    fn stems(&mut self, cues: &Cues, node: u32, mut stems: u32, depth: u32, token: &Token) {
        while stems != 0 {
            let length = stems.trailing_zeros() + 1;
            stems &= stems - 1;
            if length > token.length() {
                break;
            }
            let step = token.prefix_hash(length) ^ STEM;
            if node != ROOT || cues.may_start(step) {
                self.follow(cues, cues.child(node, step), depth);
            }
        }
    }

    #[inline]
    fn follow(&mut self, cues: &Cues, node: Option<u32>, depth: u32) {
        let Some(node) = node else { return };
        let at = cues.nodes[node as usize];
        if at.has(Node::SINGLE) {
            self.single |= cues.sets[usize::from(at.set)];
            self.single_tokens += u32::from(self.covered & 1 == 0);
        } else if at.set != 0 {
            let kinds = cues.sets[usize::from(at.set)];
            self.kinds |= kinds;
            let counts = cues.counted(kinds) != 0;
            let tokens = u64::MAX >> (64 - depth.min(64));
            let tokens = if counts { tokens } else { 0 };
            self.cue_tokens += (tokens & !self.covered).count_ones();
            self.covered |= tokens;
        }
        if at.has(Node::HAS_CHILDREN) && self.open_count < OPEN_LIMIT {
            self.open[self.open_count] = (node, depth);
            self.open_count += 1;
        }
    }

    pub(crate) fn finish(&self) -> Found {
        let short = self.tokens <= SINGLE_LIMIT;
        let (single, single_tokens) =
            if short { (self.single, self.single_tokens) } else { (0, 0) };
        Found {
            kinds: Kinds(self.kinds | single),
            // A character that is a cue by itself may also begin a longer cue.
            cue_tokens: (self.cue_tokens + single_tokens).min(self.tokens),
            tokens: self.tokens,
        }
    }
}

/// Whether the first token of a phrase is an unspaced character.
fn is_unspaced(phrase: &str) -> bool {
    let mut unspaced = None;
    text::for_each_token(phrase, |token| unspaced = unspaced.or(Some(token.is_unspaced())));
    unspaced == Some(true)
}

fn steps(phrase: &str) -> Result<Vec<Step>, &'static str> {
    let chars = Chars::table();
    let mut steps: Vec<Step> = Vec::new();
    let mut token = Token::new();
    let mut hangul = false;
    let mut rest = phrase.chars().chain([' ']);
    while let Some(next) = rest.next() {
        let c: Char = chars.get(next);
        if c.is_token() && !c.is_unspaced() {
            hangul |= matches!(next, '\u{ac00}'..='\u{d7a3}');
            token.push(c);
            continue;
        }
        if c.is_ignored() {
            continue;
        }
        if !token.is_empty() {
            let last =
                !c.is_unspaced() && rest.clone().all(|c| !chars.get(c).is_token() && c != '#');
            let step = if next == '*' || (hangul && last) {
                if token.length() as usize > LONGEST_STEM {
                    return Err("a stem has at most 24 characters");
                }
                let head = (token.length() >= 3).then(|| token.prefix_hash(3));
                Step::Stem { hash: token.hash() ^ STEM, length: token.length(), head }
            } else {
                Step::Exact(token.hash())
            };
            steps.push(step);
            token.clear();
            hangul = false;
        }
        if c.is_unspaced() {
            token.set_unspaced(c);
            steps.push(Step::Exact(token.hash()));
            token.clear();
        } else if next == '#' {
            steps.push(Step::Number);
        }
    }
    match steps.len() {
        0 => Err("has no letter or digit"),
        1..=LONGEST_PHRASE => Ok(steps),
        _ => Err("has more than 40 tokens"),
    }
}

struct Builder {
    nodes: Vec<Node>,
    /// The kinds of the phrases that end at each node.
    kinds: Vec<u64>,
    edges: HashMap<(u32, u64), u32>,
    stem_heads: Box<[u32; HEADS]>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            nodes: vec![Node::default()],
            kinds: vec![0],
            edges: HashMap::new(),
            stem_heads: Box::new([0; HEADS]),
        }
    }
}

impl Builder {
    /// Adds the path of a phrase and returns its last node.
    fn insert(&mut self, steps: &[Step]) -> u32 {
        let mut node = ROOT;
        for step in steps {
            let parent = &mut self.nodes[node as usize];
            parent.flags |= Node::HAS_CHILDREN;
            let step = match *step {
                Step::Exact(hash) => hash,
                Step::Stem { hash, length, head } => {
                    parent.stems |= 1 << (length - 1);
                    if let (ROOT, Some(head)) = (node, head) {
                        self.stem_heads[head_of(head)] |= 1 << (length - 1);
                    }
                    hash
                }
                Step::Number => {
                    parent.flags |= Node::HAS_NUMBER;
                    NUMBER
                }
            };
            let new = self.nodes.len() as u32;
            let to = *self.edges.entry((node, step_of(step))).or_insert(new);
            if to == new {
                self.nodes.push(Node::default());
                self.kinds.push(0);
            }
            node = to;
        }
        node
    }

    fn finish(mut self, digest: u64) -> Result<Cues, CueError> {
        let mut sets = vec![0];
        let mut numbers = HashMap::from([(0, 0u16)]);
        for (node, kinds) in self.nodes.iter_mut().zip(&self.kinds) {
            node.set = match numbers.get(kinds) {
                Some(number) => *number,
                None => {
                    let number = u16::try_from(sets.len()).map_err(|_| CueError {
                        kind: 0,
                        phrase: String::new(),
                        problem: "there are more than 65,535 combinations of kinds",
                    })?;
                    sets.push(*kinds);
                    numbers.insert(*kinds, number);
                    number
                }
            };
        }
        // In the order of their nodes, so that the same cues always give the same table.
        let mut edges: Vec<_> = self.edges.into_iter().collect();
        edges.sort_unstable_by_key(|(_, to)| *to);
        let edges: Vec<(u32, u64)> = edges.into_iter().map(|(edge, _)| edge).collect();
        Ok(Cues::of_trie(self.nodes, edges, sets, self.stem_heads, digest))
    }
}

static SHIPPED: &[u8] = include_bytes!("../cues.bin");

const MAGIC: &[u8; 8] = b"cf-cues2";

impl Cues {
    /// Makes the tables of a trie. Edge `n` leads to node `n + 1`.
    fn of_trie(
        nodes: Vec<Node>,
        edges: Vec<(u32, u64)>,
        sets: Vec<u64>,
        stem_heads: Box<[u32; HEADS]>,
        digest: u64,
    ) -> Self {
        let size = (edges.len() * 2 + 2).next_power_of_two();
        let mut slots = vec![Slot::default(); size];
        let mut key_filter = vec![0; (size / 16).max(64)];
        let mut filter = Box::new([0; ROOT_FILTER]);
        for (to, &(from, step)) in (1..).zip(&edges) {
            let key = key_of(step, from);
            let mut at = (key >> 32) as usize & (size - 1);
            while slots[at].node != 0 {
                at = (at + 1) & (size - 1);
            }
            slots[at] = Slot { key: key as u32, node: to };
            insert(&mut key_filter, key);
            if from == ROOT {
                let bit = root_bit(step);
                filter[bit / 64] |= 1 << (bit % 64);
            }
        }
        Cues { slots, nodes, edges, sets, filter, key_filter, stem_heads, uncounted: 0, digest }
    }

    /// The cues of the shipped lexicon, as of when the shipped model was trained.
    ///
    /// # Panics
    /// Never: a test reads them.
    pub fn shipped() -> &'static Cues {
        static CUES: LazyLock<Cues> =
            LazyLock::new(|| Cues::from_bytes(SHIPPED).expect("the shipped cues are valid"));
        &CUES
    }

    /// The compiled cues as bytes, which are read faster than phrases are compiled: the edge to each
    /// node, and what is known of the node. Tables are made anew.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.digest.to_le_bytes());
        bytes.extend(self.uncounted.to_le_bytes());
        bytes.extend((self.sets.len() as u32).to_le_bytes());
        bytes.extend((self.nodes.len() as u32).to_le_bytes());
        bytes.extend(self.sets.iter().flat_map(|set| set.to_le_bytes()));
        for (at, node) in self.nodes.iter().enumerate() {
            let has = u8::from(node.stems != 0) << 6 | u8::from(node.set != 0) << 7;
            bytes.push(node.flags as u8 | has);
            if node.stems != 0 {
                bytes.extend(node.stems.to_le_bytes());
            }
            if node.set != 0 {
                bytes.extend(node.set.to_le_bytes());
            }
            if let Some((from, step)) = at.checked_sub(1).map(|edge| self.edges[edge]) {
                // Most nodes follow their parent.
                let mut behind = at as u32 - from;
                while behind >= 0x80 {
                    bytes.push(behind as u8 | 0x80);
                    behind >>= 7;
                }
                bytes.push(behind as u8);
                bytes.extend(&step.to_le_bytes()[..STEP_BYTES]);
            }
        }
        bytes.extend(self.stem_heads.iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }

    /// Reads compiled cues. `None` if the bytes are damaged or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let digest = u64::from_le_bytes(*rest.split_off(..8)?.first_chunk()?);
        let uncounted = u64::from_le_bytes(*rest.split_off(..8)?.first_chunk()?);
        let set_count = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?) as usize;
        let node_count = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?) as usize;
        let sets = rest.split_off(..set_count.checked_mul(8)?)?.as_chunks::<8>().0;
        let sets: Vec<u64> = sets.iter().map(|set| u64::from_le_bytes(*set)).collect();
        // Each node takes a byte and each edge six more, so this is bounded by the file.
        let known = || node_count.checked_mul(2 + STEP_BYTES)?.checked_sub(1 + STEP_BYTES);
        if known()? > rest.len() {
            return None;
        }
        let stems = !(u32::MAX << LONGEST_STEM);
        let (mut nodes, mut edges) =
            (Vec::with_capacity(node_count), Vec::with_capacity(node_count));
        for at in 0..node_count as u32 {
            let tag = *rest.split_off_first()?;
            let mut node = Node { flags: u16::from(tag & 0x3f), ..Node::default() };
            if tag & 1 << 6 != 0 {
                node.stems = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?);
            }
            if tag & 1 << 7 != 0 {
                node.set = u16::from_le_bytes(*rest.split_off(..2)?.first_chunk()?);
            }
            if usize::from(node.set) >= sets.len() || node.stems & !stems != 0 {
                return None;
            }
            nodes.push(node);
            if at > 0 {
                let (mut behind, mut shift) = (0u32, 0);
                loop {
                    let byte = *rest.split_off_first()?;
                    behind |= u32::from(byte & 0x7f).checked_shl(shift)?;
                    shift += 7;
                    if byte < 0x80 {
                        break;
                    }
                }
                let mut step = [0; 8];
                step[..STEP_BYTES].copy_from_slice(rest.split_off(..STEP_BYTES)?);
                let from = at.checked_sub(behind).filter(|from| *from < at)?;
                edges.push((from, u64::from_le_bytes(step)));
            }
        }
        let heads = rest.split_off(..HEADS * 4)?.as_chunks::<4>().0;
        let stem_heads: Vec<u32> = heads.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let stem_heads = stem_heads.into_boxed_slice().try_into().ok()?;
        let valid = rest.is_empty() && !nodes.is_empty() && !sets.is_empty();
        valid.then(|| Cues { uncounted, ..Cues::of_trie(nodes, edges, sets, stem_heads, digest) })
    }
}

/// Bytes of a step that tell it from others.
const STEP_BYTES: usize = 5;

/// The key of an edge. The step is in the highest bits, so that both halves of the key depend on it.
#[inline]
fn key_of(step: u64, from: u32) -> u64 {
    combine(step << (64 - 8 * STEP_BYTES), u64::from(from))
}

/// The bits of a hash that are a step. At 40 bits, a token is taken for one of 140,000 others once
/// in ten million times.
#[inline]
fn step_of(hash: u64) -> u64 {
    hash >> 20 & ((1 << (8 * STEP_BYTES)) - 1)
}

#[inline]
fn root_bit(step: u64) -> usize {
    step as usize & (ROOT_FILTER * 64 - 1)
}

#[inline]
fn may_contain(filter: &[u64], hash: u64) -> bool {
    let bit = (hash >> 20) as usize & (filter.len() * 64 - 1);
    filter[bit / 64] >> (bit % 64) & 1 == 1
}

fn insert(filter: &mut [u64], hash: u64) {
    let bit = (hash >> 20) as usize & (filter.len() * 64 - 1);
    filter[bit / 64] |= 1 << (bit % 64);
}

#[inline]
fn head_of(hash: u64) -> usize {
    (hash >> 40) as usize & (HEADS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(pairs: &[(u8, &str)], line: &str) -> (Vec<u8>, u32, u32) {
        let Found { kinds, cue_tokens, tokens } =
            Cues::new(pairs.iter().copied()).expect("the cues are valid").scan(line);
        (kinds.iter().collect(), cue_tokens, tokens)
    }

    #[test]
    fn words_and_phrases_match_whole_tokens() {
        let pairs = [(0, "share"), (1, "read more"), (2, "read more about"), (63, "Über uns")];
        assert_eq!(found(&pairs, "SHARE!"), (vec![0], 1, 1));
        assert_eq!(found(&pairs, "Shared: Read – More…"), (vec![1], 2, 3));
        assert_eq!(found(&pairs, "Read more about the shares"), (vec![1, 2], 3, 5));
        assert_eq!(found(&pairs, "read read more share"), (vec![0, 1], 3, 4));
        assert_eq!(found(&pairs, "read any more"), (vec![], 0, 3));
        assert_eq!(found(&pairs, "U\u{308}ber\u{a0}uns"), (vec![63], 2, 2));
        assert_eq!(found(&pairs, ""), (vec![], 0, 0));
    }

    #[test]
    fn a_star_matches_any_ending_and_a_hash_any_number() {
        let pairs = [(0, "abonn*"), (1, "# min read"), (2, "подпис* на нов*"), (3, "top #")];
        assert_eq!(found(&pairs, "Abonnieren oder Abonnement"), (vec![0], 2, 3));
        assert_eq!(found(&pairs, "abonn abon"), (vec![0], 1, 2));
        assert_eq!(found(&pairs, "12 min read, 1234567 min read"), (vec![1], 6, 6));
        assert_eq!(found(&pairs, "a12 min read"), (vec![], 0, 3));
        assert_eq!(found(&pairs, "Подпишитесь! Подписывайтесь на новости"), (vec![2], 3, 4));
        assert_eq!(found(&pairs, "TOP 10"), (vec![3], 2, 2));
    }

    #[test]
    fn unspaced_phrases_match_anywhere_in_a_line() {
        let pairs = [(0, "分享到"), (1, "シェアする"), (2, "顶"), (3, "ข่าว")];
        assert_eq!(found(&pairs, "请分享到微信"), (vec![0], 3, 6));
        assert_eq!(found(&pairs, "記事をシェアする"), (vec![1], 5, 8));
        assert_eq!(found(&pairs, "อ่านข่าวอื่น").0, [3]);
        // One character proves nothing in a sentence.
        assert_eq!(found(&pairs, "顶 12"), (vec![2], 1, 2));
        assert_eq!(found(&pairs, "他们在山顶上休息了"), (vec![], 0, 9));
    }

    #[test]
    fn a_word_in_hangul_takes_particles() {
        let pairs = [(0, "구독"), (1, "기사 공유")];
        assert_eq!(found(&pairs, "구독하기"), (vec![0], 1, 1));
        assert_eq!(found(&pairs, "이 기사 공유하기"), (vec![1], 2, 3));
        assert_eq!(found(&pairs, "기사를 공유하기"), (vec![], 0, 2));
    }

    #[test]
    fn beginnings_are_three_words_or_six_characters() {
        let pairs =
            [(0, "share this article with friends"), (1, "请点击右上角分享"), (2, "log in")];
        let cues = Cues::beginnings(pairs).expect("the cues are valid");
        let kinds = |line: &str| cues.scan(line).kinds.iter().collect::<Vec<_>>();
        assert_eq!(kinds("Share this article"), [0]);
        assert_eq!(kinds("Share this"), []);
        assert_eq!(kinds("请点击右上角"), [1]);
        assert_eq!(kinds("Log in"), [2]);
        assert_ne!(cues.digest(), Cues::new(pairs).expect("the cues are valid").digest());
    }

    #[test]
    fn words_of_uncounted_kinds_are_found_but_are_no_cues() {
        let cues = Cues::new([(0, "log in"), (1, "said")]).expect("the cues are valid");
        let cues = cues.uncounted(Kinds(0b10));
        let found = cues.scan("Log in, he said");
        assert_eq!((found.kinds, found.cue_tokens), (Kinds(0b11), 2));
        let again = Cues::from_bytes(&cues.to_bytes()).expect("it was just written");
        assert_eq!(again.scan("Log in, he said"), found);
        assert_ne!(cues.digest(), cues.clone().uncounted(Kinds(0)).digest());
    }

    #[test]
    fn phrases_that_cannot_be_cues_are_errors() {
        let long = "a ".repeat(41);
        let stem = format!("{}*", "a".repeat(25));
        for (kind, phrase) in [(64, "share"), (0, " – "), (0, ""), (0, &long), (0, &stem)] {
            let error = Cues::new([(kind, phrase)]).expect_err(phrase);
            assert!(error.to_string().contains(phrase), "{error}");
        }
    }

    #[test]
    fn the_digest_identifies_the_pairs_in_any_order() {
        let digest = |pairs: &[(u8, &str)]| Cues::new(pairs.iter().copied()).unwrap().digest();
        assert_eq!(digest(&[(0, "a"), (1, "b")]), digest(&[(1, "b"), (0, "a"), (0, "a")]));
        assert_ne!(digest(&[(0, "a"), (1, "b")]), digest(&[(1, "a"), (0, "b")]));
        assert_ne!(digest(&[(0, "ab")]), digest(&[(0, "a"), (0, "b")]));
        assert_ne!(digest(&[(0, "ab*")]), digest(&[(0, "ab")]));
    }

    #[test]
    fn compiled_cues_are_read_back() {
        let pairs = [(0, "share this article"), (1, "subscri*"), (2, "# comments"), (3, "顶")];
        let cues = Cues::new(pairs).expect("the cues are valid");
        let bytes = cues.to_bytes();
        let again = Cues::from_bytes(&bytes).expect("it was just written");
        assert_eq!(again.to_bytes(), bytes);
        assert_eq!(again.digest(), cues.digest());
        for line in ["Share this article: 3 comments", "Subscribe!", "顶 1"] {
            assert_eq!(again.scan(line), cues.scan(line));
        }
        for length in 0..bytes.len().min(4000) {
            assert!(Cues::from_bytes(&bytes[..length]).is_none());
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xff;
            if let Some(cues) = Cues::from_bytes(&damaged) {
                cues.scan("Share this article: 3 comments. Subscribe! 顶");
            }
        }
    }

    #[test]
    fn a_scan_without_cues_counts_tokens() {
        assert_eq!(found(&[], "Nothing to find here, 12 times."), (vec![], 0, 6));
    }

    /// A phrase matches where a search for its words in all positions finds it.
    fn naive(pairs: &[(u8, String)], line: &str) -> (u64, u32) {
        let any_digit = |text: &str| text.replace(['1', '2'], "0");
        let line = any_digit(line);
        let tokens: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let mut covered = vec![false; tokens.len()];
        let mut kinds = 0;
        for (kind, phrase) in pairs {
            let phrase = any_digit(phrase);
            let words: Vec<&str> = phrase.split(' ').collect();
            for at in 0..(tokens.len() + 1).saturating_sub(words.len()) {
                let matches = words.iter().zip(&tokens[at..]).all(|(word, token)| {
                    match word.strip_suffix('*') {
                        Some(stem) => token.starts_with(stem),
                        None if *word == "#" => token.bytes().all(|b| b.is_ascii_digit()),
                        None => word == token,
                    }
                });
                if matches {
                    kinds |= 1 << kind;
                    covered[at..at + words.len()].fill(true);
                }
            }
        }
        (kinds, covered.iter().filter(|covered| **covered).count() as u32)
    }

    proptest! {
        #[test]
        fn scans_agree_with_a_naive_search(
            pairs in prop::collection::vec(
                (0u8..64, "([ab]{1,4}[*]?|#|[12])( ([ab]{1,3}[*]?|#)){0,2}"), 0..12),
            line in "(([ab]{1,5}|[12]{1,2}) ){0,12}",
        ) {
            let cues = Cues::new(pairs.iter().map(|(kind, phrase)| (*kind, phrase.as_str())));
            let found = cues.expect("the cues are valid").scan(&line);
            prop_assert_eq!((found.kinds.0, found.cue_tokens), naive(&pairs, &line));
        }

        #[test]
        fn any_pairs_and_any_line_are_safe(
            pairs in prop::collection::vec((any::<u8>(), any::<String>()), 0..20),
            line in any::<String>(),
        ) {
            let valid: Vec<(u8, &str)> = pairs
                .iter()
                .map(|(kind, phrase)| (*kind, phrase.as_str()))
                .filter(|&pair| Cues::new([pair]).is_ok())
                .collect();
            let cues = Cues::new(valid.iter().copied()).expect("each cue is valid");
            let found = cues.scan(&line);
            prop_assert!(found.cue_tokens <= found.tokens);
            for (kind, phrase) in valid {
                let short = cues.scan(phrase);
                // `#` stands for a number that the phrase itself does not contain.
                prop_assert!(short.kinds.contains(kind) || phrase.contains('#'), "{}", phrase);
            }
        }
    }
}
