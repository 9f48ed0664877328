//! What people read of runs: annotated text, and what drifted.
//!
//! Text from documents is data. Whatever it holds, nothing of it can steer a terminal:
//! [`visible`] writes control characters, direction marks and line separators as escapes.

mod annotated;
pub mod drift;
mod visible;

pub use annotated::{Annotated, Fate, Part, Row, annotated};
pub use visible::visible;
