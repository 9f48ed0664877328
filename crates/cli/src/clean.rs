//! `chaffinch clean` and `rerun`: run jobs, show progress and print the final table.

use std::cell::Cell;
use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chaffinch_core::Verdict;
use chaffinch_core::message::counted;
use chaffinch_formats::{Container, Error, Job, Ledger, Observer, Output, Resume, Summary};
use chaffinch_report::visible;
use globset::{Glob, GlobSet, GlobSetBuilder};
use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use crate::args::{CleanArgs, FailOn, RerunArgs, ToFormat};
use crate::failure::Failure;
use crate::{print, setup, stores};

/// Set by the first interrupt: the run stops after the current blocks.
static STOP: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(args: &CleanArgs) -> Result<u8, Failure> {
    on_interrupt()?;
    let (output, ledger) = destination(args)?;
    let (container, names) = setup::source(&args.source);
    if let Some(jobs) = args.jobs {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.into()).build_global();
        pool.map_err(|error| Failure::Usage(format!("--jobs: {error}")))?;
    }
    let pipeline = setup::pipeline(&args.rules)?;
    let (inputs, stores) = stores::inputs(&args.inputs)?;
    let mut job = Job::new(&pipeline, inputs, output);
    job.stores = stores;
    job.ledger = ledger;
    job.container = container;
    job.to = args.to.map(|to| match to {
        ToFormat::Jsonl => Container::Jsonl,
        ToFormat::Parquet => Container::Parquet,
        ToFormat::Text => Container::Text,
    });
    job.shard_bytes = args.shard_bytes;
    job.names = names;
    job.include = globs("--include", &args.include)?;
    job.exclude = globs("--exclude", &args.exclude)?;
    job.sample = args.sample.map(|count| count as usize);
    job.verify = args.verify;
    job.resume = match (args.resume, args.fresh) {
        (true, _) => Resume::Must,
        (_, true) => Resume::Never,
        _ => Resume::May,
    };
    let progress = Progress::new(args, &job);
    quiet_panics();
    let done = job.run(&progress, &STOP);
    progress.bar.finish_and_clear();
    let summary = done.map_err(|error| stopped(error, job.can_resume()))?;
    if !args.quiet {
        let mut table = table(&summary, &job.output);
        if summary.interrupted && job.can_resume() {
            table.push_str("\nrepeat the command to resume, or start from scratch with --fresh\n");
        }
        match job.output {
            Output::Stream => message!("{}", table.trim_end()),
            _ => print(table.as_bytes()).map(drop)?,
        }
    }
    if summary.documents == 0 && !summary.interrupted && !args.quiet {
        message!(
            "warning: there was no document to clean{}",
            match args.include.is_empty() {
                true if args.exclude.is_empty() => "",
                _ => " that --include and --exclude select",
            }
        );
    }
    let failed = summary.count(Verdict::Failed);
    let bad = match args.fail_on {
        FailOn::Suspect => failed + summary.count(Verdict::Suspect),
        FailOn::Failed => failed,
        FailOn::Never => 0,
    };
    Ok(if summary.interrupted { 130 } else { u8::from(bad > 0) })
}

/// `chaffinch rerun`: applies other rules to a finished run.
pub(crate) fn rerun(args: &RerunArgs) -> Result<u8, Failure> {
    on_interrupt()?;
    let pipeline = setup::pipeline(&args.rules)?;
    quiet_panics();
    let progress = Progress::plain(args.quiet);
    let output = args.output.as_deref();
    let rerun = chaffinch_formats::rerun(&args.run, output, &pipeline, &progress, &STOP)?;
    if rerun.summary.interrupted {
        if !args.quiet {
            message!("interrupted; {} is unchanged", args.run.display());
        }
        return Ok(130);
    }
    if !args.quiet {
        let output = Output::Directory(args.output.clone().unwrap_or(args.run.clone()));
        let again = HumanCount(rerun.cleaned_again);
        let all = HumanCount(rerun.summary.documents);
        let head = format!("cleaned again {again} of {all} documents\n\n");
        print((head + &table(&rerun.summary, &output)).as_bytes())?;
    }
    Ok(u8::from(rerun.summary.count(Verdict::Failed) > 0))
}

/// The failure that stopped a run, with a hint if the run can be resumed.
fn stopped(error: Error, can_resume: bool) -> Failure {
    // Repeating the command only helps if the cause can be fixed from outside.
    let repeatable = can_resume && matches!(error, Error::Input(..) | Error::Output(..));
    match Failure::from(error) {
        Failure::Stopped(message) if repeatable => Failure::Stopped(format!(
            "{message}; completed documents are kept: fix the problem and repeat the command to \
             resume"
        )),
        failure => failure,
    }
}

fn destination(args: &CleanArgs) -> Result<(Output, Ledger), Failure> {
    let is_dash = |path: &Path| path.as_os_str() == "-";
    let filter = args.inputs.iter().any(|input| is_dash(input));
    let ledger = match (&args.ledger, args.no_ledger) {
        (Some(file), _) => Some(Ledger::File(file.clone())),
        (None, true) => Some(Ledger::Nowhere),
        (None, false) => None,
    };
    if args.dry_run {
        return Ok((Output::Nowhere, ledger.unwrap_or(Ledger::Nowhere)));
    }
    match &args.output {
        Some(path) if !is_dash(path) => match ledger {
            None => {
                let output = stores::output(path, args.work_dir.as_deref())?;
                Ok((output, Ledger::InRecord))
            }
            Some(_) => {
                let message = "--ledger and --no-ledger are only for `-o -`; the output directory contains \
                               its ledger";
                Err(Failure::Usage(message.into()))
            }
        },
        None if !filter => {
            let name = args.inputs.first().map(|input| input.display().to_string()).unwrap_or_default();
            let name = name.trim_end_matches('/');
            let message = format!(
                "no output given: use `-o DIR`, such as `-o {name}-cleaned`, or --dry-run"
            );
            Err(Failure::Usage(message))
        }
        _ => ledger.map(|ledger| (Output::Stream, ledger)).ok_or_else(|| {
            let message = "writing to standard output needs `--ledger FILE`, to record the removals, \
                           or `--no-ledger`";
            Failure::Usage(message.into())
        }),
    }
}

fn globs(option: &str, patterns: &[String]) -> Result<GlobSet, Failure> {
    let wrong = |error: globset::Error| Failure::Usage(format!("{option}: {error}"));
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(wrong)?);
    }
    set.build().map_err(wrong)
}

/// The first interrupt stops the run after the current blocks; the second stops it at once.
fn on_interrupt() -> Result<(), Failure> {
    let handler = || {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler).map_err(|error| Failure::Stopped(error.to_string()))
}

/// Silences panic messages: a document whose cleaning panics passes through unchanged and is listed
/// in the report.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// The time between progress messages if standard error is not a terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

struct Progress {
    bar: ProgressBar,
    plain: bool,
    quiet: bool,
    started: Instant,
    last_message: Cell<Instant>,
    documents: Cell<u64>,
    bytes: Cell<u64>,
}

impl Progress {
    fn new(args: &CleanArgs, job: &Job<'_>) -> Progress {
        let terminal = std::io::stderr().is_terminal() && !args.quiet;
        let bar = match terminal {
            false => ProgressBar::hidden(),
            true => {
                let bar = ProgressBar::new(job.total_bytes());
                let template = "{bar:24.green/dim} {msg} documents  {bytes}/{total_bytes}  \
                                {bytes_per_sec}  {eta} left";
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style.progress_chars("━━─"));
                }
                bar.set_message("0");
                bar
            }
        };
        Progress { bar, plain: !terminal && !args.quiet, ..Progress::plain(args.quiet) }
    }

    /// Without a bar: a message from time to time.
    fn plain(quiet: bool) -> Progress {
        let now = Instant::now();
        Progress {
            bar: ProgressBar::hidden(),
            plain: !quiet,
            quiet,
            started: now,
            last_message: Cell::new(now),
            documents: Cell::new(0),
            bytes: Cell::new(0),
        }
    }
}

impl Observer for Progress {
    fn resumed(&self, documents: u64) {
        self.documents.set(documents);
        if !self.quiet && documents > 0 {
            let documents = HumanCount(documents);
            let line = format!("resuming after {documents} completed documents");
            self.bar.suspend(|| message!("{line}"));
        }
    }

    fn block(&self, documents: u64, bytes: u64) {
        self.documents.set(self.documents.get() + documents);
        self.bytes.set(self.bytes.get() + bytes);
        self.bar.inc(bytes);
        let documents = self.documents.get();
        self.bar.set_message(HumanCount(documents).to_string());
        if self.plain && self.last_message.get().elapsed() >= PLAIN_EVERY {
            self.last_message.set(Instant::now());
            let seconds = self.started.elapsed().as_secs_f64();
            let rate = HumanBytes((self.bytes.get() as f64 / seconds.max(0.001)) as u64);
            let (documents, bytes) = (HumanCount(documents), HumanBytes(self.bytes.get()));
            message!("{documents} documents, {bytes}, {rate}/s");
        }
    }
}

/// The table at the end of a run.
fn table(summary: &Summary, output: &Output) -> String {
    let mut text = totals(summary);
    stages(&mut text, summary);
    outlets(&mut text, summary);
    faults(&mut text, summary);
    problems(&mut text, summary, output);
    text
}

const BOLD: anstyle::Style = anstyle::Style::new().bold();

/// The documents, bytes and verdicts. Writing to a string cannot fail.
fn totals(summary: &Summary) -> String {
    let mut text = String::new();
    let head = if summary.interrupted { "interrupted after" } else { "cleaned" };
    let documents = if summary.documents == 1 { "document" } else { "documents" };
    let _ = writeln!(
        text,
        "{BOLD}{head} {} {documents}{BOLD:#}, {} in {}: {} removed ({:.1} %)\n",
        HumanCount(summary.documents),
        HumanBytes(summary.bytes_in),
        duration(summary.elapsed),
        HumanBytes(summary.bytes_removed),
        100.0 * summary.bytes_removed as f64 / summary.bytes_in.max(1) as f64,
    );
    for verdict in Verdict::ALL {
        let count = summary.count(verdict);
        if count > 0 {
            let passed = match verdict {
                Verdict::Failed if summary.bytes_passed > 0 => {
                    format!("   {} passed through unchanged", HumanBytes(summary.bytes_passed))
                }
                _ => String::new(),
            };
            let count = HumanCount(count).to_string();
            let _ = writeln!(text, "  {:<14} {count:>12}{passed}", verdict.to_string());
        }
    }
    text
}

/// The stages, those that cut most bytes first.
fn stages(text: &mut String, summary: &Summary) {
    if summary.stages.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{BOLD}  stage             documents       cuts        bytes{BOLD:#}");
    let mut stages: Vec<_> = summary.stages.iter().collect();
    stages.sort_by_key(|(name, counts)| (std::cmp::Reverse(counts.bytes), *name));
    for (name, counts) in stages {
        let _ = writeln!(
            text,
            "  {name:<14} {:>12} {:>10} {:>12}",
            HumanCount(counts.documents).to_string(),
            HumanCount(counts.cuts).to_string(),
            HumanCount(counts.bytes).to_string()
        );
    }
}

/// The outlets with the most documents.
fn outlets(text: &mut String, summary: &Summary) {
    if summary.outlets.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{BOLD}  outlet                         documents  bytes cut{BOLD:#}");
    let mut outlets: Vec<_> = summary.outlets.iter().collect();
    outlets.sort_by_key(|(name, counts)| (std::cmp::Reverse(counts.documents), *name));
    for (name, counts) in outlets.iter().take(MOST_OUTLETS) {
        let (documents, bytes) = (HumanCount(counts.documents), HumanCount(counts.bytes));
        let _ =
            writeln!(text, "  {name:<30} {:>9} {:>10}", documents.to_string(), bytes.to_string());
    }
    let known: u64 = outlets.iter().map(|(_, counts)| counts.documents).sum();
    if outlets.len() > MOST_OUTLETS {
        let _ = writeln!(text, "  and {} more", outlets.len() - MOST_OUTLETS);
    }
    if summary.documents > known {
        let unknown = HumanCount(summary.documents - known).to_string();
        let _ = writeln!(text, "  {:<30} {unknown:>9}", "(none recognised)");
    }
}

/// The stages that made invalid marks or failed.
fn faults(text: &mut String, summary: &Summary) {
    for (stage, count) in &summary.refused {
        let _ = writeln!(
            text,
            "\nstage {stage} made {count} invalid marks, which were ignored; please report this"
        );
    }
    for (stage, count) in &summary.failed_stages {
        let documents = counted(*count, "document");
        let _ =
            writeln!(text, "\nstage {stage} failed on {documents}, which were cleaned without it");
    }
}

/// The documents that were not cleaned, or only in part.
fn problems(text: &mut String, summary: &Summary, output: &Output) {
    if summary.problems.is_empty() {
        return;
    }
    text.push('\n');
    for (name, verdict, reason) in &summary.problems {
        let _ = writeln!(text, "{verdict}: {}: {}", visible(name), visible(reason));
    }
    let more = summary.problem_count.saturating_sub(summary.problems.len() as u64);
    let place = match output {
        Output::Directory(out) => Some(out.display().to_string()),
        Output::Store(store, _) => Some(store.address().to_owned()),
        _ => None,
    };
    if let Some(place) = place.filter(|_| more > 0) {
        let _ = writeln!(text, "and {more} more in {place}/.chaffinch/problems.jsonl");
    }
}

/// The most outlets that the table lists.
const MOST_OUTLETS: usize = 12;

fn duration(elapsed: Duration) -> String {
    match elapsed < Duration::from_secs(60) {
        true => format!("{:.2} s", elapsed.as_secs_f64()),
        false => HumanDuration(elapsed).to_string(),
    }
}
