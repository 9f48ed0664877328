//! The cache of packed rule files: what a run has read and checked, the next one takes as it is.
//!
//! A cache file is named for everything that decided what is in it: this build, the stages, and
//! each rule file's path, size and times. So an old one is never taken for a new one; it is only
//! left over, and the oldest go when all of them are too much.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use xxhash_rust::xxh3::Xxh3Default;

use crate::load::{Origin, Source};
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

/// The place of a cache file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    path: PathBuf,
    /// Whether none of the rule files has changed a moment ago.
    settled: bool,
}

impl Entry {
    /// The entry for these rule files; none where one of them cannot be looked at.
    pub(crate) fn of(directory: &Path, stages: &[&str], sources: &[Source<'_>]) -> Option<Entry> {
        let mut key = Xxh3Default::new();
        let mut add = |bytes: &[u8]| {
            key.update(&(bytes.len() as u64).to_le_bytes());
            key.update(bytes);
        };
        add(BUILD.as_bytes());
        add(&(stages.len() as u64).to_le_bytes());
        stages.iter().for_each(|stage| add(stage.as_bytes()));
        let (now, mut settled) = (SystemTime::now(), true);
        for source in sources {
            add(source.file.as_bytes());
            match &source.origin {
                Origin::Shipped(_) => add(b"shipped"),
                Origin::Given(text) => add(text.as_bytes()),
                Origin::Disk(path) => {
                    let metadata = fs::metadata(path).ok()?;
                    for time in times(&metadata) {
                        let past = now.duration_since(time);
                        settled &= past.is_ok_and(|past| past >= SETTLED);
                        let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
                        add(&since.as_nanos().to_le_bytes());
                    }
                    add(&metadata.len().to_le_bytes());
                }
            }
        }
        let path = directory.join(format!("{:032x}.{EXTENSION}", key.digest128()));
        Some(Entry { path, settled })
    }

    /// What was kept here; none where nothing was, or it is not whole.
    pub(crate) fn read(&self) -> Option<Packed> {
        Packed::open(&self.path)
    }

    /// Keeps this here. `again` is the entry for the same files, looked at after they were read.
    ///
    /// A cache that cannot be written costs time, and no run should end for it.
    pub(crate) fn write(&self, again: Option<Entry>, packed: &Packed) {
        if self.settled && again.is_some_and(|again| again.path == self.path) {
            drop(self.try_write(packed));
        }
    }

    fn try_write(&self, packed: &Packed) -> io::Result<()> {
        let directory = self.path.parent().ok_or(io::ErrorKind::NotFound)?;
        fs::create_dir_all(directory)?;
        // Another process may write the same: each has a file of its own until it is whole.
        let new = self.path.with_extension(format!("{}.new", std::process::id()));
        let whole = |file: File| {
            let mut file = BufWriter::new(file);
            packed.write(&mut file)?;
            file.flush()
        };
        let written =
            File::create(&new).and_then(whole).and_then(|()| fs::rename(&new, &self.path));
        if written.is_err() {
            drop(fs::remove_file(&new));
        }
        written?;
        trim(directory)
    }
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
