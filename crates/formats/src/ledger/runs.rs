//! Reads the record of a finished run: its ledgers, its totals, and which run of a directory ended
//! last. Reports, `restore` and later runs use it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files::output::RECORD;
use crate::ledger::{Reader, Record, RuleEntry};

/// The ledgers of a run, in order.
///
/// # Errors
/// `run` is not the output of a run, or it cannot be read.
pub fn ledgers(run: &Path) -> Result<Vec<PathBuf>, Error> {
    let folder = run.join(RECORD).join("ledger");
    if !folder.is_dir() {
        let message =
            format!("{} is not the output of a run: it has no {RECORD}/ledger", run.display());
        return Err(Error::Usage(message));
    }
    let mut ledgers: Vec<PathBuf> = fs::read_dir(&folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>())
        .map_err(|error| Error::Input(folder.display().to_string(), error))?;
    ledgers.sort();
    Ok(ledgers)
}

/// The records of a run, in order, one in memory at a time.
pub struct Records {
    paths: std::vec::IntoIter<PathBuf>,
    reader: Option<(PathBuf, Reader)>,
}

impl Records {
    /// Of the run in `run`.
    ///
    /// # Errors
    /// `run` is not the output of a run.
    pub fn of_run(run: &Path) -> Result<Records, Error> {
        Ok(Records { paths: ledgers(run)?.into_iter(), reader: None })
    }

    /// Of one ledger, such as that of a run to standard output.
    pub fn of_ledger(path: &Path) -> Records {
        Records { paths: vec![path.to_owned()].into_iter(), reader: None }
    }

    /// The next record; none at the end.
    ///
    /// # Errors
    /// The rest of the ledger cannot be read.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Record<'static>>, Error> {
        loop {
            let (path, reader) = match &mut self.reader {
                Some(open) => open,
                None => {
                    let Some(path) = self.paths.next() else { return Ok(None) };
                    let reader = Reader::open(&path).map_err(|error| unreadable(&path, error))?;
                    self.reader.insert((path, reader))
                }
            };
            match reader.next() {
                None => self.reader = None,
                Some(Ok(record)) => return Ok(Some(record)),
                Some(Err(error)) => return Err(unreadable(path, error)),
            }
        }
    }

    /// The rules that the edits of the last record name by their place.
    pub fn rules(&self) -> &[RuleEntry] {
        self.reader.as_ref().map_or(&[], |(_, reader)| reader.header.rules.as_slice())
    }
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::Input(path.display().to_string(), error)
}

/// The contents of a run's `run.json`.
///
/// # Errors
/// The file does not exist or is not valid JSON.
pub fn run_record(run: &Path) -> io::Result<serde_json::Value> {
    let text = fs::read_to_string(run.join(RECORD).join("run.json"))?;
    serde_json::from_str(&text).map_err(io::Error::from)
}

/// The most recently finished run with its output in `folder`.
pub fn latest_run(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let ended = |path: PathBuf| {
        let changed = fs::metadata(path.join(RECORD).join("run.json")).ok()?.modified().ok()?;
        let name = path.file_name().map(PathBuf::from)?;
        Some((changed, name))
    };
    let (_, name) = entries.filter_map(ended).max()?;
    Some(if folder == Path::new(".") { name } else { folder.join(name) })
}
