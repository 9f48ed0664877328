//! Runs over files.
#![cfg(feature = "runs")]

use std::cell::Cell;
use std::error::Error as _;
use std::fs;
use std::io;
use std::sync::atomic::AtomicBool;

use chaffinch::run::{Container, Observer, Run, restore, restore_until};
use chaffinch::{Cleaner, ErrorKind};

const PAGE: &str =
    "The minister told reporters on Tuesday that the talks would go on.\n\nSHARE THIS ARTICLE\n";

#[derive(Default)]
struct Count(Cell<u64>);

impl Observer for Count {
    fn progress(&self, documents: u64, _bytes: u64) {
        self.0.set(self.0.get() + documents);
    }
}

#[test]
fn a_run_is_observed_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("pages")).unwrap();
    fs::write(path("pages/1.txt"), PAGE).unwrap();
    fs::write(path("pages/2.txt"), PAGE).unwrap();
    let cleaner = Cleaner::new().unwrap();
    let count = Count::default();
    let run = || Run::new(&cleaner, [path("pages")], path("out")).verify();
    let summary = run().observer(&count).start().unwrap();
    assert_eq!((summary.documents, count.0.get()), (2, 2));
    let cleaned = fs::read_to_string(path("out/1.txt")).unwrap();
    assert_eq!(cleaned, cleaner.clean(PAGE).text());
    assert_eq!(restore(path("out"), path("back")).unwrap().documents, 2);
    assert_eq!(fs::read_to_string(path("back/2.txt")).unwrap(), PAGE);

    let stopped = AtomicBool::new(true);
    let restored = restore_until(path("out"), path("stopped"), &stopped).unwrap();
    assert!(restored.interrupted && restored.documents == 0 && restored.problems.is_empty());
    assert_eq!(fs::read_dir(path("stopped")).unwrap().count(), 0);
    let summary = run().fresh().stop(&stopped).start().unwrap();
    assert!(summary.interrupted && summary.documents == 0);

    let rows = Run::new(&cleaner, [path("pages")], path("rows")).to(Container::Jsonl);
    assert_eq!(rows.start().unwrap().documents, 2);
    fs::write(path("rows.jsonl"), "{\"page\": \"A text.\"}\n").unwrap();
    let field = Run::new(&cleaner, [path("rows.jsonl")], path("field")).text_field("page");
    assert_eq!(field.from(Container::Jsonl).start().unwrap().documents, 1);
}

#[test]
fn a_run_writes_to_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("pages")).unwrap();
    for name in ["1.txt", "2.txt"] {
        fs::write(path("pages").join(name), PAGE).unwrap();
    }
    let cleaner = Cleaner::new().unwrap();
    let mut written = Vec::new();
    let run = Run::to_writer(&cleaner, [path("pages")], &mut written);
    assert_eq!(run.ledger(path("ledger.zst")).start().unwrap().documents, 2);
    assert_eq!(String::from_utf8(written).unwrap(), cleaner.clean(PAGE).text().repeat(2));
    assert!(fs::metadata(path("ledger.zst")).unwrap().len() > 0);

    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("it is full"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = Run::to_writer(&cleaner, [path("pages")], Full).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output);
    assert_eq!(format!("{error:?}"), "cannot write the output stream: it is full");
}

#[test]
fn a_run_that_cannot_start_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cleaner = Cleaner::new().unwrap();
    let output = folder.path().join("out");
    let error = Run::new(&cleaner, [folder.path().join("nowhere")], &output).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.source().is_none() && error.problems().is_empty());
    assert!(error.to_string().ends_with("nowhere: there is no such file or directory"), "{error}");
    assert!(!output.exists());

    // Its parent is a file, so the output cannot be made.
    fs::write(folder.path().join("page.txt"), PAGE).unwrap();
    let below = folder.path().join("page.txt/out");
    let error = Run::new(&cleaner, [folder.path().join("page.txt")], below).start().unwrap_err();
    let source = error.source().map(ToString::to_string);
    match error.kind() {
        ErrorKind::Output => assert!(format!("{error:?}").ends_with(&source.unwrap())),
        kind => assert_eq!((kind, source), (ErrorKind::Usage, None)),
    }
}
