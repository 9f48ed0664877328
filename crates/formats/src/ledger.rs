//! The ledger: what was cut from each document, complete enough to undo it.
//!
//! JSON Lines under zstd: a header with the format's version and the table of rules, then one
//! record a document, in output order.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use chaffinch_core::{Cleaned, Pipeline, Undo, Verdict, date};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::jsonl::RowUndo;

/// The version of the format; other versions are refused.
pub const VERSION: u32 = 1;

/// The first line of a ledger.
#[derive(Debug, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub chaffinch_ledger: u32,
    /// The rules; an edit names one by its place here.
    pub rules: Vec<RuleEntry>,
}

/// A rule of a ledger's table.
#[derive(Debug, Serialize, Deserialize)]
pub struct RuleEntry {
    /// Its id.
    pub id: String,
    /// The digest of its pattern and place.
    pub digest: String,
}

/// What happened to one document.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    /// The output file.
    pub file: String,
    /// The document's place in it, from 0.
    pub ordinal: u64,
    /// The document's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The outlet that it was recognised as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet: Option<String>,
    /// How it was recognised: `given`, `host`, `path` or `signs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognised_by: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it is suspect or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The digest of the original: xxh3-128 of the file's or the row's bytes, in hexadecimal.
    pub digest: String,
    /// The digest of the output: xxh3-64.
    pub output: String,
    /// How to undo it.
    pub undo: Undo,
    /// How to undo the row around it; none for files that are documents, and for rows passed
    /// through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<RowUndo>,
    /// Whether it is a row of a container.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_container: bool,
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

impl Record {
    /// The record of a document that passed through as bytes.
    pub fn untouched(file: &str, ordinal: u64, bytes: &[u8], reason: String) -> Record {
        let undo = Undo {
            coding: chaffinch_core::Coding::UTF_8,
            raw: true,
            edits: vec![],
            patches: vec![],
        };
        Record {
            file: file.to_owned(),
            ordinal,
            id: None,
            outlet: None,
            recognised_by: None,
            verdict: Verdict::Failed,
            reason: Some(reason),
            digest: digest(bytes),
            output: output_digest(bytes),
            undo,
            row: None,
            in_container: false,
            day: None,
            tail_lines: 0,
            fields: serde_json::Map::new(),
        }
    }

    /// The record of a cleaned document.
    pub fn new(
        file: &str,
        ordinal: u64,
        original: &[u8],
        output: &[u8],
        cleaned: &Cleaned<'_>,
    ) -> Record {
        Record {
            file: file.to_owned(),
            ordinal,
            id: None,
            outlet: cleaned.outlet().map(|(outlet, _)| outlet.to_owned()),
            recognised_by: cleaned.outlet().map(|(_, how)| how.as_str().to_owned()),
            verdict: cleaned.verdict(),
            reason: cleaned.reason().map(str::to_owned),
            digest: digest(original),
            output: output_digest(output),
            undo: cleaned.undo(),
            row: None,
            in_container: false,
            day: cleaned.fields().get("date").and_then(date::iso),
            tail_lines: cleaned.tail_lines() as u64,
            fields: cleaned.fields().to_json(),
        }
    }
}

// As serde wants it.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The digest of an original.
pub fn digest(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

/// The digest of an output.
pub fn output_digest(bytes: &[u8]) -> String {
    format!("{:016x}", xxh3_64(bytes))
}

/// The table of a pipeline's rules.
pub fn header(pipeline: &Pipeline) -> Header {
    let rules = pipeline.rules();
    let entry = |(index, rule): (usize, &chaffinch_core::stage::Rule)| {
        let source = rules.source(chaffinch_core::stage::RuleId(index as u32));
        let described = format!(
            "{:?}\n{:?}\n{:?} {:?} {:?} {} {:?} {}",
            source.written,
            source.era,
            rule.place,
            rule.at,
            rule.act,
            rule.max_lines,
            rule.max_words,
            rule.safe
        );
        RuleEntry { id: rule.id.clone(), digest: output_digest(described.as_bytes()) }
    };
    let rules = rules.rules().iter().enumerate().map(entry).collect();
    Header { chaffinch_ledger: VERSION, rules }
}

/// Bytes of records after which a new compressed frame begins: what damage can cost.
const FRAME: usize = 128 << 10;

/// Writes a ledger.
pub struct Writer {
    out: zstd::Encoder<'static, BufWriter<File>>,
    in_frame: usize,
}

impl Writer {
    /// Starts a ledger at `path`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(path: &Path, header: &Header) -> io::Result<Writer> {
        let out = frame(BufWriter::new(File::create(path)?))?;
        let mut writer = Writer { out, in_frame: 0 };
        writer.line(header)?;
        Ok(writer)
    }

    /// Writes one record.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        self.line(record)
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.in_frame += line.len();
        Ok(())
    }

    /// Begins a new frame where the last one is full.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn rest(self) -> io::Result<Writer> {
        if self.in_frame < FRAME {
            return Ok(self);
        }
        Ok(Writer { out: frame(self.out.finish()?)?, in_frame: 0 })
    }

    /// Ends the ledger.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> io::Result<()> {
        self.out.finish()?.flush()
    }
}

fn frame(out: BufWriter<File>) -> io::Result<zstd::Encoder<'static, BufWriter<File>>> {
    let mut frame = zstd::Encoder::new(out, 3)?;
    frame.include_checksum(true)?;
    Ok(frame)
}

/// Reads a ledger: its header, then its records.
pub struct Reader {
    lines: BufReader<Box<dyn Read>>,
    /// The header.
    pub header: Header,
}

impl Reader {
    /// Opens a ledger.
    ///
    /// # Errors
    /// It cannot be read, or is not a ledger of this version.
    pub fn open(path: &Path) -> io::Result<Reader> {
        let decoder: Box<dyn Read> = Box::new(zstd::Decoder::new(File::open(path)?)?);
        let mut lines = BufReader::new(decoder);
        let mut line = String::new();
        lines.read_line(&mut line)?;
        let header: Header = serde_json::from_str(&line)?;
        if header.chaffinch_ledger != VERSION {
            let message = format!(
                "a ledger of version {}; this program reads version {VERSION}",
                header.chaffinch_ledger
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(Reader { lines, header })
    }
}

impl Iterator for Reader {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<io::Result<Record>> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).map_err(io::Error::from)),
            Err(error) => Some(Err(error)),
        }
    }
}
