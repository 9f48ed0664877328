//! Stages that only mark the hits of their rules: comments, mirror addresses, site footers.

use chaffinch_stage::{Document, Marks, Stage};

/// Marks the hits of its rules that are in place.
pub struct Hits;

impl Stage for Hits {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn promotion_needs_cue_and_place() {
        check("promo", "…\n\n⟦Sign up for our newsletter⟧\n");
        check(
            "promo",
            "…\n\nThe sign-up for the talks begins on Monday, she said on state radio.\n",
        );
        check("promo", "…\n⟦WERBUNG⟧\n…\n");
        check("promo", "…\n\nWerbung für den Frieden\n\n…\n");
    }

    #[test]
    fn comment_prompts_are_removed() {
        check("comments", "…\n\n⟦Leave a Reply⟧\n⟦Your email address will not be published.⟧\n");
        check("comments", "…\n\nThe ministry declined to comment.\n");
    }

    #[test]
    fn mirror_notices_are_removed_with_their_addresses() {
        check(
            "mirror-urls",
            "…\n\n⟦Our website can also be accessed at the following alternate addresses:⟧\n\n⟦www.example.co.uk⟧\n⟦www.example.tv⟧\n",
        );
        check("mirror-urls", "…\n\nHe said the site www.example.com was down.\n");
        check("mirror-urls", "…\n…\n…\n\nwww.example.com\n\n…\n…\n…\n");
    }

    #[test]
    fn footers_are_removed_in_any_script() {
        check("site-footer", "…\n\n⟦© 2017 Example News. All rights reserved.⟧\n");
        check("site-footer", "…\n\n⟦تمامی حقوق این سایت محفوظ است⟧\n");
        check("site-footer", "…\n\n⟦版权所有 未经许可不得转载⟧\n");
        check(
            "site-footer",
            "…\n\nCopyright law was the main theme of the meeting, officials said after it.\n",
        );
    }
}
