//! A run: documents stream from the inputs through a pipeline to the output, in input order.
//!
//! One thread reads blocks and writes results; the others clean. The number of blocks in memory is
//! bounded, so memory does not grow with the corpus, and the output does not depend on the number
//! of threads.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use chaffinch_core::{Pipeline, Verdict};
use globset::GlobSet;
use serde::Serialize;
use serde_json::json;

use super::blocks::{Block, Blocks, Work};
use super::context::WorkerContext;
use super::recall::Recall;
use super::replace::{Earlier, check_unfinished};
use super::request::{Request, digest_of_input, real_path};
use super::sample::{Drawing, Sample};
use super::sink::{Resume, ResumeState, Sink, Stream};
use super::summary::{Counts, OutletCounts, Summary};
use super::worker::FinishedBlock;
use crate::containers::open::Reading;
use crate::containers::{Container, FieldNames, parquet};
use crate::error::Error;
use crate::files::names;
use crate::files::output::OutputDirectory;
use crate::files::source::{Filter, Source, check_exists, sources};
use crate::files::store::{Shipping, Store, Stores, store_of};
use crate::ledger::{self, run_rules};
use crate::panics::internal_error;

/// The destination of cleaned documents.
#[derive(Clone)]
pub enum Output {
    /// A directory, which also contains the run's record.
    Directory(PathBuf),
    /// An object store. Files are written to a local directory until they are complete, and the
    /// record until the run is finished.
    Store(Arc<dyn Store>, PathBuf),
    /// A stream: standard output, or the writer of [`Job::run_to`].
    Stream,
    /// No output: the run only counts.
    Nowhere,
}

/// The destination of the ledger of a run to a stream.
#[derive(Clone, Debug)]
pub enum Ledger {
    /// The run's record.
    InRecord,
    /// This file.
    File(PathBuf),
    /// No ledger: removed text cannot be restored.
    Nowhere,
}

/// A flag that stops a run after the current blocks.
pub type Stop = AtomicBool;

/// Receives the progress of a run, on the thread that writes.
pub trait Observer {
    /// Called with the number of documents that an earlier start of the run completed.
    fn resumed(&self, _documents: u64) {}
    /// Called with the number of documents completed since the last call, and the bytes read for
    /// them.
    fn block(&self, documents: u64, bytes: u64);
}

/// Ignores the progress.
impl Observer for () {
    fn block(&self, _documents: u64, _bytes: u64) {}
}

/// The settings of a run.
pub struct Job<'a> {
    /// Files and directories; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// The object stores of the inputs that are addresses.
    pub stores: Stores,
    /// The destination of cleaned documents.
    pub output: Output,
    /// The destination of the ledger.
    pub ledger: Ledger,
    /// The container of the inputs, if it is not to be detected.
    pub container: Option<Container>,
    /// The container that documents are converted to; by default, each keeps its own.
    pub to: Option<Container>,
    /// The number of bytes after which an output file ends and the next shard begins.
    pub shard_bytes: Option<u64>,
    /// The names of the fields of a record.
    pub names: FieldNames,
    /// Patterns of the names of documents to clean; all if empty.
    pub include: GlobSet,
    /// Patterns of the names of documents to skip.
    pub exclude: GlobSet,
    /// The number of documents to clean, spread over the inputs; the same ones each time.
    pub sample: Option<usize>,
    /// Whether to restore each document after cleaning and compare it with the original.
    pub verify: bool,
    /// What to do with an unfinished run in the output directory.
    pub resume: Resume,
    /// The pipeline.
    pub pipeline: &'a Pipeline,
    /// The outcomes of an earlier run over the same documents.
    pub(crate) recall: Option<&'a Recall<'a>>,
}

impl Output {
    /// The local directory that files are written to.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Output::Directory(root) | Output::Store(_, root) => Some(root),
            Output::Stream | Output::Nowhere => None,
        }
    }
}

impl<'a> Job<'a> {
    /// A job that cleans `inputs` into `output`, with default settings.
    pub fn new(pipeline: &'a Pipeline, inputs: Vec<PathBuf>, output: Output) -> Job<'a> {
        Job {
            inputs,
            stores: Stores::new(),
            output,
            ledger: Ledger::InRecord,
            container: None,
            to: None,
            shard_bytes: None,
            names: FieldNames::default(),
            include: GlobSet::empty(),
            exclude: GlobSet::empty(),
            sample: None,
            verify: false,
            resume: Resume::default(),
            pipeline,
            recall: None,
        }
    }
}

impl Job<'_> {
    /// The size of all inputs in bytes, as listed by their directories: the length of a progress
    /// bar.
    pub fn total_bytes(&self) -> u64 {
        let filter = self.filter();
        sources(&self.files(), &self.stores, &filter)
            .filter_map(Result::ok)
            .map(|source| source.bytes)
            .sum()
    }

    fn filter(&self) -> Filter<'_> {
        Filter { include: &self.include, exclude: &self.exclude }
    }

    fn reading(&self) -> Reading<'_> {
        let limit = self.pipeline.limits().document_bytes;
        Reading { container: self.container, names: &self.names, limit, restores: false }
    }

    /// Whether repeating the run resumes it after an interruption: if its output is not a stream and its
    /// input not standard input.
    pub fn can_resume(&self) -> bool {
        self.output.directory().is_some() && !self.reads_stdin()
    }

    fn reads_stdin(&self) -> bool {
        self.inputs.iter().any(|path| path.as_os_str() == "-")
    }

    fn files(&self) -> Vec<PathBuf> {
        self.inputs.iter().filter(|path| path.as_os_str() != "-").cloned().collect()
    }

    /// Starts the run, or resumes an unfinished run of the same job.
    ///
    /// # Errors
    /// The settings contradict each other, or the output cannot be written. Inputs that cannot be
    /// read and documents that cannot be cleaned are not errors: they are reported and counted.
    pub fn run(&self, observer: &dyn Observer, stop: &Stop) -> Result<Summary, Error> {
        let stdout = Stream { name: "standard output", writer: &mut io::stdout() };
        self.run_into(stdout, observer, stop)
    }

    /// Like [`Job::run`], but if the output is a stream, it is this writer and not standard output.
    ///
    /// # Errors
    /// Like [`Job::run`].
    pub fn run_to(
        &self,
        writer: &mut dyn Write,
        observer: &dyn Observer,
        stop: &Stop,
    ) -> Result<Summary, Error> {
        self.run_into(Stream { name: "the output stream", writer }, observer, stop)
    }

    fn run_into(
        &self,
        stream: Stream<'_>,
        observer: &dyn Observer,
        stop: &Stop,
    ) -> Result<Summary, Error> {
        let started = Instant::now();
        self.check()?;
        let sample = self.sample.map(|count| self.draw(count)).transpose()?;
        let files = self.files();
        let blocks = || {
            let opened = self.open_sink(&files, stream)?;
            self.stream(&files, sample.as_ref(), opened, observer, stop, started)
        };
        match catch_unwind(AssertUnwindSafe(blocks)) {
            Ok(done) => done,
            Err(panic) => Err(Error::Stopped(internal_error(&*panic))),
        }
    }

    /// Reads, cleans and writes all blocks.
    fn stream(
        &self,
        files: &[PathBuf],
        sample: Option<&Sample>,
        (mut sink, earlier): (Sink<'_>, Option<ResumeState>),
        observer: &dyn Observer,
        stop: &Stop,
        started: Instant,
    ) -> Result<Summary, Error> {
        let filter = self.filter();
        let stdin = self.reads_stdin().then(|| Ok(Source::stdin("stdin")));
        let sources = Box::new(stdin.into_iter().chain(sources(files, &self.stores, &filter)));
        let mut blocks =
            Blocks::new(sources, self.reading(), sample, self.to, self.output.directory());
        let mut summary = Summary::default();
        if let Some(earlier) = earlier {
            blocks.seek(earlier.position)?;
            summary = Summary { resumed: earlier.summary.documents, ..earlier.summary };
            observer.resumed(summary.resumed);
        }
        let context = WorkerContext {
            pipeline: self.pipeline,
            sample,
            root: self.output.directory().map(Path::to_owned),
            stream: sink.stream_name(),
            ledger: !matches!(self.ledger, Ledger::Nowhere),
            verify: self.verify,
            shards: self.shard_bytes.is_some(),
            to: self.to,
            recall: self.recall,
        };
        let mut earlier = self.recall.map(Recall::read).transpose()?;
        let before = summary.elapsed;
        let mut write = |sink: &mut Sink<'_>, mut done: FinishedBlock, names: u64| {
            let took = before + started.elapsed();
            done.summary.elapsed = took - summary.elapsed;
            sink.write(&done, names)?;
            summary.add(&done.summary);
            summary.elapsed = took;
            observer.block(done.summary.documents, done.read);
            Ok::<(), Error>(())
        };
        let mut next = |sink: &mut Sink<'_>| -> Result<Next, Error> {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let Some(mut block) = blocks.next()? else { return Ok(None) };
            if let Some(earlier) = &mut earlier {
                let mut documents = Vec::new();
                block.documents(|name, ordinal| documents.push((name.to_owned(), ordinal)));
                block.recalled = earlier.outcomes(documents)?;
            }
            sink.announce(block.files())?;
            let names = sink.announced();
            Ok(Some((block, names)))
        };
        let streamed = match rayon::current_num_threads() {
            1 => sequentially(&context, &mut sink, &mut next, &mut write),
            threads => in_order(threads, &context, &mut sink, &mut next, &mut write),
        };
        streamed.map_err(|error| match error {
            // It is a usage error only if nothing was done yet.
            Error::Usage(message) if summary.documents > 0 => Error::Stopped(message),
            error => error,
        })?;
        summary.interrupted = stop.load(Ordering::Relaxed) && blocks.next()?.is_some();
        summary.elapsed = before + started.elapsed();
        if let (Some(root), false) = (self.output.directory(), summary.interrupted) {
            let failed = |error| Error::Output("the run's record".into(), error);
            run_rules::write_rules(root, self.pipeline).map_err(failed)?;
        }
        sink.finish(&summary, &self.record(&summary))?;
        Ok(summary)
    }

    fn open_sink<'s>(
        &self,
        files: &[PathBuf],
        stream: Stream<'s>,
    ) -> Result<(Sink<'s>, Option<ResumeState>), Error> {
        let ledger = match &self.ledger {
            Ledger::File(path) => Some(path.as_path()),
            _ => None,
        };
        match &self.output {
            Output::Directory(root) | Output::Store(_, root) => {
                let shipping = match &self.output {
                    Output::Store(store, root) => {
                        Some(Shipping { store: Arc::clone(store), root: root.clone() })
                    }
                    _ => None,
                };
                let directory = OutputDirectory::at(root, files)?;
                if self.resume == Resume::May {
                    let earlier = match &shipping {
                        Some(shipping) => Earlier::in_store(shipping)?,
                        None => Earlier::in_directory(root)?,
                    };
                    earlier.map_or(Ok(()), |earlier| earlier.check(&self.inputs))?;
                    check_unfinished(&directory)?;
                }
                let resume = if self.reads_stdin() { Resume::Never } else { self.resume };
                Sink::directory(directory, self.identity(), &self.request(), resume, shipping)
            }
            Output::Stream => Ok((Sink::without_directory(Some(stream), ledger)?, None)),
            Output::Nowhere => Ok((Sink::without_directory(None, ledger)?, None)),
        }
    }

    /// Identifies the output of the run: runs that would write other bytes have another identity.
    fn identity(&self) -> String {
        let globs = |set: &GlobSet| format!("{set:?}");
        let inputs: Vec<String> = match self.recall {
            Some(recall) => recall.inputs.iter().map(|(path, _)| real_path(path)).collect(),
            None => self.inputs.iter().map(|path| real_path(path)).collect(),
        };
        let all = json!([
            env!("CARGO_PKG_VERSION"),
            ledger::VERSION,
            inputs,
            self.container.map(Container::as_str),
            self.to.map(Container::as_str),
            self.shard_bytes,
            self.names,
            globs(&self.include),
            globs(&self.exclude),
            self.sample,
            ledger::pipeline_digest(self.pipeline),
            // What was written for one store is missing in another.
            match &self.output {
                Output::Store(store, _) => Some(store.address()),
                _ => None,
            },
        ]);
        ledger::short_digest(&all.to_string())
    }

    fn check(&self) -> Result<(), Error> {
        let usage = |message: String| Err(Error::Usage(message));
        for input in self.files() {
            if let Some(store) = store_of(&self.stores, &input) {
                self.check_store(store)?;
            } else {
                check_exists(&input)?;
            }
        }
        let stdin = self.reads_stdin();
        if stdin && self.resume == Resume::Must {
            return usage(
                "a run over standard input cannot be resumed, because the input cannot be compared; \
                 omit --resume"
                    .into(),
            );
        }
        if stdin && self.inputs.len() > 1 {
            return usage("`-` reads standard input and cannot be mixed with other inputs".into());
        }
        if stdin && self.sample.is_some() {
            return usage("--sample reads its input twice, which standard input cannot do".into());
        }
        if self.container == Some(Container::Parquet) && !parquet::ENABLED {
            return usage(
                "this build of chaffinch reads no Parquet; build it with `--features parquet`"
                    .into(),
            );
        }
        let streams = matches!(self.output, Output::Stream);
        if self.to == Some(Container::Parquet) {
            if !parquet::ENABLED {
                return usage(
                    "this build of chaffinch writes no Parquet; build it with \
                     `--features parquet`"
                        .into(),
                );
            }
            if streams {
                return usage("--to parquet writes files: name a directory".into());
            }
        }
        if streams && self.to == Some(Container::Text) {
            return usage("--to text writes a file for each document: name a directory".into());
        }
        let mut names: Vec<String> = self.inputs.iter().map(|i| names::base_name(i)).collect();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return usage(format!(
                "two inputs are named \"{}\" and would overwrite each other; clean them in two runs",
                pair[0]
            ));
        }
        Ok(())
    }

    /// Rejects a store that is empty or cannot be reached, or that contains the output or is in it.
    fn check_store(&self, store: &Arc<dyn Store>) -> Result<(), Error> {
        let address = store.address();
        let first = store.list().and_then(|mut objects| objects.next().transpose());
        match first.map_err(|error| Error::Usage(format!("{address}: {error}")))? {
            Some(_) => {}
            None => return Err(Error::Usage(format!("{address}: there is no such object"))),
        }
        let Output::Store(output, _) = &self.output else { return Ok(()) };
        let folder = |address: &str| format!("{}/", address.trim_end_matches('/'));
        let (input, output) = (folder(address), folder(output.address()));
        match input.starts_with(&output) || output.starts_with(&input) {
            true => Err(Error::Usage(format!(
                "the output {output} and the input {input} are the same or one contains the other; \
                 name an output elsewhere"
            ))),
            false => Ok(()),
        }
    }

    /// Draws a sample: all documents are counted once.
    fn draw(&self, count: usize) -> Result<Sample, Error> {
        let mut drawing = Drawing::of(count);
        let (files, filter) = (self.files(), self.filter());
        let sources = Box::new(sources(&files, &self.stores, &filter));
        let mut blocks = Blocks::new(sources, self.reading(), None, None, self.output.directory());
        while let Some(block) = blocks.next()? {
            // In place, columns that are not read are copied page by page.
            let whole = matches!(self.to, None | Some(Container::Parquet));
            if let Work::Open { name, parts: true } = &block.work
                && whole
            {
                return Err(Error::Usage(format!(
                    "--sample cannot select rows of a Parquet file ({name}) unless they are \
                     converted; add --to jsonl or --to text"
                )));
            }
            block.documents(|name, ordinal| drawing.offer(name, ordinal));
        }
        Ok(drawing.finish())
    }

    /// The settings, as recorded in `run.json`.
    fn request(&self) -> Request {
        let inputs = match self.recall {
            Some(recall) => recall.inputs.clone(),
            None => self.inputs.iter().map(|path| (path.clone(), path.is_dir())).collect(),
        };
        Request {
            digests: inputs.iter().map(|(path, _)| digest_of_input(path)).collect(),
            inputs: inputs
                .into_iter()
                .map(|(path, directory)| (names::of_path(&path), directory))
                .collect(),
            from: self.container,
            to: self.to,
            shard_bytes: self.shard_bytes,
            names: self.names.clone(),
            sample: self.sample,
        }
    }

    /// The results of a finished run, as recorded in `run.json`.
    fn record<'s>(&'s self, summary: &'s Summary) -> RunEnd<'s> {
        RunEnd {
            job: self.request(),
            pipeline_digest: ledger::pipeline_digest(self.pipeline),
            rules_digest: ledger::rules_digest(self.pipeline),
            settings_digest: ledger::settings_digest(self.pipeline),
            seconds: summary.elapsed.as_secs_f64(),
            documents: summary.documents,
            bytes_in: summary.bytes_in,
            bytes_removed: summary.bytes_removed,
            verdicts: &summary.verdicts,
            stages: &summary.stages,
            rules: &summary.rules,
            outlets: &summary.outlets,
            refused_marks: &summary.refused,
            failed_stages: &summary.failed_stages,
            plugins: self.pipeline.plugins(),
        }
    }
}

/// The results of a finished run, as recorded in `run.json`.
#[derive(Serialize)]
struct RunEnd<'s> {
    job: Request,
    pipeline_digest: String,
    rules_digest: String,
    settings_digest: String,
    seconds: f64,
    documents: u64,
    bytes_in: u64,
    bytes_removed: u64,
    verdicts: &'s BTreeMap<Verdict, u64>,
    stages: &'s BTreeMap<String, Counts>,
    rules: &'s BTreeMap<String, Counts>,
    outlets: &'s BTreeMap<String, OutletCounts>,
    refused_marks: &'s BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    failed_stages: &'s BTreeMap<String, u64>,
    /// The stages that are plugins, with the digests of their modules and settings.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    plugins: BTreeMap<&'s str, &'s str>,
}

/// A block, and the length in bytes of the list of files after it; none at the end.
type Next = Option<(Block, u64)>;

/// Reads, cleans and writes blocks on this thread.
fn sequentially(
    context: &WorkerContext<'_>,
    sink: &mut Sink<'_>,
    next: &mut dyn FnMut(&mut Sink<'_>) -> Result<Next, Error>,
    write: &mut dyn FnMut(&mut Sink<'_>, FinishedBlock, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    while let Some((block, names)) = next(sink)? {
        let done = context.work(block)?;
        write(sink, done, names)?;
    }
    Ok(())
}

/// Cleans blocks on all threads of the pool, while this thread reads and writes, in order.
fn in_order(
    threads: usize,
    context: &WorkerContext<'_>,
    sink: &mut Sink<'_>,
    next: &mut dyn FnMut(&mut Sink<'_>) -> Result<Next, Error>,
    write: &mut dyn FnMut(&mut Sink<'_>, FinishedBlock, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    // Enough blocks that no thread waits for the slowest one, and few enough to bound memory.
    let window = 2 * threads as u64 + 1;
    rayon::in_place_scope_fifo(|scope| {
        let (send, receive) = mpsc::channel();
        let mut waiting = BTreeMap::new();
        let (mut read, mut written, mut ended) = (0, 0, false);
        loop {
            while !ended && read - written < window {
                let Some((block, names)) = next(sink)? else {
                    ended = true;
                    break;
                };
                let (send, number) = (send.clone(), read);
                scope.spawn_fifo(move |_| {
                    let done = context.work(block);
                    // The receiver is gone if the run has failed.
                    let _ = send.send((number, names, done));
                });
                read += 1;
                while let Ok((number, names, done)) = receive.try_recv() {
                    waiting.insert(number, (names, done));
                }
                if waiting.contains_key(&written) {
                    break;
                }
            }
            if read == written {
                return Ok(());
            }
            if !waiting.contains_key(&written)
                && let Ok((number, names, done)) = receive.recv()
            {
                waiting.insert(number, (names, done));
            }
            while let Some((names, done)) = waiting.remove(&written) {
                write(sink, done?, names)?;
                written += 1;
            }
        }
    })
}
