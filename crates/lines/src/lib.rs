//! Judges every line of a text as article or boilerplate.

mod cues;
mod evaluate;
mod features;
mod labelled;
mod model;
mod network;
mod reasons;
mod scan;
#[cfg(test)]
mod testing;
mod text;
pub mod train;
mod words;

pub use cues::{CueError, Cues, Found, Kinds};
pub use evaluate::Figures;
pub use labelled::{Label, LabelError, LabelledPage};
pub use model::{Error, FEWEST_LINES, Form, Judgement, Judgements, Level, Model, Scratch};
pub use reasons::Reason;
