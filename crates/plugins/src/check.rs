//! Checks that a plugin meets the stage contract. In addition to the test for all stages, its marks
//! must not depend on the documents that an instance has seen before.

use std::borrow::Cow;
use std::fmt;

use chaffinch_core::stage::contract::{DOCUMENTS, verify};
use chaffinch_core::stage::{Document, Mark, Marks, Rule, RuleId};

use crate::PluginStage;

/// What a check of a plugin found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The number of documents.
    pub documents: usize,
    /// The number of marks in them.
    pub marks: usize,
    /// The most instructions used for a document, in units of fuel.
    pub most_fuel: u64,
}

/// Why a plugin failed, or how it violates the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginFailure(pub(crate) String);

impl fmt::Display for PluginFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PluginFailure {}

/// Checks a plugin on the documents of the contract and on `own`.
///
/// # Errors
/// The first violation of the contract.
pub fn check(stage: &PluginStage, own: &[&str]) -> Result<Checked, PluginFailure> {
    verify(stage, own).map_err(|violation| PluginFailure(violation.to_string()))?;
    let documents: Vec<&str> = DOCUMENTS.iter().chain(own).copied().collect();
    let mut checked = Checked { documents: documents.len(), marks: 0, most_fuel: 0 };
    let mut first = Vec::new();
    for document in &documents {
        stage.restart();
        let (marks, fuel) = marks_of(stage, document)?;
        checked.marks += marks.len();
        checked.most_fuel = checked.most_fuel.max(fuel);
        first.push(marks);
    }
    for (document, alone) in documents.iter().zip(&first).rev() {
        if marks_of(stage, document)?.0 != *alone {
            return Err(PluginFailure(format!(
                "the marks in {document:?} depend on earlier documents: the plugin keeps state"
            )));
        }
    }
    Ok(checked)
}

fn marks_of(stage: &PluginStage, text: &str) -> Result<(Vec<Mark>, u64), PluginFailure> {
    let rules = [Rule::new("stage/own", "stage")];
    let mut doc = Document::new(text, &rules, |line| Cow::Borrowed(line.trim()));
    doc.enter("stage", RuleId(0));
    let mut marks = Marks::new();
    let fuel = stage.try_mark(&doc, &mut marks).map_err(PluginFailure)?;
    Ok((marks.into_vec(), fuel))
}
