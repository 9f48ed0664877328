//! The engine: stages mark, the engine cuts.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chaffinch_rules::{How, UnitId};
use chaffinch_stage::{
    Act, Action, Certainty, Document, Line, Mark, Marks, Place, Role, RuleId, Span, Spans, Tier,
    script,
};
use rayon::prelude::*;

use crate::cleaned::{Cleaned, Fields, Recalled, Verdict};
use crate::decode::{self, Coding, Decoded, NotText};
use crate::edits::{Edit, Edits};
use crate::era;
use crate::findings::Findings;
use crate::panics::panic_message;
use crate::pipeline::{Link, Pipeline};

/// The most rounds that the chain runs over one document.
const ROUNDS: usize = 16;

/// The most times that a document is cleaned again without cuts that are too much of its body.
const RERUNS: usize = 3;

/// Characters that a document has left, blanks aside, if the cuts of a model are to stay.
const FEWEST_LEFT: usize = 150;

/// A document to be cleaned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Where it is from.
    pub url: Option<&'a str>,
    /// Its path, relative to the corpus.
    pub path: Option<&'a str>,
    /// The day it is from, as `2024-05-31`. Where it is not known, the URL and the first lines are
    /// looked at; only rules with an era need it.
    pub date: Option<&'a str>,
    /// The id of its outlet, which is then not recognised. A document of an unknown outlet is not
    /// cleaned.
    pub outlet: Option<&'a str>,
}

impl Pipeline {
    /// Cleans one document of which nothing but its bytes is known.
    ///
    /// Cleaning cannot fail: what cannot be cleaned passes through as it was, and the verdict says
    /// so.
    pub fn clean<'a>(&self, bytes: &'a [u8]) -> Cleaned<'a> {
        self.clean_input(&Input { bytes, ..Input::default() })
    }

    /// Cleans one document.
    pub fn clean_input<'a>(&self, input: &Input<'a>) -> Cleaned<'a> {
        if input.bytes.len() > self.limits.document_bytes {
            return Cleaned::untouched(input.bytes, NotText::TooLong.to_string());
        }
        match decode::decode(input.bytes, self.encoding) {
            Ok(decoded) => self.clean_decoded(input, decoded),
            Err(reason) => Cleaned::untouched(input.bytes, reason.to_string()),
        }
    }

    /// Cleans a text that is already decoded, such as a field of a record.
    pub fn clean_text<'a>(&self, text: &'a str, url: Option<&'a str>) -> Cleaned<'a> {
        self.clean_record(&Input { url, ..Input::default() }, text)
    }

    /// Cleans a text that is already decoded, such as a field of a record, of which more is known;
    /// the bytes of `input` are not looked at.
    pub fn clean_record<'a>(&self, input: &Input<'_>, text: &'a str) -> Cleaned<'a> {
        let input = Input { bytes: text.as_bytes(), ..*input };
        if text.len() > self.limits.document_bytes {
            return Cleaned::untouched(text.as_bytes(), NotText::TooLong.to_string());
        }
        let coding = Coding::UTF_8;
        self.clean_decoded(&input, Decoded { text: text.into(), coding, patches: Vec::new() })
    }

    /// A document as an earlier run left it, with the rules of this pipeline. Nothing is looked for;
    /// none if the bytes are no text, or not those that the edits are of.
    pub fn recall<'a>(&self, bytes: &'a [u8], recalled: Recalled) -> Option<Cleaned<'a>> {
        let decoded = decode::decode(bytes, self.encoding).ok()?;
        self.recall_decoded(decoded, recalled)
    }

    /// As [`Pipeline::recall`], for a text that is already decoded.
    pub fn recall_text<'a>(&self, text: &'a str, recalled: Recalled) -> Option<Cleaned<'a>> {
        let coding = Coding::UTF_8;
        let decoded = Decoded { text: text.into(), coding, patches: Vec::new() };
        self.recall_decoded(decoded, recalled)
    }

    fn recall_decoded<'a>(&self, decoded: Decoded<'a>, recalled: Recalled) -> Option<Cleaned<'a>> {
        let fits = |edit: &Edit| decoded.text.get(edit.span.range()).is_some();
        let fits = recalled.edits.iter().all(fits);
        fits.then(|| Cleaned::recalled(decoded, recalled))
    }

    /// Whether a rule that is on matches a line of the text, wherever it may act. Detectors have
    /// nothing that could match.
    pub fn matches_anywhere(&self, outlet: Option<UnitId>, text: &str) -> bool {
        let doc = Document::new(text, self, chaffinch_rules::key::key);
        let mut near = Vec::new();
        let is_on = |hit: &chaffinch_stage::Hit| !self.is_off(hit.rule);
        doc.lines()
            .filter(|line| !line.is_blank())
            .any(|line| self.rules.find(outlet, line, false, &mut near).iter().any(is_on))
    }

    /// Cleans documents in parallel; results come in the order of the documents.
    pub fn clean_all<'a>(&self, inputs: &[Input<'a>]) -> Vec<Cleaned<'a>> {
        inputs.par_iter().map(|input| self.clean_input(input)).collect()
    }

    fn clean_decoded<'a>(&self, input: &Input<'_>, decoded: Decoded<'a>) -> Cleaned<'a> {
        if let Some(Err(reason)) = input.outlet.map(|id| self.rules.outlet(id)) {
            return Cleaned::untouched_text(decoded, reason);
        }
        // A stage that panics costs this document its cleaning. What it saw is dropped here, so
        // nothing half-done can be seen later.
        let work = || {
            let mut work = Work::new(self, &decoded.text, input);
            work.run();
            work.run_without_excess(|| Work::new(self, &decoded.text, input)).finish()
        };
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(outcome) => Cleaned::new(decoded, outcome),
            Err(panic) => {
                let message = panic_message(&*panic);
                let reason = match IN_STAGE.take() {
                    stage if stage.is_empty() => format!("the engine failed: {message}"),
                    stage => format!("stage \"{stage}\" failed: {message}"),
                };
                Cleaned::untouched_text(decoded, reason)
            }
        }
    }
}

std::thread_local! {
    // The stage at work on this thread, so that a panic can be attributed to it; empty between
    // stages.
    static IN_STAGE: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

/// What the engine found out about a document.
pub(crate) struct Outcome {
    pub(crate) edits: Vec<Edit>,
    pub(crate) fields: Fields,
    pub(crate) verdict: Verdict,
    pub(crate) reason: Option<String>,
    pub(crate) outlet: Option<(String, How)>,
    pub(crate) refused: Vec<(String, usize)>,
    pub(crate) tail_lines: usize,
}

/// One document at work.
pub(crate) struct Work<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) doc: Document<'a>,
    pub(crate) outlet: Option<(UnitId, How)>,
    pub(crate) edits: Edits,
    pub(crate) kept: Spans,
    findings: Findings,
    /// Cuts of generic rules that would be too much of the body, and why they are not made.
    excess: Spans,
    suspect: Option<String>,
    refused: Vec<(String, usize)>,
    near: Vec<u32>,
    /// The lines of which only those hits were looked for that matter in the midst of the article.
    inside: Vec<bool>,
    /// The rules whose blocks begin somewhere, so that their ends matter, and the first line of the
    /// first.
    open: Vec<(RuleId, usize)>,
    /// The day of the document, where rules of its outlet hold in an era alone.
    pub(crate) day: Option<String>,
}

impl<'a> Work<'a> {
    pub(crate) fn new(pipeline: &'a Pipeline, source: &'a str, input: &Input<'_>) -> Work<'a> {
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
        let mut work = Work {
            pipeline,
            doc,
            outlet,
            edits: Edits::default(),
            kept: Spans::default(),
            findings: Findings::default(),
            excess: Spans::default(),
            suspect: None,
            refused: Vec::new(),
            near: Vec::new(),
            inside: vec![false; lines],
            open: Vec::new(),
            day,
        };
        let mut detectors = rules.detectors(unit);
        detectors.retain(|rule| work.is_on(*rule));
        work.doc.recognised(unit.map(|unit| rules.unit_name(unit)), detectors);
        for index in 0..work.doc.line_count() {
            work.find_hits(index);
        }
        work
    }

    fn find_hits(&mut self, index: usize) {
        let line = self.doc.line(index);
        if line.is_blank() {
            self.doc.set_hits(index, Vec::new());
            return;
        }
        let unit = self.outlet.map(|(unit, _)| unit);
        let variant = self.pipeline.variant.as_ref();
        // A variant's rules may act elsewhere than those of the set.
        let moves = variant.is_some_and(|variant| variant.has_other_rules());
        let inside = !moves && self.doc.is_inside(index);
        let mut hits = self.pipeline.rules.find(unit, line, inside, &mut self.near);
        if let Some((rule, patterns)) = variant.and_then(|variant| variant.instead()) {
            hits.retain(|hit| hit.rule != rule);
            hits.extend(self.pipeline.rules.find_instead(rule, patterns, line));
        }
        if self.day.is_some() || variant.is_some() {
            hits.retain(|hit| self.is_on(hit.rule));
        }
        for (rule, _) in self.open.iter().filter(|(_, first)| *first <= index) {
            hits.extend(self.pipeline.rules.find_end(*rule, line));
        }
        self.inside[index] = inside;
        let instead = variant.and_then(|variant| variant.instead()).map(|(rule, _)| rule);
        let new: Vec<RuleId> = hits
            .iter()
            .filter(|hit| hit.role == Role::From && Some(hit.rule) != instead)
            .map(|hit| hit.rule)
            .filter(|rule| !self.open.iter().any(|(open, first)| open == rule && *first <= index))
            .collect();
        self.doc.set_hits(index, hits);
        for rule in new {
            self.find_ends(rule, index);
        }
    }

    /// A block begins on a line: finds where it may end. Most documents have none, so the ends of
    /// blocks are not looked for before.
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

    /// Lines that are no longer in the midst of the article are looked at whole.
    fn find_hits_at_edges(&mut self) {
        for index in 0..self.inside.len() {
            if self.inside[index] && !self.doc.is_inside(index) && !self.doc.is_removed(index) {
                self.find_hits(index);
            }
        }
    }

    /// Whether a rule holds on the document's day and is not switched off.
    fn is_on(&self, rule: RuleId) -> bool {
        let holds = |day: &str| self.pipeline.rules.source(rule).era.holds(day);
        self.day.as_deref().is_none_or(holds)
            && !self.pipeline.variant.as_ref().is_some_and(|variant| variant.is_off(rule))
    }

    pub(crate) fn run(&mut self) {
        self.run_where(|_| true);
    }

    /// Runs all stages but those that judge every line.
    pub(crate) fn run_rules(&mut self) {
        self.run_where(|link| !link.stage.judges());
    }

    fn run_where(&mut self, wanted: impl Fn(&Link) -> bool) {
        self.keep();
        // A stage is a pure function of what it sees: if nothing was cut since it last looked, it
        // would make the same marks again.
        let (mut version, mut seen) = (0_usize, vec![None; self.pipeline.chain.len()]);
        for _ in 0..ROUNDS {
            let before = version;
            self.findings.next_round();
            let pipeline = self.pipeline;
            for (link, seen) in pipeline.chain.iter().zip(&mut seen) {
                if !wanted(link) || seen.replace(version) == Some(version) {
                    continue;
                }
                IN_STAGE.with_borrow_mut(|name| name.clone_from(&link.name));
                self.doc.enter(&link.name, link.own_rule);
                let mut marks = Marks::new();
                link.stage.mark(&self.doc, &mut marks);
                IN_STAGE.with_borrow_mut(String::clear);
                let mut marks = marks.into_vec();
                marks.sort_by_key(|mark| self.tier(mark.rule));
                version += usize::from(self.apply(&link.name, marks));
            }
            if version == before {
                break;
            }
        }
    }

    fn tier(&self, rule: RuleId) -> Tier {
        match self.pipeline.rules.has(rule) {
            true => self.pipeline.rule(rule).tier,
            false => Tier::Generic,
        }
    }

    /// Sets apart what `keep` rules protect, before any stage.
    fn keep(&mut self) {
        for line in self.doc.lines_with_hits() {
            for hit in line.all_hits() {
                let rule = self.doc.rule(hit.rule);
                let alone = matches!(hit.role, Role::Line | Role::Part);
                if rule.act == Act::Keep && alone && line.allows(rule) {
                    self.kept.insert(hit.span);
                }
            }
        }
        let pipeline = self.pipeline;
        for link in pipeline.chain.iter() {
            self.doc.enter(&link.name, link.own_rule);
            let blocks = self.doc.blocks();
            let keeps = blocks.iter().filter(|block| self.doc.rule(block.rule).act == Act::Keep);
            for block in keeps {
                let spans = self.doc.lines_in(block.lines.clone()).map(|line| line.full_span());
                self.kept.extend(spans);
            }
        }
    }

    /// Applies the marks of one stage. Whether they cut anything.
    fn apply(&mut self, stage: &str, marks: Vec<Mark>) -> bool {
        let mut touched: Vec<usize> = Vec::new();
        let mut removed = Spans::default();
        let removals = marks.iter().filter(|mark| mark.action == Action::Remove);
        removed.extend(removals.map(|mark| mark.span));
        let title = self.title();
        let judged_title = match marks.iter().any(|mark| mark.confidence.is_some()) {
            true => self.doc.title().map(|line| line.span()),
            false => None,
        };
        for mark in marks {
            if !self.is_sound(&mark) {
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
                let is_title = match mark.confidence {
                    Some(_) => covers(judged_title),
                    None => covers(title) && self.protects_title(&mark, &removed),
                };
                if is_title {
                    continue;
                }
            }
            // A line that tells something was understood by a rule; a judgement knows less.
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
        !touched.is_empty()
    }

    /// The lines above the first body line that are not blank.
    fn above_body(&self) -> impl Iterator<Item = Line<'_, 'a>> {
        self.doc.lines().take_while(|line| !line.is_body()).filter(|line| !line.is_blank())
    }

    /// The span of the title: the first line above the first body line.
    fn title(&self) -> Option<Span> {
        let first = self.above_body().next().filter(|_| self.doc.has_body())?;
        first.text().chars().any(char::is_alphabetic).then(|| first.span())
    }

    /// Whether the title is protected from a removal by a generic rule.
    ///
    /// If it is the only line above the body, no pattern may remove it. If there are more, it may be
    /// a byline or a share button above the title, so rules that are safe or act in the head only
    /// may remove it. `removed` are the spans that the stage removes; a line that it removes too is
    /// not another one. Detectors look at several lines and never take a title for a menu.
    fn protects_title(&self, mark: &Mark, removed: &Spans) -> bool {
        let rule = self.pipeline.rule(mark.rule);
        if rule.tier != Tier::Generic || rule.detect.is_some() {
            return false;
        }
        let stays = |line: Line<'_, '_>| !removed.cover(line.span());
        !self.above_body().skip(1).any(stays) || !rule.safe && rule.place != Place::Head
    }

    fn is_sound(&self, mark: &Mark) -> bool {
        let span = mark.span;
        let text = self.doc.source().get(span.range());
        let known = self.pipeline.rules.has(mark.rule);
        let whole = match &mark.action {
            // A replacement across line ends would have to stand on two lines at once.
            Action::Replace(_) => text.is_some_and(|text| !text.contains(['\n', '\r'])),
            _ => text.is_some(),
        };
        known && whole && (!span.is_empty() || mark.action == Action::Note)
    }

    /// Shows later stages what is left of a line.
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
                // The spaces that are left go too.
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

    /// Checks the damage, tidies blank lines, and sums up.
    fn finish(mut self) -> Outcome {
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
            emptied.then(|| "the rules would leave nothing of the document".to_owned())
        }) {
            self.edits = Edits::default();
            self.findings = Findings::default();
            suspect = Some(reason);
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
            tail_lines,
        }
    }

    /// Lines left below the last sentence: what no rule explains.
    fn tail_lines(&self) -> usize {
        if !self.doc.has_body() {
            return 0;
        }
        let left = self.doc.lines().rev().take_while(|line| !line.is_body());
        left.filter(|line| !line.is_blank()).count()
    }

    /// Drops all cuts of a model if they leave almost nothing of a document with sentences.
    ///
    /// Most lines of a whole page are boilerplate, teasers of other articles among them, so the
    /// share that is cut says nothing. An article that is left has some length.
    fn cap_judged(&mut self) -> Option<String> {
        let judged = |edit: &Edit| edit.confidence.is_some();
        if !self.edits.iter().any(judged) {
            return None;
        }
        let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        let left = self.doc.lines().map(|line| visible(line.text())).sum::<usize>();
        if left >= FEWEST_LEFT {
            return None;
        }
        // Sentences that only a judgement cut.
        let source = self.doc.source();
        let cut = self.edits.iter().filter(|edit| judged(edit)).map(|edit| {
            let text = &source[edit.span.range()];
            if script::ends_sentence(text) && script::is_long(text) { visible(text) } else { 0 }
        });
        if cut.sum::<usize>() <= left {
            return None;
        }
        self.edits.retain(|edit| !judged(edit));
        Some("the line model would leave almost nothing: its cuts were dropped".to_owned())
    }

    /// The body that cuts are measured on: as it came in, or as a model left it. On a whole page, the
    /// first and last sentences belong to teasers and footers.
    fn article(&self) -> Option<Span> {
        let judged = self.edits.iter().any(|edit| edit.confidence.is_some());
        let left = if judged { self.doc.body_span() } else { None };
        left.or_else(|| self.doc.first_body_span())
    }

    /// Where a model judges lines and generic rules cut too much of the body, runs again without the
    /// excess: the model saw the document without these lines.
    fn run_without_excess(mut self, anew: impl Fn() -> Work<'a>) -> Work<'a> {
        if self.outlet.is_some() || !self.pipeline.chain.iter().any(|link| link.stage.judges()) {
            return self;
        }
        for _ in 0..RERUNS {
            let Some((spans, reason)) = self.excess() else { break };
            let mut again = anew();
            again.excess = self.excess;
            again.excess.extend(spans);
            again.suspect = self.suspect.or(Some(reason));
            again.run();
            self = again;
        }
        self
    }

    /// Drops the excess of the generic cuts inside the body.
    fn cap_body(&mut self) -> Option<String> {
        let (mut dropped, reason) = self.excess()?;
        dropped.sort_by_key(|span| span.start());
        self.edits.retain(|edit| {
            dropped.binary_search_by_key(&edit.span.start(), |span| span.start()).is_err()
        });
        Some(reason)
    }

    /// The generic cuts inside the body that have to be dropped if they are too much of it, and a
    /// message: the least certain first, of these the longest. Cuts that are sure do not count: a
    /// gallery has as many credits as pictures.
    fn excess(&self) -> Option<(Vec<Span>, String)> {
        let body = self.article()?;
        let certainty = |edit: &Edit| {
            let rule = self.pipeline.rule(edit.rule);
            let counts = rule.tier == Tier::Generic
                && rule.certainty != Certainty::Sure
                && edit.confidence.is_none();
            (counts && edit.removes() && body.covers(edit.span)).then_some(rule.certainty)
        };
        let unsure = self.edits.iter().filter_map(|edit| Some((certainty(edit)?, edit.span)));
        let mut unsure: Vec<(Certainty, Span)> = unsure.collect();
        let cut: usize = unsure.iter().map(|(_, span)| span.len()).sum();
        let allowed = (self.pipeline.limits.body_cut_share * body.len() as f64) as usize;
        if cut <= allowed {
            return None;
        }
        unsure.sort_by_key(|(certainty, span)| {
            (*certainty, std::cmp::Reverse(span.len()), span.start())
        });
        let mut left = cut;
        let dropped = unsure.iter().take_while(|(_, span)| {
            let drops = left > allowed;
            left -= if drops { span.len() } else { 0 };
            drops
        });
        let dropped: Vec<Span> = dropped.map(|(_, span)| *span).collect();
        let percent = cut as f64 / body.len().max(1) as f64 * 100.0;
        let reason = format!(
            "generic rules would cut {percent:.0} % of the body: the {} least certain cuts were dropped",
            dropped.len()
        );
        Some((dropped, reason))
    }

    /// The reason to give the document back as it was: cuts that eat the body.
    fn cap_total(&self) -> Option<String> {
        let body = self.article()?;
        let cut: usize = self
            .edits
            .iter()
            .filter(|edit| {
                edit.removes()
                    && edit.confidence.is_none()
                    && self.pipeline.rule(edit.rule).certainty != Certainty::Sure
            })
            .map(|e| {
                let end = e.span.end().min(body.end());
                end.saturating_sub(e.span.start().max(body.start()))
            })
            .sum();
        let share = cut as f64 / body.len().max(1) as f64;
        let percent = share * 100.0;
        (share > self.pipeline.limits.total_cut_share)
            .then(|| format!("the rules would cut {percent:.0} % of the body: nothing was cut"))
    }

    /// Where lines went whole, takes their line ends too. Of the blank runs above and below a cut
    /// the longest stays, and none at the document's edges.
    fn tidy_blank_lines(&mut self) {
        if self.edits.is_empty() {
            return;
        }
        let source = self.doc.source();
        let count = self.doc.line_count();
        let kind = self.kinds();
        let mut from = 0;
        while from < count {
            if kind[from] == Kind::Left {
                from += 1;
                continue;
            }
            let to = (from..count).find(|&i| kind[i] == Kind::Left).unwrap_or(count);
            let cut = (from..to).find_map(|i| match kind[i] {
                Kind::Cut(rule, confidence) => Some((rule, confidence)),
                _ => None,
            });
            if let Some(first) = cut {
                let stays = match from == 0 || to == count {
                    true => 0..0,
                    false => longest_blank_run(&kind, from, to),
                };
                let mut by = first;
                for (index, kind) in kind.iter().enumerate().take(to).skip(from) {
                    let line = self.doc.line(index);
                    if let Kind::Cut(own, confidence) = *kind {
                        // The line itself is gone already.
                        self.edits.remove_judged(line.end_span(), own, confidence);
                        by = (own, confidence);
                    } else if !stays.contains(&index) {
                        self.edits.remove_judged(line.full_span(), by.0, by.1);
                    }
                }
                let ended = source.ends_with(['\n', '\r']);
                if to == count && from > 0 && !ended {
                    let last = self.doc.line(from - 1);
                    self.edits.remove_judged(last.end_span(), first.0, first.1);
                }
            }
            from = to;
        }
    }

    /// What became of each line. Most lines have no edit, and that shows in passing.
    fn kinds(&self) -> Vec<Kind> {
        let mut edits = self.edits.iter().peekable();
        let kind = |index: usize| {
            let span = self.doc.line(index).full_span();
            while edits.next_if(|edit| edit.span.end() <= span.start()).is_some() {}
            let own = edits.clone().take_while(|edit| edit.span.start() < span.end());
            self.kind(index, own)
        };
        (0..self.doc.line_count()).map(kind).collect()
    }

    /// What became of a line that these edits touch, or its line end.
    fn kind<'e>(&self, index: usize, edits: impl Iterator<Item = &'e Edit>) -> Kind {
        let line = self.doc.line(index);
        let span = line.span();
        if self.kept.overlap(line.full_span()) {
            return Kind::Left;
        }
        let mut edits = edits.peekable();
        let blank = || script::is_blank(&self.doc.source()[span.range()]);
        let Some((rule, confidence)) = edits.peek().map(|edit| (edit.rule, edit.confidence)) else {
            // Edits that were dropped leave a line that is shown otherwise.
            let as_it_was = line.text().len() == span.len();
            let blank = if as_it_was { line.is_blank() } else { blank() };
            return if blank { Kind::Blank } else { Kind::Left };
        };
        let removed = |edit: &Edit| {
            let end = edit.span.end().min(span.end());
            if edit.removes() { end.saturating_sub(edit.span.start().max(span.start())) } else { 0 }
        };
        let removed: usize = edits.map(removed).sum();
        match removed == span.len() {
            _ if blank() => Kind::Blank,
            true => Kind::Cut(rule, confidence),
            false => Kind::Left,
        }
    }
}

/// What became of a line of the source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Left,
    Blank,
    /// By this rule, with this confidence.
    Cut(RuleId, Option<u8>),
}

fn longest_blank_run(kind: &[Kind], from: usize, to: usize) -> std::ops::Range<usize> {
    let mut longest = from..from;
    let mut at = from;
    while at < to {
        if kind[at] == Kind::Blank {
            let end = (at..to).find(|&i| kind[i] != Kind::Blank).unwrap_or(to);
            if end - at > longest.len() {
                longest = at..end;
            }
            at = end;
        } else {
            at += 1;
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A panic outside a stage must not be attributed to the last stage that ran.
    #[test]
    fn no_stage_is_at_work_after_a_document() {
        let pipeline = Pipeline::builder().build().unwrap();
        let cleaned =
            pipeline.clean(b"A title\n\nThe talks went on for days, the minister said.\n");
        assert_eq!(cleaned.verdict(), Verdict::Unchanged);
        assert_eq!(IN_STAGE.with_borrow(String::clone), "");
    }
}
