//! Framing and rewriting of records, for fuzz targets.

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::Arc;

use chaffinch_core::{Edit, LedgerEdit};

use crate::containers::chunks::{Chunk, Chunks};
use crate::containers::format::{Head, records};
use crate::containers::jsonl::{Row, restore_row};
use crate::containers::record_format;
use crate::files::codec::Codec;
use crate::{Container, FieldNames};

/// The name of the column that a run adds to rows.
pub const COLUMN: &str = crate::containers::format::COLUMN;

/// A chunk of a container, for fuzz targets.
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

/// Reads a container in chunks of about `size` bytes. Records over `limit` bytes pass through. `None`
/// if the container cannot be read.
///
/// # Panics
/// A reader that continues at the end of a chunk returns a different next chunk.
pub fn pieces(bytes: &[u8], container: Container, size: usize, limit: usize) -> Option<Vec<Piece>> {
    let names = &FieldNames::default();
    let head = Head { name: "", bytes, ended: true, names };
    let format = record_format(container, &head)?.ok()?;
    let open = || {
        let reader = Box::new(Cursor::new(bytes.to_vec()));
        let format = (container, Arc::clone(&format));
        let mut chunks = Chunks::new(reader, format, Codec::Plain, limit, Arc::default());
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
            None => return Some(pieces),
            Some(Chunk::Records(bytes, first)) => {
                let records = records(&*format, &bytes, first);
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

/// A JSON row with edits of its text.
pub struct Rewritten {
    /// The name of its text field.
    pub field: String,
    /// Its text before the edits.
    pub text: String,
    /// The edits.
    pub edits: Vec<Edit>,
    /// The row as it is written.
    pub row: Vec<u8>,
    /// The row that is restored from it.
    pub restored: Result<String, String>,
}

/// Rewrites a row with the edits that `edits` gives for its text, and restores it. `None` if it is not
/// a row with a text, or cannot hold the edited text.
pub fn rewrite(
    bytes: &[u8],
    names: &FieldNames,
    edits: impl FnOnce(&str) -> Vec<Edit>,
    column: &str,
) -> Option<Rewritten> {
    let parsed = Row::parse(bytes, names).ok()?;
    let edits = edits(&parsed.text);
    let mut row = Vec::new();
    let undo = parsed.rewrite(&edits, column, &mut row).ok()?;
    let entry = |edit: &Edit| LedgerEdit {
        at: edit.span.start(),
        rule: 0,
        text: Cow::Owned(parsed.text[edit.span.range()].to_owned()),
        with: Cow::Owned(edit.with.clone()),
        confidence: None,
    };
    let ledger: Vec<LedgerEdit<'_>> = edits.iter().map(entry).collect();
    let restored = restore_row(&row, &undo, &ledger).map_err(String::from);
    Some(Rewritten {
        field: undo.field.to_string(),
        text: parsed.text.into_owned(),
        edits,
        row,
        restored,
    })
}

/// The text of a row. `None` if it is not a row with a text.
pub fn row_text(bytes: &[u8], names: &FieldNames) -> Option<String> {
    Row::parse(bytes, names).ok().map(|row| row.text.into_owned())
}
