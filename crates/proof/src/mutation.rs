//! Mutation testing of rules: changes a rule and checks that a case notices. A part of a rule that
//! can be changed unnoticed is not tested.

use chaffinch_core::Pipeline;
use chaffinch_core::rules::Written;
use chaffinch_core::stage::{Action, Place, Rule, RuleId};

use crate::{BASELINE, Finding, WARNING, alone, cases, rules_of};

/// Drops and loosens each rule of the files that `wanted` accepts, one change at a time. Returns
/// the changes that no case, example or clean article notices.
pub fn mutate(pipeline: &Pipeline, wanted: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for id in rules_of(pipeline, wanted) {
        for mutant in mutants(pipeline, id) {
            if !is_noticed(&mutant.pipeline, id, mutant.dropped) {
                let kind = (WARNING, "unnoticed");
                let message = format!("no case notices if {}", mutant.change);
                let finding = Finding::of_rule(pipeline, id, kind, mutant.path, message);
                findings.push(finding.help(mutant.help));
            }
        }
    }
    findings
}

/// A pipeline with one changed rule.
struct Mutant {
    pipeline: Pipeline,
    dropped: bool,
    path: &'static str,
    change: String,
    help: &'static str,
}

fn mutants(pipeline: &Pipeline, id: RuleId) -> Vec<Mutant> {
    let (rule, source) = (pipeline.rule(id), pipeline.rules().source(id));
    let mut mutants = vec![Mutant {
        pipeline: pipeline.without(|other| other == id),
        dropped: true,
        path: "id",
        change: "the rule is dropped".to_owned(),
        help: "other rules already remove its cases: delete it, or add a case that only this rule removes",
    }];
    let mut loosen = |pipeline: Pipeline, path, change: String, help| {
        mutants.push(Mutant { pipeline, dropped: false, path, change, help });
    };
    if !matches!(rule.place, Place::Anywhere) {
        let loose = pipeline.with_rule(id, Rule { place: Place::Anywhere, ..rule.clone() });
        let help = "add to `keeps` the same text among body paragraphs: \"…\\n\\nTEXT\\n\\n…\"";
        loosen(loose, "where", "`where` is changed to `anywhere`".to_owned(), help);
    }
    if rule.at.is_some() {
        let loose = pipeline.with_rule(id, Rule { at: None, ..rule.clone() });
        let help = "add to `keeps` the same text on another line of its place";
        loosen(loose, "at", "`at` is removed".to_owned(), help);
    }
    if rule.max_words.is_some() {
        let loose = pipeline.with_rule(id, Rule { max_words: None, ..rule.clone() });
        let help = "add to `keeps` a similar line with more words";
        loosen(loose, "max_words", "`max_words` is removed".to_owned(), help);
    }
    let changes: [(&str, &str, &str, &str); 2] = [
        (
            "",
            ".+",
            "its pattern may match a longer line",
            "add to `keeps` a line that begins like the pattern and continues",
        ),
        (
            ".+",
            "",
            "its pattern may begin later in the line",
            "add to `keeps` a line that ends like the pattern",
        ),
    ];
    for (before, after, change, help) in changes {
        let [(key @ ("line" | "text"), texts)] = source.written.keys.as_slice() else { continue };
        // A pattern that is already open at that end is not affected.
        let open = |text: &String| match before.is_empty() {
            true => [".+", ".*"].iter().any(|end| text.trim_end_matches(')').ends_with(end)),
            false => [".+", ".*"].iter().any(|start| text.starts_with(start)),
        };
        if texts.iter().all(open) {
            continue;
        }
        let plain = |text: &String| match *key {
            "text" => regex_syntax::escape(text),
            _ => format!("(?:{text})"),
        };
        let texts = texts.iter().map(|text| format!("{before}{}{after}", plain(text))).collect();
        let ignore_case = source.written.ignore_case;
        let loose = Written::new(vec![("line", texts)], ignore_case);
        if let Some(patterns) = loose.patterns() {
            loosen(pipeline.with_patterns(id, patterns), key, change.to_owned(), help);
        }
    }
    mutants
}

fn is_noticed(mutant: &Pipeline, id: RuleId, dropped: bool) -> bool {
    let rules = mutant.rules();
    let cuts = matches!(rules.rule(id).action, Action::Remove | Action::Replace(_));
    if dropped && cuts {
        return cases::others_that_remove(mutant, id).is_none();
    }
    let unit = rules.source(id).unit;
    let example = || {
        let own = |file: &str| unit.is_some_and(|unit| file == rules.unit_file(unit));
        !cases::examples(mutant, &own).is_empty()
    };
    let article = || {
        let alone = alone(mutant, id);
        BASELINE.iter().any(|(_, text)| {
            alone.clean_text(text, None).edits().iter().any(|edit| edit.rule == id)
        })
    };
    !cases::of_rule(mutant, id).is_empty() || example() || article()
}
