//! Frames: the start and the end that lines have in common around a value that changes.

use chaffinch_core::stage::script;

use crate::page::Row;
use crate::rules::RowsByStory;

/// The start and the end of lines around a changing value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Frame {
    pub(crate) start: String,
    pub(crate) end: String,
}

/// Words that stand before a name.
const LEADS: &[&str] =
    &["By ", "BY ", "Von ", "Par ", "Por ", "Di ", "Door ", "Autor: ", "Автор: "];

impl Frame {
    /// The frames that a line fits: up to eight words of its start, up to six of its end.
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

    /// Whether it tells that a line like `row` is the outlet's: long lines and sentences need words
    /// at both ends, and sentences many.
    pub(crate) fn is_telling_of(&self, row: &Row) -> bool {
        let (start, end) = (script::words(&self.start), script::words(&self.end));
        let both = start >= 2 && end >= 2;
        match (row.body, row.words) {
            (true, _) => both && start + end >= 8,
            (false, 15..) => both && start + end >= 4 && row.words <= 45,
            // Titles begin alike by chance; nothing else in the head does without a mark.
            _ if row.in_head => self.is_telling() && (self.is_marked() || self.is_two_sided()),
            _ => self.is_telling(),
        }
    }

    /// Whether it has two words or more at both ends: no two titles do.
    pub(crate) fn is_two_sided(&self) -> bool {
        script::words(&self.start) >= 2 && script::words(&self.end) >= 2
    }

    /// In how many stories it must stand: in two, if it says much.
    pub(crate) fn needs(&self) -> usize {
        match script::words(&self.start) + script::words(&self.end) {
            0..=3 => usize::MAX,
            _ => 2,
        }
    }

    /// Whether it says enough: a mark beside the value, or three words, or a word before names.
    fn is_telling(&self) -> bool {
        let words = script::words(&self.start) + script::words(&self.end);
        self.is_marked() && self.len() >= 4 && words >= 1 || words >= 3
    }

    /// Whether a mark stands between it and the value, or the value is a name.
    fn is_marked(&self) -> bool {
        let before = self.start.trim_end().ends_with([':', '|', '/', '>', '»', '›', '—']);
        let after = self.end.trim_start().starts_with(['|', '/', '—', '(']);
        before || after || LEADS.contains(&&*self.start)
    }

    /// The field that stands in the frame, by its words and by what stands in it.
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

/// Where the first words of a key end, the space behind them included.
fn word_ends(key: &str, most: usize) -> Vec<usize> {
    key.match_indices(' ').map(|(at, space)| at + space.len()).take(most).collect()
}

/// Where the last words of a key begin, the space before them included.
fn word_starts(key: &str, most: usize) -> Vec<usize> {
    key.rmatch_indices(' ').map(|(at, _)| at).take(most).collect()
}
