//! Whether a run may replace the output of an earlier one.
//!
//! Output is removed without being asked only if cleaning its inputs again can make it again. Otherwise it may
//! be the only copy of the documents.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::journal::is_finished;
use super::request::{Request, digest_of_input};
use crate::error::Error;
use crate::files::output::listed;
use crate::files::{derived, names};

/// Rejects the replacement of a finished run in `root` that had other inputs than these, or whose files are
/// no longer in them. Files that were converted to another format are not looked for.
pub(crate) fn check(root: &Path, inputs: &[PathBuf]) -> Result<(), Error> {
    let Some(earlier) = Request::of_run(root).filter(|_| is_finished(root)) else { return Ok(()) };
    let refused = |problem: String| {
        let root = root.display();
        Err(Error::Usage(format!(
            "{root} contains the output of an earlier run, {problem}; name another directory with -o, or \
             replace the output with --fresh"
        )))
    };
    if earlier.inputs.iter().any(|(name, _)| name == "-") {
        return refused("which read standard input".to_owned());
    }
    let digests: HashSet<String> = inputs.iter().map(|path| digest_of_input(path)).collect();
    if earlier.digests.iter().any(|digest| !digests.contains(digest)) {
        let names: Vec<&str> = earlier.inputs.iter().map(|(name, _)| name.as_str()).collect();
        return refused(format!("which had other inputs ({})", names.join(", ")));
    }
    let local: Vec<(String, &Path)> = inputs
        .iter()
        .filter(|path| path.is_dir() && earlier.digests.contains(&digest_of_input(path)))
        .map(|path| (format!("{}/", names::base_name(path)), path.as_path()))
        .collect();
    if earlier.to.is_some() || local.is_empty() {
        return Ok(());
    }
    let several = earlier.inputs.len() > 1;
    let exists = |name: &str| {
        local.iter().any(|(prefix, input)| {
            let name = if several { name.strip_prefix(prefix.as_str()) } else { Some(name) };
            name.is_some_and(|name| names::below(input, name).symlink_metadata().is_ok())
        })
    };
    // A file that was an input itself.
    let is_input =
        |name: &str| earlier.inputs.iter().any(|(_, directory)| !directory) && !name.contains('/');
    let failed = |error| Error::Output(root.display().to_string(), error);
    for name in listed(root).map_err(failed)? {
        let name = name.map_err(failed)?;
        let file = || derived::written_for(&name).is_some_and(|file| exists(&file));
        if !is_input(&name) && !exists(&name) && !file() {
            return refused(format!("and {name} is no longer in its input"));
        }
    }
    Ok(())
}
