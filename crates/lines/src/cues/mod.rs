//! Cue words: finds which kinds of cue phrases a line contains.
//!
//! A *cue* is a word or phrase that newspapers print around articles ("read more", "subscribe").
//! Cues have a *kind*, a number below 64 whose meaning the caller defines. The line model uses the
//! kinds of a line as features; rules can use them to ask for a kind in a line.
//!
//! All phrases are compiled into one trie over token hashes. A bitmap
//! rejects most tokens at the root. A scan looks up each other token once there, and once for each
//! phrase that it may continue.

mod bytes;
mod compile;
mod scan;

use std::borrow::Cow;
use std::error;
use std::fmt;

use crate::text::{self, Prefixes, Token, combine};
pub(crate) use scan::Scan;

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
    /// The edges of the trie as a hash table: a key, and the node that the edge leads to; 0 if there
    /// is none. Read in place, in little endian.
    slots: Cow<'static, [Slot]>,
    /// The position of each node in `contents`. The first is the root.
    nodes: Cow<'static, [[u8; 2]]>,
    /// One bit for each key of a slot.
    key_filter: Cow<'static, [u8]>,
    /// What nodes have, each once. The first has nothing.
    contents: Vec<Node>,
    root: Node,
    /// One bit for each hash of a root child: small, so that it stays in the nearest cache.
    filter: Box<[u64; ROOT_FILTER]>,
    /// Lengths of root stems by the hash of a token's first three characters.
    stem_heads: Box<[u32; HEADS]>,
    /// Kinds whose words are no cues by themselves.
    uncounted: u64,
    digest: u64,
}

type Slot = [u8; 8];

/// A position in the trie: some tokens of a phrase have been read.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
struct Node {
    /// The kinds of the phrases that end here.
    kinds: u64,
    /// Bit `n` is set if a child is a stem of `n + 1` characters.
    stems: u32,
    flags: u16,
}

impl Node {
    const HAS_CHILDREN: u16 = 1;
    const HAS_NUMBER: u16 = 2;
    /// The phrases that end here are one unspaced character.
    const SINGLE: u16 = 4;
    /// Of every node but the first of `contents`.
    const IS_NODE: u16 = 8;

    fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

/// Tokens of a phrase's beginning.
const BEGINNING: usize = 3;
const ROOT: u32 = 0;
const STEM: u64 = 0x5bd1_e995_0000_0001;
const NUMBER: u64 = 0x27d4_eb2f_0000_0003;
const HEADS: usize = 4096;
/// Words of the bitmap of root children: 32 KB.
const ROOT_FILTER: usize = 4096;
/// Bytes of the bitmap of keys: 128 KB.
const KEY_FILTER: usize = 1 << 17;

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
        let (mut scan, mut tokens) = (Scan::default(), 0);
        text::for_each_token(line, |token, text| {
            scan.push(self, self.start(token, text), token, text);
            tokens += 1;
        });
        scan.finish(tokens)
    }

    /// The child of a node that this step leads to.
    #[inline]
    fn child(&self, node: u32, hash: u64) -> Option<Reached> {
        let (key, at, bit) = place(step_of(hash), node, self.slots.len());
        if self.key_filter.get(bit / 8).is_none_or(|byte| byte >> (bit % 8) & 1 == 0) {
            return None;
        }
        let (before, after) = self.slots.split_at_checked(at)?;
        for slot in after.iter().chain(before) {
            match parts(*slot) {
                (_, ROOT) => return None,
                (found, node) if found == key => return Some(self.reached(node)),
                _ => {}
            }
        }
        None
    }

    fn at(&self, node: u32) -> Node {
        let at = self.nodes.get(node as usize).map_or(0, |at| u16::from_le_bytes(*at));
        self.contents.get(usize::from(at)).copied().unwrap_or_default()
    }

    fn reached(&self, node: u32) -> Reached {
        let Node { kinds, stems, flags } = self.at(node);
        let stems = if stems == 0 { 0 } else { Reached::HAS_STEMS };
        Reached { kinds, node, flags: flags | stems }
    }

    /// The phrases that a token begins. It depends on the token's hash only.
    pub(crate) fn start(&self, token: &Token, text: &str) -> Reached {
        let mut start = Reached::default();
        self.each_start(token, text, |reached| {
            start = if start.flags == 0 { reached } else { Reached::SEVERAL };
        });
        start
    }

    /// Calls `each` with the children of the root that a token leads to, most of which the bitmap
    /// rejects.
    fn each_start(&self, token: &Token, text: &str, mut each: impl FnMut(Reached)) {
        let mut step = |step: u64| {
            if self.may_start(step) {
                self.child(ROOT, step).map(&mut each);
            }
        };
        step(token.hash());
        let prefixes = Prefixes::of(text);
        // Stems of one or two characters, and longer ones that begin like the token.
        let mut stems = self.root.stems & 0b11;
        if token.length() >= 3 {
            stems |= self.stem_heads[head_of(prefixes.hash(3))];
        }
        for length in lengths(stems, token) {
            step(prefixes.hash(length) ^ STEM);
        }
        if self.root.has(Node::HAS_NUMBER) && token.is_number() {
            step(NUMBER);
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
        write!(f, "Cues({:016x})", self.digest)
    }
}

/// The lengths of stems that a token may have.
fn lengths(mut stems: u32, token: &Token) -> impl Iterator<Item = u32> {
    let longest = token.length();
    std::iter::from_fn(move || {
        let length = stems.trailing_zeros() + 1;
        let is_length = stems != 0 && length <= longest;
        stems &= stems.wrapping_sub(1);
        is_length.then_some(length)
    })
}

/// A node of the trie and what it has.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Reached {
    kinds: u64,
    node: u32,
    flags: u16,
}

impl Reached {
    const HAS_STEMS: u16 = 1 << 14;
    /// Several nodes, as the start of phrases.
    const SEVERAL: Reached = Reached { kinds: 0, node: ROOT, flags: 1 << 15 };

    fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

/// The key and the node of a slot.
#[inline]
fn parts(slot: Slot) -> (u32, u32) {
    let slot = u64::from_le_bytes(slot);
    (slot as u32, (slot >> 32) as u32)
}

/// Bytes of a step that distinguish it from others.
const STEP_BYTES: usize = 5;

/// The key of an edge, the first of `size` slots where it may be, and its bit in the filter. Models are
/// trained with these keys: other keys make other pairs of edges equal.
#[inline]
fn place(step: u64, from: u32, size: usize) -> (u32, usize, usize) {
    let mixed = combine(step, u64::from(from));
    // Every bit of the step and of the node counts in both halves.
    let mixed = (mixed ^ mixed >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let at = ((mixed >> 32) * size as u64) >> 32;
    (mixed as u32, at as usize, (mixed >> 16) as usize & (KEY_FILTER * 8 - 1))
}

/// The bits of a hash that are a step.
#[inline]
fn step_of(hash: u64) -> u64 {
    hash >> 20 & ((1 << (8 * STEP_BYTES)) - 1)
}

#[inline]
fn root_bit(step: u64) -> usize {
    step as usize & (ROOT_FILTER * 64 - 1)
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
        // The bitmaps in the middle may have any bytes.
        let (start, end) = (300, bytes.len() - 300);
        for at in (0..start).chain((start..end).step_by(997)).chain(end..bytes.len()) {
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
