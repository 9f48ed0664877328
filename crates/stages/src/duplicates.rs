//! Duplicates: pull quotes and doubled standfirsts, which copy a sentence of the body.
//!
//! A line goes if it is set apart at an edge, long, not the title, and is word for word a sentence
//! of a body line elsewhere. Nothing is lost: the copy stays. A mere phrase of the body may be a
//! subheading, so it stays too.

use chaffinch_stage::{Document, Line, Marks, Options, OptionsError, Stage, script};

/// The most lines of one document that are held against its body.
const MOST_CANDIDATES: usize = 128;

/// Marks set-apart copies of body sentences.
pub struct Duplicates {
    min_chars: usize,
}

impl Duplicates {
    /// Settings: `min_chars`, the length of a copy in characters (40).
    pub fn new(options: &mut Options) -> Result<Duplicates, OptionsError> {
        Ok(Duplicates { min_chars: options.count("min_chars", 40)? })
    }
}

impl Stage for Duplicates {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        for (id, rule) in doc.detectors("copy") {
            let title = doc.head().find(|line| !line.is_blank()).map(|line| line.index());
            let apart = |line: &Line<'_, '_>| line.after_blank() && line.before_blank();
            let fits = |line: &Line<'_, '_>| {
                !line.is_blank()
                    && line.allows(rule)
                    && Some(line.index()) != title
                    && line.text().chars().count() >= self.min_chars
            };
            // Each candidate costs a look at the whole document.
            let candidates = doc.lines().filter(fits).take(MOST_CANDIDATES).filter(apart);
            for line in candidates {
                if is_copy(doc, &line) {
                    marks.remove(line.span(), id);
                }
            }
        }
    }
}

/// Whether a line says what a body line says: a sentence the same as an earlier one, anything else
/// a sentence of another.
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
    // The longest stretch of plain words tells where a copy may stand, and most lines have none.
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

/// Whether `sentence` stands in `text` as a sentence or several: from a start to an end of one.
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
    fn copies_of_sentences_go_and_the_body_stays() {
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
    fn what_is_no_sentence_of_the_body_stays() {
        check("duplicates", "A title\n\nthe two sides had agreed to go on with the talks\n\n…\n");
        check(
            "duplicates",
            &format!("No deal was struck in the city on the lake, she said\n\n{BODY}\n"),
        );
    }
}
