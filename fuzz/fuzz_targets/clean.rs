//! Runs the target `clean` with libFuzzer.
#![no_main]

chaffinch_fuzz::libfuzzer_target!("clean");
