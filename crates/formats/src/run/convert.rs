//! Converts documents to another container.
//!
//! A converted document keeps its text, id, URL and date; the ledger records where it comes from.
//! The other fields of a record are left in the input.

use std::borrow::Cow;

use chaffinch_core::{Cleaned, Input};
use serde::Serialize;

use super::builder::{AddedColumn, BlockBuilder, Destination, Document};
use crate::containers::{Container, Reason, RecordFormat};
use crate::error::Error;
use crate::files::codec::Codec;
use crate::files::derived::text_name;
use crate::files::names;
use crate::ledger::{Origin, Record};

/// The output file of a converted container; a folder if documents become files.
pub(crate) fn output_name(name: &str, codec: Codec, to: Container) -> String {
    match to {
        Container::Jsonl => with_ending(name, &format!(".jsonl{}", codec.extension())),
        Container::Parquet => with_ending(name, ".parquet"),
        _ => name.to_owned(),
    }
}

fn with_ending(name: &str, ending: &str) -> String {
    names::fit(name, ending.len()) + ending
}

/// The output file of documents that were files.
pub(crate) fn series_name(number: u64, to: Container) -> String {
    format!("documents-{number:05}.{}", to.as_str())
}

/// A row of a converted container.
#[derive(Serialize)]
struct ConvertedRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<&'a str>,
    text: &'a str,
    chaffinch: AddedColumn<'a>,
}

impl BlockBuilder<'_> {
    /// Writes a document of the input `source` to the container `to`; `number` is its record there.
    /// `document.file` is the output file, or is ignored for text files.
    pub(crate) fn convert(
        &mut self,
        (source, number): (&str, Option<u64>),
        document: Document<'_>,
        cleaned: &Cleaned<'_>,
        to: Container,
    ) -> Result<(), Error> {
        let ordinal = number.unwrap_or(0);
        let text_file = text_name(source, ordinal);
        let origin = Some(Origin { file: source.into(), record: number });
        let in_container = to != Container::Text;
        let file = if in_container { document.file } else { &text_file };
        let column = (to == Container::Parquet).then_some("text");
        let document = Document { file, ordinal, origin, in_container, column, ..document };
        self.commit(&document, cleaned, &mut ConvertedDestination { to })
    }

    /// Reports a document that cannot be converted.
    pub(crate) fn left_out(&mut self, name: &str, bytes: u64, reason: &str) -> Result<(), Error> {
        let reason = format!("{reason}; it cannot be converted and was left out");
        self.problem(name, &reason)?;
        self.tally.failed(bytes, name, &reason);
        Ok(())
    }

    /// Converts a record of `source`, whose output goes to `file`.
    pub(crate) fn convert_record(
        &mut self,
        (source, file): (&str, &str),
        format: &dyn RecordFormat,
        record: &[u8],
        ordinal: u64,
        to: Container,
    ) -> Result<(), Error> {
        let parsed = match format.parse(record) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(()),
            Err(reason) => {
                let name = format!("{source}:{}", ordinal + 1);
                return self.left_out(&name, record.len() as u64, &reason);
            }
        };
        let (id, url, date) = (parsed.id(), parsed.url(), parsed.date());
        let input = Input { url: url.as_deref(), date: date.as_deref(), ..Input::default() };
        let cleaned = self.clean((source, ordinal), &input, parsed.text());
        let document = Document {
            id: id.as_deref(),
            url: url.as_deref(),
            date: date.as_deref(),
            ..Document::in_container(file, ordinal, parsed.text().as_bytes())
        };
        self.convert((source, Some(ordinal)), document, &cleaned, to)
    }
}

/// A document becomes a row or file of another container.
struct ConvertedDestination {
    to: Container,
}

impl Destination for ConvertedDestination {
    fn encode<'o>(
        &self,
        _: &mut Record<'_>,
        cleaned: &'o Cleaned<'_>,
    ) -> Result<Cow<'o, [u8]>, Reason> {
        Ok(Cow::Borrowed(cleaned.text().as_bytes()))
    }

    fn put(
        &mut self,
        block: &mut BlockBuilder<'_>,
        document: &Document<'_>,
        record: &Record<'_>,
        cleaned: &Cleaned<'_>,
        output: &[u8],
    ) -> Result<(), Error> {
        let Document { id, url, date, .. } = *document;
        match self.to {
            Container::Text if block.context.root.is_some() => {
                block.put_file(document.file, output)
            }
            Container::Text => Ok(()),
            Container::Parquet => {
                block.table.push(record, [id, url, date], cleaned.text(), cleaned.bytes_removed());
                Ok(())
            }
            _ => {
                let chaffinch = AddedColumn::of(record, cleaned);
                let row = ConvertedRow { id, url, date, text: cleaned.text(), chaffinch };
                serde_json::to_writer(&mut block.output, &row)
                    .map_err(|error| Error::Output("the output".into(), error.into()))?;
                block.output.push(b'\n');
                Ok(())
            }
        }
    }

    fn pass(
        &mut self,
        block: &mut BlockBuilder<'_>,
        document: &Document<'_>,
        reason: &str,
    ) -> Result<(), Error> {
        let name = document.untouched(reason).name().into_owned();
        block.left_out(&name, document.original.len() as u64, reason)
    }
}
