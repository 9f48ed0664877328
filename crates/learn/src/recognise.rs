//! Finds what identifies an outlet: its hosts, its name, and lines that only it has.

use std::collections::{BTreeMap, BTreeSet};

use chaffinch_core::Pipeline;
use chaffinch_core::rules::{Search, key};
use chaffinch_core::stage::{Document, script};

use crate::MOST_HOSTS;
use crate::draft::{Draft, DraftPattern};
use crate::page::{FEWEST_SHARED_LINES, Page, Sample, stories_by_key};

/// The maximum number of signs in a file.
const SIGNS: usize = 12;

impl Draft {
    /// Finds what identifies the outlet: the hosts of the samples, and lines of at least half of
    /// the stories that match no generic rule and occur in no example of another outlet.
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
        // If all samples are in a folder named after the outlet, later documents probably are, too.
        let in_folder = |sample: &&Sample| {
            let folder = sample.path.as_ref().and_then(|path| path.parent());
            folder.is_some_and(|folder| folder.iter().any(|part| part == name))
        };
        if samples.iter().all(in_folder) {
            self.paths = vec![format!("**/{name}/**")];
        }
        self.signs = select_signs(&self.propose_signs(name, pages, pipeline));
    }

    /// Texts that may identify the outlet, each with whether it contains the outlet's name and with
    /// the number of stories that contain it.
    fn propose_signs(
        &self,
        name: &str,
        pages: &[Page],
        pipeline: &Pipeline,
    ) -> BTreeMap<String, (bool, usize)> {
        // Text that also occurs in other outlets' documents or in clean articles identifies
        // nothing.
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
        let few = |training_stories: usize| training_stories.div_ceil(5).max(2);
        let smallest = self
            .rules
            .iter()
            .map(|rule| rule.training_stories)
            .min()
            .unwrap_or(self.training_stories);
        let mut signs: BTreeMap<String, (bool, usize)> = BTreeMap::new();
        let mut propose = |text: &str, count: usize, training_stories: usize, safe: bool| {
            let named = name.len() >= 5 && letters(text).contains(&name)
                || names.iter().any(|name| text.contains(name.as_str()));
            let long = text.chars().count() >= 12 && script::words(text) >= 2
                || named && text.chars().count() >= 6;
            let alone = !others.iter().any(|other| other.contains(text));
            // A name by itself may begin a sentence.
            let bare = names.iter().any(|name| name == text)
                || letters(text) == name && text.ends_with(char::is_alphanumeric);
            if long && alone && !bare && count >= few(training_stories) && (named || safe) {
                signs.insert(text.to_owned(), (named, count));
            }
        };
        for rule in &self.rules {
            match &rule.pattern {
                DraftPattern::Text(texts) => texts.iter().for_each(|text| {
                    let count = stories.get(text).map_or(0, BTreeSet::len);
                    let safe =
                        count * 2 >= rule.training_stories && !hinted.contains(text.as_str());
                    propose(text, count, rule.training_stories, safe);
                }),
                DraftPattern::Block(..) => {}
                DraftPattern::Start(_) | DraftPattern::End(_) | DraftPattern::Line(_) => {
                    rule.literals.iter().for_each(|text| {
                        propose(text.trim(), rule.seen, rule.training_stories, false)
                    });
                }
            }
        }
        // Lines that the generic rules remove may be the best signs, such as a notice with the
        // outlet's name.
        for (key, count) in stories.iter().map(|(key, stories)| (key, stories.len())) {
            propose(key, count, smallest, false);
        }
        for (text, stories) in around(&names, pages) {
            propose(&text, stories.len(), smallest, false);
        }
        signs
    }
}

/// The best of the proposed signs: those with the outlet's name first, then long ones, which are
/// rarer elsewhere. Of two signs in one line, keeps the one that more stories have, else the longer
/// one.
fn select_signs(proposed: &BTreeMap<String, (bool, usize)>) -> Vec<String> {
    let needless = |text: &str, count: usize| {
        proposed.iter().any(|(other, (_, more))| {
            let inside = text != other && (other.starts_with(text) || other.ends_with(text));
            let around = text != other && (text.starts_with(&**other) || text.ends_with(&**other));
            inside && *more >= count || around && *more > count
        })
    };
    let kept = proposed.iter().filter(|(text, (_, count))| !needless(text, *count));
    let mut kept: Vec<(&String, bool)> = kept.map(|(text, (named, _))| (text, *named)).collect();
    kept.sort_by_key(|(text, named)| (!named, std::cmp::Reverse(text.len().min(80)), *text));
    kept.into_iter().take(SIGNS).map(|(text, _)| text.clone()).collect()
}

/// Names of subdomains for languages and mobile pages, besides language codes.
const VARIANTS: [&str; 16] = [
    "www", "m", "mobile", "amp", "wap", "en", "english", "arabic", "farsi", "persian", "espanol",
    "francais", "deutsch", "turkish", "urdu", "hindi",
];

/// The site that all hosts belong to, if there is one: a host of which the others are subdomains or
/// language variants.
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

/// Whether a name may be a site's own domain, and not a public suffix such as `com` or `co.uk`.
fn is_domain(name: &str) -> bool {
    match name.split('.').collect::<Vec<_>>()[..] {
        [] | [_] => false,
        [first, last] => first.len() > 3 || last.len() > 2,
        _ => true,
    }
}

/// Whether the groups of pages belong to several outlets: each has lines of its own in at least two
/// stories, and none contains the name of another.
pub(crate) fn are_different_outlets(groups: &[Vec<&Page>], pipeline: &Pipeline) -> bool {
    let telling: Vec<Vec<Page>> = groups
        .iter()
        .map(|group| group.iter().map(|page| (*page).clone()).collect::<Vec<Page>>())
        .filter(|group| {
            let stories = stories_by_key(group);
            let repeated = stories.iter().filter(|(_, stories)| stories.len() > 1).count();
            repeated >= FEWEST_SHARED_LINES
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

/// The names of the outlet: capitalised words that several different lines of its boilerplate
/// contain, in many stories, and that match no generic rule.
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

/// The maximum number of names of an outlet.
const MOST_NAMES: usize = 3;

/// Runs of at least two capitalised words, and single words with an inner capital.
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

/// Whether a generic rule matches this text.
fn is_cue(text: &str, pipeline: &Pipeline) -> bool {
    let rules = pipeline.rules();
    let doc = Document::new(text, rules, key::key);
    doc.lines().any(|line| !rules.find(None, line, Search::default(), &mut Vec::new()).is_empty())
}

/// The beginnings of lines up to a name, and the ends of lines from a name on, if they are long
/// enough; with the stories that contain them.
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
