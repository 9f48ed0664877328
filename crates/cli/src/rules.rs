//! `chaffinch rules list`, `show` and `try`: show rules and try patterns.

use std::fmt::Write;
use std::path::Path;

use chaffinch_core::message::counted;
use chaffinch_core::stage::{At, RuleId};
use chaffinch_core::{Limits, MODEL_RULE, Pipeline};
use chaffinch_report::visible;

use crate::args::{RulesListArgs, RulesShowArgs, RulesTryArgs};
use crate::failure::Failure;
use crate::{print, setup};

/// Rules that come from rule files, with their ids.
fn in_files(pipeline: &Pipeline) -> impl Iterator<Item = (RuleId, &chaffinch_core::stage::Rule)> {
    let rules = pipeline.rules();
    let numbered = rules.ids().map(|id| (id, rules.rule(id)));
    numbered.filter(|(id, _)| !rules.source(*id).file.is_empty())
}

pub(crate) fn list(args: &RulesListArgs) -> Result<u8, Failure> {
    let pipeline = setup::pipeline(&args.rules)?;
    let rules = pipeline.rules();
    let wanted = |id: &str, stage: &str| {
        args.filter.as_ref().is_none_or(|filter| id.contains(filter) || stage.contains(filter))
    };
    let mut rows = Vec::new();
    for (id, rule) in in_files(&pipeline).filter(|(_, rule)| wanted(&rule.id, &rule.stage)) {
        let place = rule.place.to_string();
        rows.push((&*rule.id, &*rule.stage, place, rules.source(id).written.to_string()));
    }
    let mut text = String::new();
    if args.filter.is_none() {
        text.push_str("outlets\n");
        for (id, name, count) in rules.outlets() {
            let _ = writeln!(text, "  {id:<24} {:<28} {count} rules", visible(name.unwrap_or("")));
        }
        text.push_str("\nrules\n");
    }
    let width = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
    let stage_width = rows.iter().map(|row| row.1.len()).max().unwrap_or(0);
    for (id, stage, place, written) in rows {
        let written = visible(&written);
        let shown: String = written.chars().take(72).collect();
        let dots = if shown.len() < written.len() { "…" } else { "" };
        let _ = writeln!(text, "  {id:<width$}  {stage:<stage_width$}  {place:<8}  {shown}{dots}");
    }
    print(text.as_bytes())
}

pub(crate) fn show(args: &RulesShowArgs) -> Result<u8, Failure> {
    let pipeline = setup::pipeline(&args.rules)?;
    let found = in_files(&pipeline).find(|(_, rule)| rule.id == args.id);
    let Some((id, rule)) = found else {
        if args.id == MODEL_RULE {
            let message = format!(
                "{MODEL_RULE} is the rule of cuts by the line model and is in no rule file; `chaffinch explain` \
                 gives the reasons for each cut"
            );
            return Err(Failure::Usage(message));
        }
        let ids: Vec<&str> = in_files(&pipeline).map(|(_, rule)| rule.id.as_str()).collect();
        let near: Vec<&str> = ids.into_iter().filter(|id| id.contains(&args.id)).take(6).collect();
        let help = match near.is_empty() {
            true => "see `chaffinch rules list`".to_owned(),
            false => format!("did you mean {}?", near.join(" or ")),
        };
        return Err(Failure::Usage(format!("unknown rule \"{}\"; {help}", args.id)));
    };
    let source = pipeline.rules().source(id);
    let bold = anstyle::Style::new().bold();
    let mut text = format!("{bold}{}{bold:#}\n", rule.id);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<10} {}", visible(value));
    };
    let is_on_disk = Path::new(source.file.as_ref()).exists();
    line("file", &format!("{}{}", source.file, if is_on_disk { "" } else { " (built in)" }));
    line("stage", &rule.stage);
    line("where", &rule.place.to_string());
    if let Some(at) = rule.at {
        let at = match at {
            At::Nth(1) => "first".to_owned(),
            At::Nth(number) => number.to_string(),
            At::Last => "last".to_owned(),
        };
        line("at", &at);
    }
    if let Some(words) = rule.max_words {
        line("max_words", &words.to_string());
    }
    if rule.safe {
        line(
            "safe",
            "also acts in documents without a body line; does not count towards the damage cap",
        );
    }
    for (key, patterns) in &source.written.keys {
        patterns.iter().for_each(|pattern| line(key, pattern));
    }
    let era = [("since", &source.era.since), ("until", &source.era.until)];
    era.iter().for_each(|(key, day)| day.iter().for_each(|day| line(key, day)));
    for cases in [pipeline.rules().cases(id), &pipeline.rules().lexicon_cases(id)] {
        cases.removes.iter().for_each(|case| line("removes", case));
        cases.keeps.iter().for_each(|case| line("keeps", case));
    }
    let unit = source.unit.map(|unit| pipeline.rules().unit_name(unit));
    let done = match (&args.run, chaffinch_formats::latest_run(Path::new("."))) {
        (Some(run), _) => done(run, &rule.id, unit, true)?,
        (None, Some(run)) => done(&run, &rule.id, unit, false)?,
        (None, None) => None,
    };
    done.iter().for_each(|done| line("last run", done));
    print(text.as_bytes())
}

/// What a rule removed in a run. A run that was found, and not given by the user (`wanted`), is
/// ignored if it cannot be read.
fn done(
    run: &Path,
    rule: &str,
    outlet: Option<&str>,
    wanted: bool,
) -> Result<Option<String>, Failure> {
    let counts = match chaffinch_formats::run_record(run) {
        Ok(record) => record,
        Err(error) if wanted => {
            return Err(Failure::Usage(format!(
                "{} is not a finished run: {error}",
                run.display()
            )));
        }
        Err(_) => return Ok(None),
    };
    let count = |value: &serde_json::Value, name: &str| value[name].as_u64().unwrap_or(0);
    let own = &counts["rules"][rule];
    let all = match outlet {
        Some(outlet) => count(&counts["outlets"][outlet], "documents"),
        None => count(&counts, "documents"),
    };
    let of = outlet.map_or(String::new(), |outlet| format!(" of {outlet}"));
    let (cuts, documents, bytes) =
        (count(own, "cuts"), count(own, "documents"), count(own, "bytes"));
    let run = run.display();
    let (cuts, bytes) = (counted(cuts, "cut"), counted(bytes, "byte"));
    Ok(Some(format!("{cuts}, {bytes}, in {documents} of {}{of} ({run})", counted(all, "document"))))
}

pub(crate) fn try_pattern(args: &RulesTryArgs) -> Result<u8, Failure> {
    let stages: Vec<&str> = chaffinch_core::STAGES.iter().map(|stage| stage.name).collect();
    if !stages.contains(&args.stage.as_str()) {
        let help = chaffinch_rules::yaml::expected(&args.stage, &stages);
        return Err(Failure::Usage(format!("--stage: unknown stage \"{}\"; {help}", args.stage)));
    }
    // A rule file with only this pattern, so that problems point at the pattern.
    let pattern = args.pattern.replace('\'', "''");
    let file = format!(
        "outlet: try\nrules:\n  - id: try\n    stage: {}\n    where: {}\n    {}: '{pattern}'\n    \
         removes: [x]\n    keeps: [x]\n",
        args.stage, args.place, args.kind
    );
    let limits = Limits { body_cut_share: 1.0, total_cut_share: 1.0, ..Limits::default() };
    let pipeline = Pipeline::builder()
        .rule_file("the pattern", &file)
        .outlet("try")
        .only(std::slice::from_ref(&args.stage))
        .limits(limits)
        .build()?;
    let names = chaffinch_formats::FieldNames::default();
    let read = chaffinch_formats::documents(&args.documents, None, &names, None, usize::MAX)?;
    for (name, reason) in &read.passed_over {
        message!("skipped: {}: {}", visible(name), visible(reason));
    }
    let documents = read.documents;
    let (mut text, mut cuts, mut hit) = (String::new(), 0, 0);
    for document in &documents {
        let cleaned = pipeline.clean_text(&document.text, None);
        let own = |edit: &&chaffinch_core::Edit| pipeline.rules().rule(edit.rule).id == "try/try";
        let found: Vec<_> = cleaned.edits().iter().filter(own).collect();
        hit += usize::from(!found.is_empty());
        cuts += found.len();
        let mut lines = crate::explain::LineNumbers::of(&document.text);
        for edit in found {
            let line = lines.next(edit);
            let cut = document.text[edit.span.range()].trim();
            let _ = writeln!(text, "{}:{line}: {}", visible(&document.name), visible(cut));
        }
    }
    let (cuts, documents) =
        (counted(cuts as u64, "cut"), counted(documents.len() as u64, "document"));
    let _ = writeln!(text, "{cuts} in {hit} of {documents}");
    print(text.as_bytes())
}
