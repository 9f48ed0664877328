//! Rule files as a run keeps them: read and checked, packed into bytes, and unpacked one by one
//! when a document needs them.
//!
//! Of ten thousand outlets most runs see a few, and what is made of a rule takes ten times the
//! bytes of its packed form. The same bytes, in a file, are what the next run begins with (see
//! [`crate::cache`]).

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chaffinch_stage::{Act, At, Place, Rule, Tier};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::cache::Key;
use crate::file::{Era, FileRule, RuleFile, Subject, WRITTEN_KEYS, Written};
use crate::key;
use crate::pattern::{Pattern, Prepared};

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

/// Rule files, packed.
///
/// As bytes: [`MAGIC`]; the digest of the heads' part; its length; in it, [`Lengths`] and heads;
/// the rules of each file.
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
    /// Where its head lies in the bytes before the rules.
    head: Range<usize>,
    /// Where its rules lie behind these.
    rules: Range<usize>,
    digest: u64,
    key: Key,
}

/// Where packed rules are read from.
#[derive(Debug)]
enum Rules {
    Memory(Vec<u8>),
    File(Mutex<File>, PathBuf),
}

impl Default for Rules {
    fn default() -> Rules {
        Rules::Memory(Vec::new())
    }
}

/// The bytes of a file's head, of its rules, the digest of these, the file's key.
type Lengths = (usize, usize, u64, Key);

/// A file, packed: its head, its rules, its key.
pub(crate) type PackedFile = (Vec<u8>, Vec<u8>, Key);

impl Packed {
    /// Puts files together.
    pub(crate) fn of(files: &[PackedFile]) -> Packed {
        let lengths = |(head, rules, key): &PackedFile| -> Lengths {
            (head.len(), rules.len(), xxh3_64(rules), *key)
        };
        let mut part = packed(&files.iter().map(lengths).collect::<Vec<_>>());
        files.iter().for_each(|(head, ..)| part.extend_from_slice(head));
        let digest = xxh3_64(&part).to_le_bytes();
        let front = [MAGIC, &digest, &(part.len() as u64).to_le_bytes(), &part].concat();
        let mut rules = Vec::with_capacity(files.iter().map(|(_, rules, _)| rules.len()).sum());
        files.iter().for_each(|(_, own, _)| rules.extend_from_slice(own));
        let slots = slots(&front).expect("it was put together as it is read");
        Packed { front, rules: Rules::Memory(rules), slots }
    }

    /// Reads what [`Packed::write`] wrote; none if it is not whole. Rules are held against their
    /// digests and stay in the file until they are asked for.
    pub(crate) fn open(path: &Path) -> Option<Packed> {
        let mut file = File::open(path).ok()?;
        let mut front = vec![0; MAGIC.len() + 16];
        file.read_exact(&mut front).ok()?;
        let length = u64::from_le_bytes(*front.last_chunk()?);
        // A length that is wrong must not be memory that is not there.
        (length <= file.metadata().ok()?.len()).then_some(())?;
        (&mut file).take(length).read_to_end(&mut front).ok()?;
        let slots = slots(&front)?;
        let end = slots.last().map_or(0, |slot| slot.rules.end);
        let whole = file.metadata().ok()?.len() == (front.len() + end) as u64;
        let mut bytes = Vec::new();
        let sound = whole
            && slots.iter().all(|slot| {
                bytes.resize(slot.rules.len(), 0);
                file.read_exact(&mut bytes).is_ok() && xxh3_64(&bytes) == slot.digest
            });
        let rules = Rules::File(Mutex::new(file), path.to_owned());
        sound.then_some(Packed { front, rules, slots })
    }

    /// Writes it all, for [`Packed::open`].
    pub(crate) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&self.front)?;
        match &self.rules {
            Rules::Memory(rules) => to.write_all(rules),
            // What was read from a file stands in one.
            Rules::File(..) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    /// The number of files.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The heads of all files, with their keys.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (Head<'_>, Key)> {
        self.slots.iter().map(|slot| (Head::read(&self.front[slot.head.clone()]), slot.key))
    }

    /// A file, by its place among all; none if it cannot be read any more.
    pub(crate) fn file(&self, at: usize) -> Option<PackedFile> {
        let slot = &self.slots[at];
        let head = self.front[slot.head.clone()].to_vec();
        Some((head, self.bytes(slot)?.into_owned(), slot.key))
    }

    /// The rules of a file, by its place among all.
    ///
    /// # Panics
    /// There is no such file, or the disk that the cache lies on has failed since it was opened.
    pub(crate) fn rules(&self, at: usize) -> Vec<FileRule> {
        let bytes = self.bytes(&self.slots[at]).unwrap_or_else(|| match &self.rules {
            Rules::File(_, path) => panic!("the cache {} cannot be read any more", path.display()),
            Rules::Memory(_) => Cow::default(),
        });
        read::<Vec<PackedRule>>(&bytes).into_iter().map(PackedRule::into_rule).collect()
    }

    fn bytes(&self, slot: &Slot) -> Option<Cow<'_, [u8]>> {
        match &self.rules {
            Rules::Memory(rules) => rules.get(slot.rules.clone()).map(Cow::Borrowed),
            Rules::File(file, _) => {
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
    let slot = |(head_length, rules_length, digest, key): Lengths| {
        let start = (head, rules);
        (head, rules) = (head + head_length, rules + rules_length);
        Slot { head: start.0..head, rules: start.1..rules, digest, key }
    };
    let slots = lengths.into_iter().map(slot).collect();
    (head == front.len()).then_some(slots)
}

/// Reads what this build packed, and a digest held whole.
fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> T {
    postcard::from_bytes(bytes).expect("it is what was packed")
}

/// What the file of packed rules begins with.
const MAGIC: &[u8] = b"chaffinch rules\n";

/// A file that was read under `key`: its head, and its rules without what proves them.
pub(crate) fn pack(file: RuleFile, key: Key) -> PackedFile {
    let head = Head::packed(&file);
    let rules: Vec<PackedRule> = file.rules.into_par_iter().map(PackedRule::of).collect();
    (head, packed(&rules), key)
}

pub(crate) fn packed(value: &impl Serialize) -> Vec<u8> {
    // It fails for what has no length, and for buffers that are full: neither is here.
    postcard::to_stdvec(value).unwrap_or_default()
}

/// A [`FileRule`] as it is packed.
#[derive(Serialize, Deserialize)]
struct PackedRule {
    #[serde(with = "RuleDef")]
    rule: Rule,
    language: Option<String>,
    /// The places of keys among [`WRITTEN_KEYS`], and their texts.
    written: Vec<(usize, Vec<String>)>,
    ignore_case: bool,
    era: Era,
    at: usize,
    digest: u64,
    /// What is made of each pattern.
    prepared: Vec<Prepared>,
}

impl PackedRule {
    fn of(rule: FileRule) -> PackedRule {
        let FileRule { rule, language, patterns, written, era, at, digest, .. } = rule;
        let prepared = patterns.into_iter().map(Pattern::into_prepared).collect();
        let ignore_case = written.ignore_case;
        let place = |key| WRITTEN_KEYS.iter().position(|known| *known == key).unwrap_or_default();
        let keys = written.keys.into_iter();
        let written = keys.map(|(key, texts)| (place(key), texts.to_vec())).collect();
        PackedRule { rule, language, written, ignore_case, era, at, digest, prepared }
    }

    fn into_rule(self) -> FileRule {
        let PackedRule { rule, language, written, ignore_case, era, at, digest, prepared } = self;
        let key = |(place, texts): (usize, Vec<String>)| (WRITTEN_KEYS[place], texts.into());
        let keys = written.into_iter().map(key).collect();
        let written = Written { keys, ignore_case };
        let patterns = written.unchecked_patterns().into_iter().zip(prepared);
        let patterns = patterns.map(|(pattern, made)| pattern.with(made)).collect();
        let (removes, keeps) = (Vec::new(), Vec::new());
        FileRule { rule, language, patterns, written, era, at, removes, keeps, digest }
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

    fn shipped() -> Vec<RuleFile> {
        // Whatever stage a file names is there.
        let words = SHIPPED.iter().flat_map(|(_, text)| text.split_whitespace());
        let names: Vec<&str> = words.collect();
        let parse = |(name, text): &(&str, &str)| RuleFile::parse(name, text, &names);
        SHIPPED.iter().map(parse).map(Result::unwrap).collect()
    }

    /// All of a rule but what proves it.
    fn shown(rule: &FileRule) -> String {
        let FileRule { rule, language, patterns, written, era, at, digest, .. } = rule;
        let tells: Vec<_> = patterns.iter().map(Pattern::tells).collect();
        format!("{rule:?} {language:?} {written:?} {era:?} {at} {digest} {tells:?}")
    }

    fn packed_shipped() -> Packed {
        Packed::of(&shipped().into_iter().map(|file| pack(file, Some(7))).collect::<Vec<_>>())
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
        let packed = packed_shipped();
        let path = file("whole", &written(&packed));
        for packed in [packed, Packed::open(&path).expect("it is whole")] {
            assert_eq!(packed.heads().count(), SHIPPED.len());
            for (at, ((head, key), file)) in packed.heads().zip(shipped()).enumerate() {
                assert_eq!(key, Some(7));
                assert_eq!(head, Head::read(&Head::packed(&file)));
                assert_eq!((head.id, head.rules as usize), (file.id.as_str(), file.rules.len()));
                let rules: Vec<String> = packed.rules(at).iter().map(shown).collect();
                assert_eq!(rules, file.rules.iter().map(shown).collect::<Vec<_>>());
            }
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn bytes_that_are_not_whole_are_refused() {
        let packed = packed_shipped();
        let whole = written(&packed);
        let open = |bytes: &[u8]| {
            let path = file("part", bytes);
            let packed = Packed::open(&path);
            std::fs::remove_file(path).unwrap();
            packed
        };
        assert!(open(&whole).is_some());
        let front = packed.front.len();
        for at in [0, 17, 25, 31, 40, front - 1, front + 10, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(open(&changed).is_none(), "a bit of byte {at}");
        }
        for length in [0, 20, 40, packed.front.len(), whole.len() - 1] {
            assert!(open(&whole[..length]).is_none(), "{length} bytes");
        }
        assert!(open(&[&*whole, b"more"].concat()).is_none());
    }

    #[test]
    #[should_panic(expected = "cannot be read any more")]
    fn rules_that_changed_on_the_disk_are_not_taken() {
        let packed = packed_shipped();
        let mut bytes = written(&packed);
        let path = file("changed", &bytes);
        let at = packed.front.len() + 10;
        let packed = Packed::open(&path).expect("it is whole");
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let rules = std::panic::catch_unwind(|| packed.rules(0));
        std::fs::remove_file(path).unwrap();
        rules.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
}
