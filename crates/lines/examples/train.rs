//! Trains and measures the line model.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for developers")]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::time::Instant;

use chaffinch_lines::train::{self, Judged, Options, Progress};
use chaffinch_lines::{Cues, Figures, Kinds, LabelledPage, Level, Model};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

fn read(path: &str, form: &str) -> Result<Vec<LabelledPage>, Box<dyn Error>> {
    let mut pages = Vec::new();
    for row in BufReader::new(GzDecoder::new(File::open(path)?)).lines() {
        let row: Value = serde_json::from_str(&row?)?;
        let string = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let lines: Vec<String> = row["lines"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|line| line.as_str().unwrap_or_default().to_owned())
            .collect();
        let labels = LabelledPage::parse_labels(&string("labels"), lines.len())?;
        let source = string("source");
        pages.push(LabelledPage {
            id: string("id"),
            form: form.to_owned(),
            outlet: string("outlet"),
            language: string("lang"),
            headlines: row["title"].as_str().map(str::to_owned).into_iter().collect(),
            lines,
            labels,
            gold: row["gold_text"].as_str().map(str::to_owned),
            weight: train::source_weight(&source),
            source,
        });
    }
    Ok(pages)
}

/// Reads cues: rows of a kind's number, a language and a phrase, as the example `cues` of
/// `chaffinch-rules` prints them.
fn cues(path: &str) -> Result<Cues, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let mut pairs = Vec::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, '\t');
        let (Some(kind), _, Some(phrase)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let pair = (kind.parse()?, phrase);
        if Cues::new([pair]).is_ok() {
            pairs.push(pair);
        }
    }
    Ok(Cues::beginnings(pairs)?.uncounted(Kinds(UNCOUNTED)))
}

fn pages(data: &str) -> Result<Vec<LabelledPage>, Box<dyn Error>> {
    let mut pages = read(&format!("{data}/pages.jsonl.gz"), "whole")?;
    pages.extend(read(&format!("{data}/residual.jsonl.gz"), "scraped")?);
    Ok(pages)
}

fn report(started: Instant, Progress { fold, epoch, loss }: Progress) {
    eprintln!("fold {fold} epoch {epoch} loss {loss:.4} {:.0} s", started.elapsed().as_secs_f32());
}

fn write(judged: &[Judged], out: &str) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(out)?);
    for Judged { page, scores, .. } in judged {
        writeln!(file, "{}", json!({"id": page.id, "form": page.form, "scores": scores}))?;
    }
    Ok(())
}

/// Trains a model and writes it, and the scores of cross-validation beside it.
fn ship(data: &str, lexicon: &str, out: &str, options: &Options) -> Result<(), Box<dyn Error>> {
    let cues = cues(lexicon)?;
    let pages = pages(data)?;
    let started = Instant::now();
    let (model, judged) =
        train::train(&pages, &cues, options, |progress| report(started, progress))?;
    let bytes = model.to_bytes();
    println!("{model:?} {} bytes", bytes.len());
    std::fs::write(out, bytes)?;
    write(&judged, &format!("{out}.scores"))
}

/// Cross-validates and writes the scores of all pages.
fn cross_validate(
    data: &str,
    lexicon: &str,
    out: &str,
    options: &Options,
) -> Result<(), Box<dyn Error>> {
    let cues = cues(lexicon)?;
    let pages = pages(data)?;
    let started = Instant::now();
    let judged =
        train::cross_validate(&pages, &cues, options, |progress| report(started, progress));
    write(&judged, out)
}

/// Calibrates a model again, with the scores of its cross-validation.
fn recalibrate(
    data: &str,
    model: &str,
    out: &str,
    scores: &[String],
) -> Result<(), Box<dyn Error>> {
    let pages = pages(data)?;
    let model = Model::from_bytes(&std::fs::read(model)?)?;
    Ok(std::fs::write(out, train::recalibrated(&model, &judged(&pages, scores)?)?.to_bytes())?)
}

/// The pages with the logits of the files, averaged.
fn judged<'a>(
    pages: &'a [LabelledPage],
    files: &[String],
) -> Result<Vec<Judged<'a>>, Box<dyn Error>> {
    let mut scores: HashMap<(String, String), Vec<f32>> = HashMap::new();
    for file in files {
        for row in BufReader::new(File::open(file)?).lines() {
            let row: Value = serde_json::from_str(&row?)?;
            let key = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let values = row["scores"].as_array().into_iter().flatten();
            let values =
                values.map(|value| value.as_f64().unwrap_or_default() as f32 / files.len() as f32);
            match scores.entry((key("id"), key("form"))) {
                Entry::Vacant(entry) => {
                    entry.insert(values.collect());
                }
                Entry::Occupied(mut entry) => {
                    for (to, value) in entry.get_mut().iter_mut().zip(values) {
                        *to += value;
                    }
                }
            }
        }
    }
    let judged = |page: &'a LabelledPage| {
        let scores = scores.remove(&(page.id.clone(), page.form.clone()))?;
        let scores = scores.into_iter().map(|score| score as i32).collect();
        Some(Judged::new(page, scores, Cues::shipped()))
    };
    Ok(pages.iter().filter_map(judged).collect())
}

/// Prints how often lines of some confidence are boilerplate.
fn reliability(data: &str, files: &[String], folds: u64) -> Result<(), Box<dyn Error>> {
    let pages = pages(data)?;
    let judged = judged(&pages, files)?;
    for form in ["whole", "scraped"] {
        println!("== {form}");
        for row in train::reliability(&judged, form, folds).ok_or("too few pages")? {
            let train::Reliability { from, lines, confidence, boilerplate } = row;
            println!("{from:>3} {lines:>7} lines {confidence:5.1} % {boilerplate:5.1} %");
        }
    }
    Ok(())
}

/// Prints the figures of logits, which are averaged over the files: at the levels of the shipped model, and
/// at single thresholds for all pages.
fn figures(data: &str, files: &[String]) -> Result<(), Box<dyn Error>> {
    let pages = pages(data)?;
    let judged = judged(&pages, files)?;
    for form in ["whole", "scraped"] {
        let form: Vec<&Judged> = judged.iter().filter(|judged| judged.page.form == form).collect();
        let gold = |judged: &&&Judged| matches!(&*judged.page.source, "fundus" | "aeb");
        let gold: Vec<&Judged> = form.iter().filter(gold).copied().collect();
        let all = |judged: &&&Judged| judged.page.gold.is_some();
        let others: Vec<&Judged> =
            form.iter().filter(|j| !matches!(&*j.page.language, "en" | "de")).copied().collect();
        let all: Vec<&Judged> = form.iter().filter(all).copied().collect();
        println!("== {}", form[0].page.form);
        let decided: Vec<&Judged> =
            gold.iter().filter(|judged| train::is_decided(judged.page)).copied().collect();
        let sets = [
            ("gold", &gold, true),
            ("gold, decided", &decided, true),
            ("all with gold text, by page", &all, false),
            ("other languages, by page", &others, false),
        ];
        for (name, set, by_source) in sets {
            println!("{name}: {} pages", set.len());
            let at = |threshold: f32| {
                train::figures(
                    set.iter().map(|judged| (*judged, (threshold * 256.0) as i32)),
                    by_source,
                )
            };
            let show = |name: &str, threshold: f32| {
                let Figures { f1, removed, lost, .. } = at(threshold);
                println!(
                    "  {name:>8} T {threshold:6.2} F1 {f1:.4} removed {removed:.4} lost {lost:.4}"
                );
            };
            for level in [Level::Careful, Level::Balanced, Level::Full] {
                let threshold = |judged: &Judged| {
                    let scores = judged.scores.iter().copied();
                    Model::shipped().threshold(level, judged.form, scores)
                };
                let judged = set.iter().map(|judged| (*judged, threshold(judged)));
                let Figures { f1, removed, lost, .. } = train::figures(judged, by_source);
                println!("  {level:>8} F1 {f1:.4} removed {removed:.4} lost {lost:.4}");
            }
            for threshold in [-3.0, -2.0, -1.0, 0.0, 0.4] {
                show("", threshold);
            }
            for target in [0.005, 0.01, 0.015, 0.025, 0.04] {
                let (mut low, mut high) = (-14.0f32, 6.0f32);
                while high - low > 0.02 {
                    let middle = (low + high) / 2.0;
                    if at(middle).lost <= target { low = middle } else { high = middle }
                }
                show(&format!("{target}"), low);
            }
        }
        let mut worst: Vec<(f64, &str)> = gold
            .iter()
            .map(|judged| {
                (train::figures([(*judged, -4 * 256)].into_iter(), true).lost, &*judged.page.id)
            })
            .filter(|(lost, _)| *lost > 0.1)
            .collect();
        worst.sort_by(|one, other| other.0.total_cmp(&one.0));
        println!("pages that lose most at T -4: {worst:.2?}");
    }
    Ok(())
}

/// Kinds of the lexicon that are no cues by themselves: and, you, saying, minutes, agency,
/// section, calendar.
const UNCOUNTED: u64 = 0x17e00000000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut options = Options::default();
    let mut words = Vec::new();
    for argument in &arguments {
        match argument.split_once('=') {
            Some(("seed", value)) => options.seed = value.parse()?,
            Some(("epochs", value)) => options.epochs = value.parse()?,
            Some(("rate", value)) => options.rate = value.parse()?,
            Some(("vocabulary", value)) => options.vocabulary = value.parse()?,
            Some(("outlets", value)) => options.word_outlets = value.parse()?,
            Some(("folds", value)) => options.folds = value.parse()?,
            Some(("threads", value)) => options.threads = value.parse()?,
            _ => words.push(argument.clone()),
        }
    }
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["cv", data, lexicon, out] => cross_validate(data, lexicon, out, &options),
        ["train", data, lexicon, out] => ship(data, lexicon, out, &options),
        ["folds", data, lexicon, out] => {
            let pages = pages(data)?;
            let started = Instant::now();
            let models =
                train::fold_models(&pages, &cues(lexicon)?, &options, |p| report(started, p))?;
            for (fold, model) in models.iter().enumerate() {
                std::fs::write(format!("{out}.{fold}"), model.to_bytes())?;
            }
            let folds: HashMap<&str, u64> = pages
                .iter()
                .map(|p| (&*p.outlet, train::outlet_fold(&p.outlet, options.folds)))
                .collect();
            std::fs::write(format!("{out}.folds"), serde_json::to_string(&folds)?)?;
            Ok(())
        }
        ["cues", lexicon, out] => Ok(std::fs::write(out, cues(lexicon)?.to_bytes())?),
        ["calibrate", data, model, out, ..] => recalibrate(data, model, out, &words[4..]),
        ["figures", data, ..] => figures(data, &words[2..]),
        ["reliability", data, ..] => reliability(data, &words[2..], options.folds),
        _ => Err("usage: train cues LEXICON OUT | train cv|train|folds DATA LEXICON OUT | train calibrate DATA MODEL OUT SCORES... | train figures|reliability DATA SCORES...".into()),
    }
}
