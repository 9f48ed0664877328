//! Loads the rule files of a run: parses them, or reuses what an earlier run has packed.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::authoring::{Lexicon, ParseOptions, Problem, RuleFile, SHIPPED};
use crate::cache::{self, Key};
use crate::packed::{Packed, PackedFile, pack};
use crate::set::RuleSet;

/// Options for loading rules.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions<'a> {
    /// The languages of generic rules to load. Rules without a language are always loaded. `None`
    /// loads all.
    pub languages: Option<&'a [String]>,
    /// The stages that run. Rules of other stages are loaded but match nothing. `None` means all
    /// stages.
    pub running: Option<&'a [&'a str]>,
    /// What the rules are loaded for.
    pub purpose: Purpose<'a>,
}

/// What rules are loaded for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// Checking and displaying: with cases and examples.
    Proof,
    /// Cleaning: without them, and packed until a document needs them.
    Run {
        /// The directory in which packed rules are cached for the next run.
        cache: Option<&'a Path>,
    },
}

impl LoadOptions<'_> {
    /// Loads all rules with their cases and examples.
    pub const ALL: LoadOptions<'static> =
        LoadOptions { languages: None, running: None, purpose: Purpose::Proof };

    pub(crate) fn includes(&self, language: Option<&str>) -> bool {
        let known = |language: &str| {
            self.languages.is_none_or(|all| all.iter().any(|other| other == language))
        };
        language.is_none_or(known)
    }
}

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
            Origin::Disk(path) => match fs::read_to_string(path) {
                Ok(text) => Ok(Cow::Owned(text)),
                Err(error) => Err(unreadable(path, &error)),
            },
        }
    }

    fn parse(
        &self,
        stages: &[&str],
        prepare: bool,
        lexicon: Option<&Lexicon>,
    ) -> Result<RuleFile, Vec<Problem>> {
        let text = self.text().map_err(|problem| vec![problem])?;
        let shipped = matches!(self.origin, Origin::Shipped(_));
        RuleFile::parse_as(&self.file, &text, ParseOptions { stages, shipped, prepare, lexicon })
    }
}

/// The loaded rule files of a set.
pub(crate) enum Files {
    Parsed(Vec<RuleFile>),
    Packed(Packed),
}

/// Returns the text of a rule file by its name, to show a line of it in a message.
pub(crate) type Text<'a> = &'a dyn Fn(&str) -> String;

impl RuleSet {
    /// Loads the shipped generic rules and the shipped outlets.
    ///
    /// # Errors
    /// All problems in the rules; none if `stages` contains the built-in names.
    pub fn shipped(stages: &[&str]) -> Result<RuleSet, Vec<Problem>> {
        RuleSet::load(&[], &[], stages, &LoadOptions::ALL)
    }

    /// Loads the shipped generic rules and the rule files below `directories`, or the shipped
    /// outlets if none are given. `files` are further rule files, as name and text. A directory's
    /// own `generic/` replaces the shipped one; files in its `lexicon/` replace the shipped ones of
    /// their languages.
    ///
    /// # Errors
    /// All problems in the files.
    pub fn load(
        directories: &[&Path],
        files: &[(String, String)],
        stages: &[&str],
        wanted: &LoadOptions<'_>,
    ) -> Result<RuleSet, Vec<Problem>> {
        let (mut sources, mut problems) = sources(directories, files);
        let own_lexicon = own_lexicon(&mut sources, &mut problems);
        let lexicon = own_lexicon.as_ref();
        let text = |file: &str| {
            let source = sources.iter().find(|source| source.file == file);
            source.and_then(|source| Some(source.text().ok()?.into_owned())).unwrap_or_default()
        };
        let mut changed = None;
        let files = match wanted.purpose {
            Purpose::Proof => {
                let parse = |source: &Source<'_>| {
                    let parse = || source.parse(stages, false, lexicon);
                    SHIPPED_PARSED.get(source, stages, lexicon, parse)
                };
                Files::Parsed(valid(sources.par_iter().map(parse).collect(), &mut problems))
            }
            Purpose::Run { cache } => {
                let place = cache.map(|cache| cache::place(cache, stages, directories));
                let known = place.as_deref().and_then(|place| Packed::open(place, stages));
                let (files, new) = pack_all(&sources, stages, lexicon, known, &mut problems);
                changed = place.filter(|_| new);
                files
            }
        };
        let set = RuleSet::build(files, &text, &mut problems, wanted);
        if !problems.is_empty() {
            return Err(problems);
        }
        if let Some(place) = changed {
            cache::keep(&place, set.packed());
        }
        Ok(set.with_lexicon(own_lexicon))
    }
}

/// Removes the lexicon files from `sources` and makes a lexicon with them. `None` if there are
/// none.
fn own_lexicon(sources: &mut Vec<Source<'_>>, problems: &mut Vec<Problem>) -> Option<Lexicon> {
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
    Some(lexicon)
}

/// Packs all files, reusing the unchanged ones of `known`. Also returns whether anything is new.
fn pack_all(
    sources: &[Source<'_>],
    stages: &[&str],
    lexicon: Option<&Lexicon>,
    known: Option<Packed>,
    problems: &mut Vec<Problem>,
) -> (Files, bool) {
    // With another lexicon, the same file has other patterns.
    let digest = lexicon.map_or(0, Lexicon::digest);
    let key = |source: &Source<'_>| cache::key(&source.origin).map(|key| key ^ digest);
    let keys: Vec<Key> = sources.par_iter().map(key).collect();
    let known = known.unwrap_or_default();
    if is_same(&known, sources, &keys) {
        return (Files::Packed(known), false);
    }
    let places: FxHashMap<_, _> = known.files().zip(0..).collect();
    let pack = |(source, key): (&Source<'_>, &Key)| {
        let place = key.and_then(|_| places.get(&(source.file.as_str(), *key)));
        if let Some(file) = place.and_then(|at| known.file(*at)) {
            return Ok(file);
        }
        let pack = || Ok(pack(source.parse(stages, true, lexicon)?, *key));
        SHIPPED_PACKED.get(source, stages, lexicon, pack)
    };
    let files = valid(sources.par_iter().zip(&keys).map(pack).collect(), problems);
    (Files::Packed(Packed::of(files)), true)
}

/// The results for shipped files, so that a process that makes several pipelines reads them once.
struct ShippedCache<T>(LazyLock<Mutex<FxHashMap<String, T>>>);

static SHIPPED_PARSED: ShippedCache<RuleFile> = ShippedCache(LazyLock::new(Mutex::default));
static SHIPPED_PACKED: ShippedCache<PackedFile> = ShippedCache(LazyLock::new(Mutex::default));

impl<T: Clone> ShippedCache<T> {
    /// The result of `make` for a file and these stages, made once. Files that are not shipped, or
    /// are loaded with another lexicon, are not cached.
    fn get(
        &self,
        source: &Source<'_>,
        stages: &[&str],
        lexicon: Option<&Lexicon>,
        make: impl FnOnce() -> Result<T, Vec<Problem>>,
    ) -> Result<T, Vec<Problem>> {
        if !matches!(source.origin, Origin::Shipped(_)) || lexicon.is_some() {
            return make();
        }
        let name = format!("{} {stages:?}", source.file);
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = known().get(&name) {
            return Ok(made.clone());
        }
        let made = make()?;
        known().insert(name, made.clone());
        Ok(made)
    }
}

/// Packs `file` again if it still has the key `key`.
pub(crate) fn pack_again(file: &str, key: Key, stages: &[&str]) -> Option<PackedFile> {
    let shipped = SHIPPED.iter().find(|(name, _)| file.strip_prefix("rules/") == Some(name));
    // If a file on disk has the name of a shipped one, the key decides.
    let origins = [Origin::Disk(file.into())];
    let origins = origins.into_iter().chain(shipped.map(|(_, text)| Origin::Shipped(text)));
    let origin = origins.into_iter().find(|origin| key.is_some() && cache::key(origin) == key)?;
    let source = Source { file: file.to_owned(), origin };
    Some(pack(source.parse(stages, true, None).ok()?, key))
}

/// Whether `known` contains exactly these files, unchanged.
fn is_same(known: &Packed, sources: &[Source<'_>], keys: &[Key]) -> bool {
    let mut all = known.files().zip(sources).zip(keys);
    known.len() == sources.len()
        && all
            .all(|(((file, own), source), key)| key.is_some() && own == *key && file == source.file)
}

/// The files that could be loaded. The problems of the others are added to `problems`.
fn valid<T>(files: Vec<Result<T, Vec<Problem>>>, problems: &mut Vec<Problem>) -> Vec<T> {
    let keep = |file: Result<T, Vec<Problem>>| file.map_err(|found| problems.extend(found)).ok();
    files.into_iter().filter_map(keep).collect()
}

/// All rule files to load, in order, and the problems with directories that cannot be read.
fn sources<'t>(
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

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::whole(&path.display().to_string(), error.to_string())
}

/// The rule files below a directory, as name and text.
///
/// # Errors
/// If the directory or a file in it cannot be read.
pub fn files_in(directory: &Path) -> Result<Vec<(String, String)>, Problem> {
    let read = |(name, path): (String, PathBuf)| match fs::read_to_string(&path) {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(unreadable(&path, &error)),
    };
    paths_in(directory)?.into_iter().map(read).collect()
}

/// The rule files below a directory, as name and path.
fn paths_in(directory: &Path) -> Result<Vec<(String, PathBuf)>, Problem> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    if !directory.is_dir() {
        let shown = directory.display().to_string();
        return Err(Problem::whole(&shown, "no such directory"));
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
            }
        }
    }
    files.sort();
    Ok(files)
}
