//! The engine: runs the chain of stages over one document and applies their marks.
//! [`Pipeline::clean`] and its variants use it.

use chaffinch_rules::{How, Search, UnitId};
use chaffinch_stage::{
    Action, Document, Line, Mark, Marks, Place, Role, RuleId, Span, Spans, Tier, script,
};

use crate::edits::{Edit, Edits};
use crate::era;
use crate::fields::Fields;
use crate::findings::Findings;
use crate::input::Input;
use crate::pipeline::{Link, Pipeline};
use crate::verdict::Verdict;

/// The maximum number of rounds of the chain over one document.
const ROUNDS: usize = 16;

std::thread_local! {
    // The stage that runs on this thread, so that a panic can be attributed to it. Empty between
    // stages.
    pub(crate) static IN_STAGE: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

/// The engine's results for a document.
pub(crate) struct Outcome {
    pub(crate) edits: Vec<Edit>,
    pub(crate) fields: Fields,
    pub(crate) verdict: Verdict,
    pub(crate) reason: Option<String>,
    pub(crate) outlet: Option<(String, How)>,
    pub(crate) refused: Vec<(String, usize)>,
    pub(crate) failed_stages: Vec<String>,
    pub(crate) tail_lines: usize,
}

/// The engine's state for one document.
pub(crate) struct Engine<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) doc: Document<'a>,
    pub(crate) outlet: Option<(UnitId, How)>,
    pub(crate) edits: Edits,
    pub(crate) kept: Spans,
    findings: Findings,
    /// Cuts of generic rules that are not made because they would be too much of the body.
    pub(crate) excess: Spans,
    /// The reason why cuts are not made.
    pub(crate) suspect: Option<String>,
    refused: Vec<(String, usize)>,
    /// The stages that could not judge the document, with the reasons.
    failed: Vec<(&'a str, String)>,
    candidates: Vec<u32>,
    /// The lines for which only the rules that can act mid-article were matched.
    mid_article: Vec<bool>,
    /// The rules whose blocks begin on some line, so that the ends of their blocks matter, each
    /// with the first such line.
    open: Vec<(RuleId, usize)>,
    /// The document's date, if rules of its outlet have an era.
    pub(crate) day: Option<String>,
}

impl<'a> Engine<'a> {
    pub(crate) fn new(pipeline: &'a Pipeline, source: &'a str, input: &Input<'_>) -> Engine<'a> {
        let rules = pipeline.rules();
        let doc = Document::new(source, pipeline, chaffinch_rules::key::key);
        let outlet = input.outlet.and_then(|id| rules.outlet(id).ok()).or(pipeline.outlet);
        let outlet = match outlet {
            Some(unit) => Some((unit, How::Given)),
            None => rules.recognise(input.url, input.path, &doc),
        };
        let unit = outlet.map(|(unit, _)| unit);
        let eras = unit.is_some_and(|unit| rules.has_eras(unit));
        let day = eras.then(|| era::day(input, &doc)).flatten();
        let lines = doc.line_count();
        let mut engine = Engine {
            pipeline,
            doc,
            outlet,
            edits: Edits::default(),
            kept: Spans::default(),
            findings: Findings::default(),
            excess: Spans::default(),
            suspect: None,
            refused: Vec::new(),
            failed: Vec::new(),
            candidates: Vec::new(),
            mid_article: vec![false; lines],
            open: Vec::new(),
            day,
        };
        let mut detectors = rules.detectors(unit);
        detectors.retain(|rule| engine.is_on(*rule));
        engine.doc.recognised(unit.map(|unit| rules.unit_name(unit)), detectors);
        for index in 0..engine.doc.line_count() {
            engine.find_hits(index);
        }
        engine
    }

    fn find_hits(&mut self, index: usize) {
        let line = self.doc.line(index);
        if line.is_blank() {
            self.doc.set_hits(index, Vec::new());
            return;
        }
        let unit = self.outlet.map(|(unit, _)| unit);
        let variant = self.pipeline.variant.as_ref();
        // A replaced rule may act in other places than the original.
        let moves = variant.is_some_and(|variant| variant.has_other_rules());
        let mid_article = !moves && self.doc.is_mid_article(index);
        let search = Search { mid_article, all_languages: variant.is_some() };
        let mut hits = self.pipeline.rules.find(unit, line, search, &mut self.candidates);
        if let Some((rule, patterns)) = variant.and_then(|variant| variant.replaced_patterns()) {
            hits.retain(|hit| hit.rule != rule);
            hits.extend(self.pipeline.rules.find_with_patterns(rule, patterns, line));
        }
        if self.day.is_some() || variant.is_some() {
            hits.retain(|hit| self.is_on(hit.rule));
        }
        for (rule, _) in self.open.iter().filter(|(_, first)| *first <= index) {
            hits.extend(self.pipeline.rules.find_end(*rule, line));
        }
        self.mid_article[index] = mid_article;
        let replaced =
            variant.and_then(|variant| variant.replaced_patterns()).map(|(rule, _)| rule);
        let new: Vec<RuleId> = hits
            .iter()
            .filter(|hit| hit.role == Role::From && Some(hit.rule) != replaced)
            .map(|hit| hit.rule)
            .filter(|rule| !self.open.iter().any(|(open, first)| open == rule && *first <= index))
            .collect();
        self.doc.set_hits(index, hits);
        for rule in new {
            self.find_ends(rule, index);
        }
    }

    /// Finds the possible ends of a block of `rule` that begins on line `first`. Done on demand,
    /// because most documents have no blocks.
    fn find_ends(&mut self, rule: RuleId, first: usize) {
        let known = self.open.iter().position(|(open, _)| *open == rule);
        let below = known.map_or(self.doc.line_count(), |at| self.open.swap_remove(at).1);
        self.open.push((rule, first));
        for index in first..below {
            if self.doc.line(index).is_blank() {
                continue;
            }
            if let Some(hit) = self.pipeline.rules.find_end(rule, self.doc.line(index)) {
                self.doc.add_hit(index, hit);
            }
        }
    }

    /// Matches all rules on lines that are no longer mid-article.
    fn find_hits_at_edges(&mut self) {
        for index in 0..self.mid_article.len() {
            if self.mid_article[index]
                && !self.doc.is_mid_article(index)
                && !self.doc.is_removed(index)
            {
                self.find_hits(index);
            }
        }
    }

    /// Whether a rule applies on the document's date and is not disabled.
    fn is_on(&self, rule: RuleId) -> bool {
        let holds = |day: &str| self.pipeline.rules.source(rule).era.holds(day);
        self.day.as_deref().is_none_or(holds)
            && !self.pipeline.variant.as_ref().is_some_and(|variant| variant.is_off(rule))
    }

    pub(crate) fn run(&mut self) {
        self.run_where(|_| true);
    }

    /// Runs all stages except those that judge every line.
    pub(crate) fn run_rules(&mut self) {
        self.run_where(|link| !link.stage.judges());
    }

    fn run_where(&mut self, wanted: impl Fn(&Link) -> bool) {
        self.keep();
        // A stage is a pure function of what it sees. If nothing was cut since its last call, it
        // would make the same marks again, unless it asks for another call.
        let mut calls = vec![(None, false); self.pipeline.chain.len()];
        for _ in 0..ROUNDS {
            let before = self.doc.version();
            self.findings.next_round();
            let pipeline = self.pipeline;
            for (link, (read, again)) in pipeline.chain.iter().zip(&mut calls) {
                let version = self.doc.version();
                let is_done = *read == Some(version) && !*again;
                if !wanted(link) || is_done || self.has_failed(link) {
                    continue;
                }
                IN_STAGE.with_borrow_mut(|name| name.clone_from(&link.name));
                self.doc.enter_again(&link.name, link.own_rule, read.replace(version));
                let mut marks = Marks::new();
                link.stage.mark(&self.doc, &mut marks);
                IN_STAGE.with_borrow_mut(String::clear);
                *again = marks.asks_again() && marks.failure().is_none();
                if let Some(reason) = marks.failure() {
                    self.failed.push((&link.name, reason.to_owned()));
                    continue;
                }
                let mut marks = marks.into_vec();
                marks.sort_by_key(|mark| self.tier(mark.rule));
                self.apply(&link.name, marks);
            }
            if self.doc.version() == before && !calls.iter().any(|(_, again)| *again) {
                break;
            }
        }
    }

    fn has_failed(&self, link: &Link) -> bool {
        self.failed.iter().any(|(name, _)| *name == link.name)
    }

    /// Drops the marks that failed stages made in earlier rounds. Returns the reasons why they
    /// failed.
    fn drop_failed(&mut self) -> Option<String> {
        if self.failed.is_empty() {
            return None;
        }
        let (rules, failed) = (&self.pipeline.rules, &self.failed);
        let stays = |rule: RuleId| !failed.iter().any(|(name, _)| *name == rules.rule(rule).stage);
        self.edits.retain(|edit| stays(edit.rule));
        self.findings.retain(stays);
        let reason = |(name, reason): &(&str, String)| {
            format!("stage \"{name}\" failed, its marks were dropped: {reason}")
        };
        Some(self.failed.iter().map(reason).collect::<Vec<_>>().join("; "))
    }

    fn tier(&self, rule: RuleId) -> Tier {
        match self.pipeline.rules.has(rule) {
            true => self.pipeline.rule(rule).tier,
            false => Tier::Generic,
        }
    }

    /// Collects the spans that `keep` rules protect, before the first stage runs.
    fn keep(&mut self) {
        for line in self.doc.lines_with_hits() {
            for hit in line.all_hits() {
                let rule = self.doc.rule(hit.rule);
                let alone = matches!(hit.role, Role::Line | Role::Part);
                if rule.action == Action::Keep && alone && line.allows(rule) {
                    self.kept.insert(hit.span);
                }
            }
        }
        let pipeline = self.pipeline;
        for link in pipeline.chain.iter() {
            self.doc.enter(&link.name, link.own_rule);
            let blocks = self.doc.blocks();
            let keeps =
                blocks.iter().filter(|block| self.doc.rule(block.rule).action == Action::Keep);
            for block in keeps {
                let spans = self.doc.lines_in(block.lines.clone()).map(|line| line.full_span());
                self.kept.extend(spans);
            }
        }
    }

    /// Applies the marks of one stage.
    fn apply(&mut self, stage: &str, marks: Vec<Mark>) {
        let mut touched: Vec<usize> = Vec::new();
        let mut removed = Spans::default();
        let removals = marks.iter().filter(|mark| mark.action == Action::Remove);
        removed.extend(removals.map(|mark| mark.span));
        let first_line = self.first_line();
        let doubtful = marks.iter().any(|mark| self.may_mistake_title(mark));
        let title = if doubtful { self.doc.title().map(|line| line.span()) } else { None };
        for mark in marks {
            if !self.is_valid(&mark) {
                match self.refused.iter_mut().find(|(name, _)| name == stage) {
                    Some((_, count)) => *count += 1,
                    None => self.refused.push((stage.to_owned(), 1)),
                }
                continue;
            }
            if self.pipeline.is_off(mark.rule) {
                continue;
            }
            let stays = matches!(mark.action, Action::Keep | Action::Note);
            let excess = mark.confidence.is_none() && self.excess.overlap(mark.span);
            if !stays && (excess || self.kept.overlap(mark.span)) {
                continue;
            }
            if mark.action == Action::Remove {
                let covers = |title: Option<Span>| title.is_some_and(|it| mark.span.covers(it));
                let is_only_line = mark.confidence.is_none()
                    && covers(first_line)
                    && self.protects_title(&mark, &removed);
                if is_only_line || covers(title) && self.may_mistake_title(&mark) {
                    continue;
                }
            }
            // A rule that recorded fields recognised the line, so its judgement outranks a model's.
            if mark.confidence.is_some() && self.findings.is_noted(mark.span) {
                continue;
            }
            let new = match &mark.action {
                Action::Keep => {
                    self.kept.insert(mark.span);
                    false
                }
                Action::Note => false,
                Action::Remove => self.edits.remove_judged(mark.span, mark.rule, mark.confidence),
                Action::Replace(with) => {
                    let same = self.doc.source().get(mark.span.range()) == Some(with.as_str());
                    !same && self.edits.replace(mark.span, with, mark.rule)
                }
            };
            if new {
                let first = self.doc.line_at(mark.span.start());
                let last = self.doc.line_at(mark.span.end().saturating_sub(1));
                touched.extend(first..=last.max(first));
            }
            if (new || stays) && !mark.fields.is_empty() {
                let note = mark.action != Action::Remove;
                if note && self.pipeline.rule(mark.rule).detect.is_some() {
                    self.findings.detect(mark.span, mark.rule, mark.fields);
                } else {
                    self.findings.add(mark.span, mark.rule, note, mark.fields);
                }
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for &index in &touched {
            self.refresh(index);
        }
        if !touched.is_empty() {
            self.doc.find_zones();
            self.find_hits_at_edges();
        }
    }

    /// The non-blank lines above the first body line.
    fn above_body(&self) -> impl Iterator<Item = Line<'_, 'a>> {
        self.doc.lines().take_while(|line| !line.is_body()).filter(|line| !line.is_blank())
    }

    /// The span of the first non-blank line above the first body line, if it contains a letter.
    fn first_line(&self) -> Option<Span> {
        let first = self.above_body().next().filter(|_| self.doc.has_body())?;
        first.text().chars().any(char::is_alphabetic).then(|| first.span())
    }

    /// Whether a removal of the document's title is a mistake: one by a model, or by a pattern of a
    /// generic rule that is neither safe nor restricted to the head.
    fn may_mistake_title(&self, mark: &Mark) -> bool {
        let rule = self.pipeline.rules.has(mark.rule).then(|| self.pipeline.rule(mark.rule));
        mark.action == Action::Remove
            && rule.is_some_and(|rule| {
                mark.confidence.is_some()
                    || rule.tier == Tier::Generic
                        && rule.detect.is_none()
                        && !rule.safe
                        && rule.place != Place::Head
                        && self.doc.body_span().is_some_and(|body| mark.span.start() < body.start())
            })
    }

    /// Whether the first line of the head is protected from a removal by a generic rule.
    ///
    /// If it is the only line above the body, no pattern may remove it. If there are more lines,
    /// the first may be a byline or a share button, so rules that are safe or act only in the head
    /// may remove it. `removed` are the spans that the stage removes; lines in them do not count.
    /// Detectors examine several lines and do not take a title for a menu, so they are exempt.
    fn protects_title(&self, mark: &Mark, removed: &Spans) -> bool {
        let rule = self.pipeline.rule(mark.rule);
        if rule.tier != Tier::Generic || rule.detect.is_some() {
            return false;
        }
        let stays = |line: Line<'_, '_>| !removed.cover(line.span());
        !self.above_body().skip(1).any(stays) || !rule.safe && rule.place != Place::Head
    }

    fn is_valid(&self, mark: &Mark) -> bool {
        let span = mark.span;
        let text = self.doc.source().get(span.range());
        let known = self.pipeline.rules.has(mark.rule);
        let in_text = match &mark.action {
            // A replacement must stay within one line.
            Action::Replace(_) => text.is_some_and(|text| !text.contains(['\n', '\r'])),
            _ => text.is_some(),
        };
        known && in_text && (!span.is_empty() || mark.action == Action::Note)
    }

    /// Updates what later stages see of a line.
    fn refresh(&mut self, index: usize) {
        let line = self.doc.line(index);
        if self.doc.is_removed(index) || line.span().is_empty() {
            return;
        }
        let (was_blank, span) = (line.is_blank(), line.span());
        let (text, pieces) = self.edits.left_of(self.doc.source(), span);
        let nothing_left = script::is_blank(&text);
        let kept = self.kept.overlap(span);
        if nothing_left && !was_blank && !kept {
            let cut = self.edits.within(span).rev().find(|edit| edit.removes());
            if let Some((rule, confidence)) = cut.map(|edit| (edit.rule, edit.confidence)) {
                // Remaining spaces are removed with the line.
                if !text.is_empty() {
                    self.edits.remove_judged(span, rule, confidence);
                }
                self.doc.remove_line(index);
                return;
            }
        }
        self.doc.rewrite_line(index, text, pieces);
        self.find_hits(index);
    }

    /// Applies the damage caps, tidies blank lines, and collects the results.
    pub(crate) fn finish(mut self) -> Outcome {
        let failed = self.drop_failed();
        let judged = self.cap_judged();
        let capped = self.cap_body();
        let mut suspect = self.suspect.take().or(capped).or(judged);
        let tail_lines = self.tail_lines();
        let rules = &self.pipeline.rules;
        let outlet = self.outlet.map(|(unit, how)| (rules.unit_name(unit).to_owned(), how));
        let source = self.doc.source();
        self.tidy_blank_lines();
        if let Some(reason) = self.cap_total().or_else(|| {
            let emptied = !self.edits.leaves(source, |text| !script::is_blank(text))
                && !script::is_blank(source);
            emptied.then(|| "the rules would remove all text: nothing was cut".to_owned())
        }) {
            self.edits = Edits::default();
            self.findings = Findings::default();
            suspect = Some(reason);
        }
        if let Some(failed) = failed {
            suspect = Some(suspect.map_or(failed.clone(), |reason| format!("{failed}; {reason}")));
        }
        let fields = self.findings.fields(&self.edits);
        let edits = self.edits.into_joined();
        let verdict = match (&suspect, edits.is_empty()) {
            (Some(_), _) => Verdict::Suspect,
            (None, true) => Verdict::Unchanged,
            (None, false) => Verdict::Cleaned,
        };
        Outcome {
            edits,
            fields,
            verdict,
            reason: suspect,
            outlet,
            refused: self.refused,
            failed_stages: self.failed.iter().map(|(name, _)| (*name).to_owned()).collect(),
            tail_lines,
        }
    }

    /// The number of non-blank lines left below the last body line. No rule covers them.
    fn tail_lines(&self) -> usize {
        if !self.doc.has_body() {
            return 0;
        }
        let left = self.doc.lines().rev().take_while(|line| !line.is_body());
        left.filter(|line| !line.is_blank()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A panic outside a stage must not be attributed to the last stage that ran.
    #[test]
    fn no_stage_is_current_after_a_document() {
        let pipeline = Pipeline::builder().build().unwrap();
        let cleaned =
            pipeline.clean(b"A title\n\nThe talks went on for days, the minister said.\n");
        assert_eq!(cleaned.verdict(), Verdict::Unchanged);
        assert_eq!(IN_STAGE.with_borrow(String::clone), "");
    }
}
