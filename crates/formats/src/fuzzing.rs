//! The framing of containers, for fuzz targets.

use std::io::Cursor;
use std::sync::Arc;

use crate::chunks::{Chunk, Chunks};
use crate::codec::Codec;
use crate::input::Container;

/// A piece of a container.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its records with their numbers; none for a part of a stretch that passes through.
    pub records: Option<Vec<(u64, Vec<u8>)>>,
    /// In the last part of such a stretch: the number of its record, its bytes, and why it was not
    /// cleaned.
    pub passed: Option<(u64, u64, String)>,
}

/// Reads JSON Lines, or WET records, in pieces of about `size` bytes. Records over `limit` bytes pass
/// through.
///
/// # Panics
/// A reader that continues at the end of a piece gives another piece than the one that follows.
pub fn pieces(bytes: &[u8], wet: bool, size: usize, limit: usize) -> Vec<Piece> {
    let framing = if wet { Container::Wet } else { Container::Jsonl };
    let open = || {
        let reader = Box::new(Cursor::new(bytes.to_vec()));
        let mut chunks = Chunks::new(reader, framing, Codec::Plain, limit, Arc::default());
        chunks.size = size;
        chunks
    };
    let (mut chunks, mut pieces) = (open(), Vec::new());
    loop {
        let position = chunks.position.clone();
        let next = chunks.next().expect("memory can be read");
        let mut other = open();
        other.seek(&position).expect("memory can be read");
        assert_eq!(other.next().expect("memory can be read"), next, "from {position:?}");
        match next {
            None => return pieces,
            Some(Chunk::Records(bytes, first)) => {
                let records = framing.records(&bytes, first);
                let records = records.map(|(number, record)| (number, record.to_vec())).collect();
                pieces.push(Piece { bytes, records: Some(records), passed: None });
            }
            Some(Chunk::Part(bytes, passed)) => {
                let passed = passed.map(|passed| (passed.ordinal, passed.bytes, passed.reason));
                pieces.push(Piece { bytes, records: None, passed });
            }
        }
    }
}
