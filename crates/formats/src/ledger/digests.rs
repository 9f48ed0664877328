//! Digests of originals and outputs.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The digest of an original.
pub fn digest(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}

/// What tells one output from another.
pub fn output_digest(bytes: &[u8]) -> u32 {
    xxh3_64(bytes) as u32
}
