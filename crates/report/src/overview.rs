//! Collects what a run did for the HTML report: totals by rule, outlet and month, and a selection
//! of documents.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

use chaffinch_core::Verdict;
use chaffinch_formats::ledger::{Record, RuleEntry};
use chaffinch_formats::{Error, Originals, Records, ledgers, run_record};
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

use crate::certainty::LeastCertain;
use crate::sample::Sample;
use crate::texts::{Texts, shown};

/// What a run did.
pub struct Overview {
    /// The contents of `run.json`.
    pub run: Value,
    /// The number of documents.
    pub documents: u64,
    /// The number of documents by verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// The number of documents and of bytes cut, by month, for documents with a known date.
    pub months: BTreeMap<String, (u64, u64)>,
    /// The totals of each outlet. Documents without an outlet have an empty name.
    pub outlets: BTreeMap<String, OutletReport>,
    /// Every rule that cut something.
    pub rules: BTreeMap<String, RuleReport>,
    /// A selection of documents, with failed and suspect ones first.
    pub shown: Vec<Shown>,
}

/// The totals of an outlet.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutletReport {
    /// The number of documents.
    pub documents: u64,
    /// The number of documents without cuts.
    pub untouched: u64,
    /// The number of bytes cut.
    pub bytes: u64,
    /// The number of lines left below the last sentence.
    pub tail_lines: u64,
}

/// The totals of a rule.
pub struct RuleReport {
    /// Its stage.
    pub stage: String,
    /// The number of documents in which it cut something.
    pub documents: u64,
    /// The number of its cuts.
    pub cuts: u64,
    /// The number of bytes that it cut.
    pub bytes: u64,
    /// The texts that it cut.
    pub texts: Texts<Sample>,
    /// Those that it was least certain of, if its cuts have a confidence.
    pub least_certain: LeastCertain<Sample>,
}

/// A document shown in the report.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Its outlet, and how it was detected.
    pub outlet: Option<(String, String)>,
    /// Its verdict.
    pub verdict: Verdict,
    /// The reason for the verdict.
    pub reason: Option<String>,
    /// Its date.
    pub day: Option<String>,
    /// The recovered fields.
    pub fields: Map<String, Value>,
    /// The original text. `None` if it is not text or is too long.
    pub source: Option<String>,
    /// The cuts, with their rules.
    pub cuts: Vec<Cut>,
}

/// A cut in a document shown in the report.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Bytes of the source.
    pub range: Range<usize>,
    /// The rule.
    pub rule: String,
    /// Its stage.
    pub stage: String,
    /// The replacement.
    pub with: String,
}

/// The maximum number of failed and suspect documents, and of others.
const DOCUMENTS: [usize; 2] = [60, 60];

/// The maximum number of rules for which a document is selected.
const RULES: usize = 120;

/// The maximum size of a shown document, in bytes.
const LONGEST: usize = 200_000;

/// The number of occurrences kept of each distinct text.
const SAMPLES: usize = 2;

/// Collects what a run did, in bounded memory.
///
/// # Errors
/// If `run` is not the output of a finished run or cannot be read.
pub fn overview(run: &Path) -> Result<Overview, Error> {
    // Rejects a directory that is not the output of a run.
    ledgers(run)?;
    let shown = run.display().to_string();
    let record = run_record(run).map_err(|error| Error::Input(shown, error))?;
    let mut builder = OverviewBuilder {
        overview: Overview {
            run: record,
            documents: 0,
            verdicts: BTreeMap::new(),
            months: BTreeMap::new(),
            outlets: BTreeMap::new(),
            rules: BTreeMap::new(),
            shown: Vec::new(),
        },
        chosen: [BTreeMap::new(), BTreeMap::new()],
        by_rule: HashMap::new(),
    };
    let mut records = Records::of_run(run)?;
    let mut originals = Originals::of_run(run);
    while let Some(record) = records.next()? {
        originals.pass(&record);
        builder.add(&record, records.rules(), &mut originals);
    }
    Ok(builder.finish())
}

struct OverviewBuilder {
    overview: Overview,
    /// By hash: failed and suspect documents, and others.
    chosen: [BTreeMap<u64, Shown>; 2],
    /// For each rule, the document with the smallest hash.
    by_rule: HashMap<String, (u64, Shown)>,
}

impl OverviewBuilder {
    fn add(&mut self, record: &Record<'_>, rules: &[RuleEntry], originals: &mut Originals) {
        let all = &mut self.overview;
        let cut: u64 = record.undo.edits.iter().map(|edit| edit.removed() as u64).sum();
        all.documents += 1;
        *all.verdicts.entry(record.verdict).or_default() += 1;
        if let Some(month) = record.day.as_deref().and_then(|day| day.get(..7)) {
            let (documents, bytes) = all.months.entry(month.to_owned()).or_default();
            (*documents, *bytes) = (*documents + 1, *bytes + cut);
        }
        let name = record.outlet.as_deref().unwrap_or_default();
        let outlet = match all.outlets.get_mut(name) {
            Some(outlet) => outlet,
            None => all.outlets.entry(name.to_owned()).or_default(),
        };
        outlet.documents += 1;
        outlet.untouched += u64::from(record.undo.edits.is_empty());
        outlet.bytes += cut;
        outlet.tail_lines += record.tail_lines;

        let source = OnceCell::new();
        let originals = std::cell::RefCell::new(originals);
        let source = || -> Option<&str> {
            let text = || originals.borrow_mut().of(record).map(|document| document.text);
            source.get_or_init(text).as_deref()
        };
        let mut seen = BTreeSet::new();
        for edit in &record.undo.edits {
            let Some(rule) = rules.get(edit.rule as usize) else { continue };
            let report = match all.rules.get_mut(&rule.id) {
                Some(report) => report,
                None => all.rules.entry(rule.id.clone()).or_insert_with(|| RuleReport {
                    stage: rule.stage.clone(),
                    documents: 0,
                    cuts: 0,
                    bytes: 0,
                    texts: Texts::new(SAMPLES),
                    least_certain: LeastCertain::default(),
                }),
            };
            report.documents += u64::from(seen.insert(edit.rule));
            report.cuts += 1;
            report.bytes += edit.removed() as u64;
            let (text, bytes) = (shown(&edit.text, &edit.with), edit.text.len() as u64);
            let sample = || Sample {
                with: edit.with.clone().into_owned(),
                confidence: edit.confidence,
                ..Sample::of(record, source(), &(edit.at..edit.end()), &edit.text)
            };
            report.texts.add(&text, bytes, &sample);
            if let Some(confidence) = edit.confidence {
                report.least_certain.add(confidence, &text, bytes, &sample);
            }
        }
        self.choose(record, rules, &source);
    }

    /// Adds the document to the selection if it qualifies so far.
    fn choose<'s>(
        &mut self,
        record: &Record<'_>,
        rules: &[RuleEntry],
        source: &dyn Fn() -> Option<&'s str>,
    ) {
        let hash = xxh3_64(record.name().as_bytes());
        let shown = OnceCell::new();
        let shown = || shown.get_or_init(|| Shown::of(record, rules, source())).clone();
        let bad = matches!(record.verdict, Verdict::Failed | Verdict::Suspect);
        for (at, wanted) in [(0, bad), (1, !bad)] {
            let (chosen, most) = (&mut self.chosen[at], DOCUMENTS[at]);
            let near = chosen.last_key_value().is_none_or(|(last, _)| hash < *last);
            if wanted && (near || chosen.len() < most) {
                chosen.insert(hash, shown());
                if chosen.len() > most {
                    chosen.pop_last();
                }
            }
        }
        for edit in &record.undo.edits {
            let Some(rule) = rules.get(edit.rule as usize) else { continue };
            let room = self.by_rule.len() < RULES;
            match self.by_rule.get_mut(&rule.id) {
                Some((least, _)) if *least <= hash => {}
                Some(chosen) => *chosen = (hash, shown()),
                None if room => drop(self.by_rule.insert(rule.id.clone(), (hash, shown()))),
                None => {}
            }
        }
    }

    fn finish(mut self) -> Overview {
        let mut others = std::mem::take(&mut self.chosen[1]);
        for (hash, shown) in self.by_rule.into_values() {
            if !matches!(shown.verdict, Verdict::Failed | Verdict::Suspect) {
                others.insert(hash, shown);
            }
        }
        let mut bad: Vec<Shown> = std::mem::take(&mut self.chosen[0]).into_values().collect();
        bad.sort_by(|a, b| (b.verdict, &a.name).cmp(&(a.verdict, &b.name)));
        let mut others: Vec<Shown> = others.into_values().collect();
        others.sort_by(|a, b| a.name.cmp(&b.name));
        self.overview.shown = bad;
        self.overview.shown.extend(others);
        self.overview
    }
}

impl Shown {
    fn of(record: &Record<'_>, rules: &[RuleEntry], source: Option<&str>) -> Shown {
        let outlet = record.outlet.as_deref().map(str::to_owned);
        let how = record.recognised_by.as_deref().unwrap_or_default().to_owned();
        let cut = |edit: &chaffinch_core::LedgerEdit<'_>| {
            let rule = rules.get(edit.rule as usize);
            let (rule, stage) =
                rule.map_or(("", ""), |rule| (rule.id.as_str(), rule.stage.as_str()));
            Cut {
                range: edit.at..edit.end(),
                rule: rule.to_owned(),
                stage: stage.to_owned(),
                with: edit.with.clone().into_owned(),
            }
        };
        let source = source.filter(|source| source.len() <= LONGEST);
        Shown {
            name: record.name().into_owned(),
            outlet: outlet.map(|outlet| (outlet, how)),
            verdict: record.verdict,
            reason: record.reason.as_deref().map(str::to_owned),
            day: record.day.clone(),
            fields: record.fields.clone(),
            cuts: source.map_or_else(Vec::new, |_| record.undo.edits.iter().map(cut).collect()),
            source: source.map(str::to_owned),
        }
    }
}
