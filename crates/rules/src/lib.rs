//! Rule files: parses YAML into an index of compiled patterns.
//!
//! A rule file says how an outlet is detected and what to remove from its documents, with test
//! cases ([`RuleFile`]). A [`RuleSet`] contains all rule files of a run. It detects a document's
//! outlet and finds the rules that match a line. All errors of a file are reported together, each
//! with its position ([`Problem`]).
//!
//! The crate has layers, each of which uses only those before it: the base (`key`, `bytes`, `chars`,
//! `table`), `matching` (patterns and their index), `authoring` (rule files and the lexicon),
//! `storage` (loading, packing, the cache) and `set` (the [`RuleSet`]).
//!
//! ```
//! use chaffinch_rules::RuleFile;
//!
//! let file = "outlet: example\nrules:\n  - id: sign-off\n    stage: share-button\n    text: Share\n";
//! let problems = RuleFile::parse("rules/example.yaml", file, &["share-buttons"]).unwrap_err();
//! assert_eq!(
//!     problems[0].to_string(),
//!     "rules/example.yaml:3:5: `keeps` is missing: a similar text that the rule must keep",
//! );
//! assert_eq!(
//!     problems[1].to_string(),
//!     "rules/example.yaml:4:12: unknown stage \"share-button\"; did you mean \"share-buttons\"?",
//! );
//! ```

mod authoring;
mod bytes;
mod chars;
pub mod key;
mod matching;
mod set;
mod storage;
mod table;

pub use authoring::{
    Allow, Cases, Era, Example, FileRule, NAME, Problem, RESERVED, RuleFile, SHIPPED, Subject,
    Written, WrittenKeys, coverage, edit, is_name, lexicon, schema, size, yaml,
};
pub use matching::{Anchor, CompileError, Found, Pattern};
pub use set::{How, RuleSet, Search, Source, UnitId, UnknownOutlet, host_of};
pub use storage::{Listed, LoadOptions, acts_mid_article, files_in};
