use std::collections::BTreeMap;
use std::fmt;

/// One setting of a stage, as given in the pipeline file.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Any other single value.
    Text(String),
    /// A default for an optional percentage: not set. An integer from 0 to 100 may be given.
    NoPercent,
}

/// The settings of a stage, such as `- ticker: {min_lines: 3}`.
///
/// A stage's constructor takes the settings that it knows and then calls [`Options::finish`], so
/// that a mistyped setting is an error.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    settings: BTreeMap<String, Setting>,
    known: Vec<(&'static str, Setting)>,
}

impl Options {
    /// Options with these settings.
    pub fn new(settings: BTreeMap<String, Setting>) -> Options {
        Options { settings, known: Vec::new() }
    }

    /// Takes the setting `name`, or `default` if it is not set.
    pub fn bool(&mut self, name: &'static str, default: bool) -> Result<bool, OptionsError> {
        match self.take(name, Setting::Bool(default)) {
            None => Ok(default),
            Some(Setting::Bool(value)) => Ok(value),
            Some(_) => Err(OptionsError::new(name, "true or false")),
        }
    }

    /// Takes the setting `name`, an integer of at least 1, or `default` if it is not set.
    pub fn count(&mut self, name: &'static str, default: usize) -> Result<usize, OptionsError> {
        match self.take(name, Setting::Int(default as i64)) {
            None => Ok(default),
            Some(Setting::Int(value)) if value > 0 => Ok(value as usize),
            Some(_) => Err(OptionsError::new(name, "an integer of at least 1")),
        }
    }

    /// Takes the setting `name`, or `default` if it is not set.
    pub fn text(&mut self, name: &'static str, default: &str) -> Result<String, OptionsError> {
        match self.take(name, Setting::Text(default.to_owned())) {
            None => Ok(default.to_owned()),
            Some(Setting::Text(value)) => Ok(value),
            Some(_) => Err(OptionsError::new(name, "a string")),
        }
    }

    /// Takes the setting `name`, an integer from 0 to 100, or `None` if it is not set.
    pub fn percent(&mut self, name: &'static str) -> Result<Option<u8>, OptionsError> {
        match self.take(name, Setting::NoPercent) {
            None => Ok(None),
            Some(Setting::Int(value @ 0..=100)) => Ok(Some(value as u8)),
            Some(_) => Err(OptionsError::new(name, "an integer from 0 to 100")),
        }
    }

    /// Sets the setting `name`, replacing any earlier value.
    pub fn set(&mut self, name: &str, value: Setting) {
        self.settings.insert(name.to_owned(), value);
    }

    /// Removes the setting `name`.
    pub fn remove(&mut self, name: &str) -> Option<Setting> {
        self.settings.remove(name)
    }

    /// The setting `name`, if it is set and has not been taken.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.settings.get(name)
    }

    /// The settings that have been requested so far, with their defaults.
    pub fn known(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        self.known.iter().map(|(name, default)| (*name, default))
    }

    fn take(&mut self, name: &'static str, default: Setting) -> Option<Setting> {
        self.known.push((name, default));
        self.settings.remove(name)
    }

    /// Returns an error if any setting has not been taken.
    pub fn finish(self) -> Result<(), OptionsError> {
        match self.settings.into_keys().next() {
            None => Ok(()),
            Some(name) => {
                let known: Vec<&str> = self.known.iter().map(|(name, _)| *name).collect();
                let known = known.join(", ");
                let expected = if known.is_empty() { "no settings".into() } else { known };
                Err(OptionsError { name, expected, unknown: true })
            }
        }
    }
}

/// An unknown setting, or a setting with an invalid value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionsError {
    name: String,
    expected: String,
    unknown: bool,
}

impl OptionsError {
    /// An error that says the setting `name` must be `expected`.
    pub fn new(name: impl Into<String>, expected: impl Into<String>) -> OptionsError {
        OptionsError { name: name.into(), expected: expected.into(), unknown: false }
    }

    /// The name of the setting.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unknown {
            write!(f, "unknown setting `{}`; this stage takes {}", self.name, self.expected)
        } else {
            write!(f, "setting `{}` must be {}", self.name, self.expected)
        }
    }
}

impl std::error::Error for OptionsError {}
