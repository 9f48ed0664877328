//! A hash table that counts lines and words.

/// Counts of hashes in a page, in one table for all pages.
///
/// Entries of earlier pages are recognised by their page number, so nothing is cleared.
#[derive(Default)]
pub(crate) struct Counts {
    entries: Vec<Count>,
    mask: usize,
    page: u32,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    page: u32,
    hash: u32,
    /// The last line counted, plus one.
    pub(crate) line: u32,
    pub(crate) all: u32,
    pub(crate) main: u32,
}

impl Counts {
    /// Makes room for `count` hashes and forgets the earlier ones.
    pub(crate) fn start(&mut self, count: usize) {
        let size = (count * 2 + 2).next_power_of_two();
        if size > self.entries.len() || self.page == u32::MAX {
            self.entries.clear();
            self.entries.resize(size, Count::default());
            self.page = 0;
        }
        self.mask = size - 1;
        self.page += 1;
    }

    #[inline]
    pub(crate) fn slot(&mut self, hash: u64) -> u32 {
        let short = (hash >> 32) as u32;
        let mut at = (hash >> 40) as usize & self.mask;
        loop {
            let entry = &mut self.entries[at];
            if entry.page != self.page {
                *entry = Count { page: self.page, hash: short, line: 0, all: 0, main: 0 };
                return at as u32;
            }
            if entry.hash == short {
                return at as u32;
            }
            at = (at + 1) & self.mask;
        }
    }

    #[inline]
    pub(crate) fn entry(&mut self, slot: u32) -> &mut Count {
        &mut self.entries[slot as usize]
    }
}
