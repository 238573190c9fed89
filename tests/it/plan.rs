//! What would run for a repository's workflows, held against recorded plans, and what is refused.
//!
//! Each folder of `tests/fixtures/workflows` is a repository; each file of `workflows-malformed` a workflow that GitHub
//! would refuse.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ci_healer::contract::build::{
    BuildPlan, JobState, PreparedStep, StepEvaluator as _, StepOutcome, StepState,
};
use ci_healer::contract::ci::{Conclusion, EndedJob};
use ci_healer::contract::settings::ActionsMode;
use ci_healer::git::DirectoryTree;
use ci_healer::plan::{CiStep, FailedJob, GithubFacts, PlanError, PlanRequest, Planned, plan};

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder)
}

/// A copy away from this repository, so that only its own files count.
fn copy(from: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut pending = vec![(from.to_owned(), dir.path().to_owned())];
    while let Some((from, to)) = pending.pop() {
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                pending.push((entry.path(), target));
            } else {
                std::fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    dir
}

fn of_case(case: &str, job: &str) -> Result<Planned, PlanError> {
    let dir = copy(&fixtures("workflows").join(case));
    let tree = DirectoryTree::open(dir.path()).unwrap();
    let jobs: Vec<String> = Some(job.to_owned()).filter(|j| !j.is_empty()).into_iter().collect();
    plan(&PlanRequest { jobs: &jobs, ..PlanRequest::of(&tree) }).map(|mut plans| plans.remove(0))
}

fn snapshot(case: &str, job: &str) {
    let planned = of_case(case, job).unwrap();
    let json = serde_json::to_string_pretty(&planned.plan).unwrap();
    insta::assert_snapshot!(case, json);
}

#[test]
fn a_matrix_with_a_linux_leg() {
    snapshot("matrix-python", "test");
}

#[test]
fn services_and_version_files() {
    snapshot("services-node", "integration");
}

#[test]
fn composite_actions_of_the_repository() {
    snapshot("composite-rust", "check");
}

#[test]
fn parallel_and_background_steps() {
    snapshot("parallel-go", "go");
}

#[test]
fn a_dynamic_matrix_and_a_wrapped_command() {
    snapshot("retry-dynamic", "test");
}

#[test]
fn a_called_workflow_with_a_container() {
    let dir = copy(&fixtures("workflows/reusable-java"));
    let tree = DirectoryTree::open(dir.path()).unwrap();
    let jobs = ["quality".to_owned()];
    let request = PlanRequest { workflow: Some("main.yml"), jobs: &jobs, ..PlanRequest::of(&tree) };
    let plans = plan(&request).unwrap();
    insta::assert_snapshot!("reusable-java", serde_json::to_string_pretty(&plans[0].plan).unwrap());
}

#[test]
fn windows_is_refused_with_the_reason() {
    match of_case("windows-only", "win") {
        Err(PlanError::Refused { why, .. }) => assert!(why.contains("windows-latest"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_job_lists_those_that_exist() {
    let error = of_case("retry-dynamic", "tset").unwrap_err();
    assert!(error.is_bad_input());
    let text = error.to_string();
    assert!(text.contains("`tset`") && text.contains("plan, test"), "{text}");
}

const JOB: &str = "    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v5\n";

/// A workflow of these jobs, each with so many steps of its own.
fn workflow_of(name: &str, on: &str, jobs: &[(&str, usize, &str)]) -> String {
    let mut text = format!("name: {name}\non: {on}\njobs:\n");
    for (job, steps, more) in jobs {
        text.push_str(&format!("  {job}:\n{}", more.strip_prefix('!').map_or(JOB, |_| "")));
        text.push_str(more.trim_start_matches('!'));
        text.push_str(&"      - run: make\n".repeat(*steps));
    }
    text
}

#[test]
fn without_a_name_the_ci_of_pushes_and_pull_requests_is_planned_cheap_jobs_first() {
    let mac = "!    runs-on: macos-15\n    steps:\n";
    let needs_files = "      - uses: actions/download-artifact@v5\n";
    let matrix = "!    strategy: {matrix: {os: [windows-2025, ubuntu-24.04]}}\n    runs-on: ${{ matrix.os }}\n    steps:\n";
    let scheduled = "!    if: github.event_name == 'schedule'\n    runs-on: ubuntu-latest\n    steps:\n";
    let files = [
        (
            "ci.yml",
            workflow_of(
                "CI",
                "[push, pull_request]",
                &[
                    ("unit", 3, matrix),
                    ("files", 1, needs_files),
                    ("build-docs", 2, ""),
                    ("mac", 1, mac),
                    ("ios", 1, mac),
                    ("deploy", 1, ""),
                    ("nightly", 1, scheduled),
                ],
            ),
        ),
        ("style.yml", workflow_of("Style", "pull_request", &[("lint", 1, "")])),
        ("release.yml", workflow_of("Release", "{push: {branches: [main]}}", &[("build", 1, "")])),
        ("tags.yml", workflow_of("Wheels", "{push: {tags: ['v*']}}", &[("wheels", 1, "")])),
        ("docs.yml", workflow_of("Docs", "[push]", &[("html", 1, "")])),
        ("nightly.yml", workflow_of("Nightly", "{schedule: [{cron: '0 1 * * *'}]}", &[("all", 1, "")])),
        ("triage.yml", workflow_of("Hello", "{pull_request: {types: [labeled]}}", &[("greet", 1, "")])),
        ("called.yml", workflow_of("Called", "workflow_call", &[("inner", 1, "")])),
    ];
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(".github/workflows");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in &files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let tree = DirectoryTree::open(dir.path()).unwrap();
    let github = GithubFacts {
        values: BTreeMap::from([("event_name".to_owned(), "push".to_owned())]),
        ..GithubFacts::default()
    };
    let plans = plan(&PlanRequest { github, ..PlanRequest::of(&tree) }).unwrap();
    let jobs: Vec<_> = plans.iter().map(|planned| planned.plan.job.as_deref().unwrap()).collect();
    assert_eq!(jobs, ["lint", "build-docs", "unit", "files"]);
    let notes = plans[0].plan.notes.join("\n");
    assert!(
        notes.contains("lint, build-docs, unit, files (`--workflow` and `--job` choose, `--all-jobs`"),
        "{notes}"
    );
    // Each reason once.
    for reason in [
        "a macOS runner is not supported: `mac`, `ios`",
        "for releases by their name: .github/workflows/release.yml, `deploy`",
        "for documentation by their name: .github/workflows/docs.yml",
        "neither pushes to branches nor pull requests start them: .github/workflows/called.yml, \
         .github/workflows/nightly.yml, .github/workflows/tags.yml, .github/workflows/triage.yml",
        "their own condition is false here: `nightly`",
    ] {
        assert_eq!(notes.matches(reason).count(), 1, "{reason}\n{notes}");
    }
}

#[test]
fn a_repository_without_ci_of_its_own_says_which_workflows_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(".github/workflows");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["stale", "release"] {
        let text = workflow_of(name, "{schedule: [{cron: '0 1 * * *'}]}", &[("a", 1, "")]);
        std::fs::write(folder.join(format!("{name}.yml")), text).unwrap();
    }
    let error = plan(&PlanRequest::of(&DirectoryTree::open(dir.path()).unwrap())).unwrap_err();
    assert!(error.is_bad_input());
    let text = error.to_string();
    assert!(
        text.contains("say which one") && text.contains("stale.yml") && text.contains("release.yml"),
        "{text}"
    );
    // The only one is what there is.
    std::fs::remove_file(folder.join("stale.yml")).unwrap();
    let plans = plan(&PlanRequest::of(&DirectoryTree::open(dir.path()).unwrap())).unwrap();
    assert_eq!(plans.len(), 1);
}

#[test]
fn what_github_refuses_names_file_line_and_problem() {
    let mut lines = Vec::new();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(fixtures("workflows-malformed")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in files {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(".github/workflows");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(&file, folder.join("ci.yml")).unwrap();
        let tree = DirectoryTree::open(dir.path()).unwrap();
        let jobs = ["a".to_owned()];
        let error = plan(&PlanRequest { jobs: &jobs, ..PlanRequest::of(&tree) }).unwrap_err();
        assert!(error.is_bad_input(), "{}: {error}", file.display());
        lines.push(format!("{}: {error}", file.file_name().unwrap().to_string_lossy()));
    }
    insta::assert_snapshot!("malformed", lines.join("\n"));
}

/// A repository of these files, of which CI says that these jobs have failed.
fn of_files(files: &[(&str, &str)], failed: &[FailedJob]) -> Result<Planned, PlanError> {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let tree = DirectoryTree::open(dir.path()).unwrap();
    plan(&PlanRequest { failed, ..PlanRequest::of(&tree) }).map(|mut plans| plans.remove(0))
}

#[test]
fn a_workflow_that_cannot_be_read_is_told_of_beside_those_that_can() {
    let ci = "on: push\njobs: {a: {runs-on: ubuntu-22.04, steps: [{run: python3 -m pytest}]}}\n";
    let files = [(".github/workflows/ci.yml", ci), (".github/workflows/other.yml", "jobs: [\n")];
    let plan = of_files(&files, &[]).unwrap().plan;
    let told = plan.notes.iter().find(|note| note.contains("a workflow beside it cannot be read"));
    assert!(told.is_some_and(|note| note.contains(".github/workflows/other.yml")), "{:?}", plan.notes);
    // And the runner's own Python, where no step asks for another.
    assert_eq!(plan.image.env["ImageOS"], "ubuntu22");
    assert_eq!(plan.image.runtimes[0].version.as_deref(), Some("3.10"));
}

/// A repository of one workflow, which the steps complete.
fn of_steps(head: &str, steps: &str) -> Result<Planned, PlanError> {
    let text = format!("on: push\n{head}jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n{steps}");
    of_files(&[(".github/workflows/ci.yml", &text)], &[])
}

#[test]
fn what_ci_has_run_is_not_refused_for_its_shape() {
    let text = "on: push\npermissions: {contents: some}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    timeout-minutes: '10'\n    \
                steps:\n      - run: a\n        continue-on-error: 'false'\n";
    let files = [(".github/workflows/ci.yml", text)];
    assert!(of_files(&files, &[]).unwrap_err().to_string().contains("line 2"));
    let ran = [FailedJob { name: "a".to_owned(), steps: Vec::new() }];
    let notes = of_files(&files, &ran).unwrap().plan.notes.join("\n");
    for told in ["the permission `contents`", "line 6: `timeout-minutes`", "line 9: `continue-on-error`"] {
        assert!(notes.contains(told), "{told} is not in {notes}");
    }
}

#[test]
fn a_step_s_bounds_may_come_from_its_environment() {
    let steps = "      - run: a\n        timeout-minutes: ${{ fromJSON(env.LIMIT) }}\n        \
                 continue-on-error: ${{ env.MAY_FAIL == 'yes' }}\n        env: {MAY_FAIL: 'yes'}\n";
    let planned = of_steps("env: {LIMIT: 12}\n", steps).unwrap();
    let step = &planned.plan.steps[0];
    assert_eq!((step.timeout_minutes, step.continue_on_error), (Some(12.0), true));
}

#[test]
fn branches_of_an_action_that_stand_for_a_toolchain_and_a_component() {
    for branch in ["miri", "clippy"] {
        let planned =
            of_steps("", &format!("      - uses: dtolnay/rust-toolchain@{branch}\n      - run: a\n"))
                .unwrap();
        let script = &planned.plan.steps[0].run;
        assert!(script.contains("rustup default nightly"), "{script}");
        assert!(script.contains(&format!("--toolchain nightly clippy rustfmt {branch}")), "{script}");
    }
    let head = "      - uses: dtolnay/rust-toolchain@master\n        with: {toolchain: nightly-2026-01-02}\n";
    let planned = of_steps("", &format!("{head}      - run: a\n")).unwrap();
    assert!(planned.plan.steps[0].run.contains("rustup default nightly-2026-01-02"));
}

#[test]
fn an_if_is_a_condition_only_where_github_asks_one() {
    let head = "env: {if: not an expression}\n";
    let planned = of_steps(head, "      - run: a\n        env: {if: nor this}\n").unwrap();
    assert_eq!(planned.plan.steps[0].env["if"], "nor this");
    let outputs = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    outputs: {if: nor that}\n    steps: [{run: a}]\n";
    assert_eq!(of_files(&[(".github/workflows/ci.yml", outputs)], &[]).unwrap().plan.steps.len(), 1);
    let error = of_steps("", "      - run: a\n        if: not an expression\n").unwrap_err();
    assert!(error.to_string().contains("line 7"), "{error}");
}

#[test]
fn composite_actions_that_call_each_other_are_refused() {
    let action = |other: &str| format!("runs:\n  using: composite\n  steps:\n    - uses: ./{other}\n");
    let workflow = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{uses: ./one}]\n";
    let (one, two) = (action("two"), action("one"));
    let files = [(".github/workflows/ci.yml", workflow), ("one/action.yml", &one), ("two/action.yml", &two)];
    let error = of_files(&files, &[]).unwrap_err();
    assert!(error.is_bad_input() && error.to_string().contains("two/action.yml, line 4"), "{error}");
    assert!(error.to_string().contains("form a cycle: "), "{error}");
}

#[test]
fn a_plan_does_not_grow_without_bounds() {
    let env: String = std::iter::once("env:\n".to_owned())
        .chain((0..500).map(|i| format!("  A{i}: ${{{{ github.ref }}}}\n")))
        .collect();
    let error = of_steps(&env, &"      - run: a\n".repeat(500)).unwrap_err();
    assert!(error.is_bad_input());
    assert!(
        error.to_string().contains("line 70") && error.to_string().contains("100000 variables"),
        "{error}"
    );

    let text = format!("env:\n  A: {}\n", "x".repeat(100_000));
    let error = of_steps(&text, &"      - run: a\n".repeat(500)).unwrap_err();
    assert!(error.is_bad_input() && error.to_string().contains("16 MiB of text"), "{error}");
}

#[test]
fn a_job_of_a_single_action_of_the_repository_is_looked_into() {
    let error = of_steps("", "      - uses: ./nowhere\n").unwrap_err();
    assert!(error.to_string().contains("line 6") && error.to_string().contains("no action.yml"), "{error}");
    // A step before it may have put it there.
    let planned = of_steps("", "      - run: a\n      - uses: ./nowhere\n").unwrap();
    assert_eq!(planned.plan.skipped.len(), 1);
    assert!(planned.plan.notes.iter().any(|n| n.contains("./nowhere")), "{:?}", planned.plan.notes);
}

#[test]
fn versions_that_yaml_shortens_are_warned_about() {
    let head = "env:\n  GO: 1.20\n  PY: '3.10'\n  HALF: 0.5\n";
    let steps =
        "      - uses: actions/setup-python@v5\n        with: {python-version: 3.10}\n      - run: a\n";
    let notes = of_steps(head, steps).unwrap().plan.notes;
    let warned: Vec<&str> =
        notes.iter().filter_map(|n| n.split_once(" is the number ").map(|(what, _)| what)).collect();
    assert_eq!(warned, ["`GO: 1.20`", "`python-version: 3.10`"]);
}

#[test]
fn outputs_of_steps_stay_open_and_those_of_no_step_are_empty() {
    let planned = of_steps(
        "",
        "      - id: One\n        run: a\n      - run: echo ${{ steps.one.outputs.x }} ${{ steps.two.outputs.x }}.\n",
    )
    .unwrap();
    assert_eq!(planned.plan.steps[1].run, "echo ${{ steps.one.outputs.x }} .");
}

#[test]
fn failed_legs_of_ci_are_planned_each_with_its_set_up() {
    let dir = copy(&fixtures("workflows/matrix-python"));
    let tree = DirectoryTree::open(dir.path()).unwrap();
    let step = |name: &str, conclusion: &str| CiStep {
        name: name.into(),
        conclusion: Some(Conclusion::from(conclusion.to_owned())),
    };
    let failed = |name: &str| FailedJob {
        name: name.to_owned(),
        steps: vec![
            step("Set up job", "success"),
            step("Run actions/checkout@v4", "success"),
            step("Install", "success"),
            step("Test on 3.12", "failure"),
            step("Show failures", "success"),
        ],
    };
    let all = [failed("test (ubuntu-24.04, 3.12, test,docs)"), failed("test (windows-2022, 3.12)")];
    let plans = plan(&PlanRequest { failed: &all, ..PlanRequest::of(&tree) }).unwrap();
    assert_eq!(plans.len(), 1, "the Windows leg is not reproduced");
    let setup: Vec<(&str, bool)> = plans[0].plan.steps.iter().map(|s| (s.name.as_str(), s.setup)).collect();
    assert_eq!(setup, [("Install", true), ("Test on 3.12", false), ("Show failures", false)]);
    assert_eq!(plans[0].ci_job.as_deref(), Some("test (ubuntu-24.04, 3.12, test,docs)"));
}

#[test]
fn the_name_of_a_failed_leg_tells_values_that_only_ci_knows() {
    let dir = copy(&fixtures("workflows/retry-dynamic"));
    let tree = DirectoryTree::open(dir.path()).unwrap();
    let failed = [FailedJob { name: "test (b, 24)".to_owned(), steps: Vec::new() }];
    let planned = plan(&PlanRequest { failed: &failed, ..PlanRequest::of(&tree) }).unwrap().remove(0);
    assert_eq!(planned.plan.steps[0].run, "npm run test:b");
    assert_eq!(planned.plan.image.reference, "node:24-bookworm");
}

#[test]
fn the_run_resolves_what_the_plan_left_open() {
    let planned = of_case("services-node", "integration").unwrap();
    let at = |name: &str| planned.plan.steps.iter().position(|s| s.name.contains(name)).unwrap();
    let test = at("pnpm test");
    assert_eq!(planned.plan.steps[test].env["DATABASE_URL"], "${{ steps.port.outputs.url }}");
    assert_eq!(planned.plan.steps[test].env["NPM_TOKEN"], "");
    let mut state = JobState::default();
    for step in &planned.plan.steps[..test] {
        let mut outputs = std::collections::BTreeMap::new();
        if step.id.as_deref() == Some("port") {
            outputs.insert("url".to_owned(), "postgres://x".to_owned());
        }
        let success = StepOutcome::Success;
        state.steps.push(StepState { id: step.id.clone(), outcome: success, conclusion: success, outputs });
    }
    state.env.insert("FROM_GITHUB_ENV".to_owned(), "1".to_owned());
    match planned.evaluator.prepare(&planned.plan.steps[test], &state) {
        PreparedStep::Run { env, .. } => {
            assert_eq!(env["DATABASE_URL"], "postgres://x");
            assert_eq!(env["FROM_GITHUB_ENV"], "1");
        }
        other => panic!("{other:?}"),
    }
    state.failed = true;
    assert!(matches!(
        planned.evaluator.prepare(&planned.plan.steps[test], &state),
        PreparedStep::Skip { .. }
    ));
}

#[test]
fn composite_outputs_reach_the_job_and_failure_conditions_hold() {
    let planned = of_case("composite-rust", "check").unwrap();
    let test = planned.plan.steps.iter().position(|s| s.run.starts_with("cargo test")).unwrap();
    let mut state = JobState::default();
    for step in &planned.plan.steps[..test] {
        let mut done = StepState { id: step.id.clone(), ..StepState::default() };
        if step.id.as_deref() == Some("prepare.pick") {
            done.outputs.insert("features".to_owned(), "all".to_owned());
        }
        state.steps.push(done);
    }
    match planned.evaluator.prepare(&planned.plan.steps[test], &state) {
        PreparedStep::Run { script, .. } => assert_eq!(script, "cargo test --features \"all\""),
        other => panic!("{other:?}"),
    }
}

#[test]
fn project_files_without_a_workflow() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let place = dir.path().join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    };
    write("web/package.json", r#"{"scripts": {"test": "jest"}, "devDependencies": {"jest": "1"}}"#);
    write("web/package-lock.json", "{}");
    write("api/requirements.txt", "flask\npytest\n");
    write("api/test_app.py", "");
    write("Cargo.toml", "[workspace]\nmembers = [\"core\"]\n");
    write("Cargo.lock", "");
    write("core/Cargo.toml", "[package]\nname = \"core\"\n");
    write("core/src/lib.rs", "");
    let tree = DirectoryTree::open(dir.path()).unwrap();
    let planned = plan(&PlanRequest::of(&tree)).unwrap().remove(0);
    let steps: Vec<String> = planned
        .plan
        .steps
        .iter()
        .map(|s| {
            format!(
                "{}: {} [{}]",
                s.working_directory,
                s.run.replace('\n', "; "),
                if s.setup { "set-up" } else { "" }
            )
        })
        .collect();
    insta::assert_snapshot!("detected", steps.join("\n"));

    let empty = tempfile::tempdir().unwrap();
    std::fs::write(empty.path().join("package.json"), r#"{"scripts": {"build": "tsc"}}"#).unwrap();
    let tree = DirectoryTree::open(empty.path()).unwrap();
    match plan(&PlanRequest::of(&tree)) {
        Err(PlanError::Refused { why, .. }) => assert!(why.contains("no tests were found"), "{why}"),
        other => panic!("a repository without tests was planned: {other:?}"),
    }
}

#[test]
fn a_command_replaces_the_workflow() {
    let dir = copy(&fixtures("workflows/parallel-go"));
    let tree = DirectoryTree::open(dir.path()).unwrap();
    let request = PlanRequest {
        command: Some("go test ./..."),
        working_directory: "sub",
        sandbox_image: Some("my/image:1"),
        ..PlanRequest::of(&tree)
    };
    let planned = plan(&request).unwrap().remove(0);
    assert_eq!(planned.plan.steps.len(), 1);
    assert_eq!(planned.plan.steps[0].run, "go test ./...");
    assert_eq!(planned.plan.steps[0].working_directory, "sub");
    assert_eq!(planned.plan.image.reference, "my/image:1");
}

const GATED: &str = "on: push
jobs:
  test:
    runs-on: ubuntu-latest
    strategy: {matrix: {part: [a, b]}}
    steps: [{uses: actions/checkout@v4}, {run: 'make ${{ matrix.part }}'}]
  lint: {runs-on: ubuntu-latest, steps: [{uses: actions/checkout@v4}, {run: make lint}]}
  inner-gate: {if: always(), needs: lint, runs-on: ubuntu-latest, steps: [{run: 'test ${{ needs.lint.result }} = success'}]}
  deploy: {if: false, needs: test, runs-on: ubuntu-latest, steps: [{run: make deploy}]}
  all-green:
    if: always()
    needs: [test, inner-gate]
    runs-on: ubuntu-latest
    steps: [{run: '[ \"${{ join(needs.*.result) }}\" = \"success,success\" ]'}]
  report:
    if: always()
    needs: [test, lint, deploy, all-green]
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: ./report ${{ needs.test.result }} ${{ needs.lint.result }} ${{ needs.deploy.result }} ${{ needs.all-green.result }}
";

fn gated(
    request: impl for<'a> FnOnce(PlanRequest<'a>) -> Result<Vec<Planned>, PlanError>,
) -> Result<Vec<Planned>, PlanError> {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(".github/workflows");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("ci.yml"), GATED).unwrap();
    let tree = DirectoryTree::open(dir.path()).unwrap();
    request(PlanRequest::of(&tree))
}

fn jobs_of(plans: &[Planned]) -> Vec<(&str, Option<&str>)> {
    plans.iter().map(|p| (p.plan.job.as_deref().unwrap(), p.ci_job.as_deref())).collect()
}

fn gate_notes(plans: &[Planned]) -> Vec<&String> {
    plans.iter().flat_map(|p| &p.plan.notes).filter(|n| n.contains("only looks at the results")).collect()
}

fn failed(names: &[&str]) -> Vec<FailedJob> {
    names.iter().map(|name| FailedJob { name: (*name).to_owned(), steps: Vec::new() }).collect()
}

#[test]
fn a_gate_job_among_the_failed_ones_is_left_to_ci() {
    let all = failed(&["test (b)", "all-green"]);
    let plans = gated(|request| plan(&PlanRequest { failed: &all, ..request })).unwrap();
    assert_eq!(jobs_of(&plans), [("test", Some("test (b)"))]);
    assert_eq!(
        gate_notes(&plans),
        ["the job `all-green` only looks at the results of other jobs; it is judged by CI"]
    );
    // Also where it is named, and where it is the only one that is.
    for named in [&["test", "all-green"][..], &["all-green"]] {
        let jobs: Vec<String> = named.iter().map(|j| (*j).to_owned()).collect();
        let plans = gated(|request| plan(&PlanRequest { failed: &all, jobs: &jobs, ..request })).unwrap();
        assert_eq!(jobs_of(&plans), [("test", Some("test (b)"))], "{named:?}");
        assert_eq!(gate_notes(&plans).len(), 1);
    }
    // What failed behind the gate is found through other gates too.
    let all = failed(&["lint", "inner-gate", "all-green"]);
    let jobs = ["all-green".to_owned()];
    let plans = gated(|request| plan(&PlanRequest { failed: &all, jobs: &jobs, ..request })).unwrap();
    assert_eq!(jobs_of(&plans), [("lint", Some("lint"))]);
    // Nothing behind it is known to have failed.
    let plans = gated(|request| plan(&PlanRequest { failed: &failed(&["all-green"]), ..request })).unwrap();
    assert_eq!(jobs_of(&plans), [("test", None), ("lint", None)]);
}

#[test]
fn a_gate_job_that_a_user_names_is_left_out_too() {
    let of = |named: &[&str]| {
        let jobs: Vec<String> = named.iter().map(|j| (*j).to_owned()).collect();
        gated(|request| plan(&PlanRequest { jobs: &jobs, ..request })).unwrap()
    };
    let plans = of(&["test", "all-green"]);
    assert_eq!(jobs_of(&plans), [("test", None)]);
    assert_eq!(gate_notes(&plans).len(), 1);
    assert_eq!(jobs_of(&of(&["all-green"])), [("test", None), ("lint", None)]);
    let two = "on: push\njobs:\n  t: {runs-on: ubuntu-latest, steps: [{run: make}]}\n  ok: {needs: t, if: always(), \
               runs-on: ubuntu-latest, steps: [{run: 'test ${{ needs.t.result }} = success'}]}\n";
    let planned = of_files(&[(".github/workflows/ci.yml", two)], &[]).unwrap();
    assert_eq!(planned.plan.job.as_deref(), Some("t"), "the only job with something to run");
    assert_eq!(gate_notes(&[planned]).len(), 1);
}

#[test]
fn the_results_of_needed_jobs_follow_from_what_is_planned_and_what_ci_says() {
    let script = |planned: &Planned, unhealed: bool| {
        let evaluator =
            if unhealed { &planned.evaluator.unhealed(&BTreeMap::new()) } else { &planned.evaluator };
        match evaluator.prepare(planned.plan.steps.last().unwrap(), &JobState::default()) {
            PreparedStep::Run { script, .. } => script,
            other => format!("{other:?}"),
        }
    };
    let all = failed(&["test (b)", "all-green", "report"]);
    let ended = |name: &str, conclusion| EndedJob { name: name.to_owned(), conclusion };
    let over = [
        ended("test (a)", Conclusion::Success),
        ended("lint", Conclusion::Success),
        ended("inner-gate", Conclusion::Success),
        ended("deploy", Conclusion::Skipped),
    ];
    let plans = gated(|request| plan(&PlanRequest { failed: &all, ended: &over, ..request })).unwrap();
    assert_eq!(jobs_of(&plans), [("test", Some("test (b)")), ("report", Some("report"))]);
    assert_eq!(script(&plans[1], false), "./report success success skipped success");
    assert_eq!(script(&plans[1], true), "./report failure success skipped failure");
    // A failed job that has no plan stays failed; what nobody tells stays unknown.
    let jobs = ["report".to_owned()];
    let plans =
        gated(|request| plan(&PlanRequest { failed: &all, ended: &over, jobs: &jobs, ..request })).unwrap();
    assert_eq!(script(&plans[0], false), "./report failure success skipped success");
    let plans = gated(|request| plan(&PlanRequest { failed: &all, ..request })).unwrap();
    assert!(script(&plans[1], false).contains("needs.lint.result"));
}

/// What becomes of an action that is not run here, before the failing step and behind it.
#[test]
fn an_action_that_is_not_run_here_is_passed_over_only_where_ci_says_that_it_passed() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join(".github/workflows");
    std::fs::create_dir_all(&place).unwrap();
    for uses in ["some/action@v1", "docker://alpine:3", "docker/setup-buildx-action@v3", "./tool"] {
        let workflow = format!(
            "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n      \
             - name: Tool\n        uses: {uses}\n      - name: Test\n        run: make test\n"
        );
        std::fs::write(place.join("ci.yml"), workflow).unwrap();
        std::fs::create_dir_all(dir.path().join("tool")).unwrap();
        std::fs::write(dir.path().join("tool/action.yml"), "runs: {using: node20, main: a.js}\n").unwrap();
        let tree = DirectoryTree::open(dir.path()).unwrap();
        let planned = |make: &str, tool: &str, test: &str| {
            let step = |name: &str, conclusion: &str| CiStep {
                name: name.into(),
                conclusion: (!conclusion.is_empty()).then(|| Conclusion::from(conclusion.to_owned())),
            };
            let steps = vec![step("Run make", make), step("Tool", tool), step("Test", test)];
            let failed = [FailedJob { name: "t".to_owned(), steps }];
            let actions_mode = ActionsMode::Rules;
            let request = PlanRequest { failed: &failed, actions_mode, ..PlanRequest::of(&tree) };
            plan(&request).unwrap().remove(0).plan
        };
        let names = |plan: &BuildPlan| plan.steps.iter().map(|s| s.name.clone()).collect::<Vec<_>>();

        let passed = planned("success", "success", "failure");
        assert_eq!(names(&passed), ["Run make", "Test"]);
        assert!(passed.skipped.is_empty(), "{:?}", passed.skipped);
        let over = &passed.passed_over[..];
        assert!(
            over[0].step == "Tool"
                && over[0].why.starts_with(uses)
                && over[0].why.ends_with("in CI it passed"),
            "{over:?}"
        );

        // That it failed is the failure: what comes after it is none.
        let failed = planned("success", "failure", "skipped");
        assert_eq!(names(&failed), ["Run make", "Tool", "Test"]);
        assert!(failed.steps[1].lacks.as_ref().unwrap().contains("in CI it failed; give the commands"));

        // Behind what failed, or where CI skipped it as well, nothing needs it.
        for (make, tool, test) in [
            ("failure", "skipped", "skipped"),
            ("failure", "success", "skipped"),
            ("success", "skipped", "failure"),
        ] {
            let behind = planned(make, tool, test);
            assert!(
                behind.passed_over.is_empty() && behind.skipped[0].needed_from.is_none(),
                "{make} {tool}"
            );
            assert_eq!(names(&behind), ["Run make", "Test"]);
        }

        // Nothing says what became of it.
        let unknown = planned("success", "", "failure");
        assert_eq!(unknown.skipped[0].needed_from, Some(1));
        let request = PlanRequest { actions_mode: ActionsMode::Rules, ..PlanRequest::of(&tree) };
        let local = plan(&request).unwrap().remove(0).plan;
        assert_eq!((local.passed_over.len(), local.skipped[0].needed_from), (0, Some(1)));
    }
}

#[test]
fn a_step_says_which_secrets_it_misses_and_where() {
    let steps = "      - run: a\n        env:\n          KEY: ${{ secrets.API_KEY }}\n      - run: echo ${{ secrets.OTHER || github.token }} ${{ secrets.GITHUB_TOKEN }}\n";
    let head = "env:\n  ALL: x${{ secrets.JOB_WIDE }}\n";
    let plan = of_steps(head, steps).unwrap().plan;
    let of = |at: usize| serde_json::to_value(&plan.steps[at].missing_secrets).unwrap();
    assert_eq!(of(0), serde_json::json!({"API_KEY": ["KEY"], "JOB_WIDE": ["ALL"]}));
    assert_eq!(of(1), serde_json::json!({"OTHER": [], "JOB_WIDE": ["ALL"]}));
}

#[test]
fn a_step_that_needs_docker_is_passed_over_only_where_ci_says_that_it_passed() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join(".github/workflows");
    std::fs::create_dir_all(&place).unwrap();
    let workflow = "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n      - name: Database\n        run: docker run -d postgres:16\n      - name: Test\n        run: python3 -m py_compile app.py\n        env:\n          KEY: ${{ secrets.API_KEY }}\n";
    std::fs::write(place.join("ci.yml"), workflow).unwrap();
    let tree = DirectoryTree::open(dir.path()).unwrap();
    let planned = plan(&PlanRequest::of(&tree)).unwrap().remove(0);
    assert!(planned.plan.steps[0].lacks.as_ref().unwrap().contains("`services:`"));
    let prepared = planned.evaluator.prepare(&planned.plan.steps[0], &JobState::default());
    assert!(matches!(prepared, PreparedStep::Unresolved { .. }), "{prepared:?}");
    assert!(
        planned.plan.notes.iter().any(|n| n.contains("`sandbox-env: API_KEY=…`")),
        "{:?}",
        planned.plan.notes
    );

    // What cannot run here is planned all the same: the plan says what CI runs.
    let alone = workflow.split("      - name: Test").next().unwrap();
    std::fs::write(place.join("ci.yml"), alone).unwrap();
    let alone = plan(&PlanRequest::of(&tree)).unwrap().remove(0).plan;
    assert_eq!(
        (alone.steps[0].run.as_str(), alone.steps[0].lacks.is_some()),
        ("docker run -d postgres:16", true)
    );
    std::fs::write(place.join("ci.yml"), workflow).unwrap();

    let step = |name: &str, conclusion: &str| CiStep {
        name: name.into(),
        conclusion: Some(Conclusion::from(conclusion.to_owned())),
    };
    for (database, passed_over) in [("success", 1), ("failure", 0), ("skipped", 0)] {
        let steps = vec![step("Database", database), step("Test", "failure")];
        let failed = [FailedJob { name: "t".to_owned(), steps }];
        let planned = plan(&PlanRequest { failed: &failed, ..PlanRequest::of(&tree) }).unwrap().remove(0);
        assert_eq!(planned.plan.passed_over.len(), passed_over, "{database}");
        assert_eq!(planned.plan.steps.len(), 2 - passed_over, "{database}");
    }
}
