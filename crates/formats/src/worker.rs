//! What is done with a block: its documents are cleaned, and all that is to be written of them is
//! made ready.

use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use chaffinch_core::{Cleaned, Input, Pipeline, Verdict, date};
use serde::Serialize;

use crate::blocks::{Block, Item, Position, Work};
use crate::chunks::{Chunk, Passed};
use crate::codec::Codec;
use crate::convert::{Origin, Passenger};
use crate::input::{Container, Place, Source};
use crate::job::Error;
use crate::jsonl::{self, FieldNames};
use crate::ledger::{Frame, Record, output_digest};
use crate::names;
use crate::output::{copy_whole, write_whole};
use crate::panics::internal_error;
use crate::rerun::{self, Known, Recall};
use crate::restore;
use crate::sample::Sample;
use crate::summary::{Summary, Tally};
use crate::wet;

/// What workers share.
pub(crate) struct Shop<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) names: &'a FieldNames,
    pub(crate) sample: Option<&'a Sample>,
    /// Where files go; none if documents go to standard output, or nowhere.
    pub(crate) root: Option<PathBuf>,
    /// Whether documents go to standard output.
    pub(crate) stdout: bool,
    /// Whether what was cut is written down.
    pub(crate) ledger: bool,
    /// Whether each document is restored right away and compared.
    pub(crate) verify: bool,
    /// The container that documents go into, if not their own.
    pub(crate) to: Option<Container>,
    /// What an earlier run found out.
    pub(crate) recall: Option<&'a Recall<'a>>,
}

/// What came of a block, ready to be written.
pub(crate) struct Done {
    pub(crate) event: Event,
    /// Bytes for the container in hand, or standard output.
    pub(crate) output: Vec<u8>,
    /// Files that go to standard output as they are, each behind so many bytes of the output.
    pub(crate) passed: Vec<(usize, Place)>,
    /// Files that are written whole.
    pub(crate) files: Vec<String>,
    /// A frame of the ledger.
    pub(crate) ledger: Vec<u8>,
    /// Lines of `fields.jsonl`.
    pub(crate) fields: Vec<u8>,
    /// Lines of `problems.jsonl`.
    pub(crate) problems: Vec<u8>,
    pub(crate) summary: Summary,
    pub(crate) after: Position,
    pub(crate) read: u64,
}

/// What a block does to the container in hand.
#[derive(Clone)]
pub(crate) enum Event {
    None,
    /// It begins: its name, and whether it is put together from parts.
    Open(String, bool),
    Close,
}

impl Shop<'_> {
    /// Cleans a decoded text, or takes what is `known` of it.
    pub(crate) fn clean_text<'b>(
        &self,
        input: &Input<'_>,
        text: &'b str,
        known: Option<rerun::Earlier>,
    ) -> Cleaned<'b> {
        if let (Some(recall), Some(known)) = (self.recall, known)
            && let Some(cleaned) = recall.recall_text(text, known)
        {
            return cleaned;
        }
        self.pipeline.clean_record(input, text)
    }

    /// Works on a block. If that panics, works on it again, each document under guard: those that
    /// panic pass through.
    ///
    /// # Errors
    /// The output cannot be written, or the block cannot even pass through.
    pub(crate) fn work(&self, mut block: Block) -> Result<Done, Error> {
        let first = catch_unwind(AssertUnwindSafe(|| self.attempt(&mut block, None)));
        first.unwrap_or_else(|panic| {
            let panicked = Some(internal_error(&*panic));
            let second = catch_unwind(AssertUnwindSafe(|| self.attempt(&mut block, panicked)));
            second.unwrap_or_else(|panic| Err(Error::Stopped(internal_error(&*panic))))
        })
    }

    /// Works on a block; `panicked`: why an earlier attempt failed.
    fn attempt(&self, block: &mut Block, panicked: Option<String>) -> Result<Done, Error> {
        let mut desk = Desk {
            shop: self,
            panicked,
            output: Vec::new(),
            passed: Vec::new(),
            files: Vec::new(),
            ledger: Frame::default(),
            fields: Vec::new(),
            problems: Vec::new(),
            tally: Tally::default(),
            recalled: std::mem::take(&mut block.recalled),
            #[cfg(feature = "parquet")]
            table: crate::parquet::Table::default(),
        };
        let (mut event, mut codec_out) = (Event::None, Codec::Plain);
        match &block.work {
            Work::Files { items, series } => {
                for item in items {
                    desk.item(item, series.as_deref())?;
                }
            }
            // Texts are files of their own, in a folder.
            Work::Open { .. } if self.to == Some(Container::Text) => {}
            Work::Open { name, parts: true } if self.stdout => {
                let message = format!(
                    "{name}: Parquet cannot be written to standard output; name a directory, or \
                     give --to jsonl"
                );
                return Err(Error::Usage(message));
            }
            Work::Open { name, parts } => event = Event::Open(name.clone(), *parts),
            Work::Piece { source, name, framing, codec, chunk } => {
                codec_out = if self.stdout { Codec::Plain } else { *codec };
                desk.piece((&source.name, name), *framing, chunk)?;
            }
            #[cfg(feature = "parquet")]
            Work::RowGroup { file, group } => desk.row_group(file, *group)?,
            Work::Close { damage } => {
                event = Event::Close;
                if let Some((name, reason)) = damage {
                    desk.unreadable(name, reason)?;
                }
            }
        }
        #[cfg(feature = "parquet")]
        if !desk.table.is_empty() && self.root.is_some() {
            codec_out = Codec::Plain;
            desk.output = desk.table.write()?;
        }
        let failed = |error| Error::Output("the run's record".into(), error);
        let output = codec_out.encode(desk.output);
        Ok(Done {
            event,
            output: output.map_err(|error| Error::Output("the output".into(), error))?,
            passed: desk.passed,
            files: desk.files,
            ledger: desk.ledger.finish(self.pipeline).map_err(failed)?,
            fields: desk.fields,
            problems: desk.problems,
            summary: desk.tally.finish(self.pipeline),
            after: block.after.clone(),
            read: block.read,
        })
    }
}

/// A block in the making.
pub(crate) struct Desk<'s> {
    pub(crate) shop: &'s Shop<'s>,
    /// Why an earlier attempt at the block failed.
    pub(crate) panicked: Option<String>,
    pub(crate) output: Vec<u8>,
    passed: Vec<(usize, Place)>,
    /// Files that are written whole.
    pub(crate) files: Vec<String>,
    pub(crate) ledger: Frame,
    fields: Vec<u8>,
    problems: Vec<u8>,
    pub(crate) tally: Tally,
    /// What an earlier run found out about its documents.
    recalled: Known,
    /// Rows that are converted to Parquet.
    #[cfg(feature = "parquet")]
    pub(crate) table: crate::parquet::Table,
}

/// How much of a block was ready before a document.
struct State {
    output: usize,
    passed: usize,
    files: usize,
    ledger: usize,
    fields: usize,
    problems: usize,
    tally: Tally,
    #[cfg(feature = "parquet")]
    rows: usize,
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
pub(crate) struct Column<'a> {
    pub(crate) outlet: Option<&'a str>,
    pub(crate) verdict: Verdict,
    pub(crate) fields: &'a serde_json::Map<String, serde_json::Value>,
    pub(crate) removed_bytes: usize,
}

fn line(out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), Error> {
    serde_json::to_writer(&mut *out, value)
        .map_err(|error| Error::Output("the run's record".into(), error.into()))?;
    out.push(b'\n');
    Ok(())
}

/// What is said of a document whose original the ledger did not give back.
pub(crate) const UNPROVEN: &str = "what the ledger gave back was not the original, so it passed through \
                        untouched; this is a fault of chaffinch: please report it";

impl Desk<'_> {
    /// Works on one document. If an earlier attempt at the block panicked, a panic is caught: what
    /// `work` left is undone, and the document is handed to `pass` with the reason.
    pub(crate) fn guard(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), Error>,
        pass: impl FnOnce(&mut Self, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.panicked.is_none() {
            return work(self);
        }
        let before = State {
            output: self.output.len(),
            passed: self.passed.len(),
            files: self.files.len(),
            ledger: self.ledger.len(),
            fields: self.fields.len(),
            problems: self.problems.len(),
            tally: self.tally.clone(),
            #[cfg(feature = "parquet")]
            rows: self.table.len(),
        };
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(done) => done,
            Err(panic) => {
                self.reset(before);
                pass(self, &internal_error(&*panic))
            }
        }
    }

    fn reset(&mut self, before: State) {
        self.output.truncate(before.output);
        self.passed.truncate(before.passed);
        self.files.truncate(before.files);
        self.ledger.truncate(before.ledger);
        self.fields.truncate(before.fields);
        self.problems.truncate(before.problems);
        self.tally = before.tally;
        #[cfg(feature = "parquet")]
        self.table.truncate(before.rows);
    }

    fn item(&mut self, item: &Item, series: Option<&str>) -> Result<(), Error> {
        match item {
            Item::Document(source, bytes) => self.guard(
                |desk| desk.document(source, bytes, series),
                |desk, reason| match series {
                    Some(_) => desk.left_behind(&source.name, bytes.len() as u64, reason),
                    None => desk.pass_document(source, bytes, reason),
                },
            ),
            Item::Pass(source, reason) if self.shop.to.is_some_and(|to| to != Container::Text) => {
                self.left_behind(&source.name, source.bytes, reason)
            }
            Item::Pass(source, reason) => self.pass(source, reason),
            Item::Unreadable(name, reason) => self.unreadable(name, reason),
        }
    }

    fn unreadable(&mut self, file: &str, reason: &str) -> Result<(), Error> {
        self.problem(file, reason)?;
        self.tally.failed(0, file, reason);
        Ok(())
    }

    /// Names what went wrong with something that is in no output.
    pub(crate) fn problem(&mut self, file: &str, reason: &str) -> Result<(), Error> {
        let verdict = Verdict::Failed;
        line(&mut self.problems, &ProblemLine { file, ordinal: None, id: None, verdict, reason })
    }

    /// Cleans a document, or takes what an earlier run found out.
    fn clean<'b>(&mut self, file: &str, ordinal: u64, input: &Input<'b>) -> Cleaned<'b> {
        if let (Some(recall), Some(known)) = (self.shop.recall, self.known(file, ordinal))
            && let Some(cleaned) = recall.recall(input.bytes, known)
        {
            return cleaned;
        }
        self.shop.pipeline.clean_input(input)
    }

    /// As [`Desk::clean`], for a text that is decoded.
    fn clean_text<'b>(
        &mut self,
        file: &str,
        ordinal: u64,
        input: &Input<'_>,
        text: &'b str,
    ) -> Cleaned<'b> {
        let known = self.known(file, ordinal);
        self.shop.clean_text(input, text, known)
    }

    /// Takes what an earlier run found out about a document.
    pub(crate) fn known(&mut self, file: &str, ordinal: u64) -> Option<rerun::Earlier> {
        match self.recalled.is_empty() {
            true => None,
            false => self.recalled.remove(&(file.to_owned(), ordinal)),
        }
    }

    /// A file that is a document.
    fn document(
        &mut self,
        source: &Source,
        bytes: &[u8],
        series: Option<&str>,
    ) -> Result<(), Error> {
        let as_before = self.shop.recall.and_then(|recall| recall.path(&source.name));
        let path = match (&as_before, &source.place) {
            (Some(path), _) | (None, Place::File(path)) => path.to_str(),
            (None, Place::Object(_, name, _)) => Some(name.as_str()),
            (None, Place::Stdin | Place::Copied(_)) => None,
        };
        let input = Input { bytes, path, ..Input::default() };
        let cleaned = self.clean(&source.name, 0, &input);
        if let (Some(file), Some(to)) = (series, self.shop.to) {
            let origin = Origin { file: source.name.as_str().into(), record: None };
            let (id, url, date) = (Some(source.name.as_str()), None, None);
            let passenger = Passenger { origin, file, original: bytes, id, url, date };
            return self.convert(&passenger, &cleaned, to);
        }
        let mut record =
            Record::new(&source.name, 0, bytes, &cleaned, |rule| self.ledger.number(rule));
        record.digest.output = output_digest(cleaned.output());
        let proven = !self.shop.verify
            || restore::document(&record, cleaned.output()).is_ok_and(|back| back == bytes);
        if !proven {
            return self.pass_document(source, bytes, UNPROVEN);
        }
        self.put_file(source, cleaned.output())?;
        self.tally.cleaned(self.shop.pipeline, &source.name, &cleaned);
        self.note(&record)
    }

    /// Passes a file that is a document through.
    fn pass_document(&mut self, source: &Source, bytes: &[u8], reason: &str) -> Result<(), Error> {
        self.put_file(source, bytes)?;
        self.tally.failed(bytes.len() as u64, &source.name, reason);
        self.note(&Record::untouched(&source.name, 0, bytes, reason.to_owned()))
    }

    fn put_file(&mut self, source: &Source, bytes: &[u8]) -> Result<(), Error> {
        match &self.shop.root {
            Some(root) => {
                self.files.push(source.name.clone());
                write_whole(&names::below(root, &source.name), bytes)
                    .map_err(|error| Error::Output(source.name.clone(), error))
            }
            None => {
                if self.shop.stdout {
                    self.output.extend_from_slice(bytes);
                }
                Ok(())
            }
        }
    }

    /// Passes a file through without holding it.
    fn pass(&mut self, source: &Source, reason: &str) -> Result<(), Error> {
        let mut file = match source.place.open() {
            Ok(file) => BufReader::new(file),
            Err(error) => {
                return self.unreadable(&source.name, &format!("cannot be read: {error}"));
            }
        };
        let copied = match &self.shop.root {
            Some(root) => copy_whole(&mut file, &names::below(root, &source.name)),
            None => Ok(()),
        };
        copied.map_err(|error| Error::Output(source.name.clone(), error))?;
        self.files.push(source.name.clone());
        if self.shop.stdout {
            self.passed.push((self.output.len(), source.place.clone()));
        }
        self.tally.failed(source.bytes, &source.name, reason);
        self.note(&Record::unseen(&source.name, 0, reason.to_owned()))
    }

    /// A piece of a container.
    fn piece(
        &mut self,
        (source, file): (&str, &str),
        framing: Container,
        chunk: &Chunk,
    ) -> Result<(), Error> {
        if let Some(to) = self.shop.to.filter(|to| *to != framing) {
            return self.convert_piece((source, file), framing, chunk, to);
        }
        match chunk {
            Chunk::Records(bytes, first) if framing == Container::Wet => {
                self.output.reserve(bytes.len() + bytes.len() / 8);
                self.warc_records(file, bytes, *first)
            }
            Chunk::Records(bytes, first) => {
                self.output.reserve(bytes.len() + bytes.len() / 8);
                self.rows(file, bytes, *first)
            }
            Chunk::Part(bytes, ends) => {
                if self.shop.sample.is_some() {
                    return Ok(());
                }
                self.output.extend_from_slice(bytes);
                let Some(Passed { ordinal, bytes, reason }) = ends else { return Ok(()) };
                let mut record = Record::unseen(file, *ordinal, reason.clone());
                (record.in_container, record.bytes) = (true, Some(*bytes));
                self.tally.failed(*bytes, &record.name(), reason);
                self.note(&record)
            }
        }
    }

    /// A piece of a container whose documents go into another.
    fn convert_piece(
        &mut self,
        names: (&str, &str),
        framing: Container,
        chunk: &Chunk,
        to: Container,
    ) -> Result<(), Error> {
        match chunk {
            Chunk::Records(bytes, first) => {
                for (ordinal, record) in framing.records(bytes, *first) {
                    if record.trim_ascii().is_empty() || !self.takes(names.0, ordinal) {
                        continue;
                    }
                    self.guard(
                        |desk| match framing {
                            Container::Wet => desk.convert_warc(names, record, ordinal, to),
                            _ => desk.convert_row(names, record, ordinal, to),
                        },
                        |desk, reason| {
                            let name = format!("{}:{}", names.0, ordinal + 1);
                            desk.left_behind(&name, record.len() as u64, reason)
                        },
                    )?;
                }
                Ok(())
            }
            Chunk::Part(_, Some(Passed { ordinal, bytes, reason })) => {
                let name = format!("{}:{}", names.0, ordinal + 1);
                self.left_behind(&name, *bytes, reason)
            }
            Chunk::Part(_, None) => Ok(()),
        }
    }

    pub(crate) fn takes(&self, file: &str, ordinal: u64) -> bool {
        self.shop.sample.is_none_or(|sample| sample.takes(file, ordinal))
    }

    /// Lines of JSON.
    fn rows(&mut self, file: &str, bytes: &[u8], first: u64) -> Result<(), Error> {
        for (ordinal, line) in Container::Jsonl.records(bytes, first) {
            if line.trim_ascii().is_empty() {
                if self.shop.sample.is_none() {
                    self.output.extend_from_slice(line);
                }
            } else if self.takes(file, ordinal) {
                self.guard(
                    |desk| desk.row(file, line, ordinal),
                    |desk, reason| desk.pass_record(file, line, ordinal, None, reason),
                )?;
            }
        }
        Ok(())
    }

    fn row(&mut self, file: &str, line: &[u8], ordinal: u64) -> Result<(), Error> {
        let (mark, row, end) = jsonl::dressed(line);
        let parsed = match jsonl::Row::parse(row, self.shop.names) {
            Ok(parsed) => parsed,
            Err(error) => return self.pass_record(file, line, ordinal, None, &error.to_string()),
        };
        let input =
            Input { url: parsed.url.as_deref(), date: parsed.date.as_deref(), ..Input::default() };
        let cleaned = self.clean_text(file, ordinal, &input, &parsed.text);
        if cleaned.verdict() == Verdict::Failed {
            let reason = cleaned.reason().unwrap_or_default();
            return self.pass_record(file, line, ordinal, parsed.id.as_deref(), reason);
        }
        let mut record =
            Record::new(file, ordinal, line, &cleaned, |rule| self.ledger.number(rule));
        record.id.clone_from(&parsed.id);
        if let Some(day) = parsed.date.as_deref().and_then(date::iso) {
            record.day = Some(day);
        }
        let start = self.output.len();
        self.output.extend_from_slice(mark);
        let column = column(&record, &cleaned)?;
        record.row = Some(parsed.rewrite(cleaned.edits(), &column, &mut self.output));
        self.output.extend_from_slice(end);
        record.digest.output = output_digest(&self.output[start..]);
        if self.shop.verify && restore::row(&record, &self.output[start..]).as_deref() != Ok(line) {
            self.output.truncate(start);
            return self.pass_record(file, line, ordinal, parsed.id.as_deref(), UNPROVEN);
        }
        self.tally.cleaned(self.shop.pipeline, &record.name(), &cleaned);
        self.note(&record)
    }

    /// WARC records.
    fn warc_records(&mut self, file: &str, bytes: &[u8], first: u64) -> Result<(), Error> {
        for (ordinal, record) in Container::Wet.records(bytes, first) {
            if self.takes(file, ordinal) {
                self.guard(
                    |desk| desk.warc_record(file, record, ordinal),
                    |desk, reason| desk.pass_record(file, record, ordinal, None, reason),
                )?;
            }
        }
        Ok(())
    }

    fn warc_record(&mut self, file: &str, bytes: &[u8], ordinal: u64) -> Result<(), Error> {
        let parsed = wet::Record::parse(bytes);
        let kind = parsed.as_ref().and_then(wet::Record::kind).unwrap_or_default();
        let Some(parsed) = parsed.filter(|_| kind == "conversion") else {
            if matches!(kind, "response" | "resource") {
                let reason = format!("it is a WARC `{kind}`, not a text; clean the WET file");
                return self.pass_record(file, bytes, ordinal, None, &reason);
            }
            // A record about the file, or about other records, is no document.
            self.output.extend_from_slice(bytes);
            return Ok(());
        };
        let input = Input {
            bytes: parsed.text(),
            url: parsed.url(),
            date: parsed.date(),
            ..Input::default()
        };
        let cleaned = self.clean(file, ordinal, &input);
        if cleaned.verdict() == Verdict::Failed {
            let reason = cleaned.reason().unwrap_or_default();
            return self.pass_record(file, bytes, ordinal, parsed.id(), reason);
        }
        let mut record =
            Record::new(file, ordinal, bytes, &cleaned, |rule| self.ledger.number(rule));
        record.in_container = true;
        record.id = parsed.id().map(Into::into);
        if let Some(day) = parsed.date().and_then(date::iso) {
            record.day = Some(day);
        }
        let start = self.output.len();
        let column = column(&record, &cleaned)?;
        record.headers = parsed.rewrite(cleaned.output(), &column, &mut self.output);
        record.digest.output = output_digest(&self.output[start..]);
        if self.shop.verify
            && restore::warc_record(&record, &self.output[start..]).as_deref() != Ok(bytes)
        {
            self.output.truncate(start);
            return self.pass_record(file, bytes, ordinal, parsed.id(), UNPROVEN);
        }
        self.tally.cleaned(self.shop.pipeline, &record.name(), &cleaned);
        self.note(&record)
    }

    /// Passes a record of a container through as it is.
    fn pass_record(
        &mut self,
        file: &str,
        bytes: &[u8],
        ordinal: u64,
        id: Option<&str>,
        reason: &str,
    ) -> Result<(), Error> {
        let mut record = Record::untouched(file, ordinal, bytes, reason.to_owned());
        record.in_container = true;
        record.id = id.map(Into::into);
        self.output.extend_from_slice(bytes);
        self.tally.failed(bytes.len() as u64, &record.name(), reason);
        self.note(&record)
    }

    /// Writes a document to the run's record, and its problem if it has one.
    pub(crate) fn note(&mut self, record: &Record<'_>) -> Result<(), Error> {
        self.note_quietly(record)?;
        let (Some(_), Some(reason)) = (&self.shop.root, record.reason.as_deref()) else {
            return Ok(());
        };
        let (file, id, verdict) = (&*record.file, record.id.as_deref(), record.verdict);
        let ordinal = Some(record.ordinal);
        line(&mut self.problems, &ProblemLine { file, ordinal, id, verdict, reason })
    }

    /// Writes a document to the run's record; its problem is reported elsewhere.
    pub(crate) fn note_quietly(&mut self, record: &Record<'_>) -> Result<(), Error> {
        if self.shop.ledger {
            self.ledger
                .add(record)
                .map_err(|error| Error::Output("the run's record".into(), error))?;
        }
        if self.shop.root.is_none() {
            return Ok(());
        }
        let (file, ordinal, id) = (&*record.file, record.ordinal, record.id.as_deref());
        let (outlet, verdict, fields) = (record.outlet.as_deref(), record.verdict, &record.fields);
        line(&mut self.fields, &FieldsLine { file, ordinal, id, outlet, verdict, fields })
    }
}

/// The column that tells of a record what was done to it.
pub(crate) fn column(record: &Record<'_>, cleaned: &Cleaned<'_>) -> Result<String, Error> {
    let column = Column {
        outlet: record.outlet.as_deref(),
        verdict: record.verdict,
        fields: &record.fields,
        removed_bytes: cleaned.bytes_removed(),
    };
    serde_json::to_string(&column).map_err(|error| Error::Output("the output".into(), error.into()))
}
