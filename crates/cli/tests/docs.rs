//! Runs the commands of the pages in `docs/` and compares their output with the pages.
//!
//! `UPDATE_DOCS=1 cargo test -p chaffinch-cli --test docs` writes the current output into the pages.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use chaffinch_core::config::{Config, DEFAULT};
use common::text;

#[test]
fn from_samples_to_a_rule_file() {
    let folder = tempfile::tempdir().unwrap();
    copy("docs/valley-post", folder.path());
    check_page("../../docs/outlets.md", folder.path());
}

#[test]
fn reviewing_what_a_rule_change_does() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["corpus", "rules", "docs/review"] {
        copy(part, folder.path());
    }
    let commands = "git init -q && git add . && \
                    git -c user.name=a -c user.email=a@localhost commit -qm first";
    let done = Command::new("bash").args(["-c", commands]).current_dir(folder.path()).status();
    assert!(done.unwrap().success());
    check_page("../../docs/review.md", folder.path());
}

#[cfg(feature = "plugins")]
#[test]
fn a_plugin_from_start_to_end() {
    let folder = tempfile::tempdir().unwrap();
    copy("docs/plugins", folder.path());
    // `.ci/run plugins` checks that the module is built from the source that `plugin new` writes.
    check_page("../../docs/plugins.md", &folder.path().join("docs/plugins"));
}

#[test]
fn pipeline_files_are_valid_and_the_first_is_the_built_in_one() {
    let page = fs::read_to_string("../../docs/pipeline-files.md").unwrap();
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 3);
    let (_, built_in) = DEFAULT.split_once("\n\n").unwrap();
    assert_eq!(blocks[0], built_in);
    for block in blocks {
        let config = Config::parse("pipeline-files.md", block, Path::new(""));
        assert!(config.is_ok(), "{block}");
    }
}

/// Copies a part of the repository to the same path in a folder.
fn copy(part: &str, folder: &Path) {
    let target = folder.join(part);
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    let source = Path::new("../..").join(part);
    let copied = Command::new("cp").arg("-rL").args([source, target]).status();
    assert!(copied.unwrap().success());
}

/// Runs the commands of a page in a folder, one after another.
fn check_page(page_file: &str, folder: &Path) {
    let binary = Path::new(env!("CARGO_BIN_EXE_chaffinch")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let run = |command: &str| {
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1; {command}")])
            .env("PATH", &path)
            .env("CHAFFINCH_CACHE_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/rules-cache"))
            .env("NO_COLOR", "1")
            .current_dir(folder)
            .output()
            .unwrap();
        text(&output.stdout)
    };
    let page = fs::read_to_string(page_file).unwrap();
    let (mut made, mut commands) = (String::new(), 0);
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ => {}
        }
        let command = line.strip_prefix("$ ").filter(|_| inside);
        // The output is printed again.
        if !inside || line == "```console" || command.is_some() {
            made.push_str(line);
            made.push('\n');
        }
        if let Some(command) = command {
            commands += 1;
            let printed = run(command);
            let lines = printed.lines().map(|line| format!("{}\n", line.trim_end()));
            made.extend(lines.collect::<Vec<_>>());
            while made.ends_with("\n\n") {
                made.pop();
            }
        }
    }
    assert!(commands >= 10);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return fs::write(page_file, &made).unwrap();
    }
    let help = "UPDATE_DOCS=1 cargo test -p chaffinch-cli --test docs";
    let shown = similar::TextDiff::from_lines(page.as_str(), made.as_str());
    let shown = shown.unified_diff();
    assert!(
        made == page,
        "{page_file} is out of step with what its commands print: {help}\n{shown}"
    );
}
