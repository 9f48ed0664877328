//! The verdict on a document: whether it was cleaned, or why not.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The outcome of cleaning a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Something was removed or replaced.
    Cleaned,
    /// There was nothing to remove.
    Unchanged,
    /// The rules would have removed too much, so some or all cuts were dropped. Should be reviewed.
    Suspect,
    /// It could not be cleaned and passed through unchanged.
    Failed,
}

impl Verdict {
    /// All verdicts, best first.
    pub const ALL: [Verdict; 4] =
        [Verdict::Cleaned, Verdict::Unchanged, Verdict::Suspect, Verdict::Failed];
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Cleaned => "cleaned",
            Verdict::Unchanged => "unchanged",
            Verdict::Suspect => "suspect",
            Verdict::Failed => "failed",
        })
    }
}
