//! `chaffinch rules drift`: reports rules that stopped matching.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use chaffinch_core::Pipeline;
use chaffinch_core::rules::edit;
use chaffinch_formats::{originals, tally_by_month};
use chaffinch_learn::{Sample, Samples};
use chaffinch_report::drift::{ByMonth, Drift, between_runs, inside_run};
use chaffinch_report::visible;
use serde_json::json;

use crate::args::{DriftArgs, DriftFormat};
use crate::failure::Failure;
use crate::{print, setup, write_whole};

/// The most documents that new rules are learned from.
const MOST: usize = 200;

pub(crate) fn run(args: &DriftArgs) -> Result<u8, Failure> {
    let runs: Result<Vec<ByMonth>, _> = args.runs.iter().map(|run| tally_by_month(run)).collect();
    let runs = runs?;
    let found = match runs.as_slice() {
        [one] => {
            if !one.keys().any(|(_, month)| month.is_some()) {
                let message = "a single run is compared by the months of its documents, but none of them \
                               has a date; give two runs, or clean records with --date-field";
                return Err(Failure::Usage(message.into()));
            }
            inside_run(one)
        }
        runs => between_runs(runs),
    };
    let mut text = String::new();
    for drift in &found {
        match args.format {
            DriftFormat::Text => for_people(drift, &mut text),
            DriftFormat::Json => {
                let _ = writeln!(text, "{}", for_programs(drift));
            }
        }
    }
    if args.format == DriftFormat::Text {
        let outlets: usize = runs.last().map_or(0, |run| {
            let mut outlets: Vec<&str> = run.keys().map(|(outlet, _)| outlet.as_str()).collect();
            outlets.dedup();
            outlets.len()
        });
        let _ = writeln!(text, "{} of {outlets} outlets drifted", found.len());
    }
    print(text.as_bytes())?;
    if let Some(folder) = &args.propose {
        let pipeline = setup::pipeline(&args.rules)?;
        for drift in &found {
            propose(drift, folder, args, &pipeline)?;
        }
    }
    Ok(u8::from(!found.is_empty()))
}

fn since(drift: &Drift) -> String {
    match &drift.month {
        Some(month) => format!("since {month}"),
        None => "in the last run".to_owned(),
    }
}

fn for_people(drift: &Drift, text: &mut String) {
    let bold = anstyle::Style::new().bold();
    let (before, after, since) = (&drift.before, &drift.after, since(drift));
    let _ = writeln!(
        text,
        "{bold}{}{bold:#}: {} documents before, {} {since}",
        visible(&drift.outlet),
        before.documents,
        after.documents
    );
    let width = drift.stopped.iter().map(String::len).max().unwrap_or(0).max("tail".len());
    for rule in &drift.stopped {
        let now = after.rules.get(rule).copied().unwrap_or(0);
        let _ = writeln!(
            text,
            "  {:<width$}  matched in {} of {} documents, {since} in {now} of {}",
            visible(rule),
            before.rules[rule],
            before.documents,
            after.documents
        );
    }
    if drift.tail_grew {
        let (old, new) = drift.tails();
        let _ = writeln!(
            text,
            "  {:<width$}  {old:.1} lines left below the article per document, {since} {new:.1}",
            "tail"
        );
    }
    text.push('\n');
}

fn for_programs(drift: &Drift) -> serde_json::Value {
    let (old, new) = drift.tails();
    let rule = |rule: &String| {
        json!({
            "rule": rule,
            "before": drift.before.rules[rule],
            "after": drift.after.rules.get(rule).copied().unwrap_or(0),
        })
    };
    json!({
        "outlet": drift.outlet,
        "month": drift.month,
        "documents_before": drift.before.documents,
        "documents_after": drift.after.documents,
        "stopped": drift.stopped.iter().map(rule).collect::<Vec<_>>(),
        "tail_before": old,
        "tail_after": new,
        "tail_grew": drift.tail_grew,
    })
}

/// Writes an updated rule file of the outlet: rules that stopped matching get `until`, and rules
/// learned from the new documents are added.
fn propose(
    drift: &Drift,
    folder: &Path,
    args: &DriftArgs,
    pipeline: &Pipeline,
) -> Result<(), Failure> {
    let say = |what: &str| message!("{}: {}", visible(&drift.outlet), visible(what));
    let rules = pipeline.rules();
    let Some(unit) = rules.unit(&drift.outlet) else {
        say("its rule file is not among the rules in use; give its directory with --rules DIR");
        return Ok(());
    };
    let file = rules.unit_file(unit);
    let Some(text) = chaffinch_proof::text_of(file) else {
        say(&format!("cannot read {file}"));
        return Ok(());
    };
    let Some(run) = args.runs.last() else { return Ok(()) };
    let month = drift.month.as_deref();
    let is_new = |record: &chaffinch_formats::ledger::Record| {
        let day = record.day.as_deref();
        record.outlet.as_deref() == Some(&drift.outlet)
            && month.is_none_or(|month| day.is_some_and(|day| day >= month))
    };
    let since = args.since.clone().or_else(|| match month {
        Some(month) => Some(format!("{month}-01")),
        None => drift.after.first_day.clone(),
    });
    let Some(since) = since else {
        let message = format!(
            "{}: none of its documents has a date; give the first day of the new layout with --since \
             DAY",
            drift.outlet
        );
        return Err(Failure::Usage(message));
    };
    let sample = |document: chaffinch_formats::Document| Sample {
        name: document.name,
        text: document.text,
        url: document.url,
        path: document.path,
        date: document.date,
    };
    let samples: Vec<Sample> = originals(run, &is_new, MOST)?.into_iter().map(sample).collect();
    // The run recognised the outlet.
    let samples = Samples { all: &samples, one_outlet: true };
    let mut yaml = text;
    for rule in &drift.stopped {
        let at = pipeline.find_rule(rule).map(|id| rules.source(id).at);
        let path = at.map(|at| format!("rules[{at}]"));
        let ended = path.and_then(|path| edit::set(&yaml, &path, "until", &since, "stage"));
        match ended {
            Some(ended) => {
                yaml = ended;
                say(&format!("{rule}: until {since}"));
            }
            None => say(&format!("{rule}: add `until: {since}` by hand")),
        }
    }
    match chaffinch_learn::update(file, &yaml, samples, Some(&since), pipeline) {
        Ok(updated) => {
            updated.changes.iter().for_each(|change| say(&format!("{change}, since {since}")));
            updated.notes.iter().for_each(|note| say(&format!("note: {note}")));
            yaml = updated.yaml;
        }
        Err(error) => say(&format!("no new rule: {error}")),
    }
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::Stopped(format!("cannot create {}: {error}", folder.display()))
    })?;
    let path: PathBuf = folder.join(format!("{}.yaml", drift.outlet));
    write_whole(&path, yaml.as_bytes())?;
    say(&format!("proposed rule file: {}", path.display()));
    Ok(())
}
