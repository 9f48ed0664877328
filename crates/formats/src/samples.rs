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
    /// Its text.
    pub text: String,
    /// Its URL.
    pub url: Option<String>,
}

/// Reads up to `most` documents; of records, those whose field has the value, if one is wanted.
/// What is not text and what is no document is left out.
///
/// # Errors
/// An input cannot be read.
pub fn documents(
    inputs: &[PathBuf],
    container: Option<Container>,
    names: &Names,
    wanted: Option<(&str, &str)>,
    most: usize,
) -> Result<Vec<Document>, Error> {
    let none = GlobSet::empty();
    let filter = Filter { include: &none, exclude: &none, container };
    let mut documents = Vec::new();
    for source in sources(inputs, &filter) {
        let source = source?;
        let failed = |error| Error::Input(source.shown(), error);
        let mut reader = source.open().map_err(failed)?;
        if source.container == Container::Text {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map_err(failed)?;
            if let Ok(decoded) = chaffinch_core::decode(&bytes, None) {
                let (name, text) = (source.name, decoded.text.into_owned());
                documents.push(Document { name, text, url: None });
            }
        } else {
            let mut number = 0;
            while let Some(row) = read_row(&mut reader, 64 << 20, false).map_err(failed)? {
                number += 1;
                let RawRow::Line(bytes) = row else { continue };
                let row = bytes.trim_ascii();
                if wanted.is_some_and(|(field, value)| !has(row, field, value)) {
                    continue;
                }
                if let Ok(parsed) = Row::parse(row, names) {
                    let name = format!("{}:{number}", source.name);
                    documents.push(Document { name, text: parsed.text, url: parsed.url });
                }
                if documents.len() >= most {
                    return Ok(documents);
                }
            }
        }
        if documents.len() >= most {
            break;
        }
    }
    Ok(documents)
}

fn has(row: &[u8], field: &str, value: &str) -> bool {
    let Ok(row) = serde_json::from_slice::<serde_json::Value>(row) else { return false };
    match &row[field] {
        serde_json::Value::String(text) => text == value,
        other => serde_json::to_string(other).is_ok_and(|text| text == value),
    }
}
