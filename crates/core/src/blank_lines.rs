//! Tidies blank lines around cuts: removes the line endings of removed lines, and all but the
//! longest run of the blank lines around them. Done after the damage caps.

use std::ops::Range;

use chaffinch_stage::{RuleId, script};

use crate::edits::Edit;
use crate::engine::Engine;

impl Engine<'_> {
    /// Removes the line endings of removed lines. Of the blank runs around a cut, the longest is
    /// kept; at the document's edges none is.
    pub(crate) fn tidy_blank_lines(&mut self) {
        if self.edits.is_empty() {
            return;
        }
        let source = self.doc.source();
        let count = self.doc.line_count();
        let kind = self.kinds();
        let mut from = 0;
        while from < count {
            if kind[from] == Kind::Left {
                from += 1;
                continue;
            }
            let to = (from..count).find(|&i| kind[i] == Kind::Left).unwrap_or(count);
            let cut = (from..to).find_map(|i| match kind[i] {
                Kind::Cut(rule, confidence) => Some((rule, confidence)),
                _ => None,
            });
            if let Some(first) = cut {
                let stays = match from == 0 || to == count {
                    true => 0..0,
                    false => longest_blank_run(&kind, from, to),
                };
                let mut by = first;
                for (index, kind) in kind.iter().enumerate().take(to).skip(from) {
                    let line = self.doc.line(index);
                    if let Kind::Cut(own, confidence) = *kind {
                        // The text of the line is already removed.
                        self.edits.remove_judged(line.end_span(), own, confidence);
                        by = (own, confidence);
                    } else if !stays.contains(&index) {
                        self.edits.remove_judged(line.full_span(), by.0, by.1);
                    }
                }
                let ended = source.ends_with(['\n', '\r']);
                if to == count && from > 0 && !ended {
                    let last = self.doc.line(from - 1);
                    self.edits.remove_judged(last.end_span(), first.0, first.1);
                }
            }
            from = to;
        }
    }

    /// The fate of each line. Edits are visited once, because most lines have none.
    fn kinds(&self) -> Vec<Kind> {
        let mut edits = self.edits.iter().peekable();
        let kind = |index: usize| {
            let span = self.doc.line(index).full_span();
            while edits.next_if(|edit| edit.span.end() <= span.start()).is_some() {}
            let own = edits.clone().take_while(|edit| edit.span.start() < span.end());
            self.kind(index, own)
        };
        (0..self.doc.line_count()).map(kind).collect()
    }

    /// The fate of a line, given the edits that overlap it or its line ending.
    fn kind<'e>(&self, index: usize, edits: impl Iterator<Item = &'e Edit>) -> Kind {
        let line = self.doc.line(index);
        let span = line.span();
        if self.kept.overlap(line.full_span()) {
            return Kind::Left;
        }
        let mut edits = edits.peekable();
        let blank = || script::is_blank(&self.doc.source()[span.range()]);
        let Some((rule, confidence)) = edits.peek().map(|edit| (edit.rule, edit.confidence)) else {
            // After cuts were dropped, the current text may differ from the source.
            let as_it_was = line.text().len() == span.len();
            let blank = if as_it_was { line.is_blank() } else { blank() };
            return if blank { Kind::Blank } else { Kind::Left };
        };
        let removed = |edit: &Edit| {
            let end = edit.span.end().min(span.end());
            if edit.removes() { end.saturating_sub(edit.span.start().max(span.start())) } else { 0 }
        };
        let removed: usize = edits.map(removed).sum();
        match removed == span.len() {
            _ if blank() => Kind::Blank,
            true => Kind::Cut(rule, confidence),
            false => Kind::Left,
        }
    }
}

/// The fate of a line of the source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Left,
    Blank,
    /// Removed by this rule, with this confidence.
    Cut(RuleId, Option<u8>),
}

fn longest_blank_run(kind: &[Kind], from: usize, to: usize) -> Range<usize> {
    let mut longest = from..from;
    let mut at = from;
    while at < to {
        if kind[at] == Kind::Blank {
            let end = (at..to).find(|&i| kind[i] != Kind::Blank).unwrap_or(to);
            if end - at > longest.len() {
                longest = at..end;
            }
            at = end;
        } else {
            at += 1;
        }
    }
    longest
}
