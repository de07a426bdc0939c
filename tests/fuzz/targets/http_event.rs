//! Fuzz target: requests of the HTTP API.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shared::fuzzing::http_event(bytes));
