//! Packed rule files: parsed, checked, serialised to bytes, and unpacked when a document needs
//! them.
//!
//! Most runs see a few of ten thousand outlets, and a compiled rule takes ten times the memory of
//! its packed form. The same bytes are stored in a file for the next run (see [`crate::cache`]).

mod serial;

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chaffinch_stage::{Action, Rule};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::cache::Key;
use crate::file::{Era, FileRule, RuleFile, Subject, Written};
use crate::key;
use crate::load;
use crate::pattern::Pattern;
use crate::phrases::{LISTS, Phrases};
use serial::{PackedOrigin, PackedRule, split};

/// The part of a rule file that is needed before its rules are unpacked.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head<'a> {
    pub(crate) file: &'a str,
    pub(crate) subject: Subject,
    pub(crate) id: &'a str,
    pub(crate) name: Option<&'a str>,
    #[serde(borrow)]
    pub(crate) hosts: Vec<&'a str>,
    pub(crate) paths: Vec<&'a str>,
    /// The signs, folded like keys.
    pub(crate) signs: Vec<&'a str>,
    pub(crate) extends: Vec<&'a str>,
    /// Whether any of its rules has an era.
    pub(crate) eras: bool,
    /// The stages of its rules that enable a detector.
    pub(crate) detects: Vec<&'a str>,
    /// The number of its rules.
    pub(crate) rules: u32,
    /// A digest of what its rules cut and of their order.
    pub(crate) digest: u64,
}

impl<'a> Head<'a> {
    /// Packs the head of a file.
    pub(crate) fn packed(file: &RuleFile) -> Vec<u8> {
        let fold = |sign: &String| key::key(sign).into_owned();
        let signs: Vec<String> = file.signs.iter().map(fold).collect();
        packed(&Head::of(file, &signs))
    }

    /// Unpacks the result of [`Head::packed`].
    pub(crate) fn read(bytes: &'a [u8]) -> Head<'a> {
        read(bytes)
    }

    /// The head of a file with these folded signs.
    fn of(file: &'a RuleFile, signs: &'a [String]) -> Head<'a> {
        let mut digest = Xxh3Default::new();
        let mut detects: Vec<&str> = Vec::new();
        for FileRule { rule, digest: own, .. } in &file.rules {
            digest.update(rule.id.as_bytes());
            digest.update(&own.to_le_bytes());
            if rule.detect.is_some() && !detects.contains(&rule.stage.as_str()) {
                detects.push(&rule.stage);
            }
        }
        let texts = |texts: &'a [String]| texts.iter().map(String::as_str).collect();
        Head {
            file: &file.file,
            subject: file.subject,
            id: &file.id,
            name: file.name.as_deref(),
            hosts: texts(&file.hosts),
            paths: texts(&file.paths),
            signs: texts(signs),
            extends: texts(&file.extends),
            eras: file.rules.iter().any(|rule| !rule.era.is_always()),
            detects,
            rules: file.rules.len() as u32,
            digest: digest.digest(),
        }
    }
}

/// A summary of a rule that is available without unpacking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<'a> {
    /// The full id.
    pub id: &'a str,
    /// The stage that judges its hits.
    pub stage: &'a str,
    /// A digest of everything that decides what it cuts: pattern, place, action.
    pub digest: u64,
    /// Whether its hits are removed.
    pub removes: bool,
    /// Whether it enables a detector.
    pub detects: bool,
}

impl<'a> Listed<'a> {
    pub(crate) fn of(rule: &'a Rule, digest: u64) -> Listed<'a> {
        let (removes, detects) = (rule.action == Action::Remove, rule.detect.is_some());
        Listed { id: &rule.id, stage: &rule.stage, digest, removes, detects }
    }
}

/// Packed rule files.
///
/// The bytes are: [`MAGIC`]; the digest of the heads; their length; the heads, which are
/// [`Lengths`] followed by the head and the rule summaries of each file; and the rules of each
/// file.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    /// All bytes before the rules.
    front: Vec<u8>,
    rules: Rules,
    slots: Vec<Slot>,
}

/// One file among the packed ones.
#[derive(Debug)]
struct Slot {
    /// The range of its head in `front`, and of its rule summaries.
    head: Range<usize>,
    list: Range<usize>,
    /// The range of its rules after `front`.
    rules: Range<usize>,
    digest: u64,
    key: Key,
}

/// The storage of packed rules.
#[derive(Debug)]
enum Rules {
    /// In memory, by file.
    Memory(Vec<Arc<[u8]>>),
    File {
        file: Mutex<File>,
        path: PathBuf,
        /// The stages that rule files may name, for files that must be parsed again.
        stages: Vec<String>,
    },
}

impl Default for Rules {
    fn default() -> Rules {
        Rules::Memory(Vec::new())
    }
}

/// The lengths in bytes of a file's head, rule summaries and rules, the digest of its rules, and
/// its key.
type Lengths = (usize, usize, usize, u64, Key);

/// A packed file.
#[derive(Clone)]
pub(crate) struct PackedFile {
    head: Vec<u8>,
    list: Vec<u8>,
    rules: Arc<[u8]>,
    key: Key,
}

impl Packed {
    /// Combines packed files.
    pub(crate) fn of(files: Vec<PackedFile>) -> Packed {
        let lengths = |file: &PackedFile| -> Lengths {
            let PackedFile { head, list, rules, key } = file;
            (head.len(), list.len(), rules.len(), xxh3_64(rules), *key)
        };
        let mut part = packed(&files.iter().map(lengths).collect::<Vec<_>>());
        for file in &files {
            part.extend_from_slice(&file.head);
            part.extend_from_slice(&file.list);
        }
        let digest = xxh3_64(&part).to_le_bytes();
        let front = [MAGIC, &digest, &(part.len() as u64).to_le_bytes(), &part].concat();
        let slots = slots(&front).expect("the parts were just combined in this format");
        let rules = files.into_iter().map(|file| file.rules).collect();
        Packed { front, rules: Rules::Memory(rules), slots }
    }

    /// Opens a file written by [`Packed::write`] for these stages. `None` if it is incomplete or
    /// damaged. The rules remain in the file and are checked against their digests when they are
    /// read.
    pub(crate) fn open(path: &Path, stages: &[&str]) -> Option<Packed> {
        let mut file = File::open(path).ok()?;
        let bytes = file.metadata().ok()?.len();
        let mut front = vec![0; MAGIC.len() + 16];
        file.read_exact(&mut front).ok()?;
        let length = u64::from_le_bytes(*front.last_chunk()?);
        // A damaged length must not cause a huge allocation.
        (length <= bytes).then_some(())?;
        front.reserve_exact(length as usize);
        (&mut file).take(length).read_to_end(&mut front).ok()?;
        let slots = slots(&front)?;
        let end = slots.last().map_or(0, |slot| slot.rules.end);
        let stages = stages.iter().map(|&stage| stage.to_owned()).collect();
        let rules = Rules::File { file: Mutex::new(file), path: path.to_owned(), stages };
        (bytes == (front.len() + end) as u64).then_some(Packed { front, rules, slots })
    }

    /// Writes everything that [`Packed::open`] reads.
    pub(crate) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&self.front)?;
        match &self.rules {
            Rules::Memory(all) => all.iter().try_for_each(|rules| to.write_all(rules)),
            // Rules that were read from a file are never written again.
            Rules::File { .. } => Err(io::ErrorKind::AlreadyExists.into()),
        }
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
        self.slots.iter().map(|slot| (read(&self.front[slot.head.clone()]), slot.key))
    }

    fn head(&self, slot: &Slot) -> Head<'_> {
        Head::read(&self.front[slot.head.clone()])
    }

    /// The summaries of a file's rules, by the index of the file.
    pub(crate) fn list(&self, at: usize) -> Vec<Listed<'_>> {
        read(&self.front[self.slots[at].list.clone()])
    }

    /// A packed file, by its index. `None` if it can no longer be read.
    pub(crate) fn file(&self, at: usize) -> Option<PackedFile> {
        let slot = &self.slots[at];
        let part = |part: &Range<usize>| self.front[part.clone()].to_vec();
        let (head, list, key) = (part(&slot.head), part(&slot.list), slot.key);
        Some(PackedFile { head, list, rules: self.bytes(at)?.into(), key })
    }

    /// Unpacks the rules of a file, by its index.
    ///
    /// # Panics
    /// If there is no such file, or if the cache is damaged and the rule file has changed or is
    /// gone. The engine then reports the document as failed.
    pub(crate) fn rules(&self, at: usize) -> Vec<RunRule> {
        let bytes = self.valid_bytes(at);
        unpack(&bytes).0
    }

    /// Like [`Packed::rules`], together with the origins of the rules.
    ///
    /// # Panics
    /// Like [`Packed::rules`].
    pub(crate) fn rules_with_origins(&self, at: usize) -> (Vec<RunRule>, Vec<RuleOrigin>) {
        let bytes = self.valid_bytes(at);
        let (rules, rest) = unpack(&bytes);
        let origins = read::<Vec<PackedOrigin>>(rest);
        (rules, origins.into_iter().map(PackedOrigin::into_origin).collect())
    }

    /// The bytes of a file's rules. If they are damaged, the cache is deleted and the rule file is
    /// packed again.
    fn valid_bytes(&self, at: usize) -> Cow<'_, [u8]> {
        let slot = &self.slots[at];
        let bytes = self.bytes(at).or_else(|| {
            let Rules::File { path, stages, .. } = &self.rules else { return None };
            drop(fs::remove_file(path));
            let stages: Vec<&str> = stages.iter().map(String::as_str).collect();
            let file = load::pack_again(self.head(slot).file, slot.key, &stages)?;
            Some(Cow::Owned(file.rules.to_vec()))
        });
        bytes.unwrap_or_else(|| match &self.rules {
            Rules::File { path, .. } => panic!(
                "the cache {} is damaged, and {} has changed or is gone; run again",
                path.display(),
                self.head(slot).file
            ),
            Rules::Memory(_) => Cow::default(),
        })
    }

    fn bytes(&self, at: usize) -> Option<Cow<'_, [u8]>> {
        let slot = &self.slots[at];
        match &self.rules {
            Rules::Memory(all) => all.get(at).map(|rules| Cow::from(&**rules)),
            Rules::File { file, .. } => {
                let bytes = self.read_at(file, &slot.rules).ok()?;
                (xxh3_64(&bytes) == slot.digest).then_some(Cow::Owned(bytes))
            }
        }
    }

    fn read_at(&self, file: &Mutex<File>, rules: &Range<usize>) -> io::Result<Vec<u8>> {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start((self.front.len() + rules.start) as u64))?;
        let mut bytes = vec![0; rules.len()];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// The ranges of heads and rules. `None` if `front` is incomplete or damaged.
fn slots(front: &[u8]) -> Option<Vec<Slot>> {
    let (digest, rest) = front.strip_prefix(MAGIC)?.split_first_chunk()?;
    let (length, part) = rest.split_first_chunk()?;
    let complete = part.len() as u64 == u64::from_le_bytes(*length);
    if !complete || xxh3_64(part) != u64::from_le_bytes(*digest) {
        return None;
    }
    let (lengths, heads): (Vec<Lengths>, _) = postcard::take_from_bytes(part).ok()?;
    let (mut head, mut rules) = (front.len() - heads.len(), 0);
    let slot = |(head_length, list_length, rules_length, digest, key): Lengths| {
        let start = (head, head + head_length, rules);
        (head, rules) = (start.1 + list_length, rules + rules_length);
        Slot { head: start.0..start.1, list: start.1..head, rules: start.2..rules, digest, key }
    };
    let slots = lengths.into_iter().map(slot).collect();
    (head == front.len()).then_some(slots)
}

/// Deserialises bytes that this build packed and that a digest has verified.
fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> T {
    take(bytes).0
}

/// Like [`read`], and returns the rest of the bytes.
fn take<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> (T, &'de [u8]) {
    postcard::take_from_bytes(bytes).expect("these bytes were packed by this build")
}

/// The first bytes of a file of packed rules.
const MAGIC: &[u8] = b"chaffinch rules\n";

/// Packs a file that was parsed under `key`, without cases and examples.
pub(crate) fn pack(file: RuleFile, key: Key) -> PackedFile {
    let head = Head::packed(&file);
    let listed = file.rules.iter().map(|rule| Listed::of(&rule.rule, rule.digest));
    let list = packed(&listed.collect::<Vec<_>>());
    let mut lists = ListTable::default();
    let numbers: Vec<Vec<Vec<u32>>> = file.rules.iter().map(|rule| lists.of_rule(rule)).collect();
    let all = file.rules.into_par_iter().zip(numbers).map(|(rule, lists)| split(rule, lists));
    let (rules, origins): (Vec<PackedRule>, Vec<PackedOrigin>) = all.unzip();
    let mut bytes = packed(&lists.lists.iter().map(Arc::as_ref).collect::<Vec<&Phrases>>());
    bytes.extend(packed(&rules));
    bytes.extend(packed(&origins));
    PackedFile { head, list, rules: bytes.into(), key }
}

pub(crate) fn packed(value: &impl Serialize) -> Vec<u8> {
    // Serialising fails only for values of unknown length and for full buffers, which do not occur
    // here.
    postcard::to_stdvec(value).unwrap_or_default()
}

/// The distinct lists that the patterns of a file use.
#[derive(Default)]
struct ListTable {
    lists: Vec<Arc<Phrases>>,
    numbers: FxHashMap<Arc<Phrases>, u32>,
}

impl ListTable {
    /// The list numbers of each pattern of a rule.
    fn of_rule(&mut self, rule: &FileRule) -> Vec<Vec<u32>> {
        let mut number = |list: &Arc<Phrases>| {
            *self.numbers.entry(Arc::clone(list)).or_insert_with(|| {
                self.lists.push(Arc::clone(list));
                self.lists.len() as u32 - 1
            })
        };
        let of_pattern = |pattern: &Pattern| pattern.lists().iter().map(&mut number).collect();
        rule.patterns.iter().map(of_pattern).collect()
    }
}

/// The rules of a file, and the packed origins that follow them.
fn unpack(bytes: &[u8]) -> (Vec<RunRule>, &[u8]) {
    let (lists, rest) = take::<Vec<Phrases>>(bytes);
    let lists: Vec<_> = lists.into_iter().map(|list| LISTS.get(list)).collect();
    let (rules, rest) = take::<Vec<PackedRule>>(rest);
    (rules.into_iter().map(|rule| rule.into_rule(&lists)).collect(), rest)
}

/// The part of a rule that cleaning a document needs.
pub(crate) struct RunRule {
    pub(crate) rule: Rule,
    pub(crate) patterns: Box<[Pattern]>,
    pub(crate) digest: u64,
}

/// The rest of what is known about a rule.
pub(crate) struct RuleOrigin {
    pub(crate) language: Option<String>,
    pub(crate) written: Written,
    pub(crate) era: Era,
    pub(crate) at: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SHIPPED;

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
    fn shown(rule: &FileRule) -> String {
        let FileRule { rule, language, patterns, written, era, at, digest, .. } = rule;
        let prefilters: Vec<_> = patterns.iter().map(Pattern::prefilters).collect();
        // Lists are packed with the compiled patterns.
        let written = Written { lists: Vec::new(), ..written.clone() };
        format!("{rule:?} {language:?} {written:?} {era:?} {at} {digest} {prefilters:?}")
    }

    /// The same for all rules of a packed file.
    fn unpacked(packed: &Packed, at: usize) -> Vec<String> {
        let (rules, origins) = packed.rules_with_origins(at);
        let rule = rules.into_iter().zip(origins).map(|(rule, origin)| {
            let RunRule { rule, patterns, digest } = rule;
            let RuleOrigin { language, written, era, at } = origin;
            let (patterns, removes, keeps) = (patterns.into(), Vec::new(), Vec::new());
            FileRule { rule, language, patterns, written, era, at, removes, keeps, digest }
        });
        rule.map(|rule| shown(&rule)).collect()
    }

    fn packed_shipped(key: Key) -> Packed {
        Packed::of(shipped().into_iter().map(|file| pack(file, key)).collect())
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

    #[test]
    fn rules_are_unpacked_unchanged() {
        let packed = packed_shipped(Some(7));
        let path = file("complete", &written(&packed));
        for packed in [packed, Packed::open(&path, &stages()).expect("it is complete")] {
            assert_eq!(packed.heads().count(), shipped_rules().count());
            for (at, ((head, key), file)) in packed.heads().zip(shipped()).enumerate() {
                assert_eq!(key, Some(7));
                assert_eq!(head, Head::read(&Head::packed(&file)));
                assert_eq!((head.id, head.rules as usize), (file.id.as_str(), file.rules.len()));
                let listed = file.rules.iter().map(|rule| Listed::of(&rule.rule, rule.digest));
                assert_eq!(packed.list(at), listed.collect::<Vec<_>>());
                let rules: Vec<String> = file.rules.iter().map(shown).collect();
                assert_eq!(unpacked(&packed, at), rules);
            }
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn incomplete_and_damaged_bytes_are_rejected() {
        let packed = packed_shipped(Some(7));
        let bytes = written(&packed);
        let open = |bytes: &[u8]| {
            let path = file("part", bytes);
            let packed = Packed::open(&path, &stages());
            std::fs::remove_file(path).unwrap();
            packed
        };
        assert!(open(&bytes).is_some());
        for at in [0, 17, 25, 31, 40, packed.front.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(open(&changed).is_none(), "a bit of byte {at}");
        }
        for length in [0, 20, 40, packed.front.len(), bytes.len() - 1] {
            assert!(open(&bytes[..length]).is_none(), "{length} bytes");
        }
        assert!(open(&[&*bytes, b"more"].concat()).is_none());
    }

    /// Packed files with one changed bit in the rules of the first one.
    fn damaged(name: &str, key: Key) -> (Packed, PathBuf) {
        let packed = packed_shipped(key);
        let mut bytes = written(&packed);
        bytes[packed.front.len() + 10] ^= 1;
        let path = file(name, &bytes);
        (Packed::open(&path, &stages()).expect("its front is complete"), path)
    }

    #[test]
    fn damaged_rules_are_parsed_again_and_the_cache_is_deleted() {
        let (packed, path) = damaged("mended", Some(0));
        assert!(packed.file(0).is_none() && packed.file(1).is_some());
        let rules: Vec<String> = shipped()[0].rules.iter().map(shown).collect();
        assert_eq!(unpacked(&packed, 0), rules);
        assert!(!path.exists());
    }

    #[test]
    #[should_panic(expected = "is damaged, and rules/")]
    fn damaged_rules_of_a_changed_file_are_rejected() {
        let (packed, _) = damaged("changed", Some(7));
        packed.rules(0);
    }
}
