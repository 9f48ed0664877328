//! Measures the engine in memory: splitting lines, finding hits, making and applying marks.
//!
//!     matching RULES_DIR IN.jsonl (known|unknown) [PIPELINE.yaml]
//!
//! With `known`, the URL identifies the outlet; with `unknown`, the URL is withheld. Prints megabytes
//! of text per second on one core, the best of five rounds.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use chaffinch_core::Pipeline;
use sonic_rs::{JsonValueTrait, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rules, input, how, rest @ ..] = arguments.as_slice() else {
        return Err("matching RULES_DIR IN.jsonl (known|unknown) [PIPELINE.yaml]".into());
    };
    let mut builder = Pipeline::builder().rules(rules);
    if let [file] = rest {
        let text = std::fs::read_to_string(file)?;
        builder = builder.config(file, &text, Path::new("")).map_err(in_lines)?;
    }
    let pipeline = builder.build().map_err(in_lines)?;
    let mut documents = Vec::new();
    for row in std::fs::read_to_string(input)?.lines() {
        let row: Value = sonic_rs::from_str(row)?;
        let text = |name: &str| row.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let url = text("url").filter(|_| how == "known");
        documents.push((text("text").unwrap_or_default(), url));
    }
    let bytes: usize = documents.iter().map(|(text, _)| text.len()).sum();
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let started = Instant::now();
        let cut: usize = documents
            .iter()
            .map(|(text, url)| pipeline.clean_text(text, url.as_deref()).bytes_removed())
            .sum();
        std::hint::black_box(cut);
        best = best.min(started.elapsed().as_secs_f64());
    }
    let rate = bytes as f64 / best / 1e6;
    write_out(&format!("{rate:.1}\n"))?;
    Ok(())
}

fn in_lines(problems: Vec<chaffinch_core::rules::Problem>) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn write_out(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    std::io::stdout().write_all(text.as_bytes())
}
