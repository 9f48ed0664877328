//! Collects the fields of all marks until it is known which marks take effect. Used by the engine.

use std::collections::HashMap;

use chaffinch_stage::{RuleId, Span, Spans};

use crate::edits::Edits;
use crate::fields::Fields;

/// The fields of the marks of one document, in the order of the marks.
#[derive(Default)]
pub(crate) struct Findings {
    all: Vec<Finding>,
    /// The index of the last note of a rule on a span.
    notes: HashMap<(RuleId, Span), usize>,
    /// The spans of the notes made by patterns.
    noted: Spans,
    /// The current round of the chain.
    round: usize,
}

/// The fields of one mark.
struct Finding {
    rule: RuleId,
    round: usize,
    span: Span,
    note: bool,
    fields: Vec<(String, String)>,
}

impl Findings {
    /// Begins the next round of the chain.
    pub(crate) fn next_round(&mut self) {
        self.round += 1;
    }

    /// Adds the fields of a mark. A note that is repeated in a later round replaces the earlier
    /// one.
    pub(crate) fn add(
        &mut self,
        span: Span,
        rule: RuleId,
        note: bool,
        fields: Vec<(String, String)>,
    ) {
        if note {
            self.noted.insert(span);
        }
        if note && let Some(earlier) = self.notes.insert((rule, span), self.all.len()) {
            self.all[earlier].fields.clear();
        }
        self.all.push(Finding { rule, round: self.round, span, note, fields });
    }

    /// Adds the fields of a detector's note. It replaces the detector's notes of earlier rounds,
    /// which were based on lines that may have been removed since.
    pub(crate) fn detect(&mut self, span: Span, rule: RuleId, fields: Vec<(String, String)>) {
        let outdated = |earlier: &&mut Finding| {
            earlier.note && earlier.rule == rule && earlier.round < self.round
        };
        self.all.iter_mut().filter(outdated).for_each(|earlier| earlier.fields.clear());
        self.all.push(Finding { rule, round: self.round, span, note: true, fields });
    }

    /// Whether a pattern has a note on a part of `span`.
    pub(crate) fn is_noted(&self, span: Span) -> bool {
        self.noted.overlap(span)
    }

    /// Drops the fields of marks by other rules than these.
    pub(crate) fn retain(&mut self, stays: impl Fn(RuleId) -> bool) {
        self.all.retain(|finding| stays(finding.rule));
    }

    /// The fields of the marks that took effect: notes on text that is kept, removals of text that
    /// is removed.
    pub(crate) fn fields(self, edits: &Edits) -> Fields {
        let mut fields = Fields::default();
        for finding in self.all {
            if finding.note != edits.removes_all(finding.span) {
                finding.fields.iter().for_each(|(name, value)| fields.add(name, value));
            }
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_replaces_an_earlier_one_of_its_rule_on_its_span() {
        let (line, other, rule) = (Span::new(0, 5), Span::new(6, 9), RuleId(1));
        let title = |value: &str| vec![("title".to_owned(), value.to_owned())];
        let mut findings = Findings::default();
        findings.add(line, rule, true, title("old"));
        findings.add(other, rule, true, title("other span"));
        findings.add(line, RuleId(2), true, title("other rule"));
        findings.add(line, rule, true, title("new"));
        let fields = findings.fields(&Edits::default());
        let (_, values) = fields.iter().next().unwrap();
        assert_eq!(values, ["other span", "other rule", "new"]);
    }

    #[test]
    fn a_detector_replaces_its_notes_of_earlier_rounds() {
        let (line, other, rule) = (Span::new(0, 5), Span::new(6, 9), RuleId(1));
        let title = |value: &str| vec![("title".to_owned(), value.to_owned())];
        let mut findings = Findings::default();
        findings.detect(line, rule, title("old"));
        findings.detect(line, RuleId(2), title("other rule"));
        findings.next_round();
        findings.detect(line, rule, title("new"));
        findings.detect(other, rule, title("same round"));
        assert!(!findings.is_noted(line));
        let fields = findings.fields(&Edits::default());
        let (_, values) = fields.iter().next().unwrap();
        assert_eq!(values, ["other rule", "new", "same round"]);
    }
}
