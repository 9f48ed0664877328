//! Renders a document with its cuts marked and their rules in the margin.

use std::fmt;
use std::ops::Range;

use chaffinch_core::stage::{RuleId, Span};
use chaffinch_core::{Cleaned, Edit, Pipeline};

use crate::visible::visible;

/// An annotated document.
pub struct Annotated {
    rows: Vec<Row>,
    margin: usize,
}

/// One line of the original, or an additional row if the margin has several rules.
pub struct Row {
    /// The index of the line.
    pub line: usize,
    /// The rule that cut something here; empty if nothing was cut.
    pub rule: String,
    /// The stage of that rule.
    pub stage: String,
    /// Whether the line was removed completely.
    pub gone: bool,
    /// The parts of the line. A replacement follows the text that it replaces.
    pub parts: Vec<Part>,
}

/// A part of a line.
pub struct Part {
    /// The text, made visible.
    pub text: String,
    /// Whether it was kept, cut or inserted.
    pub fate: Fate,
}

/// The fate of a part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Kept.
    Stays,
    /// Cut.
    Cut,
    /// Inserted in place of the cut before it.
    Put,
}

/// Annotates a cleaned document.
pub fn annotated(pipeline: &Pipeline, cleaned: &Cleaned<'_>) -> Annotated {
    let rules = pipeline.rules();
    let name = |id: RuleId| match rules.has(id) {
        true => (rules.rule(id).id.as_str(), rules.rule(id).stage.as_str()),
        false => ("", ""),
    };
    let source = cleaned.source();
    let mut rows = Vec::new();
    for (index, line) in lines(source).enumerate() {
        let inside = cleaned.edits_in(Span::new(line.start, line.end));
        let content = source[line.clone()].trim_end_matches(['\n', '\r']);
        let content = line.start..line.start + content.len();
        let gone = covered(inside, &content, &line);
        let parts = parts(source, &content, inside);
        let mut shown: Vec<(&str, &str)> = Vec::new();
        for edit in inside.iter().filter(|edit| gone || edit.span.start() < content.end) {
            let named = name(edit.rule);
            if !shown.contains(&named) {
                shown.push(named);
            }
        }
        let (rule, stage) = shown.first().copied().unwrap_or_default();
        let row = |rule: &str, stage: &str, parts| {
            let (rule, stage) = (rule.to_owned(), stage.to_owned());
            Row { line: index, rule, stage, gone, parts }
        };
        rows.push(row(rule, stage, parts));
        rows.extend(shown.iter().skip(1).map(|(rule, stage)| row(rule, stage, Vec::new())));
    }
    let margin = rows.iter().map(|row| row.rule.len()).max().unwrap_or(0);
    Annotated { rows, margin }
}

fn lines(source: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    source.split_inclusive('\n').map(move |line| {
        at += line.len();
        at - line.len()..at
    })
}

/// Whether a line was removed completely: its text, or its line ending if it has no text.
fn covered(edits: &[Edit], content: &Range<usize>, line: &Range<usize>) -> bool {
    let of = if content.is_empty() { line } else { content };
    let removed = edits.iter().filter(|edit| edit.removes());
    let cut: usize = removed
        .map(|e| e.span.end().min(of.end).saturating_sub(e.span.start().max(of.start)))
        .sum();
    !of.is_empty() && cut == of.len()
}

fn parts(source: &str, content: &Range<usize>, edits: &[Edit]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut push = |text: &str, fate: Fate| {
        if !text.is_empty() {
            parts.push(Part { text: visible(text).into_owned(), fate });
        }
    };
    // Text that is kept is shown unchanged except for hidden characters.
    let mut at = content.start;
    for edit in edits {
        let start = edit.span.start().clamp(content.start, content.end);
        let end = edit.span.end().clamp(content.start, content.end);
        push(&source[at..start], Fate::Stays);
        push(&source[start..end], Fate::Cut);
        push(&edit.with, Fate::Put);
        at = end;
    }
    push(&source[at..content.end], Fate::Stays);
    parts
}

impl Annotated {
    /// The rows, in the order of the lines.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The width of the margin, in characters.
    pub fn margin(&self) -> usize {
        self.margin
    }
}

/// Writes plain text: the rule, a bar, the line. Removed lines are marked with `-`, cut parts with
/// `⟦ ⟧`.
impl fmt::Display for Annotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            let sign = if row.gone { '-' } else { ' ' };
            let mut text = String::new();
            for part in &row.parts {
                match part.fate {
                    Fate::Cut if !row.gone => {
                        text.push('⟦');
                        text.push_str(&part.text);
                        text.push('⟧');
                    }
                    Fate::Put => {
                        text.insert_str(text.len() - '⟧'.len_utf8(), &format!("→{}", part.text));
                    }
                    _ => text.push_str(&part.text),
                }
            }
            let line = format!("{:margin$} {sign}│ {text}", row.rule, margin = self.margin);
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
