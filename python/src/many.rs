//! The iterator of `Pipeline.clean_many`.

use std::collections::VecDeque;

use chaffinch::Cleaner;
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use rayon::prelude::*;

use crate::cleaned::Cleaned;
use crate::document::Document;
use crate::pool;
use crate::stage::Tally;

/// Documents of a batch, for each thread: enough that a slow document makes no thread wait long.
const DOCUMENTS: usize = 32;

/// Bytes from which a batch takes no further document, for each thread.
const BYTES: usize = 4 << 20;

/// Cleaned documents, in the order of the documents that they were made from.
#[pyclass(module = "chaffinch")]
pub(crate) struct CleanMany {
    cleaner: Cleaner,
    tally: Tally,
    /// None after its end.
    documents: Option<Py<PyIterator>>,
    threads: usize,
    ready: VecDeque<Cleaned>,
    /// What ended the documents, raised after the results of those before it.
    error: Option<PyErr>,
}

impl CleanMany {
    pub(crate) fn new(
        cleaner: Cleaner,
        tally: Tally,
        documents: Py<PyIterator>,
        threads: usize,
    ) -> CleanMany {
        let documents = Some(documents);
        CleanMany { cleaner, tally, documents, threads, ready: VecDeque::new(), error: None }
    }

    /// Takes the documents of the next batch; none at the end.
    fn take(&mut self, py: Python<'_>) -> Vec<Document> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < self.threads.saturating_mul(DOCUMENTS)
            && bytes < self.threads.saturating_mul(BYTES)
        {
            let Some(documents) = &self.documents else { break };
            let next = documents.bind(py).clone().next();
            match next.map(|next| next.and_then(|object| Document::of(&object))) {
                Some(Ok(document)) => {
                    bytes += document.len();
                    batch.push(document);
                }
                Some(Err(error)) => {
                    self.error = Some(error);
                    self.documents = None;
                }
                None => self.documents = None,
            }
        }
        batch
    }
}

#[pymethods]
impl CleanMany {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Cleaned>> {
        if self.ready.is_empty() {
            py.check_signals()?;
            let batch = self.take(py);
            let pool = pool::pool(py, self.threads)?;
            let cleaner = &self.cleaner;
            let clean = || batch.par_iter().map(|document| document.clean(cleaner)).collect();
            let cleaned: Vec<PyResult<Cleaned>> = py.detach(|| pool.install(clean));
            for cleaned in cleaned {
                match cleaned {
                    Ok(cleaned) => {
                        self.tally.count(py, cleaned.failed_stages());
                        self.ready.push_back(cleaned);
                    }
                    Err(error) => {
                        self.error = Some(error);
                        self.documents = None;
                        break;
                    }
                }
            }
            // Here, not only before: results are kept, and the caller can go on after the exception.
            py.check_signals()?;
        }
        match (self.ready.pop_front(), self.error.take()) {
            (Some(cleaned), error) => {
                self.error = error;
                Ok(Some(cleaned))
            }
            (None, Some(error)) => Err(error),
            (None, None) => Ok(None),
        }
    }
}
