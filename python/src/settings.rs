//! What a pipeline is made with.

use std::path::PathBuf;

use chaffinch::{Cleaner, Level};
use pyo3::prelude::*;

use crate::error::{exception, exception_with};
use crate::pool;
use crate::stage::Definition;

/// Where the pipeline is described.
#[derive(Clone)]
pub(crate) enum Source {
    Text(String),
    File(PathBuf),
}

impl Source {
    /// A str with a line break or `: ` is YAML; everything else is a path.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Source> {
        match object.extract::<String>() {
            Ok(text) if text.contains('\n') || text.contains(": ") => Ok(Source::Text(text)),
            _ => Ok(Source::File(object.extract()?)),
        }
    }
}

/// What to do if a str that was taken as a path is none.
const TAKEN_AS_PATH: &str = "a str without a line break and without `: ` is taken as the path of a pipeline \
    file; if it is YAML, add a line break";

/// What a pipeline is made with.
pub(crate) struct Settings {
    pub(crate) pipeline: Option<Source>,
    pub(crate) rules: Vec<PathBuf>,
    pub(crate) rule_files: Vec<PathBuf>,
    pub(crate) level: Option<Level>,
    pub(crate) outlet: Option<String>,
    pub(crate) encoding: Option<String>,
    pub(crate) cache: Option<PathBuf>,
    /// Functions that are stages.
    pub(crate) stages: Vec<Py<PyAny>>,
}

impl Settings {
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Settings {
        Settings {
            pipeline: self.pipeline.clone(),
            rules: self.rules.clone(),
            rule_files: self.rule_files.clone(),
            level: self.level,
            outlet: self.outlet.clone(),
            encoding: self.encoding.clone(),
            cache: self.cache.clone(),
            stages: self.stages.iter().map(|stage| stage.clone_ref(py)).collect(),
        }
    }

    /// Makes the pipeline. `is_str` is whether the pipeline was given as a str, which is not always meant to
    /// be a path.
    pub(crate) fn build(&self, py: Python<'_>, is_str: bool) -> PyResult<Cleaner> {
        let mut builder = Cleaner::builder();
        match &self.pipeline {
            None => {}
            Some(Source::Text(yaml)) => builder = builder.pipeline(yaml),
            Some(Source::File(file)) => builder = builder.pipeline_file(file),
        }
        for directory in &self.rules {
            builder = builder.rules(directory);
        }
        for file in &self.rule_files {
            builder = builder.rule_file(file);
        }
        if let Some(level) = self.level {
            builder = builder.level(level);
        }
        if let Some(outlet) = &self.outlet {
            builder = builder.outlet(outlet);
        }
        if let Some(encoding) = &self.encoding {
            builder = builder.encoding(encoding);
        }
        let cache = self.cache.clone().or_else(chaffinch_cli::rule_cache);
        if let Some(cache) = cache.filter(|cache| !cache.as_os_str().is_empty()) {
            builder = builder.cache(cache);
        }
        for stage in &self.stages {
            let definition = Definition::of(stage.bind(py))?;
            let name = definition.name.clone();
            builder = builder.stage(&name, move |options| definition.make(options));
        }
        // Rules are read in parallel, which must not start rayon's global pool: after a fork it would
        // be dead.
        let pool = pool::pool(py, pool::threads(None)?)?;
        let built = py.detach(|| pool.install(|| builder.build()));
        built.map_err(|error| match &self.pipeline {
            Some(Source::File(file)) if is_str && !file.exists() => {
                let help = (&*file.display().to_string(), TAKEN_AS_PATH);
                exception_with(py, &error, Some(help))
            }
            _ => exception(py, &error),
        })
    }
}
