//! A *section* of a [`RuleSet`](crate::RuleSet): the rules of one file, which have consecutive ids
//! and are unpacked together.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use chaffinch_stage::Rule;

use super::unit::UnitId;
use crate::authoring::{Era, FileRule, Written};
use crate::matching::Pattern;
use crate::storage::{Prefilters, RuleOrigin, RunRule};

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
    /// Texts that it must remove.
    pub removes: Vec<String>,
    /// Texts that it must keep.
    pub keeps: Vec<String>,
    /// The outlet or family of its file; `None` for generic rules.
    pub unit: Option<UnitId>,
}

impl Source {
    pub(super) fn of(origin: RuleOrigin, file: &Arc<str>, unit: Option<UnitId>) -> Source {
        let RuleOrigin { written, era, at, .. } = origin;
        let (file, removes, keeps) = (Arc::clone(file), Vec::new(), Vec::new());
        Source { file, at, written, era, removes, keeps, unit }
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
    pub(super) fn of(rules: Vec<FileRule>, file: &Arc<str>, unit: Option<UnitId>) -> SectionRules {
        let (mut all, mut sources) = (Vec::new(), Vec::new());
        for rule in rules {
            let FileRule { rule, patterns, written, era, at, removes, keeps, digest, .. } = rule;
            let file = Arc::clone(file);
            all.push(RunRule { rule, patterns: patterns.into(), digest });
            sources.push(Source { file, at, written, era, removes, keeps, unit });
        }
        SectionRules { sources: OnceLock::from(sources), ..SectionRules::packed(all) }
    }

    /// The prefilters of patterns that are not packed.
    pub(super) fn prefilters(&self) -> Prefilters {
        let of_rule = |patterns: &[Pattern]| patterns.iter().map(Pattern::prefilters).collect();
        self.patterns.iter().map(|patterns| of_rule(patterns)).collect()
    }

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
