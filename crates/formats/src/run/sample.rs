//! A sample of the documents: spread over the inputs, the same ones each time.

use std::collections::BinaryHeap;

use xxhash_rust::xxh3::xxh3_64;

/// The documents of a sample: those with the least digests of their names.
pub(crate) struct Sample {
    most: Option<u64>,
}

/// A sample that is being drawn.
pub(crate) struct Drawing {
    count: usize,
    least: BinaryHeap<u64>,
}

impl Drawing {
    pub(crate) fn of(count: usize) -> Drawing {
        Drawing { count, least: BinaryHeap::new() }
    }

    pub(crate) fn offer(&mut self, name: &str, ordinal: u64) {
        self.least.push(digest(name, ordinal));
        if self.least.len() > self.count {
            self.least.pop();
        }
    }

    pub(crate) fn finish(self) -> Sample {
        Sample { most: self.least.peek().copied() }
    }
}

impl Sample {
    pub(crate) fn takes(&self, name: &str, ordinal: u64) -> bool {
        self.most.is_some_and(|most| digest(name, ordinal) <= most)
    }
}

fn digest(name: &str, ordinal: u64) -> u64 {
    xxh3_64(format!("{name}\0{ordinal}").as_bytes())
}
