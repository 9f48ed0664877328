//! Cleaning a row group of a Parquet file: a task of `chaffinch.ray.clean_files`.
//!
//! The result is that of `Pipeline.clean_batch`, but only some rows at a time are in memory, and the columns that
//! cleaning does not need are copied without decoding them.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use chaffinch::Verdict;
use chaffinch_formats::{RowGroup, RowGroupWriter};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::batch::{BYTES, Counts, Names, ROWS, added_fields, clean_part, text_field};
use crate::error::message;
use crate::pipeline::Pipeline;

/// A cleaned row group that is to be written.
#[pyclass(module = "chaffinch._chaffinch", frozen)]
pub(crate) struct CleanedRowGroup {
    /// None once it is written.
    writer: Mutex<Option<RowGroupWriter>>,
    counts: Vec<(Verdict, usize)>,
    removed_bytes: usize,
}

#[pymethods]
impl CleanedRowGroup {
    /// The number of documents with each verdict that documents have, and ``removed_bytes``.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = PyDict::new(py);
        for (verdict, count) in &self.counts {
            counts.set_item(verdict.to_string(), count)?;
        }
        counts.set_item("removed_bytes", self.removed_bytes)?;
        Ok(counts)
    }

    /// Writes a file with the row group, once, and with this entry in the metadata of its schema.
    fn write(&self, py: Python<'_>, path: PathBuf, key: &str, value: &str) -> PyResult<()> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let writer = writer.ok_or_else(|| message(py, "the row group is already written"))?;
        let written = py.detach(|| writer.finish(&path, (key, value)));
        written.map_err(|error| exception(py, &error))
    }
}

fn exception(py: Python<'_>, error: &chaffinch_formats::Error) -> PyErr {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    message(py, &format!("{error}{}", cause.unwrap_or_default()))
}

/// Cleans a row group of a Parquet file, with the columns of :meth:`chaffinch.Pipeline.clean_batch`. The first one
/// is 0.
///
/// Raises:
///     chaffinch.Error: The file cannot be read.
#[pyfunction]
#[pyo3(
    name = "_clean_row_group",
    signature = (
        pipeline, path, group, text=None, *, url=Some("url".into()), date=Some("date".into()),
        outlet=None
    ),
    text_signature = "(pipeline, path, group, text=None, *, url='url', date='date', outlet=None)"
)]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub(crate) fn clean_row_group(
    py: Python<'_>,
    pipeline: &Bound<'_, Pipeline>,
    path: PathBuf,
    group: usize,
    text: Option<String>,
    url: Option<String>,
    date: Option<String>,
    outlet: Option<String>,
) -> PyResult<CleanedRowGroup> {
    let pipeline = pipeline.get();
    let names = Names { text, url, date, outlet };
    let failed = |error: chaffinch_formats::Error| exception(py, &error);
    let group = py.detach(|| RowGroup::open(&path, group)).map_err(failed)?;
    let places = names.find(group.schema())?;
    let mut batches = group.batches(&places.all(), ROWS, BYTES).map_err(failed)?;
    let field = text_field(group.schema().field(places.text));
    let mut writer = group.writer((places.text, field), &added_fields()).map_err(failed)?;
    let mut counts = Counts::new(&pipeline.tally);
    // As in `clean_batch`, an exception that a signal raises ends the work after some rows.
    while let Some(batch) = py.detach(|| batches.next()).transpose().map_err(failed)? {
        let places = names.find(batch.schema_ref())?;
        let columns = clean_part(py, &pipeline.cleaner, &batch, &places, 1, &mut counts)?;
        py.detach(|| writer.push(&columns)).map_err(failed)?;
    }
    Ok(CleanedRowGroup {
        writer: Mutex::new(Some(writer)),
        counts: counts.verdicts(),
        removed_bytes: counts.removed_bytes(),
    })
}
