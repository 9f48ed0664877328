//! Divides the inputs of a run into blocks: a chunk of a container, or several files that are
//! documents.
//!
//! The boundaries depend only on the inputs, and each block contains the position after it. So
//! blocks can be cleaned in parallel, and an interrupted run resumes after any of them.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::convert;
use super::recall::Known;
use super::sample::Sample;
use crate::containers::chunks::{self, Chunk, Chunks};
use crate::containers::open::{Opened, Reading};
use crate::containers::parquet::{self, ParquetFile};
use crate::containers::{Container, FieldNames, Kind, Reason, RecordFormat, records};
use crate::error::Error;
use crate::files::codec::Codec;
use crate::files::names;
use crate::files::source::Source;
use crate::panics::guarded;

/// The maximum number of files in a block.
const FILES: usize = 64;

/// The number of bytes of files after which a block is full.
const FILE_BYTES: usize = 1 << 20;

/// The number of bytes of texts in a row group that is written.
const PARQUET_CHUNK: usize = 16 << 20;

/// A unit of work.
pub(crate) struct Block {
    pub(crate) work: Work,
    /// The position after it.
    pub(crate) after: Position,
    /// The bytes of the inputs that were read for it.
    pub(crate) read: u64,
    /// The outcomes of its documents in an earlier run.
    pub(crate) recalled: Known,
}

impl Block {
    fn is_begin(&self) -> bool {
        matches!(self.work, Work::Open { .. } | Work::Close { .. })
    }

    /// Whether it contains no document.
    fn is_empty(&self) -> bool {
        let document = |item: &Item| matches!(item, Item::Document(..));
        matches!(&self.work, Work::Files { items, .. } if !items.iter().any(document))
    }

    /// The names of the files that will be written for it.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        let (files, container) = match &self.work {
            Work::Files { items, series: None } => (items.as_slice(), None),
            Work::Open { name, .. } => (&[][..], Some(name.as_str())),
            _ => (&[][..], None),
        };
        let files = files.iter().filter_map(|item| match item {
            Item::Document(source, _) | Item::Pass(source, _) => Some(source.name.as_str()),
            Item::Unreadable(..) => None,
        });
        files.chain(container)
    }

    /// Calls a function with the name and number of each of its documents.
    pub(crate) fn documents(&self, mut each: impl FnMut(&str, u64)) {
        match &self.work {
            Work::Files { items, .. } => {
                for item in items {
                    if let Item::Document(source, _) | Item::Pass(source, _) = item {
                        each(&source.name, 0);
                    }
                }
            }
            Work::Chunk { source, format, chunk, .. } => match chunk {
                Chunk::Records(bytes, first) => {
                    for (ordinal, record) in records(&**format, bytes, *first) {
                        if format.kind(record, ordinal) == Kind::Document {
                            each(&source.name, ordinal);
                        }
                    }
                }
                Chunk::Part(_, Some(passed)) => each(&source.name, passed.ordinal),
                Chunk::Part(_, None) => {}
            },
            Work::RowGroup { file, group } => {
                // A file without rows has no row group, but one block.
                let rows = (*group < file.groups()).then(|| file.rows(*group));
                rows.into_iter().flatten().for_each(|row| each(&file.source().name, row));
            }
            Work::Open { .. } | Work::Close { .. } => {}
        }
    }
}

pub(crate) enum Work {
    /// Files, one after another; and the container that they are converted into.
    Files { items: Vec<Item>, series: Option<String> },
    /// A container starts. `parts`: it is combined from files, as Parquet is.
    Open { name: String, parts: bool },
    /// A chunk of the current container, and the file that it is written to.
    Chunk {
        source: Arc<Source>,
        name: Arc<str>,
        format: Arc<dyn RecordFormat>,
        codec: Codec,
        chunk: Chunk,
        /// The container that the documents are converted to, if any.
        to: Option<Container>,
    },
    /// A row group of a Parquet file.
    RowGroup { file: Arc<ParquetFile>, group: usize },
    /// The current container ends. `damage`: its name, and the reason why it cannot be read
    /// further.
    Close { damage: Option<(String, String)> },
}

/// A file in a block.
pub(crate) enum Item {
    /// A document: its bytes.
    Document(Source, Vec<u8>),
    /// A file that passes through unchanged, and the reason.
    Pass(Source, String),
    /// A file that cannot be read or written: its name, and the reason.
    Unreadable(String, String),
}

/// A position in the inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The number of files before it.
    pub(crate) files: u64,
    /// The last of them.
    pub(crate) last: String,
    /// A digest of their names, sizes and modification times, to detect changes.
    pub(crate) versions: u64,
    /// The container after them, which is being read.
    pub(crate) inside: Option<Inside>,
    /// Containers that files were converted into so far.
    pub(crate) series: u64,
    /// Whether the last of them is the current one.
    pub(crate) in_series: bool,
}

/// A container that is being read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inside {
    name: String,
    /// Its size in bytes and its modification time in nanoseconds, to detect changes.
    version: (u64, u128),
    at: chunks::Position,
}

impl Position {
    /// Advances past a file.
    fn pass(&mut self, source: &Source) {
        let Source { name, bytes, modified, .. } = source;
        self.add(name, &format!("{} {name} {bytes} {modified}", self.versions));
    }

    /// Advances past a file that cannot be read.
    fn pass_unreadable(&mut self, name: &str) {
        self.add(name, &format!("{} {name}", self.versions));
    }

    fn add(&mut self, name: &str, version: &str) {
        self.files += 1;
        name.clone_into(&mut self.last);
        self.versions = xxh3_64(version.as_bytes());
    }
}

/// The current container.
enum Current {
    Chunks(Arc<Source>, Arc<str>, Chunks),
    Parquet(Arc<ParquetFile>, usize),
}

/// Reads the inputs, block by block.
pub(crate) struct Blocks<'a> {
    sources: Box<dyn Iterator<Item = Result<Source, Error>> + Send + 'a>,
    reading: Reading<'a>,
    sample: Option<&'a Sample>,
    to: Option<Container>,
    /// The length of the path of the output directory, if there is one.
    root: Option<usize>,
    position: Position,
    held: Option<Block>,
    current: Option<Current>,
    /// What follows the files of the block that was returned last.
    next: Option<(Source, Opened)>,
}

impl<'a> Blocks<'a> {
    pub(crate) fn new(
        sources: Box<dyn Iterator<Item = Result<Source, Error>> + Send + 'a>,
        reading: Reading<'a>,
        sample: Option<&'a Sample>,
        to: Option<Container>,
        root: Option<&Path>,
    ) -> Blocks<'a> {
        let position = Position::default();
        let (held, current, next) = (None, None, None);
        let root = root.map(|root| root.as_os_str().len());
        Blocks { sources, reading, sample, to, root, position, held, current, next }
    }

    /// Continues at the position of an earlier reader of the same inputs.
    ///
    /// # Errors
    /// The inputs have changed.
    pub(crate) fn seek(&mut self, position: Position) -> Result<(), Error> {
        let cannot_continue =
            "so the run cannot continue; restore the input, or start again with --fresh";
        let changed = |name: &str| {
            let change = format!("{name} changed since the run was interrupted");
            Error::Stopped(format!("{change}, {cannot_continue}"))
        };
        let mut passed = Position::default();
        while passed.files < position.files {
            match self.sources.next() {
                Some(Ok(source)) => passed.pass(&source),
                Some(Err(Error::Input(name, _))) => passed.pass_unreadable(&name),
                Some(Err(error)) => return Err(error),
                None => break,
            }
        }
        if passed.versions != position.versions {
            return Err(Error::Stopped(format!(
                "a file was added, removed or changed among the inputs up to {} since the run was \
                 interrupted, {cannot_continue}",
                position.last
            )));
        }
        if let Some(inside) = &position.inside {
            let source = match self.sources.next() {
                Some(Ok(source)) if source.name == inside.name => source,
                _ => return Err(changed(&inside.name)),
            };
            if (source.bytes, source.modified) != inside.version {
                return Err(changed(&inside.name));
            }
            let failed = |error| Error::Input(source.shown(), error);
            match guarded(|| source.open(&self.reading)).map_err(failed)? {
                Opened::Records(mut chunks) => {
                    chunks.seek(&inside.at).map_err(failed)?;
                    let name = self.output_name(&source, &chunks);
                    if self.to == Some(Container::Parquet) {
                        chunks.size = PARQUET_CHUNK;
                    }
                    self.current = Some(Current::Chunks(Arc::new(source), name.into(), chunks));
                }
                Opened::Parquet => {
                    let file = open_parquet(Arc::new(source), self.reading.names)
                        .map_err(|reason| Error::Stopped(reason.into()))?;
                    let group = inside.at.record as usize;
                    self.current = Some(Current::Parquet(Arc::new(file), group));
                }
                _ => return Err(changed(&inside.name)),
            }
        }
        self.position = position;
        Ok(())
    }

    /// The next block.
    ///
    /// # Errors
    /// The inputs cannot be listed.
    pub(crate) fn next(&mut self) -> Result<Option<Block>, Error> {
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        if let Some((source, opened)) = self.next.take() {
            return Ok(Some(self.begin(source, opened)));
        }
        if let Some(current) = self.current.take() {
            return Ok(Some(self.next_block(current)));
        }
        let before = self.position.clone();
        let block = self.files()?;
        let Some(to) = self.to.filter(|to| *to != Container::Text) else { return Ok(block) };
        match block {
            None if self.position.in_series => Ok(Some(self.close_series())),
            Some(mut block) if !block.is_begin() && !block.is_empty() => {
                let number = self.position.series;
                if let Work::Files { series, .. } = &mut block.work {
                    *series = Some(convert::series_name(number, to));
                }
                if self.position.in_series {
                    return Ok(Some(block));
                }
                // Files begin: the container that they are converted into comes first.
                self.position.in_series = true;
                block.after.in_series = true;
                self.held = Some(block);
                let name = convert::series_name(number, to);
                let after = Position { in_series: true, ..before };
                let work = Work::Open { name, parts: to == Container::Parquet };
                Ok(Some(Block { work, after, read: 0, recalled: Known::new() }))
            }
            block => Ok(block),
        }
    }

    /// Ends the container that files were converted into.
    fn close_series(&mut self) -> Block {
        self.position.in_series = false;
        self.position.series += 1;
        self.block(Work::Close { damage: None }, 0)
    }

    fn output_name(&self, source: &Source, chunks: &Chunks) -> String {
        match self.to.filter(|to| *to != chunks.container) {
            Some(to) => convert::output_name(&source.name, chunks.codec, to),
            None => source.name.clone(),
        }
    }

    fn block(&self, work: Work, read: u64) -> Block {
        Block { work, after: self.position.clone(), read, recalled: Known::new() }
    }

    /// Starts a container.
    fn begin(&mut self, source: Source, opened: Opened) -> Block {
        if self.position.in_series {
            self.next = Some((source, opened));
            return self.close_series();
        }
        let version = (source.bytes, source.modified);
        let name = source.name.clone();
        let source = Arc::new(source);
        let (written, parts);
        let current = match opened {
            Opened::Records(mut chunks) => {
                written = self.output_name(&source, &chunks);
                parts = self.to == Some(Container::Parquet);
                if parts {
                    chunks.size = PARQUET_CHUNK;
                }
                Current::Chunks(Arc::clone(&source), written.as_str().into(), chunks)
            }
            Opened::Parquet => {
                let to = self.to.filter(|to| *to != Container::Parquet);
                parts = to.is_none();
                written = match to {
                    Some(to) => convert::output_name(&source.name, Codec::Plain, to),
                    None => source.name.clone(),
                };
                match open_parquet(Arc::clone(&source), self.reading.names) {
                    Ok(file) => Current::Parquet(Arc::new(file), 0),
                    Err(reason) => return self.passing(source, reason.into()),
                }
            }
            // Files are part of their block.
            _ => return self.passing(source, String::new()),
        };
        self.current = Some(current);
        self.position.inside = Some(Inside { name, version, at: chunks::Position::default() });
        self.block(Work::Open { name: written, parts }, 0)
    }

    /// A file that looked like a container passes through unchanged.
    fn passing(&mut self, source: Arc<Source>, reason: String) -> Block {
        self.position.pass(&source);
        let read = source.bytes;
        let items = vec![Item::Pass((*source).clone(), reason)];
        self.block(Work::Files { items, series: None }, read)
    }

    /// The next block of the current container.
    fn next_block(&mut self, current: Current) -> Block {
        match current {
            Current::Chunks(source, name, mut chunks) => {
                let chunk = guarded(|| chunks.next());
                let read = chunks.newly_read();
                match chunk {
                    Ok(Some(chunk)) => {
                        let (format, codec) = (Arc::clone(&chunks.format), chunks.codec);
                        let to = self.to.filter(|to| *to != chunks.container);
                        if let Some(inside) = &mut self.position.inside {
                            inside.at = chunks.position.clone();
                        }
                        let next = (Arc::clone(&source), Arc::clone(&name));
                        self.current = Some(Current::Chunks(next.0, next.1, chunks));
                        self.block(Work::Chunk { source, name, format, codec, chunk, to }, read)
                    }
                    Ok(None) => self.end(&source, None, read),
                    Err(error) => {
                        let reason = format!(
                            "it cannot be read beyond the first {} {}, which were cleaned: {error}",
                            chunks.position.record,
                            chunks.format.unit()
                        );
                        self.end(&source, Some((source.name.clone(), reason)), read)
                    }
                }
            }
            Current::Parquet(file, group) if group < file.groups().max(1) => {
                if let Some(inside) = &mut self.position.inside {
                    inside.at.record = group as u64 + 1;
                }
                self.current = Some(Current::Parquet(Arc::clone(&file), group + 1));
                let read = file.source().bytes / file.groups().max(1) as u64;
                self.block(Work::RowGroup { file, group }, read)
            }
            Current::Parquet(file, _) => self.end(file.source(), None, 0),
        }
    }

    fn end(&mut self, source: &Source, damage: Option<(String, String)>, read: u64) -> Block {
        self.position.inside = None;
        self.position.pass(source);
        self.block(Work::Close { damage }, read)
    }

    /// The files that are documents, up to the next container.
    fn files(&mut self) -> Result<Option<Block>, Error> {
        let mut files: Vec<Item> = Vec::new();
        let (most, full) = match self.to {
            Some(Container::Parquet) => (usize::MAX, PARQUET_CHUNK),
            _ => (FILES, FILE_BYTES),
        };
        let (mut bytes, mut read) = (0, 0);
        while files.len() < most && bytes < full {
            let source = match self.sources.next() {
                None => break,
                Some(Ok(source)) => source,
                Some(Err(Error::Input(name, error))) => {
                    self.position.pass_unreadable(&name);
                    files.push(Item::Unreadable(name, format!("cannot be read: {error}")));
                    continue;
                }
                Some(Err(error)) => return Err(error),
            };
            let listed = source.clone();
            let opened = match self.root.and_then(|root| names::impossible(&listed.name, root)) {
                Some(reason) => Err(format!("cannot be written: {reason}")),
                None => guarded(|| source.open(&self.reading))
                    .map_err(|error| format!("cannot be read: {error}")),
            };
            let item = match opened {
                Err(reason) => Item::Unreadable(listed.name.clone(), reason),
                Ok(Opened::Document(content)) => {
                    bytes += content.len();
                    Item::Document(source, content)
                }
                Ok(Opened::Pass(source, reason)) => Item::Pass(source, reason),
                Ok(Opened::Parquet) if !parquet::ENABLED => {
                    Item::Pass(source, parquet::NOT_ENABLED.to_owned())
                }
                Ok(container) => {
                    self.next = Some((source, container));
                    break;
                }
            };
            self.position.pass(&listed);
            read += match &item {
                Item::Document(source, _) | Item::Pass(source, _) => source.bytes,
                Item::Unreadable(..) => 0,
            };
            let taken = match &item {
                Item::Document(source, _) | Item::Pass(source, _) => {
                    self.sample.is_none_or(|sample| sample.takes(&source.name, 0))
                }
                Item::Unreadable(..) => true,
            };
            if taken {
                files.push(item);
            }
        }
        match (files.is_empty(), self.next.take()) {
            (true, Some((source, opened))) => Ok(Some(self.begin(source, opened))),
            (true, None) if read == 0 => Ok(None),
            (_, next) => {
                self.next = next;
                Ok(Some(self.block(Work::Files { items: files, series: None }, read)))
            }
        }
    }
}

fn open_parquet(source: Arc<Source>, names: &FieldNames) -> Result<ParquetFile, Reason> {
    guarded(|| Ok(ParquetFile::open(source, names)))
        .unwrap_or_else(|error| Err(error.to_string().into()))
}
