//! Compares plugins with the same stages built in, on a document of 3 KB: `cargo run --release
//! -p chaffinch-plugins --features engine --example overhead -- CORRECTIONS.wasm HUNDRED.wasm`.
//!
//! The modules are those of `chaffinch plugin new corrections` and of `examples/hundred`.
#![allow(clippy::print_stdout, reason = "a program for people to run")]

#[path = "hundred/src/patterns.rs"]
mod patterns;

use std::borrow::Cow;
use std::path::Path;
use std::time::Instant;

use chaffinch_core::stage::{Document, Marks, Rule, RuleId, Stage};
use chaffinch_plugins::Host;

/// The stage that `chaffinch plugin new` writes.
struct Corrections;

impl Stage for Corrections {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        for line in doc.tail().filter(|line| line.key().starts_with("Correction:")) {
            marks.remove(line.span(), doc.own_rule());
        }
    }
}

struct Hundred(patterns::Patterns);

impl Stage for Hundred {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        for line in doc.lines().filter(|line| self.0.is_match(line.text())) {
            marks.remove(line.span(), doc.own_rule());
        }
    }
}

fn main() {
    let modules: Vec<String> = std::env::args().skip(1).collect();
    let [corrections, hundred] = &modules[..] else {
        println!("usage: overhead CORRECTIONS.wasm HUNDRED.wasm");
        return;
    };
    let host = Host::new(None).expect("the engine supports this machine");
    let load = |path: &String, settings: &[(String, String)]| {
        let wasm = chaffinch_plugins::read(Path::new(path)).expect("the module is readable");
        let start = Instant::now();
        let stage = host.load(&wasm, settings).expect("the module is a plugin");
        println!(
            "{path}: {} bytes, compiled in {:.1} ms",
            wasm.len(),
            1e3 * start.elapsed().as_secs_f64()
        );
        stage
    };
    let words = [("words".to_owned(), "Correction:".to_owned())];
    let (light, heavy) = (load(corrections, &words), load(hundred, &[]));
    let mut text = String::from("Talks to go on\n\n");
    while text.len() < 2900 {
        text.push_str("The minister said on Tuesday that the talks would go on for two days, and that photos, \
                       sources and prices would follow once all parties had read the draft.\n\n");
    }
    text.push_str("Correction: The talks are in Elmford\n\nSHARE THIS\n");
    let rules = [Rule::new("stage/own", "stage")];
    let mut doc = Document::new(&text, &rules, |line| Cow::Borrowed(line.trim()));
    doc.enter("stage", RuleId(0));
    println!("document: {} bytes, {} lines", text.len(), doc.line_count());
    let built_in = [time(&Corrections, &doc), time(&Hundred(patterns::Patterns::new()), &doc)];
    let plugins = [time(&light, &doc), time(&heavy, &doc)];
    for (name, (built_in, plugin)) in
        ["corrections", "hundred"].iter().zip(built_in.iter().zip(plugins))
    {
        println!(
            "{name}: built in {built_in:.2} µs, plugin {plugin:.2} µs, {:.2} times",
            plugin / built_in
        );
    }
}

/// The least time of twenty measurements, in microseconds. The stage must find one line.
fn time(stage: &dyn Stage, doc: &Document<'_>) -> f64 {
    let mut marks = Marks::new();
    stage.mark(doc, &mut marks);
    assert_eq!((marks.failure(), marks.as_slice().len()), (None, 1));
    let measure = |_| {
        let start = Instant::now();
        (0..200).for_each(|_| stage.mark(doc, &mut Marks::new()));
        start.elapsed().as_secs_f64() * 1e6 / 200.0
    };
    (0..20).map(measure).fold(f64::INFINITY, f64::min)
}
