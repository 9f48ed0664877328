//! A set of bytes of a document, stored as spans. The engine uses it for text that `keep` rules
//! protect and for text that is already edited.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::Span;

/// A set of spans. Queries for overlap and coverage take logarithmic time.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    // Invariant: no two spans overlap. Maps the start of each span to its end.
    ends: BTreeMap<Start, usize>,
}

impl Spans {
    /// Adds a span. Overlapping spans are joined.
    pub fn insert(&mut self, span: Span) {
        let mut span = span;
        while let Some(other) = self.last_before(span.end()).filter(|other| other.overlaps(span)) {
            self.ends.remove(&Start(other.start()));
            span = span.join(other);
        }
        let end = self.ends.entry(Start(span.start())).or_default();
        *end = span.end().max(*end);
    }

    /// Whether any span of the set shares a byte with `span`.
    pub fn overlap(&self, span: Span) -> bool {
        self.last_before(span.end()).is_some_and(|other| other.overlaps(span))
    }

    /// Whether one span of the set covers `span`.
    pub fn cover(&self, span: Span) -> bool {
        self.last_before(span.start() + 1).is_some_and(|other| other.covers(span))
    }

    /// The last span that starts before `end`.
    fn last_before(&self, end: usize) -> Option<Span> {
        let (start, end) = self.ends.range(..Start(end)).next_back()?;
        Some(Span::new(start.0, *end))
    }
}

impl Extend<Span> for Spans {
    fn extend<I: IntoIterator<Item = Span>>(&mut self, spans: I) {
        spans.into_iter().for_each(|span| self.insert(span));
    }
}

/// The start of a span. A type of its own so that tests can count comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Start(usize);

impl Ord for Start {
    fn cmp(&self, other: &Start) -> Ordering {
        #[cfg(test)]
        crate::steps::step();
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Start {
    fn partial_cmp(&self, other: &Start) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps;

    #[test]
    fn overlaps_are_those_of_a_naive_list() {
        // Every order of a few spans over a short text, some of them empty.
        let all: Vec<Span> = (0..5).flat_map(|a| (a..5).map(move |b| Span::new(a, b))).collect();
        for number in 0..all.len().pow(3) {
            let inserted = [1, all.len(), all.len().pow(2)].map(|d| all[number / d % all.len()]);
            let mut spans = Spans::default();
            spans.extend(inserted);
            for &query in &all {
                let naive = inserted.iter().any(|span| span.overlaps(query));
                assert_eq!(spans.overlap(query), naive, "{query:?} in {inserted:?}");
                let of = |at: usize| Span::new(at, at + 1);
                let inside = |at: usize| inserted.iter().any(|span| span.covers(of(at)));
                // Spans that only touch are not joined.
                let joined = (query.start() + 1..query.end())
                    .all(|at| inserted.iter().any(|span| span.start() < at && at < span.end()));
                let covered = joined && query.range().all(inside);
                assert!(
                    query.is_empty() || spans.cover(query) == covered,
                    "{query:?} in {inserted:?}"
                );
            }
        }
    }

    #[test]
    fn the_cost_of_many_spans_is_linear() {
        let cost = |count: usize| {
            steps::count(|| {
                let mut spans = Spans::default();
                for number in (0..count).rev().chain(0..count) {
                    let span = Span::new(number * 10, number * 10 + 5);
                    spans.insert(span);
                    assert!(spans.overlap(span));
                }
            })
        };
        let (one, four) = (cost(1_000), cost(4_000));
        assert!(one > 0 && four < 6 * one, "{one} steps for 1,000 spans, {four} for 4,000");
    }
}
