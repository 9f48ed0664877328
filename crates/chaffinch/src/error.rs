//! The error type of this crate.

use std::fmt;

use chaffinch_core::RestoreError;
use chaffinch_core::rules::Problem as RuleProblem;

/// Why a cleaner could not be made, a document not restored, or a run not finished.
///
/// `Display` is the message without its [`source`](std::error::Error::source); `Debug`, which
/// `main` prints for an error, is the message with it.
pub struct Error(Cause);

pub(crate) enum Cause {
    Problems(Vec<Problem>),
    Restore(RestoreError),
    #[cfg(feature = "runs")]
    Run(chaffinch_formats::Error),
}

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting, a rule file or a pipeline file is wrong: see [`Error::problems`].
    Configuration,
    /// The document cannot be restored.
    Restore,
    /// A run makes no sense as requested. Nothing was done.
    Usage,
    /// An input of a run cannot be read.
    Input,
    /// The output of a run cannot be written.
    Output,
    /// A run stopped for another reason.
    Stopped,
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match &self.0 {
            Cause::Problems(_) => ErrorKind::Configuration,
            Cause::Restore(_) => ErrorKind::Restore,
            #[cfg(feature = "runs")]
            Cause::Run(error) => match error {
                chaffinch_formats::Error::Usage(_) => ErrorKind::Usage,
                chaffinch_formats::Error::Input(..) => ErrorKind::Input,
                chaffinch_formats::Error::Output(..) => ErrorKind::Output,
                _ => ErrorKind::Stopped,
            },
        }
    }

    /// Everything that is wrong with the configuration; empty for other kinds of errors.
    pub fn problems(&self) -> &[Problem] {
        match &self.0 {
            Cause::Problems(problems) => problems,
            _ => &[],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Problems(problems) => match problems.as_slice() {
                [problem] => problem.fmt(f),
                all => {
                    write!(f, "{} problems", all.len())?;
                    all.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
                }
            },
            Cause::Restore(_) => f.write_str("the document cannot be restored"),
            #[cfg(feature = "runs")]
            Cause::Run(error) => error.fmt(f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        std::error::Error::source(self).map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Cause::Problems(_) => None,
            Cause::Restore(error) => Some(error),
            #[cfg(feature = "runs")]
            Cause::Run(error) => error.source(),
        }
    }
}

impl From<Vec<RuleProblem>> for Error {
    fn from(problems: Vec<RuleProblem>) -> Error {
        Error(Cause::Problems(problems.into_iter().map(Problem).collect()))
    }
}

impl From<RestoreError> for Error {
    fn from(error: RestoreError) -> Error {
        Error(Cause::Restore(error))
    }
}

#[cfg(feature = "runs")]
impl From<chaffinch_formats::Error> for Error {
    fn from(error: chaffinch_formats::Error) -> Error {
        Error(Cause::Run(error))
    }
}

/// Something wrong with a rule file, a pipeline file or a setting, and where.
#[derive(Clone)]
pub struct Problem(RuleProblem);

impl Problem {
    /// The file, if it is in one.
    pub fn file(&self) -> Option<&str> {
        Some(self.0.file.as_str()).filter(|file| !file.is_empty())
    }

    /// The line, from 1, if it has a place in its file.
    pub fn line(&self) -> Option<usize> {
        Some(self.position()?.0)
    }

    /// The column in characters, from 1, if it has a place in its file.
    pub fn column(&self) -> Option<usize> {
        Some(self.position()?.1)
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    fn position(&self) -> Option<(usize, usize)> {
        (!self.0.source.is_empty()).then(|| self.0.position())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
