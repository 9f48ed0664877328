//! `chaffinch explain --why-not`: explains why a line was kept.

use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use chaffinch_core::{Input, Pipeline, WhyNot};
use chaffinch_formats::{Found, each_document};
use chaffinch_report::visible;
use serde_json::json;

use crate::args::{ExplainArgs, ExplainFormat};
use crate::failure::Failure;
use crate::{print, setup};

pub(crate) fn run(place: &str, args: &ExplainArgs) -> Result<u8, Failure> {
    let wrong = || {
        let help = "expected DOC:LINE, such as corpus/page.txt:12, or FILE:ROW:LINE, such as news.jsonl:3:12";
        Failure::Usage(format!("--why-not {place}: {help}"))
    };
    let (rest, line) = place.rsplit_once(':').ok_or_else(wrong)?;
    let line: usize = line.parse().map_err(|_| wrong())?;
    let (container, names) = setup::source(&args.source);
    let pipeline = setup::pipeline(&args.rules)?;
    // `page.txt:12` names a line of a document, `news.jsonl:3:12` one of a record.
    let (file, record) = match rest.rsplit_once(':') {
        Some((file, record)) if !Path::new(rest).exists() => {
            (file, Some(record.parse::<usize>().map_err(|_| wrong())?))
        }
        _ => (rest, None),
    };
    let path = PathBuf::from(file);
    if file != "-" && !path.is_file() {
        return Err(Failure::Usage(format!("cannot read {file}: no such file")));
    }
    let mut answer = Err(Failure::Usage(match record {
        Some(record) => format!("{file} has no row {record}"),
        None => format!("{file} contains no document"),
    }));
    let mut look = |name: String, _: &Path, found: Found<'_>| {
        let at = name.rsplit_once(':').and_then(|(_, at)| at.parse::<usize>().ok());
        match (&found, record) {
            (Found::File(_), Some(_)) => return ControlFlow::Continue(()),
            (Found::Record { .. }, None) => {
                answer = Err(wrong());
                return ControlFlow::Break(());
            }
            (Found::Record { .. } | Found::None(_), Some(wanted)) if at != Some(wanted) => {
                return ControlFlow::Continue(());
            }
            _ => {}
        }
        answer = match found {
            Found::None(reason) => Err(Failure::Usage(format!("{rest}: {reason}"))),
            Found::Record { text, url, date, .. } => {
                Ok(pipeline.why_not(&Input { url, date, ..Input::default() }, text, line))
            }
            Found::File(bytes) => match chaffinch_core::decode(bytes, None) {
                Ok(decoded) => {
                    let input = Input { path: Some(file), ..Input::default() };
                    Ok(pipeline.why_not(&input, &decoded.text, line))
                }
                Err(reason) => Err(Failure::Usage(format!("{rest}: {reason}"))),
            },
        };
        ControlFlow::Break(())
    };
    each_document(&[path], container, &names, &mut look)?;
    let found = answer?;
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
    let _ = writeln!(text, "zone: {}; outlet: {outlet}\n", found.zone);
    let id = |rule: chaffinch_core::stage::RuleId| &pipeline.rule(rule).id;
    if let Some(rule) = found.cut {
        let _ = writeln!(text, "the line is removed by {}", id(rule));
        return text;
    }
    if let Some(judged) = &found.judged {
        let _ = writeln!(text, "the line model: {}\n", crate::explain::judgement(judged));
    }
    if found.near.is_empty() {
        let _ = writeln!(
            text,
            "no rule matches or nearly matches it. `chaffinch rules try PATTERN DOC` shows what a \
             pattern would remove"
        );
    }
    let width = found.near.iter().map(|near| id(near.rule).len()).max().unwrap_or(0);
    for near in &found.near {
        let _ = writeln!(text, "{:<width$}  {}", id(near.rule), visible(&near.stopped.to_string()));
    }
    text
}

fn for_programs(pipeline: &Pipeline, found: &WhyNot, place: &str) -> String {
    let id = |rule: chaffinch_core::stage::RuleId| &pipeline.rule(rule).id;
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
        "confidence": found.judged.as_ref().map(|judged| judged.confidence),
        "reasons": found.judged.as_ref().map(|judged| &judged.reasons),
    });
    format!("{row}\n")
}
