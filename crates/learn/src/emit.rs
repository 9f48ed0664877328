//! A draft as YAML, with what a person should know beside each rule.

use std::collections::BTreeMap;
use std::fmt::Write;

use chaffinch_core::rules::edit::{double, quote};

use crate::rules::{Draft, DraftPattern};

/// The most lines of a width that stay in one list on one line.
const WIDTH: usize = 92;

pub(crate) fn file(
    name: &str,
    draft: &Draft,
    stories: usize,
    tests: usize,
    fired: &BTreeMap<String, usize>,
    example: Option<&(String, String)>,
) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    if stories > 0 {
        line(format!(
            "# Proposed from {stories} stories by `chaffinch outlet new`. Read it before you trust it."
        ));
        if tests > 0 {
            line(format!(
                "# {tests} documents were held out; beside each rule stands in how many of them it fired."
            ));
        }
    }
    line(format!("outlet: {name}"));
    if !draft.hosts.is_empty() || !draft.signs.is_empty() {
        line("recognise:".into());
        if !draft.hosts.is_empty() {
            line(format!("  hosts: [{}]", draft.hosts.join(", ")));
        }
        if !draft.signs.is_empty() {
            list("  signs", &draft.signs, &mut line);
        }
    }
    line("rules:".into());
    for rule in &draft.rules {
        if stories > 0 {
            line(String::new());
            let mut told = format!("seen in {} of {} stories", rule.seen, draft.lessons);
            if tests > 0 {
                let count = fired.get(&rule.id).copied().unwrap_or(0);
                let _ = write!(told, "; fired in {count} of {tests} held out");
                if count == 0 {
                    told.push_str(": uncertain");
                }
            }
            line(format!("  # {told}"));
        }
        line(format!("  - id: {}", rule.id));
        line(format!("    stage: {}", rule.stage));
        if !rule.place.is_empty() {
            line(format!("    where: {}", rule.place));
        }
        if let Some(at) = rule.at {
            line(format!("    at: {at}"));
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
    }
    if let Some((text, clean)) = example {
        line(String::new());
        line("examples:".into());
        line(format!("  - text: {}", double(text)));
        line(format!("    clean: {}", double(clean)));
    }
    out
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
