//! The CI workflow runs only steps of `.ci/run`.

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

#[test]
fn unknown_steps_are_reported() {
    let done = Command::new("bash").arg(root().join(".ci/run")).arg("nonsense").output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(said, "unknown step \"nonsense\"; see .ci/run --list\n");
}
