//! `chaffinch rules test`: runs the examples in rule files.

use std::fmt::Write;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use chaffinch_core::message::counted;
use chaffinch_core::rules::edit;
use chaffinch_report::visible;
use similar::{ChangeTag, TextDiff};

use crate::args::RulesTestArgs;
use crate::check::Checked;
use crate::failure::Failure;
use crate::print;

pub(crate) fn run(args: &RulesTestArgs) -> Result<u8, Failure> {
    let checked = Checked::load(&args.files)?;
    let rules = checked.pipeline.rules();
    let (mut text, mut count, mut wrong, mut files) = (String::new(), 0, 0, 0);
    for unit in rules.units().filter(|unit| checked.wanted(rules.unit_file(*unit))) {
        let file = rules.unit_file(unit);
        let pipeline = checked.pipeline.for_outlet(Some(unit));
        let mut source = None;
        for (at, example) in rules.examples_of(unit).iter().enumerate() {
            count += 1;
            let cleaned = pipeline.clean(example.text.as_bytes());
            if cleaned.text() == example.clean {
                continue;
            }
            wrong += 1;
            let name = visible(file);
            let _ = writeln!(text, "{name}: example {}", at + 1);
            difference(&example.clean, cleaned.text(), &mut text);
            if args.accept {
                let before = match source.take() {
                    Some(source) => source,
                    None => std::fs::read_to_string(file).map_err(|error| {
                        Failure::Usage(format!("cannot rewrite {file}: {error}"))
                    })?,
                };
                let path = format!("examples[{at}]");
                let after = edit::set(&before, &path, "clean", cleaned.text(), "text");
                source = Some(after.ok_or_else(|| {
                    let message =
                        "the YAML is too unusual to change a single text in it; edit it by hand";
                    Failure::Stopped(format!("{file}: example {}: {message}", at + 1))
                })?);
            }
        }
        if let Some(source) = source {
            files += 1;
            crate::write_whole(Path::new(file), source.as_bytes())?;
        }
    }
    let examples = counted(count as u64, "example");
    let _ = match (wrong, args.accept) {
        (0, _) => writeln!(text, "{examples}, all as expected"),
        (wrong, true) => {
            writeln!(text, "{examples}; {wrong} rewritten in {}", counted(files, "file"))
        }
        (wrong, false) => writeln!(
            text,
            "{examples}; {wrong} not as expected: fix the rules, or accept the results with --accept"
        ),
    };
    print(text.as_bytes())?;
    Ok(u8::from(wrong > 0 && !args.accept))
}

/// Writes the differences between the expected and the actual text.
fn difference(wanted: &str, got: &str, text: &mut String) {
    let diff = TextDiff::from_lines(wanted, got);
    for hunk in diff.unified_diff().context_radius(2).iter_hunks() {
        for change in hunk.iter_changes() {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ('-', AnsiColor::Red.on_default()),
                ChangeTag::Insert => ('+', AnsiColor::Green.on_default()),
                ChangeTag::Equal => (' ', Style::new()),
            };
            let line = visible(change.value().trim_end_matches('\n'));
            let _ = writeln!(text, "  {style}{sign} {line}{style:#}");
        }
        text.push('\n');
    }
}
