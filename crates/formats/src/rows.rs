//! The cleaned containers of a run, record by record.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::chunks::{Chunk, Chunks};
use crate::convert;
use crate::input::{Container, Opened, Place, Reading, Source};
use crate::jsonl::FieldNames;
use crate::names;
use crate::runs::run_record;

/// The files that a run wrote of a container: shards, which are read as one, or the one.
///
/// # Errors
/// There are none.
pub(crate) fn shards(run: &Path, file: &str) -> io::Result<Vec<PathBuf>> {
    let cut = run_record(run).is_ok_and(|run| !run["shard_bytes"].is_null());
    if !cut {
        return Ok(vec![names::below(run, file)]);
    }
    let shards = (0..).map(|number| names::below(run, &convert::shard(file, number)));
    let shards: Vec<PathBuf> = shards.take_while(|shard| shard.exists()).collect();
    if shards.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(shards) }
}

/// The container that the files of a run were given as, if the run left them what they are.
fn given(run: &Path) -> Option<Container> {
    let job = run_record(run).ok()?["job"].take();
    let from = Container::deserialize(&job["from"]).ok().filter(|_| job["to"].is_null());
    from.filter(|from| matches!(from, Container::Wet | Container::Jsonl))
}

/// The records of a cleaned container, in order.
pub(crate) struct Rows {
    pub(crate) chunks: Chunks,
    piece: Vec<(u64, Vec<u8>)>,
    ended: bool,
    /// Documents that were skipped on the way to a record that was asked for.
    pub(crate) skipped: u64,
}

impl Rows {
    pub(crate) fn open(run: &Path, file: &str) -> io::Result<Rows> {
        let shards = shards(run, file)?;
        let open = || -> io::Result<(u64, Box<dyn Read + Send>)> {
            let (mut bytes, mut all): (_, Box<dyn Read + Send>) = (0, Box::new(io::empty()));
            for shard in &shards {
                let shard = File::open(shard)?;
                bytes += shard.metadata()?.len();
                all = Box::new(all.chain(shard));
            }
            Ok((bytes, all))
        };
        let names = FieldNames::default();
        let reading = Reading { container: given(run), names: &names, limit: LONGEST };
        let (bytes, all) = open()?;
        let first = shards.first().cloned().unwrap_or_default();
        let source = Source { place: Place::File(first), name: file.to_owned(), bytes };
        let mut chunks = match source.open_from(all, &reading)? {
            Opened::Records(chunks) => chunks,
            // It does not look like one any more, but it was one.
            _ => {
                let reading = Reading { container: Some(Container::Jsonl), ..reading };
                match source.open_from(open()?.1, &reading)? {
                    Opened::Records(chunks) => chunks,
                    _ => return Err(io::Error::other("it is no container of documents")),
                }
            }
        };
        // What passed through is copied by its length, so no record is framed before it is due.
        chunks.most_records = 1;
        Ok(Rows { chunks, piece: Vec::new(), ended: false, skipped: 0 })
    }

    /// The record with this number, `whole` or written to `out` as it is read, however long it is.
    /// Of the records before it, those that are no documents go to `out`, and documents are skipped.
    pub(crate) fn at(&mut self, number: u64, whole: bool, out: &mut dyn Write) -> io::Result<Row> {
        self.read_to(number, whole, None, out)
    }

    /// Writes the record with this number, which passed through unread, to `out`, and what
    /// [`Rows::at`] writes before it. Without its length, its end is found as it was in the run.
    pub(crate) fn pass(
        &mut self,
        number: u64,
        bytes: Option<u64>,
        out: &mut dyn Write,
    ) -> io::Result<Row> {
        self.read_to(number, false, bytes, out)
    }

    fn read_to(
        &mut self,
        number: u64,
        whole: bool,
        bytes: Option<u64>,
        out: &mut dyn Write,
    ) -> io::Result<Row> {
        loop {
            match self.piece.pop() {
                Some((at, record)) if at > number => {
                    self.piece.push((at, record));
                    return Ok(Row::Missing);
                }
                Some((at, record)) if at == number && whole => return Ok(Row::Whole(record)),
                Some((at, record)) if at == number => {
                    out.write_all(&record)?;
                    return Ok(Row::Written);
                }
                Some((_, record)) if self.chunks.framing.is_document(&record) => self.skipped += 1,
                Some((_, record)) => out.write_all(&record)?,
                None if self.ended => return Ok(Row::Missing),
                None if self.chunks.position.record == number && bytes.is_some() => {
                    let all = self.chunks.copy_record(bytes.unwrap_or(0), out)?;
                    return Ok(if all { Row::Written } else { Row::Missing });
                }
                None => {
                    let mut nowhere = io::sink();
                    let wanted = self.chunks.position.record == number;
                    let out = if wanted { &mut *out } else { &mut nowhere };
                    match self.fill(whole || bytes.is_some(), out)? {
                        Some(at) if at == number => return Ok(Row::Written),
                        Some(_) => self.skipped += 1,
                        None => {}
                    }
                }
            }
        }
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            match self.piece.pop() {
                Some((_, record)) => return Ok(Some(record)),
                None if self.ended => return Ok(None),
                None => drop(self.fill(true, &mut io::sink())?),
            }
        }
    }

    /// Reads on. Gives the number of a record that was too long to be held and went to `out`.
    fn fill(&mut self, whole: bool, out: &mut dyn Write) -> io::Result<Option<u64>> {
        self.chunks.limit = if whole { LONGEST } else { 0 };
        match self.chunks.next()? {
            None => self.ended = true,
            Some(Chunk::Records(bytes, first)) => {
                let records = self.chunks.framing.records(&bytes, first);
                self.piece = records.map(|(at, record)| (at, record.to_vec())).collect();
                self.piece.reverse();
            }
            Some(Chunk::Part(part, ends)) => {
                out.write_all(&part)?;
                return Ok(ends.map(|passed| passed.ordinal));
            }
        }
        Ok(None)
    }
}

/// A record that was asked for.
pub(crate) enum Row {
    Whole(Vec<u8>),
    /// It was written as it was read.
    Written,
    Missing,
}

/// Longer records were never cleaned, in bytes.
const LONGEST: usize = 1 << 30;
