//! A draft as YAML, with what a person should know beside each rule.

use std::collections::BTreeMap;
use std::fmt::Write;

use chaffinch_core::rules::edit::{double, quote};

use crate::rules::{Draft, DraftPattern, DraftRule};

/// The most lines of a width that stay in one list on one line.
const WIDTH: usize = 92;

/// The line that editors find the schema by.
const MODELINE: &str = "# yaml-language-server: $schema=rule-file.schema.json";

/// What is known of how rules fare, for the comments beside them.
pub(crate) struct Told<'a> {
    /// The stories that taught.
    pub(crate) stories: usize,
    /// The documents held out.
    pub(crate) tests: usize,
    /// In how many of those each rule fired, by id.
    pub(crate) fired: &'a BTreeMap<String, usize>,
    /// What a person should know, for the top of the file.
    pub(crate) notes: &'a [String],
}

impl Told<'_> {
    /// In how many of how many documents held out a rule fired; none if none was.
    pub(crate) fn fired_of(&self, rule: &DraftRule) -> Option<(usize, usize)> {
        let fired = self.fired.get(&rule.id).copied().unwrap_or(0);
        (self.tests > 0).then_some((fired, self.tests))
    }
}

/// A whole rule file.
pub(crate) fn file(
    name: &str,
    draft: &Draft,
    told: &Told<'_>,
    examples: &[(String, String)],
) -> String {
    let mut out = format!("{MODELINE}\n");
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!(
        "# Proposed from {} stories by `chaffinch outlet new`. Read it before you trust it.",
        told.stories
    ));
    if told.tests > 0 {
        line(format!(
            "# {} documents were held out; beside each rule stands in how many of them it fired.",
            told.tests
        ));
    }
    line("# A rule under a `learned:` line is kept up to date by `chaffinch outlet update`, until it is".into());
    line("# edited by hand: then it is yours.".into());
    told.notes.iter().for_each(|note| line(format!("# Note: {note}")));
    line(format!("outlet: {name}"));
    recognise(draft, &mut line);
    line("rules:".into());
    for rule in &draft.rules {
        line(String::new());
        line(learned(rule, told.fired_of(rule)));
    }
    if !examples.is_empty() {
        line(String::new());
        line("examples:".into());
    }
    for (text, clean) in examples {
        line(format!("  - text: {}", double(text)));
        line(format!("    clean: {}", double(clean)));
    }
    out
}

/// A draft as the shortest file that can be tried.
pub(crate) fn bare(name: &str, draft: &Draft) -> String {
    let mut out = format!("outlet: {name}\n");
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    recognise(draft, &mut line);
    line("rules:".into());
    draft.rules.iter().for_each(|rule| line(block(rule)));
    out
}

fn recognise(draft: &Draft, line: &mut dyn FnMut(String)) {
    if draft.hosts.is_empty() && draft.paths.is_empty() && draft.signs.is_empty() {
        return;
    }
    line("recognise:".into());
    if !draft.hosts.is_empty() {
        line(format!("  hosts: [{}]", draft.hosts.join(", ")));
    }
    if !draft.paths.is_empty() {
        list("  paths", &draft.paths, line);
    }
    if !draft.signs.is_empty() {
        list("  signs", &draft.signs, line);
    }
}

/// What marks a rule as learned: how it fared, and the digest that tells whether it was edited.
pub(crate) const LEARNED: &str = "  # learned: ";

/// A rule with the comment that marks it as learned.
pub(crate) fn learned(rule: &DraftRule, fired: Option<(usize, usize)>) -> String {
    let mut comment = format!("seen in {} of {} stories", rule.seen, rule.lessons);
    if let Some((count, tests)) = fired {
        let _ = write!(comment, "; fired in {count} of {tests} held out");
        if count == 0 {
            comment.push_str(": uncertain");
        }
    }
    let block = block(rule);
    format!("{LEARNED}{comment} [{}]\n{block}", digest(&block))
}

/// Tells whether a rule is as it was learned.
pub(crate) fn digest(block: &str) -> String {
    format!("{:08x}", xxhash_rust::xxh3::xxh3_64(block.trim_end().as_bytes()) >> 32)
}

/// A rule, without the last line end.
fn block(rule: &DraftRule) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("  - id: {}", rule.id));
    line(format!("    stage: {}", rule.stage));
    if !rule.place.is_empty() {
        line(format!("    where: {}", rule.place));
    }
    if let Some(at) = rule.at {
        line(format!("    at: {at}"));
    }
    if let Some(since) = &rule.era.since {
        line(format!("    since: {since}"));
    }
    if let Some(until) = &rule.era.until {
        line(format!("    until: {until}"));
    }
    match &rule.pattern {
        DraftPattern::Text(texts) => list("    text", texts, &mut line),
        DraftPattern::Line(patterns) => list("    line", patterns, &mut line),
        DraftPattern::Block(first, last) => {
            line(format!("    from: {}", quote(first)));
            line(format!("    through: {}", quote(last)));
        }
        DraftPattern::Start(pattern) => line(format!("    start: {}", quote(pattern))),
        DraftPattern::End(pattern) => line(format!("    end: {}", quote(pattern))),
    }
    if let Some(words) = rule.max_words {
        line(format!("    max_words: {words}"));
    }
    if let Some(lines) = rule.max_lines {
        line(format!("    max_lines: {lines}"));
    }
    if rule.safe {
        line("    safe: true".into());
    }
    if !rule.removes.is_empty() {
        list("    removes", &rule.removes, &mut line);
    }
    list("    keeps", &rule.keeps, &mut line);
    out.trim_end().to_owned()
}

fn list(key: &str, items: &[String], line: &mut dyn FnMut(String)) {
    let indent = key.len() - key.trim_start().len();
    let quoted: Vec<String> = items.iter().map(|item| quote(item)).collect();
    if let [one] = quoted.as_slice() {
        line(format!("{key}: {one}"));
        return;
    }
    let flat = quoted.join(", ");
    if flat.chars().count() + key.len() <= WIDTH {
        line(format!("{key}: [{flat}]"));
        return;
    }
    line(format!("{key}:"));
    for item in quoted {
        line(format!("{}  - {item}", " ".repeat(indent)));
    }
}
