//! Is a red run of the unchanged code red for what is not here? A secret that nobody has passed on, or an action that is
//! not known. Decided by evidence alone, and only where all of the failure speaks for it: what the code itself explains
//! is healed, whatever else is missing.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::evidence::Evidence;
use super::progress::RunStatus;
use crate::contract::bug::{BugReport, Category, Severity};
use crate::contract::build::{BuildPlan, PlanStep, SkippedStep};
use crate::contract::git::{RepoPath, SourceTree};
use crate::contract::outcome::{MISSING_SECRET, Outcome};
use crate::plan;

/// Of the failing step's output, what is searched where no report says anything: its end.
const TAIL: usize = 64 << 10;

/// How the run ends without a fix being looked for, where that is so.
pub(super) fn judge(
    plan: &BuildPlan,
    seen: &Evidence,
    failing_output: &[u8],
    tree: &dyn SourceTree,
) -> Option<Outcome> {
    let failing = seen.observation.failing_step.filter(|_| seen.observation.end == RunStatus::Red)?;
    let errors: Vec<&BugReport> =
        seen.diagnosis.bugs.iter().filter(|bug| bug.severity == Severity::Error).collect();
    missing_secrets(plan, failing, &errors, failing_output, tree)
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
