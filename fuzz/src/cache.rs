//! Damaged files of the rule cache: the rules equal those in the rule files.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::Duration;

use chaffinch_core::stage::Document;
use chaffinch_rules::{LoadOptions, RuleSet, Search, key::key};
use tempfile::TempDir;

use crate::damage::damaged;
use crate::folder::temporary;

/// A file is kept in the cache once its times are older than this.
const SETTLED: Duration = Duration::from_millis(2100);

const OUTLET: &str = "outlet: daily\nrecognise: {hosts: [daily.example]}\nrules:\n  \
    - {id: one, stage: promo, text: Share, keeps: [Else]}\n  \
    - {id: two, stage: promo, line: '(?:Photo|Image): (?P<caption>.+)', keeps: [Else], removes: ['Photo: a', 'Image: a']}\n";
const GENERIC: &str = "generic: promo\nrules:\n  \
    - {id: sign-up, line: 'sign up (?:now|today)', ignore_case: true, keeps: [Else], removes: [Sign up now, Sign up today]}\n";
const PAGE: &str = "Share\nPhoto: a bridge\nSign up now\nsign up today\nElse\n";

struct Folder {
    folder: TempDir,
    file: PathBuf,
    whole: Vec<u8>,
    wanted: String,
}

static FOLDER: LazyLock<Folder> = LazyLock::new(|| {
    let folder = temporary();
    let rules = folder.path().join("rules");
    fs::create_dir_all(rules.join("generic")).expect("a folder can be made");
    fs::write(rules.join("daily.yaml"), OUTLET).expect("a file can be written");
    fs::write(rules.join("generic/promo.yaml"), GENERIC).expect("a file can be written");
    sleep(SETTLED);
    let wanted = described(&folder);
    let entries = fs::read_dir(folder.path().join("cache")).expect("there is a cache");
    let file = entries.flatten().next().expect("there is a cache file").path();
    let whole = fs::read(&file).expect("the cache file can be read");
    Folder { folder, file, whole, wanted }
});

/// All rules, and what they find.
fn described(folder: &TempDir) -> String {
    let (rules, cache) = (folder.path().join("rules"), folder.path().join("cache"));
    let options = LoadOptions { cache: Some(&cache), keep: true, ..LoadOptions::ALL };
    let set = RuleSet::load(&[&rules], &[], &["promo"], &options);
    let set = set.unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut described = String::new();
    for id in set.ids() {
        described += &format!("{:?} {} {}\n", set.rule(id), set.source(id).written, set.digest(id));
    }
    let document = Document::new(PAGE, &set, key);
    let mut near = Vec::new();
    for line in document.lines() {
        for unit in [None, set.unit("daily")] {
            described += &format!("{:?}\n", set.find(unit, line, Search::default(), &mut near));
        }
    }
    described + &format!("{:?}", set.outlets().collect::<Vec<_>>())
}

/// The first byte selects what the rest is: a cache file, or changes to a valid one.
pub(crate) fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let Folder { folder, file, whole, wanted } = &*FOLDER;
    let bytes = if first % 4 == 0 { rest.to_vec() } else { damaged(whole, rest) };
    fs::write(file, bytes).expect("the cache file can be written");
    assert_eq!(&described(folder), wanted);
    // A damaged file is written again, by this load or by the next.
    assert_eq!(&described(folder), wanted);
    assert!(fs::read(file).is_ok_and(|bytes| bytes == *whole), "the damage is still there");
}
