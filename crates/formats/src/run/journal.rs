//! The journal of a run: after each block, a line with the lengths of all files and the totals of the
//! block. An unfinished run is resumed from it, after the last block of which all output exists.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::blocks::Position;
use super::summary::Summary;
use crate::files::output::{FILES, OutputDirectory, unescape_line};
use crate::files::{derived, names};
use crate::ledger::runs::run_record;

/// The bytes of all files after a block, and the totals of the block.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JournalEntry {
    pub(crate) after: Position,
    pub(crate) names: u64,
    pub(crate) ledger: u64,
    pub(crate) fields: u64,
    pub(crate) problems: u64,
    pub(crate) output: Option<(String, Written)>,
    #[serde(default)]
    pub(crate) shard: u64,
    pub(crate) summary: Summary,
}

/// How much of a container is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Written {
    /// The number of bytes of one file.
    Bytes(u64),
    /// The parts with these numbers, each a file.
    Parts(Range<u64>),
}

/// The name of the journal in the record of a run.
pub(crate) const JOURNAL: &str = "journal.jsonl";

pub(crate) fn unfinished_path(root: &Path, name: &str) -> PathBuf {
    names::below(root, &names::unfinished(name))
}

/// The file of a part of the current container.
pub(crate) fn part(directory: &OutputDirectory, number: u64) -> PathBuf {
    directory.record(&format!("{PARTS}/{number:05}"))
}

/// The length of a file in bytes; 0 if it does not exist.
pub(crate) fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// The folder in a run's record for parts.
pub(crate) const PARTS: &str = "parts";

/// An interrupted run.
pub(crate) struct Unfinished {
    pub(crate) identity: String,
    pub(crate) steps: Vec<JournalEntry>,
    /// The length in bytes of the journal up to the last of them.
    pub(crate) journal: u64,
}

impl Unfinished {
    /// The unfinished run in `directory`, up to the last block of which all output exists.
    pub(crate) fn find(directory: &OutputDirectory) -> Option<Unfinished> {
        let run = fs::read(directory.record("run.json")).ok()?;
        let run: serde_json::Value = serde_json::from_slice(&run).ok()?;
        if run["state"] == "finished" {
            return None;
        }
        let identity = run["identity"].as_str()?.to_owned();
        let (mut steps, mut ends): (Vec<JournalEntry>, Vec<u64>) = (Vec::new(), Vec::new());
        if let Ok(journal) = File::open(directory.record(JOURNAL)) {
            let (mut journal, mut line, mut end) = (BufReader::new(journal), String::new(), 0);
            // The last line may be incomplete.
            while journal.read_line(&mut line).is_ok_and(|length| length > 0)
                && line.ends_with('\n')
                && let Ok(step) = serde_json::from_str(&line)
            {
                end += line.len() as u64;
                steps.push(step);
                ends.push(end);
                line.clear();
            }
        }
        let record = |name: &str| length(&directory.record(name));
        let there = (
            record(FILES),
            record("ledger/00000.jsonl.zst"),
            record("fields.jsonl"),
            record("problems.jsonl"),
        );
        let holds = |step: &JournalEntry| {
            let output = match &step.output {
                None => true,
                Some((name, Written::Bytes(bytes))) => {
                    let root = &directory.root;
                    // It may be complete already, except for the journal.
                    let there =
                        length(&unfinished_path(root, name)).max(length(&names::below(root, name)));
                    there >= *bytes
                }
                Some((_, Written::Parts(parts))) => {
                    parts.clone().all(|number| length(&part(directory, number)) > 0)
                }
            };
            output
                && there.0 >= step.names
                && there.1 >= step.ledger
                && there.2 >= step.fields
                && there.3 >= step.problems
        };
        while steps.last().is_some_and(|step| !holds(step)) {
            steps.pop();
            ends.pop();
        }
        let journal = ends.last().copied().unwrap_or(0);
        Some(Unfinished { identity, steps, journal })
    }
}

/// Whether the run in `run` finished.
pub(crate) fn is_finished(run: &Path) -> bool {
    // A finished run may have been interrupted before its journal was removed.
    run_record(run).is_ok_and(|run| run["state"] == "finished")
}

/// Removes the files that are listed after the first `names` bytes of the list. They will be listed
/// and written again; until then they would be unlisted, and so count as files of others.
pub(crate) fn remove_unsure(directory: &OutputDirectory, names: u64) -> io::Result<()> {
    let mut list = match File::open(directory.record(FILES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        list => list?,
    };
    list.seek(io::SeekFrom::Start(names))?;
    let (mut list, mut line) = (BufReader::new(list), Vec::new());
    // The last name may be incomplete, and could name another file; its own does not exist yet.
    while list.read_until(b'\n', &mut line)? > 0 && line.pop() == Some(b'\n') {
        let name = unescape_line(&String::from_utf8_lossy(&line));
        line.clear();
        let path = names::below(&directory.root, &name);
        if path.is_dir() {
            remove_texts(&path, &name)?;
        } else {
            remove_if_there(&path)?;
        }
        remove_if_there(&unfinished_path(&directory.root, &name))?;
    }
    Ok(())
}

/// Removes the texts of the records of `name`, and their folder if nothing else is in it.
fn remove_texts(folder: &Path, name: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let text = names::of_part(&entry.file_name());
        let text = names::finished(&text).unwrap_or(text);
        if derived::written_for(&format!("{name}/{text}")).as_deref() == Some(name) {
            remove_if_there(&entry.path())?;
        }
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => Err(error),
        _ => Ok(()),
    }
}

pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::output::{RECORD, write_whole};

    #[test]
    fn files_after_the_last_block_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let directory = OutputDirectory { root: folder.path().to_owned() };
        let write = |name: &str, text: &str| {
            write_whole(&directory.root.join(name), text.as_bytes()).unwrap();
        };
        let known = "a\na.txt\n";
        let new = "b/new.txt\nline\\nend\nrows.jsonl\nmixed.jsonl\na";
        write(&format!("{RECORD}/{FILES}"), &format!("{known}{new}"));
        for name in ["a", "a.txt", "b/new.txt", "line\nend"] {
            write(name, "");
        }
        // Texts of records, the last of them incomplete, and a file that the run did not write.
        for name in ["rows.jsonl/00000000.txt", "rows.jsonl/.00000001.txt.chaffinch-tmp"] {
            write(name, "");
        }
        for name in ["mixed.jsonl/00000000.txt", "mixed.jsonl/mine.txt"] {
            write(name, "");
        }
        remove_unsure(&directory, known.len() as u64).unwrap();
        let there = |name: &str| directory.root.join(name).exists();
        let left = ["a", "a.txt", "b/new.txt", "line\nend"].map(there);
        assert_eq!(left, [true, true, false, false]);
        let left = ["rows.jsonl", "mixed.jsonl/00000000.txt", "mixed.jsonl/mine.txt"].map(there);
        assert_eq!(left, [false, false, true]);
    }
}
