//! A build without rule files is refused: `rules` is a symbolic link, which some checkouts have as a file.

use std::fs;
use std::hash::DefaultHasher;
use std::path::Path;

#[expect(
    dead_code,
    clippy::print_stdout,
    reason = "it is a build script, and the test calls only a part of it"
)]
#[path = "../build.rs"]
mod build;

fn embedded(rules: &Path) -> Option<String> {
    build::embedded(rules, &mut DefaultHasher::new(), false)
}

#[test]
fn a_folder_without_rule_files_is_not_embedded() {
    let folder = std::env::temp_dir().join(format!("chaffinch-embedded-{}", std::process::id()));
    let empty = folder.join("empty");
    fs::create_dir_all(&empty).unwrap();
    let link = folder.join("rules");
    fs::write(&link, "../../rules").unwrap();
    let found = [embedded(&link), embedded(&empty), embedded(&folder.join("none"))];
    fs::write(empty.join("a.yaml"), "outlet: a\n").unwrap();
    let code = embedded(&empty);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(found, [None, None, None]);
    assert_eq!(code.as_deref(), Some("&[\n    (\"a.yaml\", \"outlet: a\\n\"),\n]"));
}
