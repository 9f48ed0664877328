//! The title: the first line that is left of the head. It is noted and stays.
//!
//! Pages print it twice, first with the site's name behind it; then the first one goes, since the
//! second says the same.

use crate::run::plain;
use chaffinch_stage::{Document, Marks, Stage};

/// The most words that a site's name has.
const NAME_WORDS: usize = 6;

/// Notes the title, and marks a copy of it that carries the site's name.
pub struct Title;

/// What stands between a title and the name of its site, and all that keys write as it.
const SEPARATORS: [char; 11] =
    ['|', '-', '—', '·', '»', '›', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2015}'];

impl Stage for Title {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        let mut head = doc.head().filter(|line| !line.is_blank());
        let (Some(first), second) = (head.next(), head.next()) else { return };
        if first.is_body() || !first.text().chars().any(char::is_alphabetic) {
            return;
        }
        if let Some(second) = second.filter(|_| first.text().contains(SEPARATORS)) {
            for (id, _) in doc.detectors("suffixed-copy") {
                if carries_name(&first.key(), &second.key()) {
                    marks.remove(first.span(), id);
                }
            }
        }
        for (id, _) in doc.detectors("title") {
            let title = plain(first.text());
            marks.note(first.span(), id, vec![("title".to_owned(), title)]);
        }
    }
}

/// Whether `line` is `title`, a separator and a name.
fn carries_name(line: &str, title: &str) -> bool {
    let Some(rest) = line.strip_prefix(title) else { return false };
    let Some(name) = rest.trim_start().strip_prefix(['|', '-', '—', '·', '»', '›']) else {
        return false;
    };
    (1..=NAME_WORDS).contains(&chaffinch_stage::script::words(name))
        && chaffinch_stage::script::words(title) >= 3
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, fields};

    #[test]
    fn the_first_line_of_the_head_is_the_title() {
        assert_eq!(fields("title", "Talks to  go on\n\nA kicker\n\n…\n"), ["title=Talks to go on"]);
        assert_eq!(fields("title", "…\n\nNo title above\n"), [""; 0]);
    }

    #[test]
    fn a_copy_with_the_name_of_the_site_goes() {
        check("title", "⟦Talks to go on – Example News⟧\nTalks to go on\n\n…\n");
        check("title", "Talks to go on - minister\n\nTalks are hard\n\n…\n");
    }
}
