//! Runs the target `jsonl` with libFuzzer.
#![no_main]

chaffinch_fuzz::libfuzzer_target!("jsonl");
