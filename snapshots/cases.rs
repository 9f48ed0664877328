//! Cleans every case of `corpus/cases` with the shipped rules. No line of an article may be lost,
//! and nearly all boilerplate must be removed. `CONTRIBUTING.md` describes the format.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use chaffinch_core::Pipeline;

/// The minimum share of boilerplate lines to be removed, in percent.
const GONE: usize = 90;

/// The expected fate of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Stays,
    Goes,
    Either,
}

struct Case {
    name: String,
    lines: Vec<(Mark, String)>,
}

impl Case {
    fn read(path: &Path) -> Case {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("it can be read");
        let lines = text.lines().enumerate().map(|(at, line)| {
            let mark = match line.chars().next() {
                Some('=') => Mark::Stays,
                Some('-') => Mark::Goes,
                Some('?') => Mark::Either,
                _ => panic!("corpus/cases/{name}:{}: a line starts with `=`, `-` or `?`", at + 1),
            };
            (mark, line[1..].to_owned())
        });
        Case { lines: lines.collect(), name }
    }

    fn text(&self) -> String {
        self.lines.iter().map(|(_, line)| format!("{line}\n")).collect()
    }

    fn has(&self, mark: Mark) -> bool {
        self.lines.iter().any(|(other, _)| *other == mark)
    }

    /// For each line with words and a mark: its index, its mark, and whether it is kept in this
    /// output.
    fn fates(&self, output: &str) -> Vec<(usize, Mark, bool)> {
        let mut left = BTreeMap::<&str, usize>::new();
        for line in output.lines() {
            *left.entry(line.trim()).or_default() += 1;
        }
        let mut fates = Vec::new();
        for (at, (mark, line)) in self.lines.iter().enumerate() {
            if *mark == Mark::Either || line.trim().is_empty() {
                continue;
            }
            let copies = left.entry(line.trim()).or_default();
            fates.push((at, *mark, *copies > 0));
            *copies = copies.saturating_sub(1);
        }
        fates
    }
}

fn files(folder: &str, extension: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|it| it == extension)).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has no .{extension}");
    files
}

fn cases() -> Vec<Case> {
    files("../corpus/cases", "case").iter().map(|path| Case::read(path)).collect()
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
