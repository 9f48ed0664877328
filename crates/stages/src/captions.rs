//! Captions: what stood under a picture, and who took it.
//!
//! With a credit ("Photo: AP") the words tell. A copy that breaks off with an ellipsis above the
//! full text goes too. An alternative text often stands above its caption
//! and says the same; it goes with it. A caption without a credit looks like a subheading, so it
//! goes only where an outlet's file says that a phrase of the body, set apart in the head, is one.

use chaffinch_stage::script::evenly_spaced;
use chaffinch_stage::{Act, Document, Line, Marks, Stage};

use crate::run::breaks_off;

/// Lines of the head among which a caption stands: each is looked for in the whole body.
const HEAD_LINES: usize = 16;

/// Characters that two lines must share to be an alternative text and its caption.
const SHARED: usize = 12;

/// Marks captions and photo credits.
pub struct Captions;

impl Stage for Captions {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        for (id, _) in doc.detectors("alternative-text").filter(|_| doc.has_cues()) {
            let lines: Vec<_> = doc.lines().filter(|line| !line.is_blank()).collect();
            for pair in lines.windows(2) {
                let caption = pair[1].hits().any(|hit| doc.rule(hit.rule).act == Act::Remove);
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

/// Whether `line` says what `caption` begins with.
fn is_alternative(line: &Line<'_, '_>, caption: &Line<'_, '_>) -> bool {
    let mut caption = caption.text().chars().filter(|c| c.is_alphanumeric());
    let letters = line.text().chars().filter(|c| c.is_alphanumeric());
    let count = letters.clone().count();
    count >= SHARED && letters.eq(caption.by_ref().take(count))
}

/// Whether `line` breaks off with an ellipsis and `full` says the same to its end.
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
    fn credited_captions_go_with_their_alternative_text() {
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
    fn copies_that_break_off_go() {
        check(
            "captions",
            "A title\n\n…\n\n⟦Smoke over the roofs of the town and the ...⟧\nSmoke over the roofs of the town and the port\n\n…\n",
        );
    }

    #[test]
    fn captions_without_a_credit_stay() {
        check("captions", "A title\n\nThe minister told reporters\n\n…\n");
    }
}
