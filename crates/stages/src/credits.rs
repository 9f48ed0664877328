//! Credits: agency lines, bylines, and the outlet's name in front of the first sentence.

use chaffinch_stage::{Document, Marks, Stage};

/// Marks credits.
pub struct Credits;

impl Stage for Credits {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, fields};

    #[test]
    fn agencies_become_fields() {
        let doc = "A title\n\n…\n\nSource: Islamic Republic News Agency - IRNA\n";
        assert_eq!(fields("credits", doc), ["agency=Islamic Republic News Agency - IRNA"]);
        assert_eq!(
            fields("credits", "A title\n\n… \n\nIt ends on Wednesday.—Agencies"),
            ["agency=Agencies"]
        );
    }

    #[test]
    fn agency_lines_are_removed_in_any_script() {
        check("credits", "A title\n\n…\n\n⟦Quelle: dpa⟧\n");
        check("credits", "عنوان\n\n…\n\n⟦المصدر: وكالات⟧\n");
        check("credits", "标题\n\n…\n\n⟦来源：新华社⟧\n");
    }

    #[test]
    fn sources_of_the_story_are_kept() {
        check("credits", "A title\n\n…\n\nSource close to the talks says no deal is in sight\n");
        check("credits", "A title\n\nThe army said so on Tuesday, PressTV reported.\n\n…\n");
        check("credits", "A title\n\n…\n\nBy Tuesday the town had fallen\n");
    }
}
