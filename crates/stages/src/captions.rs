//! Captions: the text below a picture, and photo credits.
//!
//! A caption with a credit ("Photo: AP") is matched by a rule. An alternative text above a caption
//! that begins with the same text is removed with it, and so is a copy that breaks off with an
//! ellipsis above the full text. A caption without a credit looks like a subheading. It is removed
//! only if an outlet's rule file enables a detector for it: a phrase of the body, isolated in the
//! head.

use chaffinch_stage::script::evenly_spaced;
use chaffinch_stage::{Action, Document, Line, Marks, Stage};

use crate::run::breaks_off;

/// The number of lines of the head that may be captions. Each is searched for in the body.
const HEAD_LINES: usize = 16;

/// The minimum number of characters that an alternative text shares with its caption.
const SHARED: usize = 12;

/// Marks captions and photo credits.
pub struct Captions;

impl Stage for Captions {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        for (id, _) in doc.detectors("alternative-text").filter(|_| doc.has_cues()) {
            let lines: Vec<_> = doc.lines().filter(|line| !line.is_blank()).collect();
            for pair in lines.windows(2) {
                let caption = pair[1].hits().any(|hit| doc.rule(hit.rule).action == Action::Remove);
                if caption && is_alternative(&pair[0], &pair[1]) {
                    marks.remove(pair[0].span(), id);
                }
            }
        }
        for (id, rule) in doc.detectors("cut-short") {
            let mut lines = doc.lines().filter(|line| !line.is_blank()).peekable();
            while let Some(line) = lines.next() {
                if let Some(below) = lines.peek().filter(|_| breaks_off(line.text()))
                    && line.allows(rule)
                    && is_cut_short(&line.key(), &below.key())
                {
                    marks.remove(line.span(), id);
                }
            }
        }
        for (id, rule) in doc.detectors("caption") {
            let head = doc.head().filter(|line| !line.is_blank()).take(HEAD_LINES).skip(1);
            for line in
                head.filter(|line| !line.is_body() && line.words() >= 2 && line.allows(rule))
            {
                let phrase = line.key();
                if doc.body_lines().any(|body| body.key().contains(&*phrase)) {
                    let fields = vec![("caption".to_owned(), evenly_spaced(line.text()))];
                    marks.remove_with(line.span(), id, fields);
                }
            }
        }
    }
}

/// Whether `caption` begins with the letters and digits of `line`.
fn is_alternative(line: &Line<'_, '_>, caption: &Line<'_, '_>) -> bool {
    let mut caption = caption.text().chars().filter(|c| c.is_alphanumeric());
    let letters = line.text().chars().filter(|c| c.is_alphanumeric());
    let count = letters.clone().count();
    count >= SHARED && letters.eq(caption.by_ref().take(count))
}

/// Whether `line` breaks off with an ellipsis and `full` begins with the text before it.
fn is_cut_short(line: &str, full: &str) -> bool {
    let Some(start) = line.strip_suffix('…').or_else(|| line.strip_suffix("...")) else {
        return false;
    };
    let start = start.trim_end();
    start.chars().count() >= 2 * SHARED && full.starts_with(start)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn credited_captions_are_removed_with_their_alternative_text() {
        check(
            "captions",
            "A title\n\n…\n\n⟦Smoke over the roofs of the town⟧\n⟦Smoke over the roofs of the town. Photo: AP/Jane Doe⟧\n\n…\n",
        );
        check(
            "captions",
            "A title\n\n…\n\nSmoke over the town\nSmoke over the town was seen for days by those who lived there.\n\n…\n",
        );
    }

    #[test]
    fn copies_that_break_off_are_removed() {
        check(
            "captions",
            "A title\n\n…\n\n⟦Smoke over the roofs of the town and the ...⟧\nSmoke over the roofs of the town and the port\n\n…\n",
        );
    }

    #[test]
    fn captions_without_a_credit_are_kept() {
        check("captions", "A title\n\nThe minister told reporters\n\n…\n");
    }
}
