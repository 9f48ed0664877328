//! The findings in faulty rule files.

use chaffinch_core::Pipeline;
use chaffinch_core::rules::yaml::Places;
use chaffinch_proof::{Finding, check, mutate};

/// A pipeline of these files, which are named `0.yaml`, `1.yaml` and so on.
fn pipeline(files: &[&str]) -> Pipeline {
    let mut builder = chaffinch_proof::builder();
    for (at, file) in files.iter().enumerate() {
        builder = builder.rule_file(&format!("{at}.yaml"), file);
    }
    builder.build().unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Findings as `file:line:column: code: rule: message; help`.
fn shown(files: &[&str], findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let at: usize = finding.file[..1].parse().expect("files are numbered");
        let places = Places::of(files[at]);
        let span = places.value(files[at], &finding.path, finding.part.clone());
        let before = &files[at][..span.start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let (line, column) = (before.matches('\n').count() + 1, span.start - line_start + 1);
        let help = finding.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        let (file, code) = (&finding.file, finding.code);
        format!("{file}:{line}:{column}: {code}: {}: {}{help}", finding.rule, finding.message)
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn found(files: &[&str]) -> String {
    shown(files, &check(&pipeline(files), &[], &|file| file.ends_with(".yaml") && file.len() == 6))
}

#[test]
fn a_valid_file_has_no_findings() {
    let file = "outlet: x
rules:
  - id: crumb
    stage: navigation
    where: head
    at: first
    line: 'Example (?:News|Post) / (?<section>[A-Z][a-z]+)'
    removes: [Example News / Politics, Example Post / Sport]
    keeps: [Example News / Politics is the name of the show.]
";
    assert_eq!(found(&[file]), "");
}

#[test]
fn failing_cases_are_reported_with_the_reason() {
    let file = "outlet: x
rules:
  - id: other-words
    stage: tags
    line: 'Filed under .+'
    removes: [Filed under A, Field x]
    keeps: [Filed]
  - id: elsewhere
    stage: tags
    where: head
    at: first
    text: Example Post
    removes: [\"Title of today\\n\\n⟦Example Post⟧\"]
    keeps: [Example Postings]
  - id: eats
    stage: tags
    line: 'Seen by .+'
    removes: [Seen by us]
    keeps: [Seen by you]
  - id: late
    stage: site-footer
    line: 'Share this article'
    removes: [Share this article]
    keeps: [Share this]
";
    insta::assert_snapshot!(found(&[file]), @r#"
    0.yaml:19:13: case: x/eats: must be kept, but x/eats cuts "Seen by you"
    0.yaml:13:15: case: x/elsewhere: is not removed by this rule: the pattern matches, but `where`, `at` or `max_words` exclude it
    0.yaml:23:15: shadowed: x/late: is already cut by generic/share-buttons/share/en, of an earlier stage
    0.yaml:24:13: case: x/late: must be kept, but generic/share-buttons/share/en cuts "Share this"
    0.yaml:6:30: case: x/other-words: is not removed by this rule: the pattern does not match it
    0.yaml:5:24: missing-case: x/other-words: no case that repeats `.+`; add to `removes` a text such as "Filed under something"
    0.yaml:20:9: subsumed: x/late: everything it removes is also removed by generic/share-buttons/share/en; delete it, or add a case that only this rule removes
    "#);
}

#[test]
fn choices_without_a_case_are_reported_with_a_sample() {
    let file = "outlet: x
rules:
  - id: platform
    stage: share-buttons
    where: tail
    line: 'Example News (?:Roku|Apple TV)(?: app)?'
    removes: [Example News Roku]
    keeps: [Example News Roku is a channel for viewers abroad.]
";
    insta::assert_snapshot!(found(&[file]), @r#"
    0.yaml:6:33: missing-case: x/platform: no case for the alternative `Apple TV`; add to `removes` a text such as "Example News Apple TV"
    0.yaml:6:42: missing-case: x/platform: no case with `(?: app)?`; add to `removes` a text such as "Example News Roku app"
    "#);
}

#[test]
fn named_groups_that_are_no_field_are_reported_with_the_nearest_field() {
    let file = r#"outlet: x
rules:
  - id: crumb
    stage: navigation
    where: head
    line: 'Example News / \(?(?<secton>[A-Z][a-z]+)'
    removes: [Example News / Politics, Example News / (Politics]
    keeps: [Example News / Politics is the name of the show.]
  - id: show
    stage: navigation
    where: head
    line: 'Show of the day: (?P<show>[A-Z][a-z]+) by (?<authors>[A-Z][a-z]+)'
    removes: ["Show of the day: Zoo by Ann"]
    keeps: ["Show of the day: Zoo by Ann and many others, every day."]
  - id: series
    stage: navigation
    where: head
    line: 'Series of the day: (?<series>[A-Z][a-z]+)'
    fields: {series: ""}
    removes: ["Series of the day: Zoo"]
    keeps: ["Series of the day: Zoo and its many animals, every day."]
"#;
    insta::assert_snapshot!(found(&[file]), @r#"
    0.yaml:6:33: unknown-field: x/crumb: `secton` is not a standard field; did you mean "section"? (to declare a field of your own: `fields: {secton: ""}`)
    0.yaml:12:33: unknown-field: x/show: `show` is not a standard field; expected one of: title, date, place, section, authors, agency, tags, caption, outlet (to declare a field of your own: `fields: {show: ""}`)
    "#);
}

#[test]
fn hits_in_clean_articles_and_other_outlets_are_reported_unless_allowed() {
    let eats = "outlet: x
recognise: {signs: [Daily Other]}
rules:
  - id: other
    stage: site-footer
    where: anywhere
    text: [Daily Other, Storks return to the wetlands after three dry years]
    keeps: [Daily Others]
";
    let other = "outlet: other
examples:
  - text: \"A title\\n\\nThe minister said on Tuesday that the talks would go on.\\n\\nDaily Other\\n\"
    clean: \"A title\\n\\nThe minister said on Tuesday that the talks would go on.\\n\\nDaily Other\\n\"
";
    insta::assert_snapshot!(found(&[eats, other]), @r#"
    0.yaml:2:20: recognition: x: its signs also occur in an example of other; use lines that only this outlet has
    0.yaml:4:9: baseline: x/other: cuts "Storks return to the wetlands after three dry years" of the clean article en.txt
    0.yaml:4:9: other-outlet: x/other: cuts "Daily Other" of an example of other
    1.yaml:3:11: example: other: a second run cuts more: x/other cuts "\nDaily Other\n"
    "#);
    let allowed = format!(
        "{eats}allow:
  - {{rule: other, on: en.txt, why: the outlet prints this headline under all of its pages}}
  - {{rule: other, on: other, why: both belong to one house}}
  - {{rule: other, on: de.txt, why: it was needed once}}
"
    );
    insta::assert_snapshot!(found(&[&allowed, other]), @r#"
    0.yaml:2:20: recognition: x: its signs also occur in an example of other; use lines that only this outlet has
    0.yaml:12:5: needless-allow: x: x/other has no hit in de.txt; delete it
    1.yaml:3:11: example: other: a second run cuts more: x/other cuts "\nDaily Other\n"
    "#);
}

#[test]
fn rules_that_can_never_match_are_reported() {
    let rule = |id: &str, keys: &str| {
        format!(
            "  - id: {id}\n    stage: tags\n    {}\n    keeps: [x]\n",
            keys.replace("; ", "\n    ")
        )
    };
    let file = [
        "outlet: x\nrules:\n".to_owned(),
        rule("second-opening", "where: opening; at: 2; start: 'AB: '; removes: ['⟦AB: ⟧The minister said on Tuesday that all is well.']"),
        rule("few-words", "max_words: 2; line: 'Filed under .+'; removes: [Filed under A]"),
        rule("block", "where: closing; from: Seen; through: Done; removes: [\"Seen\\nDone\"]"),
        rule("short-block", "where: tail; max_lines: 1; from: Seen at; through: Done at; removes: [\"Seen at\\nDone at\"]"),
        rule("detector", "detect: tag-lin; removes: [a b]"),
        rule("no-detector", "stage_: x".replace("stage_: x", "detect: copy; removes: [a b]").as_str()),
    ]
    .concat();
    let shown = found(&[&file]);
    let shown: Vec<&str> = shown.lines().filter(|line| !line.contains(": case: ")).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    0.yaml:33:13: unknown-detector: x/detector: stage tags has no detector "tag-lin"; did you mean "tag-line"?
    0.yaml:13:24: missing-case: x/few-words: no case that repeats `.+`; add to `removes` a text such as "Filed under something"
    0.yaml:38:13: unknown-detector: x/no-detector: stage tags has no detector "copy"; expected one of: tag-line
    0.yaml:18:12: never: x/block: can never match: opening and closing are one line each, so they cannot contain a block; use `head`, `tail` or `anywhere`
    0.yaml:12:16: never: x/few-words: can never match: the pattern needs at least 3 words, but `max_words` is 2; increase or delete it
    0.yaml:6:9: never: x/second-opening: can never match: opening and closing are one line each, so there is no second one; delete `at`, or widen `where`
    0.yaml:26:16: never: x/short-block: can never match: a block has at least two lines; increase it, or use `line`
    "#);
}

#[test]
fn redundant_and_slow_rules_are_reported() {
    let one = "outlet: one
recognise: {signs: [Example Post daily]}
rules:
  - id: share
    stage: share-buttons
    text: Share this article
    keeps: [Share this article with all of your friends and neighbours on Tuesday.]
  - id: footer
    stage: site-footer
    where: tail
    line: 'Example Post is (a|the) paper'
    removes: [Example Post is a paper, Example Post is the paper]
    keeps: [Example Post]
  - id: any
    stage: site-footer
    where: tail
    line: '[A-Z]{3}\\d+'
    removes: [ABC123]
    keeps: [abc]
";
    let two = "outlet: two
recognise: {signs: [Example Post daily]}
rules:
  - id: footer
    stage: site-footer
    where: tail
    line: 'Example Post is (a|the) paper'
    removes: [Example Post is a paper, Example Post is the paper]
    keeps: [Example Post]
";
    insta::assert_snapshot!(found(&[one, two]), @r#"
    0.yaml:2:20: shared-sign: one: two also has the sign "Example Post daily", so it identifies neither; delete it, or use a longer part of the line
    0.yaml:17:11: slow: one/any: it has no fixed text at its start or end, so it is tried on every line; add a fixed word there
    0.yaml:11:28: needless-group: one/footer: a group without a name captures text that is not used; use `(?:…)`, or name it to record a field: `(?<section>…)`
    0.yaml:4:9: subsumed: one/share: everything it removes is also removed by generic/share-buttons/share/en; delete it, or add a case that only this rule removes
    1.yaml:2:20: shared-sign: two: one also has the sign "Example Post daily", so it identifies neither; delete it, or use a longer part of the line
    1.yaml:7:28: needless-group: two/footer: a group without a name captures text that is not used; use `(?:…)`, or name it to record a field: `(?<section>…)`
    1.yaml:4:9: duplicate: two/footer: one has the same rule; move it to a `family:` file that both extend
    "#);
    let family =
        two.replace("outlet: two\nrecognise: {signs: [Example Post daily]}", "family: house");
    let extends = one.replace("outlet: one", "outlet: one\nextends: [house]");
    let shown = found(&[&extends, &family]);
    assert!(
        shown.contains("house, which this file extends, has the same rule; delete it"),
        "{shown}"
    );
}

#[test]
fn a_failing_example_is_reported_with_its_first_different_line() {
    let file = "outlet: x
examples:
  - text: \"A title\\n\\nThe minister said on Tuesday that the talks would go on.\\n\\nSHARE THIS ARTICLE\\n\"
    clean: \"A title\\n\\nThe minister said on Monday that the talks would go on.\\n\"
";
    insta::assert_snapshot!(found(&[file]), @r#"0.yaml:4:12: example: x: line 3 of the output is "The minister said on Tuesday that the talks would go on.", expected "The minister said on Monday that the talks would go on."; run `chaffinch rules test` to see the difference, or with --accept to accept the output"#);
}

#[test]
fn unnoticed_changes_are_reported() {
    let loose = "outlet: x
rules:
  - id: label
    stage: navigation
    where: head
    max_words: 4
    line: 'Example Post: .+'
    removes: ['Example Post: Politics']
    keeps: [Example Posts]
";
    let files = &[loose];
    let unnoticed = |file: &str| {
        let files = &[file];
        let name = |file: &str| file == "0.yaml";
        shown(files, &mutate(&pipeline(files), &name))
    };
    insta::assert_snapshot!(shown(files, &mutate(&pipeline(files), &|file| file == "0.yaml")), @r#"
    0.yaml:5:12: unnoticed: x/label: no case notices if `where` is changed to `anywhere`; add to `keeps` the same text among body paragraphs: "…\n\nTEXT\n\n…"
    0.yaml:6:16: unnoticed: x/label: no case notices if `max_words` is removed; add to `keeps` a similar line with more words
    "#);
    let tight = loose.replace(
        "keeps: [Example Posts]",
        "keeps: [\"…\\n…\\n…\\n\\nExample Post: Politics\\n\\n…\", 'Example Post: a paper for all of the people', 'An Example Post: Politics']",
    );
    assert_eq!(unnoticed(&tight), "");
}

#[test]
fn large_regexes_are_reported() {
    let file = r"outlet: x
rules:
  - id: large
    stage: tags
    where: tail
    line: 'Filed by \w{1,80}'
    removes: [Filed by ann]
    keeps: [Filed by ann lee]
";
    let shown = found(&[file]);
    assert!(shown.starts_with("0.yaml:6:11: large: x/large: the regex has about "), "{shown}");
    assert_eq!(found(&[&file.replace(r"\w{1,80}", r"\w+")]), "");
}
