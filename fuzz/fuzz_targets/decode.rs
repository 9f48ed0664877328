//! Runs the target `decode` with libFuzzer.
#![no_main]

chaffinch_fuzz::libfuzzer_target!("decode");
