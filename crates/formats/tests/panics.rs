//! Panics outside of stages: in a worker, while reading, while writing.

mod common;

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chaffinch_core::stage::{Document, Marks, Stage};
use chaffinch_core::{Pipeline, Verdict};
use chaffinch_formats::{Container, Error, Job, Object, Output, Store, Summary, restore};
use common::tree;

/// A stage whose panic cannot be caught where stages run: it panics again when it is dropped there.
struct Clumsy;

struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        panic!("tripped");
    }
}

impl Stage for Clumsy {
    fn mark(&self, doc: &Document<'_>, _: &mut Marks) {
        if doc.source().contains("TRIP") {
            std::panic::panic_any(Payload);
        }
    }
}

fn pipeline() -> Pipeline {
    Pipeline::builder()
        .config("chaffinch.yaml", "stages: [clumsy, share-buttons]", Path::new(""))
        .and_then(|builder| builder.register("clumsy", |_| Ok(Clumsy)).build())
        .unwrap()
}

fn article(trip: bool) -> String {
    let word = if trip { "TRIP" } else { "title" };
    format!(
        "A {word}\n\nThe minister told reporters on Tuesday that the talks would go on.\n\nSHARE \
         THIS ARTICLE\n"
    )
}

/// Whether the stage panics on this document.
fn trips(number: usize) -> bool {
    number % 5 == 3
}

/// Three containers and ten files, ten documents each.
fn corpus(root: &Path) {
    fs::create_dir_all(root).unwrap();
    let (mut rows, mut wet) = (String::new(), String::new());
    for number in 0..10 {
        let text = article(trips(number));
        fs::write(root.join(format!("{number}.txt")), &text).unwrap();
        rows += &format!("{}\n", serde_json::json!({"id": number.to_string(), "text": text}));
        let length = text.len();
        wet += &format!(
            "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {length}\r\n\r\n{text}\r\n\r\n"
        );
    }
    fs::write(root.join("rows.jsonl"), rows).unwrap();
    fs::write(root.join("rows.wet"), wet).unwrap();
}

fn clean(input: &Path, output: Output, with: impl FnOnce(&mut Job<'_>)) -> Result<Summary, Error> {
    let pipeline = pipeline();
    let mut job = Job::new(&pipeline, vec![input.to_owned()], output);
    with(&mut job);
    job.run(&(), &AtomicBool::new(false))
}

#[test]
fn a_panic_in_a_worker_affects_only_its_document() {
    for threads in [1, 3] {
        let folder = tempfile::tempdir().unwrap();
        let [input, out, back] = ["in", "out", "back"].map(|name| folder.path().join(name));
        corpus(&input);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let run = || clean(&input, Output::Directory(out.clone()), |job| job.verify = true);
        let summary = pool.install(run).unwrap();
        assert_eq!((summary.count(Verdict::Cleaned), summary.count(Verdict::Failed)), (24, 6));
        let names: Vec<&str> = summary.problems.iter().map(|(name, ..)| name.as_str()).collect();
        let of = |name: &str| [4, 9].map(|number| format!("{name}:{number}"));
        let containers = [of("rows.jsonl"), of("rows.wet")].concat();
        assert_eq!(names[..2], ["3.txt", "8.txt"]);
        assert_eq!(names[2..], containers);
        for (_, verdict, reason) in &summary.problems {
            assert_eq!(reason, "internal error: tripped; please report it");
            assert_eq!(*verdict, Verdict::Failed);
        }
        assert_eq!(fs::read_to_string(out.join("3.txt")).unwrap(), article(true));
        assert!(!fs::read_to_string(out.join("4.txt")).unwrap().contains("SHARE"));
        assert_eq!(restore(&out, &back).unwrap().documents, 30);
        assert!(tree(&back) == tree(&input));
    }
}

#[test]
fn a_panic_in_a_worker_leaves_out_its_document_when_converting() {
    let mut containers = vec![Container::Jsonl, Container::Text];
    if cfg!(feature = "parquet") {
        containers.push(Container::Parquet);
    }
    for to in containers {
        let folder = tempfile::tempdir().unwrap();
        let [input, out, back] = ["in", "out", "back"].map(|name| folder.path().join(name));
        corpus(&input);
        let summary =
            clean(&input, Output::Directory(out.clone()), |job| job.to = Some(to)).unwrap();
        assert_eq!((summary.documents, summary.count(Verdict::Failed)), (30, 6), "{to:?}");
        let restored = restore(&out, &back).unwrap();
        assert!(restored.problems.is_empty(), "{to:?}: {:?}", restored.problems);
        // Text and rows in JSON Lines pass through in their own container.
        let left_out = |problem: &(String, Verdict, String)| problem.2.contains("was left out");
        let left_out = summary.problems.iter().filter(|problem| left_out(problem)).count() as u64;
        assert_eq!(restored.documents, 30 - left_out, "{to:?}");
        assert!(left_out >= 4, "{to:?}: {:?}", summary.problems);
    }
}

#[cfg(feature = "parquet")]
#[test]
fn a_panic_in_a_worker_affects_only_its_row_group() {
    let folder = tempfile::tempdir().unwrap();
    let [input, rows, out, back] =
        ["in", "rows", "out", "back"].map(|name| folder.path().join(name));
    corpus(&input);
    let plain = Pipeline::builder().build().unwrap();
    let mut job = Job::new(&plain, vec![input], Output::Directory(rows.clone()));
    job.to = Some(Container::Parquet);
    job.exclude =
        globset::GlobSet::builder().add(globset::Glob::new("rows.*").unwrap()).build().unwrap();
    assert_eq!(job.run(&(), &AtomicBool::new(false)).unwrap().documents, 10);
    let summary = clean(&rows, Output::Directory(out.clone()), |_| {}).unwrap();
    assert_eq!((summary.documents, summary.count(Verdict::Failed)), (10, 10));
    let [(name, _, reason)] = summary.problems.as_slice() else { panic!("{summary:?}") };
    assert_eq!(name, "documents-00000.parquet");
    assert!(reason.contains("internal error: tripped"), "{reason}");
    assert!(chaffinch_formats::verify(&out).unwrap().problems.is_empty());
    assert_eq!(restore(&out, &back).unwrap().documents, 10);
}

/// A store of three objects that panics in one of its methods.
struct Objects {
    panics: &'static str,
}

impl Objects {
    fn panic_in(&self, method: &str) {
        assert!(self.panics != method, "{method} broke");
    }
}

impl Read for Objects {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("the line broke");
    }
}

impl Store for Objects {
    fn address(&self) -> &str {
        "s3://objects"
    }

    fn list(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<Object>> + Send>> {
        let names = if self.panics == "put" { &[][..] } else { &["a.txt", "b.txt", "c.jsonl"] };
        let object = |name: &&str| Ok(Object { name: (*name).to_owned(), bytes: 10, modified: 0 });
        Ok(Box::new(names.iter().map(object).collect::<Vec<_>>().into_iter()))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let row = format!("{}\n", serde_json::json!({"text": article(false)}));
        // Longer than what is read to detect the format.
        let rows = io::Cursor::new(row.repeat(600));
        if name.starts_with(".chaffinch/") {
            self.panic_in("record");
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(match name {
            "a.txt" => Box::new(io::Cursor::new(article(false))),
            "b.txt" => {
                self.panic_in("open");
                Box::new(io::Cursor::new(article(false)))
            }
            _ => Box::new(rows.chain(Objects { panics: self.panics })),
        })
    }

    fn put(&self, _: &str, _: &Path) -> io::Result<()> {
        self.panic_in("put");
        Ok(())
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_while_reading_affects_only_that_file() {
    for threads in [1, 3] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let store: Arc<dyn Store> = Arc::new(Objects { panics: "open" });
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let run = || {
            clean(Path::new("s3://objects"), Output::Directory(out.clone()), |job| {
                job.stores.push(("s3://objects".into(), store));
            })
        };
        let summary = pool.install(run).unwrap();
        assert_eq!((summary.count(Verdict::Cleaned), summary.count(Verdict::Failed)), (601, 2));
        let [(b, _, open), (c, _, read)] = summary.problems.as_slice() else {
            panic!("{summary:?}")
        };
        assert!(b == "b.txt" && open.contains("internal error: open broke"), "{open}");
        assert!(c == "c.jsonl" && read.contains("internal error: the line broke"), "{read}");
    }
}

#[test]
fn a_panic_while_writing_stops_the_run() {
    for (threads, method) in [(1, "put"), (3, "put"), (1, "record")] {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("in");
        corpus(&input);
        let store: Arc<dyn Store> = Arc::new(Objects { panics: method });
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let run = || clean(&input, Output::Store(store, folder.path().join("work")), |_| {});
        match pool.install(run) {
            Err(Error::Stopped(message)) => {
                assert_eq!(message, format!("internal error: {method} broke; please report it"));
            }
            other => panic!("{other:?}"),
        }
    }
}
