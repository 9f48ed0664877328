//! Parquet: the text column is written again and a column is added; the pages of all other columns
//! are copied unchanged, row group by row group.
//!
//! A row group becomes a Parquet file of its own, in memory, so that row groups are cleaned in
//! parallel and a killed run can resume after any of them. At its end, a file is assembled from
//! these, again by copying pages. Without the feature `parquet`, this module has the same items
//! and opens no file.

#[cfg(feature = "parquet")]
mod read;
#[cfg(feature = "parquet")]
mod restore;
#[cfg(feature = "parquet")]
mod rewrite;
mod row;
#[cfg(not(feature = "parquet"))]
mod stub;
#[cfg(feature = "parquet")]
mod write;

#[cfg(feature = "parquet")]
pub use rewrite::{RowGroup, RowGroupWriter};
pub(crate) use row::{ENABLED, NOT_ENABLED, Row, is_parquet};

#[cfg(feature = "parquet")]
pub(crate) use self::{
    read::ParquetFile,
    restore::Restoring,
    write::{GroupOutput, Table, assemble, has_rows, without_column},
};
#[cfg(not(feature = "parquet"))]
pub(crate) use stub::{
    GroupOutput, ParquetFile, Restoring, Table, assemble, has_rows, without_column,
};

#[cfg(all(test, feature = "parquet"))]
pub(crate) mod tests {
    use super::Table;
    use crate::ledger::Record;

    /// A file of one row with this text.
    pub(crate) fn part(text: &str) -> Vec<u8> {
        let mut table = Table::default();
        let record = Record::unseen("rows", 0, String::new());
        table.push(&record, [None, None, None], text, 0);
        table.write().unwrap()
    }
}
