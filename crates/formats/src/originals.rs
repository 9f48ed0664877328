//! The originals of single documents of a run, made from its output and its ledger.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::job::Error;
use crate::jsonl::{self, FieldNames};
use crate::ledger::Record;
use crate::names;
use crate::restore::{is_inside, original};
use crate::rows::{Row, Rows};
use crate::runs::Records;
use crate::samples::Document;
use crate::wet;

/// Makes originals of documents, which are asked for in the order of the ledger; each record is
/// shown first, with [`Originals::pass`], whether its original is wanted or not.
pub struct Originals {
    run: PathBuf,
    /// The container that documents were converted into, and the records of it so far.
    converted: (String, u64),
    rows: Option<(String, Option<Rows>)>,
    #[cfg(feature = "parquet")]
    table: Option<Table>,
}

/// A Parquet file, and the row that comes next.
#[cfg(feature = "parquet")]
struct Table {
    name: String,
    rows: Option<crate::parquet::Restoring>,
    at: u64,
}

impl Originals {
    /// Of the run in `run`.
    pub fn of_run(run: &Path) -> Originals {
        Originals {
            run: run.to_owned(),
            converted: (String::new(), 0),
            rows: None,
            #[cfg(feature = "parquet")]
            table: None,
        }
    }

    /// Takes note of the next record.
    pub fn pass(&mut self, record: &Record<'_>) {
        if record.origin.is_some() && record.is_record() {
            let (file, count) = &mut self.converted;
            if *file != *record.file {
                (*file, *count) = (record.file.clone().into_owned(), 0);
            }
            *count += 1;
        }
    }

    /// The original of the document that `record` is about; none if it cannot be made, was too long
    /// to be held, or is no text.
    pub fn of(&mut self, record: &Record<'_>) -> Option<Document> {
        if record.digest.original.is_none() || !is_inside(&record.file) {
            return None;
        }
        let output = self.output(record)?;
        text_of(record, &original(record, &output).ok()?)
    }

    /// What the run wrote of a document: a file, a record or the value of a column.
    fn output(&mut self, record: &Record<'_>) -> Option<Vec<u8>> {
        if !record.is_record() {
            return fs::read(names::below(&self.run, &record.file)).ok();
        }
        // Converted documents stand in the order of their records.
        let at = match record.origin {
            Some(_) => self.converted.1.checked_sub(1)?,
            None => record.ordinal,
        };
        #[cfg(feature = "parquet")]
        if let Some(column) = &record.column {
            return self.value(record, column, at);
        }
        if self.rows.as_ref().is_none_or(|(name, _)| *name != record.file) {
            let rows = Rows::open(&self.run, &record.file).ok();
            self.rows = Some((record.file.clone().into_owned(), rows));
        }
        let rows = self.rows.as_mut()?.1.as_mut()?;
        let Ok(Row::Whole(row)) = rows.at(at, true, &mut io::sink()) else {
            return None;
        };
        match &record.origin {
            None => Some(row),
            Some(_) => {
                let (_, row, _) = jsonl::dressed(&row);
                let row = jsonl::Row::parse(row, &FieldNames::default()).ok()?;
                Some(row.text.into_owned().into_bytes())
            }
        }
    }

    #[cfg(feature = "parquet")]
    fn value(&mut self, record: &Record<'_>, column: &str, at: u64) -> Option<Vec<u8>> {
        if self.table.as_ref().is_none_or(|table| table.name != record.file) {
            let name = record.file.clone().into_owned();
            let rows = crate::parquet::Restoring::open(&self.run, &name, column, false).ok();
            self.table = Some(Table { name, rows, at: 0 });
        }
        let table = self.table.as_mut()?;
        let rows = table.rows.as_mut()?;
        loop {
            let value = rows.next()?;
            let wanted = (table.at == at).then(|| value.to_vec());
            rows.put(Vec::new()).ok()?;
            table.at += 1;
            if wanted.is_some() {
                return wanted;
            }
        }
    }
}

/// The originals of the documents that `wanted` names, `most` of them at most. What cannot be
/// restored is left out.
///
/// # Errors
/// `run` is no run's output, or its ledger cannot be read.
pub fn originals(
    run: &Path,
    wanted: &dyn Fn(&Record<'_>) -> bool,
    most: usize,
) -> Result<Vec<Document>, Error> {
    let (mut found, mut originals) = (Vec::new(), Originals::of_run(run));
    let mut records = Records::of_run(run)?;
    while let Some(record) = records.next()? {
        if found.len() >= most {
            break;
        }
        originals.pass(&record);
        if wanted(&record) {
            found.extend(originals.of(&record));
        }
    }
    Ok(found)
}

fn text_of(record: &Record<'_>, original: &[u8]) -> Option<Document> {
    let (name, date) = (record.name().into_owned(), record.day.clone());
    let decoded = |bytes: &[u8]| {
        let encoding = chaffinch_core::Encoding::for_label(record.undo.coding.encoding.as_bytes());
        Some(chaffinch_core::decode(bytes, encoding).ok()?.text.into_owned())
    };
    if let Some(undo) = &record.row {
        let (_, row, _) = jsonl::dressed(original);
        let names = FieldNames { text: vec![undo.field.clone()], ..Default::default() };
        let row = jsonl::Row::parse(row, &names).ok()?;
        let (text, url) = (row.text.into_owned(), row.url.map(Into::into));
        return Some(Document { name, path: None, text, url, date });
    }
    if !record.headers.is_empty() {
        let parsed = wet::Record::parse(original)?;
        let (text, url) = (decoded(parsed.text())?, parsed.url().map(str::to_owned));
        return Some(Document { name, path: None, text, url, date });
    }
    Some(Document { name, path: None, text: decoded(original)?, url: None, date })
}
