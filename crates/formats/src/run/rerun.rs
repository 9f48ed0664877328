//! Repeats a finished run with other rules, from its output and its ledger, without its input.
//!
//! The originals are restored and cleaned by a run of their own. Documents that the change of rules
//! cannot affect are not cleaned again: their outcome is taken from the ledger. The result is that
//! of a full run, byte for byte.
//!
//! A change may affect a document if the ledger names a rule for it that was removed or changed, if
//! a new or changed rule matches one of its lines, or if the document is suspect, because then
//! rules applied that the ledger does not name. Matches of rules that keep, note, replace or serve
//! as cues of detectors do not all show in the ledger: if such a rule was removed, documents that
//! it matches are cleaned again; if it was changed, all documents that it applies to. All documents
//! are cleaned again if stages, limits or the detection of outlets changed.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use chaffinch_core::Pipeline;
use tempfile::TempDir;

use super::job::{Job, Observer, Output, Stop};
use super::recall::Recall;
use super::replace::Earlier;
use super::request::real_path;
use super::restore::restore;
use super::sink::Resume;
use super::summary::Summary;
use crate::error::Error;
use crate::files::names::{self, base_name};
use crate::files::output::{OutputDirectory, exchange, holds_nothing_foreign};

/// The result of a rerun.
#[derive(Debug)]
pub struct Rerun {
    /// The totals, as those of a full run.
    pub summary: Summary,
    /// The number of documents that the change could affect and that were cleaned again.
    pub cleaned_again: u64,
}

/// Where the originals and the new output are until a rerun is complete, beside its output.
///
/// `locked`: no other rerun replaces `place` at the same time. The folder then has a fixed name, and one that
/// a killed rerun left is removed.
fn temporary_folder(place: &Path, locked: bool) -> Result<TempDir, Error> {
    let beside = place.parent().unwrap_or(place);
    let failed = |error| Error::Output(beside.display().to_string(), error);
    std::fs::create_dir_all(beside).map_err(failed)?;
    let mut name = OsString::from(".chaffinch-rerun-");
    if !locked {
        return tempfile::Builder::new().prefix(&name).tempdir_in(beside).map_err(failed);
    }
    name.push(place.file_name().unwrap_or_default());
    let left = beside.join(&name);
    // With both in it, the rerun was killed between the two steps of the exchange.
    if left.join(OLD).exists() && left.join(NEW).exists() {
        return Err(Error::Usage(format!(
            "{} may be the only copy of an output whose replacement was interrupted; move it to another folder",
            left.join(OLD).display()
        )));
    }
    match std::fs::remove_dir_all(&left) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    tempfile::Builder::new().prefix(&name).rand_bytes(0).tempdir_in(beside).map_err(failed)
}

/// The output that is being replaced, in the temporary folder.
const OLD: &str = "old";
/// The output that replaces it.
const NEW: &str = "new";

/// The error of an exchange that failed. If it moved the old output into the temporary folder and could not
/// move it back, that is its only copy: the folder stays, and the error says where it is.
fn with_old_output_kept(folder: TempDir, error: io::Error) -> io::Error {
    if !folder.path().join(OLD).exists() {
        return error;
    }
    let old = folder.keep().join(OLD);
    let message = format!("{error}; its earlier content is in {}, move it back", old.display());
    io::Error::new(error.kind(), message)
}

/// Repeats the finished run in `run` with the rules of `pipeline`, into `output`; without an
/// `output`, the new output replaces the old one when it is complete. Other output is replaced only if it
/// is that of a run with the same inputs and no other files.
///
/// Until then, the originals and the new output are in a temporary folder beside it, and no other run can write
/// into it where the file system has locks.
///
/// # Errors
/// `run` is not a finished run, was converted to another container or is a sample, or some of its
/// originals cannot be restored; it is to be replaced and contains other files; `output` contains the
/// output of a run that `run` cannot replace; or the output cannot be written. `run` is then unchanged, unless
/// it was moved away and could not be moved back; the error then says where it is.
pub fn rerun(
    run: &Path,
    output: Option<&Path>,
    pipeline: &Pipeline,
    observer: &dyn Observer,
    stop: &Stop,
) -> Result<Rerun, Error> {
    let output = output.filter(|output| real_path(output) != real_path(run));
    let lock = |root: &Path| OutputDirectory { root: root.to_owned() }.lock();
    // Declared before the temporary folder, so that it is removed before they are released.
    let mut locks = Vec::new();
    if output.is_none() {
        locks.extend(lock(run)?);
    }
    let recall = Recall::of_run(run, pipeline)?;
    if let Some(output) = output
        && let (Some(earlier), Some(run)) =
            (Earlier::in_directory(output)?, Earlier::in_directory(run)?)
    {
        earlier.check_rerun(&run)?;
    }
    let failed = |error| Error::Output(output.unwrap_or(run).display().to_string(), error);
    let place = match output {
        Some(output) => std::path::absolute(output).map_err(failed)?,
        None => {
            holds_nothing_foreign(run)?;
            run.canonicalize().map_err(failed)?
        }
    };
    let folder = temporary_folder(&place, !locks.is_empty())?;
    let in_folder = |name: &str| folder.path().join(name);
    let originals = in_folder("originals");
    let restored = restore(run, &originals)?;
    if let Some((name, reason)) = restored.problems.first() {
        let more = match restored.problems.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let message = format!("{name}{more} cannot be restored: {reason}; clean the input again");
        return Err(Error::Usage(message));
    }
    // Several inputs keep their order; a single input is the folder itself.
    let several: Vec<PathBuf> =
        recall.inputs.iter().map(|(path, _)| names::below(&originals, &base_name(path))).collect();
    let inputs = match several.len() > 1 && several.iter().all(|path| path.exists()) {
        true => several,
        false => vec![originals],
    };
    let target = output.map_or_else(|| in_folder(NEW), Path::to_owned);
    let mut job = Job::new(pipeline, inputs, Output::Directory(target.clone()));
    job.container = recall.request.from;
    job.shard_bytes = recall.request.shard_bytes;
    job.names = recall.request.names.clone();
    job.resume = Resume::Never;
    job.recall = Some(&recall);
    let summary = job.run(observer, stop)?;
    if output.is_none() && !summary.interrupted {
        // What is then in place stays locked while the temporary folder is removed.
        locks.extend(lock(&target)?);
        if let Err(error) = exchange(&place, &target, &in_folder(OLD)) {
            return Err(failed(with_old_output_kept(folder, error)));
        }
    }
    let known = recall.known.load(Ordering::Relaxed);
    Ok(Rerun { cleaned_again: summary.documents - known.min(summary.documents), summary })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_that_could_not_be_moved_back_is_kept() {
        let beside = tempfile::tempdir().unwrap();
        for moved in [false, true] {
            let folder = tempfile::tempdir_in(&beside).unwrap();
            let old = folder.path().join(OLD);
            if moved {
                std::fs::create_dir(&old).unwrap();
            }
            let shown = with_old_output_kept(folder, io::Error::other("no space")).to_string();
            assert_eq!(old.exists(), moved);
            assert_eq!(shown.contains(&*old.to_string_lossy()), moved, "{shown}");
            assert!(shown.starts_with("no space"), "{shown}");
        }
    }
}
