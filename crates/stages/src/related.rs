//! Related: links to other articles, by themselves ("Read also: …") or as a list under a heading.
//!
//! A list runs from its heading to the end of the document. It goes only if nothing in it is a
//! sentence of an article: what a heading says of the text below it, a body line refutes.

use chaffinch_stage::{Document, Marks, Role, Stage};

/// Marks links to other articles.
pub struct Related;

impl Stage for Related {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        for (id, rule) in doc.detectors("list") {
            let tail: Vec<_> = doc.tail().filter(|line| !line.is_blank()).collect();
            let is_heading = |at: &usize| {
                let line = &tail[*at];
                let cue = |rule: &str| rule.contains("heading");
                line.allows(rule)
                    && line.cues().any(|hit| hit.role == Role::Line && cue(&doc.rule(hit.rule).id))
            };
            let Some(first) = (0..tail.len()).find(is_heading) else { continue };
            // Below the heading, a body line may only be a teaser: none is taken for one.
            if tail[first..].iter().all(|line| !line.is_body()) {
                tail[first..].iter().for_each(|line| marks.remove(line.span(), id));
            }
        }
    }
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
    fn a_body_line_refutes_the_heading() {
        check("related", "A title\n\n…\n\nRelated articles\n\n…\n");
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
