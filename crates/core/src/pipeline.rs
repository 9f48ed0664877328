//! A pipeline: rules, stages and limits, ready to clean documents.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chaffinch_rules::{Pattern, Problem, Purpose, RuleSet, UnitId, Wanted, yaml};
use chaffinch_stage::{Options, OptionsError, Rule, RuleId, Setting, Stage, Table};
use encoding_rs::Encoding;

use crate::config::{Config, Limits};

/// Makes a stage from its settings.
pub type MakeStage =
    Box<dyn Fn(&mut Options) -> Result<Box<dyn Stage>, OptionsError> + Send + Sync>;

/// A stage in its place in the chain.
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
}

/// How a pipeline's rules differ from those of its files.
#[derive(Clone, Default)]
pub(crate) struct Variant {
    /// Rules that are switched off, by their ids.
    off: Vec<bool>,
    /// Rules that are others than in their files.
    others: BTreeMap<RuleId, Rule>,
    /// A rule with patterns other than those of its file.
    instead: Option<(RuleId, Vec<Pattern>)>,
}

impl Variant {
    pub(crate) fn is_off(&self, rule: RuleId) -> bool {
        self.off.get(rule.0 as usize).copied().unwrap_or(false)
    }

    /// Whether some rule is another than in its file, and not only switched off.
    pub(crate) fn has_other_rules(&self) -> bool {
        !self.others.is_empty() || self.instead.is_some()
    }

    pub(crate) fn instead(&self) -> Option<(RuleId, &[Pattern])> {
        self.instead.as_ref().map(|(rule, patterns)| (*rule, patterns.as_slice()))
    }
}

impl Pipeline {
    /// The default chain with the shipped rules.
    ///
    /// # Errors
    /// None, for the rules and stages that ship.
    pub fn shipped() -> Result<Pipeline, Vec<Problem>> {
        Pipeline::builder().build()
    }

    /// Starts a pipeline of one's own.
    pub fn builder() -> Builder {
        let stages = chaffinch_stages::STAGES.iter().map(|built_in| {
            let make = built_in.make;
            let make: MakeStage = Box::new(make);
            (built_in.name.to_owned(), make)
        });
        Builder {
            config: Config::default(),
            config_file: (String::from("chaffinch.yaml"), crate::config::DEFAULT.to_owned()),
            rules: Vec::new(),
            rule_files: Vec::new(),
            stages: stages.collect(),
            outlet: None,
            encoding: None,
            only: Vec::new(),
            skip: Vec::new(),
            to_prove: false,
            cache: None,
        }
    }

    /// The rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// What stages know of a rule.
    pub fn rule(&self, id: RuleId) -> &Rule {
        let other = self.variant.as_ref().and_then(|variant| variant.others.get(&id));
        other.unwrap_or_else(|| self.rules.rule(id))
    }

    /// The rule with this full id.
    pub fn find_rule(&self, id: &str) -> Option<RuleId> {
        self.rules.find_rule(id)
    }

    /// This pipeline, taking every document to be of one outlet; without one, each is recognised.
    pub fn for_outlet(&self, outlet: Option<UnitId>) -> Pipeline {
        Pipeline { outlet, ..self.clone() }
    }

    /// This pipeline without the rules that `off` names.
    pub fn without(&self, off: impl Fn(RuleId) -> bool) -> Pipeline {
        let off = self.rules.ids().map(off).collect();
        self.varied(|variant| variant.off = off)
    }

    /// Whether [`Pipeline::without`] switched a rule off.
    pub fn is_off(&self, rule: RuleId) -> bool {
        self.variant.as_ref().is_some_and(|variant| variant.is_off(rule))
    }

    /// This pipeline with another rule in the place of one.
    pub fn with_rule(&self, id: RuleId, rule: Rule) -> Pipeline {
        self.varied(|variant| drop(variant.others.insert(id, rule)))
    }

    /// This pipeline with other patterns for one rule. Slow: they are tried on every line.
    pub fn with_patterns(&self, id: RuleId, patterns: Vec<Pattern>) -> Pipeline {
        self.varied(|variant| variant.instead = Some((id, patterns)))
    }

    fn varied(&self, change: impl FnOnce(&mut Variant)) -> Pipeline {
        let mut variant = self.variant.as_deref().cloned().unwrap_or_default();
        change(&mut variant);
        Pipeline { variant: Some(Arc::new(variant)), ..self.clone() }
    }

    /// What a document may cost, and how much of it may go.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// All that decides besides the rules what is cut, as text: two pipelines with the same rules
    /// and the same settings do the same.
    pub fn settings(&self) -> &str {
        &self.settings
    }

    /// The stages, in order.
    pub fn stages(&self) -> impl Iterator<Item = &str> {
        self.chain.iter().map(|link| link.name.as_str())
    }
}

impl Table for Pipeline {
    fn rule(&self, id: RuleId) -> &Rule {
        Pipeline::rule(self, id)
    }
}

/// A pipeline in the making.
pub struct Builder {
    config: Config,
    config_file: (String, String),
    rules: Vec<PathBuf>,
    rule_files: Vec<(String, String)>,
    stages: BTreeMap<String, MakeStage>,
    outlet: Option<String>,
    encoding: Option<&'static Encoding>,
    only: Vec<String>,
    skip: Vec<String>,
    to_prove: bool,
    cache: Option<PathBuf>,
}

impl Builder {
    /// Uses this pipeline file: its name, its text, the directory that its paths are meant from.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn config(
        mut self,
        file: &str,
        source: &str,
        base: &std::path::Path,
    ) -> Result<Builder, Vec<Problem>> {
        self.config = Config::parse(file, source, base)?;
        self.config_file = (file.to_owned(), source.to_owned());
        Ok(self)
    }

    /// Makes a stage known by name, so that a pipeline file can place it and rule files can
    /// address it. A built-in stage of that name gives way.
    pub fn register<S: Stage + 'static>(
        mut self,
        name: &str,
        make: impl Fn(&mut Options) -> Result<S, OptionsError> + Send + Sync + 'static,
    ) -> Builder {
        let make: MakeStage = Box::new(move |options| Ok(Box::new(make(options)?)));
        self.stages.insert(name.to_owned(), make);
        self
    }

    /// Adds a stage at the end of the chain, unless the pipeline file names it.
    pub fn append(mut self, stage: &str) -> Builder {
        if !self.config.stages.iter().any(|(name, _)| name == stage) {
            self.config.stages.push((stage.to_owned(), Options::default()));
        }
        self
    }

    /// Takes outlet rules from this directory, not from those that ship. Can be given again.
    pub fn rules(mut self, directory: impl Into<PathBuf>) -> Builder {
        self.rules.push(directory.into());
        self
    }

    /// Takes outlet rules from this text, under this name, not from those that ship. Can be given
    /// again, and beside directories.
    pub fn rule_file(mut self, name: &str, text: &str) -> Builder {
        self.rule_files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Takes every document to be of this outlet.
    pub fn outlet(mut self, outlet: &str) -> Builder {
        self.outlet = Some(outlet.to_owned());
        self
    }

    /// Takes documents without a byte order mark to be in this encoding.
    pub fn encoding(mut self, encoding: &'static Encoding) -> Builder {
        self.encoding = Some(encoding);
        self
    }

    /// Sets what a document may cost, and how much of it may go.
    pub fn limits(mut self, limits: Limits) -> Builder {
        self.config.limits = limits;
        self
    }

    /// Sets a setting of a stage, whatever the pipeline file says. A stage that the file does not
    /// name is added at the end of the chain.
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

    /// Runs these stages alone.
    pub fn only(mut self, stages: &[String]) -> Builder {
        self.only.extend_from_slice(stages);
        self
    }

    /// Leaves these stages out.
    pub fn skip(mut self, stages: &[String]) -> Builder {
        self.skip.extend_from_slice(stages);
        self
    }

    /// Reads the rules with their cases and examples, to check them. Without this, rules are
    /// read to clean with them: without cases, and packed until a document needs them, because the
    /// rules of thousands of outlets would fill the memory.
    pub fn to_prove(mut self) -> Builder {
        self.to_prove = true;
        self
    }

    /// Keeps packed rules in this directory, and takes them from there as long as no rule file
    /// changes. It has no effect together with [`Builder::to_prove`].
    pub fn cache(mut self, directory: PathBuf) -> Builder {
        self.cache = Some(directory);
        self
    }

    /// Reads the rules and makes the stages.
    ///
    /// # Errors
    /// Everything that is wrong with pipeline file, rule files and names, all at once.
    pub fn build(self) -> Result<Pipeline, Vec<Problem>> {
        let mut problems = Vec::new();
        let names: Vec<&str> = self.stages.keys().map(String::as_str).collect();
        let (file, text) = &self.config_file;
        let unknown = |option: &str, name: &str, names: &[&str]| {
            let message =
                format!("{option}: unknown stage \"{name}\"; {}", yaml::expected(name, names));
            Problem::whole("command line", message)
        };
        for (option, wanted) in [("--only", &self.only), ("--skip", &self.skip)] {
            let wrong = wanted.iter().filter(|name| !names.contains(&name.as_str()));
            problems.extend(wrong.map(|name| unknown(option, name, &names)));
        }
        let in_file = |name: &str, message: String, help: Option<String>| {
            // The stage is named once in the file, in its list: what is found first is it.
            let list = text.find("stages:").unwrap_or(0);
            let at = text[list..].find(name).map_or(0..0, |at| list + at..list + at + name.len());
            Problem { file: file.clone(), source: text.clone(), span: at, message, help }
        };
        let mut made: Vec<(String, Box<dyn Stage>)> = Vec::new();
        for (name, options) in &self.config.stages {
            let wanted = self.only.is_empty() || self.only.contains(name);
            let Some(make) = self.stages.get(name) else {
                let help = Some(yaml::expected(name, &names));
                problems.push(in_file(name, format!("unknown stage \"{name}\""), help));
                continue;
            };
            let mut options = options.clone();
            match make(&mut options).and_then(|stage| options.finish().map(|()| stage)) {
                Ok(stage) if wanted && !self.skip.contains(name) => {
                    made.push((name.clone(), stage))
                }
                Ok(_) => {}
                Err(error) => {
                    let mut problem = in_file(name, error.to_string(), None);
                    let inside = text[problem.span.end..].find(error.name());
                    if let Some(at) = inside {
                        let at = problem.span.end + at;
                        problem.span = at..at + error.name().len();
                    }
                    problems.push(problem);
                }
            }
        }
        let directories = if self.rules.is_empty() { &self.config.rules } else { &self.rules };
        let directories: Vec<&std::path::Path> = directories.iter().map(PathBuf::as_path).collect();
        let running: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
        let purpose = match self.to_prove {
            true => Purpose::Proof,
            false => Purpose::Run { cache: self.cache.as_deref() },
        };
        let wanted = Wanted {
            languages: self.config.languages.as_deref(),
            running: Some(&running),
            purpose,
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
            problems.push(Problem::whole("", message));
            None
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let link = |(name, stage): (String, Box<dyn Stage>)| {
            let own_rule = rules.add_own_rule(stage.own_rule(&name));
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
        })
    }
}
