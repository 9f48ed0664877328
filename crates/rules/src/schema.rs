//! What may stand in a file: its keys, what each holds, what it is for. The reader refuses what
//! no table here names, and the JSON Schema that editors complete from is made of the same tables.

use serde_json::{Map, Value, json};

/// A key that a mapping may have.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it is for, in a line.
    pub doc: &'static str,
}

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One text.
    Text,
    /// One text, or a list of them.
    Texts,
    /// A regex, or a list of them.
    Regexes,
    /// A day, such as 2024-05-31.
    Day,
    /// A whole number from 1.
    Count,
    /// `true` or `false`.
    Flag,
    /// A share, from 0 to 1.
    Share,
    /// A size in bytes, such as 64MiB.
    Size,
    /// One of these names.
    OneOf(&'static [&'static str]),
    /// The name of a stage.
    Stage,
    /// `first`, `last` or a whole number from 1.
    At,
    /// Names with a text each.
    Pairs,
    /// A mapping with these keys.
    Node(&'static [Key]),
    /// A list of mappings with these keys.
    Nodes(&'static [Key]),
    /// The stages of a chain, some with settings.
    Stages,
}

const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, doc }
}

/// Where a rule may act, as rule files have it.
pub const PLACES: &[&str] = &["head", "tail", "edges", "opening", "closing", "body", "anywhere"];

/// How sure it is that a match is boilerplate, from the least certain.
pub const CERTAINTIES: &[&str] = &["guess", "likely", "sure"];

/// What a rule may do but cut and replace.
pub const ACTIONS: &[&str] = &["keep", "note"];

/// A rule file.
pub const FILE: &[Key] = &[
    key("outlet", Kind::Text, "The outlet that the file is about: a-z, 0-9, `-`, `.` and `_`."),
    key(
        "family",
        Kind::Text,
        "The family that the file is about: what several outlets have in common.",
    ),
    key("generic", Kind::Stage, "The stage that the file is about, for all outlets."),
    key("name", Kind::Text, "A name for people."),
    key("language", Kind::Text, "The outlet's language, an ISO 639 code."),
    key(
        "recognise",
        Kind::Node(RECOGNISE),
        "How a document of the outlet is told: by host, else by path, else by signs.",
    ),
    key("extends", Kind::Texts, "Families whose rules hold here too."),
    key("rules", Kind::Nodes(RULE), "What is cut, and the proof."),
    key("examples", Kind::Nodes(EXAMPLE), "Whole documents, and what must be left of them."),
    key("allow", Kind::Nodes(ALLOW), "Where rules may fire though they should not, and why."),
];

/// How an outlet is recognised.
pub const RECOGNISE: &[Key] = &[
    key("hosts", Kind::Texts, "Host names in lower case; subdomains are meant too."),
    key("paths", Kind::Texts, "Globs over the paths of documents."),
    key("signs", Kind::Texts, "Texts that begin or end a line, four characters or more."),
];

/// A rule.
pub const RULE: &[Key] = &[
    key("id", Kind::Text, "A name for the rule, such as `breadcrumb`."),
    key("stage", Kind::Stage, "The stage that judges the rule; in generic files it is the file's."),
    key("text", Kind::Texts, "Exact lines; they are their own cases."),
    key("line", Kind::Regexes, "A regex for a whole line."),
    key("start", Kind::Regexes, "A regex at the start of a line; the rest of the line stays."),
    key("end", Kind::Regexes, "A regex at the end of a line; the rest of the line stays."),
    key("inside", Kind::Regexes, "A regex anywhere in a line."),
    key("from", Kind::Regexes, "A regex for the first line of a block."),
    key("through", Kind::Regexes, "A regex for the last line of the block."),
    key(
        "unless",
        Kind::Regexes,
        "A regex anywhere in the line: a line that it matches is not a match of the rule.",
    ),
    key("detect", Kind::Text, "No pattern: switches on a detector of the stage."),
    key(
        "where",
        Kind::OneOf(PLACES),
        "Where it may act; `edges` if not said, for `start` and `end` the opening and closing line too.",
    ),
    key("at", Kind::At, "Which line of that place that is not blank, counted in the source."),
    key("max_lines", Kind::Count, "The most lines of a block that are not blank; 12 if not said."),
    key("max_words", Kind::Count, "Lines with more words are left alone."),
    key(
        "safe",
        Kind::Flag,
        "It cannot be part of an article wherever it stands alone: acts without a body line too, and counts towards no cap.",
    ),
    key(
        "certainty",
        Kind::OneOf(CERTAINTIES),
        "How sure it is that a match is boilerplate; `likely` if not said, `sure` for `safe` rules. The damage cap drops guesses first and never what is sure.",
    ),
    key("replace", Kind::Text, "Puts this text in the place of what it matches."),
    key(
        "action",
        Kind::OneOf(ACTIONS),
        "`keep`: what it matches stays, whatever other rules say. `note`: nothing is cut, fields are noted.",
    ),
    key("since", Kind::Day, "The first day of the layout that the rule is for."),
    key("until", Kind::Day, "The day from which on the rule is no longer for the outlet's layout."),
    key(
        "fields",
        Kind::Pairs,
        "Fields with a fixed value; named groups of the pattern become fields too.",
    ),
    key("ignore_case", Kind::Flag, "Capitals and small letters match each other."),
    key(
        "language",
        Kind::Text,
        "The language of the rule's cues, an ISO 639 code; for generic rules.",
    ),
    key(
        "removes",
        Kind::Texts,
        "Texts that this rule must remove; `⟦ ⟧` mark the part that must go, if not all of it.",
    ),
    key("keeps", Kind::Texts, "Texts like them that must stay."),
];

/// An example of a rule file.
pub const EXAMPLE: &[Key] = &[
    key("text", Kind::Text, "The whole document."),
    key("clean", Kind::Text, "What must be left of it."),
];

/// An exception of a rule file.
pub const ALLOW: &[Key] = &[
    key("rule", Kind::Text, "The rule's id in this file."),
    key("on", Kind::Text, "The article of the baseline, or the outlet whose examples it fires on."),
    key("why", Kind::Text, "Why that is right."),
];

/// A lexicon file.
pub const LEXICON: &[Key] = &[
    key(
        "lexicon",
        Kind::Text,
        "The language of the cues, an ISO 639 code; `mul` for all languages.",
    ),
    key("name", Kind::Text, "The name of the language in English."),
    key("kinds", Kind::Node(crate::lexicon::KIND_KEYS), "The cues, by kind."),
];

/// The cues of one kind.
pub const LEXICON_ENTRIES: &[Key] = &[
    key(
        "entries",
        Kind::Texts,
        "Cues: text in which `(a|b)` is a choice, `…` a slot, `#` a number, `*` any ending of a word.",
    ),
    key("removes", Kind::Texts, "Lines that the rules must remove."),
    key("keeps", Kind::Texts, "Sentences with these words that must stay."),
];

/// The JSON Schema (2020-12) of a file with these keys. `stages` are the names that may be given,
/// each with what it finds and the schema of its settings.
pub fn json_schema(
    title: &str,
    description: &str,
    keys: &[Key],
    stages: &[(&str, &str, Value)],
) -> Value {
    let mut schema = mapping(keys, stages);
    let mut top = Map::new();
    top.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    top.insert("title".into(), title.into());
    top.insert("description".into(), description.into());
    if let Value::Object(own) = &mut schema {
        top.append(own);
    }
    Value::Object(top)
}

fn mapping(keys: &[Key], stages: &[(&str, &str, Value)]) -> Value {
    let property = |key: &Key| {
        let mut value = of(key.kind, stages);
        if let Value::Object(map) = &mut value {
            map.insert("description".into(), key.doc.into());
        }
        (key.name.to_owned(), value)
    };
    let properties: Map<String, Value> = keys.iter().map(property).collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn of(kind: Kind, stages: &[(&str, &str, Value)]) -> Value {
    let text = json!({"type": "string"});
    let regex = json!({"type": "string", "minLength": 1});
    let list_or_one =
        |item: Value| json!({"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]});
    match kind {
        Kind::Text => text,
        Kind::Texts => list_or_one(text),
        Kind::Regexes => list_or_one(regex),
        Kind::Day => json!({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}),
        Kind::Count => json!({"type": "integer", "minimum": 1}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Share => json!({"type": "number", "minimum": 0, "maximum": 1}),
        Kind::Size => json!({"anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": r"^\d+ ?(KiB|MiB|GiB)?$"},
        ]}),
        Kind::OneOf(names) => json!({"enum": names}),
        Kind::Stage => json!({"anyOf": [
            {"enum": stages.iter().map(|(name, ..)| *name).collect::<Vec<_>>()},
            {"type": "string"},
        ]}),
        Kind::At => json!({"anyOf": [
            {"enum": ["first", "last"]},
            {"type": "integer", "minimum": 1},
        ]}),
        Kind::Pairs => json!({"type": "object", "additionalProperties": text}),
        Kind::Node(keys) => mapping(keys, stages),
        Kind::Nodes(keys) => json!({"type": "array", "items": mapping(keys, stages)}),
        Kind::Stages => {
            let names: Vec<&str> = stages.iter().map(|(name, ..)| *name).collect();
            let with_settings: Map<String, Value> = stages
                .iter()
                .map(|(name, finds, settings)| {
                    let mut settings = settings.clone();
                    if let Value::Object(map) = &mut settings {
                        map.insert("description".into(), (*finds).into());
                    }
                    ((*name).to_owned(), settings)
                })
                .collect();
            json!({"type": "array", "items": {"anyOf": [
                {"enum": names},
                {"type": "object", "properties": with_settings, "maxProperties": 1},
                {"type": "string"},
            ]}})
        }
    }
}
