//! Sets of bytes. Matching uses them to reject lines cheaply, by their first, last or next byte.

use serde::{Deserialize, Serialize};

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(crate) const ALL: ByteSet = ByteSet([u64::MAX; 4]);

    /// The set of the bytes whose bits are set.
    pub(crate) fn of(bits: [u64; 4]) -> ByteSet {
        ByteSet(bits)
    }

    pub(crate) fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    /// Removes the bytes that continue a character in UTF-8.
    pub(crate) fn remove_continuations(&mut self) {
        self.0[2] = 0;
    }

    /// Calls `each` with the bytes of the set, in order.
    pub(crate) fn each(&self, mut each: impl FnMut(u8)) {
        for (word, mut bits) in (0..).zip(self.0) {
            while bits != 0 {
                each(word * 64 + bits.trailing_zeros() as u8);
                bits &= bits - 1;
            }
        }
    }

    pub(crate) fn join(&mut self, other: &ByteSet) {
        self.0.iter_mut().zip(other.0).for_each(|(own, other)| *own |= other);
    }

    #[inline]
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }
}
