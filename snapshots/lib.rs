//! Snapshots of the seed documents, and cases; the tests are in `seeds.rs` and `cases.rs`.
