//! The library as its users see it.

use std::error::Error as _;

use chaffinch::stage::{Document, Marks, Stage};
use chaffinch::{Cleaner, Error, ErrorKind, Input, Level, Verdict};

const BODY: &str = "The minister told reporters on Tuesday that the talks would go on.\n";

fn page() -> String {
    format!("Talks to go on\n\n{BODY}\nSHARE THIS ARTICLE\n")
}

const RULES: &str = "
outlet: paper
rules:
  - {id: footer, stage: site-footer, text: The old footer, keeps: [The old footer was replaced.]}
";

#[test]
fn a_cut_has_its_rule_text_and_place() {
    let page = page();
    let cleaned = Cleaner::new().unwrap().clean(&page);
    assert_eq!(cleaned.text(), format!("Talks to go on\n\n{BODY}"));
    assert_eq!(cleaned.output(), cleaned.text().as_bytes());
    assert_eq!((cleaned.verdict(), cleaned.reason()), (Verdict::Cleaned, None));
    assert_eq!(cleaned.cuts().len(), 1);
    let cut = cleaned.cuts().next().unwrap();
    assert!(cut.rule().starts_with("generic/share-buttons/share"), "{}", cut.rule());
    assert_eq!((cut.stage(), cut.replacement(), cut.confidence()), ("share-buttons", "", None));
    assert_eq!(cut.text().trim(), "SHARE THIS ARTICLE");
    assert_eq!(&cleaned.source()[cut.span()], cut.text());
    assert_eq!(cleaned.fields().get("title"), Some("Talks to go on"));
    assert_eq!(cleaned.restore().unwrap(), page.as_bytes());
}

#[test]
fn bytes_are_decoded_and_restored() {
    // "SHARE THIS ARTICLE" below a sentence in windows-1251.
    let mut page = b"\xcc\xe8\xed\xe8\xf1\xf2\xf0 \xf1\xea\xe0\xe7\xe0\xeb \xe2\xee \xe2\xf2\xee\xf0\xed\xe8\xea, \
        \xf7\xf2\xee \xef\xe5\xf0\xe5\xe3\xee\xe2\xee\xf0\xfb \xef\xf0\xee\xe4\xee\xeb\xe6\xe0\xf2\xf1\xff \xe4\xe2\xe0 \xe4\xed\xff.\r\n\r\n"
        .to_vec();
    page.extend_from_slice(b"SHARE THIS ARTICLE\r\n");
    for cleaner in
        [Cleaner::new(), Cleaner::builder().encoding("windows-1251").build()].map(Result::unwrap)
    {
        let cleaned = cleaner.clean(&page);
        assert_eq!(cleaned.encoding(), "windows-1251");
        assert!(cleaned.text().starts_with("Министр сказал"), "{}", cleaned.text());
        assert_eq!(cleaned.verdict(), Verdict::Cleaned);
        assert_eq!(cleaned.restore().unwrap(), page);
    }
}

#[test]
fn documents_that_are_not_text_pass_through() {
    let cleaned = Cleaner::new().unwrap().clean(b"\x00\x01\x00\x02").into_owned();
    assert_eq!((cleaned.verdict(), cleaned.text()), (Verdict::Failed, ""));
    assert_eq!(cleaned.output(), b"\x00\x01\x00\x02");
    assert!(cleaned.reason().unwrap().contains("binary"));
    assert_eq!(cleaned.restore().unwrap(), b"\x00\x01\x00\x02");
}

#[test]
fn a_document_names_its_outlet_and_id() {
    let cleaner = Cleaner::builder().rule_text("paper.yaml", RULES).build().unwrap();
    let page = format!("{BODY}\nThe old footer\n");
    let clean = |outlet: &str| cleaner.clean(Input::new(&page).outlet(outlet).id("7")).into_owned();
    let known = clean("paper");
    assert_eq!((known.text(), known.outlet(), known.id()), (BODY, Some("paper"), Some("7")));
    let unknown = clean("papre");
    assert_eq!((unknown.verdict(), unknown.text()), (Verdict::Failed, page.as_str()));
    assert_eq!(unknown.reason(), Some("unknown outlet \"papre\"; did you mean \"paper\"?"));
    assert_eq!(cleaner.clean(&page).verdict(), Verdict::Unchanged);
    let cleaner =
        Cleaner::builder().rule_text("paper.yaml", RULES).outlet("paper").build().unwrap();
    assert_eq!(cleaner.clean(&page).text(), BODY);
}

#[test]
fn many_are_cleaned_as_one_is() {
    let cleaner = Cleaner::new().unwrap();
    let pages: Vec<String> = (0..50).map(|n| format!("Page {n}\n\n{}", page())).collect();
    let many = cleaner.clean_many(&pages);
    assert_eq!(many.len(), pages.len());
    for (page, cleaned) in pages.iter().zip(&many) {
        assert_eq!(format!("{cleaned:?}"), format!("{:?}", cleaner.clean(page)));
    }
}

#[test]
fn files_make_a_cleaner() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("rules")).unwrap();
    std::fs::write(path("rules/paper.yaml"), RULES).unwrap();
    std::fs::write(path("pipeline.yaml"), "rules: [rules]\nstages: [site-footer]\n").unwrap();
    let page = format!("{BODY}\nThe old footer\n");
    for builder in [
        Cleaner::builder().rules(path("rules")),
        Cleaner::builder().rule_file(path("rules/paper.yaml")),
        Cleaner::builder().pipeline_file(path("pipeline.yaml")),
        Cleaner::builder().rules(path("rules")).cache(path("cache")),
        Cleaner::builder().rules(path("rules")).cache(path("cache")),
    ] {
        let cleaner = builder.outlet("paper").build().unwrap();
        assert_eq!(cleaner.clean(&page).text(), BODY);
    }
}

#[test]
fn the_level_overrides_the_pipeline() {
    let menu = "Home\nWorld\nSport\nMy account\nSubscribe now\nSkip to content\n".repeat(3);
    let page = format!("{menu}\n{}\n{menu}", BODY.repeat(20));
    let cut = |level| {
        let builder = Cleaner::builder().pipeline("stages: [lines: {level: off}]").level(level);
        let cleaner = builder.build().unwrap();
        let cleaned = cleaner.clean(&page);
        assert!(cleaned.cuts().all(|cut| cut.confidence().is_some()));
        cleaned.cuts().map(|cut| cut.text().len()).sum::<usize>()
    };
    assert_eq!(cut(Level::Off), 0);
    assert!(cut(Level::Full) > 0);
}

/// Removes lines of asterisks.
struct Asterisks;

impl Stage for Asterisks {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        for line in doc.lines().filter(|line| line.key() == "* * *") {
            marks.remove(line.span(), doc.own_rule());
        }
    }
}

/// Judges no document.
struct Broken;

impl Stage for Broken {
    fn mark(&self, _: &Document<'_>, marks: &mut Marks) {
        marks.fail("the model is missing");
    }
}

#[test]
fn a_document_is_cleaned_without_a_stage_that_fails() {
    let cleaner = Cleaner::builder().stage("broken", |_| Ok(Broken)).build().unwrap();
    let page = page();
    let cleaned = cleaner.clean(&page);
    assert_eq!(cleaned.failed_stages(), ["broken"]);
    assert_eq!(cleaned.verdict(), Verdict::Suspect);
    assert!(cleaned.reason().is_some_and(|reason| reason.contains("the model is missing")));
    assert_eq!(cleaned.text(), Cleaner::new().unwrap().clean(&page).text());
}

#[test]
fn a_stage_runs_at_the_end_unless_the_pipeline_names_it() {
    let build = |pipeline: Option<&str>| {
        let builder = Cleaner::builder().stage("asterisks", |_| Ok(Asterisks));
        pipeline.into_iter().fold(builder, |builder, text| builder.pipeline(text)).build().unwrap()
    };
    let page = format!("{BODY}\n* * *\n\n{BODY}");
    for (cleaner, place) in [
        (build(None), 17),
        (build(Some("stages: [asterisks, debris]")), 0),
        (build(Some("stages: [debris]")), 1),
    ] {
        assert_eq!(cleaner.stages().position(|name| name == "asterisks"), Some(place));
        assert_eq!(cleaner.stages().filter(|name| *name == "asterisks").count(), 1);
        assert!(!cleaner.clean(&page).text().contains('*'));
    }
}

#[test]
fn an_error_lists_all_problems_with_their_places() {
    let builder = Cleaner::builder()
        .rule_text(
            "one.yaml",
            "outlet: one\nrules:\n  - {id: a, stage: footer, text: x, keeps: [y]}\n",
        )
        .rule_text("two.yaml", "outlet: two\nrule: []\n")
        .rule_file("nowhere.yaml")
        .encoding("klingon");
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.source().is_none());
    let places: Vec<_> = error
        .problems()
        .iter()
        .map(|problem| (problem.file(), problem.line(), problem.column()))
        .collect();
    for place in [
        (Some("nowhere.yaml"), None, None),
        (None, None, None),
        (Some("one.yaml"), Some(3), Some(20)),
        (Some("two.yaml"), Some(2), Some(1)),
    ] {
        assert!(places.contains(&place), "{place:?} is not in {places:?}");
    }
    let shown = error.to_string();
    assert!(
        shown.contains("\n  two.yaml:2:1: unknown key \"rule\"; did you mean \"rules\"?"),
        "{shown}"
    );
    assert_eq!(format!("{error:?}"), shown, "what main prints");
    let one = Cleaner::builder().outlet("prestv").build().unwrap_err();
    assert_eq!(one.to_string(), "unknown outlet \"prestv\"; did you mean \"presstv\"?");
    assert_eq!(one.problems()[0].message(), one.to_string());
    let pipeline = Cleaner::builder().pipeline("stages:\n  - tickers\n").build().unwrap_err();
    assert_eq!(
        pipeline.to_string(),
        "pipeline:2:5: unknown stage \"tickers\"; did you mean \"ticker\"?"
    );
    assert_eq!(pipeline.problems()[0].help(), Some("did you mean \"ticker\"?"));
}

#[test]
fn errors_and_results_cross_threads() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Error>();
    is_send_and_sync::<Cleaner>();
    is_send_and_sync::<chaffinch::Cleaned<'_>>();
}

#[cfg(feature = "plugins")]
#[test]
fn pipelines_may_have_plugins() {
    let wasm = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/plugins/corrections.wasm");
    let pipeline =
        format!("stages: [{{plugin: {{wasm: {wasm:?}, config: {{words: ['Correction:']}}}}}}]");
    let cleaner = chaffinch::Cleaner::builder().pipeline(pipeline).build().unwrap();
    let article = "The minister said on Tuesday that the talks would go on for two days.\n";
    let page = format!("{article}\nCorrection: three days\n");
    let cleaned = cleaner.clean(page.as_str());
    assert_eq!(cleaned.text(), article);
    assert_eq!(cleaned.cuts().last().unwrap().rule(), "stage/corrections");
}
