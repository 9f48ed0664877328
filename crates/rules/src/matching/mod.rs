//! Matching: finds the patterns that match a line.
//!
//! A [`Pattern`] is a regex over keys, possibly with lists of phrases ([`List`]) in it. An [`Index`]
//! selects the patterns that might match a line by their [`Prefilter`]s; a small matcher, or else the
//! `regex` crate, confirms them. The layers above parse rule files into patterns, store patterns in
//! packed form, and find the hits of a document's rules with them.
//!
//! Below the patterns are the regexes ([`folding`], [`shapes`], [`placeholders`]), the lists
//! (`phrases`, with a `graph` of their characters), what every match of a regex begins and ends with
//! (`literals`, `edges`), and the `matcher`.

mod edges;
pub(crate) mod folding;
mod graph;
mod index;
mod literals;
mod matcher;
mod pattern;
mod phrases;
pub(crate) mod placeholders;
mod prefilter;
pub(crate) mod shapes;
mod sides;

pub(crate) use index::{Ends, Index, IndexBuilder, IndexTables, PackedIndex};
pub(crate) use literals::Literal;
pub use pattern::{CompileError, Found, Pattern};
pub(crate) use pattern::{Compiled, PackedCompiled, Pool, Prepared, regex_of};
pub(crate) use phrases::{List, PackedPhrases, Phrases};
pub(crate) use prefilter::{Prefilter, is_found};
pub use sides::Anchor;
pub(crate) use sides::Side;
