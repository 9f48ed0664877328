//! The result of cleaning a document: the text that is left, the edits, the recovered fields, and
//! the record that restores the original.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chaffinch_rules::How;
use chaffinch_stage::{RuleId, Span};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decode::{self, Coding, Decoded, Patch};
use crate::edits::{self, Edit};
use crate::engine::Outcome;

/// The outcome of cleaning a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Something was removed or replaced.
    Cleaned,
    /// There was nothing to remove.
    Unchanged,
    /// The rules would have removed too much, so some or all cuts were dropped. Should be reviewed.
    Suspect,
    /// It could not be cleaned and passed through unchanged.
    Failed,
}

impl Verdict {
    /// All verdicts, best first.
    pub const ALL: [Verdict; 4] =
        [Verdict::Cleaned, Verdict::Unchanged, Verdict::Suspect, Verdict::Failed];
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Cleaned => "cleaned",
            Verdict::Unchanged => "unchanged",
            Verdict::Suspect => "suspect",
            Verdict::Failed => "failed",
        })
    }
}

/// The standard fields, in display order. Other fields follow, sorted by name.
pub const STANDARD_FIELDS: &[&str] =
    &["title", "date", "place", "section", "authors", "agency", "tags", "caption", "outlet"];

/// Fields that are always lists, even with one value.
const LISTS: &[&str] = &["authors", "tags"];

/// Metadata recovered from a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    fields: Vec<(String, Values)>,
}

/// The values of a field, without duplicates.
#[derive(Clone, Debug, Default)]
struct Values {
    list: Vec<String>,
    /// The same values, filled only if there are more than [`Values::FEW`].
    seen: HashSet<String>,
}

impl PartialEq for Values {
    fn eq(&self, other: &Values) -> bool {
        self.list == other.list
    }
}

impl Eq for Values {}

impl Values {
    /// The maximum number of values that are compared one by one.
    const FEW: usize = 8;

    fn add(&mut self, value: String) {
        let is_new = if self.list.len() < Values::FEW {
            !self.list.contains(&value)
        } else {
            if self.seen.is_empty() {
                self.seen.extend(self.list.iter().cloned());
            }
            self.seen.insert(value.clone())
        };
        if is_new {
            self.list.push(value);
        }
    }
}

impl Fields {
    /// Adds a value, unless the field already has it. Dates are normalised to ISO 8601 if they can
    /// be parsed. `tags` are split at separators.
    pub fn add(&mut self, name: &str, value: &str) {
        match name {
            "date" => {
                let iso = chaffinch_stages::date::iso(value);
                self.add_one(name, iso.unwrap_or_else(|| value.to_owned()));
            }
            "tags" => {
                let parts = value.split([',', ';', '|', '#', '•', '·', '、', '،', '؛', '，']);
                for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
                    self.add_one(name, part.to_owned());
                }
            }
            _ => self.add_one(name, value.trim().to_owned()),
        }
    }

    fn add_one(&mut self, name: &str, value: String) {
        if value.is_empty() {
            return;
        }
        let rank = |name: &str| {
            let known = STANDARD_FIELDS.iter().position(|known| *known == name);
            (known.unwrap_or(STANDARD_FIELDS.len()), name.to_owned())
        };
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.add(value),
            None => {
                let at = self.fields.partition_point(|(known, _)| rank(known) < rank(name));
                let mut values = Values::default();
                values.add(value);
                self.fields.insert(at, (name.to_owned(), values));
            }
        }
    }

    /// The names and values of all fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.fields.iter().map(|(name, values)| (name.as_str(), values.list.as_slice()))
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name)?.1.first().map(String::as_str)
    }

    /// Parses the output of [`Fields::to_json`].
    fn from_json(json: &serde_json::Map<String, Value>) -> Fields {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let values = |value: &Value| match value {
            Value::Array(all) => all.iter().filter_map(text).collect(),
            one => text(one).into_iter().collect(),
        };
        let field = |(name, value): (&String, &Value)| {
            (name.clone(), Values { list: values(value), seen: HashSet::new() })
        };
        Fields { fields: json.iter().map(field).collect() }
    }

    /// The fields as JSON: a string for one value, a list for several, and always a list for
    /// `authors` and `tags`.
    pub fn to_json(&self) -> serde_json::Map<String, Value> {
        let value = |name: &str, values: &[String]| match values {
            [one] if !LISTS.contains(&name) => Value::from(one.as_str()),
            all => Value::from(all.to_vec()),
        };
        self.iter().map(|(name, values)| (name.to_owned(), value(name, values))).collect()
    }
}

/// The result of cleaning a document in an earlier run, as read from its ledger.
#[derive(Clone, Debug)]
pub struct Recalled {
    /// The edits, in order.
    pub edits: Vec<Edit>,
    /// The recovered metadata, in the form of [`Fields::to_json`].
    pub fields: serde_json::Map<String, Value>,
    /// The verdict.
    pub verdict: Verdict,
    /// The reason for the verdict `suspect`.
    pub reason: Option<String>,
    /// The outlet, and how it was detected.
    pub outlet: Option<(String, How)>,
    /// The number of non-blank lines left below the last body line.
    pub tail_lines: usize,
}

/// A cleaned document.
#[derive(Clone, Debug)]
pub struct Cleaned<'a> {
    bytes_in: usize,
    source: Cow<'a, str>,
    coding: Coding,
    patches: Vec<Patch>,
    // The bytes of a document that passes through unchanged.
    raw: Option<Cow<'a, [u8]>>,
    // The cleaned text, made on first use: rows are rewritten without it.
    text: OnceLock<String>,
    edits: Vec<Edit>,
    fields: Fields,
    verdict: Verdict,
    reason: Option<String>,
    outlet: Option<(String, How)>,
    refused: Vec<(String, usize)>,
    failed_stages: Vec<String>,
    tail_lines: usize,
}

impl<'a> Cleaned<'a> {
    pub(crate) fn new(decoded: Decoded<'a>, outcome: Outcome) -> Cleaned<'a> {
        let Outcome { edits, fields, verdict, reason, outlet, refused, failed_stages, tail_lines } =
            outcome;
        Cleaned {
            bytes_in: decoded.text.len(),
            source: decoded.text,
            coding: decoded.coding,
            patches: decoded.patches,
            raw: None,
            text: OnceLock::new(),
            edits,
            fields,
            verdict,
            reason,
            outlet,
            refused,
            failed_stages,
            tail_lines,
        }
    }

    /// A document with the results of an earlier run.
    pub(crate) fn recalled(decoded: Decoded<'a>, recalled: Recalled) -> Cleaned<'a> {
        let Recalled { edits, fields, verdict, reason, outlet, tail_lines } = recalled;
        let outcome = Outcome {
            edits,
            fields: Fields::from_json(&fields),
            verdict,
            reason,
            outlet,
            refused: Vec::new(),
            failed_stages: Vec::new(),
            tail_lines,
        };
        Cleaned::new(decoded, outcome)
    }

    /// A document that could not be decoded.
    pub(crate) fn untouched(bytes: &'a [u8], reason: String) -> Cleaned<'a> {
        let decoded =
            Decoded { text: Cow::Borrowed(""), coding: Coding::UTF_8, patches: Vec::new() };
        let mut cleaned = Cleaned::untouched_text(decoded, reason);
        cleaned.bytes_in = bytes.len();
        cleaned.raw = Some(Cow::Borrowed(bytes));
        cleaned
    }

    /// A document that was decoded but could not be cleaned.
    pub(crate) fn untouched_text(decoded: Decoded<'a>, reason: String) -> Cleaned<'a> {
        let outcome = Outcome {
            edits: Vec::new(),
            fields: Fields::default(),
            verdict: Verdict::Failed,
            reason: Some(reason),
            outlet: None,
            refused: Vec::new(),
            failed_stages: Vec::new(),
            tail_lines: 0,
        };
        // It passes through unchanged, in its own encoding.
        let raw = decode::encode(&decoded.text, &decoded.coding, &decoded.patches);
        let mut cleaned = Cleaned::new(decoded, outcome);
        cleaned.raw = raw.map(Cow::Owned);
        cleaned
    }

    /// The same result, with owned copies of everything it borrows.
    pub fn into_owned(self) -> Cleaned<'static> {
        Cleaned {
            bytes_in: self.bytes_in,
            source: Cow::Owned(self.source.into_owned()),
            coding: self.coding,
            patches: self.patches,
            raw: self.raw.map(|raw| Cow::Owned(raw.into_owned())),
            text: self.text,
            edits: self.edits,
            fields: self.fields,
            verdict: self.verdict,
            reason: self.reason,
            outlet: self.outlet,
            refused: self.refused,
            failed_stages: self.failed_stages,
            tail_lines: self.tail_lines,
        }
    }

    /// The output: cleaned UTF-8 text, or the original bytes of a failed document.
    pub fn output(&self) -> &[u8] {
        self.raw.as_deref().unwrap_or_else(|| self.text().as_bytes())
    }

    /// The cleaned text. Empty if the document could not be decoded.
    pub fn text(&self) -> &str {
        match self.edits.is_empty() {
            true => &self.source,
            false => self.text.get_or_init(|| edits::apply(&self.source, &self.edits)),
        }
    }

    /// The decoded text before cleaning. Empty if the document could not be decoded.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The edits, in order.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The edits that overlap `span`, in order. Takes logarithmic time.
    pub fn edits_in(&self, span: Span) -> &[Edit] {
        let from = self.edits.partition_point(|edit| edit.span.end() <= span.start());
        let to = self.edits.partition_point(|edit| edit.span.start() < span.end());
        &self.edits[from..to.max(from)]
    }

    /// The metadata recovered from the document.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The reason for the verdict `suspect` or `failed`.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The outlet, and how it was detected.
    pub fn outlet(&self) -> Option<(&str, How)> {
        self.outlet.as_ref().map(|(outlet, how)| (outlet.as_str(), *how))
    }

    /// How the document was decoded.
    pub fn coding(&self) -> &Coding {
        &self.coding
    }

    /// The number of marks that the engine rejected, by stage.
    pub fn refused(&self) -> &[(String, usize)] {
        &self.refused
    }

    /// The stages that could not judge the document. The verdict is then
    /// [`Suspect`](Verdict::Suspect), and the document was cleaned without their marks.
    pub fn failed_stages(&self) -> &[String] {
        &self.failed_stages
    }

    /// The number of non-blank lines left below the last body line. A high number suggests missing
    /// rules.
    pub fn tail_lines(&self) -> usize {
        self.tail_lines
    }

    /// The length of the decoded document, in bytes.
    pub fn bytes_in(&self) -> usize {
        self.bytes_in
    }

    /// The number of bytes removed. A replacement counts by how much shorter it is.
    pub fn bytes_removed(&self) -> usize {
        self.edits.iter().map(|edit| edit.span.len().saturating_sub(edit.with.len())).sum()
    }

    /// The record that restores the original from the output. `number` maps rule ids to the
    /// ledger's rule numbers.
    pub fn undo(&self, mut number: impl FnMut(RuleId) -> u32) -> Undo<'_> {
        let edits = self.edits.iter().map(|edit| LedgerEdit {
            at: edit.span.start(),
            rule: number(edit.rule),
            text: Cow::Borrowed(&self.source[edit.span.range()]),
            with: Cow::Borrowed(&edit.with),
            confidence: edit.confidence,
        });
        let patches = self.patches.iter().map(|patch| LedgerPatch {
            at: patch.at,
            len: patch.len,
            bytes: BASE64.encode(&patch.bytes),
        });
        Undo {
            coding: self.coding.clone(),
            raw: self.raw.is_some(),
            edits: edits.collect(),
            patches: patches.collect(),
        }
    }

    /// The original bytes, restored from only the output and the edits.
    ///
    /// # Errors
    /// None for a result of the engine.
    pub fn restore(&self) -> Result<Vec<u8>, RestoreError> {
        self.undo(|rule| rule.0).restore(self.output())
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_in_returns_the_edits_that_overlap_a_span() {
        let edit = |start, end| {
            let span = Span::new(start, end);
            Edit { span, rule: RuleId(0), with: String::new(), confidence: None }
        };
        let decoded =
            Decoded { text: "0123456789".into(), coding: Coding::UTF_8, patches: Vec::new() };
        let mut cleaned = Cleaned::untouched_text(decoded, String::new());
        cleaned.edits = vec![edit(1, 2), edit(2, 4), edit(7, 9)];
        for span in (0..10).flat_map(|start| (start + 1..11).map(move |end| Span::new(start, end)))
        {
            let naive = cleaned.edits.iter().filter(|edit| edit.span.overlaps(span));
            assert!(cleaned.edits_in(span).iter().eq(naive), "{span:?}");
        }
    }

    #[test]
    fn duplicate_values_of_a_field_are_dropped() {
        let values: Vec<String> =
            (0..3 * Values::FEW).map(|number| format!("tag {number}")).collect();
        let mut fields = Fields::default();
        for value in values.iter().chain(&values) {
            fields.add("tags", value);
        }
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("tags", values.as_slice())]);
        // The same applies to fields read from a ledger.
        let mut read = Fields::from_json(&fields.to_json());
        values.iter().for_each(|value| read.add("tags", value));
        assert_eq!(read, fields);
    }
}
