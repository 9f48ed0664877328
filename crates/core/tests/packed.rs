//! Rules from the cache cut the same as rules that were just packed.

use std::fs;
use std::path::Path;

use chaffinch_core::{Input, Limits, Pipeline};

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
