//! Prints a digest of everything that cleaning a corpus produces in memory: the edits with their
//! rules and confidences, the fields, the verdicts and the outlets. Two builds with the same digest
//! clean the corpus in the same way, which is what a change for speed must not alter.
//!
//!     edits IN.jsonl [--field NAME] [--level LEVEL] [--rules DIR] [--pipeline FILE] [--cache DIR]
//!         [--each] [--again]
//!
//! `--each` prints a digest per document first, so that two outputs can be compared with `diff`.
//!
//! With `--again`, the documents are cleaned once more after everything is unpacked, in
//! [`clean_again`]. `valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*clean_again*'`
//! counts the instructions of this pass; `run.py --instructions` uses it.

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;

use chaffinch_core::stage::Setting;
use chaffinch_core::{Cleaned, Pipeline};
use sonic_rs::{JsonValueTrait, Value};

const USAGE: &str = "edits IN.jsonl [--field NAME] [--level LEVEL] [--rules DIR] \
    [--pipeline FILE] [--cache DIR] [--each] [--again]";

/// A text and the URL that identifies its outlet.
type Document = (String, Option<String>);

fn main() -> Result<(), Box<dyn Error>> {
    let (mut input, mut field) = (None, "text".to_owned());
    let (mut each, mut again, mut level) = (false, false, None);
    let mut builder = Pipeline::builder();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match argument.as_str() {
            "--field" => field = value()?,
            "--level" => level = Some(value()?),
            "--rules" => builder = builder.rules(value()?),
            "--pipeline" => {
                let file = value()?;
                let text = std::fs::read_to_string(&file)?;
                builder = builder.config(&file, &text, Path::new("")).map_err(joined)?;
            }
            "--cache" => builder = builder.cache(value()?.into()),
            "--each" => each = true,
            "--again" => again = true,
            _ if input.is_none() => input = Some(argument),
            _ => return Err(USAGE.into()),
        }
    }
    // A pipeline file would replace it.
    if let Some(level) = level {
        builder = builder.stage_setting("lines", "level", Setting::Text(level));
    }
    let documents = read(&input.ok_or(USAGE)?, &field)?;
    let pipeline = builder.build().map_err(joined)?;

    let (mut total, mut text) = (START, String::new());
    let (mut edits, mut removed) = (0, 0);
    let mut out = std::io::stdout().lock();
    for (number, document) in documents.iter().enumerate() {
        let cleaned = clean(&pipeline, document);
        text.clear();
        describe(&pipeline, &cleaned, &mut text)?;
        total = digest(total, text.as_bytes());
        edits += cleaned.edits().len();
        removed += cleaned.bytes_removed();
        if each {
            writeln!(out, "{number} {:016x}", digest(START, text.as_bytes()))?;
        }
    }
    if again {
        // In a thread of its own, which remembers no lines of the pass before.
        std::thread::scope(|scope| scope.spawn(|| clean_again(&pipeline, &documents)).join())
            .map_err(|_| "cleaning panicked")?;
    }
    let bytes: usize = documents.iter().map(|(text, _)| text.len()).sum();
    let count = documents.len();
    writeln!(
        out,
        "{total:016x} {count} documents, {bytes} bytes, {edits} edits, {removed} bytes removed"
    )?;
    Ok(())
}

fn read(path: &str, field: &str) -> Result<Vec<Document>, Box<dyn Error>> {
    let mut documents = Vec::new();
    for row in std::fs::read_to_string(path)?.lines() {
        let row: Value = sonic_rs::from_str(row)?;
        let text = |name: &str| row.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let body = text(field).ok_or_else(|| format!("a row has no field {field:?}"))?;
        documents.push((body, text("url")));
    }
    Ok(documents)
}

fn clean<'a>(pipeline: &Pipeline, (text, url): &'a Document) -> Cleaned<'a> {
    pipeline.clean_text(text, url.as_deref())
}

/// Cleans the documents once more. Not inlined, so that a profiler can count it alone.
#[inline(never)]
fn clean_again(pipeline: &Pipeline, documents: &[Document]) {
    for document in documents {
        black_box(clean(pipeline, document).bytes_removed());
    }
}

/// Writes the result of a document as text.
fn describe(pipeline: &Pipeline, cleaned: &Cleaned<'_>, out: &mut String) -> std::fmt::Result {
    writeln!(out, "{} {:?} {:?}", cleaned.verdict(), cleaned.reason(), cleaned.outlet())?;
    writeln!(out, "{:?} {}", cleaned.refused(), cleaned.tail_lines())?;
    for edit in cleaned.edits() {
        let (span, rule) = (edit.span.range(), &pipeline.rule(edit.rule).id);
        writeln!(out, "{span:?} {rule} {:?} {:?}", edit.with, edit.confidence)?;
    }
    for (name, values) in cleaned.fields().iter() {
        writeln!(out, "{name} {values:?}")?;
    }
    Ok(())
}

/// The digest of no bytes (FNV-1a).
const START: u64 = 0xcbf2_9ce4_8422_2325;

fn digest(start: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(start, |digest, byte| (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn joined(problems: Vec<chaffinch_core::rules::Problem>) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}
