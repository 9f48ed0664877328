//! The threads that documents are cleaned on.
//!
//! A process that was forked has only the thread that forked, so its parent's pools are dead. Pools
//! are made when they are first needed and belong to the process that made them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// The pools of a process, by their number of threads.
struct Pools {
    process: u32,
    pools: BTreeMap<usize, Arc<ThreadPool>>,
}

// Locked only while Python's lock is held, so no thread that a fork did not copy can hold it.
static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

/// The number of threads that a caller asks for; by default one for each core.
pub(crate) fn threads(asked: Option<usize>) -> PyResult<usize> {
    match asked {
        Some(0) => Err(PyValueError::new_err("threads must be at least 1")),
        Some(threads) => Ok(threads),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

/// The pool of this process with so many threads.
pub(crate) fn pool(_py: Python<'_>, threads: usize) -> PyResult<Arc<ThreadPool>> {
    let mut locked = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if locked.as_ref().is_some_and(|pools| pools.process != process) {
        // Dropping it would wait for locks that threads of the parent may have held.
        std::mem::forget(locked.take());
    }
    let pools = locked.get_or_insert(Pools { process, pools: BTreeMap::new() });
    if let Some(pool) = pools.pools.get(&threads) {
        return Ok(Arc::clone(pool));
    }
    let made = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("chaffinch-{number}"))
        .build()
        .map_err(|error| {
            PyRuntimeError::new_err(format!("cannot start {threads} threads: {error}"))
        })?;
    let made = Arc::new(made);
    pools.pools.insert(threads, Arc::clone(&made));
    Ok(made)
}
