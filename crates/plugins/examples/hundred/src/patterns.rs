//! A hundred patterns, tried one after another on each line.

use regex::Regex;

pub(crate) struct Patterns(Vec<Regex>);

impl Patterns {
    pub(crate) fn new() -> Patterns {
        let starts = [
            "share", "follow", "read", "photo", "source", "click", "tags", "more", "print", "join",
        ];
        let ends = [
            "this",
            "us on",
            "also:",
            "by .*",
            "from .*",
            "here",
            "[a-z]+, [a-z]+",
            "now",
            "more.*",
            "all",
        ];
        let pattern =
            |start: &str, end: &str| Regex::new(&format!("(?i){start} +{end} *$")).unwrap();
        Patterns(starts.iter().flat_map(|start| ends.map(|end| pattern(start, end))).collect())
    }

    pub(crate) fn is_match(&self, line: &str) -> bool {
        self.0.iter().any(|pattern| pattern.is_match(line))
    }
}
