//! A run: documents stream from the inputs through a pipeline to the output, in input order.
//!
//! Work comes in batches. While one batch is cleaned on all threads, the next one is read; its
//! results are written in order. So memory holds two batches, and the output does not depend on
//! the number of threads.

use std::collections::BinaryHeap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use chaffinch_core::{Input, Pipeline, Verdict, date};
use globset::GlobSet;
use rayon::prelude::*;
use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use crate::input::{self, Container, Filter, Row as RawRow, Source, read_row, sources};
use crate::jsonl::{self, FieldNames};
use crate::ledger::{self, Record};
use crate::output::{OutputDirectory, WholeFile, copy_whole, write_whole};
use crate::summary::{Summary, Tally};

/// The most documents in a batch.
const BATCH_DOCUMENTS: usize = 256;

/// The bytes after which a batch is full.
const BATCH_BYTES: u64 = 8 << 20;

/// Why a run could not be begun or ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for cannot be; nothing was done.
    Usage(String),
    /// An input cannot be read: its name, and why.
    Input(String, io::Error),
    /// The output cannot be written: its name, and why.
    Output(String, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(message) => f.write_str(message),
            Error::Input(name, error) => write!(f, "cannot read {name}: {error}"),
            Error::Output(name, error) => write!(f, "cannot write {name}: {error}"),
        }
    }
}

impl std::error::Error for Error {}

/// Which fields of a record hold what, as [`FieldNames`].
pub type Names = FieldNames;

/// Where cleaned documents go.
#[derive(Clone, Debug)]
pub enum Output {
    /// Into a directory, with the run's record.
    Directory(PathBuf),
    /// To standard output.
    Stdout,
    /// Nowhere: the run only counts.
    Nowhere,
}

/// Where the ledger of a run to standard output goes.
#[derive(Clone, Debug)]
pub enum Ledger {
    /// Into the run's record.
    InRecord,
    /// Into this file.
    File(PathBuf),
    /// Nowhere: what was cut is lost.
    Nowhere,
}

/// Set to stop a run after the batch in hand.
pub type Stop = AtomicBool;

/// Told of each document, from the thread that writes.
pub trait Observer {
    /// A document of so many bytes is done.
    fn document(&self, name: &str, bytes: u64, verdict: Verdict);
}

/// What a run is to do.
pub struct Job<'a> {
    /// Files and directories; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// Where cleaned documents go.
    pub output: Output,
    /// Where the ledger goes.
    pub ledger: Ledger,
    /// What the inputs are, if not what their names say.
    pub container: Option<Container>,
    /// Which fields of a record hold what.
    pub names: Names,
    /// Documents to take, by name; all if empty.
    pub include: GlobSet,
    /// Documents to leave out, by name.
    pub exclude: GlobSet,
    /// Clean only so many documents, spread over the inputs; the same ones each time.
    pub sample: Option<usize>,
    /// The pipeline.
    pub pipeline: &'a Pipeline,
}

/// A piece of work in a batch.
enum Item {
    /// A file that is a document, to be read by the thread that cleans it.
    File(Source),
    /// A file over the limit.
    Large(Source),
    /// A row of the container in hand.
    Row { bytes: Vec<u8>, ordinal: Option<u64> },
    /// A part of a row over the limit: its bytes and, at its end, its ordinal.
    Part { bytes: Vec<u8>, ends: Option<u64> },
    /// A container begins.
    Open(Source),
    /// The container in hand ends.
    Close,
    /// A file or directory that cannot be read: its name, and why.
    Unreadable(String, String),
}

/// What became of a piece of work.
enum Done {
    Document { bytes: Vec<u8>, record: Box<Record>, tally: Tally, size: u64 },
    Plain(Vec<u8>),
    Open(Source),
    Close,
    Unreadable(String, String),
    Failed(Error),
}

impl Job<'_> {
    /// The bytes of all inputs, as their directories have them: what a progress bar runs up to.
    pub fn total_bytes(&self) -> u64 {
        let filter = self.filter();
        sources(&self.files(), &filter).filter_map(Result::ok).map(|source| source.bytes).sum()
    }

    fn filter(&self) -> Filter<'_> {
        Filter { include: &self.include, exclude: &self.exclude, container: self.container }
    }

    fn files(&self) -> Vec<PathBuf> {
        self.inputs.iter().filter(|path| path.as_os_str() != "-").cloned().collect()
    }

    /// Runs.
    ///
    /// # Errors
    /// The job makes no sense, an input is lost, or the output cannot be written. A document that
    /// cannot be cleaned is no error: it passes through and is counted.
    pub fn run(&self, observer: &dyn Observer, stop: &Stop) -> Result<Summary, Error> {
        self.check()?;
        let started = Instant::now();
        let selected = self.sample.map(|count| self.select(count)).transpose()?;
        let mut sink = Sink::open(self)?;
        let files = self.files();
        let filter = self.filter();
        let stdin = self.inputs.iter().any(|path| path.as_os_str() == "-").then(|| {
            let container = self.container.unwrap_or(Container::Text);
            Ok(Source { path: None, name: "-".into(), container, bytes: 0 })
        });
        let mut reader = BatchReader {
            sources: Box::new(stdin.into_iter().chain(sources(&files, &filter))),
            current: None,
            limit: self.pipeline.limits().document_bytes,
            selected: selected.as_ref(),
        };
        let mut summary = Summary::default();
        let mut batch = reader.next_batch()?;
        while !batch.is_empty() {
            if stop.load(Ordering::Relaxed) {
                summary.interrupted = true;
                break;
            }
            sink.announce(&batch)?;
            let work = || batch.into_par_iter().map(|item| self.process(item, &sink)).collect();
            let (done, next): (Vec<Done>, _) = rayon::join(work, || reader.next_batch());
            for done in done {
                sink.write(done, &mut summary, observer)?;
            }
            batch = next?;
        }
        summary.elapsed = started.elapsed();
        sink.finish(self, &summary)?;
        Ok(summary)
    }

    fn check(&self) -> Result<(), Error> {
        let usage = |message: String| Err(Error::Usage(message));
        for input in self.files() {
            if !input.exists() {
                return usage(format!("{}: there is no such file or directory", input.display()));
            }
        }
        let stdin = self.inputs.len() != self.files().len();
        if stdin && self.inputs.len() > 1 {
            return usage("`-` reads standard input and cannot be mixed with other inputs".into());
        }
        if stdin && self.sample.is_some() {
            return usage("--sample reads its input twice, which standard input cannot do".into());
        }
        let mut names: Vec<String> = self.inputs.iter().map(|i| input::base_name(i)).collect();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return usage(format!(
                "two inputs are named \"{}\" and would overwrite each other; clean them in two runs",
                pair[0]
            ));
        }
        Ok(())
    }

    /// The digests of the documents of a sample: those with the least digests of their names.
    fn select(&self, count: usize) -> Result<Selection, Error> {
        let mut least: BinaryHeap<u64> = BinaryHeap::new();
        let mut take = |name: &str, ordinal: u64| {
            least.push(Selection::digest(name, ordinal));
            if least.len() > count {
                least.pop();
            }
        };
        let (files, filter) = (self.files(), self.filter());
        for source in sources(&files, &filter) {
            let source = source?;
            match source.container {
                Container::Text => take(&source.name, 0),
                Container::Jsonl => {
                    let failed = |error| Error::Input(source.shown(), error);
                    let mut reader = source.open().map_err(failed)?;
                    let (mut ordinal, mut row) = (0, Vec::new());
                    while reader.read_until(b'\n', &mut row).map_err(failed)? > 0 {
                        if !row.trim_ascii().is_empty() {
                            take(&source.name, ordinal);
                            ordinal += 1;
                        }
                        row.clear();
                    }
                }
            }
        }
        Ok(Selection { most: least.peek().copied(), some: !least.is_empty() })
    }

    fn process(&self, item: Item, sink: &Sink) -> Done {
        match item {
            Item::File(source) => self.process_file(source, sink),
            Item::Large(source) => self.pass_file(source, sink),
            Item::Row { bytes, ordinal: None } => Done::Plain(bytes),
            Item::Row { bytes, ordinal: Some(ordinal) } => self.process_row(bytes, ordinal),
            Item::Part { bytes, ends: None } => Done::Plain(bytes),
            Item::Part { bytes, ends: Some(ordinal) } => {
                // The digest of a row that never was in memory whole is not known.
                let reason = chaffinch_core::NotText::TooLong.to_string();
                let mut record = Record::untouched("", ordinal, &bytes, reason.clone());
                record.in_container = true;
                record.digest.clear();
                let size = bytes.len() as u64;
                Done::Document {
                    bytes,
                    record: Box::new(record),
                    tally: Tally::failed(size, reason),
                    size,
                }
            }
            Item::Open(source) => Done::Open(source),
            Item::Close => Done::Close,
            Item::Unreadable(name, reason) => Done::Unreadable(name, reason),
        }
    }

    fn process_file(&self, source: Source, sink: &Sink) -> Done {
        let mut bytes = Vec::with_capacity(source.bytes as usize);
        let read = source.open().and_then(|mut reader| reader.read_to_end(&mut bytes));
        if let Err(error) = read {
            return Done::Unreadable(source.name, format!("cannot be read: {error}"));
        }
        let path = source.path.as_ref().and_then(|path| path.to_str());
        let cleaned = self.pipeline.clean_input(&Input { bytes: &bytes, path, ..Input::default() });
        let record = Record::new(&source.name, 0, &bytes, cleaned.output(), &cleaned);
        let tally = Tally::of(self.pipeline, &cleaned);
        if let Some(Err(error)) =
            sink.path(&source.name).map(|path| write_whole(&path, cleaned.output()))
        {
            return Done::Failed(Error::Output(source.name, error));
        }
        let output = if sink.is_stdout() { cleaned.output().to_vec() } else { Vec::new() };
        let size = bytes.len() as u64;
        Done::Document { bytes: output, record: Box::new(record), tally, size }
    }

    /// Passes a file over the limit through, without holding it.
    fn pass_file(&self, source: Source, sink: &Sink) -> Done {
        let reason = chaffinch_core::NotText::TooLong.to_string();
        let mut record = Record::untouched(&source.name, 0, &[], reason.clone());
        record.digest.clear();
        record.output.clear();
        let tally = Tally::failed(source.bytes, reason);
        let mut reader = match source.open() {
            Ok(reader) => reader,
            Err(error) => {
                return Done::Unreadable(source.name, format!("cannot be read: {error}"));
            }
        };
        let copied = match sink.path(&source.name) {
            Some(path) => copy_whole(&mut reader, &path),
            None if sink.is_stdout() => io::copy(&mut reader, &mut io::stdout()).map(drop),
            None => Ok(()),
        };
        match copied {
            Err(error) => Done::Failed(Error::Output(source.name, error)),
            Ok(()) => Done::Document {
                bytes: Vec::new(),
                record: Box::new(record),
                tally,
                size: source.bytes,
            },
        }
    }

    fn process_row(&self, line: Vec<u8>, ordinal: u64) -> Done {
        let length = line
            .strip_suffix(b"\n")
            .map_or(line.len(), |line| line.strip_suffix(b"\r").unwrap_or(line).len());
        let (row, end) = line.split_at(length);
        // A mark before the first row is no part of it.
        let mark: &[u8] =
            if ordinal == 0 && row.starts_with(b"\xef\xbb\xbf") { &row[..3] } else { b"" };
        let row = &row[mark.len()..];
        let size = line.len() as u64;
        let parsed = match jsonl::Row::parse(row, &self.names) {
            Ok(parsed) => parsed,
            Err(error) => {
                let mut record = Record::untouched("", ordinal, &line, error.to_string());
                record.in_container = true;
                let tally = Tally::failed(size, error.to_string());
                return Done::Document {
                    bytes: line.clone(),
                    record: Box::new(record),
                    tally,
                    size,
                };
            }
        };
        let input =
            Input { url: parsed.url.as_deref(), date: parsed.date.as_deref(), ..Input::default() };
        let cleaned = self.pipeline.clean_record(&input, &parsed.text);
        let tally = Tally::of(self.pipeline, &cleaned);
        let mut record = Record::new("", ordinal, &line, b"", &cleaned);
        record.in_container = true;
        record.id.clone_from(&parsed.id);
        if let Some(day) = parsed.date.as_deref().and_then(date::iso) {
            record.day = Some(day);
        }
        if cleaned.verdict() == Verdict::Failed {
            record.undo.raw = true;
            record.output = ledger::output_digest(&line);
            return Done::Document { bytes: line.clone(), record: Box::new(record), tally, size };
        }
        let column = json!({
            "outlet": cleaned.outlet().map(|(outlet, _)| outlet),
            "verdict": cleaned.verdict(),
            "fields": cleaned.fields().to_json(),
            "removed_bytes": cleaned.bytes_removed(),
        });
        let (written, undo) = parsed.rewrite(cleaned.text(), &column.to_string());
        let bytes = [mark, written.as_bytes(), end].concat();
        record.row = Some(undo);
        record.output = ledger::output_digest(&bytes);
        Done::Document { bytes, record: Box::new(record), tally, size }
    }
}

/// The documents of a sample.
struct Selection {
    most: Option<u64>,
    some: bool,
}

impl Selection {
    fn digest(name: &str, ordinal: u64) -> u64 {
        xxh3_64(format!("{name}\0{ordinal}").as_bytes())
    }

    fn takes(&self, name: &str, ordinal: u64) -> bool {
        self.some && self.most.is_some_and(|most| Selection::digest(name, ordinal) <= most)
    }
}

/// A container being read.
struct Current {
    source: Source,
    reader: Box<dyn BufRead + Send>,
    ordinal: u64,
    inside: bool,
}

struct BatchReader<'a> {
    sources: Box<dyn Iterator<Item = Result<Source, Error>> + Send + 'a>,
    current: Option<Current>,
    limit: usize,
    selected: Option<&'a Selection>,
}

impl BatchReader<'_> {
    fn next_batch(&mut self) -> Result<Vec<Item>, Error> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH_DOCUMENTS && bytes < BATCH_BYTES {
            if self.current.is_some() {
                bytes += self.read_row(&mut batch)?;
                continue;
            }
            let source = match self.sources.next() {
                None => break,
                Some(Ok(source)) => source,
                Some(Err(Error::Input(name, error))) => {
                    batch.push(Item::Unreadable(name, format!("cannot be read: {error}")));
                    continue;
                }
                Some(Err(error)) => return Err(error),
            };
            match source.container {
                Container::Jsonl => {
                    let reader = match source.open() {
                        Ok(reader) => reader,
                        Err(error) => {
                            let reason = format!("cannot be read: {error}");
                            batch.push(Item::Unreadable(source.name, reason));
                            continue;
                        }
                    };
                    batch.push(Item::Open(source.clone()));
                    self.current = Some(Current { source, reader, ordinal: 0, inside: false });
                }
                Container::Text => {
                    if self.selected.is_some_and(|selected| !selected.takes(&source.name, 0)) {
                        continue;
                    }
                    bytes += source.bytes;
                    batch.push(match source.bytes > self.limit as u64 {
                        true => Item::Large(source),
                        false => Item::File(source),
                    });
                }
            }
        }
        Ok(batch)
    }

    fn read_row(&mut self, batch: &mut Vec<Item>) -> Result<u64, Error> {
        let Some(current) = &mut self.current else { return Ok(0) };
        let failed = |error| Error::Input(current.source.shown(), error);
        let row = read_row(&mut current.reader, self.limit, current.inside).map_err(failed)?;
        let takes = |current: &Current| {
            self.selected.is_none_or(|s| s.takes(&current.source.name, current.ordinal))
        };
        let size = match row {
            None => {
                batch.push(Item::Close);
                self.current = None;
                0
            }
            Some(RawRow::Line(bytes)) if bytes.trim_ascii().is_empty() => {
                let size = bytes.len() as u64;
                if self.selected.is_none() {
                    batch.push(Item::Row { bytes, ordinal: None });
                }
                size
            }
            Some(RawRow::Line(bytes)) => {
                let size = bytes.len() as u64;
                if takes(current) {
                    batch.push(Item::Row { bytes, ordinal: Some(current.ordinal) });
                }
                current.ordinal += 1;
                size
            }
            Some(RawRow::Part(bytes, goes_on)) => {
                let size = bytes.len() as u64;
                current.inside = goes_on;
                let ends = (!goes_on).then_some(current.ordinal);
                if takes(current) {
                    batch.push(Item::Part { bytes, ends });
                }
                current.ordinal += u64::from(!goes_on);
                size
            }
        };
        Ok(size)
    }
}

/// Where results go.
struct Sink {
    directory: Option<OutputDirectory>,
    stdout: bool,
    ledger: Option<ledger::Writer>,
    fields: Option<BufWriter<File>>,
    problems: Option<BufWriter<File>>,
    container: Option<(Source, Option<WholeFile>)>,
}

impl Sink {
    fn open(job: &Job<'_>) -> Result<Sink, Error> {
        let mut directory = match &job.output {
            Output::Directory(root) => Some(OutputDirectory::take(root, &job.files())?),
            _ => None,
        };
        let record = |directory: &OutputDirectory, name: &str| {
            let path = directory.record(name);
            File::create(&path)
                .map(BufWriter::new)
                .map_err(|error| Error::Output(path.display().to_string(), error))
        };
        let ledger = match (&job.ledger, &mut directory) {
            (Ledger::File(path), _) => Some(path.clone()),
            (Ledger::InRecord, Some(directory)) => Some(directory.record("ledger/00000.jsonl.zst")),
            _ => None,
        };
        let ledger = ledger.map(|path| {
            ledger::Writer::create(&path, &ledger::header(job.pipeline))
                .map_err(|error| Error::Output(path.display().to_string(), error))
        });
        let (mut fields, mut problems) = (None, None);
        if let Some(directory) = &directory {
            fields = Some(record(directory, "fields.jsonl")?);
            problems = Some(record(directory, "problems.jsonl")?);
        }
        Ok(Sink {
            directory,
            stdout: matches!(job.output, Output::Stdout),
            ledger: ledger.transpose()?,
            fields,
            problems,
            container: None,
        })
    }

    fn is_stdout(&self) -> bool {
        self.stdout
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.directory.as_ref().map(|directory| directory.path(name))
    }

    fn announce(&mut self, batch: &[Item]) -> Result<(), Error> {
        let names = batch.iter().filter_map(|item| match item {
            Item::File(source) | Item::Large(source) | Item::Open(source) => Some(&*source.name),
            _ => None,
        });
        match &mut self.directory {
            Some(directory) => directory
                .announce(names)
                .map_err(|error| Error::Output("the list of files".into(), error)),
            None => Ok(()),
        }
    }

    fn write(
        &mut self,
        done: Done,
        summary: &mut Summary,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        match done {
            Done::Failed(error) => Err(error),
            Done::Unreadable(name, reason) => {
                if let Some(problems) = &mut self.problems {
                    let verdict = Verdict::Failed;
                    let row = json!({"file": name, "verdict": verdict, "reason": reason});
                    let failed = |error| Error::Output("the run's record".into(), error);
                    writeln!(problems, "{row}").map_err(failed)?;
                }
                observer.document(&name, 0, Verdict::Failed);
                summary.add(&name, Tally::failed(0, reason));
                Ok(())
            }
            Done::Open(source) => {
                let file = self.path(&source.name).map(|path| WholeFile::create(&path)).transpose();
                let file = file.map_err(|error| Error::Output(source.name.clone(), error))?;
                self.container = Some((source, file));
                Ok(())
            }
            Done::Close => match self.container.take() {
                Some((source, Some(file))) => {
                    file.finish().map_err(|error| Error::Output(source.name, error))
                }
                _ => Ok(()),
            },
            Done::Plain(bytes) => self.put(&bytes),
            Done::Document { bytes, mut record, tally, size } => {
                if let Some((source, _)) = &self.container {
                    record.file.clone_from(&source.name);
                }
                self.put(&bytes)?;
                self.note(&record, &tally)?;
                let name = match record.in_container {
                    true => format!("{}:{}", record.file, record.ordinal + 1),
                    false => record.file.clone(),
                };
                observer.document(&name, size, tally.verdict());
                summary.add(&name, tally);
                Ok(())
            }
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = match &mut self.container {
            _ if self.stdout => io::stdout().lock().write_all(bytes),
            Some((_, Some(file))) => file.write_all(bytes),
            _ => Ok(()),
        };
        written.map_err(|error| Error::Output("the output".into(), error))
    }

    fn note(&mut self, record: &Record, tally: &Tally) -> Result<(), Error> {
        let failed = |error: io::Error| Error::Output("the run's record".into(), error);
        if let Some(mut ledger) = self.ledger.take() {
            ledger.write(record).map_err(failed)?;
            self.ledger = Some(ledger.rest().map_err(failed)?);
        }
        if let Some(fields) = &mut self.fields {
            let row = json!({
                "file": record.file,
                "ordinal": record.ordinal,
                "id": record.id,
                "outlet": record.outlet,
                "verdict": record.verdict,
                "fields": record.fields,
            });
            writeln!(fields, "{row}").map_err(failed)?;
        }
        if let (Some(problems), Some(reason)) = (&mut self.problems, tally.reason()) {
            let row = json!({
                "file": record.file,
                "ordinal": record.ordinal,
                "id": record.id,
                "verdict": record.verdict,
                "reason": reason,
            });
            writeln!(problems, "{row}").map_err(failed)?;
        }
        Ok(())
    }

    fn finish(mut self, job: &Job<'_>, summary: &Summary) -> Result<(), Error> {
        let failed = |error: io::Error| Error::Output("the run's record".into(), error);
        // A container that was not read to its end must not look whole.
        drop(self.container.take());
        if self.stdout {
            io::stdout().lock().flush().map_err(failed)?;
        }
        if let Some(ledger) = self.ledger {
            ledger.finish().map_err(failed)?;
        }
        for mut file in self.fields.into_iter().chain(self.problems) {
            file.flush().map_err(failed)?;
        }
        let Some(directory) = self.directory else { return Ok(()) };
        let rules = ledger::header(job.pipeline).rules;
        let stages: Vec<&str> = job.pipeline.stages().collect();
        let rules_digest: String = rules.iter().map(|rule| rule.digest.as_str()).collect();
        let run = json!({
            "chaffinch": env!("CARGO_PKG_VERSION"),
            "state": if summary.interrupted { "interrupted" } else { "finished" },
            "pipeline_digest": ledger::output_digest(stages.join("\n").as_bytes()),
            "rules_digest": ledger::output_digest(rules_digest.as_bytes()),
            "seconds": summary.elapsed.as_secs_f64(),
            "documents": summary.documents,
            "bytes_in": summary.bytes_in,
            "bytes_removed": summary.bytes_removed,
            "verdicts": summary.verdicts,
            "stages": summary.stages,
            "rules": summary.rules,
            "outlets": summary.outlets,
            "refused_marks": summary.refused,
        });
        let text = serde_json::to_string_pretty(&run).map_err(|e| failed(e.into()))? + "\n";
        fs::write(directory.record("run.json"), text).map_err(failed)
    }
}
