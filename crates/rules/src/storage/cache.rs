//! The cache of packed rule files: stores what one run has parsed and checked for the next one.
//!
//! The name of a cache file depends on the directories, the stages and this build. Each rule file
//! in it has a key of its size and timestamps. Only files whose key has changed are read again, and
//! of those only the ones with a text that no cache file contains are parsed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use xxhash_rust::xxh3::Xxh3Default;

use crate::authoring::SHIPPED;

/// A digest of this crate's sources and of the shipped rule files.
pub(super) fn build() -> u64 {
    static BUILD: LazyLock<u64> = LazyLock::new(|| {
        let mut build = Xxh3Default::new();
        build.update(env!("RULES_BUILD").as_bytes());
        // The build script has added those that are embedded.
        if cfg!(rules_on_disk) {
            for text in SHIPPED.iter().flat_map(|(name, text)| [name, text]) {
                build.update(&(text.len() as u64).to_le_bytes());
                build.update(text.as_bytes());
            }
        }
        build.digest()
    });
    *BUILD
}

/// The extension of cache files.
const EXTENSION: &str = "rules";

/// The maximum size of all cache files together, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// The maximum number of cache files to search for the contents of changed rule files.
const MOST_SEARCHED: usize = 8;

/// The path of the cache file for these directories. All runs that are `given` further files share
/// one, because their files differ each time.
pub(super) fn place(cache: &Path, stages: &[&str], directories: &[&Path], given: bool) -> PathBuf {
    let mut name = Xxh3Default::new();
    let mut add = |bytes: &[u8]| {
        name.update(&(bytes.len() as u64).to_le_bytes());
        name.update(bytes);
    };
    add(&build().to_le_bytes());
    add(&[given.into()]);
    add(&(stages.len() as u64).to_le_bytes());
    stages.iter().for_each(|stage| add(stage.as_bytes()));
    for directory in directories {
        // From different working directories, one relative path means different directories.
        let absolute = std::path::absolute(directory);
        add(absolute.as_deref().unwrap_or(directory).as_os_str().as_encoded_bytes());
        add(directory.as_os_str().as_encoded_bytes());
    }
    cache.join(format!("{:032x}.{EXTENSION}", name.digest128()))
}

/// Writes a file to the cache, with `write`.
///
/// Errors are ignored: a missing cache costs time, but must not stop a run.
pub(super) fn keep(place: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
    drop(try_keep(place, write));
}

fn try_keep(place: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let directory = place.parent().ok_or(io::ErrorKind::NotFound)?;
    fs::create_dir_all(directory)?;
    // Another process may write the same file, so each writes a temporary file and renames it.
    let new = place.with_extension(format!("{}.new", std::process::id()));
    let write_all = |file: File| {
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        // After a power failure, the name must not exist without the bytes.
        file.into_inner()?.sync_all()
    };
    let written = File::create(&new).and_then(write_all).and_then(|()| fs::rename(&new, place));
    if written.is_err() {
        drop(fs::remove_file(&new));
    }
    written?;
    trim(directory)
}

/// The newest cache files.
pub(super) fn newest(cache: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(cache)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            path.extension().filter(|extension| *extension == EXTENSION)?;
            Some((path.metadata().ok()?.modified().ok()?, path))
        })
        .collect();
    files.sort_unstable_by(|one, other| other.cmp(one));
    files.into_iter().map(|(_, path)| path).take(MOST_SEARCHED).collect()
}

/// Removes the oldest cache files until all together are at most [`MOST_BYTES`], and temporary
/// files of killed runs.
fn trim(directory: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        let metadata = entry.metadata()?;
        let changed = metadata.modified()?;
        let old = changed.elapsed().is_ok_and(|age| age > Duration::from_hours(1));
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(EXTENSION) => files.push((changed, metadata.len(), path)),
            Some("new") if old => fs::remove_file(path)?,
            _ => {}
        }
    }
    files.sort_unstable_by(|one, other| other.cmp(one));
    let mut total = 0;
    for (_, bytes, path) in files {
        total += bytes;
        if total > MOST_BYTES {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
