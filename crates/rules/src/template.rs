//! Templates: patterns that use lists of the lexicon.
//!
//! `{kind}` in a pattern matches any phrase of that kind; `{kind: PATTERN}` does so with `PATTERN` in
//! the slot of each phrase. A rule with such a pattern becomes one rule for each language that has
//! cues for all kinds it names, so that the words of one language never combine with those of
//! another. The phrases of a list become a regex that shares common beginnings.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use chaffinch_stage::script;

use crate::lexicon::{self, ENDING, Entries, Form, INTERNATIONAL, KINDS, Language, Lexicon, NUMBER, SLOT};
use crate::yaml;

/// A part of a template.
enum Part<'t> {
    Text(&'t str),
    /// A kind, and what fills the slots of its phrases.
    List(usize, Option<Vec<Part<'t>>>),
}

/// What is wrong with a template: bytes of it, and why.
type Wrong = (Range<usize>, String);

/// Whether a pattern uses a list.
pub(crate) fn has_lists(text: &str) -> bool {
    parse(text, 0, false).map_or(true, |(parts, _)| {
        parts.iter().any(|part| matches!(part, Part::List(..)))
    })
}

/// Checks the names of lists. Gives the template as a regex of the same length in which each list
/// is a run of letters, to check the rest of it.
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
            }
        }
    }
    fill(&parts, start, &mut plain);
    plain.extend(std::iter::repeat_n('x', text.len() - plain.len()));
    Ok(plain)
}

/// The parts of `text` from `from` on; `nested` ends at the `}` of the list around them. Gives the
/// place after the last part.
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

/// The list at `at`, and the place after it.
fn parse_list(text: &str, at: usize) -> Result<(Part<'_>, usize), Wrong> {
    let rest = &text[at + 1..];
    let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(rest.len());
    let name = &rest[..end];
    let after = at + 1 + end;
    let Some(kind) = lexicon::kind(name) else {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        let help = yaml::expected(name, &names);
        return Err((at + 1..after, format!("unknown lexicon kind \"{name}\"; {help}")));
    };
    let open = || (at..after, format!("`{{{name}` has no closing `}}`"));
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
        if let Part::List(kind, slot) = part {
            all.push(*kind);
            kinds(slot.as_deref().unwrap_or_default(), all);
        }
    }
}

/// The cues of one language together with those that all languages share.
pub(crate) struct Words<'l> {
    pub(crate) language: &'l Language,
    international: Option<&'l Language>,
}

impl<'l> Words<'l> {
    /// Those of each language, the shared ones by themselves last.
    pub(crate) fn all(lexicon: &'l Lexicon) -> impl Iterator<Item = Words<'l>> {
        let international = lexicon.language(INTERNATIONAL);
        let own = lexicon.languages().iter().filter(|language| language.code != INTERNATIONAL);
        own.map(move |language| Words { language, international })
            .chain(international.map(|language| Words { language, international: None }))
    }

    /// Whether these are the shared ones by themselves.
    pub(crate) fn is_international(&self) -> bool {
        self.language.code == INTERNATIONAL
    }

    fn entries(&self, kind: usize) -> impl Iterator<Item = &'l Entries> {
        let shared = self.international.and_then(|language| language.kinds.get(&kind));
        self.language.kinds.get(&kind).into_iter().chain(shared)
    }

    /// The regexes of a rule's texts in this language. A text without lists belongs to all
    /// languages; a text that names a kind without cues here is left out.
    pub(crate) fn expand(&self, texts: &[String]) -> Vec<String> {
        texts.iter().filter_map(|text| self.expand_one(text)).collect()
    }

    fn expand_one(&self, text: &str) -> Option<String> {
        let (parts, _) = parse(text, 0, false).ok()?;
        let mut named = Vec::new();
        kinds(&parts, &mut named);
        let own = |kind: &usize| self.language.kinds.contains_key(kind);
        let any = |kind: &usize| self.entries(*kind).next().is_some();
        let here = named.iter().any(own) || named.is_empty() && self.is_international();
        (here && named.iter().all(any)).then(|| self.emit(&parts))
    }

    /// As [`Words::expand`] for the texts of `unless`, which hold wherever the rule does.
    pub(crate) fn expand_all(&self, texts: &[String]) -> Vec<String> {
        let expand = |text: &String| {
            let (parts, _) = parse(text, 0, false).ok()?;
            let mut named = Vec::new();
            kinds(&parts, &mut named);
            let any = |kind: &usize| self.entries(*kind).next().is_some();
            named.iter().all(any).then(|| self.emit(&parts))
        };
        texts.iter().filter_map(expand).collect()
    }

    /// The cases of the kinds that these texts name: lines to remove, sentences to keep.
    pub(crate) fn cases(&self, texts: &[String]) -> (Vec<String>, Vec<String>) {
        let mut named = Vec::new();
        for (parts, _) in texts.iter().filter_map(|text| parse(text, 0, false).ok()) {
            kinds(&parts, &mut named);
        }
        named.sort_unstable();
        named.dedup();
        let entries = || named.iter().filter_map(|kind| self.language.kinds.get(kind));
        let removes = entries().flat_map(|entries| &entries.removes).cloned().collect();
        (removes, entries().flat_map(|entries| &entries.keeps).cloned().collect())
    }

    fn emit(&self, parts: &[Part<'_>]) -> String {
        let mut regex = String::new();
        for part in parts {
            match part {
                Part::Text(text) => regex.push_str(text),
                Part::List(kind, slot) => {
                    let slot = slot.as_ref().map(|slot| format!("(?:{})", self.emit(slot)));
                    regex.push_str(&self.list(*kind, slot.as_deref()));
                }
            }
        }
        regex
    }

    /// The phrases of a kind as one regex.
    fn list(&self, kind: usize, slot: Option<&str>) -> String {
        let phrases: Vec<&str> =
            self.entries(kind).flat_map(|entries| &entries.phrases).map(String::as_str).collect();
        let code = self.language.code.as_str();
        // Without a filler, a slot takes a name.
        let spelling = Spelling { code, slot: slot.unwrap_or("[^.!?。]{1,40}") };
        if KINDS[kind].form != Form::Word {
            return format!("(?:{})", Trie::of(&phrases).regex(&spelling));
        }
        // Words of scripts with spaces are whole words.
        let mut groups: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for phrase in phrases {
            let (before, after) = borders(phrase, KINDS[kind].name, code);
            groups.entry((before, after)).or_default().push(phrase.trim_start_matches('-'));
        }
        let group = |((before, after), phrases): (&(&str, &str), &Vec<&str>)| {
            format!("{before}(?:{}){after}", Trie::of(phrases).regex(&spelling))
        };
        format!("(?:{})", groups.iter().map(group).collect::<Vec<_>>().join("|"))
    }
}

/// What must stand before and after a word.
fn borders(phrase: &str, kind: &str, code: &str) -> (&'static str, &'static str) {
    let is_word = |c: char| c.is_alphanumeric() && !script::is_unspaced(c) || c == ENDING;
    let starts = phrase.chars().next().is_some_and(is_word);
    let ends = phrase.chars().next_back().is_some_and(is_word);
    let before = match (starts, code) {
        _ if phrase.starts_with('-') => r"[\p{L}\p{M}]",
        (false, _) => "",
        // Conjunctions and articles that are written as part of the word.
        (true, "ar") => r"\b[وف]?",
        (true, "he") => r"\b[והשכ]?",
        (true, _) => r"\b",
    };
    let after = match ends {
        false => "",
        // Inflected names: Facebooku, Instagram'da. Short names would begin other words.
        true if kind == "network" && phrase.chars().count() > 3 => r"(?:['-]?[\p{L}\p{M}]{1,8})?\b",
        true => r"\b",
    };
    (before, after)
}

/// How the characters of phrases become a regex in one language.
struct Spelling<'t> {
    code: &'t str,
    slot: &'t str,
}

impl Spelling<'_> {
    fn push(&self, c: char, regex: &mut String) {
        match c {
            SLOT => regex.push_str(self.slot),
            NUMBER => regex.push_str(r"\d[\d.,]*"),
            ENDING => regex.push_str(r"[\p{L}\p{M}]*"),
            // Writers of these languages differ in where they put spaces.
            ' ' if ["zh", "ja", "th", "ko", "fa", "ur"].contains(&self.code) => regex.push_str(" ?"),
            c => match self.unaccented(c) {
                Some(plain) => regex.extend(['[', c, plain, ']']),
                None => regex.push_str(&regex_syntax::escape(c.encode_utf8(&mut [0; 4]))),
            },
        }
    }

    /// The letter without its accent, in languages that often leave accents out in capitals.
    fn unaccented(&self, c: char) -> Option<char> {
        if c.is_ascii() || !["ca", "el", "es", "fr", "it", "pt", "ro"].contains(&self.code) {
            return None;
        }
        use unicode_normalization::UnicodeNormalization;
        let plain = std::iter::once(c).nfd().next()?;
        (plain != c).then_some(plain)
    }
}

/// Phrases that share their beginnings.
#[derive(Default)]
struct Trie {
    next: BTreeMap<char, Trie>,
    is_end: bool,
}

impl Trie {
    fn of(phrases: &[&str]) -> Trie {
        let mut trie = Trie::default();
        for phrase in phrases {
            let mut at = &mut trie;
            for c in phrase.chars() {
                at = at.next.entry(c).or_default();
            }
            at.is_end = true;
        }
        trie
    }

    fn regex(&self, spelling: &Spelling<'_>) -> String {
        let mut regex = String::new();
        self.emit(spelling, &mut regex);
        regex
    }

    /// Longer phrases come first, so that a match takes as much as it can.
    fn emit(&self, spelling: &Spelling<'_>, regex: &mut String) {
        let group = self.next.len() > 1 || self.is_end && !self.next.is_empty();
        if group {
            regex.push_str("(?:");
        }
        for (at, (c, next)) in self.next.iter().enumerate() {
            if at > 0 {
                regex.push('|');
            }
            spelling.push(*c, regex);
            next.emit(spelling, regex);
        }
        if group {
            let _ = write!(regex, "{}", if self.is_end { ")?" } else { ")" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexicon() -> Lexicon {
        let file = "lexicon: xx\nname: Test\nkinds:\n  share:\n    entries: [\"share (this|it)\"]\n    removes: [Share this]\n    keeps: [Share it]\n  share-on:\n    entries: [\"share on …\", \"on … share\"]\n    removes: [x]\n    keeps: [x]\n  network:\n    entries: [Fedibook]\n  and:\n    entries: [et]\n";
        let mul = "lexicon: mul\nname: International\nkinds:\n  network:\n    entries: [X, Facebook]\n";
        let own = [("xx.yaml", file), ("mul.yaml", mul)];
        let own = own.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let (lexicon, problems) = Lexicon::with(&own);
        assert!(problems.is_empty(), "{problems:?}");
        lexicon
    }

    fn expanded(code: &str, text: &str) -> Option<String> {
        let lexicon = lexicon();
        let words = Words::all(&lexicon).find(|words| words.language.code == code).unwrap();
        words.expand_one(text)
    }

    fn matches(text: &str, line: &str) -> bool {
        let regex = expanded("xx", text).unwrap();
        regex::Regex::new(&format!("^(?:{regex})$")).unwrap().is_match(line)
    }

    #[test]
    fn lists_share_their_beginnings() {
        assert_eq!(expanded("xx", "{share}[.]?").unwrap(), "(?:share (?:it|this))[.]?");
        assert_eq!(expanded("xx", r"\p{Lu}{2}a{1,3}"), None);
        assert_eq!(expanded("mul", "a{1}").as_deref(), Some("a{1}"));
    }

    #[test]
    fn slots_are_filled_and_names_are_whole_words() {
        let text = "{share-on: {network}(?:, {network})*(?: {and} {network})?}";
        assert!(matches(text, "share on Facebook, X et Fedibook"));
        assert!(matches(text, "on Facebook'ta share"));
        assert!(!matches(text, "share on Xavier") && !matches(text, "share on Facebook et"));
        assert_eq!(expanded("mul", text), None);
    }

    #[test]
    fn mistakes_have_their_place() {
        let wrong = |text: &str| check(text).unwrap_err();
        assert_eq!(wrong("a {shere}").0, 3..8);
        assert!(wrong("a {shere}").1.contains("did you mean \"share\"?"));
        assert_eq!(wrong("{share-on: {network}").0, 0..9);
        assert_eq!(check(r"\p{L}{2} {share-on: a{2}}[").unwrap(), r"\p{L}{2} xxxxxxxxxxxa{2}x[");
    }
}
