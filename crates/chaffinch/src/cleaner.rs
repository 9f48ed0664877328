//! The cleaner: rules, stages and settings, ready to clean documents.

use std::fmt;

use chaffinch_core::Pipeline;
use rayon::prelude::*;

use crate::{Builder, Cleaned, Error, Input};

/// Cleans documents with one set of rules and stages.
///
/// Making one reads the rules, so make it once and share it: it can be used from any number of
/// threads, and a clone shares everything with the original.
#[derive(Clone)]
pub struct Cleaner {
    pub(crate) pipeline: Pipeline,
}

impl Cleaner {
    /// A cleaner with the rules and stages that ship.
    ///
    /// # Errors
    /// None, in a released version.
    pub fn new() -> Result<Cleaner, Error> {
        Cleaner::builder().build()
    }

    /// Starts a cleaner with other rules, stages or settings.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Cleans a document: a `&str`, bytes, or an [`Input`] of which more is known.
    ///
    /// Cleaning cannot fail. A document that cannot be cleaned passes through unchanged, with the
    /// verdict [`Failed`](crate::Verdict::Failed).
    pub fn clean<'a>(&self, input: impl Into<Input<'a>>) -> Cleaned<'a> {
        let input = input.into();
        let cleaned = match input.text {
            Some(text) => self.pipeline.clean_record(&input.input, text),
            None => self.pipeline.clean_input(&input.input),
        };
        Cleaned::new(cleaned, self.pipeline.clone(), input.id)
    }

    /// Cleans documents in parallel, on the threads of the current rayon pool. The results are in
    /// the order of the documents, and all in memory: clean a long stream in batches.
    pub fn clean_many<'a, T: Into<Input<'a>>>(
        &self,
        inputs: impl IntoIterator<Item = T>,
    ) -> Vec<Cleaned<'a>> {
        let inputs: Vec<Input<'a>> = inputs.into_iter().map(Into::into).collect();
        inputs.into_par_iter().map(|input| self.clean(input)).collect()
    }

    /// The names of the stages, in order.
    pub fn stages(&self) -> impl Iterator<Item = &str> {
        self.pipeline.stages()
    }
}

impl fmt::Debug for Cleaner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stages: Vec<&str> = self.stages().collect();
        f.debug_struct("Cleaner").field("stages", &stages).finish_non_exhaustive()
    }
}
