//! Checks that rules leave clean articles and the examples of other outlets unchanged.

use std::collections::BTreeSet;

use chaffinch_core::Pipeline;
use chaffinch_core::message::quoted;
use chaffinch_core::rules::{Allow, UnitId};
use chaffinch_core::stage::{Document, RuleId};

use crate::{BASELINE, ERROR, Finding, WARNING};

pub(crate) fn clean(
    pipeline: &Pipeline,
    articles: &[(String, String)],
    wanted: &dyn Fn(&str) -> bool,
) -> Vec<Finding> {
    let rules = pipeline.rules();
    let shipped = BASELINE.iter().copied();
    let own = articles.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let articles: Vec<(&str, &str)> = shipped.chain(own).collect();
    let units: Vec<UnitId> = rules.units().filter(|unit| wanted(rules.unit_file(*unit))).collect();
    let mut checks =
        CleanCheck { pipeline, seen: BTreeSet::new(), used: BTreeSet::new(), findings: Vec::new() };
    for unit in std::iter::once(None).chain(units.iter().copied().map(Some)) {
        let forced = pipeline.for_outlet(unit);
        for (name, text) in &articles {
            checks.report_cuts(
                &forced,
                text,
                name,
                "baseline",
                &format!("the clean article {name}"),
            );
        }
        let Some(unit) = unit else { continue };
        for other in rules.units().filter(|other| !related(pipeline, unit, *other)) {
            let name = rules.unit_name(other);
            for example in rules.examples_of(other) {
                let on = format!("an example of {name}");
                checks.report_own_cuts(&forced, unit, &example.text, name, &on);
            }
        }
        for (at, allow) in rules.allowed(unit).iter().enumerate() {
            if !checks.used.contains(&(allow.rule.clone(), allow.on.clone())) {
                let message = format!("{} has no hit in {}", allow.rule, allow.on);
                let (kind, path) = ((WARNING, "needless-allow"), format!("allow[{at}]"));
                let finding = Finding::of_unit(pipeline, unit, kind, path, message);
                checks.findings.push(finding.help("delete it"));
            }
        }
    }
    for (name, text) in &articles {
        let found = recognised(pipeline, text);
        checks.report_recognition(
            found.filter(|unit| units.contains(unit)),
            &format!("the clean article {name}"),
        );
    }
    for other in rules.units() {
        for example in rules.examples_of(other) {
            let found = recognised(pipeline, &example.text).filter(|unit| units.contains(unit));
            let found = found.filter(|unit| !related(pipeline, *unit, other));
            checks.report_recognition(found, &format!("an example of {}", rules.unit_name(other)));
        }
    }
    checks.findings
}

/// Whether the units are the same or one extends the other.
fn related(pipeline: &Pipeline, a: UnitId, b: UnitId) -> bool {
    let families = |unit| pipeline.rules().families(unit);
    a == b || families(a).contains(&b) || families(b).contains(&a)
}

fn recognised(pipeline: &Pipeline, text: &str) -> Option<UnitId> {
    let rules = pipeline.rules();
    let doc = Document::new(text, pipeline, chaffinch_core::rules::key::key);
    rules.recognise(None, None, &doc).map(|(unit, _)| unit)
}

struct CleanCheck<'a> {
    pipeline: &'a Pipeline,
    seen: BTreeSet<(RuleId, String)>,
    used: BTreeSet<(String, String)>,
    findings: Vec<Finding>,
}

impl CleanCheck<'_> {
    fn report_cuts(
        &mut self,
        forced: &Pipeline,
        text: &str,
        on: &str,
        code: &'static str,
        what: &str,
    ) {
        let cleaned = forced.clean_text(text, None);
        for edit in cleaned.edits().iter().filter(|edit| edit.removes()) {
            let id = edit.rule;
            let Some(allow) = self.allow(id, on) else {
                if self.seen.insert((id, on.to_owned())) {
                    let cut = cleaned.source()[edit.span.range()].trim();
                    let message = format!("cuts {} of {what}", quoted(cut));
                    let kind = (ERROR, code);
                    let finding = Finding::of_rule(self.pipeline, id, kind, "id", message);
                    self.findings.push(finding.case(cut));
                }
                continue;
            };
            let used = (allow.rule.clone(), allow.on.clone());
            self.used.insert(used);
        }
    }

    /// Like [`CleanCheck::report_cuts`], for only the rules of one outlet and its families.
    fn report_own_cuts(
        &mut self,
        forced: &Pipeline,
        unit: UnitId,
        text: &str,
        on: &str,
        what: &str,
    ) {
        let rules = self.pipeline.rules();
        let generic = |id: RuleId| {
            rules.source(id).unit.is_none_or(|of| of != unit && !rules.families(unit).contains(&of))
        };
        self.report_cuts(&forced.without(generic), text, on, "other-outlet", what);
    }

    fn allow(&self, id: RuleId, on: &str) -> Option<Allow> {
        let rules = self.pipeline.rules();
        let allowed = rules.allowed(rules.source(id).unit?);
        let rule = &rules.rule(id).id;
        allowed.iter().find(|allow| allow.rule == *rule && allow.on == on).cloned()
    }

    fn report_recognition(&mut self, unit: Option<UnitId>, what: &str) {
        let Some(unit) = unit else { return };
        let message = format!("its signs also occur in {what}");
        let kind = (ERROR, "recognition");
        let path = "recognise.signs".to_owned();
        let finding = Finding::of_unit(self.pipeline, unit, kind, path, message);
        self.findings.push(finding.help("use lines that only this outlet has"));
    }
}
