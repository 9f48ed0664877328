//! Rules from the cache cut the same as rules that were just packed.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use chaffinch_core::{Input, Limits, Pipeline, Verdict};

/// The complete result of cleaning, as text.
fn cleaned(pipeline: &Pipeline, input: &Input<'_>) -> String {
    let cleaned = pipeline.clean_input(input);
    let edits = cleaned
        .edits()
        .iter()
        .map(|edit| format!("{:?} {} {:?}\n", edit.span, pipeline.rule(edit.rule).id, edit.with));
    format!(
        "{:?} {:?} {:?}\n{}{}",
        cleaned.outlet(),
        cleaned.verdict(),
        cleaned.fields().to_json(),
        edits.collect::<String>(),
        cleaned.text(),
    )
}

#[test]
fn cached_rules_give_the_same_results() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/seeds");
    let limits = Limits::without_caps();
    let mut compared = 0;
    for config in ["languages: all\n", "languages: [fa]\n", "stages: [promo, navigation]\n"] {
        let builder = Pipeline::builder;
        let builder = || builder().config("test", config, Path::new("")).unwrap().limits(limits);
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packed");
        drop(fs::remove_dir_all(&cache));
        let cached = || builder().cache(cache.clone()).build().unwrap();
        let packed = builder().build().unwrap();
        drop(cached());
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 1);
        let cached = cached();
        let digests = |pipeline: &Pipeline| pipeline.rules().digests().collect::<Vec<_>>();
        assert_eq!(digests(&cached), digests(&packed));
        assert_eq!(cached.rules().recognition(), packed.rules().recognition());
        assert_eq!(cached.rules().ids().count(), packed.rules().ids().count());
        for entry in fs::read_dir(&seeds).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let input = Input { bytes: &bytes, path: path.to_str(), ..Input::default() };
            assert_eq!(cleaned(&cached, &input), cleaned(&packed, &input), "{}", path.display());
            compared += 1;
        }
    }
    assert!(compared >= 15);
}

/// The rules that are still in the file are lost, and so is one rule file. Only the documents that need
/// both fail.
#[test]
fn a_cache_that_is_overwritten_while_it_is_open_is_reported_for_each_document() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("overwritten");
    let [rules, cache] = ["rules", "cache"].map(|name| folder.join(name));
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&rules).unwrap();
    let file = |outlet: &str| rules.join(format!("{outlet}.yaml"));
    for outlet in ["daily", "weekly"] {
        let rule =
            format!("{{id: name, stage: site-footer, text: The {outlet}, keeps: [The end]}}");
        fs::write(file(outlet), format!("outlet: {outlet}\nrules:\n  - {rule}\n")).unwrap();
    }
    // The timestamps of younger files are not reliable.
    sleep(Duration::from_millis(2100));
    let build = || Pipeline::builder().rules(&rules).cache(cache.clone()).build().unwrap();
    drop(build());
    let pipeline = build();
    for entry in fs::read_dir(&cache).unwrap() {
        let path = entry.unwrap().path();
        let length = fs::metadata(&path).unwrap().len();
        fs::write(&path, vec![0; length as usize]).unwrap();
    }
    fs::write(file("daily"), "outlet: daily\nrules: []\n").unwrap();
    let body = "The minister told reporters on Tuesday that the talks would go on.";
    let clean = |outlet: &'static str| {
        let text = format!("{body}\n\nThe {outlet}\n");
        let input = Input { bytes: text.as_bytes(), outlet: Some(outlet), ..Input::default() };
        let cleaned = pipeline.clean_input(&input);
        (cleaned.text() == text, cleaned.verdict(), cleaned.reason().unwrap_or("").to_owned())
    };
    for _ in 0..2 {
        let (unchanged, verdict, reason) = clean("daily");
        assert!(unchanged && verdict == Verdict::Failed);
        assert!(
            reason.contains(" is damaged, and ") && reason.ends_with("; run again"),
            "{reason}"
        );
        assert_eq!(clean("weekly"), (false, Verdict::Cleaned, String::new()));
    }
}
