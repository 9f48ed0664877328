//! The CI workflow runs only steps of `.ci/run`, and these run all test files.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_yaml::Value;

fn root() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect()
}

#[test]
fn the_workflow_calls_every_step_and_nothing_of_its_own() {
    let list = Command::new("bash").arg(root().join(".ci/run")).arg("--list").output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let steps: BTreeSet<&str> = list.lines().collect();
    assert!(steps.contains("tests") && steps.contains("snapshots"), "{steps:?}");
    let workflow = std::fs::read_to_string(root().join(".github/workflows/ci.yml")).unwrap();
    let workflow: Value = serde_yaml::from_str(&workflow).unwrap();
    let mut called = BTreeSet::new();
    for job in workflow["jobs"].as_mapping().unwrap().values() {
        for step in job["steps"].as_sequence().unwrap() {
            let Some(run) = step["run"].as_str() else { continue };
            match run.strip_prefix("bash .ci/run ") {
                Some(names) => called.extend(names.split(' ').map(str::to_owned)),
                // The only other command writes the job summary.
                None => assert_eq!(run, "cat target/review/changes.md >> \"$GITHUB_STEP_SUMMARY\""),
            }
        }
    }
    let called: BTreeSet<&str> = called.iter().map(String::as_str).collect();
    assert_eq!(called, steps);
}

/// `cargo test --workspace` leaves out tests of optional features, so a step has to name their files.
#[test]
fn test_files_of_optional_features_are_run() {
    let run = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    let named: BTreeSet<&str> =
        run.split("--test ").skip(1).filter_map(|rest| rest.split_whitespace().next()).collect();
    let mut optional = BTreeSet::new();
    for folder in std::fs::read_dir(root().join("crates")).unwrap() {
        let Ok(files) = std::fs::read_dir(folder.unwrap().path().join("tests")) else { continue };
        for path in files.map(|file| file.unwrap().path()) {
            let is_optional = |text: String| {
                let gate = |feature: &str| text.contains(&format!("cfg(feature = \"{feature}\")"));
                ["parquet", "plugins", "stores"].into_iter().any(gate)
            };
            if path.is_file() && is_optional(std::fs::read_to_string(&path).unwrap()) {
                optional.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    assert!(optional.contains("parquet"), "{optional:?}");
    let missing: Vec<&String> =
        optional.iter().filter(|name| !named.contains(name.as_str())).collect();
    assert_eq!(missing, [""; 0], "no step of .ci/run names these test files");
}

#[test]
fn unknown_steps_are_reported() {
    let done = Command::new("bash").arg(root().join(".ci/run")).arg("nonsense").output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(said, "unknown step \"nonsense\"; see .ci/run --list\n");
}
