//! The pipeline file: which stages, in which order, with which limits and rules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chaffinch_rules::Problem;
use chaffinch_rules::schema::{self, Key, Kind};
use chaffinch_rules::yaml::{self, Node, Problems};
use chaffinch_stage::{Options, Setting};
use serde_yaml::Value;

/// The pipeline that runs where no file says otherwise.
pub const DEFAULT: &str = include_str!("chaffinch.yaml");

const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, doc }
}

/// The keys of a pipeline file.
const FILE: &[Key] = &[
    key(
        "rules",
        Kind::Texts,
        "Directories of rule files, from this file's directory; those that ship if not said.",
    ),
    key(
        "languages",
        Kind::Texts,
        "`all`, or a list such as [en, fa]: generic rules that name another language are left out.",
    ),
    key("limits", Kind::Node(LIMITS), "What a document may cost, and how much of it may go."),
    key(
        "stages",
        Kind::Stages,
        "The stages, in order, some with settings; all of them if not said.",
    ),
];

const LIMITS: &[Key] = &[
    key("document_bytes", Kind::Size, "Longer documents pass through untouched."),
    key(
        "body_cut_share",
        Kind::Share,
        "Generic cuts inside the body beyond this share of it are dropped.",
    ),
    key(
        "total_cut_share",
        Kind::Share,
        "Cuts beyond this share of the body: the document passes through.",
    ),
];

/// The JSON Schemas of rule files and of pipeline files, made of the tables that their readers use.
#[derive(Clone, Debug)]
pub struct Schemas {
    /// That of rule files.
    pub rule_file: serde_json::Value,
    /// That of lexicon files.
    pub lexicon: serde_json::Value,
    /// That of pipeline files.
    pub pipeline: serde_json::Value,
}

impl Schemas {
    /// The schemas for the built-in stages.
    pub fn built_in() -> Schemas {
        let stages: Vec<(&str, &str, serde_json::Value)> = chaffinch_stages::STAGES
            .iter()
            .map(|stage| (stage.name, stage.finds, settings_schema(stage)))
            .collect();
        let rule_file = schema::json_schema(
            "Chaffinch rule file",
            "How an outlet is recognised, what is cut from its documents, and the proof.",
            schema::FILE,
            &stages,
        );
        let lexicon = schema::json_schema(
            "Chaffinch lexicon file",
            "The cue words of one language, by kind, and the proof.",
            schema::LEXICON,
            &stages,
        );
        let pipeline = schema::json_schema(
            "Chaffinch pipeline file",
            "The stages of the cleaning chain, in order, with rules and limits.",
            FILE,
            &stages,
        );
        Schemas { rule_file, lexicon, pipeline }
    }
}

/// The settings that a stage takes, told by making it.
fn settings_schema(stage: &chaffinch_stages::BuiltIn) -> serde_json::Value {
    let mut options = Options::default();
    // Without settings, every stage can be made.
    let _ = (stage.make)(&mut options);
    let property = |(name, default): (&str, &Setting)| {
        let schema = match default {
            Setting::Bool(value) => serde_json::json!({"type": "boolean", "default": value}),
            Setting::Int(value) => {
                serde_json::json!({"type": "integer", "minimum": 1, "default": value})
            }
            Setting::Float(value) => serde_json::json!({"type": "number", "default": value}),
            Setting::Text(value) => serde_json::json!({"type": "string", "default": value}),
            Setting::NoPercent => {
                serde_json::json!({"type": "integer", "minimum": 0, "maximum": 100})
            }
        };
        (name.to_owned(), schema)
    };
    let properties: serde_json::Map<String, serde_json::Value> =
        options.known().map(property).collect();
    serde_json::json!({"type": ["object", "null"], "properties": properties, "additionalProperties": false})
}

/// A pipeline file, read.
#[derive(Clone, Debug)]
pub struct Config {
    /// Directories of rule files; empty for the shipped outlets.
    pub rules: Vec<PathBuf>,
    /// Languages of generic cues; none for all.
    pub languages: Option<Vec<String>>,
    /// What a document may cost, and how much of it may go.
    pub limits: Limits,
    /// The stages, in order, with their settings.
    pub stages: Vec<(String, Options)>,
}

/// What a document may cost, and how much of it may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Longer documents pass through untouched, in bytes.
    pub document_bytes: usize,
    /// Generic cuts inside the body beyond this share of its bytes are dropped; 0 to 1.
    pub body_cut_share: f64,
    /// Cuts inside the body beyond this share of its bytes: the document passes through; 0 to 1.
    pub total_cut_share: f64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { document_bytes: 64 << 20, body_cut_share: 0.10, total_cut_share: 0.50 }
    }
}

impl Config {
    /// Reads a pipeline file. Relative rule directories are meant from `base`.
    ///
    /// # Errors
    /// Everything that is wrong with it, but for stage names and settings: only the pipeline
    /// knows those.
    pub fn parse(file: &str, source: &str, base: &Path) -> Result<Config, Vec<Problem>> {
        let mapping = yaml::parse(file, source).map_err(|problem| vec![problem])?;
        let problems = Problems::default();
        let top = Node::top(&mapping, FILE, &problems);
        let rules = top.texts("rules").into_iter().map(|path| base.join(path)).collect();
        let languages: Vec<String> =
            top.texts("languages").into_iter().map(str::to_owned).collect();
        let all = languages.is_empty() || languages == ["all"];
        let limits = top.node("limits").map_or_else(Limits::default, parse_limits);
        let mut stages = parse_stages(&top);
        for (_, options) in &mut stages {
            if let Some(Setting::Text(model)) = options.get("model") {
                let path = base.join(model).display().to_string();
                options.set("model", Setting::Text(path));
            }
        }
        top.finish();
        let problems = problems.place(file, source);
        match problems.is_empty() {
            true => Ok(Config { rules, languages: (!all).then_some(languages), limits, stages }),
            false => Err(problems),
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config::parse("chaffinch.yaml", DEFAULT, Path::new("")).unwrap_or_else(|problems| {
            unreachable!("the built-in pipeline is tested: {problems:?}")
        })
    }
}

fn parse_limits(node: Node<'_>) -> Limits {
    let default = Limits::default();
    let bytes = match node.take("document_bytes") {
        None => None,
        Some(value) => {
            let parsed = value.as_u64().or_else(|| parse_bytes(value.as_str()?));
            if parsed.is_none() {
                node.wrong("document_bytes", "expected a size such as 64MiB", None);
            }
            parsed
        }
    };
    let share = |key: &str, default: f64| match node.take(key).map(Value::as_f64) {
        None => default,
        Some(Some(share)) if (0.0..=1.0).contains(&share) => share,
        Some(_) => {
            node.wrong(key, "expected a share from 0 to 1", None);
            default
        }
    };
    let limits = Limits {
        document_bytes: bytes.map_or(default.document_bytes, |bytes| bytes as usize),
        body_cut_share: share("body_cut_share", default.body_cut_share),
        total_cut_share: share("total_cut_share", default.total_cut_share),
    };
    node.finish();
    limits
}

/// A size in bytes: a number, with KiB, MiB or GiB behind it.
fn parse_bytes(text: &str) -> Option<u64> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let (number, shift) = units
        .iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)))
        .unwrap_or((text, 0));
    number.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn parse_stages(top: &Node<'_>) -> Vec<(String, Options)> {
    let items = match top.take("stages") {
        None => return Config::default().stages,
        Some(Value::Sequence(items)) => items,
        Some(_) => {
            top.wrong("stages", "expected a list of stages", None);
            return Vec::new();
        }
    };
    let mut stages: Vec<(String, Options)> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let parsed = match item {
            Value::String(name) => Some((name.clone(), Options::default())),
            Value::Mapping(mapping) if mapping.len() == 1 => {
                mapping.iter().next().and_then(|(name, settings)| {
                    Some((name.as_str()?.to_owned(), Options::new(parse_settings(settings)?)))
                })
            }
            _ => None,
        };
        match parsed {
            Some((name, _)) if stages.iter().any(|(other, _)| *other == name) => {
                top.wrong_item("stages", i, &format!("stage \"{name}\" is named twice"), None);
            }
            Some(stage) => stages.push(stage),
            None => {
                let help = "write `- ticker` or `- ticker: {min_lines: 3}`";
                top.wrong_item("stages", i, "not a stage", Some(help));
            }
        }
    }
    stages
}

fn parse_settings(value: &Value) -> Option<BTreeMap<String, Setting>> {
    let setting = |value: &Value| match value {
        Value::Bool(value) => Some(Setting::Bool(*value)),
        Value::Number(number) => {
            number.as_i64().map(Setting::Int).or(number.as_f64().map(Setting::Float))
        }
        Value::String(text) => Some(Setting::Text(text.clone())),
        _ => None,
    };
    match value {
        Value::Null => Some(BTreeMap::new()),
        Value::Mapping(mapping) => mapping
            .iter()
            .map(|(name, value)| Some((name.as_str()?.to_owned(), setting(value)?)))
            .collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(source: &str) -> Result<Config, String> {
        Config::parse("p.yaml", source, Path::new("base")).map_err(|problems| {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn limits_rules_and_stages_are_read() {
        let config = parse("rules: [mine]\nlanguages: [en]\nlimits: {document_bytes: 2MiB, body_cut_share: 0.2}\nstages:\n  - debris\n  - ticker: {min_lines: 4}\n").unwrap();
        assert_eq!(config.rules, [Path::new("base/mine")]);
        assert_eq!(config.languages, Some(vec!["en".to_owned()]));
        assert_eq!((config.limits.document_bytes, config.limits.body_cut_share), (2 << 20, 0.2));
        assert_eq!(config.limits.total_cut_share, 0.50);
        let names: Vec<&str> = config.stages.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["debris", "ticker"]);
    }

    #[test]
    fn what_is_wrong_is_told_all_at_once() {
        let told = parse(
            "limit: {}\nlimits: {document_bytes: many, body_cut_share: 2}\nstages: [debris, debris, [x]]\n",
        );
        let told = told.unwrap_err();
        for part in [
            "p.yaml:1:1: unknown key \"limit\"; did you mean \"limits\"?",
            "p.yaml:2:26: expected a size such as 64MiB",
            "p.yaml:2:48: expected a share from 0 to 1",
            "p.yaml:3:18: stage \"debris\" is named twice",
            "p.yaml:3:26: not a stage",
        ] {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
    }

    #[test]
    fn without_stages_all_run() {
        assert_eq!(parse("languages: all\n").unwrap().stages.len(), chaffinch_stages::STAGES.len());
        assert_eq!(Config::default().limits, Limits::default());
    }
}
