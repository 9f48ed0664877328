//! Debris: lines of only pipes, bullets and rules, left over from icons and empty table cells.
//!
//! They are removed only at the edges. Inside the body, a row of asterisks or a rule separates
//! sections.

use chaffinch_stage::{Document, Line, Marks, Stage, script};

/// Marks lines of separators at the edges.
pub struct Debris;

impl Stage for Debris {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        for (id, rule) in doc.detectors("separators") {
            let outside = |line: &Line<'_, '_>| line.is_outside_body() || !doc.has_body();
            let debris = |line: &Line<'_, '_>| line.text().chars().all(is_debris);
            for line in doc.lines().filter(|line| !line.is_blank() && debris(line)) {
                if outside(&line) && line.allows(rule) {
                    marks.remove(line.span(), id);
                }
            }
        }
    }
}

fn is_debris(c: char) -> bool {
    !c.is_ascii_alphanumeric()
        && (script::is_space(c) || "|¦•·▪■□●○◦◆◇►▶▼▲◄‹›«»<>/\\-–—_=~*#+×✕".contains(c))
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn separators_are_removed_only_at_the_edges() {
        check(
            "debris",
            "⟦|\u{a0}\u{a0}|\u{a0}⟧\n\nA title\n\n…\n…\n…\n\n* * *\n\n…\n…\n…\n\n⟦———⟧\n",
        );
        check("debris", "A title\n\n…\n\n| a | b |\n1 / 2\n…\n");
    }

    #[test]
    fn brackets_that_belong_to_the_text_are_kept() {
        check("debris", "A title\n⟦[+]⟧\n\n…\n\n[ways]\n…\n");
    }
}
