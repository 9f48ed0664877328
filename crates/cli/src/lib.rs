//! The command line of Chaffinch, as a function: other packages, such as the Python one, contain the
//! program too.

/// Writes a line to standard error. Errors while writing are ignored, so that a log on a full disk
/// does not stop a run; the exit code still reports failures.
macro_rules! message {
    ($($message:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(anstream::stderr().lock(), $($message)*);
    }};
}

mod args;
mod at;
mod check;
mod clean;
mod diff;
mod drift;
mod examples;
mod explain;
mod failure;
mod git;
mod labels;
mod ledger;
mod lexicon;
mod lines;
mod outlet;
mod plugin;
mod review;
mod rules;
mod setup;
mod stores;
mod why;

use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::catch_unwind;

use clap::{CommandFactory, Parser};

use crate::args::{
    Cli, Color, Command, LinesCommand, OutletCommand, PluginCommand, ReportArgs, RestoreArgs,
    RulesCommand, VerifyArgs,
};
use chaffinch_formats::Restored;

use crate::failure::Failure;

pub use crate::setup::cache as rule_cache;

/// Runs the program with these arguments, of which the first is its name, and returns its exit code.
///
/// It takes over the process: it sets the panic hook, the interrupt handler and the global thread
/// pool, and ends the process for `--help`, for arguments that it cannot parse, and at the second
/// interrupt.
pub fn main_with(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = Cli::parse_from(arguments);
    match cli.color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::AlwaysAnsi,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
    // A panic is not a usage error: it may come after something was done.
    let done = catch_unwind(|| run(cli.command)).unwrap_or_else(|panic| {
        let message = chaffinch_core::panic_message(&*panic);
        Err(Failure::Stopped(format!("internal error: {message}; please report this")))
    });
    match done {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Clean(args) => clean::run(&args),
        Command::Explain(args) => match &args.why_not {
            Some(place) => why::run(place, &args),
            None => explain::run(&args),
        },
        Command::Restore(args) => restore(&args),
        Command::Verify(args) => verify(&args),
        Command::Rerun(args) => clean::rerun(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Report(args) => report(&args),
        Command::Ledger(args) => ledger::run(&args),
        Command::Pipeline(args) => pipeline(&args),
        Command::Rules(RulesCommand::List(args)) => rules::list(&args),
        Command::Rules(RulesCommand::Show(args)) => rules::show(&args),
        Command::Rules(RulesCommand::Try(args)) => rules::try_pattern(&args),
        Command::Rules(RulesCommand::Check(args)) => check::run(&args),
        Command::Rules(RulesCommand::Drift(args)) => drift::run(&args),
        Command::Rules(RulesCommand::At(args)) => at::run(&args),
        Command::Rules(RulesCommand::ApplyReview(args)) => review::run(&args),
        Command::Rules(RulesCommand::Test(args)) => examples::run(&args),
        Command::Rules(RulesCommand::Lexicon(args)) => lexicon::run(&args),
        Command::Rules(RulesCommand::Schema) => {
            print(format!("{:#}\n", chaffinch_core::Schemas::built_in().rule_file).as_bytes())
        }
        Command::Outlet(OutletCommand::New(args)) => outlet::new(&args),
        Command::Outlet(OutletCommand::Update(args)) => outlet::update(&args),
        Command::Lines(LinesCommand::Train(args)) => lines::train(&args),
        Command::Lines(LinesCommand::Eval(args)) => lines::eval(&args),
        Command::Lines(LinesCommand::Labels(args)) => labels::run(&args),
        Command::Plugin(PluginCommand::New(args)) => plugin::new(&args),
        Command::Plugin(PluginCommand::Check(args)) => plugin::check(&args),
        Command::Plugin(PluginCommand::List(args)) => plugin::list(&args),
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "chaffinch", &mut script);
            print(&script)
        }
        Command::Man => man(),
    }
}

/// Writes to standard output.
fn print(bytes: &[u8]) -> Result<u8, Failure> {
    printed(anstream::stdout().lock().write_all(bytes))
}

/// The exit code after writing to standard output. It is not an error if the reader closes the pipe
/// early.
fn printed(written: io::Result<()>) -> Result<u8, Failure> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Failure::Stopped(format!("cannot write to standard output: {error}"))),
        Ok(()) => Ok(0),
    }
}

/// Reads a rule file or a pipeline file.
fn read_yaml(path: &std::path::Path) -> Result<String, Failure> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::Usage(format!("cannot read {name}: {error}")))?;
    Ok(chaffinch_rules::yaml::decode(&name, bytes).map_err(|problem| vec![problem])?)
}

/// Writes a file completely or not at all, but not into the record of a run.
fn write_whole(path: &std::path::Path, bytes: &[u8]) -> Result<(), Failure> {
    let is_record = |folder: &std::path::Path| {
        folder.ends_with(chaffinch_formats::RECORD) && folder.join("run.json").exists()
    };
    if path.ancestors().any(is_record) {
        return Err(Failure::Usage(format!(
            "{} is in the record of a run, which restores its input; name another file",
            path.display()
        )));
    }
    chaffinch_formats::write_whole(path, bytes)
        .map_err(|error| Failure::Stopped(format!("cannot write {}: {error}", path.display())))
}

fn restore(args: &RestoreArgs) -> Result<u8, Failure> {
    let restored = chaffinch_formats::restore(&args.run, &args.output)?;
    print_restored("restored", &restored, args.quiet)
}

fn verify(args: &VerifyArgs) -> Result<u8, Failure> {
    let restored = chaffinch_formats::verify(&args.run)?;
    print_restored("verified", &restored, args.quiet)
}

fn report(args: &ReportArgs) -> Result<u8, Failure> {
    let name = diff::shown(&args.run);
    let page = match &args.compare {
        Some(second) => {
            let found = diff::between(&args.run, second)?;
            chaffinch_report::page::of_diff(&found, &name, &diff::shown(second))
        }
        None => {
            let overview = chaffinch_report::overview(&args.run)?;
            chaffinch_report::page::of_run(&overview, &name)
        }
    };
    if args.output.as_os_str() == "-" {
        return print(page.as_bytes());
    }
    write_whole(&args.output, page.as_bytes())?;
    let size = page.len().div_ceil(1024);
    print(format!("{} ({size} KiB)\n", args.output.display()).as_bytes())
}

/// Prints how many documents were restored or verified, and which were not. With `quiet`, prints
/// only the latter.
fn print_restored(done: &str, restored: &Restored, quiet: bool) -> Result<u8, Failure> {
    let mut text = String::new();
    if !quiet {
        let count = restored.documents;
        let failed = restored.problems.len() as u64;
        let documents = chaffinch_core::message::counted(count + failed, "document");
        text.push_str(&match failed {
            0 => format!("{done} {documents} (digests match)\n"),
            _ => format!("{done} {count} of {documents}\n"),
        });
    }
    for (name, reason) in &restored.problems {
        let (name, reason) = (chaffinch_report::visible(name), chaffinch_report::visible(reason));
        text.push_str(&format!("not {done}: {name}: {reason}\n"));
    }
    print(text.as_bytes())?;
    Ok(u8::from(!restored.problems.is_empty()))
}

fn pipeline(args: &args::ShowPipelineArgs) -> Result<u8, Failure> {
    if args.schema {
        let schema = chaffinch_core::Schemas::built_in().pipeline;
        return print(format!("{schema:#}\n").as_bytes());
    }
    let args = &args.pipeline;
    let (file, text) = setup::pipeline_text(args)?;
    // `chaffinch pipeline > chaffinch.yaml` creates an empty file first.
    if args.pipeline.is_none() && text.is_empty() {
        return print(chaffinch_core::config::DEFAULT.as_bytes());
    }
    setup::pipeline(args)?;
    if let Some(file) = file {
        message!("from {}", file.display());
    }
    print(text.as_bytes())
}

fn man() -> Result<u8, Failure> {
    let mut page = Vec::new();
    let failed = |error| Failure::Stopped(format!("cannot write the manual page: {error}"));
    clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(failed)?;
    for command in Cli::command().get_subcommands_mut() {
        let mut part = Vec::new();
        let man = clap_mangen::Man::new(command.clone());
        man.render_description_section(&mut part).map_err(failed)?;
        man.render_options_section(&mut part).map_err(failed)?;
        page.extend_from_slice(
            format!(".SH \"CHAFFINCH {}\"\n", command.get_name().to_uppercase()).as_bytes(),
        );
        let part = String::from_utf8_lossy(&part).replace(".SH ", ".SS ");
        page.extend_from_slice(part.as_bytes());
    }
    print(&page)
}
