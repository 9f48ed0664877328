//! Runs over one file in a temporary directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use chaffinch_core::{Limits, Pipeline};
use chaffinch_formats::{Container, Job, Output, restore};
use tempfile::TempDir;

static PIPELINE: LazyLock<Pipeline> = LazyLock::new(|| pipeline(1 << 20));

/// With a limit that short records exceed.
static SHORT: LazyLock<Pipeline> = LazyLock::new(|| pipeline(150));

/// Replaces the built-in rules, which take seconds to read in a build for fuzzing.
const RULES: &str = "generic: promo\nrules:\n  \
    - {id: share, safe: true, text: SHARE THIS ARTICLE, keeps: [Else]}\n  \
    - {id: word, safe: true, line: 'Share|Print', removes: [Share, Print], keeps: [Else]}\n";

fn pipeline(document_bytes: usize) -> Pipeline {
    let limits = Limits { document_bytes, ..Limits::default() };
    let builder = Pipeline::builder().rule_file("generic/promo.yaml", RULES).limits(limits);
    builder.build().unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A temporary directory, removed when it is dropped.
pub(crate) fn temporary() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

/// Cleans `input` into `output`.
pub(crate) fn clean(input: &Path, output: &Path, short: bool, change: impl FnOnce(&mut Job<'_>)) {
    let pipeline = if short { &*SHORT } else { &*PIPELINE };
    let output = Output::Directory(output.to_owned());
    let mut job = Job::new(pipeline, vec![input.to_owned()], output);
    change(&mut job);
    job.run(&(), &AtomicBool::new(false)).expect("the run succeeds");
}

/// Whether bytes begin like a compressed file. The content of such files is restored, but not their
/// compressed bytes.
pub(crate) fn is_compressed(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0x1f, 0x8b, 8, ..]
            | [0x28, 0xb5, 0x2f, 0xfd, ..]
            | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', ..]
    )
}

/// Cleans a file of records and restores it; returns the cleaned file.
pub(crate) fn round_trip(bytes: &[u8], container: Container, short: bool) -> Vec<u8> {
    let folder = temporary();
    let path = |name: &str| folder.path().join(name);
    let (input, output, back) = (path("records"), path("out"), path("back"));
    fs::write(&input, bytes).expect("the input is written");
    clean(&input, &output, short, |job| job.container = Some(container));
    let restored = restore(&output, &back).expect("the run is restored");
    assert!(restored.problems.is_empty(), "{:?}", restored.problems);
    let written = fs::read(output.join("records")).expect("the output is there");
    let original = fs::read(back.join("records")).expect("the original is there");
    assert!(original == bytes, "restored: {:?}", String::from_utf8_lossy(&original));
    written
}

/// All files below a directory, by path, except those below directories named `except`.
pub(crate) fn files(root: &Path, except: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("the directory can be read").path();
            if path.is_dir() {
                folders.extend((!path.ends_with(except)).then_some(path));
            } else {
                let below = path.strip_prefix(root).expect("it is below the root").to_owned();
                found.insert(below, fs::read(&path).expect("the file can be read"));
            }
        }
    }
    found
}
