//! Benchmarks of single parts: `just bench`.

use chaffinch_core::rules::key;
use chaffinch_core::stage::{Document, Rule, script};
use chaffinch_core::{Pipeline, decode};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// The seed documents, one after another.
fn seeds() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/seeds");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

fn bytes(texts: &[String]) -> BytesCount {
    BytesCount::new(texts.iter().map(String::len).sum::<usize>())
}

#[divan::bench]
fn decoding(bencher: Bencher<'_, '_>) {
    let texts = seeds();
    bencher.counter(bytes(&texts)).bench_local(|| {
        texts.iter().filter(|text| decode(black_box(text.as_bytes()), None).is_ok()).count()
    });
}

#[divan::bench]
fn lines_and_zones(bencher: Bencher<'_, '_>) {
    let texts = seeds();
    let rules: &[Rule; 0] = &[];
    bencher.counter(bytes(&texts)).bench_local(|| {
        let lines = |text: &String| Document::new(text, &rules, key::key).line_count();
        texts.iter().map(lines).sum::<usize>()
    });
}

#[divan::bench]
fn keys(bencher: Bencher<'_, '_>) {
    let texts = seeds();
    bencher.counter(bytes(&texts)).bench_local(|| {
        let lines = texts.iter().flat_map(|text| text.lines());
        lines.map(|line| key::key(black_box(line)).len()).sum::<usize>()
    });
}

#[divan::bench]
fn words(bencher: Bencher<'_, '_>) {
    let texts = seeds();
    bencher
        .counter(bytes(&texts))
        .bench_local(|| texts.iter().map(|text| script::words(black_box(text))).sum::<usize>());
}

#[divan::bench]
fn cleaning(bencher: Bencher<'_, '_>) {
    let texts = seeds();
    let Ok(pipeline) = Pipeline::shipped() else { return };
    bencher.counter(bytes(&texts)).bench_local(|| {
        texts.iter().map(|text| pipeline.clean_text(text, None).bytes_removed()).sum::<usize>()
    });
}
