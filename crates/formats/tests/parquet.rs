//! Runs over Parquet files of every kind, and the messages about those that cannot be read.

#![cfg(feature = "parquet")]

mod common;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chaffinch_core::{Pipeline, Verdict};
use chaffinch_formats::{Container, Job, Output, RECORD, Summary, rerun, restore};
use parquet::basic::{
    BrotliLevel, Compression, GzipLevel, LogicalType, Type as Physical, ZstdLevel,
};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::RowAccessor;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;
use tempfile::TempDir;

const ARTICLE: &str = "Talks to go on\n\nThe minister told reporters on Tuesday that the talks would go on.\n\nOfficials from seven countries took part in the meeting behind closed doors.\n";

const SCHEMA: &str = "message m { optional binary text (UTF8); }";

fn cluttered() -> String {
    format!("{ARTICLE}\nSHARE THIS ARTICLE\n")
}

/// A file with a row group for each list of texts.
fn table(codec: Compression, groups: &[&[Option<&str>]]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = WriterProperties::builder().set_compression(codec).build();
    let mut out = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for rows in groups {
        let mut group = out.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let values: Vec<ByteArray> = rows.iter().flatten().map(|text| (*text).into()).collect();
        let levels: Vec<i16> = rows.iter().map(|text| i16::from(text.is_some())).collect();
        column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    out.into_inner().unwrap()
}

/// The texts of a file, and the names of its columns.
fn read(path: &Path) -> (Vec<Option<String>>, Vec<String>) {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let schema = reader.metadata().file_metadata().schema();
    let names: Vec<_> = schema.get_fields().iter().map(|f| f.name().to_owned()).collect();
    let rows = reader.get_row_iter(None).unwrap();
    (rows.map(|row| row.unwrap().get_string(0).ok().cloned()).collect(), names)
}

struct Run {
    _folder: TempDir,
    input: PathBuf,
    out: PathBuf,
    back: PathBuf,
}

/// A run over one file, `rows.parquet`.
fn run_of(bytes: &[u8]) -> (Run, Summary) {
    run_with(bytes, |_| {})
}

fn run_with(bytes: &[u8], change: impl FnOnce(&mut Job<'_>)) -> (Run, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let [input, out, back] = ["in", "out", "back"].map(|name| folder.path().join(name));
    fs::create_dir(&input).unwrap();
    fs::write(input.join("rows.parquet"), bytes).unwrap();
    let pipeline = Pipeline::builder().build().unwrap();
    let mut job = Job::new(&pipeline, vec![input.clone()], Output::Directory(out.clone()));
    job.verify = true;
    change(&mut job);
    let summary = job.run(&(), &AtomicBool::new(false)).unwrap();
    (Run { _folder: folder, input, out, back }, summary)
}

/// The only problem of a file that passes through unchanged.
fn refused(bytes: &[u8]) -> String {
    let (run, summary) = run_of(bytes);
    assert!(fs::read(run.out.join("rows.parquet")).unwrap() == bytes);
    assert_eq!(summary.count(Verdict::Failed), 1);
    let [(name, Verdict::Failed, reason)] = summary.problems.as_slice() else {
        panic!("{:?}", summary.problems);
    };
    assert_eq!(name, "rows.parquet");
    reason.clone()
}

#[test]
fn every_codec_is_read_and_written() {
    let cluttered = cluttered();
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ] {
        let bytes = table(codec, &[&[Some(&cluttered), None], &[Some(ARTICLE)]]);
        let (run, summary) = run_of(&bytes);
        let counts = [Verdict::Cleaned, Verdict::Unchanged].map(|verdict| summary.count(verdict));
        assert_eq!((counts, summary.documents), ([1, 2], 3), "{codec}");
        let (texts, names) = read(&run.out.join("rows.parquet"));
        let article = Some(ARTICLE.to_owned());
        assert_eq!(texts, [article.clone(), None, article.clone()], "{codec}");
        assert_eq!(names, ["text", "chaffinch"]);
        let restored = restore(&run.out, &run.back).unwrap();
        assert_eq!((restored.documents, restored.problems), (3, Vec::new()), "{codec}");
        let (texts, names) = read(&run.back.join("rows.parquet"));
        assert_eq!(texts, [Some(cluttered.clone()), None, article]);
        assert_eq!(names, ["text"]);
    }
}

/// Some writers give a column without values a type of its own.
#[test]
fn a_column_of_nulls_is_unchanged() {
    let text = Type::primitive_type_builder("text", Physical::INT32)
        .with_logical_type(Some(LogicalType::Unknown))
        .build();
    let schema = Type::group_type_builder("m").with_fields(vec![Arc::new(text.unwrap())]).build();
    let schema = Arc::new(schema.unwrap());
    let mut out = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = out.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int32Type>().write_batch(&[], Some(&[0, 0]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    let (run, summary) = run_of(&out.into_inner().unwrap());
    assert_eq!((summary.documents, summary.count(Verdict::Unchanged)), (2, 2), "{summary:?}");
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!((restored.documents, restored.problems), (2, Vec::new()));
    assert_eq!(read(&run.back.join("rows.parquet")), (vec![None, None], vec!["text".to_owned()]));
}

#[test]
fn unsupported_codecs_are_reported() {
    let plain = table(Compression::UNCOMPRESSED, &[&[Some(ARTICLE)]]);
    let plain = tempfile_of(&plain);
    let reader = SerializedFileReader::new(plain.try_clone().unwrap()).unwrap();
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let mut out = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = out.next_row_group().unwrap();
    let metadata = reader.metadata().row_group(0).column(0).clone();
    let metadata = metadata.into_builder().set_compression(Compression::LZO).build().unwrap();
    let close = ColumnCloseResult {
        bytes_written: metadata.compressed_size() as u64,
        rows_written: 1,
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    group.append_column(&plain, close).unwrap();
    group.close().unwrap();
    let reason = refused(&out.into_inner().unwrap());
    assert!(reason.starts_with("column `text` is compressed with LZO"), "{reason}");
}

fn tempfile_of(bytes: &[u8]) -> File {
    use std::io::Write;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn a_file_without_rows_is_restored_without_the_added_column() {
    for groups in [&[][..], &[&[][..]], &[&[][..], &[]]] {
        let (run, summary) = run_of(&table(Compression::SNAPPY, groups));
        assert_eq!(summary.documents, 0);
        assert_eq!(read(&run.out.join("rows.parquet")).1, ["text", "chaffinch"]);
        let restored = restore(&run.out, &run.back).unwrap();
        assert_eq!((restored.documents, restored.problems), (0, Vec::new()));
        assert_eq!(read(&run.back.join("rows.parquet")), (Vec::new(), vec!["text".to_owned()]));
    }
}

#[test]
fn a_rerun_reuses_rows_that_the_change_cannot_affect() {
    let cluttered = cluttered();
    let printed = format!("{cluttered}\nPrint\n");
    let rows = [Some(ARTICLE), None, Some(&cluttered), Some(&printed), Some(ARTICLE)];
    let (run, _) = run_of(&table(Compression::SNAPPY, &[&rows, &rows]));
    let again = |off: &[String], out: &Path| {
        let pipeline = Pipeline::builder().skip(off).build().unwrap();
        rerun(&run.out, Some(out), &pipeline, &(), &AtomicBool::new(false)).unwrap()
    };
    let same = run.out.with_extension("same");
    assert_eq!(again(&[], &same).cleaned_again, 0);
    let bytes = |out: &Path| fs::read(out.join("rows.parquet")).unwrap();
    assert!(bytes(&same) == bytes(&run.out));

    // With other rules the result is that of a full run.
    let pipeline = Pipeline::builder().build().unwrap();
    let other = pipeline.without(|id| pipeline.rule(id).id.starts_with("generic/share-buttons/"));
    let [short, full] = ["short", "full"].map(|end| run.out.with_extension(end));
    let rerun = rerun(&run.out, Some(&short), &other, &(), &AtomicBool::new(false)).unwrap();
    assert!(rerun.cleaned_again < 10, "{}", rerun.cleaned_again);
    let job = Job::new(&other, vec![run.input.clone()], Output::Directory(full.clone()));
    job.run(&(), &AtomicBool::new(false)).unwrap();
    assert!(bytes(&short) == bytes(&full) && bytes(&short) != bytes(&run.out));
}

#[test]
fn a_column_that_holds_no_text_is_described() {
    let of = |schema: &str| {
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let out = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
        refused(&out.into_inner().unwrap())
    };
    for (schema, wanted) in [
        (
            "message m { optional group text (LIST) { repeated group list { optional binary element (UTF8); } } }",
            "column `text` holds a list in each row",
        ),
        ("message m { repeated binary text (UTF8); }", "column `text` holds a list in each row"),
        (
            "message m { optional group text (MAP) { repeated group key_value { required binary key (UTF8); optional binary value (UTF8); } } }",
            "column `text` holds a map in each row",
        ),
        (
            "message m { optional group body { optional binary plain (UTF8); } }",
            "column `body` holds a struct in each row, not a text: name a field of it, such as `body.plain`",
        ),
        ("message m { optional double text; }", "column `text` holds values of type DOUBLE"),
        (
            "message m { optional binary title (UTF8); }",
            "it has no column `text`, `content`, `body`",
        ),
    ] {
        let reason = of(schema);
        assert!(reason.starts_with(wanted), "{schema}: {reason}");
    }
    let schema = Arc::new(parse_message_type("message m { optional double text; }").unwrap());
    let mut out = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = out.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[1.5], Some(&[1]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    assert!(refused(&out.into_inner().unwrap()).contains("DOUBLE"));
}

/// A file of three row groups, the second of which cannot be read.
fn damaged() -> Vec<u8> {
    let cluttered = cluttered();
    let rows = [Some(cluttered.as_str()), Some(ARTICLE)];
    let mut bytes = table(Compression::ZSTD(ZstdLevel::default()), &[&rows, &rows, &rows]);
    let reader = SerializedFileReader::new(tempfile_of(&bytes)).unwrap();
    let (start, length) = reader.metadata().row_group(1).column(0).byte_range();
    let (start, length) = (start as usize, length as usize);
    bytes[start + length / 2..start + length].fill(0xff);
    bytes
}

#[test]
fn a_row_group_that_cannot_be_read_is_one_problem() {
    let (run, summary) = run_of(&damaged());
    let counts = Verdict::ALL.map(|verdict| summary.count(verdict));
    assert_eq!(counts, [2, 2, 0, 2]);
    let [(name, _, reason)] = summary.problems.as_slice() else { panic!("{summary:?}") };
    assert_eq!((name.as_str(), summary.problem_count), ("rows.parquet", 1));
    let wanted = "row group 2 cannot be read, so its rows 3 to 4 passed through unchanged: ";
    assert!(reason.starts_with(wanted), "{reason}");
    let problems = fs::read_to_string(run.out.join(RECORD).join("problems.jsonl")).unwrap();
    assert_eq!(problems.lines().count(), 1, "{problems}");
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!((restored.documents, restored.problems), (6, Vec::new()));
}

#[test]
fn a_row_group_that_cannot_be_read_is_not_converted() {
    let (run, summary) = run_with(&damaged(), |job| job.to = Some(Container::Jsonl));
    assert_eq!((summary.documents, summary.count(Verdict::Failed)), (6, 2));
    assert_eq!(summary.problem_count, 1);
    let rows = fs::read_to_string(run.out.join("rows.parquet.jsonl")).unwrap();
    assert_eq!(rows.lines().filter(|row| row.starts_with("{\"text\":")).count(), 4, "{rows}");
    assert_eq!(rows.lines().count(), 4);
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!((restored.documents, restored.problems), (4, Vec::new()));
}
