//! The output directory, and files that are written completely or not at all.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Error;
use crate::files::{derived, names};

/// The folder of a run's output that holds the run's record.
pub const RECORD: &str = ".chaffinch";

/// The list of files that a run writes, each line before its file.
pub(crate) const FILES: &str = "files.txt";

/// A directory that a run writes into.
pub(crate) struct OutputDirectory {
    pub(crate) root: PathBuf,
}

impl OutputDirectory {
    /// Examines `root` without changing anything.
    ///
    /// # Errors
    /// It is inside an input, or cannot be a directory.
    pub(crate) fn at(root: &Path, inputs: &[PathBuf]) -> Result<OutputDirectory, Error> {
        check_apart(root, inputs)?;
        if root.exists() && !root.is_dir() {
            let message = format!("{} is a file; name a directory", root.display());
            return Err(Error::Usage(message));
        }
        Ok(OutputDirectory { root: root.to_owned() })
    }

    /// Locks the directory until the result is dropped, so that no other run writes into it. `None` if
    /// it does not exist or cannot be locked, as on Windows and on some network file systems.
    ///
    /// # Errors
    /// Another run writes into it.
    pub(crate) fn lock(&self) -> Result<Option<File>, Error> {
        let Ok(directory) = File::open(&self.root) else { return Ok(None) };
        match directory.try_lock() {
            Ok(()) => Ok(Some(directory)),
            Err(TryLockError::Error(_)) => Ok(None),
            Err(TryLockError::WouldBlock) => Err(Error::Usage(format!(
                "another run is writing into {}; wait until it ends, or name another directory with -o",
                self.root.display()
            ))),
        }
    }

    /// Prepares the directory for a new run, and locks it unless `lock` is its lock. Output of an
    /// earlier run is removed; other files are an error, and so is a directory that cannot be written.
    pub(crate) fn take(&self, lock: Option<File>) -> Result<Option<File>, Error> {
        let failed = |error: io::Error| {
            let root = self.root.display();
            Error::Usage(format!(
                "cannot write into {root}: {error}; name another directory with -o"
            ))
        };
        fs::create_dir_all(&self.root).map_err(failed)?;
        let lock = lock.map_or_else(|| self.lock(), |lock| Ok(Some(lock)))?;
        clear(&self.root)?;
        let record = self.root.join(RECORD);
        fs::create_dir_all(record.join("ledger")).map_err(failed)?;
        // A folder with this list was written by a run.
        File::create(record.join(FILES)).map_err(failed)?;
        Ok(lock)
    }

    pub(crate) fn record(&self, name: &str) -> PathBuf {
        self.root.join(RECORD).join(name)
    }
}

/// File names may hold line ends; a list of them may not.
pub(crate) fn escape_line(name: &str) -> String {
    name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

pub(crate) fn unescape_line(line: &str) -> String {
    let mut name = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => name.push('\n'),
                Some('r') => name.push('\r'),
                Some(c) => name.push(c),
                None => {}
            },
            c => name.push(c),
        }
    }
    name
}

/// The files that the run in `root` wrote or was about to write.
pub(crate) fn listed(root: &Path) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    let file = File::open(root.join(RECORD).join(FILES))?;
    Ok(BufReader::new(file).lines().map(|line| line.map(|line| unescape_line(&line))))
}

/// Rejects an output inside an input, and an input inside the output.
fn check_apart(root: &Path, inputs: &[PathBuf]) -> Result<(), Error> {
    let output = real(root);
    for input in inputs {
        let real_input = real(input);
        let inside = output.starts_with(&real_input) && real_input.is_dir() || output == real_input;
        if inside || real_input.starts_with(&output) {
            let message = format!(
                "the output {} and the input {} are the same or one contains the other; \
                 name an output elsewhere, \
                 such as `-o {}-cleaned`",
                root.display(),
                input.display(),
                crate::files::names::base_name(input),
            );
            return Err(Error::Usage(message));
        }
    }
    Ok(())
}

/// A path with links resolved, also if its last parts do not exist yet.
fn real(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut at = absolute.as_path();
    loop {
        if let Ok(real) = at.canonicalize() {
            return missing.iter().rev().fold(real, |path, part| path.join(part));
        }
        match (at.parent(), at.file_name()) {
            (Some(parent), Some(name)) => {
                missing.push(name.to_owned());
                at = parent;
            }
            _ => return absolute,
        }
    }
}

/// Removes the output of an earlier run from `root`, if it contains nothing else.
fn clear(root: &Path) -> Result<(), Error> {
    holds_nothing_foreign(root)?;
    let failed = |error: io::Error| Error::Output(root.display().to_string(), error);
    // The list of its files is removed last, so that an interruption leaves no unlisted files.
    let (record, list) = (root.join(RECORD), root.join(RECORD).join(FILES));
    remove_below(root, &record).and_then(|()| remove_below(&record, &list)).map_err(failed)?;
    match fs::remove_dir_all(&record) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

/// Removes everything in `folder` except `kept` and its content.
fn remove_below(folder: &Path, kept: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        match entry.file_type()?.is_dir() {
            _ if path == kept => {}
            true => fs::remove_dir_all(path)?,
            false => fs::remove_file(path)?,
        }
    }
    Ok(())
}

/// Rejects a directory that contains files which no run wrote.
pub(crate) fn holds_nothing_foreign(root: &Path) -> Result<(), Error> {
    let failed = |error: io::Error| Error::Output(root.display().to_string(), error);
    let mut entries = fs::read_dir(root).map_err(failed)?;
    if entries.next().is_none() {
        return Ok(());
    }
    let foreign = |path: &Path| {
        Error::Usage(format!(
            "{} is not empty: it contains {}, which chaffinch did not write; \
             name another directory with -o, or move it away",
            root.display(),
            path.strip_prefix(root).unwrap_or(path).display(),
        ))
    };
    let listed: HashSet<String> = match listed(root) {
        Ok(listed) => {
            let listed: Vec<String> = listed.collect::<Result<_, _>>().map_err(failed)?;
            listed.iter().flat_map(|name| names::forms(name)).collect()
        }
        Err(_) => HashSet::new(),
    };
    // A run writes the list of its files before any of them, so a record without one is foreign.
    let record = root.join(RECORD);
    let is_record = |path: &Path| path.starts_with(&record) && record.join(FILES).exists();
    for entry in walkdir::WalkDir::new(root).min_depth(1) {
        let entry = entry.map_err(|error| failed(error.into()))?;
        let path = entry.path();
        if entry.file_type().is_dir() || is_record(path) {
            continue;
        }
        let below = path.strip_prefix(root).unwrap_or(path);
        let parts: Vec<_> = below.components().map(|p| names::of_part(p.as_os_str())).collect();
        let name = parts.join("/");
        if !is_written(&names::finished(&name).unwrap_or(name), &listed) {
            return Err(foreign(path));
        }
    }
    Ok(())
}

/// Whether a file is one that a run listed, or a shard of one. `listed` has all [`names::forms`].
pub(crate) fn is_written(name: &str, listed: &HashSet<String>) -> bool {
    listed.contains(name) || derived::written_for(name).is_some_and(|file| listed.contains(&file))
}

/// Replaces the folder `place` with `new`. The old content moves to `new` or, where the system
/// cannot exchange two folders atomically, to `old`.
pub(crate) fn exchange(place: &Path, new: &Path, old: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        // Some file systems cannot exchange folders.
        if renameat_with(CWD, place, CWD, new, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    fs::rename(place, old)?;
    fs::rename(new, place).or_else(|error| fs::rename(old, place).and(Err(error)))
}

/// A file that is being written. It gets its name when it is complete, and is removed otherwise.
pub(crate) struct WholeFile {
    path: PathBuf,
    unfinished: PathBuf,
    out: Option<BufWriter<File>>,
}

impl WholeFile {
    pub(crate) fn create(path: &Path) -> io::Result<WholeFile> {
        let unfinished = names::unfinished_path(path);
        let open = || OpenOptions::new().write(true).create(true).truncate(true).open(&unfinished);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                open()?
            }
            opened => opened?,
        };
        let out = Some(BufWriter::with_capacity(1 << 16, file));
        Ok(WholeFile { path: path.to_owned(), unfinished, out })
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        if let Some(out) = self.out.take() {
            out.into_inner().map_err(io::IntoInnerError::into_error)?;
            fs::rename(&self.unfinished, &self.path)?;
        }
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.as_mut().map_or(Ok(0), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if self.out.take().is_some() {
            // It was abandoned. If it cannot be removed, its name still shows that it is temporary.
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}

/// Writes a file completely or not at all.
///
/// # Errors
/// The file cannot be written; its previous content is then unchanged.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = WholeFile::create(path)?;
    file.write_all(bytes)?;
    file.finish()
}

/// As [`write_whole`], for a value as JSON.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut file = BufWriter::new(WholeFile::create(path)?);
    serde_json::to_writer_pretty(&mut file, value)?;
    file.write_all(b"\n")?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
}

/// Copies a file that is too large to read into memory.
pub(crate) fn copy_whole(from: &mut dyn BufRead, path: &Path) -> io::Result<()> {
    let mut file = WholeFile::create(path)?;
    io::copy(from, &mut file)?;
    file.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_exchanged_or_left_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let [place, new, old] = ["place", "new", "old"].map(|name| folder.path().join(name));
        write_whole(&place.join("old.txt"), b"").unwrap();
        write_whole(&new.join("new.txt"), b"").unwrap();
        exchange(&place, &new, &old).unwrap();
        assert!(place.join("new.txt").exists() && !place.join("old.txt").exists());
        assert!(exchange(&place, &folder.path().join("none"), &old).is_err());
        assert!(place.join("new.txt").exists());
    }

    #[test]
    fn the_list_of_files_is_removed_last() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write =
            |name: &str, text: &str| write_whole(&root.join(name), text.as_bytes()).unwrap();
        write(".chaffinch/files.txt", "a/b.txt\nz.txt\n");
        write(".chaffinch/ledger/00000.jsonl.zst", "");
        write("a/b.txt", "");
        write("z.txt", "");
        let (record, list) = (root.join(RECORD), root.join(RECORD).join(FILES));
        remove_below(root, &record).unwrap();
        assert!(list.exists() && !root.join("z.txt").exists() && !root.join("a").exists());
        holds_nothing_foreign(root).unwrap();
        remove_below(&record, &list).unwrap();
        assert!(list.exists() && !record.join("ledger").exists());
        holds_nothing_foreign(root).unwrap();
        clear(root).unwrap();
        assert_eq!(fs::read_dir(root).unwrap().count(), 0);
        clear(root).unwrap();
    }
}
