//! Rule files: what one YAML file says, checked for everything that can be wrong with it alone.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use chaffinch_stage::{Act, At, Certainty, Place, Role, Rule, Tier, calendar};
use regex_syntax::hir::Hir;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::lexicon::Lexicon;
use crate::pattern::{self, Anchor, Pattern};
use crate::phrases::List;
use crate::schema;
use crate::template::{self, Expanded, Words};
use crate::yaml::{self, Node, Problem, Problems};

/// What a rule file is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// One news site.
    Outlet,
    /// What several outlets have in common: one publisher, one content system.
    Family,
    /// One stage, for all outlets.
    Generic,
}

/// One rule file.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// The file, as the user named it.
    pub file: String,
    /// What it is about.
    pub subject: Subject,
    /// The outlet, family or stage.
    pub id: String,
    /// A name for people.
    pub name: Option<String>,
    /// The outlet's language, an ISO 639 code.
    pub language: Option<String>,
    /// Host names; subdomains are meant too.
    pub hosts: Vec<String>,
    /// Globs over document paths.
    pub paths: Vec<String>,
    /// Literals that begin or end a line's key.
    pub signs: Vec<String>,
    /// Families whose rules hold here too.
    pub extends: Vec<String>,
    /// The rules, in order.
    pub rules: Vec<FileRule>,
    /// Whole documents, and what must be left of them.
    pub examples: Vec<Example>,
    /// Where its rules may fire though they should not.
    pub allow: Vec<Allow>,
}

/// A rule with its pattern and its proof.
#[derive(Clone, Debug)]
pub struct FileRule {
    /// What stages see of it.
    pub rule: Rule,
    /// The language of its cues, for generic rules.
    pub language: Option<String>,
    /// What it looks for; two for a block, none for a detector.
    pub patterns: Vec<Pattern>,
    /// The pattern as it is written.
    pub written: Written,
    /// The days on which it holds.
    pub era: Era,
    /// Its place among the rules of its file, from 0.
    pub at: usize,
    /// Texts that must go.
    pub removes: Vec<String>,
    /// Texts that must stay.
    pub keeps: Vec<String>,
    /// A digest of all that decides what it cuts: its pattern, its place, what becomes of a hit.
    pub digest: u64,
}

/// What [`FileRule::digest`] is.
pub(crate) fn digest(rule: &Rule, written: &Written, era: &Era) -> u64 {
    let lists: Vec<u64> = written
        .lists
        .iter()
        .flat_map(|lists| lists.iter())
        .map(|list: &List| list.digest)
        .collect();
    let described = format!(
        "{} {:?}\n{:?} {:?} {:?} {lists:?}\n{era:?}\n{:?} {:?} {:?} {} {:?} {} {:?}",
        rule.stage,
        rule.fields,
        written.keys,
        written.ignore_case,
        written.template,
        rule.place,
        rule.at,
        rule.act,
        rule.max_lines,
        rule.max_words,
        rule.safe,
        rule.certainty
    );
    xxh3_64(described.as_bytes())
}

/// A pattern as a rule file has it: keys, each with its texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// `text`, `line`, `start`, `end`, `inside`, `from`, `through` or `detect`, and what stands there.
    pub keys: Vec<(&'static str, Arc<[String]>)>,
    /// Whether capitals and small letters match each other.
    pub ignore_case: bool,
    /// For a pattern that uses lists of the lexicon: the pattern before the lists were expanded.
    pub template: Option<String>,
    /// The lists that the texts of each key use, in the order of the keys; nothing if they use none.
    pub(crate) lists: Vec<Arc<[List]>>,
}

impl Written {
    /// A pattern with these keys and texts that uses no lists.
    pub fn new(keys: Vec<(&'static str, Arc<[String]>)>, ignore_case: bool) -> Written {
        Written { keys, ignore_case, ..Written::default() }
    }

    /// The same pattern for text in any case.
    pub fn in_any_case(&self) -> Written {
        Written { ignore_case: true, ..self.clone() }
    }

    /// The patterns that are written; none if something of it is no pattern, or uses lists of the
    /// lexicon.
    pub fn patterns(&self) -> Option<Vec<Pattern>> {
        let sound = |(key, texts): &(&'static str, Arc<[String]>)| {
            let sound = |text: &String| pattern::check(text, *key == "text", self.ignore_case);
            *key == "detect" || texts.iter().all(|text| sound(text).is_ok())
        };
        let pattern = |(key, texts): &(&'static str, Arc<[String]>)| {
            let (anchor, role) = kind_of(key);
            Pattern::new(anchor, role, Arc::clone(texts), *key == "text", self.ignore_case)
        };
        let keys = self.keys.iter().filter(|(key, _)| *key != "detect");
        let sound = self.template.is_none() && self.keys.iter().all(sound);
        sound.then(|| keys.map(pattern).collect())
    }
}

/// What part of a line a key's pattern is for, and what its hits are.
pub(crate) fn kind_of(key: &str) -> (Anchor, Role) {
    match key {
        "start" => (Anchor::Start, Role::Part),
        "end" => (Anchor::End, Role::Part),
        "inside" => (Anchor::Inside, Role::Part),
        "from" => (Anchor::Line, Role::From),
        "through" => (Anchor::Line, Role::Through),
        "unless" => (Anchor::Unless, Role::Part),
        _ => (Anchor::Line, Role::Line),
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(template) = &self.template {
            return f.write_str(template);
        }
        for (at, (key, texts)) in self.keys.iter().enumerate() {
            let space = if at > 0 { " " } else { "" };
            write!(f, "{space}{key}: {}", texts.join(" | "))?;
        }
        Ok(())
    }
}

/// The days on which a rule holds: those of one layout of its outlet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Era {
    /// The first day, as `2024-05-31`.
    pub since: Option<String>,
    /// The day after the last.
    pub until: Option<String>,
}

impl Era {
    /// Whether the rule holds on every day.
    pub fn is_always(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// Whether the rule holds on `day`, written as `2024-05-31`.
    pub fn holds(&self, day: &str) -> bool {
        self.since.as_deref().is_none_or(|since| since <= day)
            && self.until.as_deref().is_none_or(|until| day < until)
    }
}

/// Where a rule may fire though it should not, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The rule's full id.
    pub rule: String,
    /// An article of the baseline, or an outlet.
    pub on: String,
    /// Why that is right.
    pub why: String,
}

/// A whole document and what must be left of it.
#[derive(Clone, Debug)]
pub struct Example {
    /// The document.
    pub text: String,
    /// What must be left.
    pub clean: String,
}

/// What a name is made of, for people.
pub const NAME: &str =
    "a name is made of a-z, 0-9, `-`, `.` and `_`, and begins with a letter or digit";

/// Whether `text` can name an outlet, a family or a rule file.
pub fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(plain) && text.chars().all(|c| plain(c) || "-._".contains(c))
}

/// What stands for each of [`schema::ACTIONS`].
static ACTS: [Act; 2] = [Act::Keep, Act::Note];

/// Keys of a rule that hold its pattern, and `through` and `unless`, which go with others.
pub(crate) const WRITTEN_KEYS: [&str; 9] =
    ["text", "line", "start", "end", "inside", "from", "detect", "through", "unless"];

/// Keys of a rule that hold its pattern: it has one of them.
const PATTERN_KEYS: &[&str] = WRITTEN_KEYS.split_at(7).0;

impl RuleFile {
    /// Reads a rule file. `stages` are the names that rules may be addressed to.
    ///
    /// # Errors
    /// Everything that is wrong with the file, in the order of its lines; a syntax error alone.
    pub fn parse(file: &str, source: &str, stages: &[&str]) -> Result<RuleFile, Vec<Problem>> {
        let lexicon = None;
        RuleFile::parse_as(
            file,
            source,
            Reading { stages, shipped: false, prepare: false, lexicon },
        )
    }

    pub(crate) fn parse_as(
        file: &str,
        source: &str,
        reading: Reading<'_>,
    ) -> Result<RuleFile, Vec<Problem>> {
        let mapping = yaml::parse(file, source).map_err(|problem| vec![problem])?;
        let problems = Problems::default();
        let parsed = parse_top(file, Node::top(&mapping, schema::FILE, &problems), reading);
        let problems = problems.place(file, source);
        match parsed {
            Some(parsed) if problems.is_empty() => Ok(parsed),
            _ => Err(problems),
        }
    }
}

/// How a rule file is read.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// The names that rules may be addressed to.
    pub(crate) stages: &'a [&'a str],
    /// Whether the file ships, so that tests have compiled its largest patterns.
    pub(crate) shipped: bool,
    /// Whether its patterns are prepared at once, and the cases left out.
    pub(crate) prepare: bool,
    /// The lexicon that patterns use; the shipped one if this is none.
    pub(crate) lexicon: Option<&'a Lexicon>,
}

impl<'a> Reading<'a> {
    fn lexicon(&self) -> &'a Lexicon {
        self.lexicon.unwrap_or_else(|| Lexicon::shipped())
    }
}

fn parse_top(file: &str, top: Node<'_>, reading: Reading<'_>) -> Option<RuleFile> {
    let kinds =
        [("outlet", Subject::Outlet), ("family", Subject::Family), ("generic", Subject::Generic)];
    let mut named =
        kinds.into_iter().filter_map(|(key, subject)| Some((key, subject, top.text(key)?)));
    let (first, second) = (named.next(), named.next());
    drop(named);
    let Some((key, subject, id)) = first else {
        top.missing("the file must say `outlet: NAME`, `family: NAME` or `generic: STAGE`");
        return None;
    };
    if let Some((other, ..)) = second {
        top.wrong_key(other, &format!("a file has one subject, and this one has `{key}`"), None);
    }
    if !is_name(id) {
        top.wrong(key, NAME, None);
    }
    if subject == Subject::Generic && !reading.stages.contains(&id) {
        let help = yaml::expected(id, reading.stages);
        top.wrong(key, &format!("unknown stage \"{id}\""), Some(&help));
    }
    let name = top.text("name").map(str::to_owned);
    let language = top.text("language").map(str::to_owned);
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let (mut hosts, mut paths, mut signs) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(recognise) = top.node("recognise") {
        if subject != Subject::Outlet {
            top.wrong_key("recognise", "only outlets are recognised", None);
        }
        hosts = owned(recognise.texts("hosts"));
        paths = owned(recognise.texts("paths"));
        signs = owned(recognise.texts("signs"));
        for (i, host) in hosts.iter().enumerate() {
            if host.contains(['/', ':', ' ']) || host.to_lowercase() != *host {
                let help = "such as `example.com`; subdomains are meant too";
                recognise.wrong_item("hosts", i, "expected a host name in lower case", Some(help));
            }
        }
        for (i, path) in paths.iter().enumerate() {
            if let Err(error) = globset::Glob::new(path) {
                recognise.wrong_item("paths", i, &format!("not a glob: {}", error.kind()), None);
            }
        }
        for (i, sign) in signs.iter().enumerate() {
            if crate::key::key(sign).chars().count() < 4 {
                recognise.wrong_item("signs", i, "a sign has four characters or more", None);
            }
        }
        recognise.finish();
    }
    let extends = owned(top.texts("extends"));
    let (mut rules, mut ids) = (Vec::new(), HashSet::new());
    for (at, node) in top.nodes("rules").into_iter().enumerate() {
        rules.extend(parse_rule(node, at, &subject, id, reading, &mut ids));
    }
    let mut examples = Vec::new();
    for node in top.nodes("examples") {
        let text = node.required("text", "the whole document");
        let clean = node.required("clean", "what must be left of it");
        if let (Some(text), Some(clean)) = (text, clean) {
            examples.push(Example { text: text.to_owned(), clean: clean.to_owned() });
        }
        node.finish();
    }
    let mut allow = Vec::new();
    for node in top.nodes("allow") {
        let rule = node.required("rule", "the rule's id in this file");
        let on = node.required("on", "the article of the baseline, or the outlet");
        let why = node.required("why", "why the rule may fire there");
        if let (Some(rule), Some(on), Some(why)) = (rule, on, why) {
            let full = format!("{id}/{rule}");
            if !ids.contains(&full) {
                node.wrong("rule", "no rule of this file has this id", None);
            }
            allow.push(Allow { rule: full, on: on.to_owned(), why: why.to_owned() });
        }
        node.finish();
    }
    top.finish();
    let (file, id) = (file.to_owned(), id.to_owned());
    Some(RuleFile {
        file,
        subject,
        id,
        name,
        language,
        hosts,
        paths,
        signs,
        extends,
        rules,
        examples,
        allow,
    })
}

fn parse_rule(
    node: Node<'_>,
    at_in_file: usize,
    subject: &Subject,
    unit: &str,
    reading: Reading<'_>,
    ids: &mut HashSet<String>,
) -> Vec<FileRule> {
    parse_one_rule(node, at_in_file, subject, unit, reading, ids).unwrap_or_default()
}

fn parse_one_rule(
    node: Node<'_>,
    at_in_file: usize,
    subject: &Subject,
    unit: &str,
    reading: Reading<'_>,
    ids: &mut HashSet<String>,
) -> Option<Vec<FileRule>> {
    let id = node.required("id", "a name for the rule, such as `breadcrumb`");
    let full_id = match subject {
        Subject::Generic => format!("generic/{unit}/{}", id.unwrap_or_default()),
        _ => format!("{unit}/{}", id.unwrap_or_default()),
    };
    if id.is_some() && !ids.insert(full_id.clone()) {
        node.wrong("id", "another rule of this file has this id", None);
    }
    let stage = match subject {
        Subject::Generic => Some(unit),
        _ => node.required("stage", "the stage that the rule is addressed to"),
    };
    if let Some(stage) = stage.filter(|stage| !reading.stages.contains(stage)) {
        let help = yaml::expected(stage, reading.stages);
        node.wrong("stage", &format!("unknown stage \"{stage}\""), Some(&help));
    }
    let ignore_case = node.flag("ignore_case");
    // A bad pattern must not hide what else is wrong with the rule.
    let parsed = parse_pattern(&node, ignore_case, reading);
    let at_ends = node.has("start") || node.has("end");
    let by_language = parsed.as_ref().is_some_and(|parsed| parsed.by_language);
    const PLACES: [Place; 7] = [
        Place::Head,
        Place::Tail,
        Place::Edges,
        Place::Opening,
        Place::Closing,
        Place::Body,
        Place::Anywhere,
    ];
    let places: Vec<(&str, Place)> = schema::PLACES.iter().copied().zip(PLACES).collect();
    let default_place = if at_ends { Place::Rims } else { Place::Edges };
    let place = node.one_of("where", &places).unwrap_or(default_place);
    let at = parse_at(&node);
    let max_lines = node.count("max_lines").unwrap_or(12);
    let max_words = node.count("max_words");
    let replace = node.text("replace").map(str::to_owned);
    let acts: Vec<(&str, &Act)> = schema::ACTIONS.iter().copied().zip(&ACTS).collect();
    let action = node.one_of("action", &acts).cloned();
    if replace.is_some() && action.is_some() {
        node.wrong_key("action", "a rule has `replace` or `action`, not both", None);
    }
    let act = action.or(replace.map(Act::Replace)).unwrap_or(Act::Remove);
    let fields = node.pairs("fields");
    let safe = node.flag("safe");
    const CERTAINTIES: [Certainty; 3] = [Certainty::Guess, Certainty::Likely, Certainty::Sure];
    let certainties: Vec<(&str, Certainty)> =
        schema::CERTAINTIES.iter().copied().zip(CERTAINTIES).collect();
    let default_certainty = if safe { Certainty::Sure } else { Certainty::Likely };
    let certainty = node.one_of("certainty", &certainties).unwrap_or(default_certainty);
    let era = Era { since: parse_day(&node, "since"), until: parse_day(&node, "until") };
    if let (Some(since), Some(until)) = (&era.since, &era.until)
        && since >= until
    {
        node.wrong("until", "the era ends before it begins", None);
    }
    let language = node.text("language").map(str::to_owned);
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let (mut removes, keeps) = (owned(node.texts("removes")), owned(node.texts("keeps")));
    let stays = matches!(act, Act::Keep | Act::Note);
    if removes.is_empty() && node.has("text") && !stays {
        // Exact lines are their own cases.
        removes = owned(node.texts("text"));
    }
    if removes.is_empty() && !stays && !by_language {
        node.missing("`removes` is missing: a text that the rule must remove");
    }
    if keeps.is_empty() && !by_language {
        node.missing("`keeps` is missing: a text like it that must stay");
    }
    node.finish();
    let tier = match subject {
        Subject::Outlet => Tier::Outlet,
        Subject::Family => Tier::Family,
        Subject::Generic => Tier::Generic,
    };
    let stage = stage?.to_owned();
    let Parsed { written, parsed, detect, .. } = parsed?;
    let rule = Rule {
        id: full_id,
        stage,
        tier,
        place,
        at,
        act,
        max_lines,
        max_words,
        safe,
        certainty,
        detect,
        fields,
    };
    let at = at_in_file;
    if by_language {
        let rule = FileRule {
            patterns: Vec::new(),
            rule,
            language,
            written,
            era,
            at,
            removes,
            keeps,
            digest: 0,
        };
        return Some(in_all_languages(&rule, reading));
    }
    let patterns = patterns_of(&written, reading.prepare.then_some(&parsed));
    let digest = digest(&rule, &written, &era);
    Some(vec![FileRule { rule, language, patterns, written, era, at, removes, keeps, digest }])
}

/// The rule for each language that has cues for it. Its id ends with the language.
fn in_all_languages(rule: &FileRule, reading: Reading<'_>) -> Vec<FileRule> {
    let template = rule.written.to_string();
    let in_language = |words: Words<'_>| {
        let (mut keys, mut lists) = (Vec::new(), Vec::new());
        for (key, texts) in &rule.written.keys {
            let Expanded { texts, lists: used } = match *key {
                "unless" => words.expand_all(texts),
                _ => words.expand(texts),
            };
            match (texts.is_empty(), *key) {
                (false, _) => {
                    keys.push((*key, texts.into()));
                    lists.push(used.into());
                }
                (true, "unless") => {}
                (true, _) => return None,
            }
        }
        let ignore_case = rule.written.ignore_case;
        let written = Written { keys, ignore_case, template: Some(template.clone()), lists };
        let code = &words.language.code;
        let own = rule.language.as_ref().is_none_or(|language| language == code);
        let mut file_rule = FileRule {
            rule: Rule { id: format!("{}/{code}", rule.rule.id), ..rule.rule.clone() },
            language: (!words.is_international()).then(|| code.clone()),
            patterns: patterns_of(&written, None),
            digest: digest(&rule.rule, &written, &rule.era),
            written,
            era: rule.era.clone(),
            at: rule.at,
            removes: Vec::new(),
            keeps: Vec::new(),
        };
        if reading.prepare {
            let parsed =
                file_rule.patterns.iter().map(Pattern::parsed_as_written).collect::<Vec<_>>();
            file_rule.patterns.iter_mut().zip(&parsed).for_each(|(p, parsed)| p.prepare(parsed));
        } else {
            let texts = rule.written.keys.iter().filter(|(key, _)| *key != "unless");
            let texts: Vec<String> = texts.flat_map(|(_, texts)| texts.iter().cloned()).collect();
            let (removes, keeps) = words.cases(&texts);
            file_rule.removes =
                removes.into_iter().filter(|line| file_rule.matches(line)).collect();
            file_rule.keeps = keeps;
            if words.is_international() {
                file_rule.removes.extend(rule.removes.iter().cloned());
                file_rule.keeps.extend(rule.keeps.iter().cloned());
            }
        }
        own.then_some(file_rule)
    };
    Words::all(reading.lexicon()).filter_map(in_language).collect()
}

impl FileRule {
    /// Whether the rule matches this line.
    fn matches(&self, line: &str) -> bool {
        let key = crate::key::key(line);
        let matching = |unless: bool| {
            let mut all = self.patterns.iter();
            all.any(|pattern| {
                (pattern.anchor == Anchor::Unless) == unless && pattern.is_match(&key)
            })
        };
        matching(false) && !matching(true)
    }
}

/// The patterns of a rule, prepared from what its texts were parsed into if that is given.
fn patterns_of(written: &Written, parsed: Option<&Vec<Vec<Hir>>>) -> Vec<Pattern> {
    let keys = written.keys.iter().filter(|(key, _)| *key != "detect");
    let pattern = |(at, (key, texts)): (usize, &(&'static str, Arc<[String]>))| {
        let (anchor, role) = kind_of(key);
        let mut pattern =
            Pattern::new(anchor, role, Arc::clone(texts), *key == "text", written.ignore_case);
        if let Some(lists) = written.lists.get(at) {
            pattern = pattern.with_lists(Arc::clone(lists));
        }
        if let Some(parsed) = parsed.and_then(|parsed| parsed.get(at)) {
            pattern.prepare(parsed);
        }
        pattern
    };
    keys.enumerate().map(pattern).collect()
}

fn parse_at(node: &Node<'_>) -> Option<At> {
    let value = node.take("at")?;
    match (value.as_str(), value.as_u64()) {
        (Some("first"), _) => Some(At::Nth(1)),
        (Some("last"), _) => Some(At::Last),
        (_, Some(n)) if n > 0 => Some(At::Nth(n as usize)),
        _ => {
            node.wrong("at", "expected `first`, `last` or a whole number from 1", None);
            None
        }
    }
}

/// A day as it is written: `2024-05-31`.
fn parse_day(node: &Node<'_>, key: &str) -> Option<String> {
    let text = node.text(key)?;
    match calendar::check_day(text) {
        Ok(()) => Some(text.to_owned()),
        Err(message) => {
            node.wrong(key, &message, None);
            None
        }
    }
}

/// The pattern of a rule, checked.
struct Parsed {
    written: Written,
    /// What the texts of each key were parsed into.
    parsed: Vec<Vec<Hir>>,
    detect: Option<String>,
    /// Whether it uses lists of the lexicon, so that there is one rule for each language.
    by_language: bool,
}

fn parse_pattern(node: &Node<'_>, ignore_case: bool, reading: Reading<'_>) -> Option<Parsed> {
    let present: Vec<&str> = PATTERN_KEYS.iter().copied().filter(|key| node.has(key)).collect();
    let through = node.has("through");
    let key = match present[..] {
        [key] => key,
        [] => {
            let keys = PATTERN_KEYS.join("`, `");
            node.missing(&format!("the rule has no pattern: give one of `{keys}`"));
            return None;
        }
        [first, second, ..] => {
            let message = format!("a rule has one pattern, and this one has `{first}`");
            node.wrong_key(second, &message, Some("write two rules"));
            return None;
        }
    };
    if through != (key == "from") {
        match through {
            true => node.wrong_key("through", "`through` goes with `from`", None),
            false => node.missing("`through` is missing: the last line of the block"),
        }
        return None;
    }
    if key == "detect" {
        let name = node.text("detect")?;
        let keys = vec![("detect", [name.to_owned()].into())];
        let written = Written { keys, ignore_case, ..Written::default() };
        let detect = Some(name.to_owned());
        return Some(Parsed { written, parsed: Vec::new(), detect, by_language: false });
    }
    let key = PATTERN_KEYS.iter().find(|known| **known == key)?;
    let (mut keys, mut all, mut by_language) = (Vec::new(), Vec::new(), false);
    let unless = node.has("unless").then_some("unless");
    for key in [*key].into_iter().chain(through.then_some("through")).chain(unless) {
        let ParsedTexts { texts, heavy, parsed, lists } =
            parse_texts(node, key, ignore_case, reading.shipped)?;
        by_language |= lists;
        let texts: Arc<[String]> = texts.into();
        let (anchor, role) = kind_of(key);
        let pattern = || Pattern::new(anchor, role, texts.clone(), key == "text", ignore_case);
        // Only a heavy regex can be too large; all others compile when they are needed.
        if let Some(Err(message)) = heavy.then(|| pattern().compile()) {
            node.wrong(key, &format!("the pattern cannot be used: {message}"), None);
            return None;
        }
        keys.push((key, texts));
        all.push(parsed);
    }
    let written = Written { keys, ignore_case, ..Written::default() };
    Some(Parsed { written, parsed: all, detect: None, by_language })
}

/// The texts of a pattern, each checked.
struct ParsedTexts {
    texts: Vec<String>,
    /// Whether one may be too large to compile.
    heavy: bool,
    /// What regexes were parsed into.
    parsed: Vec<Hir>,
    /// Whether one uses a list of the lexicon.
    lists: bool,
}

fn parse_texts(
    node: &Node<'_>,
    key: &'static str,
    ignore_case: bool,
    shipped: bool,
) -> Option<ParsedTexts> {
    let list = matches!(node.take(key), Some(serde_yaml::Value::Sequence(_)));
    let texts = node.texts(key);
    if texts.is_empty() {
        node.wrong(key, "the pattern is empty", None);
        return None;
    }
    let (mut sound, mut heavy, mut parsed) = (true, false, Vec::new());
    let lists = key != "text" && texts.iter().any(|text| template::has_lists(text));
    // What ships was checked by the tests.
    for (i, text) in texts.iter().enumerate().filter(|_| !shipped) {
        let plain = match (key != "text").then(|| template::check(text)) {
            None => text.to_owned().into(),
            Some(Ok(plain)) => std::borrow::Cow::Owned(plain),
            Some(Err((range, message))) => {
                node.wrong_inside(key, list.then_some(i), range, &message);
                sound = false;
                continue;
            }
        };
        let checked = pattern::check(&plain, key == "text", ignore_case);
        let spelled = (key != "text").then(|| template::without_shapes(text)).flatten();
        let checked = match spelled {
            Some(spelled) => checked.and(pattern::check(&spelled, false, ignore_case)),
            None => checked,
        };
        match checked {
            Ok(checked) if checked.empty => {
                let message = "the pattern matches the empty text, so it would fit everywhere";
                node.wrong_inside(key, list.then_some(i), 0..text.len(), message);
                sound = false;
            }
            Ok(checked) => {
                heavy |= checked.heavy;
                parsed.extend(checked.hir);
            }
            Err(error) => {
                let (range, message) = explain(&error, text);
                node.wrong_inside(
                    key,
                    list.then_some(i),
                    range,
                    &format!("invalid regex: {message}"),
                );
                sound = false;
            }
        }
    }
    let spelled = |text: &str| template::without_shapes(text).unwrap_or_else(|| text.to_owned());
    let texts = match key {
        "text" => texts.into_iter().map(str::to_owned).collect(),
        _ => texts.into_iter().map(spelled).collect(),
    };
    sound.then_some(ParsedTexts { texts, heavy, parsed, lists })
}

fn explain(error: &regex_syntax::Error, text: &str) -> (std::ops::Range<usize>, String) {
    let (span, message) = match error {
        regex_syntax::Error::Parse(error) => (error.span(), error.kind().to_string()),
        regex_syntax::Error::Translate(error) => (error.span(), error.kind().to_string()),
        other => return (0..text.len(), other.to_string()),
    };
    let range =
        span.start.offset..span.end.offset.max(span.start.offset + 1).min(text.len().max(1));
    (range, message)
}
