//! The keys of rule files, lexicon files and pipeline files, with the kind of their values and a
//! description. The parser rejects keys that are in no table, and the JSON Schema for editors is
//! generated from the same tables.

use serde_json::{Map, Value, json};

use super::file::NAME_PATTERN;
use super::kinds::KINDS;
use super::size;

/// A key of a mapping.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// The kind of its value.
    pub kind: Kind,
    /// A one-line description.
    pub doc: &'static str,
}

/// The kind of a value.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One string.
    Text,
    /// A name: a-z, 0-9, `-`, `.` and `_`.
    Name,
    /// A string or a list of strings.
    Texts,
    /// A regex or a list of regexes.
    Regexes,
    /// A day, such as 2024-05-31.
    Day,
    /// A positive integer.
    Count,
    /// `true` or `false`.
    Flag,
    /// A number from 0 to 1.
    Share,
    /// A size in bytes, such as 64MiB.
    Size,
    /// One of these names.
    OneOf(&'static [&'static str]),
    /// The name of a stage.
    Stage,
    /// `first`, `last` or a positive integer.
    At,
    /// Names, each with a string.
    Pairs,
    /// A mapping with these keys.
    Node(&'static [Key]),
    /// A list of mappings with these keys.
    Nodes(&'static [Key]),
    /// Names, each with a single value or a list of them.
    Settings,
    /// The stages of a chain, with optional settings.
    Stages,
}

const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, doc }
}

/// The values of `where`.
pub const PLACES: &[&str] = &["head", "tail", "edges", "opening", "closing", "body", "anywhere"];

/// The values of `certainty`, from the least certain.
pub const CERTAINTIES: &[&str] = &["guess", "likely", "sure"];

/// The values of `action`.
pub const ACTIONS: &[&str] = &["keep", "note"];

/// The keys of a rule file.
pub const FILE: &[Key] = &[
    key("outlet", Kind::Name, "The outlet that the file describes: a-z, 0-9, `-`, `.` and `_`."),
    key(
        "family",
        Kind::Name,
        "The family that the file describes: what several outlets have in common.",
    ),
    key("generic", Kind::Stage, "The stage that the file describes, for all outlets."),
    key("name", Kind::Text, "A display name."),
    key("language", Kind::Text, "The outlet's language, an ISO 639 code."),
    key(
        "recognise",
        Kind::Node(RECOGNISE),
        "How documents of the outlet are detected: by host, else by path, else by signs.",
    ),
    key("extends", Kind::Texts, "Families whose rules also apply."),
    key("rules", Kind::Nodes(RULE), "The rules, with their test cases."),
    key("examples", Kind::Nodes(EXAMPLE), "Complete documents and their expected output."),
    key(
        "allow",
        Kind::Nodes(ALLOW),
        "Accepted hits of rules on clean articles or other outlets, with reasons.",
    ),
];

/// The keys of `recognise`.
pub const RECOGNISE: &[Key] = &[
    key("hosts", Kind::Texts, "Host names in lower case; subdomains are included."),
    key("paths", Kind::Texts, "Globs over the paths of documents."),
    key("signs", Kind::Texts, "Texts that begin or end a line, with at least four characters."),
];

/// The keys of a rule.
pub const RULE: &[Key] = &[
    key("id", Kind::Name, "A name for the rule, such as `breadcrumb`."),
    key(
        "stage",
        Kind::Stage,
        "The stage that judges the rule's hits; in generic files, the stage of the file.",
    ),
    key("text", Kind::Texts, "Exact lines; they are their own cases."),
    key("line", Kind::Regexes, "A regex for a complete line."),
    key("start", Kind::Regexes, "A regex at the start of a line; the rest of the line is kept."),
    key("end", Kind::Regexes, "A regex at the end of a line; the rest of the line is kept."),
    key("inside", Kind::Regexes, "A regex anywhere in a line."),
    key("from", Kind::Regexes, "A regex for the first line of a block."),
    key("through", Kind::Regexes, "A regex for the last line of the block."),
    key(
        "unless",
        Kind::Regexes,
        "A regex anywhere in the line; lines that it matches are excluded from the rule.",
    ),
    key("detect", Kind::Text, "Enables a detector of the stage instead of a pattern."),
    key(
        "where",
        Kind::OneOf(PLACES),
        "Where the rule may act; default: `edges`, and for `start` and `end` also the opening and closing lines.",
    ),
    key(
        "at",
        Kind::At,
        "The non-blank line of that place that the rule is limited to, counted in the source.",
    ),
    key("max_lines", Kind::Count, "The maximum number of non-blank lines in a block; default: 12."),
    key("max_words", Kind::Count, "The maximum number of words in a line."),
    key(
        "safe",
        Kind::Flag,
        "A match on a line of its own is never part of an article: the rule also acts without a body line, and its cuts do not count towards the damage caps.",
    ),
    key(
        "certainty",
        Kind::OneOf(CERTAINTIES),
        "How certain it is that a match is boilerplate; default: `likely`, and `sure` for `safe` rules. The damage cap drops `guess` cuts first and never `sure` ones.",
    ),
    key("replace", Kind::Text, "Replaces the match with this text."),
    key(
        "action",
        Kind::OneOf(ACTIONS),
        "`keep`: the match is kept, whatever other rules say. `note`: nothing is cut, only fields are recorded.",
    ),
    key("since", Kind::Day, "The first day on which the rule applies."),
    key("until", Kind::Day, "The first day on which the rule no longer applies."),
    key(
        "fields",
        Kind::Pairs,
        "Fields with a fixed value; named groups of the pattern also become fields.",
    ),
    key("ignore_case", Kind::Flag, "Ignores case."),
    key(
        "language",
        Kind::Text,
        "The language of the rule's cue words, an ISO 639 code; for generic rules.",
    ),
    key(
        "removes",
        Kind::Texts,
        "Texts that the rule must remove; `⟦ ⟧` marks the part to remove, if it is not all.",
    ),
    key("keeps", Kind::Texts, "Similar texts that the rule must keep."),
];

/// The keys of an example.
pub const EXAMPLE: &[Key] = &[
    key("text", Kind::Text, "The complete document."),
    key("clean", Kind::Text, "The expected output."),
];

/// The keys of an exception in `allow`.
pub const ALLOW: &[Key] = &[
    key("rule", Kind::Text, "The rule's id in this file."),
    key("on", Kind::Text, "The article of the baseline, or the outlet, in which it has hits."),
    key("why", Kind::Text, "Why the hits are acceptable."),
];

/// The keys of a lexicon file.
pub const LEXICON: &[Key] = &[
    key(
        "lexicon",
        Kind::Text,
        "The language of the cue words, an ISO 639 code; `mul` for all languages.",
    ),
    key("name", Kind::Text, "The name of the language in English."),
    key("kinds", Kind::Node(KIND_KEYS), "The cue words, by kind."),
];

/// The keys of the `kinds` of a lexicon file.
const KIND_KEYS: &[Key] = &{
    let mut keys = [Key { name: "", kind: Kind::Text, doc: "" }; KINDS.len()];
    let mut at = 0;
    while at < KINDS.len() {
        keys[at] =
            Key { name: KINDS[at].name, kind: Kind::Node(LEXICON_ENTRIES), doc: KINDS[at].doc };
        at += 1;
    }
    keys
};

/// The keys of the cue words of one kind.
pub const LEXICON_ENTRIES: &[Key] = &[
    key(
        "entries",
        Kind::Texts,
        "Cue words: text in which `(a|b)` is a choice, `…` a slot, `#` a number, `*` any ending of a word.",
    ),
    key("removes", Kind::Texts, "Lines that the rules must remove."),
    key("keeps", Kind::Texts, "Sentences with these words that the rules must keep."),
];

/// The JSON Schema (2020-12) of a file with these keys. `stages` are the valid stages: name,
/// description and schema of the settings.
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

/// The JSON Schema of a mapping with these keys.
pub fn mapping_schema(keys: &[Key], required: &[&str]) -> Value {
    let mut schema = mapping(keys, &[]);
    schema["required"] = json!(required);
    schema
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
        Kind::Name => json!({"type": "string", "pattern": NAME_PATTERN}),
        Kind::Texts => list_or_one(text),
        Kind::Regexes => list_or_one(regex),
        Kind::Day => json!({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}),
        Kind::Count => json!({"type": "integer", "minimum": 1}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Share => json!({"type": "number", "minimum": 0, "maximum": 1}),
        Kind::Size => json!({"anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": size::PATTERN},
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
        Kind::Settings => {
            let one = json!({"type": ["string", "number", "boolean"]});
            json!({"type": ["object", "null"], "additionalProperties": list_or_one(one)})
        }
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
