//! Writes Chaffinch stages as WebAssembly modules in Rust.
//!
//! A *plugin* is a stage in a module of its own: it reads a [`Document`] and marks parts of it. It
//! has no access to anything else, and it must not keep state between documents. Implement
//! [`Stage`], and export it with [`plugin!`] from a crate of type `cdylib`:
//!
//! ```
//! use chaffinch_plugin_sdk::{Document, Marks, Settings, Stage, plugin};
//!
//! /// Removes lines that begin with a word, such as "Correction:".
//! struct Corrections {
//!     words: Vec<String>,
//! }
//!
//! impl Stage for Corrections {
//!     const FINDS: &str = "Notes about corrections.";
//!
//!     fn new(settings: &Settings<'_>) -> Result<Self, String> {
//!         let words: Vec<String> = settings.all("words").map(str::to_owned).collect();
//!         if words.is_empty() {
//!             return Err("`words` is missing".into());
//!         }
//!         Ok(Corrections { words })
//!     }
//!
//!     fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
//!         for line in doc.lines().filter(|line| line.in_tail()) {
//!             if self.words.iter().any(|word| line.key().starts_with(word.as_str())) {
//!                 marks.remove(line);
//!             }
//!         }
//!     }
//! }
//!
//! plugin!(Corrections);
//! # fn main() {}
//! ```
//!
//! Build it with `cargo build --release --target wasm32-unknown-unknown`. The crate needs only
//! `core` and `alloc`, so a plugin can be `no_std` if it brings an allocator and a panic handler.
#![no_std]

extern crate alloc;

mod document;
#[doc(hidden)]
pub mod guest;
mod marks;
mod settings;

pub use document::{Document, Hit, Line};
pub use marks::Marks;
pub use settings::Settings;

use alloc::string::String;

/// A stage of the cleaning chain.
pub trait Stage: Sized {
    /// What the stage finds, in a sentence, for lists.
    const FINDS: &str;

    /// Makes the stage from its settings in the pipeline file.
    ///
    /// # Errors
    /// A message if a setting is missing, unknown or invalid.
    fn new(settings: &Settings<'_>) -> Result<Self, String>;

    /// Marks what the stage finds in `doc`. The marks must depend only on `doc` and the settings,
    /// and marks that remove or replace text must not overlap.
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks);
}

/// Exports a [`Stage`] as a plugin.
#[macro_export]
macro_rules! plugin {
    ($stage:ty) => {
        static CHAFFINCH_PLUGIN: $crate::guest::Slot<$stage> = $crate::guest::Slot::new();

        #[unsafe(no_mangle)]
        extern "C" fn chaffinch_abi() -> i32 {
            $crate::guest::ABI
        }

        #[unsafe(no_mangle)]
        extern "C" fn chaffinch_finds() -> u64 {
            $crate::guest::text(<$stage as $crate::Stage>::FINDS)
        }

        #[unsafe(no_mangle)]
        extern "C" fn chaffinch_alloc(size: u32) -> u32 {
            CHAFFINCH_PLUGIN.alloc(size)
        }

        #[unsafe(no_mangle)]
        extern "C" fn chaffinch_configure(_at: u32, size: u32) -> u64 {
            CHAFFINCH_PLUGIN.configure(size)
        }

        #[unsafe(no_mangle)]
        extern "C" fn chaffinch_mark(_at: u32, size: u32) -> u64 {
            CHAFFINCH_PLUGIN.mark(size)
        }
    };
}
