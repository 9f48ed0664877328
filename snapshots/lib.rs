//! Snapshots of the seed documents, and cases. The tests are in `seeds.rs` and `cases.rs`.
