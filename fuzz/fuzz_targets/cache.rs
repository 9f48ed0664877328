//! Runs the target `cache` with libFuzzer.
#![no_main]

chaffinch_fuzz::libfuzzer_target!("cache");
