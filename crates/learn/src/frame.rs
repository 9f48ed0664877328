//! Frames: the start and the end that lines have in common around a changing value.

use chaffinch_core::stage::script;

use crate::page::{Row, RowsByStory};

/// The start and the end of lines around a changing value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Frame {
    pub(crate) start: String,
    pub(crate) end: String,
}

/// Words that precede a name.
const LEADS: &[&str] =
    &["By ", "BY ", "Von ", "Par ", "Por ", "Di ", "Door ", "Autor: ", "Автор: "];

impl Frame {
    /// The frames that a line fits: up to eight words of its start and up to six of its end.
    pub(crate) fn all(key: &str) -> Vec<Frame> {
        let starts = word_ends(key, 8);
        let ends = word_starts(key, 6);
        let mut frames = Vec::new();
        for &start in [0].iter().chain(&starts) {
            for &end in [key.len()].iter().chain(&ends) {
                if start < end
                    && (start > 0 || end < key.len())
                    && !key[start..end].trim().is_empty()
                {
                    frames
                        .push(Frame { start: key[..start].to_owned(), end: key[end..].to_owned() });
                }
            }
        }
        frames
    }

    pub(crate) fn len(&self) -> usize {
        self.start.len() + self.end.len()
    }

    /// Whether the frame shows that a line like `row` is boilerplate. Long lines and sentences need
    /// words at both ends, and sentences need many.
    pub(crate) fn fits_boilerplate(&self, row: &Row) -> bool {
        let (start, end) = (script::words(&self.start), script::words(&self.end));
        let both = start >= 2 && end >= 2;
        match (row.body, row.words) {
            (true, _) => both && start + end >= 8,
            (false, 15..) => both && start + end >= 4 && row.words <= 45,
            // Titles may begin alike by coincidence; other lines of the head need punctuation.
            _ if row.in_head => {
                self.is_distinctive() && (self.is_punctuated() || self.is_two_sided())
            }
            _ => self.is_distinctive(),
        }
    }

    /// Whether it has at least two words at both ends, which no two titles share by coincidence.
    pub(crate) fn is_two_sided(&self) -> bool {
        script::words(&self.start) >= 2 && script::words(&self.end) >= 2
    }

    /// The minimum number of stories: two, if it has enough words.
    pub(crate) fn needs(&self) -> usize {
        match script::words(&self.start) + script::words(&self.end) {
            0..=3 => usize::MAX,
            _ => 2,
        }
    }

    /// Whether it is distinctive: punctuation next to the value, three words, or a word before
    /// names.
    fn is_distinctive(&self) -> bool {
        let words = script::words(&self.start) + script::words(&self.end);
        self.is_punctuated() && self.len() >= 4 && words >= 1 || words >= 3
    }

    /// Whether punctuation separates it from the value, or the value is a name.
    fn is_punctuated(&self) -> bool {
        let before = self.start.trim_end().ends_with([':', '|', '/', '>', '»', '›', '—']);
        let after = self.end.trim_start().starts_with(['|', '/', '—', '(']);
        before || after || LEADS.contains(&&*self.start)
    }

    /// The field of the value, judged by the words of the frame and by the values.
    pub(crate) fn field(&self, rows: &RowsByStory<'_>) -> Option<&'static str> {
        let start = self.start.to_lowercase();
        let said = |words: &[&str]| words.iter().any(|word| start.contains(word));
        let values: Vec<&str> = rows
            .values()
            .flatten()
            .map(|(_, row)| row.key[self.start.len()..row.key.len() - self.end.len()].trim())
            .collect();
        let all = |test: &dyn Fn(&str) -> bool| values.iter().all(|value| test(value));
        let capital = |word: &str| word.starts_with(|c: char| c.is_uppercase());
        let name = |value: &str| {
            let words: Vec<&str> = value.split(' ').collect();
            (1..=6).contains(&words.len()) && capital(words[0]) && capital(words[words.len() - 1])
        };
        let label =
            |value: &str| script::words(value) <= 4 && !value.chars().any(|c| c.is_ascii_digit());
        let by = ["by ", "von ", "par ", "por ", "di ", "door ", "автор: ", "autor: "];
        let marked = self.start.trim_end().ends_with(['/', '>', '»', '›', '|']);
        if (by.iter().any(|by| start.ends_with(by)) || said(&["written by", "author"]))
            && all(&name)
        {
            Some("authors")
        } else if all(&|value| chaffinch_core::date::iso(value).is_some()) || said(DATES) {
            Some("date")
        } else if said(&["tags", "keywords", "topics", "schlagw"]) {
            Some("tags")
        } else if said(&["source", "quelle", "fuente"]) {
            Some("agency")
        } else if said(PLACES) && all(&name) {
            Some("place")
        } else if marked && all(&label) {
            Some("section")
        } else {
            None
        }
    }

    pub(crate) fn pattern(&self, field: Option<&str>) -> String {
        let slot = field.map_or_else(|| ".+".to_owned(), |field| format!("(?<{field}>.+)"));
        format!("{}{slot}{}", regex_syntax::escape(&self.start), regex_syntax::escape(&self.end))
    }
}

/// Words before a place.
const PLACES: &[&str] = &[
    "filed from",
    "reporting from",
    "location",
    "place",
    "ort:",
    "lieu:",
    "lugar:",
    "luogo:",
    "место:",
];

/// Words before a date.
const DATES: &[&str] =
    &["updated", "published", "date", "posted on", "aktualisiert", "veröffentlicht", "publié"];

pub(crate) fn stage_of(field: Option<&str>) -> &'static str {
    match field {
        Some("authors" | "agency") => "credits",
        Some("date" | "place") => "dateline",
        Some("tags") => "tags",
        Some("section") => "navigation",
        _ => "site-footer",
    }
}

/// The offsets after the first words of a key and the space that follows each.
fn word_ends(key: &str, most: usize) -> Vec<usize> {
    key.match_indices(' ').map(|(at, space)| at + space.len()).take(most).collect()
}

/// The offsets of the last words of a key, including the space before each.
fn word_starts(key: &str, most: usize) -> Vec<usize> {
    key.rmatch_indices(' ').map(|(at, _)| at).take(most).collect()
}
