//! Restores single documents of a run from its output and its ledger.

use std::path::Path;

use super::output::RunOutput;
use super::samples::Document;
use crate::containers::{Text, original, rewritten};
use crate::error::Error;
use crate::files::names;
use crate::ledger::Record;
use crate::ledger::runs::Records;

/// Restores single documents, in the order of the ledger. Each record of the ledger is passed to
/// [`Originals::pass`] first, whether its original is wanted or not.
pub struct Originals {
    output: RunOutput,
}

impl Originals {
    /// The originals of the run in `run`.
    pub fn of_run(run: &Path) -> Originals {
        Originals { output: RunOutput::of_run(run) }
    }

    /// Moves to the next record.
    pub fn pass(&mut self, record: &Record<'_>) {
        self.output.advance(record);
    }

    /// The original of the document that `record` describes; `None` if it cannot be restored, was
    /// too long to be read, or is not text.
    pub fn of(&mut self, record: &Record<'_>) -> Option<Document> {
        if record.digest.original.is_none() || !names::is_inside(&record.file) {
            return None;
        }
        let output = self.output.document(record).ok()??;
        self.decoded(record, &original(record, &output, self.output.format()).ok()?)
    }

    fn decoded(&self, record: &Record<'_>, original: &[u8]) -> Option<Document> {
        let (name, date) = (record.name().into_owned(), record.day.clone());
        let decoded = |bytes: &[u8]| {
            let label = record.undo.coding.encoding.as_bytes();
            let encoding = chaffinch_core::Encoding::for_label(label);
            Some(chaffinch_core::decode(bytes, encoding).ok()?.text.into_owned())
        };
        if rewritten(record).is_none() {
            return Some(Document { name, path: None, text: decoded(original)?, url: None, date });
        }
        let parsed = self.output.format()?.parse(original).ok()??;
        let text = match parsed.text() {
            Text::Decoded(text) => text.to_owned(),
            Text::Bytes(bytes) => decoded(bytes)?,
        };
        let url = parsed.url().map(Into::into);
        Some(Document { name, path: None, text, url, date })
    }
}

/// The originals of the documents that `wanted` names, `most` of them at most. What cannot be
/// restored is left out.
///
/// # Errors
/// `run` is not the output of a run, or its ledger cannot be read.
pub fn originals(
    run: &Path,
    wanted: &dyn Fn(&Record<'_>) -> bool,
    most: usize,
) -> Result<Vec<Document>, Error> {
    let (mut found, mut originals) = (Vec::new(), Originals::of_run(run));
    let mut records = Records::of_run(run)?;
    while let Some(record) = records.next()? {
        if found.len() >= most {
            break;
        }
        originals.pass(&record);
        if wanted(&record) {
            found.extend(originals.of(&record));
        }
    }
    Ok(found)
}
