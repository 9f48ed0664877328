//! The writer of a run: writes results in input order, and after each of them a line in the
//! [journal](super::journal).
//!
//! An interrupted run is resumed from its journal: every file is truncated to the length in the
//! last line, and the run continues from there. The journal is removed when the run is finished, so
//! the output does not show whether the run was interrupted.

use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use serde::Serialize;

use super::append::AppendOnlyFile;
use super::blocks::Position;
use super::journal::{
    JOURNAL, JournalEntry, PARTS, Unfinished, Written, length, part, remove_if_there,
    remove_unsure, unfinished_path,
};
use super::request::Request;
use super::summary::Summary;
use super::worker::{Event, FinishedBlock};
use crate::containers::parquet;
use crate::error::Error;
use crate::files::output::{FILES, OutputDirectory, WholeFile, escape_line, write_json};
use crate::files::store::Shipping;
use crate::files::{derived, names};

/// What to do with an unfinished run in the output directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resume {
    /// Resume it if it is the same run; else start again.
    #[default]
    May,
    /// Resume it, or return an error.
    Must,
    /// Start again.
    Never,
}

/// The container that is being written.
enum OpenFile {
    Stream(AppendOnlyFile),
    /// The parts with these numbers, each a file, and the bytes of all of them.
    Parts(Range<u64>, u64),
}

impl OpenFile {
    /// Opens a container again that an earlier start of the run wrote in part.
    fn again(
        directory: &OutputDirectory,
        name: &str,
        written: &Written,
    ) -> Result<OpenFile, Error> {
        match written {
            Written::Parts(parts) => {
                let bytes = parts.clone().map(|number| length(&part(directory, number)));
                Ok(OpenFile::Parts(parts.clone(), bytes.sum()))
            }
            Written::Bytes(bytes) => {
                let path = unfinished_path(&directory.root, name);
                let whole = names::below(&directory.root, name);
                // It may be complete already, except for the journal.
                if !path.exists() && whole.exists() {
                    let failed = |error| Error::Output(whole.display().to_string(), error);
                    fs::rename(&whole, &path).map_err(failed)?;
                }
                Ok(OpenFile::Stream(AppendOnlyFile::open(path, *bytes)?))
            }
        }
    }
}

/// The files of a run's record, and the container that is being written.
struct Files {
    directory: OutputDirectory,
    /// Held while the run writes.
    _lock: Option<File>,
    identity: String,
    names: AppendOnlyFile,
    fields: AppendOnlyFile,
    problems: AppendOnlyFile,
    journal: AppendOnlyFile,
    container: Option<(String, OpenFile)>,
    /// The number of the next part. Every part of a run has its own number.
    next_part: u64,
    /// Parts below this number are removed.
    first_part: u64,
    shard_bytes: Option<u64>,
    /// The destination of finished files.
    shipping: Option<Shipping>,
    /// The number of the current shard of the container.
    shard: u64,
}

/// The destination of results.
pub(crate) struct Sink<'a> {
    files: Option<Files>,
    stream: Option<Stream<'a>>,
    ledger: Option<AppendOnlyFile>,
}

/// Standard output, or another writer to which all output goes.
pub(crate) struct Stream<'a> {
    /// Its name in messages.
    pub(crate) name: &'static str,
    pub(crate) writer: &'a mut dyn Write,
}

/// What an earlier start of the same run wrote.
pub(crate) struct ResumeState {
    pub(crate) position: Position,
    pub(crate) summary: Summary,
}

impl ResumeState {
    /// The state after these steps, if there are any.
    fn after(steps: &[JournalEntry]) -> Option<ResumeState> {
        let last = steps.last()?;
        let mut summary = Summary::default();
        steps.iter().for_each(|step| summary.add(&step.summary));
        Some(ResumeState { position: last.after.clone(), summary })
    }
}

impl<'a> Sink<'a> {
    /// A sink without an output directory.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub(crate) fn without_directory(
        stream: Option<Stream<'a>>,
        ledger: Option<&Path>,
    ) -> Result<Sink<'a>, Error> {
        let ledger = ledger.map(|path| AppendOnlyFile::open(path.to_owned(), 0)).transpose()?;
        Ok(Sink { files: None, stream, ledger })
    }

    /// A sink into a directory, for the run of `request`. Resumes the unfinished run in it if that run has the
    /// same `identity`; else starts again.
    ///
    /// # Errors
    /// The directory contains other files, cannot be written, or has no run to resume although that
    /// was requested.
    pub(crate) fn directory(
        directory: OutputDirectory,
        identity: String,
        request: &Request,
        resume: Resume,
        shipping: Option<Shipping>,
    ) -> Result<(Sink<'a>, Option<ResumeState>), Error> {
        let lock = directory.lock()?;
        let (steps, journal) = steps_to_resume(&directory, &identity, resume)?;
        let last = steps.last();
        let lock = match last {
            None => take(&directory, lock, shipping.as_ref())?,
            Some(step) => {
                let failed = |error| Error::Output(directory.root.display().to_string(), error);
                remove_unsure(&directory, step.names).map_err(failed)?;
                lock
            }
        };
        let log = |name: &str, bytes: fn(&JournalEntry) -> u64| {
            AppendOnlyFile::open(directory.record(name), last.map_or(0, bytes))
        };
        let ledger = log("ledger/00000.jsonl.zst", |step| step.ledger)?;
        let container = last.and_then(|step| step.output.as_ref());
        let container = container
            .map(|(name, written)| Ok((name.clone(), OpenFile::again(&directory, name, written)?)));
        let next_part = steps.iter().rev().find_map(|step| match step.output {
            Some((_, Written::Parts(Range { end, .. }))) => Some(end),
            _ => None,
        });
        let files = Files {
            names: log(FILES, |step| step.names)?,
            fields: log("fields.jsonl", |step| step.fields)?,
            problems: log("problems.jsonl", |step| step.problems)?,
            // Lines after the last valid one are removed; the others must survive an interruption
            // here.
            journal: AppendOnlyFile::open(directory.record(JOURNAL), journal)?,
            container: container.transpose()?,
            next_part: next_part.unwrap_or(0),
            first_part: 0,
            shard_bytes: request.shard_bytes,
            shipping,
            shard: last.map_or(0, |step| step.shard),
            directory,
            _lock: lock,
            identity,
        };
        let sink = Sink { files: Some(files), stream: None, ledger: Some(ledger) };
        sink.state("running", &RunStart { job: request })?;
        Ok((sink, ResumeState::after(&steps)))
    }

    /// The name of the stream that all output goes to, if it is one.
    pub(crate) fn stream_name(&self) -> Option<&'static str> {
        self.stream.as_ref().map(|stream| stream.name)
    }

    /// Lists files before they are written.
    pub(crate) fn announce<'n>(
        &mut self,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<(), Error> {
        let Some(files) = &mut self.files else { return Ok(()) };
        let lines: String = names.map(|name| escape_line(name) + "\n").collect();
        if let Some(shipping) = files.shipping.as_ref().filter(|_| !lines.is_empty()) {
            shipping.announce(&lines, files.names.length)?;
        }
        files.names.append(lines.as_bytes())
    }

    /// The length in bytes of the list of files.
    pub(crate) fn announced(&self) -> u64 {
        self.files.as_ref().map_or(0, |files| files.names.length)
    }

    /// Writes the result of a block; `names` is the length in bytes of the list of files after it.
    pub(crate) fn write(&mut self, done: &FinishedBlock, names: u64) -> Result<(), Error> {
        let step = self.put(done, names)?;
        let (Some(files), Some(step)) = (&mut self.files, step) else { return Ok(()) };
        files.journal(&step)?;
        files.remove_parts()
    }

    /// Writes everything except the line in the journal.
    fn put(&mut self, done: &FinishedBlock, names: u64) -> Result<Option<JournalEntry>, Error> {
        if let Some(ledger) = &mut self.ledger {
            ledger.append(&done.ledger)?;
        }
        let Some(files) = &mut self.files else {
            if let Some(stream) = &mut self.stream {
                stream.write(done).map_err(|error| Error::Output(stream.name.into(), error))?;
            }
            return Ok(None);
        };
        if let Event::Open(name, parts) = &done.event {
            let name = files.shard_bytes.map_or_else(|| name.clone(), |_| derived::shard(name, 0));
            files.begin(name, *parts)?;
            files.shard = 0;
        }
        files.next_shard(done)?;
        match &mut files.container {
            Some((_, OpenFile::Stream(log))) => log.append(&done.output)?,
            Some((_, OpenFile::Parts(parts, bytes))) if !done.output.is_empty() => {
                AppendOnlyFile::open(part(&files.directory, parts.end), 0)?.append(&done.output)?;
                (parts.end, *bytes) = (parts.end + 1, *bytes + done.output.len() as u64);
                files.next_part = parts.end;
            }
            _ => {}
        }
        files.fields.append(&done.fields)?;
        files.problems.append(&done.problems)?;
        if matches!(done.event, Event::Close) {
            files.end()?;
        }
        done.files.iter().try_for_each(|name| files.ship(name))?;
        Ok(Some(JournalEntry {
            after: done.after.clone(),
            names,
            ledger: self.ledger.as_ref().map_or(0, |ledger| ledger.length),
            fields: files.fields.length,
            problems: files.problems.length,
            output: files.container.as_ref().map(|(name, container)| {
                let written = match container {
                    OpenFile::Stream(log) => Written::Bytes(log.length),
                    OpenFile::Parts(parts, _) => Written::Parts(parts.clone()),
                };
                (name.clone(), written)
            }),
            shard: files.shard,
            summary: done.summary.clone(),
        }))
    }

    /// Completes the run's record.
    pub(crate) fn finish(self, summary: &Summary, run: &impl Serialize) -> Result<(), Error> {
        if summary.interrupted {
            return self.state("interrupted", run);
        }
        self.state("finished", run)?;
        let Some(files) = &self.files else { return Ok(()) };
        let failed = |error| Error::Output(files.directory.root.display().to_string(), error);
        let parts = files.directory.record(PARTS);
        if parts.exists() {
            fs::remove_dir_all(parts).map_err(failed)?;
        }
        let Some(shipping) = &files.shipping else {
            return fs::remove_file(&files.journal.path).map_err(failed);
        };
        if let Err(error) = shipping.ship_record(JOURNAL) {
            // An incomplete record is not marked as finished.
            self.state("interrupted", run)?;
            return Err(error);
        }
        fs::remove_dir_all(&files.directory.root).map_err(failed)
    }

    /// Writes `run.json`.
    fn state(&self, state: &str, run: &impl Serialize) -> Result<(), Error> {
        let Some(files) = &self.files else { return Ok(()) };
        let path = files.directory.record("run.json");
        let (identity, shard_bytes) = (&files.identity, files.shard_bytes);
        let all = State { chaffinch: env!("CARGO_PKG_VERSION"), state, identity, shard_bytes, run };
        write_json(&path, &all).map_err(|error| Error::Output(path.display().to_string(), error))
    }
}

/// `run.json`.
#[derive(Serialize)]
struct State<'a, R> {
    chaffinch: &'static str,
    state: &'a str,
    identity: &'a str,
    shard_bytes: Option<u64>,
    #[serde(flatten)]
    run: &'a R,
}

/// What `run.json` records of a run that has not finished.
#[derive(Serialize)]
struct RunStart<'a> {
    job: &'a Request,
}

impl Files {
    /// Starts a container, which is combined from `parts` or appended to.
    fn begin(&mut self, name: String, parts: bool) -> Result<(), Error> {
        let container = match parts {
            true => OpenFile::Parts(self.next_part..self.next_part, 0),
            false => OpenFile::Stream(AppendOnlyFile::open(
                unfinished_path(&self.directory.root, &name),
                0,
            )?),
        };
        self.container = Some((name, container));
        Ok(())
    }

    /// Completes the current container.
    fn end(&mut self) -> Result<(), Error> {
        let Some((name, container)) = self.container.take() else { return Ok(()) };
        let root = &self.directory.root;
        let path = names::below(root, &name);
        match container {
            OpenFile::Stream(_) => fs::rename(unfinished_path(root, &name), &path),
            OpenFile::Parts(parts, _) => assemble(&self.directory, parts, &path),
        }
        .map_err(|error| Error::Output(path.display().to_string(), error))?;
        self.ship(&name)
    }

    /// Completes the current shard if it is full and the block has more output.
    fn next_shard(&mut self, block: &FinishedBlock) -> Result<(), Error> {
        let (Some((name, container)), Some(most)) = (&self.container, self.shard_bytes) else {
            return Ok(());
        };
        let (length, parts) = match container {
            OpenFile::Stream(log) => (log.length, false),
            OpenFile::Parts(_, bytes) => (*bytes, true),
        };
        if block.output.is_empty() || length < most {
            return Ok(());
        }
        let whole = derived::written_for(name).unwrap_or_else(|| name.clone());
        self.end()?;
        self.shard += 1;
        self.begin(derived::shard(&whole, self.shard), parts)?;
        match &mut self.container {
            Some((_, OpenFile::Stream(file))) => file.append(&block.shard_header),
            _ => Ok(()),
        }
    }

    /// Sends a finished file to the store, if there is one.
    fn ship(&self, name: &str) -> Result<(), Error> {
        self.shipping.as_ref().map_or(Ok(()), |shipping| shipping.ship(name))
    }

    /// Removes the parts of a completed file. The journal must be written first: a run that is
    /// interrupted before that combines the parts again.
    fn remove_parts(&mut self) -> Result<(), Error> {
        let kept = match &self.container {
            Some((_, OpenFile::Parts(parts, _))) => parts.start,
            _ => self.next_part,
        };
        for number in std::mem::replace(&mut self.first_part, kept)..kept {
            let path = part(&self.directory, number);
            remove_if_there(&path)
                .map_err(|error| Error::Output(path.display().to_string(), error))?;
        }
        Ok(())
    }

    fn journal(&mut self, step: &JournalEntry) -> Result<(), Error> {
        let failed = |error: serde_json::Error| Error::Output("the journal".into(), error.into());
        let line = serde_json::to_string(step).map_err(failed)? + "\n";
        self.journal.append(line.as_bytes())
    }
}

impl Stream<'_> {
    /// Writes the result of a block, with files that pass through at their places.
    fn write(&mut self, done: &FinishedBlock) -> io::Result<()> {
        let (out, mut from) = (&mut *self.writer, 0);
        for (at, place) in &done.passed {
            out.write_all(&done.output[from..*at])?;
            io::copy(&mut place.open()?, out)?;
            from = *at;
        }
        out.write_all(&done.output[from..])?;
        out.flush()
    }
}

/// The steps of the unfinished run in a directory that is to be resumed, and the length in bytes of
/// its journal; no steps if the run is to start again.
fn steps_to_resume(
    directory: &OutputDirectory,
    identity: &str,
    resume: Resume,
) -> Result<(Vec<JournalEntry>, u64), Error> {
    let unfinished = Unfinished::find(directory);
    let same = unfinished.as_ref().is_some_and(|found| found.identity == identity);
    if resume == Resume::Must && !same {
        let root = directory.root.display();
        return Err(Error::Usage(match unfinished {
            None => format!("{root} contains no unfinished run; omit --resume"),
            Some(_) => format!(
                "the unfinished run in {root} had other inputs, options, rules or another \
                 version of chaffinch; repeat its command, or start over with --fresh"
            ),
        }));
    }
    Ok(match unfinished {
        Some(found) if same && resume != Resume::Never => (found.steps, found.journal),
        _ => (Vec::new(), 0),
    })
}

/// Takes a directory, and the store that its files go to, for a new run. Returns the lock of the
/// directory.
fn take(
    directory: &OutputDirectory,
    lock: Option<File>,
    shipping: Option<&Shipping>,
) -> Result<Option<File>, Error> {
    let left = shipping.map(Shipping::left).transpose()?;
    let lock = directory.take(lock)?;
    if let (Some(shipping), Some(left)) = (shipping, left) {
        shipping.take(&left)?;
    }
    Ok(lock)
}

/// Combines the parts into the file `path`.
fn assemble(directory: &OutputDirectory, parts: Range<u64>, path: &Path) -> io::Result<()> {
    let mut out = WholeFile::create(path)?;
    parquet::assemble(&mut out, parts.map(|number| File::open(part(directory, number))))?;
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::output::{RECORD, write_whole};
    use crate::run::journal::is_finished;

    /// A truncated journal keeps its valid lines, so that a run interrupted here can be resumed.
    #[test]
    fn a_journal_is_never_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let directory = OutputDirectory { root: folder.path().to_owned() };
        let step = |names: u64| JournalEntry {
            after: Position::default(),
            names,
            ledger: 0,
            fields: 0,
            problems: 0,
            output: None,
            shard: 0,
            summary: Summary::default(),
        };
        let line = |step: JournalEntry| serde_json::to_string(&step).unwrap() + "\n";
        let (first, second) = (line(step(0)), line(step(5)));
        let record = |name: &str, text: &str| {
            write_whole(&directory.record(name), text.as_bytes()).unwrap();
        };
        record("run.json", r#"{"state": "running", "identity": "x"}"#);
        record(FILES, "abc\n");
        record(JOURNAL, &format!("{first}{second}{}", &first[..9]));
        let found = Unfinished::find(&directory).unwrap();
        assert_eq!((found.steps.len(), found.journal), (1, first.len() as u64));
        let sink = Sink::directory(directory, "x".into(), &Request::default(), Resume::Must, None);
        assert!(sink.is_ok_and(|(_, earlier)| earlier.is_some()));
        let journal = fs::read_to_string(folder.path().join(RECORD).join(JOURNAL)).unwrap();
        assert_eq!(journal, first);
    }

    /// A run that is interrupted after a step is written but before its line in the journal repeats
    /// only that step and gives the same files, also if the step completed a shard or a container.
    #[test]
    fn a_block_that_is_not_in_the_journal_is_written_again() {
        let event = |event: Event| (event, Vec::new());
        let open = |name: &str, parts: bool| event(Event::Open(name.to_owned(), parts));
        let chunk = |bytes: &[u8]| (Event::None, bytes.to_vec());
        let mut steps = vec![open("a.jsonl", false), chunk(b"1\n"), chunk(b"2\n"), chunk(b"3\n")];
        steps.push(event(Event::Close));
        #[cfg(feature = "parquet")]
        for name in ["b.parquet", "c.parquet"] {
            steps.push(open(name, true));
            steps.extend(["x", "y", "z"].map(|text| chunk(&parquet::tests::part(text))));
            steps.push(event(Event::Close));
        }
        let sink = |folder: &Path| {
            let directory = OutputDirectory { root: folder.to_owned() };
            let request = Request { shard_bytes: Some(2), ..Request::default() };
            Sink::directory(directory, "x".into(), &request, Resume::May, None).unwrap()
        };
        let done = |number: usize| {
            let (event, output) = steps[number].clone();
            FinishedBlock {
                event,
                output,
                shard_header: Vec::new(),
                passed: Vec::new(),
                files: Vec::new(),
                ledger: Vec::new(),
                fields: Vec::new(),
                problems: Vec::new(),
                summary: Summary::default(),
                after: Position { files: number as u64 + 1, ..Position::default() },
                read: 0,
            }
        };
        let write = |sink: &mut Sink, number| sink.write(&done(number), 0).unwrap();
        let files = |folder: &Path| -> Vec<_> {
            let mut files: Vec<_> =
                fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
            files.retain(|path| path.is_file());
            files.sort();
            files
                .iter()
                .map(|path| (path.file_name().unwrap().to_owned(), fs::read(path).unwrap()))
                .collect()
        };
        let whole = tempfile::tempdir().unwrap();
        let mut uncut = sink(whole.path()).0;
        (0..steps.len()).for_each(|number| write(&mut uncut, number));
        let wanted = files(whole.path());
        assert!(wanted.iter().any(|(name, bytes)| name == "a-00002.jsonl" && bytes == b"3\n"));
        for killed in 1..steps.len() {
            let folder = tempfile::tempdir().unwrap();
            let mut first = sink(folder.path()).0;
            (0..killed).for_each(|number| write(&mut first, number));
            first.put(&done(killed), 0).unwrap();
            drop(first);
            let (mut second, earlier) = sink(folder.path());
            assert_eq!(earlier.unwrap().position.files, killed as u64);
            (killed..steps.len()).for_each(|number| write(&mut second, number));
            assert!(files(folder.path()) == wanted, "killed in step {killed}");
            assert!(!is_finished(folder.path()));
            second.finish(&Summary::default(), &()).unwrap();
            assert!(is_finished(folder.path()));
            let left = fs::read_dir(folder.path().join(RECORD)).unwrap();
            let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
            left.sort();
            assert_eq!(left, ["fields.jsonl", "files.txt", "ledger", "problems.jsonl", "run.json"]);
        }
    }
}
