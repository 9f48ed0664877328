//! Reads the columns that cleaning needs, row by row.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::{SchemaDescriptor, TypePtr};
use tempfile::NamedTempFile;

use super::row::{Lookup, ReadRow, Row};
use crate::containers::{FieldNames, Reason};
use crate::files::source::{Place, Source};

/// A Parquet file that is being read.
pub(crate) struct ParquetFile {
    source: Arc<Source>,
    /// A local copy, if the source is not a file.
    copy: Option<NamedTempFile>,
    pub(super) reader: SerializedFileReader<File>,
    pub(super) columns: Columns,
}

/// Opens the file of a source, or its local copy.
fn open(source: &Source, copy: Option<&NamedTempFile>) -> std::io::Result<File> {
    let path = copy.map(NamedTempFile::path).or(source.place.path());
    File::open(path.unwrap_or(Path::new("")))
}

/// Copies a source that is not a file to a temporary file.
fn copy(source: &Source) -> std::io::Result<NamedTempFile> {
    let mut copy = NamedTempFile::new()?;
    std::io::copy(&mut source.place.open()?, &mut copy)?;
    Ok(copy)
}

/// The indices of the leaf columns that are read.
pub(super) struct Columns {
    pub(super) name: String,
    pub(super) text: usize,
    /// Whether the text column is of the type that holds only nulls, so there is nothing to write.
    pub(super) only_nulls: bool,
    pub(super) id: Option<usize>,
    url: Option<usize>,
    date: Option<usize>,
}

impl ParquetFile {
    /// Opens a file and finds its columns.
    pub(crate) fn open(
        source: Arc<Source>,
        names: &FieldNames,
    ) -> std::result::Result<ParquetFile, Reason> {
        let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
        let copy = match source.place {
            Place::File(_) => None,
            // Parquet needs random access, which a stream does not have.
            _ => Some(copy(&source).map_err(unreadable)?),
        };
        let reader = open(&source, copy.as_ref())
            .map_err(unreadable)
            .and_then(|file| SerializedFileReader::new(file).map_err(|error| wrong(&error)))?;
        let columns = Columns::find(reader.metadata().file_metadata().schema_descr(), names)?;
        columns.check_compression(reader.metadata())?;
        Ok(ParquetFile { source, copy, reader, columns })
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The name of the column with the texts.
    pub(crate) fn text_column(&self) -> &str {
        &self.columns.name
    }

    /// The number of row groups.
    pub(crate) fn groups(&self) -> usize {
        self.reader.num_row_groups()
    }

    /// The numbers of the rows of a group.
    pub(crate) fn rows(&self, group: usize) -> Range<u64> {
        let rows = |group: usize| self.reader.metadata().row_group(group).num_rows() as u64;
        let first: u64 = (0..group).map(rows).sum();
        first..first + rows(group)
    }

    /// Calls `each` with the number of each row, its values and its other fields, until `each`
    /// breaks. A row without a text gives the reason.
    pub(crate) fn each_row(
        &self,
        each: &mut dyn FnMut(u64, ReadRow<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for group in 0..self.groups() {
            let batch = match self.read_columns(group, None) {
                Ok(mut columns) => columns.take(usize::MAX),
                Err(error) => {
                    let reason = format!("row group {} cannot be read: {error}", group + 1);
                    each(self.rows(group).start, Err(reason.into()))?;
                    continue;
                }
            };
            let others = RefCell::new(HashMap::new());
            let rows = batch.iter().flat_map(Batch::rows);
            for (at, (row, number)) in rows.zip(self.rows(group)).enumerate() {
                let field = |name: &str| {
                    let mut others = others.borrow_mut();
                    let column = others.entry(name.to_owned());
                    column.or_insert_with(|| self.column(group, name)).get(at)?.clone()
                };
                let found = match row.text.map(std::str::from_utf8) {
                    None => Err("the row has no text".into()),
                    Some(Err(_)) => Err("the text is not UTF-8".into()),
                    Some(Ok(_)) => Ok((row, &field as Lookup<'_>)),
                };
                each(number, found)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Reads the columns of a row group that cleaning needs.
    pub(crate) fn read_group(&self, group: usize) -> std::result::Result<Group, Reason> {
        self.read_columns(group, self.columns.id).map_err(|error| error.to_string().into())
    }

    fn read_columns(&self, group: usize, ids: Option<usize>) -> Result<Group> {
        let values = |column: Option<usize>| column.map(|at| self.values(group, at)).transpose();
        let ids = values(ids)?;
        let mut texts = self.values(group, self.columns.text)?;
        let (urls, dates) = (values(self.columns.url)?, values(self.columns.date)?);
        let levels = std::mem::take(&mut texts.levels);
        Ok(Group { texts, ids, urls, dates, levels })
    }

    /// The values of a column as text; none if the column does not exist or contains no texts.
    fn column(&self, group: usize, name: &str) -> Vec<Option<String>> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let values = plain_column(schema, name).and_then(|at| self.values(group, at).ok());
        let text = |value: Option<&ByteArray>| {
            value.map(|value| String::from_utf8_lossy(value.data()).into_owned())
        };
        values.iter().flat_map(Values::rows).map(text).collect()
    }

    /// The file, opened again: two readers of one handle would share its offset.
    pub(super) fn reopen(&self) -> Result<File> {
        Ok(open(&self.source, self.copy.as_ref())?)
    }

    pub(super) fn values(&self, group: usize, column: usize) -> Result<Values> {
        let reader = SerializedFileReader::new(self.reopen()?)?;
        let reader = reader.get_row_group(group)?;
        let rows = reader.metadata().num_rows() as usize;
        let mut values = Values::default();
        let deepest =
            self.reader.metadata().file_metadata().schema_descr().column(column).max_def_level();
        let levels = Some(&mut values.levels);
        match reader.get_column_reader(column)? {
            ColumnReader::ByteArrayColumnReader(mut reader) => {
                let mut texts = Vec::new();
                reader.read_records(rows, levels, None, &mut texts)?;
                values.values = texts.into();
            }
            ColumnReader::Int64ColumnReader(mut reader) => {
                let mut numbers = Vec::new();
                reader.read_records(rows, levels, None, &mut numbers)?;
                values.values = numbers.iter().map(|n| n.to_string().as_str().into()).collect();
            }
            ColumnReader::Int32ColumnReader(mut reader) => {
                let mut numbers = Vec::new();
                reader.read_records(rows, levels, None, &mut numbers)?;
                values.values = numbers.iter().map(|n| n.to_string().as_str().into()).collect();
            }
            _ => return Err(ParquetError::General("a column of an odd type".into())),
        }
        values.present = match values.levels.is_empty() {
            true => vec![true; values.values.len()].into(),
            false => values.levels.iter().map(|level| *level == deepest).collect(),
        };
        Ok(values)
    }
}

fn wrong(error: &ParquetError) -> String {
    format!("it is not a readable Parquet file: {error}")
}

impl Columns {
    fn find(schema: &SchemaDescriptor, names: &FieldNames) -> std::result::Result<Columns, Reason> {
        let found = names.text.iter().find_map(|name| Some((name, place(schema, name)?)));
        let (name, text) = found.ok_or_else(|| {
            let nested = names.text.iter().find_map(|name| nested(schema, name));
            nested.unwrap_or_else(|| format!("it has no column `{}`", names.text.join("`, `")))
        })?;
        let leaf = schema.column(text);
        if leaf.max_rep_level() > 0 {
            return Err(format!("column `{name}` {LIST}").into());
        }
        let only_nulls = leaf.logical_type_ref() == Some(&LogicalType::Unknown);
        if leaf.physical_type() != Physical::BYTE_ARRAY && !only_nulls {
            let kind = leaf.physical_type();
            return Err(format!("column `{name}` holds values of type {kind}, not texts").into());
        }
        Ok(Columns {
            name: name.clone(),
            text,
            only_nulls,
            id: plain_column(schema, &names.id),
            url: plain_column(schema, &names.url),
            date: plain_column(schema, &names.date),
        })
    }

    /// Refuses a file with a column that is compressed with LZO, the only codec that the library does
    /// not have.
    fn check_compression(&self, metadata: &ParquetMetaData) -> std::result::Result<(), Reason> {
        let read = [Some(self.text), self.id, self.url, self.date];
        for (group, column) in metadata
            .row_groups()
            .iter()
            .flat_map(|group| read.iter().flatten().map(move |column| (group, *column)))
        {
            let column = group.column(column);
            if column.compression() == Compression::LZO {
                return Err(format!(
                    "column `{}` is compressed with LZO, which cannot be read; write the file \
                     again with another compression, such as ZSTD",
                    column.column_path().string()
                )
                .into());
            }
        }
        Ok(())
    }
}

/// Why a column of lists is refused.
const LIST: &str = "holds a list in each row, not a text: join each list to one text first";

/// Why the column with this name is refused, if it contains other columns.
fn nested(schema: &SchemaDescriptor, name: &str) -> Option<String> {
    let field = |parent: &TypePtr, name: &str| {
        parent.is_group().then(|| parent.get_fields().iter().find(|f| f.name() == name).cloned())?
    };
    let found = name.split('.').try_fold(schema.root_schema_ptr(), |at, name| field(&at, name))?;
    let kind = match found.get_basic_info().converted_type() {
        ConvertedType::LIST => LIST,
        ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE => "holds a map in each row, not a text",
        _ => {
            let inner = found.get_fields().first().map_or("", |field| field.name());
            return Some(format!(
                "column `{name}` holds a struct in each row, not a text: name a field of it, such \
                 as `{name}.{inner}`"
            ));
        }
    };
    Some(format!("column `{name}` {kind}"))
}

/// The index of a leaf column.
fn place(schema: &SchemaDescriptor, name: &str) -> Option<usize> {
    schema.columns().iter().position(|column| column.path().string() == name)
}

/// The index of a leaf column that contains one text or integer per row.
fn plain_column(schema: &SchemaDescriptor, name: &str) -> Option<usize> {
    let kinds = [Physical::BYTE_ARRAY, Physical::INT64, Physical::INT32];
    let leaf = |at: &usize| schema.column(*at);
    place(schema, name)
        .filter(|at| kinds.contains(&leaf(at).physical_type()) && leaf(at).max_rep_level() == 0)
}

/// The values of a column in a row group.
#[derive(Default)]
pub(super) struct Values {
    /// For each row, whether it has a value.
    pub(super) present: VecDeque<bool>,
    /// The values, without nulls.
    pub(super) values: VecDeque<ByteArray>,
    /// Parquet's definition levels.
    pub(super) levels: Vec<i16>,
}

impl Values {
    /// Removes and returns the values of the first `rows` rows, without their levels.
    pub(super) fn take(&mut self, rows: usize) -> Values {
        let present: VecDeque<bool> = self.present.drain(..rows.min(self.present.len())).collect();
        let there = present.iter().filter(|present| **present).count();
        let values = self.values.drain(..there.min(self.values.len())).collect();
        Values { present, values, levels: Vec::new() }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Option<&ByteArray>> {
        let mut values = self.values.iter();
        self.present.iter().map(move |present| if *present { values.next() } else { None })
    }
}

/// The remaining rows of a row group.
pub(crate) struct Group {
    texts: Values,
    ids: Option<Values>,
    urls: Option<Values>,
    dates: Option<Values>,
    /// The definition levels of the texts.
    pub(super) levels: Vec<i16>,
}

/// Some rows of a row group.
pub(crate) struct Batch {
    texts: Values,
    ids: Option<Values>,
    urls: Option<Values>,
    dates: Option<Values>,
}

impl Group {
    /// Removes and returns the next `rows` rows, or all that are left. `None` if there are none.
    pub(crate) fn take(&mut self, rows: usize) -> Option<Batch> {
        if self.texts.present.is_empty() {
            return None;
        }
        let others = [&mut self.ids, &mut self.urls, &mut self.dates];
        let [ids, urls, dates] = others.map(|all| all.as_mut().map(|all| all.take(rows)));
        Some(Batch { texts: self.texts.take(rows), ids, urls, dates })
    }
}

impl Batch {
    pub(crate) fn rows(&self) -> Vec<Row<'_>> {
        let (mut ids, mut urls) = (column(self.ids.as_ref()), column(self.urls.as_ref()));
        let mut dates = column(self.dates.as_ref());
        let mut rows = Vec::with_capacity(self.texts.present.len());
        for text in self.texts.rows() {
            rows.push(Row {
                text: text.map(ByteArray::data),
                id: ids.next().flatten(),
                url: urls.next().flatten(),
                date: dates.next().flatten(),
            });
        }
        rows
    }
}

/// The values of a column, or endless nulls if the file does not have it.
fn column(values: Option<&Values>) -> Box<dyn Iterator<Item = Option<Cow<'_, str>>> + '_> {
    match values {
        None => Box::new(std::iter::repeat(None)),
        Some(values) => Box::new(
            values.rows().map(|value| value.map(|value| String::from_utf8_lossy(value.data()))),
        ),
    }
}

pub(super) fn other(error: ParquetError) -> std::io::Error {
    std::io::Error::other(error.to_string())
}
