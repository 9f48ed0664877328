//! Containers: the file formats that documents come in.
//!
//! A *record format* stores documents as consecutive records: each one implements [`RecordFormat`]
//! in a module of its own and has one line in [`table::FORMATS`]. Reading, cleaning, recording, restoring
//! and sampling use the trait only. Parquet stores documents in columns, so it has its own reader
//! and writer.

pub(crate) mod chunks;
mod csv;
mod detect;
mod format;
mod jsonl;
pub(crate) mod open;
pub(crate) mod parquet;
mod table;
mod wet;

pub use format::{Container, FieldNames};
pub(crate) use format::{Kind, ParsedRecord, RecordFormat, Text, records};
pub(crate) use table::{original, restore_text, rewritten};
