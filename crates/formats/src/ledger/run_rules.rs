//! The list of all rules in the record of a run, with their digests. A run writes it when it
//! finishes; `recall` compares it with other rules to find the results that it can reuse.

use std::fs;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::Path;

use chaffinch_core::Pipeline;
use serde::{Deserialize, Serialize};

use crate::files::output::{RECORD, write_whole};
use crate::ledger::rule_digest;

/// The file in a run's record that names its rules.
const RULES: &str = "rules.jsonl.zst";

/// A rule of a finished run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRule {
    /// Its id.
    pub id: String,
    /// The digest of its pattern and place.
    pub digest: String,
    /// Whether the ledger names it wherever it made a difference. Not so for a rule that keeps,
    /// replaces or notes, nor where the rule's stage has a detector that it may be a cue for.
    pub shows: bool,
}

/// Calls `each` with every rule of a pipeline that is not disabled, in order, as its runs record
/// them.
fn each_rule(pipeline: &Pipeline, mut each: impl FnMut(RunRule)) {
    let rules = pipeline.rules();
    rules.each_rule(|id, rule| {
        if !pipeline.is_off(id) {
            let cue = !rule.detects && rules.detects(rule.stage);
            let (id, digest) = (rule.id.to_owned(), rule_digest(rule.digest));
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

/// Records the rules of a run.
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
