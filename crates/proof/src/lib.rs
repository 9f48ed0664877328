//! Holds rule files to what they promise: that what must go goes and what must stay stays, that
//! clean articles are left alone, that every choice of a regex has its case, that no rule is idle.
//!
//! [`check`] does it all and hands back [`Finding`]s, each with its place in its file. [`mutate`]
//! damages rules on purpose and tells which damage no case notices.
//!
//! What it learns from: semgrep's must-fire and must-not-fire marks, Sigma's corpus of known-good
//! logs, HTTPS Everywhere's tests by complexity, mutation testing. The parts are known; rule
//! collections for text had none of them.

mod cases;
mod choices;
mod clean;
mod lexicon;
mod lint;
mod mutation;
mod review;

use std::ops::Range;

use chaffinch_core::rules::{SHIPPED, UnitId};
use chaffinch_core::stage::{Act, RuleId, Setting};
use chaffinch_core::{Builder, Limits, Pipeline};

pub use cases::{cases, examples};
pub use mutation::mutate;
pub use review::{Applied, Decision, apply_review};

/// The clean articles that ship, in sixteen languages: name and text. No rule may cut of them.
pub static BASELINE: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/baseline.rs"));

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The file breaks a promise.
    Error,
    /// Something to look at.
    Warning,
}

/// Something that a check found, with its place.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How grave it is.
    pub level: Level,
    /// What kind of finding it is, a name such as `missing-case`.
    pub code: &'static str,
    /// The rule file.
    pub file: String,
    /// Where in it, such as `rules[2].removes[0]`; empty for the file as a whole.
    pub path: String,
    /// The bytes of the text there that are meant, if not all of it.
    pub part: Option<Range<usize>>,
    /// The rule or the outlet.
    pub rule: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The text that showed it.
    pub case: Option<String>,
}

/// The kinds of findings, each with what it means.
pub const CODES: &[(&str, &str)] = &[
    ("case", "A case does not come out as the rule file says."),
    ("example", "A document does not come out as the rule file says."),
    ("shadowed", "Another rule cuts what the rule is for before it can."),
    ("helped", "The rule removes its case only with the help of other rules."),
    ("missing-case", "A choice of a regex has no case."),
    ("baseline", "A rule fires on a clean article."),
    ("other-outlet", "A rule fires on another outlet's example."),
    ("recognition", "An outlet's signs are in texts that are not the outlet's."),
    ("needless-allow", "An exception is not needed."),
    ("never", "A rule can never fire."),
    ("unknown-detector", "A stage has no such detector."),
    ("subsumed", "Other rules remove all that the rule removes."),
    ("duplicate", "Two files have the same rule."),
    ("shared-sign", "Two outlets have the same sign."),
    ("slow", "A rule is tried on every line."),
    ("large", "A regex is large."),
    ("needless-group", "A group captures what nobody reads."),
    ("unknown-field", "A named group is neither a standard field nor declared under `fields`."),
    ("unnoticed", "A damaged rule passes all its cases."),
];

impl Finding {
    /// A finding about a rule. `path` is the place below the rule, such as `removes[0]`.
    fn of_rule(
        pipeline: &Pipeline,
        id: RuleId,
        (level, code): (Level, &'static str),
        path: &str,
        message: String,
    ) -> Finding {
        let source = pipeline.rules().source(id);
        let path = format!("rules[{}].{path}", source.at);
        let rule = pipeline.rule(id).id.clone();
        let file = source.file.to_string();
        Finding { level, code, file, path, part: None, rule, message, help: None, case: None }
    }

    /// A finding about an outlet or family.
    fn of_unit(
        pipeline: &Pipeline,
        id: UnitId,
        (level, code): (Level, &'static str),
        path: String,
        message: String,
    ) -> Finding {
        let rules = pipeline.rules();
        let (file, rule) = (rules.unit_file(id).to_owned(), rules.unit_name(id).to_owned());
        Finding { level, code, file, path, part: None, rule, message, help: None, case: None }
    }

    fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    fn case(mut self, case: &str) -> Finding {
        self.case = Some(case.to_owned());
        self
    }
}

const ERROR: Level = Level::Error;
const WARNING: Level = Level::Warning;

/// Limits under which rules are held to their cases: those are shorter than articles, so nothing
/// caps what is cut of them.
pub fn no_limits() -> Limits {
    Limits { body_cut_share: 1.0, total_cut_share: 1.0, ..Limits::default() }
}

/// The builder of a pipeline that holds rules to their cases: without caps, and without the line
/// model, so that what is cut is cut by rules.
pub fn builder() -> Builder {
    let off = Setting::Text("off".to_owned());
    Pipeline::builder().to_prove().limits(no_limits()).stage_setting("lines", "level", off)
}

/// All that is to be said of the pipeline's rule files that `wanted` names. `articles` are clean
/// texts, by name, of which no rule may cut; the baseline that ships is always among them.
///
/// The pipeline should be of [`builder`].
pub fn check(
    pipeline: &Pipeline,
    articles: &[(String, String)],
    wanted: &dyn Fn(&str) -> bool,
) -> Vec<Finding> {
    let mut findings = cases(pipeline, wanted);
    findings.extend(lexicon::cases(pipeline, wanted));
    findings.extend(examples(pipeline, wanted));
    findings.extend(choices::choices(pipeline, wanted));
    findings.extend(clean::clean(pipeline, articles, wanted));
    findings.extend(lint::lint(pipeline, wanted));
    findings.sort_by(|a, b| (&a.file, a.level, &a.rule).cmp(&(&b.file, b.level, &b.rule)));
    findings
}

/// The text of a rule file by the name that findings have: on the disk, else among those that ship.
pub fn text_of(file: &str) -> Option<String> {
    let shipped = || {
        let name = file.strip_prefix("rules/")?;
        SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
    };
    std::fs::read_to_string(file).ok().or_else(shipped)
}

/// The rules of files that are wanted, with their numbers; not those that use lists of the lexicon,
/// whose cases the lexicon has.
fn rules_of<'a>(
    pipeline: &'a Pipeline,
    wanted: &'a dyn Fn(&str) -> bool,
) -> impl Iterator<Item = RuleId> + 'a {
    let rules = pipeline.rules();
    rules.ids().filter(move |id| {
        let source = rules.source(*id);
        !source.file.is_empty() && source.written.template.is_none() && wanted(&source.file)
    })
}

/// The pipeline as it is for the rule's outlet, if it has one.
fn for_unit(pipeline: &Pipeline, rule: RuleId) -> Pipeline {
    pipeline.for_outlet(pipeline.rules().source(rule).unit)
}

/// The pipeline with this rule alone, for its outlet. Stages' own findings stay, and what only
/// points a detector to its lines: cues that cut nothing, and the rest of the detector's stage.
fn alone(pipeline: &Pipeline, rule: RuleId) -> Pipeline {
    let rules = pipeline.rules();
    let this = pipeline.rule(rule);
    let other = |id: RuleId| {
        let other = pipeline.rule(id);
        let points = other.act == Act::Note || this.detect.is_some() && other.stage == this.stage;
        id != rule && !points && !rules.source(id).file.is_empty()
    };
    for_unit(pipeline, rule).without(other)
}
