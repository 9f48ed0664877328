//! Helpers for the tests of whole runs.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use chaffinch_formats::Observer;

/// Stops a run after this number of blocks.
pub(crate) struct StopAfter<'a> {
    blocks: Cell<u32>,
    stop: &'a AtomicBool,
}

impl<'a> StopAfter<'a> {
    pub(crate) fn blocks(blocks: u32, stop: &'a AtomicBool) -> StopAfter<'a> {
        StopAfter { blocks: Cell::new(blocks), stop }
    }
}

impl Observer for StopAfter<'_> {
    fn block(&self, _documents: u64, _bytes: u64) {
        self.blocks.set(self.blocks.get().saturating_sub(1));
        self.stop.store(self.blocks.get() == 0, Ordering::Relaxed);
    }
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
