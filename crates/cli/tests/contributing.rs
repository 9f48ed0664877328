//! Checks CONTRIBUTING.md and the reference pages against the code: the files that a change touches
//! are those that name an existing stage, detector, field or format, and the tables list all of
//! them. Each page names its readers, and each crate has a description and a README.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chaffinch_core::config::DEFAULT;
use chaffinch_core::{STAGES, STANDARD_FIELDS};

fn root() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the files in a folder.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The files that a change may touch: sources without their tests, rules and pages. Rule files of
/// outlets and generated schemas are left out.
fn files() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is = |name: &str| path.ends_with(name);
            if path.is_symlink() || is("target") || is("tests") || is("examples") || is("corpus") {
                continue;
            }
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let root = root();
    let mut paths = vec![root.join("README.md"), root.join("ARCHITECTURE.md")];
    for folder in ["crates", "fuzz/src", "rules/generic"] {
        walk(&root.join(folder), &mut paths);
    }
    paths.extend(names("docs").iter().map(|name| root.join("docs").join(name)));
    let mut files = Vec::new();
    for path in paths {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let is_source = [".rs", ".yaml", ".md"].iter().any(|ending| name.ends_with(ending));
        if is_source && !name.ends_with("/testing.rs") && !name.ends_with("/tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            files.push((name, text.to_owned()));
        }
    }
    files
}

/// Whether a text contains a name that is not a part of a longer one.
fn has(text: &str, name: &str) -> bool {
    let in_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(in_name) && !text[at + name.len()..].starts_with(in_name)
    })
}

/// The files that contain a name.
fn with(files: &[(String, String)], contains: impl Fn(&str) -> bool) -> BTreeSet<String> {
    files.iter().filter(|(_, text)| contains(text)).map(|(name, _)| name.clone()).collect()
}

/// The text of a section of CONTRIBUTING.md.
fn section(title: &str) -> String {
    let text = read("CONTRIBUTING.md");
    let (_, rest) = text.split_once(&format!("\n## {title}\n")).unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

/// The files that a section lists: the names in backticks before the colon of each item. `NAME` is
/// the name of a stage or format, with `_` in Rust files.
fn listed(title: &str, name: &str) -> BTreeSet<String> {
    let section = section(title);
    let items = section.lines().filter_map(|line| line.strip_prefix("- "));
    let paths =
        items.flat_map(|item| item.split(':').next().unwrap().split('`').skip(1).step_by(2));
    let paths = paths.map(|path| match path.ends_with(".rs") {
        true => path.replace("NAME", &name.replace('-', "_")),
        false => path.replace("NAME", name),
    });
    paths.collect()
}

/// The first two cells of each row in a table of a page, after the row that begins with `header`.
fn rows(page: &str, header: &str) -> Vec<(String, String)> {
    let text = read(page);
    let rows = text.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.split('|').skip(1).map(str::trim));
    cells.map(|mut cells| (cells.next().unwrap().into(), cells.next().unwrap().into())).collect()
}

/// The names in backticks in a text.
fn code(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn a_stage_is_in_the_files_that_are_listed() {
    let files = files();
    // The name of one stage may be a common word, but only tables of stages contain all names.
    let tables = with(&files, |text| STAGES.iter().all(|stage| has(text, stage.name)));
    let own = ["crates/stages/src/NAME.rs", "rules/generic/NAME.yaml"];
    let own: BTreeSet<String> = own.map(str::to_owned).into();
    let listed_files = listed("Add a stage", "NAME");
    assert_eq!(listed_files, tables.union(&own).cloned().collect());

    let table = read("crates/stages/src/lib.rs");
    let generic = names("rules/generic");
    for stage in STAGES {
        let entry = table.lines().find(|line| line.starts_with(&format!("    \"{}\"", stage.name)));
        let has_file = names("crates/stages/src").contains(&rust_file(stage.name));
        assert_ne!(has_file, entry.unwrap().contains("Ok(Hits)"), "{}", stage.name);
    }
    for file in &generic {
        let stage = file.strip_suffix(".yaml").unwrap();
        assert!(STAGES.iter().any(|known| known.name == stage), "rules/generic/{file}");
    }
    // No other source names a stage, unless `learn` proposes rules for it.
    for stage in ["share-buttons", "mirror-urls"] {
        let quoted = format!("\"{stage}\"");
        let names = |line: &str| !line.trim_start().starts_with("//") && has(line, &quoted);
        let sources = with(&files, |text| text.lines().any(names));
        assert_eq!(sources, BTreeSet::from(["crates/stages/src/lib.rs".to_owned()]), "{stage}");
    }
}

fn rust_file(stage: &str) -> String {
    format!("{}.rs", stage.replace('-', "_"))
}

#[test]
fn a_detector_is_in_the_files_that_are_listed() {
    let files = files();
    let mut unique = 0;
    for stage in STAGES {
        let listed = listed("Add a detector", stage.name);
        assert_eq!(listed.len(), 4);
        // Detectors with one word are common words.
        for detector in stage.detectors.iter().filter(|name| name.contains('-')) {
            unique += 1;
            let mut found = with(&files, |text| has(text, detector));
            let generic = format!("rules/generic/{}.yaml", stage.name);
            if !found.contains(&generic) {
                // Only outlets use it.
                let mut outlets = names("rules").into_iter().filter(|name| name.ends_with(".yaml"));
                let rule = format!("detect: {detector}");
                let uses = |name: String| read(&format!("rules/{name}")).contains(&rule);
                assert!(outlets.any(uses), "no rule uses {detector}");
                found.insert(generic);
            }
            assert_eq!(found, listed, "{detector}");
        }
    }
    assert!(unique >= 5, "{unique} detectors have a name of several words");
}

/// The names with which a stage's source asks for its detectors.
fn used(source: &str) -> BTreeSet<String> {
    let literal = |text: &str| text.strip_prefix('"')?.split('"').next().map(str::to_owned);
    let mut names = BTreeSet::new();
    for (at, call) in source.match_indices(".detectors(") {
        if let Some(name) = literal(&source[at + call.len()..]) {
            names.insert(name);
            continue;
        }
        // A closure with the name as its argument, which is called or mapped over an array.
        let statement = &source[source[..at].rfind(';').unwrap() + 1..at];
        let found: BTreeSet<String> = match statement.rsplit_once("[\"") {
            Some((_, array)) => {
                array.split(']').next().unwrap().split('"').step_by(2).map(str::to_owned).collect()
            }
            None => {
                let (_, closure) = statement.rsplit_once("let ").unwrap();
                let call = format!(" {}(", closure.split(' ').next().unwrap());
                source.split(&call).skip(1).filter_map(literal).collect()
            }
        };
        assert!(!found.is_empty(), "the detectors of {statement} are unknown");
        names.extend(found);
    }
    names
}

#[test]
fn stages_use_exactly_the_detectors_that_they_list() {
    let mut files = names("crates/stages/src");
    for stage in STAGES {
        let file = rust_file(stage.name);
        let source = match files.take(&file) {
            Some(file) => read(&format!("crates/stages/src/{file}")),
            None => String::new(),
        };
        let source = source.split("#[cfg(test)]").next().unwrap();
        let listed: BTreeSet<String> = stage.detectors.iter().map(|&name| name.into()).collect();
        assert_eq!(used(source), listed, "{file}");
    }
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let source = read(&format!("crates/stages/src/{file}"));
        assert!(!source.contains(".detectors("), "{file} is not the file of a stage");
    }
}

#[test]
fn names_of_detectors_are_found_in_every_form() {
    let called = "let rule = |name: &str| doc.detectors(name).next();\nlet a = rule(\"a\");\n";
    let mapped = "x;\nlet [b, c] = [\"b\", \"c\"].map(|name| doc.detectors(name).next());\n";
    assert_eq!(Vec::from_iter(used(&format!(";{called}"))), ["a"]);
    assert_eq!(Vec::from_iter(used(mapped)), ["b", "c"]);
    assert_eq!(Vec::from_iter(used("for x in doc.detectors(\"d\") {")), ["d"]);
}

#[test]
fn a_field_is_in_the_files_that_are_listed() {
    let files = files();
    let sources: Vec<_> =
        files.iter().filter(|(name, _)| name.starts_with("crates/")).cloned().collect();
    let pages: Vec<_> =
        files.iter().filter(|(name, _)| name.starts_with("docs/")).cloned().collect();
    let listed = listed("Add a field", "");
    // The only field whose name is not also the name of a kind, stage, key or column.
    let mut found = with(&sources, |text| has(text, "\"authors\""));
    found.extend(with(&pages, |text| STANDARD_FIELDS.iter().all(|field| has(text, field))));
    assert_eq!(found, listed);
    let tables = with(&sources, |text| {
        STANDARD_FIELDS.iter().all(|field| text.contains(&format!("\"{field}\"")))
    });
    assert_eq!(Vec::from_iter(tables), ["crates/core/src/fields.rs"]);
}

#[test]
fn a_container_format_is_in_the_files_that_are_listed() {
    let found = with(&files(), |text| {
        text.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| word == "csv")
            || has(text, "CellUndo")
    });
    assert_eq!(found, listed("Add a container format", "csv"));
}

#[test]
fn each_example_is_one_file_that_uses_only_the_library() {
    let examples = names("crates/chaffinch/examples");
    let paths = examples.iter().map(|name| format!("crates/chaffinch/examples/{name}"));
    let paths: BTreeSet<String> = paths.collect();
    assert_eq!(paths, listed("Embed the library", ""));
    for path in &paths {
        let source = read(path);
        assert!(source.contains("use chaffinch::"), "{path}");
        assert!(source.contains("\nfn main() ") && !source.contains("\nmod "), "{path}");
        assert!(!source.contains("chaffinch_"), "{path} uses another crate");
    }
}

#[test]
fn the_table_of_stages_is_complete() {
    let rows = rows("docs/pipeline-files.md", "| stage | removes |");
    let documented: Vec<String> = rows.iter().flat_map(|(stage, _)| code(stage)).collect();
    let (_, list) = DEFAULT.split_once("\nstages:").unwrap();
    let items = list.lines().filter_map(|line| line.strip_prefix("  - "));
    let built_in: Vec<&str> = items.map(|item| item.split([':', ' ']).next().unwrap()).collect();
    assert_eq!(documented, built_in);
    let mut names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
    let mut documented: Vec<&str> = documented.iter().map(String::as_str).collect();
    names.sort_unstable();
    documented.sort_unstable();
    assert_eq!(documented, names);
}

#[test]
fn the_table_of_detectors_is_complete() {
    let rows = rows("docs/rule-files.md", "| stage | detector |");
    let documented: Vec<(String, String)> = rows
        .iter()
        .flat_map(|(stage, detectors)| {
            code(detectors).into_iter().map(|name| (stage.clone(), name))
        })
        .collect();
    let listed: Vec<(String, String)> = STAGES
        .iter()
        .flat_map(|stage| stage.detectors.iter().map(|name| (stage.name.into(), (*name).into())))
        .collect();
    assert_eq!(documented, listed);
}

#[test]
fn the_table_of_standard_fields_is_complete() {
    let rows = rows("docs/rule-files.md", "| field | contains |");
    let documented: Vec<String> = rows.iter().flat_map(|(field, _)| code(field)).collect();
    assert_eq!(documented, STANDARD_FIELDS);
}

#[test]
fn every_page_names_its_readers() {
    let index = read("docs/README.md");
    let pages = names("docs").into_iter().filter(|name| name.ends_with(".md"));
    for page in pages.filter(|name| name != "README.md") {
        let text = read(&format!("docs/{page}"));
        let third = text.lines().nth(2).unwrap();
        let names_readers = third.starts_with('*') && third.contains("or people who");
        assert!(names_readers, "{page}: {third}");
        assert!(index.contains(&format!("]({page})")), "docs/README.md does not list {page}");
    }
}

#[test]
fn every_crate_has_a_description_and_a_readme() {
    for name in names("crates") {
        let manifest = read(&format!("crates/{name}/Cargo.toml"));
        assert!(manifest.contains("\ndescription = \""), "crates/{name}");
        let package = manifest.split("name = \"").nth(1).unwrap().split('"').next().unwrap();
        let readme = read(&format!("crates/{name}/README.md"));
        let title = readme.lines().next().unwrap().to_lowercase();
        assert_eq!(title, format!("# {package}"), "crates/{name}");
    }
}
