//! The items of this module in a build without Parquet. No [`ParquetFile`] exists, so nothing is
//! ever read or written.

use std::fs::File;
use std::io::{self, Write};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::row::{NOT_ENABLED, ReadRow, Row};
use crate::containers::{FieldNames, Reason};
use crate::error::Error;
use crate::files::source::Source;
use crate::ledger::Record;

pub(crate) enum ParquetFile {}

impl ParquetFile {
    pub(crate) fn open(_: Arc<Source>, _: &FieldNames) -> Result<ParquetFile, Reason> {
        Err(NOT_ENABLED.into())
    }

    pub(crate) fn source(&self) -> &Source {
        match *self {}
    }

    pub(crate) fn groups(&self) -> usize {
        match *self {}
    }

    pub(crate) fn rows(&self, _: usize) -> Range<u64> {
        match *self {}
    }

    pub(crate) fn text_column(&self) -> &str {
        match *self {}
    }

    pub(crate) fn read_group(&self, _: usize) -> Result<Group, Reason> {
        match *self {}
    }

    pub(crate) fn without_rows(&self) -> Result<Vec<u8>, Error> {
        match *self {}
    }

    pub(crate) fn each_row(
        &self,
        _: &mut dyn FnMut(u64, ReadRow<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match *self {}
    }
}

pub(crate) enum Group {}

impl Group {
    pub(crate) fn take(&mut self, _: usize) -> Option<Batch> {
        match *self {}
    }
}

pub(crate) enum Batch {}

impl Batch {
    pub(crate) fn rows(&self) -> Vec<Row<'_>> {
        match *self {}
    }
}

pub(crate) struct GroupOutput;

impl GroupOutput {
    pub(crate) fn of(_: &mut Group) -> GroupOutput {
        GroupOutput
    }

    pub(crate) fn copied(_: &ParquetFile) -> GroupOutput {
        GroupOutput
    }

    pub(crate) fn push(&mut self, _: &Record<'_>, _: usize, _: Option<&[u8]>) {}

    pub(crate) fn write(&self, file: &ParquetFile, _: usize) -> Result<Vec<u8>, Error> {
        match *file {}
    }
}

#[derive(Default)]
pub(crate) struct Table {}

#[allow(clippy::unused_self, reason = "as in a build with Parquet")]
impl Table {
    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    pub(crate) fn len(&self) -> usize {
        0
    }

    pub(crate) fn truncate(&mut self, _: usize) {}

    pub(crate) fn push(&mut self, _: &Record<'_>, _: [Option<&str>; 3], _: &str, _: usize) {}

    pub(crate) fn write(&self) -> Result<Vec<u8>, Error> {
        Err(Error::Usage(NOT_ENABLED.to_owned()))
    }
}

pub(crate) enum Restoring {}

impl Restoring {
    pub(crate) fn open(_: Vec<PathBuf>, _: &str, _: bool) -> io::Result<Restoring> {
        Err(io::Error::other(NOT_ENABLED))
    }

    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        match *self {}
    }

    pub(crate) fn put(&mut self, _: Vec<u8>) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn is_kept(&self) -> bool {
        match *self {}
    }

    pub(crate) fn finish(self, _: &mut (impl Write + Send)) -> io::Result<bool> {
        match self {}
    }
}

pub(crate) fn assemble(
    _: &mut (impl Write + Send),
    _: impl Iterator<Item = io::Result<File>>,
) -> io::Result<()> {
    Err(io::Error::other(NOT_ENABLED))
}

pub(crate) fn has_rows(_: &Path) -> io::Result<bool> {
    Err(io::Error::other(NOT_ENABLED))
}

pub(crate) fn without_column(_: &Path, _: &mut (impl Write + Send)) -> io::Result<()> {
    Err(io::Error::other(NOT_ENABLED))
}
