//! From one container to another: documents leave the file that they came in.
//!
//! A converted document keeps its text, id, URL and day; the ledger knows where it stood. The other
//! fields of a record stay behind in the input.

use std::borrow::Cow;

use chaffinch_core::{Cleaned, Input, Verdict, date};
use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::input::Container;
use crate::job::Error;
use crate::jsonl;
use crate::ledger::{Record, output_digest};
use crate::names;
use crate::output::write_whole;
use crate::restore;
use crate::wet;
use crate::worker::{Column, Desk, UNPROVEN};

/// Where a converted document stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin<'a> {
    /// The file.
    pub file: Cow<'a, str>,
    /// Its record there, from 0; in JSONL, its line; none for a file that was a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
}

impl Origin<'_> {
    /// Where its original is restored to.
    pub(crate) fn path(&self) -> String {
        match self.record {
            None => self.file.clone().into_owned(),
            Some(record) => text_name(&self.file, record),
        }
    }
}

/// The file for the text of a record.
fn text_name(file: &str, record: u64) -> String {
    format!("{file}/{record:08}.txt")
}

/// Whether `name` is a file that a run may have written for the records of a file, or a shard of
/// it, and the name of that file.
pub(crate) fn written_for(name: &str) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some((file, text)) = name.rsplit_once('/')
        && text.strip_suffix(".txt").is_some_and(digits)
    {
        return Some(file.to_owned());
    }
    unsharded(name)
}

/// The name of a shard of `name`, which keeps its endings.
pub(crate) fn shard(name: &str, number: u64) -> String {
    let name = names::fit_shard(name);
    let name = name.as_str();
    let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, file)| (folder, file));
    let (stem, endings) = file.split_once('.').map_or((file, ""), |(stem, ends)| (stem, ends));
    let slash = if folder.is_empty() { "" } else { "/" };
    let dot = if endings.is_empty() { "" } else { "." };
    format!("{folder}{slash}{stem}-{number:05}{dot}{endings}")
}

/// The name of the file that a shard belongs to.
fn unsharded(name: &str) -> Option<String> {
    let start = name.rfind('/').map_or(0, |at| at + 1);
    let stem = name[start..].split('.').next()?;
    let (before, number) = stem.rsplit_once('-')?;
    let fits = number.len() == 5 && number.bytes().all(|b| b.is_ascii_digit());
    let stem_end = start + stem.len();
    fits.then(|| format!("{}{before}{}", &name[..start], &name[stem_end..]))
}

/// The output file of a converted container; a folder where documents become files.
pub(crate) fn output_name(name: &str, codec: Codec, to: Container) -> String {
    match to {
        Container::Jsonl => with_ending(name, &format!(".jsonl{}", codec.extension())),
        Container::Parquet => with_ending(name, ".parquet"),
        _ => name.to_owned(),
    }
}

fn with_ending(name: &str, ending: &str) -> String {
    names::fit(name, ending.len()) + ending
}

/// The output file of documents that were files.
pub(crate) fn series_name(number: u64, to: Container) -> String {
    format!("documents-{number:05}.{}", to.as_str())
}

/// A document on its way into another container.
pub(crate) struct Passenger<'a> {
    pub(crate) origin: Origin<'a>,
    /// The file that it goes into.
    pub(crate) file: &'a str,
    /// The bytes that are to be restored.
    pub(crate) original: &'a [u8],
    pub(crate) id: Option<&'a str>,
    pub(crate) url: Option<&'a str>,
    pub(crate) date: Option<&'a str>,
}

/// A row of a converted container.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<&'a str>,
    text: &'a str,
    chaffinch: Column<'a>,
}

impl Desk<'_> {
    /// A document goes into the container that was asked for. What is no text cannot: it is named
    /// and stays behind.
    pub(crate) fn convert(
        &mut self,
        passenger: &Passenger<'_>,
        cleaned: &Cleaned<'_>,
        to: Container,
    ) -> Result<(), Error> {
        let Passenger { origin, file, original, id, url, date } = passenger;
        let name = match origin.record {
            Some(record) => format!("{}:{}", origin.file, record + 1),
            None => origin.file.clone().into_owned(),
        };
        if cleaned.verdict() == Verdict::Failed {
            let reason = cleaned.reason().unwrap_or_default();
            return self.left_behind(&name, original.len() as u64, reason);
        }
        let in_file = text_name(&origin.file, origin.record.unwrap_or(0));
        let file = if to == Container::Text { in_file.as_str() } else { file };
        let ordinal = origin.record.unwrap_or(0);
        let mut record =
            Record::new(file, ordinal, original, cleaned, |rule| self.ledger.number(rule));
        record.in_container = to != Container::Text;
        record.origin = Some(origin.clone());
        record.id = id.map(Cow::Borrowed);
        if let Some(day) = date.and_then(date::iso) {
            record.day = Some(day);
        }
        let text = cleaned.text();
        record.digest.output = output_digest(text.as_bytes());
        if self.shop.verify
            && restore::document(&record, text.as_bytes()).as_deref() != Ok(*original)
        {
            return self.left_behind(&name, original.len() as u64, UNPROVEN);
        }
        match to {
            Container::Text => {
                if let Some(root) = &self.shop.root {
                    self.files.push((*file).to_owned());
                    write_whole(&names::below(root, file), text.as_bytes())
                        .map_err(|error| Error::Output(file.to_owned(), error))?;
                }
            }
            #[cfg(feature = "parquet")]
            Container::Parquet => {
                record.column = Some(Cow::Borrowed("text"));
                self.table.push(&record, *id, *url, *date, text, cleaned.bytes_removed());
            }
            _ => {
                let chaffinch = Column {
                    outlet: record.outlet.as_deref(),
                    verdict: record.verdict,
                    fields: &record.fields,
                    removed_bytes: cleaned.bytes_removed(),
                };
                let (id, url, date) = (*id, *url, *date);
                let row = Row { id, url, date, text, chaffinch };
                serde_json::to_writer(&mut self.output, &row)
                    .map_err(|error| Error::Output("the output".into(), error.into()))?;
                self.output.push(b'\n');
            }
        }
        self.tally.cleaned(self.shop.pipeline, &name, cleaned);
        self.note(&record)
    }

    /// A document that cannot go into another container.
    pub(crate) fn left_behind(
        &mut self,
        name: &str,
        bytes: u64,
        reason: &str,
    ) -> Result<(), Error> {
        let reason = format!("{reason}; it cannot be converted and was left out");
        self.problem(name, &reason)?;
        self.tally.failed(bytes, name, &reason);
        Ok(())
    }

    /// A line of JSON on its way into another container.
    pub(crate) fn convert_row(
        &mut self,
        (source, file): (&str, &str),
        line: &[u8],
        ordinal: u64,
        to: Container,
    ) -> Result<(), Error> {
        let (_, row, _) = jsonl::dressed(line);
        let parsed = match jsonl::Row::parse(row, self.shop.names) {
            Ok(parsed) => parsed,
            Err(error) => {
                let name = format!("{source}:{}", ordinal + 1);
                return self.left_behind(&name, line.len() as u64, &error.to_string());
            }
        };
        let (id, url, date) = (parsed.id.as_deref(), parsed.url.as_deref(), parsed.date.as_deref());
        let input = Input { url, date, ..Input::default() };
        let cleaned = self.shop.pipeline.clean_record(&input, &parsed.text);
        let origin = Origin { file: source.into(), record: Some(ordinal) };
        let original = parsed.text.as_bytes();
        self.convert(&Passenger { origin, file, original, id, url, date }, &cleaned, to)
    }

    /// A WARC record on its way into another container: the texts go, what tells of the file stays.
    pub(crate) fn convert_warc(
        &mut self,
        (source, file): (&str, &str),
        bytes: &[u8],
        ordinal: u64,
        to: Container,
    ) -> Result<(), Error> {
        let parsed = wet::Record::parse(bytes);
        let Some(parsed) = parsed.filter(|parsed| parsed.kind() == Some("conversion")) else {
            return Ok(());
        };
        let (id, url, date) = (parsed.id(), parsed.url(), parsed.date());
        let original = parsed.text();
        let input = Input { bytes: original, url, date, ..Input::default() };
        let cleaned = self.shop.pipeline.clean_input(&input);
        let origin = Origin { file: source.into(), record: Some(ordinal) };
        self.convert(&Passenger { origin, file, original, id, url, date }, &cleaned, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_shards_and_texts_tell_their_file() {
        assert_eq!(shard("a/news.jsonl.gz", 7), "a/news-00007.jsonl.gz");
        assert_eq!(shard("news", 0), "news-00000");
        for name in ["a/news.jsonl.gz", "news", "a.b/c-d.wet"] {
            assert_eq!(written_for(&shard(name, 12)).as_deref(), Some(name));
            assert_eq!(written_for(&text_name(name, 3)).as_deref(), Some(name));
        }
        assert_eq!(written_for("a/notes.txt"), None);
        assert_eq!(written_for("news-7.jsonl"), None);
    }
}
