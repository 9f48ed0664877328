//! Families, eras and `keep` rules of outlet files.

use chaffinch_core::{Cleaned, Input, Pipeline, Verdict};

const BODY: &str = "The minister told reporters on Tuesday that the talks would go on.";

fn pipeline(files: &[(&str, &str)]) -> Pipeline {
    let builder = Pipeline::builder();
    let builder = files.iter().fold(builder, |builder, (name, text)| builder.rule_file(name, text));
    builder.build().unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn problems(files: &[(&str, &str)]) -> String {
    let builder = Pipeline::builder();
    let builder = files.iter().fold(builder, |builder, (name, text)| builder.rule_file(name, text));
    let problems = builder.build().err().expect("it has problems");
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn rule(id: &str, text: &str, more: &str) -> String {
    format!("  - {{id: {id}, stage: site-footer, where: tail, text: {text}, keeps: [x]{more}}}\n")
}

#[test]
fn a_document_can_name_its_outlet() {
    let file = "outlet: paper\nrules:\n  - {id: footer, stage: site-footer, text: The old footer, \
                keeps: [The old footer was replaced.]}\n";
    let pipeline = pipeline(&[("paper.yaml", file)]);
    let text = format!("{BODY}\n\nThe old footer\n");
    let clean = |outlet: Option<&'static str>| {
        pipeline.clean_input(&Input { bytes: text.as_bytes(), outlet, ..Input::default() })
    };
    assert_eq!(clean(None).verdict(), Verdict::Unchanged);
    assert_eq!(clean(Some("paper")).text().trim(), BODY);
    let unknown = clean(Some("papre"));
    assert_eq!((unknown.verdict(), unknown.text()), (Verdict::Failed, text.as_str()));
    assert_eq!(unknown.reason(), Some("unknown outlet \"papre\"; did you mean \"paper\"?"));
}

#[test]
fn outlets_cut_at_most_half_of_the_body() {
    let file = |certainty: &str| {
        format!(
            "outlet: paper\nrecognise: {{hosts: [paper.org]}}\nrules:\n  - {{id: day, stage: promo, \
             where: anywhere, line: 'On .+', certainty: {certainty}, removes: ['On one.'], \
             keeps: [x]}}\n"
        )
    };
    let clean = |certainty: &str, cut: usize| {
        let pipeline = pipeline(&[("paper.yaml", &file(certainty))]);
        let line = |number| match number < cut {
            true => {
                format!("On day {number} the minister told reporters that talks would go on.\n\n")
            }
            false => {
                format!("In week {number} the minister told reporters that talks would go on.\n\n")
            }
        };
        // The first and last lines are kept, so that the body keeps its length.
        let text: String = [8].into_iter().chain(0..8).chain([9]).map(line).collect();
        let cleaned = pipeline.clean_text(&text, Some("https://paper.org/1"));
        assert_eq!(cleaned.text() == text, cleaned.edits().is_empty());
        let lines = cleaned.text().lines().filter(|line| line.starts_with("On ")).count();
        (cleaned.verdict(), lines, cleaned.reason().map(str::to_owned))
    };
    assert_eq!(clean("likely", 4), (Verdict::Cleaned, 0, None));
    let reason = "the rules would cut 60 % of the body: nothing was cut".to_owned();
    assert_eq!(clean("likely", 6), (Verdict::Suspect, 6, Some(reason)));
    assert_eq!(clean("sure", 6), (Verdict::Cleaned, 0, None));
}

#[test]
fn rules_of_families_apply_to_outlets_and_to_families_that_extend_them() {
    let press = format!("family: press\nrules:\n{}", rule("press", "A Press Company", ""));
    let north =
        format!("family: north\nextends: [press]\nrules:\n{}", rule("north", "North Dailies", ""));
    let paper = format!(
        "outlet: paper\nrecognise: {{hosts: [paper.org]}}\nextends: [north]\nrules:\n{}",
        rule("paper", "The Paper daily", "")
    );
    let other = "outlet: other\nrecognise: {hosts: [other.org]}\n";
    let files = [
        ("press.yaml", &*press),
        ("north.yaml", &north),
        ("paper.yaml", &paper),
        ("o.yaml", other),
    ];
    let pipeline = pipeline(&files);
    let text = format!("{BODY}\n\nThe Paper daily\nNorth Dailies\nA Press Company\n");
    let cleaned = pipeline.clean_text(&text, Some("https://paper.org/x"));
    assert_eq!(cleaned.text(), format!("{BODY}\n"));
    let names: Vec<&str> =
        cleaned.edits().iter().map(|edit| pipeline.rule(edit.rule).id.as_str()).collect();
    assert_eq!(names, ["paper/paper", "north/north", "press/press"]);
    assert_eq!(pipeline.clean_text(&text, Some("https://other.org/x")).text(), text);
}

#[test]
fn families_that_extend_themselves_are_rejected() {
    let files = [
        ("a.yaml", "family: a\nextends: [b]\n"),
        ("b.yaml", "family: b\nextends: [a]\n"),
        ("c.yaml", "outlet: c\nextends: [a, nobody]\n"),
        ("d.yaml", "family: d\nextends: [d]\n"),
    ];
    insta::assert_snapshot!(problems(&files), @r#"
    c.yaml:2:14: unknown family "nobody"; expected one of: a, b, d
    a.yaml:2:11: "a" extends itself through "b"
    b.yaml:2:11: "b" extends itself through "a"
    d.yaml:2:11: "d" extends itself through "d"
    "#);
}

#[test]
fn rules_apply_only_in_their_era() {
    let old = rule("old", "The old footer", ", until: 2018-01-01");
    let new = rule("new", "The new footer", ", since: 2018-01-01");
    let file = format!("outlet: paper\nrecognise: {{hosts: [paper.org]}}\nrules:\n{old}{new}");
    let pipeline = pipeline(&[("paper.yaml", &file)]);
    let text = format!("{BODY}\n\nThe old footer\nThe new footer\n");
    let left = |url: Option<&str>, date: Option<&str>| -> String {
        let outlet = pipeline.rules().unit("paper");
        let input = Input { bytes: text.as_bytes(), url, date, ..Input::default() };
        let cleaned: Cleaned<'_> = pipeline.for_outlet(outlet).clean_input(&input);
        cleaned.text().replace(BODY, "").trim().to_owned()
    };
    assert_eq!(left(None, Some("2017-12-31")), "The new footer");
    assert_eq!(left(None, Some("2018-01-01T00:00:00Z")), "The old footer");
    assert_eq!(left(Some("https://paper.org/2017/07/05/talks"), None), "The new footer");
    assert_eq!(
        left(Some("https://paper.org/2017/07/05/talks"), Some("1 May 2020")),
        "The old footer"
    );
    // If the date is unknown, the rules of all eras apply.
    assert_eq!(left(Some("https://paper.org/talks"), None), "");
}

#[test]
fn eras_need_valid_dates_in_order() {
    let file = format!(
        "outlet: x\nrules:\n{}{}{}{}",
        rule("a", "AAAA", ", since: 2018-13-01"),
        rule("b", "BBBB", ", since: 2018-02-01, until: 2018-01-01"),
        rule("c", "CCCC", ", until: soon"),
        rule("d", "DDDD", ", since: 2024-02-31"),
    );
    insta::assert_snapshot!(problems(&[("x.yaml", &file)]), @"
    x.yaml:3:77: 2018-13-01 is not a day of the calendar
    x.yaml:4:96: `until` must be later than `since`
    x.yaml:5:77: expected a day such as 2024-05-31
    x.yaml:6:77: 2024-02-31 is not a day of the calendar
    ");
}

// Loading shipped files does not compile their largest patterns, so this test does.
#[test]
fn every_shipped_pattern_compiles() {
    let pipeline = Pipeline::shipped().unwrap();
    let rules = pipeline.rules();
    for id in rules.ids() {
        for pattern in rules.patterns(id) {
            assert_eq!(pattern.compile(), Ok(()), "{}", rules.rule(id).id);
        }
    }
}
