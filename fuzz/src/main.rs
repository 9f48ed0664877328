//! Replays the corpora of fuzz targets, and mutates them without libFuzzer.
//!
//! ```text
//! cargo run --manifest-path fuzz/Cargo.toml -- [TARGET...] [--seconds N] [--seed N]
//! ```
//!
//! Without targets, all of them run. With `--seconds`, each target runs mutated inputs for so many
//! seconds after its corpus. An input that fails is written to `fuzz/artifacts/TARGET/`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command")]

mod mutate;

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chaffinch_fuzz::{TARGETS, Target};
use xxhash_rust::xxh3::xxh3_64;

use crate::mutate::{Random, mutated};

/// An input that takes longer than this fails.
const TOO_LONG: Duration = Duration::from_secs(30);

struct Options {
    targets: Vec<Target>,
    seconds: u64,
    seed: u64,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let mut failed = false;
    for target in &options.targets {
        match run(*target, &options) {
            Ok(message) => println!("{}: {message}", target.name),
            Err(message) => {
                eprintln!("{}: {message}", target.name);
                failed = true;
            }
        }
    }
    ExitCode::from(u8::from(failed))
}

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { targets: Vec::new(), seconds: 0, seed: 0 };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let number = match argument.as_str() {
            "--seconds" => &mut options.seconds,
            "--seed" => &mut options.seed,
            name => {
                let found = TARGETS.iter().find(|target| target.name == name);
                let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
                let unknown = || format!("unknown target {name:?}; one of {}", names.join(", "));
                options.targets.push(*found.ok_or_else(unknown)?);
                continue;
            }
        };
        let value = arguments.next().and_then(|value| value.parse().ok());
        *number = value.ok_or_else(|| format!("{argument} needs a number"))?;
    }
    if options.targets.is_empty() {
        options.targets = TARGETS.to_vec();
    }
    Ok(options)
}

/// Runs a target. Returns a summary.
fn run(target: Target, options: &Options) -> Result<String, String> {
    let started = Instant::now();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let corpus = corpus(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (path, input) in &corpus {
        check(target, input).map_err(|message| format!("{}: {message}", path.display()))?;
    }
    let (mut random, mut mutations) = (Random::new(options.seed), 0_u64);
    let until = Instant::now() + Duration::from_secs(options.seconds);
    while options.seconds > 0 && Instant::now() < until {
        let mut choose = || corpus[random.below(corpus.len())].1.as_slice();
        let (input, other) = (choose(), choose());
        let input = mutated(input, other, &mut random);
        check(target, &input).map_err(|message| match keep(target, &input) {
            Ok(path) => format!("{}: {message}", path.display()),
            Err(error) => format!("{input:?} ({error}): {message}"),
        })?;
        mutations += 1;
    }
    let seconds = started.elapsed().as_secs();
    Ok(format!("{} inputs and {mutations} mutations in {seconds} s", corpus.len()))
}

fn corpus(folder: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    if paths.is_empty() {
        return Err(io::Error::other("the corpus is empty"));
    }
    paths.into_iter().map(|path| Ok((path.clone(), fs::read(path)?))).collect()
}

fn check(target: Target, input: &[u8]) -> Result<(), String> {
    let started = Instant::now();
    catch_unwind(AssertUnwindSafe(|| (target.run)(input)))
        .map_err(|panic| chaffinch_core::panic_message(&*panic).to_owned())?;
    match started.elapsed() {
        elapsed if elapsed > TOO_LONG => Err(format!("it took {} s", elapsed.as_secs())),
        _ => Ok(()),
    }
}

/// Stores an input that failed.
fn keep(target: Target, input: &[u8]) -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(target.name);
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{:016x}", xxh3_64(input)));
    fs::write(&path, input)?;
    Ok(path)
}
