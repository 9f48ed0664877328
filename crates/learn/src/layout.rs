//! Finds layouts: groups of an outlet's pages that share no lines, such as its languages, or its
//! pages before and after a relaunch.

use std::collections::{BTreeMap, BTreeSet};

use crate::page::{FEWEST, FEWEST_SHARED_LINES, Page, grouped, stories_by_key};

/// Assigns pages to layouts, largest first. Pages that share no lines with others belong to the
/// largest. Returns the number of layouts.
pub(crate) fn number_layouts(pages: &mut [Page]) -> usize {
    let mut groups = grouped(pages, |_, _| false);
    let repeats = |group: &Vec<usize>| {
        let of_group: Vec<Page> = group.iter().map(|at| pages[*at].clone()).collect();
        let stories: BTreeSet<usize> = of_group.iter().map(|page| page.story).collect();
        let seen = stories_by_key(&of_group);
        let repeated = seen.values().filter(|stories| stories.len() > 1).count();
        stories.len() >= FEWEST && repeated >= FEWEST_SHARED_LINES
    };
    groups.retain(repeats);
    for (number, group) in groups.iter().enumerate() {
        group.iter().for_each(|at| pages[*at].layout = number);
    }
    groups.len().max(1)
}

/// The pages of a layout.
pub(crate) fn of_layout(pages: &[Page], layout: usize) -> Vec<Page> {
    pages.iter().filter(|page| page.layout == layout).cloned().collect()
}

/// The dates between which a layout is in use, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Era {
    /// The first day, if another layout was in use before.
    pub(crate) since: Option<String>,
    /// The first day of the next layout.
    pub(crate) until: Option<String>,
}

/// The eras of layouts. A layout has an era if all its pages are dated, another layout of the same
/// host and language is older or newer, and none of these are in use at the same time.
pub(crate) fn eras(layouts: &[Vec<Page>]) -> Vec<Era> {
    let days = |pages: &Vec<Page>| -> Option<(String, String)> {
        let days: Option<BTreeSet<&String>> = pages.iter().map(|page| page.day.as_ref()).collect();
        let days = days?;
        Some(((*days.first()?).clone(), (*days.last()?).clone()))
    };
    let days: Vec<_> = layouts.iter().map(days).collect();
    let words: Vec<_> = layouts.iter().map(|pages| common_words(pages)).collect();
    let hosts: Vec<BTreeSet<&String>> = layouts
        .iter()
        .map(|pages| pages.iter().filter_map(|p| p.host.as_ref()).collect())
        .collect();
    let compare = |a: usize, b: usize| {
        let one_host =
            hosts[a].is_empty() || hosts[b].is_empty() || !hosts[a].is_disjoint(&hosts[b]);
        one_host && words[a].intersection(&words[b]).count() >= SHARED_WORDS
    };
    let era = |at: usize| -> Option<Era> {
        let (first, last) = days[at].as_ref()?;
        let mut era = Era::default();
        for other in (0..layouts.len()).filter(|other| *other != at && compare(at, *other)) {
            let (from, to) = days[other].as_ref()?;
            if to < first {
                era.since = Some(first.clone());
            } else if last < from {
                era.until = era.until.into_iter().chain([from.clone()]).min();
            } else {
                return None;
            }
        }
        Some(era)
    };
    (0..layouts.len()).map(|at| era(at).unwrap_or_default()).collect()
}

/// The number of most common words that are compared, and the minimum number that two layouts in
/// one language share.
const COMMON_WORDS: usize = 15;
const SHARED_WORDS: usize = 4;

/// The words that occur in the sentences of most stories, which are typical of the language.
fn common_words(pages: &[Page]) -> BTreeSet<String> {
    let mut stories: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for page in pages {
        let Some((first, last)) = page.own else { continue };
        for row in page.rows[first..=last].iter().filter(|row| row.body) {
            for word in row.key.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
                // In scripts without spaces, characters serve the same purpose.
                let parts: Vec<String> = match word.chars().count() > LONGEST_WORD {
                    true => word.chars().map(String::from).collect(),
                    false => vec![word.to_lowercase()],
                };
                for part in parts {
                    stories.entry(part).or_default().insert(page.story);
                }
            }
        }
    }
    let mut words: Vec<(usize, String)> =
        stories.into_iter().map(|(word, stories)| (stories.len(), word)).collect();
    // Of equally common words, shorter ones are more typical of the language.
    words.sort_by_key(|(count, word)| {
        (std::cmp::Reverse(*count), word.chars().count(), word.clone())
    });
    words.into_iter().take(COMMON_WORDS).map(|(_, word)| word).collect()
}

/// The maximum length of a word in characters. Longer runs are text without spaces.
const LONGEST_WORD: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sample, page::assign_stories};

    const ENGLISH: [&str; 4] = [
        "The mayor of the town opened a bridge in the north on Tuesday, and it is to last.",
        "A strike in the port is over, and the ships of the line are to sail on Friday.",
        "Storks are back in the wetlands of the north, and a ranger is to count them on foot.",
        "The roof of a school in the valley is to be mended, and the gym is closed on Monday.",
    ];
    const GERMAN: [&str; 4] = [
        "Die Bürgermeisterin hat am Dienstag die neue Brücke über den Fluss für alle freigegeben.",
        "Der Streik im Hafen ist vorbei und die Schiffe der Linie fahren am Freitag wieder aus.",
        "Die Störche sind zurück in den Wiesen und der Förster zählt sie am Morgen zu Fuß.",
        "Das Dach der Schule wird im Herbst erneuert und die Halle ist am Montag geschlossen.",
    ];

    fn layout(texts: &[&str], host: Option<&str>, days: &[&str]) -> Vec<Page> {
        let pipeline = chaffinch_core::Pipeline::shipped().unwrap();
        let sample = |(text, day): (&&str, &&str)| Sample {
            text: format!("A title\n\n{text}\n"),
            url: host.map(|host| format!("https://{host}/x")),
            date: Some((*day).to_owned()),
            ..Sample::default()
        };
        let mut pages: Vec<Page> =
            texts.iter().zip(days).map(|pair| Page::new(&sample(pair), &pipeline)).collect();
        assign_stories(&mut pages);
        pages
    }

    fn era(since: Option<&str>, until: Option<&str>) -> Era {
        Era { since: since.map(str::to_owned), until: until.map(str::to_owned) }
    }

    #[test]
    fn layouts_of_one_language_follow_each_other() {
        let old = layout(&ENGLISH[..2], None, &["2019-01-01", "2020-02-02"]);
        let new = layout(&ENGLISH[2..], None, &["2021-03-03", "2023-01-01"]);
        let german =
            layout(&GERMAN, None, &["2018-01-01", "2019-01-01", "2022-01-01", "2024-01-01"]);
        assert_eq!(
            eras(&[new.clone(), german.clone(), old.clone()]),
            [era(Some("2021-03-03"), None), Era::default(), era(None, Some("2021-03-03"))]
        );
        // For another language, another host or an unknown date, no relaunch is assumed.
        let late = layout(&GERMAN[..2], None, &["2024-01-01", "2024-01-02"]);
        assert_eq!(eras(&[old.clone(), late]), [Era::default(), Era::default()]);
        let elsewhere = layout(&ENGLISH[..2], Some("a.org"), &["2019-01-01", "2020-02-02"]);
        let other = layout(&ENGLISH[2..], Some("b.org"), &["2021-03-03", "2023-01-01"]);
        assert_eq!(eras(&[elsewhere, other]), [Era::default(), Era::default()]);
        let unknown = layout(&ENGLISH[2..], None, &["", "2023-01-01"]);
        assert_eq!(eras(&[old.clone(), unknown]), [Era::default(), Era::default()]);
        let overlapping = layout(&ENGLISH[2..], None, &["2020-01-01", "2023-01-01"]);
        assert_eq!(eras(&[old, overlapping]), [Era::default(), Era::default()]);
    }
}
