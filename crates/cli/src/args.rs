//! The command line as clap parses it. The doc comments are the help texts.

use std::path::PathBuf;

use chaffinch_core::rules::size;
use chaffinch_core::stage::calendar::{self, DayError};
use chaffinch_formats::Container;
use clap::builder::styling::{AnsiColor, Effects, Styles};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

/// Removes boilerplate from scraped news text and loses nothing.
///
/// Chaffinch removes everything that is not the article (tickers, share buttons, breadcrumbs,
/// footers, agency credits) from text scraped from news sites. It records every removal in a
/// ledger, from which `chaffinch restore` restores the originals byte for byte.
#[derive(Debug, Parser)]
#[command(name = "chaffinch", version, styles = STYLES, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  chaffinch clean corpus -o cleaned          clean a directory
  chaffinch explain corpus/page.txt          show what would be removed, and by which rule
  chaffinch restore cleaned -o originals     restore the originals
  chaffinch clean - --no-ledger < page.txt   clean one document, as a filter";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Clean(CleanArgs),
    Explain(ExplainArgs),
    Restore(RestoreArgs),
    Verify(VerifyArgs),
    Rerun(RerunArgs),
    Diff(DiffArgs),
    Report(ReportArgs),
    Ledger(LedgerArgs),
    Pipeline(ShowPipelineArgs),
    #[command(subcommand)]
    Rules(RulesCommand),
    #[command(subcommand)]
    Outlet(OutletCommand),
    #[command(subcommand)]
    Lines(LinesCommand),
    #[command(subcommand)]
    Plugin(PluginCommand),
    Completions(CompletionsArgs),
    /// Print the manual page. To read it: `chaffinch man | man -l -`.
    Man,
}

/// Clean documents: remove boilerplate, keep the article, record every removal in a ledger.
#[derive(Debug, Args)]
#[command(after_help = CLEAN_EXAMPLES)]
pub(crate) struct CleanArgs {
    /// Files and directories to clean; `-` reads standard input. The format of a file is detected
    /// from its first bytes or its name: JSON Lines, CSV, TSV and WET (plain, or compressed with
    /// gzip, zstd or bzip2) and Parquet; any other file is one document. Hidden files in directories
    /// are skipped. A build with the feature `stores` also accepts addresses: s3://bucket/path,
    /// gs://bucket/path.
    #[arg(required = true, value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub(crate) inputs: Vec<PathBuf>,

    /// Where to write the cleaned documents: a directory that is new, empty or the output of an
    /// earlier run; an address, as for INPUT; or `-` for standard output, which is the default if
    /// INPUT is `-`.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,

    /// Local staging directory when OUT is an address. Files are written here before they are
    /// uploaded, and an interrupted run is resumed from here. By default, each address has its own
    /// directory below the system's temporary directory.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) work_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) source: SourceArgs,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,

    /// Convert documents to this format: rows with id, url, date, text and `chaffinch`, or one text
    /// file per document. By default, each file keeps its format.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to: Option<ToFormat>,

    /// Start a new file of rows or records after this many bytes, such as 512MiB. The files are
    /// named NAME-00000, NAME-00001, and so on.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) shard_bytes: Option<u64>,

    /// Clean only documents whose name matches this glob. Can be repeated.
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,

    /// Skip documents whose name matches this glob. Can be repeated.
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,

    /// Clean only N documents, spread over the input. The same input gives the same sample.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sample: Option<u64>,

    /// Number of threads [default: one per core]. The output does not depend on it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,

    /// With `-o -`: write the ledger to this file, as a record of all removals. `restore` and
    /// `verify` need an output directory.
    #[arg(long, value_name = "FILE", conflicts_with = "no_ledger")]
    pub(crate) ledger: Option<PathBuf>,

    /// With `-o -`: write no ledger. The originals cannot be restored.
    #[arg(long)]
    pub(crate) no_ledger: bool,

    /// Restore each document right after cleaning it and compare it with the original. A document
    /// that cannot be restored passes through unchanged.
    #[arg(long)]
    pub(crate) verify: bool,

    /// Resume the unfinished run in OUT, or fail if that is not possible. By default, a run is
    /// resumed if OUT contains an unfinished run with the same inputs, options and rules; otherwise
    /// it starts from scratch. The output of a finished run is replaced if its inputs are given
    /// again and all of their files still exist.
    #[arg(long, conflicts_with = "fresh")]
    pub(crate) resume: bool,

    /// Start from scratch and replace the output of any earlier run in OUT, even if it cannot be
    /// made again.
    #[arg(long)]
    pub(crate) fresh: bool,

    /// Write nothing; only count.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Which verdicts cause exit code 1.
    #[arg(long, value_name = "VERDICT", default_value = "failed")]
    pub(crate) fail_on: FailOn,

    /// Print only errors.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

const CLEAN_EXAMPLES: &str = "\
Examples:
  chaffinch clean corpus -o cleaned
  chaffinch clean news.jsonl -o cleaned --text-field article
  chaffinch clean corpus -o cleaned --rules my-rules --exclude '**/drafts/**'
  chaffinch clean crawl/*.wet.gz -o rows --to jsonl --shard-bytes 512MiB
  chaffinch clean corpus --dry-run --sample 1000
  curl -s https://example.com/page.txt | chaffinch clean - --no-ledger

The output:
  OUT/...                         the cleaned documents, under their own names, in UTF-8
  OUT/.chaffinch/run.json         totals by verdict, stage, rule and outlet
  OUT/.chaffinch/ledger/          what was removed from each document
  OUT/.chaffinch/rules.jsonl.zst  the rules with their digests, used to compare runs
  OUT/.chaffinch/fields.jsonl     title, date, place, section, agency, tags of each document
  OUT/.chaffinch/problems.jsonl   failed and suspect documents, with reasons

Exit codes:
  0    finished (suspect documents are listed)
  1    finished, but some documents failed and passed through unchanged (see --fail-on)
  2    wrong usage, pipeline or rules; nothing was done
  3    stopped part-way, for example by a full disk; repeat the command to resume
  130  interrupted; repeat the command to resume";

/// Where documents come from.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Read the inputs in this format instead of detecting it.
    #[arg(long, value_name = "FORMAT", value_parser = container())]
    pub(crate) from: Option<Container>,

    /// The field of a record that contains the text [default: text, content or body].
    #[arg(long, value_name = "NAME")]
    pub(crate) text_field: Option<String>,

    /// The field of a record that contains its id.
    #[arg(long, value_name = "NAME", default_value = "id")]
    pub(crate) id_field: String,

    /// The field of a record that contains its URL, which identifies the outlet.
    #[arg(long, value_name = "NAME", default_value = "url")]
    pub(crate) url_field: String,

    /// The field of a record that contains its date, which selects among the page layouts of an
    /// outlet.
    #[arg(long, value_name = "NAME", default_value = "date")]
    pub(crate) date_field: String,
}

/// Print the pipeline in use: the stages, in order, and the limits.
///
/// The pipeline comes from --pipeline, or from chaffinch.yaml in the working directory or the
/// nearest directory above it; without either, it is the built-in one.
#[derive(Debug, Args)]
pub(crate) struct ShowPipelineArgs {
    /// Print the JSON Schema of pipeline files instead. Editors use it for completion.
    #[arg(long)]
    pub(crate) schema: bool,

    #[command(flatten)]
    pub(crate) pipeline: PipelineArgs,
}

/// Which rules and stages run.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PipelineArgs {
    /// Read the pipeline from this file. By default, chaffinch.yaml is searched for in the working
    /// directory and the directories above it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) pipeline: Option<PathBuf>,

    /// Read outlet rules from this directory instead of the built-in ones. With an empty directory,
    /// only the generic rules apply. Can be repeated.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) rules: Vec<PathBuf>,

    /// Treat every document as one of this outlet (see `chaffinch rules list`).
    #[arg(long, value_name = "NAME")]
    pub(crate) outlet: Option<String>,

    /// Decode documents with this encoding, such as windows-1256, unless they have a byte order
    /// mark. By default, the encoding is detected.
    #[arg(long, value_name = "NAME")]
    pub(crate) encoding: Option<String>,

    /// Run only this stage. Can be repeated.
    #[arg(long, value_name = "STAGE")]
    pub(crate) only: Vec<String>,

    /// Skip this stage, or this rule, such as generic/share-buttons/share (in all languages) or
    /// generic/share-buttons/share/en. Can be repeated.
    #[arg(long, value_name = "STAGE|RULE")]
    pub(crate) skip: Vec<String>,

    /// How much the line model removes beyond the rules [default: as set in the pipeline].
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Option<Level>,

    /// Use this line model (see `chaffinch lines train`) instead of the built-in one.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) model: Option<PathBuf>,
}

/// How much the line model removes beyond the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// Nothing.
    Off,
    /// Lines that are almost certainly boilerplate.
    Careful,
    /// More lines, including one to four in a hundred article lines.
    Balanced,
    /// Most lines that are more likely boilerplate than article.
    Full,
}

/// Show what would be removed from documents, and by which rule.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch explain corpus/page.txt
  chaffinch explain --format json corpus/*.txt | jq .edits
  chaffinch explain --why-not corpus/page.txt:12
  chaffinch explain - < page.txt

The exit code is 1 if a document cannot be read.")]
pub(crate) struct ExplainArgs {
    /// Files and directories; `-` reads standard input.
    #[arg(required_unless_present = "why_not", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// Show why a line was kept: the rules that match it or nearly match it, and why each did not
    /// remove it. In JSON Lines, give FILE:ROW:LINE.
    #[arg(long, value_name = "DOC:LINE", conflicts_with = "files")]
    pub(crate) why_not: Option<String>,

    /// Output format.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ExplainFormat,

    #[command(flatten)]
    pub(crate) source: SourceArgs,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Restore the originals from the output of a run, and check each against its digest.
#[derive(Debug, Args)]
#[command(after_help = "\
Cleaned files that were changed after the run, and damaged ledgers, are reported. Everything else is
restored, and the exit code is 1.

Example:
  chaffinch restore cleaned -o originals")]
pub(crate) struct RestoreArgs {
    /// The output of a run.
    #[arg(value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// Where to write the originals: a new or empty directory.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: PathBuf,

    /// Print only documents that could not be restored.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Check that the output of a run restores every original, without writing anything.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The output of a run.
    #[arg(value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// Print only documents that could not be verified.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Apply other rules to a finished run, without its input.
///
/// The originals are restored from the output and its ledger, and only documents that the change
/// can affect are cleaned again. The result is the same as that of a full run, byte for byte.
/// Repeat the rule and pipeline options of the run, with the changes that you want. Without -o, the
/// new output replaces the old one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch rerun cleaned --skip generic/related/list       undo one rule
  chaffinch rerun cleaned --rules my-rules -o cleaned-new   with a changed rule file

Runs with --to or --sample cannot be rerun: clean their input again.")]
pub(crate) struct RerunArgs {
    /// The output of a finished run.
    #[arg(value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// Write here, and leave OUT unchanged.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,

    /// Print only errors.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Show what changed between two runs, grouped by the rule that caused the change.
///
/// Compares the outputs of two runs over the same documents. With --rules-a and --rules-b, or with
/// --git, cleans documents with two sets of rules and compares the results. Changes inside articles
/// come first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch diff cleaned-before cleaned-after
  chaffinch diff corpus --rules-a rules --rules-b rules-new
  chaffinch diff --git HEAD                     compare with the work tree, over corpus/
  chaffinch diff --git main pages --format markdown")]
pub(crate) struct DiffArgs {
    /// The outputs of two runs; with --git, --rules-a or --rules-b, the documents to clean
    /// [default: corpus].
    #[arg(value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,

    /// The directory of outlet rules for the first run [default: the rules in use].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "git")]
    pub(crate) rules_a: Option<PathBuf>,

    /// The directory of outlet rules for the second run [default: the rules in use].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "git")]
    pub(crate) rules_b: Option<PathBuf>,

    /// Compare the rules and the pipeline file at this git revision with those of the work tree.
    #[arg(long, value_name = "REV")]
    pub(crate) git: Option<String>,

    /// Clean only N of the documents, spread over the input. The same input gives the same sample.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sample: Option<u64>,

    /// Output format.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: DiffFormat,

    /// Exit with 1 if anything changed.
    #[arg(long)]
    pub(crate) exit_code: bool,

    #[command(flatten)]
    pub(crate) source: SourceArgs,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Write an HTML report of a run, as one file that works offline.
///
/// The report lists each rule with the texts that it removed most often and most rarely, and shows
/// documents with their cuts struck through. You can accept and reject cuts in it, and save your
/// decisions as a file for `chaffinch rules apply-review`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch report cleaned -o report.html
  chaffinch report cleaned-before --compare cleaned-after -o changes.html")]
pub(crate) struct ReportArgs {
    /// The output of a run.
    #[arg(value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// The HTML file to write; `-` is standard output.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,

    /// Report the differences between OUT and this later run over the same documents instead.
    #[arg(long, value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) compare: Option<PathBuf>,
}

/// Print the ledger of a run as JSON Lines: one edit per line.
///
/// Each line has `file`, `ordinal` and `id` of the document, as in fields.jsonl, its `outlet` and
/// `day`, and of the edit, as in `explain --format json`: the `rule` and its `stage`, `start` and
/// `end` (bytes of the decoded original), the removed `text`, the replacement `with` (empty for a
/// removal) and the `confidence` of the line model in percent. Every line has all keys; unknown
/// values are null.
#[derive(Debug, Args)]
#[command(after_help = LEDGER_EXAMPLES)]
pub(crate) struct LedgerArgs {
    /// The output of a run, or a ledger written with `clean --ledger FILE`.
    #[arg(value_name = "OUT", value_hint = ValueHint::AnyPath)]
    pub(crate) run: PathBuf,

    /// Print only edits of this rule, or of all rules whose ids begin with these segments, such as
    /// presstv or generic/share-buttons. Can be repeated.
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: Vec<String>,

    /// Print only edits of this document: its id, its file, or FILE:N for the Nth record of a file.
    /// Can be repeated.
    #[arg(long, value_name = "DOC")]
    pub(crate) document: Vec<String>,
}

const LEDGER_EXAMPLES: &str = "\
Examples:
  chaffinch ledger cleaned | head
  chaffinch ledger cleaned --rule generic/lines/model | jq -r 'select(.confidence < 90).text'
  chaffinch ledger cleaned --document news.jsonl:7

Exit codes:
  0  finished
  1  a document given with --document is not in the ledger
  2  wrong usage
  3  a part of the ledger cannot be read; the edits before it were printed";

/// Inspect, try, check and review rules.
#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    List(RulesListArgs),
    Show(RulesShowArgs),
    Try(RulesTryArgs),
    Check(RulesCheckArgs),
    Test(RulesTestArgs),
    Drift(DriftArgs),
    ApplyReview(ApplyReviewArgs),
    At(RulesAtArgs),
    Lexicon(LexiconArgs),
    /// Print the JSON Schema of rule files. Editors use it for completion.
    Schema,
}

/// Show one rule: its pattern, where it acts, its test cases, what it removed in the last run.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  chaffinch rules show presstv/breadcrumb")]
pub(crate) struct RulesShowArgs {
    /// The rule's id, such as generic/share-buttons/share/en.
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// The run to show figures from [default: the latest run with its output in the working
    /// directory].
    #[arg(long, value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) run: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Try a pattern on documents: print what it would remove, line by line.
///
/// Use it before you add a pattern to a rule file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch rules try 'News / .+' corpus/seeds --where head
  chaffinch rules try '—Agencies' corpus/seeds --as end")]
pub(crate) struct RulesTryArgs {
    /// A regex, written as in a rule file.
    #[arg(value_name = "PATTERN")]
    pub(crate) pattern: String,

    /// Documents to try it on: files, directories, JSON Lines.
    #[arg(required = true, value_name = "DOC", value_hint = ValueHint::AnyPath)]
    pub(crate) documents: Vec<PathBuf>,

    /// Which part of a line the pattern must match; `text` is an exact line.
    #[arg(long = "as", value_name = "KIND", default_value = "line")]
    #[arg(value_parser = ["line", "start", "end", "inside", "text"])]
    pub(crate) kind: String,

    /// Where in the document the rule acts.
    #[arg(long = "where", value_name = "PLACE", default_value = "anywhere")]
    #[arg(value_parser = ["head", "tail", "edges", "opening", "closing", "body", "anywhere"])]
    pub(crate) place: String,

    /// The stage that applies the rule.
    #[arg(long, value_name = "STAGE", default_value = "site-footer")]
    pub(crate) stage: String,
}

/// Check rule files against their test cases, against clean articles and against each other.
///
/// Every text in `removes` must be removed, every text in `keeps` must be kept, every example must
/// come out exactly as written, every choice in a regex must have a test case, and clean articles
/// in sixteen languages must stay unchanged. Warnings point out rules that can never match, are
/// redundant or are needlessly slow. The exit code is 1 if a check fails, 2 if a file is not a
/// valid rule file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch rules check                      the rules in use
  chaffinch rules check rules/example.yaml   one file
  chaffinch rules check my-rules --mutate    also find faults that no test case detects
  chaffinch rules check my-rules --baseline articles/ --format github")]
pub(crate) struct RulesCheckArgs {
    /// Rule files, and directories of rule files [default: the directories in chaffinch.yaml, or
    /// the built-in rules].
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) files: Vec<PathBuf>,

    /// A directory with more clean articles, which no rule may change. Can be repeated.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) baseline: Vec<PathBuf>,

    /// Change each rule in small ways and report the changes that no test case detects.
    #[arg(long)]
    pub(crate) mutate: bool,

    /// Treat warnings as errors.
    #[arg(long)]
    pub(crate) strict: bool,

    /// Output format.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: CheckFormat,
}

/// Run the examples in rule files and show differences from the expected text.
///
/// The exit code is 1 if there are differences, unless --accept is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch rules test rules/example.yaml
  chaffinch rules test rules/example.yaml --accept")]
pub(crate) struct RulesTestArgs {
    /// Rule files, and directories of rule files [default: the directories in chaffinch.yaml, or
    /// the built-in rules].
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) files: Vec<PathBuf>,

    /// Replace the expected texts with the actual results. The rest of the files stays unchanged.
    #[arg(long)]
    pub(crate) accept: bool,
}

/// Report rules that stopped matching, and outlets where more boilerplate remains than before.
///
/// Compares the last run with the earlier ones, or the months of a single run. The exit code is 1
/// if an outlet drifted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch rules drift cleaned-may cleaned-june
  chaffinch rules drift cleaned                    by the months of its documents
  chaffinch rules drift cleaned-may cleaned-june --propose proposed")]
pub(crate) struct DriftArgs {
    /// The outputs of runs, oldest first.
    #[arg(required = true, value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub(crate) runs: Vec<PathBuf>,

    /// Write updated rule files of the outlets that drifted into this directory. Rules that stopped
    /// matching get `until:`; new rules, learned from the new documents, get `since:`.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) propose: Option<PathBuf>,

    /// With --propose: the first day of the new layout. Required if the documents have no dates.
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) since: Option<String>,

    /// Output format.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: DriftFormat,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Apply the decisions made in a report to rule files.
///
/// An accepted cut becomes a text that its rule must remove. A rejected cut is kept from now on, by
/// an `action: keep` rule in the file of its outlet. If the outlet is unknown, the cut becomes a
/// text that its rule must keep, and you have to narrow the pattern yourself. Each test case is
/// tried before it is written.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  chaffinch report cleaned -o report.html       open it, accept and reject cuts, save review.json
  chaffinch rules apply-review review.json --rules my-rules")]
pub(crate) struct ApplyReviewArgs {
    /// The file that the report saved.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) review: PathBuf,

    /// Show what would change, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Write the rule files of a git revision, with some rules as they are now.
///
/// Use it to review or accept one of several changes by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  chaffinch rules at HEAD --with presstv/breadcrumb -o rules-before
  chaffinch diff corpus --rules-a rules-before --rules-b rules")]
pub(crate) struct RulesAtArgs {
    /// A revision of the git repository, such as HEAD.
    #[arg(value_name = "REV")]
    pub(crate) revision: String,

    /// Take this rule from the work tree; omit it if it no longer exists there. Can be repeated.
    #[arg(long = "with", value_name = "RULE")]
    pub(crate) with: Vec<String>,

    /// Where to write the rule files: a new directory.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: PathBuf,

    /// The directory of rule files [default: the one in chaffinch.yaml, or rules].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) rules: Option<PathBuf>,
}

/// Show the lexicon: the lists of cue words that patterns refer to as `{kind}`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch rules lexicon
  chaffinch rules lexicon read-also
  chaffinch rules lexicon --language sw
  chaffinch rules lexicon newsletter --language de --format json")]
pub(crate) struct LexiconArgs {
    /// Show the entries of this kind, such as share, instead of the list of kinds.
    #[arg(value_name = "KIND")]
    pub(crate) kind: Option<String>,

    /// Show only the entries of this language: an ISO 639 code, or mul for entries that all
    /// languages share.
    #[arg(long, value_name = "CODE")]
    pub(crate) language: Option<String>,

    /// Output format.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: ListFormat,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// The format of a list.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object.
    Json,
}

/// List outlets and rules.
#[derive(Debug, Args)]
pub(crate) struct RulesListArgs {
    /// List only rules whose id or stage contains this text.
    #[arg(value_name = "TEXT")]
    pub(crate) filter: Option<String>,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Train and measure the line model, and make labels for it.
#[derive(Debug, Subcommand)]
pub(crate) enum LinesCommand {
    Train(LinesTrainArgs),
    Eval(LinesEvalArgs),
    Labels(LinesLabelsArgs),
}

/// Train a line model on labelled pages.
///
/// Each row of a file is one page: either `lines`, a list, with `labels`, one letter per line (a
/// for article, b for boilerplate, n for neither, _ for a line without letters and digits), or
/// `text` with `gold_text`, from which the labels are derived. Optional fields: id, source, outlet
/// or url, lang, title, weight. The model is cross-validated by outlet, which also calibrates it.
/// Files may be compressed with gzip.
#[derive(Debug, Args)]
pub(crate) struct LinesTrainArgs {
    /// Labelled pages, as JSON Lines.
    #[arg(required = true, value_name = "LABELLED", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// Write the model to this file.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,

    /// Random seed. The same seed, pages and options give the same model.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Number of passes over the pages.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) epochs: u16,

    /// Number of threads [default: one per core]. The model does not depend on it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
}

/// Measure a line model on labelled pages: F1, share of boilerplate lines removed, share of article
/// lines lost.
///
/// The figures are too optimistic for pages of outlets that the model was trained on.
#[derive(Debug, Args)]
pub(crate) struct LinesEvalArgs {
    /// The model file, or `shipped` for the built-in model.
    #[arg(value_name = "MODEL", value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,

    /// Labelled pages, as JSON Lines in the format of `chaffinch lines train`.
    #[arg(required = true, value_name = "LABELLED", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
}

/// Make labelled pages from the decisions of a report.
///
/// Each page is a document, restored from the run: the lines of accepted cuts are boilerplate, those
/// of rejected cuts article, and all others are left undecided. A decision labels the first place that
/// the report shows of a text.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  chaffinch report cleaned -o report.html              accept and reject in the page, save
  chaffinch lines labels cleaned review.json -o labels.jsonl
  chaffinch lines train labelled.jsonl labels.jsonl -o model.bin")]
pub(crate) struct LinesLabelsArgs {
    /// The output of the run that the report is about.
    #[arg(value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// The file that the report saved.
    #[arg(value_name = "REVIEW", value_hint = ValueHint::FilePath)]
    pub(crate) review: PathBuf,

    /// Write the labelled pages to this file: JSON Lines, as for `chaffinch lines train`.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

/// Start, check and list plugins: stages that are WebAssembly modules.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    New(PluginNewArgs),
    Check(PluginCheckArgs),
    List(PluginListArgs),
}

/// Write the source of a new plugin, and a pipeline file that uses it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch plugin new corrections
  chaffinch plugin new corrections --language c -o plugins/corrections")]
pub(crate) struct PluginNewArgs {
    /// The plugin's name: a-z, 0-9 and `-`.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// The language of the source.
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    pub(crate) language: Language,

    /// The directory to create [default: NAME].
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,
}

/// The language of a new plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rust, with the crate chaffinch-plugin-sdk.
    Rust,
    /// C, with a header and no library.
    C,
}

/// Check that a module meets the stage contract.
///
/// The plugin must not fail, its marks must be valid, the same document must give the same marks
/// whatever came before, and repeated runs must reach a fixed point. Exit code 1 if it does not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch plugin check corrections.wasm --set words=Correction:
  chaffinch plugin check corrections.wasm corpus/*.txt --time")]
pub(crate) struct PluginCheckArgs {
    /// The WebAssembly module.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) module: PathBuf,

    /// Documents to check it on, besides those of the contract.
    #[arg(value_name = "DOCUMENT", value_hint = ValueHint::FilePath)]
    pub(crate) documents: Vec<PathBuf>,

    /// A setting, as in `config` in a pipeline file. Can be repeated; a list is given by repeating
    /// its name.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub(crate) set: Vec<(String, String)>,

    /// Also measure the time that the plugin takes for a document of 3 KB.
    #[arg(long)]
    pub(crate) time: bool,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// List the plugins of the pipeline file: name, module, size, digest and what each finds.
#[derive(Debug, Args)]
pub(crate) struct PluginListArgs {
    /// The pipeline file. By default, chaffinch.yaml is searched for in the working directory and
    /// the directories above it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) pipeline: Option<PathBuf>,
}

/// Generate rule files from samples of outlets, and update them.
#[derive(Debug, Subcommand)]
pub(crate) enum OutletCommand {
    New(OutletNewArgs),
    Update(OutletUpdateArgs),
}

/// Generate a rule file from samples of one outlet.
///
/// Text that repeats across the samples and is not part of a story becomes rules with test cases.
/// Two samples are enough; five or more of different stories are better; at most two hundred are
/// read. Layouts and languages that share no line are learned separately, if the samples come from
/// one site, were selected with --where, or --together is given. The same samples give the same
/// file. Review the file before you use it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch outlet new example pages/example/ -o rules/example.yaml
  chaffinch outlet new example news.jsonl --where outlet=example.com -o rules/example.yaml
  chaffinch clean corpus -o cleaned --rules rules")]
pub(crate) struct OutletNewArgs {
    /// The outlet's name: a-z, 0-9, `-`, `.` and `_`.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// Where to write the rule file [default: standard output]. The JSON Schema of rule files is
    /// written next to it.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) samples: SampleArgs,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Update a rule file with more samples of its outlet.
///
/// Rules that were learned and not edited since may be extended; rules and comments written by hand
/// stay unchanged, byte for byte. Samples that the file was learned from change nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch outlet update rules/example.yaml pages/example/ more-pages/
  chaffinch outlet update rules/example.yaml new-pages/ --since 2026-05-01 -o -")]
pub(crate) struct OutletUpdateArgs {
    /// The rule file.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// Write to this file instead of the rule file; `-` is standard output.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// The first day of a new layout that the samples show. New rules get `since:` with this day.
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) since: Option<String>,

    #[command(flatten)]
    pub(crate) samples: SampleArgs,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// The samples to learn from.
#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// Documents of the outlet: files, directories, JSON Lines.
    #[arg(required = true, value_name = "SAMPLE", value_hint = ValueHint::AnyPath)]
    pub(crate) samples: Vec<PathBuf>,

    /// Use only records whose field has this value.
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    pub(crate) filter: Option<String>,

    /// Treat all samples as those of one outlet, even if they share no line and no host.
    #[arg(long)]
    pub(crate) together: bool,

    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  chaffinch completions bash > ~/.local/share/bash-completion/completions/chaffinch")]
pub(crate) struct CompletionsArgs {
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless the environment variable NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ToFormat {
    /// JSON Lines.
    Jsonl,
    /// Parquet.
    Parquet,
    /// One text file per document.
    Text,
}

/// The name of a container.
fn container() -> impl TypedValueParser<Value = Container> {
    let names = Container::ALL
        .map(|container| PossibleValue::new(container.as_str()).help(container.about()));
    PossibleValuesParser::new(names)
        .try_map(|name| Container::from_name(&name).ok_or("there is no such format"))
}

/// Parses a day, which must exist.
fn day(text: &str) -> Result<String, DayError> {
    calendar::check_day(text).map(|()| text.to_owned())
}

/// Parses a size in bytes, which must not be zero.
fn size(text: &str) -> Result<u64, String> {
    match size::parse(text).map_err(|error| error.to_string())? {
        0 => Err("expected a size above zero, such as 512MiB".to_owned()),
        bytes => Ok(bytes),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Suspect or failed documents.
    Suspect,
    /// Failed documents.
    Failed,
    /// No verdict.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people: findings by file.
    Text,
    /// For programs: one JSON object per finding.
    Json,
    /// For code hosts and editors: SARIF 2.1.0.
    Sarif,
    /// For GitHub: annotations on the lines of a pull request.
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// For people at a terminal.
    Text,
    /// For programs: one JSON object.
    Json,
    /// For pull requests and job summaries.
    Markdown,
    /// For a browser: one HTML file.
    Html,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DriftFormat {
    /// For people.
    Text,
    /// For programs: one JSON object per outlet.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// For people: the document with its cuts struck out and the rules in the margin.
    Text,
    /// For programs: one JSON object per document.
    Json,
}
