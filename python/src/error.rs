//! Errors as Python exceptions.

use pyo3::prelude::*;
use pyo3::types::PyList;

/// The exception `chaffinch.Error` for an error of the library.
pub(crate) fn exception(py: Python<'_>, error: &chaffinch::Error) -> PyErr {
    make(py, error).unwrap_or_else(|failed| failed)
}

fn make(py: Python<'_>, error: &chaffinch::Error) -> PyResult<PyErr> {
    let types = py.import("chaffinch._types")?;
    let problem = types.getattr("Problem")?;
    let problems = PyList::empty(py);
    for found in error.problems() {
        let values = (found.file(), found.line(), found.column(), found.message(), found.help());
        problems.append(problem.call1(values)?)?;
    }
    // With the cause, which Python shows nowhere else.
    let exception = types.getattr("Error")?.call1((format!("{error:?}"), problems))?;
    Ok(PyErr::from_value(exception))
}

/// The exception `chaffinch.Error` with this message.
pub(crate) fn message(py: Python<'_>, message: &str) -> PyErr {
    let made = || py.import("chaffinch._types")?.getattr("Error")?.call1((message,));
    made().map_or_else(|failed| failed, PyErr::from_value)
}
