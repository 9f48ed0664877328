//! A few documents, held in memory: samples to learn from.

use std::io::Read;
use std::path::PathBuf;

use globset::GlobSet;

use crate::input::{Container, Filter, Row as RawRow, read_row, sources};
use crate::job::{Error, Names};
use crate::jsonl::Row;

/// A decoded document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its path, and its row in a container.
    pub name: String,
    /// The file that it stands in.
    pub path: Option<PathBuf>,
    /// Its text.
    pub text: String,
    /// Its URL.
    pub url: Option<String>,
}

/// Documents that were read, and what was not.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// The documents.
    pub documents: Vec<Document>,
    /// What was passed over, and why.
    pub passed_over: Vec<(String, String)>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// Reads up to `most` documents; of records, those whose field has the value, if one is wanted.
/// What is not text, what is no document and what is empty is passed over and named.
///
/// # Errors
/// An input cannot be read.
pub fn documents(
    inputs: &[PathBuf],
    container: Option<Container>,
    names: &Names,
    wanted: Option<(&str, &str)>,
    most: usize,
) -> Result<Documents, Error> {
    let none = GlobSet::empty();
    let filter = Filter { include: &none, exclude: &none, container };
    let mut read = Documents::default();
    for source in sources(inputs, &filter) {
        let source = source?;
        let failed = |error| Error::Input(source.shown(), error);
        let mut reader = source.open().map_err(failed)?;
        if source.container == Container::Text {
            if read.documents.len() >= most {
                read.more = true;
                break;
            }
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map_err(failed)?;
            match chaffinch_core::decode(&bytes, None) {
                Ok(decoded) => {
                    read.add(source.name, source.path, decoded.text.into_owned(), None);
                }
                Err(reason) => read.passed_over.push((source.name, reason.to_string())),
            }
            continue;
        }
        let mut number = 0;
        while let Some(row) = read_row(&mut reader, 64 << 20, false).map_err(failed)? {
            number += 1;
            let RawRow::Line(bytes) = row else { continue };
            let row = bytes.trim_ascii();
            if row.is_empty() || wanted.is_some_and(|(field, value)| !has(row, field, value)) {
                continue;
            }
            if read.documents.len() >= most {
                read.more = true;
                break;
            }
            let name = format!("{}:{number}", source.name);
            match Row::parse(row, names) {
                Ok(parsed) => read.add(name, source.path.clone(), parsed.text, parsed.url),
                Err(error) => read.passed_over.push((name, error.to_string())),
            }
        }
    }
    Ok(read)
}

impl Documents {
    fn add(&mut self, name: String, path: Option<PathBuf>, text: String, url: Option<String>) {
        match text.trim().is_empty() {
            true => self.passed_over.push((name, "it is empty".to_owned())),
            false => self.documents.push(Document { name, path, text, url }),
        }
    }
}

fn has(row: &[u8], field: &str, value: &str) -> bool {
    let Ok(row) = serde_json::from_slice::<serde_json::Value>(row) else { return false };
    match &row[field] {
        serde_json::Value::String(text) => text == value,
        other => serde_json::to_string(other).is_ok_and(|text| text == value),
    }
}
