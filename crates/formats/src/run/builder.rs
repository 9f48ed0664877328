//! Collects the results of one block: its output and its lines of the run's record.
//!
//! [`BlockBuilder::commit`] is the one path by which a cleaned document becomes output, whatever its
//! container: it records the document in the ledger, writes it, checks that it can be restored,
//! counts it, and reports it. A [`Destination`] is what differs between containers.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chaffinch_core::{Cleaned, Input, Verdict, date};
use serde::Serialize;

use super::context::WorkerContext;
use super::recall::{Known, PreviousOutcome};
use super::summary::Tally;
use crate::containers::parquet::Table;
use crate::containers::{self, Reason, Text};
use crate::error::Error;
use crate::files::source::Place;
use crate::ledger::{Frame, Origin, Record, output_digest};
use crate::panics::internal_error;

/// The results of a block, in progress.
pub(crate) struct BlockBuilder<'s> {
    pub(crate) context: &'s WorkerContext<'s>,
    /// Why an earlier attempt at the block failed.
    pub(crate) panicked: Option<String>,
    /// Bytes for the current container, or standard output.
    pub(crate) output: Vec<u8>,
    /// Files that go to standard output unchanged, each after so many bytes of the output.
    pub(crate) passed: Vec<(usize, Place)>,
    /// Names of the complete files that were written.
    pub(crate) files: Vec<String>,
    pub(crate) ledger: Frame,
    /// Lines of `fields.jsonl`.
    pub(crate) fields: Vec<u8>,
    /// Lines of `problems.jsonl`.
    pub(crate) problems: Vec<u8>,
    pub(crate) tally: Tally,
    /// Rows that are converted to Parquet.
    pub(crate) table: Table,
    /// The outcomes of an earlier run for the documents of the block.
    recalled: Known,
}

/// A document that was cleaned, and where its ledger record says that it is.
pub(crate) struct Document<'a> {
    /// The output file.
    pub(crate) file: &'a str,
    /// The number of the document in the file.
    pub(crate) ordinal: u64,
    /// The bytes that are to be restored.
    pub(crate) original: &'a [u8],
    pub(crate) id: Option<&'a str>,
    pub(crate) url: Option<&'a str>,
    pub(crate) date: Option<&'a str>,
    /// Whether the output file is a container.
    pub(crate) in_container: bool,
    /// Where the document comes from, if it is converted.
    pub(crate) origin: Option<Origin<'a>>,
    /// The Parquet column that holds its text.
    pub(crate) column: Option<&'a str>,
}

/// Where a cleaned document goes.
pub(crate) trait Destination {
    /// Whether a document that could not be cleaned is committed too, instead of passed.
    fn takes_failed(&self) -> bool {
        false
    }

    /// The bytes by which the ledger identifies the output of the document. Writes to `record` how
    /// to undo what else is changed. The error is the reason for passing the document instead.
    fn encode<'o>(
        &self,
        _record: &mut Record<'_>,
        cleaned: &'o Cleaned<'_>,
    ) -> Result<Cow<'o, [u8]>, Reason> {
        Ok(Cow::Borrowed(cleaned.output()))
    }

    /// Restores the original from encoded bytes.
    fn restore(&self, record: &Record<'_>, output: &[u8]) -> Result<Vec<u8>, Reason> {
        containers::restore_text(record, output)
    }

    /// Writes a document.
    fn put(
        &mut self,
        block: &mut BlockBuilder<'_>,
        document: &Document<'_>,
        record: &Record<'_>,
        cleaned: &Cleaned<'_>,
        output: &[u8],
    ) -> Result<(), Error>;

    /// Passes a document through unchanged, for a reason.
    fn pass(
        &mut self,
        block: &mut BlockBuilder<'_>,
        document: &Document<'_>,
        reason: &str,
    ) -> Result<(), Error>;
}

/// The reason for passing a document that the ledger would not restore.
const UNPROVEN: &str = "the ledger would not restore the original, so the document passed through \
                        unchanged; this is a bug in chaffinch: please report it";

/// The lengths of everything in a block before a document.
struct Lengths {
    output: usize,
    passed: usize,
    files: usize,
    ledger: usize,
    fields: usize,
    problems: usize,
    rows: usize,
    tally: Tally,
}

/// A line of `fields.jsonl`.
#[derive(Serialize)]
struct FieldsLine<'a> {
    file: &'a str,
    ordinal: u64,
    id: Option<&'a str>,
    outlet: Option<&'a str>,
    verdict: Verdict,
    fields: &'a serde_json::Map<String, serde_json::Value>,
}

/// A line of `problems.jsonl`.
#[derive(Serialize)]
struct ProblemLine<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ordinal: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    verdict: Verdict,
    reason: &'a str,
}

/// The column that a run adds to a record.
#[derive(Serialize)]
pub(crate) struct AddedColumn<'a> {
    outlet: Option<&'a str>,
    verdict: Verdict,
    fields: &'a serde_json::Map<String, serde_json::Value>,
    removed_bytes: usize,
}

impl AddedColumn<'_> {
    pub(crate) fn of<'a>(record: &'a Record<'_>, cleaned: &Cleaned<'_>) -> AddedColumn<'a> {
        AddedColumn {
            outlet: record.outlet.as_deref(),
            verdict: record.verdict,
            fields: &record.fields,
            removed_bytes: cleaned.bytes_removed(),
        }
    }
}

/// Appends a line of JSON.
fn line(out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), Error> {
    serde_json::to_writer(&mut *out, value)
        .map_err(|error| Error::Output("the run's record".into(), error.into()))?;
    out.push(b'\n');
    Ok(())
}

impl<'s> BlockBuilder<'s> {
    pub(crate) fn new(
        context: &'s WorkerContext<'s>,
        panicked: Option<String>,
        recalled: Known,
    ) -> BlockBuilder<'s> {
        BlockBuilder {
            context,
            panicked,
            output: Vec::new(),
            passed: Vec::new(),
            files: Vec::new(),
            ledger: Frame::default(),
            fields: Vec::new(),
            problems: Vec::new(),
            tally: Tally::default(),
            table: Table::default(),
            recalled,
        }
    }

    /// Works on one document. If an earlier attempt at the block panicked, a panic is caught: what
    /// `work` wrote is removed, and the document is handed to `pass` with the reason.
    pub(crate) fn guard(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), Error>,
        pass: impl FnOnce(&mut Self, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.panicked.is_none() {
            return work(self);
        }
        let before = self.lengths();
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(done) => done,
            Err(panic) => {
                self.truncate(before);
                pass(self, &internal_error(&*panic))
            }
        }
    }

    fn lengths(&self) -> Lengths {
        Lengths {
            output: self.output.len(),
            passed: self.passed.len(),
            files: self.files.len(),
            ledger: self.ledger.len(),
            fields: self.fields.len(),
            problems: self.problems.len(),
            rows: self.table.len(),
            tally: self.tally.clone(),
        }
    }

    fn truncate(&mut self, before: Lengths) {
        self.output.truncate(before.output);
        self.passed.truncate(before.passed);
        self.files.truncate(before.files);
        self.ledger.truncate(before.ledger);
        self.fields.truncate(before.fields);
        self.problems.truncate(before.problems);
        self.table.truncate(before.rows);
        self.tally = before.tally;
    }

    /// Cleans a document, unless the outcome of an earlier run is still valid for it.
    pub(crate) fn clean<'b>(
        &mut self,
        (file, ordinal): (&str, u64),
        input: &Input<'b>,
        text: Text<'b>,
    ) -> Cleaned<'b> {
        let known = self.known(file, ordinal);
        self.context.clean(input, text, known)
    }

    /// Removes and returns the outcome of an earlier run for a document.
    pub(crate) fn known(&mut self, file: &str, ordinal: u64) -> Option<PreviousOutcome> {
        match self.recalled.is_empty() {
            true => None,
            false => self.recalled.remove(&(file.to_owned(), ordinal)),
        }
    }

    /// Whether the sample has a document; without a sample, all are taken.
    pub(crate) fn takes(&self, file: &str, ordinal: u64) -> bool {
        self.context.sample.is_none_or(|sample| sample.takes(file, ordinal))
    }

    /// Records and writes a cleaned document. One that could not be cleaned, or that would not be
    /// restored, is passed instead.
    pub(crate) fn commit(
        &mut self,
        document: &Document<'_>,
        cleaned: &Cleaned<'_>,
        to: &mut dyn Destination,
    ) -> Result<(), Error> {
        if cleaned.verdict() == Verdict::Failed && !to.takes_failed() {
            return to.pass(self, document, cleaned.reason().unwrap_or_default());
        }
        let Document { file, ordinal, original, .. } = *document;
        let mut record =
            Record::new(file, ordinal, original, cleaned, |rule| self.ledger.number(rule));
        document.describe(&mut record);
        if let Some(day) = document.date.and_then(date::iso) {
            record.day = Some(day);
        }
        let output = match to.encode(&mut record, cleaned) {
            Ok(output) => output,
            Err(reason) => return to.pass(self, document, &reason),
        };
        record.digest.output = output_digest(&output);
        if self.context.verify && to.restore(&record, &output).as_deref() != Ok(original) {
            return to.pass(self, document, UNPROVEN);
        }
        to.put(self, document, &record, cleaned, &output)?;
        self.tally.cleaned(self.context.pipeline, &record.name(), cleaned);
        self.note(&record)
    }

    /// Records a document that passed through unchanged.
    pub(crate) fn commit_passed(
        &mut self,
        document: &Document<'_>,
        reason: &str,
    ) -> Result<(), Error> {
        let record = document.untouched(reason);
        self.tally.failed(document.original.len() as u64, &record.name(), reason);
        self.note(&record)
    }

    /// Adds a document to the run's record, and its problem if it has one.
    pub(crate) fn note(&mut self, record: &Record<'_>) -> Result<(), Error> {
        self.note_without_problem(record)?;
        let (Some(_), Some(reason)) = (&self.context.root, record.reason.as_deref()) else {
            return Ok(());
        };
        let (file, id, verdict) = (&*record.file, record.id.as_deref(), record.verdict);
        let ordinal = Some(record.ordinal);
        line(&mut self.problems, &ProblemLine { file, ordinal, id, verdict, reason })
    }

    /// Adds a document to the run's record; its problem is reported elsewhere.
    pub(crate) fn note_without_problem(&mut self, record: &Record<'_>) -> Result<(), Error> {
        if self.context.ledger {
            self.ledger
                .add(record)
                .map_err(|error| Error::Output("the run's record".into(), error))?;
        }
        if self.context.root.is_none() {
            return Ok(());
        }
        let (file, ordinal, id) = (&*record.file, record.ordinal, record.id.as_deref());
        let (outlet, verdict, fields) = (record.outlet.as_deref(), record.verdict, &record.fields);
        line(&mut self.fields, &FieldsLine { file, ordinal, id, outlet, verdict, fields })
    }

    /// Reports a problem with something that is in no output.
    pub(crate) fn problem(&mut self, file: &str, reason: &str) -> Result<(), Error> {
        let verdict = Verdict::Failed;
        line(&mut self.problems, &ProblemLine { file, ordinal: None, id: None, verdict, reason })
    }

    /// Reports and counts an input that cannot be read.
    pub(crate) fn unreadable(&mut self, file: &str, reason: &str) -> Result<(), Error> {
        self.problem(file, reason)?;
        self.tally.failed(0, file, reason);
        Ok(())
    }
}

impl<'a> Document<'a> {
    /// A record of a container that keeps its place.
    pub(crate) fn in_container(file: &'a str, ordinal: u64, original: &'a [u8]) -> Document<'a> {
        Document { in_container: true, ..Document::file(file, ordinal, original) }
    }

    /// A document that is a file.
    pub(crate) fn file(file: &'a str, ordinal: u64, original: &'a [u8]) -> Document<'a> {
        let (id, url, date, origin, column) = (None, None, None, None, None);
        Document { file, ordinal, original, id, url, date, in_container: false, origin, column }
    }

    fn describe(&self, record: &mut Record<'a>) {
        record.in_container = self.in_container;
        record.id = self.id.map(Cow::Borrowed);
        record.origin.clone_from(&self.origin);
        record.column = self.column.map(Cow::Borrowed);
    }

    /// The record of the document if it passed through unchanged.
    pub(crate) fn untouched(&self, reason: &str) -> Record<'a> {
        let mut record =
            Record::untouched(self.file, self.ordinal, self.original, reason.to_owned());
        self.describe(&mut record);
        record
    }
}
