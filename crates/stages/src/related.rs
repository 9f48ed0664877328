//! Related: links to other articles, by themselves ("Read also: …") or as a list under a heading.
//!
//! A list runs from its heading to the end of the document, below more than half of the body. It
//! goes only if it reads like a list: titles, each with a short teaser at most. Two sentences of an
//! article one after the other refute the heading, and so does a long one.

use crate::run::breaks_off;
use chaffinch_stage::{Document, Hit, Line, Marks, Role, Stage};

/// The most words of a teaser.
const TEASER_WORDS: usize = 40;

/// Marks links to other articles.
pub struct Related;

impl Stage for Related {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        for (id, _) in doc.detectors("list").filter(|_| doc.has_cues()) {
            if !doc.has_body() {
                continue;
            }
            let heading =
                |hit: &Hit| hit.role == Role::Line && doc.rule(hit.rule).id.ends_with("/heading");
            let lines: Vec<_> = doc.lines().filter(|line| !line.is_blank()).collect();
            let body = lines.iter().filter(|line| line.is_body()).count();
            let mut above = 0;
            for (at, line) in lines.iter().enumerate() {
                above += usize::from(line.is_body());
                if above * 2 > body && line.cues().any(heading) && is_list(&lines[at + 1..]) {
                    lines[at..].iter().for_each(|line| marks.remove(line.span(), id));
                    break;
                }
            }
        }
    }
}

/// Whether lines are titles and teasers: at most half of them sentences, none long, no two in a
/// row that are whole.
fn is_list(lines: &[Line<'_, '_>]) -> bool {
    let sentences = lines.iter().filter(|line| line.is_body()).count();
    let long = |line: &Line<'_, '_>| {
        line.is_body() && line.words() > TEASER_WORDS && !breaks_off(line.text())
    };
    let prose =
        |pair: &[Line<'_, '_>]| pair.iter().all(|line| line.is_body() && !breaks_off(line.text()));
    sentences * 2 <= lines.len() && !lines.iter().any(long) && !lines.windows(2).any(prose)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn lists_under_a_heading_go() {
        check(
            "related",
            "A title\n\n…\n\n⟦Related articles⟧\n⟦Seven killed in clash⟧\n⟦Talks to resume⟧\n",
        );
        check("related", "A title\n\n…\n\n⟦Zum selben Thema⟧\n⟦EU fordert Verzicht⟧\n");
        check("related", "A title\n\n…\n\nThe two countries\nSeven killed in clash\n");
    }

    #[test]
    fn titles_may_have_teasers() {
        check(
            "related",
            "A title\n\n…\n…\n…\n\n⟦Weitere Themen⟧\n⟦Milch gegen Mehltau⟧\n⟦Ein weißer Belag auf den Blättern ist ein Zeichen für Pilzbefall.⟧\n⟦Topmeldungen⟧\n⟦Gespräche gehen weiter⟧\n",
        );
    }

    #[test]
    fn sentences_of_an_article_refute_the_heading() {
        check("related", "A title\n\n…\n\nRelated articles\n\n…\n");
        check(
            "related",
            "A title\n\n…\n…\n…\n…\n…\n\nLatest news\n\nA line\n\n…\n…\n\nA line\n\nA line\n",
        );
    }

    #[test]
    fn single_links_go() {
        check("related", "A title\n\n…\n\n⟦Lesen Sie auch: Gespräche gehen weiter⟧\n\n…\n");
        check(
            "related",
            "A title\n\n…\n\nRead also the small print, the minister told the reporters in the room.\n\n…\n",
        );
    }
}
