//! What GitHub sends: payloads of events, triggers of workflows, answers of the API.
#![no_main]

use ci_healer::contract::git::RepoSlug;
use ci_healer::github::{RunContext, read_answer, read_trigger_context, read_triggers};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    read_answer(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = read_triggers(text);
    let payload: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    for event in ["push", "pull_request", "pull_request_target", "workflow_run", "issue_comment"] {
        let context = RunContext {
            event_name: event.to_owned(),
            repository: RepoSlug::new("octo/widget").ok(),
            ..RunContext::default()
        };
        let trigger = read_trigger_context(payload.clone(), &context).trigger;
        // Foreign code and strange events are never published for.
        if matches!(event, "pull_request_target" | "issue_comment") {
            assert!(trigger.diagnose_only.is_some(), "{event}: {trigger:?}");
        }
    }
});
