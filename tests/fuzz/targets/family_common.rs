#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| ci_healer_fuzz::family("common", input));
