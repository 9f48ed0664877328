//! Whole runs: their output and record, and the restored originals.

mod common;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use chaffinch_core::{Limits, Pipeline, Verdict};
use chaffinch_formats::ledger::Record;
use chaffinch_formats::{
    Container, Error, Job, Observer, Output, RECORD, Resume, Summary, originals, restore, verify,
};
use common::{StopAfter, tree_except};
use globset::{Glob, GlobSet};
use tempfile::TempDir;

const ARTICLE: &str = "Talks to go on\n\nThe minister told reporters on Tuesday that the talks would go on.\n\nOfficials from seven countries took part in the meeting behind closed doors.\n";

fn pipeline() -> Pipeline {
    let limits = Limits { document_bytes: 1 << 20, ..Limits::default() };
    Pipeline::builder().limits(limits).build().unwrap()
}

/// Writes a corpus of documents of all kinds.
fn corpus(root: &Path) {
    let write = |name: &str, bytes: &[u8]| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for i in 0..600 {
        let chaff = if i % 3 == 0 { "\nSHARE THIS ARTICLE\n" } else { "" };
        write(&format!("many/{i:03}.txt"), format!("{ARTICLE}{chaff}").as_bytes());
    }
    write("crlf.txt", format!("{ARTICLE}\nShare on Facebook\n").replace('\n', "\r\n").as_bytes());
    write("bom.txt", format!("\u{feff}News / Politics\n\n{ARTICLE}").as_bytes());
    let arabic = "قال المتحدث باسم الوزارة يوم الثلاثاء إن المحادثات ستستأنف بعد أيام بمشاركة جميع الأطراف.\n\nالمصدر: وكالات";
    let windows_1256 = chaffinch_core::Encoding::for_label(b"windows-1256").unwrap();
    write("arabic.txt", &windows_1256.encode(arabic).0);
    write("broken.txt", b"The minister \xe2\x80\x99 told \xff reporters \xe2\x80\x9c on Tues\xe2\x80\x9dday \xe2\x80\x94 that it goes on.\n\nPrint\n");
    write("binary.bin", &[0, 159, 146, 150, 0, 0, 0, 1]);
    write("empty.txt", b"");
    write("page.html", b"<!DOCTYPE html><title>x</title>");
    write("long.txt", "SHARE THIS ARTICLE\n".repeat(60_000).as_bytes());
    write("odd name\n.txt", ARTICLE.as_bytes());
    write("rows/empty.jsonl", b"");
    write("rows/blank.jsonl", b"\n  \n");
    let row = |text: &str| serde_json::json!({"id": 7, "text": text, "n": 1.5}).to_string();
    let chaff = row(&format!("{ARTICLE}\nSHARE THIS ARTICLE"));
    let rows = [
        format!("\u{feff}{chaff}"),
        String::new(),
        r#"{"url":"https://www.presstv.ir/1","text":"News \u00a0/\u00a0 Politics\n\nA title\n\nThe minister told reporters on Tuesday that the talks would go on."}"#.into(),
        "not json".into(),
        r#"{"title":"no text"}"#.into(),
        r#"{"text":"\ud800"}"#.into(),
        row(&"x".repeat(1 << 20)),
        row(&"y".repeat((1 << 20) + 10)),
        format!("{chaff}\r"),
        chaff,
    ];
    write("rows/news.jsonl", rows.join("\n").as_bytes());
}

struct Run {
    _folder: TempDir,
    input: PathBuf,
    out: PathBuf,
    back: PathBuf,
}

fn setup() -> Run {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    corpus(&input);
    let (out, back) = (folder.path().join("out"), folder.path().join("back"));
    Run { _folder: folder, input, out, back }
}

fn job<'a>(pipeline: &'a Pipeline, inputs: &[&Path], out: &Path) -> Job<'a> {
    let inputs = inputs.iter().map(|input| input.to_path_buf()).collect();
    let mut job = Job::new(pipeline, inputs, Output::Directory(out.to_owned()));
    job.verify = true;
    job
}

fn clean_with(
    pipeline: &Pipeline,
    inputs: &[&Path],
    out: &Path,
    change: impl FnOnce(&mut Job<'_>),
) -> Result<Summary, Error> {
    let mut job = job(pipeline, inputs, out);
    change(&mut job);
    job.run(&(), &AtomicBool::new(false))
}

fn clean(input: &Path, out: &Path) -> Summary {
    clean_with(&pipeline(), &[input], out, |_| {}).unwrap()
}

/// All files below a folder except `run.json`, which contains the duration of the run.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    tree_except(root, "run.json")
}

#[test]
fn every_original_is_restored_byte_for_byte() {
    let run = setup();
    let summary = clean(&run.input, &run.out);
    assert_eq!(summary.documents, 618);
    // The binary, the page and the long file; two rows that are not documents; the row over the limit.
    assert_eq!(summary.count(Verdict::Failed), 6, "{:?}", summary.problems);
    assert!(summary.count(Verdict::Cleaned) > 200);
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!(restored.problems, []);
    assert_eq!(restored.documents, 618);
    let (wanted, found) = (tree(&run.input), tree(&run.back));
    assert_eq!(wanted.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    for (name, bytes) in &wanted {
        assert!(bytes == &found[name], "{} differs", name.display());
    }
}

// Invariant 4.
#[test]
fn the_output_is_the_same_for_any_number_of_threads() {
    let run = setup();
    clean(&run.input, &run.out);
    let once = tree(&run.out);
    for threads in [1, 2, 5] {
        let out = run.out.with_extension(threads.to_string());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| clean(&run.input, &out));
        assert!(once == tree(&out), "{threads} threads give something else");
    }
}

#[test]
fn failed_documents_pass_through_and_are_reported() {
    let run = setup();
    clean(&run.input, &run.out);
    for name in ["binary.bin", "page.html", "long.txt"] {
        assert!(fs::read(run.input.join(name)).unwrap() == fs::read(run.out.join(name)).unwrap());
    }
    let problems = fs::read_to_string(run.out.join(RECORD).join("problems.jsonl")).unwrap();
    for (name, reason) in [
        ("binary.bin", "binary data"),
        ("page.html", "HTML"),
        ("long.txt", "longer than"),
        ("rows/news.jsonl", "not valid JSON at column"),
    ] {
        assert!(
            problems.lines().any(|line| line.contains(name) && line.contains(reason)),
            "{name}"
        );
    }
    let rows = fs::read_to_string(run.out.join("rows/news.jsonl")).unwrap();
    assert!(rows.contains("\nnot json\n"));
}

#[test]
fn rows_keep_their_other_fields_and_gain_a_column() {
    let run = setup();
    clean(&run.input, &run.out);
    let rows = fs::read_to_string(run.out.join("rows/news.jsonl")).unwrap();
    let row: serde_json::Value = serde_json::from_str(rows.lines().nth(2).unwrap()).unwrap();
    assert_eq!(
        row["text"],
        "A title\n\nThe minister told reporters on Tuesday that the talks would go on."
    );
    assert_eq!(row["chaffinch"]["outlet"], "presstv");
    assert_eq!(row["chaffinch"]["fields"]["section"], "Politics");
    assert!(rows.lines().nth(2).unwrap().contains(r#""url":"https://www.presstv.ir/1","#));
}

#[test]
fn a_row_that_cannot_hold_the_cleaned_text_passes_through() {
    let run = setup();
    let rows = run.input.join("pairs.jsonl");
    let row = |inside: &str| {
        format!(
            "{{\"text\":\"The minister told \\ud83d{inside} reporters that talks would go on.\"}}\n"
        )
    };
    let bad = [row("\u{200b}\\ude00"), row("\\u200b\\uDE00")];
    fs::write(&rows, [&bad[0], &row("\u{200b}"), &bad[1]].map(String::as_str).concat()).unwrap();
    let summary = clean_with(&pipeline(), &[&rows], &run.out, |job| job.verify = false).unwrap();
    assert_eq!(summary.count(Verdict::Failed), 2);
    assert!(summary.problems[0].2.contains("join two halves"), "{:?}", summary.problems);
    let written = fs::read_to_string(run.out.join("pairs.jsonl")).unwrap();
    assert!(written.starts_with(&bad[0]) && written.ends_with(&bad[1]));
    assert!(!written[bad[0].len()..].starts_with(&row("\u{200b}")));
    let verified = verify(&run.out).unwrap();
    assert_eq!((verified.documents, verified.problems), (3, Vec::new()));
}

#[test]
fn a_changed_file_and_a_damaged_ledger_are_reported_and_the_rest_restored() {
    let run = setup();
    clean(&run.input, &run.out);
    fs::write(run.out.join("many/003.txt"), "changed").unwrap();
    fs::remove_file(run.out.join("many/004.txt")).unwrap();
    let restored = restore(&run.out, &run.back).unwrap();
    let named: Vec<&str> = restored.problems.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(named, ["many/003.txt", "many/004.txt"]);
    assert_eq!(restored.documents, 616);

    let ledger = run.out.join(RECORD).join("ledger/00000.jsonl.zst");
    let bytes = fs::read(&ledger).unwrap();
    fs::write(&ledger, &bytes[..bytes.len() - 10]).unwrap();
    let restored = restore(&run.out, &run.back.with_extension("2")).unwrap();
    assert!(restored.documents > 0);
    assert!(
        restored.problems.iter().any(|(_, why)| why.starts_with("the ledger is damaged")),
        "{:?}",
        restored.problems
    );
}

#[test]
fn a_run_replaces_an_earlier_one_and_nothing_else() {
    let run = setup();
    clean(&run.input, &run.out);
    clean(&run.input, &run.out);
    fs::write(run.out.join("many/notes.txt"), "mine").unwrap();
    let error = clean_with(&pipeline(), &[&run.input], &run.out, |_| {}).unwrap_err();
    assert!(error.to_string().contains("many/notes.txt"), "{error}");
    assert_eq!(fs::read_to_string(run.out.join("many/notes.txt")).unwrap(), "mine");
    assert!(run.out.join("crlf.txt").exists(), "nothing was touched");
}

#[test]
fn output_that_cannot_be_made_again_is_replaced_only_if_asked() {
    let run = setup();
    let never = |job: &mut Job<'_>| job.resume = Resume::Never;
    let refused = |inputs: &[&Path], problem: &str| {
        let before = tree(&run.out);
        let error = clean_with(&pipeline(), inputs, &run.out, |_| {}).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
        assert!(error.to_string().contains("--fresh"), "{error}");
        assert!(before == tree(&run.out), "nothing was touched");
    };
    clean(&run.input, &run.out);
    // More inputs can make it again, fewer or others cannot.
    let (rows, crlf) = (run.input.join("rows"), run.input.join("crlf.txt"));
    refused(&[&rows], "other inputs");
    refused(&[&crlf], "other inputs");
    fs::remove_file(run.input.join("bom.txt")).unwrap();
    refused(&[&run.input], "bom.txt is no longer in its input");
    clean_with(&pipeline(), &[&run.input], &run.out, never).unwrap();
    assert!(!run.out.join("bom.txt").exists(), "its input vanished");

    clean_with(&pipeline(), &[&rows, &crlf], &run.out, never).unwrap();
    clean_with(&pipeline(), &[&rows, &crlf, &run.input.join("many")], &run.out, |_| {}).unwrap();
    refused(&[&rows, &crlf], "other inputs");
    fs::remove_file(&crlf).unwrap();
    refused(&[&rows, &run.input.join("many")], "other inputs");
}

#[test]
fn inputs_and_outputs_stay_apart() {
    let run = setup();
    for (input, out) in [
        (run.input.clone(), run.input.join("out")),
        (run.input.clone(), run.input.clone()),
        (run.input.join("many"), run.input.clone()),
        (run.input.join("crlf.txt"), run.input.clone()),
    ] {
        let error = clean_with(&pipeline(), &[&input], &out, |_| {}).unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{error}");
    }
    let before = tree(&run.input);
    clean(&run.input, &run.out);
    assert!(before == tree(&run.input), "the input is never written");
}

#[test]
fn several_inputs_are_written_under_their_names() {
    let run = setup();
    let inputs = [run.input.join("many"), run.input.join("rows"), run.input.join("crlf.txt")];
    let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    clean_with(&pipeline(), &inputs, &run.out, |_| {}).unwrap();
    for name in ["many/000.txt", "rows/news.jsonl", "crlf.txt"] {
        assert!(run.out.join(name).exists(), "{name}");
    }
    let twice = [run.input.join("many"), run.input.join("rows/../many")];
    let twice: Vec<&Path> = twice.iter().map(PathBuf::as_path).collect();
    let error = clean_with(&pipeline(), &twice, &run.back, |_| {}).unwrap_err();
    assert!(error.to_string().contains("many"), "{error}");
}

fn stopped(run: &Run, blocks: u32) -> Summary {
    let (pipeline, stop) = (pipeline(), AtomicBool::new(false));
    let job = job(&pipeline, &[&run.input], &run.out);
    job.run(&StopAfter::blocks(blocks, &stop), &stop).unwrap()
}

#[test]
fn an_interrupted_run_leaves_whole_files() {
    let run = setup();
    let summary = stopped(&run, 1);
    assert!(summary.interrupted && summary.documents < 618);
    let record = fs::read_to_string(run.out.join(RECORD).join("run.json")).unwrap();
    assert!(record.contains("\"state\": \"interrupted\""));
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!(restored.documents, summary.documents);
    let shown: Vec<&str> = restored.problems.iter().map(|(_, why)| why.as_str()).collect();
    assert_eq!(
        shown,
        [
            "the run did not finish; repeat its command to finish it (with --fresh if it read standard input), then restore into a new directory"
        ]
    );
}

/// A killed run leaves files that are cleaned and have no record in the ledger yet. Their text must
/// not appear under the names of the originals.
#[test]
fn documents_without_a_ledger_record_are_not_restored() {
    let run = setup();
    let summary = stopped(&run, 1);
    let record = run.out.join(RECORD);
    let list = record.join("files.txt");
    for name in ["cleaned.txt", "rows.jsonl", "blank.jsonl"] {
        let text = if name == "blank.jsonl" { "\n" } else { "{\"text\":\"Cleaned.\"}\n" };
        fs::write(run.out.join(name), text).unwrap();
        fs::write(&list, fs::read_to_string(&list).unwrap() + name + "\n").unwrap();
    }
    for state in ["interrupted", "lost"] {
        if state == "lost" {
            fs::remove_file(record.join("run.json")).unwrap();
            fs::remove_dir_all(&run.back).unwrap();
        }
        let restored = restore(&run.out, &run.back).unwrap();
        assert_eq!(restored.documents, summary.documents);
        assert_eq!(restored.documents, tree(&run.back).len() as u64);
        let [(_, why)] = restored.problems.as_slice() else { panic!("{restored:?}") };
        assert!(why.contains("did not finish; 3 files have no record in the ledger yet"), "{why}");
        assert_eq!(verify(&run.out).unwrap().problems, restored.problems);
    }
}

#[test]
fn documents_missing_from_a_damaged_ledger_are_not_restored() {
    let run = setup();
    fs::write(run.input.join("blank.jsonl"), "\n\n").unwrap();
    fs::write(run.input.join("last.jsonl"), "{\"text\":\"Original.\"}\n").unwrap();
    let documents = clean(&run.input, &run.out).documents;
    let rows = run.out.join("last.jsonl");
    let text = fs::read_to_string(&rows).unwrap();
    fs::write(&rows, format!("{text}{{\"text\":\"Cleaned.\"}}\n")).unwrap();
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!(restored.documents, documents);
    let left_out = "one of its records is not in the ledger and was left out";
    assert_eq!(restored.problems, [("last.jsonl".to_owned(), left_out.to_owned())]);
    assert!(tree(&run.back) == tree(&run.input));
    // An empty ledger.
    fs::remove_dir_all(&run.back).unwrap();
    fs::write(run.out.join(RECORD).join("ledger/00000.jsonl.zst"), "").unwrap();
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!(restored.documents, 0);
    let [(names, why)] = restored.problems.as_slice() else { panic!("{restored:?}") };
    assert!(names.ends_with("more)") && why.contains("no record of it"), "{names}: {why}");
    // Only files without a document are restored.
    let (originals, back) = (tree(&run.input), tree(&run.back));
    assert!(back.contains_key(Path::new("blank.jsonl")));
    assert!(
        back.iter().all(|(name, text)| originals[name] == *text && text.trim_ascii().is_empty())
    );
}

#[test]
fn an_interrupted_run_resumes_with_the_output_of_a_full_run() {
    let run = setup();
    packed(&run.input);
    let whole = run.out.with_extension("whole");
    let wanted = clean(&run.input, &whole);
    let wanted_files = tree(&whole);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        let mut starts = 0;
        let mut last = 0;
        // Stops after every two blocks, and appends incomplete lines, as a killed run may leave them.
        let summary = loop {
            let summary = stopped(&run, 2);
            starts += 1;
            assert_eq!(summary.resumed, last);
            last = summary.documents;
            if !summary.interrupted {
                break summary;
            }
            let record = run.out.join(RECORD);
            for name in ["ledger/00000.jsonl.zst", "fields.jsonl", "files.txt", "journal.jsonl"] {
                let mut file = fs::OpenOptions::new().append(true).open(record.join(name)).unwrap();
                file.write_all(b"{\"half\": wri").unwrap();
            }
        };
        assert!(starts > 10, "{starts}");
        assert!(wanted_files == tree(&run.out));
        assert_eq!((summary.documents, &summary.rules), (wanted.documents, &wanted.rules));
        assert_eq!(summary.problems, wanted.problems);
    });
}

#[test]
fn a_different_run_does_not_resume_an_interrupted_one() {
    let run = setup();
    stopped(&run, 3);
    let other = Pipeline::builder().skip(&["ticker".to_owned()]).build().unwrap();
    let must = |job: &mut Job<'_>| job.resume = Resume::Must;
    let error = clean_with(&other, &[&run.input], &run.out, must).unwrap_err();
    assert!(error.to_string().contains("--fresh"), "{error}");
    let summary = clean_with(&other, &[&run.input], &run.out, |_| {}).unwrap();
    assert_eq!((summary.resumed, summary.documents), (0, 618));
    let error = clean_with(&other, &[&run.input], &run.out, must).unwrap_err();
    assert!(error.to_string().contains("no unfinished run"), "{error}");
    stopped(&run, 3);
    let never = |job: &mut Job<'_>| job.resume = Resume::Never;
    assert_eq!(clean_with(&pipeline(), &[&run.input], &run.out, never).unwrap().resumed, 0);
}

#[test]
fn a_run_does_not_resume_in_a_changed_shard() {
    let run = setup();
    packed(&run.input);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        // Stops inside the first shard: after a block of files, the start of the shard and a chunk.
        assert!(stopped(&run, 1).interrupted);
        while !tree(&run.out).keys().any(|path| path.to_string_lossy().ends_with("-tmp")) {
            assert!(stopped(&run, 1).interrupted);
        }
        let shard = run.input.join("packed/news.jsonl");
        let mut bytes = fs::read(&shard).unwrap();
        bytes.extend_from_slice(&bytes.clone());
        fs::write(&shard, bytes).unwrap();
        let error = clean_with(&pipeline(), &[&run.input], &run.out, |_| {}).unwrap_err();
        assert!(error.to_string().contains("packed/news.jsonl changed since"), "{error}");
    });
}

#[test]
fn a_run_does_not_resume_after_changed_files() {
    let changes: [fn(&Path); 3] = [
        |first| fs::write(first, "Another text.\n").unwrap(),
        |first| fs::remove_file(first).unwrap(),
        |first| fs::write(first.with_file_name("!"), "One more text.\n").unwrap(),
    ];
    for change in changes {
        let run = setup();
        assert!(stopped(&run, 2).interrupted);
        let first = tree(&run.input).into_keys().next().unwrap();
        change(&run.input.join(first));
        let error = clean_with(&pipeline(), &[&run.input], &run.out, |_| {}).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("was added, removed or changed"), "{error}");
    }
}

/// Tries another run into the same directory during a run.
#[cfg(unix)]
struct Rival<'a>(&'a Run, RefCell<Vec<String>>);

#[cfg(unix)]
impl Observer for Rival<'_> {
    fn block(&self, _: u64, _: u64) {
        let rival = clean_with(&pipeline(), &[&self.0.input], &self.0.out, |_| {});
        self.1.borrow_mut().push(rival.unwrap_err().to_string());
    }
}

#[cfg(unix)]
#[test]
fn two_runs_into_one_directory_exclude_each_other() {
    let run = setup();
    let (pipeline, rival) = (pipeline(), Rival(&run, RefCell::default()));
    job(&pipeline, &[&run.input], &run.out).run(&rival, &AtomicBool::new(false)).unwrap();
    let errors = rival.1.into_inner();
    assert!(
        !errors.is_empty() && errors.iter().all(|error| error.contains("another run")),
        "{errors:?}"
    );
    assert_eq!(clean(&run.input, &run.out).documents, 618);
}

#[test]
fn a_run_is_not_restored_into_itself() {
    let run = setup();
    clean(&run.input, &run.out);
    let error = restore(&run.out, &run.out.join("back")).unwrap_err();
    assert!(error.to_string().contains("name an output elsewhere"), "{error}");
    assert!(!run.out.join("back").exists());
}

#[test]
fn a_run_whose_record_is_damaged_is_not_replaced() {
    let run = setup();
    clean_with(&pipeline(), &[&run.input], &run.out, |_| {}).unwrap();
    fs::write(run.out.join(".chaffinch/run.json"), "").unwrap();
    let before = tree(&run.out);
    let error = clean_with(&pipeline(), &[&run.input], &run.out, |_| {}).unwrap_err();
    assert!(
        error.to_string().contains("run.json") && error.to_string().contains("--fresh"),
        "{error}"
    );
    assert!(before == tree(&run.out));
    let never = |job: &mut Job<'_>| job.resume = Resume::Never;
    clean_with(&pipeline(), &[&run.input], &run.out, never).unwrap();
}

/// Writes shards of JSON Lines and WET, with every compression.
fn packed(input: &Path) {
    packed_of(input, 9000);
}

/// The same, with so many rows in a file.
fn packed_of(input: &Path, rows: usize) {
    let rows: String = (0..rows)
        .map(|i| {
            let chaff = if i % 2 == 0 { "\nSHARE THIS ARTICLE" } else { "" };
            serde_json::json!({"id": i, "text": format!("{ARTICLE}{chaff}")}).to_string() + "\n"
        })
        .collect();
    let records: String = (0..200)
        .map(|i| {
            let text = format!("{ARTICLE}\nSHARE THIS ARTICLE");
            format!(
                "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://e.com/{i}\r\n\
                 Content-Length: {}\r\n\r\n{text}\r\n\r\n",
                text.len()
            )
        })
        .collect();
    let info = "WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 4\r\n\r\na: b\r\n\r\n";
    let wet = format!("{info}{records}");
    let write = |name: &str, bytes: &[u8]| {
        fs::create_dir_all(input.join("packed")).unwrap();
        fs::write(input.join("packed").join(name), bytes).unwrap();
    };
    for (name, bytes) in [("news.jsonl", rows.as_bytes()), ("pages.wet", wet.as_bytes())] {
        write(name, bytes);
        // Several members, whose boundaries are inside records.
        let (first, rest) = bytes.split_at(bytes.len() / 3);
        let gz = |part: &[u8]| {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(part).unwrap();
            out.finish().unwrap()
        };
        let bz2 = |part: &[u8]| {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            out.write_all(part).unwrap();
            out.finish().unwrap()
        };
        let zst = |part: &[u8]| zstd::encode_all(part, 1).unwrap();
        write(&format!("{name}.gz"), &[gz(first), gz(rest)].concat());
        write(&format!("{name}.bz2"), &[bz2(first), bz2(rest)].concat());
        write(&format!("{name}.zst"), &[zst(first), zst(rest)].concat());
    }
}

fn unpacked(path: &Path) -> Vec<u8> {
    let (bytes, mut plain) = (fs::read(path).unwrap(), Vec::new());
    let name = path.to_string_lossy();
    match name.rsplit('.').next().unwrap() {
        "gz" => flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain),
        "bz2" => bzip2::read::MultiBzDecoder::new(bytes.as_slice()).read_to_end(&mut plain),
        "zst" => zstd::Decoder::new(bytes.as_slice()).unwrap().read_to_end(&mut plain),
        _ => Ok(plain.write(&bytes).unwrap()),
    }
    .unwrap();
    plain
}

#[test]
fn compressed_shards_are_cleaned_and_restored() {
    let run = setup();
    packed(&run.input);
    let input = run.input.join("packed");
    let summary = clean(&input, &run.out);
    assert_eq!((summary.documents, summary.count(Verdict::Failed)), (4 * 9200, 0));
    assert_eq!(summary.stages["share-buttons"].cuts, 4 * 4700);
    let cleaned = unpacked(&run.out.join("news.jsonl"));
    let text = String::from_utf8(unpacked(&run.out.join("pages.wet"))).unwrap();
    assert!(!text.contains("SHARE THIS") && text.contains("WARC-Chaffinch: {\"outlet\":null"));
    assert!(text.starts_with("WARC/1.0\r\nWARC-Type: warcinfo\r\n"), "{text:.100}");
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!((restored.documents, restored.problems.len()), (4 * 9200, 0));
    for ending in ["", ".gz", ".bz2", ".zst"] {
        let news = format!("news.jsonl{ending}");
        assert!(unpacked(&run.out.join(&news)) == cleaned, "{news}");
        for name in [news, format!("pages.wet{ending}")] {
            assert!(unpacked(&run.back.join(&name)) == unpacked(&input.join(&name)), "{name}");
        }
    }
    assert_eq!(verify(&run.out).unwrap().documents, 4 * 9200);
}

/// Bad records pass through; the rest of the file is cleaned and everything is restored.
#[test]
fn bad_warc_records_pass_through_and_the_rest_is_cleaned() {
    let run = setup();
    let record = |number: usize| {
        let text = format!("{ARTICLE}\nSHARE THIS ARTICLE");
        // Text removed from earlier records moves the ends that wrong lengths point to.
        let length = text.len() + if number % 10 == 3 { 40 * number } else { 0 };
        let length = format!("Content-Length: {length}\r\n");
        let length = if number % 10 == 7 { "" } else { length.as_str() };
        let record = format!("WARC/1.0\r\nWARC-Type: conversion\r\n{length}\r\n{text}\r\n\r\n");
        match number % 10 {
            5 => record.replace("\r\n", "\n"),
            6 => record + "\r\n\r\n",
            8 => record.trim_end().to_owned(),
            _ => record,
        }
    };
    let records: Vec<String> = (0..200).map(record).collect();
    fs::create_dir(run.input.join("wet")).unwrap();
    fs::write(run.input.join("wet/plain.wet"), records.concat()).unwrap();
    let gz = |record: &String| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(record.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    let members: Vec<u8> = records.iter().flat_map(gz).collect();
    fs::write(run.input.join("wet/members.wet.gz"), members).unwrap();

    let input = run.input.join("wet");
    let summary = clean(&input, &run.out);
    assert_eq!((summary.documents, summary.count(Verdict::Failed)), (400, 80));
    assert_eq!(summary.stages["share-buttons"].cuts, 320);
    let bytes = records[7].len();
    let reason = format!(
        "not a valid WARC record: it has no valid Content-Length; its {bytes} bytes passed through \
         unchanged"
    );
    let problems = fs::read_to_string(run.out.join(RECORD).join("problems.jsonl")).unwrap();
    assert!(problems.contains(&reason), "{problems:.500}");
    let passed = records.iter().enumerate().filter(|(number, _)| matches!(number % 10, 3 | 7));
    let passed: usize = passed.map(|(_, record)| record.len()).sum();
    assert_eq!(summary.bytes_passed, 2 * passed as u64);
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!((restored.documents, restored.problems), (400, Vec::new()));
    for name in ["plain.wet", "members.wet.gz"] {
        assert!(unpacked(&run.back.join(name)) == unpacked(&input.join(name)), "{name}");
    }
    let other = run.out.with_extension("2");
    interrupted_and_resumed(&input, &other, 1, &|_| {});
    assert!(tree(&run.out) == tree(&other));
}

/// A cleaned record that can no longer be framed is not restored as if it were the original.
#[test]
fn cleaned_warc_records_with_damaged_headers_are_reported() {
    let run = setup();
    let text = format!("{ARTICLE}\nSHARE THIS ARTICLE");
    let length = text.len();
    let record = format!(
        "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {length}\r\n\r\n{text}\r\n\r\n"
    );
    let input = run.input.join("pages.wet");
    fs::write(&input, record.repeat(3)).unwrap();
    clean(&input, &run.out);
    let output = run.out.join("pages.wet");
    let written = fs::read_to_string(&output).unwrap();
    for damage in ["ContentALength", "Content-Length: 9", "Content-Length: x"] {
        fs::write(&output, written.replacen("Content-Length", damage, 1)).unwrap();
        for restored in [restore(&run.out, &run.back), verify(&run.out)].map(Result::unwrap) {
            assert_eq!(restored.documents, 2, "{damage}");
            assert_eq!(restored.problems[0].0, "pages.wet:1");
            assert_eq!(restored.problems[0].1, "the cleaned text was changed after the run");
        }
        fs::remove_dir_all(&run.back).unwrap();
    }
}

/// All bytes of a damaged WET file are restored.
#[test]
fn damaged_warc_files_are_restored() {
    let run = setup();
    let wet = run.input.join("wet");
    fs::create_dir(&wet).unwrap();
    let mut state = 1_u64;
    let mut below = |most: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % most
    };
    for file in 0..200 {
        let record = |number: usize| {
            let text = format!("{}\nSHARE THIS ARTICLE", ARTICLE.repeat(number % 3));
            let length = text.len();
            format!(
                "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {length}\r\n\r\n{text}\r\n\r\n"
            )
        };
        let junk = if file % 10 == 0 { "junk\n" } else { "" };
        let records: String = (0..20).map(record).collect();
        let mut bytes = format!("{junk}{records}").into_bytes();
        for _ in 0..1 + below(6) {
            let (at, length) = (below(bytes.len()), below(30));
            let range = at..(at + length).min(bytes.len());
            match below(4) {
                0 => drop(bytes.drain(range)),
                1 => bytes.truncate(bytes.len() - length),
                2 => bytes[at] = below(256) as u8,
                _ => {
                    let (from, piece) = (below(bytes.len()), bytes[range].to_vec());
                    drop(bytes.splice(from..from, piece));
                }
            }
        }
        fs::write(wet.join(format!("{file:03}.wet")), bytes).unwrap();
    }
    let summary = clean_with(&pipeline(), &[&wet], &run.out, |job| {
        job.container = Some(Container::Wet);
    });
    let summary = summary.unwrap();
    let failed = summary.count(Verdict::Failed);
    assert!(failed > 200 && summary.documents > 3 * failed, "{failed} of {}", summary.documents);
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!((restored.documents, restored.problems), (summary.documents, Vec::new()));
    assert!(tree(&wet) == tree(&run.back));
}

#[test]
fn padding_after_compressed_rows_is_not_a_failure() {
    let run = setup();
    packed_of(&run.input, 100);
    let input = run.input.join("packed");
    for name in ["news.jsonl.gz", "news.jsonl.bz2", "news.jsonl.zst", "pages.wet.gz"] {
        let mut file = fs::OpenOptions::new().append(true).open(input.join(name)).unwrap();
        file.write_all(&[0; 30_000]).unwrap();
    }
    let summary = clean(&input, &run.out);
    assert_eq!((summary.documents, summary.count(Verdict::Failed)), (4 * 300, 0));
}

#[test]
fn documents_in_unsupported_formats_pass_through_and_are_reported() {
    let run = setup();
    let forms = run.input.join("forms");
    fs::create_dir(&forms).unwrap();
    let text = format!("{ARTICLE}\nSHARE THIS ARTICLE\n");
    let rows = [serde_json::json!({"text": text}), serde_json::json!({"text": ARTICLE})];
    let pretty = serde_json::to_string_pretty(&rows[0]).unwrap();
    let files = [
        ("array.json", serde_json::to_string(&rows).unwrap(), "it is a JSON array"),
        ("lines.txt", serde_json::to_string_pretty(&rows).unwrap(), "it is a JSON array"),
        ("pretty.jsonl", pretty, "it is JSON with values over several lines"),
        ("table.csv", format!("id,words\n1,\"{text}\"\n"), "it is a table (CSV) without a column"),
    ];
    for (name, content, _) in &files {
        fs::write(forms.join(name), content).unwrap();
    }
    let packed = zstd::encode_all(files[0].1.as_bytes(), 1).unwrap();
    fs::write(forms.join("array.json.zst"), packed).unwrap();
    let summary = clean(&forms, &run.out);
    assert_eq!((summary.documents, summary.count(Verdict::Failed)), (5, 5));
    for (name, reason) in files
        .iter()
        .map(|(name, _, reason)| (*name, *reason))
        .chain([("array.json.zst", files[0].2)])
    {
        let shown = summary.problems.iter().find(|(shown, ..)| shown == name).unwrap();
        assert!(shown.2.starts_with(reason), "{shown:?}");
    }
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!((restored.documents, restored.problems), (5, Vec::new()));
    let out: BTreeMap<_, _> =
        tree(&run.out).into_iter().filter(|(name, _)| !name.starts_with(RECORD)).collect();
    assert!(tree(&forms) == out && tree(&forms) == tree(&run.back));
}

#[test]
fn a_sample_is_the_same_each_time_and_of_the_size_asked_for() {
    let run = setup();
    let sample = |out: &Path| {
        let summary =
            clean_with(&pipeline(), &[&run.input], out, |job| job.sample = Some(50)).unwrap();
        assert_eq!(summary.documents, 50);
        tree(out)
    };
    let other = run.out.with_extension("2");
    assert!(sample(&run.out) == sample(&other));
}

#[test]
fn a_sample_of_records_has_documents_only() {
    let run = setup();
    let input = run.input.with_extension("records");
    fs::create_dir(&input).unwrap();
    let record = |kind: &str| {
        format!("WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Length: 4\r\n\r\na: b\r\n\r\n")
    };
    let wet: String = (0..40).map(|_| record("metadata") + &record("conversion")).collect();
    fs::write(input.join("pages.wet"), wet).unwrap();
    let summary = clean_with(&pipeline(), &[&input], &run.out, |job| job.sample = Some(20));
    assert_eq!(summary.unwrap().documents, 20);
    let sample = fs::read_to_string(run.out.join("pages.wet")).unwrap();
    let count = |kind: &str| sample.matches(&format!("WARC-Type: {kind}")).count();
    assert_eq!((count("conversion"), count("metadata")), (20, 0));
    assert_eq!(verify(&run.out).unwrap().problems, Vec::new());
}

#[test]
fn a_sample_is_restored() {
    let run = setup();
    packed_of(&run.input, 100);
    let input = run.input.join("packed");
    let lines = fs::read_to_string(input.join("news.jsonl")).unwrap();
    let odd = format!("\u{feff}\n{}\nno JSON\n{lines}", lines.trim_end());
    fs::write(input.join("odd.jsonl"), odd).unwrap();
    fs::write(input.join("blank.jsonl"), "\n\n").unwrap();
    for (number, to) in
        [None, Some(Container::Jsonl), Some(Container::Text)].into_iter().enumerate()
    {
        for shard_bytes in [None, Some(10_000)] {
            let [out, back] =
                ["out", "back"].map(|end| run.out.with_extension(format!("{end}{number}")));
            let _ = (fs::remove_dir_all(&out), fs::remove_dir_all(&back));
            let summary = clean_with(&pipeline(), &[&input], &out, |job| {
                (job.sample, job.to, job.shard_bytes) = (Some(150), to, shard_bytes);
            });
            let documents = summary.unwrap().documents;
            let verified = verify(&out).unwrap();
            assert_eq!((verified.documents, verified.problems), (documents, Vec::new()), "{to:?}");
            let restored = restore(&out, &back).unwrap();
            assert_eq!((restored.documents, restored.problems), (documents, Vec::new()));
            if to.is_none() {
                for name in ["news.jsonl", "odd.jsonl", "pages.wet"] {
                    let all = fs::read_to_string(input.join(name)).unwrap();
                    let sampled = fs::read_to_string(back.join(name)).unwrap();
                    let (mut all, mut sampled) = (all.lines(), sampled.lines());
                    assert!(sampled.all(|line| all.any(|other| other == line)), "{name}");
                }
            }
            // Single documents are found, whichever are skipped before.
            let number = Cell::new(0);
            let wanted = |record: &Record<'_>| {
                number.set(number.get() + 1);
                number.get() % 3 == 0 && record.is_record()
            };
            let found = originals(&out, &wanted, usize::MAX).unwrap();
            assert!(found.len() > 30 || to == Some(Container::Text), "{to:?}: {}", found.len());
        }
    }
}

#[test]
#[cfg(feature = "parquet")]
fn rows_of_parquet_are_sampled_and_read_one_by_one() {
    let run = setup();
    let rows = run.input.with_extension("rows");
    let row = |id: usize| {
        let text = format!("{ARTICLE}\n{id}\n");
        serde_json::json!({"id": id, "url": format!("https://x.org/{id}"), "text": text})
    };
    let lines: String = (0..90).map(|id| row(id).to_string() + "\n").collect();
    fs::create_dir(&rows).unwrap();
    fs::write(rows.join("news.jsonl"), lines).unwrap();
    let tables = run.out.with_extension("tables");
    let to = |to| move |job: &mut Job<'_>| job.to = Some(to);
    clean_with(&pipeline(), &[&rows], &tables, to(Container::Parquet)).unwrap();
    fs::remove_dir_all(tables.join(RECORD)).unwrap();
    let table = tables.join("news.jsonl.parquet");

    let sample = |out: &Path, to: Option<Container>| {
        clean_with(&pipeline(), &[&tables], out, |job| (job.sample, job.to) = (Some(20), to))
    };
    assert_eq!(sample(&run.out, Some(Container::Jsonl)).unwrap().documents, 20);
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!((restored.documents, restored.problems.len()), (20, 0));
    let refused = sample(&run.out.with_extension("2"), None).unwrap_err().to_string();
    assert!(refused.contains("add --to jsonl"), "{refused}");

    let names = chaffinch_formats::FieldNames::default();
    let read = |wanted| {
        let inputs = std::slice::from_ref(&table);
        chaffinch_formats::documents(inputs, None, &names, wanted, 100).unwrap()
    };
    let all = read(None);
    assert_eq!((all.documents.len(), all.passed_over.len()), (90, 0));
    assert!(all.documents[7].name.ends_with("news.jsonl.parquet:8"));
    let wanted = read(Some(("url", "https://x.org/7"))).documents;
    assert_eq!(wanted.len(), 1);
    assert_eq!(wanted[0].url.as_deref(), Some("https://x.org/7"));
    assert_eq!(read(Some(("none", "x"))).documents.len(), 0);
}

#[test]
fn globs_select_documents() {
    let run = setup();
    let set = |glob: &str| GlobSet::builder().add(Glob::new(glob).unwrap()).build().unwrap();
    let summary = clean_with(&pipeline(), &[&run.input], &run.out, |job| {
        job.include = set("many/*");
        job.exclude = set("**/1*.txt");
    });
    assert_eq!(summary.unwrap().documents, 500);
}

#[test]
fn unreadable_files_are_reported_and_the_run_continues() {
    let run = setup();
    std::os::unix::fs::symlink(run.input.join("nowhere"), run.input.join("dangling.txt")).unwrap();
    let summary = clean(&run.input, &run.out);
    assert_eq!(summary.count(Verdict::Failed), 7);
    assert!(
        summary.problems.iter().any(|(name, ..)| name.contains("dangling")),
        "{:?}",
        summary.problems
    );
}

/// Stops a run after every `blocks` blocks and resumes it, until it is finished.
fn interrupted_and_resumed(
    input: &Path,
    out: &Path,
    blocks: u32,
    change: &(dyn Fn(&mut Job<'_>) + Sync),
) {
    let pipeline = pipeline();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        loop {
            let (mut job, stop) = (job(&pipeline, &[input], out), AtomicBool::new(false));
            change(&mut job);
            if !job.run(&StopAfter::blocks(blocks, &stop), &stop).unwrap().interrupted {
                break;
            }
        }
    });
}

/// The texts of the rows of a corpus, by the path that each is restored to.
fn texts_of_rows(input: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut texts = BTreeMap::new();
    for name in ["news.jsonl", "news.jsonl.gz", "news.jsonl.bz2", "news.jsonl.zst"] {
        let rows = String::from_utf8(unpacked(&input.join(name))).unwrap();
        for (number, row) in rows.lines().enumerate() {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            let path = PathBuf::from(name).join(format!("{number:08}.txt"));
            texts.insert(path, row["text"].as_str().unwrap().as_bytes().to_vec());
        }
    }
    texts
}

fn converts(to: Container) {
    let run = setup();
    // Writing a file for each document is slow.
    let rows = if to == Container::Text { 1000 } else { 9000 };
    packed_of(&run.input, rows);
    let documents = 4 * (rows as u64 + 200) + 3;
    let input = run.input.join("packed");
    for name in ["a.txt", "b.txt", "z.txt"] {
        fs::write(input.join(name), format!("{ARTICLE}\nSHARE THIS ARTICLE\n")).unwrap();
    }
    let change = |job: &mut Job<'_>| job.to = Some(to);
    let summary = clean_with(&pipeline(), &[&input], &run.out, change).unwrap();
    assert_eq!((summary.documents, summary.count(Verdict::Failed)), (documents, 0));
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!((restored.documents, restored.problems.len()), (documents, 0), "{to:?}");
    let found = tree(&run.back);
    let rows = match to {
        // JSON Lines are restored as JSON Lines.
        Container::Jsonl => BTreeMap::new(),
        _ => texts_of_rows(&input),
    };
    for (path, text) in &rows {
        assert!(found[path] == *text, "{}", path.display());
    }
    let text = format!("{ARTICLE}\nSHARE THIS ARTICLE");
    assert_eq!(found[Path::new("pages.wet.gz/00000007.txt")], text.as_bytes());
    // Converted files are not originals, except JSON Lines that stayed JSON Lines.
    let converted = found.keys().filter(|path| path.extension() != Some("txt".as_ref()));
    let lines = if to == Container::Jsonl { 4 } else { 0 };
    assert_eq!(converted.count(), lines, "{:?}", found.keys().take(9).collect::<Vec<_>>());
    assert!(found[Path::new("z.txt")] == fs::read(input.join("z.txt")).unwrap());
    // A third of the originals, one by one.
    let (count, records) = (Cell::new(0), Cell::new(0));
    let third = |_: &Record<'_>| {
        records.set(records.get() + 1);
        records.get() % 3 == 0
    };
    for document in originals(&run.out, &third, usize::MAX).unwrap() {
        let path = match document.name.rsplit_once(':') {
            Some((file, line)) => format!("{file}/{:08}.txt", line.parse::<u64>().unwrap() - 1),
            None => document.name.clone(),
        };
        count.set(count.get() + 1);
        if let Some(original) = found.get(Path::new(&path)) {
            assert!(document.text.as_bytes() == original.as_slice(), "{path}");
        }
    }
    assert_eq!((records.get(), count.get()), (summary.documents, summary.documents / 3));
    // A second run replaces the output.
    let again = clean_with(&pipeline(), &[&input], &run.out, change).unwrap();
    assert_eq!(again.documents, summary.documents);
    // A resumed run gives the same output.
    let wanted = tree(&run.out);
    let other = run.out.with_extension("2");
    interrupted_and_resumed(&input, &other, 9, &change);
    assert!(wanted == tree(&other), "{to:?}");
}

#[test]
fn documents_become_rows() {
    converts(Container::Jsonl);
}

#[test]
fn documents_become_files() {
    converts(Container::Text);
}

#[test]
#[cfg(feature = "parquet")]
fn documents_become_parquet() {
    converts(Container::Parquet);
}

#[test]
fn shards_end_where_they_are_full_and_are_restored_as_one() {
    let run = setup();
    packed(&run.input);
    let input = run.input.join("packed");
    // A file named like a shard of another is its own.
    fs::write(input.join("news-00000.jsonl"), "{\"text\":\"x\"}\n").unwrap();
    let summary = clean_with(&pipeline(), &[&input], &run.out, |job| {
        job.shard_bytes = Some(600 << 10);
    });
    assert_eq!(summary.unwrap().documents, 4 * 9200 + 1);
    assert!(run.out.join("news-00001.jsonl").exists() && !run.out.join("news.jsonl").exists());
    assert!(run.out.join("news-00000.jsonl.zst").exists());
    let whole = run.out.with_extension("whole");
    clean(&input, &whole);
    let shards = (0..).map(|n| run.out.join(format!("news-{n:05}.jsonl")));
    let joined: Vec<u8> = shards
        .take_while(|shard| shard.exists())
        .flat_map(|shard| fs::read(shard).unwrap())
        .collect();
    assert!(joined == fs::read(whole.join("news.jsonl")).unwrap());
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!((restored.documents, restored.problems.len()), (4 * 9200 + 1, 0));
    assert!(tree(&run.back)[Path::new("news-00000.jsonl")] == b"{\"text\":\"x\"}\n");
    assert!(unpacked(&run.back.join("pages.wet.gz")) == unpacked(&input.join("pages.wet.gz")));
    clean(&input, &run.out);
    assert!(!run.out.join("news-00001.jsonl").exists(), "an earlier run's shards go");
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_is_cut_between_row_groups_and_restored_as_one() {
    let run = setup();
    let (texts, rows) = (run.input.join("long"), run.input.join("tables"));
    fs::create_dir(&texts).unwrap();
    // Long paragraphs, so that there are several row groups.
    let long = "The minister said that the talks would go on. ".repeat(400);
    let row = |id: usize| {
        let text = format!("{ARTICLE}\n{long}\n\nSHARE THIS ARTICLE\n");
        serde_json::json!({"id": id, "text": text}).to_string() + "\n"
    };
    fs::write(texts.join("news.jsonl"), (0..1800).map(row).collect::<String>()).unwrap();
    let one_a_shard = |job: &mut Job<'_>| job.shard_bytes = Some(1);
    let to_parquet = |job: &mut Job<'_>| job.to = Some(Container::Parquet);

    // Converted files: their documents are restored, with shards and without.
    clean_with(&pipeline(), &[&texts], &rows, to_parquet).unwrap();
    let summary = clean_with(&pipeline(), &[&texts], &run.out, |job| {
        to_parquet(job);
        one_a_shard(job);
    });
    assert_eq!(summary.unwrap().count(Verdict::Failed), 0);
    assert!(run.out.join("news-00001.jsonl.parquet").exists());
    assert!(!run.out.join("news.jsonl.parquet").exists());
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!((restored.documents, restored.problems.len()), (1800, 0));
    let third = |record: &Record<'_>| record.ordinal.is_multiple_of(3);
    assert_eq!(originals(&run.out, &third, usize::MAX).unwrap().len(), 600);
    // The documents of a damaged shard are reported one by one.
    fs::write(run.out.join("news-00001.jsonl.parquet"), "no more").unwrap();
    let damaged = restore(&run.out, &run.back.with_extension("damaged")).unwrap();
    assert!(damaged.documents > 0 && !damaged.problems.is_empty());
    assert_eq!(damaged.documents + damaged.problems.len() as u64, 1800);

    // Parquet inputs: the shards are restored as one file, as in a run without shards.
    fs::remove_dir_all(rows.join(RECORD)).unwrap();
    let [whole, cut, stopped] = ["whole", "cut", "stopped"].map(|end| run.out.with_extension(end));
    clean(&rows, &whole);
    clean_with(&pipeline(), &[&rows], &cut, one_a_shard).unwrap();
    assert!(cut.join("news-00001.jsonl.parquet").exists());
    let [one, other] = ["1", "2"].map(|end| run.back.with_extension(end));
    assert_eq!(restore(&cut, &one).unwrap().problems, []);
    assert_eq!(restore(&whole, &other).unwrap().documents, 1800);
    assert!(tree(&one) == tree(&other));

    // A resumed run gives the same output.
    interrupted_and_resumed(&rows, &stopped, 2, &one_a_shard);
    assert!(tree(&cut) == tree(&stopped));
}

#[test]
fn a_parquet_file_that_is_cut_off_passes_through() {
    let run = setup();
    let bytes = b"PAR1 and no footer";
    fs::write(run.input.join("cut.parquet"), bytes).unwrap();
    let summary = clean(&run.input, &run.out);
    assert_eq!(summary.count(Verdict::Failed), 7);
    let shown = summary.problems.iter().find(|(name, ..)| name == "cut.parquet").unwrap();
    assert!(shown.2.contains("Parquet"), "{shown:?}");
    assert_eq!(fs::read(run.out.join("cut.parquet")).unwrap(), bytes);
    assert_eq!(restore(&run.out, &run.back).unwrap().problems, []);
}
