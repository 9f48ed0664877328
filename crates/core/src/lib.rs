//! The engine: decodes documents, detects their outlet, finds the hits of rules, runs the chain of
//! stages, applies their marks, and records how to undo the edits.
//!
//! Cleaning is a pure function of a document and a [`Pipeline`], without state, I/O or any
//! dependence between documents. The result is therefore the same for any number of threads.
//!
//! ```
//! use chaffinch_core::Pipeline;
//!
//! let pipeline = Pipeline::shipped().unwrap();
//! let article = "The minister said on Tuesday that the talks would go on for two days.";
//! let page = format!("Breaking the deadlock\n\n{article}\n\nSHARE THIS ARTICLE\n");
//! let cleaned = pipeline.clean(page.as_bytes());
//! assert_eq!(cleaned.text(), format!("Breaking the deadlock\n\n{article}\n"));
//! assert_eq!(cleaned.fields().get("title"), Some("Breaking the deadlock"));
//! assert_eq!(cleaned.restore().unwrap(), page.as_bytes());
//! ```

mod blank_lines;
mod caps;
mod clean;
mod cleaned;
pub mod config;
mod decode;
mod edits;
mod engine;
mod era;
mod fields;
mod findings;
mod input;
pub mod mark_checks;
pub mod message;
mod panics;
mod pipeline;
mod schemas;
mod undo;
mod verdict;
mod why;

pub use chaffinch_rules as rules;
pub use chaffinch_stage as stage;
pub use chaffinch_stage::date::{self, is_month};
pub use chaffinch_stages::{MODEL_RULE, STAGES};
pub use cleaned::{Cleaned, Recalled};
pub use config::{Limits, Plugin};
pub use decode::{Coding, Decoded, NotText, Patch, decode, encode};
pub use edits::Edit;
pub use encoding_rs::Encoding;
pub use era::day_of;
pub use fields::{Fields, STANDARD_FIELDS};
pub use input::Input;
pub use panics::panic_message;
pub use pipeline::{Builder, LoadPlugin, MakeStage, Pipeline, PluginError};
pub use schemas::Schemas;
pub use undo::{LedgerEdit, LedgerPatch, RestoreError, Undo};
pub use verdict::Verdict;
pub use why::{Near, Stopped, WhyNot};
