//! Whether a run may replace the output of an earlier one.
//!
//! Without `--fresh`, output is removed only if it can be made again from its inputs. Otherwise it may
//! be the only copy of the documents.

use std::collections::HashSet;
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::journal::Unfinished;
use super::request::{Request, digest_of_input};
use crate::error::Error;
use crate::files::output::{FILES, OutputDirectory, RECORD, listed, unescape_line};
use crate::files::store::Shipping;
use crate::files::{derived, names};
use crate::ledger::runs::run_record;

/// A finished run whose output may be replaced.
pub(crate) struct Earlier {
    /// The directory or the address of its output.
    output: String,
    request: Request,
    /// The files that it wrote.
    files: Vec<String>,
}

impl Earlier {
    /// The finished run in a directory, if there is one.
    pub(crate) fn in_directory(root: &Path) -> Result<Option<Earlier>, Error> {
        let output = root.display().to_string();
        let record = match run_record(root) {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            record => record.map_err(|error| damaged(&output, &error))?,
        };
        let Some(request) = finished(record) else { return Ok(None) };
        match listed(root).and_then(Iterator::collect) {
            Ok(files) => Ok(Some(Earlier { output, request, files })),
            Err(error) => Err(Error::Output(output, error)),
        }
    }

    /// The finished run in a store, if there is one.
    pub(crate) fn in_store(shipping: &Shipping) -> Result<Option<Earlier>, Error> {
        let output = shipping.store.address().to_owned();
        let failed = |error: io::Error| Error::Output(output.clone(), error);
        let Some(record) = shipping.read("run.json").map_err(failed)? else { return Ok(None) };
        let record = serde_json::from_str(&record).map_err(|error| damaged(&output, &error))?;
        let Some(request) = finished(record) else { return Ok(None) };
        let files = shipping.read(FILES).map_err(failed)?.unwrap_or_default();
        let files = files.lines().map(unescape_line).collect();
        Ok(Some(Earlier { output, request, files }))
    }

    /// Rejects the replacement of a run that had other inputs than these, or whose files are no
    /// longer in them. Files that were converted to another format are not checked.
    pub(crate) fn check(&self, inputs: &[PathBuf]) -> Result<(), Error> {
        let Earlier { request, files, .. } = self;
        let refused = |problem: &str| self.refused(problem, "or replace the output with --fresh");
        if request.reads_stdin() {
            return refused("which read standard input");
        }
        let digests: HashSet<String> = inputs.iter().map(|path| digest_of_input(path)).collect();
        if request.digests.iter().any(|digest| !digests.contains(digest)) {
            return refused(&format!("which had other inputs ({})", self.names_of_inputs()));
        }
        // The directories among its inputs, with what the names of their files begin with.
        let folders: Vec<(String, &Path)> = inputs
            .iter()
            .filter(|path| path.is_dir() && request.digests.contains(&digest_of_input(path)))
            .map(|path| (format!("{}/", names::base_name(path)), path.as_path()))
            .collect();
        if request.to.is_some() || folders.is_empty() {
            return Ok(());
        }
        let several = request.inputs.len() > 1;
        let exists = |name: &str| {
            folders.iter().any(|(prefix, folder)| {
                let name = if several { name.strip_prefix(prefix.as_str()) } else { Some(name) };
                name.is_some_and(|name| names::below(folder, name).symlink_metadata().is_ok())
            })
        };
        // A file that was an input itself, or an object.
        let elsewhere = |name: &str| {
            several && !folders.iter().any(|(prefix, _)| name.starts_with(prefix.as_str()))
        };
        let there = |name: &String| {
            let file = || derived::written_for(name).is_some_and(|file| exists(&file));
            elsewhere(name) || exists(name) || file()
        };
        match files.iter().find(|name| !there(name)) {
            Some(name) => refused(&format!("and {name} is no longer in its input")),
            None => Ok(()),
        }
    }

    /// Rejects the replacement of a run by a rerun of `run`, which had other inputs or not all of its files.
    pub(crate) fn check_rerun(&self, run: &Earlier) -> Result<(), Error> {
        let refused = |problem: &str| self.refused(problem, "or delete it");
        let digests: HashSet<&String> = run.request.digests.iter().collect();
        if self.request.digests.iter().any(|digest| !digests.contains(digest)) {
            return refused(&format!("which had other inputs ({})", self.names_of_inputs()));
        }
        let files: HashSet<&String> = run.files.iter().collect();
        match self.files.iter().find(|name| !files.contains(name)) {
            Some(name) => refused(&format!("and {name} is not in {}", run.output)),
            None => Ok(()),
        }
    }

    fn names_of_inputs(&self) -> String {
        let names: Vec<&str> = self.request.inputs.iter().map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    }

    /// `instead` is what to do other than naming another directory.
    fn refused(&self, problem: &str, instead: &str) -> Result<(), Error> {
        Err(Error::Usage(format!(
            "{} contains the output of an earlier run, {problem}; name another directory with -o, {instead}",
            self.output
        )))
    }
}

/// Rejects the replacement of what an unfinished run over standard input wrote.
pub(crate) fn check_unfinished(directory: &OutputDirectory) -> Result<(), Error> {
    let written = Unfinished::find(directory).is_some_and(|run| !run.steps.is_empty());
    if written && Request::of_run(&directory.root).is_some_and(|request| request.reads_stdin()) {
        return Err(Error::Usage(format!(
            "{} contains the output of an unfinished run, which read standard input; name another directory \
             with -o, or replace the output with --fresh",
            directory.root.display()
        )));
    }
    Ok(())
}

/// Whether an earlier run finished cannot be known, so its output is not replaced.
fn damaged(output: &str, error: &dyn Display) -> Error {
    Error::Usage(format!(
        "{output} contains the output of an earlier run whose record is damaged ({RECORD}/run.json: {error}); \
         name another directory with -o, or replace the output with --fresh"
    ))
}

/// The settings of a run, if its record says that it finished.
fn finished(mut record: Value) -> Option<Request> {
    (record["state"] == "finished")
        .then(|| serde_json::from_value(record["job"].take()).ok())
        .flatten()
}
