//! Why a line was judged as it was, in words. Computed only when asked for.
//!
//! The network is piecewise linear, so what a feature adds to a score is its gradient times its
//! contribution to the first layer. Contributions are relative to the average line of the training
//! pages, and are summed by group of features.

use std::cmp::Ordering;
use std::fmt;

use crate::cues::Kinds;
use crate::features::{FEATURES, Group, OFFSETS, PAGE_FEATURES};
use crate::model::Judgements;
use crate::network::CHANNELS;
use crate::scan::{End, Facts, Start};
use crate::text::{self, combine};
use crate::words::{FIRST, LAST, LINE, PAIR, key};

/// A reason for a judgement.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// What is said about the line.
    Fact(&'static str),
    /// A word or pair of words of the line.
    Word(String),
    /// A cue of this kind.
    Cue(u8),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Fact(fact) => f.write_str(fact),
            Reason::Word(word) => write!(f, "word \"{word}\""),
            Reason::Cue(kind) => write!(f, "cue of kind {kind}"),
        }
    }
}

/// Reasons given for one line.
const MOST_REASONS: usize = 3;
/// A reason weaker than this share of the strongest is not given.
const WEAKEST: f32 = 0.2;

impl Judgements<'_> {
    /// The strongest reasons why a line was judged boilerplate, or article, the strongest first.
    /// At most three; none for a line that was not judged. `text` is the line.
    pub fn reasons(&self, line: usize, text: &str, boilerplate: bool) -> Vec<Reason> {
        let Some(row) = self.row(line) else { return Vec::new() };
        let facts = &self.page.facts()[row];
        let gradient = self.model.network().gradient(self.layers, row);
        let sign = if boilerplate { -1.0 } else { 1.0 };
        let mut reasons: Vec<(f32, Reason)> = Vec::new();
        let mut groups: Vec<(Group, f32)> = Vec::new();
        let mut add =
            |group: Group, value: f32| match groups.iter_mut().find(|(known, _)| *known == group) {
                Some((_, sum)) => *sum += value,
                None => groups.push((group, value)),
            };
        for (feature, &bin) in self.page.rows()[row].iter().enumerate().take(PAGE_FEATURES) {
            debug_assert!((OFFSETS[feature]..OFFSETS[feature + 1]).contains(&usize::from(bin)));
            let row = &self.model.network().weights.table[usize::from(bin)];
            add(FEATURES[feature].group, self.share(&gradient.own, row));
        }
        add(Group::Surroundings, gradient.neighbours);
        for (group, value) in groups {
            if let Some(fact) = describe(group, facts, boilerplate) {
                reasons.push((value * sign, Reason::Fact(fact)));
            }
        }
        for kind in Kinds(self.page.kinds(row)).iter() {
            let row = &self.model.network().weights.kinds[usize::from(kind)];
            reasons.push((self.share(&gradient.own, row) * sign, Reason::Cue(kind)));
        }
        let ids = self.page.ids(row);
        let mut words: Vec<(f32, Reason)> = Vec::new();
        for &id in ids {
            let value = self.model.network().word_share(&gradient.own, id, ids.len()) * sign;
            let Some(word) = word(text, self.model.vocabulary()[usize::from(id)]) else { continue };
            // A word may count in several ways: anywhere, first, last, in a pair.
            match words.iter_mut().find(|(_, known)| *known == Reason::Word(word.clone())) {
                Some((sum, _)) => *sum += value,
                None => words.push((value, Reason::Word(word))),
            }
        }
        words.sort_by(|one, other| other.0.partial_cmp(&one.0).unwrap_or(Ordering::Equal));
        reasons.extend(words.into_iter().take(1));
        reasons.retain(|(value, _)| *value > 0.0);
        reasons.sort_by(|one, other| other.0.partial_cmp(&one.0).unwrap_or(Ordering::Equal));
        let strongest = reasons.first().map_or(0.0, |(value, _)| *value);
        reasons.retain(|(value, _)| *value >= strongest * WEAKEST);
        reasons.truncate(MOST_REASONS);
        reasons.into_iter().map(|(_, reason)| reason).collect()
    }

    fn row(&self, line: usize) -> Option<usize> {
        self.lines().get(line)?.as_ref()?;
        self.page.lines().binary_search(&u32::try_from(line).ok()?).ok()
    }

    fn share(&self, gradient: &[f32; CHANNELS], row: &[i8; CHANNELS]) -> f32 {
        let scale = &self.model.network().weights.scale;
        (0..CHANNELS).map(|c| gradient[c] * f32::from(row[c]) * f32::from(scale[c])).sum()
    }
}

/// The words of a line that have a key of the vocabulary.
fn word(line: &str, wanted: u32) -> Option<String> {
    let tokens = text::token_texts(line);
    let hash = |at: usize| tokens[at].1;
    let text = |from: usize, to: usize| line[tokens[from].0.start..tokens[to].0.end].to_owned();
    let last = tokens.len().checked_sub(1)?;
    let whole = tokens.iter().fold(0, |all, (_, hash)| combine(all, *hash));
    if key(whole ^ LINE) == wanted {
        return Some(text(0, last));
    }
    (0..=last).find_map(|at| {
        let single = [hash(at), hash(at) ^ FIRST, hash(at) ^ LAST];
        if single.into_iter().any(|hash| key(hash) == wanted) {
            return Some(text(at, at));
        }
        let pair = at < last && key(combine(hash(at), hash(at + 1)) ^ PAIR) == wanted;
        pair.then(|| text(at, at + 1))
    })
}

/// A group of features in words; `None` if it says nothing to a reader.
fn describe(group: Group, facts: &Facts, boilerplate: bool) -> Option<&'static str> {
    let either = |boilerplate_fact, article_fact| {
        Some(if boilerplate { boilerplate_fact } else { article_fact })
    };
    match group {
        Group::Length => Some(match facts.length() {
            0..60 => "short line",
            60..200 => "length of the line",
            200.. => "long line",
        }),
        Group::LineEnd => Some(match facts.end {
            End::Sentence | End::Question | End::QuotedSentence => "sentence end",
            End::Colon => "ends with a colon",
            End::Comma => "ends with a comma",
            End::Ellipsis => "ends with an ellipsis",
            End::Digit => "ends with a number",
            End::Other | End::Letter | End::Closing => "no sentence end",
        }),
        Group::LineStart => Some(match (facts.bullet, facts.start) {
            (1.., _) => "starts with a bullet",
            (0, Start::Lower) => "starts with a small letter",
            (0, Start::Digit) => "starts with a number",
            (0, Start::Quote) => "starts with a quotation mark",
            (0, Start::Bracket) => "starts with a bracket",
            (0, Start::Upper | Start::Uncased | Start::Other) => "start of the line",
        }),
        Group::Capitals if facts.later_capitals * 2 > facts.later_words.max(1) => {
            Some("words with capitals")
        }
        Group::Capitals => Some("few words with capitals"),
        Group::Digits if facts.numbers > 0 => Some("numbers, times or dates"),
        Group::Digits => Some("no numbers"),
        Group::Prose => either("few function words", "reads as prose"),
        Group::Punctuation if facts.has(Facts::URL) => Some("an address"),
        Group::Punctuation if facts.has(Facts::COPYRIGHT) => Some("a copyright sign"),
        Group::Punctuation if facts.separators > 0 => Some("separators"),
        Group::Punctuation => Some("punctuation"),
        Group::Repetition => either("repeated line", "not repeated"),
        Group::Cues if facts.cue_kinds != 0 => Some("share of cue words"),
        Group::Cues => either("cue words", "no cue words"),
        Group::NearbyCues => either("cue words nearby", "no cue words nearby"),
        Group::BlankLines => Some("blank lines around it"),
        Group::Position => Some("position on the page"),
        Group::Surroundings => either("among boilerplate", "among article lines"),
        Group::MainBlock => either("outside the main block", "inside the main block"),
        Group::SharedWords => {
            either("no words in common with the article", "words in common with the article")
        }
        Group::Page => None,
    }
}
