//! Rule files: what one YAML file says, checked for everything that can be wrong with it alone.

use std::collections::HashSet;

use chaffinch_stage::{Act, At, Place, Role, Rule, Tier};
use regex_syntax::hir::Hir;

use crate::pattern::{self, Anchor, Pattern};
use crate::yaml::{self, Node, Problem, Problems};

/// What a rule file is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One news site.
    Outlet,
    /// What several outlets have in common: one publisher, one content system.
    Family,
    /// One stage, for all outlets.
    Generic,
}

/// One rule file.
#[derive(Debug)]
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
}

/// A rule with its pattern and its proof.
#[derive(Debug)]
pub struct FileRule {
    /// What stages see of it.
    pub rule: Rule,
    /// The language of its cues, for generic rules.
    pub language: Option<String>,
    /// What it looks for; two for a block, none for a detector.
    pub patterns: Vec<Pattern>,
    /// The pattern as it is written, for people.
    pub written: String,
    /// Texts that must go.
    pub removes: Vec<String>,
    /// Texts that must stay.
    pub keeps: Vec<String>,
}

/// A whole document and what must be left of it.
#[derive(Clone, Debug)]
pub struct Example {
    /// The document.
    pub text: String,
    /// What must be left.
    pub clean: String,
}

/// Keys of a rule that hold its pattern.
const PATTERN_KEYS: &[&str] = &["text", "line", "start", "end", "inside", "from", "detect"];

impl RuleFile {
    /// Reads a rule file. `stages` are the names that rules may be addressed to.
    ///
    /// # Errors
    /// Everything that is wrong with the file, in the order of its lines; a syntax error alone.
    pub fn parse(file: &str, source: &str, stages: &[&str]) -> Result<RuleFile, Vec<Problem>> {
        let mapping = yaml::parse(file, source).map_err(|problem| vec![problem])?;
        let problems = Problems::default();
        let parsed = parse_top(file, Node::top(&mapping, &problems), stages);
        let problems = problems.place(file, source);
        match parsed {
            Some(parsed) if problems.is_empty() => Ok(parsed),
            _ => Err(problems),
        }
    }
}

fn parse_top(file: &str, mut top: Node<'_>, stages: &[&str]) -> Option<RuleFile> {
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
    if !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c)) {
        top.wrong(key, "a name is made of a-z, 0-9, `-`, `.` and `_`", None);
    }
    if subject == Subject::Generic && !stages.contains(&id) {
        let help = yaml::expected(id, stages);
        top.wrong(key, &format!("unknown stage \"{id}\""), Some(&help));
    }
    let name = top.text("name").map(str::to_owned);
    let language = top.text("language").map(str::to_owned);
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let (mut hosts, mut paths, mut signs) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(mut recognise) = top.node("recognise") {
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
    for node in top.nodes("rules") {
        rules.extend(parse_rule(node, &subject, id, stages, &mut ids));
    }
    let mut examples = Vec::new();
    for mut node in top.nodes("examples") {
        let text = node.required("text", "the whole document");
        let clean = node.required("clean", "what must be left of it");
        if let (Some(text), Some(clean)) = (text, clean) {
            examples.push(Example { text: text.to_owned(), clean: clean.to_owned() });
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
    })
}

fn parse_rule(
    mut node: Node<'_>,
    subject: &Subject,
    unit: &str,
    stages: &[&str],
    ids: &mut HashSet<String>,
) -> Option<FileRule> {
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
    if let Some(stage) = stage.filter(|stage| !stages.contains(stage)) {
        let help = yaml::expected(stage, stages);
        node.wrong("stage", &format!("unknown stage \"{stage}\""), Some(&help));
    }
    let ignore_case = node.flag("ignore_case");
    // A bad pattern must not hide what else is wrong with the rule.
    let parsed = parse_pattern(&mut node, ignore_case);
    let at_ends = parsed
        .as_ref()
        .and_then(|(patterns, ..)| patterns.first())
        .is_some_and(|pattern| matches!(pattern.anchor, Anchor::Start | Anchor::End));
    let places = [
        ("head", Place::Head),
        ("tail", Place::Tail),
        ("edges", Place::Edges),
        ("opening", Place::Opening),
        ("closing", Place::Closing),
        ("body", Place::Body),
        ("anywhere", Place::Anywhere),
    ];
    let default_place = if at_ends { Place::Rims } else { Place::Edges };
    let place = node.one_of("where", &places).unwrap_or(default_place);
    let at = parse_at(&mut node);
    let max_lines = node.count("max_lines").unwrap_or(12);
    let max_words = node.count("max_words");
    let replace = node.text("replace").map(str::to_owned);
    let acts = [("keep", Act::Keep), ("note", Act::Note)];
    let acts: Vec<(&str, &Act)> = acts.iter().map(|(name, act)| (*name, act)).collect();
    let action = node.one_of("action", &acts).cloned();
    if replace.is_some() && action.is_some() {
        node.wrong_key("action", "a rule has `replace` or `action`, not both", None);
    }
    let act = action.or(replace.map(Act::Replace)).unwrap_or(Act::Remove);
    let fields = node.pairs("fields");
    let safe = node.flag("safe");
    let language = node.text("language").map(str::to_owned);
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let (mut removes, keeps) = (owned(node.texts("removes")), owned(node.texts("keeps")));
    let stays = matches!(act, Act::Keep | Act::Note);
    if removes.is_empty() && node.has("text") && !stays {
        // Exact lines are their own cases.
        removes = owned(node.texts("text"));
    }
    if removes.is_empty() && !stays {
        node.missing("`removes` is missing: a text that the rule must remove");
    }
    if keeps.is_empty() {
        node.missing("`keeps` is missing: a text like it that must stay");
    }
    node.finish();
    let tier = match subject {
        Subject::Outlet => Tier::Outlet,
        Subject::Family => Tier::Family,
        Subject::Generic => Tier::Generic,
    };
    let stage = stage?.to_owned();
    let (patterns, written, detect) = parsed?;
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
        detect,
        fields,
    };
    Some(FileRule { rule, language, patterns, written, removes, keeps })
}

fn parse_at(node: &mut Node<'_>) -> Option<At> {
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

type Parsed = (Vec<Pattern>, String, Option<String>);

fn parse_pattern(node: &mut Node<'_>, ignore_case: bool) -> Option<Parsed> {
    let present: Vec<&str> = PATTERN_KEYS.iter().copied().filter(|key| node.has(key)).collect();
    for key in PATTERN_KEYS {
        node.take(key);
    }
    let through = node.has("through");
    node.take("through");
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
        return Some((Vec::new(), format!("detect: {name}"), Some(name.to_owned())));
    }
    let (anchor, role) = match key {
        "text" | "line" => (Anchor::Line, Role::Line),
        "start" => (Anchor::Start, Role::Part),
        "end" => (Anchor::End, Role::Part),
        "inside" => (Anchor::Inside, Role::Part),
        _ => (Anchor::Line, Role::From),
    };
    let key = PATTERN_KEYS.iter().find(|known| **known == key)?;
    let (hirs, mut written) = parse_hirs(node, key, ignore_case)?;
    let mut patterns = vec![Pattern::new(anchor, role, hirs)];
    if through {
        let (hirs, last) = parse_hirs(node, "through", ignore_case)?;
        written = format!("{written} through: {last}");
        patterns.push(Pattern::new(Anchor::Line, Role::Through, hirs));
    }
    for pattern in &patterns {
        // Only a heavy regex can be too large; all others compile when they are needed.
        if let Some(Err(message)) = pattern.is_heavy().then(|| pattern.compile()) {
            node.wrong(key, &format!("the pattern cannot be used: {message}"), None);
            return None;
        }
    }
    Some((patterns, written, None))
}

fn parse_hirs(
    node: &mut Node<'_>,
    key: &'static str,
    ignore_case: bool,
) -> Option<(Vec<Hir>, String)> {
    let list = matches!(node.take(key), Some(serde_yaml::Value::Sequence(_)));
    let texts = node.texts(key);
    if texts.is_empty() {
        node.wrong(key, "the pattern is empty", None);
        return None;
    }
    let mut hirs = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let parsed = match key {
            "text" => pattern::literal(text, ignore_case),
            _ => pattern::parse(text, ignore_case),
        };
        match parsed {
            Ok(hir) if hir.properties().minimum_len() == Some(0) => {
                let message = "the pattern matches the empty text, so it would fit everywhere";
                node.wrong_inside(key, list.then_some(i), 0..text.len(), message);
            }
            Ok(hir) => hirs.push(hir),
            Err(error) => {
                let (range, message) = explain(&error, text);
                node.wrong_inside(
                    key,
                    list.then_some(i),
                    range,
                    &format!("invalid regex: {message}"),
                );
            }
        }
    }
    let written = format!("{key}: {}", texts.join(" | "));
    (hirs.len() == texts.len()).then_some((hirs, written))
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
