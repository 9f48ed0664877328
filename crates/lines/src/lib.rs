//! Judges every line of a text as article or boilerplate.

mod cues;
mod text;

pub use cues::{CueError, Cues, Found, Kinds};
