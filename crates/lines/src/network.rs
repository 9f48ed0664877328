//! The trained network in integers.

/// Channels of each layer.
pub(crate) const CHANNELS: usize = 24;
/// Running sums in each direction.
pub(crate) const STATES: usize = 12;
/// Values of a vocabulary word.
pub(crate) const EMBEDDING: usize = 8;
/// Kinds of cues.
pub(crate) const KINDS: usize = 64;
