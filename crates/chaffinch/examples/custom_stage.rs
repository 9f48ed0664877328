//! A stage of one's own: `cargo run -p chaffinch --example custom_stage`.
//!
//! The stage is registered under a name. The pipeline places it and gives it settings, and rule
//! files can use it, like the stages that ship.
#![allow(clippy::print_stdout, reason = "a program for people to run")]

use chaffinch::Cleaner;
use chaffinch::stage::{Document, Marks, Options, OptionsError, Stage, contract};

/// Replaces the double hyphens of typewriters with dashes and removes the sign-off `-30-`.
struct HouseStyle {
    sign_off: bool,
}

impl HouseStyle {
    fn new(options: &mut Options) -> Result<HouseStyle, OptionsError> {
        Ok(HouseStyle { sign_off: options.bool("sign_off", true)? })
    }
}

impl Stage for HouseStyle {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        for line in doc.lines() {
            for (at, hyphens) in line.text().match_indices(" -- ") {
                let span = line.source_span(at..at + hyphens.len());
                marks.replace(span, " – ", doc.own_rule());
            }
        }
        for line in doc.tail().filter(|line| self.sign_off && line.key() == "-30-") {
            marks.remove(line.span(), doc.own_rule());
        }
    }
}

const PIPELINE: &str = "
stages:
  - share-buttons
  - house-style: {sign_off: true}
";

const PAGE: &str = "The talks -- the third this year -- will go on for two days, the minister said.\n\n\
                    -30-\nSHARE THIS ARTICLE\n";

fn main() -> Result<(), chaffinch::Error> {
    // The test that every stage has to pass.
    contract::check(&HouseStyle { sign_off: true }, &[PAGE]);

    let cleaner =
        Cleaner::builder().stage("house-style", HouseStyle::new).pipeline(PIPELINE).build()?;
    let cleaned = cleaner.clean(PAGE);
    print!("{}", cleaned.text());
    for cut in cleaned.cuts() {
        println!("{}: {:?} becomes {:?}", cut.rule(), cut.text(), cut.replacement());
    }
    assert_eq!(cleaned.restore()?, PAGE.as_bytes());
    Ok(())
}
