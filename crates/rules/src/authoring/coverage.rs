//! Coverage of a rule's regexes by its cases.
//!
//! A regex with alternatives, optional parts or open repetitions makes several claims, and each
//! needs a case: otherwise a typing error in the tenth of eleven alternatives is never noticed.
//! HTTPS Everywhere required a test for each `*`, `+`, `?` and `|` of a rule (its
//! ruleset-testing.md, 2015).
//!
//! Each choice becomes a group of the regex, and a case exercises the choices whose groups take part
//! in its match. To delete each choice and match the cases again would take ten times as long, and
//! would report choices that have a case but could be omitted, such as an optional part before `.*`
//! (13 in the shipped rules).

use std::collections::HashSet;
use std::ops::Range;

use regex_syntax::ast::{self, Ast};
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{
    Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition,
};

use super::file::Written;
use crate::key;
use crate::matching::folding::folded;
use crate::matching::{Anchor, CompileError, regex_of};

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

    /// The parts from `id` as a regex with a group for each choice. Group `c0` belongs to the first
    /// choice in `choices`, and so on; a part that is repeated may occur several times.
    fn marked(&self, id: Id, choices: &mut Vec<(Id, Choice)>) -> Hir {
        match &self.parts[id].0 {
            Part::Empty => Hir::empty(),
            Part::One(ranges) => {
                let ranges = ranges.iter().map(|(from, to)| ClassUnicodeRange::new(*from, *to));
                Hir::class(Class::Unicode(ClassUnicode::new(ranges)))
            }
            Part::Look(look) => Hir::look(*look),
            Part::All(parts) => {
                Hir::concat(parts.iter().map(|part| self.marked(*part, choices)).collect())
            }
            Part::Either(arms) => {
                let arm = |(arm, part): (usize, &Id)| {
                    let choice = (id, Choice::Arm(arm));
                    group(choice, choices, |choices| self.marked(*part, choices))
                };
                Hir::alternation(arms.iter().enumerate().map(arm).collect())
            }
            Part::Times { part, least, most, lazy } => {
                let times = |min: u32, max: Option<u32>, choices: &mut _| {
                    let sub = Box::new(self.marked(*part, choices));
                    Hir::repetition(Repetition { min, max, greedy: !lazy, sub })
                };
                if most.is_some_and(|most| most == *least) {
                    return times(*least, *most, choices);
                }
                let first = match least {
                    0 => Hir::empty(),
                    _ => times(*least, Some(*least), choices),
                };
                let most = most.map(|most| most - least);
                let more = group((id, Choice::More), choices, |choices| times(1, most, choices));
                let fewest = group((id, Choice::Fewest), choices, |_| Hir::empty());
                let rest = if *lazy { vec![fewest, more] } else { vec![more, fewest] };
                Hir::concat(vec![first, Hir::alternation(rest)])
            }
        }
    }

    /// The choices that the matches of these lines take. `None` if no line matches.
    ///
    /// # Errors
    /// If the regex with the groups is too large.
    fn exercised(
        &self,
        anchor: Anchor,
        lines: &[String],
    ) -> Result<Option<HashSet<(Id, Choice)>>, CompileError> {
        let mut choices = Vec::new();
        let regex = regex_of(self.marked(self.top, &mut choices), anchor)?;
        // The number in the name of each group. Other groups have no name.
        let number = |name: Option<&str>| name?.strip_prefix('c')?.parse::<usize>().ok();
        let numbers: Vec<Option<usize>> = regex.capture_names().map(number).collect();
        let mut exercised = None;
        for captures in lines.iter().filter_map(|line| regex.captures(line)) {
            let groups = captures.iter().zip(&numbers).filter(|(group, _)| group.is_some());
            let taken = groups.filter_map(|(_, number)| choices.get((*number)?).copied());
            exercised.get_or_insert_with(HashSet::new).extend(taken);
        }
        Ok(exercised)
    }

    /// The choices that no line exercises: their place, a message, and a text that would exercise
    /// them.
    fn gaps(&self, anchor: Anchor, lines: &[String]) -> Vec<(Range<usize>, String, String)> {
        // Large regexes are a finding of their own.
        let Ok(seen) = self.exercised(anchor, lines) else { return Vec::new() };
        let Some(seen) = seen else {
            let message = "no case for this pattern".to_owned();
            return vec![(0..self.source.len(), message, self.sample(self.top, None))];
        };
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

/// A group for a choice, with what `sub` makes of the choices inside it.
fn group(
    choice: (Id, Choice),
    choices: &mut Vec<(Id, Choice)>,
    sub: impl FnOnce(&mut Vec<(Id, Choice)>) -> Hir,
) -> Hir {
    let name = Some(format!("c{}", choices.len()).into());
    choices.push(choice);
    Hir::capture(Capture { index: 0, name, sub: Box::new(sub(choices)) })
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
    fn repeated_parts_may_match_the_empty_text() {
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
        /// The groups do not change which lines a regex matches.
        #[test]
        fn groups_do_not_change_the_matches(line in "[ab1 ]{0,6}") {
            for source in ["a(?:b|ab)*1?", r"(?:a|ab)(?:1|b1)", r"\w+ ?\d{1,2}", r"a+?b*", r"(?i)A\bx?", r"[^a]+a{2,}", "(?:b{2})?(?:a{1,2}){2,3}"] {
                let regex = regex::Regex::new(&format!("^(?:{source})$")).unwrap();
                let lines = [line.clone()];
                let ours = Regex::parse(source, false).unwrap().exercised(Anchor::Line, &lines);
                prop_assert_eq!(ours.unwrap().is_some(), regex.is_match(&line), "{} on {:?}", source, line);
            }
        }
    }
}
