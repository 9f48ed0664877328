//! Runs the target `rules` with libFuzzer.
#![no_main]

chaffinch_fuzz::libfuzzer_target!("rules");
