//! Fuzz target: packed inbox entries.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shared::fuzzing::entry(bytes));
