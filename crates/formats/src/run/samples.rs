//! Reads documents one by one, and a few into memory: samples to learn from.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use globset::GlobSet;

use crate::containers::chunks::Chunk;
use crate::containers::open::{Opened, Reading};
use crate::containers::parquet::ParquetFile;
use crate::containers::{Container, FieldNames, Kind, RecordFormat, records};
use crate::error::Error;
use crate::files::source::{Filter, Source, check_exists, sources};
use crate::files::store::Stores;

/// A decoded document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its path, with its row in a container.
    pub name: String,
    /// The file that contains it.
    pub path: Option<PathBuf>,
    /// Its text.
    pub text: String,
    /// Its URL.
    pub url: Option<String>,
    /// Its date, as written.
    pub date: Option<String>,
}

/// Documents that were read, and those that were skipped.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// The documents.
    pub documents: Vec<Document>,
    /// The documents that were skipped, with reasons.
    pub passed_over: Vec<(String, String)>,
    /// Whether there are more than requested.
    pub more: bool,
}

/// A document as it is in its file.
pub enum Found<'a> {
    /// A file that is a document: its bytes.
    File(&'a [u8]),
    /// A record of a container: its text and other fields.
    Record {
        /// The value of one of its fields, as text.
        field: &'a dyn Fn(&str) -> Option<String>,
        /// Its text.
        text: &'a str,
        /// Its URL.
        url: Option<&'a str>,
        /// Its date, as written.
        date: Option<&'a str>,
    },
    /// Not a document, with the reason.
    None(String),
}

/// Reads a file or a directory document by document. Calls `each` with every document, its name and
/// the path of its file, until `each` breaks.
///
/// # Errors
/// An input does not exist or cannot be read.
pub fn each_document(
    inputs: &[PathBuf],
    container: Option<Container>,
    names: &FieldNames,
    each: &mut dyn FnMut(String, &Path, Found<'_>) -> ControlFlow<()>,
) -> Result<(), Error> {
    let none = GlobSet::empty();
    let filter = Filter { include: &none, exclude: &none };
    let reading = Reading { container, names, limit: LONGEST, restores: false };
    let stdin = inputs.iter().any(|input| input.as_os_str() == "-");
    let stdin = stdin.then(|| Ok(Source::stdin("-")));
    let files: Vec<PathBuf> = inputs.iter().filter(|i| i.as_os_str() != "-").cloned().collect();
    files.iter().try_for_each(|file| check_exists(file))?;
    let stores = Stores::new();
    for source in stdin.into_iter().chain(sources(&files, &stores, &filter)) {
        let source = source?;
        let failed = |error| Error::Input(source.shown(), error);
        let path = source.place.path().unwrap_or(Path::new("-"));
        let flow = match source.open(&reading).map_err(failed)? {
            Opened::Document(bytes) => each(source.name.clone(), path, Found::File(&bytes)),
            Opened::Pass(_, reason) => each(source.name.clone(), path, Found::None(reason)),
            Opened::Parquet => rows(&source, names, &mut |row, found| {
                let name = row.map(|row| format!("{}:{}", source.name, row + 1));
                each(name.unwrap_or_else(|| source.name.clone()), path, found)
            }),
            Opened::Records(mut chunks) => {
                let mut flow = ControlFlow::Continue(());
                while let (ControlFlow::Continue(()), Some(chunk)) =
                    (flow, chunks.next().map_err(failed)?)
                {
                    let Chunk::Records(bytes, first) = chunk else { continue };
                    let format = &*chunks.format;
                    flow = records(format, &bytes, first).try_for_each(|(ordinal, bytes)| {
                        let name = format!("{}:{}", source.name, ordinal + 1);
                        record(format, bytes, ordinal, |found| each(name, path, found))
                    });
                }
                flow
            }
        };
        if flow.is_break() {
            break;
        }
    }
    Ok(())
}

/// Calls a function with the rows of a Parquet file and their numbers; for a file that cannot be
/// read, with the reason and no number.
fn rows(
    source: &Source,
    names: &FieldNames,
    each: &mut dyn FnMut(Option<u64>, Found<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let file = match ParquetFile::open(source.clone().into(), names) {
        Ok(file) => file,
        Err(reason) => return each(None, Found::None(reason.into())),
    };
    file.each_row(&mut |number, row| {
        let (row, field) = match row {
            Ok(row) => row,
            Err(reason) => return each(Some(number), Found::None(reason.into())),
        };
        let (url, date) = (row.url.as_deref(), row.date.as_deref());
        let text = row.utf_8().unwrap_or_default();
        each(Some(number), Found::Record { field, text, url, date })
    })
}

/// Calls a function with a record of a container.
fn record(
    format: &dyn RecordFormat,
    bytes: &[u8],
    number: u64,
    each: impl FnOnce(Found<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    if matches!(format.kind(bytes, number), Kind::Blank | Kind::Header) {
        return ControlFlow::Continue(());
    }
    match format.parse(bytes) {
        Err(reason) => each(Found::None(reason.into())),
        Ok(None) => ControlFlow::Continue(()),
        Ok(Some(parsed)) => {
            let field = |name: &str| parsed.field(name);
            let (text, url, date) = (parsed.text().to_str(), parsed.url(), parsed.date());
            let (url, date) = (url.as_deref(), date.as_deref());
            each(Found::Record { field: &field, text: &text, url, date })
        }
    }
}

/// The maximum size of a document in bytes; longer ones are skipped.
const LONGEST: usize = 64 << 20;

/// Reads up to `most` documents; of records, those whose field has the value, if one is given.
/// Empty documents and those that are not text are skipped and reported.
///
/// # Errors
/// An input cannot be read.
pub fn documents(
    inputs: &[PathBuf],
    container: Option<Container>,
    names: &FieldNames,
    wanted: Option<(&str, &str)>,
    most: usize,
) -> Result<Documents, Error> {
    let mut read = Documents::default();
    each_document(inputs, container, names, &mut |name, path, found| {
        let unwanted = matches!(&found, Found::Record { field, .. }
            if wanted.is_some_and(|(name, value)| field(name).as_deref() != Some(value)));
        if unwanted {
            return ControlFlow::Continue(());
        }
        if read.documents.len() >= most {
            read.more = true;
            return ControlFlow::Break(());
        }
        let path = Some(path.to_owned());
        match found {
            Found::None(reason) => read.passed_over.push((name, reason)),
            Found::Record { text, url, date, .. } => {
                let (text, url) = (text.to_owned(), url.map(str::to_owned));
                let date = date.map(str::to_owned);
                read.add(Document { name, path, text, url, date });
            }
            Found::File(bytes) => match chaffinch_core::decode(bytes, None) {
                Ok(decoded) => {
                    let text = decoded.text.into_owned();
                    read.add(Document { name, path, text, url: None, date: None });
                }
                Err(reason) => read.passed_over.push((name, reason.to_string())),
            },
        }
        ControlFlow::Continue(())
    })?;
    Ok(read)
}

impl Documents {
    fn add(&mut self, document: Document) {
        match document.text.trim().is_empty() {
            true => self.passed_over.push((document.name, "it is empty".to_owned())),
            false => self.documents.push(document),
        }
    }
}
