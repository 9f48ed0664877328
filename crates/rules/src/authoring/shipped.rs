//! The shipped rule files: those of this repository, which the build script embeds.

/// The shipped rule files: name relative to `rules/`, and text.
pub static SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));
