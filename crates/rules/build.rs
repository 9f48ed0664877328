//! Embeds the shipped rule files. `rules/` here is a link to the workspace's folder of that name;
//! packaging follows it, so a published crate has the files too.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("rules");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut code = String::from("&[\n");
    let files = walkdir::WalkDir::new(&root).follow_links(true).sort_by_file_name();
    for entry in files.into_iter().map(|entry| entry.expect("rules/ can be read")) {
        let path = entry.path();
        if entry.file_type().is_dir() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
        if path.extension().is_some_and(|extension| extension == "yaml") {
            println!("cargo::rerun-if-changed={}", path.display());
            let name = path.strip_prefix(&root).expect("below the root").to_str().expect("UTF-8");
            let name = name.replace('\\', "/");
            writeln!(code, "    ({name:?}, include_str!({path:?})),").expect("a string grows");
        }
    }
    code.push(']');
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("shipped.rs");
    fs::write(out, code).expect("OUT_DIR can be written");
}
