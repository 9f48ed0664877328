//! A rule file made by a program: `cargo run -p chaffinch --example outlet_rules`.
//!
//! A rule file is YAML and describes one outlet. Here it is filled in from a table of the lines
//! that an outlet prints below its articles.
#![allow(clippy::print_stdout, reason = "a program for people to run")]

use chaffinch::{Cleaner, Input};

const FOOTER: &[&str] =
    &["The Valley Post is a member of the Press Board.", "Call the newsroom: 555 0100"];

const PAGE: &str = "The bridge over the river opened on Monday after two years of work.\n\n\
                    The mayor said that the ferry would run until the end of the month.\n\n\
                    Call the newsroom: 555 0100\n\
                    The Valley Post is a member of the Press Board.\n";

fn main() -> Result<(), chaffinch::Error> {
    // A JSON text is a YAML text, and Rust writes these strings as JSON would.
    let rules = format!(
        "outlet: valley-post\n\
         recognise: {{hosts: [valleypost.example]}}\n\
         rules:\n\
         \x20 - id: footer\n\
         \x20   stage: site-footer\n\
         \x20   where: tail\n\
         \x20   text: {FOOTER:?}\n\
         \x20   keeps: [The Valley Post is a member of the club.]\n"
    );
    let cleaner = Cleaner::builder().rule_text("valley-post.yaml", &rules).build()?;
    let cleaned = cleaner.clean(Input::new(PAGE).url("https://valleypost.example/2024/bridge"));
    print!("{}", cleaned.text());
    for cut in cleaned.cuts() {
        println!("{}: {:?}", cut.rule(), cut.text());
    }
    Ok(())
}
