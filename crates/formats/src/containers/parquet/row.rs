//! Items that builds with and without Parquet share.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use chaffinch_core::Input;

use crate::containers::Reason;

/// Whether this build reads and writes Parquet.
pub(crate) const ENABLED: bool = cfg!(feature = "parquet");

/// The reason why a build without the feature `parquet` does not read a file.
pub(crate) const NOT_ENABLED: &str =
    "this build of chaffinch reads no Parquet; build it with `--features parquet`";

/// Whether a file is a Parquet file.
pub(crate) fn is_parquet(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut head)?;
    Ok(head == b"PAR1")
}

/// The values of a row that are read.
pub(crate) struct Row<'a> {
    /// The text; none if it is null.
    pub(crate) text: Option<&'a [u8]>,
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) url: Option<Cow<'a, str>>,
    pub(crate) date: Option<Cow<'a, str>>,
}

impl<'a> Row<'a> {
    /// The text, empty for a null; none if it is not UTF-8.
    pub(crate) fn utf_8(&self) -> Option<&'a str> {
        std::str::from_utf8(self.text.unwrap_or_default()).ok()
    }

    /// The URL and the date of the document.
    pub(crate) fn input(&self) -> Input<'_> {
        Input { url: self.url.as_deref(), date: self.date.as_deref(), ..Input::default() }
    }
}

/// A row and its other fields, or the reason why it has no text.
pub(crate) type ReadRow<'a> = Result<(Row<'a>, Lookup<'a>), Reason>;

/// The fields of a row by name, as text.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;
