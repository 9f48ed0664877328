//! Everything that is wrong with a rule file is told at once, each with its place.

use chaffinch_rules::{RuleFile, RuleSet, Wanted};

const STAGES: &[&str] = &["share-buttons", "ticker", "tags"];

fn problems(source: &str) -> String {
    let problems = RuleFile::parse("x.yaml", source, STAGES).expect_err("it has problems");
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let source = r#"outlet: X y
recognise: {hosts: ["http://x"], sings: [abc]}
rules:
  - id: a
    stage: share-button
    line: "foo(bar"
    wher: head
    removes: [1]
  - id: a
    stage: tags
    line: ['ok', '[a-']
    text: both
    max_words: none
  - stage: ticker
    from: x
    keeps: [y]
"#;
    insta::assert_snapshot!(problems(source), @r#"
    x.yaml:1:9: a name is made of a-z, 0-9, `-`, `.` and `_`, and begins with a letter or digit
    x.yaml:2:21: expected a host name in lower case; such as `example.com`; subdomains are meant too
    x.yaml:2:34: unknown key "sings"; did you mean "signs"?
    x.yaml:4:5: `removes` is missing: a text that the rule must remove
    x.yaml:4:5: `keeps` is missing: a text like it that must stay
    x.yaml:5:12: unknown stage "share-button"; did you mean "share-buttons"?
    x.yaml:6:15: invalid regex: unclosed group
    x.yaml:7:5: unknown key "wher"; did you mean "where"?
    x.yaml:8:15: expected text, found a number; put it in quotes
    x.yaml:9:5: `keeps` is missing: a text like it that must stay
    x.yaml:9:9: another rule of this file has this id
    x.yaml:11:5: a rule has one pattern, and this one has `text`; write two rules
    x.yaml:13:16: expected a whole number from 1
    x.yaml:14:5: `id` is missing: a name for the rule, such as `breadcrumb`
    x.yaml:14:5: `through` is missing: the last line of the block
    x.yaml:14:5: `removes` is missing: a text that the rule must remove
    "#);
}

#[test]
fn a_syntax_error_stands_alone() {
    insta::assert_snapshot!(problems("outlet: x\nrules: [\n  - id: 'a\n"), @"x.yaml:3:3: not valid YAML: did not find expected node content");
    insta::assert_snapshot!(problems(""), @"x.yaml: the file is empty");
    insta::assert_snapshot!(problems("outlet: x\noutlet: y\n"), @r#"x.yaml:1:1: not valid YAML: duplicate entry with key "outlet""#);
}

#[test]
fn problems_between_files_are_told() {
    let folder = std::env::temp_dir().join(format!("chaffinch-rules-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a.yaml"), "outlet: a\nextends: [agencies]\n").unwrap();
    std::fs::write(folder.join("b.yaml"), "outlet: a\n").unwrap();
    std::fs::write(folder.join("c.yaml"), "family: agency\n").unwrap();
    let names: Vec<&str> = vec![
        "normalise",
        "debris",
        "ticker",
        "navigation",
        "title",
        "dateline",
        "credits",
        "captions",
        "share-buttons",
        "related",
        "promo",
        "comments",
        "tags",
        "mirror-urls",
        "site-footer",
        "duplicates",
    ];
    let problems =
        RuleSet::load(&[&folder], &[], &names, &Wanted::ALL).expect_err("it has problems");
    let told: Vec<String> =
        problems.iter().map(|p| p.to_string().replace(&*folder.to_string_lossy(), "")).collect();
    std::fs::remove_dir_all(&folder).unwrap();
    insta::assert_snapshot!(told.join("\n"), @r#"
    /b.yaml:1:9: another rule file is already named "a"
    /a.yaml:2:11: unknown family "agencies"; expected one of: agency
    "#);
}
