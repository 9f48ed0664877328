//! Digests of originals and outputs.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The digest of an original.
pub fn digest(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}

/// The digest of an output: the lower half of its xxh3-64.
pub fn output_digest(bytes: &[u8]) -> u32 {
    xxh3_64(bytes) as u32
}
