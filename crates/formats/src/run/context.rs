//! The context that all workers of a run share.

use std::path::PathBuf;

use chaffinch_core::{Cleaned, Input, Pipeline};

use super::recall::{PreviousOutcome, Recall};
use super::sample::Sample;
use crate::containers::{Container, Text};

/// The pipeline and the settings that all workers of a run share.
pub(crate) struct WorkerContext<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) sample: Option<&'a Sample>,
    /// The output directory; none if documents go to a stream, or nowhere.
    pub(crate) root: Option<PathBuf>,
    /// The name of the stream that documents go to, such as standard output.
    pub(crate) stream: Option<&'static str>,
    /// Whether there is a ledger.
    pub(crate) ledger: bool,
    /// Whether each document is restored immediately and compared.
    pub(crate) verify: bool,
    /// Whether output files are split into shards.
    pub(crate) shards: bool,
    /// The container that documents are converted to, if any.
    pub(crate) to: Option<Container>,
    /// The results of an earlier run.
    pub(crate) recall: Option<&'a Recall<'a>>,
}

impl WorkerContext<'_> {
    /// Cleans a document, unless the `known` outcome of an earlier run still holds.
    pub(crate) fn clean<'b>(
        &self,
        input: &Input<'b>,
        text: Text<'b>,
        known: Option<PreviousOutcome>,
    ) -> Cleaned<'b> {
        if let (Some(recall), Some(known)) = (self.recall, known)
            && let Some(cleaned) = recall.recall(text, known)
        {
            return cleaned;
        }
        match text {
            Text::Decoded(text) => self.pipeline.clean_record(input, text),
            Text::Bytes(bytes) => self.pipeline.clean_input(&Input { bytes, ..*input }),
        }
    }
}
