//! Is a red run of the unchanged code red for what is not here? A secret that nobody has passed on, an action that is not
//! known, or one that the sandbox cannot give what it wants. Decided by evidence alone, and only where all of the failure speaks for it: what the code itself explains
//! is healed, whatever else is missing.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::evidence::Evidence;
use super::progress::RunStatus;
use crate::contract::bug::{BugReport, Category, Severity};
use crate::contract::build::{BuildPlan, PlanStep, SkippedStep, StepOutcome, StepResult};
use crate::contract::git::{RepoPath, SourceTree};
use crate::contract::outcome::{MISSING_SECRET, Outcome};
use crate::plan;

/// Of the failing step's output, what is searched where no report says anything: its end.
const TAIL: usize = 64 << 10;

/// How the run ends without a fix being looked for, where that is so.
pub(super) fn judge(
    plan: &BuildPlan,
    seen: &Evidence,
    ran: &[StepResult],
    failing_output: &[u8],
    tree: &dyn SourceTree,
) -> Option<Outcome> {
    let failing = seen.observation.failing_step.filter(|_| seen.observation.end == RunStatus::Red)?;
    let errors: Vec<&BugReport> =
        seen.diagnosis.bugs.iter().filter(|bug| bug.severity == Severity::Error).collect();
    missing_secrets(plan, failing, &errors, failing_output, tree)
        .or_else(|| real_action(plan, failing, ran, &errors, failing_output, tree))
        .or_else(|| unknown_action(plan, failing, &errors, tree))
}

/// How a run ends before it has begun: none of the plan's steps can be run here.
pub(super) fn of_all_steps(plan: &BuildPlan) -> Option<Outcome> {
    let lacks: Option<Vec<&str>> = plan.steps.iter().map(|step| step.lacks.as_deref()).collect();
    let lacks = lacks?.first().copied()?;
    let (lacks, remedy) = lacks.split_once("; ").map_or((lacks, None), |(what, help)| (what, Some(help)));
    let job = plan.job.as_deref().unwrap_or_default();
    let why = format!("the job `{job}` has no step that can be run here: {lacks}");
    Some(Outcome::Refused { why, remedy: remedy.map(str::to_owned) })
}

/// Every error names a variable or secret that is missing, or tells nothing of the code beside one that does.
fn missing_secrets(
    plan: &BuildPlan,
    failing: usize,
    errors: &[&BugReport],
    output: &[u8],
    tree: &dyn SourceTree,
) -> Option<Outcome> {
    let used = plan.steps.iter().take(failing + 1).flat_map(|step| &step.missing_secrets);
    let used: Vec<(&String, &BTreeSet<String>)> = used.collect();
    if used.is_empty() {
        return None;
    }
    let named_in = |text: &str| -> BTreeSet<&str> {
        let is_named = |(secret, variables): &&(&String, &BTreeSet<String>)| {
            std::iter::once(*secret).chain(variables.iter()).any(|name| is_said_to_miss(text, name))
        };
        used.iter().filter(is_named).map(|(secret, _)| secret.as_str()).collect()
    };
    let mut names = BTreeSet::new();
    let step = &plan.steps[failing];
    if errors.iter().all(|error| !lies_in(error, tree)) {
        // No report lies in the code, so whatever the step said counts.
        let tail = String::from_utf8_lossy(&output[output.len().saturating_sub(TAIL)..]);
        tail.lines().for_each(|line| names.extend(named_in(line)));
    }
    for error in errors {
        let named: BTreeSet<&str> = error.message.lines().flat_map(named_in).collect();
        if named.is_empty() && lies_in(error, tree) {
            return None;
        }
        names.extend(named);
    }
    if names.is_empty() && !errors.is_empty() {
        // No word of it, and none of the code either: a script that uses a secret fails without it.
        names.extend(
            step.missing_secrets.iter().filter(|(_, held_by)| uses(step, held_by)).map(|(n, _)| n.as_str()),
        );
    }
    if names.is_empty() {
        return None;
    }
    let step = &step.name;
    let secrets = names.into_iter().map(|name| format!("secrets.{name}")).collect::<Vec<_>>().join(", ");
    Some(Outcome::Environment { why: format!("{MISSING_SECRET}{secrets}, which `{step}` fails for") })
}

/// The script itself uses the secret, and none of its commands could mend what it finds.
fn uses(step: &PlanStep, variables: &BTreeSet<String>) -> bool {
    let is_used =
        |name: &String| step.run.contains(&format!("${name}")) || step.run.contains(&format!("${{{name}"));
    (variables.is_empty() || variables.iter().any(is_used)) && !step.run.lines().any(plan::is_known_command)
}

/// The line says that what has this name is not there.
fn is_said_to_miss(line: &str, name: &str) -> bool {
    static MISSING: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?ix)
            KeyError | NoSuchElement | \bmiss(ing|es)\b | \brequire[ds]?\b | \bneeds?\b | \bunset\b | \bunbound\b
            | \b(not|isn't|never|must\s+be)\s+(be\s+|been\s+)?
              (set|defined|found|provided|given|configured|present|specified|passed|supplied|exist)
            | \b(is|was|be)\s+(null|none|nil|undefined|empty|blank|invalid)\b
            | \bno\b.*\b(found|set|given|provided|configured|specified)\b | \bno\s+value\b
            | \b(invalid|unauthori[sz]ed|unauthenticated|denied|forbidden|40[13])\b | \b(provide|specify|set|export)\s",
        )
        .ok()
    });
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_named = line.match_indices(name).any(|(at, _)| {
        !is_word(line[..at].chars().next_back()) && !is_word(line[at + name.len()..].chars().next())
    });
    // Short names are words of any text.
    name.len() > 2 && is_named && MISSING.as_ref().is_some_and(|missing| missing.is_match(line))
}

fn lies_in(error: &BugReport, tree: &dyn SourceTree) -> bool {
    let file = error.file.as_deref().and_then(|file| RepoPath::new(file).ok());
    file.is_some_and(|file| tree.files().iter().any(|there| there.path == file))
}

/// An action itself failed, or one before it that passed in CI, and nothing in what failed that the code's own text explains.
fn real_action(
    plan: &BuildPlan,
    failing: usize,
    ran: &[StepResult],
    errors: &[&BugReport],
    output: &[u8],
    tree: &dyn SourceTree,
) -> Option<Outcome> {
    const SERVICES: [&str; 4] =
        ["ACTIONS_RUNTIME_", "ACTIONS_CACHE_", "ACTIONS_RESULTS_URL", "ACTIONS_ID_TOKEN_REQUEST_"];
    const ENGINE: [&str; 2] = ["docker.sock", "Cannot connect to the Docker daemon"];
    if errors.iter().any(|error| is_of_the_code(error, tree)) {
        return None;
    }
    let step = &plan.steps[failing];
    if step.action.is_some() || is_of_another_repository(step) {
        let tail = String::from_utf8_lossy(&output[output.len().saturating_sub(TAIL)..]);
        let why = match SERVICES.iter().find(|name| tail.contains(**name)) {
            Some(name) => {
                format!("it asks for GitHub's own services ({name}…), which the sandbox does not have")
            }
            None if ENGINE.iter().any(|says| tail.contains(says)) => {
                "it asks for a Docker engine, which no action gets".to_owned()
            }
            // What the executor knows of it: no image, no memory, no time.
            None => ran
                .get(failing)
                .and_then(|ran| ran.note.clone())
                .unwrap_or_else(|| "nothing in what it says is explained by the code".to_owned()),
        };
        let action = action_of(step);
        return Some(Outcome::Environment {
            why: format!("the action {action} fails here in `{}`: {why}", step.name),
        });
    }
    let has_failed = |(at, step): &(usize, &PlanStep)| {
        step.passed_in_ci && ran.get(*at).is_some_and(|ran| ran.outcome == StepOutcome::Failure)
    };
    // Without a word no model is asked, and the toolchain may still know what to do.
    let (_, action) =
        plan.steps.iter().enumerate().take(failing).find(has_failed).filter(|_| !errors.is_empty())?;
    Some(Outcome::Environment {
        why: format!(
            "`{}` fails behind the action {}, which passed in CI and fails here: the sandbox lacks something",
            step.name,
            action_of(action)
        ),
    })
}

fn action_of(step: &PlanStep) -> &str {
    step.origin.split_once(' ').map_or(step.origin.as_str(), |(_, action)| action)
}

/// A step inside a composite action.
fn is_of_another_repository(step: &PlanStep) -> bool {
    let inside = step.origin.strip_prefix("composite ");
    inside.is_some_and(|action| !action.starts_with(['.', '$']))
}

/// An action before the failing step that nobody knows, and nothing in what failed that the code's own text explains.
fn unknown_action(
    plan: &BuildPlan,
    failing: usize,
    errors: &[&BugReport],
    tree: &dyn SourceTree,
) -> Option<Outcome> {
    let may_be_needed = |skipped: &&SkippedStep| skipped.needed_from.is_some_and(|from| from <= failing);
    let skipped = plan.skipped.iter().find(may_be_needed)?;
    // Without a word no model is asked, and the toolchain may still know what to do.
    if errors.is_empty() || errors.iter().any(|error| is_of_the_code(error, tree)) {
        return None;
    }
    let step = &plan.steps[failing].name;
    Some(Outcome::Refused {
        why: format!(
            "`{step}` fails behind `{}`, which {}, and nothing shows that it passed in CI or that the failure is the \
             code's own",
            skipped.step, skipped.why
        ),
        remedy: Some(
            "give the commands that fail as `command`, with what the action brings; in a job of GitHub Actions, \
             `actions: read` lets CI's record show that it passed"
                .to_owned(),
        ),
    })
}

/// What the code's own text explains, whatever an action would have brought.
fn is_of_the_code(error: &BugReport, tree: &dyn SourceTree) -> bool {
    static BROUGHT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)no such file|not found|cannot find|ENOENT|FileNotFound|NoSuchFile|refused|connect|resolve|environ|permission|denied|unavailable")
            .ok()
    });
    match error.category {
        Category::Syntax
        | Category::Indentation
        | Category::Format
        | Category::Lint
        | Category::Type
        | Category::Logic => lies_in(error, tree),
        Category::Runtime => {
            lies_in(error, tree) && !BROUGHT.as_ref().is_some_and(|brought| brought.is_match(&error.message))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::action::{ActionPhase, ActionStep};

    struct NoFiles;

    impl SourceTree for NoFiles {
        fn files(&self) -> &[crate::contract::git::TreeFile] {
            &[]
        }

        fn read(&self, _: &RepoPath) -> Option<Vec<u8>> {
            None
        }
    }

    /// What is said where the second step fails behind an action that failed here.
    fn said(steps: Vec<PlanStep>, errors: &[&BugReport], output: &str) -> Option<Outcome> {
        let ran = |step: &PlanStep| StepResult {
            name: step.name.clone(),
            outcome: StepOutcome::Failure,
            conclusion: StepOutcome::Failure,
            exit_code: Some(1),
            duration: std::time::Duration::ZERO,
            log: None,
            note: None,
        };
        let ran: Vec<StepResult> = steps.iter().map(ran).collect();
        let failing = steps.len() - 1;
        let plan = BuildPlan { steps, ..crate::report::sample::plan() };
        real_action(&plan, failing, &ran, errors, output.as_bytes(), &NoFiles)
    }

    #[test]
    fn an_action_that_fails_here_alone_is_the_sandbox_s_fault_by_name() {
        let action = ActionStep { program: "/x.js".to_owned(), phase: ActionPhase::Main, instance: 1 };
        let step = |origin: &str, action: Option<&ActionStep>, passed_in_ci: bool| PlanStep {
            name: format!("Run {origin}"),
            origin: origin.to_owned(),
            action: action.cloned(),
            passed_in_ci,
            ..PlanStep::default()
        };
        let script = step("run", None, false);
        for (origin, action, output, says) in [
            ("uses o/n@v1", Some(&action), "oops", "nothing in what it says is explained by the code"),
            ("uses ./x", Some(&action), "Unable to get ACTIONS_RUNTIME_TOKEN", "(ACTIONS_RUNTIME_…)"),
            ("composite o/n@v1", None, "oops", "nothing in what it says is explained by the code"),
        ] {
            let outcome = said(vec![step(origin, action, false)], &[], output);
            let Some(Outcome::Environment { why }) = outcome else { panic!("{origin}") };
            let name = origin.split_once(' ').unwrap().1;
            assert!(why.starts_with(&format!("the action {name} fails here in `Run {origin}`: ")), "{why}");
            assert!(why.contains(says), "{why}");
        }
        assert_eq!(said(vec![step("composite ./x", None, false)], &[], ""), None);
        assert_eq!(said(vec![script.clone()], &[], ""), None);
        let error = BugReport { category: Category::Runtime, ..crate::report::sample::bug("away.py", 1) };
        let behind = |passed| vec![step("uses o/n@v1", Some(&action), passed), script.clone()];
        let Some(Outcome::Environment { why }) = said(behind(true), &[&error], "") else { panic!("it ends") };
        assert!(why.contains("behind the action o/n@v1, which passed in CI and fails here"), "{why}");
        assert_eq!(said(behind(false), &[&error], ""), None);
    }

    #[test]
    fn a_line_that_misses_a_name_is_told_from_one_that_holds_it() {
        for line in [
            "KeyError: 'API_KEY'",
            "API_KEY: unbound variable",
            "deploy.sh: line 3: API_KEY: parameter null or not set",
            "Error: API_KEY is not set",
            "please provide API_KEY",
            "the environment variable API_KEY is required",
            "Error: no API_KEY found",
        ] {
            assert!(is_said_to_miss(line, "API_KEY"), "{line}");
        }
        for line in [
            "KeyError: 'API_KEY_ID'",
            "using API_KEY",
            "AssertionError: 'API_KEY=***' != 'API_KEY=x'",
            "AssertionError: API_KEY must not be logged",
            "expected API_KEY to be redacted",
            "KeyError: 'name'",
        ] {
            assert!(!is_said_to_miss(line, "API_KEY"), "{line}");
        }
        assert!(!is_said_to_miss("no A is left", "A"));
    }
}
