//! Looking at what finished runs left.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::RECORD;

/// What a run's `run.json` says.
///
/// # Errors
/// It is not there, or is no JSON.
pub fn run_record(run: &Path) -> io::Result<serde_json::Value> {
    let text = fs::read_to_string(run.join(RECORD).join("run.json"))?;
    serde_json::from_str(&text).map_err(io::Error::from)
}

/// The run that ended last, of those whose output lies in `folder`.
pub fn latest_run(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let ended = |path: PathBuf| {
        let changed = fs::metadata(path.join(RECORD).join("run.json")).ok()?.modified().ok()?;
        let name = path.file_name().map(PathBuf::from)?;
        Some((changed, name))
    };
    let (_, name) = entries.filter_map(ended).max()?;
    Some(if folder == Path::new(".") { name } else { folder.join(name) })
}
