//! Runs over files: everything that the command `chaffinch clean` does, and `chaffinch restore`.
//!
//! A run cleans files and directories into an output directory and records every cut in a ledger
//! there. The output does not depend on the number of threads, and memory does not grow with the
//! input. An interrupted run is resumed by starting it again.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use chaffinch::Cleaner;
//! use chaffinch::run::{Run, restore};
//!
//! # let folder = tempfile::tempdir()?;
//! # std::env::set_current_dir(&folder)?;
//! # std::fs::create_dir("pages")?;
//! # std::fs::write("pages/1.txt", "The minister said that the talks would go on for two days.\n\nSHARE THIS ARTICLE\n")?;
//! let summary = Run::new(&Cleaner::new()?, ["pages"], "cleaned").start()?;
//! println!("{} documents, {} bytes removed", summary.documents, summary.bytes_removed);
//! let restored = restore("cleaned", "originals")?;
//! assert_eq!((restored.documents, restored.problems.len()), (summary.documents, 0));
//! # std::env::set_current_dir("/")?;
//! # Ok(())
//! # }
//! ```

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub use chaffinch_formats::{Container, Counts, OutletCounts, Restored, Summary};
use chaffinch_formats::{Job, Ledger, Output, Resume};

use crate::{Cleaner, Error};

/// Receives the progress of a run, on the thread that called [`Run::start`]. `()` ignores it.
pub trait Observer {
    /// This many documents were completed by an earlier, interrupted run.
    fn resumed(&self, _documents: u64) {}

    /// This many more documents are completed, for which this many bytes of the inputs were read.
    fn progress(&self, documents: u64, bytes: u64);
}

impl Observer for () {
    fn progress(&self, _documents: u64, _bytes: u64) {}
}

/// Passes progress on to an [`Observer`].
struct Adapter<'a>(&'a dyn Observer);

impl chaffinch_formats::Observer for Adapter<'_> {
    fn resumed(&self, documents: u64) {
        self.0.resumed(documents);
    }

    fn block(&self, documents: u64, bytes: u64) {
        self.0.progress(documents, bytes);
    }
}

static NEVER: AtomicBool = AtomicBool::new(false);

/// A run over files and directories.
pub struct Run<'a> {
    job: Job<'a>,
    /// The destination of all output, if it is a writer.
    writer: Option<Box<dyn Write + Send + 'a>>,
    observer: &'a dyn Observer,
    stop: &'a AtomicBool,
}

impl<'a> Run<'a> {
    /// Cleans `inputs`, which are files and directories, into the directory `output`.
    pub fn new<P: Into<PathBuf>>(
        cleaner: &'a Cleaner,
        inputs: impl IntoIterator<Item = P>,
        output: impl Into<PathBuf>,
    ) -> Run<'a> {
        let inputs = inputs.into_iter().map(Into::into).collect();
        let job = Job::new(&cleaner.pipeline, inputs, Output::Directory(output.into()));
        Run { job, writer: None, observer: &(), stop: &NEVER }
    }

    /// Cleans `inputs` into a writer, such as a compressor or a connection: one document after
    /// another, in input order. The writer is flushed after every block of documents.
    ///
    /// The removed text is lost unless [`Run::ledger`] names a file for it. Such a run cannot be
    /// resumed, and it writes no Parquet.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use chaffinch::{Cleaner, run::Run};
    /// # let folder = tempfile::tempdir()?;
    /// let pages = folder.path().join("pages.jsonl");
    /// std::fs::write(&pages, "{\"text\": \"The minister said so.\\n\\nSHARE THIS ARTICLE\"}\n")?;
    /// let mut cleaned = Vec::new();
    /// let cleaner = Cleaner::new()?;
    /// Run::to_writer(&cleaner, [&pages], &mut cleaned).ledger(folder.path().join("ledger.zst")).start()?;
    /// let cleaned = String::from_utf8(cleaned)?;
    /// assert!(cleaned.starts_with("{\"text\": \"The minister said so.\",\"chaffinch\":{"), "{cleaned}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_writer<P: Into<PathBuf>>(
        cleaner: &'a Cleaner,
        inputs: impl IntoIterator<Item = P>,
        writer: impl Write + Send + 'a,
    ) -> Run<'a> {
        let inputs = inputs.into_iter().map(Into::into).collect();
        let mut job = Job::new(&cleaner.pipeline, inputs, Output::Stream);
        job.ledger = Ledger::Nowhere;
        Run { job, writer: Some(Box::new(writer)), observer: &(), stop: &NEVER }
    }

    /// Writes the ledger of a run [to a writer](Run::to_writer) to this file. Other runs keep their
    /// ledger in the output directory.
    pub fn ledger(mut self, file: impl Into<PathBuf>) -> Run<'a> {
        self.job.ledger = Ledger::File(file.into());
        self
    }

    /// Takes all inputs to be of this format. Without this, the format of each is detected.
    pub fn from(mut self, format: Container) -> Run<'a> {
        self.job.container = Some(format);
        self
    }

    /// Writes the output in this format. Without this, every file keeps its format.
    pub fn to(mut self, format: Container) -> Run<'a> {
        self.job.to = Some(format);
        self
    }

    /// The field of a record that holds the text. Without this, the first of `text`, `content` and
    /// `body` that a record has.
    pub fn text_field(mut self, name: &str) -> Run<'a> {
        self.job.names.text = vec![name.to_owned()];
        self
    }

    /// Restores each document right after it was cleaned and compares it with the original.
    pub fn verify(mut self) -> Run<'a> {
        self.job.verify = true;
        self
    }

    /// Starts from scratch and replaces the output of any earlier run in the output directory. Without
    /// this, an interrupted run is resumed, and a finished one is replaced only if its inputs are given again
    /// and all of their files still exist.
    pub fn fresh(mut self) -> Run<'a> {
        self.job.resume = Resume::Never;
        self
    }

    /// Reports progress to this observer.
    pub fn observer(mut self, observer: &'a dyn Observer) -> Run<'a> {
        self.observer = observer;
        self
    }

    /// Stops once this is set: documents already read are completed, and
    /// [`Summary::interrupted`] is set. The same run can be resumed later.
    pub fn stop(mut self, stop: &'a AtomicBool) -> Run<'a> {
        self.stop = stop;
        self
    }

    /// Runs on the threads of the current rayon pool, or resumes an interrupted run.
    ///
    /// # Errors
    /// If the run makes no sense as requested or its output cannot be written. An input that cannot
    /// be read and a document that cannot be cleaned are not errors: they are reported and counted.
    pub fn start(self) -> Result<Summary, Error> {
        let observer = Adapter(self.observer);
        Ok(match self.writer {
            None => self.job.run(&observer, self.stop)?,
            Some(mut writer) => self.job.run_to(&mut writer, &observer, self.stop)?,
        })
    }
}

/// Restores the originals of a run from its output directory into an empty or new directory.
/// Documents that cannot be restored are reported in the result.
///
/// # Errors
/// If `run` is not the output of a run, or `output` cannot be written or is not empty.
pub fn restore(run: impl AsRef<Path>, output: impl AsRef<Path>) -> Result<Restored, Error> {
    restore_until(run, output, &NEVER)
}

/// As [`restore`], but stops after the current document once `stop` is set, with
/// [`Restored::interrupted`]. It cannot be resumed: restore into another directory.
///
/// # Errors
/// As [`restore`].
pub fn restore_until(
    run: impl AsRef<Path>,
    output: impl AsRef<Path>,
    stop: &AtomicBool,
) -> Result<Restored, Error> {
    Ok(chaffinch_formats::restore_until(run.as_ref(), output.as_ref(), stop)?)
}
