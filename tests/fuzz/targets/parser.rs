#![no_main]
libfuzzer_sys::fuzz_target!(|log: &[u8]| {
    ci_healer_fuzz::diagnose(log);
});
