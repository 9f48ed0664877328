//! A run: documents stream from the inputs through a pipeline to the output, in input order.
//!
//! One thread reads blocks and writes results; the others work. A bounded number of blocks is in
//! hand, so memory does not grow with the corpus, and the output does not depend on the number of
//! threads.

use std::collections::BTreeMap;
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
use super::request::Request;
use super::sample::{Drawing, Sample};
use super::sink::{Resume, ResumeState, Sink};
use super::summary::{Counts, OutletCounts, Summary};
use super::worker::FinishedBlock;
use crate::containers::open::Reading;
use crate::containers::{Container, FieldNames, parquet};
use crate::error::Error;
use crate::files::names;
use crate::files::output::OutputDirectory;
use crate::files::source::{Filter, Place, Source, sources};
use crate::files::store::{Shipping, Store, Stores, store_of};
use crate::ledger::{self, runs};
use crate::panics::internal_error;

/// Where cleaned documents go.
#[derive(Clone)]
pub enum Output {
    /// Into a directory, with the run's record.
    Directory(PathBuf),
    /// Into an object store, by way of a directory of this machine: files stay there until they
    /// are whole, the record until the run is finished.
    Store(Arc<dyn Store>, PathBuf),
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

/// Set to stop a run after the blocks in hand.
pub type Stop = AtomicBool;

/// Told of the progress, from the thread that writes.
pub trait Observer {
    /// So many documents of an earlier start of the run were found done.
    fn resumed(&self, _documents: u64) {}
    /// So many more documents are done, for which so many bytes of the inputs were read.
    fn block(&self, documents: u64, bytes: u64);
}

/// What a run is to do.
pub struct Job<'a> {
    /// Files and directories; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// The object stores behind those inputs that are addresses.
    pub stores: Stores,
    /// Where cleaned documents go.
    pub output: Output,
    /// Where the ledger goes.
    pub ledger: Ledger,
    /// What the inputs are, if not what their names say.
    pub container: Option<Container>,
    /// The container that documents go into; each into one of its own kind if not said.
    pub to: Option<Container>,
    /// The bytes after which an output file ends and a next shard begins.
    pub shard_bytes: Option<u64>,
    /// Which fields of a record hold what.
    pub names: FieldNames,
    /// Documents to take, by name; all if empty.
    pub include: GlobSet,
    /// Documents to leave out, by name.
    pub exclude: GlobSet,
    /// Clean only so many documents, spread over the inputs; the same ones each time.
    pub sample: Option<usize>,
    /// Restore each document right after it was cut, and compare.
    pub verify: bool,
    /// What to do with an unfinished run in the output directory.
    pub resume: Resume,
    /// The pipeline.
    pub pipeline: &'a Pipeline,
    /// What an earlier run over the same documents found out.
    pub(crate) recall: Option<&'a Recall<'a>>,
}

impl Output {
    /// The directory of this machine that files are made in.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Output::Directory(root) | Output::Store(_, root) => Some(root),
            Output::Stdout | Output::Nowhere => None,
        }
    }
}

impl<'a> Job<'a> {
    /// Cleans `inputs` into `output`, all else as it is by default.
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
    /// The bytes of all inputs, as their directories have them: what a progress bar runs up to.
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

    fn files(&self) -> Vec<PathBuf> {
        self.inputs.iter().filter(|path| path.as_os_str() != "-").cloned().collect()
    }

    /// Runs, or goes on with an unfinished run of the same job.
    ///
    /// # Errors
    /// The job makes no sense, or the output cannot be written. An input that cannot be read and a
    /// document that cannot be cleaned are no errors: they are named and counted.
    pub fn run(&self, observer: &dyn Observer, stop: &Stop) -> Result<Summary, Error> {
        let started = Instant::now();
        self.check()?;
        let sample = self.sample.map(|count| self.draw(count)).transpose()?;
        let files = self.files();
        let (sink, earlier) = self.open_sink(&files)?;
        let stream =
            || self.stream(&files, sample.as_ref(), (sink, earlier), observer, stop, started);
        match catch_unwind(AssertUnwindSafe(stream)) {
            Ok(done) => done,
            Err(panic) => Err(Error::Stopped(internal_error(&*panic))),
        }
    }

    /// Reads, cleans and writes all blocks.
    fn stream(
        &self,
        files: &[PathBuf],
        sample: Option<&Sample>,
        (mut sink, earlier): (Sink, Option<ResumeState>),
        observer: &dyn Observer,
        stop: &Stop,
        started: Instant,
    ) -> Result<Summary, Error> {
        let filter = self.filter();
        let stdin = self
            .inputs
            .iter()
            .any(|path| path.as_os_str() == "-")
            .then(|| Ok(Source { place: Place::Stdin, name: "stdin".into(), bytes: 0 }));
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
            stdout: matches!(self.output, Output::Stdout),
            ledger: !matches!(self.ledger, Ledger::Nowhere),
            verify: self.verify,
            shards: self.shard_bytes.is_some(),
            to: self.to,
            recall: self.recall,
        };
        let mut earlier = self.recall.map(Recall::read).transpose()?;
        let before = summary.elapsed;
        let mut write = |sink: &mut Sink, mut done: FinishedBlock, names: u64| {
            let took = before + started.elapsed();
            done.summary.elapsed = took - summary.elapsed;
            sink.write(&done, names)?;
            summary.add(&done.summary);
            summary.elapsed = took;
            observer.block(done.summary.documents, done.read);
            Ok::<(), Error>(())
        };
        let mut next = |sink: &mut Sink| -> Result<Next, Error> {
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
            // It is a usage error only as long as nothing is done.
            Error::Usage(message) if summary.documents > 0 => Error::Stopped(message),
            error => error,
        })?;
        summary.interrupted = stop.load(Ordering::Relaxed) && blocks.next()?.is_some();
        summary.elapsed = before + started.elapsed();
        if let (Some(root), false) = (self.output.directory(), summary.interrupted) {
            let failed = |error| Error::Output("the run's record".into(), error);
            runs::write_rules(root, self.pipeline).map_err(failed)?;
        }
        sink.finish(&summary, &self.record(&summary))?;
        Ok(summary)
    }

    fn open_sink(&self, files: &[PathBuf]) -> Result<(Sink, Option<ResumeState>), Error> {
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
                let (identity, resume) = (self.identity(), self.resume);
                Sink::directory(directory, identity, resume, self.shard_bytes, shipping)
            }
            Output::Stdout => Ok((Sink::without_directory(true, ledger)?, None)),
            Output::Nowhere => Ok((Sink::without_directory(false, ledger)?, None)),
        }
    }

    /// Tells runs apart that write other bytes.
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
            // What is done of a run into one store is in no other.
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
            } else if !input.exists() {
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
        if self.to == Some(Container::Parquet) {
            if !parquet::ENABLED {
                return usage(
                    "this build of chaffinch writes no Parquet; build it with \
                     `--features parquet`"
                        .into(),
                );
            }
            if matches!(self.output, Output::Stdout) {
                return usage("--to parquet writes files: name a directory".into());
            }
        }
        if matches!((self.to, &self.output), (Some(Container::Text), Output::Stdout)) {
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

    /// Refuses a store that holds nothing, cannot be asked, or lies in the output or around it.
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
                "the output {output} and the input {input} lie in one another; name an output \
                 elsewhere"
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
            // In place, the columns that are not looked at are copied page by page.
            let whole = matches!(self.to, None | Some(Container::Parquet));
            if let Work::Open { name, parts: true } = &block.work
                && whole
            {
                return Err(Error::Usage(format!(
                    "--sample takes no rows out of Parquet files, such as {name}, but for other \
                     containers: give --to jsonl or --to text"
                )));
            }
            block.documents(|name, ordinal| drawing.offer(name, ordinal));
        }
        Ok(drawing.finish())
    }

    /// What was asked for, as `run.json` has it.
    fn request(&self) -> Request {
        let inputs = match self.recall {
            Some(recall) => recall.inputs.clone(),
            None => self.inputs.iter().map(|path| (path.clone(), path.is_dir())).collect(),
        };
        Request {
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

    /// What `run.json` says of a run that ended.
    fn record<'s>(&self, summary: &'s Summary) -> RunEnd<'s> {
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
        }
    }
}

/// What `run.json` says of a run that ended.
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
}

/// A path without links; as it is where it leads nowhere.
fn real_path(path: &Path) -> String {
    names::of_path(&path.canonicalize().unwrap_or_else(|_| path.to_owned()))
}

/// A block, and the bytes of the list of files behind it; none at the end.
type Next = Option<(Block, u64)>;

/// Reads, works on and writes blocks on this thread.
fn sequentially(
    context: &WorkerContext<'_>,
    sink: &mut Sink,
    next: &mut dyn FnMut(&mut Sink) -> Result<Next, Error>,
    write: &mut dyn FnMut(&mut Sink, FinishedBlock, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    while let Some((block, names)) = next(sink)? {
        let done = context.work(block)?;
        write(sink, done, names)?;
    }
    Ok(())
}

/// Works on blocks on all threads of the pool, while this one reads and writes, in order.
fn in_order(
    threads: usize,
    context: &WorkerContext<'_>,
    sink: &mut Sink,
    next: &mut dyn FnMut(&mut Sink) -> Result<Next, Error>,
    write: &mut dyn FnMut(&mut Sink, FinishedBlock, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    // Enough that no thread waits for the slowest block, and memory stays bounded.
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
                    // Nobody listens once the run has failed.
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
