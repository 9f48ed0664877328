//! Why a container, a record or its original cannot be read. Runs pass such records through and
//! report the reason.

use std::fmt;
use std::ops::Deref;

/// The reason why a container or a record cannot be read, or an original cannot be restored, as a
/// message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason(String);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Reason {}

impl Deref for Reason {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Reason {
    fn from(reason: &str) -> Reason {
        Reason(reason.to_owned())
    }
}

impl From<String> for Reason {
    fn from(reason: String) -> Reason {
        Reason(reason)
    }
}

impl From<Reason> for String {
    fn from(Reason(reason): Reason) -> String {
        reason
    }
}
