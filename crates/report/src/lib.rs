//! What people read of a run: for now, annotated text.
//!
//! Text from documents is data. Whatever it holds, nothing of it can steer a terminal:
//! [`visible`] writes control characters, direction marks and line separators as escapes.

mod annotated;
mod visible;

pub use annotated::{Annotated, Fate, Part, Row, annotated};
pub use visible::visible;
