//! A sample as the learner sees it: its lines, what the generic rules cut, which story it carries.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use chaffinch_core::rules::key;
use chaffinch_core::stage::Document;
use chaffinch_core::{Input, Pipeline};

/// A document of the outlet.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// What it is called: a path, or a path and a row.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Where it is from.
    pub url: Option<String>,
    /// The file that it stands in.
    pub path: Option<PathBuf>,
    /// The day it is from, as it is written.
    pub date: Option<String>,
}

impl Sample {
    /// The host of its URL, without `www.`.
    pub(crate) fn host(&self) -> Option<String> {
        let url = self.url.as_deref()?;
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = rest.split(['/', '?', '#', ':']).next()?.to_lowercase();
        let host = host.strip_prefix("www.").unwrap_or(&host).to_owned();
        host.contains('.').then_some(host)
    }

    /// The day it is from, as `2024-05-31`.
    fn day(&self) -> Option<String> {
        let (url, date) = (self.url.as_deref(), self.date.as_deref());
        let input = Input { url, date, ..Input::default() };
        chaffinch_core::day_of(&input, &self.text)
    }
}

/// A line of a page that is not blank.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) words: usize,
    /// A sentence of eight words or more.
    pub(crate) body: bool,
    /// The generic rules cut it.
    pub(crate) gone: bool,
    pub(crate) in_head: bool,
    pub(crate) in_tail: bool,
    /// The stage of a generic rule that matches it, wherever it stands.
    pub(crate) hint: Option<String>,
    pub(crate) span: Range<usize>,
}

/// A sample as the learner sees it.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) host: Option<String>,
    /// The day it is from, as `2024-05-31`.
    pub(crate) day: Option<String>,
    /// The number of its layout, from 0.
    pub(crate) layout: usize,
    pub(crate) text: String,
    /// Whether it tests what the others teach.
    pub(crate) held_out: bool,
    pub(crate) rows: Vec<Row>,
    /// The number of its story, from 0.
    pub(crate) story: usize,
    /// Places in `rows` of the first and last sentence that only this story has.
    pub(crate) own: Option<(usize, usize)>,
    /// The places of what may be its title: the first long line of the head, and the longest.
    pub(crate) titles: Vec<usize>,
    /// Bytes that no learned rule may cut whole: the story's own sentences.
    pub(crate) guarded: Vec<Range<usize>>,
}

impl Page {
    pub(crate) fn new(sample: &Sample, pipeline: &Pipeline) -> Page {
        let text = sample.text.clone();
        let cleaned = pipeline.clean_text(&text, None);
        let rules = pipeline.rules();
        let doc = Document::new(&text, rules, key::key);
        let mut near = Vec::new();
        let rows = doc
            .lines()
            .filter(|line| !line.is_blank())
            .map(|line| {
                let span = line.span().range();
                let gone = cleaned.edits_in(line.span()).iter().any(|edit| {
                    edit.removes() && edit.span.start() <= span.start && span.end <= edit.span.end()
                });
                let hit = rules.find(None, line, false, &mut near).into_iter().next();
                Row {
                    key: line.key().into_owned(),
                    words: line.words(),
                    body: line.is_body(),
                    gone,
                    in_head: line.in_head(),
                    in_tail: line.in_tail(),
                    hint: hit.map(|hit| rules.rule(hit.rule).stage.clone()),
                    span,
                }
            })
            .collect();
        Page {
            name: sample.name.clone(),
            host: sample.host(),
            day: sample.day(),
            layout: 0,
            text,
            held_out: false,
            rows,
            story: 0,
            own: None,
            titles: Vec::new(),
            guarded: Vec::new(),
        }
    }

    fn sentences(&self) -> BTreeSet<&str> {
        self.rows.iter().filter(|row| row.body).map(|row| row.key.as_str()).collect()
    }

    /// Rows that the generic rules leave, with their places.
    pub(crate) fn left(&self) -> impl DoubleEndedIterator<Item = (usize, &Row)> {
        self.rows.iter().enumerate().filter(|(_, row)| !row.gone)
    }

    /// Whether a place lies before or after all sentences of the story.
    pub(crate) fn at_edge(&self, place: usize) -> bool {
        self.own.is_none_or(|(first, last)| place < first || place > last)
    }

    pub(crate) fn above(&self, place: usize) -> bool {
        self.own.is_some_and(|(first, _)| place < first)
    }
}

/// Sentences that two pages must share, at least, to carry one story.
const SHARED: usize = 3;

/// The sentences of each page, without those that most pages have though each has its own: they are
/// the outlet's, and tell no story.
fn sentences_of_stories(pages: &[Page]) -> Vec<BTreeSet<String>> {
    let of = |page: &Page| -> BTreeSet<String> {
        page.sentences().into_iter().map(str::to_owned).collect()
    };
    let mut sentences: Vec<BTreeSet<String>> = pages.iter().map(of).collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for sentence in sentences.iter().flatten() {
        *counts.entry(sentence.clone()).or_default() += 1;
    }
    let many = (pages.len() * 6).div_ceil(10).max(3);
    let common = |sentence: &String| counts[sentence] >= many;
    let own = |page: &BTreeSet<String>| page.iter().filter(|s| counts[*s] == 1).count() >= SHARED;
    if sentences.iter().all(own) {
        sentences.iter_mut().for_each(|page| page.retain(|sentence| !common(sentence)));
    }
    sentences
}

/// Whether what two pages share only surrounds what each has for itself, and that is a story: the
/// sentences of a long page's menus and notices, not those of an agency's story.
fn surrounds(a: &BTreeSet<String>, b: &BTreeSet<String>, page_a: &Page, page_b: &Page) -> bool {
    let around = |page: &Page, other: &BTreeSet<String>| {
        let body: Vec<&Row> = page.rows.iter().filter(|row| row.body).collect();
        let shared = |row: &&Row| other.contains(&row.key);
        let first = body.iter().position(|row| !shared(row));
        let last = body.iter().rposition(|row| !shared(row));
        first.zip(last).is_some_and(|(first, last)| {
            last - first + 1 >= OWN_STORY && !body[first..=last].iter().any(shared)
        })
    };
    around(page_a, b) && around(page_b, a)
}

/// Sentences in a row that are a story of their own.
const OWN_STORY: usize = 6;

/// Numbers the stories, and finds each page's own sentences and title. How many stories there are.
pub(crate) fn tell_stories(pages: &mut [Page]) -> usize {
    let mut story: Vec<usize> = (0..pages.len()).collect();
    let sentences = sentences_of_stories(pages);
    for a in 0..pages.len() {
        for b in 0..a {
            let (of_a, of_b) = (&sentences[a], &sentences[b]);
            let shared = of_a.intersection(of_b).count();
            let fewer = of_a.len().min(of_b.len());
            let same = pages[a].text == pages[b].text;
            let alike = shared >= SHARED && shared * 5 >= fewer * 2;
            if same || alike && !surrounds(of_a, of_b, &pages[a], &pages[b]) {
                let (from, to) = (story[a], story[b]);
                story.iter_mut().filter(|s| **s == from).for_each(|s| *s = to);
            }
        }
    }
    let mut numbers = BTreeMap::new();
    for story in &mut story {
        let next = numbers.len();
        *story = *numbers.entry(*story).or_insert(next);
    }
    pages.iter_mut().zip(&story).for_each(|(page, story)| page.story = *story);
    let seen = stories_by_key(pages);
    let mut ends: BTreeMap<(String, String), BTreeSet<usize>> = BTreeMap::new();
    for page in pages.iter() {
        for row in page.rows.iter().filter(|row| row.body) {
            ends.entry(both_ends(&row.key)).or_default().insert(page.story);
        }
    }
    for page in pages.iter_mut() {
        let own = |row: &Row| {
            row.body && seen[&row.key].len() == 1 && ends[&both_ends(&row.key)].len() == 1
        };
        let first = page.rows.iter().position(own);
        page.own = first.zip(page.rows.iter().rposition(own));
        let end = first.unwrap_or(0);
        let single = |(_, row): &(usize, &Row)| !row.gone && seen[&row.key].len() == 1;
        let head: Vec<(usize, &Row)> = page.rows[..end].iter().enumerate().filter(single).collect();
        let long = head.iter().find(|(_, row)| row.words >= 4 && row.hint.is_none());
        let longest = head.iter().max_by_key(|(at, row)| (row.words, usize::MAX - at));
        page.titles = long.into_iter().chain(longest).map(|(at, _)| *at).collect();
        page.guarded =
            page.rows.iter().filter(|row| own(row)).map(|row| row.span.clone()).collect();
    }
    numbers.len()
}

/// The pages in groups that share lines, or a host, largest first. What the generic rules cut binds
/// nobody.
pub(crate) fn groups(pages: &[Page]) -> Vec<Vec<&Page>> {
    let one_host = |a: &Page, b: &Page| a.host.is_some() && a.host == b.host;
    grouped(pages, one_host)
        .iter()
        .map(|group| group.iter().map(|at| &pages[*at]).collect())
        .collect()
}

/// The places of pages in groups that share lines, or that `also` joins, largest first.
pub(crate) fn grouped(pages: &[Page], also: impl Fn(&Page, &Page) -> bool) -> Vec<Vec<usize>> {
    let lines = |page: &Page| -> BTreeSet<String> {
        let telling = |row: &&Row| !row.gone && row.key.chars().any(char::is_alphabetic);
        page.rows.iter().filter(telling).map(|row| row.key.clone()).collect()
    };
    let lines: Vec<BTreeSet<String>> = pages.iter().map(lines).collect();
    let mut group: Vec<usize> = (0..pages.len()).collect();
    for a in 0..pages.len() {
        for b in 0..a {
            if also(&pages[a], &pages[b])
                || pages[a].story == pages[b].story
                || !lines[a].is_disjoint(&lines[b])
            {
                let (from, to) = (group[a], group[b]);
                group.iter_mut().filter(|g| **g == from).for_each(|g| *g = to);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, group) in group.into_iter().enumerate() {
        groups.entry(group).or_default().push(at);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    groups
}

/// Words at each end of a sentence that tell whether another says the same.
const END_WORDS: usize = 5;

/// The first and last words of a sentence: those of a self-description are the same in all stories.
fn both_ends(key: &str) -> (String, String) {
    let words: Vec<&str> = key.split(' ').collect();
    if words.len() < 2 * END_WORDS {
        return (key.to_owned(), String::new());
    }
    (words[..END_WORDS].join(" "), words[words.len() - END_WORDS..].join(" "))
}

/// The stories in which each line stands.
pub(crate) fn stories_by_key(pages: &[Page]) -> BTreeMap<String, BTreeSet<usize>> {
    let mut seen: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for page in pages {
        for row in &page.rows {
            seen.entry(row.key.clone()).or_default().insert(page.story);
        }
    }
    seen
}
