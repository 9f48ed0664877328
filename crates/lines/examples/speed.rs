//! Measures how fast a model judges the texts of JSON Lines files: `speed MODEL LEXICON FILE.gz`.

#![allow(clippy::print_stdout, reason = "a program for developers")]

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::time::Instant;

use chaffinch_lines::{Cues, Kinds, Model, Scratch};
use flate2::read::GzDecoder;
use serde_json::Value;

/// Seconds that this thread has run, which other work on the machine changes little.
fn processor_time() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let time = times.split(' ').next().and_then(|time| time.parse::<f64>().ok());
    time.unwrap_or_default() / 1e9
}

/// Kinds of the lexicon that are no cues by themselves: and, you, saying, minutes, agency,
/// section, calendar.
const UNCOUNTED: u64 = 0x17e00000000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, lexicon, file] = &arguments[..] else {
        return Err("usage: speed MODEL LEXICON FILE.gz".into());
    };
    let model = Model::from_bytes(&std::fs::read(model)?)?;
    let lexicon = std::fs::read_to_string(lexicon)?;
    let pairs = lexicon.lines().filter_map(|line| {
        let mut fields = line.splitn(3, '\t');
        let (kind, phrase) = (fields.next()?.parse().ok()?, fields.nth(1)?);
        Cues::new([(kind, phrase)]).is_ok().then_some((kind, phrase))
    });
    let started = Instant::now();
    let cues = Cues::beginnings(pairs)?.uncounted(Kinds(UNCOUNTED));
    println!("cues compiled in {:?}", started.elapsed());
    let mut pages = Vec::new();
    for row in BufReader::new(GzDecoder::new(File::open(file)?)).lines() {
        let row: Value = serde_json::from_str(&row?)?;
        let lines = row["lines"].as_array().into_iter().flatten();
        pages.push(lines.filter_map(|line| line.as_str().map(str::to_owned)).collect::<Vec<_>>());
    }
    let bytes: usize = pages.iter().flatten().map(|line| line.len() + 1).sum();
    let mut scratch = Scratch::default();
    let mut best = f64::MAX;
    let runs = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(7);
    let mut sum = 0i64;
    let mut judged = 0;
    for _ in 0..runs {
        let started = processor_time();
        (sum, judged) = (0, 0);
        for page in &pages {
            let judgements = model.judge(page.iter().map(String::as_str), &cues, &mut scratch);
            for judgement in judgements.lines().iter().flatten() {
                sum += i64::from(judgement.score);
                judged += 1;
            }
        }
        best = best.min(processor_time() - started);
    }
    println!(
        "{judged} lines, {:.0} bytes a line, {:.0} ns a line, {:.1} MB/s (sum {sum})",
        bytes as f64 / f64::from(judged),
        best * 1e9 / f64::from(judged),
        bytes as f64 / best / 1e6,
    );
    Ok(())
}
