//! The edits of one document: what is removed and replaced, with each byte attributed to one rule.
//! The engine adds edits as stages mark spans; `Cleaned` exposes the result.

use chaffinch_stage::{Piece, RuleId, Span};

/// A range of the source that is removed or replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes of the source.
    pub span: Span,
    /// The first rule that marked them.
    pub rule: RuleId,
    /// The replacement, empty for a removal.
    pub with: String,
    /// The confidence, in percent, that the range is boilerplate, if a stage estimated one.
    pub confidence: Option<u8>,
}

impl Edit {
    /// Whether the edit removes the range without a replacement.
    pub fn removes(&self) -> bool {
        self.with.is_empty()
    }
}

/// The maximum number of edits on a page. Small in tests, so that they have several pages.
const PAGE: usize = if cfg!(test) { 4 } else { 256 };

/// Edits in order, without overlaps. Most documents have a few, some a million. They are stored in
/// pages, so that an insertion moves at most one page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edits {
    // Invariant: edits are sorted by start over all pages, no two overlap, and neither spans nor
    // pages are empty.
    pages: Vec<Vec<Edit>>,
}

impl Edits {
    /// All edits, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Edit> + Clone {
        self.pages.iter().flatten()
    }

    /// The edits that overlap `span`, in order.
    pub(crate) fn within(&self, span: Span) -> impl DoubleEndedIterator<Item = &Edit> {
        let last = |page: &[Edit]| page.last().map_or(0, |edit| edit.span.end());
        let first = self.pages.partition_point(|page| last(page) <= span.start());
        let begins = |page: &&Vec<Edit>| page.first().is_some_and(|e| e.span.start() < span.end());
        let count = self.pages[first..].iter().take_while(begins).count();
        self.pages[first..first + count].iter().flat_map(move |page| {
            let from = page.partition_point(|edit| edit.span.end() <= span.start());
            let to = page.partition_point(|edit| edit.span.start() < span.end());
            &page[from..to.max(from)]
        })
    }

    /// The position, as page and index, at which an edit that begins at `start` belongs. The edit
    /// at that position is the first one that ends after `start`.
    fn place(&self, start: usize) -> (usize, usize) {
        let ends = |edit: &Edit| edit.span.end() <= start;
        let page = self.pages.partition_point(|page| page.last().is_none_or(ends));
        match self.pages.get(page) {
            Some(edits) => (page, edits.partition_point(ends)),
            // After all others, on the last page.
            None => (page.saturating_sub(1), self.pages.last().map_or(0, Vec::len)),
        }
    }

    /// Inserts an edit at a position returned by [`Edits::place`].
    fn insert(&mut self, (page, place): (usize, usize), edit: Edit) {
        let Some(edits) = self.pages.get_mut(page) else {
            // Enough for most documents.
            let mut first = Vec::with_capacity(PAGE.min(16));
            first.push(edit);
            return self.pages.push(first);
        };
        edits.insert(place, edit);
        if edits.len() > PAGE {
            // Edits usually come in order, so a page that overflows at its end stays full.
            let rest = edits.split_off(if place == PAGE { PAGE } else { PAGE / 2 });
            self.pages.insert(page + 1, rest);
        }
    }

    /// Removes `span` for `rule`. Bytes that are already removed stay attributed to their rule. A
    /// replacement that overlaps the span is removed with it. Returns whether anything new is
    /// removed.
    pub(crate) fn remove(&mut self, span: Span, rule: RuleId) -> bool {
        self.remove_judged(span, rule, None)
    }

    /// Like [`Edits::remove`], with a confidence.
    pub(crate) fn remove_judged(
        &mut self,
        span: Span,
        rule: RuleId,
        confidence: Option<u8>,
    ) -> bool {
        if span.is_empty() {
            return false;
        }
        let place = self.place(span.start());
        let next = self.pages.get(place.0).and_then(|page| page.get(place.1));
        if next.is_none_or(|next| next.span.start() >= span.end()) {
            self.insert(place, Edit { span, rule, with: String::new(), confidence });
            return true;
        }
        let replaced = self.within(span).filter(|edit| !edit.removes());
        let span = replaced.fold(span, |span, edit| span.join(edit.span));
        let mut gaps = Vec::new();
        let mut at = span.start();
        for edit in self.within(span).filter(|edit| edit.removes()) {
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
        self.drop_within(span, |edit| !edit.removes());
        for span in gaps {
            let edit = Edit { span, rule, with: String::new(), confidence };
            self.insert(self.place(span.start()), edit);
        }
        true
    }

    /// Replaces `span` for `rule`, unless a part of it is already removed. Returns whether the edit
    /// is new.
    pub(crate) fn replace(&mut self, span: Span, with: &str, rule: RuleId) -> bool {
        if with.is_empty() {
            return self.remove(span, rule);
        }
        let refused = |edit: &Edit| edit.removes() || !span.covers(edit.span);
        let same = |edit: &Edit| edit.span == span && edit.with == with;
        if span.is_empty() || self.within(span).any(|edit| refused(edit) || same(edit)) {
            return false;
        }
        self.drop_within(span, |_| true);
        let edit = Edit { span, rule, with: with.to_owned(), confidence: None };
        self.insert(self.place(span.start()), edit);
        true
    }

    fn drop_within(&mut self, span: Span, which: impl Fn(&Edit) -> bool) {
        let touches =
            |edit: &Edit| edit.span.end() > span.start() && edit.span.start() < span.end();
        let first = self
            .pages
            .partition_point(|page| page.last().is_none_or(|edit| edit.span.end() <= span.start()));
        let mut emptied = false;
        for page in &mut self.pages[first..] {
            if page.first().is_none_or(|edit| edit.span.start() >= span.end()) {
                break;
            }
            page.retain(|edit| !(touches(edit) && which(edit)));
            emptied |= page.is_empty();
        }
        if emptied {
            self.pages.retain(|page| !page.is_empty());
        }
    }

    /// Drops the edits for which `keep` returns false.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Edit) -> bool) {
        self.pages.iter_mut().for_each(|page| page.retain(&keep));
        self.pages.retain(|page| !page.is_empty());
    }

    /// The edits in order. Adjacent removals by the same rule are joined.
    pub(crate) fn into_joined(self) -> Vec<Edit> {
        let mut pages = self.pages.into_iter();
        let mut edits = pages.next().unwrap_or_default();
        edits.extend(pages.flatten());
        edits.dedup_by(|next, edit| {
            let joins = edit.removes()
                && next.removes()
                && edit.rule == next.rule
                && edit.confidence == next.confidence
                && edit.span.end() == next.span.start();
            if joins {
                edit.span = edit.span.join(next.span);
            }
            joins
        });
        edits
    }

    /// Whether every byte of `span` is removed.
    pub(crate) fn removes_all(&self, span: Span) -> bool {
        let removed = self.within(span).filter(|edit| edit.removes());
        let covered = removed
            .map(|edit| edit.span.end().min(span.end()) - edit.span.start().max(span.start()));
        covered.sum::<usize>() == span.len()
    }

    /// Whether there are no edits.
    pub(crate) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Whether `wanted` accepts any piece of the text that is left.
    pub(crate) fn leaves(&self, source: &str, wanted: impl Fn(&str) -> bool) -> bool {
        let mut at = 0;
        let any = self.iter().any(|edit| {
            let kept = &source[at..edit.span.start()];
            at = edit.span.end();
            wanted(kept) || wanted(&edit.with)
        });
        any || wanted(&source[at..])
    }

    /// The text that is left of `span`, and the source range of each of its pieces.
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

/// The text that the edits leave of `source`.
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
        let owners: Vec<_> = edits.iter().map(|e| (e.span.range(), e.rule.0)).collect();
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
            edits.into_joined(),
            [Edit { span: Span::new(2, 6), rule: RuleId(2), with: "".into(), confidence: None }]
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
                let all: Vec<&Edit> = edits.iter().collect();
                prop_assert!(all.windows(2).all(|w| w[0].span.end() <= w[1].span.start()));
                prop_assert!(edits.iter().all(|edit| !edit.span.is_empty()));
            }
            for (at, cut) in cut.iter().enumerate().filter(|(_, cut)| **cut) {
                prop_assert!(edits.removes_all(Span::new(at, at + 1)), "byte {} {}", at, cut);
            }
            let source = "abcdefghijklmnopqrstuvwxyz0123";
            let (text, _) = edits.left_of(source, Span::new(0, 30));
            prop_assert_eq!(text, apply(source, &edits.into_joined()));
        }
    }
}
