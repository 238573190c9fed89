//! What to trace of a step that failed: its log is read, and the plan layer makes a trace of its failing tests.

use crate::contract::bug::{BugReport, LogSpan};
use crate::contract::build::BuildPlan;
use crate::contract::executed::{FailedStep, Trace, Tracer};
use crate::contract::git::SourceTree;
use crate::parser::{self, ParseOptions};
use crate::placing::{self, StepFolder};
use crate::plan;

/// Traces the failing tests of a plan that runs on a tree.
pub struct TestTracer<'a> {
    pub plan: &'a BuildPlan,
    pub tree: &'a dyn SourceTree,
}

impl Tracer for TestTracer<'_> {
    fn trace(&self, failed: &FailedStep<'_>) -> Option<Trace> {
        let step = self.plan.steps.get(failed.index)?;
        // Reading from memory cannot fail.
        let (mut diagnosis, origins) = parser::read(failed.log, &ParseOptions::default()).unwrap_or_default();
        let log = LogSpan { first: 1, last: diagnosis.lines };
        let folder = StepFolder { log, folder: failed.working_directory.to_owned() };
        placing::place(&mut diagnosis, &origins, &[folder], self.tree);
        let bugs: Vec<BugReport> = diagnosis.bugs;
        plan::trace(step, failed, &bugs, self.tree)
    }
}
