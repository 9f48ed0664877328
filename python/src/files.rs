//! The files of a pipeline, which travel with it to other processes and machines.
//!
//! A pickled pipeline contains the rule files, the pipeline file, the line model and the plugins that it
//! is made from. The process that receives it writes them into a temporary directory, in which they have the
//! same places relative to each other, makes the pipeline and deletes them.

use std::path::{Component, Path, PathBuf};

use chaffinch_core::config::{Config, DEFAULT};
use chaffinch_core::rules;
use chaffinch_core::stage::{Options, Setting};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

use crate::error::message;
use crate::settings::{Settings, Source};

/// Absolute paths and the contents of their files.
pub(crate) type Contents = Vec<(PathBuf, Vec<u8>)>;

/// The settings of a pipeline with absolute paths, and the files that they name.
pub(crate) struct Files {
    pub(crate) settings: Settings,
    pub(crate) contents: Contents,
    /// The directory that relative paths of the pipeline refer to.
    pub(crate) base: PathBuf,
}

impl Files {
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Files {
        let (settings, contents) = (self.settings.clone_ref(py), self.contents.clone());
        Files { settings, contents, base: self.base.clone() }
    }

    /// Reads the files that these settings name.
    pub(crate) fn read(py: Python<'_>, settings: &Settings) -> PyResult<Files> {
        let (base, contents) = (absolute(Path::new(""))?, Vec::new());
        let mut files = Files { settings: settings.clone_ref(py), contents, base };
        let mut settings = settings.clone_ref(py);
        let text = match &mut settings.pipeline {
            None => DEFAULT.to_owned(),
            Some(Source::Text(text)) => text.clone(),
            Some(Source::File(file)) => {
                let text = files.add(file)?;
                files.base = file.parent().unwrap_or(Path::new("")).to_owned();
                text
            }
        };
        for file in &mut settings.rule_files {
            files.add(file)?;
        }
        // The pipeline was made from it, so it is valid unless the file changed since. Then the other
        // process reports what is wrong.
        let config = Config::parse("pipeline", &text, Path::new("")).unwrap_or_default();
        if settings.rules.is_empty() {
            settings.rules = config.rules.iter().map(|rules| files.base.join(rules)).collect();
        }
        for directory in &mut settings.rules {
            *directory = absolute(directory)?;
            let found = rules::files_in(directory);
            for (name, text) in found.map_err(|problem| message(py, &problem.to_string()))? {
                files.contents.push((PathBuf::from(name), text.into_bytes()));
            }
        }
        let model = |(_, options): &(String, Options)| match options.get("model") {
            Some(Setting::Text(model)) => Some(("model", PathBuf::from(model))),
            _ => None,
        };
        let models = config.stages.iter().filter_map(model);
        let plugins = config.plugins.iter().map(|plugin| ("plugin", plugin.wasm.clone()));
        for (kind, path) in models.chain(plugins) {
            if path.is_absolute() {
                return Err(PyValueError::new_err(format!(
                    "the pipeline names the {kind} {path:?} by an absolute path, which other machines \
                     may not have; write a path relative to the pipeline file"
                )));
            }
            files.add(&mut files.base.join(path))?;
        }
        Ok(Files { settings, ..files })
    }

    /// Reads a file, makes its path absolute and returns its text.
    fn add(&mut self, path: &mut PathBuf) -> PyResult<String> {
        let contents = std::fs::read(&*path).map_err(|error| {
            PyOSError::new_err(format!("cannot read {}: {error}", path.display()))
        })?;
        *path = absolute(path)?;
        let text = String::from_utf8_lossy(&contents).into_owned();
        self.contents.push((path.clone(), contents));
        Ok(text)
    }

    /// Writes the files below a directory and returns the settings that use them there.
    pub(crate) fn unpack(&self, py: Python<'_>, root: &Path) -> std::io::Result<Settings> {
        let mut settings = self.settings.clone_ref(py);
        if self.contents.is_empty() {
            return Ok(settings);
        }
        for (path, contents) in &self.contents {
            let path = below(root, path);
            std::fs::create_dir_all(path.parent().unwrap_or(root))?;
            std::fs::write(path, contents)?;
        }
        settings.pipeline = match settings.pipeline {
            None => None,
            Some(Source::File(file)) => Some(Source::File(below(root, &file))),
            Some(Source::Text(text)) => {
                let base = below(root, &self.base);
                std::fs::create_dir_all(&base)?;
                let file = base.join(".pipeline");
                std::fs::write(&file, text)?;
                Some(Source::File(file))
            }
        };
        for path in settings.rules.iter_mut().chain(&mut settings.rule_files) {
            *path = below(root, path);
        }
        Ok(settings)
    }
}

/// An absolute path without `.` and `..`.
fn absolute(path: &Path) -> PyResult<PathBuf> {
    let here = std::env::current_dir()?;
    let mut clean = PathBuf::new();
    for component in here.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(clean.pop()),
            other => clean.push(other),
        }
    }
    Ok(clean)
}

/// Where an absolute path is below another root.
fn below(root: &Path, path: &Path) -> PathBuf {
    let names = path.components().filter(|part| matches!(part, Component::Normal(_)));
    root.join(names.collect::<PathBuf>())
}
