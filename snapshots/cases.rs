//! Cleans every case of `corpus/cases` with the shipped rules. No line of an article may be lost,
//! and nearly all boilerplate must be removed. `CONTRIBUTING.md` describes the format.

use std::collections::{BTreeMap, BTreeSet};

use chaffinch_core::Pipeline;
use snapshots::{Case, Mark, files};

/// The minimum share of boilerplate lines to be removed, in percent.
const GONE: usize = 90;

fn cases() -> Vec<Case> {
    Case::read_all("../corpus/cases")
}

#[test]
fn cases_lose_their_boilerplate_and_nothing_else() {
    let pipeline = Pipeline::shipped().expect("the shipped rules are valid");
    let (mut lost, mut stayed, mut gone) = (0, 0, 0);
    let mut wrong = String::new();
    for case in cases() {
        let text = case.text();
        let cleaned = pipeline.clean_text(&text, None);
        assert!(cleaned.outlet().is_none(), "{} is assigned to an outlet", case.name);
        for (at, mark, stays) in case.fates(cleaned.text()) {
            let what = match (mark, stays) {
                (Mark::Stays, false) => "lost",
                (Mark::Goes, true) => "left",
                (Mark::Goes, false) => {
                    gone += 1;
                    continue;
                }
                _ => continue,
            };
            *(if stays { &mut stayed } else { &mut lost }) += 1;
            let place = format!("corpus/cases/{}:{}", case.name, at + 1);
            wrong.push_str(&format!("{what}: {place}: {}\n", case.lines[at].1));
        }
    }
    let all = gone + stayed;
    assert_eq!(lost, 0, "lines of articles were removed\n{wrong}");
    assert!(
        gone * 100 >= all * GONE,
        "only {gone} of {all} boilerplate lines were removed\n{wrong}"
    );
}

#[test]
fn each_language_has_a_case_with_boilerplate_and_one_without() {
    let cases: BTreeMap<String, Case> =
        cases().into_iter().map(|case| (case.name.clone(), case)).collect();
    let mut missing = BTreeSet::new();
    for file in files("../rules/lexicon", "yaml") {
        let language = file.file_stem().expect("a name").to_string_lossy().into_owned();
        // Shared by all languages.
        if language == "mul" {
            continue;
        }
        let chaff = cases.get(&format!("{language}-chaff.case"));
        if !chaff.is_some_and(|case| case.has(Mark::Goes) && case.has(Mark::Stays)) {
            missing.insert(format!("{language}-chaff.case, with `=` lines and `-` lines"));
        }
        let prose = cases.get(&format!("{language}-prose.case"));
        if !prose.is_some_and(|case| case.has(Mark::Stays) && !case.has(Mark::Goes)) {
            missing.insert(format!("{language}-prose.case, with only `=` lines"));
        }
    }
    assert!(missing.is_empty(), "corpus/cases lacks {missing:#?}");
}
