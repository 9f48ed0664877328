//! Runs the cases and examples of rule files: every text that a rule must remove or keep, and every
//! example document, is cleaned and compared.

use chaffinch_core::rules::key::key;
use chaffinch_core::rules::{Cases, Pattern, Source};
use chaffinch_core::stage::{Action, Place, Rule, RuleId, Span, Tier};
use chaffinch_core::{Cleaned, Pipeline, Verdict};

use crate::{ERROR, Finding, alone, for_unit, rules_of};

/// The paragraphs among which a case is placed.
pub(crate) const BODY: [&str; 4] = [
    "The minister told reporters on Tuesday that the two sides had agreed to go on with the talks.",
    "Officials from seven countries took part in the meeting, which was held behind closed doors.",
    "No date was set for the next round, but diplomats expect it to take place before the summer.",
    "The ministry said it would publish the full text of the agreement by the end of the week.",
];

/// The title of the page in which a case is placed.
const TITLE: &str = "Talks in the capital";

/// The paragraphs that replace the `…` lines of a case, in turn.
const INSIDE: [&str; 3] = [
    "The president told members of parliament that both parties had refused to sign the treaty.",
    "Observers from the region were allowed into the building, though not into the hall itself.",
    "Nobody wished to say what had been discussed in the hours before the doors opened again.",
];

/// Runs every case of the rules in the files that `wanted` accepts.
pub fn cases(pipeline: &Pipeline, wanted: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    rules_of(pipeline, wanted).flat_map(|id| of_rule(pipeline, id)).collect()
}

/// Runs every example of the files that `wanted` accepts.
pub fn examples(pipeline: &Pipeline, wanted: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let rules = pipeline.rules();
    let mut findings = Vec::new();
    for unit in rules.units().filter(|unit| wanted(rules.unit_file(*unit))) {
        let own = pipeline.for_outlet(Some(unit));
        for (at, example) in rules.examples_of(unit).iter().enumerate() {
            let cleaned = own.clean(example.text.as_bytes());
            let failed = |path: &str, message: String| {
                let path = format!("examples[{at}].{path}");
                let case: String = example.text.chars().take(60).collect();
                Finding::of_unit(pipeline, unit, (ERROR, "example"), path, message).case(&case)
            };
            if cleaned.text() != example.clean {
                let message = difference(&example.clean, cleaned.text());
                let help = "run `chaffinch rules test` to see the difference, or with --accept to accept the output";
                findings.push(failed("clean", message).help(help));
            }
            // The outlet of the cleaned document may no longer be detectable, so try both with and
            // without it.
            for again in [&own, pipeline] {
                let settled = settled(again, cleaned.output());
                findings.extend(settled.map(|message| failed("text", message)));
            }
        }
    }
    findings
}

/// Describes the first difference between two texts.
fn difference(wanted: &str, got: &str) -> String {
    let mut lines = wanted.lines().zip(got.lines()).enumerate();
    match lines.find(|(_, (wanted, got))| wanted != got) {
        Some((at, (wanted, got))) => {
            format!("line {} of the output is {got:?}, expected {wanted:?}", at + 1)
        }
        None if wanted.lines().count() == got.lines().count() => {
            "the output has different line endings".to_owned()
        }
        None => match got.lines().nth(wanted.lines().count()) {
            Some(line) => format!("the output has an unexpected line: {line:?}"),
            None => {
                let line = wanted.lines().nth(got.lines().count()).unwrap_or_default();
                format!("the output ends before {line:?}")
            }
        },
    }
}

/// Runs the cases of one rule.
pub(crate) fn of_rule(pipeline: &Pipeline, id: RuleId) -> Vec<Finding> {
    let own = for_unit(pipeline, id);
    // The rule as in its file; a mutated pipeline may have a different place for it.
    let (rule, source) = (pipeline.rules().rule(id), pipeline.rules().source(id));
    let cases = pipeline.rules().cases(id);
    let mut findings = Vec::new();
    for (at, case) in cases.removes.iter().enumerate() {
        let path = removes_path(source, cases, at);
        for (document, span, wanted) in set_among_body(case, rule, true) {
            let cleaned = own.clean(document.as_bytes());
            let mut fail = |code, message: String| {
                let finding = Finding::of_rule(pipeline, id, (ERROR, code), &path, message);
                findings.push(finding.case(case));
            };
            if let Some((code, message)) = removed(pipeline, &cleaned, id, span, &wanted) {
                fail(code, message);
            } else if let Action::Remove | Action::Replace(_) = rule.action
                && let Some(message) = needs_help(pipeline, id, &document, span, &wanted)
            {
                fail("helped", message);
            } else {
                let output = cleaned.output();
                let again = settled(&own, output).or_else(|| settled(pipeline, output));
                again.into_iter().for_each(|message| fail("case", message));
            }
        }
    }
    for (at, case) in cases.keeps.iter().enumerate() {
        let mut fail = |message: String| {
            let path = format!("keeps[{at}]");
            let finding = Finding::of_rule(pipeline, id, (ERROR, "case"), &path, message);
            findings.push(finding.case(case));
        };
        for (document, span, free) in set_among_body(case, rule, false) {
            let cleaned = own.clean(document.as_bytes());
            let free: &[Span] = if case.contains('⟦') { &free } else { &[] };
            let cut = cleaned.edits().iter().find(|edit| {
                let may = free.iter().any(|free| edit.span.overlaps(*free)) && edit.rule != id;
                edit.removes() && edit.span.overlaps(span) && !may
            });
            if let Some(edit) = cut {
                let cutter = &pipeline.rule(edit.rule).id;
                let text = cleaned.source()[edit.span.range()].trim();
                fail(format!("must be kept, but {cutter} cuts {text:?}"));
            }
            let output = cleaned.output();
            // Only the outlet's own file knows what it keeps; without the outlet, other rules may
            // cut it.
            let alone = || settled(pipeline, output).filter(|_| rule.action != Action::Keep);
            if let Some(message) = settled(&own, output).or_else(alone) {
                fail(message);
            }
        }
    }
    // A case may be placed in two ways and fail in both.
    findings.dedup_by(|a, b| a.path == b.path && a.code == b.code);
    findings
}

/// The path of a case. Exact lines are their own cases.
fn removes_path(source: &Source, cases: &Cases, at: usize) -> String {
    let own = source.written.keys.first();
    match own.is_some_and(|(key, texts)| *key == "text" && **texts == *cases.removes) {
        true => format!("text[{at}]"),
        false => format!("removes[{at}]"),
    }
}

/// The error if the rule does not remove the case when all other rules are disabled.
fn needs_help(
    pipeline: &Pipeline,
    id: RuleId,
    document: &str,
    span: Span,
    wanted: &[Span],
) -> Option<String> {
    let alone = alone(pipeline, id);
    let cleaned = alone.clean(document.as_bytes());
    removed(&alone, &cleaned, id, span, wanted)?;
    let left = cleaned.source()[span.range()].trim();
    Some(format!("is removed only together with other rules; this rule alone leaves {left:?}"))
}

/// Whether the rule removes a case when all other rules are disabled, in every placement.
pub(crate) fn removes_alone(pipeline: &Pipeline, id: RuleId, case: &str) -> bool {
    let rule = pipeline.rule(id);
    let alone = alone(pipeline, id);
    set_among_body(case, rule, true).iter().all(|(document, span, wanted)| {
        let cleaned = alone.clean(document.as_bytes());
        removed(&alone, &cleaned, id, *span, wanted).is_none()
    })
}

/// The other rules that remove everything this rule removes. `None` if they do not.
pub(crate) fn others_that_remove(pipeline: &Pipeline, id: RuleId) -> Option<Vec<RuleId>> {
    let rule = pipeline.rule(id);
    let without = for_unit(pipeline, id).without(|other| other == id);
    let mut others = Vec::new();
    for case in &pipeline.rules().cases(id).removes {
        for (document, span, wanted) in set_among_body(case, rule, true) {
            let cleaned = without.clean(document.as_bytes());
            let text = cleaned.source();
            let left = text[span.range()].char_indices().any(|(at, c)| {
                let at = span.start() + at;
                let cut = |edit: &chaffinch_core::Edit| edit.span.range().contains(&at);
                wanted.iter().any(|span| span.range().contains(&at))
                    && !c.is_whitespace()
                    && !cleaned.edits().iter().any(cut)
            });
            if left {
                return None;
            }
            others.extend(
                cleaned.edits().iter().filter(|e| e.span.overlaps(span)).map(|edit| edit.rule),
            );
        }
    }
    others.sort();
    others.dedup();
    (!others.is_empty()).then_some(others)
}

/// The error in how the rule removes a case, if there is one.
fn removed(
    pipeline: &Pipeline,
    cleaned: &Cleaned<'_>,
    id: RuleId,
    case: Span,
    wanted: &[Span],
) -> Option<(&'static str, String)> {
    let inside = cleaned.edits().iter().filter(|edit| edit.span.overlaps(case));
    if !inside.clone().any(|edit| edit.rule == id) {
        let cuts = |span: &Span| inside.clone().find(|edit| edit.span.overlaps(*span));
        let cut = wanted.iter().find_map(cuts);
        let rules = pipeline.rules();
        let listed =
            |edit: &chaffinch_core::Edit| rules.source(edit.rule).written.template.is_some();
        if pipeline.rule(id).tier == Tier::Generic && cut.is_some_and(listed) {
            // The lexicon may also cover the case of a generic rule.
            return None;
        }
        return Some(match cut {
            Some(edit) => {
                let other = pipeline.rule(edit.rule);
                let stage = &pipeline.rule(id).stage;
                let why = match other.stage == *stage {
                    true => "which acts first",
                    false => "of an earlier stage",
                };
                ("shadowed", format!("is already cut by {}, {why}", other.id))
            }
            None => {
                let why = why_not(pipeline, id, cleaned, case);
                ("case", format!("is not removed by this rule: {why}"))
            }
        });
    }
    let source = cleaned.source();
    for (at, c) in source[case.range()].char_indices() {
        let at = case.start() + at;
        let must_go = wanted.iter().any(|span| span.range().contains(&at));
        // Other rules may cut more of the case, but not this one.
        let gone = inside
            .clone()
            .any(|edit| edit.span.range().contains(&at) && (must_go || edit.rule == id));
        if !c.is_whitespace() && gone != must_go {
            let word = if must_go { "is kept" } else { "is removed" };
            return Some(("case", format!("{word}: {:?}", &source[at..case.end()])));
        }
    }
    None
}

/// Why a rule does not remove a case, as far as can be seen from its pattern.
fn why_not(pipeline: &Pipeline, id: RuleId, cleaned: &Cleaned<'_>, case: Span) -> &'static str {
    if cleaned.verdict() == Verdict::Suspect {
        return "it would remove most of the document";
    }
    let patterns = pipeline.rules().patterns(id);
    let text = &cleaned.source()[case.range()];
    let matches = |pattern: &Pattern| text.lines().any(|line| pattern.is_match(&key(line)));
    match patterns {
        [] => "its detector finds nothing there",
        _ if !patterns.iter().all(matches) => "the pattern does not match it",
        [_, _] => "the lines of the block match, but out of order or place",
        _ => "the pattern matches, but `where`, `at` or `max_words` exclude it",
    }
}

/// A description of what a second run cuts, if anything.
fn settled(pipeline: &Pipeline, output: &[u8]) -> Option<String> {
    let again = pipeline.clean(output);
    let edit = again.edits().first()?;
    let rule = &pipeline.rule(edit.rule).id;
    let text = &again.source()[edit.span.range()];
    Some(format!("a second run cuts more: {rule} cuts {text:?}"))
}

/// Documents that contain the case: the text, the case's span, and the spans to remove. `titled`
/// puts a title above a case of one paragraph. `⟦ ⟧` in a case marks the spans to remove; without
/// it, everything except `…` lines is removed. In a text to keep, it marks what other rules may
/// cut.
fn set_among_body(case: &str, rule: &Rule, titled: bool) -> Vec<(String, Span, Vec<Span>)> {
    let body = BODY[..3].join("\n\n");
    // Without a title, the first line of the case might be taken for it.
    let opens = rule.at.is_some() || matches!(rule.place, Place::Opening | Place::Rims);
    let titled = titled && !opens && !case.contains("\n\n") && !case.contains('⟦');
    let title = if titled { format!("{TITLE}\n\n") } else { String::new() };
    let edges = |at_head: bool| match at_head {
        true => (title.clone(), format!("\n\n{body}\n\n{}\n", BODY[3])),
        false => (format!("{body}\n\n{}\n\n", BODY[3]), String::from("\n")),
    };
    let head = edges(true);
    let tail = edges(false);
    let middle = (format!("{body}\n\n"), format!("\n\n{}\n\n{body}\n", BODY[3]));
    let settings = match rule.place {
        // Lists are detected at the end of a document.
        Place::Anywhere if rule.detect.is_some() => vec![tail],
        Place::Head | Place::Opening => vec![head],
        Place::Tail | Place::Closing => vec![tail],
        Place::Edges | Place::Rims => vec![head, tail],
        Place::Body | Place::Anywhere => vec![middle],
    };
    settings.into_iter().map(|(above, below)| lay_out(&above, case, &below)).collect()
}

fn lay_out(above: &str, case: &str, below: &str) -> (String, Span, Vec<Span>) {
    let mut document = above.to_owned();
    let marked = case.contains('⟦');
    let (mut wanted, mut open, mut paragraph) = (Vec::new(), None, 0);
    for (i, line) in case.lines().enumerate() {
        if i > 0 {
            document.push('\n');
        }
        if line.trim() == "…" {
            document.push_str(INSIDE[paragraph % INSIDE.len()]);
            paragraph += 1;
            continue;
        }
        let start = document.len();
        for c in line.chars() {
            match c {
                '⟦' => open = Some(document.len()),
                '⟧' => wanted.extend(open.take().map(|open| Span::new(open, document.len()))),
                c => document.push(c),
            }
        }
        if !marked {
            wanted.push(Span::new(start, document.len()));
        }
    }
    let span = Span::new(above.len(), document.len());
    document.push_str(below);
    (document, span, wanted)
}
