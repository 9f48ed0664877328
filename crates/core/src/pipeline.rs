//! A pipeline: compiled rules, a chain of stages and limits, ready to clean documents. [`Builder`]
//! makes one from a pipeline file, rule files and options.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use chaffinch_rules::{LoadOptions, Pattern, Problem, RuleSet, UnitId, yaml};
use chaffinch_stage::{Options, OptionsError, Rule, RuleId, RuleTable, Setting, Stage};
use encoding_rs::Encoding;

use crate::config::{Config, Limits, Plugin};

/// Makes a stage from its settings.
pub type MakeStage =
    Box<dyn Fn(&mut Options) -> Result<Box<dyn Stage>, OptionsError> + Send + Sync>;

/// Makes the stage of a plugin.
pub type LoadPlugin = Box<dyn Fn(&Plugin) -> Result<Box<dyn Stage>, PluginError> + Send + Sync>;

/// Why a plugin cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginError {
    /// The module is missing or is no plugin, with the reason.
    Module(String),
    /// The plugin refuses its settings, with the reason.
    Settings(String),
}

/// A stage of the chain.
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) stage: Box<dyn Stage>,
    pub(crate) own_rule: RuleId,
}

/// Rules, stages and limits, ready to clean any number of documents from any number of threads.
///
/// A clone shares rules and stages with the original.
#[derive(Clone)]
pub struct Pipeline {
    pub(crate) rules: Arc<RuleSet>,
    pub(crate) chain: Arc<[Link]>,
    pub(crate) limits: Limits,
    pub(crate) outlet: Option<UnitId>,
    pub(crate) encoding: Option<&'static Encoding>,
    pub(crate) variant: Option<Arc<Variant>>,
    settings: Arc<str>,
    plugins: Arc<[(String, String)]>,
    cache: Option<Arc<std::path::Path>>,
}

/// The differences between a pipeline's rules and those of its rule files.
#[derive(Clone, Default)]
pub(crate) struct Variant {
    /// Whether a rule is disabled, by rule id.
    off: Vec<bool>,
    /// Rules that replace those of the rule files.
    replaced_rules: BTreeMap<RuleId, Rule>,
    /// A rule whose patterns are replaced, with its new patterns.
    replaced_patterns: Option<(RuleId, Vec<Pattern>)>,
}

impl Variant {
    pub(crate) fn is_off(&self, rule: RuleId) -> bool {
        self.off.get(rule.0 as usize).copied().unwrap_or(false)
    }

    /// Whether a rule or its patterns are replaced, and not only disabled.
    pub(crate) fn has_other_rules(&self) -> bool {
        !self.replaced_rules.is_empty() || self.replaced_patterns.is_some()
    }

    pub(crate) fn replaced_patterns(&self) -> Option<(RuleId, &[Pattern])> {
        self.replaced_patterns.as_ref().map(|(rule, patterns)| (*rule, patterns.as_slice()))
    }
}

impl Pipeline {
    /// The default chain with the shipped rules.
    ///
    /// # Errors
    /// None, as long as the shipped rules and stages are valid.
    pub fn shipped() -> Result<Pipeline, Vec<Problem>> {
        Pipeline::builder().build()
    }

    /// Starts building a pipeline.
    pub fn builder() -> Builder {
        let stages = chaffinch_stages::STAGES.iter().map(|built_in| {
            let make = built_in.make;
            let make: MakeStage = Box::new(make);
            (built_in.name.to_owned(), make)
        });
        Builder {
            config: Config::default(),
            config_file: (String::from("chaffinch.yaml"), crate::config::DEFAULT.to_owned()),
            config_problems: Vec::new(),
            rules: Vec::new(),
            rule_files: Vec::new(),
            stages: stages.collect(),
            outlet: None,
            encoding: None,
            only: Vec::new(),
            skip: Vec::new(),
            cache: None,
            only_read_cache: false,
            load_plugin: None,
        }
    }

    /// The compiled rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// A rule without its pattern, as stages see it.
    pub fn rule(&self, id: RuleId) -> &Rule {
        let other = self.variant.as_ref().and_then(|variant| variant.replaced_rules.get(&id));
        other.unwrap_or_else(|| self.rules.rule(id))
    }

    /// The rule with this full id, such as `presstv/breadcrumb`.
    pub fn find_rule(&self, id: &str) -> Option<RuleId> {
        self.rules.find_rule(id)
    }

    /// A copy of this pipeline that treats every document as belonging to `outlet`. With `None`,
    /// the outlet of each document is detected.
    pub fn for_outlet(&self, outlet: Option<UnitId>) -> Pipeline {
        Pipeline { outlet, ..self.clone() }
    }

    /// A copy of this pipeline with the rules disabled for which `off` returns true.
    pub fn without(&self, off: impl Fn(RuleId) -> bool) -> Pipeline {
        let off = self.rules.ids().map(off).collect();
        self.varied(|variant| variant.off = off)
    }

    /// Whether [`Pipeline::without`] disabled a rule.
    pub fn is_off(&self, rule: RuleId) -> bool {
        self.variant.as_ref().is_some_and(|variant| variant.is_off(rule))
    }

    /// A copy of this pipeline with one rule replaced.
    pub fn with_rule(&self, id: RuleId, rule: Rule) -> Pipeline {
        self.varied(|variant| drop(variant.replaced_rules.insert(id, rule)))
    }

    /// A copy of this pipeline with the patterns of one rule replaced. Slow, because these patterns
    /// are tried on every line.
    pub fn with_patterns(&self, id: RuleId, patterns: Vec<Pattern>) -> Pipeline {
        self.varied(|variant| variant.replaced_patterns = Some((id, patterns)))
    }

    fn varied(&self, change: impl FnOnce(&mut Variant)) -> Pipeline {
        let mut variant = self.variant.as_deref().cloned().unwrap_or_default();
        change(&mut variant);
        Pipeline { variant: Some(Arc::new(variant)), ..self.clone() }
    }

    /// The directory of the cache that its rules were loaded with; see [`Builder::cache`].
    pub fn cache(&self) -> Option<&std::path::Path> {
        self.cache.as_deref()
    }

    /// The limits on document size and on cuts.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Everything besides the rules that decides what is cut, as text. Two pipelines with equal
    /// rules and equal settings give the same results.
    pub fn settings(&self) -> &str {
        &self.settings
    }

    /// The stages that are plugins, with a digest of the module and settings of each.
    pub fn plugins(&self) -> BTreeMap<&str, &str> {
        self.plugins.iter().map(|(name, digest)| (name.as_str(), digest.as_str())).collect()
    }

    /// The names of the stages, in order.
    pub fn stages(&self) -> impl Iterator<Item = &str> {
        self.chain.iter().map(|link| link.name.as_str())
    }
}

impl RuleTable for Pipeline {
    fn rule(&self, id: RuleId) -> &Rule {
        Pipeline::rule(self, id)
    }
}

/// Collects the parts of a [`Pipeline`]. Made by [`Pipeline::builder`].
pub struct Builder {
    config: Config,
    config_file: (String, String),
    config_problems: Vec<Problem>,
    rules: Vec<PathBuf>,
    rule_files: Vec<(String, String)>,
    stages: BTreeMap<String, MakeStage>,
    outlet: Option<String>,
    encoding: Option<&'static Encoding>,
    only: Vec<String>,
    skip: Vec<String>,
    cache: Option<PathBuf>,
    only_read_cache: bool,
    load_plugin: Option<LoadPlugin>,
}

impl Builder {
    /// Uses this pipeline file. `file` is its name for messages, `source` its text, and `base` the
    /// directory that its relative paths refer to.
    ///
    /// # Errors
    /// A syntax error. [`Builder::build`] reports all other problems in the file together.
    pub fn config(
        mut self,
        file: &str,
        source: &str,
        base: &std::path::Path,
    ) -> Result<Builder, Vec<Problem>> {
        (self.config, self.config_problems) = Config::read(file, source, base)?;
        self.config_file = (file.to_owned(), source.to_owned());
        Ok(self)
    }

    /// Registers a stage by name, so that pipeline files and rule files can refer to it. Replaces a
    /// built-in stage of the same name.
    pub fn register<S: Stage + 'static>(
        mut self,
        name: &str,
        make: impl Fn(&mut Options) -> Result<S, OptionsError> + Send + Sync + 'static,
    ) -> Builder {
        let make: MakeStage = Box::new(move |options| Ok(Box::new(make(options)?)));
        self.stages.insert(name.to_owned(), make);
        self
    }

    /// Uses this function to make the stages of plugins. Without it, a pipeline file with a plugin
    /// is an error. The data of the stage must identify the module and its settings.
    pub fn plugins(
        mut self,
        load: impl Fn(&Plugin) -> Result<Box<dyn Stage>, PluginError> + Send + Sync + 'static,
    ) -> Builder {
        self.load_plugin = Some(Box::new(load));
        self
    }

    /// Adds a stage at the end of the chain, unless the pipeline file names it.
    pub fn append(mut self, stage: &str) -> Builder {
        if !self.config.stages.iter().any(|(name, _)| name == stage) {
            self.config.stages.push((stage.to_owned(), Options::default()));
        }
        self
    }

    /// Uses the rule files of this directory instead of the shipped outlets. Can be called several
    /// times.
    pub fn rules(mut self, directory: impl Into<PathBuf>) -> Builder {
        self.rules.push(directory.into());
        self
    }

    /// Uses this rule file instead of the shipped outlets. `name` is its name for messages. Can be
    /// called several times, and together with [`Builder::rules`].
    pub fn rule_file(mut self, name: &str, text: &str) -> Builder {
        self.rule_files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Treats every document as belonging to this outlet.
    pub fn outlet(mut self, outlet: &str) -> Builder {
        self.outlet = Some(outlet.to_owned());
        self
    }

    /// Decodes documents without a byte order mark in this encoding.
    pub fn encoding(mut self, encoding: &'static Encoding) -> Builder {
        self.encoding = Some(encoding);
        self
    }

    /// Sets the limits on document size and on cuts.
    pub fn limits(mut self, limits: Limits) -> Builder {
        self.config.limits = limits;
        self
    }

    /// Overrides a setting of a stage in the pipeline file. A stage that the file does not list is
    /// added at the end of the chain.
    pub fn stage_setting(mut self, stage: &str, name: &str, value: Setting) -> Builder {
        match self.config.stages.iter_mut().find(|(own, _)| own == stage) {
            Some((_, options)) => options.set(name, value),
            None => {
                let mut options = Options::default();
                options.set(name, value);
                self.config.stages.push((stage.to_owned(), options));
            }
        }
        self
    }

    /// Runs only these stages.
    pub fn only(mut self, stages: &[String]) -> Builder {
        self.only.extend_from_slice(stages);
        self
    }

    /// Leaves these stages out.
    pub fn skip(mut self, stages: &[String]) -> Builder {
        self.skip.extend_from_slice(stages);
        self
    }

    /// Caches packed rules in this directory and reuses them until a rule file changes.
    pub fn cache(mut self, directory: PathBuf) -> Builder {
        self.cache = Some(directory);
        self
    }

    /// Only reads the cache. For rule files that exist only for this pipeline.
    pub fn only_read_cache(mut self) -> Builder {
        self.only_read_cache = true;
        self
    }

    /// Loads the rules and makes the stages.
    ///
    /// # Errors
    /// All problems in the pipeline file, the rule files and the given names.
    pub fn build(self) -> Result<Pipeline, Vec<Problem>> {
        let mut problems = Vec::new();
        let plugins = self.config.plugins.iter().map(|plugin| plugin.name.as_str());
        let names: Vec<&str> = self.stages.keys().map(String::as_str).chain(plugins).collect();
        let made = self.make_stages(&names, &mut problems);
        if !self.config_problems.is_empty() {
            // The rules may refer to stages that could not be read.
            problems.extend(self.config_problems);
            problems.sort_by_key(|problem| problem.span.start);
            return Err(problems);
        }
        let directories = if self.rules.is_empty() { &self.config.rules } else { &self.rules };
        let directories: Vec<&std::path::Path> = directories.iter().map(PathBuf::as_path).collect();
        let running: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
        let wanted = LoadOptions {
            languages: self.config.languages.as_deref(),
            running: Some(&running),
            cache: self.cache.as_deref(),
            keep: !self.only_read_cache,
        };
        let rules = RuleSet::load(&directories, &self.rule_files, &names, &wanted);
        let mut rules = match rules {
            Ok(rules) => rules,
            Err(found) => {
                problems.extend(found);
                return Err(problems);
            }
        };
        let encoding_name = self.encoding.map(Encoding::name);
        let stages: Vec<_> = made.iter().map(|(name, _)| name.as_str()).collect();
        let data: Vec<_> = made.iter().filter_map(|(_, stage)| stage.data()).collect();
        let (config, outlet) = (&self.config, &self.outlet);
        let settings = format!(
            "{:?} {:?} {:?} {stages:?} {outlet:?} {encoding_name:?} {data:?}",
            config.languages, config.limits, config.stages,
        );
        let outlet = outlet.as_deref().map(|id| rules.outlet(id)).transpose();
        let outlet = outlet.unwrap_or_else(|message| {
            problems.push(Problem::whole("", message.to_string()));
            None
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let plugins = made.iter().filter(|(name, _)| self.plugin(name).is_some());
        let plugins =
            plugins.map(|(name, stage)| (name.clone(), stage.data().unwrap_or_default())).collect();
        let link = |(name, stage): (String, Box<dyn Stage>)| {
            let own_rule = rules.add_own_rule(stage.own_rule(&name), stage.data().as_deref());
            Link { name, stage, own_rule }
        };
        let chain: Vec<Link> = made.into_iter().map(link).collect();
        let (limits, encoding) = (self.config.limits, self.encoding);
        let (rules, chain) = (Arc::new(rules), chain.into());
        Ok(Pipeline {
            rules,
            chain,
            limits,
            outlet,
            encoding,
            variant: None,
            settings: settings.into(),
            plugins,
            cache: self.cache.map(Arc::from),
        })
    }

    /// Makes the stages that are to run. `names` are all known stages.
    fn make_stages(
        &self,
        names: &[&str],
        problems: &mut Vec<Problem>,
    ) -> Vec<(String, Box<dyn Stage>)> {
        for (option, wanted) in [("--only", &self.only), ("--skip", &self.skip)] {
            for name in wanted.iter().filter(|name| !names.contains(&name.as_str())) {
                let mut help = yaml::expected(name, names);
                if option == "--skip" && help.starts_with("expected") {
                    help.push_str("; to skip a rule, give its id, such as presstv/breadcrumb");
                }
                let message = format!("{option}: unknown stage \"{name}\"; {help}");
                problems.push(Problem::whole("command line", message));
            }
        }
        let mut made = Vec::new();
        for (name, options) in &self.config.stages {
            let wanted = self.only.is_empty() || self.only.contains(name);
            if let Some(plugin) = self.plugin(name) {
                match self.load(plugin) {
                    Ok(stage) if wanted && !self.skip.contains(name) => {
                        made.push((name.clone(), stage));
                    }
                    Ok(_) => {}
                    Err(problem) => problems.push(problem),
                }
                continue;
            }
            let Some(make) = self.stages.get(name) else {
                let help = Some(yaml::expected(name, names));
                problems.push(self.in_config(name, format!("unknown stage \"{name}\""), help));
                continue;
            };
            match made_with(make, options.clone()) {
                Ok(stage) if wanted && !self.skip.contains(name) => {
                    made.push((name.clone(), stage));
                }
                Ok(_) => {}
                Err(errors) => {
                    problems.extend(errors.iter().map(|error| self.in_setting(name, error)));
                }
            }
        }
        made
    }

    /// A problem with a setting of a stage of the pipeline file.
    fn in_setting(&self, stage: &str, error: &OptionsError) -> Problem {
        let mut problem = self.in_config(stage, error.to_string(), None);
        let after = problem.span.end;
        if let Some(at) = problem.source[after..].find(error.name()) {
            problem.span = after + at..after + at + error.name().len();
        }
        problem
    }

    fn plugin(&self, stage: &str) -> Option<&Plugin> {
        self.config.plugins.iter().find(|plugin| plugin.name == stage)
    }

    fn load(&self, plugin: &Plugin) -> Result<Box<dyn Stage>, Problem> {
        let (name, path) = (&plugin.name, plugin.wasm.display());
        let problem = |span: &Range<usize>, message: String, help: Option<String>| {
            let (file, source) = self.config_file.clone();
            Problem { file, source, span: span.clone(), message, help }
        };
        if self.stages.contains_key(name) {
            let message = format!("\"{name}\" is the name of another stage");
            return Err(problem(&plugin.name_span, message, Some("give it another `name`".into())));
        }
        let Some(load) = &self.load_plugin else {
            let message = "this build of chaffinch cannot run plugins".to_owned();
            let help = "build it with the feature `plugins`".to_owned();
            return Err(problem(&plugin.wasm_span, message, Some(help)));
        };
        load(plugin).map_err(|error| match error {
            PluginError::Module(reason) => {
                problem(&plugin.wasm_span, format!("{path}: {reason}"), None)
            }
            PluginError::Settings(reason) => {
                let message = format!("plugin \"{name}\" refuses its settings: {reason}");
                problem(&plugin.settings_span, message, None)
            }
        })
    }

    /// A problem with a stage of the pipeline file. Its name occurs once, in the list of stages, so
    /// the first match there is the right place.
    fn in_config(&self, stage: &str, message: String, help: Option<String>) -> Problem {
        let (file, source) = self.config_file.clone();
        let list = source.find("stages:").unwrap_or(0);
        let at = source[list..].find(stage).map(|at| list + at);
        let span = at.map_or(0..0, |at| at..at + stage.len());
        Problem { file, source, span, message, help }
    }
}

/// Makes a stage, or returns the errors in all of its settings: after each error, it is made again
/// without that setting.
fn made_with(make: &MakeStage, mut options: Options) -> Result<Box<dyn Stage>, Vec<OptionsError>> {
    let mut errors = Vec::new();
    loop {
        let mut taken = options.clone();
        match make(&mut taken).and_then(|stage| taken.finish().map(|()| stage)) {
            Ok(stage) if errors.is_empty() => return Ok(stage),
            Ok(_) => return Err(errors),
            Err(error) => {
                let removed = options.remove(error.name());
                errors.push(error);
                if removed.is_none() {
                    return Err(errors);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_errors_of_a_pipeline_file_are_reported_together() {
        let source = "limits: {body_cut_share: 5}\nstages:\n  - normalise: {bar: 1, nfc: maybe}\n  \
                      - nosuch\n  - lines: {level: hard, threshold: 200}\n";
        let builder = Pipeline::builder().config("p.yaml", source, "".as_ref()).unwrap();
        let problems = builder.build().map(|_| ()).unwrap_err();
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        p.yaml:1:26: expected a share from 0 to 1
        p.yaml:3:17: unknown setting `bar`; this stage takes nbsp, invisible, mojibake, nfc, line_ends, quotes
        p.yaml:3:25: setting `nfc` must be true or false
        p.yaml:4:5: unknown stage "nosuch"; expected one of: captions, comments, credits, dateline, debris, duplicates, lines, mirror-urls, navigation, normalise, promo, related, share-buttons, site-footer, tags, ticker, title
        p.yaml:5:13: setting `level` must be off, careful, balanced or full
        p.yaml:5:26: setting `threshold` must be an integer from 0 to 100
        "#);
    }
}
