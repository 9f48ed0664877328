//! Checks of the marks that stages in other languages return: plugins, and functions written in Python. A
//! stage with a mark that does not pass fails in the document.

use chaffinch_stage::Span;

/// Sorts the spans of removals and replacements, and returns the first two that overlap.
pub fn overlap(cuts: &mut [Span]) -> Option<(Span, Span)> {
    cuts.sort_unstable_by_key(|span| (span.start(), span.end()));
    let overlaps = |pair: &&[Span]| pair[0].end() > pair[1].start();
    cuts.windows(2).find(overlaps).map(|pair| (pair[0], pair[1]))
}

/// Whether `name` can be the name of a field: it consists of a-z, 0-9 and `_`.
pub fn is_field_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !name.is_empty() && name.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_cuts_are_found() {
        let overlap = |spans: &[(usize, usize)]| {
            let mut cuts: Vec<Span> =
                spans.iter().map(|(from, to)| Span::new(*from, *to)).collect();
            overlap(&mut cuts).map(|(one, two)| (one.range(), two.range()))
        };
        assert_eq!(overlap(&[(4, 6), (0, 2), (2, 4)]), None);
        assert_eq!(overlap(&[(4, 6), (0, 5)]), Some((0..5, 4..6)));
        assert_eq!(overlap(&[(0, 2), (0, 2)]), Some((0..2, 0..2)));
    }

    #[test]
    fn names_of_fields_are_checked() {
        assert!(is_field_name("page_2"));
        assert!(["", "Page", "page 2", "page-2", "é"].iter().all(|name| !is_field_name(name)));
    }
}
