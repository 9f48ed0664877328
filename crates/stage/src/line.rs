//! The lines of a document, as earlier stages left them: their text, zone, hits and position in the
//! source.

use std::borrow::Cow;
use std::ops::Range;

use crate::document::Document;
use crate::hit::{Hit, Role};
use crate::line_data::{LineData, Matched};
use crate::{Rule, RuleId, Span, script};

/// One line of a document, as earlier stages left it.
#[derive(Clone, Copy)]
pub struct Line<'d, 'a> {
    pub(crate) doc: &'d Document<'a>,
    pub(crate) index: usize,
}

impl<'d, 'a> Line<'d, 'a> {
    pub(crate) fn data(&self) -> &'d LineData<'a> {
        &self.doc.lines[self.index]
    }

    /// Its index among all lines of the source, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its bytes in the source, without the line ending.
    pub fn span(&self) -> Span {
        self.data().span
    }

    /// Its bytes in the source, including the line ending.
    pub fn full_span(&self) -> Span {
        Span::new(self.data().span.start(), self.data().end)
    }

    /// The bytes of its line ending in the source. Empty if the last line has none.
    pub fn end_span(&self) -> Span {
        Span::new(self.data().span.end(), self.data().end)
    }

    /// Its current text: the source without what was cut, and with replacements inserted.
    pub fn text(&self) -> &'d str {
        &self.data().text
    }

    /// Whether its text was rewritten after a cut or a replacement.
    pub fn is_edited(&self) -> bool {
        matches!(self.data().text, Cow::Owned(_))
    }

    /// The form that patterns match: spaces, quotes and dashes normalised.
    pub fn key(&self) -> Cow<'d, str> {
        (self.doc.key_of)(self.text())
    }

    /// Whether it contains only white space and zero-width characters.
    pub fn is_blank(&self) -> bool {
        self.data().blank
    }

    /// Whether it is a body line: it ends like a sentence and has at least eight words.
    pub fn is_body(&self) -> bool {
        self.data().body
    }

    /// The number of words in its text.
    pub fn words(&self) -> usize {
        script::words(self.text())
    }

    /// Whether it has at most this many words. Stops counting as soon as the answer is known.
    pub fn has_at_most(&self, words: usize) -> bool {
        script::has_at_most(self.text(), words)
    }

    /// Whether it belongs to the head.
    pub fn in_head(&self) -> bool {
        self.doc.zones.head(self.index)
    }

    /// Whether it belongs to the tail.
    pub fn in_tail(&self) -> bool {
        self.doc.zones.tail(self.index)
    }

    /// Whether it lies above the first or below the last body line.
    pub fn is_outside_body(&self) -> bool {
        self.doc.zones.body.is_some_and(|(first, last)| self.index < first || self.index > last)
    }

    /// Whether `rule` may act on this line: its place, word limit and position all allow it.
    pub fn allows(&self, rule: &Rule) -> bool {
        self.doc.allows(self.index, rule)
    }

    /// Whether the line above is blank or there is none.
    pub fn after_blank(&self) -> bool {
        self.doc.lines_in(0..self.index).next_back().is_none_or(|line| line.is_blank())
    }

    /// Whether the line below is blank or there is none.
    pub fn before_blank(&self) -> bool {
        self.doc.lines_in(self.index + 1..usize::MAX).next().is_none_or(|line| line.is_blank())
    }

    /// All hits of the line, of any stage.
    pub fn all_hits(&self) -> impl Iterator<Item = &'d Hit> + use<'d, 'a> {
        self.data().hits.iter().map(|matched| &matched.hit)
    }

    /// The hits of this stage's rules, inside the rule's place or not. Hits that begin or end a
    /// block are left out.
    pub fn cues(&self) -> impl Iterator<Item = &'d Hit> + use<'d, 'a> {
        self.matched().map(|matched| &matched.hit)
    }

    fn matched(&self) -> impl Iterator<Item = &'d Matched<'a>> + use<'d, 'a> {
        let stage = self.doc.stage;
        self.data().hits.iter().filter(move |matched| {
            matches!(matched.hit.role, Role::Line | Role::Part) && matched.rule.stage == stage
        })
    }

    /// The hits of this stage's rules that [`Line::allows`] accepts.
    pub fn hits(&self) -> impl Iterator<Item = &'d Hit> + use<'d, 'a> {
        let (doc, index) = (self.doc, self.index);
        // A rule may have many hits in a long line, so its last result is kept.
        let mut last: Option<(RuleId, bool)> = None;
        let allowed = move |matched: &&Matched<'a>| {
            let id = matched.hit.rule;
            let known = last.filter(|(rule, _)| *rule == id);
            let (_, allowed) =
                *last.insert(known.unwrap_or_else(|| (id, doc.allows(index, matched.rule))));
            allowed
        };
        self.matched().filter(allowed).map(|matched| &matched.hit)
    }

    /// The first of [`Line::hits`] that covers the whole line.
    pub fn hit(&self) -> Option<&'d Hit> {
        self.hits().find(|hit| hit.role == Role::Line)
    }

    /// The source range of a range of bytes of [`Line::text`]. A range across a cut includes the
    /// cut.
    ///
    /// Parts of a replacement have no source range. A range that begins or ends inside one gives an
    /// empty span, so that no mark covers more than intended.
    pub fn source_span(&self, range: Range<usize>) -> Span {
        let line = self.data();
        if line.pieces.is_empty() {
            let base = line.span.start();
            return Span::new(base + range.start, base + range.end);
        }
        let index = |at: usize| line.pieces.partition_point(|p| p.at <= at).saturating_sub(1);
        let (first, last) =
            (index(range.start), index(range.end.saturating_sub(1).max(range.start)));
        let end_of = |piece: usize| line.pieces.get(piece + 1).map_or(line.text.len(), |p| p.at);
        let (start_piece, end_piece) = (line.pieces[first], line.pieces[last]);
        let start = match start_piece.replaced {
            true => start_piece.source.start(),
            false => start_piece.source.start() + (range.start - start_piece.at),
        };
        let end = match end_piece.replaced {
            true => end_piece.source.end(),
            false => end_piece.source.start() + (range.end - end_piece.at),
        };
        let inside = start_piece.replaced && range.start > start_piece.at
            || end_piece.replaced && range.end < end_of(last);
        if inside { Span::new(start, start) } else { Span::new(start, end.max(start)) }
    }
}
