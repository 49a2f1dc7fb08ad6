#![no_main]

#[path = "../scenario.rs"]
mod scenario;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scenario::check_scenario(bytes));
