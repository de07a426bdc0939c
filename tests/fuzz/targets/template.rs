//! Fuzz target: templates of the local stack.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| local::template::fuzzing::template(bytes));
