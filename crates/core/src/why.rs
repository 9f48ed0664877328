//! Explains why a line was kept: the rules that match it or nearly match it, and what stopped each
//! of them. Used by `explain --why-not`.

use std::fmt;

use chaffinch_rules::{Pattern, Written};
use chaffinch_stage::{Action, Explanation, Line, Role, Rule, RuleId};

use crate::engine::Engine;
use crate::input::Input;
use crate::pipeline::Pipeline;

/// Why one line of a document was kept, or which rule cuts it.
#[derive(Clone, Debug)]
pub struct WhyNot {
    /// The line, without its line ending.
    pub text: String,
    /// The zone of the line after all cuts, in words.
    pub zone: &'static str,
    /// The detected outlet.
    pub outlet: Option<String>,
    /// The rule that cuts the line, if one does.
    pub cut: Option<RuleId>,
    /// The rules that match the line or nearly match it, ordered by id.
    pub near: Vec<Near>,
    /// The judgement of a stage that judges every line, if the line is kept.
    pub judged: Option<Explanation>,
}

/// A rule that matches a line, or nearly matches it, but did not cut it.
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
    /// It belongs to an outlet or family other than the document's.
    Outlet(String),
    /// The document's date lies outside its era.
    Era(String),
    /// Its stage is not in the pipeline.
    Stage(String),
    /// It cuts nothing: it only records fields or gives hints to a detector.
    Note,
    /// The line is outside the place where the rule may act.
    Place(String),
    /// The document has no body line, so the edges are empty.
    NoBody,
    /// The line has more words (first value) than the rule allows (second value).
    MaxWords(usize, usize),
    /// A pattern of its `unless` matches the line.
    Unless,
    /// Its `at` selects another line.
    At,
    /// A block begins here, but its last line does not follow within this many lines or is out of
    /// place.
    Open(usize),
    /// A block ends here, but none begins above.
    Ends,
    /// A `keep` rule protects the line.
    Kept,
    /// The damage cap dropped the cut, for this reason.
    Cap(String),
    /// It matches only if case is ignored.
    Case,
    /// It needs to match the whole line but matches only this part.
    Part(String),
    /// Its stage did not mark the hit because of the surrounding lines.
    Judged,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stopped::Outlet(unit) => write!(f, "outlet: it applies only to documents of {unit}"),
            Stopped::Era(day) => write!(f, "era: the document is dated {day}"),
            Stopped::Stage(stage) => write!(f, "stage: {stage} is not in the pipeline"),
            Stopped::Note => {
                f.write_str("action: it only records fields or gives hints to a detector")
            }
            Stopped::Place(place) => write!(f, "place: it acts only at `where: {place}`"),
            Stopped::NoBody => f.write_str("place: no body line was found, so the edges are empty"),
            Stopped::MaxWords(words, most) => {
                write!(f, "words: the line has {words}, and `max_words` is {most}")
            }
            Stopped::Unless => f.write_str("unless: one of its `unless` patterns matches the line"),
            Stopped::At => f.write_str("place: its `at` selects another line"),
            Stopped::Open(most) => {
                write!(
                    f,
                    "block: its last line does not follow within {most} lines or is out of place"
                )
            }
            Stopped::Ends => f.write_str("block: it would end here, but none begins above"),
            Stopped::Kept => f.write_str("a `keep` rule protects the line"),
            Stopped::Cap(reason) => write!(f, "cap: {reason}"),
            Stopped::Case => f.write_str("case: it would match with `ignore_case: true`"),
            Stopped::Part(part) => write!(f, "whole lines: it matches only {part:?}"),
            Stopped::Judged => {
                f.write_str("its stage kept the line because of the surrounding lines")
            }
        }
    }
}

impl Pipeline {
    /// Why line `number` (from 1) of a decoded document was kept. `None` if there is no such line.
    pub fn why_not(&self, input: &Input<'_>, source: &str, number: usize) -> Option<WhyNot> {
        let mut engine = Engine::new(self, source, input);
        engine.run();
        let index = number.checked_sub(1).filter(|index| *index < engine.doc.line_count())?;
        let line = engine.doc.line(index);
        let text = source[line.span().range()].to_owned();
        let marked = engine.edits.within(line.span()).find(|edit| edit.removes()).map(|e| e.rule);
        let cleaned = self.clean_record(input, source);
        let cut =
            cleaned.edits().iter().find(|edit| edit.removes() && edit.span.overlaps(line.span()));
        let cut = cut.map(|edit| edit.rule);
        let mut near = Vec::new();
        if cut.is_none() && !line.is_blank() {
            near.extend(self.rules.ids().filter_map(|rule| {
                let stopped = match marked.filter(|marked| *marked == rule) {
                    Some(_) => Stopped::Cap(cleaned.reason().unwrap_or_default().to_owned()),
                    None => engine.stopped(line, rule)?,
                };
                Some(Near { rule, stopped })
            }));
        }
        let outlet = cleaned.outlet().map(|(outlet, _)| outlet.to_owned());
        let judged = if cut.is_none() { engine.explain(&[index]).pop().flatten() } else { None };
        Some(WhyNot { text, zone: zone(line, engine.doc.has_body()), outlet, cut, near, judged })
    }

    /// Why stages that judge every line remove or keep the lines of a decoded document with these
    /// indices, which must be ascending. They are judged as after all other stages.
    pub fn explain(
        &self,
        input: &Input<'_>,
        source: &str,
        lines: &[usize],
    ) -> Vec<Option<Explanation>> {
        let mut engine = Engine::new(self, source, input);
        engine.run_rules();
        engine.explain(lines)
    }
}

/// The zone of a line, in words.
fn zone(line: Line<'_, '_>, has_body: bool) -> &'static str {
    match (has_body, line.in_head(), line.in_tail(), line.is_outside_body()) {
        (false, ..) => "none: no body line was found",
        (_, true, _, true) => "head, above the first body line",
        (_, _, true, true) => "tail, below the last body line",
        (_, true, true, _) => "head and tail, among the first and the last lines",
        (_, true, false, _) => "head, among the first lines",
        (_, false, true, _) => "tail, among the last lines",
        (_, false, false, _) => "body",
    }
}

impl Engine<'_> {
    /// The explanation of each line by the first stage that has one.
    fn explain(&self, lines: &[usize]) -> Vec<Option<Explanation>> {
        let mut explained: Vec<Option<Explanation>> = lines.iter().map(|_| None).collect();
        for link in self.pipeline.chain.iter() {
            for (known, new) in explained.iter_mut().zip(link.stage.explain(&self.doc, lines)) {
                *known = known.take().or(new);
            }
        }
        explained
    }

    /// What stopped a rule that matches or nearly matches a line. `None` for all other rules.
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
            // Near misses of other outlets are not of interest.
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
        if matches!(rule.action, Action::Keep | Action::Note) {
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

/// The change that would make a pattern match a line's key, if there is a simple one.
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
    // A short match in a long line is a coincidence.
    (part.len() * 3 >= key.len()).then(|| Stopped::Part(part.to_owned()))
}
