//! Each layer of this crate uses only the layers below it.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders of the layers above the base, from the lowest.
const LAYERS: [&str; 4] = ["matching", "authoring", "storage", "set"];

/// The files of the base, which is the lowest layer.
const BASE: [&str; 4] = ["bytes", "chars", "key", "table"];

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = |path: PathBuf| if path.is_dir() { files_in(&path) } else { vec![path] };
    entries.flat_map(files).collect()
}

/// The names after `crate::` in a file, outside comments.
fn uses(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let name = |rest: &str| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    code.flat_map(|line| line.split("crate::").skip(1).map(name)).collect()
}

#[test]
fn layers_use_only_layers_below_them() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut allowed = BASE.to_vec();
    let check = |path: &Path, allowed: &[&str]| {
        for name in uses(path) {
            assert!(allowed.contains(&name.as_str()), "{} uses {name}", path.display());
        }
    };
    for file in BASE {
        check(&source.join(file).with_extension("rs"), &allowed);
    }
    for layer in LAYERS {
        allowed.push(layer);
        files_in(&source.join(layer)).iter().for_each(|path| check(path, &allowed));
    }
}
