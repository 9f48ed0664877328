//! What people read of runs: annotated text, what changed between them, and what drifted.
//!
//! Text from documents is data. Whatever it holds, nothing of it can steer a terminal:
//! [`visible`] writes control characters, direction marks and line separators as escapes.

mod annotated;
mod certainty;
pub mod diff;
pub mod drift;
mod overview;
pub mod page;
mod sample;
mod tell;
mod texts;
mod visible;

pub use annotated::{Annotated, Fate, Part, Row, annotated};
pub use certainty::LeastCertain;
pub use overview::{Overview, overview};
pub use sample::Sample;
pub use texts::{Entry, Texts};
pub use visible::visible;
