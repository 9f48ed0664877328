//! Prepares samples for learning: the lines of a page, the lines that generic rules remove, and the
//! story that the page contains. Pages with the same article are one *story*.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use chaffinch_core::rules::{Search, host_of, key};
use chaffinch_core::stage::Document;
use chaffinch_core::{Input, Pipeline};

/// The minimum number of stories for learning.
pub(crate) const FEWEST: usize = 2;

/// The minimum number of lines that the pages of a group share to count as an outlet.
pub(crate) const FEWEST_SHARED_LINES: usize = 2;

/// A document of the outlet.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Its name: a path, or a path and a row.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Its URL.
    pub url: Option<String>,
    /// The file that contains it.
    pub path: Option<PathBuf>,
    /// Its date, as written.
    pub date: Option<String>,
}

impl Sample {
    /// The host of its URL, without `www.`.
    pub(crate) fn host(&self) -> Option<String> {
        let host = host_of(self.url.as_deref()?)?;
        let host = host.strip_prefix("www.").unwrap_or(&host).to_owned();
        host.contains('.').then_some(host)
    }

    /// Its date, such as `2024-05-31`.
    fn day(&self) -> Option<String> {
        let (url, date) = (self.url.as_deref(), self.date.as_deref());
        let input = Input { url, date, ..Input::default() };
        chaffinch_core::day_of(&input, &self.text)
    }
}

/// A non-blank line of a page.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) words: usize,
    /// Whether it is a body line: a sentence of at least eight words.
    pub(crate) body: bool,
    /// Whether the generic rules remove it.
    pub(crate) gone: bool,
    pub(crate) in_head: bool,
    pub(crate) in_tail: bool,
    /// The stage of a generic rule that matches it, in any zone.
    pub(crate) hint: Option<String>,
    pub(crate) span: Range<usize>,
}

/// A sample prepared for learning.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) host: Option<String>,
    /// Its date, such as `2024-05-31`.
    pub(crate) day: Option<String>,
    /// The number of its layout, from 0.
    pub(crate) layout: usize,
    pub(crate) text: String,
    /// Whether it is held out to test rules learned from the others.
    pub(crate) held_out: bool,
    pub(crate) rows: Vec<Row>,
    /// The number of its story, from 0.
    pub(crate) story: usize,
    /// The indices in `rows` of the first and last sentence that only this story has.
    pub(crate) own: Option<(usize, usize)>,
    /// The indices of rows that may be its title: the first long line of the head, and the longest.
    pub(crate) titles: Vec<usize>,
    /// The ranges of the story's own sentences, which no learned rule may remove completely.
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
                // Cuts of the line model do not count: it is not used for documents of an outlet.
                let mut cuts = cleaned
                    .edits_in(line.span())
                    .iter()
                    .filter(|edit| edit.removes() && edit.confidence.is_none());
                let gone =
                    cuts.any(|edit| edit.span.start() <= span.start && span.end <= edit.span.end());
                let hit = rules.find(None, line, Search::default(), &mut near).into_iter().next();
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

    /// The rows that the generic rules leave, with their indices.
    pub(crate) fn left(&self) -> impl DoubleEndedIterator<Item = (usize, &Row)> {
        self.rows.iter().enumerate().filter(|(_, row)| !row.gone)
    }

    /// Whether a row lies before or after all sentences of the story.
    pub(crate) fn at_edge(&self, place: usize) -> bool {
        self.own.is_none_or(|(first, last)| place < first || place > last)
    }

    pub(crate) fn above(&self, place: usize) -> bool {
        self.own.is_some_and(|(first, _)| place < first)
    }
}

/// The minimum number of sentences that two pages of one story share.
const SHARED: usize = 3;

/// The sentences of each page. If each page also has sentences of its own, sentences of most pages
/// are left out, because they belong to the outlet.
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

/// Whether the sentences that two pages share only surround a story of their own on each page. This
/// is the case for menus and notices of long pages, but not for two copies of an agency report.
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

/// The number of consecutive sentences that are a story of their own.
const OWN_STORY: usize = 6;

/// Assigns pages to stories, and finds each page's own sentences and title. Returns the number of
/// stories.
pub(crate) fn assign_stories(pages: &mut [Page]) -> usize {
    let mut story: Vec<usize> = (0..pages.len()).collect();
    let sentences = sentences_of_stories(pages);
    for a in 0..pages.len() {
        for b in 0..a {
            let (of_a, of_b) = (&sentences[a], &sentences[b]);
            let shared = of_a.intersection(of_b).count();
            let fewer = of_a.len().min(of_b.len());
            let same = pages[a].text == pages[b].text;
            let similar = shared >= SHARED && shared * 5 >= fewer * 2;
            if same || similar && !surrounds(of_a, of_b, &pages[a], &pages[b]) {
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

/// Groups pages that share lines or a host, largest group first. Lines that the generic rules
/// remove do not count.
pub(crate) fn groups(pages: &[Page]) -> Vec<Vec<&Page>> {
    let one_host = |a: &Page, b: &Page| a.host.is_some() && a.host == b.host;
    grouped(pages, one_host)
        .iter()
        .map(|group| group.iter().map(|at| &pages[*at]).collect())
        .collect()
}

/// Groups pages that share lines or that `also` joins, largest group first. Returns indices of
/// pages.
pub(crate) fn grouped(pages: &[Page], also: impl Fn(&Page, &Page) -> bool) -> Vec<Vec<usize>> {
    let lines = |page: &Page| -> BTreeSet<String> {
        let has_letters = |row: &&Row| !row.gone && row.key.chars().any(char::is_alphabetic);
        page.rows.iter().filter(has_letters).map(|row| row.key.clone()).collect()
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

/// The number of words at each end of a sentence that are compared.
const END_WORDS: usize = 5;

/// The first and last words of a sentence. Those of a self-description are the same in all stories.
fn both_ends(key: &str) -> (String, String) {
    let words: Vec<&str> = key.split(' ').collect();
    if words.len() < 2 * END_WORDS {
        return (key.to_owned(), String::new());
    }
    (words[..END_WORDS].join(" "), words[words.len() - END_WORDS..].join(" "))
}

/// The stories that contain each line.
pub(crate) fn stories_by_key(pages: &[Page]) -> BTreeMap<String, BTreeSet<usize>> {
    let mut seen: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for page in pages {
        for row in &page.rows {
            seen.entry(row.key.clone()).or_default().insert(page.story);
        }
    }
    seen
}

/// Lines by the story that contains them.
pub(crate) type RowsByStory<'a> = BTreeMap<usize, Vec<(&'a Page, &'a Row)>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_sample_has_no_user_and_no_www() {
        let host = |url: &str| Sample { url: Some(url.to_owned()), ..Sample::default() }.host();
        for url in ["https://user@example.com/", "http://www.Example.com:80/a", "example.com/a"] {
            assert_eq!(host(url).as_deref(), Some("example.com"), "{url}");
        }
        assert_eq!(host("http://localhost/a"), None);
    }
}
