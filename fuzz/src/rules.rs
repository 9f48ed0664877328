//! Any text as a rule file, a lexicon file or a pipeline file: a value or problems with a place in
//! the text. The index of a rule file that is valid finds what trying every rule finds.

use std::path::Path;
use std::sync::LazyLock;

use chaffinch_core::Pipeline;
use chaffinch_core::config::Config;
use chaffinch_core::stage::{Document, Hit, Role};
use chaffinch_rules::lexicon::Language;
use chaffinch_rules::{
    LoadOptions, Problem, RuleFile, RuleSet, Search, acts_mid_article, key::key,
};

static STAGES: LazyLock<Vec<&str>> =
    LazyLock::new(|| chaffinch_core::STAGES.iter().map(|stage| stage.name).collect());

/// Replaces the built-in generic rules.
const NO_GENERIC: &str = "generic: promo\nrules: []\n";

/// The first byte selects the kind of file; the rest is its text.
pub(crate) fn run(data: &[u8]) {
    let Some((first, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    match first % 4 {
        0 => match Language::parse("lexicon/xx.yaml", text) {
            Ok(_) => {}
            Err(problems) => check(&problems),
        },
        1 => pipeline(text),
        2 => rules("generic/promo.yaml", text),
        _ => rules("rules/example.yaml", text),
    }
}

/// Problems can be shown.
fn check(problems: &[Problem]) {
    assert!(!problems.is_empty());
    for problem in problems {
        assert!(problem.source.get(problem.span.clone()).is_some(), "{problem:?}");
        let (line, column) = problem.position();
        assert!(line > 0 && column > 0 && !problem.to_string().is_empty());
    }
}

fn pipeline(text: &str) {
    if let Err(problems) = Config::parse("chaffinch.yaml", text, Path::new("none")) {
        check(&problems);
        return;
    }
    let builder = Pipeline::builder().rule_file("generic/promo.yaml", NO_GENERIC).config(
        "chaffinch.yaml",
        text,
        Path::new("none"),
    );
    let Ok(builder) = builder else { unreachable!("it was read a moment ago") };
    if let Err(problems) = builder.build() {
        check(&problems);
    }
}

fn rules(name: &str, text: &str) {
    let file = match RuleFile::parse(name, text, &STAGES) {
        Ok(file) => file,
        Err(problems) => return check(&problems),
    };
    let mut files = vec![(name.to_owned(), text.to_owned())];
    if !name.starts_with("generic/") {
        files.push(("generic/promo.yaml".to_owned(), NO_GENERIC.to_owned()));
    }
    let set = match RuleSet::load(&[], &files, &STAGES, &LoadOptions::ALL) {
        Ok(set) => set,
        Err(problems) => return check(&problems),
    };
    let own = file.rules.iter().map(|rule| rule.cases.clone());
    let cases = own.chain(set.ids().map(|id| set.lexicon_cases(id)));
    let cases = cases.flat_map(|cases| cases.removes.into_iter().chain(cases.keeps));
    let page: String = cases.map(|case| format!("{case}\n")).collect::<String>() + text;
    let page: String = page.chars().take(4000).collect();
    let document = Document::new(&page, &set, key);
    let mut near = Vec::new();
    for line in document.lines() {
        for unit in [None].into_iter().chain(set.units().map(Some)) {
            let shown = |hits: Vec<Hit>| -> Vec<_> {
                hits.into_iter().map(|hit| (hit.rule, hit.span, hit.role, hit.fields)).collect()
            };
            let all = set.find_naively(unit, line).into_iter();
            let (ends, all): (Vec<_>, Vec<_>) = all.partition(|hit| hit.role == Role::Through);
            for end in ends {
                assert_eq!(set.find_end(end.rule, line).map(|hit| hit.span), Some(end.span));
            }
            let inside = all.iter().filter(|hit| acts_mid_article(set.rule(hit.rule))).cloned();
            let search = Search { all_languages: true, ..Search::default() };
            let mid_article = Search { mid_article: true, ..search };
            assert_eq!(
                shown(set.find(unit, line, mid_article, &mut near)),
                shown(inside.collect())
            );
            assert_eq!(shown(set.find(unit, line, search, &mut near)), shown(all));
        }
    }
}
