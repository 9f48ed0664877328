//! The rule files of a run before they are parsed: where their texts come from, and keys that change
//! when they change.

use std::borrow::Cow;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use crate::authoring::{Lexicon, ParseOptions, Problem, RuleFile, SHIPPED, yaml};

/// A rule file to load.
pub(crate) struct Source<'t> {
    /// Its name in messages.
    pub(crate) file: String,
    pub(crate) origin: Origin<'t>,
}

/// Where the text of a rule file comes from.
pub(crate) enum Origin<'t> {
    Disk(PathBuf),
    Given(&'t str),
    Shipped(&'static str),
}

impl Source<'_> {
    pub(crate) fn text(&self) -> Result<Cow<'_, str>, Problem> {
        match &self.origin {
            Origin::Given(text) | Origin::Shipped(text) => Ok(Cow::Borrowed(text)),
            Origin::Disk(path) => Ok(Cow::Owned(read(&self.file, path)?)),
        }
    }

    /// Parses the file, whose text is `text`, to pack it.
    pub(super) fn parse(
        &self,
        text: &str,
        stages: &[&str],
        lexicon: Option<&Lexicon>,
    ) -> Result<RuleFile, Vec<Problem>> {
        // Tests have checked what is embedded.
        let shipped = self.is_shipped() && cfg!(not(rules_on_disk));
        let options = ParseOptions { stages, shipped, prepare: true, lexicon };
        RuleFile::parse_as(&self.file, text, options)
    }

    pub(super) fn is_shipped(&self) -> bool {
        matches!(self.origin, Origin::Shipped(_))
    }
}

/// A digest of everything that decides what a rule file is packed to, except its name and the build.
pub(super) fn content(text: &str, stages: &[&str], lexicon: Option<&Lexicon>) -> u128 {
    let mut content = Xxh3Default::new();
    let mut add = |bytes: &[u8]| {
        content.update(&(bytes.len() as u64).to_le_bytes());
        content.update(bytes);
    };
    stages.iter().for_each(|stage| add(stage.as_bytes()));
    add(&lexicon.map_or(0, Lexicon::digest).to_le_bytes());
    add(text.as_bytes());
    content.digest128()
}

/// The age from which a file's timestamp is reliable. File systems have a resolution of up to two
/// seconds, so a younger file may change again without a new timestamp.
const SETTLED: Duration = Duration::from_secs(2);

/// Identifies the content of a rule file without reading it. `None` if that is not possible.
pub(crate) type Key = Option<u128>;

/// The key of a rule file with a lexicon, if it is not the shipped one. Must be computed before the
/// file is read.
pub(super) fn key(origin: &Origin<'_>, lexicon: Option<&Lexicon>) -> Key {
    // With another lexicon, the same file has other patterns.
    Some(content_key(origin)? ^ lexicon.map_or(0, Lexicon::digest))
}

fn content_key(origin: &Origin<'_>) -> Key {
    match origin {
        // Covered by the digest of the build.
        Origin::Shipped(_) => Some(0),
        Origin::Given(text) => Some(xxh3_128(text.as_bytes())),
        Origin::Disk(path) => {
            let metadata = fs::metadata(path).ok()?;
            let mut key = Xxh3Default::new();
            key.update(&metadata.len().to_le_bytes());
            let now = SystemTime::now();
            for time in times(&metadata) {
                now.duration_since(time).ok().filter(|past| *past >= SETTLED)?;
                let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
                key.update(&since.as_nanos().to_le_bytes());
            }
            Some(key.digest128())
        }
    }
}

/// The timestamps that change when a file changes.
#[cfg(unix)]
fn times(metadata: &Metadata) -> impl Iterator<Item = SystemTime> {
    use std::os::unix::fs::MetadataExt;
    // Unlike the modification time, this one cannot be set by programs.
    let changed = u64::try_from(metadata.ctime()).ok().map(Duration::from_secs);
    let nanos = u64::try_from(metadata.ctime_nsec()).ok().map(Duration::from_nanos);
    let changed = changed.zip(nanos).map(|(secs, nanos)| SystemTime::UNIX_EPOCH + secs + nanos);
    metadata.modified().ok().into_iter().chain(changed)
}

/// The timestamps that change when a file changes.
#[cfg(not(unix))]
fn times(metadata: &Metadata) -> impl Iterator<Item = SystemTime> {
    metadata.modified().ok().into_iter()
}

/// All rule files to load, in order, and the problems with directories that cannot be read.
pub(super) fn sources<'t>(
    directories: &[&Path],
    files: &'t [(String, String)],
) -> (Vec<Source<'t>>, Vec<Problem>) {
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    for directory in directories {
        match paths_in(directory) {
            Ok(paths) => sources.extend(
                paths.into_iter().map(|(file, path)| Source { file, origin: Origin::Disk(path) }),
            ),
            Err(problem) => problems.push(problem),
        }
    }
    sources.extend(
        files.iter().map(|(file, text)| Source { file: file.clone(), origin: Origin::Given(text) }),
    );
    let own_generic = sources.iter().any(|source| is_generic(&source.file));
    for (name, text) in SHIPPED.iter().filter(|(name, _)| !is_in(name, "lexicon")) {
        let generic = is_generic(name);
        if generic && !own_generic || !generic && directories.is_empty() && files.is_empty() {
            let file = format!("rules/{name}");
            sources.push(Source { file, origin: Origin::Shipped(text) });
        }
    }
    (sources, problems)
}

fn is_generic(file: &str) -> bool {
    is_in(file, "generic")
}

/// Whether a file is in a folder of this name.
fn is_in(file: &str, folder: &str) -> bool {
    Path::new(file).parent().is_some_and(|parent| parent.ends_with(folder))
}

/// The text of the file at `path`, which messages call `name`.
fn read(name: &str, path: &Path) -> Result<String, Problem> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    yaml::decode(name, bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::whole(&path.display().to_string(), error.to_string())
}

/// The rule files below a directory, as name and text.
///
/// # Errors
/// If the directory or a file in it cannot be read, or if it has files but none of rules.
pub fn files_in(directory: &Path) -> Result<Vec<(String, String)>, Problem> {
    let read = |(name, path): (String, PathBuf)| {
        let text = read(&name, &path)?;
        Ok((name, text))
    };
    paths_in(directory)?.into_iter().map(read).collect()
}

/// The rule files below a directory, as name and path.
fn paths_in(directory: &Path) -> Result<Vec<(String, PathBuf)>, Problem> {
    let mut files = Vec::new();
    let mut has_others = false;
    let mut folders = vec![directory.to_owned()];
    if !directory.is_dir() {
        let shown = directory.display().to_string();
        let message = match directory.exists() {
            true => "this is a file; give the directory that contains it",
            false => "there is no such directory",
        };
        return Err(Problem::whole(&shown, message));
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))? {
            let entry = entry.map_err(|error| unreadable(&folder, &error))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
            if kind.is_dir() || kind.is_symlink() && path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                // Almost all names are UTF-8 and need no conversion.
                let shown = path.to_str().map_or_else(|| path.display().to_string(), str::to_owned);
                files.push((shown, path));
            } else {
                // Files such as .gitkeep do not count.
                has_others |= !entry.file_name().as_encoded_bytes().starts_with(b".");
            }
        }
    }
    // An empty directory means no rules; one with other files is probably the wrong directory.
    if files.is_empty() && has_others {
        let shown = directory.display().to_string();
        let message = "there are no rule files here; their names end with .yaml or .yml";
        return Err(Problem::whole(&shown, message));
    }
    files.sort();
    Ok(files)
}

/// Removes the lexicon files from `sources` and makes a lexicon with them. `None` if there are
/// none.
pub(super) fn own_lexicon(
    sources: &mut Vec<Source<'_>>,
    problems: &mut Vec<Problem>,
) -> Option<Arc<Lexicon>> {
    let own = sources.extract_if(.., |source| is_in(&source.file, "lexicon"));
    let own: Vec<(String, String)> = own
        .filter_map(|source| match source.text() {
            Ok(text) => Some((source.file.clone(), text.into_owned())),
            Err(problem) => {
                problems.push(problem);
                None
            }
        })
        .collect();
    if own.is_empty() {
        return None;
    }
    let (lexicon, found) = Lexicon::with(&own);
    problems.extend(found);
    Some(lexicon.into())
}
