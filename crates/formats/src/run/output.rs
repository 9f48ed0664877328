//! Reads the output of a run, document by document, in the order of the ledger.
//!
//! A [`RecordCursor`] reads the records of one cleaned container, which may consist of shards.
//! [`RunOutput`] finds the output of any document of the run, whatever it is stored in. Restoring,
//! and everything that needs single originals, uses these two.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::request::Request;
use crate::containers::chunks::{Chunk, Chunks};
use crate::containers::open::{Opened, Reading};
use crate::containers::parquet::Restoring;
use crate::containers::{Container, Kind, RecordFormat, records, rewritten};
use crate::files::codec::Codec;
use crate::files::source::Source;
use crate::files::{derived, names};
use crate::ledger::Record;
use crate::ledger::runs::run_record;

/// The files that a run wrote of a container: its shards, or the container itself.
///
/// # Errors
/// There are none.
pub(crate) fn shards(run: &Path, file: &str) -> io::Result<Vec<PathBuf>> {
    let sharded = run_record(run).is_ok_and(|run| !run["shard_bytes"].is_null());
    if !sharded {
        return Ok(vec![names::below(run, file)]);
    }
    let shards = (0..).map(|number| names::below(run, &derived::shard(file, number)));
    let shards: Vec<PathBuf> = shards.take_while(|shard| shard.exists()).collect();
    if shards.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(shards) }
}

/// Reads the records of a cleaned container, in order.
pub(crate) struct RecordCursor {
    pub(crate) chunks: Chunks,
    records: Vec<(u64, Vec<u8>)>,
    ended: bool,
    /// In the output of a sample, the number of documents so far: there, they count instead of the
    /// records.
    sampled: Option<u64>,
    /// Documents that were skipped before a record that was asked for.
    pub(crate) skipped: u64,
}

impl RecordCursor {
    /// Opens the output for `file`. `record` is a document in it, if one is known.
    pub(crate) fn open(
        run: &Path,
        file: &str,
        record: Option<&Record<'_>>,
    ) -> io::Result<RecordCursor> {
        let mut shards = VecDeque::from(shards(run, file)?);
        let first = shards.pop_front().unwrap_or_default();
        let metadata = first.metadata()?;
        let source = Source::of_file(first, file.to_owned(), &metadata);
        let request = Request::of_run(run);
        let converts = request.as_ref().is_some_and(|request| request.to.is_some());
        let given = request.as_ref().and_then(|request| request.from).filter(|_| !converts);
        let sampled = request.as_ref().and_then(|request| request.sample).map(|_| 0);
        let names = request.map(|request| request.names).filter(|_| !converts).unwrap_or_default();
        let open = |container| {
            let reading = Reading { container, names: &names, limit: LONGEST, restores: true };
            match source.open(&reading)? {
                Opened::Records(chunks) => Ok(Some(chunks)),
                _ => io::Result::Ok(None),
            }
        };
        // Cleaning may have removed what the container was detected by.
        let in_ledger = record.and_then(rewritten);
        let mut chunks = match open(given)? {
            Some(chunks) => chunks,
            None => open(Some(in_ledger.unwrap_or(Container::Jsonl)))?
                .ok_or_else(|| io::Error::other("it is not a container of documents"))?,
        };
        if !shards.is_empty() {
            let header = chunks.format.header().len() as u64;
            chunks.append(Box::new(Shards {
                paths: shards,
                codec: chunks.codec,
                header,
                now: None,
            }));
        }
        // Records that passed through unread are copied by their length, so no chunk may contain
        // bytes after the record that is asked for.
        chunks.most_records = 1;
        Ok(RecordCursor { chunks, records: Vec::new(), ended: false, sampled, skipped: 0 })
    }

    /// Finds the record with this [number](RunOutput::number): `whole`, or written to `out` while it is
    /// read, however long it is. Of the records before it, those that are not documents are written to
    /// `out`, and documents are skipped.
    pub(crate) fn at(
        &mut self,
        number: u64,
        whole: bool,
        out: &mut dyn Write,
    ) -> io::Result<Found> {
        self.read_to(number, whole, None, out)
    }

    /// Writes the record with this number, which passed through unread, to `out`, after what
    /// [`RecordCursor::at`] writes before it. Without its length in bytes, its end is found as in
    /// the run.
    pub(crate) fn pass(
        &mut self,
        number: u64,
        bytes: Option<u64>,
        out: &mut dyn Write,
    ) -> io::Result<Found> {
        self.read_to(number, false, bytes, out)
    }

    fn read_to(
        &mut self,
        number: u64,
        whole: bool,
        bytes: Option<u64>,
        out: &mut dyn Write,
    ) -> io::Result<Found> {
        loop {
            match self.records.pop() {
                Some((at, record)) => {
                    let is_document = self.chunks.format.kind(&record, at) == Kind::Document;
                    let found = self.sampled.unwrap_or(at);
                    if found > number {
                        self.records.push((at, record));
                        return Ok(Found::Missing);
                    }
                    let wanted = found == number && (is_document || self.sampled.is_none());
                    self.sampled = self.sampled.map(|count| count + u64::from(is_document));
                    match (wanted, whole) {
                        (true, true) => return Ok(Found::Whole(record)),
                        (true, false) => {
                            out.write_all(&record)?;
                            return Ok(Found::Written);
                        }
                        (false, _) if is_document => self.skipped += 1,
                        (false, _) => out.write_all(&record)?,
                    }
                }
                None if self.ended => return Ok(Found::Missing),
                None if self.chunks.position.record == number && bytes.is_some() => {
                    let all = self.chunks.copy_record(bytes.unwrap_or(0), out)?;
                    return Ok(if all { Found::Written } else { Found::Missing });
                }
                None => {
                    let mut nowhere = io::sink();
                    let wanted = self.chunks.position.record == number;
                    let out = if wanted { &mut *out } else { &mut nowhere };
                    match self.fill(whole || bytes.is_some(), out)? {
                        Some(at) if at == number => return Ok(Found::Written),
                        Some(_) => self.skipped += 1,
                        None => {}
                    }
                }
            }
        }
    }

    /// Reads the next chunk. Returns the number of a record that was too long to be read into memory
    /// and was written to `out`.
    fn fill(&mut self, whole: bool, out: &mut dyn Write) -> io::Result<Option<u64>> {
        self.chunks.limit = if whole { LONGEST } else { 0 };
        match self.chunks.next()? {
            None => self.ended = true,
            Some(Chunk::Records(bytes, first)) => {
                let records = records(&*self.chunks.format, &bytes, first);
                self.records = records.map(|(at, record)| (at, record.to_vec())).collect();
                self.records.reverse();
            }
            Some(Chunk::Part(part, ends)) => {
                out.write_all(&part)?;
                return Ok(ends.map(|passed| passed.ordinal));
            }
        }
        Ok(None)
    }
}

/// Reads the shards after the first one, without their headers.
struct Shards {
    paths: VecDeque<PathBuf>,
    codec: Codec,
    /// The length of the header of each shard, in bytes.
    header: u64,
    now: Option<Box<dyn Read + Send>>,
}

impl Read for Shards {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(shard) = &mut self.now {
                match shard.read(buffer)? {
                    0 if !buffer.is_empty() => self.now = None,
                    count => return Ok(count),
                }
            }
            let Some(path) = self.paths.pop_front() else { return Ok(0) };
            let mut shard = self.codec.decoder(BufReader::new(File::open(path)?))?;
            io::copy(&mut shard.by_ref().take(self.header), &mut io::sink())?;
            self.now = Some(shard);
        }
    }
}

/// A record that was asked for.
pub(crate) enum Found {
    Whole(Vec<u8>),
    /// It was written while it was read.
    Written,
    Missing,
}

/// Longer records were never cleaned, in bytes.
const LONGEST: usize = 1 << 30;

/// Finds the output of documents. They are asked for in the order of the ledger, and
/// [`RunOutput::advance`] is called with each record of the ledger.
pub(crate) struct RunOutput {
    run: PathBuf,
    /// Whether the run cleaned a sample.
    sampled: bool,
    /// The current container, and how many records of the ledger it has so far.
    passed: (String, u64),
    /// The container that is open; none if it cannot be read.
    open: Option<(String, Option<Cursor>)>,
}

enum Cursor {
    Records(Box<RecordCursor>),
    /// The column, and the number of the next row.
    Column(Box<Restoring>, u64),
}

impl RunOutput {
    /// The output of the run in `run`.
    pub(crate) fn of_run(run: &Path) -> RunOutput {
        let sampled = Request::of_run(run).is_some_and(|request| request.sample.is_some());
        RunOutput { run: run.to_owned(), sampled, passed: (String::new(), 0), open: None }
    }

    /// Moves to the next record of the ledger.
    pub(crate) fn advance(&mut self, record: &Record<'_>) {
        if record.is_record() {
            let (file, count) = &mut self.passed;
            if *file != *record.file {
                (*file, *count) = (record.file.clone().into_owned(), 0);
            }
            *count += 1;
        }
    }

    /// The number of a document in the container that the run wrote, from 0. Converted documents and
    /// samples are in the order of their ledger records.
    pub(crate) fn number(&self, record: &Record<'_>) -> u64 {
        match self.sampled || record.origin.is_some() {
            true => self.passed.1.saturating_sub(1),
            false => record.ordinal,
        }
    }

    /// The output of a document: a file, a record, or the value of a column. `None` if it is
    /// missing.
    ///
    /// # Errors
    /// The cleaned file cannot be read.
    pub(crate) fn document(&mut self, record: &Record<'_>) -> io::Result<Option<Vec<u8>>> {
        if !record.is_record() {
            return fs::read(names::below(&self.run, &record.file)).map(Some);
        }
        let number = self.number(record);
        if self.open.as_ref().is_none_or(|(name, _)| *name != record.file) {
            self.open = Some((record.file.clone().into_owned(), None));
            let cursor = self.cursor(record)?;
            self.open = Some((record.file.clone().into_owned(), Some(cursor)));
        }
        let Some((_, Some(cursor))) = &mut self.open else { return Ok(None) };
        match cursor {
            Cursor::Column(column, next) => loop {
                let Some(value) = column.next() else { return Ok(None) };
                let wanted = (*next == number).then(|| value.to_vec());
                column.put(Vec::new())?;
                *next += 1;
                if wanted.is_some() {
                    return Ok(wanted);
                }
            },
            Cursor::Records(records) => {
                let Found::Whole(row) = records.at(number, true, &mut io::sink())? else {
                    return Ok(None);
                };
                if record.origin.is_none() {
                    return Ok(Some(row));
                }
                let parsed = records.chunks.format.parse(&row).map_err(io::Error::other)?;
                Ok(parsed.map(|parsed| parsed.text().as_bytes().to_vec()))
            }
        }
    }

    fn cursor(&self, record: &Record<'_>) -> io::Result<Cursor> {
        Ok(match &record.column {
            Some(column) => {
                let shards = shards(&self.run, &record.file)?;
                Cursor::Column(Box::new(Restoring::open(shards, column, false)?), 0)
            }
            None => {
                let records = RecordCursor::open(&self.run, &record.file, Some(record))?;
                Cursor::Records(Box::new(records))
            }
        })
    }

    /// The format of the container that is open.
    pub(crate) fn format(&self) -> Option<&dyn RecordFormat> {
        match &self.open {
            Some((_, Some(Cursor::Records(records)))) => Some(&*records.chunks.format),
            _ => None,
        }
    }
}
