//! The ledger: every change of each document, complete enough to restore the original.
//!
//! A ledger is JSON Lines compressed with zstd, in frames of some hundred documents, in output
//! order. A frame is self-contained: a header with the version of the format and a table of the
//! rules that the frame names, then one record per document. So damage affects one frame, frames are
//! written in parallel, and a killed run resumes after the last complete one.

pub(crate) mod activity;
mod digests;
pub(crate) mod join;
mod record;
pub(crate) mod run_rules;
pub(crate) mod runs;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use chaffinch_core::Pipeline;
use chaffinch_core::stage::RuleId;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::files::codec;
pub use digests::{digest, output_digest};
pub use record::{CellUndo, Digests, Escapes, HeaderUndo, Origin, Record, RowUndo};

/// The version of the format; other versions are refused.
pub const VERSION: u32 = 3;

/// The first line of a frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub chaffinch_ledger: u32,
    /// The rules; edits refer to them by index.
    pub rules: Vec<RuleEntry>,
}

/// A rule of a frame's table; written as a pair, the id and the stage.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "(String, String)", into = "(String, String)")]
pub struct RuleEntry {
    /// Its id.
    pub id: String,
    /// The stage that judges it.
    pub stage: String,
}

impl From<RuleEntry> for (String, String) {
    fn from(RuleEntry { id, stage }: RuleEntry) -> (String, String) {
        (id, stage)
    }
}

impl From<(String, String)> for RuleEntry {
    fn from((id, stage): (String, String)) -> RuleEntry {
        RuleEntry { id, stage }
    }
}

/// A digest of inputs, settings or rules.
pub(crate) fn short_digest(text: &str) -> String {
    rule_digest(xxh3_64(text.as_bytes()))
}

/// The entry of a rule in the table of a frame.
pub fn rule_entry(pipeline: &Pipeline, id: RuleId) -> RuleEntry {
    let rule = pipeline.rules().rule(id);
    RuleEntry { id: rule.id.clone(), stage: rule.stage.clone() }
}

/// The digest of a rule in hexadecimal.
pub(crate) fn rule_digest(digest: u64) -> String {
    let digit = |place| char::from_digit((digest >> (4 * place)) as u32 & 15, 16);
    (0..16).rev().filter_map(digit).collect()
}

/// The digest of all rules of a pipeline.
pub fn rules_digest(pipeline: &Pipeline) -> String {
    let (rules, mut all) = (pipeline.rules(), Xxh3Default::new());
    rules.digests().for_each(|digest| all.update(&digest.to_le_bytes()));
    for id in rules.ids().filter(|id| pipeline.is_off(*id)) {
        all.update(rules.rule(id).id.as_bytes());
    }
    rule_digest(all.digest())
}

/// The digest of everything except the rules that determines what a pipeline cuts: stages, limits,
/// how outlets are recognised.
pub fn settings_digest(pipeline: &Pipeline) -> String {
    let recognition = pipeline.rules().recognition();
    short_digest(&format!("{}\n{recognition:016x}", pipeline.settings()))
}

/// The digest of everything that determines what a pipeline cuts.
pub fn pipeline_digest(pipeline: &Pipeline) -> String {
    short_digest(&(settings_digest(pipeline) + &rules_digest(pipeline)))
}

/// A frame that is being written.
#[derive(Default)]
pub(crate) struct Frame {
    records: Vec<u8>,
    numbers: BTreeMap<RuleId, u32>,
    rules: Vec<RuleId>,
}

impl Frame {
    /// The number of a rule in this frame.
    pub(crate) fn number(&mut self, rule: RuleId) -> u32 {
        let rules = &mut self.rules;
        *self.numbers.entry(rule).or_insert_with(|| {
            rules.push(rule);
            rules.len() as u32 - 1
        })
    }

    /// The bytes of the records.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Drops the records after the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.records.truncate(len);
    }

    pub(crate) fn add(&mut self, record: &Record<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.records, record)?;
        self.records.push(b'\n');
        Ok(())
    }

    /// The frame's bytes; nothing for no records.
    pub(crate) fn finish(self, pipeline: &Pipeline) -> io::Result<Vec<u8>> {
        if self.records.is_empty() {
            return Ok(Vec::new());
        }
        let rules = self.rules.iter().map(|rule| rule_entry(pipeline, *rule)).collect();
        let mut lines = serde_json::to_vec(&Header { chaffinch_ledger: VERSION, rules })?;
        lines.push(b'\n');
        lines.extend_from_slice(&self.records);
        codec::compress(&lines, LEVEL)
    }
}

/// The level that ledgers are compressed with: they are written while a corpus is cleaned, so
/// speed comes first.
const LEVEL: i32 = 1;

/// Reads a ledger, record by record.
pub struct Reader {
    lines: BufReader<Box<dyn Read>>,
    line: String,
    /// The header of the frame that contains the last record.
    pub header: Header,
}

impl Reader {
    /// Opens a ledger.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(path: &Path) -> io::Result<Reader> {
        let file = File::open(path)?;
        // The ledger of a run without documents has no frame.
        let decoder: Box<dyn Read> = match file.metadata()?.len() {
            0 => Box::new(io::empty()),
            _ => Box::new(zstd::Decoder::new(file)?),
        };
        let header = Header { chaffinch_ledger: VERSION, rules: Vec::new() };
        Ok(Reader { lines: BufReader::new(decoder), line: String::new(), header })
    }

    fn read(&mut self) -> io::Result<Option<Record<'static>>> {
        loop {
            self.line.clear();
            if self.lines.read_line(&mut self.line)? == 0 {
                return Ok(None);
            }
            if !self.line.starts_with("{\"chaffinch_ledger\"") {
                return Ok(Some(serde_json::from_str(&self.line)?));
            }
            let header: Header = serde_json::from_str(&self.line)?;
            if header.chaffinch_ledger != VERSION {
                let message = format!(
                    "a ledger of version {}; this program reads version {VERSION}",
                    header.chaffinch_ledger
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            self.header = header;
        }
    }
}

impl Iterator for Reader {
    type Item = io::Result<Record<'static>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chaffinch_core::{LedgerEdit, Undo};

    fn edit(at: usize, rule: u32, text: &'static str, with: &'static str) -> LedgerEdit<'static> {
        LedgerEdit { at, rule, text: text.into(), with: with.into(), confidence: None }
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let mut record = Record::untouched("a.jsonl", 3, b"bytes", String::new());
        record.undo.raw = false;
        let judged = LedgerEdit { confidence: Some(97), ..edit(14, 3, "judged", "") };
        record.undo.edits =
            vec![edit(0, 2, "\"cut\"\n", ""), edit(6, 0, "é", ""), edit(11, 1, "  ", " "), judged];
        let written = serde_json::to_string(&record).unwrap();
        let edits = r#"[[0,2,"\"cut\"\n"],[0,0,"é"],[3,1,"  "," "],[1,3,"judged","",97]]"#;
        assert!(written.contains(edits), "{written}");
        let read: Record<'_> = serde_json::from_str(&written).unwrap();
        assert_eq!((&read.undo, read.digest), (&record.undo, record.digest));
        let unseen = Record::unseen("b", 0, String::new());
        let written = serde_json::to_string(&unseen).unwrap();
        let read: Record<'_> = serde_json::from_str(&written).unwrap();
        assert_eq!(read.digest, unseen.digest);
    }

    #[test]
    fn invalid_edits_and_digests_are_refused() {
        let undo =
            |edits: &str| serde_json::from_str::<Undo<'_>>(&format!("{{\"edits\":{edits}}}"));
        assert!(undo(r#"[[1,0,"a"],[2,0,"b","c"]]"#).is_ok());
        let far = format!("[[{},0,\"a\"]]", usize::MAX);
        for edits in [r#"[[1,0]]"#, r#"[[-1,0,"a"]]"#, &far, r#"[{"at":0}]"#] {
            assert!(undo(edits).is_err(), "{edits}");
        }
        for digests in [r#""12-xy""#, r#""12""#, "12"] {
            assert!(serde_json::from_str::<Digests>(digests).is_err(), "{digests}");
        }
    }
}
