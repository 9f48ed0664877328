//! Damaged ledgers and damaged output: restored documents are the originals, and everything else is
//! reported.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use chaffinch_formats::{Container, RECORD, originals, restore, verify};
use tempfile::TempDir;

use crate::damage::damaged;
use crate::folder::{clean, files, temporary};

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A finished run.
struct Run {
    folder: TempDir,
    /// Its inputs.
    originals: Files,
    /// Its output, without its record.
    output: Files,
    /// Its ledger as a file, and decompressed.
    ledger: Vec<u8>,
    records: Vec<u8>,
}

const ARTICLE: &str = "Talks to continue\n\n\
    The minister told reporters on Tuesday that the talks would continue.\n\n\
    Officials from seven countries took part in the meeting behind closed doors.\n\n\
    SHARE THIS ARTICLE\n";

impl Run {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ledger_path(&self) -> PathBuf {
        self.path("out").join(RECORD).join("ledger/00000.jsonl.zst")
    }

    fn of(inputs: &[(&str, Vec<u8>)], to: Option<Container>) -> Run {
        let folder = temporary();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        for (name, bytes) in inputs {
            let path = input.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&input)).expect("a folder can be made");
            fs::write(path, bytes).expect("an input can be written");
        }
        clean(&input, &output, false, |job| job.to = to);
        let (originals, written) = (files(&input, RECORD), files(&output, RECORD));
        let mut run =
            Run { folder, originals, output: written, ledger: Vec::new(), records: Vec::new() };
        run.ledger = fs::read(run.ledger_path()).expect("there is a ledger");
        run.records = zstd::decode_all(&*run.ledger).expect("the ledger is sound");
        run
    }
}

static RUNS: LazyLock<Vec<Run>> = LazyLock::new(|| {
    let latin: Vec<u8> = ARTICLE.replace("minister", "Sächsin").chars().map(|c| c as u8).collect();
    let texts = [
        ("a.txt", ARTICLE.as_bytes().to_vec()),
        ("b/broken.txt", [ARTICLE.as_bytes(), b"\xff\nPrint\n"].concat()),
        ("latin.txt", latin),
        ("binary.bin", vec![0, 1, 2, 0, 0, 255]),
    ];
    let row = |text: &str| serde_json::json!({"id": 7, "text": text, "n": 1.5}).to_string();
    let rows = [&row(ARTICLE), "", "no row", &row("Short."), r#"{"text":"A \u002f\n\nShare\n"}"#];
    let record = |text: &str| {
        let length = text.len();
        format!(
            "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {length}\r\n\r\n{text}\r\n\r\n"
        )
    };
    let records = [record(ARTICLE), record("Short."), record(ARTICLE)].concat();
    let broken = [&record(ARTICLE), "no record\n", &record("Short.")].concat();
    vec![
        Run::of(&texts, None),
        Run::of(&[("rows.jsonl", rows.join("\n").into_bytes())], None),
        Run::of(&[("records.warc.wet", records.into_bytes())], None),
        Run::of(&texts[..3], Some(Container::Jsonl)),
        Run::of(&[("broken.warc.wet", broken.into_bytes())], None),
    ]
});

/// The first byte selects a run, the second what the rest is: the records of a ledger, a ledger file,
/// changes to either, or changes to the output.
pub(crate) fn run(data: &[u8]) {
    let Some(([first, second], rest)) = data.split_first_chunk() else { return };
    let number = usize::from(*first) % RUNS.len();
    let run = &RUNS[number];
    let kind = second % 5;
    let compressed = |records: &[u8]| zstd::encode_all(records, 1).expect("it compresses");
    let ledger = match kind {
        0 => compressed(rest),
        1 => compressed(&damaged(&run.records, rest)),
        2 => rest.to_vec(),
        3 => damaged(&run.ledger, rest),
        _ => run.ledger.clone(),
    };
    fs::write(run.ledger_path(), ledger).expect("the ledger can be written");
    let output = run.path("out");
    for (name, bytes) in &run.output {
        let bytes = if kind == 4 { damaged(bytes, rest) } else { bytes.clone() };
        fs::write(output.join(name), bytes).expect("the output can be written");
    }
    let target = run.path("back");
    drop(fs::remove_dir_all(&target));
    let restored = restore(&output, &target);
    let verified = verify(&output);
    drop(originals(&output, &|_| true, usize::MAX));
    check_places(run, &target);
    // Records written by hand may say anything; with damaged records, every document is restored or
    // reported.
    // Documents that passed through without being read into memory have no digest.
    if let (Ok(restored), true) = (&restored, kind > 1 && number < 4) {
        let back = files(&target, RECORD);
        if restored.problems.is_empty() {
            assert!(back == run.originals, "not the originals, and no problem is reported");
            assert!(verified.is_ok_and(|verified| verified.problems.is_empty()));
        }
        // In a container, a record that cannot be restored stays unchanged.
        if number == 0 || number == 3 {
            for (name, bytes) in back {
                assert!(run.originals.get(&name) == Some(&bytes), "{name:?} is not the original");
            }
        }
    }
}

/// Nothing is written outside of `target`, and nothing in it is half-written.
fn check_places(run: &Run, target: &Path) {
    for entry in fs::read_dir(run.folder.path()).expect("the folder can be read").flatten() {
        let name = entry.file_name();
        assert!(name == "in" || name == "out" || name == "back", "{name:?} was written");
    }
    for name in files(target, RECORD).keys() {
        let name = name.to_string_lossy();
        assert!(!name.ends_with(".chaffinch-tmp"), "{name} is half-written");
    }
}
