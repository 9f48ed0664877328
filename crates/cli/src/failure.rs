//! Failures that end a command: their exit codes and their error messages.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use chaffinch_formats::Error;
use chaffinch_rules::Problem;
use chaffinch_rules::yaml::without_mark;

/// Why a command failed.
pub(crate) enum Failure {
    /// The pipeline file or rule files have errors: exit code 2.
    Problems(Vec<Problem>),
    /// Plugins of the pipeline file cannot be used, for these reasons: exit code 2.
    Plugins(Vec<String>),
    /// The arguments or input files are wrong, and nothing was done: exit code 2.
    Usage(String),
    /// The command stopped part-way: exit code 3.
    Stopped(String),
    /// The reader of standard output closed the pipe: exit code 3, without a message.
    Silent,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match &error {
            Error::Usage(message) => Failure::Usage(message.clone()),
            Error::Output(_, cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => {
                Failure::Silent
            }
            _ => Failure::Stopped(with_cause(&error)),
        }
    }
}

/// The message of an error with its cause. The message of the cause contains the causes of that.
pub(crate) fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Failure {
        Failure::Problems(problems)
    }
}

impl Failure {
    /// Writes the error message to standard error and returns the exit code.
    pub(crate) fn report(self) -> u8 {
        match self {
            Failure::Problems(problems) => {
                problems.iter().for_each(show);
                let count = chaffinch_core::message::counted(problems.len() as u64, "problem");
                say(&format!("{count}; nothing was done"));
                2
            }
            Failure::Plugins(reasons) => {
                reasons.iter().for_each(|reason| say(reason));
                2
            }
            Failure::Usage(message) => {
                say(&message);
                2
            }
            Failure::Stopped(message) => {
                say(&message);
                3
            }
            Failure::Silent => 3,
        }
    }
}

fn say(message: &str) {
    let error = anstyle::AnsiColor::Red.on_default().bold();
    let message = chaffinch_report::visible(message);
    message!("{error}error{error:#}: {message}");
}

fn show(problem: &Problem) {
    if problem.source.is_empty() {
        say(&problem.to_string());
        return;
    }
    let label = problem.help.as_deref().unwrap_or_default();
    // A span at the end of the text still needs a character to point at.
    let source = without_mark(&problem.source);
    let mark = problem.source.len() - source.len();
    let start = problem.span.start.saturating_sub(mark);
    let end = problem.span.end.saturating_sub(mark).max(start + 1).min(source.len());
    let span = start.min(end)..end;
    let snippet = Snippet::source(source)
        .path(problem.file.as_str())
        .annotation(AnnotationKind::Primary.span(span).label(label));
    let group = Level::ERROR.primary_title(problem.message.as_str()).element(snippet);
    message!("{}\n", Renderer::styled().render(&[group]));
}
