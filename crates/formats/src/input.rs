//! Inputs: files and directories, walked in a fixed order.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use globset::GlobSet;
use walkdir::WalkDir;

use crate::job::Error;

/// The kind of file that documents come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// A file is a document.
    Text,
    /// A line is a JSON object with a document in one of its fields.
    Jsonl,
}

impl Container {
    /// The container of a file, by its name.
    pub fn of(path: &Path) -> Container {
        let jsonl = path.extension().is_some_and(|e| e == "jsonl" || e == "ndjson");
        if jsonl { Container::Jsonl } else { Container::Text }
    }
}

/// One file to read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is; none for standard input.
    pub path: Option<PathBuf>,
    /// Where its output goes, relative to the output directory, with `/` between the parts.
    pub name: String,
    /// What it is.
    pub container: Container,
    /// Its size in bytes, as the directory has it.
    pub bytes: u64,
}

impl Source {
    /// Opens the file.
    pub(crate) fn open(&self) -> io::Result<Box<dyn BufRead + Send>> {
        Ok(match &self.path {
            None => Box::new(BufReader::new(io::stdin())),
            Some(path) => Box::new(BufReader::with_capacity(1 << 18, File::open(path)?)),
        })
    }

    /// What to call it in messages.
    pub(crate) fn shown(&self) -> String {
        self.path
            .as_ref()
            .map_or_else(|| "standard input".into(), |path| path.display().to_string())
    }
}

/// What to take from the inputs.
pub(crate) struct Filter<'a> {
    pub(crate) include: &'a GlobSet,
    pub(crate) exclude: &'a GlobSet,
    pub(crate) container: Option<Container>,
}

impl Filter<'_> {
    fn takes(&self, name: &str) -> bool {
        (self.include.is_empty() || self.include.is_match(name)) && !self.exclude.is_match(name)
    }
}

/// All files of the inputs, in order; directories by name. Names stay relative to their input,
/// below the input's own name if there are several. Hidden files are passed over.
pub(crate) fn sources<'a>(
    inputs: &'a [PathBuf],
    filter: &'a Filter<'a>,
) -> impl Iterator<Item = Result<Source, Error>> + Send + 'a {
    let several = inputs.len() > 1;
    inputs.iter().flat_map(move |input| {
        let prefix = if several { format!("{}/", base_name(input)) } else { String::new() };
        walk(input).filter_map(move |found| {
            let (path, name, bytes) = match found {
                Ok(found) => found,
                Err(error) => return Some(Err(error)),
            };
            let name = match several && path == *input {
                true => name,
                false => format!("{prefix}{name}"),
            };
            filter.takes(&name).then(|| {
                let container = filter.container.unwrap_or_else(|| Container::of(&path));
                Ok(Source { path: Some(path), name, container, bytes })
            })
        })
    })
}

type Found = Result<(PathBuf, String, u64), Error>;

fn walk(input: &Path) -> Box<dyn Iterator<Item = Found> + Send + '_> {
    if !input.is_dir() {
        let found = std::fs::metadata(input)
            .map(|metadata| (input.to_owned(), base_name(input), metadata.len()))
            .map_err(|error| Error::Input(input.display().to_string(), error));
        return Box::new(std::iter::once(found));
    }
    let hidden = |entry: &walkdir::DirEntry| {
        entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    let entries = WalkDir::new(input).follow_links(true).sort_by_file_name().into_iter();
    Box::new(entries.filter_entry(move |entry| !hidden(entry)).filter_map(move |entry| {
        let failed = |error: walkdir::Error| {
            let path = error.path().unwrap_or(input).display().to_string();
            Error::Input(path, error.into())
        };
        match entry {
            Err(error) => Some(Err(failed(error))),
            Ok(entry) if !entry.file_type().is_file() => None,
            Ok(entry) => Some(entry.metadata().map_err(failed).map(|metadata| {
                let below = entry.path().strip_prefix(input).unwrap_or(entry.path());
                let parts: Vec<_> =
                    below.components().map(|part| readable(part.as_os_str())).collect();
                (entry.path().to_owned(), parts.join("/"), metadata.len())
            })),
        }
    }))
}

/// A file name as text. Bytes that are no text are written as `%XX`, so that two such names stay
/// two.
fn readable(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    text
}

/// The last part of an input's path; for `.` and `..`, of the directory that it means.
pub(crate) fn base_name(input: &Path) -> String {
    let name = |path: &Path| path.file_name().map(readable);
    name(input).or_else(|| name(&input.canonicalize().ok()?)).unwrap_or_else(|| "input".to_owned())
}

/// A line of a container, or a part of one that is over the limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// A whole line with its end.
    Line(Vec<u8>),
    /// A part of a line that is too long, and whether the line goes on behind it.
    Part(Vec<u8>, bool),
}

/// Reads the next line, in parts if it has more than `limit` bytes.
pub(crate) fn read_row(
    reader: &mut dyn BufRead,
    limit: usize,
    inside: bool,
) -> io::Result<Option<Row>> {
    let mut line = Vec::new();
    reader.take(limit as u64 + 1).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let whole = line.ends_with(b"\n") || line.len() <= limit;
    Ok(Some(match (whole, inside) {
        (true, false) => Row::Line(line),
        (true, true) => Row::Part(line, false),
        (false, _) => Row::Part(line, true),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_come_in_parts() {
        let mut reader = io::Cursor::new(b"ab\nabcdefgh\nx".to_vec());
        let mut rows = Vec::new();
        let mut inside = false;
        while let Some(row) = read_row(&mut reader, 3, inside).unwrap() {
            inside = matches!(row, Row::Part(_, true));
            rows.push(row);
        }
        assert_eq!(
            rows,
            [
                Row::Line(b"ab\n".to_vec()),
                Row::Part(b"abcd".to_vec(), true),
                Row::Part(b"efgh".to_vec(), true),
                Row::Part(b"\n".to_vec(), false),
                Row::Line(b"x".to_vec()),
            ]
        );
    }
}
