//! Fuzz target: cursors, places and ids that clients keep and give back.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shared::fuzzing::cursor(bytes));
