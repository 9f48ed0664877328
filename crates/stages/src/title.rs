//! The title: the line above the article that shares most words with it (see
//! [`Document::title`]). Its text becomes a field, and it stays.
//!
//! Some pages print the title twice, first followed by the name of the site. The first copy is removed.

use chaffinch_stage::script::evenly_spaced;
use chaffinch_stage::{Document, Marks, Stage};

/// The most words that a site's name has.
const NAME_WORDS: usize = 6;

/// Takes the title as a field, and marks a copy of it that ends in the site's name.
pub struct Title;

impl Stage for Title {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        let mut head = doc.head().filter(|line| !line.is_blank());
        if let (Some(first), Some(second)) = (head.next(), head.next())
            && !first.is_body()
        {
            for (id, _) in doc.detectors("suffixed-copy") {
                // Most titles have no such copy, and that is quickly seen.
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

/// The byte that the key of a text begins with, where that is plain.
fn first_byte(text: &str) -> Option<u8> {
    match text.trim_start().as_bytes() {
        // A mark behind it would change it.
        [first, next, ..] if first.is_ascii_graphic() && next.is_ascii() => Some(*first),
        _ => None,
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
        check("title", " ⟦Talks to go on · Example⟧\nTalks to go on\n\n…\n");
        check("title", "⟦État des lieux | Example⟧\nE\u{301}tat des lieux\n\n…\n");
        check("title", "Talks to go on - minister\n\nTalks are hard\n\n…\n");
    }
}
