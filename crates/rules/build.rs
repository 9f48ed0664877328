//! Embeds the shipped rule files. `rules/` in this crate is a link to the folder of the workspace;
//! packaging follows it, so a published crate also contains the files.
//!
//! Computes a digest of the files and of this crate's sources, so that caches of other builds are
//! not used.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::{env, fs};

fn main() {
    let here = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let root = Path::new(&here).join("rules");
    let mut digest = DefaultHasher::new();
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
            fs::read(path).expect("it can be read").hash(&mut digest);
            let name = path.strip_prefix(&root).expect("below the root").to_str().expect("UTF-8");
            let name = name.replace('\\', "/");
            writeln!(code, "    ({name:?}, include_str!({path:?})),").expect("a string grows");
        }
    }
    code.push(']');
    let sources = Path::new(&here).join("src");
    println!("cargo::rerun-if-changed={}", sources.display());
    for entry in walkdir::WalkDir::new(&sources).sort_by_file_name() {
        let entry = entry.expect("src/ can be read");
        if entry.file_type().is_file() {
            fs::read(entry.path()).expect("it can be read").hash(&mut digest);
        }
    }
    println!("cargo::rustc-env=RULES_BUILD={:016x}", digest.finish());
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("shipped.rs");
    fs::write(out, code).expect("OUT_DIR can be written");
}
