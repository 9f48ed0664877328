//! `chaffinch outlet new` and `outlet update`: generate and update rule files from samples.

use std::path::{Path, PathBuf};

use chaffinch_core::rules::{NAME, RESERVED, is_name};
use chaffinch_formats::Document;
use chaffinch_learn::{Sample, Samples, UpdateError};
use chaffinch_report::visible;

use crate::args::{OutletNewArgs, OutletUpdateArgs, SampleArgs};
use crate::failure::{Failure, with_cause};
use crate::{print, read_yaml, setup, write_whole};

/// The most samples that are read. More take time and add little.
const MOST: usize = 200;

/// The schema that rule files name in their first line.
const SCHEMA: &str = "rule-file.schema.json";

pub(crate) fn new(args: &OutletNewArgs) -> Result<u8, Failure> {
    if !is_name(&args.name) {
        return Err(Failure::Usage(format!("\"{}\": {NAME}", args.name)));
    }
    if RESERVED.contains(&args.name.as_str()) {
        let message = "begins the ids of built-in rules; choose another name";
        return Err(Failure::Usage(format!("\"{}\" {message}", args.name)));
    }
    if let Some(path) = args.output.as_ref().filter(|path| path.exists()) {
        let message = format!(
            "{} already exists; update it with `chaffinch outlet update`, or give another file with -o",
            path.display()
        );
        return Err(Failure::Usage(message));
    }
    let samples = samples(&args.samples)?;
    let pipeline = setup::pipeline(&args.rules)?;
    let learned = chaffinch_learn::learn(&args.name, of_outlet(&samples, &args.samples), &pipeline)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    match &args.output {
        None => print(learned.yaml.as_bytes()).map(drop)?,
        Some(path) => {
            write_whole(path, learned.yaml.as_bytes())?;
            write_schema(path)?;
        }
    }
    let (rules, stories, count) = (learned.rules, learned.stories, samples.len());
    let rules = chaffinch_core::message::counted(rules as u64, "rule");
    message!("{rules} from {stories} stories in {count} documents");
    say(&learned.notes);
    Ok(0)
}

pub(crate) fn update(args: &OutletUpdateArgs) -> Result<u8, Failure> {
    let shown = args.file.display().to_string();
    let text = read_yaml(&args.file)?;
    let samples = samples(&args.samples)?;
    let pipeline = setup::pipeline(&args.rules)?;
    let updated = chaffinch_learn::update(
        &shown,
        &text,
        of_outlet(&samples, &args.samples),
        args.since.as_deref(),
        &pipeline,
    )
    .map_err(|error| match error {
        UpdateError::Problems(problems) => Failure::Problems(problems),
        error => Failure::Usage(error.to_string()),
    })?;
    match &args.output {
        Some(path) if path.as_os_str() == "-" => print(updated.yaml.as_bytes()).map(drop)?,
        Some(path) => write_whole(path, updated.yaml.as_bytes())?,
        None if updated.changes.is_empty() => {}
        None => write_whole(&args.file, updated.yaml.as_bytes())?,
    }
    match updated.changes.len() {
        0 => {
            message!("nothing new in {} documents; {} is unchanged", samples.len(), visible(&shown))
        }
        _ => updated.changes.iter().for_each(|change| message!("{}", visible(change))),
    }
    say(&updated.notes);
    Ok(0)
}

fn say(notes: &[String]) {
    notes.iter().for_each(|note| message!("note: {}", visible(note)));
}

/// The samples, marked as those of one outlet if the user requested it.
fn of_outlet<'a>(samples: &'a [Sample], args: &SampleArgs) -> Samples<'a> {
    Samples { all: samples, one_outlet: args.together || args.filter.is_some() }
}

/// Whether a document is a file. The name of a record ends with its number, and not with the name of
/// its file.
fn is_file(document: &Document) -> bool {
    let name = document.path.as_deref().and_then(|path| path.file_name()?.to_str());
    name.is_some_and(|name| document.name.ends_with(name))
}

/// Reads the samples, and reports inputs that were skipped.
fn samples(args: &SampleArgs) -> Result<Vec<Sample>, Failure> {
    let wanted = match &args.filter {
        None => None,
        Some(filter) => Some(filter.split_once('=').ok_or_else(|| {
            Failure::Usage(format!(
                "--where {filter}: expected FIELD=VALUE, such as outlet=example.com"
            ))
        })?),
    };
    let (container, names) = setup::source(&args.source);
    // Nothing has been written yet, so every error is a usage error.
    let read = chaffinch_formats::documents(&args.samples, container, &names, wanted, MOST)
        .map_err(|error| Failure::Usage(with_cause(&error)))?;
    let file = read.documents.iter().find(|document| is_file(document));
    if let (Some(filter), Some(file)) = (&args.filter, file) {
        let help = "give files of records, such as JSON Lines, or omit --where";
        let message = format!("--where {filter}: {} has no fields; {help}", visible(&file.name));
        return Err(Failure::Usage(message));
    }
    let reasons: Vec<String> =
        read.passed_over.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
    if read.documents.is_empty() {
        let message = match reasons.split_first() {
            None => "no samples to learn from: no documents were found".to_owned(),
            Some((first, rest)) => {
                let more = if rest.is_empty() {
                    String::new()
                } else {
                    format!(" (and {} more)", rest.len())
                };
                format!("no samples to learn from: {first}{more}")
            }
        };
        return Err(Failure::Usage(message));
    }
    reasons.iter().for_each(|reason| message!("skipped: {}", visible(reason)));
    if read.more {
        message!("note: only the first {MOST} documents were read; more would add little");
    }
    let sample = |document: Document| Sample {
        name: document.name,
        text: document.text,
        url: document.url,
        path: document.path,
        date: document.date,
    };
    Ok(read.documents.into_iter().map(sample).collect())
}

/// Writes the schema next to a new rule file, where editors look for it, unless it exists.
fn write_schema(file: &Path) -> Result<(), Failure> {
    let schema: PathBuf = file.with_file_name(SCHEMA);
    match schema.exists() {
        true => Ok(()),
        false => {
            let text = format!("{:#}\n", chaffinch_core::Schemas::built_in().rule_file);
            write_whole(&schema, text.as_bytes())
        }
    }
}
