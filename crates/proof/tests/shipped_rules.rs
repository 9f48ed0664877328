//! The shipped rule files pass all checks.

use chaffinch_core::Pipeline;
use chaffinch_proof::{BASELINE, Level, check};

#[test]
fn shipped_rules_have_no_errors() {
    let pipeline = chaffinch_proof::builder().build().unwrap_or_else(|problems| {
        let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", list.join("\n"))
    });
    let findings = check(&pipeline, &[], &|_| true);
    let errors = findings.iter().filter(|finding| finding.level == Level::Error);
    let list: Vec<String> = errors
        .map(|f| {
            format!("{}: {}: {}: {} {:?} {:?}", f.file, f.rule, f.code, f.message, f.help, f.case)
        })
        .collect();
    assert!(list.is_empty(), "{} errors\n{}", list.len(), list.join("\n"));
}

/// Clean articles in sixteen languages, written for this purpose, with headings, quotes, dates and
/// cue words. The title of each is found and kept.
#[test]
fn clean_articles_have_their_titles() {
    let pipeline = Pipeline::shipped().unwrap();
    for (name, text) in BASELINE {
        let cleaned = pipeline.clean_text(text, None);
        assert!(cleaned.fields().get("title").is_some(), "{name} has a title");
    }
    assert_eq!(BASELINE.len(), 16);
}
