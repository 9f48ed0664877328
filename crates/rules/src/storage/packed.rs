//! Packed rule files: parsed, checked, serialised to bytes, and unpacked when a document needs
//! them.
//!
//! Most runs see a few of ten thousand outlets, and a compiled rule takes ten times the memory of
//! its packed form. The same bytes are stored in a file for the next run (see [`super::cache`]).

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::cache;
use super::head::{Head, Listed};
use super::pack::{Numbered, PackedFile, Prefilters, pack};
use super::rules::{GenericRule, RulesBuilder};
use super::serial::{PackedOrigin, PackedRule, Proof, RuleOrigin, RunRule};
use super::source::{self, Key, Origin, Source};
use crate::authoring::{Lexicon, SHIPPED, Subject};
use crate::chars::{CLASSES, Chars};
use crate::matching::{PackedCompiled, PackedPhrases, Phrases, Pool};
use crate::table::{packed, read, take};

/// Packed rule files.
///
/// A file of them contains, in this order:
/// - the front: [`MAGIC`], a digest of the build, a digest of the rest of the front, its length, the
///   [`Header`], and the head and the rule summaries of each file;
/// - the classes and lists, which the rules of all files share;
/// - the index of the generic rules;
/// - for each file, its rules and what few runs need of them: prefilters and origins, and cases and
///   examples.
///
/// A run reads the first two parts and, of the others, what its documents need.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    /// The heads and the rule summaries of all files, possibly after other bytes.
    heads: Vec<u8>,
    slots: Vec<Slot>,
    classes: Vec<Arc<Chars>>,
    lists: Vec<Arc<Phrases>>,
    /// For each file, the numbers of the classes and then of the lists that its patterns use.
    numbers: Vec<u32>,
    storage: Storage,
}

/// One file among the packed ones.
#[derive(Debug)]
struct Slot {
    /// The ranges of its head and of its rule summaries in `heads`.
    head: Range<usize>,
    list: Range<usize>,
    /// Its rules, and what else is known about them.
    parts: [Part; 3],
    key: Key,
    content: u128,
    /// The ranges of its classes and of its lists in `numbers`.
    classes: Range<usize>,
    lists: Range<usize>,
}

/// The index in [`Slot::parts`] of the rules.
const RULES: usize = 0;

/// The index in [`Slot::parts`] of the prefilters and origins.
const REST: usize = 1;

/// The index in [`Slot::parts`] of the cases and examples.
const PROOF: usize = 2;

/// A part of a file of packed rules.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Part {
    /// Its number of bytes.
    length: u64,
    digest: u64,
    /// Its offset; not packed.
    #[serde(skip)]
    start: u64,
}

impl Part {
    fn of(bytes: &[u8]) -> Part {
        Part { length: bytes.len() as u64, digest: xxh3_64(bytes), start: 0 }
    }
}

/// Describes the rest of a file of packed rules.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Header {
    shared: Part,
    generic: Part,
    numbers: Vec<u32>,
    files: Vec<FileHeader>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FileHeader {
    /// The lengths in bytes of its head and of its rule summaries.
    head: usize,
    list: usize,
    parts: [Part; 3],
    key: Key,
    content: u128,
    /// How many classes and lists its patterns use.
    classes: usize,
    lists: usize,
}

/// The storage of the parts of packed rules.
#[derive(Debug)]
enum Storage {
    /// In memory: the index of the generic rules, which is made on first use, and the parts of each
    /// file.
    Memory { generic: OnceLock<Arc<[u8]>>, files: Vec<[Arc<[u8]>; 3]> },
    File {
        file: Mutex<File>,
        path: PathBuf,
        generic: Part,
        /// The stages that rule files may name, for files that must be parsed again.
        stages: Vec<String>,
        /// The lexicon of these files, if it is not the shipped one.
        lexicon: Option<Arc<Lexicon>>,
    },
}

impl Default for Storage {
    fn default() -> Storage {
        Storage::Memory { generic: OnceLock::new(), files: Vec::new() }
    }
}

impl Packed {
    /// Combines packed files.
    pub(crate) fn of(files: Vec<PackedFile>) -> Packed {
        let (mut classes, mut lists) = (Numbered::default(), Numbered::default());
        let (mut packed, mut parts) = (Packed::default(), Vec::new());
        for file in files {
            let start = packed.heads.len();
            packed.heads.extend(file.head);
            let head = start..packed.heads.len();
            packed.heads.extend(file.list);
            let first = packed.numbers.len();
            packed.numbers.extend(file.classes.into_iter().map(|class| classes.number(class)));
            let middle = packed.numbers.len();
            packed.numbers.extend(file.lists.into_iter().map(|list| lists.number(list)));
            packed.slots.push(Slot {
                list: head.end..packed.heads.len(),
                head,
                parts: file.parts.each_ref().map(|part| Part::of(part)),
                key: file.key,
                content: file.content,
                classes: first..middle,
                lists: middle..packed.numbers.len(),
            });
            parts.push(file.parts);
        }
        (packed.classes, packed.lists) = (classes.all, lists.all);
        packed.storage = Storage::Memory { generic: OnceLock::new(), files: parts };
        packed
    }

    /// Opens a file written by [`Packed::write`] for these stages and this lexicon, if it is not the
    /// shipped one. `None` if the file is incomplete or damaged, or another build wrote it. The parts
    /// that few runs need remain in the file and are checked against their digests when they are read.
    pub(crate) fn open(
        path: &Path,
        stages: &[&str],
        lexicon: Option<&Arc<Lexicon>>,
    ) -> Option<Packed> {
        let mut file = File::open(path).ok()?;
        let bytes = file.metadata().ok()?.len();
        let mut start = [0; START];
        file.read_exact(&mut start).ok()?;
        let rest = start.strip_prefix(MAGIC)?.strip_prefix(&cache::build().to_le_bytes())?;
        let (digest, length) = rest.split_first_chunk()?;
        let length = u64::from_le_bytes(*length.first_chunk()?);
        // A damaged length must not cause a huge allocation.
        (length <= bytes).then_some(())?;
        let mut front = Vec::with_capacity(length as usize);
        (&mut file).take(length).read_to_end(&mut front).ok()?;
        (xxh3_64(&front) == u64::from_le_bytes(*digest)).then_some(())?;
        let (mut header, heads): (Header, _) = postcard::take_from_bytes(&front).ok()?;
        let mut at = front.len() - heads.len();
        let mut end = start.len() as u64 + length;
        let files = header.files.iter_mut().flat_map(|file| &mut file.parts);
        for part in [&mut header.shared, &mut header.generic].into_iter().chain(files) {
            (part.start, end) = (end, end.checked_add(part.length)?);
        }
        (end == bytes).then_some(())?;
        let shared = read_part(&mut file, header.shared)?;
        let (classes, lists): (Vec<Chars>, Vec<PackedPhrases<'_>>) =
            postcard::from_bytes(&shared).ok()?;
        let mut number = 0;
        let next = |at: &mut usize, length: usize| {
            *at += length;
            *at - length..*at
        };
        let slot = |file: FileHeader| Slot {
            head: next(&mut at, file.head),
            list: next(&mut at, file.list),
            parts: file.parts,
            key: file.key,
            content: file.content,
            classes: next(&mut number, file.classes),
            lists: next(&mut number, file.lists),
        };
        let slots = header.files.into_iter().map(slot).collect();
        let stages = stages.iter().map(|&stage| stage.to_owned()).collect();
        let (path, generic, lexicon) = (path.to_owned(), header.generic, lexicon.cloned());
        Some(Packed {
            heads: front,
            slots,
            classes: classes.into_iter().map(|class| CLASSES.get(class)).collect(),
            lists: lists.into_iter().map(|list| list.into_phrases(&shared).into()).collect(),
            numbers: header.numbers,
            storage: Storage::File { file: Mutex::new(file), path, generic, stages, lexicon },
        })
    }

    /// Writes everything that [`Packed::open`] reads.
    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let (Storage::Memory { files, .. }, Some(generic)) = (&self.storage, self.generic()) else {
            // Rules that were read from a file are never written again.
            return Err(io::ErrorKind::AlreadyExists.into());
        };
        let classes: Vec<&Chars> = self.classes.iter().map(Arc::as_ref).collect();
        let lists: Vec<_> = self.lists.iter().map(|list| list.packed()).collect();
        let shared = packed(&(classes, lists));
        let header = |Slot { head, list, parts, key, content, classes, lists }: &Slot| FileHeader {
            head: head.len(),
            list: list.len(),
            parts: *parts,
            key: *key,
            content: *content,
            classes: classes.len(),
            lists: lists.len(),
        };
        let mut front = packed(&Header {
            shared: Part::of(&shared),
            generic: Part::of(&generic),
            numbers: self.numbers.clone(),
            files: self.slots.iter().map(header).collect(),
        });
        front.extend_from_slice(&self.heads);
        to.write_all(MAGIC)?;
        to.write_all(&cache::build().to_le_bytes())?;
        to.write_all(&xxh3_64(&front).to_le_bytes())?;
        to.write_all(&(front.len() as u64).to_le_bytes())?;
        to.write_all(&front)?;
        to.write_all(&shared)?;
        to.write_all(&generic)?;
        files.iter().flatten().try_for_each(|part| to.write_all(part))
    }

    /// Writes the files to their place in the cache.
    pub(crate) fn keep(&self, place: &Path) {
        cache::keep(place, |to| self.write(to));
    }

    /// The number of files.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The heads of all files, with their keys.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (Head<'_>, Key)> {
        self.slots.iter().map(|slot| (self.head(slot), slot.key))
    }

    /// The names of all files, with their keys.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, Key)> {
        // The name is the first field of a head.
        self.slots.iter().map(|slot| (read(&self.heads[slot.head.clone()]), slot.key))
    }

    /// The contents of all files; see [`source::content`].
    pub(crate) fn contents(&self) -> impl Iterator<Item = u128> {
        self.slots.iter().map(|slot| slot.content)
    }

    /// The stages of the generic files.
    pub(crate) fn generic_stages(&self) -> impl Iterator<Item = &str> {
        // The first fields of a head. The id of a generic file is the stage of its rules.
        let head = |slot: &Slot| read::<(&str, Subject, &str)>(&self.heads[slot.head.clone()]);
        self.slots.iter().filter_map(move |slot| {
            let (_, subject, id) = head(slot);
            (subject == Subject::Generic).then_some(id)
        })
    }

    fn head(&self, slot: &Slot) -> Head<'_> {
        Head::read(&self.heads[slot.head.clone()])
    }

    /// The summaries of a file's rules, by the index of the file.
    pub(crate) fn list(&self, at: usize) -> Vec<Listed<'_>> {
        read(&self.heads[self.slots[at].list.clone()])
    }

    /// A packed file, by its index. `None` if it can no longer be read.
    pub(crate) fn file(&self, at: usize) -> Option<PackedFile> {
        let Slot { head, list, key, content, .. } = &self.slots[at];
        let (classes, lists) = self.shared(at);
        Some(PackedFile {
            head: self.heads[head.clone()].to_vec(),
            list: self.heads[list.clone()].to_vec(),
            parts: [self.bytes(at, RULES)?, self.bytes(at, REST)?, self.bytes(at, PROOF)?],
            key: *key,
            content: *content,
            classes,
            lists,
        })
    }

    /// The packed index of all generic rules. `None` if it is damaged; then the cache is deleted.
    pub(crate) fn generic(&self) -> Option<Arc<[u8]>> {
        match &self.storage {
            Storage::Memory { generic, .. } => {
                Some(Arc::clone(generic.get_or_init(|| packed_index(self).into())))
            }
            Storage::File { file, path, generic, .. } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let index = read_part(&mut file, *generic);
                if index.is_none() {
                    drop(fs::remove_file(path));
                }
                index
            }
        }
    }

    /// Unpacks the rules of a file, by its index.
    ///
    /// # Panics
    /// If there is no such file, or if the cache was overwritten while it was open and the rule file
    /// has changed or is gone. The engine then reports the document as failed. A cache that is
    /// deleted or replaced is still open, and its rules are unpacked as before.
    pub(crate) fn rules(&self, at: usize) -> Vec<RunRule> {
        let bytes = self.valid_bytes(at, RULES);
        let (rules, compiled): (Vec<PackedRule>, &[u8]) = read(&bytes);
        // Only these bytes are kept.
        let all: Arc<[u8]> = compiled.into();
        let compiled: Vec<PackedCompiled<'_>> = read(&all);
        let compiled = compiled.into_iter().map(|compiled| compiled.into_compiled(&all)).collect();
        let (classes, lists) = self.shared(at);
        let pool = Arc::new(Pool::new(classes, lists, compiled));
        rules.into_iter().map(|rule| rule.into_rule(&pool)).collect()
    }

    /// Unpacks the prefilters of a file's patterns, by the index of the file.
    ///
    /// # Panics
    /// Like [`Packed::rules`].
    pub(crate) fn prefilters(&self, at: usize) -> Prefilters {
        take(&self.valid_bytes(at, REST)).0
    }

    /// Unpacks the origins of a file's rules, by the index of the file.
    ///
    /// # Panics
    /// Like [`Packed::rules`].
    pub(crate) fn origins(&self, at: usize) -> Vec<RuleOrigin> {
        let bytes = self.valid_bytes(at, REST);
        let (_, rest) = take::<Prefilters>(&bytes);
        let origins: Vec<PackedOrigin> = read(rest);
        origins.into_iter().map(PackedOrigin::into_origin).collect()
    }

    /// Unpacks the cases and examples of a file, by its index.
    ///
    /// # Panics
    /// Like [`Packed::rules`].
    pub(crate) fn proof(&self, at: usize) -> Proof {
        read(&self.valid_bytes(at, PROOF))
    }

    /// The classes and lists that the patterns of a file use.
    fn shared(&self, at: usize) -> (Vec<Arc<Chars>>, Vec<Arc<Phrases>>) {
        let Slot { classes, lists, .. } = &self.slots[at];
        let numbers = |range: &Range<usize>| &self.numbers[range.clone()];
        (these(numbers(classes), &self.classes), these(numbers(lists), &self.lists))
    }

    /// The bytes of a part of a file. If they are damaged, the cache is deleted and the rule file
    /// is packed again.
    fn valid_bytes(&self, at: usize, part: usize) -> Arc<[u8]> {
        let slot = &self.slots[at];
        let bytes = self.bytes(at, part).or_else(|| {
            let Storage::File { path, stages, lexicon, .. } = &self.storage else {
                return None;
            };
            drop(fs::remove_file(path));
            let stages: Vec<&str> = stages.iter().map(String::as_str).collect();
            let file = pack_again(self.head(slot).file, slot, &stages, lexicon.as_deref())?;
            Some(Arc::clone(&file.parts[part]))
        });
        bytes.unwrap_or_else(|| match &self.storage {
            Storage::File { path, .. } => panic!(
                "the cache {} is damaged, and {} has changed or is gone; run again",
                path.display(),
                self.head(slot).file
            ),
            Storage::Memory { .. } => Arc::default(),
        })
    }

    fn bytes(&self, at: usize, part: usize) -> Option<Arc<[u8]>> {
        match &self.storage {
            Storage::Memory { files, .. } => Some(Arc::clone(&files.get(at)?[part])),
            Storage::File { file, .. } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                read_part(&mut file, self.slots[at].parts[part])
            }
        }
    }
}

/// Packs the index of all generic rules among packed files.
fn packed_index(packed: &Packed) -> Vec<u8> {
    let (mut generic, mut first) = (RulesBuilder::default(), 0);
    for (at, (head, _)) in packed.heads().enumerate() {
        if head.subject == Subject::Generic {
            let (rules, prefilters) = (packed.rules(at), packed.prefilters(at));
            let origins = packed.origins(at);
            let rules = rules.iter().zip(&prefilters).zip(&origins);
            let rules = rules.map(|((RunRule { rule, patterns, .. }, prefilters), origin)| {
                let RuleOrigin { written, at, .. } = origin;
                GenericRule { rule, patterns, prefilters, written, at: *at }
            });
            let rules: Vec<GenericRule<'_>> = rules.collect();
            generic.add_generic(first, &rules, |_| false);
        }
        first += head.rules;
    }
    generic.pack()
}

/// Packs the file of a slot again if its text still has the same content.
fn pack_again(
    file: &str,
    Slot { key, content, .. }: &Slot,
    stages: &[&str],
    lexicon: Option<&Lexicon>,
) -> Option<PackedFile> {
    let shipped = SHIPPED.iter().find(|(name, _)| file.strip_prefix("rules/") == Some(name));
    // If a file on disk has the name of a shipped one, the content decides.
    let origins = [Origin::Disk(file.into())];
    let mut origins = origins.into_iter().chain(shipped.map(|(_, text)| Origin::Shipped(text)));
    origins.find_map(|origin| {
        let source = Source { file: file.to_owned(), origin };
        let text = source.text().ok()?;
        let is_same = source::content(&text, stages, lexicon) == *content;
        let file = is_same.then(|| source.parse(&text, stages, lexicon))?.ok()?;
        Some(pack(file, *key, *content))
    })
}

/// Reads a part of a file. `None` if it is damaged.
fn read_part(file: &mut File, part: Part) -> Option<Arc<[u8]>> {
    file.seek(SeekFrom::Start(part.start)).ok()?;
    let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, part.length as usize).collect();
    file.read_exact(Arc::get_mut(&mut bytes)?).ok()?;
    (xxh3_64(&bytes) == part.digest).then_some(bytes)
}

/// The values with these numbers.
fn these<T>(numbers: &[u32], all: &[Arc<T>]) -> Vec<Arc<T>> {
    numbers.iter().map(|number| Arc::clone(&all[*number as usize])).collect()
}

/// The first bytes of a file of packed rules.
const MAGIC: &[u8] = b"chaffinch rules\n";

/// The length in bytes of the front without the part that its digest covers.
const START: usize = MAGIC.len() + 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authoring::lexicon::INTERNATIONAL;
    use crate::authoring::{Cases, FileRule, RuleFile, Written, lexicon_cases};
    use crate::key;
    use crate::matching::{Pattern, Prefilter};

    /// Every word of the shipped files, so that any stage that they name is known.
    fn stages() -> Vec<&'static str> {
        SHIPPED.iter().flat_map(|(_, text)| text.split_whitespace()).collect()
    }

    fn shipped_rules() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        SHIPPED.iter().filter(|(name, _)| !name.starts_with("lexicon/"))
    }

    fn shipped() -> Vec<RuleFile> {
        let names = stages();
        let parse =
            |(name, text): &(&str, &str)| RuleFile::parse(&format!("rules/{name}"), text, &names);
        shipped_rules().map(parse).map(Result::unwrap).collect()
    }

    /// Everything about a rule except its cases.
    fn shown(rule: &FileRule, prefilters: &[Vec<Prefilter>]) -> String {
        let FileRule { rule, language, written, era, at, digest, .. } = rule;
        // Lists are packed with the compiled patterns.
        let written = Written { lists: Vec::new(), ..written.clone() };
        format!("{rule:?} {language:?} {written:?} {era:?} {at} {digest} {prefilters:?}")
    }

    /// The same for all rules of a file.
    fn all_shown(file: &RuleFile) -> Vec<String> {
        let shown = |rule: &FileRule| {
            let prefilters: Vec<_> = rule.patterns.iter().map(Pattern::prefilters).collect();
            shown(rule, &prefilters)
        };
        file.rules.iter().map(shown).collect()
    }

    /// The same for all rules of a packed file.
    fn unpacked(packed: &Packed, at: usize) -> Vec<String> {
        let (rules, prefilters) = (packed.rules(at), packed.prefilters(at));
        let rule = rules.into_iter().zip(prefilters).zip(packed.origins(at));
        let rule = rule.map(|((rule, prefilters), origin)| {
            let RunRule { rule, patterns, digest } = rule;
            let RuleOrigin { language, written, era, at } = origin;
            let (patterns, cases) = (patterns.into(), Cases::default());
            let rule = FileRule { rule, language, patterns, written, era, at, cases, digest };
            shown(&rule, &prefilters)
        });
        rule.collect()
    }

    fn packed_shipped() -> Packed {
        let names = stages();
        let files = shipped().into_iter().zip(shipped_rules());
        let packed = |(file, (_, text)): (RuleFile, &(&str, &str))| {
            pack(file, Some(7), source::content(text, &names, None))
        };
        Packed::of(files.map(packed).collect())
    }

    /// A file with these bytes.
    fn file(name: &str, bytes: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("packed-{name}-{}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn written(packed: &Packed) -> Vec<u8> {
        let mut bytes = Vec::new();
        packed.write(&mut bytes).unwrap();
        bytes
    }

    /// Compares what patterns match before and after packing, for some languages.
    fn assert_same_matches(file: &RuleFile, packed: &[RunRule]) {
        let some = |rule: &FileRule| matches!(rule.language.as_deref(), None | Some("el" | "ja"));
        for (rule, packed) in file.rules.iter().zip(packed).filter(|(rule, _)| some(rule)) {
            let code = rule.language.as_deref().unwrap_or(INTERNATIONAL);
            let template = rule.written.template.as_ref();
            let all =
                template.map_or(Cases::default(), |t| lexicon_cases(Lexicon::shipped(), t, code));
            let own = rule.cases.removes.iter().chain(&rule.cases.keeps);
            for text in own.chain(&all.removes).chain(&all.keeps).take(4) {
                let text = key::key(text);
                let first = |pattern: &Pattern| pattern.first(&text);
                let found: Vec<_> = rule.patterns.iter().map(first).collect();
                let same: Vec<_> = packed.patterns.iter().map(first).collect();
                assert_eq!(found, same, "{} on {text}", rule.rule.id);
            }
        }
    }

    #[test]
    fn rules_are_unpacked_unchanged() {
        let packed = packed_shipped();
        let path = file("complete", &written(&packed));
        for packed in [packed, Packed::open(&path, &stages(), None).expect("it is complete")] {
            assert_eq!(packed.heads().count(), shipped_rules().count());
            assert_eq!(packed.generic().as_deref(), Some(&*packed_index(&packed)));
            for (at, ((head, key), file)) in packed.heads().zip(shipped()).enumerate() {
                assert_eq!(key, Some(7));
                assert_eq!(head, Head::read(&Head::packed(&file)));
                assert_eq!((head.id, head.rules as usize), (file.id.as_str(), file.rules.len()));
                let listed = file.rules.iter().map(|rule| Listed::of(&rule.rule, rule.digest));
                assert_eq!(packed.list(at), listed.collect::<Vec<_>>());
                assert_eq!(unpacked(&packed, at), all_shown(&file));
                let Proof { cases, examples, allow } = packed.proof(at);
                assert!(cases.iter().eq(file.rules.iter().map(|rule| &rule.cases)));
                assert_eq!((&examples, &allow), (&file.examples, &file.allow));
                assert_same_matches(&file, &packed.rules(at));
            }
        }
        std::fs::remove_file(path).unwrap();
    }

    /// The length of the front of a file.
    fn front(bytes: &[u8]) -> usize {
        let length = bytes[START - 8..].first_chunk().unwrap();
        START + u64::from_le_bytes(*length) as usize
    }

    #[test]
    fn incomplete_and_damaged_bytes_are_rejected() {
        let bytes = written(&packed_shipped());
        let open = |bytes: &[u8]| {
            let path = file("part", bytes);
            let packed = Packed::open(&path, &stages(), None);
            std::fs::remove_file(path).unwrap();
            packed
        };
        assert!(open(&bytes).is_some());
        let front = front(&bytes);
        let shared = front + 100_000;
        for at in [0, 17, 25, 33, 39, 48, front - 1, front, shared] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(open(&changed).is_none(), "a bit of byte {at}");
        }
        for length in [0, 20, 40, front, shared, bytes.len() - 1] {
            assert!(open(&bytes[..length]).is_none(), "{length} bytes");
        }
        assert!(open(&[&*bytes, b"more"].concat()).is_none());
    }

    /// Packed files with one changed bit in the rules of the first one.
    fn damaged(name: &str) -> (Packed, PathBuf) {
        let mut bytes = written(&packed_shipped());
        let path = file(name, &bytes);
        let packed = Packed::open(&path, &stages(), None).unwrap();
        bytes[packed.slots[0].parts[RULES].start as usize + 10] ^= 1;
        let path = file(name, &bytes);
        (Packed::open(&path, &stages(), None).expect("its front is complete"), path)
    }

    #[test]
    fn damaged_rules_are_parsed_again_and_the_cache_is_deleted() {
        let (packed, path) = damaged("mended");
        assert!(packed.file(0).is_none() && packed.file(1).is_some());
        assert_eq!(unpacked(&packed, 0), all_shown(&shipped()[0]));
        assert!(!path.exists());
    }

    #[test]
    #[should_panic(expected = "is damaged, and rules/")]
    fn damaged_rules_of_a_changed_file_are_rejected() {
        let (mut packed, path) = damaged("changed");
        fs::remove_file(path).unwrap();
        packed.slots[0].content ^= 1;
        packed.rules(0);
    }

    #[test]
    fn a_damaged_index_of_the_generic_rules_is_not_used_and_the_cache_is_deleted() {
        let mut bytes = written(&packed_shipped());
        let path = file("index", &bytes);
        let generic = |packed: &Packed| match packed.storage {
            Storage::File { generic, .. } => generic.start as usize,
            Storage::Memory { .. } => panic!("it is read from a file"),
        };
        let packed = Packed::open(&path, &stages(), None).unwrap();
        assert!(packed.generic().is_some());
        bytes[generic(&packed) + 10] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let packed = Packed::open(&path, &stages(), None).unwrap();
        assert!(packed.generic().is_none() && packed.rules(0).len() > 1);
        assert!(!path.exists());
    }
}
