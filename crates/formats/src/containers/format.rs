//! The traits that each record format implements, and their types.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use chaffinch_core::Cleaned;
use serde::{Deserialize, Serialize};

use super::reason::Reason;
use crate::ledger::Record;

/// The column that a run adds to records.
pub(crate) const COLUMN: &str = "chaffinch";

/// The names of the fields of a record. In JSON, a name with dots leads into objects.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FieldNames {
    /// The text; the first of these that a record has.
    pub text: Vec<String>,
    /// The document's id.
    pub id: String,
    /// Its URL.
    pub url: String,
    /// Its date.
    pub date: String,
}

impl Default for FieldNames {
    fn default() -> FieldNames {
        let text = ["text", "content", "body"].map(str::to_owned).to_vec();
        FieldNames { text, id: "id".into(), url: "url".into(), date: "date".into() }
    }
}

/// The start of a file.
pub(crate) struct Head<'a> {
    /// The name of the file.
    pub(crate) name: &'a str,
    /// Its first bytes, uncompressed.
    pub(crate) bytes: &'a [u8],
    /// Whether they are all of it.
    pub(crate) ended: bool,
    /// The names of the fields that are read.
    pub(crate) names: &'a FieldNames,
}

impl<'a> Head<'a> {
    /// The bytes without a byte order mark and leading white space.
    pub(crate) fn text(&self) -> &'a [u8] {
        self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.bytes).trim_ascii_start()
    }
}

/// What detection found: a file of a format, or a file of documents that is not read, and what to
/// do about it.
pub(crate) type Detected = Result<(), Reason>;

/// How the records of one file are read, rewritten and restored. Records are numbered from 0.
pub(crate) trait RecordFormat: Send + Sync {
    /// The plural noun for records in messages: `lines`, `rows` or `records`.
    fn unit(&self) -> &'static str;

    /// Why the file cannot be cleaned, if that is so.
    fn check(&self) -> Result<(), Reason> {
        Ok(())
    }

    /// The bytes that every shard of a file begins with, such as a header row.
    fn header(&self) -> &[u8] {
        &[]
    }

    /// Finds the end of record `number` at the start of `bytes`, which are not empty. `ended` says
    /// that no more bytes follow. The result does not change when more bytes are read, so a file
    /// has the same records whatever the size of its chunks.
    fn frame(&self, bytes: &[u8], number: u64, ended: bool) -> Frame;

    /// Finds the end of a stretch that passes through unread. `from` is the byte of the file at
    /// which the stretch begins, `at` the one at which `bytes` begin. `None` if more bytes are
    /// needed.
    fn skip(&self, stretch: Stretch, from: u64, at: u64, bytes: &[u8], ended: bool)
    -> Option<Skip>;

    /// Why a stretch of so many bytes passed through unread.
    fn reason(&self, _stretch: Stretch, _bytes: u64) -> String {
        chaffinch_core::NotText::TooLong.to_string()
    }

    /// What record `number` is.
    fn kind(&self, record: &[u8], number: u64) -> Kind;

    /// Parses a record. `None` means that the
    /// record is not a document.
    fn parse<'a>(&'a self, record: &'a [u8]) -> Result<Option<Box<dyn ParsedRecord + 'a>>, Reason>;

    /// The original of a record that was rewritten.
    fn restore(&self, record: &Record<'_>, written: &[u8]) -> Result<Vec<u8>, Reason>;
}

/// A record that holds a document.
pub(crate) trait ParsedRecord {
    /// The text of the document.
    fn text(&self) -> Text<'_>;
    /// Its id.
    fn id(&self) -> Option<Cow<'_, str>>;
    /// Its URL.
    fn url(&self) -> Option<Cow<'_, str>>;
    /// Its date, as written.
    fn date(&self) -> Option<Cow<'_, str>>;
    /// The value of a field, as text.
    fn field(&self, name: &str) -> Option<String>;
    /// Appends the record with the cleaned text to `out`, and writes to `record` how to undo the
    /// change; if that implies that it is a record of a container, clears
    /// [`in_container`](Record::in_container). `column` is the JSON value of the added column. The
    /// error is the reason why the record cannot hold the cleaned text.
    fn rewrite(
        &self,
        cleaned: &Cleaned<'_>,
        column: &str,
        record: &mut Record<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason>;
}

/// The text of a record.
#[derive(Clone, Copy)]
pub(crate) enum Text<'a> {
    Decoded(&'a str),
    /// The encoding is not known.
    Bytes(&'a [u8]),
}

impl<'a> Text<'a> {
    pub(crate) fn as_bytes(self) -> &'a [u8] {
        match self {
            Text::Decoded(text) => text.as_bytes(),
            Text::Bytes(bytes) => bytes,
        }
    }

    pub(crate) fn to_str(self) -> Cow<'a, str> {
        match self {
            Text::Decoded(text) => Cow::Borrowed(text),
            Text::Bytes(bytes) => String::from_utf8_lossy(bytes),
        }
    }
}

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing, such as a blank line.
    Blank,
    /// A header, which every sample keeps.
    Header,
    /// A record about the file or about other records, which no sample keeps.
    Other,
    /// A document: the ledger has a record of it.
    Document,
}

/// The bytes at the start of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A complete record of so many bytes, with what separates it from the next one.
    Whole(usize),
    /// More bytes are needed to find the length of the record. The format limits how many.
    NeedsHead,
    /// So many bytes are needed. If they exceed the size limit, the record passes through, as
    /// [`Stretch::Long`] with the byte of the file at which it ends.
    NeedsBytes(usize),
    /// More bytes are needed to find the end of the record. If the record exceeds the size limit,
    /// it passes through as this stretch.
    NeedsEnd(Stretch),
    /// Not a record: it passes through as this stretch.
    Broken(Stretch),
}

/// A stretch of a file that passes through unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stretch {
    /// A record over the size limit. The number is the format's own: it says where in the record
    /// the stretch continues or ends.
    Long(u64),
    /// Bytes that are not WARC, up to the next record.
    Broken(Fault),
}

/// The part of a stretch that was found.
#[derive(Debug)]
pub(crate) struct Skip {
    /// Its length in bytes.
    pub(crate) bytes: usize,
    /// Whether the stretch ends there.
    pub(crate) ends: bool,
    /// How the stretch continues.
    pub(crate) stretch: Stretch,
}

/// Why a WARC record cannot be framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fault {
    NoVersion,
    NoHeaderEnd,
    NoLength,
    WrongLength,
    CutOff,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::NoVersion => "it does not begin with a WARC version line",
            Fault::NoHeaderEnd => "its headers have no end",
            Fault::NoLength => "it has no valid Content-Length",
            Fault::WrongLength => "its Content-Length does not lead to the next record",
            Fault::CutOff => "its Content-Length leads past the end of the file",
        })
    }
}

/// The records of a chunk of a file, each with its number; `first` is the number of the first.
pub(crate) fn records<'a>(
    format: &'a dyn RecordFormat,
    bytes: &'a [u8],
    first: u64,
) -> impl Iterator<Item = (u64, &'a [u8])> {
    let (mut rest, mut next) = (bytes, first);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = match format.frame(rest, next, true) {
            Frame::Whole(length) => length,
            _ => rest.len(),
        };
        let (record, after) = rest.split_at(length);
        rest = after;
        next += 1;
        Some((next - 1, record))
    })
}

/// Whether a name ends in one of these extensions, apart from the one for compression.
pub(crate) fn named(name: &str, endings: &[&str]) -> bool {
    let packed = ["gz", "zst", "bz2"].iter().find_map(|e| name.strip_suffix(&format!(".{e}")));
    let path = Path::new(packed.unwrap_or(name));
    path.extension().is_some_and(|ending| endings.iter().any(|e| ending.eq_ignore_ascii_case(e)))
}
