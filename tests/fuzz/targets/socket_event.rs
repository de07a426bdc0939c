//! Fuzz target: events of the WebSocket API.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shared::fuzzing::socket_event(bytes));
