//! Fuzz target: frames of clients.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shared::fuzzing::frame(bytes));
