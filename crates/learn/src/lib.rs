//! Samples of an outlet in, a rule file out.
//!
//! What repeats across an outlet's documents, and does not belong to a story, is the outlet's. The
//! generic rules run first; what they leave is looked at:
//!
//! - lines that repeat as they are, and lines that differ in their numbers alone;
//! - *frames*: lines at the edges that begin or end alike around a changing value ("Updated: …");
//! - *slots*: a short line at a fixed place above the title (a section label);
//! - prefixes of the first sentence and suffixes of titles (the outlet's name).
//!
//! Two documents that share most of their sentences carry one story (an agency's, say) and count as
//! one, so nothing that stories share is taken for chaff. No rule may touch a sentence that only one
//! story has. Every rule is proved before it is written: rules that fail their own cases are left out.
//!
//! The ideas are old: repeated lines as boilerplate are CCNet's and onion's, frames with slots are
//! those of wrapper induction (RoadRunner, Crescenzi et al. 2001), here on lines of text instead of
//! HTML. Held-out documents tell how often each rule fires.

mod emit;
mod page;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chaffinch_core::stage::Span;
use chaffinch_core::{Cleaned, Limits, Pipeline};
use chaffinch_proof::no_limits;

use page::Page;
pub use page::Sample;
use rules::{Draft, DraftRule};

/// The fewest stories that a rule file can be learned from.
const FEWEST: usize = 2;

/// From so many stories on, one in four is held out to test what the others taught.
const HOLD_OUT_FROM: usize = 4;

/// A rule file, and what is to be said of it.
#[derive(Debug)]
pub struct Learned {
    /// The file.
    pub yaml: String,
    /// The number of its rules.
    pub rules: usize,
    /// The number of different stories among the samples.
    pub stories: usize,
    /// What is uncertain, for people.
    pub notes: Vec<String>,
}

/// Why nothing could be learned.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// All samples carry one story: what they share may be the story.
    TooFewStories(usize),
    /// Nothing repeats but what the generic rules cut.
    NothingFound,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::TooFewStories(count) => write!(
                f,
                "the samples carry {count} story; give documents of {FEWEST} different stories or more"
            ),
            Error::NothingFound => f.write_str(
                "nothing repeats across the samples but what the generic rules cut already",
            ),
        }
    }
}

impl std::error::Error for Error {}

/// Learns the rules of the outlet `name` from samples of it. The same samples give the same file.
///
/// `pipeline` tells what is cut already and which outlets there are.
///
/// # Errors
/// The samples are too few or too much alike, or hold nothing to learn.
pub fn learn(name: &str, samples: &[Sample], pipeline: &Pipeline) -> Result<Learned, Error> {
    let mut sorted: Vec<&Sample> = samples.iter().collect();
    sorted.sort_by(|a, b| (&a.name, &a.text).cmp(&(&b.name, &b.text)));
    let mut pages: Vec<Page> = sorted.iter().map(|sample| Page::new(sample, pipeline)).collect();
    let stories = page::tell_stories(&mut pages);
    if stories < FEWEST {
        return Err(Error::TooFewStories(stories));
    }
    let held_out = |page: &Page| stories >= HOLD_OUT_FROM && page.story % 4 == 3;
    let (tests, lessons): (Vec<Page>, Vec<Page>) = pages.iter().cloned().partition(held_out);
    let drafted = |pages: &[Page]| {
        let mut draft = rules::draft(name, pages, pipeline);
        sift(name, &mut draft, pages);
        draft
    };
    let mut draft = drafted(&pages);
    if draft.rules.is_empty() {
        return Err(Error::NothingFound);
    }
    draft.recognise(name, &pages, &sorted, pipeline);
    // What is foretold of documents that taught nothing is what a rule can be trusted for.
    let foretold = (!tests.is_empty()).then(|| drafted(&lessons));
    let fired = foretold.map_or_else(BTreeMap::new, |early| fired(name, &draft, &early, &tests));
    let example = example(name, &draft, &pages);
    let mut notes = Vec::new();
    if draft.signs.is_empty() && draft.hosts.is_empty() {
        notes.push(
            "no line tells this outlet from others: add `hosts` or `paths` under `recognise`, \
             or name it with --outlet"
                .to_owned(),
        );
    }
    let yaml = emit::file(name, &draft, stories, tests.len(), &fired, example.as_ref());
    Ok(Learned { yaml, rules: draft.rules.len(), stories, notes })
}

/// What the draft is called while it is tried.
const DRAFT: &str = "draft.yaml";

/// A pipeline with this draft for its only outlet; none if the draft is no sound rule file.
fn pipeline_of(name: &str, draft: &Draft, limits: Limits) -> Option<Pipeline> {
    let yaml = emit::file(name, draft, 0, 0, &BTreeMap::new(), None);
    Pipeline::builder().rule_file(DRAFT, &yaml).limits(limits).outlet(name).build().ok()
}

/// Leaves out rules that touch a sentence of one story alone or its title, and rules that fail
/// their own proof; until all that are left hold.
fn sift(name: &str, draft: &mut Draft, pages: &[Page]) {
    while !draft.rules.is_empty() {
        let Some(pipeline) = pipeline_of(name, draft, no_limits()) else {
            // One rule is not sound: find it by trying each alone.
            let sound =
                |rule: &DraftRule| pipeline_of(name, &draft.with(rule), no_limits()).is_some();
            let kept: Vec<DraftRule> = draft.rules.iter().filter(|r| sound(r)).cloned().collect();
            if kept.len() == draft.rules.len() {
                draft.rules.clear();
                return;
            }
            draft.rules = kept;
            continue;
        };
        let table = pipeline.rules().rules();
        // Rules that fail, each with the line that it fails on.
        let mut bad: Vec<(String, String)> = Vec::new();
        let own = |id: &str| id.strip_prefix(&format!("{name}/")).map(str::to_owned);
        for page in pages {
            let cleaned = pipeline.clean_text(&page.text, None);
            for edit in cleaned.edits().iter().filter(|edit| edit.removes()) {
                let Some(id) = own(&table[edit.rule.0 as usize].id) else { continue };
                let whole = |span: &std::ops::Range<usize>| {
                    edit.span.start() <= span.start && span.end <= edit.span.end()
                };
                let frame = draft.rules.iter().any(|rule| rule.two_sided && rule.id == id);
                let titles = page.titles.iter().map(|at| &page.rows[*at]).filter(|_| !frame);
                let guarded = page.rows.iter().filter(|row| page.guarded.contains(&row.span));
                let hurt = titles.chain(guarded).filter(|row| whole(&row.span));
                bad.extend(hurt.map(|row| (id.clone(), row.key.clone())));
            }
        }
        let failures = chaffinch_proof::cases(&pipeline, &|file| file == DRAFT);
        bad.extend(failures.into_iter().filter_map(|f| Some((own(&f.rule)?, f.case?))));
        if bad.is_empty() {
            return;
        }
        for (id, line) in bad {
            let Some(at) = draft.rules.iter().position(|rule| rule.id == id) else { continue };
            if !draft.rules[at].drop_text(&line) {
                draft.rules.remove(at);
            }
        }
    }
}

/// In how many of the held-out documents each rule cuts what rules learned without them cut too.
fn fired(name: &str, draft: &Draft, early: &Draft, tests: &[Page]) -> BTreeMap<String, usize> {
    let mut fired = BTreeMap::new();
    let pipelines =
        pipeline_of(name, draft, no_limits()).zip(pipeline_of(name, early, no_limits()));
    let Some((pipeline, early)) = pipelines else { return fired };
    for page in tests {
        let foretold = early.clean_text(&page.text, None);
        let foretold: Vec<Span> = own_cuts(name, &early, &foretold).map(|(_, span)| span).collect();
        let cleaned = pipeline.clean_text(&page.text, None);
        let ids: BTreeSet<&str> = own_cuts(name, &pipeline, &cleaned)
            .filter(|(_, span)| foretold.iter().any(|early| early.overlaps(*span)))
            .map(|(id, _)| id)
            .collect();
        ids.into_iter().for_each(|id| *fired.entry(id.to_owned()).or_insert(0) += 1);
    }
    fired
}

/// The cuts of the outlet's own rules, each with the rule's id in its file.
fn own_cuts<'a>(
    name: &'a str,
    pipeline: &'a Pipeline,
    cleaned: &'a Cleaned<'_>,
) -> impl Iterator<Item = (&'a str, Span)> {
    let table = pipeline.rules().rules();
    cleaned.edits().iter().filter(|edit| edit.removes()).filter_map(move |edit| {
        let id = table[edit.rule.0 as usize].id.strip_prefix(name)?.strip_prefix('/')?;
        Some((id, edit.span))
    })
}

/// The longest document that may stand in a rule file as its example, in bytes.
const EXAMPLE: usize = 6_000;

/// The shortest sample that more than one rule cuts, and what is left of it.
fn example(name: &str, draft: &Draft, pages: &[Page]) -> Option<(String, String)> {
    let pipeline = pipeline_of(name, draft, Limits::default())?;
    let table = pipeline.rules().rules();
    let own = |id: u32| table[id as usize].id.starts_with(&format!("{name}/"));
    let mut best: Option<(usize, String, String)> = None;
    for page in pages.iter().filter(|page| page.text.len() <= EXAMPLE) {
        let cleaned = pipeline.clean_text(&page.text, None);
        let cuts = cleaned.edits().iter().filter(|edit| own(edit.rule.0)).count();
        let again = pipeline.clean_text(cleaned.text(), None);
        let settled = again.edits().is_empty();
        let better = best.as_ref().is_none_or(|(length, ..)| page.text.len() < *length);
        if cuts > 0 && settled && better {
            best = Some((page.text.len(), page.text.clone(), cleaned.text().to_owned()));
        }
    }
    best.map(|(_, text, clean)| (text, clean))
}
