//! The contract between Chaffinch and a cleaning stage.
//!
//! A stage reads a [`Document`] and *marks* spans of it to remove, replace or keep. It never edits.
//! The engine checks every mark, edits the text and records the edits. A stage therefore cannot
//! lose text, and every mark can be explained, undone and reviewed.
//!
//! Spans are byte ranges of the document's *source*: the decoded text, which never changes. A stage
//! sees the lines that earlier stages left, each with the *hits* of the stage's own rules. Words
//! belong in rule files, structure in code.
//!
//! This crate depends only on the standard library. [`contract::check`] is the test that every
//! stage must pass, built-in or third-party.
//!
//! ```
//! use chaffinch_stage::{Document, Marks, Stage};
//!
//! /// Marks the rows of asterisks that separate sections.
//! struct Asterisks;
//!
//! impl Stage for Asterisks {
//!     fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
//!         for line in doc.lines().filter(|line| line.key() == "* * *") {
//!             marks.remove(line.span(), doc.own_rule());
//!         }
//!     }
//! }
//!
//! chaffinch_stage::contract::check(&Asterisks, &["One.\n\n* * *\n\nTwo."]);
//! ```

pub mod calendar;
pub mod contract;
pub mod date;
mod document;
mod hit;
mod line;
mod line_data;
mod marks;
mod options;
mod rule;
pub mod script;
mod span;
mod spans;
mod split;
#[cfg(test)]
mod steps;
mod title;
mod zones;

pub use document::Document;
pub use hit::{Block, Hit, Piece, Role};
pub use line::Line;
pub use marks::{Mark, Marks};
pub use options::{Options, OptionsError, Setting};
pub use rule::{Action, At, Certainty, Place, Rule, RuleId, RuleTable, Tier};
pub use span::Span;
pub use spans::Spans;

/// Why a stage judged a line as it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The stage's confidence, in percent, that the line is boilerplate.
    pub confidence: u8,
    /// Whether the confidence is high enough to remove the line.
    pub removes: bool,
    /// The strongest reasons for the more likely judgement, strongest first.
    pub reasons: Vec<String>,
}

/// One step of the cleaning chain, named after what it finds.
pub trait Stage: Send + Sync {
    /// Marks what this stage finds in `doc`.
    ///
    /// Called at least once per document, from any thread, so a stage keeps no state. Marks outside
    /// the document or off character boundaries are rejected and counted. If the stage panics, only
    /// this document stays uncleaned.
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks);

    /// Whether the stage judges every line and can [explain](Stage::explain) its judgements.
    fn judges(&self) -> bool {
        false
    }

    /// Why the stage removes or keeps the lines of `doc` with these indices, one result per index.
    /// `None` for a line that it does not judge. Called only for reports, never while cleaning.
    fn explain(&self, _doc: &Document<'_>, lines: &[usize]) -> Vec<Option<Explanation>> {
        lines.iter().map(|_| None).collect()
    }

    /// The rule for marks that come from the stage itself and not from a rule file. `stage` is the
    /// stage's name in the pipeline.
    fn own_rule(&self, stage: &str) -> Rule {
        Rule::new(format!("stage/{stage}"), stage)
    }

    /// Identifies data that the stage uses besides its settings, such as a model. Stages with equal
    /// settings and equal data must make the same marks.
    fn data(&self) -> Option<String> {
        None
    }
}
