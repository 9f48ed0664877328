//! Chaffinch's rule files: YAML in, an index out.
//!
//! A rule file says how an outlet is recognised, what to cut from its documents, and proves it
//! ([`RuleFile`]). A [`RuleSet`] is all files of a run: it tells a document's outlet and finds the
//! rules that match a line. What is wrong with a file is said with its place ([`Problem`]), all of
//! it at once.
//!
//! ```
//! use chaffinch_rules::RuleFile;
//!
//! let file = "outlet: example\nrules:\n  - id: sign-off\n    stage: share-button\n    text: Share\n";
//! let problems = RuleFile::parse("rules/example.yaml", file, &["share-buttons"]).unwrap_err();
//! assert_eq!(
//!     problems[0].to_string(),
//!     "rules/example.yaml:3:5: `keeps` is missing: a text like it that must stay",
//! );
//! assert_eq!(
//!     problems[1].to_string(),
//!     "rules/example.yaml:4:12: unknown stage \"share-button\"; did you mean \"share-buttons\"?",
//! );
//! ```

mod bytes;
mod cache;
mod chars;
pub mod coverage;
pub mod edit;
mod file;
mod index;
pub mod key;
pub mod lexicon;
mod literals;
mod load;
mod matcher;
mod packed;
mod pattern;
mod phrases;
mod recognise;
pub mod schema;
mod set;
mod template;
pub mod yaml;

pub use file::{Allow, Era, Example, FileRule, NAME, RuleFile, Subject, Written, is_name};
pub use load::{Purpose, SHIPPED, Wanted, files_in};
pub use packed::Listed;
pub use pattern::{Anchor, Found, Pattern};
pub use recognise::How;
pub use set::{RuleSet, Source, UnitId, acts_inside};
pub use yaml::Problem;
