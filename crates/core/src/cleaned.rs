//! The result of cleaning a document: the text that is left, the edits and the recovered fields.

use std::borrow::Cow;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chaffinch_rules::How;
use chaffinch_stage::{RuleId, Span};
use serde_json::Value;

use crate::decode::{self, Coding, Decoded, Patch};
use crate::edits::{self, Edit};
use crate::engine::Outcome;
use crate::fields::Fields;
use crate::undo::{LedgerEdit, LedgerPatch, RestoreError, Undo};
use crate::verdict::Verdict;

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
}
