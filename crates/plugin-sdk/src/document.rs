//! The document as the host passes it: lines, zones and hits.

/// A document as a stage sees it.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    view: &'a [u8],
}

/// The sizes of the records of the view, in bytes.
const HEADER: usize = 32;
const LINE: usize = 24;
const HIT: usize = 12;
const RULE: usize = 8;

impl<'a> Document<'a> {
    /// A document in the form in which the host passes it.
    pub fn from_view(view: &'a [u8]) -> Document<'a> {
        Document { view }
    }

    fn number(&self, at: usize) -> usize {
        let bytes = self.view.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, |bytes| u32::from_le_bytes(bytes) as usize)
    }

    /// The text whose offset and length are at `at`.
    fn text(&self, at: usize) -> &'a str {
        let (offset, length) = (self.number(at), self.number(at + 4));
        let bytes = self.view.get(offset..offset + length).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }

    /// The name of the detected outlet, if any.
    pub fn outlet(&self) -> Option<&'a str> {
        Some(self.text(12)).filter(|outlet| !outlet.is_empty())
    }

    /// The number of lines that earlier stages left.
    pub fn line_count(&self) -> usize {
        self.number(0)
    }

    /// The lines that earlier stages left, including blank ones.
    pub fn lines(
        &self,
    ) -> impl DoubleEndedIterator<Item = Line<'a>> + ExactSizeIterator + Clone + use<'a> {
        let doc = *self;
        (0..self.line_count()).map(move |number| Line { doc, number })
    }

    /// The line with this number, from 0, among those that earlier stages left.
    pub fn line(&self, number: usize) -> Option<Line<'a>> {
        (number < self.line_count()).then_some(Line { doc: *self, number })
    }

    /// The matches of the rules whose `stage` is this plugin, in the order of the lines.
    pub fn hits(
        &self,
    ) -> impl DoubleEndedIterator<Item = Hit<'a>> + ExactSizeIterator + Clone + use<'a> {
        let doc = *self;
        (0..self.number(4)).map(move |number| Hit { doc, number })
    }
}

/// A line of a document, as earlier stages left it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    doc: Document<'a>,
    number: usize,
}

impl<'a> Line<'a> {
    fn at(&self) -> usize {
        HEADER + LINE * self.number
    }

    fn has(&self, flag: usize) -> bool {
        self.doc.number(self.at() + 20) & flag != 0
    }

    /// Its number among the lines that earlier stages left, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Its number among all lines of the source, from 0.
    pub fn index(&self) -> usize {
        self.doc.number(self.at())
    }

    /// Its text, without what earlier stages cut.
    pub fn text(&self) -> &'a str {
        self.doc.text(self.at() + 4)
    }

    /// The form that the patterns of rule files match: trimmed, with normalised spaces, quotes and
    /// dashes.
    pub fn key(&self) -> &'a str {
        self.doc.text(self.at() + 12)
    }

    /// Whether it contains only white space and zero-width characters.
    pub fn is_blank(&self) -> bool {
        self.has(1)
    }

    /// Whether it is a body line: it ends like a sentence and has at least eight words.
    pub fn is_body(&self) -> bool {
        self.has(2)
    }

    /// Whether it is above the first body line, or among the first three lines that are not blank.
    pub fn in_head(&self) -> bool {
        self.has(4)
    }

    /// Whether it is below the last body line, or among the last three lines that are not blank.
    pub fn in_tail(&self) -> bool {
        self.has(8)
    }
}

/// A match of a rule in a line.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    doc: Document<'a>,
    number: usize,
}

impl<'a> Hit<'a> {
    fn at(&self) -> usize {
        HEADER + LINE * self.doc.line_count() + HIT * self.number
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The line.
    pub fn line(&self) -> Line<'a> {
        Line { doc: self.doc, number: self.doc.number(self.at()) }
    }

    /// The id of the rule, such as `presstv/breadcrumb`.
    pub fn rule(&self) -> &'a str {
        let rules = HEADER + LINE * self.doc.line_count() + HIT * self.doc.number(4);
        self.doc.text(rules + RULE * self.doc.number(self.at() + 4))
    }

    /// Whether the match covers the complete line.
    pub fn is_whole_line(&self) -> bool {
        self.doc.number(self.at() + 8) & 1 != 0
    }

    /// Whether the rule may act on the line: its place, word limit and position all allow it.
    pub fn is_allowed(&self) -> bool {
        self.doc.number(self.at() + 8) & 2 != 0
    }
}
