//! Turns review decisions about cuts into changes of rule files.
//!
//! An accepted cut becomes a text that its rule must remove. A rejected cut adds an `action: keep`
//! rule to the file of the document's outlet. Without an outlet, it becomes a text that the rule
//! must keep, and its pattern must be narrowed by hand.

use std::collections::{BTreeMap, BTreeSet};

use chaffinch_core::Pipeline;
use chaffinch_core::message::counted;
use chaffinch_core::rules::lexicon::Language;
use chaffinch_core::rules::{Problem, edit};
use chaffinch_core::stage::{Action, Place, RuleId};

use crate::{cases, text_of};

/// A decision about a cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule that made the cut.
    pub rule: String,
    /// Whether the cut is right.
    pub accept: bool,
    /// The lines of the cut, with `⟦ ⟧` around the cut part if it is not all of them.
    pub case: String,
    /// The outlet of the document.
    pub outlet: Option<String>,
}

/// The result of applying decisions.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// The changed rule files: name and new text.
    pub files: BTreeMap<String, String>,
    /// The changes, one per line.
    pub done: Vec<String>,
    /// What must be done by hand, and why.
    pub left: Vec<String>,
}

/// Applies decisions to the rule files of a pipeline without writing them.
///
/// Cases that would fail are left out and reported.
///
/// # Errors
/// If the changed files are invalid.
pub fn apply_review(pipeline: &Pipeline, decisions: &[Decision]) -> Result<Applied, Vec<Problem>> {
    let mut out: BTreeSet<usize> = BTreeSet::new();
    loop {
        let (mut applied, placed) = compose(pipeline, decisions, &out);
        let changed = rebuilt(pipeline, &applied.files)?;
        let failing: Vec<(usize, String)> = placed
            .iter()
            .filter_map(|(at, rule, path)| Some((*at, fails(&changed, rule, path)?)))
            .collect();
        if failing.is_empty() {
            for at in out {
                let Decision { rule, case, .. } = &decisions[at];
                applied.left.push(format!(
                    "{rule}: {case:?} fails as a case of its own; write a case by hand"
                ));
            }
            return Ok(applied);
        }
        out.extend(failing.into_iter().map(|(at, _)| at));
    }
}

/// A decision, the rule whose case it became, and the path of the case in the rule.
type Placed = (usize, String, String);

/// Why a decision cannot become a case of its rule, or a rule of its outlet.
fn not_a_case(pipeline: &Pipeline, id: RuleId, decision: &Decision) -> Option<String> {
    let Decision { rule, accept, case, outlet } = decision;
    let source = pipeline.rules().source(id);
    if source.file.is_empty() {
        let reason = match pipeline.rule(id).stage.as_str() {
            "lines" => "the line model made this cut; to train on it, use `chaffinch lines labels`",
            _ => "this rule belongs to a stage and is in no rule file",
        };
        return Some(reason.to_owned());
    }
    if source.written.template.is_none() || !accept && outlet.is_some() {
        return None;
    }
    let language = rule.rsplit('/').next().unwrap_or_default();
    let list = if *accept { "removes" } else { "keeps" };
    Some(match pipeline.rules().lexicon().language(language) {
        Some(Language { file, .. }) => {
            format!("its phrases are in {file}: add {case:?} to `{list}` of their kind there")
        }
        None => format!("its phrases are in the lexicon: add {case:?} there"),
    })
}

/// The files with all decisions except those in `out`.
fn compose(
    pipeline: &Pipeline,
    decisions: &[Decision],
    out: &BTreeSet<usize>,
) -> (Applied, Vec<Placed>) {
    let (mut applied, mut placed) = (Applied::default(), Vec::new());
    // The lines to keep, by outlet.
    let mut kept: BTreeMap<&str, Vec<(usize, String)>> = BTreeMap::new();
    let mut cases: BTreeMap<(RuleId, bool), Vec<(usize, String)>> = BTreeMap::new();
    for (at, decision) in decisions.iter().enumerate().filter(|(at, _)| !out.contains(at)) {
        let Decision { rule, accept, case, outlet } = decision;
        let Some(id) = pipeline.find_rule(rule) else {
            applied.left.push(format!("{rule}: unknown rule"));
            continue;
        };
        if let Some(reason) = not_a_case(pipeline, id, decision) {
            applied.left.push(format!("{rule}: {reason}"));
            continue;
        }
        let unit = outlet.as_deref().and_then(|outlet| pipeline.rules().unit(outlet));
        match (accept, outlet, unit) {
            (true, ..) => {
                let own =
                    pipeline.rules().source(id).written.keys.iter().any(|(key, _)| *key == "text");
                if !own && !pipeline.rules().cases(id).removes.contains(case) {
                    add(cases.entry((id, true)).or_default(), at, case);
                }
            }
            (false, Some(outlet), Some(_)) => {
                let plain = case.replace(['⟦', '⟧'], "");
                let lines = plain.lines().map(str::trim).filter(|line| !line.is_empty());
                kept.entry(outlet).or_default().extend(lines.map(|line| (at, line.to_owned())));
            }
            (false, ..) => {
                if !pipeline.rules().cases(id).keeps.contains(case) {
                    add(cases.entry((id, false)).or_default(), at, case);
                }
            }
        }
    }
    for ((id, accept), new) in cases {
        let (rule, source) = (pipeline.rule(id), pipeline.rules().source(id));
        let old = pipeline.rules().cases(id);
        let (key, old) = match accept {
            true => ("removes", old.removes.len()),
            false => ("keeps", old.keeps.len()),
        };
        let texts: Vec<String> = new.iter().map(|(_, text)| text.clone()).collect();
        let path = format!("rules[{}]", source.at);
        let Some(text) = applied.change(&source.file, |text| edit::push(text, &path, key, &texts))
        else {
            let file = &source.file;
            applied.left.push(format!("{}: {file} cannot be edited automatically", rule.id));
            continue;
        };
        applied.files.insert(source.file.to_string(), text);
        let count = counted(texts.len() as u64, "text");
        match accept {
            true => {
                applied.done.push(format!("{}: {count} added to `removes`", rule.id));
                let at = |(at, (decision, _)): (usize, (usize, String))| {
                    (decision, rule.id.clone(), format!("removes[{}]", old + at))
                };
                placed.extend(new.into_iter().enumerate().map(at));
            }
            false => {
                applied.done.push(format!("{}: {count} added to `keeps`", rule.id));
                applied.left.push(format!(
                    "{}: narrow its pattern until `chaffinch rules check {}` passes",
                    rule.id, source.file
                ));
            }
        }
    }
    for (outlet, lines) in kept {
        keep(pipeline, outlet, lines, &mut applied, &mut placed);
    }
    (applied, placed)
}

/// Adds a `keep` rule for lines of an outlet.
fn keep(
    pipeline: &Pipeline,
    outlet: &str,
    lines: Vec<(usize, String)>,
    applied: &mut Applied,
    placed: &mut Vec<Placed>,
) {
    let Some(unit) = pipeline.rules().unit(outlet) else { return };
    let file = pipeline.rules().unit_file(unit).to_owned();
    let own = |id: &RuleId| pipeline.rules().source(*id).unit == Some(unit);
    let all: Vec<RuleId> = pipeline.rules().ids().filter(own).collect();
    let text_of = |id: RuleId| match pipeline.rules().source(id).written.keys.as_slice() {
        [("text", texts)] => &**texts,
        _ => &[],
    };
    let keeps = |id: &&RuleId| {
        let rule = pipeline.rule(**id);
        rule.action == Action::Keep && rule.place == Place::Anywhere && !text_of(**id).is_empty()
    };
    let there = all.iter().find(keeps).copied();
    let known: &[String] = there.map_or(&[], text_of);
    let mut new: Vec<(usize, String)> = Vec::new();
    for (at, line) in lines {
        if !known.contains(&line) {
            add(&mut new, at, &line);
        }
    }
    if new.is_empty() {
        return;
    }
    let texts: Vec<String> = new.iter().map(|(_, line)| line.clone()).collect();
    let (id, old, changed) = match there {
        Some(rule) => {
            let source = pipeline.rules().source(rule);
            let path = format!("rules[{}]", source.at);
            let changed = applied.change(&file, |text| {
                let text = edit::push(text, &path, "text", &texts)?;
                edit::push(&text, &path, "keeps", &texts)
            });
            (pipeline.rule(rule).id.clone(), pipeline.rules().cases(rule).keeps.len(), changed)
        }
        None => {
            let taken = |name: &str| {
                let id = format!("{outlet}/{name}");
                all.iter().any(|rule| pipeline.rule(*rule).id == id)
            };
            let numbered = (2..).map(|number| format!("keep-{number}"));
            let mut names = std::iter::once("keep".to_owned()).chain(numbered);
            let name = names.find(|name| !taken(name)).unwrap_or_default();
            // A `keep` rule overrides all stages, but must belong to one.
            let stage = pipeline.stages().next().unwrap_or_default().to_owned();
            let list = |key: &str| {
                let items = texts.iter().map(|text| format!("  - {}", edit::quote(text)));
                std::iter::once(format!("{key}:")).chain(items).collect::<Vec<_>>()
            };
            let mut rule = vec![
                format!("id: {name}"),
                format!("stage: {stage}"),
                "where: anywhere".to_owned(),
                "action: keep".to_owned(),
            ];
            rule.extend(list("text"));
            rule.extend(list("keeps"));
            let changed = applied.change(&file, |text| edit::append(text, "rules", &rule));
            (format!("{outlet}/{name}"), 0, changed)
        }
    };
    let Some(text) = changed else {
        applied.left.push(format!("{outlet}: {file} cannot be edited automatically"));
        return;
    };
    applied.files.insert(file, text);
    applied.done.push(format!("{id}: {} to keep added", counted(texts.len() as u64, "text")));
    let at = |(at, (decision, _)): (usize, (usize, String))| {
        (decision, id.clone(), format!("keeps[{}]", old + at))
    };
    placed.extend(new.into_iter().enumerate().map(at));
}

/// Adds a text, unless an earlier decision added it.
fn add(texts: &mut Vec<(usize, String)>, decision: usize, text: &str) {
    if texts.iter().all(|(_, other)| other != text) {
        texts.push((decision, text.to_owned()));
    }
}

impl Applied {
    /// A file with the changes so far and another change. `None` if the change is not possible.
    fn change(&self, file: &str, change: impl Fn(&str) -> Option<String>) -> Option<String> {
        match self.files.get(file) {
            Some(text) => change(text),
            None => change(&text_of(file)?),
        }
    }
}

/// The pipeline with the changed files instead of its own.
fn rebuilt(
    pipeline: &Pipeline,
    files: &BTreeMap<String, String>,
) -> Result<Pipeline, Vec<Problem>> {
    let rules = pipeline.rules();
    let mut names: BTreeSet<&str> = rules
        .ids()
        .map(|id| &*rules.source(id).file)
        .chain(rules.units().map(|unit| rules.unit_file(unit)))
        .collect();
    names.remove("");
    let mut builder = crate::builder();
    for name in names {
        let text = files.get(name).cloned().or_else(|| text_of(name));
        builder = builder.rule_file(name, &text.unwrap_or_default());
    }
    builder.build()
}

/// The reason why a case fails, if it does.
fn fails(pipeline: &Pipeline, rule: &str, path: &str) -> Option<String> {
    let id = pipeline.find_rule(rule)?;
    let findings = cases::of_rule(pipeline, id);
    findings.into_iter().find(|finding| finding.path.ends_with(path)).map(|finding| finding.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(rule: &str, accept: bool, case: &str, outlet: Option<&str>) -> Decision {
        let outlet = outlet.map(str::to_owned);
        Decision { rule: rule.to_owned(), accept, case: case.to_owned(), outlet }
    }

    fn shipped() -> Pipeline {
        Pipeline::builder().build().unwrap()
    }

    fn applied(decisions: &[Decision]) -> Applied {
        apply_review(&shipped(), decisions).unwrap()
    }

    #[test]
    fn accepted_cuts_become_cases_of_their_rule() {
        let applied = applied(&[
            decision("presstv/breadcrumb", true, "News / Economy", Some("presstv")),
            decision("presstv/breadcrumb", true, "News / Politics", Some("presstv")),
            decision("presstv/breadcrumb", true, "No breadcrumb at all", Some("presstv")),
            decision("presstv/breadcrumb", true, "News / Economy", Some("presstv")),
        ]);
        let file = &applied.files["rules/presstv.yaml"];
        assert!(file.contains("\"Home / Society\", 'News / Economy']"), "{file}");
        assert_eq!(applied.done, ["presstv/breadcrumb: 1 text added to `removes`"]);
        assert_eq!(applied.left.len(), 1);
        assert!(applied.left[0].contains("No breadcrumb at all"), "{:?}", applied.left);
    }

    #[test]
    fn rejected_cuts_are_kept_for_their_outlet() {
        let share = "generic/share-buttons/share/en";
        let applied = applied(&[decision(share, false, "SHARE THIS ARTICLE", Some("presstv"))]);
        let file = &applied.files["rules/presstv.yaml"];
        assert!(file.contains("action: keep\n    text:\n      - 'SHARE THIS ARTICLE'"), "{file}");
        assert_eq!(applied.done, ["presstv/keep: 1 text to keep added"]);
        assert!(applied.left.is_empty());
        let files = [("rules/presstv.yaml".to_owned(), file.clone())];
        let again = rebuilt(&shipped(), &BTreeMap::from(files)).unwrap();
        let text = "The minister told reporters on Tuesday that the talks would go on.\n\n\
                    SHARE THIS ARTICLE\n";
        let unit = again.rules().unit("presstv");
        assert!(again.for_outlet(unit).clean(text.as_bytes()).text().contains("SHARE"));
        assert!(!again.clean(text.as_bytes()).text().contains("SHARE"));
    }

    #[test]
    fn without_an_outlet_the_pattern_must_be_narrowed_by_hand() {
        let applied = applied(&[
            decision("generic/related/see-more-here", false, "Click here for more", None),
            decision("generic/share-buttons/share/en", false, "Share this news", None),
            decision("generic/no/such", true, "x", None),
            decision("generic/lines/model", false, "A heading", None),
        ]);
        let file = &applied.files["rules/generic/related.yaml"];
        assert!(file.contains("Click here for more"));
        assert!(applied.left.iter().any(|left| left.contains("rules/lexicon/en.yaml: add")));
        assert!(applied.left.iter().any(|left| left.contains("narrow its pattern")));
        assert!(applied.left.iter().any(|left| left.contains("unknown rule")));
        assert!(applied.left.iter().any(|left| left.contains("chaffinch lines labels")));
    }
}
