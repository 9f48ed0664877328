//! The methods of a document for an engine: it creates the document, sets the hits of its lines,
//! and removes or rewrites lines between stages. Stages do not use them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::Document;
use crate::hit::{Hit, Piece, Role};
use crate::line::Line;
use crate::line_data::{LineData, Matched};
use crate::split::split_lines;
use crate::zones::Zones;
use crate::{RuleId, RuleTable, Span};

impl<'a> Document<'a> {
    /// Creates a document over `source`, split into lines at LF, CR LF and CR.
    ///
    /// `rules` resolves the rule ids of hits. `key_of` returns the key of a line: the form that
    /// patterns match.
    pub fn new(
        source: &'a str,
        rules: &'a dyn RuleTable,
        key_of: fn(&str) -> Cow<'_, str>,
    ) -> Document<'a> {
        // Blank lines included, few documents have shorter lines.
        let mut lines = Vec::with_capacity(source.len() / 64 + 8);
        let mut shown = 0;
        lines.extend(split_lines(source).map(|(span, end)| {
            let text = Cow::Borrowed(source.get(span.range()).unwrap_or_default());
            let mut line = LineData {
                span,
                end,
                shown_before: shown,
                text,
                pieces: Vec::new(),
                removed: false,
                version: 0,
                blank: false,
                body: false,
                hits: Vec::new(),
            };
            line.judge();
            shown += usize::from(!line.blank);
            line
        }));
        let zones = Zones::of(&lines);
        Document {
            source,
            rules,
            detectors: Vec::new(),
            key_of,
            lines,
            shown,
            hit_lines: BTreeSet::new(),
            block_lines: BTreeSet::new(),
            zones,
            first_zones: zones,
            title: OnceLock::new(),
            stage: "",
            own_rule: RuleId(0),
            outlet: None,
            version: 0,
            read: None,
        }
    }

    /// Sets the recognised outlet and the detector rules that apply to this document.
    pub fn recognised(&mut self, outlet: Option<&'a str>, detectors: Vec<RuleId>) {
        self.outlet = outlet;
        self.detectors = detectors.into_iter().map(|id| (id, self.rule(id))).collect();
    }

    /// Prepares the document for the stage `name`, whose own marks name the rule `own_rule`.
    pub fn enter(&mut self, name: &'a str, own_rule: RuleId) {
        self.enter_again(name, own_rule, None);
    }

    /// Like [`Document::enter`], for a stage that was called when the document had this version.
    pub fn enter_again(&mut self, name: &'a str, own_rule: RuleId, read: Option<usize>) {
        self.stage = name;
        self.own_rule = own_rule;
        self.read = read;
    }

    /// A number that grows with every change of a line.
    pub fn version(&self) -> usize {
        self.version
    }

    /// The number of lines of the source.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The line with this index, removed or not.
    pub fn line(&self, index: usize) -> Line<'_, 'a> {
        Line { doc: self, index }
    }

    /// The index of the line that contains byte `at` of the source. A line ending belongs to its
    /// line.
    pub fn line_at(&self, at: usize) -> usize {
        self.lines.partition_point(|line| line.end <= at).min(self.lines.len().saturating_sub(1))
    }

    /// Whether the line was removed completely.
    pub fn is_removed(&self, index: usize) -> bool {
        self.lines[index].removed
    }

    /// Replaces the hits of a line.
    pub fn set_hits(&mut self, index: usize, hits: Vec<Hit>) {
        // Most lines have none and get none.
        if hits.is_empty() && self.lines[index].hits.is_empty() {
            return;
        }
        self.hit_lines.insert(index);
        if hits.iter().any(|hit| hit.role == Role::From) {
            self.block_lines.insert(index);
        }
        let rules = self.rules;
        let matched = hits.into_iter().map(|hit| Matched { rule: rules.rule(hit.rule), hit });
        self.lines[index].hits = matched.collect();
    }

    /// Hides a line from later stages.
    pub fn remove_line(&mut self, index: usize) {
        self.version += 1;
        self.lines[index].removed = true;
        self.forget_title(index);
    }

    /// Replaces the text that later stages see of a partly cut line. `pieces` map the text to the
    /// source.
    pub fn rewrite_line(&mut self, index: usize, text: String, pieces: Vec<Piece>) {
        self.version += 1;
        let line = &mut self.lines[index];
        line.version = self.version;
        line.text = Cow::Owned(text);
        line.pieces = pieces;
        line.judge();
        self.forget_title(index);
    }

    /// Whether the line is a body line strictly between the first and the last body line, and not
    /// in the head or tail.
    pub fn is_mid_article(&self, index: usize) -> bool {
        let between = self.zones.body.is_some_and(|(first, last)| first < index && index < last);
        between && self.lines[index].body && !self.zones.head(index) && !self.zones.tail(index)
    }

    /// Adds a hit to a line.
    pub fn add_hit(&mut self, index: usize, hit: Hit) {
        if hit.role == Role::From {
            self.block_lines.insert(index);
        }
        let rule = self.rules.rule(hit.rule);
        self.lines[index].hits.push(Matched { hit, rule });
        self.hit_lines.insert(index);
    }

    /// Recomputes the zones after lines were removed or rewritten.
    pub fn find_zones(&mut self) {
        self.zones = Zones::of(&self.lines);
    }

    /// The bytes from the first to the last body line that is left.
    pub fn body_span(&self) -> Option<Span> {
        let (first, last) = self.zones.body?;
        Some(Span::new(self.lines[first].span.start(), self.lines[last].span.end()))
    }

    /// The bytes from the first to the last body line of the unedited source.
    pub fn first_body_span(&self) -> Option<Span> {
        let (first, last) = self.first_zones.body?;
        Some(Span::new(self.lines[first].span.start(), self.lines[last].span.end()))
    }
}
