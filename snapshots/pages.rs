//! Every page of `corpus/pages`, cleaned at each level of the line model by the rules that ship. A level
//! fails if it removes fewer boilerplate lines or loses more article lines than it did before.
//! `cargo test -p snapshots --test pages -- --nocapture` prints the figures by language and kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use chaffinch_core::Pipeline;
use chaffinch_core::stage::Setting;
use snapshots::{Case, Mark};

/// What a level must reach: at least `removed` boilerplate lines removed, at most `lost` article lines.
///
/// `removed` may only rise and `lost` only fall, unless pages are added.
struct Floor {
    level: &'static str,
    removed: usize,
    lost: usize,
}

const OFF: Floor = Floor { level: "off", removed: 1042, lost: 0 };
const CAREFUL: Floor = Floor { level: "careful", removed: 1281, lost: 0 };
const BALANCED: Floor = Floor { level: "balanced", removed: 1371, lost: 2 };
const FULL: Floor = Floor { level: "full", removed: 1425, lost: 7 };

/// Lines of a group of pages.
#[derive(Clone, Copy, Default)]
struct Counts {
    pages: usize,
    boilerplate: usize,
    removed: usize,
    article: usize,
    lost: usize,
}

impl Counts {
    fn add(&mut self, fates: &[(usize, Mark, bool)]) {
        self.pages += 1;
        for (_, mark, stays) in fates {
            match mark {
                Mark::Goes => {
                    self.boilerplate += 1;
                    self.removed += usize::from(!stays);
                }
                Mark::Stays => {
                    self.article += 1;
                    self.lost += usize::from(!stays);
                }
                Mark::Either => {}
            }
        }
    }
}

fn pages() -> Vec<Case> {
    Case::read_all("../corpus/pages")
}

/// The language and the kind of a page, from its name: `LANGUAGE-KIND-NUMBER.case`.
fn language_and_kind(page: &Case) -> (&str, &str) {
    let mut parts = page.name.split('-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(language), Some(kind), Some(_)) => (language, kind),
        _ => panic!("corpus/pages/{}: a page is named LANGUAGE-KIND-NUMBER.case", page.name),
    }
}

fn pipeline(level: &str) -> Pipeline {
    Pipeline::builder()
        .stage_setting("lines", "level", Setting::Text(level.to_owned()))
        .build()
        .expect("the rules that ship are sound")
}

#[expect(clippy::print_stdout, reason = "the figures are for people who ask for them")]
fn check(floor: &Floor) {
    let pipeline = pipeline(floor.level);
    // By `all`, language and kind.
    let mut groups: BTreeMap<(u8, String), Counts> = BTreeMap::new();
    let mut wrong = String::new();
    for page in pages() {
        let text = page.text();
        let cleaned = pipeline.clean_text(&text, None);
        assert!(cleaned.outlet().is_none(), "{} is taken to be of an outlet", page.name);
        let fates = page.fates(cleaned.text());
        let (language, kind) = language_and_kind(&page);
        for (order, name) in [(0, "all"), (1, language), (2, kind)] {
            groups.entry((order, name.to_owned())).or_default().add(&fates);
        }
        for (at, mark, stays) in fates {
            let what = match (mark, stays) {
                (Mark::Stays, false) => "lost",
                (Mark::Goes, true) => "kept",
                _ => continue,
            };
            let line = &page.lines[at].1;
            let _ = writeln!(wrong, "{what}: corpus/pages/{}:{}: {line}", page.name, at + 1);
        }
    }
    let mut table = format!("level {}\ngroup      pages  removed        lost\n", floor.level);
    for ((_, name), Counts { pages, boilerplate, removed, article, lost }) in &groups {
        let share = *removed as f64 / (*boilerplate).max(1) as f64;
        let _ = writeln!(
            table,
            "{name:<10} {pages:>5}  {removed:>4}/{boilerplate:<4} {share:.2}  {lost:>3}/{article}"
        );
    }
    println!("{table}");
    let all = groups[&(0, "all".to_owned())];
    assert!(
        all.removed >= floor.removed && all.lost <= floor.lost,
        "level {}: {} boilerplate lines are removed, not {}, or {} article lines are lost, not {}\n{wrong}",
        floor.level,
        all.removed,
        floor.removed,
        all.lost,
        floor.lost
    );
}

#[test]
fn rules_alone_reach_their_floor() {
    check(&OFF);
}

#[test]
fn level_careful_reaches_its_floor() {
    check(&CAREFUL);
}

#[test]
fn level_balanced_reaches_its_floor() {
    check(&BALANCED);
}

#[test]
fn level_full_reaches_its_floor() {
    check(&FULL);
}

/// The rows of the README's table of levels: a line of a page and its fate at each level.
#[test]
fn the_examples_of_the_readme_are_true() {
    let readme = include_str!("../README.md");
    let rows: Vec<&str> =
        readme.lines().filter(|row| row.starts_with("| \"") && row.contains(".case`")).collect();
    assert!(rows.len() >= 4, "{rows:?}");
    for (number, floor) in (0..).zip([&OFF, &CAREFUL, &BALANCED, &FULL]) {
        let pipeline = pipeline(floor.level);
        for row in &rows {
            let quoted = row.split('"').nth(1).unwrap_or_default();
            let beginning = quoted.trim_end_matches(" …");
            let name = row.split('`').nth(1).unwrap_or_default();
            let page = pages().into_iter().find(|page| page.name == name).expect("a page");
            let has_line = |text: &str| text.lines().any(|line| line.starts_with(beginning));
            assert!(has_line(&page.text()), "{name} has no line {quoted}");
            let fate = row.split('|').map(str::trim).nth(2 + number).unwrap_or_default();
            let kept = has_line(pipeline.clean_text(&page.text(), None).text());
            assert_eq!(fate.starts_with("kept"), kept, "{quoted} at {}", floor.level);
            assert_eq!(fate.starts_with("removed"), !kept, "{quoted} at {}", floor.level);
        }
    }
}

#[test]
fn pages_are_of_many_languages_and_kinds() {
    let pages = pages();
    let (mut languages, mut kinds, mut english) = (BTreeSet::new(), BTreeSet::new(), 0);
    for page in &pages {
        let (language, kind) = language_and_kind(page);
        assert!(
            page.has(Mark::Stays) && page.has(Mark::Goes),
            "{} has one kind of line",
            page.name
        );
        languages.insert(language);
        kinds.insert(kind);
        english += usize::from(language == "en");
    }
    assert!(pages.len() >= 60 && languages.len() >= 12 && kinds.len() >= 10);
    assert!(english * 3 <= pages.len(), "{english} of {} pages are English", pages.len());
}
