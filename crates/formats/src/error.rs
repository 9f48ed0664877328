//! The error of this crate.

use std::fmt;
use std::io;

/// Why a run could not start or finish.
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
            Error::Input(name, error) => write!(f, "cannot read {name}: {error}"),
            Error::Output(name, error) => write!(f, "cannot write {name}: {error}"),
        }
    }
}

impl std::error::Error for Error {}
