//! The settings of a run, as `run.json` records them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::containers::{Container, FieldNames};
use crate::files::names;
use crate::ledger;
use crate::ledger::runs::run_record;

/// The inputs of a run: paths, and whether each is a directory.
pub(crate) type Inputs = Vec<(PathBuf, bool)>;

/// The settings of a run.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(Default))]
pub(crate) struct Request {
    pub(crate) inputs: Vec<(String, bool)>,
    /// See [`digest_of_input`].
    #[serde(default)]
    pub(crate) digests: Vec<String>,
    pub(crate) from: Option<Container>,
    pub(crate) to: Option<Container>,
    pub(crate) shard_bytes: Option<u64>,
    pub(crate) names: FieldNames,
    pub(crate) sample: Option<usize>,
}

impl Request {
    /// Whether the run read standard input.
    pub(crate) fn reads_stdin(&self) -> bool {
        self.inputs.iter().any(|(name, _)| name == "-")
    }

    /// The settings of the run in `run`; none if its record has none or cannot be read.
    pub(crate) fn of_run(run: &Path) -> Option<Request> {
        serde_json::from_value(run_record(run).ok()?["job"].take()).ok()
    }
}

/// A digest of an input's real path, which identifies it from any working directory.
pub(crate) fn digest_of_input(path: &Path) -> String {
    ledger::short_digest(&real_path(path))
}

/// A path with links resolved; unchanged if it does not exist.
pub(crate) fn real_path(path: &Path) -> String {
    names::of_path(&path.canonicalize().unwrap_or_else(|_| path.to_owned()))
}
