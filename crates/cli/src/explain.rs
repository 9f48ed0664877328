//! `chaffinch explain`: a document with what would be cut, and by which rule.

use std::fmt::Write;
use std::io::Read;
use std::path::Path;

use anstyle::{AnsiColor, Effects, Style};
use chaffinch_core::{Cleaned, Input, Pipeline};
use chaffinch_formats::{Container, Names, jsonl};
use chaffinch_report::{Annotated, Fate, annotated, visible};
use serde_json::json;

use crate::args::{ExplainArgs, ExplainFormat};
use crate::failure::Failure;
use crate::{print, setup};

pub(crate) fn run(args: &ExplainArgs) -> Result<u8, Failure> {
    let (container, names) = setup::source(&args.source);
    let pipeline = setup::pipeline(&args.rules)?;
    let mut code = 0;
    for file in &args.files {
        let bytes = read(file)?;
        let shown = file.display().to_string();
        match container.unwrap_or_else(|| Container::of(file)) {
            Container::Text => {
                let path = file.to_str();
                let cleaned =
                    pipeline.clean_input(&Input { bytes: &bytes, path, ..Input::default() });
                show(&pipeline, &cleaned, &shown, args)?;
            }
            Container::Jsonl => code |= rows(&pipeline, &bytes, &shown, &names, args)?,
        }
    }
    Ok(code)
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().read_to_end(&mut bytes).map(drop),
        false => std::fs::read(file).map(|read| bytes = read),
    };
    read.map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
    Ok(bytes)
}

fn rows(
    pipeline: &Pipeline,
    bytes: &[u8],
    file: &str,
    names: &Names,
    args: &ExplainArgs,
) -> Result<u8, Failure> {
    let mut code = 0;
    for (index, row) in bytes.split(|&b| b == b'\n').enumerate() {
        if row.trim_ascii().is_empty() {
            continue;
        }
        let shown = format!("{file}:{}", index + 1);
        match jsonl::Row::parse(row, names) {
            Ok(parsed) => {
                let (url, date) = (parsed.url.as_deref(), parsed.date.as_deref());
                let input = Input { url, date, ..Input::default() };
                let cleaned = pipeline.clean_record(&input, &parsed.text);
                show(pipeline, &cleaned, &shown, args)?;
            }
            Err(error) => {
                anstream::eprintln!("{}: {}", visible(&shown), visible(&error.to_string()));
                code = 1;
            }
        }
    }
    Ok(code)
}

fn show(
    pipeline: &Pipeline,
    cleaned: &Cleaned<'_>,
    name: &str,
    args: &ExplainArgs,
) -> Result<(), Failure> {
    let text = match args.format {
        ExplainFormat::Text => for_people(pipeline, cleaned, name),
        ExplainFormat::Json => for_programs(pipeline, cleaned, name),
    };
    print(text.as_bytes()).map(drop)
}

fn for_people(pipeline: &Pipeline, cleaned: &Cleaned<'_>, name: &str) -> String {
    let bold = Style::new().bold();
    let mut text = format!("{bold}{}{bold:#}: {}", visible(name), cleaned.verdict());
    if let Some((outlet, how)) = cleaned.outlet() {
        let _ = write!(text, ", outlet {outlet} (by {})", how.as_str());
    }
    if cleaned.coding().encoding != "UTF-8" {
        let _ = write!(text, ", {}", cleaned.coding().encoding);
    }
    if let Some(reason) = cleaned.reason() {
        let _ = write!(text, "\n{}", visible(reason));
    }
    text.push_str("\n\n");
    let document = annotated(pipeline, cleaned);
    rows_for_people(&document, pipeline, &mut text);
    for (name, values) in cleaned.fields().iter() {
        for value in values {
            let _ = write!(text, "\n{bold}{}{bold:#}: {}", visible(name), visible(value));
        }
    }
    if !cleaned.fields().to_json().is_empty() {
        text.push('\n');
    }
    text.push('\n');
    text
}

/// Colours that tell neighbouring stages apart.
const COLORS: [AnsiColor; 6] = [
    AnsiColor::Red,
    AnsiColor::Magenta,
    AnsiColor::Yellow,
    AnsiColor::Cyan,
    AnsiColor::Blue,
    AnsiColor::Green,
];

fn rows_for_people(document: &Annotated, pipeline: &Pipeline, text: &mut String) {
    let color = |stage: &str| {
        let place = pipeline.stages().position(|name| name == stage).unwrap_or(0);
        COLORS[place % COLORS.len()].on_default()
    };
    for row in document.rows() {
        let style = color(&row.stage);
        let cut = style.effects(Effects::STRIKETHROUGH);
        let put = style.effects(Effects::UNDERLINE);
        let sign = if row.gone { '-' } else { ' ' };
        let _ =
            write!(text, "{style}{:>width$}{style:#} {sign} ", row.rule, width = document.margin());
        for part in &row.parts {
            let brackets = if row.gone { ("", "") } else { ("⟦", "⟧") };
            let _ = match part.fate {
                Fate::Stays => write!(text, "{}", part.text),
                Fate::Cut => {
                    let (open, close) = brackets;
                    write!(text, "{open}{cut}{}{cut:#}{close}", part.text)
                }
                Fate::Put => write!(text, "{put}{}{put:#}", part.text),
            };
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
}

/// The line, from 1, of the first thing to be seen of a cut: the line end above may go with it.
pub(crate) fn line_of(source: &str, edit: &chaffinch_core::Edit) -> usize {
    let cut = &source[edit.span.range()];
    let seen = edit.span.end() - cut.trim_start().len();
    source[..seen].bytes().filter(|&b| b == b'\n').count() + 1
}

fn for_programs(pipeline: &Pipeline, cleaned: &Cleaned<'_>, name: &str) -> String {
    let rules = pipeline.rules().rules();
    let source = cleaned.source();
    let edits: Vec<_> = cleaned
        .edits()
        .iter()
        .map(|edit| {
            let rule = &rules[edit.rule.0 as usize];
            json!({
                "start": edit.span.start(),
                "end": edit.span.end(),
                "line": line_of(source, edit),
                "rule": rule.id,
                "stage": rule.stage,
                "text": &source[edit.span.range()],
                "with": edit.with,
            })
        })
        .collect();
    let document = json!({
        "file": name,
        "outlet": cleaned.outlet().map(|(outlet, _)| outlet),
        "recognised_by": cleaned.outlet().map(|(_, how)| how.as_str()),
        "encoding": cleaned.coding().encoding,
        "verdict": cleaned.verdict(),
        "reason": cleaned.reason(),
        "fields": cleaned.fields().to_json(),
        "edits": edits,
    });
    format!("{document}\n")
}
