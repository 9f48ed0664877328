//! Share buttons: prompts to share an article, such as "SHARE THIS ARTICLE".
//!
//! A prompt of several words is removed wherever it has its own line, a single word such as "Share"
//! only at an edge. The name of a network ("Facebook") is removed only next to another such line,
//! because a lone name may be a heading or a company.

use chaffinch_stage::{Document, Line, Marks, Stage};

use crate::run::runs;

/// Marks the share buttons around an article.
pub struct ShareButtons;

impl Stage for ShareButtons {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        for (id, rule) in doc.detectors("button-row").filter(|_| doc.has_cues()) {
            let button = |line: &Line<'_, '_>| line.allows(rule) && line.cues().next().is_some();
            for run in runs(doc, 2, button) {
                run.iter().for_each(|line| marks.remove(line.span(), id));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn prompts_on_their_own_line_are_removed() {
        check(
            "share-buttons",
            "A title\n\n…\n\nSHARE THIS ARTICLE read the sign on the door of the paper.\n\n…\n",
        );
        check("share-buttons", "A title\n\n…\n…\n…\n\nShare\n\n…\n…\n…\n");
        check("share-buttons", "A title\n\n…\n\n⟦SHARE THIS ARTICLE⟧\n");
        check("share-buttons", "A title\n\n…\n…\n…\n\n⟦SHARE THIS ARTICLE⟧\n\n…\n…\n…\n");
        check(
            "share-buttons",
            "A title\n⟦Artikel teilen⟧\n\n…\n\n⟦Поделиться⟧\n⟦分享到⟧\n⟦شارك المقال⟧\n",
        );
    }

    #[test]
    fn network_names_are_removed_only_in_rows() {
        check("share-buttons", "A title\n\n…\n\n⟦Facebook⟧\n⟦Twitter⟧\n\n⟦WhatsApp⟧\n");
        check("share-buttons", "Facebook\n\n…\n\nTwitter\n\n…\n");
    }
}
