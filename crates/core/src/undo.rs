//! The record that restores an original from its cleaned text, in the form in which ledgers store it.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::decode::{self, Coding, Patch};

/// An edit as stored in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEdit<'a> {
    /// The start of the edited range in the decoded original, in bytes.
    pub at: usize,
    /// The rule, by its index in the ledger's rule table.
    pub rule: u32,
    /// The original text.
    pub text: Cow<'a, str>,
    /// The replacement, empty for a removal.
    pub with: Cow<'a, str>,
    /// The confidence, in percent, that the text is boilerplate, if a stage estimated one.
    pub confidence: Option<u8>,
}

impl LedgerEdit<'_> {
    /// The end of the edited range in the decoded original, in bytes.
    pub fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// The number of bytes removed. A replacement counts by how much shorter it is.
    pub fn removed(&self) -> usize {
        self.text.len().saturating_sub(self.with.len())
    }
}

/// The serialised form of edits. Each is a list: the number of bytes since the previous edit, the
/// rule, the original text, the replacement if not empty, and the confidence if there is one.
mod edits_def {
    use std::borrow::Cow;

    use serde::de::{Error as _, SeqAccess, Visitor};
    use serde::ser::{Error as _, SerializeSeq};
    use serde::{Deserialize, Deserializer, Serializer};

    use super::LedgerEdit;

    pub(super) fn serialize<S: Serializer>(
        edits: &[LedgerEdit<'_>],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let (mut list, mut end) = (to.serialize_seq(Some(edits.len()))?, 0);
        for edit in edits {
            let between = edit.at.checked_sub(end);
            let between = between.ok_or_else(|| S::Error::custom("edits are out of order"))?;
            end = edit.end();
            let LedgerEdit { rule, text, with, confidence, .. } = edit;
            match (confidence, with.is_empty()) {
                (Some(confidence), _) => {
                    list.serialize_element(&(between, rule, text, with, confidence))?;
                }
                (None, true) => list.serialize_element(&(between, rule, text))?,
                (None, false) => list.serialize_element(&(between, rule, text, with))?,
            }
        }
        list.end()
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<LedgerEdit<'static>>, D::Error> {
        let mut end = 0_usize;
        let edit = |Entry(between, rule, text, with, confidence): Entry| {
            let at = end.checked_add(between);
            let after = at.and_then(|at| at.checked_add(text.len()));
            let (Some(at), Some(after)) = (at, after) else {
                return Err(D::Error::custom("the offset of an edit is out of range"));
            };
            end = after;
            let (text, with) = (Cow::Owned(text), Cow::Owned(with));
            Ok(LedgerEdit { at, rule, text, with, confidence })
        };
        Vec::<Entry>::deserialize(from)?.into_iter().map(edit).collect()
    }

    struct Entry(usize, u32, String, String, Option<u8>);

    impl<'de> Deserialize<'de> for Entry {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Entry, D::Error> {
            struct List;
            impl<'de> Visitor<'de> for List {
                type Value = Entry;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an edit: gap in bytes, rule, text")
                }

                fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entry, A::Error> {
                    let short = |count| A::Error::invalid_length(count, &self);
                    Ok(Entry(
                        list.next_element()?.ok_or_else(|| short(0))?,
                        list.next_element()?.ok_or_else(|| short(1))?,
                        list.next_element()?.ok_or_else(|| short(2))?,
                        list.next_element()?.unwrap_or_default(),
                        list.next_element()?,
                    ))
                }
            }
            from.deserialize_seq(List)
        }
    }
}

/// A [`Patch`] as stored in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerPatch {
    /// The start of the range in the decoded original, in bytes.
    pub at: usize,
    /// The length of the range in the decoded original, in bytes.
    pub len: usize,
    /// The original bytes, in Base64.
    pub bytes: String,
}

/// The record that restores the original from the output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo<'a> {
    /// How the original was decoded. Default: UTF-8.
    #[serde(default = "utf_8", skip_serializing_if = "is_utf_8")]
    pub coding: Coding,
    /// Whether the output is the unchanged bytes of the original.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub raw: bool,
    /// The edits, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "edits_def")]
    pub edits: Vec<LedgerEdit<'a>>,
    /// The ranges that would not encode back to the original bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<LedgerPatch>,
}

fn utf_8() -> Coding {
    Coding::UTF_8
}

fn is_utf_8(coding: &Coding) -> bool {
    *coding == Coding::UTF_8
}

impl Undo<'_> {
    /// The original bytes.
    ///
    /// # Errors
    /// If `output` is not the output of this record, or the record is damaged.
    pub fn restore(&self, output: &[u8]) -> Result<Vec<u8>, RestoreError> {
        if self.raw {
            return Ok(output.to_vec());
        }
        let output = std::str::from_utf8(output).map_err(|_| RestoreError::Edited)?;
        let text = self.restore_text(output)?;
        let patches: Option<Vec<Patch>> = self
            .patches
            .iter()
            .map(|patch| {
                let bytes = BASE64.decode(&patch.bytes).ok()?;
                Some(Patch { at: patch.at, len: patch.len, bytes })
            })
            .collect();
        let patches = patches.ok_or(RestoreError::Damaged)?;
        decode::encode(&text, &self.coding, &patches).ok_or(RestoreError::Damaged)
    }

    /// The decoded original.
    ///
    /// # Errors
    /// Like [`Undo::restore`].
    pub fn restore_text(&self, output: &str) -> Result<String, RestoreError> {
        let mut text = String::with_capacity(output.len());
        let mut left = output;
        for edit in &self.edits {
            let between = edit.at.checked_sub(text.len()).ok_or(RestoreError::Damaged)?;
            text.push_str(left.get(..between).ok_or(RestoreError::Edited)?);
            left = left[between..].strip_prefix(&*edit.with).ok_or(RestoreError::Edited)?;
            text.push_str(&edit.text);
        }
        text.push_str(left);
        Ok(text)
    }
}

/// Why an original cannot be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The output was changed after the run.
    Edited,
    /// The record is inconsistent.
    Damaged,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RestoreError::Edited => "the cleaned text was changed after the run",
            RestoreError::Damaged => "the ledger is damaged",
        })
    }
}

impl std::error::Error for RestoreError {}
