//! Every seed document, guarded: what is cut and by which rule, what becomes a field, and that the
//! original comes back byte for byte.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use chaffinch_core::{Cleaned, Pipeline};

fn pipeline() -> Pipeline {
    Pipeline::builder().rules("../rules").build().expect("the rule files are sound")
}

/// The shipped generic rules without any outlet.
fn generic() -> Pipeline {
    let empty = std::env::temp_dir().join("chaffinch-no-outlets");
    fs::create_dir_all(&empty).expect("the temporary directory can be written");
    Pipeline::builder().rules(empty).build().expect("the generic rules are sound")
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
    let pipeline = pipeline();
    for (name, bytes) in seeds() {
        let cleaned = pipeline.clean(&bytes);
        assert_eq!(cleaned.restore().as_deref(), Ok(bytes.as_slice()), "{name} does not restore");
        settings().bind(|| {
            insta::assert_snapshot!(format!("{name}.annotated"), shown(&pipeline, &cleaned));
            let fields = serde_json::to_string_pretty(&cleaned.fields().to_json()).expect("JSON");
            insta::assert_snapshot!(format!("{name}.fields"), fields);
        });
    }
}

#[test]
fn every_seed_keeps_its_article_with_generic_rules_alone() {
    let pipeline = generic();
    for (name, bytes) in seeds() {
        let cleaned = pipeline.clean(&bytes);
        assert_eq!(cleaned.restore().as_deref(), Ok(bytes.as_slice()), "{name} does not restore");
        settings().bind(|| {
            insta::assert_snapshot!(format!("{name}.generic"), shown(&pipeline, &cleaned));
        });
    }
}

#[test]
fn a_second_run_cuts_nothing() {
    for pipeline in [pipeline(), generic()] {
        for (name, bytes) in seeds() {
            let cleaned = pipeline.clean(&bytes);
            // With no outlet, since its signs are gone; and with the one that the first run found.
            let forced = cleaned.outlet().map(|(outlet, _)| {
                Pipeline::builder().rules("../rules").outlet(outlet).build().expect("it is known")
            });
            for again in [Some(&pipeline), forced.as_ref()].into_iter().flatten() {
                let edits = again.clean(cleaned.output()).edits().to_vec();
                assert_eq!(edits, [], "{name}: a second run cuts more");
            }
        }
    }
}

/// insta looks at the snapshots that a test names; this looks at those that none does.
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
            "snapshots/seeds/{file} belongs to no seed: delete it, or add corpus/seeds/{stem}.txt"
        );
    }
}
