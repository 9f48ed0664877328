//! Templates: patterns that use lists of the lexicon.
//!
//! `{kind}` in a pattern matches any phrase of that kind. `{kind: PATTERN}` matches the phrases
//! with a slot, with `PATTERN` in the slot. `{shape}` is one of the [`SHAPES`]. A rule whose
//! pattern uses lists is expanded into one rule for each language that has cue words for all of its
//! kinds, so that words of different languages never combine. In the regex of such a rule, a
//! private-use character stands for each list and each shape.

use std::ops::Range;

use super::file::{Cases, WrittenKeys};
use super::kind_lists::{KindLists, Slot};
use super::kinds::{Form, KINDS, kind};
use super::lexicon::{Entries, INTERNATIONAL, Language, Lexicon};
use super::yaml;
use crate::matching::folding::shape;
use crate::matching::placeholders::{FIRST_LIST, FIRST_SHAPE};
use crate::matching::shapes::SHAPES;
use crate::matching::{List, is_found};

/// A part of a template.
enum Part<'t> {
    Text(&'t str),
    /// The index of a kind, and the pattern for the slots of its phrases.
    List(usize, Option<Vec<Part<'t>>>),
    /// The index of a shape, and its parts.
    Shape(usize, Vec<Part<'static>>),
}

/// An error in a template: its bytes and a message.
type Wrong = (Range<usize>, String);

/// Whether a pattern uses a list, or has an error in a name.
pub(crate) fn has_lists(text: &str) -> bool {
    parse(text, 0, false).map_or(true, |(parts, _)| {
        let mut named = Vec::new();
        kinds(&parts, &mut named);
        !named.is_empty()
    })
}

/// A pattern with its shapes expanded, if it uses shapes and no lists.
pub(crate) fn without_shapes(text: &str) -> Option<String> {
    let (parts, _) = parse(text, 0, false).ok()?;
    fn spell(parts: &[Part<'_>], regex: &mut String) -> Option<()> {
        parts.iter().try_for_each(|part| match part {
            Part::Text(text) => {
                regex.push_str(text);
                Some(())
            }
            Part::Shape(_, parts) => {
                regex.push_str("(?:");
                spell(parts, regex)?;
                regex.push(')');
                Some(())
            }
            Part::List(..) => None,
        })
    }
    let mut regex = String::new();
    parts.iter().any(|part| matches!(part, Part::Shape(..))).then_some(())?;
    spell(&parts, &mut regex).map(|()| regex)
}

/// Checks the names of lists. Returns a regex of the same length in which each list is replaced by
/// letters, so that the rest can be checked.
pub(crate) fn check(text: &str) -> Result<String, Wrong> {
    let (parts, _) = parse(text, 0, false)?;
    let mut plain = String::with_capacity(text.len());
    let start = text.as_ptr() as usize;
    fn fill<'t>(parts: &[Part<'t>], start: usize, plain: &mut String) {
        for part in parts {
            match part {
                Part::Text(text) => {
                    let at = text.as_ptr() as usize - start;
                    plain.extend(std::iter::repeat_n('x', at - plain.len()));
                    plain.push_str(text);
                }
                Part::List(_, slot) => fill(slot.as_deref().unwrap_or_default(), start, plain),
                Part::Shape(..) => {}
            }
        }
    }
    fill(&parts, start, &mut plain);
    plain.extend(std::iter::repeat_n('x', text.len() - plain.len()));
    Ok(plain)
}

/// Parses `text` from offset `from`. If `nested`, stops at the `}` of the surrounding list. Returns
/// the offset after the last part.
fn parse(text: &str, from: usize, nested: bool) -> Result<(Vec<Part<'_>>, usize), Wrong> {
    let bytes = text.as_bytes();
    let (mut parts, mut at, mut written, mut depth) = (Vec::new(), from, from, 0);
    while at < text.len() {
        match bytes[at] {
            b'\\' => {
                let class = matches!(bytes.get(at + 1), Some(b'p' | b'P' | b'x' | b'u' | b'U'));
                let end = || text[at..].find('}').map(|end| at + end + 1);
                at = match class && bytes.get(at + 2) == Some(&b'{') {
                    true => end().unwrap_or(text.len()),
                    false => text.ceil_char_boundary(at + 2),
                };
                continue;
            }
            b'{' if bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase) => {
                let (list, end) = parse_list(text, at)?;
                parts.extend((written < at).then(|| Part::Text(&text[written..at])));
                parts.push(list);
                (at, written) = (end, end);
                continue;
            }
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b'}' if nested => break,
            _ => {}
        }
        at += 1;
    }
    parts.extend((written < at).then(|| Part::Text(&text[written..at])));
    Ok((parts, at))
}

/// Parses the list at `at`. Returns the offset after it.
fn parse_list(text: &str, at: usize) -> Result<(Part<'_>, usize), Wrong> {
    let rest = &text[at + 1..];
    let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(rest.len());
    let name = &rest[..end];
    let after = at + 1 + end;
    let open = || (at..after, format!("`{{{name}` has no closing `}}`"));
    if let Some(shape) = SHAPES.iter().position(|(shape, ..)| *shape == name) {
        return match text.as_bytes().get(after) {
            Some(b'}') => Ok((Part::Shape(shape, parse(SHAPES[shape].1, 0, false)?.0), after + 1)),
            Some(b':') => {
                Err((at..after, format!("`{name}` takes no pattern: write `{{{name}}}`")))
            }
            _ => Err(open()),
        };
    }
    let Some(kind) = kind(name) else {
        let kinds = KINDS.iter().map(|kind| kind.name);
        let names: Vec<&str> = kinds.chain(SHAPES.iter().map(|(name, ..)| *name)).collect();
        let help = yaml::expected(name, &names);
        return Err((at + 1..after, format!("unknown list \"{name}\"; {help}")));
    };
    match text.as_bytes().get(after) {
        Some(b'}') => Ok((Part::List(kind, None), after + 1)),
        Some(b':') => {
            let inner = after + 1 + text[after + 1..].len() - text[after + 1..].trim_start().len();
            let (slot, end) = parse(text, inner, true)?;
            match text.as_bytes().get(end) {
                Some(b'}') => Ok((Part::List(kind, Some(slot)), end + 1)),
                _ => Err(open()),
            }
        }
        _ => Err(open()),
    }
}

/// The kinds that a template names.
fn kinds(parts: &[Part<'_>], all: &mut Vec<usize>) {
    for part in parts {
        match part {
            Part::Text(_) => {}
            Part::List(kind, slot) => {
                all.push(*kind);
                kinds(slot.as_deref().unwrap_or_default(), all);
            }
            Part::Shape(_, parts) => kinds(parts, all),
        }
    }
}

/// The cue words of one language together with those shared by all languages.
pub(crate) struct Words<'l> {
    pub(crate) language: &'l Language,
    international: Option<&'l Language>,
    lexicon: &'l Lexicon,
    /// The index of the language in the lexicon.
    at: usize,
}

/// The cases in the lexicon for a rule in the language `code` that was made from `template`: lines, of
/// which the rule removes some, and sentences that it keeps.
pub(crate) fn cases(lexicon: &Lexicon, template: &WrittenKeys, code: &str) -> Cases {
    let mut named = Vec::new();
    let texts = template.iter().filter(|(key, _)| *key != "unless").flat_map(|(_, texts)| &**texts);
    for (parts, _) in texts.filter_map(|text| parse(text, 0, false).ok()) {
        kinds(&parts, &mut named);
    }
    named.sort_unstable();
    named.dedup();
    named.retain(|kind| KINDS[*kind].form.needs_cases());
    let language = lexicon.language(code);
    let entries: Vec<_> =
        named.iter().filter_map(|kind| language.and_then(|own| own.kinds.get(kind))).collect();
    Cases {
        removes: entries.iter().flat_map(|entries| &entries.removes).cloned().collect(),
        keeps: entries.iter().flat_map(|entries| &entries.keeps).cloned().collect(),
    }
}

impl<'l> Words<'l> {
    /// The cue words of each language. The shared ones by themselves come last.
    pub(crate) fn all(lexicon: &'l Lexicon) -> impl Iterator<Item = Words<'l>> {
        let international = lexicon.language(INTERNATIONAL);
        let words = move |(at, language): (usize, &'l Language)| {
            let international = international.filter(|shared| shared.code != language.code);
            Words { language, international, lexicon, at }
        };
        let all = || lexicon.languages().iter().enumerate();
        let is_shared = |language: &Language| language.code == INTERNATIONAL;
        let own = all().filter(move |(_, language)| !is_shared(language));
        all().filter(move |(_, language)| is_shared(language)).chain(own).map(words)
    }

    /// Whether these are only the shared cue words.
    pub(crate) fn is_international(&self) -> bool {
        self.language.code == INTERNATIONAL
    }

    /// The entries of a kind. Words of a language may occur together with shared ones; complete
    /// lines do not. Names belong to all languages.
    fn entries(&self, kind: usize) -> impl Iterator<Item = &'l Entries> {
        let form = KINDS[kind].form;
        let shared = self.international.filter(|_| form.is_word());
        let all = self.lexicon.languages().iter();
        let others = all.filter(move |_| form == Form::Name && self.is_international());
        let others = others.filter(|language| language.code != INTERNATIONAL);
        let languages = std::iter::once(self.language).chain(shared).chain(others);
        languages.filter_map(move |language| language.kinds.get(&kind))
    }

    /// The regexes of a rule's texts in this language. Texts without lists, or with only names,
    /// belong to the shared language. Texts that name a kind without entries in this language are
    /// left out.
    pub(crate) fn expand(&self, texts: &[String]) -> Expanded {
        self.expand_if(texts, |named| {
            // A text with only names is the same in all languages.
            if named.iter().all(|kind| KINDS[*kind].form == Form::Name) {
                return self.is_international();
            }
            named.iter().any(|kind| self.language.kinds.contains_key(kind))
        })
    }

    /// Like [`Words::expand`], for the texts of `unless`, which apply wherever the rule does.
    pub(crate) fn expand_all(&self, texts: &[String]) -> Expanded {
        self.expand_if(texts, |_| true)
    }

    fn expand_if(&self, texts: &[String], wanted: impl Fn(&[usize]) -> bool) -> Expanded {
        let mut expanded = Expanded::default();
        for (parts, _) in texts.iter().filter_map(|text| parse(text, 0, false).ok()) {
            let mut named = Vec::new();
            kinds(&parts, &mut named);
            let any = |kind: &usize| self.entries(*kind).next().is_some();
            if !wanted(&named) || !named.iter().all(any) {
                continue;
            }
            let phrases =
                named.iter().flat_map(|kind| self.entries(*kind)).flat_map(|e| &e.phrases);
            let mut has = vec![false; Slot::ALL.len()];
            phrases
                .filter_map(|phrase| Slot::of(phrase))
                .for_each(|slot| has[slot as usize] = true);
            for slot in Slot::ALL {
                if *slot == Slot::None || has[*slot as usize] {
                    let count = expanded.lists.len();
                    let regex = self.emit(&parts, *slot, &mut expanded.lists);
                    // Phrases that would have no literal for the index are left out.
                    let found =
                        |regex: &String| *slot == Slot::None || is_found(regex, &expanded.lists);
                    match regex.filter(found) {
                        Some(regex) => expanded.texts.push(regex),
                        None => expanded.lists.truncate(count),
                    }
                }
            }
        }
        expanded
    }

    /// The regex of a template, using the phrases whose slot is at this position. Lists without
    /// such phrases use those without a slot. `None` if there are none of these either.
    fn emit(&self, parts: &[Part<'_>], slot: Slot, lists: &mut Vec<List>) -> Option<String> {
        let mut regex = String::new();
        for part in parts {
            match part {
                Part::Text(text) => regex.push_str(text),
                Part::List(kind, filler) => {
                    // The pattern for a slot applies only to phrases with a slot.
                    let has_slots = !KINDS[*kind].form.is_word();
                    if filler.is_some() && slot == Slot::None && has_slots {
                        return None;
                    }
                    let filler = match filler {
                        Some(filler) => self.emit(filler, Slot::None, lists)?,
                        None if slot == Slot::End => LAST_NAME_PATTERN.to_owned(),
                        None => NAME_PATTERN.to_owned(),
                    };
                    regex.push_str(&self.list(*kind, &filler, slot, lists)?);
                }
                Part::Shape(at, _) if shape(*at, true).is_some() => {
                    regex.push(char::from_u32(u32::from(FIRST_SHAPE) + *at as u32)?);
                }
                Part::Shape(_, parts) => {
                    regex.push_str("(?:");
                    regex.push_str(&self.emit(parts, Slot::None, lists)?);
                    regex.push(')');
                }
            }
        }
        Some(regex)
    }

    /// The phrases of a kind as a regex.
    fn list(&self, kind: usize, filler: &str, slot: Slot, lists: &mut Vec<List>) -> Option<String> {
        let mut push = |list: &List| {
            let c = char::from_u32(u32::from(FIRST_LIST) + lists.len() as u32)?;
            lists.push(list.clone());
            Some(c)
        };
        let by_slot = match self.lists(kind) {
            KindLists::Words(groups) => {
                let mut ways = Vec::new();
                for (before, list, after) in groups {
                    ways.push(format!("{before}{}{after}", push(list)?));
                }
                return Some(format!("(?:{})", ways.join("|")));
            }
            KindLists::Phrases(by_slot) => by_slot,
        };
        let of = |slot: Slot| by_slot.iter().find(|(known, _)| *known == slot);
        let (slot, parts) = of(slot).or_else(|| of(Slot::None))?;
        let mut part = |at: usize| push(parts.get(at)?);
        let filler = format!("(?:{filler})");
        Some(match slot {
            Slot::None => part(0)?.to_string(),
            Slot::End => format!("{} ?{filler}", part(0)?),
            Slot::Start => format!("{filler} ?{}", part(0)?),
            Slot::Middle => format!("{} ?{filler} ?{}", part(0)?, part(1)?),
            Slot::NameAndEnd => format!("{} ?{NAME_PATTERN} ?{} ?{filler}", part(0)?, part(1)?),
        })
    }

    /// The lists of a kind.
    fn lists(&self, kind: usize) -> &'l KindLists {
        let make = || {
            let phrases = self.entries(kind).flat_map(|entries| &entries.phrases);
            let phrases: Vec<&str> = phrases.map(String::as_str).collect();
            KindLists::of(&KINDS[kind], &self.language.code, &phrases)
        };
        self.lexicon.lists(self.at, kind, make)
    }
}

/// The regexes of a rule's texts in one language, and the lists that they use.
#[derive(Default)]
pub(crate) struct Expanded {
    pub(crate) texts: Vec<String>,
    pub(crate) lists: Vec<List>,
}

/// A name or a short phrase within a line.
const NAME_PATTERN: &str = "[^.!?。]{1,40}";

/// A name at the end of a phrase, where no other part of the phrase shows that it is one: it begins
/// with a capital, a digit or a mark, or is an address or a product such as `iDNES`.
const LAST_NAME_PATTERN: &str =
    r"(?-i:[^\p{Ll}\s.!?。][^.!?。]{0,39}|[\p{Ll}\d-]{1,30}(?:\.\p{Ll}{2,8}|\p{Lu})[^.!?。]{0,20})";

#[cfg(test)]
mod tests {
    use chaffinch_stage::Role;

    use super::*;
    use crate::matching::{Anchor, Pattern};

    fn lexicon() -> Lexicon {
        let file = "lexicon: xx\nname: Test\nkinds:\n  share:\n    entries: [\"share (this|it)\"]\n    removes: [Share this]\n    keeps: [Share it]\n  share-on:\n    entries: [\"share on …\", \"on … share\"]\n    removes: [x]\n    keeps: [x]\n  network:\n    entries: [Fedibook]\n  and:\n    entries: [et]\n";
        let mul =
            "lexicon: mul\nname: International\nkinds:\n  network:\n    entries: [X, Facebook]\n";
        let own = [("xx.yaml", file), ("mul.yaml", mul)];
        let own = own.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let (lexicon, problems) = Lexicon::with(&own);
        assert!(problems.is_empty(), "{problems:?}");
        lexicon
    }

    fn expanded(code: &str, text: &str) -> Vec<String> {
        let lexicon = lexicon();
        let words = Words::all(&lexicon).find(|words| words.language.code == code).unwrap();
        words.expand(&[text.to_owned()]).texts
    }

    fn matches(text: &str, line: &str) -> bool {
        let lexicon = lexicon();
        let words = Words::all(&lexicon).find(|words| words.language.code == "xx").unwrap();
        let Expanded { texts, lists } = words.expand(&[text.to_owned()]);
        let pattern = Pattern::new(Anchor::Line, Role::Line, texts.into(), false, true);
        pattern.with_lists(lists.into()).is_match(line)
    }

    #[test]
    fn lists_become_characters() {
        assert_eq!(expanded("xx", "{share}[.]?"), [format!("{FIRST_LIST}[.]?")]);
        assert_eq!(expanded("xx", r"\p{Lu}{2}a{1,3}"), [""; 0]);
        assert_eq!(expanded("mul", "a{1}"), ["a{1}"]);
        assert!(matches("{share}[.]?", "Share THIS.") && !matches("{share}[.]?", "Share thistle"));
    }

    #[test]
    fn slots_are_filled_and_names_match_as_words() {
        let text = "{share-on: {network}(?:, {network})*(?: {and} {network})?}";
        assert!(matches(text, "share on Facebook, X et Fedibook"));
        assert!(matches(text, "on Facebook'ta share"));
        assert!(!matches(text, "share on Xavier") && !matches(text, "share on Facebook et"));
        assert_eq!(expanded("xx", text).len(), 2);
        assert_eq!(expanded("mul", text), [""; 0]);
    }

    #[test]
    fn patterns_of_only_names_are_the_same_in_all_languages() {
        let text = "{network}(?:, {network})*";
        assert_eq!(expanded("xx", text), [""; 0]);
        let lexicon = lexicon();
        let shared = Words::all(&lexicon).find(Words::is_international).unwrap();
        let Expanded { texts, lists } = shared.expand(&[text.to_owned()]);
        let pattern = Pattern::new(Anchor::Line, Role::Line, texts.into(), false, true);
        assert!(pattern.with_lists(lists.into()).is_match("Facebook, Fedibook"));
        // Together with words of a language, they belong to that language.
        assert_eq!(expanded("xx", "{network} {and} {network}").len(), 1);
    }

    #[test]
    fn slots_in_the_middle_take_a_name() {
        let file = "lexicon: xx\nname: Test\nkinds:\n  newsletter:\n    entries: [\"sign up (to|for) the … newsletter\", \"sign up for our newsletter\"]\n    removes: [x]\n    keeps: [x]\n  you:\n    entries: [your]\n";
        let (lexicon, _) = Lexicon::with(&[("xx.yaml".to_owned(), file.to_owned())]);
        let words = Words::all(&lexicon).find(|words| words.language.code == "xx").unwrap();
        let text = "{bullet}{newsletter}(?: |[.!?:—-] ).{0,200}{you}.{0,120}".to_owned();
        let Expanded { texts, lists } = words.expand(&[text]);
        assert_eq!(texts.len(), 2);
        let pattern = Pattern::new(Anchor::Line, Role::Line, texts.into(), false, true);
        let pattern = pattern.with_lists(lists.into());
        assert!(pattern.is_match(
            "Sign up to the Example Pro newsletter to get all the news your business needs!"
        ));
    }

    #[test]
    fn shapes_are_expanded() {
        let text = without_shapes("{bullet}a{1,2}").unwrap();
        assert!(text.ends_with("-]* ?)a{1,2}"), "{text}");
        assert_eq!(without_shapes("a{1,2}"), None);
        assert!(!has_lists("{bullet}a") && has_lists("{bullet}{networks}"));
        for (name, pattern, _) in SHAPES {
            assert!(check(pattern).is_ok(), "{name}");
            let at = SHAPES.iter().position(|(known, ..)| known == name).unwrap();
            assert_eq!(shape(at, true).is_none(), has_lists(pattern), "{name}");
        }
    }

    #[test]
    fn errors_have_their_position() {
        let wrong = |text: &str| check(text).unwrap_err();
        assert_eq!(wrong("a {shere}").0, 3..8);
        assert!(wrong("a {shere}").1.contains("did you mean \"share\"?"));
        assert_eq!(wrong("{share-on: {network}").0, 0..9);
        let open = "`{bullet` has no closing `}`".to_owned();
        assert_eq!(wrong("some words {bullet"), (11..18, open));
        let slot = "`bullet` takes no pattern: write `{bullet}`".to_owned();
        assert_eq!(wrong("{bullet: x}"), (0..7, slot));
        assert_eq!(check(r"\p{L}{2} {share-on: a{2}}[").unwrap(), r"\p{L}{2} xxxxxxxxxxxa{2}x[");
    }
}
