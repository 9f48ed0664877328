//! Runs over files, as the command line does them: `Pipeline.clean_files` and `restore_files`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use chaffinch::run::{Run, Summary, restore_until};
use chaffinch::{Cleaner, Error};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::{exception, message};
use crate::pool;

/// How often a run looks for signals.
const SIGNALS: Duration = Duration::from_millis(100);

/// Cleans files into a directory and returns the totals.
pub(crate) fn clean(
    py: Python<'_>,
    cleaner: &Cleaner,
    inputs: Vec<PathBuf>,
    output: PathBuf,
    text: Option<&str>,
    fresh: bool,
    threads: usize,
) -> PyResult<Py<PyDict>> {
    let summary = stoppable(py, threads, |stop| {
        let run = Run::new(cleaner, inputs, output).stop(stop);
        let run = text.into_iter().fold(run, Run::text_field);
        // If it is stopped, what was read is completed, and the same call resumes the run.
        if fresh { run.fresh() } else { run }.start()
    })?;
    totals(py, &summary)
}

/// Runs work on the threads of a pool, without Python's lock. A signal sets the work's stop flag and becomes an
/// exception.
fn stoppable<T: Send>(
    py: Python<'_>,
    threads: usize,
    work: impl FnOnce(&AtomicBool) -> Result<T, Error> + Send,
) -> PyResult<T> {
    let pool = pool::pool(py, threads)?;
    let stop = AtomicBool::new(false);
    let mut signal = None;
    let done = py.detach(|| {
        std::thread::scope(|scope| {
            let (sender, receiver) = channel::<Result<T, Error>>();
            let stop = &stop;
            scope.spawn(move || {
                // The receiver waits for it.
                let _ = sender.send(pool.install(|| work(stop)));
            });
            loop {
                match receiver.recv_timeout(SIGNALS) {
                    Ok(done) => break Some(done),
                    Err(RecvTimeoutError::Disconnected) => break None,
                    Err(RecvTimeoutError::Timeout) => {
                        if let Err(error) = Python::attach(|py| py.check_signals()) {
                            stop.store(true, Ordering::Relaxed);
                            signal = Some(error);
                        }
                    }
                }
            }
        })
    });
    if let Some(signal) = signal {
        return Err(signal);
    }
    let done = done.ok_or_else(|| message(py, "the run failed"))?;
    done.map_err(|error| exception(py, &error))
}

fn totals(py: Python<'_>, summary: &Summary) -> PyResult<Py<PyDict>> {
    let totals = PyDict::new(py);
    for (verdict, count) in &summary.verdicts {
        totals.set_item(verdict.to_string(), count)?;
    }
    totals.set_item("removed_bytes", summary.bytes_removed)?;
    Ok(totals.unbind())
}

/// Restores the originals of a run from its output directory, into a new or empty directory.
///
/// Ctrl-C stops it after the current document. It is not resumed: restore into another directory.
///
/// Args:
///     run: The output of ``Pipeline.clean_files`` or ``chaffinch clean``.
///     output: The directory to write to.
///
/// Returns:
///     The number of documents.
///
/// Raises:
///     chaffinch.Error: ``run`` is not the output of a run, ``output`` cannot be written or is not empty,
///         or a document cannot be restored; the others are written.
#[pyfunction]
pub(crate) fn restore_files(py: Python<'_>, run: PathBuf, output: PathBuf) -> PyResult<u64> {
    let threads = pool::threads(None)?;
    let restored = stoppable(py, threads, |stop| restore_until(&run, &output, stop))?;
    match restored.problems.first() {
        None => Ok(restored.documents),
        Some(problem) => {
            let count = restored.problems.len();
            Err(message(
                py,
                &format!("{count} documents cannot be restored; the first is {problem:?}"),
            ))
        }
    }
}
