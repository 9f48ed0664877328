//! Loads the rule files of a run: parses them, or reuses what an earlier run has packed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::cache;
use super::pack::{PackedFile, pack};
use super::packed::Packed;
use super::source::{self, Key, Source};
use crate::authoring::{Lexicon, Problem};

/// Options for loading rules.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions<'a> {
    /// The languages of generic rules to load. Rules without a language are always loaded. `None`
    /// loads all.
    pub languages: Option<&'a [String]>,
    /// The stages that run. Rules of other stages are loaded but match nothing. `None` means all
    /// stages.
    pub running: Option<&'a [&'a str]>,
    /// The directory in which packed rules are cached for the next run.
    pub cache: Option<&'a Path>,
    /// Whether to add new packed rules to the cache. Rules that the next run will not load from the
    /// same directories would only fill it.
    pub keep: bool,
}

impl LoadOptions<'_> {
    /// Loads all rules, without a cache.
    pub const ALL: LoadOptions<'static> =
        LoadOptions { languages: None, running: None, cache: None, keep: false };

    pub(crate) fn includes(&self, language: Option<&str>) -> bool {
        let known = |language: &str| {
            self.languages.is_none_or(|all| all.iter().any(|other| other == language))
        };
        language.is_none_or(known)
    }
}

/// The loaded rule files of a run.
pub(crate) struct Loaded<'t> {
    pub(crate) files: Packed,
    pub(crate) texts: Texts<'t>,
    /// The lexicon, if lexicon files replace shipped ones.
    pub(crate) lexicon: Option<Arc<Lexicon>>,
    /// The problems in the files that could not be loaded.
    pub(crate) problems: Vec<Problem>,
    /// Where in the cache the files are to be kept, if any is new.
    pub(crate) new: Option<PathBuf>,
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
    LoadOptions { cache, keep, .. }: LoadOptions<'_>,
) -> Loaded<'t> {
    let given = !files.is_empty();
    let (mut sources, mut problems) = source::sources(directories, files);
    let own_lexicon = source::own_lexicon(&mut sources, &mut problems);
    let (own, lexicon) = (own_lexicon.as_ref(), own_lexicon.as_deref());
    let place = cache.map(|cache| cache::place(cache, stages, directories, given));
    let open = |path: &Path| Packed::open(path, stages, own);
    let known = place.as_deref().and_then(open);
    let stored = LazyLock::new(|| Stored::open(cache, open));
    let (files, new) = pack_all(&sources, stages, lexicon, known, &stored, &mut problems);
    drop(stored);
    let new = place.filter(|_| new && keep);
    Loaded { files, texts: Texts(sources), lexicon: own_lexicon, problems, new }
}

/// Packs all files, reusing the unchanged ones of `known`, and of those that are `stored` the ones
/// with the same content. Also returns whether anything is new.
fn pack_all(
    sources: &[Source<'_>],
    stages: &[&str],
    lexicon: Option<&Lexicon>,
    known: Option<Packed>,
    stored: &LazyLock<Stored, impl FnOnce() -> Stored + Send + Sync>,
    problems: &mut Vec<Problem>,
) -> (Packed, bool) {
    let key = |source: &Source<'_>| source::key(&source.origin, lexicon);
    let keys: Vec<Key> = sources.par_iter().map(key).collect();
    let known = known.unwrap_or_default();
    if is_same(&known, sources, &keys) {
        return (known, false);
    }
    let places: FxHashMap<_, _> = known.files().zip(0..).collect();
    let pack = |(source, key): (&Source<'_>, &Key)| {
        let place = key.and_then(|_| places.get(&(source.file.as_str(), *key)));
        if let Some(file) = place.and_then(|at| known.file(*at)) {
            return Ok(file);
        }
        let text = source.text().map_err(|problem| vec![problem])?;
        let content = source::content(&text, stages, lexicon);
        let packed = || SHIPPED_PACKED.lock().unwrap_or_else(PoisonError::into_inner);
        let known = packed().get(&content).cloned();
        if let Some(file) = known.or_else(|| stored.find(content)) {
            return Ok(file.renamed(&source.file, *key));
        }
        let file = pack(source.parse(&text, stages, lexicon)?, *key, content);
        if source.is_shipped() {
            packed().insert(content, file.clone());
        }
        Ok(file)
    };
    let files = valid(sources.par_iter().zip(&keys).map(pack).collect(), problems);
    (Packed::of(files), true)
}

/// The packed files in a cache by their contents, whichever directories they were loaded from.
#[derive(Default)]
struct Stored {
    caches: Vec<Packed>,
    /// The index of the cache file, and of the rule file in it.
    places: FxHashMap<u128, (usize, usize)>,
}

impl Stored {
    fn open(cache: Option<&Path>, open: impl Fn(&Path) -> Option<Packed>) -> Stored {
        let paths = cache.map(cache::newest).unwrap_or_default();
        let mut stored = Stored::default();
        for packed in paths.iter().filter_map(|path| open(path)) {
            for (content, at) in packed.contents().zip(0..) {
                stored.places.entry(content).or_insert((stored.caches.len(), at));
            }
            stored.caches.push(packed);
        }
        stored
    }

    /// The packed file with this content. `None` if there is none, or it can no longer be read.
    fn find(&self, content: u128) -> Option<PackedFile> {
        let (cache, at) = self.places.get(&content)?;
        self.caches[*cache].file(*at)
    }
}

/// The packed shipped files, so that a process that makes several pipelines packs them once.
static SHIPPED_PACKED: LazyLock<Mutex<FxHashMap<u128, PackedFile>>> = LazyLock::new(Mutex::default);

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

#[cfg(test)]
mod tests {
    use super::super::source::Origin;
    use super::*;

    fn outlet(text: &str) -> String {
        format!(
            "outlet: daily\nrules:\n  - {{id: one, stage: promo, text: {text}, keeps: [Else]}}\n"
        )
    }

    fn source<'t>(file: &str, text: &'t str) -> Source<'t> {
        Source { file: file.to_owned(), origin: Origin::Given(text) }
    }

    /// The rules of a file, with a key of 0, under the content of `content`.
    fn packed(file: &Source<'_>, content: &Source<'_>) -> PackedFile {
        let text = file.text().unwrap();
        let file = file.parse(&text, &["promo"], None).unwrap();
        pack(file, Some(0), source::content(&content.text().unwrap(), &["promo"], None))
    }

    #[test]
    fn a_text_that_the_cache_contains_is_not_parsed_again() {
        let (share, follow) = (outlet("Share"), outlet("Follow"));
        let [old, other] = [source("old.yaml", &share), source("old.yaml", &follow)];
        // Only because the content is wrong can it be seen which rules are used.
        let caches = vec![Packed::of(vec![packed(&other, &old)])];
        let places = caches[0].contents().map(|content| (content, (0, 0))).collect();
        let stored = LazyLock::new(|| Stored { caches, places });
        let sources = [source("new.yaml", &share), source("next.yaml", &follow)];
        let mut problems = Vec::new();
        let (files, new) = pack_all(&sources, &["promo"], None, None, &stored, &mut problems);
        assert!(new && problems.is_empty());
        let key = |at: usize| source::key(&sources[at].origin, None);
        let names: Vec<_> = files.files().collect();
        assert_eq!(names, [("new.yaml", key(0)), ("next.yaml", key(1))]);
        let texts = [0, 1].map(|at| files.origins(at)[0].written.to_string());
        assert_eq!(texts, ["text: Follow", "text: Follow"]);
    }

    #[test]
    fn what_decides_the_rules_is_part_of_the_content() {
        let text = outlet("Share");
        let own = "lexicon: en\nname: English\nkinds:\n  share:\n    entries: [Spread it]\n    \
            removes: [Spread it]\n    keeps: [Nobody could spread it.]\n";
        let (lexicon, problems) = Lexicon::with(&[("lexicon/en.yaml".into(), own.into())]);
        assert!(problems.is_empty(), "{problems:?}");
        let contents = [
            source::content(&text, &["promo"], None),
            source::content(&outlet("Follow"), &["promo"], None),
            source::content(&text, &["promo", "share"], None),
            source::content(&text, &["promo"], Some(&lexicon)),
        ];
        for (at, content) in contents.iter().enumerate() {
            assert!(!contents[..at].contains(content), "{at}");
        }
    }
}
