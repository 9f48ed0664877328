//! Builds the pipeline from the arguments.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chaffinch_core::stage::Setting;
use chaffinch_core::{Builder, Pipeline, config};
use chaffinch_formats::{Container, FieldNames};
use clap::ValueEnum;

use crate::args::{PipelineArgs, SourceArgs};
use crate::failure::Failure;
use crate::read_yaml;

/// The name of a pipeline file.
const FILE: &str = "chaffinch.yaml";

/// The pipeline file in use, if it is not the built-in one, and its text.
pub(crate) fn pipeline_text(args: &PipelineArgs) -> Result<(Option<PathBuf>, String), Failure> {
    let path = args.pipeline.clone().or_else(find_upward);
    match path {
        None => Ok((None, config::DEFAULT.to_owned())),
        Some(path) => {
            let text = read_yaml(&path)?;
            Ok((Some(path), text))
        }
    }
}

/// The nearest pipeline file from the working directory upward. It is never taken from the corpus,
/// because downloaded data must not choose how it is cleaned.
pub(crate) fn find_upward() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|directory| directory.join(FILE)).find(|path| path.is_file())
}

/// The pipeline that the arguments describe.
pub(crate) fn pipeline(args: &PipelineArgs) -> Result<Pipeline, Failure> {
    build(args, pipeline_text(args)?, with_cache)
}

/// The same for files of a revision, which exist only for a moment, and without searching for a
/// pipeline file: without `--pipeline`, the built-in one is used.
pub(crate) fn of_revision(args: &PipelineArgs) -> Result<Pipeline, Failure> {
    let config = match args.pipeline {
        Some(_) => pipeline_text(args)?,
        None => (None, config::DEFAULT.to_owned()),
    };
    build(args, config, with_cache_read_only)
}

/// A pipeline with the rules of a directory, which may exist only for a moment.
pub(crate) fn with_rules(directory: &Path) -> Result<Pipeline, Failure> {
    Ok(with_cache_read_only(Pipeline::builder()).rules(directory).build()?)
}

#[cfg(feature = "plugins")]
use chaffinch_plugins::enable as enable_plugins;

/// Without the feature, pipeline files with plugins are refused by the pipeline builder.
#[cfg(not(feature = "plugins"))]
fn enable_plugins(builder: Builder, _cache: Option<PathBuf>) -> Builder {
    builder
}

/// The builder with the cache of rules.
pub(crate) fn with_cache(builder: Builder) -> Builder {
    cache().into_iter().fold(builder, Builder::cache)
}

/// The same for rule files that exist only for a moment: they are not added to the cache.
fn with_cache_read_only(builder: Builder) -> Builder {
    with_cache(builder).only_read_cache()
}

fn build(
    args: &PipelineArgs,
    config: (Option<PathBuf>, String),
    cached: fn(Builder) -> Builder,
) -> Result<Pipeline, Failure> {
    let mut builder = cached(enable_plugins(Pipeline::builder(), cache()));
    if let (Some(path), text) = config {
        let base = path.parent().unwrap_or(Path::new(""));
        builder = builder.config(&path.display().to_string(), &text, base)?;
    }
    for directory in &args.rules {
        builder = builder.rules(directory);
    }
    if let Some(outlet) = &args.outlet {
        builder = builder.outlet(outlet);
    }
    if let Some(label) = &args.encoding {
        let encoding = encoding(label)?;
        builder = builder.encoding(encoding);
    }
    if let Some(level) = args.level.and_then(|level| level.to_possible_value()) {
        let level = Setting::Text(level.get_name().to_owned());
        builder = builder.stage_setting("lines", "level", level);
    }
    if let Some(model) = &args.model {
        check_model(model)?;
        let model = Setting::Text(model.display().to_string());
        builder = builder.stage_setting("lines", "model", model);
    }
    // Rule ids contain a slash, stage names do not.
    let (rules, stages): (Vec<_>, Vec<_>) =
        args.skip.iter().cloned().partition(|name| name.contains('/'));
    let pipeline = builder.only(&args.only).skip(&stages).build()?;
    without(&pipeline, &rules)
}

/// The directory of the rule cache: `CHAFFINCH_CACHE_DIR`, or the user's cache directory. None if
/// the variable is empty or there is no cache directory.
pub fn cache() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    if let Some(own) = folder("CHAFFINCH_CACHE_DIR") {
        return Some(own).filter(|own| !own.as_os_str().is_empty());
    }
    let user = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        folder("HOME").map(|home| home.join("Library/Caches"))
    } else {
        let home = || folder("HOME").map(|home| home.join(".cache"));
        folder("XDG_CACHE_HOME").or_else(home)
    };
    // A relative path would depend on the working directory.
    user.filter(|user| user.is_absolute()).map(|user| user.join("chaffinch"))
}

/// Rejects a file that is no line model by the name of its option; the pipeline would name a place in
/// the pipeline file.
fn check_model(file: &Path) -> Result<(), Failure> {
    let wrong = |error: String| {
        let message = "to train a line model, use `chaffinch lines train`";
        Failure::Usage(format!("--model {}: {error}; {message}", file.display()))
    };
    let bytes = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    chaffinch_lines::Model::from_bytes(&bytes).map_err(|error| wrong(error.to_string()))?;
    Ok(())
}

/// The pipeline without these rules.
fn without(pipeline: &Pipeline, rules: &[String]) -> Result<Pipeline, Failure> {
    if rules.is_empty() {
        return Ok(pipeline.clone());
    }
    // A rule that uses the lexicon has one id for each language: `generic/STAGE/NAME/LANGUAGE`.
    let names = |id: &str, rule: &str| {
        id == rule
            || id.matches('/').count() == 2 && {
                let language = rule.strip_prefix(id).and_then(|rest| rest.strip_prefix('/'));
                language.is_some_and(|language| !language.contains('/'))
            }
    };
    // Ids are known without unpacking the rules.
    let (mut off, mut missing) = (HashSet::new(), vec![true; rules.len()]);
    pipeline.rules().each_rule(|rule, listed| {
        for (id, missing) in rules.iter().zip(&mut missing) {
            if names(id, listed.id) {
                off.insert(rule);
                *missing = false;
            }
        }
    });
    if let Some((id, _)) = rules.iter().zip(missing).find(|(_, missing)| *missing) {
        let known: Vec<&str> =
            pipeline.rules().ids().map(|rule| pipeline.rule(rule).id.as_str()).collect();
        let help = chaffinch_rules::yaml::expected(id, &known);
        // Hundreds of rules are too many to list; a similar one is worth naming.
        let help = if help.len() > 200 { "see `chaffinch rules list`".to_owned() } else { help };
        return Err(Failure::Usage(format!("--skip: unknown rule \"{id}\"; {help}")));
    }
    Ok(pipeline.without(|rule| off.contains(&rule)))
}

/// The arguments with the rule directories in use filled in, these directories, and the pipeline
/// file.
pub(crate) fn rules_in_force(
    args: &PipelineArgs,
) -> Result<(PipelineArgs, Vec<PathBuf>, Option<PathBuf>), Failure> {
    let (file, text) = pipeline_text(args)?;
    let mut paths = args.rules.clone();
    if let (Some(file), true) = (&file, paths.is_empty()) {
        let base = file.parent().unwrap_or(Path::new(""));
        paths = config::Config::parse(&file.display().to_string(), &text, base)?.rules;
    }
    if paths.is_empty() && Path::new("rules").is_dir() {
        paths.push(PathBuf::from("rules"));
    }
    Ok((PipelineArgs { rules: paths.clone(), ..args.clone() }, paths, file))
}

fn encoding(label: &str) -> Result<&'static chaffinch_core::Encoding, Failure> {
    chaffinch_core::Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        Failure::Usage(format!(
            "--encoding: unknown encoding \"{label}\"; expected a label of the Encoding Standard, \
             such as windows-1256, shift_jis or gb18030"
        ))
    })
}

/// The container and the field names that the arguments specify.
pub(crate) fn source(args: &SourceArgs) -> (Option<Container>, FieldNames) {
    let mut names = FieldNames::default();
    if let Some(text) = &args.text_field {
        names.text = vec![text.clone()];
    }
    names.id.clone_from(&args.id_field);
    names.url.clone_from(&args.url_field);
    names.date.clone_from(&args.date_field);
    (args.from, names)
}
