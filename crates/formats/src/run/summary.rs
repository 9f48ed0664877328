//! The totals of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chaffinch_core::stage::RuleId;
use chaffinch_core::{Cleaned, Edit, Pipeline, Verdict};
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

/// The totals of one outlet's documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutletCounts {
    /// Its documents.
    pub documents: u64,
    /// Cuts and replacements.
    pub cuts: u64,
    /// Bytes removed.
    pub bytes: u64,
    /// Lines left below the last sentence. If they increase, rules are missing.
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

/// The totals of a run.
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
    /// Totals by stage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stages: BTreeMap<String, Counts>,
    /// Totals by rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, Counts>,
    /// Documents of each outlet, and what was cut from them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outlets: BTreeMap<String, OutletCounts>,
    /// Rejected marks, by stage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, u64>,
    /// Documents that a stage could not judge, by stage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed_stages: BTreeMap<String, u64>,
    /// Problems of documents that failed or are suspect; several documents may share one.
    #[serde(default)]
    pub problem_count: u64,
    /// The first of these problems: the document's name, its verdict and the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<(String, Verdict, String)>,
    /// The duration, over all starts of the run.
    pub elapsed: Duration,
    /// Whether the run was stopped by the user.
    pub interrupted: bool,
    /// Documents that an earlier start of the same run completed.
    pub resumed: u64,
}

/// The maximum number of problems in a summary; the run's record contains all of them.
const NAMED_PROBLEMS: usize = 10;

impl Summary {
    /// The number of documents with this verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts.get(&verdict).copied().unwrap_or(0)
    }

    /// Adds the totals of other documents.
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
        add_all(&mut self.failed_stages, &other.failed_stages, |sum, count| *sum += count);
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

/// The totals of the documents of a block.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    summary: Summary,
    rules: BTreeMap<RuleId, Counts>,
}

impl Tally {
    /// Adds a document that was cleaned, or passed through by the engine.
    pub(crate) fn cleaned(&mut self, pipeline: &Pipeline, name: &str, cleaned: &Cleaned<'_>) {
        let edits = cleaned.edits();
        let removed = |edit: &Edit| edit.span.len().saturating_sub(edit.with.len()) as u64;
        let cuts = edits.iter().map(|edit| (edit.rule, removed(edit)));
        self.cuts(cuts, |rule| pipeline.rules().rule(rule).stage.as_str());
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
        for stage in cleaned.failed_stages() {
            *entry(&mut self.summary.failed_stages, stage) += 1;
        }
        self.summary.bytes_removed += removed;
        let (bytes, verdict) = (cleaned.bytes_in() as u64, cleaned.verdict());
        self.documents(1, bytes, name, verdict, cleaned.reason());
    }

    /// Adds the cuts of one document: the rule of each, and the bytes that it removed.
    fn cuts<'p>(
        &mut self,
        cuts: impl Iterator<Item = (RuleId, u64)>,
        stage_of: impl Fn(RuleId) -> &'p str,
    ) {
        let mut rules: BTreeMap<RuleId, Counts> = BTreeMap::new();
        for (rule, bytes) in cuts {
            rules.entry(rule).or_default().add(Counts { documents: 0, cuts: 1, bytes });
        }
        let mut stages = BTreeSet::new();
        for (rule, counts) in rules {
            self.rules.entry(rule).or_default().add(Counts { documents: 1, ..counts });
            stages.insert(stage_of(rule));
        }
        for stage in stages {
            entry(&mut self.summary.stages, stage).documents += 1;
        }
    }

    /// Adds a document that passed through unchanged.
    pub(crate) fn failed(&mut self, bytes: u64, name: &str, reason: &str) {
        self.documents(1, bytes, name, Verdict::Failed, Some(reason));
    }

    /// Adds documents that share one problem and passed through unread.
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

    /// The totals.
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn the_cost_of_a_document_with_many_cuts_is_linear() {
        let cost = |count: u32| {
            let steps = Cell::new(0);
            let step = || steps.set(steps.get() + 1);
            let mut tally = Tally::default();
            let cuts = (0..count).map(|number| (RuleId(number % 3), 10)).inspect(|_| step());
            tally.cuts(cuts, |rule| {
                step();
                ["one", "two", "two"][rule.0 as usize]
            });
            assert_eq!(tally.rules[&RuleId(0)].documents, 1);
            assert_eq!(tally.rules[&RuleId(0)].cuts, u64::from(count).div_ceil(3));
            assert_eq!(tally.summary.stages["two"].documents, 1);
            steps.get()
        };
        let (one, four) = (cost(1_000), cost(4_000));
        assert!(four < 5 * one, "{one} steps for 1,000 cuts, {four} for 4,000");
    }
}
