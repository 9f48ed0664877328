//! The rule set: all rules of a run.
//!
//! A [`RuleSet`] is built from the loaded rule files (`build`). It detects the outlet of a document
//! (`recognise`), selects the rules that apply, and finds those that match a line (`find`, with a
//! `memo` of short lines). The engine asks it; its parts are *sections*, the rules of one file, and
//! *units*, the outlets and families.

mod build;
mod find;
mod memo;
mod recognise;
mod rule_set;
mod section;
mod unit;

pub use memo::Search;
pub use recognise::{How, host_of};
pub use rule_set::RuleSet;
pub use section::Source;
pub use unit::{UnitId, UnknownOutlet};
