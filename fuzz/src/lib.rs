//! Fuzz targets for the code that reads untrusted bytes.
//!
//! A target is a function that takes any bytes and panics if an invariant is broken. libFuzzer
//! calls the targets from `fuzz_targets/`; the runner (`src/main.rs`) replays their corpora and
//! mutates them without libFuzzer.

mod cache;
mod clean;
mod damage;
mod decode;
mod folder;
mod jsonl;
mod ledger;
mod matcher;
mod model;
mod pieces;
mod rows;
mod rules;
mod wet;

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also that of its corpus.
    pub name: &'static str,
    /// Checks one input.
    ///
    /// # Panics
    /// An invariant is broken.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "cache", run: cache::run },
    Target { name: "clean", run: clean::run },
    Target { name: "decode", run: decode::run },
    Target { name: "jsonl", run: jsonl::run },
    Target { name: "ledger", run: ledger::run },
    Target { name: "matcher", run: matcher::run },
    Target { name: "model", run: model::run },
    Target { name: "pieces", run: pieces::run },
    Target { name: "rows", run: rows::run },
    Target { name: "rules", run: rules::run },
    Target { name: "wet", run: wet::run },
];

/// The target with this name.
///
/// # Panics
/// There is none.
pub fn target(name: &str) -> Target {
    let found = TARGETS.iter().find(|target| target.name == name);
    *found.unwrap_or_else(|| panic!("there is no target {name:?}"))
}

/// Defines the entry point of libFuzzer for a target.
#[cfg(feature = "libfuzzer")]
#[macro_export]
macro_rules! libfuzzer_target {
    ($name:literal) => {
        // The first input pays for what a target prepares, and is not measured.
        libfuzzer_sys::fuzz_target!(
            init: ($crate::target($name).run)(&[0, 0]),
            |data: &[u8]| ($crate::target($name).run)(data)
        );
    };
}
