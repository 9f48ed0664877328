//! Row groups that callers clean themselves: columns that are read, replaced, added and copied.

#![cfg(feature = "parquet")]

use std::error::Error as _;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Int32Array, Int64Array, LargeStringArray, RecordBatch};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use chaffinch_formats::{Error, RowGroup};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};

const ROWS: i32 = 1000;

/// A batch of the columns `number`, `text`, `added` and `tags`.
fn batch() -> RecordBatch {
    let texts = (0..ROWS).map(|row| (row % 7 > 0).then(|| format!("The text {row}")));
    let mut tags = ListBuilder::new(StringBuilder::new());
    for row in 0..ROWS {
        for tag in 0..row % 3 {
            tags.values().append_value(format!("tag {tag}"));
        }
        tags.append(row % 5 > 0);
    }
    let columns: [(&str, ArrayRef); 4] = [
        ("number", Arc::new(Int32Array::from_iter_values(0..ROWS))),
        ("text", Arc::new(LargeStringArray::from_iter(texts))),
        ("added", Arc::new(Int32Array::from_iter_values(0..ROWS))),
        ("tags", Arc::new(tags.finish())),
    ];
    let field = |(name, column): &(&str, ArrayRef)| {
        Field::new(*name, column.data_type().clone(), *name != "number")
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.map(|(_, column)| column).to_vec()).unwrap()
}

/// Writes a file with two row groups, with or without the types of Arrow.
fn write(path: &Path, has_hints: bool) {
    let entries = ["kept", "entry"].map(|key| KeyValue::new(key.to_owned(), "old".to_owned()));
    let properties = WriterProperties::builder().set_key_value_metadata(Some(entries.to_vec()));
    let options = parquet::arrow::arrow_writer::ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(!has_hints);
    let (batch, file) = (batch(), File::create(path).unwrap());
    let mut out = ArrowWriter::try_new_with_options(file, batch.schema(), options).unwrap();
    for _ in 0..2 {
        out.write(&batch).unwrap();
        out.flush().unwrap();
    }
    out.close().unwrap();
}

/// The bytes of a column's pages in a row group.
fn pages(path: &Path, group: usize, column: &str) -> Vec<u8> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let columns = reader.metadata().row_group(group).columns();
    let column = columns.iter().find(|found| found.column_path().parts()[0] == column).unwrap();
    let (start, length) = column.byte_range();
    fs::read(path).unwrap()[start as usize..][..length as usize].to_vec()
}

fn message(error: &Error) -> String {
    format!("{error}: {}", error.source().unwrap())
}

#[test]
fn a_row_group_is_written_with_other_columns() {
    for has_hints in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let [input, output] = ["in.parquet", "out.parquet"].map(|name| folder.path().join(name));
        write(&input, has_hints);
        let group = RowGroup::open(&input, 1).unwrap();
        assert_eq!(group.rows(), ROWS as usize);
        let text = group.schema().index_of("text").unwrap();
        let field = Arc::new(group.schema().field(text).clone());
        let added: FieldRef = Arc::new(Field::new("added", DataType::Int64, true));
        let batches = group.batches(&[text], 128, 1000).unwrap();
        let mut writer = group.writer((text, Arc::clone(&field)), &[added]).unwrap();
        let (mut rows, mut texts) = (0, Vec::new());
        for batch in batches {
            let batch = batch.unwrap();
            assert!(batch.num_columns() == 1 && batch.num_rows() < 128, "{batch:?}");
            let new = |row: usize| {
                let column = batch.column(0);
                let text = match field.data_type() {
                    DataType::LargeUtf8 => column.as_string::<i64>().value(row),
                    _ => column.as_string::<i32>().value(row),
                };
                column.is_valid(row).then(|| text.to_uppercase())
            };
            let new: Vec<_> = (0..batch.num_rows()).map(new).collect();
            let column: ArrayRef = match field.data_type() {
                DataType::LargeUtf8 => Arc::new(LargeStringArray::from(new.clone())),
                _ => Arc::new(arrow_array::StringArray::from(new.clone())),
            };
            let range = rows..rows + new.len() as i64;
            rows = range.end;
            texts.extend(new);
            writer.push(&[column, Arc::new(Int64Array::from_iter_values(range))]).unwrap();
        }
        writer.finish(&output, ("entry", "new")).unwrap();

        for column in ["number", "tags"] {
            assert!(pages(&output, 0, column) == pages(&input, 1, column), "{column}");
        }
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&output).unwrap());
        let reader = reader.unwrap().with_batch_size(ROWS as usize);
        let schema = Arc::clone(reader.schema());
        let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["number", "text", "tags", "added"]);
        assert_eq!(schema.metadata()["kept"], "old");
        assert_eq!(schema.metadata()["entry"], "new");
        let [found] =
            reader.build().unwrap().collect::<Result<Vec<_>, _>>().unwrap().try_into().unwrap();
        let input = batch();
        assert_eq!(found["number"].as_ref(), input["number"].as_ref());
        assert_eq!(found["tags"].as_ref(), input["tags"].as_ref());
        assert_eq!(found["added"].as_ref(), &Int64Array::from_iter_values(0..i64::from(ROWS)));
        if has_hints {
            assert_eq!(found["text"].as_ref(), &LargeStringArray::from(texts));
        } else {
            assert_eq!(found["text"].as_ref(), &arrow_array::StringArray::from(texts));
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let open = |group| RowGroup::open(&path, group).map(drop).unwrap_err();
    assert!(message(&open(0)).starts_with(&format!("cannot read {}: ", path.display())));
    fs::write(&path, "no Parquet").unwrap();
    assert!(message(&open(0)).contains("Parquet"), "{}", message(&open(0)));
    write(&path, true);
    assert!(message(&open(2)).ends_with("it has no row group 3"), "{}", message(&open(2)));
    // A damaged page.
    let group = RowGroup::open(&path, 0).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[4..2000].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let errors = group.batches(&[0, 1], 100, 1 << 20).unwrap();
    let errors: Vec<_> = errors.filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1);
    let wanted = "rows.parquet: row group 1 cannot be read: ";
    assert!(message(&errors[0]).contains(wanted), "{}", message(&errors[0]));
}
