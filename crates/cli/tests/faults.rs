//! Disk and input errors: each is reported, the rest is cleaned, no file is half-written, and the
//! exit code is correct.
#![cfg(unix)]

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use common::{ARTICLE, Folder, code, text};

/// The problems that a run reported: file and reason.
fn problems(folder: &Folder) -> Vec<(String, String)> {
    let lines = folder.read("out/.chaffinch/problems.jsonl");
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        (text("file"), text("reason"))
    };
    lines.lines().map(row).collect()
}

fn rows(count: usize) -> String {
    let row = |id| serde_json::json!({"id": id, "text": format!("{ARTICLE}\nShare\n")});
    (0..count).map(|id| format!("{}\n", row(id))).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Runs under limits of the shell, such as `ulimit -f 100`.
fn limited(folder: &Folder, limits: &str, arguments: &str) -> Output {
    let binary = env!("CARGO_BIN_EXE_chaffinch");
    Command::new("sh")
        .args(["-c", &format!("{limits}; exec {binary} {arguments}")])
        .current_dir(folder.0.path())
        .env("NO_COLOR", "1")
        .env("CHAFFINCH_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/rules-cache"))
        // The address space that each thread reserves would count as memory.
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn a_run_resumes_after_a_full_disk() {
    let folder = Folder::new();
    folder.write("in/rows.jsonl", &rows(9000));
    assert_eq!(code(&folder.run(&["clean", "in", "-o", "whole"])), 0);
    // No file may grow beyond a megabyte; the write fails as on a full disk.
    let output = limited(&folder, "trap '' XFSZ; ulimit -f 2048", "clean in -o out");
    let shown = text(&output.stderr);
    assert_eq!(code(&output), 3, "{shown}");
    assert!(shown.contains("cannot write") && shown.contains("repeat the command"), "{shown}");
    assert!(!folder.path("out/rows.jsonl").exists(), "half a file must not look whole");
    let output = folder.run(&["clean", "in", "-o", "out"]);
    assert_eq!(code(&output), 0);
    assert!(text(&output.stderr).starts_with("resuming after "), "{}", text(&output.stderr));
    assert_eq!(folder.read("out/rows.jsonl"), folder.read("whole/rows.jsonl"));
    assert_eq!(code(&folder.run(&["verify", "out"])), 0);
}

#[test]
fn a_run_over_standard_input_is_not_resumed() {
    let folder = Folder::new();
    folder.write("one.jsonl", &rows(9000));
    folder.write("other.jsonl", &rows(50));
    let arguments = "clean - --from jsonl -o out < one.jsonl";
    let output = limited(&folder, "trap '' XFSZ; ulimit -f 2048", arguments);
    assert_eq!(code(&output), 3, "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("repeat the command"), "{}", text(&output.stderr));
    let again = |more: &str| {
        limited(&folder, ":", &format!("clean - --from jsonl -o out {more} < other.jsonl"))
    };
    for (more, wanted) in [("--resume", "cannot be resumed"), ("", "--fresh")] {
        let output = again(more);
        assert_eq!(code(&output), 2);
        assert!(text(&output.stderr).contains(wanted), "{}", text(&output.stderr));
    }
    // Nor is its output replaced by another run.
    let (exit, said) = folder.refused(&["clean", "other.jsonl", "-o", "out"]);
    assert_eq!(exit, 2);
    assert!(said.contains("an unfinished run, which read standard input; name another"), "{said}");
    assert_eq!(code(&again("--fresh")), 0);
    assert_eq!(folder.read("out/stdin").lines().count(), 50);
}

#[test]
fn a_run_that_cannot_continue_is_not_a_usage_error() {
    let folder = Folder::new();
    folder.write("in/rows.jsonl", &rows(9000));
    let output = limited(&folder, "trap '' XFSZ; ulimit -f 2048", "clean in -o out");
    assert_eq!(code(&output), 3, "{}", text(&output.stderr));
    folder.write("in/rows.jsonl", &rows(100));
    let (exit, said) = folder.refused(&["clean", "in", "-o", "out"]);
    assert_eq!(exit, 3);
    assert!(said.contains("rows.jsonl changed since") && said.contains("--fresh"), "{said}");
    assert!(!said.contains("repeat the command"), "{said}");
    assert_eq!(code(&folder.run(&["clean", "in", "-o", "out", "--fresh"])), 0);
    assert_eq!(code(&folder.run(&["verify", "out"])), 0);
}

#[test]
fn unreadable_files_are_reported_and_the_rest_is_cleaned() {
    let folder = Folder::new();
    // Reading a process's memory from its start is an input/output error.
    symlink("/proc/self/mem", folder.path("corpus/broken.txt")).unwrap();
    symlink("nowhere", folder.path("corpus/gone.txt")).unwrap();
    symlink(".", folder.path("corpus/loop")).unwrap();
    symlink("/dev/null", folder.path("corpus/device.txt")).unwrap();
    let fifo = folder.path("corpus/pipe.txt");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("corpus/socket")).unwrap();
    let output = folder.run(&["clean", "corpus", "-o", "out"]);
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    assert_eq!(folder.read("out/a.txt"), ARTICLE);
    let found = problems(&folder);
    let reason = |name: &str| {
        let problem = found.iter().find(|(file, _)| file.ends_with(name));
        problem.unwrap_or_else(|| panic!("{name} is not named: {found:?}")).1.clone()
    };
    assert!(reason("broken.txt").contains("Input/output error"));
    let gone = reason("gone.txt");
    assert!(gone.ends_with("the link leads to nowhere, which does not exist"), "{gone}");
    assert!(reason("loop").contains("leads back to"));
    for name in ["device.txt", "pipe.txt", "socket"] {
        assert!(reason(name).contains("a pipe, a socket or a device"), "{}", reason(name));
    }
    assert_eq!(found.len(), 6);
}

#[test]
fn files_without_read_permission_are_reported() {
    let folder = Folder::new();
    fs::set_permissions(folder.path("corpus/b.txt"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = folder.command(&["clean", "corpus", "-o", "out"]);
    // The superuser may read everything, so the test runs a copy of the program as user `nobody`.
    let superuser = fs::read(folder.path("corpus/b.txt")).is_ok();
    if superuser {
        let binary = folder.path("chaffinch");
        fs::copy(env!("CARGO_BIN_EXE_chaffinch"), &binary).unwrap();
        fs::set_permissions(folder.0.path(), fs::Permissions::from_mode(0o777)).unwrap();
        command = Command::new(binary);
        command.args(["clean", "corpus", "-o", "out"]).current_dir(folder.0.path()).uid(65534);
    }
    let output = command.output().unwrap();
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    let found = problems(&folder);
    assert_eq!(found.len(), 1);
    assert!(found[0].0.ends_with("b.txt") && found[0].1.contains("Permission denied"), "{found:?}");
}

#[test]
fn truncated_shards_are_cleaned_up_to_the_damage() {
    let folder = Folder::new();
    let whole = rows(4000);
    fs::create_dir(folder.path("in")).unwrap();
    for (name, mut bytes) in [
        ("a.jsonl.gz", gzip(whole.as_bytes())),
        ("b.jsonl.zst", zstd::encode_all(whole.as_bytes(), 3).unwrap()),
    ] {
        bytes.truncate(bytes.len() / 2);
        fs::write(folder.path("in").join(name), bytes).unwrap();
    }
    folder.write("in/c.txt", ARTICLE);
    let output = folder.run(&["clean", "in", "-o", "out"]);
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    let found = problems(&folder);
    for name in ["a.jsonl.gz", "b.jsonl.zst"] {
        let shown = |(file, why): &(String, String)| {
            file == name && why.starts_with("it cannot be read beyond the first ")
        };
        assert!(found.iter().any(shown), "{found:?}");
    }
    let mut cleaned = String::new();
    let bytes = fs::read(folder.path("out/b.jsonl.zst")).unwrap();
    std::io::Read::read_to_string(&mut zstd::Decoder::new(&*bytes).unwrap(), &mut cleaned).unwrap();
    assert!(cleaned.lines().count() > 100 && cleaned.contains("\"verdict\":\"cleaned\""));
    assert_eq!(folder.read("out/c.txt"), ARTICLE);
    assert_eq!(code(&folder.run(&["verify", "out"])), 0);
}

#[test]
fn lines_without_a_document_pass_through() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    let mut bytes = rows(1).into_bytes();
    bytes.extend_from_slice(
        b"{\"text\": \"no end\n{\"title\": \"no text\"}\n{\"text\": \"\xff\"}\n",
    );
    // Another document with the same id.
    bytes.extend_from_slice(rows(1).as_bytes());
    fs::write(folder.path("in/rows.jsonl"), &bytes).unwrap();
    let output = folder.run(&["clean", "in", "-o", "out"]);
    assert_eq!(code(&output), 1);
    let reasons: Vec<String> = problems(&folder).into_iter().map(|(_, reason)| reason).collect();
    assert!(reasons[0].contains("not valid JSON"), "{reasons:?}");
    assert!(reasons[1].contains("no field `text`") && reasons[2].contains("not UTF-8"));
    assert_eq!(reasons.len(), 3);
    assert_eq!(code(&folder.run(&["restore", "out", "-o", "back"])), 0);
    assert!(fs::read(folder.path("back/rows.jsonl")).unwrap() == bytes);
}

#[test]
fn a_line_of_three_hundred_megabytes_takes_no_memory() {
    let folder = Folder::new();
    folder.write("chaffinch.yaml", "limits: {document_bytes: 1MiB}\n");
    fs::create_dir(folder.path("in")).unwrap();
    let mut file = std::io::BufWriter::new(fs::File::create(folder.path("in/x.jsonl")).unwrap());
    file.write_all(rows(1).as_bytes()).unwrap();
    file.write_all(b"{\"text\":\"").unwrap();
    for _ in 0..300 {
        file.write_all(&[b'x'; 1 << 20]).unwrap();
    }
    file.write_all(b"\"}\n").unwrap();
    file.write_all(rows(1).as_bytes()).unwrap();
    drop(file);
    let output = limited(&folder, "ulimit -v 400000", "clean in -o out -j 2");
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    assert_eq!(problems(&folder).len(), 1);
    let length = |name: &str| fs::metadata(folder.path(name)).unwrap().len();
    assert!(length("out/x.jsonl") > 300 << 20);
    let output = limited(&folder, "ulimit -v 1000000", "restore out -o back");
    assert_eq!(code(&output), 0, "{}", text(&output.stdout));
    assert_eq!(length("in/x.jsonl"), length("back/x.jsonl"));
}

#[test]
fn a_compression_bomb_takes_no_memory() {
    let folder = Folder::new();
    folder.write("chaffinch.yaml", "limits: {document_bytes: 1MiB}\n");
    fs::create_dir(folder.path("in")).unwrap();
    let mut bomb = zstd::Encoder::new(Vec::new(), 3).unwrap();
    bomb.write_all(rows(1).as_bytes()).unwrap();
    for _ in 0..600 {
        bomb.write_all(&[b' '; 1 << 20]).unwrap();
    }
    fs::write(folder.path("in/bomb.jsonl.zst"), bomb.finish().unwrap()).unwrap();
    fs::write(folder.path("in/page.txt.gz"), gzip(&[b'x'; 32 << 20])).unwrap();
    let output = limited(&folder, "ulimit -v 400000", "clean in -o out -j 2");
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    let found = problems(&folder);
    assert!(found[0].1.contains("longer than"), "{found:?}");
    assert!(found[1].1.contains("compressed with gzip; unpack it"), "{found:?}");
    let length = |name: &str| fs::metadata(folder.path(name)).unwrap().len();
    assert!(length("out/bomb.jsonl.zst") < 1 << 20);
    assert_eq!(length("out/page.txt.gz"), length("in/page.txt.gz"));
}

#[test]
fn an_interrupt_prints_how_to_resume_and_a_second_one_stops_at_once() {
    let folder = Folder::new();
    folder.write("big/rows.jsonl", &rows(200_000));
    let start = || {
        let mut command = folder.command(&["clean", "big", "-o", "out"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The first start creates the journal; it exists when a later one begins.
        std::thread::sleep(std::time::Duration::from_millis(150));
        while !folder.path("out/.chaffinch/journal.jsonl").exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child
    };
    let interrupt = |child: &std::process::Child| {
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    };
    let child = start();
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130);
    let shown = text(&output.stdout);
    assert!(
        shown.starts_with("interrupted after") && shown.contains("repeat the command"),
        "{shown}"
    );
    let child = start();
    (0..2).for_each(|_| interrupt(&child));
    assert_eq!(code(&child.wait_with_output().unwrap()), 130);
    let output = folder.run(&["clean", "big", "-o", "out", "--resume"]);
    assert_eq!(code(&output), 0);
    assert!(
        text(&output.stdout).starts_with("cleaned 200,000 documents"),
        "{}",
        text(&output.stdout)
    );
    assert_eq!(code(&folder.run(&["verify", "out"])), 0);
}

#[test]
fn documents_that_pass_through_stay_in_order_on_standard_output() {
    let folder = Folder::new();
    folder.write("chaffinch.yaml", "limits: {document_bytes: 1KiB}\n");
    folder.write("in/a.txt", "One.\n");
    folder.write("in/b.txt", &"long\n".repeat(40_000));
    folder.write("in/c.txt", "Two.\n");
    let output = folder.run(&["clean", "in", "-o", "-", "--no-ledger", "-q", "-j", "2"]);
    assert_eq!(code(&output), 1);
    let wanted = format!("One.\n{}Two.\n", "long\n".repeat(40_000));
    assert!(text(&output.stdout) == wanted);
}

#[test]
fn standard_input_that_is_not_cleaned_passes_through() {
    let folder = Folder::new();
    folder.write("chaffinch.yaml", "limits: {document_bytes: 100KiB}\n");
    let array = format!("[{}]", rows(1).trim_end());
    for (input, reason) in [
        (b"long\n".repeat(40_000), "longer than"),
        (array.into_bytes(), "it is a JSON array"),
        (gzip(&b"long\n".repeat(40_000)), "it is a file compressed with gzip"),
        (b"PAR1".to_vec(), "Parquet cannot be read from standard input"),
    ] {
        let output = folder.pipe(&["clean", "-", "-o", "-", "--no-ledger"], &input);
        assert_eq!(code(&output), 1);
        assert!(output.stdout == input, "{reason}");
        let shown = text(&output.stderr);
        assert!(shown.contains(&format!("failed: stdin: {reason}")), "{shown}");
    }
}
