//! Cleaning: the methods of [`Pipeline`] that clean documents or recall the results of an earlier
//! run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chaffinch_rules::{Search, UnitId};
use chaffinch_stage::Document;
use rayon::prelude::*;

use crate::cleaned::{Cleaned, Recalled};
use crate::decode::{self, Coding, Decoded, NotText};
use crate::edits::Edit;
use crate::engine::{Engine, IN_STAGE};
use crate::input::Input;
use crate::panics::panic_message;
use crate::pipeline::Pipeline;

impl Pipeline {
    /// Cleans a document of which only the bytes are known.
    ///
    /// Cleaning cannot fail. A document that cannot be cleaned passes through unchanged with the
    /// verdict [`Failed`](crate::Verdict::Failed).
    pub fn clean<'a>(&self, bytes: &'a [u8]) -> Cleaned<'a> {
        self.clean_input(&Input { bytes, ..Input::default() })
    }

    /// Cleans a document.
    pub fn clean_input<'a>(&self, input: &Input<'a>) -> Cleaned<'a> {
        if input.bytes.len() > self.limits.document_bytes {
            return Cleaned::untouched(input.bytes, NotText::TooLong.to_string());
        }
        match decode::decode(input.bytes, self.encoding) {
            Ok(decoded) => self.clean_decoded(input, decoded),
            Err(reason) => Cleaned::untouched(input.bytes, reason.to_string()),
        }
    }

    /// Cleans a text that is already decoded, such as a field of a record.
    pub fn clean_text<'a>(&self, text: &'a str, url: Option<&'a str>) -> Cleaned<'a> {
        self.clean_record(&Input { url, ..Input::default() }, text)
    }

    /// Like [`Pipeline::clean_text`], with everything that is known about the document. The bytes
    /// of `input` are ignored.
    pub fn clean_record<'a>(&self, input: &Input<'_>, text: &'a str) -> Cleaned<'a> {
        let input = Input { bytes: text.as_bytes(), ..*input };
        if text.len() > self.limits.document_bytes {
            return Cleaned::untouched(text.as_bytes(), NotText::TooLong.to_string());
        }
        let coding = Coding::UTF_8;
        self.clean_decoded(&input, Decoded { text: text.into(), coding, patches: Vec::new() })
    }

    /// The result of cleaning a document, taken from the record of an earlier run instead of
    /// cleaning it again. `None` if `bytes` are not text or do not fit the recorded edits.
    pub fn recall<'a>(&self, bytes: &'a [u8], recalled: Recalled) -> Option<Cleaned<'a>> {
        let decoded = decode::decode(bytes, self.encoding).ok()?;
        self.recall_decoded(decoded, recalled)
    }

    /// Like [`Pipeline::recall`], for a text that is already decoded.
    pub fn recall_text<'a>(&self, text: &'a str, recalled: Recalled) -> Option<Cleaned<'a>> {
        let coding = Coding::UTF_8;
        let decoded = Decoded { text: text.into(), coding, patches: Vec::new() };
        self.recall_decoded(decoded, recalled)
    }

    fn recall_decoded<'a>(&self, decoded: Decoded<'a>, recalled: Recalled) -> Option<Cleaned<'a>> {
        let fits = |edit: &Edit| decoded.text.get(edit.span.range()).is_some();
        let fits = recalled.edits.iter().all(fits);
        fits.then(|| Cleaned::recalled(decoded, recalled))
    }

    /// Whether an enabled rule matches a line of the text, in any zone. Rules with a detector have
    /// no pattern and are ignored.
    pub fn matches_anywhere(&self, outlet: Option<UnitId>, text: &str) -> bool {
        let doc = Document::new(text, self, chaffinch_rules::key::key);
        let mut candidates = Vec::new();
        let search = Search { all_languages: self.variant.is_some(), ..Search::default() };
        let is_on = |hit: &chaffinch_stage::Hit| !self.is_off(hit.rule);
        doc.lines()
            .filter(|line| !line.is_blank())
            .any(|line| self.rules.find(outlet, line, search, &mut candidates).iter().any(is_on))
    }

    /// Cleans documents in parallel. Results are in the order of the documents.
    pub fn clean_all<'a>(&self, inputs: &[Input<'a>]) -> Vec<Cleaned<'a>> {
        inputs.par_iter().map(|input| self.clean_input(input)).collect()
    }

    fn clean_decoded<'a>(&self, input: &Input<'_>, decoded: Decoded<'a>) -> Cleaned<'a> {
        if let Some(Err(error)) = input.outlet.map(|id| self.rules.outlet(id)) {
            return Cleaned::untouched_text(decoded, error.to_string());
        }
        // A stage that panics leaves this document uncleaned. Its state is dropped here, so no
        // inconsistent state can be observed.
        let engine = || {
            let mut engine = Engine::new(self, &decoded.text, input);
            engine.run();
            engine.run_without_excess(|| Engine::new(self, &decoded.text, input)).finish()
        };
        match catch_unwind(AssertUnwindSafe(engine)) {
            Ok(outcome) => Cleaned::new(decoded, outcome),
            Err(panic) => {
                let message = panic_message(&*panic);
                let reason = match IN_STAGE.take() {
                    stage if stage.is_empty() => format!("the engine failed: {message}"),
                    stage => format!("stage \"{stage}\" failed: {message}"),
                };
                Cleaned::untouched_text(decoded, reason)
            }
        }
    }
}
