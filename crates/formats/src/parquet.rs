//! Parquet: the text column is written anew and a column is added; the pages of all other columns
//! are copied as they are, row group by row group.
//!
//! A row group becomes a Parquet file of its own, in memory, so that row groups are worked on in
//! parallel and a run that was killed goes on behind the last one. At its end, a file is put
//! together from these, again by copying pages.

mod read;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::Schema;
use chaffinch_core::{Cleaned, Verdict, date};
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
use rayon::prelude::*;

use crate::codec::Codec;
use crate::convert::{self, Origin, Passenger};
use crate::input::{Container, Place, Source};
use crate::job::Error;
use crate::jsonl::{COLUMN, FieldNames};
use crate::ledger::{Record, output_digest};
use crate::names;
use crate::restore;
use crate::rows::shards;
use crate::worker::Desk;

pub(crate) use read::Input;
use read::{Row, Values, rows};

/// The column that a run adds.
const ADDED: &str = "message m { required group chaffinch { optional binary outlet (UTF8); \
    required binary verdict (UTF8); required binary fields (UTF8); required int64 removed_bytes; } }";

/// Rows that are cleaned in parallel. What was read of them goes before the next: a row group may
/// be large.
const AT_ONCE: usize = 512;

impl Desk<'_> {
    /// A row group of a Parquet file.
    pub(crate) fn row_group(
        &mut self,
        file: &Input,
        group: usize,
    ) -> std::result::Result<(), Error> {
        if let Some(panicked) = self.panicked.take() {
            return self.damaged(file, group, &ParquetError::General(panicked));
        }
        if group >= file.groups() {
            return match self.shop.to {
                None | Some(Container::Parquet) => self.no_rows(file),
                Some(_) => Ok(()),
            };
        }
        let ids = file.columns.id.map(|column| file.values(group, column)).transpose();
        let (mut ids, (mut texts, mut urls, mut dates)) =
            match ids.and_then(|ids| Ok((ids, file.texts(group)?))) {
                Ok(read) => read,
                Err(error) => return self.damaged(file, group, &error),
            };
        let levels = std::mem::take(&mut texts.levels);
        let (mut out, mut written) = (Added::default(), Vec::with_capacity(texts.values.len()));
        let mut first = file.rows(group).start;
        while !texts.present.is_empty() {
            let text = texts.take(AT_ONCE);
            let others = [&mut ids, &mut urls, &mut dates];
            let [id, url, date] = others.map(|all| all.as_mut().map(|all| all.take(AT_ONCE)));
            let rows = rows(&text, id.as_ref(), url.as_ref(), date.as_ref());
            match self.shop.to.filter(|to| *to != Container::Parquet) {
                Some(to) => self.convert_rows(file, &rows, first, to)?,
                None => self.clean_rows(file, &rows, first, &mut out, &mut written)?,
            }
            first += rows.len() as u64;
        }
        let converts = self.shop.to.is_some_and(|to| to != Container::Parquet);
        if self.shop.root.is_some() && !converts {
            let part = Part { text: Some(&written), levels: &levels, added: Some(&out) };
            self.output = part
                .write(file, group)
                .map_err(|error| Error::Output(file.source.name.clone(), other(error)))?;
        }
        Ok(())
    }

    /// Cleans rows, of which the first has the number `first`.
    fn clean_rows(
        &mut self,
        file: &Input,
        rows: &[Row<'_>],
        first: u64,
        out: &mut Added,
        written: &mut Vec<ByteArray>,
    ) -> std::result::Result<(), Error> {
        let (shop, name) = (self.shop, file.source.name.as_str());
        let known: Vec<_> = (first..).take(rows.len()).map(|at| self.known(name, at)).collect();
        let cleaned: Vec<Option<Cleaned<'_>>> = rows
            .par_iter()
            .zip(known)
            .map(|(row, known)| Some(shop.clean_text(&row.input(), row.utf_8()?, known)))
            .collect();
        for ((row, cleaned), ordinal) in rows.iter().zip(cleaned).zip(first..) {
            let bytes = row.text.unwrap_or_default();
            let passed = match &cleaned {
                None => Some("the text is not UTF-8".to_owned()),
                Some(cleaned) if cleaned.verdict() == Verdict::Failed => {
                    Some(cleaned.reason().unwrap_or_default().to_owned())
                }
                Some(_) => None,
            };
            let cleaned = cleaned.filter(|_| passed.is_none());
            let mut record = match &cleaned {
                Some(cleaned) => {
                    Record::new(name, ordinal, bytes, cleaned, |rule| self.ledger.number(rule))
                }
                None => Record::untouched(name, ordinal, bytes, passed.clone().unwrap_or_default()),
            };
            let column = file.columns.name.as_str();
            (record.in_container, record.column) = (true, Some(Cow::Borrowed(column)));
            record.id.clone_from(&row.id);
            if let Some(day) = row.date.as_deref().and_then(date::iso) {
                record.day = Some(day);
            }
            let output = cleaned.as_ref().map_or(bytes, |cleaned| cleaned.output());
            record.digest.output = output_digest(output);
            let mut value = output;
            if shop.verify && restore::document(&record, output).as_deref() != Ok(bytes) {
                let reason = crate::worker::UNPROVEN;
                let id = record.id.clone();
                record = Record::untouched(name, ordinal, bytes, reason.to_owned());
                (record.in_container, record.id) = (true, id);
                record.column = Some(Cow::Borrowed(column));
                self.tally.failed(bytes.len() as u64, &record.name(), reason);
                value = bytes;
            } else {
                match &cleaned {
                    Some(cleaned) => self.tally.cleaned(shop.pipeline, &record.name(), cleaned),
                    None => {
                        let reason = passed.unwrap_or_default();
                        self.tally.failed(bytes.len() as u64, &record.name(), &reason);
                    }
                }
            }
            if row.text.is_some() {
                written.push(value.to_vec().into());
            }
            out.push(&record, cleaned.as_ref().map_or(0, Cleaned::bytes_removed));
            self.note(&record)?;
        }
        Ok(())
    }
}

impl Desk<'_> {
    /// Rows on their way into another container, of which the first has the number `first`.
    fn convert_rows(
        &mut self,
        file: &Input,
        rows: &[Row<'_>],
        first: u64,
        to: Container,
    ) -> std::result::Result<(), Error> {
        let name = &file.source.name;
        let out = convert::output_name(name, Codec::Plain, to);
        let shop = self.shop;
        let mut taken: Vec<_> = rows.iter().zip(first..).collect();
        taken.retain(|(_, ordinal)| self.takes(name, *ordinal));
        let cleaned: Vec<_> = taken
            .par_iter()
            .map(|(row, _)| Some(shop.clean_text(&row.input(), row.utf_8()?, None)))
            .collect();
        for ((row, ordinal), cleaned) in taken.into_iter().zip(cleaned) {
            let original = row.text.unwrap_or_default();
            let Some(cleaned) = cleaned else {
                let (name, bytes) = (format!("{name}:{}", ordinal + 1), original.len() as u64);
                self.left_behind(&name, bytes, "the text is not UTF-8")?;
                continue;
            };
            let passenger = Passenger {
                origin: Origin { file: name.as_str().into(), record: Some(ordinal) },
                file: &out,
                original,
                id: row.id.as_deref(),
                url: row.url.as_deref(),
                date: row.date.as_deref(),
            };
            self.convert(&passenger, &cleaned, to)?;
        }
        Ok(())
    }

    /// A row group whose columns cannot be read passes through as it is, with one message for all of
    /// its rows.
    fn damaged(
        &mut self,
        file: &Input,
        group: usize,
        error: &ParquetError,
    ) -> std::result::Result<(), Error> {
        let (name, rows) = (&file.source.name, file.rows(group));
        let converts = self.shop.to.is_some_and(|to| to != Container::Parquet);
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
        let mut out = Added::default();
        for ordinal in rows {
            let mut record = Record::unseen(name, ordinal, reason.clone());
            record.in_container = true;
            record.column = Some(Cow::Borrowed(&file.columns.name));
            out.push(&record, 0);
            self.note_quietly(&record)?;
        }
        if self.shop.root.is_some() {
            let part = Part { text: None, levels: &[], added: Some(&out) };
            self.output = part
                .write(file, group)
                .map_err(|error| Error::Output(file.source.name.clone(), other(error)))?;
        }
        Ok(())
    }

    /// A file without rows keeps its schema.
    fn no_rows(&mut self, file: &Input) -> std::result::Result<(), Error> {
        let write = || -> Result<Vec<u8>> {
            let (schema, properties) = file.output_schema(true)?;
            SerializedFileWriter::new(Vec::new(), schema, properties)?.into_inner()
        };
        self.output =
            write().map_err(|error| Error::Output(file.source.name.clone(), other(error)))?;
        Ok(())
    }
}

/// The values of the column that a run adds.
#[derive(Default)]
struct Added {
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

    pub(crate) fn push(
        &mut self,
        record: &Record<'_>,
        id: Option<&str>,
        url: Option<&str>,
        date: Option<&str>,
        text: &str,
        removed: usize,
    ) {
        for ((values, levels), value) in self.columns.iter_mut().zip([id, url, date]) {
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

/// A row group to be written: the texts, and the added column or none.
struct Part<'a> {
    // None: the column is copied, too.
    text: Option<&'a [ByteArray]>,
    levels: &'a [i16],
    added: Option<&'a Added>,
}

impl Part<'_> {
    /// The row group as a Parquet file of its own.
    fn write(&self, file: &Input, group: usize) -> Result<Vec<u8>> {
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

fn copy_column<W: Write + Send, R: ChunkReader>(
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

impl Input {
    /// How the output is written. The text is compressed as it was.
    fn output_schema(&self, with_column: bool) -> Result<(TypePtr, WriterPropertiesPtr)> {
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
        // What readers of Arrow are told of the types must fit the columns.
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
    parts: impl Iterator<Item = std::io::Result<File>>,
) -> std::io::Result<()> {
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
pub(crate) fn has_rows(path: &Path) -> std::io::Result<bool> {
    let reader = SerializedFileReader::new(File::open(path)?).map_err(other)?;
    Ok(reader.metadata().file_metadata().num_rows() > 0)
}

/// Writes a cleaned file without the column that a run added: the original of a file without rows.
///
/// # Errors
/// The file cannot be read, or `out` cannot be written.
pub(crate) fn without_column(path: &Path, out: &mut (impl Write + Send)) -> std::io::Result<()> {
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

/// A cleaned file, or the shards of one, whose originals are made, row by row.
pub(crate) struct Restoring {
    file: Input,
    names: FieldNames,
    /// The shards behind it.
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
    /// Opens what a run wrote of `file`, whose texts stand in `column`; with `write`, what is
    /// restored is kept.
    pub(crate) fn open(
        run: &Path,
        file: &str,
        column: &str,
        write: bool,
    ) -> std::io::Result<Restoring> {
        let mut others = VecDeque::from(shards(run, file)?);
        let names = FieldNames { text: vec![column.to_owned()], ..FieldNames::default() };
        let first = others.pop_front().unwrap_or_else(|| names::below(run, file));
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

    fn input(path: &Path, names: &FieldNames) -> std::io::Result<Input> {
        let bytes = path.metadata()?.len();
        let source = Source { place: Place::File(path.to_owned()), name: String::new(), bytes };
        Input::open(Arc::new(source), names).map_err(std::io::Error::other)
    }

    /// Reads the texts of the group in hand, or of the first one of the next shard. Where a shard
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
    pub(crate) fn put(&mut self, original: Vec<u8>) -> std::io::Result<()> {
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
    pub(crate) fn finish(self, out: &mut (impl Write + Send)) -> std::io::Result<bool> {
        if self.group < self.file.groups() {
            return Ok(false);
        }
        let Some((folder, count)) = &self.parts else { return Ok(true) };
        let part = |number: usize| File::open(folder.path().join(number.to_string()));
        assemble(out, (0..*count).map(part))?;
        Ok(true)
    }
}

fn other(error: ParquetError) -> std::io::Error {
    std::io::Error::other(error.to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Table;
    use crate::ledger::Record;

    /// A file of one row with this text.
    pub(crate) fn part(text: &str) -> Vec<u8> {
        let mut table = Table::default();
        let record = Record::unseen("rows", 0, String::new());
        table.push(&record, None, None, None, text, 0);
        table.write().unwrap()
    }
}
