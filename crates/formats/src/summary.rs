//! What a run adds up to.

use std::collections::BTreeMap;
use std::time::Duration;

use chaffinch_core::stage::RuleId;
use chaffinch_core::{Cleaned, Pipeline, Verdict};
use serde::{Deserialize, Serialize};

/// Documents, cuts and bytes of a rule or stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

impl OutletCounts {
    fn add(&mut self, other: OutletCounts) {
        self.documents += other.documents;
        self.cuts += other.cuts;
        self.bytes += other.bytes;
        self.tail_lines += other.tail_lines;
    }
}

/// What a run adds up to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// All documents.
    pub documents: u64,
    /// Their bytes, decoded.
    pub bytes_in: u64,
    /// Bytes removed from them.
    pub bytes_removed: u64,
    /// Bytes of failed documents, which passed through unchanged.
    #[serde(default)]
    pub bytes_passed: u64,
    /// Documents per verdict.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub verdicts: BTreeMap<Verdict, u64>,
    /// What each stage did.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stages: BTreeMap<String, Counts>,
    /// What each rule did.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, Counts>,
    /// Documents of each outlet, and what was cut from them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outlets: BTreeMap<String, OutletCounts>,
    /// Marks refused, by stage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, u64>,
    /// Problems of documents that failed or are suspect; several documents may share one.
    #[serde(default)]
    pub problem_count: u64,
    /// The first of these problems: the document's name, its verdict and the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<(String, Verdict, String)>,
    /// How long it took, over all of its starts.
    pub elapsed: Duration,
    /// Whether the run was stopped by the user.
    pub interrupted: bool,
    /// Documents that were done when the run began, by an earlier start of the same run.
    pub resumed: u64,
}

/// The most problems that a summary names; all of them stand in the run's record.
const NAMED_PROBLEMS: usize = 10;

impl Summary {
    /// The number of documents with this verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts.get(&verdict).copied().unwrap_or(0)
    }

    /// Adds what came of other documents.
    pub(crate) fn add(&mut self, other: &Summary) {
        self.documents += other.documents;
        self.bytes_in += other.bytes_in;
        self.bytes_removed += other.bytes_removed;
        self.bytes_passed += other.bytes_passed;
        add_all(&mut self.verdicts, &other.verdicts, |sum, count| *sum += count);
        add_all(&mut self.stages, &other.stages, |sum, counts| sum.add(*counts));
        add_all(&mut self.rules, &other.rules, |sum, counts| sum.add(*counts));
        add_all(&mut self.outlets, &other.outlets, |sum, counts| sum.add(*counts));
        add_all(&mut self.refused, &other.refused, |sum, count| *sum += count);
        self.problem_count += other.problem_count;
        let room = NAMED_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(other.problems.iter().take(room).cloned());
    }
}

fn add_all<K: Ord + Clone, V: Default>(
    sums: &mut BTreeMap<K, V>,
    others: &BTreeMap<K, V>,
    add: impl Fn(&mut V, &V),
) {
    for (key, other) in others {
        match sums.get_mut(key) {
            Some(sum) => add(sum, other),
            None => add(sums.entry(key.clone()).or_default(), other),
        }
    }
}

/// What the documents of a block add up to.
#[derive(Default)]
pub(crate) struct Tally {
    summary: Summary,
    rules: BTreeMap<RuleId, Counts>,
}

impl Tally {
    /// Adds a document that was cleaned, or passed through by the engine.
    pub(crate) fn cleaned(&mut self, pipeline: &Pipeline, name: &str, cleaned: &Cleaned<'_>) {
        let stage_of = |rule: RuleId| pipeline.rules().rule(rule).stage.as_str();
        let edits = cleaned.edits();
        for (index, edit) in edits.iter().enumerate() {
            let counts = self.rules.entry(edit.rule).or_default();
            counts.cuts += 1;
            counts.bytes += edit.span.len().saturating_sub(edit.with.len()) as u64;
            let before = &edits[..index];
            counts.documents += u64::from(before.iter().all(|other| other.rule != edit.rule));
            let stage = stage_of(edit.rule);
            if before.iter().all(|other| stage_of(other.rule) != stage) {
                entry(&mut self.summary.stages, stage).documents += 1;
            }
        }
        let removed = cleaned.bytes_removed() as u64;
        if let Some((outlet, _)) = cleaned.outlet() {
            let counts = entry(&mut self.summary.outlets, outlet);
            counts.documents += 1;
            counts.cuts += edits.len() as u64;
            counts.bytes += removed;
            counts.tail_lines += cleaned.tail_lines() as u64;
        }
        for (stage, count) in cleaned.refused() {
            *entry(&mut self.summary.refused, stage) += *count as u64;
        }
        self.summary.bytes_removed += removed;
        let (bytes, verdict) = (cleaned.bytes_in() as u64, cleaned.verdict());
        self.documents(1, bytes, name, verdict, cleaned.reason());
    }

    /// Adds a document that passed through as it was.
    pub(crate) fn failed(&mut self, bytes: u64, name: &str, reason: &str) {
        self.documents(1, bytes, name, Verdict::Failed, Some(reason));
    }

    /// Adds documents that share one problem and passed through unread.
    #[cfg(feature = "parquet")]
    pub(crate) fn failed_together(&mut self, documents: u64, name: &str, reason: &str) {
        self.documents(documents, 0, name, Verdict::Failed, Some(reason));
    }

    fn documents(
        &mut self,
        documents: u64,
        bytes: u64,
        name: &str,
        verdict: Verdict,
        reason: Option<&str>,
    ) {
        self.summary.documents += documents;
        self.summary.bytes_in += bytes;
        if verdict == Verdict::Failed {
            self.summary.bytes_passed += bytes;
        }
        *self.summary.verdicts.entry(verdict).or_default() += documents;
        let Some(reason) = reason else { return };
        self.summary.problem_count += 1;
        if self.summary.problems.len() < NAMED_PROBLEMS {
            self.summary.problems.push((name.to_owned(), verdict, reason.to_owned()));
        }
    }

    /// What it all adds up to.
    pub(crate) fn finish(self, pipeline: &Pipeline) -> Summary {
        let Tally { mut summary, rules } = self;
        for (id, counts) in rules {
            let rule = pipeline.rules().rule(id);
            let stage = entry(&mut summary.stages, &rule.stage);
            stage.cuts += counts.cuts;
            stage.bytes += counts.bytes;
            summary.rules.insert(rule.id.clone(), counts);
        }
        summary
    }
}

fn entry<'m, V: Default>(map: &'m mut BTreeMap<String, V>, key: &str) -> &'m mut V {
    map.entry(key.to_owned()).or_default()
}
