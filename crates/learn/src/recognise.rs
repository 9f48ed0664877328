//! How an outlet is told from others: its hosts, its name, lines that no other has.

use std::collections::{BTreeMap, BTreeSet};

use chaffinch_core::Pipeline;
use chaffinch_core::rules::key;
use chaffinch_core::stage::{Document, script};

use crate::MOST_HOSTS;
use crate::page::{Page, Sample, stories_by_key};
use crate::rules::{Draft, DraftPattern};

/// The most signs that a file names.
const SIGNS: usize = 12;

impl Draft {
    /// Finds what tells the outlet: hosts of the samples, and lines of half the stories or more that
    /// no generic rule and no other outlet's example has.
    pub(crate) fn recognise(
        &mut self,
        name: &str,
        pages: &[Page],
        samples: &[&Sample],
        pipeline: &Pipeline,
    ) {
        let hosts: BTreeSet<String> = samples.iter().filter_map(|sample| sample.host()).collect();
        let all = samples.iter().all(|sample| sample.host().is_some());
        if let Some(site) = site(&hosts).filter(|_| all && hosts.len() > 1) {
            self.hosts = vec![site];
        } else if hosts.len() <= MOST_HOSTS {
            self.hosts = hosts.into_iter().collect();
        }
        // Samples that all lie in a folder of the outlet's name will be followed by others.
        let in_folder = |sample: &&Sample| {
            let folder = sample.path.as_ref().and_then(|path| path.parent());
            folder.is_some_and(|folder| folder.iter().any(|part| part == name))
        };
        if samples.iter().all(in_folder) {
            self.paths = vec![format!("**/{name}/**")];
        }
        // What other outlets' documents and clean articles have tells nothing.
        let examples = pipeline.rules().examples().filter(|(outlet, _)| *outlet != name);
        let examples = examples.map(|(_, example)| example.text.as_str());
        let articles = chaffinch_proof::BASELINE.iter().map(|(_, text)| *text);
        let others: Vec<&str> = examples.chain(articles).collect();
        let stories = stories_by_key(pages);
        let hinted: BTreeSet<&str> = pages
            .iter()
            .flat_map(|page| &page.rows)
            .filter(|row| row.hint.is_some() || row.gone)
            .map(|row| row.key.as_str())
            .collect();
        let letters = |text: &str| -> String {
            text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let names = names(pages, &stories, pipeline);
        let name = letters(name);
        let few = |lessons: usize| lessons.div_ceil(5).max(2);
        let smallest = self.rules.iter().map(|rule| rule.lessons).min().unwrap_or(self.lessons);
        let mut signs: BTreeMap<String, (bool, usize)> = BTreeMap::new();
        let mut propose = |text: &str, count: usize, lessons: usize, safe: bool| {
            let named = name.len() >= 5 && letters(text).contains(&name)
                || names.iter().any(|name| text.contains(name.as_str()));
            let long = text.chars().count() >= 12 && script::words(text) >= 2
                || named && text.chars().count() >= 6;
            let alone = !others.iter().any(|other| other.contains(text));
            // A bare name may begin a sentence anywhere.
            let bare = names.iter().any(|name| name == text)
                || letters(text) == name && text.ends_with(char::is_alphanumeric);
            if long && alone && !bare && count >= few(lessons) && (named || safe) {
                signs.insert(text.to_owned(), (named, count));
            }
        };
        for rule in &self.rules {
            match &rule.pattern {
                DraftPattern::Text(texts) => texts.iter().for_each(|text| {
                    let count = stories.get(text).map_or(0, BTreeSet::len);
                    let safe = count * 2 >= rule.lessons && !hinted.contains(text.as_str());
                    propose(text, count, rule.lessons, safe);
                }),
                DraftPattern::Block(..) => {}
                DraftPattern::Start(_) | DraftPattern::End(_) | DraftPattern::Line(_) => {
                    rule.literals
                        .iter()
                        .for_each(|text| propose(text.trim(), rule.seen, rule.lessons, false));
                }
            }
        }
        // The generic rules may cut what tells the outlet best: its name in a notice.
        for (key, count) in stories.iter().map(|(key, stories)| (key, stories.len())) {
            propose(key, count, smallest, false);
        }
        for (text, stories) in around(&names, pages) {
            propose(&text, stories.len(), smallest, false);
        }
        // What names the outlet comes first; then long lines, which are rarer elsewhere.
        // Of two signs that one line has, the one that more stories have stays; else the longer.
        let needless = |text: &str, count: usize| {
            signs.iter().any(|(other, (_, more))| {
                let inside = text != other && (other.starts_with(text) || other.ends_with(text));
                let around =
                    text != other && (text.starts_with(&**other) || text.ends_with(&**other));
                inside && *more >= count || around && *more > count
            })
        };
        let kept = signs.iter().filter(|(text, (_, count))| !needless(text, *count));
        let mut kept: Vec<(&String, bool)> =
            kept.map(|(text, (named, _))| (text, *named)).collect();
        kept.sort_by_key(|(text, named)| (!named, std::cmp::Reverse(text.len().min(80)), *text));
        self.signs = kept.into_iter().take(SIGNS).map(|(text, _)| text.clone()).collect();
    }
}

/// Names of subdomains under which a site has its languages and its pages for small screens, besides
/// codes of languages.
const VARIANTS: [&str; 16] = [
    "www", "m", "mobile", "amp", "wap", "en", "english", "arabic", "farsi", "persian", "espanol",
    "francais", "deutsch", "turkish", "urdu", "hindi",
];

/// The site that hosts belong to, if it is one: the host itself, or the one that the others are
/// subdomains or language variants of.
pub(crate) fn site(hosts: &BTreeSet<String>) -> Option<String> {
    let base = |host: &String| -> String {
        let mut host = host.as_str();
        while let Some((first, rest)) = host.split_once('.') {
            let is_variant = VARIANTS.contains(&first) || first.len() == 2;
            if !is_variant || !is_domain(rest) {
                break;
            }
            host = rest;
        }
        host.to_owned()
    };
    let bases: BTreeSet<String> = hosts.iter().map(base).collect();
    let site = bases.iter().min_by_key(|base| base.len())?;
    let below = |base: &String| base == site || base.ends_with(&format!(".{site}"));
    bases.iter().all(below).then(|| site.clone())
}

/// Whether a name may be a site's own: not the end of many, such as `com` and `co.uk`.
fn is_domain(name: &str) -> bool {
    match name.split('.').collect::<Vec<_>>()[..] {
        [] | [_] => false,
        [first, last] => first.len() > 3 || last.len() > 2,
        _ => true,
    }
}

/// Whether several groups of pages each have lines of their own, in two stories or more, and none
/// names what another calls itself: then they are pages of several outlets.
pub(crate) fn are_strangers(groups: &[Vec<&Page>], pipeline: &Pipeline) -> bool {
    let telling: Vec<Vec<Page>> = groups
        .iter()
        .map(|group| group.iter().map(|page| (*page).clone()).collect::<Vec<Page>>())
        .filter(|group| {
            let stories = stories_by_key(group);
            let repeated = stories.iter().filter(|(_, stories)| stories.len() > 1).count();
            repeated >= STRANGERS_SHARE
        })
        .collect();
    let names: Vec<Vec<String>> =
        telling.iter().map(|group| names(group, &stories_by_key(group), pipeline)).collect();
    let knows = |group: &[Page], names: &[String]| {
        names.iter().any(|name| group.iter().any(|page| page.text.contains(name.as_str())))
    };
    telling.len() > 1
        && (0..telling.len())
            .all(|a| (0..telling.len()).all(|b| a == b || !knows(&telling[a], &names[b])))
}

/// Lines that the pages of a group must share, at least, to be told for an outlet's.
pub(crate) const STRANGERS_SHARE: usize = 2;

/// What the outlet calls itself: words in capitals that several different lines of its chaff have,
/// in a good part of the stories, and that are no cue of a generic rule.
pub(crate) fn names(
    pages: &[Page],
    stories: &BTreeMap<String, BTreeSet<usize>>,
    pipeline: &Pipeline,
) -> Vec<String> {
    let mut found: BTreeMap<String, (BTreeSet<&str>, BTreeSet<usize>)> = BTreeMap::new();
    for page in pages {
        for row in page.rows.iter().filter(|row| row.gone || stories[&row.key].len() > 1) {
            for name in capitals(&row.key) {
                let (keys, stories) = found.entry(name).or_default();
                keys.insert(&row.key);
                stories.insert(page.story);
            }
        }
    }
    let count = pages.iter().map(|page| page.story).collect::<BTreeSet<_>>().len();
    let enough = (count * 2).div_ceil(5).max(2);
    found.retain(|name, (keys, stories)| {
        keys.len() >= 2 && stories.len() >= enough && !is_cue(name, pipeline)
    });
    let mut names: Vec<(usize, String)> =
        found.into_iter().map(|(name, (_, stories))| (stories.len(), name)).collect();
    names.sort_by_key(|(count, name)| (std::cmp::Reverse((*count, name.len())), name.clone()));
    names.into_iter().map(|(_, name)| name).take(MOST_NAMES).collect()
}

/// The most names that an outlet may have.
const MOST_NAMES: usize = 3;

/// Runs of two words or more in capitals, and of one with a capital inside.
fn capitals(key: &str) -> Vec<String> {
    let name = |words: &[&str]| -> Option<String> {
        let inside = |word: &str| word.chars().skip(1).any(char::is_uppercase);
        let telling = words.len() >= 2 || words.iter().any(|w| w.chars().count() >= 5 && inside(w));
        telling.then(|| words.join(" "))
    };
    let (mut found, mut run) = (Vec::new(), Vec::new());
    for word in key.split(' ') {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        if bare.starts_with(char::is_uppercase) && word.starts_with(bare) {
            run.push(bare.strip_suffix("'s").unwrap_or(bare));
            if word.len() == bare.len() && !bare.ends_with("'s") {
                continue;
            }
        }
        found.extend(name(&std::mem::take(&mut run)));
    }
    found.extend(name(&run));
    found
}

/// Whether a generic rule takes this for chaff, whoever says it.
fn is_cue(text: &str, pipeline: &Pipeline) -> bool {
    let rules = pipeline.rules();
    let doc = Document::new(text, rules, key::key);
    doc.lines().any(|line| !rules.find(None, line, false, &mut Vec::new()).is_empty())
}

/// Starts of lines up to a name, and ends from it on, with words enough to tell; and the stories
/// that have them.
fn around(names: &[String], pages: &[Page]) -> BTreeMap<String, BTreeSet<usize>> {
    let mut found: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for page in pages {
        for row in page.rows.iter().filter(|row| !row.body) {
            for name in names {
                let Some(at) = row.key.find(name.as_str()) else { continue };
                let (start, end) = (&row.key[..at + name.len()], &row.key[at..]);
                for text in [start, end] {
                    if script::words(text) >= script::words(name) + 2 {
                        found.entry(text.to_owned()).or_default().insert(page.story);
                    }
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subdomains_and_language_variants_are_one_site() {
        let site = |hosts: &[&str]| site(&hosts.iter().map(|host| (*host).to_owned()).collect());
        for (hosts, wanted) in [
            (&["de.euronews.com", "fr.euronews.com", "euronews.com"][..], "euronews.com"),
            (&["de.euronews.com", "fr.euronews.com", "arabic.euronews.com"], "euronews.com"),
            (&["edition.cnn.com", "cnn.com", "m.cnn.com"], "cnn.com"),
            (&["en.post.co.uk", "m.post.co.uk"], "post.co.uk"),
            (&["a.org"], "a.org"),
            (&["dw.com", "m.dw.com"], "dw.com"),
            (&["rt.com", "de.rt.com"], "rt.com"),
        ] {
            assert_eq!(site(hosts).as_deref(), Some(wanted), "{hosts:?}");
        }
        for hosts in [
            &["a.org", "b.org"][..],
            &["post.co.uk", "times.co.uk"],
            &["anna.blogs.com", "bert.blogs.com"],
            &["post.com", "newpost.com"],
            &["xy.co.uk", "zz.co.uk"],
            &[],
        ] {
            assert_eq!(site(hosts), None, "{hosts:?}");
        }
    }
}
