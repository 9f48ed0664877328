//! Runs the target `model` with libFuzzer.
#![no_main]

chaffinch_fuzz::libfuzzer_target!("model");
