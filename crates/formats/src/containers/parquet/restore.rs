//! Reads the text column of cleaned files and writes originals.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::data_type::ByteArray;

use super::read::{ParquetFile, Values, other};
use super::write::{Part, assemble};
use crate::containers::FieldNames;
use crate::files::source::Source;

/// A cleaned file, or the shards of one, whose originals are restored row by row.
pub(crate) struct Restoring {
    file: ParquetFile,
    names: FieldNames,
    /// The shards after it.
    others: VecDeque<PathBuf>,
    group: usize,
    texts: Values,
    at: usize,
    /// The number of the next value.
    value: usize,
    restored: Vec<ByteArray>,
    /// Whether the texts of the group could not be read, and are copied.
    damaged: bool,
    /// Where restored row groups are kept, and the number of them.
    parts: Option<(tempfile::TempDir, usize)>,
}

impl Restoring {
    /// Opens the `shards` of a file, whose texts are in `column`; with `write`, originals are kept.
    pub(crate) fn open(shards: Vec<PathBuf>, column: &str, write: bool) -> io::Result<Restoring> {
        let mut others = VecDeque::from(shards);
        let names = FieldNames { text: vec![column.to_owned()], ..FieldNames::default() };
        let first = others.pop_front().ok_or(io::ErrorKind::NotFound)?;
        let mut restoring = Restoring {
            file: Restoring::input(&first, &names)?,
            names,
            others,
            group: 0,
            texts: Values::default(),
            at: 0,
            value: 0,
            restored: Vec::new(),
            damaged: false,
            parts: write.then(tempfile::tempdir).transpose()?.map(|folder| (folder, 0)),
        };
        restoring.read();
        Ok(restoring)
    }

    fn input(path: &Path, names: &FieldNames) -> io::Result<ParquetFile> {
        let source = Source::of_file(path.to_owned(), String::new(), &path.metadata()?);
        ParquetFile::open(Arc::new(source), names).map_err(io::Error::other)
    }

    /// Reads the texts of the current group, or of the first one of the next shard. If a shard
    /// cannot be opened, there are no more rows.
    fn read(&mut self) {
        (self.at, self.value) = (0, 0);
        self.restored.clear();
        while self.group >= self.file.groups()
            && let Some(next) = self.others.pop_front()
        {
            let Ok(file) = Restoring::input(&next, &self.names) else {
                return self.others.clear();
            };
            (self.file, self.group) = (file, 0);
        }
        if self.group < self.file.groups() {
            let texts = self.file.values(self.group, self.file.columns.text);
            self.damaged = texts.is_err();
            self.texts = texts.unwrap_or_else(|_| {
                let rows = self.file.rows(self.group);
                let present = vec![false; (rows.end - rows.start) as usize].into();
                Values { present, ..Values::default() }
            });
        }
    }

    /// The text of the next row; none if there are no more.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        let present = *self.texts.present.get(self.at)?;
        Some(if present { self.texts.values.get(self.value)?.data() } else { b"" })
    }

    /// Takes the original of the row that [`Restoring::next`] gave.
    pub(crate) fn put(&mut self, original: Vec<u8>) -> io::Result<()> {
        if self.texts.present.get(self.at) == Some(&true) {
            self.value += 1;
            self.restored.push(original.into());
        }
        self.at += 1;
        if self.at < self.texts.present.len() {
            return Ok(());
        }
        if let Some((folder, count)) = &mut self.parts {
            let text = (!self.damaged).then_some(self.restored.as_slice());
            let part = Part { text, levels: &self.texts.levels, added: None };
            let part = part.write(&self.file, self.group).map_err(other)?;
            std::fs::write(folder.path().join(count.to_string()), part)?;
            *count += 1;
        }
        self.group += 1;
        self.texts.present.clear();
        self.read();
        Ok(())
    }

    /// Whether what is restored is kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.parts.is_some()
    }

    /// Writes the file of originals, if it was read to its end.
    pub(crate) fn finish(self, out: &mut (impl Write + Send)) -> io::Result<bool> {
        if self.group < self.file.groups() {
            return Ok(false);
        }
        let Some((folder, count)) = &self.parts else { return Ok(true) };
        let part = |number: usize| File::open(folder.path().join(number.to_string()));
        assemble(out, (0..*count).map(part))?;
        Ok(true)
    }
}
