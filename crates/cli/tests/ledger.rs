//! `chaffinch ledger` prints every edit of a run, as data.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use common::{ARTICLE, Folder, code, text};
use serde_json::{Value, json};

/// Rows with ids from 0, in which one rule removes a line above the article and one below it.
fn rows(count: usize) -> String {
    let page = format!("News / Politics\n\n{ARTICLE}\nSHARE THIS ARTICLE\n");
    (0..count).map(|id| format!("{}\n", json!({"id": format!("d{id}"), "text": page}))).collect()
}

/// The edits that a command prints.
fn edits(folder: &Folder, arguments: &[&str]) -> Vec<Value> {
    let output = folder.run(arguments);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_edit_is_a_row_with_all_keys() {
    let folder = Folder::new();
    assert_eq!(code(&folder.run(&["clean", "corpus", "-o", "out", "-q"])), 0);
    let printed = folder.run(&["ledger", "out"]);
    insta::assert_snapshot!(text(&printed.stdout), @r#"{"file":"a.txt","ordinal":0,"id":null,"outlet":null,"day":null,"rule":"generic/share-buttons/share/en","stage":"share-buttons","start":83,"end":103,"text":"\nSHARE THIS ARTICLE\n","with":"","confidence":null}"#);
}

/// Removing and replacing the printed ranges of the originals gives the cleaned texts.
#[test]
fn the_rows_turn_the_originals_into_the_output() {
    let folder = Folder::new();
    for (number, kind) in ["agency", "comments", "list"].iter().enumerate() {
        let page = fs::read_to_string(format!("../../corpus/pages/en-{kind}-1.case")).unwrap();
        let page: String =
            page.lines().map(|line| format!("{}\n", line.get(1..).unwrap_or(""))).collect();
        folder.write(&format!("in/{number}.txt"), &page.replace(", ", ",\u{a0}"));
    }
    assert_eq!(code(&folder.run(&["clean", "in", "-o", "out", "-q", "--level", "balanced"])), 0);
    let edits = edits(&folder, &["ledger", "out"]);
    let (mut judged, mut replaced) = (0, 0);
    for number in 0..3 {
        let name = format!("{number}.txt");
        let original = folder.read(&format!("in/{name}"));
        let (mut cleaned, mut at) = (String::new(), 0);
        for edit in edits.iter().filter(|edit| edit["file"] == *name) {
            let place = |key: &str| usize::try_from(edit[key].as_u64().unwrap()).unwrap();
            assert_eq!(edit["text"], original[place("start")..place("end")]);
            cleaned += &original[at..place("start")];
            cleaned += edit["with"].as_str().unwrap();
            at = place("end");
            replaced += usize::from(edit["with"] != "");
            judged += usize::from(edit["confidence"].as_u64().is_some());
        }
        cleaned += &original[at..];
        assert_eq!(cleaned, folder.read(&format!("out/{name}")));
    }
    assert!(judged > 0 && replaced > 0, "{judged} {replaced}");
}

#[test]
fn rows_are_selected_by_rule_and_by_document() {
    let folder = Folder::new();
    folder.write("in/rows.jsonl", &rows(3));
    folder.write("in/b.txt", &folder.read("corpus/a.txt"));
    assert_eq!(code(&folder.run(&["clean", "in", "-o", "out", "-q"])), 0);
    let all = edits(&folder, &["ledger", "out"]);
    let (share, path) = ("generic/share-buttons/share/en", "generic/navigation/rooted-path");
    let of = |rule: &str| all.iter().filter(|edit| edit["rule"] == rule).count();
    assert_eq!((all.len(), of(share), of(path)), (7, 4, 3));
    let count =
        |selection: &[&str]| edits(&folder, &[&["ledger", "out"], selection].concat()).len();
    for (rule, wanted) in [(share, 4), ("generic/share-buttons", 4), ("generic", 7), (path, 3)] {
        assert_eq!(count(&["--rule", rule]), wanted, "{rule}");
    }
    assert_eq!(count(&["--rule", share, "--rule", path]), 7);
    for (document, wanted) in [("d1", 2), ("rows.jsonl:2", 2), ("rows.jsonl", 6), ("b.txt", 1)] {
        assert_eq!(count(&["--document", document]), wanted, "{document}");
    }
    assert_eq!(count(&["--document", "d1", "--document", "b.txt", "--rule", path]), 1);

    let (exit, said) = folder.refused(&["ledger", "out", "--rule", "share-buttons"]);
    assert_eq!(exit, 2);
    assert!(
        said.contains("the run has no rule \"share-buttons\"; did you mean generic/"),
        "{said}"
    );
    let output = folder.run(&["ledger", "out", "--document", "d1", "--document", "d9"]);
    assert_eq!((code(&output), text(&output.stdout).lines().count()), (1, 2));
    assert_eq!(text(&output.stderr), "d9: the ledger has no such document\n");
}

#[test]
fn the_ledger_of_a_run_to_standard_output_is_printed_too() {
    let folder = Folder::new();
    let cleaned = folder.run(&["clean", "corpus", "-o", "-", "--ledger", "l.zst", "-q"]);
    assert_eq!(code(&cleaned), 0);
    assert_eq!(edits(&folder, &["ledger", "l.zst", "--rule", "generic"]).len(), 1);
}

#[test]
fn a_pipe_closed_early_is_not_an_error() {
    let folder = Folder::new();
    folder.write("in/rows.jsonl", &rows(4000));
    assert_eq!(code(&folder.run(&["clean", "in", "-o", "out", "-q"])), 0);
    let mut child = folder
        .command(&["ledger", "out"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut first).unwrap();
    drop(lines);
    assert!(first.contains("\"id\":\"d0\""), "{first}");
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn unreadable_ledgers_are_reported() {
    let folder = Folder::new();
    for wrong in ["corpus", "nowhere"] {
        let (exit, said) = folder.refused(&["ledger", wrong]);
        let wanted =
            format!("error: {wrong} is not the output of a run: it has no .chaffinch/ledger");
        assert_eq!((exit, said), (2, wanted));
    }
    let (exit, said) = folder.refused(&["ledger", "corpus/a.txt"]);
    assert_eq!(exit, 3);
    assert!(said.starts_with("error: cannot read corpus/a.txt: "), "{said}");

    // The end of the ledger is missing. The rows before it are printed.
    folder.write("in/rows.jsonl", &rows(4000));
    assert_eq!(code(&folder.run(&["clean", "in", "-o", "out", "-q"])), 0);
    let ledger = folder.path("out/.chaffinch/ledger/00000.jsonl.zst");
    let bytes = fs::read(&ledger).unwrap();
    fs::write(&ledger, &bytes[..bytes.len() - 10]).unwrap();
    let output = folder.run(&["ledger", "out"]);
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(code(&output), 3);
    let documents = printed.lines().count() / 2;
    assert!((1..4000).contains(&documents), "{documents}");
    let path = "out/.chaffinch/ledger/00000.jsonl.zst";
    assert!(said.starts_with(&format!("error: cannot read {path}: ")), "{said}");
    let ending = format!("; only the edits of {documents} documents were read\n");
    assert!(said.ends_with(&ending), "{said} {documents}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let folder = Folder::new();
    assert_eq!(code(&folder.run(&["clean", "corpus", "-o", "out", "-q"])), 0);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = folder.command(&["ledger", "out"]).stdout(full).output().unwrap();
    assert_eq!(code(&output), 3);
    assert!(text(&output.stderr).contains("cannot write to standard output: No space left"));
}
