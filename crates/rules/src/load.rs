//! Which rule files a run reads, and how: parsed, or as an earlier run packed them.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::cache::{self, Key};
use crate::file::{Reading, RuleFile};
use crate::lexicon::Lexicon;
use crate::packed::{Packed, PackedFile, pack};
use crate::set::RuleSet;
use crate::yaml::Problem;

/// The rule files that ship with Chaffinch: name below `rules/`, and text.
pub static SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// Which rules matter, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Generic rules that name another language than these are left out; none if this is none.
    pub languages: Option<&'a [String]>,
    /// Rules addressed to other stages than these match nothing; if this is none, all match.
    pub running: Option<&'a [&'a str]>,
    /// What the rules are for.
    pub purpose: Purpose<'a>,
}

/// What rules are loaded for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// To be proved and shown: with their cases and examples.
    Proof,
    /// To clean: without them, and packed until a document needs them.
    Run {
        /// Where packed rules are kept for the next run.
        cache: Option<&'a Path>,
    },
}

impl Wanted<'_> {
    /// All rules, with what proves them.
    pub const ALL: Wanted<'static> =
        Wanted { languages: None, running: None, purpose: Purpose::Proof };

    pub(crate) fn speaks(&self, language: Option<&str>) -> bool {
        let known = |language: &str| {
            self.languages.is_none_or(|all| all.iter().any(|other| other == language))
        };
        language.is_none_or(known)
    }
}

/// A rule file that is to be read.
pub(crate) struct Source<'t> {
    /// As it is called in problems.
    pub(crate) file: String,
    pub(crate) origin: Origin<'t>,
}

/// Where the text of a rule file is.
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
        RuleFile::parse_as(&self.file, &text, Reading { stages, shipped, prepare, lexicon })
    }
}

/// The rule files of a set, read.
pub(crate) enum Files {
    Parsed(Vec<RuleFile>),
    Packed(Packed),
}

/// Gives the text of a rule file by its name, to show a place in it.
pub(crate) type Text<'a> = &'a dyn Fn(&str) -> String;

impl RuleSet {
    /// The shipped generic rules with the shipped outlets.
    ///
    /// # Errors
    /// What is wrong with the rules; nothing, for stages that know the built-in names.
    pub fn shipped(stages: &[&str]) -> Result<RuleSet, Vec<Problem>> {
        RuleSet::load(&[], &[], stages, &Wanted::ALL)
    }

    /// The shipped generic rules with the rule files below `directories`, or with the shipped
    /// outlets where none is given; `files` are more rule files, by name and text. A directory's own
    /// `generic/` replaces the shipped one; files in its `lexicon/` replace the shipped ones of their
    /// languages.
    ///
    /// # Errors
    /// Everything that is wrong with the files, all at once.
    pub fn load(
        directories: &[&Path],
        files: &[(String, String)],
        stages: &[&str],
        wanted: &Wanted<'_>,
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
                Files::Parsed(sound(sources.par_iter().map(parse).collect(), &mut problems))
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

/// The lexicon with the lexicon files among the sources, which it takes; none if there are no such
/// files.
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

/// All files, packed: what is `known` from before is taken as it is, the rest is read. Whether
/// anything is new.
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
    let files = sound(sources.par_iter().zip(&keys).map(pack).collect(), problems);
    (Files::Packed(Packed::of(files)), true)
}

/// What was made of shipped files: a process that makes several pipelines reads these files once.
struct Once<T>(LazyLock<Mutex<FxHashMap<String, T>>>);

static SHIPPED_PARSED: Once<RuleFile> = Once(LazyLock::new(Mutex::default));
static SHIPPED_PACKED: Once<PackedFile> = Once(LazyLock::new(Mutex::default));

impl<T: Clone> Once<T> {
    /// What `make` makes of a file for these stages. Files that did not ship, and files that are
    /// read with another lexicon, are not kept.
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

/// Packs again what was read from `file` under `key`; none if it is another by now.
pub(crate) fn pack_again(file: &str, key: Key, stages: &[&str]) -> Option<PackedFile> {
    let shipped = SHIPPED.iter().find(|(name, _)| file.strip_prefix("rules/") == Some(name));
    // Where both have the name, the key tells which it was.
    let origins = [Origin::Disk(file.into())];
    let origins = origins.into_iter().chain(shipped.map(|(_, text)| Origin::Shipped(text)));
    let origin = origins.into_iter().find(|origin| key.is_some() && cache::key(origin) == key)?;
    let source = Source { file: file.to_owned(), origin };
    Some(pack(source.parse(stages, true, None).ok()?, key))
}

/// Whether these files, and no others, are `known`, unchanged.
fn is_same(known: &Packed, sources: &[Source<'_>], keys: &[Key]) -> bool {
    let mut all = known.files().zip(sources).zip(keys);
    known.len() == sources.len()
        && all
            .all(|(((file, own), source), key)| key.is_some() && own == *key && file == source.file)
}

/// What could be read; what is wrong with the rest goes to `problems`.
fn sound<T>(files: Vec<Result<T, Vec<Problem>>>, problems: &mut Vec<Problem>) -> Vec<T> {
    let keep = |file: Result<T, Vec<Problem>>| file.map_err(|found| problems.extend(found)).ok();
    files.into_iter().filter_map(keep).collect()
}

/// All rule files that are meant, in order, and directories that cannot be read.
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

/// Whether a file lies in a folder of this name.
fn is_in(file: &str, folder: &str) -> bool {
    Path::new(file).parent().is_some_and(|parent| parent.ends_with(folder))
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::whole(&path.display().to_string(), error.to_string())
}

/// The rule files below a directory, by name and text.
///
/// # Errors
/// The directory or a file of it cannot be read.
pub fn files_in(directory: &Path) -> Result<Vec<(String, String)>, Problem> {
    let read = |(name, path): (String, PathBuf)| match fs::read_to_string(&path) {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(unreadable(&path, &error)),
    };
    paths_in(directory)?.into_iter().map(read).collect()
}

/// The rule files below a directory, by name.
fn paths_in(directory: &Path) -> Result<Vec<(String, PathBuf)>, Problem> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    if !directory.is_dir() {
        let shown = directory.display().to_string();
        return Err(Problem::whole(&shown, "there is no such directory of rule files"));
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))? {
            let entry = entry.map_err(|error| unreadable(&folder, &error))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| unreadable(&path, &error))?;
            if kind.is_dir() || kind.is_symlink() && path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                // Almost all names are UTF-8, and then it is there already.
                let shown = path.to_str().map_or_else(|| path.display().to_string(), str::to_owned);
                files.push((shown, path));
            }
        }
    }
    files.sort();
    Ok(files)
}
