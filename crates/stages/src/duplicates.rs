//! Duplicates: pull quotes and repeated standfirsts, which copy a sentence of the body.
//!
//! A line is removed if it is isolated by blank lines at an edge, is long, is not the title, and
//! repeats a sentence of another body line word for word. A copy of a mere phrase may be a
//! subheading and is kept.

use chaffinch_stage::{Document, Line, Marks, Options, OptionsError, Stage, script};

/// The maximum number of lines per document that are compared with its body.
const MOST_CANDIDATES: usize = 128;

/// Marks isolated copies of body sentences.
pub struct Duplicates {
    min_chars: usize,
}

impl Duplicates {
    /// Settings: `min_chars`, the minimum length of a copy in characters (default 40).
    pub fn new(options: &mut Options) -> Result<Duplicates, OptionsError> {
        Ok(Duplicates { min_chars: options.count("min_chars", 40)? })
    }
}

impl Stage for Duplicates {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        for (id, rule) in doc.detectors("copy") {
            let title = doc.head().find(|line| !line.is_blank()).map(|line| line.index());
            let isolated = |line: &Line<'_, '_>| line.after_blank() && line.before_blank();
            let fits = |line: &Line<'_, '_>| {
                !line.is_blank()
                    && line.allows(rule)
                    && Some(line.index()) != title
                    && line.text().chars().count() >= self.min_chars
            };
            // Each candidate costs a search of the document.
            let candidates = doc.lines().filter(fits).take(MOST_CANDIDATES).filter(isolated);
            for line in candidates {
                if is_copy(doc, &line) {
                    marks.remove(line.span(), id);
                }
            }
        }
    }
}

/// Whether a line copies a body line. A body line must equal an earlier one; any other line must be
/// a sentence of a body line.
fn is_copy(doc: &Document<'_>, line: &Line<'_, '_>) -> bool {
    let mut others = doc.body_lines().filter(|other| other.index() != line.index());
    if line.is_body() {
        let text = line.text().trim();
        let says = |other: &str| {
            let rest = other.trim_start().strip_prefix(text);
            rest.is_some_and(|rest| rest.trim().is_empty())
        };
        return others.any(|other| other.index() < line.index() && says(other.text()));
    }
    // Search for the longest run of plain words, which few lines have in common.
    let plain = |c: char| c.is_alphanumeric() || c == ' ';
    let parts = line.text().split(|c: char| !plain(c)).map(str::trim);
    let Some(part) = parts.max_by_key(|part| part.len()).filter(|part| !part.is_empty()) else {
        return false;
    };
    let mut key = None;
    let mut last = line.index();
    memchr::memmem::find_iter(doc.source().as_bytes(), part).any(|at| {
        let index = doc.line_at(at);
        if index == last || index == line.index() {
            return false;
        }
        last = index;
        let other = doc.line(index);
        !doc.is_removed(index)
            && other.is_body()
            && has_sentence(&other.key(), key.get_or_insert_with(|| line.key()))
    })
}

/// Whether `sentence` occurs in `text` as one or more complete sentences.
fn has_sentence(text: &str, sentence: &str) -> bool {
    let bare = sentence.trim_matches(['"', ' ']);
    text.match_indices(bare).any(|(at, _)| {
        let before = text[..at].trim_end_matches(['"', ' ', '(']);
        let after = text[at + bare.len()..].trim_start_matches(['"', ' ', ')']);
        let starts = before.is_empty() || script::ends_sentence(before);
        let ends = after.is_empty()
            || script::ends_sentence(bare)
            || after.starts_with(script::is_sentence_mark);
        starts && ends
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    const BODY: &str =
        "No deal was struck in the city on the lake, she said. Both sides will meet again in May.";

    #[test]
    fn copies_of_sentences_are_removed() {
        check(
            "duplicates",
            &format!(
                "A title\n\n⟦No deal was struck in the city on the lake, she said⟧\n\n…\n\n{BODY}\n"
            ),
        );
        check(
            "duplicates",
            "A title\n\n…\n\nA paragraph between the two, of nine words or so.\n\n⟦…⟧\n",
        );
    }

    #[test]
    fn copies_of_phrases_are_kept() {
        check("duplicates", "A title\n\nthe two sides had agreed to go on with the talks\n\n…\n");
        check(
            "duplicates",
            &format!("No deal was struck in the city on the lake, she said\n\n{BODY}\n"),
        );
    }
}
