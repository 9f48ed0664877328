//! Readers and writers: what goes into a run, and what a run leaves.
//!
//! A [`Job`] names inputs and output; [`Job::run`] streams documents through a pipeline, in input
//! order, and holds a few blocks of them at a time. What was cut goes into the [`ledger`];
//! [`restore`] gives the originals back from the output and the ledger alone.

mod blocks;
mod chunks;
mod codec;
mod convert;
mod detect;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod input;
mod job;
mod join;
pub mod jsonl;
pub mod ledger;
mod names;
mod originals;
mod output;
mod panics;
#[cfg(feature = "parquet")]
mod parquet;
mod rerun;
mod restore;
mod rows;
mod runs;
mod sample;
mod samples;
mod sink;
mod store;
mod summary;
mod wet;
mod worker;

pub use convert::Origin;
pub use input::{Container, Place, Source};
pub use job::{Error, Job, Ledger, Names, Observer, Output, Resume, Stop};
pub use join::{Joined, join};
pub use originals::{Originals, originals};
pub use output::write_whole;
pub use rerun::{Rerun, rerun};
pub use restore::{Restored, restore, verify};
pub use runs::{
    Fired, Records, RunRule, latest_run, ledgers, run_record, run_rules, tally_by_month,
};
pub use samples::{Document, Documents, Found, documents, each_document};
pub use store::{Object, Store, Stores};
pub use summary::{Counts, OutletCounts, Summary};
pub use wet::HeaderUndo;

/// The folder of a run's output that holds the run's record.
pub const RECORD: &str = ".chaffinch";
