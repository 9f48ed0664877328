//! A cleaned document: what is left, what was cut, and the way back.

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

use crate::clean::Outcome;
use crate::decode::{self, Coding, Decoded, Patch};
use crate::edits::{self, Edit};

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Something was cut or replaced.
    Cleaned,
    /// There was nothing to cut.
    Unchanged,
    /// The rules would have cut too much: less was cut, or nothing. To be looked at.
    Suspect,
    /// It could not be cleaned: it passed through as it was.
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

/// Names of fields, in the order in which they are shown; others follow by name.
const FIELD_ORDER: &[&str] =
    &["title", "date", "place", "section", "authors", "agency", "tags", "caption", "outlet"];

/// Fields that are lists, even of one value.
const LISTS: &[&str] = &["authors", "tags"];

/// Metadata recovered from a document's residue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    fields: Vec<(String, Values)>,
}

/// The values of a field, each once.
#[derive(Clone, Debug, Default)]
struct Values {
    list: Vec<String>,
    /// The same values, once there are more than a few.
    seen: HashSet<String>,
}

impl PartialEq for Values {
    fn eq(&self, other: &Values) -> bool {
        self.list == other.list
    }
}

impl Eq for Values {}

impl Values {
    /// The number of values that are compared one by one.
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
    /// Adds a value, unless the field has it already. Dates are written as ISO 8601 where they can
    /// be read; `tags` are taken apart where a separator tells.
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
            let known = FIELD_ORDER.iter().position(|known| *known == name);
            (known.unwrap_or(FIELD_ORDER.len()), name.to_owned())
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

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.fields.iter().map(|(name, values)| (name.as_str(), values.list.as_slice()))
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name)?.1.first().map(String::as_str)
    }

    /// From what [`Fields::to_json`] gives.
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

    /// As JSON: a text for one value, a list for several, and always for `authors` and `tags`.
    pub fn to_json(&self) -> serde_json::Map<String, Value> {
        let value = |name: &str, values: &[String]| match values {
            [one] if !LISTS.contains(&name) => Value::from(one.as_str()),
            all => Value::from(all.to_vec()),
        };
        self.iter().map(|(name, values)| (name.to_owned(), value(name, values))).collect()
    }
}

/// What an earlier run found out about a document, so that it need not be cleaned again.
#[derive(Clone, Debug)]
pub struct Recalled {
    /// What it cut and replaced, in order.
    pub edits: Vec<Edit>,
    /// Metadata recovered, as [`Fields::to_json`] gives it.
    pub fields: serde_json::Map<String, Value>,
    /// What became of the document.
    pub verdict: Verdict,
    /// Why it is suspect.
    pub reason: Option<String>,
    /// Its outlet, and how it was recognised.
    pub outlet: Option<(String, How)>,
    /// Lines left below the last sentence.
    pub tail_lines: usize,
}

/// A cleaned document.
#[derive(Clone, Debug)]
pub struct Cleaned<'a> {
    bytes_in: usize,
    source: Cow<'a, str>,
    coding: Coding,
    patches: Vec<Patch>,
    // For documents that are not text: their bytes.
    raw: Option<Cow<'a, [u8]>>,
    // What is left, made when it is first asked for: a row is cut without it.
    text: OnceLock<String>,
    edits: Vec<Edit>,
    fields: Fields,
    verdict: Verdict,
    reason: Option<String>,
    outlet: Option<(String, How)>,
    refused: Vec<(String, usize)>,
    tail_lines: usize,
}

impl<'a> Cleaned<'a> {
    pub(crate) fn new(decoded: Decoded<'a>, outcome: Outcome) -> Cleaned<'a> {
        let Outcome { edits, fields, verdict, reason, outlet, refused, tail_lines } = outcome;
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
            tail_lines,
        }
    }

    /// A document as an earlier run left it.
    pub(crate) fn recalled(decoded: Decoded<'a>, recalled: Recalled) -> Cleaned<'a> {
        let Recalled { edits, fields, verdict, reason, outlet, tail_lines } = recalled;
        let refused = Vec::new();
        let fields = Fields::from_json(&fields);
        let outcome = Outcome { edits, fields, verdict, reason, outlet, refused, tail_lines };
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

    /// A document that could be read but not cleaned.
    pub(crate) fn untouched_text(decoded: Decoded<'a>, reason: String) -> Cleaned<'a> {
        let outcome = Outcome {
            edits: Vec::new(),
            fields: Fields::default(),
            verdict: Verdict::Failed,
            reason: Some(reason),
            outlet: None,
            refused: Vec::new(),
            tail_lines: 0,
        };
        // It passes through as it was, in its own encoding.
        let raw = decode::encode(&decoded.text, &decoded.coding, &decoded.patches);
        let mut cleaned = Cleaned::new(decoded, outcome);
        cleaned.raw = raw.map(Cow::Owned);
        cleaned
    }

    /// The same, with its own copy of what it borrows.
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
            tail_lines: self.tail_lines,
        }
    }

    /// What is left: UTF-8, or the untouched bytes of a failed document.
    pub fn output(&self) -> &[u8] {
        self.raw.as_deref().unwrap_or_else(|| self.text().as_bytes())
    }

    /// The cleaned text; empty for what is not text.
    pub fn text(&self) -> &str {
        match self.edits.is_empty() {
            true => &self.source,
            false => self.text.get_or_init(|| edits::apply(&self.source, &self.edits)),
        }
    }

    /// The decoded text, before cleaning; empty for what is not text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What was cut and replaced, in order.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The edits that share a byte with `span`, in order. Takes logarithmic time.
    pub fn edits_in(&self, span: Span) -> &[Edit] {
        let from = self.edits.partition_point(|edit| edit.span.end() <= span.start());
        let to = self.edits.partition_point(|edit| edit.span.start() < span.end());
        &self.edits[from..to.max(from)]
    }

    /// Metadata recovered from what was cut.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// What became of the document.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Why the verdict is suspect or failed.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The outlet that the document was recognised as, and how.
    pub fn outlet(&self) -> Option<(&str, How)> {
        self.outlet.as_ref().map(|(outlet, how)| (outlet.as_str(), *how))
    }

    /// How the document was encoded.
    pub fn coding(&self) -> &Coding {
        &self.coding
    }

    /// Marks that the engine refused, by stage.
    pub fn refused(&self) -> &[(String, usize)] {
        &self.refused
    }

    /// Lines left below the last sentence, blank ones aside: where many are, rules are missing.
    pub fn tail_lines(&self) -> usize {
        self.tail_lines
    }

    /// Length of the decoded document, in bytes.
    pub fn bytes_in(&self) -> usize {
        self.bytes_in
    }

    /// Bytes that were cut: replaced text counts for what it lost.
    pub fn bytes_removed(&self) -> usize {
        self.edits.iter().map(|edit| edit.span.len().saturating_sub(edit.with.len())).sum()
    }

    /// What the ledger needs to give the original back; `number` numbers rules for it.
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

    /// The original bytes, made from the output and the edits alone.
    ///
    /// # Errors
    /// None for a document fresh from the engine: that is what its tests hold it to.
    pub fn restore(&self) -> Result<Vec<u8>, RestoreError> {
        self.undo(|rule| rule.0).restore(self.output())
    }
}

/// An edit as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEdit<'a> {
    /// Where the stretch begins in the decoded original, in bytes.
    pub at: usize,
    /// The rule, by its number in the ledger's table.
    pub rule: u32,
    /// What was cut.
    pub text: Cow<'a, str>,
    /// What stands there instead.
    pub with: Cow<'a, str>,
    /// How sure it is in percent that the text is boilerplate, if that was estimated.
    pub confidence: Option<u8>,
}

impl LedgerEdit<'_> {
    /// Where the stretch ends in the decoded original, in bytes.
    pub fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// The bytes that were cut: replaced text counts for what it lost.
    pub fn removed(&self) -> usize {
        self.text.len().saturating_sub(self.with.len())
    }
}

/// Edits as they are written: each a list of the bytes between it and the one before, its rule,
/// what was cut, and what stands there instead, if something does; then the confidence, if there
/// is one.
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
            let behind = at.and_then(|at| at.checked_add(text.len()));
            let (Some(at), Some(behind)) = (at, behind) else {
                return Err(D::Error::custom("an edit stands behind all texts"));
            };
            end = behind;
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
                    f.write_str("an edit: bytes between, rule, text")
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

/// Original bytes of a stretch that does not encode back to them, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerPatch {
    /// Where the stretch begins in the decoded original, in bytes.
    pub at: usize,
    /// Its length there, in bytes.
    pub len: usize,
    /// The bytes, in Base64.
    pub bytes: String,
}

/// All that is needed to make the original from the output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo<'a> {
    /// How the original was encoded; UTF-8 if not said.
    #[serde(default = "utf_8", skip_serializing_if = "is_utf_8")]
    pub coding: Coding,
    /// Whether the output is the original's bytes, passed through.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub raw: bool,
    /// What was cut and replaced, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "edits_def")]
    pub edits: Vec<LedgerEdit<'a>>,
    /// Where the text does not encode back.
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
    /// The output is not the one that this record is about, or the record is damaged.
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
    /// As [`Undo::restore`].
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

/// Why an original cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The output was changed after the run.
    Edited,
    /// The record contradicts itself.
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
    fn the_edits_of_a_span_are_those_that_overlap_it() {
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
    fn each_value_of_a_field_is_kept_once_however_many_there_are() {
        let values: Vec<String> =
            (0..3 * Values::FEW).map(|number| format!("tag {number}")).collect();
        let mut fields = Fields::default();
        for value in values.iter().chain(&values) {
            fields.add("tags", value);
        }
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("tags", values.as_slice())]);
        // So does a field that was read from a ledger.
        let mut read = Fields::from_json(&fields.to_json());
        values.iter().for_each(|value| read.add("tags", value));
        assert_eq!(read, fields);
    }
}
