//! What a run adds up to.

use std::collections::BTreeMap;
use std::time::Duration;

use chaffinch_core::{Cleaned, Pipeline, Verdict};
use serde::Serialize;

/// Documents, cuts and bytes of a rule or stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Documents in which it cut something.
    pub documents: u64,
    /// Cuts and replacements.
    pub cuts: u64,
    /// Bytes removed.
    pub bytes: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.documents += other.documents;
        self.cuts += other.cuts;
        self.bytes += other.bytes;
    }
}

/// What a run did to the documents of one outlet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutletCounts {
    /// Its documents.
    pub documents: u64,
    /// Cuts and replacements.
    pub cuts: u64,
    /// Bytes removed.
    pub bytes: u64,
    /// Lines left below the last sentence: where they grow, rules are missing.
    pub tail_lines: u64,
}

/// What a run adds up to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// All documents.
    pub documents: u64,
    /// Their bytes, decoded.
    pub bytes_in: u64,
    /// Bytes removed from them.
    pub bytes_removed: u64,
    /// Documents per verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// What each stage did.
    pub stages: BTreeMap<String, Counts>,
    /// What each rule did.
    pub rules: BTreeMap<String, Counts>,
    /// Documents of each outlet, and what was cut from them.
    pub outlets: BTreeMap<String, OutletCounts>,
    /// Marks refused, by stage.
    pub refused: BTreeMap<String, u64>,
    /// The first documents that failed or are suspect, and why.
    pub problems: Vec<(String, Verdict, String)>,
    /// How long the run took.
    pub elapsed: Duration,
    /// Whether the run was stopped by the user.
    pub interrupted: bool,
}

/// The most problems that a summary names; all of them stand in the run's record.
const NAMED_PROBLEMS: usize = 10;

impl Summary {
    /// The number of documents with this verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts.get(&verdict).copied().unwrap_or(0)
    }

    pub(crate) fn add(&mut self, name: &str, tally: Tally) {
        self.documents += 1;
        self.bytes_in += tally.bytes_in;
        self.bytes_removed += tally.bytes_removed;
        *self.verdicts.entry(tally.verdict).or_default() += 1;
        for (rule, stage, counts) in tally.rules {
            self.rules.entry(rule).or_default().add(counts);
            let stage = self.stages.entry(stage).or_default();
            stage.add(Counts { documents: 0, ..counts });
        }
        for stage in tally.stages {
            self.stages.entry(stage).or_default().documents += 1;
        }
        if let Some(outlet) = tally.outlet {
            let counts = self.outlets.entry(outlet).or_default();
            counts.documents += 1;
            counts.cuts += tally.cuts;
            counts.bytes += tally.bytes_removed;
            counts.tail_lines += tally.tail_lines;
        }
        for (stage, count) in tally.refused {
            *self.refused.entry(stage).or_default() += count as u64;
        }
        if let Some(reason) = tally.reason
            && self.problems.len() < NAMED_PROBLEMS
        {
            self.problems.push((name.to_owned(), tally.verdict, reason));
        }
    }
}

/// What one document adds to a summary.
pub(crate) struct Tally {
    verdict: Verdict,
    reason: Option<String>,
    bytes_in: u64,
    bytes_removed: u64,
    cuts: u64,
    tail_lines: u64,
    rules: Vec<(String, String, Counts)>,
    stages: Vec<String>,
    outlet: Option<String>,
    refused: Vec<(String, usize)>,
}

impl Tally {
    pub(crate) fn failed(bytes: u64, reason: String) -> Tally {
        Tally {
            verdict: Verdict::Failed,
            reason: Some(reason),
            bytes_in: bytes,
            bytes_removed: 0,
            cuts: 0,
            tail_lines: 0,
            rules: Vec::new(),
            stages: Vec::new(),
            outlet: None,
            refused: Vec::new(),
        }
    }

    pub(crate) fn of(pipeline: &Pipeline, cleaned: &Cleaned<'_>) -> Tally {
        let table = pipeline.rules().rules();
        let mut rules: BTreeMap<u32, Counts> = BTreeMap::new();
        for edit in cleaned.edits() {
            let bytes = edit.span.len().saturating_sub(edit.with.len()) as u64;
            let counts =
                rules.entry(edit.rule.0).or_insert(Counts { documents: 1, ..Counts::default() });
            counts.cuts += 1;
            counts.bytes += bytes;
        }
        let rules: Vec<(String, String, Counts)> = rules
            .into_iter()
            .map(|(id, counts)| {
                let rule = &table[id as usize];
                (rule.id.clone(), rule.stage.clone(), counts)
            })
            .collect();
        let mut stages: Vec<String> = rules.iter().map(|(_, stage, _)| stage.clone()).collect();
        stages.sort();
        stages.dedup();
        Tally {
            verdict: cleaned.verdict(),
            reason: cleaned.reason().map(str::to_owned),
            bytes_in: cleaned.bytes_in() as u64,
            bytes_removed: cleaned.bytes_removed() as u64,
            cuts: cleaned.edits().len() as u64,
            tail_lines: cleaned.tail_lines() as u64,
            rules,
            stages,
            outlet: cleaned.outlet().map(|(outlet, _)| outlet.to_owned()),
            refused: cleaned.refused().to_vec(),
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}
