//! Records for this room's tests.

use std::time::Duration;

use serde_json::Value;

use crate::contract::bug::*;
use crate::contract::build::*;
use crate::contract::ci::{CiResult, CiVerdict, Published, PullRequest, RunReference};
use crate::contract::control::{CounterProof, StepCounterProof, ToldCounterProof};
use crate::contract::event::Offer;
use crate::contract::fix::{Rejection, Usage};
use crate::contract::git::{BranchName, CommitSha, RepoPath};
use crate::contract::outcome::Outcome;
use crate::contract::proof::*;
use crate::contract::report::*;

pub(crate) fn bug(file: &str, line: u32) -> BugReport {
    BugReport {
        fingerprint: Fingerprint(format!("f-{file}-{line}")),
        tool: "cpython".to_owned(),
        category: Category::Import,
        code: None,
        severity: Severity::Error,
        file: Some(file.to_owned()),
        line: Some(line),
        column: Some(5),
        end_line: None,
        end_column: None,
        message: "cannot import name 'foo'".to_owned(),
        test: None,
        log: LogSpan { first: 12, last: 20 },
        related: vec![Location { file: "tests/test_app.py".to_owned(), line: Some(1), column: None }],
        hint: None,
        package: None,
    }
}

pub(super) fn failing_test() -> BugReport {
    BugReport {
        tool: "pytest".to_owned(),
        category: Category::Logic,
        column: None,
        message: "assert 3 == 4".to_owned(),
        test: Some("tests/test_calc.py::test_add".to_owned()),
        log: LogSpan { first: 30, last: 41 },
        related: Vec::new(),
        hint: Some(Hint {
            text: "Did you mean 4?".to_owned(),
            applicability: Applicability::MaybeIncorrect,
            suggestions: Vec::new(),
        }),
        ..bug("src/calc.py", 8)
    }
}

fn tests_run(passed: u64, failed: u64) -> TestRun {
    TestRun::counted("pytest", passed, failed, 2)
}

pub(super) fn diagnosis() -> Diagnosis {
    Diagnosis { lines: 1234, bugs: vec![bug("src/app.py", 3), failing_test()], tests: vec![tests_run(40, 1)] }
}

pub(super) fn execution(code: i64) -> ExecutionResult {
    let step = |name: &str, code: i64, seconds| StepResult {
        name: name.to_owned(),
        outcome: if code == 0 { StepOutcome::Success } else { StepOutcome::Failure },
        conclusion: if code == 0 { StepOutcome::Success } else { StepOutcome::Failure },
        exit_code: Some(code),
        duration: Duration::from_secs(seconds),
        log: None,
        note: None,
    };
    ExecutionResult {
        exit: Exit::Exited { code },
        steps: vec![step("Install", 0, 9), step("Test", code, 4)],
        failed_step: (code != 0).then_some(1),
        duration: Duration::from_secs(13),
        image_id: format!("sha256:{}", "4e".repeat(32)),
        image_ref: "python:3.12-bookworm".to_owned(),
        log: b"not part of the record".to_vec(),
        probes: Vec::new(),
        trace: None,
        log_cut: 0,
        disagreement: None,
        repeats: Vec::new(),
        notes: Vec::new(),
    }
}

pub(crate) fn plan() -> BuildPlan {
    let step = |name: &str, run: &str| PlanStep {
        id: None,
        name: name.to_owned(),
        run: run.to_owned(),
        shell: Some("bash".to_owned()),
        working_directory: ".".to_owned(),
        env: [("CI".to_owned(), "true".to_owned())].into(),
        origin: "run".to_owned(),
        condition: None,
        continue_on_error: false,
        timeout_minutes: None,
        setup: name == "Install",
        installs: None,
        lacks: None,
        missing_secrets: Default::default(),
        action: None,
        passed_in_ci: false,
        begins_job: false,
        background: false,
        wait: None,
    };
    BuildPlan {
        workflow: Some(".github/workflows/ci.yml".to_owned()),
        job: Some("test".to_owned()),
        matrix: [("python".to_owned(), Value::from("3.12"))].into(),
        image: ImageChoice {
            reference: "python:3.12-bookworm".to_owned(),
            why: "actions/setup-python with python-version 3.12".to_owned(),
            from_container: false,
            runtimes: Vec::new(),
            env: Default::default(),
            options: None,
        },
        workspace: JobFolders::usual_workspace(),
        steps: vec![step("Install", "pip install -e ."), step("Test", "pytest -q")],
        services: Vec::new(),
        skipped: vec![SkippedStep::new(
            "actions/upload-artifact@v4",
            "does not affect the result of the build",
        )],
        passed_over: Vec::new(),
        actions: Vec::new(),
        artifacts: Vec::new(),
        checkout: None,
        notes: Vec::new(),
    }
}

pub(super) const DIFF: &str = "--- a/src/app.py\n+++ b/src/app.py\n@@ -1,4 +1,4 @@\n import os\n \n-from lib import foo\n+from lib import food\n \n";

pub(super) fn proposal(provider: &str, verdict: ProposalVerdict) -> ProposalReport {
    let toolchain = provider == "toolchain";
    let offer = Offer {
        provider: provider.to_owned(),
        model: (!toolchain).then(|| "gemini-3.5-flash".to_owned()),
        bugs: vec![Fingerprint("f-src/app.py-3".to_owned())],
        context_level: if toolchain { 0 } else { 1 },
        confidence: 0.92,
        fix: "import the missing name".to_owned(),
        command: None,
        reverts: None,
        usage: if toolchain {
            Usage::default()
        } else {
            Usage { tokens_in: 1800, tokens_out: 140, cost: Some(0.00123), estimated: false }
        },
    };
    ProposalReport { offer, diff: DIFF.to_owned(), verdict }
}

/// A healed run with three attempts, published and passed.
#[expect(clippy::too_many_lines, reason = "one record with all its parts")]
pub(super) fn healed() -> RunReport {
    let sha = |digit: &str| CommitSha::new(&digit.repeat(40)).unwrap();
    let mut report = RunReport::begun("heal");
    report.repository = Some("octo/widgets".to_owned());
    report.sha = Some(sha("a"));
    report.reference = Some("refs/heads/main".to_owned());
    report.run = Some(FailedRun {
        id: Some(42),
        attempt: Some(1),
        event: Some("push".to_owned()),
        workflow: Some(".github/workflows/ci.yml".to_owned()),
        job: Some("test".to_owned()),
        step: Some("Test".to_owned()),
        url: Some("https://github.com/octo/widgets/actions/runs/42".to_owned()),
    });
    report.outcome = Outcome::Healed;
    report.plan = Some(plan());
    report.baseline = Some(Baseline {
        execution: execution(1),
        runs: 1,
        failed: 1,
        bugs: vec![bug("src/app.py", 3), failing_test()],
        tests: vec![tests_run(40, 1)],
    });
    let fixed = vec![Fingerprint("f-src/app.py-3".to_owned())];
    let other = vec![Fingerprint("f-src/calc.py-8".to_owned())];
    let rejected = ProposalVerdict::Rejected {
        rejection: Rejection::TestWeakening {
            path: "tests/test_calc.py".to_owned(),
            rule: "skipped test".to_owned(),
            line: Some(4),
            what: "adds `@pytest.mark.skip`".to_owned(),
        },
    };
    report.iterations = vec![
        Iteration {
            number: 1,
            bugs: vec![bug("src/app.py", 3), failing_test()],
            proposals: vec![proposal("toolchain", ProposalVerdict::Kept)],
            execution: Some(execution(1)),
            progress: Some(Progress {
                made: true,
                fixed: fixed.clone(),
                remaining: other.clone(),
                step_before: Some(1),
                step_after: Some(1),
                ..Progress::default()
            }),
        },
        Iteration {
            number: 2,
            bugs: vec![failing_test()],
            proposals: vec![
                proposal("gemini", rejected),
                proposal(
                    "groq",
                    ProposalVerdict::Reverted { why: "the same test fails".to_owned(), rejection: None },
                ),
            ],
            execution: Some(execution(1)),
            progress: Some(Progress { remaining: other.clone(), ..Progress::default() }),
        },
        Iteration {
            number: 3,
            bugs: vec![failing_test()],
            proposals: vec![proposal("gemini", ProposalVerdict::Kept)],
            execution: Some(execution(0)),
            progress: Some(Progress {
                made: true,
                fixed: other,
                step_before: Some(1),
                ..Progress::default()
            }),
        },
    ];
    report.final_proof = Some(FinalProof {
        execution: execution(0),
        tests: vec![tests_run(41, 0)],
        bugs: Vec::new(),
        runs: 2,
        green: 2,
        protected: None,
        counter_proofs: vec![StepCounterProof { step: 1, proof: CounterProof::Caught { caught: 2, of: 2 } }],
    });
    report.diff = DIFF.to_owned();
    report.commits = vec![CommitReport {
        sha: sha("b"),
        message: "fix: import the missing name".to_owned(),
        files: vec![RepoPath::new("src/app.py").unwrap()],
    }];
    report.push = Some(Published {
        branch: BranchName::new("heal/main-aaaaaaa").unwrap(),
        commit: sha("b"),
        mode: "api".to_owned(),
        pull_request: Some(PullRequest {
            number: 12,
            url: "https://github.com/octo/widgets/pull/12".to_owned(),
        }),
        url: Some("https://github.com/octo/widgets/tree/heal/main-aaaaaaa".to_owned()),
        base_moved_to: None,
        in_place: false,
        suggested: None,
    });
    report.ci = Some(CiResult {
        verdict: CiVerdict::Passed,
        run: Some(RunReference {
            id: 43,
            attempt: 1,
            workflow: "CI".to_owned(),
            url: "https://github.com/octo/widgets/actions/runs/43".to_owned(),
            conclusion: Some(crate::contract::ci::Conclusion::Success),
        }),
        others: Vec::new(),
        requests: 11,
    });
    report.budget = BudgetReport {
        attempts: Spent { spent: 3, limit: Some(5) },
        time: Spent { spent: 214.0, limit: Some(1800.0) },
        tokens: Spent { spent: 5820, limit: Some(200_000) },
        cost: Spent { spent: 0.00369, limit: None },
        pushes: Spent { spent: 1, limit: Some(5) },
        unpriced_calls: 0,
    };
    report.executions = 5;
    report.timings = Timings {
        total: Duration::from_secs(214),
        build: Duration::from_secs(65),
        llm: Duration::from_secs(8),
        ci: Duration::from_secs(140),
        own: Duration::from_secs(1),
    };
    report
}

/// The proof that goes with [`healed`].
pub(super) fn proof() -> Proof {
    let sha = |digit: &str| CommitSha::new(&digit.repeat(40)).unwrap();
    let path = RepoPath::new("src/app.py").unwrap();
    let side =
        |code, failures, tests| ProofSide { exit: Exit::Exited { code }, failures, tests: vec![tests] };
    Proof {
        schema: PROOF_SCHEMA.to_owned(),
        version: "0.1.0".to_owned(),
        repository: Some("octo/widgets".to_owned()),
        tested: sha("a"),
        base: sha("a"),
        reference: Some("refs/heads/main".to_owned()),
        patch_sha256: "5".repeat(64),
        plan_sha256: "6".repeat(64),
        job: ".github/workflows/ci.yml#test".to_owned(),
        image_ref: "python:3.12-bookworm".to_owned(),
        image_id: format!("sha256:{}", "4e".repeat(32)),
        passed_over: Vec::new(),
        commands: vec![ProvenCommand {
            name: "Test".to_owned(),
            run: "pytest -q".to_owned(),
            working_directory: ".".to_owned(),
            exit_before: Some(1),
            exit_after: Some(0),
        }],
        before: side(1, vec![bug("src/app.py", 3).fingerprint], tests_run(40, 1)),
        after: side(0, Vec::new(), tests_run(41, 0)),
        repeats: 2,
        green: 2,
        protected: ProtectedCheck::Passed { restored: vec![path.clone()] },
        left_out: Vec::new(),
        findings: Vec::new(),
        counter_proofs: vec![ToldCounterProof {
            text: "Counter-proof: 2 of 2 planted failures were caught".to_owned(),
            shown: StepCounterProof { step: 1, proof: CounterProof::Caught { caught: 2, of: 2 } },
        }],
        changed: vec![path],
        jobs: Vec::new(),
        partial: None,
        providers: vec![ProviderShare {
            provider: "gemini".to_owned(),
            model: Some("gemini-3.5-flash".to_owned()),
            proposals: 2,
            kept: 1,
            tokens_in: 1800,
            tokens_out: 140,
            cost: None,
        }],
    }
}

/// Puts `text` into every field that comes from outside.
pub(super) fn hostile(report: &mut RunReport, text: &str) {
    let text = || text.to_owned();
    report.repository = Some(text());
    report.reference = Some(text());
    let run = report.run.get_or_insert_with(FailedRun::default);
    (run.event, run.workflow, run.job) = (Some(text()), Some(text()), Some(text()));
    (run.step, run.url) = (Some(text()), Some(text()));
    let poison = |bug: &mut BugReport| {
        (bug.tool, bug.message) = (text(), text());
        (bug.code, bug.file, bug.test) = (Some(text()), Some(text()), Some(text()));
        bug.fingerprint = Fingerprint(text());
        bug.hint = Some(Hint {
            text: text(),
            applicability: Applicability::MaybeIncorrect,
            suggestions: Vec::new(),
        });
        for place in &mut bug.related {
            place.file = text();
        }
    };
    let poison_execution = |execution: &mut ExecutionResult| {
        execution.steps.iter_mut().for_each(|step| (step.name, step.note) = (text(), Some(text())));
        (execution.image_id, execution.image_ref) = (text(), text());
        execution.notes = vec![text()];
    };
    if let Some(baseline) = &mut report.baseline {
        baseline.bugs.iter_mut().for_each(poison);
        baseline.tests.iter_mut().for_each(|run| run.runner = text());
        poison_execution(&mut baseline.execution);
    }
    for iteration in &mut report.iterations {
        iteration.bugs.iter_mut().for_each(poison);
        iteration.execution.iter_mut().for_each(poison_execution);
        for proposal in &mut iteration.proposals {
            (proposal.offer.fix, proposal.diff, proposal.offer.provider) = (text(), text(), text());
            (proposal.offer.model, proposal.offer.command) = (Some(text()), Some(text()));
            if let ProposalVerdict::Reverted { why, .. } = &mut proposal.verdict {
                *why = text();
            }
            if let ProposalVerdict::Rejected { rejection } = &mut proposal.verdict {
                *rejection = Rejection::Path { path: text(), why: text() };
            }
        }
    }
    if let Some(proof) = &mut report.final_proof {
        poison_execution(&mut proof.execution);
    }
    if let Some(plan) = &mut report.plan {
        plan.steps.iter_mut().for_each(|step| (step.name, step.run) = (text(), text()));
        (plan.job, plan.workflow) = (Some(text()), Some(text()));
        plan.image.reference = text();
    }
    report.diff = text();
    report.commits.iter_mut().for_each(|commit| commit.message = text());
    if let Some(push) = &mut report.push {
        (push.mode, push.url) = (text(), Some(text()));
        push.pull_request.iter_mut().for_each(|pr| pr.url = text());
    }
    if let Some(ci) = &mut report.ci {
        ci.run.iter_mut().for_each(|run| (run.workflow, run.url) = (text(), text()));
    }
    report.versions.insert(text(), text());
    report.warnings = vec![text()];
}

/// Holds a document against `schemas/<name>.json`.
pub(super) fn assert_valid(name: &str, document: &Value) {
    let path = format!("{}/schemas/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{path}:\n{}", errors.join("\n"));
}

/// An offer whose every text is `text`.
pub(crate) fn offer(text: &str) -> Offer {
    Offer {
        provider: text.to_owned(),
        model: Some(text.to_owned()),
        bugs: Vec::new(),
        context_level: 1,
        confidence: 0.5,
        fix: text.to_owned(),
        command: None,
        reverts: None,
        usage: crate::contract::fix::Usage::default(),
    }
}
