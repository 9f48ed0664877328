//! Samples of an outlet in, a rule file out.
//!
//! What repeats across an outlet's documents, and does not belong to a story, is the outlet's. The
//! generic rules run first; what they leave is looked at:
//!
//! - lines that repeat as they are, and lines that differ in their numbers alone;
//! - *frames*: lines at the edges that begin or end alike around a changing value ("Updated: …");
//! - *blocks*: a heading that repeats, lines that change below it, a line that repeats;
//! - *slots*: a short line at a fixed place above the title (a section label);
//! - prefixes of the first sentence and suffixes of titles (the outlet's name).
//!
//! Two documents that share most of their sentences carry one story (an agency's, say) and count as
//! one, so nothing that stories share is taken for chaff. No rule may touch a sentence that only one
//! story has. Every rule is proved before it is written: rules that fail their own cases or cut of
//! clean articles are left out.
//!
//! [`learn`] writes a new file, [`update`] brings one up to date with more samples.
//! `docs/learning.md` says where the ideas come from.

mod emit;
mod frame;
mod layout;
mod page;
mod recognise;
mod rules;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chaffinch_core::stage::Span;
use chaffinch_core::{Cleaned, Limits, Pipeline};
use chaffinch_proof::{Level, no_limits};

use emit::Told;
use layout::Era;
use page::Page;
pub use page::Sample;
use rules::{Draft, DraftRule};
pub use update::{UpdateError, Updated, update};

/// The fewest stories that a rule file can be learned from.
const FEWEST: usize = 2;

/// The most hosts that one outlet is taken to have.
const MOST_HOSTS: usize = 3;

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

/// Documents to learn from.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// The documents.
    pub all: &'a [Sample],
    /// Whether they are known to be of one outlet. Otherwise documents that share no line must be of
    /// one site.
    pub one_outlet: bool,
}

impl<'a, S: AsRef<[Sample]> + ?Sized> From<&'a S> for Samples<'a> {
    fn from(all: &'a S) -> Samples<'a> {
        Samples { all: all.as_ref(), one_outlet: false }
    }
}

/// Why nothing could be learned.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// All samples carry one story: what they share may be the story.
    TooFewStories(usize),
    /// The samples fall into groups that have nothing in common: their names, by group.
    Mixed(Vec<Vec<String>>),
    /// Nothing repeats but what the generic rules cut.
    NothingFound,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::TooFewStories(0) => f.write_str("there is no sample to learn from"),
            Error::TooFewStories(1) => write!(
                f,
                "the samples carry 1 story, and what they share may be the story; \
                 give documents of {FEWEST} different stories or more"
            ),
            Error::TooFewStories(count) => {
                write!(f, "the samples carry {count} stories; give documents of {FEWEST} or more")
            }
            Error::Mixed(groups) => {
                write!(f, "the samples look like {} outlets that share no line: ", groups.len())?;
                for (at, names) in groups.iter().enumerate() {
                    let shown = names.iter().take(3).map(String::as_str).collect::<Vec<_>>();
                    let more = if names.len() > 3 { ", …" } else { "" };
                    let lead = if at > 0 { " and " } else { "" };
                    write!(f, "{lead}({}{more})", shown.join(", "))?;
                }
                f.write_str(
                    "; learn each on its own, choose with --where FIELD=VALUE, or give --together \
                     if they are of one outlet",
                )
            }
            Error::NothingFound => f.write_str(
                "nothing repeats across the samples but what the generic rules cut already; \
                 give more of them, or see that they are all of one outlet and layout",
            ),
        }
    }
}

impl std::error::Error for Error {}

/// What samples teach.
struct Study {
    draft: Draft,
    stories: usize,
    /// The documents held out, and in how many each rule fired.
    tests: usize,
    fired: BTreeMap<String, usize>,
    pages: Vec<Page>,
    notes: Vec<String>,
}

impl Study {
    fn told(&self) -> Told<'_> {
        let Study { stories, tests, fired, notes, .. } = self;
        Told { stories: *stories, tests: *tests, fired, notes }
    }
}

/// Learns the rules of the outlet `name` from samples of it. The same samples give the same file.
///
/// `pipeline` has the rules and outlets that exist already. It should be read with
/// [`Builder::to_prove`](chaffinch_core::Builder::to_prove): signs that occur in examples of other
/// outlets are not taken.
///
/// # Errors
/// The samples are too few, too much alike or too different, or hold nothing to learn.
pub fn learn<'a>(
    name: &str,
    samples: impl Into<Samples<'a>>,
    pipeline: &Pipeline,
) -> Result<Learned, Error> {
    let mut study = study(name, samples.into(), pipeline, pipeline)?;
    if study.draft.rules.is_empty() {
        return Err(Error::NothingFound);
    }
    if study.draft.signs.is_empty() && study.draft.hosts.is_empty() && study.draft.paths.is_empty()
    {
        study.notes.push(
            "no line tells this outlet from others: add `hosts` or `paths` under `recognise`, \
             or name it with --outlet"
                .to_owned(),
        );
    }
    let examples = examples(name, &study.draft, &study.pages);
    let yaml = emit::file(name, &study.draft, &study.told(), &examples);
    let Study { draft, stories, notes, .. } = study;
    Ok(Learned { yaml, rules: draft.rules.len(), stories, notes })
}

/// Studies samples: what `pipeline` cuts needs no rule, and what the outlets of `others` have tells
/// nothing.
fn study(
    name: &str,
    Samples { all, one_outlet }: Samples<'_>,
    pipeline: &Pipeline,
    others: &Pipeline,
) -> Result<Study, Error> {
    let mut sorted: Vec<&Sample> = all.iter().collect();
    sorted.sort_by(|a, b| (&a.name, &a.text).cmp(&(&b.name, &b.text)));
    let mut pages: Vec<Page> = sorted.iter().map(|sample| Page::new(sample, pipeline)).collect();
    let stories = page::tell_stories(&mut pages);
    if stories < FEWEST {
        return Err(Error::TooFewStories(stories));
    }
    let groups = page::groups(&pages);
    let hosts: BTreeSet<String> = pages.iter().filter_map(|page| page.host.clone()).collect();
    let one_site =
        recognise::site(&hosts).is_some() && pages.iter().all(|page| page.host.is_some());
    if !one_outlet && !one_site && recognise::are_strangers(&groups, pipeline) {
        let names = |group: &Vec<&Page>| group.iter().map(|page| page.name.clone()).collect();
        return Err(Error::Mixed(groups.iter().map(names).collect()));
    }
    let mut notes = Vec::new();
    let count = layout::number_layouts(&mut pages);
    let layouts: Vec<Vec<Page>> =
        (0..count).map(|number| layout::of_layout(&pages, number)).collect();
    let eras = layout::eras(&layouts);
    if count > 1 {
        let of = |(pages, era): (&Vec<Page>, &Era)| {
            let dots = if pages.len() > 1 { ", …" } else { "" };
            let era = [("from", &era.since), ("until", &era.until)].map(|(word, day)| {
                day.as_ref().map_or(String::new(), |day| format!(", {word} {day}"))
            });
            format!("{} samples ({}{dots}){}", pages.len(), pages[0].name, era.concat())
        };
        let each: Vec<String> = layouts.iter().zip(&eras).map(of).collect();
        notes.push(format!(
            "the samples are of {count} layouts or languages that share no line, each learned on \
             its own: {}",
            each.join("; ")
        ));
    }
    let groups = page::groups(&pages);
    let alone: Vec<&str> = match groups.iter().any(|group| group.len() > 1) {
        true => groups.iter().filter(|g| g.len() == 1).map(|group| &*group[0].name).collect(),
        false => Vec::new(),
    };
    if !alone.is_empty() {
        let count = alone.len();
        let shown = alone.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        let dots = if count > 3 { ", …" } else { "" };
        notes.push(format!(
            "{count} of {} samples share no line with the others: {shown}{dots}",
            pages.len()
        ));
    }
    if hosts.len() > MOST_HOSTS && !one_site {
        let shown = hosts.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
        notes.push(format!(
            "the samples are from {} hosts ({shown}, …): are they one outlet?",
            hosts.len()
        ));
    }
    for page in &mut pages {
        page.held_out = stories >= HOLD_OUT_FROM && page.story % 4 == 3;
    }
    let lessons: Vec<Page> = pages.iter().filter(|page| !page.held_out).cloned().collect();
    let drafted = |pages: &[Page]| {
        let mut draft = Draft::default();
        for (number, era) in eras.iter().enumerate() {
            let pages = layout::of_layout(pages, number);
            draft.add(rules::draft(name, &pages, pipeline), era);
        }
        sift(name, &mut draft, pages, others);
        draft
    };
    let mut draft = drafted(&pages);
    draft.recognise(name, &pages, &sorted, others);
    // What is foretold of documents that taught nothing is what a rule can be trusted for.
    let tests: Vec<&Page> = pages.iter().filter(|page| page.held_out).collect();
    let fired = match tests.is_empty() || draft.rules.is_empty() {
        true => BTreeMap::new(),
        false => fired(name, &draft, &drafted(&lessons), &tests),
    };
    let tests = tests.len();
    Ok(Study { draft, stories, tests, fired, pages, notes })
}

/// What the draft is called while it is tried.
const DRAFT: &str = "draft.yaml";

/// A pipeline with this draft for its only outlet; none if the draft is no sound rule file.
fn pipeline_of(name: &str, draft: &Draft, limits: Limits) -> Option<Pipeline> {
    let yaml = emit::bare(name, draft);
    chaffinch_proof::builder().rule_file(DRAFT, &yaml).limits(limits).outlet(name).build().ok()
}

/// Leaves out rules that touch a sentence of one story alone or its title, and rules that fail
/// their own proof; until all that are left hold.
fn sift(name: &str, draft: &mut Draft, pages: &[Page], others: &Pipeline) {
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
        // Rules that fail, each with the line that it fails on.
        let mut bad: Vec<(String, String)> = Vec::new();
        let own = |id: &str| id.strip_prefix(&format!("{name}/")).map(str::to_owned);
        for page in pages {
            let cleaned = pipeline.clean_text(&page.text, None);
            for edit in cleaned.edits().iter().filter(|edit| edit.removes()) {
                let Some(id) = own(&pipeline.rule(edit.rule).id) else { continue };
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
        let wanted = |file: &str| file == DRAFT;
        let failures = chaffinch_proof::cases(&pipeline, &wanted);
        bad.extend(failures.into_iter().filter_map(|f| Some((own(&f.rule)?, f.case?))));
        if bad.is_empty() {
            // What is sound is held to the rest: other outlets' documents, clean articles, choices.
            let examples = others.rules().examples().filter(|(outlet, _)| *outlet != name);
            for (_, example) in examples {
                let cleaned = pipeline.clean_text(&example.text, None);
                let text = |span: Span| cleaned.source()[span.range()].trim().to_owned();
                let cuts = own_cuts(name, &pipeline, &cleaned);
                bad.extend(cuts.map(|(id, span)| (id.to_owned(), text(span))));
            }
            let found = chaffinch_proof::check(&pipeline, &[], &wanted).into_iter();
            let grave = found.filter(|f| f.level == Level::Error);
            bad.extend(grave.filter_map(|f| Some((own(&f.rule)?, f.case.unwrap_or_default()))));
        }
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
fn fired(name: &str, draft: &Draft, early: &Draft, tests: &[&Page]) -> BTreeMap<String, usize> {
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
    cleaned.edits().iter().filter(|edit| edit.removes()).filter_map(move |edit| {
        let id = pipeline.rule(edit.rule).id.strip_prefix(name)?.strip_prefix('/')?;
        Some((id, edit.span))
    })
}

/// The longest document that may stand in a rule file as its example, in bytes.
const EXAMPLE: usize = 8_000;

/// Samples that the rules cut, and what is left of them: the shortest that taught, and the shortest
/// of those held out.
fn examples(name: &str, draft: &Draft, pages: &[Page]) -> Vec<(String, String)> {
    let Some(pipeline) = pipeline_of(name, draft, Limits::default()) else { return Vec::new() };
    let open = pipeline.for_outlet(None);
    let example = |page: &Page| {
        let cleaned = pipeline.clean_text(&page.text, None);
        let cuts = own_cuts(name, &pipeline, &cleaned).count();
        let settled =
            |pipeline: &Pipeline| pipeline.clean_text(cleaned.text(), None).edits().is_empty();
        let sound = cuts > 0 && settled(&pipeline) && settled(&open);
        sound.then(|| (page.text.clone(), cleaned.text().to_owned()))
    };
    let mut short: Vec<&Page> = pages.iter().filter(|page| page.text.len() <= EXAMPLE).collect();
    short.sort_by_key(|page| page.text.len());
    let first = |held_out: bool| {
        short.iter().filter(|page| page.held_out == held_out).find_map(|page| example(page))
    };
    [first(false), first(true)].into_iter().flatten().collect()
}
