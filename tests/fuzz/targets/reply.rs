//! A model's reply: read or refused, however it is packed.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let bare = ci_healer::fixer::check_reply(text);
    // What is a reply by itself is one in a fence as well.
    if bare.is_ok() && !text.contains("```") && text.trim_start().starts_with('{') {
        let fenced = format!("Here it is:\n```json\n{text}\n```\n");
        assert!(ci_healer::fixer::check_reply(&fenced).is_ok(), "{fenced}");
    }
    let _ = ci_healer::fixer::check_reply(&format!("<think>hm</think>{text}"));
});
