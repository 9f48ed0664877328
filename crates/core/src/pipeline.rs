//! A pipeline: rules, stages and limits, ready to clean documents.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chaffinch_rules::{Problem, RuleSet, UnitId, yaml};
use chaffinch_stage::{Options, OptionsError, RuleId, Stage};
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
pub struct Pipeline {
    pub(crate) rules: RuleSet,
    pub(crate) chain: Vec<Link>,
    pub(crate) limits: Limits,
    pub(crate) outlet: Option<UnitId>,
    pub(crate) encoding: Option<&'static Encoding>,
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
        }
    }

    /// The rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// What a document may cost, and how much of it may go.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The stages, in order.
    pub fn stages(&self) -> impl Iterator<Item = &str> {
        self.chain.iter().map(|link| link.name.as_str())
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
        let languages = &self.config.languages;
        let speaks = |language: &str| {
            languages.as_ref().is_none_or(|wanted| wanted.iter().any(|other| other == language))
        };
        let rules = RuleSet::load(&directories, &self.rule_files, &names, &speaks);
        let mut rules = match rules {
            Ok(rules) => rules,
            Err(found) => {
                problems.extend(found);
                return Err(problems);
            }
        };
        let outlet = self.outlet.map(|id| rules.outlet(&id)).transpose();
        let outlet = outlet.unwrap_or_else(|message| {
            problems.push(Problem::whole("command line", format!("--outlet: {message}")));
            None
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let link = |(name, stage): (String, Box<dyn Stage>)| {
            let own_rule = rules.add_stage(&name);
            Link { name, stage, own_rule }
        };
        let chain = made.into_iter().map(link).collect();
        let (limits, encoding) = (self.config.limits, self.encoding);
        Ok(Pipeline { rules, chain, limits, outlet, encoding })
    }
}
