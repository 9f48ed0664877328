//! Reports for people: annotated documents, differences between runs, drift, and HTML pages.
//!
//! Text from documents is untrusted. [`visible`] writes control characters, direction marks and
//! line separators as escapes, so that no text can control a terminal.

mod annotated;
mod certainty;
pub mod diff;
pub mod drift;
mod overview;
pub mod page;
mod render;
mod sample;
mod texts;
mod visible;

pub use annotated::{Annotated, Fate, Part, Row, annotated};
pub use certainty::LeastCertain;
pub use overview::{Overview, overview};
pub use sample::Sample;
pub use texts::{Entry, Texts};
pub use visible::visible;
