//! The command line: arguments, output, messages and exit codes.

mod common;

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use chaffinch_formats::{Job, Ledger, Output};
use common::{ARTICLE, Folder, code, text};

#[test]
fn a_corpus_is_cleaned_and_restored() {
    let folder = Folder::new();
    let output = folder.run(&["clean", "corpus", "-o", "out"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert_eq!(folder.read("out/a.txt"), ARTICLE);
    let table = text(&output.stdout);
    for part in ["cleaned 2 documents", "unchanged", "share-buttons"] {
        assert!(table.contains(part), "{table}");
    }
    let output = folder.run(&["restore", "out", "-o", "back"]);
    assert_eq!(text(&output.stdout), "restored 2 documents (digests match)\n");
    assert_eq!(folder.read("back/a.txt"), folder.read("corpus/a.txt"));
    for quiet in [&["restore", "out", "-o", "quiet", "-q"][..], &["verify", "out", "--quiet"]] {
        let output = folder.run(quiet);
        assert_eq!((code(&output), text(&output.stdout)), (0, String::new()));
    }
    assert_eq!(folder.read("quiet/a.txt"), folder.read("corpus/a.txt"));
    // A second run replaces the first.
    assert_eq!(code(&folder.run(&["clean", "corpus", "-o", "out", "--quiet"])), 0);
}

#[test]
fn restore_reports_changed_documents() {
    let folder = Folder::new();
    folder.run(&["clean", "corpus", "-o", "out"]);
    folder.write("out/a.txt", "changed");
    let output = folder.run(&["restore", "out", "-o", "back"]);
    assert_eq!(code(&output), 1);
    assert!(
        text(&output.stdout)
            .contains("not restored: a.txt: the cleaned text was changed after the run")
    );
    assert_eq!(folder.read("back/b.txt"), ARTICLE);
    let output = folder.run(&["verify", "out", "--quiet"]);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stdout).starts_with("not verified: a.txt: "));
}

#[test]
fn clean_works_as_a_filter() {
    let folder = Folder::new();
    let page = format!("News / Politics\n\n{ARTICLE}");
    let output = folder.pipe(&["clean", "-", "--no-ledger", "--quiet"], page.as_bytes());
    assert_eq!((code(&output), text(&output.stdout)), (0, ARTICLE.to_owned()));
    let row = serde_json::json!({"id": 1, "text": page}).to_string();
    let arguments = ["clean", "-", "-o", "-", "--from", "jsonl", "--ledger", "l.zst", "--quiet"];
    let output = folder.pipe(&arguments, row.as_bytes());
    let row: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&row["text"], &row["chaffinch"]["fields"]["section"]),
        (&ARTICLE.into(), &"Politics".into())
    );
    assert!(folder.path("l.zst").exists());
}

#[test]
fn a_writer_receives_the_bytes_of_standard_output() {
    let folder = Folder::new();
    folder.write("corpus/rows.jsonl", "{\"text\": \"So it was.\\n\\nSHARE THIS ARTICLE\"}\nnone\n");
    // This file passes through unchanged.
    fs::write(folder.path("corpus/binary.bin"), [0, 159, 146, 150, 0, 0]).unwrap();
    let output = folder.run(&["clean", "corpus", "-o", "-", "--no-ledger", "--quiet"]);
    let pipeline = chaffinch_core::Pipeline::shipped().unwrap();
    let mut job = Job::new(&pipeline, vec![folder.path("corpus")], Output::Stream);
    job.ledger = Ledger::Nowhere;
    let mut written = Vec::new();
    job.run_to(&mut written, &(), &AtomicBool::new(false)).unwrap();
    assert!(written.len() > 2 * ARTICLE.len());
    assert_eq!(written, output.stdout);
}

#[test]
fn output_of_other_inputs_is_replaced_only_with_fresh() {
    let folder = Folder::new();
    folder.write("other/a.txt", "Two.\n");
    folder.run(&["clean", "corpus", "-o", "out", "-q"]);
    let (code, said) = folder.refused(&["clean", "other", "-o", "out"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @"error: out contains the output of an earlier run, which had other inputs (corpus); name another directory with -o, or replace the output with --fresh");
    assert_eq!(code_of(&folder, &["clean", "other", "-o", "out", "-q", "--fresh"]), 0);
    assert_eq!(code_of(&folder, &["clean", "other", "-o", "out", "-q"]), 0);
}

#[test]
fn invalid_values_are_reported_with_their_option() {
    let folder = Folder::new();
    folder.write("a.txt", "x");
    let refused = |arguments: &[&str]| folder.refused(arguments).1;
    let said = refused(&["clean", "corpus", "-o", "out", "--model", "a.txt"]);
    assert!(said.contains("--model a.txt: "), "{said}");
    let said = refused(&["clean", "corpus", "-o", "out", "--rules", "a.txt"]);
    assert!(said.contains("a.txt: this is a file; give the directory"), "{said}");
    folder.write("pages/b.txt", "x");
    let said = refused(&["clean", "corpus", "-o", "out", "--rules", "pages"]);
    assert!(said.contains("pages: there are no rule files here"), "{said}");
    folder.write("none/.gitkeep", "");
    assert_eq!(code_of(&folder, &["clean", "a.txt", "-o", "out", "--rules", "none"]), 0);
    let said = refused(&["rules", "try", "x", "corpus", "--stage", "zzz"]);
    assert!(said.contains("--stage: unknown stage \"zzz\"") && !said.contains("--only"), "{said}");
    let said = refused(&["clean", "corpus", "-o", "out", "--skip", "presstv"]);
    assert!(said.contains("to skip a rule, give its id"), "{said}");
    for command in [&["explain", "nowhere"][..], &["rules", "try", "x", "nowhere"]] {
        let (code, said) = folder.refused(command);
        assert_eq!((code, said.contains("nowhere: there is no such file")), (2, true), "{said}");
    }
    let said = refused(&["rules", "show", "generic/lines/model"]);
    assert!(
        said.contains("is the rule of cuts by the line model and is in no rule file"),
        "{said}"
    );
    let output = folder.run(&["explain", "corpus", "--outlet", "presstv"]);
    assert!(text(&output.stdout).contains("outlet presstv (set with --outlet)"));
    if cfg!(not(feature = "parquet")) {
        let said = refused(&["clean", "corpus", "-o", "out", "--from", "parquet"]);
        assert!(said.contains("reads no Parquet"), "{said}");
    }
}

#[test]
fn trying_a_pattern_names_the_documents_that_it_skips() {
    let folder = Folder::new();
    folder.write("no-text.csv", "a,b\n1,2\n");
    let output = folder.run(&["rules", "try", "x", "no-text.csv"]);
    assert_eq!(code(&output), 0);
    assert!(text(&output.stderr).contains("skipped: no-text.csv: "), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("0 cuts in 0 of 0 documents"));
}

#[test]
fn a_run_without_documents_is_reported() {
    let folder = Folder::new();
    let output = folder.run(&["clean", "corpus", "-o", "out", "--include", "none*"]);
    assert_eq!(code(&output), 0);
    let said = text(&output.stderr);
    assert!(said.contains("no document to clean that --include and --exclude select"), "{said}");
}

#[test]
fn the_built_in_pipeline_can_be_written_to_the_file_that_is_found() {
    let folder = Folder::new();
    // As the shell does before it starts the program.
    folder.write("chaffinch.yaml", "");
    let output = folder.run(&["pipeline"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    folder.write("chaffinch.yaml", &text(&output.stdout));
    assert_eq!(code_of(&folder, &["pipeline"]), 0);
}

fn code_of(folder: &Folder, arguments: &[&str]) -> i32 {
    code(&folder.run(arguments))
}

#[test]
fn contradictory_options_are_refused_with_advice() {
    let folder = Folder::new();
    folder.write("full/mine.txt", "x");
    let (code, said) = folder.refused(&["clean", "corpus"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @"error: no output given: use `-o DIR`, such as `-o corpus-cleaned`, or --dry-run");
    let (code, said) = folder.refused(&["clean", "corpus", "-o", "corpus/out"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @"error: the output corpus/out and the input corpus are the same or one contains the other; name an output elsewhere, such as `-o corpus-cleaned`");
    let (code, said) = folder.refused(&["clean", "corpus", "-o", "full"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @"error: full is not empty: it contains mine.txt, which chaffinch did not write; name another directory with -o, or move it away");
    let (code, said) = folder.refused(&["clean", "corpus", "-o", "-"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @"error: writing to standard output needs `--ledger FILE`, to record the removals, or `--no-ledger`");
    let (code, said) = folder.refused(&["clean", "nowhere", "-o", "out"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @"error: nowhere: there is no such file or directory");
    let (code, said) = folder.refused(&["clean", "corpus", "-o", "out", "--outlet", "prestv"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @r#"
    error: unknown outlet "prestv"; did you mean "presstv"?
    error: 1 problem; nothing was done
    "#);
    let (code, said) =
        folder.refused(&["clean", "corpus", "-o", "out", "--skip", "tickers", "--only", "sharing"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @r#"
    error: command line: --only: unknown stage "sharing"; expected one of: captions, comments, credits, dateline, debris, duplicates, lines, mirror-urls, navigation, normalise, promo, related, share-buttons, site-footer, tags, ticker, title
    error: command line: --skip: unknown stage "tickers"; did you mean "ticker"?
    error: 2 problems; nothing was done
    "#);
    let (code, said) = folder.refused(&["restore", "corpus", "-o", "back"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @"error: corpus is not the output of a run: it has no .chaffinch/ledger");
    assert!(!folder.path("out").exists(), "nothing was done");
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_is_written_only_to_a_directory() {
    let folder = Folder::new();
    assert_eq!(code(&folder.run(&["clean", "corpus", "-o", "rows", "--to", "parquet", "-q"])), 0);
    let rows = "rows/documents-00000.parquet";
    assert!(folder.path(rows).exists());
    let (exit, said) = folder.refused(&["clean", rows, "-o", "-", "--no-ledger"]);
    assert_eq!(exit, 2);
    assert!(said.contains("Parquet cannot be written to standard output"), "{said}");
    // After other documents it is not a usage error.
    fs::rename(folder.path(rows), folder.path("corpus/rows.parquet")).unwrap();
    let (exit, said) = folder.refused(&["clean", "corpus", "-o", "-", "--no-ledger"]);
    assert_eq!(exit, 3);
    assert!(said.contains("Parquet cannot be written to standard output"), "{said}");
    fs::remove_file(folder.path("corpus/rows.parquet")).unwrap();
    let to_stdout = ["clean", "corpus", "--to", "parquet", "-o", "-", "--no-ledger"];
    let (exit, said) = folder.refused(&to_stdout);
    assert_eq!(exit, 2);
    assert!(said.contains("--to parquet writes files"), "{said}");
}

#[test]
fn problems_in_files_are_shown_with_their_places_all_at_once() {
    let folder = Folder::new();
    folder.write(
        "rules/x.yaml",
        "outlet: x\nrules:\n  - id: a\n    stage: share-button\n    line: 'foo(bar'\n    removes: [foo]\n    keeps: [bar]\n",
    );
    folder
        .write("chaffinch.yaml", "rules: [rules]\nstages:\n  - tickr\n  - ticker: {min_line: 3}\n");
    let (code, said) = folder.refused(&["clean", "corpus", "-o", "out"]);
    assert_eq!(code, 2);
    let said = said.replace(folder.0.path().canonicalize().unwrap().to_str().unwrap(), "");
    insta::assert_snapshot!(said, @r#"
    error: unknown stage "tickr"
     --> /chaffinch.yaml:3:5
      |
    3 |   - tickr
      |     ^^^^^ did you mean "ticker"?

    error: unknown setting `min_line`; this stage takes min_lines
     --> /chaffinch.yaml:4:14
      |
    4 |   - ticker: {min_line: 3}
      |              ^^^^^^^^

    error: unknown stage "share-button"
     --> /rules/x.yaml:4:12
      |
    4 |     stage: share-button
      |            ^^^^^^^^^^^^ did you mean "share-buttons"?

    error: invalid regex: unclosed group
     --> /rules/x.yaml:5:15
      |
    5 |     line: 'foo(bar'
      |               ^

    error: 4 problems; nothing was done
    "#);
}

#[test]
fn the_pipeline_is_found_upward_and_never_in_the_corpus() {
    let folder = Folder::new();
    folder.write("corpus/chaffinch.yaml", "stages: []\n");
    let cleaned = folder.run(&["clean", "corpus", "-o", "out", "--exclude", "*.yaml"]);
    assert!(text(&cleaned.stdout).contains("share-buttons"));
    folder.write("chaffinch.yaml", "stages: [debris]\n");
    folder.write("below/x", "");
    let output = folder.command(&["pipeline"]).current_dir(folder.path("below")).output().unwrap();
    assert_eq!(text(&output.stdout), "stages: [debris]\n");
    let builtin = folder.command(&["pipeline"]).current_dir("/").output().unwrap();
    assert!(text(&builtin.stdout).contains("  - share-buttons\n"));
}

#[test]
fn exit_codes_distinguish_outcomes() {
    let folder = Folder::new();
    fs::write(folder.path("corpus/c.bin"), [0; 64]).unwrap();
    let output = folder.run(&["clean", "corpus", "-o", "out"]);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stdout).contains("failed: c.bin: binary data; if it is text"));
    assert_eq!(code(&folder.run(&["clean", "corpus", "-o", "out", "--fail-on", "never"])), 0);
    let output = folder.run(&["clean", "corpus", "--dry-run", "--exclude", "*.bin"]);
    assert_eq!(code(&output), 0);
    assert_eq!(code(&folder.run(&["clean", "--no-such-flag"])), 2);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_stops_the_run_with_its_own_code() {
    let folder = Folder::new();
    let output = folder.run(&["clean", "corpus", "-o", "-", "--ledger", "/dev/full"]);
    assert_eq!(code(&output), 3, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("No space left"), "{}", text(&output.stderr));
}

/// If messages cannot be written, the exit codes are the same and no run stops.
#[test]
#[cfg(target_os = "linux")]
fn a_run_continues_if_messages_cannot_be_written() {
    let folder = Folder::new();
    fs::write(folder.path("corpus/c.bin"), [0; 64]).unwrap();
    folder.write("rows.jsonl", "{\"id\": 1}\n");
    let unheard = |arguments: &[&str]| {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        folder.command(arguments).stdin(Stdio::null()).stderr(full).output().unwrap()
    };
    for (arguments, wanted) in [
        (&["clean", "nowhere", "-o", "out"][..], 2),
        (&["clean", "corpus", "-o", "-", "--ledger", "/dev/full"], 3),
        (&["clean", "corpus", "-o", "-", "--no-ledger"], 1),
        (&["explain", "rows.jsonl"], 1),
    ] {
        let (heard, unheard) = (folder.run(arguments), unheard(arguments));
        assert!(!heard.stderr.is_empty(), "{arguments:?}");
        assert_eq!((code(&heard), code(&unheard)), (wanted, wanted), "{arguments:?}");
        assert_eq!(unheard.stdout, heard.stdout);
    }
}

#[test]
fn explain_shows_cuts_and_escapes_control_characters() {
    let folder = Folder::new();
    folder.write(
        "evil.txt",
        &format!("News / \u{1b}[31mPoli\u{202e}tics\n\n{ARTICLE}\nSHARE THIS ARTICLE\n"),
    );
    let output = folder.run(&["explain", "evil.txt"]);
    let shown = text(&output.stdout);
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'));
    insta::assert_snapshot!(shown, @r#"
    evil.txt: cleaned

    generic/navigation/rooted-path - News / \u{1b}[31mPoli\u{202e}tics
       generic/normalise/invisible -
    generic/navigation/rooted-path -
                                     Talks to go on
                                  
                                     The minister told reporters on Tuesday that the talks would go on.
    generic/share-buttons/share/en -
    generic/share-buttons/share/en - SHARE THIS ARTICLE

    title: Talks to go on
    section: [31mPoli\u{202e}tics
    "#);
    let colored = text(&folder.run(&["explain", "--color", "always", "corpus/a.txt"]).stdout);
    assert!(colored.contains("\u{1b}[9m"), "cuts are struck out: {colored:?}");
    let json = folder.run(&["explain", "--format", "json", "corpus/a.txt"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["edits"][0]["rule"], "generic/share-buttons/share/en");
    assert_eq!(json["edits"][0]["line"], 5);
}

#[test]
fn an_interrupted_run_leaves_no_partial_file() {
    let folder = Folder::new();
    let rows = format!("{}\n", serde_json::json!({"text": ARTICLE})).repeat(200_000);
    folder.write("big/rows.jsonl", &rows);
    let mut child =
        folder.command(&["clean", "big", "-o", "out"]).stdout(Stdio::piped()).spawn().unwrap();
    while !folder.path("out/.chaffinch/files.txt").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!folder.path("out/rows.jsonl").exists(), "half a file must not look whole");
    assert!(folder.read("out/.chaffinch/run.json").contains("interrupted"));
    assert_eq!(code(&folder.run(&["clean", "corpus", "-o", "out"])), 0, "it can be run again");
}

#[test]
fn help_and_rules_are_printed() {
    let folder = Folder::new();
    let list = text(&folder.run(&["rules", "list"]).stdout);
    assert!(list.contains("presstv") && list.contains("generic/share-buttons/share/en"));
    assert!(text(&folder.run(&["completions", "fish"]).stdout).contains("chaffinch"));
    assert!(text(&folder.run(&["man"]).stdout).contains(".TH chaffinch"));
    for command in ["clean", "explain", "restore"] {
        let help = text(&folder.run(&[command, "--help"]).stdout);
        assert!(help.contains("Example"), "{command} shows no example");
    }
}

#[test]
fn output_that_cannot_be_written_is_refused() {
    let folder = Folder::new();
    folder.write("corpus/a.txt", "A line.\n");
    folder.write("file", "");
    let (exit, said) = folder.refused(&["clean", "corpus", "-o", "file/cleaned"]);
    assert_eq!(exit, 2);
    assert!(said.contains("cannot write into file/cleaned: "), "{said}");
}

#[test]
fn a_sample_of_no_documents_is_refused() {
    let folder = Folder::new();
    let (exit, said) = folder.refused(&["clean", "corpus", "--dry-run", "--sample", "0"]);
    assert_eq!(exit, 2);
    assert!(said.contains("invalid value '0' for '--sample <N>'"), "{said}");
}

#[test]
fn days_that_do_not_exist_are_refused() {
    let folder = Folder::new();
    for (day, message) in [
        ("2024-02-31", "2024-02-31 is not a day of the calendar"),
        ("soon", "expected a day such as 2024-05-31"),
    ] {
        let update = ["outlet", "update", "rules/x.yaml", "corpus", "--since", day];
        for arguments in [&update[..], &["rules", "drift", "out", "--since", day]] {
            let (exit, said) = folder.refused(arguments);
            assert_eq!(exit, 2);
            assert!(said.contains(message), "{said}");
        }
    }
    folder.write(
        "rules/x.yaml",
        "outlet: x\nrules:\n  - {id: a, stage: tags, text: Filed, since: 2024-02-31, keeps: [File]}\n",
    );
    let (exit, said) = folder.refused(&["rules", "check", "rules"]);
    assert_eq!(exit, 2);
    insta::assert_snapshot!(said, @r"
    error: 2024-02-31 is not a day of the calendar
     --> rules/x.yaml:3:46
      |
    3 |   - {id: a, stage: tags, text: Filed, since: 2024-02-31, keeps: [File]}
      |                                              ^^^^^^^^^^

    error: 1 problem; nothing was done
    ");
}
