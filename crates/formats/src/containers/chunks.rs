//! Reads a container in chunks: complete records, about half a megabyte at a time.
//!
//! The end of a chunk depends on the input only, so that the output does not depend on the number
//! of threads, and a killed run can resume after any chunk.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::Container;
use super::format::{Frame, RecordFormat, Skip, Stretch};
use crate::files::codec::Codec;
use crate::panics::guarded;

/// The size of a chunk, in bytes: large enough to compress well, small enough for many chunks to be
/// in memory.
const CHUNK: usize = 512 << 10;

/// A chunk of a container.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// Whole records; the first has this number.
    Records(Vec<u8>, u64),
    /// A part of a stretch that passes through unread; the last part describes the stretch.
    Part(Vec<u8>, Option<Passed>),
}

/// A stretch of a container that passed through unread.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    /// The number of its record.
    pub(crate) ordinal: u64,
    /// Its length in bytes.
    pub(crate) bytes: u64,
    /// Why it was not cleaned.
    pub(crate) reason: String,
}

/// How far a container is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Bytes read so far, uncompressed.
    pub(crate) bytes: u64,
    /// The number of the next record, from 0; in JSONL, of the next line.
    pub(crate) record: u64,
    /// The stretch that is being passed through, if any.
    pub(crate) inside: Option<Inside>,
}

/// A stretch that passes through in parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inside {
    /// The byte at which it begins.
    from: u64,
    stretch: Stretch,
}

/// Reads a container in chunks.
pub(crate) struct Chunks {
    reader: Box<dyn Read + Send>,
    pub(crate) container: Container,
    pub(crate) format: Arc<dyn RecordFormat>,
    pub(crate) codec: Codec,
    pub(crate) limit: usize,
    consumed: Arc<AtomicU64>,
    reported: u64,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were taken.
    taken: usize,
    ended: bool,
    error: Option<io::Error>,
    pub(crate) position: Position,
    /// The size of a chunk, in bytes.
    pub(crate) size: usize,
    /// The limit on WARC records in a chunk.
    pub(crate) most_records: u64,
}

impl Chunks {
    pub(crate) fn new(
        reader: Box<dyn Read + Send>,
        (container, format): (Container, Arc<dyn RecordFormat>),
        codec: Codec,
        limit: usize,
        consumed: Arc<AtomicU64>,
    ) -> Chunks {
        Chunks {
            reader,
            container,
            format,
            codec,
            limit,
            consumed,
            reported: 0,
            buffer: Vec::new(),
            taken: 0,
            ended: false,
            error: None,
            position: Position::default(),
            size: CHUNK,
            most_records: u64::MAX,
        }
    }

    /// Continues with the uncompressed bytes of `more` at the end of the file.
    pub(crate) fn append(&mut self, more: Box<dyn Read + Send>) {
        let reader = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        self.reader = Box::new(reader.chain(more));
    }

    /// Bytes of the file that were read since this was last asked.
    pub(crate) fn newly_read(&mut self) -> u64 {
        let all = self.consumed.load(Ordering::Relaxed);
        let new = all - self.reported;
        self.reported = all;
        new
    }

    /// Continues at the position of an earlier reader of the same file.
    ///
    /// # Errors
    /// The file cannot be read, or is shorter than that.
    pub(crate) fn seek(&mut self, position: &Position) -> io::Result<()> {
        let skipped = io::copy(&mut self.reader.by_ref().take(position.bytes), &mut io::sink())?;
        if skipped < position.bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position = position.clone();
        Ok(())
    }

    /// The next chunk. Records that were read before an error are returned before the error.
    ///
    /// # Errors
    /// The rest of the file cannot be read, or its compression is damaged.
    pub(crate) fn next(&mut self) -> io::Result<Option<Chunk>> {
        let mut wanted = self.size;
        loop {
            // One byte more shows whether the file ends. A chunk must not depend on whether an earlier
            // read has shown that.
            self.fill(wanted.saturating_add(1));
            if self.held().is_empty() {
                return self.error.take().map_or(Ok(None), Err);
            }
            // More may be buffered after a long record; a chunk must not depend on that.
            let window = self.held().len().min(wanted);
            match self.chunk(window) {
                Ok(chunk) => return Ok(Some(chunk)),
                Err(more) => wanted = more,
            }
        }
    }

    /// Copies a record of `bytes` bytes that passed through unread to `out`; false if the file ends
    /// before.
    ///
    /// # Errors
    /// The file cannot be read, or `out` cannot be written.
    pub(crate) fn copy_record(&mut self, bytes: u64, out: &mut dyn Write) -> io::Result<bool> {
        self.position.record += 1;
        let mut left = bytes;
        while left > 0 {
            self.fill(self.size);
            let count = self.held().len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if count == 0 {
                return self.error.take().map_or(Ok(false), Err);
            }
            out.write_all(&self.take(count))?;
            left -= count as u64;
        }
        Ok(true)
    }

    /// The bytes that were read and not taken.
    fn held(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    /// Reads until `wanted` bytes are buffered or the file ends.
    fn fill(&mut self, wanted: usize) {
        while self.held().len() < wanted && !self.ended {
            // Moving what is held costs no more than what was taken.
            if self.taken >= self.held().len() {
                self.buffer.drain(..self.taken);
                self.taken = 0;
            }
            let more = (wanted - self.held().len()) as u64;
            // A record may announce more bytes than there are, and than there is memory.
            self.buffer.reserve((more as usize).min(self.size));
            let (reader, buffer) = (&mut self.reader, &mut self.buffer);
            match guarded(|| reader.take(more).read_to_end(buffer)) {
                Ok(0) => self.ended = true,
                Ok(_) => {}
                Err(error) => {
                    self.ended = true;
                    self.error = Some(error);
                }
            }
        }
    }

    /// The first `count` bytes that are held.
    fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.held()[..count].to_vec();
        self.taken += count;
        self.position.bytes += count as u64;
        taken
    }

    /// The first `window` bytes that are held, and whether the file ends after them.
    fn window(&self, window: usize) -> (&[u8], bool) {
        (&self.held()[..window], self.ended && window == self.held().len())
    }

    /// Whether the file is exhausted. Known only after the next read.
    fn nothing_follows(&mut self) -> bool {
        self.fill(1);
        self.ended && self.held().is_empty()
    }

    fn part(&mut self, part: Vec<u8>, ends: bool) -> Chunk {
        let Some(inside) = self.position.inside.take_if(|_| ends) else {
            return Chunk::Part(part, None);
        };
        let bytes = self.position.bytes - inside.from;
        let reason = self.format.reason(inside.stretch, bytes);
        let ordinal = self.position.record;
        self.position.record += 1;
        Chunk::Part(part, Some(Passed { ordinal, bytes, reason }))
    }

    /// Complete records, or a part of a stretch that passes through unread. The error is the number
    /// of bytes that are needed.
    fn chunk(&mut self, window: usize) -> Result<Chunk, usize> {
        if let Some(inside) = self.position.inside.clone() {
            return self.stretch(&inside, window);
        }
        let (held, ended) = self.window(window);
        let (mut whole, mut count) = (0, 0);
        while whole < window && count < self.most_records {
            let number = self.position.record + count;
            let stretch = match self.format.frame(&held[whole..], number, ended) {
                Frame::Whole(length) => {
                    whole += length;
                    count += 1;
                    continue;
                }
                _ if whole > 0 => break,
                Frame::NeedsHead => return Err(window * 2),
                Frame::NeedsBytes(bytes) if bytes <= self.limit.saturating_add(HEADERS) => {
                    return Err(bytes);
                }
                Frame::NeedsEnd(_) if window <= self.limit => return Err(window * 2),
                Frame::NeedsBytes(bytes) => Stretch::Long(self.position.bytes + bytes as u64),
                Frame::NeedsEnd(stretch) | Frame::Broken(stretch) => stretch,
            };
            let inside = Inside { from: self.position.bytes, stretch };
            self.position.inside = Some(inside.clone());
            return self.stretch(&inside, window);
        }
        let first = self.position.record;
        self.position.record += count;
        Ok(Chunk::Records(self.take(whole), first))
    }

    /// A part of a stretch that passes through unread.
    fn stretch(&mut self, inside: &Inside, window: usize) -> Result<Chunk, usize> {
        let (held, ended) = self.window(window);
        let at = self.position.bytes;
        let skip = self.format.skip(inside.stretch, inside.from, at, held, ended);
        let Skip { bytes, ends, stretch } = skip.ok_or(window * 2)?;
        self.position.inside = Some(Inside { stretch, ..*inside });
        let part = self.take(bytes);
        let ends = ends || self.nothing_follows();
        Ok(self.part(part, ends))
    }
}

/// Room for the headers of a record whose text is at the limit, in bytes.
const HEADERS: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containers::format::{FieldNames, Head, records};
    use crate::containers::record_format;

    fn format(container: Container, bytes: &[u8]) -> Arc<dyn RecordFormat> {
        let names = &FieldNames::default();
        let head = Head { name: "", bytes, ended: true, names };
        record_format(container, &head).unwrap().unwrap()
    }

    fn chunks(bytes: &[u8], container: Container, limit: usize) -> Chunks {
        let reader = Box::new(io::Cursor::new(bytes.to_vec()));
        let format = (container, format(container, bytes));
        Chunks::new(reader, format, Codec::Plain, limit, Arc::default())
    }

    fn all(chunks: &mut Chunks) -> Vec<Chunk> {
        std::iter::from_fn(|| chunks.next().unwrap()).collect()
    }

    #[test]
    fn chunks_end_where_lines_end_and_long_lines_are_split() {
        let line = format!("{}\n", "x".repeat(999));
        let many = line.repeat(1000);
        let long = "y".repeat(2 * CHUNK);
        let text = format!("{many}{long}\nz");
        let mut reader = chunks(text.as_bytes(), Container::Jsonl, CHUNK + 5);
        let found = all(&mut reader);
        let mut back = Vec::<u8>::new();
        for chunk in &found {
            match chunk {
                Chunk::Records(bytes, first) => {
                    assert_eq!(*first, back.iter().filter(|b| **b == b'\n').count() as u64);
                    back.extend(bytes);
                }
                Chunk::Part(bytes, _) => back.extend(bytes),
            }
        }
        assert!(back == text.as_bytes());
        let ends: Vec<_> = found.iter().filter(|p| matches!(p, Chunk::Part(_, Some(_)))).collect();
        assert_eq!(ends.len(), 1);
        // A reader that resumes after any chunk returns the same chunks.
        let mut reader = chunks(text.as_bytes(), Container::Jsonl, CHUNK + 5);
        for skip in 0..found.len() {
            let mut other = chunks(text.as_bytes(), Container::Jsonl, CHUNK + 5);
            other.seek(&reader.position).unwrap();
            assert!(all(&mut other) == found[skip..]);
            reader.next().unwrap();
        }
    }

    #[test]
    fn chunks_do_not_depend_on_when_the_end_of_the_file_is_seen() {
        // At some sizes, the rest of the file is exactly as long as a chunk.
        let record = record("One.", 0);
        let texts = [record.repeat(3), format!("{record}junk{record}"), "one\ntwo\nthree".into()];
        for (text, framing) in texts.iter().zip([Container::Wet, Container::Wet, Container::Jsonl])
        {
            for size in 1..text.len() {
                let open = || {
                    let mut reader = chunks(text.as_bytes(), framing, 20);
                    reader.size = size;
                    reader
                };
                let mut reader = open();
                loop {
                    let mut other = open();
                    other.seek(&reader.position).unwrap();
                    let (position, chunk) = (reader.position.clone(), reader.next().unwrap());
                    assert_eq!(other.next().unwrap(), chunk, "{size} bytes from {position:?}");
                    if chunk.is_none() {
                        break;
                    }
                }
            }
        }
    }

    /// A WARC record with this text whose Content-Length is off by `wrong`.
    fn record(text: &str, wrong: isize) -> String {
        let length = text.len() as isize + wrong;
        format!(
            "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: {length}\r\n\r\n{text}\r\n\r\n"
        )
    }

    /// The records of a WET file, those that passed through in `<>`, and their numbers.
    fn framed(bytes: &[u8], limit: usize) -> Vec<(u64, String)> {
        let (mut records, mut part) = (Vec::new(), String::new());
        let mut reader = chunks(bytes, Container::Wet, limit);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        loop {
            let position = reader.position.clone();
            // A reader that resumes here returns the same chunk.
            let mut other = chunks(bytes, Container::Wet, limit);
            other.seek(&position).unwrap();
            let chunk = reader.next().unwrap();
            assert_eq!(other.next().unwrap(), chunk);
            match chunk {
                None => break,
                Some(Chunk::Records(bytes, first)) => records.extend(
                    self::records(&*reader.format, &bytes, first)
                        .map(|(at, record)| (at, text(record))),
                ),
                Some(Chunk::Part(bytes, passed)) => {
                    part += &text(&bytes);
                    if let Some(passed) = passed {
                        assert_eq!(passed.bytes, part.len() as u64);
                        records.push((passed.ordinal, format!("<{}>", std::mem::take(&mut part))));
                    }
                }
            }
        }
        records
    }

    #[test]
    fn a_record_that_cannot_be_framed_affects_no_other() {
        let good = record("One.", 0);
        let long = |length: usize| {
            record("x", 0).replace("Content-Length: 1", &format!("Content-Length: {length}"))
        };
        let faulty = [
            record("Two.", 9),
            record("Two.", -2),
            record("Two.", 300),
            record("Two.", 0).replace("Content-Length: 4\r\n", ""),
            record("Two.", 0).replace("Content-Length: 4", "Content-Length: four"),
            record("Two.", 0).replace("WARC/1.0", "WRAC/1.0"),
            // Longer than the file, the limit, the memory and the largest number.
            long(10_000),
            long(3 * CHUNK),
            long(usize::MAX - 10),
            long(usize::MAX),
            record(&"A long text. ".repeat(CHUNK / 8), 5),
            "junk".into(),
        ];
        for faulty in faulty {
            let text = format!("{good}{good}{faulty}{good}{good}");
            let found = framed(text.as_bytes(), 2 * CHUNK);
            let passed = format!("<{faulty}>");
            let wanted = [&good, &good, &passed, &good, &good];
            let wanted: Vec<_> = (0..).zip(wanted.map(String::clone)).collect();
            assert!(found == wanted, "{faulty:.200}: {found:.200?}");
        }
    }

    #[test]
    fn records_with_other_line_ends_are_framed() {
        let good = record("One.", 0);
        for odd in [
            good.clone() + "\r\n\r\n\n",
            good.trim_end().to_owned(),
            good.trim_end().to_owned() + "\n",
            good.replace("\r\n", "\n"),
        ] {
            let text = format!("{good}{odd}{good}");
            let wanted: Vec<_> = (0..).zip([good.clone(), odd, good.clone()]).collect();
            assert_eq!(framed(text.as_bytes(), CHUNK), wanted);
        }
    }

    #[test]
    fn chunks_read_before_an_error_are_returned_first() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken disk"))
            }
        }
        let reader = Box::new(io::Cursor::new(b"a\nb".to_vec()).chain(Fails));
        let mut chunks = chunks(b"", Container::Jsonl, 9);
        chunks.reader = reader;
        assert_eq!(chunks.next().unwrap(), Some(Chunk::Records(b"a\nb".to_vec(), 0)));
        assert!(chunks.next().is_err());
        assert!(chunks.next().unwrap().is_none());
    }
}
