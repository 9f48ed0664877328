//! Rule files as a run keeps them: read and checked, packed into bytes, and unpacked one by one
//! when a document needs them.
//!
//! Of ten thousand outlets most runs see a few, and what is made of a rule takes ten times the
//! bytes of its packed form. The same bytes, in a file, are what the next run begins with (see
//! [`crate::cache`]).

use std::ops::Range;

use chaffinch_stage::{Act, At, Place, Rule, Tier};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::file::{self, Era, FileRule, RuleFile, Subject, WRITTEN_KEYS, Written};
use crate::key;
use crate::pattern::Tell;

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
#[derive(Debug, Default)]
pub(crate) struct Packed {
    /// As [`Packed::from_bytes`] reads them.
    bytes: Vec<u8>,
    // For each file, where its head and its rules lie among `bytes`.
    places: Vec<(Range<usize>, Range<usize>)>,
}

impl Packed {
    /// Puts together what [`pack`] gave for each file.
    pub(crate) fn of(files: &[(Vec<u8>, Vec<u8>)]) -> Packed {
        let lengths: Vec<(usize, usize)> =
            files.iter().map(|(head, rules)| (head.len(), rules.len())).collect();
        let lengths = packed(&lengths);
        let mut bytes = MAGIC.to_vec();
        bytes.resize(MAGIC.len() + 8, 0);
        bytes.extend_from_slice(&(lengths.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&lengths);
        // Heads lie side by side: they are read first, and all of them.
        files.iter().for_each(|(head, _)| bytes.extend_from_slice(head));
        files.iter().for_each(|(_, rules)| bytes.extend_from_slice(rules));
        let digest = xxh3_64(&bytes[MAGIC.len() + 8..]);
        bytes[MAGIC.len()..MAGIC.len() + 8].copy_from_slice(&digest.to_le_bytes());
        Packed::from_bytes(bytes).expect("it was put together as it is read")
    }

    /// Reads what [`Packed::bytes`] gave; none if it is not whole.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Option<Packed> {
        let (digest, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
        if xxh3_64(rest) != u64::from_le_bytes(*digest) {
            return None;
        }
        let (length, rest) = rest.split_first_chunk()?;
        let (lengths, rest) =
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let lengths: Vec<(usize, usize)> = postcard::from_bytes(lengths).ok()?;
        let mut head = bytes.len() - rest.len();
        let mut rules = head + lengths.iter().map(|(head, _)| head).sum::<usize>();
        let place = |(head_length, rules_length): (usize, usize)| {
            let start = (head, rules);
            (head, rules) = (head + head_length, rules + rules_length);
            (start.0..head, start.1..rules)
        };
        let places = lengths.into_iter().map(place).collect();
        (rules == bytes.len()).then_some(Packed { bytes, places })
    }

    /// What another process can read back.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The heads of all files.
    pub(crate) fn heads(&self) -> impl Iterator<Item = Head<'_>> {
        self.places.iter().map(|(head, _)| Head::read(&self.bytes[head.clone()]))
    }

    /// The rules of a file, by its place among all.
    ///
    /// # Panics
    /// There is no such file.
    pub(crate) fn rules(&self, at: usize) -> Vec<FileRule> {
        let rules: Vec<PackedRule> = read(&self.bytes[self.places[at].1.clone()]);
        rules.into_iter().map(PackedRule::into_rule).collect()
    }
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
    // What tells of a generic rule is needed by every run; of an outlet's, by those that see it,
    // and ten thousand outlets are read sooner without.
    let told = file.subject == Subject::Generic;
    let rules: Vec<PackedRule> =
        file.rules.into_par_iter().map(|rule| PackedRule::of(rule, told)).collect();
    (head, packed(&rules))
}

fn packed(value: &impl Serialize) -> Vec<u8> {
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
    /// What tells of each pattern; of none where that is left for later.
    tells: Vec<Vec<Tell>>,
}

impl PackedRule {
    fn of(rule: FileRule, told: bool) -> PackedRule {
        let FileRule { rule, language, patterns, written, era, at, .. } = rule;
        let told = patterns.iter().filter(|_| told);
        let tells = told.map(|pattern| pattern.tells().to_vec()).collect();
        let ignore_case = written.ignore_case;
        let place = |key| WRITTEN_KEYS.iter().position(|known| *known == key).unwrap_or_default();
        let keys = written.keys.into_iter();
        let written = keys.map(|(key, texts)| (place(key), texts.to_vec())).collect();
        PackedRule { rule, language, written, ignore_case, era, at, tells }
    }

    fn into_rule(self) -> FileRule {
        let PackedRule { rule, language, written, ignore_case, era, at, tells } = self;
        let key = |(place, texts): (usize, Vec<String>)| (WRITTEN_KEYS[place], texts.into());
        let keys = written.into_iter().map(key).collect();
        let written = Written { keys, ignore_case };
        let mut patterns = written.unchecked_patterns();
        if !tells.is_empty() {
            let told = patterns.into_iter().zip(tells);
            patterns = told.map(|(pattern, tells)| pattern.told_by(tells)).collect();
        }
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
        let tells: Vec<&[Tell]> = patterns.iter().map(|pattern| pattern.tells()).collect();
        format!("{rule:?} {language:?} {written:?} {era:?} {at} {tells:?}")
    }

    fn packed_shipped() -> Packed {
        Packed::of(&shipped().into_iter().map(pack).collect::<Vec<_>>())
    }

    #[test]
    fn rules_come_back_as_they_were() {
        let packed = Packed::from_bytes(packed_shipped().bytes().to_vec()).expect("it is whole");
        assert_eq!(packed.heads().count(), SHIPPED.len());
        for (at, (head, file)) in packed.heads().zip(shipped()).enumerate() {
            assert_eq!(head, Head::read(&Head::packed(&file)));
            assert_eq!((head.id, head.rules as usize), (file.id.as_str(), file.rules.len()));
            let rules = packed.rules(at);
            assert_eq!(
                rules.iter().map(shown).collect::<Vec<_>>(),
                file.rules.iter().map(shown).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn bytes_that_are_not_whole_are_refused() {
        let packed = packed_shipped();
        let whole = packed.bytes();
        for at in [0, 20, 40, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.to_vec();
            changed[at] ^= 1;
            assert!(Packed::from_bytes(changed).is_none(), "a bit of byte {at}");
            assert!(Packed::from_bytes(whole[..at].to_vec()).is_none(), "{at} bytes");
        }
        assert!(Packed::from_bytes([whole, b"more"].concat()).is_none());
    }
}
