//! A *section* of a [`RuleSet`](crate::RuleSet): the rules of one file, which have consecutive ids
//! and are unpacked together.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use chaffinch_stage::Rule;

use super::unit::UnitId;
use crate::authoring::{Era, Written};
use crate::matching::Pattern;
use crate::storage::{Proof, RuleOrigin, RunRule};

/// What is known about a rule besides the part that stages see.
#[derive(Debug)]
pub struct Source {
    /// The rule file; empty for a stage's own rule.
    pub file: Arc<str>,
    /// Its index among the rules of its file.
    pub at: usize,
    /// Its pattern as written.
    pub written: Written,
    /// The dates on which it applies.
    pub era: Era,
    /// The outlet or family of its file; `None` for generic rules.
    pub unit: Option<UnitId>,
}

impl Source {
    pub(super) fn of(origin: RuleOrigin, file: &Arc<str>, unit: Option<UnitId>) -> Source {
        let RuleOrigin { written, era, at, .. } = origin;
        Source { file: Arc::clone(file), at, written, era, unit }
    }
}

/// A rule file, or a stage's own rule. Its rules have consecutive ids.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) file: Arc<str>,
    pub(super) unit: Option<UnitId>,
    /// The ids of its rules.
    pub(super) ids: Range<u32>,
    pub(super) digest: u64,
    /// Its index among the packed files, if its rules were packed.
    pub(super) packed: Option<usize>,
    /// Its rules, unpacked on first use.
    pub(super) rules: OnceLock<Box<SectionRules>>,
    /// Its cases and examples, unpacked on first use.
    pub(super) proof: OnceLock<Box<Proof>>,
}

/// The rules of a section.
#[derive(Debug, Default)]
pub(super) struct SectionRules {
    pub(super) rules: Vec<Rule>,
    pub(super) patterns: Vec<Box<[Pattern]>>,
    pub(super) digests: Vec<u64>,
    /// Needed only by some commands.
    pub(super) sources: OnceLock<Vec<Source>>,
}

impl SectionRules {
    /// A section whose sources stay packed.
    pub(super) fn packed(all: Vec<RunRule>) -> SectionRules {
        let mut section = SectionRules {
            rules: Vec::with_capacity(all.len()),
            patterns: Vec::with_capacity(all.len()),
            digests: Vec::with_capacity(all.len()),
            sources: OnceLock::new(),
        };
        for RunRule { rule, patterns, digest } in all {
            section.rules.push(rule);
            section.patterns.push(patterns);
            section.digests.push(digest);
        }
        section
    }
}
