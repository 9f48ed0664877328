//! Reads the marks that a plugin returns, and checks them against the document.
//!
//! A mark has six 32-bit numbers: its kind, a line of the view, a range of bytes of that line's
//! text, and the position and length of data in the plugin's memory. Marks refer to lines because
//! the host can then map them to the source, even if earlier stages cut a part of the line.

use chaffinch_core::mark_checks::{is_field_name, overlap};
use chaffinch_core::stage::{Action, Document, Mark, Marks, Span};

use crate::MOST_MARKS;
use crate::view::View;

/// The size of a mark, in bytes.
const MARK: usize = 24;

/// The end of a range that covers the complete line.
const WHOLE: u32 = u32::MAX;

/// The maximum size of the data of all marks, in bytes, besides the size of the document.
const MOST_DATA: usize = 1 << 16;

/// Adds the marks at `at` in the plugin's memory, or returns what is wrong with them.
pub(crate) fn read(
    memory: &[u8],
    (at, count): (u32, u32),
    (doc, view): (&Document<'_>, &View),
    marks: &mut Marks,
) -> Result<(), String> {
    let count = count as usize;
    if count > MOST_MARKS {
        return Err(format!("it returned {count} marks; the limit is {MOST_MARKS}"));
    }
    let records = slice(memory, at, count * MARK)
        .ok_or("the marks that it returned are not inside its memory")?;
    let mut reader = Reader { memory, doc, view, data: 0, cuts: Vec::new() };
    for (number, record) in records.chunks_exact(MARK).enumerate() {
        let mut numbers = [0; 6];
        for (number, bytes) in numbers.iter_mut().zip(record.chunks_exact(4)) {
            *number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        let wrong = |reason| format!("mark {number}: {reason}");
        reader.mark(numbers, marks).map_err(wrong)?;
    }
    match overlap(&mut reader.cuts) {
        None => Ok(()),
        Some((one, two)) => {
            let (one, two) = (one.range(), two.range());
            Err(format!("its marks overlap: bytes {one:?} and {two:?}"))
        }
    }
}

struct Reader<'r, 'd> {
    memory: &'r [u8],
    doc: &'r Document<'d>,
    view: &'r View,
    /// The size of the data so far.
    data: usize,
    /// The spans that are removed or replaced.
    cuts: Vec<Span>,
}

impl Reader<'_, '_> {
    fn mark(
        &mut self,
        [kind, line, start, end, at, length]: [u32; 6],
        marks: &mut Marks,
    ) -> Result<(), String> {
        let (doc, rule) = (self.doc, self.doc.own_rule());
        match kind {
            1..=4 => {
                let span = self.span(line, start, end)?;
                let data = self.text(at, length)?;
                let (action, fields) = match kind {
                    1 => (Action::Remove, fields(data)?),
                    2 if data.contains(['\n', '\r']) => {
                        return Err("a replacement cannot contain a line break".to_owned());
                    }
                    2 => (Action::Replace(data.to_owned()), Vec::new()),
                    3 => (Action::Note, fields(data)?),
                    _ => (Action::Keep, Vec::new()),
                };
                // A part of a replacement has no source, and cannot be cut.
                let Some(span) = span else { return Ok(()) };
                match kind {
                    1 if span.is_empty() => return Ok(()),
                    2 if span.is_empty() => return Err("a replacement of nothing".to_owned()),
                    1 | 2 => self.cuts.push(span),
                    _ => {}
                }
                marks.push(Mark { span, action, rule, fields, confidence: None });
            }
            5 => {
                let hit = self.view.hit(line).ok_or_else(|| format!("there is no hit {line}"))?;
                let index = self.view.line(hit.line as u32).unwrap_or_default();
                if let Some(hit) = doc.line(index).cues().nth(hit.cue) {
                    marks.act(hit.span, hit.rule, doc.rule(hit.rule), &hit.fields);
                }
            }
            6 => marks.mark_hits(doc),
            _ => return Err(format!("there is no mark of kind {kind}")),
        }
        Ok(())
    }

    /// The source range of a part of a line. `None` if it is part of a replacement.
    fn span(&self, line: u32, start: u32, end: u32) -> Result<Option<Span>, String> {
        let index = self.view.line(line).ok_or_else(|| format!("there is no line {line}"))?;
        let line = self.doc.line(index);
        if (start, end) == (0, WHOLE) {
            return Ok(Some(line.span()));
        }
        let (start, end) = (start as usize, end as usize);
        let (text, length) = (line.text(), line.text().len());
        if start > end || end > length {
            return Err(format!("bytes {start}..{end} of a line of {length} bytes"));
        }
        if text.get(start..end).is_none() {
            return Err(format!("bytes {start}..{end} are not on character boundaries"));
        }
        let span = line.source_span(start..end);
        Ok(Some(span).filter(|span| !span.is_empty() || start == end))
    }

    fn text(&mut self, at: u32, length: u32) -> Result<&str, String> {
        self.data += length as usize;
        if self.data > MOST_DATA + self.doc.source().len() {
            return Err("the data of its marks is larger than the document".to_owned());
        }
        let bytes = slice(self.memory, at, length as usize);
        let bytes = bytes.ok_or("its data is not inside the plugin's memory")?;
        std::str::from_utf8(bytes).map_err(|_| "its data is not UTF-8".to_owned())
    }
}

/// Reads fields, one `name=value` per line.
fn fields(data: &str) -> Result<Vec<(String, String)>, String> {
    let field = |line: &str| {
        let (name, value) = line.split_once('=').filter(|(name, _)| is_field_name(name))?;
        Some((name.to_owned(), value.to_owned()))
    };
    let wrong = |line| format!("\"{line}\" is not a field such as `title=A title`");
    data.lines().map(|line| field(line).ok_or_else(|| wrong(line))).collect()
}

/// A part of a plugin's memory.
pub(crate) fn slice(memory: &[u8], at: u32, length: usize) -> Option<&[u8]> {
    memory.get(at as usize..)?.get(..length)
}
