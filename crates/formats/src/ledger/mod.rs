//! The ledger: what was cut from each document, complete enough to undo it.
//!
//! JSON Lines under zstd, in frames of some hundred documents, in output order. A frame stands on
//! its own: a header with the format's version and a table of the rules that the frame names, then
//! one record a document. So damage costs a frame, frames are made in parallel, and a run that was
//! killed goes on behind the last whole one.

pub(crate) mod join;
pub(crate) mod runs;
pub(crate) mod undo;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use chaffinch_core::stage::RuleId;
use chaffinch_core::{Cleaned, Coding, Pipeline, Undo, Verdict, date};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64, xxh3_128};

use crate::files::codec;
pub use undo::{CellUndo, Escapes, HeaderUndo, Origin, RowUndo};

/// The version of the format; other versions are refused.
pub const VERSION: u32 = 3;

/// The first line of a frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub chaffinch_ledger: u32,
    /// The rules; an edit names one by its place here.
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

/// What happened to one document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record<'a> {
    /// The output file.
    pub file: Cow<'a, str>,
    /// The document's place in it, from 0; in JSONL, of its line.
    pub ordinal: u64,
    /// The document's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
    /// What tells the original and the output.
    pub digest: Digests,
    /// The outlet that it was recognised as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet: Option<Cow<'a, str>>,
    /// How it was recognised: `given`, `host`, `path` or `signs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognised_by: Option<Cow<'a, str>>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it is suspect or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// How to undo it.
    pub undo: Undo<'a>,
    /// How to undo the JSON row around it; none for rows passed through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<RowUndo>,
    /// How to undo the headers of its WARC record; none for records passed through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderUndo>,
    /// How to undo the CSV row around it; none for rows passed through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellUndo>,
    /// Where it stood, if it was converted from another container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin<'a>>,
    /// The Parquet column that holds its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<Cow<'a, str>>,
    /// Whether it is a record of a container; omitted if [`Record::row`] or [`Record::cell`] is
    /// there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_container: bool,
    /// The length in bytes of a record that passed through without ever being held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The day that it is from, as `2024-05-31`, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// Lines left below the last sentence.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tail_lines: u64,
    /// Metadata recovered.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// What tells a document's original and its output; written as one word, hexadecimal, a dash
/// between: in ten thousands of records, each word more would show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// The xxh3-128 of the bytes of the original: of the file, the row or the column's value. None
    /// for what was too long to be held.
    pub original: Option<u128>,
    /// 32 bits of the xxh3-64 of the output.
    pub output: u32,
}

impl Digests {
    /// Of an original and its output.
    pub fn of(original: &[u8], output: &[u8]) -> Digests {
        Digests { original: Some(digest(original)), output: output_digest(output) }
    }
}

impl Serialize for Digests {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.original {
            Some(original) => to.collect_str(&format_args!("{original:032x}-{:08x}", self.output)),
            None => to.serialize_str(""),
        }
    }
}

impl<'de> Deserialize<'de> for Digests {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Digests, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            return Ok(Digests::default());
        }
        let digests = text.split_once('-').and_then(|(original, output)| {
            let original = Some(u128::from_str_radix(original, 16).ok()?);
            Some(Digests { original, output: u32::from_str_radix(output, 16).ok()? })
        });
        digests.ok_or_else(|| D::Error::custom("a digest that is none"))
    }
}

impl<'a> Record<'a> {
    /// The record of a document that passed through as bytes.
    pub fn untouched(file: &'a str, ordinal: u64, bytes: &[u8], reason: String) -> Record<'a> {
        let (edits, patches) = (Vec::new(), Vec::new());
        Record {
            file: Cow::Borrowed(file),
            ordinal,
            id: None,
            outlet: None,
            recognised_by: None,
            verdict: Verdict::Failed,
            reason: Some(Cow::Owned(reason)),
            digest: Digests::of(bytes, bytes),
            undo: Undo { coding: Coding::UTF_8, raw: true, edits, patches },
            row: None,
            headers: Vec::new(),
            cell: None,
            origin: None,
            column: None,
            in_container: false,
            bytes: None,
            day: None,
            tail_lines: 0,
            fields: serde_json::Map::new(),
        }
    }

    /// The record of a document that passed through without ever being held.
    pub fn unseen(file: &'a str, ordinal: u64, reason: String) -> Record<'a> {
        let digest = Digests::default();
        Record { digest, ..Record::untouched(file, ordinal, b"", reason) }
    }

    /// The record of a cleaned document; the output is not known yet, and rules have the numbers
    /// that `number` gives them.
    pub fn new(
        file: &'a str,
        ordinal: u64,
        original: &[u8],
        cleaned: &'a Cleaned<'_>,
        number: impl FnMut(RuleId) -> u32,
    ) -> Record<'a> {
        Record {
            file: Cow::Borrowed(file),
            ordinal,
            id: None,
            outlet: cleaned.outlet().map(|(outlet, _)| Cow::Borrowed(outlet)),
            recognised_by: cleaned.outlet().map(|(_, how)| Cow::Borrowed(how.as_str())),
            verdict: cleaned.verdict(),
            reason: cleaned.reason().map(Cow::Borrowed),
            digest: Digests { original: Some(digest(original)), output: 0 },
            undo: cleaned.undo(number),
            row: None,
            headers: Vec::new(),
            cell: None,
            origin: None,
            column: None,
            in_container: false,
            bytes: None,
            day: cleaned.fields().get("date").and_then(date::iso),
            tail_lines: cleaned.tail_lines() as u64,
            fields: cleaned.fields().to_json(),
        }
    }

    /// Whether it is a record of a container.
    pub fn is_record(&self) -> bool {
        self.in_container || self.row.is_some() || self.cell.is_some()
    }

    /// What to call the document: its file, and its place in it; the input's, if it was converted.
    pub fn name(&self) -> Cow<'_, str> {
        if let Some(Origin { file, record }) = &self.origin {
            return match record {
                Some(record) => Cow::Owned(format!("{file}:{}", record + 1)),
                None => Cow::Borrowed(file),
            };
        }
        match self.is_record() {
            true => Cow::Owned(format!("{}:{}", self.file, self.ordinal + 1)),
            false => Cow::Borrowed(&self.file),
        }
    }
}

// As serde wants it.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The digest of an original.
pub fn digest(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}

/// What tells one output from another.
pub fn output_digest(bytes: &[u8]) -> u32 {
    xxh3_64(bytes) as u32
}

/// A digest of inputs, settings or rules.
pub(crate) fn short_digest(text: &str) -> String {
    rule_digest(xxh3_64(text.as_bytes()))
}

/// A rule as frames name it.
pub fn rule_entry(pipeline: &Pipeline, id: RuleId) -> RuleEntry {
    let rule = pipeline.rules().rule(id);
    RuleEntry { id: rule.id.clone(), stage: rule.stage.clone() }
}

/// The digest of a rule, as it is written.
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

/// The digest of all that decides besides the rules what a pipeline cuts: stages, limits, how
/// outlets are recognised.
pub fn settings_digest(pipeline: &Pipeline) -> String {
    let recognition = pipeline.rules().recognition();
    short_digest(&format!("{}\n{recognition:016x}", pipeline.settings()))
}

/// The digest of all that decides what a pipeline cuts.
pub fn pipeline_digest(pipeline: &Pipeline) -> String {
    short_digest(&(settings_digest(pipeline) + &rules_digest(pipeline)))
}

/// A frame in the making.
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

    /// Drops the records after so many bytes.
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
    /// The header of the frame that the last record stood in.
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
    use chaffinch_core::LedgerEdit;

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
    fn edits_and_digests_that_cannot_be_are_refused() {
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
