//! A container read in chunks: no byte is lost, records do not depend on the size of chunks, and
//! a reader can continue at the end of any chunk.

use chaffinch_formats::Container;
use chaffinch_formats::fuzzing::{Piece, pieces};

/// The first byte selects the format, the next two the size of a chunk and the limit on records;
/// the rest is the file.
pub(crate) fn run(data: &[u8]) {
    let Some(([first, size, limit], bytes)) = data.split_first_chunk() else { return };
    let container = [Container::Wet, Container::Jsonl, Container::Csv][usize::from(*first) % 3];
    let (size, limit) = (usize::from(*size) + 1, 4 * usize::from(*limit));
    let Some(all) = pieces(bytes, container, size, limit) else { return };
    let back: Vec<u8> = all.iter().flat_map(|piece| piece.bytes.iter().copied()).collect();
    assert!(back == bytes, "{all:?}");

    // With room for everything, the records do not depend on the size of a chunk.
    let room = usize::MAX;
    let joined = |pieces: Vec<Piece>| {
        let mut records = Vec::new();
        for piece in pieces {
            match piece.records {
                Some(whole) => records.extend(whole.into_iter().map(|record| (record, None))),
                None => records.extend(piece.passed.map(|passed| ((0, Vec::new()), Some(passed)))),
            }
        }
        records
    };
    let records = |size| joined(pieces(bytes, container, size, room).unwrap_or_default());
    assert_eq!(records(size), records(1 << 20));
}
