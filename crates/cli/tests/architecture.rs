//! ARCHITECTURE.md says for each invariant which test fails when it breaks: those tests exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect()
}

/// All Rust files of the workspace.
fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() && !path.ends_with("target") {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    ["crates", "snapshots"].iter().for_each(|folder| walk(&root().join(folder), &mut found));
    found
}

/// The functions of a source that are tests.
fn tests(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        is_test |= line == "#[test]";
        if let Some(rest) = line.strip_prefix("fn ") {
            let name: String =
                rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.extend(is_test.then_some(name));
            is_test = false;
        }
    }
    found
}

/// What a text has between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_the_architecture_names_exists() {
    let sources = sources();
    let all: BTreeSet<String> =
        sources.iter().flat_map(|path| tests(&fs::read_to_string(path).unwrap())).collect();
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, invariants) = text.split_once("## Invariants\n").unwrap();
    let (invariants, _) = invariants.split_once("\n## ").unwrap();
    let (mut functions, mut files) = (0, 0);
    for name in code(invariants) {
        if name.ends_with(".rs") {
            files += 1;
            let named = |path: &&PathBuf| path.ends_with(name);
            let file = sources.iter().find(named).unwrap_or_else(|| panic!("no file {name}"));
            assert!(!tests(&fs::read_to_string(file).unwrap()).is_empty(), "{name} has no test");
        } else if name.contains('_') {
            functions += 1;
            let is_named = |test: &String| match name.strip_suffix('…') {
                Some(start) => test.starts_with(start),
                None => test == name,
            };
            assert!(all.iter().any(is_named), "there is no test {name}");
        }
    }
    assert!(functions >= 6 && files >= 5, "{functions} functions and {files} files");
}

#[test]
fn tests_are_found_by_their_attribute() {
    let source =
        "#[test]\n#[cfg(unix)]\nfn one() {}\n\nfn two() {}\n  #[test]\n  fn three(x: u8) {}\n";
    assert_eq!(tests(source), ["one", "three"]);
}
