//! The interface of object stores, as used by runs.
//!
//! A run streams its inputs from the store. It writes its output to a local folder first, because
//! only a file that can be truncated allows an interrupted run to resume. Each file is sent to the
//! store as soon as it is complete, and then removed locally. The run's record is sent at the end.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;
use crate::files::names;
use crate::files::output::RECORD;
use crate::files::output::{FILES, is_written, unescape_line};

/// An object of a store, like a file of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its name below the address of its store, with `/` between the parts.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub modified: u128,
}

/// The objects below one address. Each call may wait for the network.
pub trait Store: Send + Sync {
    /// The address, as a person typed it.
    fn address(&self) -> &str;

    /// All objects, in the store's own order, which is the same each time.
    ///
    /// # Errors
    /// The store cannot be reached.
    fn list(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<Object>> + Send>>;

    /// Reads an object from its start.
    ///
    /// # Errors
    /// It does not exist, or cannot be read.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>>;

    /// Replaces an object with a file, completely or not at all.
    ///
    /// # Errors
    /// The file cannot be read, or the object cannot be written.
    fn put(&self, name: &str, file: &Path) -> io::Result<()>;

    /// Removes an object.
    ///
    /// # Errors
    /// It cannot be removed.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// The stores of the inputs that are addresses.
pub type Stores = Vec<(PathBuf, Arc<dyn Store>)>;

/// The store of an input, if it is an address.
pub(crate) fn store_of<'a>(stores: &'a Stores, input: &Path) -> Option<&'a Arc<dyn Store>> {
    stores.iter().find(|(address, _)| address == input).map(|(_, store)| store)
}

/// The folder in a run's record, in a store only, for lists of files that an unfinished run was
/// about to send. They distinguish its files from those of others.
const ANNOUNCED: &str = "announced";

/// Whether an object belongs to a run's record.
fn is_record(name: &str) -> bool {
    name.strip_prefix(RECORD).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether an object lists files of a run.
fn is_list(name: &str) -> bool {
    let below = name.strip_prefix(RECORD).and_then(|rest| rest.strip_prefix('/'));
    below.is_some_and(|name| name == FILES || name.starts_with(&format!("{ANNOUNCED}/")))
}

/// The destination of finished files, if it is a store.
pub(crate) struct Shipping {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) root: PathBuf,
}

impl Shipping {
    fn failed(&self) -> impl Fn(io::Error) -> Error + '_ {
        |error| Error::Output(self.store.address().to_owned(), error)
    }

    /// What an earlier run left in the store.
    ///
    /// # Errors
    /// The store contains other objects, or cannot be reached.
    pub(crate) fn left(&self) -> Result<Vec<Object>, Error> {
        let failed = self.failed();
        let objects: Vec<Object> =
            self.store.list().and_then(Iterator::collect).map_err(&failed)?;
        let (mut any, mut listed) = (false, HashSet::new());
        for list in objects.iter().filter(|object| is_list(&object.name)) {
            let mut text = String::new();
            let read = self.store.open(&list.name).and_then(|mut l| l.read_to_string(&mut text));
            read.map_err(&failed)?;
            any = true;
            listed.extend(text.lines().flat_map(|line| names::forms(&unescape_line(line))));
        }
        let own = |key: &str| {
            let name = names::of_part(key.as_ref());
            any && is_record(key) || is_written(key, &listed) || is_written(&name, &listed)
        };
        match objects.iter().find(|object| !own(&object.name)) {
            None => Ok(objects),
            Some(foreign) => Err(Error::Usage(format!(
                "{} is not empty: it contains {}, which chaffinch did not write; name another \
                 address with -o, or move it away",
                self.store.address(),
                foreign.name,
            ))),
        }
    }

    /// The text of a file of a run's record in the store. `None` if there is no such object.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<String>> {
        let mut text = String::new();
        let read = |mut object: Box<dyn Read + Send>| object.read_to_string(&mut text);
        match self.store.open(&format!("{RECORD}/{name}")).and_then(read) {
            Ok(_) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Prepares the store for a new run: output of an earlier run is removed, its lists last.
    pub(crate) fn take(&self, left: &[Object]) -> Result<(), Error> {
        let mut names: Vec<&str> = left.iter().map(|object| object.name.as_str()).collect();
        names.sort_by_key(|name| (is_record(name), is_list(name)));
        names.into_iter().try_for_each(|name| self.store.remove(name)).map_err(self.failed())
    }

    /// Lists files in the store before they are sent, one per line; `at` numbers the lists of a
    /// run, and is the same each time for the same list.
    pub(crate) fn announce(&self, lines: &str, at: u64) -> Result<(), Error> {
        let file = self.root.join(RECORD).join(ANNOUNCED);
        std::fs::write(&file, lines)
            .and_then(|()| self.store.put(&format!("{RECORD}/{ANNOUNCED}/{at:012}"), &file))
            .and_then(|()| std::fs::remove_file(&file))
            .map_err(self.failed())
    }

    /// Sends a finished file.
    pub(crate) fn ship(&self, name: &str) -> Result<(), Error> {
        let file = names::below(&self.root, name);
        self.store
            .put(&names::key(name), &file)
            .and_then(|()| std::fs::remove_file(&file))
            .map_err(|error| Error::Output(format!("{}/{name}", self.store.address()), error))
    }

    /// Sends the run's record except for `journal`, which is only used locally; `run.json`, which
    /// marks the run as finished, is sent last.
    pub(crate) fn ship_record(&self, journal: &str) -> Result<(), Error> {
        let folder = self.root.join(RECORD);
        let mut names = Vec::new();
        for entry in walkdir::WalkDir::new(&folder).sort_by_file_name() {
            let entry = entry.map_err(|error| self.failed()(error.into()))?;
            let below = entry.path().strip_prefix(&folder).unwrap_or(entry.path());
            if entry.file_type().is_file() && below != Path::new(journal) {
                names.extend(below.to_str().map(str::to_owned));
            }
        }
        names.sort_by_key(|name| name == "run.json");
        for name in names {
            let put = self.store.put(&format!("{RECORD}/{name}"), &folder.join(&name));
            put.map_err(self.failed())?;
        }
        // When the record is complete, the lists are not needed any more.
        let announced = format!("{RECORD}/{ANNOUNCED}/");
        let lists = self.store.list().map_err(self.failed())?;
        let lists = lists.filter(|object| match object {
            Ok(object) => object.name.starts_with(&announced),
            Err(_) => true,
        });
        let lists: Vec<Object> = lists.collect::<io::Result<_>>().map_err(self.failed())?;
        lists.iter().try_for_each(|list| self.store.remove(&list.name)).map_err(self.failed())
    }
}
