//! Loads the rule files of a run: parses them, or reuses what an earlier run has packed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::cache;
use super::pack::{PackedFile, pack};
use super::packed::Packed;
use super::source::{self, Key, Origin, Source};
use crate::authoring::{Lexicon, Problem, RuleFile};

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

/// The loaded rule files of a run.
pub(crate) struct Loaded<'t> {
    pub(crate) files: Files,
    pub(crate) texts: Texts<'t>,
    /// The lexicon, if lexicon files replace shipped ones.
    pub(crate) lexicon: Option<Arc<Lexicon>>,
    /// The problems in the files that could not be loaded.
    pub(crate) problems: Vec<Problem>,
    /// Where in the cache the files are to be kept, if any is new.
    pub(crate) new: Option<PathBuf>,
}

/// The loaded rule files of a set.
pub(crate) enum Files {
    Parsed(Vec<RuleFile>),
    Packed(Packed),
}

/// The texts of rule files by their names, to show a line of one in a message.
pub(crate) struct Texts<'t>(Vec<Source<'t>>);

impl Texts<'_> {
    /// The text of a file; empty if it cannot be read.
    pub(crate) fn of(&self, file: &str) -> String {
        let source = self.0.iter().find(|source| source.file == file);
        source.and_then(|source| Some(source.text().ok()?.into_owned())).unwrap_or_default()
    }
}

/// Loads the shipped generic rules and the rule files below `directories`, or the shipped outlets if
/// none are given. `files` are further rule files, as name and text.
pub(crate) fn load<'t>(
    directories: &[&Path],
    files: &'t [(String, String)],
    stages: &[&str],
    purpose: Purpose<'_>,
) -> Loaded<'t> {
    let (mut sources, mut problems) = source::sources(directories, files);
    let own_lexicon = source::own_lexicon(&mut sources, &mut problems);
    let lexicon = own_lexicon.as_deref();
    let mut changed = None;
    let files = match purpose {
        Purpose::Proof => {
            let parse = |source: &Source<'_>| {
                let parse = || source.parse(stages, false, lexicon);
                SHIPPED_PARSED.get(source, stages, lexicon, parse)
            };
            Files::Parsed(valid(sources.par_iter().map(parse).collect(), &mut problems))
        }
        Purpose::Run { cache } => {
            let place = cache.map(|cache| cache::place(cache, stages, directories));
            let known = place
                .as_deref()
                .and_then(|place| Packed::open(place, stages, own_lexicon.as_ref()));
            let (files, new) = pack_all(&sources, stages, lexicon, known, &mut problems);
            changed = place.filter(|_| new);
            files
        }
    };
    Loaded { files, texts: Texts(sources), lexicon: own_lexicon, problems, new: changed }
}

/// Packs all files, reusing the unchanged ones of `known`. Also returns whether anything is new.
fn pack_all(
    sources: &[Source<'_>],
    stages: &[&str],
    lexicon: Option<&Lexicon>,
    known: Option<Packed>,
    problems: &mut Vec<Problem>,
) -> (Files, bool) {
    let key = |source: &Source<'_>| source::key(&source.origin, lexicon);
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
