//! The cache of packed rule files: what a run has read and checked, the next one takes as it is.
//!
//! A cache file is named for the folders that were read, for the stages, and for this build. In it,
//! each rule file has a key of its size and times: what has changed since, and nothing else, is
//! read anew.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use crate::load::Origin;
use crate::packed::Packed;

/// A digest of this crate's sources and of the rule files that ship.
const BUILD: &str = env!("RULES_BUILD");

/// What cache files end with.
const EXTENSION: &str = "rules";

/// The most bytes of all cache files together.
const MOST_BYTES: u64 = 256 << 20;

/// A file that changed this short a time ago may change again without another time to show it:
/// file systems count in steps of up to two seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// Tells the content of a rule file without reading it; none where it cannot be told.
pub(crate) type Key = Option<u128>;

/// The key of a rule file. To be taken before it is read.
pub(crate) fn key(origin: &Origin<'_>) -> Key {
    match origin {
        // The build tells it.
        Origin::Shipped(_) => Some(0),
        Origin::Given(text) => Some(xxh3_128(text.as_bytes())),
        Origin::Disk(path) => {
            let metadata = fs::metadata(path).ok()?;
            let mut key = Xxh3Default::new();
            key.update(&metadata.len().to_le_bytes());
            let now = SystemTime::now();
            for time in times(&metadata) {
                now.duration_since(time).ok().filter(|past| *past >= SETTLED)?;
                let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
                key.update(&since.as_nanos().to_le_bytes());
            }
            Some(key.digest128())
        }
    }
}

/// The times that tell that a file was changed.
#[cfg(unix)]
fn times(metadata: &Metadata) -> impl Iterator<Item = SystemTime> {
    use std::os::unix::fs::MetadataExt;
    // The second cannot be set by hand.
    let changed = u64::try_from(metadata.ctime()).ok().map(Duration::from_secs);
    let nanos = u64::try_from(metadata.ctime_nsec()).ok().map(Duration::from_nanos);
    let changed = changed.zip(nanos).map(|(secs, nanos)| SystemTime::UNIX_EPOCH + secs + nanos);
    metadata.modified().ok().into_iter().chain(changed)
}

/// The times that tell that a file was changed.
#[cfg(not(unix))]
fn times(metadata: &Metadata) -> impl Iterator<Item = SystemTime> {
    metadata.modified().ok().into_iter()
}

/// The place of the cache for these folders.
pub(crate) fn place(cache: &Path, stages: &[&str], directories: &[&Path]) -> PathBuf {
    let mut name = Xxh3Default::new();
    let mut add = |bytes: &[u8]| {
        name.update(&(bytes.len() as u64).to_le_bytes());
        name.update(bytes);
    };
    add(BUILD.as_bytes());
    add(&(stages.len() as u64).to_le_bytes());
    stages.iter().for_each(|stage| add(stage.as_bytes()));
    for directory in directories {
        // One name may mean two folders, from two working directories.
        let whole = std::path::absolute(directory);
        add(whole.as_deref().unwrap_or(directory).as_os_str().as_encoded_bytes());
        add(directory.as_os_str().as_encoded_bytes());
    }
    cache.join(format!("{:032x}.{EXTENSION}", name.digest128()))
}

/// Keeps packed rule files at their place.
///
/// A cache that cannot be written costs time, and no run should end for it.
pub(crate) fn keep(place: &Path, packed: &Packed) {
    drop(try_keep(place, packed));
}

fn try_keep(place: &Path, packed: &Packed) -> io::Result<()> {
    let directory = place.parent().ok_or(io::ErrorKind::NotFound)?;
    fs::create_dir_all(directory)?;
    // Another process may write the same: each has a file of its own until it is whole.
    let new = place.with_extension(format!("{}.new", std::process::id()));
    let whole = |file: File| {
        let mut file = BufWriter::new(file);
        packed.write(&mut file)?;
        // Its name must not outlive a power failure that its bytes do not.
        file.into_inner()?.sync_all()
    };
    let written = File::create(&new).and_then(whole).and_then(|()| fs::rename(&new, place));
    if written.is_err() {
        drop(fs::remove_file(&new));
    }
    written?;
    trim(directory)
}

/// Removes the oldest cache files while all of them are over [`MOST_BYTES`], and what a run that
/// was killed left half-written.
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
