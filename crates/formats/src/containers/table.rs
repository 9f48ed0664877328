//! The table of record formats, and what is looked up in it.

use std::sync::Arc;

use super::format::{Container, Detected, Head, RecordFormat};
use super::{csv, jsonl, wet};
use crate::ledger::{self, Record};

/// A record format in [`FORMATS`].
pub(crate) struct Entry {
    container: Container,
    /// Detects a file of this format from its first bytes and its name.
    pub(super) detect: fn(&Head<'_>) -> Option<Detected>,
    /// The format of the file that begins with `head`. The error is the reason why it cannot be
    /// read.
    open: fn(&Head<'_>) -> Result<Arc<dyn RecordFormat>, String>,
    /// Whether a ledger record describes a rewritten record of this format.
    rewrote: fn(&Record<'_>) -> bool,
}

/// The record formats, in the order in which they are detected.
#[rustfmt::skip]
pub(super) const FORMATS: [Entry; 3] = [
    Entry { container: Container::Wet, detect: wet::detect, open: wet::open, rewrote: |r| !r.headers.is_empty() },
    Entry { container: Container::Jsonl, detect: jsonl::detect, open: jsonl::open, rewrote: |r| r.row.is_some() },
    Entry { container: Container::Csv, detect: csv::detect, open: csv::open, rewrote: |r| r.cell.is_some() },
];

/// The format of the file that begins with `head`, which is a file of `container`. `None` if that
/// container has no records.
pub(crate) fn record_format(
    container: Container,
    head: &Head<'_>,
) -> Option<Result<Arc<dyn RecordFormat>, String>> {
    let entry = FORMATS.iter().find(|entry| entry.container == container)?;
    Some((entry.open)(head))
}

/// The container whose record a ledger record describes, if the record was rewritten.
pub(crate) fn rewritten(record: &Record<'_>) -> Option<Container> {
    FORMATS.iter().find(|entry| (entry.rewrote)(record)).map(|entry| entry.container)
}

/// The original of a document, from what a run wrote of it, if both have the digests that the
/// ledger says. `format` is that of the file which the document is a record of. The error is a
/// reason for people.
pub(crate) fn original(
    record: &Record<'_>,
    output: &[u8],
    format: Option<&dyn RecordFormat>,
) -> Result<Vec<u8>, String> {
    if ledger::output_digest(output) != record.digest.output {
        return Err("the cleaned text was changed after the run".into());
    }
    let original = match format.filter(|_| rewritten(record).is_some()) {
        Some(format) => format.restore(record, output),
        None => restore_text(record, output),
    }?;
    match Some(ledger::digest(&original)) == record.digest.original {
        true => Ok(original),
        false => Err("the ledger is damaged: what it gives is not the original".into()),
    }
}

/// The original of a text, or of a record that passed through.
pub(crate) fn restore_text(record: &Record<'_>, output: &[u8]) -> Result<Vec<u8>, String> {
    record.undo.restore(output).map_err(|error| error.to_string())
}
