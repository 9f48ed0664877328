//! What ends a command, and what it says to the person at the keyboard.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use chaffinch_formats::Error;
use chaffinch_rules::Problem;

/// Why a command did not do what was asked.
pub(crate) enum Failure {
    /// Pipeline or rule files are wrong: exit code 2.
    Problems(Vec<Problem>),
    /// What was asked for makes no sense: exit code 2.
    Usage(String),
    /// It stopped part-way: exit code 3.
    Stopped(String),
    /// The reader of standard output went away: exit code 3, without words.
    Silent,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match &error {
            Error::Usage(message) => Failure::Usage(message.clone()),
            Error::Output(_, cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => {
                Failure::Silent
            }
            _ => Failure::Stopped(error.to_string()),
        }
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Failure {
        Failure::Problems(problems)
    }
}

impl Failure {
    /// Tells it on standard error and gives the exit code.
    pub(crate) fn tell(self) -> u8 {
        match self {
            Failure::Problems(problems) => {
                problems.iter().for_each(show);
                let count = problems.len();
                let word = if count == 1 { "problem" } else { "problems" };
                say(&format!("{count} {word}; nothing was done"));
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
    tell!("{error}error{error:#}: {message}");
}

fn show(problem: &Problem) {
    if problem.source.is_empty() {
        say(&problem.to_string());
        return;
    }
    let label = problem.help.as_deref().unwrap_or_default();
    // A span at the very end still needs a character to point at.
    let end = problem.span.end.max(problem.span.start + 1).min(problem.source.len());
    let span = problem.span.start.min(end)..end;
    let snippet = Snippet::source(problem.source.as_str())
        .path(problem.file.as_str())
        .annotation(AnnotationKind::Primary.span(span).label(label));
    let group = Level::ERROR.primary_title(problem.message.as_str()).element(snippet);
    tell!("{}\n", Renderer::styled().render(&[group]));
}
