//! Runs stages that are WebAssembly modules.
//!
//! A *plugin* is a module that implements the stage contract: the host passes it a view of the
//! document, and it returns marks. It runs in a sandbox: it has no imports, so it cannot use a
//! clock, random numbers, files or the network, and its memory and the number of instructions per
//! document are limited. A plugin that breaks the contract loses its marks in that document; it
//! cannot stop a run.
//!
//! `docs/plugins.md` describes the interface between host and plugin, version `ABI`.
#![cfg(feature = "engine")]

mod check;
mod marks;
mod module;
mod view;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chaffinch_core::{Builder, Plugin, PluginError};

pub use check::{Checked, PluginFailure, check};
pub use module::{Host, PluginStage};

/// The version of the interface between host and plugin.
pub const ABI: i32 = 1;

/// The maximum size of a module, in bytes.
pub const MOST_MODULE_BYTES: u64 = 64 << 20;

/// The maximum memory of an instance, in bytes, besides eight times the size of the document.
pub const MOST_MEMORY: usize = 64 << 20;

/// The maximum number of instructions to start an instance, and to configure it. A plugin may
/// compile hundreds of patterns then.
pub const START_FUEL: u64 = 5_000_000_000;

/// The maximum number of instructions for a document, besides those for its size.
pub const BASE_FUEL: u64 = 100_000_000;

/// The maximum number of instructions for each byte of a document, in addition to [`BASE_FUEL`].
pub const FUEL_PER_BYTE: u64 = 20_000;

/// The maximum number of marks in a document.
pub const MOST_MARKS: usize = 65_536;

/// Lets pipeline files use plugins. Compiled modules are cached in `cache`.
///
/// ```no_run
/// let builder = chaffinch_core::Pipeline::builder();
/// let builder = chaffinch_plugins::enable(builder, None);
/// let pipeline = builder
///     .config("pipeline", "stages: [{plugin: {wasm: corrections.wasm}}]", "".as_ref())
///     .and_then(|builder| builder.build())
///     .unwrap();
/// ```
pub fn enable(builder: Builder, cache: Option<PathBuf>) -> Builder {
    // Most pipelines have no plugin, and then no engine is needed.
    let host = OnceLock::new();
    builder.plugins(move |plugin: &Plugin| {
        let host = host.get_or_init(|| Host::new(cache.as_deref()));
        let host = host.as_ref().map_err(Clone::clone)?;
        let wasm = read(&plugin.wasm)?;
        Ok(Box::new(host.load(&wasm, &plugin.settings)?))
    })
}

/// Reads a module.
///
/// # Errors
/// If the file cannot be read or is larger than [`MOST_MODULE_BYTES`].
pub fn read(path: &Path) -> Result<Vec<u8>, PluginError> {
    let unreadable = |error| PluginError::Module(format!("cannot read: {error}"));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MOST_MODULE_BYTES {
        return Err(PluginError::Module(format!(
            "the module has {size} bytes; the limit is {MOST_MODULE_BYTES}"
        )));
    }
    std::fs::read(path).map_err(unreadable)
}
