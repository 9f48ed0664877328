//! Any bytes as a WET file, cleaned by a run and restored.

use chaffinch_formats::Container;

use crate::folder::{is_compressed, round_trip};

/// The first byte selects the limit on documents; the rest is the file.
pub(crate) fn run(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    if !is_compressed(bytes) {
        round_trip(bytes, Container::Wet, first & 1 != 0);
    }
}
