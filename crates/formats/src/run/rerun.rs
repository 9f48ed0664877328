//! A finished run once more, with other rules: from its output and its ledger, without its input.
//!
//! The originals are restored, and go through a run of their own. What the change of rules cannot
//! touch is not cleaned again: what the first run found out about it is taken from the ledger. So
//! the result is that of a full run, byte for byte.
//!
//! A change can touch a document if the first run names a rule in it that is gone or another; if a
//! rule that is new or another matches one of its lines; or if it is suspect, since then rules
//! worked that the ledger does not name. What a rule did that keeps, notes, replaces or is a cue for
//! a detector does not all show in the ledger: if it was switched off, its matches tell; if it is
//! another, all documents that it is for are touched. So are all documents if stages, limits, or how
//! outlets are recognised are others.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use chaffinch_core::Pipeline;

use super::job::{Job, Observer, Output, Stop};
use super::recall::Recall;
use super::restore::restore;
use super::sink::Resume;
use super::summary::Summary;
use crate::error::Error;
use crate::files::names::{self, base_name};
use crate::files::output::{exchange, holds_nothing_foreign};

/// What came of a rerun.
#[derive(Debug)]
pub struct Rerun {
    /// What it all adds up to, as a full run tells it.
    pub summary: Summary,
    /// Documents that the change could touch, and that were cleaned again.
    pub cleaned_again: u64,
}

/// Runs the finished run in `run` once more, with the rules of `pipeline`, into `output`; without
/// one, the new output takes the place of the old once it is whole.
///
/// The originals, and the new output as long as it is not whole, lie in a temporary folder beside it
/// in the meantime.
///
/// # Errors
/// `run` is no finished run, was converted to another container or is a sample, or some of its
/// originals cannot be restored; it is to be replaced and holds what no run wrote; or the output
/// cannot be written. `run` is then as it was.
pub fn rerun(
    run: &Path,
    output: Option<&Path>,
    pipeline: &Pipeline,
    observer: &dyn Observer,
    stop: &Stop,
) -> Result<Rerun, Error> {
    let recall = Recall::of_run(run, pipeline)?;
    let failed = |error| Error::Output(output.unwrap_or(run).display().to_string(), error);
    let place = match output {
        Some(output) => std::path::absolute(output).map_err(failed)?,
        None => {
            holds_nothing_foreign(run)?;
            run.canonicalize().map_err(failed)?
        }
    };
    let beside = place.parent().unwrap_or(&place);
    std::fs::create_dir_all(beside).map_err(failed)?;
    let folder = tempfile::Builder::new().prefix(".chaffinch-rerun-").tempdir_in(beside);
    let folder = folder.map_err(failed)?;
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
    // Several inputs keep their order; what was one input lies in the folder as it was.
    let several: Vec<PathBuf> =
        recall.inputs.iter().map(|(path, _)| names::below(&originals, &base_name(path))).collect();
    let inputs = match several.len() > 1 && several.iter().all(|path| path.exists()) {
        true => several,
        false => vec![originals],
    };
    let target = output.map_or_else(|| in_folder("new"), Path::to_owned);
    let mut job = Job::new(pipeline, inputs, Output::Directory(target.clone()));
    job.container = recall.request.from;
    job.shard_bytes = recall.request.shard_bytes;
    job.names = recall.request.names.clone();
    job.resume = Resume::Never;
    job.recall = Some(&recall);
    let summary = job.run(observer, stop)?;
    if output.is_none() && !summary.interrupted {
        exchange(&place, &target, &in_folder("old")).map_err(failed)?;
    }
    let known = recall.known.load(Ordering::Relaxed);
    Ok(Rerun { cleaned_again: summary.documents - known.min(summary.documents), summary })
}
