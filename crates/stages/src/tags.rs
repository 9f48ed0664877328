//! Tag lines: the terms under which an article is filed.
//!
//! A labelled tag line ("Tags: …") is matched by a rule. For unlabelled ones, an outlet's rule file
//! can enable a detector. It removes the last line if it is isolated, short and not a sentence, and
//! if about half of its words occur in the body.

use std::collections::HashSet;

use chaffinch_stage::script::evenly_spaced;
use chaffinch_stage::{Document, Marks, Stage, script};

/// The maximum number of words in a tag line without a label.
const MOST_WORDS: usize = 12;

/// Marks tag lines.
pub struct Tags;

impl Stage for Tags {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        for (id, rule) in doc.detectors("tag-line") {
            let Some(last) = doc.lines().rfind(|line| !line.is_blank()) else { continue };
            let short = last.has_at_most(MOST_WORDS) && !last.has_at_most(0);
            let isolated = last.after_blank() && !script::ends_sentence(last.text());
            if last.allows(rule) && short && isolated && half_in_body(doc, &last.key()) {
                let fields = vec![("tags".to_owned(), evenly_spaced(last.text()))];
                marks.remove_with(last.span(), id, fields);
            }
        }
    }
}

/// The words of a text that have at least three letters.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= 3)
        .map(str::to_lowercase)
}

fn half_in_body(doc: &Document<'_>, terms: &str) -> bool {
    let body: HashSet<String> =
        doc.body_lines().flat_map(|line| words(&line.key()).collect::<Vec<_>>()).collect();
    let terms: Vec<String> = words(terms).collect();
    let found = terms.iter().filter(|word| body.contains(*word)).count();
    !terms.is_empty() && found * 2 >= terms.len()
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, fields};

    #[test]
    fn labelled_tags_become_a_list() {
        let doc = "A title\n\n…\n\nTags: Iran, Syria, peace talks\n";
        assert_eq!(fields("tags", doc), ["tags=Iran", "tags=Syria", "tags=peace talks"]);
        check("tags", "A title\n\n…\n\n⟦Метки: Иран, Сирия⟧\n");
    }

    #[test]
    fn lines_without_a_label_are_kept() {
        check("tags", "A title\n\n…\n\nISIS Ali Shamkhani Daesh Iran cooperation\n");
    }
}
