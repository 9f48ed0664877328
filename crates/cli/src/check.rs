//! `chaffinch rules check`: do rule files prove themselves, and leave clean articles alone?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chaffinch_core::stage::RuleId;
use chaffinch_core::{Limits, Pipeline, proof};
use serde_json::json;

use crate::args::{CheckFormat, RulesCheckArgs};
use crate::failure::Failure;
use crate::print;

/// Something that a check found.
struct Finding {
    error: bool,
    file: String,
    line: usize,
    rule: String,
    message: String,
}

/// The clean articles that ship.
static BASELINE: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/baseline.rs"));

pub(crate) fn run(args: &RulesCheckArgs) -> Result<u8, Failure> {
    // Cases are shorter than articles, so nothing caps what is cut of them.
    let limits = Limits { body_cut_share: 1.0, total_cut_share: 1.0, ..Limits::default() };
    let make = |outlet: Option<&str>| {
        let mut builder = Pipeline::builder().limits(limits);
        for path in &args.files {
            builder = add(builder, path)?;
        }
        if let Some(outlet) = outlet {
            builder = builder.outlet(outlet);
        }
        Ok::<_, Failure>(builder.build()?)
    };
    let pipeline = make(None)?;
    let mut findings = Vec::new();
    // The same files made a pipeline a moment ago.
    let forced = |outlet: &str| {
        make(Some(outlet)).unwrap_or_else(|_| unreachable!("{outlet} is one of the files'"))
    };
    for failure in proof::prove(&pipeline, &forced) {
        let message = format!("{}\n  case: {}", failure.message, shorten(&failure.case));
        findings.push(finding(true, failure.file, &failure.rule, message));
    }
    baseline(args, &make, &pipeline, &mut findings)?;
    let named = |file: &str| {
        args.files.is_empty() || args.files.iter().any(|path| Path::new(file).starts_with(path))
    };
    let slow = pipeline.rules().slow_rules();
    for id in slow.into_iter().filter(|id| named(&pipeline.rules().source(*id).file)) {
        let (rule, source) =
            (&pipeline.rules().rules()[id.0 as usize], pipeline.rules().source(id));
        let message = "nothing tells its lines from others, so it is tried on every line; \
                       give it a fixed word at its start or end";
        findings.push(finding(false, source.file.clone(), &rule.id, message.into()));
    }
    for (sign, units) in pipeline.rules().shared_signs() {
        let message = format!(
            "the sign \"{sign}\" is also that of {}: it tells neither",
            units[1..].join(", ")
        );
        findings.push(finding(false, String::new(), units[0], message));
    }
    findings.sort_by(|a, b| {
        (&a.file, a.line, &a.rule, !a.error).cmp(&(&b.file, b.line, &b.rule, !b.error))
    });
    tell(&findings, &pipeline, args.format)
}

/// Adds a file, or a directory of files.
fn add(builder: chaffinch_core::Builder, path: &Path) -> Result<chaffinch_core::Builder, Failure> {
    if path.is_dir() {
        return Ok(builder.rules(path));
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(builder.rule_file(&path.display().to_string(), &text)),
        Err(error) => Err(Failure::Usage(format!("cannot read {}: {error}", path.display()))),
    }
}

/// Cleans articles that are clean already, as each outlet's.
fn baseline(
    args: &RulesCheckArgs,
    make: &dyn Fn(Option<&str>) -> Result<Pipeline, Failure>,
    pipeline: &Pipeline,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let mut articles: Vec<(String, String)> =
        BASELINE.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    for folder in &args.baseline {
        let inputs: Vec<PathBuf> = vec![folder.clone()];
        let names = chaffinch_formats::Names::default();
        let documents = chaffinch_formats::documents(&inputs, None, &names, None, usize::MAX)?;
        articles.extend(documents.into_iter().map(|document| (document.name, document.text)));
    }
    let outlets: Vec<String> = pipeline.rules().outlets().map(|(o, ..)| o.to_owned()).collect();
    let mut seen: BTreeMap<(u32, &str), &str> = BTreeMap::new();
    let mut told = Vec::new();
    for outlet in std::iter::once(None).chain(outlets.iter().map(|o| Some(o.as_str()))) {
        let pipeline = make(outlet)?;
        for (name, text) in &articles {
            let cleaned = pipeline.clean_text(text, None);
            for edit in cleaned.edits().iter().filter(|edit| edit.removes()) {
                if seen.insert((edit.rule.0, name), "").is_none() {
                    let cut = shorten(&cleaned.source()[edit.span.range()]);
                    told.push((edit.rule, format!("cuts {cut} of the clean article {name}")));
                }
            }
        }
    }
    for (id, message) in told {
        let rule = &pipeline.rules().rules()[id.0 as usize];
        findings.push(finding(true, pipeline.rules().source(id).file.clone(), &rule.id, message));
    }
    Ok(())
}

fn finding(error: bool, file: String, rule: &str, message: String) -> Finding {
    let line = line_of(&file, rule).unwrap_or(1);
    Finding { error, file, line, rule: rule.to_owned(), message }
}

/// The line of a rule's id in its file.
fn line_of(file: &str, rule: &str) -> Option<usize> {
    let text = std::fs::read_to_string(file).ok()?;
    let id = rule.rsplit('/').next()?;
    let is_id = |line: &str| {
        let line = line.trim_start().trim_start_matches("- ");
        line.strip_prefix("id:").is_some_and(|rest| rest.trim().trim_matches(['\'', '"']) == id)
    };
    text.lines().position(is_id).map(|at| at + 1)
}

fn shorten(text: &str) -> String {
    let shown: String = text.chars().take(100).collect();
    format!("{shown:?}{}", if shown.len() < text.len() { "…" } else { "" })
}

fn tell(findings: &[Finding], pipeline: &Pipeline, format: CheckFormat) -> Result<u8, Failure> {
    let errors = findings.iter().filter(|finding| finding.error).count();
    let mut text = String::new();
    match format {
        CheckFormat::Json => {
            for finding in findings {
                let row = json!({
                    "level": if finding.error { "error" } else { "warning" },
                    "file": finding.file,
                    "line": finding.line,
                    "rule": finding.rule,
                    "message": finding.message,
                });
                text.push_str(&format!("{row}\n"));
            }
        }
        CheckFormat::Github => {
            for finding in findings {
                let level = if finding.error { "error" } else { "warning" };
                let message = format!("{}: {}", finding.rule, finding.message);
                let message = message.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
                text.push_str(&format!(
                    "::{level} file={},line={}::{message}\n",
                    finding.file, finding.line
                ));
            }
        }
        CheckFormat::Text => {
            let (red, yellow) = (
                anstyle::AnsiColor::Red.on_default().bold(),
                anstyle::AnsiColor::Yellow.on_default().bold(),
            );
            let bold = anstyle::Style::new().bold();
            let mut file = None;
            for finding in findings {
                if file != Some(&finding.file) {
                    text.push_str(&format!(
                        "{bold}{}{bold:#}\n",
                        chaffinch_report::visible(&finding.file)
                    ));
                    file = Some(&finding.file);
                }
                let (style, level) =
                    if finding.error { (red, "error") } else { (yellow, "warning") };
                let message: Vec<String> = finding
                    .message
                    .lines()
                    .map(|line| chaffinch_report::visible(line).into_owned())
                    .collect();
                text.push_str(&format!(
                    "  {}: {style}{level}{style:#}: {}: {}\n",
                    finding.line,
                    finding.rule,
                    message.join("\n    ")
                ));
            }
            let rules = pipeline.rules();
            let count = (0..rules.rules().len() as u32)
                .filter(|id| !rules.source(RuleId(*id)).file.is_empty())
                .count();
            let warnings = findings.len() - errors;
            text.push_str(&format!("{count} rules, {errors} errors, {warnings} warnings\n"));
        }
    }
    print(text.as_bytes())?;
    Ok(u8::from(errors > 0))
}
