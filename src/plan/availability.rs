//! Which contexts and functions an expression may name, by the key it stands under: GitHub's table of context
//! availability. A file that names another is refused by GitHub before any job starts.

/// What may be named at one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Available {
    pub(super) contexts: &'static [&'static str],
    /// `success()`, `failure()`, `cancelled()`, `always()`.
    pub(super) status: bool,
    /// `hashFiles()`: there are files.
    pub(super) files: bool,
}

const fn only(contexts: &'static [&'static str]) -> Available {
    Available { contexts, status: false, files: false }
}

const OF_WORKFLOW: Available = only(&["github", "inputs", "vars"]);
const WORKFLOW_ENV: Available = only(&["github", "secrets", "inputs", "vars"]);
const JOB_IF: Available = Available { status: true, ..only(&["github", "needs", "vars", "inputs"]) };
const STRATEGY: Available = only(&["github", "needs", "vars", "inputs"]);
const OF_JOB: Available = only(&["github", "needs", "strategy", "matrix", "vars", "inputs"]);
const WITH_ENV: Available = only(&["github", "needs", "strategy", "matrix", "env", "vars", "inputs"]);
const WITH_SECRETS: Available = only(&["github", "needs", "strategy", "matrix", "vars", "secrets", "inputs"]);
const OF_CONTAINER: Available =
    only(&["github", "needs", "strategy", "matrix", "job", "runner", "env", "vars", "secrets", "inputs"]);
const STEP_IF: Available = Available {
    status: true,
    files: true,
    ..only(&["github", "needs", "strategy", "matrix", "job", "runner", "env", "vars", "steps", "inputs"])
};
const OF_STEP: Available = Available {
    files: true,
    ..only(&[
        "github", "needs", "strategy", "matrix", "job", "runner", "env", "vars", "secrets", "steps", "inputs",
    ])
};

/// For the keys from the top of a workflow (items of lists count for nothing); `None` where anything may be named.
pub(super) fn of(path: &[&str]) -> Option<Available> {
    Some(match path {
        ["run-name"] | ["concurrency", ..] => OF_WORKFLOW,
        ["env", ..] => WORKFLOW_ENV,
        ["jobs", _, "if"] => JOB_IF,
        ["jobs", _, "strategy", ..] => STRATEGY,
        ["jobs", _, "env" | "secrets", ..] => WITH_SECRETS,
        ["jobs", _, "defaults", ..] => WITH_ENV,
        ["jobs", _, "container" | "services", ..] => OF_CONTAINER,
        [
            "jobs",
            _,
            "name" | "runs-on" | "concurrency" | "continue-on-error" | "timeout-minutes" | "with",
            ..,
        ] => OF_JOB,
        ["jobs", _, "steps", "if"] | ["jobs", _, "steps", "parallel", "if"] => STEP_IF,
        ["jobs", _, "steps", ..] => OF_STEP,
        _ => return None,
    })
}
