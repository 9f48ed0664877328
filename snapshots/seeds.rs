//! Snapshots of every seed document: what is cut by which rule, the recorded fields, and that the
//! original is restored byte for byte.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chaffinch_core::{Builder, Cleaned, Pipeline};

/// The directory of the rules. `just accept RULE` sets another one in which only some rules are
/// new.
fn rules() -> PathBuf {
    std::env::var_os("SNAPSHOT_RULES").map_or_else(|| PathBuf::from("../rules"), PathBuf::from)
}

/// A builder whose rules are cached for the next run of the tests.
fn builder() -> Builder {
    Pipeline::builder().cache(Path::new(env!("CARGO_TARGET_TMPDIR")).join("rules-cache"))
}

fn pipeline() -> Pipeline {
    builder().rules(rules()).build().expect("the rule files are valid")
}

/// Only the generic rules, without outlets.
fn generic() -> Pipeline {
    let files = chaffinch_rules::files_in(&rules().join("generic")).expect("they can be read");
    let mut builder = builder();
    for (name, text) in files {
        builder = builder.rule_file(&name, &text);
    }
    builder.build().expect("the generic rules are valid")
}

/// Compares texts with their snapshots and reports all differences together.
#[derive(Default)]
struct Snapshots {
    new: usize,
    changed: usize,
}

impl Snapshots {
    fn compare(&mut self, name: &str, text: String) {
        let there = Path::new("seeds").join(format!("{name}.snap")).exists();
        let name = name.to_owned();
        let same = std::panic::catch_unwind(|| {
            settings().bind(|| insta::assert_snapshot!(name, text));
        });
        if same.is_err() {
            *(if there { &mut self.changed } else { &mut self.new }) += 1;
        }
    }

    fn report(self) {
        let count = |number: usize, what: &str| {
            let word = if number == 1 { "snapshot" } else { "snapshots" };
            (number > 0).then(|| format!("{number} {word} {what}"))
        };
        let changed = count(self.changed, "changed");
        let new = count(self.new, "new");
        let all: Vec<String> = changed.into_iter().chain(new).collect();
        assert!(
            all.is_empty(),
            "{}: run `just review` to see why, and `just accept` to accept them, or what one rule \
             explains with `just accept RULE`",
            all.join(", ")
        );
    }
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("seeds");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds: Vec<_> = fs::read_dir("../corpus/seeds")
        .expect("the seeds are there")
        .map(|entry| {
            let path = entry.expect("it can be read").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("it can be read"))
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty());
    seeds
}

fn shown(pipeline: &Pipeline, cleaned: &Cleaned<'_>) -> String {
    let outlet =
        cleaned.outlet().map_or("none".to_owned(), |(o, how)| format!("{o}, by {}", how.as_str()));
    let document = chaffinch_report::annotated(pipeline, cleaned);
    format!("outlet: {outlet}\nverdict: {}\n\n{document}", cleaned.verdict())
}

#[test]
fn every_seed_matches_its_snapshot() {
    let (pipeline, mut guard) = (pipeline(), Snapshots::default());
    for (name, bytes) in seeds() {
        let cleaned = pipeline.clean(&bytes);
        assert_eq!(cleaned.restore().as_deref(), Ok(bytes.as_slice()), "{name} does not restore");
        guard.compare(&format!("{name}.annotated"), shown(&pipeline, &cleaned));
        let fields = serde_json::to_string_pretty(&cleaned.fields().to_json()).expect("JSON");
        guard.compare(&format!("{name}.fields"), fields);
    }
    guard.report();
}

#[test]
fn every_seed_keeps_its_article_with_only_generic_rules() {
    let (pipeline, mut guard) = (generic(), Snapshots::default());
    for (name, bytes) in seeds() {
        let cleaned = pipeline.clean(&bytes);
        assert_eq!(cleaned.restore().as_deref(), Ok(bytes.as_slice()), "{name} does not restore");
        guard.compare(&format!("{name}.generic"), shown(&pipeline, &cleaned));
    }
    guard.report();
}

#[test]
fn a_second_run_cuts_nothing() {
    for pipeline in [pipeline(), generic()] {
        for (name, bytes) in seeds() {
            let cleaned = pipeline.clean(&bytes);
            // Without an outlet, because its signs may be removed, and with the outlet that the
            // first run detected.
            let forced = cleaned.outlet().map(|(outlet, _)| {
                builder().rules(rules()).outlet(outlet).build().expect("it is known")
            });
            for again in [Some(&pipeline), forced.as_ref()].into_iter().flatten() {
                let edits = again.clean(cleaned.output()).edits().to_vec();
                assert_eq!(edits, [], "{name}: a second run cuts more");
            }
        }
    }
}

/// insta checks only snapshots that a test names, so this checks for others.
#[test]
fn every_snapshot_has_its_seed() {
    let seeds: BTreeSet<String> = seeds().into_iter().map(|(name, _)| name).collect();
    for entry in fs::read_dir(Path::new("seeds")).expect("the snapshots are there") {
        let file = entry.expect("it can be read").file_name().to_string_lossy().into_owned();
        let stem = file.split('.').next().unwrap_or_default();
        let kinds = ["annotated.snap", "fields.snap", "generic.snap"];
        let known = kinds.iter().any(|kind| file == format!("{stem}.{kind}"));
        assert!(
            seeds.contains(stem) && known,
            "snapshots/seeds/{file} belongs to no seed: `git rm snapshots/seeds/{file}`, or add \
             corpus/seeds/{stem}.txt"
        );
    }
}
