//! Embeds the shipped rule files. `rules/` in this crate is a link to the folder of the workspace;
//! packaging follows it, so a published crate also contains the files.
//!
//! A debug build in the workspace reads the files when it runs, so that a changed rule needs no new
//! build. What is embedded in it is used if the files cannot be read.
//!
//! Computes a digest of the embedded files and of this crate's sources, so that caches of other
//! builds are not used.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let rules = here.join("rules");
    let mut digest = DefaultHasher::new();
    println!("cargo::rustc-check-cfg=cfg(rules_on_disk)");
    let on_disk = rules.is_symlink() && env::var("PROFILE").as_deref() == Ok("debug");
    if on_disk {
        println!("cargo::rustc-cfg=rules_on_disk");
    }
    let Some(code) = embedded(&rules, &mut digest, !on_disk) else {
        println!(
            "cargo::error={} contains no rule files. It is a symbolic link to the folder rules/ of the \
             repository: check it out with symbolic links (git config core.symlinks true), or replace it \
             by a copy of that folder",
            rules.display()
        );
        return;
    };
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("shipped.rs");
    fs::write(out, code).expect("OUT_DIR can be written");
    let sources = here.join("src");
    println!("cargo::rerun-if-changed={}", sources.display());
    for entry in walkdir::WalkDir::new(&sources).sort_by_file_name() {
        let entry = entry.expect("src/ can be read");
        if entry.file_type().is_file() {
            fs::read(entry.path()).expect("it can be read").hash(&mut digest);
        }
    }
    println!("cargo::rustc-env=RULES_BUILD={:016x}", digest.finish());
}

/// The code of a table with the names and texts of all rule files below `rules`, unless there are none. If
/// they are `watched`, a changed file needs a new build.
pub(crate) fn embedded(rules: &Path, digest: &mut DefaultHasher, watched: bool) -> Option<String> {
    let watch = |path: &Path| {
        if watched {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    };
    watch(rules);
    if !rules.is_dir() {
        return None;
    }
    let mut found = false;
    let mut code = String::from("&[\n");
    let files = walkdir::WalkDir::new(rules).follow_links(true).sort_by_file_name();
    for entry in files.into_iter().map(|entry| entry.expect("rules/ can be read")) {
        let path = entry.path();
        if entry.file_type().is_dir() {
            watch(path);
        }
        if path.extension().is_some_and(|extension| extension == "yaml") {
            watch(path);
            found = true;
            let text = fs::read_to_string(path).expect("it can be read");
            text.hash(digest);
            let name = path.strip_prefix(rules).expect("below the root").to_str().expect("UTF-8");
            let name = name.replace('\\', "/");
            // With include_str, cargo would watch the file.
            writeln!(code, "    ({name:?}, {text:?}),").expect("a string grows");
        }
    }
    code.push(']');
    found.then_some(code)
}
