//! Cleans a file: the article goes to standard output, the cuts to standard error.
//!
//!     cargo run -p chaffinch --example clean_file -- page.txt
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people to run")]

use std::error::Error;

use chaffinch::{Cleaner, Input};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: clean_file FILE")?;
    let bytes = std::fs::read(&path)?;
    let cleaner = Cleaner::new()?;
    let cleaned = cleaner.clean(Input::new(&bytes).path(&path));

    print!("{}", cleaned.text());
    for cut in cleaned.cuts() {
        let span = cut.span();
        eprintln!("{}-{} {}: {:?}", span.start, span.end, cut.rule(), cut.text());
    }
    for (name, values) in cleaned.fields().iter() {
        eprintln!("{name}: {}", values.join(", "));
    }
    eprintln!("{}", cleaned.verdict());
    assert_eq!(cleaned.restore()?, bytes);
    Ok(())
}
