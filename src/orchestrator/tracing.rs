//! What the failing tests of a run executed: a trace is made once for each of them, and ranks what a model is shown.

use std::collections::BTreeSet;

use crate::contract::bug::{BugReport, LogSpan};
use crate::contract::build::BuildPlan;
use crate::contract::changes::ChangedFunctions;
use crate::contract::executed::{
    Executed, FailedStep, Trace, TraceOutput, TracedFunctions, TracedTest, Tracer,
};
use crate::contract::git::SourceTree;
use crate::fixer::ChangedDefinition;
use crate::parser::{self, ParseOptions};
use crate::placing::{self, StepFolder};
use crate::plan;

/// Traces the failing tests of a plan that runs on a tree.
pub struct TestTracer<'a> {
    pub plan: &'a BuildPlan,
    pub tree: &'a dyn SourceTree,
    /// What is traced by now is not traced again.
    pub known: &'a Traces,
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
        let trace = plan::trace(step, failed, &bugs, self.tree)?;
        let is_new = |test: &TracedTest| !self.known.asked.contains(&test.id);
        trace.tests.iter().any(is_new).then_some(trace)
    }
}

/// How many of the changed definitions the traced tests ran; `None` where nothing changed in code.
pub(super) fn reached(changed: &[ChangedDefinition], traced: &TracedFunctions) -> Option<ChangedFunctions> {
    let ran = |definition: &&ChangedDefinition| {
        let overlaps = |lines: (u32, u32)| lines.0 <= definition.lines.1 && definition.lines.0 <= lines.1;
        traced.functions.iter().any(|function| {
            function.file == definition.path.as_str()
                && function.lines.map_or(function.name.ends_with(&definition.name), overlaps)
        })
    };
    let reached = changed.iter().filter(ran).count();
    (!changed.is_empty()).then_some(ChangedFunctions { changed: changed.len(), reached })
}

/// The traces of a run.
#[derive(Debug, Default)]
pub struct Traces {
    /// Tests that a trace was made for, whatever came of it.
    asked: BTreeSet<String>,
    runs: Vec<(Vec<TracedTest>, Executed)>,
}

impl Traces {
    /// Reads what a trace left. Gives what its tests ran of the tree, where it shows anything.
    pub(super) fn add(&mut self, output: &TraceOutput, tree: &dyn SourceTree) -> Option<TracedFunctions> {
        self.asked.extend(output.tests.iter().map(|test| test.id.clone()));
        let executed = parser::executed(output, tree);
        if executed.functions.is_empty() {
            return None;
        }
        let functions = parser::rank_functions(&executed, &output.tests);
        // One that was cut off does not tell what did not run, and by that much is ranked and left out.
        if !output.cut {
            self.runs.push((output.tests.clone(), executed));
        }
        Some(functions)
    }

    /// What the tests among `bugs` ran; of several traces the last one of them.
    pub(super) fn of(&self, bugs: &[BugReport]) -> Option<TracedFunctions> {
        let is_of = |test: &&TracedTest| bugs.iter().any(|bug| bug.test.as_ref() == Some(&test.id));
        self.runs.iter().rev().find_map(|(tests, executed)| {
            let tests: Vec<TracedTest> = tests.iter().filter(is_of).cloned().collect();
            (!tests.is_empty()).then(|| parser::rank_functions(executed, &tests))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::executed::TraceFormat;
    use crate::contract::git::{FileMode, RepoPath, TreeFile};

    struct OneFile(TreeFile);

    impl SourceTree for OneFile {
        fn files(&self) -> &[TreeFile] {
            std::slice::from_ref(&self.0)
        }

        fn read(&self, _: &RepoPath) -> Option<Vec<u8>> {
            None
        }
    }

    fn test(id: &str) -> TracedTest {
        TracedTest { id: id.to_owned(), file: None }
    }

    fn output(tests: &[&str], json: &str) -> TraceOutput {
        TraceOutput {
            format: TraceFormat::Functions,
            tests: tests.iter().map(|id| test(id)).collect(),
            files: vec![("python-1.json".to_owned(), json.as_bytes().to_vec())],
            cut: false,
        }
    }

    #[test]
    fn each_test_s_functions_are_ranked_for_itself() {
        let path = RepoPath::new("shop.py").unwrap();
        let tree = OneFile(TreeFile { path, mode: FileMode::Regular, id: String::new() });
        let json = r#"{"in_order": true, "functions": [["shop.py", "total", 1, 3], ["shop.py", "add", 5, 9]],
            "tests": [["t.py::test_add", true, [1]], ["t.py::test_total", true, [0]], ["t.py::test_new", false, []]]}"#;
        let mut traces = Traces::default();
        let both = traces.add(&output(&["t.py::test_add", "t.py::test_total"], json), &tree).unwrap();
        assert_eq!(both.to_string(), "2 functions in 1 file");
        let log = "FAILED t.py::test_add - assert 1 == 2\nFAILED t.py::test_total - assert 1 == 2\n";
        let (mut diagnosis, _) = parser::read(log.as_bytes(), &ParseOptions::default()).unwrap();
        diagnosis.bugs.truncate(1);
        diagnosis.bugs[0].test = Some("t.py::test_add".to_owned());
        let of_add = traces.of(&diagnosis.bugs).unwrap();
        let names: Vec<_> = of_add.functions.iter().map(|f| (f.name.as_str(), f.suspicion)).collect();
        assert_eq!(names[0], ("add", Some(1.0)));
        let mut later = Traces::default();
        assert!(later.add(&TraceOutput { cut: true, ..output(&["t.py::test_add"], json) }, &tree).is_some());
        assert_eq!(later.of(&diagnosis.bugs), None, "a part of what ran ranks nothing");
        diagnosis.bugs[0].test = Some("t.py::test_other".to_owned());
        assert_eq!(traces.of(&diagnosis.bugs), None);
        assert_eq!(traces.add(&output(&["t.py::test_other"], "{}"), &tree), None);
        assert!(traces.asked.contains("t.py::test_other"), "a trace that shows nothing is not made again");
    }
}
