//! Compiles phrases into the trie of [`Cues`].

use std::collections::HashMap;

use super::{
    CueError, Cues, HEADS, KEY_FILTER, Kinds, NUMBER, Node, ROOT, ROOT_FILTER, STEM, Slot, head_of,
    parts, place, root_bit, step_of,
};
use crate::text::{self, Char, Chars, LONGEST_STEM, Prefixes, Token, combine};

/// Tokens of the longest phrase.
const LONGEST_PHRASE: usize = 40;

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
    /// Compiles the first `longest` tokens of phrases.
    pub(super) fn compile<'a>(
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
            node.kinds |= 1 << kind;
            if single {
                node.flags |= Node::SINGLE;
            }
            digest = combine(digest, u64::from(kind) + 1);
            for byte in phrase.bytes() {
                digest = combine(digest, u64::from(byte));
            }
        }
        builder.finish(digest)
    }
}

/// Whether the first token of a phrase is an unspaced character.
fn is_unspaced(phrase: &str) -> bool {
    let mut unspaced = None;
    text::for_each_token(phrase, |token, _| unspaced = unspaced.or(Some(token.is_unspaced())));
    unspaced == Some(true)
}

fn steps(phrase: &str) -> Result<Vec<Step>, &'static str> {
    let chars = Chars::table();
    let mut steps: Vec<Step> = Vec::new();
    let mut token = Token::new();
    let mut word = String::new();
    let mut hangul = false;
    let mut rest = phrase.chars().chain([' ']);
    while let Some(next) = rest.next() {
        let c: Char = chars.get(next);
        if c.is_token() && !c.is_unspaced() {
            hangul |= matches!(next, '\u{ac00}'..='\u{d7a3}');
            token.push(c);
            word.push(next);
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
                let head = (token.length() >= 3).then(|| Prefixes::of(&word).hash(3));
                Step::Stem { hash: token.hash() ^ STEM, length: token.length(), head }
            } else {
                Step::Exact(token.hash())
            };
            steps.push(step);
            token = Token::new();
            word.clear();
            hangul = false;
        }
        if c.is_unspaced() {
            steps.push(Step::Exact(Token::unspaced(c).hash()));
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
    /// The child that a step leads to from a node.
    edges: HashMap<(u32, u64), u32>,
    stem_heads: Box<[u32; HEADS]>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            nodes: vec![Node::default()],
            edges: HashMap::new(),
            stem_heads: Box::new([0; HEADS]),
        }
    }
}

impl Builder {
    /// Adds the path of a phrase and returns its last node.
    fn insert(&mut self, steps: &[Step]) -> &mut Node {
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
            node = *self.edges.entry((node, step_of(step))).or_insert(new);
            if node == new {
                self.nodes.push(Node { flags: Node::IS_NODE, ..Node::default() });
            }
        }
        &mut self.nodes[node as usize]
    }

    fn finish(self, digest: u64) -> Result<Cues, CueError> {
        let mut contents = vec![Node::default()];
        let mut numbers = HashMap::from([(Node::default(), 0)]);
        let mut nodes = Vec::with_capacity(self.nodes.len());
        let root = self.nodes[ROOT as usize];
        for node in self.nodes {
            let number = *numbers.entry(node).or_insert(contents.len());
            if number == contents.len() {
                contents.push(node);
            }
            let number = u16::try_from(number).map_err(|_| CueError {
                kind: 0,
                phrase: String::new(),
                problem: "there are more than 65,535 combinations of kinds",
            })?;
            nodes.push(number.to_le_bytes());
        }
        // In the order of their nodes, so that the same cues always give the same table.
        let mut edges: Vec<_> = self.edges.into_iter().collect();
        edges.sort_unstable_by_key(|(_, to)| *to);
        let mut slots = vec![Slot::default(); edges.len() * 10 / 7 + 1];
        let mut filter = Box::new([0; ROOT_FILTER]);
        let mut key_filter = vec![0; KEY_FILTER];
        for ((from, step), to) in edges {
            let (key, mut at, bit) = place(step, from, slots.len());
            key_filter[bit / 8] |= 1 << (bit % 8);
            while parts(slots[at]).1 != ROOT {
                at = (at + 1) % slots.len();
            }
            slots[at] = (u64::from(to) << 32 | u64::from(key)).to_le_bytes();
            if from == ROOT {
                let bit = root_bit(step);
                filter[bit / 64] |= 1 << (bit % 64);
            }
        }
        Ok(Cues {
            slots: slots.into(),
            nodes: nodes.into(),
            key_filter: key_filter.into(),
            contents,
            root,
            filter,
            stem_heads: self.stem_heads,
            uncounted: 0,
            digest,
        })
    }
}
