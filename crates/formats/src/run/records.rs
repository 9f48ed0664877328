//! Cleans the records of a chunk of a container.

use std::borrow::Cow;

use chaffinch_core::{Cleaned, Input};

use super::builder::{AddedColumn, BlockBuilder, Destination, Document};
use crate::containers::chunks::{Chunk, Passed};
use crate::containers::{Container, Kind, ParsedRecord, Reason, RecordFormat, records};
use crate::error::Error;
use crate::ledger::Record;

impl BlockBuilder<'_> {
    /// A chunk of the container `source`, which becomes a part of `file`; `to` is the container that
    /// its documents are converted to, if any.
    pub(crate) fn chunk(
        &mut self,
        (source, file): (&str, &str),
        format: &dyn RecordFormat,
        chunk: &Chunk,
        to: Option<Container>,
    ) -> Result<(), Error> {
        match chunk {
            Chunk::Records(bytes, first) => {
                if to.is_none() {
                    self.output.reserve(bytes.len() + bytes.len() / 8);
                }
                records(format, bytes, *first).try_for_each(|(ordinal, record)| {
                    self.record((source, file), format, record, ordinal, to)
                })
            }
            Chunk::Part(_, Some(Passed { ordinal, bytes, reason })) if to.is_some() => {
                self.left_out(&format!("{source}:{}", ordinal + 1), *bytes, reason)
            }
            Chunk::Part(..) if to.is_some() || self.context.sample.is_some() => Ok(()),
            Chunk::Part(bytes, ends) => {
                self.output.extend_from_slice(bytes);
                let Some(Passed { ordinal, bytes, reason }) = ends else { return Ok(()) };
                let mut record = Record::unseen(file, *ordinal, reason.clone());
                (record.in_container, record.bytes) = (true, Some(*bytes));
                self.tally.failed(*bytes, &record.name(), reason);
                self.note(&record)
            }
        }
    }

    fn record(
        &mut self,
        (source, file): (&str, &str),
        format: &dyn RecordFormat,
        record: &[u8],
        ordinal: u64,
        to: Option<Container>,
    ) -> Result<(), Error> {
        match format.kind(record, ordinal) {
            Kind::Blank | Kind::Other if self.context.sample.is_some() => Ok(()),
            Kind::Blank | Kind::Header => {
                if to.is_none() {
                    self.output.extend_from_slice(record);
                }
                Ok(())
            }
            Kind::Document if !self.takes(source, ordinal) => Ok(()),
            Kind::Other | Kind::Document => match to {
                None => self.guard(
                    |block| block.clean_record(file, format, record, ordinal),
                    |block, reason| block.pass_record(file, record, ordinal, reason),
                ),
                Some(to) => self.guard(
                    |block| block.convert_record((source, file), format, record, ordinal, to),
                    |block, reason| {
                        let name = format!("{source}:{}", ordinal + 1);
                        block.left_out(&name, record.len() as u64, reason)
                    },
                ),
            },
        }
    }

    fn clean_record(
        &mut self,
        file: &str,
        format: &dyn RecordFormat,
        record: &[u8],
        ordinal: u64,
    ) -> Result<(), Error> {
        let parsed = match format.parse(record) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => {
                self.output.extend_from_slice(record);
                return Ok(());
            }
            Err(reason) => return self.pass_record(file, record, ordinal, &reason),
        };
        let (id, url, date) = (parsed.id(), parsed.url(), parsed.date());
        let input = Input { url: url.as_deref(), date: date.as_deref(), ..Input::default() };
        let cleaned = self.clean((file, ordinal), &input, parsed.text());
        let document = Document {
            id: id.as_deref(),
            url: url.as_deref(),
            date: date.as_deref(),
            ..Document::in_container(file, ordinal, record)
        };
        self.commit(&document, &cleaned, &mut RecordDestination { format, parsed: &*parsed })
    }

    /// Passes a record of a container through unchanged.
    fn pass_record(
        &mut self,
        file: &str,
        record: &[u8],
        ordinal: u64,
        reason: &str,
    ) -> Result<(), Error> {
        self.output.extend_from_slice(record);
        self.commit_passed(&Document::in_container(file, ordinal, record), reason)
    }
}

/// A document replaces the text of its record.
struct RecordDestination<'a> {
    format: &'a dyn RecordFormat,
    parsed: &'a dyn ParsedRecord,
}

impl Destination for RecordDestination<'_> {
    fn encode<'o>(
        &self,
        record: &mut Record<'_>,
        cleaned: &'o Cleaned<'_>,
    ) -> Result<Cow<'o, [u8]>, Reason> {
        let column = serde_json::to_string(&AddedColumn::of(record, cleaned))
            .map_err(|error| error.to_string())?;
        let mut output = Vec::with_capacity(cleaned.output().len() + column.len() + 256);
        self.parsed.rewrite(cleaned, &column, record, &mut output)?;
        Ok(Cow::Owned(output))
    }

    fn restore(&self, record: &Record<'_>, output: &[u8]) -> Result<Vec<u8>, Reason> {
        self.format.restore(record, output)
    }

    fn put(
        &mut self,
        block: &mut BlockBuilder<'_>,
        _: &Document<'_>,
        _: &Record<'_>,
        _: &Cleaned<'_>,
        output: &[u8],
    ) -> Result<(), Error> {
        block.output.extend_from_slice(output);
        Ok(())
    }

    fn pass(
        &mut self,
        block: &mut BlockBuilder<'_>,
        document: &Document<'_>,
        reason: &str,
    ) -> Result<(), Error> {
        block.output.extend_from_slice(document.original);
        block.commit_passed(document, reason)
    }
}
