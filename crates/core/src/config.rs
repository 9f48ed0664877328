//! The pipeline file: which stages, in which order, with which limits and rules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chaffinch_rules::Problem;
use chaffinch_rules::yaml::{self, Node, Problems};
use chaffinch_stage::{Options, Setting};
use serde_yaml::Value;

/// The pipeline that runs where no file says otherwise.
pub const DEFAULT: &str = include_str!("chaffinch.yaml");

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
        let mut top = Node::top(&mapping, &problems);
        let rules = top.texts("rules").into_iter().map(|path| base.join(path)).collect();
        let languages: Vec<String> =
            top.texts("languages").into_iter().map(str::to_owned).collect();
        let all = languages.is_empty() || languages == ["all"];
        let limits = top.node("limits").map_or_else(Limits::default, parse_limits);
        let stages = parse_stages(&mut top);
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

fn parse_limits(mut node: Node<'_>) -> Limits {
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
    let mut share = |key: &'static str, default: f64| match node.take(key).map(Value::as_f64) {
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

fn parse_stages(top: &mut Node<'_>) -> Vec<(String, Options)> {
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
