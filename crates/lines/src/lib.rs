//! Judges every line of a text as article or boilerplate.

mod cues;
mod evaluate;
mod features;
mod labelled;
mod network;
mod scan;
mod text;
pub mod train;
mod words;

pub use cues::{CueError, Cues, Found, Kinds};
pub use evaluate::Figures;
pub use labelled::{Label, LabelError, LabelledPage};
