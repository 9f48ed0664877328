//! The error of this crate.

use std::fmt;
use std::io;

/// Why a run could not start or finish.
///
/// `Display` is the message without its [`source`](std::error::Error::source).
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The request cannot be carried out; nothing was done.
    Usage(String),
    /// An input cannot be read: its name, and why.
    Input(String, io::Error),
    /// The output cannot be written: its name, and why.
    Output(String, io::Error),
    /// The run cannot continue, for another reason.
    Stopped(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(message) | Error::Stopped(message) => f.write_str(message),
            Error::Input(name, _) => write!(f, "cannot read {name}"),
            Error::Output(name, _) => write!(f, "cannot write {name}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Usage(_) | Error::Stopped(_) => None,
            Error::Input(_, error) | Error::Output(_, error) => Some(error),
        }
    }
}
