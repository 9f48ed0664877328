//! Promotion: newsletters, advertisements, paywalls, donations, tip lines.
//!
//! Single words such as "Advertising" mark advertisements, but an article about advertising may use
//! them as headings. Such a line inside the body is kept if the title contains its words.

use chaffinch_stage::{Document, Line, Marks, Stage};

/// The maximum number of words in a line that may be a heading.
const HEADING_WORDS: usize = 2;

/// Marks promotion.
pub struct Promo;

impl Stage for Promo {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        let mut own = Marks::new();
        own.mark_hits(doc);
        let mut title = None;
        for mark in own.into_vec() {
            let line = doc.line(doc.line_at(mark.span.start()));
            let short = !line.is_outside_body() && line.has_at_most(HEADING_WORDS);
            if short && names(title.get_or_insert_with(|| title_of(doc)), &line) {
                continue;
            }
            marks.push(mark);
        }
    }
}

/// The title in lower case, empty if there is none.
fn title_of(doc: &Document<'_>) -> String {
    let first = doc.lines().find(|line| !line.is_blank()).filter(|line| !line.is_body());
    first.map(|line| line.key().to_lowercase()).unwrap_or_default()
}

/// Whether the title contains the words of a line.
fn names(title: &str, line: &Line<'_, '_>) -> bool {
    let key = line.key().to_lowercase();
    let words = key.trim_matches(|c: char| !c.is_alphanumeric());
    !words.is_empty() && title.contains(words)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn advertisement_markers_are_removed() {
        check("promo", "A title\n\n…\n⟦Publicidade⟧\n…\n\n⟦ANZEIGE⟧\n\n…\n");
    }

    #[test]
    fn headings_about_advertising_are_kept() {
        check("promo", "Publicidade infantil volta ao debate\n\n…\nPublicidade\n…\n");
    }

    #[test]
    fn notices_that_address_the_reader_are_removed() {
        check(
            "promo",
            "A title\n\n…\n⟦Sign up for our newsletter and we will send you the best stories.⟧\n…\n",
        );
        check(
            "promo",
            "A title\n\n…\nSign up for our newsletter, the sign in the window of the shop said in red.\n…\n",
        );
    }
}
