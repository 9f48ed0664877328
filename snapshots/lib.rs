//! Snapshots of the seed documents; the tests are in `seeds.rs`.
