//! `chaffinch explain --why-not`: why a line stayed.

use std::fmt::Write;
use std::path::Path;

use chaffinch_core::{Input, Pipeline, WhyNot};
use chaffinch_formats::{Container, jsonl};
use chaffinch_report::visible;
use serde_json::json;

use crate::args::{ExplainArgs, ExplainFormat};
use crate::failure::Failure;
use crate::{explain, print, setup};

pub(crate) fn run(place: &str, args: &ExplainArgs) -> Result<u8, Failure> {
    let wrong = || {
        let help =
            "give a document and a line, such as corpus/page.txt:12, or a row too: news.jsonl:3:12";
        Failure::Usage(format!("--why-not {place}: {help}"))
    };
    let (rest, line) = place.rsplit_once(':').ok_or_else(wrong)?;
    let line: usize = line.parse().map_err(|_| wrong())?;
    let (container, names) = setup::source(&args.source);
    let pipeline = setup::pipeline(&args.rules)?;
    let of = |path: &str| container.unwrap_or_else(|| Container::of(Path::new(path)));
    let found = match rest.rsplit_once(':').filter(|(path, _)| of(path) == Container::Jsonl) {
        Some((path, row)) => {
            let row: usize = row.parse().map_err(|_| wrong())?;
            let bytes = explain::read(Path::new(path))?;
            let text = row.checked_sub(1).and_then(|row| bytes.split(|&b| b == b'\n').nth(row));
            let text = text.ok_or_else(|| Failure::Usage(format!("{path} has no row {row}")))?;
            let parsed = jsonl::Row::parse(text, &names)
                .map_err(|error| Failure::Usage(format!("{path}:{row}: {error}")))?;
            let (url, date) = (parsed.url.as_deref(), parsed.date.as_deref());
            let input = Input { url, date, ..Input::default() };
            pipeline.why_not(&input, &parsed.text, line)
        }
        None if of(rest) == Container::Jsonl => return Err(wrong()),
        None => {
            let bytes = explain::read(Path::new(rest))?;
            let decoded = chaffinch_core::decode(&bytes, None)
                .map_err(|reason| Failure::Usage(format!("{rest}: {reason}")))?;
            let input = Input { path: Some(rest), ..Input::default() };
            pipeline.why_not(&input, &decoded.text, line)
        }
    };
    let found = found.ok_or_else(|| Failure::Usage(format!("{rest} has no line {line}")))?;
    let text = match args.format {
        ExplainFormat::Text => for_people(&pipeline, &found, place),
        ExplainFormat::Json => for_programs(&pipeline, &found, place),
    };
    print(text.as_bytes())
}

fn for_people(pipeline: &Pipeline, found: &WhyNot, place: &str) -> String {
    let bold = anstyle::Style::new().bold();
    let mut text = format!("{bold}{}{bold:#}: {}\n", visible(place), visible(found.text.trim()));
    let outlet = found.outlet.as_deref().unwrap_or("none recognised");
    let _ = writeln!(text, "stands in: {}; outlet: {outlet}\n", found.zone);
    let id = |rule: chaffinch_core::stage::RuleId| &pipeline.table()[rule.0 as usize].id;
    if let Some(rule) = found.cut {
        let _ = writeln!(text, "it does not stay: {} cuts it", id(rule));
        return text;
    }
    if found.near.is_empty() {
        let _ = writeln!(
            text,
            "no rule came near it. `chaffinch rules try PATTERN DOC` shows what a pattern would cut"
        );
    }
    let width = found.near.iter().map(|near| id(near.rule).len()).max().unwrap_or(0);
    for near in &found.near {
        let _ = writeln!(text, "{:<width$}  {}", id(near.rule), visible(&near.stopped.to_string()));
    }
    text
}

fn for_programs(pipeline: &Pipeline, found: &WhyNot, place: &str) -> String {
    let id = |rule: chaffinch_core::stage::RuleId| &pipeline.table()[rule.0 as usize].id;
    let near: Vec<_> = found
        .near
        .iter()
        .map(|near| json!({"rule": id(near.rule), "stopped": near.stopped.to_string()}))
        .collect();
    let row = json!({
        "place": place,
        "text": found.text,
        "zone": found.zone,
        "outlet": found.outlet,
        "cut_by": found.cut.map(id),
        "near": near,
    });
    format!("{row}\n")
}
