//! Helpers for the tests of whole runs.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chaffinch_formats::Observer;

/// An observer that ignores progress.
pub(crate) struct Silent;

impl Observer for Silent {
    fn block(&self, _documents: u64, _bytes: u64) {}
}

/// The contents of all files below a folder, by path, without the record of a run.
pub(crate) fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    tree_except(root, ".chaffinch")
}

/// The contents of all files below a folder, by path; files and folders named `except` are left out.
pub(crate) fn tree_except(root: &Path, except: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    walkdir::WalkDir::new(root)
        .into_iter()
        .filter_entry(|entry| entry.file_name() != except)
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let below = entry.path().strip_prefix(root).unwrap().to_owned();
            (below, fs::read(entry.path()).unwrap())
        })
        .collect()
}
