use std::collections::BTreeMap;

use crate::contract::artifact::FetchedArtifact;
use crate::contract::build::{JobState, PlanStep, PreparedStep, StepEvaluator as _, StepOutcome, StepState};
use crate::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use crate::plan::{PlanRequest, Planned, plan};

struct Files(Vec<(TreeFile, &'static str)>, Vec<TreeFile>);

impl Files {
    fn new(workflow: &'static str) -> Self {
        let entry = |path: &str| TreeFile {
            path: RepoPath::new(path).unwrap(),
            mode: FileMode::Regular,
            id: String::new(),
        };
        let files = [(".github/workflows/ci.yml", workflow), ("dist/app.txt", "tracked")];
        let files: Vec<_> = files.into_iter().map(|(path, text)| (entry(path), text)).collect();
        let listed = files.iter().map(|(file, _)| file.clone()).collect();
        Self(files, listed)
    }
}

impl SourceTree for Files {
    fn files(&self) -> &[TreeFile] {
        &self.1
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        let found = self.0.iter().find(|(file, _)| file.path == *path);
        found.map(|(_, text)| text.as_bytes().to_vec())
    }
}

const CI: &str = "on: push
jobs:
  base:
    runs-on: ubuntu-latest
    outputs:
      number: ${{ steps.n.outputs.n }}
    steps:
      - id: n
        run: echo n=4 >>$GITHUB_OUTPUT
  build:
    needs: base
    runs-on: ubuntu-latest
    outputs:
      version: v${{ steps.v.outputs.version }}
    steps:
      - uses: actions/checkout@v5
      - id: v
        run: make dist ${{ needs.base.outputs.number }}
      - uses: actions/upload-artifact@v4
        with: {name: dist, path: dist}
  docs:
    runs-on: ubuntu-latest
    steps:
      - run: make docs
      - uses: actions/upload-artifact@v4
        with: {name: docs, path: docs}
  test:
    needs: build
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/download-artifact@v4
        with: {name: dist, path: dist}
      - run: make test VERSION=${{ needs.build.outputs.version }}
";

fn planned(with_producers: bool, artifacts: Option<&[FetchedArtifact]>) -> Planned {
    let tree = Files::new(CI);
    let jobs = ["test".to_owned()];
    let request = PlanRequest { jobs: &jobs, with_producers, artifacts, ..PlanRequest::of(&tree) };
    plan(&request).unwrap().swap_remove(0)
}

fn names(planned: &Planned) -> Vec<&str> {
    planned.plan.steps.iter().map(|step| step.name.as_str()).collect()
}

#[test]
fn the_jobs_that_make_what_is_needed_run_first_in_their_order() {
    let planned = planned(true, None);
    assert_eq!(
        names(&planned),
        [
            "base / Run echo n=4 >>$GITHUB_OUTPUT",
            "base / Leave its workspace",
            "build / Run make dist ${{ needs.base.outputs.number }}",
            "build / Run actions/upload-artifact@v4",
            "build / Leave its workspace",
            "Run actions/download-artifact@v4",
            "Run make test VERSION=${{ needs.build.outputs.version }}",
        ]
    );
    let begins: Vec<usize> = (0..7).filter(|i| planned.plan.steps[*i].begins_job).collect();
    assert_eq!(begins, [1, 4]);
}

#[test]
fn outputs_are_those_of_the_jobs_that_ran_here() {
    let planned = planned(true, None);
    let steps = &planned.plan.steps;
    let script = |at: usize, goes_on: bool| {
        let outputs = [(0, ("n", "4")), (2, ("version", "1.2"))];
        let state = |i: usize| StepState {
            id: steps[i].id.clone(),
            outcome: StepOutcome::Success,
            conclusion: StepOutcome::Success,
            outputs: outputs
                .iter()
                .filter(|(of, _)| *of == i)
                .map(|(_, (name, value))| ((*name).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
        };
        let state = JobState { steps: (0..=at).map(state).collect(), ..JobState::default() };
        let step = PlanStep { continue_on_error: goes_on, ..steps[at].clone() };
        match planned.evaluator.prepare(&step, &state) {
            PreparedStep::Run { script, .. } => script,
            other => panic!("{other:?}"),
        }
    };
    // Some runs go on whatever becomes of a step.
    for goes_on in [false, true] {
        assert_eq!(script(2, goes_on), "make dist 4");
        assert_eq!(script(6, goes_on), "make test VERSION=v1.2");
    }
}

#[test]
fn artifacts_of_the_failed_run_spare_the_job_that_made_them() {
    let artifacts = [FetchedArtifact {
        name: "dist".to_owned(),
        id: 1,
        files: vec!["app.txt".to_owned(), "new".to_owned()],
    }];
    let planned = planned(false, Some(&artifacts));
    assert_eq!(names(&planned)[0], "Run actions/download-artifact@v4");
    assert_eq!(planned.plan.artifacts, ["dist"]);
    let over = "the artifact `dist` lies over 1 tracked files, in the sandbox alone: dist/app.txt";
    assert!(planned.plan.notes.iter().any(|note| note == over), "{:?}", planned.plan.notes);
}

#[test]
fn where_nobody_has_it_the_step_is_left_out() {
    let planned = planned(false, None);
    assert_eq!(names(&planned), ["Run make test VERSION=${{ needs.build.outputs.version }}"]);
    assert!(planned.plan.skipped.iter().any(|skipped| skipped.why.contains("what another job made")));
}
