//! Opens a file: detects its compression and container.

use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::NamedTempFile;

use super::chunks::Chunks;
use super::detect::detect;
use super::format::{FieldNames, Head, RecordFormat};
use super::{Container, Reason, record_format};
use crate::files::codec::Codec;
use crate::files::source::{Place, Source};

/// A file that was opened.
pub(crate) enum Opened {
    /// A document: its bytes.
    Document(Vec<u8>),
    /// A file that passes through unchanged, and why.
    Pass(Source, String),
    /// Records of a container, read in chunks.
    Records(Chunks),
    /// A Parquet file.
    Parquet,
}

/// How files are read.
pub(crate) struct Reading<'a> {
    /// The container, if it is not to be detected.
    pub(crate) container: Option<Container>,
    /// The names of the fields of a record.
    pub(crate) names: &'a FieldNames,
    /// Longer documents pass through, in bytes.
    pub(crate) limit: usize,
    /// Whether the files are the output of a run. Their records are restored by what the ledger
    /// says of them, so they are read even if a cleaning run would not find their text.
    pub(crate) restores: bool,
}

/// The bytes from which the container of a file is detected.
const HEAD: u64 = 64 << 10;

/// The same for a compressed file: more than the largest block of bzip2.
const PACKED_HEAD: u64 = 1 << 20;

/// The container of a file, found from its head.
enum Found {
    Document,
    Parquet,
    Records(Container, Arc<dyn RecordFormat>),
    Unread(Reason),
}

impl Reading<'_> {
    fn find(&self, head: &Head<'_>) -> Found {
        let container = match self.container {
            Some(container) => container,
            None => match detect(head) {
                Ok(container) => container,
                Err(reason) => return Found::Unread(reason),
            },
        };
        match (container, record_format(container, head)) {
            (Container::Text, _) => Found::Document,
            (_, None) => Found::Parquet,
            (_, Some(Err(reason))) => Found::Unread(reason),
            (_, Some(Ok(format))) => match format.check() {
                Err(reason) if !self.restores => Found::Unread(reason),
                _ => Found::Records(container, format),
            },
        }
    }
}

impl Source {
    /// Opens the file and finds its container.
    pub(crate) fn open(&self, reading: &Reading<'_>) -> io::Result<Opened> {
        self.open_from(self.place.open()?, reading)
    }

    /// As [`Source::open`], with the bytes of the file.
    pub(crate) fn open_from(
        &self,
        raw: Box<dyn Read + Send>,
        reading: &Reading<'_>,
    ) -> io::Result<Opened> {
        let consumed = Arc::new(AtomicU64::new(0));
        let mut raw = Counting { raw, consumed: Arc::clone(&consumed) };
        let mut head = Vec::with_capacity(self.bytes.min(HEAD) as usize + 1);
        raw.by_ref().take(HEAD).read_to_end(&mut head)?;
        let codec = Codec::of(&head);
        if codec != Codec::Plain {
            return self.open_packed(codec, head, raw, reading);
        }
        let found = reading.find(&Head {
            name: &self.name,
            bytes: &head,
            ended: (head.len() as u64) < HEAD,
            names: reading.names,
        });
        match found {
            Found::Document => self.document(raw, head, reading.limit),
            Found::Parquet if matches!(self.place, Place::Stdin) => {
                let reason = "Parquet cannot be read from standard input; name the file";
                self.pass(Cursor::new(head).chain(raw), reason.to_owned())
            }
            Found::Parquet => Ok(Opened::Parquet),
            Found::Unread(reason) => self.pass(Cursor::new(head).chain(raw), reason.into()),
            Found::Records(container, format) => {
                let rest = Box::new(Cursor::new(head).chain(raw));
                let chunks = Chunks::new(rest, (container, format), codec, reading.limit, consumed);
                Ok(Opened::Records(chunks))
            }
        }
    }

    /// Opens a compressed file that begins with `head`.
    fn open_packed(
        &self,
        codec: Codec,
        mut head: Vec<u8>,
        mut raw: Counting<Box<dyn Read + Send>>,
        reading: &Reading<'_>,
    ) -> io::Result<Opened> {
        raw.by_ref().take(PACKED_HEAD - HEAD).read_to_end(&mut head)?;
        let mut plain = Vec::new();
        let mut start = codec.decoder(Cursor::new(head.clone()))?.take(HEAD);
        let sniffed = start.read_to_end(&mut plain);
        if plain.is_empty() {
            sniffed?;
        }
        let found = reading.find(&Head {
            name: &self.name,
            bytes: &plain,
            ended: (plain.len() as u64) < HEAD,
            names: reading.names,
        });
        let consumed = Arc::clone(&raw.consumed);
        let packed = Cursor::new(head).chain(raw);
        let reason = match found {
            Found::Document | Found::Parquet => format!(
                "it is a file compressed with {}; unpack it, so that it can be cleaned",
                codec.name()
            ),
            Found::Unread(reason) => reason.into(),
            Found::Records(container, format) => {
                let plain = codec.decoder(BufReader::with_capacity(HEAD as usize, packed))?;
                let chunks =
                    Chunks::new(plain, (container, format), codec, reading.limit, consumed);
                return Ok(Opened::Records(chunks));
            }
        };
        self.pass(packed, reason)
    }

    fn document(&self, mut raw: impl Read, mut bytes: Vec<u8>, limit: usize) -> io::Result<Opened> {
        if bytes.len() as u64 == HEAD {
            let more = (limit as u64 + 1).saturating_sub(HEAD);
            raw.by_ref().take(more).read_to_end(&mut bytes)?;
        }
        match bytes.len() > limit {
            true => {
                let reason = chaffinch_core::NotText::TooLong.to_string();
                self.pass(Cursor::new(bytes).chain(raw), reason)
            }
            false => Ok(Opened::Document(bytes)),
        }
    }

    /// A file that passes through. `bytes` are all of it: standard input is copied, because it
    /// cannot be read twice.
    fn pass(&self, mut bytes: impl Read, reason: String) -> io::Result<Opened> {
        let mut source = self.clone();
        if matches!(self.place, Place::Stdin) {
            let mut copy = NamedTempFile::new()?;
            source.bytes = io::copy(&mut bytes, &mut copy)?;
            source.place = Place::Copied(Arc::new(copy));
        }
        Ok(Opened::Pass(source, reason))
    }
}

/// Counts the bytes that are read from a file, for a progress bar.
struct Counting<R> {
    raw: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.raw.read(buffer)?;
        self.consumed.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
