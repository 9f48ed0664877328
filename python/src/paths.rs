//! Paths as Python passes them.

use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

/// The paths of an argument: a path, or an iterable of paths.
pub(crate) fn paths(object: &Bound<'_, PyAny>) -> PyResult<Vec<PathBuf>> {
    if let Ok(path) = object.extract::<PathBuf>() {
        return Ok(vec![path]);
    }
    let path = |object: PyResult<Bound<'_, PyAny>>| {
        let object = object?;
        object.extract().map_err(|_| wrong(&object))
    };
    object.try_iter().map_err(|_| wrong(object))?.map(path).collect()
}

fn wrong(object: &Bound<'_, PyAny>) -> PyErr {
    let found = object.get_type().name().map(|name| name.to_string()).unwrap_or_default();
    PyTypeError::new_err(format!("a path is a str or a path of pathlib, not {found}"))
}
