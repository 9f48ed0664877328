//! Coverage of a rule's regexes by its cases.
//!
//! A regex with alternatives, optional parts or open repetitions makes several claims, and each
//! needs a case: otherwise a typing error in the tenth of eleven alternatives is never noticed.
//! HTTPS Everywhere required a test for each `*`, `+`, `?` and `|` of a rule (its
//! ruleset-testing.md, 2015).
//!
//! A separate matcher follows the regex as written along each case and records the choices it
//! takes. It backtracks with a bounded number of steps, which is enough for short lines.

use std::collections::HashSet;
use std::ops::Range;

use regex_syntax::ast::{self, Ast};
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{Class, HirKind, Look};

use super::file::Written;
use crate::key;
use crate::matching::Anchor;
use crate::matching::folding::folded;

/// A choice of a regex that no case exercises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The key of the rule that contains the regex, such as `line` or `from`.
    pub key: &'static str,
    /// The index of the regex in the list of that key.
    pub index: usize,
    /// The bytes of the regex that no case exercises.
    pub range: Range<usize>,
    /// A description of what is missing.
    pub message: String,
    /// A line, or part of a line, that would exercise the choice.
    pub sample: String,
}

/// The choices of a rule's regexes that none of its cases exercises, in order. Cases are given as
/// in rule files: lines, with `⟦ ⟧` around text to remove.
pub fn gaps(written: &Written, cases: &[String]) -> Vec<Gap> {
    if written.template.is_some() {
        // The lexicon has cases for each of its lists, but not for each entry.
        return Vec::new();
    }
    let lines: Vec<String> = cases
        .iter()
        .flat_map(|case| case.lines())
        .map(|line| key::key(&line.replace(['⟦', '⟧'], "")).into_owned())
        .collect();
    let mut gaps = Vec::new();
    for (name, texts) in &written.keys {
        let anchor = match *name {
            "start" => Anchor::Start,
            "end" => Anchor::End,
            "inside" => Anchor::Inside,
            "detect" | "unless" => continue,
            _ => Anchor::Line,
        };
        for (index, text) in texts.iter().enumerate() {
            let source = match *name {
                "text" => regex_syntax::escape(&key::key(text)),
                _ => text.clone(),
            };
            let Some(regex) = Regex::parse(&source, written.ignore_case) else { continue };
            gaps.extend(regex.gaps(anchor, &lines).into_iter().map(|(range, message, sample)| {
                let range = if *name == "text" { 0..text.len() } else { range };
                Gap { key: name, index, range, message, sample }
            }));
        }
    }
    gaps
}

/// The minimum number of words in a match of the regex. `None` if it is not a regex.
pub fn fewest_words(regex: &str, ignore_case: bool) -> Option<usize> {
    let regex = Regex::parse(regex, ignore_case)?;
    Some(regex.shortest(regex.top).split(' ').filter(|word| !word.is_empty()).count())
}

/// The maximum number of steps for matching one line.
const STEPS: usize = 200_000;

type Id = usize;

#[derive(Debug)]
enum Part {
    Empty,
    /// A character in one of these ranges.
    One(Vec<(char, char)>),
    Look(Look),
    All(Vec<Id>),
    Either(Vec<Id>),
    Times {
        part: Id,
        least: u32,
        most: Option<u32>,
        lazy: bool,
    },
}

/// A regex as written.
#[derive(Debug)]
struct Regex {
    parts: Vec<(Part, Range<usize>)>,
    top: Id,
    source: String,
}

/// The choice that a match took at a part: an alternative, or a number of repetitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Choice {
    Arm(usize),
    Fewest,
    More,
}

struct Trace {
    steps: usize,
    path: Vec<(Id, Choice)>,
}

type Then<'t> = &'t mut dyn FnMut(&mut Trace, usize) -> bool;

impl Regex {
    fn parse(source: &str, ignore_case: bool) -> Option<Regex> {
        let ast = ast::parse::Parser::new().parse(source).ok()?;
        let mut regex = Regex { parts: Vec::new(), top: 0, source: source.to_owned() };
        let mut ignore = ignore_case;
        regex.top = regex.add(&ast, &mut ignore)?;
        Some(regex)
    }

    fn push(&mut self, part: Part, span: &ast::Span) -> Id {
        self.parts.push((part, span.start.offset..span.end.offset));
        self.parts.len() - 1
    }

    fn add(&mut self, ast: &Ast, ignore_case: &mut bool) -> Option<Id> {
        let part = match ast {
            Ast::Empty(_) => Part::Empty,
            Ast::Flags(flags) => {
                let state = flags.flags.flag_state(ast::Flag::CaseInsensitive);
                *ignore_case = state.unwrap_or(*ignore_case);
                Part::Empty
            }
            Ast::Group(group) => {
                let state = group.flags().and_then(|f| f.flag_state(ast::Flag::CaseInsensitive));
                let mut inner = state.unwrap_or(*ignore_case);
                return self.add(&group.ast, &mut inner);
            }
            Ast::Concat(concat) => {
                let ids: Option<Vec<Id>> =
                    concat.asts.iter().map(|ast| self.add(ast, ignore_case)).collect();
                Part::All(ids?)
            }
            Ast::Alternation(alternation) => {
                let ids: Option<Vec<Id>> =
                    alternation.asts.iter().map(|ast| self.add(ast, ignore_case)).collect();
                Part::Either(ids?)
            }
            Ast::Repetition(repetition) => {
                use ast::{RepetitionKind as Kind, RepetitionRange as Bounds};
                let (least, most) = match &repetition.op.kind {
                    Kind::ZeroOrOne => (0, Some(1)),
                    Kind::ZeroOrMore => (0, None),
                    Kind::OneOrMore => (1, None),
                    Kind::Range(Bounds::Exactly(n)) => (*n, Some(*n)),
                    Kind::Range(Bounds::AtLeast(n)) => (*n, None),
                    Kind::Range(Bounds::Bounded(n, m)) => (*n, Some(*m)),
                };
                let part = self.add(&repetition.ast, ignore_case)?;
                Part::Times { part, least, most, lazy: !repetition.greedy }
            }
            atom => self.atom(atom, *ignore_case)?,
        };
        Some(self.push(part, ast.span()))
    }

    fn atom(&mut self, ast: &Ast, ignore_case: bool) -> Option<Part> {
        let mut translator = TranslatorBuilder::new().case_insensitive(ignore_case).build();
        let hir = folded(&translator.translate(&self.source, ast).ok()?, ignore_case);
        Some(match hir.kind() {
            HirKind::Empty => Part::Empty,
            HirKind::Look(look) => Part::Look(*look),
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).ok()?;
                let mut chars = text.chars().map(|c| Part::One(vec![(c, c)]));
                match (chars.next(), chars.next()) {
                    (Some(one), None) => one,
                    _ => return None,
                }
            }
            HirKind::Class(Class::Unicode(class)) => {
                Part::One(class.iter().map(|range| (range.start(), range.end())).collect())
            }
            _ => return None,
        })
    }

    /// The choices that a match of `line` takes. `None` if it does not match.
    fn walk(&self, anchor: Anchor, line: &str) -> Option<Vec<(Id, Choice)>> {
        let starts = line.char_indices().map(|(at, _)| at).chain([line.len()]);
        let starts = starts.filter(|at| *at == 0 || matches!(anchor, Anchor::End | Anchor::Inside));
        let to_end = matches!(anchor, Anchor::Line | Anchor::End);
        let mut walk = Trace { steps: STEPS, path: Vec::new() };
        for start in starts {
            let mut done = |_: &mut Trace, at: usize| !to_end || at == line.len();
            if self.step(self.top, line, start, &mut walk, &mut done) {
                return Some(walk.path);
            }
            walk.path.clear();
        }
        None
    }

    fn step(&self, id: Id, line: &str, at: usize, walk: &mut Trace, then: Then<'_>) -> bool {
        if walk.steps == 0 {
            return false;
        }
        walk.steps -= 1;
        match &self.parts[id].0 {
            Part::Empty => then(walk, at),
            Part::One(ranges) => {
                let Some(c) = line[at..].chars().next() else { return false };
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&c))
                    && then(walk, at + c.len_utf8())
            }
            Part::Look(look) => looks(*look, line, at) && then(walk, at),
            Part::All(parts) => self.all(parts, line, at, walk, then),
            Part::Either(arms) => arms.iter().enumerate().any(|(arm, part)| {
                let before = walk.path.len();
                walk.path.push((id, Choice::Arm(arm)));
                let found = self.step(*part, line, at, walk, then);
                if !found {
                    walk.path.truncate(before);
                }
                found
            }),
            Part::Times { .. } => self.times(id, 0, line, at, walk, then),
        }
    }

    fn all(&self, parts: &[Id], line: &str, at: usize, walk: &mut Trace, then: Then<'_>) -> bool {
        match parts.split_first() {
            None => then(walk, at),
            Some((first, rest)) => {
                let mut next = |walk: &mut Trace, at: usize| self.all(rest, line, at, walk, then);
                self.step(*first, line, at, walk, &mut next)
            }
        }
    }

    fn times(
        &self,
        id: Id,
        count: u32,
        line: &str,
        at: usize,
        walk: &mut Trace,
        then: Then<'_>,
    ) -> bool {
        let Part::Times { part, least, most, lazy } = self.parts[id].0 else { return false };
        let before = walk.path.len();
        let enough = |walk: &mut Trace, then: Then<'_>| {
            if count < least {
                return false;
            }
            walk.path.push((id, if count > least { Choice::More } else { Choice::Fewest }));
            let found = then(walk, at);
            if !found {
                walk.path.truncate(before);
            }
            found
        };
        if lazy && enough(walk, then) {
            return true;
        }
        if most.is_none_or(|most| count < most) {
            let mut again = |walk: &mut Trace, next: usize| {
                // A part that matches the empty text would match it forever.
                (next > at || count < least) && self.times(id, count + 1, line, next, walk, then)
            };
            if self.step(part, line, at, walk, &mut again) {
                return true;
            }
            walk.path.truncate(before);
        }
        !lazy && enough(walk, then)
    }

    /// The choices that no line exercises: their place, a message, and a text that would exercise
    /// them.
    fn gaps(&self, anchor: Anchor, lines: &[String]) -> Vec<(Range<usize>, String, String)> {
        let walks: Vec<_> = lines.iter().filter_map(|line| self.walk(anchor, line)).collect();
        if walks.is_empty() {
            let message = "no case for this pattern".to_owned();
            return vec![(0..self.source.len(), message, self.sample(self.top, None))];
        }
        let seen: HashSet<(Id, Choice)> = walks.into_iter().flatten().collect();
        let mut gaps = Vec::new();
        for (id, (part, range)) in self.parts.iter().enumerate() {
            let mut missing = |choice: Choice, range: &Range<usize>, message: String| {
                if !seen.contains(&(id, choice)) {
                    let sample = self.sample(self.top, Some((id, choice)));
                    gaps.push((range.clone(), message, sample));
                }
            };
            match part {
                Part::Either(arms) => {
                    for (arm, part) in arms.iter().enumerate() {
                        let range = &self.parts[*part].1;
                        let text = &self.source[range.clone()];
                        missing(
                            Choice::Arm(arm),
                            range,
                            format!("no case for the alternative `{text}`"),
                        );
                    }
                }
                Part::Times { part, least: 0, most: part_most, .. } if !self.is_space(*part) => {
                    let text = &self.source[range.clone()];
                    missing(Choice::More, range, format!("no case with `{text}`"));
                    // An open run of one class is usually a word; that it may be empty needs no
                    // case.
                    if !matches!(
                        (&self.parts[*part].0, part_most),
                        (Part::One(_), None | Some(2..))
                    ) {
                        missing(Choice::Fewest, range, format!("no case without `{text}`"));
                    }
                }
                Part::Times { most: None, least: 1.., .. } => {
                    let text = &self.source[range.clone()];
                    missing(Choice::More, range, format!("no case that repeats `{text}`"));
                }
                _ => {}
            }
        }
        gaps.sort_by_key(|(range, ..)| range.start);
        gaps
    }

    /// Whether a part is one character other than a letter or digit. An optional space needs no
    /// case.
    fn is_space(&self, id: Id) -> bool {
        match &self.parts[id].0 {
            Part::One(ranges) => !ranges.iter().any(|(from, to)| {
                from.is_alphanumeric() || to.is_alphanumeric() || *to as u32 - *from as u32 > 64
            }),
            _ => false,
        }
    }

    /// A text that the part matches by the wanted choice.
    fn sample(&self, id: Id, wanted: Option<(Id, Choice)>) -> String {
        let here = wanted.filter(|(at, _)| *at == id).map(|(_, choice)| choice);
        let below = |part: Id| wanted.is_some_and(|(at, _)| self.holds(part, at));
        match &self.parts[id].0 {
            Part::Empty | Part::Look(_) => String::new(),
            Part::One(ranges) => representative(ranges).to_string(),
            Part::All(parts) => parts.iter().map(|part| self.sample(*part, wanted)).collect(),
            Part::Either(arms) => {
                let arm = match here {
                    Some(Choice::Arm(arm)) => arms[arm],
                    _ => arms.iter().copied().find(|arm| below(*arm)).unwrap_or(arms[0]),
                };
                self.sample(arm, wanted)
            }
            Part::Times { part, least, most, .. } => {
                let least = match here {
                    Some(Choice::Fewest) => {
                        return self.sample(*part, None).repeat(*least as usize);
                    }
                    Some(Choice::More) => least + 1,
                    _ if below(*part) => (*least).max(1),
                    _ => *least,
                };
                if let Part::One(ranges) = &self.parts[*part].0 {
                    return word(ranges, least as usize, most.map(|most| most as usize));
                }
                let rest = self.sample(*part, None).repeat((least as usize).saturating_sub(1));
                let first = if least > 0 { self.sample(*part, wanted) } else { String::new() };
                first + &rest
            }
        }
    }

    /// A match with about the fewest words: shortest alternatives, fewest repetitions.
    fn shortest(&self, id: Id) -> String {
        match &self.parts[id].0 {
            Part::Empty | Part::Look(_) => String::new(),
            // If a class contains both spaces and letters, use a letter, because both may be one
            // word.
            Part::One(ranges) => representative(ranges).to_string(),
            Part::All(parts) => parts.iter().map(|part| self.shortest(*part)).collect(),
            Part::Either(arms) => {
                let arms = arms.iter().map(|arm| self.shortest(*arm));
                arms.min_by_key(|text| (text.matches(' ').count(), text.len())).unwrap_or_default()
            }
            Part::Times { part, least, .. } => self.shortest(*part).repeat(*least as usize),
        }
    }

    fn holds(&self, id: Id, target: Id) -> bool {
        id == target
            || match &self.parts[id].0 {
                Part::All(parts) | Part::Either(parts) => {
                    parts.iter().any(|part| self.holds(*part, target))
                }
                Part::Times { part, .. } => self.holds(*part, target),
                _ => false,
            }
    }
}

/// A readable character of a class.
fn representative(ranges: &[(char, char)]) -> char {
    let has = |c: char| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
    // A literal under `ignore_case` is a class of its cases, with the capital first.
    let few = ranges.iter().map(|(from, to)| *to as u32 - *from as u32 + 1).sum::<u32>() <= 3;
    let last = ranges.last().map_or('x', |(from, _)| *from);
    let known = ['x', 'X', '1', ' ', '-', '.', ':'].into_iter().find(|c| !few && has(*c));
    known.unwrap_or_else(|| {
        let plain = ranges.iter().map(|(from, _)| *from).filter(|c| c.is_lowercase());
        plain.min().filter(|_| few).unwrap_or(last)
    })
}

/// A word made of characters of a class.
fn word(ranges: &[(char, char)], least: usize, most: Option<usize>) -> String {
    if least == 0 {
        return String::new();
    }
    let has = |c: char| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
    let length = least.max(most.map_or(9, |most| most.min(9)));
    let letters = "something".chars().all(has);
    match letters {
        true => "something".chars().cycle().take(length).collect(),
        false => representative(ranges).to_string().repeat(least),
    }
}

fn looks(look: Look, line: &str, at: usize) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let before = line[..at].chars().next_back().is_some_and(is_word);
    let after = line[at..].chars().next().is_some_and(is_word);
    match look {
        Look::Start | Look::StartLF | Look::StartCRLF => at == 0,
        Look::End | Look::EndLF | Look::EndCRLF => at == line.len(),
        Look::WordAscii | Look::WordUnicode => before != after,
        Look::WordAsciiNegate | Look::WordUnicodeNegate => before == after,
        Look::WordStartAscii | Look::WordStartUnicode => !before && after,
        Look::WordEndAscii | Look::WordEndUnicode => before && !after,
        Look::WordStartHalfAscii | Look::WordStartHalfUnicode => !before,
        Look::WordEndHalfAscii | Look::WordEndHalfUnicode => !after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn missing(key: &'static str, regex: &str, cases: &[&str]) -> Vec<String> {
        let keys = vec![(key, [regex.to_owned()].into())];
        let cases: Vec<String> = cases.iter().map(|case| (*case).to_owned()).collect();
        let found = gaps(&Written { keys, ignore_case: false, ..Written::default() }, &cases);
        found.into_iter().map(|gap| format!("{}: {}", gap.message, gap.sample)).collect()
    }

    #[test]
    fn each_alternative_needs_its_case() {
        let regex = "Press TV News (?:Roku|Apple TV|Android)";
        let cases = ["Press TV News Roku", "Press TV News Android"];
        assert_eq!(
            missing("line", regex, &cases),
            ["no case for the alternative `Apple TV`: Press TV News Apple TV"]
        );
        assert!(missing("line", "a(?:b|c)+d", &["abcd"]).is_empty(), "all rounds of a loop count");
        assert_eq!(missing("line", "a(?:b|c)+", &["ab"]).len(), 2);
    }

    #[test]
    fn optional_and_open_parts_need_their_cases() {
        assert_eq!(missing("line", r"Tags:.*", &["Tags:"]), ["no case with `.*`: Tags:something"]);
        assert_eq!(
            missing("line", r"Tags(?: .+)?", &["Tags ab"]),
            ["no case without `(?: .+)?`: Tags"]
        );
        assert_eq!(missing("line", "likes?", &["like"]), ["no case with `s?`: likes"]);
        assert!(missing("line", "a ?b", &["ab"]).is_empty(), "an optional space needs no case");
        assert_eq!(missing("line", "(?:ab)+", &["ab"]), ["no case that repeats `(?:ab)+`: abab"]);
        assert!(missing("line", r"by \w+", &["by Ann"]).is_empty());
    }

    #[test]
    fn a_pattern_without_a_case_is_one_gap() {
        assert_eq!(
            missing("line", "Updated: (.+)", &["Field"]),
            ["no case for this pattern: Updated: something"]
        );
        assert_eq!(missing("text", "A line (of it)", &["A line"]).len(), 1);
        assert!(missing("end", "—(?:A|B)", &["so.⟦—A⟧", "so.⟦—B⟧"]).is_empty());
        assert!(missing("start", "A:|B:", &["A: x", "⟦B: ⟧x"]).is_empty());
        assert!(missing("inside", "click (?:here)?", &["x click here y", "click y"]).is_empty());
    }

    #[test]
    fn the_number_of_steps_is_bounded() {
        let line = "a".repeat(400);
        assert_eq!(missing("line", "(?:a*)*b", &[&line]).len(), 1);
        assert!(missing("line", "(?:|a)*", &["aa", ""]).len() <= 2);
    }

    #[test]
    fn the_fewest_words_are_counted() {
        assert_eq!(fewest_words("News / (?:a b|c) ?.*", false), Some(3));
        assert_eq!(fewest_words(".+", false), Some(1));
    }

    proptest! {
        /// This matcher and the regex crate agree on whether a complete line matches.
        #[test]
        fn matches_agree_with_the_regex_crate(line in "[ab1 ]{0,6}") {
            for source in ["a(?:b|ab)*1?", r"(?:a|ab)(?:1|b1)", r"\w+ ?\d{1,2}", r"a+?b*", r"(?i)A\bx?", r"[^a]+a{2,}"] {
                let regex = regex::Regex::new(&format!("^(?:{source})$")).unwrap();
                let ours = Regex::parse(source, false).unwrap().walk(Anchor::Line, &line);
                prop_assert_eq!(ours.is_some(), regex.is_match(&line), "{} on {:?}", source, line);
            }
        }
    }
}
