//! The command line, as clap reads it. Doc comments are the help.

use std::path::PathBuf;

use chaffinch_core::stage::calendar;
use chaffinch_formats::Container;
use clap::builder::styling::{AnsiColor, Effects, Styles};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

/// Takes the chaff out of scraped news text and keeps every seed.
///
/// Chaffinch cuts what is not the article (tickers, share buttons, breadcrumbs, footers, agency
/// credits) out of text scraped from news sites. Nothing is lost: what it cut stands in a ledger,
/// and `chaffinch restore` gives the originals back byte for byte.
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
  chaffinch clean corpus -o cleaned        clean a directory
  chaffinch explain corpus/page.txt        show what would be cut, and by which rule
  chaffinch restore cleaned -o originals   get the originals back
  chaffinch clean - < page.txt             clean one document, as a filter";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Clean(CleanArgs),
    Explain(ExplainArgs),
    Restore(RestoreArgs),
    Verify(VerifyArgs),
    Rerun(RerunArgs),
    Diff(DiffArgs),
    Report(ReportArgs),
    Pipeline(ShowPipelineArgs),
    #[command(subcommand)]
    Rules(RulesCommand),
    #[command(subcommand)]
    Outlet(OutletCommand),
    #[command(subcommand)]
    Lines(LinesCommand),
    Completions(CompletionsArgs),
    /// Print the manual page, to be read with `man -l -`.
    Man,
}

/// Clean documents: cut the chaff, keep the article, write down what was cut.
#[derive(Debug, Args)]
#[command(after_help = CLEAN_EXAMPLES)]
pub(crate) struct CleanArgs {
    /// Files and directories; `-` reads standard input. The format of a file is
    /// detected from its first bytes, or from its name: JSON Lines, CSV, TSV and WET, plain or
    /// compressed with gzip, zstd or bzip2, and Parquet. Any other file is a document. Hidden files in directories are passed over. A build with the feature `stores`
    /// also takes addresses: s3://bucket/path, gs://bucket/path.
    #[arg(required = true, value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub(crate) inputs: Vec<PathBuf>,

    /// Where to write: a directory that is new, empty or an earlier run's; `-` for standard
    /// output, which standard input goes to by default; or an address, as for INPUT.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,

    /// With an address as OUT: the folder of this machine in which files are made before they go
    /// there, and in which a run that was cut off is found again. By default a folder for each
    /// address among the temporary files.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) work_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) source: SourceArgs,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,

    /// Put documents into another container: rows with id, url, date, text and `chaffinch`, or a
    /// text file each. Without this, each file stays what it is.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to: Option<ToFormat>,

    /// End a file of rows or records after so many bytes, such as 512MiB, and begin another:
    /// NAME-00000, NAME-00001, and so on.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) shard_bytes: Option<u64>,

    /// Clean only documents whose name matches this glob. Can be repeated.
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,

    /// Leave out documents whose name matches this glob. Can be repeated.
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,

    /// Clean only so many documents, spread over the input; the same ones each time.
    #[arg(long, value_name = "N")]
    pub(crate) sample: Option<usize>,

    /// Threads to use; all cores by default. The output does not depend on it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,

    /// With `-o -`: write the ledger to this file.
    #[arg(long, value_name = "FILE", conflicts_with = "no_ledger")]
    pub(crate) ledger: Option<PathBuf>,

    /// With `-o -`: write no ledger. What is cut is lost.
    #[arg(long)]
    pub(crate) no_ledger: bool,

    /// Restore each document right after it was cut and compare it with the original.
    #[arg(long)]
    pub(crate) verify: bool,

    /// Go on with the unfinished run in OUT, or refuse. Without this, a run goes on where OUT holds
    /// an unfinished run of the same inputs, options and rules, and else begins anew.
    #[arg(long, conflicts_with = "fresh")]
    pub(crate) resume: bool,

    /// Begin anew, whatever OUT holds of an unfinished run.
    #[arg(long)]
    pub(crate) fresh: bool,

    /// Write nothing; only count.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Which verdicts make the exit code 1.
    #[arg(long, value_name = "VERDICT", default_value = "failed")]
    pub(crate) fail_on: FailOn,

    /// Print errors alone.
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
  OUT/.chaffinch/run.json         what the run added up to, by verdict, stage, rule and outlet
  OUT/.chaffinch/ledger/          what was cut from each document
  OUT/.chaffinch/rules.jsonl.zst  its rules with their digests, by which runs are compared
  OUT/.chaffinch/fields.jsonl     title, date, place, section, agency, tags: what the chaff told
  OUT/.chaffinch/problems.jsonl   documents that failed or are suspect, and why

Exit codes:
  0    finished (suspect documents are listed)
  1    finished; some documents failed and passed through as they were (see --fail-on)
  2    usage, pipeline or rules are wrong; nothing was done
  3    stopped part-way, such as by a full disk; the same command goes on
  130  interrupted; the same command goes on";

/// Where documents come from.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// What the inputs are, if not what their first bytes and names say.
    #[arg(long, value_name = "FORMAT", value_parser = container())]
    pub(crate) from: Option<Container>,

    /// The field of a record that holds the text [default: text, content or body].
    #[arg(long, value_name = "NAME")]
    pub(crate) text_field: Option<String>,

    /// The field of a record that holds its id.
    #[arg(long, value_name = "NAME", default_value = "id")]
    pub(crate) id_field: String,

    /// The field of a record that holds its URL.
    #[arg(long, value_name = "NAME", default_value = "url")]
    pub(crate) url_field: String,

    /// The field of a record that holds its day: rules may hold in one layout of an outlet alone.
    #[arg(long, value_name = "NAME", default_value = "date")]
    pub(crate) date_field: String,
}

/// Print the pipeline that would run: the stages, in order, and the limits.
///
/// It is read from --pipeline, else from chaffinch.yaml in the working directory or above it, else
/// it is the built-in one.
#[derive(Debug, Args)]
pub(crate) struct ShowPipelineArgs {
    /// Print the JSON Schema of pipeline files instead, for editors.
    #[arg(long)]
    pub(crate) schema: bool,

    #[command(flatten)]
    pub(crate) pipeline: PipelineArgs,
}

/// Which rules and stages run.
#[derive(Clone, Debug, Args)]
pub(crate) struct PipelineArgs {
    /// Read the pipeline from this file, not from chaffinch.yaml found upward from here.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) pipeline: Option<PathBuf>,

    /// Take outlet rules from this directory, not those that ship; an empty one leaves the generic
    /// rules alone. Can be repeated.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) rules: Vec<PathBuf>,

    /// Take every document to be of this outlet (see `chaffinch rules list`).
    #[arg(long, value_name = "NAME")]
    pub(crate) outlet: Option<String>,

    /// Take documents to be in this encoding, such as windows-1256, unless a byte order mark says
    /// otherwise. By default it is detected.
    #[arg(long, value_name = "NAME")]
    pub(crate) encoding: Option<String>,

    /// Run this stage alone. Can be repeated.
    #[arg(long, value_name = "STAGE")]
    pub(crate) only: Vec<String>,

    /// Leave this stage out, or this rule, such as generic/share-buttons/share (in all languages) or
    /// generic/share-buttons/share/en. Can be repeated.
    #[arg(long, value_name = "STAGE|RULE")]
    pub(crate) skip: Vec<String>,

    /// How much of what no rule describes the line model removes. By default as the pipeline says.
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Option<Level>,

    /// Judge lines with this model (see `chaffinch lines train`), not with the one that ships.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) model: Option<PathBuf>,
}

/// How much the line model removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// Nothing.
    Off,
    /// Lines that are almost certainly boilerplate.
    Careful,
    /// More lines, and about two in a hundred of the article's.
    Balanced,
    /// All lines that are more likely boilerplate than article.
    Full,
}

/// Show what would be cut from documents, and by which rule.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch explain corpus/page.txt
  chaffinch explain --format json corpus/*.txt | jq .edits
  chaffinch explain --why-not corpus/page.txt:12
  chaffinch explain - < page.txt")]
pub(crate) struct ExplainArgs {
    /// Files; `-` reads standard input.
    #[arg(required_unless_present = "why_not", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// Show why a line stayed: which rules came near it, and what stopped them. In JSON Lines,
    /// FILE:ROW:LINE.
    #[arg(long, value_name = "DOC:LINE", conflicts_with = "files")]
    pub(crate) why_not: Option<String>,

    /// How to show it: for people, or one JSON object a document.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ExplainFormat,

    #[command(flatten)]
    pub(crate) source: SourceArgs,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Get the originals back from a run's output, each verified by its digest.
#[derive(Debug, Args)]
#[command(after_help = "\
A cleaned file that was changed and a ledger that is damaged are named; all else is restored, and
the exit code is 1.

Example:
  chaffinch restore cleaned -o originals")]
pub(crate) struct RestoreArgs {
    /// The output of a run.
    #[arg(value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// Where to write the originals: a new or empty directory.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: PathBuf,
}

/// Check that a run's output and ledger give back every original, without writing it.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The output of a run.
    #[arg(value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,
}

/// Run a finished run once more with other rules, from its output alone: the input is not needed.
///
/// What a rule cut comes back out of the ledger, and only the documents that the change can touch
/// are cleaned again. The result is that of a full run, byte for byte. Give the rules that the run
/// had, changed where they are to be others; without -o, the new output takes the place of the old.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch rerun cleaned --skip generic/related/list       undo one rule
  chaffinch rerun cleaned --rules my-rules -o cleaned-new   with a changed rule file

Documents that were converted (--to) or drawn (--sample) are cleaned anew from their input.")]
pub(crate) struct RerunArgs {
    /// The output of a finished run.
    #[arg(value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// Where to write, leaving OUT as it is.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,

    /// Print errors alone.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Show what changed between two runs, grouped by the rules that caused it.
///
/// Give the outputs of two runs over the same documents; or documents, with two directories of
/// rules or with a revision, whose rules are compared with those of the work tree. What touches an
/// article comes first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch diff cleaned-before cleaned-after
  chaffinch diff corpus --rules-a rules --rules-b rules-new
  chaffinch diff --git HEAD                     the rules of the work tree, over corpus/
  chaffinch diff --git main pages --format markdown")]
pub(crate) struct DiffArgs {
    /// The outputs of two runs; with --git, --rules-a or --rules-b, documents [default: corpus].
    #[arg(value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,

    /// Clean the documents with the outlet rules of this directory first, for comparison. Without
    /// it, those in force are taken.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "git")]
    pub(crate) rules_a: Option<PathBuf>,

    /// Then clean them with the outlet rules of this directory.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "git")]
    pub(crate) rules_b: Option<PathBuf>,

    /// Compare the rules, and the pipeline file, at this revision with those of the work tree.
    #[arg(long, value_name = "REV")]
    pub(crate) git: Option<String>,

    /// Clean only so many of the documents, spread over them; the same ones each time.
    #[arg(long, value_name = "N")]
    pub(crate) sample: Option<usize>,

    /// How to tell it.
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

/// Write a page to look at a run with: one HTML file that needs no network.
///
/// By rule, with the texts that each cut most often and most rarely, and documents with their cuts
/// struck through. What you accept and reject in it is saved as a file for `chaffinch rules
/// apply-review`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch report cleaned -o report.html
  chaffinch report cleaned-before --compare cleaned-after -o changes.html")]
pub(crate) struct ReportArgs {
    /// The output of a run.
    #[arg(value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) run: PathBuf,

    /// The page to write; `-` is standard output.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,

    /// Show what this later run over the same documents does otherwise, instead.
    #[arg(long, value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) compare: Option<PathBuf>,
}

/// Look at rules, and hold them to what they promise.
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
    /// Print the JSON Schema of rule files, for editors.
    Schema,
}

/// Show one rule: its pattern, where it acts, its cases, what it did in the last run.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  chaffinch rules show presstv/breadcrumb")]
pub(crate) struct RulesShowArgs {
    /// The rule's id, such as generic/share-buttons/share/en.
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// Tell what the rule did in this run; by default the latest whose output lies in the working
    /// directory.
    #[arg(long, value_name = "OUT", value_hint = ValueHint::DirPath)]
    pub(crate) run: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Try a pattern on documents before it stands in a file: what it would cut, line by line.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch rules try 'News / .+' corpus/seeds --where head
  chaffinch rules try '—Agencies' corpus/seeds --as end")]
pub(crate) struct RulesTryArgs {
    /// A regex, as a rule file has it.
    #[arg(value_name = "PATTERN")]
    pub(crate) pattern: String,

    /// Documents to try it on: files, directories, JSON Lines.
    #[arg(required = true, value_name = "DOC", value_hint = ValueHint::AnyPath)]
    pub(crate) documents: Vec<PathBuf>,

    /// What part of a line the pattern is for: line, start, end, inside or text.
    #[arg(long = "as", value_name = "KIND", default_value = "line")]
    #[arg(value_parser = ["line", "start", "end", "inside", "text"])]
    pub(crate) kind: String,

    /// Where it may act.
    #[arg(long = "where", value_name = "PLACE", default_value = "anywhere")]
    #[arg(value_parser = ["head", "tail", "edges", "opening", "closing", "body", "anywhere"])]
    pub(crate) place: String,

    /// The stage that would judge it.
    #[arg(long, value_name = "STAGE", default_value = "site-footer")]
    pub(crate) stage: String,
}

/// Hold rule files to their proof: every text that must go goes, every text that must stay stays,
/// every example comes out exactly, every choice of a regex has its case, and clean articles in
/// sixteen languages are left alone.
///
/// It warns of rules that can never fire, that others make needless, or that cost more than they
/// must. The exit code is 1 if something fails, 2 if a file cannot be read as rules.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch rules check                      the rules in force
  chaffinch rules check rules/example.yaml   one file
  chaffinch rules check my-rules --mutate    what would no case notice?
  chaffinch rules check my-rules --baseline articles/ --format github")]
pub(crate) struct RulesCheckArgs {
    /// Rule files, and directories of them; by default those of chaffinch.yaml, else those that
    /// ship.
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) files: Vec<PathBuf>,

    /// More articles that are clean already. Can be repeated.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) baseline: Vec<PathBuf>,

    /// Damage each rule on purpose, in turn, and report the damage that no case notices.
    #[arg(long)]
    pub(crate) mutate: bool,

    /// Warnings count as errors.
    #[arg(long)]
    pub(crate) strict: bool,

    /// How to tell it.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: CheckFormat,
}

/// Run the examples of rule files and show what comes out otherwise than they say.
///
/// The exit code is 1 if something does, unless --accept takes it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch rules test rules/example.yaml
  chaffinch rules test rules/example.yaml --accept")]
pub(crate) struct RulesTestArgs {
    /// Rule files, and directories of them; by default those of chaffinch.yaml, else those that
    /// ship.
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) files: Vec<PathBuf>,

    /// Rewrite the expected texts to what comes out. All else in the files stays as it is.
    #[arg(long)]
    pub(crate) accept: bool,
}

/// Tell which rules stopped firing, and of which outlets more is left than before.
///
/// Compares the last run with those before it, or the months of one run. The exit code is 1 if an
/// outlet drifted.
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

    /// Write the rule files of outlets that drifted into this directory, with rules learned from
    /// the new documents (`since:`), and the rules that stopped ended (`until:`).
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) propose: Option<PathBuf>,

    /// With --propose: the day from which on the new layout holds, where documents do not tell.
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) since: Option<String>,

    /// How to tell it: for people, or one JSON object an outlet.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: DriftFormat,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Turn what was accepted and rejected in a report into rule files.
///
/// An accepted cut becomes a text that its rule must remove. A rejected one stays from now on: an
/// `action: keep` rule in the file of its outlet says so; where the outlet is not known, it becomes
/// a text that the rule must keep, and its pattern is yours to narrow. Each case is tried before it
/// is written.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  chaffinch report cleaned -o report.html              accept and reject in the page, save
  chaffinch rules apply-review review.json --rules my-rules")]
pub(crate) struct ApplyReviewArgs {
    /// The file that the report saved.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) review: PathBuf,

    /// Tell what would be done, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Write the rule files of a revision, with some rules as they are now.
///
/// So that one change of several can be looked at, or accepted, by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  chaffinch rules at HEAD --with presstv/breadcrumb -o rules-before
  chaffinch diff corpus --rules-a rules-before --rules-b rules")]
pub(crate) struct RulesAtArgs {
    /// A revision of the git repository, such as HEAD.
    #[arg(value_name = "REV")]
    pub(crate) revision: String,

    /// Take this rule as it is in the work tree; leave it out if it is there no more. Can be
    /// repeated.
    #[arg(long = "with", value_name = "RULE")]
    pub(crate) with: Vec<String>,

    /// Where to write the rule files: a new directory.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: PathBuf,

    /// The directory of rule files [default: that of chaffinch.yaml, else rules].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) rules: Option<PathBuf>,
}

/// Show the lexicon: the lists of cue words that patterns use as `{kind}`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch rules lexicon
  chaffinch rules lexicon read-also
  chaffinch rules lexicon --language sw
  chaffinch rules lexicon newsletter --language de --format json")]
pub(crate) struct LexiconArgs {
    /// Show the entries of this kind, such as share, and not the list of kinds.
    #[arg(value_name = "KIND")]
    pub(crate) kind: Option<String>,

    /// Show the entries of this language alone: an ISO 639 code, or mul for what all share.
    #[arg(long, value_name = "CODE")]
    pub(crate) language: Option<String>,

    /// The format of the output.
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
    /// An object, for programs.
    Json,
}

/// List outlets and rules.
#[derive(Debug, Args)]
pub(crate) struct RulesListArgs {
    /// List only rules whose id or stage holds this text.
    #[arg(value_name = "TEXT")]
    pub(crate) filter: Option<String>,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Train the model that judges every line, measure it, and make labels for it.
#[derive(Debug, Subcommand)]
pub(crate) enum LinesCommand {
    Train(LinesTrainArgs),
    Eval(LinesEvalArgs),
    Labels(LinesLabelsArgs),
}

/// Train a line model on labelled pages.
///
/// Each row of a file is one page: `lines`, a list, with `labels`, one letter for each line (a
/// article, b boilerplate, n neither, _ no letter or digit), or `text` with `gold_text`, from which
/// labels are made. Optional: id, source, outlet or url, lang, title, weight. The model is
/// cross-validated by outlet, which calibrates it. Files may be compressed with gzip.
#[derive(Debug, Args)]
pub(crate) struct LinesTrainArgs {
    /// JSON Lines.
    #[arg(required = true, value_name = "LABELLED", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// Write the model to this file.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,

    /// The same seed, pages and options give the same model.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Passes over the pages.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) epochs: u16,

    /// Threads to use; all cores by default. The model does not depend on it.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
}

/// Measure a line model on labelled pages: F1, boilerplate removed and article lines lost.
///
/// Pages of outlets that the model was trained on flatter it.
#[derive(Debug, Args)]
pub(crate) struct LinesEvalArgs {
    /// The model; `shipped` for the one that ships.
    #[arg(value_name = "MODEL", value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,

    /// JSON Lines, as for `chaffinch lines train`.
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

/// Make rule files from samples of outlets, and keep them up to date.
#[derive(Debug, Subcommand)]
pub(crate) enum OutletCommand {
    New(OutletNewArgs),
    Update(OutletUpdateArgs),
}

/// Propose a rule file from samples of one outlet.
///
/// What repeats across the samples and belongs to no story becomes rules, each with its proof. Two
/// samples do; five or more of different stories do well; two hundred at most are read. Layouts and
/// languages that share no line are learned each on its own, if the samples are of one site, were
/// chosen with --where, or --together is given. The same samples give the same file. Read it before
/// you trust it.
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

    /// Where to write the rule file; standard output by default. The schema that editors complete
    /// it with is put beside it.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) samples: SampleArgs,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// Bring a rule file up to date with more samples of its outlet.
///
/// Rules that were learned and not edited since may grow; rules and comments written by hand stay
/// as they are, to the byte. The same samples change nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chaffinch outlet update rules/example.yaml pages/example/ more-pages/
  chaffinch outlet update rules/example.yaml new-pages/ --since 2026-05-01 -o -")]
pub(crate) struct OutletUpdateArgs {
    /// The rule file.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// Write here, not into the rule file; `-` for standard output.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// The samples show a new layout: new rules hold from this day on.
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) since: Option<String>,

    #[command(flatten)]
    pub(crate) samples: SampleArgs,

    #[command(flatten)]
    pub(crate) rules: PipelineArgs,
}

/// What to learn from.
#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// Documents of the outlet: files, directories, JSON Lines.
    #[arg(required = true, value_name = "SAMPLE", value_hint = ValueHint::AnyPath)]
    pub(crate) samples: Vec<PathBuf>,

    /// Of records, take only those whose field has this value.
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    pub(crate) filter: Option<String>,

    /// Take all samples as those of one outlet, even if they share no line and no host.
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
    /// On a terminal, unless NO_COLOR is set.
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
    /// A file for each document.
    Text,
}

/// The name of a container.
fn container() -> impl TypedValueParser<Value = Container> {
    let names = Container::ALL
        .map(|container| PossibleValue::new(container.as_str()).help(container.about()));
    PossibleValuesParser::new(names)
        .try_map(|name| Container::from_name(&name).ok_or("there is no such format"))
}

/// A day that exists.
fn day(text: &str) -> Result<String, String> {
    match calendar::is_day(text) {
        true => Ok(text.to_owned()),
        false => Err("expected a day such as 2024-05-31".to_owned()),
    }
}

/// A size in bytes, with a unit or without one.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        other => return Err(format!("unknown unit \"{other}\"; give KiB, MiB, GiB, KB, MB or GB")),
    };
    let number: u64 =
        digits.trim().parse().map_err(|_| "give a size, such as 512MiB".to_owned())?;
    match number.checked_mul(unit) {
        Some(bytes) if bytes > 0 => Ok(bytes),
        _ => Err("give a size above nothing, such as 512MiB".to_owned()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Suspect or failed documents.
    Suspect,
    /// Failed documents.
    Failed,
    /// Neither.
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people: findings by file.
    Text,
    /// For programs: one JSON object a finding.
    Json,
    /// For code hosts and editors: SARIF 2.1.0.
    Sarif,
    /// Annotations on the lines of a pull request.
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// For people at a terminal.
    Text,
    /// For programs.
    Json,
    /// For pull requests and job summaries.
    Markdown,
    /// A page for a browser, in one file.
    Html,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DriftFormat {
    /// For people.
    Text,
    /// For programs: one JSON object an outlet.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// For people: the document, cuts struck out, rules in the margin.
    Text,
    /// For programs: one JSON object a document.
    Json,
}
