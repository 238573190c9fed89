//! Any bytes as a workflow: a plan, or a refusal that names the file.
#![no_main]

use ci_healer::plan::{PlanError, PlanRequest, plan};
use ci_healer_fuzz::MemoryTree;

libfuzzer_sys::fuzz_target!(|workflow: &[u8]| {
    let tree = MemoryTree::new([(".github/workflows/ci.yml", workflow), ("package.json", b"{}".as_slice())]);
    match plan(&PlanRequest { workflow: Some("ci.yml"), ..PlanRequest::of(&tree) }) {
        Ok(plans) => assert!(!plans.is_empty()),
        Err(PlanError::Invalid { file, line, .. }) => {
            assert!(!file.is_empty() && line != Some(0));
        }
        Err(_) => {}
    }
});
