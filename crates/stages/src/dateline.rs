//! Datelines: lines with the date and place of an article, its publication, or its reading time.
//!
//! A line of only a date, and perhaps a place, is removed if it lies above the first or below the
//! last body line. Further inside, it may be the heading of a section.

use chaffinch_stage::{Document, Marks, Stage, date};

/// Marks date lines.
pub struct Dateline;

impl Stage for Dateline {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        for (id, rule) in doc.detectors("date-line") {
            let outside = doc.lines().filter(|line| !line.is_blank() && line.is_outside_body());
            let numbered = outside.filter(|line| date::has_digit(line.text()));
            for line in numbered.filter(|line| line.has_at_most(12) && line.allows(rule)) {
                if let Some(found) = date::date_line(line.text()) {
                    let date = found.date.map(|date| ("date".to_owned(), date));
                    let place = found.place.map(|place| ("place".to_owned(), place));
                    marks.remove_with(line.span(), id, date.into_iter().chain(place).collect());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, fields};

    #[test]
    fn date_and_place_become_fields() {
        let found = fields("dateline", " date 2017-07-05 Tehran\n\n…\n");
        assert_eq!(found, ["date=2017-07-05", "place=Tehran"]);
    }

    #[test]
    fn dates_are_removed_only_outside_the_body() {
        check(
            "dateline",
            "A title\n⟦Veröffentlicht am 5. Juli 2017⟧\n\n…\n\n⟦Updated: 6 July 2017, 10:30 GMT⟧\n",
        );
        check("dateline", "A title\n\n…\n\n5 July 2017\n\n…\n");
        check("dateline", "A title\n⟦3 min read⟧\n\n…\n");
        check("dateline", "Elections of 5 July 2017\n\n…\n");
    }
}
