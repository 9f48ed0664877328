//! Reads the record of a finished run: ledger, totals and rules.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

use chaffinch_core::Pipeline;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files::output::RECORD;
use crate::files::output::write_whole;
use crate::ledger::{self, Reader, Record, RuleEntry};

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

/// What rules did to the documents of one outlet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fired {
    /// The documents.
    pub documents: u64,
    /// Lines left in them below the last sentence.
    pub tail_lines: u64,
    /// In how many of them each rule cut something.
    pub rules: BTreeMap<String, u64>,
    /// The earliest day of a document, where days are known.
    pub first_day: Option<String>,
}

impl Fired {
    /// Adds what rules did to other documents.
    pub fn add(&mut self, other: &Fired) {
        self.documents += other.documents;
        self.tail_lines += other.tail_lines;
        for (rule, count) in &other.rules {
            *self.rules.entry(rule.clone()).or_default() += count;
        }
        let days = [self.first_day.take(), other.first_day.clone()];
        self.first_day = days.into_iter().flatten().min();
    }
}

/// What rules did in a run, by outlet and by month (`2024-05`, or none where days are unknown).
/// Reads the ledgers once, a record at a time.
///
/// # Errors
/// `run` is not the output of a run, or its ledger cannot be read.
pub fn tally_by_month(run: &Path) -> Result<BTreeMap<(String, Option<String>), Fired>, Error> {
    let mut all: BTreeMap<(String, Option<String>), Fired> = BTreeMap::new();
    let mut records = Records::of_run(run)?;
    while let Some(record) = records.next()? {
        let Some(outlet) = record.outlet.map(Cow::into_owned) else { continue };
        let month = record.day.as_deref().and_then(|day| day.get(..7)).map(str::to_owned);
        let fired = all.entry((outlet, month)).or_default();
        fired.documents += 1;
        fired.tail_lines += record.tail_lines;
        let days = [fired.first_day.take(), record.day];
        fired.first_day = days.into_iter().flatten().min();
        let mut rules: Vec<u32> = record.undo.edits.iter().map(|edit| edit.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        for rule in rules.iter().filter_map(|rule| records.rules().get(*rule as usize)) {
            match fired.rules.get_mut(&rule.id) {
                Some(count) => *count += 1,
                None => drop(fired.rules.insert(rule.id.clone(), 1)),
            }
        }
    }
    Ok(all)
}

/// What a run's `run.json` says.
///
/// # Errors
/// The file does not exist or is not valid JSON.
pub fn run_record(run: &Path) -> io::Result<serde_json::Value> {
    let text = fs::read_to_string(run.join(RECORD).join("run.json"))?;
    serde_json::from_str(&text).map_err(io::Error::from)
}

/// The file in a run's record that names its rules.
const RULES: &str = "rules.jsonl.zst";

/// A rule of a finished run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRule {
    /// Its id.
    pub id: String,
    /// The digest of its pattern and place.
    pub digest: String,
    /// Whether the ledger names the rule for every document that it affected. False for rules that
    /// keep, replace or note, and for rules that a detector of their stage may use as cues.
    pub shows: bool,
}

/// Calls `each` with every rule of a pipeline that is not disabled, in order, as its runs record
/// them.
fn each_rule(pipeline: &Pipeline, mut each: impl FnMut(RunRule)) {
    let rules = pipeline.rules();
    rules.each_rule(|id, rule| {
        if !pipeline.is_off(id) {
            let cue = !rule.detects && rules.detects(rule.stage);
            let (id, digest) = (rule.id.to_owned(), ledger::rule_digest(rule.digest));
            each(RunRule { id, digest, shows: rule.removes && !cue });
        }
    });
}

/// The rules of a pipeline that are not switched off, in order.
pub(crate) fn pipeline_rules(pipeline: &Pipeline) -> Vec<RunRule> {
    let mut all = Vec::new();
    each_rule(pipeline, |rule| all.push(rule));
    all
}

/// Writes the list of a run's rules.
pub(crate) fn write_rules(run: &Path, pipeline: &Pipeline) -> io::Result<()> {
    // A compressor that is handed word after word is slow.
    let mut lines = BufWriter::with_capacity(64 << 10, zstd::Encoder::new(Vec::new(), 1)?);
    let mut written = Ok(());
    each_rule(pipeline, |rule| {
        if written.is_ok() {
            let line = serde_json::to_writer(&mut lines, &rule).map_err(io::Error::from);
            written = line.and_then(|()| lines.write_all(b"\n"));
        }
    });
    written?;
    let lines = lines.into_inner().map_err(io::IntoInnerError::into_error)?;
    write_whole(&run.join(RECORD).join(RULES), &lines.finish()?)
}

/// All rules of a finished run, in order.
///
/// # Errors
/// The run's record has no list of them, or it cannot be read.
pub fn run_rules(run: &Path) -> io::Result<Vec<RunRule>> {
    let file = fs::File::open(run.join(RECORD).join(RULES))?;
    let lines = io::BufReader::new(zstd::Decoder::new(file)?).lines();
    lines.map(|line| serde_json::from_str(&line?).map_err(io::Error::from)).collect()
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
