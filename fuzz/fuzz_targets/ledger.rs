//! Runs the target `ledger` with libFuzzer.
#![no_main]

chaffinch_fuzz::libfuzzer_target!("ledger");
