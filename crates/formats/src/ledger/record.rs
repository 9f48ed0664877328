//! The ledger record of a document, and what it stores to restore the record around a text: one type
//! per record format.

use std::borrow::Cow;

use chaffinch_core::stage::RuleId;
use chaffinch_core::{Cleaned, Coding, Undo, Verdict, date};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::digests::{digest, output_digest};

/// What happened to one document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record<'a> {
    /// The output file.
    pub file: Cow<'a, str>,
    /// The document's position in it, from 0; in JSONL, that of its line.
    pub ordinal: u64,
    /// The document's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
    /// The digests of the original and of the output.
    pub digest: Digests,
    /// The outlet that it was recognised as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet: Option<Cow<'a, str>>,
    /// How it was recognised: `given`, `host`, `path` or `signs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognised_by: Option<Cow<'a, str>>,
    /// The result.
    pub verdict: Verdict,
    /// Why it is suspect or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// How to undo it.
    pub undo: Undo<'a>,
    /// How to undo the JSON row around it; none for rows passed through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<RowUndo>,
    /// How to undo the headers of its WARC record; none for records passed through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderUndo>,
    /// How to undo the CSV row around it; none for rows passed through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellUndo>,
    /// The input that it comes from, if it was converted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin<'a>>,
    /// The Parquet column that holds its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<Cow<'a, str>>,
    /// Whether it is a record of a container; omitted if it has a [`Record::row`] or
    /// [`Record::cell`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_container: bool,
    /// The length in bytes of a record that passed through without being read into memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its day, as `2024-05-31`, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// Lines left below the last sentence.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tail_lines: u64,
    /// Metadata recovered.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// The digests of a document's original and of its output. They are written as one hexadecimal word
/// with a dash between them, which keeps the ledger small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// The xxh3-128 of the bytes of the original: of the file, the row or the column's value. None
    /// for an original that was too long to be read into memory.
    pub original: Option<u128>,
    /// 32 bits of the xxh3-64 of the output.
    pub output: u32,
}

impl Digests {
    /// Of an original and its output.
    pub fn of(original: &[u8], output: &[u8]) -> Digests {
        Digests { original: Some(digest(original)), output: output_digest(output) }
    }
}

impl Serialize for Digests {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.original {
            Some(original) => to.collect_str(&format_args!("{original:032x}-{:08x}", self.output)),
            None => to.serialize_str(""),
        }
    }
}

impl<'de> Deserialize<'de> for Digests {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Digests, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            return Ok(Digests::default());
        }
        let digests = text.split_once('-').and_then(|(original, output)| {
            let original = Some(u128::from_str_radix(original, 16).ok()?);
            Some(Digests { original, output: u32::from_str_radix(output, 16).ok()? })
        });
        digests.ok_or_else(|| D::Error::custom("not a digest"))
    }
}

impl<'a> Record<'a> {
    /// The record of a document that passed through as bytes.
    pub fn untouched(file: &'a str, ordinal: u64, bytes: &[u8], reason: String) -> Record<'a> {
        let (edits, patches) = (Vec::new(), Vec::new());
        Record {
            file: Cow::Borrowed(file),
            ordinal,
            id: None,
            outlet: None,
            recognised_by: None,
            verdict: Verdict::Failed,
            reason: Some(Cow::Owned(reason)),
            digest: Digests::of(bytes, bytes),
            undo: Undo { coding: Coding::UTF_8, raw: true, edits, patches },
            row: None,
            headers: Vec::new(),
            cell: None,
            origin: None,
            column: None,
            in_container: false,
            bytes: None,
            day: None,
            tail_lines: 0,
            fields: serde_json::Map::new(),
        }
    }

    /// The record of a document that passed through without being read into memory.
    pub fn unseen(file: &'a str, ordinal: u64, reason: String) -> Record<'a> {
        let digest = Digests::default();
        Record { digest, ..Record::untouched(file, ordinal, b"", reason) }
    }

    /// The record of a cleaned document; the output is not known yet, and rules have the numbers
    /// that `number` gives them.
    pub fn new(
        file: &'a str,
        ordinal: u64,
        original: &[u8],
        cleaned: &'a Cleaned<'_>,
        number: impl FnMut(RuleId) -> u32,
    ) -> Record<'a> {
        Record {
            file: Cow::Borrowed(file),
            ordinal,
            id: None,
            outlet: cleaned.outlet().map(|(outlet, _)| Cow::Borrowed(outlet)),
            recognised_by: cleaned.outlet().map(|(_, how)| Cow::Borrowed(how.as_str())),
            verdict: cleaned.verdict(),
            reason: cleaned.reason().map(Cow::Borrowed),
            digest: Digests { original: Some(digest(original)), output: 0 },
            undo: cleaned.undo(number),
            row: None,
            headers: Vec::new(),
            cell: None,
            origin: None,
            column: None,
            in_container: false,
            bytes: None,
            day: cleaned.fields().get("date").and_then(date::iso),
            tail_lines: cleaned.tail_lines() as u64,
            fields: cleaned.fields().to_json(),
        }
    }

    /// Whether it is a record of a container.
    pub fn is_record(&self) -> bool {
        self.in_container || self.row.is_some() || self.cell.is_some()
    }

    /// The name of the document in messages: its file and its position there; those of the input, if
    /// it was converted.
    pub fn name(&self) -> Cow<'_, str> {
        if let Some(Origin { file, record }) = &self.origin {
            return match record {
                Some(record) => Cow::Owned(format!("{file}:{}", record + 1)),
                None => Cow::Borrowed(file),
            };
        }
        match self.is_record() {
            true => Cow::Owned(format!("{}:{}", self.file, self.ordinal + 1)),
            false => Cow::Borrowed(&self.file),
        }
    }
}

// serde passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How to restore a JSON row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowUndo {
    /// The name of the field that holds the text; `text` by default.
    #[serde(default = "text", skip_serializing_if = "is_text")]
    pub field: String,
    /// How the removed text was escaped.
    #[serde(default, skip_serializing_if = "is_few")]
    pub escapes: Escapes,
    /// Each removed text as it was written in the row, if no style of escapes reproduces it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<String>,
    /// The value that the added column replaced, as it was written in the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

/// Which characters a JSON string escapes although JSON does not require it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Escapes {
    /// None.
    #[default]
    Few,
    /// All that are not ASCII, as Python's `json.dumps` does.
    Ascii,
    /// The slash, as `\/`.
    Slash,
    /// All that are not ASCII, and the slash, as PHP's `json_encode` does.
    Php,
}

fn text() -> String {
    "text".to_owned()
}

fn is_text(field: &str) -> bool {
    field == "text"
}

// serde passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_few(escapes: &Escapes) -> bool {
    *escapes == Escapes::Few
}

/// How to restore a row of CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellUndo {
    /// The number of the field that holds the text, from 0.
    pub column: usize,
    /// Whether the field was in quotes, if the written one differs in that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted: Option<bool>,
}

/// How to restore a range of the headers of a WARC record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderUndo {
    /// The byte of the written record at which the range begins.
    pub at: usize,
    /// Its length there, in bytes.
    pub len: usize,
    /// The original text.
    pub text: String,
}

/// Where a converted document comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin<'a> {
    /// The input file.
    pub file: Cow<'a, str>,
    /// The number of its record there, from 0; none for a file that is a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
}
