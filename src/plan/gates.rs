//! Gate jobs: those that only look at the results of other jobs, as a check that a branch protection can ask for.
//!
//! There is nothing in them to reproduce: what they say follows from the jobs they need. So they are no plans of their
//! own, and CI judges them.

mod shell;

use super::actions::{self, Rule};
use super::expr;
use super::workflow::{Job, Step, StepAction, plain_text};
use super::yaml::{Kind, Node};

/// Commands that only look at what they are given, and speak.
const LOOKING: &[&str] = &[
    ":",
    "[",
    "[[",
    "awk",
    "break",
    "cat",
    "continue",
    "cut",
    "date",
    "declare",
    "echo",
    "egrep",
    "exit",
    "export",
    "false",
    "fgrep",
    "for",
    "grep",
    "head",
    "jq",
    "local",
    "mapfile",
    "printf",
    "read",
    "readarray",
    "readonly",
    "return",
    "sed",
    "set",
    "shift",
    "shopt",
    "sleep",
    "sort",
    "tail",
    "tee",
    "test",
    "tr",
    "true",
    "uniq",
    "unset",
    "wc",
];
/// Commands that can do anything, and without a checkout have only the results to work on.
const TELLING: &[&str] = &["curl", "gh", "node", "perl", "pwsh", "python", "python3", "ruby"];
/// Actions that judge the results they are given.
const JUDGES: &[&str] = &["re-actors/alls-green", "lwhiteley/dependent-jobs-result-check"];

/// Stands for an expression about results, where a command's name would be: `run: ${{ !contains(needs.*.result, 'failure') }}`.
const RESULT: &str = "\u{1}";
/// Stands for any other expression.
const OTHER: &str = "\u{0}";

/// Whether all that the job does is to look at the results of other jobs. Only a job that needs some is asked about: it
/// itself, or the one that calls its workflow, which may give the results to it.
pub(super) fn is_gate(job: &Job, is_given_results: bool) -> bool {
    if job.uses.is_some() || job.services.is_some() || job.steps.is_empty() {
        return false;
    }
    let of_job = job.env.as_ref().is_some_and(looks_at_results);
    let condition = job.condition.as_ref().and_then(plain_text).unwrap_or_default();
    let asked = is_given_results
        || ["always", "failure", "cancelled", "needs"].iter().any(|word| condition.contains(word));
    let steps: Vec<Seen> = job.steps.iter().map(|step| look_at(step, of_job)).collect();
    !steps.contains(&Seen::Works)
        && steps.iter().any(|seen| *seen == Seen::Judges || asked && *seen == Seen::Speaks)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// On the repository, or on what we cannot see.
    Works,
    /// Nothing for the job's result.
    Prepares,
    /// It only prints and compares, without looking at a result itself.
    Speaks,
    /// At results.
    Judges,
}

fn look_at(step: &Step, of_job: bool) -> Seen {
    let looks = of_job
        || [&step.env, &step.condition].into_iter().flatten().any(looks_at_results)
        || step.condition.as_ref().and_then(plain_text).is_some_and(|text| names_results(&text));
    match &step.action {
        StepAction::Run { run, shell, .. } => {
            let script = plain_text(run).unwrap_or_default();
            let looks = looks || looks_at_results(run);
            let is_shell = shell.as_ref().and_then(plain_text).is_none_or(|shell| {
                let name = shell.split_whitespace().next().unwrap_or_default();
                matches!(name.rsplit('/').next(), Some("bash" | "sh"))
            });
            let known = if is_shell { only_looks(&script, looks) } else { looks };
            match (known, looks) {
                (false, _) => Seen::Works,
                (true, true) => Seen::Judges,
                (true, false) => Seen::Speaks,
            }
        }
        StepAction::Uses { uses, with } => {
            let action = uses.split('@').next().unwrap_or(uses).to_ascii_lowercase();
            let given = looks || with.iter().any(|(_, node)| looks_at_results(node));
            match actions::rule(&action) {
                _ if JUDGES.contains(&action.as_str()) => Seen::Judges,
                _ if uses.starts_with(['.', '$']) || uses.starts_with("docker:") => Seen::Works,
                Some(Rule::Checkout | Rule::Wrapper { .. } | Rule::Emulate(_) | Rule::Filter(_)) => {
                    Seen::Works
                }
                Some(Rule::Skipped(_) | Rule::Upload | Rule::Toolchain(_)) => Seen::Prepares,
                // An action that is given results has nothing else to work on.
                Some(Rule::Missing(_) | Rule::Download) | None if given => Seen::Judges,
                Some(Rule::Missing(_) | Rule::Download) | None => Seen::Works,
            }
        }
        StepAction::Wait(_) | StepAction::WaitAll | StepAction::Cancel(_) => Seen::Prepares,
        StepAction::Parallel(_) => Seen::Works,
    }
}

/// The script calls nothing that could work on a repository.
fn only_looks(script: &str, looks: bool) -> bool {
    let script = expr::replace(script, |expression| if names_results(expression) { RESULT } else { OTHER });
    let fits = |name: &String| {
        let name = name.as_str();
        LOOKING.contains(&name) || name == RESULT || looks && TELLING.contains(&name)
    };
    script.and_then(|script| shell::commands(&script)).is_some_and(|called| called.iter().all(fits))
}

/// An expression somewhere in it looks at the result of another job.
pub(super) fn looks_at_results(node: &Node) -> bool {
    match &node.kind {
        Kind::String { text, .. } => {
            let mut found = false;
            let replaced = expr::replace(text, |expression| {
                found |= names_results(expression);
                ""
            });
            replaced.is_some() && found
        }
        Kind::List(items) => items.iter().any(looks_at_results),
        Kind::Map(entries) => entries.iter().any(|(_, node)| looks_at_results(node)),
        _ => false,
    }
}

/// `needs.test.result`, `needs.*.result`, or `needs` as a whole; not what a job put out.
fn names_results(expression: &str) -> bool {
    let expression = expr::whole_expression(expression).unwrap_or(expression);
    expr::context_paths(expression).iter().any(|path| {
        let mut parts = path.iter().map(String::as_str);
        parts.next() == Some("needs") && !matches!(parts.nth(1), Some("outputs"))
    })
}

#[cfg(test)]
mod tests;
