//! The lists of phrases that a kind of the lexicon becomes in a pattern. Phrases with a slot become
//! lists of their parts around it; words that take the same endings form one list.

use std::collections::BTreeMap;

use chaffinch_stage::script;

use super::kinds::Kind;
use crate::matching::List;
use crate::matching::placeholders::{ENDING, SLOT};

/// The lists of a kind in one language.
#[derive(Clone, Debug)]
pub(crate) enum KindLists {
    /// Lists of words, each with the regexes before and after it.
    Words(Vec<(&'static str, List, &'static str)>),
    /// Lists of phrases by the position of their slot: the parts of the phrases around it.
    Phrases(Vec<(Slot, Vec<List>)>),
}

impl KindLists {
    pub(super) fn of(kind: &Kind, code: &str, phrases: &[&str]) -> KindLists {
        let phrases = phrases.iter().copied();
        if kind.form.is_word() {
            let mut groups: BTreeMap<WordGroup, Vec<&str>> = BTreeMap::new();
            for phrase in phrases {
                let group = word_group(phrase, kind.name, code);
                groups.entry(group).or_default().push(phrase.trim_start_matches('-'));
            }
            let list = |((before, borders, after), phrases): (WordGroup, Vec<&str>)| {
                (before, List::of(&phrases, borders), after)
            };
            return KindLists::Words(groups.into_iter().map(list).collect());
        }
        let mut by_slot: Vec<Vec<Vec<&str>>> = vec![Vec::new(); Slot::ALL.len()];
        for phrase in phrases {
            if let Some(slot) = Slot::of(phrase) {
                by_slot[slot as usize].push(phrase.split(SLOT).map(str::trim).collect());
            }
        }
        let of_slot = |(slot, split): (&Slot, Vec<Vec<&str>>)| {
            let column = |(at, borders): &(usize, (bool, bool))| {
                let parts: Vec<&str> = split.iter().map(|parts| parts[*at]).collect();
                List::of(&parts, *borders)
            };
            (!split.is_empty()).then(|| (*slot, slot.parts().iter().map(column).collect()))
        };
        KindLists::Phrases(Slot::ALL.iter().zip(by_slot).filter_map(of_slot).collect())
    }
}

/// The position of the slot in a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    None,
    Start,
    Middle,
    End,
    /// A slot for a name in the middle and one for networks at the end.
    NameAndEnd,
}

impl Slot {
    /// All positions, in the order of their numbers.
    pub(super) const ALL: &[Slot] =
        &[Slot::None, Slot::Start, Slot::Middle, Slot::End, Slot::NameAndEnd];

    /// The parts of a phrase around its slots from which lists are made, and whether these must
    /// begin and end at word boundaries.
    fn parts(self) -> &'static [(usize, (bool, bool))] {
        match self {
            Slot::None => &[(0, (true, true))],
            Slot::End => &[(0, (true, false))],
            Slot::Start => &[(1, (false, true))],
            Slot::Middle => &[(0, (true, false)), (1, (false, true))],
            Slot::NameAndEnd => &[(0, (true, false)), (1, (false, false))],
        }
    }

    /// `None` for phrases that cannot be matched.
    pub(super) fn of(phrase: &str) -> Option<Slot> {
        match (phrase.matches(SLOT).count(), phrase.starts_with(SLOT), phrase.ends_with(SLOT)) {
            (0, ..) => Some(Slot::None),
            (1, true, false) => Some(Slot::Start),
            (1, false, false) => Some(Slot::Middle),
            (1, false, true) => Some(Slot::End),
            (2, false, true) => Some(Slot::NameAndEnd),
            _ => None,
        }
    }
}

/// The regex before a word, whether the word must begin and end at word boundaries, and the regex
/// after it.
type WordGroup = (&'static str, (bool, bool), &'static str);

/// The group of a word. The words of one group form one list.
fn word_group(phrase: &str, kind: &str, code: &str) -> WordGroup {
    let is_word = |c: char| c.is_alphanumeric() && !script::is_unspaced(c) || c == ENDING;
    let starts = phrase.chars().next().is_some_and(is_word);
    let ends = phrase.chars().next_back().is_some_and(is_word);
    // Inflected names, such as Facebooku or Instagram'da. Short names would match the beginnings of
    // other words.
    let inflected = kind == "network" && ends && phrase.chars().count() > 3;
    let after = if inflected { r"(?:['-]?[\p{L}\p{M}]{1,8})?\b" } else { "" };
    match (starts, code) {
        _ if phrase.starts_with('-') => (r"[\p{L}\p{M}]", (false, true), after),
        // Conjunctions and articles that are written as part of the word.
        (true, "ar") => (r"\b[وف]?", (false, !inflected), after),
        (true, "he") => (r"\b[והשכ]?", (false, !inflected), after),
        _ => ("", (true, !inflected), after),
    }
}
