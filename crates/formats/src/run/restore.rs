//! Restores originals from a run's output and its ledger, and verifies each by its digest.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::job::Stop;
use super::journal::is_finished;
use super::output::{Found, RecordCursor, RunOutput, shards};
use crate::containers::parquet::{self, Restoring, is_parquet};
use crate::containers::{Reason, original};
use crate::error::Error;
use crate::files::codec::Codec;
use crate::files::derived::text_name;
use crate::files::names::{self, is_inside};
use crate::files::output::{OutputDirectory, WholeFile, copy_whole, listed, write_whole};
use crate::ledger::runs::{ledgers, run_record};
use crate::ledger::{self, Origin, Reader, Record};

/// The results of restoring a run.
#[derive(Debug, Default)]
pub struct Restored {
    /// Documents restored, each with the digest of its original.
    pub documents: u64,
    /// Whether it was stopped before its end. The files that are written are complete.
    pub interrupted: bool,
    /// What could not be restored, and why.
    pub problems: Vec<(String, String)>,
}

/// Restores the originals of the run in `run` into `target`.
///
/// Cleaned files that were changed and damaged ledgers are reported in the result; the rest is
/// restored. Documents without a record in the ledger, such as those of an unfinished run, are
/// reported and not written, because their cleaned text would be mistaken for the original.
///
/// # Errors
/// `run` is not the output of a run, or `target` is inside it, cannot be written or is not empty.
pub fn restore(run: &Path, target: &Path) -> Result<Restored, Error> {
    restore_until(run, target, &AtomicBool::new(false))
}

/// As [`restore`], but stops after the current document once `stop` is set.
///
/// # Errors
/// As [`restore`].
pub fn restore_until(run: &Path, target: &Path, stop: &Stop) -> Result<Restored, Error> {
    let used = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some());
    if used {
        return Err(Error::Usage(format!(
            "{} is not empty; name a new directory",
            target.display()
        )));
    }
    OutputDirectory::at(target, &[run.to_owned()])?;
    walk(run, Some(target), stop)
}

/// Restores the originals of the run in `run` in memory, and compares each with its digest in the
/// ledger.
///
/// # Errors
/// `run` is not the output of a run.
pub fn verify(run: &Path) -> Result<Restored, Error> {
    walk(run, None, &AtomicBool::new(false))
}

fn walk(run: &Path, target: Option<&Path>, stop: &Stop) -> Result<Restored, Error> {
    let ledgers = ledgers(run)?;
    let shown = target.unwrap_or(run).display().to_string();
    let failed = |error| Error::Output(shown.clone(), error);
    if let Some(target) = target {
        fs::create_dir_all(target).map_err(failed)?;
    }
    let mut work = Work {
        run,
        target,
        result: Restored::default(),
        container: None,
        recorded: HashSet::new(),
        finished: is_finished(run),
        converts: run_record(run).is_ok_and(|run| !run["job"]["to"].is_null()),
        table: None,
        output: RunOutput::of_run(run),
    };
    for path in ledgers {
        let shown = path.display().to_string();
        match Reader::open(&path) {
            Err(error) => work.problem(&shown, format!("the ledger cannot be read: {error}")),
            Ok(records) => {
                for (count, record) in records.enumerate() {
                    if stop.load(Ordering::Relaxed) {
                        return Ok(Restored { interrupted: true, ..work.result });
                    }
                    match record {
                        Ok(record) => work.record(&record).map_err(failed)?,
                        Err(error) => {
                            let reason =
                                format!("the ledger is damaged after {count} documents: {error}");
                            work.problem(&shown, reason);
                            break;
                        }
                    }
                }
            }
        }
    }
    work.close().map_err(failed)?;
    work.files_without_records().map_err(failed)?;
    Ok(work.result)
}

/// A container being restored, record by record.
struct Open {
    name: String,
    rows: Option<RecordCursor>,
    out: Out,
}

/// Where restored bytes go.
enum Out {
    File(Box<WholeFile>, Vec<u8>, Codec),
    Nowhere,
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Out::Nowhere => {}
            Out::File(file, block, codec) => {
                block.extend_from_slice(bytes);
                if block.len() >= BLOCK {
                    file.write_all(&codec.encode(std::mem::take(block))?)?;
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes that are compressed as one member.
const BLOCK: usize = 1 << 20;

impl Out {
    fn finish(self) -> io::Result<()> {
        match self {
            Out::Nowhere => Ok(()),
            Out::File(mut file, block, codec) => {
                file.write_all(&codec.encode(block)?)?;
                file.finish()
            }
        }
    }
}

struct Work<'a> {
    run: &'a Path,
    target: Option<&'a Path>,
    result: Restored,
    container: Option<Open>,
    /// Digests of the names of files that the ledger has records of.
    recorded: HashSet<u128>,
    finished: bool,
    /// Whether documents were converted, so that no file of the output was an input.
    converts: bool,
    table: Option<(String, Option<Restoring>)>,
    /// Numbers documents, and reads the output of converted ones.
    output: RunOutput,
}

impl Work<'_> {
    fn problem(&mut self, name: &str, reason: impl Into<String>) {
        self.result.problems.push((name.to_owned(), reason.into()));
    }

    /// Counts a document that was written. A name that the target cannot have is a problem of this
    /// document only.
    fn restored(&mut self, name: &str, written: io::Result<()>) -> io::Result<()> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
                self.problem(name, format!("cannot be written: {error}"));
            }
            written => {
                written?;
                self.result.documents += 1;
            }
        }
        Ok(())
    }

    /// Why a cleaned file cannot be read.
    fn unreadable(&self, error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::NotFound if !self.finished => "the run did not complete it".to_owned(),
            _ => format!("the cleaned file cannot be read: {error}"),
        }
    }

    fn record(&mut self, record: &Record<'_>) -> io::Result<()> {
        if !is_inside(&record.file) {
            self.problem(&record.file, "the ledger is damaged: this name leads out of the output");
            return Ok(());
        }
        let open = self.container.as_ref().map(|open| open.name.as_str());
        if open.is_some() && open != Some(&*record.file) {
            self.close()?;
        }
        if self.table.as_ref().is_some_and(|(name, _)| *name != record.file) {
            self.close()?;
        }
        self.output.advance(record);
        self.recorded.insert(ledger::digest(record.file.as_bytes()));
        if let Some(origin) = &record.origin {
            self.converts = true;
            return self.converted(record, origin);
        }
        match (record.is_record(), &record.column) {
            (false, _) => self.document(record),
            (true, None) => self.row(record),
            (true, Some(column)) => self.table_row(record, column),
        }
    }

    /// A document that was converted: its original is a file of its own.
    fn converted(&mut self, record: &Record<'_>, origin: &Origin<'_>) -> io::Result<()> {
        let path = original_path(origin);
        let output = match self.output.document(record) {
            Ok(Some(output)) => output,
            other => {
                let reason = match other {
                    Err(error) => format!("the cleaned file cannot be read: {error}"),
                    _ => "it is missing from the cleaned file".to_owned(),
                };
                self.problem(&path, reason);
                return Ok(());
            }
        };
        match original(record, &output, None) {
            Ok(_) if !is_inside(&path) => {
                self.problem(&path, "the ledger is damaged: this name leads elsewhere");
                Ok(())
            }
            Ok(original) => {
                let to = self.target.map(|target| names::below(target, &path));
                self.restored(&path, to.map_or(Ok(()), |to| write_whole(&to, &original)))
            }
            Err(reason) => {
                self.problem(&path, reason);
                Ok(())
            }
        }
    }

    fn table_row(&mut self, record: &Record<'_>, column: &str) -> io::Result<()> {
        if self.table.is_none() {
            let write = self.target.is_some();
            let table = shards(self.run, &record.file)
                .and_then(|shards| Restoring::open(shards, column, write));
            if let Err(error) = &table {
                self.problem(&record.file, self.unreadable(error));
            }
            self.table = Some((record.file.clone().into_owned(), table.ok()));
        }
        let Some((_, Some(table))) = &mut self.table else { return Ok(()) };
        let Some(output) = table.next().map(<[u8]>::to_vec) else {
            self.problem(&record.name(), "it is missing from the cleaned file");
            return Ok(());
        };
        let restored = match record.digest.original.is_none() {
            true => Ok(output.clone()),
            false => original(record, &output, None),
        };
        match restored {
            Ok(original) => {
                self.result.documents += 1;
                table.put(original)
            }
            Err(reason) => {
                table.put(output)?;
                self.problem(&record.name(), reason);
                Ok(())
            }
        }
    }

    fn document(&mut self, record: &Record<'_>) -> io::Result<()> {
        let from = names::below(self.run, &record.file);
        let to = self.target.map(|target| names::below(target, &record.file));
        let unreadable = |error| Reason::from(format!("the cleaned file cannot be read: {error}"));
        if record.digest.original.is_none() {
            // It passed through without being read into memory, so it is copied.
            match (File::open(&from), &to) {
                (Err(error), _) => self.problem(&record.file, unreadable(error)),
                (Ok(_), None) => self.result.documents += 1,
                (Ok(file), Some(to)) => {
                    let written = copy_whole(&mut BufReader::new(file), to);
                    return self.restored(&record.file, written);
                }
            }
            return Ok(());
        }
        let restored =
            fs::read(&from).map_err(unreadable).and_then(|bytes| original(record, &bytes, None));
        match restored {
            Ok(original) => {
                let written = to.map_or(Ok(()), |to| write_whole(&to, &original));
                self.restored(&record.file, written)
            }
            Err(reason) => {
                self.problem(&record.file, reason);
                Ok(())
            }
        }
    }

    fn row(&mut self, record: &Record<'_>) -> io::Result<()> {
        if self.container.is_none() {
            let rows = RecordCursor::open(self.run, &record.file, Some(record));
            if let Err(error) = &rows {
                self.problem(&record.file, self.unreadable(error));
            }
            let codec = rows.as_ref().map_or(Codec::Plain, |rows| rows.chunks.codec);
            let out = match self.target {
                None => Out::Nowhere,
                Some(target) => {
                    let file = WholeFile::create(&names::below(target, &record.file))?;
                    Out::File(Box::new(file), Vec::new(), codec)
                }
            };
            let name = record.file.clone().into_owned();
            self.container = Some(Open { name, rows: rows.ok(), out });
        }
        let Some(open) = &mut self.container else { return Ok(()) };
        let Some(rows) = &mut open.rows else { return Ok(()) };
        let number = self.output.number(record);
        let row = match record.digest.original {
            Some(_) => rows.at(number, true, &mut open.out),
            None => rows.pass(number, record.bytes, &mut open.out),
        };
        let row = match row {
            Ok(Found::Whole(row)) => row,
            Ok(Found::Written) if record.digest.original.is_none() => {
                self.result.documents += 1;
                return Ok(());
            }
            other => {
                let reason = match other {
                    Err(error) => format!("the rest of the cleaned file cannot be read: {error}"),
                    // It cannot be framed any more, and was copied.
                    Ok(Found::Written) => "the cleaned text was changed after the run".to_owned(),
                    _ => "it is missing from the cleaned file".to_owned(),
                };
                self.problem(&record.name(), reason);
                return Ok(());
            }
        };
        match original(record, &row, Some(&*rows.chunks.format)) {
            Ok(original) => {
                self.result.documents += 1;
                open.out.write_all(&original)
            }
            Err(reason) => {
                // The record stays as it is, so that those after it keep their positions.
                open.out.write_all(&row)?;
                self.problem(&record.name(), reason);
                Ok(())
            }
        }
    }

    /// Finishes the current container, and reports records that the ledger does not have.
    fn close(&mut self) -> io::Result<()> {
        if let Some((name, Some(table))) = self.table.take() {
            let whole = match self.target.filter(|_| table.is_kept()) {
                None => table.finish(&mut io::sink())?,
                Some(target) => {
                    let mut out = WholeFile::create(&names::below(target, &name))?;
                    let whole = table.finish(&mut out)?;
                    if whole {
                        out.finish()?;
                    }
                    whole
                }
            };
            if !whole {
                let reason = "some of its rows are not in the ledger, so it cannot be restored";
                self.problem(&name, reason);
            }
        }
        let Some(mut open) = self.container.take() else { return Ok(()) };
        if let Some(rows) = &mut open.rows {
            if let Err(error) = rows.at(u64::MAX, false, &mut open.out) {
                self.problem(&open.name, format!("the rest of it cannot be read: {error}"));
            }
            let skipped = match rows.skipped {
                0 => None,
                1 => Some("one of its records is not in the ledger and was left out".to_owned()),
                n => Some(format!("{n} of its records are not in the ledger and were left out")),
            };
            open.out.finish()?;
            if let Some(reason) = skipped {
                self.problem(&open.name, reason);
            }
        }
        Ok(())
    }

    /// Copies files that hold no document, such as a container of blank lines. Reports the others:
    /// their documents have no record in the ledger.
    fn files_without_records(&mut self) -> io::Result<()> {
        let mut missing: (u64, Option<String>) = (0, None);
        for name in listed(self.run)? {
            let name = name?;
            let recorded = self.recorded.contains(&ledger::digest(name.as_bytes()));
            let files = match is_inside(&name) && !recorded {
                true => shards(self.run, &name).unwrap_or_default(),
                false => Vec::new(),
            };
            if !files.iter().any(|file| file.is_file()) {
                continue;
            }
            if !self.finished || holds_documents(self.run, &name, &files).unwrap_or(true) {
                missing.0 += 1;
                missing.1.get_or_insert(name);
            } else if let Some(target) = self.target.filter(|_| !self.converts) {
                restore_without_documents(self.run, &name, &files, &names::below(target, &name))?;
            }
        }
        if let (count, Some(name)) = missing
            && self.finished
        {
            let others =
                if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
            let reason = "the ledger has no record of it, so it cannot be restored";
            self.problem(&format!("{name}{others}"), reason);
        } else if !self.finished {
            let unrecorded = match missing.0 {
                0 => String::new(),
                1 => "; one file has no record in the ledger yet".to_owned(),
                count => format!("; {count} files have no record in the ledger yet"),
            };
            let reason = format!(
                "the run did not finish{unrecorded}; repeat its command to finish it (with --fresh if it \
                 read standard input), then restore into a new directory"
            );
            self.problem(&self.run.display().to_string(), reason);
        }
        Ok(())
    }
}

/// The path of the original of a converted document.
fn original_path(origin: &Origin<'_>) -> String {
    match origin.record {
        None => origin.file.clone().into_owned(),
        Some(record) => text_name(&origin.file, record),
    }
}

/// Whether a file that a run wrote holds documents.
fn holds_documents(run: &Path, name: &str, files: &[PathBuf]) -> io::Result<bool> {
    if is_parquet(&files[0])? {
        return parquet::has_rows(&files[0]);
    }
    let mut rows = RecordCursor::open(run, name, None)?;
    rows.at(u64::MAX, false, &mut io::sink())?;
    Ok(rows.skipped > 0)
}

/// Writes the original of a container without documents, from its shards.
fn restore_without_documents(
    run: &Path,
    name: &str,
    shards: &[PathBuf],
    to: &Path,
) -> io::Result<()> {
    let mut file = WholeFile::create(to)?;
    match shards {
        [shard, ..] if is_parquet(shard)? => parquet::without_column(shard, &mut file)?,
        [shard] => drop(io::copy(&mut File::open(shard)?, &mut file)?),
        _ => {
            let mut rows = RecordCursor::open(run, name, None)?;
            let mut out = Out::File(Box::new(file), Vec::new(), rows.chunks.codec);
            rows.at(u64::MAX, false, &mut out)?;
            return out.finish();
        }
    }
    file.finish()
}
