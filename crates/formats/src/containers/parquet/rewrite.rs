//! Reads some columns of a row group, and writes the row group with one column replaced and others added: for
//! callers that clean the rows themselves, such as the Python package.
//!
//! Pages are read and written one after another, so memory does not grow with the size of the row group,
//! except for the compressed pages of the columns that are written.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{FieldRef, Schema, SchemaRef};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::arrow::{
    ARROW_SCHEMA_META_KEY, ArrowSchemaConverter, ProjectionMask,
    add_encoded_arrow_schema_to_metadata,
};
use parquet::basic::Compression;
use parquet::errors::Result;
use parquet::file::metadata::{KeyValue, ParquetMetaData, RowGroupMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use super::read::other;
use super::write::copy_column;
use crate::error::Error;
use crate::panics::guarded;

/// A row group of a Parquet file.
pub struct RowGroup {
    name: String,
    file: File,
    metadata: ArrowReaderMetadata,
    group: usize,
}

impl RowGroup {
    /// Opens a row group of a file; the first one is 0.
    ///
    /// # Errors
    /// The file cannot be read, is no Parquet file, or has no such row group.
    pub fn open(path: &Path, group: usize) -> std::result::Result<RowGroup, Error> {
        let name = path.display().to_string();
        let opened = guarded(|| {
            let file = File::open(path)?;
            let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
            let metadata = metadata.map_err(other)?;
            if group >= metadata.metadata().num_row_groups() {
                return Err(io::Error::other(format!("it has no row group {}", group + 1)));
            }
            let roots = metadata.parquet_schema().root_schema().get_fields().len();
            if metadata.schema().fields().len() != roots {
                return Err(io::Error::other("it has a column that contains no values"));
            }
            Ok((file, metadata))
        });
        match opened {
            Ok((file, metadata)) => Ok(RowGroup { name, file, metadata, group }),
            Err(error) => Err(Error::Input(name, error)),
        }
    }

    /// The columns of the file.
    pub fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.row_group().num_rows() as usize
    }

    /// Reads columns, which are numbered as in the schema, in batches of at most `most` rows that have about
    /// `bytes` bytes in these columns.
    ///
    /// # Errors
    /// The file cannot be read. So may each batch.
    pub fn batches(
        &self,
        columns: &[usize],
        most: usize,
        bytes: usize,
    ) -> std::result::Result<
        impl Iterator<Item = std::result::Result<RecordBatch, Error>> + Send + use<>,
        Error,
    > {
        let (name, group) = (self.name.clone(), self.group + 1);
        let unreadable = move |error: io::Error| {
            let reason = format!("row group {group} cannot be read: {error}");
            Error::Input(name.clone(), io::Error::other(reason))
        };
        let schema = self.metadata.parquet_schema();
        let roots = (0..schema.num_columns()).map(|leaf| schema.get_column_root_idx(leaf));
        let sizes = roots.zip(self.row_group().columns());
        let size: i64 = sizes
            .filter(|(root, _)| columns.contains(root))
            .map(|(_, column)| column.uncompressed_size())
            .sum();
        let row = size.max(1) as usize / self.rows().max(1) + 1;
        let opened = guarded(|| {
            let file = self.file.try_clone()?;
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_row_groups(vec![self.group])
                .with_projection(ProjectionMask::roots(schema, columns.iter().copied()))
                .with_batch_size((bytes / row).clamp(1, most.max(1)))
                .build()
                .map_err(other)
        });
        let mut reader = opened.map_err(&unreadable)?;
        // After an error there are no more batches.
        let mut failed = false;
        Ok(std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let batch = guarded(|| reader.next().transpose().map_err(io::Error::other));
            failed = batch.is_err();
            batch.map_err(&unreadable).transpose()
        }))
    }

    /// A writer of this row group in which the column number `replaced` has this field and other values, and
    /// there are these columns after all others. Columns with their names are left out.
    ///
    /// # Errors
    /// The fields cannot be written.
    pub fn writer(
        self,
        replaced: (usize, FieldRef),
        added: &[FieldRef],
    ) -> std::result::Result<RowGroupWriter, Error> {
        let place = self.place();
        let made = guarded(|| RowGroupWriter::new(self, replaced, added).map_err(other));
        made.map_err(|error| Error::Output(place, error))
    }

    fn row_group(&self) -> &RowGroupMetaData {
        self.metadata.metadata().row_group(self.group)
    }

    fn parquet(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    fn place(&self) -> String {
        format!("row group {} of {}", self.group + 1, self.name)
    }
}

/// The output of a row group.
pub struct RowGroupWriter {
    group: RowGroup,
    /// The schema of the output.
    schema: TypePtr,
    /// The same for readers of Arrow.
    arrow: Schema,
    /// The number of the column that is replaced.
    replaced: usize,
    /// The columns that are written: the one that is replaced, then the added ones.
    fields: Vec<FieldRef>,
    /// A writer for each leaf of these columns.
    writers: Vec<ArrowColumnWriter>,
}

impl RowGroupWriter {
    fn new(
        group: RowGroup,
        (replaced, field): (usize, FieldRef),
        added: &[FieldRef],
    ) -> Result<RowGroupWriter> {
        let root = group.parquet().file_metadata().schema_descr().root_schema();
        let is_added = |name: &str| added.iter().any(|field| field.name() == name);
        let of_added = ArrowSchemaConverter::new().convert(&Schema::new(added.to_vec()))?;
        let of_added = of_added.root_schema().get_fields();
        let whole = |fields: Vec<TypePtr>| {
            Type::group_type_builder(root.name()).with_fields(fields).build().map(Arc::new)
        };
        let mut kept: Vec<TypePtr> = root.get_fields().to_vec();
        let text = Arc::clone(&kept[replaced]);
        kept.retain(|field| !is_added(field.name()));
        let schema = whole(kept.iter().chain(of_added).cloned().collect())?;
        let old = group.schema();
        let mut fields: Vec<FieldRef> = old.fields().to_vec();
        fields[replaced] = Arc::clone(&field);
        fields.retain(|field| !is_added(field.name()));
        fields.extend_from_slice(added);
        let arrow = Schema::new_with_metadata(fields, old.metadata().clone());
        // A file that is not written, with the columns that are, because only a writer of a file makes those of
        // columns.
        let written = whole(std::iter::once(&text).chain(of_added).cloned().collect())?;
        let properties = Arc::new(properties().build());
        let scratch = SerializedFileWriter::new(io::sink(), written, properties)?;
        let fields: Vec<FieldRef> = std::iter::once(&field).chain(added).cloned().collect();
        let factory =
            ArrowRowGroupWriterFactory::new(&scratch, Arc::new(Schema::new(fields.clone())));
        let writers = factory.create_column_writers(0)?;
        Ok(RowGroupWriter { group, schema, arrow, replaced, fields, writers })
    }

    /// Adds rows: the values of the column that is replaced, then those of the added columns.
    ///
    /// # Errors
    /// The values do not have the types of the columns.
    pub fn push(&mut self, columns: &[ArrayRef]) -> std::result::Result<(), Error> {
        let mut push = || -> Result<()> {
            let mut writers = self.writers.iter_mut();
            for (field, column) in self.fields.iter().zip(columns) {
                for (leaf, writer) in compute_leaves(field, column)?.iter().zip(&mut writers) {
                    writer.write(leaf)?;
                }
            }
            Ok(())
        };
        guarded(|| push().map_err(other)).map_err(|error| Error::Output(self.group.place(), error))
    }

    /// Writes a file with this row group, and with an entry in its metadata.
    ///
    /// # Errors
    /// The file cannot be written, or the row group cannot be read.
    pub fn finish(self, path: &Path, entry: (&str, &str)) -> std::result::Result<(), Error> {
        let written = guarded(|| self.write(File::create(path)?, entry).map_err(other));
        written.map_err(|error| Error::Output(path.display().to_string(), error))
    }

    fn write(mut self, out: File, (key, value): (&str, &str)) -> Result<()> {
        let metadata = self.group.parquet().file_metadata();
        let mut entries = metadata.key_value_metadata().cloned().unwrap_or_default();
        let has_hints = entries.iter().any(|entry| entry.key == ARROW_SCHEMA_META_KEY);
        entries.retain(|entry| entry.key != ARROW_SCHEMA_META_KEY && entry.key != key);
        entries.push(KeyValue::new(key.to_owned(), value.to_owned()));
        let row_group = self.group.row_group();
        let mut properties = properties()
            .set_key_value_metadata(Some(entries))
            .set_sorting_columns(row_group.sorting_columns().cloned())
            .build();
        if has_hints {
            // The types that readers of Arrow see must fit the columns.
            self.arrow.metadata.insert(key.to_owned(), value.to_owned());
            add_encoded_arrow_schema_to_metadata(&self.arrow, &mut properties);
        }
        let chunks = self.writers.into_iter().map(ArrowColumnWriter::close);
        let mut chunks = chunks.collect::<Result<Vec<ArrowColumnChunk>>>()?.into_iter();
        let mut replacement = chunks.next();
        let mut out = SerializedFileWriter::new(out, self.schema, Arc::new(properties))?;
        let mut writer = out.next_row_group()?;
        let input = metadata.schema_descr();
        for leaf in 0..input.num_columns() {
            let is_added = |field: &FieldRef| field.name() == input.get_column_root(leaf).name();
            if self.fields[1..].iter().any(is_added) {
                continue;
            }
            match replacement.take_if(|_| input.get_column_root_idx(leaf) == self.replaced) {
                Some(chunk) => chunk.append_to_row_group(&mut writer)?,
                None => copy_column(&mut writer, &self.group.file, row_group, leaf)?,
            }
        }
        for chunk in chunks {
            chunk.append_to_row_group(&mut writer)?;
        }
        writer.close()?;
        let mut out = out.into_inner()?;
        Ok(out.flush()?)
    }
}

/// How columns are written.
fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(Default::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
}
