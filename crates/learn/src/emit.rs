//! Writes a draft as a YAML rule file, with comments on how often each rule was seen.

use std::collections::BTreeMap;
use std::fmt::Write;

use chaffinch_core::rules::edit::{double, quote};

use crate::draft::{Draft, DraftPattern, DraftRule};

/// The maximum width of a list on one line, in characters.
const WIDTH: usize = 92;

/// The line by which editors find the schema.
const MODELINE: &str = "# yaml-language-server: $schema=rule-file.schema.json";

/// How often rules were seen, for the comments above them.
pub(crate) struct Evidence<'a> {
    /// The number of stories that the rules were learned from.
    pub(crate) stories: usize,
    /// The number of documents held out.
    pub(crate) tests: usize,
    /// The number of held-out documents in which each rule has a hit, by id.
    pub(crate) fired: &'a BTreeMap<String, usize>,
    /// Notes for the top of the file.
    pub(crate) notes: &'a [String],
}

impl Evidence<'_> {
    /// The number of held-out documents in which a rule has a hit, and the number of held-out
    /// documents. `None` if none are held out.
    pub(crate) fn fired_of(&self, rule: &DraftRule) -> Option<(usize, usize)> {
        let fired = self.fired.get(&rule.id).copied().unwrap_or(0);
        (self.tests > 0).then_some((fired, self.tests))
    }
}

/// A complete rule file.
pub(crate) fn file(
    name: &str,
    draft: &Draft,
    evidence: &Evidence<'_>,
    examples: &[(String, String)],
) -> String {
    let mut out = format!("{MODELINE}\n");
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!(
        "# Learned from {} stories by `chaffinch outlet new`. Review it before use.",
        evidence.stories
    ));
    if evidence.tests > 0 {
        let held_out = match evidence.tests {
            1 => "1 document was".to_owned(),
            tests => format!("{tests} documents were"),
        };
        line(format!(
            "# {held_out} held out. The comment on each rule says in how many of them it fired."
        ));
    }
    line("# `chaffinch outlet update` updates the rules below a `learned:` comment, except those that".into());
    line("# have been edited by hand.".into());
    evidence.notes.iter().for_each(|note| line(format!("# Note: {note}")));
    line(format!("outlet: {name}"));
    recognise(draft, &mut line);
    line("rules:".into());
    for rule in &draft.rules {
        line(String::new());
        line(learned(rule, evidence.fired_of(rule)));
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

/// The shortest file for trying a draft.
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

/// The beginning of the comment that marks a rule as learned. It ends with a digest that shows
/// whether the rule was edited.
pub(crate) const LEARNED: &str = "  # learned: ";

/// A rule with the comment that marks it as learned.
pub(crate) fn learned(rule: &DraftRule, fired: Option<(usize, usize)>) -> String {
    let mut comment = format!("seen in {} of {} stories", rule.seen, rule.training_stories);
    if let Some((count, tests)) = fired {
        let _ = write!(comment, "; fired in {count} of {tests} held out");
        if count == 0 {
            comment.push_str(": uncertain");
        }
    }
    let block = block(rule);
    format!("{LEARNED}{comment} [{}]\n{block}", digest(&block))
}

/// A digest of a rule's lines, which shows whether the rule was edited.
pub(crate) fn digest(block: &str) -> String {
    format!("{:08x}", xxhash_rust::xxh3::xxh3_64(block.trim_end().as_bytes()) >> 32)
}

/// The lines of a rule, without the last line ending.
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
