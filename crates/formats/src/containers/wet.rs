//! WET: a record is a WARC `conversion` record, a text with headers.
//!
//! The text is replaced, the headers that describe it are updated, and a header is added. Every
//! other byte stays as it is.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use chaffinch_core::Cleaned;
use memchr::memmem;

use super::format::{
    Detected, Fault, Frame, Head, Kind, ParsedRecord, RecordFormat, Skip, Stretch, Text,
};
use super::reason::Reason;
use crate::ledger::HeaderUndo;
use crate::ledger::Record as LedgerRecord;

/// The format of WET files.
struct Wet;

/// Detects WARC.
pub(super) fn detect(head: &Head<'_>) -> Option<Detected> {
    let start = head.bytes.trim_ascii_start();
    let warc = start.starts_with(b"WARC/1.") || start.starts_with(b"WARC/0.");
    warc.then_some(Ok(()))
}

/// The format of any WET file.
pub(super) fn open(_: &Head<'_>) -> Result<Arc<dyn RecordFormat>, Reason> {
    Ok(Arc::new(Wet))
}

impl RecordFormat for Wet {
    fn unit(&self) -> &'static str {
        "records"
    }

    fn frame(&self, bytes: &[u8], _: u64, ended: bool) -> Frame {
        frame(bytes, ended)
    }

    /// Whatever its headers say, a stretch ends where the next record begins.
    fn skip(
        &self,
        stretch: Stretch,
        from: u64,
        at: u64,
        bytes: &[u8],
        ended: bool,
    ) -> Option<Skip> {
        let left = match stretch {
            Stretch::Long(until) => usize::try_from(until - at).unwrap_or(usize::MAX),
            _ => usize::MAX,
        };
        // The record at the start of the stretch is the one that cannot be read.
        let (count, next) = match resync(bytes, usize::from(at == from), ended) {
            Resync::At(at) => (at, at <= left),
            Resync::Beyond(0) => return None,
            Resync::Beyond(count) => (count, false),
        };
        let stretch = match stretch {
            Stretch::Long(_) if next => Stretch::Broken(Fault::WrongLength),
            stretch => stretch,
        };
        Some(Skip { bytes: count.min(left), ends: next || count >= left, stretch })
    }

    fn reason(&self, stretch: Stretch, bytes: u64) -> String {
        match stretch {
            Stretch::Broken(fault) => format!(
                "not a valid WARC record: {fault}; its {bytes} bytes passed through unchanged"
            ),
            _ => chaffinch_core::NotText::TooLong.to_string(),
        }
    }

    fn kind(&self, record: &[u8], _: u64) -> Kind {
        let document = Record::parse(record).is_some_and(|record| record.is_document());
        if document { Kind::Document } else { Kind::Other }
    }

    fn parse<'a>(&'a self, record: &'a [u8]) -> Result<Option<Box<dyn ParsedRecord + 'a>>, Reason> {
        let Some(parsed) = Record::parse(record) else { return Ok(None) };
        match parsed.kind() {
            Some("conversion") => Ok(Some(Box::new(parsed))),
            Some(kind @ ("response" | "resource")) => {
                Err(format!("it is a WARC `{kind}`, not a text; clean the WET file").into())
            }
            _ => Ok(None),
        }
    }

    fn restore(&self, record: &LedgerRecord<'_>, written: &[u8]) -> Result<Vec<u8>, Reason> {
        let text = |text: &[u8]| record.undo.restore(text).ok();
        restore(written, &record.headers, text)
            .ok_or_else(|| "the cleaned record was changed after the run".into())
    }
}

/// The header that a run adds.
const HEADER: &str = "WARC-Chaffinch";

/// Headers that hold a digest of the text: of a text that was cut they would be wrong.
const DIGESTS: [&str; 2] = ["WARC-Block-Digest", "WARC-Payload-Digest"];

fn broken(fault: Fault) -> Frame {
    Frame::Broken(Stretch::Broken(fault))
}

/// The start of every record.
const VERSION: &[u8] = b"WARC/";

/// The limit on headers, in bytes.
const MOST_HEADERS: usize = 1 << 20;

/// The limit on the line ends before or after a record, in bytes.
const MOST_BLANK: usize = 1 << 10;

/// Frames the record at the start of `bytes`; `ended` says that no more bytes follow. The result
/// does not change when more bytes are read, so a file is framed the same in chunks of any size.
///
/// The Content-Length decides, provided that the next record, the end of the file or the blank
/// lines required by the format follow the block. Any number of line ends may separate records.
fn frame(bytes: &[u8], ended: bool) -> Frame {
    let start = blank(bytes);
    let found = &bytes[start..];
    match begins_with(found, VERSION) {
        Some(true) => {}
        None if !ended => return Frame::NeedsHead,
        _ => return broken(Fault::NoVersion),
    }
    let limit = found.len().min(MOST_HEADERS);
    let Some(head) = head(&found[..limit]) else {
        return match ended || found.len() >= MOST_HEADERS {
            true => broken(Fault::NoHeaderEnd),
            false => Frame::NeedsHead,
        };
    };
    let Some(length) = length(&found[..head.start]) else {
        return broken(Fault::NoLength);
    };
    let Some(end) = length.checked_add(start + head.end) else {
        return broken(Fault::CutOff);
    };
    if bytes.len() < end {
        return match ended {
            true => broken(Fault::CutOff),
            false => Frame::NeedsBytes(end.saturating_add(SEPARATOR.len())),
        };
    }
    let next = end + blank(&bytes[end..]);
    match begins_with(&bytes[next..], VERSION) {
        Some(true) => Frame::Whole(next),
        None if !ended => Frame::NeedsBytes(next + VERSION.len()),
        None if next == bytes.len() => Frame::Whole(next),
        _ if bytes[end..].starts_with(SEPARATOR) => Frame::Whole(next),
        _ => broken(Fault::WrongLength),
    }
}

/// The blank lines that the format requires after a record.
const SEPARATOR: &[u8] = b"\r\n\r\n";

/// The length of the line ends at the start of `bytes`.
fn blank(bytes: &[u8]) -> usize {
    let line_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    bytes.iter().take(MOST_BLANK).take_while(line_end).count()
}

/// Whether `bytes` begins with `prefix`; none if `bytes` is too short to say.
fn begins_with(bytes: &[u8], prefix: &[u8]) -> Option<bool> {
    let known = bytes.len().min(prefix.len());
    match bytes[..known] == prefix[..known] {
        true if known < prefix.len() => None,
        same => Some(same),
    }
}

/// The blank line that ends the headers at the start of `bytes`: its range.
fn head(bytes: &[u8]) -> Option<Range<usize>> {
    memchr::memchr_iter(b'\n', bytes).find_map(|at| match &bytes[at + 1..] {
        [b'\n', ..] => Some(at + 1..at + 2),
        [b'\r', b'\n', ..] => Some(at + 1..at + 3),
        _ => None,
    })
}

/// The place of the next record in bytes that cannot be framed.
#[derive(Debug, PartialEq, Eq)]
enum Resync {
    /// A record begins here.
    At(usize),
    /// No record begins within so many bytes; more bytes are needed to look further.
    Beyond(usize),
}

/// Finds the next record at or after `from`: a version line followed by a header.
fn resync(bytes: &[u8], from: usize, ended: bool) -> Resync {
    for at in memmem::find_iter(bytes, VERSION).skip_while(|at| *at < from) {
        match starts_record(&bytes[at..]) {
            Some(true) => return Resync::At(at),
            None if !ended => return Resync::Beyond(at),
            _ => {}
        }
    }
    // The last bytes may be the start of a version line.
    let partial = |length: &usize| bytes.ends_with(&VERSION[..*length]);
    let kept = (1..VERSION.len()).rev().find(partial).filter(|_| !ended).unwrap_or(0);
    Resync::Beyond(bytes.len() - kept)
}

/// Whether `bytes` begins with a version line and the name of a header; none if `bytes` is too
/// short to say.
fn starts_record(bytes: &[u8]) -> Option<bool> {
    const MOST_DIGITS: usize = 8;
    const MOST_NAME: usize = 64;
    let rest = &bytes[VERSION.len()..];
    let digit = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
    let digits = rest.iter().take(MOST_DIGITS).take_while(digit).count();
    let rest = &rest[digits..];
    let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
    let (line_end, rest) = rest.split_first()?;
    if digits == 0 || *line_end != b'\n' {
        return Some(false);
    }
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'-';
    let name = rest.iter().take(MOST_NAME).take_while(in_name).count();
    rest.get(name).map(|byte| name > 0 && *byte == b':')
}

fn length(head: &[u8]) -> Option<usize> {
    let (_, value) = headers(head)
        .find(|(name, _)| head[name.clone()].eq_ignore_ascii_case(b"content-length"))?;
    std::str::from_utf8(&head[value]).ok()?.parse().ok()
}

/// Names and values of the headers of `head`, which ends with a line end.
fn headers(head: &[u8]) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let end = at + memchr::memchr(b'\n', &head[at..])?;
        let line = at..end;
        at = end + 1;
        Some(line)
    })
    .skip(1)
    .filter_map(|line| {
        let colon = line.start + memchr::memchr(b':', &head[line.clone()])?;
        let value = &head[colon + 1..line.end];
        let start = line.end - value.trim_ascii_start().len();
        Some((line.start..colon, start..start + value.trim_ascii().len()))
    })
}

/// A parsed record.
#[derive(Debug)]
struct Record<'a> {
    bytes: &'a [u8],
    head: Range<usize>,
    text: Range<usize>,
}

impl<'a> Record<'a> {
    /// Parses a complete record.
    fn parse(bytes: &'a [u8]) -> Option<Record<'a>> {
        let start = blank(bytes);
        let end = head(&bytes[start..])?;
        let (end, from) = (start + end.start, start + end.end);
        let text = from..from.checked_add(length(&bytes[start..end])?)?;
        (text.end <= bytes.len()).then_some(Record { bytes, head: start..end, text })
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        let head = &self.bytes[self.head.clone()];
        let (_, value) =
            headers(head).find(|(n, _)| head[n.clone()].eq_ignore_ascii_case(name.as_bytes()))?;
        std::str::from_utf8(&head[value]).ok()
    }

    /// The type of the record: `conversion` for a text.
    fn kind(&self) -> Option<&'a str> {
        self.header("WARC-Type")
    }

    /// Whether it is a text or a page; other records are about the file or about other records.
    fn is_document(&self) -> bool {
        matches!(self.kind(), Some("conversion" | "response" | "resource"))
    }

    /// Appends the record with `text` as its text and `column` in a header to `out`. Returns how to
    /// undo the change of the headers.
    fn rewrite_with(&self, text: &[u8], column: &str, out: &mut Vec<u8>) -> Vec<HeaderUndo> {
        let base = out.len();
        out.extend_from_slice(&self.bytes[..self.head.start]);
        let head = &self.bytes[self.head.clone()];
        let mut undo = Vec::new();
        let mut from = 0;
        let is = |name: &Range<usize>, wanted: &str| {
            head[name.clone()].eq_ignore_ascii_case(wanted.as_bytes())
        };
        for (name, value) in headers(head) {
            let line_end = memchr::memchr(b'\n', &head[value.end..])
                .map_or(head.len(), |at| value.end + at + 1);
            if is(&name, "Content-Length") {
                out.extend_from_slice(&head[from..value.start]);
                let length = text.len().to_string();
                let at = out.len() - base;
                undo.push(HeaderUndo {
                    at,
                    len: length.len(),
                    text: lossless(&head[value.clone()]),
                });
                out.extend_from_slice(length.as_bytes());
                from = value.end;
            } else if is(&name, HEADER) || DIGESTS.iter().any(|digest| is(&name, digest)) {
                let Ok(line) = std::str::from_utf8(&head[name.start..line_end]) else { continue };
                out.extend_from_slice(&head[from..name.start]);
                undo.push(HeaderUndo { at: out.len() - base, len: 0, text: line.to_owned() });
                from = line_end;
            }
        }
        out.extend_from_slice(&head[from..]);
        // The added header ends as the others do.
        let blank_line = &self.bytes[self.head.end..self.text.start];
        let line_end = if blank_line.len() == 1 { "\n" } else { "\r\n" };
        let added = format!("{HEADER}: {column}{line_end}");
        undo.push(HeaderUndo { at: out.len() - base, len: added.len(), text: String::new() });
        out.extend_from_slice(added.as_bytes());
        out.extend_from_slice(blank_line);
        out.extend_from_slice(text);
        out.extend_from_slice(&self.bytes[self.text.end..]);
        undo
    }
}

impl ParsedRecord for Record<'_> {
    fn text(&self) -> Text<'_> {
        Text::Bytes(&self.bytes[self.text.clone()])
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        let id = self.header("WARC-Record-ID")?;
        Some(id.trim_start_matches('<').trim_end_matches('>').into())
    }

    fn url(&self) -> Option<Cow<'_, str>> {
        self.header("WARC-Target-URI").map(Cow::Borrowed)
    }

    fn date(&self) -> Option<Cow<'_, str>> {
        self.header("WARC-Date").map(Cow::Borrowed)
    }

    fn field(&self, _: &str) -> Option<String> {
        None
    }

    fn rewrite(
        &self,
        cleaned: &Cleaned<'_>,
        column: &str,
        record: &mut LedgerRecord<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        record.headers = self.rewrite_with(cleaned.output(), column, out);
        Ok(())
    }
}

fn lossless(digits: &[u8]) -> String {
    String::from_utf8_lossy(digits).into_owned()
}

/// The original of a written record. `None` if the record was changed after the run.
fn restore(
    written: &[u8],
    undo: &[HeaderUndo],
    restore: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let record = Record::parse(written)?;
    let mut original = Vec::with_capacity(written.len());
    let mut from = 0;
    for change in undo {
        original.extend_from_slice(written.get(from..change.at)?);
        original.extend_from_slice(change.text.as_bytes());
        from = change.at.checked_add(change.len)?;
    }
    original.extend_from_slice(written.get(from..record.text.start)?);
    original.extend(restore(record.text().as_bytes())?);
    original.extend_from_slice(&written[record.text.end..]);
    Some(original)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://example.com/a:b\r\n\
        WARC-Record-ID: <urn:uuid:1>\r\nWARC-Block-Digest: sha1:ABC\r\ncontent-length:   9\r\nX: y\r\n\r\nOne.\nTwo.\r\n\r\n";

    #[test]
    fn records_are_framed_by_their_length() {
        let bytes = RECORD.as_bytes();
        let (all, next) = (bytes.len(), [bytes, b"WARC/"].concat());
        assert_eq!(frame(&next, false), Frame::Whole(all));
        assert_eq!(frame(bytes, true), Frame::Whole(all));
        assert_eq!(frame(bytes, false), Frame::NeedsBytes(all + 5));
        assert_eq!(frame(&bytes[..all - 4], true), Frame::Whole(all - 4));
        assert_eq!(frame(&bytes[..all - 6], true), broken(Fault::CutOff));
        assert_eq!(frame(&bytes[..all - 6], false), Frame::NeedsBytes(all));
        assert_eq!(frame(&bytes[..30], false), Frame::NeedsHead);
        assert_eq!(frame(&bytes[..30], true), broken(Fault::NoHeaderEnd));
        assert_eq!(frame(b"WA", false), Frame::NeedsHead);
        assert_eq!(frame(b"GET /", false), broken(Fault::NoVersion));
        let negative = b"WARC/1.0\r\nContent-Length: -1\r\n\r\n\r\n\r\n";
        assert_eq!(frame(negative, false), broken(Fault::NoLength));
        let huge = format!("WARC/1.0\r\nContent-Length: {}\r\n\r\n", usize::MAX);
        assert_eq!(frame(huge.as_bytes(), false), broken(Fault::CutOff));
    }

    #[test]
    fn a_frame_needs_the_next_record_or_the_blank_lines_after_it() {
        let (record, _) = RECORD.split_at(RECORD.len() - 4);
        let framed = |after: &str| match frame(format!("{record}{after}").as_bytes(), true) {
            Frame::Whole(length) => Ok(length - record.len()),
            Frame::Broken(Stretch::Broken(fault)) => Err(fault),
            _ => unreachable!("there are no more bytes"),
        };
        for (after, length) in [("WARC/", 0), ("\n\nWARC/", 2), ("\r\n\r\n\r\nWARC/", 6)] {
            assert_eq!(framed(after), Ok(length), "{after:?}");
        }
        assert_eq!(framed("\r\n\r\njunk"), Ok(4));
        for after in ["junk\r\n\r\nWARC/", "\r\njunk", "\n\njunk"] {
            assert_eq!(framed(after), Err(Fault::WrongLength), "{after:?}");
        }
    }

    #[test]
    fn the_next_record_is_found_by_its_version_line_and_first_header() {
        let junk = "a WARC/1.0 file\nWARC/1.0\n\nWARC/x\n";
        let text = format!("{junk}{RECORD}");
        assert_eq!(resync(text.as_bytes(), 1, false), Resync::At(junk.len()));
        assert_eq!(resync(RECORD.as_bytes(), 1, true), Resync::Beyond(RECORD.len()));
        // A version line that is incomplete at the end of the bytes is not skipped.
        for cut in 0..20 {
            let text = &text.as_bytes()[..junk.len() + cut];
            assert_eq!(resync(text, 1, false), Resync::Beyond(junk.len()), "{cut}");
            assert_eq!(resync(text, 1, true), Resync::Beyond(text.len()));
        }
    }

    #[test]
    fn a_record_with_bare_line_feeds_is_restored() {
        let text = format!("\r\n{}", RECORD.replace("\r\n", "\n"));
        let record = Record::parse(text.as_bytes()).unwrap();
        assert_eq!(
            (record.url().as_deref(), record.text().as_bytes()),
            (Some("https://example.com/a:b"), &b"One.\nTwo."[..])
        );
        let mut out = Vec::new();
        let undo = record.rewrite_with(b"Two.", "{}", &mut out);
        let written = String::from_utf8(out.clone()).unwrap();
        assert!(written.ends_with("X: y\nWARC-Chaffinch: {}\n\nTwo.\n\n"), "{written}");
        let back = restore(&out, &undo, |_| Some(b"One.\nTwo.".to_vec()));
        assert_eq!(back.as_deref(), Some(text.as_bytes()));
    }

    #[test]
    fn a_digest_that_is_not_utf_8_stays() {
        let mut bytes = RECORD.replace("sha1:ABC", "sha1:?").into_bytes();
        let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
        bytes[at] = 0xff;
        let mut out = Vec::new();
        let undo = Record::parse(&bytes).unwrap().rewrite_with(b"One.\nTwo.", "{}", &mut out);
        assert_eq!(restore(&out, &undo, |text| Some(text.to_vec())), Some(bytes));
    }

    #[test]
    fn a_record_is_restored() {
        let record = Record::parse(RECORD.as_bytes()).unwrap();
        assert_eq!(record.url().as_deref(), Some("https://example.com/a:b"));
        assert_eq!(record.id().as_deref(), Some("urn:uuid:1"));
        let mut out = b"before".to_vec();
        let undo = record.rewrite_with(b"Two.", "{}", &mut out);
        let written = out[6..].to_vec();
        let text = String::from_utf8(written.clone()).unwrap();
        assert!(text.contains("content-length:   4\r\n") && !text.contains("sha1"), "{text}");
        assert!(text.ends_with("WARC-Chaffinch: {}\r\n\r\nTwo.\r\n\r\n"), "{text}");
        let back = restore(&written, &undo, |text| {
            assert_eq!(text, b"Two.");
            Some(b"One.\nTwo.".to_vec())
        });
        assert_eq!(back.as_deref(), Some(RECORD.as_bytes()));
        // If a cleaned record is cleaned again, its header is replaced, and restored.
        let again = Record::parse(&written).unwrap();
        let mut twice = Vec::new();
        let undo = again.rewrite_with(b"Two.", "{\"again\":1}", &mut twice);
        assert_eq!(
            restore(&twice, &undo, |t| Some(t.to_vec())).as_deref(),
            Some(written.as_slice())
        );
    }
}
