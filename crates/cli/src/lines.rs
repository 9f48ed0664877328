//! `chaffinch lines`: trains and measures line models.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

use chaffinch_core::rules::host_of;
use chaffinch_lines::train::{self, Judged, Options, Progress};
use chaffinch_lines::{Cues, Figures, LabelledPage, Level, Model};
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::args::{LinesEvalArgs, LinesTrainArgs};
use crate::failure::Failure;
use crate::{print, write_whole};

pub(crate) fn train(args: &LinesTrainArgs) -> Result<u8, Failure> {
    let pages = read(&args.files)?;
    let threads = args.jobs.map_or_else(rayon::current_num_threads, usize::from);
    let options = Options {
        seed: args.seed,
        epochs: usize::from(args.epochs),
        threads,
        ..Options::default()
    };
    let bar = ProgressBar::new((options.folds + 1) * options.epochs as u64);
    let style =
        ProgressStyle::with_template("{wide_bar} {pos}/{len} passes, {eta} left, loss {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let progress = |Progress { loss, .. }: Progress| {
        bar.set_message(format!("{loss:.4}"));
        bar.inc(1);
    };
    let trained = train::train(&pages, Cues::shipped(), &options, progress);
    bar.finish_and_clear();
    let (model, judged) = trained.map_err(|error| Failure::Usage(error.to_string()))?;
    let bytes = model.to_bytes();
    write_whole(&args.output, &bytes)?;
    let mut text = format!(
        "{} ({} KiB, {:016x}), trained on {} pages. Cross-validated by outlet:\n\n",
        args.output.display(),
        bytes.len().div_ceil(1024),
        model.digest(),
        pages.len()
    );
    table(&model, &judged, &mut text);
    print(text.as_bytes())
}

pub(crate) fn eval(args: &LinesEvalArgs) -> Result<u8, Failure> {
    let own;
    let model = if args.model.as_os_str() == "shipped" {
        Model::shipped()
    } else {
        let failed = |error: String| {
            Failure::Usage(format!("cannot use the model {}: {error}", args.model.display()))
        };
        let bytes = std::fs::read(&args.model).map_err(|error| failed(error.to_string()))?;
        own = Model::from_bytes(&bytes).map_err(|error| failed(error.to_string()))?;
        &own
    };
    let pages = read(&args.files)?;
    let judged = train::evaluate(model, &pages, Cues::shipped(), rayon::current_num_threads());
    let mut text = String::new();
    table(model, &judged, &mut text);
    print(text.as_bytes())
}

/// The figures by level, form and language.
fn table(model: &Model, judged: &[Judged<'_>], text: &mut String) {
    let mut groups: BTreeMap<(bool, String), Vec<&Judged<'_>>> = BTreeMap::new();
    for judged in judged {
        let scraped = judged.form.is_scraped();
        for language in ["all", &judged.page.language] {
            groups.entry((scraped, language.to_owned())).or_default().push(judged);
        }
    }
    let _ = writeln!(text, "form     language  pages  level     F1     removed  lost");
    for ((scraped, language), group) in groups {
        if language.is_empty() {
            continue;
        }
        for level in [Level::Careful, Level::Balanced, Level::Full] {
            let threshold = |judged: &Judged<'_>| {
                model.threshold(level, judged.form, judged.scores.iter().copied())
            };
            let thresholds = group.iter().map(|judged| (*judged, threshold(judged)));
            let Figures { pages, f1, removed, lost } = train::figures(thresholds, false);
            let form = if scraped { "scraped" } else { "whole" };
            let _ = writeln!(
                text,
                "{form:<8} {language:<9} {pages:>5}  {:<9} {f1:.4} {removed:.4}   {lost:.4}",
                level.name()
            );
        }
    }
}

fn read(files: &[PathBuf]) -> Result<Vec<LabelledPage>, Failure> {
    let mut pages = Vec::new();
    for file in files {
        let text = text(file)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
        for (number, row) in text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty()) {
            let page = page(row, file, number + 1).map_err(|problem| {
                Failure::Usage(format!("{}:{}: {problem}", file.display(), number + 1))
            })?;
            pages.push(page);
        }
    }
    match pages.is_empty() {
        true => Err(Failure::Usage("the files contain no labelled page".to_owned())),
        false => Ok(pages),
    }
}

fn text(file: &Path) -> std::io::Result<String> {
    let bytes = std::fs::read(file)?;
    let mut text = String::new();
    match bytes.starts_with(&[0x1f, 0x8b]) {
        true => MultiGzDecoder::new(&*bytes).read_to_string(&mut text)?,
        false => (&*bytes).read_to_string(&mut text)?,
    };
    Ok(text)
}

/// Reads a row.
fn page(row: &str, file: &Path, number: usize) -> Result<LabelledPage, String> {
    let row: Value =
        serde_json::from_str(row).map_err(|error| format!("not valid JSON: {error}"))?;
    let string = |key: &str| row[key].as_str();
    let (lines, labels) = match (&row["lines"], string("labels")) {
        (Value::Array(lines), Some(labels)) => {
            let lines: Option<Vec<String>> =
                lines.iter().map(|line| Some(line.as_str()?.to_owned())).collect();
            let lines = lines.ok_or("`lines` must be a list of texts")?;
            let labels = LabelledPage::parse_labels(labels, lines.len())
                .map_err(|error| format!("`labels`: {error}"))?;
            (lines, labels)
        }
        _ => match (string("text").or_else(|| string("raw_text")), string("gold_text")) {
            (Some(text), Some(gold)) => LabelledPage::align(text, gold),
            _ => {
                return Err("expected `lines` with `labels`, or `text` with `gold_text`".to_owned());
            }
        },
    };
    let id = string("id").map_or_else(|| format!("{}:{number}", file.display()), str::to_owned);
    let host = || host_of(string("url")?);
    let outlet = string("outlet").map(str::to_owned).or_else(host).unwrap_or_else(|| id.clone());
    let source = string("source").unwrap_or_default().to_owned();
    let weight = match &row["weight"] {
        Value::Null => train::source_weight(&source),
        weight => match weight.as_f64() {
            Some(weight) if weight > 0.0 && weight < 1000.0 => weight as f32,
            _ => return Err("`weight` must be a positive number".to_owned()),
        },
    };
    Ok(LabelledPage {
        id,
        source,
        form: String::new(),
        outlet,
        language: string("lang").unwrap_or_default().to_owned(),
        headlines: string("title").map(str::to_owned).into_iter().collect(),
        lines,
        labels,
        gold: string("gold_text").map(str::to_owned),
        weight,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_labels_or_a_gold_text() {
        let read = |row: &str| page(row, Path::new("a.jsonl"), 3);
        let labelled = r#"{"lines": ["Home", "", "It rained."], "labels": "b_a", "url": "https://x.example/1"}"#;
        let labelled = read(labelled).expect("it is valid");
        assert_eq!(
            (labelled.lines.len(), &*labelled.outlet, &*labelled.id),
            (3, "x.example", "a.jsonl:3")
        );
        let aligned = r#"{"text": "Home\nIt rained all day.", "gold_text": "It rained all day."}"#;
        assert_eq!(read(aligned).expect("it is valid").labels.len(), 2);
        for (row, message) in [
            (r#"{"lines": ["a"], "labels": "ab"}"#, "`labels`: 2 labels for 1 lines"),
            (r#"{"lines": ["a"], "labels": "x"}"#, "`labels`: unknown label \"x\""),
            (r#"{"lines": [1], "labels": "a"}"#, "`lines` must be a list of texts"),
            (r#"{"text": "a"}"#, "expected `lines` with `labels`"),
            (r#"{"text": "a", "gold_text": "a", "weight": -1}"#, "`weight` must be"),
            ("no", "not valid JSON"),
        ] {
            let error = read(row).expect_err(row);
            assert!(error.starts_with(message), "{error}");
        }
    }
}
