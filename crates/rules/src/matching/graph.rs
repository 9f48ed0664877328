//! Word graphs: sets of words in which words share their beginnings and endings.
//!
//! A *graph* is the minimal deterministic automaton of its words, as bytes that are used without
//! unpacking them. Phrases of the lexicon differ in few places, so their graph is less than a tenth
//! as large as their text. [`super::phrases`] matches with it.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::table::{Bytes, Fixed};

/// A set of words, each with a tag from 1 to 3.
///
/// The bytes are nodes. A node is:
/// - a byte with its tag (0 if no word ends here) in the lowest bits, then a bit that is set if the
///   node has a prefix, then the number of its edges, or [`MANY`];
/// - if the number is [`MANY`], the number in four bytes;
/// - the length of the prefix in a byte, and the prefix: characters that lead to the tag and edges;
/// - the characters of the edges in order, in three bytes each;
/// - the offsets of the nodes to which they lead, in four bytes each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Graph {
    bytes: Bytes,
    root: u32,
}

/// The packed form of a [`Graph`].
#[derive(Serialize, Deserialize)]
pub(crate) struct PackedGraph<'a>(&'a [u8], u32);

impl PackedGraph<'_> {
    /// Unpacks a graph that is a part of `all`.
    pub(crate) fn into_graph(self, all: &Arc<[u8]>) -> Graph {
        Graph { bytes: Bytes::of_part(all, self.0), root: self.1 }
    }
}

/// The number of edges that is written after the first byte, as all larger ones are.
const MANY: u8 = 31;

/// The maximum length of a prefix, in bytes.
const LONGEST: usize = u8::MAX as usize;

/// A node while the graph is built: its tag, and its edges in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Node {
    tag: u8,
    edges: Vec<(char, u32)>,
}

/// Nodes that are distinct, by number. The nodes of edges have lower numbers.
#[derive(Default)]
struct Nodes {
    all: Vec<Node>,
    numbers: FxHashMap<Node, u32>,
    /// How many edges lead to each.
    uses: Vec<u32>,
}

impl Nodes {
    fn add(&mut self, node: Node) -> u32 {
        *self.numbers.entry(node).or_insert_with_key(|node| {
            node.edges.iter().for_each(|(_, to)| self.uses[*to as usize] += 1);
            self.all.push(node.clone());
            self.uses.push(0);
            self.all.len() as u32 - 1
        })
    }

    /// Completes the nodes of `path` below `depth`. `word` is the word that leads to them.
    fn complete(&mut self, path: &mut Vec<Node>, word: &[char], depth: usize) {
        while path.len() > depth + 1
            && let Some(node) = path.pop()
        {
            let number = self.add(node);
            let above = path.len() - 1;
            path[above].edges.push((word[above], number));
        }
    }
}

impl Graph {
    /// The graph of these words with their tags. The tags of equal words are combined.
    pub(crate) fn of(mut words: Vec<(Vec<char>, u8)>) -> Graph {
        words.sort_unstable();
        let (mut nodes, mut path) = (Nodes::default(), vec![Node::default()]);
        let mut before: &[char] = &[];
        for (word, tag) in &words {
            let common = before.iter().zip(word).take_while(|(one, other)| one == other).count();
            nodes.complete(&mut path, before, common);
            path.extend(word[common..].iter().map(|_| Node::default()));
            if let Some(last) = path.last_mut() {
                last.tag |= tag;
            }
            before = word;
        }
        nodes.complete(&mut path, before, 0);
        let root = nodes.add(path.pop().unwrap_or_default());
        nodes.graph(root)
    }

    pub(crate) fn packed(&self) -> PackedGraph<'_> {
        PackedGraph(&self.bytes, self.root)
    }

    /// The position before the first character.
    pub(crate) fn start(&self) -> Position<'_> {
        Position::at(&self.bytes, self.root)
    }
}

impl Nodes {
    /// The longest prefix of a node, and the node after it: the characters of nodes without a tag
    /// and with one edge, up to a node to which another edge leads.
    fn prefix(&self, mut number: u32) -> (String, &Node) {
        let mut prefix = String::new();
        loop {
            let node = &self.all[number as usize];
            match node.edges[..] {
                [(c, next)]
                    if node.tag == 0
                        && self.uses[next as usize] == 1
                        && prefix.len() + c.len_utf8() <= LONGEST =>
                {
                    prefix.push(c);
                    number = next;
                }
                _ => return (prefix, node),
            }
        }
    }

    /// Writes the nodes that are not part of the prefix of another.
    fn graph(&self, root: u32) -> Graph {
        let mut written = vec![false; self.all.len()];
        written[root as usize] = true;
        for number in (0..=root).rev() {
            if written[number as usize] {
                let (_, node) = self.prefix(number);
                node.edges.iter().for_each(|(_, to)| written[*to as usize] = true);
            }
        }
        let (mut bytes, mut offsets) = (Vec::new(), vec![0_u32; self.all.len()]);
        for number in (0..=root).filter(|number| written[*number as usize]) {
            offsets[number as usize] = bytes.len() as u32;
            let (prefix, Node { tag, edges }) = self.prefix(number);
            let count = u8::try_from(edges.len()).unwrap_or(MANY).min(MANY);
            bytes.push(tag | u8::from(!prefix.is_empty()) << 2 | count << 3);
            if count == MANY {
                bytes.extend_from_slice(&(edges.len() as u32).to_le_bytes());
            }
            if !prefix.is_empty() {
                bytes.push(prefix.len() as u8);
                bytes.extend_from_slice(prefix.as_bytes());
            }
            for (c, _) in edges {
                bytes.extend_from_slice(&u32::from(*c).to_le_bytes()[..CHARACTER]);
            }
            for (_, to) in edges {
                bytes.extend_from_slice(&offsets[*to as usize].to_le_bytes());
            }
        }
        Graph { bytes: bytes.into(), root: offsets[root as usize] }
    }
}

/// A position in a graph: the characters that were read so far.
#[derive(Clone, Debug)]
pub(crate) struct Position<'g> {
    bytes: &'g [u8],
    /// The rest of the prefix of the node.
    prefix: Range<usize>,
    tag: u8,
    /// The number of edges of the node.
    edges: usize,
}

impl<'g> Position<'g> {
    fn at(bytes: &'g [u8], node: u32) -> Position<'g> {
        let mut at = node as usize + 1;
        let first = bytes.get(node as usize).copied().unwrap_or_default();
        let mut edges = usize::from(first >> 3);
        if first >> 3 == MANY {
            edges = u32::read(&bytes[at..]) as usize;
            at += 4;
        }
        let mut prefix = at..at;
        if first & 4 != 0 {
            prefix = at + 1..at + 1 + usize::from(bytes[at]);
        }
        Position { bytes, prefix, tag: first & 3, edges }
    }

    /// The tag of the word that was read. 0 if it is not in the graph.
    pub(crate) fn tag(&self) -> u8 {
        if self.prefix.is_empty() { self.tag } else { 0 }
    }

    /// Reads a character. Returns whether a word continues with it; if not, the position must not
    /// be used again.
    #[inline]
    pub(crate) fn step(&mut self, c: char) -> bool {
        if !self.prefix.is_empty() {
            if c.is_ascii() {
                self.prefix.start += 1;
                return self.bytes[self.prefix.start - 1] == c as u8;
            }
            let mut character = [0; 4];
            let character = c.encode_utf8(&mut character).as_bytes();
            self.prefix.start += character.len();
            // A prefix contains complete characters, so another one differs within it.
            return self.bytes[self.prefix.start - character.len()..].starts_with(character);
        }
        let (c, chars) = (u32::from(c), self.prefix.end);
        let of = |edge: usize| three(self.bytes, chars + CHARACTER * edge);
        let (mut edge, mut end) = (0, self.edges);
        while edge < end {
            let middle = (edge + end) / 2;
            match of(middle) < c {
                true => edge = middle + 1,
                false => end = middle,
            }
        }
        if edge == self.edges || of(edge) != c {
            return false;
        }
        let node = u32::read(&self.bytes[chars + CHARACTER * self.edges + 4 * edge..]);
        *self = Position::at(self.bytes, node);
        true
    }
}

/// The number of bytes of the character of an edge.
const CHARACTER: usize = 3;

/// The number in the three bytes at an offset.
#[inline]
fn three(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |&[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn graph(words: &[(&str, u8)]) -> Graph {
        Graph::of(words.iter().map(|(word, tag)| (word.chars().collect(), *tag)).collect())
    }

    /// The tag of a word, or `None` if no word begins with it.
    fn tag(graph: &Graph, word: &str) -> Option<u8> {
        let mut position = graph.start();
        word.chars().all(|c| position.step(c)).then(|| position.tag())
    }

    #[test]
    fn words_share_beginnings_and_endings() {
        let many: Vec<String> = ["read", "see"]
            .iter()
            .flat_map(|verb| ('a'..='z').map(move |c| format!("{verb} {c} of the other articles")))
            .collect();
        let words: Vec<(&str, u8)> = many.iter().map(|word| (word.as_str(), 1)).collect();
        let graph = graph(&words);
        assert!(many.iter().all(|word| tag(&graph, word) == Some(1)));
        assert_eq!(tag(&graph, "see x of the"), Some(0));
        assert!(graph.bytes.len() < 2 * 26 * 8, "{} bytes", graph.bytes.len());
    }

    #[test]
    fn large_nodes_and_long_words_are_written() {
        let long = "long".repeat(200);
        let mut words: Vec<(&str, u8)> = vec![(&long, 2)];
        let letters: Vec<String> = ('\u{1f300}'..'\u{1f500}').map(String::from).collect();
        words.extend(letters.iter().map(|letter| (letter.as_str(), 1)));
        let graph = graph(&words);
        assert!(words.iter().all(|(word, own)| tag(&graph, word) == Some(*own)));
        assert_eq!(tag(&graph, "\u{1f500}"), None);
        assert_eq!(tag(&graph, &format!("{long}l")), None);
        assert_eq!(tag(&Graph::default(), "a"), None);
        assert_eq!(tag(&Graph::of(Vec::new()), "a"), None);
    }

    proptest! {
        /// A graph contains exactly its words.
        #[test]
        fn a_graph_contains_its_words(
            words in prop::collection::vec(("[abé 一]{0,5}", 1..4_u8), 0..40),
            others in prop::collection::vec("[abcéêç 一丁]{0,6}", 0..40),
        ) {
            let all: Vec<(&str, u8)> = words.iter().map(|(word, tag)| (word.as_str(), *tag)).collect();
            let graph = graph(&all);
            for other in others.iter().chain(words.iter().map(|(word, _)| word)) {
                let same = words.iter().filter(|(word, _)| word == other);
                let own = same.fold(0, |tags, (_, tag)| tags | tag);
                let any = other.is_empty() || words.iter().any(|(word, _)| word.starts_with(other));
                prop_assert_eq!(tag(&graph, other), any.then_some(own), "{:?}", other);
            }
        }
    }
}
