//! A program with its own stage: `cargo run -p chaffinch-core --example house_style`.
//!
//! The stage is registered by name. Pipeline files and rule files can then refer to it like any
//! built-in stage.

use std::path::Path;

use chaffinch_core::Pipeline;
use chaffinch_core::stage::{Document, Marks, Options, OptionsError, Stage, contract};

/// Replaces double hyphens with dashes and removes the sign-off `-30-`.
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

fn main() {
    // The test that every stage must pass.
    contract::check(&HouseStyle { sign_off: true }, &["It ended -- at last -- well.\n\n-30-"]);

    let pipeline = Pipeline::builder()
        .register("house-style", HouseStyle::new)
        .config("house.yaml", PIPELINE, Path::new("."))
        .and_then(|builder| builder.build())
        .unwrap_or_else(|problems| panic!("{problems:?}"));

    let page = "The talks -- the third this year -- will go on for two days, the minister said.\n\n\
                -30-\nSHARE THIS ARTICLE\n";
    let cleaned = pipeline.clean(page.as_bytes());
    assert_eq!(
        cleaned.text(),
        "The talks – the third this year – will go on for two days, the minister said.\n"
    );
    assert_eq!(cleaned.restore().as_deref(), Ok(page.as_bytes()));

    for edit in cleaned.edits() {
        let rule = pipeline.rules().rule(edit.rule);
        let text = &cleaned.source()[edit.span.range()];
        #[expect(clippy::print_stdout, reason = "a program for people to run")]
        {
            println!("{:<28} {text:?} becomes {:?}", rule.id, edit.with);
        }
    }
}
