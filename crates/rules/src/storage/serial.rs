//! The serialised forms of rules. The types of `chaffinch_stage` are mirrored here and not serialised
//! themselves: that crate has no dependencies, and the names of caches contain a digest of the sources
//! of this crate only, so a form that is defined elsewhere could change without a new cache.

use std::sync::Arc;

use chaffinch_stage::{Action, At, Certainty, Place, Rule, Tier};
use serde::{Deserialize, Serialize};

use crate::authoring::{
    Allow, Cases, Era, Example, FileRule, WRITTEN_KEYS, Written, WrittenKeys, kind_of,
};
use crate::matching::{Pattern, Pool, Prepared};

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

/// The packed form of a [`RunRule`].
#[derive(Serialize, Deserialize)]
pub(super) struct PackedRule {
    #[serde(with = "RuleDef")]
    rule: Rule,
    digest: u64,
    /// For each pattern: the index of its key in [`WRITTEN_KEYS`], and the numbers of its compiled
    /// form and of its lists.
    patterns: Vec<(usize, u32, Box<[u32]>)>,
}

/// The indices of keys in [`WRITTEN_KEYS`], and their texts.
type PackedKeys = Vec<(usize, Vec<String>)>;

/// The packed form of a [`RuleOrigin`].
#[derive(Serialize, Deserialize)]
pub(super) struct PackedOrigin {
    language: Option<String>,
    written: PackedKeys,
    ignore_case: bool,
    template: Option<PackedKeys>,
    era: Era,
    at: usize,
}

/// Splits a rule for packing, because most runs need only the first part. Its patterns are added
/// to those of its file with [`PackedRule::add`].
pub(super) fn split(rule: FileRule) -> (PackedRule, Vec<(usize, Prepared)>, PackedOrigin, Cases) {
    let FileRule { rule, language, patterns, written, era, at, cases, digest } = rule;
    let keys = written.keys.iter().map(|(key, _)| *key).filter(|key| *key != "detect");
    let prepared = patterns.into_iter().filter_map(Pattern::into_prepared);
    let patterns = keys.map(place).zip(prepared).collect();
    let origin = PackedOrigin {
        language,
        written: packed_keys(&written.keys),
        ignore_case: written.ignore_case,
        template: written.template.as_ref().map(packed_keys),
        era,
        at,
    };
    (PackedRule { rule, digest, patterns: Vec::new() }, patterns, origin, cases)
}

/// The index of a key in [`WRITTEN_KEYS`].
fn place(key: &str) -> usize {
    WRITTEN_KEYS.iter().position(|known| *known == key).unwrap_or_default()
}

fn packed_keys(keys: &WrittenKeys) -> PackedKeys {
    keys.iter().map(|(key, texts)| (place(key), texts.to_vec())).collect()
}

fn unpacked_keys(keys: PackedKeys) -> WrittenKeys {
    keys.into_iter().map(|(place, texts)| (WRITTEN_KEYS[place], texts.into())).collect()
}

impl PackedRule {
    /// Adds a pattern: the index of its key in [`WRITTEN_KEYS`], and the numbers of its compiled form
    /// and of its lists.
    pub(super) fn add(&mut self, key: usize, (compiled, lists): (u32, Box<[u32]>)) {
        self.patterns.push((key, compiled, lists));
    }

    /// Unpacks the rule with the pool of its file.
    pub(super) fn into_rule(self, pool: &Arc<Pool>) -> RunRule {
        let PackedRule { rule, digest, patterns } = self;
        let pattern = |(key, compiled, lists): (usize, u32, Box<[u32]>)| {
            let (anchor, role) = kind_of(WRITTEN_KEYS[key]);
            Pattern::packed(anchor, role, pool, compiled, lists)
        };
        RunRule { rule, patterns: patterns.into_iter().map(pattern).collect(), digest }
    }
}

impl PackedOrigin {
    pub(super) fn into_origin(self) -> RuleOrigin {
        let PackedOrigin { language, written, ignore_case, template, era, at } = self;
        let (keys, template) = (unpacked_keys(written), template.map(unpacked_keys));
        let written = Written { keys, ignore_case, template, lists: Vec::new() };
        RuleOrigin { language, written, era, at }
    }
}

/// What checking a rule file needs besides its rules.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Proof {
    /// The cases of each rule, except those in the lexicon.
    pub(crate) cases: Vec<Cases>,
    pub(crate) examples: Vec<Example>,
    pub(crate) allow: Vec<Allow>,
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
    #[serde(with = "ActionDef")]
    action: Action,
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
#[serde(remote = "Action")]
enum ActionDef {
    Remove,
    Replace(String),
    Keep,
    Note,
}

/// Serialises `At` as a number: its position from 1, or 0 for the last line.
mod at_def {
    use chaffinch_stage::At;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, clippy::ref_option)] // Required by serde.
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
