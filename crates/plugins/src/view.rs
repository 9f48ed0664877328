//! The view of a document that a plugin reads: the lines that earlier stages left, their zones, and
//! the hits of the stage's own rules. It is one block of bytes. Numbers are 32-bit little-endian;
//! offsets count from the start of the view, in bytes.
//!
//! ```text
//! header  lines, hits, rules, offset and length of the outlet, length of the view, 0, 0
//! line    index in the source, offset and length of the text, offset and length of the key, flags
//! hit     number of the line in the view, number of the rule in the view, flags
//! rule    offset and length of the id
//! text    UTF-8
//! ```

use chaffinch_core::stage::{Document, Line, Role, RuleId};

/// The size of the header, in bytes.
const HEADER: usize = 32;
const LINE: usize = 24;
const HIT: usize = 12;
const RULE: usize = 8;

/// Flags of a line.
const BLANK: u32 = 1;
const BODY: u32 = 2;
const HEAD: u32 = 4;
const TAIL: u32 = 8;

/// Flags of a hit.
const WHOLE_LINE: u32 = 1;
const ALLOWED: u32 = 2;

/// A document as a plugin sees it.
#[derive(Default)]
pub(crate) struct View {
    bytes: Vec<u8>,
    text: Vec<u8>,
    lines: Vec<usize>,
    hits: Vec<HitRef>,
    rules: Vec<RuleId>,
}

/// A hit of the view: the number of its line in the view, and its number among the cues of the line.
#[derive(Clone, Copy)]
pub(crate) struct HitRef {
    pub(crate) line: usize,
    pub(crate) cue: usize,
    rule: u32,
    flags: u32,
}

impl View {
    /// The view as bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The index of a line of the view in the document.
    pub(crate) fn line(&self, number: u32) -> Option<usize> {
        self.lines.get(number as usize).copied()
    }

    /// A hit of the view.
    pub(crate) fn hit(&self, number: u32) -> Option<HitRef> {
        self.hits.get(number as usize).copied()
    }

    /// Replaces the view by that of another document.
    pub(crate) fn fill(&mut self, doc: &Document<'_>) {
        let View { bytes, text, lines, hits, rules } = self;
        bytes.clear();
        text.clear();
        lines.clear();
        hits.clear();
        rules.clear();
        lines.extend(doc.lines().map(|line| line.index()));
        for (number, &index) in lines.iter().enumerate() {
            find_hits(doc.line(index), number, hits, rules);
        }
        let start = HEADER + LINE * lines.len() + HIT * hits.len() + RULE * rules.len();
        let push = |bytes: &mut Vec<u8>, numbers: &[usize]| {
            bytes.extend(numbers.iter().flat_map(|number| (*number as u32).to_le_bytes()));
        };
        let outlet = doc.outlet().unwrap_or_default();
        text.extend_from_slice(outlet.as_bytes());
        push(bytes, &[lines.len(), hits.len(), rules.len(), start, outlet.len(), 0, 0, 0]);
        for &index in lines.iter() {
            let line = doc.line(index);
            let at = start + text.len();
            text.extend_from_slice(line.text().as_bytes());
            let key = line.key();
            let key_at = match inside(line.text(), &key) {
                Some(offset) => at + offset,
                None => {
                    text.extend_from_slice(key.as_bytes());
                    start + text.len() - key.len()
                }
            };
            let flag = |is: bool, flag: u32| if is { flag } else { 0 };
            let flags = flag(line.is_blank(), BLANK)
                | flag(line.is_body(), BODY)
                | flag(line.in_head(), HEAD)
                | flag(line.in_tail(), TAIL);
            push(bytes, &[index, at, line.text().len(), key_at, key.len(), flags as usize]);
        }
        for hit in hits.iter() {
            push(bytes, &[hit.line, hit.rule as usize, hit.flags as usize]);
        }
        for rule in rules.iter() {
            let id = &doc.rule(*rule).id;
            push(bytes, &[start + text.len(), id.len()]);
            text.extend_from_slice(id.as_bytes());
        }
        bytes.extend_from_slice(text);
        let size = (bytes.len() as u32).to_le_bytes();
        bytes[20..24].copy_from_slice(&size);
    }
}

/// Adds the hits of a line.
fn find_hits(line: Line<'_, '_>, number: usize, hits: &mut Vec<HitRef>, rules: &mut Vec<RuleId>) {
    let mut allowed = line.hits().peekable();
    for (cue, hit) in line.cues().enumerate() {
        // The allowed hits are the cues whose rule allows the line, in the same order.
        let is_allowed = allowed.next_if(|next| std::ptr::eq(*next, hit)).is_some();
        let rule = rules.iter().position(|rule| *rule == hit.rule).unwrap_or_else(|| {
            rules.push(hit.rule);
            rules.len() - 1
        });
        let whole = if hit.role == Role::Line { WHOLE_LINE } else { 0 };
        let flags = whole | if is_allowed { ALLOWED } else { 0 };
        hits.push(HitRef { line: number, cue, rule: rule as u32, flags });
    }
}

/// The offset of a key in its line, if it is a part of the line.
fn inside(text: &str, key: &str) -> Option<usize> {
    let offset = (key.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (offset + key.len() <= text.len()).then_some(offset)
}
