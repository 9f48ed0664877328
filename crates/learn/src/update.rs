//! Updates a rule file from more samples. Lines that do not need to change are preserved byte for
//! byte.
//!
//! The comment above a learned rule contains a digest of the rule. While the digest matches, the
//! rule may be changed here; a rule that was edited by hand, or has no such comment, is preserved.
//! Text that preserved rules remove is not learned again.

use std::collections::BTreeSet;
use std::fmt;

use chaffinch_core::message::counted;
use chaffinch_core::rules::{Example, FileRule, Problem, RuleFile, Subject, edit};
use chaffinch_core::stage::Role;
use chaffinch_core::{Pipeline, STAGES};

use crate::draft::{DraftPattern, DraftRule, free_id};
use crate::emit::{self, LEARNED};
use crate::layout::Era;
use crate::{DRAFT, Error, Sample, Samples, learn_draft};

/// An updated rule file.
#[derive(Debug)]
pub struct Updated {
    /// The text of the file.
    pub yaml: String,
    /// The changes, one per line. Empty if the samples teach nothing new.
    pub changes: Vec<String>,
    /// Notes on what is uncertain.
    pub notes: Vec<String>,
}

/// Why a rule file could not be updated.
#[derive(Debug)]
#[non_exhaustive]
pub enum UpdateError {
    /// The file is not a valid rule file.
    Problems(Vec<Problem>),
    /// Nothing can be learned from the samples.
    Samples(Error),
    /// The file cannot be edited automatically, for this reason.
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

/// Updates the rule file `file`, whose text is `text`, from samples of its outlet.
///
/// `since` is the first day of new rules, if they are for a new layout. `pipeline` contains the
/// generic rules and the other outlets.
///
/// # Errors
/// If the file is invalid or has an unsupported structure, or the samples teach nothing.
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
        let help = "only the file of an outlet can be updated from samples";
        return Err(UpdateError::Shape(format!("{file} is not an outlet file; {help}")));
    }
    let mut blocks = Blocks::of(text).filter(|blocks| blocks.rules.len() == parsed.rules.len());
    let blocks = blocks.as_mut().ok_or_else(|| {
        let help =
            "put `rules:` on a line of its own and begin each rule with a line `  - id: NAME`";
        UpdateError::Shape(format!("{file} cannot be edited automatically; {help}"))
    })?;
    let kept = blocks.kept();
    let known = with_rules(file, &kept, name, pipeline)?;
    // The examples show whether the samples belong to the outlet.
    let example = |(at, example): (usize, &Example)| Sample {
        name: format!("example {} of {file}", at + 1),
        text: example.text.clone(),
        ..Sample::default()
    };
    let examples_of_file: Vec<Sample> = parsed.examples.iter().enumerate().map(example).collect();
    let learned = learn_draft(name, samples.into(), &examples_of_file, &known, pipeline)
        .map_err(UpdateError::Samples)?;
    let mut changes = Vec::new();
    let mut ids: BTreeSet<String> =
        parsed.rules.iter().map(|rule| id_in_file(&rule.rule.id).to_owned()).collect();
    for draft in &learned.draft.rules {
        let fired = learned.evidence().fired_of(draft);
        let mut draft = draft.clone();
        if let Some(since) = since {
            draft.era = Era { since: Some(since.to_owned()), until: None };
        }
        if parsed.rules.iter().any(|rule| is_same(&draft, &rule.written.keys)) {
            continue;
        }
        if since.is_none() {
            match grow(&mut draft, fired, &parsed, blocks) {
                Grown::Nothing => continue,
                Grown::Rule(change) => {
                    changes.push(change);
                    continue;
                }
                Grown::New => {}
            }
        }
        draft.id = free_id(&draft.id, &ids);
        ids.insert(draft.id.clone());
        let written = emit::learned(&draft, fired);
        changes.push(format!("{}: new", draft.id));
        blocks.added.push_str(&format!("\n{written}\n"));
    }
    let mut yaml = blocks.joined();
    let add_new = |yaml: &mut String, key: &str, wanted: &[String], old: &[String]| {
        let new: Vec<String> = wanted.iter().filter(|item| !old.contains(item)).cloned().collect();
        if new.is_empty() {
            return None;
        }
        *yaml = edit::push(yaml, "recognise", key, &new)?;
        Some(format!("recognise.{key}: {} added", new.len()))
    };
    // Only if some samples are not recognised yet, so that signs deleted by hand are not added
    // again.
    let open = known.for_outlet(None);
    let unknown = learned.pages.iter().any(|page| {
        let url = page.host.as_ref().map(|host| format!("https://{host}/"));
        let cleaned = open.clean_text(&page.text, url.as_deref());
        cleaned.outlet().is_none_or(|(outlet, _)| outlet != name)
    });
    if unknown {
        changes.extend(add_new(&mut yaml, "hosts", &learned.draft.hosts, &parsed.hosts));
        changes.extend(add_new(&mut yaml, "signs", &learned.draft.signs, &parsed.signs));
    }
    if !changes.is_empty() {
        let examples = examples(file, &mut yaml, name, pipeline)?;
        changes.extend(examples);
    }
    Ok(Updated { yaml, changes, notes: learned.notes })
}

/// The result of [`grow`].
enum Grown {
    /// Existing rules match all lines of the draft.
    Nothing,
    /// The lines were added to an existing rule: a description of the change.
    Rule(String),
    /// The draft needs a rule of its own.
    New,
}

/// Adds the lines of a draft of exact lines to a learned rule of the same kind, if there is one.
/// Lines that rules already match are removed from the draft.
fn grow(
    draft: &mut DraftRule,
    fired: Option<(usize, usize)>,
    parsed: &RuleFile,
    blocks: &mut Blocks,
) -> Grown {
    let DraftPattern::Text(new) = &mut draft.pattern else { return Grown::New };
    let is_line_rule = |rule: &&FileRule| {
        let [pattern] = rule.patterns.as_slice() else { return false };
        pattern.role() == Role::Line
    };
    let matched = |text: &str| {
        let mut rules = parsed.rules.iter().filter(is_line_rule);
        rules.any(|rule| rule.patterns[0].is_match(text))
    };
    new.retain(|text| !matched(text));
    if new.is_empty() {
        return Grown::Nothing;
    }
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
    let Some(block) = blocks.rules.iter_mut().find(same) else { return Grown::New };
    let rule = &parsed.rules[block.at];
    let old = rule.written.keys.iter().flat_map(|(_, texts)| texts.to_vec());
    let count = new.len();
    *new = old.chain(std::mem::take(new)).collect();
    draft.id = id_in_file(&rule.rule.id).to_owned();
    // The file's own `keeps` cases are as good as new ones.
    draft.keeps.clone_from(&rule.cases.keeps);
    let written = emit::learned(draft, fired);
    block.text = format!("{}{written}\n", block.blank);
    Grown::Rule(format!("{}: {} added", draft.id, counted(count as u64, "line")))
}

/// The caller's rules together with this file, for its outlet.
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

/// Replaces the expected output of the examples by the actual one.
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
                changes.push(format!("example {}: expected output updated", at + 1));
            }
        }
    }
    // The result must be valid.
    with_rules(file, yaml, name, pipeline)?;
    Ok(changes)
}

fn id_in_file(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// Whether the draft has the pattern of an existing rule.
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

/// The lines of a rule in its file.
struct Block {
    /// Its index among the rules.
    at: usize,
    /// The blank lines above it.
    blank: String,
    /// All its lines, including comments above it.
    text: String,
    /// Whether it is unchanged since it was learned.
    learned: bool,
}

/// A rule file split into its rules.
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
        // Comments and blank lines above a rule belong to it.
        let above = |at: usize| {
            let plain = |line: &&&str| line.trim().is_empty() || line.trim_start().starts_with('#');
            at - lines[start..at].iter().rev().take_while(plain).count()
        };
        let mut begins: Vec<usize> = opens.iter().map(|at| above(*at)).collect();
        // Blank lines and comments below the last rule belong to what follows.
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

    /// The file with only the rules that were written or edited by hand.
    fn kept(&self) -> String {
        let own = self.rules.iter().filter(|rule| !rule.learned).map(|rule| rule.text.as_str());
        let own: String = own.collect();
        let head = match own.is_empty() {
            true => self.head.trim_end().trim_end_matches("rules:").to_owned(),
            false => self.head.clone(),
        };
        // Examples show the effect of all rules, so they are left out.
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

/// Whether a rule matches the digest in its `learned:` comment.
fn is_learned(block: &str) -> bool {
    let mut lines = block.lines().skip_while(|line| line.trim().is_empty());
    let Some(comment) = lines.next().filter(|line| line.starts_with(LEARNED)) else { return false };
    let digest = comment.rsplit_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
    let rest: Vec<&str> = lines.collect();
    digest.is_some_and(|digest| digest == emit::digest(&rest.join("\n")))
}
