//! Removes boilerplate from scraped news text and loses nothing.
//!
//! A [`Cleaner`] takes the text of a page and removes what is not the article: menus, teasers,
//! share buttons, footers, credits. Every removal is a [`Cut`] with its rule, its text and its
//! place, so the original can be restored byte for byte. Facts found on the way, such as title,
//! date and agency, are returned as [`Fields`].
//!
//! ```
//! # fn main() -> Result<(), chaffinch::Error> {
//! let page = "Talks resume in Vienna\n\n\
//!             The minister said on Tuesday that the talks would go on for two days.\n\n\
//!             SHARE THIS ARTICLE\n";
//!
//! let cleaner = chaffinch::Cleaner::new()?;
//! let cleaned = cleaner.clean(page);
//! assert!(cleaned.text().ends_with("for two days.\n"));
//! assert_eq!(cleaned.fields().get("title"), Some("Talks resume in Vienna"));
//! for cut in cleaned.cuts() {
//!     println!("{:?} {} {:?}", cut.span(), cut.rule(), cut.text());
//! }
//! assert_eq!(cleaned.restore()?, page.as_bytes());
//! # Ok(())
//! # }
//! ```
//!
//! Cleaning is a pure function of a document and a cleaner. It cannot fail: a document that cannot
//! be cleaned passes through unchanged, and its [`Verdict`] and [`reason`](Cleaned::reason) say so.
//! Making a cleaner can fail, because rule files and pipeline files can be wrong; the [`Error`]
//! lists every [`Problem`] with its file, line and column.
//!
//! # Documents
//!
//! [`Cleaner::clean`] takes a `&str` or bytes. Bytes are decoded first: by their byte order mark,
//! else as the encoding given to the [`Builder`], else as the encoding that is detected. An
//! [`Input`] carries what else is known of a document:
//!
//! ```
//! # fn main() -> Result<(), chaffinch::Error> {
//! use chaffinch::{Cleaner, Input};
//!
//! let cleaner = Cleaner::new()?;
//! let page = b"News / Politics\n\nThe minister said on Tuesday that the talks would go on.\n";
//! let cleaned = cleaner.clean(Input::new(page).url("https://www.presstv.ir/Detail/2018/05/16/1"));
//! assert_eq!(cleaned.outlet(), Some("presstv"));
//! assert_eq!(cleaned.fields().get("section"), Some("Politics"));
//! # Ok(())
//! # }
//! ```
//!
//! [`Cleaner::clean_many`] cleans documents in parallel. A cleaner can be shared between threads,
//! and a clone shares its rules.
//!
//! # Configuration
//!
//! [`Cleaner::builder`] takes rule files, a pipeline file, the level of the line model, an outlet,
//! an encoding, and stages of your own (see [`stage`]):
//!
//! ```
//! # fn main() -> Result<(), chaffinch::Error> {
//! use chaffinch::{Cleaner, Level};
//!
//! let cleaner = Cleaner::builder()
//!     .pipeline("stages: [share-buttons, site-footer, lines]")
//!     .level(Level::Full)
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! The repository describes [rule files] and [pipeline files].
//!
//! [rule files]: https://github.com/chaffinch/chaffinch/blob/main/docs/rule-files.md
//! [pipeline files]: https://github.com/chaffinch/chaffinch/blob/main/docs/pipeline-files.md
//!
#![cfg_attr(
    feature = "runs",
    doc = "# Runs\n\nThe module [`run`] cleans files and directories, and restores them."
)]
//!
//! # Features
//!
//! - `runs` (default): cleaning files and directories.
//! - `parquet`: Parquet files in runs.
//! - `plugins`: stages that are WebAssembly modules, in pipelines.

mod builder;
mod cleaned;
mod cleaner;
mod error;
mod input;
#[cfg(feature = "runs")]
pub mod run;

pub use builder::Builder;
pub use chaffinch_core::stage;
pub use chaffinch_core::{Fields, Verdict};
pub use chaffinch_lines::Level;
pub use cleaned::{Cleaned, Cut};
pub use cleaner::Cleaner;
pub use error::{Error, ErrorKind, Problem};
pub use input::Input;

// The lines of the README that a program starts with are run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
