//! What the ledger stores to restore the record around a text, one type per record format.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// How to restore a JSON row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowUndo {
    /// The name of the field that holds the text; `text` by default.
    #[serde(default = "text", skip_serializing_if = "is_text")]
    pub field: String,
    /// How the removed text was escaped.
    #[serde(default, skip_serializing_if = "is_few")]
    pub escapes: Escapes,
    /// Each removed text as it was written in the row, if no style of escapes gives it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<String>,
    /// The value that the added column replaced, as it was written in the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

/// Which characters a JSON string escapes although it need not.
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
