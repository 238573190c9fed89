//! Any text as an expression in a step, in a condition and in an environment.
#![no_main]

use ci_healer::plan::{GithubFacts, PlanRequest, plan};
use ci_healer_fuzz::MemoryTree;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let quoted = serde_json::to_string(text).expect("a text is JSON");
    let inside = serde_json::to_string(&format!("${{{{ {text} }}}}")).expect("a text is JSON");
    let workflow = format!(
        "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    strategy:\n      matrix:\n        a: [1, x, true]\n    \
         env:\n      A: {inside}\n    steps:\n      - id: one\n        run: {inside}\n        if: {quoted}\n      - run: {quoted}\n"
    );
    let tree = MemoryTree::new([(".github/workflows/ci.yml", workflow.as_bytes())]);
    let mut github = GithubFacts::default();
    github.values.insert("ref".to_owned(), "refs/heads/main".to_owned());
    github.event = Some(serde_json::json!({"number": 1, "text": "x", "list": [{"a": null}]}));
    // A refusal is as good as a plan.
    let _ = plan(&PlanRequest { workflow: Some("ci.yml"), github, ..PlanRequest::of(&tree) });
});
