//! Trains and measures the line model.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};

use chaffinch_lines::train::{self, Judged, Options};
use chaffinch_lines::{Cues, LabelledPage};
use flate2::read::GzDecoder;
use serde_json::Value;

fn source_weight(source: &str) -> f32 {
    match source {
        "fundus" | "aeb" => 2.0,
        "newspaper4k" | "t_post" => 0.8,
        "wcxb" | "readability" => 0.7,
        "t_goose" | "t_gne" => 0.6,
        _ => 0.5,
    }
}

fn read(path: &str) -> Result<Vec<LabelledPage>, Box<dyn Error>> {
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
            outlet: string("outlet"),
            language: string("lang"),
            headlines: row["title"].as_str().map(str::to_owned).into_iter().collect(),
            lines,
            labels,
            gold: row["gold_text"].as_str().map(str::to_owned),
            weight: source_weight(&source),
            source,
        });
    }
    Ok(pages)
}

fn cues(path: &str) -> Result<Cues, Box<dyn Error>> {
    let kinds =
        ["share", "follow", "related", "legal", "comments", "login", "ad", "credit", "nav", "date"];
    let text = std::fs::read_to_string(path)?;
    let mut pairs = Vec::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        if let [kind, _, word] = fields[..]
            && let Some(kind) = kinds.iter().position(|known| *known == kind)
            && Cues::new([(kind as u8, word)]).is_ok()
        {
            pairs.push((kind as u8, word));
        }
    }
    Ok(Cues::new(pairs)?)
}

#[allow(clippy::print_stdout, reason = "a program for developers")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let data = &arguments[0];
    let cues = cues(&arguments[1])?;
    let mut pages = read(&format!("{data}/pages.jsonl.gz"))?;
    let whole = pages.len();
    pages.extend(read(&format!("{data}/residual.jsonl.gz"))?);
    let form: HashMap<*const LabelledPage, bool> =
        pages.iter().enumerate().map(|(at, page)| (page as *const _, at < whole)).collect();
    let options = Options::default();
    let started = std::time::Instant::now();
    let judged = train::cross_validate(
        &pages,
        &cues,
        &options,
        5,
        |_| true,
        |fold, epoch, loss| {
            println!(
                "fold {fold} epoch {epoch} loss {loss:.4} {:.0} s",
                started.elapsed().as_secs_f32()
            );
        },
    );
    for whole in [true, false] {
        let form: Vec<&Judged> =
            judged.iter().filter(|judged| form[&(judged.page as *const _)] == whole).collect();
        let gold: Vec<&Judged> =
            form.iter().copied().filter(|j| matches!(&*j.page.source, "fundus" | "aeb")).collect();
        println!("== {}", if whole { "whole" } else { "scraped" });
        for threshold in [-4.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.4] {
            let figures = train::figures(gold.iter().map(|judged| (*judged, threshold)));
            println!("T {threshold:4.1} {figures:?}");
        }
        for target in [0.005, 0.01, 0.02, 0.03] {
            let (mut low, mut high) = (-14.0f32, 6.0f32);
            while high - low > 0.02 {
                let middle = (low + high) / 2.0;
                let figures = train::figures(gold.iter().map(|judged| (*judged, middle)));
                if figures.lost <= target { low = middle } else { high = middle }
            }
            let figures = train::figures(gold.iter().map(|judged| (*judged, low)));
            println!("lost <= {target}: T {low:.2} {figures:?}");
        }
        let others = form.iter().filter(|j| !matches!(&*j.page.language, "en" | "de"));
        for threshold in [-2.0, -1.0, 0.0] {
            let figures = train::figures(others.clone().map(|judged| (*judged, threshold)));
            println!("other languages T {threshold:4.1} {figures:?}");
        }
    }
    Ok(())
}
