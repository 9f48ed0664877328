//! Runs the target `rows` with libFuzzer.
#![no_main]

chaffinch_fuzz::libfuzzer_target!("rows");
