//! Runs the target `matcher` with libFuzzer.
#![no_main]

chaffinch_fuzz::libfuzzer_target!("matcher");
