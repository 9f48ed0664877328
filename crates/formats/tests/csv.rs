//! Runs over CSV: all bytes except the text are kept, originals are restored, and a bad row affects
//! no other row.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use chaffinch_core::{Limits, Pipeline, Verdict};
use chaffinch_formats::{
    Container, Error, Found, Job, Output, Resume, Summary, each_document, originals, rerun,
    restore, verify,
};
use common::{StopAfter, tree, tree_except};
use tempfile::TempDir;

const ARTICLE: &str = "Talks to go on\n\nThe minister told reporters on Tuesday that the talks would go on, \"after a break\".\n\nOfficials from seven countries took part in the meeting behind closed doors.\n";

const CHAFF: &str = "\nSHARE THIS ARTICLE\n";

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

struct Scene {
    _folder: TempDir,
    input: PathBuf,
    out: PathBuf,
    back: PathBuf,
}

fn scene(files: &[(&str, &[u8])]) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let [input, out, back] = ["in", "out", "back"].map(|name| folder.path().join(name));
    fs::create_dir(&input).unwrap();
    for (name, bytes) in files {
        fs::write(input.join(name), bytes).unwrap();
    }
    Scene { _folder: folder, input, out, back }
}

fn run(scene: &Scene, change: impl FnOnce(&mut Job<'_>)) -> Result<Summary, Error> {
    let limits = Limits { document_bytes: 1 << 20, ..Limits::default() };
    let pipeline = Pipeline::builder().limits(limits).build().unwrap();
    let output = Output::Directory(scene.out.clone());
    let mut job = Job::new(&pipeline, vec![scene.input.clone()], output);
    job.verify = true;
    change(&mut job);
    job.run(&(), &AtomicBool::new(false))
}

/// A file of many rows, of which each fifth has chaff.
fn many(rows: usize, line_end: &str) -> String {
    let mut file = format!("\u{feff}id,\"text\",url,note{line_end}");
    for row in 0..rows {
        let chaff = if row % 5 == 0 { CHAFF } else { "" };
        let text = quoted(&format!("{ARTICLE}{chaff}").replace('\n', line_end));
        file += &format!("{row},{text},https://x.example/{row}, \"odd\" note{line_end}");
    }
    file
}

fn unpacked(bytes: &[u8], name: &str) -> String {
    let mut text = String::new();
    match name.rsplit_once('.').unwrap().1 {
        "gz" => flate2::read::MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap(),
        "zst" => zstd::Decoder::new(bytes).unwrap().read_to_string(&mut text).unwrap(),
        _ => {
            text = String::from_utf8(bytes.to_vec()).unwrap();
            0
        }
    };
    text
}

#[test]
fn only_the_text_changes_and_it_is_restored() {
    let file = many(2000, "\r\n");
    let packed = zstd::encode_all(file.as_bytes(), 1).unwrap();
    let scene = scene(&[
        ("a.csv", file.as_bytes()),
        ("b.csv.zst", &packed),
        ("c.tsv", b"id\ttext\n1\tSHARE THIS ARTICLE\n\n2\t\n"),
        ("d.csv", b"text\n"),
        ("e.csv", b""),
        ("f.txt", format!("Id;Body\n1;{}\n", quoted(&format!("{ARTICLE}{CHAFF}"))).as_bytes()),
    ]);
    let summary = run(&scene, |_| {}).unwrap();
    assert_eq!((summary.documents, summary.count(Verdict::Failed)), (4003, 0));
    assert_eq!(summary.count(Verdict::Cleaned), 801, "{:?}", summary.verdicts);
    let cleaned = fs::read_to_string(scene.out.join("a.csv")).unwrap();
    assert_eq!(cleaned, file.replace("\r\n\r\nSHARE THIS ARTICLE\r\n\",", "\r\n\","));
    assert_eq!(unpacked(&fs::read(scene.out.join("b.csv.zst")).unwrap(), "b.zst"), cleaned);
    let restored = restore(&scene.out, &scene.back).unwrap();
    assert_eq!((restored.documents, restored.problems), (4003, Vec::new()));
    let (back, input) = (tree(&scene.back), tree(&scene.input));
    for (path, bytes) in &input {
        let name = path.to_str().unwrap();
        assert!(unpacked(&back[path], name) == unpacked(bytes, name), "{name}");
    }
    assert_eq!(back.len(), input.len());
    assert_eq!(verify(&scene.out).unwrap().documents, 4003);
    // Single originals have the text of the field, and the URL of their row.
    let some = originals(&scene.out, &|record| record.id.as_deref() == Some("5"), 1).unwrap();
    assert_eq!(some[0].text, format!("{ARTICLE}{CHAFF}").replace('\n', "\r\n"));
    assert_eq!(some[0].url.as_deref(), Some("https://x.example/5"));
}

#[test]
fn a_bad_row_passes_through_and_affects_no_other() {
    let good = |id: u32| format!("{id},{}\n", quoted(&format!("{ARTICLE}{CHAFF}")));
    let bad: [(&[u8], &str); 5] = [
        (b"1,a,b\n", "the row has 3 fields, but the header row has 2"),
        (b"1\n", "the row has 1 field, but the header row has 2"),
        (b"1,\xff\n", "the row is not UTF-8"),
        (b"1,\"He said \"yes\" and left\"\n", "a field has text after its closing quote"),
        (b"1,\"cut off\nin the middle", "a field begins with a quote that is never closed"),
    ];
    for (row, reason) in bad {
        let last = row.ends_with(b"e");
        let after = if last { String::new() } else { good(8) };
        let file = [format!("id,text\n{}", good(7)).as_bytes(), row, after.as_bytes()].concat();
        let scene = scene(&[("a.csv", &file)]);
        let summary = run(&scene, |_| {}).unwrap();
        let cleaned = if last { 1 } else { 2 };
        assert_eq!(summary.count(Verdict::Cleaned), cleaned, "{reason}");
        let [(name, _, found)] = summary.problems.as_slice() else { panic!("{summary:?}") };
        assert!(name == "a.csv:3" && found.starts_with(reason), "{name}: {found}");
        let written = fs::read(scene.out.join("a.csv")).unwrap();
        assert!(memchr::memmem::find(&written, row).is_some(), "{reason}");
        let problems = fs::read_to_string(scene.out.join(".chaffinch/problems.jsonl")).unwrap();
        assert!(problems.contains(reason), "{problems}");
        assert_eq!(restore(&scene.out, &scene.back).unwrap().problems, []);
        assert!(fs::read(scene.back.join("a.csv")).unwrap() == file, "{reason}");
    }
}

#[test]
fn a_row_over_the_limit_passes_through_in_parts() {
    let long = quoted(&"A long text,\nand so on. ".repeat(120_000));
    let good = |id: u32| format!("{id},{}\n", quoted(&format!("{ARTICLE}{CHAFF}")));
    for (row, after, reason) in [
        (format!("1,{long}\n"), good(3), "longer than limits.document_bytes"),
        (format!("1,{}", &long[..long.len() - 1]), String::new(), "a quote that is never closed"),
    ] {
        let file = format!("id,text\n{}{row}{after}", good(2));
        let scene = scene(&[("a.csv", file.as_bytes())]);
        let summary = run(&scene, |_| {}).unwrap();
        let cleaned = if after.is_empty() { 1 } else { 2 };
        assert_eq!((summary.count(Verdict::Cleaned), summary.count(Verdict::Failed)), (cleaned, 1));
        let (_, _, found) = &summary.problems[0];
        assert!(found.contains(reason), "{found}");
        assert_eq!(restore(&scene.out, &scene.back).unwrap().problems, []);
        assert!(fs::read_to_string(scene.back.join("a.csv")).unwrap() == file);
    }
}

#[test]
fn files_without_a_text_column_pass_through_and_are_reported() {
    let scene = scene(&[
        ("a.csv", b"id,words\n1,So it was.\n"),
        ("b.csv", b"id,t\xe9xt\n1,So it was.\n"),
        ("c.csv", format!("id,{}", "x".repeat(70_000)).as_bytes()),
    ]);
    let summary = run(&scene, |_| {}).unwrap();
    let reasons: Vec<_> = summary.problems.iter().map(|(_, _, reason)| reason.as_str()).collect();
    let wanted = ["without a column `text`", "not UTF-8", "header row is longer"];
    assert!(reasons.iter().zip(wanted).all(|(reason, wanted)| reason.contains(wanted)));
    assert_eq!(reasons.len(), 3);
    assert!(tree(&scene.out) == tree(&scene.input));
    // With the name of its column, the first one is read.
    let summary = run(&scene, |job| job.names.text = vec!["words".into()]).unwrap();
    assert_eq!(summary.count(Verdict::Unchanged), 1);
    assert_eq!(restore(&scene.out, &scene.back).unwrap().problems, []);
}

#[test]
fn shards_have_the_header_and_are_restored_as_one() {
    for (name, packed) in [("a.csv", false), ("a.csv.gz", true)] {
        let file = many(9000, "\n");
        let mut bytes = file.clone().into_bytes();
        if packed {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(&bytes).unwrap();
            bytes = out.finish().unwrap();
        }
        let scene = scene(&[(name, &bytes)]);
        run(&scene, |job| job.shard_bytes = Some(5_000)).unwrap();
        let shards = tree(&scene.out);
        assert!(shards.len() > 2, "{}", shards.len());
        let mut rows = 0;
        for (path, bytes) in &shards {
            let text = unpacked(bytes, path.to_str().unwrap());
            assert!(text.starts_with("\u{feff}id,\"text\",url,note\n0,") || rows > 0);
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            assert_eq!(reader.headers().unwrap(), &["id", "text", "url", "note"][..]);
            rows += reader.records().map(Result::unwrap).count();
        }
        assert_eq!(rows, 9000);
        let restored = restore(&scene.out, &scene.back).unwrap();
        assert_eq!((restored.documents, restored.problems), (9000, Vec::new()));
        assert!(unpacked(&fs::read(scene.back.join(name)).unwrap(), name) == file);
    }
}

#[test]
fn an_interrupted_run_resumes_with_the_same_output() {
    let scene = scene(&[("a.csv", many(40_000, "\n").as_bytes())]);
    let pipeline = Pipeline::builder().build().unwrap();
    let clean = |out: &Path, blocks: u32| {
        let inputs = vec![scene.input.clone()];
        let mut job = Job::new(&pipeline, inputs, Output::Directory(out.to_owned()));
        (job.shard_bytes, job.resume) = (Some(1_500_000), Resume::May);
        let stop = AtomicBool::new(false);
        job.run(&StopAfter::blocks(blocks, &stop), &stop).unwrap()
    };
    let uncut = scene.out.with_extension("uncut");
    clean(&uncut, u32::MAX);
    let mut starts = 0;
    while clean(&scene.out, 2).interrupted {
        starts += 1;
    }
    assert!(starts > 0);
    assert!(tree_except(&scene.out, "run.json") == tree_except(&uncut, "run.json"));
}

#[test]
fn rows_are_sampled_converted_and_read_one_by_one() {
    let scene = scene(&[("a.csv", many(300, "\n").as_bytes())]);
    let summary = run(&scene, |job| job.sample = Some(20)).unwrap();
    assert_eq!(summary.documents, 20);
    let sample = fs::read_to_string(scene.out.join("a.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(sample.as_bytes());
    assert_eq!(reader.headers().unwrap().len(), 4);
    assert_eq!(reader.records().map(Result::unwrap).count(), 20);
    let verified = verify(&scene.out).unwrap();
    assert_eq!((verified.documents, verified.problems), (20, Vec::new()));

    run(&scene, |job| job.to = Some(Container::Jsonl)).unwrap();
    let rows = fs::read_to_string(scene.out.join("a.csv.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
    assert_eq!((&first["id"], &first["url"]), (&"0".into(), &"https://x.example/0".into()));
    assert_eq!(first["text"], ARTICLE);
    assert_eq!(rows.lines().count(), 300);
    assert_eq!(restore(&scene.out, &scene.back).unwrap().documents, 300);
    let back = fs::read_to_string(scene.back.join("a.csv/00000001.txt")).unwrap();
    assert_eq!(back, format!("{ARTICLE}{CHAFF}"));

    let names = chaffinch_formats::FieldNames::default();
    let mut found = Vec::new();
    each_document(&[scene.input.join("a.csv")], None, &names, &mut |name, _, document| {
        let Found::Record { field, .. } = document else { panic!("{name}") };
        found.push((name, field("note").unwrap()));
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(found[0], ("a.csv:2".into(), " \"odd\" note".into()));
    assert_eq!(found.len(), 300);
}

#[test]
fn a_sample_in_shards_is_restored() {
    let file = format!("\r\n\n{}", &many(3000, "\r\n")[3..]);
    let scene = scene(&[("a.csv", file.as_bytes())]);
    run(&scene, |job| (job.sample, job.shard_bytes) = (Some(900), Some(10_000))).unwrap();
    assert!(scene.out.join("a-00001.csv").exists());
    let restored = restore(&scene.out, &scene.back).unwrap();
    assert_eq!((restored.documents, restored.problems), (900, Vec::new()));
    let back = fs::read_to_string(scene.back.join("a.csv")).unwrap();
    let (mut all, mut sampled) = (file.lines(), back.lines());
    assert!(sampled.all(|line| all.any(|other| other == line)));
}

#[test]
fn a_rerun_has_the_output_of_a_full_run() {
    let scene = scene(&[("a.csv", many(400, "\n").as_bytes())]);
    run(&scene, |_| {}).unwrap();
    let pipeline = Pipeline::builder().build().unwrap();
    let other = pipeline.without(|id| pipeline.rule(id).stage == "share-buttons");
    let [again, full] = ["again", "full"].map(|end| scene.out.with_extension(end));
    let stop = AtomicBool::new(false);
    rerun(&scene.out, Some(&again), &other, &(), &stop).unwrap();
    let job = Job::new(&other, vec![scene.input.clone()], Output::Directory(full.clone()));
    job.run(&(), &stop).unwrap();
    assert!(tree(&again) == tree(&full) && tree(&again) != tree(&scene.out));
    // Without a change of rules, no row is cleaned again.
    let limits = Limits { document_bytes: 1 << 20, ..Limits::default() };
    let same = Pipeline::builder().limits(limits).build().unwrap();
    let kept = rerun(&scene.out, Some(&scene.back), &same, &(), &stop).unwrap();
    assert_eq!(kept.cleaned_again, 0);
    assert!(tree(&scene.back) == tree(&scene.out));
}
