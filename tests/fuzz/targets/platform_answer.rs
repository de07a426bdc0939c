//! Fuzz target: answers of the platform.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shared::fuzzing::platform_answer(bytes));
