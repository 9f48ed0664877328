//! Making a cleaner.

use std::path::{Path, PathBuf};

use chaffinch_core::rules::{Problem, yaml};
use chaffinch_core::stage::{Options, OptionsError, Setting, Stage};
use chaffinch_core::{Encoding, Pipeline};
use chaffinch_lines::Level;

use crate::{Cleaner, Error};

/// Makes a [`Cleaner`] with other rules, stages or settings than those that ship.
pub struct Builder {
    core: chaffinch_core::Builder,
    pipeline: Option<PipelineSource>,
    rule_files: Vec<PathBuf>,
    level: Option<Level>,
    encoding: Option<String>,
    stages: Vec<String>,
    cache: Option<PathBuf>,
}

/// Where the pipeline is described.
enum PipelineSource {
    File(PathBuf),
    Text(String),
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            core: Pipeline::builder(),
            pipeline: None,
            rule_files: Vec::new(),
            level: None,
            encoding: None,
            stages: Vec::new(),
            cache: None,
        }
    }

    /// Adds the rule files below a directory. The outlets that ship are then not used; generic rules
    /// are, unless the directory has a folder `generic`. Can be called again.
    pub fn rules(mut self, directory: impl Into<PathBuf>) -> Builder {
        self.core = self.core.rules(directory);
        self
    }

    /// Adds a rule file. The outlets that ship are then not used. Can be called again.
    pub fn rule_file(mut self, file: impl Into<PathBuf>) -> Builder {
        self.rule_files.push(file.into());
        self
    }

    /// Adds a rule file, given as YAML. Problems are reported under `name`. The outlets that ship
    /// are then not used. Can be called again.
    pub fn rule_text(mut self, name: &str, yaml: &str) -> Builder {
        self.core = self.core.rule_file(name, yaml);
        self
    }

    /// Uses a pipeline given as YAML. Its paths are relative to the working directory.
    pub fn pipeline(mut self, yaml: impl Into<String>) -> Builder {
        self.pipeline = Some(PipelineSource::Text(yaml.into()));
        self
    }

    /// Uses a pipeline file. Its paths are relative to its directory.
    pub fn pipeline_file(mut self, file: impl Into<PathBuf>) -> Builder {
        self.pipeline = Some(PipelineSource::File(file.into()));
        self
    }

    /// Takes every document to be from this outlet, unless its [`Input`](crate::Input) names
    /// another. Without this, the outlet of each document is detected.
    pub fn outlet(mut self, outlet: &str) -> Builder {
        self.core = self.core.outlet(outlet);
        self
    }

    /// Sets how much the line model removes, overriding the pipeline.
    pub fn level(mut self, level: Level) -> Builder {
        self.level = Some(level);
        self
    }

    /// Decodes documents without a byte order mark as this encoding, given by a name of the Encoding
    /// Standard such as `windows-1256`. Without this, the encoding is detected.
    pub fn encoding(mut self, label: &str) -> Builder {
        self.encoding = Some(label.to_owned());
        self
    }

    /// Adds a stage of your own. `make` gets its settings from the pipeline. The stage runs where
    /// the pipeline names it, else at the end. It replaces a built-in stage of the same name.
    pub fn stage<S: Stage + 'static>(
        mut self,
        name: &str,
        make: impl Fn(&mut Options) -> Result<S, OptionsError> + Send + Sync + 'static,
    ) -> Builder {
        self.core = self.core.register(name, make);
        self.stages.push(name.to_owned());
        self
    }

    /// Keeps compiled rules and plugins in this directory and uses them as long as they do not
    /// change. This saves time when many processes use the same rules.
    pub fn cache(mut self, directory: impl Into<PathBuf>) -> Builder {
        self.cache = Some(directory.into());
        self
    }

    /// Reads the rules and makes the stages.
    ///
    /// # Errors
    /// If a rule file, the pipeline or a setting is wrong; the error lists all problems.
    pub fn build(self) -> Result<Cleaner, Error> {
        let Builder { mut core, pipeline, rule_files, level, encoding, stages, cache } = self;
        #[cfg(feature = "plugins")]
        {
            core = chaffinch_plugins::enable(core, cache.clone());
        }
        core = cache.into_iter().fold(core, chaffinch_core::Builder::cache);
        let mut problems = Vec::new();
        let mut read = |path: &Path| {
            let name = path.display().to_string();
            let failed = |error| Problem::whole(&name, format!("cannot read: {error}"));
            let text = std::fs::read(path).map_err(failed);
            let text = text.and_then(|bytes| yaml::decode(&name, bytes));
            text.map_err(|problem| problems.push(problem)).ok()
        };
        for file in rule_files {
            if let Some(text) = read(&file) {
                core = core.rule_file(&file.display().to_string(), &text);
            }
        }
        let pipeline = match pipeline {
            None => None,
            Some(PipelineSource::Text(text)) => {
                Some((String::from("pipeline"), text, PathBuf::new()))
            }
            Some(PipelineSource::File(file)) => read(&file).map(|text| {
                let base = file.parent().unwrap_or(Path::new("")).to_owned();
                (file.display().to_string(), text, base)
            }),
        };
        if let Some(label) = encoding {
            match Encoding::for_label(label.as_bytes()) {
                Some(encoding) => core = core.encoding(encoding),
                None => problems.push(Problem::whole(
                    "",
                    format!(
                        "unknown encoding \"{label}\"; give a name of the Encoding Standard, such as \
                         windows-1256, shift_jis or gb18030"
                    ),
                )),
            }
        }
        if let Some((name, text, base)) = pipeline {
            match core.config(&name, &text, &base) {
                Ok(configured) => core = configured,
                Err(found) => {
                    problems.extend(found);
                    return Err(problems.into());
                }
            }
        }
        core = stages.iter().fold(core, |core, stage| core.append(stage));
        if let Some(level) = level {
            core = core.stage_setting("lines", "level", Setting::Text(level.name().to_owned()));
        }
        match core.build() {
            Ok(pipeline) if problems.is_empty() => Ok(Cleaner { pipeline }),
            Ok(_) => Err(problems.into()),
            Err(found) => {
                problems.extend(found);
                Err(problems.into())
            }
        }
    }
}
