//! A rule file brought up to date with more samples: what they do not change stays, to the byte.
//!
//! A learned rule carries the digest of its own text in the comment above it. While that holds,
//! the rule is the learner's to change; once a person has edited it, it is theirs, as is every rule
//! without such a comment. What kept rules cut is as good as cut, so nothing is learned twice.

use std::collections::BTreeSet;
use std::fmt;

use chaffinch_core::rules::{FileRule, Problem, RuleFile, Subject, edit};
use chaffinch_core::stage::Role;
use chaffinch_core::{Pipeline, STAGES};

use crate::emit::{self, LEARNED};
use crate::layout::Era;
use crate::rules::{DraftPattern, DraftRule, free_id};
use crate::{DRAFT, Error, Samples, study};

/// A rule file after an update.
#[derive(Debug)]
pub struct Updated {
    /// The file.
    pub yaml: String,
    /// What changed, for people; nothing, if the samples teach nothing new.
    pub changes: Vec<String>,
    /// What is uncertain, for people.
    pub notes: Vec<String>,
}

/// Why a rule file could not be brought up to date.
#[derive(Debug)]
#[non_exhaustive]
pub enum UpdateError {
    /// The file is no sound rule file.
    Problems(Vec<Problem>),
    /// Nothing can be learned from the samples.
    Samples(Error),
    /// The file is of a shape that cannot be changed in place: why.
    Shape(String),
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpdateError::Problems(problems) => {
                problems.iter().try_for_each(|problem| writeln!(f, "{problem}"))
            }
            UpdateError::Samples(error) => error.fmt(f),
            UpdateError::Shape(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for UpdateError {}

/// Brings the rule file `file`, whose text is `text`, up to date with samples of its outlet.
///
/// `since` is the day from which on new rules hold, if they are for a new layout. `pipeline` tells
/// what is cut without the outlet, and which outlets there are.
///
/// # Errors
/// The file is not sound or of too unusual a shape, or the samples teach nothing.
pub fn update<'a>(
    file: &str,
    text: &str,
    samples: impl Into<Samples<'a>>,
    since: Option<&str>,
    pipeline: &Pipeline,
) -> Result<Updated, UpdateError> {
    let stages: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
    let parsed = RuleFile::parse(file, text, &stages).map_err(UpdateError::Problems)?;
    let name = parsed.id.as_str();
    if parsed.subject != Subject::Outlet {
        let help = "samples are of one outlet, and teach an outlet's file";
        return Err(UpdateError::Shape(format!("{file} is no outlet's; {help}")));
    }
    let mut blocks = Blocks::of(text).filter(|blocks| blocks.rules.len() == parsed.rules.len());
    let blocks = blocks.as_mut().ok_or_else(|| {
        let help =
            "write `rules:` on a line of its own, and each rule from a line `  - id: NAME` on";
        UpdateError::Shape(format!("{file} cannot be changed in place; {help}"))
    })?;
    let kept = blocks.kept();
    let known = with_rules(file, &kept, name, pipeline)?;
    let study = study(name, samples.into(), &known, pipeline).map_err(UpdateError::Samples)?;
    let mut changes = Vec::new();
    let mut ids: BTreeSet<String> =
        parsed.rules.iter().map(|rule| id_in_file(&rule.rule.id).to_owned()).collect();
    for draft in &study.draft.rules {
        let fired = study.told().fired_of(draft);
        let mut draft = draft.clone();
        if let Some(since) = since {
            draft.era = Era { since: Some(since.to_owned()), until: None };
        }
        if parsed.rules.iter().any(|rule| is_same(&draft, &rule.written.keys)) {
            continue;
        }
        if let (DraftPattern::Text(new), None) = (&mut draft.pattern, since) {
            let same = |block: &&mut Block| {
                let rule = &parsed.rules[block.at];
                block.learned
                    && rule.rule.stage == draft.stage
                    && rule.rule.safe == draft.safe
                    && rule.era.since == draft.era.since
                    && rule.era.until == draft.era.until
                    && place_of(&block.text) == draft.place
                    && matches!(rule.written.keys.as_slice(), [("text", _)])
            };
            let whole = |rule: &&FileRule| {
                let [pattern] = rule.patterns.as_slice() else { return false };
                pattern.role() == Role::Line
            };
            let matched = |text: &str| {
                let mut rules = parsed.rules.iter().filter(whole);
                rules.any(|rule| rule.patterns[0].is_match(text))
            };
            new.retain(|text| !matched(text));
            if new.is_empty() {
                continue;
            }
            if let Some(block) = blocks.rules.iter_mut().find(same) {
                let rule = &parsed.rules[block.at];
                let old = rule.written.keys.iter().flat_map(|(_, texts)| texts.to_vec());
                let count = new.len();
                *new = old.chain(std::mem::take(new)).collect();
                draft.id = id_in_file(&rule.rule.id).to_owned();
                // The file's own case that must stay is as good as a new one.
                draft.keeps.clone_from(&rule.keeps);
                let written = emit::learned(&draft, fired);
                let lines = if count == 1 { "line" } else { "lines" };
                changes.push(format!("{}: {count} {lines} more", draft.id));
                block.text = format!("{}{written}\n", block.blank);
                continue;
            }
        }
        draft.id = free_id(&draft.id, &ids);
        ids.insert(draft.id.clone());
        let written = emit::learned(&draft, fired);
        changes.push(format!("{}: new", draft.id));
        blocks.added.push_str(&format!("\n{written}\n"));
    }
    let mut yaml = blocks.joined();
    let tell = |yaml: &mut String, key: &str, wanted: &[String], old: &[String]| {
        let new: Vec<String> = wanted.iter().filter(|item| !old.contains(item)).cloned().collect();
        if new.is_empty() {
            return None;
        }
        *yaml = edit::push(yaml, "recognise", key, &new)?;
        Some(format!("recognise.{key}: {} more", new.len()))
    };
    // Only where samples are not told yet: what a person took out stays out.
    let open = known.for_outlet(None);
    let unknown = study.pages.iter().any(|page| {
        let url = page.host.as_ref().map(|host| format!("https://{host}/"));
        let cleaned = open.clean_text(&page.text, url.as_deref());
        cleaned.outlet().is_none_or(|(outlet, _)| outlet != name)
    });
    if unknown {
        changes.extend(tell(&mut yaml, "hosts", &study.draft.hosts, &parsed.hosts));
        changes.extend(tell(&mut yaml, "signs", &study.draft.signs, &parsed.signs));
    }
    if !changes.is_empty() {
        let examples = examples(file, &mut yaml, name, pipeline)?;
        changes.extend(examples);
    }
    Ok(Updated { yaml, changes, notes: study.notes })
}

/// The caller's rules with this file among them, for its outlet.
fn with_rules(
    file: &str,
    text: &str,
    name: &str,
    pipeline: &Pipeline,
) -> Result<Pipeline, UpdateError> {
    let limits = pipeline.limits();
    let builder = Pipeline::builder().rule_file(DRAFT, text).limits(limits).outlet(name);
    builder.build().map_err(|mut problems| {
        problems.iter_mut().for_each(|problem| problem.file = file.to_owned());
        UpdateError::Problems(problems)
    })
}

/// Takes what the examples come out as now.
fn examples(
    file: &str,
    yaml: &mut String,
    name: &str,
    pipeline: &Pipeline,
) -> Result<Vec<String>, UpdateError> {
    let new = with_rules(file, yaml, name, pipeline)?;
    let unit = new.rules().unit(name);
    let mut changes = Vec::new();
    for (at, example) in
        unit.map_or(&[][..], |unit| new.rules().examples_of(unit)).iter().enumerate()
    {
        let cleaned = new.clean_text(&example.text, None);
        if cleaned.text() != example.clean {
            let path = format!("examples[{at}]");
            if let Some(changed) = edit::set(yaml, &path, "clean", cleaned.text(), "text") {
                *yaml = changed;
                changes.push(format!("example {}: less is left", at + 1));
            }
        }
    }
    // What is written must be sound.
    with_rules(file, yaml, name, pipeline)?;
    Ok(changes)
}

fn id_in_file(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// Whether a draft has the pattern of a rule that is there.
fn is_same(draft: &DraftRule, keys: &[(&'static str, std::sync::Arc<[String]>)]) -> bool {
    match (&draft.pattern, keys) {
        (DraftPattern::Line(new), [("line", old)]) => new.iter().all(|line| old.contains(line)),
        (DraftPattern::Block(from, through), [("from", a), ("through", b)]) => {
            a.contains(from) && b.contains(through)
        }
        (DraftPattern::Start(new), [("start", old)]) => old.contains(new),
        (DraftPattern::End(new), [("end", old)]) => old.contains(new),
        _ => false,
    }
}

fn place_of(block: &str) -> &str {
    let line = block.lines().find_map(|line| line.trim_start().strip_prefix("where:"));
    line.map_or("", str::trim)
}

/// A rule's lines in its file.
struct Block {
    /// Its place among the rules.
    at: usize,
    /// Blank lines above it.
    blank: String,
    /// All its lines, comments above it included.
    text: String,
    /// Whether it is as it was learned.
    learned: bool,
}

/// A rule file cut into its rules.
struct Blocks {
    head: String,
    rules: Vec<Block>,
    added: String,
    tail: String,
}

impl Blocks {
    fn of(text: &str) -> Option<Blocks> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let start = lines.iter().position(|line| line.trim_end() == "rules:")? + 1;
        let top =
            |line: &&str| line.starts_with(|c: char| !c.is_whitespace() && c != '#' && c != '-');
        let end = lines[start..].iter().position(top).map_or(lines.len(), |end| start + end);
        let opens: Vec<usize> = (start..end).filter(|at| lines[*at].starts_with("  - ")).collect();
        // Comments and blank lines above a rule are the rule's.
        let above = |at: usize| {
            let plain = |line: &&&str| line.trim().is_empty() || line.trim_start().starts_with('#');
            at - lines[start..at].iter().rev().take_while(plain).count()
        };
        let mut begins: Vec<usize> = opens.iter().map(|at| above(*at)).collect();
        // Blank lines and comments below the last rule stand above what follows.
        let last = match end == lines.len() {
            true => end,
            false => above(end).max(*opens.last().unwrap_or(&start)),
        };
        begins.push(last);
        let rules = begins.windows(2).enumerate().map(|(at, range)| {
            let own = lines[range[0]..range[1]].concat();
            let blank: String = lines[range[0]..range[1]]
                .iter()
                .take_while(|l| l.trim().is_empty())
                .copied()
                .collect();
            let learned = is_learned(&own);
            Block { at, blank, text: own, learned }
        });
        Some(Blocks {
            head: lines[..*begins.first()?].concat(),
            rules: rules.collect(),
            added: String::new(),
            tail: lines[last..].concat(),
        })
    }

    /// The file with the rules alone that are a person's.
    fn kept(&self) -> String {
        let own = self.rules.iter().filter(|rule| !rule.learned).map(|rule| rule.text.as_str());
        let own: String = own.collect();
        let head = match own.is_empty() {
            true => self.head.trim_end().trim_end_matches("rules:").to_owned(),
            false => self.head.clone(),
        };
        // Examples show what all rules do.
        format!("{head}{own}")
    }

    fn joined(&self) -> String {
        let rules = self.rules.iter().map(|rule| rule.text.as_str());
        let mut text: String = std::iter::once(self.head.as_str()).chain(rules).collect();
        if !self.added.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text + &self.added + &self.tail
    }
}

/// Whether a rule is as its `learned:` comment says.
fn is_learned(block: &str) -> bool {
    let mut lines = block.lines().skip_while(|line| line.trim().is_empty());
    let Some(comment) = lines.next().filter(|line| line.starts_with(LEARNED)) else { return false };
    let digest = comment.rsplit_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
    let rest: Vec<&str> = lines.collect();
    digest.is_some_and(|digest| digest == emit::digest(&rest.join("\n")))
}
