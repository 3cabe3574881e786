#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| whimbrel_targets::check("sqlite", input));
