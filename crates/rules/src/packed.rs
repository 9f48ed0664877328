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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) file: String,
    pub(crate) subject: Subject,
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) hosts: Vec<String>,
    pub(crate) paths: Vec<String>,
    /// Signs, folded as keys are.
    pub(crate) signs: Vec<String>,
    pub(crate) extends: Vec<String>,
    /// Whether some of its rules hold in an era alone.
    pub(crate) eras: bool,
    /// The stages of its rules that switch on a detector.
    pub(crate) detects: Vec<String>,
    /// The number of its rules.
    pub(crate) rules: u32,
    /// Tells what its rules cut, and in which order they are tried.
    pub(crate) digest: u64,
}

impl Head {
    pub(crate) fn of(file: &RuleFile) -> Head {
        let mut digest = Xxh3Default::new();
        let mut detects: Vec<String> = Vec::new();
        for FileRule { rule, written, era, .. } in &file.rules {
            digest.update(rule.id.as_bytes());
            digest.update(&file::digest(rule, written, era).to_le_bytes());
            if rule.detect.is_some() && !detects.contains(&rule.stage) {
                detects.push(rule.stage.clone());
            }
        }
        Head {
            file: file.file.clone(),
            subject: file.subject,
            id: file.id.clone(),
            name: file.name.clone(),
            hosts: file.hosts.clone(),
            paths: file.paths.clone(),
            signs: file.signs.iter().map(|sign| key::key(sign).into_owned()).collect(),
            extends: file.extends.clone(),
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
    pub(crate) heads: Vec<Head>,
    // Where the rules of each lie among `bytes`.
    places: Vec<Range<usize>>,
    bytes: Vec<u8>,
}

impl Packed {
    /// The rules of the file at this place among `heads`.
    ///
    /// # Panics
    /// It has no such file.
    pub(crate) fn rules(&self, at: usize) -> Vec<FileRule> {
        let rules = unpack(&self.bytes[self.places[at].clone()]);
        rules.expect("what this build packed, and a digest held whole, can be unpacked")
    }

    /// All heads, and leaves none.
    pub(crate) fn take_heads(&mut self) -> Vec<Head> {
        std::mem::take(&mut self.heads)
    }

    /// Packs what `pack` gave for each file.
    pub(crate) fn of(files: Vec<(Head, Vec<u8>)>) -> Packed {
        let mut packed = Packed::default();
        for (head, rules) in files {
            let start = packed.bytes.len();
            packed.bytes.extend_from_slice(&rules);
            packed.places.push(start..packed.bytes.len());
            packed.heads.push(head);
        }
        packed
    }

    /// As bytes that [`Packed::from_bytes`] reads.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let lengths: Vec<usize> = self.places.iter().map(Range::len).collect();
        let heads = packed(&(&self.heads, lengths));
        let mut bytes = MAGIC.to_vec();
        let digest = digest_of(&heads, &self.bytes);
        bytes.extend_from_slice(&digest.to_le_bytes());
        bytes.extend_from_slice(&(heads.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&heads);
        bytes.extend_from_slice(&self.bytes);
        bytes
    }

    /// Reads bytes back; none if they are not what was written, whole.
    pub(crate) fn from_bytes(mut bytes: Vec<u8>) -> Option<Packed> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (digest, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (heads, rules) = rest.split_at_checked(length)?;
        if digest_of(heads, rules) != u64::from_le_bytes(*digest) {
            return None;
        }
        let (heads, lengths): (Vec<Head>, Vec<usize>) = postcard::from_bytes(heads).ok()?;
        let mut end = 0;
        let place = |length: usize| {
            end += length;
            end - length..end
        };
        let places: Vec<_> = lengths.into_iter().map(place).collect();
        let sound = places.len() == heads.len() && end == rules.len();
        let start = bytes.len() - rules.len();
        bytes.drain(..start);
        sound.then_some(Packed { heads, places, bytes })
    }
}

/// What the file of packed rules begins with.
const MAGIC: &[u8] = b"chaffinch rules\n";

fn digest_of(heads: &[u8], rules: &[u8]) -> u64 {
    let mut digest = Xxh3Default::new();
    digest.update(&xxh3_64(heads).to_le_bytes());
    digest.update(rules);
    digest.digest()
}

/// A file's head, and its rules without what proves them.
pub(crate) fn pack(file: RuleFile) -> (Head, Vec<u8>) {
    let head = Head::of(&file);
    // What tells of a generic rule is needed by every run; of an outlet's, by those that see it,
    // and ten thousand outlets are read sooner without.
    let told = file.subject == Subject::Generic;
    let rules: Vec<PackedRule> =
        file.rules.into_par_iter().map(|rule| PackedRule::of(rule, told)).collect();
    (head, packed(&rules))
}

fn unpack(bytes: &[u8]) -> Option<Vec<FileRule>> {
    let rules: Vec<PackedRule> = postcard::from_bytes(bytes).ok()?;
    rules.into_iter().map(PackedRule::into_rule).collect()
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

    fn into_rule(self) -> Option<FileRule> {
        let PackedRule { rule, language, written, ignore_case, era, at, tells } = self;
        let key =
            |(place, texts): (usize, Vec<String>)| Some((*WRITTEN_KEYS.get(place)?, texts.into()));
        let keys = written.into_iter().map(key).collect::<Option<_>>()?;
        let written = Written { keys, ignore_case };
        let mut patterns = written.unchecked_patterns();
        if !tells.is_empty() {
            let told = patterns.into_iter().zip(tells);
            patterns = told.map(|(pattern, tells)| pattern.told_by(tells)).collect();
        }
        let (removes, keeps) = (Vec::new(), Vec::new());
        Some(FileRule { rule, language, patterns, written, era, at, removes, keeps })
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

    #[test]
    fn rules_come_back_as_they_were() {
        let files = shipped();
        let before: Vec<Vec<String>> =
            files.iter().map(|file| file.rules.iter().map(shown).collect()).collect();
        let heads: Vec<String> = files.iter().map(|file| format!("{:?}", Head::of(file))).collect();
        let packed = Packed::of(files.into_iter().map(pack).collect());
        let packed = Packed::from_bytes(packed.to_bytes()).expect("it is what was written");
        assert_eq!(packed.heads.len(), SHIPPED.len());
        for (at, (before, head)) in before.into_iter().zip(heads).enumerate() {
            assert_eq!(format!("{:?}", packed.heads[at]), head);
            assert_eq!(packed.rules(at).iter().map(shown).collect::<Vec<_>>(), before);
        }
    }

    #[test]
    fn bytes_that_are_not_whole_are_refused() {
        let whole = Packed::of(shipped().into_iter().map(pack).collect()).to_bytes();
        for at in [0, 20, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(Packed::from_bytes(changed).is_none(), "a bit of byte {at}");
            assert!(Packed::from_bytes(whole[..at].to_vec()).is_none(), "{at} bytes");
        }
        assert!(Packed::from_bytes([whole.as_slice(), b"more"].concat()).is_none());
    }
}
