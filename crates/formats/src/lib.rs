//! Readers and writers: what goes into a run, and what a run leaves.
//!
//! A [`Job`] names inputs and output; [`Job::run`] streams documents through a pipeline, in input
//! order, and never holds more than two batches of them. What was cut goes into the [`ledger`];
//! [`restore`] gives the originals back from the output and the ledger alone.

mod input;
mod job;
pub mod jsonl;
pub mod ledger;
mod output;
mod restore;
mod runs;
mod samples;
mod summary;

pub use input::{Container, Source};
pub use job::{Error, Job, Ledger, Names, Observer, Output, Stop};
pub use output::write_whole;
pub use restore::{Restored, originals, restore};
pub use runs::{Fired, latest_run, ledgers, run_record, tally_by_month};
pub use samples::{Document, Documents, documents};
pub use summary::{Counts, OutletCounts, Summary};

/// The folder of a run's output that holds the run's record.
pub const RECORD: &str = ".chaffinch";
