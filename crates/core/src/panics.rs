//! Extracts the messages of caught panics.

use std::any::Any;

/// The message of a caught panic, or `no message` if it carries no text.
pub fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
