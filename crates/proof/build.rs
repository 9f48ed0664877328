//! Embeds the clean articles of `rules check`. `baseline/` in this crate is a link to
//! `corpus/baseline/` of the workspace; packaging follows it.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("baseline");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut paths: Vec<_> = fs::read_dir(&root)
        .expect("baseline/ can be read")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    paths.sort();
    let mut code = String::from("[\n");
    for path in paths {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.file_name().expect("a name").to_str().expect("UTF-8");
        writeln!(code, "    ({name:?}, include_str!({path:?})),").expect("a string grows");
    }
    code.push(']');
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("baseline.rs");
    fs::write(out, code).expect("OUT_DIR can be written");
}
