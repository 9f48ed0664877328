//! Cleans the row groups of Parquet files.

use chaffinch_core::Cleaned;
use rayon::prelude::*;

use super::builder::{BlockBuilder, Destination, Document};
use super::convert;
use crate::containers::parquet::{GroupOutput, ParquetFile, Row};
use crate::containers::{Container, Text};
use crate::error::Error;
use crate::files::codec::Codec;
use crate::ledger::Record;

/// Rows that are cleaned in parallel. Their values are dropped before the next ones are cleaned,
/// because a row group may be large.
const AT_ONCE: usize = 512;

/// Why a text passes through.
const NOT_UTF_8: &str = "the text is not UTF-8";

impl BlockBuilder<'_> {
    /// A row group of a Parquet file.
    pub(crate) fn row_group(&mut self, file: &ParquetFile, group: usize) -> Result<(), Error> {
        if let Some(panicked) = self.panicked.take() {
            return self.damaged(file, group, &format!("Parquet error: {panicked}"));
        }
        let to = self.context.to.filter(|to| *to != Container::Parquet);
        if group >= file.groups() {
            if to.is_none() {
                self.output = file.without_rows()?;
            }
            return Ok(());
        }
        let mut rows = match file.read_group(group) {
            Ok(rows) => rows,
            Err(error) => return self.damaged(file, group, &error),
        };
        let mut output = GroupOutput::of(&mut rows);
        let mut first = file.rows(group).start;
        while let Some(batch) = rows.take(AT_ONCE) {
            let rows = batch.rows();
            match to {
                Some(to) => self.convert_rows(file, &rows, first, to)?,
                None => self.clean_rows(file, &rows, first, &mut output)?,
            }
            first += rows.len() as u64;
        }
        if self.context.root.is_some() && to.is_none() {
            self.output = output.write(file, group)?;
        }
        Ok(())
    }

    /// Cleans rows; `first` is the number of the first one.
    fn clean_rows(
        &mut self,
        file: &ParquetFile,
        rows: &[Row<'_>],
        first: u64,
        output: &mut GroupOutput,
    ) -> Result<(), Error> {
        let (context, name) = (self.context, file.source().name.as_str());
        let known: Vec<_> = (first..).take(rows.len()).map(|at| self.known(name, at)).collect();
        let cleaned: Vec<Option<Cleaned<'_>>> = rows
            .par_iter()
            .zip(known)
            .map(|(row, known)| {
                Some(context.clean(&row.input(), Text::Decoded(row.utf_8()?), known))
            })
            .collect();
        for ((row, cleaned), ordinal) in rows.iter().zip(cleaned).zip(first..) {
            let original = row.text.unwrap_or_default();
            let document = Document {
                id: row.id.as_deref(),
                date: row.date.as_deref(),
                column: Some(file.text_column()),
                ..Document::in_container(name, ordinal, original)
            };
            let mut to = CellDestination { output, is_null: row.text.is_none() };
            match cleaned {
                Some(cleaned) => self.commit(&document, &cleaned, &mut to)?,
                None => to.pass(self, &document, NOT_UTF_8)?,
            }
        }
        Ok(())
    }

    /// Converts rows to the container `to`; `first` is the number of the first row.
    fn convert_rows(
        &mut self,
        file: &ParquetFile,
        rows: &[Row<'_>],
        first: u64,
        to: Container,
    ) -> Result<(), Error> {
        let name = &file.source().name;
        let output = convert::output_name(name, Codec::Plain, to);
        let context = self.context;
        let mut taken: Vec<_> = rows.iter().zip(first..).collect();
        taken.retain(|(_, ordinal)| self.takes(name, *ordinal));
        let cleaned: Vec<_> = taken
            .par_iter()
            .map(|(row, _)| Some(context.clean(&row.input(), Text::Decoded(row.utf_8()?), None)))
            .collect();
        for ((row, ordinal), cleaned) in taken.into_iter().zip(cleaned) {
            let original = row.text.unwrap_or_default();
            let Some(cleaned) = cleaned else {
                let name = format!("{name}:{}", ordinal + 1);
                self.left_out(&name, original.len() as u64, NOT_UTF_8)?;
                continue;
            };
            let document = Document {
                id: row.id.as_deref(),
                url: row.url.as_deref(),
                date: row.date.as_deref(),
                ..Document::in_container(&output, ordinal, original)
            };
            self.convert((name, Some(ordinal)), document, &cleaned, to)?;
        }
        Ok(())
    }

    /// Passes a row group whose columns cannot be read through unchanged, with one message for all
    /// of its rows.
    fn damaged(&mut self, file: &ParquetFile, group: usize, error: &str) -> Result<(), Error> {
        let (name, rows) = (&file.source().name, file.rows(group));
        let converts = self.context.to.is_some_and(|to| to != Container::Parquet);
        let fate = if converts { "were left out" } else { "passed through unchanged" };
        let reason = format!(
            "row group {} cannot be read, so its rows {} to {} {fate}: {error}",
            group + 1,
            rows.start + 1,
            rows.end
        );
        self.problem(name, &reason)?;
        self.tally.failed_together(rows.end - rows.start, name, &reason);
        if converts {
            return Ok(());
        }
        let mut output = GroupOutput::copied(file);
        for ordinal in rows {
            let mut record = Record::unseen(name, ordinal, reason.clone());
            record.in_container = true;
            record.column = Some(file.text_column().into());
            output.push(&record, 0, None);
            self.note_without_problem(&record)?;
        }
        if self.context.root.is_some() {
            self.output = output.write(file, group)?;
        }
        Ok(())
    }
}

/// A document replaces the value of its row.
struct CellDestination<'a> {
    output: &'a mut GroupOutput,
    /// Whether the row has no text: it stays a null.
    is_null: bool,
}

impl Destination for CellDestination<'_> {
    fn put(
        &mut self,
        _: &mut BlockBuilder<'_>,
        _: &Document<'_>,
        record: &Record<'_>,
        cleaned: &Cleaned<'_>,
        output: &[u8],
    ) -> Result<(), Error> {
        self.output.push(record, cleaned.bytes_removed(), (!self.is_null).then_some(output));
        Ok(())
    }

    fn pass(
        &mut self,
        block: &mut BlockBuilder<'_>,
        document: &Document<'_>,
        reason: &str,
    ) -> Result<(), Error> {
        let mut record = document.untouched(reason);
        record.day = document.date.and_then(chaffinch_core::date::iso);
        let text = (!self.is_null).then_some(document.original);
        self.output.push(&record, 0, text);
        block.tally.failed(document.original.len() as u64, &record.name(), reason);
        block.note(&record)
    }
}
