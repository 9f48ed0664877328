//! The example programs run, and print what they should.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs an example, which cargo builds for the tests of its package.
fn run(example: &str, arguments: &[&str]) -> Output {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let program =
        path.join("examples").join(example).with_extension(std::env::consts::EXE_EXTENSION);
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn clean_file() {
    let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/seeds/001_712431e7d8275f5d.txt");
    let output = run("clean_file", &[seed]);
    let (article, cuts) = (text(&output.stdout), text(&output.stderr));
    assert!(article.starts_with("Closer Iran-Russia contact"), "{article}");
    assert!(!article.contains("SHARE THIS ARTICLE"));
    assert!(cuts.contains("presstv/breadcrumb: \"News "), "{cuts}");
    assert!(cuts.contains("\nsection: Politics\n") && cuts.ends_with("cleaned\n"), "{cuts}");
}

#[test]
fn custom_stage() {
    let printed = text(&run("custom_stage", &[]).stdout);
    assert!(printed.starts_with("The talks – the third this year – will go on"), "{printed}");
    assert!(printed.contains("\nstage/house-style: \" -- \" becomes \" – \"\n"), "{printed}");
    assert!(printed.contains("-30-"), "{printed}");
}

#[test]
fn outlet_rules() {
    let printed = text(&run("outlet_rules", &[]).stdout);
    assert!(printed.starts_with("The bridge over the river opened"), "{printed}");
    let cut =
        "valley-post/footer: \"\\nCall the newsroom: 555 0100\\nThe Valley Post is a member of";
    assert!(printed.contains(cut), "{printed}");
}
