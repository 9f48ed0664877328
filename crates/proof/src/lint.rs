//! Checks rules without running documents: rules that can never match, that other rules make
//! redundant, or that are slower than necessary.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chaffinch_core::rules::{coverage, yaml};
use chaffinch_core::stage::{Action, At, Place, RuleId, Tier};
use chaffinch_core::{Pipeline, STAGES, STANDARD_FIELDS};

use crate::{ERROR, Finding, WARNING, cases, rules_of};

/// The weight from which a regex is reported as large: half of what can be compiled.
const LARGE: usize = 100_000;

pub(crate) fn lint(pipeline: &Pipeline, wanted: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for id in rules_of(pipeline, wanted) {
        findings.extend(unknown_detector(pipeline, id));
        findings.extend(never(pipeline, id));
        findings.extend(subsumed(pipeline, id));
        findings.extend(costly(pipeline, id));
        findings.extend(unknown_fields(pipeline, id));
    }
    findings.extend(duplicates(pipeline).into_iter().filter(|finding| wanted(&finding.file)));
    findings.extend(shared_signs(pipeline).into_iter().filter(|finding| wanted(&finding.file)));
    findings
}

fn unknown_detector(pipeline: &Pipeline, id: RuleId) -> Option<Finding> {
    let rule = pipeline.rule(id);
    let wanted = rule.detect.as_deref()?;
    let stage = STAGES.iter().find(|stage| stage.name == rule.stage)?;
    if stage.detectors.contains(&wanted) {
        return None;
    }
    let message = format!("stage {} has no detector \"{wanted}\"", rule.stage);
    let help = match stage.detectors.is_empty() {
        true => "it has no detectors: use a pattern".to_owned(),
        false => yaml::expected(wanted, stage.detectors),
    };
    Some(Finding::of_rule(pipeline, id, (ERROR, "unknown-detector"), "detect", message).help(help))
}

/// The reason why a rule can never match, if there is one.
fn never(pipeline: &Pipeline, id: RuleId) -> Option<Finding> {
    let (rule, source) = (pipeline.rule(id), pipeline.rules().source(id));
    let texts =
        || source.written.keys.iter().flat_map(|(key, texts)| texts.iter().map(move |t| (*key, t)));
    let fewest = || {
        let words =
            texts().filter(|(key, _)| !matches!(*key, "start" | "end" | "inside" | "detect"));
        let words = words.map(|(key, text)| match key {
            "text" => Some(text.split_whitespace().count()),
            _ => coverage::fewest_words(text, source.written.ignore_case),
        });
        words.min().flatten()
    };
    let is_block = source.written.keys.len() == 2;
    let rim = matches!(rule.place, Place::Opening | Place::Closing);
    let (path, message, help) = match (rule.at, rule.max_words) {
        (Some(At::Nth(2..)), _) if rim => (
            "at",
            "opening and closing are one line each, so there is no second one".to_owned(),
            "delete `at`, or widen `where`",
        ),
        (_, Some(most)) if fewest().is_some_and(|fewest| fewest > most) => (
            "max_words",
            format!("the pattern needs at least {} words, but `max_words` is {most}", fewest()?),
            "increase or delete it",
        ),
        (_, Some(most)) if rim && most < 8 => (
            "max_words",
            format!(
                "opening and closing lines have at least eight words, but `max_words` is {most}"
            ),
            "take it out",
        ),
        _ if is_block && rim => (
            "where",
            "opening and closing are one line each, so they cannot contain a block".to_owned(),
            "use `head`, `tail` or `anywhere`",
        ),
        _ if is_block && rule.max_lines < 2 => {
            ("max_lines", "a block has at least two lines".to_owned(), "increase it, or use `line`")
        }
        _ => return None,
    };
    let message = format!("can never match: {message}");
    Some(Finding::of_rule(pipeline, id, (WARNING, "never"), path, message).help(help))
}

fn subsumed(pipeline: &Pipeline, id: RuleId) -> Option<Finding> {
    let rule = pipeline.rule(id);
    // A rule that records a field is not redundant.
    let cuts = matches!(rule.action, Action::Remove | Action::Replace(_));
    let names = pipeline.rules().patterns(id).iter().any(|pattern| pattern.has_fields());
    if !cuts || names || !rule.fields.is_empty() {
        return None;
    }
    let others = cases::others_that_remove(pipeline, id)?;
    let names: Vec<&str> = others.iter().map(|id| pipeline.rule(*id).id.as_str()).collect();
    let message = format!("everything it removes is also removed by {}", names.join(" and "));
    let help = "delete it, or add a case that only this rule removes";
    Some(Finding::of_rule(pipeline, id, (WARNING, "subsumed"), "id", message).help(help))
}

fn costly(pipeline: &Pipeline, id: RuleId) -> Vec<Finding> {
    let (rules, source) = (pipeline.rules(), pipeline.rules().source(id));
    let mut findings = Vec::new();
    let key = source.written.keys.first().map_or("id", |(key, _)| *key);
    let warn = |code, path: &str, message: String| {
        Finding::of_rule(pipeline, id, (WARNING, code), path, message)
    };
    if rules.is_slow(id) {
        let message =
            "it has no fixed text at its start or end, so it is tried on every line".to_owned();
        let help = "add a fixed word there";
        findings.push(warn("slow", key, message).help(help));
    }
    let states: usize = rules.patterns(id).iter().map(|pattern| pattern.weight()).sum();
    if states > LARGE && pipeline.rule(id).tier != Tier::Generic {
        let message = format!("the regex has about {states} states");
        let help = "counted repetitions of classes multiply: use `\\S+` instead of `\\w{1,200}`, for example";
        findings.push(warn("large", key, message).help(help));
    }
    for (key, texts) in
        source.written.keys.iter().filter(|(key, _)| !matches!(*key, "text" | "detect"))
    {
        for (at, text) in texts.iter().enumerate() {
            if let Some(range) = unnamed_group(text) {
                let message = "a group without a name captures text that is not used".to_owned();
                let mut finding = warn("needless-group", &format!("{key}[{at}]"), message);
                finding.part = Some(range);
                findings.push(
                    finding.help("use `(?:…)`, or name it to record a field: `(?<section>…)`"),
                );
            }
        }
    }
    findings
}

/// Named groups whose name is neither a standard field nor a key of `fields:` in the same file.
/// They are probably misspelt: a group with any name makes a field, and nothing else reports it.
fn unknown_fields(pipeline: &Pipeline, id: RuleId) -> Vec<Finding> {
    let rules = pipeline.rules();
    let source = rules.source(id);
    let keys = source.written.keys.iter();
    let patterns = keys.filter(|(key, _)| !matches!(*key, "text" | "detect"));
    let mut findings = Vec::new();
    let mut declared_fields: Option<BTreeSet<&str>> = None;
    for (key, texts) in patterns {
        for (at, text) in texts.iter().enumerate() {
            for range in group_names(text) {
                let name = &text[range.clone()];
                // Most groups are standard fields: the rules of the file are only read for others.
                let declared = || {
                    let same_file = rules.ids().filter(|id| rules.source(*id).file == source.file);
                    same_file
                        .flat_map(|id| &rules.rule(id).fields)
                        .map(|(name, _)| &**name)
                        .collect()
                };
                if STANDARD_FIELDS.contains(&name)
                    || declared_fields.get_or_insert_with(declared).contains(name)
                {
                    continue;
                }
                let message = format!("`{name}` is not a standard field");
                let help = format!(
                    "{} (to declare a field of your own: `fields: {{{name}: \"\"}}`)",
                    yaml::expected(name, STANDARD_FIELDS)
                );
                let kind = (WARNING, "unknown-field");
                let path = format!("{key}[{at}]");
                let mut finding = Finding::of_rule(pipeline, id, kind, &path, message).help(help);
                finding.part = Some(range);
                findings.push(finding);
            }
        }
    }
    findings
}

/// Where the first unnamed group of a regex opens.
fn unnamed_group(regex: &str) -> Option<Range<usize>> {
    let at = groups(regex).find(|at| !regex[at + 1..].starts_with('?'))?;
    Some(at..at + 1)
}

/// Where the names of the groups of a regex are.
fn group_names(regex: &str) -> impl Iterator<Item = Range<usize>> {
    groups(regex).filter_map(|at| {
        let rest = &regex[at..];
        let opened = ["(?<", "(?P<"].iter().find(|opening| rest.starts_with(**opening))?;
        let start = at + opened.len();
        let length = regex[start..].find('>')?;
        Some(start..start + length)
    })
}

/// Where the groups of a regex open: its parentheses that are neither escaped nor in a class.
fn groups(regex: &str) -> impl Iterator<Item = usize> {
    let (mut escaped, mut class) = (false, 0_usize);
    regex.char_indices().filter_map(move |(at, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class += 1,
            ']' => class = class.saturating_sub(1),
            '(' if class == 0 => return Some(at),
            _ => {}
        }
        None
    })
}

/// Rules that occur in two files.
fn duplicates(pipeline: &Pipeline) -> Vec<Finding> {
    let rules = pipeline.rules();
    let mut seen: BTreeMap<String, Vec<RuleId>> = BTreeMap::new();
    for id in rules.ids() {
        let (rule, source) = (rules.rule(id), rules.source(id));
        if source.unit.is_some() && rule.detect.is_none() {
            let same = format!(
                "{} {:?} {:?} {:?} {:?} {:?} {:?}",
                rule.stage,
                source.written,
                rule.place,
                rule.at,
                rule.action,
                rule.max_words,
                source.era
            );
            seen.entry(same).or_default().push(id);
        }
    }
    let mut findings = Vec::new();
    for ids in seen.into_values().filter(|ids| ids.len() > 1) {
        for (at, id) in ids.iter().enumerate() {
            let unit = |id: RuleId| rules.source(id).unit;
            let Some(own) = unit(*id) else { continue };
            let others = ids.iter().filter_map(|other| unit(*other)).filter(|other| *other != own);
            let family = others.clone().find(|other| rules.families(own).contains(other));
            let (message, help) = match (family, others.clone().next()) {
                (Some(family), _) => {
                    let name = rules.unit_name(family);
                    (
                        format!("{name}, which this file extends, has the same rule"),
                        "delete it".to_owned(),
                    )
                }
                // Reported once, at the later of the two.
                (None, Some(other)) if at > 0 && !rules.is_family(own) => {
                    let name = rules.unit_name(other);
                    (
                        format!("{name} has the same rule"),
                        "move it to a `family:` file that both extend".to_owned(),
                    )
                }
                (None, None) if at > 0 => {
                    (String::from("this file has the same rule twice"), "delete it".to_owned())
                }
                _ => continue,
            };
            findings.push(
                Finding::of_rule(pipeline, *id, (WARNING, "duplicate"), "id", message).help(help),
            );
        }
    }
    findings
}

fn shared_signs(pipeline: &Pipeline) -> Vec<Finding> {
    let rules = pipeline.rules();
    let mut findings = Vec::new();
    for (sign, units) in rules.shared_signs() {
        for unit in &units {
            let others: Vec<&str> = units
                .iter()
                .filter(|other| *other != unit)
                .map(|unit| rules.unit_name(*unit))
                .collect();
            let message = format!(
                "{} also has the sign \"{sign}\", so it identifies neither",
                others.join(", ")
            );
            let kind = (WARNING, "shared-sign");
            let path = "recognise.signs".to_owned();
            let finding = Finding::of_unit(pipeline, *unit, kind, path, message);
            findings.push(finding.help("delete it, or use a longer part of the line"));
        }
    }
    findings
}
