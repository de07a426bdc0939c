//! Fuzz target: packed messages.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shared::fuzzing::record(bytes));
