//! The title: the line above the article that shares the most words with it (see
//! [`Document::title`]). It is kept and recorded as a field.
//!
//! Some pages print the title twice, first with the site's name appended. The first copy is
//! removed.

use chaffinch_stage::script::evenly_spaced;
use chaffinch_stage::{Document, Marks, Stage};

/// The maximum number of words in a site's name.
const NAME_WORDS: usize = 6;

/// Records the title, and marks a copy of it with the site's name appended.
pub struct Title;

impl Stage for Title {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        let mut head = doc.head().filter(|line| !line.is_blank());
        if let (Some(first), Some(second)) = (head.next(), head.next())
            && !first.is_body()
        {
            for (id, _) in doc.detectors("suffixed-copy") {
                // Cheap test first, because most titles have no such copy.
                let begin = first_byte(first.text()).zip(first_byte(second.text()));
                let alike = begin.is_none_or(|(one, other)| one == other);
                if alike && carries_name(&first.key(), &second.key()) {
                    marks.remove(first.span(), id);
                }
            }
        }
        for (id, _) in doc.detectors("title") {
            if let Some(line) = doc.title() {
                let title = evenly_spaced(line.text());
                marks.note(line.span(), id, vec![("title".to_owned(), title)]);
            }
        }
    }
}

/// The first byte of the text's key, if it can be read off the text.
fn first_byte(text: &str) -> Option<u8> {
    match text.trim_start().as_bytes() {
        // A combining mark after it would change it.
        [first, next, ..] if first.is_ascii_graphic() && next.is_ascii() => Some(*first),
        _ => None,
    }
}

/// Whether `line` consists of `title`, a separator and a name.
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
    fn a_copy_with_the_name_of_the_site_is_removed() {
        check("title", "⟦Talks to go on – Example News⟧\nTalks to go on\n\n…\n");
        check("title", " ⟦Talks to go on · Example⟧\nTalks to go on\n\n…\n");
        check("title", "⟦État des lieux | Example⟧\nE\u{301}tat des lieux\n\n…\n");
        check("title", "Talks to go on - minister\n\nTalks are hard\n\n…\n");
    }
}
