//! A finished run once more, with other rules: from its output and its ledger, without its input.
//!
//! The originals are restored, and go through a run of their own. What the change of rules cannot
//! touch is not cleaned again: what the first run found out about it is taken from the ledger. So
//! the result is that of a full run, byte for byte.
//!
//! A change can touch a document if the first run names a rule in it that is gone or another; if a
//! rule that is new or another matches one of its lines; or if it is suspect, since then rules
//! worked that the ledger does not name. What a rule did that keeps, notes, replaces or is a cue for
//! a detector does not all show in the ledger: if it was switched off, its matches tell; if it is
//! another, all documents that it is for are touched. So are all documents if stages, limits, or how
//! outlets are recognised are others.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chaffinch_core::rules::{How, UnitId};
use chaffinch_core::stage::{RuleId, Span};
use chaffinch_core::{Cleaned, Edit, Pipeline, Recalled, Verdict};

use crate::blocks::Block;
use crate::input::base_name;
use crate::job::{Asked, Error, Inputs, Job, Observer, Output, Resume, Stop};
use crate::ledger::{self, Record};
use crate::names;
use crate::output::{exchange, holds_nothing_foreign};
use crate::restore::restore;
use crate::runs::{Records, RunRule, pipeline_rules, run_record, run_rules};
use crate::summary::Summary;

/// What came of a rerun.
#[derive(Debug)]
pub struct Rerun {
    /// What it all adds up to, as a full run tells it.
    pub summary: Summary,
    /// Documents that the change could touch, and that were cleaned again.
    pub cleaned_again: u64,
}

/// Runs the finished run in `run` once more, with the rules of `pipeline`, into `output`; without
/// one, the new output takes the place of the old once it is whole.
///
/// The originals, and the new output as long as it is not whole, lie in a temporary folder beside it
/// in the meantime.
///
/// # Errors
/// `run` is no finished run, was converted to another container or is a sample, or some of its
/// originals cannot be restored; it is to be replaced and holds what no run wrote; or the output
/// cannot be written. `run` is then as it was.
pub fn rerun(
    run: &Path,
    output: Option<&Path>,
    pipeline: &Pipeline,
    observer: &dyn Observer,
    stop: &Stop,
) -> Result<Rerun, Error> {
    let recall = Recall::of_run(run, pipeline)?;
    let failed = |error| Error::Output(output.unwrap_or(run).display().to_string(), error);
    let place = match output {
        Some(output) => std::path::absolute(output).map_err(failed)?,
        None => {
            holds_nothing_foreign(run)?;
            run.canonicalize().map_err(failed)?
        }
    };
    let beside = place.parent().unwrap_or(&place);
    std::fs::create_dir_all(beside).map_err(failed)?;
    let folder = tempfile::Builder::new().prefix(".chaffinch-rerun-").tempdir_in(beside);
    let folder = folder.map_err(failed)?;
    let in_folder = |name: &str| folder.path().join(name);
    let originals = in_folder("originals");
    let restored = restore(run, &originals)?;
    if let Some((name, reason)) = restored.problems.first() {
        let more = match restored.problems.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let message = format!("{name}{more} cannot be restored: {reason}; clean the input again");
        return Err(Error::Usage(message));
    }
    // Several inputs keep their order; what was one input lies in the folder as it was.
    let several: Vec<PathBuf> =
        recall.inputs.iter().map(|(path, _)| names::below(&originals, &base_name(path))).collect();
    let inputs = match several.len() > 1 && several.iter().all(|path| path.exists()) {
        true => several,
        false => vec![originals],
    };
    let target = output.map_or_else(|| in_folder("new"), Path::to_owned);
    let mut job = Job::new(pipeline, inputs, Output::Directory(target.clone()));
    job.container = recall.asked.from;
    job.shard_bytes = recall.asked.shard_bytes;
    job.names = recall.asked.names.clone();
    job.resume = Resume::Never;
    job.recall = Some(&recall);
    let summary = job.run(observer, stop)?;
    if output.is_none() && !summary.interrupted {
        exchange(&place, &target, &in_folder("old")).map_err(failed)?;
    }
    let known = recall.known.load(Ordering::Relaxed);
    Ok(Rerun { cleaned_again: summary.documents - known.min(summary.documents), summary })
}

/// What an earlier run says of the documents of a block, by file and place in it.
pub(crate) type Known = HashMap<(String, u64), Earlier>;

/// What an earlier run says of a document that a change of rules need not touch.
pub(crate) struct Earlier {
    recalled: Recalled,
    unit: Option<UnitId>,
    /// Whether it is touched if a rule matches one of its lines.
    doubtful: bool,
}

/// What an earlier run found out, and which of it still holds.
pub(crate) struct Recall<'p> {
    run: PathBuf,
    pipeline: &'p Pipeline,
    pub(crate) asked: Asked,
    /// The inputs of the earlier run.
    pub(crate) inputs: Inputs,
    change: Change,
    /// The rules of the pipeline, by name.
    rules: HashMap<String, RuleId>,
    /// Documents of which what was found out was taken.
    known: AtomicU64,
}

/// What is other than it was.
struct Change {
    /// Something that touches every document.
    all: bool,
    /// Rules that are gone or others, so that what they cut is to be found anew.
    gone: HashSet<String>,
    /// For whom rules are touched that do not show in the ledger, or that have nothing that could
    /// be matched.
    unseen: Whom,
    /// For whom there are rules whose matches tell whether they make a difference: those that are
    /// new or others, and those that are gone and do not show in the ledger.
    matched_for: Whom,
    /// The pipeline with those rules alone; none if there are none.
    matching: Option<Pipeline>,
}

/// Outlets and families; or all documents.
#[derive(Default)]
struct Whom {
    all: bool,
    units: HashSet<UnitId>,
}

impl Whom {
    fn add(&mut self, rule: &str, pipeline: &Pipeline) {
        let unit = rule.split_once('/').and_then(|(unit, _)| pipeline.rules().unit(unit));
        match unit {
            Some(unit) => drop(self.units.insert(unit)),
            // What is generic is for all, and so is what is not known any more.
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
            unseen: Whom::default(),
            matched_for: Whom::default(),
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
        // Of rules that match the same, the first has the credit: the order matters.
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
    fn of_run(run: &Path, pipeline: &'p Pipeline) -> Result<Recall<'p>, Error> {
        let usage = |message: String| Err(Error::Usage(message));
        let shown = run.display();
        let Ok(record) = run_record(run) else {
            return usage(format!("{shown} is not the output of a run"));
        };
        if record["state"] != "finished" {
            return usage(format!("the run in {shown} did not finish; repeat its command first"));
        }
        let (Ok(asked), Ok(rules)) =
            (serde_json::from_value::<Asked>(record["job"].clone()), run_rules(run))
        else {
            return usage(format!(
                "the run in {shown} is of a version of chaffinch that did not write down its \
                 rules; clean the input again"
            ));
        };
        if asked.to.is_some() || asked.sample.is_some() {
            let what = if asked.to.is_some() { "converted documents" } else { "is a sample" };
            return usage(format!("the run in {shown} {what}; clean the input again"));
        }
        let mut change = Change::between(&rules, &pipeline_rules(pipeline), pipeline);
        change.all |= record["settings_digest"] != ledger::settings_digest(pipeline).as_str()
            || record["chaffinch"] != env!("CARGO_PKG_VERSION");
        let rules = ids(pipeline);
        let inputs = asked.inputs.iter().map(|(path, dir)| (names::path(path), *dir)).collect();
        let known = AtomicU64::new(0);
        Ok(Recall { run: run.to_owned(), pipeline, asked, inputs, change, rules, known })
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

    /// Begins to read what the run says of its documents.
    pub(crate) fn read(&self) -> Result<Reading<'_>, Error> {
        Ok(Reading { recall: self, records: Records::of_run(&self.run)?, next: None })
    }

    /// What is known of a document, if the change cannot touch it.
    fn earlier(
        &self,
        record: &Record<'_>,
        rule: &dyn Fn(u32) -> Option<RuleId>,
    ) -> Option<Earlier> {
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
        Some(Earlier { recalled, unit, doubtful })
    }

    /// A document as the earlier run left it, if the change did not touch it.
    pub(crate) fn recall<'b>(&self, bytes: &'b [u8], earlier: Earlier) -> Option<Cleaned<'b>> {
        let (unit, doubtful) = (earlier.unit, earlier.doubtful);
        self.settle(self.pipeline.recall(bytes, earlier.recalled)?, unit, doubtful)
    }

    /// As [`Recall::recall`], for a text that is decoded.
    pub(crate) fn recall_text<'b>(&self, text: &'b str, earlier: Earlier) -> Option<Cleaned<'b>> {
        let (unit, doubtful) = (earlier.unit, earlier.doubtful);
        self.settle(self.pipeline.recall_text(text, earlier.recalled)?, unit, doubtful)
    }

    fn settle<'b>(
        &self,
        cleaned: Cleaned<'b>,
        unit: Option<UnitId>,
        doubtful: bool,
    ) -> Option<Cleaned<'b>> {
        if doubtful {
            // A line that was cut in part is matched again as it is left, and so are its versions on
            // the way there: what matches them does not show in the source.
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

/// A document's file and place in it, and what is known of it.
type Next = ((String, u64), Option<Earlier>);

/// Reads what a run says of its documents, in step with the blocks of another.
pub(crate) struct Reading<'a> {
    recall: &'a Recall<'a>,
    records: Records,
    /// The record that comes next, and what is known by it.
    next: Option<Next>,
}

impl Reading<'_> {
    /// Gives a block what is known of its documents.
    pub(crate) fn give(&mut self, block: &mut Block) -> Result<(), Error> {
        let mut wanted = Vec::new();
        block.documents(|name, ordinal| wanted.push((name.to_owned(), ordinal)));
        for key in wanted {
            if self.next.is_none() {
                self.next = self.read()?;
            }
            // What has no record, such as a record about records, is no document.
            if self.next.as_ref().is_some_and(|(next, _)| *next == key)
                && let Some((key, Some(earlier))) = self.next.take()
            {
                block.recalled.insert(key, earlier);
            }
        }
        Ok(())
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
