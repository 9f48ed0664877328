//! Learns a rule file from samples of an outlet.
//!
//! Text that repeats across an outlet's documents and does not belong to a story is taken for
//! boilerplate. The generic rules run first. In the remaining lines, the following are detected:
//!
//! - lines that repeat exactly, and lines that differ only in their numbers;
//! - *frames*: lines at the edges that begin or end alike around a changing value ("Updated: …");
//! - *blocks*: a heading that repeats, changing lines below it, and a line that repeats;
//! - *slots*: a short line at a fixed position above the title (a section label);
//! - prefixes of the first sentence and suffixes of titles (the outlet's name).
//!
//! Documents that share most of their sentences, such as copies of an agency report, count as one
//! story, so that text shared by stories is not taken for boilerplate. No rule may remove a
//! sentence that only one story has. Every rule is tested before it is written. Rules that fail
//! their own cases or cut clean articles are left out.
//!
//! [`learn`] makes a new file, [`update`] updates one from more samples. `docs/learning.md` lists
//! the sources of the methods.

mod draft;
mod emit;
mod frame;
mod layout;
mod page;
mod recognise;
mod rules;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use chaffinch_core::stage::Span;
use chaffinch_core::{Builder, Cleaned, Limits, Pipeline};
use chaffinch_proof::Level;

use draft::{Draft, DraftRule};
use emit::Evidence;
use layout::Era;
pub use page::Sample;
use page::{FEWEST, Page};
pub use update::{UpdateError, Updated, update};

/// The maximum number of hosts of one outlet.
const MOST_HOSTS: usize = 3;

/// The number of stories from which one in four is held out for testing.
const HOLD_OUT_FROM: usize = 4;

/// A learned rule file.
#[derive(Debug)]
pub struct Learned {
    /// The text of the file.
    pub yaml: String,
    /// The number of its rules.
    pub rules: usize,
    /// The number of different stories among the samples.
    pub stories: usize,
    /// Notes on what is uncertain.
    pub notes: Vec<String>,
}

/// Documents to learn from.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// The documents.
    pub all: &'a [Sample],
    /// Whether all are known to belong to one outlet. Otherwise documents that share no line must
    /// belong to one site.
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
    /// There are too few different stories: this many.
    TooFewStories(usize),
    /// The samples form groups that have nothing in common: their names, by group.
    Mixed(Vec<Vec<String>>),
    /// Nothing repeats except text that the generic rules remove.
    NothingFound,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::TooFewStories(0) => f.write_str("there are no samples to learn from"),
            Error::TooFewStories(1) => write!(
                f,
                "there is only one story in the samples, so boilerplate and article cannot be \
                 distinguished; give documents of at least {FEWEST} different stories"
            ),
            Error::TooFewStories(count) => {
                write!(f, "the samples contain {count} stories; give documents of at least {FEWEST} different stories")
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
                    "; learn them separately, select one with --where FIELD=VALUE, or use --together \
                     if they belong to one outlet",
                )
            }
            Error::NothingFound => f.write_str(
                "nothing repeats across the samples except text that the generic rules already remove; \
                 give more samples, or check that all belong to one outlet and layout",
            ),
        }
    }
}

impl std::error::Error for Error {}

/// The result of learning from samples.
struct LearnedDraft {
    draft: Draft,
    stories: usize,
    /// The number of held-out documents, and in how many of them each rule has a hit.
    tests: usize,
    fired: BTreeMap<String, usize>,
    pages: Vec<Page>,
    notes: Vec<String>,
}

impl LearnedDraft {
    fn evidence(&self) -> Evidence<'_> {
        let LearnedDraft { stories, tests, fired, notes, .. } = self;
        Evidence { stories: *stories, tests: *tests, fired, notes }
    }
}

/// Learns the rules of the outlet `name` from samples of it. The same samples give the same file.
///
/// `pipeline` contains the existing rules and outlets: signs that occur in examples of other outlets
/// are not used.
///
/// # Errors
/// If the samples are too few, too similar or too different, or contain nothing to learn.
pub fn learn<'a>(
    name: &str,
    samples: impl Into<Samples<'a>>,
    pipeline: &Pipeline,
) -> Result<Learned, Error> {
    let mut learned = learn_draft(name, samples.into(), &[], pipeline, pipeline)?;
    if learned.draft.rules.is_empty() {
        return Err(Error::NothingFound);
    }
    if learned.draft.signs.is_empty()
        && learned.draft.hosts.is_empty()
        && learned.draft.paths.is_empty()
    {
        learned.notes.push(
            "no line identifies this outlet: add `hosts` or `paths` under `recognise`, \
             or name it with --outlet"
                .to_owned(),
        );
    }
    let examples = examples(name, &learned.draft, &learned.pages, pipeline);
    let yaml = emit::file(name, &learned.draft, &learned.evidence(), &examples);
    let LearnedDraft { draft, stories, notes, .. } = learned;
    Ok(Learned { yaml, rules: draft.rules.len(), stories, notes })
}

/// Learns a draft from samples. `known` are other documents of their outlet. Text that `pipeline` cuts
/// needs no rule, and text that occurs in outlets of `others` identifies nothing.
fn learn_draft(
    name: &str,
    Samples { all, one_outlet }: Samples<'_>,
    known: &[Sample],
    pipeline: &Pipeline,
    others: &Pipeline,
) -> Result<LearnedDraft, Error> {
    let mut sorted: Vec<&Sample> = all.iter().collect();
    sorted.sort_by(|a, b| (&a.name, &a.text).cmp(&(&b.name, &b.text)));
    let mut pages: Vec<Page> = sorted.iter().map(|sample| Page::new(sample, pipeline)).collect();
    let stories = page::assign_stories(&mut pages);
    if stories < FEWEST {
        return Err(Error::TooFewStories(stories));
    }
    let hosts: BTreeSet<String> = pages.iter().filter_map(|page| page.host.clone()).collect();
    let one_site =
        recognise::site(&hosts).is_some() && pages.iter().all(|page| page.host.is_some());
    // The site of the samples may be another one than that of the outlet.
    let is_known = one_outlet || one_site && known.is_empty();
    if !is_known {
        let known = known.iter().map(|sample| Page::new(sample, pipeline));
        let mut all: Vec<Page> = known.chain(pages.iter().cloned()).collect();
        page::assign_stories(&mut all);
        let groups = page::groups(&all);
        if recognise::are_different_outlets(&groups, pipeline) {
            let names = |group: &Vec<&Page>| group.iter().map(|page| page.name.clone()).collect();
            return Err(Error::Mixed(groups.iter().map(names).collect()));
        }
    }
    let count = layout::number_layouts(&mut pages);
    let layouts: Vec<Vec<Page>> =
        (0..count).map(|number| layout::of_layout(&pages, number)).collect();
    let eras = layout::eras(&layouts);
    let notes = notes(&pages, &layouts, &eras, (!one_site).then_some(&hosts));
    for page in &mut pages {
        page.held_out = stories >= HOLD_OUT_FROM && page.story % 4 == 3;
    }
    let training: Vec<Page> = pages.iter().filter(|page| !page.held_out).cloned().collect();
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
    // A rule is as reliable as its predictions for documents that it was not learned from.
    let tests: Vec<&Page> = pages.iter().filter(|page| page.held_out).collect();
    let fired = match tests.is_empty() || draft.rules.is_empty() {
        true => BTreeMap::new(),
        false => fired(name, &draft, &drafted(&training), &tests, others),
    };
    let tests = tests.len();
    Ok(LearnedDraft { draft, stories, tests, fired, pages, notes })
}

/// What a person should know about samples: that they have several layouts, share no line, or come from
/// many `hosts`, if these are not those of one site.
fn notes(
    pages: &[Page],
    layouts: &[Vec<Page>],
    eras: &[Era],
    hosts: Option<&BTreeSet<String>>,
) -> Vec<String> {
    let mut notes = Vec::new();
    let count = layouts.len();
    if count > 1 {
        let of = |(pages, era): (&Vec<Page>, &Era)| {
            let dots = if pages.len() > 1 { ", …" } else { "" };
            let era = [("from", &era.since), ("until", &era.until)].map(|(word, day)| {
                day.as_ref().map_or(String::new(), |day| format!(", {word} {day}"))
            });
            format!("{} samples ({}{dots}){}", pages.len(), pages[0].name, era.concat())
        };
        let each: Vec<String> = layouts.iter().zip(eras).map(of).collect();
        notes.push(format!(
            "the samples have {count} layouts or languages that share no line; each is learned \
             separately: {}",
            each.join("; ")
        ));
    }
    let groups = page::groups(pages);
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
    if let Some(hosts) = hosts.filter(|hosts| hosts.len() > MOST_HOSTS) {
        let shown = hosts.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
        notes.push(format!(
            "the samples come from {} hosts ({shown}, …); check that they belong to one outlet",
            hosts.len()
        ));
    }
    notes
}

/// The name of a draft's file while it is tested.
const DRAFT: &str = "draft.yaml";

/// A pipeline with this draft as its only outlet, and the cache of `others`. `None` if the draft is
/// not a valid rule file.
fn pipeline_of(name: &str, draft: &Draft, limits: Limits, others: &Pipeline) -> Option<Pipeline> {
    let yaml = emit::bare(name, draft);
    let builder = chaffinch_proof::builder().rule_file(DRAFT, &yaml).limits(limits).outlet(name);
    let cache = others.cache().map(Path::to_owned).into_iter();
    cache.fold(builder, Builder::cache).only_read_cache().build().ok()
}

/// Removes rules that cut a story's own sentence or title and rules that fail their cases, until
/// all remaining rules pass.
fn sift(name: &str, draft: &mut Draft, pages: &[Page], others: &Pipeline) {
    while !draft.rules.is_empty() {
        let Some(pipeline) = pipeline_of(name, draft, Limits::without_caps(), others) else {
            // A rule is invalid: find it by trying each one separately.
            let sound = |rule: &DraftRule| {
                pipeline_of(name, &draft.with(rule), Limits::without_caps(), others).is_some()
            };
            let kept: Vec<DraftRule> = draft.rules.iter().filter(|r| sound(r)).cloned().collect();
            if kept.len() == draft.rules.len() {
                draft.rules.clear();
                return;
            }
            draft.rules = kept;
            continue;
        };
        // The ids of failing rules, each with the line that it fails on.
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
            // Rules that pass are also checked on other outlets' documents, clean articles and
            // choices.
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

/// In how many of the held-out documents each rule cuts text that rules learned without these
/// documents also cut.
fn fired(
    name: &str,
    draft: &Draft,
    early: &Draft,
    tests: &[&Page],
    others: &Pipeline,
) -> BTreeMap<String, usize> {
    let mut fired = BTreeMap::new();
    let pipelines = pipeline_of(name, draft, Limits::without_caps(), others).zip(pipeline_of(
        name,
        early,
        Limits::without_caps(),
        others,
    ));
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

/// The maximum size of an example in a rule file, in bytes.
const EXAMPLE: usize = 8_000;

/// Examples: the shortest training document and the shortest held-out document that the rules cut,
/// with their output.
fn examples(name: &str, draft: &Draft, pages: &[Page], others: &Pipeline) -> Vec<(String, String)> {
    let Some(pipeline) = pipeline_of(name, draft, Limits::default(), others) else {
        return Vec::new();
    };
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
