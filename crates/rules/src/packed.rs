//! Rule files as a run keeps them: read and checked, packed into bytes, and unpacked one by one
//! when a document needs them.
//!
//! Of ten thousand outlets most runs see a few, and what is made of a rule takes ten times the
//! bytes of its packed form. The same bytes, in a file, are what the next run begins with (see
//! [`crate::cache`]).

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chaffinch_stage::{Act, At, Certainty, Place, Rule, Tier};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::cache::Key;
use crate::file::{Era, FileRule, RuleFile, Subject, WRITTEN_KEYS, Written, kind_of};
use crate::key;
use crate::load;
use crate::pattern::{Pattern, Prepared};
use crate::phrases::{LISTS, Phrases};

/// What is known of a rule file without unpacking its rules.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head<'a> {
    pub(crate) file: &'a str,
    pub(crate) subject: Subject,
    pub(crate) id: &'a str,
    pub(crate) name: Option<&'a str>,
    #[serde(borrow)]
    pub(crate) hosts: Vec<&'a str>,
    pub(crate) paths: Vec<&'a str>,
    /// Signs, folded as keys are.
    pub(crate) signs: Vec<&'a str>,
    pub(crate) extends: Vec<&'a str>,
    /// Whether some of its rules hold in an era alone.
    pub(crate) eras: bool,
    /// The stages of its rules that switch on a detector.
    pub(crate) detects: Vec<&'a str>,
    /// The number of its rules.
    pub(crate) rules: u32,
    /// Tells what its rules cut, and in which order they are tried.
    pub(crate) digest: u64,
}

impl<'a> Head<'a> {
    /// The head of a file, packed.
    pub(crate) fn packed(file: &RuleFile) -> Vec<u8> {
        let fold = |sign: &String| key::key(sign).into_owned();
        let signs: Vec<String> = file.signs.iter().map(fold).collect();
        packed(&Head::of(file, &signs))
    }

    /// What [`Head::packed`] gave.
    pub(crate) fn read(bytes: &'a [u8]) -> Head<'a> {
        read(bytes)
    }

    /// The head of a file whose signs are these, folded.
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

/// What is known of a rule without unpacking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<'a> {
    /// Its full id.
    pub id: &'a str,
    /// The stage that judges its hits.
    pub stage: &'a str,
    /// Tells what it cuts: its pattern, its place, what becomes of a hit.
    pub digest: u64,
    /// Whether its hits are cut.
    pub removes: bool,
    /// Whether it switches on a detector.
    pub detects: bool,
}

impl<'a> Listed<'a> {
    pub(crate) fn of(rule: &'a Rule, digest: u64) -> Listed<'a> {
        let (removes, detects) = (rule.act == Act::Remove, rule.detect.is_some());
        Listed { id: &rule.id, stage: &rule.stage, digest, removes, detects }
    }
}

/// Rule files, packed.
///
/// As bytes: [`MAGIC`]; the digest of the heads' part; its length; in it, [`Lengths`], and of each
/// file its head and the list of its rules; the rules of each file.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    /// All bytes before the rules.
    front: Vec<u8>,
    rules: Rules,
    slots: Vec<Slot>,
}

/// A file among packed ones.
#[derive(Debug)]
struct Slot {
    /// Where its head lies in the bytes before the rules, and the list of its rules.
    head: Range<usize>,
    list: Range<usize>,
    /// Where its rules lie behind these.
    rules: Range<usize>,
    digest: u64,
    key: Key,
}

/// Where packed rules are read from.
#[derive(Debug)]
enum Rules {
    /// Of each file by itself.
    Memory(Vec<Arc<[u8]>>),
    File {
        file: Mutex<File>,
        path: PathBuf,
        /// The stages that rule files may name, for those that must be read again.
        stages: Vec<String>,
    },
}

impl Default for Rules {
    fn default() -> Rules {
        Rules::Memory(Vec::new())
    }
}

/// The bytes of a file's head, of the list of its rules, of these, their digest, the file's key.
type Lengths = (usize, usize, usize, u64, Key);

/// A file, packed.
#[derive(Clone)]
pub(crate) struct PackedFile {
    head: Vec<u8>,
    list: Vec<u8>,
    rules: Arc<[u8]>,
    key: Key,
}

impl Packed {
    /// Puts files together.
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
        let slots = slots(&front).expect("it was put together as it is read");
        let rules = files.into_iter().map(|file| file.rules).collect();
        Packed { front, rules: Rules::Memory(rules), slots }
    }

    /// Reads what [`Packed::write`] wrote, for these stages; none if it is not whole. Rules stay in
    /// the file until they are asked for, and are held against their digests then.
    pub(crate) fn open(path: &Path, stages: &[&str]) -> Option<Packed> {
        let mut file = File::open(path).ok()?;
        let bytes = file.metadata().ok()?.len();
        let mut front = vec![0; MAGIC.len() + 16];
        file.read_exact(&mut front).ok()?;
        let length = u64::from_le_bytes(*front.last_chunk()?);
        // A length that is wrong must not be memory that is not there.
        (length <= bytes).then_some(())?;
        front.reserve_exact(length as usize);
        (&mut file).take(length).read_to_end(&mut front).ok()?;
        let slots = slots(&front)?;
        let end = slots.last().map_or(0, |slot| slot.rules.end);
        let stages = stages.iter().map(|&stage| stage.to_owned()).collect();
        let rules = Rules::File { file: Mutex::new(file), path: path.to_owned(), stages };
        (bytes == (front.len() + end) as u64).then_some(Packed { front, rules, slots })
    }

    /// Writes it all, for [`Packed::open`].
    pub(crate) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&self.front)?;
        match &self.rules {
            Rules::Memory(all) => all.iter().try_for_each(|rules| to.write_all(rules)),
            // What was read from a file stands in one.
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
        // It is what a head begins with.
        self.slots.iter().map(|slot| (read(&self.front[slot.head.clone()]), slot.key))
    }

    fn head(&self, slot: &Slot) -> Head<'_> {
        Head::read(&self.front[slot.head.clone()])
    }

    /// What is known of a file's rules without unpacking them, by its place among all.
    pub(crate) fn list(&self, at: usize) -> Vec<Listed<'_>> {
        read(&self.front[self.slots[at].list.clone()])
    }

    /// A file, by its place among all; none if it cannot be read any more.
    pub(crate) fn file(&self, at: usize) -> Option<PackedFile> {
        let slot = &self.slots[at];
        let part = |part: &Range<usize>| self.front[part.clone()].to_vec();
        let (head, list, key) = (part(&slot.head), part(&slot.list), slot.key);
        Some(PackedFile { head, list, rules: self.bytes(at)?.into(), key })
    }

    /// The rules of a file, by its place among all: what a document needs of them.
    ///
    /// # Panics
    /// There is no such file; or the cache that it lies in is damaged, and the rule file is not
    /// there any more as it was. The engine lays that at the door of the document that needs it.
    pub(crate) fn rules(&self, at: usize) -> Vec<RunRule> {
        let bytes = self.sound_bytes(at);
        unpack(&bytes).0
    }

    /// The same, with what else is known of them.
    ///
    /// # Panics
    /// As [`Packed::rules`].
    pub(crate) fn rules_with_origins(&self, at: usize) -> (Vec<RunRule>, Vec<RuleOrigin>) {
        let bytes = self.sound_bytes(at);
        let (rules, rest) = unpack(&bytes);
        let origins = read::<Vec<PackedOrigin>>(rest);
        (rules, origins.into_iter().map(PackedOrigin::into_origin).collect())
    }

    /// A file's rules. What is damaged is packed again from the rule file, and no later run sees
    /// the damage.
    fn sound_bytes(&self, at: usize) -> Cow<'_, [u8]> {
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
                "the cache {} is damaged, and {} is not there any more as it was",
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

/// Where heads and rules lie; none if `front` is not whole.
fn slots(front: &[u8]) -> Option<Vec<Slot>> {
    let (digest, rest) = front.strip_prefix(MAGIC)?.split_first_chunk()?;
    let (length, part) = rest.split_first_chunk()?;
    let whole = part.len() as u64 == u64::from_le_bytes(*length);
    if !whole || xxh3_64(part) != u64::from_le_bytes(*digest) {
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

/// Reads what this build packed, and a digest held whole.
fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> T {
    take(bytes).0
}

/// The same, and what stands behind it.
fn take<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> (T, &'de [u8]) {
    postcard::take_from_bytes(bytes).expect("it is what was packed")
}

/// What the file of packed rules begins with.
const MAGIC: &[u8] = b"chaffinch rules\n";

/// A file that was read under `key`: its head, and its rules without what proves them.
pub(crate) fn pack(file: RuleFile, key: Key) -> PackedFile {
    let head = Head::packed(&file);
    let listed = file.rules.iter().map(|rule| Listed::of(&rule.rule, rule.digest));
    let list = packed(&listed.collect::<Vec<_>>());
    let mut lists = Table::default();
    let numbers: Vec<Vec<Vec<u32>>> = file.rules.iter().map(|rule| lists.of_rule(rule)).collect();
    let all = file.rules.into_par_iter().zip(numbers).map(|(rule, lists)| apart(rule, lists));
    let (rules, origins): (Vec<PackedRule>, Vec<PackedOrigin>) = all.unzip();
    let mut bytes = packed(&lists.lists.iter().map(Arc::as_ref).collect::<Vec<&Phrases>>());
    bytes.extend(packed(&rules));
    bytes.extend(packed(&origins));
    PackedFile { head, list, rules: bytes.into(), key }
}

pub(crate) fn packed(value: &impl Serialize) -> Vec<u8> {
    // It fails for what has no length, and for buffers that are full: neither is here.
    postcard::to_stdvec(value).unwrap_or_default()
}

/// The lists that the patterns of a file use, each once.
#[derive(Default)]
struct Table {
    lists: Vec<Arc<Phrases>>,
    numbers: FxHashMap<Arc<Phrases>, u32>,
}

impl Table {
    /// The numbers of the lists that each pattern of a rule uses.
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

/// What a document needs of a rule: itself, its patterns, its digest.
pub(crate) struct RunRule {
    pub(crate) rule: Rule,
    pub(crate) patterns: Box<[Pattern]>,
    pub(crate) digest: u64,
}

/// What else is known of a rule.
pub(crate) struct RuleOrigin {
    pub(crate) language: Option<String>,
    pub(crate) written: Written,
    pub(crate) era: Era,
    pub(crate) at: usize,
}

/// A [`RunRule`] as it is packed.
#[derive(Serialize, Deserialize)]
struct PackedRule {
    #[serde(with = "RuleDef")]
    rule: Rule,
    digest: u64,
    /// Of each pattern the place of its key among [`WRITTEN_KEYS`], what is made of it, and the
    /// numbers of its lists.
    patterns: Vec<(usize, Prepared, Vec<u32>)>,
}

/// A [`RuleOrigin`] as it is packed.
#[derive(Serialize, Deserialize)]
struct PackedOrigin {
    language: Option<String>,
    /// The places of keys among [`WRITTEN_KEYS`], and their texts.
    written: Vec<(usize, Vec<String>)>,
    ignore_case: bool,
    template: Option<String>,
    era: Era,
    at: usize,
}

/// A rule whose patterns use lists of these numbers, packed in two: most runs need the first alone.
fn apart(rule: FileRule, lists: Vec<Vec<u32>>) -> (PackedRule, PackedOrigin) {
    let FileRule { rule, language, patterns, written, era, at, digest, .. } = rule;
    let Written { ignore_case, template, .. } = written.clone();
    let place = |key| WRITTEN_KEYS.iter().position(|known| *known == key).unwrap_or_default();
    let keys = written.keys.iter().map(|(key, _)| *key).filter(|key| *key != "detect");
    let prepared = patterns.into_iter().map(Pattern::into_prepared);
    let patterns = keys.map(place).zip(prepared).zip(lists);
    let patterns = patterns.map(|((key, prepared), lists)| (key, prepared, lists)).collect();
    let texts = written.keys.iter().map(|(key, texts)| (place(*key), texts.to_vec())).collect();
    let origin = PackedOrigin { language, written: texts, ignore_case, template, era, at };
    (PackedRule { rule, digest, patterns }, origin)
}

impl PackedRule {
    /// The rule; `all` are the lists of its file.
    fn into_rule(self, all: &[Arc<Phrases>]) -> RunRule {
        let PackedRule { rule, digest, patterns } = self;
        let pattern = |(key, prepared, lists): (usize, Prepared, Vec<u32>)| {
            let (anchor, role) = kind_of(WRITTEN_KEYS[key]);
            let lists = lists.into_iter().map(|list| Arc::clone(&all[list as usize])).collect();
            Pattern::packed(anchor, role, prepared, lists)
        };
        RunRule { rule, patterns: patterns.into_iter().map(pattern).collect(), digest }
    }
}

impl PackedOrigin {
    fn into_origin(self) -> RuleOrigin {
        let PackedOrigin { language, written, ignore_case, template, era, at } = self;
        let key = |(place, texts): (usize, Vec<String>)| (WRITTEN_KEYS[place], texts.into());
        let keys = written.into_iter().map(key).collect();
        let written = Written { keys, ignore_case, template, lists: Vec::new() };
        RuleOrigin { language, written, era, at }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Rule")]
struct RuleDef {
    id: String,
    stage: String,
    #[serde(with = "TierDef")]
    tier: Tier,
    #[serde(with = "PlaceDef")]
    place: Place,
    #[serde(with = "at_def")]
    at: Option<At>,
    #[serde(with = "ActDef")]
    act: Act,
    max_lines: usize,
    max_words: Option<usize>,
    safe: bool,
    #[serde(with = "CertaintyDef")]
    certainty: Certainty,
    detect: Option<String>,
    fields: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Tier")]
enum TierDef {
    Outlet,
    Family,
    Generic,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Certainty")]
enum CertaintyDef {
    Guess,
    Likely,
    Sure,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Place")]
enum PlaceDef {
    Head,
    Tail,
    Edges,
    Opening,
    Closing,
    Rims,
    Body,
    Anywhere,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Act")]
enum ActDef {
    Remove,
    Replace(String),
    Keep,
    Note,
}

/// A place in order from 1; the last is 0.
mod at_def {
    use chaffinch_stage::At;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, clippy::ref_option)] // As serde wants it.
    pub(super) fn serialize<S: Serializer>(at: &Option<At>, to: S) -> Result<S::Ok, S::Error> {
        let number = at.map(|at| match at {
            At::Nth(n) => n,
            At::Last => 0,
        });
        number.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<At>, D::Error> {
        let number = Option::<usize>::deserialize(from)?;
        Ok(number.map(|n| if n == 0 { At::Last } else { At::Nth(n) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SHIPPED;

    /// Whatever stage a file names is there.
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

    /// All of a rule but what proves it.
    fn shown(rule: &FileRule) -> String {
        let FileRule { rule, language, patterns, written, era, at, digest, .. } = rule;
        let tells: Vec<_> = patterns.iter().map(Pattern::tells).collect();
        // Lists are packed with what is made of the patterns.
        let written = Written { lists: Vec::new(), ..written.clone() };
        format!("{rule:?} {language:?} {written:?} {era:?} {at} {digest} {tells:?}")
    }

    /// The same of all rules of a packed file.
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
    fn rules_come_back_as_they_were() {
        let packed = packed_shipped(Some(7));
        let path = file("whole", &written(&packed));
        for packed in [packed, Packed::open(&path, &stages()).expect("it is whole")] {
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
    fn bytes_that_are_not_whole_are_refused() {
        let packed = packed_shipped(Some(7));
        let whole = written(&packed);
        let open = |bytes: &[u8]| {
            let path = file("part", bytes);
            let packed = Packed::open(&path, &stages());
            std::fs::remove_file(path).unwrap();
            packed
        };
        assert!(open(&whole).is_some());
        for at in [0, 17, 25, 31, 40, packed.front.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(open(&changed).is_none(), "a bit of byte {at}");
        }
        for length in [0, 20, 40, packed.front.len(), whole.len() - 1] {
            assert!(open(&whole[..length]).is_none(), "{length} bytes");
        }
        assert!(open(&[&*whole, b"more"].concat()).is_none());
    }

    /// Packed files, and a bit of the first one's rules is another than it was.
    fn damaged(name: &str, key: Key) -> (Packed, PathBuf) {
        let packed = packed_shipped(key);
        let mut bytes = written(&packed);
        bytes[packed.front.len() + 10] ^= 1;
        let path = file(name, &bytes);
        (Packed::open(&path, &stages()).expect("its front is whole"), path)
    }

    #[test]
    fn damaged_rules_are_read_again_and_the_damage_goes() {
        let (packed, path) = damaged("mended", Some(0));
        assert!(packed.file(0).is_none() && packed.file(1).is_some());
        let rules: Vec<String> = shipped()[0].rules.iter().map(shown).collect();
        assert_eq!(unpacked(&packed, 0), rules);
        assert!(!path.exists());
    }

    #[test]
    #[should_panic(expected = "is damaged, and rules/")]
    fn damaged_rules_of_a_file_that_has_changed_are_not_taken() {
        let (packed, _) = damaged("changed", Some(7));
        packed.rules(0);
    }
}
