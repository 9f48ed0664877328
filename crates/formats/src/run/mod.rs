//! Runs: cleaning a corpus, resuming, and everything that works on a finished run.

pub(crate) mod append;
pub(crate) mod blocks;
pub(crate) mod builder;
pub(crate) mod context;
pub(crate) mod convert;
pub(crate) mod job;
pub(crate) mod journal;
pub(crate) mod originals;
pub(crate) mod output;
pub(crate) mod recall;
pub(crate) mod records;
pub(crate) mod replace;
pub(crate) mod request;
pub(crate) mod rerun;
pub(crate) mod restore;
pub(crate) mod row_groups;
pub(crate) mod sample;
pub(crate) mod samples;
pub(crate) mod sink;
pub(crate) mod summary;
pub(crate) mod worker;
