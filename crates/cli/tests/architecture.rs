//! Checks ARCHITECTURE.md: each invariant names an existing test, the glossary is short, the modules
//! of runs are named, and the crates depend on each other as it says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect()
}

/// All Rust files of the workspace.
fn sources() -> Vec<PathBuf> {
    ["crates", "snapshots"].iter().flat_map(|folder| sources_in(&root().join(folder))).collect()
}

/// All Rust files below a directory.
fn sources_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() && !path.ends_with("target") {
            found.extend(sources_in(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
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

/// The parts of a text between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_the_architecture_names_exists() {
    let sources = sources();
    let all: BTreeSet<String> =
        sources.iter().flat_map(|path| tests(&fs::read_to_string(path).unwrap())).collect();
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let invariants = invariants(&text);
    assert!(invariants.len() >= 18, "{} invariants", invariants.len());
    for (number, invariant) in (1..).zip(invariants) {
        let mut functions = 0;
        for name in code(invariant) {
            if name.ends_with(".rs") {
                let named = |path: &&PathBuf| path.ends_with(name);
                let file = sources.iter().find(named).unwrap_or_else(|| panic!("no file {name}"));
                let tests = tests(&fs::read_to_string(file).unwrap());
                assert!(!tests.is_empty(), "{name} has no test");
            } else if name.contains('_') {
                functions += 1;
                let is_named = |test: &&String| match name.strip_suffix('…') {
                    Some(start) => test.starts_with(start),
                    None => *test == name,
                };
                assert!(all.iter().any(|test| is_named(&test)), "there is no test {name}");
            }
        }
        assert!(functions > 0, "invariant {number} names no test function");
    }
}

/// The invariants of ARCHITECTURE.md, which are numbered without a gap.
fn invariants(text: &str) -> Vec<&str> {
    let (_, list) = text.split_once("## Invariants\n").unwrap();
    let (list, _) = list.split_once("\n## ").unwrap();
    let starts = (1..).map_while(|number| Some(list.find(&format!("\n{number}. "))? + 1));
    let starts: Vec<usize> = starts.collect();
    let items = list.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    assert_eq!(items.count(), starts.len(), "an invariant has a wrong number");
    let ends = starts.iter().skip(1).copied().chain([list.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &list[start..end]).collect()
}

#[test]
fn the_glossary_is_short_and_has_no_term_twice() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, glossary) = text.split_once("## Glossary\n").unwrap();
    let (glossary, _) = glossary.split_once("\n## ").unwrap();
    let rows = glossary.lines().filter(|line| line.starts_with('|')).skip(2);
    let terms: Vec<&str> = rows.flat_map(|row| row.split('|').nth(1).unwrap().split(',')).collect();
    let rows = glossary.lines().filter(|line| line.starts_with('|')).count() - 2;
    assert!((30..=40).contains(&rows), "{rows} rows");
    let unique: BTreeSet<&str> = terms.iter().map(|term| term.trim()).collect();
    assert_eq!(unique.len(), terms.len(), "{terms:?}");
}

#[test]
fn the_modules_of_runs_are_named() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, list) = text.split_once("\n- *run.* ").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let named: BTreeSet<&str> = code(list).collect();
    for entry in fs::read_dir(root().join("crates/formats/src/run")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let module = file.strip_suffix(".rs").unwrap();
        assert!(module == "mod" || named.contains(module), "run::{module} is not named");
    }
}

/// The directories below `crates/`, in the order of the table in ARCHITECTURE.md.
fn crates_in_order() -> Vec<String> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, table) = text.split_once("## Crates\n").unwrap();
    let rows = table.lines().skip_while(|line| !line.starts_with("| `"));
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| code(row).next().unwrap().to_owned()).collect()
}

/// The names in a section of a manifest.
fn section<'a>(manifest: &'a str, name: &str) -> Vec<&'a str> {
    let lines = manifest.lines().skip_while(|line| *line != format!("[{name}]")).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let name = |line: &'a str| line.split(['.', ' ', '=']).next().filter(|name| !name.is_empty());
    lines.filter(|line| !line.starts_with('#')).filter_map(name).collect()
}

#[test]
fn crates_depend_only_on_crates_above_them() {
    let order = crates_in_order();
    let folders = fs::read_dir(root().join("crates")).unwrap();
    let folders: Vec<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let manifest = |folder: &str| {
        fs::read_to_string(root().join("crates").join(folder).join("Cargo.toml")).unwrap()
    };
    let package = |folder: &String| {
        let manifest = manifest(folder);
        let line = manifest.lines().find(|line| line.starts_with("name = ")).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    let packages: Vec<String> = order.iter().map(package).collect();
    for folder in &folders {
        let at = order.iter().position(|name| name == folder);
        let at = at.unwrap_or_else(|| panic!("ARCHITECTURE.md does not list crates/{folder}"));
        let manifest = manifest(folder);
        for dependency in section(&manifest, "dependencies") {
            if let Some(above) = packages.iter().position(|name| name == dependency) {
                assert!(above < at, "{folder} depends on {dependency}, which is below it");
            }
        }
    }
    assert_eq!(section(&manifest("stage"), "dependencies"), [""; 0]);
    assert_eq!(order.len(), folders.len());
}

/// The names after `crate::` in a file, outside comments.
fn uses(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let name = |rest: &str| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    code.flat_map(|line| line.split("crate::").skip(1).map(name)).collect()
}

#[test]
fn layers_use_only_layers_below_them() {
    // The files of the lowest layer, and the directories of the layers above it.
    let crates: [(&str, &[&str], &[&str]); 2] = [
        (
            "rules",
            &["bytes", "chars", "key", "table"],
            &["matching", "authoring", "storage", "set"],
        ),
        ("formats", &["error", "panics"], &["files", "ledger", "containers", "run"]),
    ];
    for (name, base, layers) in crates {
        let source = root().join("crates").join(name).join("src");
        let mut allowed = base.to_vec();
        let check = |path: &Path, allowed: &[&str]| {
            for name in uses(path) {
                assert!(allowed.contains(&name.as_str()), "{} uses {name}", path.display());
            }
        };
        for file in base {
            check(&source.join(file).with_extension("rs"), &allowed);
        }
        for layer in layers {
            allowed.push(layer);
            sources_in(&source.join(layer)).iter().for_each(|path| check(path, &allowed));
        }
    }
}

#[test]
fn only_stores_uses_the_network() {
    let network = ["object_store", "reqwest", "tokio", "hyper", "ureq", "rustls", "std::net"];
    let in_stores = |path: &Path| path.components().any(|part| part.as_os_str() == "stores");
    let in_crates = |path: &&PathBuf| path.iter().any(|part| part == "src") && !in_stores(path);
    for path in sources().iter().filter(in_crates) {
        let text = fs::read_to_string(path).unwrap();
        let uses = |name: &&str| text.contains(&format!("{name}::"));
        assert_eq!(network.iter().find(|name| uses(name)), None, "{}", path.display());
    }
    let command_line = fs::read_to_string(root().join("crates/cli/Cargo.toml")).unwrap();
    assert!(!section(&command_line, "features").contains(&"default"), "stores are off by default");
    assert!(command_line.contains("chaffinch-stores = { workspace = true, optional = true"));
}

#[test]
fn tests_are_found_by_their_attribute() {
    let source =
        "#[test]\n#[cfg(unix)]\nfn one() {}\n\nfn two() {}\n  #[test]\n  fn three(x: u8) {}\n";
    assert_eq!(tests(source), ["one", "three"]);
}
