//! A run takes from the cache exactly what an earlier run has parsed.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use chaffinch_rules::key::key;
use chaffinch_rules::{LoadOptions, Problem, RuleSet};
use chaffinch_stage::Document;

/// The resolution of file timestamps.
const SETTLED: Duration = Duration::from_millis(2100);

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache").join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A folder with one outlet, whose only rule removes a line with this text, and no generic rules.
fn rules(name: &str, line: &str) -> PathBuf {
    let folder = folder(name);
    let rule = format!("  - id: one\n    stage: promo\n    text: {line}\n    keeps: [Else]\n");
    fs::write(folder.join("daily.yaml"), format!("outlet: daily\nrules:\n{rule}")).unwrap();
    fs::create_dir(folder.join("generic")).unwrap();
    fs::write(folder.join("generic/promo.yaml"), "generic: promo\nrules: []\n").unwrap();
    folder
}

fn options(cache: &Path) -> LoadOptions<'_> {
    LoadOptions { cache: Some(cache), keep: true, ..LoadOptions::ALL }
}

fn load(rules: &Path, cache: &Path) -> Result<RuleSet, Vec<Problem>> {
    RuleSet::load(&[rules], &[], &["promo"], &options(cache))
}

/// The pattern of an outlet's rule.
fn cuts(set: &RuleSet, outlet: &str) -> String {
    let rule = set.find_rule(&format!("{outlet}/one")).unwrap();
    set.source(rule).written.to_string()
}

fn text(rules: &Path, cache: &Path) -> String {
    cuts(&load(rules, cache).unwrap(), "daily")
}

/// The only file of the cache.
fn kept(cache: &Path) -> PathBuf {
    let mut files = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    let (Some(file), None) = (files.next(), files.next()) else { panic!("one file is kept") };
    file
}

/// Changes a rule's text and keeps the size and modification time of its file.
fn change(rules: &Path, from: &str, to: &str) {
    let file = rules.join("daily.yaml");
    let (before, text) = (fs::metadata(&file).unwrap(), fs::read_to_string(&file).unwrap());
    fs::write(&file, text.replace(from, to)).unwrap();
    let file = fs::File::options().write(true).open(&file).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
}

#[test]
fn a_file_is_read_from_the_cache_until_it_changes() {
    let (cache, rules) = (folder("taken"), rules("one", "Share"));
    assert_eq!(text(&rules, &cache), "text: Share");
    change(&rules, "Share", "SHARE");
    assert_eq!(text(&rules, &cache), "text: SHARE", "it had changed a moment ago");

    sleep(SETTLED);
    assert_eq!(text(&rules, &cache), "text: SHARE");
    let whole = fs::read(kept(&cache)).unwrap();
    assert_eq!(text(&rules, &cache), "text: SHARE");
    assert_eq!(fs::read(kept(&cache)).unwrap(), whole, "nothing is new");

    // Rules that are damaged on disk are parsed again when they are needed, and the next run writes
    // the cache again.
    let lost = [&whole[..whole.len() - 40], &[0; 40]].concat();
    let set = load(&rules, &cache).unwrap();
    fs::write(kept(&cache), &lost).unwrap();
    assert_eq!(cuts(&set, "daily"), "text: SHARE");
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
    assert_eq!(text(&rules, &cache), "text: SHARE");
    assert_eq!(fs::read(kept(&cache)).unwrap(), whole);

    // The same when other files must also be parsed.
    fs::write(kept(&cache), &lost).unwrap();
    fs::write(rules.join("a.yaml"), "outlet: a\nrules: []\n").unwrap();
    assert_eq!(text(&rules, &cache), "text: SHARE");
    fs::remove_file(rules.join("a.yaml")).unwrap();
    assert_eq!(load(&rules, &cache).unwrap().unit("a"), None);
    assert_eq!(fs::read(kept(&cache)).unwrap(), whole);

    // An incomplete cache is ignored and written again.
    fs::write(kept(&cache), &whole[..whole.len() - 1]).unwrap();
    assert_eq!(text(&rules, &cache), "text: SHARE");
    assert_eq!(fs::read(kept(&cache)).unwrap(), whole);

    change(&rules, "SHARE", "Share");
    assert_eq!(text(&rules, &cache), if cfg!(unix) { "text: Share" } else { "text: SHARE" });
}

#[test]
fn a_cache_that_is_deleted_or_replaced_is_still_read() {
    let (cache, rules) = (folder("deleted"), rules("kept", "Share"));
    let sets = [(); 2].map(|()| load(&rules, &cache).unwrap());
    // The rules of the second set are read from the file.
    change(&rules, "Share", "Print");
    let replaced = load(&rules, &cache).unwrap();
    fs::remove_dir_all(&cache).unwrap();
    let texts = sets.iter().chain([&replaced]).map(|set| cuts(set, "daily"));
    assert_eq!(texts.collect::<Vec<_>>(), ["text: Share", "text: Share", "text: Print"]);
}

#[test]
fn damaged_rules_are_parsed_again_with_their_own_lexicon() {
    let (cache, rules) = (folder("own-lexicon"), rules("words", "'{share}'"));
    let outlet = fs::read_to_string(rules.join("daily.yaml")).unwrap();
    let outlet = outlet.replace("text: '{share}'", "line: '{share}'\n    removes: [Spread it]");
    fs::write(rules.join("daily.yaml"), outlet).unwrap();
    fs::create_dir(rules.join("lexicon")).unwrap();
    let lexicon = "lexicon: en\nname: English\nkinds:\n  share:\n    entries: [Spread it]\n    \
        removes: [Spread it]\n    keeps: [Nobody could spread it.]\n";
    fs::write(rules.join("lexicon/en.yaml"), lexicon).unwrap();
    sleep(SETTLED);
    let hits = |set: &RuleSet| {
        let document = Document::new("Spread it", set, key);
        let line = document.lines().next().unwrap();
        set.find_naively(set.unit("daily"), line).len()
    };
    assert_eq!(hits(&load(&rules, &cache).unwrap()), 1);
    let whole = fs::read(kept(&cache)).unwrap();

    let set = load(&rules, &cache).unwrap();
    fs::write(kept(&cache), vec![0; whole.len()]).unwrap();
    assert_eq!(hits(&set), 1);
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
}

#[test]
fn a_changed_file_leaves_the_others_in_the_cache() {
    let (cache, rules) = (folder("others"), rules("two", "Share"));
    let weekly = fs::read_to_string(rules.join("daily.yaml")).unwrap().replace("daily", "weekly");
    fs::write(rules.join("weekly.yaml"), weekly).unwrap();
    sleep(SETTLED);
    let before = load(&rules, &cache).unwrap();
    change(&rules, "Share", "Follow");
    for set in [load(&rules, &cache), load(&rules, &cache)].map(Result::unwrap) {
        assert_eq!([cuts(&set, "daily"), cuts(&set, "weekly")], ["text: Follow", "text: Share"]);
        let same: Vec<bool> = before.digests().zip(set.digests()).map(|(a, b)| a == b).collect();
        assert_eq!(same, [false, true, true]);
        assert_eq!(before.recognition(), set.recognition());
    }
}

#[test]
fn the_same_files_in_another_folder_have_the_same_rules() {
    let (cache, first) = (folder("moved"), rules("before", "Share"));
    let known = load(&first, &cache).unwrap();
    let second = rules("after", "Share");
    for _ in 0..2 {
        let set = load(&second, &cache).unwrap();
        assert_eq!(cuts(&set, "daily"), "text: Share");
        let rule = set.find_rule("daily/one").unwrap();
        assert_eq!(Path::new(&*set.source(rule).file), second.join("daily.yaml"));
        assert!(known.digests().eq(set.digests()));
    }
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 2);
}

#[test]
fn further_files_do_not_replace_the_cache_of_the_directories() {
    let (cache, rules) = (folder("further"), rules("own", "Share"));
    sleep(SETTLED);
    assert_eq!(text(&rules, &cache), "text: Share");
    let whole = fs::read(kept(&cache)).unwrap();
    for text in ["Follow", "Print"] {
        let weekly = format!(
            "outlet: weekly\nrules: [{{id: one, stage: promo, text: {text}, keeps: [Else]}}]"
        );
        let files = [("weekly.yaml".to_owned(), weekly)];
        let set = RuleSet::load(&[&rules], &files, &["promo"], &options(&cache)).unwrap();
        assert_eq!(cuts(&set, "weekly"), format!("text: {text}"));
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 2);
    }
    assert!(
        fs::read_dir(&cache).unwrap().any(|file| fs::read(file.unwrap().path()).unwrap() == whole)
    );
}

#[test]
fn problems_are_reported_every_time() {
    let (cache, rules) = (folder("wrong"), rules("broken", "Share"));
    fs::write(rules.join("twin.yaml"), "outlet: daily\nrules: []\n").unwrap();
    sleep(SETTLED);
    for _ in 0..2 {
        let problems = load(&rules, &cache).unwrap_err();
        let shown = problems[0].to_string();
        assert!(
            shown.ends_with("twin.yaml:1:9: another rule file is already named \"daily\""),
            "{shown}"
        );
    }
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
}

#[test]
fn a_cache_that_cannot_be_written_is_ignored() {
    let (folder, rules) = (folder("unwritable"), rules("sound", "Share"));
    let cache = folder.join("a-file");
    fs::write(&cache, "").unwrap();
    sleep(SETTLED);
    assert_eq!(text(&rules, &cache), "text: Share");
    assert_eq!(fs::read(&cache).unwrap(), b"");
}
