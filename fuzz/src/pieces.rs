//! A container read in pieces: no byte is lost, records do not depend on the size of pieces, and
//! a reader can continue at the end of any piece.

use chaffinch_formats::fuzzing::{Piece, pieces};

/// The first byte selects the format, the next two the size of a piece and the limit on records;
/// the rest is the file.
pub(crate) fn run(data: &[u8]) {
    let Some(([first, size, limit], bytes)) = data.split_first_chunk() else { return };
    let wet = first & 1 == 0;
    let (size, limit) = (usize::from(*size) + 1, 4 * usize::from(*limit));
    let all = pieces(bytes, wet, size, limit);
    let back: Vec<u8> = all.iter().flat_map(|piece| piece.bytes.iter().copied()).collect();
    assert!(back == bytes, "{all:?}");

    // With room for everything, the records do not depend on the size of a piece.
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
    let records = joined(pieces(bytes, wet, size, room));
    assert_eq!(records, joined(pieces(bytes, wet, 1 << 20, room)));
}
