//! The document as a stage sees it: lines, zones and hits, all of them views of the source.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use crate::{Act, At, Place, Rule, RuleId, Span, Table, script};

/// What part of a line or block a hit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The whole line.
    Line,
    /// A part of the line: its start, its end, or something inside it.
    Part,
    /// The first line of a block.
    From,
    /// The last line of a block.
    Through,
}

/// A rule matched a line, wherever in the document it stands.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The rule.
    pub rule: RuleId,
    /// What it matched, in bytes of the source.
    pub span: Span,
    /// What part of a line or block that is.
    pub role: Role,
    /// The fields that the pattern captured: name and value.
    pub fields: Vec<(String, String)>,
}

/// A run of lines that a `from`/`through` rule found, in its place.
#[derive(Clone, Debug)]
pub struct Block {
    /// The rule.
    pub rule: RuleId,
    /// Indices of its lines.
    pub lines: Range<usize>,
    /// The fields of its first and last line.
    pub fields: Vec<(String, String)>,
}

/// A stretch of a partly cut line: text that stands there now, and the source behind it.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Where it begins in the line's text, in bytes.
    pub at: usize,
    /// The source that it stands for.
    pub source: Span,
    /// Whether it is a replacement; else it is the source itself.
    pub replaced: bool,
}

/// A hit with its rule, which every stage asks for.
struct Matched<'a> {
    hit: Hit,
    rule: &'a Rule,
}

struct LineData<'a> {
    span: Span,
    end: usize,
    /// The lines above it that are not blank in the source.
    shown_before: usize,
    text: Cow<'a, str>,
    pieces: Vec<Piece>,
    removed: bool,
    blank: bool,
    body: bool,
    hits: Vec<Matched<'a>>,
}

impl LineData<'_> {
    fn judge(&mut self) {
        self.blank = script::is_blank(&self.text);
        self.body = !self.blank && script::is_sentence(&self.text);
    }
}

/// The first and last body line, and how far the three outermost lines reach.
#[derive(Clone, Copy, Debug, Default)]
struct Zones {
    body: Option<(usize, usize)>,
    third: usize,
    third_last: usize,
}

/// Lines at each end of a document that count as its edges whatever they look like.
const EDGE_LINES: usize = 3;

impl Zones {
    fn of(lines: &[LineData<'_>]) -> Zones {
        let live = |line: &LineData<'_>| !line.removed && !line.blank;
        let body = |line: &LineData<'_>| !line.removed && line.body;
        let nth = |mut found: &mut dyn Iterator<Item = usize>| (&mut found).take(EDGE_LINES).last();
        let mut down = (0..lines.len()).filter(|&i| live(&lines[i]));
        let mut up = (0..lines.len()).rev().filter(|&i| live(&lines[i]));
        Zones {
            body: lines.iter().position(body).zip(lines.iter().rposition(body)),
            third: nth(&mut down).unwrap_or(0),
            third_last: nth(&mut up).unwrap_or(0),
        }
    }

    fn head(&self, line: usize) -> bool {
        self.body.is_some_and(|(first, _)| line < first || line <= self.third)
    }

    fn tail(&self, line: usize) -> bool {
        self.body.is_some_and(|(_, last)| line > last || line >= self.third_last)
    }

    fn holds(&self, place: Place, line: usize) -> bool {
        self.ranges(place, usize::MAX).iter().any(|range| range.contains(&line))
    }

    /// The lines of a place in a document of `count` lines, as two ranges that do not overlap.
    fn ranges(&self, place: Place, count: usize) -> [Range<usize>; 2] {
        let none = 0..0;
        let Some((first, last)) = self.body else {
            let all = if place == Place::Anywhere { 0..count } else { none.clone() };
            return [all, none];
        };
        let head = first.max(self.third + 1);
        let tail = (last + 1).min(self.third_last);
        let edges = |head: usize, tail: usize| [0..head, tail.max(head)..count];
        match place {
            Place::Head => [0..head, none],
            Place::Tail => [none, tail..count],
            Place::Edges => edges(head, tail),
            Place::Opening => [first..first + 1, none],
            Place::Closing => [none, last..last + 1],
            Place::Rims => edges(head.max(first + 1), tail.min(last)),
            Place::Body => [first..last + 1, none],
            Place::Anywhere => [0..count, none],
        }
    }
}

/// A document on its way through the chain.
///
/// A stage borrows it and reads; only an engine, which owns it, can change what the next stage
/// sees. The source itself never changes.
pub struct Document<'a> {
    source: &'a str,
    rules: &'a dyn Table,
    detectors: Vec<(RuleId, &'a Rule)>,
    key_of: fn(&str) -> Cow<'_, str>,
    lines: Vec<LineData<'a>>,
    // The number of lines that are not blank in the source.
    shown: usize,
    // The lines that have or had hits: few, so that a stage without any costs little.
    hit_lines: BTreeSet<usize>,
    // The lines that have or had hits with which blocks begin: few documents have any.
    block_lines: BTreeSet<usize>,
    zones: Zones,
    first_zones: Zones,
    stage: &'a str,
    own_rule: RuleId,
    outlet: Option<&'a str>,
}

/// What a stage reads.
impl<'a> Document<'a> {
    /// The decoded text, which never changes.
    pub fn source(&self) -> &'a str {
        self.source
    }

    /// The outlet that the document was recognised as.
    pub fn outlet(&self) -> Option<&'a str> {
        self.outlet
    }

    /// The rule to name when a stage marks on its own account.
    pub fn own_rule(&self) -> RuleId {
        self.own_rule
    }

    /// The rule behind an id.
    pub fn rule(&self, id: RuleId) -> &'a Rule {
        self.rules.rule(id)
    }

    /// The lines that earlier stages left, blank ones included.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = Line<'_, 'a>> + Clone {
        self.lines_in(0..self.lines.len())
    }

    /// The lines of the head: before the first body line or among the first three not blank.
    pub fn head(&self) -> impl DoubleEndedIterator<Item = Line<'_, 'a>> + Clone {
        self.lines().filter(|line| line.in_head())
    }

    /// The lines of the tail: after the last body line or among the last three not blank.
    pub fn tail(&self) -> impl DoubleEndedIterator<Item = Line<'_, 'a>> + Clone {
        self.lines().filter(|line| line.in_tail())
    }

    /// The lines that are sentences of the article.
    pub fn body_lines(&self) -> impl DoubleEndedIterator<Item = Line<'_, 'a>> + Clone {
        self.lines().filter(|line| line.is_body())
    }

    /// Whether a body line is left. Without one, the edges are empty.
    pub fn has_body(&self) -> bool {
        self.zones.body.is_some()
    }

    /// The rules that switch on this stage's detector `name` for this document.
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

    /// Whether any line has a hit of this stage's rules, in place or not.
    pub fn has_cues(&self) -> bool {
        self.lines_with_hits().any(|line| line.cues().next().is_some())
    }

    /// The blocks of this stage's `from`/`through` rules that lie wholly in their place.
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

    /// The lines of a range of indices that earlier stages left.
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
            return self.zones.holds(rule.place, line);
        }
        (rule.safe || rule.act == Act::Keep)
            && !matches!(rule.place, Place::Body | Place::Opening | Place::Closing)
    }

    fn allows(&self, line: usize, rule: &Rule) -> bool {
        self.in_place(line, rule)
            && rule.max_words.is_none_or(|most| script::has_at_most(&self.lines[line].text, most))
            && rule.at.is_none_or(|at| self.is_at(line, rule.place, at))
    }

    fn is_at(&self, line: usize, place: Place, at: At) -> bool {
        if self.is_blank_in_source(line) || !self.first_zones.holds(place, line) {
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

    /// The lines above a line that are not blank in the source.
    fn shown_before(&self, line: usize) -> usize {
        self.lines.get(line).map_or(self.shown, |line| line.shown_before)
    }

    fn is_blank_in_source(&self, line: usize) -> bool {
        self.shown_before(line) == self.shown_before(line + 1)
    }
}

/// What an engine does with a document between stages.
impl<'a> Document<'a> {
    /// A document over `source`, its lines split at LF, CR LF and CR.
    ///
    /// `rules` is where the rules of its hits are looked up; `key_of` gives a line's form for matching.
    pub fn new(
        source: &'a str,
        rules: &'a dyn Table,
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
            stage: "",
            own_rule: RuleId(0),
            outlet: None,
        }
    }

    /// Sets the outlet and the rules without a pattern that hold for this document.
    pub fn recognised(&mut self, outlet: Option<&'a str>, detectors: Vec<RuleId>) {
        self.outlet = outlet;
        self.detectors = detectors.into_iter().map(|id| (id, self.rule(id))).collect();
    }

    /// Hands the document to the stage `name`, whose own findings go under `own_rule`.
    pub fn enter(&mut self, name: &'a str, own_rule: RuleId) {
        self.stage = name;
        self.own_rule = own_rule;
    }

    /// The number of lines of the source.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The line with this index, removed or not.
    pub fn line(&self, index: usize) -> Line<'_, 'a> {
        Line { doc: self, index }
    }

    /// The index of the line that holds byte `at` of the source; line ends belong to their line.
    pub fn line_at(&self, at: usize) -> usize {
        self.lines.partition_point(|line| line.end <= at).min(self.lines.len().saturating_sub(1))
    }

    /// Whether the line was cut whole.
    pub fn is_removed(&self, index: usize) -> bool {
        self.lines[index].removed
    }

    /// Sets the hits of a line.
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

    /// Takes a line out of the view of later stages.
    pub fn remove_line(&mut self, index: usize) {
        self.lines[index].removed = true;
    }

    /// Shows later stages `text` for a partly cut line; `pieces` tell where it comes from.
    pub fn rewrite_line(&mut self, index: usize, text: String, pieces: Vec<Piece>) {
        let line = &mut self.lines[index];
        line.text = Cow::Owned(text);
        line.pieces = pieces;
        line.judge();
    }

    /// Whether the line is a sentence in the midst of the article: between the first and the last
    /// body line, and at no edge.
    pub fn is_inside(&self, index: usize) -> bool {
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

    /// Finds the zones again, after lines were removed or rewritten.
    pub fn find_zones(&mut self) {
        self.zones = Zones::of(&self.lines);
    }

    /// The bytes from the first to the last body line that is left.
    pub fn body_span(&self) -> Option<Span> {
        let (first, last) = self.zones.body?;
        Some(Span::new(self.lines[first].span.start(), self.lines[last].span.end()))
    }

    /// The bytes from the first to the last body line of the untouched source.
    pub fn first_body_span(&self) -> Option<Span> {
        let (first, last) = self.first_zones.body?;
        Some(Span::new(self.lines[first].span.start(), self.lines[last].span.end()))
    }
}

/// One line of a document, as earlier stages left it.
#[derive(Clone, Copy)]
pub struct Line<'d, 'a> {
    doc: &'d Document<'a>,
    index: usize,
}

impl<'d, 'a> Line<'d, 'a> {
    fn data(&self) -> &'d LineData<'a> {
        &self.doc.lines[self.index]
    }

    /// Its place among all lines of the source, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its bytes in the source, without the line end.
    pub fn span(&self) -> Span {
        self.data().span
    }

    /// Its bytes in the source with the line end.
    pub fn full_span(&self) -> Span {
        Span::new(self.data().span.start(), self.data().end)
    }

    /// The bytes of its line end in the source; none at the end of most documents.
    pub fn end_span(&self) -> Span {
        Span::new(self.data().span.end(), self.data().end)
    }

    /// What it says now: the source, less what was cut, with what was replaced.
    pub fn text(&self) -> &'d str {
        &self.data().text
    }

    /// Its form for matching: spaces, quotes and dashes made alike.
    pub fn key(&self) -> Cow<'d, str> {
        (self.doc.key_of)(self.text())
    }

    /// Whether it shows nothing.
    pub fn is_blank(&self) -> bool {
        self.data().blank
    }

    /// Whether it is a sentence of the article: see [`script::is_sentence`].
    pub fn is_body(&self) -> bool {
        self.data().body
    }

    /// The number of its words.
    pub fn words(&self) -> usize {
        script::words(self.text())
    }

    /// Whether it has so many words at most. Looks no further than it must.
    pub fn has_at_most(&self, words: usize) -> bool {
        script::has_at_most(self.text(), words)
    }

    /// Whether it counts as head.
    pub fn in_head(&self) -> bool {
        self.doc.zones.head(self.index)
    }

    /// Whether it counts as tail.
    pub fn in_tail(&self) -> bool {
        self.doc.zones.tail(self.index)
    }

    /// Whether it stands above the first or below the last body line.
    pub fn is_outside_body(&self) -> bool {
        self.doc.zones.body.is_some_and(|(first, last)| self.index < first || self.index > last)
    }

    /// Whether `rule` may act here: place, number of words, position.
    pub fn allows(&self, rule: &Rule) -> bool {
        self.doc.allows(self.index, rule)
    }

    /// Whether the line above is blank, or there is none.
    pub fn after_blank(&self) -> bool {
        self.doc.lines_in(0..self.index).next_back().is_none_or(|line| line.is_blank())
    }

    /// Whether the line below is blank, or there is none.
    pub fn before_blank(&self) -> bool {
        self.doc.lines_in(self.index + 1..usize::MAX).next().is_none_or(|line| line.is_blank())
    }

    /// All hits of all stages.
    pub fn all_hits(&self) -> impl Iterator<Item = &'d Hit> + use<'d, 'a> {
        self.data().hits.iter().map(|matched| &matched.hit)
    }

    /// The hits of this stage's rules, in place or not, without the ends of blocks.
    pub fn cues(&self) -> impl Iterator<Item = &'d Hit> + use<'d, 'a> {
        self.matched().map(|matched| &matched.hit)
    }

    fn matched(&self) -> impl Iterator<Item = &'d Matched<'a>> + use<'d, 'a> {
        let stage = self.doc.stage;
        self.data().hits.iter().filter(move |matched| {
            matches!(matched.hit.role, Role::Line | Role::Part) && matched.rule.stage == stage
        })
    }

    /// The hits of this stage's rules that stand where their rule may act.
    pub fn hits(&self) -> impl Iterator<Item = &'d Hit> + use<'d, 'a> {
        let (doc, index) = (self.doc, self.index);
        // A rule may have many hits in a long line.
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

    /// The first of [`Line::hits`] that takes the whole line.
    pub fn hit(&self) -> Option<&'d Hit> {
        self.hits().find(|hit| hit.role == Role::Line)
    }

    /// The source behind a range of bytes of [`Line::text`]. A range across a cut covers the cut.
    ///
    /// A replacement has no source for its parts: a range that begins or ends inside one is an
    /// empty span, so that no mark takes more than was meant.
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

/// The lines of `source`: the span of each without its end, and where its end ends. LF, CR LF and
/// a lone CR end a line. A final line end starts no further line.
fn split_lines(source: &str) -> impl Iterator<Item = (Span, usize)> + '_ {
    let bytes = source.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= bytes.len() {
            return None;
        }
        let start = at;
        let length = line_end(&bytes[start..]);
        let stop = length.map_or(bytes.len(), |length| start + length);
        at = match bytes.get(stop) {
            None => stop,
            Some(b'\r') if bytes.get(stop + 1) == Some(&b'\n') => stop + 2,
            Some(_) => stop + 1,
        };
        Some((Span::new(start, stop), at))
    })
}

/// The first byte that ends a line. Stretches without one are passed many bytes at a time.
fn line_end(bytes: &[u8]) -> Option<usize> {
    const STRETCH: usize = 32;
    let ends = |byte: u8| (byte == b'\n') | (byte == b'\r');
    // Joined as bytes, not as truths, many are looked at at once.
    let plain =
        |stretch: &&[u8]| stretch.iter().fold(0, |any, byte| any | u8::from(ends(*byte))) == 0;
    let start = STRETCH * bytes.chunks_exact(STRETCH).take_while(plain).count();
    let (words, rest) = bytes[start..].as_chunks();
    for (at, word) in words.iter().enumerate() {
        let found = holding(*word, b'\n') | holding(*word, b'\r');
        if found != 0 {
            return Some(start + 8 * at + found.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| ends(*byte))?;
    Some(bytes.len() - rest.len() + at)
}

/// The highest bit of the first byte of a word that is `byte`, and perhaps some behind it: the
/// test for a zero byte in Warren, Hacker's Delight, 6-1.
fn holding(word: [u8; 8], byte: u8) -> u64 {
    const LOW: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = 0x80 * LOW;
    let other = u64::from_le_bytes(word) ^ u64::from_le_bytes([byte; 8]);
    other.wrapping_sub(LOW) & !other & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Marks, steps};

    fn plain(text: &str) -> Cow<'_, str> {
        Cow::Borrowed(text.trim())
    }

    const NO_RULES: &[Rule; 0] = &[];

    const BODY: &str = "The minister said on Tuesday that the talks would go on.";

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
    fn all_three_line_ends_end_lines() {
        let spans: Vec<_> =
            split_lines("a\r\nb\rc\n\nd").map(|(s, e)| (s.start(), s.end(), e)).collect();
        assert_eq!(spans, [(0, 1, 3), (3, 4, 5), (5, 6, 7), (7, 7, 8), (8, 9, 9)]);
        assert_eq!(split_lines("").count(), 0);
    }

    #[test]
    fn a_line_end_is_found_wherever_it_stands() {
        // Bytes that differ from a line end in one bit, or in the highest.
        let others = ['\u{b}', '\u{c}', '\u{f}', '\u{8a}', 'x'];
        for (length, end) in (0..90).flat_map(|length| [(length, '\n'), (length, '\r')]) {
            let before: String = others.iter().cycle().take(length).collect();
            for behind in ["", "\n", "xxxxxxxxxxxxxxxxxx\r"] {
                let text = format!("{before}{end}{behind}");
                assert_eq!(line_end(text.as_bytes()), Some(before.len()), "{text:?}");
            }
            assert_eq!(line_end(before.as_bytes()), None);
        }
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
        // Every document of up to six lines that are short, blank or sentences.
        for number in 0..3_usize.pow(6) {
            let lines = (0..6).map(|at| ["x", "", BODY][number / 3_usize.pow(at) % 3]);
            let source = lines.collect::<Vec<_>>().join("\n");
            let doc = Document::new(&source, NO_RULES, plain);
            for place in places {
                let shown: Vec<usize> = (0..doc.line_count())
                    .filter(|&index| !doc.line(index).is_blank())
                    .filter(|&index| doc.zones.holds(place, index))
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
