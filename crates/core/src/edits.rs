//! The edits of one document: what is cut and replaced, each byte credited to one rule.

use chaffinch_stage::{Piece, RuleId, Span};

/// A stretch of the source that is cut, or replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Bytes of the source.
    pub span: Span,
    /// The rule that asked for it first.
    pub rule: RuleId,
    /// What stands there instead; mostly nothing.
    pub with: String,
}

impl Edit {
    /// Whether the edit cuts and puts nothing in the place.
    pub fn removes(&self) -> bool {
        self.with.is_empty()
    }
}

/// Edits in order, none overlapping another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edits {
    // Invariant: sorted by start; no two share a byte; no span is empty.
    edits: Vec<Edit>,
}

impl Edits {
    pub(crate) fn as_slice(&self) -> &[Edit] {
        &self.edits
    }

    /// The edits that touch `span`.
    pub(crate) fn within(&self, span: Span) -> &[Edit] {
        let from = self.edits.partition_point(|edit| edit.span.end() <= span.start());
        let to = self.edits.partition_point(|edit| edit.span.start() < span.end());
        &self.edits[from..to.max(from)]
    }

    /// Cuts `span` for `rule`: what is already cut stays with the rule that cut it, and a
    /// replacement that the cut touches goes with it. Whether that cut anything new.
    pub(crate) fn remove(&mut self, span: Span, rule: RuleId) -> bool {
        let replaced = self.within(span).iter().filter(|edit| !edit.removes());
        let span = replaced.fold(span, |span, edit| span.join(edit.span));
        let mut gaps = Vec::new();
        let mut at = span.start();
        for edit in self.within(span).iter().filter(|edit| edit.removes()) {
            if at < edit.span.start() {
                gaps.push(Span::new(at, edit.span.start()));
            }
            at = at.max(edit.span.end());
        }
        if at < span.end() {
            gaps.push(Span::new(at, span.end()));
        }
        if gaps.is_empty() {
            return false;
        }
        self.edits.retain(|edit| edit.removes() || !edit.span.overlaps(span));
        let edits = gaps.into_iter().map(|span| Edit { span, rule, with: String::new() });
        self.edits.extend(edits);
        self.edits.sort_by_key(|edit| edit.span.start());
        true
    }

    /// Replaces `span` for `rule`, unless something of it is already cut. Whether that was new.
    pub(crate) fn replace(&mut self, span: Span, with: &str, rule: RuleId) -> bool {
        if with.is_empty() {
            return self.remove(span, rule);
        }
        let touched = self.within(span);
        if span.is_empty() || touched.iter().any(Edit::removes) {
            return false;
        }
        if touched.iter().any(|edit| !span.covers(edit.span)) {
            return false;
        }
        if let [one] = touched
            && one.span == span
            && one.with == with
        {
            return false;
        }
        self.edits.retain(|edit| !edit.span.overlaps(span));
        let at = self.edits.partition_point(|edit| edit.span.start() < span.start());
        self.edits.insert(at, Edit { span, rule, with: with.to_owned() });
        true
    }

    /// Drops the edits that `keep` does not want.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Edit) -> bool) {
        self.edits.retain(keep);
    }

    /// Joins neighbours that one rule cut.
    pub(crate) fn join_neighbours(&mut self) {
        self.edits.dedup_by(|next, edit| {
            let joins = edit.removes()
                && next.removes()
                && edit.rule == next.rule
                && edit.span.end() == next.span.start();
            if joins {
                edit.span = edit.span.join(next.span);
            }
            joins
        });
    }

    /// Whether every byte of `span` is cut.
    pub(crate) fn removes_all(&self, span: Span) -> bool {
        let removed = self.within(span).iter().filter(|edit| edit.removes());
        let covered = removed
            .map(|edit| edit.span.end().min(span.end()) - edit.span.start().max(span.start()));
        covered.sum::<usize>() == span.len()
    }

    /// What is left of `span`, and where each piece of it comes from.
    pub(crate) fn left_of(&self, source: &str, span: Span) -> (String, Vec<Piece>) {
        let (mut text, mut pieces) = (String::new(), Vec::new());
        let mut push = |from: usize, to: usize, with: Option<&str>| {
            if from < to {
                let source_span = Span::new(from, to);
                pieces.push(Piece {
                    at: text.len(),
                    source: source_span,
                    replaced: with.is_some(),
                });
                text.push_str(with.unwrap_or_else(|| &source[from..to]));
            }
        };
        let mut at = span.start();
        for edit in self.within(span) {
            push(at, edit.span.start(), None);
            if !edit.removes() {
                push(edit.span.start(), edit.span.end(), Some(&edit.with));
            }
            at = at.max(edit.span.end());
        }
        push(at, span.end(), None);
        (text, pieces)
    }
}

/// The text that the edits leave.
pub(crate) fn apply(source: &str, edits: &[Edit]) -> String {
    let mut text = String::with_capacity(source.len());
    let mut at = 0;
    for edit in edits {
        text.push_str(&source[at..edit.span.start()]);
        text.push_str(&edit.with);
        at = edit.span.end();
    }
    text.push_str(&source[at..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_byte_goes_to_the_first_that_cut_it() {
        let mut edits = Edits::default();
        assert!(edits.remove(Span::new(2, 4), RuleId(1)));
        assert!(edits.remove(Span::new(0, 6), RuleId(2)));
        assert!(!edits.remove(Span::new(1, 5), RuleId(3)));
        let owners: Vec<_> = edits.as_slice().iter().map(|e| (e.span.range(), e.rule.0)).collect();
        assert_eq!(owners, [(0..2, 2), (2..4, 1), (4..6, 2)]);
    }

    #[test]
    fn a_removal_beats_a_replacement() {
        let mut edits = Edits::default();
        assert!(edits.replace(Span::new(2, 4), " ", RuleId(1)));
        assert!(!edits.replace(Span::new(2, 4), " ", RuleId(1)));
        assert!(edits.remove(Span::new(3, 6), RuleId(2)));
        assert!(!edits.replace(Span::new(4, 5), "x", RuleId(1)));
        assert_eq!(
            edits.as_slice(),
            [Edit { span: Span::new(2, 6), rule: RuleId(2), with: "".into() }]
        );
    }

    proptest! {
        #[test]
        fn edits_stay_in_order_and_apart(
            marks in prop::collection::vec((0usize..30, 0usize..30, 0u32..4, any::<bool>()), 0..20),
        ) {
            let mut edits = Edits::default();
            let mut cut = [false; 30];
            for (a, b, rule, remove) in marks {
                let span = Span::new(a, b);
                match remove {
                    true => { edits.remove(span, RuleId(rule)); cut[span.range()].fill(true); }
                    false => { edits.replace(span, "_", RuleId(rule)); }
                }
                prop_assert!(edits.as_slice().windows(2).all(|w| w[0].span.end() <= w[1].span.start()));
                prop_assert!(edits.as_slice().iter().all(|edit| !edit.span.is_empty()));
            }
            for (at, cut) in cut.iter().enumerate().filter(|(_, cut)| **cut) {
                prop_assert!(edits.removes_all(Span::new(at, at + 1)), "byte {} {}", at, cut);
            }
            let source = "abcdefghijklmnopqrstuvwxyz0123";
            let (text, _) = edits.left_of(source, Span::new(0, 30));
            prop_assert_eq!(text, apply(source, edits.as_slice()));
        }
    }
}
