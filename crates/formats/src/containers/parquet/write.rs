//! Writes Parquet: row groups with other texts and the added column, and rows that are converted.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_schema::Schema;
use parquet::arrow::{add_encoded_arrow_schema_to_metadata, parquet_to_arrow_schema};
use parquet::basic::Compression;
use parquet::column::writer::{ColumnCloseResult, ColumnWriter};
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{KeyValue, ParquetMetaData, RowGroupMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

use super::read::{Group, ParquetFile, other};
use crate::containers::format::COLUMN;
use crate::error::Error;
use crate::ledger::Record;

/// The column that a run adds.
const ADDED: &str = "message m { required group chaffinch { optional binary outlet (UTF8); \
    required binary verdict (UTF8); required binary fields (UTF8); required int64 removed_bytes; } }";

/// The values of the column that a run adds.
#[derive(Default)]
pub(super) struct Added {
    outlets: Vec<ByteArray>,
    outlet_levels: Vec<i16>,
    verdicts: Vec<ByteArray>,
    fields: Vec<ByteArray>,
    removed: Vec<i64>,
}

/// Drops the values of an optional column after so many rows.
fn truncate_optional(values: &mut Vec<ByteArray>, levels: &mut Vec<i16>, len: usize) {
    levels.truncate(len);
    values.truncate(levels.iter().filter(|level| **level > 0).count());
}

impl Added {
    fn truncate(&mut self, len: usize) {
        truncate_optional(&mut self.outlets, &mut self.outlet_levels, len);
        self.verdicts.truncate(len);
        self.fields.truncate(len);
        self.removed.truncate(len);
    }

    fn push(&mut self, record: &Record<'_>, removed: usize) {
        self.outlets.extend(record.outlet.as_deref().map(ByteArray::from));
        self.outlet_levels.push(i16::from(record.outlet.is_some()));
        self.verdicts.push(record.verdict.to_string().as_str().into());
        let fields = serde_json::Value::Object(record.fields.clone()).to_string();
        self.fields.push(fields.as_str().into());
        self.removed.push(removed as i64);
    }

    fn write<W: Write + Send>(&self, group: &mut SerializedRowGroupWriter<'_, W>) -> Result<()> {
        byte_column(group, &self.outlets, Some(&self.outlet_levels))?;
        byte_column(group, &self.verdicts, None)?;
        byte_column(group, &self.fields, None)?;
        let mut column = next_column(group)?;
        if let ColumnWriter::Int64ColumnWriter(writer) = column.untyped() {
            writer.write_batch(&self.removed, None, None)?;
        }
        column.close()
    }
}

fn next_column<'g, W: Write + Send>(
    group: &'g mut SerializedRowGroupWriter<'_, W>,
) -> Result<parquet::file::writer::SerializedColumnWriter<'g>> {
    let none = || ParquetError::General("there are more values than columns".into());
    group.next_column()?.ok_or_else(none)
}

fn byte_column<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[ByteArray],
    levels: Option<&[i16]>,
) -> Result<()> {
    let mut column = next_column(group)?;
    if let ColumnWriter::ByteArrayColumnWriter(writer) = column.untyped() {
        writer.write_batch(values, levels.filter(|levels| !levels.is_empty()), None)?;
    }
    column.close()
}

/// Rows that are converted to Parquet, and what they are made of.
#[derive(Default)]
pub(crate) struct Table {
    columns: [(Vec<ByteArray>, Vec<i16>); 3],
    texts: Vec<ByteArray>,
    added: Added,
}

impl Table {
    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// Drops the rows after so many.
    pub(crate) fn truncate(&mut self, len: usize) {
        for (values, levels) in &mut self.columns {
            truncate_optional(values, levels, len);
        }
        self.texts.truncate(len);
        self.added.truncate(len);
    }

    /// Adds a row; `others` are its id, URL and date.
    pub(crate) fn push(
        &mut self,
        record: &Record<'_>,
        others: [Option<&str>; 3],
        text: &str,
        removed: usize,
    ) {
        for ((values, levels), value) in self.columns.iter_mut().zip(others) {
            values.extend(value.map(ByteArray::from));
            levels.push(i16::from(value.is_some()));
        }
        self.texts.push(text.into());
        self.added.push(record, removed);
    }

    /// The rows as a Parquet file of one row group.
    pub(crate) fn write(&self) -> std::result::Result<Vec<u8>, Error> {
        let write = || -> Result<Vec<u8>> {
            let own = "message m { optional binary id (UTF8); optional binary url (UTF8); \
                       optional binary date (UTF8); required binary text (UTF8); }";
            let mut fields = parse_message_type(own)?.get_fields().to_vec();
            fields.extend_from_slice(parse_message_type(ADDED)?.get_fields());
            let schema = Type::group_type_builder("schema").with_fields(fields).build()?;
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(Default::default()))
                .set_offset_index_disabled(true)
                .set_statistics_enabled(EnabledStatistics::Chunk)
                .build();
            let mut out =
                SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
            let mut group = out.next_row_group()?;
            for (values, levels) in &self.columns {
                byte_column(&mut group, values, Some(levels))?;
            }
            byte_column(&mut group, &self.texts, None)?;
            self.added.write(&mut group)?;
            group.close()?;
            out.into_inner()
        };
        write().map_err(|error| Error::Output("the output".into(), other(error)))
    }
}

/// The output of a row group.
#[derive(Default)]
pub(crate) struct GroupOutput {
    /// The values of the text column; none if it is copied.
    texts: Option<Vec<ByteArray>>,
    levels: Vec<i16>,
    added: Added,
}

impl GroupOutput {
    /// The output of a group whose texts are written again.
    pub(crate) fn of(group: &mut Group) -> GroupOutput {
        let levels = std::mem::take(&mut group.levels);
        let texts = Some(Vec::with_capacity(levels.len()));
        GroupOutput { texts, levels, added: Added::default() }
    }

    /// The output of a group whose text column is copied.
    pub(crate) fn copied(_: &ParquetFile) -> GroupOutput {
        GroupOutput::default()
    }

    /// Adds a row; `text` is none for a null.
    pub(crate) fn push(&mut self, record: &Record<'_>, removed: usize, text: Option<&[u8]>) {
        if let (Some(texts), Some(text)) = (&mut self.texts, text) {
            texts.push(text.to_vec().into());
        }
        self.added.push(record, removed);
    }

    /// The row group as a Parquet file of its own; `group` is its number in the input.
    pub(crate) fn write(
        &self,
        file: &ParquetFile,
        group: usize,
    ) -> std::result::Result<Vec<u8>, Error> {
        let (text, levels) = (self.texts.as_deref(), self.levels.as_slice());
        let part = Part { text, levels, added: Some(&self.added) };
        let written = part.write(file, group);
        written.map_err(|error| Error::Output(file.source().name.clone(), other(error)))
    }
}

/// A row group to be written.
pub(super) struct Part<'a> {
    /// The values of the text column; none if it is copied.
    pub(super) text: Option<&'a [ByteArray]>,
    pub(super) levels: &'a [i16],
    /// The added column, if it is written.
    pub(super) added: Option<&'a Added>,
}

impl Part<'_> {
    /// The row group as a Parquet file of its own.
    pub(super) fn write(&self, file: &ParquetFile, group: usize) -> Result<Vec<u8>> {
        let input = file.reader.metadata();
        let old = input.row_group(group);
        let (schema, properties) = file.output_schema(self.added.is_some())?;
        let mut out = SerializedFileWriter::new(Vec::new(), schema, properties)?;
        let chunks = file.reopen()?;
        let mut writer = out.next_row_group()?;
        for (index, column) in old.columns().iter().enumerate() {
            let is_text = index == file.columns.text && !file.columns.only_nulls;
            if let Some(text) = self.text.filter(|_| is_text) {
                byte_column(&mut writer, text, Some(self.levels))?;
            } else if column.column_path().parts()[0] != COLUMN {
                copy_column(&mut writer, &chunks, old, index)?;
            }
        }
        if let Some(added) = self.added {
            added.write(&mut writer)?;
        }
        writer.close()?;
        out.into_inner()
    }
}

/// Copies the pages of a column; `chunks` is the file that they are in.
pub(super) fn copy_column<W: Write + Send, R: ChunkReader>(
    writer: &mut SerializedRowGroupWriter<'_, W>,
    chunks: &R,
    group: &RowGroupMetaData,
    column: usize,
) -> Result<()> {
    let metadata = group.column(column).clone();
    let close = ColumnCloseResult {
        bytes_written: metadata.compressed_size() as u64,
        rows_written: group.num_rows() as u64,
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    writer.append_column(chunks, close)
}

impl ParquetFile {
    /// A file with the schema of the output and no rows.
    pub(crate) fn without_rows(&self) -> std::result::Result<Vec<u8>, Error> {
        let write = || -> Result<Vec<u8>> {
            let (schema, properties) = self.output_schema(true)?;
            SerializedFileWriter::new(Vec::new(), schema, properties)?.into_inner()
        };
        write().map_err(|error| Error::Output(self.source().name.clone(), other(error)))
    }

    /// The schema and properties of the output. The text is compressed as in the input.
    pub(super) fn output_schema(
        &self,
        with_column: bool,
    ) -> Result<(TypePtr, WriterPropertiesPtr)> {
        let groups = self.reader.metadata().row_groups();
        let codec = groups.first().map(|group| group.column(self.columns.text).compression());
        output_schema(self.reader.metadata(), codec, with_column)
    }
}

/// The schema of the output and how it is written: as the input, with or without the added column.
fn output_schema(
    input: &ParquetMetaData,
    codec: Option<Compression>,
    with_column: bool,
) -> Result<(TypePtr, WriterPropertiesPtr)> {
    let metadata = input.file_metadata();
    let root = metadata.schema_descr().root_schema();
    let mut fields: Vec<TypePtr> = root.get_fields().to_vec();
    fields.retain(|field| field.name() != COLUMN);
    if with_column {
        fields.extend_from_slice(parse_message_type(ADDED)?.get_fields());
    }
    let schema = Arc::new(Type::group_type_builder(root.name()).with_fields(fields).build()?);
    let mut key_values: Vec<KeyValue> = metadata.key_value_metadata().cloned().unwrap_or_default();
    let arrow = |entry: &KeyValue| entry.key == parquet::arrow::ARROW_SCHEMA_META_KEY;
    let hints = key_values.iter().any(arrow);
    let old = parquet_to_arrow_schema(metadata.schema_descr(), metadata.key_value_metadata());
    key_values.retain(|entry| !arrow(entry));
    let sorted = input.row_groups().first().and_then(|g| g.sorting_columns());
    let mut properties = WriterProperties::builder()
        .set_compression(codec.unwrap_or(Compression::SNAPPY))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_sorting_columns(sorted.cloned())
        .set_key_value_metadata(Some(key_values))
        .build();
    if let (true, Ok(old)) = (hints, old) {
        // The types that readers of Arrow see must fit the columns.
        let new = parquet_to_arrow_schema(&SchemaDescriptor::new(Arc::clone(&schema)), None)?;
        let mut fields: Vec<_> =
            old.fields().iter().filter(|f| f.name() != COLUMN).cloned().collect();
        fields.extend(new.fields().iter().filter(|f| f.name() == COLUMN).cloned());
        let schema = Schema::new_with_metadata(fields, old.metadata().clone());
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
    }
    Ok((schema, Arc::new(properties)))
}

/// Puts a file together from parts, each a file with one row group.
///
/// # Errors
/// A part cannot be read, or `out` cannot be written.
pub(crate) fn assemble(
    out: &mut (impl Write + Send),
    parts: impl Iterator<Item = io::Result<File>>,
) -> io::Result<()> {
    let mut writer = None;
    let mut out = Some(out);
    for part in parts {
        let part = part?;
        let reader = SerializedFileReader::new(part.try_clone()?).map_err(other)?;
        let metadata = reader.metadata();
        let file = metadata.file_metadata();
        if let Some(out) = out.take() {
            let schema = Arc::new(file.schema().clone());
            let properties = WriterProperties::builder()
                .set_key_value_metadata(file.key_value_metadata().cloned())
                .set_sorting_columns(
                    metadata.row_groups().first().and_then(|g| g.sorting_columns()).cloned(),
                )
                .set_offset_index_disabled(true)
                .build();
            writer =
                Some(SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(other)?);
        }
        let Some(writer) = &mut writer else { continue };
        for group in metadata.row_groups() {
            let mut row_group = writer.next_row_group().map_err(other)?;
            for column in 0..group.num_columns() {
                copy_column(&mut row_group, &part, group, column).map_err(other)?;
            }
            row_group.close().map_err(other)?;
        }
    }
    writer.map_or(Ok(()), |writer| writer.close().map(drop).map_err(other))
}

/// Whether a file has rows.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn has_rows(path: &Path) -> io::Result<bool> {
    let reader = SerializedFileReader::new(File::open(path)?).map_err(other)?;
    Ok(reader.metadata().file_metadata().num_rows() > 0)
}

/// Writes a cleaned file without the column that a run added: the original of a file without rows.
///
/// # Errors
/// The file cannot be read, or `out` cannot be written.
pub(crate) fn without_column(path: &Path, out: &mut (impl Write + Send)) -> io::Result<()> {
    let file = File::open(path)?;
    let reader = SerializedFileReader::new(file.try_clone()?).map_err(other)?;
    let write = || -> Result<()> {
        let (schema, properties) = output_schema(reader.metadata(), None, false)?;
        let mut writer = SerializedFileWriter::new(out, schema, properties)?;
        for group in reader.metadata().row_groups() {
            let mut row_group = writer.next_row_group()?;
            for (index, column) in group.columns().iter().enumerate() {
                if column.column_path().parts()[0] != COLUMN {
                    copy_column(&mut row_group, &file, group, index)?;
                }
            }
            row_group.close()?;
        }
        writer.close().map(drop)
    };
    write().map_err(other)
}
