//! Parses a rule file and checks everything that can be checked without other files.

use std::collections::HashSet;
use std::sync::Arc;

use chaffinch_stage::{Action, At, Certainty, Place, Rule, Tier, calendar};
use regex_syntax::hir::Hir;

use super::file::{
    Allow, Cases, Era, Example, FileRule, NAME, RESERVED, RuleFile, Subject, WRITTEN_KEYS, Written,
    digest, is_name, kind_of,
};
use super::lexicon::Lexicon;
use super::schema;
use super::template::{self, Expanded, Words};
use super::yaml::{self, Node, Problem, Problems};
use crate::key;
use crate::matching::{Pattern, folding, placeholders};

/// The actions named in [`schema::ACTIONS`].
static ACTIONS: [Action; 2] = [Action::Keep, Action::Note];

/// The keys of which a rule has exactly one.
const PATTERN_KEYS: &[&str] = WRITTEN_KEYS.split_at(7).0;

impl RuleFile {
    /// Parses a rule file. `stages` are the valid names of stages.
    ///
    /// # Errors
    /// All problems in the file, in the order of its lines. A syntax error hides all others.
    pub fn parse(file: &str, source: &str, stages: &[&str]) -> Result<RuleFile, Vec<Problem>> {
        let lexicon = None;
        RuleFile::parse_as(
            file,
            source,
            ParseOptions { stages, shipped: false, prepare: false, lexicon },
        )
    }

    pub(crate) fn parse_as(
        file: &str,
        source: &str,
        options: ParseOptions<'_>,
    ) -> Result<RuleFile, Vec<Problem>> {
        let mapping = yaml::parse(file, source).map_err(|problem| vec![problem])?;
        let problems = Problems::default();
        let parsed = parse_top(file, Node::top(&mapping, schema::FILE, &problems), options);
        let problems = problems.place(file, source);
        match parsed {
            Some(parsed) if problems.is_empty() => Ok(parsed),
            _ => Err(problems),
        }
    }
}

/// Options for parsing a rule file.
#[derive(Clone, Copy)]
pub(crate) struct ParseOptions<'a> {
    /// The valid names of stages.
    pub(crate) stages: &'a [&'a str],
    /// Whether the file is a shipped one, whose patterns are checked by tests.
    pub(crate) shipped: bool,
    /// Whether patterns are compiled now.
    pub(crate) prepare: bool,
    /// The lexicon that patterns use. Default: the shipped one.
    pub(crate) lexicon: Option<&'a Lexicon>,
}

impl<'a> ParseOptions<'a> {
    fn lexicon(&self) -> &'a Lexicon {
        self.lexicon.unwrap_or_else(|| Lexicon::shipped())
    }
}

fn parse_top(file: &str, top: Node<'_>, options: ParseOptions<'_>) -> Option<RuleFile> {
    let kinds =
        [("outlet", Subject::Outlet), ("family", Subject::Family), ("generic", Subject::Generic)];
    let mut named =
        kinds.into_iter().filter_map(|(key, subject)| Some((key, subject, top.text(key)?)));
    let (first, second) = (named.next(), named.next());
    drop(named);
    let Some((key, subject, id)) = first else {
        // A name that is no text has been reported.
        if kinds.iter().all(|(key, _)| !top.has(key)) {
            top.missing("the file needs `outlet: NAME`, `family: NAME` or `generic: STAGE`");
        }
        return None;
    };
    if let Some((other, ..)) = second {
        top.wrong_key(
            other,
            &format!("a file has one of these keys, and this one has `{key}`"),
            None,
        );
    }
    if !is_name(id) {
        top.wrong(key, NAME, None);
    }
    if subject != Subject::Generic && RESERVED.contains(&id) {
        let message = format!("\"{id}\" begins the ids of built-in rules");
        top.wrong(key, &message, Some("choose another name"));
    }
    if subject == Subject::Generic && !options.stages.contains(&id) {
        let help = yaml::expected(id, options.stages);
        top.wrong(key, &format!("unknown stage \"{id}\""), Some(&help));
    }
    let name = top.text("name").map(str::to_owned);
    let language = top.text("language").map(str::to_owned);
    let Recognise { hosts, paths, signs } = parse_recognise(&top, subject);
    let extends = top.owned_texts("extends");
    let (mut rules, mut ids) = (Vec::new(), HashSet::new());
    for (at, node) in top.nodes("rules").into_iter().enumerate() {
        let parsed = parse_rule(node, at, &subject, id, options, &mut ids);
        rules.extend(parsed.unwrap_or_default());
    }
    let examples = parse_examples(&top);
    let allow = parse_allow(&top, id, &ids);
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

/// The `recognise` part of a rule file.
#[derive(Default)]
struct Recognise {
    hosts: Vec<String>,
    paths: Vec<String>,
    signs: Vec<String>,
}

fn parse_recognise(top: &Node<'_>, subject: Subject) -> Recognise {
    let Some(recognise) = top.node("recognise") else { return Recognise::default() };
    if subject != Subject::Outlet {
        top.wrong_key("recognise", "only outlet files may have `recognise`", None);
    }
    let hosts = recognise.owned_texts("hosts");
    let paths = recognise.owned_texts("paths");
    let signs = recognise.owned_texts("signs");
    for (i, host) in hosts.iter().enumerate() {
        if host.contains(['/', ':', ' ']) || host.to_lowercase() != *host {
            let help = "for example `example.com`; subdomains are included";
            recognise.wrong_item("hosts", i, "expected a host name in lower case", Some(help));
        }
    }
    for (i, path) in paths.iter().enumerate() {
        if let Err(error) = globset::Glob::new(path) {
            recognise.wrong_item("paths", i, &format!("not a glob: {}", error.kind()), None);
        }
    }
    for (i, sign) in signs.iter().enumerate() {
        if key::key(sign).chars().count() < 4 {
            recognise.wrong_item("signs", i, "a sign needs at least four characters", None);
        }
    }
    recognise.finish();
    Recognise { hosts, paths, signs }
}

fn parse_examples(top: &Node<'_>) -> Vec<Example> {
    let mut examples = Vec::new();
    for node in top.nodes("examples") {
        let text = node.required("text", "the complete document");
        let clean = node.required("clean", "the expected output");
        if let (Some(text), Some(clean)) = (text, clean) {
            examples.push(Example { text: text.to_owned(), clean: clean.to_owned() });
        }
        node.finish();
    }
    examples
}

/// The accepted hits of the file `id`, whose rules have these `ids`.
fn parse_allow(top: &Node<'_>, id: &str, ids: &HashSet<String>) -> Vec<Allow> {
    let mut allow = Vec::new();
    for node in top.nodes("allow") {
        let rule = node.required("rule", "the rule's id in this file");
        let on = node.required("on", "an article of the baseline, or an outlet");
        let why = node.required("why", "why the hit is acceptable");
        if let (Some(rule), Some(on), Some(why)) = (rule, on, why) {
            let full = format!("{id}/{rule}");
            if !ids.contains(&full) {
                node.wrong("rule", "this file has no rule with this id", None);
            }
            allow.push(Allow { rule: full, on: on.to_owned(), why: why.to_owned() });
        }
        node.finish();
    }
    allow
}

fn parse_rule(
    node: Node<'_>,
    at_in_file: usize,
    subject: &Subject,
    unit: &str,
    options: ParseOptions<'_>,
    ids: &mut HashSet<String>,
) -> Option<Vec<FileRule>> {
    let id = node.required("id", "a name for the rule, such as `breadcrumb`");
    let full_id = match subject {
        Subject::Generic => format!("generic/{unit}/{}", id.unwrap_or_default()),
        _ => format!("{unit}/{}", id.unwrap_or_default()),
    };
    if id.is_some_and(|id| !is_name(id)) {
        node.wrong("id", NAME, None);
    } else if id.is_some() && !ids.insert(full_id.clone()) {
        node.wrong("id", "another rule of this file has the same id", None);
    }
    let stage = match subject {
        Subject::Generic => Some(unit),
        _ => node.required("stage", "the stage of the rule"),
    };
    if let Some(stage) = stage.filter(|stage| !options.stages.contains(stage)) {
        let help = yaml::expected(stage, options.stages);
        node.wrong("stage", &format!("unknown stage \"{stage}\""), Some(&help));
    }
    let ignore_case = node.flag("ignore_case");
    // An invalid pattern must not hide other problems of the rule.
    let parsed = parse_pattern(&node, ignore_case, options);
    let at_ends = node.has("start") || node.has("end");
    let by_language = parsed.as_ref().is_some_and(|parsed| parsed.by_language);
    let place = parse_place(&node, at_ends);
    let at = parse_at(&node);
    let max_lines = node.count("max_lines").unwrap_or(12);
    let max_words = node.count("max_words");
    let action = parse_action(&node);
    let fields = node.pairs("fields");
    let safe = node.flag("safe");
    let certainty = parse_certainty(&node, safe);
    let era = parse_era(&node);
    let language = node.text("language").map(str::to_owned);
    let cases = parse_cases(&node, &action, by_language);
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
        action,
        max_lines,
        max_words,
        safe,
        certainty,
        detect,
        fields,
    };
    let at = at_in_file;
    if by_language {
        let rule =
            FileRule { patterns: Vec::new(), rule, language, written, era, at, cases, digest: 0 };
        return Some(in_all_languages(&rule, options));
    }
    let patterns = patterns_of(&written, options.prepare.then_some(&parsed));
    let digest = digest(&rule, &written, &era);
    Some(vec![FileRule { rule, language, patterns, written, era, at, cases, digest }])
}

/// Expands the rule into one rule for each language that has the necessary cue words. Their ids end
/// with the language.
fn in_all_languages(rule: &FileRule, options: ParseOptions<'_>) -> Vec<FileRule> {
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
        let written =
            Written { keys, ignore_case, template: Some(rule.written.keys.clone()), lists };
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
            // The cases of its cue words are in the lexicon.
            cases: if words.is_international() { rule.cases.clone() } else { Cases::default() },
        };
        if options.prepare {
            let parsed =
                file_rule.patterns.iter().map(Pattern::parsed_as_written).collect::<Vec<_>>();
            file_rule.patterns.iter_mut().zip(&parsed).for_each(|(p, parsed)| p.prepare(parsed));
        }
        own.then_some(file_rule)
    };
    Words::all(options.lexicon()).filter_map(in_language).collect()
}

/// The patterns of a rule, compiled from the parsed texts if those are given.
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

fn parse_place(node: &Node<'_>, at_ends: bool) -> Place {
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
    let default = if at_ends { Place::Rims } else { Place::Edges };
    node.one_of("where", &places).unwrap_or(default)
}

fn parse_action(node: &Node<'_>) -> Action {
    let replace = node.text("replace").map(str::to_owned);
    let actions: Vec<(&str, &Action)> = schema::ACTIONS.iter().copied().zip(&ACTIONS).collect();
    let action = node.one_of("action", &actions).cloned();
    if replace.is_some() && action.is_some() {
        node.wrong_key("action", "a rule cannot have both `replace` and `action`", None);
    }
    action.or(replace.map(Action::Replace)).unwrap_or(Action::Remove)
}

fn parse_certainty(node: &Node<'_>, safe: bool) -> Certainty {
    const CERTAINTIES: [Certainty; 3] = [Certainty::Guess, Certainty::Likely, Certainty::Sure];
    let certainties: Vec<(&str, Certainty)> =
        schema::CERTAINTIES.iter().copied().zip(CERTAINTIES).collect();
    let default = if safe { Certainty::Sure } else { Certainty::Likely };
    node.one_of("certainty", &certainties).unwrap_or(default)
}

fn parse_era(node: &Node<'_>) -> Era {
    let era = Era { since: parse_day(node, "since"), until: parse_day(node, "until") };
    if let (Some(since), Some(until)) = (&era.since, &era.until)
        && since >= until
    {
        node.wrong("until", "`until` must be later than `since`", None);
    }
    era
}

/// The texts that the rule must remove and keep.
fn parse_cases(node: &Node<'_>, action: &Action, by_language: bool) -> Cases {
    let (mut removes, keeps) = (node.owned_texts("removes"), node.owned_texts("keeps"));
    let stays = matches!(action, Action::Keep | Action::Note);
    if removes.is_empty() && node.has("text") && !stays {
        // Exact lines are their own cases.
        removes = node.owned_texts("text");
    }
    if removes.is_empty() && !stays && !by_language {
        node.missing("`removes` is missing: a text that the rule must remove");
    }
    if keeps.is_empty() && !by_language {
        node.missing("`keeps` is missing: a similar text that the rule must keep");
    }
    Cases { removes, keeps }
}

fn parse_at(node: &Node<'_>) -> Option<At> {
    let value = node.take("at")?;
    match (value.as_str(), value.as_u64()) {
        (Some("first"), _) => Some(At::Nth(1)),
        (Some("last"), _) => Some(At::Last),
        (_, Some(n)) if n > 0 => Some(At::Nth(n as usize)),
        _ => {
            node.wrong("at", "expected `first`, `last` or a positive integer", None);
            None
        }
    }
}

/// Parses a day such as `2024-05-31`.
fn parse_day(node: &Node<'_>, key: &str) -> Option<String> {
    let text = node.text(key)?;
    match calendar::check_day(text) {
        Ok(()) => Some(text.to_owned()),
        Err(error) => {
            node.wrong(key, &error.to_string(), None);
            None
        }
    }
}

/// A checked pattern of a rule.
struct Parsed {
    written: Written,
    /// The parsed texts of each key.
    parsed: Vec<Vec<Hir>>,
    detect: Option<String>,
    /// Whether it uses lists of the lexicon, so that there is one rule per language.
    by_language: bool,
}

fn parse_pattern(node: &Node<'_>, ignore_case: bool, options: ParseOptions<'_>) -> Option<Parsed> {
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
            let message = format!("a rule has one pattern, and this one already has `{first}`");
            node.wrong_key(second, &message, Some("write two rules"));
            return None;
        }
    };
    if through != (key == "from") {
        match through {
            true => node.wrong_key("through", "`through` needs `from`", None),
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
            parse_texts(node, key, ignore_case, options.shipped)?;
        by_language |= lists;
        let texts: Arc<[String]> = texts.into();
        let (anchor, role) = kind_of(key);
        let pattern = || Pattern::new(anchor, role, texts.clone(), key == "text", ignore_case);
        // Only a heavy regex can be too large. All others are compiled when they are needed.
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

/// The checked texts of a pattern.
struct ParsedTexts {
    texts: Vec<String>,
    /// Whether one of them may be too large to compile.
    heavy: bool,
    /// The parsed regexes.
    parsed: Vec<Hir>,
    /// Whether one of them uses a list of the lexicon.
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
    let (mut valid, mut heavy, mut parsed) = (true, false, Vec::new());
    let lists = key != "text" && texts.iter().any(|text| template::has_lists(text));
    // Shipped files are checked by tests.
    for (i, text) in texts.iter().enumerate().filter(|_| !shipped) {
        if let Some((range, message)) = placeholders::find_written(text, placeholders::is_in_regex)
        {
            node.wrong_inside(key, list.then_some(i), range, &message);
            valid = false;
            continue;
        }
        let plain = match (key != "text").then(|| template::check(text)) {
            None => text.to_owned().into(),
            Some(Ok(plain)) => std::borrow::Cow::Owned(plain),
            Some(Err((range, message))) => {
                node.wrong_inside(key, list.then_some(i), range, &message);
                valid = false;
                continue;
            }
        };
        let checked = folding::check(&plain, key == "text", ignore_case);
        let spelled = (key != "text").then(|| template::without_shapes(text)).flatten();
        let checked = match spelled {
            Some(spelled) => checked.and(folding::check(&spelled, false, ignore_case)),
            None => checked,
        };
        match checked {
            Ok(checked) if checked.empty => {
                let message = "the pattern matches the empty text, so it would match everywhere";
                node.wrong_inside(key, list.then_some(i), 0..text.len(), message);
                valid = false;
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
                valid = false;
            }
        }
    }
    let spelled = |text: &str| template::without_shapes(text).unwrap_or_else(|| text.to_owned());
    let texts = match key {
        "text" => texts.into_iter().map(str::to_owned).collect(),
        _ => texts.into_iter().map(spelled).collect(),
    };
    valid.then_some(ParsedTexts { texts, heavy, parsed, lists })
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
