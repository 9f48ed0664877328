//! Turns panics into errors, so that a bug affects one document or file, not the run.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chaffinch_core::panic_message;

/// The reason that is given for a panic.
pub(crate) fn internal_error(panic: &(dyn Any + Send)) -> String {
    format!("internal error: {}; please report it", panic_message(panic))
}

/// Reads from an input. A panic becomes an error.
pub(crate) fn guarded<T>(read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|panic| Err(io::Error::other(internal_error(&*panic))))
}
