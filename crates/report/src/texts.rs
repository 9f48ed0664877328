//! Collects the distinct texts that a rule cut, in bounded memory.
//!
//! A rule may cut a million texts. Two small tables are kept: frequent texts (lossy counting, Manku
//! and Motwani 2002: when the table is full, the rarest half is dropped), and a uniform sample of
//! the distinct texts (those with the smallest hashes, with exact counts). The sample provides rare
//! texts, where mistakes are likely, and an estimate of the number of distinct texts. The selection
//! depends only on the texts and their order.

use std::collections::{BTreeMap, HashMap};

use xxhash_rust::xxh3::xxh3_64;

/// The maximum number of texts in either table.
const MOST: usize = 512;

/// A distinct text.
#[derive(Clone, Debug)]
pub struct Entry<S> {
    /// The text, shortened if it is long.
    pub text: String,
    /// The number of occurrences.
    pub count: u64,
    /// The total size of all occurrences, in bytes.
    pub bytes: u64,
    /// The first occurrences.
    pub samples: Vec<S>,
    /// A hash of the text.
    pub hash: u64,
}

/// Distinct texts with their counts.
#[derive(Clone, Debug)]
pub struct Texts<S> {
    frequent: HashMap<u64, Entry<S>>,
    sampled: BTreeMap<u64, Entry<S>>,
    dropped: bool,
    samples: usize,
}

/// The maximum number of bytes kept of a text.
pub(crate) const LONGEST: usize = 600;

impl<S: Clone> Texts<S> {
    /// Creates an empty collection that keeps this number of samples of each text.
    pub fn new(samples: usize) -> Texts<S> {
        let (frequent, sampled) = (HashMap::new(), BTreeMap::new());
        Texts { frequent, sampled, dropped: false, samples }
    }

    /// Adds an occurrence of a text. `sample` is called only if the occurrence is kept.
    pub fn add(&mut self, text: &str, bytes: u64, sample: &dyn Fn() -> S) {
        let hash = xxh3_64(text.as_bytes());
        let samples = self.samples;
        let grow = |entry: &mut Entry<S>| {
            entry.count += 1;
            entry.bytes += bytes;
            if entry.samples.len() < samples {
                entry.samples.push(sample());
            }
        };
        let new = || {
            let text = shortened(text, LONGEST);
            Entry { text, count: 0, bytes: 0, samples: Vec::new(), hash }
        };
        if !self.frequent.contains_key(&hash) && self.frequent.len() >= MOST {
            let mut counts: Vec<(u64, u64)> =
                self.frequent.values().map(|entry| (entry.count, entry.hash)).collect();
            counts.sort_unstable();
            for (_, rare) in &counts[..MOST / 2] {
                self.frequent.remove(rare);
            }
            self.dropped = true;
        }
        grow(self.frequent.entry(hash).or_insert_with(new));
        let room = self.sampled.len() < MOST;
        let near = self.sampled.last_key_value().is_some_and(|(last, _)| hash <= *last);
        if room || near {
            grow(self.sampled.entry(hash).or_insert_with(new));
            if self.sampled.len() > MOST {
                self.sampled.pop_last();
            }
        }
    }

    /// The `most` most frequent texts.
    pub fn frequent(&self, most: usize) -> Vec<&Entry<S>> {
        let mut all: Vec<&Entry<S>> = self.frequent.values().collect();
        all.sort_by_key(|entry| (std::cmp::Reverse(entry.count), entry.hash));
        all.truncate(most);
        all
    }

    /// The `most` rarest texts of the sample.
    pub fn rare(&self, most: usize) -> Vec<&Entry<S>> {
        let mut all: Vec<&Entry<S>> = self.sampled.values().collect();
        all.sort_by_key(|entry| (entry.count, entry.hash));
        all.truncate(most);
        all
    }

    /// The number of distinct texts, and whether it is exact.
    pub fn distinct(&self) -> (u64, bool) {
        match (self.dropped, self.sampled.last_key_value()) {
            (false, _) => (self.frequent.len() as u64, true),
            // The share of the hash range that the sample covers.
            (true, Some((last, _))) => {
                let share = *last as f64 / u64::MAX as f64;
                (((self.sampled.len() - 1) as f64 / share) as u64, false)
            }
            (true, None) => (0, true),
        }
    }
}

/// A cut and its replacement as one text, trimmed if there is no replacement.
pub(crate) fn shown(text: &str, with: &str) -> String {
    match (text.trim(), with) {
        ("", "") => "(blank lines)".to_owned(),
        (text, "") => text.to_owned(),
        (_, with) => format!("{text} → {with}"),
    }
}

/// `text`, with everything after `most` bytes replaced by `…`.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_texts_are_counted_exactly() {
        let mut texts = Texts::new(2);
        for at in 0..300 {
            texts.add(["a", "b", "a"][at % 3], 1, &|| at);
        }
        let all: Vec<_> = texts
            .frequent(9)
            .iter()
            .map(|e| (e.text.clone(), e.count, e.samples.clone()))
            .collect();
        assert_eq!(all, [("a".to_owned(), 200, vec![0, 2]), ("b".to_owned(), 100, vec![1, 4])]);
        assert_eq!(texts.rare(1)[0].text, "b");
        assert_eq!(texts.distinct(), (2, true));
    }

    #[test]
    fn of_many_texts_the_frequent_ones_are_found_and_memory_is_bounded() {
        let mut texts = Texts::new(1);
        for at in 0..100_000 {
            let text = if at % 10 == 0 { "Share".to_owned() } else { format!("line {at}") };
            texts.add(&text, text.len() as u64, &|| ());
        }
        assert_eq!((&*texts.frequent(1)[0].text, texts.frequent(1)[0].count), ("Share", 10_000));
        assert!(texts.frequent.len() <= MOST && texts.sampled.len() <= MOST);
        let (distinct, exact) = texts.distinct();
        assert!(!exact && (70_000..110_000).contains(&distinct), "{distinct}");
        assert!(texts.rare(20).iter().all(|entry| entry.count == 1));
    }
}
