//! The pipeline file: which stages run, in which order, with which settings, limits and rules.
//! [`Config::parse`] reads it for the pipeline builder.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use chaffinch_rules::schema::{Key, Kind};
use chaffinch_rules::yaml::{self, Node, Places, Problems};
use chaffinch_rules::{Problem, SHIPPED, size};
use chaffinch_stage::{Options, Setting};
use serde_yaml::Value;

/// The pipeline file that is used if none is given.
pub const DEFAULT: &str = include_str!("chaffinch.yaml");

const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, doc }
}

/// The keys of a pipeline file.
pub(crate) const FILE: &[Key] = &[
    key(
        "rules",
        Kind::Texts,
        "Directories of rule files, relative to this file; default: the shipped outlets.",
    ),
    key(
        "languages",
        Kind::Texts,
        "`all`, or a list such as [en, fa]: generic rules for other languages are left out.",
    ),
    key("limits", Kind::Node(LIMITS), "Limits on document size and on cuts."),
    key(
        "stages",
        Kind::Stages,
        "The stages, in order, with optional settings; default: all stages.",
    ),
];

/// The keys of a plugin in the list of stages.
pub(crate) const PLUGIN: &[Key] = &[
    key("wasm", Kind::Text, "The WebAssembly module, relative to this file."),
    key(
        "name",
        Kind::Text,
        "The name of the stage: a-z, 0-9 and `-`; default: the name of the module's file.",
    ),
    key("config", Kind::Settings, "Settings for the plugin: single values and lists of them."),
];

/// The stage name that a plugin has in the list of stages.
pub(crate) const PLUGIN_STAGE: &str = "plugin";

const LIMITS: &[Key] = &[
    key("document_bytes", Kind::Size, "Larger documents pass through unchanged."),
    key(
        "body_cut_share",
        Kind::Share,
        "Share of the body that generic rules may cut; the least certain cuts beyond it are dropped.",
    ),
    key(
        "total_cut_share",
        Kind::Share,
        "Share of the body that may be cut; beyond it, the document passes through unchanged.",
    ),
];

/// A parsed pipeline file.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directories of rule files, empty for the shipped outlets.
    pub rules: Vec<PathBuf>,
    /// The languages of generic rules, or `None` for all.
    pub languages: Option<Vec<String>>,
    /// The limits on document size and on cuts.
    pub limits: Limits,
    /// The stages, in order, with their settings.
    pub stages: Vec<(String, Options)>,
    /// The stages that are plugins.
    pub plugins: Vec<Plugin>,
}

/// A stage that is a WebAssembly module, as a pipeline file describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plugin {
    /// The name of the stage.
    pub name: String,
    /// The module.
    pub wasm: PathBuf,
    /// The settings, in order: names and values. A list has one entry for each item.
    pub settings: Vec<(String, String)>,
    /// The bytes of the pipeline file that give the name, or else the module.
    pub name_span: Range<usize>,
    /// The bytes of the pipeline file that give the module.
    pub wasm_span: Range<usize>,
    /// The bytes of the pipeline file that give the settings, or else the module.
    pub settings_span: Range<usize>,
}

/// Limits on document size and on cuts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The maximum size of a document, in bytes. Larger documents pass through unchanged.
    pub document_bytes: usize,
    /// The maximum share of the body, in bytes, that generic rules may cut, from 0 to 1. The least
    /// certain cuts beyond it are dropped.
    pub body_cut_share: f64,
    /// The maximum share of the body, in bytes, that may be cut, from 0 to 1. Beyond it, the
    /// document passes through unchanged.
    pub total_cut_share: f64,
}

impl Limits {
    /// The default limits without damage caps, for texts that are shorter than articles.
    pub fn without_caps() -> Limits {
        Limits { body_cut_share: 1.0, total_cut_share: 1.0, ..Limits::default() }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { document_bytes: 64 << 20, body_cut_share: 0.10, total_cut_share: 0.50 }
    }
}

impl Config {
    /// Parses a pipeline file. Relative rule directories refer to `base`.
    ///
    /// # Errors
    /// All problems except unknown stages and settings, which only the pipeline builder can detect.
    pub fn parse(file: &str, source: &str, base: &Path) -> Result<Config, Vec<Problem>> {
        let (config, problems) = Config::read(file, source, base)?;
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// Like [`Config::parse`], but returns what could be read together with the problems.
    ///
    /// # Errors
    /// A syntax error.
    pub(crate) fn read(
        file: &str,
        source: &str,
        base: &Path,
    ) -> Result<(Config, Vec<Problem>), Vec<Problem>> {
        let mapping = yaml::parse(file, source).map_err(|problem| vec![problem])?;
        let problems = Problems::default();
        let top = Node::top(&mapping, FILE, &problems);
        let rules: Vec<PathBuf> =
            top.texts("rules").into_iter().map(|path| base.join(path)).collect();
        let languages = parse_languages(&top, &rules);
        let all = languages.is_empty() || languages == ["all"];
        let limits = top.node("limits").map_or_else(Limits::default, parse_limits);
        let (mut stages, mut plugins) = parse_stages(&top);
        plugins.iter_mut().for_each(|plugin| plugin.place(source, base));
        for (_, options) in &mut stages {
            if let Some(Setting::Text(model)) = options.get("model") {
                let path = base.join(model).display().to_string();
                options.set("model", Setting::Text(path));
            }
        }
        top.finish();
        let languages = (!all).then_some(languages);
        let plugins = plugins.into_iter().map(|unplaced| unplaced.plugin).collect();
        let config = Config { rules, languages, limits, stages, plugins };
        Ok((config, problems.place(file, source)))
    }
}

impl Default for Config {
    fn default() -> Config {
        Config::parse("chaffinch.yaml", DEFAULT, Path::new("")).unwrap_or_else(|problems| {
            unreachable!("the built-in pipeline is tested: {problems:?}")
        })
    }
}

/// The languages, which must have a file in the lexicon: the shipped one or that of a directory of rules.
fn parse_languages(top: &Node<'_>, rules: &[PathBuf]) -> Vec<String> {
    let languages = top.texts("languages");
    let shipped = || {
        SHIPPED.iter().filter_map(|(name, _)| name.strip_prefix("lexicon/")?.strip_suffix(".yaml"))
    };
    let own = |code: &str| {
        let file = |directory: &PathBuf| {
            directory.join("lexicon").join(code).with_extension("yaml").is_file()
        };
        rules.iter().any(file)
    };
    for (index, code) in languages.iter().enumerate() {
        if !(languages.len() == 1 && *code == "all"
            || shipped().any(|known| known == *code)
            || own(code))
        {
            let help = "expected a code such as \"en\"; `chaffinch rules lexicon` lists them";
            top.wrong_item("languages", index, &format!("unknown language \"{code}\""), Some(help));
        }
    }
    languages.into_iter().map(str::to_owned).collect()
}

fn parse_limits(node: Node<'_>) -> Limits {
    let default = Limits::default();
    let bytes = match node.take("document_bytes") {
        None => None,
        Some(value) => {
            let bytes = match (value.as_u64(), value.as_str()) {
                (Some(bytes), _) => Ok(bytes),
                (None, text) => size::parse(text.unwrap_or_default()),
            };
            bytes.map_err(|error| node.wrong("document_bytes", &error.to_string(), None)).ok()
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

/// A plugin, and its path in the file.
struct UnplacedPlugin {
    plugin: Plugin,
    path: String,
}

impl UnplacedPlugin {
    /// Determines the positions in the file. The module is relative to `base`.
    fn place(&mut self, source: &str, base: &Path) {
        let places = Places::of(source);
        let value = |key: &str| places.value(source, &format!("{}.{key}", self.path), None);
        let plugin = &mut self.plugin;
        let or_module = |span: Range<usize>| if span.is_empty() { value("wasm") } else { span };
        plugin.wasm_span = value("wasm");
        plugin.name_span = or_module(value("name"));
        plugin.settings_span = or_module(value("config"));
        plugin.wasm = base.join(&plugin.wasm);
    }
}

fn parse_plugin(node: Node<'_>, path: String) -> Option<UnplacedPlugin> {
    let wasm = node.required("wasm", "the file of the WebAssembly module").map(PathBuf::from);
    let stem = wasm.as_deref().and_then(Path::file_stem).and_then(|stem| stem.to_str());
    let name = node.text("name").or(stem).unwrap_or_default().to_owned();
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if wasm.is_some() && (name.is_empty() || !name.chars().all(is_name)) {
        let key = if node.has("name") { "name" } else { "wasm" };
        let message = format!("\"{name}\" cannot be the name of a stage");
        node.wrong(key, &message, Some("give it a `name` of a-z, 0-9 and `-`"));
    }
    let settings = node.settings("config");
    node.finish();
    let (name_span, wasm_span, settings_span) = (0..0, 0..0, 0..0);
    let plugin = Plugin { name, wasm: wasm?, settings, name_span, wasm_span, settings_span };
    Some(UnplacedPlugin { plugin, path })
}

fn parse_stages(top: &Node<'_>) -> (Vec<(String, Options)>, Vec<UnplacedPlugin>) {
    let items = match top.take("stages") {
        None => return (Config::default().stages, Vec::new()),
        Some(Value::Sequence(items)) => items,
        Some(_) => {
            top.wrong("stages", "expected a list of stages", None);
            return (Vec::new(), Vec::new());
        }
    };
    let mut stages: Vec<(String, Options)> = Vec::new();
    let mut plugins = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let plugin = top.item_node("stages", i, PLUGIN_STAGE, PLUGIN);
        let is_plugin = plugin.is_some();
        let parsed = match item {
            _ if is_plugin => {
                let path = format!("stages[{i}].{PLUGIN_STAGE}");
                let Some(plugin) = plugin.and_then(|node| parse_plugin(node, path)) else {
                    continue;
                };
                let name = plugin.plugin.name.clone();
                plugins.push(plugin);
                Some((name, Options::default()))
            }
            Value::String(name) if name != PLUGIN_STAGE => Some((name.clone(), Options::default())),
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
                let is_plugin = item == PLUGIN_STAGE || item.get(PLUGIN_STAGE).is_some();
                let help = match is_plugin {
                    true => "write `- plugin: {wasm: FILE}` with the file of a WebAssembly module",
                    false => "write `- ticker` or `- ticker: {min_lines: 3}`",
                };
                top.wrong_item("stages", i, "not a stage", Some(help));
            }
        }
    }
    (stages, plugins)
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
    fn all_errors_are_reported_together() {
        let message = parse(
            "limit: {}\nlimits: {document_bytes: many, body_cut_share: 2}\nstages: [debris, debris, [x]]\n",
        );
        let message = message.unwrap_err();
        for part in [
            "p.yaml:1:1: unknown key \"limit\"; did you mean \"limits\"?",
            "p.yaml:2:26: expected a size such as 64MiB",
            "p.yaml:2:48: expected a share from 0 to 1",
            "p.yaml:3:18: stage \"debris\" is named twice",
            "p.yaml:3:26: not a stage",
        ] {
            assert!(message.contains(part), "{part} is not in\n{message}");
        }
    }

    #[test]
    fn plugins_are_read_with_their_positions() {
        let source = "stages:\n  - debris\n  - plugin: {wasm: p/shout.wasm, config: {words: [A, b], most: 3, on: true}}\n  - plugin:\n      wasm: x.wasm\n      name: other\n";
        let config = parse(source).unwrap();
        let names: Vec<&str> = config.stages.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["debris", "shout", "other"]);
        let [shout, other] = &config.plugins[..] else { panic!("{:?}", config.plugins) };
        assert_eq!(shout.wasm, Path::new("base/p/shout.wasm"));
        let settings: Vec<(&str, &str)> =
            shout.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(settings, [("words", "A"), ("words", "b"), ("most", "3"), ("on", "true")]);
        assert_eq!(&source[shout.wasm_span.clone()], "p/shout.wasm");
        assert_eq!(&source[shout.name_span.clone()], "p/shout.wasm");
        assert!(source[shout.settings_span.clone()].starts_with("{"));
        assert_eq!(&source[other.name_span.clone()], "other");
        assert_eq!(&source[other.settings_span.clone()], "x.wasm");
    }

    #[test]
    fn errors_in_plugins_have_positions() {
        let message = parse(
            "stages:\n  - plugin: {name: x}\n  - plugin: {wasm: Shout_1.wasm}\n  - plugin: {wasm: a.wasm, nme: b, config: {x: {y: 1}}}\n  - plugin: [a]\n  - plugin: {wasm: b/a.wasm}\n  - plugin\n",
        );
        let message = message.unwrap_err();
        for part in [
            "p.yaml:2:5: `wasm` is missing: the file of the WebAssembly module",
            "p.yaml:3:20: \"Shout_1\" cannot be the name of a stage",
            "p.yaml:4:28: unknown key \"nme\"; did you mean \"name\"?",
            "p.yaml:4:48: `x` must be a single value or a list of them",
            "p.yaml:5:5: not a stage; write `- plugin: {wasm: FILE}`",
            "p.yaml:6:5: stage \"a\" is named twice",
            "p.yaml:7:5: not a stage; write `- plugin: {wasm: FILE}`",
        ] {
            assert!(message.contains(part), "{part} is not in\n{message}");
        }
    }

    #[test]
    fn an_unknown_language_is_named() {
        let message = parse("languages: [en, eng]\n").unwrap_err();
        assert!(message.contains("unknown language \"eng\""), "{message}");
        assert!(message.contains(":1:17"), "{message}");
        let folder = std::env::temp_dir().join(format!("chaffinch-core-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("lexicon")).unwrap();
        std::fs::write(folder.join("lexicon/eo.yaml"), "").unwrap();
        let source = "rules: [.]\nlanguages: [en, eo]\n";
        let config = Config::parse("chaffinch.yaml", source, &folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(config.languages.map(|all| all.len()), Some(2));
    }

    #[test]
    fn all_stages_run_by_default() {
        assert_eq!(parse("languages: all\n").unwrap().stages.len(), chaffinch_stages::STAGES.len());
        assert_eq!(Config::default().limits, Limits::default());
    }
}
