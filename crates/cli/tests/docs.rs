//! The commands of `docs/outlets.md` are run, and print what the page says.
//!
//! `UPDATE_DOCS=1 cargo test -p chaffinch --test docs` writes down what they print now.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::text;

const PAGE: &str = "../../docs/outlets.md";

#[test]
fn every_command_of_the_page_prints_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let copied = Command::new("cp")
        .args(["-r", "../../docs/valley-post"])
        .arg(folder.path().join("valley-post"))
        .status();
    assert!(copied.unwrap().success());
    fs::create_dir(folder.path().join("docs")).unwrap();
    fs::rename(folder.path().join("valley-post"), folder.path().join("docs/valley-post")).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_chaffinch")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let run = |command: &str| {
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1; {command}")])
            .env("PATH", &path)
            .env("NO_COLOR", "1")
            .current_dir(folder.path())
            .output()
            .unwrap();
        text(&output.stdout)
    };
    let page = fs::read_to_string(PAGE).unwrap();
    let (mut made, mut commands) = (String::new(), 0);
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ => {}
        }
        let command = line.strip_prefix("$ ").filter(|_| inside);
        // What was printed before is printed anew.
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
    assert!(commands > 10);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return fs::write(PAGE, &made).unwrap();
    }
    let help = "UPDATE_DOCS=1 cargo test -p chaffinch --test docs";
    let shown = similar::TextDiff::from_lines(page.as_str(), made.as_str());
    let shown = shown.unified_diff();
    assert!(made == page, "{PAGE} is out of step with what its commands print: {help}\n{shown}");
}
