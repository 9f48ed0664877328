//! `chaffinch explain`: shows a document with its cuts, and the rule of each.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::ControlFlow;

use anstyle::{AnsiColor, Effects, Style};
use chaffinch_core::stage::Explanation;
use chaffinch_core::{Cleaned, Input, MODEL_RULE, Pipeline};
use chaffinch_formats::{Found, each_document};
use chaffinch_report::{Annotated, Fate, annotated, visible};
use chaffinch_rules::How;
use serde_json::json;

use crate::args::{ExplainArgs, ExplainFormat};
use crate::failure::Failure;
use crate::{print, setup};

pub(crate) fn run(args: &ExplainArgs) -> Result<u8, Failure> {
    let (container, names) = setup::source(&args.source);
    let pipeline = setup::pipeline(&args.rules)?;
    let (mut code, mut failure) = (0, None);
    for file in &args.files {
        let several = file.is_dir();
        each_document(std::slice::from_ref(file), container, &names, &mut |name, path, found| {
            // A record is shown by its line, a file of a directory by its own path.
            let shown = match name.rsplit_once(':') {
                Some((_, line)) if !matches!(found, Found::File(_)) => {
                    format!("{}:{line}", path.display())
                }
                _ if several => path.display().to_string(),
                _ => file.display().to_string(),
            };
            let cleaned = match &found {
                Found::File(bytes) => {
                    let path = path.to_str();
                    pipeline.clean_input(&Input { bytes, path, ..Input::default() })
                }
                Found::Record { text, url, date, .. } => {
                    let input = Input { url: *url, date: *date, ..Input::default() };
                    pipeline.clean_record(&input, text)
                }
                Found::None(reason) => {
                    message!("{}: {}", visible(&shown), visible(reason));
                    code = 1;
                    return ControlFlow::Continue(());
                }
            };
            match show(&pipeline, &cleaned, &shown, args) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
    }
    failure.map_or(Ok(code), Err)
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
        let how = match how {
            How::Given => "set with --outlet".to_owned(),
            _ => format!("by {}", how.as_str()),
        };
        let _ = write!(text, ", outlet {outlet} ({how})");
    }
    if cleaned.coding().encoding != "UTF-8" {
        let _ = write!(text, ", {}", cleaned.coding().encoding);
    }
    if let Some(reason) = cleaned.reason() {
        let _ = write!(text, "\n{}", visible(reason));
    }
    text.push_str("\n\n");
    let document = annotated(pipeline, cleaned);
    let reasons = reasons(pipeline, cleaned);
    rows_for_people(&document, pipeline, &reasons, &mut text);
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

/// Colours that distinguish neighbouring stages.
const COLORS: [AnsiColor; 6] = [
    AnsiColor::Red,
    AnsiColor::Magenta,
    AnsiColor::Yellow,
    AnsiColor::Cyan,
    AnsiColor::Blue,
    AnsiColor::Green,
];

/// Why the line model removed lines, by line index. Computed only for documents in which it removed
/// something.
fn reasons(pipeline: &Pipeline, cleaned: &Cleaned<'_>) -> BTreeMap<usize, Explanation> {
    let source = cleaned.source();
    let mut numbers = LineNumbers::of(source);
    let mut lines = Vec::new();
    for edit in cleaned.edits() {
        let first = numbers.next(edit) - 1;
        if edit.confidence.is_some() {
            let cut = source[edit.span.range()].trim();
            lines.extend(first..=first + cut.bytes().filter(|&byte| byte == b'\n').count());
        }
    }
    lines.dedup();
    if lines.is_empty() {
        return BTreeMap::new();
    }
    let explained = pipeline.explain(&Input::default(), source, &lines);
    lines.into_iter().zip(explained).filter_map(|(line, why)| Some((line, why?))).collect()
}

/// The judgement of the line model as one line: the confidence and the reasons.
pub(crate) fn judgement(why: &Explanation) -> String {
    let mut text = format!("{} % boilerplate", why.confidence);
    for (at, reason) in why.reasons.iter().enumerate() {
        let _ = write!(text, "{}{}", if at == 0 { ": " } else { ", " }, visible(reason));
    }
    text
}

fn rows_for_people(
    document: &Annotated,
    pipeline: &Pipeline,
    reasons: &BTreeMap<usize, Explanation>,
    text: &mut String,
) {
    let color = |stage: &str| {
        let place = pipeline.stages().position(|name| name == stage).unwrap_or(0);
        COLORS[place % COLORS.len()].on_default()
    };
    let is_judged = |rule: &str| rule == MODEL_RULE;
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
        if let Some(why) = reasons.get(&row.line).filter(|_| row.gone && is_judged(&row.rule)) {
            let dimmed = Style::new().dimmed();
            let _ = write!(text, "  {dimmed}({}){dimmed:#}", judgement(why));
        }
        text.push('\n');
    }
}

/// Numbers the lines of edits, which come in order, from 1.
pub(crate) struct LineNumbers<'a> {
    source: &'a str,
    at: usize,
    line: usize,
}

impl<'a> LineNumbers<'a> {
    pub(crate) fn of(source: &'a str) -> LineNumbers<'a> {
        LineNumbers { source, at: 0, line: 1 }
    }

    /// The line of the first visible character of the next edit. The edit itself may begin with the
    /// line end above.
    pub(crate) fn next(&mut self, edit: &chaffinch_core::Edit) -> usize {
        let cut = &self.source[edit.span.range()];
        let visible = edit.span.end() - cut.trim_start().len();
        self.line += self.source[self.at..visible].bytes().filter(|&b| b == b'\n').count();
        self.at = visible;
        self.line
    }
}

fn for_programs(pipeline: &Pipeline, cleaned: &Cleaned<'_>, name: &str) -> String {
    let source = cleaned.source();
    let mut lines = LineNumbers::of(source);
    let reasons = reasons(pipeline, cleaned);
    let edits: Vec<_> = cleaned
        .edits()
        .iter()
        .map(|edit| {
            let rule = pipeline.rule(edit.rule);
            let line = lines.next(edit);
            let why = reasons.get(&(line - 1)).filter(|_| edit.confidence.is_some());
            json!({
                "start": edit.span.start(),
                "end": edit.span.end(),
                "line": line,
                "rule": rule.id,
                "stage": rule.stage,
                "text": &source[edit.span.range()],
                "with": edit.with,
                "confidence": edit.confidence,
                "reasons": why.map(|why| &why.reasons),
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

#[cfg(test)]
mod tests {
    use chaffinch_core::Edit;
    use chaffinch_core::stage::{RuleId, Span};

    use super::*;

    #[test]
    fn the_lines_of_edits_are_numbered_in_order() {
        let source = "One.\ncut\nTwo.\n\n\ncut\n cut cut\n";
        let mut lines = LineNumbers::of(source);
        let spans = [(4, 8), (13, 19), (21, 24), (25, 28)];
        let numbers = spans.map(|(start, end)| {
            let (span, with) = (Span::new(start, end), String::new());
            lines.next(&Edit { span, rule: RuleId(0), with, confidence: None })
        });
        assert_eq!(numbers, [2, 6, 7, 7]);
    }
}
