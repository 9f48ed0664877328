//! What one run read of rule files, the next takes from the cache; never anything else.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use chaffinch_rules::{Problem, Purpose, RuleSet, Wanted};

/// Longer than a file's times may take to show a change.
const SETTLED: Duration = Duration::from_millis(2100);

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache").join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A folder with one outlet, whose one rule cuts a line of this text, and no generic rules.
fn rules(name: &str, line: &str) -> PathBuf {
    let folder = folder(name);
    let rule = format!("  - id: one\n    stage: promo\n    text: {line}\n    keeps: [Else]\n");
    fs::write(folder.join("daily.yaml"), format!("outlet: daily\nrules:\n{rule}")).unwrap();
    fs::create_dir(folder.join("generic")).unwrap();
    fs::write(folder.join("generic/promo.yaml"), "generic: promo\nrules: []\n").unwrap();
    folder
}

fn load(rules: &Path, cache: &Path) -> Result<RuleSet, Vec<Problem>> {
    let purpose = Purpose::Run { cache: Some(cache) };
    RuleSet::load(&[rules], &[], &["promo"], &Wanted { purpose, ..Wanted::ALL })
}

/// What the rule cuts.
fn text(rules: &Path, cache: &Path) -> String {
    let set = load(rules, cache).unwrap();
    let rule = set.find_rule("daily/one").unwrap();
    set.source(rule).written.to_string()
}

fn files(cache: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(cache).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_cache_is_taken_until_a_rule_file_changes() {
    let (cache, one, other) = (folder("taken"), rules("one", "Share"), rules("other", "Follow"));
    assert_eq!(text(&one, &cache), "text: Share");
    assert!(files(&cache).is_empty(), "a file that has just changed may change again unseen");

    sleep(SETTLED);
    assert_eq!(text(&one, &cache), "text: Share");
    let kept = files(&cache);
    assert_eq!(kept.len(), 1);
    assert_eq!(text(&one, &cache), "text: Share");
    assert_eq!(files(&cache), kept, "nothing new");

    // It is what is read: here, another folder's.
    assert_eq!(text(&other, &cache), "text: Follow");
    let others = files(&cache).into_iter().find(|file| !kept.contains(file)).unwrap();
    let own = fs::read(&kept[0]).unwrap();
    fs::copy(&others, &kept[0]).unwrap();
    assert_eq!(text(&one, &cache), "text: Follow");

    // What is not whole is read anew, and mended.
    fs::write(&kept[0], &own[..own.len() - 1]).unwrap();
    assert_eq!(text(&one, &cache), "text: Share");
    assert_eq!(fs::read(&kept[0]).unwrap(), own);

    // As long and as old as before, but another.
    let file = one.join("daily.yaml");
    let (before, changed) = (fs::metadata(&file).unwrap(), fs::read_to_string(&file).unwrap());
    fs::write(&file, changed.replace("Share", "SHARE")).unwrap();
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(before.modified().unwrap())
        .unwrap();
    assert_eq!(text(&one, &cache), if cfg!(unix) { "text: SHARE" } else { "text: Share" });

    // More files, fewer files.
    fs::write(one.join("new.yaml"), "outlet: new\nrules: []\n").unwrap();
    assert!(load(&one, &cache).unwrap().unit("new").is_some());
    fs::remove_file(one.join("new.yaml")).unwrap();
    assert!(load(&one, &cache).unwrap().unit("new").is_none());
}

#[test]
fn what_is_wrong_is_told_every_time() {
    let (cache, rules) = (folder("wrong"), rules("broken", "Share"));
    fs::write(rules.join("twin.yaml"), "outlet: daily\nrules: []\n").unwrap();
    sleep(SETTLED);
    for _ in 0..2 {
        let problems = load(&rules, &cache).unwrap_err();
        let told = problems[0].to_string();
        assert!(
            told.ends_with("twin.yaml:1:9: another rule file is already named \"daily\""),
            "{told}"
        );
    }
    assert!(files(&cache).is_empty());
}

#[test]
fn a_cache_that_cannot_be_written_is_done_without() {
    let (folder, rules) = (folder("unwritable"), rules("sound", "Share"));
    let cache = folder.join("a-file");
    fs::write(&cache, "").unwrap();
    sleep(SETTLED);
    assert_eq!(text(&rules, &cache), "text: Share");
    assert_eq!(fs::read(&cache).unwrap(), b"");
}
