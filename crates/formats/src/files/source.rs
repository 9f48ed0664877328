//! Inputs: files and directories in a fixed order.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use globset::GlobSet;
use tempfile::NamedTempFile;
use walkdir::WalkDir;

use super::names;
use super::store::{Object, Store, Stores, store_of};
use crate::error::Error;

/// The location of a file.
#[derive(Clone)]
pub enum Place {
    /// Standard input, which can be read once.
    Stdin,
    /// A copy of standard input, which passes through.
    Copied(Arc<NamedTempFile>),
    /// In the file system.
    File(PathBuf),
    /// In an object store, under this name.
    Object(Arc<dyn Store>, String),
}

impl Place {
    /// The path in the file system.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Place::File(path) => Some(path),
            _ => None,
        }
    }

    /// Opens the file at its start.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Place::Stdin => Ok(Box::new(io::stdin())),
            Place::Copied(copy) => Ok(Box::new(File::open(copy.path())?)),
            Place::File(path) => Ok(Box::new(File::open(path)?)),
            Place::Object(store, name) => store.open(name),
        }
    }
}

/// One file to read.
#[derive(Clone)]
pub struct Source {
    /// The location.
    pub place: Place,
    /// The name of its output, relative to the output directory, with `/` between the parts.
    pub name: String,
    /// The size in bytes, as listed by the directory; 0 for standard input.
    pub bytes: u64,
    /// The modification time in nanoseconds since 1970, as listed by the directory; 0 if it is not known.
    pub modified: u128,
}

impl Source {
    /// A file with these metadata.
    pub(crate) fn of_file(path: PathBuf, name: String, metadata: &Metadata) -> Source {
        let modified = metadata.modified().ok();
        let modified = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        Source {
            place: Place::File(path),
            name,
            bytes: metadata.len(),
            modified: modified.map_or(0, |since| since.as_nanos()),
        }
    }

    /// Standard input.
    pub(crate) fn stdin(name: &str) -> Source {
        Source { place: Place::Stdin, name: name.to_owned(), bytes: 0, modified: 0 }
    }

    /// The name to use in messages.
    pub(crate) fn shown(&self) -> String {
        match &self.place {
            Place::Stdin | Place::Copied(_) => "standard input".into(),
            Place::File(path) => path.display().to_string(),
            Place::Object(store, name) => format!("{}/{name}", store.address()),
        }
    }
}

/// The inputs to read.
pub(crate) struct Filter<'a> {
    pub(crate) include: &'a GlobSet,
    pub(crate) exclude: &'a GlobSet,
}

impl Filter<'_> {
    fn takes(&self, name: &str) -> bool {
        (self.include.is_empty() || self.include.is_match(name)) && !self.exclude.is_match(name)
    }
}

/// Rejects an input on this file system that does not exist.
pub(crate) fn check_exists(input: &Path) -> Result<(), Error> {
    match input.exists() {
        true => Ok(()),
        false => {
            Err(Error::Usage(format!("{}: there is no such file or directory", input.display())))
        }
    }
}

/// All files of the inputs, in order; those of a directory by name. Names are relative to their
/// input, with the input's own name in front if there are several. Hidden files are skipped. Inputs
/// that are not files, such as pipes and devices, are errors that name them.
pub(crate) fn sources<'a>(
    inputs: &'a [PathBuf],
    stores: &'a Stores,
    filter: &'a Filter<'a>,
) -> impl Iterator<Item = Result<Source, Error>> + Send + 'a {
    let several = inputs.len() > 1;
    inputs.iter().flat_map(move |input| {
        let prefix = if several { format!("{}/", names::base_name(input)) } else { String::new() };
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

/// The objects of a store, except hidden ones.
fn objects(store: &Arc<dyn Store>) -> Box<dyn Iterator<Item = Found> + Send + '_> {
    let failed = |error| Error::Input(store.address().to_owned(), error);
    let listed = match store.list() {
        Ok(listed) => listed,
        Err(error) => return Box::new(std::iter::once(Err(failed(error)))),
    };
    let hidden = |name: &str| name.split('/').any(|part| part.starts_with('.'));
    Box::new(listed.filter_map(move |object| match object {
        Err(error) => Some(Err(failed(error))),
        // Web consoles create empty objects for folders.
        Ok(object) if hidden(&object.name) || object.name.ends_with('/') => None,
        Ok(Object { name, bytes, modified }) => {
            let source_name = names::of_part(OsStr::new(&name));
            let place = Place::Object(Arc::clone(store), name);
            Some(Ok(Source { place, name: source_name, bytes, modified }))
        }
    }))
}

fn walk(input: &Path) -> Box<dyn Iterator<Item = Found> + Send + '_> {
    if !input.is_dir() {
        let found = std::fs::metadata(input)
            .map(|metadata| Source::of_file(input.to_owned(), names::base_name(input), &metadata))
            .map_err(|error| Error::Input(input.display().to_string(), error));
        return Box::new(std::iter::once(found));
    }
    let hidden = |entry: &walkdir::DirEntry| {
        entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    let entries = WalkDir::new(input).follow_links(true).sort_by_file_name().into_iter();
    Box::new(entries.filter_entry(move |entry| !hidden(entry)).filter_map(move |entry| {
        let failed = |error: walkdir::Error| {
            let path = error.path().unwrap_or(input).to_owned();
            let target = std::fs::read_link(&path).ok();
            let message = match (error.loop_ancestor(), target) {
                (Some(above), _) => Some(format!("the link leads back to {}", above.display())),
                (None, Some(target)) if !path.exists() => {
                    let target = target.display();
                    Some(format!("the link leads to {target}, which does not exist"))
                }
                _ => None,
            };
            // Without the path, which the error names.
            let error = match (message, error.io_error().map(io::Error::kind)) {
                (Some(message), _) => io::Error::other(message),
                (None, Some(kind)) => kind.into(),
                (None, None) => error.into(),
            };
            Error::Input(path.display().to_string(), error)
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
                Source::of_file(entry.path().to_owned(), parts.join("/"), &metadata)
            })),
        }
    }))
}
