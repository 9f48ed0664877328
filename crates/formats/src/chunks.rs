//! Pieces of a container: whole records, about half a megabyte at a time.
//!
//! Where a piece ends depends on the input alone, so that the output does not depend on threads,
//! and a run that was killed can go on at the end of any of them.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::codec::Codec;
use crate::input::Container;
use crate::wet::{self, Frame};

/// The size of a piece, in bytes: enough for compression to pay, little enough for many to be in
/// hand.
const CHUNK: usize = 512 << 10;

/// A piece of a container.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// Whole records; the first has this number.
    Records(Vec<u8>, u64),
    /// A part of what cannot be cleaned; at its end, the number and the reason.
    Part(Vec<u8>, Option<(u64, String)>),
}

/// How far a container is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Bytes behind, uncompressed.
    pub(crate) bytes: u64,
    /// The number of the next record, from 0; in JSONL, of the next line.
    pub(crate) record: u64,
    /// Inside what cannot be cleaned.
    pub(crate) inside: Option<Inside>,
}

/// What is passed through in parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Inside {
    /// A line that is over the limit.
    LongLine,
    /// A WARC record that is over the limit: the bytes to its end.
    LongRecord(u64),
    /// The rest of a file that is not WARC from here on.
    Broken,
}

/// Reads a container in pieces.
pub(crate) struct Chunks {
    reader: Box<dyn Read + Send>,
    pub(crate) framing: Container,
    pub(crate) codec: Codec,
    pub(crate) limit: usize,
    consumed: Arc<AtomicU64>,
    told: u64,
    buffer: Vec<u8>,
    ended: bool,
    error: Option<io::Error>,
    pub(crate) position: Position,
    /// The size of a piece, in bytes.
    pub(crate) size: usize,
}

impl Chunks {
    pub(crate) fn new(
        reader: Box<dyn Read + Send>,
        framing: Container,
        codec: Codec,
        limit: usize,
        consumed: Arc<AtomicU64>,
    ) -> Chunks {
        Chunks {
            reader,
            framing,
            codec,
            limit,
            consumed,
            told: 0,
            buffer: Vec::new(),
            ended: false,
            error: None,
            position: Position::default(),
            size: CHUNK,
        }
    }

    /// Bytes of the file that were read since this was last asked.
    pub(crate) fn newly_read(&mut self) -> u64 {
        let all = self.consumed.load(Ordering::Relaxed);
        let new = all - self.told;
        self.told = all;
        new
    }

    /// Goes on at a place where an earlier reader of the same file stood.
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

    /// The next piece. What was read before an error comes before the error.
    ///
    /// # Errors
    /// The file cannot be read on, or its compression is damaged.
    pub(crate) fn next(&mut self) -> io::Result<Option<Chunk>> {
        let mut wanted = self.size;
        loop {
            self.fill(wanted);
            if self.buffer.is_empty() {
                return self.error.take().map_or(Ok(None), Err);
            }
            let next = match self.framing {
                Container::Wet => self.records(),
                _ => self.lines(),
            };
            match next {
                Ok(chunk) => return Ok(Some(chunk)),
                Err(more) => wanted = more,
            }
        }
    }

    /// Reads until so many bytes are in hand or there are no more.
    fn fill(&mut self, wanted: usize) {
        while self.buffer.len() < wanted && !self.ended {
            let more = (wanted - self.buffer.len()) as u64;
            self.buffer.reserve(more as usize);
            match self.reader.by_ref().take(more).read_to_end(&mut self.buffer) {
                Ok(0) => self.ended = true,
                Ok(_) => {}
                Err(error) => {
                    self.ended = true;
                    self.error = Some(error);
                }
            }
        }
    }

    /// The first `count` bytes in hand.
    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(count);
        self.position.bytes += count as u64;
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Whole lines, or a part of one that is too long. Else: how many bytes are wanted.
    fn lines(&mut self) -> Result<Chunk, usize> {
        if self.position.inside.is_some() {
            let end = memchr::memchr(b'\n', &self.buffer).map(|at| at + 1);
            let part = self.take(end.unwrap_or(self.buffer.len()));
            let ends = end.is_some() || self.nothing_follows();
            return Ok(self.part(part, ends));
        }
        let whole = match self.ended {
            true => Some(self.buffer.len()),
            false => memchr::memrchr(b'\n', &self.buffer).map(|at| at + 1),
        };
        match whole {
            Some(whole) => {
                let lines = self.take(whole);
                let first = self.position.record;
                self.position.record += memchr::memchr_iter(b'\n', &lines).count() as u64;
                Ok(Chunk::Records(lines, first))
            }
            None if self.buffer.len() <= self.limit => Err(self.buffer.len() * 2),
            None => {
                self.position.inside = Some(Inside::LongLine);
                let part = self.take(self.buffer.len());
                Ok(self.part(part, false))
            }
        }
    }

    /// Whether all was taken: shows only once more is asked for.
    fn nothing_follows(&mut self) -> bool {
        self.fill(1);
        self.ended && self.buffer.is_empty()
    }

    fn part(&mut self, part: Vec<u8>, ends: bool) -> Chunk {
        if !ends {
            return Chunk::Part(part, None);
        }
        let reason = match self.position.inside.take() {
            Some(Inside::Broken) => "this is no WARC record".to_owned(),
            _ => chaffinch_core::NotText::TooLong.to_string(),
        };
        let number = self.position.record;
        self.position.record += 1;
        Chunk::Part(part, Some((number, reason)))
    }

    /// Whole WARC records, or a part of what is none or too long.
    fn records(&mut self) -> Result<Chunk, usize> {
        match self.position.inside.clone() {
            Some(Inside::LongRecord(left)) => {
                let count = self.buffer.len().min(left as usize);
                let part = self.take(count);
                let left = left - count as u64;
                let ends = left == 0 || self.nothing_follows();
                if !ends {
                    self.position.inside = Some(Inside::LongRecord(left));
                }
                return Ok(self.part(part, ends));
            }
            Some(_) => {
                let part = self.take(self.buffer.len());
                let ends = self.nothing_follows();
                return Ok(self.part(part, ends));
            }
            None => {}
        }
        let (mut whole, mut count) = (0, 0);
        while whole < self.buffer.len() {
            match wet::frame(&self.buffer[whole..], self.ended) {
                Frame::Whole(length) => {
                    whole += length;
                    count += 1;
                }
                _ if whole > 0 => break,
                Frame::Needs(None) => return Err(self.buffer.len() * 2),
                Frame::Needs(Some(bytes)) if bytes <= self.limit.saturating_add(HEADERS) => {
                    return Err(bytes);
                }
                Frame::Needs(Some(bytes)) => {
                    self.position.inside = Some(Inside::LongRecord(bytes as u64));
                    return self.records();
                }
                Frame::Broken => {
                    self.position.inside = Some(Inside::Broken);
                    return self.records();
                }
            }
        }
        let first = self.position.record;
        self.position.record += count;
        Ok(Chunk::Records(self.take(whole), first))
    }
}

/// Room for the headers of a record whose text is at the limit, in bytes.
const HEADERS: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(bytes: &[u8], framing: Container, limit: usize) -> Chunks {
        let reader = Box::new(io::Cursor::new(bytes.to_vec()));
        Chunks::new(reader, framing, Codec::Plain, limit, Arc::default())
    }

    fn all(chunks: &mut Chunks) -> Vec<Chunk> {
        std::iter::from_fn(|| chunks.next().unwrap()).collect()
    }

    #[test]
    fn pieces_end_where_lines_end_and_long_lines_come_in_parts() {
        let line = format!("{}\n", "x".repeat(999));
        let many = line.repeat(1000);
        let long = "y".repeat(2 * CHUNK);
        let text = format!("{many}{long}\nz");
        let mut reader = chunks(text.as_bytes(), Container::Jsonl, CHUNK + 5);
        let pieces = all(&mut reader);
        let mut back = Vec::<u8>::new();
        for piece in &pieces {
            match piece {
                Chunk::Records(bytes, first) => {
                    assert_eq!(*first, back.iter().filter(|b| **b == b'\n').count() as u64);
                    back.extend(bytes);
                }
                Chunk::Part(bytes, _) => back.extend(bytes),
            }
        }
        assert!(back == text.as_bytes());
        let ends: Vec<_> = pieces.iter().filter(|p| matches!(p, Chunk::Part(_, Some(_)))).collect();
        assert_eq!(ends.len(), 1);
        // A reader that goes on anywhere gives the same.
        let mut reader = chunks(text.as_bytes(), Container::Jsonl, CHUNK + 5);
        for skip in 0..pieces.len() {
            let mut other = chunks(text.as_bytes(), Container::Jsonl, CHUNK + 5);
            other.seek(&reader.position).unwrap();
            assert!(all(&mut other) == pieces[skip..]);
            reader.next().unwrap();
        }
    }

    #[test]
    fn what_is_no_warc_passes_through_to_the_end() {
        let record = "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 4\r\n\r\nOne.\r\n\r\n";
        let junk = "junk ".repeat(CHUNK / 4);
        let text = format!("{record}{record}{junk}");
        let pieces = all(&mut chunks(text.as_bytes(), Container::Wet, CHUNK));
        assert_eq!(pieces[0], Chunk::Records(record.repeat(2).into_bytes(), 0));
        let back: usize = pieces[1..]
            .iter()
            .map(|piece| match piece {
                Chunk::Part(bytes, _) => bytes.len(),
                Chunk::Records(..) => 0,
            })
            .sum();
        assert_eq!(back, junk.len());
        assert!(matches!(pieces.last(), Some(Chunk::Part(_, Some((2, _))))));
    }

    #[test]
    fn what_was_read_before_an_error_comes_first() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken disk"))
            }
        }
        let reader = Box::new(io::Cursor::new(b"a\nb".to_vec()).chain(Fails));
        let mut chunks = Chunks::new(reader, Container::Jsonl, Codec::Plain, 9, Arc::default());
        assert_eq!(chunks.next().unwrap(), Some(Chunk::Records(b"a\nb".to_vec(), 0)));
        assert!(chunks.next().is_err());
        assert!(chunks.next().unwrap().is_none());
    }
}
