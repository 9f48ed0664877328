//! Drafts: the proposed rules of an outlet before they are written as a rule file.

use std::collections::BTreeSet;

use crate::layout::Era;

/// A draft of a rule.
#[derive(Clone, Debug)]
pub(crate) struct DraftRule {
    pub(crate) id: String,
    pub(crate) stage: String,
    pub(crate) place: &'static str,
    pub(crate) at: Option<usize>,
    pub(crate) pattern: DraftPattern,
    pub(crate) max_words: Option<usize>,
    pub(crate) max_lines: Option<usize>,
    /// Whether no line of it is a sentence, so that it is no part of a story.
    pub(crate) safe: bool,
    pub(crate) removes: Vec<String>,
    pub(crate) keeps: Vec<String>,
    /// The number of training stories in which it was seen.
    pub(crate) seen: usize,
    /// Texts at an end of its lines that may identify the outlet.
    pub(crate) literals: Vec<String>,
    /// Whether it is a frame with words at both ends.
    pub(crate) two_sided: bool,
    /// The number of training stories of its layout.
    pub(crate) training_stories: usize,
    /// The dates between which its layout is in use.
    pub(crate) era: Era,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DraftPattern {
    Text(Vec<String>),
    Line(Vec<String>),
    /// From one line through another.
    Block(String, String),
    Start(String),
    End(String),
}

/// A draft of a rule file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) rules: Vec<DraftRule>,
    pub(crate) hosts: Vec<String>,
    pub(crate) paths: Vec<String>,
    pub(crate) signs: Vec<String>,
    pub(crate) training_stories: usize,
}

impl DraftRule {
    /// Removes one line from a rule of exact lines. Returns false if the rule does not have it or
    /// has no other.
    pub(crate) fn drop_text(&mut self, text: &str) -> bool {
        match &mut self.pattern {
            DraftPattern::Text(texts) if texts.len() > 1 => {
                let before = texts.len();
                texts.retain(|known| known != text);
                texts.len() < before
            }
            _ => false,
        }
    }
}

impl Draft {
    /// Adds the draft of another layout.
    pub(crate) fn add(&mut self, other: Draft, era: &Era) {
        for mut rule in other.rules {
            let is_same = |known: &&mut DraftRule| {
                known.pattern == rule.pattern
                    && (&known.stage, known.place, known.at) == (&rule.stage, rule.place, rule.at)
            };
            if let Some(known) = self.rules.iter_mut().find(is_same) {
                // It applies to both layouts.
                known.era = Era::default();
                known.seen += rule.seen;
                known.training_stories += rule.training_stories;
                continue;
            }
            let ids = self.rules.iter().map(|rule| rule.id.clone()).collect();
            rule.id = free_id(&rule.id, &ids);
            rule.era = era.clone();
            self.rules.push(rule);
        }
        self.training_stories += other.training_stories;
    }

    /// This draft with only one rule.
    pub(crate) fn with(&self, rule: &DraftRule) -> Draft {
        Draft { rules: vec![rule.clone()], ..self.clone() }
    }
}

/// `id`, or `id` with a number, that is not taken.
pub(crate) fn free_id(id: &str, taken: &BTreeSet<String>) -> String {
    let base = id.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    let numbered = (2..).map(|n| format!("{base}-{n}"));
    let mut free = std::iter::once(id.to_owned()).chain(numbered);
    free.find(|id| !taken.contains(id)).unwrap_or_default()
}
