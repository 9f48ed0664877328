//! `chaffinch rules at`: writes the rule files of a revision, with some rules as they are now.

use std::path::{Path, PathBuf};

use chaffinch_core::Pipeline;
use chaffinch_core::config::Config;
use chaffinch_rules::edit;

use crate::args::RulesAtArgs;
use crate::failure::Failure;
use crate::git::Repository;
use crate::{print, read_yaml, setup, write_whole};

pub(crate) fn run(args: &RulesAtArgs) -> Result<u8, Failure> {
    let usage = |message: String| Failure::Usage(message);
    let folder = match &args.rules {
        Some(folder) => folder.clone(),
        None => in_force()?,
    };
    if args.output.exists() {
        let message = format!("{} already exists; give a new directory", args.output.display());
        return Err(usage(message));
    }
    let repository = Repository::here()?;
    let inside = repository.inside(&folder)?;
    let held = tempfile::tempdir().map_err(|error| {
        Failure::Stopped(format!("cannot create a temporary directory: {error}"))
    })?;
    repository.check_out(&args.revision, std::slice::from_ref(&inside), held.path())?;
    let then = held.path().join(inside);
    let now_rules = setup::with_rules(&folder)?;
    let then_rules = setup::with_rules(&then)?;
    let mut report = String::new();
    for rule in &args.with {
        let now = place(&now_rules, rule, &folder);
        let before = place(&then_rules, rule, &then);
        let Some(file) = now.as_ref().or(before.as_ref()).map(|(file, _)| file.clone()) else {
            let message = format!(
                "unknown rule \"{rule}\": it exists neither in the work tree nor at {}; see `chaffinch \
                 rules list`",
                args.revision
            );
            return Err(usage(message));
        };
        let read = |path: PathBuf| std::fs::read_to_string(path).ok();
        let (new, old) = (read(folder.join(&file)), read(then.join(&file)));
        let at = |place: &Option<(PathBuf, usize)>| place.as_ref().map(|(_, at)| *at);
        let spliced = edit::splice(old.as_deref(), at(&before), new.as_deref(), at(&now));
        let Some(text) = spliced else {
            let message = format!(
                "{rule}: cannot combine the two versions of {}: its YAML is too unusual",
                file.display()
            );
            return Err(usage(message));
        };
        write_whole(&then.join(&file), text.as_bytes())?;
        let what = if now.is_some() { "taken from the work tree" } else { "omitted" };
        report.push_str(&format!("{rule}: {what}\n"));
    }
    // The combined files must be valid before they are written.
    setup::with_rules(&then)?;
    copy(&then, &args.output).map_err(|error| {
        Failure::Stopped(format!("cannot write {}: {error}", args.output.display()))
    })?;
    print(report.as_bytes())
}

fn in_force() -> Result<PathBuf, Failure> {
    let Some(file) = setup::find_upward() else { return Ok(PathBuf::from("rules")) };
    let text = read_yaml(&file)?;
    let base = file.parent().unwrap_or(Path::new(""));
    match Config::parse(&file.display().to_string(), &text, base)?.rules.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(Failure::Usage("give the directory of the rule files with --rules DIR".into())),
    }
}

/// The file of a rule, relative to the directory of the rule files, and its index in that file.
fn place(pipeline: &Pipeline, rule: &str, folder: &Path) -> Option<(PathBuf, usize)> {
    let source = pipeline.rules().source(pipeline.find_rule(rule)?);
    let file = Path::new(&*source.file).strip_prefix(folder).ok()?;
    Some((file.to_owned(), source.at))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => drop(std::fs::copy(entry.path(), target)?),
        }
    }
    Ok(())
}
