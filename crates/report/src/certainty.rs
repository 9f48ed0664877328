//! The cuts that a rule was least certain of, in bounded memory.
//!
//! The line model gives each of its cuts a confidence. Its mistakes are mostly among those with the
//! lowest, so a report shows these first.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use crate::texts::{Entry, LONGEST, shortened};

/// The most texts.
const MOST: usize = 24;

/// The distinct texts that were cut with the lowest confidence.
#[derive(Clone, Debug)]
pub struct LeastCertain<S> {
    /// By confidence in percent, then by the hash of the text.
    texts: BTreeMap<(u8, u64), Entry<S>>,
}

impl<S> Default for LeastCertain<S> {
    fn default() -> LeastCertain<S> {
        LeastCertain { texts: BTreeMap::new() }
    }
}

impl<S> LeastCertain<S> {
    /// Adds a cut with its confidence in percent; `sample` is called only if the cut is kept.
    ///
    /// A text is kept once, with the lowest confidence that it was cut with. Its occurrences are not
    /// counted: the count of its entry is 0.
    pub fn add(&mut self, confidence: u8, text: &str, bytes: u64, sample: &dyn Fn() -> S) {
        let key = (confidence, xxh3_64(text.as_bytes()));
        let full = self.texts.len() >= MOST;
        if full && self.texts.last_key_value().is_some_and(|(last, _)| *last <= key) {
            return;
        }
        if let Some(same) = self.texts.keys().find(|(_, hash)| *hash == key.1).copied() {
            if same <= key {
                return;
            }
            self.texts.remove(&same);
        }
        let (text, samples) = (shortened(text, LONGEST), vec![sample()]);
        self.texts.insert(key, Entry { text, count: 0, bytes, samples, hash: key.1 });
        if self.texts.len() > MOST {
            self.texts.pop_last();
        }
    }

    /// The texts, the least certain first.
    pub fn texts(&self) -> Vec<&Entry<S>> {
        self.texts.values().collect()
    }

    /// The lowest confidence in percent; none if no cut had one.
    pub fn lowest(&self) -> Option<u8> {
        self.texts.first_key_value().map(|((confidence, _), _)| *confidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_certain_texts_are_kept_once_each() {
        let mut least = LeastCertain::default();
        for at in 0..1000_u32 {
            let confidence = 99 - (at / 20) as u8;
            least.add(confidence, &format!("line {at}"), 1, &|| at);
        }
        for confidence in [90, 51, 70] {
            least.add(confidence, "Share", 1, &|| 2000 + u32::from(confidence));
        }
        least.add(50, "Share", 1, &|| 2050);
        assert_eq!((least.lowest(), least.texts().len()), (Some(50), MOST));
        let samples: Vec<u32> = least.texts().iter().map(|entry| entry.samples[0]).collect();
        // The 20 lines at 50 percent and the text at 50 percent come first, then lines at 51.
        assert!(samples[..21].iter().all(|&at| at == 2050 || (980..1000).contains(&at)));
        assert!(samples[21..].iter().all(|at| (960..980).contains(at)), "{samples:?}");
        assert_eq!(samples.iter().filter(|&&at| at > 1000).count(), 1);
    }

    #[test]
    fn the_order_of_cuts_does_not_matter() {
        let texts: Vec<String> = (0..100).map(|at| format!("line {}", at % 60)).collect();
        let cuts = || texts.iter().enumerate().map(|(at, text)| ((at * 7 % 50) as u8, text));
        let (mut first, mut second) = (LeastCertain::default(), LeastCertain::default());
        cuts().for_each(|(confidence, text)| first.add(confidence, text, 1, &|| ()));
        cuts().rev().for_each(|(confidence, text)| second.add(confidence, text, 1, &|| ()));
        assert!(first.texts.keys().eq(second.texts.keys()));
        assert_eq!(LeastCertain::<()>::default().lowest(), None);
    }
}
