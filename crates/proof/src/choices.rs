//! Checks that every choice of a rule's regexes has a case.
//!
//! In the file of an outlet, each choice needs a written case. A generic rule may list words of
//! many languages; for it, a case that differs from a written one only in the alternative is
//! generated and run, and only choices without such a case need a written one.

use chaffinch_core::Pipeline;
use chaffinch_core::rules::coverage::{self, Gap};
use chaffinch_core::rules::key;
use chaffinch_core::stage::{Action, RuleId, Tier};

use crate::{ERROR, Finding, cases, rules_of};

pub(crate) fn choices(pipeline: &Pipeline, wanted: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for id in rules_of(pipeline, wanted) {
        let (source, cases) = (pipeline.rules().source(id), pipeline.rules().cases(id));
        let rule = pipeline.rule(id);
        // A rule that only gives hints to a detector cuts nothing that a case could show.
        if rule.tier == Tier::Generic && rule.action == Action::Note {
            continue;
        }
        // A rule that removes nothing has its cases in `keeps`.
        let shown = if cases.removes.is_empty() { &cases.keeps } else { &cases.removes };
        for gap in coverage::gaps(&source.written, shown) {
            if rule.tier == Tier::Generic && is_proved(pipeline, id, &gap) {
                continue;
            }
            let path = format!("{}[{}]", gap.key, gap.index);
            let mut finding =
                Finding::of_rule(pipeline, id, (ERROR, "missing-case"), &path, gap.message);
            finding.part = Some(gap.range);
            let list = if cases.removes.is_empty() { "keeps" } else { "removes" };
            findings.push(finding.help(format!("add to `{list}` a text such as {:?}", gap.sample)));
        }
    }
    findings
}

/// Whether some written case, with the sample in place of the rule's match, is also removed by this
/// rule alone.
fn is_proved(pipeline: &Pipeline, id: RuleId, gap: &Gap) -> bool {
    let is_line = !matches!(gap.key, "start" | "end" | "inside");
    let matches = |line: &str| {
        let key = key::key(&line.replace(['⟦', '⟧'], "")).into_owned();
        pipeline.rules().patterns(id).iter().any(|pattern| pattern.is_match(&key))
    };
    let marked = |case: &str, line: &str| match case.contains('⟦') {
        true => case.replace(line, &format!("⟦{}⟧", gap.sample)),
        false => case.replace(line, &gap.sample),
    };
    pipeline.rules().cases(id).removes.iter().any(|case| {
        case.lines().filter(|line| matches(line)).any(|line| {
            let made = match (is_line, line.find('⟦'), line.find('⟧')) {
                (true, ..) => marked(case, line),
                (false, Some(open), Some(close)) if open < close => {
                    let space = |text: &str| if text.ends_with(' ') { " " } else { "" };
                    let inner = &line[open + '⟦'.len_utf8()..close];
                    let (above, below) = (&line[..open], &line[close..]);
                    let new = format!("{above}⟦{}{}{below}", gap.sample, space(inner));
                    case.replace(line, &new)
                }
                _ => return false,
            };
            cases::removes_alone(pipeline, id, &made)
        })
    })
}
