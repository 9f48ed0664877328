//! Judges every line of a text as article or boilerplate, from the text alone.
//!
//! A [`Model`] is a small convolutional network over the lines of a document. Its inputs are facts
//! about each line and its place on the page, the [`Cues`] in it, and a learned vocabulary. All
//! inference is done in integers, so a document gets the same scores on every machine. Training
//! ([`train`]) uses the same code for features.
//!
//! ```
//! use chaffinch_lines::{Cues, Level, Model, Scratch};
//!
//! let text = "Home\nNews\nSport\n\
//!     The mayor said on Monday that the bridge would be open again in the spring.\n\
//!     It had been closed for more than two years, and the repair was expensive.\n\
//!     Share this article\nSubscribe to our newsletter\n";
//! let cues = Cues::new([(0, "share this article"), (13, "subscri* to our")])?;
//! let mut scratch = Scratch::default();
//! let judgements = Model::shipped().judge(text.lines(), &cues, &mut scratch);
//! let threshold = judgements.threshold(Level::Full);
//! let kept: Vec<&str> = text
//!     .lines()
//!     .enumerate()
//!     .filter(|(line, _)| !judgements.removes(*line, threshold))
//!     .map(|(_, text)| text)
//!     .collect();
//! assert!(kept.contains(&"It had been closed for more than two years, and the repair was expensive."));
//! assert!(!kept.contains(&"Home"));
//! # Ok::<(), chaffinch_lines::CueError>(())
//! ```
//!
//! `cargo run --release -p chaffinch-lines --example train` trains and measures a model.

mod calibration;
mod counts;
mod cues;
mod evaluate;
mod features;
mod known;
mod labelled;
mod model;
mod network;
mod page;
mod reasons;
mod scan;
#[cfg(test)]
mod testing;
mod text;
pub mod train;
mod words;

pub use calibration::{Form, Level};
pub use cues::{CueError, Cues, Found, Kinds};
pub use evaluate::Figures;
pub use labelled::{Label, LabelError, LabelledPage};
pub use model::{Error, FEWEST_LINES, Judgement, Judgements, Model, Scratch};
pub use reasons::Reason;
