#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ami_share_action::fuzz::check_inputs(bytes));
