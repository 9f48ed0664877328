//! Every built-in stage passes the contract test with its shipped generic rules.

use chaffinch_core::stage::contract::{self, Found};
use chaffinch_core::stage::{Document, Line, Options, Rule};
use chaffinch_rules::{RuleSet, Search};
use chaffinch_stages::STAGES;

/// The hits of the shipped rules in a line, in the form of the contract test.
fn find(rules: &RuleSet, text: &str) -> Vec<Found> {
    let doc = Document::new(text, rules, chaffinch_rules::key::key);
    let Some(line) = doc.lines().next() else { return Vec::new() };
    let hits = |line: Line<'_, '_>| rules.find(None, line, Search::default(), &mut Vec::new());
    // A lone CR ends a line of a document, but the contract test passes one line at a time.
    hits(line).into_iter().map(|hit| (hit.rule.0 as usize, hit.span.range(), hit.role)).collect()
}

#[test]
fn every_built_in_stage_passes() {
    let names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
    let rules = RuleSet::shipped(&names).unwrap();
    for built_in in STAGES {
        let stage = (built_in.make)(&mut Options::default()).unwrap();
        let mut table: Vec<Rule> = rules.ids().map(|id| rules.rule(id).clone()).collect();
        table.push(Rule::new(format!("stage/{}", built_in.name), built_in.name));
        let own: Vec<String> = rules
            .ids()
            .filter(|id| rules.rule(*id).stage == built_in.name)
            .flat_map(|id| {
                let (own, lexicon) = (rules.cases(id), rules.lexicon_cases(id));
                let all = [&own.removes, &own.keeps, &lexicon.removes, &lexicon.keeps];
                let plain = |case: &String| case.replace(['⟦', '⟧'], "");
                all.into_iter().flatten().map(plain).collect::<Vec<_>>()
            })
            .collect();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let find = |text: &str| find(&rules, text);
        contract::check_with_rules(stage.as_ref(), built_in.name, &table, &find, &own);
    }
}
