//! Finds out which documents of a finished run a change of rules can affect, and reuses the results
//! of the others.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chaffinch_core::rules::{How, UnitId};
use chaffinch_core::stage::{RuleId, Span};
use chaffinch_core::{Cleaned, Edit, Pipeline, Recalled, Verdict};

use super::request::{Inputs, Request};
use crate::containers::Text;
use crate::error::Error;
use crate::files::names::{self, base_name};
use crate::ledger::run_rules::{RunRule, pipeline_rules, run_rules};
use crate::ledger::runs::{Records, run_record};
use crate::ledger::{self, Record};

/// The outcomes of an earlier run for the documents of a block, by file and ordinal.
pub(crate) type Known = HashMap<(String, u64), PreviousOutcome>;

/// The outcome of an earlier run for a document that a change of rules may not affect.
pub(crate) struct PreviousOutcome {
    recalled: Recalled,
    unit: Option<UnitId>,
    /// Whether it is affected if a rule matches one of its lines.
    doubtful: bool,
}

/// The outcomes of an earlier run, and what has changed since.
pub(crate) struct Recall<'p> {
    run: PathBuf,
    pipeline: &'p Pipeline,
    pub(crate) request: Request,
    /// The inputs of the earlier run.
    pub(crate) inputs: Inputs,
    change: Change,
    /// The rules of the pipeline, by name.
    rules: HashMap<String, RuleId>,
    /// The number of documents whose outcome was reused.
    pub(crate) known: AtomicU64,
}

/// What has changed.
struct Change {
    /// A change that affects every document.
    all: bool,
    /// Rules that were removed or changed, so that documents they cut are cleaned again.
    gone: HashSet<String>,
    /// The outlets and families with changed rules that do not show in the ledger, or that have no
    /// pattern to match.
    unseen: OutletScope,
    /// The outlets and families with rules that affect a document only if they match: new or
    /// changed rules, and removed rules that do not show in the ledger.
    matched_for: OutletScope,
    /// The pipeline with only those rules; none if there are none.
    matching: Option<Pipeline>,
}

/// Outlets and families; or all documents.
#[derive(Default)]
struct OutletScope {
    all: bool,
    units: HashSet<UnitId>,
}

impl OutletScope {
    fn add(&mut self, rule: &str, pipeline: &Pipeline) {
        let unit = rule.split_once('/').and_then(|(unit, _)| pipeline.rules().unit(unit));
        match unit {
            Some(unit) => drop(self.units.insert(unit)),
            // Generic rules apply to all documents, and so do rules whose file is not known any
            // more.
            None => self.all = true,
        }
    }

    fn holds(&self, unit: Option<UnitId>, pipeline: &Pipeline) -> bool {
        let in_units = |unit: UnitId| {
            let families = pipeline.rules().families(unit);
            self.units.contains(&unit) || families.iter().any(|f| self.units.contains(f))
        };
        self.all || unit.is_some_and(in_units)
    }
}

impl Change {
    fn between(before: &[RunRule], after: &[RunRule], pipeline: &Pipeline) -> Change {
        let by_id = |rules: &[RunRule]| -> HashMap<String, RunRule> {
            rules.iter().map(|rule| (rule.id.clone(), rule.clone())).collect()
        };
        let (old, new) = (by_id(before), by_id(after));
        let mut change = Change {
            all: false,
            gone: HashSet::new(),
            unseen: OutletScope::default(),
            matched_for: OutletScope::default(),
            matching: None,
        };
        let ids = ids(pipeline);
        let mut matched: HashSet<RuleId> = HashSet::new();
        for rule in before.iter().filter(|rule| new.get(&rule.id) != Some(rule)) {
            change.gone.insert(rule.id.clone());
            let is_same =
                |id: &RuleId| ledger::rule_digest(pipeline.rules().digest(*id)) == rule.digest;
            match ids.get(rule.id.as_str()).copied().filter(is_same) {
                _ if rule.shows => {}
                Some(id) if !is_detector(pipeline, id) => {
                    matched.insert(id);
                    change.matched_for.add(&rule.id, pipeline);
                }
                _ => change.unseen.add(&rule.id, pipeline),
            }
        }
        for rule in after.iter().filter(|rule| old.get(&rule.id) != Some(rule)) {
            match ids.get(rule.id.as_str()).copied() {
                Some(id) if !is_detector(pipeline, id) => {
                    matched.insert(id);
                    change.matched_for.add(&rule.id, pipeline);
                }
                _ => change.unseen.add(&rule.id, pipeline),
            }
        }
        if !matched.is_empty() {
            change.matching = Some(pipeline.without(|id| !matched.contains(&id)));
        }
        // Of rules with the same matches, the first is credited, so their order matters.
        let order = |rules: &[RunRule], other: &HashMap<String, RunRule>| -> Vec<String> {
            rules.iter().filter(|rule| other.contains_key(&rule.id)).map(|r| r.id.clone()).collect()
        };
        change.all = order(before, &new) != order(after, &old);
        change
    }
}

/// All rules of a pipeline by their ids.
fn ids(pipeline: &Pipeline) -> HashMap<String, RuleId> {
    let mut ids = HashMap::new();
    pipeline.rules().each_rule(|id, rule| {
        ids.insert(rule.id.to_owned(), id);
    });
    ids
}

/// Whether no pattern finds the lines of a rule: a detector or the model finds them, or the
/// code of a stage.
fn is_detector(pipeline: &Pipeline, id: RuleId) -> bool {
    pipeline.rule(id).detect.is_some() || pipeline.rules().patterns(id).is_empty()
}

impl<'p> Recall<'p> {
    pub(crate) fn of_run(run: &Path, pipeline: &'p Pipeline) -> Result<Recall<'p>, Error> {
        let usage = |message: String| Err(Error::Usage(message));
        let shown = run.display();
        let Ok(record) = run_record(run) else {
            return usage(format!("{shown} is not the output of a run"));
        };
        if record["state"] != "finished" {
            return usage(format!("the run in {shown} did not finish; repeat its command first"));
        }
        let (Ok(request), Ok(rules)) =
            (serde_json::from_value::<Request>(record["job"].clone()), run_rules(run))
        else {
            return usage(format!(
                "the run in {shown} was made by a version of chaffinch that did not record its \
                 rules; clean the input again"
            ));
        };
        if request.to.is_some() || request.sample.is_some() {
            let what = if request.to.is_some() { "converted documents" } else { "is a sample" };
            return usage(format!("the run in {shown} {what}; clean the input again"));
        }
        let mut change = Change::between(&rules, &pipeline_rules(pipeline), pipeline);
        change.all |= record["settings_digest"] != ledger::settings_digest(pipeline).as_str()
            || record["chaffinch"] != env!("CARGO_PKG_VERSION");
        let rules = ids(pipeline);
        let inputs = request.inputs.iter().map(|(path, dir)| (names::path(path), *dir)).collect();
        let known = AtomicU64::new(0);
        Ok(Recall { run: run.to_owned(), pipeline, request, inputs, change, rules, known })
    }

    /// The path that a file had among the inputs of the earlier run.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        if let [(input, directory)] = self.inputs.as_slice() {
            return Some(if *directory { names::below(input, name) } else { input.clone() });
        }
        self.inputs.iter().find_map(|(input, directory)| {
            let rest = name.strip_prefix(&base_name(input))?;
            match directory {
                true => Some(names::below(input, rest.strip_prefix('/')?)),
                false => rest.is_empty().then(|| input.clone()),
            }
        })
    }

    /// Starts to read the outcomes of a run.
    pub(crate) fn read(&self) -> Result<RecallReader<'_>, Error> {
        Ok(RecallReader { recall: self, records: Records::of_run(&self.run)?, next: None })
    }

    /// The outcome of a document, if the change cannot affect it.
    fn earlier(
        &self,
        record: &Record<'_>,
        rule: &dyn Fn(u32) -> Option<RuleId>,
    ) -> Option<PreviousOutcome> {
        if self.change.all || !matches!(record.verdict, Verdict::Cleaned | Verdict::Unchanged) {
            return None;
        }
        let (change, pipeline) = (&self.change, self.pipeline);
        let outlet = record.outlet.as_deref();
        let unit = outlet.and_then(|outlet| pipeline.rules().unit(outlet));
        if unit.is_none() && outlet.is_some() || change.unseen.holds(unit, pipeline) {
            return None;
        }
        let edit = |edit: &chaffinch_core::LedgerEdit<'_>| {
            let span = Span::new(edit.at, edit.end());
            let (rule, with) = (rule(edit.rule)?, edit.with.clone().into_owned());
            Some(Edit { span, rule, with, confidence: edit.confidence })
        };
        let edits = record.undo.edits.iter().map(edit).collect::<Option<Vec<Edit>>>()?;
        let how = record.recognised_by.as_deref().and_then(How::from_word);
        let recalled = Recalled {
            edits,
            fields: record.fields.clone(),
            verdict: record.verdict,
            reason: record.reason.as_deref().map(str::to_owned),
            outlet: outlet.map(str::to_owned).zip(how),
            tail_lines: record.tail_lines as usize,
        };
        let doubtful = change.matched_for.holds(unit, pipeline);
        Some(PreviousOutcome { recalled, unit, doubtful })
    }

    /// The result of the earlier run for a document, if the change of rules does not affect it.
    pub(crate) fn recall<'b>(
        &self,
        text: Text<'b>,
        previous: PreviousOutcome,
    ) -> Option<Cleaned<'b>> {
        let PreviousOutcome { recalled, unit, doubtful } = previous;
        let cleaned = match text {
            Text::Decoded(text) => self.pipeline.recall_text(text, recalled)?,
            Text::Bytes(bytes) => self.pipeline.recall(bytes, recalled)?,
        };
        self.settle(cleaned, unit, doubtful)
    }

    fn settle<'b>(
        &self,
        cleaned: Cleaned<'b>,
        unit: Option<UnitId>,
        doubtful: bool,
    ) -> Option<Cleaned<'b>> {
        if doubtful {
            // A partly cut line is matched again in its later versions, and what matches those does
            // not show in the source.
            let source = cleaned.source();
            let in_part = cleaned.edits().iter().any(|edit| !is_whole(source, edit));
            let matching = self.change.matching.as_ref()?;
            if in_part || matching.matches_anywhere(unit, source) {
                return None;
            }
        }
        self.known.fetch_add(1, Ordering::Relaxed);
        Some(cleaned)
    }
}

/// Whether an edit cuts whole lines.
fn is_whole(source: &str, edit: &Edit) -> bool {
    let (start, end) = (edit.span.start(), edit.span.end());
    let at_line_start = |at: usize| at == 0 || source[..at].ends_with('\n');
    let at_line_end = |at: usize| at == source.len() || source[at..].starts_with(['\n', '\r']);
    edit.removes()
        && (at_line_start(start) && (at_line_start(end) || end == source.len())
            || at_line_end(start) && at_line_end(end))
}

/// A document's file and ordinal, and its outcome.
type Next = ((String, u64), Option<PreviousOutcome>);

/// Reads the outcomes of a run in step with the blocks of another.
pub(crate) struct RecallReader<'a> {
    recall: &'a Recall<'a>,
    records: Records,
    /// The next record and its outcome.
    next: Option<Next>,
}

impl RecallReader<'_> {
    /// The outcomes of documents that are in the order of the ledger.
    pub(crate) fn outcomes(&mut self, documents: Vec<(String, u64)>) -> Result<Known, Error> {
        let mut known = Known::new();
        for key in documents {
            if self.next.is_none() {
                self.next = self.read()?;
            }
            // A record that is not a document has no ledger record.
            if self.next.as_ref().is_some_and(|(next, _)| *next == key)
                && let Some((key, Some(earlier))) = self.next.take()
            {
                known.insert(key, earlier);
            }
        }
        Ok(known)
    }

    fn read(&mut self) -> Result<Option<Next>, Error> {
        let Some(record) = self.records.next()? else { return Ok(None) };
        let rules = self.records.rules();
        let rule = |number: u32| -> Option<RuleId> {
            let entry = rules.get(number as usize)?;
            let is_gone = self.recall.change.gone.contains(&entry.id);
            self.recall.rules.get(&entry.id).copied().filter(|_| !is_gone)
        };
        let earlier = self.recall.earlier(&record, &rule);
        Ok(Some(((record.file.into_owned(), record.ordinal), earlier)))
    }
}
