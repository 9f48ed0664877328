//! All errors in a rule file are reported together, each with its position.

use chaffinch_rules::lexicon::Language;
use chaffinch_rules::{LoadOptions, RuleFile, RuleSet, yaml};

const STAGES: &[&str] = &["share-buttons", "ticker", "tags"];

fn problems(source: &str) -> String {
    let problems = RuleFile::parse("x.yaml", source, STAGES).expect_err("it has problems");
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn all_errors_of_a_file_are_reported_together() {
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
    x.yaml:1:9: a name consists of a-z, 0-9, `-`, `.` and `_` and begins with a letter or digit
    x.yaml:2:21: expected a host name in lower case; for example `example.com`; subdomains are included
    x.yaml:2:34: unknown key "sings"; did you mean "signs"?
    x.yaml:4:5: `removes` is missing: a text that the rule must remove
    x.yaml:4:5: `keeps` is missing: a similar text that the rule must keep
    x.yaml:5:12: unknown stage "share-button"; did you mean "share-buttons"?
    x.yaml:6:15: invalid regex: unclosed group
    x.yaml:7:5: unknown key "wher"; did you mean "where"?
    x.yaml:8:15: expected text, found a number; put it in quotes
    x.yaml:9:5: `keeps` is missing: a similar text that the rule must keep
    x.yaml:9:9: another rule of this file has the same id
    x.yaml:11:5: a rule has one pattern, and this one already has `text`; write two rules
    x.yaml:13:16: expected a positive integer
    x.yaml:14:5: `id` is missing: a name for the rule, such as `breadcrumb`
    x.yaml:14:5: `through` is missing: the last line of the block
    x.yaml:14:5: `removes` is missing: a text that the rule must remove
    "#);
}

#[test]
fn a_syntax_error_hides_the_others() {
    insta::assert_snapshot!(problems("outlet: x\nrules: [\n  - id: 'a\n"), @"x.yaml:3:3: not valid YAML: did not find expected node content");
    insta::assert_snapshot!(problems(""), @"x.yaml: the file is empty");
    insta::assert_snapshot!(problems("…\n"), @"x.yaml:1:1: expected `key: value` lines");
}

#[test]
fn errors_that_the_yaml_parser_does_not_place_have_a_position() {
    insta::assert_snapshot!(problems("outlet: x\noutlet: y\n"), @"x.yaml:2:1: the key `outlet` occurs twice; keep one of them");
    insta::assert_snapshot!(problems("outlet: ä\nrules:\n  - id: ä\n    line: x\n    line: y\n"), @"x.yaml:5:5: the key `line` occurs twice; keep one of them");
    insta::assert_snapshot!(problems("outlet: ä\nname: a\u{1}b\n"), @"x.yaml:2:8: the control character U+0001 is not allowed; remove it");
    insta::assert_snapshot!(problems("outlet: x\n---\nname: X\n"), @"x.yaml:2:1: a second YAML document begins here; remove this line and what follows, or put that into a file of its own");
    insta::assert_snapshot!(problems("outlet: x\n...\nname: X\n"), @"x.yaml:3:1: a second YAML document begins here; remove this line and what follows, or put that into a file of its own");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_file() {
    let source = "\u{feff}outlet: X\nname: 1\nrules: []\n";
    insta::assert_snapshot!(problems(source), @"
    x.yaml:1:9: a name consists of a-z, 0-9, `-`, `.` and `_` and begins with a letter or digit
    x.yaml:2:7: expected text, found a number; put it in quotes
    ");
    insta::assert_snapshot!(problems("\u{feff}\toutlet: x\n"), @"x.yaml:1:1: not valid YAML: found character that cannot start any token, while scanning for the next token");
    insta::assert_snapshot!(problems("\u{feff}outlet: x\noutlet: y\n"), @"x.yaml:2:1: the key `outlet` occurs twice; keep one of them");
    insta::assert_snapshot!(problems("\u{feff}a: 1\nb: \u{1}\n"), @"x.yaml:2:4: the control character U+0001 is not allowed; remove it");
    assert!(RuleFile::parse("x.yaml", "\u{feff}# X\noutlet: x\nname: X\n", STAGES).is_ok());
}

#[test]
fn a_file_that_is_not_utf_8_is_reported_with_the_place() {
    let decode = |bytes: &[u8]| yaml::decode("x.yaml", bytes.to_vec()).map_err(|p| p.to_string());
    insta::assert_snapshot!(decode(b"outlet: x\nname: \xc3\xa4 K\xf6ln\n").unwrap_err(), @"x.yaml:2:10: the file is not valid UTF-8; save it as UTF-8");
    assert_eq!(decode("outlet: ä\n".as_bytes()).unwrap(), "outlet: ä\n");
}

#[test]
fn ids_are_names() {
    let rule = |id: &str| format!("  - {{id: {id}, stage: tags, text: A, keeps: [B]}}\n");
    let source = ["''", "x/y", "\"x\\ny\"", "X", "a.b_c-1", "2nd"].map(rule).concat();
    insta::assert_snapshot!(problems(&format!("outlet: x\nrules:\n{source}")), @"
    x.yaml:3:10: a name consists of a-z, 0-9, `-`, `.` and `_` and begins with a letter or digit
    x.yaml:4:10: a name consists of a-z, 0-9, `-`, `.` and `_` and begins with a letter or digit
    x.yaml:5:10: a name consists of a-z, 0-9, `-`, `.` and `_` and begins with a letter or digit
    x.yaml:6:10: a name consists of a-z, 0-9, `-`, `.` and `_` and begins with a letter or digit
    ");
    insta::assert_snapshot!(problems("outlet: generic\n"), @r#"x.yaml:1:9: "generic" begins the ids of built-in rules; choose another name"#);
    insta::assert_snapshot!(problems("family: stage\n"), @r#"x.yaml:1:9: "stage" begins the ids of built-in rules; choose another name"#);
}

#[test]
fn a_name_that_is_no_text_is_one_error() {
    insta::assert_snapshot!(problems("outlet: 5\n"), @"x.yaml:1:9: expected text, found a number; put it in quotes");
    insta::assert_snapshot!(problems("name: X\n"), @"x.yaml:1:1: the file needs `outlet: NAME`, `family: NAME` or `generic: STAGE`");
}

#[test]
fn characters_with_an_internal_meaning_are_reported() {
    let rule = |text| {
        let cases = "    removes: [A]\n    keeps: [B]\n";
        format!("outlet: x\nrules:\n  - id: a\n    stage: tags\n    line: \"{text}\"\n{cases}")
    };
    insta::assert_snapshot!(problems(&rule("A\u{f0000}")), @"x.yaml:5:13: U+F0000 is a private-use character with an internal meaning; remove it");
    insta::assert_snapshot!(problems(&rule("A\u{f1abc}")), @"x.yaml:5:13: U+F1ABC is a private-use character with an internal meaning; remove it");
    // Icon fonts use these.
    for text in ["A|\u{e000}", "A|\u{f1aa}", "A|\u{f2000}"] {
        assert!(RuleFile::parse("x.yaml", &rule(text), STAGES).is_ok(), "{text:?}");
    }
    let lexicon = "lexicon: xx\nname: X\nkinds:\n  and:\n    entries: [\"a \u{e001}\"]\n";
    let problems = Language::parse("xx.yaml", lexicon).expect_err("it has a problem");
    insta::assert_snapshot!(problems[0].to_string(), @"xx.yaml:5:18: U+E001 is a private-use character with an internal meaning; remove it");
}

#[test]
fn the_place_of_an_error_is_a_whole_character() {
    for source in ["…\n", "a: […\n", "\u{feff}…"] {
        for problem in RuleFile::parse("x.yaml", source, STAGES).expect_err("it has problems") {
            let place = problem.source.get(problem.span.clone());
            assert!(place.is_some_and(|place| place.chars().count() == 1), "{source:?}: {place:?}");
        }
    }
}

#[test]
fn problems_between_files_are_reported() {
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
        RuleSet::load(&[&folder], &[], &names, &LoadOptions::ALL).expect_err("it has problems");
    let shown: Vec<String> =
        problems.iter().map(|p| p.to_string().replace(&*folder.to_string_lossy(), "")).collect();
    std::fs::remove_dir_all(&folder).unwrap();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    /b.yaml:1:9: another rule file is already named "a"
    /a.yaml:2:11: unknown family "agencies"; expected one of: agency
    "#);
}

#[test]
fn the_family_in_a_file_with_errors_is_not_reported_as_unknown() {
    let files =
        [("a.yaml", "outlet: a\nextends: house\n"), ("b.yaml", "family: house\nrulez: []\n")];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let generic = ("generic/tags.yaml".to_owned(), "generic: tags\n".to_owned());
    let files = [&files[..], &[generic]].concat();
    let problems = RuleSet::load(&[], &files, STAGES, &LoadOptions::ALL).expect_err("it has one");
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"b.yaml:2:1: unknown key "rulez"; did you mean "rules"?"#);
}
