//! The *union* of the languages of a rule: patterns that match every line that the rule matches in
//! any language.
//!
//! A rule that uses the lexicon becomes one rule per language. Their texts differ only in their
//! lists, so the union has the same texts, with the phrases of all languages in each list. A line
//! that the union does not match is rejected in all languages at once.

use std::collections::BTreeMap;

use crate::file::{FileRule, kind_of};
use crate::pattern::Pattern;
use crate::phrases::{List, renumber_lists};

/// A text of a key, with its lists numbered from 0, and the borders of the lists.
type Text = (&'static str, String, Vec<(bool, bool)>);

/// The keys and patterns that match every line that one of these rules matches, `unless` aside. The rules are
/// those of one rule in several languages.
pub(crate) fn of_rules(rules: &[FileRule]) -> Vec<(&'static str, Pattern)> {
    // The lists of all languages in each place of a text.
    let mut all: BTreeMap<Text, Vec<Vec<&List>>> = BTreeMap::new();
    for rule in rules {
        let keys = rule.written.keys.iter().zip(&rule.written.lists);
        for ((key, texts), lists) in keys.filter(|((key, _), _)| *key != "unless") {
            for text in texts.iter() {
                let (text, numbers) = renumber_lists(text, 0);
                let lists: Vec<&List> = numbers.into_iter().map(|number| &lists[number]).collect();
                let borders = lists.iter().map(|list| list.phrases.borders()).collect();
                let places = all.entry((key, text, borders)).or_default();
                places.resize(lists.len(), Vec::new());
                places.iter_mut().zip(lists).for_each(|(place, list)| place.push(list));
            }
        }
    }
    let texts: Vec<(&Text, &Vec<Vec<&List>>)> = all.iter().collect();
    let of_key = |same: &[(&Text, &Vec<Vec<&List>>)]| {
        let (mut texts, mut lists) = (Vec::new(), Vec::new());
        for ((_, text, _), places) in same {
            texts.push(renumber_lists(text, lists.len()).0);
            lists.extend(places.iter().map(|place| List::union(place)));
        }
        let key = same[0].0.0;
        let ((anchor, role), ignore_case) = (kind_of(key), rules[0].written.ignore_case);
        let pattern = Pattern::new(anchor, role, texts.into(), key == "text", ignore_case);
        let mut pattern = pattern.with_lists(lists.into());
        let parsed = pattern.parsed_as_written();
        pattern.prepare(&parsed);
        (key, pattern)
    };
    texts.chunk_by(|((one, ..), _), ((other, ..), _)| one == other).map(of_key).collect()
}
