//! Whether the tests that ran before a fix ran after it: what a neutral edit of a test file rests on.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::tests_ran::ASKED_AGAIN;
use crate::contract::bug::TestRun;

/// What is known of the tests of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TestsRan {
    /// The plan runs none: a job that lints, formats or compiles.
    None,
    /// All that ran before ran again, by their names.
    Same,
    /// Some are missing, or the log does not tell.
    Unknown,
}

impl TestsRan {
    /// `scripts` are those of the plan's steps, `before` and `after` what their logs tell.
    pub(super) fn of<'s>(
        scripts: impl IntoIterator<Item = &'s str>,
        before: &[TestRun],
        after: &[TestRun],
    ) -> Self {
        if before.is_empty() && after.is_empty() && !scripts.into_iter().any(may_run_tests) {
            return Self::None;
        }
        match (names(before), names(after)) {
            (Some(had), Some(has)) if !had.is_empty() => {
                let all = had.iter().all(|(id, count)| has.get(id).is_some_and(|now| now >= count));
                if all { Self::Same } else { Self::Unknown }
            }
            _ => Self::Unknown,
        }
    }

    /// Whether neutral edits of test files need no proof without them.
    pub(super) fn lets_neutral_edits_stand(self) -> bool {
        self != Self::Unknown
    }
}

/// How often each test ran; `None` where a runner does not name them, nor does its probe.
fn names(runs: &[TestRun]) -> Option<BTreeMap<(&str, &str), usize>> {
    let mut found = BTreeMap::new();
    for run in runs {
        if run.ids.is_none() && is_asked_again(runs, &run.runner) {
            continue;
        }
        for id in run.ids.as_ref()? {
            *found.entry((run.runner.as_str(), id.as_str())).or_default() += 1;
        }
    }
    Some(found)
}

/// A probe names what this runner ran.
fn is_asked_again(runs: &[TestRun], runner: &str) -> bool {
    let answer = |run: &TestRun| run.runner.strip_suffix(ASKED_AGAIN) == Some(runner) && run.ids.is_some();
    runs.iter().any(answer)
}

/// Whether a script may run tests: it names a runner, or something of the project's own whose name does not say that
/// it checks or builds only.
fn may_run_tests(script: &str) -> bool {
    static RUNS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?xi)
            test | \bspecs?\b | \btox\b | \bnox\b | \bjest\b | \bmocha\b | \bava\b | \bkarma\b | \bcypress\b
            | \bplaywright\b | \bunittest\b | \bdoctest\b | \bcoverage\b | \bnose2?\b | \bhatch\b | \bctest\b
            | \b(mvn|mvnw|gradle|gradlew|ant|bazel|sbt)\b
            | \b(npm|pnpm|yarn|bun|just|task|invoke|rake|nx|turbo|lerna|make)\b
            | \.(sh|bash|bat|ps1)\b | \bcargo\s+(bench|make|xtask)\b | \bpython3?\s+\S*\w+\.py | \bnode\s+\S+ | \bgo\s+run\b
            ",
        )
        .ok()
    });
    static ONLY_CHECKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?xi)
            ^\s*(npm|pnpm|yarn|bun|just|task|invoke|make)\s+(run\s+)?(-\S+\s+)*
              (ci|i|install|add|exec|(lint|format|fmt|prettier|eslint|style|typecheck|type-check|types|tsc)[\w:.-]*)(\s[^&|;]*)?$
            | ^\s*\S*/?(lint|format|fmt)[\w-]*\.(sh|bash)(\s[^&|;]*)?$
            | ^\s*(\./)?(mvnw?|gradlew?)\s+(-\S+\s+)*(compile|spotless:check|spotlessCheck|checkstyle:check|fmt:check)\s*$
            | ^\s*\# | ^\s*$
            ",
        )
        .ok()
    });
    let (Some(runs), Some(only_checks)) = (RUNS.as_ref(), ONLY_CHECKS.as_ref()) else { return true };
    let joined = script.replace("\\\n", " ");
    joined.lines().any(|line| !only_checks.is_match(line) && runs.is_match(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(ids: Option<&[&str]>) -> Vec<TestRun> {
        let executed = ids.map_or(3, |ids| ids.len() as u64);
        let ids = ids.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
        vec![TestRun { runner: "pytest".to_owned(), executed: Some(executed), ids, ..TestRun::default() }]
    }

    #[test]
    fn tests_are_the_same_by_name() {
        fn of(before: &[TestRun], after: &[TestRun]) -> TestsRan {
            TestsRan::of(["pytest"], before, after)
        }
        assert_eq!(of(&ran(Some(&["a", "b"])), &ran(Some(&["b", "a"]))), TestsRan::Same);
        assert_eq!(of(&ran(Some(&["a"])), &ran(Some(&["b", "a"]))), TestsRan::Same);
        assert_eq!(of(&ran(Some(&["a", "b"])), &ran(Some(&["a"]))), TestsRan::Unknown);
        assert_eq!(of(&ran(Some(&["a", "a"])), &ran(Some(&["a"]))), TestsRan::Unknown);
        assert_eq!(of(&ran(None), &ran(None)), TestsRan::Unknown);
        assert_eq!(of(&[], &ran(Some(&["a"]))), TestsRan::Unknown, "they were not reached before");
        assert_eq!(of(&[], &[]), TestsRan::Unknown, "the plan runs them, and the log does not say so");
    }

    #[test]
    fn a_probe_names_what_a_quiet_runner_does_not() {
        let asked = |ids: &[&str]| {
            let mut runs = ran(None);
            runs.push(TestRun { runner: format!("pytest{ASKED_AGAIN}"), ..ran(Some(ids)).remove(0) });
            runs
        };
        let of = |before: &[TestRun], after: &[TestRun]| TestsRan::of(["pytest"], before, after);
        assert_eq!(of(&asked(&["a"]), &asked(&["a", "b"])), TestsRan::Same);
        assert_eq!(of(&asked(&["a", "b"]), &asked(&["a"])), TestsRan::Unknown);
        assert_eq!(of(&asked(&["a"]), &ran(None)), TestsRan::Unknown);
        assert_eq!(of(&ran(None), &asked(&["a"])), TestsRan::Unknown);
    }

    #[test]
    fn a_lint_job_runs_none() {
        for script in [
            "ruff check .",
            "pip install -q ruff==0.16.1\nruff format --check --diff .",
            "npx eslint src",
            "npm ci\nnpm run lint:all",
            "make lint",
            "cargo fmt --check && cargo clippy -- -D warnings",
            "gofmt -l .",
            "golangci-lint run",
            "./scripts/lint.sh --all",
            "tsc --noEmit",
        ] {
            assert_eq!(TestsRan::of([script], &[], &[]), TestsRan::None, "{script}");
        }
        for script in [
            "pytest -q",
            "make",
            "npm run build",
            "npm run lint && npm t",
            "./ci.sh",
            "go test ./...",
            "cargo nextest run",
            "mvn -B verify",
            "tox -e py",
            "python run_all.py",
        ] {
            assert_eq!(TestsRan::of([script], &[], &[]), TestsRan::Unknown, "{script}");
        }
    }
}
