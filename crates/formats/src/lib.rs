//! Runs over files: reads, cleans and writes corpora, and restores, compares and repeats finished
//! runs.
//!
//! A [`Job`] names inputs and output; [`Job::run`] streams documents through a pipeline, in input
//! order, and holds a few blocks of them at a time. The [`ledger`] records every change;
//! [`restore`] restores the originals from the output and the ledger.

mod containers;
mod error;
mod files;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod ledger;
mod panics;
mod run;

#[cfg(feature = "parquet")]
pub use containers::parquet::{RowGroup, RowGroupWriter};
pub use containers::{Container, FieldNames};
pub use error::Error;
pub use files::output::{RECORD, write_whole};
pub use files::source::{Place, Source};
pub use files::store::{Object, Store, Stores};
pub use ledger::activity::{RuleActivity, tally_by_month};
pub use ledger::join::{Joined, join};
pub use ledger::run_rules::{RunRule, run_rules};
pub use ledger::runs::{Records, latest_run, ledgers, run_record};
pub use run::job::{Job, Ledger, Observer, Output, Stop};
pub use run::originals::{Originals, originals};
pub use run::rerun::{Rerun, rerun};
pub use run::restore::{Restored, restore, restore_until, verify};
pub use run::samples::{Document, Documents, Found, documents, each_document};
pub use run::sink::Resume;
pub use run::summary::{Counts, OutletCounts, Summary};
