//! `chaffinch rules check`: checks rule files and prints the findings.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level as Shown, Renderer, Snippet};
use chaffinch_core::Pipeline;
use chaffinch_core::config::Config;
use chaffinch_core::message::{counted, quoted};
use chaffinch_core::rules::yaml::{Places, position, without_mark};
use chaffinch_core::rules::{self, SHIPPED};
use chaffinch_proof::{CODES, Finding, Level};
use chaffinch_report::visible;
use serde_json::{Value, json};

use crate::args::{CheckFormat, RulesCheckArgs};
use crate::failure::Failure;
use crate::{print, read_yaml, setup};

pub(crate) fn run(args: &RulesCheckArgs) -> Result<u8, Failure> {
    let checked = Checked::load(&args.files)?;
    let mut articles = Vec::new();
    if !args.baseline.is_empty() {
        let names = chaffinch_formats::FieldNames::default();
        let read = chaffinch_formats::documents(&args.baseline, None, &names, None, usize::MAX)?;
        articles.extend(read.documents.into_iter().map(|document| (document.name, document.text)));
    }
    let wanted = |file: &str| checked.wanted(file);
    let mut findings = chaffinch_proof::check(&checked.pipeline, &articles, &wanted);
    if args.mutate {
        findings.extend(chaffinch_proof::mutate(&checked.pipeline, &wanted));
    }
    let findings: Vec<Placed> = Sources::default().place_all(findings);
    let text = match args.format {
        CheckFormat::Text => for_people(&findings, &checked),
        CheckFormat::Json => findings.iter().map(|f| format!("{}\n", f.to_json())).collect(),
        CheckFormat::Sarif => sarif(&findings),
        CheckFormat::Github => findings.iter().map(Placed::annotation).collect(),
    };
    print(text.as_bytes())?;
    let bad = |found: &Placed| found.finding.level == Level::Error || args.strict;
    Ok(u8::from(findings.iter().any(bad)))
}

/// The rule files to check, loaded together with the built-in rules that they must not interfere
/// with.
pub(crate) struct Checked {
    /// The pipeline with all of these rules.
    pub(crate) pipeline: Pipeline,
    /// The files to check; empty for all built-in files.
    files: Vec<String>,
}

impl Checked {
    /// Loads rule files and directories of rule files. Without any, loads those of the pipeline
    /// file in use, or the built-in ones.
    pub(crate) fn load(paths: &[PathBuf]) -> Result<Checked, Failure> {
        let mut paths = paths.to_vec();
        let file = setup::find_upward().filter(|_| paths.is_empty());
        if let Some(file) = file {
            let text = read_yaml(&file)?;
            let base = file.parent().unwrap_or(Path::new(""));
            paths = Config::parse(&file.display().to_string(), &text, base)?.rules;
        }
        let mut files: Vec<(String, String)> = Vec::new();
        for path in &paths {
            if path.is_dir() {
                files.extend(rules::files_in(path).map_err(|problem| vec![problem])?);
                continue;
            }
            files.push((path.display().to_string(), read_yaml(path)?));
        }
        if let (Some(path), true) = (paths.first(), files.is_empty()) {
            let message = format!("{} contains no rule file (*.yaml)", path.display());
            return Err(Failure::Usage(message));
        }
        let mut builder = setup::with_cache(chaffinch_proof::builder());
        for (name, text) in &files {
            builder = builder.rule_file(name, text);
        }
        if !files.is_empty() {
            // The built-in outlets are loaded too, because no rule may match another outlet's
            // documents.
            let subject = |text: &str| {
                let text = without_mark(text);
                let line =
                    text.lines().find(|l| l.starts_with("outlet:") || l.starts_with("family:"));
                line.map(|line| line[7..].trim().trim_matches(['\'', '"']).to_owned())
            };
            let named: Vec<String> = files.iter().filter_map(|(_, text)| subject(text)).collect();
            for (name, text) in SHIPPED.iter().filter(|(name, _)| !name.contains('/')) {
                if subject(text).is_none_or(|subject| !named.contains(&subject)) {
                    builder = builder.rule_file(&format!("rules/{name}"), text);
                }
            }
        }
        let pipeline = builder.build()?;
        Ok(Checked { pipeline, files: files.into_iter().map(|(name, _)| name).collect() })
    }

    /// Whether to check a file.
    pub(crate) fn wanted(&self, file: &str) -> bool {
        self.files.is_empty() || self.files.iter().any(|known| known == file)
    }

    fn rules(&self) -> usize {
        let rules = self.pipeline.rules();
        let files = rules.ids().map(|id| &rules.source(id).file);
        files.filter(|file| !file.is_empty() && self.wanted(file)).count()
    }
}

/// A finding with its position in the text of its file.
struct Placed {
    finding: Finding,
    source: String,
    span: std::ops::Range<usize>,
}

/// The files that findings are in, each read once.
#[derive(Default)]
struct Sources(HashMap<String, Option<(String, Places)>>);

impl Sources {
    fn place_all(mut self, findings: Vec<Finding>) -> Vec<Placed> {
        findings.into_iter().map(|finding| self.place(finding)).collect()
    }

    fn place(&mut self, finding: Finding) -> Placed {
        let file = self.0.entry(finding.file.clone()).or_insert_with(|| {
            let text = chaffinch_proof::text_of(&finding.file)?;
            let text = without_mark(&text).to_owned();
            let places = Places::of(&text);
            Some((text, places))
        });
        let (source, span) = match file {
            Some((text, places)) => {
                (text.clone(), places.value(text, &finding.path, finding.part.clone()))
            }
            None => (String::new(), 0..0),
        };
        Placed { finding, source, span }
    }
}

impl Placed {
    /// First line and column, last line and column, from 1. The last column is one past the last
    /// character. Columns count characters.
    fn region(&self) -> [usize; 4] {
        let position = |at: usize| position(&self.source, at);
        let ((line, column), (end_line, end_column)) =
            (position(self.span.start), position(self.span.end));
        [line, column, end_line, end_column.max(column + usize::from(line == end_line))]
    }

    fn level(&self) -> &'static str {
        match self.finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
        }
    }

    fn message(&self) -> String {
        let finding = &self.finding;
        let mut text = format!("{}: {}", finding.rule, finding.message);
        if let Some(help) = &finding.help {
            let _ = write!(text, "; {help}");
        }
        text
    }

    fn to_json(&self) -> Value {
        let [line, column, end_line, end_column] = self.region();
        let finding = &self.finding;
        json!({
            "level": self.level(), "code": finding.code, "file": finding.file,
            "line": line, "column": column, "end_line": end_line, "end_column": end_column,
            "rule": finding.rule, "message": finding.message, "help": finding.help,
            "case": finding.case,
        })
    }

    /// An annotation for GitHub's pull requests.
    fn annotation(&self) -> String {
        let escape =
            |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
        let [line, column, end_line, end_column] = self.region();
        format!(
            "::{} file={},line={line},endLine={end_line},col={column},endColumn={end_column},title={}::{}\n",
            self.level(),
            property(&self.finding.file),
            property(self.finding.code),
            escape(&self.message())
        )
    }

    fn group(&self) -> Group<'_> {
        let finding = &self.finding;
        let level = match finding.level {
            Level::Error => Shown::ERROR,
            Level::Warning => Shown::WARNING,
        };
        let title = format!("{}: {}", finding.rule, finding.message);
        let title = level.primary_title(visible(&title).into_owned()).id(finding.code);
        let label = finding.help.as_deref().map(|help| visible(help).into_owned());
        if self.source.is_empty() {
            return Group::with_title(title);
        }
        let end = self.span.end.max(self.span.start + 1).min(self.source.len());
        let span = self.span.start.min(end)..end;
        let snippet = Snippet::source(self.source.as_str())
            .path(finding.file.as_str())
            .annotation(AnnotationKind::Primary.span(span).label(label.unwrap_or_default()));
        let group = title.element(snippet);
        // The messages of these findings quote the text already.
        let quotes = matches!(finding.code, "baseline" | "other-outlet");
        match finding.case.as_ref().filter(|_| !quotes) {
            Some(case) => group.element(Shown::NOTE.message(format!("case: {}", quoted(case)))),
            None => group,
        }
    }
}

/// Findings by file, errors first, each with the line that it refers to.
fn for_people(findings: &[Placed], checked: &Checked) -> String {
    let mut text = String::new();
    let bold = anstyle::Style::new().bold();
    let mut file = None;
    for found in findings {
        if file != Some(&found.finding.file) {
            file = Some(&found.finding.file);
            let same = findings.iter().filter(|other| other.finding.file == found.finding.file);
            let name = visible(&found.finding.file);
            let _ = writeln!(text, "{bold}{name}{bold:#}: {}\n", counts(same));
        }
        let _ = writeln!(text, "{}\n", Renderer::styled().render(&[found.group()]));
    }
    let rules = counted(checked.rules() as u64, "rule");
    let _ = writeln!(text, "{rules}, {}", counts(findings.iter()));
    text
}

fn counts<'a>(findings: impl Iterator<Item = &'a Placed>) -> String {
    let (mut errors, mut warnings) = (0, 0);
    for found in findings {
        match found.finding.level {
            Level::Error => errors += 1,
            Level::Warning => warnings += 1,
        }
    }
    format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"))
}

/// The findings as SARIF 2.1.0, which code hosts and editors read.
fn sarif(findings: &[Placed]) -> String {
    let rules: Vec<Value> = CODES
        .iter()
        .map(|(id, means)| json!({"id": id, "shortDescription": {"text": means}}))
        .collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|found| {
            let [line, column, end_line, end_column] = found.region();
            json!({
                "ruleId": found.finding.code,
                "level": found.level(),
                "message": {"text": found.message()},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": found.finding.file.replace('\\', "/")},
                    "region": {
                        "startLine": line, "startColumn": column,
                        "endLine": end_line, "endColumn": end_column,
                    },
                }}],
            })
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "chaffinch",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}
