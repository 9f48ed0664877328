//! Errors as Python exceptions.

use pyo3::prelude::*;
use pyo3::types::PyList;

/// The exception `chaffinch.Error` for an error of the library.
pub(crate) fn exception(py: Python<'_>, error: &chaffinch::Error) -> PyErr {
    exception_with(py, error, None)
}

/// The same, with a file and what to do about a problem with all of it.
pub(crate) fn exception_with(
    py: Python<'_>,
    error: &chaffinch::Error,
    help: Option<(&str, &str)>,
) -> PyErr {
    make(py, error, help).unwrap_or_else(|failed| failed)
}

fn make(py: Python<'_>, error: &chaffinch::Error, help: Option<(&str, &str)>) -> PyResult<PyErr> {
    // With the cause, which Python shows nowhere else.
    let mut message = format!("{error:?}");
    let types = py.import("chaffinch._types")?;
    let problem = types.getattr("Problem")?;
    let problems = PyList::empty(py);
    for found in error.problems() {
        let more = help.filter(|(file, _)| found.file() == Some(*file) && found.line().is_none());
        if let Some((_, help)) = more {
            let shown = found.to_string();
            message = message.replacen(&shown, &format!("{shown}; {help}"), 1);
        }
        let help = found.help().or(more.map(|(_, help)| help));
        let values = (found.file(), found.line(), found.column(), found.message(), help);
        problems.append(problem.call1(values)?)?;
    }
    let exception = types.getattr("Error")?.call1((message, problems))?;
    Ok(PyErr::from_value(exception))
}

/// The exception `chaffinch.Error` with this message.
pub(crate) fn message(py: Python<'_>, message: &str) -> PyErr {
    let made = || py.import("chaffinch._types")?.getattr("Error")?.call1((message,));
    made().map_or_else(|failed| failed, PyErr::from_value)
}
