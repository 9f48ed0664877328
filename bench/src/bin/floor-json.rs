//! Parses and writes each row of a JSON Lines file with the fastest JSON crate, and does nothing
//! else: a lower bound for the cost of reading and writing a corpus.
//!
//!     floor-json IN.jsonl OUT.jsonl

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};

use sonic_rs::Value;

fn main() -> io::Result<()> {
    let mut paths = std::env::args_os().skip(1);
    let (Some(input), Some(output)) = (paths.next(), paths.next()) else {
        return Err(io::Error::other("floor-json IN.jsonl OUT.jsonl"));
    };
    let mut rows = BufReader::with_capacity(1 << 20, File::open(input)?);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(output)?);
    let (mut row, mut written) = (Vec::new(), Vec::new());
    while rows.read_until(b'\n', &mut row)? > 0 {
        let value: Value = sonic_rs::from_slice(&row).map_err(io::Error::other)?;
        sonic_rs::to_writer(&mut written, &value).map_err(io::Error::other)?;
        written.push(b'\n');
        out.write_all(&written)?;
        written.clear();
        row.clear();
    }
    out.flush()
}
