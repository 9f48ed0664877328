//! Why a line stayed: which rules came near it, and what stopped them.

use std::fmt;

use chaffinch_rules::{Pattern, Written};
use chaffinch_stage::{Act, Explanation, Line, Role, Rule, RuleId};

use crate::clean::{Input, Work};
use crate::pipeline::Pipeline;

/// What became of one line of a document.
#[derive(Clone, Debug)]
pub struct WhyNot {
    /// The line, without its end.
    pub text: String,
    /// Where the line stands, as rules see it, once all is cut.
    pub zone: &'static str,
    /// The outlet that the document was recognised as.
    pub outlet: Option<String>,
    /// The rule that cuts the line, if it does not stay.
    pub cut: Option<RuleId>,
    /// The rules that came near it, in the order of the table.
    pub near: Vec<Near>,
    /// What a stage that judges every line says of it, if it stays.
    pub judged: Option<Explanation>,
}

/// A rule that came near a line.
#[derive(Clone, Debug)]
pub struct Near {
    /// The rule.
    pub rule: RuleId,
    /// What stopped it.
    pub stopped: Stopped,
}

/// What stopped a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// It is of an outlet or family that the document does not belong to.
    Outlet(String),
    /// The document is from a day outside its era.
    Era(String),
    /// Its stage is not in the pipeline.
    Stage(String),
    /// It cuts nothing: it only notes, or points a detector to its lines.
    Note,
    /// The line stands elsewhere than the rule may act.
    Place(String),
    /// There is no body line, so the edges are empty.
    NoBody,
    /// The line has more words than the rule allows.
    MaxWords(usize, usize),
    /// A pattern of its `unless` matches the line.
    Unless,
    /// It is another line of its place that the rule is for.
    At,
    /// A block begins here and its last line does not come in time, or in its place.
    Open(usize),
    /// A block ends here that nothing begins.
    Ends,
    /// A `keep` rule protects the line.
    Kept,
    /// The damage cap: why.
    Cap(String),
    /// Letters differ in their case.
    Case,
    /// It matches a part of the line, and is for whole lines.
    Part(String),
    /// The stage saw the hit and left it.
    Judged,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stopped::Outlet(unit) => write!(f, "outlet: its rules are for documents of {unit}"),
            Stopped::Era(day) => write!(f, "era: the document is from {day}"),
            Stopped::Stage(stage) => write!(f, "stage: {stage} is not in the pipeline"),
            Stopped::Note => {
                f.write_str("it cuts nothing: it notes, or points a detector to its lines")
            }
            Stopped::Place(place) => write!(f, "place: it acts at `where: {place}` alone"),
            Stopped::NoBody => {
                f.write_str("place: no sentence of the article was found, so there are no edges")
            }
            Stopped::MaxWords(words, most) => {
                write!(f, "words: the line has {words}, and `max_words` is {most}")
            }
            Stopped::Unless => f.write_str("unless: a pattern of its `unless` matches the line"),
            Stopped::At => f.write_str("place: `at` means another line"),
            Stopped::Open(most) => {
                write!(
                    f,
                    "block: its last line does not follow within {most} lines, or not in its place"
                )
            }
            Stopped::Ends => f.write_str("block: it would end here, but begins nowhere above"),
            Stopped::Kept => f.write_str("a `keep` rule protects the line"),
            Stopped::Cap(reason) => write!(f, "cap: {reason}"),
            Stopped::Case => f.write_str("case: it would match with `ignore_case: true`"),
            Stopped::Part(part) => write!(f, "whole lines: it matches {part:?} alone"),
            Stopped::Judged => {
                f.write_str("its stage saw it and left it, for what stands around it")
            }
        }
    }
}

impl Pipeline {
    /// Why line `number` (from 1) of a decoded document stayed; none if it has no such line.
    pub fn why_not(&self, input: &Input<'_>, source: &str, number: usize) -> Option<WhyNot> {
        let mut work = Work::new(self, source, input);
        work.run();
        let index = number.checked_sub(1).filter(|index| *index < work.doc.line_count())?;
        let line = work.doc.line(index);
        let text = source[line.span().range()].to_owned();
        let marked = work.edits.within(line.span()).find(|edit| edit.removes()).map(|e| e.rule);
        let cleaned = self.clean_record(input, source);
        let cut =
            cleaned.edits().iter().find(|edit| edit.removes() && edit.span.overlaps(line.span()));
        let cut = cut.map(|edit| edit.rule);
        let mut near = Vec::new();
        if cut.is_none() && !line.is_blank() {
            near.extend(self.rules.ids().filter_map(|rule| {
                let stopped = match marked.filter(|marked| *marked == rule) {
                    Some(_) => Stopped::Cap(cleaned.reason().unwrap_or_default().to_owned()),
                    None => work.stopped(line, rule)?,
                };
                Some(Near { rule, stopped })
            }));
        }
        let outlet = cleaned.outlet().map(|(outlet, _)| outlet.to_owned());
        let judged = if cut.is_none() { work.explain(&[index]).pop().flatten() } else { None };
        Some(WhyNot { text, zone: zone(line, work.doc.has_body()), outlet, cut, near, judged })
    }

    /// Why stages that judge every line remove or keep lines of a decoded document, given by their
    /// indices in ascending order: as they judge after all other stages.
    pub fn explain(
        &self,
        input: &Input<'_>,
        source: &str,
        lines: &[usize],
    ) -> Vec<Option<Explanation>> {
        let mut work = Work::new(self, source, input);
        work.run_rules();
        work.explain(lines)
    }
}

/// Where a line stands, in words.
fn zone(line: Line<'_, '_>, has_body: bool) -> &'static str {
    match (has_body, line.in_head(), line.in_tail(), line.is_outside_body()) {
        (false, ..) => "nowhere: no sentence of the article was found",
        (_, true, _, true) => "head, above the first sentence",
        (_, _, true, true) => "tail, below the last sentence",
        (_, true, true, _) => "head and tail, among the outermost lines",
        (_, true, false, _) => "head, among the first lines",
        (_, false, true, _) => "tail, among the last lines",
        (_, false, false, _) => "body",
    }
}

impl Work<'_> {
    /// What the first stage that judges them says of lines.
    fn explain(&self, lines: &[usize]) -> Vec<Option<Explanation>> {
        let mut explained: Vec<Option<Explanation>> = lines.iter().map(|_| None).collect();
        for link in self.pipeline.chain.iter() {
            for (known, new) in explained.iter_mut().zip(link.stage.explain(&self.doc, lines)) {
                *known = known.take().or(new);
            }
        }
        explained
    }

    /// What stopped a rule that came near a line; none if it did not come near.
    fn stopped(&self, line: Line<'_, '_>, id: RuleId) -> Option<Stopped> {
        let rules = self.pipeline.rules();
        let (rule, source) = (self.pipeline.rule(id), rules.source(id));
        let key = line.key();
        let mut matching = rules.patterns(id).iter().filter(|pattern| pattern.is_match(&key));
        let role = matching.clone().find(|pattern| !pattern.excludes()).map(Pattern::role);
        let excluded = matching.any(Pattern::excludes);
        let own = self.outlet.map(|(unit, _)| unit);
        let holds = source.unit.is_none_or(|unit| {
            own.is_some_and(|own| own == unit || rules.families(own).contains(&unit))
        });
        let Some(role) = role else {
            // Other outlets' near misses would be noise.
            return holds.then(|| near_miss(&source.written, &key)).flatten();
        };
        if let Some(unit) = source.unit.filter(|_| !holds) {
            return Some(Stopped::Outlet(rules.unit_name(unit).to_owned()));
        }
        if let Some(day) = self.day.as_ref().filter(|day| !source.era.holds(day)) {
            return Some(Stopped::Era(day.clone()));
        }
        if !self.pipeline.chain.iter().any(|link| link.name == rule.stage) {
            return Some(Stopped::Stage(rule.stage.clone()));
        }
        if excluded {
            return Some(Stopped::Unless);
        }
        if matches!(rule.act, Act::Keep | Act::Note) {
            return Some(Stopped::Note);
        }
        if self.kept.overlap(line.span()) {
            return Some(Stopped::Kept);
        }
        let open = |rule: &Rule| Rule { at: None, max_words: None, ..rule.clone() };
        if !line.allows(&open(rule)) {
            return Some(match self.doc.has_body() {
                true => Stopped::Place(rule.place.to_string()),
                false => Stopped::NoBody,
            });
        }
        if let Some(most) = rule.max_words.filter(|most| line.words() > *most) {
            return Some(Stopped::MaxWords(line.words(), most));
        }
        if !line.allows(rule) {
            return Some(Stopped::At);
        }
        Some(match role {
            Role::From => Stopped::Open(rule.max_lines),
            Role::Through => Stopped::Ends,
            Role::Line | Role::Part => Stopped::Judged,
        })
    }
}

/// What a pattern that does not match a line's key would need to match it.
fn near_miss(written: &Written, key: &str) -> Option<Stopped> {
    let matches = |written: &Written| {
        let patterns = written.patterns()?;
        patterns.iter().find_map(|pattern| pattern.first(key)).map(|found| found.range)
    };
    let any_case = written.in_any_case();
    if !written.ignore_case && matches(&any_case).is_some() {
        return Some(Stopped::Case);
    }
    let [("line" | "text", texts)] = written.keys.as_slice() else { return None };
    let texts = match written.keys[0].0 {
        "text" => texts.iter().map(|text| regex::escape(text)).collect(),
        _ => texts.clone(),
    };
    let ignore_case = written.ignore_case;
    let inside = Written::new(vec![("inside", texts)], ignore_case);
    let part = key.get(matches(&inside)?)?;
    // A word or two of a long line is chance.
    (part.len() * 3 >= key.len()).then(|| Stopped::Part(part.to_owned()))
}
