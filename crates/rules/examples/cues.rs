//! Prints the cues of the shipped lexicon, from which the line model is trained: tab-separated rows
//! of the number of a kind, a language and a phrase.

use std::io::{self, BufWriter, Write};

use chaffinch_rules::lexicon::Lexicon;

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for (kind, language, phrase) in Lexicon::shipped().cues() {
        writeln!(out, "{kind}\t{language}\t{phrase}")?;
    }
    out.flush()
}
