//! A place in a document with its surroundings, for reports.

use std::ops::Range;

use chaffinch_formats::ledger::Record;
use serde::Serialize;

use crate::texts::{LONGEST, shortened};

/// A place where something was cut, with its surroundings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sample {
    /// The document.
    pub document: String,
    /// Its outlet.
    pub outlet: Option<String>,
    /// The line number, from 1; 0 if the original could not be restored.
    pub line: usize,
    /// The lines of the original from the first to the last that the cut takes, if it takes all of
    /// them; else 0.
    #[serde(skip)]
    pub lines: usize,
    /// The confidence of the cut, in percent, if the line model made it.
    #[serde(skip)]
    pub confidence: Option<u8>,
    /// The nearest non-blank line above.
    pub above: String,
    /// The text before the cut on its line.
    pub before: String,
    /// The cut.
    pub text: String,
    /// The replacement, empty for a removal.
    pub with: String,
    /// The text after the cut on its line.
    pub after: String,
    /// The nearest non-blank line below.
    pub below: String,
    /// Whether the cut is inside the article.
    pub body: bool,
    /// The cut as a case for a rule file: its lines, with `⟦ ⟧` around the cut if it is not all of
    /// them. `None` if it is too long.
    pub case: Option<String>,
}

/// The maximum number of bytes shown of a neighbouring line.
const CONTEXT: usize = 160;

/// The maximum size of a case, in bytes.
const CASE: usize = 1000;

impl Sample {
    /// The surroundings of `range` of the document, of which `text` was cut.
    pub(crate) fn of(
        record: &Record<'_>,
        source: Option<&str>,
        range: &Range<usize>,
        text: &str,
    ) -> Sample {
        let mut sample = Sample {
            document: record.name().into_owned(),
            outlet: record.outlet.as_deref().map(str::to_owned),
            text: shortened(text.trim_matches(['\n', '\r']), LONGEST),
            ..Sample::default()
        };
        let Some(source) = source else { return sample };
        let Some(cut) = source.get(range.clone()) else { return sample };
        // White space around a cut is ignored.
        let start = range.start + (cut.len() - cut.trim_start().len());
        let end = (range.end - (cut.len() - cut.trim_end().len())).max(start);
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[end..].find('\n').map_or(source.len(), |at| end + at);
        let filled = |line: &&str| !line.trim().is_empty();
        let above = source[..line_start].rsplit('\n').find(filled).unwrap_or_default();
        let below = source[line_end..].split('\n').find(filled).unwrap_or_default();
        let (before, after) = (&source[line_start..start], source[end..line_end].trim_end());
        let from = before.ceil_char_boundary(before.len().saturating_sub(CONTEXT));
        let dots = if from > 0 { "…" } else { "" };
        sample.line = source[..start].bytes().filter(|&byte| byte == b'\n').count() + 1;
        sample.above = shortened(above.trim(), CONTEXT);
        sample.before = format!("{dots}{}", &before[from..]);
        sample.after = shortened(after, CONTEXT);
        sample.below = shortened(below.trim(), CONTEXT);
        let (whole, cut) = (source[line_start..line_end].trim(), &source[start..end]);
        if !cut.is_empty() && whole.len() == cut.len() {
            sample.lines = cut.split('\n').count();
        }
        if start < end && whole.len() <= CASE {
            let lead = before.trim_start();
            sample.case = Some(match lead.is_empty() && after.is_empty() {
                true => cut.to_owned(),
                false => format!("{lead}⟦{cut}⟧{after}"),
            });
        }
        sample
    }
}
