//! The document as a stage sees it: lines, zones and hits, all of them views of the source. A
//! *zone* is the part of a document before, between or after its body lines; a *hit* is a match of
//! a rule in a line. This module has the methods with which stages read the document; `engine` has
//! those with which an engine creates it and updates it between stages.

mod engine;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use crate::hit::{Block, Hit, Role};
use crate::line::Line;
use crate::line_data::{LineData, Matched};
use crate::zones::Zones;
use crate::{Action, At, Place, Rule, RuleId, RuleTable, script};

/// A document as stages see it: lines, zones and hits, all of them views of the source.
///
/// Stages borrow it and only read. The engine owns it and removes or rewrites lines between stages.
/// The source itself never changes.
pub struct Document<'a> {
    source: &'a str,
    rules: &'a dyn RuleTable,
    detectors: Vec<(RuleId, &'a Rule)>,
    pub(crate) key_of: fn(&str) -> Cow<'_, str>,
    pub(crate) lines: Vec<LineData<'a>>,
    // The number of lines that are not blank in the source.
    shown: usize,
    // The lines that have or had hits. They are few, so a stage without hits costs little.
    hit_lines: BTreeSet<usize>,
    // The lines that have or had hits that begin a block. Most documents have none.
    block_lines: BTreeSet<usize>,
    pub(crate) zones: Zones,
    first_zones: Zones,
    /// The index of the title and the last line that it depends on, if it was searched since one of
    /// the lines up to this one was cut.
    pub(crate) title: OnceLock<(Option<usize>, usize)>,
    pub(crate) stage: &'a str,
    own_rule: RuleId,
    outlet: Option<&'a str>,
    /// The number of changes of lines.
    version: usize,
    /// The version that the stage read before, if it has.
    read: Option<usize>,
}

/// The methods that stages use.
impl<'a> Document<'a> {
    /// The decoded text. It never changes.
    pub fn source(&self) -> &'a str {
        self.source
    }

    /// The name of the recognised outlet, if any.
    pub fn outlet(&self) -> Option<&'a str> {
        self.outlet
    }

    /// The rule to name in marks that come from the stage itself and not from a rule file.
    pub fn own_rule(&self) -> RuleId {
        self.own_rule
    }

    /// The rule with this id.
    pub fn rule(&self, id: RuleId) -> &'a Rule {
        self.rules.rule(id)
    }

    /// The lines that earlier stages left, including blank ones.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = Line<'_, 'a>> + Clone {
        self.lines_in(0..self.lines.len())
    }

    /// All lines, including those that were removed, which have the text that they had then.
    pub fn all_lines(&self) -> impl DoubleEndedIterator<Item = Line<'_, 'a>> + Clone {
        (0..self.lines.len()).map(|index| Line { doc: self, index })
    }

    /// Whether this stage was called on the document before.
    pub fn is_called_again(&self) -> bool {
        self.read.is_some()
    }

    /// The lines whose text has changed since this stage was last called on the document, or all
    /// lines if it was not. Its marks in other lines still apply, so a stage that judges each line
    /// by its text alone needs no others.
    pub fn changed_lines(&self) -> impl Iterator<Item = Line<'_, 'a>> {
        self.lines().filter(|line| self.read.is_none_or(|read| line.data().version > read))
    }

    /// The lines of the head: above the first body line, or among the first three non-blank lines.
    pub fn head(&self) -> impl DoubleEndedIterator<Item = Line<'_, 'a>> + Clone {
        self.lines().filter(|line| line.in_head())
    }

    /// The lines of the tail: below the last body line, or among the last three non-blank lines.
    pub fn tail(&self) -> impl DoubleEndedIterator<Item = Line<'_, 'a>> + Clone {
        self.lines().filter(|line| line.in_tail())
    }

    /// The body lines: lines that look like sentences of the article.
    pub fn body_lines(&self) -> impl DoubleEndedIterator<Item = Line<'_, 'a>> + Clone {
        self.lines().filter(|line| line.is_body())
    }

    /// Whether a body line is left. Without one, head and tail are empty.
    pub fn has_body(&self) -> bool {
        self.zones.body.is_some()
    }

    /// The rules that enable this stage's detector `name` for this document.
    pub fn detectors(&self, name: &str) -> impl Iterator<Item = (RuleId, &'a Rule)> {
        self.detectors.iter().copied().filter(move |(_, rule)| {
            rule.stage == self.stage && rule.detect.as_deref() == Some(name)
        })
    }

    /// The lines that earlier stages left and that have hits of any stage.
    pub fn lines_with_hits(&self) -> impl DoubleEndedIterator<Item = Line<'_, 'a>> {
        let has_hits = |index: &usize| self.is_left(*index) && !self.lines[*index].hits.is_empty();
        self.hit_lines.iter().copied().filter(has_hits).map(|index| Line { doc: self, index })
    }

    /// Whether any line has a hit of this stage's rules, inside the rule's place or not.
    pub fn has_cues(&self) -> bool {
        self.lines_with_hits().any(|line| line.cues().next().is_some())
    }

    /// The blocks of this stage's `from`/`through` rules that lie entirely in the rule's place.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let lines = self.block_lines.iter().copied().filter(|index| self.is_left(*index));
        for first in lines.map(|index| Line { doc: self, index }) {
            let matched = first.data().hits.iter().filter(|matched| matched.hit.role == Role::From);
            for Matched { hit: from, rule } in matched {
                if rule.stage == self.stage && self.allows(first.index, rule) {
                    blocks.extend(self.block(first.index, from, rule));
                }
            }
        }
        blocks
    }

    fn block(&self, first: usize, from: &Hit, rule: &Rule) -> Option<Block> {
        let mut seen = 0;
        let lines = self.lines_in(first..self.lines.len());
        for line in lines.filter(|line| !line.is_blank()) {
            seen += 1;
            if seen > rule.max_lines || !self.in_place(line.index, rule) {
                return None;
            }
            let through =
                line.all_hits().find(|hit| hit.role == Role::Through && hit.rule == from.rule);
            if let Some(through) = through {
                let fields = from.fields.iter().chain(&through.fields).cloned().collect();
                return Some(Block { rule: from.rule, lines: first..line.index + 1, fields });
            }
        }
        None
    }

    /// The lines in a range of indices that earlier stages left.
    pub fn lines_in(
        &self,
        range: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = Line<'_, 'a>> + Clone {
        let range = range.start..range.end.min(self.lines.len());
        range.filter(|index| self.is_left(*index)).map(|index| Line { doc: self, index })
    }

    /// Whether earlier stages left the line.
    fn is_left(&self, index: usize) -> bool {
        #[cfg(test)]
        crate::steps::step();
        !self.lines[index].removed
    }

    fn in_place(&self, line: usize, rule: &Rule) -> bool {
        if self.zones.body.is_some() {
            return self.zones.contains(rule.place, line);
        }
        (rule.safe || rule.action == Action::Keep)
            && !matches!(rule.place, Place::Body | Place::Opening | Place::Closing)
    }

    pub(crate) fn allows(&self, line: usize, rule: &Rule) -> bool {
        self.in_place(line, rule)
            && rule.max_words.is_none_or(|most| script::has_at_most(&self.lines[line].text, most))
            && rule.at.is_none_or(|at| self.is_at(line, rule.place, at))
    }

    fn is_at(&self, line: usize, place: Place, at: At) -> bool {
        if self.is_blank_in_source(line) || !self.first_zones.contains(place, line) {
            return false;
        }
        // The lines of the place that are not blank in the source, up to a line.
        let up_to = |end: usize| -> usize {
            let ranges = self.first_zones.ranges(place, self.lines.len()).into_iter();
            let count = |range: Range<usize>| {
                self.shown_before(range.end.min(end)) - self.shown_before(range.start.min(end))
            };
            ranges.map(count).sum()
        };
        match at {
            At::Nth(n) => up_to(line) + 1 == n.max(1),
            At::Last => up_to(line) + 1 == up_to(self.lines.len()),
        }
    }

    /// The number of lines above a line that are not blank in the source.
    fn shown_before(&self, line: usize) -> usize {
        self.lines.get(line).map_or(self.shown, |line| line.shown_before)
    }

    fn is_blank_in_source(&self, line: usize) -> bool {
        self.shown_before(line) == self.shown_before(line + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Marks, Piece, Span, steps};

    fn plain(text: &str) -> Cow<'_, str> {
        Cow::Borrowed(text.trim())
    }

    const NO_RULES: &[Rule; 0] = &[];

    const BODY: &str = "The minister said on Tuesday that the talks would go on.";

    #[test]
    fn only_lines_that_changed_since_the_last_call_are_judged_again() {
        let mut doc = Document::new("a\nb\nc\n", NO_RULES, plain);
        let changed = |doc: &Document<'_>| -> Vec<usize> {
            doc.changed_lines().map(|line| line.index()).collect()
        };
        doc.enter("stage", RuleId(0));
        assert_eq!(changed(&doc), [0, 1, 2]);
        let read = doc.version();
        doc.rewrite_line(1, "B".to_owned(), Vec::new());
        doc.remove_line(2);
        doc.enter_again("stage", RuleId(0), Some(read));
        assert_eq!(changed(&doc), [1]);
        doc.enter_again("stage", RuleId(0), Some(doc.version()));
        assert_eq!(changed(&doc), [0; 0]);
    }

    #[test]
    fn all_lines_include_those_that_were_removed() {
        let mut doc = Document::new("a\nb\nc\n", NO_RULES, plain);
        doc.enter("stage", RuleId(0));
        assert!(!doc.is_called_again());
        doc.rewrite_line(1, "B".to_owned(), Vec::new());
        doc.remove_line(1);
        doc.enter_again("stage", RuleId(0), Some(doc.version()));
        assert!(doc.is_called_again());
        let all: Vec<&str> = doc.all_lines().map(|line| line.text()).collect();
        let left: Vec<&str> = doc.lines().map(|line| line.text()).collect();
        assert_eq!((all, left), (vec!["a", "B", "c"], vec!["a", "c"]));
    }

    fn zones(source: &str) -> String {
        let doc = Document::new(source, NO_RULES, plain);
        doc.lines()
            .filter(|line| !line.is_blank())
            .map(|line| match (line.in_head(), line.in_tail(), line.is_body()) {
                (true, true, _) => '*',
                (true, ..) => 'h',
                (_, true, _) => 't',
                (_, _, true) => 'b',
                _ => '.',
            })
            .collect()
    }

    #[test]
    fn edges_are_what_lies_outside_the_body_and_three_lines() {
        assert_eq!(zones(&format!("x\nx\nx\nx\n{BODY}\nsub\n{BODY}\n{BODY}\nx\nx")), "hhhhb.bttt");
        assert_eq!(zones(&[BODY; 7].join("\n\n")), "hhhbttt");
        assert_eq!(zones("x\ny\nz"), "...", "no body line: no edges");
    }

    #[test]
    fn at_counts_the_shown_lines_of_a_place_in_the_source() {
        let places = [
            Place::Head,
            Place::Tail,
            Place::Edges,
            Place::Opening,
            Place::Closing,
            Place::Rims,
            Place::Body,
            Place::Anywhere,
        ];
        // All documents of up to six lines that are short, blank or sentences.
        for number in 0..3_usize.pow(6) {
            let lines = (0..6).map(|at| ["x", "", BODY][number / 3_usize.pow(at) % 3]);
            let source = lines.collect::<Vec<_>>().join("\n");
            let doc = Document::new(&source, NO_RULES, plain);
            for place in places {
                let shown: Vec<usize> = (0..doc.line_count())
                    .filter(|&index| !doc.line(index).is_blank())
                    .filter(|&index| doc.zones.contains(place, index))
                    .collect();
                for index in 0..doc.line_count() {
                    for n in 1..4 {
                        let nth = shown.get(n - 1) == Some(&index);
                        assert_eq!(doc.is_at(index, place, At::Nth(n)), nth, "{source:?} {place}");
                    }
                    let last = shown.last() == Some(&index);
                    assert_eq!(doc.is_at(index, place, At::Last), last, "{source:?} {place}");
                }
            }
        }
    }

    #[test]
    fn the_cost_of_many_blocks_and_neighbours_is_linear() {
        let cost = |count: usize| {
            let source = "From\nThrough\n\n".repeat(count);
            let rule = Rule::new("test/block", "");
            let rules = [Rule { place: Place::Anywhere, safe: true, max_lines: 2, ..rule }];
            let mut doc = Document::new(&source, &rules, plain);
            for index in (0..doc.line_count()).filter(|index| index % 3 < 2) {
                let role = [Role::From, Role::Through][index % 3];
                let span = doc.line(index).span();
                doc.add_hit(index, Hit { rule: RuleId(0), span, role, fields: Vec::new() });
            }
            steps::count(|| {
                let mut marks = Marks::new();
                marks.mark_hits(&doc);
                assert_eq!(marks.as_slice().len(), 2 * count);
                let apart = doc.lines().filter(|line| line.after_blank() && line.before_blank());
                assert_eq!(apart.count(), 0);
            })
        };
        let (one, four) = (cost(100), cost(400));
        assert!(one > 0 && four < 5 * one, "{one} steps for 100 blocks, {four} for 400");
    }

    #[test]
    fn a_range_across_a_cut_covers_the_cut() {
        let mut doc = Document::new("one two three", NO_RULES, plain);
        let piece =
            |at, start, end, replaced| Piece { at, source: Span::new(start, end), replaced };
        let pieces = vec![piece(0, 0, 4, false), piece(4, 7, 8, true), piece(5, 8, 13, false)];
        doc.rewrite_line(0, "one _three".into(), pieces);
        let line = doc.line(0);
        assert_eq!(line.source_span(0..3), Span::new(0, 3));
        assert_eq!(line.source_span(2..7), Span::new(2, 10));
        assert_eq!(line.source_span(4..5), Span::new(7, 8));
    }

    #[test]
    fn a_part_of_a_replacement_has_no_source() {
        let mut doc = Document::new("one two", NO_RULES, plain);
        let pieces = vec![
            Piece { at: 0, source: Span::new(0, 3), replaced: true },
            Piece { at: 8, source: Span::new(3, 7), replaced: false },
        ];
        doc.rewrite_line(0, "replaced two".into(), pieces);
        let line = doc.line(0);
        assert_eq!(line.source_span(0..12), Span::new(0, 7));
        assert_eq!(line.source_span(0..8), Span::new(0, 3));
        assert!(line.source_span(0..4).is_empty() && line.source_span(4..12).is_empty());
    }
}
