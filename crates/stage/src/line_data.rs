//! The state of a line in a document: its current text, its class and its hits.

use std::borrow::Cow;

use crate::hit::{Hit, Piece};
use crate::{Rule, Span, script};

pub(crate) struct LineData<'a> {
    pub(crate) span: Span,
    pub(crate) end: usize,
    /// The number of lines above it that are not blank in the source.
    pub(crate) shown_before: usize,
    pub(crate) text: Cow<'a, str>,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) removed: bool,
    /// The version of the document with which its text changed.
    pub(crate) version: usize,
    pub(crate) blank: bool,
    pub(crate) body: bool,
    pub(crate) hits: Vec<Matched<'a>>,
}

impl LineData<'_> {
    pub(crate) fn judge(&mut self) {
        self.blank = script::is_blank(&self.text);
        self.body = !self.blank && script::is_sentence(&self.text);
    }
}

/// A hit and its rule, looked up once because every stage needs it.
pub(crate) struct Matched<'a> {
    pub(crate) hit: Hit,
    pub(crate) rule: &'a Rule,
}
