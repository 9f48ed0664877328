//! Duplicates: pull quotes and doubled standfirsts, which copy a sentence of the body.
//!
//! A line goes if it is set apart at an edge, long, not the title, and stands word for word in a
//! body line elsewhere. Nothing is lost: the copy stays.

use chaffinch_stage::{Document, Line, Marks, Options, OptionsError, Stage};

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
            let candidates = doc.lines().filter(|line| {
                !line.is_blank()
                    && line.allows(rule)
                    && Some(line.index()) != title
                    && line.text().chars().count() >= self.min_chars
                    && apart(line)
            });
            for line in candidates {
                let key = line.key();
                let copies = doc.body_lines().filter(|other| other.index() != line.index());
                let copied = copies.into_iter().any(|other| {
                    // Of two equal lines, the first stays.
                    let whole = other.key() == key;
                    whole && other.index() < line.index()
                        || !whole && !line.is_body() && other.key().contains(&*key)
                });
                if copied {
                    marks.remove(line.span(), id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    const QUOTE: &str = "the two sides had agreed to go on with the talks";

    #[test]
    fn copies_go_and_the_body_stays() {
        check(
            "duplicates",
            &format!(
                "A title\n\n⟦{QUOTE}⟧\n\n…\n\nSaid in the capital, this was the last sentence of all.\n"
            ),
        );
        check(
            "duplicates",
            "A title\n\n…\n\nA paragraph between the two, of nine words or so.\n\n⟦…⟧\n",
        );
    }

    #[test]
    fn what_stands_nowhere_else_stays() {
        check("duplicates", "A title\n\nthe two sides have agreed to go on with all talks\n\n…\n");
        check("duplicates", &format!("{QUOTE}\n\n…\n"));
    }
}
