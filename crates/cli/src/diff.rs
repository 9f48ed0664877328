//! `chaffinch diff`: what changed between two runs, and which rules caused it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use chaffinch_core::Pipeline;
use chaffinch_formats::{Job, Output, RunRule, run_record, run_rules};
use chaffinch_report::diff::{Diff, diff};
use tempfile::TempDir;

use crate::args::{DiffArgs, DiffFormat, PipelineArgs};
use crate::failure::Failure;
use crate::git::Repository;
use crate::{print, setup};

pub(crate) fn run(args: &DiffArgs) -> Result<u8, Failure> {
    let cleans = args.git.is_some() || args.rules_a.is_some() || args.rules_b.is_some();
    let (found, names) = match (cleans, args.paths.as_slice()) {
        (false, [first, second]) => (between(first, second)?, [shown(first), shown(second)]),
        (false, _) => {
            let message = "expected the outputs of two runs; to compare rules over documents, add --git \
                           REV, or --rules-a DIR and --rules-b DIR";
            return Err(Failure::Usage(message.into()));
        }
        (true, _) => {
            let (first, second, _held) = pipelines(args)?;
            let scratch = scratch()?;
            let (a, b) = (scratch.path().join("a"), scratch.path().join("b"));
            clean(args, &first, &a)?;
            clean(args, &second, &b)?;
            (between(&a, &b)?, names(args))
        }
    };
    let text = match args.format {
        DiffFormat::Text => found.to_text(),
        DiffFormat::Markdown => found.to_markdown(),
        DiffFormat::Json => format!("{:#}\n", found.to_json()),
        DiffFormat::Html => chaffinch_report::page::of_diff(&found, &names[0], &names[1]),
    };
    print(text.as_bytes())?;
    Ok(u8::from(args.exit_code && !found.is_empty()))
}

/// Compares two runs, and reports for each rule whether it was changed, if both runs recorded their
/// rules.
pub(crate) fn between(first: &Path, second: &Path) -> Result<Diff, Failure> {
    let rules = |run: &Path| -> Option<HashMap<String, String>> {
        let pair = |rule: RunRule| (rule.id, rule.digest);
        Some(run_rules(run).ok()?.into_iter().map(pair).collect())
    };
    let settings = |run: &Path| run_record(run).ok().map(|run| run["settings_digest"].clone());
    // If stages or limits differ, an unchanged rule may have a different effect.
    let same = settings(first) == settings(second);
    let (before, after) = (same.then(|| rules(first)), same.then(|| rules(second)));
    let (before, after) = (before.flatten(), after.flatten());
    let changed = |rule: &str| {
        let (before, after) = (before.as_ref()?, after.as_ref()?);
        Some(before.get(rule) != after.get(rule))
    };
    Ok(diff(first, second, &changed)?)
}

pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The names of the two sides.
fn names(args: &DiffArgs) -> [String; 2] {
    let of = |path: &Option<PathBuf>| path.as_deref().map_or("rules in use".to_owned(), shown);
    match &args.git {
        Some(revision) => [revision.clone(), "work tree".to_owned()],
        None => [of(&args.rules_a), of(&args.rules_b)],
    }
}

/// The two pipelines, and the directory of the first one's files, which must live as long.
fn pipelines(args: &DiffArgs) -> Result<(Pipeline, Pipeline, Option<TempDir>), Failure> {
    let with = |rules: &Option<PathBuf>| {
        let mut own = args.rules.clone();
        if let Some(rules) = rules {
            own.rules = vec![rules.clone()];
        }
        setup::pipeline(&own)
    };
    let Some(revision) = &args.git else {
        return Ok((with(&args.rules_a)?, with(&args.rules_b)?, None));
    };
    let repository = Repository::here()?;
    let (now, paths, file) = setup::rules_in_force(&args.rules)?;
    if paths.is_empty() && file.is_none() {
        let message = "--git compares rule files, but no rule files were found; give their directory \
                       with --rules DIR";
        return Err(Failure::Usage(message.into()));
    }
    let inside = |path: &PathBuf| repository.inside(path);
    let mut wanted = paths.iter().map(inside).collect::<Result<Vec<_>, _>>()?;
    let mut then = PipelineArgs { rules: Vec::new(), pipeline: None, ..now.clone() };
    let held = scratch()?;
    then.rules.extend(wanted.iter().map(|path| held.path().join(path)));
    let file = file.map(|file| repository.inside(&file)).transpose()?;
    wanted.extend(file.clone());
    repository.check_out(revision, &wanted, held.path())?;
    if let Some(file) = file {
        let file = held.path().join(file);
        // If the revision has no pipeline file, the built-in one was in use.
        then.pipeline = file.exists().then_some(file);
    }
    let before = setup::of_revision(&then)?;
    Ok((before, setup::pipeline(&now)?, Some(held)))
}

fn scratch() -> Result<TempDir, Failure> {
    tempfile::tempdir()
        .map_err(|error| Failure::Stopped(format!("cannot create a temporary directory: {error}")))
}

/// Cleans the documents into a directory.
fn clean(args: &DiffArgs, pipeline: &Pipeline, out: &Path) -> Result<(), Failure> {
    let (container, names) = setup::source(&args.source);
    let inputs = match args.paths.is_empty() {
        true => vec![PathBuf::from("corpus")],
        false => args.paths.clone(),
    };
    let mut job = Job::new(pipeline, inputs, Output::Directory(out.to_owned()));
    let sample = args.sample.map(|count| count as usize);
    (job.container, job.names, job.sample) = (container, names, sample);
    job.run(&(), &AtomicBool::new(false))?;
    Ok(())
}
