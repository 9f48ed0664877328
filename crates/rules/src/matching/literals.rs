//! Extracts the literals with which every match of a pattern begins or ends, for the index.
//!
//! They are taken from the parsed regex, in lower case: `(?i)share` has one literal, not
//! thirty-two. A literal has a few bytes. If a pattern has too many, it has none for the index.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde::{Deserialize, Serialize};

use super::phrases::{List, PhraseEnd};
use super::placeholders::{list_of, split_lists};
use super::sides::{Anchor, LITERAL, Side, is_skipped, lower};
use crate::key::is_mark;

/// A literal at a side of a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Literal {
    pub(crate) text: String,
    /// Whether no ASCII letter or digit follows one that the text ends with, counted from its side.
    pub(crate) bordered: bool,
}

/// The maximum number of literals per pattern.
const MOST_LITERALS: usize = 4000;

/// The maximum number of characters of a class that are listed one by one.
const MOST_CHARACTERS: usize = 24;

/// The literals of the side whose shortest literal is longer. `None` if matches may begin and end
/// with anything.
pub(crate) fn literals(hir: &Hir, anchor: Anchor, lists: &[List]) -> Option<(Side, Vec<Literal>)> {
    let sides: &[Side] = match anchor {
        Anchor::Line => &[Side::Start, Side::End],
        Anchor::Start => &[Side::Start],
        Anchor::End => &[Side::End],
        Anchor::Inside | Anchor::Unless => &[],
    };
    // Nothing follows a match of a complete line.
    let ended = |seed: Seed| Seed {
        bordered: seed.bordered || seed.open && anchor == Anchor::Line,
        ..seed
    };
    let seeds = |hir: &Hir, side| {
        Some(seeds(hir, side, lists)?.into_iter().map(ended).collect::<Vec<Seed>>())
    };
    let found = sides.iter().filter_map(|&side| {
        let bare = bare(hir, side).and_then(|bare| bare_ends(seeds(&bare, side)?, side));
        let all = match bare {
            Some(all) => all,
            None => seeds(hir, side)?.into_iter().map(Seed::into_literal).collect(),
        };
        let mut all = set(all);
        // One that is not bordered comes first.
        all.dedup_by(|next, first| next.text == first.text);
        let shortest = all.iter().map(|literal| literal.text.len()).min()?;
        (shortest > 0).then_some((side, all, shortest))
    });
    // For equal lengths prefer starts, because many lines share final punctuation.
    let best = found.max_by_key(|(side, _, shortest)| (*shortest, *side == Side::Start))?;
    Some((best.0, best.1))
}

/// A regex without the bullets and spaces that it may begin with, or the closers that it may end
/// with. `None` if there are none.
fn bare(hir: &Hir, side: Side) -> Option<Hir> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let skipped =
        |part: &&Hir| part.properties().minimum_len() == Some(0) && is_skipped_part(part, side);
    let rest = match side {
        Side::Start => &parts[parts.iter().take_while(skipped).count()..],
        Side::End => &parts[..parts.len() - parts.iter().rev().take_while(skipped).count()],
    };
    (rest.len() < parts.len()).then(|| Hir::concat(rest.to_vec()))
}

/// Whether a regex matches only spaces and characters without which lines are looked up.
fn is_skipped_part(hir: &Hir, side: Side) -> bool {
    let own = |c: char| c == ' ' || is_skipped(c, side);
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Literal(literal) => {
            std::str::from_utf8(&literal.0).is_ok_and(|text| text.chars().all(own))
        }
        HirKind::Class(Class::Unicode(class)) => class.iter().all(|range| {
            range.end() as u32 - (range.start() as u32) < 64
                && (range.start()..=range.end()).all(own)
        }),
        HirKind::Repetition(repetition) => is_skipped_part(&repetition.sub, side),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().all(|part| is_skipped_part(part, side))
        }
        _ => false,
    }
}

/// The beginnings or ends of matches, without spaces and skipped characters. `None` if one becomes
/// empty.
fn bare_ends(seeds: Vec<Seed>, side: Side) -> Option<Vec<Literal>> {
    let own = |c: char| c == ' ' || is_skipped(c, side);
    let rest = |seed: Seed| {
        let text = match side {
            Side::Start => seed.text.trim_start_matches(own).to_owned(),
            Side::End => seed.text.trim_end_matches(own).to_owned(),
        };
        Literal { text, ..seed.into_literal() }
    };
    let all: Vec<Literal> = seeds.into_iter().map(rest).collect();
    let is_selective = |literal: &Literal| match side {
        Side::Start => literal.text.chars().next().is_some_and(|c| !is_mark(c)),
        Side::End => !literal.text.is_empty(),
    };
    all.iter().all(is_selective).then_some(all)
}

/// Sorted and without duplicates.
fn set<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort_unstable();
    all.dedup();
    all
}

/// The minimum length in bytes of a literal inside a line. Shorter ones are not selective enough.
const INNER: usize = 2;

/// Literals of which every match contains one, in any case of ASCII letters.
///
/// Text is searched without folding, so only the parts of a literal between spaces, quotes and
/// dashes are used.
pub(crate) fn inner(hir: &Hir) -> Option<Vec<String>> {
    inner_to(hir, INNER_DEPTH)
}

/// The maximum depth of nested groups that are searched.
const INNER_DEPTH: usize = 4;

fn inner_to(hir: &Hir, depth: usize) -> Option<Vec<String>> {
    let depth = depth.checked_sub(1)?;
    let parts: Vec<&Hir> = match hir.kind() {
        HirKind::Concat(parts) => parts.iter().collect(),
        HirKind::Capture(capture) => return inner_to(&capture.sub, depth),
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            return inner_to(&repetition.sub, depth);
        }
        HirKind::Alternation(parts) => {
            let sets: Option<Vec<_>> = parts.iter().map(|part| inner_to(part, depth)).collect();
            return sets.map(|sets| set(sets.into_iter().flatten().collect()));
        }
        _ => vec![hir],
    };
    let candidates = (0..parts.len()).filter_map(|at| {
        let seeds = concat(&mut parts[at..].iter().copied(), Side::Start, &[])?;
        let texts = set(seeds.iter().map(|seed| unfolded(&seed.text).to_owned()).collect());
        let below = || match parts[at].kind() {
            HirKind::Alternation(_) | HirKind::Capture(_) => inner_to(parts[at], depth),
            _ => None,
        };
        // A character that is rare in prose is as selective as two letters.
        let weight = |text: &String| {
            text.len() + usize::from(["@", "#", "|", "=", "_"].contains(&text.as_str()))
        };
        let shortest = |set: &Vec<String>| set.iter().map(weight).min().unwrap_or(0);
        let best = [Some(texts), below()].into_iter().flatten().max_by_key(shortest)?;
        let shortest = shortest(&best);
        (shortest >= INNER).then_some((shortest, best))
    });
    let (_, best) = candidates.max_by_key(|(shortest, set)| (*shortest, usize::MAX - set.len()))?;
    let cased = set(best.iter().flat_map(|text| cases(text)).collect());
    (cased.len() <= MOST_LITERALS).then_some(cased)
}

/// The longest part of a literal that is the same in keys and in text.
fn unfolded(text: &str) -> &str {
    let folded =
        |c: char| c.is_whitespace() || "'\"-—".contains(c) || is_mark(c) || list_of(c).is_some();
    // The first of equally long parts.
    text.split(folded).rev().max_by_key(|part| part.len()).unwrap_or_default()
}

/// The maximum number of cases of one literal.
const MOST_CASES: usize = 32;

/// A literal in all cases of its non-ASCII letters, cut before there are too many.
pub(crate) fn cases(text: &str) -> Vec<String> {
    if text.is_ascii() {
        return vec![text.to_owned()];
    }
    let mut all = vec![String::new()];
    for c in text.chars() {
        let mut variants = vec![c];
        if !c.is_ascii() {
            let mut upper = c.to_uppercase();
            if let (Some(upper), None) = (upper.next(), upper.next()) {
                variants.push(upper);
            }
            // Letters with more than two cases, such as the Greek sigma.
            let same = |other: char| other != c && lower(other) == c;
            variants.extend(
                ['ς', 'Σ', 'ϐ', 'ϑ', 'ϕ', 'ϖ', 'ϰ', 'ϱ', 'ϵ', 'ẛ', 'ι']
                    .into_iter()
                    .filter(|o| same(*o)),
            );
            variants.sort_unstable();
            variants.dedup();
        }
        if all.len() * variants.len() > MOST_CASES {
            break;
        }
        all = all
            .iter()
            .flat_map(|start| variants.iter().map(move |c| format!("{start}{c}")))
            .collect();
    }
    all
}

/// A beginning or an end of matches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seed {
    text: String,
    /// Whether this is the complete match so far, so that what follows may be appended.
    open: bool,
    /// Whether no ASCII letter or digit follows one that the text ends with, counted from its side.
    bordered: bool,
    /// Whether a number precedes the text, counted from its side.
    numbered: bool,
}

impl Seed {
    fn new(text: impl Into<String>, open: bool) -> Seed {
        Seed { text: text.into(), open, bordered: false, numbered: false }
    }

    fn of_phrase(PhraseEnd { text, complete, bordered, numbered }: &PhraseEnd) -> Seed {
        Seed { text: text.clone(), open: *complete, bordered: *bordered, numbered: *numbered }
    }

    fn into_literal(self) -> Literal {
        // The index does not see what follows a text of the full length.
        Literal { bordered: self.bordered && self.text.len() < LITERAL, text: self.text }
    }

    /// This seed followed by `next`, counted from its side and cut to [`LITERAL`] bytes.
    fn join(&self, next: &Seed, side: Side) -> Seed {
        if next.numbered && !self.text.is_empty() {
            return Seed { open: false, ..self.clone() };
        }
        let numbered = self.numbered || next.numbered;
        let joined = match side {
            Side::Start => [&*self.text, &next.text].concat(),
            Side::End => [&*next.text, &self.text].concat(),
        };
        let cut = outermost(&joined, side);
        let complete = cut.len() == joined.len();
        let bordered = next.bordered || self.bordered && next.text.is_empty();
        let (open, bordered) = (complete && next.open, complete && bordered);
        Seed { text: cut.to_owned(), open, bordered, numbered }
    }
}

/// At most [`LITERAL`] bytes of one side, without cutting characters.
fn outermost(text: &str, side: Side) -> &str {
    match side {
        Side::Start => &text[..text.floor_char_boundary(LITERAL)],
        Side::End => &text[text.ceil_char_boundary(text.len().saturating_sub(LITERAL))..],
    }
}

/// All beginnings or ends of matches. `None` if there are too many.
fn seeds(hir: &Hir, side: Side, lists: &[List]) -> Option<Vec<Seed>> {
    let any = || vec![Seed::new("", false)];
    let all = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![Seed::new("", true)],
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            if text.contains(|c| list_of(c).is_some()) {
                return seeds_with_lists(text, side, lists);
            }
            // Lower case may be longer, so cut before (if the text is ASCII) and after.
            let near = if text.is_ascii() { outermost(text, side) } else { text };
            let lower: String = near.chars().map(lower).collect();
            let cut = outermost(&lower, side);
            vec![Seed::new(cut, near.len() == text.len() && cut.len() == lower.len())]
        }
        HirKind::Class(Class::Unicode(class)) => {
            if let Some(ways) = split_lists(class) {
                return seeds_of_ways(&ways, side, lists);
            }
            let size: usize = class
                .iter()
                .map(|range| {
                    u32::from(range.end()) as usize - u32::from(range.start()) as usize + 1
                })
                .sum();
            let has = |c: char| class.iter().any(|range| range.start() <= c && c <= range.end());
            let mut word = ('0'..='z').filter(char::is_ascii_alphanumeric);
            let bordered = !word.any(has);
            let any = || vec![Seed { bordered, ..Seed::new("", false) }];
            if size > 3 * MOST_CHARACTERS {
                return Some(any());
            }
            let all = class.iter().flat_map(|range| range.start()..=range.end());
            let all = set(all.map(|c| Seed::new(lower(c).to_string(), true)).collect());
            if all.len() > MOST_CHARACTERS { any() } else { all }
        }
        HirKind::Class(_) => any(),
        HirKind::Repetition(repetition) => {
            let mut all = seeds(&repetition.sub, side, lists)?;
            if repetition.max != Some(1) {
                all.iter_mut().for_each(|seed| seed.open = false);
            }
            if repetition.min == 0 {
                all.push(Seed::new("", true));
            }
            all
        }
        HirKind::Capture(capture) => seeds(&capture.sub, side, lists)?,
        HirKind::Concat(parts) => match side {
            Side::Start => concat(&mut parts.iter(), side, lists)?,
            Side::End => concat(&mut parts.iter().rev(), side, lists)?,
        },
        HirKind::Alternation(parts) => return seeds_of_ways(parts, side, lists),
    };
    let all = set(all);
    (all.len() <= MOST_LITERALS).then_some(all)
}

fn seeds_of_ways(ways: &[Hir], side: Side, lists: &[List]) -> Option<Vec<Seed>> {
    let mut all = Vec::new();
    for way in ways {
        all.extend(seeds(way, side, lists)?);
    }
    let all = set(all);
    (all.len() <= MOST_LITERALS).then_some(all)
}

fn concat(parts: &mut dyn Iterator<Item = &Hir>, side: Side, lists: &[List]) -> Option<Vec<Seed>> {
    let mut all = vec![Seed::new("", true)];
    for part in parts {
        if !all.iter().any(|seed| seed.open) {
            break;
        }
        // A part without seeds ends the seeds before it.
        let next = seeds(part, side, lists).unwrap_or_else(|| vec![Seed::new("", false)]);
        if all.len() * next.len() > 4 * MOST_LITERALS {
            return Some(set(all.into_iter().map(|seed| Seed { open: false, ..seed }).collect()));
        }
        let mut joined = Vec::with_capacity(all.len() * next.len());
        for seed in &all {
            match seed.open {
                true => joined.extend(next.iter().map(|next| seed.join(next, side))),
                false => joined.push(seed.clone()),
            }
        }
        let joined = set(joined);
        if joined.len() > MOST_LITERALS {
            return Some(set(all.into_iter().map(|seed| Seed { open: false, ..seed }).collect()));
        }
        all = joined;
    }
    Some(all)
}

/// The seeds of a literal in which characters stand for lists.
fn seeds_with_lists(text: &str, side: Side, lists: &[List]) -> Option<Vec<Seed>> {
    let mut parts: Vec<Vec<Seed>> = text
        .split_inclusive(|c| list_of(c).is_some())
        .flat_map(|part| {
            let list = part.chars().next_back().and_then(list_of);
            let plain = part.trim_end_matches(|c| list_of(c).is_some());
            let plain = (!plain.is_empty()).then(|| {
                let lower: String = plain.chars().map(lower).collect();
                let cut = outermost(&lower, side);
                vec![Seed::new(cut, cut.len() == lower.len())]
            });
            let list = list.map(|at| match lists.get(at) {
                Some(list) => list.outermost.side(side).iter().map(Seed::of_phrase).collect(),
                None => vec![Seed::new("", false)],
            });
            plain.into_iter().chain(list)
        })
        .collect();
    if side == Side::End {
        parts.reverse();
    }
    let mut all = vec![Seed::new("", true)];
    for next in parts {
        let open = all.iter().filter(|seed| seed.open).count();
        if open * next.len() > 2 * MOST_LITERALS {
            return None;
        }
        let joined = all.iter().flat_map(|seed| match seed.open {
            true => next.iter().map(|next| seed.join(next, side)).collect(),
            false => vec![seed.clone()],
        });
        all = set(joined.collect());
    }
    (all.len() <= MOST_LITERALS).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::folding::parse;

    fn of(pattern: &str, anchor: Anchor) -> Option<(Side, Vec<String>)> {
        let hir = parse(pattern, true).unwrap();
        let texts = |set: Vec<Literal>| set.into_iter().map(|literal| literal.text).collect();
        literals(&hir, anchor, &[]).map(|(side, set)| (side, texts(set)))
    }

    #[test]
    fn all_cases_give_one_literal() {
        let (side, set) = of("share this .*", Anchor::Line).unwrap();
        assert_eq!((side, set), (Side::Start, vec!["share th".into()]));
    }

    #[test]
    fn optional_parts_and_repetitions_are_handled() {
        let (_, set) = of("[»>]* ?(?:read|see) also:.*", Anchor::Line).unwrap();
        assert_eq!(set, ["read als", "see also"]);
        let (_, set) = of("[»>] ?(?:read|see) also:.*", Anchor::Line).unwrap();
        assert!(set.iter().all(|text| text.starts_with(['»', '>'])), "{set:?}");
    }

    #[test]
    fn inner_literals_are_not_folded() {
        let inner = |pattern: &str| {
            inner(&parse(pattern, true).unwrap()).map(|set| set.into_iter().collect::<Vec<_>>())
        };
        assert_eq!(inner(r".{4,300}[.!?] ?(?:Photo|Bild) ?:.*").unwrap(), ["bild", "photo"]);
        assert_eq!(inner(r"\d+ (?:reads|don't) \d+").unwrap()[0], "don");
        assert!(inner(r".*Фото.*").unwrap().contains(&"ФОТО".to_owned()));
        assert_eq!(inner(r"\w+ - \w+"), None);
    }

    #[test]
    fn the_side_with_longer_literals_is_used() {
        let (side, set) = of(r"\d+ likes?", Anchor::Line).unwrap();
        assert_eq!(side, Side::End);
        assert!(set.contains(&" likes".to_owned()) && set.contains(&" like".to_owned()), "{set:?}");
        assert_eq!(of(r"\w+", Anchor::Line), None);
        assert_eq!(of("x", Anchor::Inside), None);
        assert_eq!(of(r"\d+ likes?", Anchor::Start), None);
    }
}
