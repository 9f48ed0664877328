//! The contract between Chaffinch and a cleaning stage.
//!
//! A stage reads a [`Document`] and *marks* spans of it: this is chaff, this is to be replaced,
//! this must stay. It never edits. The engine checks every mark, cuts, and writes down what it
//! cut. So a stage cannot lose text, and a mark can always be explained, undone and reviewed.
//!
//! Spans are byte ranges of the document's *source*: the decoded text, which never changes. A
//! stage sees the lines that earlier stages left, each with the *hits* of its own rules; words
//! stand in rule files, structure stands in code.
//!
//! This crate needs the standard library alone. [`contract::check`] is the test that every stage
//! passes, built-in or foreign.
//!
//! ```
//! use chaffinch_stage::{Document, Marks, Stage};
//!
//! /// Marks the rows of asterisks that a house style puts between sections.
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
mod document;
mod marks;
mod options;
mod rule;
pub mod script;
mod span;
mod spans;
#[cfg(test)]
mod steps;
mod title;

pub use document::{Block, Document, Hit, Line, Piece, Role};
pub use marks::{Action, Mark, Marks};
pub use options::{Options, OptionsError, Setting};
pub use rule::{Act, At, Certainty, Place, Rule, RuleId, Table, Tier};
pub use span::Span;
pub use spans::Spans;

/// Why a stage judged a line as it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// How sure the stage is in percent that the line is boilerplate.
    pub confidence: u8,
    /// Whether that is enough to remove it.
    pub removes: bool,
    /// The strongest reasons for what is more likely, the strongest first.
    pub reasons: Vec<String>,
}

/// One step of the cleaning chain, named for what it finds.
pub trait Stage: Send + Sync {
    /// Marks what this stage finds in `doc`.
    ///
    /// Called once or more for a document, from any thread, so a stage keeps no state. Marks
    /// outside the document or off character boundaries are refused and counted; a panic costs
    /// this document its cleaning and nothing else.
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks);

    /// Whether the stage judges every line and can [explain](Stage::explain) what it makes of it.
    fn judges(&self) -> bool {
        false
    }

    /// Why the stage removes or keeps lines of `doc`, given by their indices, for people. None for a
    /// line that it does not judge. Called only when somebody asks.
    fn explain(&self, _doc: &Document<'_>, lines: &[usize]) -> Vec<Option<Explanation>> {
        lines.iter().map(|_| None).collect()
    }

    /// The rule that marks name which the stage, called `stage` in the pipeline, makes on its own
    /// account.
    fn own_rule(&self, stage: &str) -> Rule {
        Rule::new(format!("stage/{stage}"), stage)
    }

    /// Identifies data that the stage works with besides its settings, such as a model: stages with
    /// equal settings and equal data make the same marks.
    fn data(&self) -> Option<String> {
        None
    }
}
