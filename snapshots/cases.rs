//! Every case of `corpus/cases`, with the rules that ship: no line of an article may be lost, and nearly
//! all of the rest must go. `CONTRIBUTING.md` has the format.

use std::collections::{BTreeMap, BTreeSet};

use chaffinch_core::Pipeline;
use snapshots::{Case, Mark, files};

/// Of a hundred lines that must go, so many must be gone.
const GONE: usize = 90;

fn cases() -> Vec<Case> {
    Case::read_all("../corpus/cases")
}

#[test]
fn cases_lose_their_chaff_and_nothing_else() {
    let pipeline = Pipeline::shipped().expect("the rules that ship are sound");
    let (mut lost, mut stayed, mut gone) = (0, 0, 0);
    let mut wrong = String::new();
    for case in cases() {
        let text = case.text();
        let cleaned = pipeline.clean_text(&text, None);
        assert!(cleaned.outlet().is_none(), "{} is taken to be of an outlet", case.name);
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
    assert_eq!(lost, 0, "lines of articles are lost\n{wrong}");
    assert!(gone * 100 >= all * GONE, "too much is left: {gone} of {all} lines are gone\n{wrong}");
}

#[test]
fn each_language_has_a_case_with_chaff_and_one_without() {
    let cases: BTreeMap<String, Case> =
        cases().into_iter().map(|case| (case.name.clone(), case)).collect();
    let mut missing = BTreeSet::new();
    for file in files("../rules/lexicon", "yaml") {
        let language = file.file_stem().expect("a name").to_string_lossy().into_owned();
        // What all languages share.
        if language == "mul" {
            continue;
        }
        let chaff = cases.get(&format!("{language}-chaff.case"));
        if !chaff.is_some_and(|case| case.has(Mark::Goes) && case.has(Mark::Stays)) {
            missing
                .insert(format!("{language}-chaff.case, with lines that stay and lines that go"));
        }
        let prose = cases.get(&format!("{language}-prose.case"));
        if !prose.is_some_and(|case| case.has(Mark::Stays) && !case.has(Mark::Goes)) {
            missing.insert(format!("{language}-prose.case, an article that must lose nothing"));
        }
    }
    assert!(missing.is_empty(), "corpus/cases lacks {missing:#?}");
}
