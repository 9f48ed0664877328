//! Runs the target `pieces` with libFuzzer.
#![no_main]

chaffinch_fuzz::libfuzzer_target!("pieces");
