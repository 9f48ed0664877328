//! `chaffinch ledger`: prints the ledger of a run as rows of JSON, one for each edit.

use std::io::{self, BufWriter, Write};

use chaffinch_core::LedgerEdit;
use chaffinch_formats::ledger::{Record, RuleEntry};
use chaffinch_formats::{Records, run_record, run_rules};
use chaffinch_report::visible;
use serde::Serialize;

use crate::args::LedgerArgs;
use crate::failure::{Failure, with_cause};
use crate::printed;

/// One edit. Every row has all keys, so that programs infer the same schema from any part.
#[derive(Serialize)]
struct Row<'a> {
    file: &'a str,
    ordinal: u64,
    id: Option<&'a str>,
    outlet: Option<&'a str>,
    day: Option<&'a str>,
    rule: &'a str,
    stage: &'a str,
    start: usize,
    end: usize,
    text: &'a str,
    with: &'a str,
    confidence: Option<u8>,
}

pub(crate) fn run(args: &LedgerArgs) -> Result<u8, Failure> {
    let mut records = match args.run.is_file() {
        true => Records::of_ledger(&args.run),
        false => Records::of_run(&args.run)?,
    };
    check_rules(args)?;
    if run_record(&args.run).is_ok_and(|run| run["state"] != "finished") {
        message!("the run did not finish; its ledger lacks the documents that are not yet cleaned");
    }
    let mut documents = Documents::new(&args.document);
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let mut count = 0_u64;
    loop {
        let record = match records.next() {
            Ok(Some(record)) => record,
            Ok(None) => break,
            Err(error) => {
                let error = with_cause(&error);
                let message = format!("{error}; only the edits of {count} documents were read");
                return Err(Failure::Stopped(message));
            }
        };
        count += 1;
        if !documents.take(&record) {
            continue;
        }
        let mut rows = rows(&record, records.rules())?;
        rows.retain(|row| {
            args.rule.is_empty() || args.rule.iter().any(|wanted| is_within(row.rule, wanted))
        });
        let written = rows.iter().try_for_each(|row| {
            serde_json::to_writer(&mut out, row)?;
            out.write_all(b"\n")
        });
        if written.is_err() {
            return printed(written);
        }
    }
    printed(out.flush())?;
    Ok(documents.report_missing())
}

/// The edits of a document.
fn rows<'a>(record: &'a Record<'_>, rules: &'a [RuleEntry]) -> Result<Vec<Row<'a>>, Failure> {
    let row = |edit: &'a LedgerEdit<'_>| {
        let rule = rules.get(edit.rule as usize)?;
        Some(Row {
            file: &record.file,
            ordinal: record.ordinal,
            id: record.id.as_deref(),
            outlet: record.outlet.as_deref(),
            day: record.day.as_deref(),
            rule: &rule.id,
            stage: &rule.stage,
            start: edit.at,
            end: edit.end(),
            text: &edit.text,
            with: &edit.with,
            confidence: edit.confidence,
        })
    };
    let rows: Option<Vec<Row<'_>>> = record.undo.edits.iter().map(row).collect();
    rows.ok_or_else(|| {
        let name = record.name();
        Failure::Stopped(format!(
            "the ledger is damaged: it does not name the rule of an edit of {name}"
        ))
    })
}

/// Whether a rule has this id, or an id that begins with these segments.
fn is_within(id: &str, wanted: &str) -> bool {
    let rest = id.strip_prefix(wanted.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Refuses rules that the run did not have, because they are probably mistyped. A ledger without
/// the list of rules that a run writes is not checked.
fn check_rules(args: &LedgerArgs) -> Result<(), Failure> {
    if args.rule.is_empty() {
        return Ok(());
    }
    let Ok(rules) = run_rules(&args.run) else { return Ok(()) };
    let unknown = |wanted: &&String| !rules.iter().any(|rule| is_within(&rule.id, wanted));
    let Some(wanted) = args.rule.iter().find(unknown) else { return Ok(()) };
    let near = rules.iter().map(|rule| rule.id.as_str()).filter(|id| id.contains(wanted.as_str()));
    let near: Vec<&str> = near.take(6).collect();
    let help = match near.is_empty() {
        true => "see `chaffinch rules list`".to_owned(),
        false => format!("did you mean {}?", near.join(" or ")),
    };
    Err(Failure::Usage(format!("the run has no rule \"{wanted}\"; {help}")))
}

/// The documents given with `--document`.
struct Documents<'a> {
    /// Each with whether it was found.
    wanted: Vec<(&'a str, bool)>,
}

impl<'a> Documents<'a> {
    fn new(wanted: &'a [String]) -> Documents<'a> {
        Documents { wanted: wanted.iter().map(|wanted| (wanted.as_str(), false)).collect() }
    }

    /// Whether the edits of this document are printed.
    fn take(&mut self, record: &Record<'_>) -> bool {
        if self.wanted.is_empty() {
            return true;
        }
        let name = record.name();
        let names = [&*name, &*record.file, record.id.as_deref().unwrap_or(&name)];
        let mut taken = false;
        for (wanted, found) in &mut self.wanted {
            let same = names.contains(wanted);
            *found |= same;
            taken |= same;
        }
        taken
    }

    /// Reports documents that were not found, and returns the exit code.
    fn report_missing(&self) -> u8 {
        let missing = self.wanted.iter().filter(|(_, found)| !found);
        missing.clone().for_each(|(name, _)| {
            message!("{}: the ledger has no such document", visible(name));
        });
        u8::from(missing.count() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_named_by_their_first_segments() {
        let id = "generic/share-buttons/share/en";
        for wanted in [id, "generic", "generic/share-buttons/", "generic/share-buttons/share"] {
            assert!(is_within(id, wanted), "{wanted}");
        }
        for wanted in ["generic/share", "share-buttons", "generic/share-buttons/share/en/x", "x"] {
            assert!(!is_within(id, wanted), "{wanted}");
        }
    }
}
