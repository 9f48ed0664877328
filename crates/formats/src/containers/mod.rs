//! Containers: the file formats that documents come in.
//!
//! A *record format* stores documents as consecutive records: each one implements [`RecordFormat`]
//! in a module of its own and has one line in [`FORMATS`]. Reading, cleaning, recording, restoring
//! and sampling use the trait only. Parquet stores documents in columns, so it has its own reader
//! and writer.

pub(crate) mod chunks;
mod csv;
mod detect;
pub(crate) mod format;
pub(crate) mod jsonl;
pub(crate) mod open;
pub(crate) mod parquet;
mod reason;
mod wet;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ledger::{self, Record};
pub use format::FieldNames;
use format::{Detected, Head};
pub(crate) use format::{Kind, ParsedRecord, RecordFormat, Text, records};
pub(crate) use reason::Reason;

/// The file format that documents come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// A file is a document.
    Text,
    /// A line is a JSON object with a document in one of its fields.
    Jsonl,
    /// CSV or TSV: a row is a document.
    Csv,
    /// WARC `conversion` records, as in Common Crawl's WET files.
    Wet,
    /// Parquet: a row is a document.
    Parquet,
}

impl Container {
    /// All containers, in the order in which help lists them.
    pub const ALL: [Container; 5] =
        [Container::Text, Container::Jsonl, Container::Csv, Container::Wet, Container::Parquet];

    /// The name that `--from` and `--to` accept.
    pub fn as_str(self) -> &'static str {
        match self {
            Container::Text => "text",
            Container::Jsonl => "jsonl",
            Container::Csv => "csv",
            Container::Wet => "wet",
            Container::Parquet => "parquet",
        }
    }

    /// The container with this name.
    pub fn from_name(name: &str) -> Option<Container> {
        Container::ALL.into_iter().find(|container| container.as_str() == name)
    }

    /// One sentence that describes the container, for help.
    pub fn about(self) -> &'static str {
        match self {
            Container::Text => "A file is a document",
            Container::Jsonl => "A line is a JSON object with a document in one of its fields",
            Container::Csv => "CSV or TSV with a header row: a row is a document",
            Container::Wet => "WARC `conversion` records, as in Common Crawl's WET files",
            Container::Parquet => "Parquet: a row is a document",
        }
    }
}

/// A record format in [`FORMATS`].
pub(crate) struct Entry {
    container: Container,
    /// Detects a file of this format from its first bytes and its name.
    detect: fn(&Head<'_>) -> Option<Detected>,
    /// The format of the file that begins with `head`.
    open: fn(&Head<'_>) -> Result<Arc<dyn RecordFormat>, Reason>,
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
) -> Option<Result<Arc<dyn RecordFormat>, Reason>> {
    let entry = FORMATS.iter().find(|entry| entry.container == container)?;
    Some((entry.open)(head))
}

/// The container whose record a ledger record describes, if the record was rewritten.
pub(crate) fn rewritten(record: &Record<'_>) -> Option<Container> {
    FORMATS.iter().find(|entry| (entry.rewrote)(record)).map(|entry| entry.container)
}

/// The original of a document, from its output, if both have the digests in the ledger. `format` is
/// that of the file which the document is a record of.
pub(crate) fn original(
    record: &Record<'_>,
    output: &[u8],
    format: Option<&dyn RecordFormat>,
) -> Result<Vec<u8>, Reason> {
    if ledger::output_digest(output) != record.digest.output {
        return Err("the cleaned text was changed after the run".into());
    }
    let original = match format.filter(|_| rewritten(record).is_some()) {
        Some(format) => format.restore(record, output),
        None => restore_text(record, output),
    }?;
    match Some(ledger::digest(&original)) == record.digest.original {
        true => Ok(original),
        false => Err("the ledger is damaged: it does not restore the original".into()),
    }
}

/// The original of a text, or of a record that passed through.
pub(crate) fn restore_text(record: &Record<'_>, output: &[u8]) -> Result<Vec<u8>, Reason> {
    record.undo.restore(output).map_err(|error| error.to_string().into())
}
