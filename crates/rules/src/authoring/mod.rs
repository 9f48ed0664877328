//! Authoring: rule files and lexicon files as people write them.
//!
//! A [`RuleFile`] is parsed and checked ([`yaml`], [`schema`], `parse`), and its patterns are expanded
//! with the cues of the [`lexicon`] (`template`). The layer above loads the files of a run. Programs
//! that check and write rule files also use [`coverage`] and [`edit`]; the pipeline file and the command
//! line also have sizes ([`size`]).

pub mod coverage;
pub mod edit;
mod file;
mod kind_lists;
mod kinds;
pub mod lexicon;
mod parse;
pub mod schema;
mod shipped;
pub mod size;
mod template;
pub mod yaml;

pub use file::{
    Allow, Cases, Era, Example, FileRule, NAME, RESERVED, RuleFile, Subject, Written, WrittenKeys,
    is_name,
};
pub(crate) use file::{WRITTEN_KEYS, digest, kind_of};
pub(crate) use lexicon::Lexicon;
pub(crate) use parse::ParseOptions;
pub use shipped::SHIPPED;
pub(crate) use template::cases as lexicon_cases;
pub use yaml::Problem;
