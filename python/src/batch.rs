//! Cleaning and restoring tables: `Pipeline.clean_batch` and `restore_batch`.
//!
//! The cleaned table has the columns of the original, the text cleaned, and two more: [`RESULT`],
//! which the command line adds to Parquet files too, and [`LEDGER`], from which the text is
//! restored.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, Int8Builder, Int64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, ListArray, OffsetSizeTrait, RecordBatch, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use chaffinch::{Cleaner, Input, Verdict};
use chaffinch_core::{Coding, LedgerEdit, Undo};
use chaffinch_formats::ledger::digest;
use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use rayon::prelude::*;

use crate::error::message;
use crate::pool;
use crate::stage::{Tally, interruptible};
use crate::strings::{self, Strings};
use crate::table::{Table, rows_of};

/// The column with the outlet, the verdict and the fields.
const RESULT: &str = "chaffinch";

/// The column with the edits.
const LEDGER: &str = "chaffinch_ledger";

/// The columns that hold the text by default; the first of these that a table has.
const TEXTS: [&str; 3] = ["text", "content", "body"];

/// Bytes of text in a batch. Larger ones are divided, because the offsets of strings have 32 bits.
const BATCH_BYTES: usize = 256 << 20;

/// Rows that are cleaned or restored between two looks at signals, for each thread.
pub(crate) const ROWS: usize = 512;

/// Bytes of text that are cleaned or restored between two looks at signals, for each thread.
pub(crate) const BYTES: usize = 4 << 20;

/// Names of the columns that are read.
pub(crate) struct Names {
    pub(crate) text: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) outlet: Option<String>,
}

/// The indices of the columns that are read.
pub(crate) struct Places {
    pub(crate) text: usize,
    url: Option<usize>,
    date: Option<usize>,
    outlet: Option<usize>,
}

impl Places {
    /// The indices, in order and each once.
    pub(crate) fn all(&self) -> Vec<usize> {
        let optional = [self.url, self.date, self.outlet];
        let all: BTreeSet<usize> =
            optional.into_iter().flatten().chain(std::iter::once(self.text)).collect();
        all.into_iter().collect()
    }
}

impl Names {
    pub(crate) fn find(&self, schema: &Schema) -> PyResult<Places> {
        let text = match &self.text {
            Some(name) => place(schema, name)?,
            None => TEXTS.iter().find_map(|name| schema.index_of(name).ok()).ok_or_else(|| {
                PyKeyError::new_err(format!(
                    "no column is named text, content or body: name the column that holds the text \
                     with text=\"…\"; the columns are {}",
                    list(schema)
                ))
            })?,
        };
        if !strings::are_strings(schema.field(text).data_type()) {
            let field = schema.field(text);
            return Err(PyTypeError::new_err(format!(
                "the column {:?} has the type {}, not strings",
                field.name(),
                field.data_type()
            )));
        }
        // As the command line does, `url` and `date` are read if they exist and are strings.
        let usual = |name: &Option<String>, usual: &str| match name {
            Some(name) if name == usual => Ok(schema
                .index_of(name)
                .ok()
                .filter(|index| strings::are_strings(schema.field(*index).data_type()))),
            Some(name) => place(schema, name).map(Some),
            None => Ok(None),
        };
        Ok(Places {
            text,
            url: usual(&self.url, "url")?,
            date: usual(&self.date, "date")?,
            outlet: self.outlet.as_ref().map(|name| place(schema, name)).transpose()?,
        })
    }
}

fn place(schema: &Schema, name: &str) -> PyResult<usize> {
    schema.index_of(name).map_err(|_| {
        PyKeyError::new_err(format!(
            "no column is named {name:?}; the columns are {}",
            list(schema)
        ))
    })
}

fn list(schema: &Schema) -> String {
    let names: Vec<String> = schema.fields().iter().map(|f| format!("{:?}", f.name())).collect();
    names.join(", ")
}

/// A table with the Arrow PyCapsule interface, which other libraries take: ``pyarrow.table(batch)``,
/// ``polars.DataFrame(batch)``.
#[pyclass(module = "chaffinch", frozen)]
pub(crate) struct Batch {
    table: Table,
    /// The number of documents with each verdict.
    counts: Vec<(Verdict, usize)>,
}

#[pymethods]
impl Batch {
    /// The table as a stream of Arrow batches. The schema cannot be changed.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A hint, which a producer may ignore.
        let _ = requested_schema;
        self.table.stream(py)
    }

    /// The schema of the table.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        self.table.schema(py)
    }

    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.table.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The number of documents with each verdict, without verdicts that no document has. Empty for a
    /// restored table.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = PyDict::new(py);
        for (verdict, count) in &self.counts {
            counts.set_item(verdict.to_string(), count)?;
        }
        Ok(counts)
    }

    fn __len__(&self) -> usize {
        self.table.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn __repr__(&self) -> String {
        format!("<chaffinch.Batch {} rows, {}>", self.__len__(), self.columns().join(", "))
    }
}

/// What is counted of cleaned documents.
pub(crate) struct Counts<'a> {
    verdicts: [usize; Verdict::ALL.len()],
    removed_bytes: usize,
    tally: &'a Tally,
}

impl Counts<'_> {
    pub(crate) fn new(tally: &Tally) -> Counts<'_> {
        Counts { verdicts: [0; Verdict::ALL.len()], removed_bytes: 0, tally }
    }

    /// The number of documents with each verdict that documents have.
    pub(crate) fn verdicts(&self) -> Vec<(Verdict, usize)> {
        Verdict::ALL.into_iter().zip(self.verdicts).filter(|(_, count)| *count > 0).collect()
    }

    pub(crate) fn removed_bytes(&self) -> usize {
        self.removed_bytes
    }
}

/// Cleans the texts of a table.
pub(crate) fn clean(
    cleaner: &Cleaner,
    tally: &Tally,
    data: &Bound<'_, PyAny>,
    names: &Names,
    threads: usize,
) -> PyResult<Batch> {
    let py = data.py();
    let table = Table::of(data, names.text.as_deref().unwrap_or(TEXTS[0]))?;
    let places = names.find(&table.schema)?;
    let schema = cleaned_schema(&table.schema, places.text);
    let (mut batches, mut counts) = (Vec::new(), Counts::new(tally));
    for batch in &table.batches {
        let texts = read(batch, places.text)?;
        for rows in divide(&texts, 0..batch.num_rows(), usize::MAX, BATCH_BYTES) {
            let part = batch.slice(rows.start, rows.len());
            let [text, added @ ..] = clean_part(py, cleaner, &part, &places, threads, &mut counts)?;
            let mut columns = kept_columns(&part, places.text, &text);
            columns.extend(added);
            batches.push(rows_of(&schema, columns, part.num_rows())?);
        }
    }
    Ok(Batch { table: Table { schema, batches }, counts: counts.verdicts() })
}

fn read(batch: &RecordBatch, column: usize) -> PyResult<Strings<'_>> {
    Strings::of(batch.schema_ref().field(column).name(), batch.column(column).as_ref())
}

/// The value of an optional column.
fn value<'a>(column: &Option<Strings<'a>>, row: usize) -> Option<&'a str> {
    column.as_ref()?.get(row)
}

/// Divides rows into ranges of at most so many rows and about so many bytes.
fn divide(texts: &Strings<'_>, rows: Range<usize>, most: usize, bytes: usize) -> Vec<Range<usize>> {
    let (mut ranges, mut start, mut size) = (Vec::new(), rows.start, 0_usize);
    for row in rows.clone() {
        let len = texts.get(row).map_or(0, str::len);
        if row > start && (row - start >= most || size.saturating_add(len) > bytes) {
            ranges.push(start..row);
            (start, size) = (row, 0);
        }
        size = size.saturating_add(len);
    }
    if start < rows.end || rows.is_empty() {
        ranges.push(start..rows.end);
    }
    ranges
}

/// Cleans rows. Returns the text column and the columns that cleaning adds.
pub(crate) fn clean_part(
    py: Python<'_>,
    cleaner: &Cleaner,
    batch: &RecordBatch,
    places: &Places,
    threads: usize,
    counts: &mut Counts<'_>,
) -> PyResult<[ArrayRef; 3]> {
    let texts = read(batch, places.text)?;
    let optional = |column: Option<usize>| column.map(|column| read(batch, column)).transpose();
    let (urls, dates) = (optional(places.url)?, optional(places.date)?);
    let outlets = optional(places.outlet)?;
    let clean = |row: usize| {
        // As in Parquet files, a null is cleaned as an empty text.
        let mut input = Input::new(texts.get(row).unwrap_or_default());
        if let Some(url) = value(&urls, row) {
            input = input.url(url);
        }
        if let Some(date) = value(&dates, row) {
            input = input.date(date);
        }
        if let Some(outlet) = value(&outlets, row) {
            input = input.outlet(outlet);
        }
        let cleaned = interruptible(|| cleaner.clean(input))?;
        // The text is made on first use.
        let _ = cleaned.text();
        Ok(cleaned)
    };
    let rows = batch.num_rows();
    let mut all = Vec::with_capacity(rows);
    let (most, bytes) = (threads.saturating_mul(ROWS), threads.saturating_mul(BYTES));
    for part in divide(&texts, 0..rows, most, bytes) {
        let pool = pool::pool(py, threads)?;
        let cleaned: PyResult<Vec<_>> =
            py.detach(|| pool.install(|| part.into_par_iter().map(clean).collect()));
        for cleaned in cleaned? {
            counts.tally.count(py, cleaned.failed_stages());
            all.push(cleaned);
        }
        py.check_signals()?;
    }
    Ok(py.detach(|| {
        let mut columns = Columns::new(rows);
        for (row, cleaned) in all.iter().enumerate() {
            counts.removed_bytes += columns.push(texts.get(row), cleaned);
            counts.verdicts[cleaned.verdict() as usize] += 1;
        }
        let left = all.iter().enumerate().map(|(row, cleaned)| {
            let text = texts.get(row)?;
            // A document that was too long to be read has no text of its own.
            Some(if cleaned.verdict() == Verdict::Failed { text } else { cleaned.text() })
        });
        let data_type = strings::plain(batch.schema_ref().field(places.text).data_type());
        let bytes = all.iter().map(|cleaned| cleaned.output().len()).sum();
        let [result, ledger] = columns.finish();
        [strings::column(&data_type, rows, bytes, left), result, ledger]
    }))
}

/// Whether a column is one of those that cleaning adds, and replaces.
fn is_added(field: &Field) -> bool {
    field.name() == RESULT || field.name() == LEDGER
}

/// The schema of the cleaned table.
fn cleaned_schema(schema: &SchemaRef, text: usize) -> SchemaRef {
    let mut fields = kept_fields(schema, text);
    fields.extend(added_fields());
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The fields that cleaning adds.
pub(crate) fn added_fields() -> [FieldRef; 2] {
    [(RESULT, result_fields()), (LEDGER, ledger_fields())]
        .map(|(name, fields)| Arc::new(Field::new(name, DataType::Struct(fields), true)))
}

/// The field of a text column after cleaning. The text is not in a dictionary.
pub(crate) fn text_field(field: &Field) -> FieldRef {
    Arc::new(field.clone().with_data_type(strings::plain(field.data_type())))
}

/// The fields of a table without those that cleaning adds.
fn kept_fields(schema: &Schema, text: usize) -> Vec<FieldRef> {
    let mut fields: Vec<FieldRef> = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        if index == text {
            fields.push(text_field(field));
        } else if !is_added(field) {
            fields.push(Arc::clone(field));
        }
    }
    fields
}

/// The columns of a batch that [`kept_fields`] describes, with another text.
fn kept_columns(batch: &RecordBatch, text: usize, new: &ArrayRef) -> Vec<ArrayRef> {
    let mut columns = Vec::with_capacity(batch.num_columns() + 2);
    for (index, field) in batch.schema_ref().fields().iter().enumerate() {
        if index == text {
            columns.push(Arc::clone(new));
        } else if !is_added(field) {
            columns.push(Arc::clone(batch.column(index)));
        }
    }
    columns
}

// Everything may be null, because libraries differ in how they treat columns that may not.
fn fields(fields: &[(&str, DataType)]) -> Fields {
    fields.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true)).collect()
}

fn result_fields() -> Fields {
    fields(&[
        ("outlet", DataType::Utf8),
        ("verdict", DataType::Utf8),
        ("reason", DataType::Utf8),
        ("fields", DataType::Utf8),
        ("removed_bytes", DataType::Int64),
    ])
}

fn edit_fields() -> Fields {
    fields(&[
        ("at", DataType::Int64),
        ("rule", DataType::Utf8),
        ("text", DataType::Utf8),
        ("replacement", DataType::Utf8),
        ("confidence", DataType::Int8),
    ])
}

fn edit_field() -> FieldRef {
    Arc::new(Field::new("element", DataType::Struct(edit_fields()), true))
}

fn ledger_fields() -> Fields {
    fields(&[("digest", DataType::Utf8), ("edits", DataType::List(edit_field()))])
}

/// The columns that cleaning adds, while they are built.
struct Columns {
    outlet: StringBuilder,
    verdict: StringBuilder,
    reason: StringBuilder,
    fields: StringBuilder,
    removed: Int64Builder,
    is_text: Vec<bool>,
    digest: StringBuilder,
    /// Where the edits of each row end.
    ends: Vec<i32>,
    at: Int64Builder,
    rule: StringBuilder,
    text: StringBuilder,
    replacement: StringBuilder,
    confidence: Int8Builder,
}

impl Columns {
    fn new(rows: usize) -> Columns {
        let strings = || StringBuilder::with_capacity(rows, 16 * rows);
        Columns {
            outlet: strings(),
            verdict: strings(),
            reason: StringBuilder::new(),
            fields: StringBuilder::with_capacity(rows, 128 * rows),
            removed: Int64Builder::with_capacity(rows),
            is_text: Vec::with_capacity(rows),
            digest: StringBuilder::with_capacity(rows, 32 * rows),
            ends: vec![0],
            at: Int64Builder::new(),
            rule: StringBuilder::new(),
            text: StringBuilder::new(),
            replacement: StringBuilder::new(),
            confidence: Int8Builder::new(),
        }
    }

    /// Adds the row of a text and its result. Returns the number of bytes that were removed.
    fn push(&mut self, text: Option<&str>, cleaned: &chaffinch::Cleaned<'_>) -> usize {
        let mut removed = 0;
        for cut in cleaned.cuts() {
            self.at.append_value(cut.span().start as i64);
            self.rule.append_value(cut.rule());
            self.text.append_value(cut.text());
            self.replacement.append_value(cut.replacement());
            self.confidence.append_option(cut.confidence().map(|percent| percent as i8));
            removed += cut.text().len().saturating_sub(cut.replacement().len());
        }
        self.ends.push(self.at.len() as i32);
        self.outlet.append_option(cleaned.outlet());
        self.verdict.append_value(cleaned.verdict().to_string());
        self.reason.append_option(cleaned.reason());
        let fields = serde_json::Value::Object(cleaned.fields().to_json());
        self.fields.append_value(fields.to_string());
        self.removed.append_value(removed as i64);
        self.is_text.push(text.is_some());
        let original = text.map(|text| digest_of(text.as_bytes()));
        self.digest.append_value(original.unwrap_or_default());
        removed
    }

    /// The columns [`RESULT`] and [`LEDGER`].
    fn finish(mut self) -> [ArrayRef; 2] {
        let result: Vec<ArrayRef> = vec![
            Arc::new(self.outlet.finish()),
            Arc::new(self.verdict.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.fields.finish()),
            Arc::new(self.removed.finish()),
        ];
        let edits: Vec<ArrayRef> = vec![
            Arc::new(self.at.finish()),
            Arc::new(self.rule.finish()),
            Arc::new(self.text.finish()),
            Arc::new(self.replacement.finish()),
            Arc::new(self.confidence.finish()),
        ];
        let edits = StructArray::new(edit_fields(), edits, None);
        let ends = OffsetBuffer::new(self.ends.into());
        let edits = ListArray::new(edit_field(), ends, Arc::new(edits), None);
        let ledger: Vec<ArrayRef> = vec![Arc::new(self.digest.finish()), Arc::new(edits)];
        let nulls = Some(NullBuffer::from(self.is_text)).filter(|nulls| nulls.null_count() > 0);
        let result = StructArray::new(result_fields(), result, None);
        [Arc::new(result), Arc::new(StructArray::new(ledger_fields(), ledger, nulls))]
    }
}

fn digest_of(original: &[u8]) -> String {
    format!("{:032x}", digest(original))
}

/// Restores the texts of a table that ``Pipeline.clean_batch`` returned.
///
/// The text column gets its original texts, and the columns ``chaffinch`` and ``chaffinch_ledger``
/// are dropped. Rows may have been filtered and reordered, and the table may come from another
/// library or from a file.
///
/// Args:
///     data: A table with the Arrow PyCapsule interface.
///     text: The column that holds the text. By default the first of ``text``, ``content`` and
///         ``body``.
///
/// Raises:
///     chaffinch.Error: A text was changed after cleaning, or a ledger is damaged or missing.
#[pyfunction]
#[pyo3(signature = (data, text=None))]
pub(crate) fn restore_batch(data: &Bound<'_, PyAny>, text: Option<String>) -> PyResult<Batch> {
    let py = data.py();
    let table = Table::of(data, TEXTS[0])?;
    let names = Names { text, url: None, date: None, outlet: None };
    let text = names.find(&table.schema)?.text;
    let ledger = place(&table.schema, LEDGER)?;
    let fields = kept_fields(&table.schema, text);
    let schema = Arc::new(Schema::new_with_metadata(fields, table.schema.metadata().clone()));
    let (mut batches, mut first) = (Vec::new(), 0);
    for batch in &table.batches {
        // Both look at every row.
        let (texts, ledgers) = py.detach(|| {
            Ok::<_, PyErr>((read(batch, text)?, Ledgers::of(batch.column(ledger).as_ref())?))
        })?;
        let restore = |row: usize| {
            let restored = ledgers.restore(row, texts.get(row));
            restored.map_err(|problem| format!("row {}: {problem}", first + row + 1))
        };
        let rows = batch.num_rows();
        let mut restored: Vec<Option<String>> = Vec::with_capacity(rows);
        for part in divide(&texts, 0..rows, ROWS, BYTES) {
            let part = py.detach(|| part.map(restore).collect::<Result<Vec<_>, _>>());
            restored.extend(part.map_err(|problem| message(py, &problem))?);
            py.check_signals()?;
        }
        let data_type = strings::plain(batch.schema_ref().field(text).data_type());
        let restored = py.detach(|| {
            let bytes = restored.iter().flatten().map(String::len).sum();
            strings::column(&data_type, rows, bytes, restored.iter().map(Option::as_deref))
        });
        let columns = kept_columns(batch, text, &restored);
        batches.push(rows_of(&schema, columns, rows)?);
        first += rows;
    }
    Ok(Batch { table: Table { schema, batches }, counts: Vec::new() })
}

/// A column of ledgers, as this package or another library wrote it.
struct Ledgers<'a> {
    column: &'a StructArray,
    digest: Strings<'a>,
    lists: Lists<'a>,
    at: Integers,
    text: Strings<'a>,
    replacement: Strings<'a>,
}

/// Where the edits of each row are.
enum Lists<'a> {
    Small(&'a ListArray),
    Large(&'a arrow_array::LargeListArray),
}

type Integers = Vec<Option<i64>>;

impl<'a> Ledgers<'a> {
    fn of(column: &'a dyn Array) -> PyResult<Ledgers<'a>> {
        let damaged = |what: &str| {
            PyTypeError::new_err(format!(
                "the column {LEDGER:?} has another type than it was made with: {what}"
            ))
        };
        let column = column.as_struct_opt().ok_or_else(|| damaged("it is not a struct"))?;
        let child = |of: &'a StructArray, name: &str| {
            of.column_by_name(name).ok_or_else(|| damaged(&format!("it has no {name:?}")))
        };
        let edits = child(column, "edits")?;
        let (lists, values) = if let Some(list) = edits.as_list_opt::<i32>() {
            (Lists::Small(list), list.values())
        } else if let Some(list) = edits.as_list_opt::<i64>() {
            (Lists::Large(list), list.values())
        } else {
            return Err(damaged("\"edits\" is not a list"));
        };
        let values = values.as_struct_opt().ok_or_else(|| damaged("an edit is not a struct"))?;
        let at = child(values, "at")?;
        let at =
            at.as_primitive_opt::<Int64Type>().ok_or_else(|| damaged("\"at\" is not int64"))?;
        Ok(Ledgers {
            column,
            digest: Strings::of(LEDGER, child(column, "digest")?.as_ref())?,
            lists,
            at: at.iter().collect(),
            text: Strings::of(LEDGER, child(values, "text")?.as_ref())?,
            replacement: Strings::of(LEDGER, child(values, "replacement")?.as_ref())?,
        })
    }

    /// The edits of a row, as a range of all edits.
    fn edits(&self, row: usize) -> Option<Range<usize>> {
        fn range<O: OffsetSizeTrait>(
            list: &arrow_array::GenericListArray<O>,
            row: usize,
        ) -> Option<Range<usize>> {
            let offsets = list.value_offsets();
            list.is_valid(row).then(|| offsets[row].as_usize()..offsets[row + 1].as_usize())
        }
        match self.lists {
            Lists::Small(list) => range(list, row),
            Lists::Large(list) => range(list, row),
        }
    }

    fn restore(&self, row: usize, text: Option<&str>) -> Result<Option<String>, String> {
        const MISSING: &str = "the ledger is missing, so the text cannot be restored";
        let known = self.column.is_valid(row);
        let text = match (text, known) {
            (None, false) => return Ok(None),
            (None, true) => return Err("the text is missing".into()),
            (Some(_), false) => return Err(MISSING.into()),
            (Some(text), true) => text,
        };
        let (Some(digest), Some(edits)) = (self.digest.get(row), self.edits(row)) else {
            return Err(MISSING.into());
        };
        let edit = |index: usize| {
            Some(LedgerEdit {
                at: usize::try_from(self.at[index]?).ok()?,
                rule: 0,
                text: self.text.get(index)?.into(),
                with: self.replacement.get(index)?.into(),
                confidence: None,
            })
        };
        let edits: Option<Vec<_>> = edits.map(edit).collect();
        let edits = edits.ok_or("the ledger is damaged")?;
        let undo = Undo { coding: Coding::UTF_8, raw: false, edits, patches: Vec::new() };
        let restored = undo.restore_text(text).map_err(|error| error.to_string())?;
        if digest_of(restored.as_bytes()) != digest {
            return Err("the text was changed after cleaning".into());
        }
        Ok(Some(restored))
    }
}
