//! The shipped rule files prove themselves.

use chaffinch_core::{Limits, Pipeline, proof};

#[test]
fn every_shipped_rule_holds_its_cases() {
    let limits = Limits { body_cut_share: 1.0, total_cut_share: 1.0, ..Limits::default() };
    let builder = || Pipeline::builder().limits(limits);
    let pipeline = builder().build().unwrap_or_else(|problems| {
        let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", list.join("\n"))
    });
    let forced = |outlet: &str| builder().outlet(outlet).build().unwrap();
    let failures = proof::prove(&pipeline, &forced);
    let list: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), list.join("\n"));
}

/// Clean articles in sixteen languages, written for this: headings, quotes, dates and words that
/// cues are made of. No rule may cut anything of them, whatever the outlet.
#[test]
fn no_rule_cuts_a_clean_article() {
    let pipeline = Pipeline::shipped().unwrap();
    let outlets: Vec<String> =
        pipeline.rules().outlets().map(|(outlet, ..)| outlet.to_owned()).collect();
    let forced = outlets.iter().map(|o| Pipeline::builder().outlet(o).build().unwrap());
    let pipelines: Vec<Pipeline> = std::iter::once(pipeline).chain(forced).collect();
    let mut articles = 0;
    for entry in std::fs::read_dir("../../corpus/baseline").unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        articles += 1;
        for pipeline in &pipelines {
            let cleaned = pipeline.clean(&bytes);
            let cuts: Vec<_> = cleaned
                .edits()
                .iter()
                .map(|edit| {
                    let rule = &pipeline.rules().rules()[edit.rule.0 as usize].id;
                    (rule.as_str(), &cleaned.source()[edit.span.range()])
                })
                .collect();
            assert_eq!(cuts, [], "{}", path.display());
            assert!(cleaned.fields().get("title").is_some(), "{} has a title", path.display());
        }
    }
    assert_eq!(articles, 16);
}
