//! Cleans the documents of one block and serialises everything that the writer needs.

use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chaffinch_core::{Cleaned, Input};

use super::blocks::{Block, Item, Position, Work};
use super::builder::{BlockBuilder, Destination, Document};
use super::context::WorkerContext;
use super::summary::Summary;
use crate::containers::{Container, Text};
use crate::error::Error;
use crate::files::codec::Codec;
use crate::files::names;
use crate::files::output::{copy_whole, write_whole};
use crate::files::source::{Place, Source};
use crate::ledger::Record;
use crate::panics::internal_error;

/// The results of a block, ready to be written.
pub(crate) struct FinishedBlock {
    pub(crate) event: Event,
    /// Bytes for the current container, or standard output.
    pub(crate) output: Vec<u8>,
    /// The bytes that a new shard of the current container begins with.
    pub(crate) shard_header: Vec<u8>,
    /// Files that go to standard output unchanged, each after so many bytes of the output.
    pub(crate) passed: Vec<(usize, Place)>,
    /// Names of the complete files that were written.
    pub(crate) files: Vec<String>,
    /// A frame of the ledger.
    pub(crate) ledger: Vec<u8>,
    /// Lines of `fields.jsonl`.
    pub(crate) fields: Vec<u8>,
    /// Lines of `problems.jsonl`.
    pub(crate) problems: Vec<u8>,
    pub(crate) summary: Summary,
    pub(crate) after: Position,
    /// Bytes of the inputs that were read.
    pub(crate) read: u64,
}

/// What a block does to the current container.
#[derive(Clone)]
pub(crate) enum Event {
    None,
    /// It begins: its name, and whether it is assembled from parts.
    Open(String, bool),
    Close,
}

impl WorkerContext<'_> {
    /// Works on a block. If that panics, works on it again and catches panics document by document:
    /// documents that panic pass through.
    ///
    /// # Errors
    /// The output cannot be written, or the block cannot even pass through.
    pub(crate) fn work(&self, mut block: Block) -> Result<FinishedBlock, Error> {
        let first = catch_unwind(AssertUnwindSafe(|| self.attempt(&mut block, None)));
        first.unwrap_or_else(|panic| {
            let panicked = Some(internal_error(&*panic));
            let second = catch_unwind(AssertUnwindSafe(|| self.attempt(&mut block, panicked)));
            second.unwrap_or_else(|panic| Err(Error::Stopped(internal_error(&*panic))))
        })
    }

    /// Works on a block; `panicked` is why an earlier attempt failed.
    fn attempt(&self, block: &mut Block, panicked: Option<String>) -> Result<FinishedBlock, Error> {
        let mut builder = BlockBuilder::new(self, panicked, std::mem::take(&mut block.recalled));
        let (mut event, mut codec_out, mut shard_header) = (Event::None, Codec::Plain, Vec::new());
        match &block.work {
            Work::Files { items, series } => {
                for item in items {
                    builder.item(item, series.as_deref())?;
                }
            }
            // Texts are files of their own, in a folder.
            Work::Open { .. } if self.to == Some(Container::Text) => {}
            Work::Open { name, parts: true } if self.stream.is_some() => {
                let stream = self.stream.unwrap_or_default();
                let message = format!(
                    "{name}: Parquet cannot be written to {stream}; name a directory, or give \
                     --to jsonl"
                );
                return Err(Error::Usage(message));
            }
            Work::Open { name, parts } => event = Event::Open(name.clone(), *parts),
            Work::Chunk { source, name, format, codec, chunk, to } => {
                codec_out = if self.stream.is_some() { Codec::Plain } else { *codec };
                if self.shards && to.is_none() {
                    shard_header = format.header().to_vec();
                }
                builder.chunk((&source.name, name), &**format, chunk, *to)?;
            }
            Work::RowGroup { file, group } => builder.row_group(file, *group)?,
            Work::Close { damage } => {
                event = Event::Close;
                if let Some((name, reason)) = damage {
                    builder.unreadable(name, reason)?;
                }
            }
        }
        if !builder.table.is_empty() && self.root.is_some() {
            codec_out = Codec::Plain;
            builder.output = builder.table.write()?;
        }
        let failed = |error| Error::Output("the run's record".into(), error);
        let encode = |bytes| {
            let encoded = codec_out.encode(bytes);
            encoded.map_err(|error| Error::Output("the output".into(), error))
        };
        Ok(FinishedBlock {
            event,
            output: encode(builder.output)?,
            shard_header: encode(shard_header)?,
            passed: builder.passed,
            files: builder.files,
            ledger: builder.ledger.finish(self.pipeline).map_err(failed)?,
            fields: builder.fields,
            problems: builder.problems,
            summary: builder.tally.finish(self.pipeline),
            after: block.after.clone(),
            read: block.read,
        })
    }
}

impl BlockBuilder<'_> {
    fn item(&mut self, item: &Item, series: Option<&str>) -> Result<(), Error> {
        match item {
            Item::Document(source, bytes) => self.guard(
                |block| block.document(source, bytes, series),
                |block, reason| match series {
                    Some(_) => block.left_out(&source.name, bytes.len() as u64, reason),
                    None => {
                        FileDestination.pass(block, &Document::file(&source.name, 0, bytes), reason)
                    }
                },
            ),
            Item::Pass(source, reason)
                if self.context.to.is_some_and(|to| to != Container::Text) =>
            {
                self.left_out(&source.name, source.bytes, reason)
            }
            Item::Pass(source, reason) => self.pass_file(source, reason),
            Item::Unreadable(name, reason) => self.unreadable(name, reason),
        }
    }

    /// A file that is a document; `series` is the file that it is converted into.
    fn document(
        &mut self,
        source: &Source,
        bytes: &[u8],
        series: Option<&str>,
    ) -> Result<(), Error> {
        let as_before = self.context.recall.and_then(|recall| recall.path(&source.name));
        let path = match (&as_before, &source.place) {
            (Some(path), _) | (None, Place::File(path)) => path.to_str(),
            (None, Place::Object(_, name)) => Some(name.as_str()),
            (None, Place::Stdin | Place::Copied(_)) => None,
        };
        let input = Input { path, ..Input::default() };
        let cleaned = self.clean((&source.name, 0), &input, Text::Bytes(bytes));
        if let (Some(file), Some(to)) = (series, self.context.to) {
            let id = Some(source.name.as_str());
            let document = Document { id, ..Document::file(file, 0, bytes) };
            return self.convert((&source.name, None), document, &cleaned, to);
        }
        let document = Document::file(&source.name, 0, bytes);
        self.commit(&document, &cleaned, &mut FileDestination)
    }

    /// Passes a file through without reading it into memory.
    fn pass_file(&mut self, source: &Source, reason: &str) -> Result<(), Error> {
        let mut file = match source.place.open() {
            Ok(file) => BufReader::new(file),
            Err(error) => {
                return self.unreadable(&source.name, &format!("cannot be read: {error}"));
            }
        };
        let copied = match &self.context.root {
            Some(root) => copy_whole(&mut file, &names::below(root, &source.name)),
            None => Ok(()),
        };
        copied.map_err(|error| Error::Output(source.name.clone(), error))?;
        self.files.push(source.name.clone());
        if self.context.stream.is_some() {
            self.passed.push((self.output.len(), source.place.clone()));
        }
        self.tally.failed(source.bytes, &source.name, reason);
        self.note(&Record::unseen(&source.name, 0, reason.to_owned()))
    }

    /// Writes a file, or to the stream.
    pub(crate) fn put_file(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        match &self.context.root {
            Some(root) => {
                self.files.push(name.to_owned());
                write_whole(&names::below(root, name), bytes)
                    .map_err(|error| Error::Output(name.to_owned(), error))
            }
            None => {
                if self.context.stream.is_some() {
                    self.output.extend_from_slice(bytes);
                }
                Ok(())
            }
        }
    }
}

/// A document becomes a file.
struct FileDestination;

impl Destination for FileDestination {
    fn takes_failed(&self) -> bool {
        true
    }

    fn put(
        &mut self,
        block: &mut BlockBuilder<'_>,
        document: &Document<'_>,
        _: &Record<'_>,
        _: &Cleaned<'_>,
        output: &[u8],
    ) -> Result<(), Error> {
        block.put_file(document.file, output)
    }

    fn pass(
        &mut self,
        block: &mut BlockBuilder<'_>,
        document: &Document<'_>,
        reason: &str,
    ) -> Result<(), Error> {
        block.put_file(document.file, document.original)?;
        block.commit_passed(document, reason)
    }
}
