//! Checks rule files: rules remove and keep what their cases say, leave clean articles unchanged,
//! have a case for every choice of a regex, and are neither useless nor slow.
//!
//! [`check`] runs all checks and returns [`Finding`]s, each with its position in a file. [`mutate`]
//! changes rules and reports changes that no case notices.
//!
//! The methods come from semgrep's must-match and must-not-match tests, Sigma's corpus of
//! known-good logs, HTTPS Everywhere's tests per regex choice, and mutation testing.

mod cases;
mod choices;
mod clean;
mod lexicon;
mod lint;
mod mutation;
mod review;

use std::ops::Range;

use chaffinch_core::rules::{SHIPPED, UnitId};
use chaffinch_core::stage::{Action, RuleId, Setting};
use chaffinch_core::{Builder, Limits, Pipeline};

pub use cases::{cases, examples};
pub use mutation::mutate;
pub use review::{Applied, Decision, apply_review};

/// The shipped clean articles, in sixteen languages: name and text. No rule may cut them.
pub static BASELINE: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/baseline.rs"));

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The rule file is wrong.
    Error,
    /// The rule file should be reviewed.
    Warning,
}

/// A result of a check, with its position.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The severity.
    pub level: Level,
    /// The kind of finding, such as `missing-case`.
    pub code: &'static str,
    /// The rule file.
    pub file: String,
    /// The path in the file, such as `rules[2].removes[0]`. Empty for the file itself.
    pub path: String,
    /// The bytes of the text at that path, if only a part is meant.
    pub part: Option<Range<usize>>,
    /// The rule or the outlet.
    pub rule: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The text that caused the finding.
    pub case: Option<String>,
}

/// The kinds of findings, with their meanings.
pub const CODES: &[(&str, &str)] = &[
    ("case", "A case is not removed or kept as required."),
    ("example", "The output for an example differs from the expected text."),
    ("shadowed", "Another rule cuts the text before this rule."),
    ("helped", "The rule removes its case only together with other rules."),
    ("missing-case", "A choice of a regex has no case."),
    ("baseline", "A rule has a hit in a clean article."),
    ("other-outlet", "A rule has a hit in another outlet's example."),
    ("recognition", "An outlet's signs occur in texts of other origin."),
    ("needless-allow", "An exception is not needed."),
    ("never", "A rule can never match."),
    ("unknown-detector", "A stage has no such detector."),
    ("subsumed", "Other rules remove everything that the rule removes."),
    ("duplicate", "Two files have the same rule."),
    ("shared-sign", "Two outlets have the same sign."),
    ("slow", "A rule is tried on every line."),
    ("large", "A regex is large."),
    ("needless-group", "A group captures text that is not used."),
    ("unknown-field", "A named group is neither a standard field nor declared under `fields`."),
    ("unnoticed", "A changed rule still passes all its cases."),
];

impl Finding {
    /// A finding about a rule. `path` is relative to the rule, such as `removes[0]`.
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

/// A pipeline builder for running cases: without damage caps, and without the line model, so that
/// only rules cut.
pub fn builder() -> Builder {
    let off = Setting::Text("off".to_owned());
    Pipeline::builder().limits(Limits::without_caps()).stage_setting("lines", "level", off)
}

/// Runs all checks on the pipeline's rule files that `wanted` accepts. `articles` are further clean
/// texts, by name, that no rule may cut, in addition to [`BASELINE`].
///
/// The pipeline should come from [`builder`].
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

/// The text of a rule file by its name in findings: from the disk, else from the shipped files.
pub fn text_of(file: &str) -> Option<String> {
    let shipped = || {
        let name = file.strip_prefix("rules/")?;
        SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
    };
    std::fs::read_to_string(file).ok().or_else(shipped)
}

/// The rules of the files that `wanted` accepts, except those that use lists of the lexicon, whose
/// cases are in the lexicon.
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

/// The pipeline for documents of the rule's outlet, if it has one.
fn for_unit(pipeline: &Pipeline, rule: RuleId) -> Pipeline {
    pipeline.for_outlet(pipeline.rules().source(rule).unit)
}

/// The pipeline for the rule's outlet, with only this rule enabled. Stages' own marks and
/// everything that only gives hints to a detector stay enabled: rules that cut nothing, and the
/// other rules of the detector's stage.
fn alone(pipeline: &Pipeline, rule: RuleId) -> Pipeline {
    let rules = pipeline.rules();
    let this = pipeline.rule(rule);
    let other = |id: RuleId| {
        let other = pipeline.rule(id);
        let hints =
            other.action == Action::Note || this.detect.is_some() && other.stage == this.stage;
        id != rule && !hints && !rules.source(id).file.is_empty()
    };
    for_unit(pipeline, rule).without(other)
}
