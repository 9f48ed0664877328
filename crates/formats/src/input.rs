//! Inputs: files and directories, walked in a fixed order, told apart by their first bytes.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use globset::GlobSet;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use walkdir::WalkDir;

use crate::chunks::Chunks;
use crate::codec::Codec;
use crate::detect::{Detected, detect};
use crate::job::Error;
use crate::jsonl::FieldNames;
use crate::names;
use crate::store::{Object, Store, Stores, store_of};
use crate::wet;

/// The kind of file that documents come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// A file is a document.
    Text,
    /// A line is a JSON object with a document in one of its fields.
    Jsonl,
    /// WARC `conversion` records, as in Common Crawl's WET files.
    Wet,
    /// Parquet: a row is a document.
    Parquet,
}

impl Container {
    /// The name by which `--from` and `--to` know it.
    pub fn as_str(self) -> &'static str {
        match self {
            Container::Text => "text",
            Container::Jsonl => "jsonl",
            Container::Wet => "wet",
            Container::Parquet => "parquet",
        }
    }
}

impl Container {
    /// The records of a piece, each with its number.
    pub(crate) fn records(self, bytes: &[u8], first: u64) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = bytes;
        let records = std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let length = match self {
                Container::Wet => match wet::frame(rest, true) {
                    wet::Frame::Whole(length) => length,
                    _ => rest.len(),
                },
                _ => memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1),
            };
            let (record, behind) = rest.split_at(length);
            rest = behind;
            Some(record)
        });
        (first..).zip(records)
    }

    /// Whether a record of a container is a document: it has a record in the ledger of its run.
    pub(crate) fn is_document(self, record: &[u8]) -> bool {
        match self {
            Container::Wet => wet::Record::parse(record).is_some_and(|record| record.is_document()),
            _ => !record.trim_ascii().is_empty(),
        }
    }
}

/// Where a file is.
#[derive(Clone)]
pub enum Place {
    /// Standard input, which is read once.
    Stdin,
    /// Standard input that passes through: a copy of it.
    Copied(Arc<NamedTempFile>),
    /// In the file system.
    File(PathBuf),
    /// In an object store, under this name; when it was last written.
    Object(Arc<dyn Store>, String, u128),
}

impl Place {
    /// Its path in the file system.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Place::File(path) => Some(path),
            _ => None,
        }
    }

    /// Opens it, at its start.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Place::Stdin => Ok(Box::new(io::stdin())),
            Place::Copied(copy) => Ok(Box::new(File::open(copy.path())?)),
            Place::File(path) => Ok(Box::new(File::open(path)?)),
            Place::Object(store, name, _) => store.open(name),
        }
    }

    /// When it was last written, in nanoseconds since 1970; 0 if nothing tells.
    pub(crate) fn modified(&self) -> u128 {
        let of_file = |path: &Path| {
            let modified = path.metadata().ok()?.modified().ok()?;
            modified.duration_since(UNIX_EPOCH).ok().map(|since| since.as_nanos())
        };
        match self {
            Place::Stdin | Place::Copied(_) => 0,
            Place::File(path) => of_file(path).unwrap_or(0),
            Place::Object(_, _, modified) => *modified,
        }
    }
}

/// One file to read.
#[derive(Clone)]
pub struct Source {
    /// Where it is.
    pub place: Place,
    /// Where its output goes, relative to the output directory, with `/` between the parts.
    pub name: String,
    /// Its size in bytes, as the directory has it.
    pub bytes: u64,
}

/// What is said of Parquet where it cannot be read.
#[cfg(not(feature = "parquet"))]
pub(crate) const NO_PARQUET: &str =
    "this build of chaffinch reads no Parquet; build it with `--features parquet`";

/// A file that was opened and looked at.
pub(crate) enum Opened {
    /// A document: its bytes.
    Document(Vec<u8>),
    /// A file that passes through as it is, and why.
    Pass(Source, String),
    /// Records, read piece by piece.
    Records(Chunks),
    /// A Parquet file.
    Parquet,
}

/// How a file is to be read.
pub(crate) struct Reading<'a> {
    /// What it is, if not what it says.
    pub(crate) container: Option<Container>,
    /// Which fields of a record hold what.
    pub(crate) names: &'a FieldNames,
    /// Longer documents pass through, in bytes.
    pub(crate) limit: usize,
}

/// The bytes of a file from which its kind is detected.
const HEAD: u64 = 64 << 10;

/// The same of a compressed file: more than the largest block of bzip2.
const PACKED_HEAD: u64 = 1 << 20;

impl Source {
    /// Opens the file and looks what it is.
    pub(crate) fn open(&self, reading: &Reading<'_>) -> io::Result<Opened> {
        self.open_from(self.place.open()?, reading)
    }

    /// Looks what the bytes of the file are.
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
        if codec == Codec::Plain {
            let ended = (head.len() as u64) < HEAD;
            let container = match detected(reading, &self.name, &head, ended) {
                Detected::Container(container) => container,
                Detected::Unread(reason) => return self.pass(Cursor::new(head).chain(raw), reason),
            };
            return match container {
                Container::Text => self.document(raw, head, reading.limit),
                Container::Parquet if matches!(self.place, Place::Stdin) => {
                    let reason = "Parquet cannot be read from standard input; name the file";
                    self.pass(Cursor::new(head).chain(raw), reason.to_owned())
                }
                Container::Parquet => Ok(Opened::Parquet),
                framing => {
                    let rest = Box::new(Cursor::new(head).chain(raw));
                    Ok(Opened::Records(Chunks::new(rest, framing, codec, reading.limit, consumed)))
                }
            };
        }
        raw.by_ref().take(PACKED_HEAD - HEAD).read_to_end(&mut head)?;
        let mut plain = Vec::new();
        let mut start = codec.decoder(Cursor::new(head.clone()))?.take(HEAD);
        let sniffed = start.read_to_end(&mut plain);
        if plain.is_empty() {
            sniffed?;
        }
        let ended = (plain.len() as u64) < HEAD;
        let reason = match detected(reading, &self.name, &plain, ended) {
            Detected::Container(Container::Text | Container::Parquet) => format!(
                "it is a file compressed with {}; unpack it, so that it can be cleaned",
                codec.name()
            ),
            Detected::Unread(reason) => reason,
            Detected::Container(framing) => {
                let packed = Cursor::new(head).chain(raw);
                let plain = codec.decoder(BufReader::with_capacity(HEAD as usize, packed))?;
                return Ok(Opened::Records(Chunks::new(
                    plain,
                    framing,
                    codec,
                    reading.limit,
                    consumed,
                )));
            }
        };
        self.pass(Cursor::new(head).chain(raw), reason)
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

    /// What to call it in messages.
    pub(crate) fn shown(&self) -> String {
        match &self.place {
            Place::Stdin | Place::Copied(_) => "standard input".into(),
            Place::File(path) => path.display().to_string(),
            Place::Object(store, name, _) => format!("{}/{name}", store.address()),
        }
    }
}

/// What a file that begins with `head` is: what it is given as, or else what it is detected as.
fn detected(reading: &Reading<'_>, name: &str, head: &[u8], ended: bool) -> Detected {
    match reading.container {
        Some(container) => Detected::Container(container),
        None => detect(name, head, ended, reading.names),
    }
}

/// Counts what is read from a file: what a progress bar shows.
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

/// What to take from the inputs.
pub(crate) struct Filter<'a> {
    pub(crate) include: &'a GlobSet,
    pub(crate) exclude: &'a GlobSet,
}

impl Filter<'_> {
    fn takes(&self, name: &str) -> bool {
        (self.include.is_empty() || self.include.is_match(name)) && !self.exclude.is_match(name)
    }
}

/// All files of the inputs, in order; directories by name. Names stay relative to their input,
/// below the input's own name if there are several. Hidden files are passed over; what is no file,
/// such as a pipe or a device, is an error that names it.
pub(crate) fn sources<'a>(
    inputs: &'a [PathBuf],
    stores: &'a Stores,
    filter: &'a Filter<'a>,
) -> impl Iterator<Item = Result<Source, Error>> + Send + 'a {
    let several = inputs.len() > 1;
    inputs.iter().flat_map(move |input| {
        let prefix = if several { format!("{}/", base_name(input)) } else { String::new() };
        let found = match store_of(stores, input) {
            Some(store) => objects(store),
            None => walk(input),
        };
        found.filter_map(move |found| {
            let source = match found {
                Ok(source) => source,
                Err(error) => return Some(Err(error)),
            };
            let name = match several && source.place.path() == Some(input) {
                true => source.name,
                false => format!("{prefix}{}", source.name),
            };
            filter.takes(&name).then_some(Ok(Source { name, ..source }))
        })
    })
}

type Found = Result<Source, Error>;

/// The objects of a store, but for hidden ones.
fn objects(store: &Arc<dyn Store>) -> Box<dyn Iterator<Item = Found> + Send + '_> {
    let failed = |error| Error::Input(store.address().to_owned(), error);
    let listed = match store.list() {
        Ok(listed) => listed,
        Err(error) => return Box::new(std::iter::once(Err(failed(error)))),
    };
    let hidden = |name: &str| name.split('/').any(|part| part.starts_with('.'));
    Box::new(listed.filter_map(move |object| match object {
        Err(error) => Some(Err(failed(error))),
        // Consoles make empty objects for folders.
        Ok(object) if hidden(&object.name) || object.name.ends_with('/') => None,
        Ok(Object { name, bytes, modified }) => {
            let source_name = names::of_part(OsStr::new(&name));
            let place = Place::Object(Arc::clone(store), name, modified);
            Some(Ok(Source { place, name: source_name, bytes }))
        }
    }))
}

fn walk(input: &Path) -> Box<dyn Iterator<Item = Found> + Send + '_> {
    if !input.is_dir() {
        let found = std::fs::metadata(input)
            .map(|metadata| Source {
                place: Place::File(input.to_owned()),
                name: base_name(input),
                bytes: metadata.len(),
            })
            .map_err(|error| Error::Input(input.display().to_string(), error));
        return Box::new(std::iter::once(found));
    }
    let hidden = |entry: &walkdir::DirEntry| {
        entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    let entries = WalkDir::new(input).follow_links(true).sort_by_file_name().into_iter();
    Box::new(entries.filter_entry(move |entry| !hidden(entry)).filter_map(move |entry| {
        let failed = |error: walkdir::Error| {
            let path = error.path().unwrap_or(input).display().to_string();
            let error = match error.loop_ancestor() {
                Some(above) => {
                    let message = format!("the link leads back to {}", above.display());
                    io::Error::other(message)
                }
                None => error.into(),
            };
            Error::Input(path, error)
        };
        match entry {
            Err(error) => Some(Err(failed(error))),
            Ok(entry) if entry.file_type().is_dir() => None,
            Ok(entry) if !entry.file_type().is_file() => {
                let error = io::Error::other("it is a pipe, a socket or a device, not a file");
                Some(Err(Error::Input(entry.path().display().to_string(), error)))
            }
            Ok(entry) => Some(entry.metadata().map_err(failed).map(|metadata| {
                let below = entry.path().strip_prefix(input).unwrap_or(entry.path());
                let parts: Vec<_> =
                    below.components().map(|part| names::of_part(part.as_os_str())).collect();
                let place = Place::File(entry.path().to_owned());
                Source { place, name: parts.join("/"), bytes: metadata.len() }
            })),
        }
    }))
}

/// The last part of an input's path; for `.` and `..`, of the directory that it means.
pub(crate) fn base_name(input: &Path) -> String {
    let name = |path: &Path| path.file_name().map(names::of_part);
    name(input).or_else(|| name(&input.canonicalize().ok()?)).unwrap_or_else(|| "input".to_owned())
}
