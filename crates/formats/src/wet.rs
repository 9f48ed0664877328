//! WET: WARC `conversion` records, each a text with headers. The text is replaced, the headers
//! that tell of it are brought up to date, all else stays as it is, byte for byte.

use std::ops::Range;

use memchr::memmem;
use serde::{Deserialize, Serialize};

/// The header that a run adds.
const HEADER: &str = "WARC-Chaffinch";

/// Headers that hold a digest of the text: of a text that was cut they would be wrong.
const DIGESTS: [&str; 2] = ["WARC-Block-Digest", "WARC-Payload-Digest"];

/// Where a record of a file begins and ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A whole record of so many bytes, with the blank lines behind it.
    Whole(usize),
    /// More bytes are needed; so many, where that is known.
    Needs(Option<usize>),
    /// This is no record.
    Broken,
}

/// Headers longer than this are no headers, in bytes.
const MOST_HEADERS: usize = 1 << 20;

/// The record at the start of `bytes`; `ended` tells that no more bytes will come.
pub(crate) fn frame(bytes: &[u8], ended: bool) -> Frame {
    let version = b"WARC/";
    let known = bytes.len().min(version.len());
    if bytes[..known] != version[..known] || (ended && known < version.len()) {
        return Frame::Broken;
    }
    let Some(head) = memmem::find(&bytes[..bytes.len().min(MOST_HEADERS)], b"\r\n\r\n") else {
        return match ended || bytes.len() >= MOST_HEADERS {
            true => Frame::Broken,
            false => Frame::Needs(None),
        };
    };
    let Some(length) = length(&bytes[..head + 2]) else { return Frame::Broken };
    let Some(end) = length.checked_add(head + 8) else { return Frame::Broken };
    match bytes.len() >= end {
        true if &bytes[end - 4..end] == b"\r\n\r\n" => Frame::Whole(end),
        true => Frame::Broken,
        // The last record of a file may lack its blank lines.
        false if ended && bytes.len() >= end - 4 => Frame::Whole(bytes.len()),
        false if ended => Frame::Broken,
        false => Frame::Needs(Some(end)),
    }
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
        let end = at + memmem::find(&head[at..], b"\r\n")?;
        let line = at..end;
        at = end + 2;
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

/// A record that was understood.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    bytes: &'a [u8],
    head: Range<usize>,
    text: Range<usize>,
}

/// A stretch of a written record's headers, and what stood there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderUndo {
    /// Where it begins in the written record, in bytes.
    pub at: usize,
    /// Its length there, in bytes.
    pub len: usize,
    /// What stood there.
    pub text: String,
}

impl<'a> Record<'a> {
    /// Understands a whole record.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Record<'a>> {
        let head = memmem::find(bytes, b"\r\n\r\n")? + 2;
        let length = length(&bytes[..head])?;
        let text = head + 2..(head + 2).checked_add(length)?;
        (text.end <= bytes.len()).then_some(Record { bytes, head: 0..head, text })
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        let head = &self.bytes[self.head.clone()];
        let (_, value) =
            headers(head).find(|(n, _)| head[n.clone()].eq_ignore_ascii_case(name.as_bytes()))?;
        std::str::from_utf8(&head[value]).ok()
    }

    /// What the record is: `conversion` for a text.
    pub(crate) fn kind(&self) -> Option<&'a str> {
        self.header("WARC-Type")
    }

    pub(crate) fn id(&self) -> Option<&'a str> {
        self.header("WARC-Record-ID").map(|id| id.trim_start_matches('<').trim_end_matches('>'))
    }

    pub(crate) fn url(&self) -> Option<&'a str> {
        self.header("WARC-Target-URI")
    }

    pub(crate) fn date(&self) -> Option<&'a str> {
        self.header("WARC-Date")
    }

    /// The text's bytes.
    pub(crate) fn text(&self) -> &'a [u8] {
        &self.bytes[self.text.clone()]
    }

    /// Writes the record with `text` for its text and `column` in a header of its own; gives what
    /// undoes the change of the headers.
    pub(crate) fn rewrite(&self, text: &[u8], column: &str, out: &mut Vec<u8>) -> Vec<HeaderUndo> {
        let base = out.len();
        let head = &self.bytes[self.head.clone()];
        let mut undo = Vec::new();
        let mut from = 0;
        let is = |name: &Range<usize>, wanted: &str| {
            head[name.clone()].eq_ignore_ascii_case(wanted.as_bytes())
        };
        for (name, value) in headers(head) {
            let line_end = value.end + memmem::find(&head[value.end..], b"\r\n").unwrap_or(0) + 2;
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
                out.extend_from_slice(&head[from..name.start]);
                let at = out.len() - base;
                let Ok(line) = std::str::from_utf8(&head[name.start..line_end]) else { continue };
                undo.push(HeaderUndo { at, len: 0, text: line.to_owned() });
                from = line_end;
            }
        }
        out.extend_from_slice(&head[from..]);
        let added = format!("{HEADER}: {column}\r\n");
        undo.push(HeaderUndo { at: out.len() - base, len: added.len(), text: String::new() });
        out.extend_from_slice(added.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(text);
        out.extend_from_slice(&self.bytes[self.text.end..]);
        undo
    }
}

fn lossless(digits: &[u8]) -> String {
    String::from_utf8_lossy(digits).into_owned()
}

/// Makes the original record from the written one.
///
/// None if the record was changed after the run.
pub(crate) fn restore(
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
    original.extend(restore(record.text())?);
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
        assert_eq!(frame(bytes, false), Frame::Whole(bytes.len()));
        assert_eq!(frame(&bytes[..bytes.len() - 4], true), Frame::Whole(bytes.len() - 4));
        assert_eq!(frame(&bytes[..bytes.len() - 6], true), Frame::Broken);
        assert_eq!(frame(&bytes[..bytes.len() - 6], false), Frame::Needs(Some(bytes.len())));
        assert_eq!(frame(&bytes[..30], false), Frame::Needs(None));
        assert_eq!(frame(b"WA", false), Frame::Needs(None));
        assert_eq!(frame(b"GET /", false), Frame::Broken);
        assert_eq!(frame(b"WARC/1.0\r\nContent-Length: -1\r\n\r\n\r\n\r\n", false), Frame::Broken);
    }

    #[test]
    fn a_record_comes_back() {
        let record = Record::parse(RECORD.as_bytes()).unwrap();
        assert_eq!(record.url(), Some("https://example.com/a:b"));
        assert_eq!(record.id(), Some("urn:uuid:1"));
        let mut out = b"before".to_vec();
        let undo = record.rewrite(b"Two.", "{}", &mut out);
        let written = out[6..].to_vec();
        let text = String::from_utf8(written.clone()).unwrap();
        assert!(text.contains("content-length:   4\r\n") && !text.contains("sha1"), "{text}");
        assert!(text.ends_with("WARC-Chaffinch: {}\r\n\r\nTwo.\r\n\r\n"), "{text}");
        let back = restore(&written, &undo, |text| {
            assert_eq!(text, b"Two.");
            Some(b"One.\nTwo.".to_vec())
        });
        assert_eq!(back.as_deref(), Some(RECORD.as_bytes()));
        // Cleaned again, the old header goes and comes back.
        let again = Record::parse(&written).unwrap();
        let mut twice = Vec::new();
        let undo = again.rewrite(b"Two.", "{\"again\":1}", &mut twice);
        assert_eq!(
            restore(&twice, &undo, |t| Some(t.to_vec())).as_deref(),
            Some(written.as_slice())
        );
    }
}
