//! Writes compiled cues as bytes and reads them in place.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::{Cues, HEADS, KEY_FILTER, Node, ROOT_FILTER, Slot};
use crate::text::LONGEST_STEM;

static SHIPPED: &[u8] = include_bytes!("../../cues.bin");

const MAGIC: &[u8; 8] = b"cf-cues4";

impl Cues {
    /// The cues of the shipped lexicon, as of when the shipped model was trained.
    ///
    /// # Panics
    /// Never: a test reads them.
    pub fn shipped() -> &'static Cues {
        static CUES: LazyLock<Cues> =
            LazyLock::new(|| Cues::read(SHIPPED).expect("the shipped cues are valid").in_place());
        &CUES
    }

    /// The compiled cues as bytes: the tables as they are in memory.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.digest.to_le_bytes());
        bytes.extend(self.uncounted.to_le_bytes());
        bytes.extend((self.contents.len() as u32).to_le_bytes());
        bytes.extend((self.nodes.len() as u32).to_le_bytes());
        for node in &self.contents {
            bytes.extend(node.kinds.to_le_bytes());
            bytes.extend(node.stems.to_le_bytes());
            bytes.extend(node.flags.to_le_bytes());
        }
        bytes.extend(self.filter.iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend(self.stem_heads.iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend(&*self.key_filter);
        bytes.extend(self.nodes.as_flattened());
        bytes.extend(self.slots.as_flattened());
        bytes
    }

    /// Reads compiled cues. `None` if the bytes are damaged or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let Parts { cues, nodes, slots, key_filter } = Self::read(bytes)?;
        Some(Cues {
            nodes: nodes.to_vec().into(),
            slots: slots.to_vec().into(),
            key_filter: key_filter.to_vec().into(),
            ..cues
        })
    }

    /// Reads all but the large tables.
    fn read(bytes: &[u8]) -> Option<Parts<'_>> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let digest = u64::from_le_bytes(*rest.split_off(..8)?.first_chunk()?);
        let uncounted = u64::from_le_bytes(*rest.split_off(..8)?.first_chunk()?);
        let content_count = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?) as usize;
        let node_count = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?) as usize;
        let contents = rest.split_off(..content_count.checked_mul(14)?)?.as_chunks::<14>().0;
        let contents: Vec<Node> = contents.iter().map(Node::from_bytes).collect();
        let filter = rest.split_off(..ROOT_FILTER * 8)?.as_chunks::<8>().0;
        let filter: Vec<u64> = filter.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let heads = rest.split_off(..HEADS * 4)?.as_chunks::<4>().0;
        let heads: Vec<u32> = heads.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let key_filter = rest.split_off(..KEY_FILTER)?;
        let nodes = rest.split_off(..node_count.checked_mul(2)?)?.as_chunks::<2>().0;
        let (slots, rest) = rest.as_chunks::<8>();
        let stems = !(u32::MAX << LONGEST_STEM);
        let valid = rest.is_empty()
            && contents.iter().map(|node| &node.stems).chain(&heads).all(|bits| bits & !stems == 0);
        let root = contents.get(usize::from(u16::from_le_bytes(*nodes.first()?))).copied();
        let cues = Cues {
            slots: Cow::default(),
            nodes: Cow::default(),
            key_filter: Cow::default(),
            contents,
            root: root?,
            filter: filter.into_boxed_slice().try_into().ok()?,
            stem_heads: heads.into_boxed_slice().try_into().ok()?,
            uncounted,
            digest,
        };
        valid.then_some(Parts { cues, nodes, slots, key_filter })
    }
}

/// Cues as they are read, and their large tables.
struct Parts<'a> {
    cues: Cues,
    nodes: &'a [[u8; 2]],
    slots: &'a [Slot],
    key_filter: &'a [u8],
}

impl Parts<'static> {
    /// The cues with the tables where they are.
    fn in_place(self) -> Cues {
        Cues {
            nodes: self.nodes.into(),
            slots: self.slots.into(),
            key_filter: self.key_filter.into(),
            ..self.cues
        }
    }
}

impl Node {
    fn from_bytes(bytes: &[u8; 14]) -> Node {
        let [kinds @ .., a, b, c, d, e, f] = *bytes;
        Node {
            kinds: u64::from_le_bytes(kinds),
            stems: u32::from_le_bytes([a, b, c, d]),
            flags: u16::from_le_bytes([e, f]),
        }
    }
}
