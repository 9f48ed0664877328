//! The lexicon: cue words by kind and language, one YAML file per language.
//!
//! A *cue* is wording that newspapers print around articles ("Read also", "Sign up for our
//! newsletter"). A lexicon file lists the cues of one language by *kind*. Patterns in rule files
//! use a kind as `{kind}`, and the line model counts cues ([`Lexicon::cues`]).
//!
//! An entry is literal text with four special forms: `(a|b)` is a choice, `…` a slot that the
//! pattern fills, `#` a number, and `*` after a letter any ending of the word. A backslash makes
//! the next character literal. Entries are expanded into *phrases* when the file is parsed.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{LazyLock, OnceLock};
use std::thread;

use xxhash_rust::xxh3::Xxh3Default;

use super::kind_lists::KindLists;
pub use super::kinds::{Form, KINDS, Kind, kind};
use super::schema;
use super::shipped::SHIPPED;
use super::yaml::{self, Node, Problem, Problems};
use crate::matching::placeholders::{self, ENDING, NUMBER, SLOT};
use crate::matching::shapes::SHAPES;

/// The shapes that patterns may use like kinds: their names, and what they match.
pub fn shapes() -> impl Iterator<Item = (&'static str, &'static str)> {
    SHAPES.iter().map(|(name, _, meaning)| (*name, *meaning))
}

/// The maximum number of phrases that one entry may expand into.
const MOST_PHRASES: usize = 1000;

/// The most phrases of a kind in a language. Phrases cost memory and the time to load them.
const MOST_OF_KIND: usize = 20_000;

/// The code of the file with names and signs that all languages share.
pub const INTERNATIONAL: &str = "mul";

/// The cues of one kind in one language.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// The entries as written.
    pub written: Vec<String>,
    /// The distinct phrases that they expand into.
    pub(crate) phrases: Vec<String>,
    /// Lines that the rules must remove.
    pub removes: Vec<String>,
    /// Sentences that the rules must keep.
    pub keeps: Vec<String>,
}

impl Entries {
    /// The number of phrases that the entries expand into.
    pub fn phrase_count(&self) -> usize {
        self.phrases.len()
    }
}

/// The cues of one language.
#[derive(Clone, Debug)]
pub struct Language {
    /// The file name, as given by the user.
    pub file: String,
    /// The language, an ISO 639 code.
    pub code: String,
    /// Its name in English.
    pub name: String,
    /// The cues by the index of their kind in [`KINDS`].
    pub kinds: BTreeMap<usize, Entries>,
}

/// Parses lexicon files (name and text) on several threads.
///
/// Not with rayon: the shipped lexicon is parsed on first use, which is often in a job of a thread
/// pool. While that job waits for others, its thread may run a job that also needs the lexicon, and
/// then waits for itself.
fn parse_all(texts: &[(&str, &str)]) -> Vec<Result<Language, Vec<Problem>>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let parse = |part: &[(&str, &str)]| -> Vec<_> {
        part.iter().map(|(file, text)| Language::parse(file, text)).collect()
    };
    thread::scope(|scope| {
        let parts = texts.chunks(texts.len().div_ceil(threads).max(1));
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || parse(part))).collect();
        let join = |part: thread::ScopedJoinHandle<'_, Vec<_>>| match part.join() {
            Ok(parsed) => parsed,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        parts.into_iter().flat_map(join).collect()
    })
}

/// The cues of all languages.
#[derive(Clone, Debug, Default)]
pub struct Lexicon {
    languages: Vec<Language>,
    digest: u128,
    /// The lists of each kind of each language, made on first use.
    lists: Vec<OnceLock<KindLists>>,
}

impl Lexicon {
    /// The shipped lexicon.
    pub fn shipped() -> &'static Lexicon {
        static SHIPPED_LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
            let (lexicon, problems) = Lexicon::with(&[]);
            debug_assert!(problems.is_empty(), "{problems:?}");
            lexicon
        });
        &SHIPPED_LEXICON
    }

    /// The shipped lexicon with these files (name and text); a file replaces the shipped one of its
    /// language. Also returns all problems in the files.
    pub(crate) fn with(own: &[(String, String)]) -> (Lexicon, Vec<Problem>) {
        let shipped = SHIPPED.iter().filter(|(name, _)| name.starts_with("lexicon/"));
        let shipped: Vec<_> =
            shipped.map(|(name, text)| (format!("rules/{name}"), *text)).collect();
        let texts = shipped.iter().map(|(file, text)| (file.as_str(), *text));
        let texts = texts.chain(own.iter().map(|(file, text)| (file.as_str(), text.as_str())));
        let texts: Vec<(&str, &str)> = texts.collect();
        let parsed = parse_all(&texts);
        let (mut lexicon, mut problems) = (Lexicon::default(), Vec::new());
        let mut digest = Xxh3Default::new();
        for parsed in parsed {
            match parsed {
                Ok(language) => {
                    match lexicon.languages.iter_mut().find(|l| l.code == language.code) {
                        Some(known) => *known = language,
                        None => lexicon.languages.push(language),
                    }
                }
                Err(found) => problems.extend(found),
            }
        }
        for (_, text) in own {
            digest.update(text.as_bytes());
        }
        // A copy of the shipped files is the shipped lexicon.
        let is_shipped = |(_, text): &(String, String)| shipped.iter().any(|(_, one)| one == text);
        lexicon.digest = if own.iter().all(is_shipped) { 0 } else { digest.digest128() };
        lexicon.lists = vec![OnceLock::new(); lexicon.languages.len() * KINDS.len()];
        lexicon.languages.sort_by(|one, other| one.code.cmp(&other.code));
        (lexicon, problems)
    }

    /// A digest of the files that are not shipped; 0 if all are shipped ones or equal to one.
    pub(crate) fn digest(&self) -> u128 {
        self.digest
    }

    /// The lists of a kind in a language, by the index of the language; `make` makes them on first
    /// use.
    pub(crate) fn lists(
        &self,
        language: usize,
        kind: usize,
        make: impl FnOnce() -> KindLists,
    ) -> &KindLists {
        self.lists[language * KINDS.len() + kind].get_or_init(make)
    }

    /// All languages, by code.
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// The language with this code.
    pub fn language(&self, code: &str) -> Option<&Language> {
        self.languages.iter().find(|language| language.code == code)
    }

    /// All cues: the index of their kind in [`KINDS`], the code of their language, and the text, in
    /// which `#` is any number and a final `*` any ending. For a phrase with a slot, the longer
    /// part.
    pub fn cues(&self) -> impl Iterator<Item = (usize, &str, String)> {
        self.languages.iter().flat_map(|language| {
            language.kinds.iter().flat_map(move |(kind, entries)| {
                let text = |phrase: &String| {
                    let longest = phrase.split(SLOT).max_by_key(|part| part.len());
                    let part = longest.unwrap_or_default().trim();
                    part.replace(NUMBER, "#").replace(ENDING, "*")
                };
                entries.phrases.iter().map(move |phrase| (*kind, &*language.code, text(phrase)))
            })
        })
    }
}

impl Language {
    /// Parses a lexicon file.
    ///
    /// # Errors
    /// All problems in the file, in the order of its lines. A syntax error hides all others.
    pub fn parse(file: &str, source: &str) -> Result<Language, Vec<Problem>> {
        let mapping = yaml::parse(file, source).map_err(|problem| vec![problem])?;
        let problems = Problems::default();
        let parsed = Language::parse_top(file, Node::top(&mapping, schema::LEXICON, &problems));
        let problems = problems.place(file, source);
        match parsed {
            Some(language) if problems.is_empty() => Ok(language),
            _ => Err(problems),
        }
    }

    fn parse_top(file: &str, top: Node<'_>) -> Option<Language> {
        let code = top.required("lexicon", "the language, an ISO 639 code")?.to_owned();
        if !(2..=3).contains(&code.len()) || !code.bytes().all(|byte| byte.is_ascii_lowercase()) {
            top.wrong("lexicon", "expected an ISO 639 code, such as `de`", None);
        }
        let name = top.required("name", "the English name of the language")?.to_owned();
        let mut kinds = BTreeMap::new();
        if !top.has("kinds") {
            top.missing("`kinds` is missing: the cues of the language, by kind");
        }
        let node = top.node("kinds")?;
        for (index, kind) in KINDS.iter().enumerate() {
            if let Some(below) = node.node(kind.name) {
                kinds.insert(index, parse_entries(below, *kind, &code));
            }
        }
        node.finish();
        top.finish();
        Some(Language { file: file.to_owned(), code, name, kinds })
    }
}

fn parse_entries(node: Node<'_>, kind: Kind, language: &str) -> Entries {
    let mut entries = Entries {
        written: node.owned_texts("entries"),
        phrases: Vec::new(),
        removes: node.owned_texts("removes"),
        keeps: node.owned_texts("keeps"),
    };
    if entries.written.is_empty() {
        node.missing("`entries` is missing: the cues of this kind");
    }
    if kind.form.needs_cases() && language != INTERNATIONAL {
        if entries.removes.is_empty() {
            node.missing("`removes` is missing: a line that the rules must remove");
        }
        if entries.keeps.is_empty() {
            node.missing(
                "`keeps` is missing: a sentence with these words that the rules must keep",
            );
        }
    }
    for (at, entry) in entries.written.iter().enumerate() {
        if let Some((range, message)) =
            placeholders::find_written(entry, placeholders::is_in_phrase)
        {
            node.wrong_inside("entries", Some(at), range, &message);
            continue;
        }
        match expand(entry) {
            Ok(phrases) => {
                let slots = |phrase: &String| phrase.matches(SLOT).count();
                let wrong = |phrase: &String| !(1..=2).contains(&slots(phrase));
                if kind.form == Form::Slot && phrases.iter().any(wrong) {
                    let message = "an entry of this kind has a slot `…` for the networks, and may have \
                                   one for a name before it";
                    node.wrong_item("entries", at, message, None);
                }
                entries.phrases.extend(phrases);
            }
            Err((range, message)) => node.wrong_inside("entries", Some(at), range, message),
        }
    }
    if entries.phrases.len() > MOST_OF_KIND {
        let message = "the entries expand into over 20,000 phrases; write a pattern in a rule file \
                       instead of the largest of them";
        node.wrong_key("entries", message, None);
    }
    node.finish();
    if language == "sr" {
        let latin: Vec<String> =
            entries.phrases.iter().map(|phrase| serbian_latin(phrase)).collect();
        entries.phrases.extend(latin);
    }
    entries.phrases.sort();
    entries.phrases.dedup();
    entries
}

/// The phrases of an entry, or the bytes of an error in it and a message.
fn expand(entry: &str) -> Result<Vec<String>, (std::ops::Range<usize>, &'static str)> {
    let mut chars = entry.char_indices().peekable();
    let phrases = expand_choices(&mut chars, 0, entry)?;
    if let Some((at, _)) = chars.next() {
        return Err((at..at + 1, "`)` without `(`"));
    }
    let even = |phrase: String| phrase.split_whitespace().collect::<Vec<_>>().join(" ");
    let phrases: Vec<String> = phrases.into_iter().map(even).collect();
    let shows = |phrase: &String| phrase.chars().any(|c| ![SLOT, NUMBER, ENDING, ' '].contains(&c));
    match phrases.iter().all(shows) {
        true => Ok(phrases),
        false => Err((0..entry.len(), "an entry must have some text in each of its choices")),
    }
}

type Chars<'t> = std::iter::Peekable<std::str::CharIndices<'t>>;

/// Expands choices up to the end of the entry or to the closing `)`.
fn expand_choices(
    chars: &mut Chars<'_>,
    depth: usize,
    entry: &str,
) -> Result<Vec<String>, (std::ops::Range<usize>, &'static str)> {
    let (mut all, mut now) = (Vec::new(), vec![String::new()]);
    let push = |now: &mut Vec<String>, c: char| now.iter_mut().for_each(|text| text.push(c));
    while let Some(&(at, c)) = chars.peek() {
        match c {
            ')' => break,
            '|' if depth > 0 => all.append(&mut std::mem::replace(&mut now, vec![String::new()])),
            '(' => {
                chars.next();
                let below = expand_choices(chars, depth + 1, entry)?;
                if chars.peek().is_none_or(|(_, c)| *c != ')') {
                    return Err((at..at + 1, "`(` without `)`"));
                }
                let mut joined = Vec::with_capacity(now.len() * below.len());
                for text in &now {
                    joined.extend(below.iter().map(|next| format!("{text}{next}")));
                }
                now = joined;
            }
            '…' => push(&mut now, SLOT),
            '#' => push(&mut now, NUMBER),
            '*' => push(&mut now, ENDING),
            '\\' => {
                chars.next();
                match chars.peek() {
                    Some((_, escaped)) => push(&mut now, *escaped),
                    None => return Err((at..at + 1, "`\\` escapes nothing")),
                }
            }
            c => push(&mut now, c),
        }
        if all.len() + now.len() > MOST_PHRASES {
            return Err((0..entry.len(), "the entry expands into over 1,000 phrases; split it"));
        }
        chars.next();
    }
    all.append(&mut now);
    Ok(all)
}

/// Transliterates Serbian to Latin script.
fn serbian_latin(text: &str) -> String {
    let mut latin = String::with_capacity(text.len());
    for c in text.chars() {
        let lower = c.to_lowercase().next().unwrap_or(c);
        let letter = match lower {
            'а' => "a",
            'б' => "b",
            'в' => "v",
            'г' => "g",
            'д' => "d",
            'ђ' => "đ",
            'е' => "e",
            'ж' => "ž",
            'з' => "z",
            'и' => "i",
            'ј' => "j",
            'к' => "k",
            'л' => "l",
            'љ' => "lj",
            'м' => "m",
            'н' => "n",
            'њ' => "nj",
            'о' => "o",
            'п' => "p",
            'р' => "r",
            'с' => "s",
            'т' => "t",
            'ћ' => "ć",
            'у' => "u",
            'ф' => "f",
            'х' => "h",
            'ц' => "c",
            'ч' => "č",
            'џ' => "dž",
            'ш' => "š",
            _ => {
                latin.push(c);
                continue;
            }
        };
        latin.push_str(letter);
    }
    latin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrases(entry: &str) -> Vec<String> {
        expand(entry).unwrap()
    }

    #[test]
    fn choices_expand() {
        assert_eq!(
            phrases("share (this|the (good |)page)"),
            ["share this", "share the good page", "share the page"]
        );
        assert_eq!(phrases(r"\(# comments\)"), [format!("({NUMBER} comments)")]);
        assert_eq!(phrases("auf … teil*"), [format!("auf {SLOT} teil{ENDING}")]);
        assert!(expand("a (b").is_err() && expand("a) b").is_err() && expand("( |)").is_err());
        assert!(expand(&"(a|b)".repeat(10)).is_err());
    }

    #[test]
    fn a_copy_of_shipped_files_is_the_shipped_lexicon() {
        let shipped = SHIPPED.iter().filter(|(name, _)| name.starts_with("lexicon/"));
        let copy = |(name, text): &(&str, &str)| (format!("own/{name}"), (*text).to_owned());
        let mut own: Vec<(String, String)> = shipped.map(copy).take(2).collect();
        assert_eq!(Lexicon::with(&own).0.digest(), 0);
        own[1].1.push_str("# changed\n");
        assert_ne!(Lexicon::with(&own).0.digest(), 0);
    }

    #[test]
    fn errors_have_their_position() {
        let file = "lexicon: xx\nname: Test\nkinds:\n  share:\n    entries: [\"a (b\"]\n    removes: [A]\n  shared:\n    entries: [a]\n";
        let problems = Language::parse("rules/lexicon/xx.yaml", file).unwrap_err();
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "rules/lexicon/xx.yaml:4:3: `keeps` is missing: a sentence with these words that the rules must keep",
                "rules/lexicon/xx.yaml:5:18: `(` without `)`",
                "rules/lexicon/xx.yaml:7:3: unknown key \"shared\"; did you mean \"share\"?",
            ]
        );
    }

    #[test]
    fn a_language_needs_kinds() {
        let shown = |file: &str| {
            let problems = Language::parse("xx.yaml", file).unwrap_err();
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let missing = "xx.yaml:1:1: `kinds` is missing: the cues of the language, by kind";
        assert_eq!(shown("lexicon: xx\nname: Test\n"), [missing]);
    }

    #[test]
    fn a_kind_has_a_limited_number_of_phrases() {
        let entry = |at: usize| format!("\"{} {at}\"", "(a|b)".repeat(9));
        let entries: Vec<String> = (0..40).map(entry).collect();
        let file = |count: usize| {
            let entries = entries[..count].join(", ");
            format!("lexicon: xx\nname: Test\nkinds:\n  and:\n    entries: [{entries}]\n")
        };
        assert!(Language::parse("xx.yaml", &file(39)).is_ok());
        let problems = Language::parse("xx.yaml", &file(40)).unwrap_err();
        assert!(problems[0].to_string().starts_with("xx.yaml:5:5: the entries expand into over"));
    }

    #[test]
    fn serbian_is_in_both_scripts() {
        let file = "lexicon: sr\nname: Serbian\nkinds:\n  and:\n    entries: [љубав]\n";
        let language = Language::parse("sr.yaml", file).unwrap();
        assert_eq!(language.kinds[&kind("and").unwrap()].phrases, ["ljubav", "љубав"]);
    }
}
