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

use crate::file::{self, Era, FileRule, RuleFile, Subject, WRITTEN_KEYS, Written};
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
        for FileRule { rule, written, era, .. } in &file.rules {
            digest.update(rule.id.as_bytes());
            digest.update(&file::digest(rule, written, era).to_le_bytes());
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
    /// Where the head of each file lies in `front`, and its rules behind it.
    places: Vec<(Range<usize>, Range<usize>, u64)>,
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

/// The bytes of a file's head, of its rules, and the digest of these.
type Lengths = (usize, usize, u64);

impl Packed {
    /// Puts together what [`pack`] gave for each file.
    pub(crate) fn of(files: &[(Vec<u8>, Vec<u8>)]) -> Packed {
        let place = |(head, rules): &(Vec<u8>, Vec<u8>)| (head.len(), rules.len(), xxh3_64(rules));
        let mut part = packed(&files.iter().map(place).collect::<Vec<Lengths>>());
        files.iter().for_each(|(head, _)| part.extend_from_slice(head));
        let front =
            [MAGIC, &xxh3_64(&part).to_le_bytes(), &(part.len() as u64).to_le_bytes(), &part];
        let rules = files.iter().flat_map(|(_, rules)| rules).copied().collect();
        let (front, rules) = (front.concat(), Rules::Memory(rules));
        let places = places(&front).expect("it was put together as it is read");
        Packed { front, rules, places }
    }

    /// Reads what [`Packed::write`] wrote; none if it is not whole. Rules stay in the file until
    /// they are asked for.
    pub(crate) fn open(path: &Path) -> Option<Packed> {
        let mut file = File::open(path).ok()?;
        let mut front = vec![0; MAGIC.len() + 16];
        file.read_exact(&mut front).ok()?;
        let length = u64::from_le_bytes(*front.last_chunk()?);
        // A length that is wrong must not be memory that is not there.
        (length <= file.metadata().ok()?.len()).then_some(())?;
        (&mut file).take(length).read_to_end(&mut front).ok()?;
        let places = places(&front)?;
        let end = places.last().map_or(0, |(_, rules, _)| rules.end);
        let whole = file.metadata().ok()?.len() == (front.len() + end) as u64;
        let rules = Rules::File(Mutex::new(file), path.to_owned());
        whole.then_some(Packed { front, rules, places })
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

    /// The heads of all files.
    pub(crate) fn heads(&self) -> impl Iterator<Item = Head<'_>> {
        self.places.iter().map(|(head, ..)| Head::read(&self.front[head.clone()]))
    }

    /// The rules of a file, by its place among all.
    ///
    /// # Panics
    /// There is no such file, or the disk that the cache lies on has failed since it was opened.
    pub(crate) fn rules(&self, at: usize) -> Vec<FileRule> {
        let (_, place, digest) = &self.places[at];
        let bytes = match &self.rules {
            Rules::Memory(rules) => Cow::Borrowed(&rules[place.clone()]),
            Rules::File(file, path) => {
                let bytes = self.read_at(file, place);
                let sound = bytes.ok().filter(|bytes| xxh3_64(bytes) == *digest);
                let path = path.display();
                Cow::Owned(
                    sound.unwrap_or_else(|| panic!("the cache {path} cannot be read any more")),
                )
            }
        };
        read::<Vec<PackedRule>>(&bytes).into_iter().map(PackedRule::into_rule).collect()
    }

    fn read_at(&self, file: &Mutex<File>, place: &Range<usize>) -> io::Result<Vec<u8>> {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start((self.front.len() + place.start) as u64))?;
        let mut bytes = vec![0; place.len()];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// The places of heads and rules; none if `front` is not whole.
fn places(front: &[u8]) -> Option<Vec<(Range<usize>, Range<usize>, u64)>> {
    let (digest, rest) = front.strip_prefix(MAGIC)?.split_first_chunk()?;
    let (length, part) = rest.split_first_chunk()?;
    let whole = part.len() as u64 == u64::from_le_bytes(*length);
    if !whole || xxh3_64(part) != u64::from_le_bytes(*digest) {
        return None;
    }
    let (lengths, heads): (Vec<Lengths>, _) = postcard::take_from_bytes(part).ok()?;
    let (mut head, mut rules) = (front.len() - heads.len(), 0);
    let place = |(head_length, rules_length, digest)| {
        let start = (head, rules);
        (head, rules) = (head + head_length, rules + rules_length);
        (start.0..head, start.1..rules, digest)
    };
    let places = lengths.into_iter().map(place).collect();
    (head == front.len()).then_some(places)
}

/// Reads what this build packed, and a digest held whole.
fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> T {
    postcard::from_bytes(bytes).expect("it is what was packed")
}

/// What the file of packed rules begins with.
const MAGIC: &[u8] = b"chaffinch rules\n";

/// A file's head, and its rules without what proves them.
pub(crate) fn pack(file: RuleFile) -> (Vec<u8>, Vec<u8>) {
    let head = Head::packed(&file);
    let rules: Vec<PackedRule> = file.rules.into_par_iter().map(PackedRule::of).collect();
    (head, packed(&rules))
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
    /// What is made of each pattern.
    prepared: Vec<Prepared>,
}

impl PackedRule {
    fn of(rule: FileRule) -> PackedRule {
        let FileRule { rule, language, patterns, written, era, at, .. } = rule;
        let prepared = patterns.into_iter().map(Pattern::into_prepared).collect();
        let ignore_case = written.ignore_case;
        let place = |key| WRITTEN_KEYS.iter().position(|known| *known == key).unwrap_or_default();
        let keys = written.keys.into_iter();
        let written = keys.map(|(key, texts)| (place(key), texts.to_vec())).collect();
        PackedRule { rule, language, written, ignore_case, era, at, prepared }
    }

    fn into_rule(self) -> FileRule {
        let PackedRule { rule, language, written, ignore_case, era, at, prepared } = self;
        let key = |(place, texts): (usize, Vec<String>)| (WRITTEN_KEYS[place], texts.into());
        let keys = written.into_iter().map(key).collect();
        let written = Written { keys, ignore_case };
        let patterns = written.unchecked_patterns().into_iter().zip(prepared);
        let patterns = patterns.map(|(pattern, made)| pattern.with(made)).collect();
        let (removes, keeps) = (Vec::new(), Vec::new());
        FileRule { rule, language, patterns, written, era, at, removes, keeps }
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
        let FileRule { rule, language, patterns, written, era, at, .. } = rule;
        let tells: Vec<_> = patterns.iter().map(Pattern::tells).collect();
        format!("{rule:?} {language:?} {written:?} {era:?} {at} {tells:?}")
    }

    fn packed_shipped() -> Packed {
        Packed::of(&shipped().into_iter().map(pack).collect::<Vec<_>>())
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
            for (at, (head, file)) in packed.heads().zip(shipped()).enumerate() {
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

    #[test]
    #[should_panic(expected = "cannot be read any more")]
    fn rules_that_changed_on_the_disk_are_not_taken() {
        let packed = packed_shipped();
        let mut bytes = written(&packed);
        let at = packed.front.len() + 10;
        bytes[at] ^= 1;
        let path = file("changed", &bytes);
        let packed = Packed::open(&path).expect("what comes before the rules is whole");
        std::fs::remove_file(path).unwrap();
        packed.rules(0);
    }
}
