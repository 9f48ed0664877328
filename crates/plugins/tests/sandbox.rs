//! A plugin that breaks the contract loses its marks in a document. It does not stop the run, and
//! the other stages are not affected.

use std::sync::atomic::AtomicBool;

use chaffinch_core::stage::Stage;
use chaffinch_core::{Pipeline, PluginError, Verdict};
use chaffinch_formats::{Job, Output, run_record};
use chaffinch_plugins::{Host, MOST_MARKS, PluginStage};

/// The body of `chaffinch_mark` of a plugin that removes the second line.
const MARK_SECOND_LINE: &str = "
    (i32.store (i32.const 64) (i32.const 1)) (i32.store (i32.const 68) (i32.const 1))
    (i32.store (i32.const 76) (i32.const -1))
    (i64.const 0x40_0000_0001)";

/// The text of a module whose `chaffinch_mark` has this body. Its first parameter is the position
/// of the view.
fn module(mark: &str) -> String {
    format!(
        "(module (memory (export \"memory\") 1)
           (global $calls (mut i32) (i32.const 0))
           (func (export \"chaffinch_abi\") (result i32) (i32.const 1))
           (func (export \"chaffinch_alloc\") (param i32) (result i32) (i32.const 4096))
           (func (export \"chaffinch_mark\") (param $view i32) (param i32) (result i64) {mark}))"
    )
}

/// Stores a mark of a kind, a line and a range at a position of the memory.
fn mark(at: u32, kind: u32, line: u32, start: u32, end: i64) -> String {
    [(0, i64::from(kind)), (4, line.into()), (8, start.into()), (12, end)]
        .map(|(offset, number)| {
            format!("(i32.store (i32.const {}) (i32.const {number}))", at + offset)
        })
        .concat()
}

fn load(text: &str) -> Result<PluginStage, PluginError> {
    Host::new(None)?.load(&wat::parse_str(text).unwrap(), &[])
}

const PAGE: &str = "Überschrift\n\nThe minister said on Tuesday that the talks would go on for two days.\n\n\
                    SHARE THIS ARTICLE\n";

/// The reason why a plugin with this `chaffinch_mark` fails on a page. Checks that the other stages
/// still clean the page.
fn failure(mark: &str) -> String {
    let wasm = wat::parse_str(module(mark)).unwrap();
    let pipeline = pipeline(wasm, "bad");
    let cleaned = pipeline.clean(PAGE.as_bytes());
    assert!(!cleaned.text().contains("SHARE"), "the other stages clean the page");
    assert!(cleaned.edits().iter().all(|edit| pipeline.rule(edit.rule).stage != "bad"));
    assert_eq!(cleaned.verdict(), Verdict::Suspect);
    assert_eq!(cleaned.failed_stages(), ["bad"]);
    assert_eq!(cleaned.restore().unwrap(), PAGE.as_bytes());
    let reason = cleaned.reason().unwrap();
    reason.strip_prefix("stage \"bad\" failed, its marks were dropped: ").unwrap().to_owned()
}

/// A pipeline with a plugin after the share buttons.
fn pipeline(wasm: Vec<u8>, name: &str) -> Pipeline {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.wasm"), wasm).unwrap();
    let text = format!(
        "languages: [en]\nstages: [share-buttons, {{plugin: {{wasm: m.wasm, name: {name}}}}}]"
    );
    let builder = Pipeline::builder().cache(concat!(env!("CARGO_TARGET_TMPDIR"), "/cache").into());
    let builder = chaffinch_plugins::enable(builder, None);
    builder.config("p.yaml", &text, folder.path()).and_then(|builder| builder.build()).unwrap()
}

#[test]
fn a_plugin_marks_lines() {
    let pipeline = pipeline(wat::parse_str(module(MARK_SECOND_LINE)).unwrap(), "second");
    let page = format!("A kicker\nA headline\n{PAGE}");
    let cleaned = pipeline.clean(page.as_bytes());
    assert_eq!(cleaned.verdict(), Verdict::Cleaned, "{:?}", cleaned.reason());
    let cut = &cleaned.edits()[0];
    assert_eq!((cut.span.start(), pipeline.rule(cut.rule).id.as_str()), (9, "stage/second"));
}

#[test]
fn a_plugin_that_loops_is_stopped() {
    assert_eq!(failure("(loop (br 0)) (i64.const 0)"), "it used more instructions than the limit");
}

#[test]
fn a_plugin_that_traps_fails() {
    let reason = failure("unreachable");
    assert_eq!(reason, "it stopped: wasm trap: wasm `unreachable` instruction executed");
    let reason = failure("(i64.load (i32.const 0x7fffffff))");
    assert_eq!(reason, "it stopped: wasm trap: out of bounds memory access");
}

#[test]
fn a_plugin_that_recurses_without_end_fails() {
    let reason = failure("(call 2 (local.get 0) (local.get 1))");
    assert_eq!(reason, "it stopped: wasm trap: call stack exhausted");
}

#[test]
fn a_plugin_that_grows_its_memory_is_stopped() {
    let reason = failure(
        "(loop (br_if 0 (i32.ge_s (memory.grow (i32.const 64)) (i32.const 0)))) (i64.const 0)",
    );
    assert_eq!(reason, "it used more than 64 MiB of memory");
}

#[test]
fn marks_out_of_bounds_are_a_failure() {
    let one = |mark: String| failure(&format!("{mark} (i64.const 0x40_0000_0001)"));
    assert_eq!(one(mark(64, 1, 99, 0, -1)), "mark 0: there is no line 99");
    assert_eq!(one(mark(64, 1, 0, 2, 99)), "mark 0: bytes 2..99 of a line of 12 bytes");
    assert_eq!(one(mark(64, 1, 0, 5, 2)), "mark 0: bytes 5..2 of a line of 12 bytes");
    assert_eq!(one(mark(64, 5, 0, 0, 0)), "mark 0: there is no hit 0");
    assert_eq!(one(mark(64, 9, 0, 0, 0)), "mark 0: there is no mark of kind 9");
    let reason = failure("(i64.const 0xfffffff0_00000002)");
    assert_eq!(reason, "the marks that it returned are not inside its memory");
}

#[test]
fn marks_that_overlap_are_a_failure() {
    let (first, second) = (mark(64, 1, 0, 2, 6), mark(88, 1, 0, 5, 8));
    let reason = failure(&format!("{first} {second} (i64.const 0x40_0000_0002)"));
    assert_eq!(reason, "its marks overlap: bytes 2..6 and 5..8");
}

#[test]
fn marks_off_character_boundaries_are_a_failure() {
    let reason = failure(&format!("{} (i64.const 0x40_0000_0001)", mark(64, 1, 0, 1, 4)));
    assert_eq!(reason, "mark 0: bytes 1..4 are not on character boundaries");
}

#[test]
fn a_million_marks_are_a_failure() {
    let reason = failure("(i64.const 0x40_000f_4240)");
    assert_eq!(reason, format!("it returned 1000000 marks; the limit is {MOST_MARKS}"));
}

#[test]
fn data_of_marks_is_checked() {
    // The data is at position 1000.
    let with_data = |kind: u32, data: &str, length: u32| {
        let stores = data.bytes().zip(1000..);
        let stores: String = stores
            .map(|(byte, at)| format!("(i32.store8 (i32.const {at}) (i32.const {byte}))"))
            .collect();
        failure(&format!(
            "{stores} {} (i32.store (i32.const 80) (i32.const 1000)) \
             (i32.store (i32.const 84) (i32.const {length})) (i64.const 0x40_0000_0001)",
            mark(64, kind, 0, 2, 5)
        ))
    };
    assert_eq!(with_data(2, "a\nb", 3), "mark 0: a replacement cannot contain a line break");
    assert_eq!(
        with_data(3, "Title", 5),
        "mark 0: \"Title\" is not a field such as `title=A title`"
    );
    assert_eq!(with_data(2, "\u{7f}ÿ", 2), "mark 0: its data is not UTF-8");
    assert_eq!(
        with_data(2, "", 700_000),
        "mark 0: the data of its marks is larger than the document"
    );
}

/// If a plugin fails in a later round, its marks of earlier rounds are dropped too.
#[test]
fn all_marks_of_a_failed_plugin_are_dropped() {
    let body = format!(
        "(if (global.get $calls) (then unreachable))
         (global.set $calls (i32.const 1)) {MARK_SECOND_LINE}"
    );
    let wasm = wat::parse_str(module(&body)).unwrap();
    let pipeline = pipeline(wasm, "bad");
    let page = format!("A kicker\nA headline\n{PAGE}");
    let cleaned = pipeline.clean(page.as_bytes());
    assert_eq!(cleaned.failed_stages(), ["bad"]);
    assert!(cleaned.text().starts_with("A kicker\nA headline\n"), "{}", cleaned.text());
}

#[test]
fn modules_that_are_not_plugins_are_refused() {
    let refused = |text: &str| match load(text) {
        Err(PluginError::Module(reason)) => reason,
        other => panic!("{:?}", other.map(|stage| stage.digest())),
    };
    assert_eq!(refused("(module)"), "it has no export `chaffinch_abi` of the required type");
    assert_eq!(
        refused("(module (import \"wasi_snapshot_preview1\" \"clock_time_get\" (func)))"),
        "it imports `wasi_snapshot_preview1.clock_time_get`, but a plugin has no imports"
    );
    let of_version = module("(i64.const 0)").replacen("(i32.const 1)", "(i32.const 7)", 1);
    assert_eq!(
        refused(&of_version),
        "it uses version 7 of the plugin interface; this program supports 1"
    );
    let large = module("(i64.const 0)").replace("\"memory\") 1", "\"memory\") 2000");
    assert_eq!(refused(&large), "it cannot be started: it used more than 64 MiB of memory");
    let looping = "(module (func $f (loop (br 0))) (start $f))";
    assert_eq!(refused(looping), "it cannot be started: it used more instructions than the limit");
    let host = Host::new(None).unwrap();
    let not_wasm = host.load(b"#!/bin/sh", &[]).map(|stage| stage.digest());
    assert_eq!(not_wasm, Err(PluginError::Module("not a WebAssembly module".to_owned())));
    let damaged = host.load(b"\0asm\x01\0\0\0\xff\xff", &[]).map(|stage| stage.digest());
    assert!(
        matches!(damaged, Err(PluginError::Module(reason)) if reason.starts_with("not a valid module"))
    );
}

#[test]
fn settings_that_a_plugin_does_not_have_are_refused() {
    let wasm = wat::parse_str(module("(i64.const 0)")).unwrap();
    let settings = [("words".to_owned(), "a".to_owned())];
    let refused = Host::new(None).unwrap().load(&wasm, &settings).map(|stage| stage.digest());
    assert_eq!(refused, Err(PluginError::Settings("it has no settings".to_owned())));
}

#[test]
fn a_check_detects_state() {
    // Some documents have only one line.
    let fails = load(&module(MARK_SECOND_LINE)).unwrap();
    let violation = chaffinch_plugins::check(&fails, &[]).unwrap_err();
    assert_eq!(violation.to_string(), "the stage fails on \"\": mark 0: there is no line 1");
    let silent = load(&module("(i64.const 0)")).unwrap();
    let checked = chaffinch_plugins::check(&silent, &["One.\n"]).unwrap();
    assert_eq!((checked.documents, checked.marks), (13, 0));
    let documents: Vec<String> = (0..60).map(|number| format!("Line {number}\n")).collect();
    let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
    // Keeps the first line from a call on. The test of all stages runs each document twice.
    let check_from = |call: u32| {
        let keeps_state = format!(
            "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
             (if (i32.lt_u (global.get $calls) (i32.const {call})) (then (return (i64.const 0))))
             (if (i32.eqz (i32.load (local.get $view))) (then (return (i64.const 0))))
             {} (i64.const 0x40_0000_0001)",
            mark(64, 4, 0, 0, -1)
        );
        let stage = load(&module(&keeps_state)).unwrap();
        chaffinch_plugins::check(&stage, &documents).unwrap_err().to_string()
    };
    assert!(check_from(50).contains("differ"));
    assert!(check_from(51).contains("depend on earlier documents"));
}

/// A run with a plugin that fails on some documents finishes, counts them and names them.
#[test]
fn a_run_counts_and_names_failures() {
    // It fails on documents of more than five lines.
    let body = format!(
        "(if (i32.gt_u (i32.load (local.get $view)) (i32.const 5)) (then unreachable)) {MARK_SECOND_LINE}"
    );
    let pipeline = pipeline(wat::parse_str(module(&body)).unwrap(), "fragile");
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir(&input).unwrap();
    std::fs::write(input.join("short.txt"), PAGE).unwrap();
    for name in ["long.txt", "longer.txt"] {
        std::fs::write(input.join(name), format!("A kicker\nA headline\n{PAGE}")).unwrap();
    }
    let job = Job::new(&pipeline, vec![input], Output::Directory(output.clone()));
    let summary = job.run(&(), &AtomicBool::new(false)).unwrap();
    assert_eq!(summary.documents, 3);
    assert_eq!(summary.failed_stages.get("fragile"), Some(&2));
    let named: Vec<&str> = summary.problems.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(named, ["long.txt", "longer.txt"]);
    let record = run_record(&output).unwrap();
    assert_eq!(record["failed_stages"]["fragile"], 2);
    assert_eq!(record["plugins"]["fragile"], pipeline.plugins()["fragile"]);
    assert_eq!(record["plugins"]["fragile"].as_str().unwrap().len(), 32);
}

/// The digest depends on the module and on the settings.
#[test]
fn the_digest_identifies_module_and_settings() {
    let digest = |text: &str| load(text).unwrap().data().unwrap();
    let (one, other) = (module("(i64.const 0)"), module(MARK_SECOND_LINE));
    assert_eq!(digest(&one), digest(&one));
    assert_ne!(digest(&one), digest(&other));
}

/// A compiled module is stored, and used by another host.
#[test]
fn compiled_modules_are_cached() {
    let cache = tempfile::tempdir().unwrap();
    let wasm = wat::parse_str(module(MARK_SECOND_LINE)).unwrap();
    let stored = || {
        let mut files = vec![cache.path().to_owned()];
        let mut found = Vec::new();
        while let Some(path) = files.pop() {
            match std::fs::read_dir(&path) {
                Ok(entries) => files.extend(entries.map(|entry| entry.unwrap().path())),
                Err(_) => {
                    found.push((path.clone(), std::fs::metadata(path).unwrap().modified().unwrap()))
                }
            }
        }
        found.into_iter().filter(|(path, _)| path.extension().is_none()).collect::<Vec<_>>()
    };
    let digest = || Host::new(Some(cache.path())).unwrap().load(&wasm, &[]).unwrap().digest();
    let first = digest();
    let files = stored();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(digest(), first);
    assert_eq!(stored(), files);
}
