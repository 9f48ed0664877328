//! Runs the target `wet` with libFuzzer.
#![no_main]

chaffinch_fuzz::libfuzzer_target!("wet");
