//! The extension module of the Python package: a thin layer over the crate `chaffinch`.
//!
//! Everything long runs without Python's lock, on threads that belong to this process alone: see
//! [`pool`].

use std::ffi::OsString;

use pyo3::prelude::*;

mod batch;
mod cleaned;
mod document;
mod error;
mod files;
mod many;
mod paths;
mod pipeline;
mod pool;
#[cfg(feature = "parquet")]
mod row_group;
mod run;
mod settings;
mod stage;
mod strings;
mod table;

/// The extension module of the package chaffinch.
#[pymodule]
fn _chaffinch(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<pipeline::Pipeline>()?;
    module.add_class::<many::CleanMany>()?;
    module.add_class::<batch::Batch>()?;
    module.add_class::<cleaned::Cleaned>()?;
    module.add_class::<stage::View>()?;
    module.add_class::<stage::Line>()?;
    module.add_class::<stage::Hit>()?;
    module.add_class::<cleaned::Cut>()?;
    module.add_function(wrap_pyfunction!(batch::restore_batch, module)?)?;
    module.add_function(wrap_pyfunction!(run::restore_files, module)?)?;
    module.add_function(wrap_pyfunction!(pipeline::unpickle, module)?)?;
    module.add_function(wrap_pyfunction!(stage::check_stage, module)?)?;
    #[cfg(feature = "parquet")]
    module.add_function(wrap_pyfunction!(row_group::clean_row_group, module)?)?;
    module.add_function(wrap_pyfunction!(main, module)?)
}

/// Runs the command line with these arguments, of which the first is the program's name, and
/// returns its exit code.
#[pyfunction]
#[pyo3(signature = (args, /))]
fn main(py: Python<'_>, args: Vec<OsString>) -> u8 {
    py.detach(|| chaffinch_cli::main_with(args))
}
