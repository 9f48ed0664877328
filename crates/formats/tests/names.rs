//! File names at the limits: long ones, and ones that are not UTF-8.
#![cfg(unix)]

mod common;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use chaffinch_core::{Pipeline, Verdict};
use chaffinch_formats::{Container, Error, Job, Output, Resume, Summary, rerun, restore};
use common::{StopAfter, tree};

fn article(number: usize) -> String {
    format!(
        "Talks number {number}\n\nThe minister told reporters on Tuesday that the talks would go \
         on.\n\nSHARE THIS ARTICLE\n"
    )
}

fn row(number: usize) -> String {
    format!("{}\n", serde_json::json!({"text": article(number)}))
}

fn clean(input: &Path, out: &Path, with: impl FnOnce(&mut Job<'_>)) -> Result<Summary, Error> {
    let pipeline = Pipeline::builder().build().unwrap();
    let output = Output::Directory(out.to_owned());
    let mut job = Job::new(&pipeline, vec![input.to_owned()], output);
    with(&mut job);
    job.run(&(), &AtomicBool::new(false))
}

/// Names of all lengths up to the longest, in letters of one and two bytes, with different starts
/// and the same end, and the other way round.
fn long_names(ending: &str) -> Vec<OsString> {
    let mut names = Vec::new();
    for length in [200, 235, 241, 242, 249, 254, 255] {
        let stem = length - ending.len();
        names.push(format!("{}{ending}", "a".repeat(stem)));
        names.push(format!("b{}{ending}", "a".repeat(stem - 1)));
        names.push(format!("{}c{ending}", "a".repeat(stem - 1)));
        names.push(format!("{}{}{ending}", "é".repeat(stem / 2), "d".repeat(stem % 2)));
    }
    names.into_iter().map(OsString::from).collect()
}

fn filled(root: &Path, names: &[OsString], text: fn(usize) -> String) {
    fs::create_dir_all(root).unwrap();
    for (number, name) in names.iter().enumerate() {
        fs::write(root.join(name), text(number)).unwrap();
    }
}

#[test]
fn names_up_to_the_longest_are_cleaned_resumed_and_restored() {
    for (ending, text) in [(".txt", article as fn(usize) -> String), (".jsonl", row)] {
        let folder = tempfile::tempdir().unwrap();
        let [input, out, back] = ["in", "out", "back"].map(|name| folder.path().join(name));
        let names = long_names(ending);
        filled(&input, &names, text);
        // A run that is stopped after each block.
        let pipeline = Pipeline::builder().build().unwrap();
        loop {
            let stop = AtomicBool::new(false);
            let job = Job::new(&pipeline, vec![input.clone()], Output::Directory(out.clone()));
            let summary = job.run(&StopAfter::blocks(1, &stop), &stop).unwrap();
            if !summary.interrupted {
                assert_eq!(summary.count(Verdict::Cleaned), names.len() as u64);
                break;
            }
        }
        assert!(tree(&out).keys().eq(tree(&input).keys()), "the same names");
        assert!(tree(&out).values().all(|text| !String::from_utf8_lossy(text).contains("SHARE")));
        let restored = restore(&out, &back).unwrap();
        assert!(restored.problems.is_empty(), "{:?}", restored.problems);
        assert!(tree(&back) == tree(&input));
        // A later run takes the place of the finished one.
        clean(&input, &out, |job| job.resume = Resume::Never).unwrap();
    }
}

#[test]
fn long_names_have_room_for_shards_and_other_endings() {
    for (to, shard_bytes) in
        [(None, Some(1)), (Some(Container::Jsonl), None), (Some(Container::Text), None)]
    {
        let folder = tempfile::tempdir().unwrap();
        let [input, out, back] = ["in", "out", "back"].map(|name| folder.path().join(name));
        filled(&input, &long_names(".jsonl"), |number| row(number) + &row(number + 1));
        let wet = |number: usize| {
            let text = article(number);
            let length = text.len();
            format!(
                "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {length}\r\n\r\n{text}\r\n\r\n"
            )
        };
        filled(&input, &long_names(".wet"), wet);
        for _ in 0..2 {
            let summary =
                clean(&input, &out, |job| (job.to, job.shard_bytes) = (to, shard_bytes)).unwrap();
            assert_eq!(summary.count(Verdict::Cleaned), summary.documents);
            assert_eq!(summary.documents, 28 * 3);
        }
        let restored = restore(&out, &back).unwrap();
        assert!(restored.problems.is_empty(), "{:?}", restored.problems);
        assert_eq!(restored.documents, 28 * 3);
        if to.is_none() {
            assert!(tree(&back) == tree(&input));
        }
    }
}

#[test]
fn names_that_are_not_utf_8_stay_distinct_and_are_restored() {
    let folder = tempfile::tempdir().unwrap();
    let [input, out, back, again] =
        ["in", "out", "back", "again"].map(|name| folder.path().join(name));
    // Each looks like an escape of another.
    let names: Vec<OsString> = [
        &b"a\xff.txt"[..],
        b"a%FF.txt",
        b"a\\xFF.txt",
        b"a\\x5CxFF.txt",
        "a\u{fffd}.txt".as_bytes(),
        b"a\xc3.txt",
        b"a\xc3\xa9.txt",
        b"line\nend\xfe.txt",
        b"rows\xfe.jsonl",
    ]
    .iter()
    .map(|name| OsStr::from_bytes(name).to_owned())
    .collect();
    let texts = |number| if number == 8 { row(number) } else { article(number) };
    let inside = input.join(OsStr::from_bytes(b"folder\xf0"));
    filled(&input, &names, texts);
    filled(&inside, &names, texts);
    clean(&input, &out, |_| {}).unwrap();
    assert!(tree(&out).keys().eq(tree(&input).keys()), "{:?}", tree(&out).keys());
    restore(&out, &back).unwrap();
    assert!(tree(&back) == tree(&input));
    let pipeline = Pipeline::builder().build().unwrap();
    let done = rerun(&out, Some(&again), &pipeline, &(), &AtomicBool::new(false)).unwrap();
    assert_eq!((done.summary.documents, done.cleaned_again), (18, 0));
    assert!(tree(&again) == tree(&out));
}

#[test]
fn documents_named_like_temporary_files_are_cleaned() {
    let folder = tempfile::tempdir().unwrap();
    let [input, out, back] = ["in", "out", "back"].map(|name| folder.path().join(name));
    filled(&input, &["a.txt".into(), "a.txt.chaffinch-tmp".into()], article);
    for _ in 0..2 {
        clean(&input, &out, |_| {}).unwrap();
    }
    restore(&out, &back).unwrap();
    assert!(tree(&back) == tree(&input));
}

#[test]
fn a_path_too_deep_for_the_output_is_reported_and_the_rest_is_cleaned() {
    let folder = tempfile::tempdir().unwrap();
    let [input, back] = ["in", "back"].map(|name| folder.path().join(name));
    let deep = (0..19).fold(input.clone(), |path, _| path.join("d".repeat(200)));
    filled(&input, &["a.txt".into(), "b.jsonl".into()], row);
    filled(&deep, &["c.txt".into(), "d.jsonl".into()], row);
    let out = folder.path().join("o".repeat(250));
    let summary = clean(&input, &out, |_| {}).unwrap();
    assert_eq!((summary.count(Verdict::Cleaned), summary.count(Verdict::Failed)), (2, 2));
    for (name, _, reason) in &summary.problems {
        assert!(name.ends_with("/c.txt") || name.ends_with("/d.jsonl"), "{name}");
        assert!(reason.starts_with("cannot be written: its path"), "{reason}");
    }
    assert_eq!(restore(&out, &back).unwrap().documents, 2);
}
