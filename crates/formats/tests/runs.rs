//! Whole runs: what they leave, and that the originals come back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use chaffinch_core::{Limits, Pipeline, Verdict};
use chaffinch_formats::{Error, Job, Ledger, Names, Observer, Output, RECORD, Summary, restore};
use globset::{Glob, GlobSet};
use tempfile::TempDir;

struct Silent;

impl Observer for Silent {
    fn document(&self, _: &str, _: u64, _: Verdict) {}
}

const ARTICLE: &str = "Talks to go on\n\nThe minister told reporters on Tuesday that the talks would go on.\n\nOfficials from seven countries took part in the meeting behind closed doors.\n";

fn pipeline() -> Pipeline {
    let limits = Limits { document_bytes: 1 << 20, ..Limits::default() };
    Pipeline::builder().limits(limits).build().unwrap()
}

/// Writes a corpus of documents of all sorts.
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

fn clean_with(
    pipeline: &Pipeline,
    inputs: &[&Path],
    out: &Path,
    change: impl FnOnce(&mut Job<'_>),
) -> Result<Summary, Error> {
    let mut job = Job {
        inputs: inputs.iter().map(|input| input.to_path_buf()).collect(),
        output: Output::Directory(out.to_owned()),
        ledger: Ledger::InRecord,
        container: None,
        names: Names::default(),
        include: GlobSet::empty(),
        exclude: GlobSet::empty(),
        sample: None,
        pipeline,
    };
    change(&mut job);
    job.run(&Silent, &AtomicBool::new(false))
}

fn clean(input: &Path, out: &Path) -> Summary {
    clean_with(&pipeline(), &[input], out, |_| {}).unwrap()
}

/// All files below a folder, but for the timing of the run.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    walkdir::WalkDir::new(root)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file() && entry.file_name() != "run.json")
        .map(|entry| {
            (entry.path().strip_prefix(root).unwrap().to_owned(), fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn every_original_comes_back_byte_for_byte() {
    let run = setup();
    let summary = clean(&run.input, &run.out);
    assert_eq!(summary.documents, 618);
    // The binary, the page, the long file; the rows that are no documents; the rows too long.
    assert_eq!(summary.count(Verdict::Failed), 8, "{:?}", summary.problems);
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
fn failed_documents_pass_through_and_are_named() {
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
        ("rows/news.jsonl", "not a JSON object"),
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
fn a_changed_file_and_a_damaged_ledger_are_named_and_the_rest_restored() {
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
    fs::remove_file(run.input.join("bom.txt")).unwrap();
    clean(&run.input, &run.out);
    assert!(!run.out.join("bom.txt").exists(), "its input vanished");
    fs::write(run.out.join("many/notes.txt"), "mine").unwrap();
    let error = clean_with(&pipeline(), &[&run.input], &run.out, |_| {}).unwrap_err();
    assert!(error.to_string().contains("many/notes.txt"), "{error}");
    assert_eq!(fs::read_to_string(run.out.join("many/notes.txt")).unwrap(), "mine");
    assert!(run.out.join("crlf.txt").exists(), "nothing was touched");
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
fn several_inputs_go_under_their_names() {
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

#[test]
fn an_interrupted_run_leaves_whole_files_and_can_be_run_again() {
    struct StopAfter<'a>(&'a AtomicBool);
    impl Observer for StopAfter<'_> {
        fn document(&self, _: &str, _: u64, _: Verdict) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let run = setup();
    let (pipeline, stop) = (pipeline(), AtomicBool::new(false));
    let job = Job {
        inputs: vec![run.input.clone()],
        output: Output::Directory(run.out.clone()),
        ledger: Ledger::InRecord,
        container: None,
        names: Names::default(),
        include: GlobSet::empty(),
        exclude: GlobSet::empty(),
        sample: None,
        pipeline: &pipeline,
    };
    let summary = job.run(&StopAfter(&stop), &stop).unwrap();
    assert!(summary.interrupted && summary.documents < 618);
    let record = fs::read_to_string(run.out.join(RECORD).join("run.json")).unwrap();
    assert!(record.contains("\"state\": \"interrupted\""));
    let restored = restore(&run.out, &run.back).unwrap();
    assert_eq!((restored.documents, restored.problems.len()), (summary.documents, 0));
    assert_eq!(clean(&run.input, &run.out).documents, 618);
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
fn globs_choose_documents() {
    let run = setup();
    let set = |glob: &str| GlobSet::builder().add(Glob::new(glob).unwrap()).build().unwrap();
    let summary = clean_with(&pipeline(), &[&run.input], &run.out, |job| {
        job.include = set("many/*");
        job.exclude = set("**/1*.txt");
    });
    assert_eq!(summary.unwrap().documents, 500);
}

#[test]
fn an_unreadable_file_is_named_and_the_run_goes_on() {
    let run = setup();
    std::os::unix::fs::symlink(run.input.join("nowhere"), run.input.join("dangling.txt")).unwrap();
    let summary = clean(&run.input, &run.out);
    assert_eq!(summary.count(Verdict::Failed), 9);
    assert!(
        summary.problems.iter().any(|(name, ..)| name.contains("dangling")),
        "{:?}",
        summary.problems
    );
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_no_text_stay_apart() {
    use std::os::unix::ffi::OsStrExt;
    let run = setup();
    for byte in [0xfd, 0xfe] {
        let name = [b'b', byte];
        fs::write(run.input.join(std::ffi::OsStr::from_bytes(&name)), [byte - 0x90]).unwrap();
    }
    clean_with(&pipeline(), &[&run.input], &run.out, |job| {
        job.include = GlobSet::builder().add(Glob::new("b%*").unwrap()).build().unwrap();
    })
    .unwrap();
    assert_eq!(fs::read(run.out.join("b%FD")).unwrap(), b"m");
    assert_eq!(fs::read(run.out.join("b%FE")).unwrap(), b"n");
}
